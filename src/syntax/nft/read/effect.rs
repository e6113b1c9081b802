//! Statements that do something: logs, answers, translations, changes of sets.

use super::token::Token;
use super::{Fault, Reader};
use crate::host::Family;
use crate::host::nft::{DynsetOp, ObjectKind, Synproxy, range, synproxy};
use crate::syntax::nft::tree::{Change, Expr, Log, Nat, NatKind, Reject, Statement};

impl<'t> Reader<'t> {
    pub(super) fn log(&mut self) -> Result<Log<'t>, Fault> {
        const LEVELS: [&str; 9] = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "audit"];
        let mut log = Log::default();
        loop {
            let Token::Word(word @ ("prefix" | "group" | "snaplen" | "queue-threshold" | "level" | "flags")) =
                self.tokens.peek()
            else {
                return Ok(log);
            };
            self.tokens.next();
            match word {
                "prefix" => log.prefix = Some(self.need_text()?),
                "group" => log.group = Some(self.number()?),
                "snaplen" => log.snaplen = Some(self.number()?),
                "queue-threshold" => log.qthreshold = Some(self.number()?),
                "level" => {
                    let level = self.need_word()?;
                    let known = LEVELS.iter().position(|known| *known == level).or(level.parse().ok());
                    log.level = Some(known.ok_or(Fault)? as u32);
                }
                _ => log.flags |= self.log_flags()?,
            }
        }
    }

    fn log_flags(&mut self) -> Result<u32, Fault> {
        let word = self.need_word()?;
        Ok(match word {
            "tcp" => {
                let mut flags = 0;
                loop {
                    flags |= if self.need_word()? == "sequence" { 1 } else { 2 };
                    if !self.take_sign(",") {
                        return Ok(flags);
                    }
                }
            }
            "ip" => {
                self.need("options")?;
                4
            }
            "skuid" => 8,
            "ether" => 0x20,
            "all" => 0x2f,
            _ => return Err(Fault),
        })
    }

    pub(super) fn reject(&mut self) -> Result<Reject<'t>, Fault> {
        if !self.take_word("with") {
            return Ok(Reject::Default);
        }
        let kind = self.need_word()?;
        if kind == "tcp" {
            self.need("reset")?;
            return Ok(Reject::Reset);
        }
        let _ = self.take_word("type");
        let code = Expr::Word(self.need_word()?);
        match kind {
            "icmp" => Ok(Reject::Icmp(code)),
            "icmpv6" => Ok(Reject::Icmp6(code)),
            "icmpx" => Ok(Reject::Icmpx(code)),
            _ => Err(Fault),
        }
    }

    pub(super) fn nat(&mut self, kind: NatKind) -> Result<Nat<'t>, Fault> {
        let mut nat = Nat { kind, family: None, address: None, port: None, both: false, flags: 0 };
        nat.family = self.take_family();
        if self.take_word("prefix") {
            nat.flags |= range::NETMAP;
        } else if self.take_word("addr") {
            self.need(".")?;
            self.need("port")?;
            nat.both = true;
        } else {
            let _ = self.take_word("interval");
        }
        if self.take_word("to") {
            (nat.address, nat.port) = self.place()?;
        }
        if matches!(kind, NatKind::Masquerade | NatKind::Redirect) && nat.port.is_none() {
            nat.port = nat.address.take();
        }
        loop {
            let flag = match self.tokens.peek() {
                Token::Word("random") => range::RANDOM,
                Token::Word("fully-random") => range::RANDOM_FULLY,
                Token::Word("persistent") => range::PERSISTENT,
                _ => return Ok(nat),
            };
            self.tokens.next();
            nat.flags |= flag;
            let _ = self.take_sign(",");
        }
    }

    fn take_family(&mut self) -> Option<Family> {
        let start = self.tokens;
        let family = match self.tokens.next() {
            Token::Word("ip") => Some(Family::Ip),
            Token::Word("ip6") => Some(Family::Ip6),
            _ => None,
        };
        // `ip saddr map …` is an address, not a family.
        let is_family = matches!(self.tokens.peek(), Token::Word("to" | "prefix" | "addr" | "interval"));
        if family.is_none() || !is_family {
            self.tokens = start;
            return None;
        }
        family
    }

    /// An address, a port, or both: `10.0.0.1:80`, `:80`, `[::1]:80-90`, maps of either.
    fn place(&mut self) -> Result<(Option<Expr<'t>>, Option<Expr<'t>>), Fault> {
        let Token::Word(word) = self.tokens.peek() else { return Err(Fault) };
        let (host, port) = split_place(word);
        if host.is_some_and(|host| host.len() == word.len() && !host.starts_with('[')) {
            let address = self.mapped()?;
            return match self.tokens.peek() {
                Token::Word(word) if word.starts_with(':') => {
                    let (_, port) = self.place()?;
                    Ok((Some(address), port))
                }
                _ => Ok((Some(address), None)),
            };
        }
        // The word is cut in two: what follows the colon is read as if it stood alone.
        let host = match host {
            Some(host) if host.starts_with('[') => Some(bracketed(host)?),
            Some(host) => Some(super::expr::value(host)?),
            None => None,
        };
        match port {
            None => {
                self.tokens.next();
                Ok((host, None))
            }
            Some(port) => {
                self.tokens.at += self.skipped() + word.len() - port.len();
                Ok((host, Some(self.mapped()?)))
            }
        }
    }

    pub(super) fn tproxy(&mut self) -> Result<Statement<'t>, Fault> {
        let family = self.take_family();
        self.need("to")?;
        let (address, port) = self.place()?;
        Ok(Statement::Tproxy { family, address, port })
    }

    pub(super) fn fwd(&mut self) -> Result<Statement<'t>, Fault> {
        let family = self.take_family();
        self.need("to")?;
        let first = self.mapped()?;
        if self.take_word("device") {
            return Ok(Statement::Fwd { family, address: Some(first), device: self.mapped()? });
        }
        Ok(Statement::Fwd { family, address: None, device: first })
    }

    pub(super) fn queue(&mut self) -> Result<Statement<'t>, Fault> {
        let (mut bypass, mut fanout, mut to) = (false, false, None);
        loop {
            match self.tokens.peek() {
                Token::Word("flags") => {
                    self.tokens.next();
                }
                Token::Word("bypass") => {
                    self.tokens.next();
                    bypass = true;
                }
                Token::Word("fanout") => {
                    self.tokens.next();
                    fanout = true;
                }
                Token::Sign(",") => {
                    self.tokens.next();
                }
                Token::Word("to" | "num") => {
                    self.tokens.next();
                    to = Some(self.mapped()?);
                }
                _ => return Ok(Statement::Queue { to, bypass, fanout }),
            }
        }
    }

    pub(super) fn synproxy_or_name(&mut self) -> Result<Statement<'t>, Fault> {
        if let Some(object) = self.object(ObjectKind::SYNPROXY)? {
            return Ok(object);
        }
        let mut of = Synproxy { mss: 0, window_scale: 0, flags: 0 };
        while self.part_of_synproxy(&mut of)? {}
        Ok(Statement::Synproxy { mss: of.mss, window_scale: of.window_scale, flags: of.flags })
    }

    /// Reads one more of what a synproxy is told, if there is one. In an object each may have its own line.
    pub(super) fn part_of_synproxy(&mut self, of: &mut Synproxy) -> Result<bool, Fault> {
        let Token::Word(word @ ("mss" | "wscale" | "timestamp" | "sack-perm")) = self.tokens.peek() else {
            return Ok(false);
        };
        self.tokens.next();
        of.flags |= match word {
            "mss" => {
                of.mss = self.number()?;
                synproxy::MSS
            }
            "wscale" => {
                of.window_scale = self.number()?;
                synproxy::WSCALE
            }
            "timestamp" => synproxy::TIMESTAMP,
            _ => synproxy::SACK_PERM,
        };
        Ok(true)
    }

    /// `ct helper set "x"` and the like, `ct count over 5`; `None`: something else.
    pub(super) fn ct_statement(&mut self) -> Result<Option<Statement<'t>>, Fault> {
        let kind = match self.tokens.peek() {
            Token::Word("count") => {
                self.tokens.next();
                let over = self.take_word("over");
                return Ok(Some(Statement::Connlimit { count: self.number()?, over }));
            }
            Token::Word("helper") => ObjectKind::CT_HELPER,
            Token::Word("timeout") => ObjectKind::CT_TIMEOUT,
            Token::Word("expectation") => ObjectKind::CT_EXPECTATION,
            _ => return Ok(None),
        };
        self.tokens.next();
        if !self.take_word("set") {
            return Ok(None);
        }
        Ok(Some(Statement::Object { kind: kind.0, name: self.mapped()? }))
    }

    pub(super) fn change(&mut self, word: &str) -> Result<Statement<'t>, Fault> {
        let op = match word {
            "add" => DynsetOp::Add,
            "update" => DynsetOp::Update,
            _ => DynsetOp::Delete,
        };
        let set = self.need_word()?.strip_prefix('@').ok_or(Fault)?;
        self.need_sign("{")?;
        let (key, timeout, statements) = self.key_that_changes()?;
        let data = if self.take_word(":") { Some(self.mapped()?) } else { None };
        self.need_sign("}")?;
        Ok(Statement::Change(Box::new(Change { op, set, key, timeout, data, statements })))
    }

    fn key_that_changes(&mut self) -> Result<(Expr<'t>, Option<u64>, Vec<Statement<'t>>), Fault> {
        let key = self.concat()?;
        let (mut timeout, mut statements) = (None, Vec::new());
        loop {
            match self.tokens.peek() {
                Token::Word("timeout") => {
                    self.tokens.next();
                    timeout = Some(self.time()?);
                }
                Token::Word("counter" | "limit" | "quota" | "ct" | "last") => statements.push(self.statement()?),
                _ => return Ok((key, timeout, statements)),
            }
        }
    }

    pub(super) fn meter(&mut self) -> Result<Statement<'t>, Fault> {
        let name = self.need_word()?;
        let size = if self.take_word("size") { self.number()? } else { 0 };
        self.need_sign("{")?;
        let (key, timeout, mut statements) = self.key_that_changes()?;
        self.need_sign("}")?;
        let statement = Box::new(statements.pop().ok_or(Fault)?);
        Ok(Statement::Meter { name, size, key, timeout, statement })
    }
}

/// `10.0.0.1:80` in its two parts; an IPv6 address without brackets has no port.
fn split_place(word: &str) -> (Option<&str>, Option<&str>) {
    if let Some(port) = word.strip_prefix(':') {
        if !port.starts_with(':') {
            return (None, Some(port));
        }
        return (Some(word), None);
    }
    if word.starts_with('[') {
        return match word.rsplit_once("]:") {
            Some((_, port)) => (Some(&word[..word.len() - port.len() - 1]), Some(port)),
            None => (Some(word), None),
        };
    }
    match word.split_once(':') {
        Some((host, port)) if !port.contains(':') && host.contains('.') => (Some(host), Some(port)),
        _ => (Some(word), None),
    }
}

/// `[::1]` or `[::1]-[::5]`.
fn bracketed(word: &str) -> Result<Expr<'_>, Fault> {
    let inner = |word: &'_ str| -> Option<(usize, usize)> {
        (word.starts_with('[') && word.ends_with(']')).then(|| (1, word.len() - 1))
    };
    if let Some((first, last)) = word.split_once("]-[") {
        let (first, last) = (first.strip_prefix('[').ok_or(Fault)?, last.strip_suffix(']').ok_or(Fault)?);
        return Ok(Expr::Range(Box::new((Expr::Word(first), Expr::Word(last)))));
    }
    let (from, to) = inner(word).ok_or(Fault)?;
    Ok(Expr::Word(&word[from..to]))
}
