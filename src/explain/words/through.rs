//! The ports that rules let packets through to, in words.

use super::phrase::{Phrase, list, say};
use super::{from, version};
use crate::explain::finding::{LetThrough, PortEntry};
use crate::walk::ValueSet;

/// At most this many ports and ranges of a protocol are told.
const PORTS: usize = 24;

/// A line that says what they are, and one for each protocol, place and family. What is `listed` is told of without them.
pub(super) fn lines(all: &[LetThrough], listed: &[PortEntry]) -> Vec<String> {
    let Some(first) = all.first() else { return Vec::new() };
    let (several, both) =
        (all.iter().any(|one| one.from != first.from), all.iter().any(|one| one.family != first.family));
    let line = |one: &LetThrough| {
        let place = several.then(|| from(&one.from));
        let place = place.into_iter().chain(both.then(|| version(one.family)));
        let place: String = place.map(|place| format!(", {place}")).collect();
        let name = format!("{}{place}", one.protocol);
        let listed = listed.iter().filter(|entry| entry.protocol == one.protocol);
        let listed = ValueSet::from_ranges(listed.map(|entry| (entry.port.into(), entry.last.into())));
        say(Phrase::PortsThrough, &[("protocol", &name), ("ports", &ports(one, &listed))])
    };
    let title = if listed.is_empty() { Phrase::LetThroughPorts } else { Phrase::LetThroughOthers };
    [say(title, &[])].into_iter().chain(all.iter().map(line)).collect()
}

fn ports(one: &LetThrough, listed: &ValueSet) -> String {
    let all = ValueSet::range(1, 0xffff).minus(listed);
    let (always, sometimes) = (one.always.minus(listed), one.sometimes.minus(listed));
    let others = all.minus(&always);
    if others.is_empty() {
        return say(Phrase::AllPorts, &[]);
    }
    let some = match sometimes == all {
        true => say(Phrase::SomeOfAll, &[]),
        false => say(Phrase::SomeOf, &[("ports", &told(&sometimes))]),
    };
    let is_most = always.size() > 32768.0;
    match (always.is_empty(), sometimes.is_empty()) {
        (true, true) => say(Phrase::NoPort, &[]),
        (true, false) => some,
        (false, true) if !is_most => told(&always),
        (false, false) if !is_most => format!("{}; {some}", told(&always)),
        (false, _) if sometimes == others => say(Phrase::AllButSome, &[("some", &some)]),
        (false, true) => say(Phrase::AllPortsBut, &[("ports", &told(&others))]),
        (false, false) => format!("{}; {some}", say(Phrase::AllPortsBut, &[("ports", &told(&others))])),
    }
}

fn told(ports: &ValueSet) -> String {
    let one = |(first, last): &(u128, u128)| match first == last {
        true => first.to_string(),
        false => format!("{first}–{last}"),
    };
    list(Phrase::And, &ports.ranges().iter().map(one).collect::<Vec<_>>(), PORTS)
}
