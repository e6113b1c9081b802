//! The ports that are listed: those of sockets at once, all of them once ghosts are found, and the one that somebody named, be it
//! among them or not.
//!
//! Knows neither who answers them nor which of them a filter leaves.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::state::{Port, State};
use crate::explain::{self, AnswerVerdict, PortEntry, Survey, Target};
use crate::host::{IpFamily, QuickMap};

/// Where each port stands among all: there may be 10,000 of them, and each key asks.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    places: QuickMap<Target, usize>,
    /// Their numbers, in their order.
    numbers: Vec<Option<u16>>,
    /// The places of those of which it is known what becomes of their packets.
    answered: BTreeSet<usize>,
}

impl Index {
    fn made_of(&mut self, ports: &[Port]) {
        self.places.clear();
        for (place, port) in ports.iter().enumerate() {
            self.places.entry(port.target.clone()).or_insert(place);
        }
        self.numbers = ports.iter().map(|port| port.target.port).collect();
        self.answered = (0..ports.len()).filter(|place| ports[*place].verdict.is_some()).collect();
    }
}

impl State {
    /// Changes the ports: they are listed anew then.
    pub(super) fn change_ports(&mut self, change: impl FnOnce(&mut Vec<Port>)) {
        self.listing.outdate();
        change(Arc::make_mut(&mut self.ports));
        self.index.made_of(&self.ports);
    }

    /// The place of a port among all.
    pub(super) fn index(&self, target: &Target) -> Option<usize> {
        self.index.places.get(target).copied()
    }

    /// The port at a place, of which it is known now what becomes of its packets.
    pub(super) fn answered_port(&mut self, place: usize) -> &mut Port {
        self.index.answered.insert(place);
        &mut Arc::make_mut(&mut self.ports)[place]
    }

    /// The places of the ports of which that is known, in their order.
    pub(super) fn answered(&self) -> &BTreeSet<usize> {
        &self.index.answered
    }

    /// The first port with this number.
    pub(super) fn with_number(&self, number: u16) -> Option<&Port> {
        self.ports.get(self.index.numbers.iter().position(|known| *known == Some(number))?)
    }

    /// The first port whose number begins with the digits of this one.
    pub(super) fn with_begin(&self, begin: u16) -> Option<&Port> {
        let begins = |number: u16| {
            let mut parts = std::iter::successors(Some(number), |number| Some(number / 10).filter(|rest| *rest > 0));
            parts.any(|part| part == begin)
        };
        self.ports.get(self.index.numbers.iter().position(|number| number.is_some_and(begins))?)
    }

    /// That of the selected one, where it is among them.
    pub(super) fn selected_index(&self) -> Option<usize> {
        self.index(self.selected.as_ref()?)
    }

    /// The selected port, where it is among them.
    pub(super) fn selected_port(&self) -> Option<&Port> {
        self.ports.get(self.selected_index()?)
    }

    /// Lists the ports of sockets, as long as nobody knows which others rules answer.
    pub(super) fn list_sockets(&mut self) {
        let bound = explain::bound(&self.host, self.namespace);
        self.put(bound);
    }

    /// Lists all ports.
    pub(super) fn take_ports(&mut self, survey: Survey) {
        self.put(survey.ports);
        self.surveyed = true;
        self.named = None;
    }

    /// Lists these ports, with the row that the user asked for where it is none of them. The selected one stays selected; where
    /// nobody selected one, it is the first.
    fn put(&mut self, entries: Vec<PortEntry>) {
        let asked = self.ports.iter().find(|port| port.entry.is_none()).map(|port| port.target.clone());
        self.change_ports(|ports| *ports = entries.into_iter().map(Port::of).collect());
        if let Some(asked) = self.named.clone().or(asked) {
            let meant = self.find_meant(&asked);
            if meant.is_none() {
                self.insert(Port::asked(asked.clone()));
            }
            if self.named.is_some() {
                self.selected = Some(meant.unwrap_or(asked));
            }
        }
        let stays = !self.unchosen && self.selected_port().is_some();
        if !stays {
            self.selected = self.ports.first().map(|port| port.target.clone());
        }
    }

    /// These rows, and no other: all ports are found.
    pub(super) fn fill(&mut self, rows: Vec<Port>) {
        self.change_ports(|ports| *ports = rows);
        self.surveyed = true;
    }

    /// Puts a row among the others, in the order of ports.
    pub(super) fn insert(&mut self, port: Port) {
        let key = |target: &Target| (target.protocol, target.port);
        let at = self.ports.partition_point(|other| key(&other.target) < key(&port.target));
        self.change_ports(|ports| ports.insert(at, port));
    }

    /// The port that was found and is the one that the user named.
    pub(super) fn find_meant(&self, asked: &Target) -> Option<Target> {
        self.ports.iter().find(|port| self.is_meant(asked, port)).map(|port| port.target.clone())
    }

    /// Whether a port that was found is the one that the user named.
    fn is_meant(&self, asked: &Target, port: &Port) -> bool {
        let Some(entry) = &port.entry else { return false };
        let inside = asked.port.is_some_and(|port| (entry.port..=entry.last).contains(&port));
        let one = entry.port == entry.last;
        asked.protocol == entry.protocol
            && inside
            && one
            && match asked.one_addr() {
                None => asked.addr.is_none_or(|addr| IpFamily::of(addr) == IpFamily::of(entry.addr)),
                Some(addr) => addr == entry.addr,
            }
    }

    /// The port that a host without a chosen one opens with: the first whose packets do not reach its own socket, among
    /// those that were asked.
    pub(super) fn begins_with(&self) -> Option<Target> {
        let diverted = |port: &&Port| !port.is_ghost() && port.verdict == Some(AnswerVerdict::Diverted);
        self.ports.iter().find(diverted).map(|port| port.target.clone())
    }
}
