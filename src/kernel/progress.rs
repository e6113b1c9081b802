//! How far a reading is, and the way to stop it: shared by the threads that read and the one that shows or ends it.
//!
//! Counts, and knows no clock: when to show them, and how often, is for whoever looks.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use crate::host::{Reached, Ruleset, What};

/// Somebody who is told what chains there are.
struct Told(Box<dyn Fn(Ruleset) + Send + Sync>);

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told")
    }
}

/// A reading as it goes on. It counts up over all namespaces of one reading.
#[derive(Debug, Default)]
pub struct Progress {
    told: Option<Told>,
    what: Mutex<Option<What>>,
    namespace: AtomicUsize,
    namespaces: AtomicUsize,
    chains: AtomicUsize,
    of: AtomicUsize,
    rules: AtomicUsize,
    elements: AtomicUsize,
    again: AtomicUsize,
    cancelled: AtomicBool,
}

impl Progress {
    /// Of a reading that tells the chains of the first namespace, without their rules, as soon as they are known.
    pub fn outlining(tell: impl Fn(Ruleset) + Send + Sync + 'static) -> Progress {
        Progress { told: Some(Told(Box::new(tell))), ..Progress::default() }
    }

    /// Tells what chains there are, where somebody wants to know and they are those of the first namespace.
    pub(super) fn outline(&self, ruleset: impl FnOnce() -> Ruleset) {
        if let Some(Told(tell)) = self.told.as_ref().filter(|_| self.namespace.load(Relaxed) == 1) {
            tell(ruleset());
        }
    }

    /// How far it is.
    pub fn reached(&self) -> Reached {
        let what = *self.what.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        Reached {
            what,
            namespace: self.namespace.load(Relaxed),
            namespaces: self.namespaces.load(Relaxed),
            chains: self.chains.load(Relaxed),
            of: self.of.load(Relaxed),
            rules: self.rules.load(Relaxed),
            elements: self.elements.load(Relaxed),
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

    /// So many namespaces are to be read.
    pub(super) fn found_namespaces(&self, count: usize) {
        self.namespaces.store(count, Relaxed);
    }

    /// The next namespace is being read.
    pub(super) fn enter(&self) {
        self.namespace.fetch_add(1, Relaxed);
    }

    /// This is what is being read from now on.
    pub(super) fn begin(&self, what: What) {
        *self.what.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(what);
        self.again.store(0, Relaxed);
    }

    /// Nothing is being read any longer.
    pub(super) fn end(&self) {
        *self.what.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = None;
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

    /// A table is read that came whole, with so many chains and rules.
    pub(super) fn read_table(&self, chains: usize, rules: usize) {
        self.of.fetch_add(chains, Relaxed);
        self.chains.fetch_add(chains, Relaxed);
        self.rules.fetch_add(rules, Relaxed);
    }

    /// Elements of a set are read.
    pub(super) fn read_elements(&self, count: usize) {
        self.elements.fetch_add(count, Relaxed);
    }

    /// What was read since then changed meanwhile, and is read anew.
    pub(super) fn changed_since(&self, reached: Reached) {
        self.again.fetch_add(1, Relaxed);
        self.chains.store(reached.chains, Relaxed);
        self.of.store(reached.of, Relaxed);
        self.rules.store(reached.rules, Relaxed);
        self.elements.store(reached.elements, Relaxed);
    }
}
