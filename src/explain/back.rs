//! Whether the answer to a packet comes back to who asked.
//!
//! It judges the walks of answers, one for each way that the question may go. Deliberately asked for only where somebody
//! looks at one port: all ports of a host are not followed back.

use crate::host::{Host, Namespace};
use crate::walk::{FateKind, Origin, Outcome, Query, Turn, Walk};

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Back {
    /// It comes to who asked, from whom it was asked.
    Arrives,
    /// It leaves by another device than the one where it was asked: whether it gets to who asked is not for this host to tell.
    Elsewhere,
    /// It is dropped, or who asked would not know it.
    Lost,
    /// It goes on to where it cannot be followed.
    Unknown,
}

/// The walk of the answers to a query's packets, where one of them gets to somebody.
pub(super) fn replies(query: &Query, walk: &Walk, walked: impl Fn(&Query) -> Walk) -> Option<Walk> {
    let asks = walk.query.turn == Turn::First && walk.outcomes.iter().any(gets_somewhere);
    asks.then(|| walked(&Query { turn: Turn::Reply, ..query.clone() }))
}

fn gets_somewhere(outcome: &Outcome) -> bool {
    matches!(outcome.fate.kind, FateKind::Delivered | FateKind::Forwarded | FateKind::Sent)
}

/// The answers to an outcome's packets among those of a walk that followed them back.
pub fn replies_to<'r>(outcome: &'r Outcome, replies: &'r Walk) -> impl Iterator<Item = &'r Outcome> {
    let is_answer = move |reply: &&Outcome| {
        reply.after.iter().any(|first| {
            first.fate.kind == outcome.fate.kind
                && first.fate.by == outcome.fate.by
                && first.fate.oif == outcome.fate.oif
                && first.steps().eq(outcome.steps())
        })
    };
    replies.outcomes.iter().filter(is_answer)
}

/// What becomes of an answer.
pub fn back(host: &Host, query: &Query, reply: &Outcome) -> Back {
    let fate = &reply.fate;
    let is_here = fate.namespace == query.namespace;
    match fate.kind {
        FateKind::Dropped | FateKind::Rejected | FateKind::Unroutable | FateKind::Martian => Back::Lost,
        FateKind::Queued | FateKind::Diverted | FateKind::Unknown => Back::Unknown,
        FateKind::Delivered | FateKind::Forwarded | FateKind::Sent if reply.after.iter().any(|one| one.answered) => {
            if leaves_elsewhere(&host.namespaces[query.namespace], query, reply) {
                Back::Elsewhere
            } else {
                Back::Arrives
            }
        }
        // Somebody else gets it, or it bears an address that nobody asked.
        FateKind::Delivered => Back::Lost,
        FateKind::Forwarded | FateKind::Sent if is_here && query.origin != Origin::Local => Back::Lost,
        FateKind::Forwarded | FateKind::Sent => Back::Unknown,
    }
}

/// Whether an answer leaves this host by a device that is not the one where it was asked.
fn leaves_elsewhere(ns: &Namespace, query: &Query, reply: &Outcome) -> bool {
    let Origin::Device(asked) = &query.origin else { return false };
    let by = reply.fate.oif.as_deref().filter(|_| reply.fate.kind != FateKind::Delivered);
    let (asked, by) = (ns.link(asked), by.and_then(|by| ns.link(by)));
    asked.zip(by).is_some_and(|(asked, by)| !ns.shares_wire(asked, by))
}
