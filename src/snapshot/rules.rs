//! The sections that are the tools' own listings of rules: `[iptables-nft-save]` and its like, `[nft list ruleset]`.
//!
//! Knows that nft lists the tables of iptables-nft too. Deliberately writes none of them: that is the snapshot's business.

use std::fmt::Write as _;

use super::Trouble;
use super::section::Section;
use crate::host::{Backend, Family, IpFamily, Namespace, Observations, Ruleset};
use crate::syntax::{Diagnostic, iptables, pasted};

/// Reads what one of iptables' tools saved.
pub(super) fn parse(section: &Section, family: IpFamily, backend: Backend, ns: &mut Namespace, trouble: &mut Trouble) {
    if section.body.trim().is_empty() {
        return;
    }
    let dump = iptables::parse(section.body, &iptables::Options { family: Some(family), backend });
    add(ns, dump.ruleset, dump.observations);
    trouble.add(section, dump.diagnostics);
}

/// Reads what nft listed, as text or as JSON. Tables that iptables' own tool saved are not taken from it: it shows less of them.
pub(super) fn parse_nft(section: &Section, ns: &mut Namespace, trouble: &mut Trouble) {
    if section.body.trim().is_empty() {
        return;
    }
    // As they would be pasted one after the other: the tables that are there, of which the names are enough, then nft's.
    let mut text = String::new();
    for table in ns.ruleset.tables.iter().filter(|table| table.backend == Backend::IptablesNft) {
        let tool = if table.family == Family::Ip6 { "ip6tables" } else { "iptables" };
        // Writing to a String cannot fail.
        let _ = write!(text, "# {tool}-nft-save\n*{}\nCOMMIT\n", table.name);
    }
    text.push_str("# nft list ruleset\n");
    let before = text.lines().count();
    text.push_str(section.body);
    let Ok(read) = pasted::read_among(&text, &ns.links) else {
        trouble.bad(section.line + 1, format!("[{}] does not look like what nft lists", section.words));
        return;
    };
    let (dump, beside) = (read.rules, read.diagnostics);
    let said = dump.iter().flat_map(|dump| &dump.diagnostics).chain(&beside);
    let own = said.filter(|found| found.line > before);
    let own: Vec<Diagnostic> = own.map(|found| Diagnostic { line: found.line - before, ..found.clone() }).collect();
    if let Some(dump) = dump {
        add(ns, dump.ruleset, dump.observations);
    }
    trouble.add(section, own);
}

/// Adds tables that are not there yet, and what was seen of them, to those that are.
fn add(ns: &mut Namespace, ruleset: Ruleset, seen: Observations) {
    let Ruleset { tables, .. } = ruleset;
    let mut places = Vec::with_capacity(tables.len());
    for table in tables {
        let key = |of: &crate::host::Table| (of.backend, of.family, of.name.clone());
        let is_new = ns.ruleset.tables.iter().all(|known| key(known) != key(&table));
        places.push(is_new.then_some(ns.ruleset.tables.len() as u32));
        ns.ruleset.tables.extend(is_new.then_some(table));
    }
    ns.observations.take_in(seen, |table| places.get(table as usize).copied().flatten());
}
