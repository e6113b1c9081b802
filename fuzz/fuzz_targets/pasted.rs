//! Any text is read as people paste it, and the host it makes prints to a snapshot that is read as the same. What is told
//! of it is told of its lines, or of the one that is missing after them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whyport::snapshot::{bare, parse, print};
use whyport::syntax::pasted;
use whyport_fuzz::same;

fuzz_target!(|text: &str| {
    let Ok(read) = pasted::read(text) else { return };
    let recording = bare(read);
    let lines = text.lines().count() + 1;
    for found in &recording.diagnostics {
        assert!((1..=lines).contains(&found.line), "{found:?} of {lines} lines");
    }
    let printed = print(&parse(&print(&recording.host)).host);
    same(&print(&parse(&printed).host), &printed);
});
