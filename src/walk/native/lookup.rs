//! Keys in sets and maps.
//!
//! A key is one piece, or several in a concatenation, each padded to four bytes. The elements that the parts which are known
//! leave are asked for together, so that an open key splits the packets by what comes of it, and not element by element.

use std::collections::HashMap;

use super::piece::{At, Piece, Source, undecided};
use crate::host::nft::{Element, ElementData, Verdict};
use crate::host::xt::InterfacePattern;
use crate::walk::condition::{Scene, all, any};
use crate::walk::outcome::{Assumed, Why};
use crate::walk::packet::Value;
use crate::walk::plan::{Content, Left, Part};
use crate::walk::set::ValueSet;
use crate::walk::space::{Asked, Open};

/// Bytes in a register: parts of a concatenation begin at one.
const WORD: usize = 4;
/// Of a map that gives more than this, it is asked first whether it gives anything.
const FEW: usize = 16;
/// Which one of more elements than this an open key fits is not asked.
const MANY: usize = 256;

/// What a map gives.
pub(super) enum Given<'s> {
    /// The key is not there.
    Nothing,
    /// A verdict.
    Verdict(&'s Verdict),
    /// Data.
    Data(&'s [u8]),
    /// Something, and nobody can tell what.
    Unknown,
}

/// Whether the key is in the set.
pub(super) fn contains(scene: &Scene<'_>, content: Content<'_>, key: &[Piece], at: At) -> Asked<bool> {
    if content.catch_all().is_some() {
        return Ok(true);
    }
    let key = Key::of(scene, content, key);
    let left = content.left(&key.known);
    if key.open.is_empty() { Ok(!left.is_empty()) } else { one_of(scene, &left, &key.open, at) }
}

/// What a map gives for the key.
pub(super) fn given<'s>(scene: &Scene<'_>, content: Content<'s>, key: &[Piece], at: At) -> Asked<Given<'s>> {
    if let [piece] = key
        && let Source::Value(Value::Chosen { among, why }) = &piece.source
        && piece.is_whole()
    {
        return drawn(scene, content, piece, (among, *why), at);
    }
    let key = Key::of(scene, content, key);
    let left = content.left(&key.known);
    let otherwise = || content.catch_all().map(|all| all.data.as_ref());
    if key.open.iter().any(|(piece, _)| piece.why_unknown().is_some()) {
        if one_of_unknown(scene, &left, &key.open, at)? {
            let same = left.groups().next().filter(|_| left.groups().len() == 1);
            return Ok(same.and_then(|alike| alike.data()).map_or(Given::Unknown, of));
        }
        return Ok(otherwise().map_or(Given::Nothing, of));
    }
    let found = if key.open.is_empty() { left.data() } else { one_given(scene, content, &left, &key, at)? };
    Ok(found.or_else(otherwise).map_or(Given::Nothing, of))
}

/// Whether a key of which nobody knows a part is one of these elements: not where another part fits none (the port of a packet
/// without ports is bytes of something else, and its protocol is in no such map).
fn one_of_unknown(scene: &Scene<'_>, left: &Left<'_>, open: &[(&Piece, Part)], at: At) -> Asked<bool> {
    let told = open.iter().filter(|(piece, _)| piece.why_unknown().is_none());
    let fits = !left.is_empty() && all(told.map(|(piece, part)| fits_any(scene, piece, *part, left, at)))?;
    if fits { undecided(scene, at, Why::State) } else { Ok(false) }
}

/// What a map gives for a number that is drawn: one thing after the other is taken to be it, until none is left.
fn drawn<'s>(
    scene: &Scene<'_>,
    content: Content<'s>,
    piece: &Piece,
    (among, why): (&ValueSet, Why),
    (rule, index): At,
) -> Asked<Given<'s>> {
    let part = Part { first: 0, length: content.set.key_length as usize, reversed: piece.is_reversed() };
    // Of a thousand elements, each that was not drawn would be looked for among all that were not drawn before it.
    let asked = scene.space.assumptions().filter(|one| one.namespace == scene.plan.index);
    let known: HashMap<u32, bool> = asked
        .filter_map(|one| match one.what {
            Assumed::Draws { rule: r, index: i, number } if (r, i) == (rule, index) => Some((number, one.holds)),
            _ => None,
        })
        .collect();
    let mut rest = among.clone();
    for alike in content.left(&[]).groups() {
        let Some(values) = alike.values(part) else { return Ok(Given::Unknown) };
        let values = values.and(&rest);
        let Some(number) = values.first() else { continue };
        let others = rest.minus(&values);
        let open = Assumed::Draws { rule, index, number: number as u32 };
        let is_it = match known.get(&(number as u32)) {
            _ if others.is_empty() => true,
            Some(holds) => *holds,
            None => scene.assume(Open::either(open, why, values.size() / rest.size()))?,
        };
        if is_it {
            return Ok(alike.data().map_or(Given::Nothing, of));
        }
        rest = others;
    }
    Ok(content.catch_all().map_or(Given::Nothing, |all| of(all.data.as_ref())))
}

/// What an element gives; one whose data could not be decoded gives something all the same.
fn of(data: Option<&ElementData>) -> Given<'_> {
    match data {
        Some(ElementData::Value(bytes)) => Given::Data(bytes),
        Some(ElementData::Verdict(verdict)) => Given::Verdict(verdict),
        Some(ElementData::Object(_)) | None => Given::Unknown,
    }
}

/// A key by what is known of it.
struct Key<'k> {
    /// The parts that are numbers which are known.
    known: Vec<(Part, u128)>,
    /// The others.
    open: Vec<(&'k Piece, Part)>,
}

impl<'k> Key<'k> {
    fn of(scene: &Scene<'_>, content: Content<'_>, key: &'k [Piece]) -> Key<'k> {
        let mut parts = Key { known: Vec::new(), open: Vec::new() };
        let mut first = 0;
        for piece in key {
            let length = if key.len() == 1 { content.set.key_length as usize } else { piece.length };
            let part = Part { first, length, reversed: piece.is_reversed() };
            first = (first + piece.length).next_multiple_of(WORD);
            match piece.known(scene).filter(|_| content.has_numbers(part)) {
                Some(number) => parts.known.push((part, number)),
                None => parts.open.push((piece, part)),
            }
        }
        parts
    }

    /// The key of one of the packets that are meant, where all of its parts can be numbers that are known.
    fn of_one_packet(&self, scene: &Scene<'_>, content: Content<'_>) -> Option<Vec<(Part, u128)>> {
        let opened = self.open.iter().map(|(piece, part)| {
            let number = piece.one_of_many(scene).filter(|_| content.has_numbers(*part))?;
            Some((*part, number))
        });
        self.known.iter().copied().map(Some).chain(opened).collect()
    }
}

/// What is given by the element that the key fits, where that is known; `None`: it fits none. Of much that may be given that is asked for first
/// which one of the packets gets.
fn one_given<'s>(
    scene: &Scene<'_>,
    content: Content<'s>,
    left: &Left<'s>,
    key: &Key<'_>,
    at: At,
) -> Asked<Option<Option<&'s ElementData>>> {
    if left.groups().len() > FEW {
        if !one_of(scene, left, &key.open, at)? {
            return Ok(None);
        }
        let hit = key.of_one_packet(scene, content).and_then(|one| left.group_of(&content.left(&one)));
        if let Some(alike) = hit
            && one_of(scene, &alike, &key.open, at)?
        {
            return Ok(alike.data());
        }
    }
    for alike in left.groups() {
        if one_of(scene, &alike, &key.open, at)? {
            return Ok(alike.data());
        }
    }
    Ok(None)
}

/// Whether the open parts of a key fit one of these elements. They cannot where one part fits none. Where each of them
/// fits some, and more than one tells the elements apart, fewer elements are looked at.
fn one_of(scene: &Scene<'_>, left: &Left<'_>, open: &[(&Piece, Part)], at: At) -> Asked<bool> {
    if left.is_empty() || !all(open.iter().map(|(piece, part)| fits_any(scene, piece, *part, left, at)))? {
        return Ok(false);
    }
    let mut telling = open.iter().filter(|(_, part)| !left.are_alike(*part));
    match (telling.next(), telling.next()) {
        (Some((_, part)), Some(_)) => any(left.halves(*part).iter().map(|half| one_of(scene, half, open, at))),
        _ => Ok(true),
    }
}

/// Whether one part of the key fits that part of any of these elements.
fn fits_any(scene: &Scene<'_>, piece: &Piece, part: Part, left: &Left<'_>, at: At) -> Asked<bool> {
    let one = |element: &Element| part_fits(scene, piece, part.of(&element.first), part.of(&element.last), at);
    match left.values(part) {
        Some(values) if !matches!(piece.source, Source::Name(_)) => piece.within(scene, &values, at),
        _ => any(left.iter().map(one)),
    }
}

/// The position of the element that all keys which are meant fit, where that is known; `Some(None)`: they fit none, and one
/// stands for all others.
pub(super) fn met(scene: &Scene<'_>, content: Content<'_>, key: &[Piece], at: At) -> Option<Option<u32>> {
    let key = Key::of(scene, content, key);
    let left = content.left(&key.known);
    // Of many that are open one is hardly ever the only one.
    if !key.open.is_empty() && left.len() > MANY {
        return None;
    }
    for (position, element) in left.numbered() {
        let (first, last) = (&element.first, &element.last);
        match all(key.open.iter().map(|(piece, part)| part_fits(scene, piece, part.of(first), part.of(last), at))) {
            Ok(true) => return Some(Some(position)),
            Ok(false) => {}
            Err(_) => return None,
        }
    }
    content.catch_all().map(|_| None)
}

/// Whether a key lies between two, both included.
pub(super) fn between(scene: &Scene<'_>, key: &[Piece], first: &[u8], last: &[u8], at: At) -> Asked<bool> {
    match key {
        [piece] => part_fits(scene, piece, first, last, at),
        _ => undecided(scene, at, Why::Undecoded),
    }
}

fn part_fits(scene: &Scene<'_>, piece: &Piece, first: &[u8], last: &[u8], at: At) -> Asked<bool> {
    if let Source::Name(_) = piece.source {
        return named(scene, piece, first, last, at);
    }
    if !piece.is_ordered() && first != last {
        return undecided(scene, at, Why::Undecoded);
    }
    piece.within(scene, &ValueSet::range(piece.number_of(first), piece.number_of(last)), at)
}

/// Whether a device's name lies between two; a range is of names that start alike.
fn named(scene: &Scene<'_>, piece: &Piece, first: &[u8], last: &[u8], at: At) -> Asked<bool> {
    let answer = InterfacePattern::between(first, last).and_then(|pattern| piece.is_named(scene, &pattern));
    answer.unwrap_or_else(|| undecided(scene, at, Why::Undecoded))
}
