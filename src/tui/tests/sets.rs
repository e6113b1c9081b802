//! What is in the sets into which rules look: it is found, and stands on the rule's page.

use super::*;
use crate::host::Namespace;
use crate::host::nft::{Contents, Count, Counted};
use crate::snapshot;
use crate::syntax::pasted;

/// kube-proxy's way of sending a service's packets, and a set of addresses.
const NATIVE: &str = "\
table ip services {
	map service-ips {
		type ipv4_addr . inet_proto . inet_service : verdict
		elements = { 10.96.0.10 . tcp . 53 comment \"the names\" : goto names,
			     10.96.0.10 . udp . 53 : goto names,
			     10.96.0.1 . tcp . 443 : drop }
	}
	set denied {
		type ipv4_addr
		flags interval,timeout
		elements = { 203.0.113.0/24 timeout 1h, 198.51.100.7 }
	}
	chain pre {
		type filter hook prerouting priority dstnat; policy accept;
		ip daddr . meta l4proto . th dport vmap @service-ips
		ip saddr @denied ip daddr 198.51.100.7 drop
		tcp dport { 7001, 7002 } drop
	}
	chain names {
		accept
	}
}
";

const IPTABLES: &str = "\
*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -m set --match-set all dst,dst -j DROP
-A PREROUTING -m set --match-set absent src -j DROP
COMMIT
create pods hash:ip,port family inet timeout 600 comment
add pods 10.244.0.7,tcp:8080 timeout 77 comment \"web of the shop\"
add pods 10.244.0.8,tcp:8080 timeout 0
create more hash:net
add more 172.16.5.0/24
create all list:set size 8
add all pods
add all more
";

fn dump(text: &str) -> Namespace {
    snapshot::bare(pasted::read(text).expect("a dump")).host.namespaces.remove(0)
}

/// A node with rules that look into sets.
fn host() -> Host {
    let mut host = node();
    let (native, iptables) = (dump(NATIVE), dump(IPTABLES));
    let ns = &mut host.namespaces[0];
    ns.ruleset.tables.extend(native.ruleset.tables);
    ns.ruleset.tables.extend(iptables.ruleset.tables);
    (ns.ipsets, ns.observations.ipsets) = (iptables.ipsets, iptables.observations.ipsets);
    host
}

fn explorer(host: Host) -> Explorer {
    let mut explorer = Explorer::new(host, Some(tcp(80, None)), Look::sixteen());
    explorer.press("g");
    explorer
}

fn typed(keys: &str) -> Explorer {
    let mut explorer = explorer(host());
    explorer.press(keys);
    explorer
}

/// What the pane below says.
fn below(explorer: &Explorer) -> String {
    let text = explorer.text();
    let rows = text.lines().skip_while(|row| !row.contains("┌ Rule")).skip(1).map(|row| row.trim_matches(['│', ' ']));
    rows.collect::<Vec<_>>().join(" ")
}

fn hits(explorer: &Explorer) -> usize {
    explorer.state.search.as_ref().and_then(|search| search.found()).expect("a search").hits.len()
}

/// The host whose map of services was counted when it was read.
fn counted() -> (Host, Contents) {
    let mut host = host();
    let tables = &mut host.namespaces[0].ruleset.tables;
    let table = tables.iter_mut().find(|table| &*table.name == "services").expect("a table");
    let set = table.sets.iter_mut().find(|set| &*set.name == "service-ips").expect("a map");
    let contents = Contents { elements: std::mem::take(&mut set.elements), catch_all: None };
    let (count, generation) = (Count::Exactly(12_345), 1);
    let (contents_of, needs) = Default::default();
    set.counted = Some(Box::new(Counted { count, generation, contents: contents_of, needs }));
    (host, contents)
}

#[test]
fn an_element_is_found_with_the_rule_that_looks_into_its_set() {
    for (keys, found) in [
        (
            "/10.96.0.10",
            "found in @service-ips: 10.96.0.10 . tcp . 53 comment \"the names\" : goto names, and in 1 other",
        ),
        ("/10.96.0.1 443", "found in @service-ips: 10.96.0.1 . tcp . 443 : drop"),
        ("/service-ips udp", "found in @service-ips: 10.96.0.10 . udp . 53 : goto names"),
        ("/the<Space>names", "found in @service-ips: 10.96.0.10 . tcp . 53"),
        ("/203.0.113", "found in @denied: 203.0.113.0/24 timeout 1h"),
        ("/10.244.0.7", "found in pods: 10.244.0.7,tcp:8080 timeout 77 comment \"web of the shop\""),
        ("/172.16.5.0", "found in more: 172.16.5.0/24"),
    ] {
        let explorer = typed(keys);
        assert_eq!(hits(&explorer), 1, "{keys}: {}", explorer.text());
        assert_eq!(explorer.state.focus, Pane::Netfilter, "{keys}");
        assert!(below(&explorer).contains(found), "{keys}: {}", explorer.text());
    }
}

#[test]
fn a_rule_whose_text_has_it_is_found_by_that_alone() {
    let explorer = typed("/198.51.100.7");
    assert_eq!(hits(&explorer), 1, "once for its text and its set");
    assert!(!below(&explorer).contains("found in"), "{}", explorer.text());
    let explorer = typed("/7001");
    assert_eq!(hits(&explorer), 1, "what is in a set without a name stands in the rule");
}

#[test]
fn a_whole_word_is_told_before_a_part_of_another() {
    let explorer = typed("/10.96.0.1");
    assert!(below(&explorer).contains("10.96.0.1 . tcp . 443 : drop, and in 2 others"), "{}", explorer.text());
}

#[test]
fn what_is_nearly_so_is_another_element() {
    let explorer = typed("/10.96.10");
    assert_eq!(hits(&explorer), 0, "{}", explorer.text());
}

#[test]
fn sets_that_nobody_has_read_are_counted_beside_what_was_found() {
    let explorer = typed("/10.96.0.10");
    assert!(
        explorer.bottom().contains("1 of 1, 1 set unread"),
        "a rule names one that is not there: {}",
        explorer.bottom()
    );
    let (host, contents) = counted();
    let mut explorer = self::explorer(host);
    explorer.press("/10.96.0.10");
    assert!(explorer.bottom().contains("nowhere, 2 sets unread"), "{}", explorer.bottom());
    let tables = &explorer.host.namespaces[0].ruleset.tables;
    let set = tables.iter().find_map(|table| table.set("service-ips")).and_then(|set| set.counted.as_ref());
    assert!(set.expect("it was counted").contents.set(contents).is_ok());
    explorer.press("<BS>0");
    assert!(below(&explorer).contains("found in @service-ips: 10.96.0.10"), "{}", explorer.text());
    assert!(explorer.bottom().contains("1 of 1, 1 set unread"), "{}", explorer.bottom());
}

#[test]
fn the_element_that_was_found_is_marked_below_the_tree() {
    let explorer = typed("/10.96.0.10");
    let why = super::super::view::panes(&explorer.state).expect("room").why.inner();
    let buffer = explorer.screen();
    let cells = (why.top()..why.bottom()).flat_map(|y| (why.left()..why.right()).map(move |x| (x, y)));
    let marked: String =
        cells.filter(|at| buffer[*at].modifier.contains(Modifier::UNDERLINED)).map(|at| buffer[at].symbol()).collect();
    assert_eq!(marked, "10.96.0.10");
}

#[test]
fn nobody_waits_for_a_search_that_is_given_up_within_a_set() {
    let mut explorer = explorer(host());
    let mut asked = Vec::new();
    for key in key::sequence("/9").expect("keys") {
        asked = update(&mut explorer.state, Event::Key(key.event()));
    }
    let [Effect::Search(_, _, sought)] = &asked[..] else { panic!("{asked:?}") };
    let asks = std::cell::Cell::new(0);
    let stale = || asks.replace(asks.get() + 1) > 0;
    assert_eq!(super::super::seek(&explorer.host, sought, stale), None, "it is asked again in each set");
}

#[test]
fn the_page_of_a_rule_tells_what_is_in_its_sets() {
    let mut explorer = typed("/10.96.0.10<Enter><Enter>");
    explorer.take(Event::Resized(100, 40));
    let rows: Vec<String> = explorer.text().lines().map(str::to_owned).collect();
    let told = [
        "map       @service-ips · 3 elements · ipv4_addr . inet_proto . inet_service : verdict",
        "found     10.96.0.10 . tcp . 53 comment \"the names\" : goto names",
        "10.96.0.1 . tcp . 443 : drop",
        "10.96.0.10 . udp . 53 : goto names",
        "counted",
    ];
    assert!(in_order(&rows, &told), "{}", explorer.text());
    let mut explorer = typed("/--match-set all<Enter><Enter>");
    explorer.take(Event::Resized(100, 40));
    let rows: Vec<String> = explorer.text().lines().map(str::to_owned).collect();
    let told =
        ["set       all · 2 elements · list:set", "pods (hash:ip,port, 2 elements)", "more (hash:net, 1 element)"];
    assert!(in_order(&rows, &told), "{}", explorer.text());
    let explorer = typed("/--match-set absent<Enter><Enter>");
    assert!(explorer.text().contains("set       absent · not read yet"), "{}", explorer.text());
    let explorer = typed("/7001<Enter><Enter>");
    assert!(!explorer.text().contains("__set"), "it stands in the rule: {}", explorer.text());
}

#[test]
fn of_a_large_set_the_page_tells_the_first_and_how_many_more() {
    let mut host = host();
    let ns = &mut host.namespaces[0];
    let more = ns.ipsets.iter_mut().find(|set| &*set.name == "more").expect("a set");
    let one = more.elements[0].clone();
    more.elements.extend((0..411).map(|_| one.clone()));
    let set = more.name.clone();
    let tables = &mut ns.ruleset.tables;
    let raw = tables.iter_mut().find(|table| &*table.name == "raw").expect("a table");
    if let Body::Iptables(rule) = &mut raw.chains[0].rules[1].body
        && let xt::Match::Set(asked) = &mut rule.matches[0]
    {
        asked.set.name = set;
    }
    let mut explorer = explorer(host);
    explorer.press("/--match-set more<Enter><Enter>");
    let text = explorer.text();
    assert!(text.contains("more · 412 elements · hash:net") && text.contains("· 404 more ·"), "{text}");
    let (host, _) = counted();
    let mut explorer = self::explorer(host);
    explorer.press("/vmap @service-ips<Enter><Enter>");
    assert!(explorer.text().contains("12345 elements, not read yet"), "{}", explorer.text());
}

#[test]
fn comments_of_elements_are_told_without_what_a_terminal_obeys() {
    let evil = "a\u{1b}[2J\u{202e}b\nc\u{0}";
    let mut host = host();
    let ns = &mut host.namespaces[0];
    for set in ns.ruleset.tables.iter_mut().flat_map(|table| &mut table.sets) {
        set.name = format!("{}{evil}", set.name).as_str().into();
        for element in &mut set.elements {
            element.details.get_or_insert_default().comment = Some(evil.into());
        }
    }
    for extras in ns.ipsets.iter_mut().flat_map(|set| &mut set.elements) {
        extras.extras.get_or_insert_default().comment = Some(evil.into());
    }
    for table in &mut ns.ruleset.tables {
        for rule in table.chains.iter_mut().flat_map(|chain| &mut chain.rules) {
            let Body::Nft(rule) = &mut rule.body else { continue };
            for expression in &mut rule.expressions {
                if let crate::host::nft::Expression::Lookup { set, .. } = expression {
                    *set = format!("{set}{evil}").as_str().into();
                }
            }
        }
    }
    let mut explorer = explorer(host);
    for keys in ["/10.96.0.10", "<Enter><Enter>", "<Esc>/10.244.0.7", "<Enter><Enter>"] {
        explorer.press(keys);
        let text = explorer.text();
        assert!(text.contains("a\\x1b[2J\\u{202e}b\\nc"), "{keys}: {text}");
        let obeyed = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!text.contains(obeyed), "{keys}: {text:?}");
    }
}
