//! The way of frames, with the kernel as the judge: across a bridge, up to the host and down again, and by the hooks of devices.
//!
//! Each test builds network namespaces of its own: a node with a bridge, a client and a server behind its ports, and an outside
//! behind eth0. It sends one packet after the other by plain sockets, reads the kernel's trace of the node, rule by rule, and
//! who got the packet; whyport reads the node live and walks the same packet. Needs root and the tools; nothing leaves the
//! namespaces, and nothing of them stays behind.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "frames/cases.rs"]
mod cases;
#[path = "frames/dice.rs"]
mod dice;
#[path = "frames/hairpin.rs"]
mod hairpin;
#[path = "frames/macvlan.rs"]
mod macvlan;
#[path = "frames/net.rs"]
mod net;
#[allow(dead_code, reason = "the judge of whole packets needs more of it")]
#[path = "judge/netlink.rs"]
mod netlink;
#[path = "frames/onward.rs"]
mod onward;
#[allow(dead_code, reason = "the judge sends packets, and shares this with those who do not")]
#[path = "judge/packet.rs"]
mod packet;
#[path = "frames/random.rs"]
mod random;
#[path = "frames/town.rs"]
mod town;
#[path = "frames/wire.rs"]
mod wire;
#[allow(dead_code, reason = "the judge of whole packets needs more of it")]
#[path = "judge/witness.rs"]
mod witness;
#[allow(dead_code, reason = "the judge sends packets, and shares this with those who do not")]
#[path = "judge/world.rs"]
mod world;
