//! Any text is read as what `nft -j` prints, and the tables it makes print: as nft does, and to a snapshot that is read as
//! the same. As with nft's language, no more is asked of what no kernel would take.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whyport::syntax::nft::{parse, parse_json};
use whyport_fuzz::{lists, tells, with_rules};

fuzz_target!(|text: &str| {
    let dump = parse_json(text, &[]);
    parse(&lists(&dump.ruleset, &dump.observations), &[]);
    tells(with_rules((dump.ruleset, dump.observations)));
});
