//! What a set was created with: the attributes of its header → [`SetOptions`].

use std::net::IpAddr;

use super::{Flagged, Value};
use crate::host::IpFamily;
use crate::host::ipset::{SetOptions, SetRange, SetType};

/// `IPSET_FLAG_WITH_*`.
const COUNTERS: u32 = 1 << 3;
const COMMENT: u32 = 1 << 4;
const FORCEADD: u32 = 1 << 5;
const SKBINFO: u32 = 1 << 6;

/// The options, and what is not understood of them.
pub(super) fn decode(kind: &SetType, family: Option<IpFamily>, data: &[u8]) -> (SetOptions, Vec<String>) {
    let mut options = SetOptions::default();
    let mut untold = Vec::new();
    if kind.has_family() || matches!(kind, SetType::Other(_)) {
        options.family = family;
    }
    let (mut addresses, mut ports) = ([None; 2], [None; 2]);
    for (number, value) in Flagged(data) {
        let known = match number {
            1 | 2 => value.address().map(|address| addresses[usize::from(number - 1)] = Some(address)),
            4 | 5 => value.u16().map(|port| ports[usize::from(number - 4)] = Some(port)),
            _ => take(&mut options, number, value),
        };
        if known.is_none() {
            untold.push(format!("option {number} of {} bytes", value.bytes.len()));
        }
    }
    options.range = match (addresses, ports) {
        ([Some(IpAddr::V4(first)), Some(IpAddr::V4(last))], [None, None]) => Some(SetRange::Addresses(first, last)),
        ([None, None], [Some(first), Some(last)]) => Some(SetRange::Ports(first, last)),
        ([None, None], [None, None]) => None,
        _ => {
            untold.push("its range".to_owned());
            None
        }
    };
    (options, untold)
}

/// One option; `None`: it is not known.
fn take(options: &mut SetOptions, number: u16, value: Value<'_>) -> Option<()> {
    match number {
        6 => options.timeout = Some(value.u32()?),
        8 => {
            let flags = value.u32()?;
            options.counters = flags & COUNTERS != 0;
            options.comment = flags & COMMENT != 0;
            options.forceadd = flags & FORCEADD != 0;
            options.skbinfo = flags & SKBINFO != 0;
            return (flags & !(COUNTERS | COMMENT | FORCEADD | SKBINFO) == 0).then_some(());
        }
        11 => options.markmask = Some(value.u32()?),
        12 => options.bitmask = Some(value.address()?),
        17 => options.initval = Some(value.u32()?),
        18 => options.hashsize = Some(value.u32()?),
        19 => options.maxelem = Some(value.u32()?),
        20 => options.netmask = Some(value.u8()?),
        21 => options.bucketsize = Some(value.u8()?),
        23 => options.size = Some(value.u32()?),
        // The kernel's own numbers: of elements, of rules that ask, of bytes.
        24..=26 => {}
        _ => return None,
    }
    Some(())
}
