//! What is loaded into a network namespace to be read: made up, of so many rules or elements, by the real tools.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::k8s;

/// Hands a text to a tool that loads it into the namespace of this process.
fn run(command: &[&str], text: &str) {
    let mut child = Command::new(command[0]).args(&command[1..]).stdin(Stdio::piped()).spawn().expect(command[0]);
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

fn address(number: usize) -> String {
    format!("10.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255)
}

/// A Kubernetes node's rules.
pub fn iptables_nft(rules: usize) {
    run(&["iptables-nft-restore"], &k8s::dump(rules));
}

/// The same in a legacy table.
pub fn iptables_legacy(rules: usize) {
    run(&["iptables-legacy-restore"], &k8s::dump(rules));
}

/// Native rules, a hundred in each chain.
pub fn native(rules: usize) {
    let mut text = String::from("table inet filter {\n");
    for chain in 0..rules.div_ceil(100) {
        text += &format!("chain c{chain} {{\n");
        for rule in chain * 100..(chain * 100 + 100).min(rules) {
            let (address, port) = (address(rule), 1024 + rule % 60_000);
            text += &match rule % 3 {
                0 => format!("ip saddr {address} tcp dport {port} counter accept\n"),
                1 => format!("iifname \"eth0\" ct state new ip daddr {address} drop\n"),
                _ => format!("meta l4proto udp udp dport {port} meta mark set 0x{rule:x} comment \"rule {rule}\"\n"),
            };
        }
        text += "}\n";
    }
    run(&["nft", "-f", "-"], &(text + "}\n"));
}

/// Rules with a set each that has no name: a fifth as many as rules of other rows.
pub fn anonymous(size: usize) {
    let mut text = String::from("table inet filter {\nchain c {\n");
    for rule in 0..size / 5 {
        text += &format!("ip saddr {} tcp dport {{ {}, {} }} accept\n", address(rule), rule % 65_000, 65_001);
    }
    run(&["nft", "-f", "-"], &(text + "}\n}\n"));
}

/// A set of addresses.
pub fn set(elements: usize) {
    let elements: Vec<_> = (0..elements).map(address).collect();
    let text =
        format!("table inet filter {{\nset s {{ type ipv4_addr; elements = {{ {} }}; }}\n}}\n", elements.join(", "));
    run(&["nft", "-f", "-"], &text);
}

/// A set of ranges of addresses.
pub fn intervals(ranges: usize) {
    let range = |number: usize| format!("{}-{}", address(number * 8), address(number * 8 + 5));
    let ranges: Vec<_> = (0..ranges).map(range).collect();
    let head = "table inet filter {\nset s { type ipv4_addr; flags interval; elements = {";
    run(&["nft", "-f", "-"], &format!("{head} {} }}; }}\n}}\n", ranges.join(", ")));
}

/// One of ipset's sets.
pub fn ipset(elements: usize) {
    let mut text = String::from("create s hash:ip maxelem 1000000\n");
    (0..elements).for_each(|element| text += &format!("add s {}\n", address(element)));
    run(&["ipset", "restore"], &text);
}
