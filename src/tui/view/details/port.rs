//! Everything about a port: its sockets, who holds them, and what becomes of its packets from each place they can come
//! from.

use std::net::{IpAddr, SocketAddr};

use super::super::super::look::{Tone, badge};
use super::super::super::state::{Port, State};
use super::super::page::Page;
use super::super::summary;
use super::super::target_text;
use super::super::why::{ALTERNATIVES, capital, elsewhere, place};
use crate::explain::home::home;
use crate::explain::{Answer, Who, words};
use crate::host::{Namespace, Process, Protocol, Socket, What};
use crate::syntax;
use crate::walk::{FateKind, Outcome, StepAt, Turn, Verdict};

/// So many outcomes of an answer are told; the rest is counted.
const OUTCOMES: usize = 6;
/// So many sockets that are bound alike are told; the rest is counted.
const SOCKETS: usize = 8;

pub(super) fn title(port: &Port) -> String {
    format!("Port {}", target_text(&port.target))
}

/// Tells it; gives the line at which the chosen place stands.
pub(super) fn tell(state: &State, page: &mut Page, port: &Port) -> usize {
    let sockets = sockets(state.ns(), port);
    if sockets.is_empty() {
        let nobody = match (state.is_read(What::Sockets), &port.entry) {
            (false, _) => "not read",
            (true, Some(_)) => "none: rules answer this port, and no socket listens on it",
            (true, None) => "none",
        };
        page.labelled("socket", &(Tone::Plain, nobody.to_owned()));
    }
    for (number, socket) in sockets.iter().take(SOCKETS).enumerate() {
        page.labelled(if number == 0 { "socket" } else { "" }, &(Tone::Strong, bound(socket)));
        page.labelled("", &(Tone::Plain, owned(socket)));
    }
    if sockets.len() > SOCKETS {
        page.labelled("", &(Tone::Dim, format!("and {} more, bound alike", sockets.len() - SOCKETS)));
    }
    let held = processes(sockets.iter().map(|socket| (state.ns(), *socket)));
    let others = processes(answering(state));
    let others: Vec<_> = others.into_iter().filter(|(_, other)| !held.iter().any(|(_, held)| held == other)).collect();
    for (label, processes) in [("process", &held), ("answers", &others)] {
        for (number, (ns, process)) in processes.iter().enumerate() {
            told(page, if number == 0 { label } else { "" }, ns, process);
        }
    }
    answers(state, page)
}

/// What the port's packets meet, from each place; gives the line at which the chosen one stands.
fn answers(state: &State, page: &mut Page) -> usize {
    page.gap();
    let Some(answers) = state.all_answers() else {
        page.text(Tone::Dim, "working out who answers…");
        return 0;
    };
    if answers.is_empty() {
        page.text(Tone::Plain, "No packet can come to this address from any place that is known.");
    }
    let mut chosen = 0;
    for (index, answer) in answers.iter().enumerate() {
        if index > 0 {
            page.gap();
        }
        let is_chosen = index == state.answer_index();
        if is_chosen {
            chosen = page.lines.len();
        }
        let (sign, tone) = badge(Some(answer.verdict));
        let from = (if is_chosen { Tone::Strong } else { Tone::Plain }, place(answers, answer));
        let who = match answer.walk.query.turn {
            Turn::First | Turn::Later => {
                format!("→ {}", words::answerers(&state.host, state.namespace, answer, syntax::part_text))
            }
            Turn::Reply => "their answers".to_owned(),
        };
        page.head(is_chosen, (tone, sign.to_owned()), &from, &(tone, who));
        page.indented(Tone::Plain, &capital(&words::said(&state.host, state.namespace, answer, syntax::part_text)));
        outcomes(state, page, answer, is_chosen);
    }
    chosen
}

/// Each outcome with its conditions and its end, where there are several.
fn outcomes(state: &State, page: &mut Page, answer: &Answer, is_chosen: bool) {
    let all = &answer.walk.outcomes;
    let listed = &all[..all.len().min(OUTCOMES)];
    for (index, outcome) in listed.iter().enumerate().filter(|_| all.len() > 1) {
        let looked = is_chosen && index == state.outcome;
        let tone = if looked { Tone::Strong } else { Tone::Dim };
        let (end, when) = (end(state, answer, outcome), when(outcome));
        let assuming = match words::assuming(&state.host, listed, outcome, syntax::part_text) {
            none if none.is_empty() => none,
            what => format!(", assuming {what}"),
        };
        page.indented(tone, &format!("outcome {} of {}: {end}{when}{assuming}", index + 1, all.len()));
    }
    if all.len() > OUTCOMES {
        page.indented(Tone::Dim, &format!("and {} more outcomes", all.len() - OUTCOMES));
    }
}

/// How an outcome ends, and what turned the packet on its way where another one ends alike.
pub(in crate::tui::view) fn end(state: &State, answer: &Answer, outcome: &Outcome) -> String {
    let end = ending(state, answer, outcome);
    let first = answer.walk.outcomes.iter().take(OUTCOMES);
    let alike: Vec<_> = first.filter(|other| ending(state, answer, other) == end).map(turns).collect();
    let apart = turns(outcome).into_iter().filter(|turn| alike.iter().any(|other| !other.contains(turn)));
    let apart: Vec<String> = apart.filter_map(|(.., verdict)| summary::turn(&verdict)).collect();
    if apart.is_empty() { end } else { format!("{end}, by way of {}", apart.join(" and ")) }
}

/// The rules that turn a packet on its way, each with its pass.
fn turns(outcome: &Outcome) -> Vec<(u32, StepAt, Verdict)> {
    let turns = outcome.steps().filter(|step| step.verdict.translation().is_some());
    turns.map(|step| (step.pass, step.at, step.verdict)).collect()
}

fn ending(state: &State, answer: &Answer, outcome: &Outcome) -> String {
    let mut text = words::fate(&outcome.fate) + &elsewhere(state, outcome.fate.namespace);
    if outcome.fate.kind == FateKind::Delivered {
        let who = match &answer.who {
            Who::Kernel => words::who(&state.host, state.namespace, &Who::Kernel),
            _ => words::receiver(&state.host, &outcome.fate),
        };
        text.push_str(&format!(": {who}"));
    }
    text
}

/// What must hold for an outcome.
fn when(outcome: &Outcome) -> String {
    let told = outcome.when.iter().take(ALTERNATIVES);
    let told: Vec<String> =
        told.map(|all| all.iter().map(words::condition).collect::<Vec<_>>().join(" and ")).collect();
    let more = outcome.when.len().saturating_sub(ALTERNATIVES);
    match (told.is_empty(), more) {
        (true, _) => String::new(),
        (false, 0) => format!(", when {}", told.join(", or ")),
        (false, more) => format!(", when {}, or in {more} more cases", told.join(", or ")),
    }
}

/// The sockets of a port: the row's own, and those that are bound alike.
fn sockets<'a>(ns: &'a Namespace, port: &Port) -> Vec<&'a Socket> {
    let own = port.entry.as_ref().and_then(|entry| ns.sockets.get(entry.socket?));
    let Some(own) = own else { return Vec::new() };
    let bound = |socket: &Socket| (socket.protocol, socket.addr, socket.port, socket.device.clone());
    let alike = ns.sockets.iter().filter(|other| !std::ptr::eq(*other, own) && bound(other) == bound(own));
    std::iter::once(own).chain(alike).collect()
}

/// What a socket is bound to, and what it waits for.
fn bound(socket: &Socket) -> String {
    let addr = match socket.protocol.has_ports() {
        true => SocketAddr::new(socket.addr, socket.port).to_string(),
        false => socket.addr.to_string(),
    };
    let mut text = format!("{} {addr}", socket.protocol);
    if let Some(device) = &socket.device {
        text.push_str(&format!(" on {device} only"));
    }
    match (socket.addr, socket.v6only) {
        (IpAddr::V6(addr), Some(true)) if addr.is_unspecified() => text.push_str(", IPv6 only"),
        (IpAddr::V6(addr), Some(false)) if addr.is_unspecified() => text.push_str(", IPv4 too"),
        _ => {}
    }
    let listens = matches!(socket.protocol, Protocol::TCP | Protocol::SCTP | Protocol::DCCP);
    match socket.peer {
        Some((addr, port)) => text.push_str(&format!(", connected to {}", SocketAddr::new(addr, port))),
        None if listens => text.push_str(", listening"),
        None => text.push_str(", bound"),
    }
    if socket.transparent == Some(true) {
        text.push_str(", transparent");
    }
    text
}

/// Whose it is.
fn owned(socket: &Socket) -> String {
    let uid = socket.uid.map_or("uid not read".to_owned(), |uid| format!("uid {uid}"));
    let names: Vec<String> = socket.processes.iter().map(|held| format!("{} ({})", held.name, held.pid)).collect();
    let by = if names.is_empty() { "holders not known".to_owned() } else { format!("held by {}", names.join(", ")) };
    format!("{uid}, inode {}, {by}", socket.inode)
}

/// A process: its name, its command line, and where it is at home.
fn told(page: &mut Page, label: &str, ns: &Namespace, process: &Process) {
    page.labelled(label, &(Tone::Strong, format!("{} ({})", process.name, process.pid)));
    let Some(program) = ns.programs.get(&process.pid) else { return };
    if !program.command.is_empty() {
        page.labelled("", &(Tone::Plain, program.command.clone()));
    }
    let mut at: Vec<String> = Vec::new();
    at.extend(match (&program.user, program.uid) {
        (Some(user), Some(uid)) => Some(format!("user {user} ({uid})")),
        (Some(user), None) => Some(format!("user {user}")),
        (None, Some(uid)) => Some(format!("uid {uid}")),
        (None, None) => None,
    });
    let home = program.cgroup.as_deref().map(home).unwrap_or_default();
    at.extend(home.unit.map(|unit| format!("unit {unit}")));
    at.extend(home.container.map(|container| match container.engine {
        Some(engine) => format!("{engine} container {}", container.id),
        None => format!("container {}", container.id),
    }));
    at.extend(home.pod.map(|uid| format!("pod {uid}")));
    if !at.is_empty() {
        page.labelled("", &(Tone::Dim, at.join(", ")));
    }
}

/// The sockets that get the port's packets from some place, each with its namespace.
fn answering(state: &State) -> impl Iterator<Item = (&Namespace, &Socket)> {
    let answers = state.all_answers().unwrap_or_default().iter();
    answers.flat_map(|answer| match &answer.who {
        Who::Socket { socket, namespace, group, .. } => {
            let there = &state.host.namespaces[*namespace];
            let sockets = std::iter::once(socket).chain(group).filter_map(|index| there.sockets.get(*index));
            sockets.map(|socket| (there, socket)).collect()
        }
        Who::Address { .. } | Who::OneOf(_) | Who::Kernel | Who::Nobody | Who::Unknown => Vec::new(),
    })
}

/// The processes that hold sockets, each once.
fn processes<'a>(sockets: impl Iterator<Item = (&'a Namespace, &'a Socket)>) -> Vec<(&'a Namespace, &'a Process)> {
    let mut processes: Vec<(&Namespace, &Process)> = Vec::new();
    for (ns, process) in sockets.flat_map(|(ns, socket)| socket.processes.iter().map(move |process| (ns, process))) {
        if !processes.iter().any(|(_, known)| *known == process) {
            processes.push((ns, process));
        }
    }
    processes
}
