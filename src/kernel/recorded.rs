//! Bytes that a kernel gave at another time, or that nobody but a test made: decoded by the same code as a live kernel's.
//!
//! This is how recordings are read that hold the kernel's own form, how what this machine's kernel lacks is tested, and
//! where fuzzers come in. Whatever the bytes are, every function here ends and none panics. Nothing here asks the kernel.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use netlink_sys::protocols::{NETLINK_NETFILTER, NETLINK_ROUTE};

use super::netlink::{Answers, Failure};
use super::xt::SetNames;
use super::{hooks, ipset, legacy, loaded, namespaces, nft, route, sockets, watch, xt};
use crate::host::ipset::{IpSet, Seen};
use crate::host::xt::{Match, Target};
use crate::host::{Changes, Family, IpFamily, Link, Names, Namespace, Observations, Ruleset, Socket};

/// nf_tables messages (`NFT_MSG_NEW…`), one after the other, each with its header: tables, chains, rules, sets, elements,
/// objects and flowtables; lists of hooks (`NFNL_MSG_HOOK_GET`) and links (`RTM_NEWLINK`) may be among them.
///
/// # Errors
/// Where they make no ruleset at all.
pub fn nf_tables(messages: &[u8]) -> Result<(Ruleset, Observations), Failure> {
    let answers = Answers::Recorded(messages.into());
    let (mut ruleset, observations) = nft::read_once(&answers, &SetNames::none())?;
    ruleset.rank_by_listing();
    let links = route::links(&mut route::open(&answers)?)?;
    hooks::rank(&answers, &links, &mut ruleset)?;
    Ok((ruleset, observations))
}

/// ipset's messages, as [`nf_tables`] takes its own: first the answer to `IPSET_CMD_PROTOCOL`, then those of a dump of the sets.
///
/// # Errors
/// Where they make no sets at all.
pub fn ipset(messages: &[u8]) -> Result<(Vec<IpSet>, Vec<Seen>), Failure> {
    let found = ipset::read(&Answers::Recorded(messages.into()))?;
    Ok((found.sets, found.seen))
}

/// rtnetlink messages (`RTM_NEW…`), as [`nf_tables`] takes its own: links, addresses, routes, rules, neighbours, next hops.
///
/// # Errors
/// Where an answer is no message.
pub fn routing(messages: &[u8]) -> Result<Namespace, Failure> {
    let mut channel = route::open(&Answers::Recorded(messages.into()))?;
    Ok(Namespace {
        links: route::links(&mut channel)?,
        addresses: route::addresses(&mut channel)?,
        routes: route::routes(&mut channel)?,
        policy_rules: route::policy_rules(&mut channel, true)?.0,
        neighbours: route::neighbours(&mut channel)?,
        fdb: route::fdb(&mut channel)?,
        ..Namespace::default()
    })
}

/// What changed where these messages are events: as nf_tables tells, and as rtnetlink.
pub fn changes(messages: &[u8]) -> [Changes; 2] {
    [NETLINK_NETFILTER, NETLINK_ROUTE].map(|protocol| watch::told(protocol, messages))
}

/// sock_diag messages (`SOCK_DIAG_BY_FAMILY`), as [`nf_tables`] takes its own. They do not tell their protocol: each is read
/// as one of every protocol.
///
/// # Errors
/// Where an answer is no message.
pub fn sock_diag(messages: &[u8], links: &[Link]) -> Result<Vec<Socket>, Failure> {
    sockets::ask_all(&Answers::Recorded(messages.into()), links)
}

/// The text of a file of `/proc/net` that lists sockets: read as if it were each of them.
pub fn proc_net(text: &str) -> Vec<Socket> {
    sockets::listed(text)
}

/// The network namespaces that `/proc/PID/mountinfo` says are mounted, as `folder` (`/proc/PID`) leads there.
pub fn mountinfo(text: &str, folder: &Path) -> Vec<PathBuf> {
    namespaces::mounts(text, folder)
}

/// The names that the texts of `/proc/modules`, `modules.builtin` and `/proc/kallsyms` say are there.
pub fn modules(modules: &[u8], builtin: &[u8], kallsyms: &[u8]) -> HashSet<String> {
    loaded::told(modules, builtin, kallsyms)
}

/// A legacy table: what `IPT_SO_GET_INFO` and `IPT_SO_GET_ENTRIES` gave, without the headers of the entries. `None` where it
/// is cut off or makes no sense.
pub fn legacy_table(family: IpFamily, name: &str, info: &[u8], entries: &[u8]) -> Option<(Ruleset, Observations)> {
    let (mut ruleset, mut observations) = Default::default();
    let table = legacy::decode(family, name, info, entries, &mut Names::default())?;
    table.add_to(&mut ruleset, &mut observations);
    Some((ruleset, observations))
}

/// An xtables match: the bytes after `struct xt_entry_match`, or those of `NFTA_MATCH_INFO`.
pub fn xt_match(family: Family, name: &str, revision: u8, bytes: &[u8]) -> Match {
    xt::decode_match(family, name, revision, bytes, &mut Names::default())
}

/// An xtables target, likewise.
pub fn xt_target(family: Family, name: &str, revision: u8, bytes: &[u8]) -> Target {
    xt::decode_target(family, name, revision, bytes, &mut Names::default())
}
