//! Native rules as text, held against nft: the kernel is asked what they are made of, nft how it prints them.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "nft/apart.rs"]
mod apart;

use apart::{apart, read, run};
use whyport::host::Body;
use whyport::report::rules::{self, Kind, Told};
use whyport::syntax::nft;

/// The tables that the rules are added to.
const SETS: &str = "
  map m { type inet_service : ipv4_addr; elements = { 80 : 10.0.0.1 } }
  map mp { type inet_service : ipv4_addr . inet_service; elements = { 80 : 10.0.0.1 . 8080 } }
  map mk { type ipv4_addr : mark; elements = { 10.0.0.1 : 0x5 } }
  set named { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 } }
  set ports { type inet_service; elements = { 22, 80 } }
  chain x { }
  chain y { }
";

fn rules() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in include_str!("data/native-rules.txt").lines().filter(|line| !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(family) => found.push((family, Vec::new())),
            None => found.last_mut().unwrap().1.push(line),
        }
    }
    found
}

/// What nft prints of the rule in each of the chains `c0`, `c1` and so on.
fn printed(listing: &str) -> Vec<&str> {
    let lines: Vec<&str> = listing.lines().map(str::trim).collect();
    lines.windows(2).filter(|pair| pair[0].starts_with("chain c")).map(|pair| pair[1]).collect()
}

#[test]
fn rules_read_as_nft_prints_them() {
    for (family, rules) in rules() {
        apart(move || check(family, &rules));
    }
}

fn check(family: &str, rules: &[&str]) {
    let chains: Vec<String> =
        rules.iter().enumerate().map(|(at, rule)| format!("  chain c{at} {{\n    {rule}\n  }}\n")).collect();
    run(&["nft", "-f", "-"], &format!("table {family} t {{\n{SETS}{}}}\n", chains.concat()));
    let listing = run(&["nft", "list", "ruleset"], "");
    let expected = printed(&listing);
    assert_eq!(expected.len(), rules.len());
    let ns = read();
    let table = &ns.ruleset.tables[0];
    let mut wrong = Vec::new();
    for (at, (rule, expected)) in rules.iter().zip(expected).enumerate() {
        let chain = &table.chains[table.chain_index(&format!("c{at}")).unwrap()];
        let Some(Body::Nft(body)) = chain.rules.first().map(|rule| &rule.body) else { panic!("{rule}: {listing}") };
        let printed = nft::rule_text(table, body);
        if printed != *expected {
            wrong.push(format!("{family}: {rule}\n  nft: {expected}\n  own: {printed}\n"));
        }
        // Every expression belongs to something that is told.
        for index in 0..body.expressions.len() {
            assert!(!nft::part_text(table, body, Some(index as u16)).is_empty(), "{rule}: {index}");
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.concat());
}

/// Rulesets as tools make them, whole.
#[test]
fn tables_are_listed_as_nft_lists_them() {
    for text in [
        include_str!("data/native/docker.nft"),
        include_str!("data/native/firewalld.nft"),
        include_str!("data/native/families.nft"),
    ] {
        apart(move || {
            run(&["ip", "link", "add", "dummy7", "type", "bridge"], "");
            run(&["nft", "-f", "-"], text);
            let ns = read();
            let own = rules::one(&ns, Kind::Nft, Told::default()).unwrap();
            assert_same(&own, &run(&["nft", "list", "ruleset"], ""));
        });
    }
}

fn assert_same(own: &str, nft: &str) {
    let (own, nft): (Vec<&str>, Vec<&str>) = (own.lines().collect(), nft.lines().collect());
    let at = (0..own.len().max(nft.len())).find(|at| own.get(*at) != nft.get(*at));
    let Some(at) = at else { return };
    let around = |lines: &[&str]| lines[at.saturating_sub(3).min(lines.len())..(at + 4).min(lines.len())].join("\n");
    panic!("line {}:\nnft:\n{}\nown:\n{}", at + 1, around(&nft), around(&own));
}
