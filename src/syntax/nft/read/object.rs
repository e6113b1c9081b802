//! Stateful objects and flowtables.

use super::token::Token;
use super::{Fault, Reader};
use crate::host::Family;
use crate::host::nft::Synproxy;
use crate::syntax::nft::tree::{Flowtable, Object, ObjectBody, Priority};

impl<'t> Reader<'t> {
    pub(super) fn flowtable(&mut self) -> Result<Flowtable<'t>, Fault> {
        let name = self.need_name()?;
        let handle = self.open()?;
        let priority = Priority { name: None, number: 0 };
        let mut table = Flowtable { name, handle, priority, devices: Vec::new(), offload: false, counter: false };
        loop {
            self.skip_lines();
            match self.tokens.next() {
                Token::Sign("}") => return Ok(table),
                Token::Word("hook") => {
                    self.need_word()?;
                }
                Token::Word("priority") => table.priority = self.priority()?,
                Token::Word("devices") => table.devices = self.devices()?,
                Token::Word("flags") => table.offload = self.need_word()? == "offload",
                Token::Word("counter") => table.counter = true,
                _ => return Err(Fault),
            }
        }
    }

    pub(super) fn object_of(&mut self, word: &'t str) -> Result<Object<'t>, Fault> {
        let kind = if word == "ct" { self.need_word()? } else { word };
        let name = self.need_name()?;
        let handle = self.open()?;
        let mut comment = None;
        self.skip_lines();
        if self.take_word("comment") {
            comment = Some(self.need_text()?);
            self.skip_lines();
        }
        let body = match kind {
            "counter" => {
                let mut counter = (0, 0);
                if self.take_word("packets") {
                    counter.0 = self.number()?;
                    self.need("bytes")?;
                    counter.1 = self.number()?;
                }
                ObjectBody::Counter { packets: counter.0, bytes: counter.1 }
            }
            "quota" => {
                let (bytes, over, used) = self.quota()?;
                ObjectBody::Quota { bytes, over, used }
            }
            "limit" => ObjectBody::Limit(self.limit()?),
            "synproxy" => {
                let mut of = Synproxy { mss: 0, window_scale: 0, flags: 0 };
                while self.part_of_synproxy(&mut of)? {
                    self.skip_lines();
                }
                ObjectBody::Synproxy { mss: of.mss, window_scale: of.window_scale, flags: of.flags }
            }
            "secmark" => ObjectBody::Secmark(self.need_text()?),
            _ => self.ct_object(kind)?,
        };
        self.skip_lines();
        self.need_sign("}")?;
        Ok(Object { name, handle, comment, body })
    }

    fn ct_object(&mut self, kind: &str) -> Result<ObjectBody<'t>, Fault> {
        let (mut helper, mut protocol, mut family, mut policy) = ("", "", None, Vec::new());
        let (mut dport, mut timeout, mut size) = (0, 0, 0);
        loop {
            self.skip_lines();
            let Token::Word(word) = self.tokens.peek() else { break };
            self.tokens.next();
            match word {
                "type" => helper = self.need_text()?,
                "protocol" => protocol = self.need_word()?,
                "l3proto" => {
                    family = match self.need_word()? {
                        "ip" => Some(Family::Ip),
                        "ip6" => Some(Family::Ip6),
                        _ => Some(Family::Inet),
                    };
                }
                "dport" => dport = self.number()?,
                "timeout" => timeout = self.time()?,
                "size" => size = self.number()?,
                "policy" => policy = self.policy()?,
                _ => return Err(Fault),
            }
        }
        Ok(match kind {
            "helper" => ObjectBody::CtHelper { helper, protocol, family },
            "timeout" => ObjectBody::CtTimeout { protocol, family, policy },
            "expectation" => ObjectBody::CtExpectation { protocol, family, dport, timeout, size },
            _ => return Err(Fault),
        })
    }

    fn policy(&mut self) -> Result<Vec<(&'t str, u64)>, Fault> {
        self.need_sign("=")?;
        self.need_sign("{")?;
        let mut policy = Vec::new();
        loop {
            self.skip_lines();
            if self.take_sign("}") {
                return Ok(policy);
            }
            let name = self.need_word()?.trim_end_matches(':');
            let _ = self.take_word(":");
            policy.push((name, self.time()? / 1000));
            let _ = self.take_sign(",");
        }
    }
}

/// The kernel's number for a kind of object.
pub(super) fn object_kind(word: &str) -> u32 {
    match word {
        "counter" => 1,
        "quota" => 2,
        "limit" => 4,
        "secmark" => 8,
        _ => 10,
    }
}
