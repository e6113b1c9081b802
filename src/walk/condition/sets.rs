//! Conditions on ipset's sets: `xt_set`, and the `kadt` functions of the types of sets, which take from the packet what
//! elements are compared with.

use super::*;
use crate::host::QuickMap;
use crate::host::ipset::{Key, SetType};
use crate::host::xt::SetTarget;
use crate::walk::ipset::{Dimension, Members, Row, takes, values};

/// What the packet has in a dimension.
enum Given {
    /// A number.
    Value(Value),
    /// Type and code of an ICMP packet, in the place of a port.
    Icmp,
    /// A device.
    Device(Device),
    /// Something that nothing here knows.
    Unknown,
}

/// Sets within sets, as deep as they are followed: ipset allows none in a list that is in a list.
const DEPTH: u8 = 4;
/// Which one of more elements than this a packet meets of which something is open is not asked.
const MANY: usize = 256;

impl Scene<'_> {
    /// `set_match_v4`.
    pub(in crate::walk) fn ipset(&self, set: &SetMatch, at: At) -> Asked<bool> {
        let Some(number) = self.plan.ipsets.number(&set.set.name) else {
            return negate(self.assumed_in(set, at, Why::Unread), set.not);
        };
        let asks_counters = (set.packets.is_some() || set.bytes.is_some())
            && self.plan.ipsets.set(number).is_some_and(|set| set.options.counters);
        let found = match self.in_ipset(number, set, at, DEPTH) {
            Ok(true) if asks_counters => self.assumed_in(set, at, Why::State),
            found => found,
        };
        negate(found, set.not)
    }

    /// The set, and the position in it of the element, that all packets which are meant meet, where that is known: of a list
    /// of sets it is a member.
    pub(in crate::walk) fn met_in_ipset(&self, set: &SetMatch, at: At) -> Option<(u32, u32)> {
        self.met_in(self.plan.ipsets.number(&set.set.name)?, set, at, DEPTH)
    }

    fn met_in(&self, number: u32, asked: &SetMatch, at: At, depth: u8) -> Option<(u32, u32)> {
        let set = self.plan.ipsets.set(number).filter(|set| takes(set, self.query.family))?;
        if set.kind == SetType::ListSet && depth > 0 {
            let mut members = set.elements.iter().map_while(|element| match &element.key {
                Key::Set(name) => self.plan.ipsets.number(name),
                _ => None,
            });
            let member = members.find(|member| self.in_ipset(*member, asked, at, depth - 1) != Ok(false))?;
            return self.met_in(member, asked, at, depth - 1);
        }
        let members = self.plan.ipsets.members(number).filter(|_| !self.packet.set_changed.contains(&number))?;
        let given = self.given(members, &asked.set.directions)?;
        // Interfaces have numbers of the set's own.
        if given.iter().any(|given| matches!(given, Given::Unknown | Given::Device(_))) {
            return None;
        }
        let (left, open) = self.left(members, &given);
        if !open.is_empty() && left.len() > MANY {
            return None;
        }
        for row in left {
            match all(open.iter().map(|one| self.part_fits(&[row], one, row.nomatch, at))) {
                Ok(true) => return Some((number, row.element)),
                Ok(false) => {}
                Err(_) => return None,
            }
        }
        None
    }

    /// What cannot be told of a set: the same question of it is assumed to get the same answer for the same addresses.
    fn assumed_in(&self, set: &SetMatch, at: At, why: Why) -> Asked<bool> {
        let (rule, index) = self.plan.first_asking(set).unwrap_or(at);
        let plain = self.plan.negates(rule, index);
        let open = Open::Assume {
            what: Assumed::Match { rule, index },
            why,
            likely: 0.5,
            only: None,
            while_tuple: Some(Box::new(self.packet.tuple())),
        };
        negate(self.assume(open), plain)
    }

    /// Whether the packet is in a set (`ip_set_test`).
    fn in_ipset(&self, number: u32, asked: &SetMatch, at: At, depth: u8) -> Asked<bool> {
        let Some(set) = self.plan.ipsets.set(number) else { return Ok(false) };
        if !takes(set, self.query.family) {
            return Ok(false);
        }
        let unknown = |why: Why| self.assumed_in(asked, at, why);
        if depth == 0 {
            return unknown(Why::State);
        }
        if set.kind == SetType::ListSet && set.untold.is_empty() {
            return any(set.elements.iter().map(|element| match &element.key {
                Key::Set(name) => match self.plan.ipsets.number(name) {
                    Some(member) => self.in_ipset(member, asked, at, depth - 1),
                    None => unknown(Why::Unread),
                },
                _ => unknown(Why::Undecoded),
            }));
        }
        let Some(members) = self.plan.ipsets.members(number) else { return unknown(Why::Undecoded) };
        // What a packet lacks it has in no set, whatever rules put there (`hash_netiface4_kadt`).
        let Some(given) = self.given(members, &asked.set.directions) else { return Ok(false) };
        if self.packet.set_changed.contains(&number) {
            return unknown(Why::State);
        }
        if given.iter().any(|given| matches!(given, Given::Unknown)) {
            return if members.rows.is_empty() { Ok(false) } else { unknown(Why::State) };
        }
        let nomatch = asked.return_nomatch && members.has_nets;
        if let ([given], Some(values)) = (&given[..], members.alone(nomatch)) {
            return self.given_in(given, values, at);
        }
        if let [Given::Value(address), Given::Device(device)] = &given[..] {
            return self.by_interface(members, address, *device, nomatch, at);
        }
        let (left, open) = self.left(members, &given);
        self.one_row(&left, &open, nomatch, at)
    }

    /// What the packet has in each dimension of a set; `None`: it lacks one, or is asked for fewer, and is in no such set.
    fn given(&self, members: &Members, from_source: &[bool]) -> Option<Vec<Given>> {
        if from_source.len() < members.dimensions.len() {
            return None;
        }
        let dimensions = members.dimensions.iter().zip(from_source);
        dimensions.map(|(dimension, from_source)| self.in_dimension(*dimension, *from_source)).collect()
    }

    fn in_dimension(&self, dimension: Dimension, from_source: bool) -> Option<Given> {
        let packet = self.packet;
        let pick = |source: &Value, destination: &Value| if from_source { source.clone() } else { destination.clone() };
        Some(match (dimension, self.query.protocol) {
            (Dimension::Address, _) => Given::Value(pick(&packet.src, &packet.dst)),
            // `ip_set_get_ip_port`: of no other protocol.
            (Dimension::Port, Protocol::TCP | Protocol::UDP) => Given::Value(pick(&packet.sport, &packet.dport)),
            (Dimension::Port, _) => return None,
            (Dimension::ProtocolPort, Protocol::TCP | Protocol::UDP | Protocol::SCTP | Protocol::UDPLITE) => {
                Given::Value(pick(&packet.sport, &packet.dport))
            }
            (Dimension::ProtocolPort, Protocol::ICMP | Protocol::ICMPV6) => Given::Icmp,
            (Dimension::ProtocolPort, _) => Given::Value(Value::Known(0)),
            // A packet made here has no link-layer header, or one of zeros after lo.
            (Dimension::Mac, _) if from_source => Given::Value(self.sender()?.clone()),
            (Dimension::Mac, _) => Given::Unknown,
            (Dimension::Mark, _) => Given::Value(packet.mark.clone()),
            (Dimension::Interface, _) => match if from_source { packet.iif } else { packet.oif } {
                Device::Absent => return None,
                device => Given::Device(device),
            },
        })
    }

    /// Whether what the packet has is one of these numbers.
    fn given_in(&self, given: &Given, values: &ValueSet, at: At) -> Asked<bool> {
        match given {
            Given::Value(value) => self.in_set(value, values, Some(at)),
            Given::Icmp => any(values.ranges().iter().flat_map(|&(first, last)| {
                (first >> 8..=last >> 8).map(move |kind| {
                    let codes = if kind == first >> 8 { first & 0xff } else { 0 };
                    let end = if kind == last >> 8 { last & 0xff } else { 0xff };
                    all([self.entering(Field::IcmpType, kind, kind), self.entering(Field::IcmpCode, codes, end)])
                })
            })),
            Given::Device(_) | Given::Unknown => self.undecided(at, Why::State, 0.5),
        }
    }

    /// What the packet has, where that is one number.
    fn number(&self, given: &Given) -> Option<u128> {
        match given {
            Given::Value(value) => match self.settled(value) {
                Value::Known(known) => Some(known),
                _ => None,
            },
            Given::Icmp => Some(self.space.known(Field::IcmpType)? << 8 | self.space.known(Field::IcmpCode)?),
            Given::Device(_) | Given::Unknown => None,
        }
    }

    /// The rows that what is known of the packet leaves, and the dimensions that are open.
    fn left<'m, 'g>(&self, members: &'m Members, given: &'g [Given]) -> (Vec<&'m Row>, Vec<OpenPart<'g>>) {
        let protocol = u128::from(self.query.protocol.0) << 16;
        let (mut known, mut open) = (Vec::new(), Vec::new());
        for (dimension, given) in given.iter().enumerate() {
            let above = if members.dimensions[dimension] == Dimension::ProtocolPort { protocol } else { 0 };
            match self.number(given) {
                Some(number) => known.push((dimension, (above | number, above | number))),
                None => open.push(OpenPart { dimension, given, above }),
            }
            if above != 0 && self.number(given).is_none() {
                known.push((dimension, (above, above | 0xffff)));
            }
        }
        let meets = |row: &&Row| {
            known.iter().all(|(dimension, (first, last))| {
                let range = row.ranges[*dimension];
                range.0 <= *last && *first <= range.1
            })
        };
        (members.rows.iter().filter(meets).collect(), open)
    }

    /// Whether the first of these rows that the packet fits is `nomatch` or not, as asked; in the other dimensions it
    /// fits all of them.
    fn one_row(&self, rows: &[&Row], open: &[OpenPart<'_>], nomatch: bool, at: At) -> Asked<bool> {
        let wanted = |row: &&Row| row.nomatch == nomatch;
        match open {
            [] => Ok(rows.first().is_some_and(wanted)),
            [one] => self.part_fits(rows, one, nomatch, at),
            // One row after the other, where some are exceptions of others.
            _ if rows.iter().any(|row| row.nomatch != nomatch) => {
                for row in rows {
                    if all(open.iter().map(|one| self.part_fits(&[row], one, row.nomatch, at)))? {
                        return Ok(row.nomatch == nomatch);
                    }
                }
                Ok(false)
            }
            _ => self.any_row(rows, open, at),
        }
    }

    /// Whether one part of the packet fits that part of the rows that are `nomatch` or not, as far as they are the first.
    fn part_fits(&self, rows: &[&Row], part: &OpenPart<'_>, nomatch: bool, at: At) -> Asked<bool> {
        let values = values(rows, part.dimension, nomatch);
        let below = values.ranges().iter().map(|(first, last)| (first - part.above, last - part.above));
        self.given_in(part.given, &ValueSet::from_ranges(below), at)
    }

    /// Whether the packet fits any of these rows. It does not where one dimension fits none; where each fits some, and
    /// more than one tells the rows apart, fewer rows are looked at.
    fn any_row(&self, rows: &[&Row], open: &[OpenPart<'_>], at: At) -> Asked<bool> {
        let Some(first) = rows.first() else { return Ok(false) };
        if !all(open.iter().map(|one| self.part_fits(rows, one, first.nomatch, at)))? {
            return Ok(false);
        }
        let mut telling = open.iter().map(|one| one.dimension);
        let mut tells = || telling.find(|at| rows.iter().any(|row| row.ranges[*at] != first.ranges[*at]));
        match (tells(), tells()) {
            (Some(dimension), Some(_)) => {
                let mut sorted = rows.to_vec();
                sorted.sort_by_key(|row| row.ranges[dimension]);
                let middle = sorted[sorted.len() / 2].ranges[dimension];
                // Rows with the same range stay together: neither half is empty.
                let cut = match sorted.partition_point(|row| row.ranges[dimension] < middle) {
                    0 => sorted.partition_point(|row| row.ranges[dimension] <= middle),
                    cut => cut,
                };
                let (less, more) = sorted.split_at(cut);
                any([less, more].map(|half| self.any_row(half, open, at)))
            }
            _ => Ok(true),
        }
    }

    /// `hash:net,iface`: the most specific prefix decides, whatever interface its elements have (`multi` in
    /// `mtype_test_cidrs`).
    fn by_interface(&self, members: &Members, address: &Value, device: Device, nomatch: bool, at: At) -> Asked<bool> {
        let nets = ValueSet::from_ranges(members.rows.iter().map(|row| row.ranges[0]));
        if self.in_set(address, &nets, Some(at)) == Ok(false) {
            return Ok(false);
        }
        let mut fits = Vec::with_capacity(members.interfaces.len());
        for interface in &members.interfaces {
            // A rule asks for devices, never for ports of a bridge (`hash_netiface4_kadt`).
            let pattern = InterfacePattern { name: interface.name.clone(), prefix: interface.wildcard };
            fits.push(!interface.physdev && self.device(device, &pattern)?);
        }
        // By prefix: whether an element of that prefix fits.
        let mut by_prefix: QuickMap<(u128, u128), bool> = QuickMap::default();
        for row in &members.rows {
            let holds = fits[row.ranges[1].0 as usize] && row.nomatch == nomatch;
            *by_prefix.entry(row.ranges[0]).or_default() |= holds;
        }
        let of_prefix =
            |(range, holds): (_, bool)| Row { ranges: [range, (0, 0), (0, 0)], nomatch: !holds, element: 0 };
        let mut decides: Vec<Row> = by_prefix.into_iter().map(of_prefix).collect();
        decides.sort_by_key(|row| (row.ranges[0].1 - row.ranges[0].0, row.nomatch));
        let decides: Vec<&Row> = decides.iter().collect();
        self.in_set(address, &values(&decides, 0, false), Some(at))
    }

    /// The mark that `-j SET --map-set` gives the packet: its bits, and which they replace. `Ok(None)`: it gives none.
    /// `Ok(Some(None))`: nobody can tell.
    pub(in crate::walk) fn mapped_mark(&self, target: &SetTarget, at: At) -> Asked<Option<Option<(u32, u32)>>> {
        let Some(map) = target.map.as_ref().filter(|_| target.map_mark) else { return Ok(None) };
        let number = self.plan.ipsets.number(&map.name).filter(|number| !self.packet.set_changed.contains(number));
        let Some((number, members)) = number.and_then(|number| Some((number, self.plan.ipsets.members(number)?)))
        else {
            return Ok(Some(None));
        };
        let set = self.plan.ipsets.set(number).filter(|set| takes(set, self.query.family));
        let (Some(set), Some(given)) = (set, self.given(members, &map.directions)) else { return Ok(None) };
        if given.iter().any(|given| matches!(given, Given::Unknown | Given::Device(_))) {
            return Ok(Some(None));
        }
        let (left, open) = self.left(members, &given);
        for row in left {
            if self.one_row(&[row], &open, row.nomatch, at)? {
                let extras = set.elements.get(row.element as usize).and_then(|element| element.extras.as_ref());
                return Ok(extras.filter(|_| !row.nomatch).and_then(|extras| extras.mark).map(Some));
            }
        }
        Ok(None)
    }
}

/// What is open of a packet in a dimension of a set.
struct OpenPart<'g> {
    dimension: usize,
    given: &'g Given,
    /// What stands above the bits of its number: a protocol, above a port.
    above: u128,
}
