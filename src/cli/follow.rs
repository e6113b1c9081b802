//! Follows the live host on a thread of its own: what changes there is told to the explorer, one event for each burst.
//!
//! Knows no rules and no sockets: what tells of changes is the kernel's business, what is read then the explorer's.

use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use super::live::Live;
use crate::tui::Event;

/// The shortest pause between two readings that nobody asked for.
const SHORTEST: Duration = Duration::from_millis(500);

/// How much longer that pause is than the reading took: a host that changes all the time is read a tenth of the time.
const PAUSE: u32 = 10;

/// The pause after a reading that took so long.
pub fn pause(took: Duration) -> Duration {
    (took * PAUSE).max(SHORTEST)
}

/// Begins to follow. `tell` says whether anybody still listens. Nothing that changes after the receiver is disconnected is
/// missed.
pub fn follow(live: &Live, tell: impl Fn(Event) -> bool + Send + 'static) -> Receiver<()> {
    let (ready, is_ready) = mpsc::channel();
    let live = live.clone();
    thread::spawn(move || {
        let Ok(mut watch) = live.watch() else { return };
        tell(Event::Followed(true));
        drop(ready);
        while let Ok(changes) = watch.wait() {
            if !tell(Event::Changed(changes)) {
                return;
            }
        }
        tell(Event::Followed(false));
    });
    is_ready
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_that_takes_long_is_followed_by_a_longer_pause() {
        assert_eq!(pause(Duration::from_millis(3)), SHORTEST);
        assert_eq!(pause(Duration::from_secs(2)), Duration::from_secs(20));
    }
}
