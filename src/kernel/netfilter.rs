//! Everything of netfilter in one namespace: nf_tables, legacy tables, and what of it is not read.
//!
//! Only what is loaded is asked; what may not be asked, or is not decoded yet, is unread.

use std::path::Path;

use super::netlink::Failure;
use super::xt::SetNames;
use super::{Common, hooks, ipset, legacy, needs, nft};
use crate::host::xt::InterfacePattern;
use crate::host::{Family, Hook, IpFamily, Names, Namespace, Observations, Place, Priority, Registration, What};

/// What reading nf_tables and legacy tables takes (`nfnetlink_rcv`, `do_ipt_get_ctl`).
const CAPABILITY: &str = "CAP_NET_ADMIN";
/// What legacy tables take: the lists of them are readable by root alone, the tables with the capability.
const ROOT: &str = "root with CAP_NET_ADMIN";

/// Fills in the rules of this thread's namespace, with their counters.
pub(super) fn read(proc: &Path, common: &Common, ns: &mut Namespace) {
    let loaded = &common.loaded;
    let progress = common.answers.progress();
    let (ipsets, needed) = ipsets(common, ns);
    if loaded.has("nfnetlink") && loaded.has("nf_tables") {
        progress.begin(What::NfTables);
        match nft::read(&common.answers, &ipsets, common.elements) {
            Ok(rules) => {
                ns.ruleset = rules.ruleset;
                let ipsets = std::mem::take(&mut ns.observations.ipsets);
                ns.observations = Observations { ipsets, ..rules.observations };
                if rules.torn {
                    ns.mark_torn(What::NfTables);
                }
            }
            // A kernel without nf_tables has no rules of it.
            Err(Failure::Missing) => {}
            Err(failure) => ns.mark_unread(What::NfTables, needs(&failure, CAPABILITY)),
        }
    }
    let mut names = Names::default();
    for (family, module, what) in
        [(IpFamily::V4, "ip_tables", What::LegacyIp), (IpFamily::V6, "ip6_tables", What::LegacyIp6)]
    {
        if !loaded.has(module) {
            continue;
        }
        progress.begin(what);
        match legacy::read(proc, family, &ipsets, &mut names, &progress) {
            Ok(read) => {
                for table in read.tables {
                    table.add_to(&mut ns.ruleset, &mut ns.observations);
                }
                if read.torn {
                    ns.mark_torn(what);
                }
                if read.missing {
                    ns.mark_unread(what, "another try: a table changed whenever it was asked for");
                }
            }
            Err(Failure::Missing) => {}
            Err(failure) => ns.mark_unread(what, needs(&failure, ROOT)),
        }
    }
    if let Some(needed) = needed {
        ns.mark_unread(What::IpSets, needed);
    }
    ns.ruleset.rank_by_listing();
    let order = order(common, ns);
    if order_is_open(ns) {
        ns.mark_unread(What::Hooks, order);
    }
}

/// Fills in ipset's sets; gives the names by which rules know them, and what it would take to read them where that is not
/// allowed. Where ipset is not loaded, there are none.
fn ipsets(common: &Common, ns: &mut Namespace) -> (SetNames, Option<String>) {
    if !common.loaded.has("nfnetlink") || !common.loaded.has("ip_set") {
        return (SetNames::none(), None);
    }
    common.answers.progress().begin(What::IpSets);
    match ipset::read(&common.answers) {
        Ok(found) => {
            if found.torn {
                ns.mark_torn(What::IpSets);
            }
            ns.ipsets = found.sets;
            ns.observations.ipsets = found.seen;
            (found.names, None)
        }
        Err(Failure::Missing) => (SetNames::none(), None),
        Err(failure) => (SetNames::none(), Some(needs(&failure, CAPABILITY))),
    }
}

/// Puts base chains of equal priority into the order in which the kernel has them; what it would take where it tells none.
fn order(common: &Common, ns: &mut Namespace) -> String {
    let listed = match common.loaded.has("nfnetlink") && common.loaded.has("nfnetlink_hook") {
        true => hooks::rank(&common.answers, &ns.links, &mut ns.ruleset),
        false => Ok(false),
    };
    match listed {
        Ok(true) => "a kernel that lists the chains within its nat hooks".to_owned(),
        Ok(false) => "a kernel that lists its hooks".to_owned(),
        Err(failure) => needs(&failure, CAPABILITY),
    }
}

/// Whether two base chains that a packet may meet at one hook have the same priority: nothing told which is first.
fn order_is_open(ns: &Namespace) -> bool {
    let bases = ns.ruleset.chains().filter_map(|(id, chain)| {
        let base = chain.base.as_ref()?;
        let guessed = matches!(base.registration, Registration::Registered(Place::Guessed(_)));
        guessed.then_some((ns.ruleset.table(id).family, base.hook, base.priority, &*chain.details.devices))
    });
    let bases: Vec<_> = bases.collect();
    type At<'a> = (Family, Hook, Priority, &'a [InterfacePattern]);
    let overlap = |a: &InterfacePattern, b: &InterfacePattern| a.fits(&b.name) || b.fits(&a.name);
    let meets = |a: &At<'_>, b: &At<'_>| match a.1 {
        // A device has one list, whatever the family of the table.
        Hook::Ingress | Hook::Egress => a.3.iter().any(|device| b.3.iter().any(|other| overlap(device, other))),
        _ if a.0 == Family::Bridge => b.0 == Family::Bridge,
        _ => [IpFamily::V4, IpFamily::V6].iter().any(|family| a.0.sees(*family) && b.0.sees(*family)),
    };
    let equal = |a: &At<'_>, b: &At<'_>| a.1 == b.1 && a.2 == b.2 && meets(a, b);
    bases.iter().enumerate().any(|(at, a)| bases[at + 1..].iter().any(|b| equal(a, b)))
}
