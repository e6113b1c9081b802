//! Packets that go back to where they came from, or only next door: what a bridge does with them, told of IP's hooks or not.

use crate::net::Net;
use crate::world::{apart, run, set_all};

/// The client's own port 99, by the node's; and the server's, by another.
const TURNED: &str = "table ip n {\nchain p { type nat hook prerouting priority dstnat;\n\
                      ip daddr 10.0.0.1 udp dport 99 dnat to 10.0.0.11\nip daddr 10.0.0.1 udp dport 100 dnat to 10.0.0.12\n}\n\
                      chain f { type filter hook forward priority 0;\n}\n}\n";
const MASQUERADES: &str = "table ip m {\nchain s { type nat hook postrouting priority srcnat;\nip saddr 10.0.0.0/24 ip daddr 10.0.0.11 masquerade\n}\n}\n";

fn load(rules: &str) {
    run(&["nft", "-f", "-"], rules);
}

fn told(whether: bool) {
    set_all(&[("bridge/bridge-nf-call-iptables", if whether { "1" } else { "0" })]);
}

fn hairpin(whether: bool) {
    let value = if whether { "on" } else { "off" };
    run(&["ip", "link", "set", "p1", "type", "bridge_slave", "hairpin", value], "");
}

#[test]
fn back_to_oneself_needs_another_source() {
    apart(|| {
        let mut net = Net::build("");
        load(TURNED);
        told(false);
        let host = net.read();
        assert_eq!(net.agree(&host, "client", "10.0.0.1:99").got, "", "nobody takes what comes from oneself");
        load(MASQUERADES);
        let host = net.read();
        assert_eq!(net.agree(&host, "client", "10.0.0.1:99").got, "client");
    });
}

#[test]
fn the_port_must_send_back_only_where_the_bridge_is_told() {
    apart(|| {
        let mut net = Net::build("");
        load(TURNED);
        load(MASQUERADES);
        for (is_told, sends_back, got) in
            [(false, false, "client"), (false, true, "client"), (true, true, "client"), (true, false, "")]
        {
            told(is_told);
            hairpin(sends_back);
            let host = net.read();
            let said = net.agree(&host, "client", "10.0.0.1:99");
            assert_eq!(said.got, got, "told {is_told}, sends back {sends_back}: {said:?}");
        }
    });
}

#[test]
fn an_answer_from_next_door_is_not_translated_back() {
    apart(|| {
        let mut net = Net::build("");
        load(TURNED);
        told(false);
        let host = net.read();
        let (steps, from) = net.answered(&host, "client", "10.0.0.1:100");
        assert_eq!((steps.len(), from.map(|from| from.to_string()).as_deref()), (0, Some("10.0.0.12:100")));
        told(true);
        let host = net.read();
        let (steps, from) = net.answered(&host, "client", "10.0.0.1:100");
        assert_eq!(from.map(|from| from.to_string()).as_deref(), Some("10.0.0.1:100"), "{steps:?}");
        assert_eq!(steps, ["ip n f policy accept"]);
    });
}

#[test]
fn a_bridge_of_its_own_will_tells_iptables() {
    apart(|| {
        let mut net = Net::build("");
        load(
            "table ip f {\nchain f { type filter hook forward priority 0;\n}\n}\ntable ip6 f {\nchain f { type filter hook forward priority 0;\n}\n}\n",
        );
        set_all(&[("bridge/bridge-nf-call-ip6tables", "0")]);
        for (of_all, of_bridge, told_of) in [("0", "0", 0), ("0", "1", 1), ("1", "0", 1), ("1", "1", 1)] {
            told(of_all == "1");
            run(&["ip", "link", "set", "br0", "type", "bridge", "nf_call_iptables", of_bridge], "");
            let host = net.read();
            let said = net.agree(&host, "client", "10.0.0.12:99");
            assert_eq!((said.steps.len(), said.got.as_str()), (told_of, "server"), "{of_all} {of_bridge}");
            assert_eq!(net.agree(&host, "client", "[2001:db8::12]:99").steps.len(), 0);
        }
    });
}

#[test]
fn a_new_namespace_tells_iptables() {
    apart(|| {
        let mut net = Net::build("");
        load(TURNED);
        let host = net.read();
        assert_eq!(net.agree(&host, "client", "10.0.0.12:99").steps.len(), 2, "prerouting's nat and forward");
    });
}

#[test]
fn of_equals_at_a_device_the_last_registered_is_first() {
    apart(|| {
        let mut net = Net::build("");
        told(false);
        load("table netdev d {\nchain first { type filter hook ingress device p1 priority 0;\n}\n}\n");
        load("table inet d {\nchain second { type filter hook ingress device p1 priority 0;\n}\n}\n");
        load("table netdev e {\nchain third { type filter hook ingress device p1 priority -1;\n}\n}\n");
        let host = net.read();
        let said = net.agree(&host, "client", "10.0.0.12:99");
        assert_eq!(
            said.steps,
            ["netdev e third policy accept", "inet d second policy accept", "netdev d first policy accept"]
        );
    });
}

#[test]
fn the_hooks_of_ip_stand_within_those_of_the_bridge() {
    apart(|| {
        let mut net = Net::build("");
        for (family, priorities) in [("bridge", &[-5, 5][..]), ("ip", &[0][..])] {
            let mut rules = format!("table {family} t {{\n");
            for hook in ["prerouting", "forward", "postrouting"] {
                for priority in priorities {
                    let name = if *priority < 0 { "early" } else { "late" };
                    rules += &format!("chain {hook}_{name} {{ type filter hook {hook} priority {priority};\n}}\n");
                }
            }
            load(&(rules + "}\n"));
        }
        told(true);
        let host = net.read();
        let said = net.agree(&host, "client", "10.0.0.12:99");
        let at = ["bridge t prerouting_early", "ip t prerouting_late", "bridge t prerouting_late"];
        let across = ["bridge t forward_early", "ip t forward_late", "bridge t forward_late"];
        // Of what leaves a bridge IP hears last (`br_nf_ops`).
        let out = ["bridge t postrouting_early", "bridge t postrouting_late", "ip t postrouting_late"];
        let chains: Vec<String> = said.steps.iter().map(|step| step.replace(" policy accept", "")).collect();
        assert_eq!(chains, [at, across, out].concat());
    });
}
