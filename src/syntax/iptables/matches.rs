//! Every match with a typed form, those that dumps are full of first.

use std::sync::LazyLock;

use super::option::{Extension, Known};
use super::{flow, ports, rare, sets, sides};
use crate::host::IpFamily;
use crate::host::xt::Match;

/// The match of this name and family.
pub(super) fn find(name: &str, family: IpFamily) -> Option<&'static Extension<Match>> {
    static KNOWN: LazyLock<Known<Match>> = LazyLock::new(|| Known::of(&[&MATCHES, &rare::MATCHES]));
    KNOWN.find(name, family)
}

/// Looked up by name and family.
pub(super) static MATCHES: [Extension<Match>; 23] = [
    sides::COMMENT,
    ports::TCP,
    ports::UDP,
    flow::STATISTIC,
    flow::CONNTRACK,
    flow::MARK,
    sides::ADDRTYPE,
    ports::MULTIPORT,
    flow::STATE,
    sets::MATCH,
    ports::ICMP,
    ports::ICMP6,
    flow::LIMIT,
    flow::RECENT,
    flow::CONNMARK,
    sides::OWNER,
    sides::MAC,
    sides::PKTTYPE,
    sides::IPRANGE,
    sides::LENGTH,
    sides::TTL,
    sides::HL,
    sides::PHYSDEV,
];
