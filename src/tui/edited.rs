//! The packet that somebody described in place of the usual one. It stays, for every port and from every place, until it is
//! described anew or given up.
//!
//! Who answers it is asked for one description at a time, off the drawing path; the newest wins. What the ports pane says of
//! the ports is said of usual packets all the same.

use std::sync::Arc;

use super::state::State;
use super::update::Effect;
use crate::explain::description::{Description, Part};
use crate::explain::{Answer, Place, Target, command, understood};
use crate::host::IpFamily;

/// A packet that somebody described.
#[derive(Debug, Clone)]
pub(super) struct Edited {
    description: Description,
    /// The place that is wished for, if any, once the answers are known.
    wish: Option<Option<Place>>,
    /// Who answers it at a port; while that is worked out, who answered what was described before.
    answers: Option<(Target, Arc<Vec<Answer>>)>,
    /// Whether these answers are those of the description.
    fresh: bool,
    /// The number of the walk that they come from.
    number: u64,
}

/// A description whose answers are being worked out.
#[derive(Debug, Clone)]
pub(super) struct Walking {
    number: u64,
    target: Target,
    description: Description,
}

impl Edited {
    /// The answers at a port, where there are any.
    pub(super) fn answers(&self, target: &Target) -> Option<&Arc<Vec<Answer>>> {
        self.answers.as_ref().filter(|(known, _)| known == target).map(|(_, answers)| answers)
    }

    fn wants(&self, target: &Target) -> bool {
        !self.fresh || self.answers(target).is_none()
    }

    /// Another reading of the host: what was found in the old one is of no use.
    pub(super) fn forget(&mut self) {
        (self.answers, self.fresh) = (None, false);
    }
}

impl State {
    /// What is said of the packet; nothing where it is the usual one.
    pub(super) fn description(&self) -> Description {
        self.edited.as_ref().map(|edited| edited.description.clone()).unwrap_or_default()
    }

    /// How `trace` is asked for the packet that is looked at, on the host that it is asked of.
    pub(super) fn command(&self) -> Option<Vec<String>> {
        let (target, answer) = (self.selected.as_ref()?, self.answer()?);
        Some(command(target, &(answer.from.clone(), answer.family), &self.description()))
    }

    /// Which walk the answers come from that are shown: another number, another walk.
    pub(super) fn walk_number(&self) -> u64 {
        self.edited.as_ref().map_or(0, |edited| edited.number)
    }
}

/// The packet is that of a description from now on; `wish`: the place that it is looked at from, if it is not just any.
pub(super) fn describe(state: &mut State, description: Description, wish: Option<Place>) {
    if description.is_empty() {
        state.edited = None;
        state.wish = wish;
        state.outcome = 0;
        state.follow();
        return;
    }
    let shown = state.selected.clone().zip(state.shown_answers().cloned());
    let fresh = state.edited.as_ref().is_some_and(|edited| edited.fresh && edited.description == description);
    let number = state.walk_number();
    state.edited = Some(Edited { description, wish: Some(wish), answers: shown, fresh, number });
}

/// The packet is the usual one again.
pub(super) fn give_up(state: &mut State) {
    state.notice = Some(match state.edited {
        Some(_) => "the packet is the usual one again".to_owned(),
        None => "the packet is the usual one: e edits it".to_owned(),
    });
    if state.edited.is_some() {
        let wish = state.wish.clone();
        describe(state, Description::default(), wish);
    }
}

/// Another place was chosen than the one that is said: it is not said any more.
pub(super) fn leave_origin(state: &mut State) {
    let Some(edited) = &mut state.edited else { return };
    edited.description = edited.description.without(Part::Origin);
    edited.wish = None;
    if edited.description.is_empty() {
        state.edited = None;
    }
}

/// To the other family, where one is said. `false`: none is.
pub(super) fn turn_family(state: &mut State, from: IpFamily) -> bool {
    let mut description = state.description();
    let Some(target) = state.selected.clone().filter(|_| description.of(Part::Family).is_some()) else { return false };
    let (other, name) = match from {
        IpFamily::V4 => (IpFamily::V6, "6"),
        IpFamily::V6 => (IpFamily::V4, "4"),
    };
    description.say(Part::Family, name);
    let wish = state.answer().map(|answer| (answer.from.clone(), other));
    match understood(&state.host, state.namespace, &target, &description, wish.as_ref()) {
        Ok(place) => describe(state, description, Some(place)),
        Err(flaws) => state.notice = flaws.into_iter().next().map(|flaw| flaw.says),
    }
    true
}

/// Asks who answers, where that is not known and nobody works it out.
pub(super) fn ask(state: &mut State) -> Option<Effect> {
    let target = state.selected.clone()?;
    let edited = state.edited.as_ref().filter(|edited| edited.wants(&target) && state.walking.is_none())?;
    let description = edited.description.clone();
    state.walks += 1;
    let number = state.walks;
    state.walking = Some(Walking { number, target: target.clone(), description: description.clone() });
    Some(Effect::Walk(state.edition, number, target, Box::new(description)))
}

/// Who answers was worked out.
pub(super) fn walked(state: &mut State, number: u64, answers: Vec<Answer>) {
    let Some(walking) = state.walking.take_if(|walking| walking.number == number) else { return };
    let selected = state.selected.as_ref() == Some(&walking.target);
    let Some(edited) = state.edited.as_mut().filter(|edited| selected && edited.description == walking.description)
    else {
        return;
    };
    edited.answers = Some((walking.target, Arc::new(answers)));
    (edited.fresh, edited.number) = (true, walking.number);
    if let Some(wish) = edited.wish.take() {
        state.wish = wish;
    }
    state.show_answers();
}
