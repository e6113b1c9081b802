//! What nft keeps with a set: from which expressions its keys and values are taken (`NFTNL_UDATA_SET_KEY_TYPEOF`).
//!
//! The kernel does not look at it, and nft reads it to tell `typeof` again. Its form is nft's own: see the `build_udata`
//! functions of its expressions.

use super::operand::{Load, Operand, What};
use crate::host::nft::{Extension, PayloadBase, SocketKey, Typeof};
use crate::host::xt::CtDirection;
use crate::syntax::nft::fields::Header;

/// nft's numbers for kinds of expressions (`enum expr_types`).
const VERDICT: u32 = 1;
const PAYLOAD: u32 = 7;
const EXTHDR: u32 = 8;
const META: u32 = 9;
const SOCKET: u32 = 10;
const OSF: u32 = 11;
const CT: u32 = 12;
const CONCATENATION: u32 = 13;
const NUMGEN: u32 = 23;
const HASH: u32 = 24;
const RT: u32 = 25;
const FIB: u32 = 26;
const XFRM: u32 = 27;

/// nft tells no more parts of a concatenation.
const PARTS: usize = 4;

/// A field of a header, by nft's numbers for both (`enum proto_desc_id` and the place in its table of fields).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    header: u32,
    field: u32,
}

/// nft's numbers for a field, by its place among those of its header.
pub(super) fn known(header: Header, name: &str, place: usize) -> Known {
    let number = match header {
        Header::Ah => 1,
        Header::Esp => 2,
        Header::Comp => 3,
        Header::Icmp => 4,
        Header::Igmp => 5,
        Header::Udp => 6,
        Header::Udplite => 7,
        Header::Tcp => 8,
        Header::Dccp => 9,
        Header::Sctp => 10,
        Header::Transport => 11,
        Header::Ip => 12,
        Header::Ip6 => 13,
        Header::Icmp6 => 14,
        Header::Arp => 15,
        Header::Vlan => 16,
        Header::Ether => 17,
    };
    // Where nft counts in another order than the fields lie.
    let field = match name {
        "vlan id" => 4,
        "vlan type" => 5,
        "icmp id" | "icmpv6 parameter-problem" => 4,
        "icmp sequence" | "icmpv6 mtu" => 5,
        "icmp gateway" | "icmpv6 id" => 6,
        "icmp mtu" | "icmpv6 sequence" => 7,
        "icmpv6 max-delay" => 8,
        "igmp checksum" => 2,
        "igmp mrt" => 3,
        _ => place as u32 + 1,
    };
    Known { header: number, field }
}

/// What nft keeps of an operand that keys are taken from; `None`: nothing.
pub(super) fn of(operand: &Operand) -> Option<Box<Typeof>> {
    let (expression, data) = told(operand)?;
    Some(Box::new(Typeof { expression, data: data.into() }))
}

/// What nft keeps of a map of verdicts.
pub(super) fn of_verdicts() -> Box<Typeof> {
    Box::new(Typeof { expression: VERDICT, data: Box::default() })
}

/// What nft keeps of a concatenation of types: that it is one.
pub(super) fn of_types() -> Box<Typeof> {
    Box::new(Typeof { expression: CONCATENATION, data: Box::default() })
}

fn told(operand: &Operand) -> Option<(u32, Vec<u8>)> {
    match &operand.what {
        What::Load(load) => told_of_load(operand, load),
        What::Concatenation(parts) => Some((CONCATENATION, told_of_parts(parts))),
        What::Bitwise { .. } | What::Shift { .. } | What::Swap { .. } | What::Map { .. } | What::Constant(_) => None,
    }
}

/// As many parts as nft can tell: it ends where it cannot.
fn told_of_parts(parts: &[Operand]) -> Vec<u8> {
    let mut data = Vec::new();
    for (at, part) in parts.iter().enumerate().take(PARTS) {
        // An operation on a part is left out, once.
        let of = match &part.what {
            What::Bitwise { of, ops } if ops.len() == 1 => of,
            What::Shift { of, .. } => of,
            _ => part,
        };
        let Some((expression, told)) = told(of) else { break };
        let mut nested = Vec::new();
        put(&mut nested, 0, &expression.to_ne_bytes());
        put(&mut nested, 1, &told);
        put(&mut data, at as u8, &nested);
    }
    data
}

fn told_of_load(operand: &Operand, load: &Load) -> Option<(u32, Vec<u8>)> {
    let (expression, numbers) = match *load {
        Load::Payload { base, bit, field } => (PAYLOAD, told_of_payload(operand, base, bit, field)),
        Load::Exthdr { within, kind, field, header, .. } => (
            EXTHDR,
            match within {
                Extension::Ipv6 => vec![(1, field), (0, header)],
                Extension::TcpOption | Extension::IpOption | Extension::SctpChunk => {
                    vec![(1, field), (2, within.number()), (0, kind.into())]
                }
                Extension::DccpOption => return None,
            },
        ),
        Load::Meta(key) => (META, vec![(0, key.0)]),
        Load::Ct(key, direction) => {
            let direction = match direction {
                None => u32::MAX,
                Some(CtDirection::Original) => 0,
                Some(CtDirection::Reply) => 1,
            };
            (CT, vec![(0, key.0), (1, direction)])
        }
        Load::Fib { result, flags } => (FIB, vec![(0, result.number()), (1, flags)]),
        Load::Rt(key) => (RT, vec![(0, key.number())]),
        Load::Socket(key) => {
            let number = match key {
                SocketKey::Transparent => 0,
                SocketKey::Mark => 1,
                SocketKey::Wildcard => 2,
                SocketKey::Cgroup2(_) => 3,
            };
            (SOCKET, vec![(0, number)])
        }
        Load::Osf { .. } => (OSF, Vec::new()),
        Load::Xfrm { key, out, index } => (XFRM, vec![(0, key.number()), (1, index.into()), (2, out.into())]),
        Load::Numgen { random, modulus, offset } => (NUMGEN, vec![(0, random.into()), (1, modulus), (2, offset)]),
        Load::Hash { ref of, modulus, seed, offset } => {
            let symmetric = of.is_none().into();
            let seeds = [(3, seed.unwrap_or(0)), (4, seed.is_some().into())];
            (HASH, [&[(0, symmetric), (1, offset), (2, modulus)], &seeds[..]].concat())
        }
    };
    let mut data = Vec::new();
    numbers.into_iter().for_each(|(kind, number): (u8, u32)| put(&mut data, kind, &number.to_ne_bytes()));
    Some((expression, data))
}

/// A field by its numbers, or a place by its bits; of what is a plain number, how many bits it has.
fn told_of_payload(operand: &Operand, base: PayloadBase, bit: u32, field: Option<Known>) -> Vec<(u8, u32)> {
    let mut numbers = match field {
        Some(known) => vec![(0, known.header), (1, known.field)],
        None => vec![(0, 0), (1, 0), (2, base_number(base)), (3, bit)],
    };
    numbers.extend((operand.kind.number == super::INTEGER).then(|| (4, operand.bits.into())));
    numbers
}

/// nft's number for a base (`enum proto_bases`).
fn base_number(base: PayloadBase) -> u32 {
    match base {
        PayloadBase::Link => 1,
        PayloadBase::Network => 2,
        PayloadBase::Transport => 3,
        PayloadBase::Inner | PayloadBase::Tunnel => 4,
    }
}

/// A type, a length and a value.
fn put(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    out.extend([kind, value.len() as u8]);
    out.extend(value);
}
