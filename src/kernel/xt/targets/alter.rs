//! Targets that change headers: TCPMSS, TCPOPTSTRIP, CHECKSUM, TTL, HL, DSCP, TOS, ECN, SNPT, DNPT.

use std::net::IpAddr;

use ipnet::Ipv6Net;

use crate::host::xt::{EcnChange, Npt, Target, TcpOptions, TosChange, TtlChange, TtlChangeOp};
use crate::host::{Family, Names};
use crate::kernel::xt::blob::Blob;
use crate::kernel::xt::{Row, row};

pub(in crate::kernel::xt) static TARGETS: [Row<Target>; 11] = [
    row("TCPMSS", 0, 2, tcpmss),
    row("TTL", 0, 2, ttl).only(Family::Ip),
    row("HL", 0, 2, ttl).only(Family::Ip6),
    row("DSCP", 0, 1, |blob, _| blob.u8(0).filter(|dscp| *dscp < 64).map(Target::Dscp)),
    row("TOS", 1, 2, |blob, _| Some(Target::Tos(TosChange { value: blob.u8(0)?, mask: blob.u8(1)? }))),
    // What was there before masks were: all of the field is set.
    row("TOS", 0, 1, |blob, _| Some(Target::Tos(TosChange { value: blob.u8(0)?, mask: u8::MAX }))).only(Family::Ip),
    row("CHECKSUM", 0, 1, |blob, _| (blob.u8(0)? == 1).then_some(Target::Checksum)),
    row("TCPOPTSTRIP", 0, 32, tcpoptstrip),
    row("ECN", 0, 3, ecn).only(Family::Ip),
    row("SNPT", 0, 36, |blob, _| npt(blob, false)).only(Family::Ip6),
    row("DNPT", 0, 36, |blob, _| npt(blob, true)).only(Family::Ip6),
];

/// `struct xt_tcpmss_info`.
fn tcpmss(blob: &Blob, _: &mut Names) -> Option<Target> {
    /// `XT_TCPMSS_CLAMP_PMTU`.
    const CLAMP: u16 = 0xffff;
    Some(Target::Tcpmss(Some(blob.u16(0)?).filter(|mss| *mss != CLAMP)))
}

/// `struct xt_tcpoptstrip_target_info`.
fn tcpoptstrip(blob: &Blob, _: &mut Names) -> Option<Target> {
    let mut words = [0; 8];
    for (at, word) in words.iter_mut().enumerate() {
        *word = blob.u32(at * 4)?;
    }
    // Options 0 and 1 are padding, which the tools have no words for.
    (words[0] & 0b11 == 0).then(|| Target::Tcpoptstrip(Box::new(TcpOptions(words))))
}

/// `struct ipt_TTL_info`, `struct ip6t_HL_info`.
fn ttl(blob: &Blob, _: &mut Names) -> Option<Target> {
    let op = match blob.u8(0)? {
        0 => TtlChangeOp::Set,
        1 => TtlChangeOp::Increment,
        2 => TtlChangeOp::Decrement,
        _ => return None,
    };
    Some(Target::Ttl(TtlChange { op, value: blob.u8(1)? }))
}

/// `struct ipt_ECN_info`.
fn ecn(blob: &Blob, _: &mut Names) -> Option<Target> {
    const SET_IP: u8 = 0x01;
    const SET_ECE: u8 = 0x10;
    const SET_CWR: u8 = 0x20;
    /// Bit fields begin at the lowest bit of a byte where bytes begin with the lowest, else at the highest.
    const FIELDS: [u8; 2] = if cfg!(target_endian = "little") { [1 << 0, 1 << 1] } else { [1 << 7, 1 << 6] };
    let (operation, ect, tcp) = (blob.u8(0)?, blob.u8(1)?, blob.u8(2)?);
    let has = |flag: u8| operation & flag != 0;
    let sound = operation & !(SET_IP | SET_ECE | SET_CWR) == 0 && operation != 0 && ect < 4;
    sound.then_some(Target::Ecn(EcnChange {
        ece: has(SET_ECE).then_some(tcp & FIELDS[0] != 0),
        cwr: has(SET_CWR).then_some(tcp & FIELDS[1] != 0),
        ect: has(SET_IP).then_some(ect),
    }))
}

/// `struct ip6t_npt_tginfo`, the last part of which is the kernel's own.
fn npt(blob: &Blob, destination: bool) -> Option<Target> {
    let prefix = |address: usize, length: usize| match blob.address(address)? {
        IpAddr::V6(address) => Ipv6Net::new(address, blob.u8(length)?).ok().filter(|net| net.trunc() == *net),
        IpAddr::V4(_) => None,
    };
    Some(Target::Npt(Box::new(Npt { destination, from: prefix(0, 32)?, to: prefix(16, 33)? })))
}
