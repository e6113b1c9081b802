//! Expressions of nft's JSON: left sides, values, elements.

use super::value::Json;
use super::{Fault, Reader, fault};
use crate::host::Family;
use crate::host::nft::{CtKey, FibResult, PayloadBase, SocketKey, fib};
use crate::host::xt::CtDirection;
use crate::syntax::nft::extensions::OPTIONAL;
use crate::syntax::nft::tree::{BinaryOp, Expr, Item, Verdict};
use crate::syntax::nft::{ct_key, fields, meta_key};

impl<'t> Reader<'t> {
    pub(super) fn expr(&mut self, json: &Json<'t>) -> Result<Expr<'t>, Fault> {
        match json {
            Json::Null => Err(fault("a value that is null")),
            Json::Bool(true) => Ok(Expr::Word("exists")),
            Json::Bool(false) => Ok(Expr::Word("missing")),
            Json::Number(number) => Ok(Expr::Number(*number as u64)),
            Json::Text(text) => Ok(match self.keep(text) {
                "*" => Expr::Any,
                word => word.strip_prefix('@').map_or(Expr::Text(word), Expr::Reference),
            }),
            Json::List(flags) => Ok(Expr::List(self.exprs(flags)?)),
            Json::Object(_) => {
                let (key, value) = json.only().ok_or_else(|| fault("an expression of several"))?;
                self.expression(key, value)
            }
        }
    }

    fn exprs(&mut self, list: &[Json<'t>]) -> Result<Vec<Expr<'t>>, Fault> {
        list.iter().map(|each| self.expr(each)).collect()
    }

    fn expression(&mut self, key: &str, value: &Json<'t>) -> Result<Expr<'t>, Fault> {
        if let Some(verdict) = self.verdict(key, value) {
            return verdict.map(Expr::Verdict);
        }
        Ok(match key {
            "concat" => Expr::Concat(self.exprs(value.items())?),
            "set" => Expr::Braces(self.items(value.items(), false)?),
            "map" => self.map(value)?,
            "prefix" => {
                let length =
                    value.get("len").and_then(Json::as_number).ok_or_else(|| fault("a prefix without length"))?;
                Expr::Prefix(Box::new(self.needed(value, "addr")?), length)
            }
            "range" => match value.items() {
                [first, last] => Expr::Range(Box::new((self.expr(first)?, self.expr(last)?))),
                _ => return Err(fault("a range")),
            },
            "payload" => payload(value)?,
            "exthdr" => optional("", value)?,
            "ip option" | "sctp chunk" => optional(key, value)?,
            "tcp option" => match value.get("base") {
                Some(_) => tcp_option(value)?,
                None => optional(key, value)?,
            },
            "meta" => {
                let key = word(value, "key")?;
                Expr::Meta(meta_key(key).ok_or_else(|| unknown("meta", key))?)
            }
            "rt" => Expr::Rt { key: self.text(value, "key")?, family: family(value)? },
            "ct" => ct(value)?,
            "fib" => fib_of(value)?,
            "socket" => socket(value)?,
            "osf" => Expr::Osf {
                ttl: match value.get("ttl").and_then(Json::as_str) {
                    None => 0,
                    Some("loose") => 1,
                    Some(_) => 2,
                },
                version: word(value, "key")? == "version",
            },
            "ipsec" => Expr::Xfrm {
                key: self.text(value, "key")?,
                family: family(value)?,
                out: word(value, "dir")? == "out",
                index: number_or(value, "spnum", 0)?,
            },
            "numgen" => Expr::Numgen {
                random: word(value, "mode")? == "random",
                modulus: number(value, "mod")?,
                offset: number_or(value, "offset", 0)?,
            },
            "jhash" => {
                let of = Box::new(self.needed(value, "expr")?);
                hash(value, Some(of))?
            }
            "symhash" => hash(value, None)?,
            _ => return self.operation(key, value),
        })
    }

    /// `{"|": [1, 2]}`; newer ones have more than two sides.
    fn operation(&mut self, sign: &str, sides: &Json<'t>) -> Result<Expr<'t>, Fault> {
        let op = match sign {
            "&" => BinaryOp::And,
            "|" => BinaryOp::Or,
            "^" => BinaryOp::Xor,
            "<<" => BinaryOp::Left,
            ">>" => BinaryOp::Right,
            other => return Err(unknown("the expression", other)),
        };
        let (first, others) = sides.items().split_first().ok_or_else(|| unknown("the expression", sign))?;
        let mut left = self.expr(first)?;
        for right in others {
            left = Expr::Binary(op, Box::new((left, self.expr(right)?)));
        }
        Ok(left)
    }

    /// What stands under a key, which has to be there.
    pub(super) fn needed(&mut self, of: &Json<'t>, key: &str) -> Result<Expr<'t>, Fault> {
        self.expr(of.get(key).ok_or_else(|| missing(key))?)
    }

    /// What stands under a key, if there is something.
    pub(super) fn maybe(&mut self, of: &Json<'t>, key: &str) -> Result<Option<Expr<'t>>, Fault> {
        of.get(key).map(|json| self.expr(json)).transpose()
    }

    /// The text under a key, which has to be there.
    pub(super) fn text(&mut self, of: &Json<'t>, key: &str) -> Result<&'t str, Fault> {
        match of.get(key) {
            Some(Json::Text(text)) => Ok(self.keep(text)),
            _ => Err(missing(key)),
        }
    }

    /// `{"map": {"key": …, "data": …}}`
    fn map(&mut self, of: &Json<'t>) -> Result<Expr<'t>, Fault> {
        let (key, map) = self.key_and_map(of)?;
        Ok(Expr::Map(Box::new((key, map))))
    }

    /// The key of a map, and the map.
    pub(super) fn key_and_map(&mut self, of: &Json<'t>) -> Result<(Expr<'t>, Expr<'t>), Fault> {
        let key = self.needed(of, "key")?;
        let data = of.get("data").ok_or_else(|| missing("data"))?;
        let map = match data.only() {
            Some(("set", items)) => Expr::Braces(self.items(items.items(), true)?),
            _ => self.expr(data)?,
        };
        Ok((key, map))
    }

    /// Elements; those of a map are pairs.
    pub(super) fn items(&mut self, list: &[Json<'t>], pairs: bool) -> Result<Vec<Item<'t>>, Fault> {
        list.iter().map(|item| self.item(item, pairs)).collect()
    }

    fn item(&mut self, json: &Json<'t>, pairs: bool) -> Result<Item<'t>, Fault> {
        let (key, data) = match json {
            Json::List(sides) if pairs => match &sides[..] {
                [key, data] => (key, Some(self.expr(data)?)),
                _ => return Err(fault("an element of a map")),
            },
            key => (key, None),
        };
        let bare = |key| Item { key, data: None, comment: None, timeout: None, expires: None, statements: Vec::new() };
        let mut item = match key.only() {
            Some(("elem", told)) => self.told(told)?,
            _ => bare(self.expr(key)?),
        };
        item.data = data;
        Ok(item)
    }

    /// `{"elem": {"val": …, "timeout": 60}}`: a key, and what is said of it. Times are in seconds.
    pub(super) fn told(&mut self, of: &Json<'t>) -> Result<Item<'t>, Fault> {
        let Json::Object(pairs) = of else { return Err(fault("an element")) };
        let key = self.needed(of, "val")?;
        let mut item = Item { key, data: None, comment: None, timeout: None, expires: None, statements: Vec::new() };
        for (key, value) in pairs {
            match &**key {
                "val" => {}
                "timeout" => item.timeout = Some(milliseconds(value)?),
                "expires" => item.expires = Some(milliseconds(value)?),
                "comment" => item.comment = Some(self.text(of, "comment")?),
                "stmt" => item.statements.extend(self.statements_of(value)?),
                key => item.statements.push(self.statement_of(key, value)?),
            }
        }
        Ok(item)
    }

    /// A verdict by its word; `None`: the word is none.
    pub(super) fn verdict(&mut self, word: &str, value: &Json<'t>) -> Option<Result<Verdict<'t>, Fault>> {
        Some(Ok(match word {
            "accept" => Verdict::Accept,
            "drop" => Verdict::Drop,
            "continue" => Verdict::Continue,
            "break" => Verdict::Break,
            "return" => Verdict::Return,
            "jump" => return Some(self.text(value, "target").map(Verdict::Jump)),
            "goto" => return Some(self.text(value, "target").map(Verdict::Goto)),
            _ => return None,
        }))
    }
}

pub(super) fn missing(key: &str) -> Fault {
    Fault(format!("something without “{key}”"))
}

pub(super) fn unknown(what: &str, word: &str) -> Fault {
    Fault(format!("{what} “{word}”"))
}

fn word<'j>(of: &'j Json<'_>, key: &str) -> Result<&'j str, Fault> {
    of.get(key).and_then(Json::as_str).ok_or_else(|| missing(key))
}

pub(super) fn number<N: TryFrom<i128>>(of: &Json<'_>, key: &str) -> Result<N, Fault> {
    let found = of.get(key).ok_or_else(|| missing(key))?;
    found.as_number().ok_or_else(|| unknown(key, &found.to_string()))
}

pub(super) fn number_or<N: TryFrom<i128>>(of: &Json<'_>, key: &str, usual: N) -> Result<N, Fault> {
    if of.get(key).is_some() { number(of, key) } else { Ok(usual) }
}

/// Seconds, in milliseconds.
pub(super) fn milliseconds(seconds: &Json<'_>) -> Result<u64, Fault> {
    let told = seconds.as_count().and_then(|seconds| seconds.checked_mul(1000));
    told.ok_or_else(|| unknown("the time", &seconds.to_string()))
}

/// The family of addresses that is told, if one is.
pub(super) fn family(of: &Json<'_>) -> Result<Option<Family>, Fault> {
    match of.get("family").map(|family| family.as_str().unwrap_or_default()) {
        None => Ok(None),
        Some("ip") => Ok(Some(Family::Ip)),
        Some("ip6") => Ok(Some(Family::Ip6)),
        Some(other) => Err(unknown("the family", other)),
    }
}

fn payload<'t>(of: &Json<'_>) -> Result<Expr<'t>, Fault> {
    if of.get("base").is_some() {
        let base = match word(of, "base")? {
            "ll" => PayloadBase::Link,
            "nh" => PayloadBase::Network,
            "th" => PayloadBase::Transport,
            "ih" => PayloadBase::Inner,
            other => return Err(unknown("the header", other)),
        };
        return Ok(Expr::Raw { base, bit: number(of, "offset")?, bits: number(of, "len")? });
    }
    if of.get("tunnel").is_some() {
        return Err(fault("a header within a tunnel"));
    }
    let (protocol, field) = (word(of, "protocol")?, word(of, "field")?);
    // Fields of arp have two words.
    let found = match field.split_once(' ') {
        Some((first, second)) => fields::named(&[protocol, first, second]),
        None => fields::named(&[protocol, field]),
    };
    found.map(Expr::Payload).ok_or_else(|| unknown("the field", &format!("{protocol} {field}")))
}

/// An extension header, an option or a chunk, of which something is asked, or whether it is there.
fn optional<'t>(within: &str, of: &Json<'_>) -> Result<Expr<'t>, Fault> {
    let name = word(of, "name")?;
    let is_it = |known: &str| match within {
        "" => known == name,
        _ => known.strip_prefix(within).and_then(|rest| rest.strip_prefix(' ')) == Some(name),
    };
    let found = OPTIONAL.iter().find(|known| is_it(known.name)).ok_or_else(|| unknown("the header", name))?;
    if of.get("field").is_none() {
        return Ok(Expr::Optional(found, None));
    }
    let field = word(of, "field")?;
    let part = found.fields.iter().find(|part| part.name == field);
    Ok(Expr::Optional(found, Some(part.ok_or_else(|| unknown("the field", &format!("{name} {field}")))?)))
}

/// An option of TCP by its number.
fn tcp_option<'t>(of: &Json<'_>) -> Result<Expr<'t>, Fault> {
    Ok(Expr::TcpOption { kind: number(of, "base")?, bit: number(of, "offset")?, bits: number(of, "len")? })
}

/// A hash of something, or of the flow where there is nothing.
fn hash<'t>(told: &Json<'_>, of: Option<Box<Expr<'t>>>) -> Result<Expr<'t>, Fault> {
    let seed = told.get("seed").map(|_| number(told, "seed")).transpose()?;
    Ok(Expr::Hash { of, modulus: number(told, "mod")?, seed, offset: number_or(told, "offset", 0)? })
}

fn ct<'t>(of: &Json<'_>) -> Result<Expr<'t>, Fault> {
    let direction = match of.get("dir").map(|dir| dir.as_str().unwrap_or_default()) {
        None => None,
        Some("original") => Some(CtDirection::Original),
        Some("reply") => Some(CtDirection::Reply),
        Some(other) => return Err(unknown("the direction", other)),
    };
    let key = match word(of, "key")? {
        "ip saddr" => CtKey::SRC_IP,
        "ip daddr" => CtKey::DST_IP,
        "ip6 saddr" => CtKey::SRC_IP6,
        "ip6 daddr" => CtKey::DST_IP6,
        word => ct_key(word).ok_or_else(|| unknown("ct", word))?,
    };
    Ok(Expr::Ct { key, direction })
}

fn fib_of<'t>(of: &Json<'_>) -> Result<Expr<'t>, Fault> {
    let mut flags = 0;
    for flag in of.get("flags").map(Json::items).unwrap_or_default() {
        flags |= match flag.as_str().unwrap_or_default() {
            "saddr" => fib::SADDR,
            "daddr" => fib::DADDR,
            "mark" => fib::MARK,
            "iif" => fib::IIF,
            "oif" => fib::OIF,
            other => return Err(unknown("the flag of fib", other)),
        };
    }
    let result = match word(of, "result")? {
        "oif" | "check" => FibResult::Oif,
        "oifname" => FibResult::OifName,
        "type" => FibResult::AddressType,
        other => return Err(unknown("fib", other)),
    };
    Ok(Expr::Fib { result, flags })
}

fn socket<'t>(of: &Json<'_>) -> Result<Expr<'t>, Fault> {
    Ok(Expr::Socket(match word(of, "key")? {
        "transparent" => SocketKey::Transparent,
        "mark" => SocketKey::Mark,
        "wildcard" => SocketKey::Wildcard,
        "cgroupv2" => SocketKey::Cgroup2(number(of, "level")?),
        other => return Err(unknown("socket", other)),
    }))
}
