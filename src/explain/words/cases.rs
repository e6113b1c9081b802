//! What outcomes that disagree say, as one sentence: each case with what must hold for it.

use std::collections::HashMap;

use super::because::Teller;
use super::conditions;
use super::phrase::{self, Phrase, say};
use super::when::Map;
use crate::explain::finding::AnswerVerdict;
use crate::explain::judge::Judged;
use crate::walk::{Assumed, Assumption, Outcome, rank};

/// At most this many cases are told one by one.
const MOST: usize = 5;
/// Of more than that, this many.
const FEW: usize = 3;

/// Outcomes that end alike.
struct Case<'a> {
    judged: &'a Judged,
    outcomes: Vec<&'a Outcome>,
}

/// `It depends: if src in 10.0.0.0/8, sshd (812) gets the packet; else rule 5 of filter INPUT drops it.`
pub(super) fn sentence(teller: &Teller<'_>) -> String {
    let mut cases: Vec<Case<'_>> = Vec::new();
    for (outcome, judged) in &teller.judged {
        match cases.iter_mut().find(|case| ends_alike(case.judged, judged)) {
            Some(case) => case.outcomes.push(outcome),
            None => cases.push(Case { judged, outcomes: vec![outcome] }),
        }
    }
    let disputed = Disputed::of(teller);
    let clause = |one: &Assumption| {
        let gist = |rule, index| conditions::gist(&teller.host.namespaces[one.namespace], rule, index);
        conditions::assumption(teller.host, one, &gist)
    };
    let outcomes = teller.judged.iter().map(|(outcome, _)| *outcome);
    let map = Map::of(&teller.answer.walk.query, outcomes, |one| disputed.has(one), &clause);
    // Of too many, those of the most packets are told, each with all that must hold for it.
    let left_out = if cases.len() > MOST { cases.len() - FEW } else { 0 };
    cases.sort_by_key(|case| rank(case.outcomes.iter().map(|outcome| outcome.weight).sum()));
    let mut told: Vec<(String, String)> = cases[..cases.len() - left_out]
        .iter()
        .map(|case| (map.told(&case.outcomes).sentence(), ends(teller, case)))
        .collect();
    // The case that takes the most words is the "else" of the others.
    told.sort_by_key(|(when, _)| if when.is_empty() { usize::MAX } else { when.chars().count() });
    let last = told.len().saturating_sub(1);
    let mut parts: Vec<String> = told
        .iter()
        .enumerate()
        .map(|(i, (when, what))| match (i == last && left_out == 0) || when.is_empty() {
            true => say(Phrase::Always, &[("what", what)]),
            false => say(Phrase::Case, &[("when", when), ("what", what)]),
        })
        .collect();
    if left_out > 0 {
        let phrase = if left_out == 1 { Phrase::OtherCase } else { Phrase::OtherCases };
        parts.push(say(phrase, &[("count", &left_out.to_string())]));
    }
    let unexplored = teller.answer.walk.unexplored;
    if unexplored > 0 {
        parts.push(say(Phrase::Unexplored, &[("count", &unexplored.to_string())]));
    }
    phrase::sentence(&format!("{}: {}", say(Phrase::Depends, &[]), parts.join("; ")))
}

fn ends_alike(a: &Judged, b: &Judged) -> bool {
    let by = |judged: &Judged| judged.because.by.as_ref().map(|step| step.at);
    a.verdict == b.verdict && a.who == b.who && a.because.cause == b.because.cause && by(a) == by(b)
}

/// Of what is assumed, whether some outcome takes it to hold, and whether some takes it not to.
struct Disputed<'a>(HashMap<&'a Assumed, [bool; 2]>);

impl<'a> Disputed<'a> {
    fn of(teller: &'a Teller<'_>) -> Disputed<'a> {
        let mut taken: HashMap<&Assumed, [bool; 2]> = HashMap::new();
        for assumption in teller.judged.iter().flat_map(|(outcome, _)| &outcome.assumed) {
            taken.entry(&assumption.what).or_default()[usize::from(assumption.holds)] = true;
        }
        Disputed(taken)
    }

    /// Whether some outcome assumes the opposite.
    fn has(&self, assumption: &Assumption) -> bool {
        self.0.get(&assumption.what).is_some_and(|taken| taken[usize::from(!assumption.holds)])
    }
}

fn ends(teller: &Teller<'_>, case: &Case<'_>) -> String {
    let judged = case.judged;
    let who = |phrase| say(phrase, &[("who", &teller.who(&judged.who))]);
    match judged.verdict {
        AnswerVerdict::Reached => who(Phrase::CaseGets),
        AnswerVerdict::Diverted => who(Phrase::CaseGoes),
        AnswerVerdict::Blocked => teller.blocking(&judged.because, case.outcomes.first().copied()),
        AnswerVerdict::Unanswered => say(Phrase::CaseNobody, &[]),
        AnswerVerdict::Depends => say(Phrase::CaseUnknown, &[]),
    }
}
