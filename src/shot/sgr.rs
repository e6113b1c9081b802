//! How a cell's look is told to a terminal (ECMA-48, 8.3.117; colours beyond the sixteen as in xterm's ctlseqs).

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};

/// What a cell may be beside its colours: the parameter that begins it, and the one that ends it.
pub(super) const FLAGS: [(Modifier, u8, u8); 5] = [
    (Modifier::BOLD, 1, 22),
    (Modifier::DIM, 2, 22),
    (Modifier::ITALIC, 3, 23),
    (Modifier::UNDERLINED, 4, 24),
    (Modifier::REVERSED, 7, 27),
];

/// The parameters of a colour; `base` is 30 for that of text, 40 for that behind it. `None`: the terminal's own.
pub(super) fn color(color: Color, base: u32) -> Option<String> {
    let dark = |n: u32| Some((base + n).to_string());
    let light = |n: u32| Some((base + 60 + n).to_string());
    match color {
        Color::Reset => None,
        Color::Black => dark(0),
        Color::Red => dark(1),
        Color::Green => dark(2),
        Color::Yellow => dark(3),
        Color::Blue => dark(4),
        Color::Magenta => dark(5),
        Color::Cyan => dark(6),
        Color::Gray => dark(7),
        Color::DarkGray => light(0),
        Color::LightRed => light(1),
        Color::LightGreen => light(2),
        Color::LightYellow => light(3),
        Color::LightBlue => light(4),
        Color::LightMagenta => light(5),
        Color::LightCyan => light(6),
        Color::White => light(7),
        Color::Rgb(r, g, b) => Some(format!("{};2;{r};{g};{b}", base + 8)),
        Color::Indexed(index) => Some(format!("{};5;{index}", base + 8)),
    }
}

/// The parameters that set a cell's look from nothing.
pub(super) fn sgr(cell: &Cell) -> String {
    let flags = FLAGS.iter().filter(|(flag, ..)| cell.modifier.contains(*flag)).map(|(_, on, _)| on.to_string());
    let colors = [color(cell.fg, 30), color(cell.bg, 40)].into_iter().flatten();
    let codes: Vec<String> = std::iter::once("0".to_owned()).chain(flags).chain(colors).collect();
    codes.join(";")
}
