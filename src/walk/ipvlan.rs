//! Devices that stand on another one and share its link-layer address: what comes in there for an address of theirs is theirs, and
//! what they send goes straight to each other, out in frames of the lower device, or is routed anew where that device is.
//!
//! `ipvlan_handle_frame`, `ipvlan_queue_xmit`, `ipvlan_l3_rcv` (drivers/net/ipvlan). From the kernel's source: no kernel at hand
//! has such devices. Copies that they get of frames for many are not followed.

use super::engine::Engine;
use super::frames::{TO_ALL, TO_HOST, TO_MANY};
use super::input::Next;
use super::onward::{self, Arrival, Sent};
use super::outcome::{FateKind, Reason};
use super::output;
use super::packet::{Device, Owner, Value};
use super::query::number;
use super::route::{Found, Lookup};
use super::set::ValueSet;
use super::space::Asked;
use super::state::{At, End, Layer, State};
use super::way::{Decision, Way};
use super::wires::Wires;
use crate::host::{
    Address, Hook, Host, IpFamily, Ipvlan, IpvlanMode, IpvlanReach, Link, LinkKind, Namespace, RouteKind,
};

/// An ipvlan that is up, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slave {
    /// The lower device: the index of its namespace, and its own there.
    on: (usize, u32),
    /// Index of the namespace of the ipvlan.
    namespace: usize,
    /// Its index there.
    link: u32,
    kind: Ipvlan,
}

/// All ipvlans of a host that are up.
pub(super) fn all(host: &Host) -> Vec<Slave> {
    let of = |namespace: usize, ns: &Namespace| -> Vec<Slave> {
        let slave = |link: &Link| {
            let (LinkKind::Ipvlan(kind), true) = (&link.kind, link.up) else { return None };
            let (there, lower) = onward::leads_to(host, namespace, link.peer?)?;
            Some(Slave { on: (there, lower.index), namespace, link: link.index, kind: *kind })
        };
        ns.links.iter().filter_map(slave).collect()
    };
    host.namespaces.iter().enumerate().flat_map(|(namespace, ns)| of(namespace, ns)).collect()
}

impl Slave {
    /// The addresses that are its own, of a family.
    fn addresses(&self, host: &Host, family: IpFamily) -> ValueSet {
        let own = host.namespaces[self.namespace].addresses.iter();
        let own = own.filter(|address| address.link == self.link && address.family() == family);
        ValueSet::from_ranges(own.map(Address::addr).map(number).map(|own| (own, own)))
    }

    fn arrival(&self, is_meant: bool) -> Arrival {
        Arrival { namespace: self.namespace, link: self.link, is_meant }
    }
}

impl Wires<'_> {
    /// Whether an ipvlan on a device has the address that a frame is sent to.
    pub(super) fn has_slave_with(&self, namespace: usize, lower: u32, sent: &Sent) -> bool {
        let family = IpFamily::of(sent.next_hop);
        let mut on = self.slaves().iter().filter(|slave| slave.on == (namespace, lower));
        on.any(|slave| slave.addresses(self.host, family).contains(number(sent.next_hop)))
    }
}

impl Engine<'_> {
    /// The ipvlan on a device that has the packet's destination.
    fn slave_with(&self, state: &State, hook: Hook, on: (usize, u32)) -> Asked<Option<Slave>> {
        let wires = self.plan.wires();
        for slave in wires.slaves().iter().filter(|slave| slave.on == on) {
            let own = slave.addresses(self.plan.host, self.family());
            if !own.is_empty() && self.scene(state, hook).in_set(&state.packet.dst, &own, None)? {
                return Ok(Some(*slave));
            }
        }
        Ok(None)
    }

    /// The ipvlan that takes what came in by a device, before IP (`layer3`: not even there) or after its prerouting.
    fn slave_of(&self, state: &State, hook: Hook, at_ip: bool) -> Asked<Option<Slave>> {
        let slaves = self.plan.wires().slaves();
        let mut asked: Vec<u32> = Vec::new();
        for slave in slaves.iter().filter(|slave| slave.on.0 == state.namespace) {
            let lower = slave.on.1;
            if (slave.kind.mode == IpvlanMode::L3s) != at_ip || asked.contains(&lower) {
                continue;
            }
            asked.push(lower);
            let device = self.plan.namespace().link_at(lower).and_then(|link| self.plan.devices.number(&link.name));
            let Some(device) = device else { continue };
            if self.is_device(state, state.packet.iif, device)? {
                return self.slave_with(state, hook, slave.on);
            }
        }
        Ok(None)
    }

    /// Where the frame goes that came in by a device with ipvlans (`ipvlan_handle_frame`).
    pub(super) fn taken_by_slave(&self, state: &State) -> Asked<Option<Arrival>> {
        if state.looped || self.plan.wires().slaves().is_empty() {
            return Ok(None);
        }
        let Some(slave) = self.slave_of(state, Hook::Ingress, false)? else { return Ok(None) };
        let scene = self.scene(state, Hook::Ingress);
        let is = |kind: u128| scene.in_range(&state.packet.pkttype, kind, kind, None);
        if slave.kind.mode == IpvlanMode::L2 && (is(TO_ALL)? || is(TO_MANY)?) {
            return Ok(None);
        }
        Ok(Some(slave.arrival(is(TO_HOST)?)))
    }

    /// The ipvlan for which prerouting and input of the lower device's namespace stand in (`ipvlan_l3_rcv`).
    pub(super) fn routed_to_slave(&self, state: &State) -> Asked<Option<Arrival>> {
        if self.plan.wires().slaves().is_empty() || self.query.stays {
            return Ok(None);
        }
        Ok(self.slave_of(state, Hook::Prerouting, true)?.map(|slave| slave.arrival(true)))
    }

    /// Input is done where the lower device is: the sockets of the ipvlan's namespace are asked (`ipvlan_nf_input`).
    pub(super) fn delivered_to(&mut self, state: &mut State, there: Arrival) -> Option<End> {
        let end = self.cross(state, there, false);
        if end.is_none() {
            self.pass(state, At::Hooked(Hook::Input));
        }
        end
    }

    /// An ipvlan sends the packet. `None`: the device is no such one.
    pub(super) fn sent_by_slave(&mut self, state: &mut State, device: u128) -> Asked<Option<Option<End>>> {
        let link = self.plan.devices.name(device).and_then(|name| self.plan.namespace().link(name));
        let own = |link: &Link| {
            let mut slaves = self.plan.wires().slaves().iter();
            slaves.find(|slave| (slave.namespace, slave.link) == (state.namespace, link.index)).copied()
        };
        let Some(slave) = link.and_then(own).filter(|_| !self.query.stays) else { return Ok(None) };
        let (namespace, lower) = slave.on;
        let is_near = slave.kind.mode != IpvlanMode::L2 || self.is_sent_within(state, &slave);
        if slave.kind.reach != IpvlanReach::Vepa && is_near {
            if let Some(other) = self.slave_with(state, Hook::Egress, slave.on)? {
                return Ok(Some(match slave.kind.reach {
                    IpvlanReach::Private => Some(End::because(FateKind::Dropped, Some(Reason::Private))),
                    IpvlanReach::Bridge | IpvlanReach::Vepa => self.cross(state, other.arrival(true), true),
                }));
            }
            if slave.kind.mode == IpvlanMode::L2 {
                // The device below takes what none of them has: it is for its own host.
                return Ok(Some(self.cross(state, Arrival { namespace, link: lower, is_meant: true }, true)));
            }
        }
        if slave.kind.mode == IpvlanMode::L2 {
            return self.goes_out_below(state, slave.on).map(Some);
        }
        let end = self.cross(state, Arrival { namespace, link: lower, is_meant: true }, true);
        if end.is_none() {
            (state.packet.iif, state.packet.oif) = (Device::Absent, state.packet.iif);
            (state.layer, state.at) = (Layer::Ip, At::Sending);
        }
        Ok(Some(end))
    }

    /// Whether a frame is for the link-layer address that all of them have.
    fn is_sent_within(&self, state: &State, slave: &Slave) -> bool {
        let (namespace, lower) = slave.on;
        let own = self.plan.namespace().link_at(slave.link).and_then(|link| link.mac);
        state.sent.is_some_and(|sent| match sent.to {
            Some(to) => own == Some(to),
            None => {
                let below = &self.plan.host.namespaces[namespace];
                let wires = self.plan.wires();
                wires.has_slave_with(namespace, lower, &sent)
                    || below.addresses.iter().any(|address| address.addr() == sent.next_hop)
            }
        })
    }

    /// A packet of an ipvlan is sent by the namespace of the lower device, and by that device (`ipvlan_process_outbound`).
    pub(super) fn send_on(&mut self, state: &mut State) -> Asked<Option<End>> {
        self.take_unread(state)?;
        let by = state.packet.oif;
        let name = match by {
            Device::Known(number) => self.plan.devices.name(number),
            Device::Absent | Device::Entering | Device::Leaving => None,
        };
        let Some(lower) = name.and_then(|name| self.plan.namespace().link(name)) else {
            return Ok(Some(End::because(FateKind::Forwarded, None)));
        };
        let scene = self.scene(state, Hook::Output);
        let vrf = self.plan.vrf_at(lower.index);
        let lookup = Lookup {
            scene,
            plan: self.plan,
            to: &state.packet.dst,
            from: Some(&state.packet.src),
            mark: &state.packet.mark,
            iif: None,
            vrf,
            bound: vrf.is_some(),
            ports: None,
            typed: false,
            has_sender: false,
        };
        let straight = Next::Onward(Way::straight(by));
        let found = match scene.settled(&state.packet.dst) {
            Value::Known(_) => Some(lookup.find_by(lower.index)?),
            // Which of several routes by the device is taken changes the router alone.
            Value::Entering(_) | Value::Mapped { .. } | Value::Chosen { .. } => None,
        };
        let next = match found {
            None => straight,
            Some(Found::Route(route)) => match route.kind {
                RouteKind::Unicast | RouteKind::Local => output::leave(&lookup, route)?,
                _ => Next::Refused(FateKind::Dropped, Reason::Broadcast),
            },
            // IPv4 takes the destination to be on the link, where no route leads there by a device that is asked for.
            Some(Found::Refused(_)) if self.family() == IpFamily::V4 && vrf.is_none() => straight,
            Some(Found::Refused(reason)) => Next::Refused(FateKind::Dropped, reason),
        };
        let comes_back = matches!(next, Next::Here | Next::HereToAll);
        let end = self.set_out(state, next)?;
        // It has no socket here, and what is for this host comes back by lo all the same.
        (state.packet.owner, state.made_here) = (Owner::Nobody, comes_back);
        Ok(end)
    }

    /// What comes in for an ipvlan of this kind is this host's, as far as hooks go.
    pub(super) fn marks_here(&mut self, state: &mut State) {
        self.mark_route(state, Some(Hook::Prerouting), Decision::Local);
        state.at = At::Slot(Hook::Input, 0, 0);
    }
}
