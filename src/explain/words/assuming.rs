//! What an outcome assumes, in the few words that tell it from others that end alike.

use super::conditions;
use super::phrase::{Phrase, list, say};
use super::{FEW, Texts};
use crate::host::Host;
use crate::walk::{Assumed, Assumption, Outcome};

/// The clauses in a list; empty where nothing is assumed. Where a match stands is told only where `all` outcomes speak of another
/// one that says the same.
pub(super) fn assuming(host: &Host, all: &[Outcome], outcome: &Outcome, texts: Texts) -> String {
    let (told, more) = outcome.assumed_first(FEW);
    let clauses: Vec<String> = told.into_iter().map(|one| clause(host, all, one, texts)).collect();
    match more {
        0 => list(Phrase::And, &clauses, FEW),
        more => say(Phrase::AndMore, &[("items", &clauses.join(", ")), ("count", &more.to_string())]),
    }
}

fn clause(host: &Host, all: &[Outcome], assumption: &Assumption, texts: Texts) -> String {
    let gist = |one: &Assumption, rule, index| conditions::gist(&host.namespaces[one.namespace], rule, index, texts);
    if let Assumed::Match { rule, index } = assumption.what {
        let text = gist(assumption, rule, Some(index));
        let says_the_same = |other: &Assumption| match other.what {
            Assumed::Match { rule: r, index: i } => {
                (other.namespace, r, i) != (assumption.namespace, rule, index) && gist(other, r, Some(i)) == text
            }
            _ => false,
        };
        if !all.iter().flat_map(|outcome| &outcome.assumed).any(says_the_same) {
            let phrase = if assumption.holds { Phrase::BriefHolds } else { Phrase::BriefFails };
            return say(phrase, &[("text", &text)]);
        }
    }
    conditions::assumed(host, assumption, &|rule, index| gist(assumption, rule, index))
}
