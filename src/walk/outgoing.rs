//! The device that a route to an address leads out by: what `fib` and `-m rpfilter` ask.

use super::condition::Scene;
use super::field::Field;
use super::packet::{Device, Value};
use super::route::{Found, Lookup};
use super::set::ValueSet;
use super::space::Asked;
use super::vrf;
use crate::host::nft::fib;
use crate::host::{Hook, IpFamily, Route, RouteKind};

/// `nft_fib4_eval`, `nft_fib6_eval`: the index of the device that a route to the address leads out by, and that is the
/// packet's own where that is asked; 0 where there is none, or none that `counts`. What comes in by lo came from there,
/// whatever is asked (`nft_fib_can_skip`).
pub(super) fn outgoing(scene: &Scene<'_>, flags: u32, counts: &dyn Fn(RouteKind) -> bool) -> Asked<u32> {
    let packet = scene.packet;
    let namespace = scene.plan.namespace();
    let index_of =
        |number: u128| scene.plan.devices.name(number).and_then(|name| namespace.link(name)).map(|link| link.index);
    let own = match flags & (fib::IIF | fib::OIF) {
        0 => None,
        fib::OIF => Some(packet.oif),
        _ => Some(packet.iif),
    };
    let own = match own {
        None => None,
        Some(Device::Known(number)) => Some(index_of(number)),
        Some(Device::Entering) => match scene.space.values(Field::Iif).and_then(ValueSet::first) {
            // One device at a time.
            Some(first) => {
                if !scene.space.ask(Field::Iif, &ValueSet::one(first))? {
                    return Ok(0);
                }
                Some(index_of(first))
            }
            None => Some(None),
        },
        Some(Device::Absent | Device::Leaving) => Some(None),
    };
    if let Some(lo) = scene.plan.devices.number("lo").filter(|_| matches!(scene.hook, Hook::Prerouting | Hook::Input)) {
        let by_lo = match packet.iif {
            Device::Known(number) => number == lo,
            Device::Entering => scene.space.ask(Field::Iif, &ValueSet::one(lo))?,
            Device::Absent | Device::Leaving => false,
        };
        if by_lo {
            return Ok(index_of(lo).unwrap_or(0));
        }
    }
    let to_source = flags & fib::DADDR == 0;
    let (to, from) = if to_source { (&packet.src, &packet.dst) } else { (&packet.dst, &packet.src) };
    let unmarked = Value::Known(0);
    // Without a device that is asked for it is the packet's own that tells the VRF (`nft_fib_l3mdev_master_ifindex_rcu`).
    let by = match flags & (fib::IIF | fib::OIF) {
        fib::OIF if packet.oif != Device::Absent => packet.oif,
        _ if packet.iif != Device::Absent => packet.iif,
        _ => packet.oif,
    };
    let vrf = vrf::of(scene, by)?;
    let lookup = Lookup {
        scene: *scene,
        plan: scene.plan,
        to,
        from: Some(from),
        mark: if flags & fib::MARK != 0 { &packet.mark } else { &unmarked },
        iif: None,
        vrf,
        bound: false,
        ports: None,
        typed: false,
        has_sender: false,
    };
    if scene.is_link_local(to)? {
        let Some(index) = own.flatten() else { return Ok(0) };
        return Ok(match lookup.find_by(index)? {
            Found::Route(route) if counts(route.kind) => index,
            Found::Route(_) | Found::Refused(_) => 0,
        });
    }
    let answer = |route: &Route| match own {
        _ if !counts(route.kind) => 0,
        None => route.next_hops.first().map_or(0, |hop| hop.link),
        Some(own) => {
            own.filter(|own| route.next_hops.iter().any(|hop| scene.plan.leads_by(hop.link, *own))).unwrap_or(0)
        }
    };
    // A table without a route is not one whose route is no answer: the next table is asked.
    Ok(match lookup.find(&|a, b| a.map(answer) == b.map(answer))? {
        Found::Route(route) => answer(route),
        Found::Refused(_) => 0,
    })
}

/// What `nft_fib4_eval` takes for a route, broadcast too, and `nft_fib6_eval`.
pub(super) fn for_fib(family: IpFamily) -> impl Fn(RouteKind) -> bool {
    move |kind| match family {
        IpFamily::V4 => kind != RouteKind::Local,
        IpFamily::V6 => kind == RouteKind::Unicast,
    }
}
