//! A recorded host in one readable text file ⇄ [`Host`].
//!
//! Knows the file's sections and hands rules to [`crate::syntax`]. Deliberately reads no file and runs no command: text in,
//! host out, and back. Nothing in a file can make it fail: what is damaged costs its section, is reported with its line, and
//! is *unread* in the host.
//!
//! # The format
//! Text in UTF-8. The first line is `# whyport snapshot 1`, the last `[end]`: without it the file counts as cut off. Between
//! them stand sections: a title in brackets, then the output of the command that the title names, unchanged. Empty lines and
//! lines that begin with `#` mean nothing. The order of a namespace's sections is free. `[host]` comes first:
//! ```text
//! # whyport snapshot 1
//! [host]
//! node: web-1            the host's name
//! kernel: 6.12.9         uname -r
//! taken: 2026-11-23      in any words
//! viewed: main           the namespace that commands mean when they name none
//!
//! [namespace main]       begins a network namespace; its sections follow
//! [ip -d -j link]
//! [{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP"],"mtu":65536,"link_type":"loopback"}]
//! ```
//! | title | holds |
//! |---|---|
//! | `[ip netns list-id]` | names of the namespaces in which veth peers are |
//! | `[ip -d -j link]` | devices; without `-d` their kinds are missing |
//! | `[ip -j addr]` | addresses |
//! | `[ip -j route show table all]`, `[ip -6 -j route show table all]` | routes |
//! | `[ip -j rule]`, `[ip -6 -j rule]` | policy rules |
//! | `[ip -j neigh]`, `[bridge -j fdb]` | neighbours, and what bridges have learned |
//! | `[sysctl]` | lines of `sysctl -a`; those that do not matter may be left out or left in |
//! | `[ss -H -tulpne]` | sockets |
//! | `[ps -ww -o pid,uid,user:32,cgroup:512,args]` | the processes that hold them; may be missing |
//! | `[iptables-nft-save]`, `[ip6tables-nft-save]`, `[iptables-legacy-save]`, `[ip6tables-legacy-save]` | rules, with `-c` or without |
//! | `[nf_tables]` | the native tables as the kernel has them, see below |
//! | `[nft list ruleset]` | the native tables; empty says that there are none |
//! | `[ipset save]` | ipset's sets, see below |
//! | `[hooks]` | which base chains are registered, see below |
//! | `[handles]` | nf_tables' rule handles: `iptables-nft ip nat PREROUTING: 14 15` |
//! | `[unread]` | what could not be read, and what that needs: `sockets: root`; `nf_tables rules (torn)`: it changed meanwhile |
//!
//! **A section that is missing is unread, one that is empty was read and is empty.**
//!
//! `[hooks]` says what the tools' text cannot: which of the chains that iptables-save prints exist in the kernel, and in
//! which order chains of equal priority run. First `order: known` (or `guessed`), then a line for each base chain, in the
//! order in which they run: `prerouting -100 ip nat PREROUTING iptables-nft`, with `dormant` after it where its table is.
//! Without `[hooks]` all chains count as registered, equal ones in reverse of the listing, which is a guess.
//!
//! `[nf_tables]` has a line for each table, set, element, chain, rule and expression. Names stand in quotes where they have
//! more than letters, digits and the like (`\"`, `\\`, `\u{a}` within). Bytes are hexadecimal, as they lie in the registers; a
//! register is one of sixteen words, from 0. Above each rule stands what nft says of it, which is not read:
//! ```text
//! [nf_tables]
//! table inet filter
//! set __map0 flags=anonymous,constant,map key-type=13 key-length=2 data-type=1
//!   element 0016 = accept               or: = jump CHAIN, = value 0a000001, = object NAME
//!   element 0050-005a = jump web        a range, both ends included
//!   element * = drop                    what all other keys give
//! chain input type=filter hook=input priority=0 policy=drop packets=2 bytes=120
//! # tcp dport vmap { 22 : accept, 80-90 : jump web, * : drop } comment "by port"
//! rule handle=5 packets=1 bytes=60 comment="by port"
//!   [ meta l4proto => reg 0 ]
//!   [ cmp eq reg 0 06 ]
//!   [ payload transport 2 2 => reg 0 ]
//!   [ lookup reg 0 set __map0 => verdict ]
//! chain web
//! ```
//! A recorded `[ipset save]` says a little more than ipset: `forceadd`, which that forgets, the revision of a type in a comment,
//! and names and comments that would not stay on their line, or in their quotes, as `$"…"` with `\\`, `\"` and `\u{a}`.
//!
//! xtables parts are in iptables' words (`[ match -m comment --comment web ]`, `[ target -j MARK --set-xmark 0x1/0x1 ]`); what is
//! not decoded has its name and bytes (`[ undecoded quota 0c00 ]`).

mod bare;
mod hooks;
mod json;
mod links;
mod native;
mod print;
mod programs;
mod routes;
mod rules;
mod section;
mod sets;
mod sockets;
mod sysctls;

pub use bare::{bare, bare_dump};
pub use print::print;

use crate::host::{Backend, Host, IpFamily, LinkKind, Namespace, What};
use crate::syntax::{Diagnostic, DiagnosticKind};
use section::{Families, Part, Section, Title};

/// The first line of every snapshot.
pub const FIRST_LINE: &str = "# whyport snapshot 1";

/// The name of a namespace that has none.
const UNNAMED: &str = "host";

/// What would make up for a section that is damaged.
const NEEDS_WHOLE: &str = "a recording that is whole";

/// What was read from a snapshot: a host, and everything that was wrong with the text.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The host, with at least one namespace.
    pub host: Host,
    /// What could not be read, by line of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// Collects what is wrong, and whether anything was since the last look.
#[derive(Default)]
struct Trouble {
    diagnostics: Vec<Diagnostic>,
    damaged: bool,
}

impl Trouble {
    fn bad(&mut self, line: usize, text: impl Into<String>) {
        self.diagnostics.push(Diagnostic { line, kind: DiagnosticKind::Damaged, text: text.into() });
        self.damaged = true;
    }

    /// Adds what a section's own reader has to say, by its own lines.
    fn add(&mut self, section: &Section, found: Vec<Diagnostic>) {
        self.damaged |= found.iter().any(|found| found.kind == DiagnosticKind::Damaged);
        let in_file = |found: Diagnostic| Diagnostic { line: found.line + section.line, ..found };
        self.diagnostics.extend(found.into_iter().map(in_file));
    }
}

/// Text that has to stay on its line, as a reader has it: blanks at its ends mean nothing.
fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect();
    text.trim().to_owned()
}

/// Reads a snapshot, even a damaged one.
pub fn parse(text: &str) -> Recording {
    let mut trouble = Trouble::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !is_snapshot(text) {
        trouble.bad(1, format!("the first line is not {FIRST_LINE:?}"));
    }
    let outline = section::outline(text, &mut trouble);
    let (mut host, viewed) = head(&outline.host, &mut trouble);
    host.namespaces = outline.parts.iter().map(|part| namespace(part, &mut trouble)).collect();
    if host.namespaces.is_empty() {
        host.namespaces.push(namespace(&Part { name: UNNAMED.into(), sections: Vec::new() }, &mut trouble));
    }
    if outline.cut
        && let Some(last) = host.namespaces.last_mut()
    {
        last.mark_unread(What::Recording, NEEDS_WHOLE);
    }
    if let Some((line, name)) = viewed {
        match host.find(&one_line(name)) {
            Some(at) => host.viewed = at,
            None => {
                trouble.bad(line, format!("no namespace here is called {name:?}"));
                host.namespaces[0].mark_unread(What::Recording, NEEDS_WHOLE);
            }
        }
    }
    let mut diagnostics = trouble.diagnostics;
    diagnostics.sort_by_key(|diagnostic| diagnostic.line);
    Recording { host, diagnostics }
}

/// What `[host]` says, and which namespace it is looked at from, with the number of the line.
fn head<'t>(lines: &[(usize, &'t str)], trouble: &mut Trouble) -> (Host, Option<(usize, &'t str)>) {
    let mut host = Host::default();
    let mut viewed = None;
    for &(line, text) in lines {
        let Some((key, value)) = text.split_once(':') else {
            trouble.bad(line, "not a line such as: node: NAME");
            continue;
        };
        let value = value.trim();
        match key.trim() {
            "node" => host.node = Some(value.to_owned()),
            "kernel" => host.kernel = Some(value.to_owned()),
            "taken" => host.taken = Some(value.to_owned()),
            "viewed" => viewed = Some((line, value)),
            other => trouble.bad(line, format!("[host] has no {other:?}")),
        }
    }
    (host, viewed)
}

/// Whether a text says of itself that it is a snapshot.
pub fn is_snapshot(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines().next().map(str::trim_end) == Some(FIRST_LINE)
}

/// Reads who listens in the namespace that a snapshot is looked at from, and the devices, which takes no time beside its rules. All else
/// is unread in the host.
pub fn parse_sockets(text: &str) -> Host {
    let mut trouble = Trouble::default();
    let outline = section::outline(text, &mut trouble);
    let (mut host, viewed) = head(&outline.host, &mut trouble);
    host.namespaces = outline.parts.iter().map(|part| sockets_of(part, &mut trouble)).collect();
    if host.namespaces.is_empty() {
        host.namespaces.push(Namespace::default());
    }
    host.viewed = viewed.and_then(|(_, name)| host.find(&one_line(name))).unwrap_or(0);
    host
}

fn sockets_of(part: &Part, trouble: &mut Trouble) -> Namespace {
    let first = |section: &&Section| {
        matches!(section.title, Title::NetnsIds | Title::Links | Title::Addresses | Title::Sockets | Title::Programs)
    };
    let sections = part.sections.iter().filter(first).cloned().collect();
    namespace(&Part { name: part.name.clone(), sections }, trouble)
}

/// Reads the sections of one namespace: those first that name the devices which others speak of.
fn namespace(part: &Part, trouble: &mut Trouble) -> Namespace {
    let mut ns = Namespace { name: part.name.clone(), ..Namespace::default() };
    let get = |title: Title| part.sections.iter().find(|section| section.title == title);
    let mut damaged = Vec::new();
    let mut ordered: Vec<&Section> = part.sections.iter().collect();
    // Rules keep the order of the file, which is that of their tables; everything else goes by its title.
    let rules_last = |section: &Section| match section.title {
        Title::NetnsIds => 0,
        Title::Links => 1,
        Title::IptablesNft(_) | Title::IptablesLegacy(_) | Title::Native | Title::Ipset => 4,
        // It lists iptables' tables too, in other words.
        Title::Nft => 5,
        Title::Hooks | Title::Handles => 6,
        _ => 3,
    };
    ordered.sort_by_key(|section| rules_last(section));
    if get(Title::Links).is_none()
        && let Some(addresses) = get(Title::Addresses)
    {
        ns.links = links::parse_links(addresses, &mut Trouble::default());
    }
    let mut places_known = false;
    for section in ordered {
        trouble.damaged = section.cut;
        read(section, &mut ns, get(Title::Routes(Families::V6)).is_some(), trouble);
        if trouble.damaged {
            damaged.extend(held_by(section.title));
        }
        if section.title == Title::Hooks {
            // A chain that a damaged list lacks may well be registered: then the listing is the better witness.
            places_known = !trouble.damaged;
        }
    }
    if !places_known {
        hooks::forget(&mut ns.ruleset);
        ns.ruleset.rank_by_listing();
    }
    for what in damaged {
        ns.mark_unread(what, NEEDS_WHOLE);
    }
    for (what, needs) in missing(&part.sections, &ns) {
        ns.mark_unread(what, needs);
    }
    ns
}

/// Reads one section into the namespace.
fn read(section: &Section, ns: &mut Namespace, has_ip6_routes: bool, trouble: &mut Trouble) {
    match section.title {
        Title::NetnsIds => ns.ids = links::parse_ids(section, trouble),
        Title::Links => ns.links = links::parse_links(section, trouble),
        Title::Addresses => ns.addresses = links::parse_addresses(section, trouble),
        Title::Routes(families) => {
            let mut routes = routes::parse_routes(section, families, &ns.links, trouble);
            if families == Families::Unsaid && has_ip6_routes {
                routes.retain(|route| route.family() == IpFamily::V4);
            }
            ns.routes.extend(routes);
            ns.routes.sort_by_key(crate::host::Route::family);
        }
        Title::PolicyRules(families) => {
            let family = if families == Families::V6 { IpFamily::V6 } else { IpFamily::V4 };
            ns.policy_rules.extend(routes::parse_rules(section, family, trouble));
            ns.policy_rules.sort_by_key(|rule| (rule.family, rule.priority));
        }
        Title::Neighbours => ns.neighbours = links::parse_neighbours(section, &ns.links, trouble),
        Title::Fdb => ns.fdb = links::parse_fdb(section, &ns.links, trouble),
        Title::Sysctls => ns.sysctls = sysctls::parse(section, trouble),
        Title::Sockets => {
            ns.sockets = sockets::parse(section, trouble);
            if !section.has_option('p') {
                ns.mark_unread(What::Processes, "ss -p, as root");
            }
        }
        Title::Programs => ns.programs = programs::parse(section, trouble),
        Title::IptablesNft(family) => rules::parse(section, family, Backend::IptablesNft, ns, trouble),
        Title::IptablesLegacy(family) => rules::parse(section, family, Backend::IptablesLegacy, ns, trouble),
        Title::Ipset => sets::parse(section, ns, trouble),
        Title::Nft => rules::parse_nft(section, ns, trouble),
        Title::Native => native::parse(section, ns, trouble),
        Title::Hooks => hooks::parse(section, &mut ns.ruleset, trouble),
        Title::Handles => hooks::parse_handles(section, &mut ns.ruleset, trouble),
        Title::Unread => read_unread(section, ns, trouble),
    }
}

/// What stands after the name of a part that is there, but of several moments.
const TORN: &str = " (torn)";

fn read_unread(section: &Section, ns: &mut Namespace, trouble: &mut Trouble) {
    for (line, text) in section.lines() {
        let (name, needs) = text.split_once(':').unwrap_or((text, ""));
        let whole = name.trim();
        let torn = whole.strip_suffix(TORN);
        match What::ALL.into_iter().find(|what| what.to_string() == torn.unwrap_or(whole)) {
            Some(what) if torn.is_some() => ns.mark_torn(what),
            Some(what) => ns.mark_unread(what, needs.trim()),
            None => {
                let names: Vec<String> = What::ALL.iter().map(What::to_string).collect();
                trouble.bad(line, format!("unread is one of: {}", names.join(", ")));
            }
        }
    }
}

/// What is unread when this section is damaged.
fn held_by(title: Title) -> Option<What> {
    Some(match title {
        Title::NetnsIds | Title::Unread => What::Recording,
        Title::Links => What::Links,
        Title::Addresses => What::Addresses,
        Title::Routes(_) => What::Routes,
        Title::PolicyRules(_) => What::PolicyRules,
        Title::Neighbours | Title::Fdb => What::Neighbours,
        Title::Sysctls => What::Sysctls,
        Title::Sockets => What::Sockets,
        Title::IptablesNft(_) | Title::Nft | Title::Native => What::NfTables,
        Title::IptablesLegacy(IpFamily::V4) => What::LegacyIp,
        Title::IptablesLegacy(IpFamily::V6) => What::LegacyIp6,
        Title::Ipset => What::IpSets,
        Title::Hooks => What::Hooks,
        // Who holds the sockets is known without.
        Title::Programs | Title::Handles => return None,
    })
}

/// What no section tells, and the output that would.
fn missing(sections: &[Section], ns: &Namespace) -> Vec<(What, &'static str)> {
    let has = |title: Title| sections.iter().any(|section| section.title == title);
    let routes = |family| has(Title::Routes(Families::Unsaid)) || has(Title::Routes(family));
    let rules4 = has(Title::PolicyRules(Families::Unsaid)) || has(Title::PolicyRules(Families::V4));
    let nft = |family| has(Title::IptablesNft(family));
    let lists_all = sections.iter().any(|section| section.title == Title::Nft && !section.body.trim().is_empty());
    let bridges = ns.links.iter().any(|link| link.kind == LinkKind::Bridge);
    [
        (What::Links, has(Title::Links), "ip -d -j link"),
        (What::Addresses, has(Title::Addresses), "ip -j addr"),
        (What::Routes, routes(Families::V4) && routes(Families::V6), "ip -j route show table all"),
        (What::PolicyRules, rules4 && has(Title::PolicyRules(Families::V6)), "ip -j rule and ip -6 -j rule"),
        (What::Neighbours, has(Title::Neighbours) && (has(Title::Fdb) || !bridges), "ip -j neigh and bridge -j fdb"),
        (What::Sysctls, has(Title::Sysctls), "sysctl -a"),
        (What::Sockets, has(Title::Sockets), "ss -H -tulpne"),
        (
            What::NfTables,
            // What nft lists is every table, those of iptables in its own words.
            nft(IpFamily::V4) && nft(IpFamily::V6) && (has(Title::Nft) || has(Title::Native)) || lists_all,
            "iptables-nft-save, ip6tables-nft-save and nft list ruleset",
        ),
        (What::LegacyIp, has(Title::IptablesLegacy(IpFamily::V4)), "iptables-legacy-save"),
        (What::LegacyIp6, has(Title::IptablesLegacy(IpFamily::V6)), "ip6tables-legacy-save"),
        (What::IpSets, has(Title::Ipset), "ipset save"),
        (What::Hooks, has(Title::Hooks), "the section [hooks]"),
    ]
    .into_iter()
    .filter(|(_, there, _)| !there)
    .map(|(what, _, needs)| (what, needs))
    .collect()
}

/// The recorded hosts that are part of the program.
const DEMOS: [(&str, &str); 1] = [("k3s-port-80", include_str!("../snapshots/hosts/k3s-port-80.whyport"))];

/// The snapshot with this name.
pub fn demo(name: &str) -> Option<&'static str> {
    DEMOS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The names that [`demo`] knows; the first is the default.
pub fn demo_names() -> &'static [&'static str] {
    const NAMES: [&str; DEMOS.len()] = [DEMOS[0].0];
    &NAMES
}
