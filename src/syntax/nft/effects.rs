//! Statements that do something, as nft writes them: `log`, `limit`, `reject`, the translations.
//!
//! Knows their words and defaults. What lies in the registers that they name is told to it.

use std::fmt::Write as _;

use super::fields::Header;
use super::values::{self, ICMP_CODE, ICMP6_CODE, ICMPX_CODE};
use crate::host::nft::{Expression, Limit, Log, RejectKind, Synproxy, range, synproxy};
use crate::host::{Counters, Family, Tally};

/// An expression that keeps a state, with what it counted where that is told.
pub(super) fn stateful(expression: &Expression, tally: Option<Tally>) -> String {
    match (expression, tally) {
        (Expression::Counter, Some(Tally::Counter(Counters { packets, bytes }))) => {
            format!("counter packets {packets} bytes {bytes}")
        }
        (Expression::Counter, _) => "counter".to_owned(),
        (Expression::Limit(limit), _) => self::limit(limit),
        (Expression::Connlimit { count, over }, _) => format!("ct count {}{count}", if *over { "over " } else { "" }),
        (Expression::Quota { bytes, over }, tally) => format!("quota {}", quota(*bytes, *over, tally)),
        // nft 1.0.6 has no words for it; those are of 1.0.8.
        (Expression::Last, Some(Tally::Last(Some(milliseconds)))) => {
            format!("last used {}", values::time(milliseconds.into()))
        }
        (Expression::Last, Some(Tally::Last(None))) => "last used never".to_owned(),
        (Expression::Last, _) => "last".to_owned(),
        (Expression::Undecoded(undecoded), _) => format!("[{} {}]", undecoded.name, values::hex(&undecoded.data)),
        _ => "[?]".to_owned(),
    }
}

/// `over 10 mbytes used 5 kbytes`.
pub(super) fn quota(limit: u64, over: bool, tally: Option<Tally>) -> String {
    let used = match tally {
        Some(Tally::Consumed(used)) if used > 0 => format!(" used {}", bytes(used)),
        _ => String::new(),
    };
    format!("{}{}{used}", if over { "over " } else { "" }, bytes(limit))
}

/// `synproxy mss 1460 wscale 7 timestamp sack-perm`.
pub(super) fn synproxy(with: &Synproxy) -> String {
    let has = |flag: u32| with.flags & flag != 0;
    let mut out = "synproxy".to_owned();
    if has(synproxy::MSS) {
        push(&mut out, format_args!(" mss {}", with.mss));
    }
    if has(synproxy::WSCALE) {
        push(&mut out, format_args!(" wscale {}", with.window_scale));
    }
    for (_, word) in
        [(synproxy::TIMESTAMP, " timestamp"), (synproxy::SACK_PERM, " sack-perm")].iter().filter(|(flag, _)| has(*flag))
    {
        out.push_str(word);
    }
    out
}

/// `limit rate over 10/minute burst 20 packets`.
pub(super) fn limit(limit: &Limit) -> String {
    let over = if limit.over { "over " } else { "" };
    let unit = match limit.unit {
        1 => "second".to_owned(),
        60 => "minute".to_owned(),
        3_600 => "hour".to_owned(),
        86_400 => "day".to_owned(),
        604_800 => "week".to_owned(),
        other => format!("{other}s"),
    };
    if !limit.bytes {
        let burst = match limit.burst {
            0 | 5 => String::new(),
            burst => format!(" burst {burst} packets"),
        };
        return format!("limit rate {over}{}/{unit}{burst}", limit.rate);
    }
    let burst = match limit.burst {
        0 => String::new(),
        burst => format!(" burst {}", bytes(burst.into())),
    };
    format!("limit rate {over}{}/{unit}{burst}", bytes(limit.rate))
}

/// Bytes in the largest unit that leaves no rest (`get_rate`).
fn bytes(count: u64) -> String {
    let (mut count, mut unit) = (count, "bytes");
    for larger in ["kbytes", "mbytes"] {
        if count == 0 || count % 1024 != 0 {
            break;
        }
        (count, unit) = (count / 1024, larger);
    }
    format!("{count} {unit}")
}

/// `log prefix "x" level debug flags all`. The level `warn` goes without saying.
pub(super) fn log(log: &Log) -> String {
    const LEVELS: [&str; 9] = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "audit"];
    const FLAGS: [(u32, &str); 3] = [(4, "ip options"), (8, "skuid"), (0x20, "ether")];
    let mut out = "log".to_owned();
    if let Some(prefix) = &log.prefix {
        push(&mut out, format_args!(" prefix \"{prefix}\""));
    }
    if let Some(group) = log.group {
        push(&mut out, format_args!(" group {group}"));
    }
    if let Some(length) = log.snaplen.filter(|length| *length != 0) {
        push(&mut out, format_args!(" snaplen {length}"));
    }
    if let Some(threshold) = log.qthreshold.filter(|threshold| *threshold != 0) {
        push(&mut out, format_args!(" queue-threshold {threshold}"));
    }
    if let Some(level) = log.level.filter(|level| *level != 4) {
        match LEVELS.get(level as usize) {
            Some(name) => push(&mut out, format_args!(" level {name}")),
            None => push(&mut out, format_args!(" level {level}")),
        }
    }
    let flags = log.flags.unwrap_or_default();
    if flags & 0x2f == 0x2f {
        out.push_str(" flags all");
        return out;
    }
    match flags & 3 {
        0 => {}
        1 => out.push_str(" flags tcp sequence"),
        2 => out.push_str(" flags tcp options"),
        _ => out.push_str(" flags tcp sequence,options"),
    }
    for (_, name) in FLAGS.iter().filter(|(flag, _)| flags & flag != 0) {
        push(&mut out, format_args!(" flags {name}"));
    }
    out
}

/// `reject with icmp host-unreachable`.
pub(super) fn reject(kind: RejectKind, code: u8, family: Family, network: Option<Header>) -> String {
    let (name, codes) = match (kind, network) {
        (RejectKind::TcpReset, _) => return "reject with tcp reset".to_owned(),
        // Port unreachable goes without saying, in the words of the table's family.
        (RejectKind::Icmpx, _) if code == 1 => return "reject".to_owned(),
        (RejectKind::Icmp, _) if (family, code) == (Family::Ip, 3) => return "reject".to_owned(),
        (RejectKind::Icmp, _) if (family, code) == (Family::Ip6, 4) => return "reject".to_owned(),
        (RejectKind::Icmpx, _) => ("icmpx", ICMPX_CODE),
        (RejectKind::Icmp, Some(Header::Ip6)) => ("icmpv6", ICMP6_CODE),
        (RejectKind::Icmp, _) => ("icmp", ICMP_CODE),
    };
    format!("reject with {name} {}", values::value(codes, &[code], false))
}

/// What comes after a translation's addresses and ports.
pub(super) fn range_flags(flags: u32) -> String {
    const WORDS: [(u32, &str); 3] =
        [(range::RANDOM, "random"), (range::RANDOM_FULLY, "fully-random"), (range::PERSISTENT, "persistent")];
    let words: Vec<&str> = WORDS.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, word)| *word).collect();
    if words.is_empty() { String::new() } else { format!(" {}", words.join(",")) }
}

/// `(operand & mask) ^ xor` as the and, or and xor that nft makes of it (`netlink_parse_bitwise_mask_xor`).
pub(super) fn bitwise(mask: u128, xor: u128, all: u128) -> (Option<u128>, Option<u128>, Option<u128>) {
    let or = xor & !mask & all;
    let xor = xor & mask;
    let and = mask | or;
    let some = |number: u128| Some(number).filter(|number| *number != 0);
    (Some(and).filter(|and| *and != all), some(xor), some(or))
}

fn push(out: &mut String, text: std::fmt::Arguments) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(text);
}
