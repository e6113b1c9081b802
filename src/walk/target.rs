//! What a rule's target makes of a packet: a verdict, a translation, or another packet.
//!
//! The `target` callbacks of net/netfilter/xt_*.c. What is asked first, and what comes after, is the chain's business.

use super::alter::{self, replaced, shifted};
use super::condition::Scene;
use super::conntrack;
use super::engine::Engine;
use super::nat::{self, Made, Mapping, Side};
use super::native;
use super::outcome::{Assumed, FateKind, Translation, Verdict, Why};
use super::packet::{Device, Tracking, Value};
use super::set::ValueSet;
use super::space::{Asked, Open};
use super::state::State;
use super::synproxy;
use crate::host::xt::{Connmark, ConnmarkOp, Masked, Target};
use crate::host::{Body, Hook, RuleId};

/// Targets that may come as bytes that are not understood, or in words that are not, and let the packet go on all the same.
const CONTINUES: [&str; 20] = [
    "AUDIT",
    "CHECKSUM",
    "CLASSIFY",
    "CONNSECMARK",
    "CT",
    "DSCP",
    "ECN",
    "HL",
    "IDLETIMER",
    "LED",
    "NFLOG",
    "RATEEST",
    "SECMARK",
    "TCPMSS",
    "TCPOPTSTRIP",
    "TEE",
    "TOS",
    "TRACE",
    "TTL",
    "ULOG",
];

/// The place of a rule's target among its matches: behind all of them.
const TARGET: u16 = u16::MAX;

/// What a rule's target makes of the packet.
pub(super) enum Effect {
    /// The kernel answers it, and keeps it (SYNPROXY).
    Answered,
    /// The next rule.
    Continue(Verdict),
    /// The base chain ends, and lets the packet go on.
    Accept,
    /// Back to the chain that jumped here.
    Return,
    /// Another chain.
    Enter { chain: u32, returns: bool },
    /// The end.
    End(FateKind, Verdict),
    /// Out by a device, past everything but its last hook.
    Aside(Device),
    /// The base chain ends, and the packet belongs to a socket.
    Hand(usize, Masked),
    /// A translation.
    Map(Side, Value, Value, Made),
}

impl Engine<'_> {
    /// What a target makes of the packet as it is now.
    pub(super) fn effect(&self, state: &State, hook: Hook, target: &Target, id: RuleId) -> Asked<Effect> {
        let scene = self.scene(state, hook);
        Ok(match target {
            Target::Continue | Target::Log(_) | Target::Mark(_) => Effect::Continue(Verdict::Continue),
            Target::Connmark(_) => {
                scene.has_flow()?;
                Effect::Continue(Verdict::Continue)
            }
            Target::Set(set) => {
                scene.mapped_mark(set, (id, TARGET))?;
                Effect::Continue(Verdict::Continue)
            }
            Target::Accept => Effect::Accept,
            Target::Drop => Effect::End(FateKind::Dropped, Verdict::Drop),
            Target::Return => Effect::Return,
            Target::Nfqueue(queue) if queue.bypass && nobody_listens(&scene, id)? => Effect::Accept,
            Target::Queue | Target::Nfqueue(_) => Effect::End(FateKind::Queued, Verdict::Queue),
            Target::Tproxy(tproxy) => return alter::hand_over(&scene, tproxy, (id, TARGET)),
            Target::Jump(chain) => Effect::Enter { chain: *chain, returns: true },
            Target::Goto(chain) => Effect::Enter { chain: *chain, returns: false },
            Target::Reject(with) => Effect::End(FateKind::Rejected, Verdict::Reject(*with)),
            Target::Notrack { .. } => Effect::Continue(Verdict::Notrack),
            Target::Dnat(_) | Target::Snat(_) | Target::Masquerade(_) | Target::Redirect(_) | Target::Netmap(_) => {
                return self.translation(&scene, state, target);
            }
            Target::Ct(ct) if ct.notrack => Effect::Continue(Verdict::Notrack),
            Target::Opaque(opaque) if CONTINUES.contains(&&*opaque.name) => Effect::Continue(Verdict::Continue),
            Target::Synproxy(_) => return synproxy::of_iptables(&scene, id),
            Target::Clusterip(_) => return clusterip(&scene, id),
            Target::Opaque(_) => return continues_or(&scene, id, Effect::End(FateKind::Unknown, Verdict::Unknown)),
            Target::Ct(_)
            | Target::Tee(_)
            | Target::Tcpmss(_)
            | Target::Tcpoptstrip(_)
            | Target::Checksum
            | Target::Ttl(_)
            | Target::Dscp(_)
            | Target::Tos(_)
            | Target::Ecn(_)
            | Target::Npt(_)
            | Target::Classify(_)
            | Target::Secmark(_)
            | Target::Connsecmark(_)
            | Target::Hmark(_)
            | Target::Nflog(_)
            | Target::Ulog(_)
            | Target::Audit(_)
            | Target::Trace
            | Target::Idletimer(_)
            | Target::Led(_)
            | Target::Rateest(_) => Effect::Continue(Verdict::Continue),
        })
    }

    /// What a target that translates makes of the packet of a scene.
    pub(super) fn translation(&self, scene: &Scene<'_>, state: &State, target: &Target) -> Asked<Effect> {
        Ok(match nat::mapping(scene, target, Engine::router(state)).transpose()? {
            Some(Mapping::To(side, addr, port, made)) => {
                self.is_changed(scene, side, &addr, &port)?;
                Effect::Map(side, addr, port, made)
            }
            Some(Mapping::NoAddress) => Effect::End(FateKind::Dropped, Verdict::Drop),
            Some(Mapping::Nothing) | None => Effect::Continue(Verdict::Continue),
        })
    }

    /// Gives a side of the packet its new address and port (`nf_nat_setup_info`); says what changed.
    pub(super) fn map(
        &self,
        state: &mut State,
        hook: Hook,
        id: RuleId,
        side: Side,
        (addr, port): (Value, Value),
    ) -> Translation {
        let scene = self.scene(state, hook);
        // What would have to be known was asked before.
        let changed = self.is_changed(&scene, side, &addr, &port).unwrap_or(true);
        let (gives_addr, gives_port) = self.gives(id);
        let told = nat::told(gives_addr.then_some(&addr), gives_port.then_some(&port), self.family());
        // The flow that a reset ends is translated, whose other way the reset goes.
        let is_other_way = self.is_reset(state).unwrap_or(false);
        let packet = &mut state.packet;
        packet.redirected = side == Side::Destination && matches!(addr, Value::Chosen { why: Why::Unread, .. });
        match side {
            Side::Source => {
                if !is_other_way {
                    (packet.src, packet.sport) = (addr, port);
                }
                packet.flow.snat |= changed;
            }
            Side::Destination => {
                (packet.dst, packet.dport) = (addr, port);
                packet.flow.dnat |= changed;
            }
        }
        told
    }

    /// Whether a translation changes the packet, asked only where a rule wants to know (`--ctstate DNAT`): a flow that is
    /// translated to what it was is none.
    pub(super) fn is_changed(&self, scene: &Scene<'_>, side: Side, addr: &Value, port: &Value) -> Asked<bool> {
        if !self.plan.asks_translated {
            return Ok(true);
        }
        let packet = scene.packet;
        let (old_addr, old_port) = match side {
            Side::Source => (&packet.src, &packet.sport),
            Side::Destination => (&packet.dst, &packet.dport),
        };
        let same = |old: &Value, new: &Value| match (scene.settled(old), new) {
            (old @ Value::Entering(_), Value::Known(new)) => scene.in_range(&old, *new, *new, None),
            (old, new) => Ok(old == *new),
        };
        Ok(!(same(old_addr, addr)? && same(old_port, port)?))
    }

    /// Whether a rule's target gives an address, and whether it gives a port.
    fn gives(&self, id: RuleId) -> (bool, bool) {
        let body = &self.plan.namespace().ruleset.rule(id).body;
        if let Body::Nft(rule) = body {
            return native::gives(rule);
        }
        let Some(target) = body.target() else { return (true, true) };
        match target {
            Target::Dnat(nat) | Target::Snat(nat) => (nat.addresses.is_some(), nat.ports.is_some()),
            Target::Masquerade(nat) | Target::Redirect(nat) => (true, nat.ports.is_some()),
            _ => (true, false),
        }
    }

    /// What targets that let the packet go on change about it.
    pub(super) fn change(&self, state: &mut State, hook: Hook, id: RuleId) {
        let Some(target) = self.plan.namespace().ruleset.rule(id).body.target() else { return };
        match target {
            Target::Mark(mark) => state.packet.mark = alter::marked(&self.scene(state, hook), *mark),
            Target::Set(set) => {
                let changed = [&set.add, &set.del].into_iter().flatten();
                let numbers = changed.flat_map(|set| self.plan.ipsets.changed_with(&set.name));
                // What would have to be known was asked before.
                let given = self.scene(state, hook).mapped_mark(set, (id, TARGET)).unwrap_or(Some(None));
                state.packet.set_changed.extend(numbers);
                state.packet.mark = match given {
                    Some(Some((value, mask))) => alter::marked(&self.scene(state, hook), Masked { value, mask }),
                    Some(None) => Value::Chosen { among: ValueSet::full(32), why: Why::State },
                    None => return,
                };
            }
            Target::Notrack { .. } => untrack(state),
            Target::Ct(ct) if ct.notrack => untrack(state),
            Target::Ct(ct) => {
                let Some(zone) = ct.zone else { return };
                let marked = match self.scene(state, hook).settled(&state.packet.mark) {
                    Value::Known(mark) => Some(mark as u16),
                    _ => None,
                };
                conntrack::put_into_zone(&mut state.packet.flow, zone.direction, zone.id.or(marked));
            }
            // The flow's mark is the node's hash.
            Target::Clusterip(_) => {
                state.packet.flow.mark = Value::Chosen { among: ValueSet::full(32), why: Why::Undecoded };
            }
            // A hash with a seed of its own: any value, or none set for packets without ports.
            Target::Hmark(_) => state.packet.mark = Value::Chosen { among: ValueSet::full(32), why: Why::Undecoded },
            Target::Connmark(connmark) => self.change_flow_mark(state, hook, connmark),
            target => {
                let tos = self.scene(state, hook).settled(&state.packet.tos);
                alter::alter(&mut state.packet, &tos, target);
            }
        }
    }

    /// `connmark_tg_shift`: gives the flow a mark, or the flow's to the packet.
    fn change_flow_mark(&self, state: &mut State, hook: Hook, connmark: &Connmark) {
        let scene = self.scene(state, hook);
        if scene.has_flow() != Ok(true) {
            return;
        }
        let (flow, packet) = (scene.settled(&state.packet.flow.mark), scene.settled(&state.packet.mark));
        // What is left of a mark, shifted.
        let taken = |mark: &Value, bits: u32| match connmark.shift {
            0 => (mark.clone(), bits),
            shift => (shifted(replaced(&Value::Known(0), u32::MAX, mark, bits), shift), u32::MAX),
        };
        match connmark.op {
            ConnmarkOp::Set(Masked { value, mask }) => {
                let set = replaced(&flow, mask, &Value::Known(u128::from(value)), u32::MAX);
                state.packet.flow.mark = shifted(set, connmark.shift);
            }
            ConnmarkOp::Save { nfmask, ctmask } => {
                let (packet, nfmask) = taken(&packet, nfmask);
                state.packet.flow.mark = replaced(&flow, ctmask, &packet, nfmask);
            }
            ConnmarkOp::Restore { nfmask, ctmask } => {
                let (flow, ctmask) = taken(&flow, ctmask);
                state.packet.mark = replaced(&packet, nfmask, &flow, ctmask);
            }
        }
    }
}

/// The packet is not tracked, unless it is already.
fn untrack(state: &mut State) {
    if state.packet.flow.tracking == Tracking::Unseen {
        state.packet.flow.tracking = Tracking::Untracked;
    }
}

/// Whether a target neither changes anything that matters nor gives a verdict.
pub(super) fn is_without_effect(target: &Target) -> bool {
    matches!(
        target,
        Target::Continue
            | Target::Log(_)
            | Target::Nflog(_)
            | Target::Ulog(_)
            | Target::Audit(_)
            | Target::Trace
            | Target::Idletimer(_)
            | Target::Led(_)
            | Target::Rateest(_)
    )
}

/// Whether nobody takes packets from the queue of a rule: with `--queue-bypass` they go on then (`nf_queue`).
pub(super) fn nobody_listens(scene: &Scene<'_>, id: RuleId) -> Asked<bool> {
    scene.assume(Open::either(Assumed::TargetContinues(id), Why::State, 0.5))
}

/// `clusterip_tg`: the hash of a packet's addresses tells which node of the cluster takes it, and the others drop it.
fn clusterip(scene: &Scene<'_>, id: RuleId) -> Asked<Effect> {
    if !scene.has_flow()? {
        return Ok(Effect::End(FateKind::Dropped, Verdict::Drop));
    }
    continues_or(scene, id, Effect::End(FateKind::Dropped, Verdict::Drop))
}

/// A target of which nobody knows here whether it lets the packet go on; `end`: what it makes of it where it does not.
fn continues_or(scene: &Scene<'_>, id: RuleId, end: Effect) -> Asked<Effect> {
    let open = Open::either(Assumed::TargetContinues(id), Why::Undecoded, 0.5);
    Ok(if scene.assume(open)? { Effect::Continue(Verdict::Continue) } else { end })
}
