//! Signs and tones, in one table each. A tone has a colour, as the theme says, and something beside colour (weight, a line,
//! a sign), so that a screen without colour says the same.

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::fitting::Colours;
use super::signs::Signs;
use super::theme;
use crate::explain::AnswerVerdict;
use crate::walk::{Fate, FateKind};

/// How the screen is painted: a theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    tones: [Style; TONES],
    /// The row that the keys are on. Where it names a colour for text, or is reversed, the whole row has that one.
    pub selected: Style,
    /// The colour of text that names none.
    pub text: Color,
    /// The colour behind it.
    pub ground: Color,
    /// The signs that are drawn.
    signs: Signs,
}

/// How many tones there are.
const TONES: usize = Tone::Frame as usize + 1;

/// What a piece of text is, for the eye.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Text.
    Plain,
    /// What matters most.
    Strong,
    /// What is beside the point: never reached, said beside.
    Dim,
    /// Answered by the socket; accepted.
    Good,
    /// Sent elsewhere; translated.
    Changed,
    /// Dropped, rejected, refused.
    Bad,
    /// Not certain.
    Unsure,
    /// What was sought.
    Found,
    /// What counts packets right now.
    Glow,
    /// The border of the pane that has the keys.
    Focus,
    /// The border of another pane.
    Frame,
}

/// Without colours.
impl Default for Look {
    fn default() -> Look {
        theme::built_in("mono").unwrap_or(Look::PLAIN)
    }
}

impl Look {
    /// A theme that tells nothing.
    pub(super) const PLAIN: Look = Look {
        tones: [Style::new(); TONES],
        selected: Style::new(),
        text: Color::Reset,
        ground: Color::Reset,
        signs: Signs::All,
    };

    /// In the sixteen colours of the terminal.
    pub fn sixteen() -> Look {
        theme::built_in("colours16").unwrap_or_default()
    }

    /// How a tone is painted.
    pub fn style(self, tone: Tone) -> Style {
        self.tones[tone as usize]
    }

    /// Paints a tone so.
    pub(super) fn paint(&mut self, tone: Tone, style: Style) {
        self.tones[tone as usize] = style;
    }

    /// Shows that the keys are on this row: one ground from its begin to its end.
    pub(super) fn select(self, buffer: &mut Buffer, row: Rect) {
        let style = self.selected;
        buffer.set_style(row, Style::new().remove_modifier(Modifier::DIM));
        if style.fg.is_some() || style.add_modifier.contains(Modifier::REVERSED) {
            buffer.set_style(row, Style::new().fg(Color::Reset).bg(Color::Reset));
        }
        buffer.set_style(row, style);
    }

    /// Shows that what is sought stands here. In a selected row with a colour of its own for text, that stays.
    pub(super) fn mark(self, cell: &mut Cell) {
        let (ink, found) = (cell.fg, self.style(Tone::Found).remove_modifier(Modifier::DIM));
        let in_bar = self.selected.fg.is_some() && self.selected.bg == Some(cell.bg);
        cell.set_style(found);
        if in_bar {
            cell.fg = ink;
        }
    }

    /// Draws the signs that the terminal has, and gives the cells that name no colour those of the theme.
    pub(super) fn fill(self, buffer: &mut Buffer, area: Rect) {
        self.signs.put(buffer, area);
        if (self.text, self.ground) == (Color::Reset, Color::Reset) {
            return;
        }
        for y in area.top()..area.bottom() {
            for cell in (area.left()..area.right()).map(|x| (x, y)) {
                let cell = &mut buffer[cell];
                cell.fg = if cell.fg == Color::Reset { self.text } else { cell.fg };
                cell.bg = if cell.bg == Color::Reset { self.ground } else { cell.bg };
            }
        }
    }

    /// The same in signs that a terminal has.
    pub fn with_signs(self, signs: Signs) -> Look {
        Look { signs, ..self }
    }

    /// How many colours a terminal must have for it.
    pub fn needs(self) -> Colours {
        let styles = self.tones.iter().chain([&self.selected]).flat_map(|style| [style.fg, style.bg]).flatten();
        let need = |colour| match colour {
            Color::Reset => Colours::None,
            Color::Rgb(..) | Color::Indexed(16..) => Colours::Indexed,
            _ => Colours::Sixteen,
        };
        styles.chain([self.text, self.ground]).map(need).max().unwrap_or(Colours::None)
    }

    /// The same in xterm's 256 colours, for terminals that know no other.
    pub fn indexed(self) -> Look {
        let style = |style: Style| Style { fg: style.fg.map(nearest), bg: style.bg.map(nearest), ..style };
        Look {
            tones: self.tones.map(style),
            selected: style(self.selected),
            text: nearest(self.text),
            ground: nearest(self.ground),
            ..self
        }
    }
}

/// The nearest of xterm's 256 colours that every terminal has alike: the cube of 6×6×6 (16 to 231) and the greys (232 to 255).
fn nearest(colour: Color) -> Color {
    let Color::Rgb(r, g, b) = colour else { return colour };
    let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
    let cube = (0..216u8).map(|at| (16 + at, [level(at / 36), level(at / 6 % 6), level(at % 6)]));
    let greys = (0..24u8).map(|at| (232 + at, [8 + 10 * at; 3]));
    let apart = |one: [u8; 3]| -> u32 {
        one.iter().zip([r, g, b]).map(|(one, other)| u32::from(one.abs_diff(other)).pow(2)).sum()
    };
    cube.chain(greys).min_by_key(|(_, one)| apart(*one)).map_or(colour, |(index, _)| Color::Indexed(index))
}

/// The badge of a verdict; `None`: nobody asked yet.
pub fn badge(verdict: Option<AnswerVerdict>) -> (&'static str, Tone) {
    match verdict {
        None => ("·", Tone::Dim),
        Some(AnswerVerdict::Reached) => ("✓", Tone::Good),
        Some(AnswerVerdict::Diverted) => ("⇄", Tone::Changed),
        Some(AnswerVerdict::Blocked) => ("✗", Tone::Bad),
        Some(AnswerVerdict::Depends) => ("?", Tone::Unsure),
        Some(AnswerVerdict::Unanswered) => ("-", Tone::Dim),
    }
}

/// The badge of a port that rules answer and no socket has.
pub const GHOST: &str = "◌";

/// The tone of a way that ends like this.
pub fn fate(fate: &Fate) -> Tone {
    match fate.kind {
        FateKind::Delivered if fate.socket.is_some() => Tone::Good,
        FateKind::Delivered | FateKind::Queued | FateKind::Unknown => Tone::Unsure,
        FateKind::Forwarded | FateKind::Sent | FateKind::Diverted => Tone::Changed,
        FateKind::Dropped | FateKind::Rejected | FateKind::Unroutable | FateKind::Martian => Tone::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_terminals_get_the_nearest_of_xterms_colours() {
        for (colour, index) in [
            (Color::Rgb(0, 0, 0), 16),
            (Color::Rgb(255, 0, 0), 196),
            (Color::Rgb(130, 130, 130), 244),
            (Color::Rgb(0x56, 0xb4, 0xe9), 74),
        ] {
            assert_eq!(nearest(colour), Color::Indexed(index), "{colour}");
        }
        assert_eq!((nearest(Color::Reset), nearest(Color::LightBlue)), (Color::Reset, Color::LightBlue));
    }

    #[test]
    fn a_selected_row_has_one_ground_from_its_begin_to_its_end() {
        for name in theme::names() {
            let look = theme::built_in(name).expect("a theme");
            let row = Rect::new(0, 0, 12, 1);
            let mut buffer = Buffer::empty(row);
            for (x, tone) in [Tone::Plain, Tone::Dim, Tone::Good, Tone::Bad].into_iter().enumerate() {
                buffer.set_string(3 * x as u16, 0, "abc", look.style(tone));
            }
            look.select(&mut buffer, row);
            look.fill(&mut buffer, row);
            let reversed = |cell: &Cell| cell.modifier.contains(Modifier::REVERSED);
            let behind = |cell: &Cell| if reversed(cell) { cell.fg } else { cell.bg };
            let first = &buffer[(0, 0)];
            assert!(reversed(first) || first.bg != look.ground, "{name}");
            for cell in &buffer.content {
                assert_eq!((behind(cell), reversed(cell)), (behind(first), reversed(first)), "{name}");
                assert!(!cell.modifier.contains(Modifier::DIM), "{name}");
            }
        }
    }

    #[test]
    fn a_theme_needs_the_colours_that_it_names() {
        for (name, colours) in [
            ("mono", Colours::None),
            ("colours16", Colours::Sixteen),
            ("dark", Colours::Indexed),
            ("light", Colours::Indexed),
        ] {
            assert_eq!(theme::built_in(name).map(Look::needs), Some(colours), "{name}");
        }
    }
}
