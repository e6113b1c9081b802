//! The fields of a struct in the byte order of this machine, and what several structs have in common.
//!
//! Every reader gives `None` beyond the end, so that no bytes can do harm.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::set::SetNames;
use crate::host::xt::{AddressMask, InterfacePattern, Neg, PortRange};
use crate::host::{Family, Names};
use crate::kernel::netlink;

/// `IFNAMSIZ`: an interface name with the NUL at its end.
pub(super) const IFNAMSIZ: usize = 16;

/// The bytes of one struct, of a table of this family.
pub(super) struct Blob<'a> {
    pub(super) family: Family,
    pub(super) bytes: &'a [u8],
    /// The sets of the namespace.
    pub(super) sets: &'a SetNames,
}

impl<'a> Blob<'a> {
    pub(super) fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.slice(at, N)?.try_into().ok()
    }

    pub(super) fn slice(&self, at: usize, length: usize) -> Option<&'a [u8]> {
        self.bytes.get(at..at.checked_add(length)?)
    }

    pub(super) fn u8(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    /// A `bool`, as an `int` or as a byte: its first byte holds it on little-endian machines only, so `length` counts.
    pub(super) fn flag(&self, at: usize, length: usize) -> Option<bool> {
        Some(self.slice(at, length)?.iter().any(|byte| *byte != 0))
    }

    pub(super) fn u16(&self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_ne_bytes)
    }

    pub(super) fn be16(&self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_be_bytes)
    }

    pub(super) fn u32(&self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_ne_bytes)
    }

    pub(super) fn u64(&self, at: usize) -> Option<u64> {
        self.array(at).map(u64::from_ne_bytes)
    }

    /// A text of at most this many bytes, up to its first NUL. One that breaks its line has no words in a dump, which a rule
    /// is a line of.
    pub(super) fn text(&self, at: usize, length: usize) -> Option<Cow<'a, str>> {
        self.slice(at, length).map(netlink::text).filter(|text| !text.contains('\n'))
    }

    /// `union nf_inet_addr`, of the table's family; `None` in tables of both.
    pub(super) fn address(&self, at: usize) -> Option<IpAddr> {
        match self.family {
            Family::Ip => self.ipv4(at),
            Family::Ip6 => self.array::<16>(at).map(|octets| Ipv6Addr::from(octets).into()),
            Family::Inet | Family::Arp | Family::Bridge | Family::Netdev => None,
        }
    }

    /// `__be32`.
    pub(super) fn ipv4(&self, at: usize) -> Option<IpAddr> {
        self.array::<4>(at).map(|octets| Ipv4Addr::from(octets).into())
    }

    /// An interface pattern: a name of 16 bytes and, somewhere else, its mask.
    pub(super) fn interface(&self, name: usize, mask: usize, names: &mut Names) -> Option<InterfacePattern> {
        interface(&self.array(name)?, &self.array(mask)?, names)
    }
}

/// Ports from first to last; `Some(None)` where all ports fit, which is what no option at all means. A range that goes
/// backwards is no range of the model.
pub(super) fn ports(first: u16, last: u16, not: bool) -> Option<Option<Neg<PortRange>>> {
    match (first, last, not) {
        (0, u16::MAX, false) => Some(None),
        _ => port_range(first, last).map(|value| Some(Neg { not, value })),
    }
}

/// Ports that are not in reverse.
pub(super) fn port_range(first: u16, last: u16) -> Option<PortRange> {
    (first <= last).then_some(PortRange { first, last })
}

/// Addresses of which only the bits of the mask are compared; `None` where the families differ.
pub(crate) fn address_mask(address: IpAddr, mask: IpAddr) -> Option<AddressMask> {
    match (address, mask) {
        (IpAddr::V4(address), IpAddr::V4(mask)) => Some(match Ipv4Net::with_netmask(address, mask) {
            Ok(net) => AddressMask::Net(IpNet::V4(net.trunc())),
            Err(_) => AddressMask::Bits(Box::new(((address & mask).into(), mask.into()))),
        }),
        (IpAddr::V6(address), IpAddr::V6(mask)) => Some(match Ipv6Net::with_netmask(address, mask) {
            Ok(net) => AddressMask::Net(IpNet::V6(net.trunc())),
            Err(_) => AddressMask::Bits(Box::new(((address & mask).into(), mask.into()))),
        }),
        _ => None,
    }
}

/// An address with its mask, of which the tools keep the host bits; `None` where the families differ.
pub(super) fn host_mask(address: IpAddr, mask: IpAddr) -> Option<AddressMask> {
    if address.is_ipv4() != mask.is_ipv4() {
        return None;
    }
    let prefix = ipnet::ip_mask_to_prefix(mask).ok();
    Some(match prefix.and_then(|prefix| IpNet::new(address, prefix).ok()) {
        Some(net) => AddressMask::Net(net),
        None => AddressMask::Bits(Box::new((address, mask))),
    })
}

/// An interface name whose mask says how much of it is compared: with its NUL, it is that interface alone; with less, all
/// that start so (`xtables_parse_interface`, `ifname_compare`). `None` for a mask that no pattern stands for.
pub(crate) fn interface(name: &[u8; IFNAMSIZ], mask: &[u8; IFNAMSIZ], names: &mut Names) -> Option<InterfacePattern> {
    let compared = mask.iter().take_while(|byte| **byte == 0xff).count();
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(IFNAMSIZ);
    let zeros = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    // Where more than the NUL is compared, nothing may follow it.
    if !zeros(&mask[compared..]) || !zeros(name.get(end..compared).unwrap_or_default()) {
        return None;
    }
    let text = String::from_utf8_lossy(&name[..end.min(compared)]);
    if text.contains('\n') {
        return None;
    }
    Some(InterfacePattern { name: names.intern(&text), prefix: compared <= end && compared < IFNAMSIZ })
}
