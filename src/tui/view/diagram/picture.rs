//! Where the boxes of the picture stand, and the lines between them. What comes in goes up at the left, to routing and to the
//! processes of this host at the top; what goes out comes down at the right. What is forwarded crosses in the middle.
//!
//! The way is told by heavy lines as well as by colour.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::super::super::diagram::{Diagram, Picture, Stop};
use super::super::super::look::{self, Tone};
use super::super::super::state::State;
use super::super::super::text::Columns;
use super::super::{put, put_right};
use super::text::{self, Said};

/// Columns between a bridge's box and the side by which other packets pass it.
const PASSING: u16 = 4;
/// From this width on a box says that the numbers in its title are those of passes.
const WORDY: u16 = 34;
/// Rows between boxes, at most.
const FAR: u16 = 3;

/// The boxes, each with its lines.
struct Boxes {
    all: Vec<(Stop, Rect)>,
}

impl Boxes {
    fn get(&self, stop: Stop) -> Option<Rect> {
        self.all.iter().find(|(known, _)| *known == stop).map(|(_, rect)| *rect)
    }
}

/// The columns: x and width of each.
fn columns(area: Rect) -> [(u16, u16); 3] {
    let gap = match area.width {
        ..100 => 2,
        100..140 => 3,
        _ => 6,
    };
    let free = area.width - 2 * gap;
    let side = (free + 1) / 3 + u16::from(area.width < 100);
    let middle = free - 2 * side;
    [(area.x, side), (area.x + side + gap, middle), (area.x + side + middle + 2 * gap, side)]
}

/// The widest line in the box of a stop: one column stays free at the right.
fn room(area: Rect, stop: Stop) -> usize {
    let passing = if matches!(stop, Stop::BridgeIn | Stop::BridgeOut) { PASSING } else { 0 };
    usize::from((columns(area)[stop.place().0].1).saturating_sub(3 + passing))
}

/// Places the boxes; `lines`: how many a stop would like to have. `None`: there is no room for a picture.
fn arrange(area: Rect, bridges: bool, lines: impl Fn(Stop) -> usize) -> Option<Boxes> {
    let rows: Vec<usize> = (0..5).filter(|row| bridges || *row != 3).collect();
    let stops = || Stop::ALL.into_iter().filter(|stop| bridges || !stop.is_bridge());
    let most = |row: &usize| {
        let here = stops().filter(|stop| stop.place().1 == *row && *stop != Stop::Forward);
        here.map(&lines).max().unwrap_or(1).max(1) as u16
    };
    let mut heights: Vec<u16> = rows.iter().map(most).collect();
    let needs = |heights: &[u16], gap: u16| {
        heights.iter().map(|height| height + 2).sum::<u16>() + gap * (rows.len() as u16 - 1)
    };
    while needs(&heights, 1) > area.height {
        let tallest = heights.iter_mut().max().filter(|height| **height > 1)?;
        *tallest -= 1;
    }
    // Forward has both rows of routing, and the gap between them.
    let wanted = lines(Stop::Forward) as u16;
    while heights[1] + heights[2] + 3 < wanted && needs(&heights, 1) < area.height {
        heights[2] += 1;
    }
    let gap = (1..=FAR).rev().find(|gap| needs(&heights, *gap) <= area.height).unwrap_or(1);
    let mut y = area.y + (area.height - needs(&heights, gap)) / 2;
    let mut tops = Vec::new();
    for height in &heights {
        tops.push((y, height + 2));
        y += height + 2 + gap;
    }
    let columns = columns(area);
    let all = stops()
        .filter_map(|stop| {
            let (column, row) = stop.place();
            let (mut x, mut width) = columns[column];
            let (top, mut height) = tops[rows.iter().position(|known| *known == row)?];
            match stop {
                Stop::Forward => height = tops[2].0 + tops[2].1 - top,
                Stop::BridgeIn => (x, width) = (x + PASSING, width - PASSING),
                Stop::BridgeOut => width -= PASSING,
                _ => {}
            }
            Some((stop, Rect { x, y: top, width, height }))
        })
        .collect();
    Some(Boxes { all })
}

/// Draws the picture; `false`: there is no room for it.
pub(super) fn draw(
    state: &State,
    buffer: &mut Buffer,
    area: Rect,
    diagram: &Diagram,
    picture: &Picture,
    bridges: bool,
) -> bool {
    let form = text::form(state, diagram, picture, |stop| room(area, stop));
    let said: Vec<(Stop, Vec<Said>)> = Stop::ALL
        .into_iter()
        .map(|stop| (stop, text::lines(state, diagram, picture, stop, (form, room(area, stop)))))
        .collect();
    let lines = |stop: Stop| said.iter().find(|(known, _)| *known == stop).map_or(1, |(_, said)| said.len());
    let Some(boxes) = arrange(area, bridges, lines) else { return false };
    let mut pen = Pen { state, buffer, picture, columns: columns(area) };
    for (stop, rect) in &boxes.all {
        let said = said.iter().find(|(known, _)| known == stop).map(|(_, said)| said.clone());
        pen.stop(*stop, *rect, said.unwrap_or_default(), *stop == diagram.stop);
    }
    pen.arrows(&boxes, bridges);
    true
}

struct Pen<'a> {
    state: &'a State,
    buffer: &'a mut Buffer,
    picture: &'a Picture,
    columns: [(u16, u16); 3],
}

/// A side of a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Top,
    Bottom,
    Left,
    Right,
}

impl Pen<'_> {
    /// How a line is painted.
    fn style(&self, lit: bool) -> Style {
        let way = self.state.outcome().map_or(Tone::Strong, |outcome| look::fate(&outcome.fate));
        self.state.look.style(if lit { way } else { Tone::Frame })
    }

    fn sign(&mut self, x: u16, y: u16, sign: &str, lit: bool) {
        let style = self.style(lit);
        self.buffer[(x, y)].reset();
        self.buffer[(x, y)].set_symbol(sign).set_style(style);
    }

    fn is_lit(&self, stop: Stop) -> bool {
        self.picture.stops.get(&stop).is_some_and(|content| !content.passes.is_empty())
    }

    /// A box with its title, the numbers of the passes that go through it, and its lines.
    fn stop(&mut self, stop: Stop, rect: Rect, said: Vec<Said>, selected: bool) {
        let lit = self.is_lit(stop);
        self.frame(rect, lit);
        let (look, width) = (self.state.look, rect.width.saturating_sub(2));
        let top = Rect { x: rect.x + 2, y: rect.y, width: width.saturating_sub(1), height: 1 };
        let title = format!(" {} ", text::title(stop));
        let tone = if lit || selected { Tone::Strong } else { Tone::Dim };
        let name = Rect { width: (title.width() as u16).min(top.width), ..top };
        self.buffer.set_style(name, Style::reset());
        put(self.buffer, name, look, &[(tone, title)]);
        if selected {
            self.buffer.set_style(name, look.style(Tone::Focus).add_modifier(Modifier::REVERSED));
        }
        let content = self.picture.stops.get(&stop).filter(|_| self.picture.numbered && lit);
        if let Some(content) = content {
            let numbers: Vec<String> = content.passes.iter().map(u32::to_string).collect();
            let word = match numbers.len() {
                _ if rect.width < WORDY => "",
                1 => "pass ",
                _ => "passes ",
            };
            let numbers = format!(" {word}{} ", numbers.join(" "));
            let free = usize::from(top.width).saturating_sub(usize::from(name.width) + 2);
            if numbers.width() <= free {
                let x = top.right() - 1 - numbers.width() as u16;
                self.buffer.set_style(Rect { x, width: numbers.width() as u16, ..top }, Style::reset());
                put(self.buffer, Rect { x, width: numbers.width() as u16, ..top }, look, &[(Tone::Strong, numbers)]);
            }
        }
        let height = rect.height.saturating_sub(2);
        for (row, line) in text::pick(said, height.into()).into_iter().enumerate() {
            let at = Rect { x: rect.x + 1, y: rect.y + 1 + row as u16, width, height: 1 };
            let beside = line.right.1.width() as u16;
            let left = if beside > 0 { at.width.saturating_sub(beside + 2) } else { at.width };
            put(self.buffer, Rect { width: left, ..at }, look, &line.line);
            put_right(self.buffer, Rect { width: width.saturating_sub(1), ..at }, look, &line.right, 0);
        }
    }

    fn frame(&mut self, rect: Rect, lit: bool) {
        let [across, down, corners] = if lit { ["━", "┃", "┏┓┗┛"] } else { ["─", "│", "┌┐└┘"] };
        let (right, bottom) = (rect.right() - 1, rect.bottom() - 1);
        for x in rect.x + 1..right {
            self.sign(x, rect.y, across, lit);
            self.sign(x, bottom, across, lit);
        }
        for y in rect.y + 1..bottom {
            self.sign(rect.x, y, down, lit);
            self.sign(right, y, down, lit);
        }
        let places = [(rect.x, rect.y), (right, rect.y), (rect.x, bottom), (right, bottom)];
        for ((x, y), corner) in places.into_iter().zip(corners.chars()) {
            self.sign(x, y, &corner.to_string(), lit);
        }
    }

    /// Every arrow, the lit ones last.
    fn arrows(&mut self, boxes: &Boxes, bridges: bool) {
        let mut all = vec![
            (Stop::Network, Stop::Ingress),
            (Stop::Prerouting, Stop::Routing),
            (Stop::Routing, Stop::Input),
            (Stop::Input, Stop::Process),
            (Stop::Process, Stop::Output),
            (Stop::Output, Stop::Rerouting),
            (Stop::Rerouting, Stop::Postrouting),
            (Stop::Routing, Stop::Forward),
            (Stop::Forward, Stop::Postrouting),
            (Stop::Egress, Stop::Network),
            (Stop::Ingress, Stop::Prerouting),
            (Stop::Postrouting, Stop::Egress),
        ];
        if bridges {
            all.extend([
                (Stop::Ingress, Stop::BridgeIn),
                (Stop::BridgeIn, Stop::Prerouting),
                (Stop::BridgeIn, Stop::BridgeForward),
                (Stop::BridgeForward, Stop::BridgeOut),
                (Stop::Postrouting, Stop::BridgeOut),
                (Stop::BridgeOut, Stop::Egress),
            ]);
        }
        let lit = |arrow: &(Stop, Stop)| {
            // Where bridges are not drawn, frames go past them.
            let past = match arrow {
                _ if bridges => None,
                (Stop::Ingress, Stop::Prerouting) => Some((Stop::Ingress, Stop::BridgeIn)),
                (Stop::Postrouting, Stop::Egress) => Some((Stop::Postrouting, Stop::BridgeOut)),
                _ => None,
            };
            self.picture.lit.contains(arrow) || past.is_some_and(|past| self.picture.lit.contains(&past))
        };
        let mut drawn: Vec<(bool, (Stop, Stop))> = all.into_iter().map(|arrow| (lit(&arrow), arrow)).collect();
        drawn.sort_by_key(|(lit, _)| *lit);
        for (lit, (from, to)) in drawn {
            if let (Some(a), Some(b)) = (boxes.get(from), boxes.get(to)) {
                self.arrow((from, a), (to, b), lit, bridges);
            }
        }
    }

    fn arrow(&mut self, (from, a): (Stop, Rect), (to, b): (Stop, Rect), lit: bool, bridges: bool) {
        let middle = |rect: Rect| rect.y + rect.height / 2;
        if from.place().0 == to.place().0 {
            let side = from.place().0;
            // Beside the title of a box at the left, and where that is at the right, too.
            let x = match (bridges, from, to) {
                (true, Stop::Ingress, Stop::Prerouting) => a.x + 1,
                (true, Stop::Postrouting, Stop::Egress) => a.right() - 2,
                _ => {
                    let (x, width) = self.columns[side];
                    if side == 0 { x + width * 3 / 5 } else { x + width * 2 / 5 }
                }
            };
            return self.upright(x, (from, a), b, lit);
        }
        let y = match (from, to) {
            (Stop::Forward, _) => middle(b),
            _ => middle(a),
        };
        let rightwards = a.x < b.x;
        let (side, start) = if rightwards { (Side::Right, a.right() - 1) } else { (Side::Left, a.x) };
        self.sign(start, y, junction(side, self.is_lit(from), lit), lit || self.is_lit(from));
        let between = if rightwards { a.right()..b.x } else { b.right()..a.x };
        let head = if rightwards { b.x - 1 } else { b.right() };
        for x in between {
            let sign = match (x == head, rightwards, lit) {
                (true, true, _) => "▶",
                (true, false, _) => "◀",
                (false, _, true) => "━",
                (false, _, false) => "─",
            };
            self.sign(x, y, sign, lit);
        }
    }

    fn upright(&mut self, x: u16, (from, a): (Stop, Rect), b: Rect, lit: bool) {
        let up = b.y < a.y;
        let (side, start) = if up { (Side::Top, a.y) } else { (Side::Bottom, a.bottom() - 1) };
        self.sign(x, start, junction(side, self.is_lit(from), lit), lit || self.is_lit(from));
        let between = if up { b.bottom()..a.y } else { a.bottom()..b.y };
        let head = if up { b.bottom() } else { b.y - 1 };
        for y in between {
            let sign = match (y == head, up, lit) {
                (true, true, _) => "▲",
                (true, false, _) => "▼",
                (false, _, true) => "┃",
                (false, _, false) => "│",
            };
            self.sign(x, y, sign, lit);
        }
    }
}

/// Where an arrow leaves a box.
fn junction(side: Side, framed: bool, lit: bool) -> &'static str {
    match (side, framed, lit) {
        (Side::Top, false, _) => "┴",
        (Side::Top, true, false) => "┷",
        (Side::Top, true, true) => "┻",
        (Side::Bottom, false, _) => "┬",
        (Side::Bottom, true, false) => "┯",
        (Side::Bottom, true, true) => "┳",
        (Side::Left, false, _) => "┤",
        (Side::Left, true, false) => "┨",
        (Side::Left, true, true) => "┫",
        (Side::Right, false, _) => "├",
        (Side::Right, true, false) => "┠",
        (Side::Right, true, true) => "┣",
    }
}
