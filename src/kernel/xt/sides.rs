//! Matches on what is around a packet: comment, addrtype, owner, mac, pkttype, physdev.

use super::blob::{Blob, IFNAMSIZ};
use super::{Row, row};
use crate::host::xt::{
    AddressTypes, Addrtype, InterfaceLimit, InterfacePattern, Match, Neg, Owner, PacketType, Physdev,
};
use crate::host::{Mac, Names};
use crate::kernel::netlink;

/// `XT_MAX_COMMENT_LEN`.
const COMMENT: usize = 256;

pub(super) static MATCHES: [Row<Match>; 7] = [
    row("comment", 0, COMMENT, comment),
    row("addrtype", 1, 8, addrtype1),
    row("owner", 1, 20, owner),
    row("mac", 0, 12, mac),
    row("pkttype", 0, 8, pkttype),
    row("physdev", 0, 4 * IFNAMSIZ + 2, physdev),
    row("addrtype", 0, 12, addrtype0),
];

/// `struct xt_comment_info`.
fn comment(blob: &Blob, names: &mut Names) -> Option<Match> {
    // It decides nothing: where it breaks its line, a blank does as well.
    let text = netlink::text(blob.slice(0, COMMENT)?);
    let text = if text.contains('\n') { text.replace('\n', " ").into() } else { text };
    Some(Match::Comment(names.intern(&text)))
}

/// `struct xt_addrtype_info_v1`.
fn addrtype1(blob: &Blob, _: &mut Names) -> Option<Match> {
    let flags = blob.u32(4)?;
    let limit = match flags & !0x03 {
        0x00 => None,
        0x04 => Some(InterfaceLimit::In),
        0x08 => Some(InterfaceLimit::Out),
        _ => return None,
    };
    addrtype(blob, flags & 0x01 != 0, flags & 0x02 != 0, limit)
}

/// `struct xt_addrtype_info`.
fn addrtype0(blob: &Blob, _: &mut Names) -> Option<Match> {
    addrtype(blob, blob.flag(4, 4)?, blob.flag(8, 4)?, None)
}

/// A side without any type is not looked at (`addrtype_mt_v1`).
fn addrtype(blob: &Blob, not_source: bool, not_dest: bool, limit: Option<InterfaceLimit>) -> Option<Match> {
    let side = |at: usize, not: bool| {
        let value = AddressTypes::from_bits(blob.u16(at)?)?;
        Some((!value.is_empty()).then_some(Neg { not, value }))
    };
    let (source, destination) = (side(0, not_source)?, side(2, not_dest)?);
    let asked = source.is_some() || destination.is_some();
    asked.then_some(Match::Addrtype(Addrtype { source, destination, limit }))
}

/// `struct xt_owner_match_info`.
fn owner(blob: &Blob, _: &mut Names) -> Option<Match> {
    const UID: u8 = 1 << 0;
    const GID: u8 = 1 << 1;
    const SOCKET: u8 = 1 << 2;
    const SUPPL_GROUPS: u8 = 1 << 3;
    let (asked, inverse) = (blob.u8(16)?, blob.u8(17)?);
    let ids = |flag: u8, at: usize| {
        if asked & flag == 0 {
            return Some(None);
        }
        let (first, last) = (blob.u32(at)?, blob.u32(at + 4)?);
        (first <= last).then_some(Some(Neg { not: inverse & flag != 0, value: (first, last) }))
    };
    let owner = Owner {
        uid: ids(UID, 0)?,
        gid: ids(GID, 8)?,
        socket_exists: (asked & SOCKET != 0).then_some(Neg { not: inverse & SOCKET != 0, value: () }),
        suppl_groups: asked & SUPPL_GROUPS != 0,
    };
    let unknown = asked & !(UID | GID | SOCKET | SUPPL_GROUPS) != 0 || inverse & !(UID | GID | SOCKET) != 0;
    (!unknown && owner != Owner::default()).then(|| Match::Owner(Box::new(owner)))
}

/// `struct xt_mac_info`.
fn mac(blob: &Blob, _: &mut Names) -> Option<Match> {
    Some(Match::Mac(Neg { not: blob.flag(8, 4)?, value: Mac(blob.array(0)?) }))
}

/// `struct xt_pkttype_info`.
fn pkttype(blob: &Blob, _: &mut Names) -> Option<Match> {
    let value = match blob.u32(0)? {
        0 => PacketType::Host,
        1 => PacketType::Broadcast,
        2 => PacketType::Multicast,
        3 => PacketType::OtherHost,
        _ => return None,
    };
    Some(Match::Pkttype(Neg { not: blob.flag(4, 4)?, value }))
}

/// `struct xt_physdev_info`.
fn physdev(blob: &Blob, names: &mut Names) -> Option<Match> {
    const IN: u8 = 0x01;
    const OUT: u8 = 0x02;
    const BRIDGED: u8 = 0x04;
    const IS_IN: u8 = 0x08;
    const IS_OUT: u8 = 0x10;
    let (inverse, asked) = (blob.u8(4 * IFNAMSIZ)?, blob.u8(4 * IFNAMSIZ + 1)?);
    let mut device = |flag: u8, at: usize| -> Option<Option<Neg<InterfacePattern>>> {
        if asked & flag == 0 {
            return Some(None);
        }
        Some(Some(Neg { not: inverse & flag != 0, value: blob.interface(at, at + IFNAMSIZ, names)? }))
    };
    let switch = |flag: u8| (asked & flag != 0).then_some(Neg { not: inverse & flag != 0, value: () });
    let dev = Physdev {
        input: device(IN, 0)?,
        output: device(OUT, 2 * IFNAMSIZ)?,
        is_in: switch(IS_IN),
        is_out: switch(IS_OUT),
        is_bridged: switch(BRIDGED),
    };
    let unknown = asked & !(IN | OUT | BRIDGED | IS_IN | IS_OUT) != 0;
    (!unknown && dev != Physdev::default()).then(|| Match::Physdev(Box::new(dev)))
}
