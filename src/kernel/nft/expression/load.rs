//! What loads something into a register; and what writes it into the packet, the flow or an option, where the same expression does both.

use super::super::super::netlink::{Attributes, text};
use super::Parts;
use crate::host::nft::{
    Checksum, CtKey, Expression, Extension, FibResult, Hash, HashKind, Inner, MetaKey, PayloadBase, PayloadSet,
    Register, RtKey, SocketKey, TunnelKey, TunnelMode, XfrmKey,
};
use crate::host::xt::CtDirection;

pub(super) fn payload(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3, 4, 5, 6, 7, 8])?;
    let base = match parts.number(2)? {
        0 => PayloadBase::Link,
        1 => PayloadBase::Network,
        2 => PayloadBase::Transport,
        3 => PayloadBase::Inner,
        4 => PayloadBase::Tunnel,
        _ => return None,
    };
    let (offset, length) = (parts.short(3)?, parts.short(4)?);
    match (parts.maybe_register(1)?, parts.maybe_register(5)?) {
        (Some(to), None) => {
            parts.only(&[1, 2, 3, 4])?;
            Some(Expression::Payload { base, offset, length, to })
        }
        (None, Some(from)) => Some(Expression::PayloadSet(Box::new(PayloadSet {
            from,
            base,
            offset,
            length,
            checksum: match parts.number(6).unwrap_or(0) {
                0 => Checksum::None,
                1 => Checksum::Inet,
                2 => Checksum::Sctp,
                _ => return None,
            },
            checksum_offset: parts.number(7).unwrap_or(0).try_into().ok()?,
            pseudo_header: parts.flag(8)?,
        }))),
        _ => None,
    }
}

pub(super) fn meta(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3])?;
    let key = MetaKey(parts.number(2)?);
    match (parts.register(1), parts.register(3)) {
        (Some(to), None) => Some(Expression::Meta { key, to }),
        (None, Some(from)) => Some(Expression::MetaSet { key, from }),
        _ => None,
    }
}

pub(super) fn ct(parts: &Parts<'_>) -> Option<Expression> {
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

pub(super) fn fib(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3])?;
    let result = FibResult::from_number(parts.number(2)?)?;
    Some(Expression::Fib { result, flags: parts.number(3)?, to: parts.register(1)? })
}

/// `nft_exthdr_dump_common`: all but the register is always there.
pub(super) fn exthdr(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3, 4, 5, 6, 7])?;
    let within = Extension::from_number(parts.number(6).unwrap_or(0))?;
    let kind = parts.byte(2)?;
    let place = || Some((parts.byte(3)?, parts.byte(4)?));
    let present = parts.flag(5)?;
    match (parts.maybe_register(1)?, parts.maybe_register(7)?) {
        (Some(to), None) => {
            let (offset, length) = place()?;
            Some(Expression::Exthdr { within, kind, offset, length, present, to })
        }
        (None, Some(from)) if !present => {
            let (offset, length) = place()?;
            Some(Expression::ExthdrSet { within, kind, offset, length, from })
        }
        (None, None) if !present => Some(Expression::ExthdrReset { within, kind }),
        _ => None,
    }
}

pub(super) fn socket(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3])?;
    let key = match (parts.number(1)?, parts.get(3)) {
        (0, None) => SocketKey::Transparent,
        (1, None) => SocketKey::Mark,
        (2, None) => SocketKey::Wildcard,
        (3, _) => SocketKey::Cgroup2(parts.byte(3)?),
        _ => return None,
    };
    Some(Expression::Socket { key, to: parts.register(2)? })
}

pub(super) fn rt(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2])?;
    let key = RtKey::from_number(parts.number(2)?)?;
    Some(Expression::Rt { key, to: parts.register(1)? })
}

pub(super) fn osf(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3])?;
    let ttl = if parts.get(2).is_some() { parts.byte(2)? } else { 0 };
    Some(Expression::Osf { ttl, version: parts.flag(3)?, to: parts.register(1)? })
}

pub(super) fn xfrm(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3, 4])?;
    let key = XfrmKey::from_number(parts.number(2)?)?;
    let index = if parts.get(4).is_some() { parts.byte(4)? } else { 0 };
    Some(Expression::Xfrm { key, out: parts.flag(3)?, index, to: parts.register(1)? })
}

pub(super) fn tunnel(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3])?;
    let key = match parts.number(1)? {
        0 => TunnelKey::Path,
        1 => TunnelKey::Id,
        _ => return None,
    };
    let mode = match parts.number(3).unwrap_or(0) {
        0 => TunnelMode::None,
        1 => TunnelMode::Rx,
        2 => TunnelMode::Tx,
        _ => return None,
    };
    Some(Expression::Tunnel { key, mode, to: parts.register(2)? })
}

/// `inner` holds a payload or a meta expression, and nothing that could hold another.
pub(super) fn inner(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3, 4, 5])?;
    (parts.number(1).unwrap_or(0) == 0).then_some(())?;
    let held = Attributes(parts.get(5)?);
    let within = Parts(Attributes(held.get(super::DATA)?));
    let expression = match text(held.get(super::NAME)?).as_ref() {
        "payload" => payload(&within)?,
        "meta" => meta(&within)?,
        _ => return None,
    };
    Some(Expression::Inner(Box::new(Inner {
        kind: parts.number(2)?,
        flags: parts.number(3)?,
        header_size: parts.number(4)?,
        expression,
    })))
}

pub(super) fn numgen(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3, 4])?;
    Some(Expression::Numgen {
        random: parts.flag(3)?,
        modulus: parts.number(2)?,
        offset: parts.number(4).unwrap_or(0),
        to: parts.register(1)?,
    })
}

pub(super) fn hash(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3, 4, 5, 6, 7])?;
    let (kind, from, length) = match parts.number(7).unwrap_or(0) {
        0 => (HashKind::Jenkins, parts.register(1)?, parts.byte(3)?),
        1 => (HashKind::Symmetric, Register(0), 0),
        _ => return None,
    };
    Some(Expression::Hash(Box::new(Hash {
        kind,
        from,
        length,
        modulus: parts.number(4)?,
        seed: parts.number(5),
        offset: parts.number(6).unwrap_or(0),
        to: parts.register(2)?,
    })))
}
