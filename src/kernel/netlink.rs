//! Netlink, as far as reading needs it: a socket of the calling thread's network namespace, requests, dumps, attributes.
//!
//! Knows framing (netlink(7): `struct nlmsghdr`, `struct nlattr`) and what may go wrong. Deliberately does not know what any
//! message means. A socket belongs to the namespace in which it was opened, for as long as it lives.

use std::io;
use std::ops::ControlFlow;
use std::sync::{Arc, mpsc};
use std::thread;

use netlink_sys::{Socket, SocketAddr};

use super::progress::Progress;
use super::replay::Replay;

/// Room for one message of a dump: the kernel fills at most this much at a time (`netlink_dump` takes up to 32 KiB, and
/// less where the reader's buffer is smaller).
const BUFFER: usize = 64 * 1024;

/// How many datagrams are received ahead, at most.
const AHEAD: usize = 8;

/// `struct nlmsghdr`.
pub(super) const HEADER: usize = 16;
const NLM_F_REQUEST: u16 = 0x01;
pub(super) const NLM_F_DUMP_INTR: u16 = 0x10;
pub(super) const NLM_F_DUMP: u16 = 0x300;
const NLMSG_NOOP: u16 = 1;
pub(super) const NLMSG_ERROR: u16 = 2;
pub(super) const NLMSG_DONE: u16 = 3;
const NLMSG_OVERRUN: u16 = 4;

/// The bits of an attribute's type that name it (`NLA_TYPE_MASK`).
const TYPE: u16 = 0x3fff;

/// Why the kernel did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It may not be asked without a capability that this process lacks (`EPERM`, `EACCES`).
    #[error("permission denied")]
    Forbidden,
    /// It has no such thing (`EPROTONOSUPPORT`, `ENOENT`, `EOPNOTSUPP`, …).
    #[error("the kernel does not have it")]
    Missing,
    /// What came is no netlink message.
    #[error("the kernel's answer is cut off")]
    Malformed,
    /// Whoever wanted to know does not any more ([`Progress::cancel`]).
    #[error("the reading was stopped")]
    Cancelled,
    /// Anything else.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Failure {
    /// What a positive `errno` means.
    fn from_errno(errno: i32) -> Failure {
        match errno {
            libc::EPERM | libc::EACCES => Failure::Forbidden,
            libc::EPROTONOSUPPORT | libc::EAFNOSUPPORT | libc::ENOENT | libc::EOPNOTSUPP | libc::ENOPROTOOPT => {
                Failure::Missing
            }
            errno => Failure::Io(io::Error::from_raw_os_error(errno)),
        }
    }
}

/// Takes what the operating system says for what it means here.
pub(super) fn io_failure(error: io::Error) -> Failure {
    error.raw_os_error().map_or_else(|| Failure::Io(error), Failure::from_errno)
}

/// One message: its type and what follows the header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    /// `nlmsg_type`.
    pub(super) kind: u16,
    /// The payload, after `struct nlmsghdr`.
    pub(super) body: &'a [u8],
}

/// Whether a dump is one instant's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dumped {
    /// Nothing changed on the way, as far as the kernel says.
    Whole,
    /// Something changed on the way (`NLM_F_DUMP_INTR`): entries may be missing or double.
    Interrupted,
}

/// Who answers: the kernel, or what it answered once.
#[derive(Debug, Clone)]
pub(super) enum Answers {
    /// The kernel, until the reading is stopped.
    Kernel(Arc<Progress>),
    /// A recording: messages, one after the other.
    Recorded(Arc<[u8]>),
}

impl Default for Answers {
    /// The kernel, and nobody looks on.
    fn default() -> Answers {
        Answers::Kernel(Arc::default())
    }
}

impl Answers {
    /// How far the reading is that asks.
    pub(super) fn progress(&self) -> Arc<Progress> {
        match self {
            Answers::Kernel(progress) => Arc::clone(progress),
            Answers::Recorded(_) => Arc::default(),
        }
    }

    /// Whether it is the kernel: it answers several at once.
    pub(super) fn is_kernel(&self) -> bool {
        matches!(self, Answers::Kernel(_))
    }

    /// Opens a channel of a protocol (`NETLINK_ROUTE`, `NETLINK_NETFILTER`, `NETLINK_SOCK_DIAG`, …): for the network
    /// namespace of this thread.
    pub(super) fn open(&self, protocol: isize) -> Result<Channel, Failure> {
        let (wire, progress) = match self {
            Answers::Kernel(progress) => {
                let mut socket = Socket::new(protocol).map_err(io_failure)?;
                socket.bind_auto().map_err(io_failure)?;
                socket.connect(&SocketAddr::new(0, 0)).map_err(io_failure)?;
                (Wire::Kernel(socket), Arc::clone(progress))
            }
            Answers::Recorded(messages) => {
                (Wire::Recorded(Replay::new(protocol, Arc::clone(messages))), Arc::default())
            }
        };
        Ok(Channel { wire, progress, buffer: vec![0; BUFFER], sequence: 0, torn: false, ahead: false })
    }
}

enum Wire {
    /// A socket of the network namespace of the thread that opened it.
    Kernel(Socket),
    Recorded(Replay),
}

/// A conversation with one of netlink's subsystems.
pub(super) struct Channel {
    wire: Wire,
    progress: Arc<Progress>,
    buffer: Vec<u8>,
    sequence: u32,
    torn: bool,
    ahead: bool,
}

impl Channel {
    /// Notes that something which was asked for here changed whenever it was.
    pub(super) fn tear(&mut self) {
        self.torn = true;
    }

    /// Whether that was noted since it was last asked.
    pub(super) fn take_torn(&mut self) -> bool {
        std::mem::take(&mut self.torn)
    }

    /// How far the reading is that this is a part of.
    pub(super) fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// Asks for everything (`NLM_F_DUMP`), and hands over each message of the answer.
    ///
    /// # Errors
    /// What the kernel says instead of an answer. Messages that were handed over before stay handed over.
    pub(super) fn dump(
        &mut self,
        kind: u16,
        body: &[u8],
        mut each: impl FnMut(Message<'_>),
    ) -> Result<Dumped, Failure> {
        let each = |message: Message<'_>| {
            each(message);
            ControlFlow::Continue(())
        };
        self.dump_until(kind, body, each).map(|(dumped, _)| dumped)
    }

    /// The same until `each` breaks it off, which is told then: the kernel still has answers for this channel
    /// (`netlink_dump`), and takes no other question by it.
    pub(super) fn dump_until(
        &mut self,
        kind: u16,
        body: &[u8],
        mut each: impl FnMut(Message<'_>) -> ControlFlow<()>,
    ) -> Result<(Dumped, ControlFlow<()>), Failure> {
        self.send(kind, NLM_F_DUMP, body)?;
        let mut dumped = Dumped::Whole;
        let ended = self.answers(|header, message| {
            if header.flags & NLM_F_DUMP_INTR != 0 {
                dumped = Dumped::Interrupted;
            }
            match message.kind {
                NLMSG_NOOP => {}
                NLMSG_DONE | NLMSG_ERROR => {
                    return result(message.body).map(|()| ControlFlow::Break(ControlFlow::Continue(())));
                }
                NLMSG_OVERRUN => return Err(Failure::Malformed),
                _ => return Ok(each(message).map_break(ControlFlow::Break)),
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok((dumped, ended))
    }

    /// Asks for one thing, and hands over the answer.
    pub(super) fn get<T>(&mut self, kind: u16, body: &[u8], read: impl Fn(Message<'_>) -> T) -> Result<T, Failure> {
        self.send(kind, 0, body)?;
        self.answers(|_, message| match message.kind {
            NLMSG_ERROR => result(message.body).and(Err(Failure::Malformed)),
            _ => Ok(ControlFlow::Break(read(message))),
        })
    }

    /// Takes the messages that answer the last request, until one of them ends it.
    fn answers<T>(
        &mut self,
        mut take: impl FnMut(Header, Message<'_>) -> Result<ControlFlow<T>, Failure>,
    ) -> Result<T, Failure> {
        loop {
            let length = self.receive()?;
            if let ControlFlow::Break(done) = take_all(&self.buffer[..length], self.sequence, &mut take)? {
                return Ok(done);
            }
            if let (Wire::Kernel(socket), true) = (&self.wire, self.ahead) {
                return take_ahead(socket, &self.progress, self.sequence, take);
            }
        }
    }

    /// Whether a thread of its own receives what comes next of a long answer while messages are taken.
    pub(super) fn receive_ahead(&mut self, ahead: bool) {
        self.ahead = ahead;
    }

    fn send(&mut self, kind: u16, flags: u16, body: &[u8]) -> Result<(), Failure> {
        self.sequence = self.sequence.wrapping_add(1).max(1);
        let mut request = Vec::with_capacity(HEADER + body.len());
        frame(&mut request, kind, flags | NLM_F_REQUEST, self.sequence, body);
        match &mut self.wire {
            Wire::Kernel(socket) => socket.send(&request, 0).map(drop).map_err(io_failure),
            Wire::Recorded(replay) => {
                replay.send(&request);
                Ok(())
            }
        }
    }

    /// The next datagram, as its length in the buffer.
    fn receive(&mut self) -> Result<usize, Failure> {
        match &mut self.wire {
            Wire::Kernel(socket) => receive(socket, &self.progress, &mut self.buffer),
            Wire::Recorded(replay) => {
                Some(replay.receive(&mut self.buffer)).filter(|length| *length > 0).ok_or(Failure::Malformed)
            }
        }
    }
}

fn receive(socket: &Socket, progress: &Progress, buffer: &mut [u8]) -> Result<usize, Failure> {
    loop {
        if progress.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        match socket.recv(&mut &mut buffer[..], libc::MSG_TRUNC) {
            Ok(length) if length > buffer.len() => return Err(Failure::Malformed),
            Ok(length) => return Ok(length),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(io_failure(error)),
        }
    }
}

/// Takes the messages of a datagram that answer a request, until one of them ends the answer.
fn take_all<T>(
    mut bytes: &[u8],
    sequence: u32,
    take: &mut impl FnMut(Header, Message<'_>) -> Result<ControlFlow<T>, Failure>,
) -> Result<ControlFlow<T>, Failure> {
    while !bytes.is_empty() {
        let (header, message, rest) = split(bytes)?;
        bytes = rest;
        if header.sequence != sequence {
            continue;
        }
        if let ControlFlow::Break(done) = take(header, message)? {
            return Ok(ControlFlow::Break(done));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Takes the messages of all further datagrams while another thread receives: the kernel makes the next datagram of a dump
/// when one is received (`netlink_recvmsg` calls `netlink_dump`), and that may take longer than to decode it.
fn take_ahead<T>(
    socket: &Socket,
    progress: &Progress,
    sequence: u32,
    mut take: impl FnMut(Header, Message<'_>) -> Result<ControlFlow<T>, Failure>,
) -> Result<T, Failure> {
    thread::scope(|scope| {
        let (full, datagrams) = mpsc::sync_channel(AHEAD);
        let (empty, buffers) = mpsc::channel();
        scope.spawn(move || {
            loop {
                let mut buffer = buffers.try_recv().unwrap_or_else(|_| vec![0; BUFFER]);
                let received = receive(socket, progress, &mut buffer).map(|length| (buffer, length));
                let last = received.as_ref().map_or(true, |(buffer, length)| ends(&buffer[..*length], sequence));
                // Whoever has enough takes no more.
                if full.send(received).is_err() || last {
                    break;
                }
            }
        });
        for datagram in datagrams {
            let (buffer, length) = datagram?;
            if let ControlFlow::Break(done) = take_all(&buffer[..length], sequence, &mut take)? {
                return Ok(done);
            }
            // Nobody may need it any more.
            let _ = empty.send(buffer);
        }
        Err(Failure::Malformed)
    })
}

/// Whether nothing comes after a datagram that answers a request, or nothing that could be taken.
fn ends(mut bytes: &[u8], sequence: u32) -> bool {
    while !bytes.is_empty() {
        let Ok((header, message, rest)) = split(bytes) else { return true };
        bytes = rest;
        if header.sequence == sequence && matches!(message.kind, NLMSG_DONE | NLMSG_ERROR) {
            return true;
        }
    }
    false
}

/// What of `struct nlmsghdr` decides how a message is taken.
pub(super) struct Header {
    pub(super) flags: u16,
    pub(super) sequence: u32,
}

/// The first message of a datagram, and what follows it.
pub(super) fn split(bytes: &[u8]) -> Result<(Header, Message<'_>, &[u8]), Failure> {
    let length = u32_at(bytes, 0).ok_or(Failure::Malformed)? as usize;
    let kind = u16_at(bytes, 4).ok_or(Failure::Malformed)?;
    let flags = u16_at(bytes, 6).ok_or(Failure::Malformed)?;
    let sequence = u32_at(bytes, 8).ok_or(Failure::Malformed)?;
    let body = bytes.get(HEADER..length).ok_or(Failure::Malformed)?;
    let rest = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Ok((Header { flags, sequence }, Message { kind, body }, rest))
}

/// Appends a message, padded; split takes it apart again.
pub(super) fn frame(to: &mut Vec<u8>, kind: u16, flags: u16, sequence: u32, body: &[u8]) {
    to.extend_from_slice(&((HEADER + body.len()) as u32).to_ne_bytes());
    to.extend_from_slice(&kind.to_ne_bytes());
    to.extend_from_slice(&flags.to_ne_bytes());
    to.extend_from_slice(&sequence.to_ne_bytes());
    to.extend_from_slice(&0u32.to_ne_bytes());
    to.extend_from_slice(body);
    to.resize(to.len().next_multiple_of(4), 0);
}

/// What `NLMSG_ERROR` and `NLMSG_DONE` carry: zero, or a negative errno.
fn result(body: &[u8]) -> Result<(), Failure> {
    match u32_at(body, 0).map(|errno| errno as i32) {
        None | Some(0) => Ok(()),
        Some(errno) => Err(Failure::from_errno(errno.saturating_neg())),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).and_then(|part| part.try_into().ok()).map(u16::from_ne_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).and_then(|part| part.try_into().ok()).map(u32::from_ne_bytes)
}

/// Attributes one after the other: type (without its flags) and value. Ends at the first that is cut off.
#[derive(Debug, Clone)]
pub(super) struct Attributes<'a>(pub(super) &'a [u8]);

impl<'a> Attributes<'a> {
    /// The value of the first attribute of this type.
    pub(super) fn get(&self, kind: u16) -> Option<&'a [u8]> {
        self.clone().find(|(found, _)| *found == kind).map(|(_, value)| value)
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<(u16, &'a [u8])> {
        let length = usize::from(u16_at(self.0, 0)?);
        let kind = u16_at(self.0, 2)? & TYPE;
        let value = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    }
}

/// Appends an attribute, padded.
pub(super) fn push_attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    body.extend_from_slice(&((value.len() + 4) as u16).to_ne_bytes());
    body.extend_from_slice(&kind.to_ne_bytes());
    body.extend_from_slice(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

/// A number in network byte order, of at most 8 bytes.
pub(super) fn be(value: &[u8]) -> Option<u64> {
    (value.len() <= 8).then(|| value.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// A text that ends at its first NUL; bytes that are no UTF-8 become U+FFFD.
pub(super) fn text(value: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(value.split(|byte| *byte == 0).next().unwrap_or_default())
}
