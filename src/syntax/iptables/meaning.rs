//! Which option a word means at its place: the name in full, or as much of it as leaves one, which is all that getopt_long(3)
//! asks for. `--to 10.0.0.2` behind `-j DNAT` is `--to-destination`.
//!
//! Knows the options of every rule, and asks those extensions that the rule has named so far. Deliberately does not know
//! what options take, nor the match that a protocol alone loads.

use super::option::Row;
use super::rule::Open;

/// What an option means where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// An option that every rule may have, by its letter.
    Every(u8),
    /// An option of an extension, by its place among those that the rule named.
    Own(usize, Row),
    /// Nothing, or one of several.
    Unknown,
}

/// The options that every rule may have, by their letter (iptables(8)).
const LETTERS: [(&str, u8); 12] = [
    ("--match", b'm'),
    ("--jump", b'j'),
    ("--goto", b'g'),
    ("--source", b's'),
    ("--src", b's'),
    ("--destination", b'd'),
    ("--dst", b'd'),
    ("--in-interface", b'i'),
    ("--out-interface", b'o'),
    ("--protocol", b'p'),
    ("--fragments", b'f'),
    ("--set-counters", b'c'),
];

/// What else the tools' command line knows: no part of a rule, but a short name may mean it as well.
const COMMANDS: [&str; 24] = [
    "--append",
    "--check",
    "--delete",
    "--delete-chain",
    "--exact",
    "--flush",
    "--help",
    "--insert",
    "--ipv4",
    "--ipv6",
    "--line-numbers",
    "--list",
    "--list-rules",
    "--modprobe",
    "--new-chain",
    "--numeric",
    "--policy",
    "--rename-chain",
    "--replace",
    "--table",
    "--verbose",
    "--version",
    "--wait",
    "--zero",
];

/// The letter of an option that every rule may have; of another short option its own.
fn letter(option: &str) -> Option<u8> {
    match option.as_bytes() {
        [b'-', letter] => Some(*letter),
        _ => LETTERS.iter().find(|(long, _)| *long == option).map(|(_, letter)| *letter),
    }
}

/// What an option means behind these extensions.
pub(super) fn meaning(option: &str, open: &[Open]) -> Meaning {
    // Of several extensions that know the name, the last is meant (`xtables_merge_options`).
    let named = || open.iter().enumerate().rev().find_map(|(at, open)| Some((at, open.option(option)?)));
    let long = option.starts_with("--");
    if let Some((at, row)) = long.then(named).flatten() {
        return Meaning::Own(at, row);
    }
    match letter(option) {
        Some(letter) => Meaning::Every(letter),
        None if long && !COMMANDS.contains(&option) => beginning(option, open).unwrap_or(Meaning::Unknown),
        None => Meaning::Unknown,
    }
}

/// The one option that begins so. Behind an extension whose options nobody knows, there may always be another.
fn beginning(start: &str, open: &[Open]) -> Option<Meaning> {
    let mut found = Vec::new();
    for (at, one) in open.iter().enumerate() {
        let rows = one.beginning(start)?;
        // A match that is named again takes the place of the one before (`xtables_find_match`).
        if !open[at + 1..].iter().any(|later| later.is_again(one)) {
            found.extend(rows.into_iter().map(|row| Meaning::Own(at, row)));
        }
    }
    found.extend(LETTERS.iter().filter(|(long, _)| long.starts_with(start)).map(|(_, letter)| Meaning::Every(*letter)));
    found.extend(COMMANDS.iter().filter(|long| long.starts_with(start)).map(|_| Meaning::Unknown));
    match found[..] {
        [one] => Some(one),
        _ => None,
    }
}
