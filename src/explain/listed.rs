//! Lists of the unwanted: outcomes that rules of one chain refuse, each the packets of another source.
//!
//! A list of banned addresses is one thing to a person, however many rules it takes; and where hardly any of all packets are
//! on it, an answer is about the others. It walks nothing, and leaves the outcomes of a walk as they are.

use std::borrow::Cow;
use std::collections::HashMap;

use super::finding::{AnswerVerdict, Cause, From};
use super::judge::{Judged, same_who};
use super::plausible;
use crate::host::{ChainId, Host};
use crate::walk::{Condition, Field, Op, Outcome, StepAt, Walk};

/// An outcome, or several as one, and what it says.
pub(super) type Told<'a> = (Cow<'a, Outcome>, Judged);

/// So many outcomes that rules of one chain refuse are a list.
const SEVERAL: usize = 3;
/// An answer is about all packets but those that rules refuse, where these are less than so many of them.
const HARDLY_ANY: f64 = 0.001;
/// The same of the packets from the device's own network, where there are few who could ask.
const OF_NEAR: f64 = 0.02;
/// What lists tell packets apart by, should they differ in more than one field: the first of them.
const FIELDS: [Field; 4] = [Field::Src, Field::Dst, Field::Sport, Field::Dport];

/// What the outcomes of a list have in common: the namespace and the chain whose rules refuse them, the field in which they differ,
/// and what else must hold.
type Kind<'a> = (usize, ChainId, Field, Vec<&'a Condition>);

/// A list that an outcome is on.
#[derive(Clone, Copy)]
pub(super) struct List {
    /// The same for all outcomes that are on it, and for no other.
    pub(super) number: usize,
    /// The namespace of the chain.
    pub(super) namespace: usize,
    /// The chain whose rules refuse them.
    pub(super) chain: ChainId,
    /// In what the outcomes differ.
    field: Field,
}

/// The list that each outcome is on, if any.
pub(super) fn lists(all: &[(&Outcome, Judged)]) -> Vec<Option<List>> {
    let mut numbers: HashMap<Kind<'_>, usize> = HashMap::new();
    let mut counts: Vec<usize> = Vec::new();
    let mut on: Vec<Option<List>> = Vec::new();
    for (outcome, judged) in all {
        on.push(kind(outcome, judged).map(|kind| {
            let (namespace, chain, field, _) = kind;
            let number = *numbers.entry(kind).or_insert(counts.len());
            counts.resize(counts.len().max(number + 1), 0);
            counts[number] += 1;
            List { number, namespace, chain, field }
        }));
    }
    on.into_iter().map(|list| list.filter(|list| counts[list.number] >= SEVERAL)).collect()
}

/// Outcomes with those of a list as one, which has the conditions of all of them.
pub(super) fn joined(all: Vec<(&Outcome, Judged)>) -> Vec<Told<'_>> {
    let mut members: HashMap<usize, Vec<usize>> = HashMap::new();
    let lists = lists(&all);
    for (at, list) in lists.iter().enumerate() {
        if let Some(list) = list {
            members.entry(list.number).or_default().push(at);
        }
    }
    let told = lists.iter().enumerate().filter_map(|(at, list)| match list {
        Some(list) => {
            let members = &members[&list.number];
            (members[0] == at).then(|| one(&all, list.field, members))
        }
        None => Some((Cow::Borrowed(all[at].0), all[at].1.clone())),
    });
    told.collect()
}

/// None for an outcome that is on no list.
fn kind<'a>(outcome: &'a Outcome, judged: &Judged) -> Option<Kind<'a>> {
    let is_refused = is_refused_by_rule(judged) && outcome.is_certain();
    let Some(StepAt::Rule(rule)) = judged.because.by.as_ref().filter(|_| is_refused).map(|by| by.at) else {
        return None;
    };
    let [conditions] = &outcome.when[..] else { return None };
    let is_asked = |field: &Field| conditions.iter().any(|one| one.field == *field && one.op == Op::In);
    let field = FIELDS.into_iter().find(is_asked)?;
    let others = conditions.iter().filter(|condition| condition.field != field).collect();
    Some((judged.because.namespace, rule.chain, field, others))
}

fn is_refused_by_rule(judged: &Judged) -> bool {
    matches!(judged.because.cause, Cause::DroppedByRule | Cause::RejectedByRule)
}

/// The outcomes of a list as one.
fn one<'a>(all: &[(&'a Outcome, Judged)], field: Field, list: &[usize]) -> Told<'a> {
    let (first, judged) = &all[list[0]];
    let mut one = (*first).clone();
    let of_field = |at: &usize| all[*at].0.when.iter().flatten().filter(|condition| condition.field == field);
    let values = list.iter().flat_map(of_field).flat_map(|condition| condition.values.iter().cloned()).collect();
    if let Some(condition) = one.when.iter_mut().flatten().find(|condition| condition.field == field) {
        condition.values = values;
    }
    one.weight = list.iter().map(|at| all[*at].0.weight).sum();
    let mut judged = judged.clone();
    let is = |cause: Cause| list.iter().all(|at| all[*at].1.because.cause == cause);
    judged.because.cause = match (is(Cause::DroppedByRule), is(Cause::RejectedByRule)) {
        (true, _) => Cause::DroppedByRules,
        (_, true) => Cause::RejectedByRules,
        _ => Cause::RefusedByRules,
    };
    (Cow::Owned(one), judged)
}

/// Which outcomes are of packets that an answer is not about: rules refuse them, and hardly any of those that could come are
/// among them, while all others end alike.
pub(super) fn exceptions(host: &Host, from: &From, walk: &Walk, counted: &[(&Outcome, Judged)]) -> Vec<bool> {
    let none = vec![false; counted.len()];
    let refused: Vec<bool> =
        counted.iter().map(|(outcome, judged)| is_refused_by_rule(judged) && outcome.is_certain()).collect();
    let of = |wanted: bool| counted.iter().zip(&refused).filter(move |(_, is)| **is == wanted).map(|(one, _)| one);
    let weight = |wanted: bool| of(wanted).map(|(outcome, _)| outcome.weight).sum::<f64>();
    let Some((_, first)) = of(false).next().filter(|_| refused.contains(&true) && walk.unexplored == 0) else {
        return none;
    };
    let is_told = !matches!(first.verdict, AnswerVerdict::Depends | AnswerVerdict::Blocked);
    let alike = of(false).all(|(_, other)| other.verdict == first.verdict && same_who(host, &first.who, &other.who));
    let few = weight(true) < HARDLY_ANY * (weight(true) + weight(false));
    if !is_told || !alike || !few {
        return none;
    }
    let ns = &host.namespaces[walk.query.namespace];
    let near = plausible::near(ns, from, &walk.query);
    let is_few_of_near = near.is_empty() || {
        let sources = of(true).map(|(outcome, _)| plausible::sources_of(outcome, &near).size());
        sources.sum::<f64>() < OF_NEAR * near.size()
    };
    if is_few_of_near { refused } else { none }
}
