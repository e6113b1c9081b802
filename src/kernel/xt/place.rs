//! Matches on where a packet comes from and goes: policy, rpfilter, socket, cgroup, cpu, devgroup, realm.

use super::blob::{Blob, host_mask};
use super::{Row, rare, row};
use crate::host::xt::{
    Cgroup, Devgroup, Masked, Match, Neg, Policy, PolicyElement, PolicyMode, Rare, Rpfilter, SocketMatch,
};
use crate::host::{Family, Names, Protocol};

pub(super) static MATCHES: [Row<Match>; 12] = [
    row("policy", 0, 308, policy),
    row("rpfilter", 0, 1, |blob, _| rare(Rare::Rpfilter(Rpfilter::from_bits(blob.u8(0)?)?))),
    row("socket", 3, 1, |blob, _| socket(blob, SocketMatch::all())),
    row("socket", 2, 1, |blob, _| socket(blob, SocketMatch::TRANSPARENT | SocketMatch::NOWILDCARD)),
    row("socket", 1, 1, |blob, _| socket(blob, SocketMatch::TRANSPARENT)),
    row("socket", 0, 0, |_, _| rare(Rare::Socket(SocketMatch::empty()))).only(Family::Ip),
    row("cgroup", 2, 528, |blob, names| cgroup(blob, 512, 4, names)),
    row("cgroup", 1, 4112, |blob, names| cgroup(blob, 4096, 4100, names)),
    row("cgroup", 0, 8, cgroup0),
    row("cpu", 0, 8, cpu),
    row("devgroup", 0, 20, devgroup),
    row("realm", 0, 9, realm).only(Family::Ip),
];

/// `struct xt_policy_info`.
fn policy(blob: &Blob, _: &mut Names) -> Option<Match> {
    const IN: u16 = 0x01;
    const OUT: u16 = 0x02;
    const NONE: u16 = 0x04;
    const STRICT: u16 = 0x08;
    const MOST: u16 = 4;
    let flags = blob.u16(304)?;
    let out = match flags & (IN | OUT) {
        IN => false,
        OUT => true,
        _ => return None,
    };
    let count = blob.u16(306).filter(|count| *count <= MOST)?;
    if flags & !(IN | OUT | NONE | STRICT) != 0 {
        return None;
    }
    let elements = (0..count).map(|at| policy_element(blob, usize::from(at))).collect::<Option<Box<[_]>>>()?;
    let (none, strict) = (flags & NONE != 0, flags & STRICT != 0);
    let sound = if none {
        elements.is_empty() && !strict
    } else if strict {
        !elements.is_empty() && !elements.contains(&PolicyElement::default())
    } else {
        elements.len() == 1
    };
    if !sound {
        return None;
    }
    rare(Rare::Policy(Policy { out, none, strict, elements }))
}

/// `struct xt_policy_elem`, whose last two bytes are bit fields.
fn policy_element(blob: &Blob, at: usize) -> Option<PolicyElement> {
    const SIZE: usize = 76;
    let base = at * SIZE;
    let bits = |at: usize| {
        let bits = blob.u8(at)?;
        Some(if cfg!(target_endian = "big") { bits.reverse_bits() } else { bits })
    };
    let (asked, inverse) = (bits(base + 74)?, bits(base + 75)?);
    if asked & !0x3f != 0 {
        return None;
    }
    let part = |bit: u32| (asked & 1 << bit != 0).then_some(inverse & 1 << bit != 0);
    let tunnel = |bit: u32, at: usize| match part(bit) {
        Some(not) => Some(Some(Neg { not, value: host_mask(blob.address(at)?, blob.address(at + 16)?)? })),
        None => Some(None),
    };
    let number = |bit: u32, at: usize| match part(bit) {
        Some(not) => Some(Some(Neg { not, value: blob.u32(at)? })),
        None => Some(None),
    };
    let protocol = Protocol(blob.u8(base + 72)?);
    let mode = match blob.u8(base + 73)? {
        0 => PolicyMode::Transport,
        1 => PolicyMode::Tunnel,
        _ => return None,
    };
    Some(PolicyElement {
        source: tunnel(0, base)?,
        destination: tunnel(1, base + 32)?,
        protocol: part(2).map(|not| Neg { not, value: protocol }),
        mode: part(3).map(|not| Neg { not, value: mode }),
        spi: number(4, base + 64)?,
        reqid: number(5, base + 68)?,
    })
}

/// `struct xt_socket_mtinfo1` to `struct xt_socket_mtinfo3`.
fn socket(blob: &Blob, known: SocketMatch) -> Option<Match> {
    let flags = SocketMatch::from_bits(blob.u8(0)?).filter(|flags| known.contains(*flags))?;
    rare(Rare::Socket(flags))
}

/// `struct xt_cgroup_info_v1`, and `struct xt_cgroup_info_v2`, in which path and class share their place.
fn cgroup(blob: &Blob, longest: usize, class: usize, names: &mut Names) -> Option<Match> {
    let [has_path, has_class, not_path, not_class] = blob.array(0)?;
    if has_path != 0 && has_class != 0 {
        return None;
    }
    rare(Rare::Cgroup(if has_path != 0 {
        let path = names.intern(&blob.text(4, longest)?);
        Cgroup { path: Some(Neg { not: not_path != 0, value: path }), class: None }
    } else if has_class != 0 {
        Cgroup { path: None, class: Some(Neg { not: not_class != 0, value: blob.u32(class)? }) }
    } else {
        return None;
    }))
}

/// `struct xt_cgroup_info_v0`.
fn cgroup0(blob: &Blob, _: &mut Names) -> Option<Match> {
    let class = Neg { not: blob.flag(4, 4)?, value: blob.u32(0)? };
    rare(Rare::Cgroup(Cgroup { path: None, class: Some(class) }))
}

/// `struct xt_cpu_info`.
fn cpu(blob: &Blob, _: &mut Names) -> Option<Match> {
    rare(Rare::Cpu(Neg { not: blob.flag(4, 4)?, value: blob.u32(0)? }))
}

/// `struct xt_devgroup_info`.
fn devgroup(blob: &Blob, _: &mut Names) -> Option<Match> {
    let flags = blob.u32(0).filter(|flags| *flags < 16)?;
    let group = |flag: u32, at: usize| {
        let value = Masked { value: blob.u32(at)?, mask: blob.u32(at + 4)? };
        Some((flags & flag != 0).then_some(Neg { not: flags & flag << 1 != 0, value }))
    };
    let (source, destination) = (group(1, 4)?, group(4, 12)?);
    if source.is_none() && destination.is_none() {
        return None;
    }
    rare(Rare::Devgroup(Devgroup { source, destination }))
}

/// `struct xt_realm_info`.
fn realm(blob: &Blob, _: &mut Names) -> Option<Match> {
    let value = Masked { value: blob.u32(0)?, mask: blob.u32(4)? };
    rare(Rare::Realm(Neg { not: blob.flag(8, 1)?, value }))
}
