//! Names shared by many rules, kept once.
//!
//! A Kubernetes node names the same interfaces, comments and sets in thousands of rules. [`Names`] hands out one
//! shared copy of each; the copies know nothing of where they are used.

use std::collections::HashSet;
use std::sync::Arc;

use super::hash::Quick;

/// A name as the kernel or an admin wrote it: raw text, not sanitised for a terminal.
pub type Name = Arc<str>;

/// An interner: equal texts become one allocation.
#[derive(Debug, Default)]
pub struct Names {
    known: HashSet<Name, Quick>,
}

impl Names {
    /// An interner with room for so many names.
    pub fn with_capacity(names: usize) -> Names {
        Names { known: HashSet::with_capacity_and_hasher(names, Quick::default()) }
    }

    /// The shared copy of `text`.
    pub fn intern(&mut self, text: &str) -> Name {
        if let Some(name) = self.known.get(text) {
            return Arc::clone(name);
        }
        let name: Name = Arc::from(text);
        self.known.insert(Arc::clone(&name));
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_share_one_allocation() {
        let mut names = Names::default();
        let first = names.intern("cni0");
        let again = names.intern("cni0");
        let other = names.intern("eth0");
        assert!(Arc::ptr_eq(&first, &again));
        assert!(!Arc::ptr_eq(&first, &other));
    }
}
