//! A screen as SVG, as text and as ANSI, from the cells of a buffer.
//!
//! The same buffer gives the same bytes. What is on the screen, and how it came there, is not known here; nor is any
//! terminal: colours by name get a fixed palette in the picture, and stay names in ANSI.

mod changes;
mod palette;
mod sgr;
mod signs;
mod svg;

pub use changes::{between, changes};
pub use svg::{Window, svg};

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use sgr::sgr;
use unicode_width::UnicodeWidthStr;

/// A stretch of a row whose cells look alike. Wide characters stand alone, so that each keeps to its cells.
struct Run<'a> {
    /// Its first column.
    column: u16,
    /// How many columns it takes.
    width: u16,
    text: String,
    look: &'a Cell,
}

/// The screen as plain text: a line a row, without spaces at the ends of lines.
pub fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for row in 0..buffer.area.height {
        let line: String = runs(buffer, row).iter().map(|run| run.text.as_str()).collect();
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The screen as text with SGR sequences (ECMA-48, 8.3.117); each line ends with a reset.
pub fn ansi(buffer: &Buffer) -> String {
    let mut out = String::new();
    for row in 0..buffer.area.height {
        for run in runs(buffer, row) {
            let _ = write!(out, "\x1b[{}m{}", sgr(run.look), run.text);
        }
        out.push_str("\x1b[0m\n");
    }
    out
}

fn runs(buffer: &Buffer, row: u16) -> Vec<Run<'_>> {
    let mut runs: Vec<Run> = Vec::new();
    let mut column = 0;
    while column < buffer.area.width {
        let cell = &buffer[(buffer.area.x + column, buffer.area.y + row)];
        let symbol = cell.symbol();
        let width = (symbol.width() as u16).clamp(1, buffer.area.width - column);
        let alone = width > 1;
        match runs.last_mut() {
            Some(run) if !alone && run.text.width() == run.text.chars().count() && alike(run.look, cell) => {
                run.text.push_str(symbol);
                run.width += 1;
            }
            _ => runs.push(Run { column, width, text: symbol.to_owned(), look: cell }),
        }
        column += width;
    }
    runs
}

fn alike(a: &Cell, b: &Cell) -> bool {
    a.fg == b.fg && a.bg == b.bg && a.modifier == b.modifier
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::{Color, Modifier, Style};

    fn screen() -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 2));
        buffer.set_string(0, 0, "a<b & c", Style::new());
        buffer.set_string(0, 1, "名前", Style::new().fg(Color::Green).add_modifier(Modifier::BOLD));
        buffer.set_string(5, 1, "x", Style::new().add_modifier(Modifier::REVERSED));
        buffer
    }

    #[test]
    fn text_is_what_is_read() {
        assert_eq!(text(&screen()), "a<b & c\n名前 x\n");
    }

    #[test]
    fn ansi_tells_each_look_and_ends_with_none() {
        let ansi = ansi(&screen());
        assert!(ansi.contains("\x1b[0;1;32m名"), "{ansi:?}");
        assert!(ansi.contains("\x1b[0;7mx"), "{ansi:?}");
        assert!(ansi.lines().all(|line| line.ends_with("\x1b[0m")));
    }
}
