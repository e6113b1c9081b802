//! nft's language: native rules as `nft list ruleset` of nft 1.0.6 prints them.
//!
//! Knows how expressions over registers read as statements. What is not decoded is printed in brackets, with its name and
//! bytes; xtables parts as `xt` and iptables' own words, where nft prints a comment or nothing. A rule alone
//! has numbers for devices that it names by index, a listing has their names.

mod compile;
mod context;
mod effects;
mod extensions;
mod exthdr;
mod fields;
mod json;
mod list;
mod loads;
mod objects;
mod read;
mod reader;
mod registers;
mod relation;
mod terms;
#[cfg(test)]
mod tests;
mod tree;
mod type_of;
mod types;
mod values;

use super::Diagnostic;
use crate::host::nft::{CtKey, MetaKey, Rule};
use crate::host::{Link, Observations, Ruleset, Table};
use reader::{Role, Statement, Tallies};
use relation::Scope;

pub use list::{Listing, SetText, list, pages, set_type, set_words};
pub use objects::object_words;
pub use relation::Contents;
pub use values::date;

/// What a listing says.
#[derive(Debug, Clone, Default)]
pub struct Dump {
    /// The tables.
    pub ruleset: Ruleset,
    /// What rules and objects counted.
    pub observations: Observations,
    /// What there is to say about it.
    pub diagnostics: Vec<Diagnostic>,
}

impl From<Dump> for super::iptables::Dump {
    /// The same among other dumps of rules; the family is that of IPv4 tables, if there are such.
    fn from(Dump { ruleset, observations, diagnostics }: Dump) -> super::iptables::Dump {
        let ip6 = ruleset.tables.first().is_some_and(|table| table.family == crate::host::Family::Ip6);
        let family = if ip6 { crate::host::IpFamily::V6 } else { crate::host::IpFamily::V4 };
        super::iptables::Dump { ruleset, observations, diagnostics, family }
    }
}

/// Reads what `nft list ruleset` prints, as the kernel keeps it. Devices that rules name by their index are found among `links`.
pub fn parse(text: &str, links: &[Link]) -> Dump {
    let mut diagnostics = Vec::new();
    let tables = read::read(text, &mut diagnostics);
    let (ruleset, observations) = compile::compile(&tables, links, &mut diagnostics);
    Dump { ruleset, observations, diagnostics }
}

/// Reads what `nft -j list ruleset` prints, as [`parse`] reads the text.
pub fn parse_json(text: &str, links: &[Link]) -> Dump {
    let mut diagnostics = Vec::new();
    let unescaped = json::Unescaped::default();
    let tables = json::read(text, &unescaped, &mut diagnostics);
    let (ruleset, observations) = compile::compile(&tables, links, &mut diagnostics);
    Dump { ruleset, observations, diagnostics }
}

/// A rule, as `nft list ruleset` prints it where its counter is at zero.
pub fn rule_text(table: &Table, rule: &Rule) -> String {
    counted_text(Scope { table, links: &[], observed: None }, rule, Tallies::default())
}

/// A rule, as `nft list ruleset` prints it where its counter says `counted`.
fn counted_text(scope: Scope, rule: &Rule, counted: Tallies) -> String {
    let statements = reader::statements(scope, rule, counted);
    let mut text = statements
        .iter()
        .filter(|statement| !statement.left_out)
        .map(|s| s.text.as_str())
        .collect::<Vec<_>>()
        .join(" ");
    if let Some(comment) = &rule.comment {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&format!("comment \"{comment}\""));
    }
    text
}

/// The statement of a rule to which its expression `index` belongs; `None`: what it does, empty where it only asks.
pub fn part_text(table: &Table, rule: &Rule, index: Option<u16>) -> String {
    let statements = reader::statements(Scope { table, links: &[], observed: None }, rule, Tallies::default());
    let does = |role: Role| statements.iter().rev().find(|statement| statement.role == role);
    let found: Option<&Statement> = match index {
        Some(index) => {
            let of = |statement: &&Statement| statement.parts.contains(&index);
            statements.iter().filter(|statement| !statement.left_out).find(of).or_else(|| statements.iter().find(of))
        }
        None => does(Role::Decides).or_else(|| does(Role::Does)),
    };
    found.map(|statement| statement.text.clone()).unwrap_or_default()
}

/// The word that nft has for a key of `meta`, without the `meta` before it.
pub fn meta_name(key: MetaKey) -> Option<&'static str> {
    fields::meta_key(|known, _| known == key.0).map(|(_, name)| name)
}

/// The key of `meta` with this name.
pub fn meta_key(name: &str) -> Option<MetaKey> {
    fields::meta_key(|_, known| known == name).map(|(number, _)| MetaKey(number))
}

/// The words that nft has for a key of `ct`, without the `ct` before them.
pub fn ct_name(key: CtKey) -> Option<&'static str> {
    fields::ct_key(|known, _| known == key.0).map(|(_, name)| name)
}

/// The key of `ct` with this name.
pub fn ct_key(name: &str) -> Option<CtKey> {
    fields::ct_key(|_, known| known == name).map(|(number, _)| CtKey(number))
}
