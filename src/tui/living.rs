//! A live host is followed: what changes there is read again behind the picture, and takes the older reading's place, unless
//! somebody lets the picture stand still.
//!
//! Deliberately does not know who tells of changes, what is read for them, or a clock: the pause after a reading, which keeps
//! a host that changes all the time from being read all the time, ends with an event.

use std::time::Duration;

use super::again::Fresh;
use super::diagram;
use super::search;
use super::source::{Source, age_text, until_next};
use super::state::State;
use super::update::Effect;
use crate::host::Changes;

/// How a live host is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Living {
    /// Somebody tells what changes.
    followed: bool,
    /// The picture stands still.
    paused: bool,
    /// What changed, and was not read since.
    changed: Changes,
    /// What is being read as it changed.
    reading: Changes,
    /// It is being read, or was a moment ago.
    busy: bool,
}

/// An age is told from here on while the picture stands still.
const MINUTE: Duration = Duration::from_secs(60);

impl State {
    /// Whether the picture stands still.
    pub fn is_paused(&self) -> bool {
        self.living.paused
    }

    /// Whether it is a live host, be it that it stands still.
    pub(super) fn is_live(&self) -> bool {
        self.living.followed
    }

    /// Whether it is followed now.
    pub(super) fn is_followed(&self) -> bool {
        self.living.followed && !self.living.paused
    }

    /// What the header says of where the host came from and how old it is.
    pub(super) fn source_text(&self) -> String {
        match (&self.source, self.living) {
            (Source::Live, Living { paused: true, changed, .. }) => {
                let age = if self.age < MINUTE { String::new() } else { format!(" {}", age_text(self.age)) };
                let since = if changed.is_empty() { "" } else { ", changed since" };
                format!("paused{age}{since}")
            }
            (Source::Live, Living { followed: true, .. }) => "live".to_owned(),
            (source, _) => source.text(self.age),
        }
    }

    /// How long it takes until the header says another age of a host that was read so long ago; `None`: it says none.
    pub fn ages_in(&self, age: Duration) -> Option<Duration> {
        match self.living {
            Living { paused: true, .. } if age < MINUTE => Some(MINUTE - age),
            Living { paused: false, followed: true, .. } => None,
            _ => Some(until_next(age)),
        }
    }
}

/// Somebody begins to tell what changes, or does not any more.
pub(super) fn follow(state: &mut State, followed: bool) {
    state.living.followed = followed;
}

/// So much changed.
pub(super) fn change(state: &mut State, changes: Changes) {
    state.living.changed = state.living.changed.with(changes);
}

/// The picture stands still from now on, or does not any more.
pub(super) fn pause(state: &mut State) {
    match state.source {
        Source::Recording(_) | Source::Demo(_) => {
            state.notice = Some("this host is a recording: it stands still anyway".to_owned());
        }
        Source::Live if !state.living.followed => {
            state.notice = Some("changes of this host cannot be followed: it stands still until it is read".to_owned());
        }
        Source::Live => {
            state.living.paused = !state.living.paused;
            // Until now it was what it is.
            state.age = Duration::ZERO;
            if !state.living.paused {
                state.counting.interrupt();
            }
        }
    }
}

/// What is to be read again, if anything, and nothing else is being read.
pub(super) fn next(state: &mut State) -> Option<Effect> {
    let Living { followed, paused, changed, busy, .. } = state.living;
    if !followed || paused || busy || changed.is_empty() || !state.surveyed || state.is_reading() {
        return None;
    }
    state.living.busy = true;
    state.living.reading = state.living.changed.take();
    Some(Effect::Refresh(state.edition, state.living.reading, state.selected.clone()))
}

/// What changed was read: `None` where it is what it was. What comes too late for the picture is read another time.
pub(super) fn refreshed(state: &mut State, read: Result<Option<Fresh>, String>) -> Option<Effect> {
    let reading = state.living.reading.take();
    if state.living.paused || state.is_reading() {
        change(state, reading);
        return None;
    }
    match read {
        Ok(None) => None,
        Ok(Some(fresh)) => renew(state, fresh),
        Err(why) => {
            state.notice = Some(format!("not read again: {why}"));
            None
        }
    }
}

/// A new reading takes the old one's place.
pub(super) fn renew(state: &mut State, fresh: Fresh) -> Option<Effect> {
    state.age = Duration::ZERO;
    state.renew(fresh);
    diagram::stay_drawn(state);
    search::again(state)
}

/// The pause after a reading is over.
pub(super) fn rested(state: &mut State) {
    state.living.busy = false;
    state.living.reading = Changes::NONE;
}
