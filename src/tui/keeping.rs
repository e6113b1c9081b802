//! What somebody wants to keep: the screen as a picture, the host as a snapshot, a rule or an explanation as text.
//!
//! For files a name is typed first. Deliberately does not know files: writing them is an effect, and one that is there already is
//! not written over.

use crossterm::event::KeyEvent;

use super::line::{Line, Typed};
use super::outline::Id;
use super::state::{Pane, State};
use super::update::Effect;
use super::view;
use crate::explain::{shell, words};
use crate::syntax;

/// What goes into a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The screen: `.svg`, `.txt` or `.ansi`, by the name of the file.
    Screen,
    /// The host, as `whyport record` writes it.
    Host,
}

/// The name of a file that is being typed.
#[derive(Debug, Clone)]
pub(super) struct Keeping {
    what: Keep,
    line: Line,
    /// Why the name that was typed before would not do.
    pub(super) said: Option<String>,
}

impl Keeping {
    /// What was typed.
    pub(super) fn text(&self) -> &str {
        self.line.text()
    }

    /// Whether it is still what was proposed.
    pub(super) fn is_proposal(&self) -> bool {
        self.line.is_proposal()
    }

    /// The same, before and behind the place where the next character goes.
    pub(super) fn halves(&self) -> (&str, &str) {
        self.line.halves()
    }

    /// What goes into the file.
    pub(super) fn what(&self) -> Keep {
        self.what
    }
}

/// Why a file was not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unkept {
    /// In one line.
    pub why: String,
    /// There is a file of that name.
    pub taken: bool,
}

/// The name of a file is typed from now on.
pub(super) fn begin(state: &mut State, what: Keep) {
    let name = free(&proposed(state, what), &state.taken);
    state.keeping = Some(Keeping { what, line: Line::proposing(&name), said: None });
}

/// The name that is proposed, whether or not there is a file of that name.
fn proposed(state: &State, what: Keep) -> String {
    let of = match what {
        Keep::Screen => view::target_name(state),
        Keep::Host => state.host.node.clone().unwrap_or_default(),
    };
    let plain: String = of.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    let stem = if plain.is_empty() { "host".to_owned() } else { plain };
    match what {
        Keep::Screen => format!("whyport-{stem}.svg"),
        Keep::Host => format!("{stem}.whyport"),
    }
}

/// A name that no file is known to have: this one, or with a number: `a.svg`, `a-2.svg`.
fn free(name: &str, taken: &[String]) -> String {
    let numbered = (2_u32..).map(|number| with_number(name, number));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(|name| !taken.contains(name)).unwrap_or_default()
}

fn with_number(name: &str, number: u32) -> String {
    match name.rsplit_once('.') {
        Some((stem, kind)) if !kind.contains('/') => format!("{stem}-{number}.{kind}"),
        Some(_) | None => format!("{name}-{number}"),
    }
}

/// A key while the name is typed.
pub(super) fn key(state: &mut State, key: &KeyEvent) -> Option<Effect> {
    let keeping = state.keeping.as_mut()?;
    match keeping.line.key(key) {
        Typed::Changed => keeping.said = None,
        Typed::Moved | Typed::Nothing => {}
        Typed::Done => {
            let (what, name) = (keeping.what, keeping.text().trim().to_owned());
            state.keeping = None;
            if !name.is_empty() {
                // A picture of the screen has no word of its own making in it.
                state.notice = (what == Keep::Host).then(|| format!("writing {name} …"));
                return Some(Effect::Keep(what, name));
            }
        }
        Typed::Dropped => state.keeping = None,
    }
    None
}

/// A file was written, or could not be: why, in one line.
pub(super) fn kept(state: &mut State, what: Keep, name: &str, written: Result<(), Unkept>) {
    if written.as_ref().err().is_none_or(|unkept| unkept.taken) && !state.taken.iter().any(|known| known == name) {
        state.taken.push(name.to_owned());
    }
    match written {
        Ok(()) => state.notice = Some(format!("{name} is written")),
        Err(Unkept { why, taken }) if state.keeping.is_none() => {
            state.notice = None;
            let mut next = name.to_owned();
            if taken {
                // Of names with numbers another number, not a second one.
                let known = state.taken.iter().find(|known| (2..100).any(|number| with_number(known, number) == name));
                next = free(known.map_or(name, String::as_str), &state.taken);
            }
            let said = if taken { format!("{name} {why}") } else { why };
            state.keeping = Some(Keeping { what, line: Line::proposing(&next), said: Some(said) });
        }
        Err(Unkept { why, .. }) => state.notice = Some(why),
    }
}

/// The command that asks the same as is looked at.
pub(super) fn copy_command(state: &mut State) -> Option<Effect> {
    let Some(mut words) = state.command() else {
        state.notice = Some("there is nothing to copy".to_owned());
        return None;
    };
    words.extend(state.source.options());
    words.extend(state.netns().into_iter().flat_map(|name| ["--netns".to_owned(), name.to_owned()]));
    state.notice = Some("the command is copied, if the terminal takes it (OSC 52)".to_owned());
    Some(Effect::Copy(shell(&words)))
}

/// The rule that is looked at, or what is said of the selected port.
pub(super) fn copy(state: &mut State) -> Option<Effect> {
    let rule = match (state.focus, state.tree.row(state.cursor).map(|row| row.id)) {
        (Pane::Netfilter, Some(Id::Rule(frame, index))) => {
            let at = state.frames.get(frame);
            let ruleset = &state.host.namespaces[at.place.namespace].ruleset;
            Some(("the rule", syntax::rule_text(ruleset, at.rule(index))))
        }
        (Pane::Ports | Pane::Netfilter | Pane::Why, _) => None,
    };
    let answer =
        || Some(("the explanation", words::said(&state.host, state.namespace, state.answer()?, syntax::part_text)));
    let Some((what, text)) = rule.or_else(answer) else {
        state.notice = Some("there is nothing to copy".to_owned());
        return None;
    };
    state.notice = Some(format!("{what} is copied, if the terminal takes it (OSC 52)"));
    Some(Effect::Copy(text))
}
