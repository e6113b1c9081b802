//! The node of the story, live: its devices, its rules, what listens; and the built program, run in it.
//!
//! The rules are those of the recorded host, loaded with iptables-restore. Pods are a device that leads outside.

use std::process::{Command, Output, Stdio};

use crate::world::{Plan, World, run};

const RECORDED: &str = include_str!("../../snapshots/hosts/k3s-port-80.whyport");

/// Rules of IPv6 that are like those of a host with a firewall.
const RULES6: &str = "\
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -m comment --comment \"ssh from anywhere\" -j ACCEPT
-A INPUT -s 2001:db8::/32 -p tcp -m multiport --dports 80,443 -j REJECT --reject-with tcp-reset
COMMIT
";

/// The rules that the recorded node has, as iptables-save printed them.
pub fn rules() -> &'static str {
    rules_of("node")
}

/// The rules that a recorded namespace has.
pub fn rules_of(namespace: &str) -> &'static str {
    let (_, rest) = RECORDED.split_once(&format!("\n[namespace {namespace}]\n")).unwrap();
    let (_, rest) = rest.split_once("\n[iptables-nft-save]\n").unwrap();
    rest.split_once("\n[ip6tables-nft-save]").unwrap().0
}

/// Builds the node, and leaves this thread in it.
pub fn build(listens: &[&str]) -> World {
    let world = World::build(&Plan {
        legs: &["eth0", "veth-svclb"],
        ip: "link add cni0 type bridge mcast_snooping 0\n\
             link set veth-svclb master cni0\n\
             link set cni0 up\n\
             addr add 192.168.66.100/24 dev eth0\n\
             addr add 10.42.0.1/24 dev cni0\n\
             addr add 2001:db8:66::100/64 dev eth0 nodad\n\
             route add default via 192.168.66.1\n",
        bridge: "",
        sysctls: &[("ipv4/ip_forward", "1"), ("ipv4/conf/cni0/route_localnet", "1")],
        listens,
    });
    run(&["iptables-nft-restore", "--counters"], rules());
    run(&["ip6tables-nft-restore"], RULES6);
    world
}

/// What listens on a node where nginx runs.
pub const NGINX: [&str; 3] = ["tcp 0.0.0.0:80", "tcp [::]:80", "tcp 0.0.0.0:22"];

/// The program with these arguments, without a path that tools could be found by.
pub fn whyport(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whyport"));
    command.args(arguments).env_clear().env("PATH", "").stdin(Stdio::null());
    command
}

/// Text that was printed.
pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// What the program printed in the namespace of this thread, when all went well.
pub fn printed(arguments: &[&str]) -> String {
    let output = whyport(arguments).output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{arguments:?}: {said}");
    text(&output.stdout).to_owned()
}

/// It ended with this status, did not panic, and said at most one line on standard error.
pub fn assert_ended(output: &Output, status: i32) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert!(said.lines().count() <= 1 && !said.contains("panicked"), "{said}");
}
