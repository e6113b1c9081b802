//! The real program in a pseudo-terminal: what every key shows, what every size shows, and that the terminal is what it was
//! on each way out.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "pty/ends.rs"]
mod ends;
#[path = "pty/keys.rs"]
mod keys;
#[path = "pty/link.rs"]
mod link;
#[path = "pty/model.rs"]
mod model;
mod settled;
#[path = "pty/sizes.rs"]
mod sizes;
#[path = "pty/starved.rs"]
mod starved;
#[path = "pty/term.rs"]
mod term;
