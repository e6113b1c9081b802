//! Any text makes a host, and what was made of it prints and is read again to the same text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whyport::snapshot::{parse, print};
use whyport_fuzz as _;

fuzz_target!(|text: &str| {
    let printed = print(&parse(text).host);
    assert_eq!(print(&parse(&printed).host), printed);
});
