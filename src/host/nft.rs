//! Native nf_tables rules: expressions over registers, and the sets they look things up in, as the kernel keeps them.
//!
//! The kernel's form (include/uapi/linux/netfilter/nf_tables.h), not nft's language: what a rule looks like to an admin is
//! the business of `syntax`. Numbers are in host order where the kernel's attribute is a number; data that is compared with
//! packets stays as bytes, in the order in which they lie in the registers. An expression that is not known here is kept
//! with its name and bytes, and evaluates to unknown.

mod set;

use std::net::IpAddr;

use super::names::Name;
use super::ruleset::Family;
use super::xt::{self, CtDirection};

pub use set::{Details, Element, ElementData, Particulars, Set, SetFlags, TableFlags};

/// A native rule: its expressions run in order, until one breaks it or gives a verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What it does, step by step.
    pub expressions: Box<[Expression]>,
    /// The admin's comment (`NFTNL_UDATA_RULE_COMMENT` in `NFTA_RULE_USERDATA`).
    pub comment: Option<Name>,
}

/// One of the sixteen 32-bit words of the register file, from 0. A value of more than four bytes takes the words that follow.
///
/// `NFT_REG32_00` is word 0; `NFT_REG_1` to `NFT_REG_4` name words 0, 4, 8 and 12 (`nft_parse_register`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Register(pub u8);

impl Register {
    /// How many words there are.
    pub const COUNT: u8 = 16;
}

/// Data as it lies in registers.
pub type Bytes = Box<[u8]>;

/// One step of a rule.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// Loads bytes of the packet (`payload`). Breaks the rule where the packet has no such header.
    Payload {
        /// From where.
        base: PayloadBase,
        /// The first byte, counted from the base.
        offset: u16,
        /// How many bytes.
        length: u16,
        /// Where they go.
        to: Register,
    },
    /// Loads what the kernel knows about the packet (`meta`).
    Meta {
        /// What.
        key: MetaKey,
        /// Where it goes.
        to: Register,
    },
    /// Changes what the kernel knows about the packet (`meta … set`).
    MetaSet {
        /// What.
        key: MetaKey,
        /// Its new value.
        from: Register,
    },
    /// Loads what conntrack knows of the packet's flow (`ct`).
    Ct {
        /// What.
        key: CtKey,
        /// Of which direction, where that makes a difference.
        direction: Option<CtDirection>,
        /// Where it goes.
        to: Register,
    },
    /// Changes what conntrack knows of the flow (`ct … set`).
    CtSet {
        /// What.
        key: CtKey,
        /// Its new value.
        from: Register,
    },
    /// Asks the routing table (`fib`).
    Fib {
        /// What is wanted.
        result: FibResult,
        /// `NFTA_FIB_F_*`: saddr 1, daddr 2, mark 4, iif 8, oif 16, present 32.
        flags: u32,
        /// Where it goes.
        to: Register,
    },
    /// Puts a constant into a register (`immediate`).
    Immediate {
        /// The register.
        to: Register,
        /// The constant.
        data: Box<[u8]>,
    },
    /// Gives a verdict (`immediate` into the verdict register).
    Verdict(Verdict),
    /// Compares with a constant (`cmp`): breaks the rule where the comparison fails.
    Compare {
        /// What is compared: as many bytes as the constant has.
        from: Register,
        /// How. Order is that of the bytes (`memcmp`).
        op: CompareOp,
        /// With what.
        data: Box<[u8]>,
    },
    /// Compares with a range (`range`): breaks the rule where that fails.
    Range {
        /// What is compared.
        from: Register,
        /// Outside instead of inside.
        not: bool,
        /// The first value and the last, both included, of equal length.
        ends: Box<(Bytes, Bytes)>,
    },
    /// `to = (from & mask) ^ xor` (`bitwise`, `NFT_BITWISE_MASK_XOR`).
    Bitwise {
        /// The operand.
        from: Register,
        /// The result.
        to: Register,
        /// The mask and what is flipped after it, of equal length.
        mask_xor: Box<(Bytes, Bytes)>,
    },
    /// Turns numbers from host order to network order or back (`byteorder`).
    Byteorder {
        /// The operand.
        from: Register,
        /// The result.
        to: Register,
        /// Bytes in each number: 2, 4 or 8.
        size: u8,
        /// Bytes in all.
        length: u8,
        /// From host order to network order; `false`: the other way. Both swap on a little-endian machine.
        to_network: bool,
    },
    /// Looks the key up in a set (`lookup`).
    Lookup {
        /// The set's name, within the table.
        set: Name,
        /// The key.
        from: Register,
        /// In a map: where what was found goes; a verdict is given at once. `None`: a set.
        to: Option<LookupResult>,
        /// Breaks the rule where the key is there, instead of where it is not.
        not: bool,
    },
    /// Counts (`counter`).
    Counter,
    /// Breaks the rule above a rate (`limit`).
    Limit(Box<Limit>),
    /// Writes a line to the kernel's log, or to user space (`log`).
    Log(Box<Log>),
    /// Keeps conntrack from tracking the packet (`notrack`).
    Notrack,
    /// Translates an address (`nat`), and ends the chain with accept.
    Nat(Box<Nat>),
    /// Translates the source to the outgoing device's address (`masq`).
    Masquerade {
        /// The first and the last port.
        ports: Option<(Register, Register)>,
        /// `NF_NAT_RANGE_*`.
        flags: u32,
    },
    /// Translates the destination to this host (`redir`).
    Redirect {
        /// The first and the last port.
        ports: Option<(Register, Register)>,
        /// `NF_NAT_RANGE_*`.
        flags: u32,
    },
    /// Drops the packet and answers (`reject`).
    Reject {
        /// With what.
        kind: RejectKind,
        /// The code of the answer, by its kind.
        code: u8,
    },
    /// An xtables match within a native rule (`match`): breaks the rule where it does not hold.
    Match(Box<xt::Match>),
    /// An xtables target within a native rule (`target`).
    Target(Box<xt::Target>),
    /// One that is not known here, or has an attribute that is not.
    Undecoded(Box<Undecoded>),
}

/// Where a payload expression counts from (`enum nft_payload_bases`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayloadBase {
    /// The link-layer header.
    Link,
    /// The network header.
    Network,
    /// The transport header; packets without one break the rule.
    Transport,
    /// What follows the transport header.
    Inner,
}

/// What `meta` names, by the kernel's number (`enum nft_meta_keys`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MetaKey(pub u32);

impl MetaKey {
    /// Length of the packet, 4 bytes in host order.
    pub const LEN: MetaKey = MetaKey(0);
    /// Ethernet protocol, 2 bytes in network order.
    pub const PROTOCOL: MetaKey = MetaKey(1);
    /// Packet mark, 4 bytes in host order.
    pub const MARK: MetaKey = MetaKey(3);
    /// Index of the incoming device, 4 bytes in host order; 0 where there is none.
    pub const IIF: MetaKey = MetaKey(4);
    /// Index of the outgoing device.
    pub const OIF: MetaKey = MetaKey(5);
    /// Name of the incoming device, 16 bytes; breaks the rule where there is none.
    pub const IIFNAME: MetaKey = MetaKey(6);
    /// Name of the outgoing device.
    pub const OIFNAME: MetaKey = MetaKey(7);
    /// The kind of the incoming device (`ARPHRD_*`).
    pub const IIFTYPE: MetaKey = MetaKey(8);
    /// The kind of the outgoing device.
    pub const OIFTYPE: MetaKey = MetaKey(9);
    /// User id of the sending socket.
    pub const SKUID: MetaKey = MetaKey(10);
    /// Group id of the sending socket.
    pub const SKGID: MetaKey = MetaKey(11);
    /// Whether the packet is traced.
    pub const NFTRACE: MetaKey = MetaKey(12);
    /// The family of the packet (`NFPROTO_*`), 1 byte.
    pub const NFPROTO: MetaKey = MetaKey(15);
    /// The transport protocol, 1 byte.
    pub const L4PROTO: MetaKey = MetaKey(16);
    /// A number at random, 4 bytes.
    pub const RANDOM: MetaKey = MetaKey(24);
    /// To whom the frame is addressed (`PACKET_*`), 1 byte.
    pub const PKTTYPE: MetaKey = MetaKey(19);
}

/// What `ct` names, by the kernel's number (`enum nft_ct_keys`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CtKey(pub u32);

impl CtKey {
    /// State bits: invalid 1, established 2, related 4, new 8, untracked 64 (`NF_CT_STATE_BIT`), 4 bytes in host order.
    pub const STATE: CtKey = CtKey(0);
    /// Direction, 1 byte: 0 original, 1 reply.
    pub const DIRECTION: CtKey = CtKey(1);
    /// Status bits (`IPS_*`), 4 bytes in host order.
    pub const STATUS: CtKey = CtKey(2);
    /// The flow's mark, 4 bytes in host order.
    pub const MARK: CtKey = CtKey(3);
    /// The network protocol (`NFPROTO_*`), 1 byte.
    pub const L3PROTOCOL: CtKey = CtKey(7);
    /// Source address of a direction, of the family's length (deprecated form).
    pub const SRC: CtKey = CtKey(8);
    /// Destination address of a direction (deprecated form).
    pub const DST: CtKey = CtKey(9);
    /// The transport protocol, 1 byte.
    pub const PROTOCOL: CtKey = CtKey(10);
    /// Source port of a direction, 2 bytes in network order.
    pub const PROTO_SRC: CtKey = CtKey(11);
    /// Destination port of a direction.
    pub const PROTO_DST: CtKey = CtKey(12);
    /// IPv4 source address of a direction.
    pub const SRC_IP: CtKey = CtKey(19);
    /// IPv4 destination address of a direction.
    pub const DST_IP: CtKey = CtKey(20);
    /// IPv6 source address of a direction.
    pub const SRC_IP6: CtKey = CtKey(21);
    /// IPv6 destination address of a direction.
    pub const DST_IP6: CtKey = CtKey(22);
}

/// What `fib` gives (`enum nft_fib_result`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FibResult {
    /// The index of the outgoing device; 0 where there is no route. With `present`: one byte, whether there is one.
    Oif,
    /// Its name.
    OifName,
    /// The type of the address (`RTN_*`), 4 bytes in host order.
    AddressType,
}

/// The flags of `fib` (`enum nft_fib_flags`).
pub mod fib {
    /// The source address is looked up.
    pub const SADDR: u32 = 1;
    /// The destination address is looked up.
    pub const DADDR: u32 = 2;
    /// With the packet's mark.
    pub const MARK: u32 = 4;
    /// On the incoming device only.
    pub const IIF: u32 = 8;
    /// On the outgoing device only.
    pub const OIF: u32 = 16;
    /// Whether there is a route is all that is wanted.
    pub const PRESENT: u32 = 32;
}

/// A verdict (`enum nft_verdicts`, `enum nf_inet_hook` verdicts).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The base chain ends and lets the packet go on.
    Accept,
    /// The packet is dropped.
    Drop,
    /// The next rule.
    Continue,
    /// The rule ends as if it did not match.
    Break,
    /// Back to the chain that jumped here.
    Return,
    /// Another chain, and back.
    Jump(ChainRef),
    /// Another chain, and not back.
    Goto(ChainRef),
    /// To user space (`NF_QUEUE`, `queue`).
    Queue {
        /// The first queue and the last.
        queues: (u16, u16),
        /// Accepted where nobody listens.
        bypass: bool,
    },
}

/// A chain of the same table: index into [`super::Table::chains`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainRef(pub u32);

/// How `cmp` compares (`enum nft_cmp_ops`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CompareOp {
    /// Equal.
    Equal,
    /// Not equal.
    NotEqual,
    /// Less.
    Less,
    /// Less or equal.
    LessOrEqual,
    /// Greater.
    Greater,
    /// Greater or equal.
    GreaterOrEqual,
}

/// What `reject` answers with (`enum nft_reject_types`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectKind {
    /// ICMP or ICMPv6 destination unreachable, with the code of that protocol.
    Icmp,
    /// A TCP RST.
    TcpReset,
    /// ICMP or ICMPv6 destination unreachable, with a code for both: no route 0, port 1, host 2, prohibited 3.
    Icmpx,
}

/// Where what a map gives goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LookupResult {
    /// It is a verdict, and is given at once.
    Verdict,
    /// It is data.
    Data(Register),
}

/// `limit`: a token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Packets or bytes in each unit.
    pub rate: u64,
    /// The unit, in seconds.
    pub unit: u64,
    /// What may come at once, beyond the rate.
    pub burst: u32,
    /// Bytes are counted instead of packets.
    pub bytes: bool,
    /// Holds above the rate instead of below.
    pub over: bool,
}

/// `log`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Log {
    /// `prefix`.
    pub prefix: Option<Name>,
    /// `level`, 0–7 (syslog), or 8 for the audit system.
    pub level: Option<u32>,
    /// `flags`: tcp sequence 1, tcp options 2, ip options 4, skuid 8, ether 0x20.
    pub flags: Option<u32>,
    /// `group`: the netlink group instead of the kernel's log.
    pub group: Option<u16>,
    /// `snaplen`: bytes of the packet that are copied.
    pub snaplen: Option<u32>,
    /// `queue-threshold`.
    pub qthreshold: Option<u16>,
}

/// `nat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nat {
    /// The destination, instead of the source.
    pub destination: bool,
    /// The family of the addresses (`NFTA_NAT_FAMILY`): `Ip` or `Ip6`; `Inet` where only ports are translated.
    pub family: Family,
    /// The first and the last address.
    pub addresses: Option<(Register, Register)>,
    /// The first and the last port.
    pub ports: Option<(Register, Register)>,
    /// `NF_NAT_RANGE_*`: random 4, persistent 8, fully random 16, netmap 64.
    pub flags: u32,
}

/// The flags of a translation (`NF_NAT_RANGE_*` in linux/netfilter/nf_nat.h).
pub mod range {
    /// `random`.
    pub const RANDOM: u32 = 1 << 2;
    /// `persistent`.
    pub const PERSISTENT: u32 = 1 << 3;
    /// `fully-random`.
    pub const RANDOM_FULLY: u32 = 1 << 4;
    /// Address prefixes are mapped one to one.
    pub const NETMAP: u32 = 1 << 6;
}

/// An expression that is kept as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecoded {
    /// Its name (`NFTA_EXPR_NAME`).
    pub name: Name,
    /// Its attributes (`NFTA_EXPR_DATA`), as the kernel gave them.
    pub data: Box<[u8]>,
}

/// An address as it lies in a register: four bytes or sixteen.
pub fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}
