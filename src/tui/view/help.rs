//! The help: every key, from the table of actions, and what the signs mean.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Borders, Clear, Widget};

use super::super::action::BINDINGS;
use super::super::look::{GHOST, Tone, badge};
use super::super::state::State;
use super::super::text::pad;
use super::{Piece, put};
use crate::explain::AnswerVerdict;

/// Columns of the widest names of keys.
const KEYS: usize = 13;
/// Columns of the whole.
const WIDTH: u16 = 78;

/// The lines of the help.
fn lines() -> Vec<Vec<Piece>> {
    let mut lines: Vec<Vec<Piece>> = BINDINGS
        .iter()
        .map(|binding| {
            vec![(Tone::Strong, format!(" {} ", pad(binding.names, KEYS))), (Tone::Plain, binding.does.to_owned())]
        })
        .collect();
    lines.push(Vec::new());
    for (verdict, means) in [
        (AnswerVerdict::Reached, "the socket that listens gets the packets"),
        (AnswerVerdict::Diverted, "rules send them to somebody else"),
        (AnswerVerdict::Blocked, "nobody: they are dropped or rejected"),
        (AnswerVerdict::Depends, "it depends: on where they come from, or on what is not known"),
        (AnswerVerdict::Unanswered, "they arrive, and no socket listens"),
    ] {
        let (sign, tone) = badge(Some(verdict));
        lines.push(sign_line(tone, sign, means));
    }
    lines.push(sign_line(Tone::Changed, GHOST, "a ghost: rules answer it, and no socket has it"));
    lines.push(sign_line(Tone::Strong, "┃ ┣━", "the packet's way; a rule that holds"));
    lines.push(sign_line(Tone::Strong, "┣━▶ ┗━▶", "a rule that turns the packet; that ends its way"));
    lines.push(sign_line(Tone::Strong, "◇ ◉", "routing decides; how it ends"));
    lines
}

fn sign_line(tone: Tone, sign: &str, means: &str) -> Vec<Piece> {
    vec![(tone, format!(" {} ", pad(sign, KEYS))), (Tone::Plain, means.to_owned())]
}

fn place(area: Rect) -> Rect {
    let height = (lines().len() as u16 + 2).min(area.height);
    let width = WIDTH.min(area.width);
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

/// How many lines do not fit on a screen.
pub(super) fn overflow(area: Rect) -> usize {
    lines().len().saturating_sub(usize::from(place(area).height.saturating_sub(2)))
}

pub(super) fn draw(state: &State, buffer: &mut Buffer, area: Rect) {
    let place = place(area);
    Clear.render(place, buffer);
    let block = Block::new().borders(Borders::ALL).border_style(state.look.style(Tone::Focus));
    let inner = block.inner(place);
    let hidden = overflow(area);
    let title = if hidden > 0 { " Help (↓ for more, Esc closes) " } else { " Help (Esc closes) " };
    block.title(title).render(place, buffer);
    let offset = state.offsets.help.min(hidden);
    for (row, line) in lines().iter().skip(offset).take(usize::from(inner.height)).enumerate() {
        put(buffer, Rect { y: inner.y + row as u16, height: 1, ..inner }, state.look, line);
    }
}
