//! Why a command gave no answer, in one line that says what to do.

use std::process::ExitCode;

/// A command that could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is at fault.
    pub fault: Fault,
    /// One line: what is wrong, and what to do.
    pub line: String,
}

/// What is at fault where a command gives no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The way it was asked.
    Usage,
    /// The world.
    World,
    /// Nothing: whoever asked stopped it (SIGINT).
    Stopped,
}

impl Refusal {
    /// Wrong usage: exit status 2.
    pub fn usage(line: impl Into<String>) -> Refusal {
        Refusal { fault: Fault::Usage, line: line.into() }
    }

    /// The answer could not be had: exit status 1.
    pub fn unanswered(line: impl Into<String>) -> Refusal {
        Refusal { fault: Fault::World, line: line.into() }
    }

    /// The reading was stopped: exit status 130, as of whatever Ctrl-C ends.
    pub fn stopped() -> Refusal {
        Refusal { fault: Fault::Stopped, line: "the reading was stopped".to_owned() }
    }

    /// The exit status: 1 the answer could not be had, 2 wrong usage, 130 stopped.
    pub fn status(&self) -> ExitCode {
        ExitCode::from(match self.fault {
            Fault::Usage => 2,
            Fault::World => 1,
            Fault::Stopped => 130,
        })
    }
}
