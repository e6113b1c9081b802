//! Looking through what is in the sets into which rules look: what is found there is the rule's.
//!
//! A set is looked through once for all rules that look into it, and its texts are not kept. What is found is told with its
//! place; how it reads is known in [`sets`](super::super::sets).

use super::super::matching::{Manner, Query};
use super::super::sets::{self, Holder, Named};
use super::shelf::Stretch;
use crate::explain::clean;
use crate::host::{Host, Name, QuickMap, RuleId, SetId};

/// An element that has what is sought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Within {
    /// The set in which it is.
    pub holder: Holder,
    /// Its position there.
    pub element: usize,
    /// How many others of the set have it, too.
    pub others: usize,
    /// Whether it stands there as a word of its own.
    pub alone: bool,
}

/// Which rules look into which sets.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// Places in the order of rules, ascending, each with a set.
    rules: Vec<(usize, u32)>,
    /// The sets, each in the namespace with this index.
    sets: Vec<(usize, Holder)>,
    /// How many sets are named that are not known.
    unknown: usize,
}

/// Sets by their names, in the namespace with an index: those of a table, or ipset's where there is none.
type ByName<'h> = QuickMap<(usize, Option<u32>), QuickMap<&'h Name, u32>>;

impl Looks {
    /// Those of the rules in this order. Sets without a name of their own stand in the rule's text.
    pub(super) fn of(host: &Host, stretches: &[Stretch]) -> Looks {
        let mut looks = Looks::default();
        let mut known: QuickMap<(usize, Holder), u32> = QuickMap::default();
        let mut unknown: QuickMap<(usize, Option<u32>, &Name), ()> = QuickMap::default();
        let mut by_name = ByName::default();
        let mut place = 0;
        for Stretch { namespace, chain, first, end } in stretches.iter().copied() {
            let ns = &host.namespaces[namespace];
            for index in first..end {
                let rule = RuleId { chain, index };
                for (_, named) in sets::asked(&ns.ruleset.rule(rule).body) {
                    let (table, name) = match named {
                        Named::Native(name) => (Some(chain.table), name),
                        Named::Ipset(name) => (None, name),
                    };
                    let numbers = by_name.entry((namespace, table)).or_insert_with(|| numbers(host, namespace, table));
                    let holder = |number: u32| match table {
                        Some(table) => Holder::Native(SetId { table, set: number }),
                        None => Holder::Ipset(number),
                    };
                    let Some(holder) = numbers.get(name).copied().map(holder) else {
                        unknown.insert((namespace, table, name), ());
                        continue;
                    };
                    if holder.is_anonymous(ns) {
                        continue;
                    }
                    for holder in holder.with_members(ns, &|name| numbers.get(name).copied()) {
                        let set = *known.entry((namespace, holder)).or_insert_with(|| {
                            looks.sets.push((namespace, holder));
                            looks.sets.len() as u32 - 1
                        });
                        looks.rules.push((place, set));
                    }
                }
                place += 1;
            }
        }
        looks.unknown = unknown.len();
        looks
    }

    /// How many of the sets nobody has read.
    pub(super) fn unread(&self, host: &Host) -> usize {
        let unread = |(namespace, holder): &&(usize, Holder)| !holder.is_read(&host.namespaces[*namespace]);
        self.unknown + self.sets.iter().filter(unread).count()
    }
}

/// The sets of a table, or ipset's, by their names.
fn numbers(host: &Host, namespace: usize, table: Option<u32>) -> QuickMap<&Name, u32> {
    let ns = &host.namespaces[namespace];
    match table {
        Some(table) => {
            let sets = ns.ruleset.tables.get(table as usize).map_or(&[][..], |table| &table.sets);
            (0..).zip(sets).map(|(at, set)| (&set.name, at)).collect()
        }
        None => (0..).zip(&ns.ipsets).map(|(at, set)| (&set.name, at)).collect(),
    }
}

/// What one search found in sets, one rule after the other.
#[derive(Default)]
pub(super) struct Looked {
    /// The first of the looks that is of a later rule.
    next: usize,
    sets: QuickMap<u32, Option<Within>>,
}

impl Looked {
    /// The first of the sets into which the rule at this place looks that has what is sought; rules are asked in their order. `None`:
    /// nobody waits for it any more.
    pub(super) fn first(
        &mut self,
        host: &Host,
        looks: &Looks,
        place: usize,
        query: &Query,
        stale: impl Fn() -> bool,
    ) -> Option<Option<Within>> {
        let behind = |at: usize| looks.rules.get(at).is_some_and(|(known, _)| *known < place);
        while behind(self.next) {
            self.next += 1;
        }
        let of_rule = looks.rules[self.next..].iter().take_while(|(known, _)| *known == place);
        for (_, set) in of_rule {
            let within = match self.sets.get(set) {
                Some(within) => *within,
                None => {
                    let (namespace, holder) = looks.sets[*set as usize];
                    let within = seek(host, namespace, holder, query, &stale)?;
                    self.sets.insert(*set, within);
                    within
                }
            };
            if within.is_some() {
                return Some(within);
            }
        }
        Some(None)
    }
}

/// The element of a set that has what is sought: the first in which it stands as a word of its own, else the first.
fn seek(
    host: &Host,
    namespace: usize,
    holder: Holder,
    query: &Query,
    stale: impl Fn() -> bool,
) -> Option<Option<Within>> {
    let ns = &host.namespaces[namespace];
    let Some(contents) = holder.contents(ns) else { return Some(None) };
    let name = holder.name(ns);
    let mut found: Option<Within> = None;
    for element in 0..contents.count() {
        if element % 512 == 0 && stale() {
            return None;
        }
        // The name is a part of it: whoever types both means that element.
        let text = format!("{name} {}", contents.text(element));
        let text = clean(&text);
        if !query.is_in(&text, Manner::Exactly) {
            continue;
        }
        let alone = query.stands_in(&text);
        found = Some(match found {
            None => Within { holder, element, others: 0, alone },
            Some(known) if alone && !known.alone => Within { holder, element, others: known.others + 1, alone },
            Some(known) => Within { others: known.others + 1, ..known },
        });
    }
    Some(found)
}
