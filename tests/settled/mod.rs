//! An explorer without a program around it: what it asks of its host is told at once, one after the other.
//!
//! Knows of no terminal, and of nothing that is read or written.

use std::collections::VecDeque;
use std::sync::Arc;

use whyport::explain;
use whyport::tui::{self, Effect, Event, State, update};

/// Takes an event, and all that comes of it; `tell` is who does what is asked for.
pub fn settle(state: &mut State, event: Event, tell: impl Fn(&State, Effect) -> Option<Event>) {
    let mut effects = VecDeque::from(update(state, event));
    while let Some(effect) = effects.pop_front() {
        if let Some(event) = tell(state, effect) {
            effects.extend(update(state, event));
        }
    }
}

/// What comes of a question about the host; `None`: it is none.
pub fn told(state: &State, effect: Effect) -> Option<Event> {
    let (host, at) = (Arc::clone(state.host()), state.namespace());
    Some(match effect {
        Effect::Survey(edition) => Event::Surveyed(edition, explain::ports(&host, at)),
        Effect::Answer(edition, target) => {
            let answers = explain::answers(&host, at, &target);
            Event::Answered(edition, target, answers)
        }
        Effect::Search(edition, number, sought) => {
            Event::Found(edition, number, tui::seek(&host, &sought, || false).unwrap())
        }
        _ => return None,
    })
}
