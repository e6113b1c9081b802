//! Targets that translate addresses: DNAT, SNAT, MASQUERADE, REDIRECT, NETMAP.
//!
//! Three structs say where to (linux/netfilter/nf_nat.h); which one it is, name, revision and family tell.

use std::net::IpAddr;

use ipnet::IpNet;

use super::blob::{Blob, port_range};
use super::{Row, row};
use crate::host::xt::{AddressMask, Nat, Target};
use crate::host::{Family, Names};

/// `sizeof(struct nf_nat_ipv4_multi_range_compat)`, with the one range that it has.
const COMPAT: usize = 20;
/// `sizeof(struct nf_nat_range)`.
const RANGE: usize = 40;
/// `sizeof(struct nf_nat_range2)`.
const RANGE2: usize = 44;

pub(super) static TARGETS: [Row<Target>; 12] = [
    row("DNAT", 2, RANGE2, |blob, _| nat(&range2(blob)?, TO | OFFSET).map(Target::Dnat)),
    row("MASQUERADE", 0, COMPAT, masquerade).only(Family::Ip),
    row("MASQUERADE", 0, RANGE, masquerade).only(Family::Ip6),
    row("DNAT", 0, COMPAT, |blob, _| nat(&compat(blob)?, TO).map(Target::Dnat)).only(Family::Ip),
    row("DNAT", 1, RANGE, |blob, _| nat(&range(blob)?, TO).map(Target::Dnat)),
    row("SNAT", 0, COMPAT, |blob, _| nat(&compat(blob)?, TO).map(Target::Snat)).only(Family::Ip),
    row("SNAT", 1, RANGE, |blob, _| nat(&range(blob)?, TO).map(Target::Snat)),
    row("SNAT", 2, RANGE2, |blob, _| nat(&range2(blob)?, TO).map(Target::Snat)),
    row("REDIRECT", 0, COMPAT, redirect).only(Family::Ip),
    row("REDIRECT", 0, RANGE, redirect).only(Family::Ip6),
    row("NETMAP", 0, COMPAT, netmap).only(Family::Ip),
    row("NETMAP", 0, RANGE, netmap).only(Family::Ip6),
];

/// `NF_NAT_RANGE_*`.
const MAP_IPS: u32 = 1 << 0;
const PROTO_SPECIFIED: u32 = 1 << 1;
const PROTO_RANDOM: u32 = 1 << 2;
const PERSISTENT: u32 = 1 << 3;
const PROTO_RANDOM_FULLY: u32 = 1 << 4;
const OFFSET: u32 = 1 << 5;
/// What DNAT and SNAT may say.
const TO: u32 = MAP_IPS | PROTO_SPECIFIED | PROTO_RANDOM | PERSISTENT | PROTO_RANDOM_FULLY;

/// What all three structs say.
struct Range {
    flags: u32,
    addresses: (IpAddr, IpAddr),
    ports: (u16, u16),
    base: u16,
}

/// `struct nf_nat_ipv4_multi_range_compat`.
fn compat(blob: &Blob) -> Option<Range> {
    (blob.u32(0)? == 1).then_some(())?;
    Some(Range {
        flags: blob.u32(4)?,
        addresses: (blob.ipv4(8)?, blob.ipv4(12)?),
        ports: (blob.be16(16)?, blob.be16(18)?),
        base: 0,
    })
}

/// `struct nf_nat_range`.
fn range(blob: &Blob) -> Option<Range> {
    Some(Range {
        flags: blob.u32(0)?,
        addresses: (blob.address(4)?, blob.address(20)?),
        ports: (blob.be16(36)?, blob.be16(38)?),
        base: 0,
    })
}

/// `struct nf_nat_range2`.
fn range2(blob: &Blob) -> Option<Range> {
    Some(Range { base: blob.be16(40)?, ..range(blob)? })
}

/// The struct that targets of revision 0 have in this family.
fn by_family(blob: &Blob) -> Option<Range> {
    if blob.family == Family::Ip { compat(blob) } else { range(blob) }
}

/// Where to, if no flag is there but those that are known.
fn nat(range: &Range, known: u32) -> Option<Box<Nat>> {
    let has = |flag: u32| range.flags & flag != 0;
    (range.flags & !known == 0).then_some(())?;
    Some(Box::new(Nat {
        addresses: has(MAP_IPS).then_some(range.addresses),
        ports: if has(PROTO_SPECIFIED) { Some(port_range(range.ports.0, range.ports.1)?) } else { None },
        base_port: has(OFFSET).then_some(range.base),
        random: has(PROTO_RANDOM),
        random_fully: has(PROTO_RANDOM_FULLY),
        persistent: has(PERSISTENT),
    }))
}

fn masquerade(blob: &Blob, _: &mut Names) -> Option<Target> {
    nat(&by_family(blob)?, PROTO_SPECIFIED | PROTO_RANDOM | PROTO_RANDOM_FULLY).map(Target::Masquerade)
}

fn redirect(blob: &Blob, _: &mut Names) -> Option<Target> {
    nat(&by_family(blob)?, PROTO_SPECIFIED | PROTO_RANDOM).map(Target::Redirect)
}

/// The prefix goes from its first address to its last; bits that both share are the network's.
fn netmap(blob: &Blob, _: &mut Names) -> Option<Target> {
    let Range { flags, addresses: (first, last), .. } = by_family(blob)?;
    let mask = match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => IpAddr::from((!(first.to_bits() ^ last.to_bits())).to_be_bytes()),
        (IpAddr::V6(first), IpAddr::V6(last)) => IpAddr::from((!(first.to_bits() ^ last.to_bits())).to_be_bytes()),
        _ => return None,
    };
    let net: IpNet = match super::address_mask(first, mask)? {
        AddressMask::Net(net) => net,
        AddressMask::Bits(_) => return None,
    };
    (flags == MAP_IPS && net.addr() == first).then(|| Target::Netmap(Box::new(net)))
}
