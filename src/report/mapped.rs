//! What a map of verdicts decided: which verdict it gave, and what the packet had that it was asked for.

use crate::explain::words;
use crate::host::nft::{Expression, LookupResult};
use crate::host::{Body, Host, RuleId};
use crate::walk::why::{self, Account, Spot};
use crate::walk::{Outcome, Query, Step, StepAt, Verdict};

/// `jump ssh: the packet goes to port 22`; `None` where the rule's text says what it does.
pub(super) fn told(host: &Host, query: &Query, outcome: &Outcome, step: &Step) -> Option<String> {
    let StepAt::Rule(rule) = step.at else { return None };
    let ns = &host.namespaces[outcome.pass(step.pass)?.namespace];
    let part = map(&ns.ruleset.rule(rule).body)?;
    let verdict = match step.verdict {
        Verdict::Jump(chain) | Verdict::Goto(chain) => {
            format!("{} {}", step.verdict.name(), ns.ruleset.chain(chain).name)
        }
        verdict => verdict.name().to_owned(),
    };
    let had = had(host, query, outcome, step, (rule, part)).filter(|had| !had.is_empty());
    Some(had.map_or_else(|| verdict.clone(), |had| format!("{verdict}: {had}")))
}

/// The expression that asks a map for a verdict.
fn map(body: &Body) -> Option<u16> {
    let Body::Nft(rule) = body else { return None };
    let is_map = |does: &Expression| matches!(does, Expression::Lookup { to: Some(LookupResult::Verdict), .. });
    rule.expressions.iter().position(is_map).map(|at| at as u16)
}

/// What the packet had of what a part of a rule asks.
fn had(host: &Host, query: &Query, outcome: &Outcome, step: &Step, (rule, part): (RuleId, u16)) -> Option<String> {
    let is_here = |spot: &Spot| {
        (spot.pass, spot.hook, spot.base()) == (step.pass, step.hook, step.base) && spot.rule.chain == rule.chain
    };
    let spots = why::visited(outcome).into_iter().filter(is_here).map(|spot| Spot { rule, ..spot });
    let accounts = spots.flat_map(|spot| why::accounts(host, query, outcome, &spot));
    let mut checks = accounts.filter_map(|account| match account {
        Account::Held { checks, .. } => checks.into_iter().find(|check| check.part == part),
        Account::Depends(_) | Account::Failed(_) | Account::Unreached(_) => None,
    });
    let namespace = outcome.pass(step.pass)?.namespace;
    checks.next().map(|check| words::had(&host.namespaces[namespace], query.family, &check))
}
