//! Matches on the headers of a packet: tcp, udp, icmp, icmp6, multiport, length, ttl, hl, iprange.

use super::blob::{Blob, port_range, ports};
use super::{Row, row};
use crate::host::xt::{
    IcmpType, Iprange, Match, Multiport, Neg, PortRange, TcpFlags, TcpMatch, TtlMatch, TtlOp, UdpMatch, WhichPort,
};
use crate::host::{Family, Names};

pub(super) static MATCHES: [Row<Match>; 10] = [
    row("tcp", 0, 12, tcp),
    row("udp", 0, 10, udp),
    row("multiport", 1, 48, multiport),
    row("multiport", 0, 32, multiport),
    row("icmp", 0, 4, icmp).only(Family::Ip),
    row("icmp6", 0, 4, icmp).only(Family::Ip6),
    row("iprange", 1, 68, iprange),
    row("length", 0, 6, length),
    row("ttl", 0, 2, ttl).only(Family::Ip),
    row("hl", 0, 2, ttl).only(Family::Ip6),
];

/// `struct xt_tcp`.
fn tcp(blob: &Blob, _: &mut Names) -> Option<Match> {
    const INV_SRCPT: u8 = 0x01;
    const INV_DSTPT: u8 = 0x02;
    const INV_FLAGS: u8 = 0x04;
    const INV_OPTION: u8 = 0x08;
    let inverse = blob.u8(11)?;
    if inverse & !(INV_SRCPT | INV_DSTPT | INV_FLAGS | INV_OPTION) != 0 {
        return None;
    }
    let not = |flag: u8| inverse & flag != 0;
    let flags = (TcpFlags::from_bits(blob.u8(9)?)?, TcpFlags::from_bits(blob.u8(10)?)?);
    let option = blob.u8(8)?;
    Some(Match::Tcp(TcpMatch {
        sport: ports(blob.u16(0)?, blob.u16(2)?, not(INV_SRCPT))?,
        dport: ports(blob.u16(4)?, blob.u16(6)?, not(INV_DSTPT))?,
        flags: (flags != (TcpFlags::empty(), TcpFlags::empty()) || not(INV_FLAGS))
            .then_some(Neg { not: not(INV_FLAGS), value: flags }),
        // Option 0 is not looked for, nor is it turned around (tcp_mt).
        option: (option != 0).then_some(Neg { not: not(INV_OPTION), value: option }),
    }))
}

/// `struct xt_udp`.
fn udp(blob: &Blob, _: &mut Names) -> Option<Match> {
    let inverse = blob.u8(8).filter(|inverse| *inverse < 4)?;
    Some(Match::Udp(UdpMatch {
        sport: ports(blob.u16(0)?, blob.u16(2)?, inverse & 1 != 0)?,
        dport: ports(blob.u16(4)?, blob.u16(6)?, inverse & 2 != 0)?,
    }))
}

/// `struct ipt_icmp`, `struct ip6t_icmp`.
fn icmp(blob: &Blob, _: &mut Names) -> Option<Match> {
    let kind = blob.u8(0)?;
    // Type 255 is any type with any code for IPv4 (icmp_type_code_match), and itself for IPv6.
    let any = kind == 255 && blob.family == Family::Ip;
    let codes = if any { (0, 255) } else { (blob.u8(1)?, blob.u8(2)?) };
    let not = blob.u8(3).filter(|inverse| *inverse < 2)? != 0;
    Some(Match::Icmp(Neg { not, value: IcmpType { kind, codes } }))
}

/// `struct xt_multiport_v1`, and `struct xt_multiport`, which has no ranges and no inversion.
fn multiport(blob: &Blob, _: &mut Names) -> Option<Match> {
    const MOST: usize = 15;
    const PORTS: usize = 2;
    const RANGES: usize = PORTS + 2 * MOST;
    const INVERT: usize = RANGES + MOST;
    let which = match blob.u8(0)? {
        0 => WhichPort::Source,
        1 => WhichPort::Destination,
        2 => WhichPort::Either,
        _ => return None,
    };
    let count = usize::from(blob.u8(1)?);
    let ranges = blob.bytes.len() > INVERT;
    let mut all = Vec::with_capacity(count);
    let mut at = 0;
    while at < count.min(MOST) {
        let first = blob.u16(PORTS + 2 * at)?;
        let range = if ranges && blob.u8(RANGES + at)? != 0 {
            at += 1;
            port_range(first, blob.u16(PORTS + 2 * at).filter(|_| at < count)?)?
        } else {
            PortRange::one(first)
        };
        all.push(range);
        at += 1;
    }
    let not = ranges && blob.u8(INVERT)? != 0;
    let sound = (1..=MOST).contains(&count);
    sound.then(|| Match::Multiport(Box::new(Multiport { which, not, ports: all.into() })))
}

/// `struct xt_iprange_mtinfo`.
fn iprange(blob: &Blob, _: &mut Names) -> Option<Match> {
    let flags = blob.u8(64)?;
    let side = |flag: u8, first: usize, last: usize| {
        if flags & flag == 0 {
            return Some(None);
        }
        Some(Some(Neg { not: flags & flag << 4 != 0, value: (blob.address(first)?, blob.address(last)?) }))
    };
    let range = Iprange { source: side(0x01, 0, 16)?, destination: side(0x02, 32, 48)? };
    (flags & !0x33 == 0 && range != Iprange::default()).then(|| Match::Iprange(Box::new(range)))
}

/// `struct xt_length_info`.
fn length(blob: &Blob, _: &mut Names) -> Option<Match> {
    Some(Match::Length(Neg { not: blob.flag(4, 1)?, value: (blob.u16(0)?, blob.u16(2)?) }))
}

/// `struct ipt_ttl_info`, `struct ip6t_hl_info`.
fn ttl(blob: &Blob, _: &mut Names) -> Option<Match> {
    let op = match blob.u8(0)? {
        0 => TtlOp::Equal,
        1 => TtlOp::NotEqual,
        2 => TtlOp::Less,
        3 => TtlOp::Greater,
        _ => return None,
    };
    Some(Match::Ttl(TtlMatch { op, value: blob.u8(1)? }))
}
