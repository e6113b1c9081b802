//! The rules that are held against nft, and the sets and chains that they speak of.
//!
//! Knows nothing of what is asked of them.

use std::fmt::Display;

/// What stands beside the rules in their table.
pub const SETS: &str = "
  map m { type inet_service : ipv4_addr; elements = { 80 : 10.0.0.1 } }
  map mp { type inet_service : ipv4_addr . inet_service; elements = { 80 : 10.0.0.1 . 8080 } }
  map mk { type ipv4_addr : mark; elements = { 10.0.0.1 : 0x5 } }
  set named { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 } }
  set ports { type inet_service; elements = { 22, 80 } }
  chain x { }
  chain y { }
";

/// The rules of each family in a file.
pub fn sections(file: &str) -> Vec<(&str, Vec<&str>)> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in file.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(family) => found.push((family, Vec::new())),
            None => found.last_mut().unwrap().1.push(line),
        }
    }
    found
}

/// A table with these rules, each alone in its chain (`c0`, `c1` and so on), after what they speak of.
pub fn table(family: &str, head: &str, rules: &[impl Display]) -> String {
    let chains = rules.iter().enumerate().map(|(at, rule)| format!("  chain c{at} {{\n    {rule}\n  }}\n"));
    format!("table {family} t {{\n{head}{}}}\n", chains.collect::<String>())
}
