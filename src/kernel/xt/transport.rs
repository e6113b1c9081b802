//! Matches on what stands behind the IP header: ah, esp, ipcomp, dccp, sctp, tcpmss, and dscp, tos and ecn.

use super::blob::{Blob, port_range};
use super::{Row, rare, row, span, whole};
use crate::host::xt::{Ah, Dccp, DccpTypes, Ecn, Esp, Ipcomp, Match, Neg, Rare, Sctp, SctpChunks, SctpFlags, SctpHow};
use crate::host::{Family, Names};

pub(super) static MATCHES: [Row<Match>; 10] = [
    row("ah", 0, 9, ah4).only(Family::Ip),
    row("ah", 0, 14, ah6).only(Family::Ip6),
    row("esp", 0, 9, esp),
    row("ipcomp", 0, 10, ipcomp),
    row("dccp", 0, 15, dccp),
    row("sctp", 0, 292, sctp),
    row("tcpmss", 0, 5, tcpmss),
    row("dscp", 0, 2, dscp),
    row("tos", 1, 3, tos),
    row("ecn", 0, 4, ecn),
];

/// `struct ipt_ah`.
fn ah4(blob: &Blob, _: &mut Names) -> Option<Match> {
    let not = blob.u8(8).filter(|inverse| *inverse < 2)? != 0;
    rare(Rare::Ah(Ah { spi: whole(Neg { not, value: span(blob, 0)? }), ..Ah::default() }))
}

/// `struct ip6t_ah`. A length of zero is not looked at unless it is turned around (`ah_mt6`).
fn ah6(blob: &Blob, _: &mut Names) -> Option<Match> {
    let inverse = blob.u8(13).filter(|inverse| *inverse < 4)?;
    let length = Neg { not: inverse & 2 != 0, value: blob.u32(8)? };
    rare(Rare::Ah(Ah {
        spi: whole(Neg { not: inverse & 1 != 0, value: span(blob, 0)? }),
        length: (length.not || length.value != 0).then_some(length),
        reserved: blob.flag(12, 1)?,
    }))
}

/// `struct xt_esp`.
fn esp(blob: &Blob, _: &mut Names) -> Option<Match> {
    let not = blob.u8(8).filter(|inverse| *inverse < 2)? != 0;
    rare(Rare::Esp(Esp { spi: whole(Neg { not, value: span(blob, 0)? }) }))
}

/// `struct xt_ipcomp`.
fn ipcomp(blob: &Blob, _: &mut Names) -> Option<Match> {
    let not = blob.u8(8).filter(|inverse| *inverse < 2)? != 0;
    rare(Rare::Ipcomp(Ipcomp { spi: whole(Neg { not, value: span(blob, 0)? }), reserved: blob.flag(9, 1)? }))
}

/// `struct xt_dccp_info`.
fn dccp(blob: &Blob, _: &mut Names) -> Option<Match> {
    const KNOWN: u16 = 0x0f;
    let (asked, inverse) = (blob.u16(8)?, blob.u16(10)?);
    if asked & !KNOWN != 0 || inverse & !asked != 0 {
        return None;
    }
    let part = |bit: u16| (asked & bit != 0).then_some(inverse & bit != 0);
    let ports = |bit: u16, at: usize| match part(bit) {
        Some(not) => Some(Some(Neg { not, value: port_range(blob.u16(at)?, blob.u16(at + 2)?)? })),
        None => Some(None),
    };
    let types = DccpTypes::from_bits_retain(blob.u16(12)?);
    // Types without a name come all together.
    let nameless = types & DccpTypes::INVALID;
    let named = !types.is_empty() && (nameless.is_empty() || nameless == DccpTypes::INVALID);
    rare(Rare::Dccp(Dccp {
        sport: ports(1, 4)?,
        dport: ports(2, 0)?,
        types: match part(4) {
            Some(not) => Some(Neg { not, value: named.then_some(types)? }),
            None => None,
        },
        option: match part(8) {
            Some(not) => Some(Neg { not, value: blob.u8(14)? }),
            None => None,
        },
    }))
}

/// `struct xt_sctp_info`.
fn sctp(blob: &Blob, _: &mut Names) -> Option<Match> {
    const KNOWN: u32 = 0x07;
    let (asked, inverse) = (blob.u32(284)?, blob.u32(288)?);
    if asked & !KNOWN != 0 || inverse & !asked != 0 {
        return None;
    }
    let part = |bit: u32| (asked & bit != 0).then_some(inverse & bit != 0);
    let ports = |bit: u32, at: usize| match part(bit) {
        Some(not) => Some(Some(Neg { not, value: port_range(blob.u16(at)?, blob.u16(at + 2)?)? })),
        None => Some(None),
    };
    rare(Rare::Sctp(Sctp {
        sport: ports(1, 4)?,
        dport: ports(2, 0)?,
        chunks: match part(4) {
            Some(not) => Some(Neg { not, value: sctp_chunks(blob)? }),
            None => None,
        },
    }))
}

/// The chunks that are asked for: a map with room for eight times as many types as there are, which `ALL` fills. Flags of
/// a type that is not among them are never looked at; those of all types have no words.
fn sctp_chunks(blob: &Blob) -> Option<SctpChunks> {
    const MOST: u32 = 4;
    let how = match blob.u32(264)? {
        1 => SctpHow::Any,
        2 => SctpHow::All,
        4 => SctpHow::Only,
        _ => return None,
    };
    let mut types = [0; 8];
    for (word, slot) in types.iter_mut().enumerate() {
        *slot = blob.u32(8 + 4 * word)?;
    }
    let all = types == [u32::MAX; 8];
    let rest = if all { u32::MAX } else { 0 };
    if (8..64).any(|word| blob.u32(8 + 4 * word) != Some(rest)) {
        return None;
    }
    let mut flags: Vec<SctpFlags> = Vec::new();
    for at in 0..blob.u32(280).filter(|count| *count <= MOST)? as usize {
        let [chunk, set, mask] = blob.array(268 + 3 * at)?;
        let is_asked = types[usize::from(chunk) / 32] & 1 << (chunk % 32) != 0;
        // The bits that have letters, and the one that a dash stands for (`parse_sctp_chunk`).
        let letters: u8 = match chunk {
            0 | 64 => 0x8f,
            6 | 14 => 0x81,
            _ => 0x80,
        };
        if is_asked && (all || mask & !letters != 0) || flags.iter().any(|other| other.chunk == chunk) {
            return None;
        }
        if is_asked {
            flags.push(SctpFlags { chunk, set, mask });
        }
    }
    Some(SctpChunks { how, types, flags: flags.into() })
}

/// `struct xt_tcpmss_match_info`.
fn tcpmss(blob: &Blob, _: &mut Names) -> Option<Match> {
    let (first, last) = (blob.u16(0)?, blob.u16(2)?);
    rare(Rare::Tcpmss(Neg { not: blob.flag(4, 1)?, value: (first <= last).then_some((first, last))? }))
}

/// `struct xt_dscp_info`.
fn dscp(blob: &Blob, _: &mut Names) -> Option<Match> {
    rare(Rare::Dscp(Neg { not: blob.flag(1, 1)?, value: blob.u8(0).filter(|code| *code < 64)? }))
}

/// `struct xt_tos_match_info`.
fn tos(blob: &Blob, _: &mut Names) -> Option<Match> {
    rare(Rare::Tos(Neg { not: blob.flag(2, 1)?, value: (blob.u8(1)?, blob.u8(0)?) }))
}

/// `struct xt_ecn_info`.
fn ecn(blob: &Blob, _: &mut Names) -> Option<Match> {
    const IP: u8 = 0x01;
    const ECE: u8 = 0x10;
    const CWR: u8 = 0x20;
    let (asked, inverse) = (blob.u8(0)?, blob.u8(1)?);
    if asked & !(IP | ECE | CWR) != 0 || asked == 0 || inverse & !asked != 0 {
        return None;
    }
    let part = |bit: u8| (asked & bit != 0).then_some(inverse & bit != 0);
    let switch = |bit: u8| part(bit).map(|not| Neg { not, value: () });
    let ect = blob.u8(2)?;
    rare(Rare::Ecn(Ecn { ece: switch(ECE), cwr: switch(CWR), ect: part(IP).map(|not| Neg { not, value: ect }) }))
}
