//! Keys that are pressed before there is anything to press them for: people type on while a host is read, and mean what will be there.
//!
//! They are kept in their order, and pressed once all ports are known. Deliberately does not know what they do then.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::Action;
use super::going;
use super::state::State;
use super::update::{Effect, press};

/// So many are kept.
const MOST: usize = 256;

/// Keys that wait.
#[derive(Debug, Clone, Default)]
pub(super) struct Ahead {
    keys: Vec<KeyEvent>,
    /// A text is being typed.
    typing: bool,
}

/// Whether a key waits, and those after it then: before there is a host what does something with it, before all ports are known the
/// number of one. Those that leave, or move through what is there already, do so at once.
pub(super) fn is_ahead(state: &mut State, key: &KeyEvent) -> bool {
    let action = state.keymap.action(key);
    let is_number = action.is_none() && going::begins(key);
    let first = state.ahead.keys.is_empty();
    if !state.is_bare() && first || first && !state.is_opening() && !is_number {
        return false;
    }
    let at_once = match action {
        // Whoever wants to leave must not wait for it.
        Some(Action::Quit) => !state.ahead.typing || key.modifiers.contains(KeyModifiers::CONTROL),
        Some(Action::Suspend | Action::Redraw | Action::Back | Action::Help) => !state.ahead.typing,
        Some(Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::First | Action::Last) => first,
        _ => false,
    };
    if at_once {
        return false;
    }
    state.ahead.typing = match key.code {
        KeyCode::Enter | KeyCode::Esc => false,
        _ => state.ahead.typing || is_number || action == Some(Action::Find),
    };
    if state.ahead.keys.len() < MOST {
        state.ahead.keys.push(*key);
    }
    true
}

impl Ahead {
    /// Whether no key waits.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// Presses those that waited, as far as the way is known that they are about: the rest waits until it is.
pub(super) fn press_all(state: &mut State) -> Vec<Effect> {
    let keys = std::mem::take(&mut state.ahead).keys;
    state.unchosen &= keys.is_empty();
    let mut effects = Vec::new();
    for (at, key) in keys.iter().enumerate() {
        let is_typing = state.search.is_some() || state.going.is_some() || !state.is_bare();
        if !is_typing && state.selected.is_some() && state.all_answers().is_none() {
            state.ahead.keys = keys[at..].to_vec();
            break;
        }
        effects.extend(press(state, key));
    }
    effects
}
