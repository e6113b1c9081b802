//! Where a packet was told to go, as the walk keeps it: devices as numbers, to be named when the walk is told.

use std::net::IpAddr;

use super::outcome::Reason;
use super::packet::Device;

/// The way out of a namespace.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Way {
    /// The device it leaves by.
    pub(super) oif: Device,
    /// The router; `None`: straight, or nobody can tell which.
    pub(super) via: Option<IpAddr>,
}

/// What routing decided.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Decision {
    /// It is for this host.
    Local,
    /// It leaves.
    Out(Way),
    /// It goes nowhere.
    Refused(Reason),
}
