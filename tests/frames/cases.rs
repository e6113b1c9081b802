//! Rules at the hooks below IP, and the packets that meet them.

use crate::net::Net;
use crate::world::{apart, run, set_all};

/// Whom packets are sent to, by address.
const TO: [&str; 3] = ["10.0.0.12", "10.0.0.1", "192.168.1.77"];
const TO6: [&str; 3] = ["2001:db8::12", "2001:db8::1", "2001:db8:1::77"];

/// A chain at every hook of IP and of bridges, before and behind br_netfilter.
fn everywhere() -> String {
    let mut rules = String::new();
    for family in ["bridge", "inet"] {
        rules += &format!("table {family} t {{\n");
        for hook in ["prerouting", "input", "forward", "output", "postrouting"] {
            for (name, priority) in [("early", -5), ("late", 5)] {
                rules += &format!("chain {hook}_{name} {{ type filter hook {hook} priority {priority}; }}\n");
            }
        }
        rules += "}\n";
    }
    rules
}

fn load(rules: &str) {
    run(&["nft", "-f", "-"], rules);
}

fn told(whether: bool) {
    let value = if whether { "1" } else { "0" };
    set_all(&[("bridge/bridge-nf-call-iptables", value), ("bridge/bridge-nf-call-ip6tables", value)]);
}

#[test]
fn every_hook_in_its_order() {
    apart(|| {
        let mut net = Net::build("");
        load(&everywhere());
        for whether in [true, false] {
            told(whether);
            let host = net.read();
            for to in TO.iter().chain(&TO6) {
                for from in ["client", "outside", "node"] {
                    let to = if to.contains(':') { format!("[{to}]:99") } else { format!("{to}:99") };
                    if from == "outside" && to.contains("77") {
                        continue;
                    }
                    let said = net.agree(&host, from, &to);
                    assert!(said.steps.len() >= 4 && !said.got.is_empty(), "{said:?}");
                }
            }
        }
    });
}

/// Plays packets from some to others, with netfilter told of frames and not; gives how many steps were said.
fn play(net: &mut Net, from: &[&str], to: &[&str]) -> usize {
    let mut steps = 0;
    for whether in [true, false] {
        told(whether);
        let host = net.read();
        for from in from {
            for to in to.iter().filter(|to| !net.has(from, to)).collect::<Vec<_>>() {
                steps += net.agree(&host, from, to).steps.len();
            }
        }
    }
    steps
}

/// `physdev_mt`: of the rules of each hook those mark a packet that hold, and none ends it.
#[test]
fn ports_of_bridges_as_iptables_sees_them() {
    apart(|| {
        let mut net = Net::build("");
        let asked = [
            "--physdev-in p1",
            "! --physdev-in p1",
            "--physdev-in p+",
            "--physdev-is-in",
            "! --physdev-is-in",
            "--physdev-is-bridged",
            "! --physdev-is-bridged",
        ];
        let asked_out = ["--physdev-out p2", "! --physdev-out p2", "--physdev-is-out", "! --physdev-is-out"];
        let mut rules = "*mangle\n".to_owned();
        for chain in ["PREROUTING", "INPUT", "FORWARD", "POSTROUTING"] {
            let of_out = matches!(chain, "FORWARD" | "POSTROUTING").then_some(asked_out);
            for asked in asked.iter().chain(of_out.iter().flatten()) {
                if chain == "POSTROUTING" && asked.contains("bridged") || !asked.contains("out") || of_out.is_some() {
                    rules += &format!("-A {chain} -m physdev {asked} -j MARK --set-mark 1\n");
                }
            }
        }
        rules += "COMMIT\n";
        run(&["iptables-nft-restore"], &rules);
        let steps = play(&mut net, &["client", "server", "outside", "node"], &["10.0.0.12:99", "10.0.0.1:99"]);
        assert!(steps > 60, "{steps}");
        play(&mut net, &["client"], &["192.168.1.77:99"]);
    });
}

/// Translation of bridged frames: to another port's host, to the host itself, to the outside, and the source too.
#[test]
fn addresses_of_frames_are_translated() {
    apart(|| {
        let mut net = Net::build("");
        load(
            "table ip n {\nchain p { type nat hook prerouting priority dstnat;\n\
             udp dport 99 ip daddr 10.0.0.1 dnat to 10.0.0.12:100\nudp dport 100 ip daddr 10.0.0.12 dnat to 10.0.0.1:99\n\
             udp dport 100 ip daddr 10.0.0.1 dnat to 192.168.1.77:99\nudp dport 99 ip daddr 192.168.1.77 dnat to 10.0.0.11\n}\n\
             chain f { type filter hook forward priority 0; }\nchain i { type filter hook input priority 0; }\n\
             chain s { type nat hook postrouting priority srcnat;\nip saddr 10.0.0.11 masquerade\n}\n}\n\
             table bridge b {\nchain f { type filter hook forward priority 0; }\nchain i { type filter hook input priority 0; }\n\
             chain o { type filter hook output priority 0; }\n}\n",
        );
        let to = ["10.0.0.1:99", "10.0.0.12:100", "10.0.0.1:100", "10.0.0.12:99", "192.168.1.77:99"];
        let steps = play(&mut net, &["client", "server"], &to);
        assert!(steps > 50, "{steps}");
        run(&["ip", "link", "set", "p1", "type", "bridge_slave", "hairpin", "on"], "");
        play(&mut net, &["client"], &to);
        set_all(&[("ipv4/ip_forward", "0")]);
        play(&mut net, &["client", "server"], &to);
    });
}

/// What a bridge's rules ask, and what they decide.
#[test]
fn rules_of_bridges_decide() {
    apart(|| {
        let mut net = Net::build("");
        load(
            "table bridge b {\nchain p { type filter hook prerouting priority -300;\niifname p1 meta mark set 7\n\
             iif p2 ip daddr 10.0.0.1 udp dport 99 drop\nether saddr 02:00:00:00:01:01 meta mark set meta mark or 8\n\
             meta pkttype other meta mark set meta mark or 16\nmeta pkttype host meta mark set meta mark or 32\n\
             meta protocol ip6 meta mark set meta mark or 64\nip protocol udp meta mark set meta mark or 128\n}\n\
             chain f { type filter hook forward priority 1; policy drop;\noifname p2 udp dport 99 accept\noif p1 accept\n}\n\
             chain q { type filter hook postrouting priority 0;\niifname p1 drop\noifname p2 udp dport 100 drop\noifname p2 accept\n}\n\
             chain o { type filter hook output priority 0;\noifname p2 udp dport 100 jump u\noifname br0 drop\n}\n\
             chain u {\nether type ip meta mark set 3 return\n}\n\
             chain i { type filter hook input priority 0;\nip daddr 192.168.1.77 udp dport 100 drop\nmeta mark & 32 == 0 drop\n}\n}\n\
             table inet f {\nchain f { type filter hook forward priority 0;\nmeta mark & 7 == 7 iifname br0 oifname br0 accept\n\
             iifname p1 drop\noifname p2 drop\nmeta pkttype host counter\n}\n\
             chain i { type filter hook input priority 0;\niifname br0 meta mark & 8 == 8 accept\nudp dport 100 iifname br0 drop\n}\n\
             chain q { type filter hook postrouting priority 0;\niifname br0 counter\noifname br0 counter\n\
             ether saddr 02:00:00:00:01:01 counter\n}\n}\n",
        );
        let to =
            ["10.0.0.1:99", "10.0.0.12:100", "10.0.0.1:100", "10.0.0.12:99", "192.168.1.77:99", "192.168.1.77:100"];
        let steps = play(&mut net, &["client", "server", "node"], &to);
        assert!(steps > 100, "{steps}");
        play(&mut net, &["client", "node"], &["[2001:db8::12]:99", "[2001:db8::1]:99", "[2001:db8:1::77]:99"]);
    });
}

/// A chain at both ends of every device, and IP's and bridges' between them.
fn devices() -> String {
    let mut rules = "table netdev d {\n".to_owned();
    for device in ["p1", "p2", "br0", "eth0", "lo"] {
        rules += &format!(
            "chain in_{device} {{ type filter hook ingress device {device} priority 0;\n}}\n\
             chain out_{device} {{ type filter hook egress device {device} priority 0;\n}}\n"
        );
    }
    rules += "}\ntable inet d {\nchain early { type filter hook ingress devices = { p1, br0 } priority -10;\n}\n\
              chain late { type filter hook ingress device eth0 priority 10;\n}\n}\n";
    rules + &everywhere()
}

#[test]
fn hooks_of_devices_come_first_and_last() {
    apart(|| {
        let mut net = Net::build("");
        load(&devices());
        let to = [
            "10.0.0.12:99",
            "10.0.0.1:99",
            "192.168.1.77:99",
            "192.168.1.2:100",
            "[2001:db8::12]:99",
            "[2001:db8::1]:99",
        ];
        let steps = play(&mut net, &["client", "outside", "node"], &to);
        assert!(steps > 300, "{steps}");
    });
}

/// What rules at devices ask, and what they decide.
#[test]
fn rules_of_devices_decide() {
    apart(|| {
        let mut net = Net::build("");
        load(
            "table netdev d {\nchain in_p1 { type filter hook ingress device p1 priority -300;\n\
             iifname p1 meta mark set 5\noifname p1 drop\nether saddr 02:00:00:00:01:01 meta mark set meta mark or 8\n\
             udp dport 99 ip daddr 10.0.0.12 drop\nip6 daddr 2001:db8::12 udp dport 100 drop\nip protocol udp counter\n}\n\
             chain out_eth0 { type filter hook egress device eth0 priority 0;\niifname br0 drop\noifname eth0 counter\n\
             meta mark 7 drop\nether saddr 02:00:00:00:00:03 counter\nudp dport 100 drop\n}\n\
             chain in_br0 { type filter hook ingress device br0 priority 0; policy accept;\niifname br0 jump u\n\
             udp dport 100 drop\n}\nchain u {\nip saddr 10.0.0.11 return\nmeta mark set 9\n}\n\
             chain out_p2 { type filter hook egress device p2 priority 0; policy drop;\nip saddr 10.0.0.1 accept\n\
             meta mark 13 accept\n}\n}\n\
             table inet f {\nchain f { type filter hook forward priority 0;\nmeta mark & 8 == 8 counter\n}\n\
             chain o { type filter hook output priority 0;\nudp dport 99 meta mark set 7\n}\n}\n",
        );
        let to =
            ["10.0.0.12:99", "10.0.0.12:100", "10.0.0.1:99", "10.0.0.1:100", "192.168.1.77:99", "192.168.1.77:100"];
        let steps = play(&mut net, &["client", "server", "outside", "node"], &to);
        assert!(steps > 100, "{steps}");
        play(&mut net, &["client", "node"], &["[2001:db8::12]:99", "[2001:db8::12]:100", "[2001:db8:1::77]:99"]);
    });
}

/// A packet that a rule sends out by a device is not this host's any longer; one that is doubled goes its way.
#[test]
fn rules_send_packets_aside() {
    apart(|| {
        let mut net = Net::build("");
        load(
            "table netdev d {\nchain in_p1 { type filter hook ingress device p1 priority 0;\n\
             ip daddr 10.0.0.1 udp dport 100 fwd to eth0\nip daddr 192.168.1.77 dup to p2\nudp dport 99 counter\n}\n\
             chain out_eth0 { type filter hook egress device eth0 priority 0;\nip daddr 192.168.1.77 udp dport 100 fwd to p2\n}\n}\n\
             table ip f {\nchain f { type filter hook prerouting priority 0;\n}\n}\n",
        );
        let to = ["10.0.0.1:100", "10.0.0.1:99", "192.168.1.77:99", "192.168.1.77:100"];
        let steps = play(&mut net, &["client", "node"], &to);
        assert!(steps > 20, "{steps}");
    });
}

/// What goes to all comes up to the host as well, and says so.
#[test]
fn packets_for_all_come_up_too() {
    apart(|| {
        let mut net = Net::build("");
        let asked = "fib daddr type broadcast counter\nmeta pkttype broadcast counter\nmeta pkttype host counter\n";
        let asks = format!("chain asks {{ type filter hook input priority 9;\n{asked}}}\nchain early {{");
        load(&devices().replace("chain early {", &asks));
        for whether in [true, false] {
            told(whether);
            let host = net.read();
            for (from, to) in
                [("client", "10.0.0.255:99"), ("client", "255.255.255.255:99"), ("outside", "192.168.1.255:99")]
            {
                let said = net.agree_on_all(&host, from, to);
                assert!(said.steps.len() >= 6, "{said:?}");
            }
        }
    });
}
