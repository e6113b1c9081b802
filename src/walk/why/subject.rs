//! Which things of a packet a match asks.
//!
//! Of a match that asks several things, those that did not hold; where none failed, all of them.

use super::super::condition::Scene;
use super::super::field::Field;
use super::super::ipset::Dimension;
use super::fact::{End, Part, Subject, Way};
use crate::host::RuleId;
use crate::host::xt::{Addrtype, Conntrack, Iprange, Match, Owner, Rare, SetMatch, TcpMatch, UdpMatch, WhichPort};
use crate::host::{IpFamily, Protocol};

pub(super) const SRC: Subject = Subject::Header(End::Source, Part::Address);
pub(super) const DST: Subject = Subject::Header(End::Destination, Part::Address);
pub(super) const SPORT: Subject = Subject::Header(End::Source, Part::Port);
pub(super) const DPORT: Subject = Subject::Header(End::Destination, Part::Port);

/// A part of a match, as a match of its own, and what it asks.
type Piece = (Match, Subject);

/// What a match asks of the packet of a scene.
pub(super) fn of_match(scene: &Scene<'_>, matched: &Match, at: (RuleId, u16)) -> Vec<Subject> {
    let protocol = scene.query.protocol;
    match matched {
        Match::Source(_) => vec![SRC],
        Match::Destination(_) => vec![DST],
        Match::InInterface(_) => vec![Subject::Iif],
        Match::OutInterface(_) => vec![Subject::Oif],
        Match::Protocol(_) => vec![Subject::Protocol],
        Match::Tcp(_) if protocol != Protocol::TCP => vec![Subject::Protocol],
        Match::Udp(_) if !matches!(protocol, Protocol::UDP | Protocol::UDPLITE) => vec![Subject::Protocol],
        Match::Multiport(_) if !protocol.has_ports() => vec![Subject::Protocol],
        Match::Icmp(_) => match (scene.query.family, protocol) {
            (IpFamily::V4, Protocol::ICMP) | (IpFamily::V6, Protocol::ICMPV6) => {
                vec![Subject::Entering(Field::IcmpType), Subject::Entering(Field::IcmpCode)]
            }
            _ => vec![Subject::Protocol],
        },
        Match::Tcp(tcp) => failing(scene, at, of_tcp(tcp)),
        Match::Udp(udp) => failing(scene, at, of_udp(udp)),
        Match::Multiport(ports) => match ports.which {
            WhichPort::Source => vec![SPORT],
            WhichPort::Destination => vec![DPORT],
            WhichPort::Either => vec![SPORT, DPORT],
        },
        Match::State(_) => vec![Subject::CtState],
        Match::Conntrack(conntrack) => of_conntrack(scene, at, conntrack),
        Match::Addrtype(types) => failing(scene, at, of_addrtype(types)),
        Match::Mark(_) => vec![Subject::Mark],
        Match::Connmark(_) => vec![Subject::FlowMark],
        Match::Set(set) => of_set(scene, set),
        Match::Owner(owner) => failing(scene, at, of_owner(owner)),
        Match::Mac(_) => vec![Subject::SrcMac],
        Match::Pkttype(_) => vec![Subject::Pkttype],
        Match::Iprange(range) => failing(scene, at, of_iprange(range)),
        Match::Length(_) => vec![Subject::Entering(Field::Length)],
        Match::Ttl(_) => vec![Subject::Ttl],
        Match::Rare(rare) => of_rare(rare),
        Match::Fragment(_)
        | Match::Comment(_)
        | Match::Limit(_)
        | Match::Statistic(_)
        | Match::Recent(_)
        | Match::Physdev(_)
        | Match::Opaque(_) => Vec::new(),
    }
}

fn failing(scene: &Scene<'_>, at: (RuleId, u16), pieces: Vec<Option<Piece>>) -> Vec<Subject> {
    let pieces: Vec<Piece> = pieces.into_iter().flatten().collect();
    let fails = |(matched, _): &&Piece| scene.holds(matched, at) == Ok(false);
    let failed: Vec<Subject> = pieces.iter().filter(fails).map(|(_, subject)| *subject).collect();
    if failed.is_empty() { pieces.into_iter().map(|(_, subject)| subject).collect() } else { failed }
}

fn of_tcp(tcp: &TcpMatch) -> Vec<Option<Piece>> {
    let part = |part: TcpMatch, subject| Some((Match::Tcp(part), subject));
    vec![
        tcp.sport.and_then(|_| part(TcpMatch { sport: tcp.sport, ..TcpMatch::default() }, SPORT)),
        tcp.dport.and_then(|_| part(TcpMatch { dport: tcp.dport, ..TcpMatch::default() }, DPORT)),
        tcp.flags.and_then(|_| {
            part(TcpMatch { flags: tcp.flags, ..TcpMatch::default() }, Subject::Entering(Field::TcpFlags))
        }),
    ]
}

fn of_udp(udp: &UdpMatch) -> Vec<Option<Piece>> {
    let part = |part: UdpMatch, subject| Some((Match::Udp(part), subject));
    vec![
        udp.sport.and_then(|_| part(UdpMatch { sport: udp.sport, ..UdpMatch::default() }, SPORT)),
        udp.dport.and_then(|_| part(UdpMatch { dport: udp.dport, ..UdpMatch::default() }, DPORT)),
    ]
}

fn of_addrtype(types: &Addrtype) -> Vec<Option<Piece>> {
    let part = |part: Addrtype, subject| (Match::Addrtype(part), subject);
    vec![
        types.source.map(|_| part(Addrtype { destination: None, ..*types }, SRC)),
        types.destination.map(|_| part(Addrtype { source: None, ..*types }, DST)),
    ]
}

fn of_iprange(range: &Iprange) -> Vec<Option<Piece>> {
    let part = |part: Iprange, subject| (Match::Iprange(Box::new(part)), subject);
    vec![
        range.source.map(|_| part(Iprange { destination: None, ..*range }, SRC)),
        range.destination.map(|_| part(Iprange { source: None, ..*range }, DST)),
    ]
}

fn of_owner(owner: &Owner) -> Vec<Option<Piece>> {
    let part = |part: Owner, field| (Match::Owner(Box::new(part)), Subject::Sender(field));
    vec![
        owner.uid.map(|_| part(Owner { gid: None, socket_exists: None, ..*owner }, Field::Uid)),
        owner.gid.map(|_| part(Owner { uid: None, socket_exists: None, ..*owner }, Field::Gid)),
    ]
}

/// `conntrack_mt`: without a flow only the state is asked.
fn of_conntrack(scene: &Scene<'_>, at: (RuleId, u16), asked: &Conntrack) -> Vec<Subject> {
    if scene.has_flow() == Ok(false) {
        return vec![if asked.state.is_some() { Subject::CtState } else { Subject::HasFlow }];
    }
    let of = |way, end, part| Subject::Flow(way, end, part);
    use End::{Destination, Source};
    use Part::{Address, Port};
    use Way::{Original, Reply};
    type Take = fn(&mut Conntrack, &Conntrack);
    let fields: [(bool, Take, Subject); 10] = [
        (asked.state.is_some(), |one, all| one.state = all.state, Subject::CtState),
        (asked.protocol.is_some(), |one, all| one.protocol = all.protocol, Subject::Protocol),
        (asked.orig_src.is_some(), |one, all| one.orig_src.clone_from(&all.orig_src), of(Original, Source, Address)),
        (
            asked.orig_dst.is_some(),
            |one, all| one.orig_dst.clone_from(&all.orig_dst),
            of(Original, Destination, Address),
        ),
        (asked.reply_src.is_some(), |one, all| one.reply_src.clone_from(&all.reply_src), of(Reply, Source, Address)),
        (
            asked.reply_dst.is_some(),
            |one, all| one.reply_dst.clone_from(&all.reply_dst),
            of(Reply, Destination, Address),
        ),
        (asked.orig_sport.is_some(), |one, all| one.orig_sport = all.orig_sport, of(Original, Source, Port)),
        (asked.orig_dport.is_some(), |one, all| one.orig_dport = all.orig_dport, of(Original, Destination, Port)),
        (asked.reply_sport.is_some(), |one, all| one.reply_sport = all.reply_sport, of(Reply, Source, Port)),
        (asked.reply_dport.is_some(), |one, all| one.reply_dport = all.reply_dport, of(Reply, Destination, Port)),
    ];
    let alone = |(given, take, subject): (bool, Take, Subject)| {
        let mut one = Conntrack::default();
        take(&mut one, asked);
        given.then(|| (Match::Conntrack(Box::new(one)), subject))
    };
    failing(scene, at, fields.into_iter().map(alone).collect())
}

fn of_set(scene: &Scene<'_>, asked: &SetMatch) -> Vec<Subject> {
    let ipsets = &scene.plan.ipsets;
    let members = ipsets.number(&asked.set.name).and_then(|number| ipsets.members(number));
    let dimensions = members.map_or(&[][..], |members| members.dimensions);
    let subjects = dimensions.iter().zip(&asked.set.directions).map(|(dimension, from_source)| {
        let end = if *from_source { End::Source } else { End::Destination };
        match dimension {
            Dimension::Address => Subject::Header(end, Part::Address),
            Dimension::Port | Dimension::ProtocolPort => Subject::Header(end, Part::Port),
            Dimension::Mac => Subject::SrcMac,
            Dimension::Mark => Subject::Mark,
            Dimension::Interface if *from_source => Subject::Iif,
            Dimension::Interface => Subject::Oif,
        }
    });
    subjects.collect()
}

fn of_rare(rare: &Rare) -> Vec<Subject> {
    match rare {
        Rare::Dscp(_) | Rare::Tos(_) | Rare::Ecn(_) => vec![Subject::Tos],
        Rare::Time(_) => vec![Subject::Entering(Field::Time)],
        Rare::Rpfilter(_) => vec![SRC, Subject::Iif],
        Rare::Devgroup(_) => vec![Subject::Iif, Subject::Oif],
        _ => Vec::new(),
    }
}
