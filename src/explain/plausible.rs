//! Which outcomes of a walk are about packets that somebody could really send from there.
//!
//! A walk leaves the source open, so rules that ask for a pod's or another network's source split it, although such a
//! packet would never come in by this device. The walk is right to follow it; a judgement of "who answers from there" is
//! not about it. Nothing is left out where it would leave nothing.

use crate::host::{IpFamily, Link, Namespace, What};
use crate::walk::query::number;
use crate::walk::{
    Condition, FateKind, Field, Op, Origin, Outcome, Query, Reason, Share, ValueSet, Values, Verdict, Walk,
};

use super::finding::From;

/// The outcomes that count when a walk from this place is judged, as indexes.
pub(super) fn outcomes(ns: &Namespace, from: &From, walk: &Walk) -> Vec<usize> {
    let all = 0..walk.outcomes.len();
    let likely = sources(ns, from, &walk.query);
    let counts = |outcome: &Outcome| match &likely {
        Some(likely) if outcome.fate.reason == Some(Reason::RpFilter) => is_most(outcome, likely),
        _ => !is_refused_source(outcome),
    };
    let real: Vec<usize> = all.clone().filter(|i| counts(&walk.outcomes[*i])).collect();
    if real.is_empty() {
        return all.collect();
    }
    let Some(sources) = likely else {
        return real;
    };
    let likely: Vec<usize> = real.iter().copied().filter(|i| fits(&walk.outcomes[*i], &sources)).collect();
    if likely.is_empty() { real } else { likely }
}

/// Puts the outcomes that count before the others: nobody who looks at the first one looks for packets that never come.
pub(super) fn first(ns: &Namespace, from: &From, walk: &mut Walk) {
    let counted = outcomes(ns, from, walk);
    if counted.iter().copied().eq(0..counted.len()) {
        return;
    }
    let mut all: Vec<Option<Outcome>> = std::mem::take(&mut walk.outcomes).into_iter().map(Some).collect();
    let counted: Vec<Outcome> = counted.into_iter().filter_map(|at| all[at].take()).collect();
    walk.outcomes = counted.into_iter().chain(all.into_iter().flatten()).collect();
}

/// The sources that are meant where something is said of these outcomes; `None`: all that they have.
pub(super) fn meant(ns: &Namespace, from: &From, query: &Query, outcomes: &[&Outcome]) -> Option<ValueSet> {
    sources(ns, from, query).filter(|sources| outcomes.iter().all(|outcome| fits(outcome, sources)))
}

/// The shares of a walk that count, where not all of its ways were followed.
pub(super) fn shares<'w>(ns: &Namespace, from: &From, walk: &'w Walk) -> Vec<&'w Share> {
    let is_real = |share: &&Share| !is_refused(share.kind, share.reason, || share.translated);
    let sources = sources(ns, from, &walk.query);
    let fits = |share: &&Share| sources.as_ref().is_none_or(|sources| !share.src.apart(sources));
    walk.shares.iter().filter(is_real).filter(fits).collect()
}

/// Whether most of these sources are an outcome's: a device that refuses those of other devices' networks does its work, one that
/// refuses all but its own network's has no way back to the others.
fn is_most(outcome: &Outcome, sources: &ValueSet) -> bool {
    2.0 * sources_of(outcome, sources).size() > sources.size()
}

/// Those of some sources that packets of an outcome may have.
pub(super) fn sources_of(outcome: &Outcome, sources: &ValueSet) -> ValueSet {
    let of = |conditions: &Vec<Condition>| {
        let asked = conditions.iter().filter(|condition| condition.field == Field::Src);
        asked.fold(sources.clone(), |left, condition| narrow(&left, condition))
    };
    outcome.when.iter().map(of).fold(ValueSet::empty(), |all, held| all.or(&held))
}

/// The sources of a query in the networks of the device by which its packets come; none where that is none, or not read.
pub(super) fn near(ns: &Namespace, from: &From, query: &Query) -> ValueSet {
    let device = match (from, &query.origin) {
        (From::Outside(device) | From::Bridge(device), _) | (From::Somewhere, Origin::Device(device)) => device,
        (From::Somewhere | From::Local(_), _) => return ValueSet::empty(),
    };
    let Some(link) = ns.link(device) else { return ValueSet::empty() };
    connected(ns, query.family, |other| other.index == link.index).and(&query.values(Field::Src))
}

/// Whether routing refused the packet for the source it claims.
pub(super) fn is_refused_source(outcome: &Outcome) -> bool {
    let translated = || outcome.steps().any(|step| matches!(step.verdict, Verdict::Dnat(_) | Verdict::Redirect(_)));
    is_refused(outcome.fate.kind, outcome.fate.reason, translated)
}

fn is_refused(kind: FateKind, reason: Option<Reason>, translated: impl Fn() -> bool) -> bool {
    kind == FateKind::Martian
        && match reason {
            Some(Reason::RpFilter | Reason::LocalSource | Reason::ImpossibleSource) => true,
            Some(Reason::RouteLocalnet) => !translated(),
            _ => false,
        }
}

/// The sources that packets of a query from this place may have; `None`: any that it allows.
pub(super) fn sources(ns: &Namespace, from: &From, query: &Query) -> Option<ValueSet> {
    let from = match (from, &query.origin) {
        (From::Somewhere | From::Outside(_), Origin::Device(device)) => &From::Outside(device.clone()),
        _ => from,
    };
    let mut likely = likely(ns, from, query.family)?.and(&query.values(Field::Src));
    // No router brings a packet to an address of the link alone, and those have 54 zeros after the prefix (RFC 4291, 2.5.6).
    let of_link = ValueSet::range(0xfe80 << 112, (0xfe80 << 112) + u128::from(u64::MAX));
    if query.family == IpFamily::V6 && query.known(Field::Dst).is_some_and(|dst| of_link.contains(dst)) {
        likely = likely.and(&of_link);
    }
    (!likely.is_empty()).then_some(likely)
}

/// The sources that a packet from this place may have; `None`: any.
fn likely(ns: &Namespace, from: &From, family: IpFamily) -> Option<ValueSet> {
    let full = ValueSet::full(family.bits());
    let (first, last) = match family {
        IpFamily::V4 => (0x7f00_0000, 0x7fff_ffff),
        IpFamily::V6 => (1, 1),
    };
    let abroad = full.minus(&ValueSet::range(first, last));
    let own = ns.addresses.iter().filter(|address| address.family() == family).flat_map(|address| {
        // Nobody sends from the address that stands for any router of a network (RFC 4291, 2.6.1).
        let anycast = (family == IpFamily::V6).then(|| number(address.net.network()));
        [Some(number(address.addr())), anycast]
    });
    let own = ValueSet::from_ranges(own.flatten().map(|value| (value, value)));
    match from {
        From::Local(_) => None,
        From::Somewhere => Some(abroad),
        From::Outside(_) | From::Bridge(_) if !ns.is_read(What::Addresses) || !ns.is_read(What::Links) => Some(abroad),
        From::Outside(device) => {
            let link = ns.link(device)?;
            let here = connected(ns, family, |other| other.index == link.index);
            // Other VRFs may have the same networks.
            let vrf = |link: &Link| ns.vrf_of(link).map(|vrf| vrf.index);
            let own_vrf = vrf(link);
            let elsewhere = connected(ns, family, |other| other.index != link.index && vrf(other) == own_vrf);
            Some(abroad.minus(&elsewhere).or(&here).minus(&own))
        }
        From::Bridge(device) => {
            let link = ns.link(device)?;
            Some(connected(ns, family, |other| other.index == link.index).minus(&own))
        }
    }
}

/// The networks that the chosen devices are connected to.
fn connected(ns: &Namespace, family: IpFamily, chosen: impl Fn(&Link) -> bool) -> ValueSet {
    let on = |index: u32| ns.link_at(index).is_some_and(&chosen);
    let nets = ns.addresses.iter().filter(|address| address.family() == family && on(address.link));
    ValueSet::from_ranges(nets.map(|address| (number(address.net.network()), number(address.net.broadcast()))))
}

/// Whether some of the outcome's packets have one of these sources.
fn fits(outcome: &Outcome, sources: &ValueSet) -> bool {
    outcome.when.is_empty()
        || outcome.when.iter().any(|conditions| {
            let asked = conditions.iter().filter(|condition| condition.field == Field::Src);
            !asked.fold(sources.clone(), |left, condition| narrow(&left, condition)).is_empty()
        })
}

/// The values of a set for which a condition holds.
pub(super) fn narrow(set: &ValueSet, condition: &Condition) -> ValueSet {
    let Some(values) = condition.values.iter().map(range).collect::<Option<Vec<_>>>() else {
        return set.clone();
    };
    let values = ValueSet::from_ranges(values.iter().flat_map(|values| values.ranges().iter().copied()));
    match condition.op {
        Op::In | Op::Is => set.and(&values),
        Op::NotIn => set.minus(&values),
    }
}

fn range(values: &Values) -> Option<ValueSet> {
    match values {
        Values::Net(net) => Some(ValueSet::range(number(net.network()), number(net.broadcast()))),
        Values::Addresses(first, last) => Some(ValueSet::range(number(*first), number(*last))),
        Values::Range(first, last) => Some(ValueSet::range((*first).into(), (*last).into())),
        Values::Set(_, values) => Some(values.clone()),
        Values::Name(_) => None,
    }
}
