//! The order in which classes go on: the likeliest first, each until it ends or is split.
//!
//! Who watches says which classes are followed, and keeps what it wants of those that ended.

use std::cmp::Ordering;
use std::collections::{BTreeSet, BinaryHeap};

use super::engine::Engine;
use super::guesses::{self, Guesses};
use super::plans::Planned;
use super::query::Query;
use super::sight::Sights;
use super::space::{Open, Space};
use super::state::{End, Ended, State};
use super::trail::Trail;
use crate::host::SetId;

/// What a run found.
pub(super) struct Run {
    pub(super) ended: Vec<Ended>,
    pub(super) trail: Trail,
    pub(super) sights: Sights,
    pub(super) unexplored: usize,
    /// The namespaces to which packets came, by their index: first the one that was asked about.
    pub(super) visited: Vec<usize>,
    /// The sets of the namespace that was asked about that would have to be read to know more.
    pub(super) needs: BTreeSet<(usize, SetId)>,
}

/// A class that waits, by its weight; of equals the one that came first.
struct Waiting {
    weight: f64,
    order: u64,
    state: Box<State>,
}

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
        self.weight.total_cmp(&other.weight).then(other.order.cmp(&self.order))
    }
}

/// The classes that wait.
enum Queue {
    /// The likeliest is the next.
    Likeliest(BinaryHeap<Waiting>, u64),
    /// One of those that were split last is the next: so few wait that those of a hundred thousand stay in the processor's caches.
    /// With what has to be known before it goes on.
    Newest(Vec<(Box<State>, Option<Open>)>),
}

impl Queue {
    fn pop(&mut self) -> Option<(Box<State>, Option<Open>)> {
        match self {
            Queue::Likeliest(heap, _) => heap.pop().map(|waiting| (waiting.state, None)),
            Queue::Newest(stack) => stack.pop(),
        }
    }

    fn push(&mut self, state: Box<State>, open: Option<Open>) {
        match self {
            Queue::Likeliest(heap, order) => {
                *order += 1;
                heap.push(Waiting { weight: state.weight, order: *order, state });
            }
            Queue::Newest(stack) => stack.push((state, open)),
        }
    }

    fn len(&self) -> usize {
        match self {
            Queue::Likeliest(heap, _) => heap.len(),
            Queue::Newest(stack) => stack.len(),
        }
    }
}

/// What watches a run.
pub(super) trait Watch {
    /// Whether the ways of classes are asked for, and the likeliest are to end first. Else all are followed, in any order.
    const TELLS: bool;

    /// Whether a class is followed.
    fn wants(&self, state: &State) -> bool;

    /// A class ended, which met its last rules with these packets, where it tells. Whether others are followed still.
    fn ended(&mut self, engine: &Engine<'_>, state: Box<State>, end: End, space: Space) -> bool;
}

/// Keeps every class that ended, up to a limit.
struct Keep {
    ended: Vec<Ended>,
    limit: usize,
}

impl Watch for Keep {
    const TELLS: bool = true;

    fn wants(&self, _: &State) -> bool {
        true
    }

    fn ended(&mut self, _: &Engine<'_>, state: Box<State>, end: End, space: Space) -> bool {
        self.ended.push(Ended { state: *state, end, space });
        self.ended.len() < self.limit
    }
}

/// Walks the packets of a query, of which every default is filled in.
pub(super) fn run<'a>(plans: Planned<'a>, query: &'a Query) -> Run {
    let mut kept = Keep { ended: Vec::new(), limit: query.limit };
    let (engine, unexplored) = watched(plans, query, &mut kept);
    let Engine { trail, sights, visited, needs, .. } = engine;
    Run { ended: kept.ended, trail, sights, unexplored, visited, needs }
}

/// The classes of a run that wait, and how often some were parted.
struct Front {
    waiting: Queue,
    parted: Guesses,
    /// How many were parted too often, and wait no longer.
    left: usize,
}

impl Front {
    /// Parts a class where something is open: its likeliest part is the one that goes on, and the others are given, or left.
    fn part(&mut self, mut state: Box<State>, open: &Open, mut parts: Vec<(Space, f64)>, tells: bool) -> Parted {
        if parts.len() == 1 {
            let likeliest = parts.pop().map(|(space, _)| (space, 1.0));
            return Parted { state, likeliest, others: parts };
        }
        let often = self.parted.too_often(&state.space, open);
        let at_once = often || !tells || self.waiting.len() > guesses::MANY;
        let likeliest = guesses::likeliest(&mut parts, at_once);
        // Each part has its own space, and copies of the whole would be thrown away.
        state.space = Space::default();
        if often {
            self.left += parts.len();
            parts.clear();
        }
        if !tells {
            parts.sort_by(|(_, one), (_, other)| one.total_cmp(other));
        }
        Parted { state, likeliest, others: parts }
    }
}

/// A class in its parts, each with its share of the whole from 0 to 1.
struct Parted {
    /// What all have in common.
    state: Box<State>,
    likeliest: Option<(Space, f64)>,
    others: Vec<(Space, f64)>,
}

impl Parted {
    /// One of the others.
    fn one(&self, space: Space, share: f64) -> Box<State> {
        Box::new(State { weight: self.state.weight * share, space, ..State::clone(&self.state) })
    }

    /// The likeliest, when the others are gone.
    fn likeliest(mut self) -> Option<Box<State>> {
        let (space, share) = self.likeliest?;
        self.state.weight *= share;
        self.state.space = space;
        Some(self.state)
    }
}

/// Why a class goes no further for now.
enum Halt {
    /// It ended.
    Ended,
    /// It ended, and nobody wants others.
    Enough,
    /// Something has to be known first.
    Asks(Box<State>, Open),
}

/// Follows a class until it ends, or until something is open.
fn follow<W: Watch>(engine: &mut Engine<'_>, mut state: Box<State>, watch: &mut W) -> Halt {
    loop {
        match engine.go_on(&mut state) {
            Ok(None) => {}
            Ok(Some(end)) => {
                let space = if W::TELLS { state.space.clone() } else { Space::default() };
                if engine.another(&mut state, &end) {
                    continue;
                }
                return if watch.ended(engine, state, end, space) { Halt::Ended } else { Halt::Enough };
            }
            Err(open) => return Halt::Asks(state, open),
        }
    }
}

/// Walks them with somebody who watches. Gives how many classes were left waiting.
pub(super) fn watched<'a, W: Watch>(plans: Planned<'a>, query: &'a Query, watch: &mut W) -> (Engine<'a>, usize) {
    let mut engine = Engine::new(plans, query);
    let mut waiting = Queue::Likeliest(BinaryHeap::new(), 0);
    if !W::TELLS {
        (engine.trail, engine.sights) = (Trail::unkept(), Sights::unkept());
        waiting = Queue::Newest(Vec::new());
    }
    waiting.push(Box::new(engine.start()), None);
    let mut front = Front { waiting, parted: Guesses::new(W::TELLS), left: 0 };
    while let Some((state, open)) = front.waiting.pop() {
        if !watch.wants(&state) {
            continue;
        }
        let mut halt = match open {
            Some(open) => Halt::Asks(state, open),
            None => follow(&mut engine, state, watch),
        };
        while let Halt::Asks(state, open) = halt {
            let parts = engine.parts(&state, &open);
            let mut parted = front.part(state, &open, parts, W::TELLS);
            halt = Halt::Ended;
            for (space, share) in std::mem::take(&mut parted.others) {
                let other = parted.one(space, share);
                if W::TELLS {
                    front.waiting.push(other, None);
                    continue;
                }
                if !watch.wants(&other) {
                    continue;
                }
                // Where no way is asked for, most parts end at once (sources that a long list refuses): they do not wait, each with a
                // copy of all that is left.
                match follow(&mut engine, other, watch) {
                    Halt::Ended => {}
                    Halt::Enough => return (engine, front.waiting.len() + front.left),
                    Halt::Asks(other, open) => front.waiting.push(other, Some(open)),
                }
            }
            if let Some(state) = parted.likeliest() {
                halt = follow(&mut engine, state, watch);
            }
        }
        if let Halt::Enough = halt {
            return (engine, front.waiting.len() + front.left);
        }
    }
    (engine, front.left)
}
