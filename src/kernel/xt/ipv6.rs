//! Matches on IPv6 extension headers: dst, hbh, eui64, frag, ipv6header, mh, rt, srh.

use std::net::Ipv6Addr;

use super::blob::{Blob, host_mask};
use super::{Row, rare, row, span, whole};
use crate::host::xt::{
    AddressMask, Frag, HeaderOptions, Ipv6Header, Ipv6Headers, Match, Mh, Neg, Rare, Rt, Srh, SrhNumber,
};
use crate::host::{Family, Names};

pub(super) static MATCHES: [Row<Match>; 9] = [
    row("rt", 0, 280, rt).only(Family::Ip6),
    row("dst", 0, 39, |blob, _| rare(Rare::Dst(options(blob)?))).only(Family::Ip6),
    row("hbh", 0, 39, |blob, _| rare(Rare::Hbh(options(blob)?))).only(Family::Ip6),
    row("eui64", 0, 4, |_, _| rare(Rare::Eui64)).only(Family::Ip6),
    row("frag", 0, 14, frag).only(Family::Ip6),
    row("ipv6header", 0, 3, ipv6header).only(Family::Ip6),
    row("mh", 0, 3, mh).only(Family::Ip6),
    row("srh", 0, SRH0, srh0).only(Family::Ip6),
    row("srh", 1, SRH1, srh1).only(Family::Ip6),
];

/// `struct ip6t_opts`.
fn options(blob: &Blob) -> Option<HeaderOptions> {
    const MOST: u8 = 16;
    let (flags, inverse, count) = (blob.u8(4)?, blob.u8(5)?, blob.u8(38)?);
    if flags > 3 || inverse > 1 || count > MOST || (count != 0) != (flags & 2 != 0) {
        return None;
    }
    let option = |at: u8| {
        let [kind, length] = blob.u16(6 + 2 * usize::from(at))?.to_be_bytes();
        Some((kind, (length != 0xff).then_some(length)))
    };
    let options = (0..count).map(option).collect::<Option<Box<[_]>>>()?;
    Some(HeaderOptions {
        length: (flags & 1 != 0).then_some(Neg { not: inverse != 0, value: blob.u32(0)? }),
        options: (flags & 2 != 0).then_some(options),
    })
}

/// `struct ip6t_frag`.
fn frag(blob: &Blob, _: &mut Names) -> Option<Match> {
    let (flags, inverse) = (blob.u8(12)?, blob.u8(13)?);
    if flags & !0x3f != 0 || inverse > 3 {
        return None;
    }
    let has = |flag: u8| flags & flag != 0;
    rare(Rare::Frag(Frag {
        id: whole(Neg { not: inverse & 1 != 0, value: span(blob, 0)? }),
        length: has(0x02).then_some(Neg { not: inverse & 2 != 0, value: blob.u32(8)? }),
        reserved: has(0x04),
        first: has(0x08),
        more: has(0x10),
        last: has(0x20),
    }))
}

/// `struct ip6t_ipv6header_info`.
fn ipv6header(blob: &Blob, _: &mut Names) -> Option<Match> {
    let value = Ipv6Headers::from_bits(blob.u8(0)?)?;
    rare(Rare::Ipv6Header(Ipv6Header {
        headers: Neg { not: blob.flag(1, 1)?, value: (!value.is_empty()).then_some(value)? },
        soft: blob.flag(2, 1)?,
    }))
}

/// `struct ip6t_mh`.
fn mh(blob: &Blob, _: &mut Names) -> Option<Match> {
    let not = blob.u8(2).filter(|inverse| *inverse < 2)? != 0;
    let value = (blob.u8(0)?, blob.u8(1)?);
    if value.0 > value.1 {
        return None;
    }
    rare(Rare::Mh(Mh { kinds: (not || value != (0, 255)).then_some(Neg { not, value }) }))
}

/// `struct ip6t_rt`. The segments that are left are looked at whatever the flags say (`rt_mt6`).
fn rt(blob: &Blob, _: &mut Names) -> Option<Match> {
    const MOST: u8 = 16;
    let (flags, inverse, count) = (blob.u8(16)?, blob.u8(17)?, blob.u8(276)?);
    if flags & !0x3f != 0 || inverse > 7 || count > MOST || (count != 0) != (flags & 0x10 != 0) {
        return None;
    }
    let has = |flag: u8| flags & flag != 0;
    let number =
        |flag: u8, at: usize| Some(has(flag).then_some(Neg { not: inverse & flag != 0, value: blob.u32(at)? }));
    let address = |at: u8| blob.array::<16>(20 + 16 * usize::from(at)).map(Ipv6Addr::from);
    let addresses = (0..count).map(address).collect::<Option<Box<[_]>>>()?;
    rare(Rare::Rt(Rt {
        kind: number(0x01, 0)?,
        segments_left: whole(Neg { not: inverse & 2 != 0, value: span(blob, 4)? }),
        length: number(0x04, 12)?,
        reserved: has(0x08),
        addresses: has(0x10).then_some(addresses),
        not_strict: has(0x20),
    }))
}

/// `sizeof(struct ip6t_srh)`.
const SRH0: usize = 10;
/// `sizeof(struct ip6t_srh1)`: three addresses and three masks more. Words of four bytes, so two are free at its end.
const SRH1: usize = 8 + 6 * 16 + 4;

fn srh0(blob: &Blob, _: &mut Names) -> Option<Match> {
    srh(blob, 6, |_| None)
}

fn srh1(blob: &Blob, _: &mut Names) -> Option<Match> {
    srh(blob, 8 + 6 * 16, |at| host_mask(blob.address(8 + 16 * at)?, blob.address(8 + 16 * (at + 3))?))
}

/// What both have in common, with the place of their flags.
fn srh(blob: &Blob, flags: usize, address: impl Fn(usize) -> Option<AddressMask>) -> Option<Match> {
    let (asked, inverse) = (blob.u16(flags)?, blob.u16(flags + 2)?);
    if asked & !0x3fff != 0 || inverse & !asked != 0 {
        return None;
    }
    let part = |bit: u32| (asked & 1 << bit != 0).then_some(inverse & 1 << bit != 0);
    let byte = |bit: u32, at: usize| match part(bit) {
        Some(not) => Some(Some(Neg { not, value: blob.u8(at)? })),
        None => Some(None),
    };
    let numbers = |bit: u32, at: usize| {
        Some(SrhNumber { equal: byte(bit, at)?, greater: byte(bit + 1, at)?, less: byte(bit + 2, at)? })
    };
    let segment = |bit: u32, at: usize| match part(bit) {
        Some(not) => Some(Some(Neg { not, value: address(at)? })),
        None => Some(None),
    };
    let tag = blob.u16(4)?;
    rare(Rare::Srh(Srh {
        next_header: byte(0, 0)?,
        length: numbers(1, 1)?,
        segments_left: numbers(4, 2)?,
        last_entry: numbers(7, 3)?,
        tag: part(10).map(|not| Neg { not, value: tag }),
        previous: segment(11, 0)?,
        next: segment(12, 1)?,
        last: segment(13, 2)?,
    }))
}
