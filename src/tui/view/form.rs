//! The packet form: over the ports, so that the tree and the sentences that follow it stay in sight.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Block, Borders, Widget};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::super::form::Form;
use super::super::line::Line;
use super::super::look::Tone;
use super::super::state::State;
use super::super::text::{fit, pad, wrap};
use super::{Panes, Piece, arrange, page, put, put_right, target_text, window};
use crate::explain::description::{Part, Row};
use crate::explain::fields::{ct_state_name, tcp_flags_text};
use crate::explain::{From, clean, words};
use crate::walk::{Field, Query};

/// Columns of what a row is called.
const NAME: usize = 10;
/// The narrowest that it is, where there is room.
const NARROWEST: u16 = 33;
/// What is wrong with a row takes so many lines at most.
const SAID: usize = 5;

/// A line of the form, and the row that it belongs to.
type Told = (usize, page::Line);

/// Where the form stands.
fn place(panes: &Panes, area: Rect) -> (Rect, Borders) {
    let (ports, tree) = (panes.ports.area(), panes.tree.area());
    let beside = tree.x > ports.x;
    let place = match beside {
        true => Rect { width: ports.width.max(NARROWEST).min(area.width), ..ports },
        false => Rect { height: ports.height + tree.height, ..ports },
    };
    let borders = if place.height < super::BOXED / 2 { Borders::TOP } else { Borders::ALL };
    (place, borders)
}

fn inner(panes: &Panes, area: Rect) -> Rect {
    let (place, borders) = place(panes, area);
    Block::new().borders(borders).inner(place)
}

/// The lines of the form, for `width` columns.
fn lines(state: &State, form: &Form, width: usize) -> Vec<Told> {
    let mut lines: Vec<Told> = Vec::new();
    for (at, (row, line)) in form.rows.iter().enumerate() {
        let chosen = at == form.at;
        lines.push((at, told(state, row, line, chosen, width)));
        let offered = chosen && !form.insisted && state.offered(row, line.text()).is_some();
        let Some(flaw) = form.flaw(row.part).filter(|_| !offered) else { continue };
        // What is still being typed is not wrong yet.
        let tone = if chosen && !form.insisted { Tone::Unsure } else { Tone::Bad };
        let said = clean(&flaw.says);
        let mut wrapped = wrap(&said, width.saturating_sub(3));
        if wrapped.len() > SAID {
            wrapped.truncate(SAID);
            wrapped
                .iter_mut()
                .skip(SAID - 1)
                .for_each(|line| *line = fit(&format!("{line} …………"), width.saturating_sub(3)));
        }
        lines.extend(wrapped.into_iter().map(|line| (at, vec![(tone, format!("  {line}"))])));
    }
    lines
}

/// A row: its name, and what is said; else what holds where nothing is.
fn told(state: &State, row: &Row, line: &Line, chosen: bool, width: usize) -> page::Line {
    let mark = if chosen { (Tone::Focus, "▌".to_owned()) } else { (Tone::Plain, " ".to_owned()) };
    let is_said = !line.text().trim().is_empty();
    let name = (if is_said || chosen { Tone::Strong } else { Tone::Plain }, pad(row.name, NAME));
    let room = width.saturating_sub(NAME + 2);
    let mut told = vec![mark, name];
    if chosen {
        told.extend(typed(line.halves(), room));
    } else if is_said {
        told.push((Tone::Changed, fit(&clean(line.text()), room)));
    }
    let used: usize = told.iter().skip(2).map(|(_, text)| text.width()).sum();
    let rest = room.saturating_sub(used);
    if !is_said {
        let usual = clean(&usual(state, row)).into_owned();
        let form = if chosen { format!("{usual}  {}", row.form) } else { usual.clone() };
        told.push((Tone::Dim, if form.width() <= rest { form } else { fit(&usual, rest) }));
    } else if chosen && let Some(offered) = state.offered(row, line.text()) {
        let more = offered.strip_prefix(line.text()).unwrap_or_default();
        told.push((Tone::Dim, fit(&clean(more), rest)));
    }
    told
}

/// What is typed with a mark where the next character goes, in so many columns: those about the mark.
fn typed((before, behind): (&str, &str), room: usize) -> [Piece; 3] {
    let (mut before, behind) = (clean(before).into_owned(), clean(behind));
    let room = room.saturating_sub(1);
    let least = behind.width().min(room / 3);
    if before.width() + least > room {
        let mut clusters: Vec<&str> = before.graphemes(true).collect();
        while clusters.iter().map(|cluster| cluster.width()).sum::<usize>() + 1 + least > room && !clusters.is_empty() {
            clusters.remove(0);
        }
        before = format!("…{}", clusters.concat());
    }
    let behind = fit(&behind, room.saturating_sub(before.width()));
    [(Tone::Changed, before), (Tone::Focus, "▏".to_owned()), (Tone::Changed, behind)]
}

/// What holds of a packet where nothing is said.
fn usual(state: &State, row: &Row) -> String {
    let Some(answer) = state.answer() else { return "any".to_owned() };
    let query = &answer.walk.query;
    let made_here = matches!(answer.from, From::Local(_));
    match row.part {
        Part::Origin => words::from(&answer.from),
        Part::Dst => match query.known_address(Field::Dst) {
            Some(addr) => addr.to_string(),
            None => "one of this host's".to_owned(),
        },
        Part::Family => words::version(answer.family),
        Part::Direction => "original".to_owned(),
        Part::Vrf => "none".to_owned(),
        Part::Field(Field::Src) if made_here => "as it is routed".to_owned(),
        Part::Field(Field::Uid | Field::Gid) if !made_here => "no sender here".to_owned(),
        Part::Field(field) => default(query, field),
    }
}

/// What a field has that nothing is said of: what packets have by default, or any value.
fn default(query: &Query, field: Field) -> String {
    match (field, query.known(field)) {
        (Field::TcpFlags, Some(bits)) => tcp_flags_text(bits),
        (Field::CtState, Some(state)) => ct_state_name(state).unwrap_or("any").to_owned(),
        (Field::CtState, None) => "what conntrack says".to_owned(),
        (_, Some(value)) => value.to_string(),
        (_, None) => "any".to_owned(),
    }
}

/// The first line that is to be seen, so that the row that is typed in is.
pub(super) fn offset(state: &State) -> usize {
    let area = Rect::new(0, 0, state.size.0, state.size.1);
    let (Some(form), Some(panes)) = (state.form(), arrange(state, area)) else { return 0 };
    let inner = inner(&panes, area);
    let lines = lines(state, form, usize::from(inner.width));
    let own = |(at, _): &&Told| *at == form.at;
    let first = lines.iter().position(|line| own(&line)).unwrap_or(0);
    let last = first + lines.iter().filter(own).count().saturating_sub(1);
    let height = usize::from(inner.height);
    let offset = window(form.offset, last, lines.len(), height);
    window(offset, first, lines.len(), height)
}

/// The row of the form at a place of the screen.
pub(super) fn row_at(state: &State, at: Position) -> Option<usize> {
    let area = Rect::new(0, 0, state.size.0, state.size.1);
    let (form, panes) = (state.form()?, arrange(state, area)?);
    let inner = inner(&panes, area);
    if !inner.contains(at) {
        return None;
    }
    let line = form.offset + usize::from(at.y - inner.y);
    lines(state, form, usize::from(inner.width)).get(line).map(|(row, _)| *row)
}

pub(super) fn draw(state: &State, buffer: &mut Buffer, area: Rect, panes: &Panes, form: &Form) {
    let (place, borders) = place(panes, area);
    super::details::free(buffer, place);
    let block = Block::new().borders(borders).border_style(state.look.style(Tone::Focus));
    let inner = block.inner(place);
    block.render(place, buffer);
    let line = Rect { x: place.x + 1, width: place.width.saturating_sub(2), height: 1, ..place };
    let number = format!(" {} of {} ", form.at + 1, form.rows.len());
    let target = state.selected.as_ref().map(target_text).unwrap_or_default();
    let title = format!(" Packet to {} ", clean(&target));
    let title = fit(&title, usize::from(line.width).saturating_sub(number.width() + 1));
    put_right(buffer, line, state.look, &(Tone::Dim, number), title.width());
    put(buffer, Rect { width: title.width() as u16, ..line }, state.look, &[(Tone::Focus, title)]);
    let lines = lines(state, form, usize::from(inner.width));
    for (row, (_, line)) in lines.iter().skip(form.offset).take(usize::from(inner.height)).enumerate() {
        put(buffer, Rect { y: inner.y + row as u16, height: 1, ..inner }, state.look, line);
    }
    let hidden = lines.len().saturating_sub(form.offset + usize::from(inner.height));
    if borders == Borders::ALL && hidden > 0 {
        let below = Rect { y: place.bottom().saturating_sub(1), ..line };
        put_right(buffer, below, state.look, &(Tone::Unsure, format!(" {hidden} more ")), 0);
    }
}

/// The keys of the form, for the line at the bottom.
pub(super) fn hints(state: &State) -> Vec<(String, &'static str)> {
    let Some(form) = state.form() else { return Vec::new() };
    let offered = form.rows.get(form.at).and_then(|(row, line)| state.offered(row, line.text()));
    let keys = [
        ("→", "complete", offered.is_some()),
        ("↑↓", "field", true),
        ("^U", "empty", true),
        ("^R", "all usual", true),
        ("^Y", "copy command", true),
        ("Enter", "apply", true),
        ("Esc", "as before", true),
    ];
    keys.into_iter().filter(|(.., shown)| *shown).map(|(key, word, _)| (key.to_owned(), word)).collect()
}
