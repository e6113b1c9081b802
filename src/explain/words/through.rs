//! The ports that rules let packets through to, in words.

use super::phrase::{Phrase, list, say};
use super::{from, version};
use crate::explain::finding::LetThrough;
use crate::walk::ValueSet;

/// At most this many ports and ranges of a protocol are told.
const PORTS: usize = 24;

/// A line that says what they are (`others`: some are listed above), and one for each protocol, place and family.
pub(super) fn lines(all: &[LetThrough], others: bool) -> Vec<String> {
    let Some(first) = all.first() else { return Vec::new() };
    let (several, both) =
        (all.iter().any(|one| one.from != first.from), all.iter().any(|one| one.family != first.family));
    let line = |one: &LetThrough| {
        let place = several.then(|| from(&one.from));
        let place = place.into_iter().chain(both.then(|| version(one.family)));
        let place: String = place.map(|place| format!(", {place}")).collect();
        let name = format!("{}{place}", one.protocol);
        say(Phrase::PortsThrough, &[("protocol", &name), ("ports", &ports(one))])
    };
    let title = if others { Phrase::LetThroughOthers } else { Phrase::LetThroughPorts };
    [say(title, &[])].into_iter().chain(all.iter().map(line)).collect()
}

fn ports(one: &LetThrough) -> String {
    let all = ValueSet::range(1, 0xffff);
    let closed = all.minus(&one.always).minus(&one.sometimes);
    let always = match (one.always.is_empty(), closed.is_empty() && one.sometimes.is_empty()) {
        (true, _) => None,
        (_, true) => Some(say(Phrase::AllPorts, &[])),
        _ if one.always.size() > 32768.0 => {
            Some(say(Phrase::AllPortsBut, &[("ports", &told(&all.minus(&one.always)))]))
        }
        _ => Some(told(&one.always)),
    };
    let some = (!one.sometimes.is_empty()).then(|| say(Phrase::SomeOf, &[("ports", &told(&one.sometimes))]));
    match [always, some].into_iter().flatten().collect::<Vec<_>>() {
        none if none.is_empty() => say(Phrase::NoPort, &[]),
        parts => parts.join("; "),
    }
}

fn told(ports: &ValueSet) -> String {
    let one = |(first, last): &(u128, u128)| match first == last {
        true => first.to_string(),
        false => format!("{first}–{last}"),
    };
    list(Phrase::And, &ports.ranges().iter().map(one).collect::<Vec<_>>(), PORTS)
}
