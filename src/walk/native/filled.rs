//! Sets that packets fill: what a rule put into one, or took out, is there for the rules behind it.
//!
//! `nft_dynset_eval`. Knows what this packet did on its way, and nothing of what others do meanwhile, nor whether a set is full.

use super::lookup::{self, Given};
use super::piece::{At, Piece, Source, undecided};
use super::{Run, Step};
use crate::host::SetId;
use crate::host::nft::{Dynset, DynsetOp, Expression, LookupResult, Register, Rule};
use crate::walk::condition::{Scene, all, negate};
use crate::walk::outcome::Why;
use crate::walk::packet::{Device, Packet, Value};
use crate::walk::plan::{Content, Plan};
use crate::walk::set::ValueSet;
use crate::walk::space::Asked;

/// What a rule did to a set.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::walk) struct Filled {
    /// Index of the namespace.
    namespace: usize,
    set: SetId,
    op: DynsetOp,
    key: Vec<Piece>,
    /// What a map gives for it.
    data: Option<Vec<Piece>>,
}

/// What a map gives after this packet's changes.
pub(super) enum After<'s> {
    /// What it gave before.
    Before(Given<'s>),
    /// What was put there.
    Put(Vec<Piece>),
}

/// Whether a rule changes a set that rules ask: then it matters whether it holds.
pub(in crate::walk) fn changes(plan: &Plan<'_>, table: u32, rule: &Rule) -> bool {
    rule.expressions.iter().any(|expression| match expression {
        Expression::Dynset(dynset) => plan.contents.is_filled_and_asked(table, &dynset.set),
        _ => false,
    })
}

/// The changes that were made to a set, the first of them first.
fn made<'s>(scene: &Scene<'s>, content: Content<'_>) -> impl DoubleEndedIterator<Item = &'s Filled> {
    let (namespace, set) = (scene.plan.index, content.id);
    scene.packet.filled.iter().filter(move |one| one.namespace == namespace && one.set == set)
}

/// Whether the key is in the set.
pub(super) fn contains(scene: &Scene<'_>, content: Content<'_>, key: &[Piece], at: At) -> Asked<bool> {
    for last in made(scene, content).rev() {
        if is_same(scene, key, &last.key, at)? {
            return Ok(last.op != DynsetOp::Delete);
        }
    }
    lookup::contains(scene, content, key, at)
}

/// What a map gives for the key. What is there already stays as it is (`nft_rhash_update`).
pub(super) fn given<'s>(scene: &Scene<'_>, content: Content<'s>, key: &[Piece], at: At) -> Asked<After<'s>> {
    let mut own = Vec::new();
    for one in made(scene, content) {
        if is_same(scene, key, &one.key, at)? {
            own.push(one);
        }
    }
    let since = own.iter().rposition(|one| one.op == DynsetOp::Delete).map_or(0, |at| at + 1);
    if since == 0 {
        let before = lookup::given(scene, content, key, at)?;
        if own.is_empty() || !matches!(before, Given::Nothing) {
            return Ok(After::Before(before));
        }
    }
    Ok(match own.get(since).and_then(|one| one.data.clone()) {
        Some(put) => After::Put(put),
        None if own.len() > since => After::Before(Given::Unknown),
        None => After::Before(Given::Nothing),
    })
}

/// Whether two keys are the same.
fn is_same(scene: &Scene<'_>, key: &[Piece], other: &[Piece], at: At) -> Asked<bool> {
    if key.len() != other.len() {
        return undecided(scene, at, Why::State);
    }
    all(key.iter().zip(other).map(|(one, other)| is_same_piece(scene, one, other, at)))
}

fn is_same_piece(scene: &Scene<'_>, one: &Piece, other: &Piece, at: At) -> Asked<bool> {
    let turned = |number: u128| {
        let bytes = 8 * (16 - one.length.min(16)) as u32;
        if one.is_reversed() == other.is_reversed() { number } else { number.swap_bytes() >> bytes }
    };
    if one.length == other.length {
        if let Some(number) = other.known(scene) {
            return one.within(scene, &ValueSet::one(turned(number)), at);
        }
        if let Some(number) = one.known(scene) {
            return other.within(scene, &ValueSet::one(turned(number)), at);
        }
    }
    match (&one.source, &other.source) {
        (Source::Name(Device::Known(one)), Source::Name(Device::Known(other))) => Ok(one == other),
        (Source::Unknown(_), _) | (_, Source::Unknown(_)) => undecided(scene, at, Why::State),
        _ if one == other => Ok(true),
        _ => undecided(scene, at, Why::State),
    }
}

impl Run<'_, '_> {
    /// A rule changes a set that rules ask.
    pub(super) fn fill(&mut self, dynset: &Dynset) -> Asked<()> {
        let (plan, table) = (self.engine.plan, self.id.chain.table);
        if !plan.contents.is_filled_and_asked(table, &dynset.set) {
            return Ok(());
        }
        let Some(content) = plan.contents.set(table, &dynset.set) else { return Ok(()) };
        self.settled()?;
        let pieces = |from: Register, length: u32| self.registers.get(from, length as usize);
        let filled = Filled {
            namespace: plan.index,
            set: content.id,
            op: dynset.op,
            key: pieces(dynset.key, content.set.key_length),
            data: dynset.data.map(|from| pieces(from, content.set.data_length)),
        };
        self.packet_mut().filled.push(filled);
        Ok(())
    }

    /// Looks a key up in a set or a map that this packet changed.
    pub(super) fn in_filled(
        &mut self,
        content: Content<'_>,
        key: &[Piece],
        to: Option<LookupResult>,
        not: bool,
        at: At,
    ) -> Asked<Option<Step>> {
        if made(&self.scene(), content).next().is_none() {
            return Ok(None);
        }
        let Some(to) = to else {
            let answer = contains(&self.scene(), content, key, at);
            return Ok(Some(self.take(negate(answer, not))));
        };
        match (given(&self.scene(), content, key, at)?, to) {
            (After::Put(put), LookupResult::Data(register)) => {
                self.registers.put(register, put);
                Ok(Some(Step::Next))
            }
            (After::Put(_), LookupResult::Verdict) | (After::Before(Given::Unknown), _) => {
                self.something(to, content.set, Why::State).map(Some)
            }
            (After::Before(Given::Nothing), _) => Ok(Some(Step::Break)),
            // What it gave before it gives still.
            (After::Before(Given::Verdict(_) | Given::Data(_)), _) => Ok(None),
        }
    }
}

/// What a packet did to sets, as far as it can still be told when its answer comes.
pub(in crate::walk) fn left(scene: &Scene<'_>, packet: &Packet) -> Vec<Filled> {
    let settled = |piece: &Piece| match piece.known(scene) {
        Some(number) => Piece { source: Source::Value(Value::Known(number)), ..bare(piece) },
        None => Piece::unknown(Why::State, piece.length),
    };
    let of = |pieces: &Vec<Piece>| pieces.iter().map(settled).collect::<Vec<Piece>>();
    packet
        .filled
        .iter()
        .map(|one| Filled { key: of(&one.key), data: one.data.as_ref().map(of), ..one.clone() })
        .collect()
}

/// A piece of the same form that leaves its source as it is.
fn bare(piece: &Piece) -> Piece {
    Piece { host_order: piece.host_order, ..Piece::whole(piece.source.clone(), piece.length) }
}
