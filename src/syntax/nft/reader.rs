//! A rule's expressions read back into statements.
//!
//! What nft's netlink_delinearize.c does: registers are followed as words, until an expression makes a statement of them.
//! Each statement knows the expressions that it is made of.

mod more;
mod translate;

use super::context::{Asks, Context, asks};
use super::exthdr;
use super::fields;
use super::loads;
use super::registers::{Held, Operand, Registers};
use super::relation::{Observed, Scope};
use super::terms::{Side, Term, side};
use super::{effects, relation, values};
use crate::host::nft::{CompareOp, Expression, LookupResult, Nat, Register, RejectKind, Rule, Undecoded, range};
use crate::host::{Counters, Family, Observations, RuleId, Table, Tally, xt};
use crate::syntax::iptables;

/// What the expressions of a rule counted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tallies<'a> {
    /// What its first counter says.
    pub own: Counters,
    /// What else is told of it.
    pub others: Option<(&'a Observations, RuleId)>,
}

impl Tallies<'_> {
    /// What the expression at this position counted; the first counter has what the rule has.
    fn of(&self, at: u16) -> Tally {
        let other = self.others.and_then(|(observations, rule)| observations.expressions.get(&(rule, at)));
        other.copied().unwrap_or(Tally::Counter(self.own))
    }
}

/// What a statement is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It asks something.
    Asks,
    /// It does something, and the rule goes on.
    Does,
    /// It says what becomes of the packet.
    Decides,
}

/// A statement.
#[derive(Debug)]
pub(super) struct Statement {
    pub text: String,
    /// The expressions that it is made of, by index.
    pub parts: Vec<u16>,
    pub role: Role,
    /// It goes without saying.
    pub left_out: bool,
    /// A comparison that may be the first half of a range.
    half: Option<(CompareOp, Operand, Box<[u8]>)>,
}

/// The statements of a rule.
pub(super) fn statements(scope: Scope, rule: &Rule, tallies: Tallies) -> Vec<Statement> {
    let Scope { table, links, observed } = scope;
    let context = Context::new(table.family, links);
    let mut reader = Reader {
        table,
        tallies,
        observed,
        keeps: false,
        context,
        registers: Registers::default(),
        statements: Vec::new(),
    };
    for (at, expression) in rule.expressions.iter().enumerate() {
        reader.read(at as u16, expression);
    }
    reader.statements
}

struct Reader<'r> {
    table: &'r Table,
    /// Ports are written that a map gives: nft keeps what asks for their protocol, without which it could not read them.
    keeps: bool,
    /// What elements of sets counted.
    observed: Option<Observed<'r>>,
    /// What its expressions counted.
    tallies: Tallies<'r>,
    context: Context<'r>,
    registers: Registers,
    statements: Vec<Statement>,
}

impl<'r> Reader<'r> {
    fn scope(&self) -> Scope<'r> {
        Scope { table: self.table, links: self.context.links, observed: self.observed }
    }

    fn read(&mut self, at: u16, expression: &Expression) {
        let part = vec![at];
        match expression {
            Expression::Payload { base, offset, length, to } => {
                let operand = Operand::Payload { base: *base, offset: *offset, length: *length };
                self.registers.put(*to, Held { operand, length: *length, parts: part });
            }
            Expression::Meta { key, to } => self.load(*to, fields::meta(*key), at),
            Expression::Ct { key, direction, to } => {
                self.load(*to, fields::ct(*key, *direction, family_word(self.table.family)), at);
            }
            Expression::Fib { result, flags, to } => self.load(*to, fields::fib(*result, *flags), at),
            Expression::Exthdr { within, kind, offset, length, present, to } => {
                let operand = exthdr::operand(*within, *kind, *offset, *length, *present);
                let length = if *present { 1 } else { u16::from(*length) };
                self.registers.put(*to, Held { operand, length, parts: part });
            }
            Expression::Socket { key, to } => self.load(*to, loads::socket(*key), at),
            Expression::Rt { key, to } => self.load(*to, loads::rt(*key), at),
            Expression::Osf { ttl, version, to } => self.load(*to, loads::osf(*ttl, *version), at),
            Expression::Xfrm { key, out, index, to } => self.load(*to, loads::xfrm(*key, *out, *index), at),
            Expression::Tunnel { key, mode, to } => self.load(*to, loads::tunnel(*key, *mode), at),
            Expression::Numgen { random, modulus, offset, to } => {
                self.load(*to, loads::numgen(*random, *modulus, *offset), at);
            }
            Expression::Immediate { to, data } => {
                let length = data.len() as u16;
                self.registers.put(*to, Held { operand: Operand::Constant(data.clone()), length, parts: part });
            }
            Expression::Bitwise { from, to, mask_xor } => {
                let (mask, xor) = (mask_xor.0.clone(), mask_xor.1.clone());
                self.change(*from, *to, mask.len(), at, |of| Operand::Masked { of, mask, xor });
            }
            Expression::Shift { from, to, left, length, bits } => {
                let (left, bits) = (*left, *bits);
                self.change(*from, *to, (*length).into(), at, |of| Operand::Shifted { of, left, bits });
            }
            Expression::Byteorder { from, to, length, .. } => {
                self.change(*from, *to, (*length).into(), at, Operand::Swapped);
            }
            Expression::Compare { from, op, data } => self.compare(at, *from, *op, data),
            Expression::Range { from, not, ends } => {
                let held = self.registers.take(*from, ends.0.len());
                let side = side(&self.context, &held.operand);
                let text = relation::range(&side, *not, &ends.0, &ends.1);
                self.uses(&side);
                self.say(Role::Asks, text, held.parts, at);
            }
            Expression::Lookup { set, from, to, not } => self.lookup(at, set, *from, *to, *not),
            _ => self.act(at, expression),
        }
    }

    /// Statements that ask nothing of registers.
    fn act(&mut self, at: u16, expression: &Expression) {
        let (role, text, parts) = match expression {
            Expression::Verdict(verdict) => (Role::Decides, relation::verdict(self.table, verdict), Vec::new()),
            Expression::Counter | Expression::Quota { .. } | Expression::Last => {
                let role = if matches!(expression, Expression::Quota { .. }) { Role::Asks } else { Role::Does };
                (role, effects::stateful(expression, Some(self.tallies.of(at))), Vec::new())
            }
            Expression::Limit(_) | Expression::Connlimit { .. } => {
                (Role::Asks, effects::stateful(expression, None), Vec::new())
            }
            Expression::Log(log) => (Role::Does, effects::log(log), Vec::new()),
            Expression::Notrack => (Role::Does, "notrack".to_owned(), Vec::new()),
            Expression::Reject { kind, code } => (Role::Decides, self.reject(*kind, *code), Vec::new()),
            Expression::MetaSet { .. }
            | Expression::CtSet { .. }
            | Expression::Nat(_)
            | Expression::Masquerade { .. }
            | Expression::Redirect { .. } => self.change_packet(expression),
            Expression::Match(matched) => {
                (Role::Asks, format!("xt {}", iptables::match_text(self.table.family, matched)), Vec::new())
            }
            Expression::Target(target) => {
                let role = if goes_on(target) { Role::Does } else { Role::Decides };
                (role, format!("xt {}", iptables::target_text(self.table, target)), Vec::new())
            }
            Expression::Undecoded(undecoded) => {
                let text = match &undecoded.data[..] {
                    data if *undecoded.name == *Undecoded::TEXT => String::from_utf8_lossy(data).into_owned(),
                    [] => format!("[{}]", undecoded.name),
                    data => format!("[{} {}]", undecoded.name, values::hex(data)),
                };
                self.registers.forget(&text, at);
                (Role::Does, text, Vec::new())
            }
            // Read as loads and comparisons.
            Expression::Payload { .. }
            | Expression::Meta { .. }
            | Expression::Ct { .. }
            | Expression::Fib { .. }
            | Expression::Immediate { .. }
            | Expression::Bitwise { .. }
            | Expression::Byteorder { .. }
            | Expression::Compare { .. }
            | Expression::Range { .. }
            | Expression::Lookup { .. } => return,
            other => match self.more(other, at) {
                Some(said) => said,
                None => return,
            },
        };
        self.say(role, text, parts, at);
        self.context.acts();
    }

    /// An answer of one protocol says of itself what was asked of the packet's.
    fn reject(&mut self, kind: RejectKind, code: u8) -> String {
        let text = effects::reject(kind, code, self.table.family, self.context.network);
        if kind != RejectKind::Icmpx {
            let implied = self.context.rejects(kind == RejectKind::TcpReset);
            self.leave_out(implied);
        }
        text
    }

    /// Statements that change the packet or its flow, by what is in registers.
    fn change_packet(&mut self, expression: &Expression) -> (Role, String, Vec<u16>) {
        let (role, (text, parts)) = match expression {
            Expression::MetaSet { key, from } => (Role::Does, self.set(fields::meta(*key), *from)),
            Expression::CtSet { key, direction, from } => {
                (Role::Does, self.set(fields::ct(*key, *direction, family_word(self.table.family)), *from))
            }
            Expression::Nat(nat) => (Role::Decides, self.nat(nat)),
            Expression::Masquerade { ports, flags } => (Role::Decides, self.ports("masquerade", *ports, *flags)),
            Expression::Redirect { ports, flags } => (Role::Decides, self.ports("redirect", *ports, *flags)),
            _ => (Role::Does, (String::new(), Vec::new())),
        };
        (role, text, parts)
    }

    fn load(&mut self, to: Register, loaded: fields::Loaded, at: u16) {
        let length = match loaded.bytes {
            0 => 4,
            bytes => bytes,
        };
        self.registers.put(to, Held { operand: Operand::Loaded(loaded), length, parts: vec![at] });
    }

    /// Makes another operand of what is in a register.
    fn change(
        &mut self,
        from: Register,
        to: Register,
        length: usize,
        at: u16,
        make: impl FnOnce(Box<Operand>) -> Operand,
    ) {
        let mut held = self.registers.take(from, length);
        held.parts.push(at);
        held.operand = make(Box::new(held.operand));
        held.length = length as u16;
        self.registers.put(to, held);
    }

    /// Adds a statement, made of these expressions and the one at `at`.
    fn say(&mut self, role: Role, text: String, mut parts: Vec<u16>, at: u16) {
        // What is not decoded and was used here is told here.
        for used in &mut self.statements {
            let only = matches!(&used.parts[..], [part] if parts.contains(part));
            used.left_out |= only && text.contains(&used.text);
        }
        parts.push(at);
        self.statements.push(Statement { text, parts, role, left_out: false, half: None });
    }

    fn leave_out(&mut self, implied: Option<usize>) {
        if let Some(statement) = implied.and_then(|at| self.statements.get_mut(at)) {
            statement.left_out = true;
        }
    }

    /// Fields are used: what asked for their headers goes without saying.
    fn uses(&mut self, side: &Side) {
        self.use_terms(&side.terms);
    }

    fn use_terms(&mut self, terms: &[Term]) {
        if self.keeps {
            return;
        }
        for base in relation::bases(terms) {
            let implied = self.context.uses(base);
            self.leave_out(implied);
        }
        if terms.iter().any(|term| term.of_message) {
            let implied = self.context.uses_message();
            self.leave_out(implied);
        }
    }

    fn compare(&mut self, at: u16, from: Register, op: CompareOp, data: &[u8]) {
        let held = self.registers.take(from, data.len());
        if self.second_half(at, &held, op, data) {
            return;
        }
        let here = self.statements.len();
        let mut side = side(&self.context, &held.operand);
        if let (Operand::Payload { .. }, CompareOp::Equal, 2..) = (&held.operand, op, side.terms.len()) {
            side = self.expand(&held.operand, data);
        }
        let texts = relation::compare(&side, op, data);
        // One comparison of several fields: one that goes without saying leaves the others where they are.
        let apart = texts.len() > 1;
        for (at_term, text) in texts.into_iter().enumerate() {
            let terms = if apart { &side.terms[at_term..=at_term] } else { &side.terms[..] };
            self.use_terms(terms);
            self.say(Role::Asks, text, held.parts.clone(), at);
            if op == CompareOp::Equal && side.mask.is_none() {
                self.ask(terms, data);
            }
        }
        if op == CompareOp::Equal && side.terms.len() > 1 {
            // What was asked beside the kind of the message keeps it.
            self.context.uses_message();
        }
        if matches!(op, CompareOp::GreaterOrEqual | CompareOp::Less) {
            self.statements[here].half = Some((op, held.operand, data.into()));
        }
    }

    /// Fields equal this: what the last statement thereby asks of the packet's protocols.
    fn ask(&mut self, terms: &[Term], data: &[u8]) {
        let here = self.statements.len() - 1;
        for term in terms {
            let asked = asks(&term.text, values::number(&term.slice(data), term.host));
            let implied = asked.and_then(|asked| self.context.ask(asked, here));
            self.leave_out(implied);
        }
    }

    /// The fields of a load that spans several: what the first ones ask tells which ones follow.
    fn expand(&mut self, operand: &Operand, data: &[u8]) -> Side<'r> {
        let first = side(&self.context, operand);
        for term in &first.terms {
            if let Some(Asks::Message(kind)) = asks(&term.text, values::number(&term.slice(data), false)) {
                self.context.message = Some(kind);
            }
        }
        side(&self.context, operand)
    }

    /// `>=` and then `<=` of the same is a range, `<` and then `>` is outside of one.
    fn second_half(&mut self, at: u16, held: &Held, op: CompareOp, data: &[u8]) -> bool {
        let Some(last) = self.statements.last_mut().filter(|last| !last.left_out) else { return false };
        let Some((first_op, operand, first)) = &last.half else { return false };
        let not = match (first_op, op) {
            (CompareOp::GreaterOrEqual, CompareOp::LessOrEqual) => false,
            (CompareOp::Less, CompareOp::Greater) => true,
            _ => return false,
        };
        if *operand != held.operand || first.len() != data.len() {
            return false;
        }
        let side = side(&self.context, &held.operand);
        last.text = relation::range(&side, not, first, data);
        last.half = None;
        last.parts.extend(held.parts.iter().copied().chain([at]));
        last.parts.sort_unstable();
        last.parts.dedup();
        true
    }

    fn lookup(&mut self, at: u16, set: &crate::host::Name, from: Register, to: Option<LookupResult>, not: bool) {
        let known = self.scope().set(set);
        let mut held = self.registers.take(from, known.map_or(0, |set| set.key_length as usize));
        if let Some(LookupResult::Data(register)) = to {
            held.parts.push(at);
            held.operand = Operand::Mapped { key: Box::new(held.operand), set: set.clone() };
            held.length = known.map_or(4, |set| set.data_length.min(64) as u16);
            self.registers.put(register, held);
            return;
        }
        let side = side(&self.context, &held.operand);
        let verdicts = to.is_some();
        let text = relation::lookup(self.scope(), &side, set, not, verdicts);
        self.uses(&side);
        self.say(if verdicts { Role::Decides } else { Role::Asks }, text, held.parts, at);
    }

    /// `meta mark set ct mark & 0x000000ff`.
    fn set(&mut self, loaded: fields::Loaded, from: Register) -> (String, Vec<u16>) {
        let held = self.registers.take(from, loaded.bytes.into());
        let name = match loaded.text.as_str() {
            name @ ("iif" | "oif") => format!("meta {name}"),
            name => name.to_owned(),
        };
        let value = match (&held.operand, loaded.kind) {
            // Flags of what is set are a list.
            (Operand::Constant(data), values::Kind::Flags(names)) => {
                values::flag_list(names, values::number(data, loaded.host))
            }
            (operand, kind) => self.value(operand, kind, loaded.host),
        };
        (format!("{name} set {value}"), held.parts)
    }

    /// An operand where a value is wanted.
    fn value(&mut self, operand: &Operand, kind: values::Kind, host: bool) -> String {
        match operand {
            Operand::Constant(data) => values::value(kind, data, host),
            Operand::Mapped { key, set } => {
                let side = side(&self.context, key);
                let text = relation::map(self.scope(), &side, set);
                self.uses(&side);
                text
            }
            Operand::Shifted { of, left, bits } => {
                let sign = if *left { "<<" } else { ">>" };
                let text = self.value(of, kind, host);
                // Shifts bind tighter than what a mask is written with.
                let text = if matches!(**of, Operand::Masked { .. }) { format!("({text})") } else { text };
                format!("{text} {sign} {bits}")
            }
            Operand::Masked { of, mask, xor } if mask.len() <= 16 && mask.len() == xor.len() => {
                let inner = side(&self.context, of);
                let text = self.value(of, kind, host);
                let host = inner.only().map_or(host, |term| term.host);
                super::terms::operations(text, kind, host, mask, xor)
            }
            other => {
                let side = side(&self.context, other);
                self.uses(&side);
                super::terms::with_mask(&side)
            }
        }
    }
}

/// The word for addresses of a table's family.
fn family_word(family: Family) -> &'static str {
    match family {
        Family::Ip6 => "ip6",
        Family::Ip | Family::Inet | Family::Arp | Family::Bridge | Family::Netdev => "ip",
    }
}

/// Whether the packet goes on after an xtables target.
fn goes_on(target: &xt::Target) -> bool {
    use xt::Target::*;
    matches!(target, Continue | Log(_) | Mark(_) | Connmark(_) | Notrack { .. })
}
