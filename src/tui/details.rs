//! Everything about the rule or the port that is selected: a page on top of the panes that follows the selection.
//!
//! It asks once for what takes a look through the whole of a large table, and keeps where the page is scrolled to. How the page looks
//! is told in `view`.

use super::action::Action;
use super::again::Edition;
use super::callers::callers;
use super::frames::FrameId;
use super::outline::Id;
use super::overlay::Overlay;
use super::search;
use super::state::{Pane, State};
use super::update::{self, Effect, in_panes};
use super::view;
use crate::explain::Target;
use crate::host::{ChainId, RuleId, Table};

/// So many chains and rules are looked through while somebody waits.
const FEW: usize = 2000;

/// So many lines of what is chosen are to be seen.
const BELOW: usize = 3;

/// The page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Details {
    /// Its first visible line.
    pub(super) offset: usize,
    /// What it is about.
    about: Option<About>,
    /// That is about to have another name, as the host was read again.
    renamed: bool,
    /// The rule's chain, once it was asked which rules lead to it.
    of: Option<ChainOf>,
    /// These, once they are known.
    callers: Option<Vec<RuleId>>,
}

/// A chain of a reading of the host, with the index of its namespace.
type ChainOf = (Edition, usize, ChainId);

/// What a page is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum About {
    /// A rule, where its chain was entered.
    Rule(Edition, FrameId, u32),
    /// A port.
    Port(Target),
}

impl Details {
    /// The rules that lead to the rule's chain, as far as that is known.
    pub(super) fn callers(&self) -> &[RuleId] {
        self.callers.as_deref().unwrap_or_default()
    }

    /// Whether these are being looked for.
    pub(super) fn is_asking(&self) -> bool {
        self.of.is_some() && self.callers.is_none()
    }
}

/// Opens the page about what is selected.
pub(super) fn open(state: &mut State) {
    state.lay(Overlay::Details(Details::default()));
}

/// The host was read again: what is the same has another name now, and the page stays where it is.
pub(super) fn moved(state: &mut State) {
    for overlay in &mut state.overlays {
        if let Overlay::Details(details) = overlay {
            details.renamed = true;
        }
    }
}

/// Lets the page follow the selection; nothing is left to tell where that is neither a port nor a rule any more.
pub(super) fn follow(state: &mut State) -> Option<Effect> {
    let Some(Overlay::Details(mut details)) = state.overlays.pop_if(|top| matches!(top, Overlay::Details(_))) else {
        return None;
    };
    let mut effect = None;
    let about = match (state.focus, state.tree.row(state.cursor).map(|row| row.id)) {
        (Pane::Netfilter, Some(Id::Rule(frame, index))) => {
            let at = state.frames.get(frame);
            let of = Some((state.edition, at.place.namespace, at.chain));
            if details.of != of {
                (details.of, details.callers) = (of, None);
                let ruleset = &state.host.namespaces[at.place.namespace].ruleset;
                if is_small(ruleset.table(at.chain)) {
                    details.callers = Some(callers(ruleset, at.chain));
                } else {
                    effect = Some(Effect::Callers(state.edition, at.place.namespace, at.chain));
                }
            }
            Some(About::Rule(state.edition, frame, index))
        }
        (Pane::Ports, _) => state.selected.clone().map(About::Port),
        // The way in a host that was read again is not known yet.
        (Pane::Netfilter, _) if state.held.is_some() => details.about.clone(),
        (Pane::Netfilter | Pane::Why, _) => None,
    };
    about.as_ref()?;
    if details.about != about {
        let offset = if std::mem::take(&mut details.renamed) { details.offset } else { 0 };
        (details.about, details.offset) = (about, offset);
    }
    state.overlays.push(Overlay::Details(details));
    // While the page waits for its last lines, it is shorter than it will be.
    if is_scrolled(state) {
        let most = view::details_overflow(state);
        if let Some(Overlay::Details(details)) = state.overlays.last_mut() {
            details.offset = details.offset.min(most);
        }
    }
    effect
}

/// Whether all of a table can be looked through while somebody waits.
fn is_small(table: &Table) -> bool {
    table.chains.len() <= FEW && table.chains.iter().map(|chain| chain.rules.len()).sum::<usize>() <= FEW
}

/// Whether the page is scrolled, and as long as it will be: its text is made for this question only where it has an answer.
fn is_scrolled(state: &State) -> bool {
    matches!(state.overlays.last(), Some(Overlay::Details(details)) if details.offset > 0 && !details.is_asking())
}

/// These rules lead to a chain.
pub(super) fn led(state: &mut State, of: ChainOf, callers: Vec<RuleId>) {
    for overlay in &mut state.overlays {
        if let Overlay::Details(details) = overlay
            && details.of == Some(of)
        {
            details.callers = Some(callers);
            break;
        }
    }
}

/// What an action does while the page lies on top.
pub(super) fn act(state: &mut State, action: Action) -> Option<Effect> {
    match action {
        Action::Back | Action::Quit => close(state),
        Action::Enter if state.focus == Pane::Ports => {
            close(state);
            return in_panes(state, Action::Unfold);
        }
        Action::Enter => close(state),
        Action::Up | Action::Down if state.focus == Pane::Ports => return in_panes(state, action),
        Action::Up => beside(state, false),
        Action::Down => beside(state, true),
        Action::PageUp | Action::PageDown | Action::First | Action::Last => scroll(state, action),
        Action::TextUp => scroll(state, Action::Up),
        Action::TextDown => scroll(state, Action::Down),
        Action::NextOrigin
        | Action::PreviousOrigin
        | Action::OtherFamily
        | Action::Unedit
        | Action::NextOutcome
        | Action::PreviousOutcome
        | Action::Group => return other_packets(state, action),
        Action::NextStep
        | Action::PreviousStep
        | Action::NextHit
        | Action::PreviousHit
        | Action::Copy
        | Action::CopyCommand
        | Action::Edit
        | Action::SaveScreen
        | Action::SaveHost
        | Action::Read
        | Action::Pause
        | Action::Help
        | Action::Diagram
        | Action::Redraw
        | Action::Suspend => return in_panes(state, action),
        Action::Fold
        | Action::Unfold
        | Action::UnfoldPath
        | Action::FoldAll
        | Action::Filter
        | Action::Sort
        | Action::Find
        | Action::Tour
        | Action::NextPane
        | Action::PreviousPane => {}
    }
    None
}

fn close(state: &mut State) {
    state.overlays.pop();
}

/// What becomes of other packets: the port or the rule stays.
fn other_packets(state: &mut State, action: Action) -> Option<Effect> {
    let rule = rule(state).filter(|_| state.focus == Pane::Netfilter);
    let effect = in_panes(state, action);
    match rule {
        Some((namespace, rule)) => search::reveal(state, namespace, rule),
        None => {
            let (chosen, height) = (view::details_chosen(state), view::details_height(state));
            if let Some(Overlay::Details(details)) = state.overlays.last_mut() {
                let seen = details.offset..(details.offset + height).saturating_sub(BELOW);
                details.offset = if seen.contains(&chosen) { details.offset } else { chosen };
            }
        }
    }
    effect
}

/// The rule that the page is about, in the namespace with this index.
fn rule(state: &State) -> Option<(usize, RuleId)> {
    match state.tree.row(state.cursor)?.id {
        Id::Rule(frame, index) => {
            let at = state.frames.get(frame);
            Some((at.place.namespace, at.rule(index)))
        }
        Id::Pass(_) | Id::Hook(_) | Id::Base(_) | Id::Run { .. } => None,
        Id::End(_) | Id::Route(_) | Id::Fate | Id::Table(_) => None,
    }
}

/// To the next rule among the visible rows, or the one before.
fn beside(state: &mut State, forward: bool) {
    let is_rule = |place: &usize| matches!(state.tree.row(*place).map(|row| row.id), Some(Id::Rule(..)));
    let found = if forward {
        (state.cursor + 1..state.tree.len()).find(is_rule)
    } else {
        (0..state.cursor).rev().find(is_rule)
    };
    state.cursor = found.unwrap_or(state.cursor);
}

fn scroll(state: &mut State, action: Action) {
    let (most, page) = (view::details_overflow(state), view::details_height(state));
    if let Some(Overlay::Details(details)) = state.overlays.last_mut() {
        details.offset = update::moved(details.offset, action, most + 1, page).unwrap_or(details.offset);
    }
}
