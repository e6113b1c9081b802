//! A packet in a chain: which rule holds, and where the packet goes on.
//!
//! `ipt_do_table` and `nft_do_chain`.

use super::alter;
use super::condition::{Scene, all};
use super::engine::Engine;
use super::nat::bound;
use super::native::{self, Ran};
use super::outcome::{FateKind, Reason, StepAt, Verdict, Why};
use super::overlooked;
use super::space::{Asked, Open};
use super::state::{At, End, Frame, State};
use super::target::{Effect, is_without_effect};
use super::trail::Mark;
use crate::host::xt::Match;
use crate::host::{Body, ChainId, Hook, RuleId, nft};

impl Engine<'_> {
    /// Goes through the rules of the current chain until one of them does something, or the chain ends.
    pub(super) fn rules(&mut self, state: &mut State, hook: Hook, slot: usize, chain: usize) -> Asked<Option<End>> {
        if Engine::is_lost(state) {
            return Ok(Some(End::because(FateKind::Unknown, None)));
        }
        let ruleset = &self.plan.namespace().ruleset;
        let Some(frame) = state.frames.last().copied() else {
            return Ok(self.policy(state, hook, slot, chain));
        };
        self.see(state, None);
        let rules = &ruleset.chain(frame.chain).rules;
        let keyed = self.plan.keyed(frame.chain);
        let mut index = frame.next;
        loop {
            if let Some(keyed) = keyed {
                index = keyed.next(index, self.query.protocol, &state.packet, &state.space);
            }
            let Some(rule) = rules.get(index as usize) else { break };
            let id = RuleId { chain: frame.chain, index };
            state.looked += 1;
            let rule = match &rule.body {
                Body::Iptables(rule) => rule,
                Body::Nft(rule) => {
                    if let Some(done) = self.native_rule(state, (hook, slot, chain), rule, id)? {
                        return Ok(done);
                    }
                    index += 1;
                    set_next(state, index);
                    continue;
                }
            };
            let answer = matches_hold(&self.scene(state, hook), &rule.matches, id);
            match answer {
                Ok(false) => {}
                Ok(true) => {
                    set_next(state, index);
                    let effect = self.effect(state, hook, &rule.target, id)?;
                    return Ok(self.apply(state, (hook, slot, chain), id, effect));
                }
                // Without effect on the packet's way, it need not be known for which of them it holds.
                Err(_) if is_without_effect(&rule.target) => {
                    let mut step = self.step(state, hook, slot, StepAt::Rule(id), Verdict::Continue);
                    step.sometimes = true;
                    self.mark(state, Mark::Step(step));
                }
                Err(_) if self.overlooks(state, id) => {}
                Err(open) => {
                    set_next(state, index);
                    return Err(open);
                }
            }
            index += 1;
            set_next(state, index);
        }
        Ok(self.end_of_chain(state, hook, slot, chain))
    }

    /// Keeps the packet as it is from here on. `after`: a rule that did not hold has changed it.
    fn see(&mut self, state: &mut State, after: Option<RuleId>) {
        state.seen = self.sights.see(state.seen, state.place, after, (&state.packet, state.made_here));
    }

    /// A native rule. `None`: it does not hold, or is done with and nothing comes of it; the next rule follows.
    fn native_rule(
        &mut self,
        state: &mut State,
        (hook, slot, chain): (Hook, usize, usize),
        rule: &nft::Rule,
        id: RuleId,
    ) -> Asked<Option<Option<End>>> {
        self.met.get_mut().clear();
        let ran = self.native(state, hook, rule, id);
        match ran {
            Ok(Ran { effect, packet }) => {
                if let Some(packet) = packet {
                    state.packet = packet;
                    if effect.is_none() {
                        self.see(state, Some(id));
                    }
                }
                let Some(effect) = effect else { return Ok(None) };
                set_next(state, id.index);
                Ok(Some(self.apply(state, (hook, slot, chain), id, effect)))
            }
            Err(_) if native::is_without_effect(rule) && !native::changes(self.plan, id.chain.table, rule) => {
                self.need(state);
                let mut step = self.step(state, hook, slot, StepAt::Rule(id), Verdict::Continue);
                step.sometimes = true;
                self.mark(state, Mark::Step(step));
                Ok(None)
            }
            Err(_) if self.overlooks(state, id) => Ok(None),
            Err(open) => {
                if matches!(open, Open::Assume { why: Why::Unread, .. }) {
                    self.need(state);
                }
                set_next(state, id.index);
                Err(open)
            }
        }
    }

    /// Whether a rule is taken not to hold as it refuses few of the packets.
    fn overlooks(&self, state: &State, id: RuleId) -> bool {
        let ruleset = &self.plan.namespace().ruleset;
        let is_of_few = || overlooked::is_of_few(&ruleset.rule(id).body, ruleset.table(id.chain).family, &state.space);
        self.query.overlooks && is_of_few()
    }

    /// The packet ran off the end of the current chain.
    fn end_of_chain(&mut self, state: &mut State, hook: Hook, slot: usize, chain: usize) -> Option<End> {
        if let Some(frame) = state.frames.last().copied().filter(|frame| frame.chain != state.base) {
            let step = self.step(state, hook, slot, StepAt::End(frame.chain), Verdict::Return);
            self.mark(state, Mark::Step(step));
        }
        if state.frames.len() > 1 {
            state.frames.pop();
            return None;
        }
        self.policy(state, hook, slot, chain)
    }

    fn apply(
        &mut self,
        state: &mut State,
        (hook, slot, chain): (Hook, usize, usize),
        id: RuleId,
        effect: Effect,
    ) -> Option<End> {
        let step = |engine: &mut Self, state: &mut State, verdict: Verdict| {
            let step = engine.step(state, hook, slot, StepAt::Rule(id), verdict);
            engine.mark(state, Mark::Step(step.clone()));
            step
        };
        match effect {
            Effect::Continue(verdict) => {
                step(self, state, verdict);
                self.change(state, hook, id);
                set_next(state, id.index + 1);
                None
            }
            Effect::Accept => {
                step(self, state, Verdict::Accept);
                self.leave_base(state, hook, slot, chain);
                None
            }
            Effect::Hand(socket, mark) => {
                step(self, state, Verdict::Tproxy);
                state.packet.mark = alter::marked(&self.scene(state, hook), mark);
                state.packet.socket = Some(socket);
                self.leave_base(state, hook, slot, chain);
                None
            }
            Effect::Return => {
                step(self, state, Verdict::Return);
                if state.frames.len() > 1 {
                    state.frames.pop();
                    return None;
                }
                self.policy(state, hook, slot, chain)
            }
            Effect::Enter { chain: index, returns } => {
                let to = ChainId { table: id.chain.table, chain: index };
                step(self, state, if returns { Verdict::Jump(to) } else { Verdict::Goto(to) });
                if returns {
                    set_next(state, id.index + 1);
                } else {
                    state.frames.pop();
                }
                state.frames.push(Frame { chain: to, next: 0 });
                None
            }
            Effect::Aside(device) => {
                let taken = step(self, state, Verdict::Stolen);
                self.send_aside(state, device, taken);
                None
            }
            Effect::Answered => {
                let by = step(self, state, Verdict::Stolen);
                Some(End { reason: Some(Reason::Synproxy), ..End::by(FateKind::Diverted, by) })
            }
            Effect::End(kind, verdict) => Some(End::by(kind, step(self, state, verdict))),
            Effect::Map(side, addr, port, made) => {
                let told = self.map(state, hook, id, side, (addr, port));
                step(self, state, made.verdict(told));
                bound(state, hook);
                state.frames.clear();
                state.at = if hook == Hook::Output { At::Rerouting(hook, slot) } else { At::Slot(hook, slot + 1, 0) };
                None
            }
        }
    }
}

/// The rule that comes next in the current chain.
fn set_next(state: &mut State, index: u32) {
    if let Some(frame) = state.frames.last_mut() {
        frame.next = index;
    }
}

/// Whether all matches of a rule hold: one no decides, whatever else is open; then what packets decide is asked before
/// what must be assumed.
pub(super) fn matches_hold(scene: &Scene<'_>, matches: &[Match], id: RuleId) -> Asked<bool> {
    all(matches.iter().enumerate().map(|(index, matched)| scene.holds(matched, (id, index as u16))))
}
