//! What rules ask: the matches of iptables-extensions(8), each as its kernel struct holds it.

mod content;
mod ipv6;
mod place;
mod rare;
mod tracked;
mod transport;

use std::net::IpAddr;

use bitflags::bitflags;

use super::sets::SetMatch;
use super::{AddressMask, InterfacePattern, Masked, Neg, Opaque, PortRange};
use crate::host::names::Name;
use crate::host::socket::Protocol;

pub use content::*;
pub use ipv6::*;
pub use place::*;
pub use rare::Rare;
pub use tracked::*;
pub use transport::*;

/// A condition of a rule. Sizes matter (there may be 300,000 of them): what is large or rare is boxed.
#[derive(Debug, Clone, PartialEq)]
pub enum Match {
    /// `-s`.
    Source(Neg<AddressMask>),
    /// `-d`.
    Destination(Neg<AddressMask>),
    /// `-i`.
    InInterface(Neg<InterfacePattern>),
    /// `-o`.
    OutInterface(Neg<InterfacePattern>),
    /// `-p`; protocol 0 is never stored: `-p all` is no condition.
    Protocol(Neg<Protocol>),
    /// `-f`: second and further fragments (IPv4).
    Fragment(Neg<()>),
    /// `-m tcp`.
    Tcp(TcpMatch),
    /// `-m udp`.
    Udp(UdpMatch),
    /// `-m icmp`, or `-m icmp6` in an IPv6 table.
    Icmp(Neg<IcmpType>),
    /// `-m multiport`.
    Multiport(Box<Multiport>),
    /// `-m comment`: always holds.
    Comment(Name),
    /// `-m state`: conntrack's state only.
    State(Neg<CtStates>),
    /// `-m conntrack`.
    Conntrack(Box<Conntrack>),
    /// `-m addrtype`.
    Addrtype(Addrtype),
    /// `-m mark`.
    Mark(Neg<Masked>),
    /// `-m connmark`.
    Connmark(Neg<Masked>),
    /// `-m limit`.
    Limit(Limit),
    /// `-m statistic`.
    Statistic(Statistic),
    /// `-m recent`.
    Recent(Box<Recent>),
    /// `-m set`.
    Set(Box<SetMatch>),
    /// `-m owner`.
    Owner(Box<Owner>),
    /// `-m mac --mac-source`.
    Mac(Neg<crate::host::net::Mac>),
    /// `-m pkttype`.
    Pkttype(Neg<PacketType>),
    /// `-m iprange`.
    Iprange(Box<Iprange>),
    /// `-m length`: layer-3 length in bytes, first and last.
    Length(Neg<(u16, u16)>),
    /// `-m ttl`, or `-m hl` in an IPv6 table.
    Ttl(TtlMatch),
    /// `-m physdev`.
    Physdev(Box<Physdev>),
    /// A match that few rules have.
    Rare(Box<Rare>),
    /// An extension that is not known here.
    Opaque(Box<Opaque>),
}

/// `-m tcp` (`struct xt_tcp`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TcpMatch {
    /// `--sport`.
    pub sport: Option<Neg<PortRange>>,
    /// `--dport`.
    pub dport: Option<Neg<PortRange>>,
    /// `--tcp-flags MASK COMP`.
    pub flags: Option<Neg<(TcpFlags, TcpFlags)>>,
    /// `--tcp-option`.
    pub option: Option<Neg<u8>>,
}

/// `-m udp` (`struct xt_udp`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UdpMatch {
    /// `--sport`.
    pub sport: Option<Neg<PortRange>>,
    /// `--dport`.
    pub dport: Option<Neg<PortRange>>,
}

bitflags! {
    /// TCP header flags.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub struct TcpFlags: u8 {
        /// FIN.
        const FIN = 0x01;
        /// SYN.
        const SYN = 0x02;
        /// RST.
        const RST = 0x04;
        /// PSH.
        const PSH = 0x08;
        /// ACK.
        const ACK = 0x10;
        /// URG.
        const URG = 0x20;
    }
}

/// `--icmp-type`, `--icmpv6-type` (`struct ipt_icmp`, `struct ip6t_icmp`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IcmpType {
    /// The type; 255 in an IPv4 table means any.
    pub kind: u8,
    /// The codes, first and last; 0–255 for any.
    pub codes: (u8, u8),
}

/// `-m multiport` (`struct xt_multiport_v1`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multiport {
    /// Which port is compared.
    pub which: WhichPort,
    /// Whether there is a `!`.
    pub not: bool,
    /// The ports, in the order given.
    pub ports: Box<[PortRange]>,
}

/// Which of a packet's ports a match compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhichPort {
    /// `--sports`.
    Source,
    /// `--dports`.
    Destination,
    /// `--ports`: one of both.
    Either,
}

bitflags! {
    /// conntrack states, as `--ctstate` and `--state` name them (`XT_CONNTRACK_STATE_*`).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub struct CtStates: u16 {
        /// INVALID.
        const INVALID = 1 << 0;
        /// ESTABLISHED.
        const ESTABLISHED = 1 << 1;
        /// RELATED.
        const RELATED = 1 << 2;
        /// NEW.
        const NEW = 1 << 3;
        /// SNAT: the flow's source is translated.
        const SNAT = 1 << 6;
        /// DNAT: the flow's destination is translated.
        const DNAT = 1 << 7;
        /// UNTRACKED.
        const UNTRACKED = 1 << 8;
    }
}

bitflags! {
    /// conntrack status bits, as `--ctstatus` names them (`IPS_*`).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub struct CtStatuses: u16 {
        /// EXPECTED.
        const EXPECTED = 1 << 0;
        /// SEEN_REPLY.
        const SEEN_REPLY = 1 << 1;
        /// ASSURED.
        const ASSURED = 1 << 2;
        /// CONFIRMED.
        const CONFIRMED = 1 << 3;
    }
}

/// `-m conntrack` (`struct xt_conntrack_mtinfo3`): every part that is given must hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Conntrack {
    /// `--ctstate`.
    pub state: Option<Neg<CtStates>>,
    /// `--ctproto`.
    pub protocol: Option<Neg<Protocol>>,
    /// `--ctorigsrc`.
    pub orig_src: Option<Neg<AddressMask>>,
    /// `--ctorigdst`.
    pub orig_dst: Option<Neg<AddressMask>>,
    /// `--ctreplsrc`.
    pub reply_src: Option<Neg<AddressMask>>,
    /// `--ctrepldst`.
    pub reply_dst: Option<Neg<AddressMask>>,
    /// `--ctorigsrcport`.
    pub orig_sport: Option<Neg<PortRange>>,
    /// `--ctorigdstport`.
    pub orig_dport: Option<Neg<PortRange>>,
    /// `--ctreplsrcport`.
    pub reply_sport: Option<Neg<PortRange>>,
    /// `--ctrepldstport`.
    pub reply_dport: Option<Neg<PortRange>>,
    /// `--ctstatus`; no bit: NONE.
    pub status: Option<Neg<CtStatuses>>,
    /// `--ctexpire`: seconds left, first and last.
    pub expire: Option<Neg<(u32, u32)>>,
    /// `--ctdir`.
    pub direction: Option<CtDirection>,
}

/// The direction of a packet within its flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CtDirection {
    /// As the first packet went.
    Original,
    /// Against it.
    Reply,
}

bitflags! {
    /// Address types (`XT_ADDRTYPE_*`, which are `1 << RTN_*`).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub struct AddressTypes: u16 {
        /// UNSPEC.
        const UNSPEC = 1 << 0;
        /// UNICAST.
        const UNICAST = 1 << 1;
        /// LOCAL.
        const LOCAL = 1 << 2;
        /// BROADCAST.
        const BROADCAST = 1 << 3;
        /// ANYCAST.
        const ANYCAST = 1 << 4;
        /// MULTICAST.
        const MULTICAST = 1 << 5;
        /// BLACKHOLE.
        const BLACKHOLE = 1 << 6;
        /// UNREACHABLE.
        const UNREACHABLE = 1 << 7;
        /// PROHIBIT.
        const PROHIBIT = 1 << 8;
        /// THROW.
        const THROW = 1 << 9;
        /// NAT.
        const NAT = 1 << 10;
        /// XRESOLVE.
        const XRESOLVE = 1 << 11;
    }
}

/// `-m addrtype` (`struct xt_addrtype_info_v1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Addrtype {
    /// `--src-type`.
    pub source: Option<Neg<AddressTypes>>,
    /// `--dst-type`.
    pub destination: Option<Neg<AddressTypes>>,
    /// `--limit-iface-in` or `--limit-iface-out`.
    pub limit: Option<InterfaceLimit>,
}

impl Default for AddressTypes {
    fn default() -> Self {
        AddressTypes::empty()
    }
}

/// On which interface `-m addrtype` looks the address up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InterfaceLimit {
    /// `--limit-iface-in`.
    In,
    /// `--limit-iface-out`.
    Out,
}

/// `-m limit` (`struct xt_rateinfo`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Time between packets, in 1/10000 s.
    pub avg: u32,
    /// Packets that may come at once.
    pub burst: u32,
}

/// `-m statistic` (`struct xt_statistic_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// `--mode random --probability`: holds in `probability` of 2³¹ cases.
    Random(Neg<u32>),
    /// `--mode nth --every --packet`: `every` as given (from 1), `packet` from 0.
    Nth(Neg<(u32, u32)>),
}

/// `-m recent` (`struct xt_recent_mtinfo_v1`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recent {
    /// Whether there is a `!` before the check.
    pub not: bool,
    /// What is done with the list.
    pub check: RecentCheck,
    /// `--seconds`.
    pub seconds: Option<u32>,
    /// `--reap`.
    pub reap: bool,
    /// `--hitcount`.
    pub hitcount: Option<u32>,
    /// `--rttl`.
    pub rttl: bool,
    /// `--name`.
    pub name: Name,
    /// `--mask`, where it is not all ones.
    pub mask: Option<IpAddr>,
    /// `--rdest` instead of `--rsource`.
    pub destination: bool,
}

/// What `-m recent` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecentCheck {
    /// `--set`: adds the address. Always holds.
    Set,
    /// `--rcheck`.
    Rcheck,
    /// `--update`.
    Update,
    /// `--remove`.
    Remove,
}

/// `-m owner` (`struct xt_owner_match_info`): only packets made here have an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Owner {
    /// `--uid-owner`, first and last.
    pub uid: Option<Neg<(u32, u32)>>,
    /// `--gid-owner`, first and last.
    pub gid: Option<Neg<(u32, u32)>>,
    /// `--socket-exists`.
    pub socket_exists: Option<Neg<()>>,
    /// `--suppl-groups`.
    pub suppl_groups: bool,
}

/// To whom a frame is addressed (`PACKET_*` in linux/if_packet.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PacketType {
    /// To this host.
    Host,
    /// To all.
    Broadcast,
    /// To a group.
    Multicast,
    /// To another host.
    OtherHost,
}

/// `-m iprange` (`struct xt_iprange_mtinfo`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Iprange {
    /// `--src-range`, first and last.
    pub source: Option<Neg<(IpAddr, IpAddr)>>,
    /// `--dst-range`, first and last.
    pub destination: Option<Neg<(IpAddr, IpAddr)>>,
}

/// `-m ttl`, `-m hl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TtlMatch {
    /// How it is compared.
    pub op: TtlOp,
    /// With what.
    pub value: u8,
}

/// How `-m ttl` and `-m hl` compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TtlOp {
    /// `--ttl-eq`.
    Equal,
    /// `! --ttl-eq`.
    NotEqual,
    /// `--ttl-lt`.
    Less,
    /// `--ttl-gt`.
    Greater,
}

/// `-m physdev` (`struct xt_physdev_info`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Physdev {
    /// `--physdev-in`.
    pub input: Option<Neg<InterfacePattern>>,
    /// `--physdev-out`.
    pub output: Option<Neg<InterfacePattern>>,
    /// `--physdev-is-in`.
    pub is_in: Option<Neg<()>>,
    /// `--physdev-is-out`.
    pub is_out: Option<Neg<()>>,
    /// `--physdev-is-bridged`.
    pub is_bridged: Option<Neg<()>>,
}
