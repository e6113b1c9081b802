//! A bare dump of rules as a host.
//!
//! Knows what such a dump cannot tell. Deliberately does not know what is in it.

use super::{Recording, UNNAMED, WHATS, mark};
use crate::host::{Backend, Family, Host, Namespace, Ruleset, What};
use crate::syntax::{DiagnosticKind, iptables};

/// What would make up for lines of a bare dump that could not be read.
const NEEDS_WHOLE_DUMP: &str = "a dump that is whole";

/// What would make up for a section that is missing.
const NEEDS_SNAPSHOT: &str = "a snapshot made by whyport record";

/// A host of one namespace of which nothing is known but the rules of one dump.
///
/// What the same dump would have held is read; everything else is unread.
pub fn bare_dump(dump: iptables::Dump) -> Recording {
    let mut ns = Namespace {
        name: UNNAMED.to_owned(),
        ruleset: dump.ruleset,
        observations: dump.observations,
        ..Namespace::default()
    };
    ns.ruleset.rank_by_listing();
    let damaged = dump.diagnostics.iter().any(|found| found.kind == DiagnosticKind::Damaged);
    for what in WHATS {
        match what {
            What::Links
            | What::Addresses
            | What::Routes
            | What::PolicyRules
            | What::Neighbours
            | What::Sysctls
            | What::Sockets
            | What::Processes
            | What::Hooks => mark(&mut ns, what, NEEDS_SNAPSHOT),
            What::NfTables | What::LegacyIp | What::LegacyIp6 if damaged && holds(&ns.ruleset, what) => {
                mark(&mut ns, what, NEEDS_WHOLE_DUMP);
            }
            What::NfTables | What::LegacyIp | What::LegacyIp6 | What::IpSets | What::Conntrack | What::Recording => {}
        }
    }
    Recording { host: Host { namespaces: vec![ns], ..Host::default() }, diagnostics: dump.diagnostics }
}

/// Whether a dump has tables of this kind.
fn holds(ruleset: &Ruleset, what: What) -> bool {
    ruleset.tables.iter().any(|table| match (table.backend, table.family) {
        (Backend::IptablesLegacy, Family::Ip6) => what == What::LegacyIp6,
        (Backend::IptablesLegacy, _) => what == What::LegacyIp,
        (Backend::IptablesNft | Backend::Nft, _) => what == What::NfTables,
    })
}
