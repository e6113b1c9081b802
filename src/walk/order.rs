//! Two walks of the same packets, with chains of equal priority in either order, as one.

use super::outcome::{Assumed, Assumption, Outcome, Step, Why};
use super::plan::Guess;

/// The outcomes of both orders: those that the order does not change stand alone, the others say what they assume.
pub(super) fn both(first: Vec<Outcome>, second: Vec<Outcome>, guess: Guess, guesses: &[Guess]) -> Vec<Outcome> {
    let differ = |outcome: &Outcome, others: &[Outcome]| !others.iter().any(|other| is_same(outcome, other));
    let changed: Vec<bool> = first.iter().map(|outcome| differ(outcome, &second)).collect();
    let new: Vec<Outcome> = second.into_iter().filter(|outcome| differ(outcome, &first)).collect();
    if new.is_empty() {
        return first;
    }
    let about = told_by(&first, &new, guesses).unwrap_or(guess);
    let mut outcomes = Vec::with_capacity(first.len() + new.len());
    let assume = |mut outcome: Outcome, holds: bool| {
        let second = about.second;
        let what = about.first.map_or(Assumed::TracksBefore(second), |first| Assumed::Order { first, second });
        outcome.assumed.insert(0, Assumption { namespace: about.namespace, what, holds, why: Why::Order });
        outcome.weight /= 2.0;
        outcome
    };
    for (outcome, changed) in first.into_iter().zip(changed) {
        outcomes.push(if changed { assume(outcome, true) } else { outcome });
    }
    outcomes.extend(new.into_iter().map(|outcome| assume(outcome, false)));
    // Refused sources stay last, the others are the likeliest first.
    outcomes.sort_by(|a, b| {
        let last = |outcome: &Outcome| outcome.fate.kind == super::FateKind::Martian;
        last(a).cmp(&last(b)).then(b.weight.total_cmp(&a.weight))
    });
    outcomes
}

/// The guess whose chains were walked where the outcomes differ.
fn told_by(first: &[Outcome], new: &[Outcome], guesses: &[Guess]) -> Option<Guess> {
    let bases = |outcomes: &[Outcome]| -> std::collections::BTreeSet<_> {
        outcomes.iter().flat_map(Outcome::steps).map(|step| step.base).collect()
    };
    let walked: std::collections::BTreeSet<_> = bases(first).union(&bases(new)).copied().collect();
    let is_walked =
        |guess: &&Guess| guess.first.is_none_or(|first| walked.contains(&first)) && walked.contains(&guess.second);
    guesses.iter().find(is_walked).copied()
}

/// Whether two outcomes are the same but for the order in which chains of equal priority were walked.
fn is_same(a: &Outcome, b: &Outcome) -> bool {
    // Many refused sources are told as one, whatever each of them met.
    let refused = |one: &&Outcome| one.fate.kind == super::FateKind::Martian && one.fate.endpoints.src.is_none();
    if [a, b].iter().all(refused) && a.fate.reason == b.fate.reason {
        return a.when == b.when && a.assumed == b.assumed;
    }
    a.when == b.when
        && a.assumed == b.assumed
        && a.passes == b.passes
        && a.fate.kind == b.fate.kind
        && a.fate.endpoints == b.fate.endpoints
        && a.fate.oif == b.fate.oif
        && a.fate.reason == b.fate.reason
        && a.fate.by.as_ref().map(|step| step.at) == b.fate.by.as_ref().map(|step| step.at)
        && has_same_steps(a, b)
}

fn has_same_steps(a: &Outcome, b: &Outcome) -> bool {
    let mut left: Vec<&Step> = b.steps().collect();
    a.steps().all(|step| match left.iter().position(|other| *other == step) {
        Some(at) => {
            left.swap_remove(at);
            true
        }
        None => false,
    }) && left.is_empty()
}
