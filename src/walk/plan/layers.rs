//! The chains below IP: those that hang at bridges, and those that hang at devices.
//!
//! `nft_register_netdev_hook`, `br_nf_ops` (net/bridge/br_netfilter_hooks.c). One order for both families of packets: these
//! chains see frames.

use std::collections::{BTreeMap, HashMap};

use super::{Guess, Placed, Plan, Slot, guessed};
use crate::host::xt::InterfacePattern;
use crate::host::{Family, Hook, IpFamily, Priority};

/// The hooks of bridges.
const OF_BRIDGES: [Hook; 5] = [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting];
/// The hooks of devices.
const OF_DEVICES: [Hook; 2] = [Hook::Ingress, Hook::Egress];

/// What runs below IP.
#[derive(Debug, Default)]
pub(super) struct Layers {
    bridge: HashMap<Hook, Vec<Slot>>,
    devices: BTreeMap<(u128, Hook), Vec<Slot>>,
}

impl Layers {
    /// Those of a namespace, and what is guessed of their order, after what was guessed of others'.
    pub(super) fn of(plan: &Plan<'_>, reversed: bool) -> (Layers, Vec<Guess>) {
        let mut layers = Layers::default();
        let mut guesses = plan.guesses.clone();
        for hook in OF_BRIDGES {
            let chains = based(plan, hook).filter(|(family, ..)| *family == Family::Bridge);
            let mut slots = ordered(plan, chains.map(|(.., placed)| placed).collect(), reversed, &mut guesses);
            if let Some(priority) = called_at(hook) {
                // It is registered with the first bridge, and chains come later: they run before it.
                let after = slots.partition_point(|slot| matches!(slot, Slot::Chain(_, p) if *p <= priority));
                slots.insert(after, Slot::Ip(priority));
            }
            layers.bridge.insert(hook, slots);
        }
        for hook in OF_DEVICES {
            let mut of_device: BTreeMap<u128, Vec<Placed>> = BTreeMap::new();
            for (_, devices, placed) in based(plan, hook).filter(|(family, ..)| *family != Family::Bridge) {
                for number in devices.iter().flat_map(|pattern| plan.devices.those(pattern)) {
                    of_device.entry(number).or_default().push(placed);
                }
            }
            for (number, chains) in of_device {
                layers.devices.insert((number, hook), ordered(plan, chains, reversed, &mut guesses));
            }
        }
        (layers, guesses)
    }

    /// What runs at a hook of bridges.
    pub(super) fn bridge(&self, hook: Hook) -> &[Slot] {
        self.bridge.get(&hook).map_or(&[], Vec::as_slice)
    }

    /// What runs at a hook of a device.
    pub(super) fn device(&self, device: Option<u128>, hook: Hook) -> &[Slot] {
        device.and_then(|device| self.devices.get(&(device, hook))).map_or(&[], Vec::as_slice)
    }

    /// The devices that have chains at a hook.
    pub(super) fn devices(&self, hook: Hook) -> impl Iterator<Item = u128> {
        self.devices.keys().filter(move |(_, at)| *at == hook).map(|(device, _)| *device)
    }
}

/// Where a bridge's hook runs IP's within (`br_nf_ops`).
fn called_at(hook: Hook) -> Option<Priority> {
    match hook {
        Hook::Prerouting | Hook::Forward => Some(Priority::FILTER),
        Hook::Postrouting => Some(Priority(i32::MAX)),
        Hook::Input | Hook::Output | Hook::Ingress | Hook::Egress => None,
    }
}

/// The base chains of a hook, each with the family of its table and its devices.
fn based<'a>(plan: &Plan<'a>, hook: Hook) -> impl Iterator<Item = (Family, &'a [InterfacePattern], Placed)> {
    let ruleset = &plan.namespace().ruleset;
    ruleset.chains().filter_map(move |(id, chain)| {
        let placed = Placed::of(id, chain.base.as_ref()?, hook)?;
        Some((ruleset.table(id).family, &*chain.details.devices, placed))
    })
}

fn ordered(plan: &Plan<'_>, mut chains: Vec<Placed>, reversed: bool, guesses: &mut Vec<Guess>) -> Vec<Slot> {
    chains.sort_by_key(|placed| placed.key(reversed));
    for (first, second) in guessed(&chains) {
        let of = |family| Guess { namespace: plan.index, family, first: Some(first), second };
        guesses.extend([IpFamily::V4, IpFamily::V6].map(of));
    }
    chains.into_iter().map(|placed| Slot::Chain(placed.id, placed.priority)).collect()
}
