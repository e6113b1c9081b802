//! What lies on top of the panes: a stack, of which the last has the keys. Each kind is a room of its own that says what
//! keys do in it; how it looks is told in `view`.
//!
//! Deliberately does not know what is below it: a key that an overlay does not take does nothing.

use super::action::Action;
use super::details::{self, Details};
use super::diagram::{self, Diagram};
use super::form::Form;
use super::state::State;
use super::tour::Tour;
use super::update::{Effect, moved};
use super::view;

/// Something on top of the panes.
#[derive(Debug, Clone)]
pub(super) enum Overlay {
    /// Every key, and what the signs mean.
    Help {
        /// Its first visible line.
        offset: usize,
    },
    /// Everything about what is selected below.
    Details(Details),
    /// The hooks as a picture.
    Diagram(Diagram),
    /// A step of the tour.
    Tour(Tour),
    /// What is said of the packet.
    Form(Box<Form>),
}

impl State {
    /// Whether the panes have the keys.
    pub(super) fn is_bare(&self) -> bool {
        self.overlays.is_empty()
    }

    /// Puts something on top.
    pub(super) fn lay(&mut self, overlay: Overlay) {
        self.overlays.push(overlay);
    }
}

/// What an action does while something lies on top of the panes.
pub(super) fn act(state: &mut State, action: Action) -> Option<Effect> {
    let size = state.size;
    match state.overlays.last_mut()? {
        Overlay::Details(_) => details::act(state, action),
        Overlay::Diagram(diagram) => {
            let diagram = *diagram;
            diagram::act(state, diagram, action)
        }
        // They take their keys before those are actions.
        Overlay::Tour(_) | Overlay::Form(_) => None,
        Overlay::Help { offset } => match action {
            Action::Quit => Some(Effect::Quit),
            Action::Suspend => Some(Effect::Suspend),
            Action::Redraw => Some(Effect::Redraw),
            Action::Help | Action::Back | Action::Enter => {
                state.overlays.pop();
                None
            }
            _ => {
                let (page, hidden) = view::help_seen(size);
                *offset = moved(*offset, action, hidden + 1, page).unwrap_or(*offset);
                None
            }
        },
    }
}
