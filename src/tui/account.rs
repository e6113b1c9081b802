//! What became of the rule that is looked at: asked once, when it is come to, and kept until another is.
//!
//! The walk answers from what the outcome keeps; nothing is walked anew. Words are not known here.

use super::again::Edition;
use super::frames::FrameId;
use super::outline::Id;
use super::state::{Pane, State};
use crate::explain::Target;
use crate::host::RuleId;
use crate::walk::why::{self, Account, Spot};

/// A rule with the outcome for which it is looked at.
#[derive(Debug, Clone, PartialEq)]
struct Key {
    frame: FrameId,
    index: u32,
    edition: Edition,
    target: Option<Target>,
    answer: usize,
    outcome: usize,
    walk: u64,
}

/// What became of a rule.
#[derive(Debug, Clone)]
pub(super) struct Told {
    key: Key,
    /// One for each reason.
    pub(super) accounts: Vec<Account>,
}

impl State {
    /// Asks about the rule that is looked at, unless that is known.
    pub(super) fn account(&mut self) {
        let key = match (self.focus, self.tree.row(self.cursor).map(|row| row.id)) {
            (Pane::Netfilter, Some(Id::Rule(frame, index))) => Key {
                frame,
                index,
                edition: self.edition,
                target: self.selected.clone(),
                answer: self.answer_index(),
                outcome: self.outcome,
                walk: self.walk_number(),
            },
            (Pane::Netfilter | Pane::Ports | Pane::Why, _) => {
                self.told = None;
                return;
            }
        };
        if self.told.as_ref().is_none_or(|told| told.key != key) {
            let accounts = self.accounts(key.frame, key.index);
            self.told = accounts.map(|accounts| Told { key, accounts });
        }
    }

    fn accounts(&self, frame: FrameId, index: u32) -> Option<Vec<Account>> {
        let (answer, outcome) = (self.answer()?, self.outcome()?);
        Some(why::accounts(&self.host, &answer.walk.query, outcome, &self.spot(frame, index)))
    }

    /// A rule of the tree as the walk names it.
    fn spot(&self, frame: FrameId, index: u32) -> Spot {
        let at = self.frames.get(self.path.visit(frame, index));
        let mut jumps = Vec::new();
        let mut inner = at;
        while let Some((above, by)) = inner.parent {
            inner = self.frames.get(above);
            jumps.push(inner.rule(by));
        }
        jumps.reverse();
        let rule = RuleId { chain: at.chain, index };
        Spot { pass: at.place.pass, namespace: at.place.namespace, hook: at.place.hook, jumps, rule }
    }
}
