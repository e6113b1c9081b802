//! What a key, a size or a result changes, and what is to be done then. The only place where the state changes; nothing
//! here is slow: walks are effects, and come back as events.

mod mouse;
mod movement;
mod packets;
mod tree;

pub use movement::movement;

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, MouseEvent};

use super::action::Action;
use super::again::{Edition, Fresh};
use super::ahead;
use super::counting;
use super::details;
use super::diagram;
use super::edited;
use super::form;
use super::going;
use super::keeping::{self, Keep, Unkept};
use super::key::Key;
use super::listing;
use super::living;
use super::overlay::{self, Overlay};
use super::reading;
use super::search::{self, Found, Search, Sought};
use super::source::Source;
use super::state::{Pane, Port, State};
use super::tour;
use super::view;
use crate::explain::description::Description;
use crate::explain::{Answer, Survey, Target};
use crate::host::{ChainId, Changes, Counters, Host, Reached, RuleId, Ruleset};

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// The explorer begins.
    Started,
    /// It begins with the tour.
    Guided,
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// A text was pasted.
    Pasted(String),
    /// The screen has another size: columns, rows.
    Resized(u16, u16),
    /// The ports of a reading of the host were found.
    Surveyed(Edition, Survey),
    /// Who answers a port of a reading of the host was worked out.
    Answered(Edition, Target, Vec<Answer>),
    /// Who answers packets that somebody described was worked out: the number of the description, and what there is.
    Walked(Edition, u64, Vec<Answer>),
    /// These rules lead to a chain of the namespace with this index.
    Led(Edition, usize, ChainId, Vec<RuleId>),
    /// What was sought was looked for: the number of the text, and what there is.
    Found(Edition, u64, Arc<Found>),
    /// A file of this name was written, or could not be: why, in one line.
    Kept(Keep, String, Result<(), Unkept>),
    /// The host was read again, beside this reading of it, or could not be: why, in one line.
    Read(Edition, Result<Fresh, String>),
    /// So much of the host is there before all of it is read for the first time, with the index of the namespace to look from.
    Begun(Arc<Host>, usize),
    /// These chains there are, in the namespace that is looked from, before their rules are read for the first time.
    Outlined(Ruleset),
    /// The host was read for the first time, with the index of the namespace to look from; or could not be: why, in one line.
    Opened(Result<(Arc<Host>, usize), String>),
    /// How it was read, in a line.
    Noted(String),
    /// So far is the reading that goes on.
    Reached(Reached),
    /// The ruleset changed since this reading of the host: what a set holds that a walk asks for can no longer be read.
    Outdated(Edition),
    /// So long ago the host was read.
    Aged(Duration),
    /// What changes on the live host is told from now on, or is not any more.
    Followed(bool),
    /// So much of it changed.
    Changed(Changes),
    /// What changed beside this reading of the host was read; `None`: it is what it was. Or it could not be: why, in one line.
    Refreshed(Edition, Result<Option<Fresh>, String>),
    /// The pause after that is over.
    Rested,
    /// What rules of this reading of the host counted, by the index of their namespace, so long after some moment.
    Counted(Arc<Host>, Duration, Vec<((usize, RuleId), Counters)>),
}

/// Something to be done outside of the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Find the ports of the namespace ([`explain::ports`](crate::explain::ports)); [`Event::Surveyed`] answers.
    Survey(Edition),
    /// Walk the packets to a port ([`explain::answers`](crate::explain::answers)); [`Event::Answered`] answers.
    Answer(Edition, Target),
    /// Walk packets to a port that fit a description, which has this number
    /// ([`explain::described_answers`](crate::explain::described_answers)); [`Event::Walked`] answers.
    Walk(Edition, u64, Target, Box<Description>),
    /// Look which rules lead to a chain of the namespace with this index ([`callers`](super::callers())); [`Event::Led`] answers.
    Callers(Edition, usize, ChainId),
    /// Look for a text, which has this number ([`seek`](super::seek())); [`Event::Found`] answers, unless there is a newer one.
    Search(Edition, u64, Box<Sought>),
    /// Write a new file of this name; [`Event::Kept`] answers.
    Keep(Keep, String),
    /// Give a text to the terminal, for whoever pastes it.
    Copy(String),
    /// Read the host for the first time; [`Event::Opened`] answers.
    Open,
    /// Read the host again; [`Event::Read`] answers.
    Read(Edition),
    /// The same with everything that any set holds.
    ReadWhole(Edition),
    /// Read what changed beside this reading of the host, and who answers this port now; [`Event::Refreshed`] answers, and
    /// [`Event::Rested`] follows after a while.
    Refresh(Edition, Changes, Option<Target>),
    /// Stop the reading that goes on; its answer comes all the same.
    Stop,
    /// Leave, as there is nothing to explore: why, in one line.
    GiveUp(String),
    /// Draw every cell again.
    Redraw,
    /// Give the terminal back, and stop until the shell continues the program.
    Suspend,
    /// Leave.
    Quit,
}

/// How many ports are worked out at a time: the selected one, and one of those beside it.
const AT_ONCE: usize = 2;

/// Changes the state by an event. What is to be done comes back, in order.
pub fn update(state: &mut State, event: Event) -> Vec<Effect> {
    let mut effects = Vec::new();
    match event {
        Event::Started if state.is_opening() => effects.push(Effect::Open),
        Event::Started => effects.push(Effect::Survey(state.edition)),
        Event::Guided => tour::open(state),
        Event::Key(key) if key.kind == KeyEventKind::Release => {}
        Event::Key(key) => {
            state.unchosen &= state.is_opening();
            state.notice = None;
            effects.extend(press(state, &key));
        }
        Event::Mouse(mouse) => {
            state.unchosen &= state.is_opening();
            state.notice = None;
            effects.extend(mouse::take(state, &mouse));
        }
        Event::Pasted(text) => effects.extend(paste(state, &text)),
        Event::Resized(columns, rows) => {
            (state.size, state.lower) = ((columns, rows), None);
            state.make_room();
            state.lay_out();
        }
        Event::Begun(host, namespace) => reading::begun(state, host, namespace),
        Event::Outlined(ruleset) => reading::outlined(state, ruleset),
        Event::Opened(read) => effects.push(reading::opened(state, read)),
        Event::Noted(notice) => state.notice = Some(notice),
        Event::Reached(reached) => reading::reach(state, reached),
        Event::Aged(age) => state.age = age,
        Event::Followed(followed) => living::follow(state, followed),
        Event::Changed(changes) => living::change(state, changes),
        Event::Rested => living::rested(state),
        Event::Counted(host, at, rules) => counting::take(state, &host, at, rules),
        Event::Kept(what, name, written) => keeping::kept(state, what, &name, written),
        // What is about a host that was read again since is of no use.
        Event::Surveyed(edition, _)
        | Event::Answered(edition, ..)
        | Event::Walked(edition, ..)
        | Event::Led(edition, ..)
        | Event::Found(edition, ..)
        | Event::Read(edition, _)
        | Event::Refreshed(edition, _)
        | Event::Outdated(edition)
            if edition != state.edition => {}
        Event::Surveyed(_, survey) => {
            let before = state.selected.clone();
            state.take_ports(survey);
            state.keep_again();
            if state.selected != before {
                state.follow();
            }
            effects.extend(ahead::press_all(state));
        }
        Event::Answered(_, target, answers) => {
            answered(state, target, answers);
            if state.surveyed && !state.ahead.is_empty() {
                effects.extend(ahead::press_all(state));
            }
        }
        Event::Walked(_, number, answers) => edited::walked(state, number, answers),
        Event::Led(edition, namespace, chain, rules) => details::led(state, (edition, namespace, chain), rules),
        Event::Found(_, number, found) => search::found(state, number, found),
        Event::Read(_, Ok(fresh)) => {
            state.reading = None;
            effects.extend(living::renew(state, fresh));
            // A small host is read before anybody sees that it is.
            state.notice = Some("everything was read again".to_owned());
        }
        Event::Refreshed(_, read) => effects.extend(living::refreshed(state, read)),
        Event::Read(_, Err(why)) => reading::failed(state, &why),
        Event::Outdated(_) => effects.extend(reading::begin_whole(state)),
    }
    diagram::stay_drawn(state);
    tour::follow(state);
    state.list();
    state.account();
    effects.extend(details::follow(state));
    form::follow(state);
    scroll(state);
    ask(state, &mut effects);
    effects.extend(living::next(state));
    if !state.is_waiting() {
        state.sets = None;
    }
    effects
}

/// What a key does: it is typed where somebody types, else it is an action's.
pub(super) fn press(state: &mut State, key: &KeyEvent) -> Option<Effect> {
    if state.search.as_ref().is_some_and(Search::is_typing) {
        return search::key(state, key);
    }
    if state.keeping.is_some() {
        return keeping::key(state, key);
    }
    if state.tour().is_some() {
        return tour::key(state, key);
    }
    if state.form().is_some() {
        return form::key(state, key);
    }
    if (!state.surveyed || !state.ahead.is_empty()) && ahead::is_ahead(state, key) {
        return None;
    }
    let action = state.keymap.action(key);
    let begins = action.is_none() && state.is_bare() && going::begins(key);
    if (begins || state.going.is_some()) && going::key(state, key) {
        return None;
    }
    state.going = None;
    if action.is_none() && state.is_bare() && !state.is_opening() {
        state.notice = Key::of(key)
            .map(|key| format!("{key} does nothing here: {}", state.keymap.says(Action::Help, "tells every key")));
    }
    action.and_then(|action| act(state, action))
}

/// Types what was pasted, up to the end of its line, where somebody types; elsewhere its characters would do things that nobody
/// asked for.
fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    state.notice = None;
    if !movement::is_typing(state) {
        state.notice =
            Some(format!("what is pasted is not taken for keys; {}", state.keymap.says(Action::Find, "finds it")));
        return Vec::new();
    }
    let line = text.trim_start().lines().next().unwrap_or_default();
    let keys = line.chars().filter(|c| !c.is_control()).map(|c| KeyEvent::from(KeyCode::Char(c)));
    keys.filter_map(|key| press(state, &key)).collect()
}

fn answered(state: &mut State, target: Target, answers: Vec<Answer>) {
    state.asking.retain(|asked| *asked != target);
    state.keep(target.clone(), answers);
    if state.unchosen
        && let Some(begin) = state.begins_with()
    {
        state.unchosen = false;
        state.selected = Some(begin);
    }
    if state.edited.is_none() && state.selected.as_ref() == Some(&target) {
        state.show_answers();
    }
}

/// Reads the host again, where there is one to be read and nobody does so already.
fn read(state: &mut State) -> Option<Effect> {
    match state.source {
        Source::Recording(_) | Source::Demo(_) => {
            state.notice = Some("this host is a recording: there is nothing to read again".to_owned());
            None
        }
        Source::Live if state.is_reading() => None,
        Source::Live => Some(reading::begin(state)),
    }
}

fn act(state: &mut State, action: Action) -> Option<Effect> {
    if !state.is_bare() {
        return overlay::act(state, action);
    }
    if state.is_opening() {
        return reading::while_opening(state, action);
    }
    in_panes(state, action)
}

/// What an action does in the panes.
pub(super) fn in_panes(state: &mut State, action: Action) -> Option<Effect> {
    match action {
        Action::Quit => return Some(Effect::Quit),
        Action::Suspend => return Some(Effect::Suspend),
        Action::Redraw => return Some(Effect::Redraw),
        Action::Read => return read(state),
        Action::Pause => living::pause(state),
        Action::Help => state.lay(Overlay::Help { offset: 0 }),
        Action::Find => search::begin(state),
        Action::NextHit => search::turn(state, true),
        Action::PreviousHit => search::turn(state, false),
        Action::Back if state.is_reading() => return reading::stop(state),
        Action::Back if state.search.is_some() => search::leave(state),
        Action::Back => state.focus = Pane::Ports,
        Action::NextPane => turn_pane(state, 1),
        Action::PreviousPane => turn_pane(state, Pane::ALL.len() - 1),
        Action::TextDown | Action::TextUp => scroll_why(state, action),
        Action::NextOrigin => packets::turn_origin(state, 1),
        Action::PreviousOrigin => packets::turn_origin(state, -1),
        Action::OtherFamily => packets::turn_family(state),
        Action::NextOutcome => packets::turn_outcome(state, 1),
        Action::PreviousOutcome => packets::turn_outcome(state, -1),
        Action::UnfoldPath => tree::unfold_path(state),
        Action::SaveScreen => keeping::begin(state, Keep::Screen),
        Action::SaveHost => keeping::begin(state, Keep::Host),
        Action::Copy => return keeping::copy(state),
        Action::CopyCommand => return keeping::copy_command(state),
        Action::Edit => form::open(state),
        Action::Unedit => edited::give_up(state),
        Action::FoldAll => tree::fold_all(state),
        Action::Group => tree::group(state),
        Action::Filter => listing::next_filter(state),
        Action::Sort => listing::next_order(state),
        Action::Diagram => diagram::open(state),
        Action::Tour => tour::open(state),
        Action::NextStep => tree::step(state, true),
        Action::PreviousStep => tree::step(state, false),
        Action::Up
        | Action::Down
        | Action::PageUp
        | Action::PageDown
        | Action::First
        | Action::Last
        | Action::Fold
        | Action::Unfold
        | Action::Enter => match state.focus {
            Pane::Ports => in_ports(state, action),
            Pane::Netfilter => tree::act(state, action),
            Pane::Why => in_why(state, action),
        },
    }
    None
}

/// Where a movement leads among `len` rows; `None` where the action is none.
pub(super) fn moved(place: usize, action: Action, len: usize, page: usize) -> Option<usize> {
    let last = len.saturating_sub(1);
    Some(match action {
        Action::Up => place.saturating_sub(1),
        Action::Down => (place + 1).min(last),
        Action::PageUp => place.saturating_sub(page.max(1)),
        Action::PageDown => (place + page.max(1)).min(last),
        Action::First => 0,
        Action::Last => last,
        _ => return None,
    })
}

fn turn_pane(state: &mut State, by: usize) {
    let at = Pane::ALL.iter().position(|pane| *pane == state.focus).unwrap_or(0);
    state.focus = Pane::ALL[(at + by) % Pane::ALL.len()];
    state.offsets.why = 0;
}

fn in_ports(state: &mut State, action: Action) {
    let Some(place) = state.place() else {
        packets::say_why_not(state, "the selected port is not listed");
        return;
    };
    let page = view::panes(state).map_or(1, |panes| panes.ports.inner_height());
    match moved(place, action, state.listed(), page) {
        Some(to) if to != place => {
            if let Some(port) = state.port_at(to) {
                state.select(port.target.clone());
            }
        }
        Some(_) => {}
        None if action == Action::Enter => details::open(state),
        None if action == Action::Unfold => {
            state.focus = Pane::Netfilter;
            state.cursor = state.deciding().unwrap_or(state.cursor);
        }
        None => {}
    }
}

/// Scrolls what stands below by a line, whichever pane has the keys.
fn scroll_why(state: &mut State, action: Action) {
    let most = view::why_overflow(state);
    if most == 0 {
        state.notice = Some("all of the text below can be seen".to_owned());
    }
    let line = state.offsets.why;
    state.offsets.why = if action == Action::TextDown { (line + 1).min(most) } else { line.saturating_sub(1) };
}

fn in_why(state: &mut State, action: Action) {
    match action {
        Action::Up => packets::turn_origin(state, -1),
        Action::Down => packets::turn_origin(state, 1),
        Action::PageUp | Action::First => state.offsets.why = state.offsets.why.saturating_sub(3),
        Action::PageDown | Action::Last => state.offsets.why = (state.offsets.why + 3).min(view::why_overflow(state)),
        Action::Enter => match state.deciding() {
            Some(place) => (state.focus, state.cursor) = (Pane::Netfilter, place),
            None => state.notice = Some("no rule decides".to_owned()),
        },
        _ => {}
    }
}

/// How many rows of the tree are kept in sight below the one that is looked at.
const AFTER: usize = 3;

/// Moves the windows so that what is selected can be seen.
fn scroll(state: &mut State) {
    let Some(panes) = view::panes(state) else { return };
    let place = state.place().unwrap_or(0);
    state.offsets.ports = view::window(state.offsets.ports, place, state.listed(), panes.ports.inner_height());
    let (len, height) = (state.tree.len(), panes.tree.inner_height());
    // What comes after the row stays in sight, where there is room for it.
    let after = if height > 2 * AFTER { (state.cursor + AFTER).min(len.saturating_sub(1)) } else { state.cursor };
    let offset = view::window(state.offsets.tree, after, len, height);
    state.offsets.tree = view::window(offset, state.cursor, len, height);
    if state.offsets.why > 0 {
        state.offsets.why = state.offsets.why.min(view::why_overflow(state));
    }
}

/// The ports to which a movement leads next, so that their ways are known when it does.
fn ahead_of(state: &State, page: usize) -> impl Iterator<Item = &Port> {
    let movements = [Action::Down, Action::Up, Action::PageDown, Action::PageUp, Action::First, Action::Last];
    let place = state.place().filter(|_| state.focus == Pane::Ports);
    let places = place.into_iter().flat_map(move |place| {
        movements.into_iter().filter_map(move |movement| moved(place, movement, state.listed(), page))
    });
    places.filter_map(|place| state.port_at(place))
}

/// Asks who answers: the selected port first, then the ports that can be seen, then those to which the next key leads.
fn ask(state: &mut State, effects: &mut Vec<Effect>) {
    // Who named a port, or chose one, need not wait until all are found.
    if state.is_opening() || !state.surveyed && state.unchosen {
        return;
    }
    effects.extend(edited::ask(state));
    let wanted = |state: &State, target: &Target| !state.asking.contains(target) && !state.answers.contains_key(target);
    if let Some(selected) = state.selected.clone().filter(|selected| wanted(state, selected))
        && state.asking.len() < AT_ONCE
    {
        state.asking.push(selected.clone());
        effects.push(Effect::Answer(state.edition, selected));
    }
    if !state.surveyed {
        return;
    }
    // One place is left free for what the user selects next.
    let height = view::panes(state).map_or(0, |panes| panes.ports.inner_height());
    let next = {
        let shown = state.listed_from(state.offsets.ports).take(height);
        let unknown = shown.filter(|port| port.verdict.is_none() || port.stale);
        let mut asked = unknown.chain(ahead_of(state, height)).map(|port| &port.target);
        asked.find(|target| wanted(state, target)).cloned()
    };
    if state.asking.is_empty()
        && let Some(next) = next
    {
        state.asking.push(next.clone());
        effects.push(Effect::Answer(state.edition, next));
    }
}
