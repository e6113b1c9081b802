//! The places that a packet to a port can come from.
//!
//! It knows addresses, devices and what a socket can hear; it walks nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::finding::{From, Target};
use super::{outside, queries, sockets};
use crate::host::{Host, IpFamily, Link, Namespace, Scope, What};

/// Every place that a packet to the target can come from, in the order in which they are shown: outside by each device,
/// this host by its own address, localhost, each bridge; IPv4 before IPv6.
pub(super) fn places(host: &Host, namespace: usize, target: &Target) -> Vec<(From, IpFamily)> {
    let ns = &host.namespaces[namespace];
    let mut places = Vec::new();
    for family in families(ns, target) {
        let found = match target.one_addr() {
            None => of_any_address(host, namespace, family),
            Some(addr) if addr.is_loopback() => vec![From::Local(addr)],
            Some(addr) => of_address(host, namespace, addr, family),
        };
        places.extend(found.into_iter().map(|from| (from, family)));
    }
    places
}

/// The families in which the target can be asked: those that its socket hears, or of which this host has addresses or
/// rules.
fn families(ns: &Namespace, target: &Target) -> Vec<IpFamily> {
    let both = [IpFamily::V4, IpFamily::V6];
    if let Some(addr) = target.addr {
        return vec![IpFamily::of(addr)];
    }
    let socket = target.socket.and_then(|index| ns.sockets.get(index));
    let heard = both.into_iter().filter(|family| socket.is_none_or(|socket| sockets::hears(socket, *family)));
    heard.filter(|family| socket.is_some() || has(ns, *family)).collect()
}

/// Whether the host has something to do with this family.
fn has(ns: &Namespace, family: IpFamily) -> bool {
    if ns.is_read(What::Addresses) {
        return ns.addresses.iter().any(|address| address.family() == family);
    }
    let mut tables = ns.ruleset.tables.iter();
    tables.any(|table| table.family.sees(family)) || ns.ruleset.tables.is_empty() && family == IpFamily::V4
}

fn of_any_address(host: &Host, namespace: usize, family: IpFamily) -> Vec<From> {
    let ns = &host.namespaces[namespace];
    if !ns.is_read(What::Links) || !ns.is_read(What::Addresses) {
        let anywhere = match family {
            IpFamily::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpFamily::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        return vec![From::Somewhere, From::Local(anywhere), From::Local(queries::localhost(family))];
    }
    let outside = outside::devices(host, namespace, family);
    let mut places: Vec<From> = outside.iter().map(|link| From::Outside(link.name.clone())).collect();
    // By itself this host asks the address that others know it by; without an outside, the first of its own. Who is bound to no
    // VRF asks none of theirs.
    let own = |link: &Link| queries::address_of(ns, link, family);
    let in_no_vrf = |link: &&Link| ns.vrf_of(link).is_none() && !link.is_loopback();
    let own = outside.iter().copied().filter(in_no_vrf).find_map(own);
    let own = own.or_else(|| ns.links.iter().filter(in_no_vrf).find_map(|link| queries::address_of(ns, link, family)));
    places.extend(own.map(From::Local));
    if has(ns, family) {
        places.push(From::Local(queries::localhost(family)));
    }
    places.extend(bridges(ns, family, &outside));
    places
}

fn of_address(host: &Host, namespace: usize, addr: IpAddr, family: IpFamily) -> Vec<From> {
    let ns = &host.namespaces[namespace];
    if !ns.is_read(What::Links) || !ns.is_read(What::Addresses) {
        return vec![From::Somewhere, From::Local(addr)];
    }
    let own = ns.addresses.iter().find(|address| address.addr() == addr);
    // A link-local address can be asked on its own link only.
    let on_link = own.filter(|address| address.scope == Scope::Link).and_then(|address| ns.link_at(address.link));
    let reaches = |link: &Link| on_link.is_none_or(|own| own.index == link.index);
    let outside = outside::devices(host, namespace, family);
    let mut places: Vec<From> =
        outside.iter().filter(|link| reaches(link)).map(|link| From::Outside(link.name.clone())).collect();
    places.push(From::Local(addr));
    let bridges: Vec<_> = bridges(ns, family, &outside).collect();
    places.extend(bridges.into_iter().filter(|from| match from {
        From::Bridge(name) => ns.link(name).is_some_and(reaches),
        From::Outside(_) | From::Somewhere | From::Local(_) => true,
    }));
    places
}

/// The bridges that packets do not come in by from outside anyway.
fn bridges<'a>(ns: &'a Namespace, family: IpFamily, outside: &'a [&Link]) -> impl Iterator<Item = From> + 'a {
    queries::bridges(ns, family)
        .filter(|link| outside.iter().all(|known| known.index != link.index))
        .map(|link| From::Bridge(link.name.clone()))
}
