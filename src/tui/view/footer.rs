//! The line at the bottom: the keys that are of use now, a notice in their place, and what is being worked on.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::action::{Action, ROWS, Row};
use super::super::look::Tone;
use super::super::overlay::Overlay;
use super::super::source::Source;
use super::super::state::{Pane, State};
use super::super::text::Columns;
use super::{details, diagram, form, found, put, put_right, tour};
use crate::explain::clean;

/// The line of keys; at its end, what is being worked on.
pub(super) fn draw(state: &State, buffer: &mut Buffer, area: Rect) {
    if let Some(pieces) = found::prompt(state) {
        put(buffer, area, state.look, &pieces);
        return;
    }
    if let Some(notice) = &state.notice {
        put(buffer, area, state.look, &[(Tone::Unsure, format!(" {}", clean(notice)))]);
        return;
    }
    let busy = match (state.surveyed, &state.selected) {
        _ if state.is_opening() => String::new(),
        _ if state.is_reading() => state.keymap.says(Action::Back, "stops reading "),
        (false, _) => "finding ports… ".to_owned(),
        (true, Some(_)) if state.is_walking() => "walking… ".to_owned(),
        (true, _) => found::told(state),
    };
    put_right(buffer, area, state.look, &(Tone::Dim, busy.clone()), 0);
    let useful = |row: &&Row| match row.bound[0].action {
        Action::Help | Action::Quit => true,
        _ if state.is_opening() => false,
        Action::Read => state.source == Source::Live,
        Action::Tour => matches!(state.source, Source::Demo(_)),
        Action::Pause => state.is_live(),
        // Up and down do the same there.
        Action::NextOrigin => state.focus != Pane::Why,
        _ => true,
    };
    let hints: Vec<_> = match state.overlays.last() {
        Some(Overlay::Details(_)) => details::hints(state),
        Some(Overlay::Diagram(diagram)) => diagram::hints(state, diagram),
        Some(Overlay::Tour(tour)) => tour::hints(state, tour),
        Some(Overlay::Form(_)) => form::hints(state),
        Some(Overlay::Help { .. }) | None => {
            let mut rows: Vec<&Row> = ROWS.iter().filter(useful).collect();
            if state.is_paused() {
                // How it goes on is told before all else.
                rows.sort_by_key(|row| row.bound[0].action != Action::Pause);
            }
            let hint = |row: &Row| state.keymap.hint(row).map(|(key, word)| (key, word_for(state, row, word)));
            filtered(state).into_iter().chain(rows.into_iter().filter_map(hint)).collect()
        }
    };
    let width = |(key, word): &(String, &str)| key.width() + word.width() + 4;
    let mut left = usize::from(area.width).saturating_sub(busy.width());
    let kept: usize = hints.iter().rev().take(2).map(width).sum();
    left = left.saturating_sub(kept);
    let mut pieces = Vec::new();
    for (index, hint) in hints.iter().enumerate() {
        let last = index + 2 >= hints.len();
        if !last {
            if width(hint) > left {
                continue;
            }
            left -= width(hint);
        }
        pieces.push((Tone::Strong, format!(" {}", hint.0)));
        pieces.push((Tone::Dim, format!(" {}  ", hint.1)));
    }
    put(buffer, Rect { width: area.width.saturating_sub(busy.width() as u16), ..area }, state.look, &pieces);
}

/// What leads on from a list of some of the ports, which is told before all else while not all are listed.
fn filtered(state: &State) -> Option<(String, &'static str)> {
    let word = state.filter.next_text()?;
    state.keymap.keys(Action::Filter).next().map(|key| (key.to_string(), word))
}

/// The word for a row of the table, where it does something else than elsewhere.
fn word_for(state: &State, row: &Row, word: &'static str) -> &'static str {
    match (row.bound[0].action, state.focus) {
        (Action::Pause, _) if state.is_paused() => "follow",
        (Action::Up, Pane::Why) => "origin",
        (Action::Enter, Pane::Why) => "what decides",
        _ => word,
    }
}
