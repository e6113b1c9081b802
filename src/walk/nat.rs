//! What NAT targets make of a packet's addresses and ports.
//!
//! `nf_nat_setup_info` and `get_unique_tuple` (nf_nat_core.c), nf_nat_masquerade.c, nf_nat_redirect.c, xt_nat.c and
//! xt_NETMAP.c, for a flow whose new addresses nobody uses yet.

use std::net::IpAddr;

use ipnet::IpNet;

use super::condition::Scene;
use super::field::Field;
use super::outcome::{Translation, Verdict, Why};
use super::packet::{Device, Packet, Value};
use super::query::{address, number};
use super::scopes;
use super::set::ValueSet;
use super::space::Asked;
use super::state::State;
use crate::host::xt::{Nat, Target};
use crate::host::{Address, Hook, IpFamily, Scope, What};

/// Which side of a packet is translated (`enum nf_nat_manip_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The source, in input and postrouting.
    Source,
    /// The destination, in prerouting and output.
    Destination,
}

impl Side {
    /// The side that a hook translates (`HOOK2MANIP`).
    pub(super) fn of(hook: Hook) -> Option<Side> {
        match hook {
            Hook::Prerouting | Hook::Output => Some(Side::Destination),
            Hook::Input | Hook::Postrouting => Some(Side::Source),
            Hook::Ingress | Hook::Forward | Hook::Egress => None,
        }
    }
}

/// conntrack binds the flow to the addresses it has: the hook's side is not asked again.
pub(super) fn bound(state: &mut State, hook: Hook) {
    match Side::of(hook) {
        Some(Side::Destination) => state.packet.flow.dst_done = true,
        Some(Side::Source) => state.packet.flow.src_done = true,
        None => {}
    }
}

/// What a target makes of the packet.
pub(super) enum Mapping {
    /// The side's new address and port.
    To(Side, Value, Value, Made),
    /// There is no address to translate to: the packet is dropped.
    NoAddress,
    /// The target leaves it alone.
    Nothing,
}

/// Which kind of step a mapping is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Made {
    Dnat,
    Snat,
    Masquerade,
    Redirect,
    Netmap,
}

impl Made {
    /// The verdict that tells it.
    pub(super) fn verdict(self, to: Translation) -> Verdict {
        match self {
            Made::Dnat => Verdict::Dnat(to),
            Made::Snat => Verdict::Snat(to),
            Made::Masquerade => Verdict::Masquerade(to),
            Made::Redirect => Verdict::Redirect(to),
            Made::Netmap => Verdict::Netmap(to),
        }
    }
}

/// The address and port of a translation that can be told.
pub(super) fn told(addr: Option<&Value>, port: Option<&Value>, family: IpFamily) -> Translation {
    Translation {
        addr: addr.and_then(|value| match value {
            Value::Known(known) => Some(address(family, *known)),
            _ => None,
        }),
        port: port.and_then(|value| match value {
            Value::Known(known) => u16::try_from(*known).ok(),
            _ => None,
        }),
    }
}

/// What a NAT target of a rule makes of the packet; `None` for other targets. `router` is where the packet goes next.
pub(super) fn mapping(scene: &Scene<'_>, target: &Target, router: Option<IpAddr>) -> Option<Asked<Mapping>> {
    let side = Side::of(scene.hook);
    let packet = scene.packet;
    Some(match (target, side) {
        (Target::Dnat(nat), Some(side)) => {
            Ok(Mapping::To(side, to_address(scene, packet, side, nat), to_port(scene, packet, side, nat), Made::Dnat))
        }
        (Target::Snat(nat), Some(side)) => {
            Ok(Mapping::To(side, to_address(scene, packet, side, nat), to_port(scene, packet, side, nat), Made::Snat))
        }
        (Target::Masquerade(nat), _) => masquerade(scene, nat, router),
        (Target::Redirect(nat), _) => redirect(scene, nat),
        (Target::Netmap(net), Some(side)) => Ok(netmap(scene, net, side)),
        (Target::Dnat(_) | Target::Snat(_) | Target::Netmap(_), None) => Ok(Mapping::Nothing),
        _ => return None,
    })
}

fn sides(packet: &Packet, side: Side) -> (&Value, &Value) {
    match side {
        Side::Source => (&packet.src, &packet.sport),
        Side::Destination => (&packet.dst, &packet.dport),
    }
}

fn to_address(scene: &Scene<'_>, packet: &Packet, side: Side, nat: &Nat) -> Value {
    let (current, _) = sides(packet, side);
    let current = scene.settled(current);
    let Some((first, last)) = nat.addresses.map(|(first, last)| (number(first), number(last))) else {
        return current;
    };
    match (side, &current) {
        // A source that is in the range already is kept (`nf_in_range`).
        (Side::Source, Value::Known(known)) if (first..=last).contains(known) && !is_random(nat) => current,
        _ => Value::chosen(first, last, Why::State),
    }
}

fn is_random(nat: &Nat) -> bool {
    nat.random || nat.random_fully
}

fn to_port(scene: &Scene<'_>, packet: &Packet, side: Side, nat: &Nat) -> Value {
    let (_, current) = sides(packet, side);
    let current = scene.settled(current);
    if !scene.query.protocol.has_ports() {
        return current;
    }
    let Some(range) = nat.ports else {
        return match side {
            // A free source port of the same class (`nf_nat_l4proto_unique_tuple`).
            Side::Source if is_random(nat) => {
                let (first, last) = match &current {
                    Value::Known(port) if *port < 512 => (1, 511),
                    Value::Known(port) if *port < 1024 => (600, 1023),
                    Value::Known(_) => (1024, 65535),
                    _ => (1, 65535),
                };
                Value::chosen(first, last, Why::Random)
            }
            _ => current,
        };
    };
    let (first, last) = (u128::from(range.first), u128::from(range.last));
    if first == last {
        return Value::Known(first);
    }
    if is_random(nat) {
        return Value::chosen(first, last, Why::Random);
    }
    match (&current, nat.base_port) {
        (Value::Known(port), Some(base)) => {
            let offset = (port.wrapping_sub(u128::from(base))) & 0xffff;
            Value::Known(first + offset % (last - first + 1))
        }
        (_, Some(_)) => Value::chosen(first, last, Why::State),
        (Value::Known(port), None) if (first..=last).contains(port) => current,
        // Of a range of destination ports the first is tried first; a source port begins anywhere.
        (Value::Known(_), None) if side == Side::Destination => Value::Known(first),
        _ => Value::chosen(first, last, Why::State),
    }
}

/// `nf_nat_masquerade_ipv4`, `nf_nat_masquerade_ipv6`.
fn masquerade(scene: &Scene<'_>, nat: &Nat, router: Option<IpAddr>) -> Asked<Mapping> {
    let port = to_port(scene, scene.packet, Side::Source, nat);
    let to = |addr: Value| Ok(Mapping::To(Side::Source, addr, port.clone(), Made::Masquerade));
    let namespace = scene.plan.namespace();
    let Device::Known(device) = scene.packet.oif else {
        return to(unread(scene));
    };
    if !namespace.is_read(What::Addresses) || !namespace.is_read(What::Links) {
        return to(unread(scene));
    }
    let link = scene.plan.devices.name(device).and_then(|name| namespace.link(name)).map(|link| link.index);
    let toward = match router {
        Some(router) => Some(router),
        None => scene.address_of(&scene.packet.dst),
    };
    match source(scene, link, toward) {
        Some(addr) => to(addr),
        None => Ok(Mapping::NoAddress),
    }
}

/// The address that this host has towards another one by a device. Where nobody knows that other one, it may be any that
/// some other one gives.
pub(super) fn source(scene: &Scene<'_>, link: Option<u32>, toward: Option<IpAddr>) -> Option<Value> {
    let family = scene.query.family;
    let choose = |toward: Option<IpAddr>| match family {
        IpFamily::V4 => source4(scene, link, toward),
        IpFamily::V6 => source6(scene, link, toward),
    };
    let first = number(choose(toward)?);
    if toward.is_some() {
        return Some(Value::Known(first));
    }
    let own = scene.plan.namespace().addresses.iter().filter(|own| own.family() == family);
    let others = own.filter_map(|own| choose(Some(own.addr()))).map(number);
    let among = ValueSet::from_ranges(others.chain([first]).map(|one| (one, one)));
    Some(among.only().map_or(Value::Chosen { among, why: Why::State }, Value::Known))
}

/// Some address of this host that nobody has read.
fn unread(scene: &Scene<'_>) -> Value {
    Value::Chosen { among: ValueSet::full(scene.query.family.bits()), why: Why::Unread }
}

/// `inet_select_addr` with universal scope: the device's address whose subnet holds `toward`, else its first; else the
/// first of its VRF, or of any device of the same VRF, or of none.
pub(super) fn source4(scene: &Scene<'_>, link: Option<u32>, toward: Option<IpAddr>) -> Option<IpAddr> {
    let addresses = || {
        let own = scene.plan.namespace().addresses.iter();
        own.filter(|a| a.family() == IpFamily::V4 && !a.secondary && a.scope == Scope::Global)
    };
    let here = || addresses().filter(|a| Some(a.link) == link);
    let vrf_of = |link: u32| scene.plan.vrf_at(link).map(|vrf| vrf.index);
    let vrf = link.and_then(vrf_of);
    here()
        .find(|a| toward.is_none_or(|toward| a.net.contains(&toward)))
        .or_else(|| here().next())
        .or_else(|| addresses().find(|a| Some(a.link) == vrf))
        .or_else(|| addresses().find(|a| vrf_of(a.link) == vrf))
        .map(Address::addr)
}

/// `ipv6_dev_get_saddr` (RFC 6724, section 5), as far as scopes, deprecation, the device and prefixes decide.
pub(super) fn source6(scene: &Scene<'_>, link: Option<u32>, toward: Option<IpAddr>) -> Option<IpAddr> {
    let scope_of = |addr: IpAddr| match addr {
        IpAddr::V6(v6) if v6.is_loopback() || v6.is_unicast_link_local() => Scope::Link,
        _ => Scope::Global,
    };
    let wanted = toward.map_or(Scope::Global, scope_of);
    let own = scene.plan.namespace().addresses.iter().filter(|a| a.family() == IpFamily::V6 && !a.tentative);
    let vrf_of = |link: u32| scene.plan.vrf_at(link).map(|vrf| vrf.index);
    let vrf = link.and_then(vrf_of);
    let candidates = own.filter(|a| (a.scope != Scope::Link || Some(a.link) == link) && vrf_of(a.link) == vrf);
    candidates
        .enumerate()
        .max_by_key(|(order, a)| {
            let same = toward == Some(a.addr());
            let reach = if scope_of(a.addr()) == wanted { 2 } else { i32::from(a.scope == Scope::Global) };
            let common = toward.map_or(0, |toward| (number(toward) ^ number(a.addr())).leading_zeros().min(64));
            (same, reach, !a.deprecated, Some(a.link) == link, common, std::cmp::Reverse(*order))
        })
        .map(|(_, a)| a.addr())
}

/// `nf_nat_redirect_ipv4`, `nf_nat_redirect_ipv6`: without an address that fits the packet is dropped.
fn redirect(scene: &Scene<'_>, nat: &Nat) -> Asked<Mapping> {
    let port = to_port(scene, scene.packet, Side::Destination, nat);
    let to = |addr: Value| Ok(Mapping::To(Side::Destination, addr, port.clone(), Made::Redirect));
    let family = scene.query.family;
    if scene.hook == Hook::Output {
        return to(Value::Known(match family {
            IpFamily::V4 => 0x7f00_0001,
            IpFamily::V6 => 1,
        }));
    }
    let namespace = scene.plan.namespace();
    if !namespace.is_read(What::Addresses) || !namespace.is_read(What::Links) {
        return to(unread(scene));
    }
    let device = match scene.packet.iif {
        Device::Known(number) => number,
        Device::Entering => match scene.space.known(Field::Iif) {
            Some(number) => number,
            None => return to(unread(scene)),
        },
        Device::Absent | Device::Leaving => return Ok(Mapping::NoAddress),
    };
    let link = scene.plan.devices.name(device).and_then(|name| namespace.link(name)).map(|link| link.index);
    let mut own = namespace.addresses.iter().filter(|a| a.family() == family && Some(a.link) == link);
    let found = match family {
        IpFamily::V4 => own.next(),
        IpFamily::V6 => {
            let reach = scopes::asked(scene, &scene.packet.dst)?;
            own.find(|a| !a.tentative && scopes::serves(number(a.addr()), reach))
        }
    };
    match found {
        Some(a) => to(Value::Known(number(a.addr()))),
        None => Ok(Mapping::NoAddress),
    }
}

/// `netmap_tg4`, `netmap_tg6`.
fn netmap(scene: &Scene<'_>, net: &IpNet, side: Side) -> Mapping {
    let bits = scene.query.family.bits();
    let full = u128::MAX >> (128 - u32::from(bits));
    let mask = full.checked_shr(u32::from(net.prefix_len())).unwrap_or(0);
    let prefix = number(net.network());
    let (current, port) = sides(scene.packet, side);
    let addr = match scene.settled(current) {
        Value::Known(known) => Value::Known(prefix | (known & mask)),
        Value::Entering(field) => Value::Mapped { field, mask, prefix },
        Value::Mapped { field, mask: inner, prefix: was } => {
            Value::Mapped { field, mask: inner & mask, prefix: prefix | (was & mask) }
        }
        Value::Chosen { why, .. } => Value::chosen(prefix, prefix | mask, why),
    };
    Mapping::To(side, addr, scene.settled(port), Made::Netmap)
}
