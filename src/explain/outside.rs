//! The devices by which other hosts can send to a namespace.
//!
//! Containers are no other hosts: those on a bridge are asked as such, and a veth whose other end is a container's way
//! out leads to it alone. It knows devices, addresses and routes; it walks nothing.

use super::queries;
use crate::host::{Host, IpFamily, Link, LinkKind, Namespace};
use crate::walk::leads_to;

/// So many devices are asked at most: each is another walk for every port.
const MOST: usize = 8;

/// The devices that are asked, those of the default routes first, as `trace` takes them.
pub(super) fn devices(host: &Host, namespace: usize, family: IpFamily) -> Vec<&Link> {
    let mut devices = all(host, namespace, family);
    devices.truncate(MOST);
    devices
}

/// The names of those that are too many to be asked.
pub(super) fn left_out(host: &Host, namespace: usize) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for family in [IpFamily::V4, IpFamily::V6] {
        for link in all(host, namespace, family).into_iter().skip(MOST) {
            if !names.contains(&link.name) {
                names.push(link.name.clone());
            }
        }
    }
    names
}

/// The devices by which other hosts would send, were they up: with an address that they can ask.
pub(super) fn down(ns: &Namespace, family: IpFamily) -> impl Iterator<Item = &Link> {
    ns.links.iter().filter(move |link| {
        !link.up
            && matches!(link.kind, LinkKind::Plain | LinkKind::Veth)
            && link.master.is_none()
            && queries::address_of(ns, link, family).is_some()
    })
}

fn all(host: &Host, namespace: usize, family: IpFamily) -> Vec<&Link> {
    let ns = &host.namespaces[namespace];
    let mut links = queries::outside_devices(ns, family);
    let first = links.len();
    for link in &ns.links {
        let known = links[..first].iter().any(|known| known.index == link.index);
        if !known && leads_outside(host, namespace, link) && queries::address_of(ns, link, family).is_some() {
            links.push(link);
        }
    }
    links
}

/// Whether other hosts can send by this device to an address that it has. What comes in by a port of another device
/// comes in by that one, unless it is a VRF.
fn leads_outside(host: &Host, namespace: usize, link: &Link) -> bool {
    let is_port = link.master.is_some() && host.namespaces[namespace].vrf_of(link).is_none();
    if !link.up || is_port {
        return false;
    }
    match &link.kind {
        // What a VRF gets comes in by its ports.
        LinkKind::Loopback | LinkKind::Bridge | LinkKind::Vrf(_) => false,
        LinkKind::Plain | LinkKind::Macvlan(_) | LinkKind::Ipvlan(_) => true,
        LinkKind::Veth => !is_containers(host, namespace, link),
        // A dummy carries addresses, and nothing comes in by it.
        LinkKind::Other(kind) => kind != "dummy",
    }
}

/// Whether the other end of a veth is a container's: it stands in a namespace whose way out leads here, or in one that
/// was not read.
fn is_containers(host: &Host, namespace: usize, link: &Link) -> bool {
    let Some((there, other)) = link.peer.and_then(|peer| leads_to(host, namespace, peer)) else {
        return true;
    };
    let routes = &host.namespaces[there].routes;
    routes.iter().any(|route| route.dst.prefix_len() == 0 && route.next_hops.iter().any(|hop| hop.link == other.index))
}
