//! xtables matches and targets as the kernel holds them: name, revision and bytes → [`Match`] and [`Target`].
//!
//! The bytes are the structs of include/uapi/linux/netfilter/xt_*.h (and netfilter_ipv4/ipt_*.h,
//! netfilter_ipv6/ip6t_*.h); legacy tables and nf_tables' `match` and `target` expressions carry the same ones. Every
//! extension is a row: name, revision, family, size, and the function that reads it. What has no row, another size, or
//! says what the model has no place for, is kept with its name, revision and bytes, and is then unknown to whoever asks.
//! Deliberately does not know what any of it does to a packet, nor the rules around it.

mod blob;
mod content;
mod flow;
mod header;
mod ipv6;
mod nat;
mod place;
mod set;
mod sides;
mod targets;
#[cfg(test)]
mod tests;
mod tracked;
mod transport;

use std::fmt::Write as _;

use crate::host::xt::{Match, Neg, Opaque, Rare, Span, Target};
use crate::host::{Family, Names};

use blob::Blob;
pub(super) use blob::{address_mask, interface};
pub(super) use set::SetNames;

/// What a rule's bytes do not say themselves.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    /// The table's family.
    pub(super) family: Family,
    /// The sets of the namespace.
    pub(super) sets: &'a SetNames,
}

impl From<Family> for Around<'static> {
    /// Where no set has a name.
    fn from(family: Family) -> Self {
        static NONE: SetNames = SetNames::none();
        Around { family, sets: &NONE }
    }
}

/// An extension that has a typed form.
struct Row<T: 'static> {
    name: &'static str,
    revision: u8,
    /// The only family that it is read for; `None`: all.
    family: Option<Family>,
    /// `sizeof` its struct. What follows up to a multiple of eight is padding (`XT_ALIGN`).
    size: usize,
    /// `None` for what the model has no place for.
    read: fn(&Blob, &mut Names) -> Option<T>,
}

const fn row<T>(name: &'static str, revision: u8, size: usize, read: fn(&Blob, &mut Names) -> Option<T>) -> Row<T> {
    Row { name, revision, family: None, size, read }
}

/// What ebtables has under the same name with a struct of its own (linux/netfilter_bridge/ebt_*.h).
const OF_BRIDGES: [&str; 2] = ["limit", "pkttype"];

impl<T> Row<T> {
    const fn only(self, family: Family) -> Row<T> {
        Row { family: Some(family), ..self }
    }

    fn is_for(&self, family: Family, name: &str, revision: u8, length: usize) -> bool {
        let sizes = self.size..=self.size.next_multiple_of(8);
        self.revision == revision
            && self.name == name
            && self.family.is_none_or(|only| only == family)
            && !(family == Family::Bridge && OF_BRIDGES.contains(&self.name))
            && sizes.contains(&length)
    }
}

fn typed<T>(
    rows: &'static [Row<T>],
    Around { family, sets }: Around<'_>,
    name: &str,
    revision: u8,
    bytes: &[u8],
    names: &mut Names,
) -> Option<T> {
    let row = rows.iter().find(|row| row.is_for(family, name, revision, bytes.len()))?;
    (row.read)(&Blob { family, bytes, sets }, names)
}

/// The rows of all matches, those that rules are full of first.
static MATCHES: [&[Row<Match>]; 9] = [
    &header::MATCHES,
    &flow::MATCHES,
    &sides::MATCHES,
    &set::MATCHES,
    &tracked::MATCHES,
    &transport::MATCHES,
    &place::MATCHES,
    &content::MATCHES,
    &ipv6::MATCHES,
];

fn rare(found: Rare) -> Option<Match> {
    Some(Match::Rare(Box::new(found)))
}

/// Two numbers, the first and the last of a range.
fn span(blob: &Blob, at: usize) -> Option<Span> {
    Some((blob.u32(at)?, blob.u32(at + 4)?))
}

/// All numbers there are is what no option at all means.
fn whole(asked: Neg<Span>) -> Option<Neg<Span>> {
    (asked.not || asked.value != (0, u32::MAX)).then_some(asked)
}

/// A match, from the bytes after `struct xt_entry_match`, or those of `NFTA_MATCH_INFO`.
pub(super) fn decode_match<'a>(
    place: impl Into<Around<'a>>,
    name: &str,
    revision: u8,
    bytes: &[u8],
    names: &mut Names,
) -> Match {
    let place = place.into();
    MATCHES
        .iter()
        .find_map(|rows| typed(rows, place, name, revision, bytes, names))
        .unwrap_or_else(|| Match::Opaque(opaque(name, revision, bytes, names)))
}

/// Every target that has a typed form.
static TARGETS: [&[Row<Target>]; 7] = [
    &nat::TARGETS,
    &targets::TARGETS,
    &set::TARGETS,
    &targets::steer::TARGETS,
    &targets::alter::TARGETS,
    &targets::label::TARGETS,
    &targets::note::TARGETS,
];

/// A target, from the bytes after `struct xt_entry_target`, or those of `NFTA_TARGET_INFO`. Verdicts and jumps are none.
pub(super) fn decode_target<'a>(
    place: impl Into<Around<'a>>,
    name: &str,
    revision: u8,
    bytes: &[u8],
    names: &mut Names,
) -> Target {
    let place = place.into();
    TARGETS
        .iter()
        .find_map(|rows| typed(rows, place, name, revision, bytes, names))
        .unwrap_or_else(|| Target::Opaque(opaque(name, revision, bytes, names)))
}

/// What is kept with its name, revision and bytes: the words `--revision N --bytes HEX`. What has no bytes at all
/// (`TRACE`, `socket` of revision 0) has no options either, and so no words, just as the tools print it.
pub(super) fn opaque(name: &str, revision: u8, bytes: &[u8], names: &mut Names) -> Box<Opaque> {
    let mut words = Vec::new();
    if revision != 0 || !bytes.is_empty() {
        let hex = bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        words.extend(["--revision", &revision.to_string(), "--bytes", &hex].map(|word| names.intern(word)));
    }
    Box::new(Opaque { name: names.intern(name), words: words.into() })
}
