//! Text from outside at its worst, in every field that holds text: nothing of it reaches a terminal as what it is, on any
//! screen, in any picture, table, document or message.
//!
//! The host is made so that no field is forgotten: every name that redaction knows gets its poison, and what is left
//! without is held against a list. Fields that a recording's text cannot poison get theirs in memory.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "poison/fields.rs"]
mod fields;
#[path = "poison/host.rs"]
mod host;
#[path = "poison/messages.rs"]
mod messages;
#[path = "poison/safe.rs"]
mod safe;
#[path = "poison/screens.rs"]
mod screens;
mod settled;
#[path = "poison/texts.rs"]
mod texts;
