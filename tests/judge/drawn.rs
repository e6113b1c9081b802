//! Packets drawn from the outcomes of a walk that left fields open.
//!
//! An outcome says which packets it is about. Some of those are made, among them the first and last of a range, for the
//! kernel to say whether they go that way. Knows conditions; leaves out what cannot be sent.

use std::net::SocketAddr;

use whyport::host::{Host, IpFamily};
use whyport::walk::query::{address, number};
use whyport::walk::{self, Condition, Field, Op, Outcome, ValueSet, Values};

use crate::packet::{Packet, Protocol};
use crate::random::Lot;
use crate::walked;

/// No frame here is longer.
const MTU: u128 = 1500;

/// A packet of each outcome, of `most` of them, that a query for this packet with these fields left open has.
pub fn packets(
    lot: &mut Lot,
    host: &Host,
    packet: &Packet,
    open: &[Field],
    mac: Option<u64>,
    most: usize,
) -> Vec<Packet> {
    let mut query = walked::query(host, packet, packet.source_port(), mac);
    open.iter().for_each(|field| _ = query.fields.remove(field));
    let walk = walk::walk(host, &query);
    if walk.unexplored > 0 {
        return Vec::new();
    }
    let first = lot.below(walk.outcomes.len().max(1));
    let outcomes = walk.outcomes.iter().cycle().skip(first).take(most.min(walk.outcomes.len()));
    outcomes.filter_map(|outcome| packet_of(lot, outcome, packet, open)).collect()
}

fn packet_of(lot: &mut Lot, outcome: &Outcome, packet: &Packet, open: &[Field]) -> Option<Packet> {
    let conditions = match &outcome.when[..] {
        [] => &[][..],
        alternatives => &alternatives[lot.below(alternatives.len())],
    };
    let mut drawn = packet.clone();
    for field in open {
        let family = IpFamily::of(packet.dst.ip());
        let of_field = conditions.iter().filter(|condition| condition.field == *field);
        let allowed = of_field.fold(sendable(*field, packet), |allowed, condition| {
            let values = values(condition);
            match condition.op {
                Op::In | Op::Is => allowed.and(&values),
                Op::NotIn => allowed.minus(&values),
            }
        });
        let value = one_of(lot, &allowed)?;
        let moved = |at: SocketAddr| SocketAddr::new(address(family, value), at.port());
        match field {
            Field::Src => drawn.src = drawn.src.map(moved),
            Field::Dst => drawn.dst = moved(drawn.dst),
            Field::Sport => match &mut drawn.src {
                Some(src) => src.set_port(value as u16),
                None => drawn.sport = value as u16,
            },
            Field::Dport => drawn.dst.set_port(value as u16),
            Field::Mark => drawn.mark = value as u32,
            Field::TcpFlags => drawn.flags = value as u8,
            Field::Ttl => drawn.ttl = value as u8,
            Field::Length => drawn.filling = (value - (walked::length(packet) - u128::from(packet.filling))) as u16,
            Field::Uid => drawn.uid = value as u32,
            Field::IcmpType => drawn.icmp.0 = value as u8,
            Field::IcmpCode => drawn.icmp.1 = value as u8,
            Field::Tos => drawn.tos = value as u8,
            Field::Gid | Field::CtState | Field::Iif | Field::Pkttype | Field::SrcMac | Field::Time => return None,
        }
    }
    // Who sends to itself from the port that it sends to has a connection with itself.
    let itself = drawn.device.is_none() && drawn.sport != 0 && drawn.sport == drawn.dst.port();
    (!itself).then_some(drawn)
}

fn values(condition: &Condition) -> ValueSet {
    let of = |values: &Values| match values {
        Values::Net(net) => ValueSet::range(number(net.network()), number(net.broadcast())),
        Values::Addresses(first, last) => ValueSet::range(number(*first), number(*last)),
        Values::Range(first, last) => ValueSet::range((*first).into(), (*last).into()),
        Values::Set(_, held) => held.clone(),
        Values::Name(name) => panic!("{} is told by the name {name}", condition.field.name()),
    };
    condition.values.iter().map(of).fold(ValueSet::empty(), |all, values| all.or(&values))
}

/// What can be sent from here.
fn sendable(field: Field, packet: &Packet) -> ValueSet {
    let family = IpFamily::of(packet.dst.ip());
    let full = ValueSet::full(field.bits(family));
    match field {
        // A frame for many would not be addressed to this host.
        Field::Dst => {
            let many = match family {
                IpFamily::V4 => ValueSet::range(0xe000_0000, 0xffff_ffff),
                // Nor is there a link-local address here.
                IpFamily::V6 => ValueSet::range(0xfe80 << 112, u128::MAX),
            };
            // Addresses that stand for ones of IPv4, and those of nobody.
            let nobody = match family {
                IpFamily::V4 => ValueSet::range(0, 0x00ff_ffff),
                IpFamily::V6 => ValueSet::range(2, u128::MAX >> 16).or(&ValueSet::one(0)),
            };
            // What this host sends to all of a network comes back to it as well (`ip_mc_output`), which is not followed here.
            let all = if packet.device.is_none() {
                &["198.51.100.255", "10.9.0.255", "127.255.255.255", "10.42.0.255", "172.17.255.255"][..]
            } else {
                &[]
            };
            let all = ValueSet::from_ranges(
                all.iter().map(|text| number(text.parse().expect("an address"))).map(|one| (one, one)),
            );
            full.minus(&many).minus(&nobody).minus(&all)
        }
        // A port that is listened on cannot be had.
        Field::Sport if packet.device.is_none() => ValueSet::range(9000, 65535),
        Field::Dport => ValueSet::range(1, 65535),
        Field::Length => ValueSet::range(walked::length(packet) - u128::from(packet.filling), MTU),
        // All ones stands for "as it is" (setfsuid(2)).
        Field::Uid => ValueSet::range(0, 0xffff_fffe),
        // A time to live that no rule asks for is taken to be long enough.
        Field::Ttl => ValueSet::range(2, 255),
        // A raw socket fills in the source where there is none (raw(7)).
        Field::Src => full.minus(&ValueSet::one(0)),
        Field::Sport
        | Field::Mark
        | Field::TcpFlags
        | Field::IcmpType
        | Field::IcmpCode
        | Field::Gid
        | Field::CtState
        | Field::Iif
        | Field::Pkttype
        | Field::SrcMac
        | Field::Tos
        | Field::Time => full,
    }
}

/// A value: often one of those at which ranges end.
fn one_of(lot: &mut Lot, allowed: &ValueSet) -> Option<u128> {
    let ranges = allowed.ranges();
    if ranges.is_empty() {
        return None;
    }
    let (first, last) = ranges[lot.below(ranges.len())];
    Some(match lot.below(4) {
        0 => first,
        1 => last,
        _ => first + lot.wide() % (last - first).saturating_add(1).max(1),
    })
}

impl Packet {
    /// The source port that is asked for; 0 where the kernel chooses.
    fn source_port(&self) -> u16 {
        match (self.src, self.protocol) {
            (_, Protocol::Icmp) => 0,
            (Some(src), _) => src.port(),
            (None, _) => self.sport,
        }
    }
}
