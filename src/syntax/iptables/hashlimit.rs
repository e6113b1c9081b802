//! `-m hashlimit`: rates of packets and of bytes, as libxt_hashlimit of revision 3 stores and prints them.

use super::option::{Asked, Extension, Opt, Takes, raise, set};
use super::values::{self, push};
use super::words::push_word;
use crate::host::xt::{Hashlimit, HashlimitMode, Match, Rare};
use crate::host::{Family, IpFamily, Name, Names};

use Takes::{Nothing, One};

pub(super) const HASHLIMIT: Extension<Match> = Extension {
    name: "hashlimit",
    family: None,
    options: &[
        ("--hashlimit-upto", One),
        ("--hashlimit-above", One),
        ("--hashlimit", One),
        ("--hashlimit-burst", One),
        ("--hashlimit-mode", One),
        ("--hashlimit-name", One),
        ("--hashlimit-srcmask", One),
        ("--hashlimit-dstmask", One),
        ("--hashlimit-htable-size", One),
        ("--hashlimit-htable-max", One),
        ("--hashlimit-htable-gcinterval", One),
        ("--hashlimit-htable-expire", One),
        ("--hashlimit-rate-match", Nothing),
        ("--hashlimit-rate-interval", One),
    ],
    read: hashlimit,
};

/// In the order in which the tools print them.
const MODES: [(&str, HashlimitMode); 4] = [
    ("srcip", HashlimitMode::SRCIP),
    ("srcport", HashlimitMode::SRCPORT),
    ("dstip", HashlimitMode::DSTIP),
    ("dstport", HashlimitMode::DSTPORT),
];

/// Units of a rate of packets, from the longest on, with their seconds.
const UNITS: [(&str, &str, u64); 4] =
    [("day", "day", 86_400), ("hour", "hour", 3_600), ("min", "minute", 60), ("sec", "second", 1)];

/// How much one second costs (`XT_HASHLIMIT_SCALE_v2`).
const SECOND: u64 = 1_000_000;
/// How long idle entries of byte rates stay, in seconds: without a burst, and with one.
const BYTE_EXPIRE: u64 = 15;
const BYTE_EXPIRE_BURST: u64 = 60;
/// Most packets at once.
const MOST_BURST: u64 = 1_000_000;
/// `--hashlimit-htable-gcinterval` where it is not given.
const GC_INTERVAL: u32 = 1000;
/// `--hashlimit-burst` where it is not given.
const BURST: u64 = 5;

/// What the options say, each where it was given.
#[derive(Default)]
struct Given {
    rate: Option<(bool, Rate)>,
    burst: Option<u64>,
    mode: Option<HashlimitMode>,
    name: Option<Name>,
    prefixes: [Option<u8>; 2],
    size: Option<u32>,
    max: Option<u32>,
    gc_interval: Option<u32>,
    expire: Option<u32>,
    rate_match: bool,
    interval: Option<u32>,
}

/// A rate: what it costs, and the seconds of its unit.
#[derive(Clone, Copy)]
struct Rate {
    bytes: bool,
    cost: u64,
    unit: u64,
}

fn hashlimit(asked: &Asked, names: &mut Names) -> Option<Match> {
    let mut given = Given::default();
    for option in asked.options() {
        take(&mut given, &option, names)?;
    }
    let (above, rate) = given.rate?;
    let (burst, mut expire) = if rate.bytes {
        match given.burst {
            Some(burst) => {
                let quantum = cost_to_bytes(rate.cost);
                let burst = (burst >= quantum).then(|| burst.checked_div(quantum))??
                    + u64::from(burst.checked_rem(quantum)? != 0);
                (burst & u64::from(u32::MAX), BYTE_EXPIRE_BURST)
            }
            None => (0, rate.unit),
        }
    } else {
        (given.burst.unwrap_or(BURST), rate.unit)
    };
    expire *= 1000;
    if !rate.bytes && burst > MOST_BURST {
        return None;
    }
    let interval = match given.interval {
        Some(interval) => interval,
        None if rate.bytes => 1,
        None => rate.unit as u32,
    };
    let shared = given.rate_match && !rate.bytes;
    let whole = asked.family.bits();
    Some(Match::Rare(Box::new(Rare::Hashlimit(Hashlimit {
        name: given.name?,
        above,
        bytes: rate.bytes,
        cost: if shared { rate.cost / rate.unit } else { rate.cost },
        burst,
        mode: given.mode.unwrap_or(HashlimitMode::empty()),
        size: given.size.unwrap_or(0),
        max: given.max.unwrap_or(0),
        gc_interval: given.gc_interval.unwrap_or(GC_INTERVAL),
        expire: given.expire.or_else(|| expire.try_into().ok())?,
        source_prefix: given.prefixes[0].unwrap_or(whole),
        destination_prefix: given.prefixes[1].unwrap_or(whole),
        rate_match: given.rate_match.then_some(interval),
    }))))
}

fn take(given: &mut Given, option: &Opt, names: &mut Names) -> Option<()> {
    let prefix = || option.number().filter(|length| *length <= option.family.bits());
    match option.name {
        "--hashlimit-upto" | "--hashlimit" => set(&mut given.rate, (option.not, rate(option.value()?)?)),
        "--hashlimit-above" => set(&mut given.rate, (!option.not, rate(option.value()?)?)),
        "--hashlimit-burst" => set(&mut given.burst, burst(option.plain()?)?),
        "--hashlimit-mode" => set(&mut given.mode, mode(option.plain()?)?),
        "--hashlimit-name" => set(&mut given.name, names.intern(option.plain().filter(|name| !name.is_empty())?)),
        "--hashlimit-srcmask" => set(&mut given.prefixes[0], prefix()?),
        "--hashlimit-dstmask" => set(&mut given.prefixes[1], prefix()?),
        "--hashlimit-htable-size" => set(&mut given.size, option.number()?),
        "--hashlimit-htable-max" => set(&mut given.max, option.number()?),
        "--hashlimit-htable-gcinterval" => set(&mut given.gc_interval, option.number()?),
        "--hashlimit-htable-expire" => set(&mut given.expire, option.number()?),
        "--hashlimit-rate-match" => {
            option.flag()?;
            raise(&mut given.rate_match)
        }
        "--hashlimit-rate-interval" => {
            let interval = option.number().filter(|interval| (1..=i32::MAX as u32).contains(interval))?;
            set(&mut given.interval, interval)
        }
        _ => None,
    }
}

/// `dstip,srcip,…`; nothing is no mode either.
fn mode(text: &str) -> Option<HashlimitMode> {
    let mut all = HashlimitMode::empty();
    for name in text.split([',', '|']).filter(|name| !name.is_empty()) {
        all |= MODES.iter().find(|(known, _)| *known == name).map(|(_, mode)| *mode)?;
    }
    Some(all)
}

/// `k` and `m` after a number of bytes.
fn factor(sign: Option<char>) -> u64 {
    match sign {
        Some('m') => 1024 * 1024,
        Some('k') => 1024,
        _ => 1,
    }
}

/// The number that a text begins with, and what follows it.
fn leading(text: &str) -> Option<(u64, &str)> {
    let end = text.bytes().position(|sign| !sign.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

fn burst(text: &str) -> Option<u64> {
    let (number, rest) = leading(text)?;
    let bad = number == 0 || rest.is_empty() && number > MOST_BURST;
    if bad { None } else { number.checked_mul(factor(rest.chars().next())) }
}

/// `10/min`, `512kb/s`.
fn rate(text: &str) -> Option<Rate> {
    let (number, rest) = leading(text)?;
    // The tools print less than 16 bytes as none.
    if let Some(at) = rest.find("b/s") {
        let cost = bytes_to_cost(number.checked_mul(factor(rest[..at].chars().next_back()))?);
        return (cost != 0).then_some(Rate { bytes: true, cost, unit: BYTE_EXPIRE });
    }
    let unit = match rest.split_once('/') {
        _ if number == 0 => return None,
        Some((_, unit)) if !unit.is_empty() => unit.to_ascii_lowercase(),
        Some(_) => return None,
        None => "second".to_owned(),
    };
    let (.., unit) = UNITS.iter().rev().find(|(_, whole, _)| whole.starts_with(&unit))?;
    let cost = SECOND * unit / number;
    (cost != 0).then_some(Rate { bytes: false, cost, unit: *unit })
}

/// Rates of bytes are counted in pieces of 16, and stored as what one costs.
fn bytes_to_cost(bytes: u64) -> u64 {
    u64::from(u32::MAX) / (u64::from((bytes >> 4) as u32) + 1)
}

fn cost_to_bytes(cost: u64) -> u64 {
    u64::from(u32::MAX).checked_div(cost).unwrap_or(u32::MAX.into()).wrapping_sub(1) << 4
}

pub(super) fn push_hashlimit(out: &mut String, family: Family, limit: &Hashlimit) {
    out.push_str(if limit.above { " --hashlimit-above " } else { " --hashlimit-upto " });
    let expire = if limit.bytes { push_bytes(out, limit) } else { push_packets(out, limit) };
    if !limit.mode.is_empty() {
        out.push_str(" --hashlimit-mode ");
        values::push_flags(out, limit.mode, &MODES);
    }
    out.push_str(" --hashlimit-name");
    push_word(out, &limit.name);
    let whole = if family == Family::Ip6 { IpFamily::V6 } else { IpFamily::V4 }.bits();
    for (option, number, default) in [
        ("--hashlimit-htable-size", limit.size, 0),
        ("--hashlimit-htable-max", limit.max, 0),
        ("--hashlimit-htable-gcinterval", limit.gc_interval, GC_INTERVAL),
        ("--hashlimit-htable-expire", limit.expire, expire as u32),
        ("--hashlimit-srcmask", limit.source_prefix.into(), whole.into()),
        ("--hashlimit-dstmask", limit.destination_prefix.into(), whole.into()),
    ] {
        if number != default {
            push(out, format_args!(" {option} {number}"));
        }
    }
    if let Some(interval) = limit.rate_match {
        out.push_str(" --hashlimit-rate-match");
        if interval != 1 {
            push(out, format_args!(" --hashlimit-rate-interval {interval}"));
        }
    }
}

/// Appends a rate of packets with its burst, and gives how long idle entries stay by default, in milliseconds.
fn push_packets(out: &mut String, limit: &Hashlimit) -> u64 {
    // As print_rate goes: down the units, to the last before the rate would come out worse.
    let count = |unit: u64| (unit * SECOND).checked_div(limit.cost);
    let worse = |unit: u64| count(unit).is_none_or(|count| count == 0 || count < unit * SECOND % limit.cost);
    let end = UNITS[1..].iter().position(|(.., unit)| worse(*unit)).map_or(UNITS.len(), |at| at + 1);
    let (name, _, unit) = UNITS[end - 1];
    let expire = match count(unit) {
        Some(count) => {
            push(out, format_args!("{count}/{name}"));
            unit * 1000
        }
        None => {
            out.push_str("inf");
            0
        }
    };
    push(out, format_args!(" --hashlimit-burst {}", limit.burst));
    expire
}

/// The same of bytes.
fn push_bytes(out: &mut String, limit: &Hashlimit) -> u64 {
    const SCALES: [(&str, u64); 3] = [("m", 1024 * 1024), ("k", 1024), ("", 1)];
    let rate = cost_to_bytes(limit.cost);
    // The tools' mask has 32 bits.
    let exact = |scale: u64| rate >= scale && bytes_to_cost(rate & u64::from(!(scale - 1) as u32)) == limit.cost;
    let (name, scale) = SCALES[..2].iter().find(|(_, scale)| exact(*scale)).unwrap_or(&SCALES[2]);
    push(out, format_args!("{}{name}b/s", rate / scale));
    if limit.burst == 0 {
        return BYTE_EXPIRE * 1000;
    }
    let burst = rate.wrapping_mul(limit.burst);
    let (name, scale) = SCALES[..2].iter().find(|(_, scale)| burst >= *scale).unwrap_or(&SCALES[2]);
    push(out, format_args!(" --hashlimit-burst {}{name}b", burst / scale));
    BYTE_EXPIRE_BURST * 1000
}
