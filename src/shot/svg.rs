//! A screen as a picture of a window, that needs nothing beside it: a bar with its title, and the cells below.
//!
//! Each word has its place and its length, so that the grid holds whatever font the viewer has. Lines are made one from
//! end to end before they are drawn: where two meet there is neither gap nor seam, at any scale.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use super::palette::{Paint, Paper};
use super::signs::{self, HEIGHT, WIDTH};
use super::{Run, runs};

/// The window around a screen.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    /// What stands in its bar.
    pub title: &'a str,
    /// The colour of text that names none.
    pub text: Color,
    /// The colour behind it.
    pub ground: Color,
}

/// Distance from the top of a cell to the base line of its text.
const BASE_LINE: u32 = 14;
/// Height of the bar.
const BAR: u32 = 34;
/// Space around the screen, in the window.
const PADDING: u32 = 14;
/// Space around the window, for its shadow.
const MARGIN: u32 = 20;
/// How round the window's corners are.
const ROUND: u32 = 10;
/// The three signs at the left of the bar.
const DOTS: [&str; 3] = ["#ff5f57", "#febc2e", "#28c840"];
/// Fonts whose letters are as wide as each other: every system has one of them.
const FONTS: &str = "ui-monospace,'SF Mono','Cascadia Mono','DejaVu Sans Mono','Liberation Mono',Menlo,Consolas,\
    'Courier New',monospace";

/// The screen as a picture.
pub fn svg(buffer: &Buffer, window: &Window) -> String {
    let paper = Paper::of(window.text, window.ground);
    let (columns, rows) = (u32::from(buffer.area.width), u32::from(buffer.area.height));
    let size = (columns * WIDTH + 2 * PADDING, rows * HEIGHT + BAR + 2 * PADDING);
    let mut picture = Picture::default();
    for row in 0..buffer.area.height {
        for run in runs(buffer, row) {
            picture.take(&run, row, paper);
        }
        picture.reach(buffer, row, paper);
    }
    let (width, height) = (size.0 + 2 * MARGIN, size.1 + 2 * MARGIN);
    let title = escaped(window.title);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\">\n<title>{title}</title>\n<g font-family=\"{FONTS}\" font-size=\"15\">\n"
    );
    frame(&mut out, size, &title, paper);
    let _ = writeln!(out, "<g transform=\"translate({} {})\">", MARGIN + PADDING, MARGIN + BAR + PADDING);
    picture.write(&mut out);
    out.push_str("</g>\n</g>\n</svg>\n");
    out
}

/// The window with its shadow, its bar, and what stands in that.
fn frame(out: &mut String, (width, height): (u32, u32), title: &str, paper: Paper) {
    for (grow, opacity) in [(10, "0.05"), (6, "0.07"), (3, "0.1")] {
        let (x, y) = (MARGIN - grow, MARGIN - grow + 4);
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" rx=\"{}\" opacity=\"{opacity}\"/>",
            width + 2 * grow,
            height + 2 * grow,
            ROUND + grow
        );
    }
    let (bar, edge) = (paper.ground.with(paper.ink, 10), paper.ground.with(paper.ink, 25));
    let (right, bottom) = (MARGIN + width, MARGIN + height);
    let (left, top, below) = (MARGIN, MARGIN, MARGIN + BAR);
    let _ = writeln!(
        out,
        "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" rx=\"{ROUND}\" fill=\"{}\"/>\n\
         <path d=\"M{left} {below}V{}a{ROUND} {ROUND} 0 0 1 {ROUND} -{ROUND}H{}a{ROUND} {ROUND} 0 0 1 {ROUND} {ROUND}V{below}Z\" \
         fill=\"{bar}\"/>\n\
         <rect x=\"{left}.5\" y=\"{top}.5\" width=\"{}\" height=\"{}\" rx=\"{ROUND}\" fill=\"none\" stroke=\"{edge}\"/>",
        paper.ground,
        top + ROUND,
        right - ROUND,
        right - left - 1,
        bottom - top - 1,
    );
    for (at, dot) in (0..).zip(DOTS) {
        let (x, y) = (left + 20 + 20 * at, top + BAR / 2);
        let _ = writeln!(out, "<circle cx=\"{x}\" cy=\"{y}\" r=\"6\" fill=\"{dot}\"/>");
    }
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" font-size=\"14\" fill=\"{}\">{title}</text>",
        left + width / 2,
        top + BAR / 2 + 5,
        paper.ink.with(bar, 25)
    );
}

/// A line's colour, weight, and where it lies: its y if it is level, else its x, in halves of a unit.
type Track = (Paint, u8, u32);

/// What there is to be drawn.
#[derive(Default)]
struct Picture {
    grounds: String,
    /// Level lines: from where to where each cell has a part of one, in halves of a unit.
    level: BTreeMap<Track, BTreeSet<(u32, u32)>>,
    /// The same for upright ones.
    upright: BTreeMap<Track, BTreeSet<(u32, u32)>>,
    signs: String,
    texts: String,
}

impl Picture {
    fn take(&mut self, run: &Run, row: u16, paper: Paper) {
        let (x, y) = (u32::from(run.column) * WIDTH, u32::from(row) * HEIGHT);
        let (ink, ground) = paper.seen(run.look.fg, run.look.bg, run.look.modifier);
        if ground != paper.ground {
            let width = u32::from(run.width) * WIDTH;
            let _ = writeln!(
                self.grounds,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{HEIGHT}\" fill=\"{ground}\" \
                 shape-rendering=\"crispEdges\"/>"
            );
        }
        if run.is_wide() {
            return self.word(&run.text, (x, y), u32::from(run.width), run.look.modifier, ink);
        }
        let (mut word, mut begin) = (String::new(), x);
        for (c, x) in run.text.chars().zip((x..).step_by(WIDTH as usize)) {
            if c != ' ' && !self.sign(c, (x, y), ink) {
                if word.is_empty() {
                    begin = x;
                }
                word.push(c);
            } else if !word.is_empty() {
                let word = std::mem::take(&mut word);
                self.word(&word, (begin, y), word.chars().count() as u32, run.look.modifier, ink);
            }
        }
        if !word.is_empty() {
            self.word(&word, (begin, y), word.chars().count() as u32, run.look.modifier, ink);
        }
    }

    /// Lines that lead up or down to a sign that stands alone in the middle of its cell go on as far as that.
    fn reach(&mut self, buffer: &Buffer, row: u16, paper: Paper) {
        /// From the edge of a cell to such a sign, in halves of a unit.
        const WAY: u32 = 10;
        let Rect { x: left, y: top, width, height } = buffer.area;
        for column in 0..width {
            let at = |row: u16| &buffer[(left + column, top + row)];
            if !at(row).symbol().chars().next().is_some_and(signs::stands_alone) {
                continue;
            }
            let middle = 2 * u32::from(column) * WIDTH + WIDTH;
            let (upper, lower) = (2 * u32::from(row) * HEIGHT, 2 * (u32::from(row) + 1) * HEIGHT);
            let above = row.checked_sub(1).map(|row| (row, upper, upper + WAY));
            let below = (row + 1 < height).then_some((row + 1, lower - WAY, lower));
            for (from, (other, begin, end)) in
                [above, below].into_iter().enumerate().filter_map(|(at, it)| Some((at, it?)))
            {
                let cell = at(other);
                let Some(arms) = cell.symbol().chars().next().and_then(signs::arms) else { continue };
                let weight = if from == 0 { arms.down } else { arms.up };
                if weight > 0 {
                    let (ink, _) = paper.seen(cell.fg, cell.bg, cell.modifier);
                    self.upright.entry((ink, weight, middle)).or_default().insert((begin, end));
                }
            }
        }
    }

    /// Takes a sign that is drawn; `false`: it is written.
    fn sign(&mut self, sign: char, (x, y): (u32, u32), ink: Paint) -> bool {
        if let Some(arms) = signs::arms(sign) {
            let (middle, level) = (2 * x + WIDTH, 2 * y + HEIGHT);
            for (weight, from, to) in [(arms.left, 2 * x, middle), (arms.right, middle, 2 * (x + WIDTH))] {
                if weight > 0 {
                    self.level.entry((ink, weight, level)).or_default().insert((from, to));
                }
            }
            for (weight, from, to) in [(arms.up, 2 * y, level), (arms.down, level, 2 * (y + HEIGHT))] {
                if weight > 0 {
                    self.upright.entry((ink, weight, middle)).or_default().insert((from, to));
                }
            }
        } else if let Some([left, top, width, height]) = signs::block(sign) {
            let (x, y) = (f64::from(x) + left, f64::from(y) + top);
            let _ = writeln!(
                self.signs,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{ink}\"/>"
            );
        } else if let Some(paths) = signs::drawn(sign) {
            for (path, line) in paths {
                let paint = match line {
                    None => format!("fill=\"{ink}\""),
                    Some(tenths) => {
                        format!("fill=\"none\" stroke=\"{ink}\" stroke-width=\"{}\"", f64::from(*tenths) / 10.0)
                    }
                };
                let _ = writeln!(self.signs, "<path transform=\"translate({x} {y})\" d=\"{path}\" {paint}/>");
            }
        } else {
            return false;
        }
        true
    }

    fn word(&mut self, word: &str, (x, y): (u32, u32), columns: u32, modifier: Modifier, ink: Paint) {
        if word.trim().is_empty() {
            return;
        }
        let out = &mut self.texts;
        let _ = write!(
            out,
            "<text x=\"{x}\" y=\"{}\" textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{ink}\"",
            y + BASE_LINE,
            columns * WIDTH
        );
        for (flag, attribute) in [
            (Modifier::BOLD, " font-weight=\"bold\""),
            (Modifier::ITALIC, " font-style=\"italic\""),
            (Modifier::UNDERLINED, " text-decoration=\"underline\""),
        ] {
            if modifier.contains(flag) {
                out.push_str(attribute);
            }
        }
        let _ = writeln!(out, ">{}</text>", escaped(word));
    }

    /// Writes everything: what is behind first.
    fn write(&self, out: &mut String) {
        out.push_str(&self.grounds);
        let mut paths: BTreeMap<(u8, Paint), String> = BTreeMap::new();
        let half = |place: u32| f64::from(place) / 2.0;
        for (tracks, letter) in [(&self.level, 'H'), (&self.upright, 'V')] {
            for ((ink, weight, at), parts) in tracks {
                let path = paths.entry((*weight, *ink)).or_default();
                for (from, to) in joined(parts) {
                    let (x, y) = if letter == 'H' { (from, *at) } else { (*at, from) };
                    let _ = write!(path, "M{} {}{letter}{}", half(x), half(y), half(to));
                }
            }
        }
        for ((weight, ink), path) in paths {
            let width = if weight == 1 { "1.2" } else { "2.4" };
            let _ = writeln!(
                out,
                "<path d=\"{path}\" stroke=\"{ink}\" stroke-width=\"{width}\" stroke-linecap=\"square\" fill=\"none\"/>"
            );
        }
        out.push_str(&self.signs);
        out.push_str(&self.texts);
    }
}

/// Parts in their order, those that touch made one.
fn joined(parts: &BTreeSet<(u32, u32)>) -> Vec<(u32, u32)> {
    let mut lines: Vec<(u32, u32)> = Vec::new();
    for (from, to) in parts {
        match lines.last_mut() {
            Some(last) if last.1 >= *from => last.1 = last.1.max(*to),
            _ => lines.push((*from, *to)),
        }
    }
    lines
}

impl Run<'_> {
    /// Whether its text is one sign that takes several columns, or several characters in one.
    fn is_wide(&self) -> bool {
        self.text.width() != self.text.chars().count()
    }
}

/// Text as XML has it. Characters that XML has no way to write (XML 1.0, 2.2) are replaced.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // Viewers make spaces beside each other one; this one they keep.
            ' ' => out.push('\u{a0}'),
            '\0'..'\u{20}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Style;

    fn screen(lines: &[(&str, Style)]) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, lines.len() as u16));
        for (row, (line, style)) in (0..).zip(lines) {
            buffer.set_string(0, row, line, *style);
        }
        buffer
    }

    fn picture(lines: &[(&str, Style)]) -> String {
        let window = Window { title: "a <title>", text: Color::Rgb(200, 200, 200), ground: Color::Rgb(0, 0, 0) };
        let buffer = screen(lines);
        let picture = svg(&buffer, &window);
        assert_eq!(picture, svg(&buffer, &window), "the same screen gives the same picture");
        picture
    }

    #[test]
    fn words_have_their_place_and_wide_characters_keep_to_their_cells() {
        let bold = Style::new().fg(Color::Green).add_modifier(Modifier::BOLD);
        let svg = picture(&[("a<b & c", Style::new()), ("名前 x", bold)]);
        for part in [
            "<text x=\"0\" y=\"14\" textLength=\"27\" lengthAdjust=\"spacingAndGlyphs\" fill=\"#c8c8c8\">a&lt;b</text>",
            "<text x=\"36\" y=\"14\" textLength=\"9\" lengthAdjust=\"spacingAndGlyphs\" fill=\"#c8c8c8\">&amp;</text>",
            "<text x=\"18\" y=\"33\" textLength=\"18\" lengthAdjust=\"spacingAndGlyphs\" fill=\"#8fcf72\" font-weight=\"bold\">前</text>",
            "<text x=\"45\" y=\"33\" textLength=\"9\"",
            "a\u{a0}&lt;title&gt;</text>",
            "<title>a\u{a0}&lt;title&gt;</title>",
        ] {
            assert!(svg.contains(part), "{part} is not in {svg}");
        }
    }

    #[test]
    fn lines_are_one_from_end_to_end_and_meet_at_corners() {
        let svg = picture(&[("┌──┐", Style::new()), ("│ab│", Style::new()), ("└──┘", Style::new())]);
        let path = "<path d=\"M4.5 9.5H31.5M4.5 47.5H31.5M4.5 9.5V47.5M31.5 9.5V47.5\" stroke=\"#c8c8c8\"";
        assert!(svg.contains(path), "{svg}");
        assert!(svg.contains("stroke-linecap=\"square\"") && svg.contains(">ab</text>"), "{svg}");
        assert!(!svg.contains(['─', '│', '┌']), "{svg}");
    }

    #[test]
    fn a_line_changes_where_its_weight_or_colour_does() {
        let svg = picture(&[("╾──", Style::new()), ("───", Style::new().fg(Color::Rgb(1, 2, 3)))]);
        assert!(svg.contains("d=\"M4.5 9.5H27\" stroke=\"#c8c8c8\" stroke-width=\"1.2\""), "{svg}");
        assert!(svg.contains("d=\"M0 9.5H4.5\" stroke=\"#c8c8c8\" stroke-width=\"2.4\""), "{svg}");
        assert!(svg.contains("d=\"M0 28.5H27\" stroke=\"#010203\""), "{svg}");
    }

    #[test]
    fn a_line_goes_on_to_the_sign_that_it_leads_to() {
        let svg = picture(&[("│", Style::new()), ("▼", Style::new()), ("┃", Style::new()), ("x", Style::new())]);
        assert!(svg.contains("d=\"M4.5 0V24\" stroke=\"#c8c8c8\" stroke-width=\"1.2\""), "{svg}");
        assert!(svg.contains("d=\"M4.5 33V57\" stroke=\"#c8c8c8\" stroke-width=\"2.4\""), "{svg}");
    }

    #[test]
    fn signs_that_fonts_lack_are_drawn_and_reversed_cells_have_a_ground() {
        let svg = picture(&[("✓ ▶▌", Style::new().add_modifier(Modifier::REVERSED))]);
        assert!(svg.contains("<rect x=\"0\" y=\"0\" width=\"36\" height=\"19\" fill=\"#c8c8c8\""), "{svg}");
        assert!(svg.contains("translate(18 0)\" d=\"M0.5 4.5L8.5 9.5L0.5 14.5Z\" fill=\"#000000\""), "{svg}");
        assert!(svg.contains("<rect x=\"27\" y=\"0\" width=\"4.5\" height=\"19\" fill=\"#000000\"/>"), "{svg}");
        assert_eq!(svg.matches("<text").count(), 1, "the title alone is written: {svg}");
    }

    #[test]
    fn characters_that_xml_cannot_write_are_replaced() {
        assert_eq!(escaped("a\u{7}\u{ffff} b"), "a\u{fffd}\u{fffd}\u{a0}b");
    }
}
