//! Why a rule held, or did not, or was not asked: from what an outcome keeps of its way, without another walk.
//!
//! A rule that was passed by is asked again, condition by condition, of the packet as it was there. What the packet was is
//! told as data ([`Fact`]); words are somebody else's business, and so is the rule's text.

mod fact;
mod met;
mod native;
mod subject;
mod visit;

use std::sync::OnceLock;

pub use fact::{End, Fact, Now, Part, Subject, Way};
pub use met::Met;
pub use visit::{Spot, visited};

use super::condition::Scene;
use super::engine::Engine;
use super::field::Field;
use super::memory::{Class, Kept};
use super::outcome::{Assumed, Assumption, Event, Outcome, Step, StepAt, Verdict};
use super::plan::Plan;
use super::plans::Planned;
use super::query::Query;
use super::space::{Asked, Open};
use super::state::{Layer, State};
use crate::host::xt::Match;
use crate::host::{Body, ChainType, Host, RuleId};
use visit::{Moment, Visit};

/// What became of a rule on a packet's way.
#[derive(Debug, Clone, PartialEq)]
pub enum Account {
    /// Everything it asks held.
    Held {
        /// What came of it.
        verdict: Verdict,
        /// What it asks, in order.
        checks: Vec<Check>,
    },
    /// It holds for some of the packets, and the first thing that is open tells for which.
    Depends(Decided),
    /// The first thing it asks that did not hold decided; what comes after it was not looked at.
    Failed(Decided),
    /// The packet was not held against it.
    Unreached(Unreached),
}

/// What a rule asks, in order, and which of it decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// What it asks before.
    pub before: Vec<Check>,
    /// What decided.
    pub by: Check,
    /// What it asks after that.
    pub after: Vec<Check>,
}

/// A thing that a rule asks, and what the packet had then.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Index among the rule's matches, or a native rule's expressions.
    pub part: u16,
    /// Whether it holds; `None`: it is open, or was not looked at.
    pub holds: Option<bool>,
    /// What the packet had of what is asked.
    pub facts: Vec<Fact>,
    /// The field that decides it, where it is open.
    pub open: Option<Field>,
    /// What was assumed of it.
    pub assumed: Option<Assumption>,
    /// The elements that the packets met in the set that is asked, each of them one of these; empty where that is not known,
    /// or nothing of the kind is asked.
    pub met: Vec<Met>,
}

/// Why a packet was not held against a rule.
#[derive(Debug, Clone, PartialEq)]
pub enum Unreached {
    /// It left the chain by another rule before.
    After(RuleId, Verdict),
    /// The rule that leads to the chain did not; with what became of that rule.
    NotLed(RuleId, Box<Account>),
    /// The rule that leads to the chain led elsewhere: a map decides where.
    LedElsewhere(RuleId),
    /// It ended at this hook, before the chain.
    Ended,
    /// It never came to this hook.
    Hook,
    /// A chain of type nat is asked only for the first packet of a flow that conntrack follows, and it follows none here.
    Untracked,
    /// Another chain of type nat translated it before.
    Translated(StepAt),
    /// A chain of type nat is asked once for a flow, and it was asked before, or the packet is not the flow's first.
    Bound,
}

impl Account {
    /// What the rule asks, in order; nothing where the packet never came to it.
    pub fn checks(&self) -> Vec<&Check> {
        match self {
            Account::Held { checks, .. } => checks.iter().collect(),
            Account::Depends(decided) | Account::Failed(decided) => {
                decided.before.iter().chain([&decided.by]).chain(&decided.after).collect()
            }
            Account::Unreached(_) => Vec::new(),
        }
    }

    /// Takes in the same account of other packets: what they had is told beside what these had. False: it is another.
    fn take_in(&mut self, other: &Account) -> bool {
        match (self, other) {
            (Account::Held { verdict, checks }, Account::Held { verdict: of_other, checks: others }) => {
                let pairs = || checks.iter().zip(others);
                let alike = *verdict == *of_other
                    && checks.len() == others.len()
                    && pairs().all(|(check, other)| check.is_of(other));
                if alike {
                    checks.iter_mut().zip(others).for_each(|(check, other)| _ = check.take_in(other));
                }
                alike
            }
            (Account::Failed(one), Account::Failed(other)) | (Account::Depends(one), Account::Depends(other)) => {
                one.take_in(other)
            }
            (
                Account::Unreached(Unreached::NotLed(rule, account)),
                Account::Unreached(Unreached::NotLed(of_other, other)),
            ) => rule == of_other && account.take_in(other),
            (Account::Unreached(unreached), Account::Unreached(other)) => unreached == other,
            (Account::Held { .. } | Account::Failed(_) | Account::Depends(_) | Account::Unreached(_), _) => false,
        }
    }
}

impl Decided {
    /// What the first check that comes out so decided.
    fn by(mut checks: Vec<Check>, holds: Option<bool>) -> Option<Decided> {
        let at = checks.iter().position(|check| check.holds == holds)?;
        let mut after = checks.split_off(at + 1);
        let by = checks.pop()?;
        if holds == Some(false) {
            after.iter_mut().for_each(Check::unlooked);
        }
        Some(Decided { before: checks, by, after })
    }

    fn take_in(&mut self, other: &Decided) -> bool {
        let is_same = self.by.take_in(&other.by);
        if is_same {
            let pairs = self.before.iter_mut().zip(&other.before).chain(self.after.iter_mut().zip(&other.after));
            pairs.for_each(|(check, other)| check.blend(other));
        }
        is_same
    }
}

impl Check {
    /// The kernel did not come to it.
    fn unlooked(&mut self) {
        (self.holds, self.open, self.assumed) = (None, None, None);
        self.met.clear();
    }

    /// Takes in a check of the same part that may have come out otherwise, and asked other things.
    fn blend(&mut self, other: &Check) {
        if !self.take_in(other) {
            self.facts.retain(|fact| other.facts.iter().any(|known| known.subject == fact.subject));
            for fact in &mut self.facts {
                let same = other.facts.iter().find(|known| known.subject == fact.subject);
                same.into_iter().for_each(|known| fact.now.take_in(&known.now));
            }
            self.holds = self.holds.filter(|holds| other.holds == Some(*holds));
            self.assumed = None;
            self.met.clear();
        }
    }

    fn is_of(&self, other: &Check) -> bool {
        let subjects = |check: &Check| check.facts.iter().map(|fact| fact.subject).collect::<Vec<_>>();
        (self.part, self.holds) == (other.part, other.holds) && subjects(self) == subjects(other)
    }

    fn take_in(&mut self, other: &Check) -> bool {
        let is_same = self.is_of(other);
        if is_same {
            self.facts.iter_mut().zip(&other.facts).for_each(|(fact, other)| fact.now.take_in(&other.now));
            self.assumed = self.assumed.take().filter(|assumed| other.assumed.as_ref() == Some(assumed));
            met::take_in(&mut self.met, &other.met);
        }
        is_same
    }
}

/// Everything that a rule asks, whatever the packet: indices among its matches, or a native rule's expressions.
pub fn parts(body: &Body) -> Vec<u16> {
    let told: Vec<bool> = match body {
        Body::Iptables(rule) => rule.matches.iter().map(|matched| !matches!(matched, Match::Comment(_))).collect(),
        Body::Nft(rule) => rule.expressions.iter().map(native::is_question).collect(),
    };
    (0..).zip(told).filter_map(|(part, asks)| asks.then_some(part)).collect()
}

/// What became of a rule for the packets of an outcome of this host, by what was asked of the walk. More than one account:
/// its packets fail it, or come to miss it, for different reasons.
pub fn accounts(host: &Host, query: &Query, outcome: &Outcome, spot: &Spot) -> Vec<Account> {
    let plans: Vec<OnceLock<Plan<'_>>> = host.namespaces.iter().map(|_| OnceLock::new()).collect();
    let planned = |index: usize| plans[index].get_or_init(|| Plan::for_questions(host, index));
    asked(&planned, query, outcome, spot)
}

/// The same through plans that are there already; in the order of the outcome's classes.
pub(super) fn asked<'a>(plans: Planned<'a>, query: &'a Query, outcome: &'a Outcome, spot: &Spot) -> Vec<Account> {
    let mut told: Vec<Account> = Vec::new();
    let engine = Engine::new(plans, query);
    for (kept, class) in outcome.memory.classes() {
        let account = of_class(&engine, kept, class, spot);
        if !told.iter_mut().any(|known| known.take_in(&account)) {
            told.push(account);
        }
    }
    told
}

/// Says of the rules without effect on the way whether they hold for all of an outcome's packets, now that it is known
/// which these are: such a rule did not split them when they came to it. One that holds for none is no step.
pub(super) fn settle<'a>(plans: Planned<'a>, query: &'a Query, outcome: &mut Outcome) {
    let engine = Engine::new(plans, query);
    let mut settled: Vec<Option<bool>> = Vec::new();
    for (at, event) in outcome.events.iter().enumerate() {
        let Event::Step(Step { at: StepAt::Rule(rule), sometimes: true, pass, hook, .. }) = event else { continue };
        let namespace = outcome.pass(*pass).map_or(query.namespace, |pass| pass.namespace);
        let spot = Spot { pass: *pass, namespace, hook: *hook, jumps: Vec::new(), rule: *rule };
        let answers = outcome.memory.classes().map(|(kept, class)| {
            let checks = checks(&engine, kept, class, &spot, at, false);
            if checks.iter().any(|check| check.holds == Some(false)) {
                return Some(false);
            }
            checks.iter().all(|check| check.holds == Some(true)).then_some(true)
        });
        let mut answers = answers.collect::<Vec<_>>();
        answers.dedup();
        settled.push(if let [one] = answers[..] { one } else { None });
    }
    let mut settled = settled.into_iter();
    outcome.events.retain_mut(|event| {
        let Event::Step(step) = event else { return true };
        if !step.sometimes {
            return true;
        }
        let holds = settled.next().flatten();
        step.sometimes = holds.is_none();
        holds != Some(false)
    });
}

/// What became of it for one class.
fn of_class(engine: &Engine<'_>, kept: &Kept, class: &Class, spot: &Spot) -> Account {
    let marks = kept.trail.way(class.place);
    let visits = visit::visits(visit::steps(&marks));
    let Some(visit) = visits.iter().find(|visit| visit.is_of(spot)) else {
        return Account::Unreached(match spot.jumps.split_last() {
            Some((last, before)) => {
                let led = Spot { jumps: before.to_vec(), rule: *last, ..spot.clone() };
                match of_class(engine, kept, class, &led) {
                    Account::Held { .. } => Unreached::LedElsewhere(*last),
                    account => Unreached::NotLed(*last, Box::new(account)),
                }
            }
            None => unvisited(engine, &visits, spot),
        });
    };
    let Some(moment) = visit.moment(spot.rule.index) else { return Account::Unreached(Unreached::Ended) };
    match moment {
        Moment::After(step) => match step.at {
            StepAt::Rule(rule) => Account::Unreached(Unreached::After(rule, step.verdict)),
            StepAt::End(_) => Account::Unreached(Unreached::Ended),
        },
        Moment::Passed(at) => {
            let checks = checks(engine, kept, class, spot, at, true);
            split(checks).unwrap_or(Account::Unreached(Unreached::Ended))
        }
        Moment::Held(at, step) => {
            let checks = checks(engine, kept, class, spot, at, true);
            let split = step.sometimes.then(|| split(checks.clone())).flatten();
            split.unwrap_or(Account::Held { verdict: step.verdict, checks })
        }
    }
}

/// What decided that a rule does not hold, or for which packets; `None`: all that it asks holds.
fn split(checks: Vec<Check>) -> Option<Account> {
    if checks.iter().any(|check| check.holds == Some(false)) {
        return Decided::by(checks, Some(false)).map(Account::Failed);
    }
    Decided::by(checks, None).map(Account::Depends)
}

/// Why a base chain was not walked.
fn unvisited(engine: &Engine<'_>, visits: &[Visit<'_>], spot: &Spot) -> Unreached {
    let plan = (engine.plans)(spot.namespace);
    let ruleset = &plan.namespace().ruleset;
    let kind = |chain| ruleset.chain(chain).base.as_ref().map(|base| base.kind);
    let here: Vec<&Visit<'_>> =
        visits.iter().filter(|visit| (visit.pass, visit.hook) == (spot.pass, spot.hook)).collect();
    if kind(spot.base()) == Some(ChainType::Nat) {
        let translates = |step: &&Step| step.verdict.translation().is_some();
        let by = here.iter().flat_map(|visit| &visit.steps).map(|(_, step)| *step).find(translates);
        if let Some(step) = by {
            return Unreached::Translated(step.at);
        }
        if !plan.tracks(engine.family()) {
            return Unreached::Untracked;
        }
        return if here.is_empty() { Unreached::Hook } else { Unreached::Bound };
    }
    if here.is_empty() { Unreached::Hook } else { Unreached::Ended }
}

/// What a rule asks, of the packet as it was after so many marks; with the elements of sets that it met, where they are wanted.
fn checks(engine: &Engine<'_>, kept: &Kept, class: &Class, spot: &Spot, at: usize, met: bool) -> Vec<Check> {
    let Some((packet, made_here)) = visit::packet_at(kept, class, spot.rule, at) else { return Vec::new() };
    let start = engine.start();
    let (space, packet) = (class.space.clone(), packet.clone());
    let mut engine = Engine::new(engine.plans, engine.query);
    engine.plan = (engine.plans)(spot.namespace);
    let ruleset = &engine.plan.namespace().ruleset;
    let layer = Layer::of(ruleset.table(spot.rule.chain).family, spot.hook);
    let state = State { space, packet, layer, made_here, namespace: spot.namespace, pass: spot.pass, ..start };
    let rule = ruleset.rule(spot.rule);
    match &rule.body {
        Body::Iptables(rule) => {
            let scene = engine.scene(&state, spot.hook);
            let matches = rule.matches.iter().enumerate();
            matches
                .map(|(part, matched)| {
                    let at = (spot.rule, part as u16);
                    let holds = scene.holds(matched, at);
                    let check = check(&scene, at, Some(&holds), subject::of_match(&scene, matched, at));
                    Check { met: if met { met::in_match(&scene, matched, at) } else { Vec::new() }, ..check }
                })
                .collect()
        }
        Body::Nft(rule) => native::checks(&engine, &state, spot.hook, rule, spot.rule, met),
    }
}

/// A check of what a part asks; `holds` is `None` where the rule was over before.
fn check(scene: &Scene<'_>, (rule, part): (RuleId, u16), holds: Option<&Asked<bool>>, subjects: Vec<Subject>) -> Check {
    let about = |assumption: &&Assumption| {
        let place = match &assumption.what {
            Assumed::Match { rule, index }
            | Assumed::ChosenFits { rule, index }
            | Assumed::Draws { rule, index, .. } => (*rule, *index),
            _ => return false,
        };
        assumption.namespace == scene.plan.index && place == (rule, part)
    };
    Check {
        part,
        holds: holds.and_then(|holds| holds.as_ref().ok().copied()),
        facts: subjects.into_iter().map(|subject| fact::of(scene, subject)).collect(),
        open: holds.and_then(|holds| holds.as_ref().err()).and_then(decisive),
        assumed: scene.space.assumptions().find(about).cloned(),
        met: Vec::new(),
    }
}

fn decisive(open: &Open) -> Option<Field> {
    match open {
        Open::Field(field, _) | Open::Range(field, ..) => Some(*field),
        Open::Leaves(_) | Open::Assume { .. } => None,
    }
}
