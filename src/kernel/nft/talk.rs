//! A conversation with nf_tables: dumps, and whether all of their messages are of the generation that was read first.

use std::ops::ControlFlow;
use std::sync::Arc;

use netlink_sys::protocols::NETLINK_NETFILTER;

use super::super::netlink::{Answers, Attributes, Channel, Dumped, Failure, Message, be, push_attribute};
use super::super::progress::Progress;
use super::{GENERIC, GET_GENERATION, GET_RULE};

/// How many rules are read before they are counted as read.
const COUNTED_AT_ONCE: usize = 256;

/// What is asked in one reading. Each thread that reads has its own.
pub(super) struct Talk {
    channel: Channel,
    /// The generation in which the reading began.
    generation: u32,
    /// A part came from another generation.
    torn: bool,
}

impl Talk {
    /// Begins to speak in the network namespace of this thread. The generation is not asked for.
    pub(super) fn open(answers: &Answers, generation: u32) -> Result<Talk, Failure> {
        Ok(Talk { channel: answers.open(NETLINK_NETFILTER)?, generation, torn: false })
    }

    /// Goes on by another channel, after a dump that was broken off.
    pub(super) fn renew(&mut self, answers: &Answers) -> Result<(), Failure> {
        self.channel = answers.open(NETLINK_NETFILTER)?;
        Ok(())
    }

    /// Begins a reading: what comes from now on is to be of the generation that there is.
    pub(super) fn begin(&mut self) -> Result<(), Failure> {
        self.torn = false;
        self.generation = self.current()?;
        Ok(())
    }

    /// The generation in which the reading began.
    pub(super) fn generation(&self) -> u32 {
        self.generation
    }

    /// The ruleset's generation (`NFTA_GEN_ID`): it counts the changes.
    fn current(&mut self) -> Result<u32, Failure> {
        let header = [0u8; GENERIC];
        let read = |message: Message<'_>| body(&message).get(1).and_then(be).map(|generation| generation as u32);
        self.channel.get(GET_GENERATION, &header, read)?.ok_or(Failure::Malformed)
    }

    /// A part came from another generation than that in which the reading began.
    pub(super) fn is_torn(&self) -> bool {
        self.torn
    }

    /// Something else of the same reading came from another generation.
    pub(super) fn tear(&mut self) {
        self.torn = true;
    }

    /// Whether everything came from the generation in which reading began, and that is still the ruleset's.
    pub(super) fn is_one_instant(&mut self) -> Result<bool, Failure> {
        Ok(!self.torn && self.current()? == self.generation)
    }

    /// Whether a thread of its own receives what comes next of a long dump.
    pub(super) fn receive_ahead(&mut self, ahead: bool) {
        self.channel.receive_ahead(ahead);
    }

    /// How far the reading is.
    pub(super) fn progress(&self) -> &Arc<Progress> {
        self.channel.progress()
    }

    /// Dumps, hands over family and attributes of each message, and notes where one is of another generation: each carries
    /// the low half of its own.
    pub(super) fn dump(
        &mut self,
        kind: u16,
        family: u8,
        asked: &[(u16, &str)],
        mut each: impl FnMut(u8, Attributes<'_>),
    ) -> Result<(), Failure> {
        let each = |family: u8, attributes: Attributes<'_>| {
            each(family, attributes);
            ControlFlow::Continue(())
        };
        self.dump_until(kind, family, asked, each).map(drop)
    }

    /// The same until `each` breaks it off, which is told then: nothing more can be asked by it.
    pub(super) fn dump_until(
        &mut self,
        kind: u16,
        family: u8,
        asked: &[(u16, &str)],
        mut each: impl FnMut(u8, Attributes<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Failure> {
        let mut request = vec![family, 0, 0, 0];
        for (kind, name) in asked {
            push_attribute(&mut request, *kind, &[name.as_bytes(), &[0]].concat());
        }
        let generation = self.generation as u16;
        let progress = (kind == GET_RULE).then(|| Arc::clone(self.progress()));
        let (mut torn, mut uncounted) = (false, 0);
        let dumped = self.channel.dump_until(kind, &request, |message| {
            let stamp = message.body.get(2..GENERIC).and_then(be);
            torn |= stamp != Some(u64::from(generation));
            uncounted += 1;
            if let Some(progress) = progress.as_ref().filter(|_| uncounted == COUNTED_AT_ONCE) {
                progress.read_rules(std::mem::take(&mut uncounted));
            }
            each(message.body.first().copied().unwrap_or_default(), body(&message))
        });
        if let Some(progress) = progress {
            progress.read_rules(uncounted);
        }
        let (dumped, ended) = match dumped {
            // What was listed a moment ago is gone: the next look at the generation tells.
            Err(Failure::Missing) => (Dumped::Interrupted, ControlFlow::Continue(())),
            other => other?,
        };
        self.torn |= torn || dumped == Dumped::Interrupted;
        Ok(ended)
    }
}

/// The attributes of a message, after `struct nfgenmsg`.
pub(super) fn body<'a>(message: &Message<'a>) -> Attributes<'a> {
    Attributes(message.body.get(GENERIC..).unwrap_or_default())
}
