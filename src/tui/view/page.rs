//! Text in lines, for the pane below and for what lies on top of the panes: paragraphs, items side by side, texts in two
//! columns. What they say is not known here.

use std::ops::Range;

use super::super::look::Tone;
use super::super::text::{Columns, fit, pad, wrap};
use super::Piece;
use crate::explain::clean;

/// Columns of a label.
const LABEL: usize = 10;
/// Below this width two texts do not stand side by side.
const PAIRED: usize = 52;

/// A line of pieces.
pub(super) type Line = Vec<Piece>;

/// Lines of a width, with a space before each.
pub(super) struct Page {
    /// Columns of text.
    pub(super) width: usize,
    pub(super) lines: Vec<Line>,
    /// Where places stand from which packets come: line, columns, and which place it is.
    pub(super) places: Vec<(usize, Range<usize>, usize)>,
}

impl Page {
    /// An empty page in a frame of `width` columns.
    pub(super) fn new(width: usize) -> Page {
        Page { width: width.saturating_sub(2).max(1), lines: Vec::new(), places: Vec::new() }
    }

    /// A paragraph. It may come from outside.
    pub(super) fn text(&mut self, tone: Tone, text: &str) {
        for line in wrap(&clean(text), self.width) {
            self.lines.push(vec![(Tone::Plain, " ".to_owned()), (tone, line)]);
        }
    }

    /// Items side by side, two columns apart, in as many lines as they need. Gives where each stands: its line, and its columns.
    pub(super) fn flow(&mut self, items: Vec<Line>) -> Vec<(usize, Range<usize>)> {
        let mut line: Line = vec![(Tone::Plain, " ".to_owned())];
        let mut used = 0;
        let mut spots = Vec::new();
        for item in items {
            let width: usize = item.iter().map(|(_, text)| text.width()).sum();
            if used > 0 && used + 2 + width > self.width {
                self.lines.push(std::mem::replace(&mut line, vec![(Tone::Plain, " ".to_owned())]));
                used = 0;
            }
            if used > 0 {
                line.push((Tone::Plain, "  ".to_owned()));
                used += 2;
            }
            spots.push((self.lines.len(), used + 1..used + 1 + width));
            used += width;
            line.extend(item);
        }
        self.lines.push(line);
        spots
    }

    /// A line without text.
    pub(super) fn gap(&mut self) {
        self.lines.push(Vec::new());
    }

    /// Two texts side by side behind a sign, the first in `columns` columns; where there is too little room for both, the
    /// second stands below the first. They may come from outside.
    pub(super) fn pair(&mut self, sign: Piece, (tone, text): &Piece, (other, beside): &Piece, columns: usize) {
        let indent = sign.1.width() + 1;
        let (text, beside) = (clean(text), clean(beside));
        let stacked = self.width < PAIRED;
        let columns = if stacked { self.width.saturating_sub(indent) } else { columns };
        let rest = if stacked { columns.saturating_sub(2) } else { self.width.saturating_sub(indent + columns + 2) };
        let first = wrap(&text, columns);
        let second = if beside.is_empty() { Vec::new() } else { wrap(&beside, rest) };
        let blank = " ".repeat(indent + 1);
        let head = |row: usize| match row {
            0 => vec![(Tone::Plain, " ".to_owned()), (sign.0, format!("{} ", sign.1))],
            _ => vec![(Tone::Plain, blank.clone())],
        };
        if stacked {
            let told = first.into_iter().enumerate().map(|(row, line)| [head(row), vec![(*tone, line)]].concat());
            self.lines.extend(told);
            self.lines.extend(second.into_iter().map(|line| vec![(*other, format!("{blank}  {line}"))]));
            return;
        }
        for row in 0..first.len().max(second.len()) {
            let mut line = head(row);
            line.push((*tone, pad(first.get(row).map_or("", String::as_str), columns)));
            line.extend(second.get(row).map(|text| (*other, format!("  {text}"))));
            self.lines.push(line);
        }
    }

    /// What a paragraph is about, with a mark before what is chosen. It may come from outside.
    pub(super) fn head(&mut self, chosen: bool, sign: Piece, (tone, text): &Piece, (other, beside): &Piece) {
        let mark = if chosen { "▌" } else { " " };
        let (text, beside) = (clean(text), clean(beside));
        let room = self.width.saturating_sub(sign.1.width() + 1);
        let head = vec![(Tone::Focus, mark.to_owned()), (sign.0, format!("{} ", sign.1))];
        if text.width() + 1 + beside.width() <= room {
            let told = [(*tone, format!("{text} ")), (*other, beside.into_owned())];
            self.lines.push(head.into_iter().chain(told).collect());
            return;
        }
        self.lines.push(head.into_iter().chain([(*tone, fit(&text, room))]).collect());
        self.indented(*other, &beside);
    }

    /// A paragraph below a head. It may come from outside.
    pub(super) fn indented(&mut self, tone: Tone, text: &str) {
        for line in wrap(&clean(text), self.width.saturating_sub(2)) {
            self.lines.push(vec![(Tone::Plain, "   ".to_owned()), (tone, line)]);
        }
    }

    /// A text with a label before it. It may come from outside.
    pub(super) fn labelled(&mut self, label: &str, (tone, text): &Piece) {
        for (row, line) in wrap(&clean(text), self.width.saturating_sub(LABEL)).into_iter().enumerate() {
            let label = if row == 0 { label } else { "" };
            self.lines.push(vec![(Tone::Dim, format!(" {}", pad(label, LABEL))), (*tone, line)]);
        }
    }
}
