//! A recording of netlink messages that answers as the kernel did: whoever asks cannot tell the difference.
//!
//! It answers a request with the messages of the kind that belongs to it, of the family that was asked for, and, in
//! netfilter's subsystems, without other values of the attributes that the request names, in the order of the recording. Knows as much of the
//! messages as that takes, and no more. Anything may be recorded: bytes that are no messages end the recording.

use std::sync::Arc;

use netlink_sys::protocols::{NETLINK_NETFILTER, NETLINK_ROUTE};

use super::netlink::{Attributes, NLM_F_DUMP, NLMSG_DONE, NLMSG_ERROR, frame, split};

/// `struct nfgenmsg`.
const GENERIC: usize = 4;
/// `NFNL_SUBSYS_NFTABLES`.
const NF_TABLES: u16 = 10;

/// One side of a conversation.
pub(super) struct Replay {
    protocol: isize,
    messages: Arc<[u8]>,
    /// The answers to the last request.
    answers: Vec<u8>,
    given: usize,
}

impl Replay {
    pub(super) fn new(protocol: isize, messages: Arc<[u8]>) -> Replay {
        Replay { protocol, messages, answers: Vec::new(), given: 0 }
    }

    /// Takes a request.
    pub(super) fn send(&mut self, request: &[u8]) {
        self.answers.clear();
        self.given = 0;
        let Ok((asked, request, _)) = split(request) else { return };
        let dumps = asked.flags & NLM_F_DUMP == NLM_F_DUMP;
        let wanted = self.answer_kind(request.kind);
        let mut rest = &self.messages[..];
        while let Ok((header, message, following)) = split(rest) {
            rest = following;
            if message.kind == wanted && self.is_answer(request.body, message.body) {
                frame(&mut self.answers, message.kind, header.flags, asked.sequence, message.body);
                if !dumps {
                    return;
                }
            }
        }
        let (kind, errno) = if dumps { (NLMSG_DONE, 0) } else { (NLMSG_ERROR, -libc::ENOENT) };
        frame(&mut self.answers, kind, 0, asked.sequence, &errno.to_ne_bytes());
    }

    /// Puts the next datagram into a buffer: as many messages as it takes. What is too long for it is left out, as it would
    /// be by a kernel that knows its reader's buffer.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> usize {
        let mut length = 0;
        while let Some(message) = self.next_answer() {
            let size = message.len();
            if let Some(room) = buffer.get_mut(length..length + size) {
                room.copy_from_slice(message);
                length += size;
            } else if length > 0 {
                break;
            }
            self.given += size;
        }
        length
    }

    fn next_answer(&self) -> Option<&[u8]> {
        let rest = self.answers.get(self.given..)?;
        let (_, _, following) = split(rest).ok()?;
        Some(&rest[..rest.len() - following.len()])
    }

    /// The kind of message that answers one of this kind.
    fn answer_kind(&self, asked: u16) -> u16 {
        match self.protocol {
            // RTM_GETx stands two after RTM_NEWx.
            NETLINK_ROUTE => asked.wrapping_sub(2),
            NETLINK_NETFILTER if asked >> 8 == NF_TABLES => asked.wrapping_sub(1),
            _ => asked,
        }
    }

    fn is_answer(&self, asked: &[u8], answer: &[u8]) -> bool {
        let family = asked.first().copied().unwrap_or_default();
        if family != 0 && answer.first() != Some(&family) {
            return false;
        }
        if self.protocol != NETLINK_NETFILTER {
            return true;
        }
        let told = Attributes(answer.get(GENERIC..).unwrap_or_default());
        let mut asked = Attributes(asked.get(GENERIC..).unwrap_or_default());
        asked.all(|(kind, value)| told.get(kind).is_none_or(|told| told == value))
    }
}

#[cfg(test)]
mod tests {
    use super::super::netlink::{Answers, Failure, push_attribute};
    use super::*;

    fn message(kind: u16, body: &[u8], attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = body.to_vec();
        attributes.iter().for_each(|(kind, value)| push_attribute(&mut body, *kind, value));
        let mut framed = Vec::new();
        frame(&mut framed, kind, 0, 77, &body);
        framed
    }

    #[test]
    fn requests_are_answered_with_what_was_recorded() {
        let rule = |table: &[u8], handle: u8| message(10 << 8 | 6, &[2, 0, 0, 0], &[(1, table), (3, &[handle])]);
        let recorded =
            [rule(b"a\0", 1), rule(b"b\0", 2), message(10 << 8, &[2, 0, 0, 0], &[]), rule(b"a\0", 3)].concat();
        let mut channel = Answers::Recorded(recorded.into()).open(NETLINK_NETFILTER).expect("a channel");
        let mut dump = |family: u8, table: &[u8]| {
            let mut request = vec![family, 0, 0, 0];
            push_attribute(&mut request, 1, table);
            let mut handles = Vec::new();
            let each = |message: super::super::netlink::Message<'_>| {
                handles.extend(Attributes(&message.body[4..]).get(3).map(<[u8]>::to_vec));
            };
            channel.dump(10 << 8 | 7, &request, each).expect("a dump");
            handles
        };
        assert_eq!(dump(2, b"a\0"), [[1], [3]]);
        assert_eq!(dump(0, b"b\0"), [[2]]);
        assert!(dump(10, b"a\0").is_empty());
        let answer = channel.get(10 << 8 | 16, &[0; 4], |_| ());
        assert!(matches!(answer, Err(Failure::Missing)), "{answer:?}");
    }

    #[test]
    fn answers_that_fill_several_datagrams_come_whole() {
        let recorded: Vec<u8> = (0..5000u32).flat_map(|n| message(16, &n.to_ne_bytes(), &[(1, &[0; 30])])).collect();
        let mut channel = Answers::Recorded(recorded.into()).open(NETLINK_ROUTE).expect("a channel");
        let mut next = 0u32;
        channel
            .dump(18, &[0; 16], |message| {
                assert_eq!(message.body[..4], next.to_ne_bytes());
                next += 1;
            })
            .expect("a dump");
        assert_eq!(next, 5000);
    }
}
