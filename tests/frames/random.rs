//! Rules at random at every hook below IP and of IP, and packets across the bridge: the kernel and whyport say the same.

use crate::net::Net;
use crate::world::{apart, attempt, run, set_all};

const DEVICES: [&str; 4] = ["p1", "p2", "br0", "eth0"];
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

/// Numbers at random (xorshift).
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.next(many) == 0
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.next(words.len())]
    }

    /// What a rule of a chain asks.
    fn condition(&mut self, family: &str, hook: &str) -> String {
        let device = self.pick(&DEVICES);
        let in_frame = family != "inet" || hook == "prerouting";
        match self.next(13) {
            0 => format!("iifname \"{device}\""),
            1 => format!("oifname \"{device}\""),
            2 => format!("iifname != \"{device}\""),
            3 => format!("oif != \"{device}\""),
            4 => format!("iif \"{device}\""),
            5 => format!("ip saddr {}", self.pick(&["10.0.0.11", "10.0.0.0/24", "192.168.1.77", "10.0.0.1"])),
            6 => format!("ip daddr {}", self.pick(&["10.0.0.12", "10.0.0.0/28", "192.168.1.77", "10.0.0.1"])),
            7 => format!("udp dport {}", self.pick(&["99", "100", "{ 99, 101-200 }", "!= 99"])),
            8 => format!("meta mark {}", self.pick(&["0", "1", "!= 2", "{ 1, 3 }"])),
            9 if in_frame => format!("ether saddr {}", self.pick(&["02:00:00:00:01:01", "02:00:00:00:00:00"])),
            10 => format!("meta pkttype {}", self.pick(&["host", "other", "!= host"])),
            11 if in_frame => format!("meta iiftype {}", self.pick(&["ether", "loopback", "!= ether"])),
            _ => format!("meta protocol {}", self.pick(&["ip", "ip6"])),
        }
    }

    fn rule(&mut self, family: &str, hook: &str, jumps: bool) -> String {
        let mut rule = String::new();
        for _ in 0..=self.next(2) {
            rule += &self.condition(family, hook);
            rule.push(' ');
        }
        rule + match self.next(9) {
            0 => "drop",
            1 | 2 => "accept",
            3 => "meta mark set 1",
            4 => "meta mark set meta mark or 2",
            5 => "meta mark set 3 return",
            6 if jumps => "jump u",
            7 if jumps => "goto u",
            _ => "counter",
        }
    }

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

/// Plays packets against rules of this seed, and gives how many.
fn play(net: &mut Net, seed: u64) -> usize {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut loaded = String::new();
    for family in ["bridge", "inet", "netdev"] {
        loaded += &dice.table(family);
    }
    if dice.one_in(2) {
        loaded += &dice.nat();
    }
    if attempt(&["nft", "-f", "-"], &loaded).is_err() {
        return 0;
    }
    let told = dice.pick(&["0", "1"]);
    set_all(&[("bridge/bridge-nf-call-iptables", told), ("bridge/bridge-nf-call-ip6tables", told)]);
    set_all(&[("ipv4/ip_forward", if dice.one_in(6) { "0" } else { "1" })]);
    for port in ["p1", "p2"] {
        run(&["ip", "link", "set", port, "type", "bridge_slave", "hairpin", dice.pick(&["on", "off"])], "");
    }
    let host = net.read();
    let before = format!("seed {seed}, told of frames: {told}\n{loaded}");
    let mut played = 0;
    for _ in 0..8 {
        let (from, to) = (dice.pick(&FROM), dice.pick(&TO));
        if net.has(from, to) {
            continue;
        }
        net.agree_about(&host, from, to, &before);
        played += 1;
    }
    for table in ["bridge t", "inet t", "netdev t", "ip n"] {
        let _ = attempt(
            &["nft", "delete", "table", table.split(' ').next().unwrap(), table.split(' ').nth(1).unwrap()],
            "",
        );
    }
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
