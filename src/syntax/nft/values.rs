//! How nft writes values: addresses, numbers, names of numbers, flags.
//!
//! Knows the symbols of nft's data types, as `nft describe` lists them. Deliberately does not know where a value
//! comes from, nor names that only a host has (of users and groups); which devices there
//! are is told to it.

use std::fmt::Write as _;

use crate::host::nft::address;
use crate::host::{Link, Protocol};
use crate::syntax::iptables;

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind<'a> {
    /// A decimal number.
    Integer,
    /// A hexadecimal number: what is no known field.
    #[default]
    Hex,
    /// A hexadecimal number of eight digits.
    Mark,
    /// An IPv4 or an IPv6 address, by its length.
    Address,
    /// An Ethernet address.
    Ether,
    /// A routing realm: a number, whose ranges are written as prefixes.
    Realm,
    /// A transport protocol.
    Protocol,
    /// Text in quotes, such as the name of a device.
    Name,
    /// Whether something is there.
    Exists,
    /// A traffic class: `major:minor`.
    Class,
    /// Milliseconds.
    Time,
    /// Nanoseconds since 1970: a date and a time. nft writes them in the time zone of its user, which here is UTC.
    Date,
    /// Second of the day, in the same time zone.
    Hour,
    /// The number of the bit that is set.
    Label,
    /// A device by its index.
    Device,
    /// The same, where it is known which devices there are.
    DeviceOf(&'a [Link]),
    /// A number with names.
    Symbols(&'static Symbols),
    /// Bits with names.
    Flags(&'static [(u128, &'static str)]),
}

impl<'a> Kind<'a> {
    /// The same on a host with these devices.
    pub fn on(self, links: &'a [Link]) -> Kind<'a> {
        if self == Kind::Device { Kind::DeviceOf(links) } else { self }
    }

    /// Whether nft writes prefixes of it (`DTYPE_F_PREFIX`).
    pub fn has_prefixes(self) -> bool {
        matches!(self, Kind::Address | Kind::Mark | Kind::Realm | DEVICE_GROUP)
    }
}

/// Realm 0, as iproute2's own list of realms calls it (`rt_realms`).
pub(super) const COSMOS: &str = "\"cosmos\"";

/// The names of numbers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Symbols {
    /// Hexadecimal digits of a number without a name; 0: decimal.
    pub digits: usize,
    /// The first name of a number is the one that is printed.
    pub names: &'static [(u128, &'static str)],
}

macro_rules! symbols {
    ($($(#[$doc:meta])* $name:ident $digits:literal [$($number:literal $text:literal),* $(,)?];)*) => {
        $($(#[$doc])* pub(super) const $name: Kind<'static> =
            Kind::Symbols(&Symbols { digits: $digits, names: &[$(($number, $text)),*] });)*
    };
}

symbols! {
    ICMP_TYPE 0 [
        0 "echo-reply", 3 "destination-unreachable", 4 "source-quench", 5 "redirect", 8 "echo-request",
        9 "router-advertisement", 10 "router-solicitation", 11 "time-exceeded", 12 "parameter-problem",
        13 "timestamp-request", 14 "timestamp-reply", 15 "info-request", 16 "info-reply", 17 "address-mask-request",
        18 "address-mask-reply",
    ];
    ICMP6_TYPE 0 [
        1 "destination-unreachable", 2 "packet-too-big", 3 "time-exceeded", 4 "parameter-problem", 128 "echo-request",
        129 "echo-reply", 130 "mld-listener-query", 131 "mld-listener-report", 132 "mld-listener-done",
        133 "nd-router-solicit", 134 "nd-router-advert", 135 "nd-neighbor-solicit", 136 "nd-neighbor-advert",
        137 "nd-redirect", 138 "router-renumbering", 141 "ind-neighbor-solicit", 142 "ind-neighbor-advert",
        143 "mld2-listener-report",
    ];
    ICMP_CODE 0 [
        0 "net-unreachable", 1 "host-unreachable", 2 "prot-unreachable", 3 "port-unreachable", 9 "net-prohibited",
        10 "host-prohibited", 13 "admin-prohibited", 4 "frag-needed",
    ];
    ICMP6_CODE 0 [
        0 "no-route", 1 "admin-prohibited", 3 "addr-unreachable", 4 "port-unreachable", 5 "policy-fail",
        6 "reject-route",
    ];
    ICMPX_CODE 0 [0 "no-route", 1 "port-unreachable", 2 "host-unreachable", 3 "admin-prohibited"];
    IGMP_TYPE 0 [
        17 "membership-query", 18 "membership-report-v1", 22 "membership-report-v2", 34 "membership-report-v3",
        23 "leave-group",
    ];
    ETHER_TYPE 4 [0x0800 "ip", 0x0806 "arp", 0x86dd "ip6", 0x8100 "8021q", 0x88a8 "8021ad"];
    ARP_OPERATION 0 [
        1 "request", 2 "reply", 3 "rrequest", 4 "rreply", 8 "inrequest", 9 "inreply", 10 "nak",
    ];
    DSCP 2 [
        0x00 "cs0", 0x08 "cs1", 0x10 "cs2", 0x18 "cs3", 0x20 "cs4", 0x28 "cs5", 0x30 "cs6", 0x38 "cs7", 0x01 "lephb",
        0x0a "af11", 0x0c "af12", 0x0e "af13", 0x12 "af21", 0x14 "af22", 0x16 "af23", 0x1a "af31", 0x1c "af32",
        0x1e "af33", 0x22 "af41", 0x24 "af42", 0x26 "af43", 0x2c "va", 0x2e "ef",
    ];
    ECN 1 [0 "not-ect", 1 "ect1", 2 "ect0", 3 "ce"];
    NFPROTO 0 [2 "ipv4", 10 "ipv6"];
    DEVICE_TYPE 4 [
        1 "ether", 512 "ppp", 768 "ipip", 769 "ipip6", 772 "loopback", 776 "sit", 778 "ipgre",
    ];
    DEVICE_GROUP 0 [0 "\"default\""];
    PACKET_TYPE 0 [0 "host", 1 "broadcast", 2 "multicast", 3 "other"];
    ADDRESS_TYPE 0 [
        0 "unspec", 1 "unicast", 2 "local", 3 "broadcast", 4 "anycast", 5 "multicast", 6 "blackhole", 7 "unreachable",
        8 "prohibit",
    ];
    DIRECTION 0 [0 "original", 1 "reply"];
    DCCP_TYPE 1 [
        0 "request", 1 "response", 2 "data", 3 "ack", 4 "dataack", 5 "closereq", 6 "close", 7 "reset", 8 "sync",
        9 "syncack",
    ];
    MOBILITY_TYPE 0 [
        0 "binding-refresh-request", 1 "home-test-init", 2 "careof-test-init", 3 "home-test", 4 "careof-test",
        5 "binding-update", 6 "binding-acknowledgement", 7 "binding-error", 8 "fast-binding-update",
        9 "fast-binding-acknowledgement", 10 "fast-binding-advertisement", 11 "experimental-mobility-header",
        12 "home-agent-switch-message",
    ];
    DAY 0 [
        0 "\"Sunday\"", 1 "\"Monday\"", 2 "\"Tuesday\"", 3 "\"Wednesday\"", 4 "\"Thursday\"", 5 "\"Friday\"",
        6 "\"Saturday\"",
    ];
}

pub(super) const TCP_FLAGS: Kind<'static> = Kind::Flags(&[
    (0x01, "fin"),
    (0x02, "syn"),
    (0x04, "rst"),
    (0x08, "psh"),
    (0x10, "ack"),
    (0x20, "urg"),
    (0x40, "ecn"),
    (0x80, "cwr"),
]);
pub(super) const CT_STATE: Kind<'static> =
    Kind::Flags(&[(0x1, "invalid"), (0x2, "established"), (0x4, "related"), (0x8, "new"), (0x40, "untracked")]);
pub(super) const CT_EVENT: Kind<'static> = Kind::Flags(&[
    (0x1, "new"),
    (0x2, "related"),
    (0x4, "destroy"),
    (0x8, "reply"),
    (0x10, "assured"),
    (0x20, "protoinfo"),
    (0x40, "helper"),
    (0x80, "mark"),
    (0x100, "seqadj"),
    (0x200, "secmark"),
    (0x400, "label"),
]);
pub(super) const CT_STATUS: Kind<'static> = Kind::Flags(&[
    (0x1, "expected"),
    (0x2, "seen-reply"),
    (0x4, "assured"),
    (0x8, "confirmed"),
    (0x10, "snat"),
    (0x20, "dnat"),
    (0x200, "dying"),
]);

/// The number in these bytes; of more than sixteen, in the last sixteen.
pub(super) fn number(bytes: &[u8], host: bool) -> u128 {
    let add = |number: u128, byte: &u8| number << 8 | u128::from(*byte);
    if host && cfg!(target_endian = "little") { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) }
}

/// These bytes with the highest first.
pub(super) fn network_order(bytes: &[u8], host: bool) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if host && cfg!(target_endian = "little") {
        bytes.reverse();
    }
    bytes
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// A value; flags are joined as in a set (`syn | ack`).
pub(super) fn value(kind: Kind, bytes: &[u8], host: bool) -> String {
    match kind {
        Kind::Flags(names) => {
            let bits = flags(names, number(bytes, host));
            if bits.is_empty() { "0x0".to_owned() } else { bits.join(" | ") }
        }
        Kind::Symbols(symbols) => symbol(symbols, number(bytes, host)),
        Kind::Protocol => {
            let number = number(bytes, host);
            let known = u8::try_from(number).ok().filter(|number| *number != 0);
            match known.and_then(|number| Protocol(number).name()) {
                Some("icmpv6") => "ipv6-icmp".to_owned(),
                Some(name) => name.to_owned(),
                None if number == 0 => "ip".to_owned(),
                None => number.to_string(),
            }
        }
        Kind::Name => name(bytes),
        Kind::Exists => if bytes.iter().any(|byte| *byte != 0) { "exists" } else { "missing" }.to_owned(),
        Kind::Class => match number(bytes, host) {
            0 => "none".to_owned(),
            0xffff_ffff => "root".to_owned(),
            number => format!("{:x}:{:x}", number >> 16, number & 0xffff),
        },
        Kind::Time => time(number(bytes, host)),
        Kind::Date => format!("\"{}\"", date((number(bytes, host) / 1_000_000_000) as u64)),
        Kind::Hour => hour(number(bytes, host)),
        Kind::Label => match number(bytes, host) {
            bits if bits.is_power_of_two() => bits.trailing_zeros().to_string(),
            bits => format!("{bits:#x}"),
        },
        Kind::DeviceOf(links) => {
            let index = number(bytes, host);
            match links.iter().find(|link| u128::from(link.index) == index) {
                Some(link) => format!("\"{}\"", link.name),
                // `LOOPBACK_IFINDEX`, in every namespace.
                None if index == 1 => "\"lo\"".to_owned(),
                None => index.to_string(),
            }
        }
        Kind::Realm if number(bytes, host) == 0 => COSMOS.to_owned(),
        Kind::Integer | Kind::Realm | Kind::Hex | Kind::Mark | Kind::Address | Kind::Ether | Kind::Device => {
            plain(kind, bytes, host)
        }
    }
}

/// A value without names: a mask.
pub(super) fn plain(kind: Kind, bytes: &[u8], host: bool) -> String {
    let number = number(bytes, host);
    match kind {
        Kind::Mark => format!("{number:#010x}"),
        Kind::Address => match address(bytes) {
            Some(address) => {
                let mut out = String::new();
                iptables::push_address(&mut out, address);
                out
            }
            None => format!("0x{}", hex(bytes)),
        },
        Kind::Ether => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":"),
        Kind::Hex if bytes.len() > 16 => format!("0x{}", hex(bytes)),
        Kind::Hex | Kind::Flags(_) => format!("{number:#x}"),
        Kind::Symbols(symbols) if symbols.digits > 0 => format!("0x{number:0width$x}", width = symbols.digits),
        _ if bytes.len() > 16 => format!("0x{}", hex(bytes)),
        _ => number.to_string(),
    }
}

fn symbol(symbols: &Symbols, number: u128) -> String {
    match symbols.names.iter().find(|(known, _)| *known == number) {
        Some((_, name)) => (*name).to_owned(),
        None if symbols.digits > 0 => format!("0x{number:0width$x}", width = symbols.digits),
        None => number.to_string(),
    }
}

/// The names of the bits in a number as a list: `new,related`.
pub(super) fn flag_list(names: &[(u128, &str)], number: u128) -> String {
    if number == 0 { "0x0".to_owned() } else { flags(names, number).join(",") }
}

/// The names of the bits in a number, the lowest first.
pub(super) fn flags(names: &[(u128, &str)], number: u128) -> Vec<String> {
    let bits = (0..128).map(|at| 1u128 << at).filter(|bit| number & bit != 0);
    bits.map(|bit| match names.iter().find(|(known, _)| *known == bit) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("{bit:#x}"),
    })
    .collect()
}

/// Text up to its first zero byte. A star at the end is one that stands for itself.
fn name(bytes: &[u8]) -> String {
    let text = text(bytes);
    match text.strip_suffix('*') {
        Some(start) => format!("\"{start}\\*\""),
        None => format!("\"{text}\""),
    }
}

/// The text before the first zero byte.
pub(super) fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// Seconds since 1970 as a date and a time of UTC: `2026-11-30 14:25:10`.
pub fn date(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years begin in March, so that the day that some have more is their last; 400 of them have 146,097 days.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// A second of the day as a time.
fn hour(second: u128) -> String {
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let seconds = if second == 0 { String::new() } else { format!(":{second:02}") };
    format!("\"{hour:02}:{minute:02}{seconds}\"")
}

/// Milliseconds as nft writes time: `1h5s`.
pub(super) fn time(milliseconds: u128) -> String {
    let mut out = String::new();
    let mut rest = milliseconds;
    for (unit, name) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")] {
        if rest >= unit {
            // Writing to a String cannot fail.
            let _ = write!(out, "{}{name}", rest / unit);
            rest %= unit;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

/// How many bits a mask has, where it is a prefix.
pub(super) fn prefix_length(mask: &[u8]) -> Option<usize> {
    let ones = mask.iter().position(|byte| *byte != 0xff).unwrap_or(mask.len());
    let Some(last) = mask.get(ones) else { return Some(ones * 8) };
    let bits = last.leading_ones();
    let rest_is_zero = last.count_ones() == bits && mask[ones + 1..].iter().all(|byte| *byte == 0);
    rest_is_zero.then_some(ones * 8 + bits as usize)
}

/// A range of values, both ends included: one value, a prefix, the start of a name, or both ends.
pub(super) fn range(kind: Kind, first: &[u8], last: &[u8], host: bool) -> String {
    if first == last {
        return value(kind, first, host);
    }
    let same_length = first.len() == last.len();
    let span: Vec<u8> = first.iter().zip(last).map(|(a, b)| !(a ^ b)).collect();
    // A prefix: the ends agree in its bits, and have all zeros and all ones after it.
    let zeros = first.iter().zip(&span).all(|(byte, mask)| byte & !mask == 0);
    let ones = last.iter().zip(&span).all(|(byte, mask)| byte | mask == 0xff);
    let prefix = prefix_length(&span).filter(|_| same_length && zeros && ones);
    match (kind, prefix) {
        (kind, Some(bits)) if kind.has_prefixes() => format!("{}/{bits}", value(kind, first, host)),
        (Kind::Name, Some(bits)) if bits % 8 == 0 && bits / 8 <= first.len() => {
            format!("\"{}*\"", text(&first[..bits / 8]))
        }
        _ => format!("{}-{}", end(kind, first, host), end(kind, last, host)),
    }
}

/// An end of a range: nft writes numbers there, whatever names they have (`range_expr_print`).
pub(super) fn end(kind: Kind, bytes: &[u8], host: bool) -> String {
    match kind {
        Kind::Symbols(_) | Kind::Protocol | Kind::DeviceOf(_) | Kind::Realm => plain(kind, bytes, host),
        Kind::Time => format!("{}s", number(bytes, host) / 1000),
        _ => value(kind, bytes, host),
    }
}
