//! Whether rules ask what time it is: only then it matters of which moment an answer is.
//!
//! What they make of it is theirs.

use crate::host::nft::{Expression, MetaKey};
use crate::host::xt::{Match, Rare};
use crate::host::{Body, Rule, Ruleset};

/// Whether a rule asks for the time: `-m time`, or `meta time`, `meta day` and `meta hour` (`time_mt`, `nft_meta_get_eval_time`).
pub fn asks_for_time(ruleset: &Ruleset) -> bool {
    ruleset.chains().flat_map(|(_, chain)| &chain.rules).any(asks)
}

fn asks(rule: &Rule) -> bool {
    let by_match = |matched: &Match| matches!(matched, Match::Rare(rare) if matches!(**rare, Rare::Time(_)));
    let by_key = |expression: &Expression| {
        matches!(expression, Expression::Meta { key: MetaKey::TIME_NS | MetaKey::TIME_DAY | MetaKey::TIME_HOUR, .. })
    };
    let is_native = match &rule.body {
        Body::Nft(body) => body.expressions.iter().any(by_key),
        Body::Iptables(_) => false,
    };
    is_native || rule.body.matches().any(by_match)
}
