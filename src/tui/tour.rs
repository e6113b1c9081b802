//! The tour of the demo: a few steps through the story, each with a row of the screen that it points at.
//!
//! It goes to the rows as a person would: by selecting a port, a place that packets come from, a row of the tree. What the
//! host is like it knows from [`steps`] alone; where the text stands on the screen is told in `view`.

mod steps;

use crossterm::event::{KeyCode, KeyEvent};

use super::action::Action;
use super::frames::FrameId;
use super::key::Key;
use super::outline::Id;
use super::overlay::Overlay;
use super::path::Grouping;
use super::source::Source;
use super::state::{Pane, State};
use super::update::{Effect, in_panes};
use super::view;
use crate::explain::{From, Target};
use crate::host::{Hook, IpFamily, Protocol};
use crate::walk::Event;
pub(super) use steps::{Aim, STEPS, Step, Whence};

/// Where one is in the tour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tour {
    /// The step, from 0.
    step: usize,
    /// The first line of its text that is seen.
    pub(super) offset: usize,
    /// Whether the row is found that it points at: a port has to be worked out first.
    found: bool,
}

impl Tour {
    /// The step.
    pub(super) fn step(&self) -> &'static Step {
        &STEPS[self.step.min(STEPS.len() - 1)]
    }

    /// Its number, from 1.
    pub(super) fn number(&self) -> usize {
        self.step + 1
    }

    /// Whether the row that it points at can be seen.
    pub(super) fn is_found(&self) -> bool {
        self.found
    }
}

impl State {
    /// The tour, where it is what one looks at.
    pub(super) fn tour(&self) -> Option<&Tour> {
        match self.overlays.last() {
            Some(Overlay::Tour(tour)) => Some(tour),
            _ => None,
        }
    }
}

/// Begins the tour; other hosts have none.
pub(super) fn open(state: &mut State) {
    let is_told = matches!(&state.source, Source::Demo(name) if name == steps::HOST);
    if is_told && state.namespace == state.host.viewed {
        state.overlays.retain(|overlay| !matches!(overlay, Overlay::Tour(_)));
        state.lay(Overlay::Tour(Tour::default()));
        follow(state);
    } else {
        state.notice = Some("the tour is through the host of the demo: whyport demo".to_owned());
    }
}

/// A key while the tour goes on.
pub(super) fn key(state: &mut State, key: &KeyEvent) -> Option<Effect> {
    let bare = match Key::of(key) {
        Some(Key::Bare(code)) => Some(code),
        Some(Key::Ctrl(_)) | None => None,
    };
    match bare {
        Some(KeyCode::Char('n' | ' ' | 'l' | 'j') | KeyCode::Enter | KeyCode::Right | KeyCode::Down) => next(state),
        Some(KeyCode::PageDown) => next(state),
        Some(KeyCode::Char('b' | 'p' | 'h' | 'k') | KeyCode::Backspace | KeyCode::Left | KeyCode::Up) => back(state),
        Some(KeyCode::PageUp) => back(state),
        Some(KeyCode::Home) => go(state, 0),
        Some(KeyCode::End) => go(state, STEPS.len() - 1),
        Some(KeyCode::Esc | KeyCode::Char('q')) => {
            state.overlays.pop();
        }
        _ => {
            let action = state.keymap.action(key)?;
            let lets = [Action::Help, Action::SaveScreen, Action::Redraw, Action::Suspend, Action::Quit];
            if lets.contains(&action) {
                return in_panes(state, action);
            }
            if action == Action::Tour {
                state.overlays.pop();
            }
        }
    }
    None
}

/// On: to the rest of the text where there is more, else to the next step. After the last the tour is over.
fn next(state: &mut State) {
    let (hidden, height) = (view::tour_overflow(state), view::tour_height(state).max(1));
    let Some(Overlay::Tour(tour)) = state.overlays.last_mut() else { return };
    if tour.offset < hidden {
        tour.offset = (tour.offset + height).min(hidden);
    } else if tour.step + 1 < STEPS.len() {
        let step = tour.step + 1;
        go(state, step);
    } else {
        state.overlays.pop();
    }
}

fn back(state: &mut State) {
    let Some(tour) = state.tour() else { return };
    if tour.offset > 0 {
        let step = tour.step;
        go(state, step);
    } else if let Some(step) = tour.step.checked_sub(1) {
        go(state, step);
    }
}

fn go(state: &mut State, step: usize) {
    if let Some(Overlay::Tour(tour)) = state.overlays.last_mut() {
        *tour = Tour { step, ..Tour::default() };
    }
    follow(state);
}

/// Goes to the row that the step points at, if that is not done and it is known by now.
pub(super) fn follow(state: &mut State) {
    let Some(step) = state.tour().filter(|tour| !tour.found).map(Tour::step) else { return };
    let found = aim(state, step);
    if let Some(Overlay::Tour(tour)) = state.overlays.last_mut() {
        tour.found = found;
    }
}

fn aim(state: &mut State, step: &Step) -> bool {
    if state.grouping == Grouping::Table {
        state.grouping = Grouping::Packet;
        state.follow();
    }
    let port = match step.aim {
        Aim::Port(port) => port,
        Aim::Base(..) | Aim::Rule(..) | Aim::Route(_) | Aim::Fate => steps::PORT,
    };
    let Some(target) = port_row(state, port) else { return false };
    if state.selected.as_ref() != Some(&target) {
        state.select(target);
    }
    if !turn(state, step.whence) {
        return false;
    }
    let id = match step.aim {
        Aim::Port(_) => {
            state.focus = Pane::Ports;
            return true;
        }
        Aim::Base(pass, table, chain) => base(state, pass, table, chain),
        Aim::Rule(pass, chain, number) => rule(state, pass, chain, number),
        Aim::Route(pass) => route(state, pass),
        Aim::Fate => Some(Id::Fate),
    };
    let Some(place) = id.and_then(|id| state.tree.place(&id)) else { return false };
    state.cursor = place;
    state.focus = Pane::Netfilter;
    state.offsets.why = 0;
    true
}

/// The row of a TCP port: that of a socket of IPv4, or of a ghost.
fn port_row(state: &State, port: u16) -> Option<Target> {
    let found = state.ports.iter().find(|row| {
        let family = row.entry.as_ref().map(|entry| IpFamily::of(entry.addr));
        row.target.protocol == Protocol::TCP && row.target.port == Some(port) && family == Some(IpFamily::V4)
    });
    found.map(|row| row.target.clone())
}

/// Follows the first outcome of the packets from somewhere; `false`: they are not worked out yet.
fn turn(state: &mut State, whence: Whence) -> bool {
    let fits = |from: &From| match (from, whence) {
        (From::Outside(_), Whence::Outside) => true,
        (From::Local(addr), Whence::Localhost) => addr.is_loopback(),
        (From::Outside(_) | From::Somewhere | From::Bridge(_) | From::Local(_), _) => false,
    };
    let Some(answers) = state.all_answers() else { return false };
    let Some(answer) = answers.iter().find(|answer| fits(&answer.from) && answer.family == IpFamily::V4) else {
        return false;
    };
    let wish = (answer.from.clone(), answer.family);
    if state.wish.as_ref() != Some(&wish) || state.outcome != 0 {
        state.wish = Some(wish);
        state.outcome = 0;
        state.follow();
    }
    true
}

/// The name of the chain of a visit, on a pass.
fn is_chain(state: &State, frame: FrameId, pass: u32, fits: impl Fn(&str) -> bool) -> bool {
    let at = state.frames.get(frame);
    let ruleset = &state.host.namespaces[at.place.namespace].ruleset;
    at.place.pass == pass && fits(&ruleset.chain(at.chain).name)
}

fn base(state: &mut State, pass: u32, table: &str, chain: &str) -> Option<Id> {
    let is_table = |frame: FrameId| {
        let at = state.frames.get(frame);
        &*state.host.namespaces[at.place.namespace].ruleset.table(at.chain).name == table
    };
    let found =
        state.path.bases().find(|frame| is_table(*frame) && is_chain(state, *frame, pass, |name| name == chain))?;
    let hook = state.frames.get(found).place;
    state.turned.insert(Id::Hook(hook), true);
    state.lay_out();
    Some(Id::Base(found))
}

/// A rule that holds, with all opened that it is below.
fn rule(state: &mut State, pass: u32, chain: &str, number: usize) -> Option<Id> {
    let index = u32::try_from(number).ok()?.checked_sub(1)?;
    let mut held: Vec<FrameId> = state
        .path
        .trodden
        .iter()
        .filter(|(frame, trodden)| {
            trodden.held.contains_key(&index) && is_chain(state, **frame, pass, |name| name.starts_with(chain))
        })
        .map(|(frame, _)| *frame)
        .collect();
    held.sort_unstable();
    let frame = *held.first()?;
    let mut inner = state.frames.get(frame);
    state.turned.insert(Id::Hook(inner.place), true);
    let mut base = frame;
    while let Some((above, by)) = inner.parent {
        state.turned.insert(Id::Rule(above, by), true);
        (inner, base) = (state.frames.get(above), above);
    }
    state.turned.insert(Id::Base(base), true);
    state.lay_out();
    Some(Id::Rule(frame, index))
}

fn route(state: &State, pass: u32) -> Option<Id> {
    let events = &state.outcome()?.events;
    let after = |event: &Event| match event {
        Event::Route(route) => route.pass == pass && route.after == Some(Hook::Prerouting),
        Event::Step(_) => false,
    };
    events.iter().position(after).map(Id::Route)
}
