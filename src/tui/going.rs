//! Going to a port by its number, as it is typed; a number that no port has is asked about.
//!
//! Deliberately does not look for anything else: that is a search.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::line::{Line, Typed};
use super::state::{Pane, Port, State};
use crate::explain::Target;
use crate::host::Protocol;

/// A number that is being typed.
#[derive(Debug, Clone)]
pub(super) struct Going {
    line: Line,
    /// The pane and the port that were looked at before.
    before: (Pane, Option<Target>),
}

impl Going {
    /// What was typed.
    pub(super) fn text(&self) -> &str {
        self.line.text()
    }

    /// The number, if it is one that a port can have.
    pub(super) fn port(&self) -> Option<u16> {
        self.text().parse().ok().filter(|port| *port > 0)
    }
}

/// Whether a key begins a number: a digit, where no number is typed yet.
pub(super) fn begins(key: &KeyEvent) -> bool {
    let bare = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    bare && matches!(key.code, KeyCode::Char('1'..='9'))
}

/// A key of a number, the first or a later one. `false`: it is for somebody else, and the number is kept as it was.
pub(super) fn key(state: &mut State, key: &KeyEvent) -> bool {
    let before = (state.focus, state.selected.clone());
    let going = state.going.get_or_insert_with(|| Going { line: Line::default(), before });
    let is_digit = matches!(key.code, KeyCode::Char('0'..='9'));
    if matches!(key.code, KeyCode::Char(_)) && !is_digit && !key.modifiers.contains(KeyModifiers::CONTROL) {
        return false;
    }
    match going.line.key(key) {
        Typed::Changed if going.text().is_empty() => leave(state),
        Typed::Changed => near(state),
        Typed::Done => take(state),
        Typed::Dropped => leave(state),
        Typed::Moved | Typed::Nothing => return false,
    }
    true
}

/// To the port with this number, else the first whose number begins so.
fn near(state: &mut State) {
    let Some(going) = &state.going else { return };
    let Some(number) = going.port() else { return };
    let found = state.with_number(number).or_else(|| state.with_begin(number));
    if let Some(target) = found.map(|port| port.target.clone()) {
        go(state, target);
    }
}

/// The number is said: a port that is not among the rows is asked about.
fn take(state: &mut State) {
    let Some(going) = state.going.take() else { return };
    let Some(number) = going.port() else {
        state.notice = Some(format!("{} is no port: they go from 1 to 65535", going.text()));
        return restore(state, going);
    };
    let target = Target { protocol: Protocol::TCP, addr: None, port: Some(number), socket: None };
    if let Some(known) = state.with_number(number) {
        let target = known.target.clone();
        return go(state, target);
    }
    // One port that nobody has is asked about at a time.
    state.change_ports(|ports| ports.retain(|port| port.entry.is_some()));
    state.insert(Port::asked(target.clone()));
    go(state, target);
}

fn go(state: &mut State, target: Target) {
    state.focus = Pane::Ports;
    state.list_something();
    if state.selected.as_ref() != Some(&target) {
        state.select(target);
    }
}

/// It is taken back, and with it where it led to.
fn leave(state: &mut State) {
    if let Some(going) = state.going.take() {
        restore(state, going);
    }
}

fn restore(state: &mut State, going: Going) {
    let (focus, selected) = going.before;
    if let Some(selected) = selected {
        go(state, selected);
    }
    state.focus = focus;
}
