//! Signs that are drawn, not written: lines that lead from cell to cell, since fonts leave gaps between rows, and the signs
//! that some fonts lack, so that a picture looks the same everywhere.
//!
//! All in units of a cell that is 9 wide and 19 high.

/// Width of a cell.
pub(super) const WIDTH: u32 = 9;
/// Height of a cell.
pub(super) const HEIGHT: u32 = 19;

/// The arms of a sign that leads from cell to cell, each 0: none, 1: light, 2: heavy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arms {
    pub left: u8,
    pub right: u8,
    pub up: u8,
    pub down: u8,
}

/// The lines (Unicode, "Box Drawing"), each with its arms: left, right, up, down.
#[rustfmt::skip]
const LINES: [(char, [u8; 4]); 52] = [
    ('─', [1, 1, 0, 0]), ('│', [0, 0, 1, 1]), ('┌', [0, 1, 0, 1]), ('┐', [1, 0, 0, 1]), ('└', [0, 1, 1, 0]), ('┘', [1, 0, 1, 0]),
    ('├', [0, 1, 1, 1]), ('┤', [1, 0, 1, 1]), ('┬', [1, 1, 0, 1]), ('┴', [1, 1, 1, 0]), ('┼', [1, 1, 1, 1]),
    ('╭', [0, 1, 0, 1]), ('╮', [1, 0, 0, 1]), ('╰', [0, 1, 1, 0]), ('╯', [1, 0, 1, 0]),
    ('━', [2, 2, 0, 0]), ('┃', [0, 0, 2, 2]), ('┏', [0, 2, 0, 2]), ('┓', [2, 0, 0, 2]), ('┗', [0, 2, 2, 0]), ('┛', [2, 0, 2, 0]),
    ('┣', [0, 2, 2, 2]), ('┫', [2, 0, 2, 2]), ('┳', [2, 2, 0, 2]), ('┻', [2, 2, 2, 0]), ('╋', [2, 2, 2, 2]),
    ('╴', [1, 0, 0, 0]), ('╵', [0, 0, 1, 0]), ('╶', [0, 1, 0, 0]), ('╷', [0, 0, 0, 1]),
    ('╸', [2, 0, 0, 0]), ('╹', [0, 0, 2, 0]), ('╺', [0, 2, 0, 0]), ('╻', [0, 0, 0, 2]),
    ('╼', [1, 2, 0, 0]), ('╾', [2, 1, 0, 0]), ('╽', [0, 0, 1, 2]), ('╿', [0, 0, 2, 1]),
    ('┝', [0, 2, 1, 1]), ('┥', [2, 0, 1, 1]), ('┯', [2, 2, 0, 1]), ('┷', [2, 2, 1, 0]), ('┿', [2, 2, 1, 1]),
    ('┠', [0, 1, 2, 2]), ('┨', [1, 0, 2, 2]), ('┰', [1, 1, 0, 2]), ('┸', [1, 1, 2, 0]), ('╂', [1, 1, 2, 2]),
    ('┍', [0, 2, 0, 1]), ('┑', [2, 0, 0, 1]), ('┕', [0, 2, 1, 0]), ('┙', [2, 0, 1, 0]),
];

/// The arms of a line; `None`: it is none.
pub(super) fn arms(sign: char) -> Option<Arms> {
    let (_, [left, right, up, down]) = *LINES.iter().find(|(line, _)| *line == sign)?;
    Some(Arms { left, right, up, down })
}

/// How a sign is drawn: paths of a cell, each filled, or with a line so many tenths wide.
type Drawn = &'static [(&'static str, Option<u8>)];

/// The signs that are drawn (Unicode, "Geometric Shapes", "Dingbats", "Arrows").
const SIGNS: [(char, Drawn); 17] = [
    ('▶', &[("M0.5 4.5L8.5 9.5L0.5 14.5Z", None)]),
    ('◀', &[("M8.5 4.5L0.5 9.5L8.5 14.5Z", None)]),
    ('▼', &[("M0.5 5.5H8.5L4.5 13.5Z", None)]),
    ('▲', &[("M0.5 13.5H8.5L4.5 5.5Z", None)]),
    ('▸', &[("M2.5 6L7 9.5L2.5 13Z", None)]),
    ('▾', &[("M1 7.5H8L4.5 12Z", None)]),
    ('◇', &[("M4.5 4.8L8.3 9.5L4.5 14.2L0.7 9.5Z", Some(13))]),
    ('◆', &[("M4.5 4.5L8.5 9.5L4.5 14.5L0.5 9.5Z", None)]),
    ('○', &[("M0.8 9.5a3.7 3.7 0 1 0 7.4 0a3.7 3.7 0 1 0 -7.4 0", Some(13))]),
    ('●', &[("M0.5 9.5a4 4 0 1 0 8 0a4 4 0 1 0 -8 0", None)]),
    (
        '◉',
        &[
            ("M0.8 9.5a3.7 3.7 0 1 0 7.4 0a3.7 3.7 0 1 0 -7.4 0", Some(13)),
            ("M2.5 9.5a2 2 0 1 0 4 0a2 2 0 1 0 -4 0", None),
        ],
    ),
    (
        '◌',
        &[(
            "M3.1 6.1A3.7 3.7 0 0 1 5.9 6.1M7.2 7A3.7 3.7 0 0 1 8.2 9.5M7.9 11A3.7 3.7 0 0 1 6.2 12.8\
             M4.9 13.2A3.7 3.7 0 0 1 2.4 12.5M1.3 11.4A3.7 3.7 0 0 1 1 8.3",
            Some(13),
        )],
    ),
    ('✓', &[("M1 9.9L3.6 13.3L8.2 5.2", Some(18))]),
    ('✗', &[("M1.4 5.4L7.6 13.4M7.6 5.4L1.4 13.4", Some(16))]),
    ('⇄', &[("M0.3 7H8.2M5.9 4.6L8.4 7L5.9 9.4M8.7 12.4H0.8M3.1 10L0.6 12.4L3.1 14.8", Some(12))]),
    ('→', &[("M0.3 9.5H8.2M5.2 6.4L8.4 9.5L5.2 12.6", Some(12))]),
    ('←', &[("M8.7 9.5H0.8M3.8 6.4L0.6 9.5L3.8 12.6", Some(12))]),
];

/// How a sign is drawn; `None`: it is written.
pub(super) fn drawn(sign: char) -> Option<Drawn> {
    SIGNS.iter().find(|(known, _)| *known == sign).map(|(_, drawn)| *drawn)
}

/// Whether a sign stands in the middle of its cell, where lines may lead to it from above and from below.
pub(super) fn stands_alone(sign: char) -> bool {
    "▶◀▼▲◇◆○●◉◌".contains(sign)
}

/// The part of a cell that a block fills: left, top, width, height (Unicode, "Block Elements"); `None`: it is none.
pub(super) fn block(sign: char) -> Option<[f64; 4]> {
    let (width, height) = (f64::from(WIDTH), f64::from(HEIGHT));
    let eighths = |from: u32| f64::from(u32::from(sign) - from) / 8.0;
    Some(match sign {
        '▀' => [0.0, 0.0, width, height / 2.0],
        '▁'..='█' => [0.0, height * (1.0 - eighths(0x2580)), width, height * eighths(0x2580)],
        '▉'..='▏' => [0.0, 0.0, width * (1.0 - eighths(0x2588)), height],
        '▐' => [width / 2.0, 0.0, width / 2.0, height],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sign_is_drawn_in_two_ways() {
        let all: Vec<char> = LINES.iter().map(|(sign, _)| *sign).chain(SIGNS.iter().map(|(sign, _)| *sign)).collect();
        for (at, sign) in all.iter().enumerate() {
            assert!(!all[at + 1..].contains(sign), "{sign}");
            assert_eq!(block(*sign), None, "{sign}");
        }
    }

    #[test]
    fn blocks_fill_their_part() {
        assert_eq!(block('█'), Some([0.0, 0.0, 9.0, 19.0]));
        assert_eq!(block('▄'), Some([0.0, 9.5, 9.0, 9.5]));
        assert_eq!(block('▌'), Some([0.0, 0.0, 4.5, 19.0]));
        assert_eq!(block('▏'), Some([0.0, 0.0, 1.125, 19.0]));
        assert_eq!(block('a'), None);
    }
}
