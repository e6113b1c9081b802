//! One entry of a table: `struct ipt_entry` and `struct ip6t_entry`, with their matches and their target.
//!
//! Knows what an entry asks of addresses, interfaces and protocol (`ip_packet_match`, `ip6_packet_match`). Deliberately does
//! not know chains: the verdict of a standard target is handed on as the number that it is.

use std::hash::Hasher;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::host::xt::{AddressMask, InterfacePattern, Match, Neg};
use crate::host::{Counters, Family, IpFamily, Names, Protocol};
use crate::kernel::xt::{self, Around, SetNames};

/// `sizeof(struct xt_entry_match)`, `sizeof(struct xt_entry_target)`.
const HEADER: usize = 32;
/// `XT_EXTENSION_MAXNAMELEN`.
const NAME: usize = 29;
/// `IFNAMSIZ`.
const IFNAMSIZ: usize = 16;

const INV_VIA_IN: u8 = 0x01;
const INV_VIA_OUT: u8 = 0x02;
const INV_SRCIP: u8 = 0x08;
const INV_DSTIP: u8 = 0x10;
const INV_FRAG: u8 = 0x20;
const INV_PROTO: u8 = 0x40;

/// Where things stand in an entry of one family: what differs is a row.
struct Layout {
    family: Family,
    /// Bytes of an address.
    address: usize,
    flags: usize,
    invflags: usize,
    /// The flag without which the protocol is not looked at.
    protocol: Option<u8>,
    /// The flag that asks for fragments.
    fragment: Option<u8>,
    /// The flag that makes a jump a goto.
    goto: u8,
    target_offset: usize,
    counters: usize,
    size: usize,
}

impl Layout {
    const fn new(family: Family, address: usize, flags: usize, ip: usize) -> Layout {
        let counters = (ip + 12).next_multiple_of(align_of::<u64>());
        Layout {
            family,
            address,
            flags,
            invflags: flags + 1,
            protocol: None,
            fragment: None,
            goto: 0,
            target_offset: ip + 4,
            counters,
            size: counters + 16,
        }
    }
}

/// `struct ipt_entry`, which begins with a `struct ipt_ip` of 84 bytes.
const IP: Layout = Layout { fragment: Some(0x01), goto: 0x02, ..Layout::new(Family::Ip, 4, 82, 84) };
/// `struct ip6t_entry`, which begins with a `struct ip6t_ip6` of 136 bytes.
const IP6: Layout = Layout { protocol: Some(0x01), goto: 0x04, ..Layout::new(Family::Ip6, 16, 131, 136) };

/// An entry, taken apart.
pub(super) struct Entry<'a> {
    layout: &'static Layout,
    bytes: &'a [u8],
    /// Where its target begins.
    target: usize,
}

/// What stands where a target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action<'a> {
    /// A verdict or a jump (`struct xt_standard_target`), and whether a jump is a goto.
    Standard(i32, bool),
    /// The start of a chain, with its name, or the end of the table (`struct xt_error_target`).
    Error(&'a [u8]),
    /// A target with its revision and bytes.
    Extension(&'a [u8], u8, &'a [u8]),
}

impl<'a> Entry<'a> {
    /// The entry that `bytes` begin with, and its length. `None` where it is cut off.
    pub(super) fn first(family: IpFamily, bytes: &'a [u8]) -> Option<(Entry<'a>, usize)> {
        let layout = match family {
            IpFamily::V4 => &IP,
            IpFamily::V6 => &IP6,
        };
        let target = usize::from(u16_at(bytes, layout.target_offset)?);
        let length = usize::from(u16_at(bytes, layout.target_offset + 2)?);
        let sound = layout.size <= target && target + HEADER <= length;
        Some((Entry { layout, bytes: bytes.get(..length).filter(|_| sound)?, target }, length))
    }

    /// What it counted.
    pub(super) fn counters(&self) -> Option<Counters> {
        let number = |at: usize| self.array(at).map(u64::from_ne_bytes);
        Some(Counters { packets: number(self.layout.counters)?, bytes: number(self.layout.counters + 8)? })
    }

    /// Mixes in all of it but what it counted.
    pub(super) fn hash_but_counters(&self, hasher: &mut impl Hasher) {
        let at = self.layout.counters;
        [self.bytes.get(..at), self.bytes.get(self.layout.size..)]
            .into_iter()
            .flatten()
            .for_each(|part| hasher.write(part));
    }

    /// What it does.
    pub(super) fn action(&self) -> Option<Action<'a>> {
        let (found, _) = Extension::first(self.bytes.get(self.target..)?)?;
        Some(match found.name {
            b"" => {
                let verdict = found.bytes.first_chunk().copied().map(i32::from_ne_bytes)?;
                Action::Standard(verdict, self.bytes.get(self.layout.flags)? & self.layout.goto != 0)
            }
            b"ERROR" => Action::Error(until_nul(found.bytes)),
            name => Action::Extension(name, found.revision, found.bytes),
        })
    }

    /// Whether it asks nothing at all.
    pub(super) fn is_unconditional(&self) -> bool {
        let asks = self.bytes.get(..self.layout.target_offset - 4).unwrap_or_default();
        self.target == self.layout.size
            && asks.iter().enumerate().all(|(at, byte)| {
                // A goto asks nothing either.
                *byte == 0 || at == self.layout.flags && *byte == self.layout.goto
            })
    }

    /// All that it asks, in the order in which the tools print it. `None` where a match is cut off.
    pub(super) fn matches(&self, sets: &SetNames, names: &mut Names) -> Option<Vec<Match>> {
        let place = Around { family: self.layout.family, sets };
        let inverse = *self.bytes.get(self.layout.invflags)?;
        let not = |flag: u8| inverse & flag != 0;
        let address = self.layout.address;
        let mut all = Vec::new();
        all.extend(self.address(0, not(INV_SRCIP), names)?.map(|part| part.or(Match::Source)));
        all.extend(self.address(address, not(INV_DSTIP), names)?.map(|part| part.or(Match::Destination)));
        let devices = 4 * address;
        all.extend(self.device(devices, not(INV_VIA_IN), names)?.map(|part| part.or(Match::InInterface)));
        let outgoing = devices + IFNAMSIZ;
        all.extend(self.device(outgoing, not(INV_VIA_OUT), names)?.map(|part| part.or(Match::OutInterface)));
        all.extend(self.protocol(not(INV_PROTO), names)?);
        all.extend(self.fragment(not(INV_FRAG), names)?);
        let mut rest = self.bytes.get(self.layout.size..self.target)?;
        while !rest.is_empty() {
            let (found, after) = Extension::first(rest)?;
            let name = String::from_utf8_lossy(found.name);
            all.push(xt::decode_match(place, &name, found.revision, found.bytes, names));
            rest = after;
        }
        Some(all)
    }

    fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.bytes.get(at..at + N)?.try_into().ok()
    }

    fn ip(&self, at: usize) -> Option<IpAddr> {
        match self.layout.family {
            Family::Ip6 => self.array::<16>(at).map(|octets| Ipv6Addr::from(octets).into()),
            _ => self.array::<4>(at).map(|octets| Ipv4Addr::from(octets).into()),
        }
    }

    /// An address and, two addresses further, its mask.
    fn address(&self, at: usize, not: bool, names: &mut Names) -> Option<Option<Asked<AddressMask>>> {
        let (address, mask) = (self.ip(at)?, self.ip(at + 2 * self.layout.address)?);
        let value = xt::address_mask(address, mask)?;
        let (kept, open) = match &value {
            AddressMask::Net(net) => (net.addr(), net.prefix_len() == 0),
            AddressMask::Bits(both) => (both.0, false),
        };
        if kept != address {
            // Bits that the mask cuts off equal nothing: only a made-up table has them.
            let length = self.layout.address;
            let bytes = [self.bytes.get(at..at + length)?, self.bytes.get(at + 2 * length..at + 3 * length)?].concat();
            return Some(Some(Asked::unknown(not, "address", &bytes, names)));
        }
        Some((not || !open).then_some(Asked::Known(Neg { not, value })))
    }

    /// An interface name and, two names further, its mask.
    fn device(&self, at: usize, not: bool, names: &mut Names) -> Option<Option<Asked<InterfacePattern>>> {
        let (name, mask) = (self.array(at)?, self.array(at + 2 * IFNAMSIZ)?);
        let Some(value) = xt::interface(&name, &mask, names) else {
            return Some(Some(Asked::unknown(not, "interface", &[name, mask].concat(), names)));
        };
        let open = value.prefix && value.name.is_empty();
        Some((not || !open).then_some(Asked::Known(Neg { not, value })))
    }

    fn protocol(&self, not: bool, names: &mut Names) -> Option<Option<Match>> {
        let at = 4 * self.layout.address + 4 * IFNAMSIZ;
        let number = u16_at(self.bytes, at)?;
        let flags = *self.bytes.get(self.layout.flags)?;
        let looked_at = self.layout.protocol.is_none_or(|flag| flags & flag != 0);
        if number == 0 || !looked_at {
            return Some(None);
        }
        Some(Some(match u8::try_from(number) {
            Ok(number) => Match::Protocol(Neg { not, value: Protocol(number) }),
            Err(_) => unknown(not, "protocol", &number.to_ne_bytes(), names),
        }))
    }

    fn fragment(&self, not: bool, names: &mut Names) -> Option<Option<Match>> {
        let Some(flag) = self.layout.fragment else { return Some(None) };
        Some(match (self.bytes.get(self.layout.flags)? & flag != 0, not) {
            (true, not) => Some(Match::Fragment(Neg { not, value: () })),
            (false, false) => None,
            // Never holds, and no option asks for it.
            (false, true) => Some(unknown(true, "fragment", &[0], names)),
        })
    }
}

/// A condition that the model has a place for, or the bytes of one that it has not.
enum Asked<T> {
    Known(Neg<T>),
    Unknown(Match),
}

impl<T> Asked<T> {
    fn unknown(not: bool, what: &str, bytes: &[u8], names: &mut Names) -> Asked<T> {
        Asked::Unknown(unknown(not, what, bytes, names))
    }

    fn or(self, known: fn(Neg<T>) -> Match) -> Match {
        match self {
            Asked::Known(asked) => known(asked),
            Asked::Unknown(other) => other,
        }
    }
}

/// A condition that no tool makes, under a name of its own; whether it is turned around is its last byte.
fn unknown(not: bool, what: &str, bytes: &[u8], names: &mut Names) -> Match {
    let bytes = [bytes, &[u8::from(not)]].concat();
    Match::Opaque(xt::opaque(what, 0, &bytes, names))
}

/// A match or a target (`struct xt_entry_match`, `struct xt_entry_target`).
struct Extension<'a> {
    name: &'a [u8],
    revision: u8,
    bytes: &'a [u8],
}

impl<'a> Extension<'a> {
    /// The one that `bytes` begin with, and what follows it.
    fn first(bytes: &'a [u8]) -> Option<(Extension<'a>, &'a [u8])> {
        let length = usize::from(u16_at(bytes, 0)?);
        let extension = Extension {
            name: until_nul(bytes.get(2..2 + NAME)?),
            revision: *bytes.get(2 + NAME)?,
            bytes: bytes.get(HEADER..length)?,
        };
        Some((extension, bytes.get(length..)?))
    }
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).and_then(|part| part.try_into().ok()).map(u16::from_ne_bytes)
}
