//! Whatever bytes come, the decoders end: with what they made of it, or with nothing.

use super::super::tests::{apart, damaged, route::build};
use super::*;
use crate::kernel::netlink::{NLM_F_DUMP_INTR, frame};

/// The bodies of a dump.
fn bodies(kind: u16, request: &[u8]) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    open(&Answers::default()).unwrap().dump(kind, request, |message| bodies.push(message.body.to_vec())).unwrap();
    bodies
}

#[test]
fn what_changed_whenever_it_was_asked_for_is_given_and_torn() {
    for (flags, torn) in [(0, false), (NLM_F_DUMP_INTR, true)] {
        let mut messages = Vec::new();
        // A struct rtmsg: a route of IPv4, to anywhere, of the main table, unicast.
        frame(&mut messages, libc::RTM_NEWROUTE, flags, 0, &[2, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0]);
        let mut channel = open(&Answers::Recorded(messages.into())).unwrap();
        assert_eq!(routes(&mut channel).unwrap().len(), 1);
        assert_eq!(channel.progress().reached().again, if torn { 2 } else { 0 });
        assert_eq!(channel.take_torn(), torn);
        assert!(!channel.take_torn(), "it is told once");
    }
}

#[test]
fn no_bytes_make_a_decoder_panic() {
    apart(|| {
        let _held = build();
        super::super::tests::ip(
            "nexthop add id 1 dev w0\nnexthop add id 2 via 10.0.0.3 dev br0\nnexthop add id 3 group 1/2\n",
        );
        let mut decoded = [0; 7];
        let family = |family: u8, length: usize| {
            let mut request = vec![0; length];
            request[0] = family;
            request
        };
        let rounds = 20_000;
        damaged(&bodies(libc::RTM_GETLINK, &family(0, 16)), rounds, |body| {
            decoded[0] += u32::from(link::decode(body).is_some());
        });
        damaged(&bodies(libc::RTM_GETADDR, &family(0, 8)), rounds, |body| {
            decoded[1] += u32::from(address::decode(body).is_some());
        });
        damaged(&bodies(libc::RTM_GETROUTE, &family(0, 12)), rounds, |body| {
            decoded[2] += u32::from(fib::decode(body).is_some());
        });
        damaged(&bodies(libc::RTM_GETRULE, &family(0, 12)), rounds, |body| {
            decoded[3] += u32::from(rule::decode(body).is_some());
        });
        damaged(&bodies(libc::RTM_GETNEIGH, &family(0, 12)), rounds, |body| {
            decoded[4] += u32::from(neighbour::decode(body).is_some());
        });
        damaged(&bodies(libc::RTM_GETNEIGH, &family(libc::AF_BRIDGE as u8, 12)), rounds, |body| {
            decoded[5] += u32::from(neighbour::decode_fdb(body).is_some());
        });
        damaged(&bodies(RTM_GETNEXTHOP, &nexthop::request()), rounds, |body| {
            let found = nexthop::decode(body);
            decoded[6] += u32::from(found.is_some());
            nexthop::resolve(found.into_iter().collect());
        });
        let all = vec![vec![0xff; 64], vec![0; 64], (0..=255).collect()];
        damaged(&all, rounds, |body| {
            let _ = (link::decode(body), address::decode(body), fib::decode(body).is_some(), rule::decode(body));
            let _ = (neighbour::decode(body), neighbour::decode_fdb(body), nexthop::decode(body).is_some(), nsid(body));
        });
        assert!(decoded.iter().all(|count| *count > rounds / 8), "much is still read: {decoded:?}");
    });
}

#[test]
fn an_attribute_that_is_not_understood_costs_no_other() {
    // A route to 10.0.0.0/8 by device 3, with a metric of two bytes and a gateway of five.
    let mut body = vec![libc::AF_INET as u8, 8, 0, 0, 254, 0, 0, 1, 0, 0, 0, 0];
    for (kind, value) in [
        (libc::RTA_PRIORITY, &[1, 2][..]),
        (libc::RTA_GATEWAY, &[1, 2, 3, 4, 5]),
        (libc::RTA_DST, &[10, 0, 0, 0]),
        (libc::RTA_OIF, &3u32.to_ne_bytes()),
        (0x3fff, &[7; 3]),
    ] {
        super::super::netlink::push_attribute(&mut body, kind, value);
    }
    let route = fib::decode(&body).unwrap().route;
    assert_eq!(route.dst.to_string(), "10.0.0.0/8");
    assert_eq!(route.next_hops, [NextHop { gateway: None, link: 3, weight: 1, dead: false }]);
}

#[test]
fn selectors_that_the_model_lacks_are_told() {
    let mut body = vec![libc::AF_INET as u8, 0, 0, 0, 254, 0, 0, 1, 0, 0, 0, 0];
    for (kind, value) in [
        (6, &7u32.to_ne_bytes()[..]),
        (13, &[0xff; 4]),
        (12, &[0, 0, 0, 0, 0, 0, 0, 9]),
        (25, &[8]),
        (30, &[0x3f]),
        (28, &[0xff, 0x0f]),
    ] {
        super::super::netlink::push_attribute(&mut body, kind, value);
    }
    let (rule, more) = rule::decode(&body).unwrap();
    assert_eq!((rule.priority, rule.tos, rule.dscp), (7, 0, Some((8 << 2, 0xfc))));
    assert_eq!(more.into_iter().collect::<Vec<_>>(), [(7, "sport mask"), (7, "tun_id")]);
}

#[test]
fn groups_of_next_hops_are_their_members() {
    let hop = |link| NextHop { gateway: None, link, weight: 1, dead: false };
    let known = nexthop::resolve(vec![
        (3, nexthop::Found::Group(vec![(1, 5), (2, 1), (9, 1)])),
        (1, nexthop::Found::Way(hop(4))),
        (2, nexthop::Found::Way(hop(5))),
        (4, nexthop::Found::Blackhole),
    ]);
    assert_eq!(known[&3], [NextHop { weight: 5, ..hop(4) }, hop(5)]);
    assert_eq!(known[&4], []);
}

fn built(index: i32, attributes: &[(u16, &[u8])]) -> crate::host::Link {
    let mut body = vec![0; 16];
    body[4..8].copy_from_slice(&index.to_ne_bytes());
    body.extend(nested(attributes));
    link::decode(&body).unwrap()
}

fn nested(attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut value = Vec::new();
    attributes.iter().for_each(|(kind, inner)| super::super::netlink::push_attribute(&mut value, *kind, inner));
    value
}

/// No kernel of the test machines makes an ipvlan: the message is built as `ipvlan_nl_fillinfo` fills it.
#[test]
fn an_ipvlan_has_its_mode_and_whom_it_talks_to() {
    use crate::host::{Ipvlan, IpvlanMode, IpvlanReach, LinkKind};
    let kind = |mode: u16, flags: u16| {
        let data = nested(&[(1, &mode.to_ne_bytes()), (2, &flags.to_ne_bytes())]);
        let info = nested(&[(libc::IFLA_INFO_KIND, b"ipvlan\0"), (libc::IFLA_INFO_DATA, &data)]);
        built(7, &[(libc::IFLA_IFNAME, b"iv0\0"), (libc::IFLA_LINKINFO, &info)]).kind
    };
    let of = |mode, reach| LinkKind::Ipvlan(Ipvlan { mode, reach });
    assert_eq!(kind(0, 0), of(IpvlanMode::L2, IpvlanReach::Bridge));
    assert_eq!(kind(1, 1), of(IpvlanMode::L3, IpvlanReach::Private));
    assert_eq!(kind(2, 2), of(IpvlanMode::L3s, IpvlanReach::Vepa));
    assert_eq!(kind(3, 0), LinkKind::Other("ipvlan".into()), "a mode that is not known");
}

/// No kernel of the test machines makes a VRF: the message is built as `vrf_fillinfo` and `rtnl_fill_ifinfo` fill it.
#[test]
fn a_vrf_has_its_table_and_its_ports() {
    use crate::host::LinkKind;
    let table = nested(&[(1, &1001u32.to_ne_bytes())]);
    let info = nested(&[(libc::IFLA_INFO_KIND, b"vrf\0"), (libc::IFLA_INFO_DATA, &table)]);
    let blue = built(7, &[(libc::IFLA_IFNAME, b"blue\0"), (libc::IFLA_LINKINFO, &info)]);
    assert_eq!((blue.index, blue.name.as_str(), blue.kind), (7, "blue", LinkKind::Vrf(1001)));
    let info = nested(&[(libc::IFLA_INFO_SLAVE_KIND, b"vrf\0"), (libc::IFLA_INFO_SLAVE_DATA, &table)]);
    let master = 7u32.to_ne_bytes();
    let port = built(8, &[(libc::IFLA_IFNAME, b"eth1\0"), (libc::IFLA_MASTER, &master), (libc::IFLA_LINKINFO, &info)]);
    assert_eq!((port.kind, port.master, port.port), (LinkKind::Plain, Some(7), None));
    // A VRF that does not tell its table is one more kind of device.
    for data in [&[][..], &nested(&[(1, &[1, 2, 3])])] {
        let info = nested(&[(libc::IFLA_INFO_KIND, b"vrf\0"), (libc::IFLA_INFO_DATA, data)]);
        let untold = built(7, &[(libc::IFLA_IFNAME, b"blue\0"), (libc::IFLA_LINKINFO, &info)]);
        assert_eq!(untold.kind, LinkKind::Other("vrf".into()));
    }
}
