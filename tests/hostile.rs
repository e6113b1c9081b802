//! Any text is read without a panic, and what was made of it prints to a text that is read as the same.
//!
//! The mutated dumps are what a fuzzer would try; `fuzz/` holds the same properties for cargo-fuzz.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use whyport::host::{Backend, IpFamily};
use whyport::snapshot;
use whyport::syntax::{iptables, looks_like};

const OPTIONS: [iptables::Options; 3] = [
    iptables::Options { family: None, backend: Backend::IptablesNft },
    iptables::Options { family: Some(IpFamily::V4), backend: Backend::IptablesLegacy },
    iptables::Options { family: Some(IpFamily::V6), backend: Backend::IptablesNft },
];

fn print_all(dump: &iptables::Dump, family: IpFamily, backend: Backend) -> String {
    iptables::print(&dump.ruleset, Some(&dump.observations), family, backend)
}

/// Whatever the text is: every kind of dump in it prints to what prints the same again.
fn holds(text: &str) -> Result<(), TestCaseError> {
    looks_like(text);
    for options in &OPTIONS {
        let dump = iptables::parse(text, options);
        let lines = text.lines().count().max(1);
        prop_assert!(dump.diagnostics.iter().all(|found| (1..=lines).contains(&found.line)), "{:?}", dump.diagnostics);
        for family in [IpFamily::V4, IpFamily::V6] {
            for backend in [Backend::IptablesNft, Backend::IptablesLegacy] {
                let printed = print_all(&dump, family, backend);
                let again = iptables::parse(&printed, &iptables::Options { family: Some(family), backend });
                let reprinted = print_all(&again, family, backend);
                let differs = reprinted.lines().zip(printed.lines()).find(|(new, old)| new != old);
                prop_assert!(reprinted == printed, "{differs:?} in {text}");
                let damaged =
                    again.diagnostics.iter().find(|found| found.kind == whyport::syntax::DiagnosticKind::Damaged);
                prop_assert!(damaged.is_none(), "{:?} of {}", damaged, printed);
            }
        }
    }
    Ok(())
}

fn words() -> Vec<String> {
    let rules = include_str!("data/tools/rules.txt");
    let mut words: Vec<String> = rules.split_whitespace().map(str::to_owned).collect();
    for odd in [
        "-A",
        "-P",
        "-N",
        "-c",
        "[1:2]",
        "*filter",
        "*nat",
        ":INPUT",
        ":USER",
        "ACCEPT",
        "-",
        "!",
        "\"",
        "\\",
        "'",
        "\"!\"",
        "\"-j\"",
        "\"--dport\"",
        "\"a b\"",
        "\"\"",
        "a\"b c\"",
        "COMMIT",
        "#",
        "0",
        "-1",
        "99999999999999999999",
        "\r",
        "\t",
        "\u{0}",
        "ä\u{301}",
        "/",
        ",",
        ":",
        "::",
        "[",
        "]",
        "+",
        "-m",
        "-j",
        "-g",
        "INPUT",
        "USER",
        "--",
        "0x",
        "4294967295",
    ] {
        words.push(odd.to_owned());
    }
    words.sort();
    words.dedup();
    words
}

/// Lines of known words in any order, so that they come far into the parser.
fn dumps() -> impl Strategy<Value = String> {
    let word = select(words());
    let line = prop_oneof![
        4 => prop::collection::vec(word.clone(), 0..12).prop_map(|words| format!("-A INPUT {}", words.join(" "))),
        1 => prop::collection::vec(word, 0..6).prop_map(|words| words.join(" ")),
    ];
    prop::collection::vec(line, 0..6)
        .prop_map(|lines| format!("*filter\n:INPUT ACCEPT [0:0]\n:USER - [0:0]\n{}\nCOMMIT\n", lines.join("\n")))
}

/// How often to try; `WHYPORT_FUZZ` multiplies it, for a longer hunt.
fn rounds(usual: u32) -> u32 {
    std::env::var("WHYPORT_FUZZ").ok().and_then(|times| times.parse::<u32>().ok()).unwrap_or(1).saturating_mul(usual)
}

fn check(cases: u32, texts: impl Strategy<Value = String>) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new(config).run(&texts, |text| holds(&text)).unwrap();
}

#[test]
fn any_text_is_read() {
    check(rounds(300), any::<String>());
}

#[test]
fn lines_of_known_words_are_read() {
    check(rounds(3_000), dumps());
}

fn seeds() -> Vec<String> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus");
    let mut files: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let seeds: Vec<String> = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    assert!(seeds.len() > 15);
    seeds
}

/// A small generator of numbers (xorshift), so that a failure comes again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

/// A window of a seed with some of its bytes changed, lost, doubled, or taken from elsewhere.
fn mutate(seed: &str, dice: &mut Dice) -> String {
    let bytes = seed.as_bytes();
    let start = dice.below(bytes.len());
    let mut window = bytes[start..bytes.len().min(start + 600)].to_vec();
    for _ in 0..=dice.below(6) {
        let at = dice.below(window.len());
        let other = bytes[dice.below(bytes.len())];
        match dice.below(5) {
            0 if !window.is_empty() => window[at] = other,
            1 if !window.is_empty() => drop(window.remove(at)),
            2 => window.insert(at, b" \"\\!-:[]\n,/"[dice.below(11)]),
            3 => window.truncate(at),
            _ => {
                let end = (at + dice.below(40)).min(window.len());
                let part = window[at..end].to_vec();
                let to = dice.below(window.len());
                window.splice(to..to, part);
            }
        }
    }
    let head = if dice.below(2) == 0 { "*nat\n:PREROUTING ACCEPT [0:0]\n" } else { "" };
    format!("{head}{}", String::from_utf8_lossy(&window))
}

#[test]
fn mutated_dumps_are_read() {
    let mut dice = Dice(0x5eed);
    let seeds = seeds();
    for _ in 0..rounds(3_000) {
        let text = mutate(&seeds[dice.below(seeds.len())], &mut dice);
        holds(&text).unwrap();
    }
}

#[test]
fn mutated_snapshots_are_read() {
    let mut dice = Dice(0x5a9);
    let seed = snapshot::demo("k3s-port-80").unwrap();
    for _ in 0..rounds(150) {
        let text = format!("# whyport snapshot 1\n[namespace a]\n{}", mutate(seed, &mut dice));
        let printed = snapshot::print(&snapshot::parse(&text).host);
        assert_eq!(snapshot::print(&snapshot::parse(&printed).host), printed, "{text}");
    }
}
