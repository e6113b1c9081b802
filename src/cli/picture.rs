//! Pictures of the explorer: its screen after some keys, as a file.
//!
//! What the explorer asks for is done in turn, so that a picture is the same each time. Knows of no terminal.

use std::path::Path;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::effects::done;
use super::live::Live;
use super::output;
use super::refusal::Refusal;
use super::start::Start;
use crate::explain::clean;
use crate::shot;
use crate::tui::{Event, Keep, State, Unkept, key, update, view};

/// In which form a picture is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Scalable vector graphics.
    Svg,
    /// Plain text.
    Text,
    /// Text with ANSI colours.
    Ansi,
}

impl Form {
    /// The form that the name of a file says.
    pub fn of(file: &Path) -> Option<Form> {
        Some(match file.extension()?.to_str()? {
            "svg" => Form::Svg,
            "txt" => Form::Text,
            "ansi" => Form::Ansi,
            _ => return None,
        })
    }
}

/// The explorer's screen of `size` (columns, rows) after `keys` ([`key::sequence`]), as a picture; `title` is that of its
/// window, where it has one. Each key is pressed once all that the last one asked for is done.
pub fn shot(start: Start, size: (u16, u16), keys: &str, form: Form, title: &str) -> Result<String, Refusal> {
    let pressed = key::sequence(keys).map_err(|none| {
        Refusal::usage(format!(
            "--keys: “{none}” is no key; keys are written 80<Enter>, <Down>, <PgDn>, <C-l>, o, ?, …"
        ))
    })?;
    let live = start.source.live().cloned();
    let mut state = start.state(size);
    settle(&mut state, live.as_ref(), Event::Started);
    for key in pressed {
        settle(&mut state, live.as_ref(), Event::Key(key.event()));
    }
    Ok(picture(&state, size, form, title))
}

/// The title of a picture's window, unless it has another.
pub const TITLE: &str = "whyport";

/// A screen of `size` (columns, rows).
fn picture(state: &State, size: (u16, u16), form: Form, title: &str) -> String {
    let area = Rect::new(0, 0, size.0, size.1);
    let mut buffer = Buffer::empty(area);
    view(state, &mut buffer, area);
    match form {
        Form::Svg => {
            let look = state.look();
            shot::svg(&buffer, &shot::Window { title: &clean(title), text: look.text, ground: look.ground })
        }
        Form::Text => shot::text(&buffer),
        Form::Ansi => shot::ansi(&buffer),
    }
}

/// Writes a screen to a new file: how that went.
pub(super) fn keep(state: &State, name: String) -> Event {
    let written = match Form::of(Path::new(&name)) {
        Some(form) => output::create(&name, &picture(state, state.size(), form, TITLE)),
        None => Err(Unkept { why: "a picture's name ends in .svg, .txt or .ansi".to_owned(), taken: false }),
    };
    Event::Kept(Keep::Screen, name, written)
}

/// Takes an event, and everything that comes of it, one after the other.
fn settle(state: &mut State, live: Option<&Live>, event: Event) {
    let mut effects = std::collections::VecDeque::from(update(state, event));
    let live = live.map(|live| (live, Arc::default()));
    while let Some(effect) = effects.pop_front() {
        let (host, namespace) = (Arc::clone(state.host()), state.namespace());
        let live = live.as_ref().map(|(live, progress)| (*live, progress));
        for event in done(&host, namespace, live, |_| false, effect) {
            effects.extend(update(state, event));
        }
    }
}
