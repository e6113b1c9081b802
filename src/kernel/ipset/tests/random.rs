//! Sets that nobody thought of, loaded by the tool. They follow from `WHYPORT_SEED` (1); `WHYPORT_ROUNDS` (12) says how many
//! times eight of them are made.

use super::*;

/// A generator of numbers with a seed, so that what failed can be done again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn one_of<'t>(&mut self, all: &[&'t str]) -> &'t str {
        all[self.below(all.len() as u64) as usize]
    }

    fn chance(&mut self) -> bool {
        self.below(2) == 0
    }

    fn address(&mut self, six: bool) -> String {
        if six {
            let zeros = self.one_of(&["::", ":0:0:3::", ":1::", "::ffff:"]);
            format!("2001:{:x}{zeros}{:x}", self.below(0x10000), 1 + self.below(0xffff))
        } else {
            format!("{}.{}.{}.{}", 1 + self.below(200), self.below(256), self.below(256), self.below(256))
        }
    }

    fn net(&mut self, six: bool) -> String {
        let length = 1 + self.below(if six { 128 } else { 32 });
        format!("{}/{length}", self.address(six))
    }

    fn port(&mut self, six: bool) -> String {
        let icmp = if six { "icmpv6" } else { "icmp" };
        match self.below(6) {
            0 => format!("{}", self.below(65536)),
            1 => format!("udp:{}", self.below(65536)),
            2 => format!("{icmp}:{}/{}", self.below(256), self.below(16)),
            3 => format!("sctp:{}", self.below(65536)),
            4 => format!("{}:0", 2 + self.below(3)),
            _ => format!("{}:0", 140 + self.below(115)),
        }
    }

    fn element(&mut self, kind: &str, six: bool, n: u64) -> String {
        match kind {
            "bitmap:ip" => format!("10.0.{}.{}", self.below(16), self.below(256)),
            "bitmap:ip,mac" => format!("10.0.1.{},02:00:00:00:{:02x}:{n:02X}", n % 256, self.below(256)),
            "bitmap:port" => format!("{}", self.below(4096)),
            "hash:ip" => self.address(six),
            "hash:net" => self.net(six),
            "hash:ip,port" => format!("{},{}", self.address(six), self.port(six)),
            "hash:net,port" => format!("{},{}", self.net(six), self.port(six)),
            "hash:ip,port,ip" => format!("{},{},{}", self.address(six), self.port(six), self.address(six)),
            "hash:ip,port,net" => format!("{},{},{}", self.address(six), self.port(six), self.net(six)),
            _ => format!("{},{}if{n}", self.net(six), self.one_of(&["", "physdev:"])),
        }
    }

    fn set(&mut self, name: &str) -> String {
        let kind = self.one_of(&[
            "bitmap:ip",
            "bitmap:ip,mac",
            "bitmap:port",
            "hash:ip",
            "hash:net",
            "hash:ip,port",
            "hash:net,port",
            "hash:ip,port,ip",
            "hash:ip,port,net",
            "hash:net,iface",
        ]);
        let hash = kind.starts_with("hash");
        let six = hash && self.chance();
        let mut create = format!("create {name} {kind}");
        create += match kind {
            "bitmap:port" => " range 0-4095",
            _ if !hash => " range 10.0.0.0/20",
            _ if six => " family inet6",
            _ => " family inet",
        };
        let options = ["timeout", "counters", "comment", "skbinfo", "forceadd"];
        let given: Vec<bool> = options.iter().map(|name| self.chance() && (hash || *name != "forceadd")).collect();
        for (option, given) in options.iter().zip(&given) {
            if *given {
                create += &format!(" {option}{}", if *option == "timeout" { " 100000" } else { "" });
            }
        }
        if hash && self.chance() {
            create += &format!(" hashsize {} initval {:#x}", 1 << self.below(12), self.below(1 << 32));
        }
        if matches!(kind, "hash:ip" | "hash:ip,port") && self.chance() {
            create += &format!(" netmask {}", 8 + self.below(24));
        }
        let mut lines = create + "\n";
        for n in 0..self.below(60) {
            lines += &format!("add {name} {}", self.element(kind, six, n));
            if given[0] && self.chance() {
                lines += &format!(" timeout {}", self.below(3) * self.below(1_000_000));
            }
            if given[1] && self.chance() {
                lines += &format!(" packets {} bytes {}", self.below(1 << 50), self.below(1 << 60));
            }
            if given[2] && self.chance() {
                lines +=
                    &format!(" comment \"{} {n}\"", self.one_of(&["a", "ä", "timeout", "\\", "#", "  ", "create x"]));
            }
            if given[3] && self.chance() {
                lines += &format!(" skbmark {:#x}/{:#x}", self.below(1 << 32), self.below(1 << 32));
                lines +=
                    &format!(" skbprio {:x}:{:x} skbqueue {}", self.below(99), self.below(0x10000), self.below(99));
            }
            if kind.contains("net") && self.below(4) == 0 {
                lines += " nomatch";
            }
            lines += "\n";
        }
        lines
    }
}

#[test]
fn random_sets() {
    let given = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (seed, rounds) = (given("WHYPORT_SEED").unwrap_or(1), given("WHYPORT_ROUNDS").unwrap_or(12));
    println!("WHYPORT_SEED={seed}");
    apart(move || {
        // Spread over all bits: what is shifted in from a small number alone takes long to look random.
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..rounds {
            let sets: String = (0..8).map(|n| random.set(&format!("s{n}"))).collect();
            run(&["ipset", "-exist", "restore"], &sets);
            judge();
            run(&["ipset", "destroy"], "");
        }
    });
}
