//! nft's language as the kernel keeps it: a tree that was read becomes the expressions, sets and objects that nft 1.0.6 would
//! store for it.
//!
//! Whoever reads the text that `nft list ruleset` prints gets what whoever reads the kernel gets. What cannot be made of the text
//! is kept as text.

mod anonymous;
mod braces;
mod change;
mod effect;
mod elements;
mod evaluate;
mod field;
mod kept;
mod named;
mod number;
mod operand;
mod protocol;
mod relation;
mod rule;
mod statement;
mod step;
mod symbol;
mod table;
mod timeouts;

use super::tree::Table;
use crate::host::{Link, Names, Observations, Ruleset};
use crate::syntax::Diagnostic;

/// nft's numbers for types (`enum datatypes`).
const BITMASK: u32 = 3;
const INTEGER: u32 = 4;
const SERVICE: u32 = 13;
const TIME: u32 = 18;
const LABEL: u32 = 30;
const BOOLEAN: u32 = 39;
const DATE: u32 = 43;
const HOUR: u32 = 44;

/// Milliseconds that a time in words stands for.
pub(super) fn time(word: &str) -> Option<u128> {
    symbol::time(word)
}

/// Makes a ruleset of tables that were read. Devices that rules name by their index are found among `links`.
pub(super) fn compile(
    tables: &[Table<'_>],
    links: &[Link],
    diagnostics: &mut Vec<Diagnostic>,
) -> (Ruleset, Observations) {
    let (mut ruleset, mut observations, mut names) = (Ruleset::default(), Observations::default(), Names::default());
    for written in tables {
        let index = ruleset.tables.len() as u32;
        let table = table::table(written, index, links, &mut names, &mut observations, diagnostics);
        ruleset.tables.push(table);
    }
    (ruleset, observations)
}
