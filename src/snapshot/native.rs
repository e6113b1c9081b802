//! `[nf_tables]`: native tables as the kernel has them, without loss.
//!
//! Knows tables, sets, chains and rules as lines; what an expression looks like is the business of `expression`. Deliberately
//! does not know nft's language: what it says of a rule stands above it, for readers, and is not read.

mod expression;
mod object;
mod set;
mod tally;
mod words;

use std::collections::HashMap;
use std::fmt::Write as _;

pub(super) use words::{Word, name, split};

use super::Trouble;
use super::section::Section;
use crate::host::nft::{self, CatchAll, ChainDetails, ChainFlags, Element, Particulars, Set, TableFlags, Undecoded};
use crate::host::{
    Backend, Base, Body, Chain, ChainId, ChainType, Counters, ElementId, Family, Handle, Hook, Name, Namespace,
    ObjectId, Place, Policy, Priority, Registration, Rule, RuleId, Table, Tally,
};
use crate::syntax;
use expression::{FAMILIES, Scope, value_of, word_of};
use words::{devices, devices_text, quoted, value};

/// Whether there are native tables.
pub(super) fn any(ns: &Namespace) -> bool {
    ns.ruleset.tables.iter().any(|table| table.backend == Backend::Nft)
}

const KINDS: &[(ChainType, &str)] =
    &[(ChainType::Filter, "filter"), (ChainType::Nat, "nat"), (ChainType::Route, "route")];
const POLICIES: &[(Policy, &str)] = &[(Policy::Accept, "accept"), (Policy::Drop, "drop")];
/// Writes the native tables.
pub(super) fn print(out: &mut String, ns: &Namespace) {
    for (t, table) in ns.ruleset.tables.iter().enumerate().filter(|(_, table)| table.backend == Backend::Nft) {
        let t = t as u32;
        line(out, format_args!("table {} {}{}", table.family, name(&table.name), particulars_text(&table.particulars)));
        for untold in &table.particulars.untold {
            line(out, format_args!("untold {}", quoted(untold)));
        }
        for (o, object) in table.particulars.objects.iter().enumerate() {
            let counted = ns.observations.objects.get(&ObjectId { table: t, object: o as u32 });
            line(out, format_args!("{}", object::text(object, counted)));
        }
        for flowtable in &table.particulars.flowtables {
            line(out, format_args!("{}", object::flowtable_text(flowtable)));
        }
        let scope = Scope { family: table.family, chains: None, table: Some(table) };
        for (s, set) in table.sets.iter().enumerate() {
            print_set(out, ns, scope, set, ElementId { table: t, set: s as u32, element: None });
        }
        for (c, chain) in table.chains.iter().enumerate() {
            let id = ChainId { table: t, chain: c as u32 };
            print_chain(out, ns, chain, id);
            for (r, rule) in chain.rules.iter().enumerate() {
                print_rule(out, ns, scope, rule, RuleId { chain: id, index: r as u32 });
            }
        }
    }
}

fn particulars_text(particulars: &Particulars) -> String {
    let Particulars { handle, flags, owner, comment, objects: _, flowtables: _, untold: _ } = particulars;
    let flags = if flags.is_empty() { String::new() } else { format!(" flags={}", flags.bits()) };
    let owner = owner.map_or(String::new(), |owner| format!(" owner={owner}"));
    handle_text(*handle) + &flags + &owner + &comment_text(comment.as_ref())
}

fn handle_text(handle: Option<Handle>) -> String {
    handle.map_or(String::new(), |Handle(handle)| format!(" handle={handle}"))
}

fn comment_text(comment: Option<&Name>) -> String {
    comment.map_or(String::new(), |comment| format!(" comment={}", quoted(comment)))
}

fn line(out: &mut String, text: std::fmt::Arguments) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}

fn print_set(out: &mut String, ns: &Namespace, scope: Scope, set: &Set, id: ElementId) {
    line(out, format_args!("{}", set::text(scope, set)));
    for (e, element) in set.elements.iter().enumerate() {
        let state = ns.observations.elements.get(&ElementId { element: Some(e as u32), ..id });
        line(out, format_args!("  {}", set::element_text(scope, element, state)));
    }
    if let Some(all) = &set.catch_all {
        let state = ns.observations.elements.get(&id);
        line(out, format_args!("  {}", set::catch_all_text(scope, all, state)));
    }
}

fn counters_text(counters: Option<&Counters>) -> String {
    tally::text(counters.copied().map(Tally::Counter).as_ref())
}

fn print_chain(out: &mut String, ns: &Namespace, chain: &Chain, id: ChainId) {
    let base = chain.base.as_ref().map_or(String::new(), |base| {
        let (kind, policy) = (word_of(KINDS, &base.kind), word_of(POLICIES, &base.policy));
        format!(" type={kind} hook={} priority={} policy={policy}", base.hook, base.priority)
    });
    let counters = counters_text(ns.observations.policies.get(&id));
    let ChainDetails { handle, comment, devices, flags } = &chain.details;
    let flags = if flags.is_empty() { String::new() } else { format!(" flags={}", flags.bits()) };
    let told = handle_text(*handle) + &flags + &devices_text(devices) + &comment_text(comment.as_ref());
    line(out, format_args!("chain {}{base}{counters}{told}", name(&chain.name)));
}

fn print_rule(out: &mut String, ns: &Namespace, scope: Scope, rule: &Rule, id: RuleId) {
    // A native table has native rules alone.
    let Body::Nft(body) = &rule.body else { return };
    line(out, format_args!("# {}", super::one_line(&syntax::rule_text(&ns.ruleset, id))));
    let counters = counters_text(ns.observations.rules.get(&id));
    line(out, format_args!("rule{}{counters}{}", handle_text(rule.handle), comment_text(body.comment.as_ref())));
    for (at, expression) in body.expressions.iter().enumerate() {
        let counted = tally::text(ns.observations.expressions.get(&(id, at as u16)));
        line(out, format_args!("  [ {} ]{counted}", expression::text(scope, expression)));
    }
}

/// Reads the section: its tables come after those that were there.
pub(super) fn parse(section: &Section, ns: &mut Namespace, trouble: &mut Trouble) {
    let mut reader = Reader { ns, listed: listed(section), state: State::Nothing, table: 0, next: 0 };
    for (line, text) in section.lines() {
        if let Err(what) = reader.line(text) {
            trouble.bad(line, what);
        }
    }
    reader.close();
}

/// A table of the section: which it is, and its chains with their numbers.
struct Listed {
    family: Family,
    name: Name,
    chains: HashMap<Name, u32>,
}

/// The tables of the section, each once: rules name chains that come after them.
fn listed(section: &Section) -> Vec<Listed> {
    let mut tables: Vec<Listed> = Vec::new();
    // What follows a table that cannot be read belongs to none.
    let mut lost = true;
    for (_, text) in section.lines() {
        let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
        match first {
            "table" => {
                let known = table_line(rest)
                    .filter(|(family, name, _)| tables.iter().all(|of| of.family != *family || of.name != *name));
                lost = known.is_none();
                tables.extend(known.map(|(family, name, _)| Listed { family, name, chains: HashMap::new() }));
            }
            "chain" if !lost => {
                let words = split(rest).unwrap_or_default();
                if let (Some(Listed { chains, .. }), Some(word)) = (tables.last_mut(), words.first()) {
                    let next = chains.len() as u32;
                    chains.entry(word.text.as_str().into()).or_insert(next);
                }
            }
            _ => {}
        }
    }
    tables
}

fn table_line(text: &str) -> Option<(Family, Name, Particulars)> {
    let words = split(text)?;
    let [family, name, words @ ..] = &words[..] else { return None };
    let keys = ["handle=", "flags=", "owner=", "comment="];
    words.iter().all(|word| keys.iter().any(|key| word.text.starts_with(key))).then_some(())?;
    let number = |key: &str| value(words, key).map_or(Some(None), |value| value.parse().ok().map(Some));
    let particulars = Particulars {
        handle: object::handle(words)?,
        flags: TableFlags::from_bits_retain(number("flags")?.unwrap_or(0)),
        owner: number("owner")?,
        comment: value(words, "comment").map(Name::from),
        ..Particulars::default()
    };
    Some((value_of(FAMILIES, &family.text)?, name.text.as_str().into(), particulars))
}

/// What the lines that follow belong to.
enum State {
    Nothing,
    /// Something that could not be read: its lines are not told one by one.
    Lost,
    Set(Box<Set>),
    Chain,
    Rule {
        id: RuleId,
        handle: Option<Handle>,
        comment: Option<Name>,
        expressions: Vec<nft::Expression>,
    },
}

struct Reader<'n> {
    ns: &'n mut Namespace,
    listed: Vec<Listed>,
    state: State,
    /// The index of the open table in the ruleset, and that of the next one in `listed`.
    table: usize,
    next: usize,
}

/// What is wrong with a line.
type Wrong = String;

fn expected(example: &str) -> Wrong {
    format!("not a line such as: {example}")
}

fn was_there(name: &str) -> Wrong {
    format!("{name} was there before")
}

impl Reader<'_> {
    fn line(&mut self, text: &str) -> Result<(), Wrong> {
        let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
        let words = || split(rest).ok_or_else(|| "a quote does not end".to_owned());
        match first {
            "[" => self.expression(rest),
            "element" => self.element(&words()?),
            "table" => {
                self.close();
                self.state = State::Lost;
                self.open_table(rest)
            }
            "set" | "chain" | "rule" | "untold" | "object" | "flowtable" if self.next == 0 => match self.state {
                State::Lost => Ok(()),
                _ => Err("it belongs to no table".to_owned()),
            },
            "untold" | "object" | "flowtable" => self.particular(first, &words()?),
            "set" => {
                self.close();
                self.state = State::Lost;
                let found =
                    set::set(&words()?).ok_or_else(|| expected("set NAME flags=interval key-type=7 key-length=4"))?;
                self.state = State::Set(Box::new(found));
                Ok(())
            }
            "chain" => {
                self.close();
                self.state = State::Lost;
                self.open_chain(&words()?)
            }
            "rule" => {
                let in_chain = match self.state {
                    State::Chain | State::Rule { .. } => true,
                    State::Lost => return Ok(()),
                    State::Nothing | State::Set(_) => false,
                };
                self.close();
                if in_chain {
                    self.open_rule(&words().unwrap_or_default())
                } else {
                    Err("it belongs to no chain".to_owned())
                }
            }
            _ => Err("a line begins with table, untold, object, flowtable, set, element, chain, rule or [".to_owned()),
        }
    }

    /// What a table has beside sets and chains.
    fn particular(&mut self, what: &str, words: &[Word]) -> Result<(), Wrong> {
        let particulars = &mut self.ns.ruleset.tables[self.table].particulars;
        match what {
            "untold" => match words {
                [untold] => particulars.untold.push(untold.text.as_str().into()),
                _ => return Err(expected("untold \"flowtable ft\"")),
            },
            "object" => {
                let found = object::object(words);
                let (object, counted) = found.ok_or_else(|| expected("object NAME = quota 1000 over"))?;
                let id = ObjectId { table: self.table as u32, object: particulars.objects.len() as u32 };
                particulars.objects.push(object);
                self.ns.observations.objects.extend(counted.map(|counted| (id, counted)));
            }
            _ => {
                let example = "flowtable NAME hook=ingress priority=0 flags=0 device=eth0";
                particulars.flowtables.push(object::flowtable(words).ok_or_else(|| expected(example))?);
            }
        }
        Ok(())
    }

    fn open_table(&mut self, text: &str) -> Result<(), Wrong> {
        self.next = 0;
        let (family, name, particulars) = table_line(text).ok_or_else(|| expected("table inet filter"))?;
        let natives = || self.ns.ruleset.tables.iter().filter(|table| table.backend == Backend::Nft);
        if natives().any(|table| table.family == family && table.name == name) {
            return Err(was_there(&name));
        }
        let (backend, chains, sets) = (Backend::Nft, Vec::new(), Vec::new());
        self.table = self.ns.ruleset.tables.len();
        self.next = 1 + natives().count();
        self.ns.ruleset.tables.push(Table { family, name, backend, chains, sets, particulars });
        Ok(())
    }

    fn open_chain(&mut self, words: &[Word]) -> Result<(), Wrong> {
        let wrong = || expected("chain NAME type=filter hook=input priority=0 policy=drop");
        let (name, words) = words.split_first().ok_or_else(wrong)?;
        let (base, counters, details) = (base(words), counters(words), chain_details(words));
        let chains = &mut self.ns.ruleset.tables[self.table].chains;
        let number = self.next.checked_sub(1).and_then(|at| self.listed.get(at)?.chains.get(&*name.text));
        if number.is_some_and(|number| (*number as usize) < chains.len()) {
            return Err(was_there(&name.text));
        }
        let id = ChainId { table: self.table as u32, chain: chains.len() as u32 };
        // The chain is there, whatever its line says: those after it keep their numbers.
        chains.push(Chain {
            name: name.text.as_str().into(),
            base: base.clone().unwrap_or_default(),
            rules: Vec::new(),
            details: details.clone().unwrap_or_default(),
        });
        self.state = State::Chain;
        if let Some(counters) = counters.as_ref().and_then(Option::as_ref) {
            self.ns.observations.policies.insert(id, *counters);
        }
        base.and(counters).and(details).map(|_| ()).ok_or_else(wrong)
    }

    fn open_rule(&mut self, words: &[Word]) -> Result<(), Wrong> {
        let chains = &self.ns.ruleset.tables[self.table].chains;
        let Some(last) = chains.last() else { return Err("it belongs to no chain".to_owned()) };
        let chain = ChainId { table: self.table as u32, chain: chains.len() as u32 - 1 };
        let id = RuleId { chain, index: last.rules.len() as u32 };
        let handle = value(words, "handle").map(|handle| handle.parse().map(Handle));
        let known = words
            .iter()
            .all(|word| ["handle=", "packets=", "bytes=", "comment="].iter().any(|key| word.text.starts_with(key)));
        let counters = counters(words);
        let comment = value(words, "comment").map(Name::from);
        // The rule is there, whatever its line says: those after it keep their numbers.
        self.state = State::Rule {
            id,
            handle: handle.as_ref().and_then(|handle| handle.as_ref().ok().copied()),
            comment,
            expressions: Vec::new(),
        };
        match (counters, handle) {
            (Some(counters), None | Some(Ok(_))) if known => {
                if let Some(counters) = counters {
                    self.ns.observations.rules.insert(id, counters);
                }
                Ok(())
            }
            _ => Err(expected("rule handle=5 packets=1 bytes=60 comment=\"…\"")),
        }
    }

    fn scope(&self) -> Scope<'_> {
        let chains = self.next.checked_sub(1).and_then(|at| self.listed.get(at)).map(|open| &open.chains);
        let family = self.ns.ruleset.tables.get(self.table).map_or(Family::Inet, |table| table.family);
        Scope { family, chains, table: None }
    }

    fn expression(&mut self, text: &str) -> Result<(), Wrong> {
        let (inner, counted) = text.rsplit_once(']').unzip();
        let counted = counted.and_then(split).and_then(|words| tally::parse(&words, |_| false));
        let found = inner.zip(counted);
        let found = found.and_then(|(inner, counted)| Some((expression::parse(self.scope(), inner.trim())?, counted)));
        let (id, expressions) = match &mut self.state {
            State::Rule { id, expressions, .. } => (*id, expressions),
            State::Lost => return Ok(()),
            State::Nothing | State::Set(_) | State::Chain => return Err("it belongs to no rule".to_owned()),
        };
        match found {
            Some((expression, counted)) => {
                if let Some(counted) = counted {
                    self.ns.observations.expressions.insert((id, expressions.len() as u16), counted);
                }
                expressions.push(expression);
                Ok(())
            }
            None => {
                // The rule is not what it was without it: what it asks is not known.
                let undecoded = Undecoded { name: "unreadable".into(), data: text.as_bytes().into() };
                expressions.push(nft::Expression::Undecoded(Box::new(undecoded)));
                Err("not an expression such as: [ payload transport 2 2 => reg 0 ]".to_owned())
            }
        }
    }

    fn element(&mut self, words: &[Word]) -> Result<(), Wrong> {
        let found = set::element(self.scope(), words);
        let set = match &mut self.state {
            State::Set(set) => set,
            State::Lost => return Ok(()),
            State::Nothing | State::Chain | State::Rule { .. } => return Err("it belongs to no set".to_owned()),
        };
        let set::Read { keys, data, details, state } =
            found.ok_or_else(|| expected("element 0050-005a = jump CHAIN"))?;
        let sets = self.ns.ruleset.tables[self.table].sets.len();
        let element = keys.is_some().then_some(set.elements.len() as u32);
        let id = ElementId { table: self.table as u32, set: sets as u32, element };
        match keys {
            Some((first, last)) => {
                set.elements.push(Element { first: first.into(), last: last.into(), data, details });
            }
            None => set.catch_all = Some(Box::new(CatchAll { data, details })),
        }
        self.ns.observations.elements.extend(state.map(|state| (id, state)));
        Ok(())
    }

    /// What was open is whole.
    fn close(&mut self) {
        match std::mem::replace(&mut self.state, State::Nothing) {
            State::Nothing | State::Lost | State::Chain => {}
            State::Set(set) => self.ns.ruleset.tables[self.table].sets.push(*set),
            State::Rule { id, handle, comment, expressions } => {
                let chain = &mut self.ns.ruleset.tables[self.table].chains[id.chain.chain as usize];
                let body = Body::Nft(Box::new(nft::Rule { expressions: expressions.into(), comment }));
                chain.rules.push(Rule { handle, body });
            }
        }
    }
}

/// `packets=1 bytes=60`; the outer `None`: they cannot be read.
fn counters(words: &[Word]) -> Option<Option<Counters>> {
    match (value(words, "packets"), value(words, "bytes")) {
        (None, None) => Some(None),
        (packets, bytes) => Some(Some(Counters { packets: packets?.parse().ok()?, bytes: bytes?.parse().ok()? })),
    }
}

/// Where a chain hangs; the outer `None`: that cannot be read.
fn base(words: &[Word]) -> Option<Option<Base>> {
    let keys = ["type=", "hook=", "priority=", "policy=", "packets=", "bytes="];
    let keys = keys.iter().chain(&["handle=", "flags=", "device=", "devices=", "comment="]);
    if !words.iter().all(|word| keys.clone().any(|key| word.text.starts_with(key))) {
        return None;
    }
    if value(words, "hook").is_none() {
        return Some(None);
    }
    Some(Some(Base {
        kind: value_of(KINDS, value(words, "type")?)?,
        hook: Hook::from_name(value(words, "hook")?)?,
        priority: Priority(value(words, "priority")?.parse().ok()?),
        policy: value_of(POLICIES, value(words, "policy")?)?,
        registration: Registration::Registered(Place::Guessed(0)),
    }))
}

/// What is told of a chain beside its place.
fn chain_details(words: &[Word]) -> Option<ChainDetails> {
    let flags = value(words, "flags").map_or(Some(0), |flags| flags.parse().ok())?;
    Some(ChainDetails {
        handle: object::handle(words)?,
        comment: value(words, "comment").map(Name::from),
        devices: devices(words),
        flags: ChainFlags::from_bits_retain(flags),
    })
}
