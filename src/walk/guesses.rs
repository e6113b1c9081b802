//! Bounds of what is followed: how often packets are parted, and which part goes on at once.

use std::hash::{BuildHasher, Hash, Hasher};

use super::space::{Open, Space};
use crate::host::{Quick, QuickMap};

/// Of more waiting classes than this the likeliest is no longer looked for at every branch: twenty rules that hold by chance
/// make a million ways before the first of them ends.
pub(super) const MANY: usize = 4096;
/// The same packets are parted so often by what can only be assumed of them; then they are taken to go the likeliest way.
const GUESSES: usize = 1024;
/// The same where ways are not told, and cost little.
const UNTOLD: usize = 16_384;

/// The part of a class that goes on at once, taken from the others: the likeliest, where one is to.
pub(super) fn likeliest(parts: &mut Vec<(Space, f64)>, at_once: bool) -> Option<(Space, f64)> {
    let best = (0..parts.len()).rev().max_by(|a, b| parts[*a].1.total_cmp(&parts[*b].1))?;
    at_once.then(|| parts.remove(best))
}

/// How often packets were parted by what can only be assumed of them, by which packets they are.
pub(super) struct Guesses {
    most: usize,
    quick: Quick,
    by_packets: QuickMap<u64, usize>,
}

impl Guesses {
    /// None yet; more are followed where ways are not told.
    pub(super) fn new(tells: bool) -> Guesses {
        Guesses { most: if tells { GUESSES } else { UNTOLD }, quick: Quick::default(), by_packets: QuickMap::default() }
    }

    /// Whether these were parted too often already; counts this time.
    pub(super) fn too_often(&mut self, space: &Space, open: &Open) -> bool {
        if !matches!(open, Open::Assume { only: None, .. }) {
            return false;
        }
        let mut hasher = self.quick.build_hasher();
        space.fields().for_each(|field| field.hash(&mut hasher));
        let times = self.by_packets.entry(hasher.finish()).or_default();
        *times += 1;
        *times > self.most
    }
}
