//! Draws the state into a buffer: header, three panes, the line of keys, and the help on top. Pure; it draws what can be
//! seen, and makes text for those rows only.

mod counts;
mod details;
mod diagram;
mod footer;
mod form;
mod found;
mod help;
mod nearest;
mod netfilter;
mod page;
mod ports;
mod summary;
mod tour;
mod why;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::widgets::{Block, Borders, Clear, Widget};

use super::action::Action;
use super::diagram::Diagram;
use super::look::{Look, Tone};
use super::overlay::Overlay;
use super::state::{Pane, Port, State};
use super::text::{Columns, fit};
use crate::explain::{clean, words};
use crate::host::Namespace;

pub use nearest::nearest;

/// The smallest screen that is drawn: columns, rows.
pub const SMALLEST: (u16, u16) = (39, 11);

/// Below this width the ports stand above the tree, not beside it.
const BESIDE: u16 = 72;
/// The narrowest that one of them is made with the mouse.
const NARROWEST: u16 = 24;
/// So many rows the upper panes keep, with their frames, where the mouse makes the lower one larger.
const UPPER: u16 = 5;
/// From this width on the header tells a namespace and its host.
const ROOMY: u16 = 100;
/// Below this height panes have a line above instead of a box around.
const BOXED: u16 = 18;

/// Where everything stands.
#[derive(Debug, Clone, Copy)]
pub struct Panes {
    header: Rect,
    /// The ports.
    pub ports: PaneArea,
    /// The tree.
    pub tree: PaneArea,
    /// Who answers, and why.
    pub why: PaneArea,
    /// The tour's text, where it has rows of its own.
    tour: Option<Rect>,
    keys: Rect,
}

/// The area of a pane with its frame.
#[derive(Debug, Clone, Copy)]
pub struct PaneArea {
    area: Rect,
    borders: Borders,
}

impl PaneArea {
    fn block(&self) -> Block<'static> {
        Block::new().borders(self.borders)
    }

    /// The pane with its frame.
    pub fn area(&self) -> Rect {
        self.area
    }

    /// What is inside of the frame.
    pub fn inner(&self) -> Rect {
        self.block().inner(self.area)
    }

    /// How many rows are inside of the frame.
    pub fn inner_height(&self) -> usize {
        usize::from(self.inner().height)
    }
}

/// Where everything stands on the state's screen; `None` where that is too small.
pub fn panes(state: &State) -> Option<Panes> {
    arrange(state, Rect::new(0, 0, state.size.0, state.size.1))
}

fn arrange(state: &State, whole: Rect) -> Option<Panes> {
    if whole.width < SMALLEST.0 || whole.height < SMALLEST.1 {
        return None;
    }
    let taken = tour::rows(state, whole);
    let area = Rect { height: whole.height - taken, ..whole };
    let beside = area.width >= BESIDE;
    let borders = if beside && area.height >= BOXED { Borders::ALL } else { Borders::TOP };
    let frame = if borders == Borders::ALL { 2 } else { 1 };
    let rows = |y: u16, height: u16| Rect { y: area.y + y, height, ..area };
    let usual = usual_lines(area.height);
    let why = match state.below {
        Some(rows) => rows.clamp(frame + 1, area.height - 2 - UPPER),
        None => state.lower.map_or(usual, |lines| lines.min(usual)) + frame,
    };
    let middle = area.height - 2 - why;
    let upper = rows(1, middle);
    let (ports, tree) = if beside {
        let split = |split: u16| split.saturating_sub(area.x).clamp(NARROWEST, area.width - NARROWEST);
        let width = state.split.map_or(usual_ports(area.width), split);
        (Rect { width, ..upper }, Rect { x: upper.x + width, width: upper.width - width, ..upper })
    } else {
        let share = if state.focus == Pane::Ports { middle / 2 } else { (middle / 3).max(2) };
        let height = rows_of_ports(state).map_or(share, |rows| share.min((rows + frame).max(2)));
        let below = Rect { y: upper.y + height, height: middle - height, ..upper };
        (Rect { height, ..upper }, below)
    };
    let pane = |area| PaneArea { area, borders };
    Some(Panes {
        header: rows(0, 1),
        ports: pane(ports),
        tree: pane(tree),
        why: pane(rows(1 + middle, why)),
        tour: (taken > 0).then(|| rows(area.height - 1, taken)),
        keys: rows(whole.height - 1, 1),
    })
}

/// How many columns the ports have beside the tree on a screen of so many: this hangs on nothing else, so that nothing moves while
/// answers come in.
fn usual_ports(columns: u16) -> u16 {
    (columns * 2 / 5).clamp(33, 40).max((columns / 3).min(60))
}

/// How many rows the ports fill, once all are found: above the tree they take no more than these. `None`: not known yet, or
/// there is a text in their place.
fn rows_of_ports(state: &State) -> Option<u16> {
    let rows = u16::try_from(state.ports.len()).unwrap_or(u16::MAX / 2);
    (state.surveyed && state.listed() > 0).then_some(rows)
}

/// How many lines the pane below has on a screen of so many rows, where it gives none of them away.
fn usual_lines(rows: u16) -> u16 {
    (rows / 4).clamp(3, 10) - if rows < BOXED { 1 } else { 0 }
}

/// The same on the state's screen; `None` where that is too small.
pub(super) fn usual_lower(state: &State) -> Option<u16> {
    let whole = Rect::new(0, 0, state.size.0, state.size.1);
    panes(state).map(|_| usual_lines(whole.height - tour::rows(state, whole)))
}

/// How many lines it takes to say who answers the selected port.
pub(super) fn said(state: &State) -> usize {
    panes(state).map_or(0, |panes| why::said(state, usize::from(panes.why.inner().width)))
}

/// The first row of a window of `height` rows over `len`, as near to `offset` as it can be, so that `place` is seen.
pub fn window(offset: usize, place: usize, len: usize, height: usize) -> usize {
    let lowest = (place + 1).saturating_sub(height);
    offset.clamp(lowest, place.max(lowest)).min(len.saturating_sub(height))
}

/// Everything that the row of a port may say.
pub fn port_text(ns: &Namespace, port: &Port) -> String {
    ports::text(ns, port)
}

/// The selected port, as a name: `tcp-80`.
pub fn target_name(state: &State) -> String {
    state.selected.as_ref().map(|target| target_text(target).replace('/', "-")).unwrap_or_default()
}

/// Which of the places from which packets come is told in the why pane at a position.
pub(super) fn place_at(state: &State, at: Position) -> Option<usize> {
    let inner = panes(state)?.why.inner();
    let line = usize::from(at.y - inner.y) + state.offsets.why;
    why::place_at(state, usize::from(inner.width), line, usize::from(at.x - inner.x))
}

/// How many lines of the why pane do not fit.
pub fn why_overflow(state: &State) -> usize {
    panes(state).map_or(0, |panes| {
        let inner = panes.why.inner();
        why::lines(state, usize::from(inner.width)).len().saturating_sub(usize::from(inner.height))
    })
}

/// How many lines of the help are seen on a screen of `size` (columns, rows), and how many do not fit.
pub fn help_seen(size: (u16, u16)) -> (usize, usize) {
    help::seen(Rect::new(0, 0, size.0, size.1))
}

/// How many lines of the details on top do not fit.
pub fn details_overflow(state: &State) -> usize {
    details::overflow(state)
}

/// The line of the details on top at which what is chosen stands.
pub fn details_chosen(state: &State) -> usize {
    details::chosen(state)
}

/// How many lines of the details on top can be seen.
pub fn details_height(state: &State) -> usize {
    details::height(state)
}

/// How many lines of the tour's text can be seen.
pub(super) fn tour_height(state: &State) -> usize {
    tour::height(state)
}

/// How many lines of it do not fit.
pub(super) fn tour_overflow(state: &State) -> usize {
    tour::overflow(state)
}

/// Whether the hooks are told in a list, for want of room for a picture.
pub(super) fn draws_list(state: &State) -> bool {
    diagram::draws_list(state.size)
}

/// Whether the hooks of bridges are drawn in a picture.
pub(super) fn draws_bridges(state: &State, diagram: &Diagram) -> bool {
    diagram::draws_bridges(state, diagram, &state.hooks_of(diagram.namespace))
}

/// The first line of the packet form that is to be seen.
pub(super) fn form_offset(state: &State) -> usize {
    form::offset(state)
}

/// The row of the packet form at a place of the screen.
pub(super) fn form_row_at(state: &State, at: Position) -> Option<usize> {
    form::row_at(state, at)
}

/// Draws the explorer into `area`.
pub fn view(state: &State, buffer: &mut Buffer, area: Rect) {
    let area = area.intersection(buffer.area);
    match arrange(state, area) {
        Some(panes) => draw(state, buffer, area, &panes),
        None => too_small(state, buffer, area),
    }
    break_halves(buffer, area);
    state.look.fill(buffer, area);
}

/// Of a wide sign whose second column something else has, nothing is drawn: it would stand there all the same.
fn break_halves(buffer: &mut Buffer, area: Rect) {
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right().saturating_sub(1) {
            let wide = buffer[(x, y)].symbol().len() > 1 && buffer[(x, y)].symbol().width() > 1;
            if wide && buffer[(x + 1, y)].symbol() != " " {
                buffer[(x, y)].set_symbol(" ");
            }
        }
    }
}

fn draw(state: &State, buffer: &mut Buffer, area: Rect, panes: &Panes) {
    header(state, buffer, panes.header);
    if let Some(text) = state.opening_text().filter(|_| state.ports.is_empty()) {
        opening(state, buffer, panes, &text);
    } else {
        picture(state, buffer, panes);
    }
    footer::draw(state, buffer, panes.keys);
    for overlay in &state.overlays {
        match overlay {
            Overlay::Help { offset } => help::draw(state, buffer, area, *offset),
            Overlay::Details(details) => details::draw(state, details, buffer, area),
            Overlay::Diagram(diagram) => diagram::draw(state, buffer, area, diagram),
            Overlay::Tour(tour) => tour::draw(state, buffer, area, panes, tour),
            Overlay::Form(form) => form::draw(state, buffer, area, panes, form),
        }
    }
}

/// The panes, empty yet, and how far the reading is.
fn opening(state: &State, buffer: &mut Buffer, panes: &Panes, text: &str) {
    frame(state, buffer, &panes.ports, Pane::Ports, "Ports", "");
    frame(state, buffer, &panes.tree, Pane::Netfilter, "Netfilter", "");
    frame(state, buffer, &panes.why, Pane::Why, why::title(state), "");
    let inner = panes.why.inner();
    let lines = super::text::wrap(text, usize::from(inner.width));
    for (row, line) in lines.into_iter().enumerate().take(usize::from(inner.height)) {
        let area = Rect { y: inner.y + row as u16, height: 1, ..inner };
        put(buffer, area, state.look, &[(Tone::Plain, line)]);
    }
}

/// The panes.
fn picture(state: &State, buffer: &mut Buffer, panes: &Panes) {
    let title = ports::title(state);
    let count = ports::count(state, beside_room(&panes.ports, &title));
    frame(state, buffer, &panes.ports, Pane::Ports, &title, &count);
    ports::draw(state, buffer, panes.ports.inner());
    found::mark(state, buffer, panes.ports.inner());
    frame(state, buffer, &panes.tree, Pane::Netfilter, "Netfilter", &netfilter::heading(state));
    netfilter::draw(state, buffer, panes.tree.inner());
    found::mark(state, buffer, panes.tree.inner());
    let (title, lines) = (why::title(state), why::lines(state, usize::from(panes.why.inner().width)));
    let inner = panes.why.inner();
    let hidden = lines.len().saturating_sub(usize::from(inner.height) + state.offsets.why);
    let more = match hidden {
        0 => String::new(),
        hidden => match state.keymap.keys(Action::TextDown).next() {
            Some(key) => format!("{hidden} more: {key}"),
            None => format!("{hidden} more"),
        },
    };
    frame(state, buffer, &panes.why, Pane::Why, title, &more);
    summary(state, buffer, panes.why.area, title.width() + 2, more.width());
    for (row, line) in lines.iter().skip(state.offsets.why).take(usize::from(inner.height)).enumerate() {
        put(buffer, Rect { y: inner.y + row as u16, height: 1, ..inner }, state.look, line);
    }
    if state.focus == Pane::Netfilter {
        // The whole of a rule stands here, of which its row may show another part.
        found::mark(state, buffer, inner);
    }
}

/// The packet's way in one line, in the frame above the why pane, or in the one below a page: between its title and what stands
/// at the right.
fn summary(state: &State, buffer: &mut Buffer, area: Rect, title: usize, beside: usize) {
    let taken = title + 4 + if beside > 0 { beside + 3 } else { 0 };
    let mut line = summary::line(state, usize::from(area.width).saturating_sub(taken));
    if line.is_empty() {
        return;
    }
    line.insert(0, (Tone::Plain, " ".to_owned()));
    line.push((Tone::Plain, " ".to_owned()));
    let x = area.x + 2 + title as u16;
    let width: usize = line.iter().map(|(_, text)| text.width()).sum();
    let place = Rect { x, width: (width as u16).min(area.right().saturating_sub(x + 1)), height: 1, ..area };
    // Nothing of how the frame is painted shines through.
    Clear.render(place, buffer);
    put(buffer, place, state.look, &line);
}

fn too_small(state: &State, buffer: &mut Buffer, area: Rect) {
    if area.is_empty() {
        return;
    }
    let text = format!("whyport needs {}×{}; this is {}×{} (q quits)", SMALLEST.0, SMALLEST.1, area.width, area.height);
    for (row, line) in
        super::text::wrap(&text, usize::from(area.width)).iter().take(usize::from(area.height)).enumerate()
    {
        put(buffer, Rect { y: area.y + row as u16, height: 1, ..area }, state.look, &[(Tone::Plain, line.clone())]);
    }
}

/// A piece of a line.
type Piece = (Tone, String);

/// Puts pieces of text into the first row of `area`, cut at its end.
fn put(buffer: &mut Buffer, area: Rect, look: Look, pieces: &[Piece]) {
    let mut x = area.x;
    for (tone, text) in pieces {
        let left = usize::from(area.right().saturating_sub(x));
        let text = fit(text, left);
        let (next, _) = buffer.set_stringn(x, area.y, &text, left, look.style(*tone));
        x = next;
    }
}

/// Puts text at the right end of the first row of `area`, if it leaves at least `keep` columns.
fn put_right(buffer: &mut Buffer, area: Rect, look: Look, (tone, text): &Piece, keep: usize) {
    let width = text.width();
    if width > 0 && width + keep < usize::from(area.width) {
        let x = area.right() - width as u16;
        buffer.set_stringn(x, area.y, text, width, look.style(*tone));
    }
}

fn frame(state: &State, buffer: &mut Buffer, pane: &PaneArea, which: Pane, title: &str, beside: &str) {
    let focused = state.focus == which && state.is_bare();
    let tone = if focused { Tone::Focus } else { Tone::Frame };
    pane.block().border_style(state.look.style(tone)).render(pane.area, buffer);
    let line = Rect { x: pane.area.x + 1, width: pane.area.width.saturating_sub(2), height: 1, ..pane.area };
    // What is written on the frame has nothing of its colour and weight.
    let bare = |tone| Style::reset().patch(state.look.style(tone));
    let mut style = bare(if focused { Tone::Focus } else { Tone::Plain });
    if focused {
        style = style.add_modifier(Modifier::REVERSED);
    }
    let room = beside_room(pane, title);
    let title = format!(" {title} ");
    buffer.set_stringn(line.x, line.y, &title, usize::from(line.width), style);
    let text = format!(" {} ", fit(beside, room));
    let width = text.width();
    if !beside.is_empty() && width + title.width() < usize::from(line.width) {
        buffer.set_stringn(line.right() - width as u16, line.y, text, width, bare(Tone::Dim));
    }
}

/// How many columns there are for what stands beside a title on the frame of a pane.
fn beside_room(pane: &PaneArea, title: &str) -> usize {
    usize::from(pane.area.width).saturating_sub(title.width() + 8)
}

/// `tcp/80`, `icmp`.
fn target_text(target: &crate::explain::Target) -> String {
    let addr = target.one_addr();
    match (addr, target.port) {
        (Some(addr), Some(port)) => format!("{}/{}", target.protocol, std::net::SocketAddr::new(addr, port)),
        (None, Some(port)) => format!("{}/{port}", target.protocol),
        (Some(addr), None) => format!("{}/{addr}", target.protocol),
        (None, None) => target.protocol.to_string(),
    }
}

fn header(state: &State, buffer: &mut Buffer, area: Rect) {
    let ns = state.ns();
    let node = state.host.node.as_deref().unwrap_or_default();
    let place = match state.netns() {
        Some(name) if !node.is_empty() && area.width >= ROOMY => format!("{name} on {node}"),
        Some(name) => name.to_owned(),
        None if node.is_empty() => ns.name.clone(),
        None => node.to_owned(),
    };
    let source = state.reading_text().unwrap_or_else(|| state.source_text());
    let from = if place.is_empty() { source } else { format!("{place} · {source}") };
    let mut left = vec![(Tone::Strong, " whyport".to_owned()), (Tone::Dim, "  ".to_owned())];
    if ns.unread.iter().any(|unread| unread.torn) {
        left.extend([(Tone::Unsure, "torn".to_owned()), (Tone::Dim, " · ".to_owned())]);
    }
    left.push((if state.is_paused() { Tone::Unsure } else { Tone::Dim }, clean(&from).into_owned()));
    let mut right = String::new();
    if let Some(answer) = state.answer() {
        let all = answer.walk.outcomes.len();
        if all > 1 {
            right = format!("outcome {} of {all} ", state.outcome + 1);
        }
    }
    if state.edited.is_some() {
        // Where there is little room the port needs it more.
        let outcome = right.strip_prefix("outcome ").filter(|_| area.width < BESIDE).unwrap_or(&right);
        right = format!("edited {}{outcome}", if right.is_empty() { "" } else { "· " });
    }
    let middle = match (&state.selected, state.answer()) {
        // How far a reading is needs the room.
        (Some(target), Some(answer)) if !state.is_reading() => {
            let (version, from) = (words::version(answer.family), words::from(&answer.from));
            clean(&format!("{} from {from}, {version}", target_text(target))).into_owned()
        }
        (Some(target), _) => target_text(target),
        (None, _) => String::new(),
    };
    let taken: usize = left.iter().map(|(_, text)| text.width()).sum();
    let free = usize::from(area.width).saturating_sub(right.width() + 2);
    let middle = fit(&middle, free.saturating_sub(10));
    let start = (usize::from(area.width).saturating_sub(middle.width()) / 2).max(taken + 2);
    let start = start.min(free.saturating_sub(middle.width()));
    put(buffer, Rect { width: (start as u16).saturating_sub(1), ..area }, state.look, &left);
    let x = area.x + start as u16;
    put(buffer, Rect { x, width: area.right() - x, ..area }, state.look, &[(Tone::Strong, middle)]);
    put_right(buffer, area, state.look, &(Tone::Unsure, right), 0);
}

#[cfg(test)]
mod tests {
    use super::window;

    #[test]
    fn a_window_holds_what_is_selected_and_has_no_empty_rows_it_could_fill() {
        assert_eq!(window(0, 0, 100, 10), 0);
        assert_eq!(window(0, 10, 100, 10), 1);
        assert_eq!(window(50, 20, 100, 10), 20);
        assert_eq!(window(95, 99, 100, 10), 90);
        assert_eq!(window(5, 2, 3, 10), 0);
        assert_eq!(window(0, 0, 0, 0), 0);
    }
}
