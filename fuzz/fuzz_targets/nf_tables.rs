//! Any messages make tables, chains, rules, sets, elements and objects, and those print.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whyport::kernel::recorded;
use whyport_fuzz::{tells, with_rules};

fuzz_target!(|messages: &[u8]| {
    if let Ok(rules) = recorded::nf_tables(messages) {
        tells(with_rules(rules));
    }
});
