//! What is replaced of tables, and of native rules, sets and objects.

use std::collections::HashMap;

use super::iptables::{interface, matched, target};
use super::labels::Kind;
use super::registers::{self, Parts, Registers, SetKind, Sort, layout};
use super::{Stage, Words};
use crate::host::names::Name;
use crate::host::nft::{
    CatchAll, ChainDetails, CtHelper, Details, Element, ElementData, ElementDetails, Expression, Flowtable, Geneve,
    Log, Object, ObjectBody, Particulars, PayloadBase, Register, Rule, Set, Tunnel, TunnelOptions, Undecoded,
};
use crate::host::observation::{ElementId, Observations};
use crate::host::ruleset::{Chain, Family, Table};

/// A table but for its rules. `index`: where it stands.
pub(super) fn table(words: &mut Words, index: u32, table: &mut Table, observations: &mut Observations) {
    let Table { family: _, name, backend: _, chains, sets, particulars } = table;
    words.label(Kind::Table, name);
    for Chain { name, base: _, rules: _, details } in chains {
        words.label(Kind::Chain, name);
        let ChainDetails { handle: _, comment, devices, flags: _ } = details;
        comment.iter_mut().for_each(|text| words.label(Kind::Comment, text));
        devices.iter_mut().for_each(|device| interface(words, device));
    }
    for (at, set) in (0..).zip(sets) {
        self::set(words, set);
        sort(words, set, ElementId { table: index, set: at, element: None }, observations);
    }
    let Particulars { handle: _, flags: _, owner: _, comment, objects, flowtables, untold } = particulars;
    comment.iter_mut().for_each(|text| words.label(Kind::Comment, text));
    objects.iter_mut().for_each(|object| self::object(words, object));
    for Flowtable { name, handle: _, hook: _, priority: _, devices, flags: _ } in flowtables {
        words.label(Kind::Object, name);
        devices.iter_mut().for_each(|device| interface(words, device));
    }
    untold.iter_mut().for_each(|text| words.label(Kind::Word, text));
}

/// What the keys and values of each set of a table are, by its name.
pub(super) fn kinds(table: &Table) -> HashMap<Name, SetKind> {
    let kind = |set: &Set| {
        let keys = layout(set.key_type, set.key_length as usize);
        let values = set.data_type.and_then(|kind| layout(kind, set.data_length as usize));
        (set.name.clone(), SetKind { keys, values })
    };
    table.sets.iter().map(kind).collect()
}

fn set(words: &mut Words, set: &mut Set) {
    let Set {
        name,
        flags: _,
        key_type,
        key_length,
        data_type,
        data_length,
        parts: _,
        elements,
        catch_all,
        counted,
        details,
    } = set;
    words.label(Kind::Set, name);
    let Details { comment, data_interval, expressions, .. } = details;
    comment.iter_mut().for_each(|text| words.label(Kind::Comment, text));
    expressions.iter_mut().for_each(|one| plain(words, one));
    // A range has its last value behind its first one.
    let times = if *data_interval { 2 } else { 1 };
    let keys = layout(*key_type, *key_length as usize);
    let values = data_type.and_then(|kind| layout(kind, *data_length as usize / times));
    let mut all = |elements: &mut [Element], catch_all: Option<&mut CatchAll>| {
        for Element { first, last, data, details } in elements {
            between(words, first, last, keys.as_ref());
            given(words, data, values.as_ref(), times);
            told(words, details);
        }
        if let Some(CatchAll { data, details }) = catch_all {
            given(words, data, values.as_ref(), times);
            told(words, details);
        }
    };
    all(elements, catch_all.as_deref_mut());
    if let Some(contents) = counted.as_mut().and_then(|counted| counted.contents.get_mut()) {
        all(&mut contents.elements, contents.catch_all.as_deref_mut());
    }
}

/// Bytes of which nobody knows what they are.
fn empty(words: &Words, data: &mut [u8]) {
    if words.stage == Stage::Replace {
        data.fill(0);
    }
}

/// What lies between two keys or values.
fn between(words: &mut Words, first: &mut [u8], last: &mut [u8], parts: Option<&Parts>) {
    let Some(parts) = parts else {
        empty(words, first);
        return empty(words, last);
    };
    for (at, length, sort) in parts {
        if let (Some(first), Some(last)) = (first.get_mut(*at..at + length), last.get_mut(*at..at + length)) {
            registers::range(words, *sort, first, last);
        }
    }
}

/// What a map gives: a value, or two that are the ends of a range.
fn given(words: &mut Words, data: &mut Option<ElementData>, parts: Option<&Parts>, times: usize) {
    match data {
        Some(ElementData::Value(data)) if times == 2 => {
            let (first, last) = data.split_at_mut(data.len() / 2);
            between(words, first, last, parts);
        }
        Some(ElementData::Value(data)) => {
            let mut last = data.clone();
            between(words, data, &mut last, parts);
        }
        Some(ElementData::Object(name)) => words.label(Kind::Object, name),
        Some(ElementData::Verdict(_)) | None => {}
    }
}

fn told(words: &mut Words, details: &mut Option<Box<ElementDetails>>) {
    if let Some(ElementDetails { comment, timeout: _, expressions }) = details.as_deref_mut() {
        comment.iter_mut().for_each(|text| words.label(Kind::Comment, text));
        expressions.iter_mut().for_each(|one| plain(words, one));
    }
}

/// Puts elements into the order of their keys again; what was seen of each goes with it.
fn sort(words: &Words, set: &mut Set, id: ElementId, observations: &mut Observations) {
    let in_order = |elements: &[Element]| elements.is_sorted_by(|one, other| one.first <= other.first);
    if words.stage == Stage::Gather || !set.parts.is_empty() || in_order(&set.elements) {
        return;
    }
    let at = |place: usize| ElementId { element: Some(place as u32), ..id };
    let seen: Vec<_> = (0..set.elements.len()).map(|place| observations.elements.remove(&at(place))).collect();
    let mut all: Vec<_> = std::mem::take(&mut set.elements).into_iter().zip(seen).collect();
    all.sort_by(|one, other| one.0.first.cmp(&other.0.first));
    for (place, (element, seen)) in all.into_iter().enumerate() {
        set.elements.push(element);
        seen.into_iter().for_each(|seen| _ = observations.elements.insert(at(place), seen));
    }
}

fn object(words: &mut Words, object: &mut Object) {
    let Object { name, handle: _, comment, body } = object;
    words.label(Kind::Object, name);
    comment.iter_mut().for_each(|text| words.label(Kind::Comment, text));
    match body {
        ObjectBody::CtHelper(CtHelper { helper, family: _, protocol: _ }) => words.label(Kind::Thing, helper),
        ObjectBody::Tunnel(tunnel) => {
            let Tunnel { addresses, options, .. } = &mut **tunnel;
            if let Some((source, destination)) = addresses {
                words.address(source);
                words.address(destination);
            }
            if let TunnelOptions::Geneve(options) = options {
                for Geneve { class: _, kind: _, data } in options {
                    empty(words, data);
                }
            }
        }
        ObjectBody::Secmark { context } => words.label(Kind::Thing, context),
        ObjectBody::Undecoded(_, data) => empty(words, data),
        ObjectBody::Counter
        | ObjectBody::Quota { .. }
        | ObjectBody::Limit(_)
        | ObjectBody::CtTimeout(_)
        | ObjectBody::CtExpectation(_)
        | ObjectBody::Synproxy(_) => {}
    }
}

/// A rule of a table of this family, with these sets.
pub(super) fn rule(words: &mut Words, family: Family, kinds: &HashMap<Name, SetKind>, rule: &mut Rule) {
    let Rule { expressions, comment } = rule;
    comment.iter_mut().for_each(|text| words.label(Kind::Comment, text));
    for used in uses(expressions, kinds) {
        constants(words, expressions, used);
    }
    let mut registers = Registers::new(family);
    for one in expressions.iter_mut() {
        registers.load(one, kinds);
        match &mut *one {
            Expression::Compare { from, op: _, data } => registers.compared(words, *from, data),
            Expression::Range { from, not: _, ends } => registers.between(words, *from, ends),
            other => plain(words, other),
        }
        registers.learn(one);
    }
}

/// Constants that are an address, or the ends of a range of them: the expressions that put them into registers.
#[derive(Debug, Clone, Copy)]
struct Used {
    first: usize,
    last: usize,
    sort: Sort,
}

/// Which constants are used as addresses.
fn uses(expressions: &[Expression], kinds: &HashMap<Name, SetKind>) -> Vec<Used> {
    let mut found: Vec<Used> = Vec::new();
    for (at, one) in expressions.iter().enumerate() {
        for (first, last, sort) in operands(one, kinds) {
            let put = |place: usize| {
                expressions[..at].iter().rposition(
                    |earlier| matches!(earlier, Expression::Immediate { to, .. } if registers::place(*to) == place),
                )
            };
            let (Some(first), Some(last)) = (put(first), put(last)) else { continue };
            let length = match &expressions[first] {
                Expression::Immediate { data, .. } => data.len(),
                _ => continue,
            };
            let sort = match (sort, length) {
                (Some(sort), _) => sort,
                (None, 16) => Sort::V6,
                (None, 4) => Sort::V4,
                (None, 6) => Sort::Mac,
                (None, _) => continue,
            };
            if sort != Sort::Number && !found.iter().any(|known| known.first == first) {
                found.push(Used { first, last, sort });
            }
        }
    }
    found
}

/// Where an expression takes addresses or names from: the first bytes of the first and the last of a range of them, and
/// what they are; `None`: what is as long as they are.
fn operands(expression: &Expression, kinds: &HashMap<Name, SetKind>) -> Vec<(usize, usize, Option<Sort>)> {
    let one = |register: Register| vec![(registers::place(register), registers::place(register), None)];
    let parts = |register: Register, parts: Option<&Parts>| {
        let place = registers::place(register);
        let part = move |(at, _, sort): &(usize, usize, Sort)| (place + at, place + at, Some(*sort));
        parts.into_iter().flatten().map(part).collect::<Vec<_>>()
    };
    match expression {
        Expression::Nat(nat) => match nat.addresses {
            Some((first, last)) => vec![(registers::place(first), registers::place(last), None)],
            None => Vec::new(),
        },
        Expression::Tproxy { address: Some(address), .. }
        | Expression::Dup { address: Some(address), .. }
        | Expression::Fwd { address: Some(address), .. } => one(*address),
        Expression::PayloadSet(set) => match set.base {
            PayloadBase::Network | PayloadBase::Link => one(set.from),
            PayloadBase::Transport | PayloadBase::Inner | PayloadBase::Tunnel => Vec::new(),
        },
        Expression::Lookup { set, from, .. } => parts(*from, kinds.get(set).and_then(|kind| kind.keys.as_ref())),
        Expression::Dynset(dynset) => {
            let kind = kinds.get(&dynset.set);
            let mut all = parts(dynset.key, kind.and_then(|kind| kind.keys.as_ref()));
            all.extend(
                dynset.data.map(|data| parts(data, kind.and_then(|kind| kind.values.as_ref()))).unwrap_or_default(),
            );
            all
        }
        _ => Vec::new(),
    }
}

/// Replaces constants that are used as addresses.
fn constants(words: &mut Words, expressions: &mut [Expression], used: Used) {
    let bytes = |expressions: &[Expression], at: usize| match &expressions[at] {
        Expression::Immediate { data, .. } => data.clone(),
        _ => Box::default(),
    };
    let (mut first, mut last) = (bytes(expressions, used.first), bytes(expressions, used.last));
    if first.len() != last.len() {
        return;
    }
    registers::range(words, used.sort, &mut first, &mut last);
    for (at, new) in [(used.first, first), (used.last, last)] {
        if let Expression::Immediate { data, .. } = &mut expressions[at] {
            *data = new;
        }
    }
}

/// What an expression names, wherever it stands.
fn plain(words: &mut Words, expression: &mut Expression) {
    match expression {
        Expression::Lookup { set, .. } | Expression::ObjectMap { set, .. } => words.label(Kind::Set, set),
        Expression::Dynset(dynset) => {
            words.label(Kind::Set, &mut dynset.set);
            dynset.expressions.iter_mut().for_each(|one| plain(words, one));
        }
        Expression::Object { name, .. } => words.label(Kind::Object, name),
        Expression::FlowOffload { table } => words.label(Kind::Object, table),
        Expression::Log(log) => {
            let Log { prefix, .. } = &mut **log;
            prefix.iter_mut().for_each(|text| words.label(Kind::Prefix, text));
        }
        Expression::Match(one) => matched(words, one),
        Expression::Target(one) => target(words, one),
        Expression::Undecoded(undecoded) => {
            let Undecoded { name, data } = &mut **undecoded;
            if words.stage == Stage::Replace && &**name == Undecoded::TEXT {
                *data = b"what is not told"[..].into();
            } else {
                empty(words, data);
            }
        }
        Expression::Payload { .. }
        | Expression::PayloadSet(_)
        | Expression::Meta { .. }
        | Expression::MetaSet { .. }
        | Expression::Ct { .. }
        | Expression::CtSet { .. }
        | Expression::Fib { .. }
        | Expression::Exthdr { .. }
        | Expression::ExthdrSet { .. }
        | Expression::ExthdrReset { .. }
        | Expression::Socket { .. }
        | Expression::Rt { .. }
        | Expression::Osf { .. }
        | Expression::Xfrm { .. }
        | Expression::Tunnel { .. }
        | Expression::Inner(_)
        | Expression::Numgen { .. }
        | Expression::Hash(_)
        | Expression::Immediate { .. }
        | Expression::Verdict(_)
        | Expression::Compare { .. }
        | Expression::Range { .. }
        | Expression::Bitwise { .. }
        | Expression::Shift { .. }
        | Expression::Boolean(_)
        | Expression::Byteorder { .. }
        | Expression::Counter
        | Expression::Limit(_)
        | Expression::Connlimit { .. }
        | Expression::Quota { .. }
        | Expression::Last
        | Expression::Notrack
        | Expression::Nat(_)
        | Expression::Masquerade { .. }
        | Expression::Redirect { .. }
        | Expression::Tproxy { .. }
        | Expression::Dup { .. }
        | Expression::Fwd { .. }
        | Expression::Queue { .. }
        | Expression::Synproxy(_)
        | Expression::Reject { .. } => {}
    }
}
