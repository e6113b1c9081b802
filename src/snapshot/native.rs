//! `[nf_tables]`: native tables as the kernel has them, without loss.
//!
//! Knows tables, sets, chains and rules as lines; what an expression looks like is the business of `expression`. Deliberately
//! does not know nft's language: what it says of a rule stands above it, for readers, and is not read.

mod expression;
mod words;

use std::fmt::Write as _;

pub(super) use words::{Word, name, split};

use super::Trouble;
use super::section::Section;
use crate::host::nft::{
    self, CatchAll, Details, Element, ElementData, ObjectKind, Particulars, Set, SetFlags, TableFlags, Undecoded,
};
use crate::host::{
    Backend, Base, Body, Chain, ChainId, ChainType, Counters, Family, Handle, Hook, Name, Namespace, Place, Policy,
    Priority, Registration, Rule, RuleId, Table,
};
use crate::syntax;
use expression::{FAMILIES, Scope, value_of, word_of};
use words::{Cursor, hex, quoted, unhex, value};

/// Whether there are native tables.
pub(super) fn any(ns: &Namespace) -> bool {
    ns.ruleset.tables.iter().any(|table| table.backend == Backend::Nft)
}

const KINDS: &[(ChainType, &str)] =
    &[(ChainType::Filter, "filter"), (ChainType::Nat, "nat"), (ChainType::Route, "route")];
const POLICIES: &[(Policy, &str)] = &[(Policy::Accept, "accept"), (Policy::Drop, "drop")];
const SET_FLAGS: &[(SetFlags, &str)] = &[
    (SetFlags::ANONYMOUS, "anonymous"),
    (SetFlags::CONSTANT, "constant"),
    (SetFlags::INTERVAL, "interval"),
    (SetFlags::MAP, "map"),
    (SetFlags::TIMEOUT, "timeout"),
    (SetFlags::EVAL, "eval"),
    (SetFlags::OBJECT, "object"),
    (SetFlags::CONCAT, "concat"),
    (SetFlags::EXPR, "expr"),
];

/// Writes the native tables.
pub(super) fn print(out: &mut String, ns: &Namespace) {
    for (t, table) in ns.ruleset.tables.iter().enumerate().filter(|(_, table)| table.backend == Backend::Nft) {
        line(out, format_args!("table {} {}{}", table.family, name(&table.name), particulars_text(&table.particulars)));
        for untold in &table.particulars.untold {
            line(out, format_args!("untold {}", quoted(untold)));
        }
        let chains: Vec<Name> = table.chains.iter().map(|chain| chain.name.clone()).collect();
        let scope = Scope { family: table.family, chains: &chains, table: Some(table) };
        for set in &table.sets {
            print_set(out, scope, set);
        }
        for (c, chain) in table.chains.iter().enumerate() {
            let id = ChainId { table: t as u32, chain: c as u32 };
            print_chain(out, ns, chain, id);
            for (r, rule) in chain.rules.iter().enumerate() {
                print_rule(out, ns, scope, rule, RuleId { chain: id, index: r as u32 });
            }
        }
    }
}

fn particulars_text(Particulars { flags, comment, .. }: &Particulars) -> String {
    let flags = if flags.is_empty() { String::new() } else { format!(" flags={}", flags.bits()) };
    let comment = comment.as_ref().map_or(String::new(), |comment| format!(" comment={}", quoted(comment)));
    flags + &comment
}

fn details_text(details: &Details) -> String {
    let numbers = [
        ("size", u64::from(details.size)),
        ("timeout", details.timeout),
        ("gc-interval", details.gc_interval.into()),
        ("memory", details.memory.into()),
        ("merges", details.merges.into()),
        ("objects", details.objects.map_or(0, |kind| kind.0).into()),
    ];
    let told = numbers.iter().filter(|(_, number)| *number != 0);
    let mut text: String = told.map(|(word, number)| format!(" {word}={number}")).collect();
    if let Some(comment) = &details.comment {
        text.push_str(&format!(" comment={}", quoted(comment)));
    }
    text
}

fn line(out: &mut String, text: std::fmt::Arguments) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}

fn print_set(out: &mut String, scope: Scope, set: &Set) {
    let mut text = format!("set {} flags=", name(&set.name));
    let known: Vec<&str> =
        SET_FLAGS.iter().filter(|(flag, _)| set.flags.contains(*flag)).map(|(_, word)| *word).collect();
    text.push_str(&known.join(","));
    if !SetFlags::all().contains(set.flags) {
        text.push_str(&format!(" more-flags={}", set.flags.bits() & !SetFlags::all().bits()));
    }
    text.push_str(&format!(" key-type={} key-length={}", set.key_type, set.key_length));
    if let Some(data) = set.data_type {
        text.push_str(&format!(" data-type={data}"));
    }
    if set.data_length != 0 {
        text.push_str(&format!(" data-length={}", set.data_length));
    }
    if !set.parts.is_empty() {
        let parts: Vec<String> = set.parts.iter().map(u32::to_string).collect();
        text.push_str(&format!(" parts={}", parts.join(",")));
    }
    text.push_str(&details_text(&set.details));
    line(out, format_args!("{text}"));
    for Element { first, last, data, details: _ } in &set.elements {
        let range = if first == last { hex(first) } else { format!("{}-{}", hex(first), hex(last)) };
        line(out, format_args!("  element {range}{}", data_text(scope, data.as_ref())));
    }
    if let Some(all) = &set.catch_all {
        line(out, format_args!("  element *{}", data_text(scope, all.data.as_ref())));
    }
}

fn data_text(scope: Scope, data: Option<&ElementData>) -> String {
    match data {
        None => String::new(),
        Some(ElementData::Value(bytes)) => format!(" = value {}", hex(bytes)),
        Some(ElementData::Verdict(verdict)) => format!(" = {}", expression::verdict_text(scope, verdict)),
        Some(ElementData::Object(object)) => format!(" = object {}", name(object)),
    }
}

fn counters_text(counters: Option<&Counters>) -> String {
    counters.map_or(String::new(), |Counters { packets, bytes }| format!(" packets={packets} bytes={bytes}"))
}

fn print_chain(out: &mut String, ns: &Namespace, chain: &Chain, id: ChainId) {
    let base = chain.base.as_ref().map_or(String::new(), |base| {
        let (kind, policy) = (word_of(KINDS, &base.kind), word_of(POLICIES, &base.policy));
        format!(" type={kind} hook={} priority={} policy={policy}", base.hook, base.priority)
    });
    let counters = counters_text(ns.observations.policies.get(&id));
    line(out, format_args!("chain {}{base}{counters}", name(&chain.name)));
}

fn print_rule(out: &mut String, ns: &Namespace, scope: Scope, rule: &Rule, id: RuleId) {
    // A native table has native rules alone.
    let Body::Nft(body) = &rule.body else { return };
    line(out, format_args!("# {}", super::one_line(&syntax::rule_text(&ns.ruleset, id))));
    let mut text = "rule".to_owned();
    if let Some(Handle(handle)) = rule.handle {
        text.push_str(&format!(" handle={handle}"));
    }
    text.push_str(&counters_text(ns.observations.rules.get(&id)));
    if let Some(comment) = &body.comment {
        text.push_str(&format!(" comment={}", quoted(comment)));
    }
    line(out, format_args!("{text}"));
    for expression in &body.expressions {
        line(out, format_args!("  [ {} ]", expression::text(scope, expression)));
    }
}

/// Reads the section: its tables come after those that were there.
pub(super) fn parse(section: &Section, ns: &mut Namespace, trouble: &mut Trouble) {
    let mut reader = Reader { ns, chains: chains_by_table(section), state: State::Nothing, table: 0, next: 0 };
    for (line, text) in section.lines() {
        if let Err(what) = reader.line(text) {
            trouble.bad(line, what);
        }
    }
    reader.close();
}

/// The names of the chains of each table: rules name chains that come after them.
fn chains_by_table(section: &Section) -> Vec<Vec<Name>> {
    let mut tables: Vec<Vec<Name>> = Vec::new();
    // What follows a table that cannot be read belongs to none.
    let mut lost = true;
    for (_, text) in section.lines() {
        let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
        match first {
            "table" => {
                lost = table_line(rest).is_none();
                if !lost {
                    tables.push(Vec::new());
                }
            }
            "chain" if !lost => {
                let words = split(rest).unwrap_or_default();
                if let (Some(chains), Some(word)) = (tables.last_mut(), words.first()) {
                    chains.push(word.text.as_str().into());
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
    words.iter().all(|word| word.text.starts_with("flags=") || word.text.starts_with("comment=")).then_some(())?;
    let flags = value(words, "flags").map_or(Some(0), |flags| flags.parse().ok())?;
    let particulars = Particulars {
        flags: TableFlags::from_bits_retain(flags),
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
    chains: Vec<Vec<Name>>,
    state: State,
    /// The index of the open table in the ruleset, and that of the next one in `chains`.
    table: usize,
    next: usize,
}

/// What is wrong with a line.
type Wrong = String;

fn expected(example: &str) -> Wrong {
    format!("not a line such as: {example}")
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
            "set" | "chain" | "rule" | "untold" if self.next == 0 => match self.state {
                State::Lost => Ok(()),
                _ => Err("it belongs to no table".to_owned()),
            },
            "untold" => match &words()?[..] {
                [what] => {
                    let table = &mut self.ns.ruleset.tables[self.table];
                    table.particulars.untold.push(what.text.as_str().into());
                    Ok(())
                }
                _ => Err(expected("untold \"flowtable ft\"")),
            },
            "set" => {
                self.close();
                self.state = State::Lost;
                let found =
                    set(&words()?).ok_or_else(|| expected("set NAME flags=interval key-type=7 key-length=4"))?;
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
            _ => Err("a line begins with table, untold, set, element, chain, rule or [".to_owned()),
        }
    }

    fn open_table(&mut self, text: &str) -> Result<(), Wrong> {
        self.next = 0;
        let (family, name, particulars) = table_line(text).ok_or_else(|| expected("table inet filter"))?;
        let (backend, chains, sets) = (Backend::Nft, Vec::new(), Vec::new());
        self.table = self.ns.ruleset.tables.len();
        self.next = 1 + self.ns.ruleset.tables.iter().filter(|table| table.backend == Backend::Nft).count();
        self.ns.ruleset.tables.push(Table { family, name, backend, chains, sets, particulars });
        Ok(())
    }

    fn open_chain(&mut self, words: &[Word]) -> Result<(), Wrong> {
        let wrong = || expected("chain NAME type=filter hook=input priority=0 policy=drop");
        let (name, words) = words.split_first().ok_or_else(wrong)?;
        let (base, counters) = (base(words), counters(words));
        let chains = &mut self.ns.ruleset.tables[self.table].chains;
        let id = ChainId { table: self.table as u32, chain: chains.len() as u32 };
        // The chain is there, whatever its line says: those after it keep their numbers.
        let known = base.clone().unwrap_or_default();
        chains.push(Chain {
            name: name.text.as_str().into(),
            base: known,
            rules: Vec::new(),
            details: Default::default(),
        });
        self.state = State::Chain;
        if let Some(counters) = counters.as_ref().and_then(Option::as_ref) {
            self.ns.observations.policies.insert(id, *counters);
        }
        base.and(counters).map(|_| ()).ok_or_else(wrong)
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
        let chains = self.next.checked_sub(1).and_then(|at| self.chains.get(at)).map_or(&[][..], Vec::as_slice);
        let family = self.ns.ruleset.tables.get(self.table).map_or(Family::Inet, |table| table.family);
        Scope { family, chains, table: None }
    }

    fn expression(&mut self, text: &str) -> Result<(), Wrong> {
        let inner = text.trim_end().strip_suffix(']').map(str::trim);
        let found = inner.and_then(|inner| expression::parse(self.scope(), inner));
        let expressions = match &mut self.state {
            State::Rule { expressions, .. } => expressions,
            State::Lost => return Ok(()),
            State::Nothing | State::Set(_) | State::Chain => return Err("it belongs to no rule".to_owned()),
        };
        match found {
            Some(expression) => {
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
        let wrong = || expected("element 0050-005a = jump CHAIN");
        let mut cursor = Cursor::new(words);
        let keys = cursor.text().ok_or_else(wrong)?;
        let data = if cursor.is_empty() { None } else { Some(data(self.scope(), &mut cursor).ok_or_else(wrong)?) };
        if !cursor.is_empty() {
            return Err(wrong());
        }
        let set = match &mut self.state {
            State::Set(set) => set,
            State::Lost => return Ok(()),
            State::Nothing | State::Chain | State::Rule { .. } => return Err("it belongs to no set".to_owned()),
        };
        if keys == "*" {
            set.catch_all = Some(Box::new(CatchAll { data, details: None }));
            return Ok(());
        }
        let (first, last) = keys.split_once('-').unwrap_or((keys, keys));
        let (first, last) = unhex(first).zip(unhex(last)).ok_or_else(wrong)?;
        set.elements.push(Element { first, last, data, details: None });
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

/// `= value 0a000001`, `= jump CHAIN`, `= object NAME`.
fn data(scope: Scope, cursor: &mut Cursor) -> Option<ElementData> {
    if !cursor.skip("=") {
        return None;
    }
    if cursor.skip("value") {
        return cursor.bytes().map(ElementData::Value);
    }
    if cursor.skip("object") {
        return cursor.name().map(ElementData::Object);
    }
    expression::verdict(scope, cursor).map(ElementData::Verdict)
}

/// `packets=1 bytes=60`; the outer `None`: they cannot be read.
fn counters(words: &[Word]) -> Option<Option<Counters>> {
    match (value(words, "packets"), value(words, "bytes")) {
        (None, None) => Some(None),
        (packets, bytes) => Some(Some(Counters { packets: packets?.parse().ok()?, bytes: bytes?.parse().ok()? })),
    }
}

fn set(words: &[Word]) -> Option<Set> {
    let (name, words) = words.split_first()?;
    let number = |key: &str| value(words, key).map_or(Some(None), |value| value.parse::<u32>().ok().map(Some));
    let names = value(words, "flags")?.split(',').filter(|word| !word.is_empty());
    let flags =
        names.map(|word| value_of(SET_FLAGS, word)).try_fold(SetFlags::empty(), |all, flag| Some(all | flag?))?;
    let parts: Option<Vec<u32>> = match value(words, "parts") {
        None => Some(Vec::new()),
        Some(parts) => parts.split(',').map(|part| part.parse().ok()).collect(),
    };
    Some(Set {
        name: name.text.as_str().into(),
        flags: flags | SetFlags::from_bits_retain(number("more-flags")?.unwrap_or_default()),
        key_type: number("key-type")??,
        key_length: number("key-length")??,
        data_type: number("data-type")?,
        data_length: number("data-length")?.unwrap_or_default(),
        parts: parts?.into(),
        elements: Vec::new(),
        catch_all: None,
        details: details(words)?,
    })
}

fn details(words: &[Word]) -> Option<Details> {
    let number = |key: &str| value(words, key).map_or(Some(0), |value| value.parse::<u64>().ok());
    let small = |key: &str| number(key).and_then(|number| u32::try_from(number).ok());
    Some(Details {
        comment: value(words, "comment").map(Name::from),
        size: small("size")?,
        timeout: number("timeout")?,
        gc_interval: small("gc-interval")?,
        memory: number("memory")? != 0,
        merges: number("merges")? != 0,
        objects: Some(small("objects")?).filter(|kind| *kind != 0).map(ObjectKind),
        ..Details::default()
    })
}

/// Where a chain hangs; the outer `None`: that cannot be read.
fn base(words: &[Word]) -> Option<Option<Base>> {
    let keys = ["type=", "hook=", "priority=", "policy=", "packets=", "bytes="];
    if !words.iter().all(|word| keys.iter().any(|key| word.text.starts_with(key))) {
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
