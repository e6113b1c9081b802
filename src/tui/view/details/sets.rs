//! The sets into which a rule looks: what each of them is, which of its elements the packet met, and the first of the others.

use super::super::super::look::Tone;
use super::super::super::sets::{self, Contents, Holder, count_text};
use super::super::super::state::State;
use super::super::page::Page;
use crate::host::{Namespace, RuleId};
use crate::walk::why::Account;

/// So many elements are told of a set; the rest is counted.
const ELEMENTS: usize = 8;
/// So many of those that different packets of an outcome met.
const MET: usize = 4;

/// Tells of the sets of a rule in the namespace with this index.
pub(super) fn tell(state: &State, page: &mut Page, namespace: usize, rule: RuleId) {
    let ns = &state.host.namespaces[namespace];
    let mut told = Vec::new();
    for (part, named) in sets::asked(&ns.ruleset.rule(rule).body) {
        let met = met(state, ns, part);
        let Some(holder) = sets::holder(ns, rule, named) else {
            page.gap();
            page.labelled("set", &(Tone::Unsure, sets::absent(ns, named)));
            continue;
        };
        if !told.contains(&(holder, met.clone())) {
            let found = state.search.as_ref().and_then(|search| search.within(namespace, rule));
            let found = found.filter(|within| holder == within.holder || holder.lists(ns, within.holder));
            let found = found.map(|within| (within.holder, within.element));
            Asked { ns, holder, met: &met, found }.tell(page);
            told.push((holder, met));
        }
    }
}

/// The elements that the packets met in the part of the rule that is looked at, each in its set.
fn met(state: &State, ns: &Namespace, part: Option<u16>) -> Vec<(Holder, usize)> {
    let mut all = Vec::new();
    let accounts = state.told.iter().flat_map(|told| &told.accounts);
    for check in accounts.flat_map(Account::checks).filter(|check| Some(check.part) == part) {
        for place in check.met.iter().map(|met| sets::place(ns, *met)) {
            if !all.contains(&place) {
                all.push(place);
            }
        }
    }
    all
}

/// A set that is told of.
struct Asked<'a> {
    ns: &'a Namespace,
    holder: Holder,
    met: &'a [(Holder, usize)],
    found: Option<(Holder, usize)>,
}

impl Asked<'_> {
    fn tell(&self, page: &mut Page) {
        // What is in a set without a name stands in the rule.
        let named = !self.holder.is_anonymous(self.ns);
        if !named && self.met.is_empty() {
            return;
        }
        page.gap();
        let contents = self.holder.contents(self.ns);
        if named {
            let count = contents.as_ref().map_or_else(|| self.holder.unread(self.ns), |all| count_text(all.count()));
            let label = if self.holder.is_map(self.ns) { "map" } else { "set" };
            let (name, kind) = (self.holder.name(self.ns), self.holder.kind(self.ns));
            let tone = if contents.is_some() { Tone::Strong } else { Tone::Unsure };
            page.labelled(label, &(tone, format!("{name} · {count} · {kind}")));
        }
        self.alone(page, "met", Tone::Good, self.met);
        let found: Vec<(Holder, usize)> = self.found.into_iter().filter(|place| !self.met.contains(place)).collect();
        self.alone(page, "found", Tone::Strong, &found);
        if let Some(contents) = contents.filter(|_| named) {
            self.others(page, &contents, &found);
        }
    }

    /// Elements that stand before the others.
    fn alone(&self, page: &mut Page, label: &str, tone: Tone, places: &[(Holder, usize)]) {
        for (number, (holder, at)) in places.iter().take(MET).enumerate() {
            let Some(contents) = holder.contents(self.ns) else { continue };
            let member = if *holder == self.holder { String::new() } else { format!("{}: ", holder.name(self.ns)) };
            let label = if number == 0 { label } else { "" };
            page.labelled(label, &(tone, format!("{member}{}", contents.text(*at))));
        }
        if places.len() > MET {
            page.labelled("", &(Tone::Dim, format!("or {} others", places.len() - MET)));
        }
    }

    /// The first elements that do not stand there already.
    fn others(&self, page: &mut Page, contents: &Contents<'_>, found: &[(Holder, usize)]) {
        let known = |at: &usize| self.met.contains(&(self.holder, *at)) || found.contains(&(self.holder, *at));
        let shown: Vec<usize> = (0..contents.count()).filter(|at| !known(at)).take(ELEMENTS).collect();
        for at in &shown {
            page.labelled("", &(Tone::Plain, contents.told(*at)));
        }
        let before = self.met.iter().chain(found).filter(|(holder, _)| *holder == self.holder).count();
        match contents.count() - shown.len() - before {
            0 => {}
            more => page.labelled("", &(Tone::Dim, format!("· {more} more ·"))),
        }
    }
}
