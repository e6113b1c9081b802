//! The packet as the rules of a way saw it: kept where it changed, so that rules that did not hold can be asked about later.
//!
//! Ways that begin alike share what they saw. Nothing is kept for a rule that changes nothing.

use super::packet::Packet;
use super::trail::Place;
use crate::host::RuleId;

/// The last change on a way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen(u32);

impl Seen {
    /// Nothing yet.
    pub(super) const NOTHING: Seen = Seen(0);
}

/// The packet, from some point of a way on.
#[derive(Debug)]
pub(super) struct Sight {
    before: Seen,
    /// What had happened until then.
    pub(super) place: Place,
    /// The rule that changed it and did not hold all the same; `None`: a chain is entered, or gone on with.
    pub(super) after: Option<RuleId>,
    /// The packet.
    pub(super) packet: Packet,
    /// It was made in the namespace, and no device carried it yet.
    pub(super) made_here: bool,
}

/// All that was seen.
#[derive(Debug, Default)]
pub(super) struct Sights {
    all: Vec<Sight>,
    /// Nobody will ask: nothing is kept.
    unkept: bool,
}

impl Sights {
    /// Those of which nothing is kept.
    pub(super) fn unkept() -> Sights {
        Sights { unkept: true, ..Sights::default() }
    }

    /// Keeps the packet if it is not what it was.
    pub(super) fn see(
        &mut self,
        before: Seen,
        place: Place,
        after: Option<RuleId>,
        (packet, made_here): (&Packet, bool),
    ) -> Seen {
        if self.unkept || self.at(before).is_some_and(|last| last.made_here == made_here && last.packet == *packet) {
            return before;
        }
        self.all.push(Sight { before, place, after, packet: packet.clone(), made_here });
        Seen(self.all.len() as u32)
    }

    fn at(&self, seen: Seen) -> Option<&Sight> {
        (seen.0 as usize).checked_sub(1).and_then(|at| self.all.get(at))
    }

    /// What was seen on a way, the first first.
    pub(super) fn way(&self, last: Seen) -> Vec<&Sight> {
        let mut way: Vec<&Sight> = std::iter::successors(self.at(last), |sight| self.at(sight.before)).collect();
        way.reverse();
        way
    }
}
