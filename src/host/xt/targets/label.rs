//! Targets that write on the packet what is not sent with it: a mark from a hash, a security context.

use bitflags::bitflags;

/// `-j CONNSECMARK` (`struct xt_connsecmark_target_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Connsecmark {
    /// `--save`: the flow takes the packet's security mark.
    Save,
    /// `--restore`: the packet takes the flow's.
    Restore,
}

bitflags! {
    /// What HMARK is given (`XT_HMARK_*`).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub struct HmarkFlags: u32 {
        /// `--hmark-src-prefix`.
        const SOURCE = 1 << 0;
        /// `--hmark-dst-prefix`.
        const DESTINATION = 1 << 1;
        /// `--hmark-spi`.
        const SPI = 1 << 2;
        /// `--hmark-spi-mask`.
        const SPI_MASK = 1 << 3;
        /// `--hmark-sport`.
        const SPORT = 1 << 4;
        /// `--hmark-dport`.
        const DPORT = 1 << 5;
        /// `--hmark-sport-mask`.
        const SPORT_MASK = 1 << 6;
        /// `--hmark-dport-mask`.
        const DPORT_MASK = 1 << 7;
        /// `--hmark-proto-mask`.
        const PROTOCOL_MASK = 1 << 8;
        /// `--hmark-rnd`.
        const SEED = 1 << 9;
        /// `--hmark-mod`.
        const MODULUS = 1 << 10;
        /// `--hmark-offset`.
        const OFFSET = 1 << 11;
        /// `--hmark-tuple ct`: the flow's original tuple is hashed instead of the packet's.
        const CONNTRACK = 1 << 12;
    }
}

/// `-j HMARK` (`struct xt_hmark_info`): the packet's mark becomes a hash of its addresses and ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hmark {
    /// Which of the fields are given; the others are zero.
    pub flags: HmarkFlags,
    /// Leading bits of the source address that are hashed.
    pub source: u8,
    /// Leading bits of the destination address that are hashed.
    pub destination: u8,
    /// Bits of the ports that are hashed: the source port's, then the destination port's; or those of an SPI.
    pub port_mask: u32,
    /// What is put into the ports after masking; or into the SPI.
    pub port_set: u32,
    /// Bits of the protocol's number that are hashed.
    pub protocol_mask: u16,
    /// The seed.
    pub seed: u32,
    /// The hash is taken modulo this.
    pub modulus: u32,
    /// Added after that.
    pub offset: u32,
}
