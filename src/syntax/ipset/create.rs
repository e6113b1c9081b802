//! What a set is created with: the words after its name and type → options.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use crate::host::IpFamily;
use crate::host::ipset::{SetOptions, SetRange, SetType};
use crate::syntax::iptables::number;

/// The names that types had before they had two parts.
const OLD_NAMES: [(&str, SetType); 15] = [
    ("ipmap", SetType::BitmapIp),
    ("macipmap", SetType::BitmapIpMac),
    ("portmap", SetType::BitmapPort),
    ("iphash", SetType::HashIp),
    ("machash", SetType::HashMac),
    ("ipmachash", SetType::HashIpMac),
    ("nethash", SetType::HashNet),
    ("netnethash", SetType::HashNetNet),
    ("ipporthash", SetType::HashIpPort),
    ("netporthash", SetType::HashNetPort),
    ("ipportiphash", SetType::HashIpPortIp),
    ("ipportnethash", SetType::HashIpPortNet),
    ("ipmarkhash", SetType::HashIpMark),
    ("netportnethash", SetType::HashNetPortNet),
    ("setlist", SetType::ListSet),
];

/// The type that a word names; one that is not known, but looks like a type, is one all the same.
pub(super) fn kind(word: &str) -> Option<SetType> {
    let old = || OLD_NAMES.iter().find(|(name, _)| *name == word).map(|(_, kind)| kind.clone());
    let unknown = || {
        let what = ["bitmap:", "hash:", "list:"].iter().find_map(|start| word.strip_prefix(start));
        what.is_some_and(|what| what.starts_with(|sign: char| sign.is_ascii_lowercase()))
            .then(|| SetType::Other(word.into()))
    };
    SetType::from_name(word).or_else(old).or_else(unknown)
}

/// The options that the words give, and the words that are not understood.
pub(super) fn options(kind: &SetType, words: &[Cow<'_, str>]) -> (SetOptions, String) {
    let mut options = SetOptions::default();
    let mut unknown: Vec<&str> = Vec::new();
    let mut rest = words;
    while let [word, after @ ..] = rest {
        let name = word.strip_prefix("--").unwrap_or(word);
        let value = after.first().map(|value| &**value);
        let taken = if flag(&mut options, name) {
            1
        } else if value.and_then(|value| option(&mut options, kind, name, value)).is_some() {
            2
        } else {
            unknown.push(word);
            1
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    if kind.has_family() && options.family.is_none() {
        options.family = Some(IpFamily::V4);
    }
    if !kind.has_family() && !matches!(kind, SetType::Other(_)) {
        options.family = None;
    }
    (options, unknown.join(" "))
}

fn flag(options: &mut SetOptions, name: &str) -> bool {
    match name {
        "counters" => options.counters = true,
        "comment" => options.comment = true,
        "forceadd" => options.forceadd = true,
        "skbinfo" => options.skbinfo = true,
        "-4" => options.family = Some(IpFamily::V4),
        "-6" => options.family = Some(IpFamily::V6),
        _ => return false,
    }
    true
}

/// An option with a value. `None`: it is not known, or its value makes no sense.
fn option(options: &mut SetOptions, kind: &SetType, name: &str, value: &str) -> Option<()> {
    match name {
        "family" => {
            options.family = Some(match value {
                "inet" | "ipv4" => IpFamily::V4,
                "inet6" | "ipv6" => IpFamily::V6,
                _ => return None,
            });
        }
        "hashsize" => options.hashsize = Some(number(value)?),
        "maxelem" => options.maxelem = Some(number(value)?),
        "bucketsize" => options.bucketsize = Some(number(value)?),
        "initval" => options.initval = Some(number(value)?),
        "netmask" => options.netmask = Some(number(value)?),
        "bitmask" => options.bitmask = Some(value.parse().ok()?),
        "markmask" => options.markmask = Some(number(value)?),
        "size" => options.size = Some(number(value)?),
        "timeout" => options.timeout = Some(number(value)?),
        "range" | "network" => options.range = Some(range(kind, value)?),
        "from" | "to" if !kind.has_family() => ends(options, kind, name, value)?,
        // What they once meant has no effect any more.
        "probes" | "resize" | "gc" | "from" | "to" => {}
        _ => return None,
    }
    Some(())
}

/// `FIRST-LAST`, or a prefix.
fn range(kind: &SetType, text: &str) -> Option<SetRange> {
    if *kind == SetType::BitmapPort {
        let text = text.split_once(':').map_or(text, |(_, ports)| ports);
        let (first, last) = text.split_once('-')?;
        return Some(SetRange::Ports(number(first)?, number(last)?));
    }
    if text.contains('/') {
        let IpNet::V4(net) = super::element::prefix(text, IpFamily::V4)? else { return None };
        return Some(SetRange::Addresses(net.network(), net.broadcast()));
    }
    let (first, last) = text.split_once('-')?;
    Some(SetRange::Addresses(first.parse().ok()?, last.parse().ok()?))
}

/// `from FIRST` and `to LAST`.
fn ends(options: &mut SetOptions, kind: &SetType, name: &str, value: &str) -> Option<()> {
    let range = options.range.get_or_insert(match kind {
        SetType::BitmapPort => SetRange::Ports(0, 0),
        _ => SetRange::Addresses(Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED),
    });
    match range {
        SetRange::Addresses(first, last) => *(if name == "from" { first } else { last }) = value.parse().ok()?,
        SetRange::Ports(first, last) => *(if name == "from" { first } else { last }) = number(value)?,
    }
    Some(())
}

/// An address of which only the bits count that a set compares.
pub(super) fn masked(options: &SetOptions, net: IpNet) -> IpNet {
    let mask = match (options.bitmask, options.netmask) {
        (Some(mask), _) => mask,
        (None, Some(length)) => match IpNet::new(net.addr(), length) {
            Ok(net) => net.netmask(),
            Err(_) => return net,
        },
        (None, None) => return net,
    };
    let addr: IpAddr = match (net.addr(), mask) {
        (IpAddr::V4(addr), IpAddr::V4(mask)) => (addr & mask).into(),
        (IpAddr::V6(addr), IpAddr::V6(mask)) => (addr & mask).into(),
        (addr, _) => addr,
    };
    IpNet::new(addr, net.prefix_len()).unwrap_or(net)
}
