//! Targets that mark, log, refuse or hand over: MARK, CONNMARK, REJECT, LOG, NFQUEUE. The rarer ones have files of their own.

pub(super) mod alter;
pub(super) mod label;
pub(super) mod note;
pub(super) mod steer;

use super::blob::Blob;
use super::{Row, row};
use crate::host::xt::{Connmark, ConnmarkOp, Log, Masked, Nfqueue, RejectWith, Target};
use crate::host::{Family, Names};

pub(super) static TARGETS: [Row<Target>; 11] = [
    row("MARK", 2, 8, mark),
    row("MARK", 1, 16, mark1),
    row("REJECT", 0, 4, |blob, _| reject(blob, &REJECT4)).only(Family::Ip),
    row("REJECT", 0, 4, |blob, _| reject(blob, &REJECT6)).only(Family::Ip6),
    row("LOG", 0, 32, log),
    row("CONNMARK", 1, 16, |blob, _| connmark(blob, 12, 0)),
    row("CONNMARK", 2, 16, connmark2),
    row("NFQUEUE", 3, 6, |blob, _| nfqueue(blob, Some(blob.u16(2)?), blob.u16(4)?)),
    row("NFQUEUE", 2, 6, |blob, _| nfqueue(blob, Some(blob.u16(2)?), blob.u16(4).filter(|bypass| *bypass < 2)?)),
    row("NFQUEUE", 1, 4, |blob, _| nfqueue(blob, Some(blob.u16(2)?), 0)),
    row("NFQUEUE", 0, 2, |blob, _| nfqueue(blob, None, 0)),
];

/// `struct xt_mark_tginfo2`.
fn mark(blob: &Blob, _: &mut Names) -> Option<Target> {
    Some(Target::Mark(Masked { value: blob.u32(0)?, mask: blob.u32(4)? }))
}

/// `struct xt_mark_target_info_v1`, on machines of 64 bits.
fn mark1(blob: &Blob, _: &mut Names) -> Option<Target> {
    let value = u32::try_from(u64::from_ne_bytes(blob.array(0)?)).ok()?;
    Some(Target::Mark(match blob.u8(8)? {
        0 => Masked { value, mask: u32::MAX },
        1 => Masked { value: 0, mask: !value },
        2 => Masked { value, mask: value },
        _ => return None,
    }))
}

/// `struct xt_connmark_tginfo1`, and `struct xt_connmark_tginfo2` with the shift that is in it.
fn connmark(blob: &Blob, mode: usize, shift: i8) -> Option<Target> {
    let (value, ctmask, nfmask) = (blob.u32(0)?, blob.u32(4)?, blob.u32(8)?);
    let op = match blob.u8(mode)? {
        0 => ConnmarkOp::Set(Masked { value, mask: ctmask }),
        1 => ConnmarkOp::Save { nfmask, ctmask },
        2 => ConnmarkOp::Restore { nfmask, ctmask },
        _ => return None,
    };
    Some(Target::Connmark(Box::new(Connmark { op, shift })))
}

fn connmark2(blob: &Blob, _: &mut Names) -> Option<Target> {
    let bits = blob.u8(13).filter(|bits| *bits <= 32)? as i8;
    let shift = match blob.u8(12)? {
        0 => bits,
        1 => -bits,
        _ => return None,
    };
    connmark(blob, 14, shift)
}

/// `enum ipt_reject_with`, by number; an echo reply has long been refused.
const REJECT4: [Option<RejectWith>; 9] = [
    Some(RejectWith::NetUnreachable),
    Some(RejectWith::HostUnreachable),
    Some(RejectWith::ProtoUnreachable),
    Some(RejectWith::PortUnreachable),
    None,
    Some(RejectWith::NetProhibited),
    Some(RejectWith::HostProhibited),
    Some(RejectWith::TcpReset),
    Some(RejectWith::AdminProhibited),
];

/// `enum ip6t_reject_with`, by number.
const REJECT6: [Option<RejectWith>; 9] = [
    Some(RejectWith::NetUnreachable),
    Some(RejectWith::AdminProhibited),
    None,
    Some(RejectWith::AddressUnreachable),
    Some(RejectWith::PortUnreachable),
    None,
    Some(RejectWith::TcpReset),
    Some(RejectWith::PolicyFail),
    Some(RejectWith::RejectRoute),
];

fn reject(blob: &Blob, with: &[Option<RejectWith>]) -> Option<Target> {
    with.get(blob.u32(0)? as usize).copied().flatten().map(Target::Reject)
}

/// `struct xt_log_info`.
fn log(blob: &Blob, names: &mut Names) -> Option<Target> {
    /// `XT_LOG_MASK`.
    const KNOWN: u8 = 0x2f;
    let (level, flags) = (blob.u8(0)?, blob.u8(1)?);
    let prefix = names.intern(&blob.text(2, 30)?);
    (level < 8 && flags & !KNOWN == 0).then(|| Target::Log(Box::new(Log { level, prefix, flags })))
}

/// `struct xt_NFQ_info` to `struct xt_NFQ_info_v3`.
fn nfqueue(blob: &Blob, total: Option<u16>, flags: u16) -> Option<Target> {
    let first = blob.u16(0)?;
    let last = first.checked_add(total.unwrap_or(1).checked_sub(1)?)?;
    (flags < 4).then_some(Target::Nfqueue(Nfqueue { first, last, bypass: flags & 1 != 0, cpu_fanout: flags & 2 != 0 }))
}
