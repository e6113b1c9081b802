//! What expressions say that are more than a few numbers: translations, limits, logs, changes of packets and of sets.
//!
//! Configuration alone: what was counted, used up or seen last stands in [`Observations`](crate::host::Observations).

use super::{Bytes, Expression, HashKind, PayloadBase, Register};
use crate::host::names::Name;
use crate::host::ruleset::Family;

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
///
/// The rate is `NFTA_LIMIT_RATE` per `NFTA_LIMIT_UNIT`; how full the bucket is, no dump tells.
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

/// `payload … set`: writes bytes into the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadSet {
    /// Where they come from (`NFTA_PAYLOAD_SREG`).
    pub from: Register,
    /// From where the place is counted.
    pub base: PayloadBase,
    /// The first byte.
    pub offset: u16,
    /// How many bytes.
    pub length: u16,
    /// The checksum that is put right (`NFTA_PAYLOAD_CSUM_TYPE`).
    pub checksum: Checksum,
    /// Where it lies, counted from the base (`NFTA_PAYLOAD_CSUM_OFFSET`).
    pub checksum_offset: u16,
    /// That of the transport header covers the place too (`NFT_PAYLOAD_L4CSUM_PSEUDOHDR`).
    pub pseudo_header: bool,
}

/// A kind of checksum (`enum nft_payload_csum_types`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Checksum {
    /// None.
    None,
    /// That of IP, UDP, TCP.
    Inet,
    /// SCTP's CRC-32c.
    Sctp,
}

/// `bitwise` with one operation on two operands (`NFT_BITWISE_AND`, `NFT_BITWISE_OR`, `NFT_BITWISE_XOR`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boolean {
    /// What is done.
    pub op: BooleanOp,
    /// The first operand.
    pub from: Register,
    /// The second one.
    pub with: Operand,
    /// The result.
    pub to: Register,
    /// Bytes in each.
    pub length: u8,
}

/// What [`Boolean`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BooleanOp {
    /// Bits that both have.
    And,
    /// Bits that either has.
    Or,
    /// Bits that one has and the other has not.
    Xor,
}

/// The second operand of [`Boolean`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    /// What is in a register (`NFTA_BITWISE_SREG2`).
    Register(Register),
    /// A constant (`NFTA_BITWISE_DATA`).
    Data(Bytes),
}

/// `hash`: a number from 0 to below the modulus, plus the offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hash {
    /// How it is made.
    pub kind: HashKind,
    /// What is hashed, by [`HashKind::Jenkins`] alone.
    pub from: Register,
    /// How many bytes of it.
    pub length: u8,
    /// How many numbers there are.
    pub modulus: u32,
    /// The seed, where the admin gave one (`NFTA_HASH_SEED`).
    pub seed: Option<u32>,
    /// What is added.
    pub offset: u32,
    /// Where it goes, 4 bytes in host order.
    pub to: Register,
}

/// The queues that `queue` hands packets to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queues {
    /// From the first to the last (`NFTA_QUEUE_NUM`, `NFTA_QUEUE_TOTAL`).
    Range(u16, u16),
    /// The number in a register, 4 bytes in host order (`NFTA_QUEUE_SREG_QNUM`).
    Register(Register),
}

/// `dynset`: adds to a set or map, updates it or takes out of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Dynset {
    /// The set's name.
    pub set: Name,
    /// What is done.
    pub op: DynsetOp,
    /// The key.
    pub key: Register,
    /// What a map gives for it.
    pub data: Option<Register>,
    /// For how long it stays, in milliseconds (`NFTA_DYNSET_TIMEOUT`); 0: as long as the set says.
    pub timeout: u64,
    /// Breaks the rule where it could be done, instead of where it could not (`NFT_DYNSET_F_INV`).
    pub not: bool,
    /// What each new element holds. The kernel tells none here where the set itself says what its elements hold
    /// (`nft_dynset_dump`).
    pub expressions: Box<[Expression]>,
}

/// What [`Dynset`] does (`enum nft_dynset_ops`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DynsetOp {
    /// Adds the key where it is not there.
    Add,
    /// Adds it, or lets its time begin anew.
    Update,
    /// Takes it out.
    Delete,
}

/// `synproxy`: answers for a server until a handshake is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Synproxy {
    /// The segment size told to clients (`NFTA_SYNPROXY_MSS`).
    pub mss: u16,
    /// The window scale told to them (`NFTA_SYNPROXY_WSCALE`).
    pub window_scale: u8,
    /// [`synproxy`].
    pub flags: u32,
}

/// The flags of [`Synproxy`] (`NF_SYNPROXY_OPT_*` in linux/netfilter/nf_synproxy.h).
pub mod synproxy {
    /// The segment size is given.
    pub const MSS: u32 = 0x1;
    /// The window scale is given.
    pub const WSCALE: u32 = 0x2;
    /// `sack-perm`.
    pub const SACK_PERM: u32 = 0x4;
    /// `timestamp`.
    pub const TIMESTAMP: u32 = 0x8;
    /// ECN.
    pub const ECN: u32 = 0x10;
}

/// `inner`: asks a packet within a tunnel.
#[derive(Debug, Clone, PartialEq)]
pub struct Inner {
    /// The kind of tunnel (`NFT_INNER_*`): 1 vxlan, 2 geneve.
    pub kind: u32,
    /// The headers that are looked for (`enum nft_inner_flags`).
    pub flags: u32,
    /// Bytes in the tunnel's header.
    pub header_size: u32,
    /// What is loaded: a payload or a meta expression.
    pub expression: Expression,
}
