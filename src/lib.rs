//! whyport: who really answers this port, and why?
//!
//! Data flows one way: what reads fills a [`host`], the walk asks it, what explains and shows comes after. Each module
//! here is a room with a contract of its own; a test (`tests/rooms.rs`) fails where one uses a room that it may not.
//!
//! ```text
//!  syntax ─┐
//!  kernel ─┼──▶ host ──▶ walk ──▶ explain ──▶ report, tui      shot
//!  snapshot┘         cli holds the wires
//! ```
//!
//! | room | what it is | what it never does |
//! |---|---|---|
//! | [`host`] | a host at one instant, as plain data | read, decide or print |
//! | [`syntax`] | the languages that admins read and write: text ⇄ rules | touch files, processes, sockets |
//! | [`kernel`] | the kernel's own forms: netlink, xtables blobs, procfs → host | change anything, run a tool, know text syntax |
//! | [`snapshot`] | a recorded host in one readable file ⇄ host | touch sockets and processes |
//! | [`walk`] | a packet's way through a host → outcomes | read, print, know a clock, fail |
//! | [`explain`] | what outcomes mean: who answers, ghosts, causes, and the sentences that say so | know a terminal |
//! | [`report`] | `trace`, `ports` and `rules` as text and JSON | know a terminal beyond colour and width |
//! | [`tui`] | the explorer: state, update, view | touch the kernel, files, threads |
//! | [`shot`] | a screen as SVG, text or ANSI | know the explorer or a terminal |
//! | [`cli`] | the command line and the running: threads, files, the terminal's life | decide anything worth a test of its own |

pub mod cli;
pub mod explain;
pub mod host;
pub mod kernel;
pub mod report;
pub mod shot;
pub mod snapshot;
pub mod syntax;
pub mod tui;
pub mod walk;
