//! What was counted, as words at the end of a line: `packets=1 bytes=60`, `consumed=5`, `seen=100`, `seen=never`.

use super::words::{Word, value};
use crate::host::{Counters, Tally};

/// What was counted, in words; nothing where nobody counted.
pub(super) fn text(tally: Option<&Tally>) -> String {
    match tally {
        None => String::new(),
        Some(Tally::Counter(Counters { packets, bytes })) => format!(" packets={packets} bytes={bytes}"),
        Some(Tally::Consumed(bytes)) => format!(" consumed={bytes}"),
        Some(Tally::Last(None)) => " seen=never".to_owned(),
        Some(Tally::Last(Some(milliseconds))) => format!(" seen={milliseconds}"),
    }
}

/// Reads what [`text`] writes among words that are all either its or known; the outer `None`: they cannot be read.
pub(super) fn parse(words: &[Word], known: impl Fn(&Word) -> bool) -> Option<Option<Tally>> {
    let keys = ["packets=", "bytes=", "consumed=", "seen="];
    let own = |word: &Word| keys.iter().any(|key| word.text.starts_with(key));
    words.iter().all(|word| own(word) || known(word)).then_some(())?;
    let number = |key: &str| value(words, key).map_or(Some(None), |value| value.parse::<u64>().ok().map(Some));
    Some(match (number("packets")?, number("bytes")?, number("consumed")?, value(words, "seen")) {
        (None, None, None, None) => None,
        (Some(packets), Some(bytes), None, None) => Some(Tally::Counter(Counters { packets, bytes })),
        (None, None, Some(consumed), None) => Some(Tally::Consumed(consumed)),
        (None, None, None, Some("never")) => Some(Tally::Last(None)),
        (None, None, None, Some(seen)) => Some(Tally::Last(Some(seen.parse().ok()?))),
        _ => return None,
    })
}
