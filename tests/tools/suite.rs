//! The rules that the tools are asked to take, by the chains that they belong to.

use whyport::host::IpFamily;

/// The rules of a family: table, chain, rule.
pub fn rules(family: IpFamily) -> Vec<(&'static str, &'static str, &'static str)> {
    const RULES: &str = include_str!("../data/tools/rules.txt");
    let own = if family == IpFamily::V4 { '4' } else { '6' };
    let (mut table, mut chain) = ("", "");
    let mut all = Vec::new();
    for line in RULES.lines().filter(|line| !line.starts_with(['#', ':'])) {
        match line {
            "*filter" => (table, chain) = ("filter", "INPUT"),
            "*output" => (table, chain) = ("filter", "OUTPUT"),
            "*forward" => (table, chain) = ("filter", "FORWARD"),
            "*mangle" => (table, chain) = ("mangle", "PREROUTING"),
            "*leaving" => (table, chain) = ("mangle", "POSTROUTING"),
            "*raw" => (table, chain) = ("raw", "PREROUTING"),
            "*nat" => (table, chain) = ("nat", "PREROUTING"),
            "*postrouting" => (table, chain) = ("nat", "POSTROUTING"),
            _ if line.starts_with(own) || line.starts_with('-') => all.push((table, chain, line[1..].trim())),
            _ => {}
        }
    }
    all
}
