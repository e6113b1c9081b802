//! Where a frame goes that left a namespace by a device: to the other end of a veth, or to one of a bridge's ports. What stands
//! on a device is for `macvlan` to say.
//!
//! `veth_xmit`, `br_dev_xmit`, `br_handle_frame_finish`. Knows devices, neighbours and forwarding databases; deliberately looks
//! at no rule. What it cannot tell is nowhere: the packet has left, and that is all that is said of it.

use std::net::IpAddr;

use super::wires::Wires;
use crate::host::{Host, IpFamily, Link, LinkKind, Mac, Namespace, Peer};

/// How many bridges are looked through for whoever is meant: more are a loop.
const BRIDGES: usize = 8;

/// To whom a frame is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    /// The host that is to get it: a router, or its destination.
    pub(super) next_hop: IpAddr,
    /// That host's link-layer address, where the sender knows it already.
    pub(super) to: Option<Mac>,
    /// The sender's.
    pub(super) from: Option<Mac>,
}

/// Where a frame comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrival {
    /// Index of the namespace.
    pub(super) namespace: usize,
    /// Index of the device it comes in by.
    pub(super) link: u32,
    /// It is for this host, or its bridge, and not for who is behind another port.
    pub(super) is_meant: bool,
}

/// Where a bridge sends a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Port {
    /// Out by the port with this index.
    Out(u32),
    /// Whoever is meant is behind this port.
    Behind(u32),
    /// To every port, and nobody can tell who takes it.
    All,
}

/// The link-layer address of a neighbour.
pub(super) fn mac_of(ns: &Namespace, link: u32, addr: IpAddr) -> Option<Mac> {
    ns.neighbours.iter().find(|known| known.link == link && known.addr == addr).and_then(|known| known.mac)
}

/// Where a frame comes in that left by a device: at the other end of a veth, unless nobody takes it there.
pub(super) fn arrival(wires: Wires<'_>, namespace: usize, link: &Link, sent: &Sent) -> Option<Arrival> {
    let (there, other) = wires.other_end(namespace, link)?;
    let ns = &wires.host.namespaces[there];
    let is_meant = match bridge_of(ns, other) {
        Some(bridge) => is_for(ns, bridge, other, sent),
        None if other.master.is_some() && ns.vrf_of(other).is_none() => return None,
        None if wires.taker(there, other, sent).is_some() => false,
        // Whoever has the address answers for it on any device (`arp_ignore` 0).
        None => sent.to.map_or_else(
            || answers(ns, other, sent.next_hop) || wires.has_slave_with(there, other.index, sent),
            |to| other.mac == Some(to),
        ),
    };
    let goes_on = is_meant || bridge_of(ns, other).is_some() || wires.taker(there, other, sent).is_some();
    goes_on.then_some(Arrival { namespace: there, link: other.index, is_meant })
}

/// The port by which a bridge sends a frame that `came_by` a port, where that is known. That a frame leaves by the port it
/// came in by is not looked at.
pub(super) fn port(wires: Wires<'_>, namespace: usize, bridge: &Link, sent: &Sent, came_by: Option<u32>) -> Port {
    let ns = &wires.host.namespaces[namespace];
    let ports = || ports(ns, bridge);
    let known = sent.to.and_then(|to| ns.fdb.iter().find(|entry| entry.mac == to && !entry.own));
    if let Some(port) = known.and_then(|entry| ports().find(|port| port.index == entry.port)) {
        return Port::Behind(port.index);
    }
    // It goes to every port, and whoever is meant takes it.
    if wires.may_be_taken(sent)
        && let Some(port) = ports().find(|port| leads(wires, namespace, port, sent, BRIDGES))
    {
        return Port::Behind(port.index);
    }
    let mut others = ports().filter(|port| Some(port.index) != came_by);
    match (others.next(), others.next()) {
        (Some(only), None) => Port::Out(only.index),
        _ => Port::All,
    }
}

/// The bridge of which a device is a port.
pub(super) fn bridge_of<'a>(ns: &'a Namespace, port: &Link) -> Option<&'a Link> {
    port.master.and_then(|master| ns.link_at(master)).filter(|master| master.kind == LinkKind::Bridge)
}

/// The ports of a bridge that send frames on.
pub(super) fn ports<'a>(ns: &'a Namespace, bridge: &Link) -> impl Iterator<Item = &'a Link> {
    let index = bridge.index;
    ns.links.iter().filter(move |port| {
        port.master == Some(index) && port.up && port.port.is_none_or(|settings| settings.forwarding)
    })
}

/// Whether a port of a bridge leads to whoever is meant, over further bridges too.
fn leads(wires: Wires<'_>, namespace: usize, port: &Link, sent: &Sent, bridges: usize) -> bool {
    let Some((there, other)) = wires.other_end(namespace, port) else { return false };
    let Some(arrival) = arrival(wires, namespace, port, sent) else { return false };
    let ns = &wires.host.namespaces[there];
    // What goes on without a bridge is for the other end, or for a macvlan on it.
    let Some(bridge) = bridge_of(ns, other).filter(|_| !arrival.is_meant) else { return true };
    let Some(bridges) = bridges.checked_sub(1) else { return false };
    ports(ns, bridge).any(|next| next.index != other.index && leads(wires, there, next, sent, bridges))
}

/// Whether a frame that comes in by a bridge's port is for the bridge itself: its address, or the port's own.
fn is_for(ns: &Namespace, bridge: &Link, port: &Link, sent: &Sent) -> bool {
    match sent.to {
        Some(to) => bridge.mac == Some(to) || port.mac == Some(to),
        None => answers(ns, bridge, sent.next_hop),
    }
}

/// Whether an address is answered for on a device: in a VRF its own, and those of no VRF, which are local everywhere.
fn answers(ns: &Namespace, on: &Link, addr: IpAddr) -> bool {
    let vrf_of = |link: &Link| ns.vrf_of(link).map(|vrf| vrf.index);
    let is_heard = |link: u32| ns.link_at(link).and_then(vrf_of).is_none_or(|vrf| vrf_of(on) == Some(vrf));
    ns.addresses.iter().any(|address| address.addr() == addr && is_heard(address.link))
}

/// The device that another one leads to, with its namespace.
pub fn leads_to(host: &Host, namespace: usize, peer: Peer) -> Option<(usize, &Link)> {
    let there = match peer.namespace_id {
        None => namespace,
        Some(id) => {
            let (_, name) = host.namespaces[namespace].ids.iter().find(|(known, _)| *known == id)?;
            host.find(name)?
        }
    };
    Some((there, host.namespaces[there].link_at(peer.index)?))
}

/// Whether a bridge hands its frames to netfilter: its own setting, ORed with the sysctl, which is on in a new namespace.
pub(super) fn calls_netfilter(ns: &Namespace, bridge: &Link, family: IpFamily) -> bool {
    let own = bridge.bridge.unwrap_or_default();
    let (own, all) = match family {
        IpFamily::V4 => (own.call_iptables, ns.sysctls.bridge_call_iptables),
        IpFamily::V6 => (own.call_ip6tables, ns.sysctls.bridge_call_ip6tables),
    };
    own || all == Some(true)
}
