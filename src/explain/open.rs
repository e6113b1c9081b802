//! The ports to which rules let packets through, where nobody has read who listens: what a dump of rules can tell of them.
//!
//! Like ghosts they are found by walking all ports as one set. What rules divert is none of them.

use super::finding::{From, LetThrough, Target};
use super::ghosts::to_all_ports;
use super::survey::Walks;
use super::{places, queries};
use crate::host::{Host, IpFamily, Protocol, What};
use crate::walk::{Ending, FateKind, ValueSet};

/// For each protocol and family that is asked from outside; nothing where sockets were read.
pub(super) fn let_through(host: &Host, namespace: usize, protocols: &[Protocol], walks: &Walks<'_>) -> Vec<LetThrough> {
    if host.namespaces[namespace].is_read(What::Sockets) {
        return Vec::new();
    }
    let mut found: Vec<LetThrough> = Vec::new();
    for protocol in protocols {
        let target = Target { protocol: *protocol, addr: None, port: None, socket: None };
        for (from, family) in places::places(host, namespace, &target) {
            if matches!(from, From::Outside(_) | From::Somewhere) {
                let (passing, stopped) = asked(host, namespace, &target, (&from, family), walks);
                found.push(LetThrough {
                    protocol: *protocol,
                    from,
                    family,
                    always: passing.minus(&stopped),
                    sometimes: passing.and(&stopped),
                });
            }
        }
    }
    found
}

/// The ports to which some packets come through, and those to which some do not.
fn asked(
    host: &Host,
    namespace: usize,
    target: &Target,
    (from, family): (&From, IpFamily),
    walks: &Walks<'_>,
) -> (ValueSet, ValueSet) {
    let ns = &host.namespaces[namespace];
    let mut both = (ValueSet::empty(), ValueSet::empty());
    for query in queries::queries(ns, namespace, target, from, family) {
        for ending in walks.endings(&to_all_ports(ns, from, query)).all {
            match comes_through(&ending) {
                Some(true) => both.0 = both.0.or(&ending.dport),
                Some(false) => both.1 = both.1.or(&ending.dport),
                None => {}
            }
        }
    }
    both
}

/// Whether packets come to the sockets of this host; `None`: their source cannot be.
fn comes_through(ending: &Ending) -> Option<bool> {
    match ending.kind {
        FateKind::Martian => None,
        FateKind::Delivered => Some(!ending.diverted && !ending.left),
        FateKind::Forwarded
        | FateKind::Sent
        | FateKind::Dropped
        | FateKind::Rejected
        | FateKind::Queued
        | FateKind::Diverted
        | FateKind::Unroutable
        | FateKind::Unknown => Some(false),
    }
}
