//! A bare dump of rules as a host.
//!
//! Knows what such a dump cannot tell. Deliberately does not know what is in it.

use super::{Recording, UNNAMED};
use crate::host::xt::Match;
use crate::host::{Backend, Family, Host, Namespace, Ruleset, What};
use crate::syntax::pasted::Pasted;
use crate::syntax::{DiagnosticKind, ipset, iptables};

/// What would make up for lines of a bare dump that could not be read.
const NEEDS_WHOLE_DUMP: &str = "a dump that is whole";

/// What would make up for a section that is missing.
const NEEDS_SNAPSHOT: &str = "a snapshot made by whyport record";

/// What would make up for sets that rules ask.
const NEEDS_SETS: &str = "the output of ipset save with it";

/// What would make up for rules.
const NEEDS_RULES: &str = "a dump of rules with it";

/// A host of one namespace of which nothing is known but what a text says: rules, sets, or both.
pub fn bare(pasted: Pasted) -> Recording {
    let is_bare = pasted.rules.is_none();
    let none = || iptables::parse("", &iptables::Options { family: None, backend: Backend::IptablesNft });
    let mut recording = of(pasted.rules.unwrap_or_else(none), pasted.sets.unwrap_or_default());
    if let Some(ns) = recording.host.namespaces.first_mut().filter(|_| is_bare) {
        for what in [What::NfTables, What::LegacyIp, What::LegacyIp6] {
            ns.mark_unread(what, NEEDS_RULES);
        }
    }
    recording.diagnostics.extend(pasted.diagnostics);
    recording.diagnostics.sort_by_key(|found| found.line);
    recording
}

/// A host of one namespace of which nothing is known but the rules of one dump.
///
/// What the same dump would have held is read; everything else is unread.
pub fn bare_dump(dump: iptables::Dump) -> Recording {
    of(dump, ipset::Dump::default())
}

fn of(dump: iptables::Dump, sets: ipset::Dump) -> Recording {
    let mut ns = Namespace {
        name: UNNAMED.to_owned(),
        ruleset: dump.ruleset,
        observations: dump.observations,
        ipsets: sets.sets,
        ..Namespace::default()
    };
    ns.observations.ipsets = sets.seen;
    if sets.diagnostics.iter().any(|found| found.kind == DiagnosticKind::Damaged) {
        ns.mark_unread(What::IpSets, NEEDS_WHOLE_DUMP);
    }
    ns.ruleset.rank_by_listing();
    let damaged = dump.diagnostics.iter().any(|found| found.kind == DiagnosticKind::Damaged);
    for what in What::ALL {
        match what {
            What::Links
            | What::Addresses
            | What::Routes
            | What::PolicyRules
            | What::Neighbours
            | What::Sysctls
            | What::Sockets
            | What::Processes
            | What::Hooks => ns.mark_unread(what, NEEDS_SNAPSHOT),
            What::NfTables | What::LegacyIp | What::LegacyIp6 if damaged && holds(&ns.ruleset, what) => {
                ns.mark_unread(what, NEEDS_WHOLE_DUMP);
            }
            What::IpSets if asks_sets(&ns.ruleset) && ns.ipsets.is_empty() => ns.mark_unread(what, NEEDS_SETS),
            What::NfTables
            | What::LegacyIp
            | What::LegacyIp6
            | What::IpSets
            | What::Elements
            | What::Conntrack
            | What::Recording => {}
        }
    }
    let mut diagnostics = dump.diagnostics;
    diagnostics.extend(sets.diagnostics);
    diagnostics.sort_by_key(|found| found.line);
    Recording { host: Host { namespaces: vec![ns], ..Host::default() }, diagnostics }
}

/// Whether a rule asks a set.
fn asks_sets(ruleset: &Ruleset) -> bool {
    let mut rules = ruleset.chains().flat_map(|(_, chain)| &chain.rules);
    rules.any(|rule| rule.body.matches().any(|matched| matches!(matched, Match::Set(_))))
}

/// Whether a dump has tables of this kind.
fn holds(ruleset: &Ruleset, what: What) -> bool {
    ruleset.tables.iter().any(|table| match (table.backend, table.family) {
        (Backend::IptablesLegacy, Family::Ip6) => what == What::LegacyIp6,
        (Backend::IptablesLegacy, _) => what == What::LegacyIp,
        (Backend::IptablesNft | Backend::Nft, _) => what == What::NfTables,
    })
}
