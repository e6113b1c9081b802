//! The live host: where its files are, which namespace of it is looked at, and what is said where that may not be entered.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::output;
use super::read::Reading;
use super::refusal::Refusal;
use super::start::Source;
use super::wait::wait;
use crate::host::{Host, SetId};
use crate::kernel::{self, Ear, NoEntry, NotRead, Places, Progress, Watch};
use crate::walk::of_namespaces;

/// The host that whyport runs on.
#[derive(Debug, Clone)]
pub struct Live {
    /// The namespace to look from (`--netns`); `None`: that of this process.
    pub netns: Option<String>,
    /// When it was read.
    pub at: Instant,
    /// Held by whoever reads sets: two who ask for the same one do not both read it.
    sets: Arc<Mutex<()>>,
}

/// How what was found stands to the sets that it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sets {
    /// What they hold is known.
    Known,
    /// The ruleset changed since the host was read: what one of them held then cannot be known any more.
    Outdated,
    /// One of them could not be read.
    Unread,
}

impl Live {
    /// The namespace that `netns` names, or that of this process, before it is read.
    pub fn new(netns: Option<&str>) -> Live {
        Live { netns: netns.map(str::to_owned), at: Instant::now(), sets: Arc::default() }
    }

    /// Begins to watch the namespace, and what the other end of `ear` wants to know of it; the calling thread enters it.
    pub fn watch(&self, ear: Ear) -> Result<Watch<'static>, NotRead> {
        Watch::begin(&places(), self.netns.as_deref(), ear)
    }

    /// Reads the namespace, now, and every other that can be entered: what lies behind a device has a name there.
    /// `progress` tells how far it is, and stops it.
    pub fn read(&self, progress: &Arc<Progress>) -> Result<Host, Refusal> {
        self.by(kernel::read_counting, progress)
    }

    /// Reads who listens, long before everything else is read: tells it with the processes, and before without them where
    /// those are many.
    pub fn begin(&self, tell: impl Fn(Host) + Clone + Send + 'static) {
        let (live, named) = (self.clone(), tell.clone());
        let (done, is_done) = mpsc::channel::<()>();
        let begun = Arc::new(Mutex::new(false));
        let complete = Arc::clone(&begun);
        thread::spawn(move || {
            if let Ok(host) = kernel::read_sockets(&places(), live.netns.as_deref(), true) {
                *complete.lock().unwrap_or_else(PoisonError::into_inner) = true;
                named(host);
                drop(done);
            }
        });
        if let Ok(host) = kernel::read_sockets(&places(), self.netns.as_deref(), false) {
            let _ = is_done.recv_timeout(NAMES);
            let complete = begun.lock().unwrap_or_else(PoisonError::into_inner);
            if !*complete {
                tell(host);
            }
        }
    }

    /// The same with everything that any set holds.
    pub fn read_whole(&self, progress: &Arc<Progress>) -> Result<Host, Refusal> {
        self.by(kernel::read_all, progress)
    }

    /// What `ask` finds once the sets are read that it asks for. Those of `host` are filled; `progress` tells how far
    /// that is, and stops it.
    pub fn known<T>(
        &self,
        host: &Host,
        progress: &Arc<Progress>,
        ask: impl Fn() -> (T, Vec<(usize, SetId)>),
    ) -> (T, Sets) {
        loop {
            let (found, needs) = ask();
            if needs.is_empty() {
                return (found, Sets::Known);
            }
            match self.read_sets(host, &needs, progress) {
                Ok(true) => {}
                Ok(false) => return (found, Sets::Outdated),
                Err(_) => return (found, Sets::Unread),
            }
        }
    }

    /// Whether the rulesets are still those that were read: the namespaces have another name for whoever looks from elsewhere.
    fn read_sets(&self, host: &Host, wanted: &[(usize, SetId)], progress: &Arc<Progress>) -> Result<bool, NotRead> {
        let _alone = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut same = true;
        for (namespace, sets) in of_namespaces(wanted) {
            let there = &host.namespaces[namespace];
            let name = if namespace == host.viewed { self.netns.as_deref() } else { Some(there.name.as_str()) };
            same &= kernel::read_sets(&places(), name, &there.ruleset, &sets, progress)?;
        }
        Ok(same)
    }

    fn by(&self, read: Reader, progress: &Arc<Progress>) -> Result<Host, Refusal> {
        read(&places(), self.netns.as_deref(), progress).map_err(|error| match error {
            // What is named and is not there is wrong usage, as in a recorded host.
            NotRead::NoEntry(error @ (NoEntry::NoName { .. } | NoEntry::NoProcess(_) | NoEntry::Other { .. })) => {
                Refusal::usage(error.to_string())
            }
            NotRead::NoEntry(error) => Refusal::unanswered(error.to_string()),
            NotRead::Unanswered(failure) => Refusal::unanswered(failure.to_string()),
            NotRead::Cancelled => Refusal::stopped(),
        })
    }

    fn reading(self, host: Host) -> Reading {
        Reading { namespace: host.viewed, host, source: Source::Live(self), notes: Vec::new(), notice: None }
    }
}

/// Where this system has its files.
fn places() -> Places<'static> {
    Places { proc: Path::new("/proc"), modules: Path::new("/lib/modules") }
}

/// For so long who listens is not told without the names of processes, so that these do not come in behind.
const NAMES: Duration = Duration::from_millis(15);

/// How much of the host is read.
type Reader = fn(&Places<'_>, Option<&str>, &Arc<Progress>) -> Result<Host, NotRead>;

/// Reads the network namespace that `netns` names, or that of this process, and every other that can be entered. Of sets
/// with many elements it is known how many; [`answered`] reads those that it takes.
pub fn read(netns: Option<&str>) -> Result<Reading, Refusal> {
    waited_for(kernel::read_counting, netns)
}

/// The same with everything that any set holds.
pub fn read_whole(netns: Option<&str>) -> Result<Reading, Refusal> {
    waited_for(kernel::read_all, netns)
}

/// What `ask` finds of a host, with the sets that it asks for, and the host. Where the ruleset changed before they were
/// read, all of the host is read again.
pub fn answered<T>(
    reading: Reading,
    ask: impl Fn(&Host, usize) -> Result<(T, Vec<(usize, SetId)>), Refusal>,
) -> Result<(Arc<Host>, T), Refusal> {
    let (mut host, namespace) = (Arc::new(reading.host), reading.namespace);
    loop {
        let (found, needs) = ask(&host, namespace)?;
        let Source::Live(live) = reading.source.clone() else { return Ok((host, found)) };
        if needs.is_empty() {
            return Ok((host, found));
        }
        let progress = Arc::default();
        let (told, asked) = (Arc::clone(&progress), Arc::clone(&host));
        let netns = live.netns.clone();
        let read = move || live.read_sets(&asked, &needs, &told);
        match wait(&progress, read)? {
            Ok(true) => {}
            Ok(false) => host = Arc::new(waited_for(kernel::read_all, netns.as_deref())?.host),
            Err(error) => {
                output::note(&format!("the elements of a set that this asks for were not read: {error}"));
                return Ok((host, found));
            }
        }
    }
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
