//! A screen as SVG, as text and as ANSI, from the cells of a buffer.
//!
//! The same buffer gives the same bytes. What is on the screen, and how it came there, is not known here; nor is any
//! terminal: colours by name get a fixed palette in the picture, and stay names in ANSI.

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

/// Width of a cell in the picture, in its own units.
const CELL_WIDTH: u32 = 9;
/// Height of a cell.
const CELL_HEIGHT: u32 = 19;
/// Distance from the top of a cell to the base line of its text.
const BASE_LINE: u32 = 14;
/// Space around the screen.
const MARGIN: u32 = 12;
/// Colour of cells that name none.
const GROUND: &str = "#14171f";
/// Colour of text that names none.
const INK: &str = "#d7dce5";

/// A stretch of a row whose cells look alike. Wide characters stand alone, so that each keeps to its cells.
struct Run<'a> {
    /// Its first column.
    column: u16,
    /// How many columns it takes.
    width: u16,
    text: String,
    look: &'a Cell,
}

/// The screen as plain text: a line a row, without spaces at the ends of lines.
pub fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for row in 0..buffer.area.height {
        let line: String = runs(buffer, row).iter().map(|run| run.text.as_str()).collect();
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The screen as text with SGR sequences (ECMA-48, 8.3.117); each line ends with a reset.
pub fn ansi(buffer: &Buffer) -> String {
    let mut out = String::new();
    for row in 0..buffer.area.height {
        for run in runs(buffer, row) {
            let _ = write!(out, "\x1b[{}m{}", sgr(run.look), run.text);
        }
        out.push_str("\x1b[0m\n");
    }
    out
}

/// The screen as a picture that needs nothing beside it. Each run of cells has its place and length, so that the grid
/// holds whatever font the viewer has.
pub fn svg(buffer: &Buffer) -> String {
    let width = u32::from(buffer.area.width) * CELL_WIDTH + 2 * MARGIN;
    let height = u32::from(buffer.area.height) * CELL_HEIGHT + 2 * MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">\n<rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{GROUND}\"/>\n\
         <g font-family=\"'DejaVu Sans Mono','Liberation Mono',Menlo,Consolas,monospace\" font-size=\"15\" \
         xml:space=\"preserve\">\n"
    );
    for row in 0..buffer.area.height {
        for run in runs(buffer, row) {
            draw(&mut out, &run, row);
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

fn draw(out: &mut String, run: &Run, row: u16) {
    let (x, y) = (MARGIN + u32::from(run.column) * CELL_WIDTH, MARGIN + u32::from(row) * CELL_HEIGHT);
    let width = u32::from(run.width) * CELL_WIDTH;
    let mut ink = paint(run.look.fg).unwrap_or(INK.into());
    let mut ground = paint(run.look.bg);
    let modifier = run.look.modifier;
    if modifier.contains(Modifier::REVERSED) {
        let under = ground.unwrap_or(GROUND.into());
        ground = Some(ink);
        ink = under;
    }
    if let Some(ground) = ground {
        let _ =
            writeln!(out, "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{CELL_HEIGHT}\" fill=\"{ground}\"/>");
    }
    let text = lines(out, run, (x, y), &ink);
    if text.trim().is_empty() {
        return;
    }
    let _ =
        write!(out, "<text x=\"{x}\" y=\"{}\" textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\"", y + BASE_LINE);
    let _ = write!(out, " fill=\"{ink}\"");
    for (flag, attribute) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::DIM, " opacity=\"0.6\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
    ] {
        if modifier.contains(flag) {
            out.push_str(attribute);
        }
    }
    // Viewers differ on xml:space; a no-break space is kept by all of them.
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace(' ', "\u{a0}");
    let _ = writeln!(out, ">{text}</text>");
}

fn runs(buffer: &Buffer, row: u16) -> Vec<Run<'_>> {
    let mut runs: Vec<Run> = Vec::new();
    let mut column = 0;
    while column < buffer.area.width {
        let cell = &buffer[(buffer.area.x + column, buffer.area.y + row)];
        let symbol = cell.symbol();
        let width = (symbol.width() as u16).clamp(1, buffer.area.width - column);
        let alone = width > 1;
        match runs.last_mut() {
            Some(run) if !alone && run.text.width() == run.text.chars().count() && alike(run.look, cell) => {
                run.text.push_str(symbol);
                run.width += 1;
            }
            _ => runs.push(Run { column, width, text: symbol.to_owned(), look: cell }),
        }
        column += width;
    }
    runs
}

/// Draws the lines of a run that lead from cell to cell, and gives the text that is left: fonts leave gaps between rows.
fn lines(out: &mut String, run: &Run, (x, y): (u32, u32), ink: &str) -> String {
    let mut text = String::new();
    let mut paths = [String::new(), String::new()];
    let mut cell = x;
    for c in run.text.chars() {
        let Some(line) = LINES.iter().find(|line| line.sign == c) else {
            text.push(c);
            cell += CELL_WIDTH;
            continue;
        };
        text.push(' ');
        let path = &mut paths[usize::from(line.heavy)];
        let (middle, level) =
            (f64::from(cell) + f64::from(CELL_WIDTH) / 2.0, f64::from(y) + f64::from(CELL_HEIGHT) / 2.0);
        let [left, right, up, down] = line.arms;
        if up || down {
            let from = if up { f64::from(y) } else { level };
            let to = if down { f64::from(y + CELL_HEIGHT) } else { level };
            let _ = write!(path, "M{middle} {from}V{to}");
        }
        if left || right {
            let from = if left { f64::from(cell) } else { middle };
            let to = if right { f64::from(cell + CELL_WIDTH) } else { middle };
            // A line that goes on from the last cell is made longer.
            let goes_on = format!("H{from}");
            if path.ends_with(&goes_on) && path.contains(&format!(" {level}H")) {
                path.truncate(path.len() - goes_on.len());
            } else {
                let _ = write!(path, "M{from} {level}");
            }
            let _ = write!(path, "H{to}");
        }
        cell += CELL_WIDTH;
    }
    let opacity = if run.look.modifier.contains(Modifier::DIM) { " opacity=\"0.6\"" } else { "" };
    for (path, stroke) in paths.iter().zip(["1.2", "2.4"]).filter(|(path, _)| !path.is_empty()) {
        let _ = writeln!(out, "<path d=\"{path}\" stroke=\"{ink}\" stroke-width=\"{stroke}\" fill=\"none\"{opacity}/>");
    }
    text
}

/// A character that is a line from cell to cell.
struct Line {
    sign: char,
    heavy: bool,
    /// Whether it leads left, right, up, down.
    arms: [bool; 4],
}

const fn line(sign: char, heavy: bool, left: u8, right: u8, up: u8, down: u8) -> Line {
    Line { sign, heavy, arms: [left == 1, right == 1, up == 1, down == 1] }
}

/// The lines that are drawn (Unicode, "Box Drawing").
const LINES: [Line; 11] = [
    line('─', false, 1, 1, 0, 0),
    line('│', false, 0, 0, 1, 1),
    line('┌', false, 0, 1, 0, 1),
    line('┐', false, 1, 0, 0, 1),
    line('└', false, 0, 1, 1, 0),
    line('┘', false, 1, 0, 1, 0),
    line('━', true, 1, 1, 0, 0),
    line('┃', true, 0, 0, 1, 1),
    line('┣', true, 0, 1, 1, 1),
    line('┗', true, 0, 1, 1, 0),
    line('╸', true, 1, 0, 0, 0),
];

fn alike(a: &Cell, b: &Cell) -> bool {
    a.fg == b.fg && a.bg == b.bg && a.modifier == b.modifier
}

/// A colour of the dark theme; `None` for the one that is there anyway.
fn paint(color: Color) -> Option<String> {
    let named = match color {
        Color::Reset => return None,
        Color::Black => "#14171f",
        Color::Red => "#f0717a",
        Color::Green => "#8fcf72",
        Color::Yellow => "#e8c46a",
        Color::Blue => "#6cb0f5",
        Color::Magenta => "#d08fe8",
        Color::Cyan => "#5fd0d8",
        Color::Gray => "#b4bcca",
        Color::DarkGray => "#7d879b",
        Color::LightRed => "#ff939a",
        Color::LightGreen => "#aee58f",
        Color::LightYellow => "#ffdc85",
        Color::LightBlue => "#93c9ff",
        Color::LightMagenta => "#e5aefb",
        Color::LightCyan => "#8be9ef",
        Color::White => "#f4f6fa",
        Color::Rgb(r, g, b) => return Some(format!("#{r:02x}{g:02x}{b:02x}")),
        Color::Indexed(index) => return Some(indexed(index)),
    };
    Some(named.to_owned())
}

/// xterm's 256 colours: 16 named, a cube of 6×6×6, 24 greys.
fn indexed(index: u8) -> String {
    const NAMED: [Color; 16] = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    match index {
        0..=15 => paint(NAMED[usize::from(index)]).unwrap_or(INK.into()),
        16..=231 => {
            let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
            let cube = index - 16;
            format!("#{:02x}{:02x}{:02x}", level(cube / 36), level(cube / 6 % 6), level(cube % 6))
        }
        232..=255 => {
            let grey = 8 + 10 * (index - 232);
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
    }
}

/// The parameters that set a cell's look from nothing.
fn sgr(cell: &Cell) -> String {
    let mut codes = String::from("0");
    for (flag, code) in [
        (Modifier::BOLD, 1),
        (Modifier::DIM, 2),
        (Modifier::ITALIC, 3),
        (Modifier::UNDERLINED, 4),
        (Modifier::REVERSED, 7),
    ] {
        if cell.modifier.contains(flag) {
            let _ = write!(codes, ";{code}");
        }
    }
    for (color, base) in [(cell.fg, 30), (cell.bg, 40)] {
        let dark = |n: u32| format!(";{}", base + n);
        let light = |n: u32| format!(";{}", base + 60 + n);
        codes += &match color {
            Color::Reset => String::new(),
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
            Color::Rgb(r, g, b) => format!(";{};2;{r};{g};{b}", base + 8),
            Color::Indexed(index) => format!(";{};5;{index}", base + 8),
        };
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    fn screen() -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 2));
        buffer.set_string(0, 0, "a<b & c", Style::new());
        buffer.set_string(0, 1, "名前", Style::new().fg(Color::Green).add_modifier(Modifier::BOLD));
        buffer.set_string(5, 1, "x", Style::new().add_modifier(Modifier::REVERSED));
        buffer
    }

    #[test]
    fn text_is_what_is_read() {
        assert_eq!(text(&screen()), "a<b & c\n名前 x\n");
    }

    #[test]
    fn ansi_tells_each_look_and_ends_with_none() {
        let ansi = ansi(&screen());
        assert!(ansi.contains("\x1b[0;1;32m名"), "{ansi:?}");
        assert!(ansi.contains("\x1b[0;7mx"), "{ansi:?}");
        assert!(ansi.lines().all(|line| line.ends_with("\x1b[0m")));
    }

    #[test]
    fn a_picture_escapes_text_and_keeps_wide_characters_to_their_cells() {
        let svg = svg(&screen());
        assert!(svg.contains("a&lt;b\u{a0}&amp;\u{a0}c"), "{svg}");
        assert!(
            svg.contains("<text x=\"12\" y=\"45\" textLength=\"18\"") && svg.contains("<text x=\"30\" y=\"45\""),
            "{svg}"
        );
        assert!(svg.contains("<rect x=\"57\" y=\"31\" width=\"9\" height=\"19\" fill=\"#d7dce5\"/>"), "{svg}");
        assert_eq!(svg, super::svg(&screen()));
    }

    #[test]
    fn lines_lead_from_cell_to_cell_without_gaps() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 2));
        buffer.set_string(0, 0, "┌──┐", Style::new());
        buffer.set_string(0, 1, "│ab│", Style::new());
        let svg = svg(&buffer);
        let path = "M16.5 21.5V31M16.5 21.5H43.5M43.5 21.5V31";
        assert!(svg.contains(&format!("<path d=\"{}", &path[..22])), "{svg}");
        assert!(svg.contains("M16.5 31V50"), "{svg}");
        assert!(svg.contains("\u{a0}ab\u{a0}") && !svg.contains('─'), "{svg}");
    }

    #[test]
    fn the_cube_and_the_greys_are_xterms() {
        assert_eq!(indexed(16), "#000000");
        assert_eq!(indexed(196), "#ff0000");
        assert_eq!(indexed(255), "#eeeeee");
    }
}
