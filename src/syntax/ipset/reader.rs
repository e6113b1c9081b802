//! The lines of a text: which set is created, and which set a line adds to.
//!
//! Knows names, as odd as they may be: ipset prints them as they are, blanks and quotes in them too. What the words of a
//! line mean is the business of `create` and `element`.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use super::element::{self, Beside, Given};
use super::{Dump, create, words};
use crate::host::ipset::{Element, Extras, Interface, IpSet, Key, Part, Seen, SetType};
use crate::host::{Counters, Name, Names};
use crate::syntax::{Diagnostic, DiagnosticKind};

/// How long a list may be in which elements are put before others: each time it is searched.
const LIST: usize = 1024;

/// What may stand around a line.
const BLANKS: [char; 4] = [' ', '\t', '\r', '\u{feff}'];

/// Reads all lines.
pub(super) fn parse(text: &str) -> Dump {
    let mut reader = Reader::default();
    for (at, line) in text.lines().enumerate() {
        reader.line(at + 1, line.trim_matches(BLANKS));
    }
    reader.dump
}

/// A command without the program's name and the flag that lets it do what is done already.
fn command(line: &str) -> &str {
    let line = line.strip_prefix("ipset ").unwrap_or(line);
    ["-exist ", "-! "].iter().find_map(|flag| line.strip_prefix(flag)).unwrap_or(line)
}

/// What a comment says that was printed here.
enum Note<'t> {
    Revision(u8),
    NotUnderstood(&'t str),
}

fn note(line: &str) -> Option<Note<'_>> {
    let says = line.strip_prefix("# ")?;
    let revision = || says.strip_prefix("revision ")?.parse().ok().map(Note::Revision);
    revision()
        .or_else(|| says.strip_prefix("not understood:").map(|what| Note::NotUnderstood(what.trim_matches(BLANKS))))
}

#[derive(Default)]
struct Reader<'t> {
    dump: Dump,
    names: Names,
    by_name: HashMap<Name, usize>,
    /// A set has a blank in its name.
    has_blanks: bool,
    /// Where each element of a set is, by its hash.
    keys: Vec<HashMap<u64, u32>>,
    hasher: RandomState,
    /// What is told of the set that comes next.
    revision: Option<u8>,
    untold: Vec<Name>,
    /// What was told to be unknown, of a set.
    told: HashSet<(usize, String)>,
    /// Room for the words of a line.
    words: Vec<Cow<'t, str>>,
}

impl<'t> Reader<'t> {
    fn say(&mut self, line: usize, kind: DiagnosticKind, text: impl Into<String>) {
        self.dump.diagnostics.push(Diagnostic { line, kind, text: text.into() });
    }

    fn damaged(&mut self, line: usize, text: impl Into<String>) {
        self.say(line, DiagnosticKind::Damaged, text);
    }

    fn line(&mut self, number: usize, line: &'t str) {
        if line.starts_with('#') {
            match note(line) {
                Some(Note::Revision(revision)) => self.revision = Some(revision),
                Some(Note::NotUnderstood(what)) => self.untold.push(what.into()),
                None => {}
            }
            return;
        }
        let plain = command(line);
        if line.is_empty() || line == "COMMIT" {
        } else if let Some(rest) = plain.strip_prefix("create ") {
            self.create(number, rest.trim_start());
        } else if let Some(rest) = plain.strip_prefix("add ") {
            self.add(number, rest.trim_start());
        } else {
            self.damaged(number, format!("not a line of ipset save: {}", start(line)));
        }
    }

    fn create(&mut self, number: usize, rest: &'t str) {
        let (revision, untold) = (self.revision.take(), std::mem::take(&mut self.untold));
        let Some((name, kind, rest)) = named_type(rest) else {
            return self.damaged(number, format!("neither a name nor a type of a set: {}", start(rest)));
        };
        if self.by_name.contains_key(&*name) {
            return self.damaged(number, format!("set {name} was created before: this is not read"));
        }
        if !words::split(rest, &mut self.words) {
            return self.damaged(number, format!("a quote does not end: {}", start(rest)));
        }
        let (options, unknown) = create::options(&kind, &self.words);
        let mut set = IpSet { name: self.names.intern(&name), kind, options, elements: Vec::new(), untold };
        let mut problem = None;
        if let SetType::Other(kind) = &set.kind {
            problem = Some(format!("set {name}: the type {kind} is not known"));
        }
        if !unknown.is_empty() {
            problem = Some(format!("set {name}: not understood: {unknown}"));
            set.untold.push(plain(&unknown));
        }
        if let Some(problem) = problem {
            self.say(number, DiagnosticKind::Unknown, problem);
        }
        self.has_blanks |= name.contains(char::is_whitespace);
        self.by_name.insert(set.name.clone(), self.dump.sets.len());
        self.dump.sets.push(set);
        self.dump.seen.push(Seen { revision, ..Seen::default() });
        self.keys.push(HashMap::new());
    }

    /// The set that a line is about, and what follows its name: the longest name that fits.
    fn named_set(&self, rest: &'t str) -> Option<(usize, &'t str)> {
        let known = |name: &str| self.by_name.get(name).copied();
        let is_blank = |sign: char| sign == ' ' || sign == '\t';
        if self.has_blanks {
            let ends = rest.match_indices(is_blank).map(|(at, _)| at).take(64);
            let fits = ends.filter_map(|at| Some((known(&rest[..at])?, &rest[at..])));
            if let Some(found) = fits.last() {
                return Some(found);
            }
        }
        if let Some((name, after)) = rest.split_once(is_blank)
            && let Some(set) = known(name)
        {
            return Some((set, after));
        }
        let (name, after) = words::word(rest)?;
        Some((known(&name)?, after))
    }

    fn add(&mut self, number: usize, rest: &'t str) {
        let Some((at, rest)) = self.named_set(rest) else {
            return self.damaged(number, format!("no set of this name was created: {}", start(rest)));
        };
        let rest = rest.trim_start();
        let set = &self.dump.sets[at];
        let (key, rest) = match &set.kind {
            SetType::ListSet => match self.named_set(rest).or_else(|| Some((*self.by_name.get(rest)?, ""))) {
                Some((member, rest)) => (Some(Key::Set(self.dump.sets[member].name.clone())), rest),
                None => self.first_word(at, rest),
            },
            _ => self.first_word(at, rest),
        };
        let Some(key) = key else {
            let (set, rest) = (&self.dump.sets[at], start(rest));
            let text = format!("no element of a {} ({}): {rest}", set.kind.name(), set.name);
            return self.damaged(number, text);
        };
        if !words::split(rest, &mut self.words) {
            return self.damaged(number, format!("a quote does not end: {}", start(rest)));
        }
        let given = element::given(&self.words);
        self.push(number, at, key, given);
    }

    fn first_word(&mut self, at: usize, rest: &'t str) -> (Option<Key>, &'t str) {
        let Some((word, after)) = words::word(rest).filter(|(word, _)| !word.is_empty()) else { return (None, rest) };
        let set = &self.dump.sets[at];
        match element::key(&set.kind, &set.options, &word, &mut self.names) {
            Some(key) => (Some(key), after),
            None => (None, rest),
        }
    }

    fn push(&mut self, number: usize, at: usize, mut key: Key, given: Given) {
        if given.wildcard && !make_wildcard(&mut key) {
            return self.damaged(number, "only an interface can be a wildcard: this is not read");
        }
        let hash = self.hasher.hash_one(&key);
        let known = self.keys[at].get(&hash).and_then(|known| self.dump.sets[at].elements.get(*known as usize));
        // The places of elements of a list may have changed since, but an equal hash is an equal name.
        if known.is_some_and(|known| known.key == key || matches!(key, Key::Set(_))) {
            return self.damaged(number, "this element was there before: it is not read again");
        }
        if !given.unknown.is_empty() && self.told.insert((at, given.unknown.clone())) {
            let name = self.dump.sets[at].name.clone();
            self.say(number, DiagnosticKind::Unknown, format!("set {name}: not understood: {}", given.unknown));
            self.dump.sets[at].untold.push(plain(&given.unknown));
        }
        let (set, seen) = (&mut self.dump.sets[at], &mut self.dump.seen[at]);
        let Some(place) = place(set, given.beside.as_ref()) else {
            return self.damaged(number, "nothing that this could be put before or after, or too much: it is not read");
        };
        self.keys[at].insert(hash, set.elements.len() as u32);
        let extras = (given.extras != Extras::default()).then(|| Box::new(given.extras));
        set.elements.insert(place, Element { key, extras });
        if let Some(default) = set.options.timeout {
            seen.timeouts.insert(place, given.timeout.unwrap_or(default));
        }
        if set.options.counters {
            seen.counters.insert(place, Counters { packets: given.packets, bytes: given.bytes });
        }
    }
}

/// Where an element is put; `None` where what it is to stand beside is not there.
fn place(set: &IpSet, beside: Option<&Beside>) -> Option<usize> {
    let find = |name: &str| {
        let is_it = |element: &Element| matches!(&element.key, Key::Set(known) if **known == *name);
        set.elements.iter().position(is_it)
    };
    match beside {
        None => Some(set.elements.len()),
        Some(_) if set.elements.len() > LIST => None,
        Some(Beside::Before(name)) => find(name),
        Some(Beside::After(name)) => find(name).map(|at| at + 1),
    }
}

fn make_wildcard(key: &mut Key) -> bool {
    let interface: Option<&mut Interface> = match key {
        Key::NetIface(both) => Some(&mut both.1),
        Key::Ranges(parts) => parts.iter_mut().find_map(|part| match part {
            Part::Interface(interface) => Some(interface),
            _ => None,
        }),
        _ => None,
    };
    interface.map(|interface| interface.wildcard = true).is_some()
}

/// The name and the type that follow `create`: the type is the first word that can be one.
fn named_type(rest: &str) -> Option<(Cow<'_, str>, SetType, &str)> {
    let first = |rest: &str| -> Option<(SetType, usize)> {
        let word = rest.split_ascii_whitespace().next()?;
        let skipped = rest.len() - rest.trim_start().len();
        Some((create::kind(word)?, skipped + word.len()))
    };
    if rest.starts_with(['"', '$'])
        && let Some((name, after)) = words::word(rest)
        && let Some((kind, end)) = first(after)
    {
        return Some((name, kind, &after[end..]));
    }
    rest.match_indices([' ', '\t']).take(64).find_map(|(at, _)| {
        let (kind, end) = first(&rest[at..])?;
        (at > 0).then(|| (Cow::Borrowed(&rest[..at]), kind, &rest[at + end..]))
    })
}

/// Words that stay on their line, whatever they are.
fn plain(words: &str) -> Name {
    let signs = words
        .trim_matches(|sign: char| sign.is_whitespace() || BLANKS.contains(&sign))
        .chars()
        .map(|sign| if sign.is_control() { '?' } else { sign });
    signs.collect::<String>().into()
}

/// The start of a line, to be quoted.
fn start(line: &str) -> String {
    const LENGTH: usize = 40;
    match line.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{:?}", format!("{}…", &line[..end])),
        None => format!("{line:?}"),
    }
}
