//! Findings as data: who answers a port, from where, what decides.

use std::net::IpAddr;

use crate::host::{IpFamily, Process, Protocol, SetId, Unread};
use crate::walk::{Endpoints, Reason, Step, ValueSet, Walk};

/// A port that is asked about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// Its protocol.
    pub protocol: Protocol,
    /// The address that is asked; `None`: the one that fits where the packet comes from; an unspecified one: that, but
    /// of its family only.
    pub addr: Option<IpAddr>,
    /// The port; `None` for protocols without ports.
    pub port: Option<u16>,
    /// The socket that is expected to answer: its index in the namespace. A packet that another socket gets, or that
    /// goes elsewhere, is diverted from it.
    pub socket: Option<usize>,
}

impl Target {
    /// The one address that is asked, where one is given.
    pub fn one_addr(&self) -> Option<IpAddr> {
        self.addr.filter(|addr| !addr.is_unspecified())
    }

    /// The family that it has of itself: that of its address, or of its protocol.
    pub fn family(&self) -> Option<IpFamily> {
        match (self.addr, self.protocol) {
            (Some(addr), _) => Some(IpFamily::of(addr)),
            (None, Protocol::ICMPV6) => Some(IpFamily::V6),
            (None, Protocol::ICMP) => Some(IpFamily::V4),
            (None, _) => None,
        }
    }
}

/// A place that a packet can come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum From {
    /// Another host, by this device.
    Outside(String),
    /// Another host, by a device that nobody knows: a dump without devices.
    Somewhere,
    /// A container or another machine on this bridge.
    Bridge(String),
    /// This host, asking this address of its own (or 127.0.0.1, ::1).
    Local(IpAddr),
}

/// Who answers a port from one place.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Where the packet comes from.
    pub from: From,
    /// In which family.
    pub family: IpFamily,
    /// In short.
    pub verdict: AnswerVerdict,
    /// Who it is.
    pub who: Who,
    /// What decides.
    pub because: Finding,
    /// The walk that tells it.
    pub walk: Walk,
    /// That of the answers to its packets, where it was asked for and there are any.
    pub replies: Option<Walk>,
    /// What is said of it, where that was told from the walk's outcomes once: they may have been let go since.
    pub told: Option<Said>,
}

/// What is said of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Who it is, in a few words.
    pub who: String,
    /// Its sentences.
    pub because: String,
}

/// Who answers, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AnswerVerdict {
    /// The socket that listens on the port.
    Reached,
    /// Someone else: rules send it elsewhere.
    Diverted,
    /// Nobody: a rule or the kernel drops or rejects it.
    Blocked,
    /// It depends: on the source, on chance, on what could not be read.
    Depends,
    /// Nobody: it arrives, and no socket listens.
    Unanswered,
}

impl AnswerVerdict {
    /// The name that the JSON contract gives it.
    pub fn name(self) -> &'static str {
        match self {
            AnswerVerdict::Reached => "reached",
            AnswerVerdict::Diverted => "diverted",
            AnswerVerdict::Blocked => "blocked",
            AnswerVerdict::Depends => "depends",
            AnswerVerdict::Unanswered => "unanswered",
        }
    }

    /// Whether packets can get an answer.
    pub fn is_answer(self) -> bool {
        match self {
            AnswerVerdict::Reached | AnswerVerdict::Diverted | AnswerVerdict::Depends => true,
            AnswerVerdict::Blocked | AnswerVerdict::Unanswered => false,
        }
    }
}

/// Who gets a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A socket, with its processes where they were read.
    Socket {
        /// Its index in the namespace it is in.
        socket: usize,
        /// The index of that namespace.
        namespace: usize,
        /// Its processes.
        processes: Vec<Process>,
        /// The sockets of other processes that may get it as well, by their indices ([`group`](super::group)).
        group: Vec<usize>,
    },
    /// Somebody at an address that is not this host's (or whose socket whyport cannot see).
    Address {
        /// The addresses that the packet leaves with.
        endpoints: Endpoints,
        /// The device it leaves by.
        oif: Option<String>,
    },
    /// One of several addresses that are not this host's: chance decides, or what nobody can know.
    OneOf(Vec<Endpoints>),
    /// This host's kernel itself: it answers echo requests.
    Kernel,
    /// Nobody.
    Nobody,
    /// It cannot be told.
    Unknown,
}

/// What decides who answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What kind of thing decides.
    pub cause: Cause,
    /// Index of the namespace in which it decides.
    pub namespace: usize,
    /// The rule or policy that decides, where one does.
    pub by: Option<Step>,
    /// The jumps that lead to it from the base chain, outermost first.
    pub leads: Vec<Step>,
    /// The socket that listens on the port here and may never get the packet: its index in the namespace.
    pub holder: Option<usize>,
}

/// What kind of thing decides who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// No rule stands in the way: the socket gets it.
    SocketListens,
    /// It arrives, and another socket than the one that was asked about is the better fit.
    AnotherSocket,
    /// It arrives, and the kernel itself answers.
    KernelAnswers,
    /// It arrives, and the kernel is told not to answer.
    EchoIgnored,
    /// It arrives, and no socket listens there.
    NobodyListens,
    /// A rule translates the destination before a socket is looked up.
    Translated,
    /// A rule translates the destination, to this very host.
    Redirected,
    /// A rule drops it.
    DroppedByRule,
    /// A rule rejects it.
    RejectedByRule,
    /// Several rules of one chain drop it, each packets of its own.
    DroppedByRules,
    /// Several rules of one chain reject it, each packets of its own.
    RejectedByRules,
    /// Several rules of one chain drop or reject it, each packets of its own.
    RefusedByRules,
    /// The policy of a base chain drops it.
    DroppedByPolicy,
    /// The kernel drops it, or cannot route it, for this reason.
    Kernel(Reason),
    /// The destination is not this host's: it is routed on.
    NotHere,
    /// A rule hands it to user space.
    Queued,
    /// A rule sent it out by a device.
    SentAside,
    /// The outcomes differ.
    OutcomesDiffer,
    /// It could not be decided.
    Undecided,
}

/// Every port of a namespace.
#[derive(Debug, Clone)]
pub struct Survey {
    /// The ports, by protocol, port and address.
    pub ports: Vec<PortEntry>,
    /// The ports that rules let packets through to, where nobody has read who listens.
    pub let_through: Vec<LetThrough>,
    /// What could not be read and could matter.
    pub unread: Vec<Unread>,
    /// The devices by which packets come from outside, too, and which are too many to be asked.
    pub left_out: Vec<String>,
    /// The sets that would have to be read for a certain answer ([`Walk::needs`]).
    pub needs: Vec<(usize, SetId)>,
}

/// The ports of a protocol that rules let packets through to.
#[derive(Debug, Clone, PartialEq)]
pub struct LetThrough {
    /// The protocol.
    pub protocol: Protocol,
    /// Where the packets come from.
    pub from: From,
    /// In which family.
    pub family: IpFamily,
    /// To these all of them.
    pub always: ValueSet,
    /// To these some of them: what others are is asked port by port.
    pub sometimes: ValueSet,
}

/// A port, or a range of ports that rules answer alike.
#[derive(Debug, Clone)]
pub struct PortEntry {
    /// Its protocol.
    pub protocol: Protocol,
    /// The address its socket is bound to; for a ghost, the address that was asked, or the unspecified one for all.
    pub addr: IpAddr,
    /// The (first) port.
    pub port: u16,
    /// The last port; `port` unless rules take a whole range.
    pub last: u16,
    /// Its socket's index in the namespace; `None` for a ghost.
    pub socket: Option<usize>,
    /// Who answers, from each place a packet can come from.
    pub answers: Vec<Answer>,
}

impl PortEntry {
    /// Whether rules answer it although no socket listens.
    pub fn is_ghost(&self) -> bool {
        self.socket.is_none()
    }

    /// The verdict to show for the port as a whole, as [`overall`] tells it.
    pub fn verdict(&self) -> AnswerVerdict {
        overall(&self.answers)
    }

    /// What to ask to follow this port's packets.
    pub fn target(&self) -> Target {
        let addr = if self.addr.is_unspecified() && !self.is_ghost() { None } else { Some(self.addr) };
        Target { protocol: self.protocol, addr, port: Some(self.port), socket: self.socket }
    }
}

/// The verdict to show for a port as a whole: what happens to a packet from outside, or the first place there is;
/// `depends` where places from outside disagree.
pub fn overall(answers: &[Answer]) -> AnswerVerdict {
    let heard = heard(answers);
    let nobody = [AnswerVerdict::Blocked, AnswerVerdict::Unanswered];
    match heard.first() {
        None => AnswerVerdict::Unanswered,
        Some(first) if heard.iter().all(|answer| answer.verdict == first.verdict) => first.verdict,
        // Nobody answers, be it that here a rule sees to it and there no socket listens.
        Some(_) if heard.iter().all(|answer| nobody.contains(&answer.verdict)) => AnswerVerdict::Blocked,
        Some(_) => AnswerVerdict::Depends,
    }
}

/// The answers that count for a port as a whole: those to packets from outside, or all where there is none.
pub fn heard(answers: &[Answer]) -> Vec<&Answer> {
    let is_outside = |answer: &&Answer| matches!(answer.from, From::Outside(_) | From::Somewhere);
    let outside: Vec<&Answer> = answers.iter().filter(is_outside).collect();
    if outside.is_empty() { answers.iter().collect() } else { outside }
}
