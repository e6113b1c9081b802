//! What a rule loads, changes and looks up, before it is in registers: the left side of a comparison, or a value that is set.
//!
//! Knows which expressions load an operand into a register (nft's netlink_linearize.c). What it is compared with, and which
//! protocols have to be asked for first, is not known here.

use super::super::values::Kind;
use super::kept::Known;
use super::number::{self, Order, bytes, ones, words};
use crate::host::Name;
use crate::host::nft::{
    CtKey, Expression, Extension, FibResult, Hash, HashKind, LookupResult, MetaKey, PayloadBase, Register, RtKey,
    SocketKey, XfrmKey,
};
use crate::host::xt::CtDirection;

/// One load.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Load {
    /// Bytes of the packet, from a bit on.
    Payload {
        base: PayloadBase,
        bit: u32,
        field: Option<Known>,
    },
    Meta(MetaKey),
    Ct(CtKey, Option<CtDirection>),
    Fib {
        result: FibResult,
        flags: u32,
    },
    /// Bytes of an extension header or of an option, from a bit on.
    Exthdr {
        within: Extension,
        kind: u8,
        bit: u16,
        present: bool,
        header: u32,
        field: u32,
    },
    Rt(RtKey),
    Socket(SocketKey),
    Osf {
        ttl: u8,
        version: bool,
    },
    Xfrm {
        key: XfrmKey,
        out: bool,
        index: u8,
    },
    Numgen {
        random: bool,
        modulus: u32,
        offset: u32,
    },
    Hash {
        of: Option<Box<Operand>>,
        modulus: u32,
        seed: Option<u32>,
        offset: u32,
    },
}

/// An operation on an operand and a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    And,
    Or,
    Xor,
}

/// What an operand is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    Load(Load),
    /// Operations, the first one first.
    Bitwise {
        of: Box<Operand>,
        ops: Vec<(Op, u128)>,
    },
    Shift {
        of: Box<Operand>,
        left: bool,
        by: u32,
    },
    /// Bytes turned around.
    Swap {
        of: Box<Operand>,
        to_network: bool,
    },
    /// Several, each padded to four bytes.
    Concatenation(Vec<Operand>),
    /// What a map gives for a key.
    Map {
        key: Box<Operand>,
        set: Name,
    },
    Constant(Box<[u8]>),
}

/// nft's type of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Type {
    /// nft's number for it (`enum datatypes`); of a concatenation six bits for each part.
    pub(super) number: u32,
    /// How values are written.
    pub(super) kind: Kind<'static>,
}

/// Something that is loaded or made.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Operand {
    pub(super) what: What,
    pub(super) kind: Type,
    pub(super) bits: u16,
    pub(super) order: Order,
    /// It names a protocol: a comparison with it tells what follows (nft's `EXPR_F_PROTOCOL`).
    pub(super) protocol: bool,
}

/// Words in one of the kernel's large registers.
const LARGE: u8 = 4;

/// How many words an operand is given: as many as it fills where it is a concatenation, else a large register.
pub(super) fn room(operand: &Operand) -> u8 {
    match operand.what {
        What::Concatenation(_) => words(operand.bits),
        _ => LARGE,
    }
}

impl Operand {
    pub(super) fn load(load: Load, kind: Type, bits: u16, order: Order) -> Operand {
        Operand { what: What::Load(load), kind, bits, order, protocol: false }
    }

    /// Bytes of the packet that need no operation.
    pub(super) fn payload(&self) -> Option<(PayloadBase, u32)> {
        match self.what {
            What::Load(Load::Payload { base, bit, .. }) => Some((base, bit)),
            _ => None,
        }
    }

    /// The key of `meta` that it loads.
    pub(super) fn meta(&self) -> Option<MetaKey> {
        match self.what {
            What::Load(Load::Meta(key)) => Some(key),
            _ => None,
        }
    }

    /// Puts another operation on top.
    pub(super) fn apply(self, op: Op, value: u128) -> Operand {
        let Operand { what, kind, bits, order, protocol: _ } = self;
        let what = match what {
            What::Bitwise { of, mut ops } => {
                ops.push((op, value));
                What::Bitwise { of, ops }
            }
            what => {
                let of = Box::new(Operand { what, kind, bits, order, protocol: false });
                What::Bitwise { of, ops: vec![(op, value)] }
            }
        };
        Operand { what, kind, bits, order, protocol: false }
    }

    /// Shifts it: its bytes must lie in host order then.
    pub(super) fn shift(self, left: bool, by: u32) -> Operand {
        let (kind, bits, order) = (self.kind, self.bits, self.order);
        Operand { what: What::Shift { of: Box::new(self), left, by }, kind, bits, order, protocol: false }
    }

    /// Brings its bytes into an order, as far as they have one (`byteorder_conversion`).
    pub(super) fn ordered(mut self, order: Order) -> Operand {
        if let What::Concatenation(parts) = self.what {
            // nft turns around the bytes of a part even if it has one alone.
            let ordered = |part: Operand| match part.order {
                Order::Host if order == Order::Network => part.swapped(order),
                _ => part,
            };
            self.what = What::Concatenation(parts.into_iter().map(ordered).collect());
            return self;
        }
        if self.order == order || self.order == Order::Text {
            return self;
        }
        if self.bits < 16 || matches!(self.what, What::Constant(_)) {
            self.order = order;
            return self;
        }
        self.swapped(order)
    }

    fn swapped(self, order: Order) -> Operand {
        let (kind, bits) = (self.kind, self.bits);
        let what = What::Swap { of: Box::new(self), to_network: order == Order::Network };
        Operand { what, kind, bits, order, protocol: false }
    }

    /// Loads it into a register, and what it needs for that into those from `free` on.
    pub(super) fn emit(&self, to: u8, free: u8, out: &mut Vec<Expression>) {
        let at = Register(to);
        match &self.what {
            What::Load(load) => self.emit_load(load, to, free, out),
            What::Bitwise { of, ops } => {
                of.emit(to, free, out);
                let (mask, xor) = combined(ops, self.bits);
                let data = |value| number::data(value, bytes(self.bits), self.order);
                out.push(Expression::Bitwise { from: at, to: at, mask_xor: Box::new((data(mask), data(xor))) });
            }
            What::Shift { of, left, by } => {
                of.emit(to, free, out);
                let length = bytes(self.bits) as u8;
                out.push(Expression::Shift { from: at, to: at, left: *left, length, bits: *by });
            }
            What::Swap { of, to_network } => {
                of.emit(to, free, out);
                let size = match self.bits {
                    bits if bits % 64 == 0 => 8,
                    bits if bits % 32 == 0 => 4,
                    _ => 2,
                };
                let length = (self.bits / 8) as u8;
                out.push(Expression::Byteorder { from: at, to: at, size, length, to_network: *to_network });
            }
            What::Concatenation(parts) => {
                let mut to = to;
                for part in parts {
                    part.emit(to, free, out);
                    to = to.saturating_add(words(part.bits));
                }
            }
            What::Map { key, set } => {
                key.emit(to, free, out);
                let to = Some(LookupResult::Data(at));
                out.push(Expression::Lookup { set: set.clone(), from: at, to, not: false });
            }
            What::Constant(data) => out.push(Expression::Immediate { to: at, data: data.clone() }),
        }
    }

    fn emit_load(&self, load: &Load, to: u8, free: u8, out: &mut Vec<Expression>) {
        let at = Register(to);
        let made = match *load {
            Load::Payload { base, bit, .. } => {
                Expression::Payload { base, offset: (bit / 8) as u16, length: bytes(self.bits) as u16, to: at }
            }
            Load::Meta(key) => Expression::Meta { key, to: at },
            Load::Ct(key, direction) => Expression::Ct { key, direction, to: at },
            Load::Fib { result, flags } => Expression::Fib { result, flags, to: at },
            Load::Exthdr { within, kind, bit, present, .. } => {
                let (offset, length) = ((bit / 8) as u8, bytes(self.bits) as u8);
                Expression::Exthdr { within, kind, offset, length, present, to: at }
            }
            Load::Rt(key) => Expression::Rt { key, to: at },
            Load::Socket(key) => Expression::Socket { key, to: at },
            Load::Osf { ttl, version } => Expression::Osf { ttl, version, to: at },
            Load::Xfrm { key, out, index } => Expression::Xfrm { key, out, index, to: at },
            Load::Numgen { random, modulus, offset } => Expression::Numgen { random, modulus, offset, to: at },
            Load::Hash { ref of, modulus, seed, offset } => {
                let (kind, length) = match of {
                    Some(of) => {
                        of.emit(free, free.saturating_add(room(of)), out);
                        (HashKind::Jenkins, bytes(of.bits) as u8)
                    }
                    None => (HashKind::Symmetric, 0),
                };
                let from = if of.is_some() { Register(free) } else { Register(0) };
                Expression::Hash(Box::new(Hash { kind, from, length, modulus, seed, offset, to: at }))
            }
        };
        out.push(made);
    }
}

/// Operations as one mask and what is flipped after it.
fn combined(ops: &[(Op, u128)], bits: u16) -> (u128, u128) {
    let all = ones(bits);
    ops.iter().fold((all, 0), |(mask, xor), (op, value)| match op {
        Op::And => (mask & value, xor & value),
        Op::Or => (mask & !value & all, xor & !value | value & all),
        Op::Xor => (mask, xor ^ (value & all)),
    })
}

/// Several operands as one, each padded to whole words.
pub(super) fn concatenated(parts: Vec<Operand>) -> Operand {
    let number = parts.iter().fold(0u32, |number, part| number << 6 | part.kind.number & 0x3f);
    let bits = parts.iter().map(|part| part.bits.next_multiple_of(32)).sum();
    let kind = Type { number, kind: Kind::Hex };
    Operand { what: What::Concatenation(parts), kind, bits, order: Order::Network, protocol: false }
}
