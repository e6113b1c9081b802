//! Sources that routing refuses: one outcome tells of them, and the conditions of the others need not leave them out.
//!
//! That holds for a source only where no other outcome has it: with a destination for which it is refused, and another for
//! which it is not, its packets are told apart by their source as all others are.

use std::collections::BTreeMap;

use super::super::field::Field;
use super::super::set::ValueSet;
use super::Group;

type Fields = BTreeMap<Field, ValueSet>;

/// The sources that some packets of a query are refused for.
pub(super) struct Refused<'g> {
    sources: ValueSet,
    /// What other packets are like that come from one of them.
    accepted: Vec<&'g Fields>,
}

impl<'g> Refused<'g> {
    /// Of the groups that are refused for their source, and of all others.
    pub(super) fn new(refused: &[Group], others: &'g [Group]) -> Refused<'g> {
        let told = refused.iter().flat_map(|group| &group.fields).filter_map(|fields| fields.get(&Field::Src));
        let sources = ValueSet::from_ranges(told.flat_map(|set| set.ranges().iter().copied()));
        let has_one = |fields: &&Fields| fields.get(&Field::Src).is_some_and(|set| !set.apart(&sources));
        let accepted = others.iter().flat_map(|group| &group.fields).filter(has_one).collect();
        Refused { sources, accepted }
    }

    /// The refused sources that no packets have which are in every other field like these.
    pub(super) fn beside(&self, fields: &Fields) -> ValueSet {
        let alike = |other: &&&Fields| {
            let mut others = fields.iter().filter(|(field, _)| **field != Field::Src);
            others.all(|(field, set)| other.get(field).is_none_or(|values| !values.apart(set)))
        };
        let taken = self.accepted.iter().filter(alike).filter_map(|other| other.get(&Field::Src));
        taken.fold(self.sources.clone(), |left, sources| left.minus(sources))
    }
}
