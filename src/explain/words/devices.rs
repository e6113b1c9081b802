//! Devices by which nothing comes or goes, whatever rules say: told beside what would become of a packet.

use super::because::Teller;
use super::phrase::{Phrase, say, sentence_of_name};
use crate::explain::finding::From;
use crate::explain::{outside, queries};
use crate::host::{Link, What};
use crate::walk::{FateKind, Origin};

/// That a device is down, or has no carrier: the one that the packet would come in by or leave by, or one by which others would
/// ask, were it up.
pub(super) fn dead(teller: &Teller<'_>) -> Option<String> {
    let ns = teller.ns;
    if !ns.is_read(What::Links) {
        return None;
    }
    let asked = match &teller.answer.walk.query.origin {
        Origin::Device(name) => ns.link(name),
        Origin::Somewhere | Origin::Local => None,
    };
    let mut told: Vec<String> = asked.and_then(comes_by).into_iter().collect();
    if told.is_empty() && matches!(teller.answer.from, From::Outside(_)) {
        let family = teller.answer.walk.query.family;
        let down = outside::down(ns, family).filter(|_| !queries::has_default_route(ns, family));
        told.extend(down.filter_map(comes_by));
    }
    let leaves = teller.judged.iter().filter(|(outcome, _)| {
        matches!(outcome.fate.kind, FateKind::Forwarded | FateKind::Sent) && outcome.fate.namespace == teller.namespace
    });
    let by = leaves.filter_map(|(outcome, _)| ns.link(outcome.fate.oif.as_deref()?));
    told.extend(by.filter(|link| !link.carrier).map(|link| about(Phrase::NoCarrierOut, link)));
    told.dedup();
    (!told.is_empty()).then(|| told.join(" "))
}

fn comes_by(link: &Link) -> Option<String> {
    match (link.up, link.carrier) {
        (false, _) => Some(about(Phrase::DeviceDown, link)),
        (true, false) => Some(about(Phrase::NoCarrier, link)),
        (true, true) => None,
    }
}

fn about(phrase: Phrase, link: &Link) -> String {
    sentence_of_name(&say(phrase, &[("device", &link.name)]))
}
