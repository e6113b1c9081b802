//! Where a packet comes in that left a namespace by a device: the other end of a veth, behind the ports of a bridge.
//!
//! `veth_xmit`, `br_dev_xmit`, `br_handle_frame_finish`. Knows devices, neighbours and forwarding databases; deliberately looks
//! at no rule. What it cannot tell is nowhere: the packet has left, and that is all that is said of it.

use std::net::IpAddr;

use crate::host::{Family, Host, Link, LinkKind, Mac, Namespace};

/// How many bridges a frame may cross without entering a host: more are a loop.
const BRIDGES: usize = 8;

/// Where a packet comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrival {
    /// Index of the namespace.
    pub(super) namespace: usize,
    /// Index of the device it comes in by.
    pub(super) link: u32,
    /// The link-layer address of the device that sent its last frame.
    pub(super) from: Option<Mac>,
}

/// Where a packet for `next_hop` (a router, or its destination) comes in that leaves a namespace by a device.
pub(super) fn arrival(host: &Host, namespace: usize, link: &Link, next_hop: IpAddr) -> Option<Arrival> {
    let ns = &host.namespaces[namespace];
    let frame = Frame { host, next_hop, to: mac_of(ns, link.index, next_hop), from: link.mac };
    match link.kind {
        LinkKind::Bridge => frame.by_port(namespace, link, None, BRIDGES),
        LinkKind::Veth => frame.across(namespace, link, BRIDGES),
        LinkKind::Loopback | LinkKind::Plain | LinkKind::Other(_) => None,
    }
}

/// The link-layer address of a neighbour.
fn mac_of(ns: &Namespace, link: u32, addr: IpAddr) -> Option<Mac> {
    ns.neighbours.iter().find(|known| known.link == link && known.addr == addr).and_then(|known| known.mac)
}

fn has_address(ns: &Namespace, addr: IpAddr) -> bool {
    ns.addresses.iter().any(|address| address.addr() == addr)
}

/// A frame on its way to a next hop.
struct Frame<'a> {
    host: &'a Host,
    next_hop: IpAddr,
    /// Its destination, where the sender knows it already.
    to: Option<Mac>,
    from: Option<Mac>,
}

impl<'a> Frame<'a> {
    /// The other end of a veth, with its namespace.
    fn other_end(&self, namespace: usize, link: &Link) -> Option<(usize, &'a Link)> {
        let peer = link.peer?;
        let there = match peer.namespace_id {
            None => namespace,
            Some(id) => {
                let ids = &self.host.namespaces[namespace].ids;
                let (_, name) = ids.iter().find(|(known, _)| *known == id)?;
                self.host.find(name)?
            }
        };
        let other = self.host.namespaces[there].link_at(peer.index)?;
        // What was read at another moment may be another device by now.
        let is_its = other.kind == LinkKind::Veth && other.peer.is_some_and(|back| back.index == link.index);
        (is_its && other.up && link.up).then_some((there, other))
    }

    /// The frame crosses a veth.
    fn across(&self, namespace: usize, link: &Link, bridges: usize) -> Option<Arrival> {
        let (there, other) = self.other_end(namespace, link)?;
        let ns = &self.host.namespaces[there];
        let Some(bridge) = other.master.and_then(|master| ns.link_at(master)) else {
            // Whoever has the address answers for it on any device (`arp_ignore` 0).
            let meant = self.to.is_some_and(|to| other.mac == Some(to)) || has_address(ns, self.next_hop);
            return meant.then_some(Arrival { namespace: there, link: other.index, from: self.from });
        };
        if bridge.kind != LinkKind::Bridge {
            return None;
        }
        if self.to.map_or_else(|| has_address(ns, self.next_hop), |to| bridge.mac == Some(to) || other.mac == Some(to))
        {
            return Some(Arrival { namespace: there, link: bridge.index, from: self.from });
        }
        // Netfilter sees what is bridged only where it is told to: then it is not known here what it does.
        if calls_netfilter(ns, bridge, self.next_hop) && !ns.ruleset.tables.is_empty() {
            return None;
        }
        self.by_port(there, bridge, Some(other), bridges.checked_sub(1)?)
    }

    /// The frame leaves a bridge by one of its ports.
    fn by_port(&self, namespace: usize, bridge: &Link, came_by: Option<&Link>, bridges: usize) -> Option<Arrival> {
        let ns = &self.host.namespaces[namespace];
        if ns.ruleset.tables.iter().any(|table| table.family == Family::Bridge) {
            return None;
        }
        let is_open = |port: &&Link| {
            let hairpin = port.port.is_some_and(|settings| settings.hairpin);
            let forwards = port.port.is_none_or(|settings| settings.forwarding);
            port.master == Some(bridge.index)
                && port.up
                && forwards
                && (hairpin || came_by.is_none_or(|from| from.index != port.index))
        };
        let mut ports = ns.links.iter().filter(is_open);
        let known = self.to.and_then(|to| ns.fdb.iter().find(|entry| entry.mac == to && !entry.own));
        if let Some(entry) = known
            && let Some(port) = ports.clone().find(|port| port.index == entry.port)
        {
            return self.across(namespace, port, bridges);
        }
        // It goes to every port, and whoever is meant takes it.
        ports.find_map(|port| self.across(namespace, port, bridges))
    }
}

/// Whether a bridge hands its frames to netfilter: its own setting, ORed with the sysctl, which is on in a new namespace.
fn calls_netfilter(ns: &Namespace, bridge: &Link, addr: IpAddr) -> bool {
    let own = bridge.bridge.unwrap_or_default();
    let (own, all) = match addr {
        IpAddr::V4(_) => (own.call_iptables, ns.sysctls.bridge_call_iptables),
        IpAddr::V6(_) => (own.call_ip6tables, ns.sysctls.bridge_call_ip6tables),
    };
    own || all == Some(true)
}
