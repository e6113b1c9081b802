//! The rules of the iptables test suite, loaded by the tools and read from the kernel. Run by the script beside this file,
//! which brings the suite: it is too long, and not ours, to be kept here.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "nft/apart.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod apart;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use apart::{apart, read};
use whyport::host::xt::{Match, Rule, Target};
use whyport::host::{Backend, Body, Family, IpFamily, Ruleset, Table};
use whyport::syntax::iptables::{self, Options};

/// How much of a text is told where it differs, in letters.
const LONGEST: usize = 600;

/// A tool of this machine.
#[derive(Clone, Copy)]
struct Tool {
    family: IpFamily,
    backend: Backend,
}

impl Tool {
    fn name(self) -> String {
        let six = if self.family == IpFamily::V6 { "6" } else { "" };
        let kind = if self.backend == Backend::IptablesLegacy { "legacy" } else { "nft" };
        format!("ip{six}tables-{kind}")
    }

    fn options(self) -> Options {
        Options { family: Some(self.family), backend: self.backend }
    }
}

/// A line of the suite.
struct Line {
    table: String,
    chains: Vec<String>,
    kind: Kind,
}

enum Kind {
    /// A rule, and how the suite wants it saved, where it wants that at all.
    Rule(String, Option<String>),
    /// What is run before the rules that follow; `iptables` in it stands for the tool.
    Command(String),
}

/// The lines of one file of the suite.
fn lines(path: &Path) -> Vec<Line> {
    let (mut table, mut chains) = ("filter".to_owned(), Vec::new());
    let mut found = Vec::new();
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let kind = match line.split_at_checked(1) {
            Some(("*", name)) => {
                table = name.trim().to_owned();
                continue;
            }
            Some((":", names)) => {
                chains = names.trim().split(',').map(str::to_owned).collect();
                continue;
            }
            Some(("#", _)) | None => continue,
            Some(("@" | "%", command)) => Kind::Command(command.to_owned()),
            Some(_) => {
                let parts: Vec<&str> = line.split(';').collect();
                let wanted = (parts[2].trim() == "OK").then(|| if parts[1] == "=" { parts[0] } else { parts[1] });
                Kind::Rule(parts[0].to_owned(), wanted.map(|wanted| wanted.trim().to_owned()))
            }
        };
        found.push(Line { table: table.clone(), chains: chains.clone(), kind });
    }
    found
}

/// What came of all rules of a tool.
#[derive(Default)]
struct Counts {
    tried: usize,
    loaded: usize,
    read: usize,
    printed: usize,
    parsed: usize,
    written: usize,
    typed: usize,
    /// Whether the file is meant for this family: upstream runs what is for both with IPv4 alone.
    own: bool,
    /// Rules that the suite wants loaded and this machine does not load, and those of them whose text comes out as wanted.
    lacking: usize,
    wanted: usize,
    told: String,
}

fn shell(command: &str) -> (bool, String) {
    let output =
        Command::new("sh").args(["-c", command]).env("XTABLES_LOCKFILE", "/dev/null").stdin(Stdio::null()).output();
    let output = output.unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The last rule of this chain: before it stands what the suite's commands put there.
fn last<'r>(ruleset: &'r Ruleset, tool: Tool, line: &Line, chain: &str) -> Option<(&'r Table, &'r Body, String)> {
    let family = if tool.family == IpFamily::V4 { Family::Ip } else { Family::Ip6 };
    let table = ruleset.tables.iter().find(|table| *table.name == *line.table && table.family == family)?;
    let chain = &table.chains[table.chain_index(chain)?];
    let rule = chain.rules.last()?;
    let text = match &rule.body {
        Body::Iptables(rule) => iptables::rule_text(table, chain, rule),
        Body::Nft(_) => "a native rule".to_owned(),
    };
    Some((table, &rule.body, text))
}

fn is_typed(rule: &Rule) -> bool {
    !matches!(rule.target, Target::Opaque(_)) && !rule.matches.iter().any(|one| matches!(one, Match::Opaque(_)))
}

/// What is made of a rule as the suite writes it.
fn written(tool: Tool, line: &Line, chain: &str, rule: &str) -> Ruleset {
    // A shell's quotes are not all those of iptables-restore.
    let rule = rule.replace('\'', "\"");
    let text = format!("*{}\n:{chain} ACCEPT [0:0]\n-A {chain} {rule}\nCOMMIT\n", line.table);
    iptables::parse(&text, &tool.options()).ruleset
}

/// A rule that this machine does not load: its text alone is held against what the suite wants.
fn lacking(tool: Tool, line: &Line, rule: &str, wanted: &str, counts: &mut Counts) {
    counts.lacking += 1;
    let chain = &line.chains[0];
    let ruleset = written(tool, line, chain, rule);
    let found = last(&ruleset, tool, line, chain);
    let text = found.as_ref().map_or("nothing", |found| &found.2);
    if text == format!("-A {chain} {wanted}") && matches!(found, Some((_, Body::Iptables(rule), _)) if is_typed(rule)) {
        counts.wanted += 1;
    } else {
        let _ = writeln!(
            counts.told,
            "{} does not load: {rule}\n    wanted: {wanted}\n    text, printed: {text}",
            tool.name()
        );
    }
}

/// Tries one rule in the first chain of its list that takes it.
fn try_rule(tool: Tool, line: &Line, rule: &str, wanted: Option<&str>, counts: &mut Counts) {
    let name = tool.name();
    counts.tried += 1;
    let loaded = line.chains.iter().find_map(|chain| {
        let command = format!("{name} -t {} -A {chain} {rule} && {name}-save -t {}", line.table, line.table);
        let (done, text) = shell(&command);
        done.then_some((chain, text))
    });
    let Some((chain, saved)) = loaded else {
        if let Some(wanted) = wanted.filter(|_| counts.own) {
            lacking(tool, line, rule, wanted, counts);
        }
        return;
    };
    counts.loaded += 1;
    let saved_line = saved.lines().rfind(|line| line.starts_with(&format!("-A {chain} "))).unwrap_or_default();
    let own = read().ruleset;
    let parsed = iptables::parse(&saved, &tool.options()).ruleset;
    let written = written(tool, line, chain, rule);
    let mut differs = Vec::new();
    let found = last(&own, tool, line, chain);
    let again = last(&parsed, tool, line, chain);
    let first = last(&written, tool, line, chain);
    let text = |of: &Option<(&Table, &Body, String)>| of.as_ref().map_or("nothing".to_owned(), |of| of.2.clone());
    if found.as_ref().is_some_and(|of| matches!(of.1, Body::Iptables(rule) if is_typed(rule))) {
        counts.typed += 1;
    } else {
        differs.push(("kept as bytes", text(&found)));
    }
    if found.is_some() && found.as_ref().map(|of| of.1) == again.as_ref().map(|of| of.1) {
        counts.read += 1;
    } else {
        let debug = |of: &Option<(&Table, &Body, String)>| of.as_ref().map(|of| format!("{:?}", of.1));
        differs.push(("kernel's rule", debug(&found).unwrap_or_default()));
        differs.push(("text's rule  ", debug(&again).unwrap_or_default()));
    }
    for (what, text, count) in [
        ("kernel, printed", text(&found), &mut counts.printed),
        ("text, printed", text(&again), &mut counts.parsed),
        ("as written, printed", text(&first), &mut counts.written),
    ] {
        if text == saved_line { *count += 1 } else { differs.push((what, text)) }
    }
    if !differs.is_empty() {
        let _ = writeln!(counts.told, "{name} -t {}: {rule}\n    saved: {saved_line}", line.table);
        differs.iter().for_each(|(what, text)| {
            let text: String = text.chars().take(LONGEST).collect();
            let _ = writeln!(counts.told, "    {what}: {text}");
        });
    }
    let count = saved.lines().filter(|line| line.starts_with(&format!("-A {chain} "))).count();
    shell(&format!("{name} -t {} -D {chain} {count}", line.table));
}

/// The tools that a file is for, by its name.
fn tools(file: &str) -> Vec<Tool> {
    let families: &[IpFamily] = match file.split('_').next() {
        Some("libipt") => &[IpFamily::V4],
        Some("libip6t") => &[IpFamily::V6],
        Some("libxt" | "iptables") => &[IpFamily::V4, IpFamily::V6],
        _ => &[],
    };
    let backends = [Backend::IptablesLegacy, Backend::IptablesNft];
    families.iter().flat_map(|family| backends.map(|backend| Tool { family: *family, backend })).collect()
}

fn files() -> Vec<PathBuf> {
    let source = std::env::var("WHYPORT_IPTABLES_SOURCE").expect("run tests/upstream, which names the source");
    let only = std::env::var("WHYPORT_UPSTREAM_ONLY").unwrap_or_default();
    let only: Vec<&str> = only.split_whitespace().collect();
    let mut files: Vec<PathBuf> = std::fs::read_dir(Path::new(&source).join("extensions"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "t"))
        .filter(|path| only.is_empty() || only.iter().any(|name| path.file_stem().is_some_and(|stem| stem == *name)))
        .collect();
    files.sort();
    files
}

#[test]
#[ignore = "brings the suite of another project: run tests/upstream"]
fn rules_of_the_iptables_suite() {
    let mut all: Vec<(String, Counts)> = Vec::new();
    for path in files() {
        for tool in tools(path.file_stem().unwrap().to_str().unwrap()) {
            let place = all.iter().position(|(name, _)| *name == tool.name()).unwrap_or_else(|| {
                all.push((tool.name(), Counts::default()));
                all.len() - 1
            });
            let counts = Arc::new(Mutex::new(std::mem::take(&mut all[place].1)));
            let (path, shared) = (path.clone(), counts.clone());
            apart(move || {
                let mut counts = shared.lock().unwrap();
                let six = path.file_stem().is_some_and(|stem| stem.to_string_lossy().starts_with("libip6t"));
                counts.own = six == (tool.family == IpFamily::V6);
                for line in lines(&path) {
                    match &line.kind {
                        Kind::Rule(rule, wanted) => try_rule(tool, &line, rule, wanted.as_deref(), &mut counts),
                        Kind::Command(command) => {
                            shell(&command.replace("iptables", &tool.name()));
                        }
                    }
                }
            });
            all[place].1 = Arc::into_inner(counts).unwrap().into_inner().unwrap();
        }
    }
    all.iter().for_each(|(_, counts)| print!("{}", counts.told));
    println!("tool               tried loaded  typed   read printed parsed written lacking wanted");
    for (name, c) in &all {
        println!(
            "{name:<18} {:>5} {:>6} {:>6} {:>6} {:>7} {:>6} {:>7} {:>7} {:>6}",
            c.tried, c.loaded, c.typed, c.read, c.printed, c.parsed, c.written, c.lacking, c.wanted
        );
    }
    for (name, c) in all {
        assert_eq!([c.typed, c.read, c.printed, c.parsed], [c.loaded; 4], "{name}");
    }
}
