//! Which socket a packet for this host would find, if nothing stood in its way.
//!
//! The kernel's rule (`__inet_lookup_listener`, `compute_score`): a specific address counts most, then a device that the
//! socket is bound to; an IPv4 packet also finds a socket bound to `::` that does not refuse it.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use crate::host::{IpFamily, Namespace, Protocol, Route, RouteKind, Socket};
use crate::walk::{Endpoints, hears_by};

/// Whether a socket hears packets of this family at all.
pub(super) fn hears(socket: &Socket, family: IpFamily) -> bool {
    match (IpFamily::of(socket.addr), family) {
        (IpFamily::V4, IpFamily::V4) | (IpFamily::V6, IpFamily::V6) => true,
        (IpFamily::V6, IpFamily::V4) => socket.addr.is_unspecified() && socket.v6only != Some(true),
        (IpFamily::V4, IpFamily::V6) => false,
    }
}

/// The socket that packets to `dst` and `port` find; `dst` unknown: one bound to all addresses, else any.
pub(super) fn listener(
    ns: &Namespace,
    protocol: Protocol,
    family: IpFamily,
    dst: Option<IpAddr>,
    port: u16,
    device: Option<&str>,
) -> Option<usize> {
    let fits = |socket: &Socket| {
        socket.protocol == protocol
            && socket.port == port
            && socket.peer.is_none()
            && hears(socket, family)
            && (socket.addr.is_unspecified() || dst.is_none_or(|dst| dst == socket.addr))
            && device.is_none_or(|device| hears_by(ns, socket, Some(device)))
    };
    let score = |socket: &Socket| {
        let wildcard = socket.addr.is_unspecified();
        let address = if dst.is_some() { !wildcard } else { wildcard };
        (address, socket.device.is_some() && device.is_some(), IpFamily::of(socket.addr) == family)
    };
    let found = ns.sockets.iter().enumerate().filter(|(_, socket)| fits(socket));
    // The first of the best: `max_by_key` would give the last.
    found.rev().max_by_key(|(_, socket)| score(socket)).map(|(index, _)| index)
}

/// Whether two sockets are bound alike, so that only their `SO_REUSEPORT` group decides which of them gets a packet.
pub(super) fn are_twins(a: &Socket, b: &Socket) -> bool {
    (a.protocol, a.addr, a.port, &a.device) == (b.protocol, b.addr, b.port, &b.device)
}

/// The sockets of other processes that may as well get what `socket` gets of packets to `to`, as indices: one of each that the same
/// processes hold.
///
/// TCP sockets are bound alike as a group of `SO_REUSEPORT` only, of which a hash of the packet's addresses and ports takes
/// one (`reuseport_select_sock`). Of UDP sockets it may also be the one that was bound last (`SO_REUSEADDR`), which cannot
/// be seen. What goes to many at once goes to all of them.
pub fn group(namespace: &Namespace, socket: Option<usize>, to: &Endpoints) -> Vec<usize> {
    let Some(first) = socket.and_then(|index| namespace.sockets.get(index)) else { return Vec::new() };
    let to_many = |dst: IpAddr| dst.is_multicast() || dst == IpAddr::V4(Ipv4Addr::BROADCAST);
    if to.dst.is_some_and(to_many) {
        return Vec::new();
    }
    let mut holders = vec![&first.processes];
    let mut group = Vec::new();
    for (index, other) in namespace.sockets.iter().enumerate() {
        let alike = are_twins(first, other) && (first.v6only, first.peer) == (other.v6only, other.peer);
        if alike && !holders.contains(&&other.processes) {
            holders.push(&other.processes);
            group.push(index);
        }
    }
    group
}

/// Whether a packet to this address is for many: nobody is told then that no socket gets it.
pub(super) fn is_to_many(ns: &Namespace, dst: IpAddr) -> bool {
    let is_it = |route: &Route| route.kind == RouteKind::Broadcast && IpNet::from(dst) == route.dst;
    dst.is_multicast() || dst == IpAddr::V4(Ipv4Addr::BROADCAST) || ns.routes.iter().any(is_it)
}

/// The sysctl that lets the kernel answer no echo request to this address (`icmp_echo`, `icmpv6_echo_reply`, `icmp_rcv`).
pub(super) fn echo_ignored(ns: &Namespace, family: IpFamily, dst: Option<IpAddr>) -> Option<&'static str> {
    let to_many = dst.is_some_and(|dst| is_to_many(ns, dst));
    let (all, many) = match family {
        IpFamily::V4 => (
            (ns.sysctls.icmp_echo_ignore_all, "net.ipv4.icmp_echo_ignore_all"),
            (ns.sysctls.icmp_echo_ignore_broadcasts, "net.ipv4.icmp_echo_ignore_broadcasts"),
        ),
        IpFamily::V6 => (
            (ns.sysctls.icmp6_echo_ignore_all, "net.ipv6.icmp.echo_ignore_all"),
            (ns.sysctls.icmp6_echo_ignore_multicast, "net.ipv6.icmp.echo_ignore_multicast"),
        ),
    };
    let asked = [Some(all), to_many.then_some(many)];
    asked.into_iter().flatten().find_map(|(value, name)| (value == Some(true)).then_some(name))
}

/// The sockets that listen on a port, at whatever address and device.
pub(super) fn on_port(ns: &Namespace, protocol: Protocol, port: u16) -> impl Iterator<Item = &Socket> {
    ns.sockets.iter().filter(move |socket| socket.protocol == protocol && socket.port == port && socket.peer.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::fixture::{node, socket};

    #[test]
    fn only_what_is_bound_alike_and_held_by_others_is_of_the_group() {
        let mut ns = node().namespaces.remove(0);
        let bound = |addr: &str, pid: u32| socket(Protocol::UDP, addr, 5353, pid, "avahi");
        ns.sockets = vec![bound("0.0.0.0", 1), bound("0.0.0.0", 1), bound("10.0.0.1", 2), bound("0.0.0.0", 3)];
        let mut connected = bound("0.0.0.0", 4);
        connected.peer = Some(("10.0.0.9".parse().expect("an address"), 53));
        ns.sockets.push(connected);
        let group = |socket: usize, dst: &str| {
            let dst = Some(dst.parse().expect("an address"));
            group(&ns, Some(socket), &Endpoints { dst, ..Endpoints::default() })
        };
        assert_eq!(group(0, "10.0.0.1"), [3]);
        assert_eq!(group(3, "10.0.0.1"), [0]);
        assert!(group(2, "10.0.0.1").is_empty() && group(4, "10.0.0.1").is_empty());
        assert!(group(0, "224.0.0.251").is_empty(), "it goes to all of them");
    }
}
