//! What the keys do: one table, from which the keys, the help, the line at the bottom and the names in a file of bindings
//! are made.

use crossterm::event::{KeyCode, KeyEvent};

use super::key::Key;

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
    /// Unfold, or go to the row below; from the ports, go to the rule that decides.
    Unfold,
    /// Everything about a port or a rule; elsewhere fold or unfold.
    Enter,
    /// Open everything that the packet walks through.
    UnfoldPath,
    /// Fold everything.
    FoldAll,
    /// Find a port, a chain or a rule, by what is in its sets too.
    Find,
    /// To the next that was found.
    NextHit,
    /// To the one before.
    PreviousHit,
    /// Tell chains in the packet's order, or table by table.
    Group,
    /// List other ports: all, those of a table, the diverted, the blocked.
    Filter,
    /// List the ports in another order.
    Sort,
    /// Show or hide the hooks as a picture.
    Diagram,
    /// To the next rule that held.
    NextStep,
    /// To the rule that held before.
    PreviousStep,
    /// To the next pane.
    NextPane,
    /// To the pane before.
    PreviousPane,
    /// Say something of the packet.
    Edit,
    /// The usual packet again.
    Unedit,
    /// The next place that a packet can come from.
    NextOrigin,
    /// The place before.
    PreviousOrigin,
    /// The packets of the other family.
    OtherFamily,
    /// The next outcome.
    NextOutcome,
    /// The outcome before.
    PreviousOutcome,
    /// The lower pane: the line below.
    TextDown,
    /// The lower pane: the line above.
    TextUp,
    /// Keep the screen as a picture.
    SaveScreen,
    /// Keep the host as a snapshot.
    SaveHost,
    /// Copy the rule that is looked at, or the explanation.
    Copy,
    /// Copy the command that asks the same.
    CopyCommand,
    /// Read the host again.
    Read,
    /// Let the picture of a live host stand still, or follow it again.
    Pause,
    /// The tour through the demo.
    Tour,
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

/// An action with the keys that it has unless somebody binds others.
pub struct Bound {
    /// The action.
    pub action: Action,
    /// What it is called in a file of bindings.
    pub name: &'static str,
    keys: &'static [Key],
}

impl Bound {
    /// The keys that the action has unless somebody binds others.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        self.keys.iter().copied()
    }
}

/// The word for the line at the bottom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// There is none.
    No,
    /// With the first key of the first action.
    One(&'static str),
    /// With the first key of each action.
    Each(&'static str),
}

/// A row of the table: an action, or two that belong together, and what they do.
pub struct Row {
    /// The actions.
    pub bound: &'static [Bound],
    /// What they do, in a few words.
    pub does: &'static str,
    /// The word for the line at the bottom, where there is room for it.
    pub hint: Hint,
}

const fn bare(c: char) -> Key {
    Key::Bare(KeyCode::Char(c))
}

const fn named(code: KeyCode) -> Key {
    Key::Bare(code)
}

const fn bound(action: Action, name: &'static str, keys: &'static [Key]) -> Bound {
    Bound { action, name, keys }
}

/// Every action, in the order in which the help tells them.
#[rustfmt::skip]
pub const ROWS: [Row; 28] = [
    Row { bound: &[bound(Action::Up, "up", &[named(KeyCode::Up), bare('k')]), bound(Action::Down, "down", &[named(KeyCode::Down), bare('j')])],
          does: "one row up, down", hint: Hint::Each("select") },
    Row { bound: &[bound(Action::PageUp, "page-up", &[named(KeyCode::PageUp), Key::Ctrl('b')]), bound(Action::PageDown, "page-down", &[named(KeyCode::PageDown), Key::Ctrl('f')])],
          does: "a page up, down", hint: Hint::No },
    Row { bound: &[bound(Action::First, "first", &[named(KeyCode::Home), bare('<')]), bound(Action::Last, "last", &[named(KeyCode::End), bare('G')])],
          does: "to the first row, the last", hint: Hint::No },
    Row { bound: &[bound(Action::NextPane, "next-pane", &[named(KeyCode::Tab)]), bound(Action::PreviousPane, "previous-pane", &[named(KeyCode::BackTab)])],
          does: "the next pane, the one before", hint: Hint::One("pane") },
    Row { bound: &[bound(Action::Enter, "enter", &[named(KeyCode::Enter)])],
          does: "everything about a port, a rule; elsewhere fold, unfold", hint: Hint::One("open") },
    Row { bound: &[bound(Action::Fold, "fold", &[named(KeyCode::Left), bare('h')]), bound(Action::Unfold, "unfold", &[named(KeyCode::Right), bare('l')])],
          does: "fold, unfold, go up, down; from a port: to what decides", hint: Hint::No },
    Row { bound: &[bound(Action::UnfoldPath, "unfold-path", &[bare('u')]), bound(Action::FoldAll, "fold-all", &[bare('c')])],
          does: "unfold all that the packet walks through; fold everything", hint: Hint::No },
    Row { bound: &[bound(Action::Find, "find", &[bare('/')])],
          does: "find port, process, address, chain, rule, set; 80: port", hint: Hint::One("find") },
    Row { bound: &[bound(Action::NextHit, "next-hit", &[bare('n')]), bound(Action::PreviousHit, "previous-hit", &[bare('N')])],
          does: "the next that was found, the one before", hint: Hint::No },
    Row { bound: &[bound(Action::Group, "group", &[bare('g')])],
          does: "the tree as the packet meets it, or table by table", hint: Hint::No },
    Row { bound: &[bound(Action::Diagram, "hooks", &[bare('H')])],
          does: "the hooks as a picture, with the way through them", hint: Hint::One("hooks") },
    Row { bound: &[bound(Action::Filter, "filter", &[bare('F')]), bound(Action::Sort, "sort", &[bare('z')])],
          does: "ports: all, this table's, diverted, blocked; their order", hint: Hint::No },
    Row { bound: &[bound(Action::NextStep, "next-step", &[bare('p')]), bound(Action::PreviousStep, "previous-step", &[bare('P')])],
          does: "along the path: the next rule that holds, the one before", hint: Hint::One("path") },
    Row { bound: &[bound(Action::NextOrigin, "next-origin", &[bare('o')]), bound(Action::PreviousOrigin, "previous-origin", &[bare('O')])],
          does: "the next place that packets come from, the one before", hint: Hint::One("origin") },
    Row { bound: &[bound(Action::OtherFamily, "other-family", &[bare('f')])],
          does: "the packets of the other family, IPv4 or IPv6", hint: Hint::One("family") },
    Row { bound: &[bound(Action::NextOutcome, "next-outcome", &[bare('b')]), bound(Action::PreviousOutcome, "previous-outcome", &[bare('B')])],
          does: "the next outcome where the way branches, the one before", hint: Hint::One("outcome") },
    Row { bound: &[bound(Action::Edit, "edit-packet", &[bare('e')]), bound(Action::Unedit, "unedit-packet", &[bare('E')])],
          does: "edit the packet (source, mark, …); the usual one again", hint: Hint::One("packet") },
    Row { bound: &[bound(Action::TextDown, "text-down", &[bare('J')]), bound(Action::TextUp, "text-up", &[bare('K')])],
          does: "the text of the lower pane: a line down, up", hint: Hint::No },
    Row { bound: &[bound(Action::SaveScreen, "save-screen", &[bare('s')]), bound(Action::SaveHost, "save-host", &[bare('S')])],
          does: "save the screen as a picture; the host as a snapshot", hint: Hint::No },
    Row { bound: &[bound(Action::Copy, "copy", &[bare('y')]), bound(Action::CopyCommand, "copy-command", &[bare('Y')])],
          does: "copy the rule, what is said of the port; trace's command", hint: Hint::No },
    Row { bound: &[bound(Action::Read, "read", &[bare('r')])],
          does: "read the host again (a live one)", hint: Hint::One("reread") },
    Row { bound: &[bound(Action::Pause, "pause", &[bare(' ')])],
          does: "a live host: stand still; follow it again", hint: Hint::One("pause") },
    Row { bound: &[bound(Action::Tour, "tour", &[bare('t')])],
          does: "a tour through the host of the demo", hint: Hint::One("tour") },
    Row { bound: &[bound(Action::Back, "back", &[named(KeyCode::Esc)])],
          does: "close; stop a reading; end a search; back to the ports", hint: Hint::No },
    Row { bound: &[bound(Action::Redraw, "redraw", &[Key::Ctrl('l')])],
          does: "draw the screen anew", hint: Hint::No },
    Row { bound: &[bound(Action::Suspend, "suspend", &[Key::Ctrl('z')])],
          does: "to the shell, until fg", hint: Hint::No },
    Row { bound: &[bound(Action::Help, "help", &[bare('?'), named(KeyCode::F(1))])],
          does: "show or hide this help", hint: Hint::One("help") },
    Row { bound: &[bound(Action::Quit, "quit", &[bare('q'), Key::Ctrl('c')])],
          does: "leave", hint: Hint::One("quit") },
];

/// What the keys do: as the table says, but for those that somebody bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    bound: Vec<(Key, Action)>,
}

impl Default for Keymap {
    fn default() -> Self {
        let all = ROWS.iter().flat_map(|row| row.bound);
        Keymap { bound: all.flat_map(|bound| bound.keys.iter().map(|key| (*key, bound.action))).collect() }
    }
}

impl Keymap {
    /// What a key does.
    pub fn action(&self, event: &KeyEvent) -> Option<Action> {
        let key = Key::of(event)?;
        self.bound.iter().find(|(known, _)| *known == key).map(|(_, action)| *action)
    }

    /// Gives an action these keys and no other; they do nothing else any more. `false`: no action has this name.
    pub fn bind(&mut self, name: &str, keys: &[Key]) -> bool {
        let Some(bound) = ROWS.iter().flat_map(|row| row.bound).find(|bound| bound.name == name) else { return false };
        self.bound.retain(|(key, action)| *action != bound.action && !keys.contains(key));
        self.bound.extend(keys.iter().map(|key| (*key, bound.action)));
        true
    }

    /// The names of the actions.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ROWS.iter().flat_map(|row| row.bound).map(|bound| bound.name)
    }

    /// Sees to it that there is a key to leave by: whether there was none. Ctrl-C leaves unless it does something else: who is at a
    /// loss presses it.
    pub(super) fn ensure_way_out(&mut self) -> bool {
        let none = self.keys(Action::Quit).next().is_none();
        if none {
            let keys: Vec<Key> = Keymap::default().keys(Action::Quit).collect();
            self.bind("quit", &keys);
        }
        if !self.bound.iter().any(|(key, _)| *key == Key::Ctrl('c')) {
            self.bound.push((Key::Ctrl('c'), Action::Quit));
        }
        none
    }

    /// The keys of an action, in order.
    pub fn keys(&self, action: Action) -> impl Iterator<Item = Key> {
        self.bound.iter().filter(move |(_, known)| *known == action).map(|(key, _)| *key)
    }

    /// `J scrolls`: a key of an action, with the word behind it; empty where it has no key.
    pub(super) fn says(&self, action: Action, word: &str) -> String {
        self.keys(action).next().map(|key| format!("{key} {word}")).unwrap_or_default()
    }

    /// The keys of a row as the help tells them: `↑ ↓ k j`.
    pub fn told(&self, row: &Row) -> String {
        let of: Vec<Vec<Key>> = row.bound.iter().map(|bound| self.keys(bound.action).collect()).collect();
        let most = of.iter().map(Vec::len).max().unwrap_or(0);
        let told = (0..most).flat_map(|at| of.iter().filter_map(move |keys| keys.get(at)).map(Key::to_string));
        told.collect::<Vec<_>>().join(" ")
    }

    /// The key and the word of a row for the line at the bottom; `None` where it has none.
    pub fn hint(&self, row: &Row) -> Option<(String, &'static str)> {
        let (word, many) = match row.hint {
            Hint::No => return None,
            Hint::One(word) => (word, 1),
            Hint::Each(word) => (word, row.bound.len()),
        };
        let keys: String = row
            .bound
            .iter()
            .take(many)
            .filter_map(|bound| self.keys(bound.action).next())
            .map(|key| key.to_string())
            .collect();
        (!keys.is_empty()).then_some((keys, word))
    }
}

#[cfg(test)]
mod tests {
    use super::super::key::sequence;
    use super::*;

    fn all() -> impl Iterator<Item = &'static Bound> {
        ROWS.iter().flat_map(|row| row.bound)
    }

    #[test]
    fn no_key_does_two_things_and_no_name_means_two() {
        let keys: Vec<Key> = all().flat_map(|bound| bound.keys).copied().collect();
        for (index, key) in keys.iter().enumerate() {
            assert!(!keys[index + 1..].contains(key), "{key:?}");
        }
        let names: Vec<&str> = all().map(|bound| bound.name).collect();
        for (index, name) in names.iter().enumerate() {
            assert!(!names[index + 1..].contains(name), "{name}");
        }
    }

    #[test]
    fn every_key_of_the_table_does_what_its_row_says() {
        let keymap = Keymap::default();
        for bound in all() {
            assert!(!bound.keys.is_empty(), "{} has no key", bound.name);
            for key in bound.keys {
                assert_eq!(keymap.action(&key.event()), Some(bound.action), "{key:?}");
            }
        }
    }

    #[test]
    fn bound_keys_do_that_and_nothing_else() {
        let mut keymap = Keymap::default();
        assert!(keymap.bind("next-origin", &sequence("x<F5>").expect("keys")));
        let does = |keymap: &Keymap, text: &str| keymap.action(&sequence(text).expect("a key")[0].event());
        assert_eq!(does(&keymap, "x"), Some(Action::NextOrigin));
        assert_eq!(does(&keymap, "<F5>"), Some(Action::NextOrigin));
        assert_eq!(does(&keymap, "o"), None);
        assert!(keymap.bind("help", &sequence("x").expect("a key")));
        assert_eq!(does(&keymap, "x"), Some(Action::Help));
        assert_eq!(does(&keymap, "?"), None);
        assert!(!keymap.bind("nonsense", &[]));
    }

    #[test]
    fn the_help_and_the_hints_tell_the_keys_that_are_bound() {
        let mut keymap = Keymap::default();
        assert_eq!(keymap.told(&ROWS[0]), "↑ ↓ k j");
        assert_eq!(keymap.hint(&ROWS[0]), Some(("↑↓".to_owned(), "select")));
        keymap.bind("up", &sequence("i").expect("a key"));
        assert_eq!(keymap.told(&ROWS[0]), "i ↓ j");
        assert_eq!(keymap.hint(&ROWS[0]), Some(("i↓".to_owned(), "select")));
        assert_eq!(keymap.hint(&ROWS[1]), None);
    }
}
