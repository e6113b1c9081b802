//! What outcomes that disagree say, as one sentence: each case with what must hold for it.

use std::borrow::Cow;
use std::collections::HashMap;

use super::because::Teller;
use super::conditions::{self, VALUES};
use super::phrase::{self, Phrase, say};
use super::reading::grouped;
use super::when::Map;
use crate::explain::finding::{Answer, AnswerVerdict, Cause};
use crate::explain::judge::{Judged, same_who};
use crate::explain::listed::Told;
use crate::explain::plausible;
use crate::walk::{Assumed, Assumption, Condition, FateKind, Op, Outcome, Values, rank};

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
    told(teller, cases(teller, &teller.judged), Phrase::Depends)
}

/// `But if src is one of 300 addresses, rules of filter f2b reject it.`: what becomes of the few packets that an answer is not about.
pub(super) fn exceptions(teller: &Teller<'_>) -> Option<String> {
    let cases = cases(teller, &teller.exceptions);
    let left_out = if cases.len() > MOST { cases.len() - FEW } else { 0 };
    let mut parts: Vec<String> = with_map(teller, false, |map| {
        let told = cases[..cases.len() - left_out].iter();
        told.map(|one| case(&when(map, one), &ends(teller, one))).collect()
    });
    parts.extend(others(left_out));
    (!parts.is_empty()).then(|| but(&parts))
}

/// When a case comes about: of a long list, how many addresses are on it.
fn when(map: &Map<'_>, case: &Case<'_>) -> String {
    let told = || map.told(&case.outcomes).sentence();
    let [outcome] = case.outcomes[..] else { return told() };
    let is_list =
        matches!(case.judged.because.cause, Cause::DroppedByRules | Cause::RejectedByRules | Cause::RefusedByRules);
    match outcome.when.iter().flatten().collect::<Vec<_>>()[..] {
        [Condition { field, op: Op::In, values }] if is_list && values.len() > VALUES && values.iter().all(is_one) => {
            say(Phrase::OneOfAddresses, &[("field", field.name()), ("count", &grouped(values.len()))])
        }
        _ => told(),
    }
}

/// How many cases are not told.
fn others(left_out: usize) -> Option<String> {
    let phrase = if left_out == 1 { Phrase::OtherCase } else { Phrase::OtherCases };
    (left_out > 0).then(|| say(phrase, &[("count", &left_out.to_string())]))
}

fn is_one(values: &Values) -> bool {
    matches!(values, Values::Net(net) if net.prefix_len() == net.max_prefix_len())
}

/// The same where nobody gets the packet, but this or that rule keeps it from them: `None` where most packets meet the same.
pub(super) fn of_nobody(teller: &Teller<'_>) -> Option<String> {
    let cases = cases(teller, &teller.judged);
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
fn by_end<'a>(teller: &'a Teller<'_>) -> Vec<(String, Vec<&'a Outcome>)> {
    let mut ends: Vec<(String, Vec<&Outcome>)> = Vec::new();
    for (outcome, judged) in &teller.judged {
        let end = end(teller, outcome, judged);
        match ends.iter_mut().find(|(known, _)| *known == end) {
            Some((_, outcomes)) => outcomes.push(outcome),
            None => ends.push((end, vec![&**outcome])),
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
    let weights = ends.iter().map(|(_, all)| all.iter().map(|outcome| outcome.weight).sum::<f64>());
    let mut ranks: Vec<_> = weights.map(rank).collect();
    let told = ends.into_iter().zip(&ranks).map(|((end, all), rank)| (end, all, *rank));
    let mut told: Vec<(String, String, _)> =
        with_map(teller, true, |map| told.map(|(end, all, rank)| (map.told(&all).sentence(), end, rank)).collect());
    told.sort_by_key(|(when, ..)| if when.is_empty() { usize::MAX } else { when.chars().count() });
    let (_, last, of_last) = told.pop()?;
    if told.iter().any(|(when, ..)| when.is_empty() || when.chars().count() > BRIEF) {
        return None;
    }
    let cases: Vec<String> =
        told.iter().map(|(when, who, _)| say(Phrase::OneIf, &[("who", who), ("when", when)])).collect();
    ranks.sort();
    // Who gets it is named first, be it of a few packets only.
    let is_rather = of_last == ranks[0] && ranks[0] < ranks[1] && last != say(Phrase::Blocked, &[]);
    let phrase = if is_rather { Phrase::OneBut } else { Phrase::OneElse };
    Some(say(phrase, &[("cases", &cases.join("; ")), ("who", &last)]))
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
fn cases<'a>(teller: &Teller<'_>, told: &'a [Told<'_>]) -> Vec<Case<'a>> {
    let mut cases: Vec<Case<'_>> = Vec::new();
    for (outcome, judged) in told {
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
    let outcomes: Vec<&Outcome> = teller.told().map(|(outcome, _)| &**outcome).collect();
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
        told.map(|case| (when(map, case), ends(teller, case))).collect()
    });
    let is_known = |case: &Case<'_>| end(teller, case.outcomes[0], case.judged) != say(Phrase::Unknown, &[]);
    let is_likelier = cases.len() > 1 && rank(cases[0].weight()) < rank(cases[1].weight()) && is_known(&cases[0]);
    let likeliest = told.first().cloned().filter(|_| is_likelier);
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
    // What befalls most packets is told before the exceptions from it.
    if left_out == 0 && first_long == usize::MAX && likeliest.is_some() && told.last() == likeliest.as_ref() {
        let exceptions: Vec<String> = told[..last].iter().map(|(when, what)| case(when, what)).collect();
        if let Some(sentence) = in_full(teller, &cases).filter(|_| teller.answer.walk.unexplored == 0) {
            return format!("{sentence} {}", but(&exceptions));
        }
        let what = told.pop().map(|(_, what)| what).unwrap_or_default();
        parts = vec![say(Phrase::ButCases, &[("what", &what), ("cases", &exceptions.join("; "))])];
    }
    parts.extend(others(left_out));
    let unexplored = teller.answer.walk.unexplored;
    if unexplored > 0 {
        parts.push(say(Phrase::Unexplored, &[("count", &unexplored.to_string())]));
    }
    phrase::sentence(&format!("{}: {}", say(begin, &[]), parts.join("; ")))
}

/// The likeliest case as an answer of its own, where it takes the packets away from who listens and nobody gets the others.
fn in_full(teller: &Teller<'_>, cases: &[Case<'_>]) -> Option<String> {
    let (first, others) = cases.split_first()?;
    let is_meant = first.judged.verdict == AnswerVerdict::Diverted
        && others.iter().all(|case| case.judged.verdict == AnswerVerdict::Blocked);
    is_meant.then(|| {
        let told = first.outcomes.iter().map(|outcome| (Cow::Borrowed(*outcome), first.judged.clone())).collect();
        teller.alone(first.judged, told)
    })
}

/// `But if src in 10.0.0.0/8, rule 5 of filter INPUT drops it.`
fn but(cases: &[String]) -> String {
    phrase::sentence(&say(Phrase::ButIf, &[("cases", &cases.join("; "))]))
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
        for assumption in teller.told().flat_map(|(outcome, _)| &outcome.assumed) {
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
