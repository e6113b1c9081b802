//! What sets and maps hold, put in order for the walks of a plan: when one of them is first asked, and once.
//!
//! It knows keys as bytes and as numbers, in the parts in which they are asked for. What a packet has there, and what of
//! it is known, is the business of whoever asks.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::host::nft::{CatchAll, Element, ElementData, Expression, Set};
use crate::host::{Body, Name, Namespace, QuickMap, SetId, Table};
use crate::walk::set::ValueSet;

/// Of fewer elements than this, what is left for a question is found anew each time.
const MANY: usize = 256;
/// What is left is kept for so many questions about one set.
const QUESTIONS: usize = 16;

/// The sets of a namespace's tables.
pub(in crate::walk) struct Contents<'a> {
    tables: &'a [Table],
    made: Box<[OnceLock<Named>]>,
    /// The names of each table's sets that rules fill and rules ask.
    filled: Box<[OnceLock<Vec<Name>>]>,
}

/// What was made of the sets of one table, by their names, each with its position.
type Named = QuickMap<Name, (usize, Made)>;

impl<'a> Contents<'a> {
    /// Those of a namespace; nothing is done yet.
    pub(super) fn of(namespace: &'a Namespace) -> Contents<'a> {
        let tables = &namespace.ruleset.tables;
        let (made, filled) = (tables.iter().map(|_| OnceLock::new()), tables.iter().map(|_| OnceLock::new()));
        Contents { tables, made: made.collect(), filled: filled.collect() }
    }

    /// Whether packets fill a set that rules ask.
    pub(in crate::walk) fn is_filled_and_asked(&self, table: u32, name: &str) -> bool {
        let both = || {
            let rules = self.tables[table as usize].chains.iter().flat_map(|chain| &chain.rules);
            let (mut filled, mut asked) = (BTreeSet::new(), BTreeSet::new());
            for rule in rules {
                let Body::Nft(rule) = &rule.body else { continue };
                for expression in &rule.expressions {
                    match expression {
                        Expression::Dynset(dynset) => _ = filled.insert(&dynset.set),
                        Expression::Lookup { set, .. } => _ = asked.insert(set),
                        _ => {}
                    }
                }
            }
            filled.intersection(&asked).map(|name| Arc::clone(name)).collect()
        };
        let filled = self.filled.get(table as usize).map(|filled| filled.get_or_init(both));
        filled.is_some_and(|filled| filled.iter().any(|known| **known == *name))
    }

    /// The set or map with this name, in the table with this position.
    pub(in crate::walk) fn set(&self, table: u32, name: &str) -> Option<Content<'_>> {
        let sets = &self.tables.get(table as usize)?.sets;
        let named = || {
            let mut named = Named::default();
            for (at, set) in sets.iter().enumerate() {
                named.entry(Arc::clone(&set.name)).or_insert_with(|| (at, Made::default()));
            }
            named
        };
        let (at, made) = self.made.get(table as usize)?.get_or_init(named).get(name)?;
        Some(Content { id: SetId { table, set: *at as u32 }, set: sets.get(*at)?, made })
    }
}

impl Contents<'_> {
    /// What was asked so far of sets and maps: the position of their table, their names, and the numbers that all of their
    /// elements have in a part, or those that a known part left.
    pub(in crate::walk) fn asked(&self) -> Vec<(usize, Name, ValueSet)> {
        let mut all = Vec::new();
        for (table, named) in self.made.iter().enumerate() {
            for (name, (_, made)) in named.get().into_iter().flatten() {
                let mut take = |found: &Found| {
                    let values =
                        lock(&found.values).iter().filter_map(|(_, values)| values.clone()).collect::<Vec<_>>();
                    all.extend(values.into_iter().map(|values| (table, Arc::clone(name), values)));
                };
                made.all.get().into_iter().for_each(|found| take(found));
                lock(&made.asked).iter().for_each(|(_, found)| take(found));
            }
        }
        all
    }
}

/// A part of a key: the bytes from `first` on, as a number of the machine or of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::walk) struct Part {
    /// The first of its bytes.
    pub(in crate::walk) first: usize,
    /// How many there are.
    pub(in crate::walk) length: usize,
    /// They stand in the machine's order, and that is not the network's.
    pub(in crate::walk) reversed: bool,
}

impl Part {
    /// Its bytes in a key.
    pub(in crate::walk) fn of<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        key.get(self.first..self.first + self.length).unwrap_or_default()
    }

    /// Its number in a key.
    pub(in crate::walk) fn number(&self, key: &[u8]) -> u128 {
        let push = |number: u128, byte: &u8| number << 8 | u128::from(*byte);
        match self.reversed {
            true => self.of(key).iter().rev().fold(0, push),
            false => self.of(key).iter().fold(0, push),
        }
    }

    /// From which number to which an element goes there; `None`: from one key to another, which no numbers tell.
    fn range(&self, element: &Element) -> Option<(u128, u128)> {
        let (first, last) = (self.number(&element.first), self.number(&element.last));
        (!self.reversed || self.length == 1 || first == last).then_some((first, last))
    }
}

/// The elements in the order of the numbers of one part.
struct Column {
    part: Part,
    /// Positions in the set's elements.
    order: Box<[u32]>,
    /// The greatest number that an element of the order has up to each place; empty where each has one number.
    reach: Box<[u128]>,
}

impl Column {
    /// `None` where an element has no numbers there.
    fn of(elements: &[Element], part: Part) -> Option<Column> {
        let ranges: Vec<(u128, u128)> = elements.iter().map(|element| part.range(element)).collect::<Option<_>>()?;
        let mut order: Box<[u32]> = (0..elements.len() as u32).collect();
        let by_first = |a: &u32, b: &u32| ranges[*a as usize].0.cmp(&ranges[*b as usize].0);
        if !order.is_sorted_by(|a, b| by_first(a, b) != Ordering::Greater) {
            order.sort_by(by_first);
        }
        let mut reach: Box<[u128]> = Box::default();
        if ranges.iter().any(|(first, last)| first != last) {
            let mut greatest = 0;
            let mut up_to = |at: &u32| {
                greatest = ranges[*at as usize].1.max(greatest);
                greatest
            };
            reach = order.iter().map(&mut up_to).collect();
        }
        Some(Column { part, order, reach })
    }

    /// The places in the order at which elements with this number may be: all others lack it.
    fn span(&self, elements: &[Element], number: u128) -> Range<usize> {
        let first = |at: &u32| elements.get(*at as usize).map_or(0, |element| self.part.number(&element.first));
        let end = self.order.partition_point(|at| first(at) <= number);
        let begin = match self.reach.is_empty() {
            true => self.order.partition_point(|at| first(at) < number),
            false => self.reach.partition_point(|reach| *reach < number),
        };
        begin.min(end)..end
    }
}

/// What was made of a set so far.
#[derive(Default)]
struct Made {
    all: OnceLock<Arc<Found>>,
    columns: Mutex<Vec<(Part, Option<Arc<Column>>)>>,
    asked: Mutex<Vec<(Known, Arc<Found>)>>,
}

/// The parts of a key that are known, with their numbers.
type Known = Vec<(Part, u128)>;

/// A set or a map, and what it holds.
#[derive(Clone, Copy)]
pub(in crate::walk) struct Content<'p> {
    /// Which one it is.
    pub(in crate::walk) id: SetId,
    /// The set.
    pub(in crate::walk) set: &'p Set,
    made: &'p Made,
}

impl<'p> Content<'p> {
    /// Whether it is known what it holds. Nothing else is to be asked of one of which that is not.
    pub(in crate::walk) fn is_read(&self) -> bool {
        self.set.contents().is_some()
    }

    /// What stands for every key that no element has.
    pub(in crate::walk) fn catch_all(&self) -> Option<&'p CatchAll> {
        self.set.contents().and_then(|(_, all)| all)
    }

    fn elements(&self) -> &'p [Element] {
        self.set.contents().map_or(&[], |(elements, _)| elements)
    }

    fn all(&self) -> Arc<Found> {
        let all = || Found::of((0..self.elements().len() as u32).collect());
        Arc::clone(self.made.all.get_or_init(|| Arc::new(all())))
    }

    /// Whether every element has numbers in this part: then those with a number can be told without the others.
    pub(in crate::walk) fn has_numbers(&self, part: Part) -> bool {
        self.column(part).is_some()
    }

    fn column(&self, part: Part) -> Option<Arc<Column>> {
        let mut columns = lock(&self.made.columns);
        if let Some((_, column)) = columns.iter().find(|(known, _)| *known == part) {
            return column.clone();
        }
        let column = Column::of(self.elements(), part).map(Arc::new);
        columns.push((part, column.clone()));
        column
    }

    /// The elements that have these numbers in these parts, of which each has numbers.
    pub(in crate::walk) fn left(&self, known: &[(Part, u128)]) -> Left<'p> {
        Left { elements: self.elements(), found: self.found(known) }
    }

    fn found(&self, known: &[(Part, u128)]) -> Arc<Found> {
        if let Some((_, found)) = lock(&self.made.asked).iter().find(|(asked, _)| asked == known) {
            return Arc::clone(found);
        }
        let elements = self.elements();
        let spans = known.iter().filter_map(|(part, number)| {
            let column = self.column(*part)?;
            let span = column.span(elements, *number);
            Some((column, span))
        });
        let Some((column, span)) = spans.min_by_key(|(_, span)| span.len()) else { return self.all() };
        let fits = |at: &u32| {
            known.iter().all(|(part, number)| {
                let range = elements.get(*at as usize).and_then(|element| part.range(element));
                range.is_some_and(|(first, last)| (first..=last).contains(number))
            })
        };
        let mut members: Vec<u32> = column.order[span].iter().copied().filter(fits).collect();
        members.sort_unstable();
        let found = Arc::new(Found::of(members.into()));
        if found.members.len() >= MANY {
            let mut asked = lock(&self.made.asked);
            asked.truncate(QUESTIONS - 1);
            asked.insert(0, (known.to_vec(), Arc::clone(&found)));
        }
        found
    }
}

/// Some elements of a set, by their positions, and what was made of them so far.
struct Found {
    /// Ascending.
    members: Box<[u32]>,
    values: Mutex<Vec<(Part, Option<ValueSet>)>>,
    groups: OnceLock<Groups>,
}

/// Elements by what they give, for everything that is given; in the order of the set.
struct Groups {
    each: Box<[Arc<Found>]>,
    /// To which of them each member belongs; `u32::MAX`: to none, for it gives nothing.
    places: Box<[u32]>,
}

impl Found {
    fn of(members: Box<[u32]>) -> Found {
        Found { members, values: Mutex::default(), groups: OnceLock::new() }
    }
}

/// The elements of a set that a question is still about.
pub(in crate::walk) struct Left<'p> {
    elements: &'p [Element],
    found: Arc<Found>,
}

impl<'p> Left<'p> {
    fn of(&self, mut members: Vec<u32>) -> Left<'p> {
        members.sort_unstable();
        Left { elements: self.elements, found: Arc::new(Found::of(members.into())) }
    }

    /// Whether there are none.
    pub(in crate::walk) fn is_empty(&self) -> bool {
        self.found.members.is_empty()
    }

    /// How many there are.
    pub(in crate::walk) fn len(&self) -> usize {
        self.found.members.len()
    }

    /// The elements with their positions, in the order of the set.
    pub(in crate::walk) fn numbered(&self) -> impl Iterator<Item = (u32, &'p Element)> + use<'p, '_> {
        self.found.members.iter().filter_map(|at| Some((*at, self.elements.get(*at as usize)?)))
    }

    /// The elements, in the order of the set.
    pub(in crate::walk) fn iter(&self) -> impl Iterator<Item = &'p Element> + use<'p, '_> {
        self.found.members.iter().filter_map(|at| self.elements.get(*at as usize))
    }

    /// The numbers that any of them has in a part; `None` where one has none.
    pub(in crate::walk) fn values(&self, part: Part) -> Option<ValueSet> {
        let mut kept = lock(&self.found.values);
        if let Some((_, values)) = kept.iter().find(|(known, _)| *known == part) {
            return values.clone();
        }
        let ranges: Option<Vec<_>> = self.iter().map(|element| part.range(element)).collect();
        let values = ranges.map(ValueSet::from_ranges);
        kept.push((part, values.clone()));
        values
    }

    /// Whether all of them have the same bytes in a part.
    pub(in crate::walk) fn are_alike(&self, part: Part) -> bool {
        let mut all = self.iter().map(|element| (part.of(&element.first), part.of(&element.last)));
        let first = all.next();
        all.all(|other| Some(other) == first)
    }

    /// Those with the lesser numbers in a part, and those with the greater ones; where there are two, neither is empty.
    pub(in crate::walk) fn halves(&self, part: Part) -> [Left<'p>; 2] {
        let first = |at: &u32| self.elements.get(*at as usize).map_or(0, |element| part.number(&element.first));
        let mut members = self.found.members.to_vec();
        members.sort_by_key(first);
        let middle = members.get(members.len() / 2).map_or(0, first);
        // Elements with the same number stay together, as far as that leaves two halves.
        let cut = match members.partition_point(|at| first(at) < middle) {
            0 => members.partition_point(|at| first(at) <= middle),
            cut => cut,
        };
        let cut = if cut == members.len() { cut / 2 } else { cut };
        let greater = members.split_off(cut);
        [members, greater].map(|half| self.of(half))
    }

    /// What the first of them gives, where that is known; `None`: there is none.
    pub(in crate::walk) fn data(&self) -> Option<Option<&'p ElementData>> {
        Some(self.iter().next()?.data.as_ref())
    }

    /// Those that give the same, for everything that is given; in the order of the set.
    pub(in crate::walk) fn groups(&self) -> impl ExactSizeIterator<Item = Left<'p>> {
        self.grouped().each.iter().map(|found| Left { elements: self.elements, found: Arc::clone(found) })
    }

    /// Those that give the same as the first of the others, which all are among these.
    pub(in crate::walk) fn group_of(&self, others: &Left<'_>) -> Option<Left<'p>> {
        let at = self.found.members.binary_search(others.found.members.first()?).ok()?;
        let groups = self.grouped();
        let found = groups.each.get(*groups.places.get(at)? as usize)?;
        Some(Left { elements: self.elements, found: Arc::clone(found) })
    }

    fn grouped(&self) -> &Groups {
        self.found.groups.get_or_init(|| {
            let mut known: QuickMap<Option<&ElementData>, u32> = QuickMap::default();
            let mut groups: Vec<Vec<u32>> = Vec::new();
            let mut place = |at: &u32| {
                let data = self.elements.get(*at as usize).and_then(|element| element.data.as_ref());
                let place = *known.entry(data).or_insert(groups.len() as u32);
                match groups.get_mut(place as usize) {
                    Some(members) => members.push(*at),
                    None => groups.push(vec![*at]),
                }
                place
            };
            let places = self.found.members.iter().map(&mut place).collect();
            Groups { each: groups.into_iter().map(|members| Arc::new(Found::of(members.into()))).collect(), places }
        })
    }
}

/// A lock that a panic elsewhere does not close: what it guards is put in whole or not at all.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
