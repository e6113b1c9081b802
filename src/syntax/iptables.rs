//! What `iptables-save`, `ip6tables-save` and `iptables -S` print ⇄ rules.
//!
//! Reads the text of both backends, with counters and without, and prints what the tools of version 1.8.9 print, byte
//! for byte, without their dated comment lines. Extensions with a typed form in [`xt`] are read into it; all others are
//! kept as words. Deliberately does not know what a rule does to a packet, nor in which order chains of equal priority
//! run: their place is a guess.

mod content;
mod dump;
mod flow;
mod hashlimit;
mod ipv6;
mod matches;
mod meaning;
mod option;
mod origin;
mod place;
mod ports;
mod print;
mod rare;
mod rows;
mod rule;
mod sets;
mod sides;
mod targets;
#[cfg(test)]
mod tests;
mod time;
mod tracked;
mod transport;
mod values;
mod words;

use super::{Diagnostic, Pages};
use print::{Order, Seen};
pub(in crate::syntax) use values::{number, push as push_formatted, push_address, service_port};
pub(in crate::syntax) use words::push_value;

use crate::host::{Backend, Chain, Family, IpFamily, Observations, Ruleset, Table, xt};

/// What is known of a dump beside its text.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Its family; `None`: told by the text, for each table by itself, and then the header tells the backend too.
    pub family: Option<IpFamily>,
    /// The backend, where the text does not tell.
    pub backend: Backend,
}

/// What was read of a dump.
#[derive(Debug, Clone)]
pub struct Dump {
    /// Its tables.
    pub ruleset: Ruleset,
    /// Its counters.
    pub observations: Observations,
    /// What there is to say about its lines, in their order.
    pub diagnostics: Vec<Diagnostic>,
    /// The family of its first table.
    pub family: IpFamily,
}

/// Reads a dump, or several, one after the other.
pub fn parse(text: &str, options: &Options) -> Dump {
    dump::parse(text, options)
}

/// Reads what `iptables -S` printed of this table.
pub(in crate::syntax) fn parse_listing(text: &str, options: &Options, table: &str) -> Dump {
    dump::parse_listing(text, options, table)
}

/// How well a line reads as a rule, whatever chains there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::syntax) enum Likeness {
    /// It does not.
    None,
    /// Some of it would be kept as words.
    Opaque,
    /// All of it is understood.
    Whole,
}

/// How well a line reads as a rule.
pub(in crate::syntax) fn rule_likeness(line: &str, family: IpFamily) -> Likeness {
    dump::rule_likeness(line, family)
}

/// All tables of one family and backend exactly as the tool prints them, without its dated comments: in its own order of
/// tables. Counters of rules as with `-c`, where there are any.
pub fn save(ruleset: &Ruleset, observations: Option<&Observations>, family: IpFamily, backend: Backend) -> String {
    print::dump(ruleset, Seen::of(observations), (family, backend), Order::OfTheTool).text()
}

/// The same in pages; counters of rules where they are wanted, and there are any.
pub fn save_pages<'a>(
    ruleset: &'a Ruleset,
    observations: &'a Observations,
    counters: bool,
    (family, backend): (IpFamily, Backend),
) -> Pages<'a> {
    let seen = Seen { counters, ..Seen::of(Some(observations)) };
    print::dump(ruleset, seen, (family, backend), Order::OfTheTool)
}

/// The same in the order of the ruleset.
pub fn print(ruleset: &Ruleset, observations: Option<&Observations>, family: IpFamily, backend: Backend) -> String {
    print::dump(ruleset, Seen::of(observations), (family, backend), Order::AsTheyStand).text()
}

/// A rule as a line of a dump: `-A CHAIN …`.
pub fn rule_text(table: &Table, chain: &Chain, rule: &xt::Rule) -> String {
    let mut out = String::new();
    print::push_rule(&mut out, table, chain, rule);
    out
}

/// A rule without the `-A CHAIN` before it. Empty for a rule that asks nothing and does nothing.
pub fn rule_spec(table: &Table, rule: &xt::Rule) -> String {
    bare(|out| print::push_spec(out, table, rule))
}

/// A match of a table of this family: `-m tcp --dport 80`.
pub fn match_text(family: Family, m: &xt::Match) -> String {
    bare(|out| print::push_match(out, family, m))
}

/// A target: `-j DNAT --to-destination 10.0.0.1:80`. Empty for no target.
pub fn target_text(table: &Table, t: &xt::Target) -> String {
    bare(|out| print::push_target(out, table, t))
}

/// Text without the blank that stands before each part.
fn bare(push: impl FnOnce(&mut String)) -> String {
    let mut out = String::new();
    push(&mut out);
    if out.starts_with(' ') {
        out.remove(0);
    }
    out
}

/// The family of addresses in a table.
fn ip_family(family: Family) -> IpFamily {
    match family {
        Family::Ip6 => IpFamily::V6,
        Family::Ip | Family::Inet | Family::Arp | Family::Bridge | Family::Netdev => IpFamily::V4,
    }
}
