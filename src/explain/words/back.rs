//! What becomes of an answer, in a sentence: told where it does not come back.

use super::because::Teller;
use super::cases::BRIEF;
use super::phrase::{Phrase, say, sentence};
use super::rules;
use super::when::Map;
use crate::explain::back::{Back, back, replies_to};
use crate::explain::finding::Answer;
use crate::explain::{judge, plausible};
use crate::host::Host;
use crate::walk::{Assumption, FateKind, Origin, Outcome, Query, Reason, Turn, Walk};

/// That the answer is lost on its way back, if it is; nothing where it is not known to be.
pub(super) fn lost(teller: &Teller<'_>) -> Option<String> {
    let replies = teller.answer.replies.as_ref()?;
    let real = plausible(teller, replies);
    let told: Vec<&Outcome> = teller
        .judged
        .iter()
        .flat_map(|(outcome, _)| replies_to(outcome, replies))
        .filter(|reply| real.iter().any(|one| std::ptr::eq(*one, *reply)))
        .collect();
    lost_among(teller, &replies.query, &told)
}

/// What becomes of the answers of an answer's own walk: of a question that was about them.
pub(super) fn of_replies(host: &Host, namespace: usize, answer: &Answer) -> String {
    let teller = Teller::of(host, namespace, answer, |_, _, _| String::new());
    let query = &answer.walk.query;
    let replies: Vec<&Outcome> =
        plausible(&teller, &answer.walk).into_iter().filter(|one| one.turn == Turn::Reply).collect();
    if let Some(lost) = lost_among(&teller, query, &replies) {
        return lost;
    }
    let is = |wanted: Back| replies.iter().all(|reply| back(host, query, reply) == wanted);
    sentence(&match replies.is_empty() {
        true => say(Phrase::NoAnswer, &[]),
        false if is(Back::Arrives) => say(Phrase::AnswerArrives, &[]),
        false => say(Phrase::AnswerGoesOn, &[]),
    })
}

fn lost_among(teller: &Teller<'_>, query: &Query, replies: &[&Outcome]) -> Option<String> {
    let lost = [Phrase::AnswerLost, Phrase::AnswersLost, Phrase::AnswersLostIf];
    let elsewhere = [Phrase::AnswerElsewhere, Phrase::AnswersElsewhere, Phrase::AnswersElsewhereIf];
    told(teller, query, replies, Back::Lost, lost).or_else(|| told(teller, query, replies, Back::Elsewhere, elsewhere))
}

/// What becomes of the answers that come to this: told of all of them, of some, or of those of which it can be told when.
fn told(
    teller: &Teller<'_>,
    query: &Query,
    replies: &[&Outcome],
    wanted: Back,
    [all, some, some_if]: [Phrase; 3],
) -> Option<String> {
    let is_it = |reply: &&Outcome| back(teller.host, query, reply) == wanted;
    let those: Vec<(&Outcome, String)> =
        replies.iter().copied().filter(is_it).map(|reply| (reply, clause(teller, query, reply))).collect();
    let (_, what) = those.first()?;
    if those.len() == replies.len() {
        return Some(sentence(&say(all, &[("what", what)])));
    }
    let alike: Vec<&Outcome> = those.iter().filter(|(_, other)| other == what).map(|(reply, _)| *reply).collect();
    let when = when(teller, query, replies, &alike);
    Some(sentence(&match when.is_empty() || when.chars().count() > BRIEF {
        true => say(some, &[("what", what)]),
        false => say(some_if, &[("when", &when), ("what", what)]),
    }))
}

/// When some of the answers come about, of those to packets that count.
fn when(teller: &Teller<'_>, query: &Query, replies: &[&Outcome], some: &[&Outcome]) -> String {
    let clause = |_: &Assumption| String::new();
    let asked = match &teller.judged[..] {
        [(outcome, _)] => Some(&**outcome),
        _ => None,
    };
    let map = Map::of(query, replies.iter().copied().chain(asked), |_| false, &clause);
    let map = match asked {
        Some(asked) => map.within(asked),
        None => map,
    };
    let sources = plausible::sources(teller.ns, &teller.answer.from, query);
    map.only(replies, sources.as_ref()).told(some).sentence()
}

/// The answers to packets that somebody could really send from there.
fn plausible<'w>(teller: &Teller<'_>, walk: &'w Walk) -> Vec<&'w Outcome> {
    let ns = &teller.host.namespaces[walk.query.namespace];
    let real = plausible::outcomes(ns, &teller.answer.from, walk).into_iter().map(|at| &walk.outcomes[at]);
    real.filter(|one| !is_to_all(one)).collect()
}

/// Whether who asked has an address that is everybody's: nobody really has.
fn is_to_all(reply: &Outcome) -> bool {
    reply.fate.reason == Some(Reason::Broadcast)
}

/// What an answer is lost to, as a clause; `None`: it is not known to be lost, or nobody could really have asked.
pub(super) fn lost_to(host: &Host, namespace: usize, answer: &Answer, reply: &Outcome) -> Option<String> {
    let replies = answer.replies.as_ref()?;
    if back(host, &replies.query, reply) != Back::Lost || is_to_all(reply) {
        return None;
    }
    let teller = Teller::of(host, namespace, answer, |_, _, _| String::new());
    let is_real = plausible(&teller, replies).iter().any(|real| std::ptr::eq(*real, reply));
    is_real.then(|| clause(&teller, &replies.query, reply))
}

fn clause(teller: &Teller<'_>, query: &Query, reply: &Outcome) -> String {
    if let (Back::Elsewhere, Origin::Device(asked), Some(by)) =
        (back(teller.host, query, reply), &query.origin, &reply.fate.oif)
    {
        return say(Phrase::LeavesElsewhere, &[("by", by), ("asked", asked)]);
    }
    match reply.fate.kind {
        FateKind::Delivered | FateKind::Forwarded | FateKind::Sent => {
            let from = rules::endpoint(reply.fate.endpoints.src, reply.fate.endpoints.sport);
            let from = from.unwrap_or_else(|| say(Phrase::SomeAddress, &[]));
            say(Phrase::AnswerAstray, &[("from", &from)])
        }
        FateKind::Dropped
        | FateKind::Rejected
        | FateKind::Queued
        | FateKind::Diverted
        | FateKind::Unroutable
        | FateKind::Martian
        | FateKind::Unknown => {
            let judged = judge::outcome(teller.host, None, None, &teller.answer.walk.query, reply);
            teller.blocking(&judged.because, Some(reply))
        }
    }
}
