//! What the kernel answers, as messages and bytes.
//!
//! Knows how it is asked, and the little of its answers that divides them into seeds.

#[path = "../../benches/bare/netlink.rs"]
mod netlink;

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use netlink_sys::protocols::NETLINK_NETFILTER;

use netlink::{attributes, push_attribute};

/// Everything of nf_tables.
pub fn nf_tables() -> Vec<u8> {
    let kind = |number: u16| 10 << 8 | number;
    let ask = |number: u16| dump(NETLINK_NETFILTER, kind(number), &[0; 4]);
    let sets = ask(10);
    let mut messages = [ask(1), ask(4), ask(7), sets.clone(), ask(19), ask(23)].concat();
    for set in sets {
        let mut body = vec![set[16], 0, 0, 0];
        for (number, name) in attributes(&set[20..]).into_iter().filter(|(number, _)| matches!(number, 1 | 2)) {
            push_attribute(&mut body, number, name);
        }
        messages.extend(dump(NETLINK_NETFILTER, kind(13), &body));
    }
    messages.concat()
}

/// All sets, after what the kernel answers to the question which protocol it speaks.
pub fn ipset() -> Vec<u8> {
    const PROTOCOL: u8 = 7;
    let mut body = vec![2, 0, 0, 0];
    push_attribute(&mut body, 1, &[PROTOCOL]);
    let mut messages = Vec::new();
    push_message(&mut messages, 6 << 8 | 1, &body);
    messages.extend(dump(NETLINK_NETFILTER, 6 << 8 | 7, &body).concat());
    messages
}

/// A list of hooks, each with the chain of nf_tables or the function that hangs there, as net/netfilter/nfnetlink_hook.c makes
/// them: few kernels do.
pub fn hooks(family: u8, hook: u32, entries: &[(i32, &str, Option<(u8, &str, &str)>)]) -> Vec<u8> {
    let mut messages = Vec::new();
    for (priority, function, chain) in entries {
        let mut body = vec![family, 0, 0, 0];
        push_attribute(&mut body, 4, format!("{function}\0").as_bytes());
        push_attribute(&mut body, 1, &hook.to_be_bytes());
        push_attribute(&mut body, 2, &priority.to_be_bytes());
        if let Some((family, table, name)) = chain {
            let (mut told, mut info) = (Vec::new(), Vec::new());
            push_attribute(&mut told, 1, format!("{table}\0").as_bytes());
            push_attribute(&mut told, 2, &[*family]);
            push_attribute(&mut told, 3, format!("{name}\0").as_bytes());
            push_attribute(&mut info, 2, &1u32.to_be_bytes());
            push_attribute(&mut info, 1, &told);
            push_attribute(&mut body, 6, &info);
        }
        push_message(&mut messages, 12 << 8, &body);
    }
    messages
}

fn push_message(to: &mut Vec<u8>, kind: u16, body: &[u8]) {
    to.extend_from_slice(&(16 + body.len() as u32).to_ne_bytes());
    to.extend_from_slice(&kind.to_ne_bytes());
    to.extend_from_slice(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    to.extend_from_slice(body);
    to.resize(to.len().next_multiple_of(4), 0);
}

/// The matches and targets in messages, in the form of the target's cases without their family.
pub fn blobs(messages: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut rest = messages;
    while rest.len() >= 20 {
        let length = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
        let expressions = attributes(&rest[20..length]).into_iter().filter(|(kind, _)| *kind == 4);
        for (_, element) in expressions.flat_map(|(_, list)| attributes(list)) {
            let parts = attributes(element);
            let (Some((1, name)), Some((2, data))) = (parts.first(), parts.get(1)) else { continue };
            let sign = match *name {
                b"match\0" => b'm',
                b"target\0" => b't',
                _ => continue,
            };
            let data: BTreeMap<u16, &[u8]> = attributes(data).into_iter().collect();
            let (Some(name), Some(revision), Some(bytes)) = (data.get(&1), data.get(&2), data.get(&3)) else {
                continue;
            };
            let revision = revision.last().copied().unwrap_or_default();
            found.push([&[sign, revision][..], name, bytes].concat());
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

/// The messages that answer a dump, as far as they came; none where the kernel refuses.
pub fn dump(protocol: isize, kind: u16, body: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    netlink::dump(&netlink::open(protocol), kind, body, |message| messages.push(message.to_vec()));
    messages
}

/// `IPT_SO_GET_INFO` and `IPT_SO_GET_ENTRIES` of a table that was just made.
pub fn legacy(is_ip6: bool, table: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    const HEADER: usize = 40;
    let (domain, level) = if is_ip6 { (libc::AF_INET6, libc::IPPROTO_IPV6) } else { (libc::AF_INET, libc::IPPROTO_IP) };
    // SAFETY: socket(2) takes three numbers and touches no memory; the descriptor is owned by nothing else.
    let socket = unsafe {
        let socket = libc::socket(domain, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        (socket >= 0).then(|| OwnedFd::from_raw_fd(socket))?
    };
    let ask = |option: libc::c_int, answer: &mut [u8]| {
        answer[..table.len()].copy_from_slice(table.as_bytes());
        let mut length = answer.len() as libc::socklen_t;
        // SAFETY: the kernel reads and writes at most `length` bytes of `answer`, which has that many.
        let asked =
            unsafe { libc::getsockopt(socket.as_raw_fd(), level, option, answer.as_mut_ptr().cast(), &mut length) };
        (asked == 0).then_some(())
    };
    let mut info = vec![0; 84];
    ask(64, &mut info)?;
    let size = info[80..84].to_vec();
    let mut entries = vec![0; HEADER + u32::from_ne_bytes(size.clone().try_into().ok()?) as usize];
    entries[32..36].copy_from_slice(&size);
    ask(65, &mut entries)?;
    entries.drain(..HEADER);
    Some((info, entries))
}
