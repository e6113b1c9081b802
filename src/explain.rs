//! What the outcomes of walks mean: who answers a port, from where, and why.
//!
//! [`survey`] lists every port of a namespace: its sockets, and its *ghosts* (ports that rules answer although no socket
//! listens). [`answers`] asks one port from every place that a packet can come from. A [`Finding`] says what decides, as
//! data; [`words`] turns findings, conditions and assumptions into sentences. Nothing here knows a terminal.

pub mod clean;
pub mod fields;
pub mod finding;
pub mod words;

pub use clean::clean;
pub use finding::{Answer, AnswerVerdict, Cause, Finding, From, PortEntry, Survey, Target, Who};

use crate::host::{Host, IpFamily};
use crate::walk::{Query, Walk};

/// Every port of the namespace with who answers it: sockets first by protocol, port and address, ghosts among them.
pub fn survey(host: &Host, namespace: usize) -> Survey {
    let _ = (host, namespace);
    Survey { ports: Vec::new(), unread: Vec::new() }
}

/// Who answers `target` from every place that a packet can come from: outside by each interface, this host by its own
/// address, localhost, each bridge; in each family that the target has.
pub fn answers(host: &Host, namespace: usize, target: &Target) -> Vec<Answer> {
    let _ = (host, namespace, target);
    Vec::new()
}

/// The queries that `from` stands for, with the defaults of `trace` filled in: one for each device that a packet from
/// outside may come in by, where several may.
pub fn queries(host: &Host, namespace: usize, target: &Target, from: &From, family: IpFamily) -> Vec<Query> {
    let _ = (host, namespace, target, from, family);
    Vec::new()
}

/// Who answers, judged from a walk that was made.
pub fn judge(host: &Host, target: &Target, from: From, walk: Walk) -> Answer {
    let _ = host;
    Answer {
        from,
        family: walk.query.family,
        verdict: AnswerVerdict::Unanswered,
        who: Who::Nobody,
        because: Finding { cause: Cause::NobodyListens, by: None, leads: Vec::new(), holder: target.socket },
        walk,
    }
}
