//! Everything about a rule: its text, each thing that it asks with what the packet had of it, what was counted, and
//! which rules lead to its chain.

use super::super::super::details::Details;
use super::super::super::frames::FrameId;
use super::super::super::look::Tone;
use super::super::super::state::State;
use super::super::super::text::Columns;
use super::super::Piece;
use super::super::counts;
use super::super::page::Page;
use super::super::why::{came_of, elsewhere};
use crate::explain::{clean, uncounted, words};
use crate::host::nft::Expression;
use crate::host::{Body, IpFamily, Namespace, RuleId, xt};
use crate::syntax;
use crate::walk::why::{self, Account, Check, Decided};

/// So many of the rules that lead to a chain are told; the rest is counted.
const CALLERS: usize = 12;

pub(super) fn title(state: &State, frame: FrameId, index: u32) -> String {
    let at = state.frames.get(frame);
    let ruleset = &state.host.namespaces[at.place.namespace].ruleset;
    let (table, chain) = (ruleset.table(at.chain), ruleset.chain(at.chain));
    let elsewhere = elsewhere(state, at.place.namespace);
    format!("Rule {} of {} · {} {}{elsewhere}", index + 1, chain.rules.len(), table.name, chain.name)
}

pub(super) fn tell(state: &State, details: &Details, page: &mut Page, frame: FrameId, index: u32) {
    let at = state.frames.get(frame);
    let ns = &state.host.namespaces[at.place.namespace];
    let rule = at.rule(index);
    page.text(Tone::Strong, &uncounted(&syntax::rule_text(&ns.ruleset, rule)));
    page.gap();
    let asking = Asking { ns, rule };
    match (&state.told, state.answer()) {
        (Some(told), Some(answer)) if !told.accounts.is_empty() => {
            for (number, account) in told.accounts.iter().enumerate() {
                if number > 0 {
                    page.gap();
                    page.text(Tone::Plain, "For other packets of this outcome:");
                }
                let held = came_of(state, frame, index).filter(|_| matches!(account, Account::Held { .. }));
                let (tone, text) = held.unwrap_or_else(|| asking.headline(answer.family, account));
                page.text(tone, &text);
                page.gap();
                asking.account(page, answer.family, account);
            }
        }
        _ => asking.bare(page, "no packet is followed"),
    }
    super::sets::tell(state, page, at.place.namespace, rule);
    page.gap();
    about(state, page, frame, ns, rule);
    leads(page, ns, details.callers(), at.parent.map(|(above, by)| state.frames.get(above).rule(by)));
}

/// A rule that is told of.
struct Asking<'a> {
    ns: &'a Namespace,
    rule: RuleId,
}

impl Asking<'_> {
    fn text(&self, part: Option<u16>) -> String {
        uncounted(&syntax::part_text(&self.ns.ruleset, self.rule, part)).into_owned()
    }

    /// What became of the rule, in a sentence; what decided is told below.
    fn headline(&self, family: IpFamily, account: &Account) -> Piece {
        let texts = |rule: RuleId, part: Option<u16>| syntax::part_text(&self.ns.ruleset, rule, part);
        match account {
            Account::Failed(_) => (Tone::Strong, "It does not match: ✗ is the reason.".to_owned()),
            Account::Depends(_) => {
                (Tone::Unsure, "It matches some of the packets only: the first ? tells which.".to_owned())
            }
            Account::Held { .. } | Account::Unreached(_) => {
                let text = words::account(self.ns, family, self.rule, std::slice::from_ref(account), &texts);
                (Tone::Strong, text)
            }
        }
    }

    /// Everything that the rule asks, with what the packet had.
    fn account(&self, page: &mut Page, family: IpFamily, account: &Account) {
        let reason = match account {
            Account::Failed(Decided { by, .. }) | Account::Depends(Decided { by, .. }) => Some(by.part),
            Account::Held { .. } => None,
            Account::Unreached(_) => return self.bare(page, "not looked at"),
        };
        let unlooked = match account {
            Account::Failed(decided) => decided.after.first().map(|check| check.part),
            Account::Held { .. } | Account::Depends(_) | Account::Unreached(_) => None,
        };
        let parts = why::parts(&self.ns.ruleset.rule(self.rule).body);
        let asks = |check: &&&Check| parts.contains(&check.part) || check.holds == Some(false);
        let checks = account.checks();
        let told: Vec<(String, &Check)> =
            checks.iter().filter(asks).map(|check| (self.text(Some(check.part)), *check)).collect();
        let columns = self.columns(page, told.iter().map(|(text, _)| text.as_str()));
        for (text, check) in &told {
            let is_reason = reason == Some(check.part);
            let looked = unlooked.is_none_or(|first| check.part < first);
            let had = words::had(self.ns, family, check);
            let (sign, tone) = match check.holds {
                Some(true) => ("✓", Tone::Good),
                Some(false) => ("✗", Tone::Bad),
                None if looked => ("?", Tone::Unsure),
                None => ("·", Tone::Dim),
            };
            let beside = match (looked, check.holds, is_reason) {
                (false, ..) if had.is_empty() => "not looked at".to_owned(),
                (false, ..) => format!("not looked at ({had})"),
                (true, Some(holds), _) if had.is_empty() => if holds { "holds" } else { "does not hold" }.to_owned(),
                (true, None, _) if had.is_empty() => "open".to_owned(),
                (true, ..) => had,
            };
            let text_tone = match (is_reason, looked) {
                (true, _) => Tone::Strong,
                (false, true) => Tone::Plain,
                (false, false) => Tone::Dim,
            };
            let beside_tone = if is_reason { tone } else { text_tone };
            page.pair((tone, sign.to_owned()), &(text_tone, text.clone()), &(beside_tone, beside), columns);
        }
        let held = matches!(account, Account::Held { .. });
        self.does(page, if held { Tone::Strong } else { Tone::Dim }, columns);
    }

    /// What the rule asks, with the same said of each.
    fn bare(&self, page: &mut Page, beside: &str) {
        let texts: Vec<String> =
            why::parts(&self.ns.ruleset.rule(self.rule).body).into_iter().map(|part| self.text(Some(part))).collect();
        let columns = self.columns(page, texts.iter().map(String::as_str));
        for text in texts {
            page.pair((Tone::Dim, "·".to_owned()), &(Tone::Plain, text), &(Tone::Dim, beside.to_owned()), columns);
        }
        self.does(page, Tone::Dim, columns);
    }

    /// What the rule does where everything holds.
    fn does(&self, page: &mut Page, tone: Tone, columns: usize) {
        let text = self.text(None);
        if !text.is_empty() {
            let columns = columns.max(page.width.saturating_sub(2));
            page.pair((tone, "▶".to_owned()), &(tone, text), &(Tone::Dim, String::new()), columns);
        }
    }

    /// How many columns the texts get: as many as the widest needs, and less than half.
    fn columns<'t>(&self, page: &Page, texts: impl Iterator<Item = &'t str>) -> usize {
        let widest = texts.map(|text| clean(text).width()).max().unwrap_or(0);
        widest.min(page.width * 45 / 100)
    }
}

/// Where the rule is, what was counted, and what the admin says of it.
fn about(state: &State, page: &mut Page, frame: FrameId, ns: &Namespace, rule: RuleId) {
    let at = state.frames.get(frame);
    if let Some(comment) = comment(&ns.ruleset.rule(rule).body) {
        page.labelled("comment", &(Tone::Plain, comment));
    }
    let (tone, counted) = counted(state, (at.place.namespace, rule));
    page.labelled("counted", &(tone, counted));
    let (table, chain) = (ns.ruleset.table(rule.chain), ns.ruleset.chain(rule.chain));
    let mut place = format!("{} {} of {} {}", table.family, chain.name, table.name, table.backend);
    if let Some(handle) = ns.ruleset.rule(rule).handle {
        place.push_str(&format!(", handle {}", handle.0));
    }
    match &chain.base {
        Some(base) => place.push_str(&format!(
            ", at {} with priority {}, policy {}",
            base.hook,
            base.priority,
            base.policy.name()
        )),
        None => place.push_str(&format!(", come to at {}", at.place.hook)),
    }
    place.push_str(&elsewhere(state, at.place.namespace));
    page.labelled("chain", &(Tone::Plain, place));
}

/// What a rule counted; that it does not, where it has no counter.
fn counted(state: &State, rule: (usize, RuleId)) -> Piece {
    let told = || match &state.host.namespaces[rule.0].ruleset.rule(rule.1).body {
        Body::Nft(body) if !body.expressions.contains(&Expression::Counter) => "nothing: it has no counter",
        Body::Nft(_) | Body::Iptables(_) => "not read",
    };
    counts::told(state, rule).unwrap_or_else(|| (Tone::Plain, told().to_owned()))
}

fn comment(body: &Body) -> Option<String> {
    match body {
        Body::Iptables(rule) => rule.matches.iter().find_map(|matched| match matched {
            xt::Match::Comment(comment) => Some(comment.to_string()),
            _ => None,
        }),
        Body::Nft(rule) => rule.comment.as_ref().map(ToString::to_string),
    }
}

/// The rules that lead to the chain; `by`: the one that the tree comes by.
fn leads(page: &mut Page, ns: &Namespace, callers: &[RuleId], by: Option<RuleId>) {
    let first = callers.iter().filter(|rule| Some(**rule) == by);
    let others = callers.iter().filter(|rule| Some(**rule) != by);
    for (number, rule) in first.chain(others).take(CALLERS).enumerate() {
        let chain = &ns.ruleset.chain(rule.chain).name;
        let parts = why::parts(&ns.ruleset.rule(*rule).body).into_iter();
        let asks: Vec<String> = parts.map(|part| syntax::part_text(&ns.ruleset, *rule, Some(part))).collect();
        let asks = if asks.is_empty() { "every packet".to_owned() } else { asks.join(" ") };
        let label = if number == 0 { "led to by" } else { "" };
        let tone = if Some(*rule) == by { Tone::Strong } else { Tone::Plain };
        page.labelled(label, &(tone, format!("rule {} of {chain}: {asks}", rule.number())));
    }
    if callers.len() > CALLERS {
        page.labelled("", &(Tone::Dim, format!("and {} more", callers.len() - CALLERS)));
    }
}
