//! `rules`: the ruleset as the admin's own tools print it, without the tools.

use std::borrow::Cow;

use crate::host::{Backend, IpFamily, Namespace, Observations, Unread, What};
use crate::syntax::nft::{self, Listing};
use crate::syntax::{ipset, iptables};

/// A kind of text that the rules of a host are printed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What `iptables-save` or `ip6tables-save` of one backend prints.
    Save(IpFamily, Backend),
    /// What `nft list ruleset` prints of native tables.
    Nft,
    /// What `ipset save` prints.
    Ipset,
}

impl Kind {
    /// Every kind, in the order in which they are printed.
    pub const ALL: [Kind; 6] = [
        Kind::Save(IpFamily::V4, Backend::IptablesLegacy),
        Kind::Save(IpFamily::V6, Backend::IptablesLegacy),
        Kind::Save(IpFamily::V4, Backend::IptablesNft),
        Kind::Save(IpFamily::V6, Backend::IptablesNft),
        Kind::Nft,
        Kind::Ipset,
    ];

    /// The command that prints it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Save(IpFamily::V4, Backend::IptablesLegacy) => "iptables-legacy-save",
            Kind::Save(IpFamily::V6, Backend::IptablesLegacy) => "ip6tables-legacy-save",
            Kind::Save(IpFamily::V4, Backend::IptablesNft) => "iptables-nft-save",
            Kind::Save(IpFamily::V6, Backend::IptablesNft) => "ip6tables-nft-save",
            Kind::Save(_, Backend::Nft) | Kind::Nft => "nft list ruleset",
            Kind::Ipset => "ipset save",
        }
    }

    /// What a reader has to have read for it.
    fn what(self) -> What {
        match self {
            Kind::Save(IpFamily::V4, Backend::IptablesLegacy) => What::LegacyIp,
            Kind::Save(IpFamily::V6, Backend::IptablesLegacy) => What::LegacyIp6,
            Kind::Save(_, Backend::IptablesNft | Backend::Nft) | Kind::Nft => What::NfTables,
            Kind::Ipset => What::IpSets,
        }
    }
}

/// What is told of rules beside what they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Told {
    /// What iptables' rules counted; nft tells that of its own in any case.
    pub counters: bool,
    /// The handles of nft's rules.
    pub handles: bool,
}

/// One kind alone, exactly as its tool prints it; what it would take to read it, where that was not read.
pub fn one(ns: &Namespace, kind: Kind, told: Told) -> Result<String, String> {
    let text = text(ns, kind, told);
    match ns.unread(kind.what()) {
        Some(unread) if text.is_empty() => Err(format!("{} were not read; that needs {}", unread.what, unread.needs)),
        _ => Ok(text),
    }
}

/// The kinds of rules that could not be read, or are torn.
pub fn unread(ns: &Namespace) -> impl Iterator<Item = &Unread> {
    ns.unread.iter().filter(|unread| Kind::ALL.iter().any(|kind| kind.what() == unread.what))
}

/// The kinds of rules that are torn, among those that this kind is made of.
pub fn torn(ns: &Namespace, kind: Kind) -> impl Iterator<Item = &Unread> {
    ns.unread.iter().filter(move |unread| unread.torn && unread.what == kind.what())
}

/// Every kind that has something in it, each under a line of its own.
pub fn all(ns: &Namespace, told: Told) -> String {
    let mut whole = String::new();
    for kind in Kind::ALL {
        let text = text(ns, kind, told);
        if !text.is_empty() {
            whole.push_str(&format!("# {}\n{text}", kind.name()));
        }
    }
    whole
}

fn text(ns: &Namespace, kind: Kind, told: Told) -> String {
    match kind {
        Kind::Save(family, backend) => {
            // The tools print what the policies counted in any case.
            let policies = || Observations { policies: ns.observations.policies.clone(), ..Observations::default() };
            let seen = if told.counters { Cow::Borrowed(&ns.observations) } else { Cow::Owned(policies()) };
            let there = ns.ruleset.tables.iter().any(|table| table.backend == backend && table.family.sees(family));
            if there { iptables::save(&ns.ruleset, Some(&seen), family, backend) } else { String::new() }
        }
        Kind::Nft => {
            let (ruleset, links, observations) = (&ns.ruleset, &ns.links, &ns.observations);
            nft::list(Listing { ruleset, links, observations, handles: told.handles })
        }
        Kind::Ipset => ipset::print(&ns.ipsets, &ns.observations.ipsets, ipset::Form::Tool),
    }
}
