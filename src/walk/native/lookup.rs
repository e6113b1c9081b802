//! Keys in sets and maps.
//!
//! A key is one piece, or several in a concatenation, each padded to four bytes. Elements that give the same are asked for
//! together, so that an open key splits the packets by what comes of it, and not element by element.

use super::piece::{At, Piece, Source, undecided};
use crate::host::Name;
use crate::host::nft::{Element, ElementData, Set, Verdict};
use crate::host::xt::InterfacePattern;
use crate::walk::condition::{Scene, all, any};
use crate::walk::outcome::Why;
use crate::walk::set::ValueSet;
use crate::walk::space::Asked;

/// Bytes in a register: parts of a concatenation begin at one.
const WORD: usize = 4;

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
pub(super) fn contains(scene: &Scene<'_>, set: &Set, key: &[Piece], at: At) -> Asked<bool> {
    if set.catch_all.is_some() {
        return Ok(true);
    }
    one_of(scene, &set.elements.iter().collect::<Vec<_>>(), key, at)
}

/// What a map gives for the key.
pub(super) fn given<'s>(scene: &Scene<'_>, set: &'s Set, key: &[Piece], at: At) -> Asked<Given<'s>> {
    if key.iter().any(|piece| matches!(piece.source, Source::Unknown(_))) {
        let hits = undecided(scene, at, Why::State)?;
        return Ok(if hits { Given::Unknown } else { Given::Nothing });
    }
    let mut groups: Vec<(&ElementData, Vec<&Element>)> = Vec::new();
    for element in &set.elements {
        let Some(data) = &element.data else { continue };
        match groups.iter_mut().find(|(known, _)| *known == data) {
            Some((_, elements)) => elements.push(element),
            None => groups.push((data, vec![element])),
        }
    }
    for (data, elements) in groups {
        if one_of(scene, &elements, key, at)? {
            return Ok(of(data));
        }
    }
    Ok(match &set.catch_all {
        Some(all) => all.data.as_ref().map_or(Given::Nothing, of),
        None => Given::Nothing,
    })
}

fn of(data: &ElementData) -> Given<'_> {
    match data {
        ElementData::Value(bytes) => Given::Data(bytes),
        ElementData::Verdict(verdict) => Given::Verdict(verdict),
        ElementData::Object(_) => Given::Unknown,
    }
}

/// Whether the key is one of these.
fn one_of(scene: &Scene<'_>, elements: &[&Element], key: &[Piece], at: At) -> Asked<bool> {
    match key {
        [piece] if matches!(piece.source, Source::Name(_)) => {
            any(elements.iter().map(|element| named(scene, piece, element, at)))
        }
        [piece] if piece.is_ordered() || elements.iter().all(|element| element.first == element.last) => {
            let range = |element: &&Element| (piece.number_of(&element.first), piece.number_of(&element.last));
            piece.within(scene, &ValueSet::from_ranges(elements.iter().map(range)), at)
        }
        [_] => undecided(scene, at, Why::Undecoded),
        key => one_of_many(scene, elements, key, at),
    }
}

/// Whether a concatenated key is one of these. The elements that the parts which are known leave are asked for by the first
/// part that is open, all at once.
fn one_of_many(scene: &Scene<'_>, elements: &[&Element], key: &[Piece], at: At) -> Asked<bool> {
    let mut left: Vec<&Element> = elements.to_vec();
    let mut open = Vec::new();
    let mut first = 0;
    for piece in key {
        let place = first..first + piece.length;
        first = (first + piece.length).next_multiple_of(WORD);
        let mut is_open = false;
        left.retain(|element| match part_fits(scene, piece, element, place.clone(), at) {
            Ok(fits) => fits,
            Err(_) => {
                is_open = true;
                true
            }
        });
        if is_open {
            open.push((piece, place));
        }
    }
    match open.as_slice() {
        [] => Ok(!left.is_empty()),
        [(piece, place)] => any(left.iter().map(|element| part_fits(scene, piece, element, place.clone(), at))),
        _ => any(left
            .iter()
            .map(|element| all(open.iter().map(|(piece, place)| part_fits(scene, piece, element, place.clone(), at))))),
    }
}

/// Whether one part of the key lies in that part of an element.
fn part_fits(
    scene: &Scene<'_>,
    piece: &Piece,
    element: &Element,
    place: std::ops::Range<usize>,
    at: At,
) -> Asked<bool> {
    let part = |bytes: &[u8]| bytes.get(place.clone()).unwrap_or_default().to_vec();
    between(scene, std::slice::from_ref(piece), &part(&element.first), &part(&element.last), at)
}

/// Whether a key lies between two, both included.
pub(super) fn between(scene: &Scene<'_>, key: &[Piece], first: &[u8], last: &[u8], at: At) -> Asked<bool> {
    match key {
        [piece] if matches!(piece.source, Source::Name(_)) => {
            let element = Element { first: first.into(), last: last.into(), data: None, details: None };
            named(scene, piece, &element, at)
        }
        [piece] if piece.is_ordered() || first == last => {
            piece.within(scene, &ValueSet::range(piece.number_of(first), piece.number_of(last)), at)
        }
        _ => undecided(scene, at, Why::Undecoded),
    }
}

/// Whether a device's name is that of an element; a range is of names that start alike.
fn named(scene: &Scene<'_>, piece: &Piece, element: &Element, at: At) -> Asked<bool> {
    let end = element.first.iter().position(|byte| *byte == 0).unwrap_or(element.first.len());
    let name: Name = String::from_utf8_lossy(&element.first[..end]).as_ref().into();
    let prefix = element.first != element.last;
    let alike = element.last.get(..end) == element.first.get(..end);
    let wild = element.last.get(end..).is_some_and(|rest| rest.iter().all(|byte| *byte == 0xff));
    if prefix && !(alike && wild) {
        return undecided(scene, at, Why::Undecoded);
    }
    let answer = piece.is_named(scene, &InterfacePattern { name, prefix });
    answer.unwrap_or_else(|| undecided(scene, at, Why::Undecoded))
}
