//! What was looked at before a search: it comes back where the text is taken back, and each letter starts from there. What an
//! earlier letter led to says nothing about the next one.

use std::collections::{HashMap, HashSet};

use super::super::again::Edition;
use super::super::outline::Id;
use super::super::path::Grouping;
use super::super::state::{Offsets, Pane, State};
use crate::explain::Target;
use crate::host::{ChainId, QuickMap, RuleId};
use crate::walk::StepAt;

/// What was looked at.
#[derive(Debug, Clone)]
pub(super) struct Before {
    edition: Edition,
    focus: Pane,
    selected: Option<Target>,
    outcome: usize,
    grouping: Grouping,
    turned: QuickMap<Id, bool>,
    cursor: usize,
    offsets: Offsets,
    ground: Ground,
}

/// What decides in which order hits come.
#[derive(Debug, Clone, Default)]
pub(super) struct Ground {
    /// The base chains in the order of the tree; then the others of the namespace, which see no packet of this family.
    pub(super) roots: Vec<(usize, ChainId)>,
    /// The rules on the packet's way, and how many stand before each.
    pub(super) lit: HashMap<(usize, RuleId), u32>,
}

impl Before {
    /// What is looked at now.
    pub(super) fn of(state: &State) -> Before {
        Before {
            edition: state.edition,
            focus: state.focus,
            selected: state.selected.clone(),
            outcome: state.outcome,
            grouping: state.grouping,
            turned: state.turned.clone(),
            cursor: state.cursor,
            offsets: state.offsets,
            ground: Ground::default(),
        }
    }

    /// What decides in which order hits come; nothing that the search itself led to does.
    pub(super) fn ground(&mut self, state: &State) -> Ground {
        if self.edition != state.edition || self.is_way_of(state) {
            self.ground = Ground::of(state);
        }
        self.ground.clone()
    }

    /// Whether the same way is shown now.
    fn is_way_of(&self, state: &State) -> bool {
        (&self.selected, self.outcome, self.grouping) == (&state.selected, state.outcome, state.grouping)
    }

    /// Puts it back. Of a host that was read again since then, only which pane has the keys: its places mean nothing any more.
    pub(super) fn restore(&self, state: &mut State) {
        state.focus = self.focus;
        if self.edition != state.edition {
            return;
        }
        if !self.is_way_of(state) {
            state.selected.clone_from(&self.selected);
            (state.outcome, state.grouping) = (self.outcome, self.grouping);
            state.follow();
        }
        state.turned.clone_from(&self.turned);
        state.lay_out();
        state.cursor = self.cursor.min(state.tree.len().saturating_sub(1));
        state.offsets = self.offsets;
    }
}

impl Ground {
    fn of(state: &State) -> Ground {
        Ground { roots: roots(state), lit: lit(state) }
    }
}

fn roots(state: &State) -> Vec<(usize, ChainId)> {
    let mut known = HashSet::new();
    let bases = state.path.bases().map(|frame| state.frames.get(frame)).map(|at| (at.place.namespace, at.chain));
    let others = state.frames.known_bases(state.namespace, &state.ns().ruleset);
    let others = others.into_iter().map(|id| (state.namespace, id));
    bases.chain(others).filter(|root| known.insert(*root)).collect()
}

fn lit(state: &State) -> HashMap<(usize, RuleId), u32> {
    let mut lit = HashMap::new();
    let Some(outcome) = state.outcome() else { return lit };
    for step in outcome.steps() {
        if let (StepAt::Rule(rule), Some(pass)) = (step.at, outcome.pass(step.pass)) {
            let before = lit.len() as u32;
            lit.entry((pass.namespace, rule)).or_insert(before);
        }
    }
    lit
}
