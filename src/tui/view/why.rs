//! The why pane: who answers the selected port, from each place, and what decides; or, while the tree has the keys, the
//! whole text of the row that is looked at.

use super::super::frames::FrameId;
use super::super::listing::rules_need;
use super::super::look::{Tone, badge};
use super::super::outline::Id;
use super::super::state::{Pane, State};
use super::netfilter::plural;
use super::page::{Line, Page};
use super::{Piece, counts, details, netfilter};
use crate::explain::{Answer, brief, clean, shell, uncounted, words};
use crate::host::{IpFamily, RuleId, What};
use crate::syntax;
use crate::walk::{StepAt, Turn, Verdict};

/// How many alternatives of an outcome's conditions are told; the rest is counted.
pub(super) const ALTERNATIVES: usize = 3;
/// How many assumptions of an outcome are told; the rest is counted.
const ASSUMED: usize = 8;

pub(super) fn title(state: &State) -> &'static str {
    match (state.focus, state.tree.row(state.cursor).map(|row| row.id)) {
        (Pane::Netfilter, Some(Id::Rule(..))) => "Rule",
        (Pane::Netfilter, Some(Id::Base(_))) => "Chain",
        (Pane::Ports | Pane::Netfilter | Pane::Why, _) => "Why",
    }
}

/// What the pane says, in lines of `width` columns.
pub(super) fn lines(state: &State, width: usize) -> Vec<Line> {
    page(state, width).lines
}

/// Which of the places from which packets come is told in a line, at a column.
pub(super) fn place_at(state: &State, width: usize, line: usize, column: usize) -> Option<usize> {
    let page = page(state, width);
    page.places.iter().find(|(at, columns, _)| *at == line && columns.contains(&column)).map(|(.., index)| *index)
}

fn page(state: &State, width: usize) -> Page {
    let mut page = Page::new(width);
    match (state.focus, state.tree.row(state.cursor).map(|row| row.id)) {
        (Pane::Netfilter, Some(Id::Rule(frame, index))) => rule(state, &mut page, frame, index),
        (Pane::Netfilter, Some(Id::Base(frame))) => chain(state, &mut page, frame),
        (Pane::Ports | Pane::Netfilter | Pane::Why, _) => answer(state, &mut page),
    }
    page
}

/// How many lines of `width` columns it takes to say who answers.
pub(super) fn said(state: &State, width: usize) -> usize {
    let mut page = Page::new(width);
    answer(state, &mut page);
    page.lines.len()
}

fn answer(state: &State, page: &mut Page) {
    if state.edited.is_some()
        && let Some(command) = state.command()
    {
        page.text(Tone::Changed, &format!("edited: {}", shell(&command)));
    }
    let Some(answers) = state.all_answers() else {
        match (state.surveyed, &state.selected) {
            (true, Some(_)) => page.text(Tone::Dim, "working out who answers…"),
            (true, None) => page.text(Tone::Dim, "Type a port's number to ask who answers it: 80, Enter."),
            (false, _) => {}
        }
        return;
    };
    let Some(answer) = state.answer() else {
        page.text(Tone::Plain, "No packet can come to this address from any place that is known.");
        let ns = state.ns();
        if ns.is_read(What::Links) && !ns.links.iter().any(|link| link.up) {
            page.text(Tone::Plain, "None of its devices is up.");
        }
        return;
    };
    let unread = words::unread(answer.walk.unread.iter().map(|(_, unread)| unread));
    // That rules were not read is told before what is said without them.
    let first = rules_need(state.ns()).is_some();
    if let Some(text) = unread.as_ref().filter(|_| first) {
        page.text(Tone::Unsure, text);
    }
    // Who looks at another outcome than the first wants to know which it is before all else.
    let is_asked = state.outcome > 0;
    if is_asked {
        outcome(state, page);
    }
    page.text(Tone::Plain, &capital(&words::said(&state.host, state.namespace, answer, syntax::part_text)));
    places(state, page, answers);
    if !is_asked {
        outcome(state, page);
    }
    if let Some(text) = unread.filter(|_| !first) {
        page.text(Tone::Unsure, &text);
    }
    if answer.walk.unexplored > 0 {
        page.text(Tone::Unsure, &format!("{} ways were not followed to their end", answer.walk.unexplored));
    }
}

/// Who answers, and from where: places that get the same answer stand together.
fn places(state: &State, page: &mut Page, answers: &[Answer]) {
    let chosen = state.answer_index();
    let mut groups: Vec<(Line, Vec<(usize, Line)>)> = Vec::new();
    for (index, answer) in answers.iter().enumerate() {
        let (sign, tone) = badge(Some(answer.verdict));
        let who = clean(&words::answerers(&state.host, state.namespace, answer, syntax::part_text)).into_owned();
        let head = match answer.walk.query.turn {
            Turn::First | Turn::Later => vec![(tone, format!("{sign} {who}"))],
            Turn::Reply => vec![(Tone::Plain, "answers to".to_owned())],
        };
        let mark = if index == chosen { (Tone::Focus, "▌") } else { (Tone::Dim, " ") };
        let tone = if index == chosen { Tone::Strong } else { Tone::Dim };
        let item = vec![(mark.0, mark.1.to_owned()), (tone, clean(&place(answers, answer)).into_owned())];
        match groups.iter_mut().find(|(known, _)| *known == head) {
            Some((_, items)) => items.push((index, item)),
            None => groups.push((head, vec![(index, item)])),
        }
    }
    for (head, items) in groups {
        let (indices, items): (Vec<usize>, Vec<Line>) = items.into_iter().unzip();
        let spots = page.flow(std::iter::once(head).chain(items).collect());
        let places = spots.into_iter().skip(1).zip(indices);
        page.places.extend(places.map(|((line, columns), index)| (line, columns, index)));
    }
}

/// A place, with the family where the port has both.
pub(super) fn place(answers: &[Answer], answer: &Answer) -> String {
    let both = answers.iter().any(|other| other.family != answer.family);
    let name = words::from(&answer.from);
    match answer.family {
        IpFamily::V6 if both => format!("{name} IPv6"),
        IpFamily::V4 | IpFamily::V6 => name,
    }
}

/// What must hold for the outcome that is looked at, and what was assumed.
fn outcome(state: &State, page: &mut Page) {
    let (Some(answer), Some(outcome)) = (state.answer(), state.outcome()) else { return };
    if answer.walk.outcomes.len() > 1 {
        let (any, unless) = words::when(&answer.walk.query, &[outcome], None).lines();
        if state.outcome > 0 {
            let end = details::port::end(state, answer, outcome);
            let number = format!("outcome {} of {}: {end}", state.outcome + 1, answer.walk.outcomes.len());
            page.text(Tone::Strong, &number);
        }
        for (index, alternative) in any.iter().take(ALTERNATIVES).enumerate() {
            let word = if index == 0 { "when" } else { "or" };
            page.text(Tone::Plain, &format!("{word} {alternative}"));
        }
        if any.len() > ALTERNATIVES {
            page.text(Tone::Dim, &format!("or in {} more cases", any.len() - ALTERNATIVES));
        }
        for (index, exception) in unless.iter().enumerate() {
            let word = if index == 0 { "unless" } else { "or" };
            page.text(Tone::Plain, &format!("{word} {exception}"));
        }
    }
    let (told, more) = outcome.assumed_first(ASSUMED);
    for assumption in told {
        let ruleset = &state.host.namespaces[assumption.namespace].ruleset;
        let text = |rule: RuleId, index: Option<u16>| brief(&syntax::part_text(ruleset, rule, index)).into_owned();
        let clause = words::assumption(&state.host, assumption, &text);
        page.text(Tone::Unsure, &format!("assumed: {clause}"));
    }
    if more > 0 {
        page.text(Tone::Unsure, &format!("assumed: {more} more things"));
    }
}

pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        // Names of processes and chains are told as they are: only a sentence that begins with a word of ours is raised.
        Some(first) if ["no ", "the ", "rule ", "it ", "one "].iter().any(|word| text.starts_with(word)) => {
            first.to_uppercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

/// A rule: its whole text, where it is, and what came of it.
fn rule(state: &State, page: &mut Page, frame: FrameId, index: u32) {
    let at = state.frames.get(frame);
    let ns = &state.host.namespaces[at.place.namespace];
    let rule = at.rule(index);
    page.text(Tone::Strong, &uncounted(&syntax::rule_text(&ns.ruleset, rule)));
    if let Some(text) = within(state, at.place.namespace, rule) {
        page.text(Tone::Plain, &text);
    }
    let table = ns.ruleset.table(rule.chain);
    let mut about = format!(
        "rule {} of {} {}, {} {}{}",
        rule.number(),
        table.name,
        ns.ruleset.chain(rule.chain).name,
        table.family,
        table.backend,
        elsewhere(state, at.place.namespace)
    );
    let counted = counts::told(state, (at.place.namespace, rule));
    if let Some((_, counted)) = &counted {
        about.push_str(&format!("; counted {counted}"));
    }
    let glows = counted.is_some_and(|(tone, _)| tone == Tone::Glow);
    page.text(if glows { Tone::Glow } else { Tone::Dim }, &about);
    if let Some((tone, text)) = came_of(state, frame, index) {
        page.text(tone, &text);
    }
    if let (Some(told), Some(answer)) = (&state.told, state.answer()) {
        let texts = |rule: RuleId, part: Option<u16>| syntax::part_text(&ns.ruleset, rule, part);
        page.text(Tone::Plain, &words::account(ns, answer.family, rule, &told.accounts, &texts));
    }
}

/// By which element of a set a rule was found: `found in @service-ips: 10.96.0.10 . tcp . 53 : goto dns, and in 2 others`.
fn within(state: &State, namespace: usize, rule: RuleId) -> Option<String> {
    let ns = &state.host.namespaces[namespace];
    let found = state.search.as_ref()?.within(namespace, rule)?;
    let element = found.holder.contents(ns)?.text(found.element);
    let others = match found.others {
        0 => String::new(),
        1 => ", and in 1 other".to_owned(),
        others => format!(", and in {others} others"),
    };
    Some(format!("found in {}: {element}{others}", found.holder.name(ns)))
}

/// What came of a rule that held.
pub(super) fn came_of(state: &State, frame: FrameId, index: u32) -> Option<Piece> {
    let at = state.frames.get(frame);
    let ruleset = &state.host.namespaces[at.place.namespace].ruleset;
    let mark = state.path.trodden.get(&frame)?.held.get(&index)?;
    let mut text = match mark.verdict {
        Verdict::Jump(to) => format!("It holds: the packet goes on in {}.", ruleset.chain(to).name),
        Verdict::Goto(to) => {
            format!("It holds: the packet goes on in {}, and does not come back.", ruleset.chain(to).name)
        }
        Verdict::Continue | Verdict::Notrack => "It holds, and the packet goes on with the next rule.".to_owned(),
        Verdict::Return => "It holds: the packet leaves this chain.".to_owned(),
        verdict => match verdict.translation() {
            Some(to) => format!("It holds: {}.", words::translation(&verdict, &to)),
            None => format!("It holds: {}.", verdict.name()),
        },
    };
    if mark.sometimes {
        text.push_str(" For some of the packets only.");
    }
    let decided = state.outcome().and_then(|outcome| outcome.fate.by.as_ref());
    if decided.is_some_and(|step| step.at == StepAt::Rule(at.rule(index))) {
        text.push_str(" This ends its way.");
    }
    Some((netfilter::verdict_tone(&mark.verdict), text))
}

/// In which namespace something stands, unless it is the one that is looked from: `, in svclb`.
pub(super) fn elsewhere(state: &State, namespace: usize) -> String {
    if namespace == state.namespace { String::new() } else { format!(", in {}", state.host.namespaces[namespace].name) }
}

fn chain(state: &State, page: &mut Page, frame: FrameId) {
    let at = state.frames.get(frame);
    let ns = &state.host.namespaces[at.place.namespace];
    let (table, chain) = (ns.ruleset.table(at.chain), ns.ruleset.chain(at.chain));
    let elsewhere = elsewhere(state, at.place.namespace);
    page.text(Tone::Strong, &format!("{} {}{elsewhere}", table.name, chain.name));
    if let Some(base) = &chain.base {
        page.text(
            Tone::Dim,
            &format!(
                "{} {} at {}, priority {}; {}, policy {}",
                table.family,
                table.backend,
                base.hook,
                base.priority,
                plural(chain.rules.len() as u64, "rule"),
                base.policy.name()
            ),
        );
    }
    if let Some(counters) = ns.observations.policies.get(&at.chain) {
        let told = format!("counted {}, {}", plural(counters.packets, "packet"), plural(counters.bytes, "byte"));
        // What policies count is not followed.
        let told = if state.is_live() { format!("had {told} when it was read") } else { told };
        page.text(Tone::Dim, &format!("the policy {told}"));
    }
}
