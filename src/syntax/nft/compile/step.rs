//! The steps of a rule before they are expressions: comparisons of neighbouring fields are joined, and what goes without
//! saying is left out (`stmt_reduce` in nft's rule.c).

use super::number::Number;
use crate::host::nft::{CompareOp, Expression, PayloadBase, Register};

/// Bytes of the packet that are compared with a constant.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) base: PayloadBase,
    /// The first bit.
    pub(super) bit: u32,
    pub(super) bits: u16,
    /// It tells which protocol follows: what follows stays behind it.
    pub(super) protocol: bool,
    pub(super) not: bool,
    /// Any of these flags, instead of all that is there.
    pub(super) any_of: bool,
    /// The constant; of what is joined the first bytes come first.
    pub(super) data: Data,
}

/// As many bytes as a large register has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Data {
    bytes: [u8; Data::ROOM],
    length: u8,
}

impl Data {
    const ROOM: usize = 16;

    pub(super) fn of(number: Number) -> Data {
        let mut bytes = [0; Data::ROOM];
        let length = number.bytes().min(Data::ROOM);
        let (big, little) = (number.value.to_be_bytes(), number.value.to_le_bytes());
        let from = if number.order.is_big() { &big[Data::ROOM - length..] } else { &little[..length] };
        bytes[..length].copy_from_slice(from);
        Data { bytes, length: length as u8 }
    }

    fn get(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// Both, where there is room: what is joined never fills more than a register.
    fn joined(self, other: Data) -> Data {
        let mut joined = self;
        for byte in other.get() {
            if let Some(slot) = joined.bytes.get_mut(usize::from(joined.length)) {
                *slot = *byte;
                joined.length += 1;
            }
        }
        joined
    }
}

/// A step of a rule.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// It may be joined with its neighbours.
    Field(Field),
    /// Expressions that stay as they are: from one index to before another.
    Made { from: usize, to: usize, kind: Made },
}

/// What kind of step it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// It asks.
    Asks,
    /// It asks for the protocol that the family has anyway.
    GoesWithoutSaying,
    /// It does something: what comes before it is not joined with what follows.
    Does,
}

/// The steps of a rule, and the expressions that are made of them. Its room is used again for the next rule.
#[derive(Debug, Default)]
pub(super) struct Steps {
    pub(super) steps: Vec<Step>,
    pub(super) made: Vec<Expression>,
    candidates: Vec<usize>,
    gone: Vec<bool>,
}

impl Steps {
    pub(super) fn clear(&mut self) {
        self.steps.clear();
        self.made.clear();
    }

    /// A step is made of what was pushed to `made` since it had `from` expressions.
    pub(super) fn push(&mut self, from: usize, kind: Made) {
        let to = self.made.len();
        self.steps.push(Step::Made { from, to, kind });
    }

    /// The expressions of the rule.
    pub(super) fn finish(&mut self) -> Box<[Expression]> {
        self.reduce();
        let last = self.steps.len().saturating_sub(1);
        // As much room as is needed: nothing is given back.
        let room = self.steps.iter().zip(&self.gone).enumerate().filter(|(_, (_, gone))| !**gone);
        let room = room.map(|(at, (step, _))| match step {
            Step::Made { kind: Made::GoesWithoutSaying, .. } if at != last => 0,
            Step::Made { from, to, .. } => to - from,
            Step::Field(field) if field.any_of => 3,
            Step::Field(_) => 2,
        });
        let mut out = Vec::with_capacity(room.sum());
        for (at, step) in self.steps.iter().enumerate().filter(|(at, _)| !self.gone[*at]) {
            match step {
                Step::Made { kind: Made::GoesWithoutSaying, .. } if at != last => {}
                Step::Made { from, to, .. } => {
                    let taken = self.made[*from..*to].iter_mut();
                    out.extend(taken.map(|made| std::mem::replace(made, Expression::Counter)));
                }
                Step::Field(field) => emit(field, &mut out),
            }
        }
        out.into()
    }

    /// Joins neighbours, up to each step that does something. A single one before such a step is still joined with what
    /// comes after it: so does nft.
    fn reduce(&mut self) {
        self.gone.clear();
        self.gone.resize(self.steps.len(), false);
        self.candidates.clear();
        for at in 0..self.steps.len() {
            match &self.steps[at] {
                Step::Field(_) => self.candidates.push(at),
                Step::Made { kind: Made::Does, .. } if self.candidates.len() > 1 => self.join(),
                Step::Made { .. } => {}
            }
        }
        if self.candidates.len() > 1 {
            self.join();
        }
    }

    fn field(&self, at: usize) -> Option<&Field> {
        match &self.steps[at] {
            Step::Field(field) => Some(field),
            Step::Made { .. } => None,
        }
    }

    fn join(&mut self) {
        let steps = &self.steps;
        self.candidates.sort_by_key(|at| match &steps[*at] {
            Step::Field(field) => (order(field.base), field.bit),
            Step::Made { .. } => (u8::MAX, 0),
        });
        let candidates = std::mem::take(&mut self.candidates);
        let mut before = candidates[0];
        for at in candidates.iter().copied().skip(1) {
            let (Some(first), Some(second)) = (self.field(before), self.field(at)) else { continue };
            if first.not != second.not || !joins(first, second) {
                before = at;
                continue;
            }
            let joined = Field {
                base: first.base,
                bit: first.bit,
                bits: first.bits + second.bits,
                protocol: second.protocol,
                not: first.not,
                any_of: false,
                data: first.data.joined(second.data),
            };
            // What tells the protocol keeps its place: the other one moves to it.
            let (kept, left) = if second.protocol { (at, before) } else { (before, at) };
            let protocol = if second.protocol { true } else { first.protocol };
            self.steps[kept] = Step::Field(Field { protocol, ..joined });
            self.gone[left] = true;
            before = kept;
        }
        self.candidates = candidates;
        self.candidates.clear();
    }
}

fn order(base: PayloadBase) -> u8 {
    match base {
        PayloadBase::Link => 1,
        PayloadBase::Network => 2,
        PayloadBase::Transport => 3,
        PayloadBase::Inner => 4,
        PayloadBase::Tunnel => 5,
    }
}

/// Whether two comparisons become one: they are neighbours in whole bytes, and the kernel compares them faster together
/// (`payload_can_merge`).
fn joins(first: &Field, second: &Field) -> bool {
    const WORD: u16 = 32;
    const LARGE: u16 = 128;
    let adjacent = first.base == second.base && first.bit + u32::from(first.bits) == second.bit;
    let whole = |field: &Field| field.bit.is_multiple_of(8) && field.bits.is_multiple_of(8);
    let total = first.bits.saturating_add(second.bits);
    adjacent
        && whole(first)
        && whole(second)
        && total <= LARGE
        && (total <= WORD || first.base == PayloadBase::Link || first.bits > WORD || second.bits > WORD)
}

fn emit(field: &Field, out: &mut Vec<Expression>) {
    let register = Register(0);
    let data: Box<[u8]> = field.data.get().into();
    out.push(Expression::Payload {
        base: field.base,
        offset: (field.bit / 8) as u16,
        length: field.bits.div_ceil(8),
        to: register,
    });
    if field.any_of {
        let zero: Box<[u8]> = vec![0; data.len()].into();
        let mask_xor = Box::new((data, zero.clone()));
        out.push(Expression::Bitwise { from: register, to: register, mask_xor });
        out.push(Expression::Compare { from: register, op: CompareOp::NotEqual, data: zero });
    } else {
        let op = if field.not { CompareOp::NotEqual } else { CompareOp::Equal };
        out.push(Expression::Compare { from: register, op, data });
    }
}
