//! ipset by netlink: all sets of a network namespace with their elements, in one dump.
//!
//! Knows the messages of net/netfilter/ipset/ip_set_core.c and the attributes of its types
//! (include/uapi/linux/netfilter/ipset/ip_set.h). What it does not know of a set is told in words beside the set. Asking
//! changes nothing, but makes a kernel load `ip_set` that has not: whoever asks makes sure of that first. Deliberately does
//! not know what sets match.

mod element;
mod number;
mod options;
#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use netlink_sys::protocols::NETLINK_NETFILTER;

use super::netlink::{Answers, Attributes, Channel, Dumped, Failure, Message, be, push_attribute, text};
use super::whole::until_whole;
use super::xt::SetNames;
use crate::host::ipset::{IpSet, Seen, SetType};
use crate::host::{IpFamily, Name, Names, Quick};
use element::Unknown;

/// `NFNL_SUBSYS_IPSET`, as the high byte of a message's type.
const SUBSYSTEM: u16 = 6 << 8;
/// `IPSET_CMD_PROTOCOL`, `IPSET_CMD_LIST`.
const PROTOCOL: u16 = SUBSYSTEM | 1;
const LIST: u16 = SUBSYSTEM | 7;

/// `struct nfgenmsg`, before the attributes.
const GENERIC: usize = 4;

/// `IPSET_ATTR_*` of commands.
const ATTR_PROTOCOL: u16 = 1;
const ATTR_NAME: u16 = 2;
const ATTR_TYPE: u16 = 3;
const ATTR_REVISION: u16 = 4;
const ATTR_FAMILY: u16 = 5;
const ATTR_DATA: u16 = 7;
const ATTR_ELEMENTS: u16 = 8;
const ATTR_INDEX: u16 = 11;
/// `IPSET_ATTR_ELEMENTS`, among a set's options.
const ATTR_COUNT: u16 = 24;

/// The version that is spoken here (`IPSET_PROTOCOL`); the one before it knows no numbers of sets.
const NEWEST: u8 = 7;

/// The sets of a namespace.
#[derive(Debug, Default)]
pub(super) struct Sets {
    /// The sets, in the kernel's order.
    pub(super) sets: Vec<IpSet>,
    /// What was seen of each.
    pub(super) seen: Vec<Seen>,
    /// Their numbers, by which rules know them.
    pub(super) names: SetNames,
    /// Elements came or went whenever they were read.
    pub(super) torn: bool,
}

/// Reads all sets of the calling thread's network namespace.
///
/// # Errors
/// [`Failure::Forbidden`] without `CAP_NET_ADMIN` there (`nfnetlink_rcv`).
pub(super) fn read(answers: &Answers) -> Result<Sets, Failure> {
    let mut channel = answers.open(NETLINK_NETFILTER)?;
    let version = version(&mut channel)?;
    let progress = Arc::clone(channel.progress());
    let (mut reader, dumped) = until_whole(&progress, || {
        let mut reader = Reader::default();
        let dumped = channel.dump(LIST, &request(version), |message| {
            let before = reader.elements;
            reader.take(&message);
            progress.read_elements(reader.elements - before);
        })?;
        reader.finish();
        let whole = dumped == Dumped::Whole && !reader.torn;
        Ok((reader, if whole { Dumped::Whole } else { Dumped::Interrupted }))
    })?;
    if version < NEWEST {
        // These kernels tell no numbers with the sets.
        let names = reader.sets.iter().map(|set| set.name.clone());
        reader.numbers = number::all(names);
    }
    let torn = dumped == Dumped::Interrupted;
    Ok(Sets { sets: reader.sets, seen: reader.seen, names: SetNames::new(reader.numbers), torn })
}

/// One number for all sets and their elements, in whatever order these are listed, without what changes by itself: the time that is
/// left to elements, and what they counted.
///
/// # Errors
/// [`Failure::Forbidden`] as for [`read`].
pub(super) fn number_of(answers: &Answers, quick: &Quick) -> Result<u64, Failure> {
    let mut channel = answers.open(NETLINK_NETFILTER)?;
    let version = version(&mut channel)?;
    let mut number = 0_u64;
    channel.dump(LIST, &request(version), |message| {
        let attributes = attributes(&message);
        let Some(name) = attributes.get(ATTR_NAME) else { return };
        if let Some(kind) = attributes.get(ATTR_TYPE) {
            let told = (name, kind, attributes.get(ATTR_FAMILY), attributes.get(ATTR_INDEX));
            number = number.wrapping_add(quick.hash_one(told));
        }
        for (_, nested) in Attributes(attributes.get(ATTR_ELEMENTS).unwrap_or_default()) {
            let mut hasher = quick.build_hasher();
            name.hash(&mut hasher);
            Attributes(nested).filter(|(kind, _)| element::stays(*kind)).for_each(|part| part.hash(&mut hasher));
            number = number.wrapping_add(hasher.finish());
        }
    })?;
    Ok(number)
}

fn request(version: u8) -> Vec<u8> {
    let mut body = vec![0; GENERIC];
    push_attribute(&mut body, ATTR_PROTOCOL, &[version]);
    body
}

/// The version of the protocol that both sides speak.
fn version(channel: &mut Channel) -> Result<u8, Failure> {
    let newest =
        |message: Message<'_>| attributes(&message).get(ATTR_PROTOCOL).and_then(|value| value.first().copied());
    let theirs = channel.get(PROTOCOL, &request(NEWEST), newest)?.ok_or(Failure::Malformed)?;
    Ok(theirs.min(NEWEST))
}

fn attributes<'a>(message: &Message<'a>) -> Attributes<'a> {
    Attributes(message.body.get(GENERIC..).unwrap_or_default())
}

/// What of a dump was read. The messages of a set follow one another: the first has its header, all may have elements.
#[derive(Default)]
struct Reader {
    names: Names,
    sets: Vec<IpSet>,
    seen: Vec<Seen>,
    numbers: Vec<(u16, Name)>,
    /// How many elements came of all sets.
    elements: usize,
    /// What was not understood of elements of the last set.
    unknown: Unknown,
    /// How many elements the last set has, as its header says.
    told: Option<u32>,
    /// How many of them came.
    listed: u32,
    /// A set did not have as many elements as its header said. The kernel itself does not tell that something changed
    /// while it listed (`ip_set_dump_do` numbers no changes).
    torn: bool,
}

impl Reader {
    fn take(&mut self, message: &Message<'_>) {
        let attributes = attributes(message);
        let mut header = [None; 12];
        for (kind, value) in attributes.clone() {
            if let Some(slot) = header.get_mut(usize::from(kind)) {
                *slot = Some(value);
            }
        }
        let get = |kind: u16| header.get(usize::from(kind)).copied().flatten();
        let Some(name) = get(ATTR_NAME).map(text) else { return };
        if get(ATTR_TYPE).is_some() {
            self.begin(&name, &get, &attributes);
        }
        let (Some(set), Some(seen)) = (self.sets.last_mut(), self.seen.last_mut()) else { return };
        if *set.name != *name {
            return;
        }
        for (_, nested) in Attributes(get(ATTR_ELEMENTS).unwrap_or_default()) {
            element::push(set, seen, nested, &mut self.names, &mut self.unknown);
            self.listed += 1;
            self.elements += 1;
        }
    }

    /// Begins a set.
    fn begin<'a>(&mut self, name: &str, get: &dyn Fn(u16) -> Option<&'a [u8]>, attributes: &Attributes<'a>) {
        self.finish();
        let name = self.names.intern(name);
        let kind = get(ATTR_TYPE).map(text).unwrap_or_default();
        let kind = SetType::from_name(&kind).unwrap_or_else(|| SetType::Other(self.names.intern(&kind)));
        let byte = |kind: u16| get(kind).and_then(|value| value.first().copied());
        let family = match byte(ATTR_FAMILY) {
            Some(2) => Some(IpFamily::V4),
            Some(10) => Some(IpFamily::V6),
            _ => None,
        };
        let (options, mut untold) = options::decode(&kind, family, get(ATTR_DATA).unwrap_or_default());
        // Those that are known: what else is there may say anything.
        let unknown = attributes.clone().filter(|(kind, _)| !(1..=11).contains(kind));
        untold.extend(unknown.map(|(kind, _)| format!("attribute {kind}")));
        if let SetType::Other(kind) = &kind {
            untold.push(format!("the type {kind}"));
        }
        if let Some(number) = get(ATTR_INDEX).and_then(|value| value.try_into().ok()) {
            self.numbers.push((u16::from_be_bytes(number), name.clone()));
        }
        // Elements with a timeout go by themselves.
        let data = Attributes(get(ATTR_DATA).unwrap_or_default());
        self.told = data.get(ATTR_COUNT).and_then(be).map(|count| count as u32).filter(|_| options.timeout.is_none());
        let untold = untold.iter().map(|what| self.names.intern(what)).collect();
        self.sets.push(IpSet { name, kind, options, elements: Vec::new(), untold });
        self.seen.push(Seen { revision: byte(ATTR_REVISION), ..Seen::default() });
    }

    /// Ends the last set.
    fn finish(&mut self) {
        let unknown = std::mem::take(&mut self.unknown);
        let (told, listed) = (self.told.take(), std::mem::take(&mut self.listed));
        self.torn |= told.is_some_and(|told| told != listed);
        if let Some(set) = self.sets.last_mut() {
            set.untold.extend(unknown.told().map(|what| self.names.intern(&what)));
        }
    }
}

/// `NLA_F_NET_BYTEORDER`.
const NETWORK_ORDER: u16 = 1 << 14;

/// Attributes with the flag that tells the order of their bytes, which ipset says of each number.
struct Flagged<'a>(&'a [u8]);

impl<'a> Iterator for Flagged<'a> {
    type Item = (u16, Value<'a>);

    fn next(&mut self) -> Option<(u16, Value<'a>)> {
        let raw = u16::from_ne_bytes(self.0.get(2..4)?.try_into().ok()?);
        let mut one = Attributes(self.0);
        let (kind, bytes) = one.next()?;
        self.0 = one.0;
        Some((kind, Value { bytes, big: raw & NETWORK_ORDER != 0 }))
    }
}

/// A value, and whether its first byte is the highest.
#[derive(Debug, Clone, Copy)]
struct Value<'a> {
    bytes: &'a [u8],
    big: bool,
}

impl Value<'_> {
    fn u8(self) -> Option<u8> {
        match self.bytes {
            [byte] => Some(*byte),
            _ => None,
        }
    }

    fn u16(self) -> Option<u16> {
        let bytes = self.bytes.try_into().ok()?;
        Some(if self.big { u16::from_be_bytes(bytes) } else { u16::from_ne_bytes(bytes) })
    }

    fn u32(self) -> Option<u32> {
        let bytes = self.bytes.try_into().ok()?;
        Some(if self.big { u32::from_be_bytes(bytes) } else { u32::from_ne_bytes(bytes) })
    }

    fn u64(self) -> Option<u64> {
        let bytes = self.bytes.try_into().ok()?;
        Some(if self.big { u64::from_be_bytes(bytes) } else { u64::from_ne_bytes(bytes) })
    }

    /// `IPSET_ATTR_IPADDR_IPV4` or `IPSET_ATTR_IPADDR_IPV6`, nested.
    fn address(self) -> Option<std::net::IpAddr> {
        let (kind, value) = Attributes(self.bytes).next()?;
        match kind {
            1 => <[u8; 4]>::try_from(value).ok().map(Into::into),
            2 => <[u8; 16]>::try_from(value).ok().map(Into::into),
            _ => None,
        }
    }
}
