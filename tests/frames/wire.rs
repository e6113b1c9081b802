//! A wire of which both ends are in one namespace, and what frames say of whom they are for.
//!
//! ```text
//! outside 192.168.1.77 ── eth0 192.168.1.2 · node · w0 ── w1 · node
//! ```
//! The node routes 10.5.0.2 out by `w0`, and what comes in by `w1` for it is its own.

use crate::town::Town;
use crate::world::{apart, set_all};

fn mac(number: u8) -> String {
    format!("02:00:00:00:00:{number:02x}")
}

fn build(node: &str) -> Town {
    let town = Town::build(["node", "outside"]);
    let lines = format!(
        "link add eth0 address {} type veth peer name eth0 address {} netns @outside\nlink set eth0 up\n\
         link add w0 address {} type veth peer name w1 address {}\nlink set w0 up\nlink set w1 up\n\
         addr add 192.168.1.2/24 dev eth0\naddr add 10.6.0.1/24 dev w0\nroute add 10.5.0.2/32 dev w0\n\
         neigh add 10.5.0.2 lladdr {} dev w0 nud permanent\n\
         route add local 10.5.0.2/32 dev lo table 100\n\
         rule add prio 10 iif w1 lookup 100\n",
        mac(2),
        mac(77),
        mac(3),
        mac(4),
        mac(4)
    );
    town.wire("node", &lines);
    let lines = format!(
        "link set eth0 up\naddr add 192.168.1.77/24 dev eth0\nroute add 0.0.0.0/0 via 192.168.1.2\n\
         neigh add 192.168.1.2 lladdr {} dev eth0 nud permanent\n",
        mac(2)
    );
    town.wire("outside", &lines);
    set_all(&[("ipv4/ip_forward", "1")]);
    town.load("node", &["eth0", "w0", "w1"], node);
    town.load("outside", &["eth0"], "");
    std::thread::sleep(std::time::Duration::from_millis(200));
    town
}

/// `__dev_forward_skb`: a mark stays, the flow does not, and is found again by its addresses.
#[test]
fn a_wire_within_a_namespace() {
    apart(|| {
        let asks = "ct state new counter\nct state established counter\nct status dnat counter\nct mark 7 counter\n\
                    meta mark 5 counter\nmeta mark 0 counter\n";
        let rules = format!(
            "table ip n {{\nchain r {{ type filter hook prerouting priority -10;\n{asks}}}\n\
             chain i {{ type filter hook input priority 0;\n{asks}}}\n\
             chain f {{ type filter hook forward priority 0;\nmeta mark set 5 ct mark set 7\n}}\n\
             chain p {{ type nat hook prerouting priority -100;\niifname eth0 udp dport 100 dnat to 10.5.0.2:99\n\
             iifname w1 udp dport 99 counter\n}}\nchain s {{ type nat hook postrouting priority 100;\nudp dport 99 counter\n}}\n}}\n"
        );
        let mut town = build(&rules);
        let host = town.read("node");
        for to in ["10.5.0.2:99", "192.168.1.2:100", "10.5.0.2:100"] {
            town.forget_flows();
            let said = town.agree(&host, "outside", to);
            assert!(said.got == "node" && said.steps["node"].len() > 12, "{said:?}");
        }
    });
}

/// A frame to this host is addressed to the device that brings it.
#[test]
fn whom_a_frame_is_for() {
    apart(|| {
        let asks: String = [2, 3, 4, 77].map(|number| format!("ether daddr {} counter\n", mac(number))).concat()
            + "ether daddr ff:ff:ff:ff:ff:ff counter\n";
        let chain = |hook: &str| format!("chain {hook} {{ type filter hook {hook} priority 0;\n{asks}}}\n");
        let hooks = ["prerouting", "input", "forward"].map(chain).concat();
        let below = ["eth0", "w1"].map(|device| {
            format!("chain d{device} {{ type filter hook ingress device {device} priority 9;\n{asks}}}\n")
        });
        let mut town = build(&format!("table inet n {{\n{hooks}}}\ntable netdev e {{\n{}}}\n", below.concat()));
        let host = town.read("node");
        for to in ["10.5.0.2:99", "192.168.1.2:99"] {
            let said = town.agree(&host, "outside", to);
            assert!(said.got.contains("node") && said.steps["node"].len() > 5, "{said:?}");
        }
        let said = town.agree_coming(&host, ("outside", "192.168.1.77"), ("node", "eth0"), "192.168.1.255:99");
        assert!(said.got == "node" && said.steps["node"].len() > 8, "{said:?}");
    });
}
