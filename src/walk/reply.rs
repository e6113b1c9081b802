//! The packets of a connection after its first: later ones of the same direction, and the answer.
//!
//! The first packet is walked before them, since it decides what conntrack keeps: `nf_conntrack_in` finds the flow by the
//! packet's addresses, `nf_nat_inet_fn` walks no chain for it, and `nf_nat_packet` translates it as the first one was, or
//! back. Knows the first answer alone, and nothing of what a connection does after that.

use std::rc::Rc;

use super::engine::Engine;
use super::field::Field;
use super::frames::{TO_HOST, TO_OTHER};
use super::nat::Side;
use super::native;
use super::outcome::{Assumed, FateKind, Why};
use super::output;
use super::packet::{Device, Flow, Known, Owner, Packet, TimeToLive, Tracking, Value};
use super::query::{Origin, Query, Turn};
use super::set::ValueSet;
use super::sight::Seen;
use super::space::{Asked, Open, Space};
use super::state::{At, End, First, Layer, State};
use super::trail::Place;
use crate::host::xt::{CtDirection, CtStates, TcpFlags};
use crate::host::{Hook, IpFamily, Protocol, What};

/// Fields that an answer has of its own, and that nobody knows before it comes.
const OWN: [Field; 6] = [Field::Ttl, Field::Length, Field::Tos, Field::SrcMac, Field::Uid, Field::Gid];

/// Source, source port, destination, destination port of what goes the other way.
fn turned([src, sport, dst, dport]: &[Value; 4]) -> [Value; 4] {
    [dst.clone(), dport.clone(), src.clone(), sport.clone()]
}

/// A query with what it leaves to be understood of a packet that is not the first: an established one has a first one before
/// it, and TCP's flags are those that come then.
pub(super) fn described(query: &Query) -> Query {
    let mut asked = query.clone();
    let established = ValueSet::one(CtStates::ESTABLISHED.bits().into());
    if query.turn == Turn::First && query.fields.get(&Field::CtState) == Some(&established) {
        asked.turn = Turn::Later;
    }
    let usual = match asked.turn {
        Turn::First => return asked,
        Turn::Later => TcpFlags::ACK,
        Turn::Reply => TcpFlags::SYN | TcpFlags::ACK,
    };
    asked.set(Field::CtState, established);
    if query.protocol == Protocol::TCP && query.known(Field::TcpFlags) == Some(TcpFlags::SYN.bits().into()) {
        asked.set(Field::TcpFlags, ValueSet::one(usual.bits().into()));
    }
    asked
}

impl Engine<'_> {
    /// What is known of the first packet that is walked.
    pub(super) fn first_space(&self) -> Space {
        let mut space = Space::of(self.query, self.plan.devices.all_but_loopback());
        if self.query.turn != Turn::First {
            space.forget(Field::CtState);
            if self.query.protocol == Protocol::TCP {
                space.settle(Field::TcpFlags, TcpFlags::SYN.bits().into());
            }
        }
        space
    }

    /// The first packet ended: makes the one that is asked about, if there is one. The class is over otherwise.
    pub(super) fn another(&mut self, state: &mut State, end: &End) -> bool {
        if self.query.turn == Turn::First {
            return false;
        }
        let accepted = matches!(end.kind, FateKind::Delivered | FateKind::Forwarded | FateKind::Sent);
        let turn = state.packet.turn;
        let follows = match (turn, self.query.turn) {
            // What the answer's rules make of the flow's mark, later packets have.
            (Turn::First, Turn::Later) if accepted && self.reply(state, end) => true,
            (Turn::Reply, Turn::Later) => {
                learn(state);
                self.after_reply(state);
                true
            }
            (Turn::First, Turn::Later) => {
                self.later(state, accepted.then_some(end));
                true
            }
            (Turn::First, Turn::Reply) => accepted && self.reply(state, end),
            (Turn::First | Turn::Later | Turn::Reply, _) => false,
        };
        if follows {
            state.space.forget(Field::CtState);
            return true;
        }
        // What a first packet was is no condition on the one that is asked about.
        state.space.as_asked(self.query, Field::CtState);
        if turn == Turn::First {
            state.space.as_asked(self.query, Field::TcpFlags);
        }
        false
    }

    /// conntrack keeps the flow of a packet that it let go.
    pub(super) fn remember(&self, state: &mut State) {
        if state.packet.turn != Turn::First || state.packet.flow.known.is_some() {
            learn(state);
            return;
        }
        let reply = turned(&state.packet.tuple());
        let answered = self.query.turn != Turn::First;
        let known = Some(Box::new(Known { direction: CtDirection::Original, answered, reply }));
        if state.packet.flow.tracking == Tracking::Tracked {
            let flow = Flow { known, confirmed: true, ..state.packet.flow.clone() };
            state.flows.push((state.namespace, flow));
        }
    }

    fn begin(&self, state: &mut State, packet: Packet, end: Option<&End>) {
        state.first = end.map(|end| {
            Rc::new(First {
                place: state.place,
                end: end.clone(),
                passes: std::mem::take(&mut state.passes),
                tuple: state.packet.tuple(),
                oif: state.packet.oif,
            })
        });
        state.packet = packet;
        state.place = Place::START;
        state.seen = Seen::NOTHING;
        (state.layer, state.sent, state.aside) = (Layer::Ip, None, None);
        state.passes.clear();
        (state.at, state.pass, state.way) = (At::Start, 1, None);
        (state.to_all, state.looped) = (false, false);
        (state.slave, state.crossed) = (None, 0);
    }

    /// A later packet takes the way of the first; `end`: how that one ended, where it was let through.
    fn later(&self, state: &mut State, end: Option<&End>) {
        match end {
            Some(_) => self.remember(state),
            None if state.packet.turn == Turn::First => state.flows.clear(),
            None => {}
        }
        state.space.as_asked(self.query, Field::TcpFlags);
        let filled = native::left(&self.scene(state, Hook::Output), &state.packet);
        let bound = self.query.vrf.as_deref().and_then(|name| (self.plans)(self.query.namespace).devices.number(name));
        let packet = Packet { turn: Turn::Later, filled, bound, ..Packet::entering() };
        self.begin(state, packet, end);
        state.namespace = self.query.namespace;
        state.made_here = self.query.origin == Origin::Local;
    }

    /// A later packet takes the way of the first, after an answer came.
    fn after_reply(&self, state: &mut State) {
        state.space.restore();
        let first = state.first.take();
        self.later(state, None);
        state.first = first;
    }

    /// The answer begins where the first packet ended. `false`: nobody answers.
    fn reply(&self, state: &mut State, end: &End) -> bool {
        let made_here = end.kind == FateKind::Delivered;
        let socket = if made_here { self.socket(state, end) } else { None };
        let nobody = made_here && socket.is_none() && self.plan.namespace().is_read(What::Sockets);
        let answers = self.kind_of_answer(state, nobody);
        let Some(icmp) = answers else { return false };
        self.remember(state);
        let owner = self.owner_of_answer(nobody);
        let uid = socket.and_then(|number| self.plan.namespace().sockets.get(number)).and_then(|socket| socket.uid);
        let uid = if owner == Owner::Process { uid } else { Some(0) };
        // What comes from elsewhere finds the socket of who asked.
        for field in OWN.into_iter().filter(|field| made_here || !matches!(field, Field::Uid | Field::Gid)) {
            state.space.renew(field, uid.filter(|_| field == Field::Uid).map(u128::from));
        }
        state.space.as_asked(self.query, Field::TcpFlags);
        if self.query.turn == Turn::Later && self.query.protocol == Protocol::TCP {
            state.space.settle(Field::TcpFlags, (TcpFlags::SYN | TcpFlags::ACK).bits().into());
        }
        if let Some(kind) = icmp {
            state.space.renew(Field::IcmpType, Some(kind));
            state.space.renew(Field::IcmpCode, Some(0));
        }
        if self.query.protocol == Protocol::TCP && nobody {
            state.space.renew(Field::TcpFlags, Some((TcpFlags::RST | TcpFlags::ACK).bits().into()));
        }
        // Across a bridge it comes in by the port that the first packet left by, and is not for this host if that one was not.
        let crossing = state.packet.crossing.as_ref();
        let passes_by = crossing.is_some_and(|crossing| crossing.input != Device::Absent);
        let port = crossing.map(|crossing| crossing.output).filter(|port| matches!(port, Device::Known(_)));
        let leaves = self.below(port.unwrap_or(state.packet.oif));
        let to_another = self.is_for_another(state, leaves, &state.packet.src);
        let bound = if made_here { self.vrf_of_answer(state, socket) } else { None };
        let [src, sport, dst, dport] = turned(&state.packet.tuple());
        let packet = Packet {
            turn: Turn::Reply,
            flow: Flow::of([src.clone(), sport.clone(), dst.clone(), dport.clone()]),
            src,
            sport,
            dst,
            dport,
            mark: Value::Known(0),
            ttl: TimeToLive::ENTERING,
            tos: Value::Entering(Field::Tos),
            set_changed: state.packet.set_changed.clone(),
            filled: native::left(&self.scene(state, Hook::Output), &state.packet),
            src_mac: (!made_here).then_some(Value::Entering(Field::SrcMac)),
            pkttype: Value::Known(if (passes_by || to_another) && !made_here { TO_OTHER } else { TO_HOST }),
            owner,
            bound,
            iif: if made_here { Device::Absent } else { leaves },
            ..Packet::entering()
        };
        self.begin(state, packet, Some(end));
        state.made_here = made_here;
        true
    }

    /// The VRF in which an answer is made here: the one that the packet came by, but for who hears all VRFs without a connection
    /// (`inet_request_bound_dev_if`, `ip_send_unicast_reply`, `icmp_reply`).
    fn vrf_of_answer(&self, state: &State, socket: Option<usize>) -> Option<u128> {
        let Device::Known(iif) = state.packet.iif else { return None };
        let vrf = self.plan.vrf(iif).filter(|vrf| vrf.number == iif)?;
        let is_free = |number: usize| self.plan.namespace().sockets[number].device.is_none();
        let has_connections = matches!(self.query.protocol, Protocol::TCP | Protocol::ICMP | Protocol::ICMPV6);
        (has_connections || !socket.is_some_and(is_free)).then_some(vrf.number)
    }

    /// The ICMP type of an answer, where it has one; `None`: there is no answer.
    fn kind_of_answer(&self, state: &State, nobody: bool) -> Option<Option<u128>> {
        let asked = state.space.known(Field::IcmpType);
        match self.query.protocol {
            // Where nobody listens, the stack itself refuses.
            Protocol::TCP => Some(None),
            Protocol::ICMP if asked == Some(8) => Some(Some(0)),
            Protocol::ICMP if asked == Some(13) => Some(Some(14)),
            Protocol::ICMPV6 if asked == Some(128) => Some(Some(129)),
            Protocol::ICMP | Protocol::ICMPV6 => None,
            _ => (!nobody).then_some(None),
        }
    }

    /// Whose an answer is. The stack's own refusals have no socket in IPv6 (`tcp_v6_send_response`).
    fn owner_of_answer(&self, nobody: bool) -> Owner {
        match (self.query.protocol, self.query.family) {
            (Protocol::TCP, IpFamily::V6) if nobody => Owner::Nobody,
            (Protocol::TCP, IpFamily::V4) if nobody => Owner::Kernel,
            (Protocol::ICMP | Protocol::ICMPV6, _) => Owner::Kernel,
            _ => Owner::Process,
        }
    }

    /// The answer sets out: routed from here, or in by the device by which the first packet left.
    pub(super) fn answer(&mut self, state: &mut State) -> Asked<Option<End>> {
        if !state.made_here {
            return self.come_in(state, state.packet.iif);
        }
        let scene = self.scene(state, Hook::Output);
        let back = self.asked_by(state).map(|link| output::back(scene, self.plan, link)).transpose()?.flatten();
        let next = match back {
            Some(next) => next,
            None => output::again(scene, self.plan)?,
        };
        self.set_out(state, next)
    }

    /// The device by which a question came that is answered here, by its index: none where it was asked here, or in a VRF.
    fn asked_by(&self, state: &State) -> Option<u32> {
        let pass = state.first.as_ref()?.passes.last()?;
        let ns = self.plan.namespace();
        let link = match (pass.iif, &self.query.origin) {
            _ if pass.port != Device::Absent => return None,
            (Device::Known(number), _) => ns.link(self.plan.devices.name(number)?)?,
            (Device::Entering, Origin::Device(name)) => ns.link(name)?,
            (Device::Entering | Device::Leaving | Device::Absent, _) => return None,
        };
        (link.name != "lo").then_some(link.index)
    }

    /// conntrack looks for the flow of a packet that is not the first (`resolve_normal_ct`), and says what it is.
    pub(super) fn recognise(&self, state: &mut State) -> Asked<()> {
        let established = u128::from(CtStates::ESTABLISHED.bits());
        if state.first.is_none() {
            // The rules let no first packet through now: it came when there were others.
            let open = Open::taken(Assumed::Established, Why::State, true);
            self.scene(state, Hook::Prerouting).assume(open)?;
            state.space.settle(Field::CtState, established);
            return Ok(());
        }
        match self.flow_of(state) {
            Some(flow) => {
                state.packet.flow = flow;
                state.space.settle(Field::CtState, established);
            }
            None => {
                let first = self.first_state(state)?;
                state.space.settle(Field::CtState, first.bits().into());
            }
        }
        Ok(())
    }

    /// A first packet that was here before finds the flow that it began then: until something goes the other way it is new as
    /// before, but no chain translates it anew (`nf_nat_initialized`). Whether it does.
    pub(super) fn meets_itself(&self, state: &mut State) -> bool {
        let new = u128::from(CtStates::NEW.bits());
        let Some(flow) = self.flow_of(state).filter(|_| state.space.known(Field::CtState) == Some(new)) else {
            return false;
        };
        if flow.is_answered() {
            state.space.settle(Field::CtState, u128::from(CtStates::ESTABLISHED.bits()));
        }
        state.packet.flow = flow;
        true
    }

    /// The flow of a packet among those that were left in this namespace.
    fn flow_of(&self, state: &State) -> Option<Flow> {
        let is = |tuple: &[Value; 4]| {
            let same = |(own, had): (&Value, &Value)| state.space.settled(own) == state.space.settled(had);
            state.packet.tuple().iter().zip(tuple).all(same)
        };
        let mut here = state.flows.iter().filter(|(namespace, _)| *namespace == state.namespace);
        here.find_map(|(_, flow)| {
            let known = flow.known.as_ref()?;
            let [original, reply] = [0, 1].map(|way| flow.zones[way] == state.packet.flow.zones[way]);
            let direction = match (reply && is(&known.reply), original && is(&flow.original)) {
                (true, _) => CtDirection::Reply,
                (false, true) => CtDirection::Original,
                (false, false) => return None,
            };
            let answered = known.answered || direction == CtDirection::Reply;
            Some(Flow { known: Some(Box::new(Known { direction, answered, ..Known::clone(known) })), ..flow.clone() })
        })
    }

    /// Whether an answer that leaves is on its way to who asked: with the addresses of an answer, where the question came in. By another
    /// device it goes to whoever is there.
    pub(super) fn is_back(&self, state: &State) -> bool {
        if self.query.origin == Origin::Local || state.namespace != self.query.namespace || !is_turned(state) {
            return false;
        }
        let ns = self.plan.namespace();
        let asked = if let Origin::Device(name) = &self.query.origin { ns.link(name) } else { None };
        let Device::Known(by) = state.packet.oif else { return true };
        let by = self.plan.devices.name(by).and_then(|name| ns.link(name));
        asked.zip(by).is_none_or(|(asked, by)| ns.shares_wire(asked, by))
    }
}

/// Whether an answer came to who had asked, as an answer to what was asked: one who lives in another namespace of this host gets
/// it there.
pub(super) fn is_answered(query: &Query, state: &State, kind: FateKind) -> bool {
    let is_here = state.namespace == query.namespace;
    let arrives = match (&query.origin, kind) {
        (Origin::Local, FateKind::Delivered) => is_here,
        (Origin::Local, _) => false,
        (Origin::Device(_) | Origin::Somewhere, FateKind::Sent | FateKind::Forwarded) => is_here,
        (Origin::Device(_) | Origin::Somewhere, FateKind::Delivered) => !is_here,
        (Origin::Device(_) | Origin::Somewhere, _) => false,
    };
    arrives && is_turned(state)
}

/// Whether a packet is an answer with the addresses of the first one the other way round.
fn is_turned(state: &State) -> bool {
    let Some(first) = state.first.as_ref().filter(|_| state.packet.turn == Turn::Reply) else { return false };
    let Some(asked) = first.passes.first() else { return false };
    let same = |(a, b): (&Value, &Value)| state.space.settled(a) == state.space.settled(b);
    turned(&asked.enters).iter().zip(&state.packet.tuple()).all(same)
}

/// conntrack keeps the mark that rules gave to a flow that it knew, and that it was answered.
fn learn(state: &mut State) {
    let flow = &state.packet.flow;
    if flow.known.is_none() {
        return;
    }
    let (original, mark, answered) = (flow.original.clone(), flow.mark.clone(), flow.is_answered());
    let is_it = |(namespace, flow): &&mut (usize, Flow)| *namespace == state.namespace && flow.original == original;
    if let Some((_, flow)) = state.flows.iter_mut().find(is_it) {
        flow.mark = mark;
        flow.known.iter_mut().for_each(|known| known.answered |= answered);
    }
}

/// `nf_nat_packet`: a packet of a known flow is given the addresses that its first packet was given, or those that an answer
/// is expected to have.
pub(super) fn translate(state: &mut State, hook: Hook, slot: usize) {
    state.at = At::Slot(hook, slot + 1, 0);
    state.before = state.packet.routed_by();
    let flow = &state.packet.flow;
    let (Some(side), Some(known)) = (Side::of(hook), &flow.known) else { return };
    let [original_src, original_sport, original_dst, original_dport] = &flow.original;
    let [reply_src, reply_sport, reply_dst, reply_dport] = &known.reply;
    let (changes, addr, port) = match (side, known.direction) {
        (Side::Source, CtDirection::Original) => (flow.snat, reply_dst, reply_dport),
        (Side::Destination, CtDirection::Original) => (flow.dnat, reply_src, reply_sport),
        (Side::Source, CtDirection::Reply) => (flow.dnat, original_dst, original_dport),
        (Side::Destination, CtDirection::Reply) => (flow.snat, original_src, original_sport),
    };
    if !changes {
        return;
    }
    let (addr, port) = (addr.clone(), port.clone());
    let packet = &mut state.packet;
    match side {
        Side::Source => (packet.src, packet.sport) = (addr, port),
        Side::Destination => (packet.dst, packet.dport) = (addr, port),
    }
    match hook {
        Hook::Output => state.at = At::Rerouting(hook, slot),
        // What comes back by lo loses its route with its destination (`nf_nat_ipv4_pre_routing`).
        Hook::Prerouting if state.packet.dst != state.before[1] => state.looped = false,
        _ => {}
    }
}
