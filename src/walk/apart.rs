//! How a class is split: in two by what is open, or in many at once where one rule after another asks for the same.
//!
//! A chain with a rule for each of ten thousand ports, met by packets to all of them, is one question with ten thousand
//! answers. Asked rule by rule, the packets that no rule was about yet would be put together anew ten thousand times.

use std::collections::BTreeMap;

use super::chain::matches_hold;
use super::engine::Engine;
use super::field::Field;
use super::packet::Value;
use super::query::address;
use super::set::ValueSet;
use super::space::{Open, Space};
use super::state::{At, State};
use crate::host::{Body, RuleId};

impl Engine<'_> {
    /// The parts of a class, split where something is open, each with its share of the whole from 0 to 1.
    pub(super) fn parts(&self, state: &State, open: &Open) -> Vec<(Space, f64)> {
        let devices = &self.plan.devices;
        if let Open::Leaves(set) = open {
            let to = match state.packet.dst {
                Value::Known(to) => Some(address(self.family(), to)),
                _ => None,
            };
            let namespace = self.plan.namespace();
            return state.space.split_leaves(set, |set| devices.weight_leaving(namespace, to, set));
        }
        match asks(open) {
            Some((field, first)) => {
                let size = |set: &ValueSet| if field == Field::Iif { devices.weight(set) } else { set.size() };
                state.space.split_all(self.query, field, &self.alike(state, field, first), size)
            }
            None => state.space.split(self.query, state.namespace, open),
        }
    }

    /// What the rule at hand and those after it ask a field for, up to the first that asks for something else, or for values that
    /// one before it asked for already. Only in long chains.
    fn alike(&self, state: &State, field: Field, first: ValueSet) -> Vec<ValueSet> {
        let mut taken = Taken::default();
        taken.take(&first);
        let mut sets = vec![first];
        let (At::Chain(hook, ..), Some(frame)) = (state.at, state.frames.last()) else { return sets };
        let Some(keyed) = self.plan.keyed(frame.chain) else { return sets };
        let rules = &self.plan.namespace().ruleset.chain(frame.chain).rules;
        let scene = self.scene(state, hook);
        let mut index = frame.next;
        loop {
            index = keyed.next(index + 1, self.query.protocol, &state.packet, &state.space);
            let Some(rule) = rules.get(index as usize) else { return sets };
            let id = RuleId { chain: frame.chain, index };
            let holds = match &rule.body {
                Body::Iptables(rule) => matches_hold(&scene, &rule.matches, id),
                // A rule that changes the packet counts as one that holds.
                Body::Nft(rule) => {
                    self.native(state, hook, rule, id).map(|ran| ran.effect.is_some() || ran.packet.is_some())
                }
            };
            match holds {
                Ok(false) => {}
                Err(open) => match asks(&open) {
                    Some((asked, set)) if asked == field && taken.take(&set) => sets.push(set),
                    _ => return sets,
                },
                Ok(true) => return sets,
            }
        }
    }
}

/// The field that a question is about, and the values for which it is answered yes.
fn asks(open: &Open) -> Option<(Field, ValueSet)> {
    match open {
        Open::Field(field, set) => Some((*field, set.clone())),
        Open::Range(field, first, last) => Some((*field, ValueSet::range(*first, *last))),
        Open::Leaves(_) | Open::Assume { .. } => None,
    }
}

/// Ranges that were asked for, by their first value.
#[derive(Default)]
struct Taken(BTreeMap<u128, u128>);

impl Taken {
    /// Adds the values, unless one of them is there.
    fn take(&mut self, set: &ValueSet) -> bool {
        let is_free = |(first, last): &(u128, u128)| {
            let before = self.0.range(..=*last).next_back();
            before.is_none_or(|(_, end)| end < first)
        };
        let free = set.ranges().iter().all(is_free);
        if free {
            self.0.extend(set.ranges().iter().copied());
        }
        free
    }
}
