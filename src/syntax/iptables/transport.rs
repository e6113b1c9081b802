//! Matches on what stands behind the IP header: ah, esp, ipcomp, dccp, sctp, tcpmss, and dscp, tos and ecn.

use super::option::{Extension, Opt, Takes, set};
use super::rows::{BYTE, Kind, NOTHING, NUMBER, PORTS, SPAN, drop_whole, push_one, push_span, rows, single, span};
use super::values::{self, push};
use crate::host::xt::{Ah, Dccp, DccpTypes, Ecn, Esp, Ipcomp, Match, Neg, Rare, Sctp, SctpChunks, SctpFlags, SctpHow};

rows!(AH, push_ah, "ah", None, Ah(Ah), |ah| {
    drop_whole(&mut ah.spi);
    ah.length = ah.length.filter(|length| length.not || length.value != 0);
    true
}, {
    spi: SPAN, "--ahspi";
    length: NUMBER, "--ahlen";
    reserved: NOTHING, "--ahres";
});

rows!(ESP, push_esp, "esp", None, Esp(Esp), |esp| { drop_whole(&mut esp.spi); true }, {
    spi: SPAN, "--espspi";
});

rows!(IPCOMP, push_ipcomp, "ipcomp", None, Ipcomp(Ipcomp), |comp| { drop_whole(&mut comp.spi); true }, {
    spi: SPAN, "--ipcompspi";
    reserved: NOTHING, "--compres";
});

rows!(DCCP, push_dccp, "dccp", None, Dccp(Dccp), |_| true, {
    sport: PORTS, "--sport" | "--source-port";
    dport: PORTS, "--dport" | "--destination-port";
    types: DCCP_TYPES, "--dccp-types";
    option: BYTE, "--dccp-option";
});

const DCCP_NAMES: [(&str, DccpTypes); 11] = [
    ("REQUEST", DccpTypes::REQUEST),
    ("RESPONSE", DccpTypes::RESPONSE),
    ("DATA", DccpTypes::DATA),
    ("ACK", DccpTypes::ACK),
    ("DATAACK", DccpTypes::DATAACK),
    ("CLOSEREQ", DccpTypes::CLOSEREQ),
    ("CLOSE", DccpTypes::CLOSE),
    ("RESET", DccpTypes::RESET),
    ("SYNC", DccpTypes::SYNC),
    ("SYNCACK", DccpTypes::SYNCACK),
    ("INVALID", DccpTypes::INVALID),
];

const DCCP_TYPES: Kind<DccpTypes> = Kind {
    takes: Takes::One,
    read: |option, _| values::flags(option.value()?, |name| values::flag(name, &DCCP_NAMES)),
    push: |out, types| {
        out.push(' ');
        values::push_flags(out, *types, &DCCP_NAMES);
    },
};

rows!(SCTP, push_sctp, "sctp", None, Sctp(Sctp), |_| true, {
    sport: PORTS, "--sport" | "--source-port";
    dport: PORTS, "--dport" | "--destination-port";
    chunks: CHUNKS, "--chunk-types";
});

const CHUNKS: Kind<SctpChunks> = Kind { takes: Takes::Two, read: |option, _| sctp_chunks(option), push: push_chunks };

/// Types of SCTP chunks, and the letters of their flags from the highest bit on.
const CHUNK_NAMES: [(&str, u8, &str); 22] = [
    ("DATA", 0, "----IUBE"),
    ("INIT", 1, "--------"),
    ("INIT_ACK", 2, "--------"),
    ("SACK", 3, "--------"),
    ("HEARTBEAT", 4, "--------"),
    ("HEARTBEAT_ACK", 5, "--------"),
    ("ABORT", 6, "-------T"),
    ("SHUTDOWN", 7, "--------"),
    ("SHUTDOWN_ACK", 8, "--------"),
    ("ERROR", 9, "--------"),
    ("COOKIE_ECHO", 10, "--------"),
    ("COOKIE_ACK", 11, "--------"),
    ("ECN_ECNE", 12, "--------"),
    ("ECN_CWR", 13, "--------"),
    ("SHUTDOWN_COMPLETE", 14, "-------T"),
    ("I_DATA", 64, "----IUBE"),
    ("RE_CONFIG", 130, "--------"),
    ("PAD", 132, "--------"),
    ("ASCONF", 193, "--------"),
    ("ASCONF_ACK", 128, "--------"),
    ("FORWARD_TSN", 192, "--------"),
    ("I_FORWARD_TSN", 194, "--------"),
];

/// `HOW CHUNK[:FLAGS],…`, where a great letter is a flag that must be set, and a small one a flag that must not.
fn sctp_chunks(option: &Opt) -> Option<SctpChunks> {
    const MOST: usize = 4;
    let (how, list) = option.two()?;
    let how = match how.to_ascii_lowercase().as_str() {
        "any" => SctpHow::Any,
        "all" => SctpHow::All,
        "only" => SctpHow::Only,
        _ => return None,
    };
    let mut chunks = SctpChunks { how, types: [0; 8], flags: Box::default() };
    if list.eq_ignore_ascii_case("ALL") {
        chunks.types = [u32::MAX; 8];
        return Some(chunks);
    }
    let mut flags: Vec<SctpFlags> = Vec::new();
    let given = list.split(',').filter(|one| !one.is_empty() && !list.eq_ignore_ascii_case("NONE"));
    for one in given {
        let (name, letters) = one.split_once(':').unwrap_or((one, ""));
        let named = CHUNK_NAMES.iter().enumerate().find(|(_, (known, ..))| known.eq_ignore_ascii_case(name));
        let Some((place, (_, kind, known))) = named else {
            let kind: u8 = one.parse().ok()?;
            chunks.types[usize::from(kind) / 32] |= 1 << (kind % 32);
            continue;
        };
        chunks.types[usize::from(*kind) / 32] |= 1 << (kind % 32);
        for letter in letters.chars() {
            let bit = 0x80 >> known.find(letter.to_ascii_uppercase())?;
            // Flags are stored by the type's place in the tools' list: where that is not its number, they are never looked at.
            if place != usize::from(*kind) {
                continue;
            }
            let at = flags.iter().position(|flags| flags.chunk == *kind).unwrap_or_else(|| {
                flags.push(SctpFlags { chunk: *kind, set: 0, mask: 0 });
                flags.len() - 1
            });
            flags[at].mask |= bit;
            flags[at].set |= if letter.is_ascii_uppercase() { bit } else { 0 };
        }
    }
    if flags.len() > MOST {
        return None;
    }
    chunks.flags = flags.into();
    Some(chunks)
}

fn push_chunks(out: &mut String, chunks: &SctpChunks) {
    out.push_str(match chunks.how {
        SctpHow::Any => " any ",
        SctpHow::All => " all ",
        SctpHow::Only => " only ",
    });
    match chunks.types {
        types if types == [0; 8] => out.push_str("NONE"),
        types if types == [u32::MAX; 8] => out.push_str("ALL"),
        types => {
            let kinds = (0..=u8::MAX).filter(|kind| types[usize::from(*kind) / 32] & 1 << (kind % 32) != 0);
            for (at, kind) in kinds.enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                push_chunk(out, kind, chunks.flags.iter().find(|flags| flags.chunk == kind));
            }
        }
    }
}

/// Appends a type with the flags that are asked of it. One without a name is its number here: the tools print nothing for it.
fn push_chunk(out: &mut String, kind: u8, flags: Option<&SctpFlags>) {
    let Some((name, _, letters)) = CHUNK_NAMES.iter().find(|(_, known, _)| *known == kind) else {
        return values::push(out, format_args!("{kind}"));
    };
    out.push_str(name);
    let Some(flags) = flags.filter(|flags| flags.mask != 0) else { return };
    out.push(':');
    for (at, letter) in letters.chars().enumerate().filter(|(at, _)| flags.mask & 0x80 >> at != 0) {
        out.push(if flags.set & 0x80 >> at != 0 { letter } else { letter.to_ascii_lowercase() });
    }
}

/// `--mss`.
pub(super) const MSS: Kind<(u16, u16)> = Kind {
    takes: Takes::One,
    read: |option, _| span(option.value()?, u16::MAX).filter(|(first, last)| first <= last),
    push: |out, (first, last)| push_span(out, *first, *last),
};
single!(TCPMSS, "tcpmss", None, Tcpmss, MSS, "--mss");

single!(DSCP, "dscp", None, Dscp, CODE_POINT, "--dscp" | "--dscp-class");

/// Names of code points; the tools print numbers.
#[rustfmt::skip]
const CLASSES: [(&str, u8); 22] = [
    ("CS0", 0x00), ("CS1", 0x08), ("CS2", 0x10), ("CS3", 0x18), ("CS4", 0x20), ("CS5", 0x28), ("CS6", 0x30), ("CS7", 0x38),
    ("BE", 0x00),
    ("AF11", 0x0a), ("AF12", 0x0c), ("AF13", 0x0e), ("AF21", 0x12), ("AF22", 0x14), ("AF23", 0x16),
    ("AF31", 0x1a), ("AF32", 0x1c), ("AF33", 0x1e), ("AF41", 0x22), ("AF42", 0x24), ("AF43", 0x26),
    ("EF", 0x2e),
];

/// The code point of a class.
pub(super) fn dscp_class(name: &str) -> Option<u8> {
    values::flag(name, &CLASSES)
}

/// `--dscp`, or `--dscp-class`.
pub(super) const CODE_POINT: Kind<u8> = Kind {
    takes: Takes::One,
    read: |option, _| match option.name {
        "--dscp-class" => dscp_class(option.value()?),
        _ => values::number(option.value()?).filter(|code| *code < 64),
    },
    push: |out, code| push(out, format_args!(" 0x{code:02x}")),
};

/// Names of the service that a packet asks for; the tools print numbers.
const SERVICES: [(&str, u8); 5] = [
    ("Minimize-Delay", 0x10),
    ("Maximize-Throughput", 0x08),
    ("Maximize-Reliability", 0x04),
    ("Minimize-Cost", 0x02),
    ("Normal-Service", 0x00),
];

/// `value`, `value/mask`, or the name of a service: value and mask. A name leaves the two bits of ECN alone.
pub(super) fn tos_value(text: &str) -> Option<(u8, u8)> {
    if let Some(value) = values::flag(text, &SERVICES) {
        return Some((value, 0x3f));
    }
    match text.split_once('/') {
        Some((value, mask)) => Some((values::number(value)?, values::number(mask)?)),
        None => Some((values::number(text)?, 0xff)),
    }
}

/// `--tos`.
pub(super) const SERVICE: Kind<(u8, u8)> = Kind {
    takes: Takes::One,
    read: |option, _| tos_value(option.value()?),
    push: |out, (value, mask)| push(out, format_args!(" 0x{value:02x}/0x{mask:02x}")),
};
single!(TOS, "tos", None, Tos, SERVICE, "--tos");

rows!(ECN, push_ecn, "ecn", None, Ecn(Ecn), |ecn| {
    *ecn != Ecn::default() && ecn.ect.is_none_or(|ect| ect.value < 4)
}, {
    ece: NOTHING, "--ecn-tcp-ece";
    cwr: NOTHING, "--ecn-tcp-cwr";
    ect: BYTE, "--ecn-ip-ect";
});

/// Appends an option that is always asked for.
pub(super) fn push_single<T>(out: &mut String, option: &str, asked: &Neg<T>, kind: &Kind<T>) {
    push_one(out, option, asked.not, &asked.value, kind);
}
