//! The names of devices that a native rule asks for: in its comparisons, and in the sets where it looks.
//!
//! It follows which registers hold a name, as far as that takes no packet. Whether the rule holds is not asked here.

use crate::host::nft::{self, CompareOp, Element, Expression, FibResult, LookupResult, MetaKey, Register, Set};
use crate::host::{Table, xt};

use xt::InterfacePattern;

/// Bytes in a word of the register file.
const WORD: usize = 4;
/// Bytes in a name (`IFNAMSIZ`).
const NAME: usize = 16;

/// The names that a rule of this table asks for, and whether it holds for all others.
pub(super) fn asked(table: &Table, rule: &nft::Rule) -> Vec<(InterfacePattern, bool)> {
    let mut asked = Vec::new();
    // The words at which a name begins.
    let mut named: Vec<u8> = Vec::new();
    for expression in &rule.expressions {
        let begins = |from: &Register| named.contains(&from.0);
        match expression {
            Expression::Compare { from, op, data } if begins(from) => {
                asked.push((InterfacePattern::of_bytes(data), *op == CompareOp::NotEqual));
            }
            Expression::Range { from, ends, not } if begins(from) => {
                asked.extend(InterfacePattern::between(&ends.0, &ends.1).map(|pattern| (pattern, *not)));
            }
            Expression::Lookup { set, from, .. } | Expression::ObjectMap { set, from } => {
                let set = table.sets.iter().find(|known| known.name == *set);
                for word in named.iter().filter_map(|word| word.checked_sub(from.0)) {
                    let of_set = set.into_iter().flat_map(|set| of_set(set, usize::from(word) * WORD));
                    asked.extend(of_set.map(|pattern| (pattern, false)));
                }
            }
            _ => {}
        }
        if let Some((to, words)) = loaded(expression) {
            named.retain(|word| *word + (NAME / WORD) as u8 <= to.0 || to.0 + words <= *word);
            if is_name(expression) {
                named.push(to.0);
            }
        }
    }
    asked
}

/// The names at this place of the keys of a set.
fn of_set(set: &Set, first: usize) -> impl Iterator<Item = InterfacePattern> {
    let place = first..first + NAME;
    let (elements, _) = set.contents().unwrap_or_default();
    elements.iter().filter_map(move |Element { first, last, .. }| {
        InterfacePattern::between(first.get(place.clone())?, last.get(place.clone())?)
    })
}

/// Whether it loads the name of a device.
fn is_name(expression: &Expression) -> bool {
    match expression {
        Expression::Meta { key, .. } => {
            matches!(*key, MetaKey::IIFNAME | MetaKey::OIFNAME | MetaKey::BRI_IIFNAME | MetaKey::BRI_OIFNAME)
        }
        Expression::Fib { result, .. } => *result == FibResult::OifName,
        _ => false,
    }
}

/// The register that an expression fills, and how many words: one, where that is not told by the expression itself.
fn loaded(expression: &Expression) -> Option<(Register, u8)> {
    let words = |length: usize| length.div_ceil(WORD).clamp(1, NAME) as u8;
    Some(match expression {
        Expression::Payload { length, to, .. } => (*to, words(usize::from(*length))),
        Expression::Meta { to, .. } | Expression::Fib { to, .. } => {
            (*to, if is_name(expression) { words(NAME) } else { 1 })
        }
        Expression::Immediate { to, data } => (*to, words(data.len())),
        Expression::Bitwise { to, mask_xor, .. } => (*to, words(mask_xor.0.len())),
        Expression::Ct { to, .. }
        | Expression::Exthdr { to, .. }
        | Expression::Socket { to, .. }
        | Expression::Rt { to, .. }
        | Expression::Osf { to, .. }
        | Expression::Xfrm { to, .. }
        | Expression::Tunnel { to, .. }
        | Expression::Numgen { to, .. }
        | Expression::Shift { to, .. }
        | Expression::Byteorder { to, .. }
        | Expression::Lookup { to: Some(LookupResult::Data(to)), .. } => (*to, 1),
        _ => return None,
    })
}
