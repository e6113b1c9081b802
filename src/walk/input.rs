//! What routing makes of a packet that arrived: for this host, forwarded, or refused, and why.
//!
//! `ip_route_input_slow` and `fib_validate_source` (net/ipv4), `ip6_rcv_core`, `ip6_route_input` and `ip6_forward`
//! (net/ipv6). It starts after the whole prerouting hook, on the addresses as they are then.

use super::condition::{Scene, any};
use super::field::Field;
use super::outcome::{Assumed, FateKind, Reason, Why};
use super::packet::{Device, TimeToLive, Value};
use super::plan::{Plan, loopback_range};
use super::query::Origin;
use super::route::{Found, Lookup, gateways, multicast, same_way};
use super::scopes;
use super::set::ValueSet;
use super::space::{Asked, Open};
use super::way::{Decision, Way};
use crate::host::{IpFamily, Link, Namespace, Route, RouteKind, What};

/// Where a packet that arrived goes on.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Next {
    /// Up to a socket.
    Here,
    /// Up to sockets that take broadcast or multicast.
    HereToAll,
    /// On to another host.
    Onward(Way),
    /// Nowhere.
    Refused(FateKind, Reason),
}

impl Next {
    /// What the route event tells.
    pub(super) fn decision(&self) -> Decision {
        match self {
            Next::Here | Next::HereToAll => Decision::Local,
            Next::Onward(way) => Decision::Out(way.clone()),
            Next::Refused(_, reason) => Decision::Refused(*reason),
        }
    }
}

/// Whether `ip6_rcv_core` drops a packet from a device other than `lo` before any hook.
pub(super) fn refused_on_arrival(scene: &Scene<'_>) -> Asked<Option<Reason>> {
    if scene.query.family == IpFamily::V4 {
        return Ok(None);
    }
    let packet = scene.packet;
    let (many, all) = multicast(IpFamily::V6);
    if any([scene.in_range(&packet.src, 1, 1, None), scene.in_range(&packet.src, many, all, None)])? {
        return Ok(Some(Reason::ImpossibleSource));
    }
    // What reaches no further than a device does not come from another, and nothing is sent to what is reserved.
    for scope in [0, 1] {
        if scene.in_set(&packet.dst, &scopes::multicast(scope), None)? {
            return Ok(Some(Reason::ImpossibleDestination));
        }
    }
    Ok(scene.in_range(&packet.dst, 1, 1, None)?.then_some(Reason::ImpossibleDestination))
}

/// Routes a packet that arrived.
pub(super) fn route<'p>(scene: Scene<'_>, plan: &'p Plan<'p>) -> Asked<Next> {
    let arrival = Arrival { scene, plan, namespace: plan.namespace() };
    if !arrival.namespace.is_read(What::Routes) {
        return arrival.unread();
    }
    match scene.query.family {
        IpFamily::V4 => arrival.v4(),
        IpFamily::V6 => arrival.v6(),
    }
}

struct Arrival<'s, 'p> {
    scene: Scene<'s>,
    plan: &'p Plan<'p>,
    namespace: &'p Namespace,
}

impl<'p> Arrival<'_, 'p> {
    fn in_range(&self, value: &Value, (first, last): (u128, u128)) -> Asked<bool> {
        self.scene.in_range(value, first, last, None)
    }

    /// The device it came in by, which decides sysctls: asked for where it is open.
    fn link(&self) -> Asked<Option<&'p Link>> {
        self.link_of(self.scene.packet.iif)
    }

    fn link_of(&self, device: Device) -> Asked<Option<&'p Link>> {
        let number = match device {
            Device::Known(number) => number,
            Device::Entering => match self.scene.space.known(Field::Iif) {
                Some(number) => number,
                None => match self.scene.space.values(Field::Iif).and_then(ValueSet::first) {
                    Some(first) if self.namespace.is_read(What::Links) => {
                        return Err(Open::Field(Field::Iif, ValueSet::one(first)));
                    }
                    _ => return Ok(None),
                },
            },
            Device::Absent | Device::Leaving => return Ok(None),
        };
        Ok(self.plan.devices.name(number).and_then(|name| self.namespace.link(name)))
    }

    fn lookup(&self) -> Asked<Lookup<'_, 'p>> {
        let packet = self.scene.packet;
        Ok(Lookup {
            scene: self.scene,
            plan: self.plan,
            to: &packet.dst,
            from: Some(&packet.src),
            mark: &packet.mark,
            iif: Some(packet.iif),
            vrf: self.link()?.and_then(|link| self.plan.vrf_at(link.index)),
            bound: false,
            ports: Some((&packet.sport, &packet.dport)),
            typed: false,
            has_sender: false,
        })
    }

    fn v4(&self) -> Asked<Next> {
        let (src, dst) = (&self.scene.packet.src, &self.scene.packet.dst);
        let link = self.link()?;
        if self.in_range(dst, multicast(IpFamily::V4))? {
            return Ok(Next::HereToAll);
        }
        let never = ValueSet::from_ranges([multicast(IpFamily::V4), (0xffff_ffff, 0xffff_ffff)]);
        if self.scene.in_set(src, &never, None)? {
            return Ok(Next::Refused(FateKind::Martian, Reason::ImpossibleSource));
        }
        if self.in_range(dst, (0xffff_ffff, 0xffff_ffff))? {
            return Ok(Next::HereToAll);
        }
        // Since Linux 5.3 the rest of 0/8 are addresses like others (`ipv4_is_zeronet`).
        if self.in_range(src, (0, 0))? {
            return Ok(Next::Refused(FateKind::Martian, Reason::ImpossibleSource));
        }
        if self.in_range(dst, (0, 0))? {
            return Ok(Next::Refused(FateKind::Martian, Reason::ImpossibleDestination));
        }
        let loopback = loopback_range(IpFamily::V4);
        let localnet = link.is_some_and(|link| self.plan.routes_localnet(&link.name));
        let to_loopback = self.in_range(dst, loopback)?;
        if !localnet && (to_loopback || self.in_range(src, loopback)?) {
            return Ok(Next::Refused(FateKind::Martian, Reason::RouteLocalnet));
        }
        let lookup = self.lookup()?;
        let found = lookup.find(&same_way)?;
        let route = match found {
            Found::Route(route) => route,
            Found::Refused(reason) => return self.no_route(link, reason),
        };
        match route.kind {
            RouteKind::Local => Ok(self.validated(link, dst, None)?.unwrap_or(Next::Here)),
            // Nobody in particular would answer (`ip_route_input_slow`).
            RouteKind::Broadcast => Ok(self.validated(link, &Value::Known(0), None)?.unwrap_or(Next::HereToAll)),
            RouteKind::Unicast => {
                if !self.forwards4(link)? {
                    return Ok(Next::Refused(FateKind::Dropped, Reason::IpForward));
                }
                let way = Way::by(&lookup, route)?;
                if let Some(refused) = self.validated(link, dst, Some(&way))? {
                    return Ok(refused);
                }
                self.onward(way)
            }
            _ if !self.forwards4(link)? => Ok(Next::Refused(FateKind::Dropped, Reason::IpForward)),
            _ => Ok(Next::Refused(FateKind::Martian, Reason::ImpossibleDestination)),
        }
    }

    /// `ip_error`: without forwarding nobody is told that there is no route.
    fn no_route(&self, link: Option<&Link>, reason: Reason) -> Asked<Next> {
        if !self.forwards4(link)? {
            return Ok(Next::Refused(FateKind::Dropped, Reason::IpForward));
        }
        Ok(refused(reason))
    }

    /// Whether the packet leaves by the device it came in by.
    fn comes_back(&self, way: &Way) -> bool {
        match (way.oif, self.scene.packet.iif) {
            (Device::Known(leaves), Device::Entering) => self.scene.space.known(Field::Iif) == Some(leaves),
            (leaves, enters) => leaves == enters,
        }
    }

    /// Whether a bridge routes the packet, or did so: a rule gave it another destination there (`br_nf_pre_routing_finish_ipv6`).
    fn is_routed_by_bridge(&self) -> bool {
        self.scene
            .packet
            .crossing
            .as_ref()
            .is_some_and(|crossing| crossing.within.is_some() || crossing.up == Some(true))
    }

    /// The time to live counts before the forward hook does; what belongs to a socket is not forwarded (`ip_forward`).
    fn onward(&self, way: Way) -> Asked<Next> {
        if self.scene.packet.socket.is_some() {
            return Ok(Next::Refused(FateKind::Dropped, Reason::OfSocket));
        }
        let known =
            self.scene.space.values(Field::Ttl).is_some() || matches!(self.scene.packet.ttl, TimeToLive::Set(_));
        if known && self.scene.ttl_in(&ValueSet::range(0, 1))? {
            return Ok(Next::Refused(FateKind::Dropped, Reason::Ttl));
        }
        Ok(Next::Onward(way))
    }

    fn forwards4(&self, link: Option<&Link>) -> Asked<bool> {
        let sysctls = &self.namespace.sysctls;
        let own = link.and_then(|link| sysctls.ip.get(&link.name)).and_then(|device| device.forwarding);
        self.known_or_taken(own.or(sysctls.ip_forward), Assumed::Forwards)
    }

    fn known_or_taken(&self, known: Option<bool>, what: Assumed) -> Asked<bool> {
        match known {
            Some(known) => Ok(known),
            None => self.scene.assume(Open::taken(what, Why::Unread, true)),
        }
    }

    /// A flag of the device, ORed with that of `all` (`IN_DEV_ORCONF`).
    fn flag(&self, link: &Link, flag: impl Fn(&crate::host::DeviceSysctls) -> Option<bool>) -> Option<bool> {
        let sysctls = &self.namespace.sysctls.ip;
        let own = sysctls.get(&link.name).and_then(&flag);
        let all = sysctls.get("all").and_then(&flag);
        match (own, all) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (None, None) => None,
            _ => Some(false),
        }
    }

    /// `max(all, device)`.
    fn rp_filter(&self, link: &Link) -> Option<u8> {
        let sysctls = &self.namespace.sysctls.ip;
        let own = sysctls.get(&link.name).and_then(|device| device.rp_filter);
        own.max(sysctls.get("all").and_then(|device| device.rp_filter))
    }

    /// `fib_validate_source`: why the source is refused. `dst`: from where would be answered. `way`: where the packet would leave; `None`: it is for this host.
    fn validated(&self, link: Option<&Link>, dst: &Value, way: Option<&Way>) -> Asked<Option<Next>> {
        let Some(link) = link else {
            return Ok(None);
        };
        let Some(filter) = self.rp_filter(link) else {
            let accepts = self.scene.assume(Open::taken(Assumed::ReversePathAccepts, Why::Unread, true))?;
            return Ok((!accepts).then_some(Next::Refused(FateKind::Martian, Reason::RpFilter)));
        };
        let accept_local = self.flag(link, |sysctls| sysctls.accept_local).unwrap_or(false);
        let martian = |reason| Ok(Some(Next::Refused(FateKind::Martian, reason)));
        // A packet that leaves by the device it came in by is always looked at where its sender may get a redirect.
        let redirects = self.flag(link, |sysctls| sysctls.send_redirects).unwrap_or(true);
        let comes_back = redirects && way.is_some_and(|way| self.comes_back(way));
        if filter == 0 && !comes_back && accept_local {
            return Ok(None);
        }
        if filter == 0 && !comes_back && !self.has_custom_rules() {
            let own = self.namespace.addresses.iter().filter(|address| address.family() == IpFamily::V4);
            let own = own.map(|address| super::query::number(address.addr()));
            let own = ValueSet::from_ranges(own.map(|value| (value, value)));
            return match self.scene.in_set(&self.scene.packet.src, &own, None)? {
                true => martian(Reason::LocalSource),
                false => Ok(None),
            };
        }
        match self.reverse(link, filter, accept_local, (dst, way))? {
            Some(reason) => martian(reason),
            None => Ok(None),
        }
    }

    fn has_custom_rules(&self) -> bool {
        use crate::host::route::{TABLE_DEFAULT, TABLE_LOCAL, TABLE_MAIN};
        let usual = [(0, TABLE_LOCAL), (32766, TABLE_MAIN), (32767, TABLE_DEFAULT)];
        let mut rules = self.namespace.policy_rules.iter().filter(|rule| rule.family == IpFamily::V4);
        rules.any(|rule| match rule.action {
            crate::host::PolicyAction::Lookup(table) => !usual.contains(&(rule.priority, table)),
            _ => true,
        })
    }

    /// `__fib_validate_source`: the route back to the source.
    fn reverse(
        &self,
        link: &Link,
        filter: u8,
        accept_local: bool,
        (dst, way): (&Value, Option<&Way>),
    ) -> Asked<Option<Reason>> {
        let packet = self.scene.packet;
        let unmarked = Value::Known(0);
        let marked = self.flag(link, |sysctls| sysctls.src_valid_mark).unwrap_or(false);
        let lookup = Lookup {
            scene: self.scene,
            plan: self.plan,
            to: &packet.src,
            from: Some(dst),
            mark: if marked { &packet.mark } else { &unmarked },
            iif: way.map(|way| way.oif),
            vrf: self.plan.vrf_at(link.index),
            bound: false,
            // Back means the other way round for ports too.
            ports: Some((&packet.dport, &packet.sport)),
            typed: false,
            has_sender: false,
        };
        let uses = |route: &Route| route.next_hops.iter().any(|hop| self.plan.leads_by(hop.link, link.index));
        let has_address = self
            .namespace
            .addresses
            .iter()
            .any(|address| address.link == link.index && address.family() == IpFamily::V4);
        // Which way the route back leads, and whether there is one, matters only where the filter asks.
        let matters = filter == 1 || filter != 0 && !has_address;
        // Where a table has none, the next one is asked: that is like no route at all.
        let of = |route: &Route| {
            let (unicast, local) = (route.kind == RouteKind::Unicast, route.kind == RouteKind::Local);
            (unicast, local, !matters || uses(route))
        };
        let alike = |a: Option<&Route>, b: Option<&Route>| a.map(of) == b.map(of);
        let last_resort = if filter == 0 { None } else { Some(Reason::RpFilter) };
        let route = match lookup.find(&alike)? {
            Found::Route(route) => route,
            Found::Refused(_) => return Ok(last_resort),
        };
        match route.kind {
            RouteKind::Unicast => {}
            RouteKind::Local if !accept_local => return Ok(Some(Reason::LocalSource)),
            RouteKind::Local => {}
            _ => return Ok(Some(Reason::ImpossibleSource)),
        }
        if uses(route) || route.kind == RouteKind::Local && link.is_loopback() {
            return Ok(None);
        }
        if !has_address {
            return Ok(last_resort);
        }
        Ok((filter == 1).then_some(Reason::RpFilter))
    }

    fn v6(&self) -> Asked<Next> {
        let (src, dst) = (&self.scene.packet.src, &self.scene.packet.dst);
        let link = self.link()?;
        if self.in_range(dst, multicast(IpFamily::V6))? {
            return Ok(Next::HereToAll);
        }
        if self.scene.in_set(dst, &self.plan.tentative, None)? {
            return Ok(Next::Here);
        }
        let lookup = self.lookup()?;
        let by = if self.scene.packet.port == Device::Absent { link } else { self.link_of(self.scene.packet.port)? };
        let found = match self.strictly(by)? {
            Some(found) => found,
            None => lookup.find(&same_way)?,
        };
        let route = match found {
            Found::Route(route) => route,
            Found::Refused(reason) => return Ok(refused(reason)),
        };
        if route.kind != RouteKind::Unicast {
            return Ok(Next::Here);
        }
        let all = self.namespace.sysctls.ip6.get("all").and_then(|device| device.forwarding);
        if !self.known_or_taken(all, Assumed::Forwards)? {
            return Ok(Next::Refused(FateKind::Dropped, Reason::IpForward));
        }
        let way = Way::by(&lookup, route)?;
        // `ip6_forward`: nobody forwards for an unspecified or a link-local source, unless the packet leaves by the device it
        // came in by: then it looks only whether the sender is to be redirected. Of what br_netfilter routed, it takes the device that it
        // leaves by for that (`ip6_rcv_core` puts that of the route into `IP6CB(skb)->iif`).
        let narrow = ValueSet::from_ranges([(0, 0), (0xfe80 << 112, (0xfebf << 112) | (u128::MAX >> 16))]);
        if !self.comes_back(&way) && !self.is_routed_by_bridge() && self.scene.in_set(src, &narrow, None)? {
            return Ok(Next::Refused(FateKind::Martian, Reason::ImpossibleSource));
        }
        self.onward(way)
    }

    /// The route to ::1 or a link-local address: only routes by the device that the packet came in by count
    /// (`rt6_need_strict`). `None` for other destinations.
    fn strictly(&self, link: Option<&Link>) -> Asked<Option<Found<'p>>> {
        let dst = &self.scene.packet.dst;
        let narrow = ValueSet::from_ranges([(1, 1), (0xfe80 << 112, (0xfebf << 112) | (u128::MAX >> 16))]);
        let Some(link) = link else {
            return Ok(None);
        };
        if !self.scene.in_set(dst, &narrow, None)? {
            return Ok(None);
        }
        self.lookup()?.find_by(link.index).map(Some)
    }

    /// A dump without routes: what the query says is here is here, and what a rule turned away is not.
    fn unread(&self) -> Asked<Next> {
        if self.scene.query.family == IpFamily::V4 {
            let never = [(0, 0), multicast(IpFamily::V4), (0xffff_ffff, 0xffff_ffff)];
            if self.scene.in_set(&self.scene.packet.src, &ValueSet::from_ranges(never), None)? {
                return Ok(Next::Refused(FateKind::Martian, Reason::ImpossibleSource));
            }
            // `route_localnet` is off unless somebody turned it on.
            if self.in_range(&self.scene.packet.src, loopback_range(IpFamily::V4))? {
                return Ok(Next::Refused(FateKind::Martian, Reason::RouteLocalnet));
            }
        }
        if self.is_here_unread()? {
            return Ok(Next::Here);
        }
        self.known_or_taken(self.namespace.sysctls.ip_forward, Assumed::Forwards)?;
        self.onward(Way::straight(Device::Leaving))
    }

    fn is_here_unread(&self) -> Asked<bool> {
        let dst = &self.scene.packet.dst;
        let loopback = match dst {
            // No packet that comes in by a device is for 127/8.
            Value::Entering(Field::Dst) if self.scene.query.dst_is_local => return Ok(true),
            Value::Entering(Field::Src) => return Ok(self.scene.query.origin == Origin::Local),
            _ => self.in_range(dst, loopback_range(self.scene.query.family))?,
        };
        if loopback || self.scene.packet.redirected {
            return Ok(true);
        }
        self.scene.is_here_unless_turned()
    }
}

/// How a refusing route, or none, ends a packet.
pub(super) fn refused(reason: Reason) -> Next {
    match reason {
        Reason::Blackhole => Next::Refused(FateKind::Dropped, reason),
        _ => Next::Refused(FateKind::Unroutable, reason),
    }
}

impl Way {
    /// The way that a unicast route leads.
    pub(super) fn by<'p>(lookup: &Lookup<'_, 'p>, route: &'p Route) -> Asked<Way> {
        let hop = lookup.next_hop(route)?;
        let name = hop.and_then(|hop| lookup.plan.namespace().link_at(hop.link)).map(|link| link.name.as_str());
        let oif = name.and_then(|name| lookup.plan.devices.number(name)).map_or(Device::Leaving, Device::Known);
        Ok(Way { oif, via: hop.map_or_else(Vec::new, |hop| gateways(route, hop)) })
    }
}
