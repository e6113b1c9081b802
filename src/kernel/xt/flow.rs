//! Matches on what the kernel knows of a flow, and on what it counts: state, conntrack, marks, limit, statistic, recent.

use std::net::IpAddr;

use super::blob::{Blob, host_mask};
use super::{Row, row};
use crate::host::xt::{
    AddressMask, Conntrack, CtDirection, CtStates, CtStatuses, Limit, Masked, Match, Neg, PortRange, Recent,
    RecentCheck, Statistic,
};
use crate::host::{Names, Protocol};

/// `sizeof(void *)`, of which some structs have one for the kernel's own use at their end.
pub(super) const POINTER: usize = size_of::<usize>();

pub(super) static MATCHES: [Row<Match>; 10] = [
    row("conntrack", 3, 164, conntrack3),
    row("mark", 1, 12, |blob, _| mark(blob).map(Match::Mark)),
    row("statistic", 0, 16 + POINTER, statistic),
    row("state", 0, 4, state),
    row("connmark", 1, 12, |blob, _| mark(blob).map(Match::Connmark)),
    // Two words, a long, three words and a pointer.
    row("limit", 0, (20 + POINTER).next_multiple_of(POINTER) + POINTER, limit),
    row("recent", 1, 228, recent),
    row("recent", 0, 212, recent),
    row("conntrack", 2, 156, conntrack2),
    row("conntrack", 1, 152, conntrack1),
];

/// `struct xt_state_info`. `! --state` was stored as all other bits, so that bits without a meaning may be set; only five
/// are ever asked for (`state_mt`).
fn state(blob: &Blob, _: &mut Names) -> Option<Match> {
    /// `XT_STATE_UNTRACKED`, which is elsewhere in `xt_conntrack`.
    const UNTRACKED: u32 = 1 << 6;
    let mask = blob.u32(0)?;
    let mut states = CtStates::from_bits_truncate((mask & 0x0f) as u16);
    states.set(CtStates::UNTRACKED, mask & UNTRACKED != 0);
    (!states.is_empty()).then_some(Match::State(Neg::is(states)))
}

/// `struct xt_conntrack_mtinfo3`: ports are ranges in the byte order of the machine.
fn conntrack3(blob: &Blob, _: &mut Names) -> Option<Match> {
    let port = |n: usize| Some(PortRange { first: blob.u16(138 + 2 * n)?, last: blob.u16(154 + 2 * n)? });
    conntrack(blob, blob.u16(150)?, blob.u16(152)?, port)
}

/// `struct xt_conntrack_mtinfo2`: single ports in network byte order.
fn conntrack2(blob: &Blob, _: &mut Names) -> Option<Match> {
    conntrack(blob, blob.u16(150)?, blob.u16(152)?, |n| blob.be16(138 + 2 * n).map(PortRange::one))
}

/// `struct xt_conntrack_mtinfo1`: as the second, with masks of one byte.
fn conntrack1(blob: &Blob, _: &mut Names) -> Option<Match> {
    let port = |n: usize| blob.be16(138 + 2 * n).map(PortRange::one);
    conntrack(blob, blob.u8(150)?.into(), blob.u8(151)?.into(), port)
}

/// What the three have in common (`conntrack_mt`): a flag for each part that is asked for, and one that turns it around.
fn conntrack(blob: &Blob, states: u16, statuses: u16, port: impl Fn(usize) -> Option<PortRange>) -> Option<Match> {
    const DIRECTION: u16 = 1 << 12;
    /// `-m state --state`, which the tools store so.
    const STATE_ALIAS: u16 = 1 << 13;
    let (asked, inverse) = (blob.u16(146)?, blob.u16(148)?);
    let mut parts = asked;
    let mut part = |flag: u16| {
        let there = parts & flag != 0;
        parts &= !flag;
        there.then_some(inverse & flag != 0)
    };
    let mut ct = Conntrack::default();
    if let Some(not) = part(1 << 0) {
        let value = CtStates::from_bits(states).filter(|states| !states.is_empty())?;
        ct.state = Some(Neg { not, value });
    }
    if let Some(not) = part(1 << 1) {
        ct.protocol = Some(Neg { not, value: Protocol(u8::try_from(blob.u16(136)?).ok()?) });
    }
    let addresses = [&mut ct.orig_src, &mut ct.orig_dst, &mut ct.reply_src, &mut ct.reply_dst];
    for (n, slot) in addresses.into_iter().enumerate() {
        if let Some(not) = part(1 << (2 + n)) {
            *slot = Some(Neg { not, value: masked_address(blob, 32 * n)? });
        }
    }
    if let Some(not) = part(1 << 6) {
        ct.status = Some(Neg { not, value: CtStatuses::from_bits(statuses)? });
    }
    if let Some(not) = part(1 << 7) {
        ct.expire = Some(Neg { not, value: (blob.u32(128)?, blob.u32(132)?) });
    }
    let ports = [&mut ct.orig_sport, &mut ct.orig_dport, &mut ct.reply_sport, &mut ct.reply_dport];
    for (n, slot) in ports.into_iter().enumerate() {
        if let Some(not) = part(1 << (8 + n)) {
            *slot = Some(Neg { not, value: port(n)? });
        }
    }
    ct.direction = part(DIRECTION).map(|not| if not { CtDirection::Reply } else { CtDirection::Original });
    let alias = part(STATE_ALIAS).is_some();
    if parts != 0 || ct == Conntrack::default() {
        return None;
    }
    if !alias {
        return Some(Match::Conntrack(Box::new(ct)));
    }
    let state = ct.state.filter(|state| !state.value.intersects(CtStates::SNAT | CtStates::DNAT))?;
    (ct == Conntrack { state: Some(state), ..Conntrack::default() }).then_some(Match::State(state))
}

fn masked_address(blob: &Blob, at: usize) -> Option<AddressMask> {
    host_mask(blob.address(at)?, blob.address(at + 16)?)
}

/// `struct xt_mark_mtinfo1`, `struct xt_connmark_mtinfo1`.
fn mark(blob: &Blob) -> Option<Neg<Masked>> {
    Some(Neg { not: blob.flag(8, 1)?, value: Masked { value: blob.u32(0)?, mask: blob.u32(4)? } })
}

/// `struct xt_rateinfo`.
fn limit(blob: &Blob, _: &mut Names) -> Option<Match> {
    let (avg, burst) = (blob.u32(0)?, blob.u32(4)?);
    (avg != 0).then_some(Match::Limit(Limit { avg, burst }))
}

/// `struct xt_statistic_info`.
fn statistic(blob: &Blob, _: &mut Names) -> Option<Match> {
    /// Probabilities are parts of this.
    const CERTAIN: u32 = 0x8000_0000;
    let not = blob.u16(2).filter(|flags| *flags < 2)? != 0;
    match blob.u16(0)? {
        0 => {
            let probability = blob.u32(4).filter(|probability| *probability <= CERTAIN)?;
            Some(Match::Statistic(Statistic::Random(Neg { not, value: probability })))
        }
        1 => {
            // The kernel counts down from one less than what was given.
            let every = blob.u32(4)?.checked_add(1)?;
            let packet = blob.u32(8).filter(|packet| *packet < every)?;
            Some(Match::Statistic(Statistic::Nth(Neg { not, value: (every, packet) })))
        }
        _ => None,
    }
}

/// `struct xt_recent_mtinfo_v1`, and `struct xt_recent_mtinfo`, which has no mask.
fn recent(blob: &Blob, names: &mut Names) -> Option<Match> {
    const TTL: u8 = 1 << 4;
    const REAP: u8 = 1 << 5;
    const NAME: usize = 10;
    const SIDE: usize = 210;
    const MASK: usize = 212;
    let flags = blob.u8(8)?;
    let check = match flags & !(TTL | REAP) {
        1 => RecentCheck::Rcheck,
        2 => RecentCheck::Set,
        4 => RecentCheck::Update,
        8 => RecentCheck::Remove,
        _ => return None,
    };
    let mask = if blob.bytes.len() < MASK + 16 { None } else { Some(blob.address(MASK)?) };
    let whole = |mask: &IpAddr| match mask {
        IpAddr::V4(mask) => mask.to_bits() == u32::MAX,
        IpAddr::V6(mask) => mask.to_bits() == u128::MAX,
    };
    let given = |number: u32| (number != 0).then_some(number);
    Some(Match::Recent(Box::new(Recent {
        not: blob.flag(9, 1)?,
        check,
        seconds: given(blob.u32(0)?),
        reap: flags & REAP != 0,
        hitcount: given(blob.u32(4)?),
        rttl: flags & TTL != 0,
        name: names.intern(&blob.text(NAME, SIDE - NAME)?),
        mask: mask.filter(|mask| !whole(mask)),
        destination: match blob.u8(SIDE)? {
            0 => false,
            1 => true,
            _ => return None,
        },
    })))
}
