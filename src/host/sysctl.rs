//! The sysctls that decide where packets go (`Documentation/networking/ip-sysctl`, `nf_conntrack-sysctl`).
//!
//! A value is `None` where it was not read; [`Sysctls`] never fills in a default by itself.

use std::collections::BTreeMap;

/// What decides for a whole namespace and for each of its devices.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sysctls {
    /// `net.ipv4.ip_forward`.
    pub ip_forward: Option<bool>,
    /// `net.bridge.bridge-nf-call-iptables`; `None` also where br_netfilter is not loaded.
    pub bridge_call_iptables: Option<bool>,
    /// `net.bridge.bridge-nf-call-ip6tables`.
    pub bridge_call_ip6tables: Option<bool>,
    /// `net.bridge.bridge-nf-call-arptables`.
    pub bridge_call_arptables: Option<bool>,
    /// `net.netfilter.nf_conntrack_tcp_loose`: 1 takes a TCP packet in mid-flow as new.
    pub conntrack_tcp_loose: Option<bool>,
    /// `net.ipv4.tcp_l3mdev_accept`: TCP sockets that are bound to no device hear what comes by a VRF, too.
    pub tcp_l3mdev_accept: Option<bool>,
    /// `net.ipv4.udp_l3mdev_accept`: so do UDP sockets.
    pub udp_l3mdev_accept: Option<bool>,
    /// `net.ipv4.icmp_echo_ignore_all`: no echo request of IPv4 is answered.
    pub icmp_echo_ignore_all: Option<bool>,
    /// `net.ipv4.icmp_echo_ignore_broadcasts`: none that was sent to many is.
    pub icmp_echo_ignore_broadcasts: Option<bool>,
    /// `net.ipv6.icmp.echo_ignore_all`: no echo request of IPv6 is answered.
    pub icmp6_echo_ignore_all: Option<bool>,
    /// `net.ipv6.icmp.echo_ignore_multicast`: none that was sent to many is.
    pub icmp6_echo_ignore_multicast: Option<bool>,
    /// `net.ipv4.conf.DEV.*` by device name; `all` and `default` are among them.
    pub ip: BTreeMap<String, DeviceSysctls>,
    /// `net.ipv6.conf.DEV.*` by device name.
    pub ip6: BTreeMap<String, Ip6Device>,
}

/// `net.ipv4.conf.DEV.*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeviceSysctls {
    /// `forwarding`: packets that arrive here may be forwarded.
    pub forwarding: Option<bool>,
    /// `rp_filter`: 0 off, 1 strict, 2 loose. The greater of this and that of `all` counts.
    pub rp_filter: Option<u8>,
    /// `route_localnet`: 127/8 is not martian here. ORed with that of `all`.
    pub route_localnet: Option<bool>,
    /// `accept_local`: packets with a source address of this host are accepted. ORed with that of `all`.
    pub accept_local: Option<bool>,
    /// `src_valid_mark`: the reverse-path lookup uses the packet's mark. ORed with that of `all`.
    pub src_valid_mark: Option<bool>,
    /// `send_redirects`: who sends by here what goes back the same way is told so, and its source is looked at more closely. ORed with
    /// that of `all`; on where nobody turned it off.
    pub send_redirects: Option<bool>,
}

/// `net.ipv6.conf.DEV.*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ip6Device {
    /// `forwarding`.
    pub forwarding: Option<bool>,
    /// `disable_ipv6`.
    pub disabled: Option<bool>,
}
