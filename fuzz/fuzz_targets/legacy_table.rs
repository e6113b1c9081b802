//! Any entries make a table or nothing, and a table prints.
//!
//! A case: the family (`4`, `6`), `struct ipt_getinfo` with the table's name, the entries.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whyport::host::IpFamily;
use whyport::kernel::recorded::legacy_table;
use whyport_fuzz::{tells, with_rules};

/// `sizeof(struct ipt_getinfo)`.
const INFO: usize = 84;

fuzz_target!(|case: &[u8]| {
    let Some((family, rest)) = case.split_first() else { return };
    let Some((info, entries)) = rest.split_at_checked(INFO) else { return };
    let name = info.split(|byte| *byte == 0).next().unwrap_or_default();
    let family = if *family == b'6' { IpFamily::V6 } else { IpFamily::V4 };
    let read = legacy_table(family, &String::from_utf8_lossy(name), info, entries);
    if let Some(rules) = read {
        tells(with_rules(rules));
    }
});
