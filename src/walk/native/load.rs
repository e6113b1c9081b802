//! What expressions load: bytes of headers, what the kernel knows of the packet, what conntrack knows of its flow.
//!
//! `nft_payload_eval`, `nft_meta_get_eval`, `nft_ct_get_eval`. The packet is unfragmented and has no IP options, as in all
//! of the walk.

use super::piece::{At, Piece, Source, undecided};
use crate::host::nft::{self, CtKey, Extension, FibResult, MetaKey, PayloadBase, SocketKey};
use crate::host::xt::{CtDirection, CtStates};
use crate::host::{Hook, IpFamily, Protocol};
use crate::walk::condition::Scene;
use crate::walk::field::Field;
use crate::walk::outcome::Why;
use crate::walk::outgoing::{for_fib, outgoing};
use crate::walk::packet::{Device, Owner, Value};
use crate::walk::query::{Origin, Turn};
use crate::walk::set::ValueSet;
use crate::walk::space::Asked;
use crate::walk::state::Layer;

/// What a load gives; `None`: the packet has no such thing, and the rule breaks.
pub(super) type Loaded = Option<Vec<Piece>>;

/// A field of a header: where it begins, how many bytes it has, and what is in it.
type Row = (usize, usize, Source);

fn entering(field: Field) -> Source {
    Source::Value(Value::Entering(field))
}

fn known(value: u128) -> Source {
    Source::Value(Value::Known(value))
}

/// Bytes of a header.
pub(super) fn payload(scene: &Scene<'_>, base: PayloadBase, offset: usize, length: usize) -> Loaded {
    let rows = match base {
        PayloadBase::Link => link(scene)?,
        PayloadBase::Network => network(scene),
        PayloadBase::Transport => transport(scene),
        PayloadBase::Inner | PayloadBase::Tunnel => Vec::new(),
    };
    let mut pieces = Vec::new();
    let (mut at, end) = (offset, offset + length);
    while at < end {
        let row = rows.iter().find(|(first, size, _)| (*first..first + size).contains(&at));
        let piece = match row {
            Some((first, size, source)) => {
                let taken = (first + size).min(end) - at;
                Piece::whole(source.clone(), *size).part(at - first, taken)
            }
            // Up to the next field that is known.
            None => {
                let next = rows.iter().map(|(first, ..)| *first).filter(|first| *first > at).min();
                Piece::unknown(Why::State, next.unwrap_or(end).min(end) - at)
            }
        };
        at += piece.length.max(1);
        pieces.push(piece);
    }
    Some(pieces)
}

/// The Ethernet header, of packets that a device brought; those made here have none yet.
fn link(scene: &Scene<'_>) -> Option<Vec<Row>> {
    let sender = scene.sender()?;
    let rest = [(6, 6, Source::Value(sender.clone())), (12, 2, known(ether_type(scene.query.family)))];
    Some(scene.addressee().map(|mac| (0, 6, known(mac))).into_iter().chain(rest).collect())
}

fn network(scene: &Scene<'_>) -> Vec<Row> {
    let packet = scene.packet;
    let protocol = known(u128::from(scene.query.protocol.0));
    let (src, dst) = (Source::Value(packet.src.clone()), Source::Value(packet.dst.clone()));
    match scene.query.family {
        IpFamily::V4 => {
            // Not fragmented; whether it may be, only its sender knows.
            let fragment = Value::Chosen { among: ValueSet::from_ranges([(0, 0), (0x4000, 0x4000)]), why: Why::State };
            vec![
                (0, 1, known(0x45)),
                (1, 1, Source::Tos),
                (2, 2, entering(Field::Length)),
                (6, 2, Source::Value(fragment)),
                (8, 1, Source::Ttl),
                (9, 1, protocol),
                (12, 4, src),
                (16, 4, dst),
            ]
        }
        IpFamily::V6 => vec![(0, 2, Source::Class), (6, 1, protocol), (7, 1, Source::Ttl), (8, 16, src), (24, 16, dst)],
    }
}

fn transport(scene: &Scene<'_>) -> Vec<Row> {
    let packet = scene.packet;
    match scene.query.protocol {
        Protocol::ICMP | Protocol::ICMPV6 => {
            vec![(0, 1, entering(Field::IcmpType)), (1, 1, entering(Field::IcmpCode))]
        }
        protocol if protocol.has_ports() => {
            let ports = [(0, 2, Source::Value(packet.sport.clone())), (2, 2, Source::Value(packet.dport.clone()))];
            let flags = (protocol == Protocol::TCP).then(|| (13, 1, entering(Field::TcpFlags)));
            ports.into_iter().chain(flags).collect()
        }
        _ => Vec::new(),
    }
}

fn ether_type(family: IpFamily) -> u128 {
    match family {
        IpFamily::V4 => 0x0800,
        IpFamily::V6 => 0x86dd,
    }
}

/// `NFPROTO_IPV4`, `NFPROTO_IPV6`.
fn family_number(family: IpFamily) -> u128 {
    match family {
        IpFamily::V4 => 2,
        IpFamily::V6 => 10,
    }
}

/// What the routing table says (`nft_fib4_eval`, `nft_fib_store_result`).
pub(super) fn fib(scene: &Scene<'_>, result: FibResult, flags: u32) -> Asked<Loaded> {
    let present = flags & nft::fib::PRESENT != 0;
    if result == FibResult::OifName && !present {
        let found = outgoing(scene, flags, &for_fib(scene.query.family))?;
        let mut name =
            scene.plan.namespace().link_at(found).map(|link| link.name.clone().into_bytes()).unwrap_or_default();
        name.resize(16, 0);
        return Ok(Some(vec![Piece::constant(&name)]));
    }
    let result = if result == FibResult::OifName { FibResult::Oif } else { result };
    Ok(Some(vec![Piece::native(Source::Fib(result, flags), if present { 1 } else { 4 })]))
}

/// What comes of a socket that hears the packet (`nft_socket_eval`); without one the rule breaks.
pub(super) fn socket(scene: &Scene<'_>, key: SocketKey, at: At) -> Asked<Loaded> {
    // The sockets of connections are not read.
    if scene.packet.turn != Turn::First {
        let length = match key {
            SocketKey::Transparent | SocketKey::Wildcard => 1,
            SocketKey::Mark => 4,
            SocketKey::Cgroup2(_) => 8,
        };
        return Ok(undecided(scene, at, Why::State)?.then(|| vec![Piece::unknown(Why::State, length)]));
    }
    let Some(socket) = scene.its_socket(at)? else { return Ok(None) };
    let flag = |is: bool| Piece::whole(known(is.into()), 1);
    Ok(Some(vec![match key {
        SocketKey::Transparent => socket.transparent.map_or(Piece::unknown(Why::Unread, 1), flag),
        SocketKey::Wildcard => flag(socket.addr.is_unspecified()),
        SocketKey::Mark => Piece::unknown(Why::State, 4),
        SocketKey::Cgroup2(_) => Piece::unknown(Why::State, 8),
    }]))
}

/// An extension header or an option (`nft_exthdr_ipv6_eval` and its kin). The packet has no headers of that kind; which
/// options its TCP header has, and which chunks an SCTP packet, nobody knows.
pub(super) fn extension(scene: &Scene<'_>, within: Extension, length: usize, present: bool) -> Loaded {
    let protocol = scene.query.protocol;
    let (of_family, is_open) = match within {
        Extension::Ipv6 => (scene.query.family == IpFamily::V6, false),
        Extension::IpOption => (scene.query.family == IpFamily::V4, false),
        Extension::TcpOption => (true, protocol == Protocol::TCP),
        Extension::SctpChunk => (true, protocol == Protocol::SCTP),
        Extension::DccpOption => (true, protocol == Protocol::DCCP),
    };
    match (of_family, is_open, present) {
        (_, true, _) => Some(vec![Piece::unknown(Why::State, if present { 1 } else { length })]),
        (true, false, true) => Some(vec![Piece::whole(known(0), 1)]),
        _ => None,
    }
}

/// When it is here (`nft_meta_weekday`, `nft_meta_hour`), where that is known.
fn time(scene: &Scene<'_>, key: MetaKey) -> Option<Piece> {
    const DAY: u128 = 24 * 60 * 60;
    const SECOND: u128 = 1_000_000_000;
    let now = scene.space.known(Field::Time)?;
    Some(match key {
        // Of its second nobody knows which part.
        MetaKey::TIME_NS => {
            let among = ValueSet::range(now * SECOND, now * SECOND + SECOND - 1);
            Piece::native(Source::Value(Value::Chosen { among, why: Why::State }), 8)
        }
        // 1970 began on a Thursday; Sunday is 0.
        MetaKey::TIME_DAY => Piece::whole(known((now / DAY + 4) % 7), 1),
        MetaKey::TIME_HOUR => Piece::native(known(now % DAY), 4),
        _ => return None,
    })
}

/// What the kernel knows of the packet.
pub(super) fn meta(scene: &Scene<'_>, key: MetaKey) -> Loaded {
    let packet = scene.packet;
    let family = scene.query.family;
    Some(vec![match key {
        MetaKey::LEN => Piece::native(entering(Field::Length), 4),
        MetaKey::PROTOCOL => Piece::whole(known(ether_type(family)), 2),
        MetaKey::MARK => Piece::native(Source::Value(packet.mark.clone()), 4),
        MetaKey::IIF => Piece::native(Source::Index(packet.iif), 4),
        MetaKey::OIF => Piece::native(Source::Index(packet.oif), 4),
        MetaKey::IIFNAME => Piece::whole(Source::Name(packet.iif), 16),
        MetaKey::OIFNAME => Piece::whole(Source::Name(packet.oif), 16),
        MetaKey::SDIF => Piece::native(Source::Index(packet.port), 4),
        MetaKey::SDIFNAME => Piece::whole(Source::Name(packet.port), 16),
        MetaKey::IIFTYPE | MetaKey::OIFTYPE => {
            let device = match (key, packet.iif) {
                // Below IP a frame that leaves has the device that it leaves by, even where it is asked for the other.
                (MetaKey::IIFTYPE, Device::Absent) if scene.layer != Layer::Ip => packet.oif,
                (MetaKey::IIFTYPE, iif) => iif,
                _ => packet.oif,
            };
            // `nft_meta_store_iftype`: without a device the rule breaks. In postrouting newer kernels have one that is none of
            // the namespace's, of the type of lo.
            if device == Device::Absent && scene.hook != Hook::Postrouting {
                return None;
            }
            if device == Device::Absent {
                return Some(vec![Piece::unknown(Why::State, 2)]);
            }
            Piece::native(Source::HardwareType(device), 2)
        }
        MetaKey::SKUID | MetaKey::SKGID if scene.may_be_demuxed() => early_user(scene, key),
        // Only packets made here have a socket, and only those of a process a user.
        MetaKey::SKUID | MetaKey::SKGID if !scene.made_here || scene.packet.owner != Owner::Process => return None,
        MetaKey::CGROUP if !scene.made_here || scene.packet.owner == Owner::Nobody => return None,
        MetaKey::SKUID => Piece::native(entering(Field::Uid), 4),
        MetaKey::SKGID => Piece::native(entering(Field::Gid), 4),
        // `nft_meta_bridge_get_eval`: the bridge of the port, in a bridge's own hooks.
        MetaKey::BRI_IIFNAME | MetaKey::BRI_OIFNAME => {
            let port = if key == MetaKey::BRI_IIFNAME { packet.iif } else { packet.oif };
            let bridge = packet.crossing.as_ref().filter(|_| scene.layer == Layer::Bridge && port != Device::Absent)?;
            Piece::whole(Source::Name(Device::Known(bridge.bridge)), 16)
        }
        // Which of both a table of devices asks is not told here.
        MetaKey::NFPROTO if scene.layer != Layer::Ip => Piece::unknown(Why::State, 1),
        MetaKey::NFPROTO => Piece::whole(known(family_number(family)), 1),
        MetaKey::L4PROTO => Piece::whole(known(u128::from(scene.query.protocol.0)), 1),
        MetaKey::PKTTYPE => Piece::whole(Source::Value(scene.packet.pkttype.clone()), 1),
        // Nothing is known of IPsec here.
        MetaKey::SECPATH => Piece::whole(known(0), 1),
        MetaKey::RANDOM => Piece::unknown(Why::Random, 4),
        MetaKey::TIME_NS => time(scene, key).unwrap_or(Piece::unknown(Why::State, 8)),
        MetaKey::TIME_DAY => time(scene, key).unwrap_or(Piece::unknown(Why::State, 1)),
        MetaKey::TIME_HOUR => time(scene, key).unwrap_or(Piece::unknown(Why::State, 4)),
        _ => Piece::unknown(Why::State, 4),
    }])
}

/// The user of the socket whose packet comes in: known before the input hook where it is the answer to what was asked here.
fn early_user(scene: &Scene<'_>, key: MetaKey) -> Piece {
    let field = if key == MetaKey::SKUID { Field::Uid } else { Field::Gid };
    let is_askers = scene.packet.turn == Turn::Reply && scene.query.origin == Origin::Local;
    match scene.query.protocol {
        Protocol::TCP if is_askers => Piece::native(entering(field), 4),
        _ => Piece::unknown(Why::State, 4),
    }
}

/// What conntrack knows of the flow.
pub(super) fn ct(scene: &Scene<'_>, key: CtKey, direction: Option<CtDirection>) -> Asked<Loaded> {
    if key == CtKey::STATE {
        return Ok(Some(vec![Piece::native(Source::CtState, 4)]));
    }
    if !scene.has_flow()? {
        return Ok(None);
    }
    // Only a flow that another one called for has a helper's name to tell.
    if key == CtKey::HELPER && scene.is_first()? {
        return Ok(None);
    }
    let flow = &scene.packet.flow;
    let of_reply = direction == Some(CtDirection::Reply);
    let reply = scene.reply_tuple();
    let [src, sport, dst, dport] = &flow.original;
    let pick = |original: &Value, replying: &Value, length: usize| {
        Piece::whole(Source::Value(if of_reply { replying.clone() } else { original.clone() }), length)
    };
    let length = usize::from(scene.query.family.bits() / 8);
    Ok(Some(vec![match key {
        CtKey::DIRECTION => Piece::whole(known(u128::from(scene.direction() == CtDirection::Reply)), 1),
        CtKey::STATUS => Piece::native(Source::Value(status(scene)?), 4),
        CtKey::MARK => Piece::native(Source::Value(flow.mark.clone()), 4),
        CtKey::L3PROTOCOL => Piece::whole(known(family_number(scene.query.family)), 1),
        CtKey::PROTOCOL => Piece::whole(known(u128::from(scene.query.protocol.0)), 1),
        CtKey::SRC | CtKey::SRC_IP | CtKey::SRC_IP6 => pick(src, &reply[0], length),
        CtKey::DST | CtKey::DST_IP | CtKey::DST_IP6 => pick(dst, &reply[2], length),
        CtKey::PROTO_SRC => pick(sport, &reply[1], 2),
        CtKey::PROTO_DST => pick(dport, &reply[3], 2),
        _ => Piece::unknown(Why::State, 4),
    }]))
}

/// The status bits of a flow that begins (`IPS_*`): answered 2, assured 4, confirmed 8, source translated 16, destination 32, their chains
/// walked 128 and 256. Of one that is known already nobody can tell.
fn status(scene: &Scene<'_>) -> Asked<Value> {
    let new = ValueSet::from_ranges(
        [CtStates::NEW, CtStates::RELATED].map(|state| (u128::from(state.bits()), u128::from(state.bits()))),
    );
    let flow = &scene.packet.flow;
    if flow.known.is_none() && !scene.space.ask(Field::CtState, &new)? {
        return Ok(Value::Chosen { among: ValueSet::full(32), why: Why::State });
    }
    let bits = [
        (flow.is_answered(), 2),
        (flow.confirmed, 8),
        (flow.snat, 16),
        (flow.dnat, 32),
        (flow.src_done, 128),
        (flow.dst_done, 256),
    ];
    let bits = bits.into_iter().filter(|(set, _)| *set).map(|(_, bit)| bit).sum();
    let assured = 4;
    Ok(match scene.is_assured() {
        Some(true) => Value::Known(bits | assured),
        Some(false) => Value::Known(bits),
        None => {
            let among = ValueSet::from_ranges([bits, bits | assured].map(|bits| (bits, bits)));
            Value::Chosen { among, why: Why::State }
        }
    })
}
