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
    if !state.is_bare() || first && !state.is_opening() && !is_number {
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

/// Presses those that waited.
pub(super) fn press_all(state: &mut State) -> Vec<Effect> {
    let keys = std::mem::take(&mut state.ahead).keys;
    state.unchosen &= keys.is_empty();
    keys.iter().filter_map(|key| press(state, key)).collect()
}
