//! Matches on what stands behind the IP header, and on the byte of it that asks for a service: dccp, sctp, tcpmss, ah, esp,
//! ipcomp, ecn.

use bitflags::bitflags;

use crate::host::xt::{Neg, PortRange};

/// Numbers from first to last, both included; the tools take them in any order, and backwards none fits.
pub type Span = (u32, u32);

/// `-m ah` (`struct ipt_ah`, `struct ip6t_ah`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ah {
    /// `--ahspi`.
    pub spi: Option<Neg<Span>>,
    /// `--ahlen` (IPv6).
    pub length: Option<Neg<u32>>,
    /// `--ahres` (IPv6): the reserved field is zero.
    pub reserved: bool,
}

/// `-m esp` (`struct xt_esp`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Esp {
    /// `--espspi`.
    pub spi: Option<Neg<Span>>,
}

/// `-m ipcomp` (`struct xt_ipcomp`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ipcomp {
    /// `--ipcompspi`.
    pub spi: Option<Neg<Span>>,
    /// `--compres`: the reserved field is zero.
    pub reserved: bool,
}

bitflags! {
    /// Types of DCCP packets (`enum dccp_pkt_type`).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub struct DccpTypes: u16 {
        /// REQUEST.
        const REQUEST = 1 << 0;
        /// RESPONSE.
        const RESPONSE = 1 << 1;
        /// DATA.
        const DATA = 1 << 2;
        /// ACK.
        const ACK = 1 << 3;
        /// DATAACK.
        const DATAACK = 1 << 4;
        /// CLOSEREQ.
        const CLOSEREQ = 1 << 5;
        /// CLOSE.
        const CLOSE = 1 << 6;
        /// RESET.
        const RESET = 1 << 7;
        /// SYNC.
        const SYNC = 1 << 8;
        /// SYNCACK.
        const SYNCACK = 1 << 9;
        /// INVALID: all types that have no name.
        const INVALID = 0xfc00;
    }
}

/// `-m dccp` (`struct xt_dccp_info`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dccp {
    /// `--sport`.
    pub sport: Option<Neg<PortRange>>,
    /// `--dport`.
    pub dport: Option<Neg<PortRange>>,
    /// `--dccp-types`.
    pub types: Option<Neg<DccpTypes>>,
    /// `--dccp-option`.
    pub option: Option<Neg<u8>>,
}

/// `-m sctp` (`struct xt_sctp_info`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sctp {
    /// `--sport`.
    pub sport: Option<Neg<PortRange>>,
    /// `--dport`.
    pub dport: Option<Neg<PortRange>>,
    /// `--chunk-types`.
    pub chunks: Option<Neg<SctpChunks>>,
}

/// `--chunk-types HOW CHUNK,…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SctpChunks {
    /// Which of a packet's chunks must be among them.
    pub how: SctpHow,
    /// The types: bit `n % 32` of word `n / 32` is type `n`.
    pub types: [u32; 8],
    /// What is asked of the flags of some types, in the order given.
    pub flags: Box<[SctpFlags]>,
}

/// How many of the chunks must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SctpHow {
    /// `any`: one of them.
    Any,
    /// `all`: each of them.
    All,
    /// `only`: no other.
    Only,
}

/// What is asked of the flags of one chunk type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SctpFlags {
    /// The type.
    pub chunk: u8,
    /// The flags that must be set.
    pub set: u8,
    /// The flags that are looked at.
    pub mask: u8,
}

/// `-m ecn` (`struct xt_ecn_info`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ecn {
    /// `--ecn-tcp-ece`.
    pub ece: Option<Neg<()>>,
    /// `--ecn-tcp-cwr`.
    pub cwr: Option<Neg<()>>,
    /// `--ecn-ip-ect`, 0–3.
    pub ect: Option<Neg<u8>>,
}
