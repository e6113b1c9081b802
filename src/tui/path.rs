//! The way of one outcome through the tree: which chains it enters, which rules hold, where it ends.
//!
//! It reads what the walk found and decides nothing about packets. How the way looks is not known here.

mod tables;
mod unseen;

pub use tables::{TableAt, Visit};

use std::collections::{BTreeMap, HashMap};

pub use unseen::comes_by;

use super::frames::{Frame, FrameId, Frames, Place};
use crate::host::{
    Base, ChainId, ChainType, Family, Hook, Host, IpFamily, Namespace, Policy, Priority, QuickMap, Registration,
    Ruleset,
};
use crate::walk::{Event, Outcome, Step, StepAt, Verdict};

/// The top rows of the tree, and what the packet met in each chain.
#[derive(Debug, Clone, Default)]
pub struct Path {
    /// The top rows, in the packet's order; then the hooks that it never comes to.
    pub sections: Vec<Section>,
    /// What happened in each chain that it entered.
    pub trodden: QuickMap<FrameId, Trodden>,
    /// The rules that held in the packet's order, each by its index; none: the end of a chain whose policy drops.
    pub way: Vec<(FrameId, Option<u32>)>,
    /// From which weight on a chain is opened.
    open_from: Weight,
    /// Where the tree is in the order of the tables: the packet's visits to a chain that stands there once.
    pub visits: QuickMap<FrameId, Vec<Visit>>,
}

/// A top row of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Section {
    /// The packet enters a namespace: its pass, from 1.
    Pass(u32),
    /// A hook with its base chains in the order in which they run.
    Hook {
        /// Which one.
        place: Place,
        /// Whether the packet comes there; `None` where no packet is followed.
        reached: Option<bool>,
        /// Its base chains.
        chains: Vec<FrameId>,
    },
    /// Routing decides: index of the outcome's event.
    Route(usize),
    /// How it ends.
    Fate,
    /// A table, where the tree is in the order of the tables.
    Table {
        /// Which one.
        table: TableAt,
        /// Its chains.
        chains: Vec<FrameId>,
    },
}

/// In which order the tree tells chains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Grouping {
    /// In that in which a packet meets them.
    #[default]
    Packet,
    /// Table by table, as the tools print them.
    Table,
}

/// How much a chain has to say about the packet's fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Weight {
    /// No rule held.
    #[default]
    Nothing,
    /// A rule held, without effect on the way.
    Held,
    /// A rule let it pass.
    Accepts,
    /// A rule or a policy turned it or ended its way.
    Decides,
}

/// What the packet met in a chain.
#[derive(Debug, Clone, Default)]
pub struct Trodden {
    /// The rules that held, by index.
    pub held: BTreeMap<u32, Mark>,
    /// What came at the end, where it ran off.
    pub end: Option<Verdict>,
    /// What the chain, or one it leads to, has to say.
    pub weight: Weight,
}

/// A rule that held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// What came of it.
    pub verdict: Verdict,
    /// For some of the packets only.
    pub sometimes: bool,
}

impl Mark {
    /// Whether it turns the packet or ends its way.
    pub fn decides(&self) -> bool {
        weight(&self.verdict) == Weight::Decides
    }
}

impl Trodden {
    /// How many rules of the chain the packet was held against, of `all`.
    pub fn seen(&self, all: u32) -> u32 {
        match self.held.last_key_value() {
            None if self.end.is_some() => all,
            None => 0,
            Some((last, mark)) => {
                let goes_on =
                    matches!(mark.verdict, Verdict::Continue | Verdict::Jump(_) | Verdict::Notrack | Verdict::Unknown);
                if goes_on && self.end.is_some() { all } else { last + 1 }
            }
        }
    }
}

impl Path {
    /// Every hook of a namespace, with no packet in it.
    pub fn without_packet(host: &Host, namespace: usize, frames: &mut Frames) -> Path {
        let mut path = Path::default();
        let ns = &host.namespaces[namespace];
        for hook in Hook::ALL {
            let place = Place { pass: 0, namespace, hook };
            path.hook(ns, place, None, None, frames);
        }
        path
    }

    /// The way of an outcome of a packet of `family` that was asked about in `namespace`.
    pub fn of(host: &Host, namespace: usize, family: IpFamily, outcome: &Outcome, frames: &mut Frames) -> Path {
        let mut path = Path::default();
        let mut walking = Walking { pass: 0, place: None, stack: Vec::new() };
        for (index, event) in outcome.events.iter().enumerate() {
            let pass = match event {
                Event::Step(step) => step.pass,
                Event::Route(route) => route.pass,
            };
            if pass != walking.pass {
                if outcome.passes.len() > 1 {
                    path.sections.push(Section::Pass(pass));
                }
                walking = Walking { pass, place: None, stack: Vec::new() };
            }
            let entered = outcome.pass(pass);
            let inside = entered.map_or(namespace, |pass| pass.namespace);
            match event {
                Event::Route(_) => path.sections.push(Section::Route(index)),
                Event::Step(step) => {
                    let place = Place { pass, namespace: inside, hook: step.hook };
                    if walking.place != Some(place) {
                        path.hook(&host.namespaces[inside], place, Some(family), Some(true), frames);
                        walking.place = Some(place);
                        walking.stack.clear();
                    }
                    path.step(place, step, &mut walking.stack, frames);
                }
            }
        }
        if outcome.passes.len() > 1 {
            let told = |number| path.sections.contains(&Section::Pass(number));
            let untold: Vec<u32> = outcome.passes.iter().map(|pass| pass.number).filter(|pass| !told(*pass)).collect();
            path.sections.extend(untold.into_iter().map(Section::Pass));
        }
        path.sections.push(Section::Fate);
        path.in_order_of_steps(outcome, frames);
        path.unreached(host, namespace, (family, outcome), frames);
        path.open_from = path.most().max(Weight::Held);
        path
    }

    /// Opens chains from this weight on; `false`: none has that much to say.
    pub fn open_from(&mut self, weight: Weight) -> bool {
        let some = weight <= self.most().max(Weight::Held);
        if some {
            self.open_from = weight;
        }
        some
    }

    /// How much the chain has to say that says most.
    fn most(&self) -> Weight {
        self.trodden.values().map(|trodden| trodden.weight).max().unwrap_or_default()
    }

    /// Whether the chain is open before anybody folds or unfolds.
    pub fn opens(&self, frame: FrameId) -> bool {
        self.trodden.get(&frame).is_some_and(|trodden| self.opens_by(trodden))
    }

    /// Whether a chain is, by what the packet met in it.
    pub fn opens_by(&self, trodden: &Trodden) -> bool {
        trodden.weight >= self.open_from
    }

    /// Whether a hook with these chains is open before anybody folds or unfolds.
    pub fn opens_hook(&self, chains: &[FrameId]) -> bool {
        let held = |frame: &FrameId| self.trodden.get(frame).is_some_and(|trodden| trodden.weight >= Weight::Held);
        let nothing_decides = !self.trodden.keys().any(|frame| self.opens(*frame));
        chains.iter().any(|frame| self.opens(*frame)) || nothing_decides && chains.iter().any(held)
    }

    /// The base chains of the tree, in its order.
    pub fn bases(&self) -> impl Iterator<Item = FrameId> {
        let chains = |section: &'_ Section| match section {
            Section::Hook { chains, .. } | Section::Table { chains, .. } => chains.clone(),
            Section::Pass(_) | Section::Route(_) | Section::Fate => Vec::new(),
        };
        self.sections.iter().flat_map(chains)
    }

    /// The top row that a base chain is below.
    pub fn section(&self, frame: FrameId) -> Option<&Section> {
        self.sections.iter().find(|section| match section {
            Section::Hook { chains, .. } | Section::Table { chains, .. } => chains.contains(&frame),
            Section::Pass(_) | Section::Route(_) | Section::Fate => false,
        })
    }

    /// How many rules held at a hook, chains that are jumped to included.
    pub fn held_at(&self, place: Place, frames: &Frames) -> usize {
        let here = self.trodden.iter().filter(|(frame, _)| frames.get(**frame).place == place);
        here.map(|(_, trodden)| trodden.held.len()).sum()
    }

    fn hook(
        &mut self,
        ns: &Namespace,
        place: Place,
        family: Option<IpFamily>,
        reached: Option<bool>,
        frames: &mut Frames,
    ) {
        let sees = |seen: Family| seen == Family::Netdev || family.is_none_or(|family| seen.sees(family));
        let all = frames.bases(place.namespace, &ns.ruleset).iter().copied();
        let chains: Vec<FrameId> = chains_at(&ns.ruleset, all, place.hook, sees)
            .into_iter()
            .map(|chain| frames.intern(Frame { place, parent: None, chain }))
            .collect();
        if !chains.is_empty() || reached == Some(true) {
            self.sections.push(Section::Hook { place, reached, chains });
        }
    }

    fn step(&mut self, place: Place, step: &Step, stack: &mut Vec<FrameId>, frames: &mut Frames) {
        let chain = step.at.chain();
        if chain == step.base {
            let frame = frames.intern(Frame { place, parent: None, chain });
            stack.clear();
            stack.push(frame);
            self.stands(place, frame);
        }
        while stack.last().is_some_and(|top| frames.get(*top).chain != chain) {
            stack.pop();
        }
        let Some(&frame) = stack.last() else { return };
        let trodden = self.trodden.entry(frame).or_default();
        let weight = weight(&step.verdict);
        match step.at {
            StepAt::Rule(rule) => {
                trodden.held.insert(rule.index, Mark { verdict: step.verdict, sometimes: step.sometimes });
                self.way.push((frame, Some(rule.index)));
                if let Verdict::Jump(to) | Verdict::Goto(to) = step.verdict {
                    let below = frames.below(frame, rule.index, to);
                    self.trodden.entry(below).or_default();
                    stack.push(below);
                }
            }
            StepAt::End(_) => {
                trodden.end = Some(step.verdict);
                if step.verdict == Verdict::Policy(Policy::Drop) {
                    self.way.push((frame, None));
                }
            }
        }
        self.weigh(frame, weight, frames);
    }

    /// A base chain that the packet is walked through stands at its hook: those of bridges see only frames that cross one.
    fn stands(&mut self, place: Place, frame: FrameId) {
        let here = self.sections.iter_mut().rev().find_map(|section| match section {
            Section::Hook { place: known, chains, .. } if *known == place => Some(chains),
            _ => None,
        });
        if let Some(chains) = here.filter(|chains| !chains.contains(&frame)) {
            chains.push(frame);
        }
    }

    /// Tells a chain, and those that led to it, what one of its rules has to say.
    fn weigh(&mut self, frame: FrameId, weight: Weight, frames: &Frames) {
        let mut at = Some(frame);
        while let Some(frame) = at {
            if let Some(trodden) = self.trodden.get_mut(&frame) {
                trodden.weight = trodden.weight.max(weight);
            }
            at = frames.get(frame).parent.map(|(above, _)| above);
        }
    }

    /// Where the walk tells in which order chains ran, that order holds.
    fn in_order_of_steps(&mut self, outcome: &Outcome, frames: &Frames) {
        let mut ran: HashMap<(u32, Hook), Vec<ChainId>> = HashMap::new();
        for step in outcome.steps() {
            let known = ran.entry((step.pass, step.hook)).or_default();
            if !known.contains(&step.base) {
                known.push(step.base);
            }
        }
        for section in &mut self.sections {
            let Section::Hook { place, chains, .. } = section else { continue };
            let Some(order) = ran.get(&(place.pass, place.hook)) else { continue };
            in_order(chains, order, |frame| frames.get(*frame).chain);
        }
    }

    /// Hooks with chains that do not see the packet: where it comes by them, else behind all others.
    fn unreached(
        &mut self,
        host: &Host,
        namespace: usize,
        (family, outcome): (IpFamily, &Outcome),
        frames: &mut Frames,
    ) {
        for hook in Hook::ALL {
            let reached = |section: &Section| match section {
                Section::Hook { place, .. } => place.hook == hook && place.namespace == namespace,
                Section::Pass(_) | Section::Route(_) | Section::Fate | Section::Table { .. } => false,
            };
            if !self.sections.iter().any(reached) {
                let place = Place { pass: 0, namespace, hook };
                let before = self.sections.len();
                self.hook(&host.namespaces[namespace], place, Some(family), Some(false), frames);
                if self.sections.len() > before
                    && let Some(pass) = comes_by(outcome, namespace, hook)
                {
                    let at = unseen::place(&self.sections[..before], outcome, pass, hook);
                    self.sections[at..].rotate_right(1);
                }
            }
        }
    }
}

/// Puts the chains that ran into the order in which they did, where they stand among the others.
pub(super) fn in_order<T: Copy>(chains: &mut [T], order: &[ChainId], chain: impl Fn(&T) -> ChainId) {
    let ran: Vec<usize> = (0..chains.len()).filter(|at| order.contains(&chain(&chains[*at]))).collect();
    let mut sorted: Vec<T> = ran.iter().map(|at| chains[*at]).collect();
    sorted.sort_by_key(|one| order.iter().position(|known| *known == chain(one)));
    for (at, one) in ran.into_iter().zip(sorted) {
        chains[at] = one;
    }
}

/// Where the outcome stands while its events are read.
struct Walking {
    pass: u32,
    place: Option<Place>,
    stack: Vec<FrameId>,
}

fn weight(verdict: &Verdict) -> Weight {
    match verdict {
        Verdict::Policy(Policy::Accept) => Weight::Nothing,
        Verdict::Return | Verdict::Continue | Verdict::Jump(_) | Verdict::Goto(_) | Verdict::Notrack => Weight::Held,
        Verdict::Accept => Weight::Accepts,
        Verdict::Drop
        | Verdict::Reject(_)
        | Verdict::Queue
        | Verdict::Stolen
        | Verdict::Policy(Policy::Drop)
        | Verdict::Dnat(_)
        | Verdict::Snat(_)
        | Verdict::Masquerade(_)
        | Verdict::Redirect(_)
        | Verdict::Netmap(_)
        | Verdict::Tproxy
        | Verdict::Unknown => Weight::Decides,
    }
}

/// The base chains at a hook, among these chains, that the kernel has, of the families that see a packet there, in the order in which they run: by
/// priority, those of type nat at their dispatcher's (`nf_nat_ipv4_ops`), then by their place among equals.
pub(super) fn chains_at(
    ruleset: &Ruleset,
    among: impl IntoIterator<Item = ChainId>,
    hook: Hook,
    sees: impl Fn(Family) -> bool,
) -> Vec<ChainId> {
    let mut found: Vec<(Priority, Priority, u32, ChainId)> = Vec::new();
    for id in among {
        let Some(base) = ruleset.chain(id).base.as_ref().filter(|base| base.hook == hook) else { continue };
        let seen = sees(ruleset.table(id).family);
        let rank = match base.registration {
            Registration::Registered(place) => place.rank(),
            Registration::Dormant => u32::MAX,
            Registration::Absent => continue,
        };
        if seen {
            found.push((slot(base), base.priority, rank, id));
        }
    }
    found.sort_unstable();
    found.into_iter().map(|(.., id)| id).collect()
}

fn slot(base: &Base) -> Priority {
    match (base.kind, base.hook) {
        (ChainType::Nat, Hook::Prerouting | Hook::Output) => Priority::DSTNAT,
        (ChainType::Nat, _) => Priority::SRCNAT,
        (ChainType::Filter | ChainType::Route, _) => base.priority,
    }
}
