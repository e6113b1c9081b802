//! Any text of nft's language makes tables, and those print: as nft does, and to a snapshot that is read as the same.
//!
//! That nft's own print is read as the same is not asked of any text: one that no kernel would take (an expression between
//! types that do not go together, a set without a type) has no print that nft would read either.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whyport::syntax::nft::parse;
use whyport_fuzz::{lists, tells, with_rules};

fuzz_target!(|text: &str| {
    let dump = parse(text, &[]);
    parse(&lists(&dump.ruleset, &dump.observations), &[]);
    tells(with_rules((dump.ruleset, dump.observations)));
});
