//! A packet in a native nf_tables rule: its expressions, one after the other (`nft_do_chain`).
//!
//! Registers hold pieces: where a number comes from and what masks made of it, so that a comparison is a question about the
//! packet. An open question does not stop the rule at once: a later expression that certainly breaks it settles the matter;
//! but nothing is changed and no verdict given before it is answered. What a rule changed before it breaks stays changed.

mod compare;
mod filled;
mod load;
mod lookup;
mod piece;
mod registers;
mod translate;
mod tried;
mod unknown;

use super::condition::{Scene, negate};
use super::conntrack;
use super::engine::Engine;
use super::outcome::{Assumed, Assumption, FateKind, Verdict as Told, Why};
use super::packet::{Packet, Tracking, Value};
use super::plan::Content;
use super::set::ValueSet;
use super::space::{Asked, Open};
use super::state::State;
use super::synproxy;
use super::target::Effect;
use crate::host::nft::{CtKey, Expression, LookupResult, MetaKey, ObjectKind, Register, Rule, Set, Verdict};
use crate::host::xt::Target;
use crate::host::{Hook, Protocol, RuleId};
use compare::compare;
pub(super) use filled::{Filled, changes, left};
use load::Loaded;
use lookup::Given;
use piece::{Piece, undecided};
use registers::Registers;
pub(super) use tried::Tried;

/// Expressions that load something whyport does not know, into a register.
const LOADS: [&str; 14] = [
    "bitwise",
    "byteorder",
    "ct",
    "exthdr",
    "fib",
    "hash",
    "inner",
    "meta",
    "osf",
    "payload",
    "rt",
    "socket",
    "tunnel",
    "xfrm",
];
/// Expressions that are not decoded, and let the packet go on whatever they do.
const CONTINUES: [&str; 8] = ["counter", "ct_expect", "dup", "dynset", "flow_offload", "last", "log", "objref"];

/// How a rule ended, and the packet as it left it.
pub(super) struct Ran {
    /// What the rule does; `None`: it broke.
    pub(super) effect: Option<Effect>,
    /// The packet, where the rule changed it.
    pub(super) packet: Option<Packet>,
}

/// Whether a rule neither changes anything that matters nor gives a verdict: then it need not be known whether it holds.
pub(super) fn is_without_effect(rule: &Rule) -> bool {
    rule.expressions.iter().all(|expression| match expression {
        Expression::Verdict(verdict) => *verdict == Verdict::Continue,
        Expression::MetaSet { key, .. } => is_idle(*key),
        Expression::Lookup { to, .. } => *to != Some(LookupResult::Verdict),
        Expression::Target(target) => super::target::is_without_effect(target),
        Expression::Undecoded(undecoded) => CONTINUES.contains(&&*undecoded.name) || LOADS.contains(&&*undecoded.name),
        Expression::Object { kind, .. } => matches!(*kind, ObjectKind::COUNTER | ObjectKind::QUOTA | ObjectKind::LIMIT),
        Expression::CtSet { .. }
        | Expression::PayloadSet(_)
        | Expression::ExthdrSet { .. }
        | Expression::ExthdrReset { .. }
        | Expression::Tproxy { .. }
        | Expression::Fwd { .. }
        | Expression::Queue { .. }
        | Expression::Synproxy(_)
        | Expression::Notrack
        | Expression::Nat(_)
        | Expression::Masquerade { .. }
        | Expression::Redirect { .. }
        | Expression::Reject { .. } => false,
        _ => true,
    })
}

/// Whether the translation of a rule gives an address, and whether it gives a port.
pub(super) fn gives(rule: &Rule) -> (bool, bool) {
    let given = rule.expressions.iter().find_map(|expression| match expression {
        Expression::Nat(nat) => Some((nat.addresses.is_some(), nat.ports.is_some())),
        Expression::Masquerade { ports, .. } | Expression::Redirect { ports, .. } => Some((true, ports.is_some())),
        _ => None,
    });
    given.unwrap_or((true, true))
}

/// What may be set without deciding where a packet goes: everything but the mark, the packet type, and that a frame is routed.
fn is_idle(key: MetaKey) -> bool {
    !matches!(key, MetaKey::MARK | MetaKey::PKTTYPE | MetaKey::BRI_BROUTE)
}

impl Engine<'_> {
    /// A rule could not be decided: the sets that it asked are to be read, unless what one of them holds was guessed
    /// already: then nobody knows whether the packet comes here at all.
    pub(super) fn need(&mut self, state: &State) {
        let guessed = |made: &Assumption| {
            let of_rules = matches!(made.what, Assumed::Match { .. } | Assumed::TargetContinues(_));
            of_rules && made.why == Why::Unread
        };
        if !state.space.assumptions().any(guessed) {
            self.needs.extend(self.met.take().into_iter().map(|set| (state.namespace, set)));
        }
    }

    /// Runs a rule.
    pub(super) fn native(&self, state: &State, hook: Hook, rule: &Rule, id: RuleId) -> Asked<Ran> {
        let mut run = Run::of(self, state, hook, id);
        for (index, expression) in rule.expressions.iter().enumerate() {
            match run.step(expression, index as u16)? {
                Step::Next => {}
                Step::Break => return Ok(Ran { effect: None, packet: run.packet }),
                Step::Ends(effect) => return Ok(Ran { effect: Some(effect), packet: run.packet }),
            }
        }
        run.settled()?;
        Ok(Ran { effect: Some(Effect::Continue(run.told)), packet: run.packet })
    }
}

/// What an expression does.
enum Step {
    /// The next expression.
    Next,
    /// The rule does not hold.
    Break,
    /// A verdict.
    Ends(Effect),
}

/// A rule as it runs.
struct Run<'a, 'p> {
    engine: &'a Engine<'p>,
    state: &'a State,
    hook: Hook,
    id: RuleId,
    registers: Registers,
    /// The packet, once it was changed.
    packet: Option<Packet>,
    /// What would have to be known to say that everything so far holds.
    open: Option<Open>,
    /// What the step of a rule without a verdict tells.
    told: Told,
}

impl<'a, 'p> Run<'a, 'p> {
    fn of(engine: &'a Engine<'p>, state: &'a State, hook: Hook, id: RuleId) -> Run<'a, 'p> {
        let registers = Registers::default();
        Run { engine, state, hook, id, registers, packet: None, open: None, told: Told::Continue }
    }

    fn scene(&self) -> Scene<'_> {
        let scene = self.engine.scene(self.state, self.hook);
        Scene { packet: self.packet.as_ref().unwrap_or(&self.state.packet), ..scene }
    }

    /// Everything so far holds, or what is open.
    fn settled(&self) -> Asked<()> {
        self.open.clone().map_or(Ok(()), Err)
    }

    /// Takes an answer: what is open is kept, questions about the packet before assumptions.
    fn take(&mut self, answer: Asked<bool>) -> Step {
        match answer {
            Ok(true) => Step::Next,
            Ok(false) => Step::Break,
            Err(open) => {
                if self.open.as_ref().is_none_or(|known| !known.is_decidable() && open.is_decidable()) {
                    self.open = Some(open);
                }
                Step::Next
            }
        }
    }

    fn load(&mut self, to: Register, loaded: Asked<Loaded>, length: usize) -> Step {
        match loaded {
            Ok(Some(pieces)) => {
                self.registers.put(to, pieces);
                Step::Next
            }
            Ok(None) => Step::Break,
            Err(open) => {
                self.registers.put(to, vec![Piece::unknown(Why::State, length)]);
                self.take(Err(open))
            }
        }
    }

    fn step(&mut self, expression: &Expression, index: u16) -> Asked<Step> {
        let at = (self.id, index);
        Ok(match expression {
            Expression::Payload { base, offset, length, to } => {
                let length = usize::from(*length);
                let loaded = load::payload(&self.scene(), *base, usize::from(*offset), length);
                self.load(*to, Ok(loaded), length)
            }
            Expression::Meta { key, to } => {
                let loaded = load::meta(&self.scene(), *key);
                self.load(*to, Ok(loaded), 4)
            }
            Expression::Ct { key, direction, to } => {
                let loaded = load::ct(&self.scene(), *key, *direction);
                self.load(*to, loaded, 4)
            }
            Expression::Fib { result, flags, to } => {
                let loaded = load::fib(&self.scene(), *result, *flags);
                self.load(*to, loaded, 16)
            }
            Expression::Immediate { to, data } => {
                self.registers.put(*to, vec![Piece::constant(data)]);
                Step::Next
            }
            Expression::Bitwise { from, to, mask_xor } => {
                let (mask, flip) = (&*mask_xor.0, &*mask_xor.1);
                let pieces = self.registers.get(*from, mask.len());
                self.registers.put(*to, registers::masked(&pieces, mask, flip));
                Step::Next
            }
            Expression::Byteorder { from, to, length, .. } => {
                let swapped = self.registers.get(*from, usize::from(*length)).into_iter();
                let swapped = swapped.map(|piece| Piece { host_order: !piece.host_order, ..piece });
                self.registers.put(*to, swapped.collect());
                Step::Next
            }
            Expression::Compare { from, op, data } => {
                let pieces = self.registers.get(*from, data.len());
                let answer = compare(&self.scene(), &pieces, *op, data, at);
                self.take(answer)
            }
            Expression::Range { from, not, ends } => {
                let pieces = self.registers.get(*from, ends.0.len());
                let answer = lookup::between(&self.scene(), &pieces, &ends.0, &ends.1, at);
                self.take(negate(answer, *not))
            }
            Expression::Lookup { set, from, to, not } => return self.lookup(set, *from, *to, *not, at),
            other => return self.more(other, at),
        })
    }

    /// Expressions that change something or end the rule: everything before them has to hold.
    fn does(&mut self, expression: &Expression, at: piece::At) -> Asked<Step> {
        self.settled()?;
        Ok(match expression {
            Expression::Verdict(verdict) => self.verdict(verdict),
            Expression::MetaSet { key: MetaKey::MARK, from } => {
                let mark = self.number(*from);
                self.packet_mut().mark = mark;
                Step::Next
            }
            Expression::MetaSet { key, .. } if is_idle(*key) => Step::Next,
            Expression::CtSet { key: CtKey::MARK, from, .. } => {
                if self.scene().has_flow()? {
                    let mark = self.number(*from);
                    self.packet_mut().flow.mark = mark;
                }
                Step::Next
            }
            Expression::CtSet { key: CtKey::ZONE, direction, from } => {
                let zone = self.number(*from);
                let id = if let Value::Known(id) = zone { Some(id as u16) } else { None };
                conntrack::put_into_zone(&mut self.packet_mut().flow, *direction, id);
                Step::Next
            }
            Expression::CtSet { .. } => Step::Next,
            Expression::Notrack => {
                // What conntrack has refused has no flow either, and is no longer invalid (`nft_notrack_eval`).
                if self.scene().tracking() == Tracking::Unseen || !self.scene().has_flow()? {
                    self.packet_mut().flow.tracking = Tracking::Untracked;
                }
                self.told = Told::Notrack;
                Step::Next
            }
            Expression::Nat(nat) => self.nat(nat)?,
            Expression::Masquerade { ports, flags } => self.translate(Target::Masquerade, None, *ports, *flags)?,
            Expression::Redirect { ports, flags } => self.translate(Target::Redirect, None, *ports, *flags)?,
            Expression::Reject { kind, code } => {
                let with = translate::reject_with(*kind, *code, self.engine.family());
                Step::Ends(Effect::End(FateKind::Rejected, Told::Reject(with)))
            }
            Expression::Target(target) => match self.engine.effect(self.state, self.hook, target, self.id)? {
                // `nft_target_eval`: XT_CONTINUE is the next expression.
                Effect::Continue(_) => Step::Next,
                effect => Step::Ends(effect),
            },
            Expression::PayloadSet(written) => {
                self.write(written);
                Step::Next
            }
            Expression::ExthdrSet { .. } | Expression::ExthdrReset { .. } => Step::Next,
            Expression::Fwd { device, .. } => self.forward_by(*device),
            Expression::Tproxy { family, address, port } => self.tproxy(*family, *address, *port, at)?,
            // Of other protocols the rule does not hold.
            Expression::Synproxy(_) | Expression::Object { kind: ObjectKind::SYNPROXY, .. }
                if self.engine.query.protocol != Protocol::TCP =>
            {
                Step::Break
            }
            Expression::Synproxy(_) | Expression::Object { kind: ObjectKind::SYNPROXY, .. } => {
                match synproxy::of_nft(&self.scene(), self.id)? {
                    Some(effect) => Step::Ends(effect),
                    None => Step::Next,
                }
            }
            Expression::Undecoded(undecoded) => self.undecoded(&undecoded.name)?,
            _ => self.assumed(Why::Undecoded)?,
        })
    }

    /// An expression that is not known here.
    fn undecoded(&mut self, name: &str) -> Asked<Step> {
        if LOADS.contains(&name) || name == "numgen" {
            let why = if name == "numgen" { Why::Random } else { Why::Undecoded };
            self.registers.forget(why);
            return Ok(Step::Next);
        }
        match name {
            "queue" => Ok(Step::Ends(Effect::End(FateKind::Queued, Told::Queue))),
            name if CONTINUES.contains(&name) => Ok(Step::Next),
            _ => self.assumed(Why::Undecoded),
        }
    }

    /// What nobody knows: it lets the packet go on, or it does not.
    fn assumed(&mut self, why: Why) -> Asked<Step> {
        let open = Open::either(Assumed::TargetContinues(self.id), why, 0.5);
        Ok(match self.scene().assume(open)? {
            true => Step::Next,
            false => Step::Ends(Effect::End(FateKind::Unknown, Told::Unknown)),
        })
    }

    fn packet_mut(&mut self) -> &mut Packet {
        self.packet.get_or_insert_with(|| self.state.packet.clone())
    }

    /// A number of 32 bits from a register, such as a mark.
    fn number(&self, from: Register) -> Value {
        let scene = self.scene();
        match &self.registers.get(from, 4)[..] {
            [piece] => registers::number(&scene, piece),
            _ => Value::Chosen { among: ValueSet::full(32), why: Why::State },
        }
    }

    fn verdict(&self, verdict: &Verdict) -> Step {
        Step::Ends(match verdict {
            Verdict::Accept => Effect::Accept,
            Verdict::Drop => Effect::End(FateKind::Dropped, Told::Drop),
            Verdict::Continue => return Step::Next,
            Verdict::Break => return Step::Break,
            Verdict::Return => Effect::Return,
            Verdict::Jump(chain) => Effect::Enter { chain: chain.0, returns: true },
            Verdict::Goto(chain) => Effect::Enter { chain: chain.0, returns: false },
            Verdict::Queue { .. } => Effect::End(FateKind::Queued, Told::Queue),
        })
    }

    /// `nft_lookup_eval`: a key that is not there breaks the rule, in a map too.
    fn lookup(
        &mut self,
        name: &str,
        from: Register,
        to: Option<LookupResult>,
        not: bool,
        at: piece::At,
    ) -> Asked<Step> {
        let Some(content) = self.engine.plan.contents.set(self.id.chain.table, name) else {
            return Ok(self.take(undecided(&self.scene(), at, Why::Unread)));
        };
        let set = content.set;
        if !content.is_read() {
            return self.unread(content, to, at);
        }
        let pieces = self.registers.get(from, set.key_length as usize);
        if let Some(step) = self.in_filled(content, &pieces, to, not, at)? {
            return Ok(step);
        }
        let Some(to) = to else {
            let answer = lookup::contains(&self.scene(), content, &pieces, at);
            return Ok(self.take(negate(answer, not)));
        };
        if to == LookupResult::Verdict {
            self.settled()?;
        }
        match lookup::given(&self.scene(), content, &pieces, at) {
            Ok(Given::Nothing) => Ok(Step::Break),
            Ok(Given::Verdict(verdict)) => {
                let verdict = verdict.clone();
                Ok(self.verdict(&verdict))
            }
            Ok(Given::Data(bytes)) => {
                if let LookupResult::Data(register) = to {
                    self.registers.put(register, parts(bytes).map(Piece::constant).collect());
                }
                Ok(Step::Next)
            }
            Ok(Given::Unknown) => self.something(to, set, Why::Undecoded),
            Err(open) => {
                if let LookupResult::Data(register) = to {
                    self.registers.put(register, vec![Piece::unknown(Why::State, set.data_length as usize)]);
                }
                Ok(self.take(Err(open)))
            }
        }
    }

    /// A lookup in a set of which nobody has read what it holds.
    fn unread(&mut self, content: Content<'_>, to: Option<LookupResult>, at: piece::At) -> Asked<Step> {
        self.engine.met.borrow_mut().push(content.id);
        let answer = undecided(&self.scene(), at, Why::Unread);
        match (to, answer) {
            (Some(to), Ok(true)) => {
                self.settled()?;
                self.something(to, content.set, Why::Unread)
            }
            (Some(LookupResult::Data(register)), Err(open)) => {
                self.registers.put(register, vec![Piece::unknown(Why::Unread, content.set.data_length as usize)]);
                Ok(self.take(Err(open)))
            }
            (_, answer) => Ok(self.take(answer)),
        }
    }

    /// A map gives something, and nobody knows what.
    fn something(&mut self, to: LookupResult, map: &Set, why: Why) -> Asked<Step> {
        match to {
            LookupResult::Data(register) => {
                self.registers.put(register, vec![Piece::unknown(why, map.data_length as usize)]);
                Ok(Step::Next)
            }
            LookupResult::Verdict => self.assumed(why),
        }
    }
}

/// What a map gives, in parts of no more bytes than an address has: an IPv6 address with a port is two.
fn parts(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    const ADDRESS: usize = 16;
    const WITH_PORT: usize = 20;
    let each = if bytes.len().is_multiple_of(WITH_PORT) { WITH_PORT } else { ADDRESS };
    bytes.chunks(each).flat_map(|one| one.chunks(ADDRESS))
}
