//! Targets that change a packet's headers.

use ipnet::Ipv6Net;

/// TCP options by their numbers, as one bit each: option 32 is the lowest bit of the second word
/// (`struct xt_tcpoptstrip_target_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TcpOptions(pub [u32; 8]);

impl TcpOptions {
    /// Whether the option is among them.
    pub fn has(&self, option: u8) -> bool {
        self.0[usize::from(option >> 5)] & 1 << (option & 31) != 0
    }

    /// Takes the option in.
    pub fn add(&mut self, option: u8) {
        self.0[usize::from(option >> 5)] |= 1 << (option & 31);
    }

    /// The options, least first.
    pub fn iter(&self) -> impl Iterator<Item = u8> + '_ {
        (0..=u8::MAX).filter(|option| self.has(*option))
    }
}

/// `-j TTL`, `-j HL` (`struct ipt_TTL_info`, `struct ip6t_HL_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TtlChange {
    /// What is done.
    pub op: TtlChangeOp,
    /// The new value, or by how much.
    pub value: u8,
}

/// What TTL and HL do to the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TtlChangeOp {
    /// `--ttl-set`.
    Set,
    /// `--ttl-inc`.
    Increment,
    /// `--ttl-dec`.
    Decrement,
}

/// `-j TOS` (`struct xt_tos_target_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TosChange {
    /// Bits that are flipped after the others are cleared.
    pub value: u8,
    /// Bits that are cleared.
    pub mask: u8,
}

/// `-j ECN` (`struct ipt_ECN_info`); `None`: left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct EcnChange {
    /// `--ecn-tcp-ece`.
    pub ece: Option<bool>,
    /// `--ecn-tcp-cwr`.
    pub cwr: Option<bool>,
    /// `--ecn-ip-ect`, 0–3.
    pub ect: Option<u8>,
}

/// `-j SNPT`, `-j DNPT` (`struct ip6t_npt_tginfo`): one prefix takes the place of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Npt {
    /// Of the destination address; `false`: of the source address.
    pub destination: bool,
    /// `--src-pfx`: the prefix that is replaced.
    pub from: Ipv6Net,
    /// `--dst-pfx`: what it becomes.
    pub to: Ipv6Net,
}
