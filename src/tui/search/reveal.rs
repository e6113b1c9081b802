//! Going to a chain or a rule wherever it is in the tree: where it can be seen already, else by opening what it is below.

use super::super::frames::FrameId;
use super::super::outline::{Id, run_of};
use super::super::path::Grouping;
use super::super::state::{Pane, State};
use super::base_text;
use crate::host::{ChainId, RuleId};

/// To a base chain.
pub(super) fn chain(state: &mut State, namespace: usize, chain: ChainId) {
    let frame = base(state, namespace, chain).or_else(|| {
        by_table(state, namespace, chain)?;
        base(state, namespace, chain)
    });
    let Some(frame) = frame else { return };
    unfold_section(state, frame);
    state.lay_out();
    go(state, Id::Base(frame));
}

/// To a rule. `by`: the rules that lead to its chain, the last one first.
pub(super) fn rule(state: &mut State, namespace: usize, rule: RuleId, by: &[RuleId]) {
    if there(state, namespace, rule, by)
        || by_table(state, namespace, rule.chain).is_some() && there(state, namespace, rule, &[])
    {
        return;
    }
    let ruleset = &state.host.namespaces[namespace].ruleset;
    let (table, chain) = (&ruleset.table(rule.chain).name, &ruleset.chain(rule.chain).name);
    state.notice = Some(format!("rule {} of {table} {chain}: nothing leads to that chain here", rule.number()));
}

/// To a rule, where the tree has it in the order in which it is; gives whether it has.
pub(super) fn there(state: &mut State, namespace: usize, rule: RuleId, by: &[RuleId]) -> bool {
    let seen = seen(state, namespace, rule);
    let Some(frame) = seen.or_else(|| open(state, namespace, rule.chain, by)) else { return false };
    if unfold_run(state, frame, rule.index) || seen.is_none() {
        state.lay_out();
    }
    go(state, Id::Rule(frame, rule.index));
    true
}

/// To a row of the path, which the tree has: what it is below is opened.
pub(super) fn row(state: &mut State, id: Id) {
    if state.tree.place(&id).is_none()
        && let Id::Rule(frame, _) | Id::End(frame) = id
    {
        let mut top = frame;
        while let Some((above, index)) = state.frames.get(top).parent {
            state.turned.insert(Id::Rule(above, index), true);
            top = above;
        }
        state.turned.insert(Id::Base(top), true);
        unfold_section(state, top);
        state.lay_out();
    }
    go(state, id);
}

/// Puts the tree into the order of the tables, where alone stands what no packet of the port comes to, and says so. `None`: it
/// has nothing more there.
fn by_table(state: &mut State, namespace: usize, chain: ChainId) -> Option<()> {
    if state.grouping != Grouping::Packet || namespace != state.namespace {
        return None;
    }
    state.grouping = Grouping::Table;
    state.follow();
    let told = base_text(&state.ns().ruleset, chain);
    state.notice = Some(format!("{told} is not where this packet comes by: the tree is table by table now"));
    Some(())
}

/// The visit of the rule's chain in which the rule can be seen, or is in a run that can be.
fn seen(state: &State, namespace: usize, rule: RuleId) -> Option<FrameId> {
    (0..state.tree.len()).filter_map(|place| state.tree.row(place)).find_map(|row| {
        let frame = match row.id {
            Id::Rule(frame, index) if index == rule.index => frame,
            Id::Run { frame, first, count, .. } if (first..first + count).contains(&rule.index) => frame,
            _ => return None,
        };
        let at = state.frames.get(frame);
        (at.chain == rule.chain && at.place.namespace == namespace).then_some(frame)
    })
}

/// Opens all that a chain is below, and it, for when the tree is laid out next; gives the visit.
fn open(state: &mut State, namespace: usize, chain: ChainId, by: &[RuleId]) -> Option<FrameId> {
    let top = by.last().map_or(chain, |rule| rule.chain);
    let mut frame = base(state, namespace, top)?;
    unfold_section(state, frame);
    state.turned.insert(Id::Base(frame), true);
    for (at, rule) in by.iter().enumerate().rev() {
        let below = if at == 0 { chain } else { by[at - 1].chain };
        unfold_run(state, frame, rule.index);
        state.turned.insert(Id::Rule(frame, rule.index), true);
        frame = state.frames.below(frame, rule.index, below);
    }
    Some(frame)
}

/// Opens what a chain is right below.
fn unfold_section(state: &mut State, frame: FrameId) {
    if let Some(id) = state.path.section(frame).map(Id::of) {
        state.turned.insert(id, true);
    }
}

/// The first visit of a base chain, or of any where the tree tells each by itself.
fn base(state: &State, namespace: usize, chain: ChainId) -> Option<FrameId> {
    state.path.bases().find(|frame| {
        let at = state.frames.get(*frame);
        at.chain == chain && at.place.namespace == namespace
    })
}

/// Opens the run that a rule is folded into, for when the tree is laid out next; gives whether it was folded.
fn unfold_run(state: &mut State, frame: FrameId, index: u32) -> bool {
    let at = state.frames.get(frame);
    let all = state.host.namespaces[at.place.namespace].ruleset.chain(at.chain).rules.len() as u32;
    let run = run_of(&state.path, frame, all, index);
    run.is_some_and(|run| state.turned.insert(run, true) != Some(true))
}

fn go(state: &mut State, id: Id) {
    if let Some(place) = state.tree.place(&id) {
        state.cursor = place;
        state.focus = Pane::Netfilter;
        state.offsets.why = 0;
    }
}
