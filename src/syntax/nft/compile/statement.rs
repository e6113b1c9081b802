//! The statements of a rule, one after the other (`stmt_evaluate` of nft).

use super::BOOLEAN;
use super::anonymous::Gives;
use super::effect::{Argument, address, is_constant};
use super::evaluate::Wanted;
use super::field;
use super::named;
use super::number::Order;
use super::operand::{Load, Operand, Type, What, concatenated};
use super::relation;
use super::rule::{Maker, Trouble};
use super::step::Made;
use crate::host::nft::{
    ChainRef, DynsetOp, Expression, Log, LookupResult, ObjectKind, Register, Synproxy, Undecoded, Verdict, fib,
};
use crate::host::xt::{Match, Opaque, Target};
use crate::host::{Counters, Family, Tally};
use crate::syntax::nft::tree::{self, Expr, Sign, Statement};
use crate::syntax::nft::values::Kind;

/// An expression that keeps a state of its own.
pub(super) fn stateful(statement: &Statement<'_>) -> Result<Expression, Trouble> {
    Ok(match statement {
        Statement::Counter { .. } => Expression::Counter,
        Statement::Limit(limit) => Expression::Limit(Box::new(*limit)),
        Statement::Quota { bytes, over, .. } => Expression::Quota { bytes: *bytes, over: *over },
        Statement::Connlimit { count, over } => Expression::Connlimit { count: *count, over: *over },
        Statement::Last(_) => Expression::Last,
        _ => return Err(Trouble::Meaningless("a statement that keeps no state")),
    })
}

/// What such an expression has come to, as far as it is told.
pub(super) fn tally(statement: &Statement<'_>) -> Option<Tally> {
    match statement {
        Statement::Counter { packets, bytes } => Some(Tally::Counter(Counters { packets: *packets, bytes: *bytes })),
        Statement::Quota { used, .. } => Some(Tally::Consumed(*used)),
        Statement::Last(ago) => Some(Tally::Last(*ago)),
        _ => None,
    }
}

impl<'a> Maker<'a> {
    /// Makes the steps of a statement.
    pub(super) fn statement(&mut self, statement: &'a Statement<'a>) -> Result<(), Trouble> {
        match statement {
            Statement::Match { left, sign, right } => self.matching(left, *sign, right),
            Statement::Verdict(verdict) => {
                let verdict = self.verdict(verdict)?;
                self.does(Expression::Verdict(verdict))
            }
            Statement::VerdictMap { key, map } => self.verdict_map(key, map),
            Statement::Counter { .. }
            | Statement::Limit(_)
            | Statement::Quota { .. }
            | Statement::Connlimit { .. }
            | Statement::Last(_) => self.does(stateful(statement)?),
            Statement::Object { kind, name } => self.object(ObjectKind(*kind), name),
            Statement::Set { left, value } => self.set_to(left, value),
            Statement::Reset(of) => self.reset(of),
            Statement::Log(log) => {
                let log = self.log(log);
                self.does(Expression::Log(Box::new(log)))
            }
            Statement::Reject { with } => self.reject(with),
            Statement::Nat(nat) => self.nat(nat),
            Statement::Tproxy { family, address, port } => self.tproxy(*family, address.as_ref(), port.as_ref()),
            Statement::Dup { to, device } => self.dup(to, device.as_ref()),
            Statement::Fwd { family, address, device } => self.fwd(*family, address.as_ref(), device),
            Statement::Queue { to, bypass, fanout } => self.queue(to.as_ref(), *bypass, *fanout),
            Statement::Synproxy { mss, window_scale, flags } => {
                let synproxy = Synproxy { mss: *mss, window_scale: *window_scale, flags: *flags };
                self.does(Expression::Synproxy(synproxy))
            }
            Statement::Notrack => self.does(Expression::Notrack),
            Statement::FlowOffload(table) => {
                let table = self.names.intern(table);
                self.does(Expression::FlowOffload { table })
            }
            Statement::Change(change) => self.change_of_set(change),
            Statement::Meter { name, size, key, timeout, statement } => {
                self.meter(name, *size, key, *timeout, statement)
            }
            Statement::Block { goto, rules } => self.block(*goto, rules),
            Statement::Kept(text) => {
                let name = self.names.intern(Undecoded::TEXT);
                self.does(Expression::Undecoded(Box::new(Undecoded { name, data: text.as_bytes().into() })))
            }
            Statement::Xt { target, name } => {
                let opaque = Box::new(Opaque { name: self.names.intern(name), words: Box::default() });
                self.does(match target {
                    true => Expression::Target(Box::new(Target::Opaque(opaque))),
                    false => Expression::Match(Box::new(Match::Opaque(opaque))),
                })
            }
            Statement::Unread => Err(Trouble::Unread),
        }
    }

    fn does(&mut self, expression: Expression) -> Result<(), Trouble> {
        let made = self.steps.made.len();
        self.steps.made.push(expression);
        self.steps.push(made, Made::Does);
        Ok(())
    }

    fn matching(&mut self, left: &Expr<'_>, sign: Sign, right: &Expr<'_>) -> Result<(), Trouble> {
        let mut operand = self.operand(left)?;
        if let (What::Load(Load::Fib { flags, .. }), Expr::Word("exists" | "missing")) = (&mut operand.what, right) {
            *flags |= fib::PRESENT;
            operand.kind = Type { number: BOOLEAN, kind: Kind::Exists };
        }
        let right = self.right(right, &operand)?;
        let sign = match sign {
            Sign::Implied => relation::Sign::Implied,
            Sign::Equal => relation::Sign::Equal,
            Sign::NotEqual => relation::Sign::NotEqual,
            Sign::Less => relation::Sign::Less,
            Sign::LessOrEqual => relation::Sign::LessOrEqual,
            Sign::Greater => relation::Sign::Greater,
            Sign::GreaterOrEqual => relation::Sign::GreaterOrEqual,
            Sign::Not => relation::Sign::None,
        };
        self.compare(operand, sign, right)
    }

    pub(super) fn verdict(&mut self, verdict: &tree::Verdict<'_>) -> Result<Verdict, Trouble> {
        let chain = |name: &str| {
            let known = self.chains.get(name).map(|at| ChainRef(*at));
            known.ok_or_else(|| Trouble::Missing(format!("chain {name}")))
        };
        Ok(match verdict {
            tree::Verdict::Accept => Verdict::Accept,
            tree::Verdict::Drop => Verdict::Drop,
            tree::Verdict::Continue => Verdict::Continue,
            tree::Verdict::Break => Verdict::Break,
            tree::Verdict::Return => Verdict::Return,
            tree::Verdict::Jump(name) => Verdict::Jump(chain(name)?),
            tree::Verdict::Goto(name) => Verdict::Goto(chain(name)?),
        })
    }

    fn verdict_map(&mut self, key: &Expr<'_>, map: &Expr<'_>) -> Result<(), Trouble> {
        let (key, at) = self.map_key(key, map, Gives::Verdicts)?;
        let made = self.steps.made.len();
        self.load(&key);
        let set = self.set_name(at);
        let to = Some(LookupResult::Verdict);
        self.steps.made.push(Expression::Lookup { set, from: Register(0), to, not: false });
        self.steps.push(made, Made::Does);
        Ok(())
    }

    fn object(&mut self, kind: ObjectKind, name: &Expr<'_>) -> Result<(), Trouble> {
        match name {
            Expr::Word(name) | Expr::Text(name) => {
                let name = self.names.intern(name);
                self.does(Expression::Object { kind, name })
            }
            Expr::Map(sides) => {
                let (key, at) = self.map_key(&sides.0, &sides.1, Gives::Objects(kind))?;
                let made = self.steps.made.len();
                self.load(&key);
                let set = self.set_name(at);
                self.steps.made.push(Expression::ObjectMap { set, from: Register(0) });
                self.steps.push(made, Made::Does);
                Ok(())
            }
            _ => Err(Trouble::Meaningless("such a name")),
        }
    }

    fn log(&mut self, log: &tree::Log<'_>) -> Log {
        let group = log.group;
        Log {
            prefix: log.prefix.map(|prefix| self.names.intern(prefix)),
            // `warn` where nothing is said.
            level: if group.is_none() { Some(log.level.unwrap_or(4)) } else { log.level },
            flags: (log.flags != 0).then_some(log.flags),
            group,
            snaplen: log.snaplen,
            qthreshold: log.qthreshold,
        }
    }

    /// `meta mark set …`, `ip ttl set …`, `tcp option maxseg size set …`.
    fn set_to(&mut self, left: &Expr<'_>, value: &Expr<'_>) -> Result<(), Trouble> {
        match left {
            Expr::Meta(key) => {
                let known = field::meta(*key).ok_or(Trouble::Meaningless("this key of meta"))?;
                let value = self.single(value, Wanted::by(&known))?;
                let key = *key;
                self.sets_from(&value, |from| Expression::MetaSet { key, from })
            }
            Expr::Ct { key, direction } => {
                let known = field::ct(*key, *direction, 0).ok_or(Trouble::Meaningless("this key of ct"))?;
                let value = self.single(value, Wanted::by(&known))?;
                let (key, direction) = (*key, *direction);
                self.sets_from(&value, |from| Expression::CtSet { key, direction, from })
            }
            Expr::Payload(_) | Expr::Raw { .. } => self.set_payload(left, value),
            Expr::Optional(..) | Expr::TcpOption { .. } => self.set_option(left, value),
            _ => Err(Trouble::Meaningless("a change of this")),
        }
    }

    pub(super) fn sets_from(
        &mut self,
        value: &Operand,
        make: impl FnOnce(Register) -> Expression,
    ) -> Result<(), Trouble> {
        let made = self.steps.made.len();
        self.load(value);
        self.steps.made.push(make(Register(0)));
        self.steps.push(made, Made::Does);
        Ok(())
    }

    fn tproxy(
        &mut self,
        told: Option<Family>,
        host: Option<&Expr<'_>>,
        port: Option<&Expr<'_>>,
    ) -> Result<(), Trouble> {
        let family = told.or(match self.family {
            Family::Ip | Family::Ip6 => Some(self.family),
            Family::Inet | Family::Arp | Family::Bridge | Family::Netdev => None,
        });
        let host = match host {
            Some(expr) => {
                let wanted = family.and_then(address).ok_or(Trouble::Meaningless("an address of neither family"))?;
                Some(self.single(expr, wanted)?)
            }
            None => None,
        };
        let port = match port {
            Some(expr) => Some(self.single(expr, super::effect::PORT)?),
            None => None,
        };
        let (made, mut free) = (self.steps.made.len(), 0);
        let mut register = |operand: Operand| self.ends(Argument::One(operand), &mut free).0;
        let (address, port) = (host.map(&mut register), port.map(&mut register));
        self.steps.made.push(Expression::Tproxy { family, address, port });
        self.steps.push(made, Made::Does);
        Ok(())
    }

    fn dup(&mut self, to: &Expr<'_>, device: Option<&Expr<'_>>) -> Result<(), Trouble> {
        let to_host = address(self.family);
        let to = self.single(to, to_host.unwrap_or(DEVICE))?;
        let device = match device {
            Some(device) => Some(self.single(device, DEVICE)?),
            None => None,
        };
        let (made, mut free) = (self.steps.made.len(), 0);
        let mut register = |operand: Operand| self.ends(Argument::One(operand), &mut free).0;
        let (first, second) = (register(to), device.map(&mut register));
        let (address, device) = if to_host.is_some() { (Some(first), second) } else { (None, Some(first)) };
        self.steps.made.push(Expression::Dup { address, device });
        self.steps.push(made, Made::Does);
        Ok(())
    }

    fn fwd(&mut self, family: Option<Family>, host: Option<&Expr<'_>>, device: &Expr<'_>) -> Result<(), Trouble> {
        let device = self.single(device, DEVICE)?;
        let host = match host {
            Some(host) => {
                let wanted = family.and_then(address).ok_or(Trouble::Meaningless("an address of neither family"))?;
                Some(self.single(host, wanted)?)
            }
            None => None,
        };
        let (made, mut free) = (self.steps.made.len(), 0);
        let mut register = |operand: Operand| self.ends(Argument::One(operand), &mut free).0;
        let (device, address) = (register(device), host.map(&mut register));
        self.steps.made.push(Expression::Fwd { device, address, family });
        self.steps.push(made, Made::Does);
        Ok(())
    }

    /// `add @s { ip saddr timeout 1m : tcp dport }`.
    fn change_of_set(&mut self, change: &'a tree::Change<'a>) -> Result<(), Trouble> {
        let tree::Change { op, set, key, timeout, data, statements } = change;
        let at = self.set(set)?;
        let [keys, values] = named::wanted(&self.sets[at]);
        let key = self.added(key, &keys)?;
        let data = match (data, &values[..]) {
            (Some(data), [value]) => Some(self.single(data, *value)?),
            (Some(data), _) => Some(self.added(data, &values)?),
            (None, _) => None,
        };
        let expressions = self.stateful(statements)?;
        self.change(*op, at, &key, data.as_ref(), timeout.unwrap_or(0), expressions);
        Ok(())
    }

    /// What is added to a set, which says what values among it are.
    fn added(&mut self, expr: &Expr<'_>, wanted: &[Wanted]) -> Result<Operand, Trouble> {
        match (expr, wanted) {
            (Expr::Concat(parts), _) if parts.len() == wanted.len() => {
                let each = parts.iter().zip(wanted).map(|(part, wanted)| self.added_part(part, *wanted));
                Ok(concatenated(each.collect::<Result<Vec<Operand>, Trouble>>()?))
            }
            (_, [wanted]) => self.added_part(expr, *wanted),
            _ => self.operand(expr),
        }
    }

    fn added_part(&mut self, part: &Expr<'_>, wanted: Wanted) -> Result<Operand, Trouble> {
        if is_constant(part) { self.single(part, wanted) } else { self.operand(part) }
    }

    /// `meter m { … }`: a set of its own that the rule adds to.
    fn meter(
        &mut self,
        name: &str,
        size: u32,
        key: &Expr<'_>,
        timeout: Option<u64>,
        statement: &Statement<'_>,
    ) -> Result<(), Trouble> {
        let key = self.operand(key)?;
        let at = self.declare_meter(name, size, &key, timeout.is_some());
        let op = if timeout.is_some() { DynsetOp::Update } else { DynsetOp::Add };
        let expressions = Box::new([stateful(statement)?]);
        self.change(op, at, &key, None, timeout.unwrap_or(0), expressions);
        Ok(())
    }

    /// `jump { … }`: a chain of its own, whose rules are made when those of all others are.
    fn block(&mut self, goto: bool, rules: &'a tree::Rules<'a>) -> Result<(), Trouble> {
        let chain = ChainRef((self.chains.len() + self.blocks.len()) as u32);
        self.blocks.push(rules);
        self.does(Expression::Verdict(if goto { Verdict::Goto(chain) } else { Verdict::Jump(chain) }))
    }
}

/// A device by its index.
const DEVICE: Wanted = Wanted { kind: Type { number: 20, kind: Kind::Device }, bits: 32, order: Order::Host };
