//! Devices that stand on another one: of the frames that come in by the lower device a macvlan takes its own, and what it
//! sends goes out by the lower device, or straight to another macvlan there.
//!
//! `macvlan_handle_frame`, `macvlan_queue_xmit`. Copies are not followed: those that macvlans get of frames for many, and
//! those that one of mode `source` takes beside whom the frame is for.

use std::net::IpAddr;

use super::engine::Engine;
use super::entrance;
use super::frames::{TO_HOST, TO_OTHER, stands};
use super::onward::{self, Arrival, Sent};
use super::outcome::FateKind;
use super::packet::{Device, Value};
use super::plan::Plan;
use super::query::{address, number};
use super::set::ValueSet;
use super::space::Asked;
use super::state::{At, End, State};
use super::wires::Wires;
use crate::host::{Address, Hook, Host, IpFamily, Link, LinkKind, MacvlanMode, Namespace};

/// A macvlan that is up, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Upper {
    /// The lower device: the index of its namespace, and its own there.
    pub(super) on: (usize, u32),
    /// Index of the namespace of the macvlan.
    pub(super) namespace: usize,
    /// Its index there.
    pub(super) link: u32,
    mode: MacvlanMode,
}

/// All macvlans of a host that are up.
pub(super) fn all(host: &Host) -> Vec<Upper> {
    let of = |namespace: usize, ns: &Namespace| -> Vec<Upper> {
        let upper = |link: &Link| {
            let (LinkKind::Macvlan(mode), true) = (&link.kind, link.up) else { return None };
            let (there, lower) = onward::leads_to(host, namespace, link.peer?)?;
            Some(Upper { on: (there, lower.index), namespace, link: link.index, mode: *mode })
        };
        ns.links.iter().filter_map(upper).collect()
    };
    host.namespaces.iter().enumerate().flat_map(|(namespace, ns)| of(namespace, ns)).collect()
}

impl Upper {
    fn device<'a>(&self, host: &'a Host) -> Option<&'a Link> {
        host.namespaces[self.namespace].link_at(self.link)
    }

    /// Whether a frame that is sent so is for it.
    fn is_meant(&self, host: &Host, sent: &Sent) -> bool {
        match sent.to {
            Some(to) => self.device(host).is_some_and(|device| device.mac == Some(to)),
            None => self.addresses(host).any(|own| own == sent.next_hop),
        }
    }

    /// The addresses that it answers for: those of its namespace, but not of the device below and of others there, which answer
    /// for themselves.
    fn addresses<'a>(&self, host: &'a Host) -> impl Iterator<Item = IpAddr> + use<'a> {
        let apart = (self.on.0 == self.namespace).then_some(self.link);
        let all = host.namespaces[self.namespace].addresses.iter();
        all.filter(move |address| apart.is_none_or(|link| address.link == link)).map(Address::addr)
    }

    fn takes_what_is_its_own(&self) -> bool {
        !matches!(self.mode, MacvlanMode::Source | MacvlanMode::Passthru)
    }
}

impl Wires<'_> {
    fn on(&self, namespace: usize, lower: u32) -> impl Iterator<Item = &Upper> {
        self.uppers().iter().filter(move |upper| upper.on == (namespace, lower))
    }

    /// The macvlan that takes a frame which comes in by this device.
    pub(super) fn taker(&self, namespace: usize, lower: &Link, sent: &Sent) -> Option<&Upper> {
        let takes = |upper: &&Upper| match upper.mode {
            MacvlanMode::Passthru => true,
            _ => upper.takes_what_is_its_own() && upper.is_meant(self.host, sent),
        };
        self.on(namespace, lower.index).find(takes)
    }
}

/// Whether who sends by this device to an address addresses its frame to a macvlan there that has it.
pub(super) fn passes_by(plan: &Plan<'_>, name: &str, to: IpAddr) -> bool {
    let lower = plan.namespace().link(name);
    let on = lower.into_iter().flat_map(|lower| plan.wires().on(plan.index, lower.index).copied().collect::<Vec<_>>());
    let has = |upper: &Upper| upper.takes_what_is_its_own() && upper.addresses(plan.host).any(|own| own == to);
    on.into_iter().any(|upper| has(&upper))
}

impl Engine<'_> {
    /// The device by which frames come in for this one: the one that it stands on, where that is in the same namespace.
    pub(super) fn below(&self, device: Device) -> Device {
        let plan = self.plan;
        let lower = |number: u128| {
            let link = plan.namespace().link(plan.devices.name(number)?)?;
            let is = |upper: &&Upper| (upper.namespace, upper.link) == (plan.index, link.index);
            let lower = plan.wires().uppers().iter().find(is).filter(|upper| upper.on.0 == plan.index)?.on.1;
            plan.devices.number(&plan.namespace().link_at(lower)?.name)
        };
        match device {
            Device::Known(number) => lower(number).map_or(device, Device::Known),
            Device::Absent | Device::Entering | Device::Leaving => device,
        }
    }

    /// Whether an answer to an address that comes in by a device is for a macvlan there, or goes next door across a bridge.
    pub(super) fn is_for_another(&self, state: &State, device: Device, to: &Value) -> bool {
        let (Device::Known(number), Value::Known(to)) = (device, state.space.settled(to)) else { return false };
        let name = self.plan.devices.name(number);
        name.is_some_and(|name| entrance::passes_by(self.plan, name, address(self.family(), to)))
    }

    /// The macvlan that takes the frame that came in.
    pub(super) fn taken_up(&self, state: &State) -> Asked<Option<Arrival>> {
        let wires = self.plan.wires();
        let here = wires.uppers().iter().filter(|upper| upper.on.0 == state.namespace);
        for upper in here.copied().collect::<Vec<_>>() {
            let lower = self.plan.namespace().link_at(upper.on.1);
            let Some(number) = lower.and_then(|lower| self.plan.devices.number(&lower.name)) else { continue };
            if self.is_device(state, state.packet.iif, number)? && self.is_taken(state, &upper)? {
                return Ok(Some(Arrival { namespace: upper.namespace, link: upper.link, is_meant: true }));
            }
        }
        Ok(None)
    }

    fn is_taken(&self, state: &State, upper: &Upper) -> Asked<bool> {
        let scene = self.scene(state, Hook::Ingress);
        let is = |kind: u128| scene.in_range(&state.packet.pkttype, kind, kind, None);
        match upper.mode {
            MacvlanMode::Passthru => Ok(is(TO_HOST)? || is(TO_OTHER)?),
            MacvlanMode::Source => Ok(false),
            _ if !is(TO_OTHER)? => Ok(false),
            _ => match &state.sent {
                Some(sent) => Ok(upper.is_meant(self.plan.host, sent)),
                None => {
                    let own = upper.addresses(self.plan.host).filter(|own| IpFamily::of(*own) == self.family());
                    let own = own.map(number).map(|own| (own, own));
                    scene.in_set(&state.packet.dst, &ValueSet::from_ranges(own), None)
                }
            },
        }
    }

    /// A device that stands on another takes the frame (`RX_HANDLER_ANOTHER`): what a rule at the lower device marked stays marked.
    pub(super) fn take_up(&mut self, state: &mut State, there: Arrival) -> Asked<Option<End>> {
        if there.namespace != state.namespace {
            if self.query.stays {
                return Ok(Some(End::because(FateKind::Forwarded, None)));
            }
            return Ok(self.cross(state, there, false));
        }
        let own = self.plan.namespace().link_at(there.link).and_then(|link| self.plan.devices.number(&link.name));
        let device = own.map_or(Device::Absent, Device::Known);
        let layer = self.layer_of(state, device, Hook::Ingress)?;
        state.packet.iif = device;
        if there.is_meant {
            state.packet.pkttype = Value::Known(TO_HOST);
        }
        if let Some(pass) = state.passes.last_mut() {
            pass.iif = device;
        }
        stands(state, layer, Hook::Ingress);
        Ok(None)
    }

    /// A macvlan sends the frame: straight to another one on the same device, which meets what is there as if it came from
    /// outside (`dev_forward_skb`), or out by that device. `None`: the device is no such one.
    pub(super) fn sent_below(&mut self, state: &mut State, device: u128) -> Asked<Option<Option<End>>> {
        let link = self.plan.devices.name(device).and_then(|name| self.plan.namespace().link(name));
        let wires = self.plan.wires();
        let own = |link: &Link| {
            wires.uppers().iter().find(|upper| (upper.namespace, upper.link) == (state.namespace, link.index)).copied()
        };
        let Some(upper) = link.and_then(own).filter(|_| !self.query.stays) else { return Ok(None) };
        let (namespace, lower) = upper.on;
        let other = state.sent.filter(|_| upper.mode == MacvlanMode::Bridge).is_some_and(|sent| {
            let mut others = wires.on(namespace, lower).filter(|other| other.mode == MacvlanMode::Bridge);
            others.any(|other| *other != upper && other.is_meant(self.plan.host, &sent))
        });
        if other {
            return Ok(Some(self.cross(state, Arrival { namespace, link: lower, is_meant: false }, true)));
        }
        self.goes_out_below(state, upper.on).map(Some)
    }

    /// A frame goes out by the device that carries those of the one that sent it.
    pub(super) fn goes_out_below(&mut self, state: &mut State, (namespace, lower): (usize, u32)) -> Asked<Option<End>> {
        if namespace != state.namespace {
            let end = self.cross(state, Arrival { namespace, link: lower, is_meant: false }, false);
            if end.is_none() {
                (state.packet.iif, state.packet.oif, state.at) = (Device::Absent, state.packet.iif, At::Below);
            }
            return Ok(end);
        }
        let below = self.plan.namespace().link_at(lower).and_then(|lower| self.plan.devices.number(&lower.name));
        let below = below.map_or(Device::Leaving, Device::Known);
        let layer = self.layer_of(state, below, Hook::Egress)?;
        state.packet.oif = below;
        stands(state, layer, Hook::Egress);
        Ok(None)
    }

    /// A frame of a macvlan of another namespace stands before the device that carries it: no hook of IP sees it here.
    pub(super) fn carry(&mut self, state: &mut State) -> Asked<Option<End>> {
        self.take_unread(state)?;
        let layer = self.layer_of(state, state.packet.oif, Hook::Egress)?;
        self.pass(state, At::Slot(Hook::Egress, 0, 0));
        if let Some(pass) = state.passes.last_mut() {
            pass.oif = state.packet.oif;
        }
        state.layer = layer;
        Ok(None)
    }
}
