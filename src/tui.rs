//! The explorer's screen. So far: the tree of rows and text on a grid of cells.
//!
//! Nothing here reads a file, starts a thread or touches a terminal: `cli` does.

pub mod text;
pub mod tree;
