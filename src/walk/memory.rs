//! What an outcome keeps of its way: for each class of its packets the marks it left, and the packet as rules saw it.
//!
//! It is shared with all outcomes of its walk, and answers nothing by itself.

use std::fmt;
use std::sync::Arc;

use super::sight::{Seen, Sights};
use super::space::Space;
use super::trail::{Place, Trail};

/// What all outcomes of a walk share.
#[derive(Debug)]
pub(super) struct Kept {
    /// The ways.
    pub(super) trail: Trail,
    /// The packets.
    pub(super) sights: Sights,
}

/// A class of packets as it ended.
#[derive(Debug, Clone)]
pub(super) struct Class {
    /// Which packets.
    pub(super) space: Space,
    /// The way it went.
    pub(super) place: Place,
    /// What rules saw of it.
    pub(super) seen: Seen,
}

/// What an outcome keeps of its way.
#[derive(Clone, Default)]
pub struct Memory {
    kept: Option<Arc<Kept>>,
    classes: Arc<[Class]>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory of {} classes", self.classes.len())
    }
}

impl Memory {
    /// That of an outcome with these classes.
    pub(super) fn of(kept: &Arc<Kept>, classes: &[Class]) -> Memory {
        Memory { kept: Some(Arc::clone(kept)), classes: classes.into() }
    }

    /// That of several outcomes of one walk.
    pub(super) fn joined<'m>(all: impl Iterator<Item = &'m Memory> + Clone) -> Memory {
        let kept = all.clone().find_map(|memory| memory.kept.clone());
        Memory { kept, classes: all.flat_map(|memory| memory.classes.iter().cloned()).collect() }
    }

    /// The classes of the outcome, with what they share.
    pub(super) fn classes(&self) -> impl Iterator<Item = (&Kept, &Class)> {
        self.kept.iter().flat_map(|kept| self.classes.iter().map(|class| (&**kept, class)))
    }
}
