//! Expressions of which nobody can tell what they load, or whether they hold: it takes state, chance, or more than the walk
//! knows.
//!
//! None of them is false for that: what is loaded is unknown, and what holds or not splits the walk.

use super::load;
use super::piece::{At, Piece, Source, undecided};
use super::{Run, Step};
use crate::host::nft::{self, Dynset, Expression, ObjectKind, PayloadBase, PayloadSet, Register, TunnelKey};
use crate::host::{Family, IpFamily};
use crate::walk::alter;
use crate::walk::outcome::{Assumed, FateKind, Verdict as Told, Why};
use crate::walk::packet::{Device, TimeToLive, Value};
use crate::walk::set::ValueSet;
use crate::walk::space::{Asked, Open};
use crate::walk::target::{Effect, nobody_listens};

impl Run<'_, '_> {
    /// Expressions that load something, and those that hold or not by what came before.
    pub(super) fn more(&mut self, expression: &Expression, at: At) -> Asked<Step> {
        match expression {
            Expression::Socket { key, to } => {
                let loaded = load::socket(&self.scene(), *key, at);
                return Ok(self.load(*to, loaded, 8));
            }
            Expression::Exthdr { within, length, present, to, .. } => {
                let length = usize::from(*length);
                let loaded = load::extension(&self.scene(), *within, length, *present);
                return Ok(self.load(*to, Ok(loaded), length));
            }
            // No packet here came by IPsec, or by a tunnel that tells of itself.
            Expression::Xfrm { .. } | Expression::Tunnel { key: TunnelKey::Id, .. } => return Ok(Step::Break),
            Expression::Rt { key: nft::RtKey::Xfrm, to } | Expression::Tunnel { key: TunnelKey::Path, to, .. } => {
                return Ok(self.load(*to, Ok(Some(vec![Piece::constant(&[0])])), 1));
            }
            Expression::Numgen { random, modulus, offset, to } => {
                let why = if *random { Why::Random } else { Why::State };
                return Ok(self.load(*to, Ok(Some(vec![drawn(*modulus, *offset, why)])), 4));
            }
            Expression::Hash(hash) => {
                return Ok(self.load(hash.to, Ok(Some(vec![drawn(hash.modulus, hash.offset, Why::State)])), 4));
            }
            _ => {}
        }
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
            Expression::Dynset(dynset) => {
                self.fill(dynset)?;
                self.dynset(dynset, at)
            }
            Expression::Match(matched) => {
                let answer = self.scene().holds(matched, at);
                self.take(answer)
            }
            Expression::Queue { bypass, .. } => {
                self.settled()?;
                if *bypass && nobody_listens(&self.scene(), self.id)? {
                    return Ok(Step::Ends(Effect::Accept));
                }
                Step::Ends(Effect::End(FateKind::Queued, Told::Queue))
            }
            other => return self.does(other, at),
        })
    }

    /// What a rule writes into the packet.
    pub(super) fn write(&mut self, written: &PayloadSet) {
        let family = self.engine.family();
        let size = usize::from(family.bits() / 8);
        let (source, service, ttl) = if family == IpFamily::V4 { (12, (1, 1), 8) } else { (8, (0, 2), 7) };
        let pieces = self.registers.get(written.from, usize::from(written.length));
        // What lies in so many bytes of a header; `None`: they are left alone.
        let put = |base: PayloadBase, at: usize, length: usize| {
            let mut first = usize::from(written.offset);
            if written.base != base || at + length <= first || first + usize::from(written.length) <= at {
                return None;
            }
            for piece in &pieces {
                if first <= at && at + length <= first + piece.length {
                    return Some(piece.part(at - first, length));
                }
                first += piece.length;
            }
            Some(Piece::unknown(Why::Undecoded, length))
        };
        let base = PayloadBase::Network;
        let addresses = [put(base, source, size), put(base, source + size, size)];
        let ports = [put(PayloadBase::Transport, 0, 2), put(PayloadBase::Transport, 2, 2)];
        let (service, ttl) = (put(base, service.0, service.1), put(base, ttl, 1));
        let scene = self.scene();
        let unknown = |bits: u8| Value::Chosen { among: ValueSet::full(bits), why: Why::Undecoded };
        let value = |piece: Piece, bits: u8| piece.value(&scene).unwrap_or(unknown(bits));
        let addresses = addresses.map(|piece| piece.map(|piece| value(piece, family.bits())));
        let ports = ports.map(|piece| piece.map(|piece| value(piece, 16)));
        let tos = service.map(|piece| piece.service(&scene));
        let left =
            ttl.filter(|piece| !(piece.source == Source::Ttl && piece.is_whole())).map(|piece| piece.known(&scene));
        let packet = self.packet_mut();
        let [src, dst] = addresses;
        let [sport, dport] = ports;
        for (field, value) in [
            (&mut packet.src, src),
            (&mut packet.dst, dst),
            (&mut packet.sport, sport),
            (&mut packet.dport, dport),
            (&mut packet.tos, tos),
        ] {
            if let Some(value) = value {
                *field = value;
            }
        }
        if let Some(left) = left {
            packet.ttl = left.map_or(TimeToLive::ENTERING, |left| TimeToLive::Set(left as u8));
        }
    }

    /// `nft_tproxy_eval`: where a transparent socket hears, the packet is its, and the next expression follows.
    pub(super) fn tproxy(
        &mut self,
        family: Option<Family>,
        address: Option<Register>,
        port: Option<Register>,
        at: At,
    ) -> Asked<Step> {
        let scene = self.scene();
        let other = if scene.query.family == IpFamily::V4 { Family::Ip6 } else { Family::Ip };
        if family == Some(other) {
            return Ok(Step::Break);
        }
        let number = |register: Option<Register>, length: usize, otherwise: Value, bits: u8| {
            let Some(register) = register else { return otherwise };
            match &self.registers.get(register, length)[..] {
                [piece] => piece.value(&scene),
                _ => None,
            }
            .unwrap_or(Value::Chosen { among: ValueSet::full(bits), why: Why::Undecoded })
        };
        let bits = scene.query.family.bits();
        let address = number(address, usize::from(bits / 8), scene.address_to_hand_to(), bits);
        let port = number(port, 2, scene.packet.dport.clone(), 16);
        let socket = alter::transparent(&scene, &address, &port, at)?;
        Ok(match socket {
            None => Step::Break,
            Some(socket) => {
                self.packet_mut().socket = Some(socket);
                self.told = Told::Tproxy;
                Step::Next
            }
        })
    }

    /// `nft_fwd_netdev_eval`: the packet leaves by the device with this index, and by no other way.
    pub(super) fn forward_by(&self, device: Register) -> Step {
        let scene = self.scene();
        let index = match &self.registers.get(device, 4)[..] {
            [piece] => piece.known(&scene).map(|known| u32::from_ne_bytes((known as u32).to_be_bytes())),
            _ => None,
        };
        let link = index.and_then(|index| scene.plan.namespace().link_at(index));
        let number = link.and_then(|link| scene.plan.devices.number(&link.name));
        Step::Ends(Effect::Aside(number.map_or(Device::Absent, Device::Known)))
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

/// One of so many numbers, from `offset` on.
fn drawn(modulus: u32, offset: u32, why: Why) -> Piece {
    let (first, last) = (u128::from(offset), u128::from(offset) + u128::from(modulus.max(1)) - 1);
    Piece::native(Source::Value(Value::chosen(first, last, why)), 4)
}

/// Where an expression puts something that is not known, how many bytes, and why it is not.
fn loads(expression: &Expression) -> Option<(Register, usize, Why)> {
    use nft::RtKey;
    Some(match expression {
        Expression::Rt { key, to } => {
            let length = match key {
                RtKey::ClassId | RtKey::NextHop4 => 4,
                RtKey::NextHop6 => 16,
                RtKey::TcpMss => 2,
                RtKey::Xfrm => 1,
            };
            (*to, length, Why::State)
        }
        Expression::Osf { to, .. } => (*to, 16, Why::State),
        Expression::Inner(inner) => match &inner.expression {
            Expression::Payload { length, to, .. } => (*to, usize::from(*length), Why::State),
            Expression::Meta { to, .. } => (*to, 4, Why::State),
            _ => return None,
        },
        Expression::Shift { to, length, .. } => (*to, usize::from(*length), Why::Undecoded),
        Expression::Boolean(boolean) => (boolean.to, usize::from(boolean.length), Why::Undecoded),
        _ => return None,
    })
}
