//! The packets that are still meant at a point of the walk: what each unknown field may be, and what was assumed.
//!
//! Every question that a rule or the routing asks ends in one of these: yes, no, or [`Open`]: the one thing that would have
//! to be known first. The walk then splits the space there and asks both halves again.

use std::collections::BTreeMap;

use super::field::Field;
use super::fields::Fields;
use super::made::{AllMade, Made};
use super::outcome::{Assumed, Assumption, Why};
use super::packet::Value;
use super::query::Query;
use super::set::ValueSet;

/// An answer, or what must be known to give it.
pub(super) type Asked<T> = Result<T, Open>;

/// What must be known before a question can be answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Open {
    /// Whether this field of the entering packet has one of these values.
    Field(Field, ValueSet),
    /// Whether this field of the entering packet has a value from the first to the last.
    Range(Field, u128, u128),
    /// Whether the packet leaves by one of these devices, which could not be read.
    Leaves(ValueSet),
    /// Something that can only be assumed, and how likely it is to hold.
    Assume {
        /// What.
        what: Assumed,
        /// Why it cannot be decided.
        why: Why,
        /// From 0 to 1.
        likely: f64,
        /// Only one way is followed: this one.
        only: Option<bool>,
        /// It holds as long as the packet has these addresses.
        while_tuple: Option<Box<[Value; 4]>>,
    },
}

impl Open {
    /// Something that may hold or not.
    pub(super) fn either(what: Assumed, why: Why, likely: f64) -> Open {
        Open::Assume { what, why, likely, only: None, while_tuple: None }
    }

    /// Something that is taken to be so, without following what would be if it were not.
    pub(super) fn taken(what: Assumed, why: Why, holds: bool) -> Open {
        Open::Assume { what, why, likely: 1.0, only: Some(holds), while_tuple: None }
    }

    /// Whether values of the entering packet decide it.
    pub(super) fn is_decidable(&self) -> bool {
        matches!(self, Open::Field(..) | Open::Range(..))
    }
}

/// A set of packets: what their unknown fields may be.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Space {
    fields: Fields,
    leaves: ValueSet,
    made: AllMade,
    /// What fields were of the first packet that another packet has of its own, and what that is, where it is known.
    first: BTreeMap<Field, (Option<ValueSet>, Option<u128>)>,
}

impl Space {
    /// Every packet of a query; `devices` are those it may leave by where routing cannot be read.
    pub(super) fn of(query: &Query, devices: ValueSet) -> Space {
        Space {
            fields: query.fields.iter().map(|(field, values)| (*field, values.clone())).collect(),
            leaves: devices,
            made: AllMade::default(),
            first: BTreeMap::new(),
        }
    }

    /// The values that a field may have; `None`: any.
    pub(super) fn values(&self, field: Field) -> Option<&ValueSet> {
        self.fields.get(field)
    }

    /// The field's value, where only one is left.
    pub(super) fn known(&self, field: Field) -> Option<u128> {
        self.fields.get(field).and_then(ValueSet::only)
    }

    /// A value, known where only one is left.
    pub(super) fn settled(&self, value: &Value) -> Value {
        match value {
            Value::Entering(field) => self.known(*field).map_or_else(|| value.clone(), Value::Known),
            Value::Mapped { field, mask, prefix } => match self.known(*field) {
                Some(known) => Value::Known(prefix | (known & mask)),
                None => value.clone(),
            },
            Value::Known(_) | Value::Chosen { .. } => value.clone(),
        }
    }

    /// The devices that it may leave by.
    pub(super) fn leaves(&self) -> &ValueSet {
        &self.leaves
    }

    /// The fields of the packet that the query describes that are restricted, with their values.
    pub(super) fn fields(&self) -> impl Iterator<Item = (Field, &ValueSet)> {
        let own = self.fields.iter().filter(|(field, _)| !self.first.contains_key(field));
        own.chain(self.first.iter().filter_map(|(field, (values, _))| Some((*field, values.as_ref()?))))
    }

    /// What was found out of a packet that the query does not describe.
    pub(super) fn found(&self) -> impl Iterator<Item = (Field, &ValueSet)> {
        let is_known = |field: Field, values: &ValueSet| match self.first.get(&field) {
            Some((_, known)) => known.is_some() && values.only() == *known,
            None => true,
        };
        self.fields.iter().filter(move |(field, values)| !is_known(*field, values))
    }

    /// The packet at hand has its own value of a field from now on; `None`: nobody knows which.
    pub(super) fn renew(&mut self, field: Field, own: Option<u128>) {
        let first = self.fields.remove(field);
        self.first.entry(field).or_insert((first, own));
        if let Some(own) = own {
            self.settle(field, own);
        }
    }

    /// What the packet at hand had of its own is forgotten: another one comes, with what the first had.
    pub(super) fn restore(&mut self) {
        for (field, (first, _)) in std::mem::take(&mut self.first) {
            match first {
                Some(values) => self.fields.insert(field, values),
                None => self.forget(field),
            }
        }
    }

    /// A field has the values that the query gives it, whatever another packet had.
    pub(super) fn as_asked(&mut self, query: &Query, field: Field) {
        match query.fields.get(&field) {
            Some(values) => self.fields.insert(field, values.clone()),
            None => self.forget(field),
        }
    }

    /// Nothing is known of a field.
    pub(super) fn forget(&mut self, field: Field) {
        self.fields.remove(field);
    }

    /// Says what a field is that nobody asked about before.
    pub(super) fn settle(&mut self, field: Field, value: u128) {
        self.fields.insert(field, ValueSet::one(value));
    }

    /// What was assumed, in order.
    pub(super) fn assumptions(&self) -> impl Iterator<Item = &Assumption> {
        let made: Vec<&Assumption> = self.made.iter().map(|made| &made.assumption).collect();
        made.into_iter().rev()
    }

    /// Whether the field has a value from `first` to `last`.
    pub(super) fn ask_range(&self, field: Field, first: u128, last: u128) -> Asked<bool> {
        match self.fields.get(field) {
            Some(values) => {
                let ranges = values.ranges();
                let next = ranges.partition_point(|range| range.1 < first);
                match (ranges.first(), ranges.get(next), ranges.last()) {
                    (Some(low), Some(met), Some(high)) if met.0 <= last => {
                        if low.0 >= first && high.1 <= last {
                            Ok(true)
                        } else {
                            Err(Open::Range(field, first, last))
                        }
                    }
                    _ => Ok(false),
                }
            }
            None => Err(Open::Range(field, first, last)),
        }
    }

    /// Whether the field has one of these values.
    pub(super) fn ask(&self, field: Field, set: &ValueSet) -> Asked<bool> {
        match self.fields.get(field) {
            Some(values) if values.within(set) => Ok(true),
            Some(values) if values.apart(set) => Ok(false),
            None if set.is_empty() => Ok(false),
            _ => Err(Open::Field(field, set.clone())),
        }
    }

    /// Whether the packet leaves by one of these devices.
    pub(super) fn ask_leaves(&self, set: &ValueSet) -> Asked<bool> {
        if self.leaves.within(set) {
            Ok(true)
        } else if self.leaves.apart(set) {
            Ok(false)
        } else {
            Err(Open::Leaves(set.clone()))
        }
    }

    /// Whether something was assumed to hold of a namespace; asks for the assumption where it was not made yet.
    pub(super) fn assume(&self, open: Open, namespace: usize, tuple: &[Value; 4]) -> Asked<bool> {
        let Open::Assume { what, .. } = &open else {
            return Err(open);
        };
        let is_it = |made: &&Made| made.assumption.namespace == namespace && made.assumption.what == *what;
        let fits = |made: &&Made| made.while_tuple.as_ref().is_none_or(|had| **had == *tuple);
        match self.made.iter().filter(is_it).find(fits) {
            Some(made) => Ok(made.assumption.holds),
            None => Err(open),
        }
    }

    /// The packets for which the open question, asked in a namespace, is answered yes, and those for which it is no, each with its share of the
    /// whole from 0 to 1. Parts without packets are left out.
    pub(super) fn split(&self, query: &Query, namespace: usize, open: &Open) -> Vec<(Space, f64)> {
        match open {
            Open::Field(field, set) => self.split_field(query, *field, set),
            Open::Range(field, first, last) => self.split_field(query, *field, &ValueSet::range(*first, *last)),
            Open::Leaves(set) => self.split_leaves(set, ValueSet::size),
            Open::Assume { what, why, likely, only, while_tuple } => {
                let part = |holds: bool, share: f64| {
                    let mut space = self.clone();
                    let assumption = Assumption { namespace, what: what.clone(), holds, why: *why };
                    space.made.push(Made { assumption, while_tuple: while_tuple.clone() });
                    (space, share)
                };
                match only {
                    Some(holds) => vec![part(*holds, 1.0)],
                    None => vec![part(true, *likely), part(false, 1.0 - *likely)],
                }
            }
        }
    }

    /// The same for packets that leave by one of these devices, and by others. `size` tells how likely one of some devices is.
    pub(super) fn split_leaves(&self, set: &ValueSet, size: impl Fn(&ValueSet) -> f64) -> Vec<(Space, f64)> {
        let whole = size(&self.leaves);
        let parts = [self.leaves.and(set), self.leaves.minus(set)].into_iter().filter(|part| !part.is_empty());
        parts.map(|part| (Space { leaves: part.clone(), ..self.clone() }, size(&part) / whole)).collect()
    }

    /// The same for many questions about one field, to each of which other packets say yes: these apart, and those that
    /// say no to all. `size` tells how many packets have one of some values, as far as shares need it.
    pub(super) fn split_all(
        &self,
        query: &Query,
        field: Field,
        sets: &[ValueSet],
        size: impl Fn(&ValueSet) -> f64,
    ) -> Vec<(Space, f64)> {
        let asked = ValueSet::from_ranges(sets.iter().flat_map(|set| set.ranges().iter().copied()));
        let values = self.fields.get(field).cloned().unwrap_or_else(|| ValueSet::full(field.bits(query.family)));
        let whole = size(&values);
        let each = sets.iter().map(|set| values.and(set)).chain([values.minus(&asked)]);
        let parts = each.filter(|part| !part.is_empty()).map(|part| {
            let share = size(&part) / whole;
            let mut space = self.clone();
            space.fields.insert(field, part);
            (space, share)
        });
        parts.collect()
    }

    fn split_field(&self, query: &Query, field: Field, set: &ValueSet) -> Vec<(Space, f64)> {
        self.split_all(query, field, std::slice::from_ref(set), ValueSet::size)
    }
}
