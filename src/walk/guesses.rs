//! Bounds of what is followed: how often packets are parted, and which part goes on at once.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::space::{Open, Space};

/// Of more waiting classes than this the likeliest is no longer looked for at every branch: twenty rules that hold by chance
/// make a million ways before the first of them ends.
pub(super) const MANY: usize = 4096;
/// The same packets are parted so often by what can only be assumed of them; then they are taken to go the likeliest way.
const GUESSES: usize = 1024;

/// The part of a class that goes on at once, taken from the others: the likeliest, where one is to.
pub(super) fn likeliest(parts: &mut Vec<(Space, f64)>, at_once: bool) -> Option<(Space, f64)> {
    let best = (0..parts.len()).rev().max_by(|a, b| parts[*a].1.total_cmp(&parts[*b].1))?;
    at_once.then(|| parts.remove(best))
}

/// How often packets were parted by what can only be assumed of them, by which packets they are.
#[derive(Default)]
pub(super) struct Guesses(HashMap<u64, usize>);

impl Guesses {
    /// Whether these were parted too often already; counts this time.
    pub(super) fn too_often(&mut self, space: &Space, open: &Open) -> bool {
        if !matches!(open, Open::Assume { only: None, .. }) {
            return false;
        }
        let mut hasher = DefaultHasher::new();
        space.fields().for_each(|field| field.hash(&mut hasher));
        let times = self.0.entry(hasher.finish()).or_default();
        *times += 1;
        *times > GUESSES
    }
}
