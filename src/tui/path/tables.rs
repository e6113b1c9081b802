//! The same way in the order of the tables, as the tools that made them print them: every chain of the namespace, each once,
//! with what the packet met in it on any of its passes.

use std::collections::HashMap;

use super::{Path, Section, Trodden, Weight};
use crate::host::{Base, ChainId, Hook, Host};
use crate::tui::frames::{Frame, FrameId, Frames, Place};

impl Path {
    /// The way through one namespace, table by table.
    pub fn by_table(&self, host: &Host, namespace: usize, frames: &mut Frames) -> Path {
        let mut path = Path { open_from: self.open_from.max(Weight::Held), ..Path::default() };
        let met = self.met(namespace, frames);
        let ruleset = &host.namespaces[namespace].ruleset;
        let mut frame_of: HashMap<ChainId, FrameId> = HashMap::new();
        for (index, table) in ruleset.tables.iter().enumerate().filter(|(_, table)| !table.chains.is_empty()) {
            let mut chains = Vec::new();
            for (number, chain) in table.chains.iter().enumerate() {
                let id = ChainId { table: index as u32, chain: number as u32 };
                let hook = chain.base.as_ref().map_or(Hook::Prerouting, |base: &Base| base.hook);
                let place = Place { pass: 0, namespace, hook };
                let frame = frames.intern(Frame { place, parent: None, chain: id });
                if let Some((first, trodden)) = met.get(&id) {
                    path.trodden.insert(frame, trodden.clone());
                    path.visits.insert(frame, *first);
                }
                frame_of.insert(id, frame);
                chains.push(frame);
            }
            path.sections.push(Section::Table { table: index as u32, chains });
        }
        let here = |(visit, index): &(FrameId, Option<u32>)| {
            let at = frames.get(*visit);
            (at.place.namespace == namespace).then(|| Some((*frame_of.get(&at.chain)?, *index)))?
        };
        path.way = self.way.iter().filter_map(here).collect();
        path
    }

    /// What the packet met in each chain of a namespace, and the first visit to it.
    fn met(&self, namespace: usize, frames: &Frames) -> HashMap<ChainId, (FrameId, Trodden)> {
        let mut visits: Vec<FrameId> = self.trodden.keys().copied().collect();
        visits.sort_unstable();
        let mut met: HashMap<ChainId, (FrameId, Trodden)> = HashMap::new();
        for visit in visits {
            let at = frames.get(visit);
            let Some(trodden) = self.trodden.get(&visit).filter(|_| at.place.namespace == namespace) else { continue };
            let (_, known) = met.entry(at.chain).or_insert_with(|| (visit, Trodden::default()));
            for (index, mark) in &trodden.held {
                known.held.entry(*index).or_insert(*mark);
            }
            known.end = known.end.or(trodden.end);
            known.weight = known.weight.max(trodden.weight);
        }
        met
    }
}
