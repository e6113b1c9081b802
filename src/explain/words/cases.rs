//! What outcomes that disagree say, as one sentence: each case with what must hold for it.

use std::collections::HashMap;

use super::because::Teller;
use super::conditions;
use super::phrase::{self, Phrase, say};
use super::when::Map;
use crate::explain::finding::{Answer, AnswerVerdict, Cause};
use crate::explain::judge::{Judged, same_who};
use crate::explain::plausible;
use crate::walk::{Assumed, Assumption, FateKind, Outcome, rank};

/// At most this many cases are told one by one.
const MOST: usize = 5;
/// Of more than that, this many.
const FEW: usize = 3;
/// A condition that takes more letters than this is not told in a sentence.
const LONG: usize = 200;
/// A condition that takes more letters than this is not told in brief.
pub(super) const BRIEF: usize = 120;
/// What befalls so many of the packets that nobody gets befalls them.
const MOSTLY: f64 = 0.9;

/// Outcomes that end alike.
struct Case<'a> {
    judged: &'a Judged,
    outcomes: Vec<&'a Outcome>,
}

impl Case<'_> {
    fn weight(&self) -> f64 {
        self.outcomes.iter().map(|outcome| outcome.weight).sum()
    }
}

/// `It depends: if src in 10.0.0.0/8, sshd (812) gets the packet; else rule 5 of filter INPUT drops it.`
pub(super) fn sentence(teller: &Teller<'_>) -> String {
    told(teller, cases(teller), Phrase::Depends)
}

/// The same where nobody gets the packet, but this or that rule keeps it from them: `None` where most packets meet the same.
pub(super) fn of_nobody(teller: &Teller<'_>) -> Option<String> {
    let cases = cases(teller);
    let all: f64 = cases.iter().map(Case::weight).sum();
    let is_told = cases.len() > 1 && cases.first().is_some_and(|first| first.weight() < MOSTLY * all);
    is_told.then(|| told(teller, cases, Phrase::NobodyGets))
}

/// `sshd (812) if src in 10.0.0.0/8, else blocked`; `None` where that takes many words.
pub(super) fn briefly(teller: &Teller<'_>) -> Option<String> {
    let ends = by_end(teller);
    if let [(end, _)] = &ends[..] {
        let is_known = *end != say(Phrase::Unknown, &[]) && teller.answer.walk.unexplored == 0;
        return is_known.then(|| end.clone());
    }
    apart(teller, ends)
}

/// `sshd (812) or blocked`: what becomes of the packets, without conditions; `None` where nothing of it is known, or not all.
pub(super) fn named(teller: &Teller<'_>) -> Option<String> {
    let ends: Vec<String> = by_end(teller).into_iter().map(|(end, _)| end).collect();
    let unknown = say(Phrase::Unknown, &[]);
    let is_known = teller.answer.walk.unexplored == 0 && ends.iter().any(|end| *end != unknown);
    is_known.then(|| phrase::list(Phrase::Or, &ends, FEW))
}

/// Outcomes of which the same few words are said, together.
fn by_end<'a>(teller: &Teller<'a>) -> Vec<(String, Vec<&'a Outcome>)> {
    let mut ends: Vec<(String, Vec<&Outcome>)> = Vec::new();
    for (outcome, judged) in &teller.judged {
        let end = end(teller, outcome, judged);
        match ends.iter_mut().find(|(known, _)| *known == end) {
            Some((_, outcomes)) => outcomes.push(outcome),
            None => ends.push((end, vec![*outcome])),
        }
    }
    ends
}

/// `this if src in 10.0.0.0/8, else that`: what becomes of outcomes, each told under which conditions; `None` where that takes
/// many words.
pub(super) fn apart(teller: &Teller<'_>, ends: Vec<(String, Vec<&Outcome>)>) -> Option<String> {
    if ends.len() < 2 || ends.len() > FEW || teller.answer.walk.unexplored > 0 {
        return None;
    }
    let mut told: Vec<(String, String)> =
        with_map(teller, true, |map| ends.into_iter().map(|(end, all)| (map.told(&all).sentence(), end)).collect());
    told.sort_by_key(|(when, _)| if when.is_empty() { usize::MAX } else { when.chars().count() });
    let (_, last) = told.pop()?;
    if told.iter().any(|(when, _)| when.is_empty() || when.chars().count() > BRIEF) {
        return None;
    }
    let cases: Vec<String> =
        told.iter().map(|(when, who)| say(Phrase::OneIf, &[("who", who), ("when", when)])).collect();
    Some(say(Phrase::OneElse, &[("cases", &cases.join("; ")), ("who", &last)]))
}

/// Who gets an outcome's packets, in a word or two.
fn end(teller: &Teller<'_>, outcome: &Outcome, judged: &Judged) -> String {
    match judged.verdict {
        AnswerVerdict::Reached | AnswerVerdict::Diverted | AnswerVerdict::Unanswered => teller.who(&judged.who),
        AnswerVerdict::Blocked => say(Phrase::Blocked, &[]),
        AnswerVerdict::Depends if is_let_through(outcome, judged) => say(Phrase::LetThrough, &[]),
        AnswerVerdict::Depends => say(Phrase::Unknown, &[]),
    }
}

/// Whether packets arrive, and nobody has read who listens.
pub(super) fn is_let_through(outcome: &Outcome, judged: &Judged) -> bool {
    judged.because.cause == Cause::Undecided && outcome.fate.kind == FateKind::Delivered
}

/// Outcomes that end alike, together; the likeliest first.
fn cases<'a>(teller: &'a Teller<'_>) -> Vec<Case<'a>> {
    let mut cases: Vec<Case<'_>> = Vec::new();
    for (outcome, judged) in &teller.judged {
        match cases.iter_mut().find(|case| ends_alike(teller, case.judged, judged)) {
            Some(case) => case.outcomes.push(outcome),
            None => cases.push(Case { judged, outcomes: vec![outcome] }),
        }
    }
    cases.sort_by_key(|case| rank(case.weight()));
    cases
}

/// Does something with what the outcomes speak of; `brief`: nobody is told where an assumed match stands, nor why it is assumed.
fn with_map<T>(teller: &Teller<'_>, brief: bool, told: impl FnOnce(&Map<'_>) -> T) -> T {
    let disputed = Disputed::of(teller);
    let clause = |one: &Assumption| {
        let gist = |rule, index| conditions::gist(&teller.host.namespaces[one.namespace], rule, index, teller.texts);
        match &one.what {
            Assumed::Match { rule, index } if brief => {
                let phrase = if one.holds { Phrase::BriefHolds } else { Phrase::BriefFails };
                say(phrase, &[("text", &gist(*rule, Some(*index)))])
            }
            _ => conditions::assumption(teller.host, one, &gist),
        }
    };
    let outcomes: Vec<&Outcome> = teller.judged.iter().map(|(outcome, _)| *outcome).collect();
    let map = Map::of(&teller.answer.walk.query, outcomes.iter().copied(), |one| disputed.has(one), &clause);
    let Answer { from, walk, .. } = teller.answer;
    let sources = plausible::meant(teller.ns, from, &walk.query, &outcomes);
    told(&map.only(&outcomes, sources.as_ref()))
}

fn told(teller: &Teller<'_>, cases: Vec<Case<'_>>, begin: Phrase) -> String {
    // Of too many, those of the most packets are told, each with all that must hold for it.
    let left_out = if cases.len() > MOST { cases.len() - FEW } else { 0 };
    let mut told: Vec<(String, String)> = with_map(teller, false, |map| {
        let told = cases[..cases.len() - left_out].iter();
        told.map(|case| (map.told(&case.outcomes).sentence(), ends(teller, case))).collect()
    });
    let likeliest = told.first().cloned();
    // The case that takes the most words is the "else" of the others.
    told.sort_by_key(|(when, _)| if when.is_empty() { usize::MAX } else { when.chars().count() });
    let last = told.len().saturating_sub(1);
    // Nobody reads conditions of many words: who wants them finds them with the outcomes.
    let is_long = |i: usize, when: &str| (i != last || left_out > 0) && when.chars().count() > LONG;
    let first_long = (0..told.len()).find(|i| is_long(*i, &told[*i].0)).unwrap_or(usize::MAX);
    let mut parts: Vec<String> = told
        .iter()
        .enumerate()
        .map(|(i, (when, what))| match (i == last && left_out == 0) || when.is_empty() {
            _ if i == first_long => say(Phrase::SomeCases, &[("what", what)]),
            _ if i > first_long => say(Phrase::InOthers, &[("what", what)]),
            true => say(Phrase::Always, &[("what", what)]),
            false => case(when, what),
        })
        .collect();
    // What befalls most packets is told before several exceptions from it.
    if parts.len() > 2 && left_out == 0 && first_long == usize::MAX && told.last() == likeliest.as_ref() {
        let exceptions: Vec<String> = told[..last].iter().map(|(when, what)| case(when, what)).collect();
        let what = told.pop().map(|(_, what)| what).unwrap_or_default();
        parts = vec![say(Phrase::ButCases, &[("what", &what), ("cases", &exceptions.join("; "))])];
    }
    if left_out > 0 {
        let phrase = if left_out == 1 { Phrase::OtherCase } else { Phrase::OtherCases };
        parts.push(say(phrase, &[("count", &left_out.to_string())]));
    }
    let unexplored = teller.answer.walk.unexplored;
    if unexplored > 0 {
        parts.push(say(Phrase::Unexplored, &[("count", &unexplored.to_string())]));
    }
    phrase::sentence(&format!("{}: {}", say(begin, &[]), parts.join("; ")))
}

fn case(when: &str, what: &str) -> String {
    say(Phrase::Case, &[("when", when), ("what", what)])
}

fn ends_alike(teller: &Teller<'_>, a: &Judged, b: &Judged) -> bool {
    let by = |judged: &Judged| judged.because.by.as_ref().map(|step| step.at);
    a.verdict == b.verdict
        && same_who(teller.host, &a.who, &b.who)
        && a.because.cause == b.because.cause
        && by(a) == by(b)
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
        AnswerVerdict::Depends if case.outcomes.iter().all(|outcome| is_let_through(outcome, judged)) => {
            say(Phrase::CaseThrough, &[])
        }
        AnswerVerdict::Depends if judged.because.cause == Cause::Undecided && judged.because.by.is_some() => {
            teller.decision(&judged.because, None)
        }
        AnswerVerdict::Depends => say(Phrase::CaseUnknown, &[]),
    }
}
