//! The lines of a snapshot, sorted into sections: which title stands where, and which lines belong to it.
//!
//! Knows titles and line numbers. Deliberately does not know what the lines of a section mean, except that a line such as
//! `[{"ifindex":1}]` or `[7:420] -A INPUT` is no title.

use crate::host::IpFamily;

use super::Trouble;

/// What a section holds, told by its title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Title {
    NetnsIds,
    Links,
    Addresses,
    Routes(Families),
    PolicyRules(Families),
    Neighbours,
    Fdb,
    Sysctls,
    Sockets,
    Programs,
    IptablesNft(IpFamily),
    IptablesLegacy(IpFamily),
    Nft,
    Native,
    Ipset,
    Hooks,
    Handles,
    Unread,
}

/// The families that an `ip` command lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Families {
    /// No `-4` or `-6`. `ip route show table all` then lists both, `ip rule` IPv4 alone.
    Unsaid,
    V4,
    V6,
}

/// A section of one namespace.
#[derive(Debug, Clone)]
pub(super) struct Section<'a> {
    pub title: Title,
    /// The title's own words.
    pub words: &'a str,
    /// The line of the title, from 1.
    pub line: usize,
    /// What follows the title, up to the next.
    pub body: &'a str,
    /// The file ends within it, without the `[end]` that a whole recording has.
    pub cut: bool,
}

impl<'a> Section<'a> {
    /// Its lines with their numbers in the file, without comments and empty lines.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &'a str)> {
        let first = self.line + 1;
        self.body
            .lines()
            .enumerate()
            .map(move |(at, line)| (first + at, line.trim()))
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
    }

    /// Whether the command in the title was given this short option, alone (`-e`) or among others (`-tulpne`).
    pub fn has_option(&self, option: char) -> bool {
        self.words
            .split_whitespace()
            .any(|word| word.starts_with('-') && !word.starts_with("--") && word[1..].contains(option))
    }
}

/// The sections of one namespace.
#[derive(Debug, Default)]
pub(super) struct Part<'a> {
    pub name: String,
    pub sections: Vec<Section<'a>>,
}

/// A file, sorted.
#[derive(Debug, Default)]
pub(super) struct Outline<'a> {
    /// `key: value` lines of `[host]`, with their numbers.
    pub host: Vec<(usize, &'a str)>,
    pub parts: Vec<Part<'a>>,
    /// The file ends without `[end]`.
    pub cut: bool,
    /// The number of its last line.
    pub last_line: usize,
}

/// What the lines after a title belong to.
enum Open<'a> {
    Nothing,
    Host,
    Section(Section<'a>),
}

/// The title in a line, if it is one: `[` and `]` around words of which the first begins with a letter.
fn title_in(line: &str) -> Option<&str> {
    let inner = line.trim_end().strip_prefix('[')?.strip_suffix(']')?;
    let plain = inner.starts_with(|first: char| first.is_ascii_alphabetic())
        && (inner.starts_with("namespace ") || !inner.contains(['[', ']', '"', '{', '}']));
    plain.then_some(inner)
}

/// Sorts the lines of `text` into sections.
pub(super) fn outline<'a>(text: &'a str, trouble: &mut Trouble) -> Outline<'a> {
    let mut sorter =
        Sorter { outline: Outline::default(), open: Open::Nothing, start: 0, skipping: false, ended: false };
    let mut offset = 0;
    let mut whole_to = text.len();
    if !text.ends_with('\n') && !text.trim_end().ends_with("[end]") {
        whole_to = text.rfind('\n').map_or(0, |at| at + 1);
    }
    for (at, raw) in text.split_inclusive('\n').enumerate() {
        let (number, begins) = (at + 1, offset);
        offset += raw.len();
        sorter.outline.last_line = number;
        if offset <= whole_to {
            sorter.line(text, number, begins, offset, raw, trouble);
        }
    }
    let cut = !sorter.ended;
    sorter.close(&text[..whole_to], whole_to, cut);
    sorter.outline.cut = cut;
    if cut {
        let line = sorter.outline.last_line.max(1);
        trouble.bad(line, "the recording has no [end] line: it is cut off, and what comes last may be incomplete");
    }
    sorter.outline
}

struct Sorter<'a> {
    outline: Outline<'a>,
    open: Open<'a>,
    /// Where the body of the open section starts.
    start: usize,
    /// Within a second `[namespace NAME]` of the same name.
    skipping: bool,
    ended: bool,
}

impl<'a> Sorter<'a> {
    fn line(&mut self, text: &'a str, number: usize, begins: usize, ends: usize, raw: &'a str, trouble: &mut Trouble) {
        let line = raw.trim_end();
        if self.ended {
            if !line.is_empty() {
                trouble.bad(number, "nothing is read after [end]");
            }
            return;
        }
        if let Some(words) = title_in(line) {
            self.close(text, begins, false);
            self.start = ends;
            self.open(words, number, trouble);
            return;
        }
        let text = line.trim();
        match &self.open {
            Open::Section(_) => {}
            Open::Host if text.is_empty() || text.starts_with('#') => {}
            Open::Host => self.outline.host.push((number, text)),
            Open::Nothing if text.is_empty() || text.starts_with('#') || self.outline.cut => {}
            Open::Nothing => {
                if !self.skipping && self.start == 0 {
                    trouble.bad(number, "a line before the first section is not read");
                }
            }
        }
    }

    fn open(&mut self, words: &'a str, line: usize, trouble: &mut Trouble) {
        if words == "end" {
            self.ended = true;
            return;
        }
        if words == "host" {
            self.open = Open::Host;
            return;
        }
        if let Some(name) = words.strip_prefix("namespace ") {
            let name = super::one_line(name);
            self.skipping = self.outline.parts.iter().any(|part| part.name == name);
            if self.skipping {
                trouble.bad(line, "this namespace was there before: its sections here are not read");
            } else {
                self.outline.parts.push(Part { name, sections: Vec::new() });
            }
            return;
        }
        if self.skipping {
            return;
        }
        let Some(title) = title(words) else {
            trouble.bad(line, format!("no section is called [{words}]: it is not read"));
            return;
        };
        if self.outline.parts.is_empty() {
            self.outline.parts.push(Part { name: super::UNNAMED.to_owned(), sections: Vec::new() });
        }
        let known = self.outline.parts.last().is_some_and(|part| part.sections.iter().any(|old| old.title == title));
        if known {
            trouble.bad(line, format!("the section [{words}] was there before: it is not read again"));
            return;
        }
        self.open = Open::Section(Section { title, words, line, body: "", cut: false });
    }

    fn close(&mut self, text: &'a str, ends: usize, cut: bool) {
        if let Open::Section(mut section) = std::mem::replace(&mut self.open, Open::Nothing) {
            section.body = text.get(self.start..ends).unwrap_or_default();
            section.cut = cut;
            if let Some(part) = self.outline.parts.last_mut() {
                part.sections.push(section);
            }
        }
    }
}

/// What the words of a title mean; options that change nothing for us are passed over.
fn title(words: &str) -> Option<Title> {
    let mut rest = words.split_whitespace();
    let program = rest.next()?;
    let (options, objects): (Vec<&str>, Vec<&str>) = rest.partition(|word| word.starts_with('-'));
    let families = match (options.contains(&"-4"), options.contains(&"-6")) {
        (_, true) => Families::V6,
        (true, false) => Families::V4,
        (false, false) => Families::Unsaid,
    };
    let object = objects.first().copied().unwrap_or_default();
    Some(match (program, object) {
        ("ip", "netns") => Title::NetnsIds,
        ("ip", "l" | "li" | "link") => Title::Links,
        ("ip", "a" | "ad" | "addr" | "address") => Title::Addresses,
        ("ip", "r" | "ro" | "route") => Title::Routes(families),
        ("ip", "ru" | "rule") => Title::PolicyRules(families),
        ("ip", "n" | "neigh" | "neighbor" | "neighbour") => Title::Neighbours,
        ("bridge", "f" | "fdb") => Title::Fdb,
        ("sysctl", "") => Title::Sysctls,
        ("ss", _) => Title::Sockets,
        ("ps", _) => Title::Programs,
        ("iptables-nft-save" | "iptables-save", "") => Title::IptablesNft(IpFamily::V4),
        ("ip6tables-nft-save" | "ip6tables-save", "") => Title::IptablesNft(IpFamily::V6),
        ("iptables-legacy-save", "") => Title::IptablesLegacy(IpFamily::V4),
        ("ip6tables-legacy-save", "") => Title::IptablesLegacy(IpFamily::V6),
        ("nft", "list") => Title::Nft,
        ("nf_tables", "") => Title::Native,
        ("ipset", "save") => Title::Ipset,
        ("hooks", "") => Title::Hooks,
        ("handles", "") => Title::Handles,
        ("unread", "") => Title::Unread,
        _ => return None,
    })
}
