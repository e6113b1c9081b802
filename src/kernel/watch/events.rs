//! What a datagram of events tells: which parts of the host changed. Types of messages are all that is looked at, as what
//! changed is read anew.

use netlink_sys::protocols::NETLINK_NETFILTER;

use super::super::netlink::split;
use crate::host::{Changes, What};

/// `NFNLGRP_NFTABLES` (linux/netfilter/nfnetlink.h).
pub(super) const NFTABLES_GROUP: u32 = 7;

/// `RTNLGRP_LINK`, `_IPV4_IFADDR`, `_IPV4_ROUTE`, `_IPV4_RULE`, `_IPV6_IFADDR`, `_IPV6_ROUTE`, `_IPV6_RULE`,
/// `_IPV4_NETCONF`, `_IPV6_NETCONF` (linux/rtnetlink.h).
pub(super) const ROUTE_GROUPS: [u32; 9] = [1, 5, 7, 8, 9, 11, 19, 24, 25];

/// What these groups tell of.
pub(super) const OF_ROUTE: [What; 5] = [What::Links, What::Addresses, What::Routes, What::PolicyRules, What::Sysctls];

/// `NFNL_SUBSYS_NFTABLES`, as the high byte of a message's type.
const NFTABLES: u16 = 10;

/// What changed, by the events of one datagram of a protocol (`NETLINK_NETFILTER`, `NETLINK_ROUTE`). Bytes that are no
/// message end it.
pub(in crate::kernel) fn told(protocol: isize, mut bytes: &[u8]) -> Changes {
    let mut changes = Changes::NONE;
    while let Ok((_, message, rest)) = split(bytes) {
        let what = if protocol == NETLINK_NETFILTER { of_netfilter(message.kind) } else { of_route(message.kind) };
        changes = what.map_or(changes, |what| changes.with(what));
        bytes = rest;
    }
    changes
}

/// Every message of nf_tables tells of a change, the generation that ends them (`NFT_MSG_NEWGEN`) too.
fn of_netfilter(kind: u16) -> Option<What> {
    (kind >> 8 == NFTABLES).then_some(What::NfTables)
}

/// `RTM_NEWLINK` and `RTM_DELLINK`, and so on.
fn of_route(kind: u16) -> Option<What> {
    Some(match kind {
        16 | 17 => What::Links,
        20 | 21 => What::Addresses,
        24 | 25 => What::Routes,
        32 | 33 => What::PolicyRules,
        80 | 81 => What::Sysctls,
        _ => return None,
    })
}
