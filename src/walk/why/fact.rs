//! What a packet had of a thing that rules ask, at one point of its way.

use super::super::condition::Scene;
use super::super::field::Field;
use super::super::outcome::Why;
use super::super::packet::{Device, TimeToLive, Tracking, Value};
use super::super::set::ValueSet;
use super::super::space::Space;

/// A thing that rules ask of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Its address or port of the header.
    Header(End, Part),
    /// The address or port that conntrack has of its flow as it began, or as its answer comes back.
    Flow(Way, End, Part),
    /// Its family.
    Family,
    /// Its protocol.
    Protocol,
    /// The incoming device of the hook.
    Iif,
    /// The outgoing device of the hook.
    Oif,
    /// Its mark.
    Mark,
    /// The mark of its flow.
    FlowMark,
    /// Whether it has a flow.
    HasFlow,
    /// What conntrack says of it.
    CtState,
    /// The byte that asks for a service.
    Tos,
    /// The time to live.
    Ttl,
    /// To whom its frame was addressed.
    Pkttype,
    /// The link-layer source address.
    SrcMac,
    /// The user or group that sent it.
    Sender(Field),
    /// Another field, which nothing changes on the way.
    Entering(Field),
}

/// A side of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// Where it comes from.
    Source,
    /// Where it goes.
    Destination,
}

/// What a side has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The address.
    Address,
    /// The port.
    Port,
}

/// A direction of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// As it began.
    Original,
    /// Back.
    Reply,
}

/// What a packet had of a thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Of what.
    pub subject: Subject,
    /// What it had.
    pub now: Now,
}

/// What a packet had.
#[derive(Debug, Clone, PartialEq)]
pub enum Now {
    /// This.
    Known(u128),
    /// One of these.
    Among(ValueSet),
    /// One of these devices (a trailing `+` stands for all names that start so).
    Devices(Vec<String>),
    /// No such thing.
    Nothing,
    /// conntrack had not looked at it yet.
    Unseen,
    /// A rule told conntrack to look away.
    Untracked,
    /// Anything, or one thing for some of the packets and another for others.
    Open,
    /// Something that nobody can tell.
    Unpredictable(Why),
}

impl Now {
    /// What other packets had, beside this.
    pub(super) fn take_in(&mut self, other: &Now) {
        let set = |now: &Now| match now {
            Now::Known(value) => Some(ValueSet::one(*value)),
            Now::Among(set) => Some(set.clone()),
            _ => None,
        };
        if *self == *other {
            return;
        }
        let sets = (set(self), set(other));
        *self = match (sets.0, sets.1, &mut *self, other) {
            (Some(set), Some(others), ..) => Now::Among(set.or(&others)),
            (.., Now::Devices(names), Now::Devices(others)) => {
                let new = others.iter().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>();
                Now::Devices([std::mem::take(names), new].concat())
            }
            _ => Now::Open,
        };
    }
}

/// What the packet of a scene has of a thing.
pub(super) fn of(scene: &Scene<'_>, subject: Subject) -> Fact {
    let packet = scene.packet;
    let number = |number: u128| Now::Known(number);
    let now = match subject {
        Subject::Header(end, part) => header(scene, end, part),
        Subject::Flow(way, end, part) => flow(scene, way, end, part),
        Subject::Family => number(u128::from(scene.query.family.bits())),
        Subject::Protocol => number(u128::from(scene.query.protocol.0)),
        Subject::Iif => device(scene, packet.iif),
        Subject::Oif => device(scene, packet.oif),
        Subject::Mark => value(scene, &packet.mark),
        Subject::FlowMark => of_flow(scene, |scene| value(scene, &scene.packet.flow.mark)),
        Subject::HasFlow => of_flow(scene, |_| number(1)),
        Subject::CtState => match scene.tracking() {
            Tracking::Unseen => Now::Unseen,
            Tracking::Untracked => Now::Untracked,
            Tracking::Tracked => field(scene.space, Field::CtState),
        },
        Subject::Tos => value(scene, &packet.tos),
        Subject::Ttl => time_to_live(scene),
        Subject::Pkttype => value(scene, &packet.pkttype),
        Subject::SrcMac => scene.sender().map_or(Now::Nothing, |sender| value(scene, sender)),
        Subject::Sender(_) if !scene.made_here => Now::Nothing,
        Subject::Sender(of) | Subject::Entering(of) => field(scene.space, of),
    };
    Fact { subject, now }
}

fn header(scene: &Scene<'_>, end: End, part: Part) -> Now {
    let packet = scene.packet;
    let (address, port) = match end {
        End::Source => (&packet.src, &packet.sport),
        End::Destination => (&packet.dst, &packet.dport),
    };
    match part {
        Part::Address => value(scene, address),
        Part::Port if !scene.query.protocol.has_ports() => Now::Nothing,
        Part::Port => value(scene, port),
    }
}

fn flow(scene: &Scene<'_>, way: Way, end: End, part: Part) -> Now {
    of_flow(scene, |scene| {
        let [src, sport, dst, dport] = &scene.packet.flow.original;
        let (address, port) = match (way, end) {
            (Way::Original, End::Source) => (src, sport),
            (Way::Original, End::Destination) => (dst, dport),
            // The reply's source is what the destination became, and its destination what the source did.
            (Way::Reply, End::Source) => (&scene.packet.dst, &scene.packet.dport),
            (Way::Reply, End::Destination) => (&scene.packet.src, &scene.packet.sport),
        };
        match part {
            Part::Address => value(scene, address),
            Part::Port if !scene.query.protocol.has_ports() => Now::Nothing,
            Part::Port => value(scene, port),
        }
    })
}

fn of_flow(scene: &Scene<'_>, now: impl Fn(&Scene<'_>) -> Now) -> Now {
    match scene.tracking() {
        Tracking::Unseen => Now::Unseen,
        Tracking::Untracked => Now::Untracked,
        Tracking::Tracked => match scene.has_flow() {
            Ok(false) => Now::Nothing,
            Ok(true) | Err(_) => now(scene),
        },
    }
}

fn field(space: &Space, field: Field) -> Now {
    match space.values(field) {
        None => Now::Open,
        Some(values) => match values.only() {
            Some(known) => Now::Known(known),
            None => Now::Among(values.clone()),
        },
    }
}

fn value(scene: &Scene<'_>, value: &Value) -> Now {
    match scene.settled(value) {
        Value::Known(known) => Now::Known(known),
        Value::Entering(of) => {
            let all = ValueSet::full(of.bits(scene.query.family));
            match field(scene.space, of) {
                Now::Among(values) if values == all => Now::Open,
                now => now,
            }
        }
        Value::Mapped { mask, prefix, .. } => Now::Among(ValueSet::range(prefix, prefix | mask)),
        Value::Chosen { why, .. } => Now::Unpredictable(why),
    }
}

fn time_to_live(scene: &Scene<'_>) -> Now {
    match scene.packet.ttl {
        TimeToLive::Set(value) => Now::Known(value.into()),
        TimeToLive::Changed { by, limits: (low, high) } => match field(scene.space, Field::Ttl) {
            Now::Known(known) => Now::Known((known as i16 + by).clamp(low, high) as u128),
            Now::Among(_) | Now::Open => Now::Open,
            now => now,
        },
    }
}

fn device(scene: &Scene<'_>, device: Device) -> Now {
    let devices = &scene.plan.devices;
    let names = |set: &ValueSet| Now::Devices(devices.names(set));
    match device {
        Device::Absent => Now::Nothing,
        Device::Known(number) => names(&ValueSet::one(number)),
        Device::Entering => scene.space.values(Field::Iif).map_or(Now::Open, names),
        Device::Leaving => names(scene.space.leaves()),
    }
}
