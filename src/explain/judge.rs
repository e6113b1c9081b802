//! What the outcomes of one walk say of a port: who answers, and the step that decides it.
//!
//! It judges what a walk found and walks nothing itself. Where outcomes disagree it says so; which of them are worth a
//! judgement is [`super::plausible`]'s to tell.

use std::collections::HashSet;

use super::finding::{Answer, AnswerVerdict, Cause, Finding, From, Target, Who};
use super::{listed, plausible, sockets};
use crate::host::{Body, Hook, Host, Namespace, Policy, Protocol, What, nft};
use crate::walk::{
    Assumed, Endpoints, Fate, FateKind, Field, Origin, Outcome, Query, Share, Step, StepAt, Verdict, Walk,
};

/// What one outcome says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Judged {
    /// In short.
    pub(super) verdict: AnswerVerdict,
    /// Who gets the packet.
    pub(super) who: Who,
    /// What decides.
    pub(super) because: Finding,
}

/// Who answers, judged from all outcomes that count.
pub(super) fn judge(host: &Host, target: &Target, from: From, mut walk: Walk) -> Answer {
    let ns = &host.namespaces[walk.query.namespace];
    plausible::first(ns, &from, &mut walk);
    let expected = target.socket.filter(|_| asks_this_host(ns, &walk.query));
    let holder = expected.or_else(|| holder(ns, target, &walk.query));
    let chosen = plausible::outcomes(ns, &from, &walk);
    let judged = chosen.iter().map(|i| {
        let one = &walk.outcomes[*i];
        (one, outcome(host, expected, holder, &walk.query, one))
    });
    let judged: Vec<(&Outcome, Judged)> = judged.collect();
    let excepted = listed::exceptions(host, &from, &walk, &judged);
    let judged = judged.into_iter().zip(excepted).filter(|(_, excepted)| !excepted).map(|(one, _)| one);
    let (counted, judged): (Vec<&Outcome>, Vec<Judged>) = judged.unzip();
    let ends = counted.iter().map(|one| end(&walk.query, &one.fate)).collect();
    let others = if walk.unexplored > 0 { others(host, &from, [expected, holder], &walk) } else { Some(Vec::new()) };
    let Judged { verdict, who, because } = together(host, &walk, judged, ends, others, holder);
    // Rules that nobody has seen may send it anywhere: `who` gets it if they do not.
    let verdict = if rests_on_unread_rules(&from, ns, &walk) { AnswerVerdict::Depends } else { verdict };
    Answer { from, family: walk.query.family, verdict, who, because, walk, replies: None, told: None }
}

/// Whether this becomes of the packets that an answer is about, or of some of them.
pub(super) fn may_be(host: &Host, answer: &Answer, verdict: AnswerVerdict) -> bool {
    answer.verdict == verdict || counted(host, answer).any(|(_, judged)| judged.verdict == verdict)
}

/// The outcomes of an answer that count, with what each says.
pub(super) fn counted<'a>(host: &'a Host, answer: &'a Answer) -> impl Iterator<Item = (&'a Outcome, Judged)> {
    let ns = &host.namespaces[answer.walk.query.namespace];
    let counted = plausible::outcomes(ns, &answer.from, &answer.walk).into_iter();
    counted.map(move |index| {
        let outcome = &answer.walk.outcomes[index];
        (outcome, of_answer(host, answer, outcome))
    })
}

/// What an outcome of an answer says.
pub(super) fn of_answer(host: &Host, answer: &Answer, one: &Outcome) -> Judged {
    let holder = answer.because.holder;
    outcome(host, holder, holder, &answer.walk.query, one)
}

/// What decides in each of the outcomes that count, or ends their way, with the index of the namespace in which it stands.
pub(super) fn deciders(host: &Host, answer: &Answer) -> Vec<(usize, StepAt)> {
    let of_outcome = |(one, Judged { because, .. }): (&Outcome, Judged)| {
        let ends = one.fate.by.as_ref().and_then(|by| Some((one.pass(by.pass)?.namespace, by.at)));
        [because.by.map(|by| (because.namespace, by.at)), ends]
    };
    let because = answer.because.by.as_ref().map(|by| (answer.because.namespace, by.at));
    counted(host, answer).flat_map(of_outcome).flatten().chain(because).collect()
}

/// Whether an outcome that counts is there only if rules that were not read, or not all of one moment, change nothing.
pub(super) fn rests_on_unread_rules(from: &From, ns: &Namespace, walk: &Walk) -> bool {
    let assumed = plausible::outcomes(ns, from, walk).into_iter().flat_map(|index| &walk.outcomes[index].assumed);
    assumed.into_iter().any(|assumption| matches!(assumption.what, Assumed::UnreadRulesPass(_) | Assumed::Torn(_)))
}

/// Whether the packet asks for an address of this host: no socket here is meant by any other.
fn asks_this_host(ns: &Namespace, query: &Query) -> bool {
    let Some(dst) = query.known_address(Field::Dst).filter(|dst| !dst.is_loopback()) else {
        return true;
    };
    !ns.is_read(What::Addresses) || ns.addresses.iter().any(|address| address.addr() == dst)
}

/// The socket that would get the packet if nothing stood in its way.
fn holder(ns: &Namespace, target: &Target, query: &Query) -> Option<usize> {
    let device = match &query.origin {
        Origin::Device(name) => Some(name.as_str()),
        Origin::Somewhere | Origin::Local => None,
    };
    let port = target.port.filter(|_| asks_this_host(ns, query))?;
    sockets::listener(ns, query.protocol, query.family, query.known_address(Field::Dst), port, device)
}

/// What a single outcome says. `expected`: the socket that was asked about; `holder`: it, or the one that would get
/// the packet if nothing stood in its way.
pub(super) fn outcome(
    host: &Host,
    expected: Option<usize>,
    holder: Option<usize>,
    query: &Query,
    outcome: &Outcome,
) -> Judged {
    let fate = &outcome.fate;
    let translation = translation(outcome);
    let judged = |verdict, who, cause, by: Option<Step>| {
        let leads = by.as_ref().map_or_else(Vec::new, |by| leads(outcome, by));
        let pass = by.as_ref().and_then(|by| outcome.pass(by.pass));
        let namespace = pass.map_or(fate.namespace, |pass| pass.namespace);
        Judged { verdict, who, because: Finding { cause, namespace, by, leads, holder } }
    };
    let decider = fate.by.clone();
    match fate.kind {
        FateKind::Delivered => {
            let decider = translation.or_else(|| fate.socket.and_then(|_| handed(host, outcome)));
            let (verdict, who, cause) = delivered(host, [expected, holder], query, fate, decider.is_some());
            let by = if verdict == AnswerVerdict::Reached { None } else { decider };
            judged(verdict, who, cause, by)
        }
        FateKind::Forwarded | FateKind::Sent => {
            let who = Who::Address { endpoints: fate.endpoints, oif: fate.oif.clone() };
            match (translation, expected) {
                (Some(by), _) => judged(AnswerVerdict::Diverted, who, Cause::Translated, Some(by)),
                (None, Some(_)) => judged(AnswerVerdict::Diverted, who, Cause::NotHere, None),
                (None, None) => judged(AnswerVerdict::Reached, who, Cause::NotHere, None),
            }
        }
        FateKind::Dropped => match (&decider, fate.reason) {
            (Some(Step { verdict: Verdict::Policy(Policy::Drop | Policy::Accept), .. }), _) => {
                judged(AnswerVerdict::Blocked, Who::Nobody, Cause::DroppedByPolicy, decider)
            }
            (Some(_), _) => judged(AnswerVerdict::Blocked, Who::Nobody, Cause::DroppedByRule, decider),
            (None, Some(reason)) => judged(AnswerVerdict::Blocked, Who::Nobody, Cause::Kernel(reason), translation),
            (None, None) => judged(AnswerVerdict::Depends, Who::Unknown, Cause::Undecided, None),
        },
        FateKind::Rejected => judged(AnswerVerdict::Blocked, Who::Nobody, Cause::RejectedByRule, decider),
        FateKind::Queued => judged(AnswerVerdict::Depends, Who::Unknown, Cause::Queued, decider),
        FateKind::Diverted => {
            let cause = fate.reason.map_or(Cause::SentAside, Cause::Kernel);
            judged(AnswerVerdict::Depends, Who::Unknown, cause, decider)
        }
        FateKind::Unroutable | FateKind::Martian => {
            let cause = fate.reason.map_or(Cause::Undecided, Cause::Kernel);
            judged(AnswerVerdict::Blocked, Who::Nobody, cause, translation)
        }
        FateKind::Unknown => judged(AnswerVerdict::Depends, Who::Unknown, Cause::Undecided, decider),
    }
}

/// Who gets what is delivered. `expected` and `holder` as of [`outcome`].
fn delivered(
    host: &Host,
    [expected, holder]: [Option<usize>; 2],
    query: &Query,
    fate: &Fate,
    translated: bool,
) -> (AnswerVerdict, Who, Cause) {
    let there = &host.namespaces[fate.namespace];
    let is_elsewhere = fate.namespace != query.namespace;
    // Who asks for an address of another host gets there what was asked for.
    let elsewhere = if translated || expected.is_some() { AnswerVerdict::Diverted } else { AnswerVerdict::Reached };
    let Some(socket) = fate.socket else {
        return if is_elsewhere && there.is_read(What::Sockets) {
            // Whether something answers there or not: it is not this host that is asked.
            let who = Who::Address { endpoints: fate.endpoints, oif: None };
            (elsewhere, who, if translated { Cause::Translated } else { Cause::NotHere })
        } else if matches!(query.protocol, Protocol::ICMP | Protocol::ICMPV6) {
            match sockets::echo_ignored(there, query.family, fate.endpoints.dst) {
                None => (AnswerVerdict::Reached, Who::Kernel, Cause::KernelAnswers),
                Some(_) => (AnswerVerdict::Unanswered, Who::Nobody, Cause::EchoIgnored),
            }
        } else if !there.is_read(What::Sockets) {
            (AnswerVerdict::Depends, Who::Unknown, Cause::Undecided)
        } else {
            (AnswerVerdict::Unanswered, Who::Nobody, Cause::NobodyListens)
        };
    };
    let who = Who::Socket {
        socket,
        namespace: fate.namespace,
        processes: there.sockets.get(socket).map_or_else(Vec::new, |socket| socket.processes.clone()),
        group: sockets::group(there, fate.socket, &fate.endpoints),
    };
    let is = |other: Option<usize>| {
        !is_elsewhere
            && other.is_some_and(|other| {
                other == socket
                    || there
                        .sockets
                        .get(other)
                        .zip(there.sockets.get(socket))
                        .is_some_and(|(a, b)| sockets::are_twins(a, b))
            })
    };
    if is_elsewhere {
        (elsewhere, who, if translated { Cause::Translated } else { Cause::NotHere })
    } else if translated && !is(holder) {
        (AnswerVerdict::Diverted, who, Cause::Redirected)
    } else if expected.is_some() && !is(expected) {
        (AnswerVerdict::Diverted, who, Cause::AnotherSocket)
    } else {
        (AnswerVerdict::Reached, who, Cause::SocketListens)
    }
}

/// The first step that translated the packet's destination: the one that takes it away from who was asked.
pub(super) fn translation(outcome: &Outcome) -> Option<Step> {
    outcome
        .steps()
        .find(|step| match step.verdict {
            Verdict::Dnat(_) | Verdict::Redirect(_) => true,
            Verdict::Netmap(_) => matches!(step.hook, Hook::Prerouting | Hook::Output),
            _ => false,
        })
        .cloned()
}

/// The step of the last rule that may have given the packet to a transparent socket (`TPROXY`, `tproxy`).
fn handed(host: &Host, outcome: &Outcome) -> Option<Step> {
    let hands = |step: &&Step| {
        let StepAt::Rule(id) = step.at else { return false };
        let namespace = outcome.pass(step.pass).map_or(outcome.fate.namespace, |pass| pass.namespace);
        match &host.namespaces[namespace].ruleset.rule(id).body {
            Body::Iptables(_) => matches!(step.verdict, Verdict::Tproxy),
            Body::Nft(rule) => rule.expressions.iter().any(|does| matches!(does, nft::Expression::Tproxy { .. })),
        }
    };
    outcome.steps().filter(hands).last().cloned()
}

/// The jumps that lead from the base chain to a step, outermost first.
pub(super) fn leads(outcome: &Outcome, by: &Step) -> Vec<Step> {
    let same = |step: &&Step| step.pass == by.pass && step.hook == by.hook && step.base == by.base;
    let before: Vec<&Step> = outcome.steps().take_while(|step| *step != by).filter(same).collect();
    let mut leads = Vec::new();
    let mut chain = by.at.chain();
    for step in before.into_iter().rev() {
        let leads_there = match step.verdict {
            Verdict::Jump(to) | Verdict::Goto(to) => to == chain && matches!(step.at, StepAt::Rule(_)),
            _ => false,
        };
        if chain != by.base && leads_there {
            leads.push(step.clone());
            chain = step.at.chain();
        }
    }
    leads.reverse();
    leads
}

/// What all outcomes say together.
fn together(
    host: &Host,
    walk: &Walk,
    judged: Vec<Judged>,
    ends: Option<Vec<Endpoints>>,
    others: Option<Vec<Told>>,
    holder: Option<usize>,
) -> Judged {
    let depends = |cause| Judged {
        verdict: AnswerVerdict::Depends,
        who: Who::Unknown,
        because: Finding { cause, namespace: walk.query.namespace, by: None, leads: Vec::new(), holder },
    };
    let Some(first) = judged.first().cloned() else {
        return depends(Cause::Undecided);
    };
    let Some(others) = others.filter(|others| others.iter().all(|other| other.verdict == first.verdict)) else {
        return depends(Cause::OutcomesDiffer);
    };
    if judged.iter().any(|other| other.verdict != first.verdict) {
        return depends(Cause::OutcomesDiffer);
    }
    let mut all = judged.iter().map(|other| &other.who).chain(others.iter().map(|other| &other.who));
    if all.all(|other| same_who(host, &first.who, other)) {
        // Where nobody knows who gets it, there may be several reasons.
        let at = |judged: &Judged| (judged.because.cause, judged.because.by.as_ref().map(|by| by.at));
        let is_open = first.verdict == AnswerVerdict::Depends && judged.iter().any(|other| at(other) != at(&first));
        return if is_open { depends(Cause::OutcomesDiffer) } else { first };
    }
    let ends = match others.is_empty() {
        true => ends,
        false => others.iter().map(|other| other.end).collect(),
    };
    match ends {
        Some(ends) => Judged { who: Who::OneOf(distinct(ends)), ..first },
        None => {
            Judged { who: Who::Unknown, because: Finding { cause: Cause::OutcomesDiffer, ..first.because }, ..first }
        }
    }
}

/// Whether two answers come from the same one: the same address and port, or the same or an equally bound socket.
pub(super) fn same_who(host: &Host, a: &Who, b: &Who) -> bool {
    match (a, b) {
        (Who::Address { endpoints: a, .. }, Who::Address { endpoints: b, .. }) => (a.dst, a.dport) == (b.dst, b.dport),
        (Who::Socket { socket: a, namespace: m, .. }, Who::Socket { socket: b, namespace: n, .. }) => {
            let at = |n: &usize, socket: &usize| host.namespaces[*n].sockets.get(*socket);
            m == n && (a == b || at(m, a).zip(at(n, b)).is_some_and(|(a, b)| sockets::are_twins(a, b)))
        }
        (Who::OneOf(a), Who::OneOf(b)) => a == b,
        (Who::Kernel, Who::Kernel) | (Who::Nobody, Who::Nobody) | (Who::Unknown, Who::Unknown) => true,
        (Who::Address { .. } | Who::Socket { .. } | Who::OneOf(_) | Who::Kernel | Who::Nobody | Who::Unknown, _) => {
            false
        }
    }
}

/// What is told of packets without their way.
struct Told {
    verdict: AnswerVerdict,
    who: Who,
    /// Where they end up, if that is not this host.
    end: Option<Endpoints>,
}

/// What becomes of all packets that count, where not all of their ways were followed; `None`: nobody knows. `expected` and
/// `holder` as of [`outcome`].
fn others(host: &Host, from: &From, wanted: [Option<usize>; 2], walk: &Walk) -> Option<Vec<Told>> {
    let query = &walk.query;
    let told = |share: &Share| {
        let fate = Fate {
            kind: share.kind,
            namespace: share.namespace,
            oif: None,
            endpoints: share.to,
            socket: share.socket,
            by: None,
            reason: share.reason,
        };
        let (verdict, who) = match share.kind {
            FateKind::Delivered => {
                let (verdict, who, _) = delivered(host, wanted, query, &fate, share.translated);
                (verdict, who)
            }
            FateKind::Forwarded | FateKind::Sent => {
                let is_diverted = share.translated || wanted[0].is_some();
                let verdict = if is_diverted { AnswerVerdict::Diverted } else { AnswerVerdict::Reached };
                (verdict, Who::Address { endpoints: share.to, oif: None })
            }
            FateKind::Dropped | FateKind::Rejected | FateKind::Unroutable | FateKind::Martian => {
                (AnswerVerdict::Blocked, Who::Nobody)
            }
            FateKind::Queued | FateKind::Diverted | FateKind::Unknown => (AnswerVerdict::Depends, Who::Unknown),
        };
        Told { verdict, who, end: end(query, &fate) }
    };
    let shares = plausible::shares(&host.namespaces[query.namespace], from, walk);
    (!shares.is_empty()).then(|| shares.into_iter().map(told).collect())
}

/// Where packets end up, if that is not this host; `None`: nowhere, or here.
fn end(query: &Query, fate: &Fate) -> Option<Endpoints> {
    let elsewhere = match fate.kind {
        FateKind::Forwarded | FateKind::Sent => true,
        FateKind::Delivered => fate.namespace != query.namespace,
        FateKind::Dropped
        | FateKind::Rejected
        | FateKind::Queued
        | FateKind::Diverted
        | FateKind::Unroutable
        | FateKind::Martian
        | FateKind::Unknown => false,
    };
    elsewhere.then_some(fate.endpoints)
}

/// The addresses without those that are there twice.
fn distinct(mut ends: Vec<Endpoints>) -> Vec<Endpoints> {
    let mut known = HashSet::new();
    ends.retain(|end| known.insert((end.dst, end.dport)));
    ends
}
