//! Matches that look into packets: string, u32, bpf, osf.

use super::blob::Blob;
use super::{Row, rare, row};
use crate::host::Names;
use crate::host::xt::{Bpf, BpfInstruction, Match, Neg, Osf, Rare, StringMatch, U32, U32Op, U32Test};

pub(super) static MATCHES: [Row<Match>; 5] = [
    row("string", 1, 160, string),
    row("u32", 0, 1984, u32_tests),
    row("bpf", 1, 528, bpf1),
    row("bpf", 0, 528, |blob, _| rare(Rare::Bpf(Bpf::Code(instructions(blob, blob.u16(0)?, 4)?)))),
    row("osf", 0, 48, osf),
];

/// `struct xt_string_info`.
fn string(blob: &Blob, names: &mut Names) -> Option<Match> {
    const MOST: usize = 128;
    let length = usize::from(blob.u8(148)?);
    let flags = blob.u8(149).filter(|flags| *flags < 4)?;
    if length == 0 || length > MOST {
        return None;
    }
    rare(Rare::String(StringMatch {
        pattern: Neg { not: flags & 1 != 0, value: blob.slice(20, length)?.into() },
        algorithm: names.intern(&blob.text(4, 16)?),
        from: blob.u16(0)?,
        to: blob.u16(2)?,
        ignore_case: flags & 2 != 0,
    }))
}

/// `struct xt_u32`.
fn u32_tests(blob: &Blob, _: &mut Names) -> Option<Match> {
    const MOST: u8 = 11;
    let count = blob.u8(1980).filter(|count| (1..=MOST).contains(count))?;
    let tests = (0..count).map(|at| u32_test(blob, usize::from(at))).collect::<Option<_>>()?;
    rare(Rare::U32(U32 { not: blob.flag(1981, 1)?, tests }))
}

/// `struct xt_u32_test`: eleven numbers with the operator before each, eleven ranges, and how many of them there are.
fn u32_test(blob: &Blob, at: usize) -> Option<U32Test> {
    const SIZE: usize = 180;
    const RANGES: usize = 88;
    const MOST: usize = 11;
    let base = at * SIZE;
    let numbers = usize::from(blob.u8(base + 176)?);
    let ranges = usize::from(blob.u8(base + 177)?);
    if !(1..=MOST).contains(&numbers) || ranges > MOST {
        return None;
    }
    let step = |at: usize| {
        let op = match blob.u8(base + 8 * at + 4)? {
            0 => U32Op::And,
            1 => U32Op::Left,
            2 => U32Op::Right,
            3 => U32Op::At,
            _ => return None,
        };
        Some((op, blob.u32(base + 8 * at)?))
    };
    let range = |at: usize| Some((blob.u32(base + RANGES + 8 * at)?, blob.u32(base + RANGES + 8 * at + 4)?));
    Some(U32Test {
        start: blob.u32(base)?,
        steps: (1..numbers).map(step).collect::<Option<_>>()?,
        ranges: (0..ranges).map(range).collect::<Option<_>>()?,
    })
}

/// `struct xt_bpf_info_v1`.
fn bpf1(blob: &Blob, names: &mut Names) -> Option<Match> {
    rare(Rare::Bpf(match blob.u16(0)? {
        0 => Bpf::Code(instructions(blob, blob.u16(2)?, 8)?),
        1 => Bpf::Pinned(names.intern(&blob.text(8, 512)?)),
        _ => return None,
    }))
}

fn instructions(blob: &Blob, count: u16, at: usize) -> Option<Box<[BpfInstruction]>> {
    const MOST: u16 = 64;
    let instruction = |index: u16| {
        let at = at + 8 * usize::from(index);
        Some(BpfInstruction {
            code: blob.u16(at)?,
            then: blob.u8(at + 2)?,
            otherwise: blob.u8(at + 3)?,
            k: blob.u32(at + 4)?,
        })
    };
    if (1..=MOST).contains(&count) { (0..count).map(instruction).collect() } else { None }
}

/// `struct xt_osf_info`.
fn osf(blob: &Blob, names: &mut Names) -> Option<Match> {
    const GENRE: u32 = 1 << 0;
    const TTL: u32 = 1 << 1;
    const LOG: u32 = 1 << 2;
    const INVERT: u32 = 1 << 3;
    let flags = blob.u32(36).filter(|flags| flags & !(GENRE | TTL | LOG | INVERT) == 0)?;
    let (log, ttl) = (blob.u32(40)?, blob.u32(44)?);
    rare(Rare::Osf(Osf {
        genre: Neg { not: flags & INVERT != 0, value: names.intern(&blob.text(0, 32)?) },
        ttl: (flags & TTL != 0).then_some(ttl),
        log: (flags & LOG != 0).then_some(log),
    }))
}
