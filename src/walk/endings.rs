//! What becomes of packets, without how they came there: for questions about thousands of classes at once.
//!
//! A class is dropped as soon as it ended, with all that an outcome would tell of its way; neither are classes that ended
//! alike put together, but for those that rules refuse: of a list of a hundred thousand sources each ends a class.

use super::engine::Engine;
use super::field::Field;
use super::outcome::FateKind;
use super::plans::Planned;
use super::query::Query;
use super::run::{Watch, watched};
use super::set::ValueSet;
use super::space::Space;
use super::state::{End, Passing, State};
use crate::host::{Hook, QuickMap, SetId, What};

/// What became of a class of packets.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// The destinations that its packets entered with.
    pub dst: ValueSet,
    /// The destination ports that they entered with.
    pub dport: ValueSet,
    /// In which way they ended.
    pub kind: FateKind,
    /// A socket got them, or one may have: which there are was not read.
    pub heard: bool,
    /// Rules gave them another destination, or a socket, in one of the namespaces that they came to.
    pub diverted: bool,
    /// They went on into another namespace.
    pub left: bool,
    /// A rule before routing had the last word of which nobody knows what it does: it may have sent them elsewhere.
    pub untold: bool,
}

/// What became of all of them.
#[derive(Debug, Clone, Default)]
pub struct Endings {
    /// In the order in which they were found. What was refused, and turned nowhere before, is not told again where endings of that
    /// kind told of its ports.
    pub all: Vec<Ending>,
    /// How many classes were not followed to their end because the limit of the query was reached.
    pub unexplored: usize,
    /// The sets whose elements were counted, and that would have to be read for a certain answer.
    pub needs: Vec<(usize, SetId)>,
}

impl Endings {
    /// Adds what was found another way.
    pub(super) fn append(&mut self, other: Endings) {
        self.all.extend(other.all);
        self.unexplored += other.unexplored;
        self.needs.extend(other.needs);
        self.needs.sort_unstable();
        self.needs.dedup();
    }
}

/// Walks the packets of a query, of which every default is filled in. Where `settles` holds of an ending, no other packets
/// to the same destinations and port are followed.
pub(super) fn endings<'a>(plans: Planned<'a>, query: &'a Query, settles: &dyn Fn(&Ending) -> bool) -> Endings {
    let mut kept = Kept { query, settles, settled: QuickMap::default(), refused: Vec::new(), open: 0, all: Vec::new() };
    let (engine, unexplored) = watched(plans, query, &mut kept);
    let needs = engine.needs.into_iter().collect();
    Endings { all: kept.all, unexplored, needs }
}

/// Whether a way through a namespace gave packets another destination: conntrack forgets that where they leave it.
fn is_translated(pass: &Passing) -> bool {
    pass.leaves.as_ref().is_some_and(|leaves| leaves[2..] != pass.enters[2..])
}

/// Whether rules there can give packets another destination (`nf_nat_ipv4_ops`).
fn is_before_routing(hook: Hook) -> bool {
    match hook {
        Hook::Prerouting | Hook::Output => true,
        Hook::Ingress | Hook::Input | Hook::Forward | Hook::Postrouting | Hook::Egress => false,
    }
}

/// So many endings that rules refuse, which a long list makes many of, count like one of the others.
const WHOLE: usize = 16;

struct Kept<'a> {
    query: &'a Query,
    settles: &'a dyn Fn(&Ending) -> bool,
    /// The destinations for which a port is settled.
    settled: QuickMap<u128, ValueSet>,
    /// The ports of refused endings of each kind, within the namespace that was asked about or beyond it.
    refused: Vec<(FateKind, bool, ValueSet)>,
    /// How many endings settled nothing, in parts of [`WHOLE`]: those count against the limit of the query.
    open: usize,
    all: Vec<Ending>,
}

impl Kept<'_> {
    fn wants_more(&self) -> bool {
        self.open < self.query.limit.saturating_mul(WHOLE)
    }

    /// Whether the ports of a refused ending were told already; they are from now on.
    fn is_told(&mut self, ending: &Ending) -> bool {
        let same = |told: &&mut (FateKind, bool, ValueSet)| (told.0, told.1) == (ending.kind, ending.left);
        let Some((.., ports)) = self.refused.iter_mut().find(same) else {
            self.refused.push((ending.kind, ending.left, ending.dport.clone()));
            return false;
        };
        let told = ending.dport.within(ports);
        if !told {
            *ports = ports.or(&ending.dport);
        }
        told
    }
}

impl Watch for Kept<'_> {
    const TELLS: bool = false;

    fn wants(&self, space: &Space) -> bool {
        let Some(settled) = space.known(Field::Dport).and_then(|port| self.settled.get(&port)) else {
            return true;
        };
        space.values(Field::Dst).is_none_or(|dst| !dst.within(settled))
    }

    fn ended(&mut self, engine: &Engine<'_>, state: Box<State>, end: End, _: Space) -> bool {
        let values = |field| state.space.values(field).cloned().unwrap_or_else(|| self.query.values(field));
        let unread = !engine.plan.namespace().is_read(What::Sockets);
        let ending = Ending {
            dst: values(Field::Dst),
            dport: values(Field::Dport),
            kind: end.kind,
            heard: end.kind == FateKind::Delivered && (unread || engine.socket(&state, &end).is_some()),
            diverted: state.packet.flow.dnat || state.packet.socket.is_some() || state.passes.iter().any(is_translated),
            left: state.passes.iter().any(|pass| pass.namespace != self.query.namespace),
            untold: end.kind == FateKind::Unknown && end.by.as_ref().is_some_and(|by| is_before_routing(by.hook)),
        };
        if (self.settles)(&ending) {
            if let Some(port) = ending.dport.only() {
                let settled = self.settled.entry(port).or_default();
                *settled = settled.or(&ending.dst);
            }
        } else {
            let refused = matches!(ending.kind, FateKind::Dropped | FateKind::Rejected) && !ending.diverted;
            self.open += if refused { 1 } else { WHOLE };
            if refused && self.is_told(&ending) {
                return self.wants_more();
            }
        }
        self.all.push(ending);
        self.wants_more()
    }
}
