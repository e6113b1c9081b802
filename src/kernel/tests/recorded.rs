//! What is made of a recording of the kernel's answers is what is made of the answers themselves.

use netlink_sys::protocols::{NETLINK_NETFILTER, NETLINK_ROUTE};

use super::super::netlink::{Answers, frame, push_attribute};
use super::super::{nft, recorded};
use super::{apart, run, told};
use crate::host::{Body, Observations, Ruleset};
use crate::kernel::nft::counted::Elements;
use crate::kernel::xt::SetNames;

/// The messages of dumps, as they came.
fn record(protocol: isize, requests: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut channel = Answers::default().open(protocol).unwrap();
    let mut messages = Vec::new();
    for (kind, body) in requests {
        channel.dump(*kind, body, |message| frame(&mut messages, message.kind, 0, 0, message.body)).unwrap();
    }
    messages
}

#[test]
fn recorded_rules_are_those_of_the_kernel() {
    apart(|| {
        run(
            &["iptables-nft-restore"],
            "*nat\n:PREROUTING ACCEPT\n:U -\n-A PREROUTING -p tcp -m tcp --dport 80 -j U\nCOMMIT\n",
        );
        let native = "table inet t { set s { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.168.1.1 } };
            chain i { type filter hook input priority 0; ip saddr @s drop; tcp dport { 1, 2 } counter accept; }; }\n";
        run(&["nft", "-f", "-"], native);
        let mut requests: Vec<(u16, Vec<u8>)> = [1, 4, 7, 10, 19, 23].map(|kind| (10 << 8 | kind, vec![0; 4])).into();
        for set in [&b"s\0"[..], b"__set0\0"] {
            let mut body = vec![1, 0, 0, 0];
            push_attribute(&mut body, 1, b"t\0");
            push_attribute(&mut body, 2, set);
            requests.push((10 << 8 | 13, body));
        }
        let of_recording = recorded::nf_tables(&record(NETLINK_NETFILTER, &requests)).unwrap();
        let mut live = nft::read(&Answers::default(), &SetNames::none(), Elements::All).unwrap();
        live.ruleset.rank_by_listing();
        assert_eq!(of_recording, (live.ruleset, live.observations));
        let bodies = of_recording.0.tables.iter().flat_map(|table| &table.chains).flat_map(|chain| &chain.rules);
        let native = bodies.filter(|rule| matches!(rule.body, Body::Nft(_))).count();
        assert_eq!((of_recording.0.rule_count(), native), (3, 2));
    });
}

#[test]
fn recorded_routes_are_those_of_the_kernel() {
    apart(|| {
        let _held = super::route::build();
        // The length of the struct that each dump is asked with.
        let lengths = [(18, 16), (22, 8), (26, 12), (30, 12), (34, 12), (106, 8)];
        let requests = lengths.map(|(kind, length)| (kind, vec![0; length]));
        let mut recording = record(NETLINK_ROUTE, &requests);
        let bridge = [&[libc::AF_BRIDGE as u8][..], &[0; 11]].concat();
        recording.extend(record(NETLINK_ROUTE, &[(30, bridge)]));
        let (mut seen, live) = (recorded::routing(&recording).unwrap(), told());
        assert!(!live.fdb.is_empty() && !live.routes.is_empty() && !live.policy_rules.is_empty());
        // Neighbours of all families were asked for, which is more than the bridges' alone.
        seen.neighbours.retain(|neighbour| live.neighbours.contains(neighbour));
        assert_eq!(seen.links, live.links);
        assert_eq!(seen.addresses, live.addresses);
        assert_eq!(seen.routes, live.routes);
        assert_eq!(seen.policy_rules, live.policy_rules);
        assert_eq!(seen.neighbours, live.neighbours);
        assert_eq!(seen.fdb, live.fdb);
    });
}

#[test]
fn no_messages_are_no_rules() {
    assert_eq!(recorded::nf_tables(&[]).unwrap(), (Ruleset::default(), Observations::default()));
    let nonsense: Vec<u8> = (0..200).collect();
    assert_eq!(recorded::nf_tables(&nonsense).unwrap().0, Ruleset::default());
}
