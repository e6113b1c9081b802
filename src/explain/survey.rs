//! Every port of a namespace: its sockets, and its ghosts, with who answers each.
//!
//! Ghosts are found by walking all ports as one set: the walk splits it where rules ask for ports, and what comes out
//! diverted is a ghost, unless a socket listens there.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::finding::{Answer, AnswerVerdict, From, PortEntry, Survey, Target};
use super::{judge, places, plausible, queries, sockets, words};
use crate::host::{Body, Host, IpFamily, Namespace, Protocol, Scope, SetId, Socket, What, xt};
use crate::walk::query::{address, number};
use crate::walk::{Field, Outcome, Query, ValueSet, Walk, Walker};

/// Walks through one namespace, prepared once; those that were made already are kept: many sockets ask the same question
/// (the workers of a server share a port).
pub(super) struct Walks<'a> {
    walk: Box<dyn Fn(&Query) -> Walk + 'a>,
    made: HashMap<Asked, Walk>,
    /// The sets that a walk asked for and nobody has read.
    needs: RefCell<BTreeSet<SetId>>,
}

impl<'a> Walks<'a> {
    /// Walks through a namespace of a host.
    pub(super) fn through(host: &'a Host, namespace: usize) -> Walks<'a> {
        let walker = Walker::new(host, namespace);
        Walks::by(move |query| walker.walk(query))
    }

    /// Walks that somebody else makes.
    pub(super) fn by(walk: impl Fn(&Query) -> Walk + 'a) -> Walks<'a> {
        Walks { walk: Box::new(walk), made: HashMap::new(), needs: RefCell::default() }
    }
}

/// What tells one question from another.
type Asked = (Protocol, IpFamily, From, Option<IpAddr>, Option<u16>);

impl Walks<'_> {
    fn of(&mut self, asked: Asked, query: &Query) -> Walk {
        if let Some(walk) = self.made.get(&asked) {
            return walk.clone();
        }
        let walk = self.walk(query);
        self.made.insert(asked, walk.clone());
        walk
    }

    pub(super) fn walk(&self, query: &Query) -> Walk {
        let walk = (self.walk)(query);
        self.needs.borrow_mut().extend(&walk.needs);
        walk
    }

    fn needs(&self) -> Vec<SetId> {
        self.needs.borrow().iter().copied().collect()
    }
}

/// Every port, with its answers.
pub(super) fn survey(host: &Host, namespace: usize, walks: &mut Walks<'_>) -> Survey {
    let mut survey = ports(host, namespace, walks);
    for entry in &mut survey.ports {
        let target = entry.target();
        entry.answers = answers(host, namespace, &target, walks);
    }
    survey.needs = walks.needs();
    survey
}

/// Who answers, from each place a packet can come from.
pub(super) fn answers(host: &Host, namespace: usize, target: &Target, walks: &mut Walks<'_>) -> Vec<Answer> {
    asked(host, namespace, target, walks).into_iter().map(|(_, answer)| answer).collect()
}

/// The same with what was asked.
pub(super) fn asked(host: &Host, namespace: usize, target: &Target, walks: &mut Walks<'_>) -> Vec<(Query, Answer)> {
    let ns = &host.namespaces[namespace];
    let mut answers = Vec::new();
    for (from, family) in places::places(ns, target) {
        for query in queries::queries(ns, namespace, target, &from, family) {
            let asked = (target.protocol, family, from.clone(), query.known_address(Field::Dst), target.port);
            let walk = walks.of(asked, &query);
            answers.push((query, judge::judge(host, target, from.clone(), walk)));
        }
    }
    answers
}

/// Every port, without answers.
pub(super) fn ports(host: &Host, namespace: usize, walks: &Walks<'_>) -> Survey {
    let ns = &host.namespaces[namespace];
    let mut ports: Vec<PortEntry> =
        ns.sockets.iter().enumerate().filter_map(|(i, socket)| of_socket(i, socket)).collect();
    for protocol in protocols(ns) {
        ports.extend(ghosts(host, namespace, protocol, walks));
    }
    ports.sort_by_key(|entry| (entry.protocol, entry.port, entry.addr, entry.socket));
    let needs = walks.needs();
    let unread = ns.unread.iter().cloned().chain(ns.unread_elements(&needs)).collect();
    Survey { ports, unread, needs }
}

/// A port for a socket that packets of strangers can reach: a connected UDP socket hears one peer only.
fn of_socket(index: usize, socket: &Socket) -> Option<PortEntry> {
    (socket.peer.is_none() && socket.protocol.has_ports()).then(|| PortEntry {
        protocol: socket.protocol,
        addr: socket.addr,
        port: socket.port,
        last: socket.port,
        socket: Some(index),
        answers: Vec::new(),
    })
}

/// The protocols whose ports rules may answer: TCP and UDP, and those that a rule names.
fn protocols(ns: &Namespace) -> Vec<Protocol> {
    let mut protocols = BTreeSet::from([Protocol::TCP, Protocol::UDP]);
    for (id, chain) in ns.ruleset.chains() {
        for rule in &chain.rules {
            let asked = match &rule.body {
                Body::Iptables(_) => Vec::new(),
                Body::Nft(native) => words::native::asked(ns.ruleset.table(id), native),
            };
            let asked = asked.iter().flatten().filter_map(|thing| match thing {
                words::native::Thing::Match(matched) => Some(matched),
                words::native::Thing::PortsOf(..) => None,
            });
            protocols.extend(rule.body.matches().chain(asked).filter_map(|matched| match matched {
                xt::Match::Protocol(protocol) if protocol.value.has_ports() => Some(protocol.value),
                _ => None,
            }));
        }
    }
    protocols.into_iter().collect()
}

/// How many outcomes the walk of all ports follows.
const LIMIT: usize = 65_536;
/// With more addresses than this, a host is asked by the address of its outward devices only.
const ADDRESSES: usize = 64;

/// The ports that outcomes take, by the address that was asked (`None`: any address of this host).
type Taken = BTreeMap<(IpFamily, Option<IpAddr>), Vec<ValueSet>>;

/// The ports of a protocol that rules divert, and that no socket has.
fn ghosts(host: &Host, namespace: usize, protocol: Protocol, walks: &Walks<'_>) -> Vec<PortEntry> {
    let ns = &host.namespaces[namespace];
    let target = Target { protocol, addr: None, port: None, socket: None };
    let mut taken = Taken::new();
    for (from, family) in places::places(ns, &target) {
        if matches!(from, From::Bridge(_)) {
            continue;
        }
        for mut query in queries::queries(ns, namespace, &target, &from, family) {
            // Whoever gets it then: rules take the port away.
            query.stays = true;
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
            let found = walks.walk(&query);
            let mut free = Free { ns, query: &query, held: HashMap::new() };
            for index in plausible::outcomes(ns, &from, &found) {
                let outcome = &found.outcomes[index];
                if judge::outcome(host, None, None, &query, outcome).verdict == AnswerVerdict::Diverted {
                    free.of(outcome, &mut taken);
                }
            }
        }
    }
    entries(protocol, &taken)
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
    /// The ports that the outcome is about and no socket has, for each address that it is about.
    fn of(&mut self, outcome: &Outcome, taken: &mut Taken) {
        let family = self.query.family;
        let ports = allowed(outcome, self.query, Field::Dport);
        if self.query.dst_is_local {
            let free = self.without_sockets(None, &ports);
            taken.entry((family, None)).or_default().push(free);
            return;
        }
        let addresses = allowed(outcome, self.query, Field::Dst);
        let each = addresses.ranges().iter().flat_map(|(first, last)| *first..=*last).take(ADDRESSES);
        let each: Vec<(IpAddr, ValueSet)> = each
            .map(|value| {
                let addr = address(family, value);
                (addr, self.without_sockets(Some(addr), &ports))
            })
            .collect();
        let [(first, same), ..] = &each[..] else {
            return;
        };
        let everywhere = !first.is_loopback()
            && addresses == self.query.values(Field::Dst)
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

/// The values of a field that the outcome's packets may have, over all its alternatives.
fn allowed(outcome: &Outcome, query: &Query, field: Field) -> ValueSet {
    let full = query.values(field);
    if outcome.when.is_empty() {
        return full;
    }
    outcome.when.iter().fold(ValueSet::empty(), |all, conditions| {
        let asked = conditions.iter().filter(|condition| condition.field == field);
        all.or(&asked.fold(full.clone(), |left, condition| plausible::narrow(&left, condition)))
    })
}

/// One entry for each run of ports that the same outcomes take. A port that is taken whatever address is asked is not
/// told again for single addresses.
fn entries(protocol: Protocol, taken: &Taken) -> Vec<PortEntry> {
    let mut entries = Vec::new();
    for ((family, addr), sets) in taken {
        let everywhere = match addr {
            Some(_) => taken.get(&(*family, None)).map_or_else(ValueSet::empty, |sets| union(sets)),
            None => ValueSet::empty(),
        };
        for (first, last) in runs(sets) {
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

/// The runs of numbers that the same sets hold: every place where one of them begins or ends starts a new run.
fn runs(sets: &[ValueSet]) -> Vec<(u128, u128)> {
    let mut starts = BTreeSet::new();
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
    use crate::explain::fixture::{node, outcome, packet, translating};
    use crate::walk::{Condition, FateKind, Op, Values};

    fn set(ranges: &[(u128, u128)]) -> ValueSet {
        ValueSet::from_ranges(ranges.iter().copied())
    }

    #[test]
    fn a_run_ends_where_one_of_the_sets_does() {
        let sets = [set(&[(80, 80), (8000, 8005)]), set(&[(8003, 8010)]), set(&[(81, 81)])];
        assert_eq!(runs(&sets), [(80, 80), (81, 81), (8000, 8002), (8003, 8005), (8006, 8010)]);
        assert_eq!(runs(&[]), []);
        assert_eq!(runs(&[set(&[(1, 0xffff)])]), [(1, 0xffff)]);
    }

    #[test]
    fn a_port_taken_for_any_address_is_not_told_again_for_one() {
        let any = (IpFamily::V4, None);
        let one = (IpFamily::V4, Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        let taken = Taken::from([(any, vec![set(&[(443, 443)])]), (one, vec![set(&[(443, 444)])])]);
        let told: Vec<String> =
            entries(Protocol::TCP, &taken).iter().map(|e| format!("{}:{}-{}", e.addr, e.port, e.last)).collect();
        assert_eq!(told, ["0.0.0.0:443-443", "127.0.0.1:444-444"]);
    }

    #[test]
    fn ports_that_a_socket_has_are_no_ghosts() {
        let host = node();
        let ports =
            |first, last| Condition { field: Field::Dport, op: Op::In, values: vec![Values::Range(first, last)] };
        let mut query = packet(1);
        query.set(Field::Dport, ValueSet::range(1, 0xffff));
        let mut diverted = outcome(FateKind::Forwarded, "10.42.0.2", 80, vec![]);
        diverted.when = vec![vec![ports(20, 22)], vec![ports(79, 81)]];
        let mut taken = Taken::new();
        Free { ns: &host.namespaces[0], query: &query, held: HashMap::new() }.of(&diverted, &mut taken);
        assert_eq!(taken, Taken::from([((IpFamily::V4, None), vec![set(&[(20, 21), (79, 79), (81, 81)])])]));
    }

    #[test]
    fn connected_sockets_are_no_ports() {
        let mut host = node();
        host.namespaces[0].sockets[1].peer = Some((IpAddr::V4(Ipv4Addr::LOCALHOST), 9));
        let ports: Vec<u16> = ports(&host, 0, &Walks::through(&host, 0)).ports.iter().map(|entry| entry.port).collect();
        assert_eq!(ports, [80, 80]);
    }

    /// Every way leads port 443 to a container, and ports 8000 to 8005 of the bridge's address to another; port 22 is
    /// delivered. One outcome for each, as a walk splits them.
    fn diverting(query: &Query) -> Walk {
        let is = |field, values| Condition { field, op: Op::In, values: vec![values] };
        let mut service = outcome(FateKind::Forwarded, "10.42.0.2", 443, translating("10.42.0.2", 443));
        service.when = vec![vec![is(Field::Dport, Values::Range(443, 443))]];
        let mut range = outcome(FateKind::Forwarded, "10.42.0.3", 80, translating("10.42.0.3", 80));
        let bridge = Values::Net("10.42.0.1/32".parse().expect("a prefix"));
        range.when = vec![vec![is(Field::Dport, Values::Range(8000, 8005)), is(Field::Dst, bridge)]];
        let mut rest = outcome(FateKind::Delivered, "192.168.66.100", 22, vec![]);
        let others = [Values::Range(443, 443), Values::Range(8000, 8005)].to_vec();
        rest.when = vec![vec![Condition { field: Field::Dport, op: Op::NotIn, values: others }]];
        let all = match (query.protocol, query.family) {
            (Protocol::TCP, IpFamily::V4) => vec![service, range, rest],
            _ => vec![rest],
        };
        let asked = |outcome: &Outcome| {
            let (ports, addresses) = (allowed(outcome, query, Field::Dport), allowed(outcome, query, Field::Dst));
            !ports.is_empty() && !addresses.is_empty()
        };
        Walk {
            query: query.clone(),
            unread: vec![],
            outcomes: all.into_iter().filter(asked).collect(),
            unexplored: 0,
            needs: Vec::new(),
        }
    }

    #[test]
    fn ghosts_stand_among_sockets_with_the_address_that_is_diverted() {
        let host = node();
        let mut walks = Walks::by(diverting);
        let told: Vec<String> = survey(&host, 0, &mut walks)
            .ports
            .iter()
            .map(|entry| {
                format!("{} {}:{}-{} {}", entry.protocol, entry.addr, entry.port, entry.last, entry.is_ghost())
            })
            .collect();
        let expected = [
            "tcp 0.0.0.0:22-22 false",
            "tcp 0.0.0.0:80-80 false",
            "tcp :::80-80 false",
            "tcp 0.0.0.0:443-443 true",
            "tcp 10.42.0.1:8000-8005 true",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_ghost_is_asked_from_everywhere_in_its_family() {
        let host = node();
        let mut walks = Walks::by(diverting);
        let ports = survey(&host, 0, &mut walks).ports;
        let ghost = ports.iter().find(|entry| entry.port == 443).expect("the ghost");
        let verdicts: Vec<_> = ghost.answers.iter().map(|answer| (answer.family, answer.verdict)).collect();
        assert_eq!(verdicts, [(IpFamily::V4, AnswerVerdict::Diverted); 4]);
        assert_eq!(ghost.verdict(), AnswerVerdict::Diverted);
    }
}
