//! Whether a match holds for the packets that are meant: yes, no, or what must be known first.
//!
//! Each function follows the kernel's `match` callback of the extension (net/netfilter/xt_*.c, net/ipv4/netfilter,
//! net/ipv6/netfilter), with the hook's devices and conntrack's view as they are at the hook that is walked.

mod around;
mod listener;
mod rare;
mod sets;
mod tracked;

use std::net::IpAddr;

use super::conntrack;
use super::field::Field;
use super::outcome::{Assumed, Endpoints, Why};
use super::packet::{Device, Packet, TimeToLive, Tracking, Value};
use super::plan::Plan;
use super::query::{Query, number};
use super::set::ValueSet;
use super::space::{Asked, Open, Space};
use super::state::Layer;
use crate::host::xt::{
    AddressMask, Addrtype, Conntrack, CtDirection, CtStates, IcmpType, InterfaceLimit, InterfacePattern, Iprange,
    Masked, Match, Multiport, Neg, Owner, PacketType, Physdev, PortRange, Rare, RecentCheck, SetMatch, Statistic,
    TcpFlags, TcpMatch, TtlMatch, TtlOp, UdpMatch, WhichPort,
};
use crate::host::{Hook, IpFamily, Protocol, RuleId, What};

/// The place where a question is asked: a packet at a hook.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    /// The namespace's rules and addresses, prepared.
    pub(super) plan: &'a Plan<'a>,
    /// What was asked of the walk.
    pub(super) query: &'a Query,
    /// The packets that are meant.
    pub(super) space: &'a Space,
    /// The packet as it is now.
    pub(super) packet: &'a Packet,
    /// The hook.
    pub(super) hook: Hook,
    /// Whose chains it has.
    pub(super) layer: Layer,
    /// The packet was made in this namespace, and no device carried it yet.
    pub(super) made_here: bool,
}

/// A match of a rule, by its place.
type At = (RuleId, u16);

/// Each of so many values may be looked at by itself.
const FEW_VALUES: f64 = 4096.0;

impl Scene<'_> {
    /// Whether a value lies between `first` and `last`.
    pub(super) fn in_range(&self, value: &Value, first: u128, last: u128, at: Option<At>) -> Asked<bool> {
        match value {
            // Some extensions take a range backwards.
            _ if first > last => Ok(false),
            Value::Known(known) => Ok((first..=last).contains(known)),
            Value::Entering(field) => self.space.ask_range(*field, first, last),
            _ => self.in_set(value, &ValueSet::range(first, last), at),
        }
    }

    /// Whether a value is in a set. `at` is the match that asks, for the assumption that may be needed.
    pub(super) fn in_set(&self, value: &Value, set: &ValueSet, at: Option<At>) -> Asked<bool> {
        match value {
            Value::Known(known) => Ok(set.contains(*known)),
            Value::Entering(field) => self.space.ask(*field, set),
            Value::Mapped { field, mask, prefix } => {
                if let Some(known) = self.space.known(*field) {
                    return Ok(set.contains(prefix | (known & mask)));
                }
                let full = ValueSet::full(field.bits(self.query.family));
                let within = set.and(&ValueSet::range(*prefix, prefix | mask));
                let host = ValueSet::from_ranges(within.ranges().iter().map(|(a, b)| (a & mask, b & mask)));
                // Which entering values end on these host bits: the same bits below any prefix.
                let left = self.space.values(*field).unwrap_or(&full);
                match left.ranges() {
                    [(a, b)] if mask & mask.wrapping_add(1) == 0 && a & !mask == b & !mask => {
                        let base = a & !mask;
                        let back = host.ranges().iter().map(|(x, y)| (base | x, base | y));
                        self.space.ask(*field, &ValueSet::from_ranges(back))
                    }
                    ranges if left.size() <= FEW_VALUES => {
                        let each = ranges.iter().flat_map(|(first, last)| *first..=*last);
                        let fits = each.filter(|value| set.contains(prefix | (value & mask)));
                        self.space.ask(*field, &ValueSet::from_ranges(fits.map(|value| (value, value))))
                    }
                    _ => self.chosen(&ValueSet::range(*prefix, prefix | mask), Why::State, set, at),
                }
            }
            Value::Chosen { among, why } => self.chosen(among, *why, set, at),
        }
    }

    fn chosen(&self, among: &ValueSet, why: Why, set: &ValueSet, at: Option<At>) -> Asked<bool> {
        if among.within(set) {
            return Ok(true);
        }
        if among.apart(set) {
            return Ok(false);
        }
        let what = match at {
            Some((rule, index)) => Assumed::ChosenFits { rule, index },
            None => {
                // What was assumed of it before leaves fewer.
                let left = self.left_of(among);
                if left.within(set) || left.apart(set) {
                    return Ok(left.within(set));
                }
                Assumed::ChosenAmong { among: among.clone(), values: set.clone() }
            }
        };
        let likely = (among.and(set).size() / among.size()).clamp(0.01, 0.99);
        self.assume(Open::either(what, why, likely))
    }

    /// What the kernel may still have chosen, by what was assumed of that.
    fn left_of(&self, all: &ValueSet) -> ValueSet {
        let mut left = all.clone();
        for made in self.space.assumptions().filter(|made| made.namespace == self.plan.index) {
            match &made.what {
                Assumed::ChosenAmong { among, values } if among == all && made.holds => left = left.and(values),
                Assumed::ChosenAmong { among, values } if among == all => left = left.minus(values),
                _ => {}
            }
        }
        left
    }

    /// Whether something was assumed already; asks for it otherwise.
    pub(super) fn assume(&self, open: Open) -> Asked<bool> {
        self.space.assume(open, self.plan.index, &self.packet.tuple())
    }

    /// Something about a match that nothing here can decide.
    fn undecided(&self, at: At, why: Why, likely: f64) -> Asked<bool> {
        self.assume(Open::either(Assumed::Match { rule: at.0, index: at.1 }, why, likely))
    }

    /// Whether a match holds.
    pub(super) fn holds(&self, matched: &Match, at: At) -> Asked<bool> {
        match matched {
            Match::Source(net) => self.address(&self.packet.src, net, at),
            Match::Destination(net) => self.address(&self.packet.dst, net, at),
            Match::InInterface(pattern) => negate(self.device(self.packet.iif, &pattern.value), pattern.not),
            Match::OutInterface(pattern) => negate(self.device(self.packet.oif, &pattern.value), pattern.not),
            Match::Protocol(protocol) => Ok((self.query.protocol == protocol.value) != protocol.not),
            // The walk is one of an unfragmented packet.
            Match::Fragment(fragment) => Ok(fragment.not),
            Match::Tcp(tcp) => self.tcp(tcp, at),
            Match::Udp(udp) => self.udp(udp, at),
            Match::Icmp(icmp) => self.icmp(icmp),
            Match::Multiport(ports) => self.multiport(ports, at),
            Match::Comment(_) => Ok(true),
            Match::State(states) => negate(self.ct_state(states.value), states.not),
            Match::Conntrack(conntrack) => self.conntrack(conntrack, at),
            Match::Addrtype(types) => self.addrtype(types, at),
            Match::Mark(mark) => negate(self.masked(&self.packet.mark, mark.value, at), mark.not),
            Match::Connmark(mark) => self.connmark(mark, at),
            Match::Limit(_) => self.undecided(at, Why::Rate, 0.99),
            Match::Statistic(statistic) => self.statistic(statistic, at),
            Match::Recent(recent) => match recent.check {
                RecentCheck::Set => Ok(!recent.not),
                _ => self.undecided(at, Why::State, 0.1),
            },
            Match::Set(set) => self.ipset(set, at),
            Match::Owner(owner) => self.owner(owner),
            Match::Mac(mac) => self.mac(mac, at),
            Match::Pkttype(kind) => self.pkttype(kind, at),
            Match::Iprange(range) => self.iprange(range, at),
            Match::Length(length) => {
                let (first, last) = length.value;
                negate(self.entering(Field::Length, u128::from(first), u128::from(last)), length.not)
            }
            Match::Ttl(ttl) => self.ttl(ttl),
            Match::Physdev(physdev) => self.physdev(physdev, at),
            Match::Rare(found) => self.rare(found, at),
            Match::Opaque(_) => self.undecided(at, Why::Undecoded, 0.5),
        }
    }

    pub(super) fn entering(&self, field: Field, first: u128, last: u128) -> Asked<bool> {
        if first > last {
            return Ok(false);
        }
        self.space.ask_range(field, first, last)
    }

    fn address(&self, value: &Value, asked: &Neg<AddressMask>, at: At) -> Asked<bool> {
        let inside = match &asked.value {
            AddressMask::Net(net) => {
                let (first, last) = (number(net.network()), number(net.broadcast()));
                self.in_range(value, first, last, Some(at))
            }
            AddressMask::Bits(bits) => match value {
                Value::Known(known) => Ok(known & number(bits.1) == number(bits.0) & number(bits.1)),
                _ => match masked_set(number(bits.0) & number(bits.1), number(bits.1), self.query.family.bits()) {
                    Some(set) => self.in_set(value, &set, Some(at)),
                    None => self.undecided(at, Why::State, 0.5),
                },
            },
        };
        negate(inside, asked.not)
    }

    /// Whether a device fits a pattern. A device that the hook does not have is called nothing: only `+` fits it
    /// (`nulldevname` in ip_tables.c).
    pub(super) fn device(&self, device: Device, pattern: &InterfacePattern) -> Asked<bool> {
        match device {
            Device::Absent => Ok(pattern.fits("")),
            Device::Known(number) => Ok(self.plan.devices.fits(number, pattern)),
            Device::Entering => self.space.ask(Field::Iif, &self.plan.devices.fitting(pattern)),
            Device::Leaving => self.space.ask_leaves(&self.plan.devices.fitting(pattern)),
        }
    }

    fn port(&self, value: &Value, asked: Option<Neg<PortRange>>, at: At) -> Asked<bool> {
        match asked {
            None => Ok(true),
            Some(range) => {
                let (first, last) = (u128::from(range.value.first), u128::from(range.value.last));
                negate(self.in_range(value, first, last, Some(at)), range.not)
            }
        }
    }

    fn tcp(&self, tcp: &TcpMatch, at: At) -> Asked<bool> {
        if self.query.protocol != Protocol::TCP {
            return Ok(false);
        }
        all([
            self.port(&self.packet.sport, tcp.sport, at),
            self.port(&self.packet.dport, tcp.dport, at),
            match tcp.flags {
                Some(flags) => negate(self.tcp_flags(flags.value), flags.not),
                None => Ok(true),
            },
            match tcp.option {
                Some(_) => self.undecided(at, Why::State, 0.5),
                None => Ok(true),
            },
        ])
    }

    fn tcp_flags(&self, (mask, compare): (TcpFlags, TcpFlags)) -> Asked<bool> {
        let fits = |flags: u128| flags as u8 & mask.bits() == compare.bits();
        if let Some(flags) = self.space.known(Field::TcpFlags) {
            return Ok(fits(flags));
        }
        let set = ValueSet::from_ranges((0..64).filter(|flags| fits(*flags)).map(|flags| (flags, flags)));
        self.space.ask(Field::TcpFlags, &set)
    }

    fn udp(&self, udp: &UdpMatch, at: At) -> Asked<bool> {
        if !matches!(self.query.protocol, Protocol::UDP | Protocol::UDPLITE) {
            return Ok(false);
        }
        all([self.port(&self.packet.sport, udp.sport, at), self.port(&self.packet.dport, udp.dport, at)])
    }

    /// `icmp_match`, `icmp6_match`: the `!` turns the comparison of type and code, not of the protocol.
    fn icmp(&self, icmp: &Neg<IcmpType>) -> Asked<bool> {
        let (protocol, any) = match self.query.family {
            IpFamily::V4 => (Protocol::ICMP, icmp.value.kind == 0xff),
            IpFamily::V6 => (Protocol::ICMPV6, false),
        };
        if self.query.protocol != protocol {
            return Ok(false);
        }
        let kind = u128::from(icmp.value.kind);
        let (first, last) = icmp.value.codes;
        let fits = if any {
            Ok(true)
        } else {
            all([
                self.entering(Field::IcmpType, kind, kind),
                self.entering(Field::IcmpCode, u128::from(first), u128::from(last)),
            ])
        };
        negate(fits, icmp.not)
    }

    fn multiport(&self, multiport: &Multiport, at: At) -> Asked<bool> {
        if !self.query.protocol.has_ports() {
            return Ok(false);
        }
        let fits = |port: &Value| match port {
            Value::Known(known) => Ok(multiport
                .ports
                .iter()
                .any(|range| (u128::from(range.first)..=u128::from(range.last)).contains(known))),
            _ => {
                let ranges = multiport.ports.iter().map(|range| (u128::from(range.first), u128::from(range.last)));
                self.in_set(port, &ValueSet::from_ranges(ranges), Some(at))
            }
        };
        let inside = match multiport.which {
            WhichPort::Source => fits(&self.packet.sport),
            WhichPort::Destination => fits(&self.packet.dport),
            WhichPort::Either => any([fits(&self.packet.dport), fits(&self.packet.sport)]),
        };
        negate(inside, multiport.not)
    }

    fn masked(&self, value: &Value, masked: Masked, at: At) -> Asked<bool> {
        self.mark_fits(value, masked).unwrap_or_else(|| self.undecided(at, Why::State, 0.5))
    }

    /// Whether the bits of a mark are these; `None` where nothing can tell.
    pub(super) fn mark_fits(&self, value: &Value, masked: Masked) -> Option<Asked<bool>> {
        match self.settled(value) {
            Value::Known(known) => Some(Ok(known as u32 & masked.mask == masked.value)),
            Value::Entering(field) => {
                let set = self.with_bits(field, masked)?;
                Some(self.in_set(&Value::Entering(field), &set, None))
            }
            Value::Mapped { field, mask, prefix } => {
                let (kept, put) = (mask as u32, prefix as u32);
                if (put ^ masked.value) & masked.mask & !kept != 0 {
                    return Some(Ok(false));
                }
                let left = Masked { value: masked.value & kept, mask: masked.mask & kept };
                self.mark_fits(&Value::Entering(field), left)
            }
            Value::Chosen { .. } => None,
        }
    }

    /// The values of which these bits are so, among those that a field may still have: where only low bits are open, the
    /// others make no ranges.
    fn with_bits(&self, field: Field, masked: Masked) -> Option<ValueSet> {
        let left = self.space.values(field).and_then(|values| values.ranges().last());
        let bits = left.map_or(32, |(_, last)| (128 - last.leading_zeros()).clamp(1, 32));
        let below = u32::MAX >> (32 - bits);
        if masked.value & !below != 0 {
            return Some(ValueSet::empty());
        }
        masked_set(u128::from(masked.value), u128::from(masked.mask & below), bits as u8)
    }

    /// A value, known where only one is left.
    pub(super) fn settled(&self, value: &Value) -> Value {
        self.space.settled(value)
    }

    /// An address, where only one is left.
    pub(super) fn address_of(&self, value: &Value) -> Option<IpAddr> {
        match self.settled(value) {
            Value::Known(known) => Some(super::query::address(self.query.family, known)),
            _ => None,
        }
    }

    /// A port, where only one is left.
    pub(super) fn port_of(&self, value: &Value) -> Option<u16> {
        match self.settled(value) {
            Value::Known(known) => u16::try_from(known).ok(),
            _ => None,
        }
    }

    /// `random`: the share of 2³¹; `nth`: how many came before.
    fn statistic(&self, statistic: &Statistic, at: At) -> Asked<bool> {
        let whole = f64::from(1u32 << 31);
        match statistic {
            Statistic::Random(probability) => match (probability.value, probability.not) {
                (0, not) => Ok(not),
                (share, not) if share >= 1 << 31 => Ok(!not),
                (share, not) => {
                    let likely = f64::from(share) / whole;
                    self.undecided(at, Why::Random, if not { 1.0 - likely } else { likely })
                }
            },
            Statistic::Nth(nth) => match nth.value.0 {
                0 | 1 => Ok(!nth.not),
                every => {
                    let likely = 1.0 / f64::from(every);
                    self.undecided(at, Why::State, if nth.not { 1.0 - likely } else { likely })
                }
            },
        }
    }

    fn iprange(&self, range: &Iprange, at: At) -> Asked<bool> {
        let side = |value: &Value, asked: Option<Neg<(IpAddr, IpAddr)>>| match asked {
            None => Ok(true),
            Some(ends) => negate(self.in_range(value, number(ends.value.0), number(ends.value.1), Some(at)), ends.not),
        };
        all([side(&self.packet.src, range.source), side(&self.packet.dst, range.destination)])
    }

    /// Whether the time to live is one of these now.
    pub(super) fn ttl_in(&self, set: &ValueSet) -> Asked<bool> {
        match self.packet.ttl {
            TimeToLive::Set(value) => Ok(set.contains(value.into())),
            TimeToLive::Changed { by, limits: (low, high) } => {
                // The entering ones that lead there; what would be beyond a limit is kept at it.
                let (by, low, high) = (i32::from(by), low as u128, high as u128);
                let entering = set.ranges().iter().filter_map(|(first, last)| {
                    if *last < low || *first > high {
                        return None;
                    }
                    let first = if *first <= low { 0 } else { *first as i32 - by };
                    let last = if *last >= high { 255 } else { *last as i32 - by };
                    (last >= 0 && first <= 255).then(|| (first.max(0) as u128, last.min(255) as u128))
                });
                self.space.ask(Field::Ttl, &ValueSet::from_ranges(entering))
            }
        }
    }

    /// `ttl_mt`, `hl_mt6`.
    fn ttl(&self, ttl: &TtlMatch) -> Asked<bool> {
        let value = u128::from(ttl.value);
        match ttl.op {
            TtlOp::Equal => self.ttl_in(&ValueSet::one(value)),
            TtlOp::NotEqual => negate(self.ttl_in(&ValueSet::one(value)), true),
            TtlOp::Less if value == 0 => Ok(false),
            TtlOp::Less => self.ttl_in(&ValueSet::range(0, value - 1)),
            TtlOp::Greater => self.ttl_in(&ValueSet::range(value + 1, 255)),
        }
    }
}

/// The answer turned around where there was a `!`.
pub(super) fn negate(answer: Asked<bool>, not: bool) -> Asked<bool> {
    answer.map(|holds| holds != not)
}

/// Whether all hold: one no decides, whatever else is open; then what packets decide is asked before what must be assumed.
pub(super) fn all(parts: impl IntoIterator<Item = Asked<bool>>) -> Asked<bool> {
    let mut first_open: Option<Open> = None;
    for part in parts {
        match part {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(open) => {
                if first_open.as_ref().is_none_or(|known| !known.is_decidable() && open.is_decidable()) {
                    first_open = Some(open);
                }
            }
        }
    }
    first_open.map_or(Ok(true), Err)
}

/// Whether one holds.
pub(super) fn any(parts: impl IntoIterator<Item = Asked<bool>>) -> Asked<bool> {
    all(parts.into_iter().map(|part| negate(part, true))).map(|none| !none)
}

/// The values of which the bits under `mask` are `value`, where they are few enough ranges to be told apart.
pub(super) fn masked_set(value: u128, mask: u128, bits: u8) -> Option<ValueSet> {
    let full = u128::MAX >> (128 - u32::from(bits));
    if value & !mask != 0 {
        return Some(ValueSet::empty());
    }
    let free = !mask & full;
    let low = (!free).trailing_zeros().min(u32::from(bits));
    let holes = free >> low.min(127);
    if holes.count_ones() > 10 {
        return None;
    }
    let span = if low >= 128 { u128::MAX } else { (1u128 << low) - 1 };
    let mut ranges = Vec::new();
    let high = free & !span;
    let mut bits_set = 0u128;
    loop {
        ranges.push((value | bits_set, value | bits_set | span));
        bits_set = bits_set.wrapping_sub(high) & high;
        if bits_set == 0 {
            return Some(ValueSet::from_ranges(ranges));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::masked_set;

    #[test]
    fn masks_select_the_values_whose_bits_agree() {
        for (value, mask) in [(0x4u128, 0x4u128), (0x10, 0x30), (0, 0xff), (0x80, 0xc1), (0x5, 0x1), (0, 0)] {
            let set = masked_set(value, mask, 8).expect("few ranges");
            for x in 0..256u128 {
                assert_eq!(set.contains(x), x & mask == value, "{x:#x} & {mask:#x} == {value:#x}");
            }
        }
    }
}
