//! nf_tables expressions: attributes → [`Expression`].
//!
//! Each function reads the attributes of one expression (`NFTA_*` in include/uapi/linux/netfilter/nf_tables.h). An
//! expression that is not known, lacks what it needs, or has an attribute that is not known here, is kept as it came.

mod bitwise;
mod load;
pub(super) mod stateful;
mod statement;

pub(super) use statement::synproxy;

use super::super::netlink::{Attributes, be, text};
use super::super::xt::{self, Around, SetNames};
use super::draft::Numbers;
use crate::host::nft::{ChainRef, CompareOp, Expression, LookupResult, Register, Undecoded, Verdict};
use crate::host::{Family, Names, Tally};

/// `NFTA_EXPR_NAME`, `NFTA_EXPR_DATA`.
const NAME: u16 = 1;
const DATA: u16 = 2;

/// What expressions of a table speak of.
pub(super) struct Scope<'a> {
    /// The table's family.
    pub(super) family: Family,
    /// The table's chains.
    pub(super) chains: &'a Numbers,
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

/// What one nested expression is; what it counted is put into `tally`.
pub(super) fn decode(nested: &[u8], scope: &mut Scope<'_>, tally: &mut Option<Tally>) -> Expression {
    let attributes = Attributes(nested);
    let name = attributes.get(NAME).map(text).unwrap_or_default();
    let bytes = attributes.get(DATA).unwrap_or_default();
    let parts = Parts(Attributes(bytes));
    known(&name, &parts, scope, tally).unwrap_or_else(|| {
        Expression::Undecoded(Box::new(Undecoded { name: scope.names.intern(&name), data: bytes.into() }))
    })
}

fn known(name: &str, parts: &Parts<'_>, scope: &mut Scope<'_>, tally: &mut Option<Tally>) -> Option<Expression> {
    match name {
        "payload" => load::payload(parts),
        "meta" => load::meta(parts),
        "ct" => load::ct(parts),
        "fib" => load::fib(parts),
        "exthdr" => load::exthdr(parts),
        "socket" => load::socket(parts),
        "rt" => load::rt(parts),
        "osf" => load::osf(parts),
        "xfrm" => load::xfrm(parts),
        "tunnel" => load::tunnel(parts),
        "inner" => load::inner(parts),
        "numgen" => load::numgen(parts),
        "hash" => load::hash(parts),
        "immediate" => immediate(parts, scope),
        "cmp" => compare(parts),
        "range" => range(parts),
        "bitwise" => bitwise::bitwise(parts),
        "byteorder" => byteorder(parts),
        "lookup" => lookup(parts, scope),
        "match" => extension(parts).map(|(name, revision, info)| {
            Expression::Match(Box::new(xt::decode_match(scope.around(), &name, revision, info, scope.names)))
        }),
        "target" => extension(parts).map(|(name, revision, info)| {
            Expression::Target(Box::new(xt::decode_target(scope.around(), &name, revision, info, scope.names)))
        }),
        "counter" | "limit" | "connlimit" | "quota" | "last" => stateful::decode(name, parts, tally),
        _ => statement::decode(name, parts, scope),
    }
}

/// Several nested expressions that keep a state, as elements of sets hold them: one, or a list of them.
///
/// Others are refused, so that what is nested in them need not be looked at. What each counted is put into `tallies`.
pub(super) fn decode_held(
    one: Option<&[u8]>,
    list: Option<&[u8]>,
    names: &mut Names,
    tallies: &mut Vec<Option<Tally>>,
) -> Box<[Expression]> {
    let list = list.map(Attributes).into_iter().flatten().map(|(_, nested)| nested);
    let mut decode = |nested| {
        let mut tally = None;
        let attributes = Attributes(nested);
        let name = attributes.get(NAME).map(text).unwrap_or_default();
        let bytes = attributes.get(DATA).unwrap_or_default();
        let expression = stateful::decode(&name, &Parts(Attributes(bytes)), &mut tally).unwrap_or_else(|| {
            Expression::Undecoded(Box::new(Undecoded { name: names.intern(&name), data: bytes.into() }))
        });
        tallies.push(tally);
        expression
    };
    one.into_iter().chain(list).map(&mut decode).collect()
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

    /// A number of 8 bits.
    fn byte(&self, kind: u16) -> Option<u8> {
        self.number(kind).and_then(|number| u8::try_from(number).ok())
    }

    /// A number of 16 bits.
    fn short(&self, kind: u16) -> Option<u16> {
        self.number(kind).and_then(|number| u16::try_from(number).ok())
    }

    /// A flag, alone in its attribute or not there.
    fn flag(&self, kind: u16) -> Option<bool> {
        match self.number(kind).unwrap_or(0) {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    /// A register that need not be named; the outer `None`: there is no such register.
    fn maybe_register(&self, kind: u16) -> Option<Option<Register>> {
        match self.get(kind) {
            None => Some(None),
            Some(_) => self.register(kind).map(Some),
        }
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
pub(super) fn verdict(nested: &[u8], chains: &Numbers) -> Option<Verdict> {
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

/// Name, revision and blob of an xtables extension (`NFTA_MATCH_*`, `NFTA_TARGET_*`).
fn extension<'a>(parts: &Parts<'a>) -> Option<(std::borrow::Cow<'a, str>, u8, &'a [u8])> {
    let revision = u8::try_from(parts.number(2)?).ok()?;
    Some((text(parts.get(1)?), revision, parts.get(3)?))
}
