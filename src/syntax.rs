//! The languages that admins read and write: text ⇄ rules.
//!
//! Parsers never give up: a line that cannot be read costs that line and is told as a [`Diagnostic`]; what is not
//! understood is kept as it came. Deliberately touches no file, process or socket, and decides nothing about packets.

pub mod iptables;
mod kind;

pub use kind::{Kind, looks_like};

/// Something that a reader has to say about a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The line, from 1.
    pub line: usize,
    /// How bad it is.
    pub kind: DiagnosticKind,
    /// What there is to say, raw: it may quote the text that was read.
    pub text: String,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DiagnosticKind {
    /// Something is missing from what was read: a line could not be used, or the text is not whole.
    Damaged,
    /// Everything is there, but some of it is not understood and kept as it came.
    Unknown,
    /// The text itself says that there are rules elsewhere, which it does not show.
    Elsewhere,
}
