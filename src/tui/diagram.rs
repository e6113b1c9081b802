//! The hooks as a picture: every stop of a packet in a namespace, with the chains that hang there and the way that the
//! selected packet takes.
//!
//! It says what there is and what keys do in it; how it is drawn is told in `view`, and what stands at a stop in `way`.

mod way;

use super::action::Action;
use super::outline::Id;
use super::overlay::Overlay;
use super::path::{Grouping, Section};
use super::state::{Pane, State};
use super::update::{Effect, in_panes};
use super::view;
use crate::explain::From;
use crate::host::{Family, Hook, IpFamily};
use crate::walk::Event;
pub(super) use way::{Content, Entry, Picture};

/// A place on a packet's way through a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Stop {
    /// What is beyond the devices.
    Network,
    /// The hook at the device, for what comes in.
    Ingress,
    /// A bridge takes a frame in: its hooks prerouting and input.
    BridgeIn,
    /// The hook before routing.
    Prerouting,
    /// Routing, for what comes in.
    Routing,
    /// The hook for what is this host's.
    Input,
    /// Sockets and processes.
    Process,
    /// The hook for what is made here.
    Output,
    /// Routing once more, where the output hook changed something.
    Rerouting,
    /// The hook for what is another host's.
    Forward,
    /// A bridge passes a frame on: its hook forward.
    BridgeForward,
    /// The hook before it leaves.
    Postrouting,
    /// A bridge sends a frame out: its hooks output and postrouting.
    BridgeOut,
    /// The hook at the device, for what goes out.
    Egress,
}

impl Stop {
    /// Every stop, in the order of a way that goes in, up, down and out.
    pub(super) const ALL: [Stop; 14] = [
        Stop::Network,
        Stop::Ingress,
        Stop::BridgeIn,
        Stop::Prerouting,
        Stop::Routing,
        Stop::Input,
        Stop::Process,
        Stop::Output,
        Stop::Rerouting,
        Stop::Forward,
        Stop::BridgeForward,
        Stop::Postrouting,
        Stop::BridgeOut,
        Stop::Egress,
    ];

    /// What it is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Stop::Network => "network",
            Stop::Ingress => "ingress",
            Stop::BridgeIn => "bridge in",
            Stop::Prerouting => "prerouting",
            Stop::Routing => "routing",
            Stop::Input => "input",
            Stop::Process => "local process",
            Stop::Output => "output",
            Stop::Rerouting => "re-routing",
            Stop::Forward => "forward",
            Stop::BridgeForward => "bridge forward",
            Stop::Postrouting => "postrouting",
            Stop::BridgeOut => "bridge out",
            Stop::Egress => "egress",
        }
    }

    /// The hooks whose chains stand there.
    pub(super) fn hooks(self) -> &'static [Hook] {
        match self {
            Stop::Network | Stop::Routing | Stop::Process | Stop::Rerouting => &[],
            Stop::Ingress => &[Hook::Ingress],
            Stop::BridgeIn => &[Hook::Prerouting, Hook::Input],
            Stop::Prerouting => &[Hook::Prerouting],
            Stop::Input => &[Hook::Input],
            Stop::Output => &[Hook::Output],
            Stop::Forward | Stop::BridgeForward => &[Hook::Forward],
            Stop::Postrouting => &[Hook::Postrouting],
            Stop::BridgeOut => &[Hook::Output, Hook::Postrouting],
            Stop::Egress => &[Hook::Egress],
        }
    }

    /// Whether it is one of a bridge.
    pub(super) fn is_bridge(self) -> bool {
        matches!(self, Stop::BridgeIn | Stop::BridgeForward | Stop::BridgeOut)
    }

    /// Whether chains of a table's family stand there; `family`: that of the packet, where one is followed.
    fn has(self, table: Family, family: Option<IpFamily>) -> bool {
        let is_ip = matches!(table, Family::Ip | Family::Ip6 | Family::Inet);
        match self {
            Stop::Ingress | Stop::Egress => matches!(table, Family::Netdev | Family::Inet),
            _ if self.is_bridge() => table == Family::Bridge,
            _ => is_ip && family.is_none_or(|family| table.sees(family)),
        }
    }

    /// The stop at which a chain of such a table stands that hangs at a hook; `None`: IP packets do not come by it.
    fn of(table: Family, hook: Hook) -> Option<Stop> {
        Some(match (table, hook) {
            (Family::Arp, _) => return None,
            (_, Hook::Ingress) => Stop::Ingress,
            (_, Hook::Egress) => Stop::Egress,
            (Family::Bridge, Hook::Prerouting | Hook::Input) => Stop::BridgeIn,
            (Family::Bridge, Hook::Forward) => Stop::BridgeForward,
            (Family::Bridge, Hook::Output | Hook::Postrouting) => Stop::BridgeOut,
            (_, Hook::Prerouting) => Stop::Prerouting,
            (_, Hook::Input) => Stop::Input,
            (_, Hook::Forward) => Stop::Forward,
            (_, Hook::Output) => Stop::Output,
            (_, Hook::Postrouting) => Stop::Postrouting,
        })
    }

    /// Its column and row where it is drawn: what comes in goes up at the left, what goes out comes down at the right.
    pub(super) fn place(self) -> (usize, usize) {
        match self {
            Stop::Input => (0, 0),
            Stop::Process => (1, 0),
            Stop::Output => (2, 0),
            Stop::Routing => (0, 1),
            Stop::Forward => (1, 1),
            Stop::Rerouting => (2, 1),
            Stop::Prerouting => (0, 2),
            Stop::Postrouting => (2, 2),
            Stop::BridgeIn => (0, 3),
            Stop::BridgeForward => (1, 3),
            Stop::BridgeOut => (2, 3),
            Stop::Ingress => (0, 4),
            Stop::Network => (1, 4),
            Stop::Egress => (2, 4),
        }
    }

    /// The stop at a column and a row.
    fn at(column: usize, row: usize, bridges: bool) -> Option<Stop> {
        // Forward stands beside both rows of routing.
        let row = if (column, row) == (1, 2) { 1 } else { row };
        Stop::ALL.into_iter().find(|stop| stop.place() == (column, row) && (bridges || !stop.is_bridge()))
    }

    /// The stop beside it in a direction of the picture.
    fn beside(self, action: Action, bridges: bool) -> Option<Stop> {
        let (column, row) = self.place();
        let mut rows_up = (0..row).rev();
        let mut rows_down = row + 1..5;
        let found = |row: usize| Stop::at(column, row, bridges).filter(|stop| *stop != self);
        match action {
            Action::Up => rows_up.find_map(found),
            Action::Down => rows_down.find_map(found),
            Action::Fold => Stop::at(column.checked_sub(1)?, row, bridges),
            Action::Unfold => Stop::at(column + 1, row, bridges),
            _ => None,
        }
    }
}

/// What the picture shows and where one looks in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Diagram {
    /// The stop that is looked at.
    pub(super) stop: Stop,
    /// Index of the namespace that is drawn.
    pub(super) namespace: usize,
}

impl State {
    /// The picture of a namespace, with the packet's way in it.
    pub(super) fn hooks_of(&self, namespace: usize) -> Picture {
        let answer = self.answer();
        let made = answer.is_some_and(|answer| matches!(answer.from, From::Local(_)));
        let followed = answer.and_then(|answer| Some((answer.family, self.outcome()?)));
        let bases = self.frames.known_bases(namespace, &self.host.namespaces[namespace].ruleset);
        way::picture((&self.host, bases), namespace, followed, made)
    }

    /// The namespaces that can be drawn: the one that is looked from, then those that the packet comes through.
    pub(super) fn drawn(&self) -> Vec<usize> {
        let mut drawn = vec![self.namespace];
        for pass in self.outcome().iter().flat_map(|outcome| &outcome.passes) {
            if !drawn.contains(&pass.namespace) {
                drawn.push(pass.namespace);
            }
        }
        drawn
    }
}

/// The picture on top, where the rule stands that decides.
pub(super) fn open(state: &mut State) {
    let namespace = state.namespace;
    let by = state.answer().and_then(|answer| answer.because.by.as_ref());
    let decides = by.and_then(|step| Stop::of(state.ns().ruleset.table(step.base).family, step.hook));
    state.lay(Overlay::Diagram(Diagram { stop: decides.unwrap_or(Stop::Prerouting), namespace }));
}

/// What an action does in the picture.
pub(super) fn act(state: &mut State, diagram: Diagram, action: Action) -> Option<Effect> {
    match action {
        Action::Diagram | Action::Back | Action::Quit => {
            state.overlays.pop();
        }
        Action::Up | Action::Down | Action::Fold | Action::Unfold => go(state, diagram, action),
        Action::NextPane => turn_namespace(state, diagram, true),
        Action::PreviousPane => turn_namespace(state, diagram, false),
        Action::Enter => enter(state, diagram),
        Action::Copy => return copy(state, diagram),
        Action::Help
        | Action::SaveScreen
        | Action::Pause
        | Action::Redraw
        | Action::Suspend
        | Action::NextOrigin
        | Action::PreviousOrigin
        | Action::OtherFamily
        | Action::Edit
        | Action::Unedit
        | Action::CopyCommand
        | Action::NextOutcome
        | Action::PreviousOutcome => {
            let effect = in_panes(state, action);
            stay_drawn(state);
            return effect;
        }
        _ => {}
    }
    None
}

fn go(state: &mut State, diagram: Diagram, action: Action) {
    let bridges = view::draws_bridges(state, &diagram);
    let next = if view::draws_list(state) {
        let shown: Vec<Stop> = Stop::ALL.into_iter().filter(|stop| bridges || !stop.is_bridge()).collect();
        let at = shown.iter().position(|stop| *stop == diagram.stop).unwrap_or(0);
        match action {
            Action::Up | Action::Fold => at.checked_sub(1).map(|at| shown[at]),
            _ => shown.get(at + 1).copied(),
        }
    } else {
        diagram.stop.beside(action, bridges)
    };
    if let Some(stop) = next {
        change(state, Diagram { stop, ..diagram });
    }
}

fn change(state: &mut State, to: Diagram) {
    if let Some(Overlay::Diagram(diagram)) = state.overlays.last_mut() {
        *diagram = to;
    }
}

/// To the next namespace that the packet comes through, or the one before.
fn turn_namespace(state: &mut State, diagram: Diagram, forward: bool) {
    let drawn = state.drawn();
    let at = drawn.iter().position(|known| *known == diagram.namespace).unwrap_or(0);
    let by = if forward { 1 } else { drawn.len() - 1 };
    change(state, Diagram { namespace: drawn[(at + by) % drawn.len()], ..diagram });
    if drawn.len() == 1 {
        state.notice = Some("the packet comes through no other namespace that is known".to_owned());
    }
}

/// Another packet may not come to the namespace that is drawn.
pub(super) fn stay_drawn(state: &mut State) {
    let (drawn, namespace) = (state.drawn(), state.namespace);
    for overlay in &mut state.overlays {
        if let Overlay::Diagram(diagram) = overlay
            && !drawn.contains(&diagram.namespace)
        {
            diagram.namespace = namespace;
        }
    }
}

/// The chains of a stop, a line for each, as text.
fn copy(state: &mut State, Diagram { stop, namespace }: Diagram) -> Option<Effect> {
    let ruleset = &state.host.namespaces[namespace].ruleset;
    let picture = state.hooks_of(namespace);
    let line = |entry: &Entry| match entry {
        Entry::Chain { chain, .. } => {
            let (table, chain) = (ruleset.table(*chain), ruleset.chain(*chain));
            let base = chain.base.as_ref()?;
            let (priority, policy) = (base.priority, base.policy.name());
            let rules = chain.rules.len();
            let (family, backend) = (table.family, table.backend);
            Some(format!(
                "{} {priority} {family} {} {}, {backend}, rules: {rules}, policy {policy}\n",
                base.hook, table.name, chain.name
            ))
        }
        _ => None,
    };
    let entries = picture.stops.get(&stop).map_or(&[][..], |content| &content.entries);
    let text: String = entries.iter().filter_map(line).collect();
    if text.is_empty() {
        state.notice = Some(format!("no chain hangs at {}: there is nothing to copy", stop.name()));
        return None;
    }
    state.notice = Some(format!("the chains at {} are copied, if the terminal takes it (OSC 52)", stop.name()));
    Some(Effect::Copy(text))
}

/// From a stop to its row in the tree.
fn enter(state: &mut State, diagram: Diagram) {
    if state.grouping == Grouping::Table {
        state.grouping = Grouping::Packet;
        state.follow();
    }
    let Some(id) = row(state, diagram) else {
        let namespace = &state.host.namespaces[diagram.namespace].name;
        let place = if diagram.namespace == state.namespace { String::new() } else { format!(" in {namespace}") };
        state.notice = Some(match diagram.stop.hooks() {
            [] => format!("nothing of this packet's way is at {}{place}", diagram.stop.name()),
            _ => format!("no chain hangs at {}{place}", diagram.stop.name()),
        });
        return;
    };
    state.overlays.pop();
    state.turned.insert(id, true);
    state.lay_out();
    if let Some(place) = state.tree.place(&id) {
        state.cursor = place;
        state.focus = Pane::Netfilter;
        state.offsets.why = 0;
    }
}

/// The row of the tree that tells of a stop.
fn row(state: &State, Diagram { stop, namespace }: Diagram) -> Option<Id> {
    let events = || state.outcome().into_iter().flat_map(|outcome| outcome.events.iter().enumerate());
    let here = |pass: u32| {
        state.outcome().and_then(|outcome| outcome.pass(pass)).is_some_and(|pass| pass.namespace == namespace)
    };
    let routed = |output: bool| {
        let found = events().find(|(_, event)| match event {
            Event::Route(route) => here(route.pass) && (route.after == Some(Hook::Output)) == output,
            Event::Step(_) => false,
        });
        found.map(|(event, _)| Id::Route(event))
    };
    match stop {
        Stop::Routing => routed(false),
        Stop::Rerouting => routed(true),
        Stop::Process => {
            let ends = state.outcome().filter(|outcome| outcome.fate.namespace == namespace);
            ends.map(|_| Id::Fate).filter(|id| state.tree.place(id).is_some())
        }
        Stop::Network => state.tree.row(0).map(|row| row.id),
        _ => hook_row(state, stop, namespace),
    }
}

/// The hook at a stop, where the packet comes there on its first pass before others.
fn hook_row(state: &State, stop: Stop, namespace: usize) -> Option<Id> {
    let found = state.path.sections.iter().filter_map(|section| match section {
        Section::Hook { place, chains, .. } if place.namespace == namespace => {
            let ruleset = &state.host.namespaces[namespace].ruleset;
            let stands = chains.iter().any(|frame| {
                let chain = state.frames.get(*frame).chain;
                Stop::of(ruleset.table(chain).family, place.hook) == Some(stop)
            });
            stands.then_some(*place)
        }
        _ => None,
    });
    found.min_by_key(|place| if place.pass == 0 { u32::MAX } else { place.pass }).map(Id::Hook)
}
