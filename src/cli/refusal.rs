//! Why a command gave no answer, in one line that says what to do.

use std::process::ExitCode;

/// A command that could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Whether the way it was asked is at fault, rather than the world.
    pub usage: bool,
    /// One line: what is wrong, and what to do.
    pub line: String,
}

impl Refusal {
    /// Wrong usage: exit status 2.
    pub fn usage(line: impl Into<String>) -> Refusal {
        Refusal { usage: true, line: line.into() }
    }

    /// The answer could not be had: exit status 1.
    pub fn unanswered(line: impl Into<String>) -> Refusal {
        Refusal { usage: false, line: line.into() }
    }

    /// The exit status: 1 the answer could not be had, 2 wrong usage.
    pub fn status(&self) -> ExitCode {
        ExitCode::from(if self.usage { 2 } else { 1 })
    }
}
