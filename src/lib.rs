//! whyport: who really answers this port, and why?
//!
//! Data flows one way: what reads fills a [`host`], the walk asks it, what explains and shows comes after.

pub mod explain;
pub mod host;
pub mod snapshot;
pub mod syntax;
pub mod walk;
