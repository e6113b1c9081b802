//! Which packets of the selected port are looked at: from where, of which family, and which of the ways they may go. A key that
//! changes nothing says why.

use super::super::edited;
use super::super::state::State;
use crate::explain::words;

/// To the packets from the next place, or the one before.
pub(super) fn turn_origin(state: &mut State, by: isize) {
    let all = state.all_answers().map_or(0, <[_]>::len);
    if all > 1 {
        let to = (state.answer_index() as isize + by).rem_euclid(all as isize) as usize;
        go_to_origin(state, to);
    } else {
        say_why_not(state, "its packets come from no other place");
    }
}

/// To the packets from the place with this number.
pub(super) fn go_to_origin(state: &mut State, to: usize) {
    let Some(answers) = state.all_answers().filter(|answers| to < answers.len()) else { return };
    let wish = (answers[to].from.clone(), answers[to].family);
    if to != state.answer_index() {
        edited::leave_origin(state);
    }
    state.wish = Some(wish);
    state.outcome = 0;
    state.follow();
}

/// To the packets of the other family, from the same place where there are any.
pub(super) fn turn_family(state: &mut State) {
    let (Some(answers), Some(answer)) = (state.all_answers(), state.answer()) else {
        say_why_not(state, "");
        return;
    };
    let family = answer.family;
    let others = || answers.iter().filter(|other| other.family != family);
    let other = others().find(|other| other.from == answer.from).or_else(|| others().next());
    match other.map(|other| (other.from.clone(), other.family)) {
        Some(wish) => {
            state.wish = Some(wish);
            state.outcome = 0;
            state.follow();
        }
        None if edited::turn_family(state, family) => {}
        None => {
            let version = words::version(family);
            state.notice = Some(format!("only {version} packets come to this port"));
        }
    }
}

/// To the next way that the packet may go, or the one before.
pub(super) fn turn_outcome(state: &mut State, by: isize) {
    let all = state.answer().map_or(0, |answer| answer.walk.outcomes.len() as isize);
    if all > 1 {
        state.outcome = (state.outcome as isize + by).rem_euclid(all) as usize;
        state.follow();
    } else {
        say_why_not(state, "this packet has one outcome");
    }
}

/// Says why a key found nothing to do: there are no packets to look at, or else `otherwise`. What is still being worked out is
/// told at the bottom anyway, and not for longer than that takes.
pub(super) fn say_why_not(state: &mut State, otherwise: &str) {
    let text = match state.all_answers() {
        Some([]) => "no packet can come to this address from any place that is known",
        Some(_) => otherwise,
        None if state.surveyed && state.selected.is_none() => {
            "no port is selected: the number of any port asks about it"
        }
        None => return,
    };
    state.notice = Some(text.to_owned());
}
