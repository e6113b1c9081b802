//! Sets and maps: attributes → [`Set`], and elements in the order of their keys.
//!
//! `NFTA_SET_*` and `NFTA_SET_ELEM_*` in include/uapi/linux/netfilter/nf_tables.h.

use std::collections::HashMap;

use super::super::netlink::{Attributes, be, text};
use super::expression;
use super::userdata::UserData;
use crate::host::nft::{CatchAll, Details, Element, ElementData, ObjectKind, Set, SetFlags};
use crate::host::{Name, Names};

/// `NFTNL_UDATA_SET_MERGE_ELEMENTS`, `NFTNL_UDATA_SET_KEY_TYPEOF`, `NFTNL_UDATA_SET_COMMENT`.
const MERGES: u8 = 2;
const TYPEOF: u8 = 3;
/// `NFTNL_UDATA_SET_TYPEOF_DATA`, within that.
const TYPEOF_DATA: u8 = 1;
const COMMENT: u8 = 7;

/// A set without its elements.
pub(super) fn decode(body: &[u8], names: &mut Names) -> Option<Set> {
    let attributes = Attributes(body);
    let number = |kind: u16| attributes.get(kind).and_then(be).and_then(|number| u32::try_from(number).ok());
    let flags = SetFlags::from_bits_retain(number(3).unwrap_or(0));
    let concat = attributes.get(9).and_then(|desc| Attributes(desc).get(2)).unwrap_or_default();
    let parts = Attributes(concat).filter_map(|(_, field)| be(Attributes(field).get(1)?)).map(|length| length as u32);
    Some(Set {
        name: names.intern(&text(attributes.get(2)?)),
        flags,
        key_type: number(4).unwrap_or(0),
        key_length: number(5)?,
        data_type: flags.contains(SetFlags::MAP).then(|| number(6).unwrap_or(0)),
        data_length: number(7).unwrap_or(0),
        parts: parts.collect(),
        elements: Vec::new(),
        catch_all: None,
        details: details(&attributes, flags, names),
    })
}

/// What is told of a set beside its elements.
fn details(attributes: &Attributes<'_>, flags: SetFlags, names: &mut Names) -> Details {
    let number = |kind: u16| attributes.get(kind).and_then(be).unwrap_or(0);
    let user = UserData(attributes.get(13).unwrap_or_default());
    Details {
        comment: user.get(COMMENT).map(|comment| names.intern(&text(comment))),
        size: attributes.get(9).and_then(|desc| be(Attributes(desc).get(1)?)).unwrap_or(0) as u32,
        timeout: number(11),
        gc_interval: number(12) as u32,
        memory: number(8) == 1,
        merges: user.get(MERGES).is_some_and(|merges| merges.iter().any(|byte| *byte != 0)),
        objects: flags.contains(SetFlags::OBJECT).then(|| ObjectKind(number(15) as u32)),
        ..Details::default()
    }
}

/// What of a set has no place in the model, in a few words each.
pub(super) fn untold(body: &[u8], set: &Set, found: &mut Vec<String>) {
    let attributes = Attributes(body);
    let user = UserData(attributes.get(13).unwrap_or_default());
    let name = &set.name;
    // Of a concatenation of types, that has no type of its own, nft keeps an empty one.
    let has_data = |kept: &[u8]| UserData(kept).get(TYPEOF_DATA).is_some_and(|data| !data.is_empty());
    if user.get(TYPEOF).is_some_and(has_data) && !set.flags.contains(SetFlags::ANONYMOUS) {
        found.push(format!("the typeof of set {name}"));
    }
    if attributes.get(17).is_some() || attributes.get(18).is_some() {
        found.push(format!("what set {name} keeps for each element"));
    }
    // The last two say what the kernel made of the set (`NFTA_SET_TYPE`, `NFTA_SET_COUNT`).
    let known = |kind: u16| (1..=20).contains(&kind);
    if attributes.clone().any(|(kind, _)| !known(kind)) || !SetFlags::all().contains(set.flags) {
        found.push(format!("properties of set {name}"));
    }
}

/// An element as the kernel tells it: in a set of intervals, where one begins or where it ends.
pub(super) struct Raw {
    key: Box<[u8]>,
    /// The last key, where the element has it (`NFTA_SET_ELEM_KEY_END`).
    last: Option<Box<[u8]>>,
    /// Its key is the first one after an interval (`NFT_SET_ELEM_INTERVAL_END`).
    ends: bool,
    /// It stands for every other key (`NFT_SET_ELEM_CATCHALL`).
    all: bool,
    data: Option<ElementData>,
}

/// What of a set's elements has no place in the model: how many have it.
#[derive(Debug, Default)]
pub(super) struct Beside {
    timeouts: usize,
    comments: usize,
    others: usize,
}

impl Beside {
    fn note(&mut self, parts: &Attributes<'_>) {
        let has = |kind: u16| parts.get(kind).is_some();
        self.timeouts += usize::from(has(4) || has(5));
        let user = UserData(parts.get(6).unwrap_or_default());
        self.comments += usize::from(user.get(0).is_some());
        let known = |kind: u16| matches!(kind, 1..=6 | 8..=10);
        self.others += usize::from(parts.clone().any(|(kind, _)| !known(kind)));
    }

    /// In a few words each.
    pub(super) fn untold(&self, set: &str, found: &mut Vec<String>) {
        let each = [(self.timeouts, "timeouts"), (self.comments, "comments"), (self.others, "counters and the like")];
        for (count, what) in each.into_iter().filter(|(count, _)| *count > 0) {
            found.push(format!("{what} of elements of set {set}: {count}"));
        }
    }
}

/// The elements of one message of a dump.
pub(super) fn elements(
    body: &[u8],
    chains: &HashMap<Name, u32>,
    names: &mut Names,
    found: &mut Vec<Raw>,
    beside: &mut Beside,
) {
    let list = Attributes(body).get(3).unwrap_or_default();
    for (_, nested) in Attributes(list) {
        let parts = Attributes(nested);
        beside.note(&parts);
        let flags = parts.get(3).and_then(be).unwrap_or(0);
        let key = parts.get(1).and_then(expression::value).unwrap_or_default();
        let mut object = || parts.get(9).map(|name| ElementData::Object(names.intern(&text(name))));
        let data = match parts.get(2) {
            Some(data) => match expression::value(data) {
                Some(value) => Some(ElementData::Value(value.into())),
                None => expression::verdict(data, chains).map(ElementData::Verdict),
            },
            None => object(),
        };
        found.push(Raw {
            key: key.into(),
            last: parts.get(10).and_then(expression::value).map(Into::into),
            ends: flags & 1 != 0,
            all: flags & 2 != 0,
            data,
        });
    }
}

/// Puts the elements into their set, as ranges of keys.
pub(super) fn fill(set: &mut Set, mut found: Vec<Raw>) {
    if let Some(at) = found.iter().position(|raw| raw.all) {
        let all = CatchAll { data: found.swap_remove(at).data, details: None };
        set.catch_all = Some(Box::new(all));
    }
    // An end before what begins at the same key: it is the first key that is no longer meant.
    // Concatenations with ranges have no order: they stay as the kernel lists them, and so does nft.
    if found.iter().all(|raw| raw.last.is_none()) {
        found.sort_by(|a, b| a.key.cmp(&b.key).then(b.ends.cmp(&a.ends)));
    }
    let intervals = set.flags.contains(SetFlags::INTERVAL);
    let mut next = found.into_iter().peekable();
    while let Some(raw) = next.next() {
        if raw.ends {
            continue;
        }
        let last = match (raw.last, intervals) {
            (Some(last), _) => last,
            (None, false) => raw.key.clone(),
            (None, true) => match next.peek() {
                Some(after) => before(&after.key),
                None => vec![0xff; raw.key.len()].into(),
            },
        };
        set.elements.push(Element { first: raw.key, last, data: raw.data, details: None });
    }
}

/// The key before this one, in the order of bytes.
fn before(key: &[u8]) -> Box<[u8]> {
    let mut key: Box<[u8]> = key.into();
    for byte in key.iter_mut().rev() {
        let (less, borrowed) = byte.overflowing_sub(1);
        *byte = less;
        if !borrowed {
            break;
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(key: u16, ends: bool) -> Raw {
        Raw { key: key.to_be_bytes().into(), last: None, ends, all: false, data: None }
    }

    fn ranges(flags: SetFlags, found: Vec<Raw>) -> Vec<(u16, u16)> {
        let mut set = Set {
            name: "s".into(),
            flags,
            key_type: 13,
            key_length: 2,
            data_type: None,
            data_length: 0,
            parts: Box::default(),
            elements: Vec::new(),
            catch_all: None,
            details: Default::default(),
        };
        fill(&mut set, found);
        let number = |key: &[u8]| u16::from_be_bytes([key[0], key[1]]);
        set.elements.iter().map(|element| (number(&element.first), number(&element.last))).collect()
    }

    #[test]
    fn ends_close_the_intervals_that_begin_before_them() {
        let found =
            || vec![raw(91, true), raw(80, false), raw(100, true), raw(91, false), raw(60000, false), raw(0, true)];
        assert_eq!(ranges(SetFlags::INTERVAL, found()), [(80, 90), (91, 99), (60000, 65535)]);
        assert_eq!(ranges(SetFlags::empty(), vec![raw(443, false), raw(80, false)]), [(80, 80), (443, 443)]);
    }

    #[test]
    fn the_key_before_borrows() {
        assert_eq!(&*before(&[1, 0, 0]), &[0, 0xff, 0xff]);
    }
}
