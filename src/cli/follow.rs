//! Follows the live host on a thread of its own: what changes there is told to the explorer, one event for each burst, and
//! what the rules count that can be seen, as long as that is new.
//!
//! Knows no rules and no sockets: what tells of changes is the kernel's business, what is read then the explorer's.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use super::live::Live;
use crate::host::{Counters, Host, RuleId};
use crate::kernel::{self, Bell, Ear, News, Wanted};
use crate::tui::{self, Event};

/// The shortest pause between two readings that nobody asked for.
const SHORTEST: Duration = Duration::from_millis(500);

/// How much longer that pause is than the reading took: a host that changes all the time is read a tenth of the time.
const PAUSE: u32 = 10;

/// The pause after a reading that took so long.
pub fn pause(took: Duration) -> Duration {
    (took * PAUSE).max(SHORTEST)
}

/// Somebody who follows the live host, if there is one.
pub struct Follower {
    ready: Option<Receiver<()>>,
    bell: Bell,
    /// The rules whose counters are asked for.
    wanted: Option<Wanted>,
}

impl Follower {
    /// Begins to follow a live host. `tell` says whether anybody still listens.
    ///
    /// # Errors
    /// Where the process may open no more files.
    pub fn begin(live: Option<&Live>, tell: impl Fn(Event) -> bool + Send + 'static) -> io::Result<Follower> {
        let (bell, ear) = kernel::bell()?;
        Ok(Follower { ready: live.map(|live| follow(live, ear, tell)), bell, wanted: None })
    }

    /// Disconnected once nothing that changes is missed; given once.
    pub fn ready(&mut self) -> Option<Receiver<()>> {
        self.ready.take()
    }

    /// These rules of a reading can be seen, and no other: they are counted from now on, if they are not yet.
    pub fn count(&mut self, host: &Arc<Host>, rules: Vec<(usize, RuleId)>) {
        let wanted = (!rules.is_empty()).then(|| Wanted { host: Arc::clone(host), rules });
        let same = match (&self.wanted, &wanted) {
            (None, None) => true,
            (Some(old), Some(new)) => Arc::ptr_eq(&old.host, &new.host) && old.rules == new.rules,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !same {
            self.wanted.clone_from(&wanted);
            self.bell.want(wanted);
        }
    }
}

/// Follows, and hears by `ear` which rules can be seen.
fn follow(live: &Live, ear: Ear, tell: impl Fn(Event) -> bool + Send + 'static) -> Receiver<()> {
    let (ready, is_ready) = mpsc::channel();
    let live = live.clone();
    thread::spawn(move || {
        let Ok(mut watch) = live.watch(ear) else { return };
        tell(Event::Followed(true));
        drop(ready);
        let (begun, mut told) = (Instant::now(), Told::default());
        while let Ok(news) = watch.wait() {
            let event = match news {
                News::Changed(changes) => Event::Changed(changes),
                News::Counted(counted) => {
                    let at = counted.at.saturating_duration_since(begun);
                    if !told.is_news(at, &counted.rules) {
                        continue;
                    }
                    Event::Counted(counted.host, at, counted.rules)
                }
            };
            if !tell(event) {
                return;
            }
        }
        tell(Event::Followed(false));
    });
    is_ready
}

/// What was told of what rules counted.
#[derive(Debug, Default)]
struct Told {
    last: HashMap<(usize, RuleId), Counters>,
    /// So long a rule glows that was told to count.
    glows_until: Option<Duration>,
}

impl Told {
    /// Whether what was counted is to be told: it is new, or was so short a time ago that rules still glow.
    fn is_news(&mut self, at: Duration, rules: &[((usize, RuleId), Counters)]) -> bool {
        let now: HashMap<_, _> = rules.iter().copied().collect();
        let before = std::mem::take(&mut self.last);
        let others = now.keys().any(|rule| !before.contains_key(rule));
        if now.iter().any(|(rule, seen)| before.get(rule).is_some_and(|before| before != seen)) {
            self.glows_until = Some(at + tui::WINDOW);
        }
        self.last = now;
        // Once more at the end, so that what glowed does not go on.
        let glowed = self.glows_until.take_if(|until| *until <= at).is_some();
        others || glowed || self.glows_until.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::ChainId;

    #[test]
    fn a_reading_that_takes_long_is_followed_by_a_longer_pause() {
        assert_eq!(pause(Duration::from_millis(3)), SHORTEST);
        assert_eq!(pause(Duration::from_secs(2)), Duration::from_secs(20));
    }

    #[test]
    fn what_counts_is_told_until_nothing_glows_and_then_no_more() {
        let rule = |index| (0, RuleId { chain: ChainId { table: 0, chain: 0 }, index });
        let counted = |packets| vec![(rule(1), Counters { packets, bytes: 60 * packets })];
        let (mut told, at) = (Told::default(), Duration::from_secs);
        assert!(told.is_news(at(0), &counted(3)), "the first");
        assert!(!told.is_news(at(1), &counted(3)), "nothing counts");
        assert!(told.is_news(at(2), &counted(4)));
        let glows: Vec<u64> = (3..60).filter(|second| told.is_news(at(*second), &counted(4))).collect();
        let ends = at(2) + tui::WINDOW;
        assert!(glows.iter().any(|second| at(*second) >= ends), "the end of the glow is told: {glows:?}");
        assert!(glows.iter().all(|second| at(*second) <= ends + at(1)), "{glows:?}");
        let seldom: Vec<bool> = [100, 200, 300].map(|second| told.is_news(at(second), &counted(5))).to_vec();
        assert_eq!(seldom, [true, true, false], "it is told once that nothing is new, however late");
        assert!(told.is_news(at(400), &[(rule(2), Counters::default())]), "another rule is seen");
    }
}
