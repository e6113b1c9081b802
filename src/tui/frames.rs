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

/// The identity of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrameId(u32);

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
}

/// Every frame that was met so far.
#[derive(Debug, Clone, Default)]
pub struct Frames {
    all: Vec<Frame>,
    known: QuickMap<Frame, FrameId>,
}

impl Frames {
    /// The identity of a frame.
    pub fn intern(&mut self, frame: Frame) -> FrameId {
        *self.known.entry(frame).or_insert_with(|| {
            self.all.push(frame);
            FrameId(self.all.len() as u32 - 1)
        })
    }

    /// The frame with this identity.
    pub fn get(&self, id: FrameId) -> Frame {
        self.all[id.0 as usize]
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
