//! The built program on a live kernel: what it reads there, that it says what it may not read, and that it changes nothing.
//!
//! Each test builds network namespaces of its own and runs the program in them. They are anonymous: descriptors of this
//! process hold them, so that they are gone when it ends, however it ends. Needs root and the admin's tools; nothing leaves
//! the namespaces.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "live/modules.rs"]
mod modules;
#[path = "live/node.rs"]
mod node;
#[allow(dead_code, reason = "the judge sends packets, and shares this with those who do not")]
#[path = "judge/packet.rs"]
mod packet;
#[path = "live/pods.rs"]
mod pods;
#[path = "live/still.rs"]
mod still;
#[path = "live/story.rs"]
mod story;
#[path = "live/torn.rs"]
mod torn;
#[path = "live/unprivileged.rs"]
mod unprivileged;
#[path = "live/watch.rs"]
mod watch;
#[allow(dead_code, reason = "the judge sends packets, and shares this with those who do not")]
#[path = "judge/world.rs"]
mod world;
