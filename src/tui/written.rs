//! Files that people write for the explorer (themes, settings): TOML, in which what cannot be used costs no more than
//! itself, and is told with its line.
//!
//! Deliberately does not know what stands in them, nor where they are.

use std::fmt;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// Something in a file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what could stand there.
    pub text: String,
}

impl fmt::Display for Flaw {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.line, self.text)
    }
}

/// A value with where it stands.
pub(super) struct Entry<'a> {
    /// What it is called.
    pub name: String,
    /// Where its name stands.
    pub at: Range<usize>,
    /// What it says.
    pub value: DeValue<'a>,
    /// Where that stands.
    pub said: Range<usize>,
}

/// A file while it is read.
pub(super) struct Page<'a> {
    text: &'a str,
    flaws: Vec<Flaw>,
}

impl<'a> Page<'a> {
    /// The file's outermost entries, in their order.
    pub fn read(text: &'a str) -> (Page<'a>, Vec<Entry<'a>>) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut page = Page { text, flaws: Vec::new() };
        for error in errors {
            page.flaw(&error.span().unwrap_or_default(), error.message().to_owned());
        }
        (page, entries(table.into_inner()))
    }

    /// The line in which something stands, from 1.
    pub fn line(&self, at: &Range<usize>) -> usize {
        self.text.bytes().take(at.start).filter(|byte| *byte == b'\n').count() + 1
    }

    /// Tells of something that stands there.
    pub fn flaw(&mut self, at: &Range<usize>, text: impl Into<String>) {
        let line = self.line(at);
        self.flaws.push(Flaw { line, text: text.into() });
    }

    /// How many flaws were told.
    pub fn count(&self) -> usize {
        self.flaws.len()
    }

    /// Tells of a name that nothing has, and of the nearest that something has.
    pub fn unknown<'n>(&mut self, entry: &Entry, what: &str, known: impl IntoIterator<Item = &'n str>) {
        let text = format!("no {what} is called “{}”{}", entry.name, meant(&entry.name, known));
        self.flaw(&entry.at, text);
    }

    /// The text that an entry says; told as a flaw where it says something else.
    pub fn text<'e>(&mut self, entry: &'e Entry) -> Option<&'e str> {
        let text = entry.value.as_str();
        if text.is_none() {
            self.flaw(&entry.said, format!("“{}” wants text, such as {0} = \"…\"", entry.name));
        }
        text
    }

    /// The entries of a section; told as a flaw where it is none.
    pub fn section(&mut self, entry: Entry<'a>) -> Vec<Entry<'a>> {
        match entry.value {
            DeValue::Table(table) => entries(table),
            _ => {
                self.flaw(&entry.at, format!("“{}” is a section: [{0}]", entry.name));
                Vec::new()
            }
        }
    }

    /// All that could not be used, in the order of the lines.
    pub fn close(mut self) -> Vec<Flaw> {
        self.flaws.sort_by_key(|flaw| flaw.line);
        self.flaws
    }
}

fn entries(table: DeTable<'_>) -> Vec<Entry<'_>> {
    let mut entries: Vec<_> = table
        .into_iter()
        .map(|(name, value)| {
            let (at, said) = (name.span(), value.span());
            Entry { name: name.into_inner().into_owned(), at, value: value.into_inner(), said }
        })
        .collect();
    entries.sort_by_key(|entry| entry.at.start);
    entries
}

/// `; did you mean “find”?`, where something known is like a word; else all that is known, where that is not much.
pub(super) fn meant<'n>(word: &str, known: impl IntoIterator<Item = &'n str>) -> String {
    const FEW: usize = 12;
    let known: Vec<&str> = known.into_iter().collect();
    match known.iter().map(|name| (distance(word, name), *name)).min() {
        Some((distance, name)) if distance <= 1 + name.len() / 3 => format!("; did you mean “{name}”?"),
        _ if known.len() <= FEW => format!("; there is {}", known.join(", ")),
        _ => String::new(),
    }
}

/// How many characters must be put in, taken out, changed, or changed with the next to make one word of the other
/// (Damerau and Levenshtein, each character once).
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let same = |at: usize, to: usize| one[at].eq_ignore_ascii_case(&other[to]);
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for at in 0..one.len() {
        let mut row = vec![at + 1];
        for to in 0..other.len() {
            let changed = rows[at][to] + usize::from(!same(at, to));
            let mut least = changed.min(rows[at][to + 1] + 1).min(row[to] + 1);
            if at > 0 && to > 0 && same(at, to - 1) && same(at - 1, to) {
                least = least.min(rows[at - 1][to - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_as_far_apart_as_they_differ() {
        for (one, other, apart) in
            [("find", "find", 0), ("fnid", "find", 1), ("fed", "find", 2), ("", "abc", 3), ("Quit", "quit", 0)]
        {
            assert_eq!((distance(one, other), distance(other, one)), (apart, apart), "{one} {other}");
        }
    }

    #[test]
    fn the_nearest_name_is_told_or_all_where_none_is_near() {
        assert_eq!(meant("dakr", ["dark", "light"]), "; did you mean “dark”?");
        assert_eq!(meant("solarized", ["dark", "light"]), "; there is dark, light");
    }

    #[test]
    fn what_is_no_toml_costs_its_line() {
        let (page, entries) = Page::read("one = \"a\"\ntwo = = \"b\"\nthree = \"c\"\n");
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        assert!(names.contains(&"one") && names.contains(&"three"), "{names:?}");
        let flaws = page.close();
        assert!(!flaws.is_empty() && flaws.iter().all(|flaw| flaw.line == 2), "{flaws:?}");
    }
}
