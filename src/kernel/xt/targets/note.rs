//! Targets that tell somebody: NFLOG, ULOG, AUDIT, TRACE, IDLETIMER, LED, RATEEST.

use crate::host::xt::{AuditType, Idletimer, Led, Nflog, NflogSize, Rateest, Target, Ulog};
use crate::host::{Family, Names};
use crate::kernel::xt::blob::{Blob, IFNAMSIZ};
use crate::kernel::xt::{Row, row};

pub(in crate::kernel::xt) static TARGETS: [Row<Target>; 8] = [
    row("NFLOG", 0, 76, nflog),
    row("TRACE", 0, 0, |_, _| Some(Target::Trace)),
    row("AUDIT", 0, 1, audit),
    row("IDLETIMER", 1, 48, |blob, names| idletimer(blob, Some((32, 33)), names)),
    row("IDLETIMER", 0, 40, |blob, names| idletimer(blob, None, names)),
    row("LED", 0, 40, led),
    row("RATEEST", 0, 32, rateest),
    row("ULOG", 0, 56, ulog).only(Family::Ip),
];

/// `struct xt_nflog_info`.
fn nflog(blob: &Blob, names: &mut Names) -> Option<Target> {
    /// `XT_NFLOG_F_COPY_LEN`.
    const COPY_LENGTH: u16 = 1;
    let length = blob.u32(0)?;
    let size = match blob.u16(8)? {
        COPY_LENGTH => NflogSize::Bytes(length),
        0 if length == 0 => NflogSize::Whole,
        0 => NflogSize::Range(length),
        _ => return None,
    };
    let prefix = names.intern(&blob.text(12, 64)?);
    Some(Target::Nflog(Box::new(Nflog { prefix, group: blob.u16(4)?, size, threshold: blob.u16(6)? })))
}

/// `struct ipt_ulog_info`, on machines of 64 bits.
fn ulog(blob: &Blob, names: &mut Names) -> Option<Target> {
    let number = |at: usize| blob.array(at).map(u64::from_ne_bytes);
    let groups = blob.u32(0)?;
    let prefix = names.intern(&blob.text(24, 32)?);
    let (range, threshold) = (number(8)?, number(16)?);
    let group = groups.trailing_zeros() as u8 + 1;
    groups.is_power_of_two().then(|| Target::Ulog(Box::new(Ulog { prefix, group, range, threshold })))
}

/// `struct xt_audit_info`.
fn audit(blob: &Blob, _: &mut Names) -> Option<Target> {
    Some(Target::Audit(match blob.u8(0)? {
        0 => AuditType::Accept,
        1 => AuditType::Drop,
        2 => AuditType::Reject,
        _ => return None,
    }))
}

/// `struct idletimer_tg_info` and `struct idletimer_tg_info_v1`, which has two flags: one that no Linux but Android's
/// knows, and the kind of timer.
fn idletimer(blob: &Blob, flags: Option<(usize, usize)>, names: &mut Names) -> Option<Target> {
    let alarm = match flags {
        Some((notify, kind)) => match (blob.u8(notify)?, blob.u8(kind)?) {
            (0, kind @ 0..=1) => kind == 1,
            _ => return None,
        },
        None => false,
    };
    let label = names.intern(&blob.text(4, 28)?);
    Some(Target::Idletimer(Box::new(Idletimer { timeout: blob.u32(0)?, label, alarm })))
}

/// `struct xt_led_info`.
fn led(blob: &Blob, names: &mut Names) -> Option<Target> {
    let name = blob.text(0, 27)?;
    let trigger = names.intern(name.strip_prefix("netfilter-")?);
    let always_blink = blob.u8(27).filter(|blink| *blink < 2)? != 0;
    Some(Target::Led(Box::new(Led { trigger, delay: blob.u32(28)?, always_blink })))
}

/// `struct xt_rateest_target_info`.
fn rateest(blob: &Blob, names: &mut Names) -> Option<Target> {
    let name = names.intern(&blob.text(0, IFNAMSIZ)?);
    let interval = i8::from_ne_bytes([blob.u8(IFNAMSIZ)?]);
    let ewma_log = blob.u8(IFNAMSIZ + 1)?;
    let sound = (-2..=3).contains(&interval) && (1..=30).contains(&ewma_log);
    sound.then(|| Target::Rateest(Box::new(Rateest { name, interval, ewma_log })))
}
