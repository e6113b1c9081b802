//! What a native rule asks, as far as a sentence tells it: protocol, destination ports, addresses, incoming device.
//!
//! It reads the plainest forms only: one load, compared with a constant or looked up in a set. Whatever else a rule asks is
//! *more*, and the sentence does not claim to know for which packets the rule holds.

use std::collections::HashMap;

use ipnet::IpNet;

use crate::host::nft::{self, CompareOp, Count, Expression, MetaKey, PayloadBase, Register, Rule};
use crate::host::xt::{
    AddressMask, AddressTypes, Addrtype, InterfacePattern, Match, Multiport, Neg, PortRange, WhichPort,
};
use crate::host::{Name, Protocol, Table};

/// A thing that a rule asks; `None`: something that a sentence does not tell.
pub(in crate::explain) type Asked = Option<Thing>;

/// A thing that a rule asks, as far as a sentence tells it.
#[derive(Debug, PartialEq)]
pub(in crate::explain) enum Thing {
    /// In the form that iptables would give it.
    Match(Match),
    /// A destination port in this set, of which it is known only how many elements it has.
    PortsOf(Name, Count),
}

/// What a register holds.
#[derive(Clone, Copy, PartialEq)]
enum Load {
    Family,
    Protocol,
    Dport,
    Source,
    Destination,
    Device,
    DestinationType,
    Other,
}

/// What the rule asks, in order.
pub(in crate::explain) fn asked(table: &Table, rule: &Rule) -> Vec<Asked> {
    let mut loads: HashMap<Register, Load> = HashMap::new();
    let mut asked = Vec::new();
    for expression in &rule.expressions {
        match expression {
            // Of protocols without ports, other things stand where the ports of others do.
            Expression::Payload { base: PayloadBase::Transport, to, .. } if is_without_ports(&asked) => {
                loads.insert(*to, Load::Other);
            }
            Expression::Payload { base, offset, to, .. } => _ = loads.insert(*to, payload(*base, *offset)),
            Expression::Meta { key, to } => _ = loads.insert(*to, meta(*key)),
            Expression::Fib { result: nft::FibResult::AddressType, flags: nft::fib::DADDR, to } => {
                loads.insert(*to, Load::DestinationType);
            }
            Expression::Compare { from, op, data } => {
                asked.extend(compared(loads.get(from).copied().unwrap_or(Load::Other), *op, data));
            }
            Expression::Lookup { set, from, not, .. } => {
                let load = loads.get(from).copied().unwrap_or(Load::Other);
                asked.extend(looked_up(table.set(set), load, *not));
            }
            Expression::Range { from, not: false, ends } if loads.get(from) == Some(&Load::Dport) => {
                asked.push(ports(&[(&ends.0, &ends.1)]));
            }
            Expression::Match(matched) => asked.push(Some(Thing::Match((**matched).clone()))),
            Expression::Range { .. } | Expression::Undecoded(_) => asked.push(None),
            // What changes a register makes of it something that is not told.
            Expression::Bitwise { to, .. } | Expression::Byteorder { to, .. } => _ = loads.insert(*to, Load::Other),
            Expression::Ct { to, .. } | Expression::Fib { to, .. } => _ = loads.insert(*to, Load::Other),
            _ => {}
        }
    }
    asked
}

/// Whether what was asked so far is a protocol that has no ports.
fn is_without_ports(asked: &[Asked]) -> bool {
    asked.iter().any(|asked| match asked {
        Some(Thing::Match(Match::Protocol(Neg { not: false, value }))) => !value.has_ports(),
        _ => false,
    })
}

fn payload(base: PayloadBase, offset: u16) -> Load {
    match (base, offset) {
        (PayloadBase::Transport, 2) => Load::Dport,
        (PayloadBase::Network, 12 | 8) => Load::Source,
        (PayloadBase::Network, 16 | 24) => Load::Destination,
        _ => Load::Other,
    }
}

fn meta(key: MetaKey) -> Load {
    match key {
        MetaKey::NFPROTO | MetaKey::PROTOCOL => Load::Family,
        MetaKey::L4PROTO => Load::Protocol,
        MetaKey::IIFNAME => Load::Device,
        _ => Load::Other,
    }
}

/// What a comparison asks; nothing where it goes without saying.
fn compared(load: Load, op: CompareOp, data: &[u8]) -> Option<Asked> {
    let not = match op {
        CompareOp::Equal => false,
        CompareOp::NotEqual => true,
        _ => return Some(None),
    };
    let matched = match (load, not) {
        (Load::Family, false) => return None,
        (Load::Protocol, not) => data.first().map(|number| Match::Protocol(Neg { not, value: Protocol(*number) })),
        (Load::Dport, false) => return Some(ports(&[(data, data)])),
        (Load::Source, not) => prefix(data).map(|value| Match::Source(Neg { not, value })),
        (Load::Destination, not) => prefix(data).map(|value| Match::Destination(Neg { not, value })),
        (Load::Device, not) => Some(Match::InInterface(Neg { not, value: InterfacePattern::of_bytes(data) })),
        (Load::DestinationType, false) if data == u32::from(2u8).to_ne_bytes() => {
            let destination = Some(Neg::is(AddressTypes::LOCAL));
            Some(Match::Addrtype(Addrtype { destination, ..Addrtype::default() }))
        }
        _ => None,
    };
    Some(matched.map(Thing::Match))
}

fn looked_up(set: Option<&nft::Set>, load: Load, not: bool) -> Option<Asked> {
    // The sentence is about one packet: of a map of verdicts it is one element's port, and the rule shows which.
    let Some(set) = set.filter(|set| !not && load == Load::Dport && set.data_type.is_none()) else { return Some(None) };
    Some(match (set.contents(), &set.counted) {
        (Some((elements, None)), _) => {
            let ranges: Vec<_> = elements.iter().map(|element| (&*element.first, &*element.last)).collect();
            ports(&ranges)
        }
        (None, Some(counted)) => Some(Thing::PortsOf(set.name.clone(), counted.count)),
        (Some((_, Some(_))), _) | (None, None) => None,
    })
}

fn ports(ranges: &[(&[u8], &[u8])]) -> Asked {
    let port = |bytes: &[u8]| bytes.try_into().ok().map(u16::from_be_bytes);
    let ranges = ranges.iter().map(|(first, last)| Some(PortRange { first: port(first)?, last: port(last)? }));
    let ports: Option<Box<[PortRange]>> = ranges.collect();
    let ports = Multiport { which: WhichPort::Destination, not: false, ports: ports? };
    Some(Thing::Match(Match::Multiport(Box::new(ports))))
}

/// The leading bytes of an address.
fn prefix(data: &[u8]) -> Option<AddressMask> {
    let size = if data.len() > 4 { 16 } else { 4 };
    let mut bytes = data.to_vec();
    bytes.resize(size, 0);
    let net = IpNet::new(nft::address(&bytes)?, data.len() as u8 * 8).ok()?;
    Some(AddressMask::Net(net))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Backend, Family};

    #[test]
    fn plain_forms_are_told_and_others_are_more() {
        let table = Table {
            family: Family::Inet,
            name: "t".into(),
            backend: Backend::Nft,
            chains: Vec::new(),
            sets: Vec::new(),
            particulars: Default::default(),
        };
        let reg = Register(0);
        let equal = |data: &[u8]| Expression::Compare { from: reg, op: CompareOp::Equal, data: data.into() };
        let load = |base, offset, length| Expression::Payload { base, offset, length, to: reg };
        let expressions = vec![
            Expression::Meta { key: MetaKey::NFPROTO, to: reg },
            equal(&[2]),
            Expression::Meta { key: MetaKey::L4PROTO, to: reg },
            equal(&[6]),
            load(PayloadBase::Transport, 2, 2),
            equal(&[0, 80]),
            load(PayloadBase::Network, 12, 1),
            equal(&[10]),
            Expression::Meta { key: MetaKey::MARK, to: reg },
            equal(&[1, 0, 0, 0]),
        ];
        let mut of_icmp = expressions[2..6].to_vec();
        of_icmp[1] = equal(&[1]);
        let rule = Rule { expressions: expressions.into(), comment: None };
        let net = AddressMask::Net("10.0.0.0/8".parse().expect("a prefix"));
        let port = Multiport { which: WhichPort::Destination, not: false, ports: [PortRange::one(80)].into() };
        let told = [
            Some(Thing::Match(Match::Protocol(Neg::is(Protocol::TCP)))),
            Some(Thing::Match(Match::Multiport(Box::new(port)))),
            Some(Thing::Match(Match::Source(Neg::is(net)))),
            None,
        ];
        assert_eq!(asked(&table, &rule), told);
        let rule = Rule { expressions: of_icmp.into(), comment: None };
        let told = [Some(Thing::Match(Match::Protocol(Neg::is(Protocol::ICMP)))), None];
        assert_eq!(asked(&table, &rule), told, "no port stands there");
    }
}
