//! Which element of a set a packet met.
//!
//! It is told only where all packets that are meant meet the same one: of an open address it is known at most that it is
//! in the set.

use super::super::condition::Scene;
use crate::host::xt::Match;
use crate::host::{ElementId, RuleId};

/// An element of a set that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Met {
    /// Of a set or map of nf_tables.
    Native(ElementId),
    /// Of one of ipset's sets, by its position among those of the namespace; where a rule asks a list of sets, one of its members.
    Ipset {
        /// The set.
        set: u32,
        /// The position of the element.
        element: u32,
    },
}

/// What other packets met, beside these.
pub(super) fn take_in(met: &mut Vec<Met>, other: &[Met]) {
    if met.is_empty() || other.is_empty() {
        met.clear();
        return;
    }
    let new: Vec<Met> = other.iter().filter(|one| !met.contains(one)).copied().collect();
    met.extend(new);
}

/// What the packet of a scene meets in the set that a match asks.
pub(super) fn in_match(scene: &Scene<'_>, matched: &Match, at: (RuleId, u16)) -> Vec<Met> {
    match matched {
        Match::Set(asked) => {
            let met = scene.met_in_ipset(asked, at);
            met.map(|(set, element)| Met::Ipset { set, element }).into_iter().collect()
        }
        _ => Vec::new(),
    }
}
