//! The ways that packets went, as a tree: ways that begin alike share their beginning, and two packets that went the
//! same way have the same [`Place`] in it.

use super::outcome::{Step, StepAt};
use super::packet::Value;
use super::way::Decision;
use crate::host::{Hook, QuickMap};

/// A place in the tree: the way from its root to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place(u32);

impl Place {
    /// Where every way begins.
    pub(super) const START: Place = Place(0);
}

/// Something that happened, with what is named only when the walk is told.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Mark {
    /// A rule held, or a chain ended.
    Step(Step),
    /// Routing decided.
    Route {
        /// The pass, from 1.
        pass: u32,
        /// The hook it came after; `None`: before output.
        after: Option<Hook>,
        /// The destination that was asked for.
        dst: Value,
        /// What it decided.
        decision: Decision,
    },
}

#[derive(Debug)]
struct Node {
    parent: Place,
    mark: Mark,
}

/// The tree.
#[derive(Debug, Default)]
pub(super) struct Trail {
    nodes: Vec<Node>,
    children: QuickMap<(Place, Option<StepAt>), Vec<Place>>,
    /// Nobody will ask: nothing is kept, and every way is the same place.
    unkept: bool,
}

impl Trail {
    /// One that keeps nothing.
    pub(super) fn unkept() -> Trail {
        Trail { unkept: true, ..Trail::default() }
    }

    /// The place that lies one mark further.
    pub(super) fn push(&mut self, from: Place, mark: Mark) -> Place {
        if self.unkept {
            return from;
        }
        let key = match &mark {
            Mark::Step(step) => Some(step.at),
            Mark::Route { .. } => None,
        };
        let places = self.children.entry((from, key)).or_default();
        let nodes = &self.nodes;
        if let Some(place) = places.iter().find(|place| nodes[place.0 as usize - 1].mark == mark) {
            return *place;
        }
        self.nodes.push(Node { parent: from, mark });
        let place = Place(self.nodes.len() as u32);
        places.push(place);
        place
    }

    /// The places on the way to a place: after nothing, after one mark, and so on.
    pub(super) fn places(&self, place: Place) -> Vec<Place> {
        let before = |place: &Place| (place.0 as usize).checked_sub(1).map(|at| self.nodes[at].parent);
        let mut places: Vec<Place> = std::iter::successors(Some(place), before).collect();
        places.reverse();
        places
    }

    /// What happened on the way to a place, in order.
    pub(super) fn way(&self, mut place: Place) -> Vec<&Mark> {
        let mut marks = Vec::new();
        while let Some(node) = (place.0 as usize).checked_sub(1).map(|i| &self.nodes[i]) {
            marks.push(&node.mark);
            place = node.parent;
        }
        marks.reverse();
        marks
    }
}
