//! While the live host is being read, for the first time or again: how far that is, and what stops it. Until it was read for
//! the first time there is nothing to look at; later the older reading stays until the new one is there.
//!
//! Deliberately does not know who reads, or how long it takes: that comes in events.

use std::sync::Arc;

use super::action::Action;
use super::again;
use super::frames::Frames;
use super::outline::Id;
use super::overlay::Overlay;
use super::path::Section;
use super::setup::Setup;
use super::source::Source;
use super::state::State;
use super::update::{Effect, in_panes};
use crate::explain::{self, Target, words};
use crate::host::{Host, Namespace, Reached, Ruleset, What};

/// A reading that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    reached: Reached,
    /// Nothing was read before.
    first: bool,
    /// It was told to stop, and has not yet.
    stopping: bool,
}

impl State {
    /// The explorer before its host is read, on a screen of `size` (columns, rows). `target` is the port to select.
    pub fn opening(source: Source, target: Option<Target>, setup: Setup, size: (u16, u16)) -> State {
        let nothing = Host { namespaces: vec![Namespace::default()], ..Host::default() };
        let mut state = State::new(Arc::new(nothing), 0, source, target, setup, size);
        state.reading = Some(Reading { reached: Reached::default(), first: true, stopping: false });
        state
    }

    /// Whether there is no host yet.
    pub fn is_opening(&self) -> bool {
        self.reading.is_some_and(|reading| reading.first)
    }

    /// Whether there is nothing of the host yet.
    pub fn has_nothing(&self) -> bool {
        self.is_opening() && self.ports.is_empty()
    }

    /// Whether the host is being read.
    pub fn is_reading(&self) -> bool {
        self.reading.is_some()
    }

    /// How far the screen says it is.
    pub fn reached(&self) -> Option<Reached> {
        self.reading.map(|reading| reading.reached).or(self.sets)
    }

    /// What the header says of it, in a few words.
    pub(super) fn reading_text(&self) -> Option<String> {
        let Some(reading) = self.reading else {
            let sets = self.sets.as_ref().filter(|reached| reached.what == Some(What::Elements));
            return sets.map(words::reached_briefly);
        };
        Some(if reading.stopping { "stopping".to_owned() } else { words::reached_briefly(&reading.reached) })
    }

    /// The same at length, where there is nothing else to show.
    pub(super) fn opening_text(&self) -> Option<String> {
        let reading = self.reading.filter(|reading| reading.first)?;
        Some(format!("{} …", words::reached(&reading.reached)))
    }
}

/// The host that is shown is read again from now on.
pub(super) fn begin(state: &mut State) -> Effect {
    state.reading = Some(Reading { reached: Reached::default(), first: false, stopping: false });
    Effect::Read(state.edition)
}

/// The same with everything that any set holds; a reading that is on its way already will do.
pub(super) fn begin_whole(state: &mut State) -> Option<Effect> {
    match state.reading {
        Some(_) => None,
        None => {
            begin(state);
            Some(Effect::ReadWhole(state.edition))
        }
    }
}

/// So far it is: the reading of the host, or else that of sets which an answer takes.
pub(super) fn reach(state: &mut State, reached: Reached) {
    match &mut state.reading {
        Some(reading) => reading.reached = reached,
        None => state.sets = Some(reached),
    }
}

/// What a key does before there is anything to look at.
pub(super) fn while_opening(state: &mut State, action: Action) -> Option<Effect> {
    match action {
        Action::Quit | Action::Back => Some(Effect::Quit),
        Action::Suspend => Some(Effect::Suspend),
        Action::Redraw => Some(Effect::Redraw),
        Action::Help => {
            state.lay(Overlay::Help { offset: 0 });
            None
        }
        Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::First | Action::Last => {
            state.unchosen &= state.ports.is_empty();
            in_panes(state, action)
        }
        _ => None,
    }
}

/// Stops a reading that goes on beside an older one; `None` where there is none that can be stopped.
pub(super) fn stop(state: &mut State) -> Option<Effect> {
    let reading = state.reading.as_mut().filter(|reading| !reading.first && !reading.stopping)?;
    reading.stopping = true;
    Some(Effect::Stop)
}

/// So much of the host is there before all of it: who listens.
pub(super) fn begun(state: &mut State, mut host: Arc<Host>, namespace: usize) {
    if state.is_opening() {
        // The chains may have come before.
        let known = &state.ns().ruleset;
        if !known.tables.is_empty() {
            Arc::make_mut(&mut host).namespaces[namespace].ruleset = known.clone();
        }
        show(state, host, namespace);
        unfold(state);
    }
}

/// These chains there are; their rules come later.
pub(super) fn outlined(state: &mut State, ruleset: Ruleset) {
    if state.is_opening() {
        let mut host = Host::clone(&state.host);
        host.namespaces[state.namespace].ruleset = ruleset;
        state.host = Arc::new(host);
        state.frames = Frames::default();
        state.follow();
        unfold(state);
    }
}

/// Lays out all base chains that are known before their rules.
fn unfold(state: &mut State) {
    let hooks = state.path.sections.iter().filter(|section| matches!(section, Section::Hook { .. }));
    state.turned.extend(hooks.map(|section| (Id::of(section), true)));
    state.lay_out();
}

/// Shows a reading of the host of which no other ports than those of sockets are known yet.
fn show(state: &mut State, host: Arc<Host>, namespace: usize) {
    let old = std::mem::replace(&mut state.host, host);
    let was = std::mem::replace(&mut state.namespace, namespace);
    // Chains have other places than those that were known before.
    state.frames = Frames::default();
    // Sockets have no fixed places.
    if let (false, Some(selected)) = (state.unchosen || state.named.is_some(), &state.selected) {
        let now = explain::bound(&state.host, namespace);
        state.selected = again::same_port(&old.namespaces[was], state.ns(), now.iter(), selected);
    }
    state.list_sockets();
    state.follow();
}

/// The host was read for the first time, or could not be.
pub(super) fn opened(state: &mut State, read: Result<(Arc<Host>, usize), String>) -> Effect {
    match read {
        Ok((host, namespace)) => {
            state.reading = None;
            show(state, host, namespace);
            Effect::Survey(state.edition)
        }
        Err(why) => Effect::GiveUp(why),
    }
}

/// It was not read again: why, in one line.
pub(super) fn failed(state: &mut State, why: &str) {
    let stopped = state.reading.take().is_some_and(|reading| reading.stopping);
    state.notice = Some(match stopped {
        true => "the reading was stopped: this is the host as it was read before".to_owned(),
        false => format!("not read again: {why}"),
    });
}
