//! By which ways a packet leaves that is for nobody here: the device, the router, and what decides where there are several.

use super::because::Teller;
use super::phrase::{Phrase, list, say};
use super::{FEW, cases};
use crate::explain::finding::Cause;
use crate::walk::{Origin, Outcome, Pass, Why};

/// `10.0.0.1 is not an address of this host: the packet is sent out by eth0 via 192.168.1.1`.
pub(super) fn not_here(teller: &Teller<'_>) -> String {
    let mut ways: Vec<(String, Vec<&Outcome>)> = Vec::new();
    let away = teller.judged.iter().filter(|(_, judged)| judged.because.cause == Cause::NotHere);
    for (outcome, _) in away {
        let way = way(teller, outcome);
        match ways.iter_mut().find(|(known, _)| *known == way) {
            Some((_, outcomes)) => outcomes.push(outcome),
            None => ways.push((way, vec![outcome])),
        }
    }
    let dst = teller.judged.first().and_then(|(outcome, _)| {
        let left = left(teller, outcome).and_then(|pass| pass.leaves);
        left.unwrap_or(outcome.fate.endpoints).dst
    });
    let dst = dst.map_or_else(|| say(Phrase::SomeAddress, &[]), |dst| dst.to_string());
    let sent = teller.answer.walk.query.origin == Origin::Local;
    say(if sent { Phrase::SentOn } else { Phrase::Forwarded }, &[("dst", &dst), ("ways", &together(teller, ways))])
}

/// The last time that a packet leaves the namespace that is told of: where it goes on elsewhere, that is told beside this.
fn left<'a>(teller: &Teller<'_>, outcome: &'a Outcome) -> Option<&'a Pass> {
    let (first, others) = outcome.passes.split_first()?;
    let pass = others.iter().rfind(|pass| pass.namespace == teller.namespace).unwrap_or(first);
    (pass.oif.is_some() && pass.leaves.is_some()).then_some(pass)
}

/// Several ways, with what decides between them.
fn together(teller: &Teller<'_>, ways: Vec<(String, Vec<&Outcome>)>) -> String {
    let texts: Vec<String> = ways.iter().map(|(way, _)| way.clone()).collect();
    let any = list(Phrase::Or, &texts, FEW);
    let is_hashed = |outcome: &Outcome| {
        let several = left(teller, outcome).is_some_and(|pass| outcome.routers(pass.number).len() > 1);
        several || outcome.assumed.iter().any(|one| one.why == Why::Hash)
    };
    if ways.iter().flat_map(|(_, outcomes)| outcomes).all(|outcome| is_hashed(outcome)) {
        return say(Phrase::AsHashed, &[("ways", &any)]);
    }
    cases::apart(teller, ways).unwrap_or(any)
}

/// `by eth0 via 192.168.1.1`.
fn way(teller: &Teller<'_>, outcome: &Outcome) -> String {
    let pass = left(teller, outcome);
    let device = pass.and_then(|pass| pass.oif.clone()).or_else(|| outcome.fate.oif.clone());
    let device = device.unwrap_or_else(|| say(Phrase::SomeDevice, &[]));
    let routers = pass.map_or(&[][..], |pass| outcome.routers(pass.number));
    let routers: Vec<String> = routers.iter().map(ToString::to_string).collect();
    match routers.is_empty() {
        true => say(Phrase::ByDevice, &[("device", &device)]),
        false => say(Phrase::ByRouter, &[("device", &device), ("routers", &list(Phrase::Or, &routers, FEW))]),
    }
}
