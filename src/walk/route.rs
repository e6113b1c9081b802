//! Where a packet goes: policy rules and routing tables, asked as the kernel asks them.
//!
//! `fib_rules_lookup`, `fib_table_lookup` and their IPv6 twins. What the kernel then makes of the answer (forwarding, source
//! validation, martians) is decided by [`super::input`] and [`super::output`]; this file finds routes.

use std::net::IpAddr;

use super::condition::{Scene, all, negate};
use super::fib::{self, Covered};
use super::field::Field;
use super::outcome::{Assumed, Endpoints, Reason, Why};
use super::packet::{Device, Value};
use super::query::number;
use super::set::ValueSet;
use super::space::{Asked, Open};
use super::vrf::Vrf;
use crate::host::route::{TABLE_DEFAULT, TABLE_LOCAL, TABLE_MAIN};
use crate::host::xt::Masked;
use crate::host::{IpFamily, NextHop, PolicyAction, PolicyRule, Route, RouteKind, What};

/// The bits of the byte for services that were a type of service once (`INET_DSCP_LEGACY_TOS_MASK`), and all of its code point
/// (`INET_DSCP_MASK`).
const LEGACY_TOS: u8 = 0x1c;
const DSCP: u8 = 0xfc;

/// What a lookup found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Found<'a> {
    /// A route that leads somewhere.
    Route(&'a Route),
    /// None, or one that refuses.
    Refused(Reason),
}

/// A question to the routing tables.
pub(super) struct Lookup<'s, 'p> {
    /// The packets that are meant, and where they are.
    pub(super) scene: Scene<'s>,
    /// The plan of the scene, for as long as routes live.
    pub(super) plan: &'p super::plan::Plan<'p>,
    /// The address to find a route to.
    pub(super) to: &'s Value,
    /// The address that the packet would come from; `None`: none yet.
    pub(super) from: Option<&'s Value>,
    /// The mark.
    pub(super) mark: &'s Value,
    /// The device it comes in by; `None`: it is made here, which policy rules call `lo`.
    pub(super) iif: Option<Device>,
    /// The VRF in which it is asked (`flowi_l3mdev`).
    pub(super) vrf: Option<Vrf>,
    /// The sender asks for the VRF, as if for a device to send by (`FLOWI_FLAG_L3MDEV_OIF`).
    pub(super) bound: bool,
    /// The source and destination ports, where the kernel looks at them.
    pub(super) ports: Option<(&'s Value, &'s Value)>,
    /// An ICMP packet is asked about before it is made: its type and code stand where a destination port would (`flowi_uli`).
    pub(super) typed: bool,
    /// Whether the sender's user id is known to the kernel: for packets made here.
    pub(super) has_sender: bool,
}

/// Whether two routes lead to the same, as far as the question goes; `None`: the table has none.
pub(super) type Alike<'c> = &'c dyn Fn(Option<&Route>, Option<&Route>) -> bool;

/// What a policy rule's table says.
enum Said<'a> {
    Found(Found<'a>),
    Nothing,
}

/// What a table says that has this route for an address: nothing of one whose prefix is no longer than the rule allows.
fn said(route: Option<&Route>, suppress: Option<u8>) -> Said<'_> {
    match route {
        Some(route) if suppress.is_some_and(|longest| route.dst.prefix_len() <= longest) => Said::Nothing,
        Some(route) => refusal(route.kind).map_or(Said::Found(Found::Route(route)), |refused| match refused {
            Some(reason) => Said::Found(Found::Refused(reason)),
            None => Said::Nothing,
        }),
        None => Said::Nothing,
    }
}

impl<'p> Lookup<'_, 'p> {
    /// The route to the address. Values of an open address that lead to `alike` routes are not told apart.
    pub(super) fn find(&self, alike: Alike<'_>) -> Asked<Found<'p>> {
        self.by_rules(&|table, suppress| self.in_table(table, suppress, alike))
    }

    /// The route to the address among those that lead by one device, by its index (`RT6_LOOKUP_F_IFACE`).
    pub(super) fn find_by(&self, link: u32) -> Asked<Found<'p>> {
        let leads = |route: &Route| route.next_hops.iter().any(|hop| hop.link == link && !hop.dead);
        self.by_rules(&|table, suppress| {
            let routes = self.plan.namespace().routes.iter().filter(|route| route.table == table && leads(route));
            let mut routes: Vec<&Route> =
                routes.filter(|route| IpFamily::of(route.dst.addr()) == self.scene.query.family).collect();
            routes.sort_by_key(|route| (std::cmp::Reverse(route.dst.prefix_len()), route.metric));
            for route in routes {
                let (first, last) = (number(route.dst.network()), number(route.dst.broadcast()));
                if self.scene.in_range(self.to, first, last, None)? {
                    return Ok(said(Some(route), suppress));
                }
            }
            Ok(said(None, suppress))
        })
    }

    /// What the first table says that says something, asked in the order of the policy rules.
    fn by_rules(&self, ask: &dyn Fn(u32, Option<u8>) -> Asked<Said<'p>>) -> Asked<Found<'p>> {
        let family = self.scene.query.family;
        let namespace = self.plan.namespace();
        if !namespace.is_read(What::PolicyRules) {
            for table in [TABLE_LOCAL, TABLE_MAIN, TABLE_DEFAULT] {
                if let Said::Found(found) = ask(table, None)? {
                    return Ok(found);
                }
            }
            return Ok(Found::Refused(Reason::NoRoute));
        }
        let mut from = 0;
        for rule in namespace.policy_rules.iter().filter(|rule| rule.family == family) {
            if rule.priority < from || !self.selects(rule)? {
                continue;
            }
            let said = match rule.action {
                PolicyAction::Lookup(_) if rule.l3mdev => match self.vrf {
                    Some(vrf) => ask(vrf.table, rule.suppress_prefixlength)?,
                    None => Said::Nothing,
                },
                PolicyAction::Lookup(table) => ask(table, rule.suppress_prefixlength)?,
                PolicyAction::Goto(priority) => {
                    from = priority;
                    Said::Nothing
                }
                PolicyAction::Nop => Said::Nothing,
                PolicyAction::Blackhole => Said::Found(Found::Refused(Reason::Blackhole)),
                PolicyAction::Unreachable => Said::Found(Found::Refused(Reason::Unreachable)),
                PolicyAction::Prohibit => Said::Found(Found::Refused(Reason::Prohibit)),
            };
            if let Said::Found(found) = said {
                return Ok(found);
            }
        }
        Ok(Found::Refused(Reason::NoRoute))
    }

    /// `fib_rule_match`, and the families' own selectors.
    fn selects(&self, rule: &PolicyRule) -> Asked<bool> {
        let range = |value: &Value, (first, last): (u128, u128)| self.scene.in_range(value, first, last, None);
        let ports = |asked: Option<(u16, u16)>, which: fn((&Value, &Value)) -> Value| match (asked, self.ports) {
            (None, _) => Ok(true),
            (Some(_), None) => Ok(false),
            (Some(_), Some(_)) if !self.scene.query.protocol.has_ports() => Ok(false),
            (Some((first, last)), Some((sport, dport))) => {
                range(&which((sport, dport)), (u128::from(first), u128::from(last)))
            }
        };
        let net = |net: ipnet::IpNet| (number(net.network()), number(net.broadcast()));
        let fits = all([
            match (rule.from, self.from) {
                (Some(from), Some(value)) => range(value, net(from)),
                (Some(from), None) => Ok(from.prefix_len() == 0),
                (None, _) => Ok(true),
            },
            rule.to.map_or(Ok(true), |to| range(self.to, net(to))),
            rule.iif.as_deref().map_or(Ok(true), |name| self.comes_by(name)),
            // Nobody asks for an outgoing device that is none.
            Ok(rule.oif.as_deref().is_none_or(|name| self.bound && self.is_of_vrf(name))),
            Ok(!rule.l3mdev || self.vrf.is_some()),
            self.is_for_service(rule.tos),
            rule.dscp.map_or(Ok(true), |(dscp, mask)| self.scene.tos_masked(dscp, mask)),
            rule.fwmark.map_or(Ok(true), |(value, mask)| self.marked(value, mask, rule.priority)),
            Ok(rule.protocol.is_none_or(|protocol| protocol == self.scene.query.protocol.0)),
            match rule.uids {
                None => Ok(true),
                // Where there is no socket the kernel asks for the namespace's root (`sock_net_uid`).
                Some((first, _)) if !self.has_sender => Ok(first == 0),
                Some((first, last)) => range(&Value::Entering(Field::Uid), (u128::from(first), u128::from(last))),
            },
            ports(rule.sports, |(sport, _)| sport.clone()),
            match rule.dports.filter(|_| self.typed && !self.scene.query.protocol.has_ports()) {
                // The code of an echo request is 0.
                Some((first, last)) => {
                    let types = (u128::from(first.div_ceil(256)), u128::from(last / 256));
                    range(&Value::Entering(Field::IcmpType), types)
                }
                None => ports(rule.dports, |(_, dport)| dport.clone()),
            },
        ]);
        negate(fits, rule.invert)
    }

    /// Whether a type of service is the packet's (`fib_dscp_masked_match`, `fib6_rule_match`); 0 is any.
    fn is_for_service(&self, tos: u8) -> Asked<bool> {
        match (tos, self.scene.query.family) {
            (0, _) => Ok(true),
            (tos, IpFamily::V4) => self.scene.tos_masked(tos, LEGACY_TOS),
            (tos, IpFamily::V6) => self.scene.tos_masked(tos, DSCP),
        }
    }

    fn is_of_vrf(&self, name: &str) -> bool {
        self.vrf.is_some_and(|vrf| self.plan.devices.name(vrf.number) == Some(name))
    }

    fn comes_by(&self, name: &str) -> Asked<bool> {
        // Of a VRF a rule asks whether the packet is its own (`l3mdev_fib_rule_iif_match`).
        if self.plan.devices.number(name).is_some_and(|number| self.plan.is_vrf(number)) {
            return Ok(!self.bound && self.is_of_vrf(name));
        }
        let is = |number| self.plan.devices.name(number) == Some(name);
        match self.iif {
            None => Ok(name == "lo"),
            Some(Device::Absent | Device::Leaving) => Ok(false),
            Some(Device::Known(number)) => Ok(is(number)),
            Some(Device::Entering) => match self.plan.devices.number(name) {
                Some(number) => self.scene.space.ask_range(Field::Iif, number, number),
                None => Ok(false),
            },
        }
    }

    /// Bits of a mark that nobody knows, and that are no range of marks, can only be assumed.
    fn marked(&self, value: u32, mask: u32, priority: u32) -> Asked<bool> {
        let assumed = || self.scene.assume(Open::either(Assumed::MarkFits(priority), Why::State, 0.5));
        self.scene.mark_fits(self.mark, Masked { value, mask }).unwrap_or_else(assumed)
    }

    fn in_table(&self, table: u32, suppress: Option<u8>, alike: Alike<'_>) -> Asked<Said<'p>> {
        let ranges = self.plan.tables.table(table, self.scene.query.family);
        let said = |route: Option<&'p Route>| said(route, suppress);
        let Some((value, among)) = self.open_values() else {
            let Value::Known(known) = self.scene.settled(self.to) else {
                return Ok(Said::Nothing);
            };
            return Ok(said(self.chosen(fib::find(ranges, known))?));
        };
        // The first of the values decides what is asked: which others go the same way?
        let mut left = among;
        loop {
            let first = left.first().unwrap_or_default();
            let here = fib::find(ranges, first);
            let route = self.chosen(here)?;
            let same = self.going_alike(ranges, &left, here, route, alike);
            let others = left.minus(&same);
            match self.scene.in_set(&value, &same, None) {
                Ok(true) => return Ok(said(route)),
                // Of what a translated address could be, the entering ones that are left do not become these.
                Ok(false) if others.is_empty() => return Ok(said(route)),
                Ok(false) => left = others,
                Err(open) if open.is_decidable() => return Err(open),
                // The kernel chose an address that nobody can predict, and not all of them go the same way.
                Err(_) => {
                    let likely = (left.and(&same).size() / left.size()).clamp(0.01, 0.99);
                    let open = Open::either(self.leads(route), Why::State, likely);
                    if others.is_empty() || self.scene.assume(open)? {
                        return Ok(said(route));
                    }
                    left = others;
                }
            }
        }
    }

    /// Where a route leads, as something to assume.
    fn leads(&self, route: Option<&Route>) -> Assumed {
        match route {
            Some(route) if matches!(route.kind, RouteKind::Local | RouteKind::Anycast) => {
                Assumed::Local(Endpoints::default())
            }
            Some(route) => {
                Assumed::LeavesBy(route.next_hops.first().and_then(|hop| self.name(hop.link)).into_iter().collect())
            }
            None => Assumed::LeavesBy(Vec::new()),
        }
    }

    /// The address that is looked for, where it is open, with the values that it may have.
    fn open_values(&self) -> Option<(Value, ValueSet)> {
        let bits = self.scene.query.family.bits();
        match self.scene.settled(self.to) {
            Value::Known(_) => None,
            Value::Entering(field) => {
                let values = self.scene.space.values(field).cloned().unwrap_or_else(|| ValueSet::full(bits));
                Some((Value::Entering(field), values))
            }
            Value::Mapped { field, mask, prefix } => {
                Some((Value::Mapped { field, mask, prefix }, ValueSet::range(prefix, prefix | mask)))
            }
            Value::Chosen { among, why } => Some((Value::Chosen { among: among.clone(), why }, among)),
        }
    }

    /// Every value among those given that leads to a route like this one.
    fn going_alike(
        &self,
        ranges: &[Covered],
        among: &ValueSet,
        here: Option<&Covered>,
        route: Option<&Route>,
        alike: Alike<'_>,
    ) -> ValueSet {
        if here.is_some_and(|range| range.routes.len() > 1) {
            return here.map_or_else(ValueSet::empty, |range| ValueSet::range(range.first, range.last));
        }
        let routes = &self.plan.namespace().routes;
        let meant = |range: &&Covered| among.first() <= Some(range.last) && !among.is_empty();
        let covered = ranges.iter().filter(meant);
        let ends = |range: &Covered| (range.first, range.last);
        let of = |range: &Covered| range.routes.first().map(|index| &routes[*index as usize]);
        let same = covered.clone().filter(|range| range.routes.len() == 1 && alike(of(range), route));
        let same = ValueSet::from_ranges(same.map(ends));
        if !alike(None, route) {
            return same;
        }
        let all = ValueSet::from_ranges(covered.map(ends));
        same.or(&ValueSet::full(self.scene.query.family.bits()).minus(&all))
    }

    /// The route of a range: the first whose sources and service fit.
    fn chosen(&self, range: Option<&Covered>) -> Asked<Option<&'p Route>> {
        let routes = &self.plan.namespace().routes;
        for index in range.iter().flat_map(|range| &range.routes) {
            let route = &routes[*index as usize];
            let fits = match (route.from, self.from) {
                (None, _) => true,
                (Some(from), None) => from.prefix_len() == 0,
                (Some(from), Some(value)) => {
                    self.scene.in_range(value, number(from.network()), number(from.broadcast()), None)?
                }
            };
            if fits && self.is_for_service(route.tos)? {
                return Ok(Some(route));
            }
        }
        Ok(None)
    }

    fn name(&self, link: u32) -> Option<String> {
        self.plan.namespace().link_at(link).map(|link| link.name.clone())
    }

    /// The next hop that the packet takes: of several, one is assumed, unless all lead alike.
    pub(super) fn next_hop(&self, route: &'p Route) -> Asked<Option<&'p NextHop>> {
        let alive: Vec<&NextHop> = route.next_hops.iter().filter(|hop| !hop.dead).collect();
        let Some((last, others)) = alive.split_last() else {
            return Ok(None);
        };
        if others.iter().all(|hop| hop.link == last.link) {
            return Ok(alive.first().copied());
        }
        let mut left: f64 = alive.iter().map(|hop| f64::from(hop.weight.max(1))).sum();
        for hop in others {
            let weight = f64::from(hop.weight.max(1));
            let names = self.name(hop.link).into_iter().collect();
            // Which one is taken depends on a hash of the flow (`fib_select_multipath`).
            let open = Open::either(Assumed::LeavesBy(names), Why::Hash, weight / left);
            if self.scene.assume(open)? {
                return Ok(Some(hop));
            }
            left -= weight;
        }
        Ok(Some(last))
    }
}

/// What a route of this kind says: `Some(Some(reason))` refuses, `Some(None)` leaves it to the next policy rule, `None`
/// leads somewhere (`fib_props`).
fn refusal(kind: RouteKind) -> Option<Option<Reason>> {
    match kind {
        RouteKind::Blackhole => Some(Some(Reason::Blackhole)),
        RouteKind::Unreachable => Some(Some(Reason::Unreachable)),
        RouteKind::Prohibit => Some(Some(Reason::Prohibit)),
        RouteKind::Throw => Some(None),
        RouteKind::Unicast | RouteKind::Local | RouteKind::Broadcast | RouteKind::Anycast | RouteKind::Multicast => {
            None
        }
    }
}

/// The routers that a packet may go to that takes a next hop: those by the same device are not told apart. None: some of them
/// lead straight to who is meant.
pub(super) fn gateways(route: &Route, hop: &NextHop) -> Vec<IpAddr> {
    let alike = route.next_hops.iter().filter(|other| !other.dead && other.link == hop.link);
    let all: Option<Vec<IpAddr>> = alike.map(|other| other.gateway).collect();
    let mut all = all.unwrap_or_default();
    all.sort_unstable();
    all.dedup();
    all
}

/// Whether two routes lead out alike, or are both for this host.
pub(super) fn same_way(a: Option<&Route>, b: Option<&Route>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.kind == b.kind && (a.kind == RouteKind::Local || a.next_hops == b.next_hops),
        (None, None) => true,
        _ => false,
    }
}

/// The whole range of multicast addresses.
pub(super) fn multicast(family: IpFamily) -> (u128, u128) {
    match family {
        IpFamily::V4 => (0xe000_0000, 0xefff_ffff),
        IpFamily::V6 => (0xff << 120, u128::MAX),
    }
}
