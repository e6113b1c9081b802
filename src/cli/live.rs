//! The live host: where its files are, which namespace of it is looked at, and what is said where that may not be entered.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::explore::Source;
use super::read::Reading;
use super::refusal::Refusal;
use crate::host::Host;
use crate::kernel::{self, Places};

/// The host that whyport runs on.
#[derive(Debug, Clone)]
pub struct Live {
    /// The namespace to look from (`--netns`); `None`: that of this process.
    pub netns: Option<String>,
    /// When it was read.
    pub at: Instant,
}

impl Live {
    fn new(netns: Option<&str>) -> Live {
        Live { netns: netns.map(str::to_owned), at: Instant::now() }
    }

    /// Reads the namespace, now, and every other that can be entered: what lies behind a device has a name there.
    pub fn read(&self) -> Result<Host, Refusal> {
        kernel::read_all(&places(), self.netns.as_deref(), &Arc::default())
            .map_err(|error| Refusal::unanswered(error.to_string()))
    }

    fn reading(self, host: Host) -> Reading {
        Reading { namespace: host.viewed, host, source: Source::Live(self), notes: Vec::new() }
    }
}

/// Where this system has its files.
fn places() -> Places<'static> {
    Places { proc: Path::new("/proc"), modules: Path::new("/lib/modules") }
}

/// Reads the network namespace that `netns` names, or that of this process.
pub fn read(netns: Option<&str>) -> Result<Reading, Refusal> {
    let live = Live::new(netns);
    let host = live.read()?;
    Ok(live.reading(host))
}

/// Reads the rules of that namespace, and nothing else of the host.
pub fn read_rules(netns: Option<&str>) -> Result<Reading, Refusal> {
    let live = Live::new(netns);
    let host = kernel::read_rules(&places(), netns, &Arc::default());
    Ok(live.reading(host.map_err(|error| Refusal::unanswered(error.to_string()))?))
}
