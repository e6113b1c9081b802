//! One neighbour, or one entry of a forwarding database: `struct ndmsg` and its attributes (rtnetlink(7)).

use std::net::IpAddr;

use netlink_packet_core::{NlaBuffer, ParseableParametrized};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourExtFlags, NeighbourFlags, NeighbourHeader,
};

use super::link::mac;
use crate::host::{FdbEntry, Neighbour};

const HEADER: usize = 12;
/// `NDA_FLAGS_EXT` of linux/neighbour.h.
const NDA_FLAGS_EXT: u16 = 15;
const KINDS: [u16; 3] = [libc::NDA_DST, libc::NDA_LLADDR, NDA_FLAGS_EXT];

pub(super) fn decode(body: &[u8]) -> Option<Neighbour> {
    let header = NeighbourHeader::parse(body).ok()?;
    let (mut addr, mut mac_addr, mut managed) = (None, None, false);
    for attribute in parsed(body, header.family)? {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(found)) => addr = Some(IpAddr::V4(found)),
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(found)) => addr = Some(IpAddr::V6(found)),
            NeighbourAttribute::LinkLayerAddress(found) => mac_addr = mac(&found),
            NeighbourAttribute::ExtFlags(flags) => managed = flags.contains(NeighbourExtFlags::Managed),
            _ => {}
        }
    }
    let state = u16::from(header.state) & !libc::NUD_NOARP;
    let kept = state != libc::NUD_NONE || managed || header.flags.contains(NeighbourFlags::ExtLearned);
    if !kept || header.flags.contains(NeighbourFlags::Proxy) {
        return None;
    }
    Some(Neighbour { link: header.ifindex, addr: addr?, mac: mac_addr })
}

pub(super) fn decode_fdb(body: &[u8]) -> Option<FdbEntry> {
    let header = NeighbourHeader::parse(body).ok().filter(|header| header.family == AddressFamily::Bridge)?;
    let mac = parsed(body, header.family)?.find_map(|attribute| match attribute {
        NeighbourAttribute::LinkLayerAddress(found) => mac(&found),
        _ => None,
    })?;
    Some(FdbEntry { port: header.ifindex, mac, own: u16::from(header.state) & libc::NUD_PERMANENT != 0 })
}

fn parsed(body: &[u8], family: AddressFamily) -> Option<impl Iterator<Item = NeighbourAttribute>> {
    let read = move |attribute: NlaBuffer<&[u8]>| NeighbourAttribute::parse_with_param(&attribute, family).ok();
    Some(super::attributes(body.get(HEADER..)?, &KINDS).filter_map(read))
}
