//! Matches on what is counted and kept of flows and packets: hashlimit, connlimit, connbytes, connlabel, cluster, helper,
//! quota, nfacct, rateest, ipvs, time.

use super::blob::{Blob, IFNAMSIZ, host_mask};
use super::flow::POINTER;
use super::{Row, rare, row};
use crate::host::xt::{
    Cluster, Connbytes, ConnbytesMode, Connlabel, Connlimit, CtDirection, Hashlimit, HashlimitMode, Ipvs, IpvsMethod,
    Match, Neg, Rare, RateestMatch, RateestOp, Time,
};
use crate::host::{Names, Protocol};

pub(super) static MATCHES: [Row<Match>; 14] = [
    row("hashlimit", 3, 312, hashlimit3),
    row("hashlimit", 2, 304, hashlimit2),
    row("hashlimit", 1, 56, hashlimit1),
    row("connlimit", 1, 32, connlimit),
    row("time", 0, 22, time),
    row("connbytes", 0, 18, connbytes),
    row("connlabel", 0, 4, connlabel),
    row("cluster", 0, 16, cluster),
    row("helper", 0, 34, helper),
    row("quota", 0, (16 + POINTER).next_multiple_of(8), quota),
    row("nfacct", 0, 32 + POINTER, nfacct),
    row("nfacct", 1, 40, nfacct),
    row("rateest", 0, 72, rateest),
    row("ipvs", 0, 40, ipvs),
];

/// Where `struct hashlimit_cfg1` to `struct hashlimit_cfg3` have what they have in common, behind the name.
struct HashlimitPlaces {
    /// The length of the name.
    name: usize,
    mode: usize,
    /// Four numbers of the table.
    numbers: usize,
    /// Two prefix lengths.
    prefixes: usize,
    /// Bits of the mode beyond the first six.
    more: u32,
}

/// `struct xt_hashlimit_mtinfo3`.
fn hashlimit3(blob: &Blob, names: &mut Names) -> Option<Match> {
    const RATE_MATCH: u32 = 0x40;
    let places = HashlimitPlaces { name: 255, mode: 272, numbers: 276, prefixes: 296, more: RATE_MATCH };
    let interval = blob.u32(292)?;
    let rate_match = (blob.u32(places.mode)? & RATE_MATCH != 0).then_some(interval);
    hashlimit(blob, names, &places, (blob.u64(256)?, blob.u64(264)?), rate_match)
}

/// `struct xt_hashlimit_mtinfo2`.
fn hashlimit2(blob: &Blob, names: &mut Names) -> Option<Match> {
    let places = HashlimitPlaces { name: 255, mode: 272, numbers: 276, prefixes: 292, more: 0 };
    hashlimit(blob, names, &places, (blob.u64(256)?, blob.u64(264)?), None)
}

/// `struct xt_hashlimit_mtinfo1`: of packets, time is counted in 1/10000 s.
fn hashlimit1(blob: &Blob, names: &mut Names) -> Option<Match> {
    let places = HashlimitPlaces { name: IFNAMSIZ, mode: 16, numbers: 28, prefixes: 44, more: 0 };
    let bytes = blob.u32(places.mode)? & HASHLIMIT_BYTES != 0;
    let cost = blob.u32(20)?.into();
    hashlimit(blob, names, &places, (if bytes { cost } else { finer(cost) }, blob.u32(24)?.into()), None)
}

/// A time between packets in 1/10000 s in microseconds: not a hundred times as much, but what the rate that was meant comes
/// to, in the longest unit of which it is a whole number.
fn finer(cost: u64) -> u64 {
    const COARSE: u64 = 10_000;
    const FINE: u64 = 1_000_000;
    let unit = longest_unit(COARSE, cost);
    let count = (COARSE * unit).checked_div(cost).unwrap_or(0);
    (FINE * unit).checked_div(count).unwrap_or(cost * (FINE / COARSE))
}

const HASHLIMIT_BYTES: u32 = 0x20;

/// Whether iptables has words for what the kernel has: not for bursts of no packets, of more than `XT_HASHLIMIT_BURST_MAX`,
/// or of more bytes than it counts; nor for what is no whole number of packets in a unit, of pieces of 16 bytes, or, where
/// rates are matched in intervals, of packets a second.
fn has_words(bytes: bool, cost: u64, burst: u64, rate_match: bool) -> bool {
    const MOST_BURST: u64 = 1_000_000;
    const SECOND: u64 = 1_000_000;
    if bytes {
        // As libxt_hashlimit makes rates of costs and back.
        let rate = u64::from(u32::MAX).checked_div(cost).unwrap_or(0).saturating_sub(1) << 4;
        let is_exact = u64::from(u32::MAX) / ((rate >> 4) + 1) == cost;
        return is_exact && u32::try_from(burst).is_ok() && rate.checked_mul(burst).is_some();
    }
    let unit = if rate_match { SECOND } else { longest_unit(SECOND, cost) * SECOND };
    let is_exact = unit.checked_div(cost).and_then(|count| unit.checked_div(count)) == Some(cost);
    is_exact && (1..=MOST_BURST).contains(&burst)
}

/// The seconds of the unit in which a rate is printed, of which one costs so much where a second has `second`: the last from
/// days on before the rest would be more than the rate (`print_rate`).
fn longest_unit(second: u64, cost: u64) -> u64 {
    let fits = |unit: &&u64| (second * **unit).checked_div(cost).is_some_and(|n| n != 0 && n >= second * **unit % cost);
    *[60 * 60, 60, 1].iter().take_while(fits).last().unwrap_or(&(24 * 60 * 60))
}

fn hashlimit(
    blob: &Blob,
    names: &mut Names,
    places: &HashlimitPlaces,
    (cost, burst): (u64, u64),
    rate_match: Option<u32>,
) -> Option<Match> {
    const INVERT: u32 = 0x10;
    let mode = blob.u32(places.mode)?;
    let bytes = mode & HASHLIMIT_BYTES != 0;
    if !has_words(bytes, cost, burst, rate_match.is_some()) {
        return None;
    }
    let by = u8::try_from(mode & !(INVERT | HASHLIMIT_BYTES | places.more)).ok()?;
    rare(Rare::Hashlimit(Hashlimit {
        name: names.intern(&blob.text(0, places.name)?),
        above: mode & INVERT != 0,
        bytes,
        cost,
        burst,
        mode: HashlimitMode::from_bits(by)?,
        size: blob.u32(places.numbers)?,
        max: blob.u32(places.numbers + 4)?,
        gc_interval: blob.u32(places.numbers + 8)?,
        expire: blob.u32(places.numbers + 12)?,
        source_prefix: blob.u8(places.prefixes)?,
        destination_prefix: blob.u8(places.prefixes + 1)?,
        rate_match,
    }))
}

/// `struct xt_connlimit_info`.
fn connlimit(blob: &Blob, _: &mut Names) -> Option<Match> {
    const UPTO: u32 = 1 << 0;
    const DESTINATION: u32 = 1 << 1;
    let flags = blob.u32(20).filter(|flags| flags & !(UPTO | DESTINATION) == 0)?;
    rare(Rare::Connlimit(Connlimit {
        above: flags & UPTO == 0,
        limit: blob.u32(16)?,
        prefix: ipnet::ip_mask_to_prefix(blob.address(0)?).ok()?,
        destination: flags & DESTINATION != 0,
    }))
}

/// `struct xt_time_info`.
fn time(blob: &Blob, _: &mut Names) -> Option<Match> {
    let flags = blob.u8(21).filter(|flags| *flags < 4)?;
    let day = (blob.u32(8)?, blob.u32(12)?);
    if day.0 > Time::LAST_SECOND || day.1 > Time::LAST_SECOND {
        return None;
    }
    rare(Rare::Time(Time {
        day,
        date: (blob.u32(0)?, blob.u32(4)?),
        // There is no day 0.
        monthdays: blob.u32(16)? & Time::ALL_MONTHDAYS,
        weekdays: blob.u8(20)? & Time::ALL_WEEKDAYS,
        kernel_zone: flags & 1 != 0,
        contiguous: flags & 2 != 0,
    }))
}

/// `struct xt_connbytes_info`: backwards, the range is turned around (`connbytes_mt`).
fn connbytes(blob: &Blob, _: &mut Names) -> Option<Match> {
    let (from, to) = (blob.u64(0)?, blob.u64(8)?);
    let mode = match blob.u8(16)? {
        0 => ConnbytesMode::Packets,
        1 => ConnbytesMode::Bytes,
        2 => ConnbytesMode::Average,
        _ => return None,
    };
    let direction = match blob.u8(17)? {
        0 => Some(CtDirection::Original),
        1 => Some(CtDirection::Reply),
        2 => None,
        _ => return None,
    };
    let range = Neg { not: from > to, value: (from.min(to), from.max(to)) };
    rare(Rare::Connbytes(Connbytes { range, mode, direction }))
}

/// `struct xt_connlabel_mtinfo`.
fn connlabel(blob: &Blob, _: &mut Names) -> Option<Match> {
    let flags = blob.u16(2).filter(|flags| *flags < 4)?;
    rare(Rare::Connlabel(Connlabel { label: Neg { not: flags & 1 != 0, value: blob.u16(0)? }, set: flags & 2 != 0 }))
}

/// `struct xt_cluster_match_info`.
fn cluster(blob: &Blob, _: &mut Names) -> Option<Match> {
    let not = blob.u32(12).filter(|flags| *flags < 2)? != 0;
    let nodes = Neg { not, value: blob.u32(4)? };
    rare(Rare::Cluster(Cluster { nodes, total: blob.u32(0)?, seed: blob.u32(8)? }))
}

/// `struct xt_helper_info`.
fn helper(blob: &Blob, names: &mut Names) -> Option<Match> {
    rare(Rare::Helper(Neg { not: blob.flag(0, 4)?, value: names.intern(&blob.text(4, 30)?) }))
}

/// `struct xt_quota_info`.
fn quota(blob: &Blob, _: &mut Names) -> Option<Match> {
    let not = blob.u32(0).filter(|flags| *flags < 2)? != 0;
    rare(Rare::Quota(Neg { not, value: blob.u64(8)? }))
}

/// `struct xt_nfacct_match_info`, `struct xt_nfacct_match_info_v1`.
fn nfacct(blob: &Blob, names: &mut Names) -> Option<Match> {
    rare(Rare::Nfacct(names.intern(&blob.text(0, 32)?)))
}

/// `struct xt_rateest_match_info`.
fn rateest(blob: &Blob, names: &mut Names) -> Option<Match> {
    const INVERT: u16 = 1 << 0;
    const ABSOLUTE: u16 = 1 << 1;
    const RELATIVE: u16 = 1 << 2;
    const DELTA: u16 = 1 << 3;
    const BYTES: u16 = 1 << 4;
    const PACKETS: u16 = 1 << 5;
    let flags = blob.u16(32)?;
    let relative = match flags & (ABSOLUTE | RELATIVE) {
        ABSOLUTE => false,
        RELATIVE => true,
        _ => return None,
    };
    let op = match blob.u16(34)? {
        1 => RateestOp::Equal,
        2 => RateestOp::Less,
        3 => RateestOp::Greater,
        _ => return None,
    };
    let rates =
        |flag: u16, at: usize| Some(if flags & flag != 0 { Some((blob.u32(at)?, blob.u32(at + 8)?)) } else { None });
    if flags & !0x3f != 0 {
        return None;
    }
    rare(Rare::Rateest(RateestMatch {
        delta: flags & DELTA != 0,
        first: names.intern(&blob.text(0, IFNAMSIZ)?),
        second: if relative { Some(names.intern(&blob.text(IFNAMSIZ, IFNAMSIZ)?)) } else { None },
        op: Neg { not: flags & INVERT != 0, value: op },
        bytes: rates(BYTES, 36)?,
        packets: rates(PACKETS, 40)?,
    }))
}

/// `struct xt_ipvs_mtinfo`. That it is IPVS' at all is asked with everything else.
fn ipvs(blob: &Blob, _: &mut Names) -> Option<Match> {
    let (inverse, asked) = (blob.u8(38)?, blob.u8(39)?);
    let alone = asked == 1;
    if asked & !0x7f != 0 || asked == 0 || inverse & !asked != 0 || inverse & 1 != 0 && !alone {
        return None;
    }
    let part = |bit: u32| (asked & 1 << bit != 0).then_some(inverse & 1 << bit != 0);
    let port = |bit: u32, at: usize| match part(bit) {
        Some(not) => Some(Some(Neg { not, value: blob.be16(at)? })),
        None => Some(None),
    };
    let protocol = Protocol(blob.u8(34)?);
    rare(Rare::Ipvs(Ipvs {
        ipvs: if alone { part(0).map(|not| Neg { not, value: () }) } else { None },
        protocol: part(1).map(|not| Neg { not, value: protocol }),
        address: match part(2) {
            Some(not) => Some(Neg { not, value: host_mask(blob.address(0)?, blob.address(16)?)? }),
            None => None,
        },
        port: port(3, 32)?,
        direction: part(4).map(|not| if not { CtDirection::Reply } else { CtDirection::Original }),
        method: match part(5) {
            Some(not) => Some(Neg { not, value: ipvs_method(blob.u8(35)?)? }),
            None => None,
        },
        control_port: port(6, 36)?,
    }))
}

fn ipvs_method(number: u8) -> Option<IpvsMethod> {
    match number {
        0 => Some(IpvsMethod::Masquerade),
        2 => Some(IpvsMethod::Tunnel),
        3 => Some(IpvsMethod::Gate),
        _ => None,
    }
}
