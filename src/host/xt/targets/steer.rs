//! Targets that lead packets elsewhere, or tell conntrack what to make of them.

use std::net::IpAddr;

use bitflags::bitflags;

use crate::host::names::Name;
use crate::host::net::Mac;
use crate::host::xt::{CtDirection, Masked};

bitflags! {
    /// Events of a flow, as `--ctevents` names them (`enum ip_conntrack_events`).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
    pub struct CtEvents: u32 {
        /// `new`.
        const NEW = 1 << 0;
        /// `related`.
        const RELATED = 1 << 1;
        /// `destroy`.
        const DESTROY = 1 << 2;
        /// `reply`.
        const REPLY = 1 << 3;
        /// `assured`.
        const ASSURED = 1 << 4;
        /// `protoinfo`.
        const PROTOINFO = 1 << 5;
        /// `helper`.
        const HELPER = 1 << 6;
        /// `mark`.
        const MARK = 1 << 7;
        /// `natseqinfo`.
        const NATSEQINFO = 1 << 8;
        /// `secmark`.
        const SECMARK = 1 << 9;
    }
}

/// `-j CT` (`struct xt_ct_target_info_v1`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ct {
    /// `--notrack`: then the kernel heeds nothing of the rest.
    pub notrack: bool,
    /// `--helper`.
    pub helper: Option<Name>,
    /// `--timeout`: the name of a policy.
    pub timeout: Option<Name>,
    /// `--ctevents`; none: all.
    pub events: CtEvents,
    /// `--expevents new`.
    pub expectation_events: bool,
    /// `--zone`; zone 0 is the one that flows are in anyway.
    pub zone: Option<CtZone>,
}

/// The zone of conntrack's table that a flow is looked up in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CtZone {
    /// For packets of this direction only (`--zone-orig`, `--zone-reply`).
    pub direction: Option<CtDirection>,
    /// Its number; `None`: the packet's mark is.
    pub id: Option<u16>,
}

/// `-j TPROXY` (`struct xt_tproxy_target_info_v1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tproxy {
    /// `--on-port`; 0: the packet's own.
    pub port: u16,
    /// `--on-ip`; unspecified: the address of the incoming interface.
    pub address: IpAddr,
    /// `--tproxy-mark`: the packet's mark becomes `(mark & !mask) ^ value`.
    pub mark: Masked,
}

/// `-j TEE` (`struct xt_tee_tginfo`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tee {
    /// `--gateway`: where the copy is sent.
    pub gateway: IpAddr,
    /// `--oif`.
    pub device: Option<Name>,
}

/// `-j SYNPROXY` (`struct xt_synproxy_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Synproxy {
    /// `--sack-perm`.
    pub sack_permitted: bool,
    /// `--timestamp`.
    pub timestamp: bool,
    /// `--ecn`.
    pub ecn: bool,
    /// `--wscale`.
    pub window_scale: Option<u8>,
    /// `--mss`.
    pub mss: Option<u16>,
}

/// `-j CLUSTERIP --new` (`struct ipt_clusterip_tgt_info`), which kernels before 6.8 had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Clusterip {
    /// `--hashmode`.
    pub hash: ClusterHash,
    /// `--clustermac`.
    pub mac: Mac,
    /// `--total-nodes`.
    pub nodes: u16,
    /// `--local-node`.
    pub local: u16,
    /// `--hash-init`.
    pub seed: u32,
}

/// What CLUSTERIP hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClusterHash {
    /// `sourceip`.
    Source,
    /// `sourceip-sourceport`.
    SourcePort,
    /// `sourceip-sourceport-destport`.
    BothPorts,
}
