//! What does something with the packet, its flow, or a set.

use super::super::super::netlink::{Attributes, be, text};
use super::{Parts, Scope};
use crate::host::Family;
use crate::host::nft::{Dynset, DynsetOp, Expression, Log, Nat, ObjectKind, Queues, RejectKind, Synproxy, range};

pub(super) fn decode(name: &str, parts: &Parts<'_>, scope: &mut Scope<'_>) -> Option<Expression> {
    match name {
        "log" => log(parts, scope),
        "notrack" => {
            parts.only(&[])?;
            Some(Expression::Notrack)
        }
        "nat" => nat(parts),
        "masq" => {
            parts.only(&[1, 2, 3])?;
            Some(Expression::Masquerade { ports: parts.registers(2, 3), flags: range_flags(parts, 1)? })
        }
        "redir" => {
            parts.only(&[1, 2, 3])?;
            Some(Expression::Redirect { ports: parts.registers(1, 2), flags: range_flags(parts, 3)? })
        }
        "reject" => reject(parts),
        "queue" => queue(parts),
        "tproxy" => tproxy(parts),
        "dup" => {
            parts.only(&[1, 2])?;
            Some(Expression::Dup { address: parts.maybe_register(1)?, device: parts.maybe_register(2)? })
        }
        "fwd" => {
            parts.only(&[1, 2, 3])?;
            let (device, address) = (parts.register(1)?, parts.maybe_register(2)?);
            Some(Expression::Fwd { device, address, family: family(parts, 3)? })
        }
        "synproxy" => {
            parts.only(&[1, 2, 3])?;
            synproxy(&parts.0).map(Expression::Synproxy)
        }
        "dynset" => dynset(parts, scope),
        "objref" => objref(parts, scope),
        "flow_offload" => {
            parts.only(&[1])?;
            Some(Expression::FlowOffload { table: scope.names.intern(&text(parts.get(1)?)) })
        }
        _ => None,
    }
}

/// A family that may be any (`NFPROTO_UNSPEC`); the outer `None`: it is none that is known.
fn family(parts: &Parts<'_>, kind: u16) -> Option<Option<Family>> {
    match parts.number(kind).unwrap_or(0) {
        0 => Some(None),
        number => super::super::family(u8::try_from(number).ok()?).map(Some),
    }
}

/// The flags of a translation, where each has a meaning here. That addresses or ports are given
/// (`NF_NAT_RANGE_MAP_IPS`, `NF_NAT_RANGE_PROTO_SPECIFIED`) their registers say too.
fn range_flags(parts: &Parts<'_>, kind: u16) -> Option<u32> {
    const GIVEN: u32 = 3;
    let flags = parts.number(kind).unwrap_or(0);
    let known = GIVEN | range::RANDOM | range::PERSISTENT | range::RANDOM_FULLY | range::NETMAP;
    (flags & !known == 0).then_some(flags)
}

fn log(parts: &Parts<'_>, scope: &mut Scope<'_>) -> Option<Expression> {
    /// `NF_LOG_MASK`.
    const FLAGS: u32 = 0x2f;
    parts.only(&[1, 2, 3, 4, 5, 6])?;
    (parts.number(6).unwrap_or(0) & !FLAGS == 0).then_some(())?;
    Some(Expression::Log(Box::new(Log {
        prefix: parts.get(2).map(|bytes| scope.names.intern(&text(bytes))),
        level: parts.number(5),
        flags: parts.number(6),
        group: parts.short(1),
        snaplen: parts.number(3),
        qthreshold: parts.short(4),
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
        family: family(parts, 2)??,
        addresses: parts.registers(3, 4),
        ports: parts.registers(5, 6),
        flags: range_flags(parts, 7)?,
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

/// The queues by number, or by a register.
fn queue(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3, 4])?;
    let to = match parts.maybe_register(4)? {
        Some(register) => {
            parts.only(&[3, 4])?;
            Queues::Register(register)
        }
        None => {
            let (first, total) = (parts.short(1)?, parts.short(2).unwrap_or(1).max(1));
            Queues::Range(first, first.checked_add(total - 1)?)
        }
    };
    let flags = parts.number(3).unwrap_or(0);
    (flags & !3 == 0).then_some(())?;
    Some(Expression::Queue { to, bypass: flags & 1 != 0, fanout: flags & 2 != 0 })
}

fn tproxy(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3])?;
    let (address, port) = (parts.maybe_register(2)?, parts.maybe_register(3)?);
    Some(Expression::Tproxy { family: family(parts, 1)?, address, port })
}

/// What is told to clients (`NFTA_SYNPROXY_*`).
pub(in crate::kernel::nft) fn synproxy(attributes: &Attributes<'_>) -> Option<Synproxy> {
    /// `NF_SYNPROXY_OPT_MASK`.
    const FLAGS: u64 = 0xf;
    let number = |kind: u16| attributes.get(kind).and_then(be);
    (number(3)? & !FLAGS == 0).then_some(())?;
    Some(Synproxy {
        mss: number(1)?.try_into().ok()?,
        window_scale: number(2)?.try_into().ok()?,
        flags: number(3)?.try_into().ok()?,
    })
}

fn dynset(parts: &Parts<'_>, scope: &mut Scope<'_>) -> Option<Expression> {
    parts.only(&[1, 3, 4, 5, 6, 7, 8, 9, 10])?;
    let op = match parts.number(3)? {
        0 => DynsetOp::Add,
        1 => DynsetOp::Update,
        2 => DynsetOp::Delete,
        _ => return None,
    };
    // `NFT_DYNSET_F_INV`, and `NFT_DYNSET_F_EXPR`, which says that there is a list.
    let flags = parts.number(9).unwrap_or(0);
    (flags & !3 == 0).then_some(())?;
    let timeout = match parts.get(6) {
        Some(timeout) => be(timeout)?,
        None => 0,
    };
    let mut tallies = Vec::new();
    let expressions = super::decode_held(parts.get(7), parts.get(10), scope.names, &mut tallies);
    expressions.iter().all(Expression::is_stateful).then_some(())?;
    Some(Expression::Dynset(Box::new(Dynset {
        set: scope.names.intern(&text(parts.get(1)?)),
        op,
        key: parts.register(4)?,
        data: parts.maybe_register(5)?,
        timeout,
        not: flags & 1 != 0,
        expressions,
    })))
}

fn objref(parts: &Parts<'_>, scope: &mut Scope<'_>) -> Option<Expression> {
    if parts.get(4).is_some() {
        parts.only(&[3, 4])?;
        let set = scope.names.intern(&text(parts.get(4)?));
        return Some(Expression::ObjectMap { set, from: parts.register(3)? });
    }
    parts.only(&[1, 2])?;
    let name = scope.names.intern(&text(parts.get(2)?));
    Some(Expression::Object { kind: ObjectKind(parts.number(1)?), name })
}
