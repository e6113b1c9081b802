//! What joins the namespaces of a host: which device is at the other end of which, and who is there at all.
//!
//! Found once for a host, since a bridge may have hundreds of ports and each frame is one for all of them. Knows devices and
//! addresses; it sends nothing.

use std::collections::HashSet;
use std::net::IpAddr;

use super::ipvlan::{self, Slave};
use super::macvlan::{self, Upper};
use super::onward::{Sent, leads_to};
use crate::host::{Address, Host, Link, LinkKind, Mac, QuickMap};

/// What joins the namespaces of a host, found once.
#[derive(Debug, Default)]
pub(super) struct Joined {
    /// The macvlans that are up.
    uppers: Vec<Upper>,
    /// The ipvlans that are up.
    slaves: Vec<Slave>,
    /// The other ends of veths, both of which are up: the index of their namespace, and where the device stands in its list. By
    /// the namespace and the index of the device at this end.
    ends: QuickMap<(usize, u32), (usize, usize)>,
    /// The addresses of all namespaces.
    addresses: HashSet<IpAddr>,
    /// The link-layer addresses of all devices.
    macs: HashSet<Mac>,
}

impl Joined {
    pub(super) fn of(host: &Host) -> Joined {
        let mut joined = Joined { uppers: macvlan::all(host), slaves: ipvlan::all(host), ..Joined::default() };
        for (namespace, ns) in host.namespaces.iter().enumerate() {
            for link in &ns.links {
                joined.macs.extend(link.mac);
                if let Some(end) = other_end(host, namespace, link) {
                    joined.ends.insert((namespace, link.index), end);
                }
            }
            joined.addresses.extend(ns.addresses.iter().map(Address::addr));
        }
        joined
    }
}

/// The other end of a veth: the index of its namespace, and where it stands among the devices there.
fn other_end(host: &Host, namespace: usize, link: &Link) -> Option<(usize, usize)> {
    let peer = link.peer.filter(|_| link.kind == LinkKind::Veth && link.up)?;
    let (there, other) = leads_to(host, namespace, peer)?;
    // What was read at another moment may be another device by now.
    let is_its = other.kind == LinkKind::Veth && other.peer.is_some_and(|back| back.index == link.index);
    let place = host.namespaces[there].links.iter().position(|link| link.index == other.index)?;
    (is_its && other.up).then_some((there, place))
}

/// The same with the host.
#[derive(Clone, Copy)]
pub(super) struct Wires<'a> {
    /// The host.
    pub(super) host: &'a Host,
    /// What joins its namespaces.
    pub(super) joined: &'a Joined,
}

impl<'a> Wires<'a> {
    /// The macvlans that are up.
    pub(super) fn uppers(self) -> &'a [Upper] {
        &self.joined.uppers
    }

    /// The ipvlans that are up.
    pub(super) fn slaves(self) -> &'a [Slave] {
        &self.joined.slaves
    }

    /// The other end of a veth, with the index of its namespace.
    pub(super) fn other_end(self, namespace: usize, link: &Link) -> Option<(usize, &'a Link)> {
        let (there, place) = *self.joined.ends.get(&(namespace, link.index))?;
        Some((there, &self.host.namespaces[there].links[place]))
    }

    /// Whether somebody on this host may be the one that a frame is for.
    pub(super) fn may_be_taken(self, sent: &Sent) -> bool {
        let Joined { uppers, addresses, macs, .. } = self.joined;
        !uppers.is_empty() || sent.to.map_or_else(|| addresses.contains(&sent.next_hop), |to| macs.contains(&to))
    }
}
