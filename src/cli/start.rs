//! What the explorer begins with: a host, where it came from, and what is to be seen of it first.

use std::sync::Arc;

use super::live::Live;
use crate::explain::Target;
use crate::host::Host;
use crate::host::redact::redacted;
use crate::tui::{self, Setup, State};

/// Where a host comes from, and how it can be had again.
#[derive(Debug, Clone)]
pub enum Source {
    /// A recording, in a word or two: `host.txt`.
    Recording(String),
    /// A host that is embedded, by its name.
    Demo(String),
    /// This host, as it was when it was read.
    Live(Live),
}

/// What the explorer opens with.
#[derive(Debug, Clone)]
pub struct Start {
    /// The host.
    pub host: Arc<Host>,
    /// Where it came from.
    pub source: Source,
    /// Index of the namespace to look from.
    pub namespace: usize,
    /// The port to select.
    pub target: Option<Target>,
    /// How the explorer is set up.
    pub setup: Setup,
}

impl Source {
    pub(super) fn live(&self) -> Option<&Live> {
        match self {
            Source::Live(live) => Some(live),
            Source::Recording(_) | Source::Demo(_) => None,
        }
    }
}

impl Start {
    /// The same on a host in which addresses, names and comments are replaced. Of where it came from, the kind is told.
    pub fn redacted(self) -> Start {
        let asked: Vec<_> = self.target.iter().filter_map(Target::one_addr).collect();
        let (host, now) = redacted(&self.host, &asked);
        let target = self.target.map(|target| Target { addr: now.first().copied().or(target.addr), ..target });
        let source = match self.source {
            // Its tour tells the names that it had.
            Source::Demo(name) => Source::Recording(format!("demo {name}")),
            Source::Recording(_) => Source::Recording("a recording".to_owned()),
            Source::Live(_) => Source::Recording("live".to_owned()),
        };
        Start { host: Arc::new(host), source, target, ..self }
    }

    pub(super) fn state(self, size: (u16, u16)) -> State {
        let source = match self.source {
            Source::Recording(name) => tui::Source::Recording(name),
            Source::Demo(name) => tui::Source::Demo(name),
            Source::Live(_) => tui::Source::Live,
        };
        State::new(self.host, self.namespace, source, self.target, self.setup, size)
    }
}
