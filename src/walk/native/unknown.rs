//! Expressions of which nobody can tell what they load, or whether they hold: it takes state, chance, or more than the walk
//! knows.
//!
//! None of them is false for that: what is loaded is unknown, and what holds or not splits the walk.

use super::piece::{At, Piece, undecided};
use super::{Run, Step};
use crate::host::IpFamily;
use crate::host::nft::{self, Dynset, Expression, ObjectKind, PayloadBase, PayloadSet, Register, TunnelKey, XfrmKey};
use crate::walk::chain::Effect;
use crate::walk::outcome::{Assumed, FateKind, Verdict as Told, Why};
use crate::walk::packet::Value;
use crate::walk::set::ValueSet;
use crate::walk::space::{Asked, Open};

impl Run<'_, '_> {
    /// Expressions that load something, and those that hold or not by what came before.
    pub(super) fn more(&mut self, expression: &Expression, at: At) -> Asked<Step> {
        if let Some((to, length, why)) = loads(expression) {
            self.registers.put(to, vec![Piece::unknown(why, length)]);
            return Ok(Step::Next);
        }
        Ok(match expression {
            Expression::Counter
            | Expression::Log(_)
            | Expression::Last
            | Expression::Dup { .. }
            | Expression::FlowOffload { .. } => Step::Next,
            Expression::Limit(limit) => self.limited(limit.over, at),
            Expression::Connlimit { .. } | Expression::Quota { .. } => self.open(at, Why::State),
            Expression::Object { kind: ObjectKind::QUOTA | ObjectKind::CONNLIMIT, .. } => self.open(at, Why::State),
            Expression::Object { kind: ObjectKind::LIMIT, .. } => self.limited(false, at),
            Expression::Object { .. } => Step::Next,
            // Where the map gives nothing, the rule breaks.
            Expression::ObjectMap { .. } => self.open(at, Why::State),
            Expression::Dynset(dynset) => self.dynset(dynset, at),
            Expression::Match(matched) => {
                let answer = self.scene().holds(matched, at);
                self.take(answer)
            }
            Expression::Queue { .. } => {
                self.settled()?;
                Step::Ends(Effect::End(FateKind::Queued, Told::Queue))
            }
            other => return self.does(other),
        })
    }

    /// What a rule writes into the packet: addresses and ports are no longer known then.
    pub(super) fn write(&mut self, written: &PayloadSet) {
        let family = self.engine.family();
        let size = usize::from(family.bits() / 8);
        let source = if family == IpFamily::V4 { 12 } else { 8 };
        let (first, end) = (usize::from(written.offset), usize::from(written.offset) + usize::from(written.length));
        let touches =
            |base: PayloadBase, at: usize, length: usize| written.base == base && first < at + length && at < end;
        let places = [
            touches(PayloadBase::Network, source, size),
            touches(PayloadBase::Network, source + size, size),
            touches(PayloadBase::Transport, 0, 2),
            touches(PayloadBase::Transport, 2, 2),
        ];
        if places == [false; 4] {
            return;
        }
        let packet = self.packet_mut();
        let fields = [&mut packet.src, &mut packet.dst, &mut packet.sport, &mut packet.dport];
        let bits = [family.bits(), family.bits(), 16, 16];
        for ((field, bits), _) in fields.into_iter().zip(bits).zip(places).filter(|(_, touched)| *touched) {
            *field = Value::Chosen { among: ValueSet::full(bits), why: Why::Undecoded };
        }
    }

    /// It holds or it does not.
    fn open(&mut self, at: At, why: Why) -> Step {
        let answer = undecided(&self.scene(), at, why);
        self.take(answer)
    }

    fn limited(&mut self, over: bool, (rule, index): At) -> Step {
        let likely = if over { 0.01 } else { 0.99 };
        let open = Open::either(Assumed::Match { rule, index }, Why::Rate, likely);
        let answer = self.scene().assume(open);
        self.take(answer)
    }

    /// `nft_dynset_eval`: what the element holds decides whether the rule goes on.
    fn dynset(&mut self, dynset: &Dynset, at: At) -> Step {
        let table = self.engine.plan.namespace().ruleset.table(self.id.chain);
        let of_set = table.set(&dynset.set).map(|set| &*set.details.expressions).unwrap_or_default();
        let mut held = dynset.expressions.iter().chain(of_set);
        let decides = |held: &Expression| !matches!(held, Expression::Counter | Expression::Last);
        match held.find(|held| decides(held)) {
            Some(Expression::Limit(limit)) => self.limited(limit.over, at),
            Some(_) => self.open(at, Why::State),
            // That there is room is taken for granted; where that is what breaks the rule, it is asked.
            None if dynset.not => self.open(at, Why::State),
            None => Step::Next,
        }
    }
}

/// Where an expression puts something that is not known, how many bytes, and why it is not.
fn loads(expression: &Expression) -> Option<(Register, usize, Why)> {
    use nft::{RtKey, SocketKey};
    Some(match expression {
        Expression::Exthdr { length, present, to, .. } => {
            (*to, if *present { 1 } else { usize::from(*length) }, Why::Undecoded)
        }
        Expression::Socket { key, to } => {
            let length = match key {
                SocketKey::Transparent | SocketKey::Wildcard => 1,
                SocketKey::Mark => 4,
                SocketKey::Cgroup2(_) => 8,
            };
            (*to, length, Why::Undecoded)
        }
        Expression::Rt { key, to } => {
            let length = match key {
                RtKey::ClassId | RtKey::NextHop4 => 4,
                RtKey::NextHop6 => 16,
                RtKey::TcpMss => 2,
                RtKey::Xfrm => 1,
            };
            (*to, length, Why::Undecoded)
        }
        Expression::Osf { to, .. } => (*to, 16, Why::Undecoded),
        Expression::Xfrm { key, to, .. } => {
            let wide = matches!(key, XfrmKey::DestinationIp6 | XfrmKey::SourceIp6);
            (*to, if wide { 16 } else { 4 }, Why::Undecoded)
        }
        Expression::Tunnel { key, to, .. } => (*to, if *key == TunnelKey::Path { 1 } else { 4 }, Why::Undecoded),
        Expression::Inner(inner) => match &inner.expression {
            Expression::Payload { length, to, .. } => (*to, usize::from(*length), Why::Undecoded),
            Expression::Meta { to, .. } => (*to, 4, Why::Undecoded),
            _ => return None,
        },
        Expression::Numgen { to, .. } => (*to, 4, Why::Random),
        Expression::Hash(hash) => (hash.to, 4, Why::Undecoded),
        Expression::Shift { to, length, .. } => (*to, usize::from(*length), Why::Undecoded),
        Expression::Boolean(boolean) => (boolean.to, usize::from(boolean.length), Why::Undecoded),
        _ => return None,
    })
}
