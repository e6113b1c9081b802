//! What is replaced of a host but for its rules: namespaces, devices, addresses, routes, sockets.
//!
//! Each type is taken apart whole, so that a field that comes to it must be looked at here.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::labels::Kind;
use super::{Stage, Words, ipsets, iptables, native};
use crate::host::names::Name;
use crate::host::net::{Address, FdbEntry, Link, LinkKind, Neighbour};
use crate::host::route::{NextHop, PolicyRule, Route};
use crate::host::socket::{Process, Socket};
use crate::host::sysctl::Sysctls;
use crate::host::{Body, Host, Namespace, Unread};

pub(super) fn host(words: &mut Words, host: &mut Host) {
    let Host { node, kernel: _, taken, namespaces, viewed: _ } = host;
    if let Some(node) = node {
        words.string(Kind::Node, node);
    }
    // When it was, in any words: a day is a day.
    let is_day = |c: char| c.is_ascii_digit() || "-:.TZ +".contains(c);
    if words.stage == Stage::Replace && taken.as_ref().is_some_and(|taken| !taken.chars().all(is_day)) {
        *taken = None;
    }
    // The kinds of devices are known before any is named.
    for ns in namespaces.iter() {
        ns.links.iter().for_each(|link| words.labels.note_link(&link.name, &link.kind));
    }
    namespaces.iter_mut().for_each(|ns| namespace(words, ns));
}

fn namespace(words: &mut Words, ns: &mut Namespace) {
    let Namespace {
        name,
        ids,
        links,
        addresses,
        routes,
        policy_rules,
        neighbours,
        fdb,
        sysctls,
        sockets,
        programs,
        ruleset,
        ipsets: sets,
        observations,
        unread,
    } = ns;
    words.string(Kind::Namespace, name);
    ids.iter_mut().for_each(|(_, name)| words.string(Kind::Namespace, name));
    links.iter_mut().for_each(|link| self::link(words, link));
    addresses.iter_mut().for_each(|address| self::address(words, address));
    routes.iter_mut().for_each(|route| self::route(words, route));
    policy_rules.iter_mut().for_each(|rule| policy_rule(words, rule));
    for Neighbour { link: _, addr, mac } in neighbours {
        words.address(addr);
        mac.iter_mut().for_each(|mac| words.mac(mac));
    }
    for FdbEntry { port: _, mac, own: _ } in fdb {
        words.mac(mac);
    }
    self::sysctls(words, sysctls);
    sockets.iter_mut().for_each(|socket| self::socket(words, socket));
    if words.stage == Stage::Replace {
        // A command line may hold anything, and a control group names who runs what.
        programs.clear();
    }
    for (index, table) in (0..).zip(&mut ruleset.tables) {
        // Sets are found by the names that they have in both.
        let kinds = native::kinds(table);
        native::table(words, index, table, observations);
        let family = table.family;
        for rule in table.chains.iter_mut().flat_map(|chain| &mut chain.rules) {
            match &mut rule.body {
                Body::Iptables(rule) => iptables::rule(words, rule),
                Body::Nft(rule) => native::rule(words, family, &kinds, rule),
            }
        }
    }
    sets.iter_mut().for_each(|set| ipsets::set(words, set));
    for Unread { what: _, needs, torn: _ } in unread {
        words.prose(needs);
    }
}

fn link(words: &mut Words, link: &mut Link) {
    let Link { index: _, name, kind, up: _, carrier: _, mac, mtu: _, master: _, peer: _, bridge: _, port: _ } = link;
    match kind {
        LinkKind::Other(kind) => words.prose(kind),
        LinkKind::Loopback
        | LinkKind::Plain
        | LinkKind::Veth
        | LinkKind::Bridge
        | LinkKind::Macvlan(_)
        | LinkKind::Ipvlan(_)
        | LinkKind::Vrf(_) => {}
    }
    words.string(Kind::Device, name);
    mac.iter_mut().for_each(|mac| words.mac(mac));
}

fn address(words: &mut Words, address: &mut Address) {
    let Address { link: _, net, scope: _, secondary: _, tentative: _, deprecated: _ } = address;
    if words.stage == Stage::Gather {
        words.addresses.note_subnet(*net);
        words.addresses.note(net.addr());
    } else if let Ok(new) = IpNet::new(words.addresses.replaced(net.addr()), net.prefix_len()) {
        *net = new;
    }
}

fn route(words: &mut Words, route: &mut Route) {
    let Route { table: _, kind: _, dst, from, tos: _, metric: _, prefsrc, scope: _, next_hops } = route;
    words.net(dst);
    from.iter_mut().for_each(|from| words.net(from));
    prefsrc.iter_mut().for_each(|address| words.address(address));
    for NextHop { gateway, link: _, weight: _, dead: _ } in next_hops {
        gateway.iter_mut().for_each(|address| words.address(address));
    }
}

fn policy_rule(words: &mut Words, rule: &mut PolicyRule) {
    let PolicyRule {
        family: _,
        priority: _,
        invert: _,
        from,
        to,
        iif,
        oif,
        fwmark: _,
        tos: _,
        dscp: _,
        uids: _,
        protocol: _,
        sports: _,
        dports: _,
        l3mdev: _,
        suppress_prefixlength: _,
        action: _,
    } = rule;
    from.iter_mut().chain(to).for_each(|net| words.net(net));
    iif.iter_mut().chain(oif).for_each(|name| words.string(Kind::Device, name));
}

fn sysctls(words: &mut Words, sysctls: &mut Sysctls) {
    let Sysctls {
        ip_forward: _,
        bridge_call_iptables: _,
        bridge_call_ip6tables: _,
        bridge_call_arptables: _,
        conntrack_tcp_loose: _,
        tcp_l3mdev_accept: _,
        udp_l3mdev_accept: _,
        icmp_echo_ignore_all: _,
        icmp_echo_ignore_broadcasts: _,
        icmp6_echo_ignore_all: _,
        icmp6_echo_ignore_multicast: _,
        ip,
        ip6,
    } = sysctls;
    named(words, ip);
    named(words, ip6);
}

/// What is told of devices by their names.
fn named<T>(words: &mut Words, devices: &mut BTreeMap<String, T>) {
    let named = std::mem::take(devices).into_iter().map(|(mut name, value)| {
        words.string(Kind::Device, &mut name);
        (name, value)
    });
    *devices = named.collect();
}

fn socket(words: &mut Words, socket: &mut Socket) {
    let Socket { protocol: _, addr, port: _, v6only: _, device, peer, inode: _, uid: _, transparent: _, processes } =
        socket;
    words.address(addr);
    device.iter_mut().for_each(|name| words.string(Kind::Device, name));
    peer.iter_mut().for_each(|(address, _)| words.address(address));
    for Process { pid: _, name } in processes {
        words.string(Kind::Process, name);
    }
}

/// A device's name, or what the names of some begin with.
pub(super) fn pattern(words: &mut Words, name: &mut Name, prefix: bool) {
    match (words.stage, prefix) {
        (_, false) => words.label(Kind::Device, name),
        (Stage::Gather, true) => words.labels.note_beginning(name),
        (Stage::Replace, true) => *name = words.labels.replaced_beginning(name),
    }
}
