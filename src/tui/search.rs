//! Finding: what a person types, what was found of it, and going from one to the next.
//!
//! Looking through the host takes its time and is an effect ([`seek`]); what comes back for an older text is dropped. Where a
//! rule is folded away, all that it is below is opened.

mod reveal;
mod seek;
mod shelf;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent};

pub use seek::{Found, Hit, Listed, Sought, base_text, seek};
pub use shelf::Shelf;

use super::line::{Line, Typed};
use super::matching::Query;
use super::path::Grouping;
use super::state::{Pane, State};
use super::update::Effect;
use crate::explain::Target;
use crate::host::{ChainId, RuleId};
use crate::walk::StepAt;

/// What is sought, and what was found.
#[derive(Debug, Clone)]
pub(super) struct Search {
    line: Line,
    /// Whether it is being typed.
    typing: bool,
    /// Which text this is: what is found for an older one is of no use.
    number: u64,
    /// What was found; `None` while it is looked for.
    found: Option<Arc<Found>>,
    /// The hit that is looked at.
    at: usize,
    /// Whether what is found leaves what is looked at alone: it was looked for again because the host was read again.
    again: bool,
    /// What was looked at before.
    before: Before,
}

/// What was looked at before, to come back to.
#[derive(Debug, Clone)]
struct Before {
    focus: Pane,
    selected: Option<Target>,
    grouping: Grouping,
    cursor: usize,
}

impl State {
    /// Whether somebody types what is sought.
    pub fn is_seeking(&self) -> bool {
        self.search.as_ref().is_some_and(Search::is_typing)
    }
}

impl Search {
    /// What was typed.
    pub(super) fn text(&self) -> &str {
        self.line.text()
    }

    /// The same, before and behind the place where the next character goes.
    pub(super) fn halves(&self) -> (&str, &str) {
        self.line.halves()
    }

    /// Whether it is being typed.
    pub(super) fn is_typing(&self) -> bool {
        self.typing
    }

    /// What was found; `None` while it is looked for.
    pub(super) fn found(&self) -> Option<&Found> {
        self.found.as_deref()
    }

    /// The number of the hit that is looked at, from 1.
    pub(super) fn at(&self) -> usize {
        self.at + 1
    }

    /// What is sought.
    pub(super) fn query(&self) -> Query {
        Query::new(self.text())
    }
}

/// A text is typed from now on.
pub(super) fn begin(state: &mut State) {
    let before = match state.search.take() {
        Some(Search { before, typing: true, .. }) => before,
        _ => Before {
            focus: state.focus,
            selected: state.selected.clone(),
            grouping: state.grouping,
            cursor: state.cursor,
        },
    };
    let number = state.sought;
    state.search =
        Some(Search { line: Line::default(), typing: true, number, found: None, at: 0, again: false, before });
}

/// A key while the text is typed.
pub(super) fn key(state: &mut State, key: &KeyEvent) -> Option<Effect> {
    let search = state.search.as_mut()?;
    match search.line.key(key) {
        Typed::Changed => return look(state),
        Typed::Done if search.query().is_empty() => leave(state),
        Typed::Done => search.typing = false,
        Typed::Dropped => leave(state),
        Typed::Moved => {}
        Typed::Nothing => match key.code {
            KeyCode::Up => turn(state, false),
            KeyCode::Down => turn(state, true),
            _ => {}
        },
    }
    None
}

/// Looks for what is typed now.
fn look(state: &mut State) -> Option<Effect> {
    state.sought += 1;
    let number = state.sought;
    let search = state.search.as_mut()?;
    (search.number, search.found, search.at) = (number, None, 0);
    search.again = false;
    let query = search.query();
    if query.is_empty() {
        return None;
    }
    let sought = Sought {
        query,
        namespace: state.namespace,
        ports: Listed(Arc::clone(&state.ports)),
        roots: roots(state),
        lit: lit(state),
    };
    Some(Effect::Search(state.edition, number, Box::new(sought)))
}

/// The base chains of the tree, each once; then the others of the namespace, which see no packet of this family.
fn roots(state: &State) -> Vec<(usize, ChainId)> {
    let mut known = HashSet::new();
    let bases = state.path.bases().map(|frame| state.frames.get(frame)).map(|at| (at.place.namespace, at.chain));
    let others = state.ns().ruleset.chains().filter(|(_, chain)| chain.base.is_some());
    let others = others.map(|(id, _)| (state.namespace, id));
    bases.chain(others).filter(|root| known.insert(*root)).collect()
}

/// The rules on the packet's way, and how many stand before each.
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

/// Something was found, or nothing.
pub(super) fn found(state: &mut State, number: u64, found: Arc<Found>) {
    let Some(search) = state.search.as_mut().filter(|search| search.number == number) else { return };
    search.at = found.best;
    search.found = Some(found);
    if !search.again {
        go(state);
    }
}

/// The host was read again: places in the old one mean nothing any more.
pub(super) fn again(state: &mut State) -> Option<Effect> {
    let effect = look(state);
    if let Some(search) = &mut state.search {
        search.again = true;
    }
    effect
}

/// To the next hit, or the one before.
pub(super) fn turn(state: &mut State, forward: bool) {
    let Some(search) = &mut state.search else {
        state.notice = Some("nothing was searched for: / finds ports, chains and rules".to_owned());
        return;
    };
    let all = search.found.as_ref().map_or(0, |found| found.hits.len());
    if all > 0 {
        search.at = (search.at + if forward { 1 } else { all - 1 }) % all;
        go(state);
    }
}

/// To the hit that is looked at.
fn go(state: &mut State) {
    let found = state.search.as_ref().and_then(|search| Some((search.found.as_ref()?, search.at)));
    let Some((found, hit)) = found.and_then(|(found, at)| Some((found, found.hits.get(at)?.clone()))) else { return };
    match hit {
        Hit::Port(target) => {
            state.focus = Pane::Ports;
            if state.selected.as_ref() != Some(&target) {
                state.select(target);
            }
        }
        Hit::Chain(namespace, chain) => reveal::chain(state, namespace, chain),
        Hit::Rule(namespace, rule) => {
            let by = found.way(namespace, rule.chain);
            reveal::rule(state, namespace, rule, &by);
        }
    }
}

/// To a rule, where the tree has it in the order in which it is.
pub(super) fn stay(state: &mut State, namespace: usize, rule: RuleId) {
    reveal::there(state, namespace, rule, &[]);
}

/// To a rule, wherever it stands.
pub(super) fn reveal(state: &mut State, namespace: usize, rule: RuleId) {
    reveal::rule(state, namespace, rule, &[]);
}

/// Nothing is sought any more. What was being typed is taken back, and with it where it led to.
pub(super) fn leave(state: &mut State) {
    let Some(search) = state.search.take() else { return };
    if !search.typing {
        return;
    }
    let Before { focus, selected, grouping, cursor } = search.before;
    if state.grouping != grouping {
        state.grouping = grouping;
        state.follow();
    }
    if state.selected != selected
        && let Some(selected) = selected
    {
        state.select(selected);
    }
    state.focus = focus;
    state.cursor = cursor.min(state.tree.len().saturating_sub(1));
}
