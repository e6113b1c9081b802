//! `trace`, `ports` and `rules` for people and for programs: text, and the JSON of the contract.
//!
//! Everything here is a pure function of a host and of what was found in it. It knows colour on or off and a width, and
//! nothing else of a terminal. What came from outside (names, comments, rules) is made safe by [`crate::explain::clean()`]
//! before it is laid out; in JSON, serde escapes it.

mod json;
mod mapped;
mod page;
pub mod ports;
pub mod rules;
#[cfg(test)]
mod tests;
pub mod trace;

pub use json::{ports as ports_json, rules as rules_json, trace as trace_json};

use crate::host::Host;

/// How text is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether to use ANSI colours.
    pub colour: bool,
    /// How many columns there are.
    pub width: usize,
}

impl Style {
    /// The width of text that no terminal shows.
    pub const WIDTH: usize = 80;
}

/// The name of a namespace as the contract gives it: empty for the one that was asked about.
fn namespace_name(host: &Host, asked: usize, namespace: usize) -> &str {
    if namespace == asked { "" } else { host.namespaces.get(namespace).map_or("", |ns| ns.name.as_str()) }
}
