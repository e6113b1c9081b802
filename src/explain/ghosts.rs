//! Ports that are answered although nothing listens.
//!
//! They are found by walking all ports as one set: the walk splits it where rules ask for ports, and what comes out
//! diverted is a ghost, unless a socket listens there. Knows nothing of who answers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::finding::{From, PortEntry, Target};
use super::survey::Walks;
use super::{places, plausible, queries, sockets};
use crate::host::{Host, IpFamily, Namespace, Protocol, Scope, Socket, What, xt};
use crate::walk::query::{address, number};
use crate::walk::{Ending, FateKind, Field, Query, ValueSet};

/// How many classes that are not diverted the walk of all ports follows.
const LIMIT: usize = 65_536;
/// With more addresses than this, a host is asked by the address of its outward devices only.
const ADDRESSES: usize = 64;

/// The ports that outcomes take, by the address that was asked (`None`: any address of this host).
type Taken = BTreeMap<(IpFamily, Option<IpAddr>), Vec<ValueSet>>;

/// The ports of a protocol that rules divert.
pub(super) struct Ghosts {
    protocol: Protocol,
    /// Those whose packets are not known to be dropped before anybody gets them.
    led: Taken,
    /// The same, of all outcomes together.
    all_led: BTreeMap<(IpFamily, Option<IpAddr>), ValueSet>,
    /// Those whose packets went on into another namespace, whatever became of them there, or to a rule of which nobody knows what
    /// it does.
    left: Taken,
}

impl Ghosts {
    /// All of them at once, followed into other namespaces.
    pub(super) fn find(host: &Host, namespace: usize, protocol: Protocol, walks: &Walks<'_>) -> Ghosts {
        let ns = &host.namespaces[namespace];
        let target = Target { protocol, addr: None, port: None, socket: None };
        let mut found = Ghosts { protocol, led: Taken::new(), all_led: BTreeMap::new(), left: Taken::new() };
        for (from, family) in places::places(host, namespace, &target) {
            for query in queries::queries(ns, namespace, &target, &from, family) {
                // A port that some are refused is a port that others are answered at.
                let query = Query { overlooks: true, ..to_all_ports(ns, &from, query) };
                let mut free = Free { ns, query: &query, held: HashMap::new() };
                let endings = walks.endings(&query);
                for ending in endings.all.iter().filter(|ending| ending.diverted || ending.untold) {
                    if is_led(ending) {
                        free.of(ending, &mut found.led);
                    } else if ending.left || ending.untold {
                        free.of(ending, &mut found.left);
                    }
                }
                // Too many ways in other namespaces leave no room for others: where packets stay here, there are fewer.
                if endings.unexplored > 0 && host.namespaces.len() > 1 {
                    let query = Query { stays: true, ..query.clone() };
                    for ending in walks.endings(&query).all.iter().filter(|ending| is_led(ending)) {
                        free.of(ending, &mut found.left);
                    }
                }
            }
        }
        found.all_led = found.led.iter().map(|(asked, sets)| (*asked, union(sets))).collect();
        found
    }

    /// Those that no socket has: many at once, where the same becomes of them.
    pub(super) fn entries(&self, ns: &Namespace) -> Vec<PortEntry> {
        let mut taken = self.led.clone();
        for (asked, sets) in &self.left {
            taken.entry(*asked).or_default().extend(sets.iter().cloned());
        }
        entries(self.protocol, &taken, &bound(ns, self.protocol))
    }

    /// Whether a ghost's packets get to somebody. Of the others it is not known: each is to be asked alone.
    pub(super) fn leads(&self, ghost: &PortEntry) -> bool {
        let family = IpFamily::of(ghost.addr);
        let addr = Some(ghost.addr).filter(|addr| !addr.is_unspecified());
        let mut sets = [None, addr].into_iter().filter_map(|addr| self.all_led.get(&(family, addr)));
        ghost.protocol == self.protocol && sets.any(|set| set.contains(ghost.port.into()))
    }
}

/// A query, for packets to all ports and to every address of this host that they may be meant for.
pub(super) fn to_all_ports(ns: &Namespace, from: &From, mut query: Query) -> Query {
    let family = query.family;
    query.limit = LIMIT;
    query.set(Field::Dport, ValueSet::range(1, 0xffff));
    let own = own_addresses(ns, family);
    if query.dst_is_local {
        let named = named_addresses(ns, family);
        if named.size() > ADDRESSES as f64 {
            query.set(Field::Dst, query.values(Field::Dst).minus(&named));
        }
    }
    if query.known_address(Field::Dst).is_some_and(|dst| own.contains(&dst)) {
        query.set(Field::Dst, ValueSet::from_ranges(own.iter().map(|addr| (number(*addr), number(*addr)))));
    }
    if let Some(sources) = plausible::sources(ns, from, &query) {
        query.set(Field::Src, sources);
    }
    query
}

/// Whether rules take packets away from who would get them by the port that they ask for, and give them to somebody. Who is asked in
/// another namespace need not listen: it is not this host that answers then.
pub(super) fn is_led(ending: &Ending) -> bool {
    ending.diverted
        && match ending.kind {
            FateKind::Forwarded | FateKind::Sent => true,
            FateKind::Delivered => ending.heard || ending.left,
            FateKind::Queued | FateKind::Diverted | FateKind::Unknown => ending.left,
            FateKind::Dropped | FateKind::Rejected | FateKind::Unroutable | FateKind::Martian => false,
        }
}

/// The single addresses that rules ask for as a destination: where a dump does not tell this host's own, a few of them may
/// be; thousands are the services of a cluster.
fn named_addresses(ns: &Namespace, family: IpFamily) -> ValueSet {
    let rules = ns.ruleset.tables.iter().filter(|table| table.family.sees(family));
    let rules = rules.flat_map(|table| &table.chains).flat_map(|chain| &chain.rules);
    let named = rules.flat_map(|rule| {
        rule.body.matches().filter_map(|matched| match matched {
            xt::Match::Destination(asked) => match &asked.value {
                xt::AddressMask::Net(net) if net.prefix_len() == net.max_prefix_len() => Some(number(net.addr())),
                xt::AddressMask::Net(_) | xt::AddressMask::Bits(_) => None,
            },
            _ => None,
        })
    });
    ValueSet::from_ranges(named.map(|value| (value, value)))
}

/// The addresses by which others may ask this host.
fn own_addresses(ns: &Namespace, family: IpFamily) -> Vec<IpAddr> {
    let own = ns.addresses.iter().filter(|address| address.family() == family);
    let asked =
        own.filter(|address| matches!(address.scope, Scope::Global | Scope::Site)).map(|address| address.addr());
    let all: Vec<IpAddr> = asked.collect();
    if all.len() > ADDRESSES { Vec::new() } else { all }
}

/// The ports that no socket has.
struct Free<'a> {
    ns: &'a Namespace,
    query: &'a Query,
    held: HashMap<Option<IpAddr>, ValueSet>,
}

impl Free<'_> {
    /// The ports that an ending is about and no socket has, for each address that it is about.
    fn of(&mut self, ending: &Ending, taken: &mut Taken) {
        let family = self.query.family;
        let Ending { dst: addresses, dport: ports, .. } = ending;
        if self.query.dst_is_local {
            let free = self.without_sockets(None, ports);
            taken.entry((family, None)).or_default().push(free);
            return;
        }
        let each = addresses.ranges().iter().flat_map(|(first, last)| *first..=*last).take(ADDRESSES);
        let each: Vec<(IpAddr, ValueSet)> = each
            .map(|value| {
                let addr = address(family, value);
                (addr, self.without_sockets(Some(addr), ports))
            })
            .collect();
        let [(first, same), ..] = &each[..] else {
            return;
        };
        let everywhere = !first.is_loopback()
            && *addresses == self.query.values(Field::Dst)
            && each.iter().all(|(_, free)| free == same);
        if everywhere {
            taken.entry((family, None)).or_default().push(same.clone());
        } else {
            for (addr, free) in each {
                taken.entry((family, Some(addr))).or_default().push(free);
            }
        }
    }

    fn without_sockets(&mut self, dst: Option<IpAddr>, ports: &ValueSet) -> ValueSet {
        if !self.ns.is_read(What::Sockets) {
            return ports.clone();
        }
        let (protocol, family) = (self.query.protocol, self.query.family);
        let held = self.held.entry(dst).or_insert_with(|| {
            let hears = |socket: &&Socket| {
                socket.protocol == protocol
                    && socket.peer.is_none()
                    && sockets::hears(socket, family)
                    && (socket.addr.is_unspecified() || dst.is_none_or(|dst| dst == socket.addr))
            };
            let ports = self.ns.sockets.iter().filter(hears).map(|socket| u128::from(socket.port));
            ValueSet::from_ranges(ports.map(|port| (port, port)))
        });
        ports.minus(held)
    }
}

/// The ports of sockets that hear some of this host's addresses only: from those it is answered in another way.
fn bound(ns: &Namespace, protocol: Protocol) -> BTreeSet<u128> {
    let bound = ns.sockets.iter().filter(|socket| socket.protocol == protocol && !socket.addr.is_unspecified());
    bound.map(|socket| u128::from(socket.port)).collect()
}

/// One entry for each run of ports that the same outcomes take, apart from those that a socket is bound to. A port that is taken whatever address is asked is not
/// told again for single addresses.
fn entries(protocol: Protocol, taken: &Taken, bound: &BTreeSet<u128>) -> Vec<PortEntry> {
    let mut entries = Vec::new();
    for ((family, addr), sets) in taken {
        let everywhere = match addr {
            Some(_) => taken.get(&(*family, None)).map_or_else(ValueSet::empty, |sets| union(sets)),
            None => ValueSet::empty(),
        };
        for (first, last) in runs(sets, bound) {
            for &(first, last) in ValueSet::range(first, last).minus(&everywhere).ranges() {
                entries.push(PortEntry {
                    protocol,
                    addr: addr.unwrap_or(match family {
                        IpFamily::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                        IpFamily::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
                    }),
                    port: first as u16,
                    last: last as u16,
                    socket: None,
                    answers: Vec::new(),
                });
            }
        }
    }
    entries
}

fn union(sets: &[ValueSet]) -> ValueSet {
    ValueSet::from_ranges(sets.iter().flat_map(|set| set.ranges().iter().copied()))
}

/// The runs of numbers that the same sets hold: every place where one of them begins or ends starts a new run, and each of
/// those that stand `alone` is one.
fn runs(sets: &[ValueSet], alone: &BTreeSet<u128>) -> Vec<(u128, u128)> {
    let mut starts: BTreeSet<u128> = alone.iter().flat_map(|number| [*number, *number + 1]).collect();
    for (first, last) in sets.iter().flat_map(|set| set.ranges()) {
        starts.insert(*first);
        starts.insert(*last + 1);
    }
    let all = union(sets);
    let starts: Vec<u128> = starts.into_iter().collect();
    let pairs = starts.iter().zip(starts.iter().skip(1));
    pairs.filter(|(first, _)| all.contains(**first)).map(|(first, next)| (*first, next - 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::fixture::{node, packet};

    fn set(ranges: &[(u128, u128)]) -> ValueSet {
        ValueSet::from_ranges(ranges.iter().copied())
    }

    #[test]
    fn a_run_ends_where_one_of_the_sets_does() {
        let sets = [set(&[(80, 80), (8000, 8005)]), set(&[(8003, 8010)]), set(&[(81, 81)])];
        let runs = |sets: &[ValueSet], alone: &[u128]| runs(sets, &alone.iter().copied().collect());
        assert_eq!(runs(&sets, &[]), [(80, 80), (81, 81), (8000, 8002), (8003, 8005), (8006, 8010)]);
        assert_eq!(runs(&[], &[7]), []);
        assert_eq!(runs(&[set(&[(1, 0xffff)])], &[]), [(1, 0xffff)]);
        assert_eq!(runs(&[set(&[(8000, 8100)])], &[22, 8080]), [(8000, 8079), (8080, 8080), (8081, 8100)]);
    }

    #[test]
    fn a_port_taken_for_any_address_is_not_told_again_for_one() {
        let any = (IpFamily::V4, None);
        let one = (IpFamily::V4, Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        let taken = Taken::from([(any, vec![set(&[(443, 443)])]), (one, vec![set(&[(443, 444)])])]);
        let told: Vec<String> = entries(Protocol::TCP, &taken, &BTreeSet::new())
            .iter()
            .map(|e| format!("{}:{}-{}", e.addr, e.port, e.last))
            .collect();
        assert_eq!(told, ["0.0.0.0:443-443", "127.0.0.1:444-444"]);
    }

    #[test]
    fn ports_that_a_socket_has_are_no_ghosts() {
        let host = node();
        let mut query = packet(1);
        query.set(Field::Dport, ValueSet::range(1, 0xffff));
        let diverted = Ending {
            dst: query.values(Field::Dst),
            dport: set(&[(20, 22), (79, 81)]),
            kind: FateKind::Forwarded,
            heard: false,
            diverted: true,
            left: false,
            untold: false,
        };
        let mut taken = Taken::new();
        Free { ns: &host.namespaces[0], query: &query, held: HashMap::new() }.of(&diverted, &mut taken);
        assert_eq!(taken, Taken::from([((IpFamily::V4, None), vec![set(&[(20, 21), (79, 79), (81, 81)])])]));
    }
}
