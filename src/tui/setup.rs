//! How a person has the explorer set up: how it is painted, and what the keys do.

use super::action::Keymap;
use super::look::Look;

/// How the explorer is set up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Setup {
    /// How the screen is painted.
    pub look: Look,
    /// What the keys do.
    pub keymap: Keymap,
}

/// Painted so, with the keys of the table.
impl From<Look> for Setup {
    fn from(look: Look) -> Setup {
        Setup { look, keymap: Keymap::default() }
    }
}
