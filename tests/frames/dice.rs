//! Rules at random, in the languages of nft and of iptables, for the hooks below IP and those of IP.
//!
//! Knows what those tools take where, and nothing of what rules do.

use std::fmt::Write as _;

/// The devices that rules of the node speak of.
pub const DEVICES: [&str; 4] = ["p1", "p2", "br0", "eth0"];

/// Numbers at random (xorshift).
pub struct Dice(u64);

impl Dice {
    /// Begins with a seed.
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below this one.
    pub fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }

    /// True once in so many times.
    pub fn one_in(&mut self, many: usize) -> bool {
        self.next(many) == 0
    }

    /// One of these.
    pub fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.next(words.len())]
    }

    /// What a rule of a chain asks.
    pub fn condition(&mut self, family: &str, hook: &str) -> String {
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

    /// A rule; `jumps`: it may lead to the chain `u`.
    pub fn rule(&mut self, family: &str, hook: &str, jumps: bool) -> String {
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
}

/// Chains of iptables with the hooks of their tables.
const TABLES: [(&str, &[&str]); 3] = [
    ("raw", &["PREROUTING", "OUTPUT"]),
    ("mangle", &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]),
    ("filter", &["INPUT", "FORWARD", "OUTPUT"]),
];

impl Dice {
    /// What iptables-restore reads: rules that ask for the ports of the bridge, and translations.
    pub fn tables(&mut self) -> String {
        let mut text = String::new();
        for (table, chains) in TABLES {
            let _ = writeln!(text, "*{table}");
            for chain in chains {
                let drops = table == "filter" && self.one_in(8);
                let _ = writeln!(text, ":{chain} {}", if drops { "DROP" } else { "ACCEPT" });
            }
            text += ":u -\n";
            for chain in chains.iter().chain(&["u"]) {
                for _ in 0..self.next(4) {
                    let asks = self.asks(chain);
                    let does = match self.next(8) {
                        0 => "DROP",
                        1 | 2 => "ACCEPT",
                        3 => "MARK --set-xmark 0x1/0x1",
                        4 => "MARK --set-xmark 0x2/0x2",
                        5 if *chain != "u" => "u",
                        6 => "RETURN",
                        _ => "MARK --set-xmark 0x0/0x1",
                    };
                    let _ = writeln!(text, "-A {chain}{asks} -j {does}");
                }
            }
            text += "COMMIT\n";
        }
        if self.one_in(2) {
            text += "*nat\n:PREROUTING ACCEPT\n:POSTROUTING ACCEPT\n";
            for chain in ["PREROUTING", "PREROUTING", "POSTROUTING"] {
                let asks = self.asks(chain);
                let does = match chain {
                    "PREROUTING" => {
                        self.pick(&["DNAT --to-destination 10.0.0.12:100", "REDIRECT --to-ports 100", "ACCEPT"])
                    }
                    _ => self.pick(&["MASQUERADE", "SNAT --to-source 10.0.0.77", "ACCEPT"]),
                };
                let _ = writeln!(text, "-A {chain} -p udp{asks} -j {does}");
            }
            text += "COMMIT\n";
        }
        text
    }

    /// What a rule of a chain of iptables asks, each thing once.
    fn asks(&mut self, chain: &str) -> String {
        let mut text = String::new();
        for _ in 0..=self.next(2) {
            let not = if self.one_in(3) { "! " } else { "" };
            let port = self.pick(&["p1", "p2", "p+", "eth0"]);
            let device = self.pick(&["br0", "eth0", "p1", "br+", "lo"]);
            let leaves = matches!(chain, "FORWARD" | "POSTROUTING");
            let enters = !matches!(chain, "OUTPUT" | "u");
            let part = match self.next(10) {
                0 | 1 if enters => format!("-m physdev {not}--physdev-in {port}"),
                2 | 3 if leaves => format!("-m physdev {not}--physdev-out {port}"),
                4 if enters => format!("-m physdev {not}--physdev-is-bridged"),
                5 if enters => format!("-m physdev {not}--physdev-is-in"),
                6 if leaves => format!("-m physdev {not}--physdev-is-out"),
                7 if enters && chain != "POSTROUTING" => format!("{not}-i {device}"),
                7 if leaves || chain == "OUTPUT" => format!("{not}-o {device}"),
                8 => format!("{not}-d {}", self.pick(&["10.0.0.12", "10.0.0.0/28", "192.168.1.77", "10.0.0.1"])),
                9 => format!("-m mark {not}--mark {}", self.pick(&["0x1/0x1", "0x0", "0x2/0x2"])),
                _ => format!("{not}-s {}", self.pick(&["10.0.0.11", "10.0.0.0/24", "192.168.1.77", "10.0.0.1"])),
            };
            let option = part.split(' ').rfind(|word| word.starts_with('-')).unwrap_or_default().to_owned();
            if !(text.contains(&format!(" {option} ")) || part.contains("physdev") && text.contains("physdev")) {
                let _ = write!(text, " {part}");
            }
        }
        text
    }
}
