//! What rules do: verdicts and the targets of iptables-extensions(8), each as its kernel struct holds it.

mod alter;
mod label;
mod note;
mod steer;

use std::net::IpAddr;

use ipnet::IpNet;

use super::sets::SetTarget;
use super::{Masked, Opaque, PortRange};
use crate::host::names::Name;

pub use alter::*;
pub use label::*;
pub use note::*;
pub use steer::*;

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
    /// `-j CHAIN`: index into [`Table::chains`](crate::host::Table::chains).
    Jump(u32),
    /// `-g CHAIN`: index into [`Table::chains`](crate::host::Table::chains); its end returns to where the last jump came from.
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
    /// `-j SET`.
    Set(Box<SetTarget>),
    /// `-j CT` with more than `--notrack`, or with nothing.
    Ct(Box<Ct>),
    /// `-j TPROXY`.
    Tproxy(Box<Tproxy>),
    /// `-j TEE`.
    Tee(Box<Tee>),
    /// `-j SYNPROXY`.
    Synproxy(Synproxy),
    /// `-j CLUSTERIP`; `None`: of a cluster that another rule sets up.
    Clusterip(Option<Box<Clusterip>>),
    /// `-j TCPMSS`: the segment size that is set; `None`: what the path takes (`--clamp-mss-to-pmtu`).
    Tcpmss(Option<u16>),
    /// `-j TCPOPTSTRIP`.
    Tcpoptstrip(Box<TcpOptions>),
    /// `-j CHECKSUM --checksum-fill`.
    Checksum,
    /// `-j TTL`, or `-j HL` in an IPv6 table.
    Ttl(TtlChange),
    /// `-j DSCP`: the code point, 0–63.
    Dscp(u8),
    /// `-j TOS`: the field becomes `(field & !mask) ^ value`.
    Tos(TosChange),
    /// `-j ECN`.
    Ecn(EcnChange),
    /// `-j SNPT`, `-j DNPT`.
    Npt(Box<Npt>),
    /// `-j CLASSIFY`: the packet's priority, which is a traffic class: major number, minor number.
    Classify(u32),
    /// `-j SECMARK`: the security context.
    Secmark(Box<Name>),
    /// `-j CONNSECMARK`.
    Connsecmark(Connsecmark),
    /// `-j HMARK`.
    Hmark(Box<Hmark>),
    /// `-j NFLOG`.
    Nflog(Box<Nflog>),
    /// `-j ULOG`.
    Ulog(Box<Ulog>),
    /// `-j AUDIT`.
    Audit(AuditType),
    /// `-j TRACE`.
    Trace,
    /// `-j IDLETIMER`.
    Idletimer(Box<Idletimer>),
    /// `-j LED`.
    Led(Box<Led>),
    /// `-j RATEEST`.
    Rateest(Box<Rateest>),
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

/// `-j CONNMARK` (`struct xt_connmark_tginfo2`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connmark {
    /// What becomes of the marks.
    pub op: ConnmarkOp,
    /// Bits by which what is set, saved or restored is shifted to the left (`--left-shift-mark`); negative: to the right.
    pub shift: i8,
}

/// What CONNMARK does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnmarkOp {
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
