//! Matches on where a packet comes from and goes: cgroup, devgroup, policy, rpfilter, socket.

use bitflags::bitflags;

use crate::host::names::Name;
use crate::host::socket::Protocol;
use crate::host::xt::{AddressMask, Masked, Neg};

/// `-m cgroup` (`struct xt_cgroup_info_v2`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cgroup {
    /// `--path`.
    pub path: Option<Neg<Name>>,
    /// `--cgroup`: the class of net_cls.
    pub class: Option<Neg<u32>>,
}

/// `-m devgroup` (`struct xt_devgroup_info`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Devgroup {
    /// `--src-group`.
    pub source: Option<Neg<Masked>>,
    /// `--dst-group`.
    pub destination: Option<Neg<Masked>>,
}

/// `-m policy` (`struct xt_policy_info`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// `--dir out` instead of `--dir in`.
    pub out: bool,
    /// `--pol none` instead of `--pol ipsec`.
    pub none: bool,
    /// `--strict`.
    pub strict: bool,
    /// The transformations, with `--next` between.
    pub elements: Box<[PolicyElement]>,
}

/// What is asked of a transformation (`struct xt_policy_elem`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyElement {
    /// `--reqid`.
    pub reqid: Option<Neg<u32>>,
    /// `--spi`, as the tools put it there: in the byte order of the machine.
    pub spi: Option<Neg<u32>>,
    /// `--proto`.
    pub protocol: Option<Neg<Protocol>>,
    /// `--mode`.
    pub mode: Option<Neg<PolicyMode>>,
    /// `--tunnel-dst`.
    pub destination: Option<Neg<AddressMask>>,
    /// `--tunnel-src`.
    pub source: Option<Neg<AddressMask>>,
}

/// `--mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyMode {
    /// `transport`.
    Transport,
    /// `tunnel`.
    Tunnel,
}

bitflags! {
    /// `-m rpfilter` (`XT_RPFILTER_*`).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct Rpfilter: u8 {
        /// `--loose`.
        const LOOSE = 1 << 0;
        /// `--validmark`.
        const VALIDMARK = 1 << 1;
        /// `--accept-local`.
        const ACCEPT_LOCAL = 1 << 2;
        /// `--invert`.
        const INVERT = 1 << 3;
    }
}

bitflags! {
    /// `-m socket` (`XT_SOCKET_*`).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct SocketMatch: u8 {
        /// `--transparent`.
        const TRANSPARENT = 1 << 0;
        /// `--nowildcard`.
        const NOWILDCARD = 1 << 1;
        /// `--restore-skmark`.
        const RESTORE_SKMARK = 1 << 2;
    }
}
