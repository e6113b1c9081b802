//! The explorer's screen: the ports, netfilter as a tree with a packet's way lit in it, and who answers, and why.
//!
//! A state machine: [`update`] changes the [`State`] by an [`Event`] and says what is to be done ([`Effect`]); [`view`]
//! draws the state into a buffer. Both are pure. Nothing here reads a file, starts a thread or touches a terminal: `cli`
//! does, and brings back what effects find as events. All text from outside passes through
//! [`clean`](crate::explain::clean()) when it is drawn.

mod account;
pub mod action;
mod again;
mod ahead;
mod answered;
mod callers;
mod counting;
mod details;
mod diagram;
mod edited;
mod fitting;
mod form;
mod frames;
mod going;
mod keeping;
pub mod key;
mod line;
mod listing;
mod living;
pub mod look;
mod matching;
mod outline;
mod overlay;
mod path;
mod ports;
mod reading;
mod room;
mod search;
mod sets;
mod setup;
pub mod signs;
mod source;
mod state;
#[cfg(test)]
mod tests;
pub mod text;
pub mod theme;
mod tour;
pub mod tree;
mod update;
mod view;
mod written;

pub use again::{Edition, Fresh, counterpart};
pub use callers::callers;
pub use counting::WINDOW;
pub use fitting::{Colours, Surroundings};
pub use keeping::{Keep, Unkept};
pub use look::Look;
pub use search::{Found, Hit, Shelf, Sought, seek};
pub use setup::{Settings, Setup, Speed, settings};
pub use signs::Signs;
pub use source::Source;
pub use state::{Pane, State};
pub use update::{Effect, Event, movement, update};
pub use view::{SMALLEST, nearest, view};
pub use written::Flaw;
