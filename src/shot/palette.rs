//! Colours of a picture: what the names of a terminal's colours look like in it, and what lies between two colours.

use ratatui::style::{Color, Modifier};

/// Red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Paint(pub [u8; 3]);

/// As SVG writes it.
impl std::fmt::Display for Paint {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [r, g, b] = self.0;
        write!(out, "#{r:02x}{g:02x}{b:02x}")
    }
}

impl Paint {
    /// So much of another colour in this one, in hundredths.
    pub fn with(self, other: Paint, hundredths: u32) -> Paint {
        let mix = |one: u8, other: u8| (u32::from(one) * (100 - hundredths) + u32::from(other) * hundredths + 50) / 100;
        let [r, g, b] = [0, 1, 2].map(|part| mix(self.0[part], other.0[part]).min(255) as u8);
        Paint([r, g, b])
    }
}

/// The colours of text and ground that cells have which name none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paper {
    /// Of text.
    pub ink: Paint,
    /// Behind it.
    pub ground: Paint,
}

impl Paper {
    /// With these; where one is left to the terminal, that of a dark one.
    pub fn of(ink: Color, ground: Color) -> Paper {
        let dark = (Paint([0xd7, 0xdc, 0xe5]), Paint([0x14, 0x17, 0x1f]));
        Paper { ink: paint(ink).unwrap_or(dark.0), ground: paint(ground).unwrap_or(dark.1) }
    }

    /// The colours of a cell: its text, and what is behind it.
    pub fn seen(self, fg: Color, bg: Color, modifier: Modifier) -> (Paint, Paint) {
        let (mut ink, mut ground) = (paint(fg).unwrap_or(self.ink), paint(bg).unwrap_or(self.ground));
        if modifier.contains(Modifier::REVERSED) {
            (ink, ground) = (ground, ink);
        }
        if modifier.contains(Modifier::DIM) {
            ink = ink.with(ground, 40);
        }
        (ink, ground)
    }
}

/// The names of the sixteen colours, in xterm's order, and what they look like.
const NAMED: [(Color, [u8; 3]); 16] = [
    (Color::Black, [0x14, 0x17, 0x1f]),
    (Color::Red, [0xf0, 0x71, 0x7a]),
    (Color::Green, [0x8f, 0xcf, 0x72]),
    (Color::Yellow, [0xe8, 0xc4, 0x6a]),
    (Color::Blue, [0x6c, 0xb0, 0xf5]),
    (Color::Magenta, [0xd0, 0x8f, 0xe8]),
    (Color::Cyan, [0x5f, 0xd0, 0xd8]),
    (Color::Gray, [0xb4, 0xbc, 0xca]),
    (Color::DarkGray, [0x7d, 0x87, 0x9b]),
    (Color::LightRed, [0xff, 0x93, 0x9a]),
    (Color::LightGreen, [0xae, 0xe5, 0x8f]),
    (Color::LightYellow, [0xff, 0xdc, 0x85]),
    (Color::LightBlue, [0x93, 0xc9, 0xff]),
    (Color::LightMagenta, [0xe5, 0xae, 0xfb]),
    (Color::LightCyan, [0x8b, 0xe9, 0xef]),
    (Color::White, [0xf4, 0xf6, 0xfa]),
];

/// A colour as it looks; `None` for the one that is there anyway.
fn paint(colour: Color) -> Option<Paint> {
    match colour {
        Color::Rgb(r, g, b) => Some(Paint([r, g, b])),
        Color::Indexed(index) => Some(indexed(index)),
        named => NAMED.iter().find(|(name, _)| *name == named).map(|(_, looks)| Paint(*looks)),
    }
}

/// xterm's 256 colours: 16 named, a cube of 6×6×6, 24 greys.
fn indexed(index: u8) -> Paint {
    Paint(match index {
        0..=15 => NAMED[usize::from(index)].1,
        16..=231 => {
            let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
            let cube = index - 16;
            [level(cube / 36), level(cube / 6 % 6), level(cube % 6)]
        }
        232..=255 => [8 + 10 * (index - 232); 3],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cube_and_the_greys_are_xterms() {
        for (index, looks) in [(16, "#000000"), (196, "#ff0000"), (255, "#eeeeee"), (10, "#aee58f")] {
            assert_eq!(indexed(index).to_string(), looks);
        }
    }

    #[test]
    fn dim_text_is_nearer_to_its_ground_and_reversed_text_changes_with_it() {
        let paper = Paper::of(Color::Rgb(200, 100, 0), Color::Rgb(0, 0, 100));
        assert_eq!(paper.seen(Color::Reset, Color::Reset, Modifier::DIM).0, Paint([120, 60, 40]));
        let reversed = (Paint([0, 0, 100]), Paint([200, 100, 0]));
        assert_eq!(paper.seen(Color::Reset, Color::Reset, Modifier::REVERSED), reversed);
    }
}
