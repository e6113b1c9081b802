//! Elements: the words after `add NAME` → what is compared, and what else there is (`ipset_parse_elem`).

use std::borrow::Cow;
use std::net::IpAddr;

use ipnet::IpNet;

use super::create::masked;
use super::icmp;
use crate::host::ipset::{Extras, Interface, Key, Part, ProtoPort, SetOptions, SetType};
use crate::host::{IpFamily, Mac, Names, Protocol};
use crate::syntax::iptables::{number, service_port};

/// What one dimension of a type is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    Net,
    /// A port of a protocol.
    Port,
    /// A port, whatever the protocol.
    AnyPort,
    Mac,
    Mark,
    Interface,
}

/// What the dimensions of a type are made of. Lists and unknown types have none.
fn made(kind: &SetType) -> &'static [Made] {
    match kind {
        SetType::BitmapIp | SetType::HashIp | SetType::HashNet => &[Made::Net],
        SetType::BitmapIpMac | SetType::HashIpMac => &[Made::Net, Made::Mac],
        SetType::BitmapPort => &[Made::AnyPort],
        SetType::HashMac => &[Made::Mac],
        SetType::HashNetNet => &[Made::Net, Made::Net],
        SetType::HashIpPort | SetType::HashNetPort => &[Made::Net, Made::Port],
        SetType::HashIpPortIp | SetType::HashIpPortNet | SetType::HashNetPortNet => &[Made::Net, Made::Port, Made::Net],
        SetType::HashIpMark => &[Made::Net, Made::Mark],
        SetType::HashNetIface => &[Made::Net, Made::Interface],
        SetType::ListSet | SetType::Other(_) => &[],
    }
}

/// What a word says is compared. `None`: it is no element of this type.
pub(super) fn key(kind: &SetType, options: &SetOptions, word: &str, names: &mut Names) -> Option<Key> {
    if matches!(kind, SetType::Other(_)) || word.starts_with("bytes:") {
        return Some(Key::Other(word.into()));
    }
    if *kind == SetType::ListSet {
        return Some(Key::Set(names.intern(word)));
    }
    let family = options.family.unwrap_or(IpFamily::V4);
    let made = made(kind);
    let mut parts: [Option<Part>; 3] = [const { None }; 3];
    let mut words = word.splitn(made.len().max(1), ',');
    let mut count = 0;
    for (slot, made) in parts.iter_mut().zip(made) {
        let Some(word) = words.next() else { break };
        *slot = Some(part(*made, word, family, names)?);
        count += 1;
    }
    // In a bitmap, the sender's address may be missing: the first packet tells it.
    let is_whole = count == made.len() && words.next().is_none() || *kind == SetType::BitmapIpMac && count == 1;
    is_whole.then_some(())?;
    for part in parts.iter_mut().flatten() {
        compared(options, kind, part);
    }
    Some(joined(parts))
}

/// Cuts what the set does not compare.
fn compared(options: &SetOptions, kind: &SetType, part: &mut Part) {
    match part {
        Part::Net(net) => *net = masked(options, *net),
        Part::Mark(mark) if *kind == SetType::HashIpMark => *mark &= options.markmask.unwrap_or(u32::MAX),
        _ => {}
    }
}

/// The parts as one key, ranges kept as they are.
fn joined(parts: [Option<Part>; 3]) -> Key {
    let single = |first: u16, last: u16| first == last;
    match parts {
        [Some(Part::Net(net)), None, None] => Key::Net(net),
        [Some(Part::Net(net)), Some(Part::Mac(mac)), None] => Key::NetMac(Box::new((net, mac))),
        [Some(Part::Ports(None, first, last)), None, None] if single(first, last) => Key::Port(first),
        [Some(Part::Mac(mac)), None, None] => Key::Mac(mac),
        [Some(Part::Net(net)), Some(Part::Ports(Some(protocol), first, last)), None] if single(first, last) => {
            Key::NetPort(net, ProtoPort { protocol, port: first })
        }
        [Some(Part::Net(one)), Some(Part::Net(other)), None] => Key::NetNet(Box::new((one, other))),
        [Some(Part::Net(one)), Some(Part::Ports(Some(protocol), first, last)), Some(Part::Net(other))]
            if single(first, last) =>
        {
            Key::NetPortNet(Box::new((one, ProtoPort { protocol, port: first }, other)))
        }
        [Some(Part::Net(net)), Some(Part::Mark(mark)), None] => Key::NetMark(net, mark),
        [Some(Part::Net(net)), Some(Part::Interface(interface)), None] => Key::NetIface(Box::new((net, interface))),
        parts => Key::Ranges(parts.into_iter().flatten().collect()),
    }
}

fn part(made: Made, word: &str, family: IpFamily, names: &mut Names) -> Option<Part> {
    Some(match made {
        Made::Net => addresses(word, family)?,
        Made::Port => {
            let (protocol, first, last) = ports(word)?;
            Part::Ports(Some(protocol), first, last)
        }
        Made::AnyPort => {
            let (protocol, first, last) = ports(word)?;
            matches!(protocol, Protocol::TCP | Protocol::UDP).then_some(())?;
            Part::Ports(None, first, last)
        }
        Made::Mac => Part::Mac(mac(word)?),
        Made::Mark => Part::Mark(number(word)?),
        Made::Interface => {
            let (physdev, name) = word.strip_prefix("physdev:").map_or((false, word), |name| (true, name));
            Part::Interface(Interface { name: names.intern(name), physdev, wildcard: false })
        }
    })
}

/// An address, a prefix, or addresses from first to last.
fn addresses(word: &str, family: IpFamily) -> Option<Part> {
    if word.contains('/') {
        return prefix(word, family).map(Part::Net);
    }
    if let Some((first, last)) = word.split_once('-') {
        let (first, last) = (address(first, family)?, address(last, family)?);
        return Some(if first == last { Part::Net(first.into()) } else { Part::Addresses(first, last) });
    }
    address(word, family).map(|address| Part::Net(address.into()))
}

fn address(word: &str, family: IpFamily) -> Option<IpAddr> {
    match family {
        IpFamily::V4 => word.parse().ok().map(IpAddr::V4),
        IpFamily::V6 => word.parse().ok().map(IpAddr::V6),
    }
}

/// `ADDRESS/LENGTH`, cut.
pub(super) fn prefix(word: &str, family: IpFamily) -> Option<IpNet> {
    let (addr, length) = word.split_once('/')?;
    IpNet::new(address(addr, family)?, number(length)?).ok().map(|net| net.trunc())
}

/// `[PROTOCOL:]PORT[-PORT]`; of ICMP a name or `TYPE/CODE`. Without a protocol, TCP.
fn ports(word: &str) -> Option<(Protocol, u16, u16)> {
    let (protocol, port) = match word.split_once(':') {
        Some((name, port)) => {
            let by_number = || number(name).map(Protocol);
            (by_number().or_else(|| Protocol::from_name(&name.to_ascii_lowercase()))?, port)
        }
        None => (Protocol::TCP, word),
    };
    if matches!(protocol, Protocol::ICMP | Protocol::ICMPV6) {
        let (kind, code) = match port.split_once('/') {
            Some((kind, code)) => (number(kind)?, number(code)?),
            None => icmp::by_name(protocol, port)?,
        };
        let both = u16::from_be_bytes([kind, code]);
        return Some((protocol, both, both));
    }
    let (first, last) = match port.split_once('-').filter(|(first, _)| !first.is_empty()) {
        // A name of a service may have a dash in it.
        Some(_) if service_port(port).is_some() => (service_port(port)?, service_port(port)?),
        Some((first, last)) => (service_port(first)?, service_port(last)?),
        None => (service_port(port)?, service_port(port)?),
    };
    Some((protocol, first.min(last), first.max(last)))
}

fn mac(word: &str) -> Option<Mac> {
    let mut bytes = [0; 6];
    let mut parts = word.split(':');
    for byte in &mut bytes {
        let part = parts.next().filter(|part| part.len() <= 2 && !part.starts_with('+'))?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(Mac(bytes))
}

/// Where in a list an element is put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Beside {
    Before(String),
    After(String),
}

/// What else an element is given.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) extras: Extras,
    pub(super) timeout: Option<u32>,
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) wildcard: bool,
    pub(super) beside: Option<Beside>,
    /// The words that are not understood.
    pub(super) unknown: String,
}

/// The words after an element.
pub(super) fn given(words: &[Cow<'_, str>]) -> Given {
    let mut given = Given::default();
    let mut unknown: Vec<&str> = Vec::new();
    let mut rest = words;
    while let [word, after @ ..] = rest {
        let name = word.strip_prefix("--").unwrap_or(word);
        let taken = match name {
            "nomatch" => {
                given.extras.nomatch = true;
                1
            }
            "wildcard" => {
                given.wildcard = true;
                1
            }
            _ if after.first().and_then(|value| option(&mut given, name, value)).is_some() => 2,
            _ => {
                unknown.push(word);
                1
            }
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    given.unknown = unknown.join(" ");
    given
}

fn option(given: &mut Given, name: &str, value: &str) -> Option<()> {
    match name {
        "timeout" => given.timeout = Some(number(value)?),
        "packets" => given.packets = number(value)?,
        "bytes" => given.bytes = number(value)?,
        "comment" => given.extras.comment = (!value.is_empty()).then(|| value.into()),
        "skbmark" => {
            given.extras.mark = Some(match value.split_once('/') {
                Some((mark, mask)) => (number(mark)?, number(mask)?),
                None => (number(value)?, u32::MAX),
            });
        }
        "skbprio" => {
            let (major, minor) = value.split_once(':')?;
            let half = |text: &str| u16::from_str_radix(text, 16).ok();
            given.extras.priority = Some(u32::from(half(major)?) << 16 | u32::from(half(minor)?));
        }
        "skbqueue" => given.extras.queue = Some(number(value)?),
        "before" => given.beside = Some(Beside::Before(value.to_owned())),
        "after" => given.beside = Some(Beside::After(value.to_owned())),
        _ => return None,
    }
    Some(())
}
