//! `bitwise`: masks, shifts, and operations on two operands.

use super::{Parts, be};
use crate::host::nft::{Boolean, BooleanOp, Expression, Operand};

pub(super) fn bitwise(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3, 4, 5, 6, 7, 8])?;
    match parts.number(6).unwrap_or(0) {
        0 => mask_xor(parts),
        1 => shift(parts, true),
        2 => shift(parts, false),
        3 => boolean(parts, BooleanOp::And),
        4 => boolean(parts, BooleanOp::Or),
        5 => boolean(parts, BooleanOp::Xor),
        _ => None,
    }
}

fn mask_xor(parts: &Parts<'_>) -> Option<Expression> {
    parts.only(&[1, 2, 3, 4, 5, 6])?;
    let (mask, xor) = (parts.value(4)?, parts.value(5)?);
    (mask.len() == xor.len()).then_some(())?;
    Some(Expression::Bitwise {
        from: parts.register(1)?,
        to: parts.register(2)?,
        mask_xor: Box::new((mask.into(), xor.into())),
    })
}

/// `nft_bitwise_dump_shift`: the number of bits is data, in the machine's order.
fn shift(parts: &Parts<'_>, left: bool) -> Option<Expression> {
    parts.only(&[1, 2, 3, 6, 7])?;
    let bits = parts.value(7)?.try_into().ok().map(u32::from_ne_bytes)?;
    Some(Expression::Shift { from: parts.register(1)?, to: parts.register(2)?, left, length: parts.byte(3)?, bits })
}

fn boolean(parts: &Parts<'_>, op: BooleanOp) -> Option<Expression> {
    parts.only(&[1, 2, 3, 6, 7, 8])?;
    let with = match (parts.maybe_register(8)?, parts.value(7)) {
        (Some(register), None) => Operand::Register(register),
        (None, Some(data)) => Operand::Data(data.into()),
        _ => return None,
    };
    let length = be(parts.get(3)?).and_then(|length| u8::try_from(length).ok())?;
    let (from, to) = (parts.register(1)?, parts.register(2)?);
    Some(Expression::Boolean(Box::new(Boolean { op, from, with, to, length })))
}
