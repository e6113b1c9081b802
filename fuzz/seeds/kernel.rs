//! Seeds from the kernel of this machine: what it says of rules, links, sets and sockets that are made here.
//!
//! Knows the project's rules and the tools that make the kernel take them. Deliberately does not know how the kernel is
//! asked.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};

use netlink_sys::protocols::{NETLINK_ROUTE, NETLINK_SOCK_DIAG};

use crate::Seeds;
use crate::messages::{blobs, dump, ipset, legacy, nf_tables};
use crate::texts::{Dump, SETS, dumps, tables};

pub fn add(seeds: &mut Seeds) {
    iptables(seeds);
    native(seeds);
    routes(seeds);
    sockets(seeds);
    sets(seeds);
    proc_texts(seeds);
}

/// Runs a tool; whether it was content.
fn run(command: &[&str], input: &str) -> bool {
    let spawned = Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = spawned else { return false };
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(input.as_bytes());
    }
    child.wait().is_ok_and(|status| status.success())
}

/// What the tests' rules, one by one, are in nf_tables and in legacy tables.
fn iptables(seeds: &mut Seeds) {
    for Dump { sign, tool, table, text } in dumps() {
        if run(&[&format!("{tool}-nft-restore")], &text) {
            let messages = nf_tables();
            for blob in blobs(&messages) {
                seeds.add("xt_blobs", &[sign.as_bytes(), &blob].concat());
            }
            seeds.add("nf_tables", &messages);
        }
        run(&["nft", "flush", "ruleset"], "");
        if run(&[&format!("{tool}-legacy-restore")], &text)
            && let Some((info, entries)) = legacy(sign == "6", &table)
        {
            seeds.add("legacy_table", &[sign.as_bytes(), &info, &entries].concat());
        }
    }
}

/// What the tests' native rules and tables are in the kernel.
fn native(seeds: &mut Seeds) {
    for table in tables() {
        if run(&["nft", "-f", "-"], &table) {
            seeds.add("nf_tables", &nf_tables());
            for (target, how) in [("nft_text", "-a"), ("nft_json", "-j")] {
                if let Ok(listed) = Command::new("nft").args([how, "list", "ruleset"]).output() {
                    seeds.add(target, &listed.stdout);
                }
            }
        }
        run(&["nft", "flush", "ruleset"], "");
    }
}

/// What the sets of the tests are in the kernel.
fn sets(seeds: &mut Seeds) {
    for text in SETS {
        run(&["ipset", "restore", "-exist"], text);
        let messages = ipset();
        seeds.add("ipset_netlink", &messages);
        if let Ok(saved) = Command::new("ipset").arg("save").output() {
            seeds.add("ipset_text", &saved.stdout);
        }
        run(&["ipset", "destroy"], "");
    }
}

/// What the texts of procfs are here.
fn proc_texts(seeds: &mut Seeds) {
    for file in ["modules", "self/mountinfo", "self/net/tcp", "self/net/udp", "self/net/raw", "self/net/tcp6"] {
        seeds.add("proc_texts", &fs::read(Path::new("/proc").join(file)).unwrap_or_default());
    }
}

const LINKS: &str = "\
link set lo up
link add br0 type bridge nf_call_iptables 1
link add p1 address 02:00:00:00:00:01 type veth peer name q1
link add w0 type veth peer name w1
tuntap add tun0 mode tun
link set p1 master br0 up
link set br0 mtu 1400 up
link set w0 up
link set w1 up
link set tun0 up
addr add 10.0.0.1/24 dev br0
addr add 10.9.0.1 peer 10.9.0.2/32 dev w0
addr add 2001:db8::1/64 dev br0
route add 192.0.2.0/24 via 10.0.0.254 dev br0 metric 50 src 10.0.0.1
route add default dev tun0 table 100
route add 198.51.100.0/24 nexthop via 10.0.0.3 dev br0 weight 3 nexthop dev w0
route add 198.51.100.7 via inet6 2001:db8::7 dev br0 table 70000
route add blackhole 203.0.113.0/26
route add prohibit 203.0.113.128/26 table 100
rule add pref 100 from 10.0.0.0/8 to 192.0.2.1 iif br0 oif w0 lookup 100
rule add pref 101 fwmark 0x10/0xff not lookup 70000
rule add pref 103 uidrange 1000-1999 ipproto tcp sport 80 dport 1000-2000 unreachable
rule add pref 105 goto 200
rule add pref 106 lookup main suppress_prefixlength 0
neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev br0
nexthop add id 1 dev w0
nexthop add id 2 via 10.0.0.3 dev br0
nexthop add id 3 group 1/2
";

/// One seed of each kind of message, and one of all.
fn routes(seeds: &mut Seeds) {
    run(&["ip", "-force", "-batch", "-"], LINKS);
    let mut all = Vec::new();
    // Kinds, the families that are asked for, and the length of the struct that asks.
    for (kind, family, length) in [
        (18, 0, 16),
        (22, 0, 8),
        (26, 2, 12),
        (26, 10, 12),
        (30, 0, 12),
        (30, 7, 12),
        (34, 2, 12),
        (34, 10, 12),
        (106, 0, 8),
    ] {
        let mut body = vec![0; length];
        body[0] = family;
        let messages = dump(NETLINK_ROUTE, kind, &body);
        for message in &messages {
            seeds.add("rtnetlink", message);
        }
        all.extend(messages.concat());
    }
    seeds.add("rtnetlink", &all);
}

fn sockets(seeds: &mut Seeds) {
    let _tcp = [TcpListener::bind("127.0.0.1:80"), TcpListener::bind("[::]:443")];
    let _udp = [UdpSocket::bind("0.0.0.0:53"), UdpSocket::bind("[::1]:53")];
    let mut all = Vec::new();
    for (family, protocol) in [(2u8, 6u8), (10, 6), (2, 17), (10, 17)] {
        let mut body = vec![family, protocol, 0, 0, 0xff, 0xff, 0, 0];
        body.resize(56, 0);
        for message in dump(NETLINK_SOCK_DIAG, 20, &body) {
            seeds.add("sock_diag", &message);
            all.extend(message);
        }
    }
    seeds.add("sock_diag", &all);
}
