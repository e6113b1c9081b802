//! What of the screen a movement is about: the rows next to the cursor, which are shown first where not all can be at once.

use ratatui::layout::Rect;

use super::super::state::{Pane, State};
use super::{panes, window};

/// The rows of what has the cursor, the nearest to it first: those of its pane, or where something lies on top, all from above.
/// Whatever they show is whole: no sign stands in two of them.
pub fn nearest(state: &State) -> Vec<Rect> {
    let whole = Rect::new(0, 0, state.size.0, state.size.1);
    let Some(panes) = panes(state).filter(|_| state.is_bare()) else { return whole.rows().collect() };
    let seen = |offset: usize, place: usize, len: usize, height: usize| {
        place.saturating_sub(window(offset, place, len, height))
    };
    let (pane, row) = match state.focus {
        Pane::Ports => {
            let (place, height) = (state.place().unwrap_or(0), panes.ports.inner_height());
            (panes.ports, seen(state.offsets.ports, place, state.listed(), height))
        }
        Pane::Netfilter => {
            let height = panes.tree.inner_height();
            (panes.tree, seen(state.offsets.tree, state.cursor, state.tree.len(), height))
        }
        Pane::Why => (panes.why, 0),
    };
    let cursor = pane.inner().y + row as u16;
    let mut rows: Vec<Rect> = pane.inner().rows().collect();
    rows.sort_by_key(|area| area.y.abs_diff(cursor));
    // What is written on its frame says how far the cursor is.
    rows.push(Rect { height: 1, ..pane.area() });
    rows
}
