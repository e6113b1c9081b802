//! Changes of the packet's bytes: fields of headers and of TCP options.
//!
//! The kernel writes whole bytes, and where a checksum is put right, whole words of two: what lies beside the field is loaded,
//! masked and put back (`stmt_evaluate_payload` of nft).

use super::evaluate::Wanted;
use super::number::{Order, bytes, ones};
use super::operand::{Load, Op, Operand, What};
use super::rule::{Maker, Trouble};
use super::step::Made;
use crate::host::nft::{Checksum, Expression, Extension, PayloadBase, PayloadSet, Register};
use crate::syntax::nft::fields::Header;
use crate::syntax::nft::tree::Expr;

/// A place in the packet that is written to.
#[derive(Debug, Clone, Copy)]
struct Place {
    base: PayloadBase,
    bit: u32,
    bits: u16,
    header: Option<Header>,
}

/// The checksum of a header: its kind, and its first bit.
fn checksum(header: Header) -> Option<(Checksum, u16)> {
    Some(match header {
        Header::Ip => (Checksum::Inet, 80),
        Header::Icmp | Header::Icmp6 | Header::Igmp => (Checksum::Inet, 16),
        Header::Tcp => (Checksum::Inet, 128),
        Header::Udp => (Checksum::Inet, 48),
        Header::Sctp => (Checksum::Sctp, 64),
        _ => return None,
    })
}

/// Whether the transport header's checksum covers a field too.
fn is_in_pseudo_header(name: &str) -> bool {
    matches!(
        name,
        "ip saddr"
            | "ip daddr"
            | "ip protocol"
            | "ip length"
            | "ip6 saddr"
            | "ip6 daddr"
            | "ip6 nexthdr"
            | "ip6 length"
    )
}

impl Maker<'_> {
    pub(super) fn set_payload(&mut self, left: &Expr<'_>, value: &Expr<'_>) -> Result<(), Trouble> {
        let operand = self.operand(left)?;
        let (place, pseudo) = match left {
            Expr::Payload(field) if field.header != Header::Transport => {
                let before = first_bit(&operand).unwrap_or(0) / 8 * 8;
                let bit = before + u32::from(field.bit) % 8;
                let base = super::protocol::base(field.header);
                (Place { base, bit, bits: field.bits, header: Some(field.header) }, is_in_pseudo_header(field.name))
            }
            Expr::Payload(field) => {
                let base = PayloadBase::Transport;
                (Place { base, bit: field.bit.into(), bits: field.bits, header: None }, false)
            }
            Expr::Raw { base, bit, bits } => (Place { base: *base, bit: *bit, bits: *bits, header: None }, false),
            _ => return Err(Trouble::Meaningless("a change of this")),
        };
        let wanted = Wanted { kind: operand.kind, bits: place.bits, order: Order::Network };
        let value = self.single(value, wanted)?.ordered(Order::Network);
        let sum = place.header.and_then(checksum);
        let needs_sum = sum.is_some() || place.base == PayloadBase::Inner;
        let (value, place) = whole(value, place, needs_sum);
        let made = self.steps.made.len();
        self.load(&value);
        let pseudo_header = pseudo || place.base == PayloadBase::Inner;
        self.steps.made.push(Expression::PayloadSet(Box::new(PayloadSet {
            from: Register(0),
            base: place.base,
            offset: (place.bit / 8) as u16,
            length: place.bits / 8,
            checksum: sum.map_or(Checksum::None, |(kind, _)| kind),
            checksum_offset: sum.map_or(0, |(_, bit)| bit / 8),
            pseudo_header,
        })));
        self.steps.push(made, Made::Does);
        Ok(())
    }

    pub(super) fn set_option(&mut self, left: &Expr<'_>, value: &Expr<'_>) -> Result<(), Trouble> {
        let operand = self.operand(left)?;
        let What::Load(Load::Exthdr { within, kind, bit, .. }) = operand.what else {
            return Err(Trouble::Meaningless("a change of some bits"));
        };
        let wanted = Wanted { kind: operand.kind, bits: operand.bits, order: Order::Network };
        let value = self.single(value, wanted)?.ordered(Order::Network);
        let (offset, length) = ((bit / 8) as u8, bytes(operand.bits) as u8);
        self.sets_from(&value, |from| Expression::ExthdrSet { within, kind, offset, length, from })
    }

    /// `reset tcp option …`.
    pub(super) fn reset(&mut self, of: &Expr<'_>) -> Result<(), Trouble> {
        let operand = self.operand(of)?;
        let What::Load(Load::Exthdr { within: within @ Extension::TcpOption, kind, .. }) = operand.what else {
            return Err(Trouble::Meaningless("a reset of this"));
        };
        let made = self.steps.made.len();
        self.steps.made.push(Expression::ExthdrReset { within, kind });
        self.steps.push(made, Made::Does);
        Ok(())
    }
}

/// The first bit that an operand loads.
fn first_bit(operand: &Operand) -> Option<u32> {
    match &operand.what {
        What::Load(Load::Payload { bit, .. }) => Some(*bit),
        What::Bitwise { of, .. } | What::Shift { of, .. } => first_bit(of),
        _ => None,
    }
}

/// The value for whole bytes, and where those lie.
fn whole(value: Operand, place: Place, needs_sum: bool) -> (Operand, Place) {
    let aligned = place.bit.is_multiple_of(8) && place.bits.is_multiple_of(8);
    if aligned && (!needs_sum || (place.bits / 8).is_multiple_of(2)) {
        return (value, place);
    }
    let mut first = place.bit / 8;
    let within = (place.bit % 8) as u16;
    let mut shift = i32::from(place.bits.next_multiple_of(8)) - i32::from(within + place.bits);
    let mut more = 0;
    while shift < 0 {
        shift += 8;
        more += 8;
    }
    let mut length = (place.bits + more).div_ceil(8);
    if needs_sum && length % 2 == 1 {
        length += 1;
        // Whole words begin at an even byte.
        if first % 2 == 1 {
            first -= 1;
        } else {
            shift += 8;
        }
    }
    let bits = length * 8;
    let mask = ones(bits) & !(ones(place.bits) << shift);
    let load = Load::Payload { base: place.base, bit: first * 8, field: None };
    let beside = Operand::load(load, value.kind, bits, Order::Network).apply(Op::And, mask);
    let value = match constant(&value) {
        Some(number) => beside.apply(Op::Xor, number << shift),
        None => beside,
    };
    (value, Place { bit: first * 8, bits, ..place })
}

/// The number that a constant is, in network order.
fn constant(operand: &Operand) -> Option<u128> {
    match &operand.what {
        What::Constant(data) => Some(data.iter().fold(0, |number, byte| number << 8 | u128::from(*byte))),
        _ => None,
    }
}
