//! The same way in the order of the tables, as the tools that made them print them: every chain of the namespace, each once,
//! with what the packet met in it on any of its passes; then those of the other namespaces that it comes through.

use std::collections::HashMap;

use super::{Path, Section, Trodden, Weight};
use crate::host::{ChainId, Host};
use crate::tui::frames::{Frame, FrameId, Frames, Place};

/// A table of a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TableAt {
    /// Index of the namespace in the host.
    pub namespace: usize,
    /// Its index among the tables there.
    pub index: u32,
}

/// A visit of the packet to a chain.
#[derive(Debug, Clone)]
pub struct Visit {
    /// The visit.
    frame: FrameId,
    /// What it met there.
    trodden: Trodden,
}

impl Visit {
    /// How much it says of a rule: that it held, or that it did not, or nothing, as the packet did not come to it.
    fn says(&self, index: u32) -> u8 {
        match (self.trodden.held.contains_key(&index), self.trodden.seen(u32::MAX) > index) {
            (true, _) => 2,
            (false, true) => 1,
            (false, false) => 0,
        }
    }
}

impl Path {
    /// The visit on which a rule of a chain is told of: the first on which it held, else the first that came to it.
    pub fn visit(&self, frame: FrameId, index: u32) -> FrameId {
        let visits = self.visits.get(&frame).map_or(&[][..], Vec::as_slice);
        let most = visits.iter().map(|visit| visit.says(index)).max();
        visits.iter().find(|visit| Some(visit.says(index)) == most).map_or(frame, |visit| visit.frame)
    }

    /// The way table by table, through one namespace and the others that it leads through.
    pub fn by_table(&self, host: &Host, namespace: usize, frames: &mut Frames) -> Path {
        let mut path = Path { open_from: self.open_from.max(Weight::Held), ..Path::default() };
        let namespaces = self.namespaces(namespace);
        for namespace in namespaces.iter().copied() {
            let ruleset = &host.namespaces[namespace].ruleset;
            for (index, _) in (0..).zip(&ruleset.tables).filter(|(_, table)| !table.chains.is_empty()) {
                let chains = frames.of_table(namespace, index, ruleset);
                path.sections.push(Section::Table { table: TableAt { namespace, index }, chains });
            }
        }
        let met = self.met(frames);
        let mut once = |visit: FrameId| {
            let Frame { place: Place { namespace, .. }, chain, .. } = frames.get(visit);
            let ruleset = &host.namespaces[namespace].ruleset;
            namespaces.contains(&namespace).then(|| frames.once(namespace, chain, ruleset))
        };
        path.way = self.way.iter().filter_map(|(visit, index)| Some((once(*visit)?, *index))).collect();
        for visits in met.into_values() {
            if let Some(frame) = visits.first().and_then(|visit| once(visit.frame)) {
                path.trodden.insert(frame, together(&visits));
                path.visits.insert(frame, visits);
            }
        }
        path
    }

    /// The namespaces that the packet comes through, in its order, behind the first one.
    fn namespaces(&self, first: usize) -> Vec<usize> {
        let mut all = vec![first];
        for section in &self.sections {
            if let Section::Hook { place, reached: Some(true), .. } = section
                && !all.contains(&place.namespace)
            {
                all.push(place.namespace);
            }
        }
        all
    }

    /// The packet's visits to each chain, in its order.
    fn met(&self, frames: &Frames) -> HashMap<(usize, ChainId), Vec<Visit>> {
        let place = |visit: &FrameId| {
            let at = frames.get(*visit).place;
            let is_there = |section: &Section| matches!(section, Section::Hook { place, .. } if *place == at);
            self.sections.iter().position(is_there)
        };
        let mut visits: Vec<(Option<usize>, FrameId)> =
            self.trodden.keys().map(|visit| (place(visit), *visit)).collect();
        visits.sort_unstable();
        let mut met: HashMap<(usize, ChainId), Vec<Visit>> = HashMap::new();
        for (_, frame) in visits {
            let at = frames.get(frame);
            let Some(trodden) = self.trodden.get(&frame).cloned() else { continue };
            met.entry((at.place.namespace, at.chain)).or_default().push(Visit { frame, trodden });
        }
        met
    }
}

/// What the packet met in a chain on all of its visits.
fn together(visits: &[Visit]) -> Trodden {
    let mut all = Trodden::default();
    for Visit { trodden, .. } in visits {
        for (index, mark) in &trodden.held {
            all.held.entry(*index).or_insert(*mark);
        }
        all.end = all.end.or(trodden.end);
        all.weight = all.weight.max(trodden.weight);
    }
    all
}
