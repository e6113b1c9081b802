//! Tables and chains: attributes → what is told of them beside rules and sets.
//!
//! `NFTA_TABLE_*`, `NFTA_CHAIN_*` and `NFTA_HOOK_*` in include/uapi/linux/netfilter/nf_tables.h.

use super::super::netlink::{Attributes, be, text};
use super::userdata::UserData;
use crate::host::nft::{ChainDetails, ChainFlags, Particulars, TableFlags};
use crate::host::xt::InterfacePattern;
use crate::host::{
    Base, ChainType, Counters, Family, Handle, Hook, Name, Names, Place, Policy, Priority, Registration,
};

/// `NFT_CHAIN_BASE`: its hook tells.
const BASE: u32 = 1;
/// `NFTA_DEVICE_NAME`, `NFTA_DEVICE_PREFIX`.
const DEVICE: u16 = 1;
const DEVICE_PREFIX: u16 = 2;

/// What is told of a table; what has no place in the model is added to `untold`.
pub(super) fn particulars(attributes: &Attributes<'_>, names: &mut Names) -> Particulars {
    let number = |kind: u16| attributes.get(kind).and_then(be);
    let mut untold = Vec::new();
    // The third says how many chains use it, the fifth pads.
    if attributes.clone().any(|(kind, _)| !(1..=7).contains(&kind)) {
        untold.push(names.intern("properties of the table"));
    }
    Particulars {
        handle: number(4).map(Handle),
        flags: TableFlags::from_bits_retain(number(2).unwrap_or(0) as u32),
        owner: number(7).map(|owner| owner as u32),
        comment: attributes.get(6).and_then(|user| comment(user, names)),
        untold,
        ..Particulars::default()
    }
}

/// The comment in user data: type 0 of rules, chains, tables, objects and elements, a text that ends with NUL.
pub(super) fn comment(user_data: &[u8], names: &mut Names) -> Option<Name> {
    UserData(user_data).get(0).map(|value| names.intern(&text(value)))
}

/// What is told of a chain beside its place.
pub(super) fn details(attributes: &Attributes<'_>, names: &mut Names) -> ChainDetails {
    let hook = attributes.get(4).map(Attributes);
    let flags = attributes.get(10).and_then(be).unwrap_or(0) as u32;
    ChainDetails {
        handle: attributes.get(2).and_then(be).map(Handle),
        comment: attributes.get(12).and_then(|user| comment(user, names)),
        devices: hook.map(|hook| devices(hook.get(3), hook.get(4), names)).unwrap_or_default(),
        flags: ChainFlags::from_bits_retain(flags & !BASE),
    }
}

/// What of a chain has no place in the model, in a few words.
pub(super) fn untold(name: &str, attributes: &Attributes<'_>, found: &mut Vec<String>) {
    let hook = Attributes(attributes.get(4).unwrap_or_default());
    // `NF_INET_INGRESS` is the last hook that there is.
    let place = hook.get(1).and_then(be).is_none_or(|number| number <= 5)
        && attributes.get(7).map(text).is_none_or(|kind| matches!(&*kind, "filter" | "nat" | "route"));
    let flags = attributes.get(10).and_then(be).unwrap_or(0) & !u64::from(BASE | ChainFlags::all().bits()) == 0;
    let unknown = attributes.clone().any(|(kind, _)| !(1..=12).contains(&kind)) || { hook }
        .any(|(kind, _)| !(1..=4).contains(&kind));
    if unknown || !place || !flags {
        found.push(format!("properties of chain {name}"));
    }
}

/// Devices: one alone, or a list. Where there is one, the kernel tells it in both. Its list is in no order that says
/// anything: nft sorts it by name.
pub(super) fn devices(one: Option<&[u8]>, list: Option<&[u8]>, names: &mut Names) -> Box<[InterfacePattern]> {
    let mut pattern = |(kind, name): (u16, &[u8])| InterfacePattern {
        name: names.intern(&text(name)),
        prefix: kind == DEVICE_PREFIX,
    };
    let mut several: Box<[InterfacePattern]> = list.map(Attributes).into_iter().flatten().map(&mut pattern).collect();
    several.sort_by(|a, b| a.name.cmp(&b.name));
    if several.is_empty() { one.into_iter().map(|name| pattern((DEVICE, name))).collect() } else { several }
}

/// Where a base chain hangs (`NFTA_CHAIN_HOOK`, `NFTA_CHAIN_TYPE`, `NFTA_CHAIN_POLICY`).
pub(super) fn base(family: Family, attributes: &Attributes<'_>, dormant: bool) -> Option<Base> {
    let hook = Attributes(attributes.get(4)?);
    Some(Base {
        kind: match attributes.get(7).map(text).as_deref() {
            Some("nat") => ChainType::Nat,
            Some("route") => ChainType::Route,
            _ => ChainType::Filter,
        },
        hook: match hook.get(1).and_then(be)? {
            0 if family == Family::Netdev => Hook::Ingress,
            1 if family == Family::Netdev => Hook::Egress,
            // `NF_ARP_IN`, `NF_ARP_OUT`, `NF_ARP_FORWARD`.
            0 if family == Family::Arp => Hook::Input,
            1 if family == Family::Arp => Hook::Output,
            2 if family == Family::Arp => Hook::Forward,
            0 => Hook::Prerouting,
            1 => Hook::Input,
            2 => Hook::Forward,
            3 => Hook::Output,
            4 => Hook::Postrouting,
            _ => Hook::Ingress,
        },
        priority: Priority(hook.get(2).and_then(be)? as u32 as i32),
        policy: if attributes.get(5).and_then(be) == Some(0) { Policy::Drop } else { Policy::Accept },
        registration: if dormant { Registration::Dormant } else { Registration::Registered(Place::Guessed(0)) },
    })
}

/// What a base chain's policy counted (`NFTA_CHAIN_COUNTERS`).
pub(super) fn policy_counters(attributes: &Attributes<'_>) -> Option<Counters> {
    let counters = Attributes(attributes.get(8)?);
    Some(Counters { bytes: be(counters.get(1)?)?, packets: be(counters.get(2)?)? })
}
