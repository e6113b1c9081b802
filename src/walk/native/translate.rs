//! What translates an address, and what refuses: the effects of a native rule that take some reckoning.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Run, Step};
use crate::host::nft::{Nat, Register, RejectKind, range};
use crate::host::xt::{self, PortRange, RejectWith, Target};
use crate::host::{Family, IpFamily};
use crate::walk::chain::Effect;
use crate::walk::nat;
use crate::walk::outcome::Why;
use crate::walk::packet::Value;
use crate::walk::query;
use crate::walk::space::Asked;

impl Run<'_, '_> {
    /// `nft_nat_eval`.
    pub(super) fn nat(&mut self, nat: &Nat) -> Asked<Step> {
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
            return self.translate(&Target::Netmap(Box::new(net)));
        }
        let given = Box::new(self.range(addresses, nat.ports, nat.flags));
        self.translate(&if nat.destination { Target::Dnat(given) } else { Target::Snat(given) })
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

    /// The range that a translation gives.
    pub(super) fn range(
        &self,
        addresses: Option<(IpAddr, IpAddr)>,
        ports: Option<(Register, Register)>,
        flags: u32,
    ) -> xt::Nat {
        let scene = self.scene();
        let port = |register: Register| match &self.registers.get(register, 2)[..] {
            [piece] => match piece.value(&scene) {
                Some(Value::Known(port)) => u16::try_from(port).ok(),
                _ => None,
            },
            _ => None,
        };
        let ports = ports.map(|(first, last)| match (port(first), port(last)) {
            (Some(first), Some(last)) => PortRange { first, last },
            _ => PortRange { first: 1, last: u16::MAX },
        });
        xt::Nat {
            addresses,
            ports,
            base_port: None,
            random: flags & range::RANDOM != 0,
            random_fully: flags & range::RANDOM_FULLY != 0,
            persistent: flags & range::PERSISTENT != 0,
        }
    }

    pub(super) fn translate(&self, target: &Target) -> Asked<Step> {
        Ok(match self.engine.translation(&self.scene(), self.state, target)? {
            Effect::Continue(_) => Step::Next,
            effect => Step::Ends(effect),
        })
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
