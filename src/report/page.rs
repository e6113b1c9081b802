//! Lines of text of a given width: words are wrapped under a hanging indent, coloured where colours are on, and made
//! safe first. It knows nothing of what they say.

use unicode_width::UnicodeWidthChar;

use super::Style;
use crate::explain::clean;

/// How a piece of text stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Strong,
    Dim,
    Good,
    Bad,
    Changed,
    Unsure,
}

impl Tone {
    /// The SGR parameters (ECMA-48, 8.3.117): the eight colours that every terminal has.
    fn sgr(self) -> &'static str {
        match self {
            Tone::Plain => "",
            Tone::Strong => "1",
            Tone::Dim => "2",
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Changed => "36",
            Tone::Unsure => "33",
        }
    }
}

/// A piece of text and how it stands out.
pub(super) type Span<'a> = (Tone, &'a str);

/// Text that grows line by line.
#[derive(Debug)]
pub(super) struct Page {
    style: Style,
    text: String,
}

impl Page {
    pub(super) fn new(style: Style) -> Page {
        Page { style, text: String::new() }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A line that starts after `indent` columns; what does not fit goes on below, after `hang` columns.
    pub(super) fn line(&mut self, indent: usize, hang: usize, spans: &[Span<'_>]) {
        let width = self.style.width.max(hang + 20);
        let mut column = indent;
        self.text.extend(std::iter::repeat_n(' ', indent));
        let mut gap = String::new();
        for (tone, text) in spans {
            let text = clean(text);
            for piece in text.split_inclusive(' ') {
                let word = piece.trim_end_matches(' ');
                let wide = columns(word);
                if !word.is_empty() {
                    if column > hang && column + gap.len() + wide > width {
                        self.wrap(hang);
                        column = hang;
                        gap.clear();
                    }
                    column += gap.len();
                    self.text.push_str(&gap);
                    gap.clear();
                    column = self.word(word, *tone, column, hang, width);
                }
                gap.extend(std::iter::repeat_n(' ', piece.len() - word.len()));
            }
        }
        self.text.push('\n');
    }

    /// One word; cut where even a line of its own is too short for it. Returns the column after it.
    fn word(&mut self, word: &str, tone: Tone, start: usize, hang: usize, width: usize) -> usize {
        let mut column = start;
        self.open(tone);
        for c in word.chars() {
            let wide = c.width().unwrap_or(0);
            if column + wide > width && column > hang {
                self.close(tone);
                self.wrap(hang);
                self.open(tone);
                column = hang;
            }
            self.text.push(c);
            column += wide;
        }
        self.close(tone);
        column
    }

    fn wrap(&mut self, hang: usize) {
        self.text.push('\n');
        self.text.extend(std::iter::repeat_n(' ', hang));
    }

    fn open(&mut self, tone: Tone) {
        if self.style.colour && tone != Tone::Plain {
            self.text.push_str(&format!("\x1b[{}m", tone.sgr()));
        }
    }

    fn close(&mut self, tone: Tone) {
        if self.style.colour && tone != Tone::Plain {
            self.text.push_str("\x1b[0m");
        }
    }
}

/// How many columns text takes in a terminal: those of its characters.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// `text` made safe, and filled up with spaces to `width` columns; longer text stays as it is.
pub(super) fn pad(text: &str, width: usize) -> String {
    let safe = clean(text);
    let missing = width.saturating_sub(columns(&safe));
    format!("{safe}{}", " ".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(width: usize, colour: bool, spans: &[Span<'_>]) -> String {
        let mut page = Page::new(Style { colour, width });
        page.line(2, 4, spans);
        page.finish()
    }

    #[test]
    fn words_are_wrapped_under_the_hanging_indent() {
        let text = page(24, false, &[(Tone::Plain, "one two three"), (Tone::Bad, " four five six")]);
        assert_eq!(text, "  one two three four\n    five six\n");
    }

    #[test]
    fn width_is_counted_in_columns_and_long_words_are_cut() {
        let text = page(24, false, &[(Tone::Plain, "名前名前名前名前名前名前名前")]);
        assert!(text.lines().all(|line| columns(line) <= 24), "{text}");
        assert_eq!(text.lines().count(), 2);
    }

    #[test]
    fn what_acts_on_a_terminal_is_written_out_and_colours_only_where_they_are_on() {
        assert_eq!(page(40, false, &[(Tone::Bad, "a\x1b[2Jb")]), "  a\\x1b[2Jb\n");
        assert_eq!(page(40, true, &[(Tone::Bad, "drop")]), "  \x1b[31mdrop\x1b[0m\n");
    }
}
