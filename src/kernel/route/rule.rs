//! One policy rule: `struct fib_rule_hdr` and its attributes (linux/fib_rules.h, ip-rule(8)).

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_core::Parseable;
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleFlags, RuleHeader, RulePortRange};

use super::super::netlink::{Attributes, text};
use super::fib::family;
use crate::host::{IpFamily, PolicyAction, PolicyRule};

const HEADER: usize = 12;

// Of linux/fib_rules.h.
const FRA_IIFNAME: u16 = 3;
const FRA_OIFNAME: u16 = 17;
const FRA_TUN_ID: u16 = 12;
const FRA_SUPPRESS_IFGROUP: u16 = 13;
const FRA_DSCP: u16 = 25;
const FRA_FLOWLABEL: u16 = 26;
const FRA_SPORT_MASK: u16 = 28;
const FRA_DPORT_MASK: u16 = 29;
const FRA_DSCP_MASK: u16 = 30;
/// The attributes that netlink-packet-route reads.
const KINDS: [u16; 13] = [1, 2, 4, 6, 10, 14, 15, 16, 19, 20, 22, 23, 24];

/// The selectors that no field of the model holds, with the priority of a rule that has them.
pub(crate) type Unmodelled = BTreeSet<(u32, &'static str)>;

/// A rule for all packets that does nothing.
pub(super) fn empty(family: IpFamily) -> PolicyRule {
    PolicyRule {
        family,
        priority: 0,
        invert: false,
        from: None,
        to: None,
        iif: None,
        oif: None,
        fwmark: None,
        tos: 0,
        dscp: None,
        uids: None,
        protocol: None,
        sports: None,
        dports: None,
        l3mdev: false,
        suppress_prefixlength: None,
        action: PolicyAction::Nop,
    }
}

pub(super) fn decode(body: &[u8]) -> Option<(PolicyRule, Unmodelled)> {
    let header = RuleHeader::parse(body).ok()?;
    let raw = Attributes(body.get(HEADER..)?);
    let mut rule = PolicyRule {
        invert: header.flags.contains(RuleFlags::Invert),
        tos: header.tos,
        iif: raw.get(FRA_IIFNAME).map(|name| text(name).into_owned()),
        oif: raw.get(FRA_OIFNAME).map(|name| text(name).into_owned()),
        ..empty(family(header.family)?)
    };
    let (mut mark, mut mask, mut goto, mut table) = (None, None, None, u32::from(header.table));
    let net = |addr: IpAddr, length| IpNet::new(addr, length).ok();
    for attribute in super::attributes(body.get(HEADER..)?, &KINDS) {
        match RuleAttribute::parse(&attribute) {
            Ok(RuleAttribute::Source(addr)) => rule.from = net(addr, header.src_len),
            Ok(RuleAttribute::Destination(addr)) => rule.to = net(addr, header.dst_len),
            Ok(RuleAttribute::Priority(priority)) => rule.priority = priority,
            Ok(RuleAttribute::FwMark(value)) => mark = Some(value),
            Ok(RuleAttribute::FwMask(value)) => mask = Some(value),
            Ok(RuleAttribute::Goto(priority)) => goto = Some(priority),
            Ok(RuleAttribute::Table(number)) => table = number,
            Ok(RuleAttribute::L3MDev(set)) => rule.l3mdev = set,
            Ok(RuleAttribute::UidRange(range)) => rule.uids = Some((range.start, range.end)),
            Ok(RuleAttribute::IpProtocol(protocol)) => rule.protocol = Some(u8::from(protocol)),
            Ok(RuleAttribute::SourcePortRange(range)) => rule.sports = Some(ports(range)),
            Ok(RuleAttribute::DestinationPortRange(range)) => rule.dports = Some(ports(range)),
            // −1, which is always there: nothing is passed over.
            Ok(RuleAttribute::SuppressPrefixLen(length)) => rule.suppress_prefixlength = u8::try_from(length).ok(),
            _ => {}
        }
    }
    if mark.is_some() || mask.is_some() {
        rule.fwmark = Some((mark.unwrap_or(0), mask.unwrap_or(u32::MAX)));
    }
    rule.action = match header.action {
        RuleAction::ToTable => PolicyAction::Lookup(table),
        RuleAction::Goto => PolicyAction::Goto(goto?),
        RuleAction::Nop => PolicyAction::Nop,
        RuleAction::Blackhole => PolicyAction::Blackhole,
        RuleAction::Unreachable => PolicyAction::Unreachable,
        RuleAction::Prohibit => PolicyAction::Prohibit,
        _ => return None,
    };
    if let Some([dscp]) = raw.get(FRA_DSCP) {
        // The upper six bits of what was the type of service.
        let mask = raw.get(FRA_DSCP_MASK).and_then(|mask| mask.first()).map_or(0x3f, |mask| *mask);
        rule.dscp = Some((dscp << 2, mask << 2));
    }
    let more = unmodelled(&raw).map(|what| (rule.priority, what)).collect();
    Some((rule, more))
}

fn ports(range: RulePortRange) -> (u16, u16) {
    (range.start, range.end)
}

/// What the rule asks for that the model has no field for.
fn unmodelled(raw: &Attributes<'_>) -> impl Iterator<Item = &'static str> {
    let is = |kind: u16, usual: &[u8]| raw.get(kind).is_none_or(|value| value == usual);
    [
        (is(FRA_TUN_ID, &[0; 8]), "tun_id"),
        (is(FRA_SUPPRESS_IFGROUP, &[0xff; 4]), "suppress_ifgroup"),
        (is(FRA_FLOWLABEL, &[0; 4]), "flowlabel"),
        (is(FRA_SPORT_MASK, &[0xff; 2]), "sport mask"),
        (is(FRA_DPORT_MASK, &[0xff; 2]), "dport mask"),
    ]
    .into_iter()
    .filter_map(|(usual, what)| (!usual).then_some(what))
}
