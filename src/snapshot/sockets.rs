//! Sockets: the lines of `ss -H -tulpne`. Reading and writing stand side by side.
//!
//! Knows ss's columns and its signs for what is usual (`*`, no `uid:` for root). Deliberately does not know who answers.

use std::net::{IpAddr, Ipv6Addr};

use super::Trouble;
use super::section::Section;
use crate::host::{Process, Protocol, Socket};

/// Reads the sockets that packets can be delivered to; connections are passed over.
pub(super) fn parse(section: &Section, trouble: &mut Trouble) -> Vec<Socket> {
    let mut sockets = Vec::new();
    for (line, text) in section.lines() {
        if text.starts_with("Netid ") || text.starts_with("State ") {
            continue;
        }
        match socket(text, section) {
            Ok(Some(socket)) => sockets.push(socket),
            Ok(None) => {}
            Err(why) => trouble.bad(line, why),
        }
    }
    sockets
}

fn socket(text: &str, section: &Section) -> Result<Option<Socket>, &'static str> {
    let mut words = text.split_whitespace();
    let mut word = words.next().unwrap_or_default();
    let netid = match word {
        "LISTEN" | "UNCONN" | "ESTAB" => match (section.has_option('t'), section.has_option('u')) {
            (true, false) => "tcp",
            (false, true) => "udp",
            _ => return Err("a socket without its protocol"),
        },
        netid => {
            word = words.next().unwrap_or_default();
            netid
        }
    };
    let stream = matches!(netid, "tcp" | "mptcp" | "sctp" | "dccp");
    let wanted = if stream { word == "LISTEN" } else { matches!(word, "UNCONN" | "ESTAB") };
    if !wanted {
        let known = word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-' || byte.is_ascii_digit());
        return if known && !word.is_empty() { Ok(None) } else { Err("not a line of ss -H -tulpne") };
    }
    if matches!(netid, "mptcp" | "nl" | "p_raw" | "p_dgr" | "u_str" | "u_dgr" | "u_seq" | "v_str" | "v_dgr") {
        return Ok(None);
    }
    let (_received, _sent) = (words.next(), words.next());
    let local = words.next().and_then(endpoint).ok_or("a socket without its own address")?;
    let peer = words.next().and_then(endpoint).ok_or("a socket without its peer's address")?;
    let (protocol, port) = match netid {
        "raw" => (raw_protocol(local.port).ok_or("a raw socket of an unknown protocol")?, 0),
        name => {
            let protocol = Protocol::from_name(name).ok_or("a socket of an unknown protocol")?;
            (protocol, local.port.parse().map_err(|_| "a socket without a port number: use ss -n")?)
        }
    };
    let peer = match peer.port.parse() {
        Ok(port) if protocol.has_ports() => Some((peer.addr, port)),
        _ => None,
    };
    let details = Details::read(text);
    Ok(Some(Socket {
        protocol,
        addr: local.addr,
        port,
        v6only: if local.star { Some(false) } else { details.v6only },
        device: local.device.map(str::to_owned),
        peer,
        inode: details.inode.unwrap_or(0),
        uid: details.uid,
        transparent: details.transparent,
        processes: processes(text),
    }))
}

/// An address, the device it is bound to, and a port, `*` where there is none.
struct Endpoint<'a> {
    addr: IpAddr,
    device: Option<&'a str>,
    port: &'a str,
    /// Written `*`: `::` for both families.
    star: bool,
}

fn endpoint(text: &str) -> Option<Endpoint<'_>> {
    let (host, port) = text.rsplit_once(':')?;
    let (host, device) = match host.split_once('%') {
        // Both `[fe80::1]%eth0` and `[fe80::1%eth0]` have been printed.
        Some((host, device)) => (host, Some(device.trim_end_matches(']'))),
        None => (host, None),
    };
    if host == "*" {
        return Some(Endpoint { addr: IpAddr::V6(Ipv6Addr::UNSPECIFIED), device, port, star: true });
    }
    let addr = host.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
    Some(Endpoint { addr, device, port, star: false })
}

fn raw_protocol(port: &str) -> Option<Protocol> {
    Protocol::from_name(port).or_else(|| port.parse().ok().map(Protocol))
}

/// What `-e` adds after the addresses.
#[derive(Default)]
struct Details {
    uid: Option<u32>,
    inode: Option<u64>,
    v6only: Option<bool>,
    transparent: Option<bool>,
}

impl Details {
    fn read(text: &str) -> Details {
        let mut details = Details::default();
        let mut uid_said = false;
        // A process can call itself `ino:7`: what stands within users:(…) is not looked at.
        let after = after_users(text);
        let before = text.split_once(" users:((").map_or(text, |(before, _)| before);
        let words = if after.is_empty() { before } else { after };
        for word in words.split_whitespace() {
            match word.split_once(':') {
                Some(("uid", value)) => (details.uid, uid_said) = (value.parse().ok(), true),
                Some(("ino", value)) => details.inode = value.parse().ok(),
                Some(("v6only", value)) => details.v6only = Some(value == "1"),
                Some(("transparent", value)) => details.transparent = Some(value == "1"),
                _ => {}
            }
        }
        if !uid_said && details.inode.is_some() {
            // ss leaves out the uid of root.
            details.uid = Some(0);
        }
        details
    }
}

/// What follows `users:((…))`.
fn after_users(text: &str) -> &str {
    let Some((_, users)) = text.split_once(" users:((") else { return "" };
    let mut rest = users;
    while let Some((_, next)) = user(rest) {
        match next.strip_prefix(",(") {
            Some(next) => rest = next,
            None => return next.strip_prefix(')').unwrap_or(next),
        }
    }
    ""
}

/// The processes in `users:(("nginx",pid=7,fd=3),("nginx",pid=8,fd=3))`, each once.
fn processes(text: &str) -> Vec<Process> {
    let mut found = Vec::new();
    let Some((_, mut rest)) = text.split_once(" users:((") else { return found };
    while let Some((process, next)) = user(rest) {
        if !found.contains(&process) {
            found.push(process);
        }
        match next.strip_prefix(",(") {
            Some(next) => rest = next,
            None => break,
        }
    }
    found
}

/// One `"nginx",pid=7,fd=3)`, and what follows it. The name may itself contain quotes, and even `",pid=`: as it is where ss
/// wrote it, with a backslash before the quote where we did.
fn user(text: &str) -> Option<(Process, &str)> {
    let text = text.strip_prefix('"')?;
    let ends = || text.match_indices("\",pid=");
    let is_escaped = |end: usize| text[..end].bytes().rev().take_while(|sign| *sign == b'\\').count() % 2 == 1;
    let read = |(end, sign): (usize, &str)| {
        let (fields, rest) = text[end + sign.len()..].split_once(')')?;
        let pid = fields.split(',').next()?.parse().ok()?;
        Some((Process { pid, name: unescape(&text[..end]) }, rest))
    };
    ends().filter(|(end, _)| !is_escaped(*end)).find_map(read).or_else(|| ends().find_map(read))
}

/// Writes the sockets as `ss -H -tulpne` does; `transparent:` is our own.
pub(super) fn print(out: &mut String, sockets: &[Socket]) {
    for socket in sockets {
        let ported = socket.protocol.has_ports();
        let stream = matches!(socket.protocol, Protocol::TCP | Protocol::SCTP | Protocol::DCCP);
        let state = match (stream, socket.peer) {
            (true, _) => "LISTEN",
            (false, None) => "UNCONN",
            (false, Some(_)) => "ESTAB",
        };
        let netid = if ported { socket.protocol.to_string() } else { "raw".into() };
        let port = if ported { socket.port.to_string() } else { socket.protocol.0.to_string() };
        let host = match socket.addr {
            IpAddr::V6(addr) if addr.is_unspecified() && socket.v6only == Some(false) => "*".to_owned(),
            IpAddr::V6(addr) => format!("[{addr}]"),
            IpAddr::V4(addr) => addr.to_string(),
        };
        let device = socket.device.as_ref().map_or(String::new(), |device| format!("%{device}"));
        let peer = match (socket.peer, socket.addr) {
            (Some((IpAddr::V6(addr), port)), _) => format!("[{addr}]:{port}"),
            (Some((addr, port)), _) => format!("{addr}:{port}"),
            (None, IpAddr::V4(_)) => "0.0.0.0:*".to_owned(),
            (None, IpAddr::V6(_)) => "[::]:*".to_owned(),
        };
        out.push_str(&format!("{netid} {state} 0 0 {host}{device}:{port} {peer}"));
        print_details(out, socket);
    }
}

fn print_details(out: &mut String, socket: &Socket) {
    for (at, process) in socket.processes.iter().enumerate() {
        out.push_str(if at == 0 { " users:((" } else { ",(" });
        out.push_str(&format!("\"{}\",pid={},fd=0)", escape(&process.name), process.pid));
    }
    if !socket.processes.is_empty() {
        out.push(')');
    }
    match socket.uid {
        Some(0) => {}
        Some(uid) => out.push_str(&format!(" uid:{uid}")),
        None => out.push_str(" uid:?"),
    }
    out.push_str(&format!(" ino:{}", socket.inode));
    for (key, value) in [("v6only", socket.v6only), ("transparent", socket.transparent)] {
        if let Some(value) = value {
            out.push_str(&format!(" {key}:{}", u8::from(value)));
        }
    }
    out.push('\n');
}

/// A process's name on one line, so that it cannot end the quotes around it.
pub(super) fn escape(name: &str) -> String {
    let mut out = String::new();
    for sign in name.chars() {
        match sign {
            '\\' | '"' => out.extend(['\\', sign]),
            sign if sign.is_control() || sign == '\u{2028}' || sign == '\u{2029}' => {
                out.extend(sign.escape_unicode());
            }
            sign => out.push(sign),
        }
    }
    out
}

/// Undoes [`escape`]; what it never wrote stays as it is.
pub(super) fn unescape(name: &str) -> String {
    let mut out = String::new();
    let mut rest = name;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let unicode = after.strip_prefix("u{").and_then(|after| after.split_once('}'));
        let sign = unicode.and_then(|(digits, _)| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        rest = match (sign, unicode) {
            (Some(sign), Some((_, after))) => {
                out.push(sign);
                after
            }
            _ if after.starts_with(['\\', '"']) => {
                out.push_str(&after[..1]);
                &after[1..]
            }
            _ => {
                out.push('\\');
                after
            }
        };
    }
    out.push_str(rest);
    out
}
