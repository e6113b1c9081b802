//! How far a reading is, and the way to stop it: shared by the threads that read and the one that shows or ends it.
//!
//! Counts, and knows no clock: when to show them, and how often, is for whoever looks.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// A reading as it goes on. It counts up over all namespaces of one reading.
#[derive(Debug, Default)]
pub struct Progress {
    chains: AtomicUsize,
    of: AtomicUsize,
    rules: AtomicUsize,
    again: AtomicUsize,
    cancelled: AtomicBool,
}

/// How far a reading was at some instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reached {
    /// Chains whose rules are read.
    pub chains: usize,
    /// Chains that are known to be there. More may be found.
    pub of: usize,
    /// Rules that are read.
    pub rules: usize,
    /// How often something was read anew because it changed meanwhile.
    pub again: usize,
}

impl Progress {
    /// How far it is.
    pub fn reached(&self) -> Reached {
        Reached {
            chains: self.chains.load(Relaxed),
            of: self.of.load(Relaxed),
            rules: self.rules.load(Relaxed),
            again: self.again.load(Relaxed),
        }
    }

    /// Stops the reading: it ends with its next question, and gives nothing.
    pub fn cancel(&self) {
        self.cancelled.store(true, Relaxed);
    }

    /// Whether it was stopped.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Relaxed)
    }

    /// Chains were found that will be read.
    pub(super) fn found_chains(&self, count: usize) {
        self.of.fetch_add(count, Relaxed);
    }

    /// The rules of a chain are read.
    pub(super) fn read_chain(&self) {
        self.chains.fetch_add(1, Relaxed);
    }

    /// Rules are read.
    pub(super) fn read_rules(&self, count: usize) {
        self.rules.fetch_add(count, Relaxed);
    }

    /// Chains and rules that are read will be read anew.
    pub(super) fn take_back(&self, chains: usize, rules: usize) {
        self.chains.fetch_sub(chains, Relaxed);
        self.rules.fetch_sub(rules, Relaxed);
    }

    /// What was read since then changed meanwhile, and is read anew.
    pub(super) fn changed_since(&self, reached: Reached) {
        self.again.fetch_add(1, Relaxed);
        self.chains.store(reached.chains, Relaxed);
        self.of.store(reached.of, Relaxed);
        self.rules.store(reached.rules, Relaxed);
    }
}
