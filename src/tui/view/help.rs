//! The help: every key, from the table of actions, and what the signs mean.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Borders, Clear, Widget};

use super::super::action::{Action, Keymap, ROWS};
use super::super::look::{GHOST, Tone, badge};
use super::super::state::State;
use super::super::text::pad;
use super::counts::GLOWS;
use super::{Piece, put};
use crate::explain::AnswerVerdict;

/// Columns of the widest names of keys.
const KEYS: usize = 15;
/// Columns of the whole.
const WIDTH: u16 = 78;
/// Columns of one of the two signs that stand side by side.
const SIGN: usize = 37;
/// How many signs there are.
const SIGNS: usize = 12;

/// The lines of the help.
fn lines(keymap: &Keymap) -> Vec<Vec<Piece>> {
    let mut lines: Vec<Vec<Piece>> = ROWS
        .iter()
        .map(|row| {
            vec![(Tone::Strong, format!(" {} ", pad(&keymap.told(row), KEYS))), (Tone::Plain, row.does.to_owned())]
        })
        .collect();
    for pair in signs().chunks(2) {
        let sign = |((sign, tone), means): &((&str, Tone), &str)| {
            [(*tone, format!(" {} ", pad(sign, 3))), (Tone::Plain, pad(means, SIGN - 5))]
        };
        lines.push(pair.iter().flat_map(sign).collect());
    }
    lines
}

/// Every sign, and what it means.
fn signs() -> [((&'static str, Tone), &'static str); SIGNS] {
    let verdict = |verdict| badge(Some(verdict));
    [
        (verdict(AnswerVerdict::Reached), "its socket gets the packets"),
        (verdict(AnswerVerdict::Diverted), "rules send them elsewhere"),
        (verdict(AnswerVerdict::Blocked), "dropped, rejected or refused"),
        (verdict(AnswerVerdict::Depends), "it depends, or cannot be told"),
        (verdict(AnswerVerdict::Unanswered), "no socket listens"),
        ((GHOST, Tone::Changed), "a ghost: rules answer, no socket"),
        (("┣━", Tone::Strong), "a rule on the way that holds"),
        (("┣━▶", Tone::Strong), "turns the packet (┗━▶: ends it)"),
        (("◇", Tone::Strong), "routing decides"),
        (("◉", Tone::Strong), "where the way ends"),
        ((GLOWS, Tone::Glow), "a rule that counts right now"),
        (("12k", Tone::Dim), "packets that a rule has counted"),
    ]
}

/// How many lines there are.
const LINES: usize = ROWS.len() + SIGNS.div_ceil(2);

fn place(area: Rect) -> Rect {
    let height = (LINES as u16 + 2).min(area.height);
    let width = WIDTH.min(area.width);
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

/// How many lines do not fit on a screen.
pub(super) fn overflow(area: Rect) -> usize {
    LINES.saturating_sub(usize::from(place(area).height.saturating_sub(2)))
}

pub(super) fn draw(state: &State, buffer: &mut Buffer, area: Rect, offset: usize) {
    let place = place(area);
    Clear.render(place, buffer);
    let block = Block::new().borders(Borders::ALL).border_style(state.look.style(Tone::Focus));
    let inner = block.inner(place);
    let hidden = overflow(area);
    let keymap = &state.keymap;
    let more = if hidden > 0 { keymap.says(Action::Down, "for more") } else { String::new() };
    let keys: Vec<String> =
        [more, keymap.says(Action::Back, "closes")].into_iter().filter(|key| !key.is_empty()).collect();
    let title = if keys.is_empty() { " Help ".to_owned() } else { format!(" Help ({}) ", keys.join(", ")) };
    block.title(title).render(place, buffer);
    let offset = offset.min(hidden);
    for (row, line) in lines(&state.keymap).iter().skip(offset).take(usize::from(inner.height)).enumerate() {
        put(buffer, Rect { y: inner.y + row as u16, height: 1, ..inner }, state.look, line);
    }
}
