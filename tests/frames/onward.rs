//! Published ports and the containers behind them: the way goes on into the namespace of the container, and on from there.
//!
//! Each namespace has rules of its own, by lot: the node those of Docker or of a CNI plugin, the containers such as turn a
//! packet away again. What the kernel tells in each namespace, and who gets the packet in the end, is what the walk says.

use std::fmt::Write as _;
use std::net::UdpSocket;
use std::time::Duration;

use crate::dice::Dice;
use crate::net::mac;
use crate::town::Town;
use crate::world::{apart, run, set_all};

/// Whom packets are sent to.
const TO: [&str; 8] = [
    "192.168.1.2:99",
    "192.168.1.2:100",
    "192.168.1.2:80",
    "10.0.0.1:99",
    "10.0.0.1:80",
    "10.0.0.12:99",
    "10.0.0.12:100",
    "192.168.1.77:80",
];

impl Dice {
    /// Ports that the node publishes, as Docker does or as the portmap plugin does.
    fn published(&mut self) -> String {
        let mut text = String::from("*nat\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT\n:PUBLISHED -\n");
        text += "-A PREROUTING -m addrtype --dst-type LOCAL -j PUBLISHED\n";
        let but = self.pick(&["! -d 127.0.0.0/8 ", ""]);
        let _ = writeln!(text, "-A OUTPUT {but}-m addrtype --dst-type LOCAL -j PUBLISHED");
        let inside = self.pick(&["", "! -i br0 "]);
        if self.one_in(3) {
            text += "-A PUBLISHED -s 10.0.0.0/24 -j MARK --set-xmark 0x2000/0x2000\n";
            text += "-A POSTROUTING -m mark --mark 0x2000/0x2000 -j MASQUERADE\n";
        }
        for (at, port) in [("99", "100"), ("80", "99"), ("100", "100")] {
            if self.one_in(3) {
                continue;
            }
            let pod = self.pick(&["10.0.0.12", "10.0.0.12", "10.0.0.11"]);
            let _ = writeln!(text, "-A PUBLISHED {inside}-p udp --dport {at} -j DNAT --to-destination {pod}:{port}");
            if self.one_in(2) {
                let _ = writeln!(text, "-A POSTROUTING -s {pod}/32 -d {pod}/32 -p udp --dport {port} -j MASQUERADE");
            }
        }
        if self.one_in(2) {
            text += "-A POSTROUTING -s 10.0.0.0/24 ! -o br0 -j MASQUERADE\n";
        }
        let policy = self.pick(&["ACCEPT", "ACCEPT", "DROP"]);
        let _ = write!(text, "COMMIT\n*filter\n:INPUT ACCEPT\n:FORWARD {policy}\n:OUTPUT ACCEPT\n");
        text +=
            "-A FORWARD ! -i br0 -o br0 -m conntrack --ctstate DNAT -j ACCEPT\n-A FORWARD -i br0 -o br0 -j ACCEPT\n";
        if self.one_in(4) {
            text += "-A FORWARD -o br0 -m conntrack --ctorigdstport 99 -j DROP\n";
        }
        text + "-A FORWARD -i br0 ! -o br0 -j ACCEPT\nCOMMIT\n"
    }

    /// What a container does with a packet: it takes it, or sends it to somebody else.
    fn turned(&mut self) -> String {
        let mut text = String::from("table ip turned {\nchain pre {\ntype nat hook prerouting priority -100;\n");
        for _ in 0..self.next(3) {
            let to = self.pick(&[
                "10.0.0.1:99",
                "10.0.0.11:100",
                "10.0.0.12:99",
                "192.168.1.77:99",
                "192.168.1.2:80",
                ":100",
            ]);
            let does = if to.starts_with(':') { format!("redirect to {to}") } else { format!("dnat to {to}") };
            let asks = self.pick(&["iifname \"eth0\" ", "ip saddr 192.168.1.0/24 ", "ip saddr != 10.0.0.1 ", ""]);
            let _ = writeln!(text, "{asks}udp dport {} {does}", self.pick(&["99", "100", "{ 80, 99 }"]));
        }
        text += "}\nchain post {\ntype nat hook postrouting priority 100;\n";
        if self.one_in(2) {
            text += "ip daddr != 127.0.0.0/8 masquerade\n";
        }
        text += "}\nchain forward {\ntype filter hook forward priority 1;\n";
        if self.one_in(6) {
            text += "ip daddr 10.0.0.1 drop\n";
        }
        text + "}\nchain input {\ntype filter hook input priority 1;\nudp dport 80 drop\n}\nchain early {\n\
                type filter hook prerouting priority -300;\nip saddr 192.168.1.77 meta mark set 7\n}\n}\n"
    }
}

/// The node with its bridge, two containers on it, and an outside: everybody knows everybody.
fn town() -> Town {
    let town = Town::build(["node", "client", "server", "outside"]);
    let mut lines = format!("link add br0 address {} type bridge mcast_snooping 0\n", mac("br0", false));
    for (device, there) in [("p1", "@client"), ("p2", "@server"), ("eth0", "@outside")] {
        let (own, other) = (mac(device, false), mac(device, true));
        let _ =
            writeln!(lines, "link add {device} address {own} type veth peer name eth0 address {other} netns {there}");
        let _ = writeln!(lines, "link set {device} up");
    }
    lines += "link set p1 master br0\nlink set p2 master br0\nlink set br0 up\naddr add 10.0.0.1/24 dev br0\n\
              addr add 192.168.1.2/24 dev eth0\n";
    for (addr, device, by) in [("10.0.0.11", "p1", "br0"), ("10.0.0.12", "p2", "br0"), ("192.168.1.77", "eth0", "eth0")]
    {
        let _ = writeln!(lines, "neigh add {addr} lladdr {} dev {by} nud permanent", mac(device, true));
    }
    town.wire("node", &lines);
    let known = |device: &str| format!("fdb add {} dev {device} master static\n", mac(device, true));
    town.at("node", || run(&["bridge", "-batch", "-"], &["p1", "p2"].map(known).concat()));
    for (name, own, via, router) in [
        ("client", "10.0.0.11", "10.0.0.1", "br0"),
        ("server", "10.0.0.12", "10.0.0.1", "br0"),
        ("outside", "192.168.1.77", "192.168.1.2", "eth0"),
    ] {
        let mut lines = format!("link set eth0 up\naddr add {own}/24 dev eth0\nroute add 0.0.0.0/0 via {via}\n");
        let _ = writeln!(lines, "neigh add {via} lladdr {} dev eth0 nud permanent", mac(router, false));
        for (addr, device) in [("10.0.0.11", "p1"), ("10.0.0.12", "p2")] {
            if router == "br0" && addr != own {
                let _ = writeln!(lines, "neigh add {addr} lladdr {} dev eth0 nud permanent", mac(device, true));
            }
        }
        town.wire(name, &lines);
    }
    town.at("node", || {
        set_all(&[("ipv4/ip_forward", "1")]);
        let ready = (0..1000).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            let up = run(&["bridge", "link"], "").matches("state forwarding").count();
            up == 2 && run(&["ip", "-oneline", "link", "show", "up"], "").matches("LOWER_UP").count() == 5
        });
        assert!(ready, "the devices never came up");
        // Until something went to a neighbour its frame's head is not ready, and the first one that is translated on its way
        // across the bridge goes out by the bridge itself (`br_nf_pre_routing_finish_bridge`).
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        for to in ["10.0.0.11:9", "10.0.0.12:9", "192.168.1.77:9"] {
            socket.send_to(b"judge", to).unwrap();
        }
    });
    town
}

/// Plays packets against rules of this seed, and gives how many there were, and through how many namespaces they came.
fn play(town: &mut Town, seed: u64) -> (usize, usize) {
    let mut dice = Dice::new(seed);
    let mut about = format!("seed {seed}\n");
    let told = dice.pick(&["0", "1"]);
    set_all(&[("bridge/bridge-nf-call-iptables", told), ("ipv4/conf/all/route_localnet", dice.pick(&["0", "1"]))]);
    for port in ["p1", "p2"] {
        let hairpin = dice.pick(&["on", "off"]);
        run(&["ip", "link", "set", port, "type", "bridge_slave", "hairpin", hairpin], "");
        let _ = writeln!(about, "{port} hairpin {hairpin}, told of frames: {told}");
    }
    run(&["nft", "flush", "ruleset"], "");
    let published = dice.published();
    run(&["iptables-nft-restore"], &published);
    town.load("node", &["p1", "p2", "br0", "eth0"], "");
    about += &published;
    for name in ["client", "server", "outside"] {
        let (turned, forwards) = (dice.turned(), dice.pick(&["1", "1", "0"]));
        town.at(name, || {
            run(&["nft", "flush", "ruleset"], "");
            set_all(&[("ipv4/ip_forward", forwards)]);
        });
        town.load(name, &["eth0"], &turned);
        let _ = writeln!(about, "{name} forwards: {forwards}\n{turned}");
    }
    let host = town.read_own();
    let (mut played, mut passed) = (0, 0);
    for _ in 0..6 {
        let (from, to) = (dice.pick(&["client", "server", "outside", "node"]), dice.pick(&TO));
        if !town.circles(&host, from, to) {
            town.forget_flows();
            played += 1;
            passed += town.agree_about(&host, from, to, &about).steps.len();
        }
    }
    (played, passed)
}

fn play_all(seeds: impl Iterator<Item = u64> + Send + 'static) {
    apart(move || {
        let mut town = town();
        let (mut packets, mut namespaces) = (0, 0);
        for seed in seeds {
            let (played, passed) = play(&mut town, seed);
            packets += played;
            namespaces += passed;
        }
        println!("{packets} packets through {namespaces} namespaces");
        assert!(packets > 20 && namespaces > 2 * packets, "{packets} packets through {namespaces} namespaces");
    });
}

/// What a container sends back finds the flow that it came by: with the addresses of the beginning it is translated as then, by no
/// chain, and with those of an answer it is one.
#[test]
fn what_comes_back_finds_its_flow() {
    apart(|| {
        let mut town = town();
        let node = "table ip n {\nchain pre {\ntype nat hook prerouting priority -100;\n\
                    iifname \"eth0\" udp dport { 80, 100 } dnat to 10.0.0.12:99\n}\n\
                    chain out {\ntype nat hook output priority -100;\nudp dport 80 dnat to 10.0.0.12:99\n}\n\
                    chain state {\ntype filter hook forward priority 1;\nct state new counter\nct state established counter\n\
                    ct direction reply counter\nct status seen-reply counter\nct status dnat counter\nct mark 5 counter\n\
                    ct mark set 5\n}\n}\n";
        let forth = "table ip turned {\nchain pre {\ntype nat hook prerouting priority -100;\n\
                     udp dport 99 dnat to 192.168.1.2:80\n}\n}\n";
        let back = "table ip turned {\nchain pre {\ntype nat hook prerouting priority -100;\n\
                    udp dport 99 dnat to 192.168.1.77:4000\n}\nchain post {\ntype nat hook postrouting priority 100;\n\
                    meta l4proto udp snat to 10.0.0.12:99\n}\n}\n";
        town.load("node", &["p1", "p2", "br0", "eth0"], node);
        town.load(
            "outside",
            &["eth0"],
            "table ip o {\nchain i {\ntype filter hook input priority 1;\nct state established\n}\n}\n",
        );
        for (turned, from, translated) in [(forth, "node", 0), (forth, "outside", 2), (back, "outside", 1)] {
            town.at("server", || {
                run(&["nft", "flush", "ruleset"], "");
                set_all(&[("ipv4/ip_forward", "1")]);
            });
            town.load("server", &["eth0"], turned);
            let host = town.read_own();
            // What was made here was translated in output, and what goes to port 100 comes back as something new.
            let to = if from == "node" { "192.168.1.2:80" } else { "192.168.1.2:100" };
            town.forget_flows();
            let said = town.agree(&host, from, to);
            let walked = said.steps["node"].iter().filter(|step| step.starts_with("ip n pre ")).count();
            assert!(walked == translated && said.steps.contains_key("server"), "{said:?}");
        }
    });
}

#[test]
fn published_ports_and_who_is_behind() {
    play_all(1..=12);
}

/// As many as asked for: `WHYPORT_SEEDS=1000-2000`.
#[test]
#[ignore = "it takes as long as one likes"]
fn more_published_ports_and_who_is_behind() {
    let seeds = std::env::var("WHYPORT_SEEDS").unwrap_or_else(|_| "100-200".to_owned());
    let (first, last) = seeds.split_once('-').unwrap();
    play_all(first.parse().unwrap()..=last.parse().unwrap());
}
