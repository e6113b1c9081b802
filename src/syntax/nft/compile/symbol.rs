//! Words and numbers as values: what `values` prints, read.
//!
//! Knows the names that nft has by itself. Names that a host has (of services, users, realms, device groups) are none that is
//! known here; which devices there are is told to it. Times of day are taken as UTC: no text tells in which zone it was
//! printed.

use super::operand::Type;
use super::{DATE, HOUR};
use crate::host::{Link, Protocol};
use crate::syntax::nft::values::{COSMOS, DAY, DEVICE_GROUP, DSCP, ETHER_TYPE, ICMP6_TYPE, Kind};

/// Names that nft reads and does not print.
const ALIASES: [(Kind<'static>, &str, u128); 5] = [
    (DSCP, "df", 0),
    (DSCP, "be", 0),
    (ETHER_TYPE, "vlan", 0x8100),
    (ICMP6_TYPE, "mld-listener-reduction", 132),
    (Kind::Protocol, "icmpv6", 58),
];

/// The index of `lo` in every namespace.
const LOOPBACK: u32 = 1;

/// The number that a word stands for where a value of this kind is wanted; of text its bytes, the first one lowest.
pub(super) fn value(of: Type, word: &str, links: &[Link]) -> Option<u128> {
    match of.number {
        HOUR => return hour(word),
        DATE => return date(word),
        _ => {}
    }
    let kind = of.kind;
    let found = match kind {
        Kind::Address => return address(word),
        Kind::Ether => return ether(word),
        Kind::Name => return text(word),
        Kind::Class => return class(word),
        Kind::Time => return time(word),
        Kind::Exists => match word {
            "exists" => Some(1),
            "missing" => Some(0),
            _ => None,
        },
        Kind::Protocol => match Protocol::from_name(word) {
            Some(protocol) => Some(protocol.0.into()),
            // The name that /etc/protocols has for it.
            None if word == "ip" => Some(0),
            None => None,
        },
        Kind::Device | Kind::DeviceOf(_) => {
            let of = |link: &Link| (*link.name == *word).then_some(link.index);
            let known = links.iter().find_map(of).or((word == "lo").then_some(LOOPBACK));
            known.map(u128::from)
        }
        Kind::Symbols(symbols) => {
            let quoted = kind == DAY || kind == DEVICE_GROUP;
            let is_it = |name: &str| match quoted {
                true => name.trim_matches('"').eq_ignore_ascii_case(word),
                false => name == word,
            };
            symbols.names.iter().find(|(_, name)| is_it(name)).map(|(number, _)| *number)
        }
        Kind::Flags(names) => names.iter().find(|(_, name)| *name == word).map(|(number, _)| *number),
        Kind::Label => return integer(word).filter(|bit| *bit < 128).map(|bit| 1 << bit),
        Kind::Realm => (COSMOS.trim_matches('"') == word).then_some(0),
        Kind::Integer | Kind::Hex | Kind::Mark | Kind::Date | Kind::Hour => None,
    };
    found.or_else(|| integer(word)).or_else(|| {
        let known = ALIASES.iter().find(|(of, name, _)| *of == kind && *name == word);
        known.map(|(_, _, number)| *number)
    })
}

/// A decimal or a hexadecimal number.
pub(super) fn integer(word: &str) -> Option<u128> {
    match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(digits) => u128::from_str_radix(digits, 16).ok(),
        None if word.starts_with(|first: char| first.is_ascii_digit()) => word.parse().ok(),
        None => None,
    }
}

/// The address as a number, and how many bits it has is the type's business.
fn address(word: &str) -> Option<u128> {
    if let Ok(address) = word.parse::<std::net::Ipv4Addr>() {
        return Some(u32::from(address).into());
    }
    word.parse::<std::net::Ipv6Addr>().ok().map(u128::from)
}

fn ether(word: &str) -> Option<u128> {
    let mut number = 0u128;
    let mut parts = 0;
    for part in word.split(':') {
        number = number << 8 | u128::from(u8::from_str_radix(part, 16).ok()?);
        parts += 1;
    }
    (parts == 6).then_some(number)
}

/// At most sixteen bytes.
pub(super) fn text(word: &str) -> Option<u128> {
    if word.len() > 16 {
        return None;
    }
    Some(word.bytes().rev().fold(0, |number, byte| number << 8 | u128::from(byte)))
}

fn class(word: &str) -> Option<u128> {
    match word {
        "root" => return Some(0xffff_ffff),
        "none" => return Some(0),
        _ => {}
    }
    let Some((major, minor)) = word.split_once(':') else { return integer(word) };
    let half = |digits: &str| if digits.is_empty() { Some(0) } else { u16::from_str_radix(digits, 16).ok() };
    Some(u128::from(half(major)?) << 16 | u128::from(half(minor)?))
}

/// `1d2h3m4s5ms` in milliseconds; a bare number counts seconds.
pub(super) fn time(word: &str) -> Option<u128> {
    if let Ok(seconds) = word.parse::<u64>() {
        return Some(u128::from(seconds) * 1000);
    }
    let mut rest = word;
    let mut milliseconds = 0u128;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let number: u128 = rest[..digits].parse().ok()?;
        let units = [("ms", 1), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
        let (unit, factor) = units.into_iter().find(|(unit, _)| rest[digits..].starts_with(unit))?;
        milliseconds = milliseconds.checked_add(number.checked_mul(factor)?)?;
        rest = &rest[digits + unit.len()..];
    }
    (!word.is_empty()).then_some(milliseconds)
}

/// `17:30` or `17:30:15` in seconds.
fn hour(word: &str) -> Option<u128> {
    if let Ok(seconds) = word.parse::<u32>() {
        return Some(seconds.into());
    }
    if !word.contains(':') {
        return time(word).map(|milliseconds| milliseconds / 1000 % 86_400);
    }
    let mut seconds = 0u128;
    let mut factor = 3600;
    for part in word.split(':') {
        let number: u32 = part.parse().ok()?;
        seconds += u128::from(number) * factor;
        factor /= 60;
    }
    Some(seconds % 86_400)
}

/// `2026-11-24 17:30:15` in nanoseconds since 1970.
fn date(word: &str) -> Option<u128> {
    if let Ok(seconds) = word.parse::<u64>() {
        return Some(u128::from(seconds) * 1_000_000_000);
    }
    let (day, time) = word.split_once(' ').unwrap_or((word, "0"));
    let mut parts = day.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Days since 1970 in the Gregorian calendar, with years that begin in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    let seconds = u128::try_from(days).ok()? * 86_400 + hour(time)?;
    Some(seconds * 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_each_kind() {
        let value = |kind, word| value(Type { number: super::super::INTEGER, kind }, word, &[]);
        assert_eq!(value(Kind::Integer, "0x10"), Some(16));
        assert_eq!(value(Kind::Integer, "https"), None);
        assert_eq!(value(Kind::Address, "10.0.0.1"), Some(0x0a00_0001));
        assert_eq!(value(Kind::Address, "::1"), Some(1));
        assert_eq!(value(Kind::Ether, "1:2:3:4:5:6"), Some(0x0102_0304_0506));
        assert_eq!(value(Kind::Name, "lo"), Some(0x6f6c));
        assert_eq!(value(Kind::Class, "1:f"), Some(0x1_000f));
        assert_eq!(value(Kind::Time, "1h5s250ms"), Some(3_605_250));
        assert_eq!(hour("17:30"), Some(63_000));
        assert_eq!(date("1970-01-02 00:00:01"), Some(86_401_000_000_000));
        assert_eq!(date("2026-11-24 17:30:15"), Some(1_795_541_415_000_000_000));
        assert_eq!(value(Kind::Protocol, "ipv6-icmp"), Some(58));
        assert_eq!(value(Kind::Device, "lo"), Some(1));
        assert_eq!(value(Kind::Device, "eth0"), None);
        assert_eq!(value(DAY, "Monday"), Some(1));
        assert_eq!(value(DSCP, "df"), Some(0));
    }
}
