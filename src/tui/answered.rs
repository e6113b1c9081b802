//! Who answers the ports that were asked, as long as somebody may look at it; of each row it stays what becomes of its packets.
//!
//! Which ports are asked, and when, is not known here.

use std::sync::Arc;

use super::listing::{self, Met};
use super::state::State;
use crate::explain::{self, Answer, Target, nearest, words};
use crate::syntax;
use crate::walk::Outcome;

/// How many ports' answers are kept; those that were asked longest ago give way.
const KEPT: usize = 64;

impl State {
    /// Who answers the selected port, from each place; `None` while that is worked out.
    pub(super) fn all_answers(&self) -> Option<&[Answer]> {
        self.shown_answers().map(|answers| answers.as_slice())
    }

    /// The same, shared: those of usual packets, or of the one that somebody described.
    pub(super) fn shown_answers(&self) -> Option<&Arc<Vec<Answer>>> {
        let selected = self.selected.as_ref()?;
        match &self.edited {
            Some(edited) => edited.answers(selected),
            None => self.answers.get(selected),
        }
    }

    /// The index of the answer that is looked at: that of the place that is most like what the user wished for.
    pub(super) fn answer_index(&self) -> usize {
        let (Some(answers), Some(wish)) = (self.all_answers(), &self.wish) else { return 0 };
        nearest(answers.iter().map(|answer| (&answer.from, answer.family)), Some(wish)).unwrap_or(0)
    }

    /// The answer that is looked at.
    pub(super) fn answer(&self) -> Option<&Answer> {
        self.all_answers()?.get(self.answer_index())
    }

    /// The outcome that is looked at.
    pub(super) fn outcome(&self) -> Option<&Outcome> {
        self.answer()?.walk.outcomes.get(self.outcome)
    }

    /// Keeps who answers a port.
    pub(super) fn keep(&mut self, target: Target, answers: Vec<Answer>) {
        if let Some(at) = self.index(&target) {
            let before = self.standing(at);
            let verdict = Some(explain::finding::overall(&answers));
            let tables = listing::tables(&self.host, self.namespace, &answers);
            let met = Met::by(&self.host, &answers);
            let first = answers.first();
            let who = first.map(|answer| words::answerers(&self.host, self.namespace, answer, syntax::part_text));
            let port = self.answered_port(at);
            (port.verdict, port.tables, port.met, port.who, port.stale) = (verdict, tables, met, who, false);
            self.list_one(at, before);
        }
        if self.answers.insert(target.clone(), Arc::new(answers)).is_none() {
            self.asked.push_back(target);
        }
        while self.asked.len() > KEPT {
            let Some(at) = self.asked.iter().position(|known| Some(known) != self.selected.as_ref()) else { break };
            if let Some(gone) = self.asked.remove(at) {
                self.spent.extend(self.answers.remove(&gone));
            }
        }
        if self.spent.len() > KEPT {
            self.spent.clear();
        }
    }

    /// Answers that nobody looks at any more: to forget one takes as long as to tell it, so whoever does that elsewhere takes them
    /// from here.
    pub fn take_spent(&mut self) -> Vec<Arc<Vec<Answer>>> {
        std::mem::take(&mut self.spent)
    }

    /// Tells the rows of ports that were answered before all were found.
    pub(super) fn keep_again(&mut self) {
        for target in std::mem::take(&mut self.asked) {
            if let Some(answers) = self.answers.remove(&target) {
                self.keep(target, Arc::unwrap_or_clone(answers));
            }
        }
    }
}
