//! A packet's path as lines of text, the same for what the kernel says and for what a test expects.
//!
//! ```text
//! enters eth0 203.0.113.7:4001 > 198.51.100.1:80
//! prerouting iptables-nft nat PREROUTING 2 jump CNI-HOSTPORT-DNAT
//! prerouting iptables-nft nat PREROUTING policy accept
//! leaves cni0 203.0.113.7:4001 > 10.42.0.2:80
//! ```
//! A rule stands with its number and its verdict, the end of a base chain as `policy`, that of a user chain as `ends`. A
//! NAT target is an `accept` and REJECT a `drop`, as the kernel has it; translations are told by the addresses. The last
//! line of a pass is `leaves`, `delivered`, `dropped` (by the rule or policy above), or `lost`: routing took it.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::rules::{Handles, Registered, Rules, legacy_chain, legacy_verdict};
use crate::walked::SOMETIMES;
use crate::witness::{Answer, HOOKS, NftVerdict, NftWhat, Pass, Sight, Testimony};

/// The port that stands for the one that the kernel chose for a socket.
pub const CHOSEN: &str = "*";

/// What is needed to tell a path: names for numbers.
pub struct Names<'a> {
    /// The rules of the namespace.
    pub rules: &'a Rules,
    /// Devices by index.
    pub devices: &'a HashMap<u32, String>,
    /// The source port that the kernel chose, which no test can know.
    pub chosen: Option<u16>,
    /// The hardware address that the packet comes from.
    pub mac: Option<u64>,
    /// Whether the packet has ports.
    pub has_ports: bool,
    /// Whether it matters what answers: of a first TCP packet.
    pub answers: bool,
}

impl Names<'_> {
    /// An address with its port.
    pub fn address(&self, addr: SocketAddr) -> String {
        let text = addr.to_string();
        match self.chosen {
            Some(port) if port == addr.port() => {
                let (host, _) = text.rsplit_once(':').expect("an address with a port");
                format!("{host}:{CHOSEN}")
            }
            _ => text,
        }
    }

    fn device(&self, index: u32) -> &str {
        self.devices.get(&index).map_or("?", String::as_str)
    }

    fn addresses(&self, sight: &Sight) -> String {
        format!("{} > {}", self.address(sight.seen.src), self.address(sight.seen.dst))
    }
}

/// The name that a table has in a path: the family is told by the packet, except for families that see both.
pub fn table(family: &str, table: &str) -> String {
    match family {
        "ip" | "ip6" => table.to_owned(),
        _ => format!("{family}/{table}"),
    }
}

/// What the kernel says, as lines.
pub fn lines(testimony: &Testimony, names: &Names<'_>) -> Vec<String> {
    if testimony.passes.is_empty() {
        return vec!["lost".into()];
    }
    testimony.passes.iter().flat_map(|pass| lines_of(pass, testimony.answer, names)).collect()
}

/// The lines of each hook in an order of their own: where nothing tells which of two chains is first, and it changes nothing, a
/// walk tells one of them first.
pub fn in_any_order(mut lines: Vec<String>) -> Vec<String> {
    let bare = |line: &String| line.trim_start_matches(SOMETIMES).to_owned();
    let hook = |line: &String| bare(line).split(' ').next().filter(|word| HOOKS.contains(word)).map(str::to_owned);
    for of_hook in lines.chunk_by_mut(|one, next| hook(one).is_some() && hook(one) == hook(next)) {
        of_hook.sort_by_key(bare);
    }
    lines
}

fn lines_of(pass: &Pass, answer: Option<Answer>, names: &Names<'_>) -> Vec<String> {
    let addresses = names.addresses(&pass.first);
    let mut lines = vec![match pass.begins {
        "output" => format!("made {addresses}"),
        _ => format!("enters {} {addresses}", names.device(pass.first.iif)),
    }];
    let mut runs = nft_runs(pass, names);
    merge(&mut runs, legacy_runs(pass, names));
    let last = runs.last().and_then(|run| run.lines.last());
    let end = last.and_then(|line| match line.rsplit_once(' ')?.1 {
        "drop" => Some("dropped"),
        "stolen" => Some("stolen"),
        _ => None,
    });
    lines.extend(runs.into_iter().flat_map(|run| run.lines));
    lines.push(if let Some(sight) = pass.came_through("input") {
        let who = match (names.answers, answer) {
            (false, _) => "",
            (true, Some(Answer::Accepts)) => " to a socket",
            (true, Some(Answer::Refuses)) => " to nobody",
            (true, None) => " without an answer",
        };
        format!("delivered {}{who}", names.addresses(sight))
    } else if let Some(sight) = pass.came_through("postrouting") {
        format!("leaves {} {}", names.device(sight.oif), names.addresses(sight))
    } else {
        end.unwrap_or("lost").into()
    });
    lines
}

/// One base chain with everything that happened in it.
struct Run {
    /// Its place among all base chains.
    place: usize,
    lines: Vec<String>,
}

/// Puts the runs of one world among those of the other; each keeps its own order.
fn merge(runs: &mut Vec<Run>, others: Vec<Run>) {
    let mut at = 0;
    for other in others {
        while runs.get(at).is_some_and(|run| run.place < other.place) {
            at += 1;
        }
        runs.insert(at, other);
        at += 1;
    }
}

fn family_name(number: u8) -> &'static str {
    match number {
        1 => "inet",
        2 => "ip",
        10 => "ip6",
        _ => "?",
    }
}

/// Where a packet is in a base chain of nf_tables: the kernel does not say when it runs off the end of a user chain, but
/// the next thing that it says stands elsewhere.
struct Inside<'a> {
    base: &'a Registered,
    chain: String,
    /// The chains that it comes back to.
    comes_back: Vec<String>,
}

impl Inside<'_> {
    /// The chains that have ended when something happens in `chain`.
    fn ended_before(&mut self, chain: &str) -> Vec<String> {
        let mut ended = Vec::new();
        while self.chain != chain && self.chain != self.base.chain {
            let back = self.comes_back.pop().unwrap_or_else(|| self.base.chain.clone());
            ended.push(std::mem::replace(&mut self.chain, back));
        }
        ended
    }

    fn goes_on(&mut self, what: &NftWhat) {
        match what {
            NftWhat::Rule(_, NftVerdict::Jump(to)) => {
                self.comes_back.push(std::mem::replace(&mut self.chain, to.clone()));
            }
            NftWhat::Rule(_, NftVerdict::Goto(to)) => self.chain = to.clone(),
            NftWhat::Rule(_, NftVerdict::Return) => {
                self.chain = self.comes_back.pop().unwrap_or_else(|| self.base.chain.clone());
            }
            NftWhat::Rule(..) | NftWhat::Policy(_) | NftWhat::End => {}
        }
    }
}

fn nft_runs(pass: &Pass, names: &Names<'_>) -> Vec<Run> {
    let order = names.rules.in_order();
    let mut runs: Vec<Run> = Vec::new();
    let mut inside: Option<Inside<'_>> = None;
    for event in &pass.nft {
        let family = family_name(event.family);
        let is_it = |one: &&Registered| one.family == family && one.table == event.table && one.chain == event.chain;
        if let Some(place) = order.iter().position(is_it)
            && inside.as_ref().is_none_or(|known| !std::ptr::eq(known.base, order[place]))
        {
            let base = order[place];
            inside = Some(Inside { base, chain: base.chain.clone(), comes_back: Vec::new() });
            runs.push(Run { place, lines: Vec::new() });
        }
        let here = inside.as_mut().unwrap_or_else(|| panic!("a path begins within a chain: {event:?}"));
        let hook = here.base.hook.as_str();
        let of = |chain: &str| {
            let same = |of: &&Handles| of.family == family && of.table == event.table && of.chain == chain;
            names.rules.chains.iter().find(same).unwrap_or_else(|| panic!("{chain} is not listed: {event:?}"))
        };
        let begin =
            |chain: &str| format!("{hook} {} {} {chain}", of(chain).tool.backend(), table(family, &event.table));
        let lines = &mut runs.last_mut().expect("the run of its base chain").lines;
        lines.extend(here.ended_before(&event.chain).iter().map(|chain| format!("{} ends", begin(chain))));
        lines.push(format!("{} {}", begin(&event.chain), nft_words(&event.what, of(&event.chain))));
        here.goes_on(&event.what);
    }
    runs
}

fn nft_words(what: &NftWhat, of: &Handles) -> String {
    let (handle, verdict) = match what {
        NftWhat::Policy(true) => return "policy accept".into(),
        NftWhat::Policy(false) => return "policy drop".into(),
        NftWhat::End => return "ends".into(),
        NftWhat::Rule(handle, verdict) => (handle, verdict),
    };
    let number = of.handles.iter().position(|known| known == handle).map_or(0, |at| at + 1);
    format!("{number} {}", verdict.word())
}

fn legacy_runs(pass: &Pass, names: &Names<'_>) -> Vec<Run> {
    let order = names.rules.in_order();
    let mut runs: Vec<(usize, &str, Run)> = Vec::new();
    for event in &pass.legacy {
        let hook = HOOKS[event.hook];
        let family = if event.ip6 { "ip6" } else { "ip" };
        let (tool, text) = names
            .rules
            .legacy
            .iter()
            .find(|(tool, _)| (*tool == crate::rules::Tool::Legacy6) == event.ip6)
            .expect("the kernel speaks of legacy rules, and none were loaded");
        let chain = legacy_chain(text, &event.table, &event.chain);
        let what = match (chain.rules.get(event.number - 1), chain.policy) {
            (Some(spec), _) => format!("{} {}", event.number, legacy_verdict(spec)),
            (None, Some(policy)) => format!("policy {policy}"),
            (None, None) => "ends".into(),
        };
        let line = format!("{hook} {} {} {} {what}", tool.backend(), event.table, event.chain);
        match runs.last_mut().filter(|(at, table, _)| *at == event.hook && *table == event.table) {
            Some((_, _, run)) => run.lines.push(line),
            None => {
                let is_it = |one: &&Registered| {
                    one.tool == *tool && one.hook == hook && one.table == event.table && one.family == family
                };
                let place = order.iter().position(is_it).expect("its place");
                runs.push((event.hook, &event.table, Run { place, lines: vec![line] }));
            }
        }
    }
    runs.into_iter().map(|(_, _, run)| run).collect()
}
