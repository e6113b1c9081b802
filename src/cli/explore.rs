//! Joins the explorer and the pictures of it with the rest of the command line.

use std::sync::Arc;

use super::refusal::Refusal;
use crate::explain::Target;
use crate::host::Host;

/// What the explorer opens with.
#[derive(Debug, Clone)]
pub struct Start {
    /// The host.
    pub host: Arc<Host>,
    /// Where it came from, in a word or two: `demo k3s-port-80`, `host.txt`.
    pub source: String,
    /// Index of the namespace to look from.
    pub namespace: usize,
    /// The port to select.
    pub target: Option<Target>,
    /// Whether colours are wanted.
    pub colour: bool,
}

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

/// Runs the explorer on the terminal until the user leaves it.
pub fn run(start: Start) -> Result<(), Refusal> {
    let _ = start;
    Err(Refusal::unanswered("the explorer is not built yet; use whyport trace or whyport ports"))
}

/// The explorer's screen of `size` (columns, rows) after `keys`, as a picture.
pub fn shot(start: Start, size: (u16, u16), keys: &str, form: Form) -> Result<String, Refusal> {
    let _ = (start, size, keys, form);
    Err(Refusal::unanswered("pictures are not built yet; use whyport trace or whyport ports"))
}
