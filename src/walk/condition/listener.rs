//! Which socket hears a packet that is sent to an address and a port: what `-m socket`, `socket` and TPROXY ask.
//!
//! `nf_sk_lookup_slow_v4`, `nf_tproxy_get_sock_v4` and their IPv6 twins, for a packet that no connection has yet.

use super::*;
use crate::host::{Address, Socket};
use crate::walk::query::Turn;
use crate::walk::sockets;

impl Scene<'_> {
    /// The socket that hears the packet, or that a rule gave it to.
    pub(in crate::walk) fn its_socket(&self, at: At) -> Asked<Option<&Socket>> {
        let number = match self.packet.socket {
            Some(number) => Some(number),
            None => self.listener_number(&self.packet.dst, &self.packet.dport, at)?,
        };
        Ok(number.and_then(|number| self.plan.namespace().sockets.get(number)))
    }

    /// Whether the packet may have been given its socket before it was routed (`tcp_v4_early_demux`): one of a connection that
    /// a device brought. What comes by lo has its route already.
    pub(in crate::walk) fn may_be_demuxed(&self) -> bool {
        let by_lo = match self.packet.iif {
            Device::Known(number) => self.plan.devices.name(number) == Some("lo"),
            Device::Entering | Device::Absent | Device::Leaving => false,
        };
        let has_connections = matches!(self.query.protocol, Protocol::TCP | Protocol::UDP);
        self.packet.turn != Turn::First && self.hook == Hook::Input && has_connections && !by_lo
    }

    /// The number of the socket that hears what is sent there. Ports and addresses that no socket is bound to are not told
    /// apart.
    pub(in crate::walk) fn listener_number(&self, dst: &Value, dport: &Value, at: At) -> Asked<Option<usize>> {
        let namespace = self.plan.namespace();
        let protocol = self.query.protocol;
        if !matches!(protocol, Protocol::TCP | Protocol::UDP) {
            return Ok(None);
        }
        if !namespace.is_read(What::Sockets) && !self.undecided(at, Why::Unread, 0.5)? {
            return Ok(None);
        }
        let here = || namespace.sockets.iter().filter(|socket| socket.protocol == protocol);
        let ports = ValueSet::from_ranges(here().map(|socket| (socket.port.into(), socket.port.into())));
        if !self.in_set(dport, &ports, Some(at))? {
            return Ok(None);
        }
        let Some(port) = self.one_of(dport, ports.ranges(), at)? else { return Ok(None) };
        let bound = here().filter(|socket| u128::from(socket.port) == port && !socket.addr.is_unspecified());
        let own =
            bound.filter(|socket| IpFamily::of(socket.addr) == self.query.family).map(|socket| number(socket.addr));
        let own = ValueSet::from_ranges(own.map(|addr| (addr, addr)));
        let dst = self.one_of(dst, own.ranges(), at)?.unwrap_or(0);
        let to = Endpoints {
            dst: Some(crate::walk::query::address(self.query.family, dst)),
            dport: Some(port as u16),
            ..Endpoints::default()
        };
        let device = match self.packet.iif {
            Device::Known(number) => Some(number),
            Device::Entering => self.space.known(Field::Iif),
            Device::Absent | Device::Leaving => None,
        };
        let iif = device.and_then(|number| self.plan.devices.name(number));
        Ok(sockets::hearing(namespace, protocol, self.query.family, &to, sockets::By::device(iif)))
    }

    /// Which of these numbers it is.
    fn one_of(&self, value: &Value, ranges: &[(u128, u128)], at: At) -> Asked<Option<u128>> {
        if let Value::Known(known) = self.settled(value) {
            return Ok(ranges.iter().any(|(first, last)| (*first..=*last).contains(&known)).then_some(known));
        }
        for number in ranges.iter().flat_map(|(first, last)| *first..=*last) {
            if self.in_range(value, number, number, Some(at))? {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    /// Where a packet goes that is handed to a socket here without an address: the incoming device's first of the family
    /// (`nf_tproxy_laddr4`, `nf_tproxy_laddr6`), else its own.
    pub(in crate::walk) fn address_to_hand_to(&self) -> Value {
        let device = match self.packet.iif {
            Device::Known(number) => Some(number),
            Device::Entering => self.space.known(Field::Iif),
            Device::Absent | Device::Leaving => None,
        };
        let namespace = self.plan.namespace();
        let link = device.and_then(|number| self.plan.devices.name(number)).and_then(|name| namespace.link(name));
        let serves = |address: &&Address| match self.query.family {
            IpFamily::V4 => !address.secondary,
            IpFamily::V6 => !address.tentative && !address.deprecated,
        };
        let mut own = namespace.addresses.iter().filter(|address| address.family() == self.query.family);
        let first = link.and_then(|link| own.find(|address| address.link == link.index && serves(address)));
        first.map_or_else(|| self.packet.dst.clone(), |address| Value::Known(number(address.addr())))
    }
}
