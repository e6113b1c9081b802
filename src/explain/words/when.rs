//! Under which conditions outcomes come about, in as few words as say it exactly.
//!
//! The walk tells each outcome's conditions as the rules split them. Here those of several outcomes are joined, what follows is
//! left out, and what is left is told by what it is, by what it is not, or by what is an exception of it: whichever is shortest.

use super::conditions::{self, VALUES};
use super::phrase::{Phrase, list, say};
use crate::explain::packets::{Axis, Part, Told, left_of, told};
use crate::host::IpFamily;
use crate::walk::names::cover;
use crate::walk::query::number;
use crate::walk::{Assumed, Assumption, Condition, Field, Op, Outcome, Query, ValueSet, Values, addresses};

/// What conditions speak of.
#[derive(Debug, Clone, PartialEq)]
enum Thing<'a> {
    Field(Field),
    /// The devices that the packet leaves by.
    Leaves,
    /// What is taken to hold or not to hold.
    Assumed(&'a Assumption),
}

/// Conditions in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    /// Alternatives, each with all that must hold. None, or one without conditions: always.
    any: Vec<Vec<String>>,
    /// Which of them are not meant all the same: alternatives too.
    unless: Vec<Vec<String>>,
}

impl When {
    /// As part of a sentence; empty where it is always so.
    pub fn sentence(&self) -> String {
        if self.any.iter().any(Vec::is_empty) && self.unless.is_empty() {
            return String::new();
        }
        let any = alternatives(&self.any);
        match (self.unless.is_empty(), any.is_empty()) {
            (true, _) => any,
            (false, true) => say(Phrase::NotIf, &[("unless", &alternatives(&self.unless))]),
            (false, false) => say(Phrase::Unless, &[("all", &any), ("unless", &alternatives(&self.unless))]),
        }
    }

    /// The alternatives, and the exceptions, each in words of its own; nothing where it is always so.
    pub fn lines(&self) -> (Vec<String>, Vec<String>) {
        let told = |all: &[Vec<String>]| all.iter().map(|all| joined(all)).collect::<Vec<_>>();
        let is_always = self.any.iter().any(Vec::is_empty);
        (if is_always { Vec::new() } else { told(&self.any) }, told(&self.unless))
    }
}

/// Parts that read alike are told once: of a statement that the kernel asks in two.
fn joined(all: &[String]) -> String {
    let mut all = all.to_vec();
    all.dedup();
    list(Phrase::And, &all, usize::MAX - 1)
}

/// `a or b`: what is made of parts stands in brackets.
fn alternatives(all: &[Vec<String>]) -> String {
    let bracketed = |one: &Vec<String>| match all.len() > 1 && one.len() > 1 {
        true => format!("({})", joined(one)),
        false => joined(one),
    };
    list(Phrase::Or, &all.iter().map(bracketed).collect::<Vec<_>>(), VALUES)
}

/// What the conditions of some outcomes of a walk speak of.
pub(super) struct Map<'a> {
    family: IpFamily,
    things: Vec<Thing<'a>>,
    domains: Vec<ValueSet>,
    /// The names that are told of a thing, by number; the number after them stands for all others.
    names: Vec<Vec<String>>,
    /// Sets with names of their own.
    sets: Vec<(Axis, String, ValueSet)>,
    /// Packets of which it does not matter what is said.
    free: Vec<Part>,
    /// Whether nothing was said of a thing before.
    open: Vec<bool>,
    /// Says what is assumed.
    clause: &'a dyn Fn(&Assumption) -> String,
}

impl<'a> Map<'a> {
    /// What outcomes speak of. `disputed` tells the assumptions that are conditions too.
    pub(super) fn of(
        query: &Query,
        outcomes: impl Iterator<Item = &'a Outcome>,
        disputed: impl Fn(&Assumption) -> bool,
        clause: &'a dyn Fn(&Assumption) -> String,
    ) -> Map<'a> {
        let mut map = Map {
            family: query.family,
            things: Vec::new(),
            domains: Vec::new(),
            names: Vec::new(),
            sets: Vec::new(),
            free: Vec::new(),
            open: Vec::new(),
            clause,
        };
        let outcomes: Vec<&Outcome> = outcomes.collect();
        let conditions = || outcomes.iter().flat_map(|outcome| outcome.when.iter().flatten());
        let spoken_of = Field::ALL.into_iter().filter(|field| conditions().any(|one| one.field == *field));
        for field in spoken_of {
            map.axis(Thing::Field(field));
        }
        for outcome in &outcomes {
            for condition in outcome.when.iter().flatten() {
                let axis = map.axis(Thing::Field(condition.field));
                map.learn(axis, &condition.values);
            }
            for assumption in &outcome.assumed {
                if let Assumed::LeavesBy(devices) = &assumption.what {
                    let axis = map.axis(Thing::Leaves);
                    devices.iter().for_each(|name| map.name(axis, name));
                } else if disputed(assumption) {
                    map.axis(Thing::Assumed(assumption));
                }
            }
        }
        map.names.iter_mut().for_each(|names| names.sort());
        map.domains = map.things.iter().enumerate().map(|(axis, thing)| map.domain(query, axis, thing)).collect();
        let is_open = |thing: &Thing<'_>| !matches!(thing, Thing::Field(field) if query.fields.contains_key(field));
        map.open = map.things.iter().map(is_open).collect();
        // By which devices it may leave at all is told by what is left of it.
        if let Some(axis) = map.things.iter().position(|thing| *thing == Thing::Leaves) {
            let all = outcomes.iter().flat_map(|outcome| map.parts(outcome));
            let left: Option<Vec<ValueSet>> = all.map(|part| part.of(axis).cloned()).collect();
            let left = left.map(|sets| sets.iter().fold(ValueSet::empty(), |all, set| all.or(set)));
            map.domains[axis] = left.filter(|set| !set.is_empty()).unwrap_or(map.domains[axis].clone());
        }
        map
    }

    /// The packets that are meant are among those of an outcome.
    pub(super) fn within(mut self, outcome: &Outcome) -> Map<'a> {
        let [part] = &self.parts(outcome)[..] else { return self };
        for (axis, values) in part.said() {
            let narrower = self.domains[axis].and(values);
            if !narrower.is_empty() {
                self.open[axis] &= narrower == self.domains[axis];
                self.domains[axis] = narrower;
            }
        }
        self
    }

    /// It does not matter what is said of packets that are of none of these outcomes, or have other sources.
    pub(super) fn only(mut self, outcomes: &[&Outcome], sources: Option<&ValueSet>) -> Map<'a> {
        let parts: Vec<Part> = outcomes.iter().flat_map(|outcome| self.parts(outcome)).collect();
        self.free = left_of(&Part::default(), &parts, &self.domains).unwrap_or_default();
        let src = self.things.iter().position(|thing| *thing == Thing::Field(Field::Src));
        if let (Some(axis), Some(sources)) = (src, sources) {
            let mut others = Part::default();
            others.narrow(axis, &self.domains[axis].minus(sources));
            self.free.push(others);
        }
        self
    }

    fn axis(&mut self, thing: Thing<'a>) -> Axis {
        let same = |known: &Thing<'_>| match (known, &thing) {
            (Thing::Assumed(a), Thing::Assumed(b)) => (a.namespace, &a.what) == (b.namespace, &b.what),
            (known, thing) => known == thing,
        };
        if let Some(axis) = self.things.iter().position(same) {
            return axis;
        }
        self.things.push(thing);
        self.names.push(Vec::new());
        self.things.len() - 1
    }

    fn learn(&mut self, axis: Axis, values: &[Values]) {
        for value in values {
            match value {
                Values::Name(name) => self.name(axis, name),
                Values::Set(name, set) => {
                    if !self.sets.iter().any(|(at, known, _)| *at == axis && known == name) {
                        self.sets.push((axis, name.clone(), set.clone()));
                    }
                }
                Values::Net(_) | Values::Addresses(..) | Values::Range(..) => {}
            }
        }
    }

    fn name(&mut self, axis: Axis, name: &str) {
        if !self.names[axis].iter().any(|known| known == name) {
            self.names[axis].push(name.to_owned());
        }
    }

    fn domain(&self, query: &Query, axis: Axis, thing: &Thing<'_>) -> ValueSet {
        match thing {
            Thing::Field(_) | Thing::Leaves if !self.names[axis].is_empty() => {
                ValueSet::range(0, self.names[axis].len() as u128)
            }
            Thing::Field(field) => query.values(*field),
            Thing::Leaves => ValueSet::one(0),
            Thing::Assumed(_) => ValueSet::range(0, 1),
        }
    }

    /// The packets of an outcome.
    pub(super) fn parts(&self, outcome: &Outcome) -> Vec<Part> {
        let always = [Vec::new()];
        let when = if outcome.when.is_empty() { &always[..] } else { &outcome.when };
        when.iter().map(|conditions| self.part(conditions, outcome)).collect()
    }

    fn part(&self, conditions: &[Condition], outcome: &Outcome) -> Part {
        let mut part = Part::default();
        for condition in conditions {
            if let Some(axis) = self.things.iter().position(|thing| *thing == Thing::Field(condition.field)) {
                let values = self.set(axis, &condition.values);
                let not = condition.op == Op::NotIn;
                part.narrow(axis, &if not { self.domains[axis].minus(&values) } else { values });
            }
        }
        for (axis, thing) in self.things.iter().enumerate() {
            let about = |one: &&Assumption| match (thing, &one.what) {
                (Thing::Assumed(known), what) => known.namespace == one.namespace && known.what == *what,
                (Thing::Leaves, Assumed::LeavesBy(_)) => true,
                (Thing::Leaves | Thing::Field(_), _) => false,
            };
            let values = |one: &Assumption| match &one.what {
                Assumed::LeavesBy(names) => {
                    let names: Vec<Values> = names.iter().cloned().map(Values::Name).collect();
                    let values = self.set(axis, &names);
                    if one.holds { values } else { self.domains[axis].minus(&values) }
                }
                _ => ValueSet::one(u128::from(one.holds)),
            };
            // What is taken both ways on one way tells nothing.
            let said: Vec<ValueSet> = outcome.assumed.iter().filter(about).map(values).collect();
            if let [first, rest @ ..] = &said[..]
                && rest.iter().all(|other| other == first)
            {
                part.narrow(axis, first);
            }
        }
        part
    }

    fn set(&self, axis: Axis, values: &[Values]) -> ValueSet {
        let names = &self.names[axis];
        let ranges = values.iter().flat_map(|value| match value {
            Values::Net(net) => vec![(number(net.network()), number(net.broadcast()))],
            Values::Addresses(first, last) => vec![(number(*first), number(*last))],
            Values::Range(first, last) => vec![((*first).into(), (*last).into())],
            Values::Set(_, set) => set.ranges().to_vec(),
            Values::Name(name) => {
                let start = name.strip_suffix('+').filter(|start| !start.is_empty());
                let is_meant = |known: &String| known == name || start.is_some_and(|start| known.starts_with(start));
                let meant = names.iter().enumerate().filter(|(_, known)| is_meant(known));
                meant.map(|(at, _)| (at as u128, at as u128)).collect()
            }
        });
        ValueSet::from_ranges(ranges)
    }

    /// The packets of several outcomes, in words.
    pub(super) fn told(&self, outcomes: &[&Outcome]) -> When {
        let parts = outcomes.iter().flat_map(|outcome| self.parts(outcome)).collect();
        let cost = |axis: Axis, values: &ValueSet, domain: &ValueSet| self.best(axis, values, domain).cost;
        let Told { any, unless, within } = told(parts, &self.free, &self.domains, &cost);
        When {
            any: any.iter().map(|part| self.words(part, &self.domains)).collect(),
            unless: unless.iter().map(|part| self.words(part, &within)).collect(),
        }
    }

    fn words(&self, part: &Part, domains: &[ValueSet]) -> Vec<String> {
        part.said().map(|(axis, values)| self.best(axis, values, &domains[axis]).words(self, axis)).collect()
    }

    /// The shortest way to say that a thing has one of these values, of those it may have.
    fn best(&self, axis: Axis, values: &ValueSet, domain: &ValueSet) -> Saying {
        let others = domain.minus(values);
        match self.things[axis] {
            Thing::Assumed(_) => {
                Saying { not: values.only() == Some(0), values: Vec::new(), except: Vec::new(), cost: 4 }
            }
            Thing::Field(_) | Thing::Leaves if !self.names[axis].is_empty() => self.best_names(axis, values, &others),
            Thing::Field(field) => self.best_numbers(axis, field, [values, &others, domain]),
            Thing::Leaves => Saying { not: false, values: Vec::new(), except: Vec::new(), cost: 0 },
        }
    }

    fn best_names(&self, axis: Axis, values: &ValueSet, others: &ValueSet) -> Saying {
        let names = &self.names[axis];
        let of = |set: &ValueSet| -> Vec<String> {
            names.iter().enumerate().filter(|(at, _)| set.contains(*at as u128)).map(|(_, name)| name.clone()).collect()
        };
        // What has no name is told by all that have one.
        let open = names.len() as u128;
        let not = values.contains(open) || (!others.contains(open) && others.size() < values.size());
        let (meant, left) = if not { (others, values) } else { (values, others) };
        let (told, except) = cover(&of(meant), &of(left));
        let cost = 1 + told.len() + 2 * except.len();
        let as_values = |names: Vec<String>| names.into_iter().map(Values::Name).collect();
        Saying { not, values: as_values(told), except: as_values(except), cost }
    }

    fn best_numbers(&self, axis: Axis, field: Field, [values, others, domain]: [&ValueSet; 3]) -> Saying {
        let named = |set: &ValueSet| {
            let found = self.sets.iter().find(|(at, _, known)| *at == axis && known.and(domain) == *set);
            found.map(|(_, name, known)| vec![Values::Set(name.clone(), known.clone())])
        };
        let plain = |not: bool, set: &ValueSet| {
            let values = named(set).unwrap_or_else(|| self.values(field, set));
            let cost = 1 + values.iter().map(price).sum::<usize>();
            Saying { not, values, except: Vec::new(), cost }
        };
        let mut best = plain(false, values);
        // What is not meant is harder to see where not everything is.
        let mut outside = plain(true, others);
        outside.cost += if self.open[axis] { 0 } else { 2 };
        let is_less = outside.cost == best.cost && others.size() < values.size();
        if outside.cost < best.cost || is_less {
            best = outside;
        }
        if field.is_address()
            && let Some(around) = self.around(field, [values, domain]).filter(|around| around.cost < best.cost)
        {
            best = around;
        }
        if let Some(masked) = masked(field, [values, domain]).filter(|masked| masked.cost < best.cost) {
            best = masked;
        }
        best
    }

    /// One prefix, and what of it is not meant.
    fn around(&self, field: Field, [values, domain]: [&ValueSet; 2]) -> Option<Saying> {
        let (first, last) = (values.first()?, values.ranges().last()?.1);
        let free = 128 - (first ^ last).leading_zeros();
        let low = u128::MAX.checked_shr(128 - free).unwrap_or(0);
        let whole = ValueSet::range(first & !low, first | low);
        let left = whole.and(domain).minus(values);
        if free >= u32::from(self.family.bits()) || left.is_empty() {
            return None;
        }
        let (told, except) = (self.values(field, &whole), self.values(field, &left));
        let cost = 2 + told.iter().chain(&except).map(price).sum::<usize>();
        Some(Saying { not: false, values: told, except, cost })
    }

    fn values(&self, field: Field, set: &ValueSet) -> Vec<Values> {
        let ranges = set.ranges().iter();
        match field.is_address() {
            true => ranges.flat_map(|(first, last)| addresses(self.family, *first, *last)).collect(),
            false => ranges.map(|(first, last)| Values::Range(*first as u64, *last as u64)).collect(),
        }
    }
}

/// What it takes to read a value: two ends are more than one.
fn price(value: &Values) -> usize {
    match value {
        Values::Addresses(..) => 2,
        Values::Net(_) | Values::Range(..) | Values::Name(_) | Values::Set(..) => 1,
    }
}

/// What a value and a mask say, where only some bits are asked for.
fn masked(field: Field, [values, domain]: [&ValueSet; 2]) -> Option<Saying> {
    let first = values.first().filter(|_| field == Field::Mark && values.ranges().len() > VALUES)?;
    let same = values.ranges().iter().fold(u128::MAX, |same, (low, high)| {
        // All bits below the highest that differs change within a range.
        let within = low ^ high;
        let changing = u128::MAX.checked_shr(within.leading_zeros()).unwrap_or(0);
        same & !(first ^ low) & !changing
    });
    let told = domain.ranges().iter().fold(0, |all, (low, high)| all | (low ^ high) | high);
    let mask = same & u128::MAX.checked_shr(told.leading_zeros()).unwrap_or(0);
    let has = |value: u128| value & mask == first & mask;
    let fitting = domain.size() <= 65536.0
        && domain
            .ranges()
            .iter()
            .flat_map(|(low, high)| *low..=*high)
            .all(|value| has(value) == values.contains(value));
    let text = format!("{:#x}/{mask:#x}", first & mask);
    fitting.then(|| Saying { not: false, values: vec![Values::Name(text)], except: Vec::new(), cost: 2 })
}

/// A way to say which values a thing has.
struct Saying {
    not: bool,
    values: Vec<Values>,
    except: Vec<Values>,
    cost: usize,
}

impl Saying {
    fn words(self, map: &Map<'_>, axis: Axis) -> String {
        let op = if self.not { Op::NotIn } else { Op::In };
        match &map.things[axis] {
            Thing::Assumed(assumption) => (map.clause)(&Assumption { holds: !self.not, ..(*assumption).clone() }),
            Thing::Leaves => {
                let names = self.values.iter().filter_map(|value| match value {
                    Values::Name(name) => Some(name.clone()),
                    _ => None,
                });
                let phrase = if self.not { Phrase::LeavesNotBy } else { Phrase::LeavesBy };
                say(phrase, &[("devices", &list(Phrase::Or, &names.collect::<Vec<_>>(), VALUES))])
            }
            Thing::Field(field) => {
                let told = conditions::condition(&Condition { field: *field, op, values: self.values });
                if self.except.is_empty() {
                    return told;
                }
                let except = conditions::values(*field, &self.except);
                say(Phrase::Except, &[("condition", &told), ("except", &list(Phrase::And, &except, VALUES))])
            }
        }
    }
}
