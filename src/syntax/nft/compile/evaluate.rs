//! What was written as operands and values (`expr_evaluate` of nft).
//!
//! A left side is loaded, and asks for the protocols that it needs first; a right side is read as the type of the left one
//! wants it.

use super::elements::{Item, Key};
use super::field;
use super::kept::{self};
use super::number::{Number, Order, ones, prefix};
use super::operand::{Load, Op, Operand, Type, What, concatenated};
use super::protocol::Layer;
use super::relation::{Right, Sign, Value};
use super::rule::{Maker, Trouble};
use super::symbol;
use super::{BOOLEAN, INTEGER, LABEL, SERVICE};
use crate::host::Family;
use crate::host::nft::{CtKey, Extension, FibResult, PayloadBase, RtKey, SocketKey, XfrmKey};
use crate::syntax::nft::fields::{self, Field, Header};
use crate::syntax::nft::tree::{BinaryOp, Expr};
use crate::syntax::nft::values::{self, Kind};

/// What a value has to be: its type, how many bits, in which order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Wanted {
    pub(super) kind: Type,
    pub(super) bits: u16,
    pub(super) order: Order,
}

impl Wanted {
    pub(super) fn new(number: u32, kind: Kind<'static>, bits: u16, order: Order) -> Wanted {
        Wanted { kind: Type { number, kind }, bits, order }
    }

    /// What is compared with an operand. A field of some bits has its own number of them.
    pub(super) fn by(operand: &Operand) -> Wanted {
        let bits = match &operand.what {
            What::Shift { of, left: false, by } => of.bits.saturating_sub(*by as u16),
            _ => operand.bits,
        };
        Wanted { kind: operand.kind, bits, order: operand.order }
    }
}

impl Maker<'_> {
    /// A left side: what has to be asked before it is asked.
    pub(super) fn operand(&mut self, expr: &Expr<'_>) -> Result<Operand, Trouble> {
        Ok(match expr {
            Expr::Payload(field) => self.payload(field)?,
            Expr::Raw { base, bit, bits } => raw(*base, *bit, *bits),
            Expr::Optional(optional, part) => {
                self.need_of_optional(optional.within)?;
                field::optional(optional, *part)
            }
            // An option without a name, of which it is only asked whether it is there.
            Expr::TcpOption { kind, bits: 0, .. } => {
                let within = Extension::TcpOption;
                let load = Load::Exthdr { within, kind: *kind, bit: 0, present: true, header: 0, field: 0 };
                Operand::load(load, Type { number: BOOLEAN, kind: Kind::Exists }, 8, Order::Network)
            }
            Expr::TcpOption { kind, bit, bits } => {
                let (within, present) = (Extension::TcpOption, false);
                let load = Load::Exthdr { within, kind: *kind, bit: *bit, present, header: 0, field: 0 };
                Operand::load(load, Type { number: INTEGER, kind: Kind::Integer }, *bits, Order::Network)
            }
            Expr::Meta(key) => field::meta(self.told_by_name(*key)).ok_or(Trouble::Meaningless("this key of meta"))?,
            Expr::Ct { key, direction } => {
                let bits = self.bits_of_ct(*key)?;
                field::ct(*key, *direction, bits).ok_or(Trouble::Meaningless("this key of ct"))?
            }
            Expr::Fib { result, flags } => fib(*result, *flags),
            Expr::Rt { key, family } => self.route(key, *family)?,
            Expr::Socket(key) => socket(*key),
            Expr::Osf { ttl, version } => {
                let kind = Type { number: 5, kind: Kind::Name };
                Operand::load(Load::Osf { ttl: *ttl, version: *version }, kind, 128, Order::Text)
            }
            Expr::Xfrm { key, family, out, index } => xfrm(key, *family, *out, *index)?,
            Expr::Numgen { random, modulus, offset } => {
                number(Load::Numgen { random: *random, modulus: *modulus, offset: *offset })
            }
            Expr::Hash { of, modulus, seed, offset } => {
                let of = match of {
                    Some(of) => Some(Box::new(self.operand(of)?)),
                    None => None,
                };
                number(Load::Hash { of, modulus: *modulus, seed: *seed, offset: *offset })
            }
            Expr::Binary(op, sides) => self.binary(*op, &sides.0, &sides.1)?,
            Expr::Concat(parts) => self.concatenation(parts)?,
            _ => return Err(Trouble::Meaningless("a value on the left side")),
        })
    }

    fn payload(&mut self, field: &'static Field) -> Result<Operand, Trouble> {
        if field.header == Header::Transport {
            return Ok(raw(PayloadBase::Transport, field.bit.into(), field.bits));
        }
        let mut questions = std::mem::take(&mut self.questions);
        questions.clear();
        let before = self.seen.need(field.header, &mut questions);
        questions.iter().for_each(|question| self.ask(*question));
        self.questions = questions;
        let before = before?;
        self.need_message(field)?;
        Ok(field::payload(field, before))
    }

    /// Some fields only some ICMP messages have: those are asked for first (`payload_gen_icmp_dependency`).
    fn need_message(&mut self, field: &'static Field) -> Result<(), Trouble> {
        let echo: Option<[u8; 2]> = match field.name {
            "icmp id" | "icmp sequence" => Some([8, 0]),
            "icmpv6 id" | "icmpv6 sequence" => Some([128, 129]),
            _ => None,
        };
        let wanted = match (echo, field.message) {
            (Some([request, _]), _) => request,
            (None, Some(message)) => message,
            (None, None) => return Ok(()),
        };
        let known = self.seen.message;
        if known == wanted {
            return Ok(());
        }
        if known != 0 {
            return Err(Trouble::Protocols);
        }
        let kind = fields::fields(field.header, None).find(|other| other.bit == 0 && other.bits == 8);
        let Some(kind) = kind else { return Ok(()) };
        self.seen.message = wanted;
        let left = field::payload(kind, 0);
        let number = |value: u8| Number::new(value.into(), 8, Order::Network);
        let right = match echo {
            Some(kinds) => {
                let items = kinds.map(|kind| Item {
                    key: Key::One(Value::One(number(kind))),
                    data: None,
                    details: None,
                    state: None,
                });
                self.anonymous(&left, items.into())?
            }
            None => Right::Value(Value::One(number(wanted))),
        };
        let sign = if echo.is_some() { Sign::Implied } else { Sign::Equal };
        self.compare(left, sign, right)
    }

    /// Extension headers are IPv6's, and options IPv4's.
    fn need_of_optional(&mut self, within: Extension) -> Result<(), Trouble> {
        let header = match within {
            Extension::Ipv6 => Header::Ip6,
            Extension::IpOption => Header::Ip,
            Extension::TcpOption | Extension::SctpChunk | Extension::DccpOption => return Ok(()),
        };
        match self.seen.network {
            Some(Layer::Header(known)) if known == header => Ok(()),
            Some(_) => Err(Trouble::Protocols),
            None => {
                let question = self.seen.network_question(header)?;
                self.seen.answer(question);
                // It comes before everything else in the rule.
                let before = self.steps.steps.len();
                self.ask(question);
                let made = self.steps.steps.len() - before;
                self.steps.steps.rotate_right(made);
                Ok(())
            }
        }
    }

    /// The bits of an address of conntrack's older form; none of other keys.
    fn bits_of_ct(&mut self, key: CtKey) -> Result<u16, Trouble> {
        if key != CtKey::SRC && key != CtKey::DST {
            return Ok(0);
        }
        match self.seen.network {
            Some(Layer::Header(Header::Ip)) => Ok(32),
            Some(Layer::Header(Header::Ip6)) => Ok(128),
            _ => Err(Trouble::Meaningless("an address of neither family")),
        }
    }

    fn route(&mut self, key: &str, family: Option<Family>) -> Result<Operand, Trouble> {
        let ip6 = match family {
            Some(family) => family == Family::Ip6,
            None => self.seen.network == Some(Layer::Header(Header::Ip6)),
        };
        let (key, kind, bits, order) = match (key, ip6) {
            ("classid", _) => (RtKey::ClassId, Type { number: 22, kind: Kind::Realm }, 32, Order::Host),
            ("nexthop", false) => (RtKey::NextHop4, Type { number: 7, kind: Kind::Address }, 32, Order::Network),
            ("nexthop", true) => (RtKey::NextHop6, Type { number: 8, kind: Kind::Address }, 128, Order::Network),
            ("mtu", _) => (RtKey::TcpMss, Type { number: INTEGER, kind: Kind::Integer }, 16, Order::Host),
            ("ipsec", _) => (RtKey::Xfrm, Type { number: BOOLEAN, kind: Kind::Exists }, 8, Order::Host),
            _ => return Err(Trouble::Meaningless("this key of rt")),
        };
        Ok(Operand::load(Load::Rt(key), kind, bits, order))
    }

    fn binary(&mut self, op: BinaryOp, left: &Expr<'_>, right: &Expr<'_>) -> Result<Operand, Trouble> {
        let left = self.operand(left)?;
        if let BinaryOp::Left | BinaryOp::Right = op {
            let wanted = Wanted::new(INTEGER, Kind::Integer, 32, Order::Host);
            let by = u32::try_from(self.one(right, wanted)?.value).unwrap_or(u32::MAX);
            if by >= left.bits.into() {
                return Err(Trouble::Meaningless("a shift of all bits"));
            }
            return Ok(left.ordered(Order::Host).shift(op == BinaryOp::Left, by));
        }
        let value = self.one(right, Wanted::by(&left))?.value;
        let op = match op {
            BinaryOp::And => Op::And,
            BinaryOp::Or => Op::Or,
            BinaryOp::Xor | BinaryOp::Left | BinaryOp::Right => Op::Xor,
        };
        Ok(left.apply(op, value))
    }

    fn concatenation(&mut self, parts: &[Expr<'_>]) -> Result<Operand, Trouble> {
        let parts = parts.iter().map(|part| self.operand(part));
        Ok(concatenated(parts.collect::<Result<Vec<Operand>, Trouble>>()?))
    }

    /// A single value.
    pub(super) fn one(&mut self, expr: &Expr<'_>, wanted: Wanted) -> Result<Number, Trouble> {
        match self.value(expr, wanted)? {
            Value::One(number) => Ok(number),
            Value::Prefix(..) | Value::Range(..) => Err(Trouble::Meaningless("a range")),
        }
    }

    /// A constant of the type that is wanted.
    pub(super) fn value(&mut self, expr: &Expr<'_>, wanted: Wanted) -> Result<Value, Trouble> {
        match expr {
            Expr::Word(word) | Expr::Text(word) => self.word(word, matches!(expr, Expr::Text(_)), wanted),
            Expr::Number(number) => self.word(&number.to_string(), false, wanted),
            Expr::Prefix(of, length) => {
                let number = self.one(of, wanted)?;
                if *length > number.bits {
                    return Err(Trouble::Meaningless("so long a prefix"));
                }
                let value = number.value & prefix(number.bits, *length);
                Ok(Value::Prefix(Number { value, ..number }, *length))
            }
            Expr::Range(ends) => {
                let (first, last) = (self.one(&ends.0, wanted)?, self.one(&ends.1, wanted)?);
                Ok(Value::Range(first, last))
            }
            Expr::List(flags) => {
                let mut all = 0;
                for flag in flags {
                    all |= self.one(flag, wanted)?.value;
                }
                Ok(Value::One(Number::new(all, wanted.bits, wanted.order)))
            }
            Expr::Binary(op, sides) => {
                let (left, right) = (self.one(&sides.0, wanted)?, self.one(&sides.1, wanted)?);
                let value = match op {
                    BinaryOp::And => left.value & right.value,
                    BinaryOp::Or => left.value | right.value,
                    BinaryOp::Xor => left.value ^ right.value,
                    BinaryOp::Left => left.value.checked_shl(right.value as u32).unwrap_or(0),
                    BinaryOp::Right => left.value.checked_shr(right.value as u32).unwrap_or(0),
                };
                Ok(Value::One(Number { value: value & ones(wanted.bits), ..left }))
            }
            _ => Err(Trouble::Meaningless("something that is no value")),
        }
    }

    fn word(&mut self, word: &str, quoted: bool, wanted: Wanted) -> Result<Value, Trouble> {
        let number = |value: u128| Number::new(value, wanted.bits, wanted.order);
        if wanted.kind.number == LABEL {
            let bit = symbol::integer(word).filter(|bit| *bit < 128);
            return bit.map(|bit| Value::One(number(1 << bit))).ok_or_else(|| Trouble::Word(word.to_owned()));
        }
        if let (Kind::Name, Some(start)) = (wanted.kind.kind, word.strip_suffix('*')) {
            let text = |word: &str| symbol::text(word).ok_or_else(|| Trouble::Word(word.to_owned()));
            return match start.strip_suffix('\\') {
                Some(start) => Ok(Value::One(number(text(&format!("{start}*"))?))),
                None => Ok(Value::Prefix(number(text(start)?), 8 * start.len() as u16)),
            };
        }
        let value = symbol::value(wanted.kind, word, self.links);
        let fits = |value: &u128| *value <= ones(wanted.bits);
        let family = wanted.kind.kind != Kind::Address || (wanted.bits == 128) == word.contains(':');
        match value.filter(fits).filter(|_| family) {
            Some(value) => Ok(Value::One(number(value))),
            None if quoted => Err(Trouble::Word(format!("\"{word}\""))),
            None => Err(Trouble::Word(word.to_owned())),
        }
    }

    /// The right side of a comparison.
    pub(super) fn right(&mut self, expr: &Expr<'_>, left: &Operand) -> Result<Right, Trouble> {
        match expr {
            Expr::Reference(name) => Ok(Right::Set { at: self.set(name)?, fresh: None }),
            Expr::Braces(items) => {
                let items = self.items(items, &self::parts(left))?;
                if let ([Item { key: Key::One(value), details: None, .. }], false) =
                    (&items[..], matches!(left.what, What::Concatenation(_)))
                {
                    // One alone needs no set.
                    return Ok(Right::Value(*value));
                }
                self.anonymous(left, items)
            }
            _ => Ok(Right::Value(self.value(expr, Wanted::by(left))?)),
        }
    }
}

/// What each part of a key has to be: of one that is no concatenation it is one part.
pub(super) fn parts(operand: &Operand) -> Vec<Wanted> {
    match &operand.what {
        What::Concatenation(parts) => parts.iter().map(Wanted::by).collect(),
        _ => vec![Wanted::by(operand)],
    }
}

/// Bytes of the packet without a name. Ports of any transport protocol have one.
fn raw(base: PayloadBase, bit: u32, bits: u16) -> Operand {
    let port = base == PayloadBase::Transport && bits == 16 && matches!(bit, 0 | 16);
    let known = port.then(|| kept::known(Header::Transport, "", usize::from(bit == 16)));
    let load = Load::Payload { base, bit, field: known };
    let kind = match port {
        true => Type { number: SERVICE, kind: Kind::Integer },
        false => Type { number: INTEGER, kind: Kind::Hex },
    };
    field::bits(Operand::load(load, kind, bits, Order::Network), bit)
}

fn fib(result: FibResult, flags: u32) -> Operand {
    let load = Load::Fib { result, flags };
    match result {
        FibResult::Oif => Operand::load(load, Type { number: 20, kind: Kind::Device }, 32, Order::Host),
        FibResult::OifName => Operand::load(load, Type { number: 41, kind: Kind::Name }, 128, Order::Text),
        FibResult::AddressType => Operand::load(load, Type { number: 38, kind: values::ADDRESS_TYPE }, 32, Order::Host),
    }
}

fn socket(key: SocketKey) -> Operand {
    let (kind, bits) = match key {
        SocketKey::Transparent | SocketKey::Wildcard => (Type { number: INTEGER, kind: Kind::Integer }, 8),
        SocketKey::Mark => (Type { number: 19, kind: Kind::Mark }, 32),
        SocketKey::Cgroup2(_) => (Type { number: 46, kind: Kind::Integer }, 64),
    };
    Operand::load(Load::Socket(key), kind, bits, Order::Host)
}

fn xfrm(key: &str, family: Option<Family>, out: bool, index: u8) -> Result<Operand, Trouble> {
    let ip6 = family == Some(Family::Ip6);
    let address = |bits| (Type { number: if bits == 32 { 7 } else { 8 }, kind: Kind::Address }, bits, Order::Network);
    let integer = |order| (Type { number: INTEGER, kind: Kind::Integer }, 32, order);
    let (key, (kind, bits, order)) = match (key, ip6) {
        ("daddr", false) => (XfrmKey::DestinationIp, address(32)),
        ("saddr", false) => (XfrmKey::SourceIp, address(32)),
        ("daddr", true) => (XfrmKey::DestinationIp6, address(128)),
        ("saddr", true) => (XfrmKey::SourceIp6, address(128)),
        ("reqid", _) => (XfrmKey::RequestId, integer(Order::Host)),
        ("spi", _) => (XfrmKey::Spi, integer(Order::Network)),
        _ => return Err(Trouble::Meaningless("this key of ipsec")),
    };
    Ok(Operand::load(Load::Xfrm { key, out, index }, kind, bits, order))
}

fn number(load: Load) -> Operand {
    Operand::load(load, Type { number: INTEGER, kind: Kind::Integer }, 32, Order::Host)
}
