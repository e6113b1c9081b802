//! What a person types to find something, against a text: words that stand in it as they are, or nearly so.
//!
//! Words that stand in a text as they are come first, as whoever types `8080` or `10.42.0.2` means just that; only where no
//! text has them the letters may stand apart ([`fuzzy_matcher`]). Deliberately does not know what the texts are of.

use std::ops::Range;

use fuzzy_matcher::FuzzyMatcher;
use fuzzy_matcher::skim::SkimMatcherV2;

/// How what is sought stands in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Manner {
    /// Each word as it is. One that is written small is found in capitals, too.
    Exactly,
    /// The letters of each word, in order.
    Nearly,
}

/// Holds letters that stand apart against texts; it has room of its own, and is made once for many of them.
pub type Matcher = SkimMatcherV2;

/// One to whom capitals are letters like others.
pub fn matcher() -> Matcher {
    SkimMatcherV2::default().ignore_case()
}

/// What is sought: words that must all be in a text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    words: Vec<String>,
}

/// Letters of a word that stand apart are worth something only where most of them stand together: a letter that begins a
/// word or follows the one before is worth this much, and more.
const WORTH: i64 = 16;

impl Query {
    /// Words, between spaces.
    pub fn new(text: &str) -> Query {
        Query { words: text.split_whitespace().map(str::to_owned).collect() }
    }

    /// Whether nothing is sought.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether it is just this number.
    pub fn is_just(&self, number: Option<u16>) -> bool {
        matches!((&self.words[..], number), ([word], Some(number)) if *word == number.to_string())
    }

    /// Whether a text has it, each word standing by itself once: not within a longer name or number.
    pub fn stands_in(&self, text: &str) -> bool {
        let part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
        let bytes = text.as_bytes();
        let alone = |range: Range<usize>| {
            !part(range.start.checked_sub(1).and_then(|at| bytes.get(at))) && !part(bytes.get(range.end))
        };
        !self.is_empty() && self.words.iter().all(|word| all(text, word).any(alone))
    }

    /// Whether a text has it.
    pub fn is_in(&self, text: &str, manner: Manner) -> bool {
        !self.is_empty()
            && match manner {
                Manner::Exactly => self.words.iter().all(|word| find(text, word).is_some()),
                Manner::Nearly => {
                    let matcher = matcher();
                    self.words.iter().all(|word| near(&matcher, text, word).is_some())
                }
            }
    }

    /// How well a text has it where the letters may stand apart: the more the better. `None`: it has it not.
    pub fn nearness(&self, text: &str, matcher: &Matcher) -> Option<i64> {
        let scores: Option<Vec<i64>> = self.words.iter().map(|word| Some(near(matcher, text, word)?.0)).collect();
        scores.filter(|scores| !scores.is_empty()).map(|scores| scores.iter().sum())
    }

    /// Where it stands in a text: ranges of bytes, in no order. Empty where the text has it not.
    pub fn marks(&self, text: &str, manner: Manner) -> Vec<Range<usize>> {
        match manner {
            Manner::Exactly if self.is_in(text, manner) => self.words.iter().flat_map(|word| all(text, word)).collect(),
            Manner::Exactly => Vec::new(),
            Manner::Nearly => {
                let matcher = matcher();
                let places: Option<Vec<_>> = self.words.iter().map(|word| near(&matcher, text, word)).collect();
                let chars: Vec<(usize, char)> = text.char_indices().collect();
                let range = |at: usize| chars.get(at).map(|(from, c)| *from..from + c.len_utf8());
                places.into_iter().flatten().flat_map(|(_, at)| at).filter_map(range).collect()
            }
        }
    }
}

/// The score of a word whose letters stand in one word of a text, and which characters of the text they are.
fn near(matcher: &Matcher, text: &str, word: &str) -> Option<(i64, Vec<usize>)> {
    let enough = word.chars().count() as i64 * WORTH;
    let mut first = 0;
    let mut best: Option<(i64, Vec<usize>)> = None;
    for part in text.split(' ') {
        if has_letters(part, word)
            && let Some((score, at)) = matcher.fuzzy_indices(part, word).filter(|(score, _)| *score >= enough)
            && best.as_ref().is_none_or(|(known, _)| score > *known)
        {
            best = Some((score, at.into_iter().map(|at| first + at).collect()));
        }
        first += part.chars().count() + 1;
    }
    best
}

/// Whether a text has the letters of a word in their order, so that it is worth a closer look.
fn has_letters(text: &str, word: &str) -> bool {
    let mut left = text.chars();
    word.chars().all(|letter| left.any(|other| other.eq_ignore_ascii_case(&letter)))
}

/// Where a word begins in a text: whatever the case of the text's letters (those of ASCII), unless the word has capitals.
fn find(text: &str, word: &str) -> Option<usize> {
    if word.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return text.find(word);
    }
    let (text, word) = (text.as_bytes(), word.as_bytes());
    let first = word.first()?;
    let either = [*first, first.to_ascii_uppercase()];
    let last = text.len().checked_sub(word.len())?;
    (0..=last).find(|at| either.contains(&text[*at]) && text[*at..*at + word.len()].eq_ignore_ascii_case(word))
}

/// Every place where a word stands in a text.
fn all<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let at = from + find(text.get(from..)?, word)?;
        from = at + word.len();
        Some(at..from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(query: &str, text: &str, manner: Manner) -> String {
        let marks = Query::new(query).marks(text, manner);
        let within = |at: usize| marks.iter().any(|range| range.contains(&at));
        text.char_indices().map(|(at, c)| if within(at) { c.to_ascii_uppercase() } else { c }).collect()
    }

    #[test]
    fn words_stand_in_a_text_as_they_are() {
        let rule = "-p tcp --dport 80 -j dnat --to-destination 10.42.0.2:80";
        for (query, found) in [
            ("80", true),
            ("DPORT", false),
            ("dnat 10.42.0.2", true),
            ("10.42.0.2 dnat", true),
            ("10.42.0.3", false),
            ("dnta", false),
            ("", false),
            ("  ", false),
        ] {
            assert_eq!(Query::new(query).is_in(rule, Manner::Exactly), found, "{query}");
        }
        assert!(Query::new("dnat").is_in("-j DNAT", Manner::Exactly));
        assert!(Query::new("DNAT").is_in("-j DNAT", Manner::Exactly));
        assert_eq!(marked("dnat", rule, Manner::Exactly), rule.replace("dnat", "DNAT"));
        assert_eq!(Query::new("80").marks(rule, Manner::Exactly).len(), 2);
        assert!(Query::new("名").marks("a名b", Manner::Exactly).iter().eq([&(1..4)]));
    }

    #[test]
    fn a_word_that_stands_by_itself_is_told_from_a_part_of_one() {
        let stands = |query: &str, text: &str| Query::new(query).stands_in(text);
        assert!(stands("dnat", "-A x -j DNAT --to-destination 10.0.0.1"));
        assert!(!stands("dnat", "-A x -j CNI-HOSTPORT-DNAT"));
        assert!(stands("80", "--dport 80"));
        assert!(stands("80", "10.0.0.1:80"));
        assert!(!stands("80", "--dport 8080"));
        assert!(!stands("10.0.0.1", "10.0.0.10"));
        assert!(!stands("", "x"));
    }

    #[test]
    fn letters_may_stand_apart_where_most_stand_together() {
        for (query, text, found) in [
            ("kubsvc", "KUBE-SVC-UQMCRMJZLI3FTLDP", true),
            ("ngx", "nginx", true),
            ("traefk", "traefik", true),
            ("nginx", "-n something going in by x", false),
            ("zzz", "nginx", false),
        ] {
            assert_eq!(Query::new(query).is_in(text, Manner::Nearly), found, "{query} in {text}");
        }
        assert_eq!(marked("ngx", "nginx", Manner::Nearly), "NGinX");
        let near = |text: &str| Query::new("traefk").nearness(text, &matcher());
        assert!(near("traefik") > near("x-t-r-aefik"));
    }
}
