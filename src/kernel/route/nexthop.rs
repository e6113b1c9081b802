//! Next hops that stand by themselves: `struct nhmsg` and its attributes (linux/nexthop.h, ip-nexthop(8)).
//!
//! netlink-packet-route does not know them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::netlink::Attributes;
use crate::host::NextHop;

const HEADER: usize = 8;
// Of linux/nexthop.h.
const NHA_ID: u16 = 1;
const NHA_GROUP: u16 = 2;
const NHA_BLACKHOLE: u16 = 4;
const NHA_OIF: u16 = 5;
const NHA_GATEWAY: u16 = 6;
/// `struct nexthop_grp`: id, weight less one (its upper byte after the lower), and room for more.
const MEMBER: usize = 8;
/// `RTNH_F_DEAD`.
const DEAD: u32 = 1;

/// What a next hop is.
pub(super) enum Found {
    /// One way.
    Way(NextHop),
    /// Several, by id and weight.
    Group(Vec<(u32, u16)>),
    /// None.
    Blackhole,
}

/// The body of a request for all.
pub(super) fn request() -> Vec<u8> {
    vec![0; HEADER]
}

pub(super) fn decode(body: &[u8]) -> Option<(u32, Found)> {
    let flags = number(body.get(4..HEADER)?)?;
    let attributes = Attributes(body.get(HEADER..)?);
    let id = number(attributes.get(NHA_ID)?)?;
    if let Some(members) = attributes.get(NHA_GROUP) {
        let member = |bytes: &[u8]| {
            let weight = u16::from_le_bytes(bytes.get(4..6)?.try_into().ok()?);
            Some((number(bytes.get(..4)?)?, weight.saturating_add(1)))
        };
        return Some((id, Found::Group(members.chunks_exact(MEMBER).filter_map(member).collect())));
    }
    if attributes.get(NHA_BLACKHOLE).is_some() {
        return Some((id, Found::Blackhole));
    }
    let gateway = attributes.get(NHA_GATEWAY).and_then(|bytes| match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes))),
        _ => <[u8; 16]>::try_from(bytes).ok().map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes))),
    });
    let link = attributes.get(NHA_OIF).and_then(number).unwrap_or(0);
    Some((id, Found::Way(NextHop { gateway, link, weight: 1, dead: flags & DEAD != 0 })))
}

/// The ways that each id stands for; none for a blackhole.
pub(super) fn resolve(found: Vec<(u32, Found)>) -> HashMap<u32, Vec<NextHop>> {
    let single: HashMap<u32, NextHop> = found
        .iter()
        .filter_map(|(id, found)| match found {
            Found::Way(hop) => Some((*id, hop.clone())),
            Found::Group(_) | Found::Blackhole => None,
        })
        .collect();
    let ways = |found| match found {
        Found::Way(hop) => vec![hop],
        // Groups are not members of groups.
        Found::Group(members) => members
            .into_iter()
            .filter_map(|(id, weight)| Some(NextHop { weight, ..single.get(&id)?.clone() }))
            .collect(),
        Found::Blackhole => Vec::new(),
    };
    found.into_iter().map(|(id, found)| (id, ways(found))).collect()
}

fn number(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_ne_bytes)
}
