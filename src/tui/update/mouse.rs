//! What the mouse does: a click goes to a row, a second one does what Enter does there; the wheel moves in the pane below the
//! pointer; their borders can be dragged.
//!
//! Deliberately does not know how a terminal tells of it, and nothing of what keys do that the mouse does not.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::super::action::Action;
use super::super::form;
use super::super::overlay::Overlay;
use super::super::state::{Border, Pane, State};
use super::super::view;
use super::movement::is_typing_line;
use super::{Effect, act};

/// How many rows a notch of the wheel is.
const NOTCH: usize = 3;

/// Takes what the mouse did.
pub(super) fn take(state: &mut State, event: &MouseEvent) -> Option<Effect> {
    if is_typing_line(state) || state.is_opening() {
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
        MouseEventKind::Drag(MouseButton::Left) => {
            drag(state, at);
            None
        }
        MouseEventKind::Up(MouseButton::Left) => {
            state.dragging = None;
            None
        }
        _ => None,
    }
}

/// Moves the border that was taken hold of.
fn drag(state: &mut State, at: Position) {
    match state.dragging {
        Some(Border::Between) => state.split = Some(at.x),
        Some(Border::Above) => {
            let bottom = view::panes(state).map(|panes| panes.why.area().bottom());
            state.below = bottom.map(|bottom| bottom.saturating_sub(at.y));
        }
        None => {}
    }
}

/// The border at a place: those of two panes stand beside each other, or one above the other.
fn border(state: &State, at: Position) -> Option<Border> {
    let panes = view::panes(state)?;
    let (tree, why) = (panes.tree.area(), panes.why.area());
    let next_to = |at: u16, begin: u16| begin > 0 && (at == begin || at + 1 == begin);
    let framed = panes.tree.inner().bottom() < tree.bottom();
    if at.y == why.y || framed && next_to(at.y, why.y) {
        return Some(Border::Above);
    }
    (at.y < why.y && next_to(at.x, tree.x)).then_some(Border::Between)
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
    state.dragging = border(state, at);
    if state.dragging == Some(Border::Between) {
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
                super::packets::go_to_origin(state, place);
            }
        }
    }
    None
}
