//! A section while its lines are gathered, and what is so for a run of lines.
//!
//! While nothing is changed in a section it is a part of the text; only then it is copied. What takes its place is as many
//! lines as it was.

use std::borrow::Cow;

use super::line::Tool;
use super::shell::Hints;
use crate::syntax::Diagnostic;

/// A part of the text that is of one tool.
pub(super) struct Section<'t> {
    pub(super) tool: Tool,
    /// Its first line, from 1.
    pub(super) line: usize,
    pub(super) text: Cow<'t, str>,
    /// What the command before it says of it.
    pub(super) hints: Hints,
    /// Whether a line of it says which iptables made it.
    pub(super) has_header: bool,
    /// What of it could not be read.
    pub(super) said: Vec<Diagnostic>,
}

/// A section that is not at its end.
pub(super) struct Open<'t> {
    pub(super) section: Section<'t>,
    /// Where it begins and ends in the text, while nothing was changed in it.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Its text with what was changed.
    pub(super) changed: Option<String>,
    /// Braces that are open in a listing of nft.
    pub(super) depth: usize,
    /// Whether what is within them is indented.
    pub(super) indented: bool,
    /// Whether a table of iptables-save is open.
    pub(super) in_table: bool,
    /// The line before, where it is a rule: the next may belong to it.
    pub(super) last: Option<&'t str>,
}

/// What is so for a run of lines, and was told at the first of them.
#[derive(Default)]
pub(super) struct Runs {
    pub(super) quoted: bool,
    pub(super) indented: bool,
    pub(super) numbered: bool,
    pub(super) prompted: bool,
    pub(super) foreign: Foreign,
}

/// Lines of no tool.
#[derive(Default, PartialEq, Eq)]
pub(super) enum Foreign {
    /// There are none.
    #[default]
    None,
    /// Nobody knows what they are.
    Prose,
    /// They look like something that has a name.
    Named(String),
    /// A command printed them that has nothing to do with rules.
    Output,
}

impl Runs {
    /// A line without what stands before each of the run.
    pub(super) fn bare<'l>(&self, line: &'l str) -> &'l str {
        match self {
            Runs { quoted: true, .. } => line.trim_start_matches(['>', ' ', '\t']),
            Runs { numbered: true, .. } => after_number(line).unwrap_or(line),
            _ => line,
        }
    }

    pub(super) fn is_any(&self) -> bool {
        self.quoted || self.indented || self.numbered || self.prompted || self.foreign != Foreign::None
    }
}

impl<'t> Open<'t> {
    /// A section that begins at a line of the text.
    pub(super) fn new(tool: Tool, line: usize, at: usize, hints: Hints) -> Open<'t> {
        Open {
            section: Section { tool, line, text: Cow::Borrowed(""), hints, has_header: false, said: Vec::new() },
            start: at,
            end: at,
            changed: None,
            depth: 0,
            indented: false,
            in_table: false,
            last: None,
        }
    }

    /// The section, at its end.
    pub(super) fn close(self, text: &'t str) -> Section<'t> {
        let text = match self.changed {
            Some(changed) => Cow::Owned(changed),
            None => Cow::Borrowed(&text[self.start..self.end]),
        };
        Section { text, ..self.section }
    }

    /// Appends a line as it stands, or something else for it.
    pub(super) fn push(&mut self, raw: &str, written: &str) {
        match &mut self.changed {
            Some(changed) => changed.push_str(written),
            None => self.end += raw.len(),
        }
    }

    /// The text, to be changed.
    pub(super) fn change(&mut self, text: &str) -> &mut String {
        let (start, end) = (self.start, self.end);
        self.changed.get_or_insert_with(|| text[start..end].to_owned())
    }

    pub(super) fn blank(&mut self, text: &str) {
        self.change(text).push('\n');
    }
}

/// How many braces are open after a line.
pub(super) fn braces(line: &str, before: usize, is_nft: bool) -> usize {
    let (mut depth, mut quoted, mut escaped) = (before, false, false);
    for sign in line.bytes() {
        match sign {
            _ if escaped => escaped = false,
            b'\\' if !is_nft => escaped = true,
            b'"' => quoted = !quoted,
            b'{' if !quoted => depth += 1,
            b'}' if !quoted => depth = depth.saturating_sub(1),
            b'#' if !quoted && is_nft => break,
            _ => {}
        }
    }
    depth
}

/// Whether a line has a part of a rule in it.
pub(super) fn looks_like_rule(line: &str) -> bool {
    const PARTS: [&str; 8] = ["-j", "-g", "-m", "-p", "-s", "-d", "-A", "-i"];
    line.split_ascii_whitespace().any(|word| PARTS.contains(&word) || word.starts_with("--") && word.len() > 3)
}

/// The start of a text, for a diagnostic.
pub(super) fn start(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(60) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// What follows the number of a line: `12:`, `12|`, or blanks.
pub(super) fn after_number(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches(|sign: char| sign.is_ascii_digit());
    let inner = rest.strip_prefix([':', '|', '.']).unwrap_or(rest).trim_start_matches([' ', '\t']);
    (rest.len() < line.len() && inner.len() < rest.len()).then_some(inner)
}
