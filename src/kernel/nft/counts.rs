//! What single rules counted: each is asked for by its handle, whatever else its table holds (`nf_tables_getrule`).

use super::super::netlink::{Attributes, Channel, Failure, push_attribute};
use super::expression::stateful;
use super::{FAMILIES, GENERIC, GET_RULE, talk};
use crate::host::{Counters, RuleId, Ruleset};

/// What a rule counted by its first counter; `None` where it is gone, or counts nothing.
///
/// # Errors
/// What the kernel says instead of an answer.
pub(in crate::kernel) fn count(
    channel: &mut Channel,
    ruleset: &Ruleset,
    rule: RuleId,
) -> Result<Option<Counters>, Failure> {
    let (table, chain) = (ruleset.table(rule.chain), ruleset.chain(rule.chain));
    let handle = chain.rules.get(rule.index as usize).and_then(|rule| rule.handle);
    let family = FAMILIES.into_iter().find(|(_, family)| *family == table.family);
    let (Some(handle), Some((family, _))) = (handle, family) else { return Ok(None) };
    let mut request = vec![0; GENERIC];
    request[0] = family;
    for (kind, name) in [(1, &table.name), (2, &chain.name)] {
        push_attribute(&mut request, kind, &[name.as_bytes(), &[0]].concat());
    }
    push_attribute(&mut request, 3, &handle.0.to_be_bytes());
    match channel.get(GET_RULE, &request, |message| talk::body(&message).get(4).and_then(first)) {
        Err(Failure::Missing) => Ok(None),
        counters => counters,
    }
}

/// What the first counter among expressions says (`NFTA_RULE_EXPRESSIONS`).
fn first(expressions: &[u8]) -> Option<Counters> {
    let is_counter = |parts: &Attributes<'_>| parts.get(1).is_some_and(|name| name == b"counter\0");
    let counter = Attributes(expressions).map(|(_, one)| Attributes(one)).find(is_counter)?;
    stateful::counters(&Attributes(counter.get(2)?))
}
