//! The rows of the netfilter tree: hooks, base chains, rules, the chains that these jump to, and runs of rules that do
//! not match, folded into one row.
//!
//! It makes identities, no text: what a row says is told when it is drawn.

use super::frames::{Frame, FrameId, Frames, Place, target};
use super::path::{Path, Section, TableAt, Trodden};
use super::tree::{Row, Tree};
use crate::host::{Host, Policy, QuickMap, Ruleset};
use crate::walk::Verdict;

/// The identity of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Id {
    /// The packet enters a namespace, on this pass.
    Pass(u32),
    /// A hook.
    Hook(Place),
    /// A base chain.
    Base(FrameId),
    /// A rule, where the chain was entered, by index.
    Rule(FrameId, u32),
    /// Rules that did not match, or that the packet never came to.
    Run {
        /// Their chain.
        frame: FrameId,
        /// Index of the first.
        first: u32,
        /// How many there are.
        count: u32,
        /// Whether the packet came to them.
        reached: bool,
    },
    /// The end of a base chain whose policy drops.
    End(FrameId),
    /// Routing decides: index of the outcome's event.
    Route(usize),
    /// How it ends.
    Fate,
    /// A table.
    Table(TableAt),
}

impl Id {
    /// The row of a top row of the path.
    pub fn of(section: &Section) -> Id {
        match section {
            Section::Pass(pass) => Id::Pass(*pass),
            Section::Route(event) => Id::Route(*event),
            Section::Fate => Id::Fate,
            Section::Hook { place, .. } => Id::Hook(*place),
            Section::Table { table, .. } => Id::Table(*table),
        }
    }
}

/// How many rules in a row that did not match are folded into one row.
const RUN: u32 = 2;

/// The visible rows for a path. `turned` holds what somebody folded or unfolded, `old` the rows that were visible.
pub fn outline(host: &Host, path: &Path, frames: &mut Frames, turned: &QuickMap<Id, bool>, old: Tree<Id>) -> Tree<Id> {
    Tree::new(begin(host, path, frames, turned, usize::MAX, old.emptied()))
}

/// How many rows the way takes to its end, or all of them where it has none in the tree; `None`: more than `most`.
pub fn rows_of_way(
    host: &Host,
    path: &Path,
    frames: &mut Frames,
    turned: &QuickMap<Id, bool>,
    most: usize,
) -> Option<usize> {
    // A tree of 10,000 chains is not made to be told that it is long.
    let rows = begin(host, path, frames, turned, most, Vec::new());
    let way = rows.iter().position(|row| row.id == Id::Fate).map_or(rows.len(), |end| end + 1);
    Some(way).filter(|way| *way <= most)
}

/// The visible rows, in `rows`, which are none; once there are more than `most`, not all that come then.
fn begin(
    host: &Host,
    path: &Path,
    frames: &mut Frames,
    turned: &QuickMap<Id, bool>,
    most: usize,
    mut rows: Vec<Row<Id>>,
) -> Vec<Row<Id>> {
    // Most rows are those of chains that stand in tables.
    let chains = |section: &Section| match section {
        Section::Table { chains, .. } => chains.len(),
        Section::Hook { .. } | Section::Pass(_) | Section::Route(_) | Section::Fate => 0,
    };
    let expected = path.sections.iter().map(chains).sum::<usize>().min(most);
    rows.reserve(expected);
    let mut outline = Outline { host, path, frames, turned, rows, most };
    for section in &path.sections {
        outline.section(section);
    }
    outline.rows
}

/// A part of a chain that the packet came to.
enum Part {
    /// A rule that held.
    Rule(u32),
    /// Rules that did not, or that it never came to: from the first on, up to another one.
    Run { first: u32, end: u32, reached: bool },
}

/// The parts of a chain with so many rules, in their order.
fn parts(trodden: &Trodden, all: u32) -> impl Iterator<Item = Part> {
    let held = trodden.held.keys().copied().filter(move |index| *index < all);
    let last = held.clone().next_back().map_or(0, |last| last + 1);
    let before = std::iter::once(0).chain(held.clone().map(|index| index + 1));
    let runs = before.zip(held).flat_map(|(first, end)| [Part::Run { first, end, reached: true }, Part::Rule(end)]);
    let seen = trodden.seen(all).max(last);
    let rest = [(last, seen, true), (seen, all, false)].map(|(first, end, reached)| Part::Run { first, end, reached });
    runs.chain(rest)
}

/// The row of the run that a rule is in, of a chain with so many; `None`: it stands for itself.
pub fn run_of(path: &Path, frame: FrameId, all: u32, index: u32) -> Option<Id> {
    parts(path.trodden.get(&frame)?, all).find_map(|part| match part {
        Part::Run { first, end, reached } if (first..end).contains(&index) && end - first >= RUN => {
            Some(Id::Run { frame, first, count: end - first, reached })
        }
        Part::Run { .. } | Part::Rule(_) => None,
    })
}

/// A chain where it was entered, with all that its rows ask for.
struct Entered<'a> {
    frame: FrameId,
    at: Frame,
    ruleset: &'a Ruleset,
    /// What the packet met there.
    trodden: Option<&'a Trodden>,
}

struct Outline<'a> {
    host: &'a Host,
    path: &'a Path,
    frames: &'a mut Frames,
    turned: &'a QuickMap<Id, bool>,
    rows: Vec<Row<Id>>,
    most: usize,
}

impl Outline<'_> {
    fn push(&mut self, id: Id, depth: u16, open: Option<bool>) -> bool {
        let open = open.map(|open| self.turned.get(&id).copied().unwrap_or(open));
        self.rows.push(Row { id, depth, open });
        open == Some(true)
    }

    fn is_long(&self) -> bool {
        self.rows.len() > self.most
    }

    fn section(&mut self, section: &Section) {
        let id = Id::of(section);
        match section {
            Section::Pass(_) | Section::Route(_) | Section::Fate => {
                self.push(id, 0, None);
            }
            Section::Hook { chains, .. } | Section::Table { chains, .. } => {
                if self.push(id, 0, Some(self.path.opens_hook(chains))) {
                    for frame in chains {
                        if self.is_long() {
                            break;
                        }
                        self.base(*frame);
                    }
                }
            }
        }
    }

    fn base(&mut self, frame: FrameId) {
        let trodden = self.path.trodden.get(&frame);
        // A policy that accepts is told beside the chain's name.
        let ends = trodden.is_some_and(|trodden| trodden.end == Some(Verdict::Policy(Policy::Drop)));
        let Frame { place: Place { namespace, .. }, chain, .. } = self.frames.get(frame);
        let rules = self.frames.has_rules(namespace, chain, &self.host.namespaces[namespace].ruleset);
        let opens = trodden.is_some_and(|trodden| self.path.opens_by(trodden));
        if self.push(Id::Base(frame), 1, (rules || ends).then_some(opens)) {
            self.rules(frame, 2);
            if ends {
                self.push(Id::End(frame), 2, None);
            }
        }
    }

    /// The rules of a chain.
    fn rules(&mut self, frame: FrameId, depth: u16) {
        let at = self.frames.get(frame);
        let ruleset = &self.host.namespaces[at.place.namespace].ruleset;
        let chain = Entered { frame, at, ruleset, trodden: self.path.trodden.get(&frame) };
        let all = ruleset.chain(at.chain).rules.len() as u32;
        match chain.trodden {
            None => self.plain(&chain, 0, all, depth),
            Some(trodden) => {
                for part in parts(trodden, all) {
                    match part {
                        Part::Rule(index) => self.rule(&chain, index, depth),
                        Part::Run { first, end, reached } => self.run(&chain, first, end, reached, depth),
                    }
                }
            }
        }
    }

    fn run(&mut self, chain: &Entered<'_>, first: u32, end: u32, reached: bool, depth: u16) {
        let count = end.saturating_sub(first);
        if count < RUN {
            self.plain(chain, first, end, depth);
        } else if self.push(Id::Run { frame: chain.frame, first, count, reached }, depth, Some(false)) {
            self.plain(chain, first, end, depth + 1);
        }
    }

    fn plain(&mut self, chain: &Entered<'_>, first: u32, end: u32, depth: u16) {
        for index in first..end {
            if self.is_long() {
                break;
            }
            self.rule(chain, index, depth);
        }
    }

    fn rule(&mut self, chain: &Entered<'_>, index: u32, depth: u16) {
        let Entered { frame, at, ruleset, trodden } = *chain;
        let id = Id::Rule(frame, index);
        let held = trodden.and_then(|trodden| trodden.held.get(&index));
        // Where the packet came by, it tells which chain of a map it went to.
        let leads = match held.map(|mark| mark.verdict) {
            Some(Verdict::Jump(chain) | Verdict::Goto(chain)) => Some(chain),
            _ => target(ruleset, at.rule(index)),
        };
        let Some(to) = leads.filter(|chain| self.frames.has_rules(at.place.namespace, *chain, ruleset)) else {
            self.push(id, depth, None);
            return;
        };
        // A frame is made only where somebody looks into it: most of 100,000 jumps are never opened.
        let open = held.is_some() && self.path.opens(self.frames.below(frame, index, to));
        if self.push(id, depth, Some(open)) {
            let below = self.frames.below(frame, index, to);
            self.rules(below, depth + 1);
        }
    }
}
