//! netfilter's rules: tables, chains and rules, in the form of the tool that made each table.
//!
//! Identities ([`ChainId`], [`RuleId`]) are positions in one [`Ruleset`]; they are small, ordered and stay valid as long
//! as that ruleset is not read anew. How rules look as text is [`crate::syntax`]'s business, what they do [`crate::walk`]'s.

use std::collections::HashMap;
use std::fmt;

use super::names::Name;
use super::net::IpFamily;
use super::{nft, xt};

/// All tables of a namespace.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ruleset {
    /// Tables in the order in which they were listed.
    pub tables: Vec<Table>,
}

impl Ruleset {
    /// The table a chain is in.
    pub fn table(&self, chain: ChainId) -> &Table {
        &self.tables[chain.table as usize]
    }

    /// The chain with this identity.
    pub fn chain(&self, chain: ChainId) -> &Chain {
        &self.tables[chain.table as usize].chains[chain.chain as usize]
    }

    /// The rule with this identity.
    pub fn rule(&self, rule: RuleId) -> &Rule {
        &self.chain(rule.chain).rules[rule.index as usize]
    }

    /// Every chain with its identity, in the order of the listing.
    pub fn chains(&self) -> impl Iterator<Item = (ChainId, &Chain)> {
        self.tables.iter().enumerate().flat_map(|(t, table)| {
            table.chains.iter().enumerate().map(move |(c, chain)| (ChainId { table: t as u32, chain: c as u32 }, chain))
        })
    }

    /// Ranks base chains of equal priority where nothing tells their order: the kernel runs the one that was registered
    /// last first, and listings are in the order of creation, so equals run in reverse of the listing, which is a guess.
    pub fn rank_by_listing(&mut self) {
        let mut ranks: HashMap<(Hook, Priority), u32> = HashMap::new();
        let chains = self.tables.iter_mut().flat_map(|table| &mut table.chains);
        for base in chains.rev().filter_map(|chain| chain.base.as_mut()) {
            let next = ranks.entry((base.hook, base.priority)).or_default();
            if matches!(base.registration, Registration::Registered(_)) {
                base.registration = Registration::Registered(Place::Guessed(*next));
            }
            *next += 1;
        }
    }

    /// How many rules there are in all.
    pub fn rule_count(&self) -> usize {
        self.tables.iter().flat_map(|table| &table.chains).map(|chain| chain.rules.len()).sum()
    }
}

/// The identity of a chain within a ruleset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChainId {
    /// Index into [`Ruleset::tables`].
    pub table: u32,
    /// Index into [`Table::chains`].
    pub chain: u32,
}

/// The identity of a rule within a ruleset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId {
    /// Its chain.
    pub chain: ChainId,
    /// Index into [`Chain::rules`], from 0.
    pub index: u32,
}

impl RuleId {
    /// The rule's number as admins count: from 1.
    pub fn number(self) -> u32 {
        self.index + 1
    }
}

/// The family of a table (`NFPROTO_*` in linux/netfilter.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
    /// IPv4 and IPv6.
    Inet,
    /// ARP.
    Arp,
    /// Frames on a bridge.
    Bridge,
    /// Packets at a device.
    Netdev,
}

impl Family {
    /// The name that nft gives it.
    pub fn name(self) -> &'static str {
        match self {
            Family::Ip => "ip",
            Family::Ip6 => "ip6",
            Family::Inet => "inet",
            Family::Arp => "arp",
            Family::Bridge => "bridge",
            Family::Netdev => "netdev",
        }
    }

    /// Whether tables of this family see packets of `family` at the IP hooks.
    pub fn sees(self, family: IpFamily) -> bool {
        match self {
            Family::Ip => family == IpFamily::V4,
            Family::Ip6 => family == IpFamily::V6,
            Family::Inet => true,
            Family::Arp | Family::Bridge | Family::Netdev => false,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which tool's form a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Backend {
    /// Legacy xtables: `iptables-legacy`, `ip6tables-legacy`.
    IptablesLegacy,
    /// iptables syntax stored in nf_tables: `iptables-nft`, `ip6tables-nft`.
    IptablesNft,
    /// Native nf_tables.
    Nft,
}

impl Backend {
    /// The name that the JSON contract gives it.
    pub fn name(self) -> &'static str {
        match self {
            Backend::IptablesLegacy => "iptables-legacy",
            Backend::IptablesNft => "iptables-nft",
            Backend::Nft => "nft",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its family.
    pub family: Family,
    /// Its name.
    pub name: Name,
    /// The tool whose form it has.
    pub backend: Backend,
    /// Its chains, in the order of the listing.
    pub chains: Vec<Chain>,
    /// Its sets and maps: those of native tables.
    pub sets: Vec<nft::Set>,
    /// What else is told of a native table.
    pub particulars: nft::Particulars,
}

impl Table {
    /// The position of the chain with this name.
    pub fn chain_index(&self, name: &str) -> Option<usize> {
        self.chains.iter().position(|chain| &*chain.name == name)
    }

    /// The set or map with this name.
    pub fn set(&self, name: &str) -> Option<&nft::Set> {
        self.sets.iter().find(|set| &*set.name == name)
    }
}

/// A chain of rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Chain {
    /// Its name.
    pub name: Name,
    /// Where it hangs in the packet's way; `None` for a regular chain that is only jumped to.
    pub base: Option<Base>,
    /// Its rules, in order.
    pub rules: Vec<Rule>,
    /// What else is told of a native chain.
    pub details: nft::ChainDetails,
}

/// Where a base chain hangs, and what happens at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// Its type.
    pub kind: ChainType,
    /// The hook it hangs at.
    pub hook: Hook,
    /// Its place among the chains of the hook: lower runs first.
    pub priority: Priority,
    /// What happens to packets that run off its end.
    pub policy: Policy,
    /// Whether the kernel runs it, and in which order among equals.
    pub registration: Registration,
}

/// Whether a base chain is registered with its hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// It runs, at this place among the base chains of its hook that have the same priority.
    Registered(Place),
    /// Its table is dormant (`flags dormant`): it does not run.
    Dormant,
    /// The tool's text shows it, but the kernel has no such chain: iptables-save prints the policies of all
    /// built-in chains of a table in which only some exist.
    Absent,
}

/// The place among base chains of equal priority at one hook: the lower rank runs first.
///
/// The kernel runs the chain that was registered last first (`nf_hook_entries_grow`), and no listing tells when a chain
/// was registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Told by the kernel or by a recording.
    Known(u32),
    /// Inferred from the order of a listing.
    Guessed(u32),
}

impl Place {
    /// The rank, however it is known.
    pub fn rank(self) -> u32 {
        match self {
            Place::Known(rank) | Place::Guessed(rank) => rank,
        }
    }
}

/// The type of a base chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChainType {
    /// Sees every packet.
    Filter,
    /// Sees the first packet of a flow, and may translate its addresses.
    Nat,
    /// Sees every packet that is made here, and may have it routed again.
    Route,
}

/// A hook: a point on a packet's way where base chains hang.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hook {
    /// At the device, before everything else.
    Ingress,
    /// Before routing.
    Prerouting,
    /// For this host.
    Input,
    /// For another host.
    Forward,
    /// Made by this host.
    Output,
    /// About to leave.
    Postrouting,
    /// At the device, after everything else.
    Egress,
}

impl Hook {
    /// Every hook, in the order in which a forwarded packet, then a local one, meets them.
    pub const ALL: [Hook; 7] =
        [Hook::Ingress, Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting, Hook::Egress];

    /// The name that nft gives it.
    pub fn name(self) -> &'static str {
        match self {
            Hook::Ingress => "ingress",
            Hook::Prerouting => "prerouting",
            Hook::Input => "input",
            Hook::Forward => "forward",
            Hook::Output => "output",
            Hook::Postrouting => "postrouting",
            Hook::Egress => "egress",
        }
    }

    /// The hook with this name.
    pub fn from_name(name: &str) -> Option<Hook> {
        Hook::ALL.into_iter().find(|hook| hook.name() == name)
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The priority of a base chain: lower runs first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Priority(pub i32);

impl Priority {
    /// `raw`, −300.
    pub const RAW: Priority = Priority(-300);
    /// Where conntrack looks up the flow, −200 (`NF_IP_PRI_CONNTRACK`).
    pub const CONNTRACK: Priority = Priority(-200);
    /// `mangle`, −150.
    pub const MANGLE: Priority = Priority(-150);
    /// `dstnat`, −100: the nat dispatcher of prerouting and output.
    pub const DSTNAT: Priority = Priority(-100);
    /// `filter`, 0.
    pub const FILTER: Priority = Priority(0);
    /// `security`, 50.
    pub const SECURITY: Priority = Priority(50);
    /// `security` of iptables-nft, 150.
    pub const SECURITY_OF_IPTABLES_NFT: Priority = Priority(150);
    /// `srcnat`, 100: the nat dispatcher of input and postrouting.
    pub const SRCNAT: Priority = Priority(100);
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What happens to a packet that runs off the end of a base chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Policy {
    /// It goes on.
    Accept,
    /// It is dropped.
    Drop,
}

impl Policy {
    /// The policy's name in small letters.
    pub fn name(self) -> &'static str {
        match self {
            Policy::Accept => "accept",
            Policy::Drop => "drop",
        }
    }
}

/// The number by which nf_tables names a rule for as long as it lives (`NFTA_RULE_HANDLE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle(pub u64);

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// nf_tables' handle, where known.
    pub handle: Option<Handle>,
    /// What it asks and does, in the form of the tool that made it.
    pub body: Body,
}

/// A rule in the form of the tool that made it.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// iptables: matches, then a target.
    Iptables(xt::Rule),
    /// Native nf_tables: expressions.
    Nft(Box<nft::Rule>),
}

impl Body {
    /// Whether the packets for which it holds are dropped or rejected.
    pub fn refuses(&self) -> bool {
        match self {
            Body::Iptables(rule) => matches!(rule.target, xt::Target::Drop | xt::Target::Reject(_)),
            Body::Nft(rule) => rule.expressions.iter().any(|expression| {
                matches!(expression, nft::Expression::Verdict(nft::Verdict::Drop) | nft::Expression::Reject { .. })
            }),
        }
    }

    /// The rule, where iptables made it.
    pub fn iptables(&self) -> Option<&xt::Rule> {
        match self {
            Body::Iptables(rule) => Some(rule),
            Body::Nft(_) => None,
        }
    }

    /// The xtables matches of the rule: all of its conditions where iptables made it.
    pub fn matches(&self) -> impl Iterator<Item = &xt::Match> {
        self.indexed_matches().map(|(_, matched)| matched)
    }

    /// The same with their positions: among the matches, or among the expressions of a native rule.
    pub fn indexed_matches(&self) -> impl Iterator<Item = (u16, &xt::Match)> {
        let (own, native) = match self {
            Body::Iptables(rule) => (&rule.matches[..], &[][..]),
            Body::Nft(rule) => (&[][..], &rule.expressions[..]),
        };
        let own = own.iter().enumerate();
        let native = native.iter().enumerate().filter_map(|(at, expression)| match expression {
            nft::Expression::Match(matched) => Some((at, &**matched)),
            _ => None,
        });
        own.chain(native).map(|(at, matched)| (at as u16, matched))
    }

    /// The xtables match at a position.
    pub fn match_at(&self, index: u16) -> Option<&xt::Match> {
        self.indexed_matches().find(|(at, _)| *at == index).map(|(_, matched)| matched)
    }

    /// The xtables target of the rule.
    pub fn target(&self) -> Option<&xt::Target> {
        match self {
            Body::Iptables(rule) => Some(&rule.target),
            Body::Nft(rule) => rule.expressions.iter().find_map(|expression| match expression {
                nft::Expression::Target(target) => Some(&**target),
                _ => None,
            }),
        }
    }
}

/// A built-in chain of an iptables table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltinChain {
    /// The table it is in.
    pub table: &'static str,
    /// Its name.
    pub chain: &'static str,
    /// Its type.
    pub kind: ChainType,
    /// The hook it hangs at.
    pub hook: Hook,
    /// Its priority in legacy tables.
    priority: Priority,
}

impl BuiltinChain {
    /// Its priority: iptables-nft gives those of `security` 150, which elsewhere is 50 (`xtables_ipv4` in its nft.c).
    pub fn priority(&self, backend: Backend) -> Priority {
        match backend {
            Backend::IptablesNft if self.table == "security" => Priority::SECURITY_OF_IPTABLES_NFT,
            _ => self.priority,
        }
    }
}

const fn built_in(
    table: &'static str,
    chain: &'static str,
    kind: ChainType,
    hook: Hook,
    priority: Priority,
) -> BuiltinChain {
    BuiltinChain { table, chain, kind, hook, priority }
}

/// The built-in chains of the tables that the iptables tools know.
///
/// iptables(8), and `struct builtin_table` of iptables-nft, which registers the same chains in nf_tables.
pub const BUILTIN: [BuiltinChain; 17] = [
    built_in("raw", "PREROUTING", ChainType::Filter, Hook::Prerouting, Priority::RAW),
    built_in("raw", "OUTPUT", ChainType::Filter, Hook::Output, Priority::RAW),
    built_in("mangle", "PREROUTING", ChainType::Filter, Hook::Prerouting, Priority::MANGLE),
    built_in("mangle", "INPUT", ChainType::Filter, Hook::Input, Priority::MANGLE),
    built_in("mangle", "FORWARD", ChainType::Filter, Hook::Forward, Priority::MANGLE),
    built_in("mangle", "OUTPUT", ChainType::Route, Hook::Output, Priority::MANGLE),
    built_in("mangle", "POSTROUTING", ChainType::Filter, Hook::Postrouting, Priority::MANGLE),
    built_in("nat", "PREROUTING", ChainType::Nat, Hook::Prerouting, Priority::DSTNAT),
    built_in("nat", "INPUT", ChainType::Nat, Hook::Input, Priority::SRCNAT),
    built_in("nat", "OUTPUT", ChainType::Nat, Hook::Output, Priority::DSTNAT),
    built_in("nat", "POSTROUTING", ChainType::Nat, Hook::Postrouting, Priority::SRCNAT),
    built_in("filter", "INPUT", ChainType::Filter, Hook::Input, Priority::FILTER),
    built_in("filter", "FORWARD", ChainType::Filter, Hook::Forward, Priority::FILTER),
    built_in("filter", "OUTPUT", ChainType::Filter, Hook::Output, Priority::FILTER),
    built_in("security", "INPUT", ChainType::Filter, Hook::Input, Priority::SECURITY),
    built_in("security", "FORWARD", ChainType::Filter, Hook::Forward, Priority::SECURITY),
    built_in("security", "OUTPUT", ChainType::Filter, Hook::Output, Priority::SECURITY),
];

/// The built-in chain `chain` of the iptables table `table`.
pub fn builtin(table: &str, chain: &str) -> Option<&'static BuiltinChain> {
    BUILTIN.iter().find(|known| known.table == table && known.chain == chain)
}
