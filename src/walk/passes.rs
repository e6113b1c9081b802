//! A packet's passes: how it comes into a namespace, leaves it, and comes into the next.
//!
//! Where a device leads is for `onward` to say; what happens between is the engine's business.

use super::engine::Engine;
use super::field::Field;
use super::frames::{TO_HOST, TO_OTHER};
use super::onward::{self, Arrival};
use super::outcome::{Assumed, FateKind, Reason, Why};
use super::packet::{Device, Flow, Tracking, Value};
use super::query::Turn;
use super::set::ValueSet;
use super::space::{Asked, Open};
use super::state::{At, End, InVrf, Passing, State};
use crate::host::xt::CtStates;
use crate::host::{Hook, IpFamily, What};

/// How often a packet may come to a namespace.
const PASSES: usize = 32;

impl Engine<'_> {
    /// The packet stands before a namespace that is not the first.
    pub(super) fn arrive(&mut self, state: &mut State) -> Asked<Option<End>> {
        self.take_unread(state)?;
        self.come_in(state, state.packet.iif)
    }

    /// What was not read of the namespace, or is torn, is taken to change nothing.
    pub(super) fn take_unread(&self, state: &State) -> Asked<()> {
        let legacy = match self.query.family {
            IpFamily::V4 => What::LegacyIp,
            IpFamily::V6 => What::LegacyIp6,
        };
        for kind in [What::NfTables, legacy] {
            if !self.plan.namespace().is_read(kind) {
                let open = Open::taken(Assumed::UnreadRulesPass(kind), Why::Unread, true);
                self.scene(state, Hook::Prerouting).assume(open)?;
            }
        }
        let ns = self.plan.namespace();
        let torn = ns.unread.iter().filter(|unread| unread.torn).map(|unread| unread.what);
        for what in torn.filter(|what| self.plan.may_matter(self.query.family, *what)) {
            let open = Open::taken(Assumed::Torn(what), Why::Unread, true);
            self.scene(state, Hook::Prerouting).assume(open)?;
        }
        Ok(())
    }

    /// A packet comes in by a device.
    pub(super) fn come_in(&mut self, state: &mut State, iif: Device) -> Asked<Option<End>> {
        self.take_vlans_below(state, iif, Hook::Ingress)?;
        let layer = self.layer_of(state, iif, Hook::Ingress)?;
        let for_bridge = self.is_for_bridge(state, layer)?;
        state.packet.iif = iif;
        state.for_bridge = for_bridge;
        if for_bridge {
            state.packet.pkttype = Value::Known(TO_OTHER);
        }
        self.pass(state, At::Slot(Hook::Ingress, 0, 0));
        state.layer = layer;
        Ok(None)
    }

    /// A pass through the namespace begins.
    pub(super) fn pass(&mut self, state: &mut State, at: At) {
        let enters = state.packet.tuple();
        (state.vrf, state.packet.port) = (InVrf::Apart, Device::Absent);
        state.passes.push(Passing {
            namespace: state.namespace,
            iif: state.packet.iif,
            port: Device::Absent,
            oif: Device::Absent,
            enters,
            leaves: None,
        });
        state.at = at;
    }

    /// The packet leaves by a device: for good, or by `lo` to come in again.
    pub(super) fn gone(&mut self, state: &mut State) -> Option<End> {
        state.packet.flow.confirmed = state.packet.flow.tracking == Tracking::Tracked;
        let leaves = state.packet.tuple();
        let back = self.is_back(state);
        let by = state.packet.oif;
        if let Some(pass) = state.passes.last_mut() {
            pass.leaves = Some(leaves);
            state.packet.oif = pass.oif;
        }
        if let Some(by) = state.aside.take() {
            return Some(End::by(FateKind::Diverted, by));
        }
        if state.way.is_some() || !state.made_here {
            let kind = if state.made_here { FateKind::Sent } else { FateKind::Forwarded };
            return match self.arrival(state, by).filter(|_| !back) {
                Some(arrival) => self.cross(state, arrival, true),
                None => Some(End::because(kind, None)),
            };
        }
        state.pass += 1;
        state.made_here = false;
        state.looped = true;
        state.packet.iif = state.packet.oif;
        state.packet.oif = Device::Absent;
        state.at = At::Arrived;
        None
    }

    /// Where the packet comes in next that left by a device, if that can be told.
    fn arrival(&self, state: &State, by: Device) -> Option<Arrival> {
        let Device::Known(device) = by else { return None };
        if self.query.stays {
            return None;
        }
        let link = self.plan.namespace().link(self.plan.devices.name(device)?)?;
        let arrival = onward::arrival(self.plan.wires(), state.namespace, link, state.sent.as_ref()?)?;
        let there = &self.plan.host.namespaces[arrival.namespace];
        [What::Links, What::Addresses, What::Routes].iter().all(|what| there.is_read(*what)).then_some(arrival)
    }

    /// The packet goes on into another namespace: its flow and who sent it stay behind, and its mark, where it is `scrubbed`
    /// (`skb_scrub_packet`).
    pub(super) fn cross(&mut self, state: &mut State, arrival: Arrival, scrubbed: bool) -> Option<End> {
        let Arrival { namespace, link, is_meant } = arrival;
        self.plan = (self.plans)(namespace);
        let name = self.plan.namespace().link_at(link).map(|link| link.name.as_str());
        let iif = name.and_then(|name| self.plan.devices.number(name)).map_or(Device::Absent, Device::Known);
        let tuple = state.packet.tuple();
        let was_there = |pass: &Passing| pass.namespace == namespace && pass.iif == iif && pass.enters == tuple;
        if state.passes.iter().any(was_there) || state.passes.len() >= PASSES {
            self.plan = (self.plans)(state.namespace);
            return Some(End::because(FateKind::Dropped, Some(Reason::Loop)));
        }
        if !self.visited.contains(&namespace) {
            self.visited.push(namespace);
        }
        // Between two ends of a wire within a namespace conntrack forgets it, too (`nf_reset_ct`); what was marked stays.
        let elsewhere = namespace != state.namespace;
        if elsewhere || scrubbed {
            self.remember(state);
            // What conntrack said of it here is said of it here alone.
            if state.packet.turn == Turn::First && state.packet.flow.is_answered() {
                state.space.settle(Field::CtState, CtStates::NEW.bits().into());
            }
        }
        let packet = &mut state.packet;
        if elsewhere || scrubbed {
            packet.flow = Flow::of(tuple);
        }
        if elsewhere && scrubbed {
            packet.mark = Value::Known(0);
        }
        if elsewhere {
            packet.set_changed.clear();
        }
        packet.socket = None;
        let unread = Value::Chosen { among: ValueSet::full(48), why: Why::Unread };
        packet.src_mac = Some(state.sent.and_then(|sent| sent.from).map_or(unread, |mac| Value::Known(mac.number())));
        packet.pkttype = Value::Known(if is_meant { TO_HOST } else { TO_OTHER });
        packet.crossing = None;
        packet.redirected = false;
        (packet.iif, packet.oif) = (iif, Device::Absent);
        (state.namespace, state.way) = (namespace, None);
        (state.made_here, state.looped, state.to_all) = (false, false, false);
        state.pass += 1;
        state.at = At::Arrived;
        None
    }
}
