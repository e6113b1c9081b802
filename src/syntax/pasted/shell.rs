//! Lines of a terminal: a prompt, and a command whose output follows or that changes rules.
//!
//! Knows how prompts end and what the tools are called. Deliberately runs nothing, and knows no variable of a shell.

use crate::host::{Backend, IpFamily};

/// What a command tells of what it prints.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Hints {
    /// The family of iptables' tables.
    pub(super) family: Option<IpFamily>,
    /// Their backend, where the command's name has it.
    pub(super) backend: Option<Backend>,
    /// The only table that is listed: `iptables -S` lists one.
    pub(super) table: Option<String>,
}

/// What a command does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said<'t> {
    /// It prints rules or sets.
    Lists(Hints),
    /// It changes iptables' rules: the words after its name.
    Changes(Hints, Vec<String>),
    /// `ipset create …` or `ipset add …`, without the name of the program.
    Sets(&'t str),
    /// It changes rules, but its name or a word of it is a variable of the shell, or it is one of nft's own.
    Unreadable(&'static str),
    /// Something else.
    Foreign,
    /// Nothing: a prompt that waits.
    Nothing,
}

/// A line of a terminal or of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shell<'t> {
    /// Whether a prompt stands before the command.
    pub(super) prompt: bool,
    /// The command as it stands there.
    pub(super) command: &'t str,
    pub(super) said: Said<'t>,
}

/// How far into a line a prompt may reach, in bytes.
const PROMPT: usize = 120;

/// What may stand around a command that is a heading.
const DECORATION: [char; 10] = ['#', '*', '=', '-', '_', ':', '`', '"', '\'', ' '];

/// Reads a line that is none of a dump.
pub(super) fn read(line: &str) -> Option<Shell<'_>> {
    if let Some(said) = command(line, true) {
        return Some(Shell { prompt: false, command: line, said });
    }
    for (at, sign) in line.char_indices().take_while(|(at, _)| *at < PROMPT) {
        let rest = &line[at + sign.len_utf8()..];
        if !matches!(sign, '#' | '$' | '%' | '>' | '❯' | '➜' | '+') || !(rest.is_empty() || rest.starts_with(' ')) {
            continue;
        }
        let rest = rest.trim_start();
        if let Some(said) = command(rest, false) {
            return Some(Shell { prompt: true, command: rest, said });
        }
        if is_prompt(line[..at].trim_end()) || (sign == '$' && at == 0 && !rest.is_empty()) {
            let said = if rest.is_empty() { Said::Nothing } else { Said::Foreign };
            return Some(Shell { prompt: true, command: rest, said });
        }
    }
    heading(line)
}

/// A heading that is a command, or has one in backquotes: `## iptables -S`, ``Output of `nft list ruleset`:``.
fn heading(line: &str) -> Option<Shell<'_>> {
    let quoted = line.split('`').skip(1).step_by(2);
    std::iter::once(line.trim_matches(DECORATION)).chain(quoted).find_map(|text| match command(text, true)? {
        said @ Said::Lists(_) => Some(Shell { prompt: true, command: text, said }),
        _ => None,
    })
}

/// Whether this stands before the sign that ends a prompt: `root@host:~`, `[root@host ~]`, `bash-5.1`, `/`.
fn is_prompt(before: &str) -> bool {
    let name = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
    let inner = before.rsplit_once(')').map_or(before, |(_, after)| after).trim_start().trim_start_matches('[');
    if let Some((user, rest)) = inner.split_once('@') {
        let host = rest.split([':', ' ', ']']).next().unwrap_or_default();
        return name(user) && name(host);
    }
    let shell = ["bash-", "sh-"].iter().find_map(|shell| before.strip_prefix(shell));
    shell.is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()))
}

/// The words of a command up to what a shell does with its output; `None` where a quote does not end.
pub(super) fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            ' ' | '\t' | '\r' => words.extend(word.take()),
            '|' | ';' | '&' | '>' | '<' => {
                // `2>/dev/null`
                word = word.filter(|word| word.bytes().any(|sign| !sign.is_ascii_digit()));
                break;
            }
            '#' if word.is_none() => break,
            '\'' => loop {
                match signs.next()? {
                    '\'' => break,
                    sign => word.get_or_insert_default().push(sign),
                }
            },
            '"' => {
                word.get_or_insert_default();
                loop {
                    match signs.next()? {
                        '"' => break,
                        '\\' if matches!(signs.peek(), Some('"' | '\\' | '$' | '`')) => {
                            word.get_or_insert_default().extend(signs.next());
                        }
                        sign => word.get_or_insert_default().push(sign),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(signs.next()),
            sign => word.get_or_insert_default().push(sign),
        }
    }
    words.extend(word);
    Some(words)
}

/// What a command does; `None` where it is none of ours. `strict`: nothing but what may stand before a command does.
fn command(text: &str, strict: bool) -> Option<Said<'_>> {
    if text.len() > 4096 || !text.contains(|sign: char| sign.is_ascii_lowercase() || sign == '$') {
        return None;
    }
    let mut rest = text.trim_end();
    for _ in 0..8 {
        let (word, after) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
        let after = after.trim_start();
        if let Some(said) = by_program(word, after) {
            return Some(said);
        }
        let is_before =
            matches!(word, "sudo" | "doas" | "env" | "exec" | "time" | "then" | "do" | "else" | "ip" | "netns")
                || word.starts_with('-')
                || word
                    .split_once('=')
                    .is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
        if after.is_empty() || strict && (!is_before || word.starts_with('-') && rest.len() == text.trim_end().len()) {
            return None;
        }
        rest = after;
    }
    None
}

fn by_program<'t>(word: &str, after: &'t str) -> Option<Said<'t>> {
    let name = word.rsplit('/').next().unwrap_or(word);
    let first = after.split([' ', '\t']).next().unwrap_or_default();
    if is_variable(word) {
        let option =
            after.split([' ', '\t']).any(|word| matches!(word, "-A" | "-I" | "-P" | "-N" | "-F" | "-X" | "-t" | "-D"));
        return option.then_some(Said::Unreadable("the program is a variable of the shell, which is not known"));
    }
    match name {
        "nft" => nft(after),
        "ipset" => match first {
            "save" | "-S" => Some(Said::Lists(Hints::default())),
            "create" | "add" | "-exist" | "-!" => Some(Said::Sets(after)),
            "list" | "-L" | "restore" | "flush" | "destroy" | "-N" | "-A" => Some(Said::Foreign),
            _ => None,
        },
        "whyport" => (first == "rules").then(|| Said::Lists(Hints::default())),
        _ => iptables(name, after),
    }
}

fn is_variable(word: &str) -> bool {
    let word = word.trim_matches('"');
    word.strip_prefix('$').is_some_and(|name| name.starts_with(|c: char| c == '{' || c.is_ascii_alphabetic()))
}

fn nft(after: &str) -> Option<Said<'_>> {
    let mut words = after.split([' ', '\t']).filter(|word| !word.starts_with('-') && !word.is_empty());
    match words.next().map(|word| word.trim_matches(['\'', '"'])) {
        Some("list") => Some(Said::Lists(Hints::default())),
        Some("add" | "insert" | "create" | "delete" | "flush" | "replace" | "rename") => {
            Some(Said::Unreadable("commands of nft are not read; give what nft list ruleset prints"))
        }
        _ => None,
    }
}

/// Every table that iptables and ip6tables know (`xtables_table` in nft.c, the modules `iptable_*`).
const TABLES: [&str; 5] = ["filter", "nat", "mangle", "raw", "security"];

/// A program of iptables by its name: `ip6tables-legacy-save`.
fn iptables<'t>(name: &str, after: &'t str) -> Option<Said<'t>> {
    let (family, rest) = match (name.strip_prefix("iptables"), name.strip_prefix("ip6tables")) {
        (Some(rest), _) => (IpFamily::V4, rest),
        (_, Some(rest)) => (IpFamily::V6, rest),
        (None, None) => return None,
    };
    let (backend, rest) = match (rest.strip_prefix("-legacy"), rest.strip_prefix("-nft")) {
        (Some(rest), _) => (Some(Backend::IptablesLegacy), rest),
        (_, Some(rest)) => (Some(Backend::IptablesNft), rest),
        (None, None) => (None, rest),
    };
    let words = words(after)?;
    let no_table = !TABLES.contains(&&*table(&words));
    let options_only = words.first().is_none_or(|word| word.starts_with(['-', '!']));
    let mut hints = Hints { family: Some(family), backend, table: None };
    match rest {
        _ if !options_only => None,
        "-save" => Some(Said::Lists(hints)),
        "-restore" => Some(Said::Foreign),
        "" if words.is_empty() => None,
        "" if no_table => Some(Said::Unreadable("it names no table of iptables")),
        "" => {
            let has = |names: [&str; 2]| words.iter().any(|word| names.contains(&word.as_str()));
            if has(["-S", "--list-rules"]) || words.iter().any(|word| lists(word, 'S')) {
                // Several listings on one line are of several tables.
                let alone = after.matches("tables").count() == 0;
                hints.table = alone.then(|| table(&words));
                return Some(Said::Lists(hints));
            }
            if has(["-L", "--list"])
                || words.iter().any(|word| lists(word, 'L'))
                || has(["-V", "--version"])
                || has(["-h", "--help"])
            {
                return Some(Said::Foreign);
            }
            if words.iter().any(|word| word.contains(['$', '`'])) {
                return Some(Said::Unreadable("a part of it is a variable of the shell, which is not known"));
            }
            Some(Said::Changes(hints, words))
        }
        _ => None,
    }
}

/// `-nvL`: letters of which one lists.
fn lists(word: &str, by: char) -> bool {
    word.strip_prefix('-').is_some_and(|letters| {
        letters.contains(by) && letters.chars().all(|letter| matches!(letter, 'n' | 'v' | 'x') || letter == by)
    })
}

/// The table that a command names; without one it means `filter`.
pub(super) fn table(words: &[String]) -> String {
    let named = words.iter().zip(words.iter().skip(1)).find(|(option, _)| matches!(option.as_str(), "-t" | "--table"));
    let joined = || words.iter().find_map(|word| word.strip_prefix("--table=").or_else(|| word.strip_prefix("-t")));
    named.map(|(_, name)| name.as_str()).or_else(joined).unwrap_or("filter").to_owned()
}
