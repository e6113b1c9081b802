//! Targets that lead packets elsewhere, or tell conntrack what to make of them: CT, NOTRACK, TPROXY, TEE, SYNPROXY,
//! CLUSTERIP.

use std::borrow::Cow;

use crate::host::net::Mac;
use crate::host::xt::{
    ClusterHash, Clusterip, Ct, CtDirection, CtEvents, CtZone, Masked, Synproxy, Target, Tee, Tproxy,
};
use crate::host::{Family, Names};
use crate::kernel::xt::blob::{Blob, IFNAMSIZ};
use crate::kernel::xt::{Row, row};

pub(in crate::kernel::xt) static TARGETS: [Row<Target>; 9] = [
    row("CT", 2, CT1, ct),
    row("CT", 1, CT1, ct),
    row("CT", 0, CT0, ct),
    row("NOTRACK", 0, 0, |_, _| Some(Target::Notrack { own_name: true })),
    row("TPROXY", 1, 28, tproxy),
    row("TPROXY", 0, 16, tproxy0).only(Family::Ip),
    row("TEE", 1, 40, tee),
    row("SYNPROXY", 0, 4, synproxy),
    row("CLUSTERIP", 0, 64, clusterip).only(Family::Ip),
];

/// `sizeof(struct xt_ct_target_info)` and `sizeof(struct xt_ct_target_info_v1)`: what is asked for, then, at a multiple of
/// eight, a pointer of the kernel's own.
const CT0: usize = 40;
const CT1: usize = 72;

/// `struct xt_ct_target_info`, and `struct xt_ct_target_info_v1`, which has a timeout too.
fn ct(blob: &Blob, names: &mut Names) -> Option<Target> {
    const NOTRACK: u16 = 1 << 0;
    /// `-j NOTRACK`, which the tools store so.
    const NOTRACK_ALIAS: u16 = 1 << 1;
    let flags = blob.u16(0)?;
    let mut name = |at: usize, length: usize| {
        let text = blob.text(at, length)?;
        Some((!text.is_empty()).then(|| names.intern(&text)))
    };
    let ct = Ct {
        notrack: flags & NOTRACK != 0,
        helper: name(12, 16)?,
        timeout: if blob.bytes.len() < CT1 { None } else { name(28, 32)? },
        events: CtEvents::from_bits(blob.u32(4)?)?,
        expectation_events: blob.u32(8).filter(|events| *events < 2)? != 0,
        zone: zone(flags & !(NOTRACK | NOTRACK_ALIAS), blob.u16(2)?)?,
    };
    let own_name = flags & NOTRACK_ALIAS != 0;
    Some(match ct == (Ct { notrack: true, ..Ct::default() }) {
        true => Target::Notrack { own_name },
        false if own_name => return None,
        false => Target::Ct(Box::new(ct)),
    })
}

/// `XT_CT_ZONE_*`; a direction without a zone, or both directions, say nothing.
fn zone(flags: u16, id: u16) -> Option<Option<CtZone>> {
    const ORIGINAL: u16 = 1 << 2;
    const REPLY: u16 = 1 << 3;
    const MARK: u16 = 1 << 4;
    let direction = match flags & (ORIGINAL | REPLY) {
        ORIGINAL => Some(CtDirection::Original),
        REPLY => Some(CtDirection::Reply),
        _ => None,
    };
    let by_mark = flags & MARK != 0;
    let there = by_mark || id != 0;
    let known = flags & !(ORIGINAL | REPLY | MARK) == 0;
    known.then(|| there.then_some(CtZone { direction, id: (!by_mark).then_some(id) }))
}

/// `struct xt_tproxy_target_info_v1`.
fn tproxy(blob: &Blob, _: &mut Names) -> Option<Target> {
    let mark = Masked { mask: blob.u32(0)?, value: blob.u32(4)? };
    Some(Target::Tproxy(Box::new(Tproxy { port: blob.be16(24)?, address: blob.address(8)?, mark })))
}

/// `struct xt_tproxy_target_info`.
fn tproxy0(blob: &Blob, _: &mut Names) -> Option<Target> {
    let mark = Masked { mask: blob.u32(0)?, value: blob.u32(4)? };
    Some(Target::Tproxy(Box::new(Tproxy { port: blob.be16(12)?, address: blob.ipv4(8)?, mark })))
}

/// `struct xt_tee_tginfo`.
fn tee(blob: &Blob, names: &mut Names) -> Option<Target> {
    let device: Cow<'_, str> = blob.text(16, IFNAMSIZ)?;
    let device = (!device.is_empty()).then(|| names.intern(&device));
    Some(Target::Tee(Box::new(Tee { gateway: blob.address(0)?, device })))
}

/// `struct xt_synproxy_info`.
fn synproxy(blob: &Blob, _: &mut Names) -> Option<Target> {
    let options = blob.u8(0).filter(|options| *options < 0x20)?;
    let has = |option: u8| options & option != 0;
    Some(Target::Synproxy(Synproxy {
        mss: has(0x01).then_some(blob.u16(2)?),
        window_scale: has(0x02).then_some(blob.u8(1)?),
        sack_permitted: has(0x04),
        timestamp: has(0x08),
        ecn: has(0x10),
    }))
}

/// `struct ipt_clusterip_tgt_info`.
fn clusterip(blob: &Blob, _: &mut Names) -> Option<Target> {
    /// `CLUSTERIP_FLAG_NEW`.
    const NEW: u32 = 1;
    match blob.u32(0)? {
        0 => return Some(Target::Clusterip(None)),
        NEW => {}
        _ => return None,
    }
    let hash = match blob.u32(48)? {
        0 => ClusterHash::Source,
        1 => ClusterHash::SourcePort,
        2 => ClusterHash::BothPorts,
        _ => return None,
    };
    let [mac, nodes, local, seed] = [4, 10, 14, 52];
    let cluster = Clusterip {
        hash,
        mac: Mac(blob.array(mac)?),
        nodes: blob.u16(nodes)?,
        local: blob.u16(local)?,
        seed: blob.u32(seed)?,
    };
    // The tools name one local node.
    (blob.u16(12)? == 1).then(|| Target::Clusterip(Some(Box::new(cluster))))
}
