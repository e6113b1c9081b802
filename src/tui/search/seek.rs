//! Looking through everything that can be found: ports, base chains and rules, with what is in the sets into which they look, and
//! with the way by which the tree comes to each.
//!
//! It takes its time on a large host, so it is an effect: whoever asks says when the answer is no longer wanted. It knows
//! nothing of rows or of what is folded.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::matching::{Manner, Matcher, Query, matcher};
use super::super::state::Port;
use super::super::view::port_text;
use super::elements::{Looked, Within};
use super::shelf::{Shelf, Stretch};
use crate::explain::{Target, clean, uncounted};
use crate::host::{ChainId, Host, QuickMap, RuleId, Ruleset};
use crate::syntax;

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
    /// Of rules whose text has it not: the element that has it, of a set into which the rule looks.
    pub within: QuickMap<(usize, RuleId), Within>,
    /// How many sets rules look into of which nobody has read what is in them: nothing of it can be found.
    pub unread: usize,
    /// The rule by which the tree comes to a chain.
    pub ways: Arc<QuickMap<(usize, ChainId), RuleId>>,
}

impl Found {
    /// The rules by which the tree comes to a chain, the one that leads to it first.
    pub(super) fn way(&self, namespace: usize, chain: ChainId) -> Vec<RuleId> {
        let led = |chain| self.ways.get(&(namespace, chain)).copied();
        std::iter::successors(led(chain), |rule| led(rule.chain)).collect()
    }
}

/// Looks through the host. `None`: `stale` said that nobody waits for it any more.
pub fn seek(host: &Host, sought: &Sought, stale: impl Fn() -> bool) -> Option<Arc<Found>> {
    Shelf::default().seek(host, sought, stale)
}

impl Shelf {
    /// The same, with what an earlier search of the same host left here.
    pub fn seek(&mut self, host: &Host, sought: &Sought, stale: impl Fn() -> bool) -> Option<Arc<Found>> {
        // Who draws has no time to give the room of 100,000 hits back: whoever looks for the next ones does.
        self.last = None;
        let found = Arc::new(self.look(host, sought, stale)?);
        self.last = Some(Arc::clone(&found));
        Some(found)
    }

    fn look(&mut self, host: &Host, sought: &Sought, stale: impl Fn() -> bool) -> Option<Found> {
        if sought.query.is_empty() {
            return Some(Found::default());
        }
        self.arrange(host, &sought.roots);
        let unread = self.looks.unread(host);
        for manner in [Manner::Exactly, Manner::Nearly] {
            let (matcher, found) = (matcher(), Found::default());
            let mut taking = Taking { sought, manner, matcher, worth: i64::MIN, found };
            for port in sought.ports.0.iter() {
                let text = port_text(&host.namespaces[sought.namespace], port);
                taking.take(Hit::Port(port.target.clone()), &text);
            }
            taking.rules(host, self, &stale)?;
            if !taking.found.hits.is_empty() {
                return Some(Found { manner: Some(manner), unread, ways: Arc::clone(&self.ways), ..taking.found });
            }
        }
        Some(Found { unread, ..Found::default() })
    }
}

struct Taking<'a> {
    sought: &'a Sought,
    manner: Manner,
    matcher: Matcher,
    /// How good the best hit is.
    worth: i64,
    found: Found,
}

impl Taking<'_> {
    fn rules(&mut self, host: &Host, shelf: &mut Shelf, stale: impl Fn() -> bool) -> Option<()> {
        let mut count = 0;
        let mut looked = Looked::default();
        for at in 0..shelf.stretches.len() {
            let Stretch { namespace, chain, first, end } = shelf.stretches[at];
            let ruleset = &host.namespaces[namespace].ruleset;
            if first == 0 && ruleset.chain(chain).base.is_some() {
                let mut text = base_text(ruleset, chain);
                if namespace != self.sought.namespace {
                    text = format!("{text} in {}", clean(&host.namespaces[namespace].name));
                }
                self.take(Hit::Chain(namespace, chain), &text);
            }
            for index in first..end {
                if count % 512 == 0 && stale() {
                    return None;
                }
                let rule = RuleId { chain, index };
                let told = || clean(&uncounted(&syntax::rule_spec(ruleset, rule))).into_owned();
                let has = self.take(Hit::Rule(namespace, rule), shelf.text(count, told));
                // What is in a set is a value: one that is nearly so is another.
                if !has && self.manner == Manner::Exactly {
                    let query = &self.sought.query;
                    if let Some(within) = looked.first(host, &shelf.looks, count, query, &stale)? {
                        self.put(Hit::Rule(namespace, rule), within.alone);
                        self.found.within.insert((namespace, rule), within);
                    }
                }
                count += 1;
            }
        }
        Some(())
    }

    /// Takes what is to be found by this text, if that has it.
    fn take(&mut self, hit: Hit, text: &str) -> bool {
        let query = &self.sought.query;
        match self.manner {
            Manner::Exactly if query.is_in(text, Manner::Exactly) => self.put(hit, query.stands_in(text)),
            Manner::Exactly => return false,
            Manner::Nearly => match query.nearness(text, &self.matcher) {
                Some(near) => self.weigh(hit, near),
                None => return false,
            },
        }
        true
    }

    /// Takes what has it; `alone`: as a word of its own.
    fn put(&mut self, hit: Hit, alone: bool) {
        /// What stands by itself comes before a part of a longer name.
        const ALONE: i64 = 1 << 24;
        self.weigh(hit, if alone { ALONE } else { 0 });
    }

    fn weigh(&mut self, hit: Hit, mut worth: i64) {
        /// What is on the packet's way comes before what is more alike and is not.
        const LIT: i64 = 1 << 32;
        /// The port with just this number comes before everything.
        const JUST: i64 = 1 << 40;
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
