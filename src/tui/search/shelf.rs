//! What a search looks through: every rule, in the order of the tree, with its text. Making the texts takes most of a search, so
//! that they are kept from one letter that is typed to the next.
//!
//! The elements of sets are many and soon told: they are not kept, only which rule looks into which set. It knows nothing of what is sought, and belongs to one host: whoever keeps it sees to that.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::frames::target;
use super::elements::Looks;
use super::seek::Found;
use crate::host::{ChainId, Host, Quick, QuickMap, RuleId};

/// A chain of the namespace with this index.
type Place = (usize, ChainId);

/// The rules of a host, and their texts as far as they were told.
#[derive(Debug, Default)]
pub struct Shelf {
    roots: Vec<Place>,
    pub(super) stretches: Vec<Stretch>,
    /// The rule by which the tree comes to a chain.
    pub(super) ways: Arc<QuickMap<Place, RuleId>>,
    /// Which of the rules look into which sets.
    pub(super) looks: Looks,
    texts: String,
    /// Where the text of each rule ends.
    ends: Vec<usize>,
    /// What was found last.
    pub(super) last: Option<Arc<Found>>,
}

impl Shelf {
    /// Puts the rules into the order of the tree that has these base chains.
    pub(super) fn arrange(&mut self, host: &Host, roots: &[Place]) {
        if self.roots == roots && !self.stretches.is_empty() {
            return;
        }
        let Order { stretches, ways, known: _ } = Order::of(host, roots);
        let looks = Looks::of(host, &stretches);
        *self = Shelf { roots: roots.to_vec(), stretches, ways: Arc::new(ways), looks, ..Shelf::default() };
    }

    /// The text of the rule at this place of the order; they are told one after the other, each once.
    pub(super) fn text(&mut self, at: usize, told: impl FnOnce() -> String) -> &str {
        if at == self.ends.len() {
            self.texts.push_str(&told());
            self.ends.push(self.texts.len());
        }
        let begin = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.texts[begin..self.ends[at]]
    }
}

/// Rules of a chain that stand one after the other in the tree, with no rules of another chain between them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stretch {
    pub(super) namespace: usize,
    pub(super) chain: ChainId,
    pub(super) first: u32,
    pub(super) end: u32,
}

/// Every rule in the order of the tree, each once; then those that no rule leads to.
#[derive(Default)]
struct Order {
    stretches: Vec<Stretch>,
    ways: QuickMap<Place, RuleId>,
    known: HashSet<Place, Quick>,
}

impl Order {
    fn of(host: &Host, roots: &[Place]) -> Order {
        let mut order = Order::default();
        for root in roots {
            order.below(host, *root);
        }
        let mut namespaces: Vec<usize> = roots.iter().map(|(namespace, _)| *namespace).collect();
        namespaces.dedup();
        for namespace in namespaces {
            for (chain, _) in host.namespaces[namespace].ruleset.chains() {
                order.below(host, (namespace, chain));
            }
        }
        order
    }

    /// A chain and all that it leads to, unless that is known.
    fn below(&mut self, host: &Host, root: Place) {
        if !self.known.insert(root) {
            return;
        }
        // Chains, each with the first rule that is not told yet.
        let mut stack = vec![(root.1, 0)];
        let namespace = root.0;
        let ruleset = &host.namespaces[namespace].ruleset;
        while let Some((chain, first)) = stack.pop() {
            let all = ruleset.chain(chain).rules.len() as u32;
            let leads = |index: u32| Some((index, target(ruleset, RuleId { chain, index })?));
            let mut jumps = (first..all).filter_map(leads);
            match jumps.find(|(_, to)| self.known.insert((namespace, *to))) {
                Some((index, to)) => {
                    self.stretches.push(Stretch { namespace, chain, first, end: index + 1 });
                    self.ways.insert((namespace, to), RuleId { chain, index });
                    stack.push((chain, index + 1));
                    stack.push((to, 0));
                }
                None if first < all || first == 0 => {
                    self.stretches.push(Stretch { namespace, chain, first, end: all });
                }
                None => {}
            }
        }
    }
}
