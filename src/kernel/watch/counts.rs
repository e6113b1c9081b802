//! What rules count that somebody looks at: those of nf_tables are asked for one by one. Of legacy tables the kernel tells all
//! entries or none (`IPT_SO_GET_ENTRIES`): they are asked for as seldom as that takes long.
//!
//! Whoever looks says so from another thread, and is heard at once.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use netlink_sys::protocols::NETLINK_NETFILTER;

use super::super::netlink::{Answers, Channel, Failure};
use super::super::{Places, apart, enter, legacy, nft};
use super::look::{Pace, timed};
use crate::host::{Backend, Counters, Family, Host, IpFamily, RuleId, Ruleset};

/// Rules of a reading of the host, by the index of their namespace.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The reading.
    pub host: Arc<Host>,
    /// Its rules.
    pub rules: Vec<(usize, RuleId)>,
}

/// What some of them counted.
#[derive(Debug, Clone)]
pub struct Counted {
    /// The reading that they are of.
    pub host: Arc<Host>,
    /// When they had.
    pub at: Instant,
    /// What they counted.
    pub rules: Vec<((usize, RuleId), Counters)>,
}

/// Tells somebody who watches which rules are looked at.
#[derive(Debug, Clone)]
pub struct Bell {
    wanted: Arc<Mutex<Option<Wanted>>>,
    line: Arc<UnixStream>,
}

/// The other end of a [`Bell`].
#[derive(Debug)]
pub struct Ear {
    wanted: Arc<Mutex<Option<Wanted>>>,
    line: UnixStream,
}

/// A bell and the ear that hears it.
///
/// # Errors
/// Where the process may open no more files.
pub fn bell() -> io::Result<(Bell, Ear)> {
    let (line, other) = UnixStream::pair()?;
    line.set_nonblocking(true)?;
    other.set_nonblocking(true)?;
    let wanted = Arc::default();
    Ok((Bell { wanted: Arc::clone(&wanted), line: Arc::new(line) }, Ear { wanted, line: other }))
}

impl Bell {
    /// These rules are looked at from now on, and no other; `None`: none is.
    pub fn want(&self, wanted: Option<Wanted>) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = wanted;
        // A line that is full rings already.
        let _ = (&*self.line).write(&[1]);
    }
}

/// So long rules are not asked for again although somebody looks at others.
const SHORTEST: Duration = Duration::from_millis(100);

/// What is looked at, and when it is asked for.
#[derive(Debug)]
pub(super) struct Counting {
    ear: Ear,
    wanted: Option<Wanted>,
    rules: Pace,
    tables: Pace,
    last: Option<Instant>,
}

impl Counting {
    pub(super) fn new(ear: Ear) -> Counting {
        Counting { ear, wanted: None, rules: Pace::default(), tables: Pace::default(), last: None }
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.ear.line.as_fd()
    }

    /// Hears whether somebody looks at other rules.
    pub(super) fn hear(&mut self) {
        let mut rang = false;
        while (&self.ear.line).read(&mut [0; 64]).is_ok_and(|count| count > 0) {
            rang = true;
        }
        if rang {
            self.wanted = self.ear.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone();
            self.rules.set(self.last.map_or_else(Instant::now, |last| last + SHORTEST));
        }
    }

    /// When the next rules are to be asked for.
    pub(super) fn next(&self) -> Option<Instant> {
        let wanted = self.wanted.as_ref()?;
        let due = |legacy| if legacy { self.tables.next() } else { self.rules.next() };
        wanted.rules.iter().map(|(ns, rule)| due(is_legacy(&wanted.host, *ns, *rule))).min()
    }

    /// Asks for those whose time has come.
    pub(super) fn count(&mut self, places: &Places<'_>) -> Option<Counted> {
        let Wanted { host, rules } = self.wanted.clone()?;
        let now = Instant::now();
        self.last = Some(now);
        let (legacy, nft): (Vec<_>, Vec<_>) = rules.into_iter().partition(|(ns, rule)| is_legacy(&host, *ns, *rule));
        let mut counted = Vec::new();
        for (pace, rules, legacy) in [(&mut self.rules, nft, false), (&mut self.tables, legacy, true)] {
            if rules.is_empty() || pace.next() > now {
                continue;
            }
            let namespaces: BTreeSet<usize> = rules.iter().map(|(ns, _)| *ns).collect();
            let mut costs = Duration::ZERO;
            for namespace in namespaces {
                let there: Vec<RuleId> =
                    rules.iter().filter(|(ns, _)| *ns == namespace).map(|(_, rule)| *rule).collect();
                let there_is = &host.namespaces[namespace];
                let ruleset = &there_is.ruleset;
                let read = || if legacy { of_tables(places, ruleset, &there) } else { of_rules(ruleset, &there) };
                let entered = || enter(places, Some(&there_is.name)).map_or_else(|_| Vec::new(), |()| read());
                let (read, cost) = if namespace == host.viewed { timed(read) } else { apart(|| timed(entered)) };
                costs += cost;
                counted.extend(read.into_iter().map(|(rule, counters)| ((namespace, rule), counters)));
            }
            pace.cost(costs);
        }
        Some(Counted { host, at: now, rules: counted })
    }
}

fn is_legacy(host: &Host, namespace: usize, rule: RuleId) -> bool {
    host.namespaces[namespace].ruleset.table(rule.chain).backend == Backend::IptablesLegacy
}

/// What rules of nf_tables counted, in this thread's namespace. Those that are gone are left out, and all that would come after
/// a failure.
fn of_rules(ruleset: &Ruleset, rules: &[RuleId]) -> Vec<(RuleId, Counters)> {
    let mut counted = Vec::new();
    let open = || Answers::default().open(NETLINK_NETFILTER);
    let mut ask = |channel: &mut Channel| -> Result<(), Failure> {
        for rule in rules {
            counted.extend(nft::counts::count(channel, ruleset, *rule)?.map(|counters| (*rule, counters)));
        }
        Ok(())
    };
    // What the rules are is told elsewhere: who may not ask has none.
    let _ = open().and_then(|mut channel| ask(&mut channel));
    counted
}

/// What rules of legacy tables counted, in this thread's namespace. Those of a chain that has another length meanwhile are left
/// out.
fn of_tables(places: &Places<'_>, ruleset: &Ruleset, rules: &[RuleId]) -> Vec<(RuleId, Counters)> {
    let tables: BTreeSet<u32> = rules.iter().map(|rule| rule.chain.table).collect();
    let mut counted = Vec::new();
    for at in tables {
        let table = &ruleset.tables[at as usize];
        let family = if table.family == Family::Ip6 { IpFamily::V6 } else { IpFamily::V4 };
        let here: Vec<RuleId> = rules.iter().filter(|rule| rule.chain.table == at).copied().collect();
        counted.extend(legacy::counts(places.proc, family, table, &here).unwrap_or_default());
    }
    counted
}
