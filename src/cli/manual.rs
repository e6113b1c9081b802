//! The manual page, all of it in one: what the whole program takes, then each command with its own options. Made from the
//! definition of the command line (man-pages(7)).

use std::io::{self, Write};

use clap::Command;
use clap_mangen::Man;

use super::arguments;

/// The page in roff.
pub fn page() -> io::Result<String> {
    let command = arguments::command();
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    writeln!(page, ".SH COMMANDS\nThe options above hold for each command, too, where its own do not stand for them.")?;
    for one in command.get_subcommands().filter(|one| !one.is_hide_set()) {
        of_command(one, &mut page)?;
    }
    let mut extra = Vec::new();
    man.render_extra_section(&mut extra)?;
    table(&String::from_utf8_lossy(&extra), &mut page)?;
    man.render_version_section(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// What stands at the end, with the lines of a table as they are.
fn table(text: &str, page: &mut Vec<u8>) -> io::Result<()> {
    let mut within = false;
    for line in text.lines() {
        if line.starts_with("  ") != within {
            within = !within;
            writeln!(page, "{}", if within { ".nf" } else { ".fi" })?;
        }
        writeln!(page, "{}", if line == ".SH EXTRA" { ".SH NOTES" } else { line })?;
    }
    Ok(())
}

/// A command: how it is called, what it does, its own options.
fn of_command(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let name = format!("whyport {}", command.get_name());
    // Hidden here stand those of the whole program of which it takes no notice.
    let man = Man::new(command.clone().bin_name(name.clone()).disable_help_flag(true));
    let mut text = Vec::new();
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    let has_own = command.get_arguments().any(|argument| !argument.is_hide_set());
    if has_own {
        man.render_options_section(&mut text)?;
    }
    writeln!(page, ".SS \"{name}\"")?;
    for line in String::from_utf8_lossy(&text).lines() {
        // Its own sections are paragraphs of this one.
        match line.strip_prefix(".SH ") {
            Some(_) => writeln!(page, ".PP")?,
            None => writeln!(page, "{line}")?,
        }
    }
    Ok(())
}
