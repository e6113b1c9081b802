//! Any text makes rules, and what was made of it prints and is read again to the same text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whyport::host::{Backend, IpFamily};
use whyport::syntax::iptables::{Options, parse, print};
use whyport::syntax::looks_like;
use whyport_fuzz as _;

fuzz_target!(|text: &str| {
    looks_like(text);
    for family in [IpFamily::V4, IpFamily::V6] {
        let options = Options { family: Some(family), backend: Backend::IptablesNft };
        let dump = parse(text, &options);
        let printed = print(&dump.ruleset, Some(&dump.observations), family, options.backend);
        let again = parse(&printed, &options);
        assert_eq!(print(&again.ruleset, Some(&again.observations), family, options.backend), printed);
    }
});
