//! Keys: how they are told, and how they are written in a file of bindings and in `--keys`: characters by themselves, all
//! others by name between angle brackets (`80<Enter>/DNAT<Enter>`).
//!
//! Deliberately does not know what keys do.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key: with Ctrl held, or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// Without Ctrl.
    Bare(KeyCode),
    /// With Ctrl.
    Ctrl(char),
}

/// How keys are written between angle brackets, and how they are told.
const NAMED: [(&str, KeyCode, &str); 21] = [
    ("Up", KeyCode::Up, "↑"),
    ("Down", KeyCode::Down, "↓"),
    ("Left", KeyCode::Left, "←"),
    ("Right", KeyCode::Right, "→"),
    ("Enter", KeyCode::Enter, "Enter"),
    ("CR", KeyCode::Enter, "Enter"),
    ("Space", KeyCode::Char(' '), "Space"),
    ("lt", KeyCode::Char('<'), "<"),
    ("Tab", KeyCode::Tab, "Tab"),
    ("S-Tab", KeyCode::BackTab, "Shift-Tab"),
    ("Esc", KeyCode::Esc, "Esc"),
    ("Home", KeyCode::Home, "Home"),
    ("End", KeyCode::End, "End"),
    ("PgUp", KeyCode::PageUp, "PgUp"),
    ("PageUp", KeyCode::PageUp, "PgUp"),
    ("PgDn", KeyCode::PageDown, "PgDn"),
    ("PageDown", KeyCode::PageDown, "PgDn"),
    ("BS", KeyCode::Backspace, "Backspace"),
    ("Backspace", KeyCode::Backspace, "Backspace"),
    ("Del", KeyCode::Delete, "Del"),
    ("Delete", KeyCode::Delete, "Del"),
];

impl Key {
    /// The key that was pressed; `None` for one that nothing can be bound to.
    pub fn of(event: &KeyEvent) -> Option<Key> {
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        if event.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SUPER | KeyModifiers::META) {
            return None;
        }
        Some(match event.code {
            KeyCode::Char(c) if control => Key::Ctrl(c.to_ascii_lowercase()),
            _ if control => return None,
            KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => Key::Bare(KeyCode::BackTab),
            code => Key::Bare(code),
        })
    }

    /// The event of its being pressed.
    pub fn event(self) -> KeyEvent {
        match self {
            Key::Bare(code) => KeyEvent::new(code, KeyModifiers::NONE),
            Key::Ctrl(c) => KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL),
        }
    }

    /// The key that a word between angle brackets names, whatever its case: `Enter`, `C-l`, `F1`.
    fn named(word: &str) -> Option<Key> {
        let small = word.to_ascii_lowercase();
        if let Some((_, code, _)) = NAMED.iter().find(|(name, ..)| name.eq_ignore_ascii_case(word)) {
            return Some(Key::Bare(*code));
        }
        if let Some(number) = small.strip_prefix('f').and_then(|number| number.parse().ok()) {
            return (1..=12).contains(&number).then_some(Key::Bare(KeyCode::F(number)));
        }
        let mut chars = small.strip_prefix("c-")?.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => Some(Key::Ctrl(c)),
            _ => None,
        }
    }
}

/// As the help tells it: `↑`, `Home`, `^B`, `j`.
impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Ctrl(c) => write!(out, "^{}", c.to_ascii_uppercase()),
            Key::Bare(code) => match (NAMED.iter().find(|(_, known, _)| known == code), code) {
                (Some((.., told)), _) => out.write_str(told),
                (None, KeyCode::Char(c)) => write!(out, "{c}"),
                (None, KeyCode::F(number)) => write!(out, "F{number}"),
                (None, other) => write!(out, "{other}"),
            },
        }
    }
}

/// The keys that are written so, one after the other; else the part that is none.
pub fn sequence(text: &str) -> Result<Vec<Key>, String> {
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        match (c, after.split_once('>')) {
            ('<', Some((word, after))) => {
                keys.push(Key::named(word).ok_or_else(|| format!("<{word}>"))?);
                rest = after;
            }
            ('<', None) => return Err(rest.to_owned()),
            _ => {
                keys.push(Key::Bare(KeyCode::Char(c)));
                rest = after;
            }
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        sequence(text).expect("keys").iter().map(|key| format!("{key} ")).collect::<String>().trim_end().to_owned()
    }

    #[test]
    fn keys_are_characters_and_names() {
        assert_eq!(told("80<Enter>/DNAT<cr>"), "8 0 Enter / D N A T Enter");
        assert_eq!(told("<C-l><pgdn><F1><s-tab> <lt>?"), "^L PgDn F1 Shift-Tab Space < ?");
        assert_eq!(told(""), "");
    }

    #[test]
    fn what_is_no_key_is_told() {
        assert_eq!(sequence("a<Nonsense>b"), Err("<Nonsense>".to_owned()));
        assert_eq!(sequence("a<Enter"), Err("<Enter".to_owned()));
        assert_eq!(sequence("<F13>"), Err("<F13>".to_owned()));
    }

    #[test]
    fn a_key_comes_back_from_its_event() {
        for key in sequence("aG?<C-c><Up><Tab><S-Tab><F12><Space>").expect("keys") {
            assert_eq!(Key::of(&key.event()), Some(key));
        }
    }

    #[test]
    fn keys_with_other_modifiers_are_none() {
        assert_eq!(Key::of(&KeyEvent::new(KeyCode::Char('q'), KeyModifiers::ALT)), None);
        assert_eq!(Key::of(&KeyEvent::new(KeyCode::Up, KeyModifiers::CONTROL)), None);
    }
}
