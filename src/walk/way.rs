//! Where a packet was told to go, as the walk keeps it: devices as numbers, to be named when the walk is told.

use std::net::IpAddr;

use super::outcome::Reason;
use super::packet::Device;

/// The way out of a namespace.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Way {
    /// The device it leaves by.
    pub(super) oif: Device,
    /// The routers of which one gets it; none: straight, or nobody can tell which.
    pub(super) via: Vec<IpAddr>,
}

impl Way {
    /// The way straight to who is meant, by a device.
    pub(super) fn straight(oif: Device) -> Way {
        Way { oif, via: Vec::new() }
    }

    /// The router; `None`: straight, or nobody can tell which.
    pub(super) fn router(&self) -> Option<IpAddr> {
        match self.via[..] {
            [router] => Some(router),
            _ => None,
        }
    }
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
