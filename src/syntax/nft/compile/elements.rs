//! Elements of sets as the kernel keeps them: keys from a first to a last one, in the order of their bytes.
//!
//! nft turns values and prefixes of a set with ranges into ranges, and joins those that touch where it may
//! (`set_to_range`, `setelem_automerge`).

use super::number::{Number, Order, ones, prefix, swapped};
use super::relation::{Undo, Value};
use crate::host::ElementState;
use crate::host::nft::{Element, ElementData, ElementDetails};

/// The key of an element.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Key {
    One(Value),
    /// The parts of a concatenation.
    Several(Vec<Value>),
    /// Every other one: `*`.
    Any,
}

/// An element before its bytes are known.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) key: Key,
    pub(super) data: Option<ElementData>,
    pub(super) details: Option<Box<ElementDetails>>,
    /// What it has come to.
    pub(super) state: Option<Box<ElementState>>,
}

impl Key {
    /// It is more than one value.
    pub(super) fn is_range(&self) -> bool {
        let is_range = |value: &Value| !matches!(value, Value::One(_));
        match self {
            Key::One(value) => is_range(value),
            Key::Several(parts) => parts.iter().any(is_range),
            Key::Any => false,
        }
    }
}

/// How the elements of a set are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Its elements may be ranges.
    pub(super) interval: bool,
    /// Ranges that touch are joined.
    pub(super) joins: bool,
    /// Where the left side of a comparison is shifted or flipped: that is done to the elements instead.
    pub(super) undo: Option<Undo>,
    /// Bytes in a key.
    pub(super) length: usize,
}

/// The elements in the kernel's form and order, without the one that stands for all others; what one has come to is handed
/// to `note` with its position.
pub(super) fn elements(items: Vec<Item>, shape: Shape, mut note: impl FnMut(u32, ElementState)) -> Vec<Element> {
    let mut several = false;
    let mut elements: Vec<Element> = Vec::with_capacity(items.len());
    let mut states: Vec<(Box<[u8]>, ElementState)> = Vec::new();
    for Item { key, data, details, state } in items {
        let (first, last) = match key {
            Key::One(value) if shape.interval => range(value),
            Key::One(value) => {
                let number = match value {
                    Value::One(number) | Value::Prefix(number, _) | Value::Range(number, _) => number,
                };
                let key = shape.undo.map_or(number, |undo| undo.apply(number)).data();
                (key.clone(), key)
            }
            Key::Several(parts) => {
                several = true;
                (concatenated(&parts, shape, false), concatenated(&parts, shape, true))
            }
            Key::Any => continue,
        };
        states.extend(state.map(|state| (first.clone(), *state)));
        elements.push(Element { first: first.into(), last: last.into(), data, details });
    }
    if several && shape.interval {
        // They have no order: they stay as they are told.
        note_states(states, &elements, &mut note);
        return elements;
    }
    elements.sort_by(|a, b| a.first.cmp(&b.first));
    if shape.interval && shape.joins {
        join(&mut elements);
    } else {
        elements.dedup_by(|later, first| later.first == first.first && later.last == first.last);
    }
    note_states(states, &elements, &mut note);
    if let (Some(undo), true) = (shape.undo, shape.interval) {
        for element in &mut elements {
            element.first = undone(undo, &element.first, shape.length).into();
            element.last = undone(undo, &element.last, shape.length).into();
        }
    }
    elements
}

/// Hands on what elements have come to, in the order of their keys.
fn note_states(
    mut states: Vec<(Box<[u8]>, ElementState)>,
    elements: &[Element],
    note: &mut impl FnMut(u32, ElementState),
) {
    states.sort_by(|(a, _), (b, _)| b.cmp(a));
    let mut sorted: Vec<(&[u8], u32)> = Vec::new();
    if !states.is_empty() {
        sorted.extend(elements.iter().zip(0..).map(|(element, at)| (&*element.first, at)));
        sorted.sort_unstable();
    }
    for (key, at) in sorted {
        if states.last().is_some_and(|(known, _)| **known == *key) {
            let state = states.pop().map(|(_, state)| state).unwrap_or_default();
            note(at, state);
        }
    }
}

/// A value as a range of keys in network order.
fn range(value: Value) -> (Box<[u8]>, Box<[u8]>) {
    let network = |number: Number| match number.order {
        Order::Text => number,
        Order::Host | Order::Network => Number { order: Order::Network, ..number },
    };
    match value {
        Value::One(number) => {
            let key = network(number).data();
            (key.clone(), key)
        }
        Value::Prefix(number, length) => {
            let open = ones(number.bits.saturating_sub(length));
            let (low, high) = match number.order {
                Order::Text => (number.value, number.value | open << length),
                Order::Host | Order::Network => (number.value & prefix(number.bits, length), number.value | open),
            };
            (network(Number { value: low, ..number }).data(), network(Number { value: high, ..number }).data())
        }
        Value::Range(first, last) => (network(first).data(), network(last).data()),
    }
}

/// The key of a concatenation, each part padded to four bytes: the first one, or the last.
fn concatenated(parts: &[Value], shape: Shape, last: bool) -> Box<[u8]> {
    let mut out = Vec::with_capacity(shape.length);
    for part in parts {
        end(*part, shape.interval, last).push(&mut out);
        out.resize(out.len().next_multiple_of(4), 0);
    }
    out.into()
}

/// An end of a part. Numbers of sets with ranges lie in network order, but for prefixes: nft forgets about those.
fn end(part: Value, interval: bool, last: bool) -> Number {
    let turned = |number: Number| match number.order {
        Order::Host if interval => Number { order: Order::Network, ..number },
        _ => number,
    };
    match part {
        Value::One(number) => turned(number),
        Value::Range(first, _) if !last => turned(first),
        Value::Range(_, last) => turned(last),
        Value::Prefix(number, _) if !last => number,
        Value::Prefix(number, length) => {
            let open = ones(number.bits.saturating_sub(length));
            let open = match number.order {
                Order::Network => open,
                Order::Host if number.order.is_big() => open,
                Order::Host => swapped(open, number.bytes()),
                Order::Text => open << length,
            };
            Number { value: number.value.wrapping_add(open) & ones(number.bits), ..number }
        }
    }
}

/// Joins ranges that overlap or touch. They are in order.
fn join(elements: &mut Vec<Element>) {
    elements.dedup_by(|later, before| {
        if later.last <= before.last {
            return true;
        }
        let touches = later.first <= before.last || is_next(&before.last, &later.first);
        if touches {
            before.last = std::mem::take(&mut later.last);
        }
        touches
    });
}

/// Whether one key is the next after another, in the order of bytes.
fn is_next(key: &[u8], next: &[u8]) -> bool {
    let Some(at) = key.iter().rposition(|byte| *byte != 0xff) else { return false };
    key.len() == next.len()
        && key[..at] == next[..at]
        && key[at] + 1 == next[at]
        && next[at + 1..].iter().all(|byte| *byte == 0)
}

/// A key in network order, shifted or flipped.
fn undone(undo: Undo, key: &[u8], length: usize) -> Box<[u8]> {
    let value = key.iter().fold(0u128, |value, byte| value << 8 | u128::from(*byte));
    let bits = (8 * length).min(128) as u16;
    let number = undo.apply(Number::new(value, bits, Order::Network));
    super::number::data(number.value, length, Order::Network)
}

/// How many elements the kernel is told of: of a set with ranges their beginnings and ends, and that nothing is meant before the
/// first one.
pub(super) fn size(elements: &[Element], all: bool, interval: bool) -> u32 {
    let count = elements.len() as u32 + u32::from(all);
    let before = elements.first().is_some_and(|element| element.first.iter().any(|byte| *byte != 0));
    if interval { count + elements.len() as u32 + u32::from(before) } else { count }
}
