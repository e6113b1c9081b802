//! The hooks as a picture, over the panes: boxes and arrows where there is room for them, else a list from top to bottom.

mod picture;
mod text;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Clear, Widget};

use super::super::action::Action;
use super::super::diagram::{Content, Diagram, Picture, Stop};
use super::super::look::{self, Tone};
use super::super::state::State;
use super::super::text::Columns;
use super::{put, put_right, summary, window};
use crate::explain::clean;
use crate::host::LinkKind;

/// The smallest area that boxes and arrows are drawn in: columns, rows.
const PICTURE: (u16, u16) = (78, 19);
/// From this height on bridges are drawn that have no chains.
const ROOMY: u16 = 32;

/// The area between the header and the line of keys.
fn place(size: (u16, u16)) -> Rect {
    Rect { x: 0, y: 1, width: size.0, height: size.1.saturating_sub(2) }
}

/// Whether the stops are told in a list, for want of room.
pub(super) fn draws_list(size: (u16, u16)) -> bool {
    let place = place(size);
    place.width < PICTURE.0 || place.height < PICTURE.1
}

/// Whether the stops of a bridge are drawn: where they have something to say, or there is a bridge and room for it.
pub(super) fn draws_bridges(state: &State, diagram: &Diagram, picture: &Picture) -> bool {
    let links = &state.host.namespaces[diagram.namespace].links;
    let roomy = !draws_list(state.size) && place(state.size).height >= ROOMY;
    picture.bridges || roomy && links.iter().any(|link| link.kind == LinkKind::Bridge)
}

pub(super) fn draw(state: &State, buffer: &mut Buffer, area: Rect, diagram: &Diagram) {
    let place = place((area.width, area.height)).intersection(area);
    Clear.render(place, buffer);
    let picture = state.hooks_of(diagram.namespace);
    let bridges = draws_bridges(state, diagram, &picture);
    let line = Rect { y: place.bottom().saturating_sub(1), height: 1, ..place };
    let above = Rect { height: place.height.saturating_sub(1), ..place };
    let areas = if draws_list(state.size) { vec![] } else { vec![above, place] };
    let drawn = areas.into_iter().find(|area| picture::draw(state, buffer, *area, diagram, &picture, bridges));
    match drawn {
        // The picture needs all rows.
        Some(area) if area == place => return,
        Some(_) => {}
        None => list(state, buffer, above, diagram, &picture, bridges),
    }
    let way = summary::line(state, usize::from(line.width).saturating_sub(2));
    put(buffer, Rect { x: line.x + 1, width: line.width.saturating_sub(2), ..line }, state.look, &way);
}

/// The keys for the bottom line, with what they do.
pub(super) fn hints(state: &State, diagram: &Diagram) -> Vec<(String, &'static str)> {
    let several = state.drawn().len() > 1;
    let outcomes = state.answer().is_some_and(|answer| answer.walk.outcomes.len() > 1);
    let key = |action: Action| state.keymap.keys(action).next().map(|key| key.to_string());
    let elsewhere = (diagram.namespace != state.namespace).then(|| &state.host.namespaces[diagram.namespace].name);
    let hints = [
        (elsewhere.map(|name| format!("in {}", clean(name))), ""),
        (Some("←↑↓→".to_owned()), "box"),
        (key(Action::Enter), "rules"),
        (key(Action::NextOrigin), "origin"),
        (key(Action::NextPane).filter(|_| several), "namespace"),
        (key(Action::NextOutcome).filter(|_| outcomes), "outcome"),
        (key(Action::OtherFamily), "family"),
        (key(Action::Help), "help"),
        (key(Action::Back), "close"),
    ];
    hints.into_iter().filter_map(|(key, word)| Some((key?, word))).collect()
}

/// A row of the list.
enum Row {
    Stop(Stop),
    Said(Stop, text::Said),
}

/// The stops from top to bottom; what stands at each below it where there is room for all, else at the selected one.
fn list(state: &State, buffer: &mut Buffer, area: Rect, diagram: &Diagram, picture: &Picture, bridges: bool) {
    let width = usize::from(area.width).saturating_sub(5);
    let stops: Vec<Stop> = Stop::ALL.into_iter().filter(|stop| bridges || !stop.is_bridge()).collect();
    let form = text::form(state, diagram, picture, |_| width);
    let said = |stop: Stop| text::lines(state, diagram, picture, stop, (form, width));
    let all: usize = stops.iter().map(|stop| 1 + said(*stop).len()).sum();
    let whole = all <= usize::from(area.height);
    let mut rows = Vec::new();
    for stop in stops {
        rows.push(Row::Stop(stop));
        if whole || stop == diagram.stop {
            rows.extend(said(stop).into_iter().map(|said| Row::Said(stop, said)));
        }
    }
    let here = |row: &Row| matches!(row, Row::Stop(stop) | Row::Said(stop, _) if *stop == diagram.stop);
    let height = usize::from(area.height);
    let (first, last) = (rows.iter().position(here).unwrap_or(0), rows.iter().rposition(here).unwrap_or(0));
    let offset = window(window(0, last, rows.len(), height), first, rows.len(), height);
    for (line, row) in rows.iter().skip(offset).take(height).enumerate() {
        let at = Rect { y: area.y + line as u16, height: 1, ..area };
        draw_row(state, buffer, at, diagram, picture, row);
    }
}

fn draw_row(state: &State, buffer: &mut Buffer, area: Rect, diagram: &Diagram, picture: &Picture, row: &Row) {
    let way = state.outcome().map_or(Tone::Strong, |outcome| look::fate(&outcome.fate));
    let nothing = Content::default();
    let content = |stop: &Stop| picture.stops.get(stop).unwrap_or(&nothing).clone();
    let lit = |stop: &Stop| !content(stop).passes.is_empty();
    let gutter = |stop: &Stop| if lit(stop) { (way, "┃".to_owned()) } else { (Tone::Frame, "│".to_owned()) };
    match row {
        Row::Stop(stop) => {
            let (content, lit) = (content(stop), lit(stop));
            let numbers: Vec<String> = content.passes.iter().map(u32::to_string).collect();
            let numbers = if picture.numbered { numbers.join(" ") } else { String::new() };
            let tone = if lit { Tone::Strong } else { Tone::Dim };
            let sign = if lit { (way, "┣━ ".to_owned()) } else { (Tone::Frame, "├─ ".to_owned()) };
            let line = [sign, (tone, text::title(*stop)), (Tone::Strong, format!("  {numbers}"))];
            put(buffer, area, state.look, &line);
            let used: usize = line.iter().map(|(_, text)| text.width()).sum();
            let area = Rect { width: area.width.saturating_sub(1), ..area };
            put_right(buffer, area, state.look, &(Tone::Dim, text::count(&content, *stop)), used);
            if *stop == diagram.stop {
                state.look.select(buffer, area);
            }
        }
        Row::Said(stop, said) => {
            let mut line = vec![gutter(stop), (Tone::Dim, "  ".to_owned())];
            line.extend(said.line.iter().cloned());
            let area = Rect { width: area.width.saturating_sub(1), ..area };
            let beside = said.right.1.width() as u16;
            let left = if beside > 0 { area.width.saturating_sub(beside + 1) } else { area.width };
            put(buffer, Rect { width: left, ..area }, state.look, &line);
            put_right(buffer, area, state.look, &said.right, 0);
        }
    }
}
