//! What the keys do: one table, from which the keys, the help and the line at the bottom are made.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Something that the user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the first row.
    First,
    /// To the last row.
    Last,
    /// Fold, or go to the row that this one is below.
    Fold,
    /// Unfold, or go to the row below.
    Unfold,
    /// Fold or unfold; from the ports, go to the rule that decides.
    Enter,
    /// Open everything that the packet walks through.
    UnfoldPath,
    /// Fold everything.
    FoldAll,
    /// To the next rule that held.
    NextStep,
    /// To the rule that held before.
    PreviousStep,
    /// To the next pane.
    NextPane,
    /// To the pane before.
    PreviousPane,
    /// The next place that a packet can come from.
    NextOrigin,
    /// The place before.
    PreviousOrigin,
    /// The next outcome.
    NextOutcome,
    /// The outcome before.
    PreviousOutcome,
    /// The lower pane: the line below.
    TextDown,
    /// The lower pane: the line above.
    TextUp,
    /// Read the host again.
    Read,
    /// Show or hide the help.
    Help,
    /// Close what lies on top; else stop a reading that goes on; else go back to the ports.
    Back,
    /// Draw the whole screen again.
    Redraw,
    /// Give the terminal back to the shell for a while.
    Suspend,
    /// Leave.
    Quit,
}

/// A key: with Ctrl held, or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Without Ctrl.
    Bare(KeyCode),
    /// With Ctrl.
    Ctrl(char),
}

/// A row of the table: an action, its keys, how they are written, and what they do.
pub struct Binding {
    /// The action.
    pub action: Action,
    /// Its keys.
    pub keys: &'static [Key],
    /// The keys as they are written in the help; empty where the row before tells them.
    pub names: &'static str,
    /// What it does, in a few words.
    pub does: &'static str,
    /// The key and the word for the line at the bottom, where there is room for it.
    pub hint: Option<(&'static str, &'static str)>,
}

const fn bare(c: char) -> Key {
    Key::Bare(KeyCode::Char(c))
}

const fn row(
    action: Action,
    keys: &'static [Key],
    names: &'static str,
    does: &'static str,
    hint: Option<(&'static str, &'static str)>,
) -> Binding {
    Binding { action, keys, names, does, hint }
}

/// Every action, in the order in which the help tells them.
#[rustfmt::skip]
pub const BINDINGS: [Binding; 27] = [
    row(Action::Up, &[Key::Bare(KeyCode::Up), bare('k')], "↑ ↓ k j", "one row up, down", Some(("↑↓", "select"))),
    row(Action::Down, &[Key::Bare(KeyCode::Down), bare('j')], "", "", None),
    row(Action::PageUp, &[Key::Bare(KeyCode::PageUp), Key::Ctrl('b')], "PgUp PgDn ^B ^F", "a page up, down", None),
    row(Action::PageDown, &[Key::Bare(KeyCode::PageDown), Key::Ctrl('f')], "", "", None),
    row(Action::First, &[Key::Bare(KeyCode::Home), bare('g')], "Home End g G", "to the first row, the last", None),
    row(Action::Last, &[Key::Bare(KeyCode::End), bare('G')], "", "", None),
    row(Action::NextPane, &[Key::Bare(KeyCode::Tab)], "Tab Shift-Tab", "the next pane, the one before", Some(("Tab", "pane"))),
    row(Action::PreviousPane, &[Key::Bare(KeyCode::BackTab)], "", "", None),
    row(Action::Enter, &[Key::Bare(KeyCode::Enter), bare(' ')], "Enter Space", "fold, unfold; from a port: to the rule that decides", Some(("Enter", "open"))),
    row(Action::Fold, &[Key::Bare(KeyCode::Left), bare('h')], "← → h l", "fold, unfold; where that is done: go up, down", None),
    row(Action::Unfold, &[Key::Bare(KeyCode::Right), bare('l')], "", "", None),
    row(Action::UnfoldPath, &[bare('e')], "e", "unfold all that the packet walks through", None),
    row(Action::FoldAll, &[bare('c')], "c", "fold everything", None),
    row(Action::NextStep, &[bare('n')], "n N", "the next rule that holds, the one before", None),
    row(Action::PreviousStep, &[bare('N')], "", "", None),
    row(Action::NextOrigin, &[bare('o')], "o O", "the next place that packets come from, the one before", Some(("o", "origin"))),
    row(Action::PreviousOrigin, &[bare('O')], "", "", None),
    row(Action::NextOutcome, &[bare('b')], "b B", "the next outcome where the way branches, the one before", Some(("b", "outcome"))),
    row(Action::PreviousOutcome, &[bare('B')], "", "", None),
    row(Action::TextDown, &[bare('J')], "J K", "the text of the lower pane: a line down, up", None),
    row(Action::TextUp, &[bare('K')], "", "", None),
    row(Action::Read, &[bare('r')], "r", "read the host again (a live one)", Some(("r", "reread"))),
    row(Action::Help, &[bare('?'), Key::Bare(KeyCode::F(1))], "? F1", "show or hide this help", Some(("?", "help"))),
    row(Action::Back, &[Key::Bare(KeyCode::Esc)], "Esc", "close the help; stop a reading; back to the ports", None),
    row(Action::Redraw, &[Key::Ctrl('l')], "^L ^Z", "draw the screen anew; to the shell until fg", None),
    row(Action::Suspend, &[Key::Ctrl('z')], "", "", None),
    row(Action::Quit, &[bare('q'), Key::Ctrl('c')], "q ^C", "leave", Some(("q", "quit"))),
];

/// What a key does.
pub fn action(event: &KeyEvent) -> Option<Action> {
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    if event.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SUPER | KeyModifiers::META) {
        return None;
    }
    let key = match event.code {
        KeyCode::Char(c) if control => Key::Ctrl(c.to_ascii_lowercase()),
        _ if control => return None,
        KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => Key::Bare(KeyCode::BackTab),
        code => Key::Bare(code),
    };
    BINDINGS.iter().find(|binding| binding.keys.contains(&key)).map(|binding| binding.action)
}

/// The keys that a word stands for, as `--keys` writes them: `down`, `enter`, `tab`, `ctrl-c`, `pgdn`, a character by
/// itself. `None` where it stands for none.
pub fn key(word: &str) -> Option<KeyEvent> {
    const NAMED: [(&str, KeyCode); 18] = [
        ("up", KeyCode::Up),
        ("down", KeyCode::Down),
        ("left", KeyCode::Left),
        ("right", KeyCode::Right),
        ("enter", KeyCode::Enter),
        ("space", KeyCode::Char(' ')),
        ("tab", KeyCode::Tab),
        ("s-tab", KeyCode::BackTab),
        ("backtab", KeyCode::BackTab),
        ("esc", KeyCode::Esc),
        ("home", KeyCode::Home),
        ("end", KeyCode::End),
        ("pgup", KeyCode::PageUp),
        ("pageup", KeyCode::PageUp),
        ("pgdn", KeyCode::PageDown),
        ("pagedown", KeyCode::PageDown),
        ("f1", KeyCode::F(1)),
        ("help", KeyCode::Char('?')),
    ];
    let mut chars = word.chars();
    if let (Some(only), None) = (chars.next(), chars.next()) {
        return Some(KeyEvent::new(KeyCode::Char(only), KeyModifiers::NONE));
    }
    let small = word.to_ascii_lowercase();
    if let Some(control) = small.strip_prefix("ctrl-").or_else(|| small.strip_prefix('^')) {
        let mut chars = control.chars();
        return match (chars.next(), chars.next()) {
            (Some(c), None) => Some(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)),
            _ => None,
        };
    }
    NAMED.iter().find(|(name, _)| *name == small).map(|(_, code)| KeyEvent::new(*code, KeyModifiers::NONE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_does_two_things() {
        let keys: Vec<Key> = BINDINGS.iter().flat_map(|binding| binding.keys).copied().collect();
        for (index, key) in keys.iter().enumerate() {
            assert!(!keys[index + 1..].contains(key), "{key:?}");
        }
    }

    #[test]
    fn every_key_of_the_table_does_what_its_row_says() {
        for binding in &BINDINGS {
            for key in binding.keys {
                let event = match key {
                    Key::Bare(code) => KeyEvent::new(*code, KeyModifiers::NONE),
                    Key::Ctrl(c) => KeyEvent::new(KeyCode::Char(*c), KeyModifiers::CONTROL),
                };
                assert_eq!(action(&event), Some(binding.action), "{key:?}");
            }
        }
    }

    #[test]
    fn words_stand_for_keys() {
        assert_eq!(key("down").map(|event| event.code), Some(KeyCode::Down));
        assert_eq!(key("?").map(|event| event.code), Some(KeyCode::Char('?')));
        assert_eq!(key("ctrl-c").and_then(|event| action(&event)), Some(Action::Quit));
        assert_eq!(key("PgDn").and_then(|event| action(&event)), Some(Action::PageDown));
        assert_eq!(key("nonsense"), None);
    }

    #[test]
    fn other_modifiers_do_nothing() {
        assert_eq!(action(&KeyEvent::new(KeyCode::Char('q'), KeyModifiers::ALT)), None);
    }
}
