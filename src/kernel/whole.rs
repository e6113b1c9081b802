//! Reading something that may change meanwhile: again until it is of one moment, three times at most.
//!
//! Deliberately does not know how one sees that something changed: each dump has its own sign of it.

use super::netlink::{Dumped, Failure};
use super::progress::Progress;

/// How often something is read that changes each time.
pub(super) const TRIES: usize = 3;

/// What the first reading gives during which nothing changed, else what the last one gives. What `progress` counted in
/// one that is of no use is taken back.
///
/// # Errors
/// The first failure: a kernel that does not answer is not asked again.
pub(super) fn until_whole<T>(
    progress: &Progress,
    mut read: impl FnMut() -> Result<(T, Dumped), Failure>,
) -> Result<(T, Dumped), Failure> {
    let before = progress.reached();
    for _ in 1..TRIES {
        match read()? {
            whole @ (_, Dumped::Whole) => return Ok(whole),
            (_, Dumped::Interrupted) => progress.changed_since(before),
        }
    }
    read()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often is read what is whole at this try, and what comes of it.
    fn tries(whole_at: usize) -> (usize, usize, Dumped) {
        let mut tries = 0;
        let read = || {
            tries += 1;
            Ok((tries, if tries == whole_at { Dumped::Whole } else { Dumped::Interrupted }))
        };
        let (given, dumped) = until_whole(&Progress::default(), read).expect("no failure");
        (tries, given, dumped)
    }

    #[test]
    fn what_changes_is_read_three_times_and_the_last_is_given() {
        assert_eq!(tries(1), (1, 1, Dumped::Whole));
        assert_eq!(tries(2), (2, 2, Dumped::Whole));
        assert_eq!(tries(3), (3, 3, Dumped::Whole));
        assert_eq!(tries(4), (3, 3, Dumped::Interrupted));
    }

    #[test]
    fn a_failure_ends_it() {
        let mut tries = 0;
        let read = || -> Result<((), Dumped), Failure> {
            tries += 1;
            Err(Failure::Forbidden)
        };
        assert!(matches!(until_whole(&Progress::default(), read), Err(Failure::Forbidden)));
        assert_eq!(tries, 1);
    }

    #[test]
    fn what_a_torn_reading_counted_is_not_counted_twice() {
        let progress = Progress::default();
        let read = || {
            progress.found_chains(1);
            progress.read_rules(1);
            progress.read_chain();
            Ok(((), Dumped::Interrupted))
        };
        until_whole(&progress, read).expect("no failure");
        let reached = progress.reached();
        assert_eq!((reached.rules, reached.chains, reached.of, reached.again), (1, 1, 1, 2));
    }
}
