//! The register file: pieces by the byte at which they begin.

use super::piece::{Piece, Source, ones};
use crate::host::nft::Register;
use crate::walk::alter::replaced;
use crate::walk::condition::Scene;
use crate::walk::outcome::Why;
use crate::walk::packet::Value;
use crate::walk::set::ValueSet;

/// Bytes in a register.
const WORD: usize = 4;

/// What the registers hold.
#[derive(Default)]
pub(super) struct Registers {
    held: Vec<(usize, Piece)>,
    /// Why what nothing was put into is not known.
    forgotten: Option<Why>,
}

impl Registers {
    /// Puts pieces into a register and those that follow it.
    pub(super) fn put(&mut self, to: Register, pieces: Vec<Piece>) {
        let mut at = usize::from(to.0) * WORD;
        let end = at + pieces.iter().map(|piece| piece.length).sum::<usize>();
        self.held.retain(|(first, piece)| first + piece.length <= at || *first >= end.next_multiple_of(WORD));
        for piece in pieces {
            let length = piece.length;
            self.held.push((at, piece));
            at += length;
        }
    }

    /// Nobody knows any longer what is in them.
    pub(super) fn forget(&mut self, why: Why) {
        self.held.clear();
        self.forgotten = Some(why);
    }

    /// The piece that holds this byte, where its bytes can be told apart: a port that a map gives after an address.
    fn covering(&self, at: usize) -> Option<(usize, &Piece)> {
        let held = self.held.iter().find(|(first, piece)| (*first..first + piece.length).contains(&at));
        held.filter(|(_, piece)| piece.is_ordered()).map(|(first, piece)| (*first, piece))
    }

    /// The pieces in so many bytes from a register on; what is not there is unknown. The bytes that pad a part of a
    /// concatenation are no piece.
    pub(super) fn get(&self, from: Register, length: usize) -> Vec<Piece> {
        let (mut at, end) = (usize::from(from.0) * WORD, usize::from(from.0) * WORD + length);
        let mut pieces = Vec::new();
        while at < end {
            match self.held.iter().find(|(first, _)| *first == at) {
                Some((_, piece)) if at + piece.length <= end => {
                    pieces.push(piece.clone());
                    at += piece.length.max(1);
                }
                // Fewer bytes are asked than were loaded: a prefix.
                Some((_, piece)) => {
                    pieces.push(match piece.source {
                        Source::Name(_) => piece.clone(),
                        _ if piece.is_ordered() => piece.part(0, end - at),
                        _ => Piece::unknown(Why::Undecoded, end - at),
                    });
                    at = end;
                }
                None if at % WORD != 0 => at = at.next_multiple_of(WORD),
                None if self.covering(at).is_some() => {
                    pieces.extend(self.covering(at).map(|(first, piece)| {
                        let length = (first + piece.length).min(end) - at;
                        let part = piece.part(at - first, length);
                        at += length;
                        part
                    }));
                }
                None => {
                    pieces.push(Piece::unknown(self.forgotten.unwrap_or(Why::Undecoded), end - at));
                    at = end;
                }
            }
        }
        pieces
    }
}

/// Each piece with its part of the mask and of what is flipped.
pub(super) fn masked(pieces: &[Piece], mask: &[u8], flip: &[u8]) -> Vec<Piece> {
    let mut at = 0;
    let part = |bytes: &[u8], at: usize, length: usize| bytes.get(at..at + length).unwrap_or_default().to_vec();
    pieces
        .iter()
        .map(|piece| {
            let (mask, flip) = (part(mask, at, piece.length), part(flip, at, piece.length));
            at += piece.length;
            piece.masked(&mask, &flip)
        })
        .collect()
}

/// The value of a piece of 32 bits that is a number of the machine, such as a mark: `(value & mask) ^ flip`.
pub(super) fn number(scene: &Scene<'_>, piece: &Piece) -> Value {
    let Source::Value(value) = &piece.source else {
        return Value::Chosen { among: ValueSet::full(32), why: Why::State };
    };
    // A constant lies there as it was put: in the machine's order.
    if let (Value::Known(known), false) = (value, piece.host_order) {
        let bytes = (((*known & piece.mask) >> piece.shift) ^ piece.flip) as u32;
        return Value::Known(u128::from(u32::from_ne_bytes(bytes.to_be_bytes())));
    }
    if piece.shift != 0 || piece.length != WORD {
        return Value::Chosen { among: ValueSet::full(32), why: Why::State };
    }
    let mask = (!piece.mask & ones(WORD)) as u32;
    replaced(&scene.settled(value), mask, &Value::Known(piece.flip), u32::MAX)
}
