//! What is said at each stop of the picture, in lines of so many columns.

use super::super::super::diagram::{Content, Diagram, Entry, Picture, Stop};
use super::super::super::look::{self, Tone};
use super::super::super::state::State;
use super::super::super::text::{Columns, wrap};
use super::super::{Piece, netfilter, summary};
use crate::explain::{clean, words};
use crate::host::xt::InterfacePattern;
use crate::host::{Backend, ChainId, Hook, Policy, Registration, Ruleset};
use crate::walk::{Endpoints, Event, Outcome, Verdict};

/// A line at a stop.
#[derive(Debug, Clone)]
pub(super) struct Said {
    /// What it says.
    pub(super) line: Vec<Piece>,
    /// What stands at its right end.
    pub(super) right: Piece,
    /// A chain that the packet is not walked through: it gives way first.
    pub(super) idle: bool,
}

impl Said {
    fn new(tone: Tone, text: impl Into<String>) -> Said {
        Said { line: vec![(tone, text.into())], right: (Tone::Dim, String::new()), idle: false }
    }
}

/// How much is said of a chain, most first: a picture has one form for all chains of a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// ` -100 ip nat PREROUTING   iptables-nft  2 rules  accept`
    Whole,
    /// ` -100 ip nat PREROUTING   ipt-nft  2 rules  accept`
    Long,
    /// ` -100 ip nat   ipt 2 rules accept`: the chain where its name is not that of its hook.
    Short,
    /// ` -100 ip nat  ipt 2 rules`: the policy where it drops.
    Brief,
    /// ` -100 nat  ipt 2 rules`
    Bare,
    /// ` -100 nat  2 rules`: where one tool made all of them.
    Alike,
    /// ` -100 nat  ipt 2`
    Least,
}

/// What is said of a chain.
struct Told {
    priority: String,
    family: &'static str,
    table: String,
    chain: String,
    /// Its name is that of its hook, as iptables names its own.
    plain: bool,
    backend: Backend,
    rules: String,
    policy: &'static str,
}

impl Told {
    fn of(ruleset: &Ruleset, id: ChainId) -> Told {
        let (table, chain) = (ruleset.table(id), ruleset.chain(id));
        let base = chain.base.as_ref();
        let hook = base.map_or("", |base| base.hook.name());
        let devices: Vec<String> = chain.details.devices.iter().map(device).collect();
        let at = if devices.is_empty() { String::new() } else { format!(" {}", devices.join(",")) };
        let policy = match base {
            Some(base) if base.registration == Registration::Dormant => "dormant",
            Some(base) => base.policy.name(),
            None => "",
        };
        Told {
            priority: base.map_or_else(String::new, |base| base.priority.to_string()),
            family: table.family.name(),
            table: clean(&table.name).into_owned(),
            chain: clean(&format!("{}{at}", chain.name)).into_owned(),
            plain: chain.name.eq_ignore_ascii_case(hook),
            backend: table.backend,
            rules: chain.rules.len().to_string(),
            policy,
        }
    }

    fn label(&self, form: Form) -> String {
        let Told { family, table, chain, .. } = self;
        match form {
            Form::Whole | Form::Long => format!("{family} {table} {chain}"),
            Form::Short | Form::Brief if self.plain => format!("{family} {table}"),
            Form::Short | Form::Brief => format!("{family} {table} {chain}"),
            Form::Bare | Form::Alike | Form::Least if self.plain => table.clone(),
            Form::Bare | Form::Alike | Form::Least => format!("{table} {chain}"),
        }
    }

    /// `digits`: columns of the number of rules.
    fn right(&self, form: Form, digits: usize) -> String {
        let Told { rules, policy, .. } = self;
        let backend = match (form, self.backend) {
            (Form::Whole, backend) => backend.name(),
            (Form::Long, Backend::IptablesLegacy) => "legacy",
            (Form::Long, Backend::IptablesNft) => "ipt-nft",
            (_, Backend::IptablesLegacy) => "leg",
            (_, Backend::IptablesNft) => "ipt",
            (_, Backend::Nft) => "nft",
        };
        let word = if rules == "1" { "rule " } else { "rules" };
        let is_usual = *policy == Policy::Accept.name();
        match form {
            Form::Whole | Form::Long => format!("{backend}  {rules:>digits$} {word}  {policy:<6}"),
            Form::Short => format!("{backend} {rules:>digits$} {word} {policy:<6}"),
            Form::Brief | Form::Bare if is_usual => format!("{backend} {rules:>digits$} {word}"),
            Form::Brief | Form::Bare => format!("{backend} {rules:>digits$} {word} {policy}"),
            Form::Alike if is_usual => format!("{rules:>digits$} {word}"),
            Form::Alike => format!("{rules:>digits$} {word} {policy}"),
            Form::Least if is_usual => format!("{backend} {rules:>digits$}"),
            Form::Least => format!("{backend} {rules:>digits$} {policy}"),
        }
    }
}

/// A device that a chain hangs at, as nft tells it: `eth0`, `veth*`.
fn device(pattern: &InterfacePattern) -> String {
    format!("{}{}", pattern.name, if pattern.prefix { "*" } else { "" })
}

/// What is said of the chains of a stop.
fn told(state: &State, diagram: &Diagram, picture: &Picture, stop: Stop) -> Vec<Told> {
    let ruleset = &state.host.namespaces[diagram.namespace].ruleset;
    let entries = picture.stops.get(&stop).into_iter().flat_map(|content| &content.entries);
    let chains = entries.filter_map(|entry| match entry {
        Entry::Chain { chain, .. } => Some(Told::of(ruleset, *chain)),
        _ => None,
    });
    chains.collect()
}

/// Columns of the priorities and of the numbers of rules.
fn columns(told: &[Told]) -> (usize, usize) {
    let priority = told.iter().map(|told| told.priority.len()).max().unwrap_or(0).max(4);
    (priority, told.iter().map(|told| told.rules.len()).max().unwrap_or(0))
}

/// The form in which all chains of a picture are told; `width`: columns of a stop's lines.
pub(super) fn form(state: &State, diagram: &Diagram, picture: &Picture, width: impl Fn(Stop) -> usize) -> Form {
    let fits = |form: &Form| {
        Stop::ALL.into_iter().all(|stop| {
            let told = told(state, diagram, picture, stop);
            let (priority, digits) = columns(&told);
            let needs = |told: &Told| told.label(*form).width() + told.right(*form, digits).width() + priority + 3;
            told.iter().all(|told| needs(told) <= width(stop))
        })
    };
    let mut tools = Stop::ALL.into_iter().flat_map(|stop| told(state, diagram, picture, stop)).map(|told| told.backend);
    let first = tools.next();
    let are_alike = tools.all(|tool| Some(tool) == first);
    let forms = [Form::Whole, Form::Long, Form::Short, Form::Brief, Form::Bare, Form::Alike];
    let says_enough = |form: &Form| are_alike || *form != Form::Alike;
    forms.into_iter().filter(says_enough).find(fits).unwrap_or(Form::Least)
}

/// Lines of at most `width` columns.
pub(super) fn lines(
    state: &State,
    diagram: &Diagram,
    picture: &Picture,
    stop: Stop,
    (form, width): (Form, usize),
) -> Vec<Said> {
    let nothing = Content::default();
    let content = picture.stops.get(&stop).unwrap_or(&nothing);
    let told = told(state, diagram, picture, stop);
    let (priority, digits) = columns(&told);
    let turned = |entry: &Entry| match entry {
        Entry::Turn { pass, verdict } => Some(turn(picture, *pass, verdict)),
        _ => None,
    };
    let widest = content.entries.iter().filter_map(turned).map(|text| text.width()).max().unwrap_or(0);
    // A turn may come to the very border.
    let space = " ".repeat((width + 1).saturating_sub(widest).min(priority));
    let mut said = Vec::new();
    let mut chains = told.iter();
    for entry in &content.entries {
        let line = match *entry {
            Entry::Chain { met, .. } => {
                let Some(told) = chains.next() else { continue };
                let tone = match (met, state.outcome()) {
                    (true, _) => Tone::Strong,
                    (false, Some(_)) => Tone::Dim,
                    (false, None) => Tone::Plain,
                };
                let number = (Tone::Dim, format!(" {:>priority$} ", told.priority));
                let right = (Tone::Dim, told.right(form, digits));
                Said { line: vec![number, (tone, told.label(form))], right, idle: !met }
            }
            Entry::Turn { pass, verdict } => {
                Said::new(netfilter::verdict_tone(&verdict), format!("{space}{}", turn(picture, pass, &verdict)))
            }
            other => {
                said.extend(event(state, picture, content, other, width));
                continue;
            }
        };
        said.push(line);
    }
    if said.is_empty() || told.is_empty() && !stop.hooks().is_empty() {
        said.push(empty(state, diagram, stop, !content.passes.is_empty(), width));
    }
    said
}

/// What is done to the packet: `▶ 1 DNAT 10.42.0.2:80`.
fn turn(picture: &Picture, pass: u32, verdict: &Verdict) -> String {
    let text = summary::turn(verdict).unwrap_or_else(|| verdict.name().to_owned());
    format!("▶ {}{text}", numbered(picture, pass))
}

/// The number of a pass, where there are several.
fn numbered(picture: &Picture, pass: u32) -> String {
    if picture.numbered { format!("{pass} ") } else { String::new() }
}

/// What happens at a stop beside its chains, in as many lines as it needs.
fn event(state: &State, picture: &Picture, content: &Content, entry: Entry, width: usize) -> Vec<Said> {
    let Some(outcome) = state.outcome() else { return Vec::new() };
    let number = |pass: u32| numbered(picture, pass);
    let room = |pass: u32| width.saturating_sub(number(pass).width() + 1).max(1);
    let (tone, text, pass) = match entry {
        Entry::Chain { .. } | Entry::Turn { .. } => return Vec::new(),
        // Why it ends here says more.
        Entry::Route { pass, .. } if content.entries.contains(&Entry::Ends(pass)) => return Vec::new(),
        Entry::Route { pass, event } => {
            let Some(Event::Route(route)) = outcome.events.get(event) else { return Vec::new() };
            let (whole, brief) = (words::route(route), words::route_briefly(route));
            (Tone::Strong, if whole.width() <= room(pass) { whole } else { brief }, pass)
        }
        Entry::Made(pass) => (Tone::Strong, "made here".to_owned(), pass),
        Entry::Delivered(pass) | Entry::Ends(pass) => {
            (look::fate(&outcome.fate), netfilter::end_text(state, outcome), pass)
        }
        Entry::In(pass) | Entry::Out(pass) | Entry::From(pass) | Entry::To(pass) => {
            (Tone::Plain, end(state, outcome, entry, pass, room(pass)), pass)
        }
        Entry::Beyond(pass) => (Tone::Strong, beyond(state, outcome, pass, room(pass)), pass),
    };
    let text = clean(&text);
    let lines = if matches!(entry, Entry::Ends(_)) { wrap(&text, room(pass)) } else { vec![text.into_owned()] };
    let first = format!(" {}", number(pass));
    let others = " ".repeat(first.width());
    let begins = std::iter::once(first).chain(std::iter::repeat(others));
    lines
        .into_iter()
        .zip(begins)
        .map(|(text, begin)| Said { line: vec![(Tone::Dim, begin), (tone, text)], ..Said::new(tone, "") })
        .collect()
}

/// Where a pass comes from or goes to: `by eth0`, `from anyone`, `to 10.42.0.2:80`.
fn end(state: &State, outcome: &Outcome, entry: Entry, number: u32, room: usize) -> String {
    let Some(pass) = outcome.pass(number) else { return String::new() };
    let by = |device: &Option<String>| format!("by {}", device.as_deref().unwrap_or("a device unknown"));
    match entry {
        Entry::In(_) => by(&pass.iif),
        Entry::Out(_) => by(&pass.oif),
        Entry::From(_) => {
            let whose = || state.answer().map(|answer| summary::whose(&answer.walk.query, outcome));
            let from = pass.enters.src.map(|src| src.to_string());
            let from = format!("from {}", from.or_else(whose).unwrap_or_default());
            if from.width() <= room { from } else { format!("from {}", summary::SOME) }
        }
        _ => {
            let to = pass.leaves.unwrap_or_default();
            words::endpoints(&Endpoints { src: None, sport: None, ..to })
        }
    }
}

/// A pass through another namespace: `svclb: DNAT 10.43.85.149:80`.
fn beyond(state: &State, outcome: &Outcome, number: u32, room: usize) -> String {
    let Some(pass) = outcome.pass(number) else { return String::new() };
    let name = match &state.host.namespaces[pass.namespace].name {
        name if name.is_empty() => "the host",
        name => name.as_str(),
    };
    let last = outcome.passes.last().is_some_and(|last| last.number == number);
    if last {
        let end = netfilter::end_text(state, outcome);
        let whole = format!("{name}: {end}");
        return if whole.width() <= room { whole } else { end };
    }
    let mut steps = outcome.steps().filter(|step| step.pass == number);
    let whole = steps.find_map(|step| summary::turn(&step.verdict)).map(|turn| format!("{name}: {turn}"));
    whole.filter(|whole| whole.width() <= room).unwrap_or_else(|| name.to_owned())
}

/// What is said of a stop at which nothing stands; `lit`: the packet goes through it.
fn empty(state: &State, diagram: &Diagram, stop: Stop, lit: bool, width: usize) -> Said {
    let ns = &state.host.namespaces[diagram.namespace];
    let text = match (stop, lit) {
        (Stop::Routing, true) => "routed already".to_owned(),
        (Stop::Routing, false) => "for this host, or on?".to_owned(),
        (Stop::Rerouting, true) => "as it was routed".to_owned(),
        (Stop::Rerouting, false) => "if output changed it".to_owned(),
        (Stop::Network, true) => "by lo, and back".to_owned(),
        (Stop::Network, false) => {
            let names: Vec<&str> = ns.links.iter().filter(|link| link.up).map(|link| link.name.as_str()).collect();
            names.join(", ")
        }
        (Stop::Process, _) => match listener(state, diagram) {
            Some(who) if who.width() + " listens".len() < width => format!("{who} listens"),
            Some(who) => who,
            None => "sockets".to_owned(),
        },
        _ => "no chains".to_owned(),
    };
    Said::new(Tone::Dim, format!(" {}", clean(&text)))
}

/// Who has the socket of the selected port.
fn listener(state: &State, diagram: &Diagram) -> Option<String> {
    let socket = state.selected.as_ref()?.socket.filter(|_| diagram.namespace == state.namespace)?;
    let held = state.ns().sockets.get(socket)?.processes.first()?;
    Some(format!("{} ({})", held.name, held.pid))
}

/// As many lines as there is room for: chains that the packet is not walked through give way first. The last line says how
/// many there are beside them.
pub(super) fn pick(mut said: Vec<Said>, room: usize) -> Vec<Said> {
    if said.len() <= room {
        return said;
    }
    let most = room.saturating_sub(1);
    let all = said.len();
    while said.len() > most {
        let gives_way = said.iter().rposition(|line| line.idle).unwrap_or(said.len() - 1);
        said.remove(gives_way);
    }
    said.push(Said::new(Tone::Dim, format!(" +{} more", all - said.len())));
    said
}

/// The title of a stop.
pub(super) fn title(stop: Stop) -> String {
    match stop {
        Stop::Routing | Stop::Rerouting => format!("◇ {}", stop.name()),
        _ => stop.name().to_owned(),
    }
}

/// How many chains stand at a stop, in words; empty where none can.
pub(super) fn count(content: &Content, stop: Stop) -> String {
    let chains = content.entries.iter().filter(|entry| matches!(entry, Entry::Chain { .. })).count();
    let hooks: &[Hook] = stop.hooks();
    match (chains, hooks.is_empty()) {
        (_, true) => String::new(),
        (0, false) => "no chains".to_owned(),
        (1, false) => "1 chain".to_owned(),
        (chains, false) => format!("{chains} chains"),
    }
}
