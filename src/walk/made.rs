//! What was assumed of a class of packets, in order.
//!
//! Classes that were parted late share what was assumed before: a service of ten thousand endpoints parts as many classes,
//! each of which assumes one thing more than the one before it. It knows nothing of what the assumptions mean.

use std::sync::Arc;

use super::outcome::Assumption;
use super::packet::Value;

/// An assumption, and how long it holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Made {
    pub(super) assumption: Assumption,
    /// It holds as long as the packet has these addresses.
    pub(super) while_tuple: Option<Box<[Value; 4]>>,
}

/// Assumptions, the last one first.
#[derive(Debug, Clone, Default)]
pub(super) struct AllMade(Option<Arc<Link>>);

#[derive(Debug)]
struct Link {
    made: Made,
    before: AllMade,
}

impl AllMade {
    /// Adds one.
    pub(super) fn push(&mut self, made: Made) {
        let before = std::mem::take(self);
        self.0 = Some(Arc::new(Link { made, before }));
    }

    /// The assumptions, the last one first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Made> {
        std::iter::successors(self.0.as_deref(), |link| link.before.0.as_deref()).map(|link| &link.made)
    }
}

impl PartialEq for AllMade {
    fn eq(&self, other: &AllMade) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Drop for AllMade {
    /// One after the other: ten thousand links that drop each other would overflow the stack.
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(mut link) = next.and_then(Arc::into_inner) {
            next = link.before.0.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::walk::{Assumed, Why};

    #[test]
    fn what_was_assumed_before_is_shared_and_a_million_links_go_without_recursion() {
        let one = |mark| Made {
            assumption: Assumption { namespace: 0, what: Assumed::MarkFits(mark), holds: true, why: Why::Order },
            while_tuple: None,
        };
        let mut all = AllMade::default();
        (0..1_000_000).for_each(|mark| all.push(one(mark)));
        let mut other = all.clone();
        other.push(one(7));
        assert_eq!(other.iter().next(), Some(&one(7)));
        drop(other);
        assert_eq!(all.iter().count(), 1_000_000);
        assert_eq!(all.iter().last(), Some(&one(0)));
    }
}
