//! What lies in the registers while a native rule runs: numbers that are known, fields of the packet, and what masks and
//! shifts made of them.
//!
//! A rule asks a register in one way only: whether its number is one of these. The question is turned around through mask
//! and shift until it is one about the packet ([`Piece::within`]).

use crate::host::LinkKind;
use crate::host::RuleId;
use crate::host::nft::{FibResult, fib};
use crate::host::xt::{AddressTypes, CtStates, InterfacePattern};
use crate::walk::alter::service;
use crate::walk::condition::{Scene, masked_set};
use crate::walk::field::Field;
use crate::walk::outcome::{Assumed, Why};
use crate::walk::outgoing::{for_fib, outgoing};
use crate::walk::packet::{Device, Tracking, Value};
use crate::walk::plan::{Part, TypedBy};
use crate::walk::set::ValueSet;
use crate::walk::space::{Asked, Open};

/// A condition by its place: the rule and the position of the expression.
pub(super) type At = (RuleId, u16);

/// Numbers of more bits than this are not turned around one by one.
const FEW_BITS: u32 = 16;
/// Wider ranges than this are not turned around through a mask that is no prefix.
const FEW_NUMBERS: u128 = 64;
/// More ranges than this are not told.
const FEW_RANGES: usize = 4096;

/// Where a number comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    /// A value of the packet, or a known one.
    Value(Value),
    /// The time to live that is left.
    Ttl,
    /// The byte of an IPv4 header that asks for a service.
    Tos,
    /// The first two bytes of an IPv6 header: the version, that byte, and four bits of the flow label.
    Class,
    /// The name of a device.
    Name(Device),
    /// The index of a device; 0 where there is none.
    Index(Device),
    /// The hardware type of a device (`ARPHRD_*`).
    HardwareType(Device),
    /// conntrack's state, as nf_tables counts its bits.
    CtState,
    /// What the routing table says.
    Fib(FibResult, u32),
    /// Nobody knows.
    Unknown(Why),
}

/// Some bytes in the registers: `((source & mask) >> shift) ^ flip` as a number of so many bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    pub(super) source: Source,
    /// How many bytes it has.
    pub(super) length: usize,
    /// The bits of the source that are kept.
    pub(super) mask: u128,
    /// How far they are moved down.
    pub(super) shift: u32,
    /// What is flipped then.
    pub(super) flip: u128,
    /// The bytes stand in the machine's order, not in that of the network.
    pub(super) host_order: bool,
}

/// The numbers of so many bytes.
pub(super) fn ones(length: usize) -> u128 {
    if length >= 16 { u128::MAX } else { (1 << (8 * length)) - 1 }
}

impl Piece {
    /// All bytes of a source, in network order.
    pub(super) fn whole(source: Source, length: usize) -> Piece {
        Piece { source, length, mask: ones(length), shift: 0, flip: 0, host_order: false }
    }

    /// All bytes of a number that the kernel keeps in the machine's order.
    pub(super) fn native(source: Source, length: usize) -> Piece {
        Piece { host_order: true, ..Piece::whole(source, length) }
    }

    /// Constant bytes, read in network order.
    pub(super) fn constant(bytes: &[u8]) -> Piece {
        let value = bytes.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte));
        Piece::whole(Source::Value(Value::Known(value)), bytes.len())
    }

    /// What nobody knows.
    pub(super) fn unknown(why: Why, length: usize) -> Piece {
        Piece::whole(Source::Unknown(why), length)
    }

    /// The number that these bytes are here.
    pub(super) fn number_of(&self, bytes: &[u8]) -> u128 {
        Part { first: 0, length: bytes.len(), reversed: self.is_reversed() }.number(bytes)
    }

    /// Its bytes stand in the machine's order, and that is not the network's.
    pub(super) fn is_reversed(&self) -> bool {
        self.host_order && cfg!(target_endian = "little")
    }

    /// Its bytes compare as its number does: the order of bytes is that of the network.
    pub(super) fn is_ordered(&self) -> bool {
        self.length == 1 || !self.is_reversed()
    }

    /// The number after `(number & mask) ^ flip`, both in the bytes of this piece.
    pub(super) fn masked(&self, mask: &[u8], flip: &[u8]) -> Piece {
        let (mask, flip) = (self.number_of(mask), self.number_of(flip));
        Piece { mask: self.mask & (mask << self.shift), flip: (self.flip & mask) ^ flip, ..self.clone() }
    }

    /// The part of its bytes from `first` on, `length` of them, as they lie in network order.
    pub(super) fn part(&self, first: usize, length: usize) -> Piece {
        let below = (self.length.saturating_sub(first + length) * 8) as u32;
        let kept = ones(length).checked_shl(below).unwrap_or(0);
        Piece {
            length,
            mask: self.mask & (kept << self.shift),
            shift: self.shift + below,
            flip: (self.flip & kept).checked_shr(below).unwrap_or(0),
            ..self.clone()
        }
    }

    /// The value that it stands for, where that can be told as one.
    pub(super) fn value(&self, scene: &Scene<'_>) -> Option<Value> {
        if let Some(known) = self.known(scene) {
            return Some(Value::Known(known));
        }
        let Source::Value(value) = &self.source else { return None };
        match scene.settled(value) {
            value if self.is_whole() => Some(value),
            _ => None,
        }
    }

    /// The number that it is, where that is known.
    pub(super) fn known(&self, scene: &Scene<'_>) -> Option<u128> {
        let value = match &self.source {
            // Nothing is left of it.
            _ if self.mask == 0 => return Some(self.flip),
            Source::Value(value) => value,
            Source::Tos => &scene.packet.tos,
            _ => return None,
        };
        match scene.settled(value) {
            Value::Known(known) => Some(self.number(known)),
            Value::Entering(_) | Value::Mapped { .. } | Value::Chosen { .. } => None,
        }
    }

    /// A number that one of the packets which are meant has, where it is one of a value.
    pub(super) fn one_of_many(&self, scene: &Scene<'_>) -> Option<u128> {
        let Source::Value(value) = &self.source else { return None };
        let one = |field: &Field| scene.space.values(*field).map_or(Some(0), ValueSet::first);
        Some(self.number(match value {
            Value::Known(known) => *known,
            Value::Entering(field) => one(field)?,
            Value::Mapped { field, mask, prefix } => prefix | (one(field)? & mask),
            Value::Chosen { among, .. } => among.first()?,
        }))
    }

    /// What a value of the source is here.
    fn number(&self, value: u128) -> u128 {
        ((value & self.mask).checked_shr(self.shift).unwrap_or(0)) ^ self.flip
    }

    /// The byte that asks for a service, where these bytes become a header's first two (IPv6) or its second.
    pub(super) fn service(&self, scene: &Scene<'_>) -> Value {
        let unknown = || Value::Chosen { among: ValueSet::full(8), why: Why::Undecoded };
        let below = if self.length == 2 { 4 } else { 0 };
        match self.source {
            _ if self.known(scene).is_some() => {
                Value::Known(self.known(scene).map_or(0, |known| (known >> below) & 0xff))
            }
            Source::Tos | Source::Class if self.shift == 0 => {
                let tos = scene.settled(&scene.packet.tos);
                service(&tos, (self.mask >> below) as u8, (self.flip >> below) as u8)
            }
            _ => unknown(),
        }
    }

    /// Why nobody knows what it is; `None`: somebody does.
    pub(super) fn why_unknown(&self) -> Option<Why> {
        match self.source {
            Source::Unknown(why) => Some(why),
            _ => None,
        }
    }

    /// Nothing was masked or moved.
    pub(super) fn is_whole(&self) -> bool {
        self.mask == ones(self.length) && self.shift == 0 && self.flip == 0
    }

    /// The source's values, of so many bits, for which the number is in the set; `None`: they are too many to be told.
    fn before(&self, set: &ValueSet, bits: u32) -> Option<ValueSet> {
        if self.is_whole() && 8 * self.length as u32 >= bits {
            return Some(set.clone());
        }
        if bits <= FEW_BITS {
            let fits = |value: &u128| set.contains(((value & self.mask) >> self.shift) ^ self.flip);
            return Some(ValueSet::from_ranges((0..1 << bits).filter(fits).map(|value| (value, value))));
        }
        let mut ranges = Vec::new();
        for (first, last) in set.ranges() {
            if self.keeps_order(bits) {
                ranges.extend(self.range_before(*first, *last));
                continue;
            }
            if last - first >= FEW_NUMBERS || ranges.len() > FEW_RANGES {
                return None;
            }
            for number in *first..=*last {
                let value = (number ^ self.flip).checked_shl(self.shift)?;
                if value & !self.mask == 0 {
                    ranges.extend_from_slice(masked_set(value, self.mask, bits as u8)?.ranges());
                }
            }
        }
        Some(ValueSet::from_ranges(ranges))
    }

    /// The highest bits of the source are kept, and none is flipped: then greater values give greater numbers.
    fn keeps_order(&self, bits: u32) -> bool {
        self.flip == 0 && self.mask == ones_to(bits) & !ones_to(self.mask.trailing_zeros())
    }

    /// The values that lead to the numbers of a range, where order is kept.
    fn range_before(&self, first: u128, last: u128) -> Option<(u128, u128)> {
        let low = self.mask.trailing_zeros();
        // Numbers with bits that are not kept never come out.
        let span = ones_to(low.saturating_sub(self.shift));
        let first = if first & span == 0 { first } else { (first | span).checked_add(1)? };
        let last = last.min(self.mask >> self.shift) & !span;
        (first <= last).then(|| (first << self.shift, (last << self.shift) | ones_to(low)))
    }

    /// How many bits a value of the source has. Where only a few low ones are open, each of the values can be looked at.
    fn source_bits(&self, scene: &Scene<'_>) -> u32 {
        match &self.source {
            Source::Value(value @ (Value::Entering(field) | Value::Mapped { field, .. })) => {
                let all = u32::from(field.bits(scene.query.family));
                let (kept, put) = match value {
                    Value::Mapped { mask, prefix, .. } => (*mask, *prefix),
                    Value::Known(_) | Value::Entering(_) | Value::Chosen { .. } => (u128::MAX, 0),
                };
                let left = scene.space.values(*field).and_then(|values| values.ranges().last());
                let below = left.map_or(all, |(_, last)| 128 - last.leading_zeros());
                let few = (128 - (put | (kept & ones_to(below))).leading_zeros()).max(1);
                if few <= FEW_BITS { few.min(all) } else { all }
            }
            Source::Ttl | Source::Tos => 8,
            Source::Class => 16,
            _ => (128 - self.mask.leading_zeros()).max(8 * self.length as u32).min(128),
        }
    }

    /// Whether the number is in the set.
    pub(super) fn within(&self, scene: &Scene<'_>, set: &ValueSet, at: At) -> Asked<bool> {
        let set = set.and(&ValueSet::range(0, ones(self.length)));
        if let Some(number) = self.known(scene) {
            return Ok(set.contains(number));
        }
        if let Some(numbers) = self.few(scene)? {
            let fits = |number: &u128| set.contains(((number & self.mask) >> self.shift) ^ self.flip);
            return self.is_one_of(scene, &numbers.into_iter().filter(fits).collect::<Vec<_>>(), at);
        }
        // Single bits of an open address make too many ranges to be told apart.
        let Some(before) = self.before(&set, self.source_bits(scene)) else {
            return undecided(scene, at, self.why_unknown().unwrap_or(Why::State));
        };
        match &self.source {
            Source::Value(value) => scene.in_set(value, &before, Some(at)),
            Source::Ttl => scene.ttl_in(&before),
            Source::Tos => scene.tos_in(&before),
            Source::Class => class(scene, &before, at),
            Source::Unknown(why) => undecided(scene, at, *why),
            // Those have few numbers, or names.
            Source::Name(_) | Source::Index(_) | Source::HardwareType(_) | Source::CtState | Source::Fib(..) => {
                undecided(scene, at, Why::Undecoded)
            }
        }
    }

    /// The numbers that a source of few can have; `None`: it has many.
    fn few(&self, scene: &Scene<'_>) -> Asked<Option<Vec<u128>>> {
        let namespace = scene.plan.namespace();
        Ok(match &self.source {
            Source::CtState => Some(vec![1, 2, 4, 8, 64]),
            Source::Fib(FibResult::AddressType, _) => Some((0..12).collect()),
            Source::Fib(FibResult::Oif, flags) if flags & fib::PRESENT != 0 => Some(vec![0, 1]),
            Source::Fib(FibResult::Oif, _) | Source::Index(_) => {
                Some(std::iter::once(0).chain(namespace.links.iter().map(|link| u128::from(link.index))).collect())
            }
            Source::HardwareType(_) => Some(vec![0, ETHER, LOOPBACK, OTHER]),
            _ => None,
        })
    }

    /// Whether a source of few numbers has one of these.
    fn is_one_of(&self, scene: &Scene<'_>, numbers: &[u128], at: At) -> Asked<bool> {
        match &self.source {
            Source::CtState => ct_state(scene, numbers),
            Source::Index(device) => index(scene, *device, numbers, at),
            Source::HardwareType(device) => hardware_type(scene, *device, numbers, at),
            Source::Fib(FibResult::AddressType, flags) => address_type(scene, *flags, numbers, at),
            Source::Fib(_, flags) => {
                let found = outgoing(scene, *flags, &for_fib(scene.query.family))?;
                let number = if flags & fib::PRESENT != 0 { u32::from(found != 0) } else { found };
                Ok(numbers.contains(&u128::from(number)))
            }
            _ => undecided(scene, at, Why::Undecoded),
        }
    }

    /// Whether a device's name fits.
    pub(super) fn is_named(&self, scene: &Scene<'_>, pattern: &InterfacePattern) -> Option<Asked<bool>> {
        match &self.source {
            Source::Name(device) if self.is_whole() => Some(scene.device(*device, pattern)),
            _ => None,
        }
    }
}

/// Whether the first two bytes of an IPv6 header are one of these: only the byte that asks for a service is known, and four
/// bits of the flow label are its sender's.
fn class(scene: &Scene<'_>, set: &ValueSet, at: At) -> Asked<bool> {
    let fits = |tos: u128| (0..16).filter(|label| set.contains(0x6000 | tos << 4 | label)).count();
    if (0..256).any(|tos| !matches!(fits(tos), 0 | 16)) {
        return undecided(scene, at, Why::State);
    }
    let all = (0..256).filter(|tos| fits(*tos) == 16).map(|tos| (tos, tos));
    scene.tos_in(&ValueSet::from_ranges(all))
}

/// Something that nothing here can decide.
pub(super) fn undecided(scene: &Scene<'_>, (rule, index): At, why: Why) -> Asked<bool> {
    scene.assume(Open::either(Assumed::Match { rule, index }, why, 0.5))
}

fn ones_to(bits: u32) -> u128 {
    if bits >= 128 { u128::MAX } else { (1 << bits) - 1 }
}

/// `nft_ct_get_eval` for `NFT_CT_STATE`: without a flow it is untracked or invalid.
fn ct_state(scene: &Scene<'_>, numbers: &[u128]) -> Asked<bool> {
    let (invalid, untracked) = (1, 64);
    match scene.tracking() {
        Tracking::Unseen => Ok(numbers.contains(&invalid)),
        Tracking::Untracked => Ok(numbers.contains(&untracked)),
        Tracking::Tracked => {
            let own = |number: &u128| match *number {
                64 => u128::from(CtStates::UNTRACKED.bits()),
                number => number,
            };
            scene.space.ask(Field::CtState, &ValueSet::from_ranges(numbers.iter().map(own).map(|bit| (bit, bit))))
        }
    }
}

/// The devices for which something holds, asked of the packet's.
fn any_device(
    scene: &Scene<'_>,
    device: Device,
    absent: bool,
    at: At,
    holds: impl Fn(&crate::host::Link) -> bool,
) -> Asked<bool> {
    let plan = scene.plan;
    let named = |number: u128| plan.devices.name(number).and_then(|name| plan.namespace().link(name));
    let fitting = || {
        let links = plan.namespace().links.iter().filter(|link| holds(link));
        let numbers = links.filter_map(|link| plan.devices.number(&link.name));
        ValueSet::from_ranges(numbers.map(|number| (number, number)))
    };
    match device {
        Device::Absent => Ok(absent),
        Device::Known(number) => match named(number) {
            Some(link) => Ok(holds(link)),
            None => undecided(scene, at, Why::Unread),
        },
        _ if !plan.namespace().is_read(crate::host::What::Links) => undecided(scene, at, Why::Unread),
        Device::Entering => scene.space.ask(Field::Iif, &fitting()),
        Device::Leaving => scene.space.ask_leaves(&fitting()),
    }
}

/// Whether a device has one of these numbers. Where devices were not read, `lo` alone has a number that is known
/// (`LOOPBACK_IFINDEX`).
fn index(scene: &Scene<'_>, device: Device, numbers: &[u128], at: At) -> Asked<bool> {
    if scene.plan.namespace().is_read(crate::host::What::Links) || device == Device::Absent {
        return any_device(scene, device, numbers.contains(&0), at, |link| numbers.contains(&u128::from(link.index)));
    }
    let lo = InterfacePattern { name: "lo".into(), prefix: false };
    if scene.device(device, &lo)? {
        Ok(numbers.contains(&1))
    } else if numbers.iter().all(|number| *number < 2) {
        Ok(false)
    } else {
        undecided(scene, at, Why::Unread)
    }
}

/// `ARPHRD_ETHER`, `ARPHRD_LOOPBACK`, and what stands for every other.
const ETHER: u128 = 1;
const LOOPBACK: u128 = 772;
const OTHER: u128 = 0xfffe;

fn hardware_type(scene: &Scene<'_>, device: Device, numbers: &[u128], at: At) -> Asked<bool> {
    any_device(scene, device, numbers.contains(&0), at, |link| {
        numbers.contains(&match &link.kind {
            LinkKind::Loopback => LOOPBACK,
            LinkKind::Other(kind) if matches!(kind.as_str(), "wireguard" | "tun" | "ppp" | "ipip" | "sit" | "gre") => {
                OTHER
            }
            LinkKind::Plain | LinkKind::Veth | LinkKind::Bridge => ETHER,
            LinkKind::Macvlan(_) | LinkKind::Ipvlan(_) | LinkKind::Vrf(_) | LinkKind::Other(_) => ETHER,
        })
    })
}

/// `nft_fib4_eval_type`, `nft_fib6_eval_type`: the type of the address, on a device where that is asked.
fn address_type(scene: &Scene<'_>, flags: u32, numbers: &[u128], at: At) -> Asked<bool> {
    let bits = numbers.iter().filter(|number| **number < 12).map(|number| 1u16 << number);
    let types = AddressTypes::from_bits_truncate(bits.fold(0, |bits, bit| bits | bit));
    let device = match flags & (fib::IIF | fib::OIF) {
        0 => None,
        fib::OIF => Some(scene.packet.oif),
        _ => Some(scene.packet.iif),
    };
    let value = match flags & fib::DADDR {
        0 => &scene.packet.src,
        _ => &scene.packet.dst,
    };
    scene.address_type(value, types, device, TypedBy::Fib, at)
}
