//! Native rules as text, held against nft: it says of which expressions a rule is made, and how it prints it.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "nft/debug.rs"]
mod debug;

use std::process::Command;

use whyport::host::Body;
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

/// What nft prints of each chain's rule, and what it is made of.
fn asked(family: &str, rules: &[&str]) -> String {
    let chains: Vec<String> =
        rules.iter().enumerate().map(|(at, rule)| format!("  chain c{at} {{\n    {rule}\n  }}\n")).collect();
    let text = format!("table {family} t {{\n{SETS}{}}}\n", chains.concat());
    let path = std::env::temp_dir().join(format!("whyport-nft-{family}-{}", std::process::id()));
    std::fs::write(&path, text).unwrap();
    let script = "nft -f \"$0\" && nft --debug=netlink list ruleset";
    let output = Command::new("unshare").args(["-rn", "sh", "-c", script]).arg(&path).output().unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn rules_read_as_nft_prints_them() {
    let mut wrong = Vec::new();
    for (family, rules) in rules() {
        let text = asked(family, &rules);
        let read = debug::read(&text, &rules);
        for (at, rule) in rules.iter().enumerate() {
            let (table, expected) = (&read.table, &read.printed[at]);
            let chain = &table.chains[table.chain_index(&format!("c{at}")).unwrap()];
            let Some(Body::Nft(body)) = chain.rules.first().map(|rule| &rule.body) else { panic!("{rule}: {text}") };
            let printed = nft::rule_text(table, body);
            if printed != *expected {
                wrong.push(format!("{family}: {rule}\n  nft: {expected}\n  own: {printed}\n"));
            }
            // Every expression belongs to something that is told.
            for index in 0..body.expressions.len() {
                assert!(!nft::part_text(table, body, Some(index as u16)).is_empty(), "{rule}: {index}");
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.concat());
}
