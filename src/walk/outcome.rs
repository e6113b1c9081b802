//! What a walk finds: outcomes with their conditions, assumptions, steps and fates. Plain data.

mod fate;

use std::net::IpAddr;

use ipnet::IpNet;

use super::field::Field;
use super::memory::Memory;
use super::query::Turn;
use super::set::ValueSet;
use crate::host::xt::RejectWith;
use crate::host::{ChainId, Hook, Policy, Priority, RuleId, What};

pub use fate::{Fate, FateKind, Reason};

/// What happens to one class of packets.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What must hold of the entering packet, beyond the query: alternatives, each a list of conditions that all
    /// hold. Empty: always.
    pub when: Vec<Vec<Condition>>,
    /// What could not be decided and was taken one way. Empty: the outcome is certain.
    pub assumed: Vec<Assumption>,
    /// Each time the packet goes through a namespace.
    pub passes: Vec<Pass>,
    /// What happened on the way, in order.
    pub events: Vec<Event>,
    /// How it ends.
    pub fate: Fate,
    /// Which packet this is: of a query for an answer, the first one where nobody answers it.
    pub turn: Turn,
    /// Of a packet that is not the first: the ways of the first packets that it comes after.
    pub after: Vec<After>,
    /// How likely it is among the outcomes of its walk, from 0 to 1, unknown fields taken as evenly spread.
    pub weight: f64,
    /// What it keeps of its way, so that rules can be asked about later.
    pub memory: Memory,
}

impl Outcome {
    /// Whether nothing was assumed.
    pub fn is_certain(&self) -> bool {
        self.assumed.is_empty()
    }

    /// The assumptions that are told one by one where all of them are too many for a person: those that hold before the
    /// others; and how many more there are.
    pub fn assumed_first(&self, most: usize) -> (Vec<&Assumption>, usize) {
        let told: Vec<&Assumption> = self.assumed.iter().filter(|one| !self.drew_another(one)).collect();
        if told.len() <= most {
            return (told, 0);
        }
        let more = told.len() - most;
        let (holding, failing): (Vec<_>, Vec<_>) = told.into_iter().partition(|one| one.holds);
        (holding.into_iter().chain(failing).take(most).collect(), more)
    }

    /// Whether an assumption says only that a rule did not draw a number, where another says which it drew.
    fn drew_another(&self, assumption: &Assumption) -> bool {
        let drawn = |one: &Assumption| match one.what {
            Assumed::Draws { rule, index, .. } => Some((one.namespace, rule, index)),
            _ => None,
        };
        let Some(drew) = drawn(assumption).filter(|_| !assumption.holds) else { return false };
        self.assumed.iter().any(|one| one.holds && drawn(one) == Some(drew))
    }

    /// The pass with this number, from 1.
    pub fn pass(&self, number: u32) -> Option<&Pass> {
        self.passes.iter().find(|pass| pass.number == number)
    }

    /// The routers of which one got it as it left in the pass with this number; none: straight to who is meant, or nobody knows.
    pub fn routers(&self, number: u32) -> &[IpAddr] {
        let by = |event: &'_ Event| matches!(event, Event::Route(route) if route.pass == number);
        match self.events.iter().rfind(|event| by(event)) {
            Some(Event::Route(RouteEvent { decision: RouteDecision::Out { via, .. }, .. })) => via,
            _ => &[],
        }
    }

    /// The rules and chain ends on the way, in order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.events.iter().filter_map(|event| match event {
            Event::Step(step) => Some(step),
            Event::Route(_) => None,
        })
    }
}

/// The way of a first packet.
#[derive(Debug, Clone, PartialEq)]
pub struct After {
    /// Each time it went through a namespace.
    pub passes: Vec<Pass>,
    /// What happened on the way, in order.
    pub events: Vec<Event>,
    /// How it ended.
    pub fate: Fate,
    /// Its answer came to who had asked, from whom it had asked.
    pub answered: bool,
}

impl After {
    /// The rules and chain ends on the way, in order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.events.iter().filter_map(|event| match event {
            Event::Step(step) => Some(step),
            Event::Route(_) => None,
        })
    }
}

/// Something that must hold of the entering packet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Condition {
    /// The field it speaks of.
    pub field: Field,
    /// How the field relates to the values.
    pub op: Op,
    /// The values.
    pub values: Vec<Values>,
}

/// How a condition compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// It is one of the values.
    In,
    /// It is none of the values.
    NotIn,
    /// It is the value: for fields that have names, not numbers.
    Is,
}

/// Values of a condition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Values {
    /// Addresses with a prefix in common; a full-length prefix is one address.
    Net(IpNet),
    /// Addresses from first to last.
    Addresses(IpAddr, IpAddr),
    /// Numbers from first to last.
    Range(u64, u64),
    /// A name: a device, a state.
    Name(String),
    /// What a large set holds: its name (`@ip filter blocklist`, `@ipset banned`), and the numbers.
    Set(String, ValueSet),
}

/// What was taken one way because it could not be decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Assumption {
    /// Index of the namespace of which it speaks.
    pub namespace: usize,
    /// What it is about.
    pub what: Assumed,
    /// Whether it was taken to hold.
    pub holds: bool,
    /// Why it could not be decided.
    pub why: Why,
}

/// What an assumption is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Assumed {
    /// A match of a rule holds (index into its matches).
    Match {
        /// The rule.
        rule: RuleId,
        /// Which of its matches.
        index: u16,
    },
    /// The target of a rule, which is not understood, lets the packet go on.
    TargetContinues(RuleId),
    /// A rule that translates gives a port, and nobody knows which.
    GivesPort(RuleId),
    /// Of two base chains of equal priority, this one runs before the other.
    Order {
        /// The chain that is taken to run first.
        first: ChainId,
        /// The chain that is taken to run after it.
        second: ChainId,
    },
    /// conntrack looks at the packet before this base chain, which has its priority, runs.
    TracksBefore(ChainId),
    /// The packet leaves by one of these devices (a trailing `+` stands for all names that start so); none: no route leads it out.
    LeavesBy(Vec<String>),
    /// The packet is for this host: a dump without addresses and routes.
    Local(Endpoints),
    /// Forwarding is on for the incoming device.
    Forwards,
    /// The packet's mark is one that the policy routing rule of this priority is for.
    MarkFits(u32),
    /// Reverse-path filtering lets the packet in.
    ReversePathAccepts,
    /// conntrack holds no translation for the packet's flow.
    NoTranslation,
    /// What this device makes of VLANs lets the packet go on.
    Vlans(String),
    /// conntrack holds the packet's flow, though its first packet would not be let through now.
    Established,
    /// The answer, which nobody has seen, has one of these values in a field.
    AnswerHas(Condition),
    /// Addresses or ports that the kernel chooses fit what a rule asks (index into its matches).
    ChosenFits {
        /// The rule.
        rule: RuleId,
        /// Which of its matches.
        index: u16,
    },
    /// An address or a port that the kernel chooses is one of these.
    ChosenAmong {
        /// Among what it chooses.
        among: ValueSet,
        /// These.
        values: ValueSet,
    },
    /// What is drawn for a rule is a number that one of its elements has (index into its matches).
    Draws {
        /// The rule.
        rule: RuleId,
        /// Which of its matches.
        index: u16,
        /// The least number for which it gives the same.
        number: u32,
    },
    /// A socket answers at the end.
    SocketAnswers,
    /// Rules of this kind, which were not read, change nothing for the packet.
    UnreadRulesPass(What),
    /// What changed while it was read is as it was read.
    Torn(What),
}

/// Why something could not be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// Nothing tells which of two chains was registered first.
    Order,
    /// It depends on how many packets came before.
    Rate,
    /// It depends on what cannot be seen: what a packet carries, or state that the kernel keeps to itself.
    State,
    /// It depends on a hash of the flow (`fib_multipath_hash`).
    Hash,
    /// It is random.
    Random,
    /// whyport does not understand it.
    Undecoded,
    /// It was not read.
    Unread,
}

impl Why {
    /// The name that the JSON contract gives it.
    pub fn name(self) -> &'static str {
        match self {
            Why::Order => "order",
            Why::Rate => "rate",
            Why::State | Why::Hash => "state",
            Why::Random => "random",
            Why::Undecoded => "undecoded",
            Why::Unread => "unread",
        }
    }
}

/// One way through a network namespace, from where the packet enters to where it leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Pass {
    /// Counted from 1.
    pub number: u32,
    /// Index of the namespace in the host.
    pub namespace: usize,
    /// The device it came in by; `None` where it is made, or nobody knows.
    pub iif: Option<String>,
    /// The device it left by; `None` where it stayed, or nobody knows.
    pub oif: Option<String>,
    /// Its addresses as it entered.
    pub enters: Endpoints,
    /// Its addresses as it left; `None` where it stayed.
    pub leaves: Option<Endpoints>,
}

/// Addresses and ports, where they are known and predictable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Endpoints {
    /// Source address.
    pub src: Option<IpAddr>,
    /// Source port.
    pub sport: Option<u16>,
    /// Destination address.
    pub dst: Option<IpAddr>,
    /// Destination port.
    pub dport: Option<u16>,
}

/// Something that happened on the way.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A rule held, or a chain ended.
    Step(Step),
    /// Routing decided.
    Route(RouteEvent),
}

/// A rule whose conditions all held, or the end of a chain that the packet ran off.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The pass it belongs to, from 1.
    pub pass: u32,
    /// The hook.
    pub hook: Hook,
    /// The priority of the base chain.
    pub priority: Priority,
    /// The base chain that was entered at the hook.
    pub base: ChainId,
    /// How many jumps deep, 0 in the base chain.
    pub depth: u16,
    /// The rule, or the chain that ended.
    pub at: StepAt,
    /// What came of it.
    pub verdict: Verdict,
    /// It held for a part of the outcome's packets only, without effect on their way.
    pub sometimes: bool,
}

/// Where a step happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StepAt {
    /// At a rule.
    Rule(RuleId),
    /// At the end of a chain.
    End(ChainId),
}

impl StepAt {
    /// The chain.
    pub fn chain(self) -> ChainId {
        match self {
            StepAt::Rule(rule) => rule.chain,
            StepAt::End(chain) => chain,
        }
    }
}

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// The packet goes on after the base chain.
    Accept,
    /// It is dropped.
    Drop,
    /// It is dropped and answered.
    Reject(RejectWith),
    /// It goes on in the chain that jumped here, or to the policy.
    Return,
    /// It goes on with the next rule.
    Continue,
    /// It goes on in another chain, and comes back.
    Jump(ChainId),
    /// It goes on in another chain, and does not come back.
    Goto(ChainId),
    /// It is handed to user space.
    Queue,
    /// A rule took it, and sent it out by a device.
    Stolen,
    /// It ran off the end of a base chain.
    Policy(Policy),
    /// Its destination is translated.
    Dnat(Translation),
    /// Its source is translated.
    Snat(Translation),
    /// Its source becomes the outgoing device's address.
    Masquerade(Translation),
    /// Its destination becomes this host.
    Redirect(Translation),
    /// Its address is mapped into another prefix.
    Netmap(Translation),
    /// It is given to a transparent socket of this host.
    Tproxy,
    /// conntrack leaves it alone.
    Notrack,
    /// The target is not understood.
    Unknown,
}

impl Verdict {
    /// The name that the JSON contract gives it.
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Accept => "accept",
            Verdict::Drop => "drop",
            Verdict::Reject(_) => "reject",
            Verdict::Return => "return",
            Verdict::Continue => "continue",
            Verdict::Jump(_) => "jump",
            Verdict::Goto(_) => "goto",
            Verdict::Queue => "queue",
            Verdict::Stolen => "stolen",
            Verdict::Policy(_) => "policy",
            Verdict::Dnat(_) => "dnat",
            Verdict::Snat(_) => "snat",
            Verdict::Masquerade(_) => "masquerade",
            Verdict::Redirect(_) => "redirect",
            Verdict::Netmap(_) => "netmap",
            Verdict::Tproxy => "tproxy",
            Verdict::Notrack => "notrack",
            Verdict::Unknown => "unknown",
        }
    }

    /// The translation, for the verdicts that make one.
    pub fn translation(&self) -> Option<Translation> {
        match self {
            Verdict::Dnat(to)
            | Verdict::Snat(to)
            | Verdict::Masquerade(to)
            | Verdict::Redirect(to)
            | Verdict::Netmap(to) => Some(*to),
            _ => None,
        }
    }
}

/// What a NAT rule translates to: `None` where that side is left as it is, or is not predictable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Translation {
    /// The new address.
    pub addr: Option<IpAddr>,
    /// The new port.
    pub port: Option<u16>,
}

/// Routing decided where the packet goes.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteEvent {
    /// The pass it belongs to, from 1.
    pub pass: u32,
    /// The hook it came after: prerouting or output. `None`: before output, for the sender.
    pub after: Option<Hook>,
    /// The destination it was asked for, where known.
    pub dst: Option<IpAddr>,
    /// What it decided.
    pub decision: RouteDecision,
}

/// What routing decided.
#[derive(Debug, Clone, PartialEq)]
pub enum RouteDecision {
    /// It is for this host.
    Local,
    /// It goes out by a device (`None`: nobody knows which), by a router or straight.
    Out {
        /// The device.
        oif: Option<String>,
        /// The router; several: one of them, as a hash of the flow falls; none: straight, or nobody knows.
        via: Vec<IpAddr>,
    },
    /// It goes nowhere.
    Refused(Reason),
}
