//! Where the host that is shown came from, and how old the reading is, in words.
//!
//! It knows no clock: how much time went by is an argument.

use std::time::Duration;

/// Where the host came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A recording, in a word or two: `host.txt`.
    Recording(String),
    /// A host that is embedded, by its name.
    Demo(String),
    /// The kernel of this host, which can be read again.
    Live,
}

impl Source {
    /// The options of a command that reads the same host.
    pub(super) fn options(&self) -> Vec<String> {
        match self {
            Source::Recording(name) => vec!["--snapshot".to_owned(), name.clone()],
            Source::Demo(name) => vec!["--demo".to_owned(), name.clone()],
            Source::Live => Vec::new(),
        }
    }

    /// What the header says, of a host that was read so long ago.
    pub fn text(&self, age: Duration) -> String {
        match self {
            Source::Recording(name) => name.clone(),
            Source::Demo(name) => format!("demo {name}"),
            Source::Live if unit(age).is_none() => "live".to_owned(),
            Source::Live => format!("live, {} old", age_text(age)),
        }
    }
}

/// An age, in a few words: `12 s`.
pub fn age_text(age: Duration) -> String {
    let (seconds, name) = unit(age).unwrap_or((1, "s"));
    format!("{} {name}", age.as_secs() / seconds)
}

/// The largest unit that has gone by, in seconds, with its name.
fn unit(age: Duration) -> Option<(u64, &'static str)> {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    UNITS.into_iter().find(|(seconds, _)| age.as_secs() >= *seconds)
}

/// How long it takes until the header says something else of a host that was read so long ago.
pub fn until_next(age: Duration) -> Duration {
    let (seconds, _) = unit(age).unwrap_or((1, ""));
    let next = (age.as_secs() / seconds + 1) * seconds;
    Duration::from_secs(next).saturating_sub(age)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_is_told_in_the_largest_unit() {
        let text = |seconds| Source::Live.text(Duration::from_secs(seconds));
        assert_eq!(text(0), "live");
        assert_eq!(text(12), "live, 12 s old");
        assert_eq!(text(59), "live, 59 s old");
        assert_eq!(text(60), "live, 1 min old");
        assert_eq!(text(239), "live, 3 min old");
        assert_eq!(text(7200), "live, 2 h old");
        assert_eq!(text(200_000), "live, 2 d old");
        assert_eq!(Source::Recording("host.txt".to_owned()).text(Duration::from_secs(9)), "host.txt");
    }

    #[test]
    fn it_changes_when_it_is_said_to() {
        for seconds in [0, 1, 59, 60, 61, 3599, 3600, 86_399, 86_400, 1_000_000] {
            let age = Duration::from_secs(seconds) + Duration::from_millis(250);
            let next = age + until_next(age);
            assert_ne!(Source::Live.text(age), Source::Live.text(next), "{age:?}");
            let before = next - Duration::from_millis(1);
            assert_eq!(Source::Live.text(age), Source::Live.text(before), "{age:?}");
        }
    }
}
