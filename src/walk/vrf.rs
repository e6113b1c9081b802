//! VRFs: devices that give their ports a routing table of their own.
//!
//! `vrf_ip_rcv`, `vrf_ip6_rcv`, `vrf_ip_out`, `vrf_xmit` (drivers/net/vrf.c). What comes by a port meets prerouting once more,
//! as what comes by the VRF; what is made here and leaves by a port meets output and postrouting as what leaves by the VRF
//! first, and conntrack looks away meanwhile. From the kernel's source: no kernel at hand has such devices. Tunnels are not
//! told apart, nor is a VRF that was given a queue.

use super::condition::Scene;
use super::engine::Engine;
use super::field::Field;
use super::frames::TO_HOST;
use super::input::Next;
use super::outcome::{FateKind, Reason};
use super::output;
use super::packet::{Device, Tracking, Value};
use super::plan::Plan;
use super::route::{Found, Lookup, multicast, same_way};
use super::set::ValueSet;
use super::space::Asked;
use super::state::{At, End, InVrf, Layer, State};
use super::way::Decision;
use crate::host::{Hook, IpFamily, LinkKind, Namespace, Protocol};

/// How many VRFs may hand a packet on to each other (`XMIT_RECURSION_LIMIT`).
const VRFS: u8 = 8;

/// A VRF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Vrf {
    /// Its number among the devices.
    pub(super) number: u128,
    /// Its interface index.
    pub(super) index: u32,
    /// Its routing table.
    pub(super) table: u32,
}

/// A device that belongs to a VRF: a port, or the VRF itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Member {
    /// The device, by its number.
    device: u128,
    /// Its interface index.
    link: u32,
    vrf: Vrf,
}

/// All devices of a namespace that belong to VRFs, as numbered.
pub(super) fn members(namespace: &Namespace, number: impl Fn(&str) -> Option<u128>) -> Box<[Member]> {
    let member = |link| {
        let vrf = namespace.vrf_of(link)?;
        let LinkKind::Vrf(table) = vrf.kind else { return None };
        let vrf = Vrf { number: number(&vrf.name)?, index: vrf.index, table };
        Some(Member { device: number(&link.name)?, link: link.index, vrf })
    };
    let has_any = namespace.links.iter().any(|link| matches!(link.kind, LinkKind::Vrf(_)));
    if has_any { namespace.links.iter().filter_map(member).collect() } else { Box::default() }
}

impl Plan<'_> {
    /// The VRF that the device with this number belongs to, or is.
    pub(super) fn vrf(&self, number: u128) -> Option<Vrf> {
        self.members.iter().find(|member| member.device == number).map(|member| member.vrf)
    }

    /// Whether the device with this number is a VRF.
    pub(super) fn is_vrf(&self, number: u128) -> bool {
        self.vrf(number).is_some_and(|vrf| vrf.number == number)
    }

    /// The VRF that the device with this interface index belongs to, or is.
    pub(super) fn vrf_at(&self, link: u32) -> Option<Vrf> {
        self.members.iter().find(|member| member.link == link).map(|member| member.vrf)
    }

    /// Whether what leads by a device leads by this one, too: by a VRF what leads by its ports (`nhc_l3mdev_matches_dev`).
    pub(super) fn leads_by(&self, hop: u32, link: u32) -> bool {
        hop == link || self.vrf_at(hop).is_some_and(|vrf| vrf.index == link)
    }
}

/// The VRF that a device belongs to, or is (`l3mdev_master_ifindex_rcu`).
pub(super) fn of(scene: &Scene<'_>, device: Device) -> Asked<Option<Vrf>> {
    match device {
        Device::Known(number) => Ok(scene.plan.vrf(number)),
        Device::Entering => {
            for member in &scene.plan.members {
                if scene.space.ask(Field::Iif, &ValueSet::one(member.device))? {
                    return Ok(Some(member.vrf));
                }
            }
            Ok(None)
        }
        Device::Absent | Device::Leaving => Ok(None),
    }
}

/// Whether IPv6 routes to the destination by the device that is asked for alone (`rt6_need_strict`).
fn is_strict(scene: &Scene<'_>, dst: &Value) -> Asked<bool> {
    let many = multicast(IpFamily::V6);
    let narrow = [(1, 1), (0xfe80 << 112, (0xfebf << 112) | (u128::MAX >> 16)), many];
    scene.in_set(dst, &ValueSet::from_ranges(narrow), None)
}

/// Whether the destination is one that VRFs leave to the port.
fn is_for_port(scene: &Scene<'_>) -> Asked<bool> {
    let dst = &scene.packet.dst;
    match scene.query.family {
        IpFamily::V4 => {
            let all = [multicast(IpFamily::V4), (0xffff_ffff, 0xffff_ffff)];
            scene.in_set(dst, &ValueSet::from_ranges(all), None)
        }
        IpFamily::V6 => is_strict(scene, dst),
    }
}

/// Whether a packet asks for a neighbour or a router, or answers (`ipv6_ndisc_frame`).
fn asks_neighbours(scene: &Scene<'_>) -> Asked<bool> {
    if scene.query.protocol != Protocol::ICMPV6 {
        return Ok(false);
    }
    scene.in_range(&Value::Entering(Field::IcmpType), 133, 137, None)
}

impl Engine<'_> {
    /// After prerouting: what came by a port of a VRF comes by the VRF from here on, and prerouting sees it so. Whether it does.
    pub(super) fn enters_vrf(&mut self, state: &mut State) -> Asked<bool> {
        let scene = self.scene(state, Hook::Prerouting);
        let neighbours = !self.plan.members.is_empty() && asks_neighbours(&scene)?;
        if state.vrf == InVrf::In {
            // The port answers its neighbours itself.
            if neighbours {
                state.packet.iif = std::mem::replace(&mut state.packet.port, Device::Absent);
            }
            return Ok(false);
        }
        let Some(vrf) = of(&scene, state.packet.iif)? else { return Ok(false) };
        let device = Device::Known(vrf.number);
        let is_straight = match self.family() {
            _ if state.packet.iif == device => true,
            IpFamily::V4 => scene.in_set(&state.packet.dst, &ValueSet::from_ranges([multicast(IpFamily::V4)]), None)?,
            IpFamily::V6 => !neighbours && is_strict(&scene, &state.packet.dst)?,
        };
        let port = std::mem::replace(&mut state.packet.iif, device);
        if !is_straight {
            self.once_more(state, device, Hook::Prerouting);
            if let Some(pass) = state.passes.last_mut() {
                pass.port = port;
            }
        }
        (state.packet.port, state.vrf) = (port, InVrf::In);
        Ok(!is_straight)
    }

    /// The packet's way through the namespace ends at a VRF, and another begins there, with this hook.
    fn once_more(&mut self, state: &mut State, vrf: Device, hook: Hook) {
        let leaves = state.packet.tuple();
        if let Some(pass) = state.passes.last_mut() {
            (pass.oif, pass.leaves) = (vrf, Some(leaves));
        }
        state.pass += 1;
        state.packet.iif = vrf;
        self.pass(state, At::Slot(hook, 0, 0));
        state.layer = Layer::Ip;
    }

    /// The VRF by whose port a packet leaves that is made here, and that sees it first (`l3mdev_l3_out`).
    pub(super) fn vrf_before(&self, state: &State, next: &Next) -> Asked<Option<Vrf>> {
        let Next::Onward(way) = next else { return Ok(None) };
        let scene = self.scene(state, Hook::Output);
        let Some(vrf) = of(&scene, way.oif)?.filter(|vrf| way.oif != Device::Known(vrf.number)) else {
            return Ok(None);
        };
        Ok((!is_for_port(&scene)?).then_some(vrf))
    }

    /// Output and postrouting see the packet as the VRF's; conntrack does not (`vrf_nf_set_untracked`).
    pub(super) fn goes_by_vrf(&mut self, state: &mut State, vrf: Option<Vrf>) {
        let Some(vrf) = vrf else { return };
        state.vrf = InVrf::Out(vrf.number);
        state.packet.oif = Device::Known(vrf.number);
        state.packet.flow.tracking = Tracking::Untracked;
    }

    /// Output sees the packet as what leaves where its route leads, after the VRF with this number, and conntrack looks at it
    /// (`vrf_output_direct_finish`, `vrf_ip_local_out`).
    pub(super) fn sets_out(&mut self, state: &mut State, vrf: u128) {
        if state.packet.flow.tracking == Tracking::Untracked {
            state.packet.flow.tracking = Tracking::Unseen;
        }
        self.once_more(state, Device::Known(vrf), Hook::Output);
        let decision = state.way.clone().map_or(Decision::Local, Decision::Out);
        self.mark_route(state, None, decision);
        state.packet.iif = Device::Absent;
        state.packet.oif = match &state.way {
            Some(way) => way.oif,
            None => self.plan.devices.number("lo").map_or(Device::Leaving, Device::Known),
        };
    }

    /// A packet is sent by the VRF itself, where a route led to it: on by its table, or back in, as by lo (`vrf_xmit`).
    pub(super) fn sent_by_vrf(&mut self, state: &mut State, vrf: Vrf) -> Asked<Option<End>> {
        let scene = self.scene(state, Hook::Postrouting);
        let unmarked = Value::Known(0);
        let lookup = Lookup {
            scene,
            plan: self.plan,
            to: &state.packet.dst,
            from: Some(&state.packet.src),
            mark: if self.family() == IpFamily::V4 { &unmarked } else { &state.packet.mark },
            iif: None,
            vrf: Some(vrf),
            bound: false,
            ports: None,
            typed: false,
            has_sender: false,
        };
        let next = match lookup.find(&same_way)? {
            Found::Route(route) => output::leave(&lookup, route)?,
            Found::Refused(reason) => return Ok(Some(End::because(FateKind::Dropped, Some(reason)))),
        };
        state.crossed += 1;
        if state.crossed > VRFS {
            return Ok(Some(End::because(FateKind::Dropped, Some(Reason::Loop))));
        }
        match next {
            Next::Onward(way) if way.oif == Device::Known(vrf.number) => self.comes_back_by(state, vrf),
            Next::Onward(way) => {
                state.way = Some(way);
                self.sets_out(state, vrf.number);
            }
            Next::Here | Next::HereToAll => {
                (state.way, state.made_here) = (None, true);
                self.sets_out(state, vrf.number);
            }
            Next::Refused(kind, reason) => return Ok(Some(End::because(kind, Some(reason)))),
        }
        Ok(None)
    }

    /// The VRF takes the place of lo for its own addresses (`vrf_local_xmit`).
    fn comes_back_by(&self, state: &mut State, vrf: Vrf) {
        state.packet.flow.confirmed = state.packet.flow.tracking == Tracking::Tracked;
        state.packet.pkttype = Value::Known(TO_HOST);
        (state.packet.iif, state.packet.oif) = (Device::Known(vrf.number), Device::Absent);
        (state.made_here, state.looped, state.way) = (false, true, None);
        state.pass += 1;
        state.at = At::Arrived;
    }
}
