//! The host is read again: what was selected, folded and looked at is found again in the new reading.
//!
//! Places in a host (indexes of chains, rules, sockets) mean nothing in another reading of it, so everything is carried
//! over by what it is: names, handles, texts, inodes. What is gone gives way to what stands nearest to it.

use std::collections::HashMap;
use std::sync::Arc;

use super::details;
use super::edited::Edited;
use super::frames::{Frame, FrameId, Frames, Place};
use super::outline::Id;
use super::path::TableAt;
use super::state::{Pane, Port, State};
use crate::explain::{Answer, PortEntry, Survey, Target};
use crate::host::{ChainId, Host, Namespace, QuickMap, RuleId, Ruleset, Table};
use crate::syntax;
use crate::walk::Outcome;

/// Which reading of the host something is about: results of an older one are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Edition(u64);

impl Edition {
    /// The reading that the explorer opens with.
    pub const FIRST: Edition = Edition(0);

    fn next(self) -> Edition {
        Edition(self.0 + 1)
    }
}

/// A new reading of the host.
#[derive(Debug, Clone)]
pub struct Fresh {
    /// The host.
    pub host: Arc<Host>,
    /// Index of the namespace to look from.
    pub namespace: usize,
    /// Its ports ([`explain::ports`](crate::explain::ports)).
    pub survey: Survey,
    /// Who answers those of them that were asked already.
    pub answers: Vec<(Target, Vec<Answer>)>,
}

/// What is looked at, to be found again once the way of the selected port's packets is known.
#[derive(Debug, Clone)]
pub(super) struct Held {
    /// The row that is looked at and those above it, as far as they are still there; none: the one that decides.
    cursor: Vec<Id>,
    turned: QuickMap<Id, bool>,
    outcome: Option<Outcome>,
    /// How many rows of the tree are seen above it.
    above: usize,
    why: usize,
}

impl State {
    /// Takes a new reading in place of the old one.
    pub(super) fn renew(&mut self, fresh: Fresh) {
        let Fresh { host, namespace, survey, answers } = fresh;
        let old = std::mem::replace(&mut self.host, host);
        let was = std::mem::replace(&mut self.namespace, namespace);
        let mut moving = Moving { old: &old, new: &self.host, was, is: namespace, frames: Frames::default() };
        let held = moving.held(self);
        self.counting.renamed(|rule| moving.known(rule));
        self.frames = moving.frames;
        self.edition = self.edition.next();
        let above = self.place().map(|place| place.saturating_sub(self.offsets.ports));
        let ports = Arc::unwrap_or_clone(std::mem::take(&mut self.ports));
        self.select_again(&old.namespaces[was], ports, survey);
        self.answers.clear();
        self.asked.clear();
        self.asking.clear();
        self.walking = None;
        self.edited.iter_mut().for_each(Edited::forget);
        answers.into_iter().for_each(|(target, answers)| self.keep(target, answers));
        self.list();
        if let (Some(place), Some(above)) = (self.place(), above) {
            self.offsets.ports = place.saturating_sub(above);
        }
        self.outcome = 0;
        self.follow();
        details::moved(self);
        // Without a port there is no answer to wait for.
        if self.selected.is_none() || self.all_answers().is_some() {
            self.resume(held);
        } else {
            self.held = Some(held);
        }
    }

    /// Puts the ports in, and selects the one that was selected.
    fn select_again(&mut self, old: &Namespace, ports: Vec<Port>, survey: Survey) {
        let place = self.selected_index();
        let selected = self.selected.take();
        let mut now: Vec<Port> = survey.ports.into_iter().map(Port::of).collect();
        let asked = take_over(ports, &mut now);
        self.fill(now);
        let meant = asked.as_ref().and_then(|asked| self.find_meant(&asked.target));
        self.selected = match (selected, &asked) {
            (Some(target), Some(asked)) if target == asked.target => meant.clone().or(Some(target)),
            (Some(target), _) => {
                let entries = self.ports.iter().filter_map(|port| port.entry.as_ref());
                same_port(old, self.ns(), entries, &target)
            }
            (None, _) => None,
        };
        if let (Some(asked), None) = (asked, meant) {
            self.insert(Port { stale: true, ..asked });
        }
        if self.selected.is_none() {
            let nearest = place.unwrap_or(0).min(self.ports.len().saturating_sub(1));
            self.selected = self.ports.get(nearest).map(|port| port.target.clone());
        }
    }

    /// Finds what was looked at again, now that the way is known.
    pub(super) fn resume(&mut self, held: Held) {
        if let Some(outcome) = &held.outcome
            && let Some(at) = self.same_outcome(outcome)
            && at != self.outcome
        {
            self.outcome = at;
            self.follow();
        }
        self.turned = held.turned;
        self.lay_out();
        let found = held.cursor.iter().find_map(|id| self.tree.place(id));
        self.cursor = found.or_else(|| self.deciding()).unwrap_or(0);
        self.offsets.tree = self.cursor.saturating_sub(held.above);
        self.offsets.why = held.why;
    }

    /// The outcome that is most like one of another reading: it ends alike under the same conditions, else it has the same
    /// conditions, else it ends alike.
    fn same_outcome(&self, was: &Outcome) -> Option<usize> {
        let outcomes = &self.answer()?.walk.outcomes;
        let ends = |one: &Outcome| {
            one.fate.kind == was.fate.kind && one.fate.endpoints == was.fate.endpoints && one.fate.oif == was.fate.oif
        };
        let by = |fits: &dyn Fn(&Outcome) -> bool| outcomes.iter().position(fits);
        by(&|one| one.when == was.when && ends(one)).or_else(|| by(&|one| one.when == was.when)).or_else(|| by(&ends))
    }
}

/// What was known of the ports is told of the same ones until they are asked. Gives the port that somebody named.
fn take_over(old: Vec<Port>, now: &mut [Port]) -> Option<Port> {
    let key = |entry: &PortEntry| (entry.protocol, entry.port, entry.last, entry.addr, entry.is_ghost());
    let mut asked = None;
    let mut known = HashMap::new();
    for port in old {
        match port.entry.as_ref().map(key) {
            None => asked = Some(port),
            Some(key) => _ = known.insert(key, port),
        }
    }
    for port in now {
        if let Some(was) = port.entry.as_ref().and_then(|entry| known.remove(&key(entry))) {
            (port.verdict, port.who) = (was.verdict, was.who);
            (port.tables, port.met) = (was.tables, was.met);
            port.stale = true;
        }
    }
    asked
}

/// The port that a target of one reading means in another, among these: the same socket, else the same address and port,
/// else the same port, whoever has it now.
pub(super) fn same_port<'e>(
    old: &Namespace,
    new: &Namespace,
    entries: impl Iterator<Item = &'e PortEntry>,
    target: &Target,
) -> Option<Target> {
    let inode = |ns: &Namespace, socket: Option<usize>| socket.and_then(|at| ns.sockets.get(at)).map(|s| s.inode);
    let was = inode(old, target.socket);
    let here = |entry: &&PortEntry| {
        entry.protocol == target.protocol && target.port.is_some_and(|port| (entry.port..=entry.last).contains(&port))
    };
    let best = entries.filter(here).max_by_key(|entry| {
        let now = entry.target();
        let same_socket = was.is_some() && inode(new, now.socket) == was;
        let same_addr = now.one_addr() == target.one_addr();
        (same_socket, same_addr, entry.is_ghost() == target.socket.is_none(), std::cmp::Reverse(entry.addr))
    });
    best.map(PortEntry::target)
}

/// What a target of one reading of a host is in another with these ports: that of the same port, or itself where it is none
/// of them.
pub fn counterpart(old: &Namespace, new: &Namespace, survey: &Survey, target: &Target) -> Target {
    let itself = || Target { socket: None, ..target.clone() };
    same_port(old, new, survey.ports.iter(), target).unwrap_or_else(itself)
}

/// From one reading to the next.
struct Moving<'a> {
    old: &'a Host,
    new: &'a Host,
    was: usize,
    is: usize,
    /// The frames of the new reading.
    frames: Frames,
}

impl Moving<'_> {
    /// What the state looks at, in terms of the new reading.
    fn held(&mut self, state: &State) -> Held {
        let decides = state.deciding() == Some(state.cursor) && state.focus != Pane::Netfilter;
        let mut at = if decides { None } else { Some(state.cursor) };
        let mut cursor = Vec::new();
        while let Some(place) = at {
            cursor.extend(state.tree.row(place).and_then(|row| self.id(&state.frames, row.id)));
            at = state.tree.parent(place);
        }
        let turned = state.turned.iter().filter_map(|(id, open)| Some((self.id(&state.frames, *id)?, *open))).collect();
        let outcome = state.outcome().cloned();
        let above = state.cursor.saturating_sub(state.offsets.tree);
        Held { cursor, turned, outcome, above, why: state.offsets.why }
    }

    fn id(&mut self, frames: &Frames, id: Id) -> Option<Id> {
        Some(match id {
            Id::Pass(_) | Id::Route(_) | Id::Fate => id,
            Id::Table(table) => {
                let namespace = self.namespace(table.namespace)?;
                let (old, new) = (self.ruleset(self.old, table.namespace), self.ruleset(self.new, namespace));
                let index = same_table(old.tables.get(table.index as usize)?, new)? as u32;
                Id::Table(TableAt { namespace, index })
            }
            Id::Hook(place) => Id::Hook(self.place(place)?),
            Id::Base(frame) => Id::Base(self.frame(frames, frame)?),
            Id::End(frame) => Id::End(self.frame(frames, frame)?),
            Id::Rule(frame, index) => {
                let (frame, index) = self.rule(frames, frame, index)?;
                Id::Rule(frame, index)
            }
            Id::Run { frame, first, count, reached } => {
                let (frame, first) = self.rule(frames, frame, first)?;
                Id::Run { frame, first, count, reached }
            }
        })
    }

    /// The namespace that was asked about stays that, whatever it is called; others have their names.
    fn namespace(&self, index: usize) -> Option<usize> {
        if index == self.was {
            return Some(self.is);
        }
        let at = self.new.find(&self.old.namespaces.get(index)?.name)?;
        (at != self.is).then_some(at)
    }

    fn place(&self, place: Place) -> Option<Place> {
        Some(Place { namespace: self.namespace(place.namespace)?, ..place })
    }

    fn frame(&mut self, frames: &Frames, frame: FrameId) -> Option<FrameId> {
        let Frame { place, parent, chain } = frames.get(frame);
        let parent = match parent {
            Some((above, index)) => Some(self.rule(frames, above, index)?),
            None => None,
        };
        let now = self.place(place)?;
        let (old, new) = (self.ruleset(self.old, place.namespace), self.ruleset(self.new, now.namespace));
        let chain = same_chain(old, new, chain)?;
        Some(self.frames.intern(Frame { place: now, parent, chain }))
    }

    fn rule(&mut self, frames: &Frames, frame: FrameId, index: u32) -> Option<(FrameId, u32)> {
        let now = self.frame(frames, frame)?;
        let (was, is) = (frames.get(frame), self.frames.get(now));
        let old = self.ruleset(self.old, was.place.namespace);
        let new = self.ruleset(self.new, is.place.namespace);
        Some((now, same_rule(old, new, was.rule(index), is.chain)?))
    }

    /// The same rule, by the index of its namespace.
    fn known(&self, (namespace, rule): (usize, RuleId)) -> Option<(usize, RuleId)> {
        let now = self.namespace(namespace)?;
        let (old, new) = (self.ruleset(self.old, namespace), self.ruleset(self.new, now));
        let chain = same_chain(old, new, rule.chain)?;
        Some((now, RuleId { chain, index: same_rule(old, new, rule, chain)? }))
    }

    fn ruleset<'h>(&self, host: &'h Host, namespace: usize) -> &'h Ruleset {
        &host.namespaces[namespace].ruleset
    }
}

/// The index of the table with the same name.
fn same_table(table: &Table, new: &Ruleset) -> Option<usize> {
    let same = |other: &Table| (other.backend, other.family, &other.name) == (table.backend, table.family, &table.name);
    new.tables.iter().position(same)
}

/// The chain with the same name in the same table.
fn same_chain(old: &Ruleset, new: &Ruleset, chain: ChainId) -> Option<ChainId> {
    let (table, name) = (old.table(chain), &old.chain(chain).name);
    let at = same_table(table, new)?;
    let place = new.tables[at].chains.iter().position(|other| other.name == *name)?;
    Some(ChainId { table: at as u32, chain: place as u32 })
}

/// How many rules above and below are held against one that has no handle.
const NEAR: u32 = 500;

/// The index of the same rule: by its handle, else by its text, nearest to where it was.
fn same_rule(old: &Ruleset, new: &Ruleset, rule: RuleId, chain: ChainId) -> Option<u32> {
    let handle = old.chain(rule.chain).rules.get(rule.index as usize)?.handle;
    let rules = &new.chain(chain).rules;
    if handle.is_some()
        && let Some(at) = rules.iter().position(|other| other.handle == handle)
    {
        return Some(at as u32);
    }
    let text = syntax::rule_text(old, rule);
    let near = (0..=NEAR).flat_map(|by| [rule.index.checked_sub(by), rule.index.checked_add(by)]);
    let mut near = near.flatten().filter(|index| (*index as usize) < rules.len());
    near.find(|index| syntax::rule_text(new, RuleId { chain, index: *index }) == text)
}
