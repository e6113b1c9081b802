//! The order of equals where no listing tells it: two parts of a ruleset, loaded in either order, which look alike afterwards.
//!
//! The kernel walks each order one way. Where that makes a difference whyport tells both ways, each by what it assumes; else
//! it tells one, and assumes nothing. Knows of one packet at a time.

use whyport::walk::{self, Outcome, Why};

use crate::case::{Node, TWO_LEGS, may_be};
use crate::packet::Packet;
use crate::rules::Tool;
use crate::world::{apart, attempt};
use crate::{live, path, walked};

/// A part of a ruleset.
type Part = (Tool, &'static str);

/// The kernel's path under parts that were loaded in this order, and whyport's ways, with whether each assumes an order.
fn told(parts: &[Part], packet: &str) -> (Vec<String>, Vec<(Vec<String>, bool)>) {
    let mut node = Node::build(&TWO_LEGS, "", &[]);
    parts.iter().for_each(|(tool, text)| node.rules.load(*tool, text));
    let packet = Packet::read(packet);
    let (port, testimony) = node.send(&packet);
    let names = node.names_for(&packet, port);
    let host = live::as_told();
    let walk = walk::walk(&host, &walked::query(&host, &packet, port, names.mac));
    let assumes = |outcome: &Outcome| match &outcome.assumed[..] {
        [] => false,
        [one] if one.why == Why::Order => true,
        _ => panic!("{:?}", outcome.assumed),
    };
    let ways = walk.outcomes.iter().map(|one| (walked::lines_of(&host, one, &names), assumes(one)));
    (path::lines(&testimony, &names), ways.collect())
}

/// The order decides: each world goes one of the two ways.
fn differ([first, second]: [Part; 2], packet: &'static str) {
    worlds_differ([vec![first, second], vec![second, first]], packet);
}

fn worlds_differ(worlds: [Vec<Part>; 2], packet: &'static str) {
    apart(move || {
        let [(kernel, ways), (other, others)] = worlds.map(|parts| told(&parts, packet));
        assert_ne!(kernel, other, "the order makes no difference to the kernel");
        for (kernel, ways) in [(&kernel, &ways), (&other, &others)] {
            assert_eq!(ways.len(), 2, "{kernel:#?}\n{ways:#?}");
            assert!(ways.iter().all(|(_, assumes)| *assumes), "{ways:#?}");
            assert_eq!(ways.iter().filter(|(way, _)| way == kernel).count(), 1, "{kernel:#?}\n{ways:#?}");
        }
    });
}

/// The order decides nothing but the order of the steps.
fn agree(parts: [Part; 2], packet: &'static str) {
    apart(move || {
        let [first, second] = parts;
        for parts in [[first, second], [second, first]] {
            let (mut kernel, mut ways) = told(&parts, packet);
            let [(way, false)] = &mut ways[..] else { panic!("{kernel:#?}\n{ways:#?}") };
            kernel.sort();
            way.sort();
            assert_eq!(*way, kernel);
        }
    });
}

/// The order decides only how many chains are walked on the way to the same end.
fn lengthen(parts: [Part; 2], packet: &'static str) {
    apart(move || {
        let [first, second] = parts;
        let [(kernel, ways), (other, others)] = [[first, second], [second, first]].map(|parts| told(&parts, packet));
        assert_ne!(kernel.len(), other.len(), "the order makes no difference to the kernel: {kernel:#?}");
        for (kernel, ways) in [(kernel, ways), (other, others)] {
            let [(way, false)] = &ways[..] else { panic!("{kernel:#?}\n{ways:#?}") };
            let (kernel, way) = (path::in_any_order(kernel), path::in_any_order(way.clone()));
            assert!(may_be(&kernel, &way), "{kernel:#?}\n{way:#?}");
        }
    });
}

const LEGACY: Part = (
    Tool::Legacy,
    "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n-A INPUT -p tcp --dport 22 -j DROP\n\
     -A INPUT -p tcp --dport 80 -j MARK --set-mark 1\nCOMMIT\n",
);
const NATIVE: Part = (
    Tool::Nft,
    "table ip t {\nchain in { type filter hook input priority 0; policy accept;\ntcp dport 22 drop\nmark 1 tcp dport 80 drop\n\
     udp dport 53 counter\n}\n}\n",
);
const NFT: Part = (
    Tool::Iptables,
    "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n-A INPUT -p tcp --dport 22 -j DROP\n\
     -A INPUT -m mark --mark 1 -j DROP\nCOMMIT\n",
);

#[test]
fn legacy_and_nft_of_one_priority_are_told_in_either_order() {
    for packet in ["eth0 tcp 203.0.113.7:4001 > 198.51.100.1:22", "eth0 tcp 203.0.113.7:4001 > 198.51.100.1:80"] {
        differ([LEGACY, NATIVE], packet);
        differ([LEGACY, NFT], packet);
    }
}

#[test]
fn an_order_that_makes_no_difference_is_not_assumed() {
    for packet in ["eth0 udp 203.0.113.7:4001 > 198.51.100.1:53", "eth0 tcp 203.0.113.7:4001 > 198.51.100.1:81"] {
        agree([LEGACY, NATIVE], packet);
        agree([LEGACY, NFT], packet);
    }
}

/// Two tables, of which one is asleep where that is said. Nothing tells afterwards that it was.
#[test]
fn a_table_that_slept_and_one_that_did_not_are_told_alike() {
    let both: Part = (
        Tool::Nft,
        "table ip one {\nchain in { type filter hook input priority 0; policy accept;\ntcp dport 22 meta mark set 1\n}\n}\n\
         table ip two {\nchain in { type filter hook input priority 0; policy accept;\nmark 1 counter accept\n}\n}\n",
    );
    let sleeps: Part = (Tool::Nft, "add table ip one { flags dormant; }\n");
    let wakes: Part = (Tool::Nft, "add table ip one\n");
    let packet = "eth0 tcp 203.0.113.7:4001 > 198.51.100.1:22";
    worlds_differ([vec![both], vec![both, sleeps, wakes]], packet);
}

const DROPS: Part = (
    Tool::Legacy,
    "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n-A INPUT -p tcp -j LOG\n-A INPUT -p tcp --dport 25 -j DROP\nCOMMIT\n",
);
const LETS_GO: Part = (
    Tool::Nft,
    "table ip t {\nchain in { type filter hook input priority 0; policy accept;\ntcp dport 25 counter\n\
     limit rate 100/second accept\n}\n}\n",
);

#[test]
fn a_chain_before_or_behind_the_rule_that_drops_is_told_as_met_by_some() {
    lengthen([DROPS, LETS_GO], "eth0 tcp 203.0.113.7:4001 > 198.51.100.1:25");
}

const NAT: Part = (
    Tool::Nft,
    "table ip n {\nchain pre { type nat hook prerouting priority 7; policy accept;\ntcp dport 80 dnat to 10.9.0.2\n}\n\
     chain post { type nat hook postrouting priority -7; policy accept;\ntcp dport 80 masquerade\n}\n}\n",
);
const BESIDE: Part = (
    Tool::Nft,
    "table ip f {\nchain pre { type filter hook prerouting priority -100; policy accept;\nip daddr 10.9.0.2 counter\n\
     tcp dport 22 counter\n}\n\
     chain post { type filter hook postrouting priority 100; policy accept;\nip saddr 203.0.113.7 tcp dport 80 counter\n}\n}\n",
);

#[test]
fn a_chain_at_the_very_place_of_nat_is_told_before_it_and_behind_it() {
    differ([NAT, BESIDE], "eth0 tcp 203.0.113.7:4001 > 198.51.100.1:80");
    agree([NAT, BESIDE], "eth0 tcp 203.0.113.7:4001 > 198.51.100.1:22");
}

#[test]
fn a_refused_source_meets_them_in_either_order_too() {
    differ([NAT, BESIDE], "eth0 tcp 224.0.0.5:4001 > 198.51.100.1:80");
}

#[test]
fn no_nat_chain_is_as_early_as_conntrack() {
    apart(|| {
        let _node = Node::build(&TWO_LEGS, "", &[]);
        let load = |priority: i32| {
            let chain = format!("chain c {{ type nat hook prerouting priority {priority};\n}}");
            attempt(&["nft", "-f", "-"], &format!("table ip n {{\n{chain}\n}}\n"))
        };
        for refused in [-200, -201] {
            assert!(load(refused).is_err_and(|said| said.contains("not supported")), "{refused}");
        }
        assert_eq!(load(-199), Ok(String::new()));
    });
}

const FLOWS: Part = (
    Tool::Nft,
    "table ip c {\nchain in { type filter hook input priority 0; policy accept;\nct state new counter\n}\n}\n",
);
const WITH_CONNTRACK: Part = (
    Tool::Nft,
    "table ip a {\nchain pre { type filter hook prerouting priority -200; policy accept;\nct state invalid counter\n\
     ct state new counter\ntcp dport 80 notrack\n}\n}\n",
);

#[test]
fn a_chain_at_the_very_place_of_conntrack_is_told_before_it_and_behind_it() {
    differ([FLOWS, WITH_CONNTRACK], "eth0 tcp 203.0.113.7:4001 > 198.51.100.1:22");
}
