//! The chains that a packet went through, and the moment at which it passed by a rule.

use crate::host::{ChainId, Hook, RuleId};
use crate::walk::memory::{Class, Kept};
use crate::walk::outcome::{Outcome, Step, StepAt, Verdict};
use crate::walk::packet::Packet;
use crate::walk::trail::{Mark, Place};

/// A rule where a packet may meet it: a chain that two rules jump to is two places.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Spot {
    /// The pass, from 1; 0: one that the packet does not make.
    pub pass: u32,
    /// Index of the namespace.
    pub namespace: usize,
    /// The hook.
    pub hook: Hook,
    /// The rules that lead from the base chain to the rule's chain.
    pub jumps: Vec<RuleId>,
    /// The rule.
    pub rule: RuleId,
}

impl Spot {
    /// The base chain.
    pub fn base(&self) -> ChainId {
        self.jumps.first().map_or(self.rule.chain, |first| first.chain)
    }
}

/// A chain as a packet went through it, once.
pub(super) struct Visit<'m> {
    pub(super) pass: u32,
    pub(super) hook: Hook,
    jumps: Vec<RuleId>,
    chain: ChainId,
    /// What happened in it, each with the number of marks before.
    pub(super) steps: Vec<(usize, &'m Step)>,
}

/// When a packet came to a rule of a chain.
pub(super) enum Moment<'m> {
    /// After so many marks; the rule held.
    Held(usize, &'m Step),
    /// After so many marks; it did not.
    Passed(usize),
    /// Never: this came before.
    After(&'m Step),
}

impl<'m> Visit<'m> {
    /// Whether the rule of a spot is met here.
    pub(super) fn is_of(&self, spot: &Spot) -> bool {
        (self.pass, self.hook, self.chain) == (spot.pass, spot.hook, spot.rule.chain) && self.jumps == spot.jumps
    }

    /// When the packet came to the rule with this index; `None`: nothing is known of the chain but that it was entered.
    pub(super) fn moment(&self, index: u32) -> Option<Moment<'m>> {
        let mut last: Option<&Step> = None;
        for (at, step) in &self.steps {
            // The end of a base chain that a rule left is its policy.
            if let Some(left) = last.filter(|step| matches!(step.verdict, Verdict::Goto(_) | Verdict::Return)) {
                return Some(Moment::After(left));
            }
            match step.at {
                StepAt::Rule(rule) if rule.index == index => return Some(Moment::Held(*at, step)),
                StepAt::Rule(rule) if rule.index < index => last = Some(*step),
                StepAt::Rule(_) | StepAt::End(_) => return Some(Moment::Passed(*at)),
            }
        }
        last.map(Moment::After)
    }
}

/// The chains of a way, in the order in which they were entered.
pub(super) fn visits<'m>(steps: impl IntoIterator<Item = (usize, &'m Step)>) -> Vec<Visit<'m>> {
    let mut visits: Vec<Visit<'m>> = Vec::new();
    let mut stack: Vec<usize> = Vec::new();
    for (at, step) in steps {
        let chain = step.at.chain();
        if chain == step.base {
            let is_it = |visit: &Visit<'_>| {
                (visit.pass, visit.hook, visit.chain) == (step.pass, step.hook, chain) && visit.jumps.is_empty()
            };
            let index = visits.iter().rposition(is_it).unwrap_or(visits.len());
            if index == visits.len() {
                visits.push(Visit { pass: step.pass, hook: step.hook, jumps: Vec::new(), chain, steps: Vec::new() });
            }
            stack = vec![index];
        }
        while stack.last().is_some_and(|top| visits[*top].chain != chain) {
            stack.pop();
        }
        let Some(visit) = stack.last().map(|top| &mut visits[*top]) else { continue };
        visit.steps.push((at, step));
        if let (StepAt::Rule(rule), Verdict::Jump(to) | Verdict::Goto(to)) = (step.at, step.verdict) {
            let jumps = visit.jumps.iter().copied().chain([rule]).collect();
            stack.push(visits.len());
            visits.push(Visit { pass: step.pass, hook: step.hook, jumps, chain: to, steps: Vec::new() });
        }
    }
    visits
}

/// The steps among marks, each with the number of marks before it.
pub(super) fn steps<'m>(marks: &[&'m Mark]) -> Vec<(usize, &'m Step)> {
    let step = |(at, mark): (usize, &&'m Mark)| match mark {
        Mark::Step(step) => Some((at, step)),
        Mark::Route { .. } => None,
    };
    marks.iter().enumerate().filter_map(step).collect()
}

/// The chains that the packets of an outcome went through, each as the spot of its first rule.
pub fn visited(outcome: &Outcome) -> Vec<Spot> {
    let spot = |visit: Visit<'_>| Spot {
        pass: visit.pass,
        namespace: outcome.pass(visit.pass).map_or(0, |pass| pass.namespace),
        hook: visit.hook,
        jumps: visit.jumps,
        rule: RuleId { chain: visit.chain, index: 0 },
    };
    visits(outcome.steps().enumerate()).into_iter().map(spot).collect()
}

/// The packet of a class as it was when it came to a rule, after so many marks; and whether it was made there.
pub(super) fn packet_at<'k>(kept: &'k Kept, class: &Class, rule: RuleId, marks: usize) -> Option<(&'k Packet, bool)> {
    let places: Vec<Place> = kept.trail.places(class.place);
    let mut at = 0;
    let mut last = None;
    for sight in kept.sights.way(class.seen) {
        at += places[at..].iter().position(|place| *place == sight.place)?;
        let before = |changer: RuleId| changer.chain == rule.chain && changer.index < rule.index;
        if at > marks || at == marks && sight.after.is_some_and(|changer| !before(changer)) {
            break;
        }
        last = Some((&sight.packet, sight.made_here));
    }
    last
}
