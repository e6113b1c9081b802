//! Comparisons and sets as nft writes them: `tcp dport 80`, `ip saddr 10.0.0.0/8`, `tcp flags syn / fin,syn`, `{ 80, 443 }`.
//!
//! Knows how the sides of a comparison are written. What its statement becomes is the business of `reader`.

mod contents;

use std::ops::Range;

pub use contents::Contents;

use super::effects;
use super::terms::{Side, Term, with_mask};
use super::type_of;
use super::types;
use super::values::{self, Kind};
use crate::host::nft::{
    ByteOrder, ChainRef, CompareOp, ElementData, ElementDetails, PayloadBase, Set, SetFlags, Typeof, Verdict,
};
use crate::host::{Counters, ElementId, ElementState, Link, Name, Observations, QuickMap, Table, Tally};

/// What names within a rule speak of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    /// The rule's table.
    pub table: &'a Table,
    /// The devices there are.
    pub links: &'a [Link],
    /// What was counted, where that is told.
    pub observed: Option<Observed<'a>>,
}

/// What was counted of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observed<'a> {
    pub observations: &'a Observations,
    /// The table's number.
    pub table: u32,
    /// The positions of its sets, by their names: a table may have as many sets as rules.
    pub sets: &'a QuickMap<Name, u32>,
}

impl<'a> Scope<'a> {
    /// The set or map with this name.
    pub(super) fn set(&self, name: &str) -> Option<&'a Set> {
        match self.observed {
            Some(Observed { sets, .. }) => self.table.sets.get(*sets.get(name)? as usize),
            None => self.table.set(name),
        }
    }

    /// What the elements of a set have come to.
    fn states(&self, set: &Set) -> impl Fn(Option<u32>) -> Option<&'a ElementState> + use<'a> {
        let known = self.observed.and_then(|seen| Some((seen, *seen.sets.get(&set.name)?)));
        move |element| {
            let (Observed { observations, table, .. }, set) = known?;
            observations.elements.get(&ElementId { table, set, element })
        }
    }
}

/// The comparison's sign; equality has none where it goes without saying.
fn sign(op: CompareOp, told: bool) -> &'static str {
    match op {
        CompareOp::Equal if told => "== ",
        CompareOp::Equal => "",
        CompareOp::NotEqual => "!= ",
        CompareOp::Less => "< ",
        CompareOp::LessOrEqual => "<= ",
        CompareOp::Greater => "> ",
        CompareOp::GreaterOrEqual => ">= ",
    }
}

/// A comparison with a constant: one statement, or one for each of several fields that one load spans.
pub(super) fn compare(side: &Side, op: CompareOp, data: &[u8]) -> Vec<String> {
    match side.only() {
        Some(term) => vec![one(side, term, op, data)],
        None if side.padded || op != CompareOp::Equal => {
            vec![format!("{} {}{}", side.text(), sign(op, false), key(&shapes(side), data, data))]
        }
        None => side.terms.iter().map(|term| plain(term, op, data)).collect(),
    }
}

/// A comparison of one field, whatever mask is left.
fn one(side: &Side, term: &Term, op: CompareOp, data: &[u8]) -> String {
    let equality = matches!(op, CompareOp::Equal | CompareOp::NotEqual);
    let Some(mask) = &side.mask else { return plain(term, op, data) };
    if equality && side.xor.is_none() {
        if (term.kind, op) == (Kind::Label, CompareOp::NotEqual) && data.iter().all(|byte| *byte == 0) {
            return format!("{} {}", term.text, values::value(term.kind, mask, term.host));
        }
        if let Kind::Flags(names) = term.kind
            && let Some(text) = flags(term, op, names, values::number(mask, term.host), values::number(data, term.host))
        {
            return text;
        }
        if term.kind.has_prefixes()
            && let Some(bits) = values::prefix_length(&values::network_order(mask, term.host))
        {
            return format!("{} {}{}/{bits}", term.text, sign(op, false), values::plain(term.kind, data, term.host));
        }
    }
    let value = values::value(term.kind, data, term.host);
    if let (Kind::Flags(names), None) = (term.kind, &side.xor) {
        let mask = values::flags(names, values::number(mask, term.host)).join(" | ");
        return format!("{} & {mask} {}{value}", term.text, sign(op, true));
    }
    format!("{} {}{value}", with_mask(side), sign(op, true))
}

/// Flags under a mask: any of them, none of them, or some of several.
fn flags(term: &Term, op: CompareOp, names: &[(u128, &str)], mask: u128, value: u128) -> Option<String> {
    let list = |number| values::flag_list(names, number);
    let text = &term.text;
    match (value, op) {
        (0, CompareOp::NotEqual) => Some(format!("{text} {}", list(mask))),
        (0, _) => Some(format!("{text} ! {}", list(mask))),
        _ if mask.count_ones() > 1 => Some(format!("{text} {}{} / {}", sign(op, false), list(value), list(mask))),
        _ => None,
    }
}

/// A comparison without a mask.
fn plain(term: &Term, op: CompareOp, data: &[u8]) -> String {
    let bytes = term.slice(data);
    let text = &term.text;
    if term.kind == Kind::Address && bytes.len() * 8 < term.bits {
        let mut whole = bytes.to_vec();
        whole.resize(term.bits / 8, 0);
        return format!("{text} {}{}/{}", sign(op, false), values::plain(term.kind, &whole, false), bytes.len() * 8);
    }
    match term.kind {
        Kind::Name if bytes.len() < 16 && !bytes.contains(&0) => {
            format!("{text} {}\"{}*\"", sign(op, false), values::text(&bytes))
        }
        Kind::Flags(names) => {
            let number = values::number(&bytes, term.host);
            let bits = values::flags(names, number);
            let named = bits.len() > 1 && term.field.is_none();
            let value = match (&bits[..], named) {
                ([one], _) => one.clone(),
                (_, true) => bits.join(" | "),
                (..) => format!("{number:#x}"),
            };
            format!("{text} {}{value}", sign(op, !named))
        }
        kind => format!("{text} {}{}", sign(op, false), values::value(kind, &bytes, term.host)),
    }
}

/// A comparison with a range.
pub(super) fn range(side: &Side, not: bool, first: &[u8], last: &[u8]) -> String {
    let op = if not { CompareOp::NotEqual } else { CompareOp::Equal };
    let masked = side.mask.is_some();
    let ends = match side.only() {
        Some(term) => {
            let [first, last] = [first, last].map(|end| values::end(term.kind, &term.slice(end), term.host));
            format!("{first}-{last}")
        }
        None => key(&shapes(side), first, last),
    };
    format!("{} {}{ends}", with_mask(side), sign(op, masked))
}

/// A lookup in a set, or in a map of verdicts.
pub(super) fn lookup(scope: Scope, side: &Side, set: &str, not: bool, verdicts: bool) -> String {
    let op = if not { CompareOp::NotEqual } else { CompareOp::Equal };
    let sign = if verdicts { "vmap " } else { sign(op, side.mask.is_some()) };
    format!("{} {sign}{}", with_mask(side), set_text(scope, side, set))
}

/// What a map gives for a key: `tcp dport map { 80 : 10.0.0.1 }`.
pub(super) fn map(scope: Scope, side: &Side, set: &str) -> String {
    format!("{} map {}", with_mask(side), set_text(scope, side, set))
}

/// Where a value lies within a key, and how it is written.
struct Shape<'a> {
    /// The first byte.
    at: usize,
    /// Bytes; 0: all that are left.
    bytes: usize,
    term: Term<'a>,
}

/// The parts of a key as the left side has them.
fn shapes<'a>(side: &Side<'a>) -> Vec<Shape<'a>> {
    let mut at = 0;
    side.terms
        .iter()
        .map(|term| {
            let bytes = if side.padded { (term.bit + term.bits).div_ceil(8) } else { 0 };
            let shape = Shape { at, bytes, term: term.clone() };
            at += bytes.next_multiple_of(4);
            shape
        })
        .collect()
}

/// The parts of a value of this type.
fn typed<'a>(scope: Scope<'a>, number: u32, host: bool) -> Vec<Shape<'a>> {
    let mut at = 0;
    let types = types::data_types(number).unwrap_or_default();
    let several = types.len() > 1;
    let typed = types.iter().map(|t| {
        let bits = t.bytes * 8;
        let term = Term { kind: t.kind.on(scope.links), host: t.host && host, bits, ..Term::default() };
        let shape = Shape { at, bytes: if several { t.bytes } else { 0 }, term };
        at += t.bytes.next_multiple_of(4);
        shape
    });
    typed.collect()
}

/// How the parts of a value of this type are written, and whether they lie in the order of the host.
pub(super) fn kinds<'a>(scope: Scope<'a>, number: u32) -> Vec<(Kind<'a>, bool)> {
    typed(scope, number, true).iter().map(|shape| (shape.term.kind, shape.term.host)).collect()
}

/// The parts of a value of this type, or of what it is taken from.
fn shapes_of<'a>(scope: Scope<'a>, of: Option<&Typeof>, number: u32, host: bool) -> Vec<Shape<'a>> {
    let Some(terms) = of.and_then(type_of::terms) else { return typed(scope, number, host) };
    let several = terms.len() > 1;
    let mut at = 0;
    let each = terms.into_iter().map(|term| {
        let bytes = term.bits.div_ceil(8);
        let term = Term { kind: term.kind.on(scope.links), host: term.host && host, bit: 0, ..term };
        // Bits that fill no byte lie in the low bits of one.
        let bits = bytes * 8;
        let shape = Shape { at, bytes: if several { bytes } else { 0 }, term: Term { bits, ..term } };
        at += bytes.next_multiple_of(4);
        shape
    });
    each.collect()
}

/// Numbers whose type says nothing of the order of their bytes: the set does.
fn order(shapes: &mut [Shape], order: Option<ByteOrder>) {
    if let ([one], Some(ByteOrder::Host)) = (shapes, order)
        && one.term.kind == Kind::Integer
    {
        one.term.host = true;
    }
}

/// A key, or a range of keys.
fn key(shapes: &[Shape], first: &[u8], last: &[u8]) -> String {
    let known = shapes.iter().all(|shape| shape.at + shape.bytes <= first.len().min(last.len()));
    if shapes.is_empty() || !known {
        return values::range(Kind::Hex, first, last, false);
    }
    let part = |Shape { at, bytes, term }: &Shape| {
        let end = |data: &[u8]| if *bytes == 0 { data.len() } else { at + bytes };
        let (first, last) = (term.slice(&first[*at..end(first)]), term.slice(&last[*at..end(last)]));
        values::range(term.kind, &first, &last, term.host)
    };
    match shapes {
        [one] => part(one),
        _ => shapes.iter().map(part).collect::<Vec<_>>().join(" . "),
    }
}

/// A set by its name, or what is in it where it has none.
fn set_text(scope: Scope, side: &Side, name: &str) -> String {
    let Some(set) = scope.set(name).filter(|set| set.flags.contains(SetFlags::ANONYMOUS)) else {
        return format!("@{name}");
    };
    let mut shapes = shapes(side);
    // What has a place and no name is written in hexadecimal digits in a set too.
    let nameless = |term: &Term| term.kind == Kind::Hex && term.field.is_none() && !term.text.starts_with('@');
    if side.only().is_some_and(nameless) {
        let host = !set.flags.contains(SetFlags::INTERVAL);
        let known = typed(scope, set.key_type, host);
        shapes = if known.is_empty() { shapes } else { known };
    }
    elements(scope, set, &shapes)
}

/// What is in a set: `{ 80, 443 }`.
fn elements(scope: Scope, set: &Set, shapes: &[Shape]) -> String {
    let mut each = Vec::new();
    let order = order_of(set, shapes);
    each_element(scope, set, (shapes, order.as_deref()), 0..count(set), |_, text| each.push(text));
    if each.is_empty() { "{ }".to_owned() } else { format!("{{ {} }}", each.join(", ")) }
}

/// How many elements a set has, the one that stands for all others among them.
pub(super) fn count(set: &Set) -> usize {
    set.elements.len() + usize::from(set.catch_all.is_some())
}

/// The elements of a named set or map, by the type that it has.
pub(super) fn named_elements(scope: Scope, set: &Set) -> Vec<String> {
    let mut each = Vec::new();
    let order = named_order(scope, set);
    some_named_elements(scope, set, order.as_deref(), 0..count(set), |_, text| each.push(text));
    each
}

/// Some of the elements of a named set or map, each with its place in this order.
pub(super) fn some_named_elements(
    scope: Scope,
    set: &Set,
    order: Option<&[u32]>,
    some: Range<usize>,
    each: impl FnMut(usize, String),
) {
    each_element(scope, set, (&named_shapes(scope, set), order), some, each);
}

/// nft's order of the elements of a named set or map, where it is not that in which they stand.
pub(super) fn named_order(scope: Scope, set: &Set) -> Option<Vec<u32>> {
    order_of(set, &named_shapes(scope, set))
}

fn named_shapes<'a>(scope: Scope<'a>, set: &'a Set) -> Vec<Shape<'a>> {
    let points = !set.flags.contains(SetFlags::INTERVAL);
    let mut shapes = shapes_of(scope, set.details.key_typeof.as_deref(), set.key_type, points);
    if points {
        order(&mut shapes, set.details.key_order);
    }
    shapes
}

fn order_of(set: &Set, shapes: &[Shape]) -> Option<Vec<u32>> {
    let mut sorted: Vec<u32> = Vec::new();
    let key = |at: &u32| &*set.elements[*at as usize].first;
    match shapes {
        _ if set.flags.contains(SetFlags::INTERVAL) => return None,
        // Names are numbers in host order to nft.
        [one] if one.term.host || one.term.kind == Kind::Name => {
            sorted.extend(0..set.elements.len() as u32);
            sorted.sort_by(|a, b| key(a).iter().rev().cmp(key(b).iter().rev()));
        }
        [] | [_] => return None,
        _ => {
            sorted.extend(0..set.elements.len() as u32);
            sorted.sort_by_cached_key(|at| concatenated(shapes, key(at)));
        }
    }
    Some(sorted)
}

/// Elements in this order, each with what a map gives for it; the one that stands for all others is the last.
fn each_element(
    scope: Scope,
    set: &Set,
    (shapes, order): (&[Shape], Option<&[u32]>),
    some: Range<usize>,
    mut each: impl FnMut(usize, String),
) {
    let state = scope.states(set);
    for place in some {
        let at = order.map_or(Some(place), |order| order.get(place).map(|at| *at as usize));
        let element = at.and_then(|at| Some((at as u32, set.elements.get(at)?)));
        let (mut text, at, details, data) = match (element, &set.catch_all) {
            (Some((at, element)), _) => {
                (key(shapes, &element.first, &element.last), Some(at), &element.details, &element.data)
            }
            (None, Some(all)) => ("*".to_owned(), None, &all.details, &all.data),
            (None, None) => continue,
        };
        push_beside(&mut text, details.as_deref(), state(at));
        push_data(&mut text, scope, set, data.as_ref());
        each(place, text);
    }
}

/// nft sorts concatenations by their parts without padding, from the last byte to the first (`concat_expr_msort_value`).
fn concatenated(shapes: &[Shape], data: &[u8]) -> Vec<u8> {
    let parts = shapes.iter().filter_map(|shape| data.get(shape.at..shape.at + shape.bytes));
    let packed: Vec<u8> = parts.flatten().copied().collect();
    packed.into_iter().rev().collect()
}

/// What an element holds, its times and its comment.
fn push_beside(out: &mut String, details: Option<&ElementDetails>, state: Option<&ElementState>) {
    for (at, held) in details.iter().flat_map(|details| details.expressions.iter().enumerate()) {
        let tally = state.and_then(|state| state.tallies.get(at).copied().flatten());
        let zero = Tally::Counter(Counters::default());
        out.push(' ');
        out.push_str(&effects::stateful(held, Some(tally.unwrap_or(zero))));
    }
    let times =
        [("timeout", details.and_then(|details| details.timeout)), ("expires", state.and_then(|state| state.expires))];
    // An element that stays for ever in a set whose elements do not: nft says nothing of it.
    for (word, time) in times.into_iter().filter_map(|(word, time)| Some((word, time?))).filter(|(_, time)| *time > 0) {
        out.push_str(&format!(" {word} {}", values::time(time.into())));
    }
    if let Some(comment) = details.and_then(|details| details.comment.as_ref()) {
        out.push_str(&format!(" comment \"{comment}\""));
    }
}

/// Whether what a map gives are ranges, which fill two values; each part of several is padded to four bytes.
pub(super) fn gives_ranges(set: &Set) -> bool {
    let lengths = types::data_types(set.data_type.unwrap_or_default()).unwrap_or_default().into_iter();
    let one = match &lengths.map(|data| data.bytes).collect::<Vec<_>>()[..] {
        [one] => *one,
        several => several.iter().map(|bytes| bytes.next_multiple_of(4)).sum(),
    };
    set.details.data_interval || one > 0 && set.data_length as usize == 2 * one
}

fn push_data(out: &mut String, scope: Scope, set: &Set, data: Option<&ElementData>) {
    let text = match data {
        None => return,
        Some(ElementData::Verdict(given)) => verdict(scope.table, given),
        Some(ElementData::Object(name)) => format!("\"{name}\""),
        Some(ElementData::Value(bytes)) => {
            let of = set.details.data_typeof.as_deref();
            let mut shapes = shapes_of(scope, of, set.data_type.unwrap_or_default(), true);
            order(&mut shapes, set.details.data_order);
            let one: usize = shapes.iter().map(|shape| (shape.term.bits / 8).next_multiple_of(4)).sum();
            // Ranges: the first values, and then the last ones.
            let (first, last) = match &shapes[..] {
                [alone] if alone.term.bits > 0 && bytes.len() == alone.term.bits / 4 => bytes.split_at(bytes.len() / 2),
                [_, _, ..] if bytes.len() == 2 * one => bytes.split_at(one),
                _ => (&bytes[..], &bytes[..]),
            };
            key(&shapes, first, last)
        }
    };
    out.push_str(" : ");
    out.push_str(&text);
}

/// A verdict.
pub(super) fn verdict(table: &Table, verdict: &Verdict) -> String {
    let chain = |to: &ChainRef| match table.chains.get(to.0 as usize) {
        Some(chain) => chain.name.to_string(),
        None => format!("[chain {}]", to.0),
    };
    match verdict {
        Verdict::Accept => "accept".to_owned(),
        Verdict::Drop => "drop".to_owned(),
        Verdict::Continue => "continue".to_owned(),
        Verdict::Break => "break".to_owned(),
        Verdict::Return => "return".to_owned(),
        Verdict::Jump(to) => format!("jump {}", chain(to)),
        Verdict::Goto(to) => format!("goto {}", chain(to)),
        Verdict::Queue { queue, bypass } => {
            let flags = if *bypass { "flags bypass " } else { "" };
            format!("queue {flags}to {queue}")
        }
    }
}

/// The bases of fields: what asks for their headers goes without saying.
pub(super) fn bases(terms: &[Term]) -> Vec<PayloadBase> {
    // What follows a VLAN header is asked without it.
    let uses = |term: &&Term| term.text != "vlan type";
    terms.iter().filter(uses).filter_map(|term| term.field.map(|(base, _)| base)).collect()
}
