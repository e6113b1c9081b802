//! Any list of the kernel's hooks is read. No two chains of a hook and priority are known to be at one place.
//!
//! A case: messages (`NFNL_MSG_HOOK_GET`). Tables of all families that have chains at the same places stand before them.
#![no_main]

use std::collections::HashSet;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use whyport::host::{Place, Registration};
use whyport::kernel::recorded;
use whyport_fuzz::{tells, with_rules};

static TABLES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut messages = Vec::new();
    for (family, name) in [(2, "a\0"), (2, "b\0"), (1, "both\0"), (10, "six\0"), (3, "arp\0"), (7, "bridge\0")] {
        message(&mut messages, 10 << 8, family, &attribute(1, name.as_bytes()));
        for (hook, chain) in [(0u32, "pre\0"), (1, "in\0")] {
            let place = [attribute(1, &hook.to_be_bytes()), attribute(2, &0u32.to_be_bytes())].concat();
            let parts = [
                attribute(1, name.as_bytes()),
                attribute(3, chain.as_bytes()),
                attribute(4, &place),
                attribute(5, &1u32.to_be_bytes()),
                attribute(7, b"filter\0"),
            ];
            message(&mut messages, 10 << 8 | 3, family, &parts.concat());
        }
    }
    messages
});

fuzz_target!(|lists: &[u8]| {
    let Ok((ruleset, observations)) = recorded::nf_tables(&[&TABLES, lists].concat()) else { return };
    let mut places = HashSet::new();
    for (id, chain) in ruleset.chains() {
        let Some(base) = &chain.base else { continue };
        if let Registration::Registered(Place::Known(rank)) = base.registration {
            assert!(places.insert((base.hook, base.priority, rank)), "{id:?} is at another's place");
        }
    }
    tells(with_rules((ruleset, observations)));
});

/// `struct nlmsghdr`, `struct nfgenmsg`, attributes.
fn message(to: &mut Vec<u8>, kind: u16, family: u8, attributes: &[u8]) {
    to.extend_from_slice(&(20 + attributes.len() as u32).to_ne_bytes());
    to.extend_from_slice(&kind.to_ne_bytes());
    to.extend_from_slice(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, family, 0, 0, 0]);
    to.extend_from_slice(attributes);
}

/// `struct nlattr` with its value, padded.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = [(value.len() as u16 + 4).to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}
