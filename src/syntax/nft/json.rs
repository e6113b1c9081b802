//! What `nft -j list ruleset` prints (libnftables-json(5)) → the tree that nft's own language is read to.
//!
//! Each object is read for itself, so that a text which was cut off or damaged is read as far as it is whole. nft 1.0.6 leaves
//! out of its JSON what iptables extensions say, comments of tables and chains, devices of chains, flags of flowtables,
//! `typeof`, `auto-merge`, `dynamic`, all but the first statement of an element and what is below a second of a timeout: none of
//! that is known here.

mod expr;
mod object;
mod statement;
#[cfg(test)]
mod tests;
mod typed;
mod value;

use std::borrow::Cow;
use std::collections::HashMap;

use super::tree::{Chain, Rule, Rules, Statement, Table};
use crate::host::Family;
use crate::syntax::{Diagnostic, DiagnosticKind};
use value::{End, Json};

pub(super) use value::Unescaped;

/// What is not understood.
#[derive(Debug)]
struct Fault(String);

fn fault(what: &str) -> Fault {
    Fault(what.to_owned())
}

/// What a listing may hold.
const KINDS: [&str; 14] = [
    "metainfo",
    "table",
    "chain",
    "rule",
    "set",
    "map",
    "flowtable",
    "counter",
    "quota",
    "limit",
    "synproxy",
    "secmark",
    "ct helper",
    "ct timeout",
];
/// The last of them: it is told apart from the others nowhere.
const EXPECTATION: &str = "ct expectation";

struct Reader<'t> {
    unescaped: End<'t>,
    tables: Vec<Table<'t>>,
    /// The places of tables, and of chains within them.
    places: HashMap<(Family, &'t str), usize>,
    chains: HashMap<(usize, &'t str), usize>,
    /// Where the last rule went.
    last: Option<(Family, &'t str, &'t str, usize, usize)>,
    /// Where what is read stands.
    line: usize,
    /// What is not understood, of each kind the first line and how often.
    notes: Vec<(String, usize, usize)>,
    diagnostics: Vec<Diagnostic>,
}

/// The tables of a listing.
pub(super) fn read<'t>(text: &'t str, unescaped: &'t Unescaped, diagnostics: &mut Vec<Diagnostic>) -> Vec<Table<'t>> {
    let mut reader = Reader {
        unescaped: End::of(unescaped),
        tables: Vec::new(),
        places: HashMap::new(),
        chains: HashMap::new(),
        last: None,
        line: 1,
        notes: Vec::new(),
        diagnostics: Vec::new(),
    };
    reader.listing(text);
    let left_out: Vec<&str> = reader.tables.iter_mut().flat_map(typed::complete).collect();
    for set in left_out {
        reader.note(format!("set {set}: nft's JSON leaves out how long its keys are, so its elements are left out"));
    }
    let notes = reader.notes.into_iter().map(|(text, line, count)| {
        let text = if count > 1 { format!("{text} ({count} times)") } else { text };
        Diagnostic { line, kind: DiagnosticKind::Unknown, text }
    });
    diagnostics.append(&mut reader.diagnostics);
    diagnostics.extend(notes);
    reader.tables
}

/// The place in a text, and the line it is on.
#[derive(Clone, Copy)]
struct Place {
    at: usize,
    line: usize,
}

impl Place {
    fn move_to(&mut self, text: &str, at: usize) {
        self.line += text.as_bytes()[self.at..at].iter().filter(|byte| **byte == b'\n').count();
        self.at = at;
    }
}

impl<'t> Reader<'t> {
    fn listing(&mut self, text: &'t str) {
        let mut place = Place { at: 0, line: 1 };
        let Some(start) = start(text) else {
            self.damaged("no list of objects is in it".to_owned());
            return;
        };
        let before = text[..start].trim().trim_end_matches("{\"nftables\": [").trim();
        let before =
            before.lines().next().filter(|_| text[..start].find('{').is_some_and(|at| !text[..at].trim().is_empty()));
        if let Some(line) = before {
            let text = format!("{line}: it is no JSON");
            self.diagnostics.push(Diagnostic { line: 1, kind: DiagnosticKind::Unknown, text });
        }
        place.move_to(text, start);
        loop {
            let rest = text[place.at..].trim_start_matches(|sign: char| sign.is_whitespace() || sign == ',');
            place.move_to(text, text.len() - rest.len());
            self.line = place.line;
            match rest.as_bytes().first() {
                None => return self.damaged("the text ends before the list of objects does".to_owned()),
                Some(b']') => return self.after(&rest[1..], place.line),
                Some(_) => {}
            }
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Json<'t>>();
            match values.next() {
                Some(Ok(value)) => {
                    let length = values.byte_offset();
                    self.object_of(&value, &rest[..length]);
                    place.move_to(text, place.at + length);
                }
                Some(Err(error)) if error.is_eof() => {
                    return self.damaged("the text ends within an object".to_owned());
                }
                Some(Err(_)) | None => {
                    self.damaged("an object that is not whole".to_owned());
                    let Some(next) = next_item(rest) else { return };
                    place.move_to(text, place.at + next);
                }
            }
        }
    }

    /// What comes after the list: nothing but the end of the object around it.
    fn after(&mut self, rest: &str, line: usize) {
        let prose = rest.trim().strip_prefix('}').unwrap_or(rest).trim();
        if let Some(first) = prose.lines().next() {
            self.diagnostics.push(Diagnostic {
                line,
                kind: DiagnosticKind::Unknown,
                text: format!("{first}: it is no JSON"),
            });
        }
    }

    fn damaged(&mut self, text: String) {
        self.diagnostics.push(Diagnostic { line: self.line, kind: DiagnosticKind::Damaged, text });
    }

    /// Notes something that is not understood, once for each kind.
    fn note(&mut self, text: String) {
        let is_known = self.notes.iter().any(|(known, ..)| *known == text);
        // Many kinds of nonsense are one.
        let text = if is_known || self.notes.len() < MOST_NOTES { text } else { MORE.to_owned() };
        match self.notes.iter_mut().find(|(known, ..)| *known == text) {
            Some((.., count)) => *count += 1,
            None => self.notes.push((text, self.line, 1)),
        }
    }

    /// A text of the JSON, as long as the tree.
    fn keep(&mut self, text: &Cow<'t, str>) -> &'t str {
        match text {
            Cow::Borrowed(text) => text,
            Cow::Owned(text) => self.unescaped.keep(text.clone()),
        }
    }

    /// A text that does not stand in the JSON.
    fn added(&mut self, text: String) -> &'t str {
        self.unescaped.keep(text)
    }

    /// An object of the list; `text` is how it is written.
    fn object_of(&mut self, json: &Json<'t>, text: &'t str) {
        let found = match json.only() {
            Some(("metainfo", _)) => Ok(()),
            Some(("table", of)) => self.table(of).map(|table| {
                self.add_table(table);
            }),
            Some(("rule", of)) => self.rule(of, text),
            Some((kind, of)) if KINDS.contains(&kind) || kind == EXPECTATION => self.within(kind, of),
            Some((kind, _)) => Err(Fault(format!("“{kind}”"))),
            None => Err(fault("an object of several")),
        };
        if let Err(Fault(what)) = found {
            let name = json.only().and_then(|(kind, of)| Some(format!("{kind} {}: ", of.get("name")?.as_str()?)));
            self.damaged(format!("{}{what} is not understood", name.unwrap_or_default()));
        }
    }

    fn add_table(&mut self, table: Table<'t>) -> usize {
        let key = (table.family, table.name);
        if let Some(known) = self.places.get(&key) {
            return *known;
        }
        let at = self.tables.len();
        self.places.insert(key, at);
        self.tables.push(table);
        at
    }

    /// The place of the table that something is in; one that was not told before is taken as it is named.
    fn table_of(&mut self, of: &Json<'t>) -> Result<usize, Fault> {
        let family = object::family_named(of.get("family").and_then(Json::as_str).unwrap_or_default())?;
        let name = self.text(of, "table")?;
        if let Some(known) = self.places.get(&(family, name)) {
            return Ok(*known);
        }
        self.damaged(format!("table {name}: it is not told, but what is in it"));
        let (chains, sets, objects, flowtables) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (handle, flags, comment) = (None, 0, None);
        Ok(self.add_table(Table { family, name, handle, flags, comment, chains, sets, objects, flowtables }))
    }

    /// Something in a table other than a rule.
    fn within(&mut self, kind: &str, of: &Json<'t>) -> Result<(), Fault> {
        let table = self.table_of(of)?;
        match kind {
            "chain" => {
                let chain = self.chain(of)?;
                self.add_chain(table, chain);
            }
            "set" | "map" => {
                let set = self.set(of, kind == "map")?;
                self.tables[table].sets.push(set);
            }
            "flowtable" => {
                let flowtable = self.flowtable(of)?;
                self.tables[table].flowtables.push(flowtable);
            }
            _ => {
                let object = self.stateful(kind, of)?;
                self.tables[table].objects.push(object);
            }
        }
        Ok(())
    }

    fn add_chain(&mut self, table: usize, chain: Chain<'t>) -> usize {
        if let Some(known) = self.chains.get(&(table, chain.name)) {
            return *known;
        }
        let chains = &mut self.tables[table].chains;
        let at = chains.len();
        self.chains.insert((table, chain.name), at);
        chains.push(chain);
        at
    }

    /// The table and the chain of a rule: mostly those of the rule before it.
    fn chain_of(&mut self, of: &Json<'t>) -> Result<(usize, usize), Fault> {
        let word = |key: &str| of.get(key).and_then(Json::as_str).unwrap_or_default();
        let family = object::family_named(word("family"))?;
        if let Some((known, table, chain, table_at, chain_at)) = self.last
            && (known, table, chain) == (family, word("table"), word("chain"))
        {
            return Ok((table_at, chain_at));
        }
        let table_at = self.table_of(of)?;
        let (table, name) = (self.text(of, "table")?, self.text(of, "chain")?);
        let chain_at = match self.chains.get(&(table_at, name)) {
            Some(known) => *known,
            None => {
                self.damaged(format!("chain {name}: it is not told, but rules of it"));
                let rules = Rules::default();
                let chain = Chain { name, handle: None, comment: None, base: None, offload: false, rules };
                self.add_chain(table_at, chain)
            }
        };
        self.last = Some((family, table, name, table_at, chain_at));
        Ok((table_at, chain_at))
    }

    fn rule(&mut self, of: &Json<'t>, text: &'t str) -> Result<(), Fault> {
        let (table, chain) = self.chain_of(of)?;
        let told = of.get("expr").map(Json::items).unwrap_or_default();
        let mut statements = Vec::with_capacity(told.len());
        for json in told {
            // What iptables' comments say is no matter to any packet.
            if json.get("xt").and_then(|xt| xt.get("name")?.as_str()) == Some("comment") {
                self.note("iptables' comments: nft's JSON leaves them out, iptables-save tells them".to_owned());
                continue;
            }
            let statement = match self.statement(json) {
                Ok(statement) => statement,
                Err(Fault(what)) => {
                    self.note(format!("{what}: it is not understood"));
                    Statement::Kept(self.added(json.to_string()))
                }
            };
            statements.push(statement);
        }
        let comment = self.comment(of);
        let rules = &mut self.tables[table].chains[chain].rules;
        let first = rules.statements.len();
        rules.statements.append(&mut statements);
        rules.rules.push(Rule {
            text: statements_in(text),
            line: self.line,
            handle: object::handle(of),
            comment,
            statements: first..rules.statements.len(),
        });
        Ok(())
    }
}

/// How many kinds of what is not understood are told apart.
const MOST_NOTES: usize = 64;
const MORE: &str = "more that is not understood";

/// Where the list of objects begins, after its bracket.
fn start(text: &str) -> Option<usize> {
    const KEY: &str = "\"nftables\"";
    let after = text.find(KEY)? + KEY.len();
    let rest = text[after..].trim_start().strip_prefix(':')?.trim_start().strip_prefix('[')?;
    Some(text.len() - rest.len())
}

/// Where the next object of a list begins that is whole, perhaps: behind the first sign, there is one that looks like it.
fn next_item(text: &str) -> Option<usize> {
    let begins = |rest: &str| {
        let rest = rest.trim_start().strip_prefix('"')?;
        let (kind, rest) = rest.split_once('"')?;
        let rest = rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('{')?;
        let told = rest.trim_start().strip_prefix("\"family\"").is_some();
        (told && (KINDS.contains(&kind) || kind == EXPECTATION)).then_some(())
    };
    let braces = text.match_indices('{').map(|(at, _)| at).filter(|at| *at > 0);
    braces.into_iter().find(|at| begins(&text[at + 1..]).is_some())
}

/// The statements of a rule, as they are written: nft tells them last.
fn statements_in(text: &str) -> &str {
    const KEY: &str = "\"expr\":";
    let found = text.find(KEY).and_then(|at| text[at + KEY.len()..].trim().strip_suffix("}}"));
    found.filter(|found| found.starts_with('[')).unwrap_or(text)
}
