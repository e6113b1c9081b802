//! Commands of iptables, one after the other → the tables that they make.
//!
//! Knows what each does to the lines of a chain. What a rule says is the business of the reader of dumps, which is given
//! what comes out as a dump.

use std::collections::BTreeMap;

use super::shell::{self, Hints};
use crate::host::{Backend, IpFamily, ruleset::builtin};
use crate::syntax::{Diagnostic, DiagnosticKind, iptables};

/// Commands that were found.
#[derive(Default)]
pub(super) struct Commands {
    found: Vec<Command>,
    bare: bool,
}

/// What is said of the first prompt of some.
pub(super) const PROMPTED: &str = "a prompt stands before commands; they are read without it";

/// A command of iptables.
pub(super) struct Command {
    pub(super) line: usize,
    pub(super) hints: Hints,
    /// The words after its name.
    pub(super) words: Vec<String>,
    /// Whether it is the first of some behind prompts.
    pub(super) prompt: bool,
}

/// Tables of one family and backend, by their names.
type Tables = BTreeMap<String, Vec<Chain>>;

struct Chain {
    name: String,
    policy: Option<&'static str>,
    /// The line where it began.
    line: usize,
    rules: Vec<(usize, String)>,
}

/// A dump that commands make, as text: the line of the whole text of each of its lines.
pub(super) struct Made {
    pub(super) text: String,
    pub(super) lines: Vec<usize>,
    pub(super) family: IpFamily,
    pub(super) backend: Option<Backend>,
}

impl Commands {
    /// Keeps a command; `bare`: it stands without a prompt.
    pub(super) fn push(&mut self, command: Command, bare: bool) {
        self.bare |= bare;
        self.found.push(command);
    }

    /// Whether some stand without a prompt.
    pub(super) fn are_bare(&self) -> bool {
        self.bare
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Does what they say. Commands on tables that `is_listed` says are shown elsewhere are passed over.
    pub(super) fn run(self, is_listed: impl Fn(IpFamily, &str) -> bool, said: &mut Vec<Diagnostic>) -> Vec<Made> {
        let mut all: Vec<((IpFamily, Option<Backend>), Tables)> = Vec::new();
        let mut say = |line, kind, text: &str| said.push(Diagnostic { line, kind, text: text.to_owned() });
        for command in self.found {
            let family = command.hints.family.unwrap_or(IpFamily::V4);
            let table = shell::table(&command.words);
            if is_listed(family, &table) {
                let text = "a command, passed over: the text has a listing of its table";
                say(command.line, DiagnosticKind::Passed, text);
                continue;
            }
            if command.prompt {
                say(command.line, DiagnosticKind::Passed, PROMPTED);
            }
            let key = (family, command.hints.backend);
            let at = all.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
                all.push((key, Tables::new()));
                all.len() - 1
            });
            let tables = &mut all[at].1;
            if let Err(text) = run(tables.entry(table.clone()).or_default(), &table, &command) {
                say(command.line, DiagnosticKind::Damaged, text);
            }
        }
        all.into_iter().map(|((family, backend), tables)| write(&tables, family, backend)).collect()
    }
}

/// The words of a command without those that are about the program itself.
fn own_words(words: &[String]) -> Vec<&str> {
    let mut own = Vec::new();
    let mut words = words.iter().map(String::as_str).peekable();
    while let Some(word) = words.next() {
        match word {
            "-t" | "--table" | "-W" | "--wait-interval" | "--modprobe" => _ = words.next(),
            "-w" | "--wait" => _ = words.next_if(|next| next.bytes().all(|sign| sign.is_ascii_digit())),
            "-v" | "--verbose" | "-n" | "--numeric" | "-4" | "-6" => {}
            _ if word.starts_with("--table=") || word.starts_with("--wait=") || is_short_table(word) => {}
            _ => own.push(word),
        }
    }
    own
}

/// `-tnat`.
fn is_short_table(word: &str) -> bool {
    word.strip_prefix("-t").is_some_and(|table| matches!(table, "nat" | "filter" | "mangle" | "raw" | "security"))
}

/// Does what one command says to a table.
fn run(chains: &mut Vec<Chain>, table: &str, command: &Command) -> Result<(), &'static str> {
    const UNKNOWN: &str = "a command that is not understood";
    let words = own_words(&command.words);
    let (at, letter) = words.iter().enumerate().find_map(|(at, word)| Some((at, short(word)?))).ok_or(UNKNOWN)?;
    let before = &words[..at];
    let name = words.get(at + 1).copied().filter(|name| !name.starts_with(['-', '!']));
    let rest = words.get(at + 1 + usize::from(name.is_some())..).unwrap_or_default();
    let line = command.line;
    match (letter, name) {
        (b'F' | b'X' | b'Z', None) => {
            for chain in chains.iter_mut().filter(|_| letter == b'F') {
                chain.rules.clear();
            }
            chains.retain(|chain| letter != b'X' || chain.policy.is_some() || !chain.rules.is_empty());
        }
        (_, None) => return Err("a command that lacks the name of a chain"),
        (b'N', Some(name)) if chains.iter().any(|chain| chain.name == name) => {
            return Err("a chain that was there before");
        }
        (b'N', Some(name)) => chains.push(Chain { name: name.to_owned(), policy: None, line, rules: Vec::new() }),
        (b'X', Some(name)) => chains.retain(|chain| chain.name != name || chain.policy.is_some()),
        (b'Z' | b'C', Some(_)) => {}
        (b'E', Some(name)) => {
            let new = rest.first().ok_or(UNKNOWN)?;
            chain(chains, table, name, line)?.name = (*new).to_owned();
        }
        (b'P', Some(name)) => {
            let policy = match rest.first() {
                Some(&"DROP") => "DROP",
                Some(&"ACCEPT") => "ACCEPT",
                _ => return Err("a command without a policy"),
            };
            let chain = chain(chains, table, name, line)?;
            chain.policy = chain.policy.and(Some(policy));
        }
        (b'F', Some(name)) => chain(chains, table, name, line)?.rules.clear(),
        (_, Some(name)) => {
            let own = chain(chains, table, name, line)?;
            edit(own, letter, line, before, rest)?;
        }
    }
    Ok(())
}

/// Appends, inserts, replaces or deletes rules.
fn edit(chain: &mut Chain, letter: u8, line: usize, before: &[&str], rest: &[&str]) -> Result<(), &'static str> {
    const NO_RULE: &str = "a command on a rule that is not there";
    let number = rest.first().and_then(|word| word.parse::<usize>().ok());
    let rest = if number.is_some() && letter != b'A' { &rest[1..] } else { rest };
    let words: Vec<&str> = before.iter().chain(rest).copied().collect();
    let rules = each_address(&words);
    let rules = rules.iter().map(|words| (line, quoted(words)));
    match letter {
        b'A' => chain.rules.extend(rules),
        b'I' => {
            let at = number.unwrap_or(1).checked_sub(1).filter(|at| *at <= chain.rules.len()).ok_or(NO_RULE)?;
            drop(chain.rules.splice(at..at, rules));
        }
        b'R' => {
            let at = number.and_then(|number| number.checked_sub(1)).filter(|at| *at < chain.rules.len());
            let at = at.ok_or(NO_RULE)?;
            drop(chain.rules.splice(at..=at, rules));
        }
        b'D' => {
            let at = match number {
                Some(number) => number.checked_sub(1).filter(|at| *at < chain.rules.len()),
                None => {
                    let wanted = quoted(&words);
                    chain.rules.iter().position(|(_, rule)| *rule == wanted)
                }
            };
            chain.rules.remove(at.ok_or(NO_RULE)?);
        }
        _ => return Err("a command that is not understood"),
    }
    Ok(())
}

/// The letter of a command.
fn short(word: &str) -> Option<u8> {
    const LONG: [(&str, u8); 12] = [
        ("--append", b'A'),
        ("--insert", b'I'),
        ("--delete", b'D'),
        ("--replace", b'R'),
        ("--new-chain", b'N'),
        ("--new", b'N'),
        ("--policy", b'P'),
        ("--flush", b'F'),
        ("--delete-chain", b'X'),
        ("--zero", b'Z'),
        ("--rename-chain", b'E'),
        ("--check", b'C'),
    ];
    match word.as_bytes() {
        [b'-', letter @ (b'A' | b'I' | b'D' | b'R' | b'N' | b'P' | b'F' | b'X' | b'Z' | b'E' | b'C')] => Some(*letter),
        _ => LONG.iter().find(|(long, _)| *long == word).map(|(_, letter)| *letter),
    }
}

/// The chain with this name. Built-in ones are there; others are taken for made, the reader says so.
fn chain<'c>(chains: &'c mut Vec<Chain>, table: &str, name: &str, line: usize) -> Result<&'c mut Chain, &'static str> {
    let at = match chains.iter().position(|chain| chain.name == name) {
        Some(at) => at,
        None if builtin(table, name).is_some() => {
            chains.push(Chain { name: name.to_owned(), policy: Some("ACCEPT"), line, rules: Vec::new() });
            chains.len() - 1
        }
        None => return Err("a command on a chain that no command makes"),
    };
    Ok(&mut chains[at])
}

/// `-s A,B` makes a rule for each of them.
fn each_address<'w>(words: &[&'w str]) -> Vec<Vec<&'w str>> {
    let mut rules: Vec<Vec<&str>> = vec![Vec::new()];
    let mut option = "";
    for word in words {
        let several = matches!(option, "-s" | "-d" | "--source" | "--src" | "--destination" | "--dst");
        let parts: Vec<&str> = if several { word.split(',').take(64).collect() } else { vec![*word] };
        rules = rules
            .iter()
            .flat_map(|rule| parts.iter().map(|part| rule.iter().copied().chain([*part]).collect()))
            .take(1024)
            .collect();
        option = *word;
    }
    rules
}

/// Words as they stand in a dump.
fn quoted(words: &[&str]) -> String {
    let mut out = String::new();
    for word in words {
        iptables::push_value(&mut out, word);
    }
    out
}

fn write(tables: &Tables, family: IpFamily, backend: Option<Backend>) -> Made {
    let mut made = Made { text: String::new(), lines: Vec::new(), family, backend };
    let mut push = |line: usize, text: &str| {
        made.text.push_str(&text.replace('\n', " "));
        made.text.push('\n');
        made.lines.push(line);
    };
    for (name, chains) in tables {
        let first = chains.iter().map(|chain| chain.line).min().unwrap_or(1);
        push(first, &format!("*{name}"));
        for chain in chains {
            push(chain.line, &format!(":{} {} [0:0]", chain.name, chain.policy.unwrap_or("-")));
        }
        for chain in chains {
            for (line, rule) in &chain.rules {
                push(*line, &format!("-A {}{rule}", chain.name));
            }
        }
        push(first, "COMMIT");
    }
    made
}
