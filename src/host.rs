//! A host at one instant, as plain data.
//!
//! The room that every other room reads: network namespaces with their links, addresses, routes, policy rules,
//! neighbours, sysctls, sockets and rulesets. Nothing here decides anything, reads anything or prints rules;
//! `walk` decides; `kernel`, `syntax` and `snapshot` fill it.
//!
//! Two rules hold everywhere:
//! - **Unread is not absent.** What could not be read is listed in [`Namespace::unread`]; an empty list of routes
//!   with [`What::Routes`] unread means "nobody knows", without it "there are none".
//! - **Observations stand beside rules.** Counters are held by the rule's identity, never inside it.

pub mod changes;
pub mod hash;
pub mod ipset;
pub mod names;
pub mod net;
pub mod nft;
pub mod observation;
pub mod reached;
pub mod redact;
pub mod route;
pub mod ruleset;
pub mod socket;
pub mod sysctl;
pub mod xt;

pub use changes::Changes;
pub use hash::{Quick, QuickMap};
pub use names::{Name, Names};
pub use net::{
    Address, BridgePort, BridgeSettings, FdbEntry, IpFamily, Ipvlan, IpvlanMode, IpvlanReach, Link, LinkKind, Mac,
    MacvlanMode, Neighbour, Peer, Scope,
};
pub use observation::{Counters, ElementId, ElementState, ObjectId, Observations, SetId, Tally};
pub use reached::Reached;
pub use route::{NextHop, PolicyAction, PolicyRule, Route, RouteKind};
pub use ruleset::{
    Backend, Base, Body, Chain, ChainId, ChainType, Family, Handle, Hook, Place, Policy, Priority, Registration, Rule,
    RuleId, Ruleset, Table,
};
pub use socket::{Process, Program, Protocol, Socket};
pub use sysctl::{DeviceSysctls, Ip6Device, Sysctls};

use std::collections::BTreeMap;
use std::fmt;

/// A whole host: its network namespaces as they were read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Host {
    /// The node's name (`uname -n`), where known.
    pub node: Option<String>,
    /// The kernel's release (`uname -r`), where known: some behaviour differs by version.
    pub kernel: Option<String>,
    /// When it was recorded, in the words of the recording; `None` for a live host.
    pub taken: Option<String>,
    /// Every network namespace that was read. Never empty in a host that a reader returns.
    pub namespaces: Vec<Namespace>,
    /// Index into `namespaces`: the one that was looked from, which commands mean when they name none.
    pub viewed: usize,
}

impl Host {
    /// The namespace that was looked from.
    ///
    /// # Panics
    /// If the host has no namespace at all, which no reader produces.
    pub fn viewed(&self) -> &Namespace {
        &self.namespaces[self.viewed]
    }

    /// Whether it is the same as another but for what was counted.
    pub fn is_same(&self, other: &Host) -> bool {
        let Host { node, kernel, taken, namespaces, viewed } = self;
        (node, kernel, taken, viewed) == (&other.node, &other.kernel, &other.taken, &other.viewed)
            && namespaces.len() == other.namespaces.len()
            && namespaces.iter().zip(&other.namespaces).all(|(one, other)| one.is_same(other))
    }

    /// The index of the namespace with this name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.namespaces.iter().position(|ns| ns.name == name)
    }
}

/// One network namespace (network_namespaces(7)).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Namespace {
    /// The name under `/run/netns`, or `net:[inode]` where it has none.
    pub name: String,
    /// The ids by which links name the namespace of their peer (`ip netns list-id`): id → name.
    pub ids: Vec<(i32, String)>,
    /// Network devices, in the order of their index.
    pub links: Vec<Link>,
    /// Addresses of both families, in the order in which the kernel lists them (it decides REDIRECT and MASQUERADE).
    pub addresses: Vec<Address>,
    /// Routes of all tables and both families.
    pub routes: Vec<Route>,
    /// Policy rules of both families, by priority. Empty and read: none at all, so nothing routes.
    pub policy_rules: Vec<PolicyRule>,
    /// ARP and neighbour-discovery entries.
    pub neighbours: Vec<Neighbour>,
    /// Bridge forwarding databases.
    pub fdb: Vec<FdbEntry>,
    /// The sysctls that decide where packets go.
    pub sysctls: Sysctls,
    /// Listening TCP sockets and bound UDP (and raw, SCTP …) sockets.
    pub sockets: Vec<Socket>,
    /// What is told of the processes that hold them, by pid, as far as it was read.
    pub programs: BTreeMap<u32, Program>,
    /// netfilter's rules.
    pub ruleset: Ruleset,
    /// ipset's sets, in the order in which the kernel lists them.
    pub ipsets: Vec<ipset::IpSet>,
    /// What was counted, beside the rules.
    pub observations: Observations,
    /// What could not be read here, and what would make it readable.
    pub unread: Vec<Unread>,
}

impl Namespace {
    /// Whether it is the same as another but for what was counted.
    pub fn is_same(&self, other: &Namespace) -> bool {
        let Namespace {
            name,
            ids,
            links,
            addresses,
            routes,
            policy_rules,
            neighbours,
            fdb,
            sysctls,
            sockets,
            programs,
            ruleset,
            ipsets,
            observations: _,
            unread,
        } = self;
        (name, ids, links, addresses) == (&other.name, &other.ids, &other.links, &other.addresses)
            && (routes, policy_rules) == (&other.routes, &other.policy_rules)
            && (neighbours, fdb, sysctls) == (&other.neighbours, &other.fdb, &other.sysctls)
            && (sockets, programs, unread) == (&other.sockets, &other.programs, &other.unread)
            && ipsets == &other.ipsets
            && ruleset == &other.ruleset
    }

    /// The link with this name.
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }

    /// The link with this interface index.
    pub fn link_at(&self, index: u32) -> Option<&Link> {
        self.links.iter().find(|link| link.index == index)
    }

    /// The VRF that a device belongs to: as one of its ports, or as the VRF itself (`l3mdev_master_dev_rcu`).
    pub fn vrf_of(&self, link: &Link) -> Option<&Link> {
        let is_vrf = |link: &&Link| matches!(link.kind, LinkKind::Vrf(_));
        match link.kind {
            LinkKind::Vrf(_) => self.link_at(link.index).filter(is_vrf),
            _ => link.master.and_then(|master| self.link_at(master)).filter(is_vrf),
        }
    }

    /// Whether what leaves by one device goes where what comes in by the other comes from, as far as the devices tell: they are
    /// the same, or one is a port of the other, or both are ports of one.
    pub fn shares_wire(&self, one: &Link, other: &Link) -> bool {
        one.index == other.index
            || one.master == Some(other.index)
            || other.master == Some(one.index)
            || one.master.is_some() && one.master == other.master
    }

    /// Why `what` could not be read; `None` when it was, be it torn.
    pub fn unread(&self, what: What) -> Option<&Unread> {
        self.unread.iter().find(|unread| unread.what == what && !unread.torn)
    }

    /// Whether `what` was read. It may be torn.
    pub fn is_read(&self, what: What) -> bool {
        self.unread(what).is_none()
    }

    /// Whether what is there of `what` is of several moments.
    pub fn is_torn(&self, what: What) -> bool {
        self.unread.iter().any(|unread| unread.what == what && unread.torn)
    }

    /// That these sets, which somebody asked for, are unread, and what it would take; `None`: there are none.
    pub fn unread_elements(&self, sets: &[SetId]) -> Option<Unread> {
        let counted = |id: &SetId| {
            let set = self.ruleset.tables.get(id.table as usize)?.sets.get(id.set as usize)?;
            set.counted.as_deref().filter(|counted| counted.contents.get().is_none())
        };
        let unread: Vec<_> = sets.iter().filter_map(counted).collect();
        let tried = unread.iter().find_map(|counted| counted.needs.get());
        let needs = tried.map_or("another reading", |needs| needs);
        (!unread.is_empty()).then(|| Unread { what: What::Elements, needs: needs.to_owned(), torn: false })
    }

    /// Notes that `what` is unread, and what that needs, unless that is noted already.
    pub fn mark_unread(&mut self, what: What, needs: impl Into<String>) {
        if self.is_read(what) {
            self.unread.push(Unread { what, needs: needs.into(), torn: false });
        }
    }

    /// Notes that `what` is torn, unless that is noted already.
    pub fn mark_torn(&mut self, what: What) {
        if !self.is_torn(what) {
            self.unread.push(Unread { what, needs: STILL.to_owned(), torn: true });
        }
    }
}

/// A part of a namespace that a reader may fail to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum What {
    /// Network devices.
    Links,
    /// Addresses.
    Addresses,
    /// Routes of all tables.
    Routes,
    /// Policy rules (`ip rule`).
    PolicyRules,
    /// Neighbour entries and bridge forwarding databases.
    Neighbours,
    /// Sysctls.
    Sysctls,
    /// Sockets.
    Sockets,
    /// The processes that hold the sockets.
    Processes,
    /// nf_tables rules (of iptables-nft and native).
    NfTables,
    /// Legacy xtables rules, IPv4.
    LegacyIp,
    /// Legacy xtables rules, IPv6.
    LegacyIp6,
    /// ipset sets and their elements.
    IpSets,
    /// What is in sets of nf_tables that have very many elements.
    Elements,
    /// The order in which base chains of equal priority are registered.
    Hooks,
    /// The flows that conntrack knows.
    Conntrack,
    /// A part of a recording that is damaged or cut off.
    Recording,
}

impl What {
    /// Every part, in the order in which they are listed here.
    pub const ALL: [What; 16] = [
        What::Links,
        What::Addresses,
        What::Routes,
        What::PolicyRules,
        What::Neighbours,
        What::Sysctls,
        What::Sockets,
        What::Processes,
        What::NfTables,
        What::LegacyIp,
        What::LegacyIp6,
        What::IpSets,
        What::Elements,
        What::Hooks,
        What::Conntrack,
        What::Recording,
    ];

    /// Whether rules and their order are told from it; what is not, they can be printed without.
    pub fn is_of_rules(self) -> bool {
        match self {
            // Rules name devices.
            What::Links
            | What::NfTables
            | What::LegacyIp
            | What::LegacyIp6
            | What::IpSets
            | What::Elements
            | What::Hooks
            | What::Recording => true,
            What::Addresses
            | What::Routes
            | What::PolicyRules
            | What::Neighbours
            | What::Sysctls
            | What::Sockets
            | What::Processes
            | What::Conntrack => false,
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            What::Links => "links",
            What::Addresses => "addresses",
            What::Routes => "routes",
            What::PolicyRules => "policy rules",
            What::Neighbours => "neighbours",
            What::Sysctls => "sysctls",
            What::Sockets => "sockets",
            What::Processes => "processes",
            What::NfTables => "nf_tables rules",
            What::LegacyIp => "iptables-legacy rules",
            What::LegacyIp6 => "ip6tables-legacy rules",
            What::IpSets => "ipset sets",
            What::Elements => "elements of large sets",
            What::Hooks => "hook order",
            What::Conntrack => "conntrack flows",
            What::Recording => "the rest of the recording",
        })
    }
}

/// Something that could not be read, or not as it was at one moment, and what would be needed to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The part that is missing.
    pub what: What,
    /// What would make it readable, as a short phrase (`CAP_NET_ADMIN`, `a snapshot made by whyport record`).
    pub needs: String,
    /// It changed each time that it was read: what is there of it is of several moments, entries may be missing or double.
    pub torn: bool,
}

/// What a reader needs of something that changes all the time.
const STILL: &str = "a moment in which nothing changes";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_that_can_be_unread_is_listed_once() {
        for (at, what) in What::ALL.into_iter().enumerate() {
            assert_eq!(what as usize, at, "{what}");
        }
        assert_eq!(What::ALL.len(), What::Recording as usize + 1, "nothing comes after the last");
    }
}
