//! What chance picks from, in words.

use super::phrase::{Phrase, list, say};
use super::rules;
use crate::explain::chance::Chance;

/// So many places are told one by one.
const ENDS: usize = 6;

/// Where packets go that differ by chance only: `one of 1000 addresses, each as likely: …`.
pub(super) fn chance(chance: &Chance) -> String {
    if chance.ends.len() < 2 {
        return say(Phrase::ChanceAlike, &[]);
    }
    let even = chance.is_even();
    let texts: Vec<String> = chance
        .ends
        .iter()
        .map(|(to, share)| {
            let to = rules::endpoint(to.dst, to.dport).unwrap_or_else(|| say(Phrase::SomeAddress, &[]));
            if even { to } else { format!("{to} ({})", percent(*share)) }
        })
        .collect();
    let phrase = if even { Phrase::ChanceEven } else { Phrase::ChanceUneven };
    let count = chance.ends.len().to_string();
    say(phrase, &[("count", &count), ("ends", &list(Phrase::Or, &texts, ENDS))])
}

fn percent(share: f64) -> String {
    if share >= 0.1 { format!("{:.0}%", share * 100.0) } else { format!("{:.1}%", share * 100.0) }
}
