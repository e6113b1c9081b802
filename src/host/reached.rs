//! How far the reading of a host is, at some instant: what whoever waits for it is told.

use super::What;

/// How far a reading is. Numbers are of all namespaces together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reached {
    /// What is being read; `None`: what is common to all namespaces, or nothing yet.
    pub what: Option<What>,
    /// Which namespace is being read, counted from 1.
    pub namespace: usize,
    /// How many there are to be read.
    pub namespaces: usize,
    /// Chains whose rules are read.
    pub chains: usize,
    /// Chains that are known to be there. More may be found.
    pub of: usize,
    /// Rules that are read.
    pub rules: usize,
    /// Elements of sets that are read.
    pub elements: usize,
    /// How often `what` was read anew because it changed meanwhile.
    pub again: usize,
}
