//! The languages that admins read and write: text ⇄ rules.
//!
//! Parsers never give up: a line that cannot be read costs that line and is told as a [`Diagnostic`]; what is not
//! understood is kept as it came. Deliberately touches no file, process or socket, and decides nothing about packets.

pub mod ipset;
pub mod iptables;
mod kind;
pub mod nft;
mod pages;
pub mod pasted;

pub use kind::{Kind, looks_like};
pub use pages::Pages;

use crate::host::{Body, RuleId, Ruleset};

/// A rule as its tool prints it: of an iptables table with `-A CHAIN` before it.
pub fn rule_text(ruleset: &Ruleset, rule: RuleId) -> String {
    let table = ruleset.table(rule.chain);
    match &ruleset.rule(rule).body {
        Body::Iptables(body) => iptables::rule_text(table, ruleset.chain(rule.chain), body),
        Body::Nft(body) => nft::rule_text(table, body),
    }
}

/// A rule as its tool prints it, without its chain.
pub fn rule_spec(ruleset: &Ruleset, rule: RuleId) -> String {
    let table = ruleset.table(rule.chain);
    match &ruleset.rule(rule).body {
        Body::Iptables(body) => iptables::rule_spec(table, body),
        Body::Nft(body) => nft::rule_text(table, body),
    }
}

/// One condition of a rule (an index into its matches or expressions), or what it does, as its tool prints it.
pub fn part_text(ruleset: &Ruleset, rule: RuleId, index: Option<u16>) -> String {
    let table = ruleset.table(rule.chain);
    match (&ruleset.rule(rule).body, index) {
        (Body::Iptables(body), Some(index)) => {
            body.matches.get(usize::from(index)).map(|m| iptables::match_text(table.family, m)).unwrap_or_default()
        }
        (Body::Iptables(body), None) => iptables::target_text(table, &body.target),
        (Body::Nft(body), index) => nft::part_text(table, body, index),
    }
}

/// Something that a reader has to say about a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The line, from 1.
    pub line: usize,
    /// How bad it is.
    pub kind: DiagnosticKind,
    /// What there is to say, raw: it may quote the text that was read.
    pub text: String,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DiagnosticKind {
    /// Something is missing from what was read: a line could not be used, or the text is not whole.
    Damaged,
    /// Everything is there, but some of it is not understood and kept as it came.
    Unknown,
    /// The text itself says that there are rules elsewhere, which it does not show.
    Elsewhere,
    /// Nothing is missing: a line is none that a tool prints, or does not stand as it prints it.
    Passed,
}
