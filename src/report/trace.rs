//! `trace` for people: the packet, who gets it and why, then each outcome with its conditions and its way, hook by hook.

use super::page::{Page, Span, Tone};
use super::{Style, mapped, namespace_name};
use crate::explain::back::{Back, back, replies_to};
use crate::explain::chance::{Chance, chances};
use crate::explain::{Answer, AnswerVerdict, brief, fields, words};
use crate::host::xt::CtStates;
use crate::host::{ChainId, Host, IpFamily, RuleId, Ruleset};
use crate::syntax::nft::date;
use crate::syntax::{part_text, rule_spec};
use crate::walk::{
    Assumption, Condition, Event, Fate, FateKind, Field, Op, Origin, Outcome, Query, RouteDecision, RouteEvent, Step,
    StepAt, Turn, ValueSet, Values, Verdict, Why, asks_for_time,
};

/// What happens to the packets of each answer's walk, as text: one answer for each device that they may come in by.
pub fn trace(host: &Host, namespace: usize, answers: &[Answer], style: Style) -> String {
    let mut page = Page::new(style);
    for (index, answer) in answers.iter().enumerate() {
        if index > 0 {
            page.blank();
        }
        let mut telling = Telling { host, namespace, made_here: false, is_reply: false, page: &mut page };
        telling.answer(answer);
    }
    page.finish()
}

/// How many conditions of an outcome, and how many of its values, are told; the rest is counted.
const ALTERNATIVES: usize = 4;
/// How many assumptions of an outcome are told; the rest is counted.
const ASSUMED: usize = 8;

struct Telling<'h, 'p> {
    host: &'h Host,
    namespace: usize,
    /// Whether the packet is one that this host makes.
    made_here: bool,
    /// Whether it is an answer: who gets it had asked.
    is_reply: bool,
    page: &'p mut Page,
}

impl<'h> Telling<'h, '_> {
    fn answer(&mut self, answer: &Answer) {
        let query = &answer.walk.query;
        self.is_reply = query.turn == Turn::Reply;
        self.made_here = query.origin == Origin::Local && !self.is_reply;
        self.page.line(
            0,
            2,
            &[(Tone::Strong, &asked(query)), (Tone::Plain, &format!(" {}", comes_from(self.host, query)))],
        );
        self.judgement(answer);
        if let Some(text) = words::unread(answer.walk.unread.iter().map(|(_, unread)| unread)) {
            self.page.line(2, 4, &[(Tone::Unsure, &text)]);
        }
        for chance in chances(self.host, answer) {
            self.page.blank();
            self.chance(answer, &chance);
        }
        if answer.walk.unexplored > 0 {
            let text = format!("and {} ways that were not followed to their end", answer.walk.unexplored);
            self.page.blank();
            self.page.line(0, 2, &[(Tone::Unsure, &text)]);
        }
    }

    /// Who answers, and why; of answers, what becomes of them.
    fn judgement(&mut self, answer: &Answer) {
        if self.is_reply {
            let text = words::of_replies(self.host, self.namespace, answer);
            self.page.line(0, 2, &[(Tone::Strong, &text)]);
            return;
        }
        let tone = verdict_tone(answer.verdict);
        let who = words::answerer(self.host, self.namespace, answer, part_text);
        self.page.line(0, 2, &[(tone, answer.verdict.name()), (Tone::Plain, ": "), (Tone::Strong, &who)]);
        let because = words::because(self.host, self.namespace, answer, part_text);
        if !because.is_empty() {
            self.page.line(2, 2, &[(Tone::Plain, &because)]);
        }
    }

    /// The likeliest of the outcomes that differ by chance only, and what is to be told of the others.
    fn chance(&mut self, answer: &Answer, chance: &Chance) {
        let all = &answer.walk.outcomes;
        let [first, others @ ..] = &chance.outcomes[..] else { return };
        if all.len() > 1 {
            let number = format!("outcome {} of {}", first + 1, all.len());
            let more = match chance.refused_by {
                Some(_) => format!(", and {} more that differ by the rule that refuses them", others.len()),
                None => format!(", and {} more that differ by chance only", others.len()),
            };
            let more = if others.is_empty() { "" } else { &more };
            self.page.line(0, 2, &[(Tone::Strong, &number), (Tone::Strong, more)]);
        }
        if !others.is_empty() && chance.refused_by.is_none() {
            self.page.line(0, 3, &[(Tone::Unsure, "by chance "), (Tone::Plain, &words::chance(chance))]);
        }
        self.outcome(&answer.walk.query, &all[*first], chance);
        let mut told = self.replies(answer, &all[*first], &[]);
        // Who is refused is answered by the rule.
        for other in others.iter().filter(|_| chance.refused_by.is_none()) {
            let more = self.replies(answer, &all[*other], &told);
            told.extend(more);
        }
    }

    fn outcome(&mut self, query: &Query, outcome: &Outcome, chance: &Chance) {
        self.when(query, outcome, chance.own_conditions);
        self.assumed(outcome, chance.outcomes.len() > 1);
        if self.is_reply && outcome.turn == Turn::First {
            self.page.line(0, 2, &[(Tone::Unsure, "nobody answers; what was sent:")]);
        }
        let mut place: Option<(u32, &'static str)> = None;
        let mut base: Option<ChainId> = None;
        for event in &outcome.events {
            match event {
                Event::Step(step) => {
                    let here = (step.pass, step.hook.name());
                    if place != Some(here) {
                        self.pass(outcome, place.map(|(pass, _)| pass), step.pass);
                        self.page.line(0, 2, &[(Tone::Strong, step.hook.name())]);
                        place = Some(here);
                        base = None;
                    }
                    let ruleset = self.ruleset(outcome, step.pass);
                    if base != Some(step.base) {
                        self.chain(ruleset, step);
                        base = Some(step.base);
                    }
                    self.step(ruleset, outcome, step, &|| mapped::told(self.host, query, outcome, step));
                    if step.depth == 0 && matches!((step.at, &step.verdict), (StepAt::End(_), Verdict::Policy(_))) {
                        base = None;
                    }
                }
                Event::Route(route) => {
                    self.pass(outcome, place.map(|(pass, _)| pass), route.pass);
                    self.route(route);
                    place = Some((route.pass, ""));
                }
            }
        }
        self.fate(&outcome.fate);
    }

    /// What becomes of the answers, where they are lost; what is known is not told again. Gives what was told.
    fn replies(&mut self, answer: &Answer, outcome: &Outcome, known: &[String]) -> Vec<String> {
        let Some(replies) = &answer.replies else { return Vec::new() };
        let all = replies_to(outcome, replies).all(|one| back(self.host, &replies.query, one) == Back::Lost);
        let mut told: Vec<(String, Vec<&Outcome>)> = Vec::new();
        for reply in replies_to(outcome, replies) {
            let Some(lost) = words::lost_reply(self.host, self.namespace, answer, reply) else { continue };
            match told.iter_mut().find(|(known, _)| *known == lost) {
                Some((_, known)) => known.push(reply),
                None => told.push((lost, vec![reply])),
            }
        }
        told.retain(|(lost, _)| !known.contains(lost));
        for (lost, some) in &told {
            let when = words::when(&answer.walk.query, some, Some(outcome)).sentence();
            let lost_when = if all || when.is_empty() { "lost: ".to_owned() } else { format!("lost when {when}: ") };
            self.page.line(0, 7, &[(Tone::Strong, "answer "), (Tone::Bad, &lost_when), (Tone::Plain, lost)]);
        }
        told.into_iter().map(|(lost, _)| lost).collect()
    }

    /// A line where a pass begins, where there is something to say: another namespace, or the way back in by lo.
    fn pass(&mut self, outcome: &Outcome, before: Option<u32>, now: u32) {
        if before == Some(now) {
            return;
        }
        let Some(pass) = outcome.pass(now) else { return };
        let mut text = match &pass.iif {
            Some(iif) => format!("enters by {iif}"),
            None if now == 1 && (self.made_here || self.is_reply && is_made_answer(outcome)) => {
                "is made here".to_owned()
            }
            None => "enters by some device".to_owned(),
        };
        let name = namespace_name(self.host, self.namespace, pass.namespace);
        let came_from = before.and_then(|before| outcome.pass(before)).map(|before| before.namespace);
        if !name.is_empty() {
            text = format!("{text}, in namespace {name}");
        } else if came_from.is_some_and(|other| other != pass.namespace) {
            text = format!("{text}, back in {}", self.host.namespaces[pass.namespace].name);
        }
        text = format!("{text}, {}", words::endpoints(&pass.enters));
        self.page.line(0, 2, &[(Tone::Changed, &text)]);
    }

    /// `own`: others that differ by chance have conditions of their own.
    fn when(&mut self, query: &Query, outcome: &Outcome, own: bool) {
        let (any, unless) = words::when(query, &[outcome], None).lines();
        for (index, text) in any.iter().take(ALTERNATIVES).enumerate() {
            let word = if index == 0 { "when " } else { "or " };
            let own = if own && index == 0 { " (of the others each its own)" } else { "" };
            self.page.line(0, 5, &[(Tone::Unsure, word), (Tone::Plain, text), (Tone::Dim, own)]);
        }
        if any.len() > ALTERNATIVES {
            let text = format!("or in {} more cases (--json has them)", any.len() - ALTERNATIVES);
            self.page.line(0, 5, &[(Tone::Unsure, &text)]);
        }
        for (index, text) in unless.iter().enumerate() {
            let word = if index == 0 { "unless " } else { "or " };
            self.page.line(0, 7, &[(Tone::Unsure, word), (Tone::Plain, text)]);
        }
    }

    /// `drawn`: what was assumed by chance is told already.
    fn assumed(&mut self, outcome: &Outcome, drawn: bool) {
        let is_told = |one: &&Assumption| drawn && one.why == Why::Random;
        let (told, more) = match outcome.assumed.iter().any(|one| is_told(&one)) {
            true => (outcome.assumed.iter().filter(|one| !is_told(one)).collect(), 0),
            false => outcome.assumed_first(ASSUMED),
        };
        for assumption in told {
            let ruleset = &self.host.namespaces[assumption.namespace].ruleset;
            let text = |rule: RuleId, index: Option<u16>| brief(&part_text(ruleset, rule, index)).into_owned();
            let clause = words::assumption(self.host, assumption, &text);
            self.page.line(0, 8, &[(Tone::Unsure, "assumed "), (Tone::Plain, &clause)]);
        }
        if more > 0 {
            self.page.line(0, 8, &[(Tone::Unsure, &format!("assumed {more} more things (--json has them)"))]);
        }
    }

    fn ruleset(&self, outcome: &Outcome, pass: u32) -> &'h Ruleset {
        let found = outcome.pass(pass);
        &self.host.namespaces[found.map_or(self.namespace, |pass| pass.namespace)].ruleset
    }

    /// The heading of a base chain.
    fn chain(&mut self, ruleset: &Ruleset, step: &Step) {
        let table = ruleset.table(step.base);
        let name = format!("{} {}", table.name, ruleset.chain(step.base).name);
        let place = format!("  {}, {}, priority {}", table.family, table.backend, step.priority);
        self.page.line(2, 4, &[(Tone::Plain, &name), (Tone::Dim, &place)]);
    }

    /// `mapped` says what a map of verdicts gave.
    fn step(&mut self, ruleset: &Ruleset, outcome: &Outcome, step: &Step, mapped: &dyn Fn() -> Option<String>) {
        let indent = 4 + 2 * usize::from(step.depth).min(DEEPEST);
        match step.at {
            StepAt::Rule(rule) => {
                let number = format!("{:>2} ", rule.number());
                let text = rule_spec(ruleset, rule);
                let text = brief(&text);
                let tone = step_tone(&step.verdict);
                let mut spans: Vec<Span<'_>> = vec![(Tone::Dim, &number), (tone, &text)];
                if step.sometimes {
                    spans.push((Tone::Dim, "  (for some of them)"));
                }
                let translated = step.verdict.translation().map(|to| words::translation(&step.verdict, &to));
                let result = translated.or_else(mapped);
                self.page.line(indent, indent + number.len(), &spans);
                if let Some(result) = result {
                    let hang = indent + number.len();
                    self.page.line(hang, hang + 3, &[(Tone::Changed, "=> "), (Tone::Changed, &result)]);
                }
            }
            StepAt::End(chain) => {
                let text = match step.verdict {
                    Verdict::Policy(policy) => format!("policy {}", policy.name()),
                    _ => end_of(ruleset, outcome, step, chain),
                };
                let bad = matches!(step.verdict, Verdict::Policy(crate::host::Policy::Drop));
                self.page.line(indent, indent + 2, &[(if bad { Tone::Bad } else { Tone::Dim }, &text)]);
            }
        }
    }

    fn route(&mut self, route: &RouteEvent) {
        let text = words::route(route);
        let tone = if matches!(route.decision, RouteDecision::Refused(_)) { Tone::Bad } else { Tone::Plain };
        self.page.line(0, 7, &[(Tone::Strong, "route  "), (tone, &text)]);
    }

    fn fate(&mut self, fate: &Fate) {
        let mut text = words::fate(fate);
        let name = namespace_name(self.host, self.namespace, fate.namespace);
        if !name.is_empty() {
            text = format!("{text}, in namespace {name}");
        }
        let mut spans: Vec<Span<'_>> = vec![(fate_tone(fate), &text)];
        let who = match fate.kind {
            FateKind::Delivered if self.is_reply => None,
            FateKind::Delivered => Some(words::receiver(self.host, fate)),
            _ => None,
        };
        if let Some(who) = &who {
            spans.push((Tone::Plain, ": "));
            spans.push((Tone::Strong, who));
        }
        self.page.line(0, 2, &spans);
    }
}

/// That a user chain ended, and where the packet goes on: a chain that led there by goto ends with it.
fn end_of(ruleset: &Ruleset, outcome: &Outcome, step: &Step, chain: ChainId) -> String {
    let name = |chain: ChainId| &ruleset.chain(chain).name;
    match ends_with(outcome, step, chain) {
        same if same == chain => format!("end of {}, returns", name(chain)),
        base if base == step.base => {
            format!("end of {}, and of {} {}", name(chain), ruleset.table(base).name, name(base))
        }
        other => format!("end of {}, and of {}, returns", name(chain), name(other)),
    }
}

/// The chain that ends with the one that a step ended: that from which gotos led there, or itself.
fn ends_with(outcome: &Outcome, step: &Step, mut chain: ChainId) -> ChainId {
    let before: Vec<&Step> = outcome.steps().take_while(|other| !std::ptr::eq(*other, step)).collect();
    let same = |other: &&&Step| (other.pass, other.hook, other.base) == (step.pass, step.hook, step.base);
    for step in before.iter().filter(same).rev() {
        match step.verdict {
            Verdict::Goto(to) if to == chain => chain = step.at.chain(),
            Verdict::Jump(to) if to == chain => break,
            _ => {}
        }
    }
    chain
}

/// The deepest jump that still moves text to the right.
const DEEPEST: usize = 8;

/// `tcp 80 to 192.168.66.100, IPv4`.
fn asked(query: &Query) -> String {
    let version = words::version(query.family);
    let port = query.known(Field::Dport).map(|port| format!("/{port}")).unwrap_or_default();
    let to = match query.known_address(Field::Dst) {
        Some(addr) => format!(" to {addr}"),
        None if query.dst_is_local => " to an address of this host".to_owned(),
        None => String::new(),
    };
    let what = match query.turn {
        Turn::First => "",
        Turn::Later => "a later packet of ",
        Turn::Reply => "the answer to ",
    };
    format!("{what}{}{port}{to}, {version},", query.protocol)
}

/// Whether an answer is made by the host that got the packet, and did not come from elsewhere.
fn is_made_answer(outcome: &Outcome) -> bool {
    outcome.after.iter().any(|first| first.fate.kind == FateKind::Delivered)
}

/// Where it starts, and what else is known of it beyond what every first packet is.
fn comes_from(host: &Host, query: &Query) -> String {
    let start = match &query.origin {
        Origin::Device(device) => format!("arrives by {device}"),
        Origin::Somewhere => "arrives by any device but lo".to_owned(),
        Origin::Local => match &query.vrf {
            Some(vrf) => format!("made by this host in the VRF {vrf}"),
            None => "made by this host".to_owned(),
        },
    };
    let usual = Query::new(query.namespace, query.origin.clone(), query.family, query.protocol);
    let told = |(field, set): (&Field, &ValueSet)| {
        let is_new = *field == Field::CtState && set.only() == Some(u128::from(CtStates::NEW.bits()));
        let told_above = matches!(field, Field::Iif | Field::Dst | Field::Dport | Field::Time);
        let is_said = query.turn == Turn::Reply && *field == Field::CtState;
        let known = told_above || is_new || is_said || usual.fields.get(field) == Some(set);
        if known { None } else { condition(query.family, *field, set) }
    };
    let asks = || host.namespaces.iter().any(|ns| asks_for_time(&ns.ruleset));
    let now = query.known(Field::Time).filter(|_| asks()).and_then(|now| u64::try_from(now).ok());
    let start = match now {
        Some(now) => format!("{start} at {} UTC", date(now)),
        None => start,
    };
    let more: Vec<String> = query.fields.iter().filter_map(told).collect();
    if more.is_empty() { start } else { format!("{start}; {}", more.join(", ")) }
}

/// The values of a field in words; `None` where all are possible.
fn condition(family: IpFamily, field: Field, set: &ValueSet) -> Option<String> {
    if *set == ValueSet::full(field.bits(family)) {
        return None;
    }
    let values = if field.is_address() {
        fields::prefixes(family, set, usize::MAX)?.into_iter().map(Values::Net).collect()
    } else {
        set.ranges().iter().map(|(first, last)| Values::Range(*first as u64, *last as u64)).collect()
    };
    Some(words::condition(&Condition { field, op: Op::In, values }))
}

fn verdict_tone(verdict: AnswerVerdict) -> Tone {
    match verdict {
        AnswerVerdict::Reached => Tone::Good,
        AnswerVerdict::Diverted => Tone::Changed,
        AnswerVerdict::Blocked => Tone::Bad,
        AnswerVerdict::Depends => Tone::Unsure,
        AnswerVerdict::Unanswered => Tone::Dim,
    }
}

fn step_tone(verdict: &Verdict) -> Tone {
    match verdict {
        Verdict::Accept => Tone::Good,
        Verdict::Drop | Verdict::Reject(_) => Tone::Bad,
        Verdict::Dnat(_)
        | Verdict::Snat(_)
        | Verdict::Masquerade(_)
        | Verdict::Redirect(_)
        | Verdict::Netmap(_)
        | Verdict::Tproxy
        | Verdict::Stolen => Tone::Changed,
        Verdict::Unknown | Verdict::Queue => Tone::Unsure,
        Verdict::Return
        | Verdict::Continue
        | Verdict::Jump(_)
        | Verdict::Goto(_)
        | Verdict::Policy(_)
        | Verdict::Notrack => Tone::Plain,
    }
}

fn fate_tone(fate: &Fate) -> Tone {
    match fate.kind {
        FateKind::Delivered if fate.socket.is_some() => Tone::Good,
        FateKind::Delivered | FateKind::Queued | FateKind::Unknown => Tone::Unsure,
        FateKind::Forwarded | FateKind::Sent | FateKind::Diverted => Tone::Changed,
        FateKind::Dropped | FateKind::Rejected | FateKind::Unroutable | FateKind::Martian => Tone::Bad,
    }
}
