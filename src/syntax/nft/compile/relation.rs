//! Comparisons: a left side, a sign and a right side as expressions (`expr_evaluate_relational` and
//! `netlink_gen_relational` of nft).
//!
//! Both sides are made elsewhere; which expressions compare them is told here.

use super::number::{self, Number, Order, ones, prefix};
use super::operand::{Load, Op, Operand, What};
use super::protocol::Question;
use super::rule::{Maker, Trouble};
use super::step::{Data, Field, Made, Step};
use crate::host::Family;
use crate::host::nft::{CompareOp, CtKey, Expression, MetaKey, PayloadBase, Register};
use crate::syntax::nft::values::Kind;

/// The sign between the sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// None is written: equal, or with flags any of them.
    Implied,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// `!`: none of these flags.
    None,
}

/// A constant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    One(Number),
    /// A value and how many of its bits count.
    Prefix(Number, u16),
    Range(Number, Number),
}

/// The right side.
#[derive(Debug, Clone)]
pub(super) enum Right {
    Value(Value),
    /// The set at this place among the table's: one that was made for this comparison tells which single values are in it,
    /// where that matters.
    Set {
        at: usize,
        fresh: Option<Vec<u128>>,
    },
}

impl Sign {
    fn op(self) -> CompareOp {
        match self {
            Sign::Implied | Sign::Equal | Sign::None => CompareOp::Equal,
            Sign::NotEqual => CompareOp::NotEqual,
            Sign::Less => CompareOp::Less,
            Sign::LessOrEqual => CompareOp::LessOrEqual,
            Sign::Greater => CompareOp::Greater,
            Sign::GreaterOrEqual => CompareOp::GreaterOrEqual,
        }
    }

    fn is_order(self) -> bool {
        matches!(self, Sign::Less | Sign::LessOrEqual | Sign::Greater | Sign::GreaterOrEqual)
    }
}

/// The register that comparisons use.
const REGISTER: Register = Register(0);

impl Maker<'_> {
    /// Asks what a comparison asks, as a step of the rule.
    pub(super) fn compare(&mut self, mut left: Operand, sign: Sign, mut right: Right) -> Result<(), Trouble> {
        if matches!(sign, Sign::Implied | Sign::Equal) {
            self.learn(&left, &right);
        }
        let network = match (&right, sign) {
            (Right::Value(Value::Range(..)), _) => true,
            (Right::Set { at, .. }, _) => self.is_interval(*at),
            (Right::Value(Value::One(_)), sign) => sign.is_order(),
            (Right::Value(Value::Prefix(..)), _) => false,
        };
        if network {
            left = left.ordered(Order::Network);
        }
        // Text stays text; whatever else is compared lies as the left side does.
        if let Right::Value(value) = &mut right {
            *value = value.ordered(left.order);
        }
        transfer(&mut left, &mut right);
        let joins = !sign.is_order() && sign != Sign::None;
        if let (Some((base, bit)), Right::Value(Value::One(value)), true) = (left.payload(), &right, joins) {
            let any_of = sign == Sign::Implied && is_flags(&left);
            let data = Data::of(*value);
            let (bits, protocol, not) = (left.bits, left.protocol, sign == Sign::NotEqual);
            self.steps.steps.push(Step::Field(Field { base, bit, bits, protocol, not, any_of, data }));
            return Ok(());
        }
        let from = self.steps.made.len();
        let redundant = self.is_redundant(&left, sign, &right);
        match right {
            Right::Value(Value::One(value)) => self.compare_one(left, sign, value),
            Right::Value(Value::Prefix(value, length)) => self.compare_prefix(left, sign, value, length),
            Right::Value(Value::Range(first, last)) => {
                self.load(&left);
                self.compare_range(sign, first, last);
            }
            Right::Set { at, .. } => {
                self.load(&left);
                let set = self.set_name(at);
                let not = sign == Sign::NotEqual;
                self.steps.made.push(Expression::Lookup { set, from: REGISTER, to: None, not });
            }
        }
        self.steps.push(from, if redundant { Made::GoesWithoutSaying } else { Made::Asks });
        Ok(())
    }

    /// Loads an operand into the first register.
    pub(super) fn load(&mut self, operand: &Operand) {
        operand.emit(0, super::operand::room(operand), &mut self.steps.made);
    }

    fn compare_one(&mut self, left: Operand, sign: Sign, value: Number) {
        self.load(&left);
        let data = value.data();
        if !matches!(sign, Sign::Implied | Sign::None) || !is_flags(&left) {
            self.steps.made.push(Expression::Compare { from: REGISTER, op: sign.op(), data });
            return;
        }
        if matches!(left.what, What::Bitwise { .. } | What::Shift { .. }) {
            self.steps.made.push(Expression::Compare { from: REGISTER, op: CompareOp::Equal, data });
            return;
        }
        let zero: Box<[u8]> = vec![0; data.len()].into();
        let mask_xor = Box::new((data, zero.clone()));
        self.steps.made.push(Expression::Bitwise { from: REGISTER, to: REGISTER, mask_xor });
        let op = if sign == Sign::None { CompareOp::Equal } else { CompareOp::NotEqual };
        self.steps.made.push(Expression::Compare { from: REGISTER, op, data: zero });
    }

    /// A prefix of whole bytes that come first is a shorter load; any other one a mask.
    fn compare_prefix(&mut self, mut left: Operand, sign: Sign, value: Number, length: u16) {
        let text = value.order == Order::Text;
        let shorter = text || value.order == Order::Network && length > 0 && length.is_multiple_of(8);
        if shorter {
            left.bits = length;
            self.load(&left);
            let data = value.data()[..usize::from(length / 8).min(value.bytes())].into();
            self.steps.made.push(Expression::Compare { from: REGISTER, op: sign.op(), data });
            return;
        }
        self.load(&left);
        let bytes = value.bytes();
        let mask = number::data(prefix(value.bits, length), bytes, value.order);
        let mask_xor = Box::new((mask, vec![0; bytes].into()));
        self.steps.made.push(Expression::Bitwise { from: REGISTER, to: REGISTER, mask_xor });
        self.steps.made.push(Expression::Compare { from: REGISTER, op: sign.op(), data: value.data() });
    }

    fn compare_range(&mut self, sign: Sign, first: Number, last: Number) {
        let (first, last) = (first.data(), last.data());
        if sign == Sign::NotEqual {
            let ends = Box::new((first, last));
            self.steps.made.push(Expression::Range { from: REGISTER, not: true, ends });
            return;
        }
        for (op, data) in [(CompareOp::GreaterOrEqual, first), (CompareOp::LessOrEqual, last)] {
            self.steps.made.push(Expression::Compare { from: REGISTER, op, data });
        }
    }

    /// `meta protocol ip` says nothing in a table of the family ip.
    fn is_redundant(&self, left: &Operand, sign: Sign, right: &Right) -> bool {
        let Right::Value(Value::One(value)) = right else { return false };
        let own = match self.family {
            Family::Ip => 0x0800,
            Family::Ip6 => 0x86dd,
            Family::Inet | Family::Arp | Family::Bridge | Family::Netdev => return false,
        };
        matches!(sign, Sign::Implied | Sign::Equal) && left.meta() == Some(MetaKey::PROTOCOL) && value.value == own
    }

    /// Takes note of the protocols that a comparison tells.
    fn learn(&mut self, left: &Operand, right: &Right) {
        if !left.protocol {
            return;
        }
        match right {
            Right::Value(Value::One(value)) => self.learn_one(left, value.value),
            Right::Set { fresh: Some(values), .. } => values.iter().for_each(|value| self.learn_one(left, *value)),
            Right::Set { fresh: None, .. } | Right::Value(Value::Prefix(..) | Value::Range(..)) => {}
        }
    }

    fn learn_one(&mut self, left: &Operand, value: u128) {
        let number = u32::try_from(value).unwrap_or(u32::MAX);
        match left.what {
            What::Load(Load::Payload { base, field, .. }) => self.seen.field(base, number, field.is_none()),
            What::Load(Load::Meta(key)) => match key {
                MetaKey::IIFTYPE => self.seen.meta_link(number as u16),
                MetaKey::NFPROTO => self.seen.meta_family(number as u8),
                MetaKey::L4PROTO => self.seen.meta_transport(number as u8),
                MetaKey::PROTOCOL => self.seen.meta_protocol(number as u16),
                _ => {}
            },
            What::Load(Load::Ct(key, _)) => match key {
                CtKey::L3PROTOCOL => self.seen.ct_protocol(PayloadBase::Link, number),
                CtKey::PROTOCOL => self.seen.ct_protocol(PayloadBase::Network, number),
                _ => {}
            },
            _ => {}
        }
    }
}

/// Does on the right side what undoes the last operation on the left (`binop_transfer`). With a set that was made for this
/// comparison that was done when it was made.
fn transfer(left: &mut Operand, right: &mut Right) {
    let Some(undo) = Undo::of(left) else { return };
    match right {
        Right::Value(Value::One(value)) => *value = undo.apply(*value),
        Right::Value(Value::Range(first, last)) => (*first, *last) = (undo.apply(*first), undo.apply(*last)),
        Right::Set { fresh: Some(_), .. } => {}
        Right::Value(Value::Prefix(..)) | Right::Set { fresh: None, .. } => return,
    }
    undo.strip(left);
}

impl Value {
    /// The same in another order of bytes; text has its own.
    pub(super) fn ordered(self, order: Order) -> Value {
        let to = |number: Number| match number.order {
            Order::Text => number,
            Order::Host | Order::Network => Number { order, ..number },
        };
        match self {
            Value::One(value) => Value::One(to(value)),
            Value::Prefix(value, length) => Value::Prefix(to(value), length),
            Value::Range(first, last) => Value::Range(to(first), to(last)),
        }
    }
}

/// Whether values of this operand are flags: any of them is meant where no sign is written.
fn is_flags(operand: &Operand) -> bool {
    matches!(operand.kind.kind, Kind::Flags(_)) || operand.kind.number == super::LABEL
}

/// What undoes the last operation on an operand.
#[derive(Debug, Clone, Copy)]
pub(super) enum Undo {
    Left(u32),
    Right(u32),
    Xor(u128),
}

impl Undo {
    /// What undoes the outermost operation, if that is possible.
    pub(super) fn of(operand: &Operand) -> Option<Undo> {
        match &operand.what {
            What::Shift { left: false, by, .. } => Some(Undo::Left(*by)),
            What::Shift { left: true, by, .. } => Some(Undo::Right(*by)),
            What::Bitwise { ops, .. } => match ops.last() {
                Some((Op::Xor, value)) => Some(Undo::Xor(*value)),
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn apply(self, number: Number) -> Number {
        let (value, bits) = match self {
            Undo::Left(by) => (number.value << by, number.bits + by as u16),
            Undo::Right(by) => (number.value >> by, number.bits),
            Undo::Xor(mask) => (number.value ^ mask, number.bits),
        };
        Number { value: value & ones(bits), bits, ..number }
    }

    /// The operand without what was undone.
    pub(super) fn strip(self, operand: &mut Operand) {
        let what = std::mem::replace(&mut operand.what, What::Concatenation(Vec::new()));
        operand.what = match what {
            What::Shift { of, left: false, by } => {
                // The bits that the shift would have dropped are masked out.
                let mask = ones(of.bits) << by & ones(of.bits);
                of.apply(Op::And, mask).what
            }
            What::Shift { of, .. } => of.what,
            What::Bitwise { of, mut ops } => {
                ops.pop();
                if ops.is_empty() { of.what } else { What::Bitwise { of, ops } }
            }
            other => other,
        };
    }
}

/// The questions that come before a field, as steps of the rule.
impl Maker<'_> {
    pub(super) fn ask(&mut self, question: Question) {
        let (left, value) = super::field::asked(question);
        let right = Number::new(value, left.bits, left.order);
        if let Some((base, bit)) = left.payload() {
            let (bits, data) = (left.bits, Data::of(right));
            self.steps.steps.push(Step::Field(Field {
                base,
                bit,
                bits,
                protocol: true,
                not: false,
                any_of: false,
                data,
            }));
            return;
        }
        let redundant = self.is_redundant(&left, Sign::Equal, &Right::Value(Value::One(right)));
        let from = self.steps.made.len();
        self.compare_one(left, Sign::Equal, right);
        self.steps.push(from, if redundant { Made::GoesWithoutSaying } else { Made::Asks });
    }
}
