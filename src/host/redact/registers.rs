//! What native rules compare: which bytes of a register, of a key or of a value are an address or a name, and of what kind.
//!
//! What a rule loads says it of registers, the type that nft notes in a set says it of keys and values. Bytes that are of
//! neither are numbers, and stay.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::labels::Kind;
use super::places::pattern;
use super::{Stage, Words};
use crate::host::names::Name;
use crate::host::net::Mac;
use crate::host::nft::{
    CtKey, Expression, FibResult, LookupResult, MetaKey, PayloadBase, Register, RtKey, XfrmKey, fib,
};
use crate::host::ruleset::Family;

/// What some bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// An address of IPv4.
    V4,
    /// One of IPv6.
    V6,
    /// A link-layer address.
    Mac,
    /// A device's name, padded with zeros.
    Device,
    /// A number.
    Number,
}

impl Sort {
    fn length(self) -> usize {
        match self {
            Sort::V4 => 4,
            Sort::V6 | Sort::Device => 16,
            Sort::Mac => 6,
            Sort::Number => 0,
        }
    }
}

/// The parts of a key or a value: from which byte on, how many, and what.
pub(super) type Parts = Vec<(usize, usize, Sort)>;

/// What the keys of a set are, and what it gives. `None`: nobody tells.
#[derive(Debug, Clone)]
pub(super) struct SetKind {
    pub keys: Option<Parts>,
    pub values: Option<Parts>,
}

/// Some bytes of a register: where they are, and what they are.
#[derive(Debug, Clone, Copy)]
struct Part {
    /// The first byte of the register file.
    at: usize,
    /// How many there are: the first ones of what they are of.
    length: usize,
    sort: Sort,
    /// How many bits of it count, where a mask leaves the first ones only.
    bits: Option<u8>,
}

/// What is in the registers while a rule runs.
#[derive(Debug)]
pub(super) struct Registers {
    family: Family,
    /// IPv6, as far as the rule has asked.
    v6: bool,
    parts: Vec<Part>,
    /// The registers that hold the protocol of the network.
    protocol: Option<usize>,
}

/// The first byte of a register.
pub(super) fn place(register: Register) -> usize {
    usize::from(register.0) * 4
}

impl Registers {
    pub fn new(family: Family) -> Registers {
        Registers { family, v6: family == Family::Ip6, parts: Vec::new(), protocol: None }
    }

    /// An expression loads something into a register.
    pub fn load(&mut self, expression: &Expression, kinds: &HashMap<Name, SetKind>) {
        let one = |to: &Register, sort: Sort| (*to, vec![(0, sort.length(), sort)], sort.length());
        let (to, parts, length) = match expression {
            Expression::Payload { base, offset, length, to } => {
                let (offset, length) = (usize::from(*offset), usize::from(*length));
                (*to, self.payload(*base, offset, length), length)
            }
            Expression::Inner(inner) => return self.load(&inner.expression, kinds),
            Expression::Meta { key, to } => match *key {
                MetaKey::IIFNAME
                | MetaKey::OIFNAME
                | MetaKey::BRI_IIFNAME
                | MetaKey::BRI_OIFNAME
                | MetaKey::SDIFNAME => one(to, Sort::Device),
                MetaKey::NFPROTO | MetaKey::PROTOCOL => {
                    self.protocol = Some(place(*to));
                    one(to, Sort::Number)
                }
                _ => one(to, Sort::Number),
            },
            Expression::Ct { key, direction: _, to } => match *key {
                CtKey::SRC | CtKey::DST => one(to, if self.v6 { Sort::V6 } else { Sort::V4 }),
                CtKey::SRC_IP | CtKey::DST_IP => one(to, Sort::V4),
                CtKey::SRC_IP6 | CtKey::DST_IP6 => one(to, Sort::V6),
                _ => one(to, Sort::Number),
            },
            Expression::Fib { result, flags, to } => match result {
                FibResult::OifName if flags & fib::PRESENT == 0 => one(to, Sort::Device),
                FibResult::OifName | FibResult::Oif | FibResult::AddressType => one(to, Sort::Number),
            },
            Expression::Rt { key, to } => match key {
                RtKey::NextHop4 => one(to, Sort::V4),
                RtKey::NextHop6 => one(to, Sort::V6),
                RtKey::ClassId | RtKey::TcpMss | RtKey::Xfrm => one(to, Sort::Number),
            },
            Expression::Xfrm { key, out: _, index: _, to } => match key {
                XfrmKey::DestinationIp | XfrmKey::SourceIp => one(to, Sort::V4),
                XfrmKey::DestinationIp6 | XfrmKey::SourceIp6 => one(to, Sort::V6),
                XfrmKey::RequestId | XfrmKey::Spi => one(to, Sort::Number),
            },
            Expression::Lookup { set, to: Some(LookupResult::Data(to)), .. } => {
                let given = kinds.get(set).and_then(|kind| kind.values.clone()).unwrap_or_default();
                let length = given.iter().map(|(at, length, _)| at + length).max().unwrap_or_default();
                (*to, given, length)
            }
            Expression::Immediate { to, data } => (*to, Vec::new(), data.len()),
            Expression::Exthdr { length, to, .. } => (*to, Vec::new(), usize::from(*length)),
            Expression::Shift { to, length, .. } | Expression::Byteorder { to, length, .. } => {
                (*to, Vec::new(), usize::from(*length))
            }
            Expression::Boolean(boolean) => (boolean.to, Vec::new(), usize::from(boolean.length)),
            Expression::Hash(hash) => one(&hash.to, Sort::Number),
            Expression::Osf { to, .. } => (*to, Vec::new(), 16),
            Expression::Socket { to, .. } | Expression::Tunnel { to, .. } | Expression::Numgen { to, .. } => {
                one(to, Sort::Number)
            }
            _ => return,
        };
        let at = place(to);
        // What was there is overwritten, and so is the rest of the last word.
        let end = at + length.max(4).next_multiple_of(4);
        self.parts.retain(|part| part.at + part.length <= at || part.at >= end);
        let parts = parts.into_iter().filter(|(_, length, sort)| *sort != Sort::Number && *length > 0);
        self.parts.extend(parts.map(|(from, length, sort)| Part { at: at + from, length, sort, bits: None }));
    }

    /// The addresses of a header among bytes that are loaded from it: from which on, how many, and what they are.
    fn payload(&self, base: PayloadBase, offset: usize, length: usize) -> Parts {
        let fields: &[(usize, Sort)] = match (base, self.family, self.v6) {
            (PayloadBase::Link, ..) => &[(0, Sort::Mac), (6, Sort::Mac)],
            (PayloadBase::Network, Family::Arp, _) => {
                &[(8, Sort::Mac), (14, Sort::V4), (18, Sort::Mac), (24, Sort::V4)]
            }
            (PayloadBase::Network, _, false) => &[(12, Sort::V4), (16, Sort::V4)],
            (PayloadBase::Network, _, true) => &[(8, Sort::V6), (24, Sort::V6)],
            (PayloadBase::Transport | PayloadBase::Inner | PayloadBase::Tunnel, ..) => &[],
        };
        // A part of an address counts where it is its beginning.
        let within = |(field, _): &&(usize, Sort)| (offset..offset + length).contains(field);
        let part = |(field, sort): &(usize, Sort)| {
            let from = field - offset;
            (from, sort.length().min(length - from), *sort)
        };
        fields.iter().filter(within).map(part).collect()
    }

    /// What a comparison or a mask says of the packet, and what becomes of the bytes in the registers.
    pub fn learn(&mut self, expression: &Expression) {
        match expression {
            Expression::Compare { from, op: _, data } if self.protocol == Some(place(*from)) => {
                self.v6 = matches!(&**data, [10] | [0x86, 0xdd]) || self.family == Family::Ip6;
            }
            Expression::Bitwise { from, to, mask_xor } => {
                let (from, to) = (place(*from), place(*to));
                let mask = &mask_xor.0;
                let masked: Vec<Part> = self.parts.iter().filter_map(|part| masked(part, from, to, mask)).collect();
                self.parts.retain(|part| part.at < to || part.at >= to + mask.len());
                self.parts.extend(masked);
            }
            _ => {}
        }
    }

    /// What is compared with the bytes that lie from a register on.
    pub fn compared(&self, words: &mut Words, from: Register, data: &mut Box<[u8]>) {
        let from = place(from);
        for part in &self.parts {
            let Some(begin) = part.at.checked_sub(from).filter(|begin| *begin < data.len()) else { continue };
            if part.sort == Sort::Device && begin == 0 && data.len() < part.length {
                *data = beginning(words, data);
                continue;
            }
            let end = (begin + part.length).min(data.len());
            bytes(words, part.sort, part.bits, &mut data[begin..end]);
        }
    }

    /// The same with the first and the last of a range.
    pub fn between(&self, words: &mut Words, from: Register, ends: &mut (Box<[u8]>, Box<[u8]>)) {
        let from = place(from);
        let (first, last) = ends;
        for part in &self.parts {
            let Some(begin) = part.at.checked_sub(from).filter(|begin| *begin < first.len()) else { continue };
            let end = (begin + part.length).min(first.len());
            if last.len() == first.len() {
                range(words, part.sort, &mut first[begin..end], &mut last[begin..end]);
            }
        }
    }
}

/// A part of a register behind a mask.
fn masked(part: &Part, from: usize, to: usize, mask: &[u8]) -> Option<Part> {
    let begin = part.at.checked_sub(from).filter(|begin| *begin < mask.len())?;
    let mask = &mask[begin..(begin + part.length).min(mask.len())];
    let ones = mask.iter().map(|byte| byte.count_ones()).sum::<u32>();
    let leading = mask.iter().take_while(|byte| **byte == 0xff).count() as u32 * 8
        + mask.iter().find(|byte| **byte != 0xff).map_or(0, |byte| byte.leading_ones());
    let bits = (ones == leading && ones < mask.len() as u32 * 8).then_some(ones as u8);
    Some(Part { at: to + begin, bits, ..*part })
}

/// What a pattern of device names begins with, as it is compared: without zeros behind it.
fn beginning(words: &mut Words, data: &[u8]) -> Box<[u8]> {
    let mut name = Name::from(String::from_utf8_lossy(data));
    pattern(words, &mut name, true);
    name.as_bytes().into()
}

/// Bytes that are of a sort. `bits`: so many of them count, the others are zero.
pub(super) fn bytes(words: &mut Words, sort: Sort, bits: Option<u8>, data: &mut [u8]) {
    match sort {
        Sort::V4 | Sort::V6 => {
            let length = data.len().min(sort.length());
            let data = &mut data[..length];
            if let Some(mut net) = net(sort, data, bits.unwrap_or(length as u8 * 8)) {
                words.net(&mut net);
                put(net.addr(), data);
            }
        }
        Sort::Mac => {
            if let Ok(own) = <[u8; 6]>::try_from(&*data) {
                let mut mac = Mac(own);
                words.mac(&mut mac);
                data.copy_from_slice(&mac.0);
            } else if words.stage == Stage::Replace {
                data.fill(0);
            }
        }
        Sort::Device => {
            let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
            let mut name = Name::from(String::from_utf8_lossy(&data[..end]));
            words.label(Kind::Device, &mut name);
            write(&name, data);
        }
        Sort::Number => {}
    }
}

/// The first and the last of a range of bytes that are of a sort.
pub(super) fn range(words: &mut Words, sort: Sort, first: &mut [u8], last: &mut [u8]) {
    let whole = |data: &[u8]| crate::host::nft::address(data).filter(|_| data.len() == sort.length());
    match (sort, whole(first), whole(last)) {
        _ if first == last => {
            bytes(words, sort, None, first);
            bytes(words, sort, None, last);
        }
        (Sort::V4 | Sort::V6, Some(mut low), Some(mut high)) => {
            words.range(&mut low, &mut high);
            put(low, first);
            put(high, last);
        }
        (Sort::Device, ..) => {
            // A pattern: zeros behind its beginning in the first, ones in the last.
            let end = first.iter().position(|byte| *byte == 0).unwrap_or(first.len());
            let mut name = Name::from(String::from_utf8_lossy(&first[..end]));
            pattern(words, &mut name, true);
            write(&name, first);
            let length = name.len().min(last.len());
            last[..length].copy_from_slice(&name.as_bytes()[..length]);
            last[length..].fill(0xff);
        }
        _ => {
            bytes(words, sort, None, first);
            bytes(words, sort, None, last);
        }
    }
}

fn write(name: &str, data: &mut [u8]) {
    let length = name.len().min(data.len());
    data.fill(0);
    data[..length].copy_from_slice(&name.as_bytes()[..length]);
}

/// The prefix that the first bits of an address are.
fn net(sort: Sort, data: &[u8], bits: u8) -> Option<IpNet> {
    let mut whole = [0; 16];
    whole.get_mut(..data.len())?.copy_from_slice(data);
    let address = match sort {
        Sort::V4 => IpAddr::from(<[u8; 4]>::try_from(&whole[..4]).ok()?),
        _ => IpAddr::from(whole),
    };
    IpNet::new(address, bits).ok()
}

fn put(address: IpAddr, data: &mut [u8]) {
    match address {
        IpAddr::V4(address) => data.copy_from_slice(&address.octets()[..data.len()]),
        IpAddr::V6(address) => data.copy_from_slice(&address.octets()[..data.len()]),
    }
}

/// How many bytes nft's types have, by their numbers (`enum datatypes` of nft's include/datatype.h).
const LENGTHS: [u8; 47] = [
    0, 4, 1, 4, 4, 16, 6, 4, 16, 6, 2, 2, 1, 2, 1, 1, 1, 1, 8, 4, 4, 2, 4, 4, 4, 4, 4, 1, 4, 1, 16, 1, 1, 1, 1, 4, 1,
    1, 4, 1, 4, 16, 1, 8, 4, 1, 8,
];

/// What the parts of a key or a value of nft's type are: from which byte on, how many, and what. `None`: the type does not
/// tell of so many bytes.
pub(super) fn layout(kind: u32, length: usize) -> Option<Parts> {
    let numbers: Vec<u32> =
        (0..6).rev().map(|part| kind >> (6 * part) & 0x3f).skip_while(|number| *number == 0).collect();
    let sort = |number: u32| match number {
        7 => Sort::V4,
        8 => Sort::V6,
        9 => Sort::Mac,
        41 => Sort::Device,
        _ => Sort::Number,
    };
    if let [number] = numbers[..] {
        return Some(vec![(0, length, sort(number))]);
    }
    let mut parts = Vec::new();
    let mut at = 0;
    for number in numbers {
        let length = usize::from(*LENGTHS.get(number as usize)?);
        parts.push((at, length, sort(number)));
        at += length.next_multiple_of(4);
    }
    (at == length).then_some(parts)
}
