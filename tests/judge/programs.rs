//! Rulesets of real programs, as they loaded them: packets aim at what they speak of.
//!
//! Each is loaded by the admin's own tools on a node with containers, and what whyport says of packets by lot is held against the
//! kernel. Sets of ipset that a ruleset asks are made for it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::rounds::{Round, hold, setting};

macro_rules! data {
    ($file:literal) => {
        include_str!(concat!("../data/", $file))
    };
}

/// So many rounds of each ruleset are played.
fn rounds() -> u64 {
    setting("WHYPORT_JUDGE_ROUNDS", 5)
}

/// Makes the sets that a ruleset asks, by how many parts of a packet it asks of them, with some that the ground knows in them.
fn sets(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let asked = words.windows(3).filter(|three| three[0] == "--match-set").map(|three| (three[1], three[2]));
    let mut made = String::new();
    for (at, (name, parts)) in asked.collect::<BTreeMap<_, _>>().into_iter().enumerate() {
        let (kind, elements): (&str, [&str; 4]) = match parts.split(',').count() {
            1 => ("hash:net", ["10.42.0.0/24", "203.0.113.0/24", "172.17.0.2", "10.42.1.0/24"]),
            _ => ("hash:ip,port", ["10.42.0.2,tcp:80", "10.42.0.3,udp:53", "172.17.0.2,tcp:8080", "10.42.0.2,tcp:443"]),
        };
        let _ = writeln!(made, "create {name} {kind}");
        // Not all have the same.
        let held = elements.iter().enumerate().filter(|(element, _)| (at + element) % 3 != 0);
        held.for_each(|(_, element)| made += &format!("add {name} {element}\n"));
    }
    made
}

fn of_iptables(text: &str) {
    hold(Round::with(false, Some(text), None, sets(text)), rounds());
}

fn of_ip6tables(text: &str) {
    hold(Round::with(true, Some(text), None, sets(text)), rounds());
}

fn of_nft(ip6: bool, text: &str) {
    hold(Round::with(ip6, None, Some(text), String::new()), rounds());
}

/// The second network of the texts that Docker's developers have is that of the other bridge here.
fn placed(text: &str) -> String {
    let bridge = ["bridge1", "bridgeICC", "docker_gwbridge"].into_iter().find(|name| text.contains(name));
    let text = text.replace(bridge.unwrap_or("bridge1"), "cni0");
    text.replace("192.0.2.", "10.42.0.").replace("172.18.0.", "10.42.0.")
}

/// What `iptables -S` lists of filter, of nat and of raw after that, as iptables-restore reads it.
fn of_listing(text: &str) {
    let (mut saved, mut tables) = (String::new(), ["filter", "nat", "raw"].into_iter());
    for line in placed(text).lines() {
        let first = ["-P INPUT", "-P PREROUTING"].iter().any(|policy| line.starts_with(policy));
        // The first chain of nat comes before one that has the name of filter's.
        if first && !saved.ends_with("*nat\n:PREROUTING ACCEPT\n") {
            saved += if saved.is_empty() { "" } else { "COMMIT\n" };
            let _ = writeln!(saved, "*{}", tables.next().expect("a table"));
        }
        let line = match (line.strip_prefix("-P "), line.strip_prefix("-N ")) {
            (Some(policy), _) => format!(":{policy}"),
            (_, Some(chain)) => format!(":{chain} -"),
            (None, None) => line.to_owned(),
        };
        let _ = writeln!(saved, "{line}");
    }
    of_iptables(&(saved + "COMMIT\n"));
}

/// What Docker loads by nft. The nft of these tests knows the name `dstnat` in prerouting only, and reads its number elsewhere.
fn of_docker(text: &str) {
    of_nft(false, &placed(text).replace("hook output priority dstnat", "hook output priority -100"));
}

#[test]
fn ufw() {
    of_iptables(data!("programs/ufw.iptables-save"));
}

#[test]
fn ufw_of_ipv6() {
    of_ip6tables(data!("programs/ufw.ip6tables-save"));
}

#[test]
fn firewalld() {
    of_nft(false, data!("programs/firewalld.nft"));
}

#[test]
fn firewalld_and_ipv6() {
    of_nft(true, data!("programs/firewalld.nft"));
}

#[test]
fn docker() {
    of_iptables(data!("programs/docker.iptables-save"));
}

#[test]
fn docker_of_ipv6() {
    of_ip6tables(data!("programs/docker.ip6tables-save"));
}

#[test]
fn docker_without_a_proxy() {
    of_iptables(data!("programs/docker-no-proxy.iptables-save"));
}

#[test]
fn docker_of_a_swarm() {
    of_iptables(data!("programs/docker-swarm.iptables-save"));
}

#[test]
fn docker_of_release_28() {
    of_listing(data!("corpus/moby-docs-usernet-portmap.iptables-S"));
}

#[test]
fn docker_of_release_28_without_a_proxy() {
    of_listing(data!("corpus/moby-docs-usernet-portmap-noproxy.iptables-S"));
}

#[test]
fn docker_of_release_28_routed() {
    of_listing(data!("corpus/moby-docs-usernet-portmap-routed.iptables-S"));
}

#[test]
fn docker_of_release_28_as_a_swarm() {
    of_listing(data!("corpus/moby-docs-swarm-portmap.iptables-S"));
}

#[test]
fn docker_of_nft() {
    of_docker(data!("programs/moby-docs-usernet-portmap.nft"));
}

#[test]
fn docker_of_nft_inside() {
    of_docker(data!("programs/moby-docs-usernet-internal.nft"));
}

#[test]
fn docker_of_nft_at_localhost() {
    of_docker(data!("programs/moby-docs-usernet-portmap-lo.nft"));
}

#[test]
fn docker_of_nft_without_a_proxy() {
    of_docker(data!("programs/moby-docs-usernet-portmap-noproxy.nft"));
}

#[test]
fn docker_of_nft_routed() {
    of_docker(data!("programs/moby-docs-usernet-portmap-routed.nft"));
}

#[test]
fn portmap() {
    of_iptables(data!("programs/cni-portmap.iptables-save"));
}

#[test]
fn portmap_of_ipv6() {
    of_ip6tables(data!("programs/cni-portmap.ip6tables-save"));
}

#[test]
fn portmap_with_conditions() {
    of_iptables(data!("programs/cni-portmap-marked.iptables-save"));
}

#[test]
fn libvirt() {
    of_iptables(data!("programs/libvirt.iptables-save"));
}

#[test]
fn libvirt_of_ipv6() {
    of_ip6tables(data!("programs/libvirt.ip6tables-save"));
}

#[test]
fn fail2ban() {
    of_iptables(data!("programs/fail2ban.iptables-save"));
}

#[test]
fn fail2ban_of_ipv6() {
    of_ip6tables(data!("programs/fail2ban.ip6tables-save"));
}

#[test]
fn fail2ban_of_nft() {
    of_nft(false, data!("programs/fail2ban.nft"));
}

#[test]
fn fail2ban_of_nft_and_ipv6() {
    of_nft(true, data!("programs/fail2ban.nft"));
}

#[test]
fn fail2ban_of_ipset() {
    let rules = data!("programs/fail2ban-ipset.iptables-save");
    hold(Round::with(false, Some(rules), None, data!("programs/fail2ban.ipset").to_owned()), rounds());
}

#[test]
fn fail2ban_of_ipset_and_ipv6() {
    let rules = data!("programs/fail2ban-ipset.ip6tables-save");
    hold(Round::with(true, Some(rules), None, data!("programs/fail2ban.ipset").to_owned()), rounds());
}

#[test]
fn docker_beside_libvirt_and_fail2ban() {
    let (docker, fail2ban) = (data!("programs/docker.iptables-save"), data!("programs/fail2ban.nft"));
    let libvirt = data!("programs/libvirt.iptables-save");
    hold(Round::with(false, Some(docker), Some(fail2ban), String::new()).beside(libvirt), rounds());
}

#[test]
fn docker_native() {
    of_nft(false, data!("native/docker.nft"));
}

#[test]
fn k3s_node() {
    of_iptables(data!("corpus/k3s-node.iptables-save"));
}

#[test]
fn k3s_pod() {
    of_iptables(data!("corpus/k3s-svclb.iptables-save"));
}

#[test]
fn podman() {
    of_iptables(data!("corpus/podman-netavark-1.4.iptables-save"));
}

#[test]
fn azure_network_policies() {
    of_iptables(data!("corpus/azure-iptablesave.iptables-save"));
}

#[test]
fn azure_network_policies_of_version_2() {
    of_iptables(data!("corpus/azure-iptablesave-v2.iptables-save"));
}

#[test]
fn k3s_beside_firewalld() {
    let (k3s, firewalld) = (data!("corpus/k3s-node.iptables-save"), data!("programs/firewalld.nft"));
    hold(Round::with(false, Some(k3s), Some(firewalld), sets(k3s)), rounds());
}
