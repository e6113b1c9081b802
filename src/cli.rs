//! The command line and the running: each command a few lines that join rooms.
//!
//! It opens files, asks whether standard output is a terminal, and prints; it decides nothing about packets. Refusals are
//! one line on standard error that says what to do, with exit status 1 (the answer could not be had) or 2 (wrong usage).

pub mod arguments;
pub mod explore;
mod packet;
pub mod refusal;
mod target;

use std::ffi::OsString;
use std::process::ExitCode;

use arguments::Arguments;
use clap::Parser;
use refusal::Refusal;

/// Runs whyport with these arguments (the first is the program's name), and says how it went.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    match execute(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(refusal) => {
            eprintln!("whyport: {refusal}");
            refusal.status()
        }
    }
}

fn execute(arguments: Arguments) -> Result<(), Refusal> {
    let _ = arguments;
    Err(Refusal::unanswered("reading the live host is not built yet; use --snapshot FILE or --demo"))
}
