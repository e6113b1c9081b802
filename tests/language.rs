//! nft's language, held against nft: what is read of its listing is what the kernel has that lists it.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "nft/apart.rs"]
mod apart;

use std::sync::mpsc;

use apart::{apart, read, run};
use whyport::host::nft::{Details, Expression, Set};
use whyport::host::{Body, Namespace, Table};
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

fn rules(file: &str) -> Vec<(&str, Vec<&str>)> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in file.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(family) => found.push((family, Vec::new())),
            None => found.last_mut().unwrap().1.push(line),
        }
    }
    found
}

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

/// A set with those of its details that the kernel's decoder tells.
fn told(set: &Set) -> Set {
    let Details { size, merges, .. } = set.details;
    Set { details: Details { size, merges, ..Details::default() }, ..set.clone() }
}

#[test]
fn rules_are_read_as_nft_stores_them() {
    let mut wrong = Vec::new();
    for (family, rules) in rules(include_str!("data/native-rules.txt")) {
        let chains: Vec<String> =
            rules.iter().enumerate().map(|(at, rule)| format!("  chain c{at} {{\n    {rule}\n  }}\n")).collect();
        let (_, listing) = loaded(format!("table {family} t {{\n{SETS}{}}}\n", chains.concat()), &[]);
        let (again, listing) = loaded(listing, &[]);
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
            let (kernel, own) = (told(kernel), told(own));
            if kernel != own {
                wrong.push(format!("{family}: {kernel:?}\n  own: {own:?}\n"));
            }
        }
        wrong.extend(dump.diagnostics.iter().map(|said| format!("{family}: line {}: {}\n", said.line, said.text)));
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.concat());
}
