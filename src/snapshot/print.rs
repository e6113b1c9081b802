//! A host, written as a snapshot: its sections, each as the tool that its title names would print it.
//!
//! Deliberately does not know what stands in a section.

use std::fmt::Write as _;

use super::{FIRST_LINE, TORN, hooks, links, native, one_line, programs, routes, sets, sockets, sysctls};
use crate::host::{Backend, Family, Host, IpFamily, Namespace, Observations, Ruleset, What};
use crate::syntax::iptables;

/// Writes a host as a snapshot that [`parse`](super::parse) reads back.
pub fn print(host: &Host) -> String {
    let mut out = format!("{FIRST_LINE}\n[host]\n");
    for (key, value) in [("node", &host.node), ("kernel", &host.kernel), ("taken", &host.taken)] {
        if let Some(value) = value {
            line(&mut out, format_args!("{key}: {}", one_line(value)));
        }
    }
    if let Some(ns) = host.namespaces.get(host.viewed) {
        line(&mut out, format_args!("viewed: {}", one_line(&ns.name)));
    }
    for ns in &host.namespaces {
        print_namespace(&mut out, ns);
    }
    out.push_str("\n[end]\n");
    out
}

fn line(out: &mut String, text: std::fmt::Arguments) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}

fn print_namespace(out: &mut String, ns: &Namespace) {
    line(out, format_args!("\n[namespace {}]", one_line(&ns.name)));
    if !ns.unread.is_empty() {
        out.push_str("[unread]\n");
        for unread in &ns.unread {
            let torn = if unread.torn { TORN } else { "" };
            line(out, format_args!("{}{torn}: {}", unread.what, one_line(&unread.needs)));
        }
    }
    if !ns.ids.is_empty() {
        out.push_str("\n[ip netns list-id]\n");
        links::print_ids(out, &ns.ids);
    }
    let mut section = |title: &str, there: bool, write: &dyn Fn(&mut String)| {
        if there {
            line(out, format_args!("\n[{title}]"));
            write(out);
        }
    };
    let read = |what| ns.is_read(what);
    section("ip -d -j link", read(What::Links) || !ns.links.is_empty(), &|out| links::print_links(out, &ns.links));
    section("ip -j addr", read(What::Addresses) || !ns.addresses.is_empty(), &|out| links::print_addresses(out, ns));
    for (title, family) in
        [("ip -4 -j route show table all", IpFamily::V4), ("ip -6 -j route show table all", IpFamily::V6)]
    {
        let any = ns.routes.iter().any(|route| route.family() == family);
        section(title, read(What::Routes) || any, &|out| routes::print_routes(out, &ns.routes, &ns.links, family));
    }
    for (title, family) in [("ip -j rule", IpFamily::V4), ("ip -6 -j rule", IpFamily::V6)] {
        let any = ns.policy_rules.iter().any(|rule| rule.family == family);
        section(title, read(What::PolicyRules) || any, &|out| routes::print_rules(out, &ns.policy_rules, family));
    }
    let neighbours = read(What::Neighbours);
    section("ip -j neigh", neighbours || !ns.neighbours.is_empty(), &|out| links::print_neighbours(out, ns));
    section("bridge -j fdb", neighbours || !ns.fdb.is_empty(), &|out| links::print_fdb(out, ns));
    // A device may be known without any of its values: then there is nothing to write.
    let mut sysctls = String::new();
    sysctls::print(&mut sysctls, &ns.sysctls);
    section("sysctl", read(What::Sysctls) || !sysctls.is_empty(), &|out| out.push_str(&sysctls));
    section("ss -H -tulpne", read(What::Sockets) || !ns.sockets.is_empty(), &|out| sockets::print(out, &ns.sockets));
    section("ps -ww -o pid,uid,user:32,cgroup:512,args", !ns.programs.is_empty(), &|out| {
        programs::print(out, &ns.programs)
    });
    print_rules(out, ns);
}

/// Writes everything that is netfilter's.
fn print_rules(out: &mut String, ns: &Namespace) {
    let read = |what| ns.is_read(what);
    let mut section = |title: &str, there: bool, write: &dyn Fn(&mut String)| {
        if there {
            line(out, format_args!("\n[{title}]"));
            write(out);
        }
    };
    for (title, backend, family, what) in [
        ("iptables-nft-save", Backend::IptablesNft, IpFamily::V4, What::NfTables),
        ("ip6tables-nft-save", Backend::IptablesNft, IpFamily::V6, What::NfTables),
        ("iptables-legacy-save", Backend::IptablesLegacy, IpFamily::V4, What::LegacyIp),
        ("ip6tables-legacy-save", Backend::IptablesLegacy, IpFamily::V6, What::LegacyIp6),
    ] {
        let any = has_tables(&ns.ruleset, backend, family);
        section(title, read(what) || any, &|out| {
            if any {
                out.push_str(&iptables::print(&ns.ruleset, observations(ns), family, backend));
            }
        });
    }
    match native::any(ns) {
        true => section("nf_tables", true, &|out| native::print(out, ns)),
        false => section("nft list ruleset", read(What::NfTables), &|_| ()),
    }
    section("ipset save", read(What::IpSets) || !ns.ipsets.is_empty(), &|out| sets::print(out, ns));
    let hooks = read(What::Hooks) || ns.ruleset.chains().any(|(_, chain)| chain.base.is_some());
    section("hooks", hooks, &|out| hooks::print(out, ns));
    hooks::print_handles(out, &ns.ruleset);
}

fn observations(ns: &Namespace) -> Option<&Observations> {
    (!ns.observations.rules.is_empty() || !ns.observations.policies.is_empty()).then_some(&ns.observations)
}

fn has_tables(ruleset: &Ruleset, backend: Backend, family: IpFamily) -> bool {
    let wanted = match family {
        IpFamily::V4 => Family::Ip,
        IpFamily::V6 => Family::Ip6,
    };
    ruleset.tables.iter().any(|table| table.backend == backend && table.family == wanted)
}
