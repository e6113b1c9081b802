//! Elements: attributes → [`Element`], by the type of their set (`mtype_list` and the `_data_list` of each type).

use std::fmt::Write as _;
use std::net::IpAddr;

use ipnet::IpNet;

use super::super::netlink::text;
use super::{Flagged, Value};
use crate::host::ipset::{Element, Extras, Interface, IpSet, Key, ProtoPort, Seen, SetType};
use crate::host::{Counters, Mac, Names, Protocol};

/// `IPSET_FLAG_PHYSDEV`, `IPSET_FLAG_NOMATCH`, `IPSET_FLAG_IFACE_WILDCARD`, and those that speak of the set.
const PHYSDEV: u32 = 1 << 1;
const NOMATCH: u32 = 1 << 2;
const WILDCARD: u32 = 1 << 7;

/// `IPSET_ATTR_TIMEOUT`, `IPSET_ATTR_BYTES`, `IPSET_ATTR_PACKETS`.
const TIMEOUT: u16 = 6;
const BYTES: u16 = 24;
const PACKETS: u16 = 25;

/// What was not understood of a set's elements.
#[derive(Debug, Default)]
pub(super) struct Unknown {
    /// Attributes that are not known, with how many elements have them.
    attributes: Vec<(u16, usize)>,
    /// Elements that are kept as bytes.
    elements: usize,
}

impl Unknown {
    fn note(&mut self, number: u16) {
        match self.attributes.iter_mut().find(|(known, _)| *known == number) {
            Some((_, count)) => *count += 1,
            None => self.attributes.push((number, 1)),
        }
    }

    /// In a few words each.
    pub(super) fn told(self) -> impl Iterator<Item = String> {
        let attributes =
            self.attributes.into_iter().map(|(number, count)| format!("attribute {number} of {count} elements"));
        let elements = (self.elements > 0).then(|| format!("{} elements", self.elements));
        attributes.chain(elements)
    }
}

/// The attributes of one element.
#[derive(Default)]
struct Parts<'a> {
    first: Option<IpAddr>,
    length: Option<u8>,
    second: Option<IpAddr>,
    second_length: Option<u8>,
    port: Option<u16>,
    protocol: Option<u8>,
    mark: Option<u32>,
    mac: Option<[u8; 6]>,
    name: Option<&'a [u8]>,
    interface: Option<&'a [u8]>,
    flags: u32,
    timeout: Option<u32>,
    packets: u64,
    bytes: u64,
    extras: Extras,
}

/// Adds an element to its set, with what was seen of it.
pub(super) fn push(set: &mut IpSet, seen: &mut Seen, nested: &[u8], names: &mut Names, unknown: &mut Unknown) {
    let mut parts = Parts::default();
    let mut is_known = true;
    for (number, value) in Flagged(nested) {
        if parts.take(number, value).is_none() {
            unknown.note(number);
            // What stands beside the key can be left out; what has a wrong length could be a part of it.
            is_known &= number > 12;
        }
    }
    let wildcard = parts.flags & WILDCARD != 0;
    parts.extras.nomatch = parts.flags & NOMATCH != 0;
    if parts.flags & !(PHYSDEV | NOMATCH | WILDCARD) != 0 {
        unknown.note(8);
    }
    let key = if is_known { parts.key(&set.kind, wildcard, names) } else { None };
    let key = key.unwrap_or_else(|| {
        unknown.elements += 1;
        Key::Other(hexadecimal(nested))
    });
    if set.options.timeout.is_some() {
        seen.timeouts.push(parts.timeout.unwrap_or(0));
    }
    if set.options.counters {
        seen.counters.push(Counters { packets: parts.packets, bytes: parts.bytes });
    }
    let extras = (parts.extras != Extras::default()).then(|| Box::new(parts.extras));
    set.elements.push(Element { key, extras });
}

/// Whether an attribute of an element stays what it is until somebody changes it: not so the time that is left, and what was counted.
pub(super) fn stays(number: u16) -> bool {
    !matches!(number, TIMEOUT | BYTES | PACKETS)
}

fn hexadecimal(bytes: &[u8]) -> Box<str> {
    let mut text = "bytes:".to_owned();
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.into()
}

impl<'a> Parts<'a> {
    /// Takes an attribute (`IPSET_ATTR_*`); `None`: it is not known.
    fn take(&mut self, number: u16, value: Value<'a>) -> Option<()> {
        match number {
            1 => self.first = Some(value.address()?),
            3 => self.length = Some(value.u8()?),
            4 => self.port = Some(value.u16()?),
            TIMEOUT => self.timeout = Some(value.u32()?),
            7 => self.protocol = Some(value.u8()?),
            8 => self.flags = value.u32()?,
            10 => self.mark = Some(value.u32()?),
            17 => self.mac = Some(value.bytes.try_into().ok()?),
            18 => self.name = Some(value.bytes),
            20 => self.second = Some(value.address()?),
            21 => self.second_length = Some(value.u8()?),
            23 => self.interface = Some(value.bytes),
            BYTES => self.bytes = value.u64()?,
            PACKETS => self.packets = value.u64()?,
            26 => self.extras.comment = Some(text(value.bytes).into()),
            27 => {
                let both = value.u64()?;
                self.extras.mark = Some(((both >> 32) as u32, both as u32));
            }
            28 => self.extras.priority = Some(value.u32()?),
            29 => self.extras.queue = Some(value.u16()?),
            // Padding.
            30 => {}
            _ => return None,
        }
        Some(())
    }

    /// What is compared; `None` where a part is missing.
    fn key(&self, kind: &SetType, wildcard: bool, names: &mut Names) -> Option<Key> {
        Some(match kind {
            SetType::BitmapIp | SetType::HashIp | SetType::HashNet => Key::Net(self.net()?),
            SetType::BitmapIpMac if self.mac.is_none() => Key::Net(self.net()?),
            SetType::BitmapIpMac | SetType::HashIpMac => Key::NetMac(Box::new((self.net()?, Mac(self.mac?)))),
            SetType::BitmapPort => Key::Port(self.port?),
            SetType::HashMac => Key::Mac(Mac(self.mac?)),
            SetType::HashNetNet => Key::NetNet(Box::new((self.net()?, self.second_net()?))),
            SetType::HashIpPort | SetType::HashNetPort => Key::NetPort(self.net()?, self.port()?),
            SetType::HashIpPortIp | SetType::HashIpPortNet | SetType::HashNetPortNet => {
                Key::NetPortNet(Box::new((self.net()?, self.port()?, self.second_net()?)))
            }
            SetType::HashIpMark => Key::NetMark(self.net()?, self.mark?),
            SetType::HashNetIface => {
                let name = names.intern(&text(self.interface?));
                let interface = Interface { name, physdev: self.flags & PHYSDEV != 0, wildcard };
                Key::NetIface(Box::new((self.net()?, interface)))
            }
            SetType::ListSet => Key::Set(names.intern(&text(self.name?))),
            SetType::Other(_) => return None,
        })
    }

    fn net(&self) -> Option<IpNet> {
        net(self.first?, self.length)
    }

    fn second_net(&self) -> Option<IpNet> {
        net(self.second?, self.second_length)
    }

    fn port(&self) -> Option<ProtoPort> {
        Some(ProtoPort { protocol: Protocol(self.protocol?), port: self.port? })
    }
}

/// An address with the length of its prefix: all its bits where none is told.
fn net(address: IpAddr, length: Option<u8>) -> Option<IpNet> {
    match length {
        None => Some(address.into()),
        Some(length) => IpNet::new(address, length).ok(),
    }
}
