//! Rules at random at every hook below IP and of IP, and packets across the bridge: the kernel and whyport say the same.

use crate::dice::{DEVICES, Dice};
use crate::net::Net;
use crate::world::{apart, attempt, run, set_all};

const FROM: [&str; 4] = ["client", "server", "outside", "node"];
const TO: [&str; 8] = [
    "10.0.0.12:99",
    "10.0.0.11:100",
    "10.0.0.1:99",
    "10.0.0.1:100",
    "192.168.1.77:99",
    "192.168.1.77:100",
    "[2001:db8::12]:99",
    "[2001:db8::1]:100",
];

impl Dice {
    /// A base chain with some rules.
    fn chain(&mut self, name: &str, family: &str, hook: &str, device: &str, priority: i32) -> String {
        let policy = if self.one_in(12) { "drop" } else { "accept" };
        let mut chain =
            format!("chain {name} {{ type filter hook {hook} {device} priority {priority}; policy {policy};\n");
        for _ in 0..self.next(4) {
            chain += &self.rule(family, hook, true);
            chain.push('\n');
        }
        chain + "}\n"
    }

    /// A table of a family: each hook may have chains, no two of one priority.
    fn table(&mut self, family: &str) -> String {
        let mut table = format!("table {family} t {{\nchain u {{\n");
        for _ in 0..self.next(3) {
            table += &self.rule("inet", "forward", false);
            table.push('\n');
        }
        table += "}\n";
        let hooks: &[&str] = match family {
            "netdev" => &["ingress", "egress"],
            _ => &["prerouting", "input", "forward", "output", "postrouting"],
        };
        let devices: &[&str] = if family == "netdev" { &DEVICES } else { &[""] };
        for (hook, device) in hooks.iter().flat_map(|hook| devices.iter().map(move |device| (*hook, *device))) {
            for count in 0..self.next(3) as i32 {
                let at = if device.is_empty() { String::new() } else { format!("device {device}") };
                let priority = count * 7 - 3 + self.next(6) as i32;
                // Nothing tells which of two equals is first, and those of iptables are at 0.
                let priority = if priority == 0 { 3 } else { priority };
                table += &self.chain(&format!("{hook}_{device}_{count}"), family, hook, &at, priority);
            }
        }
        table + "}\n"
    }

    /// Translation, for some.
    fn nat(&mut self) -> String {
        let mut table = "table ip n {\n".to_owned();
        for (hook, priority) in [("prerouting", -100), ("output", -100), ("postrouting", 100)] {
            table += &format!("chain {hook} {{ type nat hook {hook} priority {priority};\n");
            for _ in 0..self.next(3) {
                let condition = self.condition("inet", hook);
                let to = self.pick(&["10.0.0.12:100", "10.0.0.1:99", "192.168.1.77", "10.0.0.11", "10.0.0.12"]);
                let does = match hook {
                    "postrouting" => self.pick(&["masquerade", "snat to 10.0.0.77", "accept"]).to_owned(),
                    _ if self.one_in(5) => "redirect to :100".to_owned(),
                    _ => format!("dnat to {to}"),
                };
                table += &format!("{condition} meta l4proto udp {does}\n");
            }
            table += "}\n";
        }
        table + "}\n"
    }
}

/// Takes tables away, where they are.
fn forget(tables: &[(&str, &str)]) {
    let text: String =
        tables.iter().map(|(family, name)| format!("table {family} {name}\ndelete table {family} {name}\n")).collect();
    run(&["nft", "-f", "-"], &text);
}

/// Plays packets against rules of this seed, and gives how many.
fn play(net: &mut Net, seed: u64) -> usize {
    let mut dice = Dice::new(seed);
    let mut loaded = String::new();
    for family in ["bridge", "inet", "netdev"] {
        loaded += &dice.table(family);
    }
    // Those of iptables translate at the priorities of the native ones.
    let tables = if seed.is_multiple_of(2) { dice.tables() } else { String::new() };
    if tables.is_empty() && dice.one_in(2) {
        loaded += &dice.nat();
    }
    if attempt(&["nft", "-f", "-"], &loaded).is_err() {
        return 0;
    }
    run(&["iptables-nft-restore"], &tables);
    let told = dice.pick(&["0", "1"]);
    set_all(&[("bridge/bridge-nf-call-iptables", told), ("bridge/bridge-nf-call-ip6tables", told)]);
    set_all(&[("ipv4/ip_forward", if dice.one_in(6) { "0" } else { "1" })]);
    for port in ["p1", "p2"] {
        run(&["ip", "link", "set", port, "type", "bridge_slave", "hairpin", dice.pick(&["on", "off"])], "");
    }
    let host = net.read();
    let before = format!("seed {seed}, told of frames: {told}\n{loaded}{tables}");
    let mut played = 0;
    for _ in 0..8 {
        let (from, to) = (dice.pick(&FROM), dice.pick(&TO));
        if net.has(from, to) {
            continue;
        }
        net.agree_about(&host, from, to, &before);
        played += 1;
    }
    forget(&[("bridge", "t"), ("inet", "t"), ("netdev", "t"), ("ip", "n")]);
    forget(&["raw", "mangle", "filter", "nat"].map(|table| ("ip", table)));
    played
}

fn play_all(seeds: impl Iterator<Item = u64> + Send + 'static) {
    apart(move || {
        let mut net = Net::build("");
        let (mut rulesets, mut packets) = (0, 0);
        for seed in seeds {
            let played = play(&mut net, seed);
            rulesets += usize::from(played > 0);
            packets += played;
        }
        println!("{packets} packets against {rulesets} rulesets");
        assert!(packets > 20, "{packets} packets against {rulesets} rulesets");
    });
}

#[test]
fn random_rules_of_frames() {
    play_all(1..=12);
}

/// As many as asked for: `WHYPORT_SEEDS=1000-2000`.
#[test]
#[ignore = "it takes as long as one likes"]
fn more_random_rules_of_frames() {
    let seeds = std::env::var("WHYPORT_SEEDS").unwrap_or_else(|_| "100-200".to_owned());
    let (first, last) = seeds.split_once('-').unwrap();
    play_all(first.parse().unwrap()..=last.parse().unwrap());
}
