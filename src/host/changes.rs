//! Which parts of a host may be other than they were when it was read.
//!
//! Deliberately does not know what became of them: another reading tells.

use super::What;

/// Some of the parts of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changes(u32);

impl Changes {
    /// No part.
    pub const NONE: Changes = Changes(0);

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self == Changes::NONE
    }

    /// Whether a part is among them.
    pub fn has(self, what: What) -> bool {
        self.0 & 1 << what as u32 != 0
    }

    /// These and others.
    pub fn with(self, others: impl Into<Changes>) -> Changes {
        Changes(self.0 | others.into().0)
    }

    /// Takes all of them away, and gives them.
    pub fn take(&mut self) -> Changes {
        std::mem::take(self)
    }
}

impl From<What> for Changes {
    fn from(what: What) -> Changes {
        Changes(1 << what as u32)
    }
}

impl FromIterator<What> for Changes {
    fn from_iter<I: IntoIterator<Item = What>>(all: I) -> Changes {
        all.into_iter().fold(Changes::NONE, Changes::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart_and_taken_at_once() {
        let mut changes: Changes = [What::Links, What::Sockets].into_iter().collect();
        let told: Vec<What> = What::ALL.into_iter().filter(|what| changes.has(*what)).collect();
        assert_eq!(told, [What::Links, What::Sockets]);
        assert_eq!(changes.with(What::Links), changes);
        assert!(changes.with(What::Recording).has(What::Recording));
        assert!(!changes.take().is_empty());
        assert!(changes.is_empty());
    }
}
