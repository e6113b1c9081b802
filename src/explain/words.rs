//! Findings, conditions and assumptions as sentences. The phrases are in one table, `english`; another language is
//! another table.
//!
//! Text from outside (process, chain and device names) comes through as it is: whoever shows it calls [`clean`](super::clean()).

mod account;
mod assuming;
mod back;
mod because;
mod cases;
mod chance;
mod conditions;
mod devices;
mod english;
mod heard;
mod kernel;
pub(super) mod native;
mod onward;
mod out;
mod phrase;
mod reading;
mod rules;
#[cfg(test)]
mod tests;
mod through;
mod vrf;
mod way;
mod when;

use std::net::IpAddr;

use phrase::{Phrase, list, say};
pub use way::{endpoints, fate, holder, reason, receiver, route, route_briefly, translation};
pub use when::When;

use super::chance::Chance;
use super::finding::{Answer, From, Survey, Who};
use crate::host::{Host, IpFamily, Namespace, Process, Protocol, Reached, RuleId, Ruleset, Socket, Unread, What};
use crate::walk::why::{Account, Check};
use crate::walk::{Assumption, Condition, Outcome, Query, Turn};

/// At most this many processes, addresses or devices are told one by one.
const FEW: usize = 3;

/// Gives the text of a match (`Some(index)`) or of the target (`None`) of a rule in the syntax of the tool that made it.
pub type Texts = fn(&Ruleset, RuleId, Option<u16>) -> String;

/// The sentences that say who answers and why: one or two, plain. `namespace` is the one that was asked about.
pub fn because(host: &Host, namespace: usize, answer: &Answer, texts: Texts) -> String {
    because::because(host, namespace, answer, texts)
}

/// Who answers, in a few words; where it depends, on what: `sshd (812) if src in 10.0.0.0/8, else blocked`.
pub fn answerer(host: &Host, namespace: usize, answer: &Answer, texts: Texts) -> String {
    because::who(host, namespace, answer, texts)
}

/// Who answers, in as few words as a list has room for; where it depends, those who may: `sshd (812) or blocked`.
pub fn answerers(host: &Host, namespace: usize, answer: &Answer, texts: Texts) -> String {
    because::among(host, namespace, answer, texts)
}

/// What is said of an answer: who answers and why, or what becomes of the answers whose walk it is.
pub fn said(host: &Host, namespace: usize, answer: &Answer, texts: Texts) -> String {
    match answer.walk.query.turn {
        Turn::First | Turn::Later => because(host, namespace, answer, texts),
        Turn::Reply => of_replies(host, namespace, answer),
    }
}

/// What becomes of the answers whose walk an answer is: where `trace` follows the other direction.
pub fn of_replies(host: &Host, namespace: usize, answer: &Answer) -> String {
    back::of_replies(host, namespace, answer)
}

/// What the answer that a reply's outcome tells is lost to, as a clause: `rule 1 of filter OUTPUT drops …`; `None` where it
/// is not known to be lost.
pub fn lost_reply(host: &Host, namespace: usize, answer: &Answer, reply: &Outcome) -> Option<String> {
    back::lost_to(host, namespace, answer, reply)
}

/// Who answers, in a few words: `nginx (1103)`, `10.42.0.2:80`, `nobody`; as the namespace `viewed` sees it: what lies
/// behind its devices is named by its own name.
pub fn who(host: &Host, viewed: usize, who: &Who) -> String {
    match who {
        Who::Socket { socket, namespace, group, .. } => {
            let there = &host.namespaces[*namespace];
            let holders = std::iter::once(socket).chain(group).filter_map(|index| there.sockets.get(*index));
            let text = match &holders.map(socket_holder).collect::<Vec<_>>()[..] {
                [] => say(Phrase::Unknown, &[]),
                [one] => one.clone(),
                several => say(Phrase::OneOfThese, &[("who", &list(Phrase::And, several, FEW))]),
            };
            if *namespace == viewed {
                text
            } else {
                say(Phrase::InNamespace, &[("who", &text), ("namespace", &there.name)])
            }
        }
        Who::Address { endpoints, oif } => match rules::endpoint(endpoints.dst, endpoints.dport) {
            None => say(Phrase::SomeAddress, &[]),
            Some(text) => with_home(host, viewed, oif.as_deref(), endpoints.dst, text),
        },
        Who::OneOf(endpoints) if endpoints.len() > FEW => {
            say(Phrase::OneOfMany, &[("count", &endpoints.len().to_string())])
        }
        Who::OneOf(endpoints) => {
            let texts: Vec<String> = endpoints
                .iter()
                .map(|to| rules::endpoint(to.dst, to.dport).unwrap_or_else(|| say(Phrase::SomeAddress, &[])))
                .collect();
            list(Phrase::Or, &texts, FEW)
        }
        Who::Kernel => say(Phrase::Kernel, &[]),
        Who::Nobody => say(Phrase::Nobody, &[]),
        Who::Unknown => say(Phrase::Unknown, &[]),
    }
}

/// The processes that hold a socket, or where it is bound where they are not known.
fn socket_holder(socket: &Socket) -> String {
    let Some(first) = socket.processes.first() else {
        let port = rules::endpoint(Some(socket.addr), Some(socket.port)).unwrap_or_default();
        return say(Phrase::NamelessSocket, &[("port", &format!("{} {port}", socket.protocol))]);
    };
    if socket.processes.iter().all(|process| process.name == first.name) {
        let pids: Vec<String> = socket.processes.iter().map(|process| process.pid.to_string()).collect();
        let pids = if pids.len() > FEW { list(Phrase::And, &pids, 1) } else { pids.join(", ") };
        return format!("{} ({pids})", first.name);
    }
    let texts: Vec<String> = socket.processes.iter().map(|Process { pid, name }| format!("{name} ({pid})")).collect();
    list(Phrase::And, &texts, FEW)
}

/// An address with the name of the recorded namespace that has it, where just one does behind that device.
fn with_home(host: &Host, viewed: usize, oif: Option<&str>, addr: Option<IpAddr>, text: String) -> String {
    let Some(addr) = addr.filter(|addr| !addr.is_loopback()) else {
        return text;
    };
    let behind = oif.map_or_else(Vec::new, |oif| behind(&host.namespaces[viewed], oif));
    let has = |(index, ns): &(usize, &Namespace)| {
        *index != viewed
            && ns.addresses.iter().any(|address| address.addr() == addr)
            && (behind.is_empty() || behind.contains(&ns.name.as_str()))
    };
    let mut homes = host.namespaces.iter().enumerate().filter(has);
    match (homes.next(), homes.next()) {
        (Some((_, home)), None) => format!("{text} ({})", home.name),
        _ => text,
    }
}

/// The names of the namespaces that a device, or the ports of a bridge, lead to.
fn behind<'a>(ns: &'a Namespace, device: &str) -> Vec<&'a str> {
    let Some(link) = ns.link(device) else {
        return Vec::new();
    };
    let leads = ns.links.iter().filter(|port| port.index == link.index || port.master == Some(link.index));
    let ids = leads.filter_map(|port| port.peer.and_then(|peer| peer.namespace_id));
    ids.filter_map(|id| ns.ids.iter().find(|(known, _)| *known == id).map(|(_, name)| name.as_str())).collect()
}

/// The version of the protocol: `IPv4`.
pub fn version(family: IpFamily) -> String {
    say(if family == IpFamily::V4 { Phrase::Ipv4 } else { Phrase::Ipv6 }, &[])
}

/// A place that packets come from, in a few words: `outside by eth0`, `own address 192.168.66.100`, `localhost`.
pub fn from(from: &From) -> String {
    match from {
        From::Outside(device) => say(Phrase::OutsideBy, &[("device", device)]),
        From::Somewhere => say(Phrase::Outside, &[]),
        From::Bridge(device) => say(Phrase::OnBridge, &[("device", device)]),
        From::Local(addr) if addr.is_loopback() => say(Phrase::Localhost, &[]),
        From::Local(addr) if addr.is_unspecified() => say(Phrase::OwnSomeAddress, &[]),
        From::Local(addr) => say(Phrase::OwnAddress, &[("addr", &addr.to_string())]),
    }
}

/// What was not read, in one line, each with what would make it readable, and what is torn: rules first, as they decide
/// most. `None`: nothing.
pub fn unread<'a>(unread: impl IntoIterator<Item = &'a Unread>) -> Option<String> {
    let mut told: Vec<(bool, &str, Vec<String>)> = Vec::new();
    let mut torn = Vec::new();
    for Unread { what, needs, torn: is_torn } in unread {
        let rest = !matches!(what, What::NfTables | What::LegacyIp | What::LegacyIp6 | What::IpSets | What::Elements);
        let what = what.to_string();
        if *is_torn {
            if !torn.contains(&(rest, what.clone())) {
                torn.push((rest, what));
            }
            continue;
        }
        match told.iter_mut().find(|(other, known, _)| *other == rest && known == needs) {
            Some((.., parts)) if parts.contains(&what) => {}
            Some((.., parts)) => parts.push(what),
            None => told.push((rest, needs, vec![what])),
        }
    }
    told.sort_by_key(|(rest, ..)| *rest);
    torn.sort_by_key(|(rest, _)| *rest);
    let part = |(_, needs, whats): &(bool, &str, Vec<String>)| {
        say(Phrase::Needs, &[("what", &whats.join(", ")), ("needs", needs)])
    };
    let line =
        |phrase: Phrase, parts: Vec<String>| (!parts.is_empty()).then(|| say(phrase, &[("parts", &parts.join(", "))]));
    let lines = [
        line(Phrase::NotRead, told.iter().map(part).collect()),
        line(Phrase::TornParts, torn.into_iter().map(|(_, what)| what).collect()),
    ];
    let lines: Vec<String> = lines.into_iter().flatten().collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}

/// The devices that were not asked, in one line. `None`: all were.
pub fn left_out(devices: &[String]) -> Option<String> {
    let told = list(Phrase::And, devices, FEW);
    (!told.is_empty()).then(|| say(Phrase::NotAsked, &[("devices", &told)]))
}

/// The other ports that rules let packets through to, each protocol in a line of its own, under a line that says what they are.
/// Nothing where who listens is known.
pub fn let_through(survey: &Survey) -> Vec<String> {
    through::lines(&survey.let_through, &survey.ports)
}

/// That there is no port to list, and why.
pub fn no_ports<'a>(unread: impl IntoIterator<Item = &'a Unread>) -> String {
    let (mut sockets, mut rules) = (false, false);
    for unread in unread {
        sockets |= unread.what == What::Sockets;
        // What changed while it was read is there all the same.
        rules |= !unread.torn && matches!(unread.what, What::NfTables | What::LegacyIp | What::LegacyIp6);
    }
    let phrase = match (sockets, rules) {
        (false, false) => Phrase::NoPorts,
        (true, false) => Phrase::NoGhost,
        (false, true) => Phrase::NoSocket,
        (true, true) => Phrase::PortsUnread,
    };
    say(phrase, &[])
}

/// How far a reading is: `reading nf_tables rules: 12,300 rules in 340 of 10,012 chains`.
pub fn reached(reached: &Reached) -> String {
    reading::reached(reached)
}

/// The same in fewer words: `reading: 340 of 10,012 chains`.
pub fn reached_briefly(reached: &Reached) -> String {
    reading::reached_briefly(reached)
}

/// Where packets go that differ by chance only: `one of 1000 addresses, each as likely: 10.42.0.1:80, …`.
pub fn chance(chance: &Chance) -> String {
    chance::chance(chance)
}

/// A condition, in a few words: `src in 10.0.0.0/8`, `sport 1024–65535`, `iif is not cni0`.
pub fn condition(condition: &Condition) -> String {
    conditions::condition(condition)
}

/// When some outcomes of a walk come about, of all packets of its query; `of`: of those of this outcome of another walk.
pub fn when(query: &Query, outcomes: &[&Outcome], of: Option<&Outcome>) -> When {
    let clause = |_: &Assumption| String::new();
    let map = when::Map::of(query, outcomes.iter().copied().chain(of), |_| false, &clause);
    match of {
        Some(of) => map.within(of).told(outcomes),
        None => map.told(outcomes),
    }
}

/// An assumption as a clause. `match_text` gives the text of a match (`Some(index)`) or of the target (`None`) of a rule
/// in the syntax of the tool that made it.
pub fn assumption(host: &Host, assumption: &Assumption, match_text: &dyn Fn(RuleId, Option<u16>) -> String) -> String {
    conditions::assumption(host, assumption, match_text)
}

/// What an outcome assumes, in few words: what tells it from those of `all` that end alike. Empty where it assumes nothing.
pub fn assuming(host: &Host, all: &[Outcome], outcome: &Outcome, texts: Texts) -> String {
    assuming::assuming(host, all, outcome, texts)
}

/// What became of a rule of a namespace, in sentences: what it asks that did not hold, and what the packet of a family had.
/// `texts` gives the text of a match (`Some(index)`) or of the target (`None`) of a rule in the syntax of its tool.
pub fn account(
    ns: &Namespace,
    family: IpFamily,
    rule: RuleId,
    accounts: &[Account],
    texts: &dyn Fn(RuleId, Option<u16>) -> String,
) -> String {
    account::account(ns, family, rule, accounts, texts)
}

/// What a packet of `family` had of what a check asks, or why that cannot be told; empty where the check asks nothing of
/// the packet.
pub fn had(ns: &Namespace, family: IpFamily, check: &Check) -> String {
    account::had(ns, family, check)
}

/// `tcp 80`, `icmp`.
fn port_text(protocol: Protocol, port: Option<u128>) -> String {
    match port {
        Some(port) => format!("{protocol} {port}"),
        None => protocol.to_string(),
    }
}
