//! What is typed and what the mouse does reaches the screen: it is what the explorer's state is drawn as.

use std::thread;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use whyport::tui::Event;
use whyport::tui::action::{Action, ROWS};
use whyport::tui::key::{Key, sequence};

use crate::model::Model;
use crate::term::{Setting, Term};

/// What a terminal sends for a key (xterm's control sequences, PC-style).
fn sent(key: Key) -> String {
    let code = match key {
        Key::Ctrl(c) => return char::from(c as u8 & 0x1f).to_string(),
        Key::Bare(code) => code,
    };
    let sequence = match code {
        KeyCode::Char(c) => return c.to_string(),
        KeyCode::Enter => "\r",
        KeyCode::Tab => "\t",
        KeyCode::Esc => "\x1b",
        KeyCode::Backspace => "\x7f",
        KeyCode::Up => "\x1b[A",
        KeyCode::Down => "\x1b[B",
        KeyCode::Right => "\x1b[C",
        KeyCode::Left => "\x1b[D",
        KeyCode::Home => "\x1b[H",
        KeyCode::End => "\x1b[F",
        KeyCode::PageUp => "\x1b[5~",
        KeyCode::PageDown => "\x1b[6~",
        KeyCode::Delete => "\x1b[3~",
        KeyCode::BackTab => "\x1b[Z",
        KeyCode::F(1) => "\x1bOP",
        other => panic!("how does a terminal send {other:?}?"),
    };
    sequence.to_owned()
}

/// The explorer in a terminal, and what it should show.
pub struct Twins {
    pub term: Term,
    model: Model,
}

impl Twins {
    fn new(size: (u16, u16)) -> Twins {
        Twins::in_terminal(&Setting { size, ..Setting::default() })
    }

    pub fn in_terminal(setting: &Setting) -> Twins {
        let twins = Twins { term: Term::whyport(setting, &["--demo"]), model: Model::demo(setting.size) };
        twins.agree("the first screen");
        twins
    }

    fn agree(&self, after: &str) {
        let expected = self.model.screen();
        self.term.wait(&format!("after {after}, the screen\n{expected}"), |term| term.screen() == expected);
    }

    pub fn press(&mut self, key: Key, name: &str) {
        self.press_all(&[key], Duration::ZERO, name);
    }

    /// Presses keys with a pause after each.
    pub fn press_all(&mut self, keys: &[Key], pause: Duration, name: &str) {
        for key in keys {
            self.term.press(&sent(*key));
            self.model.press(*key);
            thread::sleep(pause);
        }
        let keys: String = keys.iter().map(Key::to_string).collect();
        self.agree(&format!("{keys} ({name})"));
    }

    /// Leaves by a key.
    pub fn leave(self) {
        self.term.press("q");
        assert_eq!(self.term.left().status, 0);
    }

    pub fn resize(&mut self, (columns, rows): (u16, u16)) {
        self.term.resize(columns, rows);
        self.model.take(Event::Resized(columns, rows));
        self.agree(&format!("{columns}×{rows}"));
    }

    fn mouse(&mut self, kind: MouseEventKind, column: u16, row: u16) {
        let (button, end) = match kind {
            MouseEventKind::Down(MouseButton::Left) => (0, 'M'),
            MouseEventKind::Up(MouseButton::Left) => (0, 'm'),
            MouseEventKind::Drag(MouseButton::Left) => (32, 'M'),
            MouseEventKind::ScrollUp => (64, 'M'),
            MouseEventKind::ScrollDown => (65, 'M'),
            other => panic!("how does a terminal send {other:?}?"),
        };
        self.term.press(&format!("\x1b[<{button};{};{}{end}", column + 1, row + 1));
        self.model.take(Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
        self.agree(&format!("{kind:?} at {column}, {row}"));
    }
}

#[test]
fn every_key_of_the_table_shows_what_it_should() {
    let mut twins = Twins::new((80, 24));
    let escape = Key::Bare(KeyCode::Esc);
    let mut pressed = 0;
    for bound in ROWS.iter().flat_map(|row| row.bound) {
        for name in sequence("80<Enter><Tab>").unwrap() {
            twins.press(name, "to a port, and to its tree");
        }
        for key in bound.keys() {
            if !matches!(bound.action, Action::Quit | Action::Suspend) {
                twins.press(key, bound.name);
                twins.press(escape, "close");
                twins.press(escape, "close");
                pressed += 1;
            }
        }
    }
    assert!(pressed > 40);
    twins.term.press("q");
    assert_eq!(twins.term.left().status, 0);
}

#[test]
fn what_is_typed_at_once_is_taken_key_by_key() {
    let mut twins = Twins::new((100, 30));
    // Nothing of it waits for what is worked out elsewhere.
    let keys = sequence("80<Enter><Tab><Down><Down><Up>jjjkcgg<PgDn><PgUp><Home><Down>?jk").unwrap();
    let all: String = keys.iter().map(|key| sent(*key)).collect();
    twins.term.press(&all);
    keys.iter().for_each(|key| twins.model.press(*key));
    twins.agree("all of it");
    twins.term.press("q");
    assert_eq!(twins.term.left().status, 0);
}

/// More than a reader of keys takes at a time (1,024 bytes), and more than the kernel keeps of a line (4,096).
#[test]
fn nothing_is_lost_of_what_is_typed_ahead() {
    let mut twins = Twins::new((100, 30));
    twins.term.press(&format!("?{}{}?\t", "j".repeat(2500), "k".repeat(2500)));
    twins.model.press(Key::Bare(KeyCode::Tab));
    twins.agree("help, down, up, its end and the next pane");
    twins.term.press("q");
    assert_eq!(twins.term.left().status, 0);
}

#[test]
fn what_is_pasted_is_typed_into_a_line_and_does_nothing_elsewhere() {
    let mut twins = Twins::new((100, 30));
    let pasted = "q\x03:S\rDNAT --to";
    twins.term.press(&format!("\x1b[200~{pasted}\x1b[201~"));
    twins.model.take(Event::Pasted(pasted.to_owned()));
    twins.agree("a text beside everything");
    assert!(twins.term.screen().contains("what is pasted is not taken for keys"));
    twins.press(Key::Bare(KeyCode::Char('/')), "find");
    twins.term.press("\x1b[200~DNAT\x1b[31m\x1b[201~");
    twins.model.take(Event::Pasted("DNAT\x1b[31m".to_owned()));
    twins.agree("a text into a search");
    assert!(twins.term.screen().contains("/DNAT[31m"));
    twins.term.press("\x03q");
    assert_eq!(twins.term.left().status, 0);
}

#[test]
fn the_mouse_chooses_turns_and_drags() {
    let mut twins = Twins::new((80, 24));
    use MouseEventKind::{Down, Drag, ScrollDown, ScrollUp, Up};
    let left = MouseButton::Left;
    for (kind, column, row) in [(Down(left), 8, 2), (Up(left), 8, 2), (ScrollDown, 60, 5), (ScrollDown, 60, 5)] {
        twins.mouse(kind, column, row);
    }
    twins.mouse(ScrollUp, 60, 5);
    let border = twins.term.screen().lines().nth(1).unwrap().chars().position(|c| c == '┐').unwrap() as u16 + 1;
    for (kind, column) in [(Down(left), border), (Drag(left), 50), (Drag(left), 3), (Up(left), 3)] {
        twins.mouse(kind, column, 6);
    }
    // What lies on top has the wheel; a click beside everything does nothing.
    twins.press(Key::Bare(KeyCode::Char('?')), "help");
    twins.mouse(ScrollDown, 40, 10);
    twins.mouse(Down(left), 79, 23);
    twins.term.press("q");
    assert_eq!(twins.term.left().status, 0);
}
