//! Sets of packets as alternatives, each of which says what single things may be: joined, and put in the fewest words.
//!
//! It knows neither fields nor words: a thing is an axis with a domain, and what a statement costs is the caller's to say.

use std::collections::BTreeMap;

use crate::walk::ValueSet;

/// More alternatives than this are told as they are.
const MANY: usize = 48;
/// A difference that falls into more parts than this is not looked at.
const PARTS: usize = 256;

/// A thing that alternatives speak of, by its place among the domains.
pub(super) type Axis = usize;

/// What it costs to say that a thing has one of these values, of those it may have.
pub(super) type Cost<'c> = &'c dyn Fn(Axis, &ValueSet, &ValueSet) -> usize;

/// Some of the packets: those whose things have these values. What is not named may be anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Part(BTreeMap<Axis, ValueSet>);

impl Part {
    /// Says that a thing has one of these values, beside what is said already.
    pub(super) fn narrow(&mut self, axis: Axis, values: &ValueSet) {
        self.0.entry(axis).and_modify(|known| *known = known.and(values)).or_insert_with(|| values.clone());
    }

    /// What is said, thing by thing.
    pub(super) fn said(&self) -> impl Iterator<Item = (Axis, &ValueSet)> {
        self.0.iter().map(|(axis, values)| (*axis, values))
    }

    /// What is said of one thing.
    pub(super) fn of(&self, axis: Axis) -> Option<&ValueSet> {
        self.0.get(&axis)
    }

    fn and(&self, other: &Part) -> Option<Part> {
        let mut both = self.clone();
        other.said().for_each(|(axis, values)| both.narrow(axis, values));
        both.0.values().all(|values| !values.is_empty()).then_some(both)
    }

    fn within(&self, other: &Part) -> bool {
        other.said().all(|(axis, values)| self.of(axis).is_some_and(|own| own.within(values)))
    }

    /// The packets that are not in the other, in disjoint parts.
    fn minus(&self, other: &Part, domains: &[ValueSet]) -> Vec<Part> {
        if self.and(other).is_none() {
            return vec![self.clone()];
        }
        let mut left = self.clone();
        let mut parts = Vec::new();
        for (axis, values) in other.said() {
            let own = left.of(axis).unwrap_or(&domains[axis]).clone();
            let outside = own.minus(values);
            if !outside.is_empty() {
                let mut part = left.clone();
                part.0.insert(axis, outside);
                parts.push(part);
            }
            left.0.insert(axis, own.and(values));
        }
        parts
    }

    /// Without what holds for every packet; `None`: no packet is meant.
    fn plain(mut self, domains: &[ValueSet]) -> Option<Part> {
        self.0.iter_mut().for_each(|(axis, values)| *values = values.and(&domains[*axis]));
        let is_none = self.0.values().any(ValueSet::is_empty);
        self.0.retain(|axis, values| !domains[*axis].within(values));
        (!is_none).then_some(self)
    }

    fn cost(&self, domains: &[ValueSet], cost: Cost<'_>) -> usize {
        self.said().map(|(axis, values)| cost(axis, values, &domains[axis])).sum()
    }
}

/// Packets in words: those of the alternatives, but for those of the exceptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// None: no packet. One that says nothing: every packet.
    pub(super) any: Vec<Part>,
    /// What is left out of the one alternative that there is then.
    pub(super) unless: Vec<Part>,
    /// What things may be within the alternatives: for the exceptions.
    pub(super) within: Vec<ValueSet>,
}

/// The shortest way to say which packets are in one of the parts. `domains` has what each axis may be; it does not matter
/// what is said of `free` packets.
pub(super) fn told(parts: Vec<Part>, free: &[Part], domains: &[ValueSet], cost: Cost<'_>) -> Told {
    let any = fewest(parts, free, domains, cost);
    let plain = |any| Told { any, unless: Vec::new(), within: domains.to_vec() };
    if any.len() < 2 || any.len() > MANY {
        return plain(any);
    }
    let whole = around(&any, domains);
    let within: Vec<ValueSet> =
        domains.iter().enumerate().map(|(axis, all)| whole.of(axis).unwrap_or(all).clone()).collect();
    let Some(left) = left_of(&whole, &[&any[..], free].concat(), domains) else { return plain(any) };
    let unless = fewest(left, free, &within, cost);
    // Each alternative beyond the first takes a word, and so does each exception.
    let price =
        |parts: &[Part], domains: &[ValueSet]| parts.iter().map(|part| part.cost(domains, cost) + 1).sum::<usize>();
    if price(std::slice::from_ref(&whole), domains) + price(&unless, &within) < price(&any, domains) {
        return Told { any: vec![whole], unless, within };
    }
    plain(any)
}

/// The same packets in as few parts as are found, each with as little said as possible; parts may overlap then.
fn fewest(parts: Vec<Part>, free: &[Part], domains: &[ValueSet], cost: Cost<'_>) -> Vec<Part> {
    let mut parts: Vec<Part> = parts.into_iter().filter_map(|part| part.plain(domains)).collect();
    if parts.is_empty() || parts.len() > MANY {
        return parts;
    }
    join(&mut parts, domains);
    for at in 0..parts.len() {
        widen(&mut parts, free, at, domains, cost);
    }
    let mut at = 0;
    while at < parts.len() {
        let part = parts.remove(at);
        if !is_covered(&part, &parts, domains) {
            parts.insert(at, part);
            at += 1;
        }
    }
    parts
}

/// Two parts that differ in one thing become one, until none do.
fn join(parts: &mut Vec<Part>, domains: &[ValueSet]) {
    let pair = |parts: &[Part]| {
        let at = |i: usize| (i + 1..parts.len()).find_map(|j| Some((i, j, joined(&parts[i], &parts[j])?)));
        (0..parts.len()).find_map(at)
    };
    while let Some((i, j, both)) = pair(parts) {
        parts.remove(j);
        parts[i] = both.plain(domains).unwrap_or_default();
    }
}

fn joined(a: &Part, b: &Part) -> Option<Part> {
    if a.within(b) {
        return Some(b.clone());
    }
    if b.within(a) {
        return Some(a.clone());
    }
    let mut different = a.said().filter(|(axis, values)| b.of(*axis) != Some(values));
    let (axis, values) = different.next()?;
    if different.next().is_some() || a.0.len() != b.0.len() {
        return None;
    }
    let mut both = a.clone();
    both.0.insert(axis, values.or(b.of(axis)?));
    Some(both)
}

/// Says less of a part as long as it stays within all parts and free packets together: the dearest word first. Then, of each
/// thing, other values instead where that is less.
fn widen(parts: &mut [Part], free: &[Part], at: usize, domains: &[ValueSet], cost: Cost<'_>) {
    let mut said: Vec<(usize, Axis)> =
        parts[at].said().map(|(axis, values)| (cost(axis, values, &domains[axis]), axis)).collect();
    said.sort_by_key(|(cost, axis)| (std::cmp::Reverse(*cost), *axis));
    for (_, axis) in said {
        let mut wider = parts[at].clone();
        wider.0.remove(&axis);
        if is_covered(&wider, &[&*parts, free].concat(), domains) {
            parts[at] = wider;
        }
    }
    let axes: Vec<Axis> = parts[at].said().map(|(axis, _)| axis).collect();
    for axis in axes {
        let Some(values) = parts[at].of(axis) else { continue };
        let mut rest = parts[at].clone();
        rest.0.remove(&axis);
        let as_well = parts.iter().chain(free).filter_map(|other| {
            let mut others = other.clone();
            let values = others.0.remove(&axis)?;
            rest.within(&others).then_some(values)
        });
        let as_well = as_well.fold(ValueSet::empty(), |all, values| all.or(&values)).and(&domains[axis]).minus(values);
        // All at once may be the least to say, or only some of it.
        let each = as_well.ranges().iter().take(MANY).map(|(first, last)| ValueSet::range(*first, *last));
        let mut best = values.clone();
        for more in std::iter::once(as_well.clone()).chain(each) {
            let wider = best.or(&more);
            if cost(axis, &wider, &domains[axis]) < cost(axis, &best, &domains[axis]) {
                best = wider;
            }
        }
        parts[at].0.insert(axis, best);
    }
}

fn is_covered(part: &Part, parts: &[Part], domains: &[ValueSet]) -> bool {
    left_of(part, parts, domains).is_some_and(|left| left.is_empty())
}

/// What is in a part and in none of the others; `None` where that is too much to look at.
pub(super) fn left_of(part: &Part, parts: &[Part], domains: &[ValueSet]) -> Option<Vec<Part>> {
    let mut left = vec![part.clone()];
    for other in parts {
        left = left.iter().flat_map(|part| part.minus(other, domains)).collect();
        if left.len() > PARTS {
            return None;
        }
    }
    Some(left)
}

/// The narrowest part that all others are in.
fn around(parts: &[Part], domains: &[ValueSet]) -> Part {
    let together = |axis: Axis| {
        let mut all = parts.iter().map(|part| part.of(axis));
        let first = all.next()??.clone();
        all.try_fold(first, |known, values| Some(known.or(values?)))
    };
    let axes = 0..domains.len();
    Part(axes.filter_map(|axis| Some((axis, together(axis)?))).collect()).plain(domains).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AXES: usize = 3;
    const VALUES: u128 = 6;

    fn ranges(_: Axis, values: &ValueSet, _: &ValueSet) -> usize {
        1 + values.ranges().len()
    }

    fn domains() -> Vec<ValueSet> {
        vec![ValueSet::range(0, VALUES - 1); AXES]
    }

    fn part(said: &[(Axis, &[u128])]) -> Part {
        let set = |values: &[u128]| ValueSet::from_ranges(values.iter().map(|value| (*value, *value)));
        Part(said.iter().map(|(axis, values)| (*axis, set(values))).collect())
    }

    fn has(told: &Told, packet: [u128; AXES]) -> bool {
        let is_in =
            |parts: &[Part]| parts.iter().any(|part| part.said().all(|(axis, values)| values.contains(packet[axis])));
        is_in(&told.any) && !is_in(&told.unless)
    }

    #[test]
    fn what_follows_is_not_said() {
        // A, or B and not A: A or B.
        let parts = vec![part(&[(0, &[0])]), part(&[(0, &[1, 2, 3, 4, 5]), (1, &[2])])];
        let found = told(parts, &[], &domains(), &ranges);
        assert_eq!((found.any, found.unless), (vec![part(&[(0, &[0])]), part(&[(1, &[2])])], vec![]));
    }

    #[test]
    fn all_but_a_corner_is_told_by_the_corner() {
        let some: &[u128] = &[0, 1, 2, 4, 5];
        let parts = vec![part(&[(0, &[1, 2]), (1, some)]), part(&[(0, &[1, 2]), (2, some)]), part(&[(0, &[1])])];
        let found = told(parts, &[], &domains(), &ranges);
        assert_eq!(found.any, [part(&[(0, &[1, 2])])]);
        assert_eq!(found.unless, [part(&[(0, &[2]), (1, &[3]), (2, &[3])])]);
    }

    proptest! {
        #[test]
        fn the_same_packets_are_told(
            drawn in prop::collection::vec(prop::collection::vec(prop::collection::vec(0..VALUES, 1..6), AXES), 0..7),
            some in prop::collection::vec(0..VALUES, 0..3)
        ) {
            let free = vec![part(&[(1, &some)])];
            let parts: Vec<Part> = drawn
                .iter()
                .map(|axes| {
                    let said: Vec<(Axis, &[u128])> = axes.iter().map(Vec::as_slice).enumerate().collect();
                    part(&said)
                })
                .collect();
            let found = told(parts.clone(), &free, &domains(), &ranges);
            for number in 0..VALUES.pow(AXES as u32) {
                let packet = [number % VALUES, number / VALUES % VALUES, number / VALUES / VALUES];
                let is_meant =
                    parts.iter().any(|part| part.said().all(|(axis, values)| values.contains(packet[axis])));
                if !some.contains(&packet[1]) {
                    prop_assert_eq!(has(&found, packet), is_meant, "{:?}: {:?}", packet, found);
                }
            }
        }
    }
}
