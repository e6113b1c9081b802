//! Targets that tell somebody of a packet, and let it go on.

use crate::host::names::Name;

/// `-j NFLOG` (`struct xt_nflog_info`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nflog {
    /// `--nflog-prefix`; none: empty.
    pub prefix: Name,
    /// `--nflog-group`.
    pub group: u16,
    /// How much of the packet is copied.
    pub size: NflogSize,
    /// `--nflog-threshold`.
    pub threshold: u16,
}

/// How much of a packet NFLOG copies to user space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum NflogSize {
    /// As much as whoever listens asks for.
    #[default]
    Whole,
    /// `--nflog-size`: at most so many bytes.
    Bytes(u32),
    /// `--nflog-range`, which the kernel pays no heed to.
    Range(u32),
}

/// `-j ULOG` (`struct ipt_ulog_info`), which kernels before 3.17 had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ulog {
    /// `--ulog-prefix`; none: empty.
    pub prefix: Name,
    /// `--ulog-nlgroup`, 1–32.
    pub group: u8,
    /// `--ulog-cprange`: bytes that are copied; 0: all.
    pub range: u64,
    /// `--ulog-qthreshold`.
    pub threshold: u64,
}

/// `-j AUDIT --type` (`XT_AUDIT_TYPE_*`): what the audit system is told of the packet's fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditType {
    /// `accept`.
    Accept,
    /// `drop`.
    Drop,
    /// `reject`.
    Reject,
}

/// `-j IDLETIMER` (`struct idletimer_tg_info_v1`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idletimer {
    /// `--timeout`, in seconds.
    pub timeout: u32,
    /// `--label`.
    pub label: Name,
    /// `--alarm`: counts while the machine sleeps.
    pub alarm: bool,
}

/// `-j LED` (`struct xt_led_info`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Led {
    /// `--led-trigger-id`.
    pub trigger: Name,
    /// `--led-delay`: how long it stays on, in milliseconds; `u32::MAX`: for ever.
    pub delay: u32,
    /// `--led-always-blink`.
    pub always_blink: bool,
}

/// `-j RATEEST` (`struct xt_rateest_target_info`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rateest {
    /// `--rateest-name`.
    pub name: Name,
    /// `--rateest-interval`: a power of two of seconds, -2 to 3.
    pub interval: i8,
    /// `--rateest-ewmalog`: the averaging time, as a power of two of intervals, 1 to 30.
    pub ewma_log: u8,
}
