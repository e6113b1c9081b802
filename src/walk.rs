//! A packet's way through a host: routing, hooks, chains, conditions, conntrack and NAT, as the kernel does it.
//!
//! [`walk`] takes a [`Query`] (a packet of which some fields are known, and where it starts) and gives every
//! [`Outcome`]: disjoint classes of packets that together cover the query, each with the rules they meet, in order, and
//! their fate. It decides; it reads nothing, prints nothing, knows no clock. A dropped packet is an outcome, never an
//! error.
//!
//! Three things keep it honest:
//! - a condition is true, false or unknown; an unknown *field* splits the walk by the field's values, and what cannot
//!   be evaluated at all splits it by an [`Assumption`], both ways;
//! - every current field of the packet knows where it comes from, so that conditions always speak of the
//!   packet as it *entered*;
//! - the order of chains is the kernel's (`nf_hook_entries_grow`, `nf_nat_register_fn`), and where nothing tells it,
//!   both orders are walked.

mod alter;
mod apart;
mod chain;
mod clock;
mod condition;
mod conntrack;
mod devices;
mod endings;
mod engine;
mod entrance;
mod fib;
pub mod field;
mod fields;
mod finish;
mod frames;
mod guesses;
mod input;
mod ipset;
mod ipvlan;
mod macvlan;
mod made;
mod memory;
pub mod names;
mod nat;
mod native;
mod onward;
mod order;
pub mod outcome;
mod outgoing;
mod output;
mod overlooked;
mod packet;
mod passes;
mod plan;
mod plans;
pub mod query;
mod refused;
mod reply;
mod route;
mod run;
mod scopes;
pub mod set;
mod shares;
mod sight;
mod sockets;
mod space;
mod state;
mod synproxy;
mod target;
mod trail;
mod vlans;
mod vrf;
mod way;
pub mod why;
mod wires;

pub use clock::asks_for_time;
pub use endings::{Ending, Endings};
pub use field::Field;
pub use finish::addresses;
pub use memory::Memory;
pub use onward::leads_to;
pub use outcome::{
    After, Assumed, Assumption, Condition, Endpoints, Event, Fate, FateKind, Op, Outcome, Pass, Reason, RouteDecision,
    RouteEvent, Step, StepAt, Translation, Values, Verdict, Why,
};
pub use query::{Origin, Query, Turn};
pub use set::ValueSet;
pub use shares::{Share, rank};
pub use sockets::hears_by;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::host::xt::CtStates;
use crate::host::{Host, Protocol, SetId, Unread};
use plan::Plan;
use plans::Plans;
use why::{Account, Spot};

/// Everything that can happen to the packets of a query.
#[derive(Debug, Clone)]
pub struct Walk {
    /// What was asked, with the defaults that it took filled in.
    pub query: Query,
    /// What could not be read and could matter here, each with the index of its namespace.
    pub unread: Vec<(usize, Unread)>,
    /// Disjoint outcomes, likeliest first; sources that routing refuses come last, as one outcome.
    pub outcomes: Vec<Outcome>,
    /// How many branches were not followed to their end because the limit of the query was reached.
    pub unexplored: usize,
    /// Where not every way was followed: what becomes of all packets, whatever their way, the greatest share first. Empty where
    /// the outcomes tell it, and where it is too much to be found.
    pub shares: Vec<Share>,
    /// The sets whose elements were counted, and that would have to be read for a certain answer, each with the index of its
    /// namespace. Once they are, another walk may ask for others.
    pub needs: Vec<(usize, SetId)>,
}

/// The sets that are needed of each namespace.
pub fn of_namespaces(needs: &[(usize, SetId)]) -> BTreeMap<usize, Vec<SetId>> {
    let mut found: BTreeMap<usize, Vec<SetId>> = BTreeMap::new();
    needs.iter().for_each(|(namespace, set)| found.entry(*namespace).or_default().push(*set));
    found
}

/// A namespace prepared for many walks.
pub struct Walker<'a> {
    host: &'a Host,
    namespace: usize,
    plans: Plans<'a>,
    reversed: OnceLock<Plans<'a>>,
}

impl<'a> Walker<'a> {
    /// Prepares a namespace of a host, by its index; others are prepared when a packet comes to them.
    pub fn new(host: &'a Host, namespace: usize) -> Walker<'a> {
        let walker = Walker { host, namespace, plans: Plans::of(host, false), reversed: OnceLock::new() };
        walker.plan();
        walker
    }

    /// Walks the packets of a query of this namespace.
    pub fn walk(&self, query: &Query) -> Walk {
        let asked = self.with_defaults(query);
        let planned = |namespace: usize| self.plans.at(namespace);
        let run = run::run(&planned, &asked);
        let unexplored = run.unexplored;
        let mut needs = run.needs.clone();
        let visited = run.visited.clone();
        let mut outcomes = finish::outcomes(&planned, &asked, run);
        let guesses = self.plans.guesses(query.family, &visited);
        let shares = self.shares(&asked, unexplored > 0, !guesses.is_empty());
        if let Some(guess) = guesses.first() {
            let planned = |namespace: usize| self.reversed().at(namespace);
            let run = run::run(&planned, &asked);
            needs.extend(&run.needs);
            outcomes = order::both(outcomes, finish::outcomes(&planned, &asked, run), *guess, &guesses);
        }
        let needs: Vec<(usize, SetId)> = needs.into_iter().collect();
        let matters = |namespace: usize| {
            let plan = self.plans.at(namespace);
            let unread = plan.namespace().unread.iter().filter(|unread| plan.may_matter(query.family, unread.what));
            unread.map(move |unread| (namespace, unread.clone()))
        };
        let elements = of_namespaces(&needs).into_iter().filter_map(|(namespace, sets)| {
            self.host.namespaces[namespace].unread_elements(&sets).map(|unread| (namespace, unread))
        });
        let unread = visited.into_iter().flat_map(matters).chain(elements).collect();
        Walk { query: told(query, &asked, &outcomes), unread, outcomes, unexplored, shares, needs }
    }

    /// What became of a rule on the way of an outcome of a walk that this walker made. More than one account: its packets
    /// fail it, or come to miss it, for different reasons.
    pub fn accounts(&self, walk: &Walk, outcome: &Outcome, spot: &Spot) -> Vec<Account> {
        why::asked(&|namespace: usize| self.plans.at(namespace), &walk.query, outcome, spot)
    }

    /// What becomes of the packets of a query, without how they came there. Where `settles` holds of an ending, no other packets
    /// to the same destinations and port are followed.
    pub fn endings(&self, query: &Query, settles: &dyn Fn(&Ending) -> bool) -> Endings {
        let asked = self.with_defaults(query);
        let mut found = endings::endings(&|namespace| self.plans.at(namespace), &asked, settles);
        if !self.plans.guesses(query.family, &[self.namespace]).is_empty() {
            found.append(endings::endings(&|namespace| self.reversed().at(namespace), &asked, settles));
        }
        found
    }

    /// What becomes of all first packets, where not every way of theirs was followed.
    fn shares(&self, asked: &Query, are_open: bool, is_guessed: bool) -> Vec<Share> {
        if !are_open || asked.turn != Turn::First {
            return Vec::new();
        }
        let listed = |namespace: usize| self.plans.at(namespace);
        let reversed = |namespace: usize| self.reversed().at(namespace);
        let orders: [plans::Planned<'_>; 2] = [&listed, &reversed];
        shares::shares(&orders[..1 + usize::from(is_guessed)], asked)
    }

    /// The plans in which chains whose order is guessed run the other way round.
    fn reversed(&self) -> &Plans<'a> {
        self.reversed.get_or_init(|| Plans::of(self.host, true))
    }

    fn plan(&self) -> &Plan<'a> {
        self.plans.at(self.namespace)
    }

    /// What conntrack says of a first packet whose flags or type are known.
    fn first_state(&self, query: &Query) -> Option<CtStates> {
        let loose = self.plan().namespace().sysctls.conntrack_tcp_loose.unwrap_or(true);
        let (flags, kind) = match query.protocol {
            Protocol::TCP => (Some(query.known(Field::TcpFlags)? as u8), None),
            Protocol::ICMP | Protocol::ICMPV6 => (None, Some(query.known(Field::IcmpType)? as u8)),
            _ => (None, None),
        };
        Some(conntrack::first_state(query.protocol, flags, kind, loose))
    }

    /// The query with what it leaves to be understood: the device it comes in by, and to whom its frame is addressed.
    fn with_defaults(&self, query: &Query) -> Query {
        let mut asked = reply::described(query);
        match &query.origin {
            Origin::Device(name) => {
                asked.set(Field::Iif, entrance::devices(self.plan(), name, query));
            }
            Origin::Somewhere => asked.set(Field::Iif, self.plan().devices.all_but_loopback()),
            Origin::Local => {}
        }
        if query.dst_is_local {
            let elsewhere = &self.plan().turned_to[query.family as usize];
            asked.set(Field::Dst, query.values(Field::Dst).minus(elsewhere));
        }
        if let Some(first) = self.first_state(&asked) {
            asked.fields.entry(Field::CtState).or_insert_with(|| ValueSet::one(u128::from(first.bits())));
        }
        let addressed = entrance::addressed(self.plan(), query);
        asked.fields.entry(Field::Pkttype).or_insert_with(|| ValueSet::one(addressed));
        asked
    }
}

/// The query with what conntrack says of its packet, and the source that the routing table picked.
fn told(query: &Query, asked: &Query, outcomes: &[Outcome]) -> Query {
    let mut told = query.clone();
    told.turn = asked.turn;
    if asked.turn != Turn::First
        && let Some(flags) = asked.fields.get(&Field::TcpFlags)
    {
        told.set(Field::TcpFlags, flags.clone());
    }
    if let Some(states) = asked.fields.get(&Field::CtState) {
        told.set(Field::CtState, states.clone());
    }
    let mut sources = outcomes.iter().map(|outcome| outcome.passes.first().and_then(|pass| pass.enters.src));
    if query.origin == Origin::Local
        && !query.fields.contains_key(&Field::Src)
        && let Some(Some(src)) = sources.next()
        && sources.all(|other| other == Some(src))
    {
        told.set_address(Field::Src, src);
    }
    told
}

/// Walks the packets of `query` through `host`.
pub fn walk(host: &Host, query: &Query) -> Walk {
    Walker::new(host, query.namespace).walk(query)
}
