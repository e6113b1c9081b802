//! Any messages make links, addresses, routes, rules and neighbours, and those print.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whyport::kernel::recorded;

fuzz_target!(|messages: &[u8]| {
    if let Ok(ns) = recorded::routing(messages) {
        whyport_fuzz::tells(ns);
    }
});
