//! Two walks of the same packets, with chains of equal priority in either order, as one.

mod lengthened;

use std::collections::BTreeSet;

use super::finish::likelier;
use super::outcome::{Assumed, Assumption, Outcome, Step, Why};
use super::plan::Guess;
use crate::host::ChainId;

/// The outcomes of both orders: those that the order does not change stand alone, the others say what they assume.
pub(super) fn both(first: Vec<Outcome>, second: Vec<Outcome>, guess: Guess, guesses: &[Guess]) -> Vec<Outcome> {
    let differ = |outcome: &Outcome, others: &[Outcome]| !others.iter().any(|other| is_same(outcome, other));
    let only_second = second.iter().filter(|outcome| differ(outcome, &first));
    // Those of the second order come behind all of the first.
    let mut new: Vec<(usize, Outcome)> = only_second.map(|outcome| (first.len(), outcome.clone())).collect();
    if new.is_empty() {
        return first;
    }
    let placed = first.into_iter().enumerate();
    let (mut changed, mut told): (Vec<_>, Vec<_>) = placed.partition(|(_, outcome)| differ(outcome, &second));
    told.extend(lengthened::take(&mut changed, &mut new));
    let is_open = !new.is_empty();
    let about = told_by(changed.iter().chain(&new).map(|(_, outcome)| outcome), guesses).unwrap_or(guess);
    let assume = |(place, mut outcome): (usize, Outcome), holds: bool| {
        let second = about.second;
        let what = about.first.map_or(Assumed::TracksBefore(second), |first| Assumed::Order { first, second });
        outcome.assumed.insert(0, Assumption { namespace: about.namespace, what, holds, why: Why::Order });
        outcome.weight /= 2.0;
        (place, outcome)
    };
    told.extend(changed.into_iter().map(|outcome| assume(outcome, true)));
    told.extend(new.into_iter().map(|outcome| assume(outcome, false)));
    told.sort_by_key(|(place, _)| *place);
    let mut outcomes: Vec<Outcome> = told.into_iter().map(|(_, outcome)| outcome).collect();
    if is_open {
        // Refused sources stay last, the others are the likeliest first.
        let is_last = |outcome: &Outcome| outcome.fate.kind == super::FateKind::Martian;
        outcomes.sort_by_key(|outcome| (is_last(outcome), likelier(outcome.weight)));
    }
    outcomes
}

/// The guess whose chains were walked where the outcomes differ.
fn told_by<'o>(differing: impl Iterator<Item = &'o Outcome>, guesses: &[Guess]) -> Option<Guess> {
    let walked: BTreeSet<ChainId> = differing.flat_map(Outcome::steps).map(|step| step.base).collect();
    let is_walked =
        |guess: &&Guess| guess.first.is_none_or(|first| walked.contains(&first)) && walked.contains(&guess.second);
    guesses.iter().find(is_walked).copied()
}

/// Whether two outcomes are the same but for the order in which chains of equal priority were walked.
fn is_same(a: &Outcome, b: &Outcome) -> bool {
    // Many refused sources are told as one, whatever each of them met.
    let refused = |one: &&Outcome| one.fate.kind == super::FateKind::Martian && one.fate.endpoints.src.is_none();
    if [a, b].iter().all(refused) && a.fate.reason == b.fate.reason {
        return a.when == b.when && assume_same(a, b);
    }
    a.when == b.when && assume_same(a, b) && is_same_end(a, b) && are_same(a.steps(), b.steps())
}

/// Whether two outcomes assume the same, in whatever order they come to it.
fn assume_same(a: &Outcome, b: &Outcome) -> bool {
    a.assumed.len() == b.assumed.len() && a.assumed.iter().all(|assumption| b.assumed.contains(assumption))
}

/// Whether two outcomes end alike, decided by the same, and lead by the same devices.
fn is_same_end(a: &Outcome, b: &Outcome) -> bool {
    a.passes == b.passes
        && a.fate.kind == b.fate.kind
        && a.fate.endpoints == b.fate.endpoints
        && a.fate.oif == b.fate.oif
        && a.fate.reason == b.fate.reason
        && a.fate.by.as_ref().map(|step| step.at) == b.fate.by.as_ref().map(|step| step.at)
}

/// Whether these are the same steps, in whatever order.
fn are_same<'s>(mut a: impl Iterator<Item = &'s Step>, b: impl Iterator<Item = &'s Step>) -> bool {
    let mut left: Vec<&Step> = b.collect();
    a.all(|step| match left.iter().position(|other| *other == step) {
        Some(at) => {
            left.swap_remove(at);
            true
        }
        None => false,
    }) && left.is_empty()
}
