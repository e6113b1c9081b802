//! A line that is typed: characters, and what takes them away again. What it is for is not known here.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_segmentation::UnicodeSegmentation;

/// How much can be typed, in characters: more than a terminal's line holds.
const LONGEST: usize = 200;

/// What a key made of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typed {
    /// Another text.
    Changed,
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
}

impl Line {
    /// With a text to begin with.
    pub fn new(text: &str) -> Line {
        Line { text: text.to_owned() }
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Takes a key.
    pub fn key(&mut self, key: &KeyEvent) -> Typed {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if key.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SUPER | KeyModifiers::META) {
            return Typed::Nothing;
        }
        match key.code {
            KeyCode::Enter => return Typed::Done,
            KeyCode::Esc => return Typed::Dropped,
            KeyCode::Char('c' | 'g') if control => return Typed::Dropped,
            KeyCode::Char('u') if control => self.text.clear(),
            KeyCode::Char('w') if control => {
                let kept = self.text.trim_end().rfind(' ').map_or(0, |at| at + 1);
                self.text.truncate(kept);
            }
            KeyCode::Char('h') if control => return self.back(),
            KeyCode::Backspace => return self.back(),
            KeyCode::Char(c) if !control && !c.is_control() && self.text.chars().count() < LONGEST => self.text.push(c),
            _ => return Typed::Nothing,
        }
        Typed::Changed
    }

    /// Takes the last cluster away.
    fn back(&mut self) -> Typed {
        let Some((at, _)) = self.text.grapheme_indices(true).next_back() else { return Typed::Dropped };
        self.text.truncate(at);
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
        assert_eq!(typed(&"x".repeat(300)).0.len(), LONGEST);
    }
}
