//! Rules and elements: one dump for each chain and each set, by several threads at once.
//!
//! A dump of rules takes no lock of the kernel's (`nf_tables_dump_rules` reads under RCU), so that chains that are dumped
//! at once take no longer than one alone. Each thread has a socket of its own in the same network namespace, and shares
//! names with nobody. What they found is put together in the order of the listing. Knows nothing of what is
//! listed before: tables, and chains and sets without what is in them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;

use super::super::netlink::{Answers, Attributes, Failure, be};
use super::super::xt::SetNames;
use super::counted::{self, Elements};
use super::draft::Draft;
use super::talk::Talk;
use super::{GET_ELEMENTS, GET_RULE, chain, expression, lift, set};
use crate::host::nft::{self, Count, Expression, Set};
use crate::host::{
    Body, Chain, ChainId, ElementId, ElementState, Handle, Names, Observations, Registration, Rule, RuleId, Tally,
};

/// How many read at once, at most: beyond that the kernel's memory is the limit.
const HANDS: usize = 4;

/// What is the same for all who read.
pub(super) struct Crew<'a> {
    pub(super) answers: &'a Answers,
    pub(super) ipsets: &'a SetNames,
    /// The generation in which the reading began.
    pub(super) generation: u32,
    /// Which elements are read.
    pub(super) elements: Elements,
}

/// What is read by one dump: the rules of a chain or the elements of a set, by the positions of their table and their own.
#[derive(Debug, Clone, Copy)]
enum Part {
    Rules(u32, u32),
    Elements(u32, u32),
}

/// What was read.
#[derive(Default)]
struct Found {
    rules: Vec<(ChainId, Vec<Rule>)>,
    sets: Vec<((u32, u32), nft::Set)>,
    /// What the expressions of rules counted, by their positions; those of a rule stand together.
    tallies: Vec<(RuleId, u16, Tally)>,
    states: Vec<(ElementId, ElementState)>,
    /// Properties of elements that are not known, by the position of their table.
    untold: Vec<(u32, String)>,
    torn: bool,
}

/// Fills in the rules and elements of the tables at these positions. Tables of which a rule does not lift, and should,
/// stay without rules: their positions are handed back. Where a part came from another generation, `talk` is torn.
///
/// # Errors
/// What the kernel says instead of an answer, to whom it says it first.
pub(super) fn fill(
    crew: &Crew<'_>,
    drafts: &mut [Draft],
    wanted: &[u32],
    observations: &mut Observations,
    talk: &mut Talk,
) -> Result<Vec<u32>, Failure> {
    let parts = parts(drafts, wanted);
    let stuck: Vec<AtomicBool> = drafts.iter().map(|_| AtomicBool::new(false)).collect();
    let work = Work { crew, drafts, parts: &parts, next: AtomicUsize::new(0), stuck: &stuck };
    let all = work.all()?;
    let is_stuck = |table: u32| stuck[table as usize].load(Relaxed);
    if all.iter().any(|found| found.torn) {
        talk.tear();
    }
    observations.rules.reserve(all.iter().map(|found| found.tallies.len()).sum());
    for found in all {
        for tallies in found.tallies.chunk_by(|(one, ..), (other, ..)| one == other) {
            let (rule, ..) = tallies[0];
            if !is_stuck(rule.chain.table) {
                observations.note(rule, tallies.iter().map(|(_, at, tally)| (*at, *tally)));
            }
        }
        drop(found.tallies);
        observations.elements.extend(found.states);
        for (id, rules) in found.rules {
            if is_stuck(id.table) {
                talk.progress().take_back(1, rules.len());
            } else if let Some((chain, _)) = drafts[id.table as usize].chains.get_mut(id.chain as usize) {
                chain.rules = rules;
            }
        }
        for ((table, at), set) in found.sets {
            if let Some(listed) = drafts[table as usize].sets.get_mut(at as usize) {
                *listed = set;
            }
        }
        found.untold.into_iter().for_each(|(table, what)| drafts[table as usize].untold.push(what));
    }
    Ok(wanted.iter().copied().filter(|table| is_stuck(*table)).collect())
}

/// Everything that is to be read of these tables: their sets first, as a set may be large and a chain seldom is.
fn parts(drafts: &[Draft], wanted: &[u32]) -> Vec<Part> {
    let sets = wanted.iter().flat_map(|table| {
        let sets = drafts[*table as usize].sets.len() as u32;
        (0..sets).map(|set| Part::Elements(*table, set))
    });
    let chains = wanted.iter().flat_map(|table| {
        let chains = (0..).zip(&drafts[*table as usize].chains);
        chains.filter(|(_, (chain, _))| is_there(chain)).map(|(chain, _)| Part::Rules(*table, chain))
    });
    sets.chain(chains).collect()
}

/// Whether the kernel has a chain: iptables-save shows some that it has not.
fn is_there(chain: &Chain) -> bool {
    chain.base.as_ref().is_none_or(|base| base.registration != Registration::Absent)
}

/// What there is to read, and how far it is.
struct Work<'a> {
    crew: &'a Crew<'a>,
    drafts: &'a [Draft],
    parts: &'a [Part],
    next: AtomicUsize,
    /// The tables that do not lift.
    stuck: &'a [AtomicBool],
}

impl Work<'_> {
    /// Everything, as each hand found it.
    fn all(&self) -> Result<Vec<Found>, Failure> {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let hands = if self.crew.answers.is_kernel() { processors.min(HANDS).min(self.parts.len()) } else { 1 };
        if hands < 2 {
            return Ok(vec![self.some()?]);
        }
        // A new thread is in the network namespace of the one that made it (`copy_namespaces`).
        thread::scope(|scope| {
            let hands: Vec<_> = (0..hands).map(|_| scope.spawn(|| self.some())).collect();
            let joined = hands.into_iter().map(|hand| match hand.join() {
                Ok(found) => found,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            joined.collect()
        })
    }

    /// What one hand reads, until nothing is left to read.
    fn some(&self) -> Result<Found, Failure> {
        let mut hand = Hand {
            crew: self.crew,
            talk: Talk::open(self.crew.answers, self.crew.generation)?,
            names: Names::default(),
            found: Found::default(),
            rules: Vec::new(),
            expressions: Vec::new(),
        };
        while let Some(part) = self.parts.get(self.next.fetch_add(1, Relaxed)) {
            // To decode elements takes about as long as the kernel's walk does, and most sets are one datagram.
            hand.talk.receive_ahead(matches!(part, Part::Elements(..)));
            let done = match *part {
                Part::Rules(table, chain) => {
                    let (draft, stuck) = (&self.drafts[table as usize], &self.stuck[table as usize]);
                    hand.rules(draft, ChainId { table, chain }, stuck)
                }
                Part::Elements(table, set) => hand.elements(&self.drafts[table as usize], (table, set)),
            };
            if let Err(failure) = done {
                // The others have nothing left to do.
                self.next.store(self.parts.len(), Relaxed);
                return Err(failure);
            }
        }
        hand.found.torn = hand.talk.is_torn();
        Ok(hand.found)
    }
}

/// One who reads.
struct Hand<'a> {
    crew: &'a Crew<'a>,
    talk: Talk,
    names: Names,
    found: Found,
    /// The rules of the chain that is read; kept for their room.
    rules: Vec<Rule>,
    expressions: Vec<Expression>,
}

impl Hand<'_> {
    /// Reads the rules of one chain, unless it is known that they are not wanted: one that does not lift, and should, makes the
    /// table stuck.
    fn rules(&mut self, draft: &Draft, id: ChainId, stuck: &AtomicBool) -> Result<(), Failure> {
        if stuck.load(Relaxed) {
            return Ok(());
        }
        let Hand { crew, talk, names, found, rules, expressions } = self;
        let family = draft.listed.family;
        rules.clear();
        let mut lifts = true;
        let mut seen = 0;
        let (chain, _) = &draft.chains[id.chain as usize];
        let asked = [(1, &*draft.listed.name), (2, &*chain.name)];
        talk.dump(GET_RULE, draft.listed.number, &asked, |_, attributes| {
            seen += 1;
            if !lifts {
                return;
            }
            let mut scope = expression::Scope { family, chains: &draft.numbers, ipsets: crew.ipsets, names };
            expressions.clear();
            let id = RuleId { chain: id, index: rules.len() as u32 };
            let nested = Attributes(attributes.get(4).unwrap_or_default());
            expressions.extend(nested.zip(0..).map(|((_, one), at)| {
                let mut tally = None;
                let expression = expression::decode(one, &mut scope, &mut tally);
                found.tallies.extend(tally.map(|tally| (id, at, tally)));
                expression
            }));
            let comment = attributes.get(7).and_then(|user| chain::comment(user, names));
            let body = match draft.lifting {
                true => lift::lift(family, expressions, comment, names).map(Body::Iptables),
                false => Some(Body::Nft(Box::new(nft::Rule { expressions: expressions.drain(..).collect(), comment }))),
            };
            let Some(body) = body else {
                lifts = false;
                return;
            };
            rules.push(Rule { handle: attributes.get(3).and_then(be).map(Handle), body });
        })?;
        if lifts {
            talk.progress().read_chain();
            // As much room as they need, and that which they were collected in is used again.
            let mut kept = Vec::with_capacity(rules.len());
            kept.append(rules);
            found.rules.push((id, kept));
        } else {
            talk.progress().take_back(0, seen);
            stuck.store(true, Relaxed);
        }
        Ok(())
    }

    /// Reads the elements of one set.
    fn elements(&mut self, draft: &Draft, (table, at): (u32, u32)) -> Result<(), Failure> {
        let Hand { crew, talk, names, found, .. } = self;
        let mut set = draft.sets[at as usize].clone();
        if set.counted.is_some() {
            return Ok(());
        }
        let may_leave_out = crew.elements.may_leave_out(&set);
        let (mut elements, mut many, mut unknown) = (Vec::new(), 0, 0);
        let asked = [(1, &*draft.listed.name), (2, &*set.name)];
        let progress = Arc::clone(talk.progress());
        let ended = talk.dump_until(GET_ELEMENTS, draft.listed.number, &asked, |_, attributes| {
            let before = elements.len();
            unknown += set::elements(attributes.0, &draft.numbers, names, &mut elements);
            progress.read_elements(elements.len() - before);
            many += elements[before..].iter().filter(|raw: &&set::Raw| raw.begins()).count();
            counted::unless_many(many, may_leave_out)
        })?;
        if ended.is_break() {
            talk.renew(crew.answers)?;
            set.counted = Some(counted::counted(Count::MoreThan(Set::MANY), crew.generation));
            found.sets.push(((table, at), set));
            return Ok(());
        }
        if unknown > 0 {
            found.untold.push((table, format!("properties of elements of set {}: {unknown}", set.name)));
        }
        let id = |element| ElementId { table, set: at, element };
        set::fill(&mut set, elements, |element, state| found.states.push((id(element), state)));
        found.sets.push(((table, at), set));
        Ok(())
    }
}
