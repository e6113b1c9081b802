//! Below IP: how a packet comes up from a device, crosses a bridge, and goes down to a device again.
//!
//! `__netif_receive_skb_core`, `br_handle_frame`, `br_dev_xmit` and `__dev_queue_xmit`, with what br_netfilter does in between
//! (`br_nf_ops`): a bridge's hooks of prerouting, forward and postrouting run IP's within them for frames that netfilter is told
//! of. Broadcast and multicast frames are followed up to the host only.

use super::condition::Scene;
use super::engine::Engine;
use super::field::Field;
use super::input::{self, Next};
use super::onward::{self, Port, Sent};
use super::outcome::{FateKind, Reason, Step, Why};
use super::output;
use super::packet::{Crossing, Device, Packet, TimeToLive, Value, Within};
use super::set::ValueSet;
use super::space::Asked;
use super::state::{At, End, Layer, State};
use super::vrf;
use super::way::{Decision, Way};
use crate::host::{Hook, IpFamily, Link, LinkKind};

/// `PACKET_HOST`, `PACKET_BROADCAST`, `PACKET_MULTICAST`, `PACKET_OTHERHOST`.
pub(super) const TO_HOST: u128 = 0;
pub(super) const TO_ALL: u128 = 1;
pub(super) const TO_MANY: u128 = 2;
pub(super) const TO_OTHER: u128 = 3;

impl Engine<'_> {
    /// The layer of the chains of a device, which has to be known where some device has any.
    pub(super) fn layer_of(&self, state: &State, device: Device, hook: Hook) -> Asked<Layer> {
        for number in self.plan.hung_at(hook) {
            if self.is_device(state, device, number)? {
                return Ok(Layer::Device(Some(number)));
            }
        }
        Ok(Layer::Device(None))
    }

    /// Whether a device is the one with this number.
    pub(super) fn is_device(&self, state: &State, device: Device, number: u128) -> Asked<bool> {
        match device {
            Device::Known(known) => Ok(known == number),
            Device::Entering => state.space.ask(Field::Iif, &ValueSet::one(number)),
            Device::Leaving => state.space.ask_leaves(&ValueSet::one(number)),
            Device::Absent => Ok(false),
        }
    }

    /// After a hook of a bridge or a device.
    pub(super) fn after_frames(&mut self, state: &mut State, hook: Hook) -> Asked<Option<End>> {
        let crossing = state.packet.crossing.clone();
        match (state.layer, hook, crossing) {
            (Layer::Bridge, Hook::Prerouting, Some(crossing)) => self.bridged(state, &crossing),
            (Layer::Bridge, Hook::Input, Some(crossing)) => self.rises(state, &crossing),
            (Layer::Bridge, Hook::Forward | Hook::Output, _) => {
                state.packet.iif = Device::Absent;
                stands(state, Layer::Bridge, Hook::Postrouting);
                Ok(None)
            }
            (Layer::Bridge, Hook::Postrouting, _) => {
                let layer = self.layer_of(state, state.packet.oif, Hook::Egress)?;
                stands(state, layer, Hook::Egress);
                Ok(None)
            }
            (Layer::Device(_), Hook::Ingress, _) => self.received(state),
            (Layer::Device(_), Hook::Egress, _) => self.transmitted(state),
            // No other layer has other hooks.
            (Layer::Ip | Layer::Bridge | Layer::Device(_), ..) => Ok(Some(End::because(FateKind::Unknown, None))),
        }
    }

    /// Whether a frame for the bridge comes to chains of a port with another address: to those it is somebody else's
    /// (`eth_type_trans`, `br_handle_frame`).
    pub(super) fn is_for_bridge(&self, state: &State, layer: Layer) -> Asked<bool> {
        let Layer::Device(Some(number)) = layer else { return Ok(false) };
        let port = self.link(number);
        let bridge = port.and_then(|port| onward::bridge_of(self.plan.namespace(), port));
        if bridge.is_none_or(|bridge| Some(bridge.mac) == port.map(|port| port.mac)) {
            return Ok(false);
        }
        self.scene(state, Hook::Ingress).in_range(&state.packet.pkttype, TO_HOST, TO_HOST, None)
    }

    /// After ingress: up to the macvlan that stands on the device, to the bridge that it is a port of, or to IP.
    fn received(&mut self, state: &mut State) -> Asked<Option<End>> {
        if std::mem::take(&mut state.for_bridge) {
            state.packet.pkttype = Value::Known(TO_HOST);
        }
        if let Some(there) = self.taken_by_slave(state)? {
            return self.take_up(state, there);
        }
        if let Some(there) = self.taken_up(state)? {
            return self.take_up(state, there);
        }
        let bridge = self.carrier(state).filter(|_| state.packet.crossing.is_none());
        let numbered = bridge.and_then(|bridge| Some((bridge, self.plan.devices.number(&bridge.name)?)));
        let Some((bridge, number)) = numbered else { return self.rise(state) };
        self.take_vlans_of(state, bridge)?;
        state.packet.crossing = Some(Crossing {
            bridge: number,
            input: state.packet.iif,
            output: Device::Absent,
            told: onward::calls_netfilter(self.plan.namespace(), bridge, self.family()),
            within: None,
            up: None,
        });
        stands(state, Layer::Bridge, Hook::Prerouting);
        Ok(None)
    }

    /// The bridge whose port the packet came in by.
    fn carrier(&self, state: &State) -> Option<&'_ Link> {
        let number = match state.packet.iif {
            Device::Known(number) => number,
            Device::Entering => state.space.values(Field::Iif)?.first()?,
            Device::Absent | Device::Leaving => return None,
        };
        onward::bridge_of(self.plan.namespace(), self.link(number)?)
    }

    fn link(&self, number: u128) -> Option<&'_ Link> {
        self.plan.namespace().link(self.plan.devices.name(number)?)
    }

    /// A frame is for the host: the bridge itself receives it (`br_pass_frame_up`).
    fn rises(&mut self, state: &mut State, crossing: &Crossing) -> Asked<Option<End>> {
        let bridge = Device::Known(crossing.bridge);
        let layer = self.layer_of(state, bridge, Hook::Ingress)?;
        state.packet.iif = bridge;
        seen_to_enter(state, bridge);
        stands(state, layer, Hook::Ingress);
        Ok(None)
    }

    /// Up to IP, which is not shown what is somebody else's (`ip_rcv_core`, `ip6_rcv_core`). What br_netfilter showed to
    /// prerouting does not meet it again (`ip_sabotage_in`), and loses the socket that a rule gave it to there (`skb_orphan`).
    fn rise(&mut self, state: &mut State) -> Asked<Option<End>> {
        if !state.looped
            && self.scene(state, Hook::Ingress).in_range(&state.packet.pkttype, TO_OTHER, TO_OTHER, None)?
        {
            return Ok(Some(End::because(FateKind::Dropped, Some(Reason::OfOthers))));
        }
        // A bridge that is a VRF's port shows it again.
        let is_ports = vrf::of(&self.scene(state, Hook::Prerouting), state.packet.iif)?.is_some();
        state.packet.socket = None;
        let refused =
            if state.looped { None } else { input::refused_on_arrival(&self.scene(state, Hook::Prerouting))? };
        stands(state, Layer::Ip, Hook::Prerouting);
        if !is_ports && state.packet.crossing.as_ref().is_some_and(|crossing| crossing.told) {
            state.at = At::Hooked(Hook::Prerouting);
        }
        Ok(refused.map(|reason| End::because(FateKind::Martian, Some(reason))))
    }

    /// IP's hook within the bridge's, for frames that netfilter is told of.
    pub(super) fn call_ip(&self, state: &mut State, hook: Hook, slot: usize) -> Asked<()> {
        let crosses = state.packet.crossing.as_ref().filter(|crossing| crossing.told);
        let Some(bridge) = crosses.map(|crossing| Device::Known(crossing.bridge)) else {
            state.at = At::Slot(hook, slot + 1, 0);
            return Ok(());
        };
        let for_another = self.scene(state, hook).in_range(&state.packet.pkttype, TO_OTHER, TO_OTHER, None)?;
        seen_to_enter(state, bridge);
        let packet = &mut state.packet;
        (packet.iif, packet.oif) = match hook {
            Hook::Prerouting => (bridge, Device::Absent),
            Hook::Forward => (bridge, bridge),
            _ => (Device::Absent, bridge),
        };
        if for_another {
            packet.pkttype = Value::Known(TO_HOST);
        }
        let within = Within { slot: slot + 1, dst: packet.dst.clone(), for_another };
        packet.crossing = packet.crossing.take().map(|crossing| Crossing { within: Some(within), ..crossing });
        stands(state, Layer::Ip, hook);
        Ok(())
    }

    /// IP's hook within a bridge's is done.
    pub(super) fn return_to_bridge(&mut self, state: &mut State, hook: Hook) -> Asked<Option<End>> {
        let Some((mut crossing, within)) = state.packet.crossing.clone().and_then(|mut crossing| {
            let within = crossing.within.take()?;
            Some((crossing, within))
        }) else {
            return Ok(None);
        };
        let scene = self.scene(state, hook);
        let mut sent = None;
        if hook == Hook::Prerouting && scene.settled(&state.packet.dst) != scene.settled(&within.dst) {
            match self.turned(state, crossing.bridge)? {
                Turned::Up => crossing.up = Some(true),
                Turned::On(way) => {
                    (crossing.up, sent) = (Some(false), self.sent_by(state, crossing.bridge, &way));
                    self.mark_route(state, Some(hook), Decision::Out(way));
                }
                Turned::Nowhere(end) => return Ok(Some(end)),
            }
        }
        let packet = &mut state.packet;
        (packet.iif, packet.oif) = match hook {
            Hook::Prerouting => (crossing.input, Device::Absent),
            Hook::Forward => (crossing.input, crossing.output),
            _ => (Device::Absent, crossing.output),
        };
        if within.for_another {
            packet.pkttype = Value::Known(TO_OTHER);
        }
        if crossing.up == Some(true) {
            packet.pkttype = Value::Known(TO_HOST);
        }
        packet.crossing = Some(crossing);
        state.sent = sent.or(state.sent);
        state.layer = Layer::Bridge;
        state.at = At::Slot(hook, within.slot, 0);
        Ok(None)
    }

    /// Where a frame goes to which a rule gave another destination (`br_nf_pre_routing_finish`): routing decides whether it is
    /// the bridge's still. That takes no time to live.
    fn turned(&self, state: &State, bridge: u128) -> Asked<Turned> {
        let packet = Packet { ttl: TimeToLive::Set(u8::MAX), ..state.packet.clone() };
        let scene = Scene { packet: &packet, ..self.scene(state, Hook::Prerouting) };
        let stays = |way: &Way| way.oif == Device::Known(bridge);
        let next = match input::route(scene, self.plan)? {
            // IPv6 asks whether it forwards only when it does.
            Next::Refused(_, Reason::IpForward) if self.family() == IpFamily::V6 => output::again(scene, self.plan)?,
            next => next,
        };
        Ok(match (next, self.family()) {
            (Next::Onward(way), _) if stays(&way) => Turned::On(way),
            (Next::Here | Next::HereToAll | Next::Onward(_), _) => Turned::Up,
            // What has no route is an input route of IPv4 too, which refuses it above.
            (Next::Refused(FateKind::Dropped | FateKind::Unroutable, _), IpFamily::V4) => Turned::Up,
            (Next::Refused(kind, reason), _) => Turned::Nowhere(End::because(kind, Some(reason))),
        })
    }

    /// To whom a frame is sent that goes this way out by a device.
    fn sent_by(&self, state: &State, device: u128, way: &Way) -> Option<Sent> {
        let link = self.link(device)?;
        let next_hop = way.router().or_else(|| self.scene(state, Hook::Postrouting).address_of(&state.packet.dst))?;
        let to = onward::mac_of(self.plan.namespace(), link.index, next_hop);
        Some(Sent { next_hop, to, from: link.mac })
    }

    /// After a bridge's prerouting: up to the host, or on by another port (`br_handle_frame_finish`).
    fn bridged(&mut self, state: &mut State, crossing: &Crossing) -> Asked<Option<End>> {
        let scene = self.scene(state, Hook::Prerouting);
        let up = match crossing.up {
            Some(up) => up,
            None => !scene.in_range(&state.packet.pkttype, TO_OTHER, TO_OTHER, None)?,
        };
        if up {
            stands(state, Layer::Bridge, Hook::Input);
            return Ok(None);
        }
        let straight = Way::straight(Device::Known(crossing.bridge));
        let sent = state.sent.or_else(|| Some(Sent { from: None, ..self.sent_by(state, crossing.bridge, &straight)? }));
        let came_by = match crossing.input {
            Device::Known(number) => Some(number),
            Device::Entering => state.space.known(Field::Iif),
            Device::Absent | Device::Leaving => None,
        };
        let output = match self.port(state, crossing.bridge, sent.as_ref(), came_by) {
            Some((port, true)) if self.is_input(state, crossing, port)? && !self.sends_back(port) => {
                return Ok(Some(End::because(FateKind::Dropped, Some(Reason::Hairpin))));
            }
            Some((port, _)) => Device::Known(port),
            None => Device::Leaving,
        };
        state.sent = sent;
        self.takes_port(state, Crossing { output, ..crossing.clone() }, Hook::Forward);
        Ok(None)
    }

    /// The port by which a bridge sends a frame, and whether whoever is meant is behind it; `None`: nobody can tell.
    fn port(&self, state: &State, bridge: u128, sent: Option<&Sent>, came_by: Option<u128>) -> Option<(u128, bool)> {
        let came_by = came_by.and_then(|number| self.link(number)).map(|link| link.index);
        let (index, is_meant) =
            match onward::port(self.plan.wires(), state.namespace, self.link(bridge)?, sent?, came_by) {
                Port::Behind(index) => (index, true),
                Port::Out(index) => (index, false),
                Port::All => return None,
            };
        let link = self.plan.namespace().link_at(index)?;
        Some((self.plan.devices.number(&link.name)?, is_meant))
    }

    fn is_input(&self, state: &State, crossing: &Crossing, port: u128) -> Asked<bool> {
        match crossing.input {
            Device::Known(number) => Ok(number == port),
            Device::Entering => state.space.ask(Field::Iif, &ValueSet::one(port)),
            Device::Absent | Device::Leaving => Ok(false),
        }
    }

    fn sends_back(&self, port: u128) -> bool {
        self.link(port).and_then(|link| link.port).is_some_and(|settings| settings.hairpin)
    }

    /// The bridge sends the frame by a port that is decided.
    fn takes_port(&self, state: &mut State, crossing: Crossing, hook: Hook) {
        state.packet.oif = crossing.output;
        if let Some(pass) = state.passes.last_mut().filter(|_| hook == Hook::Forward) {
            let by_bridge = crossing.told || crossing.output == Device::Leaving;
            pass.oif = if by_bridge { Device::Known(crossing.bridge) } else { crossing.output };
        }
        state.packet.crossing = Some(crossing);
        stands(state, Layer::Bridge, hook);
    }

    /// After IP's postrouting: down to the device that the packet leaves by.
    pub(super) fn descend(&mut self, state: &mut State) -> Asked<Option<End>> {
        self.take_vlans_below(state, state.packet.oif, Hook::Egress)?;
        let layer = self.layer_of(state, state.packet.oif, Hook::Egress)?;
        let leaves = state.packet.tuple();
        if let Some(pass) = state.passes.last_mut() {
            pass.oif = state.packet.oif;
            pass.leaves = Some(leaves);
        }
        let way = state.way.clone().unwrap_or_else(|| Way::straight(state.packet.oif));
        state.sent = match state.packet.oif {
            Device::Known(device) => self.sent_by(state, device, &way),
            Device::Absent | Device::Entering | Device::Leaving => None,
        };
        if state.way.is_some() || !state.made_here {
            let unread = Value::Chosen { among: ValueSet::full(48), why: Why::Unread };
            let own = state.sent.and_then(|sent| sent.from);
            state.packet.src_mac = Some(own.map_or(unread, |mac| Value::Known(mac.number())));
        }
        state.packet.crossing = None;
        state.packet.iif = Device::Absent;
        stands(state, layer, Hook::Egress);
        Ok(None)
    }

    /// A rule sends the packet out by a device (`nf_fwd_netdev_egress`): only the hook there sees it yet.
    pub(super) fn send_aside(&self, state: &mut State, device: Device, by: Step) {
        let layer = match device {
            Device::Known(number) => Layer::Device(Some(number)),
            Device::Absent | Device::Entering | Device::Leaving => Layer::Device(None),
        };
        if let Some(pass) = state.passes.last_mut() {
            pass.oif = device;
        }
        (state.packet.iif, state.packet.oif) = (Device::Absent, device);
        (state.packet.crossing, state.sent, state.aside) = (None, None, Some(by));
        state.frames.clear();
        stands(state, layer, Hook::Egress);
    }

    /// After egress: a bridge takes a frame that the host made (`br_dev_xmit`), a macvlan hands it on, every other device sends it.
    fn transmitted(&mut self, state: &mut State) -> Asked<Option<End>> {
        if let Device::Known(number) = state.packet.oif
            && let Some(vrf) = self.plan.vrf(number).filter(|_| self.plan.is_vrf(number))
        {
            return self.sent_by_vrf(state, vrf);
        }
        let bridge = match state.packet.oif {
            Device::Known(number) if state.packet.crossing.is_none() => self.link(number).map(|link| (number, link)),
            _ => None,
        };
        let Some((number, bridge)) = bridge.filter(|(_, link)| link.kind == LinkKind::Bridge) else {
            if let Device::Known(device) = state.packet.oif
                && let Some(end) = self.sent_below(state, device)?
            {
                return Ok(end);
            }
            if let Device::Known(device) = state.packet.oif
                && let Some(end) = self.sent_by_slave(state, device)?
            {
                return Ok(end);
            }
            return Ok(self.gone(state));
        };
        self.take_vlans_of(state, bridge)?;
        let output = self
            .port(state, number, state.sent.as_ref(), None)
            .map_or(Device::Leaving, |(port, _)| Device::Known(port));
        let input = Device::Absent;
        let crossing = Crossing { bridge: number, input, output, told: false, within: None, up: None };
        self.takes_port(state, crossing, Hook::Output);
        Ok(None)
    }
}

/// Where a frame goes to which a rule gave another destination.
enum Turned {
    /// Up to the host.
    Up,
    /// Out by the same bridge.
    On(Way),
    /// Nowhere.
    Nowhere(End),
}

/// The pass is told by the device that IP's hooks see: that of the query where it names one.
fn seen_to_enter(state: &mut State, bridge: Device) {
    if let Some(pass) = state.passes.last_mut().filter(|pass| pass.iif != Device::Entering) {
        pass.iif = bridge;
    }
}

/// The class stands before a hook of a layer.
pub(super) fn stands(state: &mut State, layer: Layer, hook: Hook) {
    state.layer = layer;
    state.at = At::Slot(hook, 0, 0);
}
