//! What a packet does, told as text: a small host and its rules, a packet, and the way it goes.
//!
//! The host: eth0 192.168.1.2/24 to the outside, br0 10.0.0.1/24 for containers, a default route, forwarding on. Expected
//! ways are the kernel's (the tests in `judge` ask it); here they stand to be read.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "walk/back.rs"]
mod back;
#[path = "walk/named.rs"]
mod named;
#[path = "walk/reply.rs"]
mod reply;
#[path = "walk/silent.rs"]
mod silent;
#[path = "walk/unknowns.rs"]
mod unknowns;
#[path = "walk/vrf.rs"]
mod vrf;
mod way;

use way::{Ask, told, walked};
use whyport::host::{IpFamily, Protocol};
use whyport::syntax::nft;
use whyport::walk::{Condition, FateKind, Field, Op, Origin, Query, ValueSet, Values, walk};

const NAT: &str =
    "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n";
const FILTER: &str = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n";

fn nat(rules: &str) -> String {
    format!("{NAT}{rules}\nCOMMIT\n")
}

fn filter(rules: &str) -> String {
    format!("{FILTER}{rules}\nCOMMIT\n")
}

#[track_caller]
fn assert_way(rules: &str, ask: &Ask<'_>, expected: &str) {
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let told = walked(rules, ask);
    let told: Vec<&str> = told.lines().map(str::trim).collect();
    assert_eq!(told, expected, "{ask:?}\n{rules}");
}

#[test]
fn dnat_leads_on_before_a_socket_is_looked_up() {
    assert_way(
        &nat("-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.9:8080"),
        &Ask::from_outside(80),
        "nat PREROUTING 1 dnat 10.0.0.9:8080
         route out br0
         nat POSTROUTING policy accept
         forwarded br0 192.168.1.77:4000 10.0.0.9:8080",
    );
}

#[test]
fn an_unknown_source_splits_the_way_where_a_rule_asks_for_it() {
    assert_way(
        &filter("-A INPUT -s 192.168.1.0/25 -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -j DROP"),
        &Ask { src: None, ..Ask::from_outside(22) },
        "when src not-in 192.168.1.0/25
         route local
         filter INPUT 2 drop
         dropped
         when src in 192.168.1.0/25
         route local
         filter INPUT 1 accept
         delivered
         when src in 0.0.0.0/32 10.0.0.1/32 127.0.0.0/8 192.168.1.2/32 192.168.1.255/32 224.0.0.0/4 255.255.255.255/32
         route refused
         martian impossible-source",
    );
}

#[test]
fn jumps_come_back_and_gotos_do_not() {
    let rules = "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:A - [0:0]\n:B - [0:0]\n\
                 -A INPUT -j A\n-A INPUT -g B\n-A INPUT -j ACCEPT\n-A A -p tcp -j RETURN\n-A B -p udp -j DROP\nCOMMIT\n";
    assert_way(
        rules,
        &Ask::from_outside(22),
        "route local
         filter INPUT 1 jump A
         filter A 1 return
         filter INPUT 2 goto B
         filter B return
         filter INPUT policy drop
         dropped",
    );
}

#[test]
fn nat_is_not_walked_while_nothing_needs_conntrack() {
    assert_way(
        &nat("-A PREROUTING -p tcp -j ACCEPT"),
        &Ask::from_outside(22),
        "route local
         delivered",
    );
}

#[test]
fn loopback_makes_two_passes_and_translates_once() {
    assert_way(
        &format!(
            "{}{}",
            nat("-A OUTPUT -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080"),
            filter("-A INPUT -p tcp -j ACCEPT")
        ),
        &Ask::local("192.168.1.2", 80),
        "route local
         nat OUTPUT 1 redirect 127.0.0.1:8080
         route local
         filter OUTPUT policy accept
         nat POSTROUTING policy accept
         pass 2
         filter INPUT 1 accept
         delivered",
    );
}

#[test]
fn a_mark_in_mangle_output_routes_again() {
    let rules = "*mangle\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
                 :POSTROUTING ACCEPT [0:0]\n-A OUTPUT -p tcp -m tcp --dport 25 -j MARK --set-xmark 0x5/0xffffffff\nCOMMIT\n";
    assert_way(
        rules,
        &Ask::local("9.9.9.9", 25),
        "route out eth0
         mangle OUTPUT 1 continue
         mangle OUTPUT policy accept
         route out br0
         mangle POSTROUTING policy accept
         sent br0 192.168.1.2:4000 9.9.9.9:25",
    );
}

#[test]
fn what_cannot_be_decided_is_assumed_both_ways() {
    assert_way(
        &filter("-A INPUT -m limit --limit 5/sec -j ACCEPT\n-A INPUT -m foo --bar 1 -j DROP"),
        &Ask::from_outside(22),
        "assumed rate true
         route local
         filter INPUT 1 accept
         delivered
         assumed rate false
         assumed undecoded true
         route local
         filter INPUT 2 drop
         dropped
         assumed rate false
         assumed undecoded false
         route local
         filter INPUT policy accept
         delivered",
    );
}

#[test]
fn logging_for_some_packets_does_not_split() {
    assert_way(
        &filter("-A INPUT -s 192.168.1.0/25 -j LOG\n-A INPUT -p tcp -j ACCEPT"),
        &Ask { src: None, to: "192.168.1.2", ..Ask::from_outside(22) },
        "route local
         filter INPUT 1 continue sometimes
         filter INPUT 2 accept
         delivered
         when src in 0.0.0.0/32 10.0.0.1/32 127.0.0.0/8 192.168.1.2/32 192.168.1.255/32 224.0.0.0/4 255.255.255.255/32
         route refused
         martian impossible-source",
    );
}

/// Rules with sets that they ask.
fn with_sets(rules: &str, sets: &str) -> String {
    // What stands before the sections that follow closes the section of the rules.
    format!("{}\n[ipset save]\n{sets}\n", filter(rules))
}

#[test]
fn the_most_specific_prefix_of_a_set_decides_for_an_unknown_source() {
    assert_way(
        &with_sets(
            "-A INPUT -m set --match-set nets src -j ACCEPT\n-A INPUT -j DROP",
            "create nets hash:net\nadd nets 9.0.0.0/8\nadd nets 9.1.0.0/16 nomatch\nadd nets 9.1.2.0/24",
        ),
        &Ask { src: None, ..Ask::from_outside(22) },
        "when src not-in 9.0.0.0/16 9.1.2.0/24 9.2.0.0-9.255.255.255
         route local
         filter INPUT 2 drop
         dropped
         when src in 9.0.0.0/16 9.1.2.0/24 9.2.0.0-9.255.255.255
         route local
         filter INPUT 1 accept
         delivered
         when src in 0.0.0.0/32 10.0.0.1/32 127.0.0.0/8 192.168.1.2/32 192.168.1.255/32 224.0.0.0/4 255.255.255.255/32
         route refused
         martian impossible-source",
    );
}

#[test]
fn a_set_of_addresses_and_ports_splits_by_what_is_open() {
    assert_way(
        &with_sets(
            "-A INPUT -m set --match-set pairs src,dst -j ACCEPT\n-A INPUT -j DROP",
            "create pairs hash:ip,port\nadd pairs 9.0.0.1,tcp:22\nadd pairs 9.0.0.2,tcp:23\nadd pairs 9.0.0.3,udp:22",
        ),
        &Ask { src: None, ..Ask::from_outside(22) },
        "when src not-in 9.0.0.1/32
         route local
         filter INPUT 2 drop
         dropped
         when src in 9.0.0.1/32
         route local
         filter INPUT 1 accept
         delivered
         when src in 0.0.0.0/32 10.0.0.1/32 127.0.0.0/8 192.168.1.2/32 192.168.1.255/32 224.0.0.0/4 255.255.255.255/32
         route refused
         martian impossible-source",
    );
}

#[test]
fn what_a_rule_adds_to_a_set_is_in_doubt_behind_it() {
    assert_way(
        &with_sets(
            "-A INPUT -m set --match-set seen src -j DROP\n-A INPUT -j SET --add-set seen src\n\
             -A INPUT -m set --match-set seen src -j ACCEPT",
            "create seen hash:ip",
        ),
        &Ask::from_outside(22),
        "assumed state true
         route local
         filter INPUT 2 continue
         filter INPUT 3 accept
         delivered
         assumed state false
         route local
         filter INPUT 2 continue
         filter INPUT policy accept
         delivered",
    );
}

#[test]
fn what_a_rule_adds_to_a_list_of_sets_may_be_in_its_members_behind_it() {
    assert_way(
        &with_sets(
            "-A INPUT -j SET --add-set list src\n-A INPUT -m set --match-set apart src -j DROP\n\
             -A INPUT -m set --match-set member src -j ACCEPT",
            "create member hash:ip\ncreate apart hash:ip\ncreate list list:set\nadd list member",
        ),
        &Ask::from_outside(22),
        "assumed state true
         route local
         filter INPUT 1 continue
         filter INPUT 3 accept
         delivered
         assumed state false
         route local
         filter INPUT 1 continue
         filter INPUT policy accept
         delivered",
    );
}

#[test]
fn the_byte_for_a_service_and_the_time_to_live_are_asked_of_the_entering_packet() {
    let rules = "*mangle\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
                 :POSTROUTING ACCEPT [0:0]\n-A PREROUTING -j TTL --ttl-inc 3\n-A PREROUTING -j TOS --set-tos 0x10/0x10\n\
                 -A PREROUTING -m ttl --ttl-lt 10 -j DROP\n-A PREROUTING -m tos --tos 0x14/0x1c -j DROP\nCOMMIT\n";
    assert_way(
        rules,
        &Ask::from_outside(22),
        "when ttl not-in 0-6, tos not-in 4-7 20-23 36-39 52-55 68-71 84-87 100-103 116-119 132-135 148-151 164-167 180-183 196-199 \
         212-215 228-231 244-247
         mangle PREROUTING 1 continue
         mangle PREROUTING 2 continue
         mangle PREROUTING policy accept
         route local
         mangle INPUT policy accept
         delivered
         when ttl not-in 0-6, tos in 4-7 20-23 36-39 52-55 68-71 84-87 100-103 116-119 132-135 148-151 164-167 180-183 196-199 \
         212-215 228-231 244-247
         mangle PREROUTING 1 continue
         mangle PREROUTING 2 continue
         mangle PREROUTING 4 drop
         dropped
         when ttl in 0-6
         mangle PREROUTING 1 continue
         mangle PREROUTING 2 continue
         mangle PREROUTING 3 drop
         dropped",
    );
}

#[test]
fn a_large_set_is_told_by_its_name() {
    let elements: String = (0..100).map(|net| format!("add banned 9.{net}.2.0/24\n")).collect();
    let rules =
        with_sets("-A INPUT -m set --match-set banned src -j DROP", &format!("create banned hash:net\n{elements}"));
    assert_way(
        &rules,
        &Ask { src: None, ..Ask::from_outside(22) },
        "when src not-in @ipset banned
         route local
         filter INPUT policy accept
         delivered
         when src in @ipset banned
         route local
         filter INPUT 1 drop
         dropped
         when src in 0.0.0.0/32 10.0.0.1/32 127.0.0.0/8 192.168.1.2/32 192.168.1.255/32 224.0.0.0/4 255.255.255.255/32
         route refused
         martian impossible-source",
    );
}

/// The ways of a UDP packet of which nothing but the port is known and what `known` says.
fn open_ways(rules: &str, origin: Origin, known: &[(Field, &str)]) -> Vec<String> {
    let host = way::host(rules);
    let mut query = Query::new(0, origin, IpFamily::V4, Protocol::UDP);
    query.set(Field::Dport, ValueSet::one(53));
    query.set(Field::Sport, ValueSet::one(4000));
    query.fields.remove(&Field::Mark);
    known.iter().for_each(|(field, address)| query.set_address(*field, address.parse().unwrap()));
    walk(&host, &query).outcomes.iter().map(|outcome| told(&host.namespaces[0].ruleset, outcome)).collect()
}

#[test]
fn a_source_that_is_refused_for_one_destination_tells_packets_to_another_apart() {
    // To all: the source is not looked at. Such packets are told apart by it, though others are refused for it.
    let rules = filter("-A INPUT -s 192.168.1.2/32 -j DROP");
    let ways = open_ways(&rules, Origin::Device("eth0".into()), &[]);
    let dropped: Vec<&String> = ways.iter().filter(|way| way.contains("filter INPUT 1 drop")).collect();
    assert!(!dropped.is_empty(), "{ways:?}");
    assert!(dropped.iter().all(|way| way.lines().next().unwrap().contains("src in 192.168.1.2/32")), "{dropped:?}");
}

#[test]
fn bits_of_an_open_mark_that_route_are_assumed() {
    // `ip rule fwmark 0x5` is for one mark; the same with a mask is no range of marks.
    let ways = open_ways("", Origin::Local, &[(Field::Dst, "203.0.113.7")]);
    let firsts: Vec<&str> = ways.iter().filter_map(|way| way.lines().next()).collect();
    assert_eq!(firsts, ["when mark not-in 5", "when mark in 5"]);
    let mut host = way::host("");
    let marked = host.namespaces[0].policy_rules.iter_mut().find_map(|rule| rule.fwmark.as_mut());
    *marked.unwrap() = (1, 1);
    let mut query = Query::new(0, Origin::Local, IpFamily::V4, Protocol::UDP);
    query.set_address(Field::Dst, "203.0.113.7".parse().unwrap());
    query.fields.remove(&Field::Mark);
    let walk = walk(&host, &query);
    let mut ways: Vec<_> = walk.outcomes.iter().map(|one| (one.fate.oif.as_deref(), one.assumed.len())).collect();
    ways.sort();
    assert_eq!(ways, [(Some("br0"), 1), (Some("eth0"), 1)]);
}

#[test]
fn addresses_that_a_rule_gives_are_followed_each_way_that_they_lead() {
    assert_way(
        &nat("-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.1-10.0.0.4"),
        &Ask::from_outside(80),
        "assumed state false
         nat PREROUTING 1 dnat
         route out br0
         nat POSTROUTING policy accept
         forwarded br0 192.168.1.77:4000 ?:80
         assumed state true
         nat PREROUTING 1 dnat
         route local
         nat INPUT policy accept
         delivered",
    );
}

#[test]
fn a_source_that_is_a_broadcast_address_is_refused_among_others_too() {
    let mut host = way::host("");
    let eth0 = host.namespaces[0].sysctls.ip.get_mut("eth0").unwrap();
    eth0.rp_filter = Some(1);
    let refused = |length: u8| {
        let mut query = Query::new(0, Origin::Device("eth0".to_owned()), IpFamily::V4, Protocol::UDP);
        query.set_address(Field::Dst, "192.168.1.2".parse().unwrap());
        let last: u128 = 0xc0a8_01ff;
        query.set(Field::Src, ValueSet::range(last >> (32 - length) << (32 - length), last));
        let walk = walk(&host, &query);
        let about = walk.outcomes.iter().filter(|one| one.fate.kind == FateKind::Martian).map(|one| one.when.clone());
        about.collect::<Vec<_>>()
    };
    assert_eq!(refused(32), [Vec::<Vec<Condition>>::new()]);
    let only = |values| vec![vec![Condition { field: Field::Src, op: Op::In, values }]];
    let net = |text: &str| Values::Net(text.parse().unwrap());
    assert_eq!(refused(31), [only(vec![net("192.168.1.255/32")])]);
    assert_eq!(refused(24), [only(vec![net("192.168.1.2/32"), net("192.168.1.255/32")])]);
}

#[test]
fn a_map_of_ports_gives_nothing_for_a_protocol_that_is_not_in_it() {
    let text = "table ip t {\n\tmap ports {\n\t\ttype inet_proto . inet_service : ipv4_addr . inet_service\n\
                \t\telements = { tcp . 80 : 10.0.0.9 . 80, udp . 53 : 10.0.0.9 . 53 }\n\t}\n\n\
                \tchain prerouting {\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n\
                \t\tdnat ip to meta l4proto . th dport map @ports\n\t}\n}\n";
    let dump = nft::parse(text, &[]);
    assert!(dump.diagnostics.is_empty(), "{:?}", dump.diagnostics);
    let mut host = way::host("");
    host.namespaces[0].ruleset = dump.ruleset;
    host.namespaces[0].ruleset.rank_by_listing();
    let mut query = Query::new(0, Origin::Device("eth0".to_owned()), IpFamily::V4, Protocol::ICMP);
    query.set_address(Field::Dst, "192.168.1.2".parse().unwrap());
    query.set_address(Field::Src, "192.168.1.77".parse().unwrap());
    let walk = walk(&host, &query);
    // Where a packet has no ports, their place holds a checksum that nobody knows.
    let [one] = &walk.outcomes[..] else { panic!("{:?}", walk.outcomes) };
    assert_eq!((one.fate.kind, one.assumed.len()), (FateKind::Delivered, 0));
}
