//! What `cmp` says of the pieces that a register holds.

use super::piece::{self, Piece, Source, undecided};
use crate::host::nft::CompareOp;
use crate::host::xt::InterfacePattern;
use crate::walk::condition::{Scene, all, negate};
use crate::walk::outcome::Why;
use crate::walk::set::ValueSet;
use crate::walk::space::Asked;

/// `nft_cmp_eval`: equality piece by piece, order only where a number's bytes are in the order of the network.
pub(super) fn compare(scene: &Scene<'_>, pieces: &[Piece], op: CompareOp, data: &[u8], at: piece::At) -> Asked<bool> {
    if let [piece] = pieces
        && let Source::Name(_) = piece.source
    {
        let pattern = InterfacePattern::of_bytes(data);
        let answer = piece.is_named(scene, &pattern).unwrap_or_else(|| undecided(scene, at, Why::Undecoded));
        return match op {
            CompareOp::Equal => answer,
            CompareOp::NotEqual => negate(answer, true),
            _ => undecided(scene, at, Why::Undecoded),
        };
    }
    let equal = || {
        let mut first = 0;
        let parts = pieces.iter().map(|piece| {
            let bytes = data.get(first..first + piece.length).unwrap_or_default();
            first += piece.length;
            piece.within(scene, &ValueSet::one(piece.number_of(bytes)), at)
        });
        all(parts.collect::<Vec<_>>())
    };
    let ([piece], true) = (pieces, pieces.first().is_some_and(Piece::is_ordered)) else {
        return match op {
            CompareOp::Equal => equal(),
            CompareOp::NotEqual => negate(equal(), true),
            _ => undecided(scene, at, pieces.iter().find_map(Piece::why_unknown).unwrap_or(Why::Undecoded)),
        };
    };
    let (number, most) = (piece.number_of(data), piece::ones(piece.length));
    let set = match op {
        CompareOp::Equal => return equal(),
        CompareOp::NotEqual => return negate(equal(), true),
        CompareOp::Less if number == 0 => ValueSet::empty(),
        CompareOp::Less => ValueSet::range(0, number - 1),
        CompareOp::LessOrEqual => ValueSet::range(0, number),
        CompareOp::Greater if number == most => ValueSet::empty(),
        CompareOp::Greater => ValueSet::range(number + 1, most),
        CompareOp::GreaterOrEqual => ValueSet::range(number, most),
    };
    piece.within(scene, &set, at)
}
