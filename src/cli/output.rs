//! What goes out: standard output, standard error, files. A reader that has seen enough (a closed pipe) is no error.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::Path;

use super::arguments::When;
use super::crew;
use super::refusal::Refusal;
use crate::explain::clean;
use crate::report::Style;
use crate::syntax::Pages;
use crate::tui::Unkept;

/// Whether there is somebody at a terminal to explore, and a screen to do it on.
pub fn is_interactive() -> bool {
    io::stdout().is_terminal() && io::stdin().is_terminal() && !is_dumb()
}

/// Whether the terminal has no screen, but lines (terminfo's `dumb`): a shell within an editor, say.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|value| value == "dumb")
}

/// How text goes to standard output: coloured and as wide as the terminal, if it is one.
///
/// `NO_COLOR` and `CLICOLOR_FORCE` are read as <https://no-color.org> and <https://bixense.com/clicolors> say.
pub fn style(color: When) -> Style {
    let terminal = io::stdout().is_terminal();
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colour = match color {
        When::Always => true,
        When::Never => false,
        When::Auto => !no_color && (set("CLICOLOR_FORCE") || (terminal && !is_dumb())),
    };
    let columns = crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns));
    let width = columns.filter(|columns| terminal && *columns > 0).unwrap_or(Style::WIDTH);
    Style { colour, width }
}

/// Prints to standard output.
pub fn print(text: &str) -> Result<(), Refusal> {
    let mut out = io::stdout().lock();
    finished(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Prints rules to standard output: made safe for a terminal, byte for byte for anything else that may read them.
pub fn print_rules(pages: &Pages<'_>) -> Result<(), Refusal> {
    let safe = io::stdout().is_terminal();
    let mut out = io::stdout().lock();
    let written = crew::write(pages, |page| {
        let written = match safe {
            true => write_safe(&mut out, page),
            false => out.write_all(page.as_bytes()),
        };
        written.map_or_else(ControlFlow::Break, ControlFlow::Continue)
    });
    finished(match written {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => out.flush(),
    })
}

/// Prints a recording to standard output: made safe for a terminal, byte for byte for anything else that may read it.
pub fn print_recording(text: &str) -> Result<(), Refusal> {
    if !io::stdout().is_terminal() {
        return print(text);
    }
    let mut out = io::stdout().lock();
    finished(write_safe(&mut out, text).and_then(|()| out.flush()))
}

/// Writes lines so that none of them does anything to a terminal.
fn write_safe(out: &mut impl Write, text: &str) -> io::Result<()> {
    text.lines().try_for_each(|line| writeln!(out, "{}", clean(line)))
}

/// How printing went: a reader that has seen enough is no error.
fn finished(written: io::Result<()>) -> Result<(), Refusal> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Refusal::unanswered(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a file.
pub fn save(path: &Path, text: &str) -> Result<(), Refusal> {
    std::fs::write(path, text)
        .map_err(|error| Refusal::unanswered(format!("{} could not be written: {error}", path.display())))
}

/// What is wrong, without the number that the kernel has for it.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.as_str(), |(text, _)| text).to_owned()
}

/// Writes a file that is not there yet.
pub fn create(name: &str, text: &str) -> Result<(), Unkept> {
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(name);
    let written = made.and_then(|mut file| {
        // What is not whole is of no use, and would stand in the way of the next try.
        file.write_all(text.as_bytes()).inspect_err(|_| drop(std::fs::remove_file(name)))
    });
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Unkept { why: "is there already".to_owned(), taken: true },
        _ => Unkept { why: format!("not written: {}", plain(&error)), taken: false },
    })
}

/// Prints help, or says what is wrong with the arguments: with colours, unless they hold what acts on a terminal.
pub fn explain(error: &clap::Error) {
    let plain = error.render().to_string();
    let safe: Vec<Cow<'_, str>> = plain.lines().map(clean).collect();
    if safe.iter().all(|line| matches!(line, Cow::Borrowed(_))) {
        let _ = error.print();
    } else {
        let _ = writeln!(io::stderr().lock(), "{}", safe.join("\n"));
    }
}

/// Says something on standard error, in one line.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "whyport: {}", clean(text));
}
