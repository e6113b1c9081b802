//! A namespace, prepared for many walks: chains in the order in which they run, devices as numbers, types of addresses.
//!
//! It depends on the namespace alone, never on a packet.

mod contents;
mod keyed;
mod layers;
mod types;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::conntrack;
use super::devices::Devices;
use super::fib::Tables;
use super::ipset::IpSets;
use super::query::number;
use super::set::ValueSet;
use super::state::Layer;
use super::vrf::{self, Member, Vrf};
use super::wires::{Joined, Wires};
use crate::host::xt::{AddressTypes, Match, SetMatch, Target};
use crate::host::{
    Base, ChainId, ChainType, Hook, Host, IpFamily, Namespace, Place, Priority, QuickMap, Registration, RuleId, What,
};
pub(super) use contents::{Content, Contents, Left, Part};
use keyed::Keyed;
pub(super) use keyed::sources_of;
use layers::Layers;
pub(super) use types::TypedBy;
use types::{TypeRange, address_types, of_one_type6, of_type, of_type6};

/// What runs at one place of a hook.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Slot {
    /// A base chain.
    Chain(ChainId, Priority),
    /// conntrack's NAT: its chains run here, one after another, until one sets up a mapping (`nf_nat_inet_fn`).
    Nat(Vec<ChainId>, Priority),
    /// In a hook of bridges: the same hook of IP, for frames that netfilter is told of (`br_nf_ops`).
    Ip(Priority),
}

/// Two neighbours among equals whose order is guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Guess {
    /// Index of the namespace.
    pub(super) namespace: usize,
    /// The family.
    pub(super) family: IpFamily,
    /// The chain that is taken to run first; `None`: conntrack itself.
    pub(super) first: Option<ChainId>,
    /// The chain that is taken to run after it.
    pub(super) second: ChainId,
}

/// A namespace, prepared.
pub(super) struct Plan<'a> {
    /// The host it is in.
    pub(super) host: &'a Host,
    /// Its index in the host.
    pub(super) index: usize,
    /// What joins it to other namespaces.
    pub(super) joined: Arc<Joined>,
    /// Its devices.
    pub(super) devices: Devices,
    /// Those of them that belong to VRFs.
    pub(super) members: Box<[Member]>,
    /// Neighbours among equals whose order is guessed.
    pub(super) guesses: Vec<Guess>,
    /// Whether a rule asks for flows that are translated.
    pub(super) asks_translated: bool,
    /// Where no routes were read: the addresses that DNAT gives, which are taken to be other hosts'.
    pub(super) turned_to: [ValueSet; 2],
    /// Its routing tables.
    pub(super) tables: Tables,
    /// IPv6 addresses that are still checked for duplicates: the kernel makes them local when it is done.
    pub(super) tentative: ValueSet,
    /// What its sets and maps hold.
    pub(super) contents: Contents<'a>,
    /// What ipset's sets hold.
    pub(super) ipsets: IpSets<'a>,
    slots: QuickMap<(IpFamily, Hook), Vec<Slot>>,
    layers: Layers,
    tracks: [OnceLock<bool>; 2],
    /// Of equals whose order is guessed the other one is first.
    reversed: bool,
    types: [Vec<TypeRange>; 2],
    sets: OnceLock<Sets>,
    keyed: QuickMap<ChainId, Keyed>,
}

/// A set of more elements than this is told by its name.
pub(super) const LARGE: usize = 64;

/// The first match that asks each set the same question; a `!` before it is none of it.
type Sets = HashMap<SetMatch, (RuleId, u16)>;

const HOOKS: [Hook; 5] = [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting];
const FAMILIES: [IpFamily; 2] = [IpFamily::V4, IpFamily::V6];

impl<'a> Plan<'a> {
    /// Prepares a namespace. `reversed`: of chains whose order is guessed, the one listed first runs first.
    pub(super) fn new(host: &'a Host, index: usize, reversed: bool) -> Plan<'a> {
        let namespace = &host.namespaces[index];
        let mut plan = Plan {
            asks_translated: rules(namespace).any(conntrack::asks_translated),
            turned_to: FAMILIES.map(|family| turned_to(namespace, family)),
            reversed,
            keyed: keyed(namespace),
            ..Plan::for_questions(host, index)
        };
        for family in FAMILIES {
            for hook in HOOKS {
                let slots = plan.order(family, hook, reversed);
                plan.slots.insert((family, hook), slots);
            }
            plan.dispatch_everywhere(family);
        }
        (plan.layers, plan.guesses) = Layers::of(&plan, reversed);
        plan
    }

    /// As much of it as questions about single rules take: nothing walks through it.
    pub(super) fn for_questions(host: &'a Host, index: usize) -> Plan<'a> {
        let namespace = &host.namespaces[index];
        let devices = Devices::of(namespace);
        Plan {
            host,
            index,
            joined: Arc::default(),
            members: vrf::members(namespace, |name| devices.number(name)),
            devices,
            guesses: Vec::new(),
            asks_translated: false,
            turned_to: FAMILIES.map(|_| ValueSet::empty()),
            tables: Tables::of(namespace),
            tentative: tentative(namespace),
            contents: Contents::of(namespace),
            ipsets: IpSets::of(namespace),
            slots: QuickMap::default(),
            layers: Layers::default(),
            tracks: Default::default(),
            reversed: false,
            types: FAMILIES.map(|family| address_types(namespace, family, None, None)),
            sets: OnceLock::new(),
            keyed: QuickMap::default(),
        }
    }

    /// Where one hook has a nat chain, conntrack's NAT is at all four (`nf_nat_ipv4_register_fn`): a packet that no chain
    /// translates is bound to its own addresses there, and is not asked again.
    fn dispatch_everywhere(&mut self, family: IpFamily) {
        let is_nat = |slot: &Slot| matches!(slot, Slot::Nat(..));
        if !HOOKS.iter().any(|hook| self.slots(family, *hook).iter().any(is_nat)) {
            return;
        }
        for hook in [Hook::Prerouting, Hook::Input, Hook::Output, Hook::Postrouting] {
            let slots = self.slots.entry((family, hook)).or_default();
            if !slots.iter().any(is_nat) {
                insert_nat(slots, Vec::new(), hook, false);
            }
        }
    }

    /// Whether something that was not read could matter to packets of this family.
    pub(super) fn may_matter(&self, family: IpFamily, what: What) -> bool {
        match what {
            What::Links
            | What::Addresses
            | What::Routes
            | What::PolicyRules
            | What::Sysctls
            | What::Sockets
            | What::NfTables
            | What::Elements
            | What::Recording => true,
            What::LegacyIp => family == IpFamily::V4,
            What::LegacyIp6 => family == IpFamily::V6,
            What::IpSets => !self.sets().is_empty(),
            What::Hooks => self.guesses.iter().any(|guess| guess.family == family),
            What::Neighbours | What::Processes | What::Conntrack => false,
        }
    }

    /// Whether 127/8 may leave or come in by a device.
    pub(super) fn routes_localnet(&self, device: &str) -> bool {
        let sysctls = &self.namespace().sysctls.ip;
        let flag = |name: &str| sysctls.get(name).and_then(|device| device.route_localnet) == Some(true);
        flag(device) || flag("all")
    }

    /// The namespace.
    pub(super) fn namespace(&self) -> &'a Namespace {
        &self.host.namespaces[self.index]
    }

    /// What joins it to other namespaces.
    pub(super) fn wires(&self) -> Wires<'_> {
        Wires { host: self.host, joined: &self.joined }
    }

    /// What runs at a hook, in order.
    pub(super) fn slots(&self, family: IpFamily, hook: Hook) -> &[Slot] {
        self.slots.get(&(family, hook)).map_or(&[], Vec::as_slice)
    }

    /// What runs at a hook of a layer, in order.
    pub(super) fn slots_of(&self, layer: Layer, family: IpFamily, hook: Hook) -> &[Slot] {
        match layer {
            Layer::Ip => self.slots(family, hook),
            Layer::Bridge => self.layers.bridge(hook),
            Layer::Device(device) => self.layers.device(device, hook),
        }
    }

    /// The devices at which chains hang, by their numbers.
    pub(super) fn hung_at(&self, hook: Hook) -> impl Iterator<Item = u128> {
        self.layers.devices(hook)
    }

    /// Whether conntrack is on.
    pub(super) fn tracks(&self, family: IpFamily) -> bool {
        *self.tracks[family as usize].get_or_init(|| tracks(self.namespace(), family))
    }

    /// A chain by what its rules ask for, where it is long.
    pub(super) fn keyed(&self, chain: ChainId) -> Option<&Keyed> {
        self.keyed.get(&chain)
    }

    fn order(&mut self, family: IpFamily, hook: Hook, reversed: bool) -> Vec<Slot> {
        let mut chains: Vec<Placed> = self
            .namespace()
            .ruleset
            .chains()
            .filter(|(id, _)| self.namespace().ruleset.table(*id).family.sees(family))
            .filter_map(|(id, chain)| Placed::of(id, chain.base.as_ref()?, hook))
            .collect();
        chains.sort_by_key(|placed| placed.key(reversed));
        let guessed = guessed(&chains);
        self.guesses.extend(guessed.map(|(first, second)| Guess {
            namespace: self.index,
            family,
            first: Some(first),
            second,
        }));
        self.guess_dispatcher(family, hook, &chains);
        self.guess_conntrack(family, hook, &chains);
        let (nat, others): (Vec<_>, Vec<_>) = chains.into_iter().partition(|placed| placed.kind == ChainType::Nat);
        let mut slots: Vec<Slot> = others.iter().map(|placed| Slot::Chain(placed.id, placed.priority)).collect();
        if !nat.is_empty() {
            insert_nat(&mut slots, nat.into_iter().map(|placed| placed.id).collect(), hook, reversed);
        }
        slots
    }

    /// The dispatcher of nat chains was registered with the first nat chain of any hook (`nf_nat_register_fn`), which
    /// nothing tells: it may run before another chain of its own priority, or after it.
    fn guess_dispatcher(&mut self, family: IpFamily, hook: Hook, chains: &[Placed]) {
        let Some(nat) = chains.iter().find(|placed| placed.kind == ChainType::Nat) else { return };
        let equal = chains.iter().filter(|placed| placed.kind != ChainType::Nat && placed.priority == dispatcher(hook));
        self.guesses.extend(equal.map(|placed| Guess {
            namespace: self.index,
            family,
            first: Some(nat.id),
            second: placed.id,
        }));
    }

    /// conntrack was registered with the first rule that needs it: it looks at packets before a chain of its own priority runs, or
    /// after it.
    fn guess_conntrack(&mut self, family: IpFamily, hook: Hook, chains: &[Placed]) {
        let looks = matches!(hook, Hook::Prerouting | Hook::Output) && self.tracks(family);
        let equal = chains.iter().filter(|placed| looks && placed.priority == Priority::CONNTRACK);
        self.guesses.extend(equal.map(|placed| Guess {
            namespace: self.index,
            family,
            first: None,
            second: placed.id,
        }));
    }

    /// Whether conntrack has looked at packets by a place of this priority.
    pub(super) fn is_tracked_by(&self, priority: Priority) -> bool {
        priority > Priority::CONNTRACK || !self.reversed && priority == Priority::CONNTRACK
    }

    /// The addresses that have one of these types, as `by` sees it; `on`: of this device only.
    pub(super) fn addresses_of_type(
        &self,
        family: IpFamily,
        types: AddressTypes,
        on: Option<u128>,
        (vrf, by): (Option<Vrf>, TypedBy),
    ) -> ValueSet {
        let apart;
        let link = on.and_then(|number| self.devices.name(number)).and_then(|name| self.namespace().link(name));
        let ranges = match (link, vrf) {
            (None, None) => &self.types[family as usize],
            (link, vrf) => {
                let (device, table) = (link.map(|link| link.index), vrf.map(|vrf| vrf.table));
                apart = address_types(self.namespace(), family, device, table);
                &apart
            }
        };
        match family {
            IpFamily::V4 => of_type(ranges, types, family),
            IpFamily::V6 if by == TypedBy::Fib => of_one_type6(ranges, types),
            IpFamily::V6 => of_type6(ranges, types),
        }
    }

    /// The name of the large set that holds just these of the values which are looked at, where one does that was asked.
    pub(super) fn set_with(&self, values: &ValueSet, looked_at: &ValueSet) -> Option<String> {
        let count = values.ranges().len();
        let is_it = |set: &ValueSet| {
            let many = set.ranges().len();
            many > LARGE && many.abs_diff(count) <= many / 4 && set.and(looked_at) == *values
        };
        if let Some((name, _)) = self.ipsets.asked().find(|(_, set)| is_it(set)) {
            return Some(format!("@ipset {name}"));
        }
        let asked = self.contents.asked();
        let (table, name, _) = asked.iter().find(|(.., set)| is_it(set))?;
        let table = self.namespace().ruleset.tables.get(*table)?;
        Some(format!("@{} {} {name}", table.family.name(), table.name))
    }

    fn sets(&self) -> &Sets {
        self.sets.get_or_init(|| first_asking(self.namespace()))
    }

    /// The first match of the ruleset that asks the same of the same set.
    pub(super) fn first_asking(&self, set: &SetMatch) -> Option<(RuleId, u16)> {
        self.sets().get(&SetMatch { not: false, ..set.clone() }).copied()
    }

    /// Whether a `-m set` match has a `!`.
    pub(super) fn negates(&self, rule: RuleId, index: u16) -> bool {
        let asked = self.namespace().ruleset.rule(rule).body.match_at(index);
        matches!(asked, Some(Match::Set(set)) if set.not)
    }
}

/// A base chain with what decides its place.
#[derive(Clone, Copy)]
struct Placed {
    id: ChainId,
    kind: ChainType,
    priority: Priority,
    rank: u32,
    guessed: bool,
}

impl Placed {
    fn of(id: ChainId, base: &Base, hook: Hook) -> Option<Placed> {
        let Registration::Registered(place) = base.registration else {
            return None;
        };
        (base.hook == hook).then_some(Placed {
            id,
            kind: base.kind,
            priority: base.priority,
            rank: place.rank(),
            guessed: matches!(place, Place::Guessed(_)),
        })
    }

    fn key(&self, reversed: bool) -> (Priority, i64, ChainId) {
        let rank = i64::from(self.rank);
        (self.priority, if reversed && self.guessed { -rank } else { rank }, self.id)
    }
}

/// The neighbours among chains in their order that are equals, and whose order is guessed.
fn guessed(chains: &[Placed]) -> impl Iterator<Item = (ChainId, ChainId)> {
    let is_nat = |placed: &Placed| placed.kind == ChainType::Nat;
    let pairs = chains.iter().zip(chains.iter().skip(1));
    let equals = pairs.filter(move |(a, b)| a.priority == b.priority && is_nat(a) == is_nat(b));
    equals.filter(|(a, b)| a.guessed || b.guessed).map(|(a, b)| (a.id, b.id))
}

/// The dispatcher has a priority of its own, whatever number its chains declare (nf_nat_proto.c).
fn dispatcher(hook: Hook) -> Priority {
    match hook {
        Hook::Prerouting | Hook::Output => Priority::DSTNAT,
        _ => Priority::SRCNAT,
    }
}

/// Puts the dispatcher into its place. `reversed`: behind other chains of its priority.
fn insert_nat(slots: &mut Vec<Slot>, chains: Vec<ChainId>, hook: Hook, reversed: bool) {
    let priority = dispatcher(hook);
    let is_before = |p: &Priority| *p < priority || reversed && *p == priority;
    let after = slots.partition_point(|slot| matches!(slot, Slot::Chain(_, p) if is_before(p)));
    slots.insert(after, Slot::Nat(chains, priority));
}

fn rules(namespace: &Namespace) -> impl Iterator<Item = &crate::host::Rule> {
    namespace.ruleset.tables.iter().flat_map(|table| &table.chains).flat_map(|chain| &chain.rules)
}

/// The long chains of a namespace, by what their rules ask for.
fn keyed(namespace: &Namespace) -> QuickMap<ChainId, Keyed> {
    let ruleset = &namespace.ruleset;
    let of = |(id, chain)| Some((id, Keyed::of(chain, ruleset.table(id).family)?));
    ruleset.chains().filter_map(of).collect()
}

fn turned_to(namespace: &Namespace, family: IpFamily) -> ValueSet {
    if namespace.is_read(What::Routes) {
        return ValueSet::empty();
    }
    let given = rules(namespace).filter_map(|rule| match rule.body.target() {
        Some(Target::Dnat(nat)) => nat.addresses,
        _ => None,
    });
    let ours = given.filter(|(first, _)| IpFamily::of(*first) == family && !first.is_loopback());
    ValueSet::from_ranges(ours.map(|(first, last)| (number(first), number(last))))
}

fn tentative(namespace: &Namespace) -> ValueSet {
    let checked = namespace.addresses.iter().filter(|address| address.tentative);
    ValueSet::from_ranges(checked.map(|address| (number(address.addr()), number(address.addr()))))
}

fn tracks(namespace: &Namespace, family: IpFamily) -> bool {
    let mut tables = namespace.ruleset.tables.iter().filter(|table| table.family.sees(family));
    tables.any(|table| conntrack::is_needed(table, family))
}

fn first_asking(namespace: &Namespace) -> Sets {
    let mut first = Sets::new();
    for (id, chain) in namespace.ruleset.chains() {
        for (index, rule) in chain.rules.iter().enumerate() {
            for (m, matched) in rule.body.indexed_matches() {
                if let Match::Set(set) = matched {
                    let place = (RuleId { chain: id, index: index as u32 }, m);
                    first.entry(SetMatch { not: false, ..(**set).clone() }).or_insert(place);
                }
            }
        }
    }
    first
}

/// 127/8, or ::1.
pub(super) fn loopback_range(family: IpFamily) -> (u128, u128) {
    match family {
        IpFamily::V4 => (0x7f00_0000, 0x7fff_ffff),
        IpFamily::V6 => (1, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Backend, Chain, Family, Policy, Ruleset, Table};

    #[test]
    fn a_chain_at_the_place_of_the_nat_dispatcher_runs_before_it_or_after() {
        let chain = |name: &str, kind| Chain {
            name: name.into(),
            base: Some(Base {
                kind,
                hook: Hook::Prerouting,
                priority: Priority::DSTNAT,
                policy: Policy::Accept,
                registration: Registration::Registered(Place::Known(0)),
            }),
            rules: Vec::new(),
            details: Default::default(),
        };
        let chains = vec![chain("filter", ChainType::Filter), chain("nat", ChainType::Nat)];
        let (name, sets, particulars) = ("t".into(), Vec::new(), Default::default());
        let table = Table { family: Family::Inet, name, backend: Backend::Nft, chains, sets, particulars };
        let ruleset = Ruleset { tables: vec![table] };
        let host = Host { namespaces: vec![Namespace { ruleset, ..Namespace::default() }], ..Host::default() };
        let first = |reversed| {
            let plan = Plan::new(&host, 0, reversed);
            assert_eq!(plan.guesses.len(), 2, "one for each family");
            matches!(plan.slots(IpFamily::V4, Hook::Prerouting)[0], Slot::Nat(..))
        };
        assert!(first(false) && !first(true));
    }
}
