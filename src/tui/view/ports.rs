//! The ports pane: a row for each port, with its badge and who has it.

use std::net::IpAddr;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::look::{self, Tone};
use super::super::state::{Pane, Port, State};
use super::super::text::{Columns, fit, pad, wrap};
use super::put;
use crate::explain::{AnswerVerdict, PortEntry, clean, words};
use crate::host::{IpFamily, Namespace, What};

/// Columns of an address, at most: an IPv4 address.
const ADDRESS: usize = 15;

/// Which ports are listed.
pub(super) fn title(state: &State) -> String {
    clean(&state.filter.text(state.ns())).into_owned()
}

/// How many ports are listed, which is selected, and how they are sorted, as far as there are so many columns for it: half a number
/// would be another one.
pub(super) fn count(state: &State, room: usize) -> String {
    let (of, listed) = match (state.surveyed, state.place()) {
        (true, Some(place)) => (place + 1, state.listed()),
        (true, None) if state.listed() == 0 && !state.ports.is_empty() => (0, state.ports.len()),
        _ => return String::new(),
    };
    let order = state.order.text();
    let texts = [format!("{of} of {listed}{order}"), format!("{of} of {listed}"), format!("{of}/{listed}")];
    texts.into_iter().find(|text| text.width() <= room).unwrap_or_default()
}

pub(super) fn draw(state: &State, buffer: &mut Buffer, area: Rect) {
    if state.surveyed && state.ports.is_empty() {
        // What was not read may hold one.
        let unread = &state.ns().unread;
        return instead(state, buffer, area, &[Some(words::no_ports(unread)), words::unread(unread)]);
    }
    if state.surveyed && state.listed() == 0 {
        return instead(state, buffer, area, &[Some(state.filter.nothing(state.ns()))]);
    }
    let place = state.place().unwrap_or(0);
    let offset = super::window(state.offsets.ports, place, state.listed(), usize::from(area.height));
    let shown = state.listed_from(offset).take(usize::from(area.height));
    let widths = Widths::of(state.ns(), shown.clone(), usize::from(area.width));
    for (row, port) in shown.enumerate() {
        let line = Rect { y: area.y + row as u16, height: 1, ..area };
        draw_row(state, buffer, line, port, offset + row == place, &widths);
    }
}

/// What is said where there are no rows.
fn instead(state: &State, buffer: &mut Buffer, area: Rect, texts: &[Option<String>]) {
    let lines = texts.iter().flatten().flat_map(|text| wrap(&clean(text), usize::from(area.width)));
    for (row, line) in lines.enumerate().take(area.height.into()) {
        put(buffer, Rect { y: area.y + row as u16, height: 1, ..area }, state.look, &[(Tone::Dim, line)]);
    }
}

/// The columns of the rows that can be seen.
struct Widths {
    protocol: usize,
    port: usize,
    address: usize,
}

impl Widths {
    fn of<'a>(ns: &Namespace, ports: impl Iterator<Item = &'a Port> + Clone, width: usize) -> Widths {
        let most = |text: fn(&Namespace, &Port) -> String| ports.clone().map(|port| text(ns, port).width()).max();
        Widths {
            protocol: most(|_, port| port.target.protocol.to_string()).unwrap_or(0).clamp(3, 6),
            // Those of a range stand out to the right, where no address stands: names need the room more.
            port: most(|_, port| if is_range(port) { String::new() } else { number(port) }).unwrap_or(0).clamp(4, 5),
            address: most(address).unwrap_or(0).min(ADDRESS).min((width / 3).max(7)),
        }
    }
}

fn is_range(port: &Port) -> bool {
    port.entry.as_ref().is_some_and(|entry| entry.last != entry.port)
}

fn number(port: &Port) -> String {
    match (&port.entry, port.target.port) {
        (Some(entry), _) if entry.last != entry.port => format!("{}-{}", entry.port, entry.last),
        (_, Some(number)) => number.to_string(),
        (_, None) => String::new(),
    }
}

/// The address a socket is bound to; empty for a row that tells where its packets go.
fn address(ns: &Namespace, port: &Port) -> String {
    let Some(entry) = port.entry.as_ref().filter(|entry| !entry.is_ghost()) else { return String::new() };
    let socket = entry.socket.and_then(|socket| ns.sockets.get(socket));
    match (entry.addr, socket.and_then(|socket| socket.v6only)) {
        (IpAddr::V6(addr), Some(false)) if addr.is_unspecified() => "*".to_owned(),
        (addr, _) => addr.to_string(),
    }
}

/// The name of who has the socket, and its number.
fn holder(state: &State, port: &Port) -> (String, String) {
    let socket = port.entry.as_ref().and_then(|entry| state.ns().sockets.get(entry.socket?));
    let Some(socket) = socket else { return Default::default() };
    match &socket.processes[..] {
        [] if state.is_opening() => Default::default(),
        [] => ("?".to_owned(), String::new()),
        [only] => (clean(&only.name).into_owned(), only.pid.to_string()),
        [first, rest @ ..] => (clean(&first.name).into_owned(), format!("{}, +{}", first.pid, rest.len())),
    }
}

/// The family of a port without a socket, where a row of the same number has the other one.
fn family(state: &State, port: &Port) -> Option<String> {
    // Thousands of services may have the same port, each at an address of its own.
    if port.target.one_addr().is_some() {
        return None;
    }
    let key = |port: &Port| (port.target.protocol, port.target.port);
    let of = |port: &Port| port.entry.as_ref().map(|entry| IpFamily::of(entry.addr));
    let own = of(port)?;
    let first = state.ports.partition_point(|other| key(other) < key(port));
    let mut alike = state.ports[first..].iter().take_while(|other| key(other) == key(port));
    let is_twin = alike.any(|other| of(other).is_some_and(|family| family != own));
    is_twin.then(|| words::version(own))
}

/// The same in so many columns: which family it is of stands before that nobody listens, and in its place where there is too
/// little room for both.
fn ghost_row(state: &State, port: &Port, room: usize) -> String {
    let told = ghost(state.ns(), port);
    let Some(family) = family(state, port) else { return told };
    let whole = format!("{family} {told}");
    match told.find('→') {
        Some(at) if whole.width() > room => format!("{family} {}", &told[at..]),
        _ => whole,
    }
}

/// Where the packets of a port without a socket go.
fn ghost(ns: &Namespace, port: &Port) -> String {
    let at = port.target.one_addr().map(|addr| addr.to_string());
    let nobody = match &port.entry {
        None => None,
        Some(_) if ns.is_read(What::Sockets) => Some("no socket".to_owned()),
        Some(_) => Some("not read".to_owned()),
    };
    let to = port.who.as_deref().map(|who| format!("→ {}", clean(who)));
    let parts: Vec<String> = [at, nobody, to].into_iter().flatten().collect();
    if parts.is_empty() { "asked".to_owned() } else { parts.join(" ") }
}

/// Everything that the row of a port may say, wide as it is.
pub(super) fn text(ns: &Namespace, port: &Port) -> String {
    let protocol = port.target.protocol.to_string();
    if port.entry.as_ref().is_none_or(PortEntry::is_ghost) {
        return format!("{protocol} {} {}", number(port), ghost(ns, port));
    }
    let socket = port.entry.as_ref().and_then(|entry| ns.sockets.get(entry.socket?));
    let mut text = format!("{protocol} {} {}", number(port), address(ns, port));
    for process in socket.iter().flat_map(|socket| &socket.processes) {
        text.push_str(&format!(" {} {}", clean(&process.name), process.pid));
    }
    text
}

fn draw_row(state: &State, buffer: &mut Buffer, area: Rect, port: &Port, selected: bool, widths: &Widths) {
    let (mut sign, tone) = look::badge(port.verdict);
    if port.is_ghost() && matches!(port.verdict, None | Some(AnswerVerdict::Diverted | AnswerVerdict::Reached)) {
        sign = look::GHOST;
    }
    let cursor = if selected { "▌" } else { " " };
    let plain = if selected { Tone::Strong } else { Tone::Plain };
    let mut pieces = vec![
        (Tone::Focus, cursor.to_owned()),
        (tone, format!("{sign} ")),
        (Tone::Dim, pad(&port.target.protocol.to_string(), widths.protocol)),
        (plain, format!(" {:>width$} ", number(port), width = widths.port)),
    ];
    let used: usize = pieces.iter().map(|(_, text)| text.width()).sum();
    // The last column stays free.
    let left = usize::from(area.width).saturating_sub(used + 1);
    if port.entry.as_ref().is_some_and(|entry| !entry.is_ghost()) {
        pieces.push((Tone::Plain, format!("{} ", pad(&address(state.ns(), port), widths.address))));
        let (name, pid) = holder(state, port);
        let left = left.saturating_sub(widths.address + 1);
        if name.width() + 1 + pid.width() <= left {
            pieces.push((plain, pad(&name, left - pid.width())));
            pieces.push((Tone::Dim, pid));
        } else {
            pieces.push((plain, fit(&name, left)));
        }
    } else {
        pieces.push((Tone::Plain, fit(&ghost_row(state, port, left), left)));
    }
    put(buffer, area, state.look, &pieces);
    if selected && state.focus == Pane::Ports && state.is_bare() {
        state.look.select(buffer, area);
    }
}
