//! The live host: where its files are, which namespace of it is looked at, and what is said where that may not be entered.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::explore::Source;
use super::read::Reading;
use super::refusal::Refusal;
use super::wait::wait;
use crate::host::Host;
use crate::kernel::{self, NotRead, Places, Progress};

/// The host that whyport runs on.
#[derive(Debug, Clone)]
pub struct Live {
    /// The namespace to look from (`--netns`); `None`: that of this process.
    pub netns: Option<String>,
    /// When it was read.
    pub at: Instant,
}

impl Live {
    /// The namespace that `netns` names, or that of this process, before it is read.
    pub fn new(netns: Option<&str>) -> Live {
        Live { netns: netns.map(str::to_owned), at: Instant::now() }
    }

    /// Reads the namespace, now, and every other that can be entered: what lies behind a device has a name there.
    /// `progress` tells how far it is, and stops it.
    pub fn read(&self, progress: &Arc<Progress>) -> Result<Host, Refusal> {
        self.by(kernel::read_all, progress)
    }

    fn by(&self, read: Reader, progress: &Arc<Progress>) -> Result<Host, Refusal> {
        read(&places(), self.netns.as_deref(), progress).map_err(|error| match error {
            NotRead::NoEntry(error) => Refusal::unanswered(error.to_string()),
            NotRead::Cancelled => Refusal::stopped(),
        })
    }

    fn reading(self, host: Host) -> Reading {
        Reading { namespace: host.viewed, host, source: Source::Live(self), notes: Vec::new() }
    }
}

/// Where this system has its files.
fn places() -> Places<'static> {
    Places { proc: Path::new("/proc"), modules: Path::new("/lib/modules") }
}

/// How much of the host is read.
type Reader = fn(&Places<'_>, Option<&str>, &Arc<Progress>) -> Result<Host, NotRead>;

/// Reads the network namespace that `netns` names, or that of this process.
pub fn read(netns: Option<&str>) -> Result<Reading, Refusal> {
    waited_for(kernel::read_all, netns)
}

/// Reads the rules of that namespace, and nothing else of the host.
pub fn read_rules(netns: Option<&str>) -> Result<Reading, Refusal> {
    waited_for(kernel::read_rules, netns)
}

/// A terminal is told how far it is, and Ctrl-C stops it.
fn waited_for(read: Reader, netns: Option<&str>) -> Result<Reading, Refusal> {
    let live = Live::new(netns);
    let progress = Arc::default();
    let (reader, told) = (live.clone(), Arc::clone(&progress));
    let host = wait(&progress, move || reader.by(read, &told))??;
    Ok(live.reading(host))
}
