//! A rule while it is made.
//!
//! Holds what is known of the packet so far, the steps that are made, and the sets of the table, to which the anonymous ones
//! of rules are added.

use std::collections::HashMap;

use super::protocol::{Conflict, Question, Seen};
use super::step::Steps;
use crate::host::nft::{MetaKey, Set, SetFlags};
use crate::host::{Family, Link, Name, Names};
use crate::syntax::nft::tree;

/// Why a rule cannot be made of what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// A word that is none of the type's, or that only the host knows.
    Word(String),
    /// A set, chain or object that the table has not.
    Missing(String),
    /// Two protocols that cannot both be.
    Protocols,
    /// The text is not understood.
    Unread,
    /// Something that nft has no meaning for here.
    Meaningless(&'static str),
}

impl From<Conflict> for Trouble {
    fn from(Conflict: Conflict) -> Trouble {
        Trouble::Protocols
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Trouble::Word(word) => write!(f, "{word} is not known"),
            Trouble::Missing(name) => write!(f, "the table has no {name}"),
            Trouble::Protocols => f.write_str("it asks for protocols that exclude each other"),
            Trouble::Unread => f.write_str("it is not understood"),
            Trouble::Meaningless(what) => write!(f, "{what} means nothing here"),
        }
    }
}

/// Makes the rules of one table. Its room is used again for each rule.
#[derive(Debug)]
pub(super) struct Maker<'a> {
    pub(super) family: Family,
    pub(super) links: &'a [Link],
    pub(super) names: &'a mut Names,
    /// The table's sets; anonymous ones come last.
    pub(super) sets: Vec<Set>,
    /// The places of those that have a name.
    pub(super) named: HashMap<Name, usize>,
    /// The places of the table's chains.
    pub(super) chains: HashMap<Name, u32>,
    pub(super) seen: Seen,
    pub(super) steps: Steps,
    pub(super) questions: Vec<Question>,
    /// The rules of chains within rules: those chains come after all others.
    pub(super) blocks: Vec<&'a tree::Rules<'a>>,
    /// How many anonymous sets, maps and maps of objects there are.
    pub(super) anonymous: [u32; 3],
    /// Devices are asked for by their names where the rule asks for their numbers: nobody knows those of a text's host.
    pub(super) by_name: bool,
}

impl Maker<'_> {
    /// The place of the set with this name.
    pub(super) fn set(&self, name: &str) -> Result<usize, Trouble> {
        self.named.get(name).copied().ok_or_else(|| Trouble::Missing(format!("set {name}")))
    }

    /// What is asked of a device in place of its number, where that is not known.
    pub(super) fn told_by_name(&self, key: MetaKey) -> MetaKey {
        match key {
            MetaKey::IIF if self.by_name => MetaKey::IIFNAME,
            MetaKey::OIF if self.by_name => MetaKey::OIFNAME,
            key => key,
        }
    }

    pub(super) fn set_name(&self, at: usize) -> Name {
        self.sets[at].name.clone()
    }

    pub(super) fn is_interval(&self, at: usize) -> bool {
        self.sets[at].flags.contains(SetFlags::INTERVAL)
    }
}
