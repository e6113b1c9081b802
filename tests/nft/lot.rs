//! Native rulesets that nobody thought of: tables of every family with sets, maps, objects, and rules that ask and do things.
//!
//! Most of what is drawn has a meaning to nft; what has none is for the caller to leave out.

/// A generator of numbers with a seed, so that what failed can be done again.
pub struct Lot(u64);

/// What a field's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Address4,
    Address6,
    Port,
    Byte,
    Short,
    Mark,
    Device,
    State,
    Status,
    Flags,
    Mac,
    Words(&'static [&'static str]),
}

type Field = (&'static str, Kind);

const DSCP: Kind = Kind::Words(&["cs1", "cs5", "af11", "ef", "0x05"]);
const PROTOCOL: Kind = Kind::Words(&["tcp", "udp", "icmp", "ipv6-icmp", "sctp", "esp"]);
const ICMP: Kind = Kind::Words(&["echo-request", "echo-reply", "destination-unreachable", "redirect", "time-exceeded"]);
const ICMP6: Kind = Kind::Words(&["echo-request", "packet-too-big", "nd-neighbor-solicit", "nd-router-advert"]);
const PACKET: Kind = Kind::Words(&["host", "broadcast", "multicast", "other"]);
const DIRECTION: Kind = Kind::Words(&["original", "reply"]);
const LOCAL: Kind = Kind::Words(&["local", "unicast", "broadcast", "multicast", "blackhole"]);
const ETHER_TYPE: Kind = Kind::Words(&["ip", "ip6", "arp", "8021q"]);
const ARP: Kind = Kind::Words(&["request", "reply", "inreply"]);
const DAY: Kind = Kind::Words(&["\"Monday\"", "\"Friday\"", "\"Sunday\""]);

/// Of every family.
const ANYWHERE: &[Field] = &[
    ("meta mark", Kind::Mark),
    ("iifname", Kind::Device),
    ("oifname", Kind::Device),
    ("meta pkttype", PACKET),
    ("meta length", Kind::Short),
    ("meta cpu", Kind::Short),
    ("meta day", DAY),
    ("meta skuid", Kind::Short),
];
/// Of families with transport protocols.
const TRANSPORT: &[Field] = &[
    ("tcp dport", Kind::Port),
    ("tcp sport", Kind::Port),
    ("udp dport", Kind::Port),
    ("udp length", Kind::Short),
    ("tcp flags", Kind::Flags),
    ("tcp window", Kind::Short),
    ("th dport", Kind::Port),
    ("meta l4proto", PROTOCOL),
    ("sctp dport", Kind::Port),
    ("tcp option maxseg size", Kind::Short),
    ("udp checksum", Kind::Short),
];
/// Where conntrack is.
const TRACKED: &[Field] = &[
    ("ct state", Kind::State),
    ("ct status", Kind::Status),
    ("ct mark", Kind::Mark),
    ("ct direction", DIRECTION),
    ("ct protocol", PROTOCOL),
    ("ct original proto-dst", Kind::Port),
];
const IP: &[Field] = &[
    ("ip saddr", Kind::Address4),
    ("ip daddr", Kind::Address4),
    ("ip dscp", DSCP),
    ("ip ttl", Kind::Byte),
    ("ip length", Kind::Short),
    ("ip id", Kind::Short),
    ("ip protocol", PROTOCOL),
    ("icmp type", ICMP),
    ("icmp code", Kind::Byte),
    ("icmp id", Kind::Short),
    ("ip hdrlength", Kind::Words(&["5", "6", "15"])),
];
const IP6: &[Field] = &[
    ("ip6 saddr", Kind::Address6),
    ("ip6 daddr", Kind::Address6),
    ("ip6 dscp", DSCP),
    ("ip6 hoplimit", Kind::Byte),
    ("ip6 length", Kind::Short),
    ("ip6 nexthdr", PROTOCOL),
    ("ip6 flowlabel", Kind::Short),
    ("icmpv6 type", ICMP6),
    ("icmpv6 code", Kind::Byte),
    ("frag id", Kind::Short),
];
const ROUTED: &[Field] =
    &[("fib daddr type", LOCAL), ("fib saddr . iif oif", Kind::Device), ("ct original ip saddr", Kind::Address4)];
const FRAMES: &[Field] =
    &[("ether saddr", Kind::Mac), ("ether daddr", Kind::Mac), ("ether type", ETHER_TYPE), ("vlan id", Kind::Byte)];
const ARPS: &[Field] = &[
    ("arp operation", ARP),
    ("arp saddr ip", Kind::Address4),
    ("arp daddr ip", Kind::Address4),
    ("arp saddr ether", Kind::Mac),
    ("arp htype", Kind::Short),
];

/// The fields that rules of a family ask for.
fn fields(family: &str) -> Vec<Field> {
    let lists: &[&[Field]] = match family {
        "ip" => &[ANYWHERE, TRANSPORT, TRACKED, IP, &ROUTED[..1]],
        "ip6" => &[ANYWHERE, TRANSPORT, TRACKED, IP6, &ROUTED[..1]],
        "inet" => &[ANYWHERE, TRANSPORT, TRACKED, IP, IP6, ROUTED],
        "bridge" => &[ANYWHERE, TRANSPORT, IP, IP6, FRAMES],
        "netdev" => &[ANYWHERE, TRANSPORT, IP, IP6, FRAMES],
        _ => &[ANYWHERE, ARPS],
    };
    lists.concat()
}

/// What is declared in every table, and may be asked.
const SETS: &str = "
  set addresses { type ipv4_addr; elements = { 10.0.0.1, 10.0.0.2 } }
  set nets { type ipv4_addr; flags interval; elements = { 10.1.0.0/16, 10.3.0.1-10.3.0.9 } }
  set nets6 { type ipv6_addr; flags interval; elements = { 2001:db8::/32, ::5 } }
  set services { type inet_service; flags interval; elements = { 22, 8000-8100 } }
  set flows { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 80, 10.0.0.1 . 90-99 } }
  set timed { type ipv4_addr; flags timeout; timeout 1h; elements = { 10.0.0.9 timeout 2h comment \"nine\" } }
  set seen { type ipv4_addr; size 100; flags dynamic,timeout; }
  set seen6 { type ipv6_addr; size 100; flags dynamic; }
  set talking { type ipv4_addr . inet_service; size 64; flags dynamic; counter; }
  map hosts { type inet_service : ipv4_addr; elements = { 80 : 10.0.0.1 } }
  map places { type inet_service : ipv4_addr . inet_service; elements = { 80 : 10.0.0.1 . 8080 } }
  map marks { type ipv4_addr : mark; flags interval; elements = { 10.0.0.0/8 : 0x5 } }
  map ways { type inet_service : verdict; elements = { 22 : accept, 23 : jump y } }
  counter hits { packets 3 bytes 180 }
  quota few { 10 mbytes }
  limit slow { rate 5/minute }
  chain x { }
  chain y {
    counter
  }
";

impl Lot {
    pub fn new(seed: u64) -> Lot {
        Lot(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    fn chance(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    /// A table: what comes before the rules, and the rules, each of which is the only one of its chain.
    pub fn table(&mut self) -> (&'static str, String, Vec<String>) {
        let family = self.pick(&["ip", "ip6", "inet", "inet", "bridge", "netdev", "arp"]);
        let fields = fields(family);
        let rules = (0..16 + self.below(16)).map(|_| self.rule(family, &fields)).collect();
        (family, self.head(family), rules)
    }

    /// Sets, objects and chains at hooks.
    fn head(&mut self, family: &str) -> String {
        let mut head = SETS.to_owned();
        let hook = match family {
            "netdev" => "type filter hook ingress device lo priority 7".to_owned(),
            "arp" => "type filter hook input priority 0".to_owned(),
            _ => {
                let hook = self.pick(&["prerouting", "input", "forward", "output", "postrouting"]);
                let priority = self.pick(&["filter", "filter + 5", "-150", "100", "0"]);
                format!("type filter hook {hook} priority {priority}")
            }
        };
        let policy = self.pick(&["accept", "drop"]);
        head.push_str(&format!("  chain base {{ {hook}; policy {policy};\n    jump y\n  }}\n"));
        head
    }

    fn rule(&mut self, family: &str, fields: &[Field]) -> String {
        let mut parts: Vec<String> = (0..self.below(4)).map(|_| self.condition(fields)).collect();
        for _ in 0..self.below(3) {
            parts.push(self.statement(family));
            if self.chance(4) {
                parts.push(self.condition(fields));
            }
        }
        if self.chance(2) {
            parts.push(self.end(family, fields));
        }
        if parts.is_empty() {
            parts.push("counter".to_owned());
        }
        if self.chance(6) {
            parts.push("comment \"what it is for\"".to_owned());
        }
        parts.join(" ")
    }

    fn condition(&mut self, fields: &[Field]) -> String {
        let (name, kind) = self.pick(fields);
        let sign = self.pick(&["", "", "!= "]);
        match self.below(9) {
            0 | 1 => format!("{name} {sign}{}", self.value(kind)),
            2 => format!("{name} {sign}{}", self.range(kind)),
            3 => format!("{name} {sign}{{ {} }}", self.list(kind)),
            4 => match self.named(kind) {
                Some(set) => format!("{name} {sign}@{set}"),
                None => format!("{name} {sign}{{ {} }}", self.list(kind)),
            },
            5 => self.masked(name, kind),
            6 => match kind {
                Kind::Byte | Kind::Short | Kind::Port => {
                    let order = self.pick(&["<", "<=", ">", ">="]);
                    format!("{name} {order} {}", self.value(kind))
                }
                _ => format!("{name} {sign}{}", self.value(kind)),
            },
            7 => {
                let (other, other_kind) = self.pick(fields);
                let items: Vec<String> = (0..1 + self.below(3))
                    .map(|_| format!("{} . {}", self.value(kind), self.part(other_kind)))
                    .collect();
                format!("{name} . {other} {sign}{{ {} }}", items.join(", "))
            }
            _ => format!("{name} {}", self.value(kind)),
        }
    }

    /// A set of this kind that every table has.
    fn named(&mut self, kind: Kind) -> Option<&'static str> {
        match kind {
            Kind::Address4 => Some(self.pick(&["addresses", "nets", "timed"])),
            Kind::Address6 => Some("nets6"),
            Kind::Port => Some("services"),
            _ => None,
        }
    }

    fn masked(&mut self, name: &str, kind: Kind) -> String {
        match kind {
            Kind::Mark => {
                let mask = self.pick(&["0xff", "0xf0", "0xffff0000"]);
                let op = self.pick(&["==", "!="]);
                format!("{name} & {mask} {op} 0x10")
            }
            Kind::Flags => {
                let (flags, mask) =
                    self.pick(&[("syn", "fin,syn,rst,ack"), ("fin", "fin,ack"), ("syn,ack", "syn,ack,psh")]);
                format!("{name} {flags} / {mask}")
            }
            Kind::Address4 => format!("{name} & 255.0.0.255 == 10.0.0.1"),
            Kind::Short => format!("{name} & 0xff0 == 0x20"),
            kind => format!("{name} {}", self.value(kind)),
        }
    }

    fn list(&mut self, kind: Kind) -> String {
        let ranges = self.chance(2);
        let each = (0..1 + self.below(4)).map(|_| if ranges { self.part(kind) } else { self.value(kind) });
        each.collect::<Vec<_>>().join(", ")
    }

    /// A value or a range.
    fn part(&mut self, kind: Kind) -> String {
        if self.chance(2) { self.range(kind) } else { self.value(kind) }
    }

    fn value(&mut self, kind: Kind) -> String {
        match kind {
            Kind::Address4 => format!("{}.{}.0.{}", 1 + self.below(200), self.below(4), self.below(255)),
            Kind::Address6 => format!("2001:db8:{:x}::{:x}", self.below(8), 1 + self.below(0xffff)),
            Kind::Port => (1 + self.below(65_000)).to_string(),
            Kind::Byte => (1 + self.below(250)).to_string(),
            Kind::Short => (1 + self.below(60_000)).to_string(),
            Kind::Mark => format!("{:#x}", self.below(1 << 32)),
            Kind::Device => self.pick(&["\"lo\"", "\"eth0\"", "\"dummy7\"", "\"a-name\""]).to_owned(),
            Kind::State => self.pick(&["new", "established,related", "invalid", "untracked", "established"]).to_owned(),
            Kind::Status => self.pick(&["snat", "dnat", "assured", "confirmed", "seen-reply"]).to_owned(),
            Kind::Flags => self.pick(&["syn", "ack", "rst", "fin"]).to_owned(),
            Kind::Mac => format!("02:00:00:00:{:02x}:{:02x}", self.below(256), self.below(256)),
            Kind::Words(words) => self.pick(words).to_owned(),
        }
    }

    fn range(&mut self, kind: Kind) -> String {
        match kind {
            Kind::Address4 if self.chance(2) => format!("10.{}.0.1-10.{}.0.9", self.below(9), 9 + self.below(9)),
            Kind::Address4 => {
                let length = 8 + self.below(25);
                let bits = (10u32 << 24 | self.below(1 << 24) as u32) & u32::MAX << (32 - length);
                format!("{}/{length}", std::net::Ipv4Addr::from(bits))
            }
            Kind::Address6 => format!("2001:db8:{:x}::/{}", self.below(99), 48 + self.below(60)),
            Kind::Port | Kind::Short => {
                let first = 1 + self.below(30_000);
                format!("{first}-{}", first + 1 + self.below(30_000))
            }
            Kind::Byte => {
                let first = 1 + self.below(100);
                format!("{first}-{}", first + 1 + self.below(100))
            }
            Kind::Device => self.pick(&["\"eth*\"", "\"a-*\""]).to_owned(),
            Kind::Mark => "0x10-0x20".to_owned(),
            other => self.value(other),
        }
    }

    /// Something that does not end the rule.
    fn statement(&mut self, family: &str) -> String {
        let ip = matches!(family, "ip" | "inet");
        match self.below(16) {
            0 | 1 => "counter".to_owned(),
            2 => format!("counter packets {} bytes {}", self.below(99), self.below(1 << 40)),
            3 => {
                let over = self.pick(&["", "over "]);
                let rate = self.pick(&[
                    "10/second",
                    "3/hour burst 7 packets",
                    "512 kbytes/second",
                    "1 mbytes/minute burst 2 kbytes",
                ]);
                format!("limit rate {over}{rate}")
            }
            4 => self.pick(&["quota 5 mbytes", "quota over 3 kbytes used 10 bytes"]).to_owned(),
            5 => self
                .pick(&[
                    "log",
                    "log prefix \"it: \"",
                    "log level info flags all",
                    "log group 3 snaplen 64",
                    "log flags skuid",
                ])
                .to_owned(),
            6 => format!("meta mark set {:#x}", self.below(1 << 32)),
            7 => self.pick(&["meta mark set meta mark & 0xff00 | 0x1", "meta mark set meta mark ^ 0x10"]).to_owned(),
            8 if family != "arp" && family != "netdev" => "ct mark set meta mark".to_owned(),
            9 => self.pick(&["counter name \"hits\"", "quota name \"few\"", "limit name \"slow\""]).to_owned(),
            10 if ip => self
                .pick(&[
                    "add @seen { ip saddr timeout 1m }",
                    "update @seen { ip daddr limit rate over 5/second burst 9 packets }",
                    "update @talking { ip saddr . tcp dport }",
                    "meta mark set ip saddr map @marks",
                    "meta mark set tcp dport map { 80 : 0x1, 443 : 0x2 }",
                    "ip dscp set cs1",
                    "ip ttl set 5",
                ])
                .to_owned(),
            11 if family == "ip6" || family == "inet" => {
                self.pick(&["add @seen6 { ip6 saddr }", "ip6 hoplimit set 9", "delete @seen6 { ip6 daddr }"]).to_owned()
            }
            12 => "meta priority set 1:2".to_owned(),
            13 => "numgen random mod 4 < 2".to_owned(),
            14 if ip => format!("ct count over {}", 1 + self.below(9)),
            15 => self.pick(&["meta mark set numgen inc mod 4 offset 3", "meta nftrace set 1"]).to_owned(),
            _ => "counter".to_owned(),
        }
    }

    /// Something that ends the rule.
    fn end(&mut self, family: &str, fields: &[Field]) -> String {
        let verdict =
            |lot: &mut Lot| lot.pick(&["accept", "drop", "return", "continue", "jump x", "goto y"]).to_owned();
        match self.below(10) {
            0..=3 => verdict(self),
            4 => {
                let (name, kind) = self.pick(fields);
                let each = (0..1 + self.below(3)).map(|_| format!("{} : {}", self.part(kind), verdict(self)));
                let each: Vec<String> = each.collect();
                format!("{name} vmap {{ {} }}", each.join(", "))
            }
            5 => "tcp dport vmap @ways".to_owned(),
            6 if matches!(family, "ip" | "inet") => self
                .pick(&[
                    "dnat ip to 10.0.0.1",
                    "tcp dport 80 dnat ip to 10.0.0.1:8080",
                    "dnat ip to tcp dport map @hosts",
                    "dnat ip to tcp dport map @places",
                    "snat ip to 10.0.0.1-10.0.0.9 random",
                    "meta l4proto udp snat ip to 10.0.0.2:100-200 persistent",
                    "dnat ip to tcp dport map { 80 : 10.0.0.1 . 90 }",
                ])
                .to_owned(),
            7 if matches!(family, "ip" | "ip6" | "inet") => self
                .pick(&[
                    "masquerade",
                    "masquerade fully-random",
                    "tcp dport 80 redirect to :8080",
                    "notrack",
                    "queue to 3",
                ])
                .to_owned(),
            8 if matches!(family, "ip" | "inet") => {
                self.pick(&["reject", "reject with tcp reset", "reject with icmp type host-prohibited"]).to_owned()
            }
            9 if family == "netdev" => self.pick(&["fwd to \"lo\"", "dup to \"lo\""]).to_owned(),
            _ => verdict(self),
        }
    }
}
