//! nf_tables by netlink: tables, chains, sets and rules, one dump for each chain.
//!
//! A dump of rules starts again from the first rule at every message (`nf_tables_dump_rules`), so that one dump of
//! everything takes quadratic time: each chain is asked by itself. Tables of iptables-nft are lifted to the form that
//! iptables prints, all of a table or nothing of it. Deliberately does not say which of two chains of equal priority was
//! registered first: no dump tells.

mod chain;
pub(in crate::kernel) mod counted;
pub(in crate::kernel) mod counts;
mod crew;
mod draft;
mod expression;
mod lift;
mod object;
mod set;
mod talk;
#[cfg(test)]
pub(in crate::kernel) mod tests;
mod userdata;

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use super::netlink::{Answers, Attributes, Dumped, Failure, text};
use super::whole::until_whole;
use super::xt::SetNames;
use crate::host::{Chain, Family, Name, Names, ObjectId, Observations, Quick, Ruleset, nft};
use counted::Elements;
use crew::Crew;
use draft::{Chains, Draft};
use talk::Talk;

/// `NFNL_SUBSYS_NFTABLES`, as the high byte of a message's type.
const SUBSYSTEM: u16 = 10 << 8;
const GET_TABLE: u16 = SUBSYSTEM | 1;
const GET_CHAIN: u16 = SUBSYSTEM | 4;
const GET_RULE: u16 = SUBSYSTEM | 7;
const GET_SET: u16 = SUBSYSTEM | 10;
const GET_ELEMENTS: u16 = SUBSYSTEM | 13;
const GET_GENERATION: u16 = SUBSYSTEM | 16;
const GET_OBJECT: u16 = SUBSYSTEM | 19;
const GET_FLOWTABLE: u16 = SUBSYSTEM | 23;

/// `struct nfgenmsg`, before the attributes.
const GENERIC: usize = 4;

/// What was read.
pub(super) struct Rules {
    /// The tables, in the order of their creation.
    pub(super) ruleset: Ruleset,
    /// What rules and policies counted.
    pub(super) observations: Observations,
    /// It changed whenever it was read: parts of it are older than others.
    pub(super) torn: bool,
}

/// Families by their numbers (`NFPROTO_*`).
const FAMILIES: [(u8, Family); 6] =
    [(1, Family::Inet), (2, Family::Ip), (3, Family::Arp), (5, Family::Netdev), (7, Family::Bridge), (10, Family::Ip6)];

/// The family that `NFPROTO_*` names.
pub(super) fn family(number: u8) -> Option<Family> {
    FAMILIES.into_iter().find(|(known, _)| *known == number).map(|(_, family)| family)
}

/// Reads all tables of the calling thread's network namespace.
///
/// # Errors
/// [`Failure::Forbidden`] without `CAP_NET_ADMIN` there (`nfnetlink_rcv`).
pub(super) fn read(answers: &Answers, ipsets: &SetNames, elements: Elements) -> Result<Rules, Failure> {
    Reader::open(answers, ipsets, elements)?.whole()
}

/// What a recording tells, whatever the generations of its messages.
pub(super) fn read_once(answers: &Answers, ipsets: &SetNames) -> Result<(Ruleset, Observations), Failure> {
    Reader::open(answers, ipsets, Elements::All)?.all()
}

/// A reading of the ruleset.
struct Reader<'a> {
    answers: &'a Answers,
    talk: Talk,
    ipsets: &'a SetNames,
    /// Which elements are read.
    elements: Elements,
    names: Names,
    /// What was listed of all chains, as one number, and what makes it.
    seen: Option<u64>,
    quick: Quick,
}

/// A table as it is listed.
struct Listed {
    /// The family as the kernel numbers it.
    number: u8,
    family: Family,
    name: Name,
    particulars: nft::Particulars,
}

/// Something of each table, by its family and its name.
type OfTables<T> = HashMap<(Family, Name), (T, Vec<String>)>;

impl<'a> Reader<'a> {
    fn open(answers: &'a Answers, ipsets: &'a SetNames, elements: Elements) -> Result<Reader<'a>, Failure> {
        let talk = Talk::open(answers, 0)?;
        Ok(Reader { answers, talk, ipsets, elements, names: Names::default(), seen: None, quick: Quick::default() })
    }

    /// Everything, of one moment if it holds still for one of three readings.
    fn whole(&mut self) -> Result<Rules, Failure> {
        let progress = Arc::clone(self.talk.progress());
        let ((ruleset, observations), dumped) = until_whole(&progress, || {
            self.talk.begin()?;
            self.seen = None;
            let all = self.all()?;
            self.look_again()?;
            let same = self.talk.is_one_instant()?;
            Ok((all, if same { Dumped::Whole } else { Dumped::Interrupted }))
        })?;
        Ok(Rules { ruleset, observations, torn: dumped == Dumped::Interrupted })
    }

    /// Lists the chains once more. A change that was on its way when the reading began has the generation already, and not
    /// yet all of its chains (`nf_tables_commit` counts before it takes chains away).
    fn look_again(&mut self) -> Result<(), Failure> {
        let mut hasher = self.quick.build_hasher();
        self.talk.dump(GET_CHAIN, 0, &[], |number, attributes| hash(&mut hasher, number, &attributes))?;
        self.saw(hasher.finish());
        Ok(())
    }

    /// Compares what was listed of all chains with what was before.
    fn saw(&mut self, chains: u64) {
        if self.seen.replace(chains).is_some_and(|before| before != chains) {
            self.talk.tear();
        }
    }

    fn all(&mut self) -> Result<(Ruleset, Observations), Failure> {
        let mut observations = Observations::default();
        let mut listed = self.tables()?;
        self.others(&mut listed, &mut observations)?;
        let mut chains = self.chains(&listed)?;
        self.talk.progress().found_chains(chains.values().map(|(chains, _)| chains.len()).sum());
        let mut sets = self.sets()?;
        let draft = |listed: Listed| {
            let key = (listed.family, listed.name.clone());
            let (chains, mut untold) = chains.remove(&key).unwrap_or_default();
            let (sets, more) = sets.remove(&key).unwrap_or_default();
            untold.extend(more);
            Draft::new(listed, chains, sets, untold)
        };
        let mut drafts: Vec<Draft> = listed.into_iter().map(draft).collect();
        self.talk.progress().outline(|| {
            let mut outline = Ruleset { tables: drafts.iter().map(Draft::outline).collect() };
            outline.rank_by_listing();
            outline
        });
        self.fill(&mut drafts, &mut observations)?;
        let mut ruleset = Ruleset::default();
        for (index, mut draft) in (0..).zip(drafts) {
            let untold = draft.untold.iter().map(|what| self.names.intern(what));
            draft.listed.particulars.untold.extend(untold);
            ruleset.tables.push(draft.finish(index, &mut observations));
        }
        Ok((ruleset, observations))
    }

    /// Reads rules and elements: those of tables that turn out not to be iptables' twice.
    fn fill(&mut self, drafts: &mut [Draft], observations: &mut Observations) -> Result<(), Failure> {
        let Reader { answers, ipsets, elements, .. } = *self;
        let crew = Crew { answers, ipsets, generation: self.talk.generation(), elements };
        let all: Vec<u32> = (0..drafts.len() as u32).collect();
        let stuck = crew::fill(&crew, drafts, &all, observations, &mut self.talk)?;
        if stuck.is_empty() {
            return Ok(());
        }
        let listed: Vec<_> = stuck.iter().map(|at| &drafts[*at as usize].listed).collect();
        let mut chains = self.chains(&listed)?;
        for at in &stuck {
            let draft = &mut drafts[*at as usize];
            let key = (draft.listed.family, draft.listed.name.clone());
            draft.make_native(chains.remove(&key).unwrap_or_default().0);
        }
        crew::fill(&crew, drafts, &stuck, observations, &mut self.talk)?;
        Ok(())
    }

    /// What tables have beside chains and sets: stateful objects and flowtables.
    fn others(&mut self, tables: &mut [Listed], observations: &mut Observations) -> Result<(), Failure> {
        let names = &mut self.names;
        for kind in [GET_OBJECT, GET_FLOWTABLE] {
            self.talk.dump(kind, 0, &[], |number, attributes| {
                let (Some(family), Some(table)) = (family(number), attributes.get(1).map(text)) else { return };
                let is_it = |listed: &&mut Listed| listed.family == family && *listed.name == *table;
                let Some((at, listed)) = tables.iter_mut().enumerate().find(|(_, listed)| is_it(listed)) else {
                    return;
                };
                let particulars = &mut listed.particulars;
                if kind == GET_FLOWTABLE {
                    let mut untold = Vec::new();
                    particulars.flowtables.extend(object::flowtable(family, &attributes, names, &mut untold));
                    particulars.untold.extend(untold.iter().map(|what| names.intern(what)));
                } else if let Some((object, tally)) = object::object(&attributes, names) {
                    let id = ObjectId { table: at as u32, object: particulars.objects.len() as u32 };
                    observations.objects.extend(tally.map(|tally| (id, tally)));
                    particulars.objects.push(object);
                }
            })?;
        }
        Ok(())
    }

    fn tables(&mut self) -> Result<Vec<Listed>, Failure> {
        let (names, mut tables) = (&mut self.names, Vec::new());
        self.talk.dump(GET_TABLE, 0, &[], |number, attributes| {
            let name = attributes.get(1).map(text);
            if let (Some(family), Some(name)) = (family(number), name) {
                let particulars = chain::particulars(&attributes, names);
                tables.push(Listed { number, family, name: names.intern(&name), particulars });
            }
        })?;
        Ok(tables)
    }

    /// The chains of every table, without their rules, and what of them the model has no place for.
    fn chains(&mut self, tables: &[impl Borrow<Listed>]) -> Result<OfTables<Chains>, Failure> {
        let names = &mut self.names;
        let is_dormant = |table: &Listed| table.particulars.flags.contains(nft::TableFlags::DORMANT);
        let dormant: HashSet<(Family, Name)> = tables
            .iter()
            .map(Borrow::borrow)
            .filter(|table| is_dormant(table))
            .map(|table| (table.family, table.name.clone()))
            .collect();
        let mut found = OfTables::<Chains>::new();
        let mut hasher = self.quick.build_hasher();
        self.talk.dump(GET_CHAIN, 0, &[], |number, attributes| {
            hash(&mut hasher, number, &attributes);
            let names_of = (attributes.get(1).map(text), attributes.get(3).map(text));
            let (Some(family), (Some(table), Some(name))) = (family(number), names_of) else { return };
            let key = (family, names.intern(&table));
            let base = chain::base(family, &attributes, dormant.contains(&key));
            let details = chain::details(&attributes, names);
            let (chains, untold) = found.entry(key).or_default();
            chain::untold(&name, &attributes, untold);
            let chain = Chain { name: names.intern(&name), base, rules: Vec::new(), details };
            chains.push((chain, chain::policy_counters(&attributes)));
        })?;
        self.saw(hasher.finish());
        Ok(found)
    }

    /// The sets of every table, without their elements.
    fn sets(&mut self) -> Result<OfTables<Vec<nft::Set>>, Failure> {
        let (names, elements, generation) = (&mut self.names, self.elements, self.talk.generation());
        let mut sets = OfTables::<Vec<nft::Set>>::new();
        self.talk.dump(GET_SET, 0, &[], |number, attributes| {
            let table = attributes.get(1).map(text);
            if let (Some(family), Some(table), Some(mut set)) =
                (family(number), table, set::decode(attributes.0, names))
            {
                let (known, untold) = sets.entry((family, names.intern(&table))).or_default();
                set::untold(attributes.0, &set, untold);
                elements.count(attributes.0, &mut set, generation);
                known.push(set);
            }
        })?;
        Ok(sets)
    }
}

/// Mixes in the table, the handle and the name of a chain.
fn hash(hasher: &mut impl Hasher, family: u8, attributes: &Attributes<'_>) {
    hasher.write_u8(family);
    [1, 2, 3].iter().filter_map(|kind| attributes.get(*kind)).for_each(|told| hasher.write(told));
}
