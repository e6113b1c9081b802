//! The hosts that the explorer is shown: live ones, made in a network namespace of the calling thread, and recordings.
//!
//! Rules are those of a Kubernetes node, or stand in one chain. What is measured is not known here.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, unshare};

use super::node;

/// A host.
pub struct Host {
    pub name: &'static str,
    /// What it is, in words.
    pub what: &'static str,
    kind: Kind,
}

enum Kind {
    /// This kernel, with rules that this tool loads.
    Live(&'static str),
    /// A recording with the rules of a Kubernetes node.
    Services,
    /// A recording with all rules in one chain.
    Long,
    /// The story, whatever the number of rules.
    Demo,
}

/// A host that is there.
pub struct Made {
    /// What the program is called with.
    pub arguments: Vec<String>,
    /// Who listens.
    _sockets: (Vec<TcpListener>, Vec<UdpSocket>),
}

pub const ALL: [Host; 5] = [
    Host { name: "nft", what: "live host, iptables-nft", kind: Kind::Live("iptables-nft-restore") },
    Host { name: "legacy", what: "live host, iptables-legacy", kind: Kind::Live("iptables-legacy-restore") },
    Host { name: "snapshot", what: "recorded node", kind: Kind::Services },
    Host { name: "long", what: "recording of one chain", kind: Kind::Long },
    Host { name: "demo", what: "the story, not", kind: Kind::Demo },
];

/// How many sockets of each kind a live host has.
const SOCKETS: u16 = 40;

impl Host {
    /// Whether it is measured only where it is named: its ports take some GiB to find.
    pub fn is_heavy(&self) -> bool {
        matches!(self.kind, Kind::Long)
    }

    /// Makes the host.
    pub fn make(&self, rules: usize) -> Made {
        let recording = |text: String| {
            let path = format!("{}/whyport-bench-{}.txt", env!("CARGO_TARGET_TMPDIR"), self.name);
            std::fs::write(&path, text).unwrap();
            Made { arguments: vec!["--snapshot".to_owned(), path], _sockets: Default::default() }
        };
        match self.kind {
            Kind::Live(tool) => live(tool, rules),
            Kind::Services => recording(node::snapshot(rules / 10)),
            Kind::Long => recording(node::snapshot_of(&node::long_chain(rules, false), false)),
            Kind::Demo => Made { arguments: vec!["--demo".to_owned()], _sockets: Default::default() },
        }
    }
}

/// The calling thread's namespace becomes a Kubernetes node.
fn live(tool: &str, rules: usize) -> Made {
    unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace: run this as root");
    for line in [
        "link set lo up",
        "link add eth0 type veth peer name wire",
        "link add cni0 type bridge",
        "addr add 192.0.2.10/24 dev eth0",
        "addr add 10.244.255.1/16 dev cni0",
        "link set wire up",
        "link set eth0 up",
        "link set cni0 up",
        "route add default via 192.0.2.1",
    ] {
        run(Command::new("ip").args(line.split(' ')), "");
    }
    run(&mut Command::new(tool), &node::rules(rules / 10));
    let ports = || (0..SOCKETS).map(|number| 1000 + number);
    let heard = Ipv4Addr::UNSPECIFIED;
    let sockets = (
        [22, 80, 443].into_iter().chain(ports()).map(|port| TcpListener::bind((heard, port)).unwrap()).collect(),
        ports().map(|port| UdpSocket::bind((heard, port)).unwrap()).collect(),
    );
    Made { arguments: Vec::new(), _sockets: sockets }
}

fn run(command: &mut Command, text: &str) {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{command:?}");
}
