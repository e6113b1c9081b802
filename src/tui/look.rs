//! Signs and tones, in one table each. A tone has a colour by name, so that it fits the terminal's palette, and something
//! beside colour (weight, a line, a sign), so that a screen without colour says the same.

use ratatui::style::{Color, Modifier, Style};

use crate::explain::AnswerVerdict;
use crate::walk::{Fate, FateKind};

/// How the screen is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// Whether colours are wanted.
    pub colour: bool,
}

/// What a piece of text is, for the eye.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Text.
    Plain,
    /// What matters most.
    Strong,
    /// What is beside the point: never reached, said beside.
    Dim,
    /// Answered by the socket; accepted.
    Good,
    /// Sent elsewhere; translated.
    Changed,
    /// Dropped, rejected, refused.
    Bad,
    /// Not certain.
    Unsure,
    /// What was sought.
    Found,
    /// The border of the pane that has the keys.
    Focus,
    /// The border of another pane.
    Frame,
}

impl Look {
    /// How a tone is painted.
    pub fn style(self, tone: Tone) -> Style {
        let plain = Style::new();
        let (colour, style) = match tone {
            Tone::Plain => (None, plain),
            Tone::Strong => (None, plain.add_modifier(Modifier::BOLD)),
            Tone::Dim => (None, plain.add_modifier(Modifier::DIM)),
            Tone::Good => (Some(Color::Green), plain.add_modifier(Modifier::BOLD)),
            Tone::Changed => (Some(Color::Cyan), plain.add_modifier(Modifier::BOLD)),
            Tone::Bad => (Some(Color::LightRed), plain.add_modifier(Modifier::BOLD)),
            Tone::Unsure => (Some(Color::Yellow), plain.add_modifier(Modifier::BOLD)),
            Tone::Found => (Some(Color::Yellow), plain.add_modifier(Modifier::BOLD | Modifier::UNDERLINED)),
            Tone::Focus => (Some(Color::LightBlue), plain.add_modifier(Modifier::BOLD)),
            Tone::Frame => (None, plain.add_modifier(Modifier::DIM)),
        };
        match colour {
            Some(colour) if self.colour => style.fg(colour),
            _ => style,
        }
    }
}

/// The badge of a verdict; `None`: nobody asked yet.
pub fn badge(verdict: Option<AnswerVerdict>) -> (&'static str, Tone) {
    match verdict {
        None => ("·", Tone::Dim),
        Some(AnswerVerdict::Reached) => ("✓", Tone::Good),
        Some(AnswerVerdict::Diverted) => ("⇄", Tone::Changed),
        Some(AnswerVerdict::Blocked) => ("✗", Tone::Bad),
        Some(AnswerVerdict::Depends) => ("?", Tone::Unsure),
        Some(AnswerVerdict::Unanswered) => ("-", Tone::Dim),
    }
}

/// The badge of a port that rules answer and no socket has.
pub const GHOST: &str = "◌";

/// The tone of a way that ends like this.
pub fn fate(fate: &Fate) -> Tone {
    match fate.kind {
        FateKind::Delivered if fate.socket.is_some() => Tone::Good,
        FateKind::Delivered | FateKind::Queued | FateKind::Unknown => Tone::Unsure,
        FateKind::Forwarded | FateKind::Sent | FateKind::Diverted => Tone::Changed,
        FateKind::Dropped | FateKind::Rejected | FateKind::Unroutable | FateKind::Martian => Tone::Bad,
    }
}
