//! nft's language, held against nft: what is read of its listing is what the kernel has that lists it.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "nft/apart.rs"]
mod apart;

#[path = "nft/sections.rs"]
mod sections;

use std::sync::mpsc;

use apart::{apart, read, run};
use sections::{SETS, sections, table};
use whyport::host::nft::{Details, Expression, Set};
use whyport::host::{Body, Chain, Namespace, Ruleset, Table};
use whyport::syntax::nft;

/// What whyport reads of a namespace of its own into which this is loaded, and how nft lists it.
fn loaded(text: String, options: &'static [&'static str]) -> (Namespace, String) {
    let (to, from) = mpsc::channel();
    apart(move || {
        run(&["ip", "link", "add", "dummy7", "type", "bridge"], "");
        run(&["nft", "-f", "-"], &text);
        let list: Vec<&str> = ["nft"].iter().chain(options).chain(&["list", "ruleset"]).copied().collect();
        to.send((read(), run(&list, ""))).unwrap();
    });
    from.recv().unwrap()
}

fn expressions(table: &Table, chain: &str) -> Vec<Vec<Expression>> {
    let chain = table.chain_index(chain).map(|at| &table.chains[at]);
    let rules = chain.iter().flat_map(|chain| &chain.rules);
    let body = |body: &Body| match body {
        Body::Nft(rule) => rule.expressions.to_vec(),
        Body::Iptables(_) => Vec::new(),
    };
    rules.map(|rule| body(&rule.body)).collect()
}

/// A set without its handle, which only `nft -a` tells.
fn without_handle(set: &Set) -> Set {
    Set { details: Details { handle: None, ..set.details.clone() }, ..set.clone() }
}

#[test]
fn rules_are_read_as_nft_stores_them() {
    let mut wrong = Vec::new();
    let files = [
        include_str!("data/native-rules.txt"),
        include_str!("data/native-expressions.txt"),
        include_str!("data/language-rules.txt"),
    ];
    for (family, rules) in files.into_iter().flat_map(sections) {
        let (_, listing) = loaded(table(family, SETS, &rules), &[]);
        let (again, _) = loaded(listing.clone(), &[]);
        let dump = nft::parse(&listing, &again.links);
        let (kernel, own) = (&again.ruleset.tables[0], &dump.ruleset.tables[0]);
        for (at, rule) in rules.iter().enumerate() {
            let name = format!("c{at}");
            let (kernel, own) = (expressions(kernel, &name), expressions(own, &name));
            if kernel != own {
                wrong.push(format!("{family}: {rule}\n  kernel: {kernel:?}\n  own: {own:?}\n"));
            }
        }
        for (kernel, own) in kernel.sets.iter().zip(&own.sets) {
            let kernel = without_handle(kernel);
            if kernel != *own {
                wrong.push(format!("{family}: {kernel:?}\n  own: {own:?}\n"));
            }
        }
        wrong.extend(dump.diagnostics.iter().map(|said| format!("{family}: line {}: {}\n", said.line, said.text)));
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.concat());
}

/// Rulesets as tools make them, and one with everything that a table may have.
const RULESETS: [&str; 5] = [
    include_str!("data/native/docker.nft"),
    include_str!("data/native/firewalld.nft"),
    include_str!("data/native/families.nft"),
    include_str!("data/native/types.nft"),
    include_str!("data/native/objects.nft"),
];

/// A table without what only `nft -a` tells.
fn without_handles(table: &Table) -> Table {
    let mut table = table.clone();
    table.particulars.handle = None;
    table.particulars.objects.iter_mut().for_each(|object| object.handle = None);
    table.particulars.flowtables.iter_mut().for_each(|flowtable| flowtable.handle = None);
    table.sets.iter_mut().for_each(|set| set.details.handle = None);
    for (chain, number) in table.chains.iter_mut().zip(1..) {
        chain.details.handle = None;
        // The kernel counts them for as long as it runs.
        if chain.name.starts_with("__chain") {
            chain.name = format!("chain {number} within a rule").into();
        }
        chain.rules.iter_mut().for_each(|rule| rule.handle = None);
    }
    table
}

/// What was read of the text is what was there when it was listed, or what is there when it is loaded again: of some things the
/// text tells less than there is.
fn assert_one_of<T: PartialEq + std::fmt::Debug>(own: &T, first: &T, again: &T) {
    assert!(own == first || own == again, "own:   {own:?}\nfirst: {first:?}\nagain: {again:?}");
}

fn assert_same(own: &Table, first: &Table, again: &Table) {
    assert_one_of(&(own.family, &own.name), &(first.family, &first.name), &(again.family, &again.name));
    assert_one_of(&own.particulars, &first.particulars, &again.particulars);
    let lengths = |table: &Table| (table.chains.len(), table.sets.len());
    assert_one_of(&lengths(own), &lengths(first), &lengths(again));
    for ((own, first), again) in own.chains.iter().zip(&first.chains).zip(&again.chains) {
        let head = |chain: &Chain| (chain.name.clone(), chain.base.clone(), chain.details.clone(), chain.rules.len());
        assert_one_of(&head(own), &head(first), &head(again));
        for ((own, first), again) in own.rules.iter().zip(&first.rules).zip(&again.rules) {
            assert_one_of(own, first, again);
        }
    }
    for ((own, first), again) in own.sets.iter().zip(&first.sets).zip(&again.sets) {
        assert_one_of(own, first, again);
    }
}

#[test]
fn rulesets_are_read_as_nft_stores_them() {
    for text in RULESETS {
        for options in [&[][..], &["-n"], &["-s"], &["-y"]] {
            let (first, listing) = loaded(text.to_owned(), options);
            let (again, _) = loaded(listing.clone(), &[]);
            let mut dump = nft::parse(&listing, &first.links);
            dump.ruleset.rank_by_listing();
            assert_eq!(dump.diagnostics, []);
            let tables = |ruleset: &Ruleset| ruleset.tables.iter().map(without_handles).collect::<Vec<_>>();
            let (first, again, own) = (tables(&first.ruleset), tables(&again.ruleset), tables(&dump.ruleset));
            assert_eq!((first.len(), again.len()), (own.len(), own.len()));
            for ((own, first), again) in own.iter().zip(&first).zip(&again) {
                assert_same(own, first, again);
            }
        }
        // With handles, what was first loaded.
        let (first, listing) = loaded(text.to_owned(), &["-a"]);
        let dump = nft::parse(&listing, &first.links);
        for (kernel, own) in first.ruleset.tables.iter().zip(&dump.ruleset.tables) {
            let handles = |table: &Table| {
                // Rules within rules are listed without.
                let chains = table.chains.iter().filter(|chain| !chain.name.starts_with("__chain"));
                let rules = chains.flat_map(|chain| chain.rules.iter().map(|rule| rule.handle));
                rules.collect::<Vec<_>>()
            };
            assert_eq!(handles(kernel), handles(own));
            assert_eq!(kernel.particulars, own.particulars);
        }
        let mut told = [first.observations, dump.observations];
        for state in told.iter_mut().flat_map(|told| told.elements.values_mut()) {
            // Some time went by.
            state.expires = state.expires.map(|_| 0);
        }
        assert_eq!(told[0], told[1]);
    }
}

/// What `nft -f` adds to a table that the same text has already made.
#[test]
fn what_is_written_twice_is_read_as_nft_stores_it() {
    let text = include_str!("data/native/twice.nft");
    let (kernel, _) = loaded(text.to_owned(), &[]);
    let mut own = nft::parse(text, &[]);
    own.ruleset.rank_by_listing();
    assert_eq!(own.diagnostics, []);
    let tables = |ruleset: &Ruleset| ruleset.tables.iter().map(without_handles).collect::<Vec<_>>();
    assert_eq!(tables(&own.ruleset), tables(&kernel.ruleset));
    assert_eq!(own.observations, kernel.observations);
}

/// Listings that are cut off, torn apart or mixed up are read as far as they can be, and nothing panics.
#[test]
fn no_text_does_harm() {
    let mut seed = 7u64;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let rules = [include_str!("data/native-rules.txt"), include_str!("data/language-rules.txt")].concat();
    let words: Vec<&str> =
        rules.split_whitespace().chain(RULESETS.iter().flat_map(|text| text.split_whitespace())).collect();
    for turn in 0..4_000 {
        let mut text = RULESETS[turn % RULESETS.len()].to_owned();
        for _ in 0..1 + next(4) {
            let at = (0..=next(text.len() + 1)).rev().find(|at| text.is_char_boundary(*at)).unwrap();
            match next(4) {
                0 => text.truncate(at),
                1 => text.insert_str(at, words[next(words.len())]),
                2 => text.insert_str(
                    at,
                    ["{", "}", "\"", " . ", ":", "/", "-", "0x", "\\", "@", "99999999999999999999"][next(11)],
                ),
                _ => {
                    let end = (at + next(40)).min(text.len());
                    if text.is_char_boundary(end) {
                        text.replace_range(at..end, "");
                    }
                }
            }
        }
        nft::parse(&text, &[]);
    }
    // Rules of words that do not belong together.
    for _ in 0..20_000 {
        let rule: Vec<&str> = (0..1 + next(8)).map(|_| words[next(words.len())]).collect();
        nft::parse(&format!("table inet t {{\n chain c {{\n  {}\n }}\n}}\n", rule.join(" ")), &[]);
    }
    nft::parse(&"table inet t { chain c { jump { ".repeat(100_000), &[]);
    nft::parse(&format!("table inet t {{ chain c {{ meta mark {}1", "(".repeat(100_000)), &[]);
}
