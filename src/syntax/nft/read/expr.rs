//! Expressions: left sides, values, elements.

use super::token::Token;
use super::{Fault, Reader};
use crate::host::Family;
use crate::host::nft::{CtKey, FibResult, PayloadBase, SocketKey, fib};
use crate::host::xt::CtDirection;
use crate::syntax::nft::extensions::OPTIONAL;
use crate::syntax::nft::fields::{self};
use crate::syntax::nft::tree::{BinaryOp, Expr, Item, Verdict};
use crate::syntax::nft::{ct_key, meta_key};

/// How deep expressions may be in one another.
const DEPTH: usize = 32;

impl<'t> Reader<'t> {
    /// A side of a comparison with its operations, lowest first: `|`, `^`, `&`, shifts.
    pub(super) fn expr(&mut self) -> Result<Expr<'t>, Fault> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Fault);
        }
        let found = self.operation(0);
        self.depth -= 1;
        found
    }

    /// Operations that bind at least so tightly, from the left.
    fn operation(&mut self, tight: u8) -> Result<Expr<'t>, Fault> {
        let mut left = self.primary()?;
        loop {
            let op = match self.tokens.peek() {
                Token::Sign(sign) => binary(sign),
                Token::Word(word @ ("or" | "xor" | "and" | "<<" | ">>")) => binary(word),
                _ => None,
            };
            let Some((level, op)) = op.filter(|(level, _)| *level >= tight) else { return Ok(left) };
            self.tokens.next();
            let right = self.operation(level + 1)?;
            left = Expr::Binary(op, Box::new((left, right)));
        }
    }

    /// Several with dots between them.
    pub(super) fn concat(&mut self) -> Result<Expr<'t>, Fault> {
        let first = self.expr()?;
        if self.tokens.peek() != Token::Word(".") {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.take_word(".") {
            parts.push(self.expr()?);
        }
        Ok(Expr::Concat(parts))
    }

    /// The same, and what a map gives for it.
    pub(super) fn mapped(&mut self) -> Result<Expr<'t>, Fault> {
        let key = self.concat()?;
        if !self.take_word("map") {
            return Ok(key);
        }
        let map = self.set_or_braces()?;
        Ok(Expr::Map(Box::new((key, map))))
    }

    pub(super) fn set_or_braces(&mut self) -> Result<Expr<'t>, Fault> {
        match self.tokens.peek() {
            Token::Sign("{") => Ok(Expr::Braces(self.braces()?)),
            Token::Word(word) if word.starts_with('@') => {
                self.tokens.next();
                Ok(Expr::Reference(&word[1..]))
            }
            _ => Err(Fault),
        }
    }

    fn primary(&mut self) -> Result<Expr<'t>, Fault> {
        match self.tokens.next() {
            Token::Sign("(") => {
                let inner = self.expr()?;
                self.need_sign(")")?;
                Ok(inner)
            }
            Token::Text(text) => match self.tokens.peek() {
                // `"17:00"-"19:00"`
                Token::Word("-") => {
                    self.tokens.next();
                    match self.tokens.next() {
                        Token::Text(last) => Ok(Expr::Range(Box::new((Expr::Text(text), Expr::Text(last))))),
                        _ => Err(Fault),
                    }
                }
                _ => Ok(Expr::Text(text)),
            },
            Token::Word("*") => Ok(Expr::Any),
            Token::Word(word) => self.word(word),
            _ => Err(Fault),
        }
    }

    fn word(&mut self, word: &'t str) -> Result<Expr<'t>, Fault> {
        match word.as_bytes()[0] {
            b'0'..=b'9' => return value(word),
            b'@' => return raw(word),
            _ => {}
        }
        if word.contains(':') {
            return value(word);
        }
        Ok(match word {
            "meta" => {
                let key = self.need_word()?;
                Expr::Meta(meta_key(key).ok_or(Fault)?)
            }
            "mark" if self.left => Expr::Meta(meta_key("mark").ok_or(Fault)?),
            "iif" | "oif" | "iifname" | "oifname" | "iifgroup" | "oifgroup" | "iiftype" | "oiftype" => {
                Expr::Meta(meta_key(word).ok_or(Fault)?)
            }
            "ct" => self.ct()?,
            "fib" => self.fib()?,
            "socket" => self.socket()?,
            "osf" => self.osf()?,
            "ipsec" => self.ipsec()?,
            "numgen" => self.numgen()?,
            "jhash" | "symhash" => self.hash(word == "jhash")?,
            "exthdr" => {
                let name = self.need_word()?;
                let found = OPTIONAL.iter().find(|known| known.name == name).ok_or(Fault)?;
                Expr::Optional(found, None)
            }
            _ => return self.field(word),
        })
    }

    /// A field of a header, or a word that stands for a value.
    fn field(&mut self, word: &'t str) -> Result<Expr<'t>, Fault> {
        let Token::Word(next) = self.tokens.peek() else { return value(word) };
        match (word, next) {
            ("tcp" | "ip" | "sctp", "option" | "chunk") => {
                self.tokens.next();
                return self.option(word);
            }
            ("rt", "classid" | "nexthop" | "mtu" | "ipsec" | "ip" | "ip6") => return self.route(),
            ("arp", "saddr" | "daddr") => {
                self.tokens.next();
                let kind = self.need_word()?;
                return fields::named(&[word, next, kind]).map(Expr::Payload).ok_or(Fault);
            }
            _ => {}
        }
        if let Some(field) = fields::named(&[word, next]) {
            self.tokens.next();
            return Ok(Expr::Payload(field));
        }
        let header = OPTIONAL.iter().find(|known| known.name == word);
        let part = header.and_then(|header| Some((header, header.fields.iter().find(|part| part.name == next)?)));
        if let Some((header, part)) = part {
            self.tokens.next();
            return Ok(Expr::Optional(header, Some(part)));
        }
        value(word)
    }

    fn option(&mut self, word: &'t str) -> Result<Expr<'t>, Fault> {
        let name = self.need_word()?;
        if let Some(place) = name.strip_prefix('@') {
            let mut parts = place.split(',').map(|part| part.parse::<u16>().map_err(|_| Fault));
            let mut next = || parts.next().unwrap_or(Err(Fault));
            let (kind, bit, bits) = (next()?, next()?, next()?);
            return Ok(Expr::TcpOption { kind: kind as u8, bit, bits });
        }
        let name = match name {
            "mss" => "maxseg",
            "sack0" => "sack",
            "sack-permitted" => "sack-perm",
            other => other,
        };
        let is_it = |known: &&'static crate::syntax::nft::extensions::Optional| {
            let mut words = known.name.split(' ');
            words.next() == Some(word) && words.nth(1) == Some(name)
        };
        let Some(found) = OPTIONAL.iter().find(is_it) else {
            let kind = name.parse::<u8>().map_err(|_| Fault)?;
            return Ok(Expr::TcpOption { kind, bit: 0, bits: 0 });
        };
        if let Token::Word(next) = self.tokens.peek()
            && let Some(part) = found.fields.iter().find(|part| part.name == next)
        {
            self.tokens.next();
            return Ok(Expr::Optional(found, Some(part)));
        }
        Ok(Expr::Optional(found, None))
    }

    fn family(&mut self) -> Option<Family> {
        match self.tokens.peek() {
            Token::Word("ip") => Some(Family::Ip),
            Token::Word("ip6") => Some(Family::Ip6),
            _ => None,
        }
        .inspect(|_| {
            self.tokens.next();
        })
    }

    fn route(&mut self) -> Result<Expr<'t>, Fault> {
        let family = self.family();
        Ok(Expr::Rt { key: self.need_word()?, family })
    }

    fn ct(&mut self) -> Result<Expr<'t>, Fault> {
        let mut word = self.need_word()?;
        let direction = match word {
            "original" => Some(CtDirection::Original),
            "reply" => Some(CtDirection::Reply),
            _ => None,
        };
        if direction.is_some() {
            word = self.need_word()?;
        }
        let key = match word {
            "ip" | "ip6" => match (word, self.need_word()?) {
                ("ip", "saddr") => CtKey::SRC_IP,
                ("ip", "daddr") => CtKey::DST_IP,
                ("ip6", "saddr") => CtKey::SRC_IP6,
                ("ip6", "daddr") => CtKey::DST_IP6,
                _ => return Err(Fault),
            },
            word => ct_key(word).ok_or(Fault)?,
        };
        Ok(Expr::Ct { key, direction })
    }

    fn fib(&mut self) -> Result<Expr<'t>, Fault> {
        let mut flags = 0;
        loop {
            flags |= match self.need_word()? {
                "saddr" => fib::SADDR,
                "daddr" => fib::DADDR,
                "mark" => fib::MARK,
                "iif" => fib::IIF,
                "oif" => fib::OIF,
                _ => return Err(Fault),
            };
            if !self.take_word(".") {
                break;
            }
        }
        let result = match self.need_word()? {
            "oif" => FibResult::Oif,
            "oifname" => FibResult::OifName,
            "type" => FibResult::AddressType,
            _ => return Err(Fault),
        };
        Ok(Expr::Fib { result, flags })
    }

    fn socket(&mut self) -> Result<Expr<'t>, Fault> {
        Ok(Expr::Socket(match self.need_word()? {
            "transparent" => SocketKey::Transparent,
            "mark" => SocketKey::Mark,
            "wildcard" => SocketKey::Wildcard,
            "cgroupv2" => {
                self.need("level")?;
                SocketKey::Cgroup2(self.number()?)
            }
            _ => return Err(Fault),
        }))
    }

    fn osf(&mut self) -> Result<Expr<'t>, Fault> {
        let mut ttl = 0;
        if self.take_word("ttl") {
            ttl = if self.need_word()? == "loose" { 1 } else { 2 };
        }
        let version = self.need_word()? == "version";
        Ok(Expr::Osf { ttl, version })
    }

    fn ipsec(&mut self) -> Result<Expr<'t>, Fault> {
        let out = self.need_word()? == "out";
        let index = if self.take_word("spnum") { self.number()? } else { 0 };
        let family = self.family();
        Ok(Expr::Xfrm { key: self.need_word()?, family, out, index })
    }

    fn numgen(&mut self) -> Result<Expr<'t>, Fault> {
        let random = self.need_word()? == "random";
        self.need("mod")?;
        let modulus = self.number()?;
        let offset = if self.take_word("offset") { self.number()? } else { 0 };
        Ok(Expr::Numgen { random, modulus, offset })
    }

    fn hash(&mut self, jenkins: bool) -> Result<Expr<'t>, Fault> {
        let of = if jenkins { Some(Box::new(self.concat()?)) } else { None };
        self.need("mod")?;
        let modulus = self.number()?;
        let seed = if self.take_word("seed") { Some(self.number()?) } else { None };
        let offset = if self.take_word("offset") { self.number()? } else { 0 };
        Ok(Expr::Hash { of, modulus, seed, offset })
    }

    /// `{ 80, 443 : accept }`
    pub(super) fn braces(&mut self) -> Result<Vec<Item<'t>>, Fault> {
        self.need_sign("{")?;
        let items = self.items();
        self.tokens.keys = false;
        items
    }

    fn items(&mut self) -> Result<Vec<Item<'t>>, Fault> {
        let mut items = Vec::new();
        loop {
            self.tokens.keys = true;
            self.skip_lines();
            if self.take_sign("}") {
                return Ok(items);
            }
            items.push(self.item()?);
            self.skip_lines();
            if !self.take_sign(",") && self.tokens.peek() != Token::Sign("}") {
                return Err(Fault);
            }
        }
    }

    fn item(&mut self) -> Result<Item<'t>, Fault> {
        let left = std::mem::replace(&mut self.left, false);
        let key = self.concat()?;
        let mut item = Item { key, data: None, comment: None, timeout: None, expires: None, statements: Vec::new() };
        loop {
            match self.tokens.peek() {
                Token::Word("timeout") => {
                    self.tokens.next();
                    item.timeout = Some(self.time()?);
                }
                Token::Word("expires") => {
                    self.tokens.next();
                    item.expires = Some(self.time()?);
                }
                Token::Word("comment") => {
                    self.tokens.next();
                    item.comment = Some(self.need_text()?);
                }
                Token::Word("counter" | "limit" | "quota" | "ct" | "last") => {
                    let statement = self.statement()?;
                    item.statements.push(statement);
                }
                Token::Word(":") => {
                    self.tokens.next();
                    self.tokens.keys = false;
                    item.data = Some(match self.verdict()? {
                        Some(verdict) => Expr::Verdict(verdict),
                        None => self.concat()?,
                    });
                }
                _ => break,
            }
        }
        self.left = left;
        Ok(item)
    }

    pub(super) fn verdict(&mut self) -> Result<Option<Verdict<'t>>, Fault> {
        let Token::Word(word) = self.tokens.peek() else { return Ok(None) };
        let plain = match word {
            "accept" => Verdict::Accept,
            "drop" => Verdict::Drop,
            "continue" => Verdict::Continue,
            "break" => Verdict::Break,
            "return" => Verdict::Return,
            "jump" | "goto" => {
                self.tokens.next();
                let name = self.need_name()?;
                return Ok(Some(if word == "jump" { Verdict::Jump(name) } else { Verdict::Goto(name) }));
            }
            _ => return Ok(None),
        };
        self.tokens.next();
        Ok(Some(plain))
    }
}

/// An operation by its sign, and how tightly it binds.
fn binary(sign: &str) -> Option<(u8, BinaryOp)> {
    Some(match sign {
        "|" | "or" => (0, BinaryOp::Or),
        "^" | "xor" => (1, BinaryOp::Xor),
        "&" | "and" => (2, BinaryOp::And),
        "<<" => (3, BinaryOp::Left),
        ">>" => (3, BinaryOp::Right),
        _ => return None,
    })
}

/// A number, an address, a name, a range or a prefix of those.
pub(super) fn value(word: &str) -> Result<Expr<'_>, Fault> {
    if !word.bytes().any(|sign| matches!(sign, b'-' | b'/')) {
        return Ok(Expr::Word(word));
    }
    let is_number = word.as_bytes()[0].is_ascii_digit() || word.contains(':');
    if let Some((first, last)) =
        word.split_once('-').filter(|(first, last)| is_number && !first.is_empty() && !last.is_empty())
    {
        return Ok(Expr::Range(Box::new((value_of(first)?, value_of(last)?))));
    }
    value_of(word)
}

fn value_of(word: &str) -> Result<Expr<'_>, Fault> {
    match word.split_once('/') {
        Some((of, length)) => {
            let length = length.parse().map_err(|_| Fault)?;
            Ok(Expr::Prefix(Box::new(Expr::Word(of)), length))
        }
        None => Ok(Expr::Word(word)),
    }
}

/// `@nh,96,32`, or the name of a set.
fn raw(word: &str) -> Result<Expr<'_>, Fault> {
    let mut parts = word[1..].split(',');
    let base = match parts.next() {
        Some("ll") => PayloadBase::Link,
        Some("nh") => PayloadBase::Network,
        Some("th") => PayloadBase::Transport,
        Some("ih") => PayloadBase::Inner,
        _ => return Ok(Expr::Reference(&word[1..])),
    };
    let (Some(bit), Some(bits)) = (parts.next(), parts.next()) else { return Ok(Expr::Reference(&word[1..])) };
    Ok(Expr::Raw { base, bit: bit.parse().map_err(|_| Fault)?, bits: bits.parse().map_err(|_| Fault)? })
}
