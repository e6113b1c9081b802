//! Types of addresses: what the table `local` says of them, for `-m addrtype` and for `fib`.

use crate::host::route::TABLE_LOCAL;
use crate::host::xt::AddressTypes;
use crate::host::{IpFamily, Namespace, Route, RouteKind};
use crate::walk::query::number;
use crate::walk::set::ValueSet;

/// Who asks for the type of an address: IPv6 addresses have several for `-m addrtype`, and one for `fib`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::walk) enum TypedBy {
    /// `-m addrtype`.
    Addrtype,
    /// nft's `fib`.
    Fib,
}

/// Addresses from first to last, and what the table `local` says they are.
pub(super) type TypeRange = (u128, u128, AddressTypes);

fn kind_bit(kind: RouteKind) -> AddressTypes {
    match kind {
        RouteKind::Unicast => AddressTypes::UNICAST,
        RouteKind::Local => AddressTypes::LOCAL,
        RouteKind::Broadcast => AddressTypes::BROADCAST,
        RouteKind::Anycast => AddressTypes::ANYCAST,
        RouteKind::Multicast => AddressTypes::MULTICAST,
        RouteKind::Blackhole => AddressTypes::BLACKHOLE,
        RouteKind::Unreachable => AddressTypes::UNREACHABLE,
        RouteKind::Prohibit => AddressTypes::PROHIBIT,
        RouteKind::Throw => AddressTypes::THROW,
    }
}

/// What the table `local`, or that of a VRF, says of addresses, most specific route first, as disjoint ascending ranges.
/// With a device, routes by other devices count as `unicast` (`__inet_dev_addr_type`). IPv6 asks the policy rules, and so the
/// table `local` before a VRF's.
pub(super) fn address_types(
    namespace: &Namespace,
    family: IpFamily,
    device: Option<u32>,
    vrf: Option<u32>,
) -> Vec<TypeRange> {
    let asked = |table: u32| match family {
        IpFamily::V4 => table == vrf.unwrap_or(TABLE_LOCAL),
        IpFamily::V6 => table == TABLE_LOCAL || Some(table) == vrf,
    };
    let on = |route: &Route| device.is_none_or(|link| route.next_hops.first().is_some_and(|hop| hop.link == link));
    let mut nets: Vec<TypeRange> = namespace
        .routes
        .iter()
        .filter(|route| asked(route.table) && route.family() == family)
        .map(|route| {
            let kind = if on(route) { kind_bit(route.kind) } else { AddressTypes::UNICAST };
            (number(route.dst.network()), number(route.dst.broadcast()), kind)
        })
        .collect();
    if family == IpFamily::V4 {
        nets.push((0, 0, AddressTypes::BROADCAST));
        nets.push((0xe000_0000, 0xefff_ffff, AddressTypes::MULTICAST));
        nets.push((0xffff_ffff, 0xffff_ffff, AddressTypes::BROADCAST));
    }
    // Prefixes nest: outer ones first, and each inner one cuts its piece out of the one around it.
    nets.sort_by_key(|(first, last, _)| (*first, u128::MAX - last));
    let mut ranges: Vec<TypeRange> = Vec::new();
    let mut around: Vec<TypeRange> = Vec::new();
    let mut from = 0;
    let close = |around: &mut Vec<TypeRange>, ranges: &mut Vec<TypeRange>, from: &mut u128, until: Option<u128>| {
        while let Some(&(_, last, kind)) = around.last() {
            if until.is_some_and(|until| last >= until) {
                break;
            }
            if *from <= last {
                ranges.push((*from, last, kind));
                *from = last.saturating_add(1);
            }
            around.pop();
        }
    };
    for net in nets {
        close(&mut around, &mut ranges, &mut from, Some(net.0));
        if let Some(&(_, _, kind)) = around.last()
            && from < net.0
        {
            ranges.push((from, net.0 - 1, kind));
        }
        from = from.max(net.0);
        around.push(net);
    }
    close(&mut around, &mut ranges, &mut from, None);
    ranges
}

pub(super) fn of_type(ranges: &[TypeRange], types: AddressTypes, family: IpFamily) -> ValueSet {
    let listed = ValueSet::from_ranges(ranges.iter().map(|(first, last, _)| (*first, *last)));
    let fitting = ranges.iter().filter(|(_, _, kind)| types.intersects(*kind)).map(|(first, last, _)| (*first, *last));
    let fitting = ValueSet::from_ranges(fitting);
    if types.contains(AddressTypes::UNICAST) {
        fitting.or(&ValueSet::full(family.bits()).minus(&listed))
    } else {
        fitting
    }
}

/// `__nft_fib6_eval_type`: an address has one type, and what is local is not unicast too.
pub(super) fn of_one_type6(ranges: &[TypeRange], types: AddressTypes) -> ValueSet {
    let multicast = ValueSet::range(0xff << 120, u128::MAX);
    let routed = of_type(ranges, types - AddressTypes::MULTICAST, IpFamily::V6).minus(&multicast);
    if types.contains(AddressTypes::MULTICAST) { routed.or(&multicast) } else { routed }
}

/// `match_type6` in xt_addrtype.c: every type that is asked narrows, and local addresses are unicast too.
pub(super) fn of_type6(ranges: &[TypeRange], types: AddressTypes) -> ValueSet {
    let multicast = ValueSet::range(0xff << 120, u128::MAX);
    let mut set = ValueSet::full(128);
    if types.contains(AddressTypes::MULTICAST) {
        set = set.and(&multicast);
    }
    if types.contains(AddressTypes::UNICAST) {
        set = set.minus(&multicast).minus(&ValueSet::one(0));
    }
    if types.contains(AddressTypes::UNSPEC) {
        set = set.and(&ValueSet::one(0));
    }
    let routed =
        types & (AddressTypes::LOCAL | AddressTypes::ANYCAST | AddressTypes::PROHIBIT | AddressTypes::UNREACHABLE);
    if !routed.is_empty() {
        set = set.and(&of_type(ranges, routed, IpFamily::V6));
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{NextHop, Scope};

    fn namespace(routes: &[(&str, RouteKind)]) -> Namespace {
        let routes = routes.iter().map(|(dst, kind)| Route {
            table: TABLE_LOCAL,
            kind: *kind,
            dst: dst.parse().expect("a prefix"),
            from: None,
            tos: 0,
            metric: 0,
            prefsrc: None,
            scope: Scope::Host,
            next_hops: vec![NextHop { gateway: None, link: 1, weight: 1, dead: false }],
        });
        Namespace { routes: routes.collect(), ..Namespace::default() }
    }

    #[test]
    fn inner_routes_cut_their_piece_out() {
        let ns = namespace(&[
            ("127.0.0.0/8", RouteKind::Local),
            ("127.255.255.255/32", RouteKind::Broadcast),
            ("127.0.0.1/32", RouteKind::Local),
            ("10.0.0.1/32", RouteKind::Local),
        ]);
        let types = address_types(&ns, IpFamily::V4, None, None);
        let local = of_type(&types, AddressTypes::LOCAL, IpFamily::V4);
        assert_eq!(local.ranges(), [(0x0a00_0001, 0x0a00_0001), (0x7f00_0000, 0x7fff_fffe)]);
        let unicast = of_type(&types, AddressTypes::UNICAST, IpFamily::V4);
        assert!(!unicast.contains(0x7f00_0001) && unicast.contains(0x0a00_0002) && !unicast.contains(0xe000_0001));
        assert!(of_type(&types, AddressTypes::BROADCAST, IpFamily::V4).contains(0x7fff_ffff));
        let covered: f64 =
            [AddressTypes::LOCAL, AddressTypes::UNICAST, AddressTypes::BROADCAST, AddressTypes::MULTICAST]
                .map(|kind| of_type(&types, kind, IpFamily::V4).size())
                .iter()
                .sum();
        assert_eq!(covered, 2f64.powi(32));
    }

    #[test]
    fn a_local_address_of_ipv6_is_unicast_too_for_addrtype_alone() {
        let ns = namespace(&[("2001:db8::1/128", RouteKind::Local)]);
        let types = address_types(&ns, IpFamily::V6, None, None);
        let own = 0x2001_0db8 << 96 | 1;
        assert!(of_type6(&types, AddressTypes::UNICAST).contains(own));
        assert!(!of_one_type6(&types, AddressTypes::UNICAST).contains(own));
        assert!(of_one_type6(&types, AddressTypes::LOCAL).contains(own));
        assert!(of_one_type6(&types, AddressTypes::MULTICAST).contains(0xff02 << 112 | 1));
    }

    #[test]
    fn another_devices_addresses_are_unicast_there() {
        let ns = namespace(&[("10.0.0.1/32", RouteKind::Local)]);
        let types = address_types(&ns, IpFamily::V4, Some(2), None);
        assert!(of_type(&types, AddressTypes::LOCAL, IpFamily::V4).is_empty());
    }
}
