//! What becomes of all packets of a query, where their ways are too many to be told: who gets how many of them.
//!
//! Shares of packets that end alike are one, whatever way they went. They say nothing of ways, and of conditions only the sources.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::engine::Engine;
use super::field::Field;
use super::outcome::{Endpoints, FateKind, Reason};
use super::plans::Planned;
use super::query::Query;
use super::run::{Watch, watched};
use super::set::ValueSet;
use super::space::Space;
use super::state::{End, State};
use crate::host::Hook;

/// After so many classes the others are not followed: what becomes of all packets is not known then.
const MOST: usize = 16_384;

/// Packets that end alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// The sources that they entered with.
    pub src: ValueSet,
    /// In which way they ended.
    pub kind: FateKind,
    /// What decided that, where no rule did.
    pub reason: Option<Reason>,
    /// Index of the namespace in which they ended.
    pub namespace: usize,
    /// Where they went at the end, as far as that is known; without sources.
    pub to: Endpoints,
    /// The socket that got them, as an index into those of that namespace.
    pub socket: Option<usize>,
    /// Their destination was translated.
    pub translated: bool,
    /// How many they are of all packets, from 0 to 1, unknown fields taken as evenly spread.
    pub weight: f64,
}

/// The shares of a query of which every default is filled in, with chains in each of these orders; none where they are too
/// many to be found.
pub(super) fn shares<'a>(orders: &[Planned<'a>], query: &'a Query) -> Vec<Share> {
    let mut shared = Shared { query, found: HashMap::new(), all: Vec::new(), classes: 0 };
    for &plans in orders {
        shared.classes = 0;
        if watched(plans, query, &mut shared).1 > 0 {
            return Vec::new();
        }
    }
    shared.told(orders.len() as f64)
}

/// What tells one share from another.
type Key = (FateKind, Option<Reason>, usize, Endpoints, Option<usize>, bool);

struct Shared<'a> {
    query: &'a Query,
    found: HashMap<Key, usize>,
    all: Vec<(Key, Vec<ValueSet>, f64)>,
    classes: usize,
}

impl Shared<'_> {
    fn told(self, orders: f64) -> Vec<Share> {
        let share =
            |((kind, reason, namespace, to, socket, translated), sources, weight): (Key, Vec<ValueSet>, f64)| {
                let src = ValueSet::from_ranges(sources.iter().flat_map(|set| set.ranges().iter().copied()));
                Share { src, kind, reason, namespace, to, socket, translated, weight: weight / orders }
            };
        let mut shares: Vec<Share> = self.all.into_iter().map(share).collect();
        shares.sort_by_key(|share| (rank(share.weight), share.to.dst, share.to.dport));
        shares
    }
}

/// Sorts the likelier before the less likely. What differs by less than one in a hundred is as likely: probabilities are
/// written with few digits.
pub fn rank(weight: f64) -> Reverse<i64> {
    Reverse((weight.ln() * 64.0).round() as i64)
}

impl Watch for Shared<'_> {
    const TELLS: bool = false;

    fn wants(&self, _: &Space) -> bool {
        true
    }

    fn ended(&mut self, engine: &Engine<'_>, state: Box<State>, end: End, _: Space) -> bool {
        let goes = matches!(end.kind, FateKind::Delivered | FateKind::Forwarded | FateKind::Sent);
        let scene = engine.scene(&state, Hook::Input);
        let to = Endpoints {
            dst: scene.address_of(&state.packet.dst).filter(|_| goes),
            dport: scene.port_of(&state.packet.dport).filter(|_| goes),
            ..Endpoints::default()
        };
        let socket = (end.kind == FateKind::Delivered).then(|| engine.socket(&state, &end)).flatten();
        let key = (end.kind, end.reason, state.namespace, to, socket, state.packet.flow.dnat);
        let at = *self.found.entry(key).or_insert_with(|| {
            self.all.push((key, Vec::new(), 0.0));
            self.all.len() - 1
        });
        let (_, sources, weight) = &mut self.all[at];
        sources.push(state.space.values(Field::Src).cloned().unwrap_or_else(|| self.query.values(Field::Src)));
        *weight += state.weight;
        self.classes += 1;
        self.classes < MOST
    }
}
