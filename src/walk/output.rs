//! What routing makes of a packet that this host makes: its way, its source, and what it is refused for.
//!
//! `ip_route_output_key_hash_rcu` and `ip_route_me_harder` (net/ipv4), `ip6_route_output_flags` and `ip6_route_me_harder`
//! (net/ipv6).

use std::net::IpAddr;

use super::condition::Scene;
use super::field::Field;
use super::input::{Next, refused};
use super::nat::{source as source_toward, source4};
use super::outcome::{FateKind, Reason};
use super::packet::{Device, Value};
use super::plan::{Plan, loopback_range};
use super::query::{Origin, number};
use super::route::{Alike, Found, Lookup};
use super::space::{Asked, Open};
use super::way::Way;
use crate::host::{IpFamily, PolicyRule, Protocol, Route, RouteKind, What};

/// A sender's route: where the packet goes, and the source that it gets.
pub(super) struct Sent {
    /// Where it goes.
    pub(super) next: Next,
    /// Its source.
    pub(super) src: Value,
}

/// Routes a packet before it is made: finds its way and its source. It has no way if `connect` would fail.
pub(super) fn sender<'p>(scene: Scene<'_>, plan: &'p Plan<'p>) -> Asked<Sent> {
    let asked = scene.packet.src.clone();
    let given = scene.query.fields.contains_key(&Field::Src);
    if !plan.namespace().is_read(What::Routes) {
        return unread(&scene, asked, given);
    }
    if scene.query.family == IpFamily::V6 && scene.in_set(&scene.packet.dst, &plan.tentative, None)? {
        let src = if given { asked } else { scene.settled(&scene.packet.dst) };
        return Ok(Sent { next: Next::Here, src });
    }
    let from = given.then_some(&scene.packet.src);
    let alike = |a: Option<&Route>, b: Option<&Route>| match (a, b) {
        (Some(a), Some(b)) if a.kind == RouteKind::Local => b.kind == a.kind && own_source(a) == own_source(b),
        (Some(a), Some(b)) => a.kind == b.kind && a.next_hops == b.next_hops && a.prefsrc == b.prefsrc,
        (a, b) => a.is_none() && b.is_none(),
    };
    let first = lookup(scene, plan, from, &scene.packet.dst);
    let route = match first.find(&alike)? {
        Found::Route(route) => route,
        Found::Refused(reason) => {
            let again = if given { None } else { with_a_source(scene, plan, &alike)? };
            return Ok(again.unwrap_or(Sent { next: refused(reason), src: asked }));
        }
    };
    // `tcp_v4_connect`: there are no connections to everybody.
    if scene.query.protocol == Protocol::TCP && route.kind == RouteKind::Broadcast {
        return Ok(Sent { next: Next::Refused(FateKind::Unroutable, Reason::Broadcast), src: asked });
    }
    let next = leave(&first, route)?;
    let src = if given { asked } else { source(&scene, route, &next, asked) };
    let next = if given { next } else { connected(scene, plan, &src, next, &alike)? };
    let next = localnet(&scene, &src, next)?;
    Ok(Sent { next, src })
}

/// IPv4 asks for a connection's way once more, from the source that it got (`ip_route_connect`).
fn connected<'p>(scene: Scene<'_>, plan: &'p Plan<'p>, src: &Value, next: Next, alike: Alike<'_>) -> Asked<Next> {
    let by_source = |rule: &PolicyRule| rule.from.is_some() && rule.family == IpFamily::V4;
    let is_tcp4 = scene.query.family == IpFamily::V4 && scene.query.protocol == Protocol::TCP;
    if !is_tcp4 || !plan.namespace().policy_rules.iter().any(by_source) {
        return Ok(next);
    }
    let lookup = lookup(scene, plan, Some(src), &scene.packet.dst);
    match lookup.find(alike)? {
        Found::Route(route) => leave(&lookup, route),
        Found::Refused(reason) => Ok(refused(reason)),
    }
}

/// Where no route leads from nobody in particular, IPv6 asks once more, from the source that it would take
/// (`ip6_dst_lookup_tail`).
fn with_a_source<'p>(scene: Scene<'_>, plan: &'p Plan<'p>, alike: Alike<'_>) -> Asked<Option<Sent>> {
    if scene.query.family == IpFamily::V4 {
        return Ok(None);
    }
    let Some(src) = source_toward(&scene, None, scene.address_of(&scene.packet.dst)) else { return Ok(None) };
    let lookup = lookup(scene, plan, Some(&src), &scene.packet.dst);
    Ok(match lookup.find(alike)? {
        Found::Route(route) => {
            let next = leave(&lookup, route)?;
            Some(Sent { next, src })
        }
        Found::Refused(reason) => Some(Sent { next: refused(reason), src }),
    })
}

/// Routes a packet again that the output hook changed.
pub(super) fn again<'p>(scene: Scene<'_>, plan: &'p Plan<'p>) -> Asked<Next> {
    if !plan.namespace().is_read(What::Routes) {
        let local = is_here_unread(&scene)?;
        return Ok(if local { Next::Here } else { Next::Onward(Way::straight(Device::Leaving)) });
    }
    if scene.query.family == IpFamily::V6 && scene.in_set(&scene.packet.dst, &plan.tentative, None)? {
        return Ok(Next::Here);
    }
    let lookup = lookup(scene, plan, Some(&scene.packet.src), &scene.packet.dst);
    // `ip_route_me_harder` asks for nobody in particular, its twin of IPv6 for the socket's user.
    let lookup = Lookup { has_sender: scene.query.family == IpFamily::V6, typed: false, ..lookup };
    let route = match lookup.find(&super::route::same_way)? {
        Found::Route(route) => route,
        Found::Refused(reason) => return Ok(refused(reason)),
    };
    let next = leave(&lookup, route)?;
    localnet(&scene, &scene.packet.src, next)
}

/// The way of an answer to who asked by a device, by its index: what has an address of the link alone is answered there
/// (`inet6_csk_route_req`, `icmpv6_echo_reply`, `ipv6_iface_scope_id`). `None`: any device will do.
pub(super) fn back<'p>(scene: Scene<'_>, plan: &'p Plan<'p>, link: u32) -> Asked<Option<Next>> {
    if !plan.namespace().is_read(What::Routes) || !scene.is_link_local(&scene.packet.dst)? {
        return Ok(None);
    }
    let lookup = lookup(scene, plan, Some(&scene.packet.src), &scene.packet.dst);
    Ok(Some(match lookup.find_by(link)? {
        Found::Route(route) => leave(&lookup, route)?,
        Found::Refused(reason) => refused(reason),
    }))
}

fn lookup<'s, 'p>(scene: Scene<'s>, plan: &'p Plan<'p>, from: Option<&'s Value>, to: &'s Value) -> Lookup<'s, 'p> {
    let packet = scene.packet;
    // Routed again it stays in the VRF that its route led to (`ip_route_me_harder`).
    let by = |device: Device| match device {
        Device::Known(number) => plan.vrf(number),
        Device::Absent | Device::Entering | Device::Leaving => None,
    };
    let bound = packet.bound.and_then(|number| plan.vrf(number));
    Lookup {
        scene,
        plan,
        to,
        from,
        mark: &packet.mark,
        iif: None,
        vrf: bound.or_else(|| by(packet.oif)),
        bound: bound.is_some(),
        ports: Some((&packet.sport, &packet.dport)),
        typed: true,
        has_sender: true,
    }
}

/// Where a route leads that a packet made here takes. The addresses of a VRF are reached by the VRF, as others by lo.
pub(super) fn leave<'p>(lookup: &Lookup<'_, 'p>, route: &'p Route) -> Asked<Next> {
    let by = route.next_hops.first().and_then(|hop| lookup.plan.vrf_at(hop.link));
    Ok(match route.kind {
        RouteKind::Local | RouteKind::Anycast if let Some(vrf) = by => {
            Next::Onward(Way::straight(Device::Known(vrf.number)))
        }
        RouteKind::Local | RouteKind::Anycast => Next::Here,
        _ => Next::Onward(Way::by(lookup, route)?),
    })
}

/// A packet from 127/8 leaves only by a device with `route_localnet` (`__mkroute_output`).
fn localnet(scene: &Scene<'_>, src: &Value, next: Next) -> Asked<Next> {
    let Next::Onward(way) = &next else {
        return Ok(next);
    };
    let Device::Known(device) = way.oif else {
        return Ok(next);
    };
    let name = scene.plan.devices.name(device).unwrap_or_default();
    let is_loop = name == "lo" || scene.plan.is_vrf(device);
    if scene.query.family == IpFamily::V6 || is_loop || scene.plan.routes_localnet(name) {
        return Ok(next);
    }
    let (first, last) = loopback_range(IpFamily::V4);
    match scene.in_range(src, first, last, None)? {
        true => Ok(Next::Refused(FateKind::Martian, Reason::RouteLocalnet)),
        false => Ok(next),
    }
}

/// The source of packets to an address of this host; `None`: that address itself. 127/8 is local with 127.0.0.1 as its
/// source, and a secondary address with the primary one.
fn own_source(route: &Route) -> Option<IpAddr> {
    let is_host = route.dst.prefix_len() == route.dst.max_prefix_len();
    route.prefsrc.filter(|src| src.is_ipv4() && !(is_host && *src == route.dst.addr()))
}

/// The source that a sender without one gets.
fn source(scene: &Scene<'_>, route: &Route, next: &Next, asked: Value) -> Value {
    let namespace = scene.plan.namespace();
    let dst = scene.address_of(&scene.packet.dst);
    let known = |addr: IpAddr| Value::Known(number(addr));
    if route.kind == RouteKind::Local {
        return own_source(route).map_or_else(|| scene.settled(&scene.packet.dst), known);
    }
    if let Some(src) = route.prefsrc {
        return known(src);
    }
    if !namespace.is_read(What::Addresses) {
        return asked;
    }
    let (link, via) = match next {
        Next::Onward(way @ Way { oif: Device::Known(device), .. }) => {
            let link = scene.plan.devices.name(*device).and_then(|name| namespace.link(name));
            (link.map(|link| link.index), way.router())
        }
        Next::Onward(way) => (None, way.router()),
        // Nobody sends from an anycast address: what its device would send with is taken (`ipv6_dev_get_saddr`).
        _ if route.kind == RouteKind::Anycast => (route.next_hops.first().map(|hop| hop.link), None),
        _ => return asked,
    };
    // IPv6 looks at the destination, IPv4 at the router, or else at the first address.
    let chosen = match scene.query.family {
        IpFamily::V4 => source4(scene, link, via).map(known),
        IpFamily::V6 => source_toward(scene, link, dst),
    };
    chosen.unwrap_or(asked)
}

/// A dump without routes: 127/8 and what the query says is here is here; the rest may be.
fn unread(scene: &Scene<'_>, asked: Value, given: bool) -> Asked<Sent> {
    let here = is_here_unread(scene)?;
    let next = if here { Next::Here } else { Next::Onward(Way::straight(Device::Leaving)) };
    let src = match scene.settled(&scene.packet.dst) {
        // A packet to this host itself comes from the address that it goes to.
        dst if here && !given => dst,
        _ => asked,
    };
    Ok(Sent { next, src })
}

fn is_here_unread(scene: &Scene<'_>) -> Asked<bool> {
    let dst = &scene.packet.dst;
    match dst {
        Value::Entering(Field::Dst) if scene.query.dst_is_local => return Ok(true),
        // An answer is for who asked.
        Value::Entering(Field::Src) => return Ok(scene.query.origin == Origin::Local),
        _ if scene.packet.redirected => return Ok(true),
        _ => {}
    }
    let (first, last) = loopback_range(scene.query.family);
    if scene.in_range(dst, first, last, None)? {
        return Ok(true);
    }
    scene.is_here_unless_turned()
}

impl Scene<'_> {
    /// Whether a destination that nobody can tell is this host's: either way for one that came in, and not for one that
    /// a rule gave.
    pub(super) fn is_here_unless_turned(&self) -> Asked<bool> {
        match (self.is_here(), &self.packet.dst) {
            (Open::Assume { what, why, .. }, Value::Known(_) | Value::Mapped { .. } | Value::Chosen { .. }) => {
                self.assume(Open::taken(what, why, false))
            }
            (open, _) => self.assume(open),
        }
    }
}
