//! Classes that went the same way to the same end, as one.

use std::collections::HashMap;

use super::*;
use crate::walk::reply;

/// More alternatives than this are merged by their fields only where that is quick.
const MANY: usize = 64;
/// Of more refused outcomes than this, only what all of them have in common is told.
const FEW: usize = 16;

/// Joins classes that went the same way to the same end under the same assumptions.
pub(super) fn groups(plan: &Plan<'_>, query: &Query, ended: Vec<Ended>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut by_place: HashMap<Place, Vec<usize>> = HashMap::new();
    for Ended { state, end, space } in ended {
        let fields: BTreeMap<Field, ValueSet> = state.space.fields().map(|(field, set)| (field, set.clone())).collect();
        let mut assumed: Vec<Assumption> = state.space.assumptions().cloned().collect();
        assumed.dedup();
        let uses_leaves = state.passes.iter().any(|pass| pass.oif == Device::Leaving)
            || state.packet.oif == Device::Leaving
            || *state.space.leaves() != plan.devices.all_but_loopback();
        let leaves = if uses_leaves { state.space.leaves().clone() } else { ValueSet::empty() };
        assumed.extend(state.space.found().map(|(field, values)| Assumption {
            namespace: state.namespace,
            what: Assumed::AnswerHas(conditions::one(plan, query, field, values)),
            holds: true,
            why: Why::State,
        }));
        let after = state.first.as_ref().map(|first| (Rc::clone(first), reply::is_answered(query, &state, end.kind)));
        let mut group = Group {
            place: state.place,
            end,
            assumed,
            passes: state.passes,
            tuple: state.packet.tuple(),
            oif: state.packet.oif,
            leaves,
            fields: vec![fields],
            classes: vec![Class { space, place: state.place, seen: state.seen }],
            weight: state.weight,
            turn: state.packet.turn,
            after: after.into_iter().collect(),
        };
        let alike = by_place.entry(group.place).or_default();
        match alike.iter().find(|i| is_same(&groups[**i], &group)) {
            Some(i) => {
                groups[*i].fields.append(&mut group.fields);
                groups[*i].classes.append(&mut group.classes);
                groups[*i].weight += group.weight;
                let new = std::mem::take(&mut group.after);
                add(&mut groups[*i].after, new);
            }
            None => {
                alike.push(groups.len());
                groups.push(group);
            }
        }
    }
    for group in &mut groups {
        join_fields(query, &mut group.fields);
    }
    drop_idle_assumptions(query, groups, by_place.into_values().collect())
}

/// Ways of first packets that are not told yet.
fn add(known: &mut Vec<(Rc<First>, bool)>, new: Vec<(Rc<First>, bool)>) {
    let same = |a: &First, b: &First| (a.place, &a.tuple, a.oif) == (b.place, &b.tuple, b.oif) && a.passes == b.passes;
    for (first, answered) in new {
        if !known.iter().any(|(other, also)| *also == answered && same(other, &first)) {
            known.push((first, answered));
        }
    }
}

fn is_same(a: &Group, b: &Group) -> bool {
    is_same_end(a, b) && a.assumed == b.assumed && a.leaves == b.leaves
}

fn is_same_end(a: &Group, b: &Group) -> bool {
    (a.place, a.end.kind, &a.end.by, a.end.reason, a.oif) == (b.place, b.end.kind, &b.end.by, b.end.reason, b.oif)
        && a.turn == b.turn
        && a.end.socket == b.end.socket
        && a.tuple == b.tuple
        && a.passes == b.passes
}

/// Two alternatives that differ in one field become one, until none do.
pub(super) fn join_fields(query: &Query, alternatives: &mut Vec<BTreeMap<Field, ValueSet>>) {
    if alternatives.len() < 2 {
        return;
    }
    // A field that no rule asked about is the query's own, whatever alternative names it.
    let named: Vec<Field> = Field::ALL.into_iter().filter(|f| alternatives.iter().any(|a| a.contains_key(f))).collect();
    for fields in alternatives.iter_mut() {
        for field in &named {
            fields.entry(*field).or_insert_with(|| query.values(*field));
        }
    }
    loop {
        let before = alternatives.len();
        for field in &named {
            let mut rest: HashMap<Vec<(Field, ValueSet)>, ValueSet> = HashMap::new();
            let mut order = Vec::new();
            for mut fields in alternatives.drain(..) {
                let Some(values) = fields.remove(field) else {
                    continue;
                };
                let key: Vec<(Field, ValueSet)> = fields.into_iter().collect();
                match rest.get_mut(&key) {
                    Some(joined) => *joined = joined.or(&values),
                    None => {
                        order.push(key.clone());
                        rest.insert(key, values);
                    }
                }
            }
            alternatives.extend(order.into_iter().filter_map(|key| {
                let values = rest.remove(&key)?;
                let mut fields: BTreeMap<Field, ValueSet> = key.into_iter().collect();
                fields.insert(*field, values);
                Some(fields)
            }));
        }
        if alternatives.len() == before {
            return;
        }
    }
}

/// Where an assumption made no difference, neither way of it is told: same way, same end, same packets.
fn drop_idle_assumptions(query: &Query, groups: Vec<Group>, alike: Vec<Vec<usize>>) -> Vec<Group> {
    let mut slots: Vec<Option<Group>> = groups.into_iter().map(Some).collect();
    for indexes in alike {
        if indexes.len() < 2 || indexes.len() > MANY {
            continue;
        }
        let mut left: Vec<Group> = indexes.iter().filter_map(|i| slots[*i].take()).collect();
        while let Some((i, j, joined)) = joined_pair(query, &left) {
            left.remove(j);
            left[i] = joined;
        }
        for (i, group) in indexes.into_iter().zip(left) {
            slots[i] = Some(group);
        }
    }
    slots.into_iter().flatten().collect()
}

fn joined_pair(query: &Query, groups: &[Group]) -> Option<(usize, usize, Group)> {
    for (i, a) in groups.iter().enumerate() {
        for (j, b) in groups.iter().enumerate().skip(i + 1) {
            if !is_same_end(a, b) {
                continue;
            }
            if let Some(joined) = join(query, a, b) {
                return Some((i, j, joined));
            }
        }
    }
    None
}

/// Two groups of one end as one: equal but for one assumption, taken both ways, or for the devices they leave by.
fn join(query: &Query, a: &Group, b: &Group) -> Option<Group> {
    let as_one = |assumed: Vec<Assumption>, leaves: ValueSet, fields: Vec<BTreeMap<Field, ValueSet>>| {
        let mut group = Group {
            place: a.place,
            end: a.end.clone(),
            assumed,
            passes: a.passes.clone(),
            tuple: a.tuple.clone(),
            oif: a.oif,
            leaves,
            fields,
            classes: [&a.classes[..], &b.classes].concat(),
            weight: a.weight + b.weight,
            turn: a.turn,
            after: a.after.clone(),
        };
        add(&mut group.after, b.after.clone());
        join_fields(query, &mut group.fields);
        group
    };
    if a.assumed == b.assumed && a.leaves == b.leaves {
        return Some(as_one(a.assumed.clone(), a.leaves.clone(), [&a.fields[..], &b.fields].concat()));
    }
    if a.fields != b.fields {
        return None;
    }
    if a.assumed == b.assumed {
        return Some(as_one(a.assumed.clone(), a.leaves.or(&b.leaves), a.fields.clone()));
    }
    if a.leaves != b.leaves || a.assumed.len() != b.assumed.len() {
        return None;
    }
    let mut different = a.assumed.iter().zip(&b.assumed).enumerate().filter(|(_, (x, y))| x != y);
    let (at, (x, y)) = different.next()?;
    if different.next().is_some() || x.what != y.what || x.holds == y.holds {
        return None;
    }
    let mut assumed = a.assumed.clone();
    assumed.remove(at);
    Some(as_one(assumed, a.leaves.clone(), a.fields.clone()))
}

/// Refused outcomes as one, but for its conditions: what all of them met, and, where they are few, what some of them met too.
pub(super) fn into_one(outcomes: Vec<Outcome>) -> Option<Outcome> {
    let many = outcomes.len() > FEW;
    let memory = Memory::joined(outcomes.iter().map(|outcome| &outcome.memory));
    let mut outcomes = outcomes.into_iter();
    let mut one = outcomes.next()?;
    for other in outcomes {
        one.weight += other.weight;
        one.events = if many { common(&one.events, &other.events) } else { woven(&one.events, &other.events) };
        one.assumed.retain(|assumption| other.assumed.contains(assumption));
        one.fate.reason = one.fate.reason.min_by_cause(other.fate.reason);
        let both = |a: Endpoints, b: Endpoints| Endpoints {
            src: a.src.filter(|_| a.src == b.src),
            sport: a.sport.filter(|_| a.sport == b.sport),
            dst: a.dst.filter(|_| a.dst == b.dst),
            dport: a.dport.filter(|_| a.dport == b.dport),
        };
        one.fate.endpoints = both(one.fate.endpoints, other.fate.endpoints);
        for (pass, of) in one.passes.iter_mut().zip(&other.passes) {
            pass.enters = both(pass.enters, of.enters);
        }
    }
    for event in &mut one.events {
        if let (Event::Route(route), Some(reason)) = (event, one.fate.reason)
            && matches!(route.decision, RouteDecision::Refused(_))
        {
            route.decision = RouteDecision::Refused(reason);
        }
    }
    one.memory = memory;
    Some(one)
}

trait Cause {
    fn min_by_cause(self, other: Self) -> Self;
}

impl Cause for Option<Reason> {
    /// Of two reasons, the one that says most of this host and holds for the sources of both: addresses of this host are among
    /// those that no packet from elsewhere can have.
    fn min_by_cause(self, other: Self) -> Self {
        let rank = |reason: &Option<Reason>| match reason {
            Some(Reason::RpFilter) => 0,
            Some(Reason::ImpossibleSource) => 1,
            Some(Reason::LocalSource) => 2,
            _ => 3,
        };
        std::cmp::min_by_key(self, other, rank)
    }
}

/// The longest sequence that both have in common, as pairs of positions.
fn aligned(a: &[Event], b: &[Event]) -> Vec<(usize, usize)> {
    let mut best = vec![vec![0u32; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            best[i][j] =
                if is_alike(&a[i], &b[j]) { best[i + 1][j + 1] + 1 } else { best[i + 1][j].max(best[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < a.len() && j < b.len() {
        if is_alike(&a[i], &b[j]) {
            pairs.push((i, j));
            i += 1;
            j += 1;
        } else if best[i + 1][j] >= best[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

fn is_alike(a: &Event, b: &Event) -> bool {
    match (a, b) {
        (Event::Step(a), Event::Step(b)) => Step { sometimes: b.sometimes, ..a.clone() } == *b,
        (Event::Route(a), Event::Route(b)) => (a.pass, a.after) == (b.pass, b.after),
        _ => false,
    }
}

fn common(a: &[Event], b: &[Event]) -> Vec<Event> {
    aligned(a, b).into_iter().map(|(i, _)| a[i].clone()).collect()
}

/// Whether a stretch of events begins at an earlier rule of the same chain than another.
fn is_earlier(a: &[Event], b: &[Event]) -> bool {
    let rule = |events: &[Event]| match events.first() {
        Some(Event::Step(Step { at: StepAt::Rule(rule), .. })) => Some(*rule),
        _ => None,
    };
    matches!((rule(a), rule(b)), (Some(a), Some(b)) if a.chain == b.chain && a.index < b.index)
}

/// The events of both in one sequence; those that only one has are met by some packets only.
pub(in crate::walk) fn woven(a: &[Event], b: &[Event]) -> Vec<Event> {
    let only_some = |event: &Event| match event {
        Event::Step(step) => Event::Step(Step { sometimes: true, ..step.clone() }),
        Event::Route(_) => event.clone(),
    };
    let mut events = Vec::new();
    let (mut i, mut j) = (0, 0);
    for (x, y) in aligned(a, b).into_iter().chain([(a.len(), b.len())]) {
        let (ours, theirs) = (&a[i..x], &b[j..y]);
        let (first, second) = if is_earlier(theirs, ours) { (theirs, ours) } else { (ours, theirs) };
        events.extend(first.iter().chain(second).map(only_some));
        if let (Some(ours), Some(theirs)) = (a.get(x), b.get(y)) {
            let sometimes = matches!(theirs, Event::Step(step) if step.sometimes);
            events.push(if sometimes { only_some(ours) } else { ours.clone() });
        }
        (i, j) = (x + 1, y + 1);
    }
    events
}
