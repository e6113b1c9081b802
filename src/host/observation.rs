//! What was counted, held by identity: beside rules, so that reading it anew rebuilds none of them.

use super::hash::QuickMap;
use super::ipset;
use super::ruleset::{ChainId, RuleId};

/// What was counted in a namespace, held by identity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observations {
    /// Packets and bytes that reached the end of each rule's conditions; of a native rule what its first counter counted.
    pub rules: QuickMap<RuleId, Counters>,
    /// Packets and bytes that the policy of each base chain decided.
    pub policies: QuickMap<ChainId, Counters>,
    /// What other expressions of native rules counted, by the expression's position.
    pub expressions: QuickMap<(RuleId, u16), Tally>,
    /// What stateful objects counted, by their position in their table: [`ObjectId`].
    pub objects: QuickMap<ObjectId, Tally>,
    /// What is told of elements that time out or count.
    pub elements: QuickMap<ElementId, ElementState>,
    /// What was seen of each of ipset's sets, in their order.
    pub ipsets: Vec<ipset::Seen>,
}

impl Observations {
    /// Keeps what the expressions of a native rule counted, by their positions: the first counter is the rule's own.
    pub fn note(&mut self, rule: RuleId, tallies: impl IntoIterator<Item = (u16, Tally)>) {
        let mut own = true;
        for (at, tally) in tallies {
            match tally {
                Tally::Counter(counters) if own => {
                    own = false;
                    self.rules.insert(rule, counters);
                }
                _ => _ = self.expressions.insert((rule, at), tally),
            }
        }
    }

    /// Adds what was seen of the tables of another ruleset, which stand now where `place` says, if anywhere. ipset's sets
    /// are of no table: what was seen of them stays behind.
    pub fn take_in(&mut self, seen: Observations, place: impl Fn(u32) -> Option<u32>) {
        let chain = |id: ChainId| Some(ChainId { table: place(id.table)?, ..id });
        let rule = |id: RuleId| Some(RuleId { chain: chain(id.chain)?, ..id });
        let object = |id: ObjectId| Some(ObjectId { table: place(id.table)?, ..id });
        let element = |id: ElementId| Some(ElementId { table: place(id.table)?, ..id });
        let Observations { rules, policies, expressions, objects, elements, ipsets: _ } = seen;
        self.rules.extend(rules.into_iter().filter_map(|(id, seen)| Some((rule(id)?, seen))));
        self.policies.extend(policies.into_iter().filter_map(|(id, seen)| Some((chain(id)?, seen))));
        self.expressions.extend(expressions.into_iter().filter_map(|((id, at), seen)| Some(((rule(id)?, at), seen))));
        self.objects.extend(objects.into_iter().filter_map(|(id, seen)| Some((object(id)?, seen))));
        self.elements.extend(elements.into_iter().filter_map(|(id, seen)| Some((element(id)?, seen))));
    }
}

/// The identity of a stateful object within a ruleset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId {
    /// Index into [`Ruleset::tables`](super::Ruleset::tables).
    pub table: u32,
    /// Index into [`Particulars::objects`](super::nft::Particulars::objects).
    pub object: u32,
}

/// The identity of a set within a ruleset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SetId {
    /// Index into [`Ruleset::tables`](super::Ruleset::tables).
    pub table: u32,
    /// Index into [`Table::sets`](super::Table::sets).
    pub set: u32,
}

/// The identity of an element of a set within a ruleset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ElementId {
    /// Index into [`Ruleset::tables`](super::Ruleset::tables).
    pub table: u32,
    /// Index into [`Table::sets`](super::Table::sets).
    pub set: u32,
    /// Index into [`Set::elements`](super::nft::Set::elements); `None`: the element that stands for all others.
    pub element: Option<u32>,
}

/// What an element of a set has come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ElementState {
    /// Milliseconds until it is taken out (`NFTA_SET_ELEM_EXPIRATION`).
    pub expires: Option<u64>,
    /// What its expressions counted, by their position; `None`: it does not count, or nobody tells.
    pub tallies: Box<[Option<Tally>]>,
}

/// What a stateful expression or object has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tally {
    /// A counter's packets and bytes.
    Counter(Counters),
    /// Bytes that a quota has used up (`NFTA_QUOTA_CONSUMED`).
    Consumed(u64),
    /// Milliseconds since a packet came by (`NFTA_LAST_MSECS`); `None`: never.
    Last(Option<u64>),
}

/// A packet counter and a byte counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Packets.
    pub packets: u64,
    /// Bytes, headers of layer 3 included.
    pub bytes: u64,
}
