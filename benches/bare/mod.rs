//! The rules of every chain, dumped and not decoded: what the kernel's part in reading them takes, on one thread.

use netlink_sys::protocols::NETLINK_NETFILTER;
use netlink_sys::{Socket, SocketAddr};

/// Asks for the rules of every chain, and looks at nothing but where messages end. How many bytes came.
pub fn dump() -> usize {
    const GET_CHAIN: u16 = 10 << 8 | 4;
    const GET_RULE: u16 = 10 << 8 | 7;
    let mut socket = Socket::new(NETLINK_NETFILTER).unwrap();
    socket.bind_auto().unwrap();
    socket.connect(&SocketAddr::new(0, 0)).unwrap();
    let mut chains = Vec::new();
    ask(&socket, GET_CHAIN, &[0, 0, 0, 0], |message| {
        let text = |kind| attribute(&message[20..], kind).map(<[u8]>::to_vec);
        chains.push((message[16], text(1).unwrap(), text(3).unwrap()));
    });
    let mut bytes = 0;
    for (family, table, chain) in chains {
        let mut body = vec![family, 0, 0, 0];
        for (kind, name) in [(1u16, table), (2, chain)] {
            body.extend_from_slice(&(name.len() as u16 + 4).to_ne_bytes());
            body.extend_from_slice(&kind.to_ne_bytes());
            body.extend_from_slice(&name);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        ask(&socket, GET_RULE, &body, |message| bytes += message.len());
    }
    bytes
}

fn attribute(mut bytes: &[u8], kind: u16) -> Option<&[u8]> {
    while bytes.len() >= 4 {
        let length = usize::from(u16::from_ne_bytes([bytes[0], bytes[1]]));
        if u16::from_ne_bytes([bytes[2], bytes[3]]) & 0x3fff == kind {
            return Some(&bytes[4..length]);
        }
        bytes = bytes.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// One dump with a buffer of 64 KiB; each message as a whole.
fn ask(socket: &Socket, kind: u16, body: &[u8], mut each: impl FnMut(&[u8])) {
    let mut request = Vec::new();
    request.extend_from_slice(&(16 + body.len() as u32).to_ne_bytes());
    request.extend_from_slice(&kind.to_ne_bytes());
    request.extend_from_slice(&0x301u16.to_ne_bytes());
    request.extend_from_slice(&[0; 8]);
    request.extend_from_slice(body);
    socket.send(&request, 0).unwrap();
    let mut buffer = vec![0u8; 64 * 1024];
    loop {
        let length = socket.recv(&mut &mut buffer[..], 0).unwrap();
        let mut rest = &buffer[..length];
        while rest.len() >= 16 {
            let size = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
            match u16::from_ne_bytes([rest[4], rest[5]]) {
                3 => return,
                2 => panic!("the kernel refuses"),
                _ => each(&rest[..size]),
            }
            rest = rest.get(size.next_multiple_of(4)..).unwrap_or_default();
        }
    }
}
