//! Looking through everything that can be found: ports, base chains and rules, with the way by which the tree comes to each.
//!
//! It takes its time on a large host, so it is an effect: whoever asks says when the answer is no longer wanted. It knows
//! nothing of rows or of what is folded.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::super::frames::target;
use super::super::matching::{Manner, Query};
use super::super::state::Port;
use super::super::view::port_text;
use crate::explain::{Target, clean, uncounted};
use crate::host::{ChainId, Host, RuleId, Ruleset};
use crate::syntax;

/// A chain of the namespace with this index.
type Place = (usize, ChainId);

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hit {
    /// A port.
    Port(Target),
    /// A base chain, in the namespace with this index.
    Chain(usize, ChainId),
    /// A rule, in the namespace with this index.
    Rule(usize, RuleId),
}

/// What is sought, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sought {
    /// What.
    pub query: Query,
    /// The namespace whose ports these are.
    pub namespace: usize,
    /// The ports, whose rows are looked through.
    pub ports: Listed,
    /// The base chains in the order of the tree, each with the index of its namespace.
    pub roots: Vec<(usize, ChainId)>,
    /// The rules that are on the packet's way, and how many stand before each: of all that fit, the first of them is looked
    /// at first.
    pub lit: HashMap<(usize, RuleId), u32>,
}

/// Ports as they stand in the state, which is not copied for each letter that is typed.
#[derive(Debug, Clone)]
pub struct Listed(pub(in crate::tui) Arc<Vec<Port>>);

impl PartialEq for Listed {
    fn eq(&self, other: &Listed) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Listed {}

/// What was found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// In which manner it is there; `None`: it is nowhere.
    pub manner: Option<Manner>,
    /// Ports first, then chains and rules in the order of the tree; a chain that many rules jump to stands where the first does.
    pub hits: Vec<Hit>,
    /// The hit that is most like what is sought.
    pub best: usize,
    /// The rule by which the tree comes to a chain.
    pub ways: HashMap<(usize, ChainId), RuleId>,
}

impl Found {
    /// The rules by which the tree comes to a chain, the one that leads to it first.
    pub(super) fn way(&self, namespace: usize, chain: ChainId) -> Vec<RuleId> {
        let led = |chain| self.ways.get(&(namespace, chain)).copied();
        std::iter::successors(led(chain), |rule| led(rule.chain)).collect()
    }
}

/// Looks through the host. `None`: `stale` said that nobody waits for it any more.
pub fn seek(host: &Host, sought: &Sought, stale: impl Fn() -> bool) -> Option<Found> {
    if sought.query.is_empty() {
        return Some(Found::default());
    }
    let order = Order::of(host, &sought.roots);
    for manner in [Manner::Exactly, Manner::Nearly] {
        let mut taking = Taking { sought, manner, worth: i64::MIN, found: Found::default() };
        for port in sought.ports.0.iter() {
            let text = port_text(&host.namespaces[sought.namespace], port);
            taking.take(Hit::Port(port.target.clone()), &text);
        }
        for (count, stretch) in order.stretches.iter().enumerate() {
            if count % 64 == 0 && stale() {
                return None;
            }
            taking.stretch(host, stretch, &stale)?;
        }
        if !taking.found.hits.is_empty() {
            return Some(Found { manner: Some(manner), ways: order.ways, ..taking.found });
        }
    }
    Some(Found::default())
}

struct Taking<'a> {
    sought: &'a Sought,
    manner: Manner,
    /// How good the best hit is.
    worth: i64,
    found: Found,
}

impl Taking<'_> {
    fn stretch(&mut self, host: &Host, stretch: &Stretch, stale: impl Fn() -> bool) -> Option<()> {
        let Stretch { namespace, chain, first, end } = *stretch;
        let ruleset = &host.namespaces[namespace].ruleset;
        if first == 0 && ruleset.chain(chain).base.is_some() {
            self.take(Hit::Chain(namespace, chain), &base_text(ruleset, chain));
        }
        for index in first..end {
            if index % 1024 == 1023 && stale() {
                return None;
            }
            let rule = RuleId { chain, index };
            self.take(Hit::Rule(namespace, rule), &clean(&uncounted(&syntax::rule_spec(ruleset, rule))));
        }
        Some(())
    }

    fn take(&mut self, hit: Hit, text: &str) {
        /// What is on the packet's way comes before what is more alike and is not.
        const LIT: i64 = 1 << 32;
        /// What stands by itself comes before a part of a longer name.
        const ALONE: i64 = 1 << 24;
        /// The port with just this number comes before everything.
        const JUST: i64 = 1 << 40;
        let near = match self.manner {
            Manner::Exactly => self.sought.query.is_in(text, Manner::Exactly).then_some(0),
            Manner::Nearly => self.sought.query.nearness(text),
        };
        let Some(mut worth) = near else { return };
        if self.manner == Manner::Exactly && self.sought.query.stands_in(text) {
            worth += ALONE;
        }
        match &hit {
            Hit::Port(target) if self.sought.query.is_just(target.port) => worth += JUST,
            Hit::Rule(namespace, rule) => {
                let before = self.sought.lit.get(&(*namespace, *rule));
                worth += before.map_or(0, |before| LIT - i64::from(*before));
            }
            Hit::Port(_) | Hit::Chain(..) => {}
        }
        if worth > self.worth {
            (self.worth, self.found.best) = (worth, self.found.hits.len());
        }
        self.found.hits.push(hit);
    }
}

/// A base chain as the tree tells it.
pub fn base_text(ruleset: &Ruleset, chain: ChainId) -> String {
    clean(&format!("{} {}", ruleset.table(chain).name, ruleset.chain(chain).name)).into_owned()
}

/// Rules of a chain that stand one after the other in the tree, with no rules of another chain between them.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Stretch {
    namespace: usize,
    chain: ChainId,
    first: u32,
    end: u32,
}

/// Every rule in the order of the tree, each once; then those that no rule leads to.
#[derive(Default)]
struct Order {
    stretches: Vec<Stretch>,
    ways: HashMap<Place, RuleId>,
    known: HashSet<Place>,
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
