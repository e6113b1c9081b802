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
//! - every current field of the packet knows where it comes from ([`packet`]), so that conditions always speak of the
//!   packet as it *entered*;
//! - the order of chains is the kernel's (`nf_hook_entries_grow`, `nf_nat_register_fn`), and where nothing tells it,
//!   both orders are walked.

mod condition;
mod conntrack;
mod devices;
pub mod field;
pub mod outcome;
mod packet;
mod plan;
pub mod query;
pub mod set;
mod space;

pub use field::Field;
pub use outcome::{
    Assumed, Assumption, Condition, Endpoints, Event, Fate, FateKind, Op, Outcome, Pass, Reason, RouteDecision,
    RouteEvent, Step, StepAt, Translation, Values, Verdict, Why,
};
pub use query::{Origin, Query};
pub use set::ValueSet;

use crate::host::{Host, Unread};

/// Everything that can happen to the packets of a query.
#[derive(Debug, Clone)]
pub struct Walk {
    /// What was asked, with the defaults that it took filled in.
    pub query: Query,
    /// What could not be read and could matter here.
    pub unread: Vec<Unread>,
    /// Disjoint outcomes, likeliest first; sources that routing refuses come last, as one outcome.
    pub outcomes: Vec<Outcome>,
    /// How many branches were not followed to their end because the limit of the query was reached.
    pub unexplored: usize,
}

/// Walks the packets of `query` through `host`.
pub fn walk(host: &Host, query: &Query) -> Walk {
    let _ = host;
    Walk { query: query.clone(), unread: Vec::new(), outcomes: Vec::new(), unexplored: 0 }
}
