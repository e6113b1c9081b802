//! Classes of packets that wait to go on: the likeliest goes first.

use std::cmp::Ordering;

use super::state::State;

/// A class that waits, by its weight; of two of one weight the one that was there first.
pub(super) struct Waiting(pub(super) Box<State>, pub(super) u64);

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.weight.total_cmp(&other.0.weight).then(other.1.cmp(&self.1))
    }
}
