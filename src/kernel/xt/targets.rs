//! Targets that mark, log, refuse or hand over: MARK, CONNMARK, REJECT, LOG, CT, NOTRACK, NFQUEUE.

use super::blob::Blob;
use super::{Row, row};
use crate::host::xt::{Connmark, Log, Masked, Nfqueue, RejectWith, Target};
use crate::host::{Family, Names};

pub(super) static TARGETS: [Row<Target>; 14] = [
    row("MARK", 2, 8, mark),
    row("REJECT", 0, 4, |blob, _| reject(blob, &REJECT4)).only(Family::Ip),
    row("REJECT", 0, 4, |blob, _| reject(blob, &REJECT6)).only(Family::Ip6),
    row("LOG", 0, 32, log),
    row("CONNMARK", 1, 16, |blob, _| connmark(blob, 12)),
    row("CONNMARK", 2, 16, connmark2),
    row("CT", 2, CT1, ct),
    row("CT", 1, CT1, ct),
    row("CT", 0, CT0, ct),
    row("NOTRACK", 0, 0, |_, _| Some(Target::Notrack { own_name: true })),
    row("NFQUEUE", 3, 6, |blob, _| nfqueue(blob, Some(blob.u16(2)?), blob.u16(4)?)),
    row("NFQUEUE", 2, 6, |blob, _| nfqueue(blob, Some(blob.u16(2)?), blob.u16(4).filter(|bypass| *bypass < 2)?)),
    row("NFQUEUE", 1, 4, |blob, _| nfqueue(blob, Some(blob.u16(2)?), 0)),
    row("NFQUEUE", 0, 2, |blob, _| nfqueue(blob, None, 0)),
];

/// `struct xt_mark_tginfo2`.
fn mark(blob: &Blob, _: &mut Names) -> Option<Target> {
    Some(Target::Mark(Masked { value: blob.u32(0)?, mask: blob.u32(4)? }))
}

/// `struct xt_connmark_tginfo1`, and `struct xt_connmark_tginfo2` without a shift.
fn connmark(blob: &Blob, mode: usize) -> Option<Target> {
    let (value, ctmask, nfmask) = (blob.u32(0)?, blob.u32(4)?, blob.u32(8)?);
    Some(Target::Connmark(Box::new(match blob.u8(mode)? {
        0 => Connmark::Set(Masked { value, mask: ctmask }),
        1 => Connmark::Save { nfmask, ctmask },
        2 => Connmark::Restore { nfmask, ctmask },
        _ => return None,
    })))
}

fn connmark2(blob: &Blob, _: &mut Names) -> Option<Target> {
    let shift = blob.u8(13)?;
    if shift == 0 { connmark(blob, 14) } else { None }
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

/// `sizeof(struct xt_ct_target_info)` and `sizeof(struct xt_ct_target_info_v1)`: what is asked for, then, at a multiple of
/// eight, a pointer of the kernel's own.
const CT0: usize = 40;
const CT1: usize = 72;
const CT_POINTER: usize = 8;

/// `--notrack` alone; zones, helpers, events and timeouts have no place in the model.
fn ct(blob: &Blob, _: &mut Names) -> Option<Target> {
    const NOTRACK: u16 = 1 << 0;
    /// `-j NOTRACK`, which the tools store so.
    const NOTRACK_ALIAS: u16 = 1 << 1;
    let own_name = match blob.u16(0)? {
        NOTRACK => false,
        flags if flags == NOTRACK | NOTRACK_ALIAS => true,
        _ => return None,
    };
    let more = blob.bytes.get(2..blob.bytes.len() - CT_POINTER)?;
    more.iter().all(|byte| *byte == 0).then_some(Target::Notrack { own_name })
}

/// `struct xt_NFQ_info` to `struct xt_NFQ_info_v3`.
fn nfqueue(blob: &Blob, total: Option<u16>, flags: u16) -> Option<Target> {
    let first = blob.u16(0)?;
    let last = first.checked_add(total.unwrap_or(1).checked_sub(1)?)?;
    (flags < 4).then_some(Target::Nfqueue(Nfqueue { first, last, bypass: flags & 1 != 0, cpu_fanout: flags & 2 != 0 }))
}
