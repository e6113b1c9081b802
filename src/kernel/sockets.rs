//! The sockets of this thread's namespace that packets can be delivered to.
//!
//! Asks sock_diag(7), which tells most and is fastest, for protocols whose part of it is loaded; for the others it reads
//! `/proc/thread-self/net`. Knows which sockets count: listening TCP, SCTP and DCCP, bound UDP and UDP-Lite, raw ones.
//! Deliberately does not know who answers, nor which process holds a socket.

mod diag;
#[cfg(test)]
mod tests;
mod text;

use std::path::Path;

use super::loaded::Loaded;
use super::netlink::{Answers, Failure};
use crate::host::{IpFamily, Link, Protocol, Socket};

/// How the sockets of a protocol can be read.
struct Source {
    protocol: Protocol,
    /// All sockets of raw protocols are in one list, whatever their protocol.
    raw: bool,
    /// The part of sock_diag that tells of them, beside `inet_diag`.
    module: &'static str,
    /// The files that tell of them, for IPv4 and IPv6. Where there are none, the kernel does not have the protocol.
    files: &'static [(&'static str, IpFamily)],
}

/// In the order of ss(8).
const SOURCES: [Source; 6] = [
    Source {
        protocol: Protocol(255),
        raw: true,
        module: "raw_diag",
        files: &[("raw", IpFamily::V4), ("raw6", IpFamily::V6)],
    },
    Source {
        protocol: Protocol::UDP,
        raw: false,
        module: "udp_diag",
        files: &[("udp", IpFamily::V4), ("udp6", IpFamily::V6)],
    },
    Source {
        protocol: Protocol::UDPLITE,
        raw: false,
        module: "udp_diag",
        files: &[("udplite", IpFamily::V4), ("udplite6", IpFamily::V6)],
    },
    Source {
        protocol: Protocol::TCP,
        raw: false,
        module: "tcp_diag",
        files: &[("tcp", IpFamily::V4), ("tcp6", IpFamily::V6)],
    },
    // DCCP has no file, and SCTP one of its own form.
    Source { protocol: Protocol::DCCP, raw: false, module: "dccp_diag", files: &[] },
    Source { protocol: Protocol::SCTP, raw: false, module: "sctp_diag", files: &[] },
];

impl Source {
    /// Whether a socket in this state (`TCP_*` of net/tcp_states.h) hears packets that nobody sent it before.
    fn hears(&self, state: u8) -> bool {
        const ESTABLISHED: u8 = 1;
        const CLOSE: u8 = 7;
        const LISTEN: u8 = 10;
        match self.protocol {
            Protocol::TCP | Protocol::DCCP | Protocol::SCTP => state == LISTEN,
            // A connected one hears its peer.
            _ => matches!(state, ESTABLISHED | CLOSE),
        }
    }
}

/// The sockets, by protocol in the order of ss(8), then family, then as the kernel lists them. `proc` is the root of procfs,
/// `links` names the devices that sockets are bound to.
pub(super) fn read(proc: &Path, loaded: &Loaded, answers: &Answers, links: &[Link]) -> Result<Vec<Socket>, Failure> {
    let net = proc.join("thread-self/net");
    let mut sockets = Vec::new();
    for source in &SOURCES {
        let asked = loaded.has("inet_diag") && loaded.has(source.module) && exists(source, &net);
        match if asked { ask(answers, source, links)? } else { None } {
            Some(found) => sockets.extend(found),
            None if source.protocol == Protocol::SCTP => sockets.extend(text::read_sctp(&net)?),
            None => sockets.extend(text::read(source, &net)?),
        }
    }
    Ok(sockets)
}

/// Every socket that sock_diag answers with, whatever is loaded.
pub(super) fn ask_all(answers: &Answers, links: &[Link]) -> Result<Vec<Socket>, Failure> {
    let mut sockets = Vec::new();
    for source in &SOURCES {
        sockets.extend(ask(answers, source, links)?.unwrap_or_default());
    }
    Ok(sockets)
}

/// The sockets of a text, as if it were each of the files in `/proc/net` that list some.
pub(super) fn listed(text: &str) -> Vec<Socket> {
    let mut sockets = text::lines_of_sctp(text);
    for source in &SOURCES {
        sockets.extend(source.files.iter().flat_map(|(_, family)| text::lines_of(text, source, *family)));
    }
    sockets
}

/// Whether the kernel has the protocol: udp_diag being there does not mean that UDP-Lite is.
fn exists(source: &Source, net: &Path) -> bool {
    source.files.first().is_none_or(|(file, _)| net.join(file).exists())
}

/// Asks sock_diag; `None` where it has no such protocol after all.
fn ask(answers: &Answers, source: &Source, links: &[Link]) -> Result<Option<Vec<Socket>>, Failure> {
    let mut channel = match answers.open(libc::NETLINK_SOCK_DIAG as isize) {
        Err(Failure::Missing) => return Ok(None),
        channel => channel?,
    };
    let mut sockets = Vec::new();
    for family in [IpFamily::V4, IpFamily::V6] {
        match diag::ask(&mut channel, source, family, links) {
            Ok(found) => sockets.extend(found),
            Err(Failure::Missing) if family == IpFamily::V4 => return Ok(None),
            Err(Failure::Missing) => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(Some(sockets))
}

/// A protocol and a port: a raw socket has its protocol where others have their port (`inet_num`).
fn protocol_and_port(source: &Source, number: u16) -> Option<(Protocol, u16)> {
    match source.raw {
        true => u8::try_from(number).ok().map(|number| (Protocol(number), 0)),
        false => Some((source.protocol, number)),
    }
}
