//! Where VLANs would be looked at, and are not: by a bridge whose ports belong to some, and by chains of a device that carries
//! others.
//!
//! What they would make of a packet is taken to change nothing (`br_allowed_ingress`, `vlan_do_receive`). Frames are walked
//! without a tag.

use super::engine::Engine;
use super::outcome::{Assumed, Why};
use super::packet::Device;
use super::space::{Asked, Open};
use super::state::State;
use crate::host::{Hook, Link, LinkKind};

impl Engine<'_> {
    /// A bridge takes a frame.
    pub(super) fn take_vlans_of(&self, state: &State, bridge: &Link) -> Asked<()> {
        match bridge.bridge.is_some_and(|settings| settings.filters_vlans) {
            true => self.take_vlans(state, &bridge.name),
            false => Ok(()),
        }
    }

    /// A frame comes in or leaves by a VLAN: chains of the device below see it with its tag.
    pub(super) fn take_vlans_below(&self, state: &State, device: Device, hook: Hook) -> Asked<()> {
        let hung: Vec<u128> = self.plan.hung_at(hook).collect();
        if hung.is_empty() {
            return Ok(());
        }
        let namespace = self.plan.namespace();
        for link in namespace.links.iter().filter(|link| link.kind == LinkKind::Other("vlan".into())) {
            let below = link.peer.filter(|peer| peer.namespace_id.is_none());
            let below = below.and_then(|peer| namespace.link_at(peer.index));
            let is_hung = |below: &&Link| self.plan.devices.number(&below.name).is_some_and(|it| hung.contains(&it));
            let (Some(below), Some(number)) = (below.filter(is_hung), self.plan.devices.number(&link.name)) else {
                continue;
            };
            if self.is_device(state, device, number)? {
                self.take_vlans(state, &below.name)?;
            }
        }
        Ok(())
    }

    fn take_vlans(&self, state: &State, device: &str) -> Asked<()> {
        let open = Open::taken(Assumed::Vlans(device.to_owned()), Why::Undecoded, true);
        self.scene(state, Hook::Ingress).assume(open).map(|_| ())
    }
}
