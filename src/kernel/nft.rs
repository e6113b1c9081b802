//! nf_tables by netlink: tables, chains, sets and rules, one dump for each chain.
//!
//! A dump of rules starts again from the first rule at every message (`nf_tables_dump_rules`), so that one dump of
//! everything takes quadratic time: each chain is asked by itself. Tables of iptables-nft are lifted to the form that
//! iptables prints, all of a table or nothing of it. Deliberately does not say which of two chains of equal priority was
//! registered first: no dump tells.

mod chain;
mod expression;
mod lift;
mod object;
mod set;
#[cfg(test)]
pub(in crate::kernel) mod tests;
mod userdata;

use std::collections::HashMap;
use std::sync::Arc;

use netlink_sys::protocols::NETLINK_NETFILTER;

use super::netlink::{Answers, Attributes, Channel, Dumped, Failure, Message, be, push_attribute, text};
use super::whole::until_whole;
use super::xt::SetNames;
use crate::host::nft;
use crate::host::ruleset::{BUILTIN, BuiltinChain, builtin};
use crate::host::{
    Backend, Base, Body, Chain, ChainId, Counters, ElementId, ElementState, Family, Handle, Name, Names, ObjectId,
    Observations, Policy, QuickMap, Registration, Rule, RuleId, Ruleset, Table, Tally,
};

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
pub(super) fn read(answers: &Answers, ipsets: &SetNames) -> Result<Rules, Failure> {
    Reader::open(answers, ipsets)?.whole()
}

/// What a recording tells, whatever the generations of its messages.
pub(super) fn read_once(answers: &Answers, ipsets: &SetNames) -> Result<(Ruleset, Observations), Failure> {
    Reader::open(answers, ipsets)?.all()
}

/// A reading of the ruleset.
struct Reader<'a> {
    channel: Channel,
    /// The generation in which it began.
    generation: u32,
    /// A part came from another generation.
    torn: bool,
    ipsets: &'a SetNames,
    names: Names,
}

/// A table as it is listed.
struct Listed {
    /// The family as the kernel numbers it.
    number: u8,
    family: Family,
    name: Name,
    particulars: nft::Particulars,
}

/// The sets of a table, and what of them the model has no place for.
type Sets = (Vec<nft::Set>, Vec<String>);

/// The chains of a table, and what their policies counted.
type Chains = Vec<(Chain, Option<Counters>)>;

impl<'a> Reader<'a> {
    fn open(answers: &Answers, ipsets: &'a SetNames) -> Result<Reader<'a>, Failure> {
        let channel = answers.open(NETLINK_NETFILTER)?;
        Ok(Reader { channel, generation: 0, torn: false, ipsets, names: Names::default() })
    }

    /// Everything, of one moment if it holds still for one of three readings.
    fn whole(&mut self) -> Result<Rules, Failure> {
        let progress = Arc::clone(self.channel.progress());
        let ((ruleset, observations), dumped) = until_whole(&progress, || {
            self.begin()?;
            let all = self.all()?;
            Ok((all, self.is_one_instant()?))
        })?;
        Ok(Rules { ruleset, observations, torn: dumped == Dumped::Interrupted })
    }

    fn begin(&mut self) -> Result<(), Failure> {
        self.torn = false;
        self.generation = self.current()?;
        Ok(())
    }

    /// The ruleset's generation (`NFTA_GEN_ID`): it counts the changes.
    fn current(&mut self) -> Result<u32, Failure> {
        let header = [0u8; GENERIC];
        let read = |message: Message<'_>| body(&message).get(1).and_then(be).map(|generation| generation as u32);
        self.channel.get(GET_GENERATION, &header, read)?.ok_or(Failure::Malformed)
    }

    /// Whether everything came from the generation in which reading began.
    fn is_one_instant(&mut self) -> Result<Dumped, Failure> {
        let whole = !self.torn && self.current()? == self.generation;
        Ok(if whole { Dumped::Whole } else { Dumped::Interrupted })
    }

    /// Dumps, and notes where an answer is of another generation: each message carries the low half of its own.
    fn dump(
        &mut self,
        kind: u16,
        family: u8,
        asked: &[(u16, &str)],
        mut each: impl FnMut(u8, Attributes<'_>, &mut Names),
    ) -> Result<(), Failure> {
        let mut request = vec![family, 0, 0, 0];
        for (kind, name) in asked {
            push_attribute(&mut request, *kind, &[name.as_bytes(), &[0]].concat());
        }
        let (generation, names) = (self.generation as u16, &mut self.names);
        let progress = (kind == GET_RULE).then(|| Arc::clone(self.channel.progress()));
        let mut torn = false;
        let dumped = self.channel.dump(kind, &request, |message| {
            let stamp = message.body.get(2..GENERIC).and_then(be);
            torn |= stamp != Some(u64::from(generation));
            if let Some(progress) = &progress {
                progress.read_rule();
            }
            each(message.body.first().copied().unwrap_or_default(), body(&message), names);
        });
        let dumped = match dumped {
            // What was listed a moment ago is gone: the next look at the generation tells.
            Err(Failure::Missing) => Dumped::Interrupted,
            other => other?,
        };
        self.torn |= torn || dumped == Dumped::Interrupted;
        Ok(())
    }

    fn all(&mut self) -> Result<(Ruleset, Observations), Failure> {
        let mut ruleset = Ruleset::default();
        let mut observations = Observations::default();
        let mut listed = self.tables()?;
        self.others(&mut listed, &mut observations)?;
        let mut chains = self.chains(&mut listed)?;
        self.channel.progress().found_chains(chains.values().map(Vec::len).sum());
        let mut sets = self.sets()?;
        for table in listed {
            let key = (table.family, table.name.clone());
            let chains = chains.remove(&key).unwrap_or_default();
            let sets = sets.remove(&key).unwrap_or_default();
            let index = ruleset.tables.len() as u32;
            let table = self.table(index, table, chains, sets, &mut observations)?;
            ruleset.tables.push(table);
        }
        Ok((ruleset, observations))
    }

    /// What tables have beside chains and sets: stateful objects and flowtables.
    fn others(&mut self, tables: &mut [Listed], observations: &mut Observations) -> Result<(), Failure> {
        for kind in [GET_OBJECT, GET_FLOWTABLE] {
            self.dump(kind, 0, &[], |number, attributes, names| {
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
        let mut tables = Vec::new();
        self.dump(GET_TABLE, 0, &[], |number, attributes, names| {
            let name = attributes.get(1).map(text);
            if let (Some(family), Some(name)) = (family(number), name) {
                let particulars = chain::particulars(&attributes, names);
                tables.push(Listed { number, family, name: names.intern(&name), particulars });
            }
        })?;
        Ok(tables)
    }

    /// The chains of every table, without their rules.
    fn chains(&mut self, tables: &mut [Listed]) -> Result<HashMap<(Family, Name), Chains>, Failure> {
        let mut particulars: HashMap<(Family, Name), &mut nft::Particulars> =
            tables.iter_mut().map(|table| ((table.family, table.name.clone()), &mut table.particulars)).collect();
        let mut chains: HashMap<(Family, Name), Chains> = HashMap::new();
        self.dump(GET_CHAIN, 0, &[], |number, attributes, names| {
            let names_of = (attributes.get(1).map(text), attributes.get(3).map(text));
            let (Some(family), (Some(table), Some(name))) = (family(number), names_of) else { return };
            let key = (family, names.intern(&table));
            let mut dormant = false;
            if let Some(particulars) = particulars.get_mut(&key) {
                dormant = particulars.flags.contains(nft::TableFlags::DORMANT);
                let mut untold = Vec::new();
                chain::untold(&name, &attributes, &mut untold);
                particulars.untold.extend(untold.iter().map(|what| names.intern(what)));
            }
            let base = chain::base(family, &attributes, dormant);
            let details = chain::details(&attributes, names);
            let chain = Chain { name: names.intern(&name), base, rules: Vec::new(), details };
            chains.entry(key).or_default().push((chain, chain::policy_counters(&attributes)));
        })?;
        Ok(chains)
    }

    /// The sets of every table, without their elements.
    fn sets(&mut self) -> Result<HashMap<(Family, Name), Sets>, Failure> {
        let mut sets: HashMap<(Family, Name), Sets> = HashMap::new();
        self.dump(GET_SET, 0, &[], |number, attributes, names| {
            let table = attributes.get(1).map(text);
            if let (Some(family), Some(table), Some(set)) = (family(number), table, set::decode(attributes.0, names)) {
                let (known, untold) = sets.entry((family, names.intern(&table))).or_default();
                set::untold(attributes.0, &set, untold);
                known.push(set);
            }
        })?;
        Ok(sets)
    }

    /// One table with everything in it: in iptables' form, if it looks like one of iptables' and all of its rules lift.
    fn table(
        &mut self,
        index: u32,
        mut listed: Listed,
        chains: Chains,
        (mut sets, mut untold): Sets,
        observations: &mut Observations,
    ) -> Result<Table, Failure> {
        if sets.is_empty() && may_be_iptables(&listed, &chains) {
            let mut arranged = chains.clone();
            // iptables has no handles of chains.
            arranged.iter_mut().for_each(|(chain, _)| chain.details = Default::default());
            arrange(&listed.name, &mut arranged);
            if let Some(table) = self.filled(index, &listed, arranged, true, observations)? {
                return Ok(table);
            }
        }
        let numbers = numbers(&chains);
        for (at, set) in sets.iter_mut().enumerate() {
            let id = ElementId { table: index, set: at as u32, element: None };
            self.elements(&listed, set, id, &numbers, &mut observations.elements, &mut untold)?;
        }
        let filled = self.filled(index, &listed, chains, false, observations)?;
        listed.particulars.untold.extend(untold.iter().map(|what| self.names.intern(what)));
        Ok(Table { sets, particulars: listed.particulars, ..filled.ok_or(Failure::Malformed)? })
    }

    /// A table with its rules; `None`: one of them does not lift, and that was wanted.
    fn filled(
        &mut self,
        index: u32,
        listed: &Listed,
        mut chains: Chains,
        lifting: bool,
        observations: &mut Observations,
    ) -> Result<Option<Table>, Failure> {
        let numbers = numbers(&chains);
        let before = self.channel.progress().reached();
        for (at, (chain, _)) in chains.iter_mut().enumerate() {
            let id = ChainId { table: index, chain: at as u32 };
            match self.rules(listed, chain, id, &numbers, lifting, observations)? {
                Some(rules) => chain.rules = rules,
                None => {
                    self.channel.progress().again_from(before);
                    observations.rules.retain(|rule, _| rule.chain.table != index);
                    observations.expressions.retain(|(rule, _), _| rule.chain.table != index);
                    return Ok(None);
                }
            }
        }
        let policies = chains.iter().enumerate().filter_map(|(at, (_, counted))| Some((at as u32, (*counted)?)));
        observations.policies.extend(policies.map(|(chain, counted)| (ChainId { table: index, chain }, counted)));
        Ok(Some(Table {
            family: listed.family,
            name: listed.name.clone(),
            backend: if lifting { Backend::IptablesNft } else { Backend::Nft },
            chains: chains.into_iter().map(|(chain, _)| chain).collect(),
            sets: Vec::new(),
            particulars: Default::default(),
        }))
    }

    /// The rules of one chain; `None`: one of them is not iptables', and that was wanted.
    fn rules(
        &mut self,
        table: &Listed,
        chain: &Chain,
        id: ChainId,
        numbers: &HashMap<Name, u32>,
        lifting: bool,
        observations: &mut Observations,
    ) -> Result<Option<Vec<Rule>>, Failure> {
        if chain.base.as_ref().is_some_and(|base| base.registration == Registration::Absent) {
            return Ok(Some(Vec::new()));
        }
        let mut rules = Vec::new();
        let mut expressions = Vec::new();
        let mut tallies: Vec<(u16, Tally)> = Vec::new();
        let mut all_lift = true;
        let asked = [(1, &*table.name), (2, &*chain.name)];
        let ipsets = self.ipsets;
        self.dump(GET_RULE, table.number, &asked, |_, attributes, names| {
            if !all_lift {
                return;
            }
            let mut scope = expression::Scope { family: table.family, chains: numbers, ipsets, names };
            expressions.clear();
            tallies.clear();
            let nested = Attributes(attributes.get(4).unwrap_or_default());
            expressions.extend(nested.zip(0..).map(|((_, one), at)| {
                let mut tally = None;
                let expression = expression::decode(one, &mut scope, &mut tally);
                tallies.extend(tally.map(|tally| (at, tally)));
                expression
            }));
            let comment = attributes.get(7).and_then(|user| chain::comment(user, names));
            let body = match lifting {
                true => lift::lift(table.family, &mut expressions, comment, names).map(Body::Iptables),
                false => Some(Body::Nft(Box::new(nft::Rule { expressions: expressions.drain(..).collect(), comment }))),
            };
            let Some(body) = body else {
                all_lift = false;
                return;
            };
            observations.note(RuleId { chain: id, index: rules.len() as u32 }, tallies.drain(..));
            let handle = attributes.get(3).and_then(be).map(Handle);
            rules.push(Rule { handle, body });
        })?;
        self.channel.progress().read_chain();
        Ok(all_lift.then_some(rules))
    }

    fn elements(
        &mut self,
        table: &Listed,
        set: &mut nft::Set,
        id: ElementId,
        numbers: &HashMap<Name, u32>,
        states: &mut QuickMap<ElementId, ElementState>,
        untold: &mut Vec<String>,
    ) -> Result<(), Failure> {
        let mut found = Vec::new();
        let mut unknown = 0;
        let name = set.name.clone();
        let asked = [(1, &*table.name), (2, &*name)];
        self.dump(GET_ELEMENTS, table.number, &asked, |_, attributes, names| {
            unknown += set::elements(attributes.0, numbers, names, &mut found);
        })?;
        if unknown > 0 {
            untold.push(format!("properties of elements of set {name}: {unknown}"));
        }
        set::fill(set, found, |element, state| {
            states.insert(ElementId { element, ..id }, state);
        });
        Ok(())
    }
}

/// The position of each chain, by its name.
fn numbers(chains: &Chains) -> HashMap<Name, u32> {
    chains.iter().enumerate().map(|(at, (chain, _))| (chain.name.clone(), at as u32)).collect()
}

/// The attributes of a message, after `struct nfgenmsg`.
fn body<'a>(message: &Message<'a>) -> Attributes<'a> {
    Attributes(message.body.get(GENERIC..).unwrap_or_default())
}

/// Whether a table has the name and the base chains of one that iptables-nft makes (`nft_is_table_compatible`).
fn may_be_iptables(listed: &Listed, chains: &Chains) -> bool {
    let nft::Particulars { handle: _, flags: _, owner: _, comment: _, objects, flowtables, untold } =
        &listed.particulars;
    matches!(listed.family, Family::Ip | Family::Ip6)
        && objects.is_empty()
        && flowtables.is_empty()
        && untold.is_empty()
        && chains.iter().all(|(chain, _)| is_plain(&chain.details))
        && BUILTIN.iter().any(|known| known.table == &*listed.name)
        && chains.iter().all(|(chain, _)| match &chain.base {
            None => builtin(&listed.name, &chain.name).is_none(),
            Some(base) => builtin(&listed.name, &chain.name).is_some_and(|known| is_like(base, known)),
        })
}

/// Whether nothing is told of a chain that iptables has no place for.
fn is_plain(nft::ChainDetails { handle: _, comment, devices, flags }: &nft::ChainDetails) -> bool {
    comment.is_none() && devices.is_empty() && flags.is_empty()
}

fn is_like(base: &Base, known: &BuiltinChain) -> bool {
    (base.kind, base.hook, base.priority) == (known.kind, known.hook, known.priority(Backend::IptablesNft))
}

/// Puts the chains of an iptables table into the order in which iptables-save lists them: the built-in ones by their
/// hook, those that are not there as absent, then the user's by name.
fn arrange(table: &str, chains: &mut Chains) {
    let place = |name: &str| BUILTIN.iter().position(|known| known.table == table && known.chain == name);
    for known in BUILTIN.iter().filter(|known| known.table == table) {
        if !chains.iter().any(|(chain, _)| &*chain.name == known.chain) {
            let base = Base {
                kind: known.kind,
                hook: known.hook,
                priority: known.priority(Backend::IptablesNft),
                policy: Policy::Accept,
                registration: Registration::Absent,
            };
            let (name, base) = (known.chain.into(), Some(base));
            chains.push((Chain { name, base, rules: Vec::new(), details: Default::default() }, None));
        }
    }
    chains.sort_by(|(a, _), (b, _)| {
        let key = |chain: &Chain| place(&chain.name).unwrap_or(usize::MAX);
        key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name))
    });
}
