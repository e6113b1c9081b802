//! What keys do in the tree: movements, folding, and steps along the path.

use super::{moved, packets};
use crate::host::RuleId;
use crate::tui::action::Action;
use crate::tui::details;
use crate::tui::outline::Id;
use crate::tui::path::{Grouping, Section};
use crate::tui::search;
use crate::tui::state::{Pane, State};
use crate::tui::view;

/// An action while the tree has the keys.
pub(super) fn act(state: &mut State, action: Action) {
    let page = view::panes(state).map_or(1, |panes| panes.tree.inner_height());
    if let Some(to) = moved(state.cursor, action, state.tree.len(), page) {
        state.cursor = to;
        state.offsets.why = 0;
        return;
    }
    let Some(row) = state.tree.row(state.cursor) else { return };
    let id = row.id;
    match (action, row.open) {
        (Action::Fold, Some(true)) => turn(state, id, false),
        (Action::Fold, _) => match state.tree.parent(state.cursor) {
            Some(parent) => state.cursor = parent,
            None => state.focus = Pane::Ports,
        },
        (Action::Unfold, Some(false)) => turn(state, id, true),
        (Action::Unfold, Some(true)) => state.cursor += 1,
        (Action::Enter, _) if matches!(id, Id::Rule(..)) => details::open(state),
        (Action::Enter, Some(open)) => turn(state, id, !open),
        (Action::Enter, None) => state.notice = Some("there is no more to tell of this row".to_owned()),
        _ => {}
    }
}

fn turn(state: &mut State, id: Id, open: bool) {
    state.turned.insert(id, open);
    state.lay_out();
}

/// Opens every chain that the packet enters.
pub(super) fn unfold_path(state: &mut State) {
    let before = state.tree.len();
    open_path(state);
    if state.tree.len() == before {
        packets::say_why_not(state, "all that the packet walks through is open");
    }
}

fn open_path(state: &mut State) {
    loop {
        let closed: Vec<Id> = (0..state.tree.len())
            .filter_map(|place| state.tree.row(place))
            .filter(|row| row.open == Some(false) && is_walked(state, row.id))
            .map(|row| row.id)
            .collect();
        if closed.is_empty() {
            return;
        }
        state.turned.extend(closed.into_iter().map(|id| (id, true)));
        state.lay_out();
    }
}

/// Whether the packet goes into what is below the row.
fn is_walked(state: &State, id: Id) -> bool {
    match id {
        Id::Hook(_) => match state.path.sections.iter().find(|section| Id::of(section) == id) {
            Some(Section::Hook { chains, .. }) => chains.iter().any(|frame| state.path.trodden.contains_key(frame)),
            _ => false,
        },
        Id::Base(frame) => state.path.trodden.contains_key(&frame),
        Id::Rule(frame, index) => {
            state.path.trodden.get(&frame).is_some_and(|trodden| trodden.held.contains_key(&index))
        }
        Id::Table(_) => match state.path.sections.iter().find(|section| Id::of(section) == id) {
            Some(Section::Table { chains, .. }) => chains.iter().any(|frame| state.path.trodden.contains_key(frame)),
            _ => false,
        },
        Id::Run { .. } | Id::Pass(_) | Id::End(_) | Id::Route(_) | Id::Fate => false,
    }
}

/// Folds everything, and goes to what the row is at the top of.
pub(super) fn fold_all(state: &mut State) {
    let open: Vec<Id> = (0..state.tree.len())
        .filter_map(|place| state.tree.row(place))
        .filter(|row| row.open == Some(true))
        .map(|row| row.id)
        .collect();
    let mut top = state.cursor;
    while let Some(parent) = state.tree.parent(top) {
        top = parent;
    }
    state.cursor = top;
    state.turned.extend(open.into_iter().map(|id| (id, false)));
    state.lay_out();
}

/// To the next or the former rule that held, as the packet meets them: what it is below is opened. From elsewhere than the tree
/// to the first of them, or the last.
pub(super) fn step(state: &mut State, forward: bool) {
    let stops = stops(state);
    let to = match at(state, &stops) {
        _ if stops.is_empty() => None,
        Some(at) if forward => Some(at + 1),
        Some(at) => at.checked_sub(1),
        None if state.focus == Pane::Netfilter => beside(state, &stops, forward),
        None => Some(if forward { 0 } else { stops.len() - 1 }),
    };
    match to.and_then(|to| Some((to, *stops.get(to)?))) {
        Some((to, stop)) => {
            search::show(state, stop);
            state.stop = Some(to);
            state.offsets.why = 0;
        }
        None => {
            let end = if forward { "the path ends here" } else { "no rule holds before this one" };
            packets::say_why_not(state, end);
        }
    }
}

/// The rows of the path, in the packet's order.
fn stops(state: &State) -> Vec<Id> {
    let way = state.path.way.iter().map(|(frame, index)| match index {
        Some(index) => Id::Rule(*frame, *index),
        None => Id::End(*frame),
    });
    let end = state.tree.place(&Id::Fate).map(|_| Id::Fate);
    way.chain(end).collect()
}

/// Which of them is looked at: a rule that is met more than once stands for the time to which somebody stepped.
fn at(state: &State, stops: &[Id]) -> Option<usize> {
    let looked = state.tree.row(state.cursor).filter(|_| state.focus == Pane::Netfilter)?.id;
    let known = state.stop.filter(|at| stops.get(*at) == Some(&looked));
    known.or_else(|| stops.iter().position(|stop| *stop == looked))
}

/// The next of them among the visible rows, or the one before.
fn beside(state: &State, stops: &[Id], forward: bool) -> Option<usize> {
    let place = |stop: &Id| state.tree.place(stop);
    let mut seen = stops.iter().enumerate().filter_map(|(at, stop)| Some((at, place(stop)?)));
    let found = match forward {
        true => seen.find(|(_, place)| *place > state.cursor),
        false => seen.rfind(|(_, place)| *place < state.cursor),
    };
    found.map(|(at, _)| at)
}

/// Tells chains in the other order. The row that is looked at stays, where it is there.
pub(super) fn group(state: &mut State) {
    let looked = state.tree.row(state.cursor).and_then(|row| match row.id {
        Id::Rule(frame, index) => Some((state.frames.get(frame), index)),
        _ => None,
    });
    state.grouping = match state.grouping {
        Grouping::Packet => Grouping::Table,
        Grouping::Table => Grouping::Packet,
    };
    state.follow();
    if let Some((at, index)) = looked.filter(|_| state.focus == Pane::Netfilter) {
        search::stay(state, at.place.namespace, RuleId { chain: at.chain, index });
    }
}
