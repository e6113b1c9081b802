//! Long chains by what their rules ask for: which rule is the next one that may hold.
//!
//! kube-proxy's chains have a rule for each service, Docker's one for each port: a packet fits few of thousands. A rule
//! that asks for one destination, one port or one source holds for no other, whatever else it asks, so that a packet whose
//! value is known passes by it unseen. Of a native rule that counts only for what stands before anything that takes effect.

mod native;

pub(in crate::walk) use native::sources_of;

use ipnet::IpNet;

use crate::host::xt::{AddressMask, Match, Neg, PortRange, WhichPort};
use crate::host::{Body, Chain, Family, Protocol};
use crate::walk::packet::{Packet, Value};
use crate::walk::query::number;
use crate::walk::space::Space;

/// Chains of fewer rules are walked rule by rule.
const LONG: usize = 32;
/// A rule that asks for more ports than this is looked at by every packet.
const PORTS: u32 = 64;

/// What rules are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Destination,
    /// The destination port of TCP.
    TcpPort,
    /// That of UDP, and of UDP-Lite, which `-m udp` takes for it.
    UdpPort,
    /// That of several protocols, or another one's.
    Port,
    Source,
}

const KEYS: [Key; 5] = [Key::Destination, Key::TcpPort, Key::UdpPort, Key::Port, Key::Source];

impl Key {
    /// The port of a protocol.
    fn port_of(protocol: Protocol) -> Key {
        match protocol {
            Protocol::TCP => Key::TcpPort,
            Protocol::UDP => Key::UdpPort,
            _ => Key::Port,
        }
    }

    /// Whether packets of a protocol have it.
    fn is_of(self, protocol: Protocol) -> bool {
        match self {
            Key::TcpPort => protocol == Protocol::TCP,
            Key::UdpPort => matches!(protocol, Protocol::UDP | Protocol::UDPLITE),
            Key::Destination | Key::Port | Key::Source => true,
        }
    }

    /// The value that decides, where the packet has only one.
    fn of(self, packet: &Packet, space: &Space) -> Option<u128> {
        let value = match self {
            Key::Destination => &packet.dst,
            Key::TcpPort | Key::UdpPort | Key::Port => &packet.dport,
            Key::Source => &packet.src,
        };
        match value {
            Value::Known(known) => Some(*known),
            Value::Entering(field) => space.known(*field),
            Value::Mapped { .. } | Value::Chosen { .. } => None,
        }
    }
}

/// The rules that ask for one value of a key, or one of a few.
#[derive(Default)]
struct Asking {
    by_value: Vec<(u128, u32)>,
    in_order: Vec<u32>,
}

/// The rules of a long chain.
pub(in crate::walk) struct Keyed {
    by: [Asking; KEYS.len()],
    /// The others, in order.
    others: Vec<u32>,
}

impl Keyed {
    /// Looks into a chain of a table of this family, where it is long and a good part of its rules ask for one value.
    pub(super) fn of(chain: &Chain, family: Family) -> Option<Keyed> {
        if chain.rules.len() < LONG {
            return None;
        }
        let mut keyed = Keyed { by: Default::default(), others: Vec::new() };
        for (index, rule) in (0..).zip(&chain.rules) {
            let asked = match &rule.body {
                Body::Iptables(rule) => asked(&rule.matches),
                Body::Nft(rule) => native::asked(rule, family),
            };
            let Some((key, values)) = asked else {
                keyed.others.push(index);
                continue;
            };
            let asking = &mut keyed.by[key as usize];
            asking.by_value.extend(values.into_iter().map(|value| (value, index)));
            asking.in_order.push(index);
        }
        keyed.by.iter_mut().for_each(|asking| asking.by_value.sort_unstable());
        (keyed.others.len() < chain.rules.len() / 2).then_some(keyed)
    }

    /// The first rule from `index` on that may hold for a packet of a protocol; `u32::MAX`: none.
    pub(in crate::walk) fn next(&self, index: u32, protocol: Protocol, packet: &Packet, space: &Space) -> u32 {
        let first = |rules: &[u32]| rules.get(rules.partition_point(|rule| *rule < index)).copied();
        let is_meant = |(key, asking): &(&Key, &Asking)| !asking.in_order.is_empty() && key.is_of(protocol);
        let fitting = KEYS.iter().zip(&self.by).filter(is_meant);
        let next = fitting.filter_map(|(key, Asking { by_value, in_order })| match key.of(packet, space) {
            Some(value) => {
                let at = by_value.partition_point(|entry| *entry < (value, index));
                by_value.get(at).filter(|(asked, _)| *asked == value).map(|(_, rule)| *rule)
            }
            None => first(in_order),
        });
        next.chain(first(&self.others)).min().unwrap_or(u32::MAX)
    }
}

/// The values that a packet must have one of for all of these to hold, and of what.
fn asked(matches: &[Match]) -> Option<(Key, Vec<u128>)> {
    let of = |key| matches.iter().find_map(|matched| values(key, matched)).map(|values| (key, values));
    KEYS.into_iter().find_map(of)
}

/// The values that a match asks for, where they are few.
fn values(key: Key, matched: &Match) -> Option<Vec<u128>> {
    match (key, matched) {
        (Key::Destination, Match::Destination(net)) | (Key::Source, Match::Source(net)) => one_address(net),
        (Key::TcpPort, Match::Tcp(tcp)) => one_range(tcp.dport?),
        (Key::UdpPort, Match::Udp(udp)) => one_range(udp.dport?),
        (Key::Port, Match::Multiport(ports)) if !ports.not && ports.which == WhichPort::Destination => {
            few(&ports.ports)
        }
        _ => None,
    }
}

fn one_address(asked: &Neg<AddressMask>) -> Option<Vec<u128>> {
    let AddressMask::Net(net) = &asked.value else { return None };
    (!asked.not && is_one(net)).then(|| vec![number(net.addr())])
}

fn is_one(net: &IpNet) -> bool {
    net.prefix_len() == net.max_prefix_len()
}

fn one_range(asked: Neg<PortRange>) -> Option<Vec<u128>> {
    if asked.not { None } else { few(&[asked.value]) }
}

/// The ports of ranges; one that runs backwards has none.
fn few(ranges: &[PortRange]) -> Option<Vec<u128>> {
    let width = |range: &PortRange| u32::from(range.last).saturating_sub(range.first.into());
    let many: u32 = ranges.iter().map(|range| width(range) + 1).sum();
    (many <= PORTS).then(|| ranges.iter().flat_map(|range| (range.first..=range.last).map(u128::from)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Backend, IpFamily};
    use crate::syntax::iptables::{Options, parse};
    use crate::walk::{Origin, Query, ValueSet};

    /// The rules that a packet to port 80 of 10.0.0.7 looks at in a chain; `changed`: what else is known of it.
    fn looked_at(rules: &[&str], changed: impl Fn(&mut Packet)) -> Vec<u32> {
        let rules: String = rules.iter().map(|rule| format!("-A INPUT {rule}\n")).collect();
        let text = format!("*filter\n:INPUT ACCEPT\n{rules}COMMIT\n");
        let dump = parse(&text, &Options { family: Some(IpFamily::V4), backend: Backend::IptablesNft });
        assert!(dump.diagnostics.is_empty(), "{:?}", dump.diagnostics);
        let chain = &dump.ruleset.tables[0].chains[0];
        let keyed = Keyed::of(chain, crate::host::Family::Ip).expect("a long chain");
        let query = Query::new(0, Origin::Somewhere, IpFamily::V4, crate::host::Protocol::TCP);
        let space = Space::of(&query, ValueSet::empty());
        let mut packet = Packet::entering();
        (packet.dst, packet.dport) = (Value::Known(0x0a00_0007), Value::Known(80));
        changed(&mut packet);
        let next =
            |index: u32| Some(keyed.next(index, Protocol::TCP, &packet, &space)).filter(|next| *next != u32::MAX);
        std::iter::successors(next(0), |rule| next(rule + 1)).collect()
    }

    /// So many rules that hold for nothing that is asked here, before others.
    fn long(rules: &[&'static str]) -> Vec<&'static str> {
        let mut all = vec!["-d 192.0.2.1/32 -j DROP"; LONG];
        all.extend(rules);
        all
    }

    #[test]
    fn a_packet_passes_by_what_asks_for_others() {
        let rules = long(&[
            "-d 10.0.0.7/32 -j DROP",
            "-p tcp -m tcp --dport 81 -j DROP",
            "-p tcp -m tcp --dport 80 -j DROP",
            "-p tcp -m multiport --dports 22,79:81 -j DROP",
            "-p tcp -m multiport ! --dports 80 -j DROP",
            "! -d 10.0.0.7/32 -j DROP",
            "-d 10.0.0.0/24 -j DROP",
            "-p tcp -m tcp --dport 1:60000 -j DROP",
            "-d 10.0.0.7/32 -p tcp -m tcp --dport 81 -j DROP",
        ]);
        let behind = |at: &[u32]| at.iter().map(|at| LONG as u32 + at).collect::<Vec<_>>();
        // Of a rule that asks for an address and a port, the address alone tells.
        assert_eq!(looked_at(&rules, |_| {}), behind(&[0, 2, 3, 4, 5, 6, 7, 8]));
        let elsewhere = |packet: &mut Packet| packet.dst = Value::Known(0x0a00_0008);
        assert_eq!(looked_at(&rules, elsewhere), behind(&[2, 3, 4, 5, 6, 7]));
    }

    #[test]
    fn a_packet_whose_value_is_open_looks_at_all_that_ask_for_it() {
        let rules = long(&["-s 10.0.0.1/32 -j DROP", "-p tcp -m tcp --dport 81 -j DROP"]);
        let source = LONG as u32;
        assert_eq!(looked_at(&rules, |_| {}), [source]);
        let udp = long(&["-p udp -m udp --dport 80 -j DROP", "-p udp -m multiport --dports 80,81 -j DROP"]);
        assert_eq!(looked_at(&udp, |packet| packet.dport = Value::Entering(crate::walk::Field::Dport)), [source + 1]);
        let open = |packet: &mut Packet| packet.dst = Value::Entering(crate::walk::Field::Dst);
        assert_eq!(looked_at(&rules, open), (0..=source).collect::<Vec<_>>());
    }
}
