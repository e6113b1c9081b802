//! Matches and targets that speak of ipset's sets: set, SET. Their bytes hold a set's number; its name is looked up.
//!
//! A number without a name, which is one of a set that was not listed, leaves the whole as bytes.

#[cfg(test)]
mod tests;

use super::blob::Blob;
use super::{Row, row};
use crate::host::xt::{CounterOp, CounterTest, Match, SetMatch, SetRef, SetTarget, Target};
use crate::host::{Family, Name, Names};

/// The names of a namespace's sets by their numbers (`ip_set_id_t`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::kernel) struct SetNames(Vec<(u16, Name)>);

impl SetNames {
    /// No set has a name.
    pub(in crate::kernel) const fn none() -> SetNames {
        SetNames(Vec::new())
    }

    /// The sets that were listed.
    pub(in crate::kernel) fn new(mut listed: Vec<(u16, Name)>) -> SetNames {
        listed.sort_by_key(|(number, _)| *number);
        SetNames(listed)
    }

    fn get(&self, number: u16) -> Option<&Name> {
        let at = self.0.binary_search_by_key(&number, |(known, _)| *known).ok()?;
        self.0.get(at).map(|(_, name)| name)
    }
}

/// `IPSET_DIM_MAX`.
const DIMENSIONS: usize = 6;
/// `IPSET_INVALID_ID`: no set.
const NO_SET: u16 = u16::MAX;
/// `sizeof(struct xt_set_info_v0)` and `sizeof(struct xt_set_info)`.
const INFO0: usize = 32;
const INFO1: usize = 4;
/// Where a number of eight bytes begins after what is before it.
const WIDE: usize = align_of::<u64>();
/// `sizeof(struct ip_set_counter_match0)` and `sizeof(struct ip_set_counter_match)`, which is aligned to eight everywhere.
const COUNTER0: usize = WIDE + 8;
const COUNTER1: usize = 16;
/// `offsetof(struct xt_set_info_match_v3, packets)` and what follows, and the same of `struct xt_set_info_match_v4`.
const PACKETS0: usize = INFO1.next_multiple_of(WIDE);
const FLAGS0: usize = PACKETS0 + 2 * COUNTER0;
const PACKETS1: usize = 8;
const FLAGS1: usize = PACKETS1 + 2 * COUNTER1;

pub(super) static MATCHES: [Row<Match>; 5] = [
    row("set", 4, FLAGS1 + 8, |blob, _| counting(blob, FLAGS1, |at| counter(blob, at + 8, at), PACKETS1, COUNTER1)),
    row("set", 3, (FLAGS0 + 4).next_multiple_of(WIDE), |blob, _| {
        counting(blob, FLAGS0, |at| counter(blob, at, at + WIDE), PACKETS0, COUNTER0)
    }),
    row("set", 2, INFO1, |blob, _| plain(blob)),
    row("set", 1, INFO1, |blob, _| plain(blob)),
    row("set", 0, INFO0, oldest).only(Family::Ip),
];

pub(super) static TARGETS: [Row<Target>; 4] = [
    row("SET", 3, 3 * INFO1 + 8, |blob, _| target(blob, 3)),
    row("SET", 2, 2 * INFO1 + 8, |blob, _| target(blob, 2)),
    row("SET", 1, 2 * INFO1, |blob, _| target(blob, 1)),
    row("SET", 0, 2 * INFO0, |blob, _| oldest_target(blob)).only(Family::Ip),
];

/// `IPSET_INV_MATCH`, `IPSET_RETURN_NOMATCH`, of `struct xt_set_info`; between them a bit for each dimension.
const INVERSE: u8 = 1 << 0;
const RETURN_NOMATCH: u8 = 1 << 7;

/// `struct xt_set_info`: the set, the sides that are asked, and the flags.
fn info(blob: &Blob, at: usize) -> Option<(SetRef, u8)> {
    let (number, dimensions, flags) = (blob.u16(at)?, usize::from(blob.u8(at + 2)?), blob.u8(at + 3)?);
    (1..=DIMENSIONS).contains(&dimensions).then_some(())?;
    let directions = (1..=dimensions).map(|dimension| flags & 1 << dimension != 0).collect();
    Some((SetRef { name: blob.sets.get(number)?.clone(), directions }, flags))
}

fn matched(set: SetRef, flags: u8) -> SetMatch {
    SetMatch {
        set,
        not: flags & INVERSE != 0,
        return_nomatch: flags & RETURN_NOMATCH != 0,
        keeps_counters: false,
        keeps_subcounters: false,
        packets: None,
        bytes: None,
    }
}

/// `struct xt_set_info_match_v1`.
fn plain(blob: &Blob) -> Option<Match> {
    let (set, flags) = info(blob, 0)?;
    Some(Match::Set(Box::new(matched(set, flags))))
}

/// `struct xt_set_info_match_v3` and `struct xt_set_info_match_v4`, which differ in where things stand.
fn counting(
    blob: &Blob,
    flags: usize,
    counter: impl Fn(usize) -> Option<Option<CounterTest>>,
    first: usize,
    size: usize,
) -> Option<Match> {
    /// `IPSET_FLAG_SKIP_COUNTER_UPDATE`, `IPSET_FLAG_SKIP_SUBCOUNTER_UPDATE`, `IPSET_FLAG_RETURN_NOMATCH`.
    const KEEPS: u32 = 1 << 3;
    const KEEPS_SUB: u32 = 1 << 4;
    const NOMATCH: u32 = 1 << 7;
    let (set, own) = info(blob, 0)?;
    let flags = blob.u32(flags)?;
    (flags & !(KEEPS | KEEPS_SUB | NOMATCH) == 0 && own & RETURN_NOMATCH == 0).then_some(())?;
    let mut found = matched(set, own);
    found.return_nomatch = flags & NOMATCH != 0;
    found.keeps_counters = flags & KEEPS != 0;
    found.keeps_subcounters = flags & KEEPS_SUB != 0;
    found.packets = counter(first)?;
    found.bytes = counter(first + size)?;
    Some(Match::Set(Box::new(found)))
}

/// What is asked of a counter; `Some(None)`: nothing.
fn counter(blob: &Blob, op: usize, value: usize) -> Option<Option<CounterTest>> {
    let value = blob.u64(value)?;
    let op = match blob.u8(op)? {
        0 => return Some(None),
        1 => CounterOp::Equal,
        2 => CounterOp::NotEqual,
        3 => CounterOp::Less,
        4 => CounterOp::Greater,
        _ => return None,
    };
    Some(Some(CounterTest { op, value }))
}

/// `IPSET_SRC`, `IPSET_DST`, `IPSET_MATCH_INV`, of each dimension's own flags in `struct xt_set_info_v0`.
const SOURCE0: u32 = 0x01;
const DESTINATION0: u32 = 0x02;
const INVERSE0: u32 = 0x04;

/// `struct xt_set_info_v0`: flags for each dimension, up to the first that has none. What the kernel keeps for itself
/// stands after them (`compat_flags`).
fn info0(blob: &Blob, at: usize) -> Option<(SetRef, bool)> {
    let mut directions = Vec::new();
    let mut not = false;
    for dimension in 0..DIMENSIONS {
        let flags = blob.u32(at + 4 + 4 * dimension)?;
        match flags & (SOURCE0 | DESTINATION0) {
            0 => break,
            side => directions.push(side & SOURCE0 != 0),
        }
        (flags & !(SOURCE0 | DESTINATION0 | INVERSE0) == 0).then_some(())?;
        not |= dimension == 0 && flags & INVERSE0 != 0;
    }
    (!directions.is_empty()).then_some(())?;
    Some((SetRef { name: blob.sets.get(blob.u16(at)?)?.clone(), directions: directions.into() }, not))
}

/// `struct xt_set_info_match_v0`.
fn oldest(blob: &Blob, _: &mut Names) -> Option<Match> {
    let (set, not) = info0(blob, 0)?;
    Some(Match::Set(Box::new(matched(set, u8::from(not)))))
}

/// A set that is not given; `Some(None)`.
fn given<T>(blob: &Blob, at: usize, read: impl Fn(&Blob, usize) -> Option<T>) -> Option<Option<T>> {
    if blob.u16(at)? == NO_SET { Some(None) } else { read(blob, at).map(Some) }
}

/// `struct xt_set_info_target_v0`.
fn oldest_target(blob: &Blob) -> Option<Target> {
    let set = |at| given(blob, at, |blob, at| info0(blob, at).map(|(set, _)| set));
    Some(Target::Set(Box::new(SetTarget { add: set(0)?, del: set(INFO0)?, ..SetTarget::default() })))
}

/// `struct xt_set_info_target_v1` to `struct xt_set_info_target_v3`.
fn target(blob: &Blob, revision: usize) -> Option<Target> {
    /// `IPSET_FLAG_EXIST`, `IPSET_FLAG_MAP_SKBMARK` and its neighbours.
    const EXIST: u32 = 1 << 0;
    const MARK: u32 = 1 << 8;
    const PRIO: u32 = 1 << 9;
    const QUEUE: u32 = 1 << 10;
    let set = |at| given(blob, at, |blob, at| info(blob, at).map(|(set, _)| set));
    let mut found = SetTarget { add: set(0)?, del: set(INFO1)?, ..SetTarget::default() };
    if revision >= 2 {
        let flags_at = if revision == 3 { 3 * INFO1 } else { 2 * INFO1 };
        let flags = blob.u32(flags_at)?;
        let known = if revision == 3 { EXIST | MARK | PRIO | QUEUE } else { EXIST };
        (flags & !known == 0).then_some(())?;
        found.exist = flags & EXIST != 0;
        found.map_mark = flags & MARK != 0;
        found.map_prio = flags & PRIO != 0;
        found.map_queue = flags & QUEUE != 0;
        found.timeout = blob.u32(flags_at + 4).filter(|timeout| *timeout != u32::MAX);
    }
    if revision == 3 {
        found.map = set(2 * INFO1)?;
    }
    Some(Target::Set(Box::new(found)))
}
