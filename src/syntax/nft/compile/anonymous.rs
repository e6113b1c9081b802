//! Sets and maps that rules hold themselves, between braces.
//!
//! Knows what nft declares for them (`implicit_set_declaration`), and how the kernel names them: by the lowest number that is
//! free.

use super::elements::{self, Item, Key, Shape};
use super::evaluate::Wanted;
use super::kept;
use super::number::{Order, bytes};
use super::operand::{Operand, What};
use super::relation::{Right, Undo, Value};
use super::rule::{Maker, Trouble};
use crate::host::Name;
use crate::host::nft::{ByteOrder, CatchAll, Details, ObjectKind, Set, SetFlags, Typeof};

/// nft's number for verdicts as what a map gives (`NFT_DATA_VERDICT`).
pub(super) const VERDICT: u32 = 0xffff_ff00;

/// What a map gives.
#[derive(Debug, Clone)]
pub(super) enum Gives {
    Nothing,
    Verdicts,
    /// Values of this type, one after another where they are concatenated; each as a range.
    Values {
        parts: Vec<Wanted>,
        ranges: bool,
    },
    Objects(ObjectKind),
}

/// Which of the names an anonymous set gets.
const NAMES: [&str; 3] = ["__set", "__map", "__objmap"];

impl Maker<'_> {
    /// Adds an anonymous set for a comparison.
    pub(super) fn anonymous(&mut self, left: &Operand, items: Vec<Item>) -> Result<Right, Trouble> {
        let interval = items.iter().any(|item| item.key.is_range());
        // A left side whose bytes are turned around hides what it was made by.
        let undo = if interval && left.order == Order::Host { None } else { Undo::of(left) };
        let fresh = if left.protocol { single(&items) } else { Vec::new() };
        let at = self.declare(left, items, undo, &Gives::Nothing)?;
        Ok(Right::Set { at, fresh: Some(fresh) })
    }

    /// Adds an anonymous set or map whose keys are like this operand.
    pub(super) fn declare(
        &mut self,
        key: &Operand,
        items: Vec<Item>,
        undo: Option<Undo>,
        gives: &Gives,
    ) -> Result<usize, Trouble> {
        let several = matches!(key.what, What::Concatenation(_));
        let interval = items.iter().any(|item| item.key.is_range());
        let is_map = !matches!(gives, Gives::Nothing);
        let mut flags = SetFlags::ANONYMOUS | SetFlags::CONSTANT;
        flags.set(SetFlags::INTERVAL, interval);
        flags.set(SetFlags::CONCAT, interval && several);
        match gives {
            Gives::Nothing => {}
            Gives::Objects(_) => flags |= SetFlags::OBJECT,
            Gives::Verdicts | Gives::Values { .. } => flags |= SetFlags::MAP,
        }
        let key_length = bytes(key.bits);
        let all = items.iter().find(|item| item.key == Key::Any);
        let catch_all = all.map(|all| Box::new(CatchAll { data: all.data.clone(), details: all.details.clone() }));
        let joins = interval && !is_map;
        let told = items.len() as u32;
        let elements = elements::elements(items, Shape { interval, joins, undo, length: key_length }, |_, _| {});
        // One that is told twice counts twice, where there are no ranges.
        let size = if interval { elements::size(&elements, catch_all.is_some(), !several) } else { told };
        let (data_type, data_length) = data(gives);
        let lengths = match (&key.what, interval) {
            (What::Concatenation(parts), true) => parts.iter().map(|part| bytes(part.bits) as u32).collect(),
            _ => Box::default(),
        };
        let set = Set {
            name: self.free_name(gives),
            flags,
            key_type: key.kind.number,
            key_length: key_length as u32,
            data_type,
            data_length,
            parts: lengths,
            elements,
            catch_all,
            counted: None,
            details: Details {
                size,
                merges: joins,
                key_order: Some(order(key)),
                key_typeof: key_typeof(key, gives, interval),
                ..details(gives)
            },
        };
        self.sets.push(set);
        Ok(self.sets.len() - 1)
    }

    /// Adds the set of a meter.
    pub(super) fn declare_meter(&mut self, name: &str, size: u32, key: &Operand, timeout: bool) -> usize {
        let name = self.names.intern(name);
        let mut flags = SetFlags::ANONYMOUS | SetFlags::EVAL;
        flags.set(SetFlags::TIMEOUT, timeout);
        self.sets.push(Set {
            name: name.clone(),
            flags,
            key_type: key.kind.number,
            key_length: bytes(key.bits) as u32,
            data_type: None,
            data_length: 0,
            parts: Box::default(),
            elements: Vec::new(),
            catch_all: None,
            counted: None,
            details: Details { size, key_order: Some(order(key)), ..Details::default() },
        });
        self.named.insert(name, self.sets.len() - 1);
        self.sets.len() - 1
    }

    fn free_name(&mut self, gives: &Gives) -> Name {
        let kind = match gives {
            Gives::Nothing => 0,
            Gives::Verdicts | Gives::Values { .. } => 1,
            Gives::Objects(_) => 2,
        };
        loop {
            let name = format!("{}{}", NAMES[kind], self.anonymous[kind]);
            self.anonymous[kind] += 1;
            if !self.named.contains_key(&*name) {
                return self.names.intern(&name);
            }
        }
    }
}

/// The values of elements that are one value each.
fn single(items: &[Item]) -> Vec<u128> {
    let of = |item: &Item| match &item.key {
        Key::One(Value::One(number)) => Some(number.value),
        Key::One(_) | Key::Several(_) | Key::Any => None,
    };
    items.iter().filter_map(of).collect()
}

/// The type and the length of what a map gives.
pub(super) fn data(gives: &Gives) -> (Option<u32>, u32) {
    match gives {
        Gives::Nothing => (None, 0),
        Gives::Objects(_) => (None, 0),
        Gives::Verdicts => (Some(VERDICT), 16),
        Gives::Values { parts, ranges } => {
            let number = parts.iter().fold(0, |number, part| number << 6 | part.kind.number & 0x3f);
            let length: usize = match &parts[..] {
                [one] => bytes(one.bits),
                several => several.iter().map(|part| bytes(part.bits).next_multiple_of(4)).sum(),
            };
            (Some(number), (length * if *ranges { 2 } else { 1 }) as u32)
        }
    }
}

/// What is told of what a map gives.
pub(super) fn details(gives: &Gives) -> Details {
    match gives {
        Gives::Nothing => Details::default(),
        Gives::Objects(kind) => Details { objects: Some(*kind), ..Details::default() },
        Gives::Verdicts => Details {
            data_order: Some(ByteOrder::Invalid),
            data_typeof: Some(kept::of_verdicts()),
            ..Details::default()
        },
        Gives::Values { parts, ranges } => Details {
            data_order: Some(match &parts[..] {
                [one] => order_of(one.order),
                _ => ByteOrder::Invalid,
            }),
            data_interval: *ranges,
            ..Details::default()
        },
    }
}

fn key_typeof(key: &Operand, gives: &Gives, interval: bool) -> Option<Box<Typeof>> {
    match (gives, &key.what) {
        // The parts of a concatenation are turned around before nft notes them, and then it cannot.
        (Gives::Nothing, What::Concatenation(_)) if interval => kept::of(&key.clone().ordered(Order::Network)),
        // The key of a map is a type alone, but for concatenations.
        (Gives::Nothing, _) | (_, What::Concatenation(_)) => kept::of(key),
        _ => None,
    }
}

pub(super) fn order_of(order: Order) -> ByteOrder {
    match order {
        Order::Host | Order::Text => ByteOrder::Host,
        Order::Network => ByteOrder::Network,
    }
}

/// The order in which nft notes that keys like this lie.
pub(super) fn order(key: &Operand) -> ByteOrder {
    match key.what {
        What::Concatenation(_) => ByteOrder::Invalid,
        _ => order_of(key.order),
    }
}
