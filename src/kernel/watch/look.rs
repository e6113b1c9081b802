//! Looks at what has no events: who listens, legacy tables, and ipset's sets. What was seen is kept as one number each.

use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

use super::super::loaded::Loaded;
use super::super::netlink::Answers;
use super::super::{Places, ipset, legacy, sockets};
use crate::host::{Changes, IpFamily, Quick, Socket, What};

/// The shortest pause between two looks.
const SHORTEST: Duration = Duration::from_secs(1);

/// How much longer the pause is than a processor worked for the look: a look costs a thousandth of one processor at most.
const PAUSE: u32 = 1000;

/// When the next look is due.
#[derive(Debug)]
pub(super) struct Pace {
    next: Instant,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { next: Instant::now() }
    }
}

impl Pace {
    /// When that is.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Another time.
    pub(super) fn set(&mut self, next: Instant) {
        self.next = next;
    }

    /// Lets the next look wait as long as one is worth that cost so much.
    pub(super) fn cost(&mut self, cost: Duration) {
        self.next = Instant::now() + pause(cost);
    }

    /// Looks, and lets the next look wait as long as this one is worth.
    pub(super) fn took<T>(&mut self, look: impl FnOnce() -> T) -> T {
        let (seen, cost) = timed(look);
        self.cost(cost);
        seen
    }
}

/// Does something, and tells how long a processor worked for it: this thread, that is, be there others that it waits for.
pub(super) fn timed<T>(task: impl FnOnce() -> T) -> (T, Duration) {
    let begun = worked();
    let done = task();
    (done, worked().saturating_sub(begun))
}

/// How long a processor worked for this thread (clock_gettime(2)).
fn worked() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// The pause after a look that cost so much.
fn pause(cost: Duration) -> Duration {
    (cost * PAUSE).max(SHORTEST)
}

/// What was seen the last time.
#[derive(Debug, Default)]
pub(super) struct Look {
    quick: Quick,
    listening: Option<u64>,
    /// The sizes of the tables of both families, and their entries.
    tables: [Option<u64>; 2],
    entries: [Option<u64>; 2],
    ipsets: Option<u64>,
    restless: Restless,
    pace: Pace,
}

impl Look {
    /// Looks again: what is other than the last time. The first time nothing is.
    pub(super) fn again(&mut self, places: &Places<'_>, loaded: &Loaded) -> Changes {
        let mut changes = Changes::NONE;
        let listening = sockets::read(places.proc, loaded, &Answers::default(), &[]).ok();
        let listening = listening.map(|sockets| listening_number(&self.quick, &sockets));
        if differs(&mut self.listening, listening) {
            changes = changes.with(What::Sockets);
        }
        for (at, (family, module, what)) in FAMILIES.into_iter().enumerate() {
            if !loaded.has(module) {
                continue;
            }
            let sizes = legacy::sizes(places.proc, family).ok().map(|sizes| self.quick.hash_one(sizes));
            if differs(&mut self.tables[at], sizes) {
                changes = changes.with(what);
            }
        }
        changes
    }

    /// The same of the entries of legacy tables and of ipset's sets, if it is time for them: they cost far more where there are
    /// many.
    pub(super) fn entries(&mut self, places: &Places<'_>, loaded: &Loaded) -> Changes {
        let mut changes = Changes::NONE;
        let Look { quick, entries, ipsets, restless, pace, .. } = self;
        if pace.next() > Instant::now() {
            return changes;
        }
        let (seen, sets) = pace.took(|| {
            let tables = FAMILIES.map(|(family, module, _)| {
                let mut hasher = quick.build_hasher();
                let read = loaded.has(module).then(|| legacy::hash_entries(places.proc, family, &mut hasher).ok());
                read.flatten().map(|()| hasher.finish())
            });
            let has_sets = loaded.has("nfnetlink") && loaded.has("ip_set") && restless.is_due(Instant::now());
            let sets = has_sets.then(|| ipset::number_of(&Answers::default(), quick).ok());
            (tables, sets.flatten())
        });
        if let Some(sets) = sets {
            let changed = differs(ipsets, Some(sets));
            restless.seen(changed, Instant::now());
            if changed {
                changes = changes.with(What::IpSets);
            }
        }
        for (at, seen) in seen.into_iter().enumerate() {
            if differs(&mut entries[at], seen) {
                changes = changes.with(FAMILIES[at].2);
            }
        }
        changes
    }
}

/// Sets that packets themselves fill (`-j SET`) change all the time: whoever sees a change at each look looks more seldom.
#[derive(Debug, Default)]
struct Restless {
    changes: u32,
    next: Option<Instant>,
}

impl Restless {
    fn is_due(&self, now: Instant) -> bool {
        self.next.is_none_or(|next| next <= now)
    }

    fn seen(&mut self, changed: bool, now: Instant) {
        self.changes = if changed { (self.changes + 1).min(6) } else { 0 };
        self.next = changed.then(|| now + SHORTEST * 2_u32.pow(self.changes - 1));
    }
}

const FAMILIES: [(IpFamily, &str, What); 2] =
    [(IpFamily::V4, "ip_tables", What::LegacyIp), (IpFamily::V6, "ip6_tables", What::LegacyIp6)];

/// Whether something else is seen than before. What cannot be seen this time is what it was.
fn differs(before: &mut Option<u64>, now: Option<u64>) -> bool {
    now.is_some_and(|now| before.replace(now).is_some_and(|before| before != now))
}

/// One number for all sockets that hear packets from anybody, in whatever order they are listed.
fn listening_number(quick: &Quick, sockets: &[Socket]) -> u64 {
    let number = |socket: &Socket| {
        let Socket { protocol, addr, port, device, inode, .. } = socket;
        quick.hash_one((protocol, addr, port, device, inode))
    };
    sockets.iter().filter(|socket| socket.peer.is_none()).map(number).fold(0, u64::wrapping_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_costs_a_thousandth_of_a_processor_at_most() {
        for micros in [0, 40, 2_000, 30_000, 400_000] {
            let cost = Duration::from_micros(micros);
            let pause = pause(cost);
            assert!(pause >= SHORTEST && cost <= pause / 1000, "{cost:?} {pause:?}");
        }
    }

    #[test]
    fn what_changes_at_each_look_is_looked_at_more_seldom() {
        let (mut restless, begun) = (Restless::default(), Instant::now());
        let mut now = begun;
        for seconds in [1, 2, 4, 8, 16, 32, 32] {
            assert!(restless.is_due(now));
            restless.seen(true, now);
            let pause = Duration::from_secs(seconds);
            assert!(!restless.is_due(now + pause - Duration::from_millis(1)), "{seconds}");
            now += pause;
        }
        restless.seen(false, now);
        assert!(restless.is_due(now));
    }

    #[test]
    fn what_is_seen_first_or_not_at_all_is_no_change() {
        let mut before = None;
        let seen: Vec<bool> = [Some(1), Some(1), None, Some(1), Some(2)].map(|now| differs(&mut before, now)).to_vec();
        assert_eq!(seen, [false, false, false, false, true]);
    }
}
