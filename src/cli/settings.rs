//! A person's settings and themes: where they are (`whyport` in the place of the XDG base directory specification:
//! `XDG_CONFIG_HOME`, else `~/.config`), and which of them holds. What stands in them is the business of `tui`.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::arguments::When;
use super::refusal::Refusal;
use crate::tui::{Colours, Flaw, Look, Settings, Setup, Surroundings, settings, theme};

/// How the explorer is set up, and what of a person's files could not be used, a line each.
pub struct Ready {
    /// The setup.
    pub setup: Setup,
    /// What could not be used, with the place of the file.
    pub notes: Vec<String>,
}

/// The explorer's setup: by the theme that was asked for, else by the person's settings, else by what fits the terminal.
pub fn ready(color: When, asked: Option<&str>) -> Result<Ready, Refusal> {
    let folder = folder();
    let terminal = surroundings(color);
    let (settings, mut notes) = folder.as_deref().map(wishes).unwrap_or_default();
    let wished = match (asked, settings.theme) {
        (Some(name), _) => Some(find(name)?),
        (None, Some((name, line))) => match find(&name) {
            Ok(look) => Some(look).filter(|look| look.needs() <= terminal.colours()),
            Err(refusal) => {
                let within = folder.as_deref().map(|folder| format!("{}/", folder.display())).unwrap_or_default();
                notes.insert(0, format!("{CONFIG}:{line}: {}", refusal.line.replace(&within, "")));
                None
            }
        },
        (None, None) => None,
    };
    let look = match color {
        When::Never => Look::default(),
        When::Auto | When::Always => wished.or_else(|| theme::built_in(terminal.theme())).unwrap_or_default(),
    };
    let look = if terminal.colours() < Colours::All { look.indexed() } else { look };
    let look = look.with_signs(terminal.signs());
    let complaint = match &notes[..] {
        [] => None,
        [only] => Some(only.clone()),
        [first, rest @ ..] => Some(format!("{first} (and {} more)", rest.len())),
    };
    let place = folder.unwrap_or_default();
    let notes = notes.iter().map(|note| place.join(note).display().to_string()).collect();
    let Settings { keymap, mouse, link, .. } = settings;
    Ok(Ready { setup: Setup { look, keymap, complaint, mouse, link }, notes })
}

/// How a picture is painted: by the theme that was asked for, unless no colours are wanted; it depends on no terminal.
pub fn of_picture(color: When, asked: Option<&str>) -> Result<Look, Refusal> {
    let look = match asked {
        Some(name) => find(name)?,
        None if surroundings(color).no_color => Look::default(),
        None => theme::built_in("dark").unwrap_or_default(),
    };
    Ok(if color == When::Never { Look::default() } else { look })
}

/// The theme with this name: the person's own, else one that is built in. A name with a slash is that of a file.
pub fn find(name: &str) -> Result<Look, Refusal> {
    let own = match name.contains('/') {
        true => Some(PathBuf::from(name)),
        false => folder().map(|folder| folder.join("themes").join(format!("{name}.toml"))).filter(|file| file.exists()),
    };
    let Some(file) = own else {
        let none = || Refusal::usage(format!("no theme is called “{name}”{}", theme::nearest(name)));
        return theme::built_in(name).ok_or_else(none);
    };
    let shown = file.display();
    let text = fs::read_to_string(&file)
        .map_err(|error| Refusal::usage(format!("{shown}: the theme could not be read: {error}")))?;
    match theme::parse(&text) {
        (look, flaws) if flaws.is_empty() => Ok(look),
        (_, flaws) => Err(Refusal::usage(format!("{shown}:{}{}", flaws[0], more(&flaws)))),
    }
}

fn more(flaws: &[Flaw]) -> String {
    if flaws.len() > 1 { format!(" (and {} more)", flaws.len() - 1) } else { String::new() }
}

/// The name of the file of settings.
const CONFIG: &str = "config.toml";

/// What the person's file of settings says, and what of it cannot be used. Where there is none, nothing.
fn wishes(folder: &Path) -> (Settings, Vec<String>) {
    match fs::read_to_string(folder.join(CONFIG)) {
        Ok(text) => {
            let (settings, flaws) = settings(&text);
            (settings, flaws.iter().map(|flaw| format!("{CONFIG}:{flaw}")).collect())
        }
        Err(error) if is_absent(&error) => Default::default(),
        Err(error) => (Settings::default(), vec![format!("{CONFIG} could not be read: {error}")]),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Where the files are. A path that is not absolute is as if it were not set, as the specification says.
fn folder() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    Some(config.join("whyport"))
}

/// What the environment says of the terminal, where colours are not asked for in so many words.
fn surroundings(color: When) -> Surroundings {
    let said = |name| std::env::var(name).unwrap_or_default();
    Surroundings {
        term: said("TERM"),
        colorterm: said("COLORTERM"),
        colorfgbg: said("COLORFGBG"),
        locale: ["LC_ALL", "LC_CTYPE", "LANG"].map(said),
        no_color: color == When::Auto && !said("NO_COLOR").is_empty(),
    }
}
