//! Texts as people paste them: what several tools printed, with prompts, warnings and prose between.
//!
//! Cuts a text into what each tool printed, has each read by its reader, and joins what they say. Each oddity is told once,
//! with its line, and costs nothing else. An untouched dump is given to its reader as it is. Deliberately does not know what
//! rules mean.

mod commands;
mod cut;
mod join;
mod line;
mod open;
mod shell;
mod wrapped;

use join::Joined;
use line::Tool;
use open::Section;

use super::{Diagnostic, DiagnosticKind, Kind, ipset, iptables, kind, nft};
use crate::host::{Backend, Family, IpFamily, Link};

/// What a text says.
#[derive(Debug, Clone, Default)]
pub struct Pasted {
    /// Its rules, where it has any.
    pub rules: Option<iptables::Dump>,
    /// Its sets, where it has any.
    pub sets: Option<ipset::Dump>,
    /// What there is to say about lines that are neither.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a text; `Err` says what it looks like where nothing in it can be read.
pub fn read(text: &str) -> Result<Pasted, Kind> {
    read_among(text, &[])
}

/// Reads a text as [`read`] does. Devices that rules of nft name by their index are found among `links`.
pub fn read_among(text: &str, links: &[Link]) -> Result<Pasted, Kind> {
    if let Some(kind) = kind::refused(text) {
        return Err(kind);
    }
    let mut cut = cut::cut(text);
    if cut.sections.is_empty() && cut.commands.is_empty() {
        return match kind::looks_like(text) {
            Kind::IpsetSave => Ok(Pasted { sets: Some(ipset::parse(text)), ..Pasted::default() }),
            kind => Err(kind),
        };
    }
    let mut pasted = Pasted::default();
    let mut sets = Sets::default();
    let mut rules = Rules { backend: cut.header.map(backend_of), ..Rules::default() };
    // iptables' own words say more of its tables than nft's, and those more than its JSON.
    cut.sections.sort_by_key(|section| match section.tool {
        Tool::Iptables => 0,
        Tool::Nft | Tool::Ipset => 1,
        Tool::Json => 2,
    });
    for section in cut.sections {
        match section.tool {
            Tool::Iptables => rules.iptables(section),
            Tool::Nft => rules.nft(section, links, nft::parse),
            Tool::Json => rules.nft(section, links, nft::parse_json),
            Tool::Ipset => sets.add(&section),
        }
    }
    let listed = |family: IpFamily, name: &str| {
        let family = if family == IpFamily::V4 { Family::Ip } else { Family::Ip6 };
        rules.joined.ruleset.tables.iter().any(|table| table.family == family && &*table.name == name)
    };
    for made in cut.commands.run(listed, &mut cut.beside) {
        rules.made(made);
    }
    if !sets.text.is_empty() {
        pasted.sets = Some(ipset::parse(&sets.text));
    }
    pasted.rules = rules.any.then(|| rules.dump());
    pasted.diagnostics = cut.beside;
    Ok(pasted)
}

/// The lines of sets, each where it stands in the whole text.
#[derive(Default)]
struct Sets {
    text: String,
    lines: usize,
}

impl Sets {
    fn add(&mut self, section: &Section) {
        self.text.extend(std::iter::repeat_n('\n', (section.line - 1).saturating_sub(self.lines)));
        self.text.push_str(&section.text);
        if !section.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.lines = section.line - 1 + section.text.lines().count();
    }
}

/// The backend that a dump's first line tells, which holds for those that do not tell: since 1.8 the nft variant says
/// `(nf_tables)`.
fn backend_of(header: &str) -> Backend {
    let is_nft = header.contains("nf_tables") || header.contains("nft");
    if is_nft { Backend::IptablesNft } else { Backend::IptablesLegacy }
}

/// The rules of a text.
#[derive(Default)]
struct Rules {
    backend: Option<Backend>,
    any: bool,
    joined: Joined,
    diagnostics: Vec<Diagnostic>,
}

impl Rules {
    fn add(&mut self, dump: iptables::Dump, line: usize, place: impl Fn(usize) -> usize) {
        self.any = true;
        let said = dump.diagnostics.into_iter();
        self.diagnostics.extend(said.map(|found| Diagnostic { line: place(found.line), ..found }));
        for name in self.joined.add(dump.ruleset, dump.observations) {
            let text = format!("table {name} was there before, and was another; this one is left out");
            self.diagnostics.push(Diagnostic { line, kind: DiagnosticKind::Damaged, text });
        }
    }

    fn iptables(&mut self, section: Section) {
        self.diagnostics.extend(section.said);
        let options = iptables::Options {
            family: section.hints.family.filter(|_| !section.has_header),
            backend: section.hints.backend.or(self.backend).unwrap_or(Backend::IptablesNft),
        };
        let dump = match &section.hints.table {
            Some(table) => iptables::parse_listing(&section.text, &options, table),
            None => iptables::parse(&section.text, &options),
        };
        self.add(dump, section.line, |line| section.line + line - 1);
    }

    fn nft(&mut self, section: Section, links: &[Link], parse: fn(&str, &[Link]) -> nft::Dump) {
        let mut words = section.text.split_ascii_whitespace().skip(1);
        if let (Some(family), Some(name)) = (words.next(), words.next())
            && self.joined.is_of_iptables(family, name)
        {
            return;
        }
        self.diagnostics.extend(section.said);
        let dump = parse(&section.text, links);
        // What is missing at the end is told of the last line.
        let last = if dump.diagnostics.is_empty() { 1 } else { section.text.lines().count().max(1) };
        self.add(dump.into(), section.line, |line| section.line + line.min(last) - 1);
    }

    fn made(&mut self, made: commands::Made) {
        let backend = made.backend.or(self.backend).unwrap_or(Backend::IptablesNft);
        let dump = iptables::parse(&made.text, &iptables::Options { family: Some(made.family), backend });
        let first = made.lines.first().copied().unwrap_or(1);
        self.add(dump, first, |line| made.lines.get(line - 1).copied().unwrap_or(first));
    }

    fn dump(self) -> iptables::Dump {
        let Joined { ruleset, observations } = self.joined;
        let is_ip6 = ruleset.tables.first().is_some_and(|table| table.family == Family::Ip6);
        let family = if is_ip6 { IpFamily::V6 } else { IpFamily::V4 };
        let mut diagnostics = self.diagnostics;
        diagnostics.sort_by_key(|found| found.line);
        iptables::Dump { ruleset, observations, diagnostics, family }
    }
}
