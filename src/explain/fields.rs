//! Values of packet fields as people write them: `192.168.0.0/16`, `1024-65535`, `syn,ack`, `0x1`, `established`.
//!
//! The options of `trace` and the explorer's packet form share it. Which fields there are is [`Field`]'s table; what a
//! value does is the walk's business.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

use crate::host::IpFamily;
use crate::host::xt::CtStates;
use crate::walk::query::{address, number};
use crate::walk::{Field, ValueSet};

/// Names of TCP flags with their bits (RFC 9293, 3.1).
const TCP_FLAGS: [(&str, u128); 6] = [("fin", 1), ("syn", 2), ("rst", 4), ("psh", 8), ("ack", 16), ("urg", 32)];

/// Names of conntrack states; a packet is in one of them.
const CT_STATES: [(&str, CtStates); 5] = [
    ("new", CtStates::NEW),
    ("established", CtStates::ESTABLISHED),
    ("related", CtStates::RELATED),
    ("invalid", CtStates::INVALID),
    ("untracked", CtStates::UNTRACKED),
];

/// Names of packet types with their numbers (linux/if_packet.h).
const PKTTYPES: [(&str, u128); 3] = [("host", 0), ("broadcast", 1), ("multicast", 2)];

/// The values that `text` means for `field`, or what is wrong with it, as the end of a sentence that starts with it.
pub fn parse(field: Field, family: IpFamily, text: &str) -> Result<ValueSet, String> {
    match field {
        Field::Src | Field::Dst => address_values(family, text),
        Field::TcpFlags => tcp_flags(text),
        Field::CtState => named(&CT_STATES.map(|(name, state)| (name, u128::from(state.bits()))), text),
        Field::Pkttype => named(&PKTTYPES, text),
        Field::SrcMac => mac(text),
        Field::Time => time(text),
        Field::Iif => Err("is given by --origin".to_owned()),
        Field::Mark if text.contains('/') => Err("has a mask, and a mark is told whole: 0x1, or 0x0-0xff".to_owned()),
        Field::Uid => numbers(text, field.bits(family)).map_err(|refusal| by_name("passwd", text, refusal)),
        Field::Gid => numbers(text, field.bits(family)).map_err(|refusal| by_name("group", text, refusal)),
        Field::Sport | Field::Dport => {
            numbers(text, field.bits(family)).map_err(|refusal| by_name("services", text, refusal))
        }
        Field::Mark | Field::IcmpType | Field::IcmpCode | Field::Ttl | Field::Length | Field::Tos => {
            numbers(text, field.bits(family))
        }
    }
}

/// What is wrong with a user, group or port that is no number: its name is for the host to say, which may be another machine.
fn by_name(database: &str, text: &str, refusal: String) -> String {
    match is_name(text) {
        true => format!("is a name, and a number is asked for: getent {database} {text} tells it"),
        false => refusal,
    }
}

/// Whether it is written like the name of a user or a service.
pub fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') && text.bytes().all(is_part)
}

/// The words that there are for values of a field; none where values are numbers and addresses.
pub fn names(field: Field) -> Vec<&'static str> {
    match field {
        Field::CtState => CT_STATES.iter().map(|(name, _)| *name).collect(),
        Field::Pkttype => PKTTYPES.iter().map(|(name, _)| *name).collect(),
        // Those that packets have, of all combinations.
        Field::TcpFlags => vec!["syn", "syn,ack", "ack", "fin,ack", "rst", "none"],
        _ => Vec::new(),
    }
}

/// TCP flags as they are written: `syn,ack`.
pub fn tcp_flags_text(bits: u128) -> String {
    let names: Vec<&str> = TCP_FLAGS.iter().filter(|(_, bit)| bits & bit != 0).map(|(name, _)| *name).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(",") }
}

/// A link-layer address as text.
pub fn mac_text(mac: u64) -> String {
    let bytes = mac.to_be_bytes();
    bytes[2..].iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

/// The name of the conntrack state that a value stands for, where it has one.
pub fn ct_state_name(value: u128) -> Option<&'static str> {
    CT_STATES.iter().find(|(_, state)| u128::from(state.bits()) == value).map(|(name, _)| *name)
}

/// A set of addresses as prefixes; `None` where that takes more than `limit` of them.
pub fn prefixes(family: IpFamily, set: &ValueSet, limit: usize) -> Option<Vec<IpNet>> {
    let mut nets = Vec::new();
    for &(first, last) in set.ranges() {
        nets.extend(span(address(family, first), address(family, last)));
        if nets.len() > limit {
            return None;
        }
    }
    Some(nets)
}

/// The addresses from first to last as prefixes, ascending; empty where the families differ.
pub fn span(first: IpAddr, last: IpAddr) -> Vec<IpNet> {
    match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => Ipv4Subnets::new(first, last, 0).map(IpNet::V4).collect(),
        (IpAddr::V6(first), IpAddr::V6(last)) => Ipv6Subnets::new(first, last, 0).map(IpNet::V6).collect(),
        _ => Vec::new(),
    }
}

/// A time of the clock in UTC, `2026-11-30T12:00` or `2026-11-30T12:00:30`, or seconds since 1970.
fn time(text: &str) -> Result<ValueSet, String> {
    let told = |text: &str| {
        let (date, clock) = text.split_once(['T', ' '])?;
        let parts =
            |text: &str, sign: char| text.split(sign).map(|part| part.parse().ok()).collect::<Option<Vec<u64>>>();
        let (date, clock) = (parts(date, '-')?, parts(clock, ':')?);
        let [year @ 1970..=2105, month @ 1..=12, day @ 1..=31] = date[..] else { return None };
        let (hour, minute, second) = match clock[..] {
            [hour @ ..=23, minute @ ..=59] => (hour, minute, 0),
            [hour @ ..=23, minute @ ..=59, second @ ..=59] => (hour, minute, second),
            _ => return None,
        };
        // Years begin in March here, so that the day of a leap year is the last of one.
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468;
        Some(ValueSet::one(u128::from(days * 86400 + hour * 3600 + minute * 60 + second)))
    };
    match told(text) {
        Some(time) => Ok(time),
        None => {
            numbers(text, 32).map_err(|_| "is no time: write 2026-11-30T12:00 (UTC) or seconds since 1970".to_owned())
        }
    }
}

/// Numbers as text, decimal or after `0x`: one, or first and last.
fn numbers(text: &str, bits: u8) -> Result<ValueSet, String> {
    let highest = u128::MAX >> (128 - u32::from(bits));
    let refusal = || format!("is no number from 0 to {highest}, nor a range of them");
    let one = |text: &str| {
        let value = match text.strip_prefix("0x") {
            Some(digits) => u128::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        };
        value.filter(|value| *value <= highest && !text.starts_with('+')).ok_or_else(refusal)
    };
    match text.split_once('-') {
        None => one(text).map(ValueSet::one),
        Some((first, last)) => {
            Some(ValueSet::range(one(first)?, one(last)?)).filter(|set| !set.is_empty()).ok_or_else(refusal)
        }
    }
}

fn address_values(family: IpFamily, text: &str) -> Result<ValueSet, String> {
    let net = match text.parse::<IpNet>() {
        Ok(net) => net,
        Err(_) => text.parse::<IpAddr>().map(IpNet::from).map_err(|_| "is no address and no prefix".to_owned())?,
    };
    if IpFamily::of(net.addr()) != family {
        return Err(match family {
            IpFamily::V4 => "is no IPv4 address, and the packet is IPv4 (-6 asks for IPv6)".to_owned(),
            IpFamily::V6 => "is no IPv6 address, and the packet is IPv6".to_owned(),
        });
    }
    Ok(ValueSet::range(number(net.network()), number(net.broadcast())))
}

fn tcp_flags(text: &str) -> Result<ValueSet, String> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(ValueSet::one(0));
    }
    let mut bits = 0;
    for name in text.split(',') {
        let (_, bit) = TCP_FLAGS
            .iter()
            .find(|(known, _)| name.trim().eq_ignore_ascii_case(known))
            .ok_or("is not none, nor a list of syn, ack, fin, rst, psh, urg")?;
        bits |= bit;
    }
    Ok(ValueSet::one(bits))
}

fn named(names: &[(&str, u128)], text: &str) -> Result<ValueSet, String> {
    let known = names.iter().find(|(known, _)| text.eq_ignore_ascii_case(known));
    known.map(|(_, value)| ValueSet::one(*value)).ok_or_else(|| {
        let all: Vec<_> = names.iter().map(|(name, _)| *name).collect();
        format!("is none of {}", all.join(", "))
    })
}

fn mac(text: &str) -> Result<ValueSet, String> {
    let refusal = "is no MAC address such as 02:00:5e:10:00:00";
    let parts: Vec<_> = text.split(':').collect();
    if parts.len() != 6 || parts.iter().any(|part| part.len() != 2) {
        return Err(refusal.to_owned());
    }
    let mut value = 0u128;
    for part in parts {
        value = value << 8 | u128::from(u8::from_str_radix(part, 16).map_err(|_| refusal)?);
    }
    Ok(ValueSet::one(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(field: Field, text: &str) -> Result<ValueSet, String> {
        parse(field, IpFamily::V4, text)
    }

    #[test]
    fn values_are_read_as_people_write_them() {
        assert_eq!(v4(Field::Src, "10.1.2.3/8"), Ok(ValueSet::range(0x0a00_0000, 0x0aff_ffff)));
        assert_eq!(v4(Field::Src, "10.1.2.3"), Ok(ValueSet::one(0x0a01_0203)));
        assert_eq!(v4(Field::Sport, "1024-65535"), Ok(ValueSet::range(1024, 65535)));
        assert_eq!(v4(Field::Time, "1970-01-01T00:00"), Ok(ValueSet::one(0)));
        assert_eq!(v4(Field::Time, "2026-11-30T12:00"), Ok(ValueSet::one(1_796_040_000)));
        assert_eq!(v4(Field::Time, "2024-02-29 23:59:59"), Ok(ValueSet::one(1_709_251_199)));
        assert_eq!(v4(Field::Time, "1796040000"), Ok(ValueSet::one(1_796_040_000)));
        assert_eq!(v4(Field::Mark, "0x4000"), Ok(ValueSet::one(0x4000)));
        assert_eq!(v4(Field::TcpFlags, "SYN,ack"), Ok(ValueSet::one(0x12)));
        assert_eq!(v4(Field::TcpFlags, "none"), Ok(ValueSet::one(0)));
        assert_eq!(v4(Field::CtState, "established"), Ok(ValueSet::one(2)));
        assert_eq!(v4(Field::Pkttype, "broadcast"), Ok(ValueSet::one(1)));
        assert_eq!(v4(Field::SrcMac, "02:00:00:00:00:ff"), Ok(ValueSet::one(0x0200_0000_00ff)));
    }

    #[test]
    fn names_and_masks_are_refused_with_what_to_write() {
        let refusal = |field, text: &str| v4(field, text).unwrap_err();
        assert_eq!(refusal(Field::Uid, "root"), "is a name, and a number is asked for: getent passwd root tells it");
        assert_eq!(
            refusal(Field::Sport, "http"),
            "is a name, and a number is asked for: getent services http tells it"
        );
        assert!(refusal(Field::Mark, "0x1/0x1").contains("0x0-0xff"));
        assert_eq!(refusal(Field::Gid, "4294967296"), "is no number from 0 to 4294967295, nor a range of them");
    }

    #[test]
    fn what_is_no_value_is_refused_in_words() {
        for (field, text) in [
            (Field::Sport, "65536"),
            (Field::Sport, "9-1"),
            (Field::Sport, "+1"),
            (Field::Sport, ""),
            (Field::Ttl, "256"),
            (Field::Src, "::1"),
            (Field::Src, "10.0.0.0/33"),
            (Field::TcpFlags, "syn,sin"),
            (Field::CtState, "newish"),
            (Field::SrcMac, "02:00:00:00:00"),
            (Field::Mark, "0x1/0x1"),
            (Field::Time, "12:00"),
            (Field::Time, "2026-13-01T12:00"),
            (Field::Iif, "eth0"),
        ] {
            assert!(v4(field, text).is_err(), "{field:?} {text}");
        }
    }
}
