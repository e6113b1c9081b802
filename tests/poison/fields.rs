//! No field that holds text is forgotten: those of the source are met in the host, with poison in them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::host::host;

/// Texts that nobody outside chooses: the kernel's own names and words of the tools.
const FIXED: [&str; 35] = [
    "TEE",
    "hash:own",
    "--gateway",
    "--oif",
    "own",
    "OWN",
    "__chain1",
    "__chain2",
    "",
    "!",
    "lo",
    "all",
    "default",
    "DEFAULT",
    "filter",
    "nat",
    "mangle",
    "raw",
    "security",
    "PREROUTING",
    "INPUT",
    "FORWARD",
    "OUTPUT",
    "POSTROUTING",
    "bm",
    "kmp",
    "ftp",
    "Linux",
    "__set0",
    "--what",
    "--more",
    "-m",
    "-j",
    "of",
    "it",
];

/// Fields that this host has no text in: what the kernel alone names (textsearch, helpers), fields whose text is told as that of
/// another (`Neg`'s `value`, a map's keys), and what is no field.
const ELSEWHERE: [&str; 13] = [
    "algorithm",
    "genre",
    "helper",
    "path",
    "Helper",
    "timeout",
    "ids",
    "ip",
    "ip6",
    "chain",
    "known",
    "Some",
    "table",
];

/// The names of fields and variants that hold text, in the files that say what a host is.
fn fields() -> Vec<String> {
    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.is_dir() {
                true if entry.ends_with("redact") => {}
                true => files(&entry, found),
                false => found.push(entry),
            }
        }
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = vec![source.join("host.rs")];
    files(&source.join("host"), &mut found);
    let mut names = Vec::new();
    for file in found {
        let text = fs::read_to_string(file).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        for line in text.lines().map(str::trim).filter(|line| line.ends_with(',') && !line.contains("fn ")) {
            let line = line.trim_start_matches("pub ");
            let Some((name, kind)) = line.split_once([':', '(']) else { continue };
            let words: Vec<&str> = kind.split(|c: char| !c.is_alphanumeric()).collect();
            let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
            if plain && words.iter().any(|word| ["String", "Name", "str"].contains(word)) && !kind.contains('"') {
                names.push(name.to_owned());
            }
        }
    }
    names.sort();
    names.dedup();
    assert!(names.len() > 30, "{names:?}");
    names
}

#[test]
fn no_field_is_forgotten() {
    let debug = format!("{:?}", host());
    let mut clean: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut poisoned: BTreeSet<&str> = BTreeSet::new();
    let (mut rest, mut field) = (&debug[..], "");
    while let Some((before, after)) = rest.split_once('"') {
        let name = before.trim_end_matches(|c: char| !c.is_alphanumeric());
        let name =
            name.rsplit(|c: char| !c.is_alphanumeric() && c != '_').find(|word| !word.is_empty() && *word != "Some");
        field = name.filter(|_| before.contains([':', '('])).unwrap_or(field);
        let mut escaped = false;
        let ends = |c| {
            let before = escaped;
            escaped = c == '\\' && !before;
            c == '"' && !before
        };
        let end = after.find(ends).unwrap();
        let text = &after[..end];
        match text.contains("\\u{202e}") {
            true => drop(poisoned.insert(field)),
            false => drop(clean.insert((field, text))),
        }
        rest = &after[end + 1..];
    }
    let unmet: Vec<String> = fields()
        .into_iter()
        .filter(|field| !poisoned.contains(field.as_str()) && !ELSEWHERE.contains(&field.as_str()))
        .collect();
    assert!(unmet.is_empty(), "fields of a host that hold text, and are in none of this one: {unmet:?}");
    clean.retain(|(_, text)| !FIXED.contains(text));
    assert!(clean.is_empty(), "{clean:?}");
}
