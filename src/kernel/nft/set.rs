//! Sets and maps: attributes → [`Set`], and elements in the order of their keys.
//!
//! `NFTA_SET_*` and `NFTA_SET_ELEM_*` in include/uapi/linux/netfilter/nf_tables.h.

use super::super::netlink::{Attributes, be, text};
use super::draft::Numbers;
use super::userdata::UserData;
use super::{chain, expression};
use crate::host::nft::{
    ByteOrder, CatchAll, Details, Element, ElementData, ElementDetails, Key, ObjectKind, Set, SetFlags, Typeof,
};
use crate::host::{ElementState, Handle, Names};

/// `NFTNL_UDATA_SET_*`: what nft keeps with a set.
const KEY_ORDER: u8 = 0;
const DATA_ORDER: u8 = 1;
const MERGES: u8 = 2;
const KEY_TYPEOF: u8 = 3;
const DATA_TYPEOF: u8 = 4;
const DATA_INTERVAL: u8 = 6;
const COMMENT: u8 = 7;
/// `NFTNL_UDATA_SET_TYPEOF_EXPR`, `NFTNL_UDATA_SET_TYPEOF_DATA`, within those.
const TYPEOF_EXPRESSION: u8 = 0;
const TYPEOF_DATA: u8 = 1;

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
        counted: None,
        details: details(&attributes, flags, names),
    })
}

/// What is told of a set beside its elements.
fn details(attributes: &Attributes<'_>, flags: SetFlags, names: &mut Names) -> Details {
    let number = |kind: u16| attributes.get(kind).and_then(be).unwrap_or(0);
    let user = UserData(attributes.get(13).unwrap_or_default());
    let is_set = |kind: u8| user.get(kind).is_some_and(|value| value.iter().any(|byte| *byte != 0));
    Details {
        comment: user.get(COMMENT).map(|comment| names.intern(&text(comment))),
        size: attributes.get(9).and_then(|desc| be(Attributes(desc).get(1)?)).unwrap_or(0) as u32,
        timeout: number(11),
        gc_interval: number(12) as u32,
        handle: attributes.get(16).and_then(be).map(Handle),
        memory: number(8) == 1,
        merges: is_set(MERGES),
        objects: flags.contains(SetFlags::OBJECT).then(|| ObjectKind(number(15) as u32)),
        key_order: user.get(KEY_ORDER).map(byte_order),
        data_order: user.get(DATA_ORDER).map(byte_order),
        data_interval: is_set(DATA_INTERVAL),
        key_typeof: user.get(KEY_TYPEOF).and_then(type_of),
        data_typeof: user.get(DATA_TYPEOF).and_then(type_of),
        expressions: expression::decode_held(attributes.get(17), attributes.get(18), names, &mut Vec::new()),
    }
}

/// A number that nft keeps, in the machine's order.
fn machine_number(bytes: &[u8]) -> u32 {
    let mut number = [0; 4];
    number.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    u32::from_ne_bytes(number)
}

fn byte_order(bytes: &[u8]) -> ByteOrder {
    match machine_number(bytes) {
        1 => ByteOrder::Host,
        2 => ByteOrder::Network,
        _ => ByteOrder::Invalid,
    }
}

/// `nftnl_udata_nest`: the kind of expression, and what belongs to it.
fn type_of(nested: &[u8]) -> Option<Box<Typeof>> {
    let user = UserData(nested);
    let expression = machine_number(user.get(TYPEOF_EXPRESSION)?);
    Some(Box::new(Typeof { expression, data: user.get(TYPEOF_DATA).unwrap_or_default().into() }))
}

/// What of a set has no place in the model, in a few words each.
pub(super) fn untold(body: &[u8], set: &Set, found: &mut Vec<String>) {
    let attributes = Attributes(body);
    let name = &set.name;
    // The last two say what the kernel made of the set (`NFTA_SET_TYPE`, `NFTA_SET_COUNT`).
    let known = |kind: u16| (1..=20).contains(&kind);
    if attributes.clone().any(|(kind, _)| !known(kind)) || !SetFlags::all().contains(set.flags) {
        found.push(format!("properties of set {name}"));
    }
}

/// An element as the kernel tells it: in a set of intervals, where one begins or where it ends. Small, as there may be many, and
/// what is in memory until the last one came is fetched anew for each.
#[derive(Default)]
pub(super) struct Raw {
    key: Key,
    /// Its key is the first one after an interval (`NFT_SET_ELEM_INTERVAL_END`).
    ends: bool,
    /// It stands for every other key (`NFT_SET_ELEM_CATCHALL`).
    all: bool,
    beside: Option<Box<Beside>>,
}

/// What an element has beside its key, and what it has come to.
#[derive(Default)]
struct Beside {
    /// The last key, where the element has it (`NFTA_SET_ELEM_KEY_END`).
    last: Option<Key>,
    data: Option<ElementData>,
    details: Option<Box<ElementDetails>>,
    state: ElementState,
}

impl Beside {
    /// What it has come to, where that was told.
    fn take_state(&mut self) -> Option<ElementState> {
        let state = std::mem::take(&mut self.state);
        (state.expires.is_some() || state.tallies.iter().any(Option::is_some)).then_some(state)
    }
}

impl Raw {
    /// It is an element of its own: not the end of an interval.
    pub(super) fn begins(&self) -> bool {
        !self.ends
    }

    /// The last key, where the element has it.
    fn last(&self) -> Option<&Key> {
        self.beside.as_ref()?.last.as_ref()
    }
}

/// The elements of one message of a dump. Gives how many of them have something that is not known here.
pub(super) fn elements(body: &[u8], chains: &Numbers, names: &mut Names, found: &mut Vec<Raw>) -> usize {
    let mut unknown = 0;
    let list = Attributes(body).get(3).unwrap_or_default();
    for (_, nested) in Attributes(list) {
        let parts = Attributes(nested);
        let flags = parts.get(3).and_then(be).unwrap_or(0);
        let key = parts.get(1).and_then(expression::value).unwrap_or_default();
        let beside = beside(&parts, chains, names);
        unknown += usize::from(is_unknown(&parts, flags, beside.as_ref().and_then(|beside| beside.data.as_ref())));
        found.push(Raw { key: key.into(), ends: flags & 1 != 0, all: flags & 2 != 0, beside });
    }
    unknown
}

/// Whether something of an element has no meaning here: an attribute, a flag, or what a map gives for it.
fn is_unknown(parts: &Attributes<'_>, flags: u64, data: Option<&ElementData>) -> bool {
    let given = || parts.clone().any(|(kind, _)| matches!(kind, 2 | 9));
    parts.clone().any(|(kind, _)| !(1..=11).contains(&kind)) || flags & !3 != 0 || data.is_none() && given()
}

/// What is told of an element beside its key; most have nothing.
fn beside(parts: &Attributes<'_>, chains: &Numbers, names: &mut Names) -> Option<Box<Beside>> {
    if parts.clone().all(|(kind, _)| !matches!(kind, 2 | 4..=7 | 9..=11)) {
        return None;
    }
    let mut object = || parts.get(9).map(|name| ElementData::Object(names.intern(&text(name))));
    let data = match parts.get(2) {
        Some(data) => match expression::value(data) {
            Some(value) => Some(ElementData::Value(value.into())),
            None => expression::verdict(data, chains).map(ElementData::Verdict),
        },
        None => object(),
    };
    let mut tallies = Vec::new();
    let details = ElementDetails {
        comment: parts.get(6).and_then(|user| chain::comment(user, names)),
        timeout: parts.get(4).and_then(be),
        expressions: expression::decode_held(parts.get(7), parts.get(11), names, &mut tallies),
    };
    let state = ElementState { expires: parts.get(5).and_then(be), tallies: tallies.into() };
    let told = details != ElementDetails::default();
    Some(Box::new(Beside {
        last: parts.get(10).and_then(expression::value).map(Into::into),
        data,
        details: told.then(|| Box::new(details)),
        state,
    }))
}

/// Puts the elements into their set, as ranges of keys, and hands what they have come to to `note`, with their position.
pub(super) fn fill(set: &mut Set, mut found: Vec<Raw>, mut note: impl FnMut(Option<u32>, ElementState)) {
    if let Some(at) = found.iter().position(|raw| raw.all) {
        let mut beside = found.swap_remove(at).beside.unwrap_or_default();
        if let Some(state) = beside.take_state() {
            note(None, state);
        }
        set.catch_all = Some(Box::new(CatchAll { data: beside.data, details: beside.details }));
    }
    let order = order(&found);
    set.elements.reserve_exact(found.iter().filter(|raw| raw.begins()).count());
    let intervals = set.flags.contains(SetFlags::INTERVAL);
    let mut next = order.into_iter().map(|at| at as usize).peekable();
    while let Some(at) = next.next() {
        if found[at].ends {
            continue;
        }
        let Raw { key: first, beside, .. } = std::mem::take(&mut found[at]);
        let mut beside = beside.map_or_else(Beside::default, |beside| *beside);
        if let Some(state) = beside.take_state() {
            note(Some(set.elements.len() as u32), state);
        }
        let last = match (beside.last, intervals) {
            (Some(last), _) => last,
            (None, false) => first.clone(),
            (None, true) => match next.peek() {
                Some(after) => before(&found[*after].key),
                None => vec![0xff; first.len()].into_boxed_slice().into(),
            },
        };
        set.elements.push(Element { first, last, data: beside.data, details: beside.details });
    }
}

/// The positions of elements in the order of their keys.
fn order(found: &[Raw]) -> Vec<u32> {
    // Concatenations with ranges have no order: they stay as the kernel lists them, and so does nft.
    if found.iter().any(|raw| raw.last().is_some()) {
        return (0..found.len() as u32).collect();
    }
    // What is moved about and compared is a number, for most, and not an element with all that it has.
    let mut order: Vec<_> = found.iter().map(|raw| start(&raw.key)).zip(0..).collect();
    order.sort_unstable_by(|(one, a), (other, b)| {
        one.cmp(other).then_with(|| {
            let (one, other) = (&found[*a as usize], &found[*b as usize]);
            // An end before what begins at the same key: it is the first key that is no longer meant.
            one.key.cmp(&other.key).then(other.ends.cmp(&one.ends)).then(a.cmp(b))
        })
    });
    order.into_iter().map(|(_, at): (u64, u32)| at).collect()
}

/// The first bytes of a key, as a number that is ordered as they are.
fn start(key: &[u8]) -> u64 {
    let mut start = [0; 8];
    start.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    u64::from_be_bytes(start)
}

/// The key before this one, in the order of bytes.
fn before(key: &[u8]) -> Key {
    let mut key = Key::from(key);
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
        Raw { key: key.to_be_bytes().into(), ends, all: false, beside: None }
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
            counted: None,
            details: Default::default(),
        };
        fill(&mut set, found, |_, _| {});
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
