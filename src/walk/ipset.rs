//! ipset's sets, put in order for lookups: when one of them is first asked, and once.
//!
//! An element is a row of ranges, one for each dimension, in the order in which the kernel finds them: the most specific
//! prefix first (`mtype_test_cidrs` in ip_set_hash_gen.h). It knows numbers only: what a packet has in a dimension is the
//! business of whoever asks.

use std::sync::OnceLock;

use super::condition::masked_set;
use super::query::number;
use super::set::ValueSet;
use crate::host::ipset::{Element, Interface, IpSet, Key, Part, ProtoPort, SetType};
use crate::host::{IpFamily, Name, Namespace, Protocol, QuickMap, What};

/// What a dimension of a set's elements is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dimension {
    /// An address.
    Address,
    /// A protocol, in the upper bits, and a port.
    ProtocolPort,
    /// A port of TCP or UDP.
    Port,
    /// A link-layer address.
    Mac,
    /// The packet's mark.
    Mark,
    /// A device: the number of the interface among those of the set.
    Interface,
}

/// The dimensions of a type, in order; `None`: it is a list of sets, or is not known.
fn dimensions(kind: &SetType) -> Option<&'static [Dimension]> {
    use Dimension::{Address, Interface, Mac, Mark, Port, ProtocolPort};
    Some(match kind {
        SetType::BitmapIp | SetType::HashIp | SetType::HashNet => &[Address],
        SetType::BitmapIpMac | SetType::HashIpMac => &[Address, Mac],
        SetType::BitmapPort => &[Port],
        SetType::HashMac => &[Mac],
        SetType::HashNetNet => &[Address, Address],
        SetType::HashIpPort | SetType::HashNetPort => &[Address, ProtocolPort],
        SetType::HashIpPortIp | SetType::HashIpPortNet | SetType::HashNetPortNet => &[Address, ProtocolPort, Address],
        SetType::HashIpMark => &[Address, Mark],
        SetType::HashNetIface => &[Address, Interface],
        SetType::ListSet | SetType::Other(_) => return None,
    })
}

/// Whether elements of a type are prefixes, of which the most specific decides.
fn has_nets(kind: &SetType) -> bool {
    use SetType::{HashIpPortNet, HashNet, HashNetIface, HashNetNet, HashNetPort, HashNetPortNet};
    matches!(kind, HashNet | HashNetNet | HashNetPort | HashIpPortNet | HashNetPortNet | HashNetIface)
}

/// The sets of a namespace.
pub(super) struct IpSets<'a> {
    sets: &'a [IpSet],
    by_name: QuickMap<&'a Name, u32>,
    made: Box<[OnceLock<Members>]>,
}

impl<'a> IpSets<'a> {
    /// Those of a namespace; nothing is done yet. Of one whose sets were not read there are none.
    pub(super) fn of(namespace: &'a Namespace) -> IpSets<'a> {
        let sets: &[IpSet] = if namespace.is_read(What::IpSets) { &namespace.ipsets } else { &[] };
        let by_name = sets.iter().enumerate().map(|(at, set)| (&set.name, at as u32)).collect();
        IpSets { sets, by_name, made: sets.iter().map(|_| OnceLock::new()).collect() }
    }

    /// The number of the set with this name.
    pub(super) fn number(&self, name: &Name) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    /// The set with this number.
    pub(super) fn set(&self, number: u32) -> Option<&'a IpSet> {
        self.sets.get(number as usize)
    }

    /// The sets that may hold something else once a rule put the packet into the set of this name, or took it out: the set, or of a list
    /// of sets its members, of which the first that takes the packet gets it (`list_set_kadd`, `list_set_kdel`).
    pub(super) fn changed_with(&self, name: &Name) -> Vec<u32> {
        let Some(number) = self.number(name) else { return Vec::new() };
        let Some(list) = self.set(number).filter(|set| set.kind == SetType::ListSet) else { return vec![number] };
        let member = |element: &Element| match &element.key {
            Key::Set(name) => self.number(name),
            _ => None,
        };
        list.elements.iter().filter_map(member).collect()
    }

    /// What was asked so far of sets of one dimension: their names, and the numbers that are in them.
    pub(super) fn asked(&self) -> impl Iterator<Item = (&'a Name, &ValueSet)> {
        self.sets.iter().zip(&self.made).filter_map(|(set, made)| Some((&set.name, made.get()?.alone[0].get()?)))
    }

    /// What the set with this number holds; `None`: nobody can tell, or it is a list of sets.
    pub(super) fn members(&self, number: u32) -> Option<&Members> {
        let set = self.set(number)?;
        let members = self.made.get(number as usize)?.get_or_init(|| Members::of(set));
        members.is_told.then_some(members)
    }
}

/// A range of numbers in each dimension. An element is one, or several that are alike in all but that.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// First and last, of as many dimensions as there are.
    pub(super) ranges: [(u128, u128); 3],
    /// What it stands for is not in the set.
    pub(super) nomatch: bool,
    /// The position of its element.
    pub(super) element: u32,
}

/// What a set holds.
pub(super) struct Members {
    /// Its dimensions.
    pub(super) dimensions: &'static [Dimension],
    /// Its elements, those that are found first before the others.
    pub(super) rows: Vec<Row>,
    /// The interfaces of its elements.
    pub(super) interfaces: Vec<Interface>,
    /// Whether its elements are prefixes.
    pub(super) has_nets: bool,
    alone: [OnceLock<ValueSet>; 2],
    is_told: bool,
}

impl Members {
    fn of(set: &IpSet) -> Members {
        let dimensions = dimensions(&set.kind);
        let mut members = Members {
            dimensions: dimensions.unwrap_or_default(),
            rows: Vec::with_capacity(set.elements.len()),
            interfaces: Vec::new(),
            has_nets: has_nets(&set.kind),
            alone: Default::default(),
            is_told: dimensions.is_some() && set.untold.is_empty(),
        };
        let mut known = QuickMap::default();
        for (at, element) in set.elements.iter().enumerate() {
            let added = members.add(set, element, at as u32, &mut known);
            members.is_told &= added.is_some();
        }
        members.rows.sort_by_key(|row| {
            let size = |at: usize| row.ranges[at].1 - row.ranges[at].0;
            (members.has_nets.then(|| (size(0), size(2))), row.nomatch)
        });
        members
    }

    /// Adds what an element stands for. `None`: nobody can tell.
    fn add(&mut self, set: &IpSet, element: &Element, at: u32, known: &mut QuickMap<Interface, u32>) -> Option<()> {
        let parts = parts(&element.key)?;
        let mut ranges: Vec<Vec<(u128, u128)>> = Vec::with_capacity(3);
        for (part, dimension) in parts.iter().zip(self.dimensions) {
            ranges.push(match (part, dimension) {
                (Part::Interface(interface), Dimension::Interface) => {
                    let next = self.interfaces.len() as u32;
                    let number = *known.entry(interface.clone()).or_insert(next);
                    if number == next {
                        self.interfaces.push(interface.clone());
                    }
                    vec![(number.into(), number.into())]
                }
                (part, dimension) => self.numbers(set, part, *dimension)?,
            });
        }
        // An address of which the kernel has yet to learn the sender's: any is taken (`bitmap_ipmac_do_test`).
        if set.kind == SetType::BitmapIpMac && ranges.len() == 1 {
            ranges.push(vec![(1, (1 << 48) - 1)]);
        }
        if ranges.len() != self.dimensions.len() {
            return None;
        }
        ranges.resize(3, vec![(0, 0)]);
        let nomatch = element.extras.as_ref().is_some_and(|extras| extras.nomatch);
        for a in &ranges[0] {
            for b in &ranges[1] {
                self.rows.extend(ranges[2].iter().map(|c| Row { ranges: [*a, *b, *c], nomatch, element: at }));
            }
        }
        Some(())
    }

    /// The numbers of one part of an element, as ranges; of prefixes each by itself.
    fn numbers(&self, set: &IpSet, part: &Part, dimension: Dimension) -> Option<Vec<(u128, u128)>> {
        let one = |value: u128| vec![(value, value)];
        Some(match (part, dimension) {
            (Part::Net(net), Dimension::Address) => {
                let (first, last) = (number(net.network()), number(net.broadcast()));
                return self.addresses(set, (first, last), IpFamily::of(net.addr()));
            }
            (Part::Addresses(first, last), Dimension::Address) => {
                return self.addresses(set, (number(*first), number(*last)), IpFamily::of(*first));
            }
            (Part::Ports(protocol, first, last), Dimension::ProtocolPort) => {
                let above = u128::from(protocol.unwrap_or(Protocol::TCP).0) << 16;
                vec![(above | u128::from(*first), above | u128::from(*last))]
            }
            (Part::Ports(_, first, last), Dimension::Port) => vec![((*first).into(), (*last).into())],
            (Part::Mac(mac), Dimension::Mac) => one(mac.number()),
            (Part::Mark(mark), Dimension::Mark) => {
                let mask = set.options.markmask.unwrap_or(u32::MAX);
                masked_set((*mark).into(), mask.into(), 32)?.ranges().to_vec()
            }
            _ => return None,
        })
    }

    /// Addresses, as far as the set looks at their bits.
    fn addresses(&self, set: &IpSet, (first, last): (u128, u128), family: IpFamily) -> Option<Vec<(u128, u128)>> {
        let bits = family.bits();
        let options = &set.options;
        let mask = match (options.netmask, options.bitmask) {
            (None, None) if self.has_nets => return Some(prefixes(first, last, bits)),
            (None, None) => return Some(vec![(first, last)]),
            // Of both the packet's address and the prefix some bits are left out: which is the most specific then?
            _ if self.has_nets => return None,
            (Some(length), _) => netmask(length, bits),
            (None, Some(mask)) => number(mask),
        };
        if first != last {
            let full = u128::MAX >> (128 - u32::from(bits));
            return (options.bitmask.is_none()).then(|| vec![(first & mask, last | (full & !mask))]);
        }
        Some(masked_set(first & mask, mask, bits)?.ranges().to_vec())
    }

    /// Of a set of one dimension, the numbers whose first row is in the set, or, if `nomatch`, is one that is not.
    pub(super) fn alone(&self, nomatch: bool) -> Option<&ValueSet> {
        let [Dimension::Address | Dimension::Port | Dimension::Mac] = self.dimensions else { return None };
        let all = || self.rows.iter().collect::<Vec<_>>();
        Some(self.alone[usize::from(nomatch)].get_or_init(|| values(&all(), 0, nomatch)))
    }
}

/// The numbers in one dimension for which the first of the rows is `nomatch` or not. The rows fit in the others.
pub(super) fn values(rows: &[&Row], dimension: usize, nomatch: bool) -> ValueSet {
    // From the least specific on: what is found later is found by the kernel before.
    let alike = rows.chunk_by(|a, b| a.nomatch == b.nomatch).rev();
    alike.fold(ValueSet::empty(), |set, rows| {
        let these = ValueSet::from_ranges(rows.iter().map(|row| row.ranges[dimension]));
        if rows.first().is_some_and(|row| row.nomatch == nomatch) { set.or(&these) } else { set.minus(&these) }
    })
}

/// The leading bits of an address.
fn netmask(length: u8, bits: u8) -> u128 {
    let full = u128::MAX >> (128 - u32::from(bits));
    full & !full.checked_shr(u32::from(length)).unwrap_or(0)
}

/// The prefixes that make up a range.
fn prefixes(first: u128, last: u128, bits: u8) -> Vec<(u128, u128)> {
    let mut found = Vec::new();
    let mut from = first;
    loop {
        let room = (last - from).checked_add(1).map_or(128, |size| size.ilog2());
        let free = from.trailing_zeros().min(u32::from(bits)).min(room);
        let end = from | 1u128.checked_shl(free).map_or(u128::MAX, |size| size - 1);
        found.push((from, end));
        if end >= last {
            return found;
        }
        from = end + 1;
    }
}

/// The parts of a key, in the order of the dimensions. `None`: it is not understood.
fn parts(key: &Key) -> Option<Vec<Part>> {
    let port = |ProtoPort { protocol, port }: ProtoPort| Part::Ports(Some(protocol), port, port);
    Some(match key {
        Key::Net(net) => vec![Part::Net(*net)],
        Key::NetMac(both) => vec![Part::Net(both.0), Part::Mac(both.1)],
        Key::Port(port) => vec![Part::Ports(None, *port, *port)],
        Key::Mac(mac) => vec![Part::Mac(*mac)],
        Key::NetPort(net, at) => vec![Part::Net(*net), port(*at)],
        Key::NetNet(both) => vec![Part::Net(both.0), Part::Net(both.1)],
        Key::NetPortNet(all) => vec![Part::Net(all.0), port(all.1), Part::Net(all.2)],
        Key::NetMark(net, mark) => vec![Part::Net(*net), Part::Mark(*mark)],
        Key::NetIface(both) => vec![Part::Net(both.0), Part::Interface(both.1.clone())],
        Key::Ranges(parts) => parts.to_vec(),
        Key::Set(_) | Key::Other(_) => return None,
    })
}

/// Whether packets of a family can be in a set: others are never (`ip_set_test`).
pub(super) fn takes(set: &IpSet, family: IpFamily) -> bool {
    match &set.kind {
        SetType::BitmapIp | SetType::BitmapIpMac => family == IpFamily::V4,
        SetType::BitmapPort | SetType::HashMac | SetType::ListSet => true,
        _ => set.options.family.unwrap_or(IpFamily::V4) == family,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_made_of_prefixes() {
        assert_eq!(
            prefixes(0x0a00_0001, 0x0a00_0004, 32),
            [(0x0a00_0001, 0x0a00_0001), (0x0a00_0002, 0x0a00_0003), (0x0a00_0004, 0x0a00_0004)]
        );
        assert_eq!(prefixes(0, 0xffff_ffff, 32), [(0, 0xffff_ffff)]);
        assert_eq!(prefixes(0, u128::MAX, 128), [(0, u128::MAX)]);
        let net = |text: &str| number(text.parse::<std::net::IpAddr>().expect("an address"));
        assert_eq!(netmask(24, 32), net("255.255.255.0"));
        assert_eq!((netmask(0, 32), netmask(32, 32)), (0, 0xffff_ffff));
    }
}
