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
    setting("WHYPORT_JUDGE_ROUNDS", 8)
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

#[test]
fn ufw() {
    of_iptables(data!("programs/ufw.iptables-save"));
}

#[test]
fn ufw_of_ipv6() {
    hold(Round::with(true, Some(data!("programs/ufw.ip6tables-save")), None, String::new()), rounds());
}

#[test]
fn firewalld() {
    hold(Round::with(false, None, Some(data!("programs/firewalld.nft")), String::new()), rounds());
}

#[test]
fn firewalld_and_ipv6() {
    hold(Round::with(true, None, Some(data!("programs/firewalld.nft")), String::new()), rounds());
}

#[test]
fn docker_native() {
    hold(Round::with(false, None, Some(data!("native/docker.nft")), String::new()), rounds());
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
