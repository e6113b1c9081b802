//! Which rules lead to a chain: by a jump or a goto, or by a map that has one.
//!
//! A packet plays no part in it: whether it comes by one of these rules is not known here.

use super::frames::target;
use crate::host::nft::{ElementData, Expression, LookupResult, Set, Verdict};
use crate::host::{Body, ChainId, Name, RuleId, Ruleset};

/// The rules that lead to a chain, in the order of the listing. Only rules of its own table can, and all of them are looked
/// through.
pub fn callers(ruleset: &Ruleset, chain: ChainId) -> Vec<RuleId> {
    let table = ruleset.table(chain);
    let maps: Vec<&Name> = table.sets.iter().filter(|set| gives(set, chain)).map(|set| &set.name).collect();
    let by_map = |body: &Body| match body {
        Body::Nft(rule) => rule.expressions.iter().any(|expression| match expression {
            Expression::Lookup { set, to: Some(LookupResult::Verdict), .. } => maps.contains(&set),
            _ => false,
        }),
        Body::Iptables(_) => false,
    };
    let all = (0..).zip(&table.chains).flat_map(|(index, known)| {
        let chain = ChainId { chain: index, ..chain };
        (0..).zip(&known.rules).map(move |(index, rule)| (RuleId { chain, index }, rule))
    });
    let leads = |(id, rule): &(RuleId, &crate::host::Rule)| {
        target(ruleset, *id) == Some(chain) || !maps.is_empty() && by_map(&rule.body)
    };
    all.filter(leads).map(|(id, _)| id).collect()
}

/// Whether a map leads to a chain.
fn gives(set: &Set, chain: ChainId) -> bool {
    let leads = |data: &Option<ElementData>| match data {
        Some(ElementData::Verdict(Verdict::Jump(to) | Verdict::Goto(to))) => to.0 == chain.chain,
        Some(ElementData::Verdict(_) | ElementData::Value(_) | ElementData::Object(_)) | None => false,
    };
    let Some((elements, catch_all)) = set.contents() else { return false };
    elements.iter().any(|element| leads(&element.data)) || catch_all.is_some_and(|all| leads(&all.data))
}
