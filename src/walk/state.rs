//! A class of packets on its way: where it is, what it looks like, what is still open about it.

use std::rc::Rc;

use super::onward::{Arrival, Sent};
use super::outcome::{FateKind, Reason, Step};
use super::packet::{Device, Flow, Packet, Value};
use super::sight::Seen;
use super::space::Space;
use super::trail::Place;
use super::way::Way;
use crate::host::{ChainId, Family, Hook};

/// Where a class of packets stands. Every place is one from which the walk can go on, so that it can be split there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// It has not entered.
    Start,
    /// It came to another namespace, and has not entered it.
    Arrived,
    /// It came to the namespace of the device that carries a macvlan's frames, and leaves by it.
    Below,
    /// It came to the namespace of the device that an ipvlan stands on, and is routed there to leave by it.
    Sending,
    /// Before what runs at a place of a hook; within conntrack's NAT, before one of its chains.
    Slot(Hook, usize, usize),
    /// In a chain of that slot.
    Chain(Hook, usize, usize),
    /// After a slot that may have changed where it goes.
    Rerouting(Hook, usize),
    /// After a hook.
    Hooked(Hook),
}

/// Whose chains a hook has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    /// IPv4's or IPv6's.
    Ip,
    /// Those of bridges.
    Bridge,
    /// Those of the device with this number; `None`: of one that has none.
    Device(Option<u128>),
}

impl Layer {
    /// That of the chains of a table at a hook, of whatever device.
    pub(super) fn of(family: Family, hook: Hook) -> Layer {
        match (family, hook) {
            (_, Hook::Ingress | Hook::Egress) => Layer::Device(None),
            (Family::Bridge, _) => Layer::Bridge,
            _ => Layer::Ip,
        }
    }
}

/// How far a packet is shown to rules as its VRF's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InVrf {
    /// Its devices are its own.
    Apart,
    /// It came by a port, and prerouting sees it as the VRF's, or saw it.
    In,
    /// It leaves by a port, and output and postrouting see it as that of the VRF with this number.
    Out(u128),
}

/// A chain on the stack of jumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    /// The chain.
    pub(super) chain: ChainId,
    /// Index of the rule to look at next.
    pub(super) next: u32,
}

/// One way through the namespace, so far.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Passing {
    /// Index of the namespace.
    pub(super) namespace: usize,
    /// The device it came in by.
    pub(super) iif: Device,
    /// Where that is a VRF: its port that brought it.
    pub(super) port: Device,
    /// The device it left by.
    pub(super) oif: Device,
    /// Source, source port, destination, destination port as it entered.
    pub(super) enters: [Value; 4],
    /// The same as it left.
    pub(super) leaves: Option<[Value; 4]>,
}

/// The way of the first packet of a connection of which another one is followed.
#[derive(Debug, Clone)]
pub(super) struct First {
    /// The way it went.
    pub(super) place: Place,
    /// How it ended.
    pub(super) end: End,
    /// Its passes.
    pub(super) passes: Vec<Passing>,
    /// Its addresses and ports at the end.
    pub(super) tuple: [Value; 4],
    /// The device that it left by.
    pub(super) oif: Device,
}

/// A class of packets on its way.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// Which packets are meant.
    pub(super) space: Space,
    /// Their share of all, from 0 to 1.
    pub(super) weight: f64,
    /// The packet as it is now.
    pub(super) packet: Packet,
    /// Where it stands.
    pub(super) at: At,
    /// Whose chains the hook has where it stands.
    pub(super) layer: Layer,
    /// The stack of jumps: the base chain first.
    pub(super) frames: Vec<Frame>,
    /// The base chain that is walked.
    pub(super) base: ChainId,
    /// What routes the packet, as it entered the base chain ([`Packet::routed_by`]).
    pub(super) before: [Value; 4],
    /// The way it went.
    pub(super) place: Place,
    /// What rules saw of it on that way.
    pub(super) seen: Seen,
    /// Index of the namespace in which it is.
    pub(super) namespace: usize,
    /// The pass, from 1.
    pub(super) pass: u32,
    /// Where it leaves; `None`: by `lo`, for this host.
    pub(super) way: Option<Way>,
    /// To whom its frame was sent on; `None`: the query's own.
    pub(super) sent: Option<Sent>,
    /// Its frame is for the bridge, and its port does not know that yet.
    pub(super) for_bridge: bool,
    /// The rule that sent it out by a device, past everything else.
    pub(super) aside: Option<Step>,
    /// It goes to all: broadcast or multicast.
    pub(super) to_all: bool,
    /// It was made here, and no device carried it yet.
    pub(super) made_here: bool,
    /// The ipvlan that it is for, where the hooks of the device below see it first.
    pub(super) slave: Option<Arrival>,
    /// What its VRF has to do with it now.
    pub(super) vrf: InVrf,
    /// How many VRFs have handed it on.
    pub(super) crossed: u8,
    /// It came back by `lo`, or by the VRF that takes its place, with the route that it left with.
    pub(super) looped: bool,
    /// Its passes.
    pub(super) passes: Vec<Passing>,
    /// The flows that the first packet left in conntrack's tables, each with the index of its namespace: kept only where
    /// another packet follows.
    pub(super) flows: Vec<(usize, Flow)>,
    /// The first packet's way, where another one is followed and the first was let through.
    pub(super) first: Option<Rc<First>>,
    /// How many rules were looked at: texts may hold loops that no kernel loads.
    pub(super) looked: u64,
}

/// A class that ended.
pub(super) struct Ended {
    pub(super) state: State,
    pub(super) end: End,
    /// Which packets it met its last rules with: how it is told may say less.
    pub(super) space: Space,
}

/// The end of a class of packets.
#[derive(Debug, Clone)]
pub(super) struct End {
    /// In which way it ended.
    pub(super) kind: FateKind,
    /// The rule or policy that decided.
    pub(super) by: Option<Step>,
    /// What decided where no rule did.
    pub(super) reason: Option<Reason>,
    /// The socket that a rule gave it to, or a connected one that its source decided for.
    pub(super) socket: Option<usize>,
}

impl End {
    /// An end that a rule or a policy decided.
    pub(super) fn by(kind: FateKind, step: Step) -> End {
        End { kind, by: Some(step), reason: None, socket: None }
    }

    /// An end that something else decided; `None`: nothing stood in the way.
    pub(super) fn because(kind: FateKind, reason: Option<Reason>) -> End {
        End { kind, by: None, reason, socket: None }
    }
}
