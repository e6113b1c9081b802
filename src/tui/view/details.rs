//! Everything about what is selected, on top of the panes.

pub(super) mod port;
mod rule;
mod sets;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Borders, Clear, Widget};

use super::super::action::Action;
use super::super::details::Details;
use super::super::look::Tone;
use super::super::outline::Id;
use super::super::overlay::Overlay;
use super::super::state::{Pane, State};
use super::super::text::{Columns, fit};
use super::netfilter::plural;
use super::page::{Line, Page};
use super::{put, put_right, summary};
use crate::explain::clean;

/// The page is no wider than this: longer lines are hard to read.
const WIDEST: u16 = 100;
/// On a screen of this height something of the panes stays in sight above and below the page.
const TALL: u16 = 30;

/// A page that has its text, with what its frame says.
struct Told {
    title: String,
    lines: Vec<Line>,
    /// The line that is to be seen when another place or outcome is chosen.
    chosen: usize,
}

fn tell(state: &State, details: &Details, area: Rect) -> Told {
    let mut page = Page::new(usize::from(width(area)).saturating_sub(2));
    let (title, chosen) = match (state.focus, state.tree.row(state.cursor).map(|row| row.id)) {
        (Pane::Netfilter, Some(Id::Rule(frame, index))) => {
            rule::tell(state, details, &mut page, frame, index);
            (rule::title(state, frame, index), 0)
        }
        (Pane::Ports, _) => match state.place().and_then(|place| state.port_at(place)) {
            Some(port) => {
                let chosen = port::tell(state, &mut page, port);
                (port::title(port), chosen)
            }
            None => Default::default(),
        },
        (Pane::Netfilter | Pane::Why, _) => Default::default(),
    };
    Told { title, lines: page.lines, chosen }
}

fn width(area: Rect) -> u16 {
    area.width.min(WIDEST)
}

/// Where a page of so many lines stands: below the header, and above the line of keys.
fn place(area: Rect, lines: usize) -> Rect {
    let above = if area.height < TALL { 1 } else { 3 };
    let room = area.height.saturating_sub(above + 1);
    let height = if area.height < TALL { room } else { (lines as u16).saturating_add(2).min(room) };
    Rect { x: area.x + (area.width - width(area)) / 2, y: area.y + above, width: width(area), height }
}

fn of(state: &State) -> Option<&Details> {
    match state.overlays.last()? {
        Overlay::Details(details) => Some(details),
        Overlay::Help { .. } | Overlay::Diagram(_) | Overlay::Tour(_) | Overlay::Form(_) => None,
    }
}

fn screen(state: &State) -> Rect {
    Rect::new(0, 0, state.size.0, state.size.1)
}

/// How many lines of the page do not fit.
pub(super) fn overflow(state: &State) -> usize {
    of(state).map_or(0, |details| {
        let lines = tell(state, details, screen(state)).lines.len();
        lines.saturating_sub(usize::from(place(screen(state), lines).height.saturating_sub(2)))
    })
}

/// The line at which the chosen place stands.
pub(super) fn chosen(state: &State) -> usize {
    of(state).map_or(0, |details| tell(state, details, screen(state)).chosen)
}

/// How many lines of the page can be seen at most.
pub(super) fn height(state: &State) -> usize {
    usize::from(place(screen(state), usize::from(u16::MAX)).height.saturating_sub(2))
}

pub(super) fn draw(state: &State, details: &Details, buffer: &mut Buffer, area: Rect) {
    let told = tell(state, details, area);
    let place = place(area, told.lines.len());
    free(buffer, place);
    let block = Block::new().borders(Borders::ALL).border_style(state.look.style(Tone::Focus));
    let inner = block.inner(place);
    block.render(place, buffer);
    let line = Rect { x: place.x + 1, width: place.width.saturating_sub(2), height: 1, ..place };
    let title = fit(&format!(" {} ", clean(&told.title)), usize::from(line.width));
    put(buffer, line, state.look, &[(Tone::Focus, title.clone())]);
    let hidden = told.lines.len().saturating_sub(usize::from(inner.height));
    let offset = details.offset.min(hidden);
    let more = match hidden - offset {
        0 if offset > 0 => " end ".to_owned(),
        0 => String::new(),
        more => format!(" {} ", plural(more as u64, "more line")),
    };
    let below = Rect { y: place.bottom().saturating_sub(1), ..line };
    put_right(buffer, below, state.look, &(Tone::Unsure, more.clone()), 0);
    // The page may stand on the line that has it else.
    summary(state, buffer, Rect { y: below.y, height: 1, ..place }, 0, more.width());
    for (row, line) in told.lines.iter().skip(offset).take(usize::from(inner.height)).enumerate() {
        put(buffer, Rect { y: inner.y + row as u16, height: 1, ..inner }, state.look, line);
    }
}

/// Empties an area. What is two columns wide and stands across its left edge goes with it: half of it would push the rest of
/// its row aside.
pub(super) fn free(buffer: &mut Buffer, area: Rect) {
    Clear.render(area, buffer);
    let Some(x) = area.left().checked_sub(1) else { return };
    for y in area.top()..area.bottom() {
        if let Some(beside) = buffer.cell_mut((x, y)).filter(|cell| cell.symbol().width() > 1) {
            beside.set_symbol(" ");
        }
    }
}

/// The keys of the page, for the line at the bottom.
pub(super) fn hints(state: &State) -> Vec<(String, &'static str)> {
    let enter: &[Action] = if state.focus == Pane::Ports { &[Action::Enter] } else { &[] };
    let rows: [(&[Action], &str); 10] = [
        (&[Action::Up, Action::Down], "next"),
        (&[Action::PageDown], "scroll"),
        (enter, "what decides"),
        (&[Action::NextStep], "path"),
        (&[Action::NextOrigin], "origin"),
        (&[Action::OtherFamily], "family"),
        (&[Action::NextOutcome], "outcome"),
        (&[Action::Copy], "copy"),
        (&[Action::Help], "help"),
        (&[Action::Back], "close"),
    ];
    let key = |action: &Action| state.keymap.keys(*action).next().map(|key| key.to_string());
    let told = rows.into_iter().map(|(actions, word)| (actions.iter().filter_map(key).collect::<String>(), word));
    told.filter(|(keys, _)| keys.width() > 0).collect()
}
