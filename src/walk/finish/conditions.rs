//! What a class may be, as conditions on the entering packet.

use super::*;
use crate::walk::plan::LARGE;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The conditions that tell a class from all packets of the query. Sources in `refused` do not count.
pub(super) fn of(
    plan: &Plan<'_>,
    query: &Query,
    fields: &BTreeMap<Field, ValueSet>,
    refused: Option<&ValueSet>,
) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for (field, values) in fields {
        let all = query.values(*field);
        let free = match refused {
            Some(refused) if *field == Field::Src => refused.and(&all).minus(values),
            _ => ValueSet::empty(),
        };
        // What conntrack says of a first packet follows from the packet itself.
        let follows = *field == Field::CtState && !query.fields.contains_key(field);
        let is_all = if free.is_empty() { all.within(values) } else { all.within(&values.or(&free)) };
        if !follows && !is_all {
            let by_others = refused.is_some() || *field != Field::Src;
            match field {
                Field::Iif => conditions.append(&mut devices(plan, [&all, values])),
                _ => conditions.push(condition(plan, query, *field, [&all, values, &free], by_others)),
            }
        }
    }
    conditions
}

/// The same packets as alternatives whose conditions can be told: of devices that start alike, some may be left out, but not
/// be the only ones that are not.
pub(super) fn tellable(
    plan: &Plan<'_>,
    query: &Query,
    fields: &BTreeMap<Field, ValueSet>,
) -> Vec<BTreeMap<Field, ValueSet>> {
    let Some(values) = fields.get(&Field::Iif).filter(|values| plan.devices.is_open(values)) else {
        return vec![fields.clone()];
    };
    let others = query.values(Field::Iif).minus(values);
    let (_, still) = plan.devices.cover(&others, values);
    let still = still.and(values);
    let parts = [values.minus(&still), still];
    let with = |part: &ValueSet| {
        let mut fields = fields.clone();
        fields.insert(Field::Iif, part.clone());
        fields
    };
    parts.iter().filter(|part| !part.is_empty()).map(with).collect()
}

/// By which devices it arrives: those that no rule names are told by those that are named.
fn devices(plan: &Plan<'_>, [all, values]: [&ValueSet; 2]) -> Vec<Condition> {
    let others = all.minus(values);
    let is_told_by_others = match (plan.devices.is_open(values), plan.devices.is_open(&others)) {
        (true, _) => true,
        (false, true) => false,
        (false, false) => others.size() < values.size(),
    };
    let op = |names: &ValueSet, not: bool| match (not, names.only()) {
        (true, _) => Op::NotIn,
        (false, Some(_)) => Op::Is,
        (false, None) => Op::In,
    };
    let condition = |names: &ValueSet, not: bool| Condition {
        field: Field::Iif,
        op: op(names, not),
        values: plan.devices.values(names),
    };
    if is_told_by_others {
        return vec![condition(&plan.devices.cover(&others, values).0, true)];
    }
    let (names, except) = plan.devices.cover(values, &others);
    let except = (!except.is_empty()).then(|| condition(&except, true));
    [condition(&names, false)].into_iter().chain(except).collect()
}

/// That a field has one of these values.
pub(super) fn one(plan: &Plan<'_>, query: &Query, field: Field, values: &ValueSet) -> Condition {
    let all = ValueSet::full(field.bits(query.family));
    condition(plan, query, field, [&all, values, &ValueSet::empty()], true)
}

/// The shorter way to say it: which values, or, if `by_others` allows it, which values not. It does not matter what is
/// said of the `free` ones.
fn condition(
    plan: &Plan<'_>,
    query: &Query,
    field: Field,
    [all, values, free]: [&ValueSet; 3],
    by_others: bool,
) -> Condition {
    let looked_at = all.minus(free);
    if values.ranges().len() > LARGE {
        let held = values.minus(free);
        if let Some(name) = plan.set_with(&held, &looked_at) {
            return Condition { field, op: Op::In, values: vec![Values::Set(name, held)] };
        }
        let left = looked_at.minus(&held);
        if by_others && let Some(name) = plan.set_with(&left, &looked_at) {
            return Condition { field, op: Op::NotIn, values: vec![Values::Set(name, left)] };
        }
    }
    let others = widened(query.family, &all.minus(values).minus(free), free);
    let values = &widened(query.family, values, free);
    let (inside, outside) = (told(plan, query, field, values), told(plan, query, field, &others));
    // An unknown field is rather told by what it is not than by the long rest.
    let shorter = outside.len() < inside.len() || outside.len() == inside.len() && others.size() < values.size();
    if by_others && shorter {
        return Condition { field, op: Op::NotIn, values: outside };
    }
    let named = matches!(inside[..], [Values::Name(_)]);
    Condition { field, op: if named { Op::Is } else { Op::In }, values: inside }
}

/// A set with as many free values as make it simpler to say: gaps are filled, and edges moved to where a prefix begins.
fn widened(family: IpFamily, set: &ValueSet, free: &ValueSet) -> ValueSet {
    if free.is_empty() || set.is_empty() {
        return set.clone();
    }
    let whole = set.or(free);
    let mut wide: Vec<(u128, u128)> = Vec::new();
    for (first, last) in set.ranges() {
        match wide.last_mut() {
            Some(before) if ValueSet::range(before.1, *first).within(&whole) => before.1 = *last,
            _ => wide.push((*first, *last)),
        }
    }
    let around = |(first, last): (u128, u128)| {
        let after = whole.ranges().partition_point(|range| range.0 <= first);
        let met = after.checked_sub(1).and_then(|at| whole.ranges().get(at)).filter(|range| last <= range.1);
        met.copied().unwrap_or((first, last))
    };
    let simplest = |(first, last): (u128, u128)| {
        let (left, right) = around((first, last));
        // Most ranges of a large set have nothing free beside them.
        if (left, right) == (first, last) {
            return (first, last);
        }
        // Beyond its neighbours' free edges only: another range of the set must not be swallowed.
        let reaches = |a, b| ValueSet::range(a, b).minus(free).within(&ValueSet::range(first, last));
        let choices = [(first, last), (left, last), (first, right), (left, right)];
        let fitting = choices.into_iter().filter(|(a, b)| reaches(*a, *b));
        fitting.min_by_key(|(a, b)| cost(family, *a, *b)).unwrap_or((first, last))
    };
    ValueSet::from_ranges(wide.into_iter().map(simplest))
}

/// How much it takes to say a range: one prefix is less than two ends.
fn cost(family: IpFamily, first: u128, last: u128) -> usize {
    match addresses(family, first, last)[..] {
        [Values::Addresses(..)] => 10,
        ref nets => nets.len(),
    }
}

fn told(plan: &Plan<'_>, query: &Query, field: Field, values: &ValueSet) -> Vec<Values> {
    match field {
        Field::Iif => plan.devices.values(values),
        Field::Src | Field::Dst => {
            values.ranges().iter().flat_map(|(first, last)| addresses(query.family, *first, *last)).collect()
        }
        Field::CtState => CtStates::all()
            .iter_names()
            .filter(|(_, state)| values.contains(u128::from(state.bits())))
            .map(|(name, _)| Values::Name(name.to_ascii_lowercase()))
            .collect(),
        _ => values.ranges().iter().map(|(first, last)| Values::Range(*first as u64, *last as u64)).collect(),
    }
}

/// A range of addresses as prefixes where few are needed, else by its ends.
pub fn addresses(family: IpFamily, first: u128, last: u128) -> Vec<Values> {
    const FEW: usize = 4;
    let bits = u32::from(family.bits());
    let mut nets = Vec::new();
    let mut from = first;
    loop {
        let room = (last - from).checked_add(1).map_or(128, |size| size.ilog2());
        let free = from.trailing_zeros().min(bits).min(room);
        if nets.len() == FEW {
            return vec![Values::Addresses(address(family, first), address(family, last))];
        }
        nets.push(Values::Net(net(family, from, (bits - free) as u8)));
        match from.checked_add(1u128.checked_shl(free).unwrap_or(0)).filter(|next| *next > from && *next <= last) {
            Some(next) => from = next,
            None => return nets,
        }
    }
}

fn net(family: IpFamily, value: u128, length: u8) -> IpNet {
    match address(family, value) {
        std::net::IpAddr::V4(v4) => IpNet::V4(Ipv4Net::new_assert(v4, length)),
        std::net::IpAddr::V6(v6) => IpNet::V6(Ipv6Net::new_assert(v6, length)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_addresses_are_prefixes_where_few_suffice() {
        let text = |first: u128, last: u128| {
            let told = addresses(IpFamily::V4, first, last);
            told.iter()
                .map(|values| match values {
                    Values::Net(net) => net.to_string(),
                    Values::Addresses(first, last) => format!("{first}-{last}"),
                    other => format!("{other:?}"),
                })
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(text(0x0a00_0000, 0x0aff_ffff), "10.0.0.0/8");
        assert_eq!(text(0x0a00_0001, 0x0a00_0001), "10.0.0.1/32");
        assert_eq!(text(0x0a00_0000, 0x0a00_0002), "10.0.0.0/31 10.0.0.2/32");
        assert_eq!(text(0x0a00_0001, 0x0a00_00fe), "10.0.0.1-10.0.0.254");
        assert_eq!(text(0, 0xffff_ffff), "0.0.0.0/0");
        let all: Vec<_> = addresses(IpFamily::V6, 0, u128::MAX);
        assert_eq!(all, [Values::Net("::/0".parse().expect("a prefix"))]);
    }
}
