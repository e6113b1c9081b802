//! Outcomes of one order that the other reaches too, through more chains: a rule drops the packet before a chain of the same
//! priority sees it, or only after. Nothing else comes of the order then, and both are told as one, with what stands in the
//! other chains as met by some packets only.

use std::collections::HashSet;

use crate::host::ChainId;
use crate::walk::finish::woven;
use crate::walk::memory::Memory;
use crate::walk::outcome::{Assumption, Outcome, Step, StepAt};

/// Of more outcomes than this that are one in the other order, nothing is sought in common.
const FEW: usize = 16;
/// Of more pairs than this nothing is sought at all: it would take longer than it is worth.
const MANY: usize = 10_000;

/// Takes the outcomes that differ by more or fewer chains alone out of those that only one order has: the outcome that is told
/// instead, with the place it has among the first order's.
pub(super) fn take(first: &mut Vec<(usize, Outcome)>, second: &mut Vec<(usize, Outcome)>) -> Vec<(usize, Outcome)> {
    if first.len() * second.len() > MANY {
        return Vec::new();
    }
    let mut told = Vec::new();
    for of_first in [true, false] {
        let (short, long) = if of_first { (&mut *first, &mut *second) } else { (&mut *second, &mut *first) };
        let mut at = 0;
        while at < short.len() {
            let Some(ways) = ways(&short[at].1, short, long) else {
                at += 1;
                continue;
            };
            let (place, one) = short.remove(at);
            let mut all: Vec<(usize, Outcome)> = ways.into_iter().rev().map(|way| long.remove(way)).collect();
            all.reverse();
            let place = all.first().map_or(place, |(of_other, _)| if of_first { place } else { *of_other });
            told.push((place, joined(one, &all)));
        }
    }
    told
}

/// Which outcomes of the other order the packets of one have, where all of these are the same but for more chains.
fn ways(one: &Outcome, same_order: &[(usize, Outcome)], others: &[(usize, Outcome)]) -> Option<Vec<usize>> {
    let ways: Vec<usize> = (0..others.len()).filter(|at| meet(one, &others[*at].1)).collect();
    let is_longer = |at: &usize| {
        let other = &others[*at].1;
        lengthens(other, one) && same_order.iter().filter(|(_, known)| meet(known, other)).count() == 1
    };
    ((1..=FEW).contains(&ways.len()) && ways.iter().all(is_longer)).then_some(ways)
}

/// An outcome with what its packets met in the other order.
fn joined(mut one: Outcome, ways: &[(usize, Outcome)]) -> Outcome {
    for (_, way) in ways {
        one.events = woven(&one.events, &way.events);
    }
    one.memory = Memory::joined(ways.iter().map(|(_, way)| &way.memory));
    one
}

/// Whether some packets may be of both.
fn meet(a: &Outcome, b: &Outcome) -> bool {
    let contradicts = |one: &Assumption, other: &Assumption| {
        (one.namespace, &one.what) == (other.namespace, &other.what) && one.holds != other.holds
    };
    let mut classes = a.memory.classes().flat_map(|(_, one)| b.memory.classes().map(move |(_, other)| (one, other)));
    let overlap = classes.any(|(one, other)| {
        one.space.fields().all(|(field, set)| other.space.values(field).is_none_or(|known| !set.apart(known)))
    });
    overlap && !a.assumed.iter().any(|one| b.assumed.iter().any(|other| contradicts(one, other)))
}

/// Whether an outcome is another with more chains on the way.
fn lengthens(long: &Outcome, short: &Outcome) -> bool {
    let bases =
        |outcome: &Outcome| -> HashSet<(u32, ChainId)> { outcome.steps().map(|step| (step.pass, step.base)).collect() };
    let (of_long, of_short) = (bases(long), bases(short));
    // What holds for some packets of the one may hold for all of the other, or for none.
    let of_some: HashSet<(u32, StepAt)> =
        short.steps().filter(|step| step.sometimes).map(|step| (step.pass, step.at)).collect();
    let counts = |step: &&Step| of_short.contains(&(step.pass, step.base)) && !of_some.contains(&(step.pass, step.at));
    let is_subset = of_short.is_subset(&of_long) && of_short != of_long;
    is_subset
        && super::is_same_end(long, short)
        && long.after.is_empty()
        && short.after.is_empty()
        && short.assumed.iter().all(|assumption| long.assumed.contains(assumption))
        && super::are_same(long.steps().filter(counts), short.steps().filter(counts))
}
