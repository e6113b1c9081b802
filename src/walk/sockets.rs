//! Which socket gets a packet that is delivered.
//!
//! `__inet_lookup_listener` and `__udp4_lib_lookup`: sockets with a specific address are asked before those for all. Among
//! them (`compute_score`) a peer counts most, then a device that the socket is bound to; an IPv4 packet also finds a socket
//! bound to `::` that does not refuse it.

use super::engine::Engine;
use super::field::Field;
use super::outcome::Endpoints;
use super::packet::Device;
use super::query::{Turn, number};
use super::space::Asked;
use super::state::{End, State};
use crate::host::{Hook, IpFamily, Namespace, Protocol, Socket};

/// By what a packet came to those that look for its socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct By<'a> {
    /// The device, or the VRF that it is a port of.
    device: Option<&'a str>,
    /// The port of the VRF. A socket that is bound to no device hears nothing of it, unless it is told to.
    port: Option<&'a str>,
}

impl<'a> By<'a> {
    /// The device alone, as rules look for sockets: in whatever VRF.
    pub(super) fn device(device: Option<&'a str>) -> By<'a> {
        By { device, port: None }
    }

    /// The device and its VRF, as the kernel does when it delivers: `port` is the device that brought the packet.
    pub(super) fn delivered(namespace: &'a Namespace, port: Option<&'a str>) -> By<'a> {
        let vrf = port.and_then(|port| namespace.vrf_of(namespace.link(port)?));
        match vrf {
            Some(vrf) => By { device: Some(&vrf.name), port },
            None => By { device: port, port: None },
        }
    }

    /// `inet_sk_bound_dev_eq`, `udp_sk_bound_dev_eq`.
    fn fits(self, namespace: &Namespace, socket: &Socket) -> bool {
        let Some(bound) = socket.device.as_deref() else {
            let sysctls = &namespace.sysctls;
            let accepts = match socket.protocol {
                Protocol::UDP | Protocol::UDPLITE => sysctls.udp_l3mdev_accept,
                _ => sysctls.tcp_l3mdev_accept,
            };
            return self.port.is_none() || accepts == Some(true);
        };
        Some(bound) == self.device || Some(bound) == self.port
    }
}

/// Whether a socket may hear what comes by a device: one that is bound to no device hears no VRF, unless it is told to.
pub fn hears_by(namespace: &Namespace, socket: &Socket, device: Option<&str>) -> bool {
    By::delivered(namespace, device).fits(namespace, socket)
}

/// So many connected sockets of a port are looked at, where its packets are of any of their peers.
const PEERS: usize = 16;

impl Engine<'_> {
    /// The socket that got the packet.
    pub(super) fn socket(&self, state: &State, end: &End) -> Option<usize> {
        let scene = self.scene(state, Hook::Input);
        let packet = &state.packet;
        let to = Endpoints {
            src: scene.address_of(&packet.src),
            sport: scene.port_of(&packet.sport),
            dst: scene.address_of(&packet.dst),
            dport: scene.port_of(&packet.dport),
        };
        let by = match if packet.port == Device::Absent { packet.iif } else { packet.port } {
            Device::Known(number) => Some(number),
            Device::Entering => state.space.known(Field::Iif),
            Device::Absent | Device::Leaving => None,
        };
        let namespace = self.plan.namespace();
        let by = By::delivered(namespace, by.and_then(|number| self.plan.devices.name(number)));
        let (protocol, family) = (self.query.protocol, self.query.family);
        end.socket.or_else(|| hearing(namespace, protocol, family, &to, by))
    }

    /// The connected socket that gets the packets where none hears them all: those of its peer are told apart (`udp4_lib_lookup2`).
    pub(super) fn of_peers(&self, state: &State, end: &End) -> Asked<Option<usize>> {
        if state.packet.turn == Turn::Reply || self.query.protocol == Protocol::TCP {
            return Ok(None);
        }
        if let Some(found) = self.socket(state, end) {
            let is_connected = self.plan.namespace().sockets.get(found).is_some_and(|socket| socket.peer.is_some());
            return Ok(Some(found).filter(|_| is_connected));
        }
        let scene = self.scene(state, Hook::Input);
        let Some(port) = scene.port_of(&state.packet.dport) else { return Ok(None) };
        let is_it = |socket: &Socket| {
            socket.protocol == self.query.protocol && socket.port == port && is_heard(socket, self.query.family)
        };
        let sockets = self.plan.namespace().sockets.iter().filter(|socket| is_it(socket));
        for (addr, sport) in sockets.filter_map(|socket| socket.peer).take(PEERS) {
            let (addr, sport) = (number(addr), u128::from(sport));
            if scene.in_range(&state.packet.src, addr, addr, None)?
                && scene.in_range(&state.packet.sport, sport, sport, None)?
            {
                return Ok(self.socket(state, end));
            }
        }
        Ok(None)
    }
}

/// The socket that hears a packet with these addresses, as an index. Where the port, or an address that decides, is not
/// known: none.
pub(super) fn hearing(
    namespace: &Namespace,
    protocol: Protocol,
    family: IpFamily,
    to: &Endpoints,
    by: By<'_>,
) -> Option<usize> {
    let port = to.dport?;
    let hears = |socket: &Socket| {
        socket.protocol == protocol
            && socket.port == port
            && is_heard(socket, family)
            && by.fits(namespace, socket)
            && socket.peer.is_none_or(|peer| Some(peer.0) == to.src && Some(peer.1) == to.sport)
    };
    let candidates = namespace.sockets.iter().enumerate().filter(|(_, socket)| hears(socket));
    let mut found: Option<(usize, u8)> = None;
    for (index, socket) in candidates {
        let specific = !socket.addr.is_unspecified();
        if specific && to.dst.is_none() {
            // Some packets find this socket and some do not.
            return None;
        }
        if specific && to.dst != Some(socket.addr) {
            continue;
        }
        let same_family = IpFamily::of(socket.addr) == family;
        let score = u8::from(specific) * 8
            + u8::from(socket.peer.is_some()) * 4
            + u8::from(socket.device.is_some()) * 2
            + u8::from(same_family);
        if found.is_none_or(|(_, best)| score > best) {
            found = Some((index, score));
        }
    }
    found.map(|(index, _)| index)
}

/// Whether a socket hears packets of a family at all.
fn is_heard(socket: &Socket, family: IpFamily) -> bool {
    match (IpFamily::of(socket.addr), family) {
        (IpFamily::V4, IpFamily::V4) | (IpFamily::V6, IpFamily::V6) => true,
        (IpFamily::V6, IpFamily::V4) => socket.addr.is_unspecified() && socket.v6only != Some(true),
        (IpFamily::V4, IpFamily::V6) => false,
    }
}
