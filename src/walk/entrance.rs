//! What a query leaves to be understood of a frame that comes in: a bridge's port, and to whom it is addressed.

use std::net::IpAddr;

use super::field::Field;
use super::frames::{TO_ALL, TO_HOST, TO_MANY, TO_OTHER};
use super::macvlan;
use super::onward;
use super::plan::Plan;
use super::query::{Origin, Query, number};
use super::route::multicast;
use super::set::ValueSet;
use crate::host::route::{TABLE_LOCAL, TABLE_MAIN};
use crate::host::{IpFamily, Link, LinkKind, Route, RouteKind};

/// The devices that the packets of a query may enter by which come by the one with this name: where that is a bridge, the port
/// behind which their sender is known to be, or any.
pub(super) fn devices(plan: &Plan<'_>, name: &str, query: &Query) -> ValueSet {
    let namespace = plan.namespace();
    let itself = ValueSet::one(plan.devices.class_of(name));
    let Some(bridge) = namespace.link(name).filter(|link| link.kind == LinkKind::Bridge) else { return itself };
    let neighbour =
        || onward::mac_of(namespace, bridge.index, query.known_address(Field::Src)?).map(|mac| mac.number());
    let sender = query.known(Field::SrcMac).or_else(neighbour);
    let known = namespace.fdb.iter().find(|entry| Some(entry.mac.number()) == sender && !entry.own);
    let behind = |port: &&Link| known.is_none_or(|entry| entry.port == port.index);
    let ports: Vec<&Link> = onward::ports(namespace, bridge).collect();
    let entered = if ports.iter().any(behind) { ports.into_iter().filter(behind).collect() } else { ports };
    let numbers = entered.into_iter().filter_map(|port| plan.devices.number(&port.name));
    let numbers = ValueSet::from_ranges(numbers.map(|number| (number, number)));
    if numbers.is_empty() { itself } else { numbers }
}

/// To whom the frame of a query's packets is addressed (`PACKET_*`).
pub(super) fn addressed(plan: &Plan<'_>, query: &Query) -> u128 {
    let dst = query.values(Field::Dst);
    let (first, last) = multicast(query.family);
    match &query.origin {
        Origin::Local => TO_HOST,
        Origin::Device(_) | Origin::Somewhere if dst.within(&ValueSet::range(first, last)) => TO_MANY,
        Origin::Device(_) | Origin::Somewhere if dst.within(&to_all(plan, query.family)) => TO_ALL,
        Origin::Device(name) if query.known_address(Field::Dst).is_some_and(|dst| passes_by(plan, name, dst)) => {
            TO_OTHER
        }
        Origin::Device(_) | Origin::Somewhere => TO_HOST,
    }
}

/// The addresses that everybody answers to: who sends to one on its own net sends a frame to all.
fn to_all(plan: &Plan<'_>, family: IpFamily) -> ValueSet {
    if family == IpFamily::V6 {
        return ValueSet::empty();
    }
    let broadcast = |route: &&Route| route.kind == RouteKind::Broadcast && route.table == TABLE_LOCAL;
    let routes = plan.namespace().routes.iter().filter(broadcast).map(|route| route.dst);
    let ranges = routes.map(|dst| (number(dst.network()), number(dst.broadcast())));
    ValueSet::from_ranges(ranges.chain([(0xffff_ffff, 0xffff_ffff)]))
}

/// Whether who sends by this device addresses its frame to the destination itself, and not to this host: to a macvlan on it, or,
/// by a bridge or a port of one, to another host of the bridge's own net.
pub(super) fn passes_by(plan: &Plan<'_>, name: &str, dst: IpAddr) -> bool {
    let namespace = plan.namespace();
    if macvlan::passes_by(plan, name, dst) {
        return true;
    }
    let bridge = namespace.link(name).and_then(|link| match link.kind {
        LinkKind::Bridge => Some(link),
        _ => onward::bridge_of(namespace, link),
    });
    let Some(bridge) = bridge else { return false };
    let routes = namespace.routes.iter().filter(|route| matches!(route.table, TABLE_LOCAL | TABLE_MAIN));
    let best =
        routes.filter(|route| route.dst.contains(&dst)).max_by_key(|route| (route.dst.prefix_len(), route.table));
    best.is_some_and(|route| {
        let straight = route.next_hops.iter().all(|hop| hop.link == bridge.index && hop.gateway.is_none());
        route.kind == RouteKind::Unicast && straight
    })
}
