//! Dumps asked of the kernel by netlink, as messages and bytes.
//!
//! Knows how netlink frames them. Deliberately does not know what any message means.

use netlink_sys::{Socket, SocketAddr};

/// A socket to the kernel that speaks this protocol.
pub fn open(protocol: isize) -> Socket {
    let mut socket = Socket::new(protocol).expect("a socket");
    socket.bind_auto().expect("an address");
    socket.connect(&SocketAddr::new(0, 0)).expect("the kernel");
    socket
}

/// Hands over each message that answers a dump, with its header and what pads it. False where the kernel refused.
pub fn dump(socket: &Socket, kind: u16, body: &[u8], mut each: impl FnMut(&[u8])) -> bool {
    const NLMSG_ERROR: u16 = 2;
    const NLMSG_DONE: u16 = 3;
    let mut request = Vec::new();
    request.extend_from_slice(&(16 + body.len() as u32).to_ne_bytes());
    request.extend_from_slice(&kind.to_ne_bytes());
    request.extend_from_slice(&0x301u16.to_ne_bytes());
    request.extend_from_slice(&[0; 8]);
    request.extend_from_slice(body);
    socket.send(&request, 0).expect("a request");
    let mut buffer = vec![0u8; 64 * 1024];
    loop {
        let length = socket.recv(&mut &mut buffer[..], 0).expect("an answer");
        let mut rest = &buffer[..length];
        while rest.len() >= 16 {
            let size = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
            match u16::from_ne_bytes([rest[4], rest[5]]) {
                NLMSG_DONE => return true,
                NLMSG_ERROR => return false,
                _ => {}
            }
            let (message, after) = rest.split_at(size.next_multiple_of(4).min(rest.len()));
            each(message);
            rest = after;
        }
    }
}

/// The type and the value of each attribute, in their order.
pub fn attributes(mut bytes: &[u8]) -> Vec<(u16, &[u8])> {
    let mut found = Vec::new();
    while bytes.len() >= 4 {
        let length = usize::from(u16::from_ne_bytes([bytes[0], bytes[1]]));
        let Some(value) = bytes.get(4..length) else { break };
        found.push((u16::from_ne_bytes([bytes[2], bytes[3]]) & 0x3fff, value));
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

/// Adds an attribute and what pads it.
pub fn push_attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    body.extend_from_slice(&((value.len() + 4) as u16).to_ne_bytes());
    body.extend_from_slice(&kind.to_ne_bytes());
    body.extend_from_slice(value);
    body.resize(body.len().next_multiple_of(4), 0);
}
