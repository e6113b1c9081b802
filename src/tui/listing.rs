//! Which ports are listed, and in which order: all by their numbers, or as somebody chose.
//!
//! What becomes of a port is known once somebody asked: until then it is listed, so that it is asked. What the list looks
//! like is not known here.

use std::collections::BTreeSet;

use super::outline::Id;
use super::state::{Pane, Port, State};
use crate::explain::{self, Answer, AnswerVerdict, Target};
use crate::host::{Backend, ChainId, Family, Host, Name, Namespace, Table, What};

/// What becomes of some of a port's packets at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Met {
    /// Rules send them elsewhere.
    diverted: bool,
    /// They are dropped or rejected.
    blocked: bool,
}

impl Met {
    /// By those of these answers that count for a port as a whole.
    pub(super) fn by(host: &Host, answers: &[Answer]) -> Met {
        let heard = explain::finding::heard(answers);
        let any = |verdict| heard.iter().any(|answer| explain::may_be(host, answer, verdict));
        Met { diverted: any(AnswerVerdict::Diverted), blocked: any(AnswerVerdict::Blocked) }
    }
}

/// Which ports are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Filter {
    /// All.
    #[default]
    All,
    /// Those whose packets rules send elsewhere.
    Diverted,
    /// Those whose packets are dropped or rejected.
    Blocked,
    /// Those whose packets a rule or policy of this table decides about.
    Table(TableName),
}

/// The listed ports.
#[derive(Debug, Clone, Default)]
pub(super) struct Listing {
    /// Their places among all.
    places: Vec<usize>,
    /// What was wanted; `None`: the ports changed since.
    by: Option<(Filter, Order)>,
    /// The port that was selected.
    selected: Option<Target>,
}

impl Listing {
    /// The ports change.
    pub(super) fn outdate(&mut self) {
        self.by = None;
    }
}

/// In which order ports are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Order {
    /// By protocol and number.
    #[default]
    Number,
    /// By the name of who has the socket; ghosts last.
    Name,
    /// By what becomes of their packets: what surprises comes first.
    Verdict,
}

/// What a table is called, in any reading of the host.
pub(super) type TableName = (Backend, Family, Name);

/// The name of the table of a chain.
fn named(ns: &Namespace, chain: ChainId) -> TableName {
    let table = ns.ruleset.table(chain);
    (table.backend, table.family, table.name.clone())
}

/// The tables of a namespace that decide in these answers or end the way of one of their outcomes, each once.
pub(super) fn tables(host: &Host, namespace: usize, answers: &[Answer]) -> Vec<TableName> {
    let mut tables = Vec::new();
    for (_, at) in answers.iter().flat_map(|answer| explain::deciders(host, answer)).filter(|(at, _)| *at == namespace)
    {
        let name = named(&host.namespaces[namespace], at.chain());
        if !tables.contains(&name) {
            tables.push(name);
        }
    }
    tables
}

impl Filter {
    fn fits(&self, port: &Port) -> bool {
        match self {
            Filter::All => true,
            Filter::Diverted => port.met.diverted,
            Filter::Blocked => port.met.blocked,
            Filter::Table(name) => port.tables.contains(name),
        }
    }

    /// What it lists.
    pub(super) fn text(&self, ns: &Namespace) -> String {
        match self {
            Filter::All => "Ports".to_owned(),
            Filter::Diverted => "Ports: diverted only".to_owned(),
            Filter::Blocked => "Ports: blocked only".to_owned(),
            Filter::Table(table) => format!("Ports: by {} only", table_text(ns, table)),
        }
    }

    /// What the next one lists, for the line of keys; `None`: this one lists all.
    pub(super) fn next_text(&self) -> Option<&'static str> {
        match self {
            Filter::All => None,
            Filter::Table(_) => Some("only diverted"),
            Filter::Diverted => Some("only blocked"),
            Filter::Blocked => Some("all ports"),
        }
    }

    /// That no port is listed, as far as rules were read.
    pub(super) fn nothing(&self, ns: &Namespace) -> String {
        let told = match self {
            Filter::All => "No port is listed".to_owned(),
            Filter::Diverted => "No port is diverted".to_owned(),
            Filter::Blocked => "No port is blocked".to_owned(),
            Filter::Table(table) => format!("The table {} decides about no port", table_text(ns, table)),
        };
        match rules_need(ns) {
            Some(needs) => format!("{told}, as far as could be read: netfilter needs {needs}."),
            None => format!("{told}."),
        }
    }
}

/// What it takes to read rules, where none could be: that nothing is found among them says little then.
pub(super) fn rules_need(ns: &Namespace) -> Option<&str> {
    let rules = |what: What| matches!(what, What::NfTables | What::LegacyIp | What::LegacyIp6);
    let unread = ns.unread.iter().find(|unread| !unread.torn && rules(unread.what));
    unread.filter(|_| ns.ruleset.tables.is_empty()).map(|unread| unread.needs.as_str())
}

/// A table's name, with the tool that made it where another's has the same.
fn table_text(ns: &Namespace, (backend, family, name): &TableName) -> String {
    let is_twin = |other: &&Table| (other.family, &other.name) == (*family, name);
    match ns.ruleset.tables.iter().filter(is_twin).count() {
        0 | 1 => format!("{family} {name}"),
        _ => format!("{backend} {family} {name}"),
    }
}

impl Order {
    /// What it is called; nothing for that by numbers.
    pub(super) fn text(self) -> &'static str {
        match self {
            Order::Number => "",
            Order::Name => ", by name",
            Order::Verdict => ", by badge",
        }
    }
}

impl State {
    /// How many ports are listed.
    pub(super) fn listed(&self) -> usize {
        self.listing.places.len()
    }

    /// The listed ports from a place on.
    pub(super) fn listed_from(&self, place: usize) -> impl Iterator<Item = &Port> + Clone {
        self.listing.places.iter().skip(place).filter_map(|index| self.ports.get(*index))
    }

    /// The listed port at a place.
    pub(super) fn port_at(&self, place: usize) -> Option<&Port> {
        self.listed_from(place).next()
    }

    /// The place of the selected port among the listed ones.
    pub(super) fn place(&self) -> Option<usize> {
        let index = self.selected_index()?;
        self.listing.places.iter().position(|place| *place == index)
    }

    /// Who goes to a port while none fits what is listed wants to see it among the others.
    pub(super) fn list_something(&mut self) {
        if self.surveyed && self.listed() == 0 {
            self.filter = Filter::All;
        }
    }

    /// Lists the ports anew, where others are wanted or they changed. The selected one is always there, unless no port is to be
    /// listed.
    pub(super) fn list(&mut self) {
        let by = (self.filter.clone(), self.order);
        if self.listing.by.as_ref() == Some(&by) && self.lists_selected() {
            self.listing.selected = self.selected.clone();
            return;
        }
        // Those that were not asked yet are listed, so that only the others are looked at.
        let mut out: BTreeSet<usize> =
            self.answered().iter().copied().filter(|place| !self.fits(&self.ports[*place])).collect();
        if out.len() < self.ports.len()
            && let Some(selected) = self.selected_index()
        {
            out.remove(&selected);
        }
        let mut places: Vec<usize> = (0..self.ports.len()).collect();
        if !out.is_empty() {
            places.retain(|place| !out.contains(place));
        }
        match self.order {
            Order::Number => {}
            Order::Name => places.sort_by_cached_key(|index| name(self, &self.ports[*index])),
            Order::Verdict => places.sort_by_key(|index| rank(&self.ports[*index])),
        }
        self.listing = Listing { places, by: Some(by), selected: self.selected.clone() };
    }

    /// Lists the selected port in place of the one that was, where one of them is listed for being selected alone; `false`: all
    /// are to be listed anew for it.
    fn lists_selected(&mut self) -> bool {
        if self.selected == self.listing.selected {
            return true;
        }
        let only =
            |target: &Option<Target>| self.index(target.as_ref()?).filter(|index| !self.fits(&self.ports[*index]));
        let (before, now) = (only(&self.listing.selected), only(&self.selected));
        if before.or(now).is_some() && self.order != Order::Number {
            return false;
        }
        let places = &mut self.listing.places;
        if let Some(at) = before.and_then(|before| places.binary_search(&before).ok()) {
            places.remove(at);
        }
        if let (Some(now), false) = (now, places.is_empty())
            && let Err(at) = places.binary_search(&now)
        {
            places.insert(at, now);
        }
        true
    }

    /// Whether a port is wanted, as far as one knows.
    fn fits(&self, port: &Port) -> bool {
        port.verdict.is_none() || self.filter.fits(port)
    }

    /// Whether the port at a place among all is wanted, and where it stands by what becomes of its packets.
    pub(super) fn standing(&self, at: usize) -> (bool, u8) {
        let port = &self.ports[at];
        (self.fits(port), rank(port))
    }

    /// What becomes of one port's packets is known, which stood so before: thousands may be asked one after the other.
    pub(super) fn list_one(&mut self, at: usize, before: (bool, u8)) {
        let now = self.standing(at);
        match (before.0, now.0) {
            _ if self.order == Order::Verdict && before.1 != now.1 => self.listing.outdate(),
            (true, true) | (false, false) => {}
            // Where it may be the last one that fits, or stays though it does not, all is looked at.
            (true, false) if self.listed() > 2 && self.selected.as_ref() != Some(&self.ports[at].target) => {
                self.listing.places.retain(|place| *place != at);
            }
            _ => self.listing.outdate(),
        }
    }
}

/// Who has the socket, for the order by name.
fn name(state: &State, port: &Port) -> (bool, Option<String>) {
    let socket = port.entry.as_ref().and_then(|entry| state.ns().sockets.get(entry.socket?));
    let name = socket.and_then(|socket| socket.processes.first()).map(|process| process.name.to_lowercase());
    (name.is_none(), name)
}

/// What surprises comes first.
fn rank(port: &Port) -> u8 {
    match port.verdict {
        Some(AnswerVerdict::Diverted) if !port.is_ghost() => 0,
        Some(AnswerVerdict::Diverted) => 1,
        Some(AnswerVerdict::Blocked) => 2,
        Some(AnswerVerdict::Depends) => 3,
        Some(AnswerVerdict::Reached) => 4,
        Some(AnswerVerdict::Unanswered) => 5,
        None => 6,
    }
}

/// Lists other ports: all, those of the table that is looked at, the diverted, the blocked.
pub(super) fn next_filter(state: &mut State) {
    state.filter = match &state.filter {
        // First, as the others may select another port and with it another rule.
        Filter::All => looked_at(state).map_or(Filter::Diverted, Filter::Table),
        Filter::Table(_) => Filter::Diverted,
        Filter::Diverted => Filter::Blocked,
        Filter::Blocked => Filter::All,
    };
    state.focus = Pane::Ports;
    if state.selected_port().is_some_and(|port| state.filter.fits(port)) {
        return;
    }
    let mut answered = state.answered().iter().map(|place| &state.ports[*place]);
    if let Some(target) = answered.find(|port| state.filter.fits(port)).map(|port| port.target.clone()) {
        state.list();
        state.select(target);
    }
}

/// Lists the ports in another order.
pub(super) fn next_order(state: &mut State) {
    state.focus = Pane::Ports;
    state.order = match state.order {
        Order::Number => Order::Name,
        Order::Name => Order::Verdict,
        Order::Verdict => Order::Number,
    };
    let by = match state.order {
        Order::Number => "number",
        Order::Name => "name",
        Order::Verdict => "badge: what surprises first",
    };
    // The frame may have no room for it, and the rows may stand as they did.
    state.notice = Some(format!("the ports are sorted by {by}"));
}

/// The table of the tree's row, in the namespace that is looked from.
fn looked_at(state: &State) -> Option<TableName> {
    let frame = match state.tree.row(state.cursor)?.id {
        Id::Table(at) if at.namespace != state.namespace => return None,
        Id::Table(at) => {
            let table = state.ns().ruleset.tables.get(at.index as usize)?;
            return Some((table.backend, table.family, table.name.clone()));
        }
        Id::Base(frame) | Id::Rule(frame, _) | Id::End(frame) | Id::Run { frame, .. } => frame,
        Id::Pass(_) | Id::Hook(_) | Id::Route(_) | Id::Fate => return None,
    };
    let at = state.frames.get(frame);
    (at.place.namespace == state.namespace).then(|| named(state.ns(), at.chain))
}
