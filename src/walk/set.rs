//! Sets of values of one field, as sorted disjoint ranges.
//!
//! Ports, addresses of both families, marks and device numbers are all numbers below 2¹²⁸, so one type serves them all.
//! It knows nothing of what the numbers mean.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A set of numbers: sorted, disjoint, non-adjacent ranges, first and last included. A clone shares them: a walk that is
/// split ten thousand times keeps one copy of a set that no split was about.
#[derive(Clone)]
pub struct ValueSet {
    ranges: Arc<[(u128, u128)]>,
}

impl Default for ValueSet {
    fn default() -> ValueSet {
        ValueSet { ranges: Arc::new([]) }
    }
}

impl PartialEq for ValueSet {
    fn eq(&self, other: &ValueSet) -> bool {
        Arc::ptr_eq(&self.ranges, &other.ranges) || self.ranges == other.ranges
    }
}

impl Eq for ValueSet {}

impl Hash for ValueSet {
    /// A few of the ranges tell sets apart well enough.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let ranges = &self.ranges;
        (ranges.len(), ranges.first(), ranges.get(ranges.len() / 2), ranges.last()).hash(state);
    }
}

impl ValueSet {
    /// No value.
    pub fn empty() -> ValueSet {
        ValueSet::default()
    }

    /// One value.
    pub fn one(value: u128) -> ValueSet {
        ValueSet { ranges: Arc::new([(value, value)]) }
    }

    /// The values from `first` to `last`; empty if `last` is below `first`.
    pub fn range(first: u128, last: u128) -> ValueSet {
        if first > last { ValueSet::empty() } else { ValueSet { ranges: Arc::new([(first, last)]) } }
    }

    /// Every value of a field of `bits` bits, 1 to 128.
    pub fn full(bits: u8) -> ValueSet {
        ValueSet::range(0, u128::MAX >> (128 - u32::from(bits)))
    }

    /// The values within any of the ranges, in any order.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (u128, u128)>) -> ValueSet {
        let mut ranges: Vec<_> = ranges.into_iter().filter(|(first, last)| first <= last).collect();
        ranges.sort_unstable();
        let mut merged: Vec<(u128, u128)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some(previous) if first <= previous.1.saturating_add(1) => previous.1 = previous.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        ValueSet { ranges: merged.into() }
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> &[(u128, u128)] {
        &self.ranges
    }

    /// Whether it has no value.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Its only value, where it has just one.
    pub fn only(&self) -> Option<u128> {
        match self.ranges[..] {
            [(first, last)] if first == last => Some(first),
            _ => None,
        }
    }

    /// Its lowest value.
    pub fn first(&self) -> Option<u128> {
        self.ranges.first().map(|range| range.0)
    }

    /// Whether `value` is in it.
    pub fn contains(&self, value: u128) -> bool {
        let after = self.ranges.partition_point(|range| range.0 <= value);
        after > 0 && self.ranges[after - 1].1 >= value
    }

    /// How many values it has, as a float: weights need no more.
    pub fn size(&self) -> f64 {
        self.ranges.iter().map(|(first, last)| (last - first) as f64 + 1.0).sum()
    }

    /// The values in both.
    pub fn and(&self, other: &ValueSet) -> ValueSet {
        // What is whole inside a single range is not copied.
        for (one, many) in [(self, other), (other, self)] {
            if let ([(first, last)], Some((least, _)), Some((_, greatest))) =
                (&one.ranges[..], many.ranges.first(), many.ranges.last())
                && first <= least
                && greatest <= last
            {
                return many.clone();
            }
        }
        // Of a long set only what lies beside a short one is looked at.
        let begins = |one: &ValueSet, other: &ValueSet| {
            other.first().map_or(0, |first| one.ranges.partition_point(|range| range.1 < first))
        };
        let (mut i, mut j) = (begins(self, other), begins(other, self));
        let mut ranges = Vec::new();
        while let (Some(a), Some(b)) = (self.ranges.get(i), other.ranges.get(j)) {
            let (first, last) = (a.0.max(b.0), a.1.min(b.1));
            if first <= last {
                ranges.push((first, last));
            }
            if a.1 < b.1 {
                i += 1;
            } else {
                j += 1;
            }
        }
        ValueSet { ranges: ranges.into() }
    }

    /// The values in either.
    pub fn or(&self, other: &ValueSet) -> ValueSet {
        ValueSet::from_ranges(self.ranges.iter().chain(other.ranges.iter()).copied())
    }

    /// The values in this one and not in the other.
    pub fn minus(&self, other: &ValueSet) -> ValueSet {
        let (Some(least), Some((_, most))) = (other.first(), other.ranges.last()) else { return self.clone() };
        // What lies before and behind all that goes is kept as it is.
        let begin = self.ranges.partition_point(|range| range.1 < least);
        let end = begin + self.ranges[begin..].partition_point(|range| range.0 <= *most);
        let mut ranges = Vec::with_capacity(self.ranges.len() + other.ranges.len());
        ranges.extend_from_slice(&self.ranges[..begin]);
        let mut j = 0;
        for &(first, last) in &self.ranges[begin..end] {
            let mut from = Some(first);
            while other.ranges.get(j).is_some_and(|range| range.1 < first) {
                j += 1;
            }
            let mut k = j;
            while let (Some(start), Some(&(cut_first, cut_last))) = (from, other.ranges.get(k)) {
                if cut_first > last {
                    break;
                }
                if cut_first > start {
                    ranges.push((start, cut_first - 1));
                }
                from = cut_last.checked_add(1).filter(|next| *next <= last);
                k += 1;
            }
            if let Some(start) = from {
                ranges.push((start, last));
            }
        }
        ranges.extend_from_slice(&self.ranges[end..]);
        ValueSet { ranges: ranges.into() }
    }

    /// Whether every value of this one is in the other.
    pub fn within(&self, other: &ValueSet) -> bool {
        // Of a single range the ends tell.
        if let ([(least, most)], Some(first), Some(last)) = (&other.ranges[..], self.first(), self.ranges.last()) {
            return *least <= first && last.1 <= *most;
        }
        let mut after = 0;
        Arc::ptr_eq(&self.ranges, &other.ranges)
            || self.ranges.iter().all(|&(first, last)| {
                after = seek(&other.ranges, after, |range| range.0 <= first);
                after > 0 && other.ranges[after - 1].1 >= last
            })
    }

    /// Whether no value is in both.
    pub fn apart(&self, other: &ValueSet) -> bool {
        let (mut i, mut j) = (0, 0);
        while let (Some(a), Some(b)) = (self.ranges.get(i), other.ranges.get(j)) {
            if a.0.max(b.0) <= a.1.min(b.1) {
                return false;
            }
            if a.1 < b.0 {
                i = seek(&self.ranges, i, |range| range.1 < b.0);
            } else {
                j = seek(&other.ranges, j, |range| range.1 < a.0);
            }
        }
        true
    }
}

/// The first place from `from` on at which the test fails, which it does from there on: near ones are found soonest.
fn seek(ranges: &[(u128, u128)], from: usize, test: impl Fn(&(u128, u128)) -> bool) -> usize {
    let mut step = 1;
    let mut low = from;
    while let Some(range) = ranges.get(low + step - 1)
        && test(range)
    {
        low += step;
        step *= 2;
    }
    let high = (low + step - 1).min(ranges.len());
    low + ranges[low..high].partition_point(test)
}

impl fmt::Debug for ValueSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ranges.iter()).finish()
    }
}
