//! The text of the tour: a box below the panes, or where there is no room for it one that never stands on the row that it
//! points at, and a mark on that row.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Borders, Clear, Widget};

use super::super::look::Tone;
use super::super::overlay::Overlay;
use super::super::state::{Pane, State};
use super::super::text::{Columns, fit, wrap};
use super::super::tour::{STEPS, Tour};
use super::netfilter::plural;
use super::{BOXED, Panes, arrange, put, put_right};

/// Columns of the box, at most.
const WIDTH: u16 = 104;
/// Columns of a line that is easy to read.
const SPACE: u16 = 2;

/// The row that the step points at, as it stands on the screen.
fn row(state: &State, panes: &Panes) -> Option<Rect> {
    let (inner, offset, place) = match state.focus {
        Pane::Ports => (panes.ports.inner(), state.offsets.ports, state.place()?),
        Pane::Netfilter | Pane::Why => (panes.tree.inner(), state.offsets.tree, state.cursor),
    };
    let at = u16::try_from(place.checked_sub(offset)?).ok()?;
    (at < inner.height).then_some(Rect { y: inner.y + at, height: 1, ..inner })
}

/// How many rows the box takes from the panes, which hold each step; none where it lies on top of them, for want of room.
pub(super) fn rows(state: &State, area: Rect) -> u16 {
    if !state.overlays.iter().any(|overlay| matches!(overlay, Overlay::Tour(_))) {
        return 0;
    }
    let lines = STEPS.iter().map(|step| wrap(step.says, columns(area)).len());
    let rows = lines.max().unwrap_or(0) as u16 + 2;
    if area.height >= BOXED + rows { rows } else { 0 }
}

/// Where the box stands on top of the panes: at the bottom, else above the row, else where there is more room.
fn place(area: Rect, row: Option<Rect>, lines: usize) -> Rect {
    let width = WIDTH.min(area.width);
    let (top, bottom) = (area.y + 1, area.bottom().saturating_sub(1));
    let wanted = lines as u16 + 2;
    let at = row.map_or(top, |row| row.y);
    let (above, below) = (at.saturating_sub(top), bottom.saturating_sub(at + 1));
    let (y, height) = if wanted <= below {
        (bottom - wanted, wanted)
    } else if wanted <= above {
        (at - wanted, wanted)
    } else if below >= above {
        (at + 1, below)
    } else {
        (top, above)
    };
    Rect { x: area.x + (area.width - width) / 2, y, width, height }
}

fn screen(size: (u16, u16)) -> Rect {
    Rect::new(0, 0, size.0, size.1)
}

/// Columns of a line of the text.
fn columns(area: Rect) -> usize {
    usize::from(WIDTH.min(area.width).saturating_sub(2 * SPACE))
}

/// What a step says, in lines of the box.
fn lines(tour: &Tour, area: Rect) -> Vec<String> {
    wrap(tour.step().says, columns(area))
}

/// Where the box stands on the state's screen.
fn place_of(state: &State, tour: &Tour) -> Option<Rect> {
    let area = screen(state.size);
    let panes = arrange(state, area)?;
    let row = row(state, &panes).filter(|_| tour.is_found());
    Some(panes.tour.unwrap_or_else(|| place(area, row, lines(tour, area).len())))
}

/// How many lines of the text can be seen.
pub(super) fn height(state: &State) -> usize {
    let place = state.tour().and_then(|tour| place_of(state, tour));
    place.map_or(0, |place| usize::from(place.height.saturating_sub(2)))
}

/// How many do not fit.
pub(super) fn overflow(state: &State) -> usize {
    let Some(tour) = state.tour() else { return 0 };
    lines(tour, screen(state.size)).len().saturating_sub(height(state))
}

pub(super) fn draw(state: &State, buffer: &mut Buffer, area: Rect, panes: &Panes, tour: &Tour) {
    let row = row(state, panes).filter(|_| tour.is_found());
    if let Some(row) = row {
        state.look.select(buffer, row);
        let x = row.right().saturating_sub(1);
        buffer[(x, row.y)].reset();
        put(buffer, Rect { x, width: 1, ..row }, state.look, &[(Tone::Focus, "◀".to_owned())]);
    }
    let lines = lines(tour, area);
    let place = panes.tour.unwrap_or_else(|| place(area, row, lines.len()));
    Clear.render(place, buffer);
    let block = Block::new().borders(Borders::ALL).border_style(state.look.style(Tone::Focus));
    let inner = block.inner(place);
    let width = usize::from(place.width.saturating_sub(2));
    let number = format!(" {} of {} ", tour.number(), STEPS.len());
    let heading = fit(tour.step().heading, width.saturating_sub(number.width() + 4));
    block.render(place, buffer);
    let top = Rect { x: place.x + 1, y: place.y, width: width as u16, height: 1 };
    put(
        buffer,
        Rect { x: top.x + 1, width: top.width - 1, ..top },
        state.look,
        &[(Tone::Strong, format!(" {heading} "))],
    );
    let x = top.right().saturating_sub(number.width() as u16 + 1);
    put(buffer, Rect { x, width: number.width() as u16, ..top }, state.look, &[(Tone::Dim, number)]);
    let height = usize::from(inner.height);
    let hidden = lines.len().saturating_sub(height);
    let offset = tour.offset.min(hidden);
    let more = match hidden - offset {
        0 => String::new(),
        more => format!(" {} ", plural(more as u64, "more line")),
    };
    put_right(buffer, Rect { y: place.bottom().saturating_sub(1), ..top }, state.look, &(Tone::Unsure, more), 0);
    for (at, line) in lines.into_iter().skip(offset).take(height).enumerate() {
        let area = Rect { x: inner.x + 1, y: inner.y + at as u16, width: inner.width - 1, height: 1 };
        put(buffer, area, state.look, &[(Tone::Plain, line)]);
    }
}

/// The keys of the tour, with what they do.
pub(super) fn hints(state: &State, tour: &Tour) -> Vec<(String, &'static str)> {
    let last = tour.number() == STEPS.len();
    let (key, next) = match (tour.offset < overflow(state), last) {
        // The rest of the text comes before the next step.
        (true, _) => ("↓", "more"),
        (false, true) => ("n", "done"),
        (false, false) => ("n", "next"),
    };
    let back = (tour.number() > 1).then(|| ("b".to_owned(), "back"));
    let whole = [(key.to_owned(), next)].into_iter().chain(back);
    whole.chain([("?".to_owned(), "help"), ("Esc".to_owned(), "end the tour")]).collect()
}
