//! The help: every key, from the table of actions, and what the signs mean.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Borders, Clear, Widget};

use super::super::action::{Action, Keymap, ROWS, Row};
use super::super::look::{GHOST, Tone, badge};
use super::super::state::State;
use super::super::text::{Columns, pad};
use super::counts::GLOWS;
use super::{Piece, put};
use crate::explain::AnswerVerdict;

/// Columns of the widest names of keys.
const KEYS: usize = 15;
/// Columns of the whole: where a screen has room for short rows and three signs side by side, and elsewhere.
const WIDTHS: [u16; 2] = [100, 78];
/// How many signs there are.
const SIGNS: usize = 12;

/// The rows of the table, two in a line where both are short enough for lines of so many columns.
fn rows(width: usize) -> Vec<Vec<&'static Row>> {
    let is_short = |row: &Row| KEYS + 2 + row.does.width() < width / 2;
    let mut lines: Vec<Vec<&Row>> = Vec::new();
    for row in &ROWS {
        match lines.last_mut() {
            Some(line) if line.len() == 1 && is_short(line[0]) && is_short(row) => line.push(row),
            _ => lines.push(vec![row]),
        }
    }
    lines
}

/// How many signs stand side by side in lines of so many columns.
fn beside(width: usize) -> usize {
    if width < usize::from(WIDTHS[0]) - 2 { 2 } else { 3 }
}

/// The lines of the help, of so many columns.
fn lines(keymap: &Keymap, width: usize) -> Vec<Vec<Piece>> {
    let row = |row: &Row, columns: usize| {
        let (tone, keys) = match keymap.told(row) {
            none if none.is_empty() => (Tone::Dim, "no key".to_owned()),
            keys => (Tone::Strong, keys),
        };
        [(tone, format!(" {} ", pad(&keys, KEYS))), (Tone::Plain, pad(row.does, columns - KEYS - 2))]
    };
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    for line in rows(width) {
        let columns = width / line.len();
        lines.push(line.into_iter().flat_map(|one| row(one, columns.max(KEYS + 2))).collect());
    }
    for some in signs().chunks(beside(width)) {
        let columns = width / beside(width);
        let sign = |((sign, tone), means): &((&str, Tone), &str)| {
            [(*tone, format!(" {} ", pad(sign, 3))), (Tone::Plain, pad(means, columns.saturating_sub(5)))]
        };
        lines.push(some.iter().flat_map(sign).collect());
    }
    lines
}

/// Every sign, and what it means.
fn signs() -> [((&'static str, Tone), &'static str); SIGNS] {
    let verdict = |verdict| badge(Some(verdict));
    [
        (verdict(AnswerVerdict::Reached), "its socket gets the packets"),
        (verdict(AnswerVerdict::Diverted), "rules send them elsewhere"),
        (verdict(AnswerVerdict::Blocked), "dropped, rejected, refused"),
        (verdict(AnswerVerdict::Depends), "it depends, or is not known"),
        (verdict(AnswerVerdict::Unanswered), "no socket listens"),
        ((GHOST, Tone::Changed), "a ghost: only rules answer"),
        (("┣━╸", Tone::Strong), "a rule that holds"),
        (("┣━▶", Tone::Strong), "turns it (┗━▶: ends it)"),
        (("◇", Tone::Strong), "routing decides"),
        (("◉", Tone::Strong), "where the way ends"),
        ((GLOWS, Tone::Glow), "a rule that counts just now"),
        (("12k", Tone::Dim), "packets a rule has counted"),
    ]
}

/// How many lines there are, of so many columns.
fn count(width: usize) -> usize {
    rows(width).len() + SIGNS.div_ceil(beside(width))
}

fn place(area: Rect) -> Rect {
    let width = WIDTHS.into_iter().find(|width| *width <= area.width).unwrap_or(area.width);
    let height = (count(usize::from(width.saturating_sub(2))) as u16 + 2).min(area.height);
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

/// How many lines can be seen on a screen, and how many cannot.
pub(super) fn seen(area: Rect) -> (usize, usize) {
    let place = place(area);
    let seen = usize::from(place.height.saturating_sub(2));
    (seen, count(usize::from(place.width.saturating_sub(2))).saturating_sub(seen))
}

pub(super) fn draw(state: &State, buffer: &mut Buffer, area: Rect, offset: usize) {
    let place = place(area);
    Clear.render(place, buffer);
    let block = Block::new().borders(Borders::ALL).border_style(state.look.style(Tone::Focus));
    let inner = block.inner(place);
    let (_, hidden) = seen(area);
    let keymap = &state.keymap;
    let more = if hidden > 0 { keymap.says(Action::Down, "for more") } else { String::new() };
    let keys: Vec<String> =
        [more, keymap.says(Action::Back, "closes")].into_iter().filter(|key| !key.is_empty()).collect();
    let title = if keys.is_empty() { " Help ".to_owned() } else { format!(" Help ({}) ", keys.join(", ")) };
    block.title(title).render(place, buffer);
    let offset = offset.min(hidden);
    for (row, line) in
        lines(&state.keymap, usize::from(inner.width)).iter().skip(offset).take(usize::from(inner.height)).enumerate()
    {
        put(buffer, Rect { y: inner.y + row as u16, height: 1, ..inner }, state.look, line);
    }
}
