//! Rulesets that leave so much open that nobody could follow every way: what is found, and in how many steps.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::nat;
use super::way;
use whyport::explain::chance::chances;
use whyport::explain::{self, AnswerVerdict, Target, words};
use whyport::host::{Host, IpFamily, Protocol};
use whyport::report::Style;
use whyport::report::trace::trace;
use whyport::snapshot;
use whyport::syntax::nft;
use whyport::walk::{Assumed, FateKind, Field, Origin, Outcome, Query, ValueSet, Walk, Why, walk};

fn from_anywhere(rules: &str, port: u128) -> Walk {
    from_outside(&way::host(rules), port)
}

fn from_outside(host: &Host, port: u128) -> Walk {
    let mut query = Query::new(0, Origin::Device("eth0".to_owned()), IpFamily::V4, Protocol::TCP);
    query.set_address(Field::Dst, "192.168.1.2".parse().unwrap());
    query.set(Field::Dport, ValueSet::one(port));
    walk(host, &query)
}

/// Rules that each hold by chance, and each of which changes the packet in its own way.
fn coins(count: usize) -> String {
    let coin = |bit: usize| {
        format!(
            "-A PREROUTING -m statistic --mode random --probability 0.5 -j MARK --set-xmark {0:#x}/{0:#x}\n",
            1u64 << bit
        )
    };
    let rules: String = (0..count).map(coin).collect();
    format!("*mangle\n:PREROUTING ACCEPT [0:0]\n{rules}COMMIT\n")
}

#[test]
fn of_a_billion_ways_some_are_followed_to_their_end_and_the_others_counted() {
    let found = from_anywhere(&coins(30), 22);
    assert!(found.outcomes.len() > 100 && found.outcomes.len() <= Query::LIMIT, "{}", found.outcomes.len());
    assert!(found.unexplored > 100, "{}", found.unexplored);
    let few = from_anywhere(&coins(3), 22);
    assert_eq!((few.outcomes.len(), few.unexplored), (9, 0), "eight ways, and refused sources");
}

#[test]
fn a_port_that_rules_take_is_found_behind_a_billion_ways() {
    let rules =
        format!("{}{}", coins(30), nat("-A PREROUTING -p tcp -m tcp --dport 8443 -j DNAT --to-destination 10.0.0.9"));
    let found = explain::ports(&way::host(&rules), 0);
    let ghosts: Vec<u16> = found.ports.iter().filter(|port| port.is_ghost()).map(|port| port.port).collect();
    assert_eq!(ghosts, [8443]);
}

#[test]
fn a_port_behind_thousands_of_refused_sources_and_ports_is_found() {
    let refused = |at: usize| match at % 4 {
        0 => format!("-A PREROUTING -p tcp -m tcp --dport {} -j DROP\n", 20_000 + at),
        _ => format!("-A PREROUTING -s 100.64.{}.{}/32 -j DROP\n", at / 200, at % 200),
    };
    let list: String = (0..3_000).map(refused).collect();
    let led = "-A PREROUTING -p tcp -m multiport --dports 8443,20000 -j DNAT --to-destination 10.0.0.9";
    let found =
        explain::ports(&way::host(&format!("*mangle\n:PREROUTING ACCEPT [0:0]\n{list}COMMIT\n{}", nat(led))), 0);
    let ghosts: Vec<u16> = found.ports.iter().filter(|port| port.is_ghost()).map(|port| port.port).collect();
    assert_eq!(ghosts, [8443], "20000 is refused from everywhere");
}

#[test]
fn an_open_mark_of_few_bits_is_told_apart_by_each_of_them() {
    let rules = "*mangle\n:PREROUTING ACCEPT [0:0]\n\
                 -A PREROUTING -m mark --mark 0x1/0x1 -j MARK --set-xmark 0x4/0x4\n\
                 -A PREROUTING -m mark --mark 0x0 -j DROP\n\
                 -A PREROUTING -m mark --mark 0x4/0x4 -j ACCEPT\nCOMMIT\n";
    let mut query = Query::new(0, Origin::Device("eth0".to_owned()), IpFamily::V4, Protocol::TCP);
    query.set_address(Field::Src, "192.168.1.77".parse().unwrap());
    query.set_address(Field::Dst, "192.168.1.2".parse().unwrap());
    query.set(Field::Dport, ValueSet::one(22));
    query.set(Field::Mark, ValueSet::range(0, 7));
    let found = walk(&way::host(rules), &query);
    let told: Vec<String> = found
        .outcomes
        .iter()
        .map(|outcome| {
            let when = words::condition(&outcome.when[0][0]);
            assert!(outcome.is_certain(), "{when}");
            format!("{when}: {} {}", outcome.fate.kind.name(), outcome.steps().count())
        })
        .collect();
    let expected = [
        "mark in 0x1, 0x3, 0x5 or 0x7: delivered 2",
        "mark in 0x4 or 0x6: delivered 1",
        "mark is 0x0: dropped 1",
        "mark is 0x2: delivered 1",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_network_mapped_onto_itself_leads_where_its_addresses_lead() {
    let rules = nat("-A OUTPUT -p tcp -j NETMAP --to 10.0.0.0/24");
    let mut query = Query::new(0, Origin::Local, IpFamily::V4, Protocol::TCP);
    let [first, last] = [[10, 0, 0, 2], [10, 0, 0, 254]].map(|address| u128::from(u32::from_be_bytes(address)));
    query.fields.insert(Field::Dst, ValueSet::range(first, last));
    query.set(Field::Dport, ValueSet::one(8080));
    let mut host = way::host(&rules);
    let own = host.namespaces[0].routes.iter_mut().find(|route| route.dst.to_string() == "10.0.0.1/32");
    own.unwrap().dst = "10.0.0.0/31".parse().unwrap();
    let found = walk(&host, &query);
    let fates: Vec<_> =
        found.outcomes.iter().map(|one| (one.fate.kind, one.fate.oif.as_deref(), one.is_certain())).collect();
    assert_eq!(fates, [(FateKind::Sent, Some("br0"), true)], "10.0.0.0 and 10.0.0.1 are this host's, and none of them");
}

/// A host whose own packets take another table once they have a source.
const BY_SOURCE: &str = r#"# whyport snapshot 1
[host]
viewed: node
[namespace node]
[ip -d -j link]
[{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP"],"mtu":65536,"link_type":"loopback"},
{"ifindex":2,"ifname":"eth0","flags":["UP"],"mtu":1500,"link_type":"ether","address":"02:00:00:00:00:02"},
{"ifindex":3,"ifname":"eth1","flags":["UP"],"mtu":1500,"link_type":"ether","address":"02:00:00:00:00:03"}]
[ip -j addr]
[{"ifindex":2,"ifname":"eth0","addr_info":[{"family":"inet6","local":"2001:db8:1::1","prefixlen":64,"scope":"global"}]},
{"ifindex":3,"ifname":"eth1","addr_info":[{"family":"inet6","local":"fd00::1","prefixlen":64,"scope":"global"}]}]
[ip -6 -j route show table all]
[{"dst":"2001:db8:1::/64","dev":"eth0"},{"dst":"fd00::/64","dev":"eth1"},
{"dst":"default","gateway":"2001:db8:1::2","dev":"eth0"},
{"dst":"default","gateway":"fd00::2","dev":"eth1","table":"100"},
{"type":"local","dst":"2001:db8:1::1","dev":"eth0","table":"local"},
{"type":"local","dst":"fd00::1","dev":"eth1","table":"local"}]
[ip -6 -j rule]
[{"priority":0,"src":"all","table":"local"},{"priority":1000,"src":"2000::","srclen":3,"table":"100"},
{"priority":32766,"src":"all","table":"main"}]
[ip -4 -j route show table all]
[]
[ip -j rule]
[{"priority":0,"src":"all","table":"local"}]
[ip -j neigh]
[]
[bridge -j fdb]
[]
[sysctl]
net.ipv4.ip_forward = 0
[ss -H -tulpne]
[iptables-nft-save]
[nft list ruleset]
[iptables-legacy-save]
[ip6tables-legacy-save]
[ipset save]
[ip6tables-nft-save]
*nat
:OUTPUT ACCEPT [0:0]
-A OUTPUT -p udp -j NETMAP --to fd00::/64
COMMIT
[end]
"#;

#[test]
fn what_is_assumed_of_a_source_says_nothing_of_a_mapped_destination() {
    let host = snapshot::parse(BY_SOURCE).host;
    let mut query = Query::new(0, Origin::Local, IpFamily::V6, Protocol::UDP);
    query.set(Field::Dport, ValueSet::one(53));
    let found = walk(&host, &query);
    let goes = |one: &&Outcome| one.assumed.iter().any(|made| matches!(made.what, Assumed::LeavesBy(_)) && made.holds);
    let fates: HashSet<_> = found.outcomes.iter().filter(goes).map(|one| one.fate.kind).collect();
    assert_eq!(
        fates,
        [FateKind::Sent].into(),
        "what is no address of this host's leaves, for all that is known of the source"
    );
}

#[test]
fn an_open_mark_that_a_rule_leaves_as_it_was_routes_nothing_again() {
    // Routed again a packet is nobody's (`ip_route_me_harder`): a rule for its sender counts no more.
    let rules = "*mangle\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p tcp -j MARK --set-xmark 0x0/0x1\nCOMMIT\n";
    let mut host = way::host(rules);
    let marked = host.namespaces[0].policy_rules.iter_mut().find(|rule| rule.fwmark.is_some()).unwrap();
    (marked.fwmark, marked.uids) = (None, Some((1000, 1000)));
    let mut query = Query::new(0, Origin::Local, IpFamily::V4, Protocol::TCP);
    query.set_address(Field::Dst, "203.0.113.7".parse().unwrap());
    query.set(Field::Uid, ValueSet::one(1000));
    query.set(Field::Dport, ValueSet::one(80));
    query.set(Field::Mark, ValueSet::range(0, 1));
    let found = walk(&host, &query);
    let ways: Vec<_> =
        found.outcomes.iter().map(|one| (words::condition(&one.when[0][0]), one.fate.oif.as_deref())).collect();
    assert_eq!(ways, [("mark is 0x0".to_owned(), Some("br0")), ("mark is 0x1".to_owned(), Some("eth0"))]);
}

#[test]
fn a_port_is_found_that_takes_two_unlikely_turns_around_thousands_of_ways() {
    let rare = |asks: &str, sets: u32| {
        format!(
            "-A PREROUTING {asks}-m statistic --mode random --probability 0.01 -j MARK --set-xmark {sets:#x}/{sets:#x}\n"
        )
    };
    let (first, second) = (rare("", 0x1_0000), rare("-m mark --mark 0x10000/0x10000 ", 0x2_0000));
    let ways = coins(12).replace(":PREROUTING ACCEPT [0:0]\n", &format!(":PREROUTING ACCEPT [0:0]\n{first}"));
    let ways = ways.replace("COMMIT", &format!("{second}COMMIT"));
    let taken =
        "-A PREROUTING -p tcp -m mark --mark 0x20000/0x20000 -m tcp --dport 8443 -j DNAT --to-destination 10.0.0.9";
    let found = explain::ports(&way::host(&format!("{ways}{}", nat(taken))), 0);
    let ghosts: Vec<u16> = found.ports.iter().filter(|port| port.is_ghost()).map(|port| port.port).collect();
    assert_eq!(ghosts, [8443]);
}

/// A service of Kubernetes with so many endpoints, each as likely as every other.
fn service(endpoints: usize) -> String {
    let mut rules = String::new();
    for at in 0..endpoints {
        let chance = match endpoints - at {
            1 => String::new(),
            left => format!("-m statistic --mode random --probability {:.11} ", 1.0 / left as f64),
        };
        let to = format!("10.0.{}.{}:8080", 1 + at / 256, at % 256);
        let _ = writeln!(rules, "-A PREROUTING -p tcp -m tcp --dport 30080 {chance}-j DNAT --to-destination {to}");
    }
    nat(&rules)
}

#[test]
fn a_service_of_a_thousand_endpoints_is_one_of_them_by_chance() {
    let host = way::host(&service(1000));
    let target = Target { protocol: Protocol::TCP, addr: None, port: Some(30080), socket: None };
    let answers = explain::answers(&host, 0, &target);
    let outside = answers.iter().find(|answer| words::from(&answer.from) == "outside by eth0").unwrap();
    assert!(outside.walk.unexplored > 0);
    assert_eq!(outside.verdict, AnswerVerdict::Diverted);
    assert_eq!(words::who(&host, 0, &outside.who), "one of 1000 addresses");
    let said = words::because(&host, 0, outside, whyport::syntax::part_text);
    assert!(said.contains(" and 997 more (by chance)."), "{said}");
    let shares = &outside.walk.shares;
    assert!((shares.iter().map(|share| share.weight).sum::<f64>() - 1.0).abs() < 1e-6);
}

#[test]
fn outcomes_that_differ_by_chance_only_are_told_in_a_screenful() {
    let host = way::host(&service(1000));
    let target = Target { protocol: Protocol::TCP, addr: None, port: Some(30080), socket: None };
    let answers = explain::answers(&host, 0, &target);
    let outside = &answers[0];
    let text = trace(&host, 0, &answers[..1], Style { colour: false, width: 80 });
    assert!(text.lines().count() < 30, "{text}");
    let one = "outcome 1 of 256, and 255 more that differ by chance only\n\
               by chance one of 1000 addresses, each as likely: 10.0.1.0:8080, 10.0.1.1:8080,\n   \
               10.0.1.2:8080, 10.0.1.3:8080, 10.0.1.4:8080, 10.0.1.5:8080 and 994 more\n";
    assert!(text.contains(one), "{text}");
    assert!(text.contains(&format!("and {} ways that were not followed", outside.walk.unexplored)), "{text}");
}

#[test]
fn outcomes_that_are_not_alike_in_what_chance_left_stand_apart() {
    let rules = "-A PREROUTING -p tcp -m tcp --dport 80 -m statistic --mode random --probability 0.75 \
                 -j DNAT --to-destination 10.0.0.7:80\n\
                 -A PREROUTING -s 198.51.100.0/24 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.8:80\n\
                 -A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.9:80";
    let dropped = "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -d 10.0.0.8/32 -j DROP\nCOMMIT\n";
    let host = way::host(&format!("{}{dropped}", nat(rules)));
    let target = Target { protocol: Protocol::TCP, addr: None, port: Some(80), socket: None };
    let answers = explain::answers(&host, 0, &target);
    let told: Vec<String> = chances(&host, &answers[0])
        .iter()
        .map(|chance| {
            let ends = chance.ends.iter().map(|(to, share)| format!("{} {share:.2}", to.dst.unwrap()));
            format!("{:?} {}", chance.outcomes, ends.collect::<Vec<_>>().join(" "))
        })
        .collect();
    assert_eq!(
        told,
        ["[0] ", "[1] ", "[2] ", "[3] "],
        "all sources; others; those that are dropped; those that are refused"
    );
}

#[test]
fn a_service_one_of_whose_endpoints_is_dropped_depends() {
    let dropped = "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -d 10.0.4.200/32 -j DROP\nCOMMIT\n";
    let host = way::host(&format!("{}{dropped}", service(1000)));
    let target = Target { protocol: Protocol::TCP, addr: None, port: Some(30080), socket: None };
    let answers = explain::answers(&host, 0, &target);
    let outside = answers.iter().find(|answer| words::from(&answer.from) == "outside by eth0").unwrap();
    assert!(outside.walk.outcomes.iter().all(|outcome| outcome.fate.kind != FateKind::Dropped), "it is not among them");
    assert_eq!(outside.verdict, AnswerVerdict::Depends);
}

#[test]
fn thousands_of_sources_are_told_apart_and_all_others_by_what_they_are_not() {
    let mut rules = String::new();
    for at in 0..5000 {
        let (high, low) = (at >> 8, at & 255);
        let _ = writeln!(
            rules,
            "-A PREROUTING -s 20.{high}.{low}.7/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.{high}.{low}.9"
        );
    }
    let found = from_anywhere(&nat(&rules), 80);
    let ways = found.outcomes.len() + found.unexplored;
    assert!((5002..5010).contains(&ways), "{ways}: one for each source, all others, and those that are refused");
    let likeliest = &found.outcomes[0];
    assert!(likeliest.weight > 0.8, "{}", likeliest.weight);
    assert_eq!(likeliest.when.len(), 1);
}

/// What it asks is known; what it looks at is not.
#[test]
fn what_looks_at_something_unseen_depends_on_state() {
    for asked in [
        "-p tcp -m tcpmss --mss 1:500",
        "-m realm --realm 0x1",
        "-m bpf --bytecode \"1,6 0 0 65535\"",
        "-m u32 --u32 \"0x0&0x1=0x1\"",
        "-m cpu --cpu 1",
    ] {
        let rules = format!("*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING {asked} -j DROP\nCOMMIT\n");
        assert_eq!(why(&from_anywhere(&rules, 22)), [Why::State], "{asked}");
    }
}

#[test]
fn what_single_bits_of_an_open_address_and_the_hour_say_depends_on_state() {
    for asked in
        ["ip saddr & 0.0.0.255 == 0.0.0.7", "meta hour >= 09:00", "meta day 1", "meta time < \"2030-01-01 00:00:00\""]
    {
        let rules = format!("table ip t {{ chain c {{ type filter hook input priority 0; {asked} drop; }}; }}");
        let mut host = way::host("");
        let dump = nft::parse(&rules, &[]);
        assert!(dump.diagnostics.is_empty(), "{:?}", dump.diagnostics);
        host.namespaces[0].ruleset = dump.ruleset;
        host.namespaces[0].ruleset.rank_by_listing();
        assert_eq!(why(&from_outside(&host, 22)), [Why::State], "{asked}");
    }
}

fn why(found: &Walk) -> Vec<Why> {
    let mut why: Vec<Why> = found.outcomes.iter().flat_map(|one| &one.assumed).map(|one| one.why).collect();
    why.dedup();
    why
}
