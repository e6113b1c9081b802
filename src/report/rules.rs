//! `rules`: the ruleset as the admin's own tools print it, without the tools.

use crate::host::{Backend, IpFamily, Namespace, Unread, What};
use crate::syntax::nft::{self, Listing};
use crate::syntax::{Pages, ipset, iptables};

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
    one_in_pages(ns, kind, told).map(|pages| pages.text())
}

/// The same in pages.
pub fn one_in_pages(ns: &Namespace, kind: Kind, told: Told) -> Result<Pages<'_>, String> {
    let pages = pages(ns, kind, told);
    match ns.unread(kind.what()) {
        Some(unread) if pages.is_empty() => Err(format!("{} were not read; that needs {}", unread.what, unread.needs)),
        _ => Ok(pages),
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
    all_in_pages(ns, told).text()
}

/// The same in pages.
pub fn all_in_pages(ns: &Namespace, told: Told) -> Pages<'_> {
    let mut whole = Pages::default();
    for kind in Kind::ALL {
        let pages = pages(ns, kind, told);
        if !pages.is_empty() {
            whole.push(move |out| out.push_str(&format!("# {}\n", kind.name())));
            whole.extend(pages);
        }
    }
    whole
}

fn pages(ns: &Namespace, kind: Kind, told: Told) -> Pages<'_> {
    let (ruleset, links, observations) = (&ns.ruleset, &ns.links, &ns.observations);
    match kind {
        Kind::Save(family, backend) => iptables::save_pages(ruleset, observations, told.counters, (family, backend)),
        Kind::Nft => nft::pages(Listing { ruleset, links, observations, handles: told.handles }),
        Kind::Ipset => ipset::pages(&ns.ipsets, &observations.ipsets, ipset::Form::Tool),
    }
}
