//! Chains as the packet enters them: a chain that is jumped to from two rules stands twice in the tree.
//!
//! Each such visit is a frame with an identity that stays the same whatever is folded or selected. How visits look, and
//! which of them a packet makes, is not known here.

use crate::host::nft;
use crate::host::{Body, ChainId, Hook, QuickMap, RuleId, Ruleset, xt};

/// A hook on one pass of the packet's way. Pass 0: the packet never comes there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// The pass, from 1.
    pub pass: u32,
    /// Index of the namespace in the host.
    pub namespace: usize,
    /// The hook.
    pub hook: Hook,
}

/// The identity of a frame: of a chain that stands once, whoever enters it, it says all that there is to know, so that 30,000 of
/// them take no room; of others it is their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrameId(u64);

/// Set in the identities of chains that stand once.
const ONCE: u64 = 1 << 63;
/// From which bit on such an identity says the hook, the namespace and the table. Below stands the chain.
const HOOK: u32 = 58;
const NAMESPACE: u32 = 45;
const TABLE: u32 = 32;

/// A chain, where it was entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Frame {
    /// The hook.
    pub place: Place,
    /// The rule that led here; `None` for a base chain.
    pub parent: Option<(FrameId, u32)>,
    /// The chain.
    pub chain: ChainId,
}

impl Frame {
    /// The rule at this index.
    pub fn rule(&self, index: u32) -> RuleId {
        RuleId { chain: self.chain, index }
    }

    /// The identity that says all of it, where it stands once and its numbers have room there.
    fn said(&self) -> Option<FrameId> {
        let Place { pass, namespace, hook } = self.place;
        if pass != 0 || self.parent.is_some() {
            return None;
        }
        let part = |number: u64, from: u32, to: u32| (number < 1 << (to - from)).then_some(number << from);
        let hook = Hook::ALL.iter().position(|known| *known == hook)? as u64;
        let parts = [
            part(hook, HOOK, 63)?,
            part(namespace as u64, NAMESPACE, HOOK)?,
            part(u64::from(self.chain.table), TABLE, NAMESPACE)?,
        ];
        Some(FrameId(parts.iter().fold(ONCE | u64::from(self.chain.chain), |all, part| all | part)))
    }

    /// What an identity says.
    fn saying(FrameId(id): FrameId) -> Frame {
        let part = |from: u32, to: u32| id >> from & ((1 << (to - from)) - 1);
        let place =
            Place { pass: 0, namespace: part(NAMESPACE, HOOK) as usize, hook: Hook::ALL[part(HOOK, 63) as usize] };
        Frame { place, parent: None, chain: ChainId { table: part(TABLE, NAMESPACE) as u32, chain: id as u32 } }
    }
}

/// Every frame that was met so far in a reading of the host, and what is looked up once in its 30,000 chains.
#[derive(Debug, Clone, Default)]
pub struct Frames {
    all: Vec<Frame>,
    known: QuickMap<Frame, FrameId>,
    /// What is known of the chains of each namespace.
    chains: QuickMap<usize, Chains>,
}

/// What is asked again and again of all chains of a namespace, so that not each of them is looked at each time.
#[derive(Debug, Clone)]
struct Chains {
    /// The base chains: most are none.
    bases: Vec<ChainId>,
    /// Whether they have rules, table by table.
    filled: Vec<Vec<bool>>,
}

impl Chains {
    fn of(ruleset: &Ruleset) -> Chains {
        let mut chains = Chains { bases: Vec::new(), filled: Vec::new() };
        for (table, known) in (0..).zip(&ruleset.tables) {
            let mut filled = Vec::with_capacity(known.chains.len());
            for (chain, known) in (0..).zip(&known.chains) {
                filled.push(!known.rules.is_empty());
                chains.bases.extend(known.base.is_some().then_some(ChainId { table, chain }));
            }
            chains.filled.push(filled);
        }
        chains
    }
}

impl Frames {
    /// The identity of a frame.
    pub fn intern(&mut self, frame: Frame) -> FrameId {
        frame.said().unwrap_or_else(|| {
            *self.known.entry(frame).or_insert_with(|| {
                self.all.push(frame);
                FrameId(self.all.len() as u64 - 1)
            })
        })
    }

    /// The frame with this identity.
    pub fn get(&self, id: FrameId) -> Frame {
        if id.0 & ONCE == 0 { self.all[id.0 as usize] } else { Frame::saying(id) }
    }

    fn chains(&mut self, namespace: usize, ruleset: &Ruleset) -> &Chains {
        self.chains.entry(namespace).or_insert_with(|| Chains::of(ruleset))
    }

    /// The base chains of the namespace with this index, kept for the next time.
    pub fn bases(&mut self, namespace: usize, ruleset: &Ruleset) -> &[ChainId] {
        &self.chains(namespace, ruleset).bases
    }

    /// The same where nothing can be kept.
    pub fn known_bases(&self, namespace: usize, ruleset: &Ruleset) -> Vec<ChainId> {
        self.chains.get(&namespace).map_or_else(|| Chains::of(ruleset).bases, |known| known.bases.clone())
    }

    /// Whether a chain has rules.
    pub fn has_rules(&mut self, namespace: usize, chain: ChainId, ruleset: &Ruleset) -> bool {
        self.chains(namespace, ruleset).filled[chain.table as usize][chain.chain as usize]
    }

    /// The frame of a chain where it stands once, whoever enters it.
    pub fn once(&mut self, namespace: usize, chain: ChainId, ruleset: &Ruleset) -> FrameId {
        let hook = ruleset.chain(chain).base.as_ref().map_or(Hook::Prerouting, |base| base.hook);
        self.intern(Frame { place: Place { pass: 0, namespace, hook }, parent: None, chain })
    }

    /// The same of all chains of the table with this index. Only base chains are looked at for it.
    pub fn of_table(&mut self, namespace: usize, table: u32, ruleset: &Ruleset) -> Vec<FrameId> {
        let place = Place { pass: 0, namespace, hook: Hook::Prerouting };
        let all = 0..ruleset.tables[table as usize].chains.len() as u32;
        let other = |chain| Frame { place, parent: None, chain: ChainId { table, chain } };
        let mut frames: Vec<FrameId> = all.map(|chain| self.intern(other(chain))).collect();
        let bases: Vec<ChainId> =
            self.bases(namespace, ruleset).iter().copied().filter(|id| id.table == table).collect();
        for id in bases {
            frames[id.chain as usize] = self.once(namespace, id, ruleset);
        }
        frames
    }

    /// The frame of a chain that a rule leads to.
    pub fn below(&mut self, frame: FrameId, index: u32, chain: ChainId) -> FrameId {
        let place = self.get(frame).place;
        self.intern(Frame { place, parent: Some((frame, index)), chain })
    }
}

/// The chain that a rule jumps or goes to, whatever the packet. A map may lead to many, and which it is only a packet tells.
pub fn target(ruleset: &Ruleset, rule: RuleId) -> Option<ChainId> {
    let chain = match &ruleset.rule(rule).body {
        Body::Iptables(body) => target_chain(&body.target)?,
        Body::Nft(body) => body.expressions.iter().find_map(|expression| match expression {
            nft::Expression::Verdict(nft::Verdict::Jump(chain) | nft::Verdict::Goto(chain)) => Some(chain.0),
            nft::Expression::Target(target) => target_chain(target),
            _ => None,
        })?,
    };
    let known = ruleset.table(rule.chain).chains.len() > chain as usize;
    known.then_some(ChainId { table: rule.chain.table, chain })
}

fn target_chain(target: &xt::Target) -> Option<u32> {
    match target {
        xt::Target::Jump(chain) | xt::Target::Goto(chain) => Some(*chain),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_found_by_its_identity_and_has_one_only() {
        let mut frames = Frames::default();
        let mut ids = std::collections::HashSet::new();
        for pass in [0, 1] {
            for (namespace, hook) in
                [0, 1, 8191, 8192, 70_000].into_iter().flat_map(|one| Hook::ALL.map(|hook| (one, hook)))
            {
                for (table, chain) in [(0, 0), (0, 1), (1, 0), (8191, u32::MAX), (8192, 7), (u32::MAX, 0)] {
                    let place = Place { pass, namespace, hook };
                    let frame = Frame { place, parent: None, chain: ChainId { table, chain } };
                    let id = frames.intern(frame);
                    assert_eq!((frames.get(id), frames.intern(frame)), (frame, id));
                    assert!(ids.insert(id), "{frame:?}");
                    let below = frames.below(id, 3, frame.chain);
                    assert!(ids.insert(below));
                    assert_eq!(frames.get(below).parent, Some((id, 3)));
                }
            }
        }
    }
}
