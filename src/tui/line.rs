//! A line that is typed: characters, where the next one goes, and what takes them away again. What it is for is not known
//! here.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_segmentation::UnicodeSegmentation;

/// How much can be typed, in characters: more than a terminal's line holds.
const LONGEST: usize = 200;

/// What a key made of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typed {
    /// Another text.
    Changed,
    /// The next character goes elsewhere.
    Moved,
    /// It is said (Enter).
    Done,
    /// It is taken back (Esc, Ctrl-C, or Backspace where nothing is left).
    Dropped,
    /// Nothing: the key is for somebody else.
    Nothing,
}

/// A line that is typed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    text: String,
    /// Where the next character goes, in bytes.
    at: usize,
    /// The text is a proposal: the first character stands in its place.
    proposed: bool,
}

impl Line {
    /// With a text to begin with.
    pub fn new(text: &str) -> Line {
        Line { text: text.to_owned(), at: text.len(), proposed: false }
    }

    /// With a proposal, which the first character that is typed replaces, unless another key shows that it is to be edited.
    pub fn proposing(text: &str) -> Line {
        Line { proposed: true, ..Line::new(text) }
    }

    /// Whether the text is a proposal still.
    pub fn is_proposal(&self) -> bool {
        self.proposed
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What stands before and behind the place where the next character goes.
    pub fn halves(&self) -> (&str, &str) {
        self.text.split_at(self.at)
    }

    /// Takes a key.
    pub fn key(&mut self, key: &KeyEvent) -> Typed {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if key.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SUPER | KeyModifiers::META) {
            return Typed::Nothing;
        }
        let replaces = matches!(key.code, KeyCode::Char(c) if !control && !c.is_control());
        if std::mem::take(&mut self.proposed) && replaces {
            *self = Line::default();
        }
        match key.code {
            KeyCode::Enter => return Typed::Done,
            KeyCode::Esc => return Typed::Dropped,
            KeyCode::Char('c' | 'g') if control => return Typed::Dropped,
            KeyCode::Left => return self.go(self.before()),
            KeyCode::Right => return self.go(self.behind()),
            KeyCode::Home => return self.go(0),
            KeyCode::End => return self.go(self.text.len()),
            KeyCode::Char('a') if control => return self.go(0),
            KeyCode::Char('e') if control => return self.go(self.text.len()),
            KeyCode::Char('u') if control => *self = Line::default(),
            KeyCode::Char('w') if control => {
                let (before, _) = self.halves();
                self.cut(before.trim_end().rfind(' ').map_or(0, |at| at + 1), self.at);
            }
            KeyCode::Char('h') if control => return self.back(),
            KeyCode::Backspace => return self.back(),
            KeyCode::Delete => self.cut(self.at, self.behind()),
            KeyCode::Char(c) if !control && !c.is_control() && self.text.chars().count() < LONGEST => {
                self.text.insert(self.at, c);
                self.at += c.len_utf8();
            }
            _ => return Typed::Nothing,
        }
        Typed::Changed
    }

    /// Where the cluster before begins.
    fn before(&self) -> usize {
        self.halves().0.grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    /// Where the cluster behind ends.
    fn behind(&self) -> usize {
        self.halves().1.graphemes(true).next().map_or(self.at, |cluster| self.at + cluster.len())
    }

    fn go(&mut self, at: usize) -> Typed {
        self.at = at;
        Typed::Moved
    }

    /// Takes away what stands there, up to there.
    fn cut(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.at = from;
    }

    /// Takes the cluster before away.
    fn back(&mut self) -> Typed {
        if self.text.is_empty() {
            return Typed::Dropped;
        }
        self.cut(self.before(), self.at);
        Typed::Changed
    }
}

#[cfg(test)]
mod tests {
    use super::super::key::sequence;
    use super::*;

    fn typed(keys: &str) -> (String, Typed) {
        let mut line = Line::default();
        let mut last = Typed::Nothing;
        for key in sequence(keys).expect("keys") {
            last = line.key(&key.event());
        }
        (line.text, last)
    }

    #[test]
    fn keys_write_and_take_away() {
        assert_eq!(typed("10.0"), ("10.0".to_owned(), Typed::Changed));
        assert_eq!(typed("ab<BS>"), ("a".to_owned(), Typed::Changed));
        assert_eq!(typed("e\u{301}<BS>"), (String::new(), Typed::Changed));
        assert_eq!(typed("one two<C-w>"), ("one ".to_owned(), Typed::Changed));
        assert_eq!(typed("one two<C-u>"), (String::new(), Typed::Changed));
        assert_eq!(typed("a<Enter>"), ("a".to_owned(), Typed::Done));
        assert_eq!(typed("a<Esc>"), ("a".to_owned(), Typed::Dropped));
        assert_eq!(typed("<BS>"), (String::new(), Typed::Dropped));
        assert_eq!(typed("a<Up>"), ("a".to_owned(), Typed::Nothing));
        assert_eq!(typed("ac<Left>b"), ("abc".to_owned(), Typed::Changed));
        assert_eq!(typed("bc<Home>a<Right><BS>"), ("ac".to_owned(), Typed::Changed));
        assert_eq!(typed("abc<C-a><Del><C-e>d"), ("bcd".to_owned(), Typed::Changed));
        assert_eq!(typed("one two<Left><Left><C-w>"), ("one wo".to_owned(), Typed::Changed));
        assert_eq!(typed("ae\u{301}<Left><Left><Right><Del>"), ("a".to_owned(), Typed::Changed));
        assert_eq!(typed("a<Home><BS><Left>"), ("a".to_owned(), Typed::Moved));
        assert_eq!(typed(&"x".repeat(300)).0.len(), LONGEST);
    }
}
