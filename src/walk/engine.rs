//! The walk itself: a class of packets goes on step by step.
//!
//! A class stands at a place from which it can go on ([`At`]). Going on either changes it, or ends it, or leaves it as it is
//! and says what is open: then it is split there, and its parts go on by themselves. Nothing else is kept: there are no
//! continuations, and every part can be looked at alone. Which class goes on when is the run's to say.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::condition::{Scene, all};
use super::conntrack;
use super::field::Field;
use super::input::{self, Next};
use super::nat::{Side, bound};
use super::outcome::{Assumed, FateKind, Reason, Step, StepAt, Verdict, Why};
use super::output;
use super::packet::{Device, Packet, Tracking, Value};
use super::plan::{Plan, Slot};
use super::plans::Planned;
use super::query::{Origin, Query, Turn};
use super::reply;
use super::set::ValueSet;
use super::sight::{Seen, Sights};
use super::space::{Asked, Open};
use super::state::{At, End, Frame, InVrf, Layer, State};
use super::trail::{Mark, Place, Trail};
use super::vrf;
use super::way::{Decision, Way};
use crate::host::xt::{CtStates, Masked};
use crate::host::{ChainId, Hook, IpFamily, Policy, Priority, Protocol, SetId, What};

/// How many rules one class of packets may look at: more than any ruleset that a kernel loads makes it look at.
const RULES: u64 = 20_000_000;
/// How deep chains may jump: legacy rulesets go as deep as they have chains.
const DEPTH: usize = 4096;

/// Walks one query.
pub(super) struct Engine<'a> {
    pub(super) plans: Planned<'a>,
    /// That of the namespace in which the class at hand is.
    pub(super) plan: &'a Plan<'a>,
    pub(super) query: &'a Query,
    pub(super) trail: Trail,
    /// The packets as rules saw them.
    pub(super) sights: Sights,
    /// The sets that the rule at hand asked and nobody has read.
    pub(super) met: RefCell<Vec<SetId>>,
    /// Those that would have to be read to know more.
    pub(super) needs: BTreeSet<(usize, SetId)>,
    /// The namespaces to which packets came.
    pub(super) visited: Vec<usize>,
}

impl<'a> Engine<'a> {
    /// For a query of which every default is filled in.
    pub(super) fn new(plans: Planned<'a>, query: &'a Query) -> Engine<'a> {
        Engine {
            plans,
            plan: plans(query.namespace),
            query,
            trail: Trail::default(),
            sights: Sights::default(),
            met: RefCell::default(),
            needs: BTreeSet::new(),
            visited: vec![query.namespace],
        }
    }

    /// All packets of the query, before they enter.
    pub(super) fn start(&self) -> State {
        let bound = self.query.vrf.as_deref().and_then(|name| self.plan.devices.number(name));
        let packet = Packet { bound, ..Packet::entering() };
        let none = ChainId { table: 0, chain: 0 };
        State {
            space: self.first_space(),
            weight: 1.0,
            before: packet.routed_by(),
            packet,
            at: At::Start,
            layer: Layer::Ip,
            sent: None,
            aside: None,
            for_bridge: false,
            frames: Vec::new(),
            base: none,
            place: Place::START,
            seen: Seen::NOTHING,
            namespace: self.query.namespace,
            pass: 1,
            way: None,
            to_all: false,
            made_here: self.query.origin == Origin::Local,
            slave: None,
            vrf: InVrf::Apart,
            crossed: 0,
            looped: false,
            passes: Vec::new(),
            flows: Vec::new(),
            first: None,
            looked: 0,
        }
    }

    /// Goes on from where the class stands. An error leaves it as it is.
    pub(super) fn go_on(&mut self, state: &mut State) -> Asked<Option<End>> {
        if self.plan.index != state.namespace {
            self.plan = (self.plans)(state.namespace);
        }
        match state.at {
            At::Start if state.packet.turn == Turn::Reply => self.answer(state),
            At::Start => self.enter(state),
            At::Arrived => self.arrive(state),
            At::Below => self.carry(state),
            At::Sending => self.send_on(state),
            At::Slot(hook, slot, chain) => self.enter_slot(state, hook, slot, chain).map(|()| None),
            At::Chain(hook, slot, chain) => self.rules(state, hook, slot, chain),
            At::Rerouting(hook, slot) => self.reroute(state, hook, slot),
            At::Hooked(hook) => self.after(state, hook),
        }
    }

    /// The place where questions about a class are asked.
    pub(super) fn scene<'s>(&'s self, state: &'s State, hook: Hook) -> Scene<'s> {
        Scene {
            plan: self.plan,
            query: self.query,
            space: &state.space,
            packet: &state.packet,
            hook,
            layer: state.layer,
            made_here: state.made_here,
        }
    }

    /// What runs at a hook where the class stands, in order.
    fn slots(&self, state: &State, hook: Hook) -> &'a [Slot] {
        self.plan.slots_of(state.layer, self.query.family, hook)
    }

    /// Writes down that something happened.
    pub(super) fn mark(&mut self, state: &mut State, mark: Mark) {
        state.place = self.trail.push(state.place, mark);
    }

    pub(super) fn mark_route(&mut self, state: &mut State, after: Option<Hook>, decision: Decision) {
        let dst = state.packet.dst.clone();
        self.mark(state, Mark::Route { pass: state.pass, after, dst, decision });
    }

    fn enter(&mut self, state: &mut State) -> Asked<Option<End>> {
        self.take_unread(state)?;
        if self.query.origin != Origin::Local {
            return self.come_in(state, Device::Entering);
        }
        let sent = output::sender(self.scene(state, Hook::Output), self.plan)?;
        state.packet.src_mac = None;
        state.packet.src = sent.src;
        state.packet.flow.original = state.packet.tuple();
        self.set_out(state, sent.next)
    }

    /// A packet made here sets out where routing said.
    pub(super) fn set_out(&mut self, state: &mut State, next: Next) -> Asked<Option<End>> {
        let vrf = self.vrf_before(state, &next)?;
        let end = self.leave(state, next, None, At::Slot(Hook::Output, 0, 0));
        self.goes_by_vrf(state, vrf);
        Ok(end)
    }

    /// Follows what routing said of a packet made here: on to a hook, or to its end.
    fn leave(&mut self, state: &mut State, next: Next, after: Option<Hook>, at: At) -> Option<End> {
        self.mark_route(state, after, next.decision());
        let oif = match &next {
            Next::Here | Next::HereToAll => self.plan.devices.number("lo").map_or(Device::Leaving, Device::Known),
            Next::Onward(way) => way.oif,
            Next::Refused(..) => Device::Absent,
        };
        if after.is_none() {
            state.packet.oif = oif;
            self.pass(state, at);
        }
        state.at = at;
        match next {
            Next::Here | Next::HereToAll => state.way = None,
            Next::Onward(way) => state.way = Some(way),
            Next::Refused(kind, reason) => return Some(End::because(kind, Some(reason))),
        }
        None
    }

    fn enter_slot(&mut self, state: &mut State, hook: Hook, slot: usize, chain: usize) -> Asked<()> {
        let next = self.slots(state, hook).get(slot);
        let priority = match next {
            Some(Slot::Chain(_, priority) | Slot::Nat(_, priority) | Slot::Ip(priority)) => *priority,
            None => Priority(i32::MAX),
        };
        let tracks = state.layer == Layer::Ip && matches!(hook, Hook::Prerouting | Hook::Output);
        if tracks && self.plan.is_tracked_by(priority) {
            self.track(state)?;
        }
        match next {
            None => state.at = At::Hooked(hook),
            Some(Slot::Chain(id, _)) => self.enter_base(state, *id, At::Chain(hook, slot, 0)),
            Some(Slot::Ip(_)) => return self.call_ip(state, hook, slot),
            Some(Slot::Nat(chains, _)) => {
                if chain == 0 && state.packet.flow.known.is_some() {
                    reply::translate(state, hook, slot);
                    return Ok(());
                }
                if chain == 0 && !self.is_translated_here(state, hook)? {
                    state.at = At::Slot(hook, slot + 1, 0);
                    return Ok(());
                }
                match chains.get(chain) {
                    Some(id) => self.enter_base(state, *id, At::Chain(hook, slot, chain)),
                    None => {
                        // No chain translated it: it is bound to the addresses it has.
                        bound(state, hook);
                        state.at = At::Slot(hook, slot + 1, 0);
                    }
                }
            }
        }
        Ok(())
    }

    fn enter_base(&self, state: &mut State, base: ChainId, at: At) {
        state.base = base;
        state.frames.clear();
        state.frames.push(Frame { chain: base, next: 0 });
        state.before = state.packet.routed_by();
        state.at = at;
    }

    /// conntrack looks at the packet (`nf_conntrack_in`), where it is on.
    fn track(&self, state: &mut State) -> Asked<()> {
        if state.packet.flow.tracking != Tracking::Unseen || !self.plan.tracks(self.query.family) {
            return Ok(());
        }
        if state.packet.turn != Turn::First {
            self.recognise(state)?;
        } else if self.meets_itself(state) {
            state.packet.flow.tracking = Tracking::Tracked;
            return Ok(());
        } else if state.space.values(Field::CtState).is_none() {
            let first = self.first_state(state)?;
            state.space.settle(Field::CtState, u128::from(first.bits()));
        }
        let untracked = u128::from(CtStates::UNTRACKED.bits());
        let looks_away = state.space.ask(Field::CtState, &ValueSet::one(untracked))?;
        state.packet.flow.tracking = if looks_away { Tracking::Untracked } else { Tracking::Tracked };
        Ok(())
    }

    /// What conntrack says of a packet of which nothing was said.
    pub(super) fn first_state(&self, state: &State) -> Asked<CtStates> {
        let loose = self.plan.namespace().sysctls.conntrack_tcp_loose.unwrap_or(true);
        let of = |value: u128| {
            let (flags, kind) = match self.query.protocol {
                Protocol::TCP => (Some(value as u8), None),
                _ => (None, Some(value as u8)),
            };
            conntrack::first_state(self.query.protocol, flags, kind, loose)
        };
        let (field, last) = match self.query.protocol {
            Protocol::TCP => (Field::TcpFlags, 63),
            Protocol::ICMP | Protocol::ICMPV6 => (Field::IcmpType, 255),
            _ => return Ok(CtStates::NEW),
        };
        let first = state.space.values(field).and_then(ValueSet::first).unwrap_or(0);
        let alike = (0..=last).filter(|value| of(*value) == of(first)).map(|value| (value, value));
        state.space.ask(field, &ValueSet::from_ranges(alike)).map(|_| of(first))
    }

    /// Whether the nat chains of a hook are walked for the packet (`nf_nat_inet_fn`): the first packet of a flow, once.
    fn is_translated_here(&self, state: &State, hook: Hook) -> Asked<bool> {
        let flow = &state.packet.flow;
        let done = match Side::of(hook) {
            Some(Side::Destination) => flow.dst_done,
            Some(Side::Source) => flow.src_done,
            None => true,
        };
        if done || flow.tracking != Tracking::Tracked {
            return Ok(false);
        }
        if hook == Hook::Output && self.is_reset(state)? {
            return Ok(false);
        }
        let states = |states: CtStates| {
            let bits = states.iter().map(|state| u128::from(state.bits())).map(|bit| (bit, bit));
            ValueSet::from_ranges(bits)
        };
        // An error is translated as the packet that it is about (`nf_nat_icmp_reply_translation`).
        let (begins, follows) = match self.query.protocol {
            Protocol::ICMP | Protocol::ICMPV6 => (CtStates::NEW, CtStates::RELATED | CtStates::ESTABLISHED),
            _ => (CtStates::NEW | CtStates::RELATED, CtStates::ESTABLISHED),
        };
        if state.space.ask(Field::CtState, &states(begins))? {
            return Ok(true);
        }
        if state.space.ask(Field::CtState, &states(follows))? {
            // What the first packet met is in conntrack's table, which is not read.
            let open = Open::taken(Assumed::NoTranslation, Why::State, true);
            self.scene(state, hook).assume(open)?;
        }
        Ok(false)
    }

    /// A packet made here that a chain changed is routed again (`ipt_mangle_out`, `nf_nat_ipv4_local_fn`).
    fn reroute(&mut self, state: &mut State, hook: Hook, slot: usize) -> Asked<Option<End>> {
        let on = At::Slot(hook, slot + 1, 0);
        let is_nat = matches!(self.slots(state, hook).get(slot), Some(Slot::Nat(..)));
        let packet = &state.packet;
        let scene = self.scene(state, hook);
        let changed = if is_nat {
            !is_same(&scene, &packet.dst, &state.before[1])?
        } else {
            let now = packet.routed_by();
            !all(now.iter().zip(&state.before).map(|(now, was)| is_same(&scene, now, was)))?
        };
        if !changed {
            state.at = on;
            return Ok(None);
        }
        let next = output::again(scene, self.plan)?;
        Ok(self.leave(state, next, Some(hook), on))
    }

    fn after(&mut self, state: &mut State, hook: Hook) -> Asked<Option<End>> {
        if state.layer != Layer::Ip {
            return self.after_frames(state, hook);
        }
        if state.packet.crossing.as_ref().is_some_and(|crossing| crossing.within.is_some()) {
            return self.return_to_bridge(state, hook);
        }
        match hook {
            Hook::Prerouting if state.looped => {
                if vrf::of(&self.scene(state, hook), state.packet.iif)?.is_some() {
                    state.packet.port = state.packet.iif;
                }
                state.at = At::Slot(Hook::Input, 0, 0);
                Ok(None)
            }
            Hook::Prerouting => match self.enters_vrf(state)? {
                true => Ok(None),
                false => self.route_input(state),
            },
            Hook::Input => match state.slave.take() {
                Some(there) => Ok(self.delivered_to(state, there)),
                None => self.deliver(state),
            },
            Hook::Forward => {
                state.at = At::Slot(Hook::Postrouting, 0, 0);
                Ok(None)
            }
            Hook::Output => {
                state.packet.oif = match (&state.way, state.vrf) {
                    (_, InVrf::Out(vrf)) => Device::Known(vrf),
                    (Some(way), _) => way.oif,
                    (None, _) => self.plan.devices.number("lo").map_or(Device::Leaving, Device::Known),
                };
                state.at = At::Slot(Hook::Postrouting, 0, 0);
                Ok(None)
            }
            Hook::Postrouting => match state.vrf {
                InVrf::Out(vrf) => {
                    self.sets_out(state, vrf);
                    Ok(None)
                }
                InVrf::Apart | InVrf::In => self.descend(state),
            },
            Hook::Ingress | Hook::Egress => Ok(None),
        }
    }

    fn route_input(&mut self, state: &mut State) -> Asked<Option<End>> {
        if let Some(there) = self.routed_to_slave(state)? {
            state.slave = Some(there);
            self.marks_here(state);
            return Ok(None);
        }
        let next = input::route(self.scene(state, Hook::Prerouting), self.plan)?;
        self.mark_route(state, Some(Hook::Prerouting), next.decision());
        state.to_all = next == Next::HereToAll;
        match next {
            Next::Here | Next::HereToAll => state.at = At::Slot(Hook::Input, 0, 0),
            Next::Onward(way) => {
                state.packet.oif = way.oif;
                state.packet.ttl = state.packet.ttl.changed(-1);
                state.way = Some(way);
                state.at = At::Slot(Hook::Forward, 0, 0);
            }
            Next::Refused(kind, reason) => return Ok(Some(End::because(kind, Some(reason)))),
        }
        Ok(None)
    }

    fn deliver(&self, state: &State) -> Asked<Option<End>> {
        if state.to_all && self.query.protocol == Protocol::TCP {
            return Ok(Some(End::because(FateKind::Dropped, Some(Reason::Broadcast))));
        }
        if state.packet.turn != Turn::Reply && !self.plan.namespace().is_read(What::Sockets) {
            let open = Open::taken(Assumed::SocketAnswers, Why::Unread, true);
            self.scene(state, Hook::Input).assume(open)?;
        }
        let end = End { socket: state.packet.socket, ..End::because(FateKind::Delivered, None) };
        let socket = self.of_peers(state, &end)?;
        Ok(Some(End { socket: end.socket.or(socket), ..end }))
    }

    /// A step of the walk, where the class stands.
    pub(super) fn step(&self, state: &State, hook: Hook, slot: usize, at: StepAt, verdict: Verdict) -> Step {
        let priority = match self.slots(state, hook).get(slot) {
            Some(Slot::Chain(id, _)) => self.declared(*id),
            Some(Slot::Nat(..)) => self.declared(state.base),
            Some(Slot::Ip(_)) | None => Priority::FILTER,
        };
        let depth = state.frames.len().saturating_sub(1) as u16;
        Step { pass: state.pass, hook, priority, base: state.base, depth, at, verdict, sometimes: false }
    }

    fn declared(&self, base: ChainId) -> Priority {
        self.plan.namespace().ruleset.chain(base).base.as_ref().map_or(Priority::FILTER, |base| base.priority)
    }

    /// A base chain let the packet go on.
    pub(super) fn leave_base(&self, state: &mut State, hook: Hook, slot: usize, chain: usize) {
        state.frames.clear();
        state.at = match self.slots(state, hook).get(slot) {
            Some(Slot::Nat(..)) => At::Slot(hook, slot, chain + 1),
            _ if hook == Hook::Output && self.is_route_chain(state.base) => At::Rerouting(hook, slot),
            _ => At::Slot(hook, slot + 1, 0),
        };
    }

    fn is_route_chain(&self, base: ChainId) -> bool {
        let chain = self.plan.namespace().ruleset.chain(base);
        chain.base.as_ref().is_some_and(|base| base.kind == crate::host::ChainType::Route)
    }

    /// The packet ran off the end of a base chain.
    pub(super) fn policy(&mut self, state: &mut State, hook: Hook, slot: usize, chain: usize) -> Option<End> {
        let policy =
            self.plan.namespace().ruleset.chain(state.base).base.as_ref().map_or(Policy::Accept, |base| base.policy);
        state.frames.truncate(1);
        let step = self.step(state, hook, slot, StepAt::End(state.base), Verdict::Policy(policy));
        self.mark(state, Mark::Step(step.clone()));
        match policy {
            Policy::Drop => Some(End::by(FateKind::Dropped, step)),
            Policy::Accept => {
                self.leave_base(state, hook, slot, chain);
                None
            }
        }
    }

    /// Whether a class has looked at more rules, or jumped deeper, than any kernel would let it.
    pub(super) fn is_lost(state: &State) -> bool {
        state.looked > RULES || state.frames.len() > DEPTH
    }

    /// The router that the packet goes to next.
    pub(super) fn router(state: &State) -> Option<std::net::IpAddr> {
        state.way.as_ref().and_then(Way::router)
    }

    /// The family of the packets.
    pub(super) fn family(&self) -> IpFamily {
        self.query.family
    }
}

/// Whether a value is what it was before a chain. Of an open mark of which rules set bits that depends on which it had.
fn is_same(scene: &Scene<'_>, now: &Value, was: &Value) -> Asked<bool> {
    let (now, was) = (scene.settled(now), scene.settled(was));
    let had = match (&now, &was) {
        (Value::Mapped { field: Field::Mark, mask, prefix }, Value::Entering(Field::Mark)) => {
            scene.mark_fits(&was, Masked { value: *prefix as u32, mask: !(*mask as u32) })
        }
        (Value::Known(mark), Value::Entering(Field::Mark)) => {
            scene.mark_fits(&was, Masked { value: *mark as u32, mask: u32::MAX })
        }
        _ => None,
    };
    had.unwrap_or_else(|| Ok(now == was))
}
