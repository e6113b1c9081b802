//! Which keys only move the cursor: whoever holds one down goes through rows, and asks for nothing else.
//!
//! Deliberately does not know where the cursor goes.

use super::super::action::Action;
use super::super::search::Search;
use super::super::state::{Pane, State};
use super::Event;

/// Whether keys are the letters of the line at the bottom.
pub(super) fn is_typing_line(state: &State) -> bool {
    state.search.as_ref().is_some_and(Search::is_typing) || state.keeping.is_some() || state.going.is_some()
}

/// Whether keys are the letters of a text.
pub(super) fn is_typing(state: &State) -> bool {
    is_typing_line(state) || state.form().is_some()
}

/// Where what happens moves the cursor by a row, or to the next rule on the packet's way: in this pane, and with so much on top of
/// the panes; `None`: it does something else.
pub fn movement(state: &State, event: &Event) -> Option<(Pane, usize)> {
    let Event::Key(key) = event else { return None };
    // Keys of the tour turn its pages.
    let action = state.keymap.action(key).filter(|_| !is_typing(state) && state.tour().is_none());
    let pane = match action? {
        Action::Up | Action::Down => state.focus,
        Action::NextStep | Action::PreviousStep => Pane::Netfilter,
        _ => return None,
    };
    Some((pane, state.overlays.len()))
}
