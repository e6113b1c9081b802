//! Screens of hosts other than the story's: one that may not be read, one with nothing in it, and those that bear names of every
//! script, and of people who mean harm.

use std::sync::Arc;

use whyport::cli::picture::{self, Form};
use whyport::cli::start::{Source, Start};
use whyport::explain::Target;
use whyport::host::{Host, Namespace, Protocol, Ruleset, What};
use whyport::snapshot;
use whyport::syntax::pasted;
use whyport::tui::Look;

#[path = "../poison/host.rs"]
mod host;
#[path = "../widths/named.rs"]
mod named;

/// A screen: its name, columns, rows, the port to select, keys.
pub type Screen = (&'static str, u16, u16, Option<u16>, &'static str);

pub const SCREENS: [Screen; 18] = [
    ("unprivileged-80x24", 80, 24, None, ""),
    ("unprivileged-80-120x36", 120, 36, Some(80), ""),
    ("empty-80x24", 80, 24, None, ""),
    ("empty-asked-80x24", 80, 24, Some(80), ""),
    ("untold-80x24", 80, 24, None, ""),
    ("scripts-80x24", 80, 24, Some(80), ""),
    ("scripts-120x36", 120, 36, Some(80), "<Enter>"),
    ("scripts-hooks-120x36", 120, 36, Some(80), "H"),
    ("hostile-80x24", 80, 24, Some(80), ""),
    ("hostile-120x36", 120, 36, None, "<Enter>"),
    ("hostile-found-100x30", 100, 30, None, "/comment<Enter>"),
    ("services-found-80x24", 80, 24, Some(53), "/10.96.113.7"),
    ("services-found-120x36", 120, 36, Some(53), "/10.96.113.7<Enter>"),
    ("services-details-80x24", 80, 24, Some(53), "/@service-ips<Enter><Enter>"),
    ("services-details-120x36", 120, 36, Some(53), "/10.96.113.7<Enter><Enter>"),
    ("policies-details-80x24", 80, 24, Some(8080), "/10.240.0.31<Enter><Enter>"),
    ("policies-details-120x36", 120, 36, Some(8080), "/203.0.113.77<Enter><Enter>"),
    ("policies-unread-80x24", 80, 24, Some(8080), "/10.240.0.31"),
];

/// The screen with this name; `None`: there is none.
pub fn screen(name: &str, form: Form) -> Option<String> {
    let (_, columns, rows, port, keys) = SCREENS.iter().find(|(known, ..)| *known == name)?;
    let host = match name.split('-').next()? {
        "unprivileged" => unprivileged(),
        "empty" => empty(),
        "untold" => untold(),
        "scripts" => named::named(),
        "services" => dump(SERVICES),
        "policies" if name.contains("unread") => dump(POLICIES.split_once("create ").unwrap().0),
        "policies" => dump(POLICIES),
        _ => host::host(),
    };
    let addr = match name.split('-').next()? {
        "services" => Some("10.96.0.10".parse().unwrap()),
        "policies" => Some("10.240.0.17".parse().unwrap()),
        _ => None,
    };
    let target = port.map(|port| Target { protocol: Protocol::TCP, addr, port: Some(port), socket: None });
    let source = Source::Recording("host.whyport".to_owned());
    let start = Start { namespace: host.viewed, host: Arc::new(host), source, target, setup: Look::sixteen().into() };
    let drawn = picture::shot(start, (*columns, *rows), keys, form, picture::TITLE);
    Some(drawn.unwrap_or_else(|refusal| panic!("{}", refusal.line)))
}

fn story() -> Host {
    snapshot::parse(snapshot::demo("k3s-port-80").unwrap()).host
}

/// What an ordinary user reads of the story: no rules, and the processes that are its own.
fn unprivileged() -> Host {
    let story = story();
    let mut ns = story.viewed().clone();
    ns.ruleset = Ruleset::default();
    ns.observations = Default::default();
    ns.programs.clear();
    ns.sockets.iter_mut().filter(|socket| socket.port != 80).for_each(|socket| socket.processes.clear());
    ns.mark_unread(What::Processes, "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH");
    ns.mark_unread(What::NfTables, "CAP_NET_ADMIN");
    ns.mark_unread(What::LegacyIp, "root with CAP_NET_ADMIN");
    ns.mark_unread(What::LegacyIp6, "root with CAP_NET_ADMIN");
    ns.mark_unread(What::IpSets, "CAP_NET_ADMIN");
    Host { namespaces: vec![ns], viewed: 0, ..story }
}

/// What kube-proxy makes of services in its nftables mode: maps, with a chain for each service.
const SERVICES: &str = include_str!("kube-proxy.nft");
/// What Azure's network policy manager makes of policies: rules that look into ipset's sets, and these.
const POLICIES: &str = include_str!("network-policies.save");

fn dump(text: &str) -> Host {
    snapshot::bare(pasted::read(text).unwrap_or_else(|kind| panic!("{kind:?}"))).host
}

/// A dump that names a target and leaves out what it says.
fn untold() -> Host {
    dump(include_str!("../data/json/untold.json"))
}

/// A network namespace as the kernel makes it, with `lo` up.
fn empty() -> Host {
    let story = story();
    let lo = story.viewed().links[0].clone();
    let full = story.viewed();
    let ns = Namespace {
        name: full.name.clone(),
        addresses: full.addresses.iter().filter(|address| address.link == lo.index).cloned().collect(),
        routes: full.routes.iter().filter(|route| route.dst.addr().is_loopback()).cloned().collect(),
        policy_rules: full.policy_rules.clone(),
        sysctls: full.sysctls.clone(),
        links: vec![lo],
        ..Namespace::default()
    };
    Host { namespaces: vec![ns], viewed: 0, ..story }
}
