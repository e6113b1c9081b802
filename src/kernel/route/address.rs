//! One address of a device: `struct ifaddrmsg` and its attributes (rtnetlink(7)).

use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_core::Parseable;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressHeader};

use crate::host::{Address, Scope};

const HEADER: usize = 8;
const KINDS: [u16; 3] = [libc::IFA_ADDRESS, libc::IFA_LOCAL, libc::IFA_FLAGS];

pub(super) fn decode(body: &[u8]) -> Option<Address> {
    let header = AddressHeader::parse(body).ok()?;
    let mut flags = AddressFlags::from_bits_retain(u32::from(header.flags.bits()));
    let (mut own, mut other): (Option<IpAddr>, Option<IpAddr>) = (None, None);
    for attribute in super::attributes(body.get(HEADER..)?, &KINDS) {
        match AddressAttribute::parse(&attribute) {
            Ok(AddressAttribute::Local(addr)) => own = Some(addr),
            // The address of the other end, where a device has one; else the own.
            Ok(AddressAttribute::Address(addr)) => other = Some(addr),
            // All of them: the header has room for eight.
            Ok(AddressAttribute::Flags(all)) => flags = all,
            _ => {}
        }
    }
    Some(Address {
        link: header.index,
        net: IpNet::new(own.or(other)?, header.prefix_len).ok()?,
        scope: scope(u8::from(header.scope)),
        secondary: flags.contains(AddressFlags::Secondary),
        tentative: flags.contains(AddressFlags::Tentative),
        deprecated: flags.contains(AddressFlags::Deprecated),
    })
}

/// The scope with this number (`enum rt_scope_t`). An admin may use numbers between; a greater one is nearer.
pub(super) fn scope(number: u8) -> Scope {
    match number {
        0 => Scope::Global,
        1..=200 => Scope::Site,
        201..=253 => Scope::Link,
        254..=255 => Scope::Host,
    }
}
