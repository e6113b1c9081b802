//! Targets that label the packet: CLASSIFY, SECMARK, CONNSECMARK, HMARK.

use std::net::IpAddr;

use crate::host::Names;
use crate::host::xt::{Connsecmark, Hmark, HmarkFlags, Target};
use crate::kernel::xt::blob::Blob;
use crate::kernel::xt::{Row, row};

pub(in crate::kernel::xt) static TARGETS: [Row<Target>; 5] = [
    row("CLASSIFY", 0, 4, |blob, _| blob.u32(0).map(Target::Classify)),
    row("SECMARK", 1, 1 + CONTEXT + 7, |blob, names| secmark(blob, 1, names)),
    row("SECMARK", 0, 8 + CONTEXT, |blob, names| secmark(blob, 8, names)),
    row("CONNSECMARK", 0, 1, connsecmark),
    row("HMARK", 0, 60, hmark),
];

/// `SECMARK_SECCTX_MAX`.
const CONTEXT: usize = 256;

/// `struct xt_secmark_target_info` and `struct xt_secmark_target_info_v1`; the number in them is the kernel's own.
fn secmark(blob: &Blob, context: usize, names: &mut Names) -> Option<Target> {
    /// `SECMARK_MODE_SEL`.
    const SELINUX: u8 = 1;
    let text = blob.text(context, CONTEXT)?;
    (blob.u8(0)? == SELINUX).then(|| Target::Secmark(Box::new(names.intern(&text))))
}

/// `struct xt_connsecmark_target_info`.
fn connsecmark(blob: &Blob, _: &mut Names) -> Option<Target> {
    match blob.u8(0)? {
        1 => Some(Target::Connsecmark(Connsecmark::Save)),
        2 => Some(Target::Connsecmark(Connsecmark::Restore)),
        _ => None,
    }
}

/// `struct xt_hmark_info`.
fn hmark(blob: &Blob, _: &mut Names) -> Option<Target> {
    let be32 = |at: usize| blob.array(at).map(u32::from_be_bytes);
    let flags = HmarkFlags::from_bits(blob.u32(40)?)?;
    // What is not given is zero, and stays out of the hash.
    let prefix = |at: usize, flag: HmarkFlags| {
        let length = prefix_length(blob.address(at)?)?;
        (flags.contains(flag) || length == 0).then_some(length)
    };
    let hmark = Hmark {
        flags,
        source: prefix(0, HmarkFlags::SOURCE)?,
        destination: prefix(16, HmarkFlags::DESTINATION)?,
        port_mask: be32(32)?,
        port_set: be32(36)?,
        protocol_mask: blob.u16(44)?,
        seed: blob.u32(48)?,
        modulus: blob.u32(52)?,
        offset: blob.u32(56)?,
    };
    is_told(&hmark).then(|| Target::Hmark(Box::new(hmark)))
}

/// Whether the flags name all that is there.
fn is_told(hmark: &Hmark) -> bool {
    let told = |both: HmarkFlags, source: HmarkFlags, destination: HmarkFlags| {
        let half = |flag: HmarkFlags, bits: u32| if hmark.flags.contains(flag) { bits } else { 0 };
        half(both, u32::MAX) | half(source, 0xffff_0000) | half(destination, 0xffff)
    };
    let masks = told(HmarkFlags::SPI_MASK, HmarkFlags::SPORT_MASK, HmarkFlags::DPORT_MASK);
    let sets = told(HmarkFlags::SPI, HmarkFlags::SPORT, HmarkFlags::DPORT);
    let numbers = [
        (HmarkFlags::PROTOCOL_MASK, u32::from(hmark.protocol_mask)),
        (HmarkFlags::SEED, hmark.seed),
        (HmarkFlags::MODULUS, hmark.modulus),
        (HmarkFlags::OFFSET, hmark.offset),
    ];
    hmark.port_mask & !masks == 0
        && hmark.port_set & !sets == 0
        && numbers.iter().all(|(flag, number)| *number == 0 || hmark.flags.contains(*flag))
}

/// The length of the prefix that a mask is.
fn prefix_length(mask: IpAddr) -> Option<u8> {
    ipnet::ip_mask_to_prefix(mask).ok()
}
