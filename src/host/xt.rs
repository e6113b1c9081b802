//! xtables matches and targets: the form of a rule that `iptables` or `ip6tables` made (iptables-extensions(8)).
//!
//! Types hold what the kernel's structs hold (include/uapi/linux/netfilter/xt_*.h), so that a rule read from text and the
//! same rule read from the kernel are equal. Extensions that are not known here are kept as [`Opaque`] words: they print
//! as they came and evaluate to unknown.

use std::net::IpAddr;

use bitflags::bitflags;
use ipnet::IpNet;

use super::names::Name;
use super::socket::Protocol;

/// A rule: it holds when all matches hold, and then does what its target says.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The conditions, in the order in which `iptables-save` prints them: source, destination, incoming and outgoing
    /// interface, protocol, fragment, then the `-m` matches as they were given.
    pub matches: Box<[Match]>,
    /// What happens when all of them hold.
    pub target: Target,
}

/// Something that a `!` before it turns around.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Neg<T> {
    /// Whether there is a `!`.
    pub not: bool,
    /// What is asked.
    pub value: T,
}

impl<T> Neg<T> {
    /// Asked as it stands.
    pub fn is(value: T) -> Neg<T> {
        Neg { not: false, value }
    }

    /// Asked with `!`.
    pub fn not(value: T) -> Neg<T> {
        Neg { not: true, value }
    }
}

/// Addresses that a mask selects.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AddressMask {
    /// A prefix. The host bits are zero, as the kernel keeps them.
    Net(IpNet),
    /// An address and a mask that is no prefix (`10.0.0.1/255.0.0.255`), both of one family.
    Bits(Box<(IpAddr, IpAddr)>),
}

/// Interface names: one, or all that start alike (`veth+`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct InterfacePattern {
    /// The name, or what the names start with.
    pub name: Name,
    /// Whether more may follow (a trailing `+`).
    pub prefix: bool,
}

impl InterfacePattern {
    /// Whether an interface with this name fits.
    pub fn fits(&self, name: &str) -> bool {
        if self.prefix { name.starts_with(&*self.name) } else { name == &*self.name }
    }
}

/// Ports from first to last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortRange {
    /// The first port.
    pub first: u16,
    /// The last port.
    pub last: u16,
}

impl PortRange {
    /// A range of one port.
    pub fn one(port: u16) -> PortRange {
        PortRange { first: port, last: port }
    }
}

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
    Mac(Neg<super::net::Mac>),
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

/// A 32-bit value of which only the masked bits count: `value` equals the packet's `& mask`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Masked {
    /// The value, compared after masking.
    pub value: u32,
    /// The mask.
    pub mask: u32,
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

/// `-m set` (`struct xt_set_info_match_v4`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetMatch {
    /// The ipset's name.
    pub name: Name,
    /// Whether there is a `!` before `--match-set`.
    pub not: bool,
    /// Which side of the packet each dimension is taken from: `true` is `src`.
    pub directions: Box<[bool]>,
    /// Further options, as words (`--return-nomatch`, `--packets-gt 5`, …).
    pub options: Box<[Name]>,
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

/// An extension that is kept as it came: a match (`-m NAME WORDS…`) or a target (`-j NAME WORDS…`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opaque {
    /// Its name.
    pub name: Name,
    /// The words after its name, unquoted; `!` is a word of its own.
    pub words: Box<[Name]>,
}

/// What a rule does with a packet for which all its matches hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// No target: the rule counts, and the packet goes on.
    Continue,
    /// `-j ACCEPT`.
    Accept,
    /// `-j DROP`.
    Drop,
    /// `-j RETURN`.
    Return,
    /// `-j QUEUE`: to user space, number 0.
    Queue,
    /// `-j CHAIN`: index into [`super::Table::chains`].
    Jump(u32),
    /// `-g CHAIN`: index into [`super::Table::chains`]; its end returns to where the last jump came from.
    Goto(u32),
    /// `-j REJECT`.
    Reject(RejectWith),
    /// `-j LOG`.
    Log(Box<Log>),
    /// `-j MARK`: the packet's mark becomes `(mark & !mask) ^ value`.
    Mark(Masked),
    /// `-j CONNMARK`.
    Connmark(Box<Connmark>),
    /// `-j DNAT`.
    Dnat(Box<Nat>),
    /// `-j SNAT`.
    Snat(Box<Nat>),
    /// `-j MASQUERADE`; no addresses.
    Masquerade(Box<Nat>),
    /// `-j REDIRECT`; no addresses.
    Redirect(Box<Nat>),
    /// `-j NETMAP`: the prefix that addresses are mapped into.
    Netmap(Box<IpNet>),
    /// `-j CT --notrack`, or `-j NOTRACK`, which does the same.
    Notrack {
        /// Whether it is the target of that name (`xt_CT`, revision 0 of `NOTRACK`).
        own_name: bool,
    },
    /// `-j NFQUEUE`: first and last queue, and whether packets go on where nobody listens.
    Nfqueue(Nfqueue),
    /// A target that is not known here.
    Opaque(Box<Opaque>),
}

/// What REJECT answers with (`enum ipt_reject_with`, `enum ip6t_reject_with`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectWith {
    /// ICMP network unreachable (`icmp-net-unreachable`); ICMPv6 no route (`icmp6-no-route`).
    NetUnreachable,
    /// `icmp-host-unreachable`.
    HostUnreachable,
    /// `icmp-proto-unreachable`.
    ProtoUnreachable,
    /// `icmp-port-unreachable`, `icmp6-port-unreachable`: the default.
    PortUnreachable,
    /// `icmp-net-prohibited`.
    NetProhibited,
    /// `icmp-host-prohibited`.
    HostProhibited,
    /// `icmp-admin-prohibited`, `icmp6-adm-prohibited`.
    AdminProhibited,
    /// `icmp6-addr-unreachable`.
    AddressUnreachable,
    /// `icmp6-policy-fail`.
    PolicyFail,
    /// `icmp6-reject-route`.
    RejectRoute,
    /// `tcp-reset`.
    TcpReset,
}

/// `-j LOG` (`struct xt_log_info`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// `--log-level`, 0–7; 4 (warning) is the default.
    pub level: u8,
    /// `--log-prefix`.
    pub prefix: Name,
    /// `--log-tcp-sequence` (1), `--log-tcp-options` (2), `--log-ip-options` (4), `--log-uid` (8), `--log-macdecode` (0x20).
    pub flags: u8,
}

/// `-j CONNMARK` (`struct xt_connmark_tginfo1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connmark {
    /// `--set-xmark`: the flow's mark becomes `(mark & !mask) ^ value`.
    Set(Masked),
    /// `--save-mark`: the flow's mark takes the packet's bits.
    Save {
        /// Bits of the packet's mark that are taken.
        nfmask: u32,
        /// Bits of the flow's mark that are replaced.
        ctmask: u32,
    },
    /// `--restore-mark`: the packet's mark takes the flow's bits.
    Restore {
        /// Bits of the packet's mark that are replaced.
        nfmask: u32,
        /// Bits of the flow's mark that are taken.
        ctmask: u32,
    },
}

/// What DNAT, SNAT, MASQUERADE and REDIRECT translate to (`struct nf_nat_range2`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Nat {
    /// The new address, first and last of a range; `None`: unchanged, or chosen by the kernel.
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// The new port, first and last of a range.
    pub ports: Option<PortRange>,
    /// The port that the first of `ports` stands for (`:6000-6010/5000`), DNAT only.
    pub base_port: Option<u16>,
    /// `--random`.
    pub random: bool,
    /// `--random-fully`.
    pub random_fully: bool,
    /// `--persistent`.
    pub persistent: bool,
}

/// `-j NFQUEUE` (`struct xt_NFQ_info_v3`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nfqueue {
    /// The first queue.
    pub first: u16,
    /// The last queue.
    pub last: u16,
    /// `--queue-bypass`: accept where nobody listens.
    pub bypass: bool,
    /// `--queue-cpu-fanout`.
    pub cpu_fanout: bool,
}
