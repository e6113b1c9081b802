//! What is said of a few fields: as quick to copy as to ask, since every split of a walk copies it.

use super::field::Field;
use super::set::ValueSet;

/// The values that fields may have, in the order of the fields.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Fields(Vec<(Field, ValueSet)>);

impl Fields {
    /// The values of a field, where something is said of it.
    pub(super) fn get(&self, field: Field) -> Option<&ValueSet> {
        self.0.iter().find(|(known, _)| *known == field).map(|(_, values)| values)
    }

    /// Says which values a field may have, whatever was said before.
    pub(super) fn insert(&mut self, field: Field, values: ValueSet) {
        let at = self.0.partition_point(|(known, _)| *known < field);
        match self.0.get_mut(at) {
            Some((known, said)) if *known == field => *said = values,
            _ => self.0.insert(at, (field, values)),
        }
    }

    /// Forgets what was said of a field.
    pub(super) fn remove(&mut self, field: Field) -> Option<ValueSet> {
        let at = self.0.iter().position(|(known, _)| *known == field)?;
        Some(self.0.remove(at).1)
    }

    /// Every field of which something is said.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Field, &ValueSet)> {
        self.0.iter().map(|(field, values)| (*field, values))
    }
}

impl FromIterator<(Field, ValueSet)> for Fields {
    fn from_iter<I: IntoIterator<Item = (Field, ValueSet)>>(said: I) -> Fields {
        let mut fields = Fields::default();
        said.into_iter().for_each(|(field, values)| fields.insert(field, values));
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_last_counts_until_it_is_forgotten() {
        let mut fields: Fields =
            [(Field::Dport, ValueSet::one(80)), (Field::Src, ValueSet::one(1))].into_iter().collect();
        fields.insert(Field::Dport, ValueSet::one(443));
        assert_eq!(fields.get(Field::Dport), Some(&ValueSet::one(443)));
        assert_eq!(fields.iter().map(|(field, _)| field).collect::<Vec<_>>(), [Field::Src, Field::Dport]);
        assert_eq!((fields.remove(Field::Dport), fields.get(Field::Dport)), (Some(ValueSet::one(443)), None));
        assert_eq!(fields.remove(Field::Dst), None);
    }
}
