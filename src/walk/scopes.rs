//! How far IPv6 addresses reach (`__ipv6_addr_type`), as far as REDIRECT and arrival ask.

use super::condition::Scene;
use super::packet::Value;
use super::set::ValueSet;
use super::space::Asked;

/// How far an address reaches, where that is not everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// `IPV6_ADDR_LOOPBACK`: this host.
    Host,
    /// `IPV6_ADDR_LINKLOCAL`.
    Link,
    /// `IPV6_ADDR_SITELOCAL`.
    Site,
    /// `IPV6_ADDR_COMPATv4`: ::/96, which nobody uses.
    Compatible,
}

const ALL: [Reach; 4] = [Reach::Host, Reach::Link, Reach::Site, Reach::Compatible];

/// The multicast addresses of a scope, whatever their flags.
pub(super) fn multicast(scope: u128) -> ValueSet {
    let first = |flags: u128| (0xff00 | flags << 4 | scope) << 112;
    ValueSet::from_ranges((0..16).map(|flags| (first(flags), first(flags) | u128::MAX >> 16)))
}

fn unicast(reach: Reach) -> (u128, u128) {
    match reach {
        Reach::Host => (1, 1),
        Reach::Link => (0xfe80 << 112, (0xfebf << 112) | u128::MAX >> 16),
        Reach::Site => (0xfec0 << 112, (0xfeff << 112) | u128::MAX >> 16),
        Reach::Compatible => (2, 0xffff_ffff),
    }
}

/// How far a destination reaches; `None`: everywhere.
pub(super) fn asked(scene: &Scene<'_>, dst: &Value) -> Asked<Option<Reach>> {
    for reach in ALL {
        let many = match reach {
            Reach::Host => multicast(1),
            Reach::Link => multicast(2),
            Reach::Site => multicast(5),
            Reach::Compatible => ValueSet::empty(),
        };
        let ranges = many.ranges().iter().copied().chain([unicast(reach)]);
        if scene.in_set(dst, &ValueSet::from_ranges(ranges), None)? {
            return Ok(Some(reach));
        }
    }
    Ok(None)
}

/// Whether an own address stands for one that reaches so far (`nf_nat_redirect_ipv6_usable`): for one that reaches everywhere any
/// does.
pub(super) fn serves(own: u128, reach: Option<Reach>) -> bool {
    let is_mapped = own >> 32 == 0xffff;
    !is_mapped && reach.is_none_or(|reach| (unicast(reach).0..=unicast(reach).1).contains(&own))
}
