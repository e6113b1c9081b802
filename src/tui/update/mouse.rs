//! What the mouse does: a click goes to a row, a second one does what Enter does there; the wheel moves in the pane below the
//! pointer; the border between the upper panes can be dragged.
//!
//! Deliberately does not know how a terminal tells of it, and nothing of what keys do that the mouse does not.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::super::action::Action;
use super::super::form;
use super::super::overlay::Overlay;
use super::super::search::Search;
use super::super::state::{Pane, State};
use super::super::view;
use super::{Effect, act};

/// How many rows a notch of the wheel is.
const NOTCH: usize = 3;

/// Takes what the mouse did.
pub(super) fn take(state: &mut State, event: &MouseEvent) -> Option<Effect> {
    let typed =
        state.search.as_ref().is_some_and(Search::is_typing) || state.keeping.is_some() || state.going.is_some();
    if typed || state.is_opening() {
        return None;
    }
    let at = Position::new(event.column, event.row);
    match event.kind {
        MouseEventKind::ScrollUp | MouseEventKind::ScrollDown if state.form().is_some() => {
            let up = event.kind == MouseEventKind::ScrollUp;
            form::go(state, |at, _| if up { at.saturating_sub(1) } else { at + 1 });
            None
        }
        MouseEventKind::ScrollUp => turn(state, at, Action::Up, Action::TextUp),
        MouseEventKind::ScrollDown => turn(state, at, Action::Down, Action::TextDown),
        MouseEventKind::Down(MouseButton::Left) if state.is_bare() => click(state, at),
        MouseEventKind::Down(MouseButton::Left) if state.form().is_some() => {
            if let Some(row) = view::form_row_at(state, at) {
                form::go(state, |_, _| row);
            }
            None
        }
        MouseEventKind::Drag(MouseButton::Left) if state.dragging => {
            state.split = Some(at.x);
            None
        }
        MouseEventKind::Up(MouseButton::Left) => {
            state.dragging = false;
            None
        }
        _ => None,
    }
}

/// The pane below the pointer, and what is inside of its frame.
fn below(state: &State, at: Position) -> Option<(Pane, Rect)> {
    let panes = view::panes(state)?;
    let all = [(Pane::Ports, panes.ports), (Pane::Netfilter, panes.tree), (Pane::Why, panes.why)];
    all.into_iter().find(|(_, pane)| pane.area().contains(at)).map(|(which, pane)| (which, pane.inner()))
}

fn turn(state: &mut State, at: Position, row: Action, line: Action) -> Option<Effect> {
    let action = match state.is_bare().then(|| below(state, at)).flatten() {
        Some((Pane::Why, _)) => line,
        Some((pane, _)) => {
            state.focus = pane;
            row
        }
        // On a page about a port or a rule the rows are those below.
        None if matches!(state.overlays.last(), Some(Overlay::Details(_))) => line,
        None => row,
    };
    (0..NOTCH).find_map(|_| act(state, action))
}

fn click(state: &mut State, at: Position) -> Option<Effect> {
    let (pane, inner) = below(state, at)?;
    // The borders of both panes stand beside each other.
    let beside = |panes: view::Panes| {
        panes.tree.area().x > 0 && (at.x == panes.tree.area().x || at.x + 1 == panes.tree.area().x)
    };
    if pane != Pane::Why && view::panes(state).is_some_and(beside) {
        state.dragging = true;
        return None;
    }
    let again = state.focus == pane;
    state.focus = pane;
    if !inner.contains(at) {
        return None;
    }
    let row = usize::from(at.y - inner.y);
    match pane {
        Pane::Ports => {
            let target = state.port_at(state.offsets.ports + row)?.target.clone();
            if again && state.selected.as_ref() == Some(&target) {
                return act(state, Action::Enter);
            }
            state.select(target);
        }
        Pane::Netfilter => {
            let place = state.offsets.tree + row;
            state.tree.row(place)?;
            if again && state.cursor == place {
                return act(state, Action::Enter);
            }
            state.cursor = place;
        }
        Pane::Why => {
            if let Some(place) = view::place_at(state, at) {
                super::go_to_origin(state, place);
            }
        }
    }
    None
}
