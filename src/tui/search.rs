//! Finding: what a person types, what was found of it, and going from one to the next.
//!
//! Looking through the host takes its time and is an effect ([`seek`]); what comes back for an older text is dropped. Where a
//! rule is folded away, all that it is below is opened.

mod before;
mod elements;
mod reveal;
mod seek;
mod shelf;

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent};

pub use elements::Within;
pub use seek::{Found, Hit, Listed, Sought, base_text, seek};
pub use shelf::Shelf;

use super::line::{Line, Typed};
use super::matching::Query;
use super::outline::Id;
use super::state::{Pane, State};
use super::update::Effect;
use crate::host::RuleId;
use before::{Before, Ground};

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

    /// The element of a set by which a rule was found, whose text does not have what is sought.
    pub(super) fn within(&self, namespace: usize, rule: RuleId) -> Option<Within> {
        self.found.as_ref()?.within.get(&(namespace, rule)).copied()
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
        _ => Before::of(state),
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
    let mut search = state.search.take()?;
    (search.number, search.found, search.at) = (number, None, 0);
    search.again = false;
    let query = search.query();
    if query.is_empty() {
        search.before.restore(state);
        state.search = Some(search);
        return None;
    }
    let Ground { roots, lit } = search.before.ground(state);
    state.search = Some(search);
    let sought = Sought { query, namespace: state.namespace, ports: Listed(Arc::clone(&state.ports)), roots, lit };
    Some(Effect::Search(state.edition, number, Box::new(sought)))
}

/// Something was found, or nothing.
pub(super) fn found(state: &mut State, number: u64, found: Arc<Found>) {
    let Some(search) = state.search.as_mut().filter(|search| search.number == number) else { return };
    search.at = found.best;
    search.found = Some(found);
    if search.again {
        return;
    }
    if let Some(search) = state.search.take() {
        search.before.restore(state);
        state.search = Some(search);
    }
    go(state);
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
        state.notice = Some("nothing was searched for: / finds ports, chains, rules and what is in sets".to_owned());
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

/// To a row of the path.
pub(super) fn show(state: &mut State, id: Id) {
    reveal::row(state, id);
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
    search.before.restore(state);
}
