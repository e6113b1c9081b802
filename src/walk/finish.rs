//! From classes that ended to outcomes: equal ends become one, fields become conditions, numbers become names.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::field::Field;
use super::memory::{Class, Kept, Memory};
use super::outcome::{
    After, Assumed, Assumption, Condition, Endpoints, Event, Fate, FateKind, Op, Outcome, Pass, Reason, RouteDecision,
    RouteEvent, Step, StepAt, Values, Why,
};
use super::packet::{Device, Value};
use super::plan::Plan;
use super::plans::Planned;
use super::query::{Query, Turn, address};
use super::set::ValueSet;
use super::sockets;
use super::state::{End, Ended, First, Passing};
use super::trail::{Mark, Place};
use super::way::Decision;
use super::why;
use crate::host::IpFamily;
use crate::host::xt::CtStates;

use super::run::Run;

mod conditions;
mod merge;
mod refused;

pub use conditions::addresses;
pub(super) use merge::woven;
use refused::Refused;

/// Everything that ended alike.
struct Group {
    place: Place,
    end: End,
    assumed: Vec<Assumption>,
    passes: Vec<Passing>,
    tuple: [Value; 4],
    oif: Device,
    leaves: ValueSet,
    /// What the packets' fields may be: alternatives.
    fields: Vec<BTreeMap<Field, ValueSet>>,
    /// Its classes, as each of them went.
    classes: Vec<Class>,
    weight: f64,
    /// Which packet it is.
    turn: Turn,
    /// The ways of first packets before it, and whether each was answered.
    after: Vec<(Rc<First>, bool)>,
}

/// The outcomes of a run, likeliest first; sources that routing refuses come last, as one.
pub(super) fn outcomes<'a>(plans: Planned<'a>, query: &'a Query, run: Run) -> Vec<Outcome> {
    let plan = plans(query.namespace);
    let whole: f64 = run.ended.iter().map(|ended| ended.state.weight).sum();
    let mut groups = merge::groups(plan, query, run.ended);
    let (refused, mut others): (Vec<_>, Vec<_>) = groups.drain(..).partition(is_refused_source);
    // What is refused one way and goes on another is told with what was assumed for it.
    let goes_on = |group: &Group| !group.assumed.is_empty() && others.iter().any(|other| have_common(group, other));
    let (sometimes, refused): (Vec<_>, Vec<_>) = refused.into_iter().partition(goes_on);
    others.extend(sometimes);
    others.sort_by_key(|group| group.place);
    let kept = Arc::new(Kept { trail: run.trail, sights: run.sights });
    let sources = Refused::new(&refused, &others);
    let teller =
        Teller { plans, plan, query, kept: &kept, refused: &sources, whole: if whole > 0.0 { whole } else { 1.0 } };
    let mut outcomes: Vec<Outcome> = others.iter().map(|group| teller.outcome(group, true)).collect();
    // Of equals the one whose rules stand first: in which order they were found hangs on how devices are called.
    outcomes.sort_by_cached_key(|outcome| {
        let way: Vec<(u32, StepAt)> = outcome.steps().map(|step| (step.pass, step.at)).collect();
        (likelier(outcome.weight), way)
    });
    let told = refused.iter().map(|group| teller.outcome(group, false)).collect();
    if let Some(mut one) = merge::into_one(told) {
        let mut fields: Vec<_> = refused.into_iter().flat_map(|group| group.fields).collect();
        merge::join_fields(query, &mut fields);
        one.when = teller.when(&fields, false);
        outcomes.push(one);
    }
    outcomes
}

/// Sorts the likelier before the less likely. Sums of the same weights in another order, as of devices with other names, are the same.
pub(super) fn likelier(weight: f64) -> Reverse<i64> {
    const DIGITS: f64 = 1e9;
    Reverse((weight.ln() * DIGITS).round() as i64)
}

/// Whether some packets are of both.
fn have_common(one: &Group, other: &Group) -> bool {
    let meet = |a: &BTreeMap<Field, ValueSet>, b: &BTreeMap<Field, ValueSet>| {
        a.iter().all(|(field, values)| b.get(field).is_none_or(|others| !values.apart(others)))
    };
    one.fields.iter().any(|a| other.fields.iter().any(|b| meet(a, b)))
}

/// Whether routing refused these packets for their source.
fn is_refused_source(group: &Group) -> bool {
    group.end.kind == FateKind::Martian
        && group.passes.iter().skip(1).all(|pass| pass.port != Device::Absent)
        && match group.end.reason {
            Some(Reason::RpFilter | Reason::LocalSource | Reason::ImpossibleSource) => true,
            // A rule may have sent it to 127/8, whatever its source.
            Some(Reason::RouteLocalnet) => {
                let to_loopback = matches!(group.tuple[2], Value::Known(0x7f00_0000..=0x7fff_ffff));
                !to_loopback || group.passes.iter().all(|pass| pass.enters[2] == group.tuple[2])
            }
            _ => false,
        }
        && group.fields.iter().all(|fields| fields.contains_key(&Field::Src))
}

/// What outcomes are told with.
struct Teller<'t, 'a> {
    plans: Planned<'a>,
    /// The plan of the namespace that was asked about.
    plan: &'a Plan<'a>,
    query: &'a Query,
    kept: &'t Arc<Kept>,
    refused: &'t Refused<'t>,
    whole: f64,
}

impl Teller<'_, '_> {
    fn outcome(&self, group: &Group, without_refused: bool) -> Outcome {
        let passes: Vec<Pass> = (1..).zip(&group.passes).map(|(number, pass)| self.pass(group, number, pass)).collect();
        let mut outcome = Outcome {
            when: self.when(&group.fields, without_refused),
            assumed: self.assumed(group),
            events: self.kept.trail.way(group.place).into_iter().map(|mark| self.event(group, mark)).collect(),
            fate: self.fate(group),
            memory: Memory::of(self.kept, &group.classes),
            passes,
            turn: group.turn,
            after: group.after.iter().map(|(first, answered)| self.after(group, first, *answered)).collect(),
            weight: group.weight / self.whole,
        };
        // Who only asks where ports lead is not told of rules that lead nowhere.
        if !self.query.stays {
            why::settle(self.plans, self.query, &mut outcome);
        }
        outcome
    }

    /// The way of a first packet, told as the group's packets had it.
    fn after(&self, group: &Group, first: &First, answered: bool) -> After {
        let of_first = Group {
            place: first.place,
            end: first.end.clone(),
            assumed: Vec::new(),
            passes: first.passes.clone(),
            tuple: first.tuple.clone(),
            oif: first.oif,
            leaves: group.leaves.clone(),
            fields: group.fields.clone(),
            classes: Vec::new(),
            weight: group.weight,
            turn: Turn::First,
            after: Vec::new(),
        };
        let passes = (1..).zip(&first.passes).map(|(number, pass)| self.pass(&of_first, number, pass));
        After {
            passes: passes.collect(),
            events: self.kept.trail.way(first.place).into_iter().map(|mark| self.event(&of_first, mark)).collect(),
            fate: self.fate(&of_first),
            answered,
        }
    }

    /// The alternatives as conditions; none where one of them is every packet of the query.
    fn when(&self, fields: &[BTreeMap<Field, ValueSet>], without_refused: bool) -> Vec<Vec<Condition>> {
        let told = fields.iter().flat_map(|fields| conditions::tellable(self.plan, self.query, fields)).map(|fields| {
            let refused = without_refused.then(|| self.refused.beside(&fields));
            conditions::of(self.plan, self.query, &fields, refused.as_ref())
        });
        let when: Vec<Vec<Condition>> = told.collect();
        if when.iter().any(Vec::is_empty) { Vec::new() } else { when }
    }

    /// The assumptions, and by which devices it leaves where they were not read.
    fn assumed(&self, group: &Group) -> Vec<Assumption> {
        let mut assumed = group.assumed.clone();
        let all = self.plan.devices.all_but_loopback();
        if !group.leaves.is_empty() && group.leaves != all {
            let names = self.plan.devices.names(&group.leaves);
            let others = self.plan.devices.names(&all.minus(&group.leaves));
            let (names, holds) = if self.plan.devices.is_open(&group.leaves) { (others, false) } else { (names, true) };
            assumed.push(Assumption {
                namespace: self.plan.index,
                what: Assumed::LeavesBy(names),
                holds,
                why: Why::Unread,
            });
        }
        assumed
    }

    /// A value, where all of the group's packets have the same.
    fn known(&self, group: &Group, value: &Value) -> Option<u128> {
        match value {
            Value::Known(known) => Some(*known),
            Value::Entering(field) => self.field(group, *field),
            Value::Mapped { field, mask, prefix } => self.field(group, *field).map(|known| prefix | (known & mask)),
            Value::Chosen { .. } => None,
        }
    }

    fn field(&self, group: &Group, field: Field) -> Option<u128> {
        let mut values = group.fields.iter().map(|fields| fields.get(&field).and_then(ValueSet::only));
        let first = values.next()??;
        values.all(|value| value == Some(first)).then_some(first)
    }

    fn endpoints(&self, group: &Group, [src, sport, dst, dport]: &[Value; 4]) -> Endpoints {
        let addr = |value: &Value| self.known(group, value).map(|known| address(self.query.family, known));
        let has_ports = self.query.protocol.has_ports();
        let port =
            |value: &Value| self.known(group, value).filter(|_| has_ports).and_then(|known| u16::try_from(known).ok());
        Endpoints { src: addr(src), sport: port(sport), dst: addr(dst), dport: port(dport) }
    }

    /// The name of a device in a pass, by its number from 1.
    fn device(&self, group: &Group, pass: u32, device: Device) -> Option<String> {
        let number = match device {
            Device::Known(number) => number,
            Device::Entering => match (&self.query.origin, self.field(group, Field::Iif)) {
                (super::query::Origin::Device(name), _) => return Some(name.clone()),
                (_, number) => number?,
            },
            Device::Leaving => group.leaves.only()?,
            Device::Absent => return None,
        };
        self.plan_of(group, pass).devices.name(number).map(str::to_owned)
    }

    fn plan_of(&self, group: &Group, pass: u32) -> &Plan<'_> {
        let at = (pass as usize).checked_sub(1).and_then(|at| group.passes.get(at));
        at.map_or(self.plan, |pass| (self.plans)(pass.namespace))
    }

    fn pass(&self, group: &Group, number: u32, pass: &Passing) -> Pass {
        Pass {
            number,
            namespace: pass.namespace,
            iif: self.device(group, number, pass.iif),
            oif: self.device(group, number, pass.oif),
            enters: self.endpoints(group, &pass.enters),
            leaves: pass.leaves.as_ref().map(|tuple| self.endpoints(group, tuple)),
        }
    }

    fn event(&self, group: &Group, mark: &Mark) -> Event {
        match mark {
            Mark::Step(step) => Event::Step(step.clone()),
            Mark::Route { pass, after, dst, decision } => Event::Route(RouteEvent {
                pass: *pass,
                after: *after,
                dst: self.known(group, dst).map(|known| address(self.query.family, known)),
                decision: match decision {
                    Decision::Local => RouteDecision::Local,
                    Decision::Out(way) => {
                        RouteDecision::Out { oif: self.device(group, *pass, way.oif), via: way.via.clone() }
                    }
                    Decision::Refused(reason) => RouteDecision::Refused(*reason),
                },
            }),
        }
    }

    fn fate(&self, group: &Group) -> Fate {
        let endpoints = self.endpoints(group, &group.tuple);
        let last = group.passes.len() as u32;
        let plan = self.plan_of(group, last);
        let leaves = matches!(group.end.kind, FateKind::Forwarded | FateKind::Sent | FateKind::Diverted);
        // Who asked has a socket of its own.
        let hears = group.end.kind == FateKind::Delivered && group.turn != Turn::Reply;
        let socket = hears.then(|| {
            let came_by = |pass: &Passing| if pass.port == Device::Absent { pass.iif } else { pass.port };
            let by = group.passes.last().and_then(|pass| self.device(group, last, came_by(pass)));
            let by = sockets::By::delivered(plan.namespace(), by.as_deref());
            sockets::hearing(plan.namespace(), self.query.protocol, self.query.family, &endpoints, by)
        });
        Fate {
            kind: group.end.kind,
            namespace: plan.index,
            oif: if leaves { self.device(group, last, group.oif) } else { None },
            endpoints,
            socket: group.end.socket.or(socket.flatten()),
            by: group.end.by.clone(),
            reason: group.end.reason,
        }
    }
}
