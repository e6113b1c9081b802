//! Stateful objects and flowtables of native tables.
//!
//! Configuration alone: what an object counted stands in [`Observations`](crate::host::Observations).

use std::net::IpAddr;

use super::{Bytes, Limit, Synproxy};
use crate::host::names::Name;
use crate::host::ruleset::{Family, Handle, Hook, Priority};
use crate::host::socket::Protocol;
use crate::host::xt::InterfacePattern;

/// A stateful object (`NFTA_OBJ_*`).
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Its name: each kind has names of its own.
    pub name: Name,
    /// Its handle, where known.
    pub handle: Option<Handle>,
    /// The admin's comment (`NFTNL_UDATA_OBJ_COMMENT`).
    pub comment: Option<Name>,
    /// What it is.
    pub body: ObjectBody,
}

/// A kind of object, by the kernel's number (`NFT_OBJECT_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKind(pub u32);

impl ObjectKind {
    /// `counter`.
    pub const COUNTER: ObjectKind = ObjectKind(1);
    /// `quota`.
    pub const QUOTA: ObjectKind = ObjectKind(2);
    /// `ct helper`.
    pub const CT_HELPER: ObjectKind = ObjectKind(3);
    /// `limit`.
    pub const LIMIT: ObjectKind = ObjectKind(4);
    /// `connlimit`, which no kernel has as an object.
    pub const CONNLIMIT: ObjectKind = ObjectKind(5);
    /// `tunnel`.
    pub const TUNNEL: ObjectKind = ObjectKind(6);
    /// `ct timeout`.
    pub const CT_TIMEOUT: ObjectKind = ObjectKind(7);
    /// `secmark`.
    pub const SECMARK: ObjectKind = ObjectKind(8);
    /// `ct expectation`.
    pub const CT_EXPECTATION: ObjectKind = ObjectKind(9);
    /// `synproxy`.
    pub const SYNPROXY: ObjectKind = ObjectKind(10);
}

/// What an object is (`NFTA_OBJ_TYPE`, `NFTA_OBJ_DATA`).
#[derive(Debug, Clone, PartialEq)]
pub enum ObjectBody {
    /// Counts.
    Counter,
    /// Holds until so many bytes have come by.
    Quota {
        /// How many bytes.
        bytes: u64,
        /// Holds after them instead.
        over: bool,
    },
    /// Gives a flow a helper.
    CtHelper(CtHelper),
    /// Holds up to a rate.
    Limit(Limit),
    /// Says by which tunnel a packet leaves.
    Tunnel(Box<Tunnel>),
    /// Gives a flow timeouts.
    CtTimeout(CtTimeout),
    /// Gives a packet a security mark.
    Secmark {
        /// The security context (`NFTA_SECMARK_CTX`).
        context: Name,
    },
    /// Expects a flow that is related.
    CtExpectation(CtExpectation),
    /// Answers for a server until a handshake is done.
    Synproxy(Synproxy),
    /// One that is not known here, or has an attribute that is not: its attributes as the kernel gave them.
    Undecoded(ObjectKind, Bytes),
}

impl ObjectBody {
    /// The kernel's number for what it is.
    pub fn kind(&self) -> ObjectKind {
        match self {
            ObjectBody::Counter => ObjectKind::COUNTER,
            ObjectBody::Quota { .. } => ObjectKind::QUOTA,
            ObjectBody::CtHelper(_) => ObjectKind::CT_HELPER,
            ObjectBody::Limit(_) => ObjectKind::LIMIT,
            ObjectBody::Tunnel(_) => ObjectKind::TUNNEL,
            ObjectBody::CtTimeout(_) => ObjectKind::CT_TIMEOUT,
            ObjectBody::Secmark { .. } => ObjectKind::SECMARK,
            ObjectBody::CtExpectation(_) => ObjectKind::CT_EXPECTATION,
            ObjectBody::Synproxy(_) => ObjectKind::SYNPROXY,
            ObjectBody::Undecoded(kind, _) => *kind,
        }
    }
}

/// `ct helper` (`NFTA_CT_HELPER_*`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CtHelper {
    /// The helper's name: `ftp`.
    pub helper: Name,
    /// The network protocol of its flows: `Ip`, `Ip6`, or `Inet` for both.
    pub family: Family,
    /// The transport protocol.
    pub protocol: Protocol,
}

/// `ct timeout` (`NFTA_CT_TIMEOUT_*`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CtTimeout {
    /// The network protocol of its flows.
    pub family: Family,
    /// The transport protocol.
    pub protocol: Protocol,
    /// Seconds that a flow stays in each state, by the kernel's number for the state (`CTA_TIMEOUT_TCP_*`,
    /// `CTA_TIMEOUT_UDP_*` in linux/netfilter/nfnetlink_cttimeout.h). The kernel tells all of the protocol's.
    pub seconds: Box<[(u16, u32)]>,
}

/// `ct expectation` (`NFTA_CT_EXPECT_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CtExpectation {
    /// The network protocol of the flow that is expected.
    pub family: Family,
    /// The transport protocol.
    pub protocol: Protocol,
    /// The destination port.
    pub dport: u16,
    /// For how long, in milliseconds.
    pub timeout: u32,
    /// How many are expected at a time.
    pub size: u8,
}

/// `tunnel` (`NFTA_TUNNEL_KEY_*`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tunnel {
    /// The tunnel's id.
    pub id: u32,
    /// Source and destination, of one family.
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// IPv6's flow label.
    pub flow_label: u32,
    /// `NFT_TUNNEL_F_*`: no checksum 1, do not fragment 2, sequence numbers 4.
    pub flags: u32,
    /// Type of service.
    pub tos: u8,
    /// Time to live.
    pub ttl: u8,
    /// Source port.
    pub sport: u16,
    /// Destination port.
    pub dport: u16,
    /// What the kind of tunnel has besides.
    pub options: TunnelOptions,
}

/// What a kind of tunnel has besides (`NFTA_TUNNEL_KEY_OPTS_*`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TunnelOptions {
    /// Nothing.
    #[default]
    None,
    /// VXLAN.
    Vxlan {
        /// The group of its policy.
        gbp: u32,
    },
    /// ERSPAN, version 1.
    Erspan1 {
        /// The port's index.
        index: u32,
    },
    /// ERSPAN, version 2.
    Erspan2 {
        /// The hardware's id.
        hardware: u8,
        /// The direction.
        direction: u8,
    },
    /// Geneve.
    Geneve(Box<[Geneve]>),
}

/// An option of Geneve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Geneve {
    /// Its class.
    pub class: u16,
    /// Its type.
    pub kind: u8,
    /// What is in it.
    pub data: Bytes,
}

/// A flowtable (`NFTA_FLOWTABLE_*`): flows that rules offload to it pass by the hooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flowtable {
    /// Its name.
    pub name: Name,
    /// Its handle, where known.
    pub handle: Option<Handle>,
    /// The hook it hangs at.
    pub hook: Hook,
    /// Its place at the hook.
    pub priority: Priority,
    /// Its devices, in the order of the listing.
    pub devices: Box<[InterfacePattern]>,
    /// [`flowtable`].
    pub flags: u32,
}

/// The flags of a flowtable (`NFT_FLOWTABLE_*`).
pub mod flowtable {
    /// The devices carry its flows themselves.
    pub const HW_OFFLOAD: u32 = 0x1;
    /// Its flows are counted.
    pub const COUNTER: u32 = 0x2;
}
