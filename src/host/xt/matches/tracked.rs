//! Matches on what is counted and kept of flows and packets: connbytes, connlabel, connlimit, cluster, hashlimit, rateest,
//! ipvs, time.

use bitflags::bitflags;

use super::CtDirection;
use crate::host::names::Name;
use crate::host::socket::Protocol;
use crate::host::xt::{AddressMask, Neg};

/// `-m connbytes` (`struct xt_connbytes_info`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connbytes {
    /// `--connbytes`, first and last.
    pub range: Neg<(u64, u64)>,
    /// `--connbytes-mode`.
    pub mode: ConnbytesMode,
    /// `--connbytes-dir`; `None`: both.
    pub direction: Option<CtDirection>,
}

/// What `-m connbytes` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnbytesMode {
    /// `packets`.
    Packets,
    /// `bytes`.
    Bytes,
    /// `avgpkt`: bytes of a packet on average.
    Average,
}

/// `-m connlabel` (`struct xt_connlabel_mtinfo`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connlabel {
    /// `--label`: its number.
    pub label: Neg<u16>,
    /// `--set`: sets it where it is not set.
    pub set: bool,
}

/// `-m connlimit` (`struct xt_connlimit_info`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connlimit {
    /// `--connlimit-upto` (`false`) or `--connlimit-above` (`true`).
    pub above: bool,
    /// How many connections.
    pub limit: u32,
    /// `--connlimit-mask`: the prefix length by which addresses are put together.
    pub prefix: u8,
    /// `--connlimit-daddr` instead of `--connlimit-saddr`.
    pub destination: bool,
}

/// `-m cluster` (`struct xt_cluster_match_info`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// `--cluster-local-nodemask`; `--cluster-local-node` is one bit of it.
    pub nodes: Neg<u32>,
    /// `--cluster-total-nodes`.
    pub total: u32,
    /// `--cluster-hash-seed`.
    pub seed: u32,
}

bitflags! {
    /// What of a packet `-m hashlimit` counts by (`XT_HASHLIMIT_HASH_*`).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub struct HashlimitMode: u8 {
        /// `dstip`.
        const DSTIP = 1 << 0;
        /// `dstport`.
        const DSTPORT = 1 << 1;
        /// `srcip`.
        const SRCIP = 1 << 2;
        /// `srcport`.
        const SRCPORT = 1 << 3;
    }
}

/// `-m hashlimit` (`struct xt_hashlimit_mtinfo3`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hashlimit {
    /// `--hashlimit-name`.
    pub name: Name,
    /// `--hashlimit-above` instead of `--hashlimit-upto`.
    pub above: bool,
    /// Whether bytes are counted, not packets.
    pub bytes: bool,
    /// The rate: time between packets in microseconds; of bytes, 2³² divided by the pieces of 16 bytes a second.
    pub cost: u64,
    /// `--hashlimit-burst`: packets, or times the rate of bytes.
    pub burst: u64,
    /// `--hashlimit-mode`.
    pub mode: HashlimitMode,
    /// `--hashlimit-htable-size`; 0: chosen by the kernel.
    pub size: u32,
    /// `--hashlimit-htable-max`; 0: chosen by the kernel.
    pub max: u32,
    /// `--hashlimit-htable-gcinterval`, in milliseconds.
    pub gc_interval: u32,
    /// `--hashlimit-htable-expire`, in milliseconds.
    pub expire: u32,
    /// `--hashlimit-srcmask`.
    pub source_prefix: u8,
    /// `--hashlimit-dstmask`.
    pub destination_prefix: u8,
    /// `--hashlimit-rate-match`: the interval in seconds (`--hashlimit-rate-interval`).
    pub rate_match: Option<u32>,
}

/// `-m rateest` (`struct xt_rateest_match_info`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateestMatch {
    /// `--rateest-delta`.
    pub delta: bool,
    /// `--rateest` or `--rateest1`.
    pub first: Name,
    /// `--rateest2`: it is compared with that one.
    pub second: Option<Name>,
    /// How they are compared.
    pub op: Neg<RateestOp>,
    /// `--rateest-bps`, in bytes a second: the first's and the second's.
    pub bytes: Option<(u32, u32)>,
    /// `--rateest-pps`: the first's and the second's.
    pub packets: Option<(u32, u32)>,
}

/// How `-m rateest` compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateestOp {
    /// `--rateest-eq`.
    Equal,
    /// `--rateest-lt`.
    Less,
    /// `--rateest-gt`.
    Greater,
}

/// `-m ipvs` (`struct xt_ipvs_mtinfo`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ipvs {
    /// `--ipvs`, where nothing else is asked.
    pub ipvs: Option<Neg<()>>,
    /// `--vproto`.
    pub protocol: Option<Neg<Protocol>>,
    /// `--vaddr`.
    pub address: Option<Neg<AddressMask>>,
    /// `--vport`.
    pub port: Option<Neg<u16>>,
    /// `--vdir`.
    pub direction: Option<CtDirection>,
    /// `--vmethod`.
    pub method: Option<Neg<IpvsMethod>>,
    /// `--vportctl`.
    pub control_port: Option<Neg<u16>>,
}

/// How IPVS forwards (`IP_VS_CONN_F_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpvsMethod {
    /// `MASQ`.
    Masquerade,
    /// `IPIP`.
    Tunnel,
    /// `GATE`.
    Gate,
}

/// `-m time` (`struct xt_time_info`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Time {
    /// `--timestart`, `--timestop`: seconds of a day.
    pub day: (u32, u32),
    /// `--datestart`, `--datestop`: seconds since 1970.
    pub date: (u32, u32),
    /// `--monthdays`: bit 1 is the first.
    pub monthdays: u32,
    /// `--weekdays`: bit 1 is Monday.
    pub weekdays: u8,
    /// `--kerneltz`: the kernel's time zone, not UTC.
    pub kernel_zone: bool,
    /// `--contiguous`.
    pub contiguous: bool,
}

impl Time {
    /// The greatest second of a day.
    pub const LAST_SECOND: u32 = 24 * 60 * 60 - 1;
    /// Every day of a month.
    pub const ALL_MONTHDAYS: u32 = 0xffff_fffe;
    /// Every day of a week.
    pub const ALL_WEEKDAYS: u8 = 0xfe;
}

impl Default for Time {
    /// Always, up to the last date that the tools know.
    fn default() -> Time {
        Time {
            day: (0, Time::LAST_SECOND),
            date: (0, i32::MAX as u32),
            monthdays: Time::ALL_MONTHDAYS,
            weekdays: Time::ALL_WEEKDAYS,
            kernel_zone: false,
            contiguous: false,
        }
    }
}
