//! Sockets by `/proc/thread-self/net`: what an old or small kernel tells without sock_diag.
//!
//! These files do not tell whether a socket refuses IPv4, is bound to a device or transparent: that stays unread.

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use super::super::netlink::Failure;
use super::{Source, protocol_and_port};
use crate::host::{IpFamily, Protocol, Socket};

/// The sockets in the files of a protocol.
pub(super) fn read(source: &Source, net: &Path) -> Result<Vec<Socket>, Failure> {
    let mut sockets = Vec::new();
    for (file, family) in source.files {
        sockets.extend(lines_of(&file_text(&net.join(file))?, source, *family));
    }
    Ok(sockets)
}

/// The sockets in the text of a file; its first line is a heading.
pub(super) fn lines_of(text: &str, source: &Source, family: IpFamily) -> Vec<Socket> {
    text.lines().skip(1).filter_map(|line| socket(line, source, family)).collect()
}

/// What a file holds; nothing where the kernel does not have what it tells of.
fn file_text(path: &Path) -> Result<String, Failure> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(Failure::Forbidden),
        Err(error) => Err(Failure::Io(error)),
    }
}

/// One line (`tcp4_seq_show`, `udp4_format_sock`, `raw_sock_seq_show`): number, local and remote address, state, queues,
/// timer, retransmissions, uid, timeout, inode.
pub(super) fn socket(line: &str, source: &Source, family: IpFamily) -> Option<Socket> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (addr, number) = endpoint(words.next()?, family)?;
    let remote = endpoint(words.next()?, family)?;
    let state = u8::from_str_radix(words.next()?, 16).ok()?;
    let mut words = words.skip(3);
    let (uid, _timeout, inode) = (words.next()?.parse().ok()?, words.next()?, words.next()?.parse().ok()?);
    let (protocol, port) = protocol_and_port(source, number)?;
    source.hears(state).then(|| Socket {
        peer: (!source.raw && remote.1 != 0).then_some(remote),
        uid: Some(uid),
        ..bare(protocol, addr, port, inode)
    })
}

fn bare(protocol: Protocol, addr: IpAddr, port: u16, inode: u64) -> Socket {
    Socket {
        protocol,
        addr,
        port,
        v6only: None,
        device: None,
        peer: None,
        inode,
        uid: None,
        transparent: None,
        processes: Vec::new(),
    }
}

/// `0100007F:0050`: the address in words of four bytes as this machine reads them from memory, the port as a number.
fn endpoint(text: &str, family: IpFamily) -> Option<(IpAddr, u16)> {
    let (addr, port) = text.split_once(':')?;
    let word = |at: usize| {
        let digits = addr.get(at * 8..at * 8 + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    let addr = match family {
        IpFamily::V4 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        IpFamily::V6 => {
            let mut bytes = [0; 16];
            for (at, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(at)?);
            }
            IpAddr::V6(Ipv6Addr::from(bytes))
        }
    };
    Some((addr, u16::from_str_radix(port, 16).ok()?))
}

/// The sockets in `sctp/eps` that listen, once for each address that they are bound to.
pub(super) fn read_sctp(net: &Path) -> Result<Vec<Socket>, Failure> {
    Ok(lines_of_sctp(&file_text(&net.join("sctp/eps"))?))
}

/// The same in the text of that file.
pub(super) fn lines_of_sctp(text: &str) -> Vec<Socket> {
    text.lines().skip(1).flat_map(|line| sctp(line).unwrap_or_default()).collect()
}

/// One line (`sctp_eps_seq_show`): endpoint, socket, style, state, bucket, port, uid, inode, addresses.
pub(super) fn sctp(line: &str) -> Option<Vec<Socket>> {
    const LISTENING: u8 = 10;
    let mut words = line.split_ascii_whitespace().skip(3);
    let state: u8 = words.next()?.parse().ok()?;
    let mut words = words.skip(1);
    let port = words.next()?.parse().ok()?;
    let uid = words.next()?.parse().ok()?;
    let inode = words.next()?.parse().ok()?;
    let at = |addr: &str| {
        let addr = addr.trim_start_matches('*').parse().ok()?;
        Some(Socket { uid: Some(uid), ..bare(Protocol::SCTP, addr, port, inode) })
    };
    (state == LISTENING).then(|| words.filter_map(at).collect())
}
