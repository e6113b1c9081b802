//! What the outcomes of walks mean: who answers a port, from where, and why.
//!
//! [`survey`] lists every port of a namespace: its sockets, and its *ghosts* (ports that rules answer although no socket
//! listens). [`answers`] asks one port from every place that a packet can come from. A [`Finding`] says what decides, as
//! data; [`words`] turns findings, conditions and assumptions into sentences. Nothing here knows a terminal.

mod asking;
pub mod back;
mod brief;
pub mod chance;
pub mod clean;
pub mod description;
pub mod fields;
pub mod finding;
#[cfg(test)]
pub(crate) mod fixture;
mod ghosts;
pub mod home;
mod judge;
mod listed;
mod open;
mod outside;
mod packets;
mod places;
mod plausible;
mod queries;
mod sockets;
mod survey;
#[cfg(test)]
mod tests;
pub mod words;

pub use asking::{Place, command, described_answers, nearest, shell, understood, whence};
pub use brief::{brief, uncounted};
pub use clean::clean;
pub use finding::{Answer, AnswerVerdict, Cause, Finding, From, LetThrough, PortEntry, Said, Survey, Target, Who};
pub use sockets::group;

use crate::host::{Host, IpFamily};
use crate::walk::{Query, StepAt, Walk, Walker};

/// Every port of the namespace with who answers it: by protocol, port and address, ghosts among sockets. The walks of these
/// answers come without outcomes; [`answers`] gives a port's with them. `texts` says what parts of rules say.
pub fn survey(host: &Host, namespace: usize, texts: words::Texts) -> Survey {
    survey::survey(host, namespace, texts, &mut survey::Walks::through(host, namespace))
}

/// Every port of the namespace as in [`survey`], but without answers: those of a port are [`answers`]' to give, when they
/// are wanted.
pub fn ports(host: &Host, namespace: usize) -> Survey {
    survey::ports(host, namespace, &survey::Walks::through(host, namespace))
}

/// The ports of sockets, as they stand in [`ports`], which takes its time where there are many rules.
pub fn bound(host: &Host, namespace: usize) -> Vec<PortEntry> {
    survey::bound(&host.namespaces[namespace])
}

/// Keeps what is said of answers with them: whoever shows it often need not look through thousands of outcomes each time.
pub fn tell(host: &Host, namespace: usize, answers: &mut [Answer], texts: words::Texts) {
    for answer in answers {
        answer.told = Some(survey::said(host, namespace, answer, texts));
    }
}

/// Who answers `target` from every place that a packet can come from: outside by each interface, this host by its own
/// address, localhost, each bridge; in each family that the target has. What is answered is followed back.
pub fn answers(host: &Host, namespace: usize, target: &Target) -> Vec<Answer> {
    Asked::about(host, namespace).answers(target)
}

/// A namespace that is asked about more than one port: what takes a look at all of its rules is done once, for all of them.
/// Of sets it knows what was read when it was made.
pub struct Asked<'a> {
    host: &'a Host,
    namespace: usize,
    walks: survey::Walks<'a>,
}

impl<'a> Asked<'a> {
    /// Nothing was asked yet.
    pub fn about(host: &'a Host, namespace: usize) -> Asked<'a> {
        Asked { host, namespace, walks: survey::Walks::through(host, namespace) }
    }

    /// As [`answers`].
    pub fn answers(&mut self, target: &Target) -> Vec<Answer> {
        self.walks.forget();
        let asked = survey::asked(self.host, self.namespace, target, &mut self.walks);
        let with_replies = |(query, answer): (Query, Answer)| {
            let replies = back::replies(&query, &answer.walk, |query| self.walks.walk(query));
            Answer { replies, ..answer }
        };
        asked.into_iter().map(with_replies).collect()
    }
}

/// The queries that `from` stands for, with the defaults of `trace` filled in. [`From::Somewhere`] is "outside": one
/// query for each device that a packet from outside may come in by, or one by any device where no devices were read.
/// The source stays open. Nothing where the target's address is of another family, or the device has none to ask.
pub fn queries(host: &Host, namespace: usize, target: &Target, from: &From, family: IpFamily) -> Vec<Query> {
    queries::queries(&host.namespaces[namespace], namespace, target, from, family)
}

/// What decides in each of the outcomes of an answer that count, or ends their way, with the index of the namespace in which it
/// stands; some more than once.
pub fn deciders(host: &Host, answer: &Answer) -> Vec<(usize, StepAt)> {
    judge::deciders(host, answer)
}

/// Who answers, judged from a walk that was made.
pub fn judge(host: &Host, target: &Target, from: From, walk: Walk) -> Answer {
    judge::judge(host, target, from, walk)
}

/// Whether this becomes of the packets that an answer is about, or of some of them where it depends.
pub fn may_be(host: &Host, answer: &Answer, verdict: AnswerVerdict) -> bool {
    judge::may_be(host, answer, verdict)
}

/// The walk of the answers to the packets of a query that was walked, where one of them gets to somebody.
pub fn replies(query: &Query, walk: &Walk, walker: &Walker<'_>) -> Option<Walk> {
    back::replies(query, walk, |query| walker.walk(query))
}
