//! Sockets by sock_diag(7): `struct inet_diag_req_v2`, `struct inet_diag_msg` and its attributes (linux/inet_diag.h).

use std::net::IpAddr;

use netlink_packet_core::Emitable;
use netlink_packet_core::Parseable;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, INET_DIAG_SKV6ONLY, SOCK_DIAG_BY_FAMILY};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, InetResponseHeader, SocketId, StateFlags};

use super::super::netlink::{Attributes, Channel, Failure};
use super::{Source, protocol_and_port};
use crate::host::{IpFamily, Link, Socket};

/// `struct inet_diag_msg`.
const HEADER: usize = 72;
/// `INET_DIAG_SOCKOPT` of linux/inet_diag.h, since Linux 5.10.
const INET_DIAG_SOCKOPT: u16 = 22;
/// `transparent` of `struct inet_diag_sockopt`: bit fields begin at the end that the machine begins with.
const TRANSPARENT: u8 = if cfg!(target_endian = "big") { 1 << 2 } else { 1 << 5 };

/// The sockets of a protocol and family.
pub(super) fn ask(
    channel: &mut Channel,
    source: &Source,
    family: IpFamily,
    links: &[Link],
) -> Result<Vec<Socket>, Failure> {
    let (number, socket_id) = match family {
        IpFamily::V4 => (AF_INET, SocketId::new_v4()),
        IpFamily::V6 => (AF_INET6, SocketId::new_v6()),
    };
    let states = (0..32).filter(|state| source.hears(*state)).fold(0, |states, state| states | 1 << state);
    let request = InetRequest {
        family: number,
        protocol: source.protocol.0,
        extensions: ExtensionFlags::empty(),
        states: StateFlags::from_bits_retain(states),
        socket_id,
    };
    let mut body = vec![0; request.buffer_len()];
    request.emit(&mut body);
    let mut sockets = Vec::new();
    channel.dump(SOCK_DIAG_BY_FAMILY, &body, |message| {
        if message.kind == SOCK_DIAG_BY_FAMILY {
            sockets.extend(decode(message.body, source, links));
        }
    })?;
    Ok(sockets)
}

pub(super) fn decode(body: &[u8], source: &Source, links: &[Link]) -> Option<Socket> {
    let header = InetResponseHeader::parse(body.get(..HEADER)?).ok().filter(|header| source.hears(header.state))?;
    let attributes = Attributes(body.get(HEADER..)?);
    let id = header.socket_id;
    let (protocol, port) = protocol_and_port(source, id.source_port)?;
    // A socket that hears IPv4 as well is bound to `::` and says v6only:0; a connected one does not say.
    let v6only = attributes.get(INET_DIAG_SKV6ONLY).and_then(|value| Some(*value.first()? != 0));
    let options = attributes.get(INET_DIAG_SOCKOPT).and_then(|value| value.first().copied());
    let connected = !source.raw && id.destination_port != 0;
    Some(Socket {
        protocol,
        addr: id.source_address,
        port,
        v6only: v6only.filter(|_| matches!(id.source_address, IpAddr::V6(_))),
        device: (id.interface_id != 0).then(|| name(id.interface_id, links)),
        peer: connected.then_some((id.destination_address, id.destination_port)),
        inode: u64::from(header.inode),
        uid: Some(header.uid),
        transparent: options.map(|options| options & TRANSPARENT != 0),
        processes: Vec::new(),
    })
}

/// The name of a device; one that is gone is called as ss(8) calls it.
fn name(index: u32, links: &[Link]) -> String {
    let link = links.iter().find(|link| link.index == index);
    link.map_or_else(|| format!("if{index}"), |link| link.name.clone())
}
