//! What conntrack says of first packets: of TCP with every combination of flags, and of ICMP of every type.
//!
//! One packet after the other, all to the same rules: the kernel and whyport say the same of each. Knows no flows.

use std::net::SocketAddr;

use crate::case::{Node, TWO_LEGS, agree, difference, read};
use crate::packet::Packet;
use crate::rules::Tool;
use crate::world::apart;

const RULES: &str = "table inet t {\nchain nat { type nat hook prerouting priority -100; policy accept;\n\
                     tcp dport 81 redirect to :80\n}\n\
                     chain in { type filter hook input priority 0; policy accept;\nct state new counter\nct state invalid counter\n\
                     ct state untracked counter\nct state established counter\n}\n\
                     chain forward { type filter hook forward priority 0; policy accept;\nct state new counter\n\
                     ct state invalid counter\n}\n}\n";

/// The packets of a line that is changed so often.
fn all(sysctls: &'static [(&'static str, &'static str)], line: &'static str, change: fn(&mut Packet, u8), last: u8) {
    apart(move || {
        let mut node = Node::build(&TWO_LEGS, "", sysctls);
        node.rules.load(Tool::Nft, RULES);
        let host = read(&node);
        let mut wrong = String::new();
        for number in 0..=last {
            let mut packet = Packet::read(line);
            change(&mut packet, number);
            let port = packet.src.map_or(0, |src| src.port());
            packet.src =
                packet.src.map(|src| SocketAddr::new(src.ip(), port + u16::from(port != 0) * u16::from(number)));
            let said = node.judge(&packet, &host, &[]);
            assert!(said.kernel.len() > 1, "the kernel says nothing of {packet}");
            if !agree(&said.kernel, &said.live, false) {
                wrong += &difference(&packet, &said.kernel, &said.live);
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
    });
}

#[test]
fn every_combination_of_flags_while_tcp_is_loose() {
    let sysctls = &[("netfilter/nf_conntrack_tcp_loose", "1")];
    for line in ["eth0 tcp 203.0.113.7:4001 > 198.51.100.1:81", "eth0 tcp 203.0.113.7:4001 > 10.9.0.2:80"] {
        all(sysctls, line, |packet, flags| packet.flags = flags, 63);
    }
}

#[test]
fn every_combination_of_flags_while_tcp_is_not_loose() {
    let sysctls = &[("netfilter/nf_conntrack_tcp_loose", "0")];
    for line in ["eth0 tcp 203.0.113.7:4001 > 198.51.100.1:81", "eth0 tcp [2001:db8:7::7]:4001 > [2001:db8:1::1]:81"] {
        all(sysctls, line, |packet, flags| packet.flags = flags, 63);
    }
}

#[test]
fn every_type_of_icmp() {
    for line in [
        "eth0 icmp 203.0.113.7:0 > 198.51.100.1:0",
        "eth0 icmp 203.0.113.7:0 > 10.9.0.2:0",
        "eth0 icmp [2001:db8:7::7]:0 > [2001:db8:1::1]:0",
        "eth0 icmp [2001:db8:7::7]:0 > [2001:db8:9::2]:0",
    ] {
        all(&[], line, |packet, kind| packet.icmp = (kind, 0), 160);
    }
}
