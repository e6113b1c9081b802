//! What is typed in the line at the bottom, and the marks on what is sought, on whatever row it stands.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::going::Going;
use super::super::keeping::{Keep, Keeping};
use super::super::listing::rules_need;
use super::super::look::Tone;
use super::super::matching::Manner;
use super::super::search::{Found, Search};
use super::super::state::State;
use super::super::text::Columns;
use super::Piece;
use crate::explain::clean;

/// Marks what is sought on each row of `area`, as it stands there.
pub(super) fn mark(state: &State, buffer: &mut Buffer, area: Rect) {
    let Some(search) = &state.search else { return };
    let (query, manner) = (search.query(), search.found().and_then(|found| found.manner).unwrap_or(Manner::Exactly));
    for y in area.top()..area.bottom() {
        let (mut text, mut columns) = (String::new(), Vec::new());
        let mut x = area.left();
        while x < area.right() {
            let symbol = buffer[(x, y)].symbol();
            columns.push((text.len(), x));
            text.push_str(symbol);
            x += (symbol.width() as u16).max(1);
        }
        for range in query.marks(&text, manner) {
            for (_, x) in columns.iter().filter(|(at, _)| range.contains(at)) {
                state.look.mark(&mut buffer[(*x, y)]);
            }
        }
    }
}

/// How many there are, and which is looked at.
fn count(state: &State, search: &Search) -> Piece {
    match (search.found(), search.text().trim().is_empty()) {
        (_, true) => (Tone::Dim, "ports, processes, addresses, chains, rules, what is in sets".to_owned()),
        (None, false) => (Tone::Dim, "…".to_owned()),
        (Some(found), false) if found.hits.is_empty() => {
            let needs = rules_need(state.ns());
            let rules = needs.map(|needs| format!(", as far as could be read: netfilter needs {needs}"));
            (Tone::Unsure, format!("nowhere{}", rules.unwrap_or_else(|| unread(found))))
        }
        (Some(found), false) => {
            let nearly = if found.manner == Some(Manner::Nearly) { ", nearly" } else { "" };
            let unread = if search.is_typing() { unread(found) } else { String::new() };
            (Tone::Dim, format!("{} of {}{nearly}{unread}", search.at(), found.hits.len()))
        }
    }
}

/// Where nothing can be found, as nobody has read what is there.
fn unread(found: &Found) -> String {
    match found.unread {
        0 => String::new(),
        1 => ", 1 set unread".to_owned(),
        sets => format!(", {sets} sets unread"),
    }
}

/// What is typed, with a mark where the next character goes.
pub(super) fn typed((before, behind): (&str, &str)) -> [Piece; 3] {
    let text = |text: &str| (Tone::Strong, clean(text).into_owned());
    [text(before), (Tone::Focus, "▏".to_owned()), text(behind)]
}

/// The line in which something is typed, while it is.
pub(super) fn prompt(state: &State) -> Option<Vec<Piece>> {
    if let Some(going) = &state.going {
        return Some(port(state, going));
    }
    if let Some(keeping) = &state.keeping {
        return Some(file(keeping));
    }
    let search = state.search.as_ref().filter(|search| search.is_typing())?;
    let nowhere = search.found().is_some_and(|found| found.hits.is_empty());
    let is_port = search.text().trim().parse::<u16>().is_ok_and(|port| port > 0);
    let keys = match (search.text().is_empty(), nowhere && is_port) {
        (true, _) => "   Esc back".to_owned(),
        (false, true) => format!("   Esc, then {}: asks about that port", search.text().trim()),
        (false, false) => "   ↑↓ next   Enter keep   Esc back".to_owned(),
    };
    let typed = typed(search.halves());
    let head = [(Tone::Strong, " /".to_owned())].into_iter().chain(typed);
    Some(head.chain([(Tone::Plain, "  ".to_owned()), count(state, search), (Tone::Dim, keys)]).collect())
}

/// The line in which the name of a file is typed.
fn file(keeping: &Keeping) -> Vec<Piece> {
    let (what, kinds) = match keeping.what() {
        Keep::Screen => ("screen to", "   .svg .txt .ansi"),
        Keep::Host => ("host to", ""),
    };
    let said = keeping.said.as_ref().map(|said| (Tone::Unsure, format!("  {}", clean(said))));
    let keys = (Tone::Dim, format!("{kinds}   Enter save   Esc back"));
    let mut name = typed(keeping.halves());
    if keeping.is_proposal() {
        name[0].0 = Tone::Dim;
    }
    let head = [(Tone::Plain, format!(" {what} "))].into_iter().chain(name);
    head.chain([said.unwrap_or(keys)]).collect()
}

/// The line in which the number of a port is typed.
fn port(state: &State, going: &Going) -> Vec<Piece> {
    let known = going.port().is_some_and(|number| state.with_number(number).is_some());
    let keys = if known { "  Enter go   Esc back" } else { "  not among the ports: Enter asks about it   Esc back" };
    vec![
        (Tone::Strong, format!(" port {}", clean(going.text()))),
        (Tone::Focus, "▏".to_owned()),
        (Tone::Dim, keys.to_owned()),
    ]
}

/// What was sought, while it is not typed any more; empty where nothing was. What is unread was said while it was typed.
pub(super) fn told(state: &State) -> String {
    let Some(search) = &state.search else { return String::new() };
    format!("/{} {} ", clean(search.text()), count(state, search).1)
}
