//! What translates an address, and what refuses: the effects of a native rule that take some reckoning.

use std::net::IpAddr;

use ipnet::IpNet;

use super::piece::Source;
use super::{Run, Step};
use crate::host::nft::{Nat, Register, RejectKind, range};
use crate::host::xt::{self, PortRange, RejectWith, Target};
use crate::host::{Family, IpFamily};
use crate::walk::nat;
use crate::walk::outcome::{Assumed, Why};
use crate::walk::packet::Value;
use crate::walk::query;
use crate::walk::set::ValueSet;
use crate::walk::space::{Asked, Open};
use crate::walk::target::Effect;

impl Run<'_, '_> {
    /// `nft_nat_inet_eval`: in a table of both families what translates one leaves the other alone.
    pub(super) fn nat(&mut self, nat: &Nat) -> Asked<Step> {
        if !nat.family.sees(self.engine.family()) {
            return Ok(Step::Next);
        }
        let length = match nat.family {
            Family::Ip => 4,
            Family::Ip6 => 16,
            _ => usize::from(self.engine.family().bits() / 8),
        };
        if let Some(step) = self.nat_of_the_packet(nat, length)? {
            return Ok(step);
        }
        let address = |register: Register| {
            let scene = self.scene();
            match &self.registers.get(register, length)[..] {
                [piece] => match piece.value(&scene) {
                    Some(Value::Known(known)) => Some(query::address(scene.query.family, known)),
                    _ => None,
                },
                _ => None,
            }
        };
        let addresses = match nat.addresses {
            None => None,
            Some((first, last)) => match (address(first), address(last)) {
                (Some(first), Some(last)) => Some((first, last)),
                _ => return self.assumed(Why::Undecoded),
            },
        };
        if let (true, Some((first, last))) = (nat.flags & range::NETMAP != 0, addresses)
            && let Some(net) = between(first, last)
        {
            let target = Target::Netmap(Box::new(net));
            return Ok(step(self.engine.translation(&self.scene(), self.state, &target)?));
        }
        let target = if nat.destination { Target::Dnat } else { Target::Snat };
        self.translate(target, addresses, nat.ports, nat.flags)
    }

    /// A translation to an address that the packet itself has somewhere.
    fn nat_of_the_packet(&mut self, nat: &Nat, length: usize) -> Asked<Option<Step>> {
        let Some((first, _)) = nat.addresses.filter(|(first, last)| first == last) else { return Ok(None) };
        let pieces = self.registers.get(first, length);
        let ([piece], None) = (&pieces[..], nat.ports) else { return Ok(None) };
        let scene = self.scene();
        let value = match piece.value(&scene) {
            Some(value @ (Value::Entering(_) | Value::Mapped { .. })) => value,
            _ => return Ok(None),
        };
        let (side, made, port) = match nat.destination {
            true => (nat::Side::Destination, nat::Made::Dnat, scene.packet.dport.clone()),
            false => (nat::Side::Source, nat::Made::Snat, scene.packet.sport.clone()),
        };
        self.engine.is_changed(&scene, side, &value, &port)?;
        Ok(Some(Step::Ends(Effect::Map(side, value, port, made))))
    }

    /// A translation to a range.
    pub(super) fn translate(
        &self,
        target: fn(Box<xt::Nat>) -> Target,
        addresses: Option<(IpAddr, IpAddr)>,
        ports: Option<(Register, Register)>,
        flags: u32,
    ) -> Asked<Step> {
        let (ports, port) = match ports.map(|(first, last)| (self.port(first), self.port(last))) {
            None => (None, None),
            Some((Value::Known(first), Value::Known(last))) => {
                (Some(PortRange { first: first as u16, last: last as u16 }), None)
            }
            Some((first, last)) if first == last => (None, Some(first)),
            Some(_) => (None, Some(any_port(Why::Undecoded))),
        };
        let target = target(Box::new(xt::Nat {
            addresses,
            ports,
            base_port: None,
            random: flags & range::RANDOM != 0,
            random_fully: flags & range::RANDOM_FULLY != 0,
            persistent: flags & range::PERSISTENT != 0,
        }));
        let scene = self.scene();
        match (self.engine.translation(&scene, self.state, &target)?, port) {
            (Effect::Map(side, addr, _, made), Some(port)) if scene.query.protocol.has_ports() => {
                if let Value::Chosen { why, .. } = &port {
                    scene.assume(Open::taken(Assumed::GivesPort(self.id), *why, true))?;
                }
                self.engine.is_changed(&scene, side, &addr, &port)?;
                Ok(Step::Ends(Effect::Map(side, addr, port, made)))
            }
            (effect, _) => Ok(step(effect)),
        }
    }

    /// The port in a register: one that is known, one of the packet's own, or any where nobody knows which.
    fn port(&self, register: Register) -> Value {
        let scene = self.scene();
        let pieces = self.registers.get(register, 2);
        let value = match &pieces[..] {
            [piece] => piece.value(&scene).ok_or(match piece.source {
                Source::Unknown(why) => why,
                _ => Why::Undecoded,
            }),
            _ => Err(Why::Undecoded),
        };
        value.unwrap_or_else(any_port)
    }
}

fn any_port(why: Why) -> Value {
    Value::Chosen { among: ValueSet::full(16), why }
}

fn step(effect: Effect) -> Step {
    match effect {
        Effect::Continue(_) => Step::Next,
        effect => Step::Ends(effect),
    }
}

/// The prefix whose addresses these are, from first to last.
fn between(first: IpAddr, last: IpAddr) -> Option<IpNet> {
    let bits = IpFamily::of(first).bits();
    (0..=bits).find_map(|length| {
        let net = IpNet::new(first, length).ok()?;
        (net.network() == first && net.broadcast() == last).then_some(net)
    })
}

/// What `reject` answers with (`nft_reject_icmp_code`, `nft_reject_icmpv6_code` for `icmpx`).
pub(super) fn reject_with(kind: RejectKind, code: u8, family: IpFamily) -> RejectWith {
    match (kind, family, code) {
        (RejectKind::TcpReset, ..) => RejectWith::TcpReset,
        (RejectKind::Icmpx, _, 0) => RejectWith::NetUnreachable,
        (RejectKind::Icmpx, IpFamily::V4, 2) => RejectWith::HostUnreachable,
        (RejectKind::Icmpx, IpFamily::V6, 2) => RejectWith::AddressUnreachable,
        (RejectKind::Icmpx, _, 3) => RejectWith::AdminProhibited,
        (RejectKind::Icmp, IpFamily::V4, 0) => RejectWith::NetUnreachable,
        (RejectKind::Icmp, IpFamily::V4, 1) => RejectWith::HostUnreachable,
        (RejectKind::Icmp, IpFamily::V4, 2) => RejectWith::ProtoUnreachable,
        (RejectKind::Icmp, IpFamily::V4, 9) => RejectWith::NetProhibited,
        (RejectKind::Icmp, IpFamily::V4, 10) => RejectWith::HostProhibited,
        (RejectKind::Icmp, IpFamily::V4, 13) => RejectWith::AdminProhibited,
        (RejectKind::Icmp, IpFamily::V6, 0) => RejectWith::NetUnreachable,
        (RejectKind::Icmp, IpFamily::V6, 1) => RejectWith::AdminProhibited,
        (RejectKind::Icmp, IpFamily::V6, 3) => RejectWith::AddressUnreachable,
        (RejectKind::Icmp, IpFamily::V6, 5) => RejectWith::PolicyFail,
        (RejectKind::Icmp, IpFamily::V6, 6) => RejectWith::RejectRoute,
        (RejectKind::Icmp | RejectKind::Icmpx, ..) => RejectWith::PortUnreachable,
    }
}
