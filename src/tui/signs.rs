//! The signs that a terminal can show: all of them, those of the kernel's own console, or those of ASCII alone. One table says
//! what stands for each; it is asked last, when a screen is drawn, so that the help shows the signs that the panes have.
//!
//! What comes from outside, a name in another script, stays what it is where it is none of the table's signs.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Which signs a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Signs {
    /// Every sign.
    #[default]
    All,
    /// Those of code page 437, which the kernel's console has built in (`drivers/tty/vt/cp437.uni`).
    Console,
    /// Those of ASCII.
    Ascii,
}

/// A sign, what stands for it on the console, and what in ASCII. Signs that stand beside each other on a screen stay apart.
const TABLE: [(char, char, char); 52] = [
    // Badges.
    ('✓', '√', 'y'),
    ('⇄', '↔', '%'),
    ('✗', 'x', 'x'),
    ('◌', '○', 'o'),
    // The packet's way.
    ('┃', '║', '#'),
    ('┣', '╠', '#'),
    ('┗', '╚', '+'),
    ('━', '═', '='),
    ('╸', '═', '-'),
    ('▶', '►', '>'),
    ('◀', '◄', '<'),
    ('▲', '▲', 'A'),
    ('▼', '▼', 'V'),
    ('◇', '♦', '*'),
    ('◉', '■', '@'),
    // What is folded, and what is not.
    ('▸', '►', '+'),
    ('▾', '▼', '-'),
    // What is selected, what counts, where one types.
    ('▌', '▌', '>'),
    ('•', '•', '!'),
    ('▏', '_', '_'),
    // Boxes, thick and thin.
    ('┏', '╔', '+'),
    ('┓', '╗', '+'),
    ('┛', '╝', '+'),
    ('┫', '╣', '#'),
    ('┳', '╦', '+'),
    ('┻', '╩', '+'),
    ('╋', '╬', '+'),
    ('┠', '╟', '#'),
    ('┨', '╢', '#'),
    ('┯', '╤', '+'),
    ('┷', '╧', '+'),
    ('─', '─', '-'),
    ('│', '│', '|'),
    ('┌', '┌', '+'),
    ('┐', '┐', '+'),
    ('└', '└', '+'),
    ('┘', '┘', '+'),
    ('├', '├', '+'),
    ('┤', '┤', '+'),
    ('┬', '┬', '+'),
    ('┴', '┴', '+'),
    // Arrows and marks in text.
    ('→', '→', '>'),
    ('←', '←', '<'),
    ('↑', '↑', '^'),
    ('↓', '↓', 'v'),
    ('·', '·', '.'),
    ('…', '~', '~'),
    ('×', 'x', 'x'),
    ('–', '-', '-'),
    ('’', '\'', '\''),
    ('“', '"', '"'),
    ('”', '"', '"'),
];

impl Signs {
    /// What stands for a sign; `None`: itself.
    fn stand_in(self, sign: char) -> Option<char> {
        let (_, console, ascii) = TABLE.iter().find(|(known, ..)| *known == sign)?;
        match self {
            Signs::All => None,
            Signs::Console => Some(*console),
            Signs::Ascii => Some(*ascii),
        }
    }

    /// Puts what stands for them in the place of signs that the terminal does not have.
    pub(super) fn put(self, buffer: &mut Buffer, area: Rect) {
        if self == Signs::All {
            return;
        }
        for cell in (area.top()..area.bottom()).flat_map(|y| (area.left()..area.right()).map(move |x| (x, y))) {
            let cell = &mut buffer[cell];
            let mut signs = cell.symbol().chars();
            if let (Some(sign), None) = (signs.next(), signs.next())
                && let Some(other) = self.stand_in(sign)
            {
                cell.set_char(other);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_a_sign_is_what_the_terminal_has() {
        const CONSOLE: &str = "√↔○║╠╚═►◄▲▼♦■▌•╔╗╝╣╦╩╬╟╢╤╧─│┌┐└┘├┤┬┴→←↑↓·";
        for (sign, console, ascii) in TABLE {
            assert!(console.is_ascii() || CONSOLE.contains(console), "{sign}: {console}");
            assert!(ascii.is_ascii_graphic(), "{sign}: {ascii}");
            assert_eq!(TABLE.iter().filter(|(other, ..)| *other == sign).count(), 1, "{sign}");
        }
        assert_eq!(Signs::All.stand_in('✓'), None);
        assert_eq!((Signs::Console.stand_in('✓'), Signs::Ascii.stand_in('名')), (Some('√'), None));
    }

    #[test]
    fn in_ascii_what_means_something_has_a_sign_of_its_own() {
        let mut signs = ['✓', '⇄', '✗', '◌', '▼', '▲', '◇', '◉', '▸', '•', '↑', '↓', '…', '·', '│', '┃', '━']
            .map(|sign| Signs::Ascii.stand_in(sign).expect("a sign"));
        signs.sort_unstable();
        assert!(signs.windows(2).all(|two| two[0] != two[1]), "{signs:?}");
        for corner in ['┏', '┓', '┗', '┛', '┌', '┐', '└', '┘'] {
            assert_eq!(Signs::Ascii.stand_in(corner), Some('+'));
        }
    }

    #[test]
    fn badges_stay_apart() {
        for signs in [Signs::Console, Signs::Ascii] {
            let badges = ['✓', '⇄', '✗', '◌', '·'].map(|sign| signs.stand_in(sign).unwrap_or(sign));
            let mut all = [&badges[..], &['?', '-']].concat();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), 7, "{signs:?}: {badges:?}");
        }
    }
}
