//! The packet form: what is said of the packet to the selected port, a line for each thing that `trace` can be told of it.
//!
//! The tree follows the lines that are understood; what is wrong with another is told below it, in the words of the command
//! line, and nothing is said of the packet by it. How it looks is told in `view`.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::Action;
use super::again::Edition;
use super::edited::{self, Edited};
use super::keeping;
use super::line::{Line, Typed};
use super::outline::Id;
use super::overlay::Overlay;
use super::state::{Offsets, State};
use super::update::{Effect, in_panes};
use super::view;
use crate::explain::description::{Description, Flaw, Part, ROWS, Row, candidates};
use crate::explain::{Place, understood};
use crate::host::QuickMap;

/// How many rows a page is.
const PAGE: usize = 5;

/// The form.
#[derive(Debug, Clone)]
pub(super) struct Form {
    /// What can be said, and what is.
    pub(super) rows: Vec<(&'static Row, Line)>,
    /// The row that is typed in.
    pub(super) at: usize,
    /// The first line of it that can be seen.
    pub(super) offset: usize,
    /// What is wrong with what is typed.
    pub(super) flaws: Vec<Flaw>,
    /// Whether somebody wants it to be taken as it is.
    pub(super) insisted: bool,
    /// Whether anything was typed.
    touched: bool,
    /// What was before.
    before: Before,
}

/// What was looked at before the form was opened.
#[derive(Debug, Clone)]
struct Before {
    edition: Edition,
    edited: Option<Edited>,
    description: Description,
    wish: Option<Place>,
    /// The place that was looked at, wished for or not.
    place: Option<Place>,
    outcome: usize,
    turned: QuickMap<Id, bool>,
    cursor: usize,
    offsets: Offsets,
}

impl Form {
    /// The row that is typed in.
    fn row(&mut self) -> Option<&mut (&'static Row, Line)> {
        self.rows.get_mut(self.at)
    }

    /// What is wrong with a row.
    pub(super) fn flaw(&self, part: Part) -> Option<&Flaw> {
        self.flaws.iter().find(|flaw| flaw.part == part)
    }

    /// What is said: the rows, and what was said before of packets of other protocols.
    fn description(&self) -> Description {
        let mut description = self.before.description.clone();
        for (row, line) in &self.rows {
            match line.text().trim() {
                "" => description = description.without(row.part),
                text => description.say(row.part, text),
            }
        }
        description
    }
}

impl State {
    /// The form, where it lies on top.
    pub(super) fn form(&self) -> Option<&Form> {
        match self.overlays.last()? {
            Overlay::Form(form) => Some(form),
            Overlay::Help { .. } | Overlay::Details(_) | Overlay::Diagram(_) | Overlay::Tour(_) => None,
        }
    }

    fn form_mut(&mut self) -> Option<&mut Form> {
        match self.overlays.last_mut()? {
            Overlay::Form(form) => Some(form),
            Overlay::Help { .. } | Overlay::Details(_) | Overlay::Diagram(_) | Overlay::Tour(_) => None,
        }
    }

    /// What begins with what is typed in a row of the form, of what can be offered there; what it is already is not offered.
    pub(super) fn offered(&self, row: &Row, text: &str) -> Option<String> {
        let all = candidates(self.ns(), row.part);
        let is_one = text.is_empty() || all.iter().any(|one| one == text);
        all.into_iter().find(|one| !is_one && one.starts_with(text))
    }
}

/// Opens the form.
pub(super) fn open(state: &mut State) {
    let Some(target) = &state.selected else {
        state.notice = Some("no port is selected whose packet could be edited".to_owned());
        return;
    };
    let description = state.description();
    let rows = ROWS.iter().filter(|row| row.is_of(target.protocol));
    let rows = rows.map(|row| (row, Line::new(description.of(row.part).unwrap_or_default()))).collect();
    let before = Before {
        edition: state.edition,
        edited: state.edited.clone(),
        description,
        wish: state.wish.clone(),
        place: state.answer().map(|answer| (answer.from.clone(), answer.family)),
        outcome: state.outcome,
        turned: state.turned.clone(),
        cursor: state.cursor,
        offsets: state.offsets,
    };
    let form = Form { rows, at: 0, offset: 0, flaws: Vec::new(), insisted: false, touched: false, before };
    state.lay(Overlay::Form(Box::new(form)));
}

/// A key while the form has them.
pub(super) fn key(state: &mut State, key: &KeyEvent) -> Option<Effect> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Esc => restore(state),
        KeyCode::Char('c' | 'g') if control => restore(state),
        KeyCode::Char('r') if control => clear(state),
        KeyCode::Char('n') if control => offer(state, true),
        KeyCode::Char('p') if control => offer(state, false),
        KeyCode::Char('y') if control => return keeping::copy_command(state),
        KeyCode::Enter => apply(state),
        KeyCode::Tab if key.modifiers.contains(KeyModifiers::SHIFT) => {
            go(state, |at, last| at.checked_sub(1).unwrap_or(last))
        }
        KeyCode::BackTab => go(state, |at, last| at.checked_sub(1).unwrap_or(last)),
        KeyCode::Tab => go(state, |at, last| if at == last { 0 } else { at + 1 }),
        KeyCode::Up => go(state, |at, _| at.saturating_sub(1)),
        KeyCode::Down => go(state, |at, _| at + 1),
        KeyCode::PageUp => go(state, |at, _| at.saturating_sub(PAGE)),
        KeyCode::PageDown => go(state, |at, _| at + PAGE),
        _ => match state.keymap.action(key) {
            Some(action @ (Action::Suspend | Action::Redraw | Action::Help)) if control || is_function(key) => {
                return in_panes(state, action);
            }
            _ => typed(state, key),
        },
    }
    None
}

fn is_function(key: &KeyEvent) -> bool {
    matches!(key.code, KeyCode::F(_))
}

/// To another row: what it is called by the one that has the keys, and the last.
pub(super) fn go(state: &mut State, to: impl Fn(usize, usize) -> usize) {
    let Some(form) = state.form_mut() else { return };
    let last = form.rows.len().saturating_sub(1);
    form.at = to(form.at, last).min(last);
}

fn typed(state: &mut State, key: &KeyEvent) {
    let taken = taken(state, key);
    let Some((_, line)) = state.form_mut().and_then(Form::row) else { return };
    if let Some(text) = taken {
        *line = Line::new(&text);
        return changed(state);
    }
    match line.key(key) {
        Typed::Changed => changed(state),
        // Backspace in an empty line takes nothing back.
        Typed::Moved | Typed::Done | Typed::Dropped | Typed::Nothing => {}
    }
}

/// What is offered, where a step to the right takes it.
fn taken(state: &State, key: &KeyEvent) -> Option<String> {
    let form = state.form()?;
    let (row, line) = form.rows.get(form.at)?;
    let at_end = key.code == KeyCode::Right && line.halves().1.is_empty();
    at_end.then(|| state.offered(row, line.text()))?
}

/// The next that can be offered in the row, or the one before.
fn offer(state: &mut State, forward: bool) {
    let Some((row, text)) = state.form().and_then(|form| form.rows.get(form.at)).map(|(row, line)| (*row, line.text()))
    else {
        return;
    };
    let all = candidates(state.ns(), row.part);
    if all.is_empty() {
        return;
    }
    let next = match all.iter().position(|one| one == text) {
        Some(at) => (at + if forward { 1 } else { all.len() - 1 }) % all.len(),
        None => all.iter().position(|one| one.starts_with(text)).unwrap_or(0),
    };
    let line = Line::new(&all[next]);
    if let Some(known) = state.form_mut().and_then(Form::row) {
        known.1 = line;
    }
    changed(state);
}

fn clear(state: &mut State) {
    if let Some(form) = state.form_mut() {
        form.rows.iter_mut().for_each(|(_, line)| *line = Line::default());
        form.before.description = Description::default();
    }
    changed(state);
}

/// Something else is typed: the packet is that, as far as it is understood.
fn changed(state: &mut State) {
    let Some(target) = state.selected.clone() else { return };
    let Some(form) = state.form_mut() else { return };
    (form.touched, form.insisted) = (true, false);
    let (description, before) = (form.description(), form.before.place.clone());
    let read = |said: &Description| understood(&state.host, state.namespace, &target, said, before.as_ref());
    let mut place = read(&description);
    let flaws = place.as_ref().err().cloned().unwrap_or_default();
    // What is not understood is not said: neither what stood there before, nor what it begins with.
    let mut said = description;
    while let Err(flaws) = &place {
        let fewer = flaws.iter().fold(said.clone(), |said, flaw| said.without(flaw.part));
        if fewer == said {
            break;
        }
        place = read(&fewer);
        said = fewer;
    }
    let Some(form) = state.form_mut() else { return };
    form.flaws = flaws;
    if let Ok(place) = place {
        // Who looked from where one looks first still does.
        let place = if Some(&place) == before.as_ref() { form.before.wish.clone() } else { Some(place) };
        edited::describe(state, said, place);
    }
}

/// Closes the form, unless something in it is not understood: then to that.
fn apply(state: &mut State) {
    let Some(form) = state.form_mut() else { return };
    match form.flaws.first() {
        Some(flaw) => {
            let part = flaw.part;
            form.insisted = true;
            form.at = form.rows.iter().position(|(row, _)| row.part == part).unwrap_or(form.at);
        }
        None => {
            state.overlays.pop();
        }
    }
}

/// Closes the form, and everything is as before.
fn restore(state: &mut State) {
    let Some(Overlay::Form(form)) = state.overlays.pop_if(|top| matches!(top, Overlay::Form(_))) else { return };
    if !form.touched {
        return;
    }
    let before = form.before;
    state.edited = before.edited;
    (state.wish, state.outcome) = (before.wish, before.outcome);
    let same = before.edition == state.edition;
    if !same {
        state.edited.iter_mut().for_each(Edited::forget);
        state.outcome = 0;
    }
    state.follow();
    if same {
        state.turned = before.turned;
        state.lay_out();
        state.cursor = before.cursor.min(state.tree.len().saturating_sub(1));
        state.offsets = before.offsets;
    }
}

/// Keeps the row that is typed in in sight.
pub(super) fn follow(state: &mut State) {
    let offset = view::form_offset(state);
    if let Some(form) = state.form_mut() {
        form.offset = offset;
    }
}
