//! What a terminal is told so that it shows another screen: the cells that changed, in as few bytes as there are ways to
//! say it, for slow links.
//!
//! It writes what every terminal knows since ECMA-48 and asks none what it can do: no cell is erased, which takes the colour
//! behind it in some terminals and not in others, and after a sign that some terminals give another width the cursor is
//! placed anew. Deliberately does not know who reads it.

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use super::sgr::{FLAGS, color};

/// What turns one screen into another of the same size, for a terminal whose cells are painted by nothing at its begin,
/// and at the end again. Empty where nothing changes.
///
/// Cells go out row by row, or all of one look before those of the next, whatever takes less: a look with two colours of
/// 24 bits takes forty bytes, a way to another row eight.
pub fn changes(before: &Buffer, after: &Buffer) -> String {
    let area = after.area;
    let rows: Vec<Row> = (area.top()..area.bottom()).map(|y| Row::of(before, after, y)).collect();
    let all = rows.iter().flat_map(|row| row.cells.iter().copied());
    let by_row = written(after, all);
    let (wide, narrow): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.is_wide);
    let apart = |rows: Vec<&Row>| rows.into_iter().flat_map(|row| row.cells.iter().copied()).collect::<Vec<_>>();
    let by_look = written(after, apart(wide).into_iter().chain(by_look(after, &apart(narrow))));
    if by_look.len() < by_row.len() { by_look } else { by_row }
}

/// The screen between two of the same size on which as many of these areas are new, in their order, as can be told in fewer
/// than `bytes`, and the first of them in any case.
pub fn between(before: &Buffer, after: &Buffer, areas: &[Rect], bytes: usize) -> Buffer {
    let mut screen = before.clone();
    let mut left = bytes;
    for (at, area) in areas.iter().map(|area| area.intersection(after.area)).enumerate() {
        let cells = area.rows().flat_map(|row| Row::of(before, after, row.y).cells);
        // What is told of each by itself is told in no more when all is told at once.
        let told = written(after, cells.filter(|(x, _)| (area.left()..area.right()).contains(x))).len();
        if told >= left && at > 0 {
            break;
        }
        left = left.saturating_sub(told);
        area.positions().for_each(|place| screen[place] = after[place].clone());
    }
    screen
}

/// What is said of these cells, in this order.
fn written(after: &Buffer, cells: impl Iterator<Item = (u16, u16)>) -> String {
    let mut pen = Pen::new(after);
    for (x, y) in cells {
        pen.go(x, y);
        pen.write(x, y, &after[(x, y)]);
    }
    pen.end()
}

/// The same cells, those of one look together. A blank has that of the cells beside it where it can.
fn by_look(after: &Buffer, cells: &[(u16, u16)]) -> Vec<(u16, u16)> {
    let mut looks: Vec<(&Cell, Vec<(u16, u16)>)> = Vec::new();
    let mut last: Option<((u16, u16), usize)> = None;
    for &(x, y) in cells {
        let cell = &after[(x, y)];
        let is_like = |other: &Cell| (other.fg, other.bg, other.modifier) == (cell.fg, cell.bg, cell.modifier);
        let beside = last.filter(|((before, row), _)| *row == y && before + 1 == x).map(|(_, at)| at);
        let at = match beside.filter(|at| is_blank(cell) && looks[*at].0.bg == cell.bg) {
            Some(at) => at,
            None => looks
                .iter()
                .position(|(known, _)| is_like(known) || is_blank(cell) && known.bg == cell.bg)
                .unwrap_or_else(|| {
                    looks.push((cell, Vec::new()));
                    looks.len() - 1
                }),
        };
        looks[at].1.push((x, y));
        last = Some(((x, y), at));
    }
    looks.into_iter().flat_map(|(_, cells)| cells).collect()
}

/// What can be seen of a cell without a sign.
const SEEN: Modifier = Modifier::UNDERLINED.union(Modifier::REVERSED);

/// Whether nothing of a cell is to be seen but what is behind it.
fn is_blank(cell: &Cell) -> bool {
    cell.symbol() == " " && !cell.modifier.intersects(SEEN)
}

/// Whether a cell looks as it did: a blank one has no colour of its own.
fn is_same(old: &Cell, new: &Cell) -> bool {
    old == new || is_blank(old) && is_blank(new) && old.bg == new.bg
}

/// How many columns a sign takes.
fn columns(cell: &Cell) -> u16 {
    (cell.symbol().width() as u16).max(1)
}

/// The cells of a row that changed, from left to right.
struct Row {
    cells: Vec<(u16, u16)>,
    /// A sign in it takes, or took, two columns: such rows are written from left to right.
    is_wide: bool,
}

impl Row {
    /// What is left of a wide sign that is written over looks as each terminal likes, so that it is written too.
    fn of(before: &Buffer, after: &Buffer, y: u16) -> Row {
        let area = after.area;
        let (mut x, mut broken) = (area.left(), area.left());
        let mut row = Row { cells: Vec::new(), is_wide: false };
        while x < area.right() {
            let (old, cell) = (&before[(x, y)], &after[(x, y)]);
            let next = x + columns(cell);
            row.is_wide |= next > x + 1 || columns(old) > 1;
            if x < broken || !is_same(old, cell) {
                row.cells.push((x, y));
                let ends = |x: u16| x + columns(&before[(x, y)]);
                broken = (x..next.min(area.right())).map(ends).max().unwrap_or(next).max(broken);
            }
            x = next;
        }
        row
    }
}

/// What is written, and how the terminal stands then.
struct Pen<'a> {
    out: String,
    after: &'a Buffer,
    /// Where the next sign goes; `None`: nobody knows.
    place: Option<(u16, u16)>,
    fg: Color,
    bg: Color,
    flags: Modifier,
}

impl Pen<'_> {
    /// It paints with nothing, and nobody knows where.
    fn new(after: &Buffer) -> Pen<'_> {
        Pen { out: String::new(), after, place: None, fg: Color::Reset, bg: Color::Reset, flags: Modifier::empty() }
    }

    /// Goes to a cell, by the shortest way.
    fn go(&mut self, x: u16, y: u16) {
        let (column, row) = (x - self.after.area.x, y - self.after.area.y);
        if self.place == Some((column, row)) {
            return;
        }
        let straight = match column {
            0 => format!("\x1b[{}H", row + 1),
            _ => format!("\x1b[{};{}H", row + 1, column + 1),
        };
        let steps = self
            .place
            .filter(|(_, at)| *at <= row)
            .map(|(from, at)| along(from, column) + &"\n".repeat(usize::from(row - at)));
        let way = steps.filter(|steps| steps.len() <= straight.len()).unwrap_or(straight);
        match self.place {
            Some((from, at)) if at == row && from < column && self.can_write(x - (column - from), x, y, way.len()) => {
                for between in x - (column - from)..x {
                    let cell = &self.after[(between, y)];
                    self.write(between, y, cell);
                }
            }
            _ => self.out.push_str(&way),
        }
        self.place = Some((column, row));
    }

    /// Whether cells that stand already, or will, can be written once more as the pen is, in so many bytes.
    fn can_write(&self, from: u16, to: u16, y: u16, most: usize) -> bool {
        let is_plain = |cell: &Cell| cell.symbol().len() == 1 && self.is_painted(cell);
        usize::from(to - from) <= most && (from..to).all(|x| is_plain(&self.after[(x, y)]))
    }

    /// Whether a cell is painted as the last one was, as far as one sees it.
    fn is_painted(&self, cell: &Cell) -> bool {
        let (flags, mask) = self.wanted(cell);
        self.flags & mask == flags && self.bg == cell.bg && (is_blank(cell) || self.fg == cell.fg)
    }

    /// The flags that a cell has, of those that can be seen on it.
    fn wanted(&self, cell: &Cell) -> (Modifier, Modifier) {
        let known = FLAGS.iter().fold(Modifier::empty(), |known, (flag, ..)| known | *flag);
        let mask = if is_blank(cell) { SEEN & known } else { known };
        (cell.modifier & mask, mask)
    }

    fn write(&mut self, x: u16, y: u16, cell: &Cell) {
        self.paint(cell);
        let symbol = cell.symbol();
        self.out.push_str(symbol);
        let next = x - self.after.area.x + columns(cell);
        // Signs of several characters have other widths in other terminals; at the end of a row the cursor hangs.
        let known = symbol.width() > 0 && symbol.chars().count() == 1 && next < self.after.area.width;
        self.place = known.then_some((next, y - self.after.area.y));
    }

    /// Paints with what a cell asks for: what is new alone, or all of it from nothing, whatever is shorter.
    fn paint(&mut self, cell: &Cell) {
        if self.is_painted(cell) {
            return;
        }
        let (flags, mask) = self.wanted(cell);
        let fg = if is_blank(cell) { self.fg } else { cell.fg };
        let kept = (self.flags & !mask) | flags;
        let changed = self.codes(fg, cell.bg, kept);
        let fresh_fg = if is_blank(cell) { Color::Reset } else { cell.fg };
        let fresh = Pen::new(self.after).codes(fresh_fg, cell.bg, flags);
        if fresh.len() + usize::from(!fresh.is_empty()) < changed.len() {
            let _ = write!(self.out, "\x1b[{}{fresh}m", if fresh.is_empty() { "" } else { "0;" });
            (self.fg, self.flags) = (fresh_fg, flags);
        } else {
            let _ = write!(self.out, "\x1b[{changed}m");
            (self.fg, self.flags) = (fg, kept);
        }
        self.bg = cell.bg;
    }

    /// The parameters that lead from how the pen is to something else.
    fn codes(&self, fg: Color, bg: Color, flags: Modifier) -> String {
        let mut codes: Vec<String> = Vec::new();
        let gone = self.flags & !flags;
        let mut held = self.flags & flags;
        for (flag, _, off) in FLAGS {
            if gone.contains(flag) && !codes.contains(&off.to_string()) {
                codes.push(off.to_string());
                // Bold and dim end together.
                FLAGS.iter().filter(|(.., other)| *other == off).for_each(|(flag, ..)| held.remove(*flag));
            }
        }
        codes.extend(
            FLAGS
                .iter()
                .filter(|(flag, ..)| flags.contains(*flag) && !held.contains(*flag))
                .map(|(_, on, _)| on.to_string()),
        );
        for (was, is, base) in [(self.fg, fg, 30), (self.bg, bg, 40)] {
            if was != is {
                codes.push(color(is, base).unwrap_or_else(|| (base + 9).to_string()));
            }
        }
        codes.join(";")
    }

    /// Everything that was written; the terminal paints with nothing again.
    fn end(mut self) -> String {
        if (self.fg, self.bg, self.flags) != (Color::Reset, Color::Reset, Modifier::empty()) {
            self.out.push_str("\x1b[m");
        }
        self.out
    }
}

/// From one column to another of the same row, by the shortest way.
fn along(from: u16, to: u16) -> String {
    let ways = [
        (from == to).then(String::new),
        (to == 0).then(|| "\r".to_owned()),
        (to < from).then(|| "\x08".repeat(usize::from(from - to))),
        Some(format!("\x1b[{}G", to + 1)),
        (from < to).then(|| match to - from {
            1 => "\x1b[C".to_owned(),
            columns => format!("\x1b[{columns}C"),
        }),
    ];
    ways.into_iter().flatten().min_by_key(String::len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ratatui::style::Style;

    const SIZE: (u16, u16) = (20, 5);

    fn screen(lines: &[(&str, Style)]) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, SIZE.0, SIZE.1));
        for (y, (line, style)) in (0..).zip(lines) {
            buffer.set_string(0, y, line, *style);
        }
        buffer
    }

    /// What a terminal shows of a cell.
    fn shown(parser: &vt100::Parser, x: u16, y: u16) -> (String, vt100::Color, vt100::Color, [bool; 5]) {
        let cell = parser.screen().cell(y, x).expect("a cell");
        let seen = [cell.bold(), cell.dim(), cell.italic(), cell.underline(), cell.inverse()];
        let blank = matches!(cell.contents(), "" | " ") && !cell.underline() && !cell.inverse();
        let text = if cell.contents().is_empty() { " " } else { cell.contents() };
        match blank {
            true => (" ".to_owned(), vt100::Color::Default, cell.bgcolor(), [false; 5]),
            false => (text.to_owned(), cell.fgcolor(), cell.bgcolor(), seen),
        }
    }

    fn terminal() -> vt100::Parser {
        vt100::Parser::new(SIZE.1.try_into().expect("rows"), SIZE.0.try_into().expect("columns"), 0)
    }

    /// A terminal that showed one screen and was told to show the other shows it as one that was empty.
    fn agrees(before: &Buffer, after: &Buffer) -> Result<(), TestCaseError> {
        let empty = Buffer::empty(before.area);
        let (mut told, mut plain) = (terminal(), terminal());
        told.process(changes(&empty, before).as_bytes());
        told.process(changes(before, after).as_bytes());
        plain.process(super::super::ansi(after).replace('\n', "\r\n").trim_end().as_bytes());
        for (x, y) in (0..SIZE.1).flat_map(|y| (0..SIZE.0).map(move |x| (x, y))) {
            // What is behind a wide sign belongs to it.
            if x > 0 && after[(x - 1, y)].symbol().width() > 1 {
                continue;
            }
            prop_assert_eq!(shown(&told, x, y), shown(&plain, x, y), "at {}, {}", x, y);
        }
        Ok(())
    }

    #[test]
    fn a_screen_that_stays_takes_nothing() {
        let one = screen(&[("a", Style::new().fg(Color::Rgb(1, 2, 3)))]);
        assert_eq!(changes(&one, &one), "");
        let blank = screen(&[(" ", Style::new().fg(Color::Red).add_modifier(Modifier::BOLD))]);
        assert_eq!(changes(&screen(&[]), &blank), "", "a space has no colour but that behind it");
    }

    #[test]
    fn what_is_near_is_written_again_and_what_is_far_is_gone_to() {
        let plain = Style::new();
        let before = screen(&[("one two three four", plain)]);
        assert_eq!(changes(&before, &screen(&[("oNe Two three four", plain)])), "\x1b[1;2HNe T");
        assert_eq!(changes(&before, &screen(&[("One two three fouR", plain)])), "\x1b[1HO\x1b[18GR");
        let rows = screen(&[("one two three four", plain), ("x", plain)]);
        assert_eq!(changes(&before, &screen(&[("One two three four", plain), ("x", plain)])), "\x1b[1HO\r\nx");
        assert_eq!(changes(&rows, &rows), "");
    }

    #[test]
    fn a_colour_is_told_when_it_changes_and_not_for_spaces() {
        let style = Style::new().fg(Color::Rgb(200, 100, 50)).bg(Color::Rgb(1, 1, 1));
        let told = changes(&screen(&[]), &screen(&[("a b", style)]));
        assert_eq!(told, "\x1b[1H\x1b[38;2;200;100;50;48;2;1;1;1ma b\x1b[m");
    }

    fn styles() -> impl Strategy<Value = Style> {
        let colors = [Color::Reset, Color::Red, Color::LightBlue, Color::Indexed(77), Color::Rgb(1, 20, 200)];
        let colors = proptest::sample::select(colors.to_vec());
        (colors.clone(), colors, 0..32_usize).prop_map(|(fg, bg, flags)| {
            // The emulator knows one of bold and dim at a time.
            let flags = if flags & 3 == 3 { flags & !2 } else { flags };
            let flags = FLAGS.iter().enumerate().filter(|(at, _)| flags >> at & 1 == 1);
            flags.fold(Style::reset().fg(fg).bg(bg), |style, (_, (flag, ..))| style.add_modifier(*flag))
        })
    }

    fn screens() -> impl Strategy<Value = Buffer> {
        let pieces = ["a", "  ", "bc", "名", "│", " ", "▸x", "é", "    "];
        let piece = (0..SIZE.0, 0..SIZE.1, proptest::sample::select(pieces.to_vec()), styles());
        proptest::collection::vec(piece, 0..40).prop_map(|pieces| {
            let mut buffer = screen(&[]);
            for (x, y, text, style) in pieces {
                // What is left of a wide sign that is written over is no screen.
                let halves = x > 0 && buffer[(x - 1, y)].symbol().width() > 1;
                if !halves {
                    buffer.set_string(x, y, text, style);
                }
            }
            buffer
        })
    }

    #[test]
    fn the_first_areas_are_new_as_far_as_they_can_be_told_in_so_few_bytes() {
        let before = screen(&[]);
        let after = screen(&[("one", Style::new()), ("two", Style::new()), ("three", Style::new())]);
        let rows = [2, 0, 1].map(|y| Rect::new(0, y, SIZE.0, 1));
        let told = |bytes| changes(&before, &between(&before, &after, &rows, bytes));
        let all = told(1000);
        let some = told(all.len());
        assert!(
            some.contains("three") && some.contains("one") && !some.contains("two") && some.len() < all.len(),
            "{some:?}"
        );
        assert_eq!(all, changes(&before, &after));
        assert!(told(0).contains("three") && !told(0).contains("one"), "the first is always new");
        assert_eq!(between(&before, &after, &[Rect::new(0, 0, 9999, 9999)], 1000), after, "no area leaves the screen");
    }

    proptest! {
        #[test]
        fn a_terminal_shows_the_screen_that_it_is_told_of(before in screens(), after in screens()) {
            agrees(&before, &after)?;
        }

        #[test]
        fn what_is_new_first_is_told_in_as_few_bytes_as_wanted_and_the_rest_after_it(
            before in screens(),
            after in screens(),
            bytes in 60..400_usize,
        ) {
            let rows: Vec<Rect> = before.area.rows().rev().collect();
            let screen = between(&before, &after, &rows, bytes);
            let alone = changes(&before, &between(&before, &after, &rows[..1], 0));
            prop_assert!(changes(&before, &screen).len() < bytes.max(alone.len() + 1));
            agrees(&before, &screen)?;
            agrees(&screen, &after)?;
        }
    }
}
