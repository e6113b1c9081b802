//! Routes and policy rules, as rtnetlink tells them (ip-route(8), ip-rule(8)).

use std::net::IpAddr;

use ipnet::IpNet;

use super::net::{IpFamily, Scope};

/// The number of the table `local`.
pub const TABLE_LOCAL: u32 = 255;
/// The number of the table `main`.
pub const TABLE_MAIN: u32 = 254;
/// The number of the table `default`.
pub const TABLE_DEFAULT: u32 = 253;

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The routing table it is in.
    pub table: u32,
    /// What happens to packets that take it.
    pub kind: RouteKind,
    /// The destinations it is for; the default route has prefix length 0.
    pub dst: IpNet,
    /// IPv6 only: the sources it is for, when it is a source-specific route.
    pub from: Option<IpNet>,
    /// Type of service it is restricted to; 0: any.
    pub tos: u8,
    /// Preference among routes to the same destination; lower wins.
    pub metric: u32,
    /// The source address that a local sender gets.
    pub prefsrc: Option<IpAddr>,
    /// How far away its destination is.
    pub scope: Scope,
    /// Where it leads: one entry, or several for a multipath route; none for `blackhole` and its like.
    pub next_hops: Vec<NextHop>,
}

impl Route {
    /// The family it belongs to.
    pub fn family(&self) -> IpFamily {
        IpFamily::of(self.dst.addr())
    }
}

/// One way that a route leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextHop {
    /// The router; `None`: the destination is on the link.
    pub gateway: Option<IpAddr>,
    /// The interface index of the link.
    pub link: u32,
    /// Weight among several, from 1.
    pub weight: u16,
    /// The link is down or the next hop is known dead (`dead`, `linkdown` flags).
    pub dead: bool,
}

/// The type of a route (`RTN_*` in linux/rtnetlink.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RouteKind {
    /// To another host.
    Unicast,
    /// An address of this host.
    Local,
    /// A broadcast address of a link.
    Broadcast,
    /// An anycast address of this host.
    Anycast,
    /// A multicast destination.
    Multicast,
    /// Dropped silently.
    Blackhole,
    /// Answered with ICMP host unreachable.
    Unreachable,
    /// Answered with ICMP administratively prohibited.
    Prohibit,
    /// The lookup goes on with the next policy rule.
    Throw,
}

/// A policy rule: which table is asked for which packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRule {
    /// The family it is for.
    pub family: IpFamily,
    /// Lower is asked first.
    pub priority: u32,
    /// It is for the packets that do *not* fit its selectors (`not`).
    pub invert: bool,
    /// Source addresses.
    pub from: Option<IpNet>,
    /// Destination addresses.
    pub to: Option<IpNet>,
    /// Name of the incoming device (`lo` for packets made here).
    pub iif: Option<String>,
    /// Name of the outgoing device that the sender asks for.
    pub oif: Option<String>,
    /// Packet mark: value and mask.
    pub fwmark: Option<(u32, u32)>,
    /// Type of service (`FRA_TOS`); 0: any. In IPv4 the bits of `IPTOS_TOS_MASK` that no precedence takes are compared
    /// (`INET_DSCP_LEGACY_TOS_MASK`), in IPv6 the whole code point.
    pub tos: u8,
    /// The bits of the byte for services that are compared, and which (`FRA_DSCP`, `FRA_DSCP_MASK`).
    pub dscp: Option<(u8, u8)>,
    /// Senders' user ids, first and last.
    pub uids: Option<(u32, u32)>,
    /// IP protocol number.
    pub protocol: Option<u8>,
    /// Source ports, first and last.
    pub sports: Option<(u16, u16)>,
    /// Destination ports, first and last.
    pub dports: Option<(u16, u16)>,
    /// Only for packets of a device that is enslaved to a VRF (`l3mdev`).
    pub l3mdev: bool,
    /// Routes with a prefix no longer than this are passed over (`suppress_prefixlength`).
    pub suppress_prefixlength: Option<u8>,
    /// What it asks for.
    pub action: PolicyAction,
}

/// What a policy rule does (`FR_ACT_*` in linux/fib_rules.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyAction {
    /// Look in this table.
    Lookup(u32),
    /// Go on at the rule with this priority.
    Goto(u32),
    /// Nothing.
    Nop,
    /// Dropped silently.
    Blackhole,
    /// ICMP network unreachable.
    Unreachable,
    /// ICMP administratively prohibited.
    Prohibit,
}
