//! nf_tables expressions: attributes → [`Expression`].
//!
//! Each function reads the attributes of one expression (`NFTA_*` in include/uapi/linux/netfilter/nf_tables.h). An
//! expression that is not known, lacks what it needs, or has an attribute that is not known here, is kept as it came.

use std::collections::HashMap;

use super::super::netlink::{Attributes, be, text};
use super::super::xt::{self, Around, SetNames};
use crate::host::nft::{
    ChainRef, CompareOp, CtKey, Expression, FibResult, Limit, Log, LookupResult, MetaKey, Nat, PayloadBase, Queues,
    Register, RejectKind, Undecoded, Verdict,
};
use crate::host::xt::CtDirection;
use crate::host::{Counters, Family, Name, Names};

/// `NFTA_EXPR_NAME`, `NFTA_EXPR_DATA`.
const NAME: u16 = 1;
const DATA: u16 = 2;

/// What expressions of a table speak of.
pub(super) struct Scope<'a> {
    /// The table's family.
    pub(super) family: Family,
    /// The table's chains.
    pub(super) chains: &'a HashMap<Name, u32>,
    /// The names of ipset's sets.
    pub(super) ipsets: &'a SetNames,
    /// Names that are shared.
    pub(super) names: &'a mut Names,
}

impl<'a> Scope<'a> {
    fn around(&self) -> Around<'a> {
        Around { family: self.family, sets: self.ipsets }
    }
}

/// What one nested expression is; what it counted is put into `counted`.
pub(super) fn decode(nested: &[u8], scope: &mut Scope<'_>, counted: &mut Option<Counters>) -> Expression {
    let attributes = Attributes(nested);
    let name = attributes.get(NAME).map(text).unwrap_or_default();
    let bytes = attributes.get(DATA).unwrap_or_default();
    let parts = Parts(Attributes(bytes));
    let known = match &*name {
        "payload" => payload(&parts),
        "meta" => meta(&parts),
        "ct" => ct(&parts),
        "fib" => fib(&parts),
        "immediate" => immediate(&parts, scope),
        "cmp" => compare(&parts),
        "range" => range(&parts),
        "bitwise" => bitwise(&parts),
        "byteorder" => byteorder(&parts),
        "lookup" => lookup(&parts, scope),
        "counter" => {
            *counted = counter(&parts);
            Some(Expression::Counter)
        }
        "limit" => limit(&parts),
        "log" => log(&parts, scope),
        "notrack" => Some(Expression::Notrack),
        "nat" => nat(&parts),
        "masq" => parts
            .only(&[1, 2, 3])
            .map(|()| Expression::Masquerade { ports: parts.registers(2, 3), flags: parts.number(1).unwrap_or(0) }),
        "redir" => parts
            .only(&[1, 2, 3])
            .map(|()| Expression::Redirect { ports: parts.registers(1, 2), flags: parts.number(3).unwrap_or(0) }),
        "reject" => reject(&parts),
        "queue" => queue(&parts),
        "match" => extension(&parts).map(|(name, revision, info)| {
            Expression::Match(Box::new(xt::decode_match(scope.around(), &name, revision, info, scope.names)))
        }),
        "target" => extension(&parts).map(|(name, revision, info)| {
            Expression::Target(Box::new(xt::decode_target(scope.around(), &name, revision, info, scope.names)))
        }),
        _ => None,
    };
    known.unwrap_or_else(|| {
        Expression::Undecoded(Box::new(Undecoded { name: scope.names.intern(&name), data: bytes.into() }))
    })
}

/// The attributes of one expression.
struct Parts<'a>(Attributes<'a>);

impl<'a> Parts<'a> {
    fn get(&self, kind: u16) -> Option<&'a [u8]> {
        self.0.get(kind)
    }

    /// Nothing but these is there: what is not known could change what the rest means.
    fn only(&self, kinds: &[u16]) -> Option<()> {
        self.0.clone().all(|(kind, _)| kinds.contains(&kind)).then_some(())
    }

    fn number(&self, kind: u16) -> Option<u32> {
        self.get(kind).and_then(be).and_then(|number| u32::try_from(number).ok())
    }

    fn register(&self, kind: u16) -> Option<Register> {
        register(self.number(kind)?)
    }

    /// The first and the last of a range: what has no last has one value.
    fn registers(&self, first: u16, last: u16) -> Option<(Register, Register)> {
        let first = self.register(first)?;
        Some((first, self.register(last).unwrap_or(first)))
    }

    /// Nested data that is a value.
    fn value(&self, kind: u16) -> Option<&'a [u8]> {
        value(self.get(kind)?)
    }
}

/// `NFTA_DATA_VALUE` of nested data.
pub(super) fn value(nested: &[u8]) -> Option<&[u8]> {
    Attributes(nested).get(1)
}

/// `nft_parse_register`: `NFT_REG_1` … `NFT_REG_4` are four words each, `NFT_REG32_00` (8) … one.
fn register(number: u32) -> Option<Register> {
    match number {
        1..=4 => Some(Register((number as u8 - 1) * 4)),
        8..=23 => Some(Register(number as u8 - 8)),
        _ => None,
    }
}

/// Nested data that is a verdict (`NFTA_DATA_VERDICT`: code 1, chain 2).
pub(super) fn verdict(nested: &[u8], chains: &HashMap<Name, u32>) -> Option<Verdict> {
    let parts = Attributes(Attributes(nested).get(2)?);
    let chain = || {
        let name = text(parts.get(2)?);
        chains.get(&*name).copied().map(ChainRef)
    };
    Some(match be(parts.get(1)?)? as u32 as i32 {
        0 => Verdict::Drop,
        1 => Verdict::Accept,
        code if code & 0xff == 3 => Verdict::Queue { queue: (code >> 16) as u16, bypass: code & 0x8000 != 0 },
        -1 => Verdict::Continue,
        -2 => Verdict::Break,
        -3 => Verdict::Jump(chain()?),
        -4 => Verdict::Goto(chain()?),
        -5 => Verdict::Return,
        _ => return None,
    })
}

fn payload(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3, 4])?;
    Some(Expression::Payload {
        base: match parts.number(2)? {
            0 => PayloadBase::Link,
            1 => PayloadBase::Network,
            2 => PayloadBase::Transport,
            3 => PayloadBase::Inner,
            _ => return None,
        },
        offset: u16::try_from(parts.number(3)?).ok()?,
        length: u16::try_from(parts.number(4)?).ok()?,
        to: parts.register(1)?,
    })
}

fn meta(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3])?;
    let key = MetaKey(parts.number(2)?);
    match (parts.register(1), parts.register(3)) {
        (Some(to), None) => Some(Expression::Meta { key, to }),
        (None, Some(from)) => Some(Expression::MetaSet { key, from }),
        _ => None,
    }
}

fn ct(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3, 4])?;
    let key = CtKey(parts.number(2)?);
    let direction = match parts.number(3) {
        None => None,
        Some(0) => Some(CtDirection::Original),
        Some(1) => Some(CtDirection::Reply),
        Some(_) => return None,
    };
    match (parts.register(1), parts.register(4)) {
        (Some(to), None) => Some(Expression::Ct { key, direction, to }),
        (None, Some(from)) => Some(Expression::CtSet { key, direction, from }),
        _ => None,
    }
}

fn fib(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3])?;
    let result = match parts.number(2)? {
        1 => FibResult::Oif,
        2 => FibResult::OifName,
        3 => FibResult::AddressType,
        _ => return None,
    };
    Some(Expression::Fib { result, flags: parts.number(3)?, to: parts.register(1)? })
}

fn immediate(parts: &Parts<'_>, scope: &Scope<'_>) -> Option<Expression> {
    parts.only(&[1, 2])?;
    if parts.number(1)? == 0 {
        return verdict(parts.get(2)?, scope.chains).map(Expression::Verdict);
    }
    Some(Expression::Immediate { to: parts.register(1)?, data: parts.value(2)?.into() })
}

fn compare(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3])?;
    Some(Expression::Compare {
        from: parts.register(1)?,
        op: match parts.number(2)? {
            0 => CompareOp::Equal,
            1 => CompareOp::NotEqual,
            2 => CompareOp::Less,
            3 => CompareOp::LessOrEqual,
            4 => CompareOp::Greater,
            5 => CompareOp::GreaterOrEqual,
            _ => return None,
        },
        data: parts.value(3)?.into(),
    })
}

fn range(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3, 4])?;
    let (first, last) = (parts.value(3)?, parts.value(4)?);
    let not = match parts.number(2)? {
        0 => false,
        1 => true,
        _ => return None,
    };
    (first.len() == last.len()).then_some(())?;
    Some(Expression::Range { from: parts.register(1)?, not, ends: Box::new((first.into(), last.into())) })
}

fn bitwise(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3, 4, 5, 6])?;
    let (mask, xor) = (parts.value(4)?, parts.value(5)?);
    let boolean = parts.number(6).unwrap_or(0) == 0;
    (boolean && mask.len() == xor.len()).then_some(())?;
    Some(Expression::Bitwise {
        from: parts.register(1)?,
        to: parts.register(2)?,
        mask_xor: Box::new((mask.into(), xor.into())),
    })
}

fn byteorder(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3, 4, 5])?;
    Some(Expression::Byteorder {
        from: parts.register(1)?,
        to: parts.register(2)?,
        size: u8::try_from(parts.number(5)?).ok()?,
        length: u8::try_from(parts.number(4)?).ok()?,
        to_network: parts.number(3)? == 1,
    })
}

fn lookup(parts: &Parts<'_>, scope: &mut Scope<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3, 4, 5])?;
    let to = match parts.number(3) {
        None => None,
        Some(0) => Some(LookupResult::Verdict),
        Some(number) => Some(LookupResult::Data(register(number)?)),
    };
    let not = match parts.number(5).unwrap_or(0) {
        0 => false,
        1 => true,
        _ => return None,
    };
    let set = scope.names.intern(&text(parts.get(1)?));
    Some(Expression::Lookup { set, from: parts.register(2)?, to, not })
}

fn counter(parts: &Parts<'_>) -> Option<Counters> {
    Some(Counters { bytes: be(parts.get(1)?)?, packets: be(parts.get(2)?)? })
}

fn limit(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3, 4, 5])?;
    let (bytes, flags) = (parts.number(4).unwrap_or(0), parts.number(5).unwrap_or(0));
    (bytes <= 1 && flags <= 1).then_some(())?;
    Some(Expression::Limit(Box::new(Limit {
        rate: be(parts.get(1)?)?,
        unit: be(parts.get(2)?)?,
        burst: parts.number(3).unwrap_or(0),
        bytes: bytes == 1,
        over: flags == 1,
    })))
}

fn log(parts: &Parts<'_>, scope: &mut Scope<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3, 4, 5, 6])?;
    let short = |kind: u16| parts.number(kind).and_then(|number| u16::try_from(number).ok());
    Some(Expression::Log(Box::new(Log {
        prefix: parts.get(2).map(|bytes| scope.names.intern(&text(bytes))),
        level: parts.number(5),
        flags: parts.number(6),
        group: short(1),
        snaplen: parts.number(3),
        qthreshold: short(4),
    })))
}

fn nat(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3, 4, 5, 6, 7])?;
    Some(Expression::Nat(Box::new(Nat {
        destination: match parts.number(1)? {
            0 => false,
            1 => true,
            _ => return None,
        },
        family: super::family(parts.number(2)? as u8)?,
        addresses: parts.registers(3, 4),
        ports: parts.registers(5, 6),
        flags: parts.number(7).unwrap_or(0),
    })))
}

fn reject(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2])?;
    Some(Expression::Reject {
        kind: match parts.number(1)? {
            0 => RejectKind::Icmp,
            1 => RejectKind::TcpReset,
            2 => RejectKind::Icmpx,
            _ => return None,
        },
        code: parts.number(2).and_then(|code| u8::try_from(code).ok()).unwrap_or(0),
    })
}

/// `queue` with numbers; one whose number comes from a register, or that spreads by CPU, is kept as it came.
fn queue(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3])?;
    let (first, total) = (parts.number(1)?, parts.number(2).unwrap_or(1).max(1));
    let flags = parts.number(3).unwrap_or(0);
    (flags <= 1).then_some(())?;
    let to = Queues::Range(u16::try_from(first).ok()?, u16::try_from(first + total - 1).ok()?);
    Some(Expression::Queue { to, bypass: flags == 1, fanout: false })
}

/// Name, revision and blob of an xtables extension (`NFTA_MATCH_*`, `NFTA_TARGET_*`).
fn extension<'a>(parts: &Parts<'a>) -> Option<(std::borrow::Cow<'a, str>, u8, &'a [u8])> {
    let revision = u8::try_from(parts.number(2)?).ok()?;
    Some((text(parts.get(1)?), revision, parts.get(3)?))
}
