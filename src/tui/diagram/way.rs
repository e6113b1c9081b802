//! Which stops of a namespace a packet goes through, and what it meets at each.
//!
//! Made from the outcome and the ruleset whenever it is drawn; it decides nothing about packets. How it looks is not known here.

use std::collections::{HashMap, HashSet};

use super::Stop;
use crate::host::{ChainId, Family, Hook, Host, IpFamily, LinkKind, Namespace};
use crate::tui::path::{chains_at, in_order};
use crate::walk::{Event, FateKind, Outcome, Pass, Verdict};

/// The picture of a namespace.
#[derive(Debug, Clone, Default)]
pub(in crate::tui) struct Picture {
    /// What stands at each stop.
    pub(in crate::tui) stops: HashMap<Stop, Content>,
    /// The arrows that the packet follows.
    pub(in crate::tui) lit: HashSet<(Stop, Stop)>,
    /// Whether passes are told apart by their numbers.
    pub(in crate::tui) numbered: bool,
    /// Whether bridges have something to say: chains, or frames that cross one.
    pub(in crate::tui) bridges: bool,
}

/// What stands at a stop.
#[derive(Debug, Clone, Default)]
pub(in crate::tui) struct Content {
    /// The passes that go through it, in order.
    pub(in crate::tui) passes: Vec<u32>,
    /// What there is, in order.
    pub(in crate::tui) entries: Vec<Entry>,
}

/// Something that stands at a stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::tui) enum Entry {
    /// A base chain.
    Chain {
        /// Which one.
        chain: ChainId,
        /// Whether the packet is walked through it.
        met: bool,
    },
    /// What a rule of the chain above, or its policy, does to the packet.
    Turn {
        /// On which pass.
        pass: u32,
        /// What it does.
        verdict: Verdict,
    },
    /// Routing decides: index of the outcome's event.
    Route {
        /// On which pass.
        pass: u32,
        /// Index of the outcome's event.
        event: usize,
    },
    /// The packet is made here on this pass.
    Made(u32),
    /// It is delivered here on this pass.
    Delivered(u32),
    /// The way ends here, on this pass, by no rule.
    Ends(u32),
    /// It comes in by a device on this pass.
    In(u32),
    /// It goes out by a device on this pass.
    Out(u32),
    /// It comes from the network on this pass, the first.
    From(u32),
    /// It goes through another namespace on this pass.
    Beyond(u32),
    /// It goes to the network on this pass, for good.
    To(u32),
}

/// A namespace with its base chains: few, where most chains are only jumped to.
struct Ground<'a> {
    ns: &'a Namespace,
    bases: Vec<ChainId>,
}

impl Ground<'_> {
    /// Whether base chains stand at a stop.
    fn has_chains(&self, stop: Stop) -> bool {
        let ruleset = &self.ns.ruleset;
        self.bases.iter().any(|id| {
            let base = ruleset.chain(*id).base.as_ref();
            base.is_some_and(|base| Stop::of(ruleset.table(*id).family, base.hook) == Some(stop))
        })
    }
}

/// The picture of a namespace, with the way of an outcome of a packet of `family` in it; `made`: it was made by the namespace
/// that was asked about. `bases`: the base chains there.
pub(super) fn picture(
    (host, bases): (&Host, Vec<ChainId>),
    namespace: usize,
    followed: Option<(IpFamily, &Outcome)>,
    made: bool,
) -> Picture {
    let ns = &host.namespaces[namespace];
    let place = Ground { ns, bases };
    let mut picture = Picture::default();
    if let Some((_, outcome)) = followed {
        picture.numbered = outcome.passes.len() > 1;
        for pass in &outcome.passes {
            if pass.namespace == namespace {
                let made = made && pass.number == 1;
                let way = way(&place, outcome, pass, made);
                picture.ends_of(&way, outcome, pass, made);
                picture.lit.extend(way.windows(2).map(|two| (two[0], two[1])));
                picture.bridges |= way.contains(&Stop::BridgeForward);
                for stop in way {
                    picture.goes(stop, pass.number);
                }
            } else {
                picture.goes(Stop::Network, pass.number);
                picture.content(Stop::Network).entries.push(Entry::Beyond(pass.number));
            }
        }
    }
    let outcome = followed.map(|(_, outcome)| outcome);
    for stop in Stop::ALL {
        picture.chains(&place, stop, followed, namespace);
    }
    picture.bridges |= place.bases.iter().any(|chain| ns.ruleset.table(*chain).family == Family::Bridge);
    if let Some(outcome) = outcome {
        picture.events(outcome, namespace, made);
    }
    picture
}

impl Picture {
    fn content(&mut self, stop: Stop) -> &mut Content {
        self.stops.entry(stop).or_default()
    }

    fn goes(&mut self, stop: Stop, pass: u32) {
        let passes = &mut self.content(stop).passes;
        if !passes.contains(&pass) {
            passes.push(pass);
        }
    }

    /// Where a pass comes from and where it goes.
    fn ends_of(&mut self, way: &[Stop], outcome: &Outcome, pass: &Pass, made: bool) {
        let last = outcome.passes.last().is_some_and(|last| last.number == pass.number);
        if way.contains(&Stop::Ingress) {
            self.content(Stop::Ingress).entries.push(Entry::In(pass.number));
        }
        if way.contains(&Stop::Egress) {
            self.content(Stop::Egress).entries.push(Entry::Out(pass.number));
        }
        if pass.number == 1 && !made {
            self.content(Stop::Network).entries.push(Entry::From(pass.number));
        }
        if last && way.last() == Some(&Stop::Network) {
            self.content(Stop::Network).entries.push(Entry::To(pass.number));
        }
    }

    /// The base chains of a stop, each with what it does to the packet.
    fn chains(&mut self, place: &Ground, stop: Stop, followed: Option<(IpFamily, &Outcome)>, namespace: usize) {
        let (ns, hooks) = (place.ns, stop.hooks());
        let steps = || {
            let here = |pass: u32| move |known: &Pass| known.number == pass && known.namespace == namespace;
            let outcome = followed.map(|(_, outcome)| outcome);
            let all = outcome.into_iter().flat_map(move |outcome| {
                outcome.steps().filter(move |step| outcome.passes.iter().any(here(step.pass)))
            });
            all.filter(move |step| Stop::of(ns.ruleset.table(step.base).family, step.hook) == Some(stop))
        };
        let mut order: Vec<ChainId> = Vec::new();
        for step in steps() {
            if !order.contains(&step.base) {
                order.push(step.base);
            }
            self.goes(stop, step.pass);
        }
        let family = followed.map(|(family, _)| family);
        for hook in hooks {
            let mut chains = chains_at(&ns.ruleset, place.bases.iter().copied(), *hook, |seen| stop.has(seen, family));
            in_order(&mut chains, &order, |chain| *chain);
            for chain in chains {
                let met = order.contains(&chain);
                let turns = steps().filter(|step| step.base == chain && turns(&step.verdict));
                let turns = turns.map(|step| Entry::Turn { pass: step.pass, verdict: step.verdict });
                let entries: Vec<Entry> = std::iter::once(Entry::Chain { chain, met }).chain(turns).collect();
                self.content(stop).entries.extend(entries);
            }
        }
    }

    /// What routing decides, where the packet is made and where it is delivered.
    fn events(&mut self, outcome: &Outcome, namespace: usize, made: bool) {
        for pass in outcome.passes.iter().filter(|pass| pass.namespace == namespace) {
            if made && pass.number == 1 {
                self.content(Stop::Process).entries.push(Entry::Made(pass.number));
            }
            for (event, route) in outcome.events.iter().enumerate() {
                let Event::Route(route) = route else { continue };
                let stop = match route.after {
                    Some(Hook::Output) => Stop::Rerouting,
                    Some(_) => Stop::Routing,
                    None => Stop::Process,
                };
                if route.pass == pass.number {
                    self.content(stop).entries.push(Entry::Route { pass: pass.number, event });
                }
            }
        }
        let Some(last) = outcome.passes.last().filter(|last| last.namespace == namespace) else { return };
        match outcome.fate.kind {
            FateKind::Delivered => self.content(Stop::Process).entries.push(Entry::Delivered(last.number)),
            FateKind::Forwarded | FateKind::Sent => {}
            _ if outcome.fate.by.is_some() => {}
            _ => {
                let through =
                    |stop: &Stop| self.stops.get(stop).is_some_and(|content| content.passes.contains(&last.number));
                let at = Stop::ALL.into_iter().filter(|stop| *stop != Stop::Network).rfind(through);
                self.content(at.unwrap_or(Stop::Ingress)).entries.push(Entry::Ends(last.number));
            }
        }
    }
}

/// Whether a verdict turns the packet or ends its way.
fn turns(verdict: &Verdict) -> bool {
    crate::tui::path::Mark { verdict: *verdict, sometimes: false }.decides()
}

/// The stops that a pass goes through, from where it comes from to where it goes, or ends.
fn way(place: &Ground, outcome: &Outcome, pass: &Pass, made: bool) -> Vec<Stop> {
    let ns = place.ns;
    let last = outcome.passes.last().is_some_and(|last| last.number == pass.number);
    let leaves = !last || matches!(outcome.fate.kind, FateKind::Forwarded | FateKind::Sent);
    let delivered = last && outcome.fate.kind == FateKind::Delivered;
    let events = || outcome.events.iter().filter(|event| number(event) == pass.number);
    let routed = events().any(|event| matches!(event, Event::Route(_)));
    let known = || events().filter_map(|event| stop_of(ns, event));
    // Where its chains were not asked, as nobody knows the port, the bridge is left out.
    let by_bridge = |device: &Option<String>, stop: Stop| {
        device.as_ref().is_some_and(|device| is_of_bridge(ns, device))
            && (known().any(|known| known == stop) || !place.has_chains(stop))
    };
    let comes = [Stop::Network, Stop::Ingress]
        .into_iter()
        .chain(by_bridge(&pass.iif, Stop::BridgeIn).then_some(Stop::BridgeIn));
    let goes = by_bridge(&pass.oif, Stop::BridgeOut)
        .then_some(Stop::BridgeOut)
        .into_iter()
        .chain([Stop::Egress, Stop::Network]);
    let crosses = known().any(|stop| matches!(stop, Stop::Forward | Stop::BridgeForward)) || leaves;
    let is_port = pass.iif.as_ref().is_some_and(|device| is_of_bridge(ns, device));
    if !made && !routed && crosses && is_port {
        let mut way = vec![Stop::Network, Stop::Ingress, Stop::BridgeIn, Stop::BridgeForward, Stop::BridgeOut];
        way.extend([Stop::Egress, Stop::Network]);
        if !leaves {
            way.truncate(ends(&way, known().map(below)) + 1);
        }
        return way;
    }
    let mut way: Vec<Stop> = match (made, delivered) {
        (true, _) => vec![Stop::Process, Stop::Output, Stop::Rerouting, Stop::Postrouting],
        (false, true) => comes.chain([Stop::Prerouting, Stop::Routing, Stop::Input, Stop::Process]).collect(),
        (false, false) => {
            let up = [Stop::Prerouting, Stop::Routing];
            let farthest = events().next_back().and_then(|event| stop_of(ns, event));
            let on =
                if farthest == Some(Stop::Input) { vec![Stop::Input] } else { vec![Stop::Forward, Stop::Postrouting] };
            comes.chain(up).chain(on).collect()
        }
    };
    if leaves {
        way.extend(goes);
    } else if !delivered {
        way.truncate(ends(&way, known()) + 1);
    }
    way
}

/// Where on a way the farthest stop is of which something is known; else the first within the namespace.
fn ends(way: &[Stop], known: impl Iterator<Item = Stop>) -> usize {
    let begun = usize::from(way.first() == Some(&Stop::Network));
    known.filter_map(|stop| way.iter().rposition(|at| *at == stop)).max().unwrap_or(begun)
}

/// The stop of a bridge within whose hook those of IP run for a frame that crosses it (`br_nf_pre_routing` and the like).
fn below(stop: Stop) -> Stop {
    match stop {
        Stop::Prerouting => Stop::BridgeIn,
        Stop::Forward => Stop::BridgeForward,
        Stop::Postrouting => Stop::BridgeOut,
        stop => stop,
    }
}

fn number(event: &Event) -> u32 {
    match event {
        Event::Step(step) => step.pass,
        Event::Route(route) => route.pass,
    }
}

/// Where an event happened.
fn stop_of(ns: &Namespace, event: &Event) -> Option<Stop> {
    match event {
        Event::Step(step) => Stop::of(ns.ruleset.table(step.base).family, step.hook),
        Event::Route(route) => Some(match route.after {
            Some(Hook::Output) => Stop::Rerouting,
            Some(_) => Stop::Routing,
            None => Stop::Process,
        }),
    }
}

/// Whether a device is a bridge, or a port of one.
fn is_of_bridge(ns: &Namespace, device: &str) -> bool {
    let Some(link) = ns.link(device) else { return false };
    let is_bridge = |index: u32| ns.link_at(index).is_some_and(|link| link.kind == LinkKind::Bridge);
    link.kind == LinkKind::Bridge || link.master.is_some_and(is_bridge)
}
