//! Any bytes make a match or a target, and a rule of it prints to a text that is read as the same.
//!
//! A case: the family (`4`, `6`), `m` or `t`, the revision as one byte, the name up to a NUL, the bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whyport::host::xt::{Rule, Target};
use whyport::host::{Body, Family, IpFamily};
use whyport::kernel::recorded;

fuzz_target!(|case: &[u8]| {
    let [family, kind, revision, rest @ ..] = case else { return };
    let Some(end) = rest.iter().position(|byte| *byte == 0) else { return };
    let (Ok(name), bytes) = (str::from_utf8(&rest[..end]), &rest[end + 1..]) else { return };
    // The names of modules: no others come from a kernel. Few have no bytes, and those have no words that tell so. Verdicts are no
    // modules, and that of ICMPv6 has one name.
    if matches!(name, "ACCEPT" | "DROP" | "RETURN" | "QUEUE" | "icmpv6") {
        return;
    }
    if bytes.is_empty() || name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return;
    }
    let (family, ip) = match family {
        b'6' => (Family::Ip6, IpFamily::V6),
        _ => (Family::Ip, IpFamily::V4),
    };
    let (mut matches, mut target) = (Vec::new(), Target::Accept);
    match kind {
        b't' => target = recorded::xt_target(family, name, *revision, bytes),
        _ => matches.push(recorded::xt_match(family, name, *revision, bytes)),
    }
    // iptables prints a time that is too long for 32 bits of microseconds as another (`RATEEST_print_time`), and so it is told.
    if let Target::Rateest(rateest) = &target
        && i32::from(rateest.interval) + i32::from(rateest.ewma_log) > 12
    {
        return;
    }
    whyport_fuzz::tells_rule(ip, Body::Iptables(Rule { matches: matches.into(), target }));
});
