//! A snapshot of the namespace that a test is in, made of what the admin's tools print there.
//!
//! Everything goes through text, as it does for a person who records a host by hand: the parsers are judged with the rest.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;

use crate::rules::{Rules, Tool};
use crate::world::run;

/// What does not change while a test runs: devices, addresses, routes, sockets.
pub fn surroundings() -> String {
    let mut text = String::new();
    for command in [
        "ip -d -j link",
        "ip -j addr",
        "ip -4 -j route show table all",
        "ip -6 -j route show table all",
        "ip -j rule",
        "ip -6 -j rule",
        "ip -j neigh",
        "bridge -j fdb",
        "ss -H -tulpne",
    ] {
        let words: Vec<&str> = command.split(' ').collect();
        let _ = writeln!(text, "\n[{command}]\n{}", run(&words, ""));
    }
    text
}

/// The lines of `sysctl -a` that matter.
fn sysctls() -> String {
    let mut text = String::new();
    let mut line = |key: &str| {
        if let Ok(value) = fs::read_to_string(format!("/proc/sys/net/{key}")) {
            let _ = writeln!(text, "net.{} = {}", key.replace('/', "."), value.trim());
        }
    };
    for key in [
        "ipv4/ip_forward",
        "bridge/bridge-nf-call-iptables",
        "bridge/bridge-nf-call-ip6tables",
        "bridge/bridge-nf-call-arptables",
        "netfilter/nf_conntrack_tcp_loose",
    ] {
        line(key);
    }
    for (family, keys) in [
        (
            "ipv4",
            &["forwarding", "rp_filter", "route_localnet", "accept_local", "src_valid_mark", "send_redirects"][..],
        ),
        ("ipv6", &["forwarding", "disable_ipv6"]),
    ] {
        let folder = fs::read_dir(format!("/proc/sys/net/{family}/conf")).expect("sysctls of devices");
        let mut devices: Vec<String> = folder.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        devices.sort();
        for device in devices {
            keys.iter().for_each(|key| line(&format!("{family}/conf/{device}/{key}")));
        }
    }
    text
}

/// The whole snapshot of one namespace, called `node`.
pub fn snapshot(surroundings: &str, rules: &Rules) -> String {
    let mut text = format!(
        "# whyport snapshot 1\n[host]\nnode: judge\nkernel: {}\nviewed: node\n\n[namespace node]\n{surroundings}",
        fs::read_to_string("/proc/sys/kernel/osrelease").expect("the kernel's release").trim()
    );
    let _ = writeln!(text, "\n[sysctl]\n{}", sysctls());
    for tool in Tool::ALL {
        if let Some(save) = tool.save() {
            let _ = writeln!(text, "\n[{save}]\n{}", run(&[save], ""));
        }
    }
    let mut native: Vec<(&str, &str)> = Vec::new();
    for chain in rules.chains.iter().filter(|chain| chain.tool == Tool::Nft) {
        if !native.contains(&(&chain.family, &chain.table)) {
            native.push((&chain.family, &chain.table));
        }
    }
    text += "\n[nft list ruleset]\n";
    for (family, table) in native {
        text += &run(&["nft", "list", "table", family, table], "");
    }
    let _ = writeln!(text, "\n[ipset save]\n{}\n[hooks]\norder: known", run(&["ipset", "save"], ""));
    for base in rules.in_order() {
        let (hook, priority) = (&base.hook, base.priority);
        let _ =
            writeln!(text, "{hook} {priority} {} {} {} {}", base.family, base.table, base.chain, base.tool.backend());
    }
    text += "\n[handles]\n";
    for chain in rules.chains.iter().filter(|chain| chain.tool != Tool::Nft && !chain.handles.is_empty()) {
        let handles: Vec<String> = chain.handles.iter().map(u64::to_string).collect();
        let _ = writeln!(text, "iptables-nft {} {} {}: {}", chain.family, chain.table, chain.chain, handles.join(" "));
    }
    text + "\n[end]\n"
}

/// The names of the devices of this namespace, by index.
pub fn devices() -> HashMap<u32, String> {
    let listing: serde_json::Value = serde_json::from_str(&run(&["ip", "-j", "link"], "")).expect("JSON");
    let links = listing.as_array().expect("a list");
    links
        .iter()
        .filter_map(|link| Some((link["ifindex"].as_u64()? as u32, link["ifname"].as_str()?.to_owned())))
        .collect()
}
