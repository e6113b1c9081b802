//! A node with a bridge, and what is around it; and what the kernel and whyport say of a packet that crosses the node.
//!
//! ```text
//! client 10.0.0.11 ── p1 ┐
//!                        br0 10.0.0.1 · node · 192.168.1.2 eth0 ── outside 192.168.1.77
//! server 10.0.0.12 ── p2 ┘
//! ```
//! Everybody knows everybody's hardware address from the beginning, so that no packet waits for an answer.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use whyport::host::{Host, IpFamily, Policy, Protocol, Unread, What};
use whyport::kernel::{self, Places};
use whyport::walk::{FateKind, Field, Origin, Outcome, Query, Step, StepAt, Turn, ValueSet, Verdict, walk};

use crate::netlink::{self, Channel};
use crate::witness::{self, NftWhat};
use crate::world::{here, inside, quiet, run, set_all};

pub const NFNLGRP_NFTRACE: u32 = 9;
pub const IPCTNL_MSG_CT_DELETE: u16 = 1 << 8 | 2;
/// The port that all packets come from.
pub const SPORT: u16 = 4000;
/// The ports that everybody hears.
const HEARD: [u16; 2] = [99, 100];
/// The judge's own table, in which tracing begins.
pub const JUDGE: &str = "judge";

/// Somebody with a namespace of its own.
struct Somebody {
    name: &'static str,
    /// The device of the node that leads there.
    device: &'static str,
    namespace: OwnedFd,
    sockets: Vec<UdpSocket>,
}

/// The node, which this thread is in, and the others.
pub struct Net {
    node: OwnedFd,
    others: Vec<Somebody>,
    own: Vec<UdpSocket>,
    trace: Channel,
    flows: Channel,
}

/// What was said of a packet.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    /// The rules that held and the policies, in order.
    pub steps: Vec<String>,
    /// Who got it.
    pub got: String,
}

/// Sockets of this namespace for every port that is heard.
pub fn listen() -> Vec<UdpSocket> {
    let hear = |port: u16| {
        let socket = UdpSocket::bind(SocketAddr::new("::".parse().unwrap(), port)).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    };
    HEARD.map(hear).into()
}

/// A socket of this namespace that sends to an address.
pub fn sender(to: SocketAddr) -> UdpSocket {
    let any: IpAddr = if to.is_ipv4() { "0.0.0.0".parse().unwrap() } else { "::".parse().unwrap() };
    // A tool that another test starts holds the socket of before for a moment.
    let tries = (0..5000).map(|_| {
        std::thread::sleep(Duration::from_millis(1));
        UdpSocket::bind(SocketAddr::new(any, SPORT))
    });
    let socket = tries.into_iter().find_map(Result::ok).expect("a port");
    socket.set_broadcast(true).unwrap();
    socket
}

/// What is asked of the packet that [`sender`]'s socket sends, but for its source.
pub fn probe(namespace: usize, origin: Origin, to: SocketAddr) -> Query {
    let mut query = Query::new(namespace, origin, IpFamily::of(to.ip()), Protocol::UDP);
    query.set_address(Field::Dst, to.ip());
    let mut set = |field: Field, value: u128| query.set(field, ValueSet::one(value));
    set(Field::Sport, SPORT.into());
    set(Field::Dport, to.port().into());
    set(Field::Ttl, 64);
    set(Field::Tos, 0);
    set(Field::Length, if to.is_ipv4() { 33 } else { 53 });
    query
}

/// Makes a namespace, and leaves this thread in it.
pub fn namespace() -> OwnedFd {
    unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace: run these tests as root");
    quiet();
    set_all(&[("ipv4/conf/all/rp_filter", "0"), ("ipv4/conf/default/rp_filter", "0")]);
    // Who is told of a better way takes it the next time.
    set_all(&[("ipv4/conf/all/send_redirects", "0"), ("ipv4/conf/default/send_redirects", "0")]);
    run(&["ip", "link", "set", "lo", "up"], "");
    here()
}

/// The hardware address of a device of the node, or of the device at its other end.
pub fn mac(device: &str, other: bool) -> String {
    let number = ["br0", "p1", "p2", "eth0"].iter().position(|name| *name == device).unwrap();
    format!("02:00:00:00:0{}:0{number}", u8::from(other))
}

impl Net {
    /// Builds it, with further lines for `ip -batch`, and leaves this thread in the node.
    pub fn build(more: &str) -> Net {
        let [client, server, outside, node] = [(); 4].map(|()| namespace());
        let at = |there: &OwnedFd| format!("/proc/{}/fd/{}", std::process::id(), there.as_raw_fd());
        let mut lines = format!("link add br0 address {} type bridge mcast_snooping 0\n", mac("br0", false));
        for (device, there) in [("p1", &client), ("p2", &server), ("eth0", &outside)] {
            let (own, other) = (mac(device, false), mac(device, true));
            let peer = format!("peer name eth0 address {other} netns {}", at(there));
            lines += &format!("link add {device} address {own} type veth {peer}\nlink set {device} up\n");
        }
        lines += "link set p1 master br0\nlink set p2 master br0\nlink set br0 up\naddr add 10.0.0.1/24 dev br0\n\
             addr add 192.168.1.2/24 dev eth0\naddr add 2001:db8::1/64 dev br0 nodad\n\
             addr add 2001:db8:1::2/64 dev eth0 nodad\n";
        for (addr, device) in [("11", "p1"), ("12", "p2")] {
            let to = mac(device, true);
            lines += &format!("neigh add 10.0.0.{addr} lladdr {to} dev br0 nud permanent\n");
            lines += &format!("neigh add 2001:db8::{addr} lladdr {to} dev br0 nud permanent\n");
        }
        for addr in ["192.168.1.77", "2001:db8:1::77"] {
            lines += &format!("neigh add {addr} lladdr {} dev eth0 nud permanent\n", mac("eth0", true));
        }
        run(&["ip", "-batch", "-"], &(lines + more));
        let known = |device: &str| format!("fdb add {} dev {device} master static\n", mac(device, true));
        run(&["bridge", "-batch", "-"], &["p1", "p2"].map(known).concat());
        set_all(&[("ipv4/ip_forward", "1"), ("ipv6/conf/all/forwarding", "1")]);
        let own = listen();
        let [client, server, outside] = [
            ("client", client, "p1", ["10.0.0.11/24", "2001:db8::11/64"], ["10.0.0.1", "2001:db8::1"], "br0"),
            ("server", server, "p2", ["10.0.0.12/24", "2001:db8::12/64"], ["10.0.0.1", "2001:db8::1"], "br0"),
            (
                "outside",
                outside,
                "eth0",
                ["192.168.1.77/24", "2001:db8:1::77/64"],
                ["192.168.1.2", "2001:db8:1::2"],
                "eth0",
            ),
        ]
        .map(|(name, namespace, device, addrs, routers, router)| {
            let sockets = inside(&namespace, &node, || {
                let mut lines = String::new();
                for (addr, via) in addrs.iter().zip(routers) {
                    let family = if addr.contains(':') { " nodad" } else { "" };
                    lines += &format!("addr add {addr} dev eth0{family}\n");
                    lines += &format!("neigh add {via} lladdr {} dev eth0 nud permanent\n", mac(router, false));
                }
                lines += &format!(
                    "link set eth0 up\nroute add 0.0.0.0/0 via {}\nroute add ::/0 via {}\n",
                    routers[0], routers[1]
                );
                for (addr, of) in [("11", "p1"), ("12", "p2")].iter().filter(|(_, of)| router == "br0" && *of != device)
                {
                    lines += &format!("neigh add 10.0.0.{addr} lladdr {} dev eth0 nud permanent\n", mac(of, true));
                    lines += &format!("neigh add 2001:db8::{addr} lladdr {} dev eth0 nud permanent\n", mac(of, true));
                }
                run(&["ip", "-batch", "-"], &lines);
                listen()
            });
            Somebody { name, device, namespace, sockets }
        });
        let judge = format!(
            "table netdev {JUDGE} {{\nchain begins {{ type filter hook ingress devices = {{ p1, p2, eth0 }} priority -2000;\n\
             meta l4proto udp meta nftrace set 1\n}}\n}}\ntable inet {JUDGE} {{\nchain made {{\n\
             type filter hook output priority -2000; meta l4proto udp meta nftrace set 1\n}}\n}}\n"
        );
        run(&["nft", "-f", "-"], &judge);
        let net = Net {
            node,
            others: vec![client, server, outside],
            own,
            trace: Channel::open(Some(NFNLGRP_NFTRACE)),
            flows: Channel::open(None),
        };
        net.settle();
        net
    }

    /// Waits until every device has its carrier, and every port forwards.
    fn settle(&self) {
        for _ in 0..200 {
            let links = run(&["ip", "-oneline", "link", "show", "up"], "");
            let routes = run(&["ip", "-6", "route", "show", "table", "all"], "");
            let has_carrier =
                |name: &str| links.lines().any(|line| line.contains(&format!(" {name}")) && line.contains("LOWER_UP"));
            let forwards = run(&["bridge", "link"], "").matches("state forwarding").count() == 2;
            let local = ["2001:db8::1", "2001:db8:1::2"].iter().all(|own| routes.contains(&format!("local {own} ")));
            if forwards && local && ["br0", "p1@", "p2@", "eth0@"].iter().all(|name| has_carrier(name)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the devices never came up");
    }

    /// The node as whyport reads it, without what the judge put there.
    pub fn read(&self) -> Host {
        let places = Places { proc: Path::new("/proc"), modules: Path::new("/lib/modules") };
        let mut host = kernel::read(&places, None, &Default::default()).expect("the namespace that this thread is in");
        // No kernel without that list tells the order of equals; where it matters, outcomes say so.
        let unread = host.namespaces[0].unread.iter().filter(|unread| unread.what != What::Hooks);
        assert_eq!(unread.collect::<Vec<_>>(), [] as [&Unread; 0]);
        host.namespaces[0].ruleset.tables.retain(|table| &*table.name != JUDGE);
        host
    }

    fn sockets(&self) -> impl Iterator<Item = (&'static str, &UdpSocket)> {
        let others = self.others.iter().flat_map(|one| one.sockets.iter().map(|socket| (one.name, socket)));
        others.chain(self.own.iter().map(|socket| ("node", socket)))
    }

    /// The socket that somebody sends from.
    fn sender_of(&self, from: &str, to: SocketAddr) -> UdpSocket {
        match self.others.iter().find(|one| one.name == from) {
            Some(one) => inside(&one.namespace, &self.node, || sender(to)),
            None => sender(to),
        }
    }

    /// What the kernel says until it says nothing more.
    fn hear(&mut self) -> Vec<String> {
        let mut events = Vec::new();
        while netlink::wait(&[&self.trace], Duration::from_millis(40)) {
            events.extend(self.trace.drain().iter().filter_map(witness::nft_event));
        }
        events.iter().filter_map(told).collect()
    }

    /// Sends a packet, and gives what the kernel says of it.
    fn send(&mut self, from: &str, to: SocketAddr) -> Said {
        self.trace.drain();
        self.flows.ask(IPCTNL_MSG_CT_DELETE, 0, 0, &[]);
        let socket = self.sender_of(from, to);
        let _ = socket.send_to(b"judge", to);
        let steps = self.hear();
        let mut got: Vec<&str> = Vec::new();
        let mut room = [0; 64];
        for (name, socket) in self.sockets() {
            while socket.recv(&mut room).is_ok() {
                got.push(name);
            }
        }
        Said { steps, got: got.join(" ") }
    }

    /// Somebody is asked and answers: the way of the answer, which the kernel and whyport tell alike, and the address from which
    /// it comes to who asked.
    ///
    /// # Panics
    /// If they do not, with both, or if nobody was asked.
    #[track_caller]
    pub fn answered(&mut self, host: &Host, from: &str, to: &str) -> (Vec<String>, Option<SocketAddr>) {
        let to: SocketAddr = to.parse().unwrap();
        self.flows.ask(IPCTNL_MSG_CT_DELETE, 0, 0, &[]);
        let asks = self.sender_of(from, to);
        asks.set_nonblocking(true).unwrap();
        asks.send_to(b"judge", to).unwrap();
        self.hear();
        let mut room = [0; 64];
        let asked = self.sockets().find_map(|(_, socket)| Some((socket, socket.recv_from(&mut room).ok()?.1)));
        let (socket, peer) = asked.expect("somebody who was asked");
        socket.send_to(b"judge", peer).unwrap();
        let kernel = self.hear();
        let came_from = asks.recv_from(&mut room).ok().map(|(_, from)| from);
        let mut query = self.query(host, from, to);
        query.turn = Turn::Reply;
        let walk = walk(host, &query);
        let [one] = &walk.outcomes[..] else { panic!("{:#?}", walk.outcomes) };
        let steps: Vec<String> = one.steps().filter_map(|step| line(host, host.viewed, step)).collect();
        assert_eq!(steps, kernel, "the answer from {to} to {from}");
        let is_answer = one.turn == Turn::Reply && one.after.iter().all(|first| first.answered);
        assert_eq!(is_answer, came_from == Some(to), "the answer from {to} to {from} came from {came_from:?}");
        (kernel, came_from)
    }

    /// What whyport says of the same packet.
    fn walked(&self, host: &Host, from: &str, to: SocketAddr) -> Said {
        let walk = walk(host, &self.query(host, from, to));
        let [one] = &walk.outcomes[..] else {
            return Said { steps: vec![format!("{:#?}", walk.outcomes)], got: "several".into() };
        };
        let mut steps: Vec<String> = one.steps().filter_map(|step| line(host, host.viewed, step)).collect();
        steps.extend(one.assumed.iter().map(|assumed| format!("{assumed:?}")));
        Said { steps, got: self.receiver(one, from) }
    }

    fn query(&self, host: &Host, from: &str, to: SocketAddr) -> Query {
        let sender = self.others.iter().find(|one| one.name == from);
        let origin = sender.map_or(Origin::Local, |one| Origin::Device(one.device.to_owned()));
        let mut query = probe(host.viewed, origin, to);
        let mut set = |field: Field, value: u128| query.set(field, ValueSet::one(value));
        if let Some(one) = sender {
            set(Field::SrcMac, u128::from(u64::from_str_radix(&mac(one.device, true).replace(':', ""), 16).unwrap()));
            let own = match (one.name, to.is_ipv4()) {
                ("client", true) => "10.0.0.11",
                ("client", false) => "2001:db8::11",
                ("server", true) => "10.0.0.12",
                ("server", false) => "2001:db8::12",
                (_, true) => "192.168.1.77",
                (_, false) => "2001:db8:1::77",
            };
            query.set_address(Field::Src, own.parse().unwrap());
        }
        query
    }

    /// Who gets a packet that ends so, by the node alone.
    fn receiver(&self, outcome: &Outcome, from: &str) -> String {
        let fate = &outcome.fate;
        match fate.kind {
            FateKind::Delivered => "node".into(),
            FateKind::Forwarded | FateKind::Sent => {
                let dst = fate.endpoints.dst.unwrap().to_string();
                let has = |addr: &str| dst.ends_with(addr);
                let who = if has("11") {
                    "client"
                } else if has("12") {
                    "server"
                } else {
                    "outside"
                };
                // Nobody takes what comes back with an address of one's own as its source.
                let is_own = fate.endpoints.src.is_some_and(|src| src.to_string() == dst);
                if is_own && who == from { String::new() } else { who.into() }
            }
            _ => String::new(),
        }
    }

    /// Whether somebody has the address that a packet goes to: what one sends to oneself does not come to the node.
    pub fn has(&self, from: &str, to: &str) -> bool {
        let own = [("server", "12"), ("client", "11"), ("outside", "77")].into_iter().find(|(who, _)| *who == from);
        own.is_some_and(|(_, own)| to.replace(']', "").contains(&format!("{own}:")))
    }

    /// The kernel and whyport say the same of a packet.
    ///
    /// # Panics
    /// If they do not, with both.
    #[track_caller]
    pub fn agree(&mut self, host: &Host, from: &str, to: &str) -> Said {
        self.agree_about(host, from, to, "")
    }

    /// The kernel and whyport say the same of how a packet for all comes up to the node. Copies go on by the other ports, and
    /// everybody hears them.
    ///
    /// # Panics
    /// If they do not, with both.
    #[track_caller]
    pub fn agree_on_all(&mut self, host: &Host, from: &str, to: &str) -> Said {
        let to: SocketAddr = to.parse().unwrap();
        let mut kernel = self.send(from, to);
        kernel.steps.retain(|step| !["forward", "postrouting", "out_"].iter().any(|hook| step.contains(hook)));
        assert!(kernel.got.ends_with("node"), "{kernel:?}");
        kernel.got = "node".into();
        let walk = self.walked(host, from, to);
        assert!(walk == kernel, "from {from} to {to}\nwhyport: {walk:#?}\nthe kernel: {kernel:#?}");
        kernel
    }

    /// The same, with what is to be told beside if they do not.
    #[track_caller]
    pub fn agree_about(&mut self, host: &Host, from: &str, to: &str, about: &str) -> Said {
        let to: SocketAddr = to.parse().unwrap();
        let mut kernel = self.send(from, to);
        let mut walk = self.walked(host, from, to);
        // The kernel tells last of a rule that sends a packet out by a device: after what happens there.
        if kernel.steps.iter().any(|step| step.ends_with(" stolen")) {
            kernel.steps.sort();
            walk.steps.sort();
        }
        let differ = format!("{about}\nfrom {from} to {to}\nwhyport: {walk:#?}\nthe kernel: {kernel:#?}");
        assert!(walk == kernel, "{differ}");
        kernel
    }
}

/// An event of the kernel's trace, but for the judge's own. The end of a chain is told with its policy, or not at all.
pub fn told(event: &witness::NftEvent) -> Option<String> {
    let family = match event.family {
        1 => "inet",
        2 => "ip",
        5 => "netdev",
        7 => "bridge",
        _ => "ip6",
    };
    let what = match &event.what {
        _ if event.table == JUDGE => return None,
        NftWhat::End => return None,
        NftWhat::Policy(accepts) => format!("policy {}", if *accepts { "accept" } else { "drop" }),
        NftWhat::Rule(handle, verdict) => format!("{handle} {}", verdict.word()),
    };
    Some(format!("{family} {} {} {what}", event.table, event.chain))
}

/// A step of whyport's as the kernel says it; the kernel does not tell where user chains end.
pub fn line(host: &Host, namespace: usize, step: &Step) -> Option<String> {
    let ruleset = &host.namespaces[namespace].ruleset;
    let chain = step.at.chain();
    let of = ruleset.table(chain);
    let name = |chain| ruleset.chain(chain).name.to_string();
    let what = match (step.at, &step.verdict) {
        (StepAt::End(_), Verdict::Policy(Policy::Accept)) => "policy accept".into(),
        (StepAt::End(_), Verdict::Policy(Policy::Drop)) => "policy drop".into(),
        (StepAt::End(_), _) => return None,
        (StepAt::Rule(rule), verdict) => {
            let verdict = match verdict {
                Verdict::Jump(to) => format!("jump {}", name(*to)),
                Verdict::Goto(to) => format!("goto {}", name(*to)),
                Verdict::Dnat(_) | Verdict::Snat(_) | Verdict::Masquerade(_) | Verdict::Redirect(_) => "accept".into(),
                other => other.name().to_owned(),
            };
            let handle = ruleset.rule(rule).handle.map_or(0, |handle| handle.0);
            format!("{handle} {verdict}")
        }
    };
    Some(format!("{} {} {} {what}", of.family, of.name, name(chain)))
}
