//! The order of chains by the kernel's list of its hooks. This kernel has no such list: the messages are made here, as
//! nfnetlink_hook.c makes them.

use super::super::loaded::Loaded;
use super::super::netlink::{Answers, frame, push_attribute};
use super::super::processes::Held;
use super::super::{Common, Elements, hooks, netfilter, recorded};
use super::Folder;
use crate::host::xt::InterfacePattern;
use crate::host::{
    Backend, Base, Chain, ChainType, Family, Hook, Namespace, Place, Policy, Priority, Registration, Ruleset, Table,
    What,
};

const IP: u8 = 2;
const INET: u8 = 1;
const IP6: u8 = 10;
const NETDEV: u8 = 5;

fn nested(attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    attributes.iter().for_each(|(kind, value)| push_attribute(&mut bytes, *kind, value));
    bytes
}

fn message(kind: u16, family: u8, attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut framed = Vec::new();
    // The low half of the generation.
    frame(&mut framed, kind, 2, 0, &[&[family, 0, 0, 7], nested(attributes).as_slice()].concat());
    framed
}

fn generation() -> Vec<u8> {
    message(10 << 8 | 15, 0, &[(1, &7u32.to_be_bytes())])
}

fn table(family: u8, name: &str) -> Vec<u8> {
    message(10 << 8, family, &[(1, format!("{name}\0").as_bytes())])
}

/// A base chain, at devices where some are named.
fn chain(family: u8, names: (&str, &str), kind: &str, hook: u32, priority: i32, devices: &[&str]) -> Vec<u8> {
    let listed: Vec<u8> = devices.iter().flat_map(|name| nested(&[(1, format!("{name}\0").as_bytes())])).collect();
    let mut place = nested(&[(1, &hook.to_be_bytes()), (2, &priority.to_be_bytes())]);
    if !devices.is_empty() {
        push_attribute(&mut place, 4, &listed);
    }
    let (table, name) = (format!("{}\0", names.0), format!("{}\0", names.1));
    let kind = format!("{kind}\0");
    message(
        10 << 8 | 3,
        family,
        &[(1, table.as_bytes()), (3, name.as_bytes()), (4, &place), (5, &1u32.to_be_bytes()), (7, kind.as_bytes())],
    )
}

/// An entry of a list, with the chain that it is where it is one of nf_tables.
fn listed(list: u8, hook: u32, priority: i32, function: &str, of: Option<(Option<u8>, &str, &str)>) -> Vec<u8> {
    at_device(list, hook, priority, function, of, None)
}

fn at_device(
    list: u8,
    hook: u32,
    priority: i32,
    function: &str,
    of: Option<(Option<u8>, &str, &str)>,
    device: Option<&str>,
) -> Vec<u8> {
    let function = format!("{function}\0");
    let mut attributes: Vec<(u16, Vec<u8>)> =
        vec![(4, function.into()), (1, hook.to_be_bytes().into()), (2, priority.to_be_bytes().into())];
    if let Some((family, table, chain)) = of {
        let (table, chain) = (format!("{table}\0"), format!("{chain}\0"));
        let mut told = nested(&[(1, table.as_bytes()), (3, chain.as_bytes())]);
        if let Some(family) = family {
            push_attribute(&mut told, 2, &[family]);
        }
        attributes.push((6, nested(&[(2, &1u32.to_be_bytes()), (1, &told)])));
    }
    // The kernel does not repeat the device; a recording of several tells them apart by it.
    attributes.extend(device.map(|device| (3, format!("{device}\0").into())));
    let attributes: Vec<(u16, &[u8])> = attributes.iter().map(|(kind, value)| (*kind, value.as_slice())).collect();
    message(12 << 8, list, &attributes)
}

/// A device, as rtnetlink tells of it.
fn link(index: i32, name: &str) -> Vec<u8> {
    let mut body = [&[0, 0, 1, 0][..], &index.to_ne_bytes(), &[0; 8]].concat();
    push_attribute(&mut body, 3, format!("{name}\0").as_bytes());
    let mut framed = Vec::new();
    frame(&mut framed, 16, 2, 0, &body);
    framed
}

fn common(messages: &[Vec<u8>]) -> Common {
    let nowhere = Folder::with(&[("proc/sys/kernel/osrelease", "")]);
    let proc = nowhere.path().join("proc");
    Common {
        answers: Answers::Recorded(messages.concat().into()),
        loaded: Loaded::read(&proc, &proc),
        held: Held::default(),
        found: Vec::new(),
        elements: Elements::All,
    }
}

/// What is made of the messages of a whole namespace.
fn read(messages: &[Vec<u8>]) -> Namespace {
    let nowhere = Folder::with(&[]);
    let mut ns = Namespace::default();
    netfilter::read(nowhere.path(), &common(messages), &mut ns);
    ns
}

/// The chains of a hook and priority in the order of their ranks, each with `?` where that is a guess.
fn order(ruleset: &Ruleset, hook: Hook, priority: i32) -> Vec<String> {
    let mut found: Vec<(u32, String)> = Vec::new();
    for (id, chain) in ruleset.chains() {
        let Some(base) = chain.base.as_ref().filter(|base| (base.hook, base.priority.0) == (hook, priority)) else {
            continue;
        };
        let Registration::Registered(place) = base.registration else { continue };
        let sign = if matches!(place, Place::Guessed(_)) { "?" } else { "" };
        found.push((place.rank(), format!("{} {}{sign}", ruleset.table(id).name, chain.name)));
    }
    found.sort();
    found.into_iter().map(|(_, name)| name).collect()
}

/// Two tables of IPv4, one of IPv6 and one of both, all at input 0, listed in the order of creation.
fn tables() -> Vec<Vec<u8>> {
    vec![
        generation(),
        table(IP, "a"),
        table(IP, "b"),
        table(INET, "both"),
        table(IP6, "six"),
        chain(IP, ("a", "c"), "filter", 1, 0, &[]),
        chain(IP, ("b", "c"), "filter", 1, 0, &[]),
        chain(INET, ("both", "c"), "filter", 1, 0, &[]),
        chain(IP6, ("six", "c"), "filter", 1, 0, &[]),
    ]
}

#[test]
fn lists_of_both_families_make_one_order() {
    let mut messages = tables();
    let unranked = read(&messages);
    assert_eq!(order(&unranked.ruleset, Hook::Input, 0), ["six c?", "both c?", "b c?", "a c?"]);
    assert_eq!(unranked.unread(What::Hooks).map(|unread| &*unread.needs), Some("a kernel that lists its hooks"));
    messages.extend([
        listed(IP, 1, -225, "selinux_ip_forward", None),
        listed(IP, 1, 0, "nft_do_chain_ipv4", Some((Some(IP), "a", "c"))),
        listed(IP, 1, 0, "nft_do_chain_inet", Some((Some(INET), "both", "c"))),
        listed(IP, 1, 0, "nft_do_chain_ipv4", Some((Some(IP), "b", "c"))),
        listed(IP6, 1, 0, "nft_do_chain_ipv6", Some((Some(IP6), "six", "c"))),
        listed(IP6, 1, 0, "nft_do_chain_inet", Some((Some(INET), "both", "c"))),
    ]);
    let ranked = read(&messages);
    assert_eq!(order(&ranked.ruleset, Hook::Input, 0), ["a c", "six c", "both c", "b c"]);
    assert!(ranked.is_read(What::Hooks), "{:?}", ranked.unread);
}

#[test]
fn a_list_without_families_tells_what_is_not_ambiguous() {
    let mut messages = tables();
    messages.extend([table(INET, "a"), chain(INET, ("a", "c"), "filter", 1, 0, &[])]);
    messages.extend(["a", "both", "b"].map(|table| listed(IP, 1, 0, "nft_do_chain_ipv4", Some((None, table, "c")))));
    let ns = read(&messages);
    assert_eq!(order(&ns.ruleset, Hook::Input, 0), ["both c", "b c", "a c?", "six c?", "a c?"]);
    assert!(!ns.is_read(What::Hooks));
}

#[test]
fn what_is_not_listed_or_listed_elsewhere_stays_a_guess() {
    let mut messages = tables();
    messages.extend([
        // Another priority than its table says: it was made anew meanwhile.
        listed(IP, 1, 5, "nft_do_chain_ipv4", Some((Some(IP), "a", "c"))),
        listed(IP, 1, 0, "nft_do_chain_ipv4", Some((Some(IP), "b", "c"))),
        listed(IP, 1, 0, "nft_do_chain_ipv4", Some((Some(IP), "gone", "c"))),
        listed(IP, 1, 0, "ipt_do_table", None),
        listed(IP, 1, 0, "bpf_prog", None),
    ]);
    let ns = read(&messages);
    assert_eq!(order(&ns.ruleset, Hook::Input, 0), ["b c", "six c?", "both c?", "a c?"]);
}

#[test]
fn chains_of_type_nat_stay_guessed_within_their_dispatcher() {
    let at = (0, -100);
    let mut messages = vec![generation(), table(IP, "a"), table(IP, "b"), table(IP, "f"), table(IP, "g")];
    messages.extend(["a", "b"].map(|table| chain(IP, (table, "pre"), "nat", at.0, at.1, &[])));
    messages.extend(["f", "g"].map(|table| chain(IP, (table, "pre"), "filter", at.0, at.1, &[])));
    messages.extend([
        listed(IP, at.0, at.1, "nft_do_chain_ipv4", Some((Some(IP), "f", "pre"))),
        listed(IP, at.0, at.1, "nf_nat_ipv4_pre_routing", None),
        listed(IP, at.0, at.1, "nft_do_chain_ipv4", Some((Some(IP), "g", "pre"))),
    ]);
    let ns = read(&messages);
    assert_eq!(order(&ns.ruleset, Hook::Prerouting, -100), ["f pre", "g pre", "b pre?", "a pre?"]);
    let needs = ns.unread(What::Hooks).map(|unread| &*unread.needs);
    assert_eq!(needs, Some("a kernel that lists the chains within its nat hooks"));
}

#[test]
fn legacy_tables_are_known_by_their_functions() {
    let legacy = |family, name: &str, priority| {
        let base = Base {
            kind: ChainType::Filter,
            hook: Hook::Forward,
            priority: Priority(priority),
            policy: Policy::Accept,
            registration: Registration::Registered(Place::Guessed(0)),
        };
        Table {
            family,
            name: name.into(),
            backend: Backend::IptablesLegacy,
            chains: vec![Chain {
                name: "FORWARD".into(),
                base: Some(base),
                rules: Vec::new(),
                details: Default::default(),
            }],
            sets: Vec::new(),
            particulars: Default::default(),
        }
    };
    // The functions of old kernels and of new ones.
    for (filter, mangle, filter6) in [
        ("iptable_filter_hook", "iptable_mangle_hook", "ip6table_filter_hook"),
        ("ipt_do_table", "iptable_mangle_hook.isra.0", "ip6t_do_table"),
    ] {
        let messages = [
            table(IP, "n"),
            table(IP6, "n"),
            chain(IP, ("n", "m"), "filter", 2, -150, &[]),
            chain(IP, ("n", "f"), "filter", 2, 0, &[]),
            chain(IP6, ("n", "f"), "filter", 2, 0, &[]),
            listed(IP, 2, -150, mangle, None),
            listed(IP, 2, -150, "nft_do_chain_ipv4", Some((Some(IP), "n", "m"))),
            listed(IP, 2, 0, "nft_do_chain_ipv4", Some((Some(IP), "n", "f"))),
            listed(IP, 2, 0, filter, None),
            listed(IP6, 2, 0, filter6, None),
            listed(IP6, 2, 0, "nft_do_chain_ipv6", Some((Some(IP6), "n", "f"))),
        ];
        let mut ruleset = recorded::nf_tables(&messages.concat()).unwrap().0;
        for (family, name, priority) in
            [(Family::Ip, "mangle", -150), (Family::Ip, "filter", 0), (Family::Ip6, "filter", 0)]
        {
            ruleset.tables.push(legacy(family, name, priority));
        }
        ruleset.rank_by_listing();
        assert!(hooks::rank(&Answers::Recorded(messages.concat().into()), &[], &mut ruleset).unwrap());
        assert_eq!(order(&ruleset, Hook::Forward, -150), ["mangle FORWARD", "n m"]);
        let places = ruleset.chains().filter_map(|(id, chain)| {
            let base = chain.base.as_ref().filter(|base| base.priority == Priority(0))?;
            let Registration::Registered(Place::Known(rank)) = base.registration else { panic!("{chain:?}") };
            let table = ruleset.table(id);
            Some(((table.family, table.backend), rank))
        });
        let ranks: std::collections::HashMap<_, _> = places.collect();
        assert!(ranks[&(Family::Ip, Backend::Nft)] < ranks[&(Family::Ip, Backend::IptablesLegacy)]);
        assert!(ranks[&(Family::Ip6, Backend::IptablesLegacy)] < ranks[&(Family::Ip6, Backend::Nft)]);
    }
}

#[test]
fn chains_at_devices_have_one_order_or_none() {
    let mut messages = vec![
        generation(),
        link(2, "eth0"),
        link(3, "eth1"),
        table(NETDEV, "n"),
        table(INET, "i"),
        chain(NETDEV, ("n", "x"), "filter", 0, 0, &["eth0", "eth1"]),
        chain(NETDEV, ("n", "y"), "filter", 0, 0, &["eth0", "eth1"]),
        chain(INET, ("i", "z"), "filter", 5, 0, &["eth1"]),
    ];
    let entry = |device, family, table, chain| {
        at_device(NETDEV, 0, 0, "nft_do_chain_netdev", Some((Some(family), table, chain)), Some(device))
    };
    let ranked = |messages: &[Vec<u8>]| {
        let mut ruleset = recorded::nf_tables(&messages.concat()).unwrap().0;
        for chain in ruleset.tables.iter_mut().flat_map(|table| &mut table.chains) {
            let device = |name: &str| InterfacePattern { name: name.into(), prefix: false };
            let devices = if &*chain.name == "z" { &["eth1"][..] } else { &["eth0", "eth1"] };
            chain.details.devices = devices.iter().map(|name| device(name)).collect();
        }
        let links = recorded::routing(&messages.concat()).unwrap().links;
        hooks::rank(&Answers::Recorded(messages.concat().into()), &links, &mut ruleset).unwrap();
        order(&ruleset, Hook::Ingress, 0)
    };
    messages.extend([
        entry("eth0", NETDEV, "n", "y"),
        entry("eth0", NETDEV, "n", "x"),
        entry("eth1", NETDEV, "n", "y"),
        entry("eth1", INET, "i", "z"),
        entry("eth1", NETDEV, "n", "x"),
    ]);
    assert_eq!(ranked(&messages), ["n y", "i z", "n x"]);
    messages.truncate(messages.len() - 3);
    messages.extend([entry("eth1", NETDEV, "n", "x"), entry("eth1", NETDEV, "n", "y")]);
    assert_eq!(ranked(&messages), ["i z?", "n y?", "n x?"], "the devices have them in different orders");
}
