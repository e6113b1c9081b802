//! The packets that stand for "from there to this port", with every default filled in.
//!
//! It knows the devices, addresses and default routes of a namespace; it walks nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::finding::{From, Target};
use crate::host::route::TABLE_MAIN;
use crate::host::{IpFamily, Link, LinkKind, Namespace, Route, RouteKind, Scope, What};
use crate::walk::{Field, Origin, Query, ValueSet};

/// The queries that `from` stands for: one, or for [`From::Somewhere`] one for each device that a packet from outside
/// may come in by. None where nothing fits: another family, a device without an address to ask.
pub(super) fn queries(ns: &Namespace, index: usize, target: &Target, from: &From, family: IpFamily) -> Vec<Query> {
    if target.addr.is_some_and(|addr| IpFamily::of(addr) != family) {
        return Vec::new();
    }
    let ask = Ask { ns, index, target, family };
    match from {
        From::Somewhere if ns.is_read(What::Links) => {
            outside_devices(ns, family).into_iter().filter_map(|link| ask.arriving(&link.name)).collect()
        }
        From::Somewhere => vec![ask.at_any_address(Origin::Somewhere)],
        From::Outside(device) | From::Bridge(device) => {
            ask.devices(device).into_iter().filter_map(|device| ask.arriving(device)).collect()
        }
        From::Local(addr) => ask.local(*addr).into_iter().collect(),
    }
}

/// The devices that packets from outside come in by where none is named: those of the default routes, lowest metric first; without any,
/// the first that is up and has an address of the family.
pub(super) fn outside_devices(ns: &Namespace, family: IpFamily) -> Vec<&Link> {
    let mut defaults: Vec<(u32, u32)> = default_routes(ns, family)
        .flat_map(|route| route.next_hops.iter().filter(|hop| !hop.dead).map(|hop| (route.metric, hop.link)))
        .collect();
    defaults.sort_by_key(|(metric, _)| *metric);
    let mut links: Vec<&Link> = Vec::new();
    for (_, index) in defaults {
        if let Some(link) = ns.link_at(index).filter(|link| !link.is_loopback())
            && links.iter().all(|known| known.index != index)
        {
            links.push(link);
        }
    }
    if links.is_empty() {
        let usable = |link: &&Link| link.up && !link.is_loopback() && address_of(ns, link, family).is_some();
        links.extend(ns.links.iter().find(usable));
    }
    links
}

fn default_routes(ns: &Namespace, family: IpFamily) -> impl Iterator<Item = &Route> {
    ns.routes.iter().filter(move |route| {
        route.table == TABLE_MAIN
            && route.kind == RouteKind::Unicast
            && route.family() == family
            && route.dst.prefix_len() == 0
    })
}

/// Whether some device is known to lead to all other hosts.
pub(super) fn has_default_route(ns: &Namespace, family: IpFamily) -> bool {
    default_routes(ns, family).any(|route| route.next_hops.iter().any(|hop| !hop.dead))
}

/// The bridges that containers or other machines of this host may hang on, with an address that they can ask.
pub(super) fn bridges(ns: &Namespace, family: IpFamily) -> impl Iterator<Item = &Link> {
    ns.links
        .iter()
        .filter(move |link| link.kind == LinkKind::Bridge && link.up && address_of(ns, link, family).is_some())
}

/// The address of a device that others ask: the first that is global and settled, else the first.
pub(super) fn address_of(ns: &Namespace, link: &Link, family: IpFamily) -> Option<IpAddr> {
    let own = ns.addresses.iter().filter(|address| address.link == link.index && address.family() == family);
    own.min_by_key(|address| {
        let reach = match address.scope {
            Scope::Global => 0,
            Scope::Site => 1,
            Scope::Link => 2,
            Scope::Host => 3,
        };
        (reach, address.tentative, address.deprecated)
    })
    .map(|address| address.addr())
}

/// 127.0.0.1 or ::1.
pub(super) fn localhost(family: IpFamily) -> IpAddr {
    match family {
        IpFamily::V4 => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpFamily::V6 => IpAddr::V6(Ipv6Addr::LOCALHOST),
    }
}

/// What every query of one question has in common.
struct Ask<'a> {
    ns: &'a Namespace,
    index: usize,
    target: &'a Target,
    family: IpFamily,
}

impl Ask<'_> {
    fn to(&self, origin: Origin, dst: IpAddr) -> Query {
        let mut query = self.anywhere(origin);
        query.set_address(Field::Dst, dst);
        query
    }

    fn anywhere(&self, origin: Origin) -> Query {
        let mut query = Query::new(self.index, origin, self.family, self.target.protocol);
        if let Some(port) = self.target.port
            && self.target.protocol.has_ports()
        {
            query.set(Field::Dport, ValueSet::one(u128::from(port)));
        }
        query
    }

    /// To the address of the target, or to some address of a host whose addresses nobody knows.
    fn at_any_address(&self, origin: Origin) -> Query {
        match self.target.one_addr() {
            Some(addr) => self.to(origin, addr),
            None => self.at_own_address(origin),
        }
    }

    /// To some address of this host beside localhost.
    fn at_own_address(&self, origin: Origin) -> Query {
        let mut query = self.anywhere(origin);
        query.dst_is_local = true;
        // Localhost, and what no host has: nobody's address, those of many, and those that are reserved.
        let others = match self.family {
            IpFamily::V4 => [(0, 0x00ff_ffff), (0x7f00_0000, 0x7fff_ffff), (0xe000_0000, 0xffff_ffff)],
            IpFamily::V6 => [(0, 0), (1, 1), (0xff << 120, u128::MAX)],
        };
        query.set(Field::Dst, ValueSet::full(self.family.bits()).minus(&ValueSet::from_ranges(others)));
        query
    }

    /// The devices that a packet comes in by which is said to come by this one: the ports of a VRF.
    fn devices<'d>(&'d self, device: &'d str) -> Vec<&'d str> {
        let vrf = self.ns.link(device).filter(|link| matches!(link.kind, LinkKind::Vrf(_)));
        let Some(vrf) = vrf else { return vec![device] };
        let ports = self.ns.links.iter().filter(|link| link.master == Some(vrf.index) && link.up);
        ports.map(|port| port.name.as_str()).collect()
    }

    fn arriving(&self, device: &str) -> Option<Query> {
        let origin = Origin::Device(device.to_owned());
        if !self.ns.is_read(What::Links) || !self.ns.is_read(What::Addresses) {
            return Some(self.at_any_address(origin));
        }
        let link = self.ns.link(device)?;
        let dst = self.target.one_addr().or_else(|| address_of(self.ns, link, self.family))?;
        Some(self.to(origin, dst))
    }

    fn local(&self, addr: IpAddr) -> Option<Query> {
        let dst = self.target.one_addr().unwrap_or(addr);
        if IpFamily::of(dst) != self.family {
            return None;
        }
        if dst.is_unspecified() {
            // Some address of this host beside localhost: all that a dump without addresses allows to say.
            let query = self.at_own_address(Origin::Local);
            return Some(query);
        }
        Some(self.to(Origin::Local, dst))
    }
}

#[cfg(test)]
mod tests;
