//! Raw netlink of netfilter, as far as the judge needs it: messages in and out as bytes, attributes as pairs.
//!
//! Knows framing (`struct nlmsghdr`, `struct nfgenmsg`, `struct nlattr`). Deliberately does not know what any message means.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use netlink_sys::protocols::NETLINK_NETFILTER;
use netlink_sys::{Socket, SocketAddr};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

const HEADER: usize = 16;
const GENERIC: usize = 4;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLMSG_ERROR: u16 = 2;
/// `MSG_DONTWAIT`.
const WITHOUT_WAITING: i32 = 0x40;
/// Room for a burst of traces that nobody has read yet.
const BUFFER: usize = 4 << 20;

/// One message of a netfilter subsystem.
#[derive(Debug, Clone)]
pub struct Message {
    /// Subsystem in the high byte, message in the low one.
    pub kind: u16,
    /// `nfgen_family`: the family of the table or packet.
    pub family: u8,
    body: Vec<u8>,
}

impl Message {
    /// The value of the first attribute of this type.
    pub fn attribute(&self, kind: u16) -> Option<&[u8]> {
        attribute(&self.body, kind)
    }
}

/// The value of the first attribute of this type among attributes.
pub fn attribute(mut bytes: &[u8], kind: u16) -> Option<&[u8]> {
    while bytes.len() >= 4 {
        let length = usize::from(u16::from_ne_bytes([bytes[0], bytes[1]]));
        let found = u16::from_ne_bytes([bytes[2], bytes[3]]) & 0x3fff;
        if length < 4 || length > bytes.len() {
            return None;
        }
        if found == kind {
            return Some(&bytes[4..length]);
        }
        bytes = bytes.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// A number in network byte order.
pub fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A text that ends at its first NUL.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
}

/// A socket to netfilter, of the network namespace in which it was opened.
pub struct Channel {
    socket: Socket,
}

impl Channel {
    /// Opens one; `group` is a multicast group to join.
    pub fn open(group: Option<u32>) -> Channel {
        let mut socket = Socket::new(NETLINK_NETFILTER).expect("a netlink socket");
        socket.bind_auto().expect("bind a netlink socket");
        socket.set_rx_buf_sz(BUFFER).expect("a receive buffer");
        if let Some(group) = group {
            socket.add_membership(group).expect("join a netlink group");
        }
        Channel { socket }
    }

    /// Sends a request and waits for the kernel's word on it.
    pub fn ask(&mut self, kind: u16, family: u8, resource: u16, attributes: &[(u16, &[u8])]) {
        let mut message = vec![0; HEADER];
        message.extend([family, 0]);
        message.extend(resource.to_be_bytes());
        for (kind, value) in attributes {
            message.extend((4 + value.len() as u16).to_ne_bytes());
            message.extend(kind.to_ne_bytes());
            message.extend(*value);
            message.resize(message.len().next_multiple_of(4), 0);
        }
        let length = message.len() as u32;
        message[0..4].copy_from_slice(&length.to_ne_bytes());
        message[4..6].copy_from_slice(&kind.to_ne_bytes());
        message[6..8].copy_from_slice(&(NLM_F_REQUEST | NLM_F_ACK).to_ne_bytes());
        self.socket.send_to(&message, &SocketAddr::new(0, 0), 0).expect("send by netlink");
        let (answer, _) = self.socket.recv_from_full().expect("an answer by netlink");
        let kind = u16::from_ne_bytes([answer[4], answer[5]]);
        let error = i32::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]]);
        assert!(kind == NLMSG_ERROR && error == 0, "netfilter refused {attributes:?}: error {error}");
    }

    /// Everything that can be read now.
    pub fn drain(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        let mut buffer = Vec::with_capacity(1 << 17);
        loop {
            buffer.clear();
            match self.socket.recv_from(&mut buffer, WITHOUT_WAITING) {
                Ok(_) => split(&buffer, &mut messages),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return messages,
                Err(error) => panic!("traces were lost: {error}"),
            }
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Whether one of the channels has something to read within this time.
pub fn wait(channels: &[&Channel], time: Duration) -> bool {
    let mut fds: Vec<PollFd> = channels.iter().map(|one| PollFd::new(one.as_fd(), PollFlags::POLLIN)).collect();
    let time = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
    poll(&mut fds, time).expect("poll") > 0
}

fn split(mut bytes: &[u8], into: &mut Vec<Message>) {
    while bytes.len() >= HEADER {
        let length = u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
        if length < HEADER || length > bytes.len() {
            return;
        }
        let kind = u16::from_ne_bytes([bytes[4], bytes[5]]);
        if length >= HEADER + GENERIC {
            into.push(Message { kind, family: bytes[HEADER], body: bytes[HEADER + GENERIC..length].to_vec() });
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
}
