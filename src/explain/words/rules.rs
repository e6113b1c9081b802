//! Where a rule stands, what it asks and what it does, in words: the gist, not the whole rule.
//!
//! The rule's own text is for whoever prints it in the syntax of its tool.

use std::net::IpAddr;

use super::native::{self, Thing};
use super::phrase::{Phrase, list, say};
use super::reading::grouped;
use crate::explain::finding::Finding;
use crate::host::nft::Count;
use crate::host::xt::{
    self, AddressMask, AddressTypes, InterfacePattern, Match, Neg, PortRange, RejectWith, WhichPort,
};
use crate::host::{Body, ChainId, Family, Namespace, Protocol, RuleId, Table};
use crate::walk::{Step, StepAt, Translation, Verdict};

/// At most this many ports are told one by one.
const PORTS: usize = 4;
/// At most this many chains are told one by one between two others.
const BETWEEN: usize = 3;

/// A chain with its table: `nat PREROUTING`, and its backend where another table of that name exists.
pub(super) fn chain(ns: &Namespace, id: ChainId) -> String {
    let table = ns.ruleset.table(id);
    let chain = &ns.ruleset.chain(id).name;
    let same = |other: &&Table| other.name == table.name && meet(other.family, table.family);
    if ns.ruleset.tables.iter().filter(same).count() > 1 {
        return format!("{} {} {chain}", table.backend, table.name);
    }
    format!("{} {chain}", table.name)
}

/// Whether some packet meets tables of both families.
fn meet(a: Family, b: Family) -> bool {
    a == b || matches!((a, b), (Family::Inet, Family::Ip | Family::Ip6) | (Family::Ip | Family::Ip6, Family::Inet))
}

/// `rule 3 of nat PREROUTING`, or `the policy of …` for the end of a chain.
pub(super) fn place(ns: &Namespace, at: StepAt) -> String {
    match at {
        StepAt::Rule(rule) => rule_place(ns, rule),
        StepAt::End(id) => say(Phrase::PolicyOf, &[("chain", &chain(ns, id))]),
    }
}

/// `rule 3 of nat PREROUTING`.
pub(super) fn rule_place(ns: &Namespace, rule: RuleId) -> String {
    say(Phrase::RuleOf, &[("number", &rule.number().to_string()), ("chain", &chain(ns, rule.chain))])
}

/// What the rule that decides does, with the jumps that lead to it: `rule 2 of nat PREROUTING sends tcp 80 and 443 for
/// any local address to CNI-DN-…, whose rule 3 turns it to 10.42.0.2:80`. `to`: where it turns it, in words.
pub(super) fn decision(ns: &Namespace, finding: &Finding, protocol: Protocol, to: Option<&str>) -> String {
    let Some(by) = &finding.by else {
        return String::new();
    };
    let StepAt::Rule(rule) = by.at else {
        return place(ns, by.at);
    };
    let mut led = Gist::default();
    for lead in &finding.leads {
        if let StepAt::Rule(id) = lead.at {
            led.add(ns, id);
        }
    }
    let mut own = Gist::default();
    own.add(ns, rule);
    if own.ports.is_some() && led.ports.is_some() {
        own.ports = None;
        own.protocol = None;
    }
    let what = own.words(protocol).unwrap_or_else(|| say(Phrase::It, &[]));
    let acts = acts(by, &what, to);
    match finding.leads.first().map(|lead| lead.at) {
        Some(StepAt::Rule(first)) => {
            let what = led.words(protocol).unwrap_or_else(|| led.unsaid());
            let fills = [
                ("rule", rule_place(ns, first)),
                ("what", what),
                ("chain", led_to(ns, finding.leads.iter().map(|lead| lead.at.chain()), rule.chain)),
                ("number", rule.number().to_string()),
                ("acts", acts),
            ];
            say(Phrase::Sends, &fills.each_ref().map(|(name, fill)| (*name, fill.as_str())))
        }
        Some(StepAt::End(_)) | None => say(Phrase::Led, &[("rule", &rule_place(ns, rule)), ("acts", &acts)]),
    }
}

/// A chain that jumps lead to, with those between it and the first: `ufw-user-limit`, `through ufw-user-input to …`.
pub(super) fn led_to(ns: &Namespace, leads: impl Iterator<Item = ChainId>, to: ChainId) -> String {
    let name = |chain: ChainId| ns.ruleset.chain(chain).name.to_string();
    let mut between: Vec<String> = leads.skip(1).map(name).collect();
    between.dedup();
    match between.is_empty() {
        true => say(Phrase::To, &[("chain", &name(to))]),
        false => say(Phrase::ThroughTo, &[("between", &list(Phrase::And, &between, BETWEEN)), ("chain", &name(to))]),
    }
}

/// What the rules of these steps ask, taken together: `tcp 80 for any local address`.
pub(super) fn asked(ns: &Namespace, steps: &[StepAt], protocol: Protocol) -> String {
    let mut gist = Gist::default();
    for step in steps {
        if let StepAt::Rule(rule) = step {
            gist.add(ns, *rule);
        }
    }
    gist.words(protocol).unwrap_or_else(|| gist.unsaid())
}

fn acts(by: &Step, what: &str, to: Option<&str>) -> String {
    match &by.verdict {
        Verdict::Dnat(new) | Verdict::Redirect(new) | Verdict::Netmap(new) => {
            let new = to.map_or_else(|| translation(*new), str::to_owned);
            say(Phrase::Turns, &[("what", what), ("to", &new)])
        }
        Verdict::Reject(with) => say(Phrase::Rejects, &[("what", what), ("with", reject_name(*with))]),
        Verdict::Queue => say(Phrase::Queues, &[("what", what)]),
        Verdict::Stolen => say(Phrase::SendsAside, &[("what", what)]),
        Verdict::Unknown => say(Phrase::LastWord, &[]),
        Verdict::Drop | Verdict::Policy(_) => say(Phrase::Drops, &[("what", what)]),
        // A native rule that gives it to a socket goes on to another verdict.
        Verdict::Accept
        | Verdict::Continue
        | Verdict::Return
        | Verdict::Jump(_)
        | Verdict::Goto(_)
        | Verdict::Tproxy
            if to.is_some() =>
        {
            say(Phrase::HandsTo, &[("what", what), ("to", to.unwrap_or_default())])
        }
        Verdict::Accept
        | Verdict::Return
        | Verdict::Continue
        | Verdict::Jump(_)
        | Verdict::Goto(_)
        | Verdict::Snat(_)
        | Verdict::Masquerade(_)
        | Verdict::Tproxy
        | Verdict::Notrack => say(Phrase::LastWord, &[]),
    }
}

/// `10.42.0.2:80`, `[fd00::2]:80`, `10.42.0.2`, `port 80`.
pub(super) fn translation(to: Translation) -> String {
    endpoint(to.addr, to.port).unwrap_or_else(|| say(Phrase::UnknownPlace, &[]))
}

/// An address with its port, as far as they are known.
pub(super) fn endpoint(addr: Option<IpAddr>, port: Option<u16>) -> Option<String> {
    match (addr, port) {
        (Some(IpAddr::V6(addr)), Some(port)) => Some(format!("[{addr}]:{port}")),
        (Some(IpAddr::V4(addr)), Some(port)) => Some(format!("{addr}:{port}")),
        (Some(addr), None) => Some(addr.to_string()),
        (None, Some(port)) => Some(format!("port {port}")),
        (None, None) => None,
    }
}

/// The name by which `--reject-with` knows an answer.
fn reject_name(with: RejectWith) -> &'static str {
    match with {
        RejectWith::NetUnreachable => "net-unreachable",
        RejectWith::HostUnreachable => "host-unreachable",
        RejectWith::ProtoUnreachable => "proto-unreachable",
        RejectWith::PortUnreachable => "port-unreachable",
        RejectWith::NetProhibited => "net-prohibited",
        RejectWith::HostProhibited => "host-prohibited",
        RejectWith::AdminProhibited => "admin-prohibited",
        RejectWith::AddressUnreachable => "addr-unreachable",
        RejectWith::PolicyFail => "policy-fail",
        RejectWith::RejectRoute => "reject-route",
        RejectWith::TcpReset => "tcp-reset",
    }
}

/// What rules ask of a packet, as far as a sentence tells it: the last that asks for a thing is the narrowest.
#[derive(Default)]
struct Gist {
    protocol: Option<Protocol>,
    ports: Option<String>,
    to: Option<String>,
    /// Not for these, by what a rule says that asks for another thing of the destination, too.
    not_to: Option<String>,
    from: Option<String>,
    by: Option<String>,
    /// They ask for more than a sentence tells.
    more: bool,
}

impl Gist {
    fn add(&mut self, ns: &Namespace, rule: RuleId) {
        match &ns.ruleset.rule(rule).body {
            Body::Iptables(rule) => rule.matches.iter().for_each(|matched| self.ask(matched)),
            Body::Nft(native) => {
                for asked in native::asked(ns.ruleset.table(rule.chain), native) {
                    match asked {
                        Some(Thing::Match(matched)) => self.ask(&matched),
                        Some(Thing::PortsOf(set, count)) => self.ports = Some(ports_of(&set, count)),
                        None => self.more = true,
                    }
                }
            }
        }
    }

    fn ask(&mut self, matched: &Match) {
        match matched {
            Match::Protocol(Neg { not: false, value }) => self.protocol = Some(*value),
            Match::Tcp(xt::TcpMatch { dport: Some(Neg { not: false, value }), .. })
            | Match::Udp(xt::UdpMatch { dport: Some(Neg { not: false, value }), .. }) => {
                self.ports = Some(ports(&[*value]))
            }
            Match::Multiport(asked) if !asked.not && asked.which != WhichPort::Source => {
                self.ports = Some(ports(&asked.ports));
            }
            Match::Destination(net) if net.not => self.not_to = Some(address_mask(&net.value)),
            Match::Destination(net) => self.to = Some(say(Phrase::For, &[("net", &address_mask(&net.value))])),
            Match::Source(net) => self.from = Some(address(net, Phrase::Source, Phrase::NotSource)),
            Match::InInterface(device) => {
                let phrase = if device.not { Phrase::NotArrivingBy } else { Phrase::ArrivingBy };
                self.by = Some(say(phrase, &[("device", &pattern(&device.value))]));
            }
            Match::Addrtype(types) if types.destination == Some(Neg::is(AddressTypes::LOCAL)) && self.to.is_none() => {
                self.to = Some(say(Phrase::ForLocal, &[]));
            }
            Match::Comment(_) => {}
            _ => self.more = true,
        }
    }

    /// What is meant where nothing is told: all packets, or the one that is spoken of.
    fn unsaid(&self) -> String {
        say(if self.more { Phrase::It } else { Phrase::Everything }, &[])
    }

    /// `for any local address but 127.0.0.0/8`.
    fn destination(&self) -> Option<String> {
        match (&self.to, &self.not_to) {
            (Some(to), Some(not)) => Some(say(Phrase::ForBut, &[("to", to), ("net", not)])),
            (None, Some(not)) => Some(say(Phrase::NotFor, &[("net", not)])),
            (to, None) => to.clone(),
        }
    }

    /// `tcp 80 and 443 for any local address`; `None`: nothing that a sentence tells.
    fn words(&self, protocol: Protocol) -> Option<String> {
        let first = match (&self.ports, self.protocol) {
            (Some(ports), _) => Some(format!("{} {}", self.protocol.unwrap_or(protocol), ports)),
            // Not all of them are meant.
            (None, Some(_)) if self.more => None,
            (None, Some(protocol)) => Some(say(Phrase::All, &[("protocol", &protocol.to_string())])),
            (None, None) => None,
        };
        let parts = [self.from.clone(), self.destination(), self.by.clone()];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        match first {
            None if parts.is_empty() => None,
            None if self.more => Some(format!("{} {}", say(Phrase::Packets, &[]), parts.join(" "))),
            None => Some(format!("{} {}", say(Phrase::Everything, &[]), parts.join(" "))),
            Some(first) if parts.is_empty() => Some(first),
            Some(first) => Some(format!("{first} {}", parts.join(" "))),
        }
    }
}

fn ports(ports: &[PortRange]) -> String {
    let texts: Vec<String> = ports
        .iter()
        .map(|range| match range.first == range.last {
            true => range.first.to_string(),
            false => format!("{}–{}", range.first, range.last),
        })
        .collect();
    list(Phrase::And, &texts, PORTS)
}

/// The ports of a set that nobody has read: `ports in @blocked (20,000 elements)`.
fn ports_of(set: &str, count: Count) -> String {
    let (phrase, count) = match count {
        Count::Exactly(count) => (Phrase::PortsOf, count),
        Count::MoreThan(count) => (Phrase::PortsOfMore, count),
    };
    say(phrase, &[("set", set), ("count", &grouped(count as usize))])
}

fn address(net: &Neg<AddressMask>, is: Phrase, is_not: Phrase) -> String {
    say(if net.not { is_not } else { is }, &[("net", &address_mask(&net.value))])
}

fn address_mask(net: &AddressMask) -> String {
    match net {
        AddressMask::Net(net) if net.prefix_len() == net.max_prefix_len() => net.addr().to_string(),
        AddressMask::Net(net) => net.to_string(),
        AddressMask::Bits(bits) => format!("{}/{}", bits.0, bits.1),
    }
}

fn pattern(pattern: &InterfacePattern) -> String {
    format!("{}{}", pattern.name, if pattern.prefix { "+" } else { "" })
}
