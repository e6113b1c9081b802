//! One route: `struct rtmsg` and its attributes (rtnetlink(7)).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netlink_packet_core::ParseableParametrized;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteLwEnCapType, RouteNextHopFlags, RouteType, RouteVia,
};

use super::address::scope;
use crate::host::{IpFamily, NextHop, Route, RouteKind};

const HEADER: usize = 12;
/// `struct rtnexthop`.
const HOP_HEADER: usize = 8;
/// `RTA_VIA` and `RTA_NH_ID` of linux/rtnetlink.h.
const RTA_VIA: u16 = 18;
const RTA_NH_ID: u16 = 30;
const KINDS: [u16; 9] = [
    libc::RTA_DST,
    libc::RTA_SRC,
    libc::RTA_OIF,
    libc::RTA_GATEWAY,
    libc::RTA_PRIORITY,
    libc::RTA_PREFSRC,
    libc::RTA_TABLE,
    RTA_VIA,
    RTA_NH_ID,
];

/// A route as its message tells it.
pub(super) struct Read {
    pub(super) route: Route,
    /// The message names its next hops by an id and does not say more of them.
    pub(super) hop_ids_only: bool,
    id: Option<u32>,
}

impl Read {
    /// Fills in the next hops by their id.
    pub(super) fn resolve(&mut self, known: &HashMap<u32, Vec<NextHop>>) {
        match self.id.and_then(|id| known.get(&id)) {
            // A next hop without a device is a blackhole.
            Some(hops) if hops.is_empty() => self.route.kind = RouteKind::Blackhole,
            Some(hops) => self.route.next_hops = hops.clone(),
            None => {}
        }
    }
}

pub(super) fn decode(body: &[u8]) -> Option<Read> {
    let header = RouteHeader::parse(body).ok()?;
    let family = family(header.address_family)?;
    if header.flags.contains(RouteFlags::Cloned) {
        // What was learned for one destination, by redirects and the like, is no route of a table.
        return None;
    }
    let attributes = body.get(HEADER..)?;
    let mut found = Found { table: u32::from(header.table), ..Found::default() };
    for attribute in super::attributes(attributes, &KINDS) {
        let what = (header.address_family, header.kind, RouteLwEnCapType::None);
        if let Ok(attribute) = RouteAttribute::parse_with_param(&attribute, what) {
            found.take(attribute);
        }
    }
    let kind = kind(header.kind)?;
    let multipath = super::attributes(attributes, &[libc::RTA_MULTIPATH]).next().map(|several| {
        // The attribute's value, without its own header.
        several.into_inner().get(4..usize::from(several.length())).unwrap_or_default()
    });
    let next_hops = match multipath {
        // The device that IPv6 names for a route that leads nowhere means nothing.
        _ if leads_nowhere(kind) => Vec::new(),
        Some(hops) => several(hops, header.address_family),
        None if found.gateway.is_some() || found.link.is_some() => {
            vec![found.hop(1, header.flags.contains(RouteFlags::Dead))]
        }
        None => Vec::new(),
    };
    let net = |addr: Option<IpAddr>, length| IpNet::new(addr.unwrap_or(unspecified(family)), length).ok();
    let hop_ids_only = next_hops.is_empty() && found.id.is_some() && !leads_nowhere(kind);
    let route = Route {
        table: found.table,
        kind,
        dst: net(found.dst, header.destination_prefix_length)?,
        from: match header.source_prefix_length {
            0 => None,
            length => Some(net(found.src, length)?),
        },
        tos: header.tos,
        metric: found.metric,
        prefsrc: found.prefsrc,
        scope: scope(u8::from(header.scope)),
        next_hops,
    };
    Some(Read { route, hop_ids_only, id: found.id })
}

/// The attributes of a route, or of one of its next hops.
#[derive(Default)]
struct Found {
    table: u32,
    dst: Option<IpAddr>,
    src: Option<IpAddr>,
    prefsrc: Option<IpAddr>,
    gateway: Option<IpAddr>,
    link: Option<u32>,
    metric: u32,
    id: Option<u32>,
}

impl Found {
    fn take(&mut self, attribute: RouteAttribute) {
        match attribute {
            RouteAttribute::Destination(to) => self.dst = addr(&to),
            RouteAttribute::Source(from) => self.src = addr(&from),
            RouteAttribute::PrefSource(own) => self.prefsrc = addr(&own),
            RouteAttribute::Gateway(router) => self.gateway = addr(&router),
            // A router of the other family.
            RouteAttribute::Via(RouteVia::Inet(router)) => self.gateway = Some(IpAddr::V4(router)),
            RouteAttribute::Via(RouteVia::Inet6(router)) => self.gateway = Some(IpAddr::V6(router)),
            RouteAttribute::Oif(link) => self.link = Some(link),
            RouteAttribute::Priority(metric) => self.metric = metric,
            RouteAttribute::Table(table) => self.table = table,
            RouteAttribute::NhId(id) => self.id = Some(id),
            _ => {}
        }
    }

    fn hop(&self, weight: u16, dead: bool) -> NextHop {
        NextHop { gateway: self.gateway, link: self.link.unwrap_or(0), weight, dead }
    }
}

/// The next hops of a multipath route: `struct rtnexthop`, each with attributes of its own.
fn several(mut bytes: &[u8], family: AddressFamily) -> Vec<NextHop> {
    let mut hops = Vec::new();
    while let [l0, l1, flags, weight, i0, i1, i2, i3, ..] = *bytes {
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let Some(attributes) = bytes.get(HOP_HEADER..length) else { break };
        let mut found = Found { link: Some(u32::from_ne_bytes([i0, i1, i2, i3])), ..Found::default() };
        for attribute in super::attributes(attributes, &[libc::RTA_GATEWAY, RTA_VIA]) {
            let what = (family, RouteType::Unicast, RouteLwEnCapType::None);
            if let Ok(attribute) = RouteAttribute::parse_with_param(&attribute, what) {
                found.take(attribute);
            }
        }
        // `linkdown` alone does not stop the kernel from using it: ignore_routes_with_linkdown is off by default.
        let dead = RouteNextHopFlags::from_bits_retain(flags).contains(RouteNextHopFlags::Dead);
        hops.push(found.hop(u16::from(weight) + 1, dead));
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    hops
}

pub(super) fn addr(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(addr) => Some(IpAddr::V4(*addr)),
        RouteAddress::Inet6(addr) => Some(IpAddr::V6(*addr)),
        _ => None,
    }
}

fn unspecified(family: IpFamily) -> IpAddr {
    match family {
        IpFamily::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpFamily::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

/// Multicast routing has families of its own, which are not looked at.
pub(super) fn family(family: AddressFamily) -> Option<IpFamily> {
    match family {
        AddressFamily::Inet => Some(IpFamily::V4),
        AddressFamily::Inet6 => Some(IpFamily::V6),
        _ => None,
    }
}

fn kind(kind: RouteType) -> Option<RouteKind> {
    Some(match kind {
        RouteType::Unicast => RouteKind::Unicast,
        RouteType::Local => RouteKind::Local,
        RouteType::Broadcast => RouteKind::Broadcast,
        RouteType::Anycast => RouteKind::Anycast,
        RouteType::Multicast => RouteKind::Multicast,
        RouteType::BlackHole => RouteKind::Blackhole,
        RouteType::Unreachable => RouteKind::Unreachable,
        RouteType::Prohibit => RouteKind::Prohibit,
        RouteType::Throw => RouteKind::Throw,
        _ => return None,
    })
}

fn leads_nowhere(kind: RouteKind) -> bool {
    match kind {
        RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Throw => true,
        RouteKind::Unicast | RouteKind::Local | RouteKind::Broadcast | RouteKind::Anycast | RouteKind::Multicast => {
            false
        }
    }
}
