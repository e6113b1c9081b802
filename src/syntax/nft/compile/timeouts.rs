//! The states of flows that timeouts are told of, in nft's words.

use crate::host::Protocol;

/// `CTA_TIMEOUT_TCP_*` and what nft takes where nothing is said, in seconds.
const TCP: [(&str, u32); 11] = [
    ("syn_sent", 120),
    ("syn_recv", 60),
    ("established", 432_000),
    ("fin_wait", 120),
    ("close_wait", 60),
    ("last_ack", 30),
    ("time_wait", 120),
    ("close", 10),
    ("syn_sent2", 120),
    ("retrans", 300),
    ("unack", 300),
];
/// `CTA_TIMEOUT_UDP_*`.
const UDP: [(&str, u32); 2] = [("unreplied", 30), ("replied", 120)];

/// Seconds for each state by the kernel's number, of which some are told.
pub(super) fn seconds(protocol: Protocol, told: &[(&str, u64)]) -> Box<[(u16, u32)]> {
    let states: &[(&str, u32)] = match protocol {
        Protocol::TCP => &TCP,
        Protocol::UDP => &UDP,
        _ => &[],
    };
    let each = states.iter().zip(1u16..).map(|((name, usual), number)| {
        let said = told.iter().find(|(state, _)| state == name);
        (number, said.map_or(*usual, |(_, seconds)| u32::try_from(*seconds).unwrap_or(u32::MAX)))
    });
    each.collect()
}
