//! Every port of a namespace: its sockets, and its ghosts, with who answers each.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::rc::Rc;

use super::finding::{Answer, From, PortEntry, Said, Survey, Target};
use super::ghosts::{self, Ghosts};
use super::{judge, open, outside, places, queries, words};
use crate::host::{Body, Host, IpFamily, Namespace, Protocol, SetId, Socket, xt};
use crate::walk::{Endings, Field, Query, Walk, Walker, of_namespaces};

/// Walks through one namespace, prepared once; those that were made already are kept: many sockets ask the same question
/// (the workers of a server share a port).
pub(super) struct Walks<'a> {
    walk: Box<dyn Fn(&Query) -> Walk + 'a>,
    endings: Box<dyn Fn(&Query) -> Endings + 'a>,
    made: HashMap<Asked, Walk>,
    /// The sets that a walk asked for and nobody has read.
    needs: RefCell<BTreeSet<(usize, SetId)>>,
}

impl<'a> Walks<'a> {
    /// Walks through a namespace of a host.
    pub(super) fn through(host: &'a Host, namespace: usize) -> Walks<'a> {
        let walker = Rc::new(Walker::new(host, namespace));
        let same = Rc::clone(&walker);
        let endings = move |query: &Query| same.endings(query, &ghosts::is_led);
        Walks::by(move |query| walker.walk(query), endings)
    }

    /// Walks that somebody else makes.
    pub(super) fn by(walk: impl Fn(&Query) -> Walk + 'a, endings: impl Fn(&Query) -> Endings + 'a) -> Walks<'a> {
        Walks { walk: Box::new(walk), endings: Box::new(endings), made: HashMap::new(), needs: RefCell::default() }
    }
}

/// What tells one question from another.
type Asked = (Protocol, IpFamily, From, Option<IpAddr>, Option<u16>);

impl Walks<'_> {
    /// Forgets the walks that were made.
    pub(super) fn forget(&mut self) {
        self.made.clear();
    }

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

    /// What becomes of the packets of a query, found until a port is known to be diverted.
    pub(super) fn endings(&self, query: &Query) -> Endings {
        let endings = (self.endings)(query);
        self.needs.borrow_mut().extend(&endings.needs);
        endings
    }

    fn needs(&self) -> Vec<(usize, SetId)> {
        self.needs.borrow().iter().copied().collect()
    }
}

/// Every port, with its answers, and what is to be said of them. Their walks are kept without outcomes, which tens of thousands
/// of ports would fill memory with.
pub(super) fn survey(host: &Host, namespace: usize, texts: words::Texts, walks: &mut Walks<'_>) -> Survey {
    let (mut ports, _) = candidates(host, namespace, walks);
    let mut last = None;
    for entry in &mut ports {
        // Sockets that share a port stand together, and nobody else asks what they do.
        if last.replace((entry.protocol, entry.port)) != Some((entry.protocol, entry.port)) {
            walks.made.clear();
        }
        let target = entry.target();
        entry.answers = answers(host, namespace, &target, walks);
        for answer in &mut entry.answers {
            answer.told = Some(said(host, namespace, answer, texts));
            (answer.walk.outcomes, answer.walk.shares) = (Vec::new(), Vec::new());
        }
    }
    ports.retain(|entry| !entry.is_ghost() || entry.answers.iter().any(|answer| answer.verdict.is_answer()));
    let let_through = open::let_through(host, namespace, &protocols(&host.namespaces[namespace]), walks);
    Survey { let_through, ..told(host, namespace, ports, walks) }
}

/// What is said of an answer.
pub(super) fn said(host: &Host, namespace: usize, answer: &Answer, texts: words::Texts) -> Said {
    let who = words::answerer(host, namespace, answer, texts);
    Said { who, because: words::because(host, namespace, answer, texts) }
}

/// Who answers, from each place a packet can come from.
pub(super) fn answers(host: &Host, namespace: usize, target: &Target, walks: &mut Walks<'_>) -> Vec<Answer> {
    asked(host, namespace, target, walks).into_iter().map(|(_, answer)| answer).collect()
}

/// The same with what was asked.
pub(super) fn asked(host: &Host, namespace: usize, target: &Target, walks: &mut Walks<'_>) -> Vec<(Query, Answer)> {
    let ns = &host.namespaces[namespace];
    let mut answers = Vec::new();
    for (from, family) in places::places(host, namespace, target) {
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
    let (mut ports, ghosts) = candidates(host, namespace, walks);
    let leads = |entry: &PortEntry| ghosts.iter().any(|ghosts| ghosts.leads(entry));
    ports.retain(|entry| !entry.is_ghost() || leads(entry) || is_answered(host, namespace, &entry.target(), walks));
    told(host, namespace, ports, walks)
}

/// The sockets' ports alone, in their order: no packet is followed for them.
pub(super) fn bound(ns: &Namespace) -> Vec<PortEntry> {
    let sockets = ns.sockets.iter().enumerate();
    let mut ports: Vec<PortEntry> = sockets.filter_map(|(i, socket)| of_socket(i, socket)).collect();
    ports.sort_by_key(in_order);
    ports
}

/// By what ports are sorted.
fn in_order(entry: &PortEntry) -> (Protocol, u16, IpAddr, Option<usize>) {
    (entry.protocol, entry.port, entry.addr, entry.socket)
}

/// Whether packets to a port can get an answer from one place at least.
fn is_answered(host: &Host, namespace: usize, target: &Target, walks: &Walks<'_>) -> bool {
    let ns = &host.namespaces[namespace];
    places::places(host, namespace, target).into_iter().any(|(from, family)| {
        let asked = queries::queries(ns, namespace, target, &from, family);
        asked.iter().any(|query| judge::judge(host, target, from.clone(), walks.walk(query)).verdict.is_answer())
    })
}

/// The sockets' ports, and those that rules divert, in their order: not all of these lead to somebody who answers.
fn candidates(host: &Host, namespace: usize, walks: &Walks<'_>) -> (Vec<PortEntry>, Vec<Ghosts>) {
    let ns = &host.namespaces[namespace];
    let mut ports = bound(ns);
    let protocols = protocols(ns).into_iter();
    let ghosts: Vec<Ghosts> = protocols.map(|protocol| Ghosts::find(host, namespace, protocol, walks)).collect();
    ports.extend(ghosts.iter().flat_map(|ghosts| ghosts.entries(ns)));
    ports.sort_by_key(in_order);
    (ports, ghosts)
}

/// The ports with what is to be said of them all.
fn told(host: &Host, namespace: usize, ports: Vec<PortEntry>, walks: &Walks<'_>) -> Survey {
    let ns = &host.namespaces[namespace];
    let needs = walks.needs();
    let elements = of_namespaces(&needs).into_iter();
    let elements = elements.filter_map(|(other, sets)| host.namespaces[other].unread_elements(&sets));
    let unread = ns.unread.iter().cloned().chain(elements.take(1)).collect();
    Survey { ports, let_through: Vec::new(), unread, left_out: outside::left_out(host, namespace), needs }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    use crate::explain::finding::AnswerVerdict;
    use crate::explain::fixture::{node, outcome, translating};
    use crate::walk::query::number;
    use crate::walk::{Ending, FateKind, ValueSet};

    #[test]
    fn connected_sockets_are_no_ports() {
        let mut host = node();
        host.namespaces[0].sockets[1].peer = Some((IpAddr::V4(Ipv4Addr::LOCALHOST), 9));
        let ports: Vec<u16> = ports(&host, 0, &Walks::through(&host, 0)).ports.iter().map(|entry| entry.port).collect();
        assert_eq!(ports, [80, 80]);
    }

    /// Ports 8000 to 8005 of the bridge's address lead to a container.
    const BRIDGE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 42, 0, 1));

    /// Every way leads port 443 to a container, and those ports to another; port 22 is delivered.
    fn diverting(query: &Query) -> Walk {
        let port = query.known(Field::Dport);
        let one = match port {
            Some(443) => outcome(FateKind::Forwarded, "10.42.0.2", 443, translating("10.42.0.2", 443)),
            Some(8000..=8005) => outcome(FateKind::Forwarded, "10.42.0.3", 80, translating("10.42.0.3", 80)),
            _ => outcome(FateKind::Delivered, "192.168.66.100", 22, vec![]),
        };
        Walk {
            query: query.clone(),
            unread: vec![],
            outcomes: vec![one],
            unexplored: 0,
            shares: Vec::new(),
            needs: Vec::new(),
        }
    }

    /// The same for all ports.
    fn ends(query: &Query) -> Endings {
        let to = |dst: ValueSet, (first, last)| Ending {
            dst,
            dport: ValueSet::range(first, last),
            kind: FateKind::Forwarded,
            heard: false,
            diverted: true,
            left: false,
            untold: false,
        };
        let dst = query.values(Field::Dst);
        let bridge = dst.and(&ValueSet::one(number(BRIDGE)));
        let mut all = Vec::new();
        if (query.protocol, query.family) == (Protocol::TCP, IpFamily::V4) {
            all.push(to(dst, (443, 443)));
            all.extend((!bridge.is_empty()).then(|| to(bridge, (8000, 8005))));
        }
        Endings { all, ..Endings::default() }
    }

    #[test]
    fn ghosts_stand_among_sockets_with_the_address_that_is_diverted() {
        let host = node();
        let mut walks = Walks::by(diverting, ends);
        let told: Vec<String> = survey(&host, 0, |_, _, _| String::new(), &mut walks)
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
        let mut walks = Walks::by(diverting, ends);
        let ports = survey(&host, 0, |_, _, _| String::new(), &mut walks).ports;
        let ghost = ports.iter().find(|entry| entry.port == 443).expect("the ghost");
        let verdicts: Vec<_> = ghost.answers.iter().map(|answer| (answer.family, answer.verdict)).collect();
        assert_eq!(verdicts, [(IpFamily::V4, AnswerVerdict::Diverted); 4]);
        assert_eq!(ghost.verdict(), AnswerVerdict::Diverted);
    }
}
