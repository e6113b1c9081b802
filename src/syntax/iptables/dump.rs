//! The lines of a dump: headers, tables, chains, policies, and the rules in them.
//!
//! Knows iptables-save's form and that of `iptables -S`. What a rule's words mean is the business of `rule`.

use std::borrow::Cow;
use std::collections::HashSet;

use super::origin;
use super::rule::{self, Found, Scope};
use super::words::{self, Word};
use super::{Dump, Likeness, Options};
use crate::host::ruleset::builtin;
use crate::host::xt::Target;
use crate::host::{
    Base, Body, Chain, ChainId, Counters, Family, IpFamily, Name, Names, Observations, Place, Policy, QuickMap,
    Registration, Rule, RuleId, Ruleset, Table,
};
use crate::syntax::{Diagnostic, DiagnosticKind};

/// Reads all lines.
pub(super) fn parse(text: &str, options: &Options) -> Dump {
    read(text, options, None)
}

/// Reads all lines of a listing of one table.
pub(super) fn parse_listing(text: &str, options: &Options, table: &str) -> Dump {
    read(text, options, Some(table))
}

/// How well a line reads as a rule.
pub(super) fn rule_likeness(line: &str, family: IpFamily) -> Likeness {
    let mut words = Vec::new();
    let whole = words::split(line, &mut words);
    let from = usize::from(words.first().is_some_and(|word| word.text.starts_with('[')));
    let command = words.get(from).is_some_and(|word| matches!(&*word.text, "-A" | "--append"));
    let named = words.get(from + 1).is_some_and(|word| !word.is_option());
    if !(whole && command && named) {
        return Likeness::None;
    }
    let (chains, mut names) = (QuickMap::default(), Names::default());
    let mut reader = rule::Reader::default();
    let read = reader.read(&words[from + 2..], &mut Scope { family, chains: &chains, names: &mut names });
    match read {
        Err(_) => Likeness::None,
        Ok(_) if reader.opaque.is_empty() => Likeness::Whole,
        Ok(_) => Likeness::Opaque,
    }
}

fn read<'t>(text: &'t str, options: &Options, listed: Option<&'t str>) -> Dump {
    let unfolded = origin::unfold(text);
    let lines: Vec<&str> = unfolded.as_deref().unwrap_or(text).lines().collect();
    let mut reader = Reader::new(options, listed);
    for at in 0..lines.len() {
        reader.line(&lines, at);
    }
    reader.end(lines.len());
    if unfolded.is_some() {
        // Every line of it stood on the first.
        reader.diagnostics.iter_mut().for_each(|found| found.line = 1);
    }
    let first = reader.ruleset.tables.first().map(|table| super::ip_family(table.family));
    Dump {
        family: options.family.or(first).or(reader.header.map(|header| header.family)).unwrap_or(IpFamily::V4),
        ruleset: reader.ruleset,
        observations: reader.observations,
        diagnostics: reader.diagnostics,
    }
}

/// The table that lines belong to.
struct Current {
    /// Its position in the ruleset.
    table: usize,
    chains: QuickMap<Name, u32>,
    /// The chain of the last rule: those of a chain mostly stand together.
    last: u32,
    /// Jumps to what is no chain yet: the rule, its line, the name, and whether it is a goto.
    unresolved: Vec<(RuleId, usize, Name, bool)>,
    /// Whether it came from `iptables -S`, which has no COMMIT.
    listed: bool,
    /// How many policies of a listing come before its rules.
    policies: usize,
    /// Whether it was told that its beginning is missing: then its chains have no lines of their own.
    excerpt: bool,
}

/// What the text says so far.
struct Reader<'t> {
    options: Options,
    /// The table that is listed, where that is known.
    listed: Option<&'t str>,
    /// Room for the words of a line.
    words: Vec<Word<'t>>,
    header: Option<origin::Header>,
    names: Names,
    rules: rule::Reader,
    ruleset: Ruleset,
    observations: Observations,
    diagnostics: Vec<Diagnostic>,
    current: Option<Box<Current>>,
    /// Whether lines belong to a table that was there before, and are left out.
    skipping: bool,
    /// How many policies of a listing belong to them.
    skipped: usize,
    /// Extensions that were told to be unknown.
    told: HashSet<Name>,
}

impl<'t> Reader<'t> {
    fn new(options: &Options, listed: Option<&'t str>) -> Reader<'t> {
        Reader {
            options: *options,
            listed,
            words: Vec::new(),
            header: None,
            names: Names::default(),
            rules: rule::Reader::default(),
            ruleset: Ruleset::default(),
            observations: Observations::default(),
            diagnostics: Vec::new(),
            current: None,
            skipping: false,
            skipped: 0,
            told: HashSet::new(),
        }
    }

    fn say(&mut self, at: usize, kind: DiagnosticKind, text: impl Into<String>) {
        self.diagnostics.push(Diagnostic { line: at + 1, kind, text: text.into() });
    }

    fn damaged(&mut self, at: usize, text: impl Into<String>) {
        self.say(at, DiagnosticKind::Damaged, text);
    }

    fn line(&mut self, lines: &[&'t str], at: usize) {
        let line = lines[at].trim_matches([' ', '\t', '\r', '\u{feff}']);
        match line.as_bytes().first() {
            None => {}
            Some(b'#') => self.comment(at, line),
            Some(b'*') => {
                self.uncommitted(at);
                self.open_table(lines, at, line[1..].trim(), false);
            }
            Some(b':') => self.chain_line(lines, at, line),
            _ if line == "COMMIT" => self.close(),
            _ if self.skipping && !line.starts_with("-P") => {}
            Some(b'[' | b'-') => self.command(lines, at, line),
            Some(_) => self.damaged(at, format!("not a line of a dump: {}", start(line))),
        }
    }

    fn comment(&mut self, at: usize, line: &str) {
        if let Some(header) = origin::header(line) {
            self.header = Some(header);
        } else if line.starts_with("# Table `") && line.contains("is incompatible") {
            self.damaged(at, format!("the tool left a table out: {}", start(line)));
        } else if line.starts_with("# Warning:") && line.contains("tables present") {
            self.say(at, DiagnosticKind::Elsewhere, format!("there are rules that it does not show: {}", start(line)));
        }
    }

    fn open_table(&mut self, lines: &[&str], at: usize, name: &str, listed: bool) {
        self.close();
        let origin = self.origin(lines, at, name);
        let name: Name = self.names.intern(name);
        let family = match origin.family {
            IpFamily::V4 => Family::Ip,
            IpFamily::V6 => Family::Ip6,
        };
        let same = |table: &Table| (table.family, table.backend, &table.name) == (family, origin.backend, &name);
        let plain = |sign: u8| sign.is_ascii_alphanumeric() || matches!(sign, b'_' | b'-');
        if name.is_empty() || !name.bytes().all(plain) {
            self.skipping = true;
            return self.damaged(at, "not the name of a table; its lines are left out");
        }
        if self.ruleset.tables.iter().any(same) {
            self.skipping = true;
            return self.damaged(at, format!("table {name} was there before; this one is left out"));
        }
        self.skipping = false;
        self.ruleset.tables.push(Table {
            family,
            name,
            backend: origin.backend,
            chains: Vec::new(),
            sets: Vec::new(),
            particulars: Default::default(),
        });
        self.current = Some(Box::new(Current {
            table: self.ruleset.tables.len() - 1,
            chains: QuickMap::default(),
            last: 0,
            unresolved: Vec::new(),
            listed,
            policies: 0,
            excerpt: false,
        }));
    }

    /// Family and backend of the table of this name that begins at a line. Where nothing tells the family, the second of a
    /// name is that of IPv6.
    fn origin(&self, lines: &[&str], at: usize, name: &str) -> origin::Header {
        let backend = self.options.backend;
        let is_known = |table: &Table| (table.family, table.backend) == (Family::Ip, backend) && *table.name == *name;
        match (self.options.family, self.header) {
            (Some(family), _) => origin::Header { family, backend },
            (None, Some(header)) => header,
            (None, None) => {
                let second = || self.ruleset.tables.iter().any(is_known);
                let usual = || if second() { IpFamily::V6 } else { IpFamily::V4 };
                origin::Header { family: origin::family_of(&lines[at..]).unwrap_or_else(usual), backend }
            }
        }
    }

    /// Tells that a table of iptables-save is not at its end where another begins.
    fn uncommitted(&mut self, at: usize) {
        if let Some(current) = self.current.as_ref().filter(|current| !current.listed) {
            let name = Name::clone(&self.ruleset.tables[current.table].name);
            self.damaged(at, format!("table {name} does not end with COMMIT: it may be cut off"));
        }
    }

    /// The end of a table: jumps to chains that came after them find their way.
    fn close(&mut self) {
        self.skipping = false;
        let Some(mut current) = self.current.take() else { return };
        for (id, at, name, goto) in std::mem::take(&mut current.unresolved) {
            let known = current.chains.get(&name).copied();
            let chain = match (known, goto) {
                (Some(chain), _) => chain,
                (None, true) => {
                    self.damaged(at, format!("-g {name}: there is no such chain"));
                    self.declare(&mut current, name, None)
                }
                (None, false) => {
                    self.unknown(at, format!("{name} is neither a chain nor a target known here"), name);
                    continue;
                }
            };
            let rules = &mut self.ruleset.tables[current.table].chains[id.chain.chain as usize].rules;
            let Body::Iptables(rule) = &mut rules[id.index as usize].body else { continue };
            match &rule.target {
                _ if goto => rule.target = Target::Goto(chain),
                Target::Opaque(opaque) => {
                    // iptables takes no such line.
                    let stray =
                        opaque.words.first().map(|word| format!("{} is a chain: {word} is left out", opaque.name));
                    rule.target = Target::Jump(chain);
                    stray.into_iter().for_each(|text| self.damaged(at, text));
                }
                _ => {}
            }
        }
    }

    /// Says once for each name that it is not understood.
    fn unknown(&mut self, at: usize, text: String, name: Name) {
        if self.told.insert(name) {
            self.say(at, DiagnosticKind::Unknown, text);
        }
    }

    /// Adds a chain to the current table.
    fn declare(&mut self, current: &mut Current, name: Name, base: Option<Base>) -> u32 {
        let table = &mut self.ruleset.tables[current.table];
        let chain = table.chains.len() as u32;
        current.chains.insert(Name::clone(&name), chain);
        table.chains.push(Chain { name, base, rules: Vec::new(), details: Default::default() });
        chain
    }

    /// The base of a built-in chain.
    fn base(&self, current: &Current, chain: &str, policy: Policy) -> Option<Base> {
        let table = &self.ruleset.tables[current.table];
        let known = builtin(&table.name, chain)?;
        Some(Base {
            kind: known.kind,
            hook: known.hook,
            priority: known.priority(table.backend),
            policy,
            registration: Registration::Registered(Place::Guessed(0)),
        })
    }

    /// `:CHAIN POLICY [PACKETS:BYTES]`.
    fn chain_line(&mut self, lines: &[&str], at: usize, line: &'t str) {
        if self.skipping {
            return;
        }
        let Some(mut current) = self.current.take().or_else(|| self.table_of_chains(lines, at)) else { return };
        let mut words = std::mem::take(&mut self.words);
        let whole = words::split(&line[1..], &mut words);
        let read = match &words[..] {
            [name, policy] if whole => Some((name, policy, None)),
            [name, policy, counters] if whole => bracketed(&counters.text).map(|seen| (name, policy, Some(seen))),
            _ => None,
        };
        match read {
            Some((name, policy, seen)) if !line[1..].starts_with([' ', '\t', '\r']) => {
                self.chain(&mut current, at, &name.text, &policy.text, seen);
            }
            _ => self.damaged(at, "not a line such as :INPUT ACCEPT [0:0]"),
        }
        self.words = words;
        self.current = Some(current);
    }

    /// A chain with its policy, `-` for none.
    fn chain(&mut self, current: &mut Current, at: usize, name: &str, policy: &str, seen: Option<Counters>) {
        if name.is_empty() || name.starts_with(['-', '!']) {
            return self.damaged(at, format!("{name:?} is no name of a chain"));
        }
        if current.chains.contains_key(name) {
            return self.damaged(at, format!("chain {name} was there before"));
        }
        let known = match policy {
            "ACCEPT" | "-" => Policy::Accept,
            "DROP" => Policy::Drop,
            _ => return self.damaged(at, format!("{policy:?} is no policy")),
        };
        let base = self.base(current, name, known);
        if base.is_none() && policy != "-" {
            let table = Name::clone(&self.ruleset.tables[current.table].name);
            self.damaged(at, format!("{name} has a policy, but is no built-in chain of {table}"));
        }
        let is_base = base.is_some();
        let chain = self.declare(current, name.into(), base);
        if let Some(seen) = seen.filter(|_| is_base) {
            self.observations.policies.insert(ChainId { table: current.table as u32, chain }, seen);
        }
    }

    /// A line that begins with an option, perhaps after counters.
    fn command(&mut self, lines: &[&'t str], at: usize, line: &'t str) {
        let mut words = std::mem::take(&mut self.words);
        if words::split(line, &mut words) {
            self.words_of_command(lines, at, &words);
        } else {
            self.damaged(at, "a quote does not end");
        }
        self.words = words;
    }

    fn words_of_command(&mut self, lines: &[&str], at: usize, words: &[Word]) {
        let seen = words.first().filter(|word| word.text.starts_with('[')).map(|word| bracketed(&word.text));
        let from = usize::from(seen.is_some());
        let Some(command) = words.get(from).filter(|_| seen != Some(None)) else {
            return self.damaged(at, "not a line such as [0:0] -A INPUT -j ACCEPT");
        };
        let name = match words.get(from + 1) {
            Some(name) if !name.is_option() && !name.text.is_empty() && !name.text.starts_with(['-', '!']) => {
                &*name.text
            }
            _ => return self.damaged(at, format!("{} lacks the name of a chain", start(&command.text))),
        };
        match &*command.text {
            "-A" | "--append" => self.append(lines, at, name, &words[from + 2..], seen.flatten()),
            "-N" | "--new-chain" if words.len() == 2 => self.new_chain(lines, at, name),
            "-P" | "--policy" => self.policy(lines, at, name, &words[from + 2..]),
            other => self.damaged(at, format!("{} is no part of a dump", start(other))),
        }
    }

    fn append(&mut self, lines: &[&str], at: usize, chain: &str, words: &[Word], seen: Option<Counters>) {
        let Some(mut current) = self.current.take().or_else(|| self.guess_table(lines, at)) else { return };
        current.policies = 0;
        let family = self.family(&current);
        let mut scope = Scope { family, chains: &current.chains, names: &mut self.names };
        match self.rules.read(words, &mut scope) {
            Err(text) => self.damaged(at, text),
            Ok(found) => self.add(&mut current, at, chain, found, seen),
        }
        self.current = Some(current);
    }

    fn family(&self, current: &Current) -> IpFamily {
        super::ip_family(self.ruleset.tables[current.table].family)
    }

    fn add(&mut self, current: &mut Current, at: usize, chain: &str, found: Found, seen: Option<Counters>) {
        let chains = &self.ruleset.tables[current.table].chains;
        let is_last = chains.get(current.last as usize).is_some_and(|last| *last.name == *chain);
        let known = if is_last { Some(current.last) } else { current.chains.get(chain).copied() };
        let chain = match known {
            Some(chain) => chain,
            None => {
                let base = self.base(current, chain, Policy::Accept);
                // An excerpt was told to be one already.
                if !(current.excerpt || current.listed && base.is_some()) {
                    self.damaged(at, format!("chain {chain} has rules, but no line of its own"));
                }
                self.declare(current, chain.into(), base)
            }
        };
        current.last = chain;
        for name in std::mem::take(&mut self.rules.opaque) {
            self.unknown(at, format!("{name} is not understood here: its rules are kept as they came"), name);
        }
        let chain = ChainId { table: current.table as u32, chain };
        let rules = &mut self.ruleset.tables[current.table].chains[chain.chain as usize].rules;
        let id = RuleId { chain, index: rules.len() as u32 };
        rules.push(Rule { handle: None, body: Body::Iptables(found.rule) });
        if let Some(seen) = seen.or(found.counters) {
            self.observations.rules.insert(id, seen);
        }
        if let Some((name, goto)) = found.unresolved {
            current.unresolved.push((id, at, name, goto));
        }
    }

    /// Rules without a table before them: an excerpt, where they are not what was listed.
    fn guess_table(&mut self, lines: &[&str], at: usize) -> Option<Box<Current>> {
        let name = self.listed.unwrap_or_else(|| origin::table_of_rules(&lines[at..]));
        if self.listed.is_none() {
            self.damaged(at, format!("no table is named before; taken for {name}"));
        }
        self.open_table(lines, at, name, true);
        let mut current = self.current.take()?;
        current.excerpt = true;
        Some(current)
    }

    /// Lines of chains without a table before them.
    fn table_of_chains(&mut self, lines: &[&str], at: usize) -> Option<Box<Current>> {
        let Some(name) = origin::table_of_chains(&lines[at..]) else {
            self.damaged(at, "a chain outside of any table");
            return None;
        };
        self.damaged(at, format!("no table is named before; taken for {name}"));
        self.open_table(lines, at, name, false);
        self.current.take()
    }

    /// `-N CHAIN` of `iptables -S`.
    fn new_chain(&mut self, lines: &[&str], at: usize, name: &str) {
        if self.current.is_none() {
            self.open_table(lines, at, self.listed.unwrap_or("filter"), true);
        }
        let Some(mut current) = self.current.take() else { return };
        current.policies = 0;
        self.chain(&mut current, at, name, "-", None);
        self.current = Some(current);
    }

    /// `-P CHAIN POLICY` of `iptables -S`: the first of some begins a table.
    fn policy(&mut self, lines: &[&str], at: usize, name: &str, rest: &[Word]) {
        if self.skipping && self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        if self.current.as_ref().is_none_or(|current| current.listed && current.policies == 0) {
            let (table, policies) = origin::table_of_policies(&lines[at..], self.listed);
            self.open_table(lines, at, table, true);
            match &mut self.current {
                Some(current) => current.policies = policies,
                None => self.skipped = policies.saturating_sub(1),
            }
        }
        let Some(mut current) = self.current.take() else { return };
        current.policies = current.policies.saturating_sub(1);
        let parts: Vec<&str> = rest.iter().map(|word| &*word.text).collect();
        match parts[..] {
            [policy] => self.chain(&mut current, at, name, policy, None),
            [policy, "-c", packets, bytes] => {
                self.chain(&mut current, at, name, policy, rule::counters(packets, bytes));
            }
            _ => self.damaged(at, "not a line such as -P INPUT ACCEPT"),
        }
        self.current = Some(current);
    }

    fn end(&mut self, lines: usize) {
        let cut = self.current.as_ref().is_some_and(|current| !current.listed);
        self.close();
        if cut {
            self.damaged(lines.max(1) - 1, "the last table does not end with COMMIT: the dump may be cut off");
        }
        self.diagnostics.sort_by_key(|found| found.line);
    }
}

/// `[PACKETS:BYTES]`.
fn bracketed(text: &str) -> Option<Counters> {
    let (packets, bytes) = text.strip_prefix('[')?.strip_suffix(']')?.split_once(':')?;
    rule::counters(packets, bytes)
}

/// The start of a text, for a diagnostic.
fn start(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(60) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}
