//! Statements that do something: translations, answers, changes of packets and of sets.
//!
//! Knows in which registers nft puts what they need (`netlink_gen_stmt`).

use super::anonymous::Gives;
use super::evaluate::Wanted;
use super::number::{Order, bytes, words};
use super::operand::{Operand, What, room};
use super::protocol::Layer;
use super::rule::{Maker, Trouble};
use super::step::Made;
use super::{INTEGER, SERVICE};
use crate::host::Family;
use crate::host::nft::{Dynset, DynsetOp, Expression, Nat, Queues, Register, RejectKind, SetFlags};
use crate::syntax::nft::fields::Header;
use crate::syntax::nft::tree::{self, Expr, NatKind, Reject};
use crate::syntax::nft::values::{self, Kind};

/// `NF_NAT_RANGE_MAP_IPS`, `NF_NAT_RANGE_PROTO_SPECIFIED`: the kernel notes what it was given.
const MAP_IPS: u32 = 1;
const PROTO_SPECIFIED: u32 = 2;

/// An address of a family.
pub(super) fn address(family: Family) -> Option<Wanted> {
    match family {
        Family::Ip => Some(Wanted::new(7, Kind::Address, 32, Order::Network)),
        Family::Ip6 => Some(Wanted::new(8, Kind::Address, 128, Order::Network)),
        Family::Inet | Family::Arp | Family::Bridge | Family::Netdev => None,
    }
}

/// A port.
pub(super) const PORT: Wanted =
    Wanted { kind: super::operand::Type { number: SERVICE, kind: Kind::Integer }, bits: 16, order: Order::Network };

/// An operand that is set, or the two ends of a range.
pub(super) enum Argument {
    One(Operand),
    Range(Operand, Operand),
}

/// The registers of the first and the last of a range.
type Ends = (Register, Register);

/// The address of a translation.
enum NatAddress {
    Told(Argument),
    /// What a map gives: with a port or not, as a range or not; an address fills so many words.
    Mapped {
        operand: Operand,
        both: bool,
        ranges: bool,
        width: u8,
    },
}

impl Maker<'_> {
    /// `snat`, `dnat`, `masquerade`, `redirect`.
    pub(super) fn nat(&mut self, nat: &tree::Nat<'_>) -> Result<(), Trouble> {
        let family = self.nat_family(nat)?;
        let address = match &nat.address {
            Some(written) => Some(self.nat_address(written, family, nat.both)?),
            None => None,
        };
        let port = match &nat.port {
            Some(port) => Some(self.argument(port, PORT)?),
            None => None,
        };
        let made = self.steps.made.len();
        let (mut flags, mut free) = (nat.flags, 0);
        let (mut addresses, mut ports) = (None, None);
        if let Some(address) = address {
            flags |= MAP_IPS;
            (addresses, ports) = self.emit_address(address, &mut free);
        }
        if let Some(port) = port {
            ports = Some(self.ends(port, &mut free));
        }
        if ports.is_some() {
            flags |= PROTO_SPECIFIED;
        }
        self.steps.made.push(match nat.kind {
            NatKind::Snat | NatKind::Dnat => {
                let destination = nat.kind == NatKind::Dnat;
                Expression::Nat(Box::new(Nat { destination, family, addresses, ports, flags }))
            }
            NatKind::Masquerade => Expression::Masquerade { ports, flags },
            NatKind::Redirect => Expression::Redirect { ports, flags },
        });
        self.steps.push(made, Made::Does);
        Ok(())
    }

    /// The family whose addresses are translated: told, or that of the packet as far as it is known.
    fn nat_family(&self, nat: &tree::Nat<'_>) -> Result<Family, Trouble> {
        match (self.family, nat.family) {
            (Family::Ip | Family::Ip6, None) => Ok(self.family),
            (Family::Ip | Family::Ip6, Some(family)) => Ok(family),
            (Family::Inet, _) if nat.address.is_none() => Ok(Family::Inet),
            (Family::Inet, Some(family)) => Ok(family),
            (Family::Inet, None) => match self.seen.network {
                Some(Layer::Header(Header::Ip)) => Ok(Family::Ip),
                Some(Layer::Header(Header::Ip6)) => Ok(Family::Ip6),
                _ => Err(Trouble::Meaningless("an address of neither family")),
            },
            _ => Err(Trouble::Meaningless("a translation")),
        }
    }

    /// An address, before it is in registers.
    fn nat_address(&mut self, written: &Expr<'_>, family: Family, both: bool) -> Result<NatAddress, Trouble> {
        let wanted = address(family).ok_or(Trouble::Meaningless("an address of neither family"))?;
        let Expr::Map(sides) = written else {
            return Ok(NatAddress::Told(self.argument(written, wanted)?));
        };
        let both = both || self.gives_both(&sides.1);
        let parts = if both { vec![wanted, PORT] } else { vec![wanted] };
        let (operand, at) = self.map_operand(&sides.0, &sides.1, parts)?;
        let ranges = self.sets[at].details.data_interval;
        Ok(NatAddress::Mapped { operand, both, ranges, width: words(wanted.bits) })
    }

    /// The registers of an address; where a map gives a port with it, also those of the port.
    fn emit_address(&mut self, address: NatAddress, free: &mut u8) -> (Option<Ends>, Option<Ends>) {
        let (operand, both, ranges, width) = match address {
            NatAddress::Told(argument) => return (Some(self.ends(argument, free)), None),
            NatAddress::Mapped { operand, both, ranges, width } => (operand, both, ranges, width),
        };
        *free = room(&operand);
        operand.emit(0, *free, &mut self.steps.made);
        let ends = |first: u8, last: u8| Some((Register(first), Register(last)));
        match (both, ranges) {
            (false, false) => (ends(0, 0), None),
            (false, true) => (ends(0, width), None),
            (true, false) => (ends(0, 0), ends(width, width)),
            (true, true) => (ends(0, 2 * width), ends(width, 3 * width)),
        }
    }

    /// Whether a map gives an address with a port.
    fn gives_both(&self, map: &Expr<'_>) -> bool {
        match map {
            Expr::Braces(items) => items.iter().any(|item| matches!(item.data, Some(Expr::Concat(_)))),
            Expr::Reference(name) => {
                let known = self.set(name).ok().and_then(|at| self.sets[at].data_type);
                known.is_some_and(|number| number > 0x3f && number != super::anonymous::VERDICT)
            }
            _ => false,
        }
    }

    /// Loads an argument into large registers, one for each end.
    pub(super) fn ends(&mut self, argument: Argument, free: &mut u8) -> (Register, Register) {
        let first = *free;
        match argument {
            Argument::One(operand) => {
                *free += room(&operand);
                operand.emit(first, *free, &mut self.steps.made);
                (Register(first), Register(first))
            }
            Argument::Range(low, high) => {
                let second = first + room(&low);
                *free = second + room(&high);
                low.emit(first, *free, &mut self.steps.made);
                high.emit(second, *free, &mut self.steps.made);
                (Register(first), Register(second))
            }
        }
    }

    /// `reject`: asks for the protocol that it answers first, before everything else in the rule.
    pub(super) fn reject(&mut self, with: &Reject<'_>) -> Result<(), Trouble> {
        let code = |of: u128| of as u8;
        let (kind, family, code) = match with {
            Reject::Default => self.default_answer(),
            Reject::Icmp(word) => {
                let wanted = Wanted::new(32, values::ICMP_CODE, 8, Order::Network);
                (RejectKind::Icmp, Some(Family::Ip), code(self.one(word, wanted)?.value))
            }
            Reject::Icmp6(word) => {
                let wanted = Wanted::new(33, values::ICMP6_CODE, 8, Order::Network);
                (RejectKind::Icmp, Some(Family::Ip6), code(self.one(word, wanted)?.value))
            }
            Reject::Icmpx(word) => {
                let wanted = Wanted::new(34, values::ICMPX_CODE, 8, Order::Network);
                (RejectKind::Icmpx, None, code(self.one(word, wanted)?.value))
            }
            Reject::Reset => (RejectKind::TcpReset, None, 0),
        };
        self.need_of_reject(kind, family)?;
        let made = self.steps.made.len();
        self.steps.made.push(Expression::Reject { kind, code });
        self.steps.push(made, Made::Does);
        Ok(())
    }

    /// Port unreachable, of the packet's family as far as it is known.
    fn default_answer(&self) -> (RejectKind, Option<Family>, u8) {
        let ip = (RejectKind::Icmp, Some(Family::Ip), 3);
        let ip6 = (RejectKind::Icmp, Some(Family::Ip6), 4);
        match (self.family, self.seen.network) {
            (Family::Ip, _) => ip,
            (Family::Ip6, _) => ip6,
            (_, Some(Layer::Header(Header::Ip))) => ip,
            (_, Some(Layer::Header(Header::Ip6))) => ip6,
            _ => (RejectKind::Icmpx, None, 1),
        }
    }

    fn need_of_reject(&mut self, kind: RejectKind, family: Option<Family>) -> Result<(), Trouble> {
        let header = match (kind, family) {
            (RejectKind::TcpReset, _) if self.seen.transport.is_none() => Header::Tcp,
            (RejectKind::TcpReset | RejectKind::Icmpx, _) => return Ok(()),
            (RejectKind::Icmp, _) if self.seen.network.is_some() => return Ok(()),
            (RejectKind::Icmp, Some(Family::Ip6)) => Header::Ip6,
            (RejectKind::Icmp, _) => Header::Ip,
        };
        let mut questions = Vec::new();
        self.seen.need(header, &mut questions)?;
        let before = self.steps.steps.len();
        questions.iter().for_each(|question| self.ask(*question));
        let made = self.steps.steps.len() - before;
        self.steps.steps.rotate_right(made);
        Ok(())
    }

    /// `queue to 1-3`.
    pub(super) fn queue(&mut self, to: Option<&Expr<'_>>, bypass: bool, fanout: bool) -> Result<(), Trouble> {
        let wanted = Wanted::new(INTEGER, Kind::Integer, 16, Order::Host);
        let number = |operand: &Operand| match &operand.what {
            What::Constant(data) => Some(values::number(data, true) as u16),
            _ => None,
        };
        let mut loads = None;
        let to = match to {
            None => Queues::Range(0, 0),
            Some(expr) => match self.argument(expr, wanted)? {
                Argument::Range(first, last) => match (number(&first), number(&last)) {
                    (Some(first), Some(last)) => Queues::Range(first, last),
                    _ => return Err(Trouble::Meaningless("a range of queues")),
                },
                Argument::One(operand) => match number(&operand) {
                    Some(queue) => Queues::Range(queue, queue),
                    None => {
                        loads = Some(operand);
                        Queues::Register(Register(0))
                    }
                },
            },
        };
        let made = self.steps.made.len();
        if let Some(operand) = &loads {
            self.load(operand);
        }
        self.steps.made.push(Expression::Queue { to, bypass, fanout });
        self.steps.push(made, Made::Does);
        Ok(())
    }

    /// `add @set { key : data }`.
    pub(super) fn change(
        &mut self,
        op: DynsetOp,
        at: usize,
        key: &Operand,
        data: Option<&Operand>,
        timeout: u64,
        expressions: Box<[Expression]>,
    ) {
        let made = self.steps.made.len();
        let second = room(key);
        key.emit(0, second, &mut self.steps.made);
        if let Some(data) = data {
            data.emit(second, second + room(data), &mut self.steps.made);
        }
        self.sets[at].flags |= SetFlags::EVAL;
        let set = self.set_name(at);
        // Where the set says what its elements hold, the kernel tells it there alone.
        let expressions = if self.sets[at].details.expressions.is_empty() { expressions } else { Box::default() };
        let data = data.map(|_| Register(second));
        let key = Register(0);
        let dynset = Dynset { set, op, key, data, timeout, not: false, expressions };
        self.steps.made.push(Expression::Dynset(Box::new(dynset)));
        self.steps.push(made, Made::Does);
    }

    /// A value that is set: a constant, or something that is loaded.
    pub(super) fn argument(&mut self, expr: &Expr<'_>, wanted: Wanted) -> Result<Argument, Trouble> {
        use super::relation::Value;
        let constant = |number: super::number::Number| Operand {
            what: What::Constant(number.data()),
            kind: wanted.kind,
            bits: wanted.bits,
            order: wanted.order,
            protocol: false,
        };
        if let Expr::Map(sides) = expr {
            let (operand, _) = self.map_operand(&sides.0, &sides.1, vec![wanted])?;
            return Ok(Argument::One(operand));
        }
        if !is_constant(expr) {
            return Ok(Argument::One(self.operand(expr)?));
        }
        Ok(match self.value(expr, wanted)? {
            Value::One(number) => Argument::One(constant(number)),
            Value::Range(first, last) => Argument::Range(constant(first), constant(last)),
            Value::Prefix(number, length) => {
                let open = super::number::ones(number.bits.saturating_sub(length));
                let last = super::number::Number { value: number.value | open, ..number };
                Argument::Range(constant(number), constant(last))
            }
        })
    }

    /// The same where a range means nothing.
    pub(super) fn single(&mut self, expr: &Expr<'_>, wanted: Wanted) -> Result<Operand, Trouble> {
        match self.argument(expr, wanted)? {
            Argument::One(operand) => Ok(operand),
            Argument::Range(..) => Err(Trouble::Meaningless("a range")),
        }
    }

    /// `tcp dport map { … }`, which gives values of these types: the operand, and the place of the map.
    pub(super) fn map_operand(
        &mut self,
        key: &Expr<'_>,
        map: &Expr<'_>,
        parts: Vec<Wanted>,
    ) -> Result<(Operand, usize), Trouble> {
        let bits = match &parts[..] {
            [one] => one.bits,
            several => several.iter().map(|part| part.bits.next_multiple_of(32)).sum(),
        };
        let (kind, order) = (parts[0].kind, parts[0].order);
        let (key, at) = self.map_key(key, map, Gives::Values { parts, ranges: false })?;
        let what = What::Map { key: Box::new(key), set: self.set_name(at) };
        Ok((Operand { what, kind, bits, order, protocol: false }, at))
    }
}

/// Whether nothing has to be loaded for it.
pub(super) fn is_constant(expr: &Expr<'_>) -> bool {
    match expr {
        Expr::Word(_) | Expr::Text(_) | Expr::Number(_) | Expr::Prefix(..) | Expr::Range(_) | Expr::List(_) => true,
        Expr::Binary(_, sides) => is_constant(&sides.0) && is_constant(&sides.1),
        Expr::Concat(parts) => parts.iter().all(is_constant),
        _ => false,
    }
}

/// Bytes that a map gives for each key.
pub(super) fn length(parts: &[Wanted]) -> usize {
    match parts {
        [one] => bytes(one.bits),
        several => several.iter().map(|part| bytes(part.bits).next_multiple_of(4)).sum(),
    }
}
