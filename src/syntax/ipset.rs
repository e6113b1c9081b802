//! What `ipset save` prints ⇄ sets.
//!
//! Prints what ipset 7.17 prints, byte for byte, and reads that and what people write for `ipset restore`: `create` and `add`
//! in any order of their options, ranges, numbers in any base. Deliberately does not know what a set matches, and makes no
//! many elements of a range that stands for them.

mod create;
mod element;
mod icmp;
mod print;
mod reader;
#[cfg(test)]
mod tests;
mod words;

use super::{Diagnostic, Pages};
use crate::host::ipset::{Element, IpSet, Seen, SetOptions};

/// What a text of sets says.
#[derive(Debug, Clone, Default)]
pub struct Dump {
    /// The sets, in the order of the text.
    pub sets: Vec<IpSet>,
    /// What was seen of each.
    pub seen: Vec<Seen>,
    /// What could not be read, and what was not understood.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads what `ipset save` printed, or what `ipset restore` takes. What is not known keeps its words.
pub fn parse(text: &str) -> Dump {
    reader::parse(text)
}

/// How sets are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As ipset 7.17 does, which forgets `forceadd`.
    Tool,
    /// So that [`parse`] gives all of it back: with what the tool forgets, the revisions of the types in comments, and names
    /// and comments that would not stay on their line, or in their quotes, as `$"…"` with `\u{a}` for what cannot stand there.
    Whole,
}

/// Prints sets. `seen` tells of each what was seen of it.
pub fn print(sets: &[IpSet], seen: &[Seen], form: Form) -> String {
    pages(sets, seen, form).text()
}

/// The same in pages.
pub fn pages<'a>(sets: &'a [IpSet], seen: &'a [Seen], form: Form) -> Pages<'a> {
    let mut pages = Pages::default();
    for (at, set) in sets.iter().enumerate() {
        print::add_set(&mut pages, set, seen.get(at), form);
    }
    pages
}

/// The options of a set as words, in the order in which ipset prints them.
pub fn options_text(set: &IpSet) -> String {
    let SetOptions { forceadd, .. } = set.options;
    let mut out = String::new();
    print::push_options(&mut out, set, forceadd);
    out.trim_start().to_owned()
}

/// An element as ipset prints it, without what was seen of it.
pub fn element_text(element: &Element) -> String {
    timed_text(element, None)
}

/// The same with the seconds that it still lives, where that was told.
pub fn timed_text(element: &Element, timeout: Option<u32>) -> String {
    let mut out = String::new();
    print::push_key(&mut out, &element.key, Form::Tool);
    if let Some(timeout) = timeout {
        out.push_str(&format!(" timeout {timeout}"));
    }
    print::push_extras(&mut out, element, None, Form::Tool);
    out
}
