//! What is read of nf_tables against what iptables-nft-save says of it, each in a network namespace of its own.

mod built;

use std::net::Ipv4Addr;

use netlink_sys::protocols::NETLINK_NETFILTER;

use super::*;
use crate::host::{Backend, Body, Handle, IpFamily, Table};
use crate::kernel::netlink::{NLM_F_DUMP_INTR, frame, push_attribute};
use crate::kernel::tests::{apart, assert_same_lines, k8s, real_hosts, run};
use crate::syntax::iptables::{self, Options};

/// The tables of this namespace, and nobody looks on.
fn read() -> Result<Rules, Failure> {
    super::read(&Answers::default(), &SetNames::none(), Elements::All)
}

fn tool(family: IpFamily, name: &str) -> String {
    format!("{}-nft-{name}", if family == IpFamily::V4 { "iptables" } else { "ip6tables" })
}

/// Loads a dump, and compares what the kernel has with what the tool prints; `misprinted` are rules that the tool does not
/// print as they are.
pub(in crate::kernel) fn judge(family: IpFamily, text: &str, misprinted: &[(&str, &str)]) {
    run(&[&tool(family, "restore"), "-c"], text);
    let read = read().expect("nf_tables");
    assert!(!read.torn);
    let mut written = run(&[&tool(family, "save"), "-c"], "");
    for (wrong, right) in misprinted {
        assert!(written.contains(wrong), "{wrong} is no longer printed:\n{written}");
        written = written.replace(wrong, right);
    }
    let printed = iptables::save(&read.ruleset, Some(&read.observations), family, Backend::IptablesNft);
    assert_same_lines(&printed, &written);
    let dump = iptables::parse(&written, &Options { family: Some(family), backend: Backend::IptablesNft });
    for parsed in &dump.ruleset.tables {
        let is_it = |table: &&Table| table.name == parsed.name;
        let read = read.ruleset.tables.iter().find(is_it).expect("a table of this name");
        for (read, parsed) in read.chains.iter().zip(&parsed.chains) {
            let bodies = |chain: &Chain| chain.rules.iter().map(|rule| rule.body.clone()).collect::<Vec<_>>();
            assert_eq!((&read.name, bodies(read)), (&parsed.name, bodies(parsed)));
        }
    }
}

/// Dumps of real hosts, without the rules that ask for sets, which are not there.
#[test]
fn dumps_of_real_hosts() {
    for rules in real_hosts(Backend::IptablesNft) {
        apart(move || judge(IpFamily::V4, &rules, &[]));
    }
}

/// A table in which one rule is nobody's but nft's is a native one, whole; one that only looks like a table of iptables' is
/// another.
#[test]
fn tables_are_iptables_if_all_of_them_is() {
    apart(|| {
        let backend = |table: &str| {
            let read = read().expect("nf_tables");
            let found = read.ruleset.tables.into_iter().find(|known| &*known.name == table).expect("the table");
            (found.backend, found.chains.iter().map(|chain| chain.name.to_string()).collect::<Vec<_>>())
        };
        run(
            &["iptables-nft-restore"],
            "*nat\n:PREROUTING ACCEPT\n:U -\n-A PREROUTING -p tcp --dport 80 -j U\nCOMMIT\n",
        );
        let chains = ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING", "U"].map(str::to_owned).to_vec();
        assert_eq!(backend("nat"), (Backend::IptablesNft, chains));
        run(&["nft", "-f", "-"], "add rule ip nat PREROUTING tcp dport { 81, 82 } accept\n");
        assert_eq!(backend("nat"), (Backend::Nft, vec!["PREROUTING".to_owned(), "U".to_owned()]));
        run(&["nft", "-f", "-"], "table ip filter { chain input { type filter hook input priority 0; }; }\n");
        assert_eq!(backend("filter").0, Backend::Nft);
        run(&["nft", "-f", "-"], "table ip raw { chain OUTPUT { type filter hook output priority -299; }; }\n");
        assert_eq!(backend("raw").0, Backend::Nft);
    });
}

/// What nft adds to a table of iptables' is iptables' too, where iptables reads it.
#[test]
fn rules_of_nft_that_iptables_reads() {
    const FOUR: &str = "
        icmp type echo-request accept
        icmp type destination-unreachable icmp code 4 drop
        ip ttl 64
        ip ttl != 1 ip saddr 10.0.0.0/8
        ip ttl < 5 return
        ip ttl <= 254
        ip ttl > 5
        ip ttl >= 1 counter
        meta pkttype broadcast drop
        meta pkttype != host
        tcp dport 80-90 accept
        tcp sport 1024-65535 tcp dport != 22-23
        udp dport <= 1023 udp sport >= 1024
        udp dport < 1023
        tcp dport > 1023 tcp flags & (syn | ack) == syn
        log group 5 prefix \"x y\"
        ";
    const SIX: &str = "
        icmpv6 type echo-request accept
        ip6 hoplimit 64
        ip6 hoplimit <= 254
        meta pkttype multicast drop
        meta l4proto tcp tcp dport 80-90 accept
        ";
    for (family, rules) in [(IpFamily::V4, FOUR), (IpFamily::V6, SIX)] {
        apart(move || {
            let table = if family == IpFamily::V4 { "ip" } else { "ip6" };
            run(&[&tool(family, "restore")], "*filter\n:INPUT ACCEPT\nCOMMIT\n");
            for rule in rules.lines().map(str::trim).filter(|rule| !rule.is_empty()) {
                run(&["nft", "-f", "-"], &format!("add rule {table} filter INPUT {rule}\n"));
            }
            let written = run(&[&tool(family, "save")], "");
            let printed = || iptables::save(&read().expect("nf_tables").ruleset, None, family, Backend::IptablesNft);
            assert_same_lines(&printed(), &written);
            assert!(written.lines().count() > 5, "{written}");
            // What later versions read besides.
            run(&["nft", "-f", "-"], &format!("add rule {table} filter INPUT counter meta mark set 0x5\n"));
            let printed = printed();
            assert!(printed.contains("-A INPUT -j MARK --set-xmark 0x5/0xffffffff\n"), "{printed}");
        });
    }
}

/// Both ports in one comparison that is turned around mean "not both", which iptables cannot say.
#[test]
fn a_rule_that_iptables_misprints_is_told_as_it_is() {
    apart(|| {
        run(
            &["iptables-nft-restore"],
            "*raw\n:OUTPUT ACCEPT\n-A OUTPUT -p tcp ! --sport 7 ! --dport 80 -j DROP\nCOMMIT\n",
        );
        let read = read().expect("nf_tables");
        assert_eq!(read.ruleset.tables[0].backend, Backend::Nft);
        assert!(matches!(read.ruleset.tables[0].chains[0].rules[0].body, Body::Nft(_)));
    });
}

/// What is read is what was there at one time, or it says that it is not.
#[test]
fn rules_that_change_meanwhile() {
    apart(|| {
        let texts = [k8s::dump(200), k8s::dump(1000)];
        run(&["iptables-nft-restore"], &texts[0]);
        let changes = std::thread::spawn(move || {
            for turn in 0..30 {
                run(&["iptables-nft-restore"], &texts[turn % 2]);
            }
        });
        let mut whole = 0;
        while !changes.is_finished() {
            let read = read().expect("nf_tables");
            if !read.torn {
                whole += 1;
                let rules = read.ruleset.rule_count();
                assert!([200, 1000].contains(&rules), "{rules}");
            }
        }
        changes.join().expect("changes");
        assert!(whole > 0, "never was anything read whole");
    });
}

/// A table and the ruleset's generation as the kernel tells them, the table with these flags and this generation of its own.
fn told(flags: u16, generation: u16) -> Answers {
    let mut messages = Vec::new();
    let message = |messages: &mut Vec<u8>, kind: u16, flags: u16, generation: u16, attribute: (u16, &[u8])| {
        let mut body = [&[2, 0], &generation.to_be_bytes()[..]].concat();
        push_attribute(&mut body, attribute.0, attribute.1);
        frame(messages, kind, flags, 0, &body);
    };
    message(&mut messages, SUBSYSTEM | 15, 0, 7, (1, &7u32.to_be_bytes()));
    message(&mut messages, SUBSYSTEM, flags, generation, (1, b"t\0"));
    Answers::Recorded(messages.into())
}

#[test]
fn what_each_reading_says_to_have_changed_is_read_three_times_and_torn() {
    let read = |answers: Answers| {
        let ipsets = SetNames::none();
        let mut reader = Reader::open(&answers, &ipsets, Elements::All).expect("a channel");
        let rules = reader.whole().expect("rules");
        assert_eq!(rules.ruleset.tables.len(), 1, "what there is is shown");
        (rules.torn, reader.talk.progress().reached().again)
    };
    assert_eq!(read(told(0, 7)), (false, 0));
    assert_eq!(read(told(NLM_F_DUMP_INTR, 7)), (true, 2), "the kernel says that it changed");
    assert_eq!(read(told(0, 8)), (true, 2), "a part is of another generation");
}

#[test]
fn chains_that_are_not_those_that_were_listed_first_tear_a_reading() {
    let ipsets = SetNames::none();
    let answers = told(0, 7);
    let mut reader = Reader::open(&answers, &ipsets, Elements::All).expect("a channel");
    reader.talk.begin().expect("a generation");
    reader.look_again().expect("no chains");
    reader.look_again().expect("no chains");
    assert!(reader.talk.is_one_instant().expect("a generation"));
    let mut hasher = reader.quick.build_hasher();
    hash(&mut hasher, 2, &Attributes(&[8, 0, 3, 0, b'a', b'b', b'c', 0]));
    reader.saw(hasher.finish());
    assert!(!reader.talk.is_one_instant().expect("a generation"));
}

/// It fills more than the first datagram, after which another thread receives.
#[test]
fn a_set_of_many_elements_is_read_whole() {
    const ELEMENTS: u32 = 8000;
    let address = |number: u32| Ipv4Addr::from(0x0a00_0000 + number * 2);
    apart(move || {
        let all: Vec<String> = (0..ELEMENTS).map(|number| address(number).to_string()).collect();
        let set = format!("table ip t {{ set s {{ type ipv4_addr; elements = {{ {} }}; }}; }}", all.join(", "));
        run(&["nft", "-f", "-"], &set);
        let read = read().expect("nf_tables");
        assert!(!read.torn);
        let set = &read.ruleset.tables[0].sets[0];
        assert_eq!(set.elements.len(), ELEMENTS as usize);
        for (number, element) in (0..).zip(&set.elements) {
            assert_eq!(
                (&*element.first, &*element.last),
                (&address(number).octets()[..], &address(number).octets()[..])
            );
        }
    });
}

/// The nested expressions of every rule, and the bodies of sets and their elements.
fn samples() -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let mut channel = Answers::default().open(NETLINK_NETFILTER).expect("a channel");
    let (mut expressions, mut bodies) = (Vec::new(), Vec::new());
    for kind in [GET_TABLE, GET_RULE, GET_SET, GET_CHAIN, GET_OBJECT] {
        let dumped = channel.dump(kind, &[0; GENERIC], |message| {
            if kind == GET_RULE {
                let nested = Attributes(talk::body(&message).get(4).unwrap_or_default());
                expressions.extend(nested.map(|(_, one)| one.to_vec()));
            } else {
                bodies.push(talk::body(&message).0.to_vec());
            }
        });
        dumped.expect("a dump");
    }
    (expressions, bodies)
}

/// Bytes that are cut off or changed are refused, kept or read as something else; nothing panics.
#[test]
fn no_bytes_do_harm() {
    apart(|| {
        run(&["iptables-nft-restore"], &k8s::dump(60));
        const NATIVE: &str = r#"table inet t {
            set s { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 1-5 }; }
            map m { type inet_service : verdict; elements = { 80 : accept, 443 : jump d }; }
            chain d { }
            chain c { type nat hook prerouting priority 0;
                tcp dport { 22, 80-90 } ct state new,established meta mark set 0x1 limit rate 5/second log prefix "x"
                tcp dport vmap @m
                ip saddr . tcp dport @s dnat ip to 10.0.0.1:80
                fib daddr type local tcp dport != 7-9 redirect to :5
            }
            chain e { type nat hook postrouting priority 100; masquerade random; }
            chain f { type filter hook input priority 0; reject with icmpx port-unreachable; }
        }"#;
        run(&["nft", "-f", "-"], NATIVE);
        let (expressions, bodies) = samples();
        assert!(expressions.len() > 100 && bodies.len() > 4);
        let chains = Default::default();
        let mut names = Names::default();
        crate::kernel::tests::damaged(&expressions, 20_000, |bytes| {
            for family in [Family::Ip, Family::Ip6, Family::Inet] {
                let mut scope =
                    expression::Scope { family, chains: &chains, ipsets: &SetNames::none(), names: &mut names };
                let mut decoded = vec![expression::decode(bytes, &mut scope, &mut None)];
                lift::lift(family, &mut decoded, None, &mut names);
            }
        });
        crate::kernel::tests::damaged(&bodies, 20_000, |bytes| {
            let (mut found, mut untold) = (Vec::new(), Vec::new());
            set::elements(bytes, &chains, &mut names, &mut found);
            if let Some(mut set) = set::decode(bytes, &mut names) {
                set::untold(bytes, &set, &mut untold);
                set::fill(&mut set, found, |_, _| {});
            }
            let attributes = Attributes(bytes);
            chain::base(Family::Inet, &attributes, false);
            chain::comment(bytes, &mut names);
            chain::details(&attributes, &mut names);
            chain::particulars(&attributes, &mut names);
            chain::untold("c", &attributes, &mut untold);
            object::object(&attributes, &mut names);
            object::flowtable(Family::Inet, &attributes, &mut names, &mut untold);
        });
    });
}
