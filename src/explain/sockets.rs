//! Which socket a packet for this host would find, if nothing stood in its way.
//!
//! The kernel's rule (`__inet_lookup_listener`, `compute_score`): a specific address counts most, then a device that the
//! socket is bound to; an IPv4 packet also finds a socket bound to `::` that does not refuse it.

use std::net::IpAddr;

use crate::host::{IpFamily, Namespace, Protocol, Socket};

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
            && (socket.device.is_none() || device.is_none() || socket.device.as_deref() == device)
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
