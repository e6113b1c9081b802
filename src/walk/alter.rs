//! Targets that change the packet's header, or hand the packet to a socket: TTL, HL, DSCP, TOS, ECN, NPT, TPROXY.
//!
//! The `target` callbacks of net/netfilter/xt_*.c, ipt_ECN.c and ip6t_NPT.c.

use super::condition::Scene;
use super::field::Field;
use super::outcome::{Assumed, FateKind, Verdict, Why};
use super::packet::{Packet, TimeToLive, Value};
use super::query::number;
use super::set::ValueSet;
use super::space::{Asked, Open};
use super::target::Effect;
use crate::host::RuleId;
use crate::host::xt::{Masked, Target, Tproxy, TtlChangeOp};

/// The bits of the service's byte that DSCP does not have.
const NOT_DSCP: u8 = 0x03;

/// What a target makes of the packet's header.
pub(super) fn alter(packet: &mut Packet, tos: &Value, target: &Target) {
    match target {
        Target::Ttl(change) => {
            let by = i16::from(change.value);
            packet.ttl = match change.op {
                TtlChangeOp::Set => TimeToLive::Set(change.value),
                TtlChangeOp::Increment => packet.ttl.changed(by),
                TtlChangeOp::Decrement => packet.ttl.changed(-by),
            };
        }
        Target::Dscp(dscp) => packet.tos = service(tos, NOT_DSCP, dscp << 2),
        Target::Tos(change) => packet.tos = service(tos, !change.mask, change.value),
        Target::Ecn(change) => {
            if let Some(ect) = change.ect {
                packet.tos = service(tos, !NOT_DSCP, ect);
            }
        }
        // The bits that make up for the checksum are not reckoned out.
        Target::Npt(npt) => {
            let (first, last) = (number(npt.to.network().into()), number(npt.to.broadcast().into()));
            let within = Value::Chosen { among: ValueSet::range(first, last), why: Why::Undecoded };
            *(if npt.destination { &mut packet.dst } else { &mut packet.src }) = within;
        }
        _ => {}
    }
}

/// The byte that asks for a service, of which some bits are kept and some flipped.
pub(super) fn service(old: &Value, kept: u8, flipped: u8) -> Value {
    let (kept, flipped) = (u128::from(kept), u128::from(flipped));
    let (field, mask, prefix) = match old {
        Value::Known(old) => return Value::Known((old & kept) ^ flipped),
        _ if kept == 0 => return Value::Known(flipped),
        Value::Entering(field) => (*field, kept, flipped),
        Value::Mapped { field, mask, prefix } => (*field, mask & kept, (prefix & kept) ^ flipped),
        Value::Chosen { .. } => (Field::Tos, u128::MAX, u128::MAX),
    };
    // A bit that is kept and flipped too has no form here.
    if mask & prefix != 0 {
        return Value::Chosen { among: ValueSet::full(8), why: Why::State };
    }
    Value::Mapped { field, mask, prefix }
}

/// `tproxy_tg4`, `tproxy_tg6_v1`: where a transparent socket hears, it gets the packet; where none does, nobody.
pub(super) fn hand_over(scene: &Scene<'_>, tproxy: &Tproxy, at: (RuleId, u16)) -> Asked<Effect> {
    let port = if tproxy.port == 0 { scene.packet.dport.clone() } else { Value::Known(tproxy.port.into()) };
    let address = match tproxy.address {
        address if address.is_unspecified() => scene.address_to_hand_to(),
        address => Value::Known(number(address)),
    };
    Ok(match transparent(scene, &address, &port, at)? {
        Some(socket) => Effect::Hand(socket, tproxy.mark),
        None => Effect::End(FateKind::Dropped, Verdict::Drop),
    })
}

/// The transparent socket that hears a packet to this address and port.
pub(super) fn transparent(scene: &Scene<'_>, address: &Value, port: &Value, at: (RuleId, u16)) -> Asked<Option<usize>> {
    let Some(number) = scene.listener_number(address, port, at)? else { return Ok(None) };
    let is_transparent = match scene.plan.namespace().sockets.get(number).and_then(|socket| socket.transparent) {
        Some(known) => known,
        None => scene.assume(Open::either(Assumed::TargetContinues(at.0), Why::Unread, 0.5))?,
    };
    Ok(is_transparent.then_some(number))
}

/// The packet's mark, as a target changes it.
pub(super) fn marked(scene: &Scene<'_>, mark: Masked) -> Value {
    let old = scene.settled(&scene.packet.mark);
    replaced(&old, mark.mask, &Value::Known(mark.value.into()), u32::MAX)
}

/// A mark, shifted as CONNMARK does it: to the left, or for a negative number to the right.
pub(super) fn shifted(mark: Value, shift: i8) -> Value {
    let bits = u32::from(shift.unsigned_abs());
    match mark {
        mark if shift == 0 => mark,
        // By more bits than there are, machines shift differently.
        Value::Known(mark) if bits < u32::BITS => {
            let mark = mark as u32;
            Value::Known(u128::from(if shift > 0 { mark << bits } else { mark >> bits }))
        }
        _ => Value::Chosen { among: ValueSet::full(32), why: Why::State },
    }
}

/// A mark of which the bits under `mask` are cleared and those of `by` under `taken` flipped in: `(old & !mask) ^ (by & taken)`.
pub(super) fn replaced(old: &Value, mask: u32, by: &Value, taken: u32) -> Value {
    let of_entering = match old {
        Value::Entering(field) => Some((*field, u32::MAX, 0)),
        Value::Mapped { field, mask, prefix } => Some((*field, *mask as u32, *prefix as u32)),
        Value::Known(_) | Value::Chosen { .. } => None,
    };
    match (old, by) {
        (Value::Known(old), Value::Known(by)) => Value::Known(u128::from((*old as u32 & !mask) ^ (*by as u32 & taken))),
        (_, Value::Known(by)) if mask == u32::MAX => Value::Known(u128::from(*by as u32 & taken)),
        (old, Value::Known(by)) if *by as u32 & taken == 0 && mask == 0 => old.clone(),
        (_, by) if mask == u32::MAX && taken == u32::MAX => by.clone(),
        (_, Value::Known(by)) => match of_entering {
            // A bit that comes from the entering mark and is flipped has no form here.
            Some((field, from, put)) if *by as u32 & taken & from & !mask == 0 => Value::Mapped {
                field,
                mask: u128::from(from & !mask),
                prefix: u128::from((put & !mask) ^ (*by as u32 & taken)),
            },
            _ => Value::Chosen { among: ValueSet::full(32), why: Why::State },
        },
        _ => Value::Chosen { among: ValueSet::full(32), why: Why::State },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_that_is_set_twice_keeps_the_bits_that_it_came_with() {
        let value = |value: &Value, entering: u32| match value {
            Value::Known(known) => *known as u32,
            Value::Entering(_) => entering,
            Value::Mapped { mask, prefix, .. } => *prefix as u32 | (entering & *mask as u32),
            Value::Chosen { .. } => panic!("it can be told"),
        };
        // kube-proxy's: set for a service, and again for an endpoint; then taken away.
        let steps = [(0x4000, 0x4000), (0x4000, 0x4000), (0x8000, 0xc000), (0x0, 0x4000), (0x8000, 0x0)];
        for entering in [0, 0x4000, 0x8001, 0xffff_ffff] {
            let (mut mark, mut kernel) = (Value::Entering(Field::Mark), entering);
            for (by, mask) in steps {
                mark = replaced(&mark, mask, &Value::Known(by.into()), u32::MAX);
                kernel = kernel & !mask ^ by;
                assert_eq!(value(&mark, entering), kernel, "{by:#x}/{mask:#x}");
            }
        }
    }
}
