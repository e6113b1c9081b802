//! The order in which classes go on: the likeliest first, each until it ends or is split; where nobody asks for ways, those that end
//! soonest.
//!
//! Who watches says which classes are followed, and keeps what it wants of those that ended.

use std::cmp::Ordering;
use std::collections::{BTreeSet, BinaryHeap, HashSet};
use std::ops::ControlFlow;

use super::engine::Engine;
use super::guesses::{self, Guesses};
use super::outcome::{FateKind, StepAt};
use super::plans::Planned;
use super::query::Query;
use super::sight::Sights;
use super::space::{Open, Space};
use super::state::{End, Ended, State};
use super::trail::Trail;
use crate::host::{ChainId, SetId};

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

/// What watches a run.
pub(super) trait Watch {
    /// Whether the ways of classes are asked for, and the likeliest are to end first. Else all are followed, in any order.
    const TELLS: bool;

    /// Whether a class of these packets is followed.
    fn wants(&self, space: &Space) -> bool;

    /// A class ended, which met its last rules with these packets, where it tells. Whether others are followed still.
    fn ended(&mut self, engine: &Engine<'_>, state: Box<State>, end: End, space: Space) -> bool;
}

/// So many classes for each that the limit allows are kept where rules of one chain refuse them all: a list of banned sources ends a
/// class with each of its rules, and takes no other's place.
const LISTED: usize = 64;

/// Keeps every class that ended, up to a limit: those that rules of one chain refuse count once.
struct Keep {
    ended: Vec<Ended>,
    limit: usize,
    /// How many of them count.
    counted: usize,
    /// The chains whose rules refused some, each with the index of its namespace.
    refusing: HashSet<(usize, ChainId)>,
}

impl Keep {
    /// Whether a class counts: it is not one more that rules of the same chain refused.
    fn counts(&mut self, state: &State, end: &End) -> bool {
        let refuses = matches!(end.kind, FateKind::Dropped | FateKind::Rejected);
        match end.by.as_ref().map(|by| by.at).filter(|_| refuses) {
            Some(StepAt::Rule(rule)) => self.refusing.insert((state.namespace, rule.chain)),
            _ => true,
        }
    }
}

impl Watch for Keep {
    const TELLS: bool = true;

    fn wants(&self, _: &Space) -> bool {
        true
    }

    fn ended(&mut self, _: &Engine<'_>, state: Box<State>, end: End, space: Space) -> bool {
        self.counted += usize::from(self.counts(&state, &end));
        self.ended.push(Ended { state: *state, end, space });
        self.counted < self.limit && self.ended.len() < self.limit.saturating_mul(LISTED)
    }
}

/// Walks the packets of a query, of which every default is filled in.
pub(super) fn run<'a>(plans: Planned<'a>, query: &'a Query) -> Run {
    let mut kept = Keep { ended: Vec::new(), limit: query.limit, counted: 0, refusing: HashSet::new() };
    let (engine, unexplored) = watched(plans, query, &mut kept);
    let Engine { trail, sights, visited, needs, .. } = engine;
    Run { ended: kept.ended, trail, sights, unexplored, visited, needs }
}

/// Walks them with somebody who watches. Gives how many classes were left waiting.
pub(super) fn watched<'a, W: Watch>(plans: Planned<'a>, query: &'a Query, watch: &mut W) -> (Engine<'a>, usize) {
    let mut engine = Engine::new(plans, query);
    let guesses = Guesses::new(W::TELLS);
    let left = if W::TELLS {
        Likeliest { engine: &mut engine, watch, waiting: BinaryHeap::new(), order: 0, guesses, left: 0 }.run()
    } else {
        (engine.trail, engine.sights) = (Trail::unkept(), Sights::unkept());
        Nearest { engine: &mut engine, watch, waiting: Vec::new(), guesses, left: 0 }.run()
    };
    (engine, left)
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

/// What the parts of a class have in common; each has its own space, and copies of the whole would be thrown away.
fn common(mut state: Box<State>) -> Box<State> {
    state.space = Space::default();
    state
}

/// One part of a class.
fn one(whole: &State, (space, share): (Space, f64)) -> Box<State> {
    Box::new(State { weight: whole.weight * share, space, ..whole.clone() })
}

/// The last part of a class.
fn last(mut whole: Box<State>, (space, share): (Space, f64)) -> Box<State> {
    (whole.weight, whole.space) = (whole.weight * share, space);
    whole
}

/// A run whose likeliest class is always the next.
struct Likeliest<'r, 'a, W> {
    engine: &'r mut Engine<'a>,
    watch: &'r mut W,
    waiting: BinaryHeap<Waiting>,
    /// How many have waited so far.
    order: u64,
    guesses: Guesses,
    /// How many were parted too often, and wait no longer.
    left: usize,
}

impl<W: Watch> Likeliest<'_, '_, W> {
    fn run(mut self) -> usize {
        let mut next = Some(Box::new(self.engine.start()));
        while let Some(state) = next.take().or_else(|| self.waiting.pop().map(|waiting| waiting.state)) {
            if !self.watch.wants(&state.space) {
                continue;
            }
            match follow(self.engine, state, self.watch) {
                Halt::Ended => {}
                Halt::Enough => break,
                Halt::Asks(state, open) => next = self.part(state, &open),
            }
        }
        self.waiting.len() + self.left
    }

    /// Parts a class where something is open. Gives the part that goes on at once, where one is to.
    fn part(&mut self, state: Box<State>, open: &Open) -> Option<Box<State>> {
        let mut parts = self.engine.parts(&state, open);
        if parts.len() == 1 {
            return parts.pop().map(|(space, _)| last(state, (space, 1.0)));
        }
        let often = self.guesses.too_often(&state.space, open);
        let at_once = often || self.waiting.len() > guesses::MANY;
        let likeliest = guesses::likeliest(&mut parts, at_once);
        let whole = common(state);
        if often {
            self.left += parts.len();
            parts.clear();
        }
        for part in parts {
            self.order += 1;
            let state = one(&whole, part);
            self.waiting.push(Waiting { weight: state.weight, order: self.order, state });
        }
        likeliest.map(|part| last(whole, part))
    }
}

/// So many parts that are not the likeliest are followed one within the other before others wait: the services behind ten thousand ports
/// end while what is known of them is in the processor's caches.
const AHEAD: usize = 3;

/// A run of which nobody asks for ways: every class is followed, those first that end soonest.
struct Nearest<'r, 'a, W> {
    engine: &'r mut Engine<'a>,
    watch: &'r mut W,
    /// Those that wait, with what has to be known of each before it goes on: the last is the next.
    waiting: Vec<(Box<State>, Open)>,
    guesses: Guesses,
    /// As in [`Likeliest`].
    left: usize,
}

impl<W: Watch> Nearest<'_, '_, W> {
    fn run(mut self) -> usize {
        let start = Box::new(self.engine.start());
        let mut goes_on = self.follow(start, 0);
        while goes_on.is_continue()
            && let Some((state, open)) = self.waiting.pop()
        {
            if self.watch.wants(&state.space) {
                goes_on = self.part(state, open, 0);
            }
        }
        self.waiting.len() + self.left
    }

    fn follow(&mut self, state: Box<State>, ahead: usize) -> ControlFlow<()> {
        match follow(self.engine, state, self.watch) {
            Halt::Ended => {}
            Halt::Enough => return ControlFlow::Break(()),
            Halt::Asks(state, open) if ahead < AHEAD => return self.part(state, open, ahead),
            Halt::Asks(state, open) => self.waiting.push((state, open)),
        }
        ControlFlow::Continue(())
    }

    /// Follows all parts of a class, the likeliest last: most of the others end at once (sources that a long list refuses), and do
    /// not wait, each with a copy of all that is left.
    fn part(&mut self, mut state: Box<State>, mut open: Open, ahead: usize) -> ControlFlow<()> {
        loop {
            let mut parts = self.engine.parts(&state, &open);
            let often = parts.len() > 1 && self.guesses.too_often(&state.space, &open);
            let Some(likeliest) = guesses::likeliest(&mut parts, true) else { return ControlFlow::Continue(()) };
            if often {
                self.left += parts.len();
                parts.clear();
            }
            parts.sort_by(|(_, one), (_, other)| one.total_cmp(other));
            let whole = common(state);
            for part in parts {
                if self.watch.wants(&part.0) {
                    self.follow(one(&whole, part), ahead + 1)?;
                }
            }
            // The others may have told all that is asked.
            if !self.watch.wants(&likeliest.0) {
                return ControlFlow::Continue(());
            }
            match follow(self.engine, last(whole, likeliest), self.watch) {
                Halt::Ended => return ControlFlow::Continue(()),
                Halt::Enough => return ControlFlow::Break(()),
                Halt::Asks(next, asked) => (state, open) = (next, asked),
            }
        }
    }
}
