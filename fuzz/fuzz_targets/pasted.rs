//! Any text is read as people paste it: what is told of it is told of its lines; its tables of iptables and its sets print, under
//! the headings that whyport itself prints, to a text that is read as the same; so does the host it makes, as a snapshot.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whyport::host::{Backend, IpFamily};
use whyport::snapshot;
use whyport::syntax::pasted::{Pasted, read};
use whyport::syntax::{ipset, iptables};
use whyport_fuzz::same;

const KINDS: [(&str, IpFamily, Backend); 4] = [
    ("# iptables-legacy-save\n", IpFamily::V4, Backend::IptablesLegacy),
    ("# ip6tables-legacy-save\n", IpFamily::V6, Backend::IptablesLegacy),
    ("# iptables-nft-save\n", IpFamily::V4, Backend::IptablesNft),
    ("# ip6tables-nft-save\n", IpFamily::V6, Backend::IptablesNft),
];

fuzz_target!(|text: &str| {
    let Ok(pasted) = read(text) else { return };
    let lines = text.lines().count().max(1);
    let rules = pasted.rules.iter().flat_map(|dump| &dump.diagnostics);
    let sets = pasted.sets.iter().flat_map(|dump| &dump.diagnostics);
    for found in rules.chain(sets).chain(&pasted.diagnostics) {
        assert!((1..=lines).contains(&found.line), "{found:?} of {lines} lines");
    }
    let printed = print(&pasted);
    if let Ok(again) = read(&printed) {
        same(&print(&again), &printed);
    } else {
        assert_eq!(printed, "");
    }
    let printed = snapshot::print(&snapshot::parse(&snapshot::print(&snapshot::bare(pasted).host)).host);
    same(&snapshot::print(&snapshot::parse(&printed).host), &printed);
});

/// iptables' tables and ipset's sets.
fn print(pasted: &Pasted) -> String {
    let mut out = String::new();
    for (heading, family, backend) in KINDS {
        let Some(dump) = &pasted.rules else { continue };
        let saved = iptables::print(&dump.ruleset, Some(&dump.observations), family, backend);
        if !saved.is_empty() {
            out += heading;
            out += &saved;
        }
    }
    if let Some(sets) = pasted.sets.as_ref().filter(|sets| !sets.sets.is_empty()) {
        out += "# ipset save\n";
        out += &ipset::print(&sets.sets, &sets.seen, ipset::Form::Whole);
    }
    out
}
