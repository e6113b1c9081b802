//! The story with its pods: a packet goes through several namespaces, and whoever accepts the connection is who whyport says.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use serde_json::Value;

use crate::node::{printed, rules_of};
use crate::world::{apart, here, inside, quiet, run, set_all};

/// The namespaces of the story, and what listens in them.
struct Story {
    node: OwnedFd,
    svclb: OwnedFd,
    traefik: OwnedFd,
    client: OwnedFd,
    nginx: TcpListener,
    pod: TcpListener,
}

fn namespace() -> OwnedFd {
    unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace: run these tests as root");
    quiet();
    set_all(&[("ipv4/conf/all/rp_filter", "0"), ("ipv4/conf/default/rp_filter", "0"), ("ipv4/ip_forward", "1")]);
    run(&["ip", "link", "set", "lo", "up"], "");
    here()
}

fn listener(address: &str) -> TcpListener {
    let listener = TcpListener::bind(address).unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

impl Story {
    /// Builds them, and leaves this thread in the node's.
    fn build() -> Story {
        let [svclb, traefik, client, node] = [(); 4].map(|()| namespace());
        let at = |there: &OwnedFd| format!("/proc/{}/fd/{}", std::process::id(), there.as_raw_fd());
        let lines = format!(
            "link add eth0 type veth peer name eth0 netns {}\nlink add cni0 type bridge mcast_snooping 0\n\
             link add veth-svclb type veth peer name eth0 netns {}\nlink add veth-traefik type veth peer name eth0 netns {}\n\
             link set veth-svclb master cni0 up\nlink set veth-traefik master cni0 up\n\
             link set veth-svclb type bridge_slave hairpin on\nlink set veth-traefik type bridge_slave hairpin on\n\
             addr add 192.168.66.100/24 dev eth0\naddr add 10.42.0.1/24 dev cni0\nlink set eth0 up\nlink set cni0 up\n",
            at(&client),
            at(&svclb),
            at(&traefik)
        );
        run(&["ip", "-batch", "-"], &lines);
        set_all(&[("ipv4/conf/cni0/route_localnet", "1")]);
        run(&["iptables-nft-restore"], rules_of("node"));
        let pod = |there: &OwnedFd, address: &str, router: &str| {
            inside(there, &node, || {
                let lines =
                    format!("addr add {address}/24 dev eth0\nlink set eth0 up\nroute add default via {router}\n");
                run(&["ip", "-batch", "-"], &lines);
            });
        };
        pod(&svclb, "10.42.0.2", "10.42.0.1");
        pod(&traefik, "10.42.0.59", "10.42.0.1");
        pod(&client, "192.168.66.5", "192.168.66.100");
        inside(&svclb, &node, || run(&["iptables-nft-restore"], rules_of("svclb")));
        let listens = inside(&traefik, &node, || listener("0.0.0.0:8000"));
        let nginx = listener("0.0.0.0:80");
        Story { node, svclb, traefik, client, nginx, pod: listens }
    }

    /// Connects from a namespace; gives the peer that the pod sees.
    fn ask(&self, from: &OwnedFd, address: &str) -> SocketAddr {
        let address: SocketAddr = address.parse().unwrap();
        let connect = || TcpStream::connect_timeout(&address, Duration::from_secs(5)).unwrap();
        let _stream = inside(from, &self.node, connect);
        assert_eq!(self.nginx.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nginx never gets it");
        // It is there once the handshake is done, but for the last packet.
        for _ in 0..100 {
            match self.pod.accept() {
                Ok((_, peer)) => return peer,
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
        panic!("nobody accepted the connection");
    }

    /// The rules of nat in a namespace that counted a packet since they were loaded.
    fn counted(&self, there: &OwnedFd) -> BTreeSet<String> {
        let saved = inside(there, &self.node, || run(&["iptables-nft-save", "-c", "-t", "nat"], ""));
        let rule = |line: &str| line.split_once("] ").map(|(counters, rule)| (counters.to_owned(), rule.to_owned()));
        let counted = saved.lines().filter(|line| line.starts_with('[')).filter_map(rule);
        counted.filter(|(counters, _)| !counters.starts_with("[0:")).map(|(_, rule)| rule).collect()
    }
}

/// The rules of nat in the steps of the only outcome, of the namespace with this name.
fn walked(outcome: &Value, ns: &str) -> BTreeSet<String> {
    let steps = outcome["steps"].as_array().unwrap().iter();
    let of_nat = steps.filter(|step| step["ns"] == ns && step["table"] == "nat" && !step["rule"].is_null());
    of_nat.map(|step| step["rule"]["text"].as_str().unwrap().to_owned()).collect()
}

/// How whyport names a namespace that has no name.
fn name(there: &OwnedFd) -> String {
    let link = std::fs::read_link(format!("/proc/self/fd/{}", there.as_raw_fd())).unwrap();
    link.to_str().unwrap().to_owned()
}

fn ends_at_the_pod(story: &Story, target: &str, more: &[&str]) {
    let arguments = [&["trace", target, "--json"], more].concat();
    let trace: Value = serde_json::from_str(&printed(&arguments)).unwrap();
    let outcomes = trace["outcomes"].as_array().unwrap();
    assert!(outcomes.len() == 1 && outcomes[0]["certain"] == true, "{trace}");
    let fate = &outcomes[0]["fate"];
    assert_eq!((&fate["kind"], &fate["ns"]), (&"delivered".into(), &name(&story.traefik).into()), "{fate}");
    assert_eq!((&fate["src"], &fate["dport"]), (&"10.42.0.2".into(), &8000.into()), "{fate}");
    assert_eq!(fate["socket"]["processes"][0]["pid"], std::process::id(), "{fate}");
    for (ns, there) in [(String::new(), &story.node), (name(&story.svclb), &story.svclb)] {
        assert_eq!(walked(&outcomes[0], &ns), story.counted(there), "in {ns}: {trace}");
    }
}

#[test]
fn from_outside_the_pod_gets_it() {
    apart(|| {
        let story = Story::build();
        let peer = story.ask(&story.client, "192.168.66.100:80");
        assert_eq!(peer.ip().to_string(), "10.42.0.2");
        ends_at_the_pod(&story, "80", &["--src", "192.168.66.5", "--origin", "eth0", "--sport", "4000"]);
    });
}

#[test]
fn from_localhost_the_pod_gets_it() {
    apart(|| {
        let story = Story::build();
        let peer = story.ask(&story.node, "127.0.0.1:80");
        assert_eq!(peer.ip().to_string(), "10.42.0.2");
        ends_at_the_pod(&story, "127.0.0.1:80", &["--origin", "local", "--sport", "4000", "--uid", "0"]);
    });
}

#[test]
fn from_a_pod_the_pod_gets_it() {
    apart(|| {
        let story = Story::build();
        let peer = story.ask(&story.traefik, "10.42.0.1:80");
        assert_eq!(peer.ip().to_string(), "10.42.0.2");
        ends_at_the_pod(&story, "10.42.0.1:80", &["--src", "10.42.0.59", "--origin", "cni0", "--sport", "4000"]);
    });
}

/// Of large sets that a pod's own rules ask it is counted how many elements they have, until a packet comes there.
#[test]
fn a_large_set_of_a_pod_is_read_when_a_packet_asks_it() {
    apart(|| {
        let story = Story::build();
        let load = |there: &OwnedFd, text: &str| inside(there, &story.node, || run(&["nft", "-f", "-"], text));
        let many: Vec<String> =
            (0..12_000u32).map(|n| std::net::Ipv4Addr::from((11 << 24) + 2 * n).to_string()).collect();
        let set = format!("set many {{ type ipv4_addr; elements = {{ {} }}; }}", many.join(", "));
        let chain =
            "chain i { type filter hook input priority 0;\ntcp dport 8000 ip saddr @many reject with tcp reset\n}";
        load(&story.traefik, &format!("table ip s {{\n{set}\n{chain}\n}}\n"));
        let said = || {
            let asked = ["trace", "80", "--json", "--src", "192.168.66.5", "--origin", "eth0", "--sport", "4000"];
            let trace: Value = serde_json::from_str(&printed(&asked)).unwrap();
            let outcomes = trace["outcomes"].as_array().unwrap();
            assert!(outcomes.len() == 1 && outcomes[0]["certain"] == true, "{trace}");
            assert_eq!(outcomes[0]["fate"]["ns"], name(&story.traefik));
            outcomes[0]["fate"]["kind"].as_str().unwrap().to_owned()
        };
        story.ask(&story.client, "192.168.66.100:80");
        assert_eq!(said(), "delivered");
        load(&story.traefik, "add element ip s many { 10.42.0.2 }\n");
        let connect = || TcpStream::connect_timeout(&"192.168.66.100:80".parse().unwrap(), Duration::from_secs(5));
        assert_eq!(inside(&story.client, &story.node, connect).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(said(), "rejected");
    });
}
