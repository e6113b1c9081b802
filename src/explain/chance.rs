//! Outcomes that only chance tells apart, or which rule of a list refuses them, as one: a service of a thousand endpoints is one
//! thing to a person, and so is a list of a thousand banned addresses.
//!
//! What chance picks from is told of them together. It walks nothing, and leaves each outcome as it is.

use std::collections::HashMap;
use std::net::IpAddr;

use super::finding::{Answer, Who};
use super::{judge, listed};
use crate::host::{ChainId, Host, RuleId};
use crate::walk::{
    Assumed, Assumption, Condition, Endpoints, FateKind, Field, Op, Outcome, Reason, StepAt, Turn, Why, rank,
};

/// Outcomes that differ by chance only, or that rules of one chain refuse, each packets of another source; one that differs
/// otherwise from all others stands alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Chance {
    /// The outcomes, as indexes into those of the walk, the likeliest first.
    pub outcomes: Vec<usize>,
    /// Each of them has conditions of its own: a rule asks for the source that one endpoint has.
    pub own_conditions: bool,
    /// The chain whose rules refuse them, with the index of its namespace, where that is what they have in common.
    pub refused_by: Option<(usize, ChainId)>,
    /// Where their packets go, and how many of them, from 0 to 1.
    pub ends: Vec<(Endpoints, f64)>,
}

impl Chance {
    /// Whether all of the places that packets go to are as likely as any other.
    pub fn is_even(&self) -> bool {
        let shares = || self.ends.iter().map(|(_, share)| *share);
        let (least, most) = (shares().fold(f64::MAX, f64::min), shares().fold(0.0, f64::max));
        // Probabilities are written with few digits, and leave out single sources.
        most <= least * 1.01
    }
}

/// The outcomes of an answer's walk, those that differ by chance only together, and those that a list refuses, in the order of the
/// likeliest of each.
pub fn chances(host: &Host, answer: &Answer) -> Vec<Chance> {
    let walk = &answer.walk;
    let mut chances: Vec<Chance> = Vec::new();
    let mut by_kind: HashMap<Kind<'_>, usize> = HashMap::new();
    let judged = walk.outcomes.iter().map(|one| (one, judge::of_answer(host, answer, one)));
    let lists = listed::lists(&judged.collect::<Vec<_>>());
    let mut by_list: HashMap<usize, usize> = HashMap::new();
    for (index, outcome) in walk.outcomes.iter().enumerate() {
        let known = match &lists[index] {
            Some(list) => Some(*by_list.entry(list.number).or_insert(chances.len())),
            None => kind(outcome).map(|kind| *by_kind.entry(kind).or_insert(chances.len())),
        };
        let refused_by = lists[index].as_ref().map(|list| (list.namespace, list.chain));
        match known.and_then(|at| chances.get_mut(at)) {
            Some(chance) => {
                chance.own_conditions |= outcome.when != walk.outcomes[chance.outcomes[0]].when;
                chance.outcomes.push(index);
            }
            None => chances.push(Chance { outcomes: vec![index], own_conditions: false, refused_by, ends: Vec::new() }),
        }
    }
    let all = everywhere(answer);
    for chance in chances.iter_mut().filter(|one| one.outcomes.len() > 1 && one.refused_by.is_none()) {
        let outcomes = chance.outcomes.iter().map(|index| &walk.outcomes[*index]);
        chance.ends = match &all {
            Some(all) => all.clone(),
            None => shared(outcomes.filter(|one| goes(one.fate.kind)).map(|one| (one.fate.endpoints, one.weight))),
        };
    }
    chances
}

/// Where all packets go, where not every way of theirs was followed.
fn everywhere(answer: &Answer) -> Option<Vec<(Endpoints, f64)>> {
    let Who::OneOf(ends) = &answer.who else { return None };
    let is_one = |to: &Endpoints| ends.iter().any(|end| (end.dst, end.dport) == (to.dst, to.dport));
    let told = answer.walk.shares.iter().filter(|share| goes(share.kind) && is_one(&share.to));
    (answer.walk.unexplored > 0).then(|| shared(told.map(|share| (share.to, share.weight))))
}

fn goes(kind: FateKind) -> bool {
    matches!(kind, FateKind::Forwarded | FateKind::Sent | FateKind::Delivered)
}

/// Places with how many packets go there; the greatest first, of equals by their address.
fn shared(all: impl Iterator<Item = (Endpoints, f64)>) -> Vec<(Endpoints, f64)> {
    let mut places: Vec<(Endpoints, f64)> = Vec::new();
    let mut known: HashMap<(Option<IpAddr>, Option<u16>), usize> = HashMap::new();
    let mut whole = 0.0;
    for (to, weight) in all {
        whole += weight;
        let at = *known.entry((to.dst, to.dport)).or_insert(places.len());
        match places.get_mut(at) {
            Some((_, share)) => *share += weight,
            None => places.push((Endpoints { dst: to.dst, dport: to.dport, ..Endpoints::default() }, weight)),
        }
    }
    places.iter_mut().for_each(|(_, share)| *share /= if whole > 0.0 { whole } else { 1.0 });
    places.sort_by_key(|(to, share)| (rank(*share), to.dst, to.dport));
    places
}

/// What outcomes have in common that differ by chance only.
#[derive(PartialEq, Eq, Hash)]
struct Kind<'a> {
    kind: FateKind,
    by: Option<StepAt>,
    reason: Option<Reason>,
    turn: Turn,
    /// Its first draw of lots, by namespace and rule.
    drawn: (usize, RuleId),
    /// What was assumed for another reason.
    assumed: Vec<(usize, &'a Assumed, bool)>,
    /// By which device it left, if it went no further.
    left: (usize, Option<&'a str>),
    /// The form of its conditions: a source that is one endpoint's is another for each.
    when: Vec<Vec<(Field, Op, usize)>>,
}

/// None for an outcome in which chance has no part.
fn kind(outcome: &Outcome) -> Option<Kind<'_>> {
    let drawn = outcome.assumed.iter().filter_map(drawn).min()?;
    let form = |condition: &Condition| (condition.field, condition.op, condition.values.len());
    let others = outcome.assumed.iter().filter(|one| one.why != Why::Random);
    Some(Kind {
        kind: outcome.fate.kind,
        by: outcome.fate.by.as_ref().map(|step| step.at),
        reason: outcome.fate.reason,
        turn: outcome.turn,
        drawn,
        assumed: others.map(|one| (one.namespace, &one.what, one.holds)).collect(),
        left: (outcome.passes.len(), outcome.fate.oif.as_deref()),
        when: outcome.when.iter().map(|all| all.iter().map(form).collect()).collect(),
    })
}

/// The rule that drew lots.
fn drawn(assumption: &Assumption) -> Option<(usize, RuleId)> {
    let rule = match &assumption.what {
        Assumed::Match { rule, .. } | Assumed::Draws { rule, .. } | Assumed::ChosenFits { rule, .. } => *rule,
        _ => return None,
    };
    (assumption.why == Why::Random).then_some((assumption.namespace, rule))
}
