//! A text → sections, each of one tool, and what stands between and within them that is of none.
//!
//! What is of no tool is blanked out of a section, so that its lines keep their numbers. A section in which nothing was
//! changed is a part of the text itself. Deliberately does not know what a tool's lines mean.

use std::borrow::Cow;
use std::collections::HashSet;

use super::commands::{Command, Commands, PROMPTED};
use super::line::{self, Line, Tool};
use super::open::{Foreign, Open, Runs, Section, after_number, braces, looks_like_rule, start};
use super::shell::{self, Hints, Said, Shell};
use super::wrapped;
use crate::syntax::{Diagnostic, DiagnosticKind, kind};

/// What a text was cut into.
#[derive(Default)]
pub(super) struct Cut<'t> {
    pub(super) sections: Vec<Section<'t>>,
    /// The first line that says which iptables made a dump.
    pub(super) header: Option<&'t str>,
    pub(super) commands: Commands,
    /// What stands beside them.
    pub(super) beside: Vec<Diagnostic>,
}

struct Cutter<'t> {
    text: &'t str,
    /// Where the line begins that is looked at, where the next one does, and its number.
    at: usize,
    next: usize,
    number: usize,
    open: Option<Open<'t>>,
    hints: Hints,
    runs: Runs,
    /// In a fenced block, and what the fence is.
    fence: Option<&'static str>,
    /// The sets that were created.
    sets: HashSet<&'t str>,
    /// A line ended with CR LF.
    returns: bool,
    cut: Cut<'t>,
}

const BLANKS: [char; 5] = [' ', '\t', '\r', '\n', '\u{feff}'];

/// Cuts a text.
pub(super) fn cut(text: &str) -> Cut<'_> {
    let mut cutter = Cutter {
        text,
        at: 0,
        next: 0,
        number: 0,
        open: None,
        hints: Hints::default(),
        runs: Runs::default(),
        fence: None,
        sets: HashSet::new(),
        returns: false,
        cut: Cut::default(),
    };
    while let Some(line) = cutter.advance() {
        cutter.line(line);
    }
    cutter.close();
    cutter.cut
}

impl<'t> Cutter<'t> {
    /// The next line, with its end.
    fn advance(&mut self) -> Option<&'t str> {
        self.at = self.next;
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return None;
        }
        self.next = rest.find('\n').map_or(self.text.len(), |end| self.at + end + 1);
        self.number += 1;
        Some(&self.text[self.at..self.next])
    }

    fn say(&mut self, kind: DiagnosticKind, text: impl Into<String>) {
        self.cut.beside.push(Diagnostic { line: self.number, kind, text: text.into() });
    }

    fn passed(&mut self, text: impl Into<String>) {
        self.say(DiagnosticKind::Passed, text);
    }

    fn line(&mut self, raw: &'t str) {
        // Most lines of large texts: rules, and before them chains.
        if let Some(open) = self.open.as_mut().filter(|open| open.section.tool == Tool::Iptables)
            && (raw.starts_with("-A ") || raw.starts_with(':') && raw.ends_with(" - [0:0]\n"))
            && !raw.ends_with("\r\n")
            && !self.runs.is_any()
        {
            open.push(raw, raw);
            open.last = raw.starts_with('-').then(|| raw.trim_end());
            return;
        }
        if !self.returns && raw.ends_with("\r\n") {
            self.returns = true;
            self.passed("lines end with CR LF from here on; they are read as if they ended with LF");
        }
        let line = raw.trim_matches(BLANKS);
        if self.goes_on(raw, line) {
            return;
        }
        match self.class(line) {
            Line::Other => self.within(raw, line),
            Line::Comment => match shell::read(line).filter(|shell| self.is_prompt(shell)) {
                Some(shell) => self.shell(shell, raw),
                None => self.keep(raw),
            },
            Line::Blank => self.keep(raw),
            Line::Of(tool) => {
                let indented = raw.starts_with([' ', '\t']);
                if indented && !self.runs.indented {
                    self.passed("lines are indented from here on; they are read as if they were not");
                }
                self.runs = Runs { indented, ..Runs::default() };
                self.take(tool, raw, line);
            }
        }
    }

    /// What a line is here: elements stand behind their sets only.
    fn class(&self, line: &'t str) -> Line {
        match line::of(line) {
            Line::Other if line.starts_with("add ") => {
                let in_sets = self.open.as_ref().is_some_and(|open| open.section.tool == Tool::Ipset);
                let name = || line[4..].split_ascii_whitespace().next().unwrap_or_default();
                if in_sets || self.sets.contains(name()) { Line::Of(Tool::Ipset) } else { Line::Other }
            }
            // Where a program for reading JSON put it on several lines.
            Line::Other if line == "{" => {
                let end = self.text[self.next..].find(':').map_or(self.next, |end| self.next + end);
                let is_nft = self.text[self.next..end].trim() == "\"nftables\"";
                if is_nft { Line::Of(Tool::Json) } else { Line::Other }
            }
            // What whyport's recordings say of a set stands before it.
            Line::Comment
                if is_note(line) && self.open.as_ref().is_none_or(|open| !open.in_table && open.depth == 0) =>
            {
                Line::Of(Tool::Ipset)
            }
            class => class,
        }
    }

    /// Takes a line into an open table of nft: nothing in it tells by itself that it is nft's.
    fn goes_on(&mut self, raw: &'t str, line: &'t str) -> bool {
        let Some(open) = self.open.as_mut().filter(|open| open.depth > 0) else { return false };
        let outermost = !raw.starts_with([' ', '\t']);
        let numbered = self.runs.numbered && line.starts_with(|sign: char| sign.is_ascii_digit());
        let is_nft = open.section.tool == Tool::Nft;
        let ends = is_nft && {
            let class = line::of(line);
            let known = numbered || matches!(class, Line::Of(_)) || line.starts_with(['>', '`', '~']);
            let strange = outermost && open.indented && !line.starts_with(['}', '#']) && class != Line::Blank;
            known || strange || outermost && shell::read(line).is_some()
        };
        if !ends {
            open.push(raw, raw);
            open.indented |= !outermost;
            open.depth = braces(line, open.depth, is_nft);
        }
        !ends
    }

    /// A comment is a prompt where what follows it is a command that lists. One that changes is commented out where
    /// others are not.
    fn is_prompt(&self, shell: &Shell) -> bool {
        match shell.said {
            Said::Lists(_) => true,
            Said::Changes(..) | Said::Sets(_) | Said::Unreadable(_) => {
                !self.text.starts_with("#!") && self.open.is_none() && !self.cut.commands.are_bare()
            }
            Said::Foreign | Said::Nothing => false,
        }
    }

    /// Takes what stands before a line off it, or finds that it is of no tool.
    fn within(&mut self, raw: &'t str, line: &'t str) {
        if let Some(fence) = ["```", "~~~"].into_iter().find(|fence| line.starts_with(fence)) {
            return self.fence(fence);
        }
        let in_table = self.open.as_ref().is_some_and(|open| open.section.tool == Tool::Nft && open.depth > 0);
        let class = |cutter: &Self, inner| if in_table { Line::Of(Tool::Nft) } else { cutter.class(inner) };
        if line.starts_with('>') {
            let inner = line.trim_start_matches(['>', ' ', '\t']);
            match class(self, inner) {
                _ if inner.is_empty() => return self.keep("\n"),
                Line::Comment => return self.keep("\n"),
                Line::Of(tool) => {
                    if !self.runs.quoted {
                        self.passed("lines are quoted from here on; they are read without the > before them");
                    }
                    self.runs = Runs { quoted: true, ..Runs::default() };
                    return self.take(tool, raw, inner);
                }
                Line::Blank | Line::Other => {}
            }
        }
        if self.runs.numbered && line.trim_end_matches([':', '|', '.']).bytes().all(|sign| sign.is_ascii_digit()) {
            return self.keep("\n");
        }
        if let Some(inner) = after_number(line)
            && (!in_table || self.runs.numbered)
            && let Line::Of(tool) = class(self, inner)
        {
            if !self.runs.numbered {
                self.passed("lines are numbered from here on; they are read without the numbers");
            }
            self.runs = Runs { numbered: true, ..Runs::default() };
            return self.take(tool, raw, inner);
        }
        if self.wrapped(line) {
            return;
        }
        match shell::read(line) {
            Some(shell) => self.shell(shell, raw),
            None => self.foreign(line),
        }
    }

    fn fence(&mut self, fence: &'static str) {
        self.close();
        self.runs = Runs::default();
        if self.fence.take() != Some(fence) {
            self.fence = Some(fence);
            self.passed("a fenced block; its lines are read without the fence");
        }
    }

    /// Takes a line into a section of this tool: `line` is what counts of it.
    fn take(&mut self, tool: Tool, raw: &'t str, line: &'t str) {
        if tool == Tool::Ipset
            && let Some(open) = self.open.as_mut().filter(|open| open.in_table)
        {
            // Whoever put sets between rules left the table open.
            open.blank(self.text);
            self.name_set(line);
            let (line, text) = (self.number, Cow::Borrowed(line));
            return self.cut.sections.push(Section {
                tool,
                line,
                text,
                hints: Hints::default(),
                has_header: false,
                said: Vec::new(),
            });
        }
        // Each table of nft is a section of its own: iptables-save may show it too.
        let begins = tool == Tool::Nft && line.starts_with("table ");
        if self.open.as_ref().is_some_and(|open| open.section.tool != tool || begins) {
            self.close();
        }
        if tool == Tool::Ipset {
            self.name_set(line);
        }
        let marred = line.len() != raw.trim_matches(BLANKS).len();
        let (number, at) = (self.number, self.at);
        let hints = &self.hints;
        let open = self.open.get_or_insert_with(|| Open::new(tool, number, at, hints.clone()));
        if marred {
            open.change(self.text).push_str(line);
            open.push("", "\n");
        } else {
            open.push(raw, raw);
        }
        match tool {
            Tool::Iptables => {
                if line.starts_with("# Generated by ") {
                    open.section.has_header = true;
                    self.cut.header.get_or_insert(line);
                }
                open.in_table = line.starts_with('*') || open.in_table && line != "COMMIT";
                open.last = line.starts_with(['-', '[']).then_some(line);
            }
            Tool::Nft | Tool::Json => open.depth = braces(line, open.depth, tool == Tool::Nft),
            Tool::Ipset => {}
        }
    }

    /// Keeps the name of a set that is created: elements of it stand anywhere after.
    fn name_set(&mut self, line: &'t str) {
        if let Some(name) = line.strip_prefix("create ").and_then(|rest| rest.split_ascii_whitespace().next()) {
            self.sets.insert(name);
        }
    }

    /// Takes a line that means nothing into the open section, where there is one.
    fn keep(&mut self, raw: &'t str) {
        if let Some(open) = &mut self.open {
            open.last = None;
            if raw.len() == self.next - self.at { open.push(raw, raw) } else { open.blank(self.text) }
        }
    }

    /// Puts a line to the rule before it, where mail or a terminal broke it.
    fn wrapped(&mut self, line: &'t str) -> bool {
        let Some(open) = self.open.as_mut().filter(|open| open.section.tool == Tool::Iptables) else { return false };
        let Some(last) = open.last.take() else { return false };
        let runs = &self.runs;
        let others = self.text[self.next..].lines().map(|line| runs.bare(line.trim_matches(BLANKS)));
        let following = std::iter::once(runs.bare(line)).chain(others.take(4));
        let following: Vec<&str> = following.take_while(|line| line::of(line) == Line::Other).collect();
        let Some((whole, pieces)) = wrapped::join(self.text, last, &following, open.section.hints.family) else {
            return false;
        };
        let changed = open.change(self.text);
        let before = changed.trim_end_matches(['\n', '\r']).rfind('\n').map_or(0, |end| end + 1);
        changed.truncate(before);
        changed.push_str(&whole);
        changed.push('\n');
        open.blank(self.text);
        for piece in 0..pieces {
            if piece > 0 {
                self.advance();
                if let Some(open) = &mut self.open {
                    open.blank(self.text);
                }
            }
            self.passed("a line that was broken; it is put to the one before it");
        }
        true
    }

    /// A line that is of no tool.
    fn foreign(&mut self, line: &'t str) {
        // What stands between quoted or indented lines does not end their run.
        let before = std::mem::take(&mut self.runs.foreign);
        self.runs.prompted = false;
        let damaged = match &mut self.open {
            Some(open) => {
                open.blank(self.text);
                open.last = None;
                open.in_table || open.depth > 0 || looks_like_rule(line)
            }
            None => line.starts_with(['-', ':', '[']) && looks_like_rule(line),
        };
        let now = match kind::of_line(line).filter(|_| !damaged) {
            Some(name) => Foreign::Named(name),
            None => Foreign::Prose,
        };
        let goes_on = before == Foreign::Output || before == now || now == Foreign::Prose && before != Foreign::None;
        self.runs.foreign = if goes_on { before } else { now };
        if goes_on {
            return;
        }
        let shown = start(line);
        match &self.runs.foreign {
            Foreign::Named(name) => {
                let text = format!("it looks like {name}, and is passed over: {shown}");
                self.say(DiagnosticKind::Elsewhere, text);
            }
            _ if damaged => self.damaged(format!("not a line of a dump: {shown}")),
            _ => self.passed(format!("no line of a dump, passed over: {shown}")),
        }
    }

    /// Something is missing of the open section, or of the text.
    fn damaged(&mut self, text: String) {
        let found = Diagnostic { line: self.number, kind: DiagnosticKind::Damaged, text };
        match &mut self.open {
            Some(open) => open.section.said.push(found),
            None => self.cut.beside.push(found),
        }
    }

    /// A prompt or a command.
    fn shell(&mut self, shell: Shell<'t>, raw: &'t str) {
        let prompted = std::mem::take(&mut self.runs).prompted;
        let command = start(shell.command);
        if let Said::Sets(command) = shell.said {
            if shell.prompt && !prompted {
                self.passed(PROMPTED);
            }
            self.take(Tool::Ipset, raw, command);
            self.runs.prompted = shell.prompt;
            return;
        }
        self.close();
        self.hints = Hints::default();
        match shell.said {
            Said::Lists(hints) => self.hints = hints,
            Said::Changes(hints, words) => {
                self.runs.prompted = shell.prompt;
                let command = Command { line: self.number, hints, words, prompt: shell.prompt && !prompted };
                self.cut.commands.push(command, !shell.prompt);
            }
            Said::Unreadable(why) => self.say(DiagnosticKind::Damaged, format!("{why}: {command}")),
            Said::Sets(_) => {}
            Said::Nothing => self.passed("a prompt, passed over"),
            Said::Foreign => {
                self.passed(format!("a command, passed over with what follows: {command}"));
                self.runs.foreign = Foreign::Output;
            }
        }
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.cut.sections.push(open.close(self.text));
        }
    }
}

/// `# revision 6` or `# not understood: …`.
fn is_note(line: &str) -> bool {
    let revision = line.strip_prefix("# revision ").is_some_and(|number| number.parse::<u8>().is_ok());
    revision || line.starts_with("# not understood:")
}
