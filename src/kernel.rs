//! The kernel's own forms: what nf_tables, xtables, rtnetlink, sock_diag and procfs say of a host, read into a [`Host`].
//!
//! The one room that talks to the kernel. It reads, and changes nothing: no module is loaded, no table registered, no tool
//! run. It decides nothing about packets and knows no text syntax; what it cannot decode it keeps with its name, revision
//! and bytes. What may not be read is *unread* in the host, with what it would take.

mod legacy;
mod netlink;
mod nft;
mod xt;

pub use netlink::Failure;
