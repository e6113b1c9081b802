//! Rules at random, of every typed match and target, with odd values, loaded by both backends. The seed of the first
//! round is `WHYPORT_SEED` (1), and there are `WHYPORT_ROUNDS` (3) of them; each tells its seed where it fails.

use super::*;

/// Rules in a round.
const RULES: usize = 60;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // splitmix64: neighbouring seeds have nothing in common.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }

    /// A number from first to last; often one of the two, or next to them.
    fn number(&mut self, first: u64, last: u64) -> u64 {
        let length = last - first;
        match self.below(6) {
            0 => first,
            1 => last,
            2 => first + 1.min(length),
            3 => last - 1.min(length),
            4 => first + self.next() % length.saturating_add(1).clamp(1, 300),
            _ => first + if length == u64::MAX { self.next() } else { self.below(length + 1) },
        }
    }

    fn range(&mut self, first: u64, last: u64) -> (u64, u64) {
        let (a, b) = (self.number(first, last), self.number(first, last));
        (a.min(b), a.max(b))
    }

    /// `! ` sometimes.
    fn not(&mut self) -> &'static str {
        if self.one_in(3) { "! " } else { "" }
    }

    /// A text in quotes, of at most so many bytes, with signs that want quoting.
    fn text(&mut self, most: usize) -> String {
        const SIGNS: &[char] = &['a', 'Z', '0', '-', '_', ' ', '"', '\\', '\'', '!', ':', '%', '$', ';', '#', 'ü', '+'];
        let length = self.number(1, most as u64) as usize;
        let plain = self.one_in(3);
        let mut text = String::new();
        while text.len() < length {
            let sign = if plain { self.of(&SIGNS[..5]) } else { self.of(SIGNS) };
            text.push(if text.len() + sign.len_utf8() > length { '.' } else { sign });
        }
        let quoted: String = text
            .chars()
            .flat_map(|sign| ['"', '\\'].contains(&sign).then_some('\\').into_iter().chain([sign]))
            .collect();
        format!("\"{quoted}\"")
    }

    /// A name without blanks.
    fn name(&mut self, most: u64) -> String {
        let length = self.number(1, most);
        (0..length).map(|_| self.of(&['a', 'Z', '0', '_', '.', ':', 'x'])).collect()
    }

    fn interface(&mut self) -> String {
        match self.below(4) {
            0 => "+".to_owned(),
            1 => self.name(14) + "+",
            2 => self.name(15),
            _ => "eth0".to_owned(),
        }
    }

    fn address(&mut self, family: IpFamily) -> String {
        match family {
            IpFamily::V4 => std::net::Ipv4Addr::from(self.number(0, u64::from(u32::MAX)) as u32).to_string(),
            IpFamily::V6 => {
                let thin = if self.one_in(2) { self.next() & self.next() & self.next() } else { self.next() };
                let low = self.of(&[0, 1, u64::MAX, thin, thin << 32, thin >> 48]);
                let high = self.of(&[0, u64::MAX, self.0, thin << 48, thin << 16]);
                std::net::Ipv6Addr::from(u128::from(high) << 64 | u128::from(low)).to_string()
            }
        }
    }

    fn net(&mut self, family: IpFamily) -> String {
        let address = self.address(family);
        match self.below(4) {
            0 => address,
            // A mask that is no prefix. None at all, turned around, is what iptables-nft cannot store.
            1 if family == IpFamily::V4 => format!("{address}/255.0.{}.255", self.below(256)),
            1 => format!("{address}/ffff:0:{:x}::ff", self.below(65536)),
            _ => format!("{address}/{}", self.number(1, u64::from(family.bits()))),
        }
    }

    /// Addresses from first to last.
    fn addresses(&mut self, family: IpFamily) -> (String, String) {
        let parse = |text: String| text.parse::<std::net::IpAddr>().expect("an address");
        let (a, b) = (parse(self.address(family)), parse(self.address(family)));
        (a.min(b).to_string(), a.max(b).to_string())
    }

    /// Some of these, in their order, with commas between.
    fn some(&mut self, all: &[&str]) -> String {
        let some: Vec<&str> = all.iter().copied().filter(|_| self.one_in(3)).collect();
        if some.is_empty() { self.of(all).to_owned() } else { some.join(",") }
    }

    /// A port, or ports; not all, which the tools leave out even where they are turned around.
    fn ports(&mut self, sign: char) -> String {
        let (first, last) = self.range(0, 65535);
        if first == last || last - first == 65535 || self.one_in(2) {
            last.to_string()
        } else {
            format!("{first}{sign}{last}")
        }
    }

    fn mark(&mut self) -> String {
        format!("{:#x}/{:#x}", self.number(0, u64::from(u32::MAX)), self.number(0, u64::from(u32::MAX)))
    }

    /// These options, each there or not; not all are left out.
    fn options(&mut self, all: Vec<String>) -> String {
        let count = all.len() as u64;
        let kept = self.below(count);
        let some = all.into_iter().enumerate().filter(|(at, _)| *at as u64 == kept || self.one_in(2));
        some.map(|(_, option)| format!(" {option}")).collect()
    }
}

/// The conditions without `-m`; the protocol that they ask for.
fn base(random: &mut Random, family: IpFamily) -> (String, &'static str) {
    let mut text = String::new();
    for option in ["-s", "-d"] {
        if random.one_in(4) {
            text += &format!("{}{option} {} ", random.not(), random.net(family));
        }
    }
    for option in ["-i", "-o"] {
        if random.one_in(4) {
            // iptables-legacy-save leaves out what never holds: any interface, turned around.
            let interface = random.interface();
            let not = if interface == "+" { "" } else { random.not() };
            text += &format!("{not}{option} {interface} ");
        }
    }
    let icmp = if family == IpFamily::V4 { "icmp" } else { "ipv6-icmp" };
    let protocol = random.of(&["tcp", "tcp", "udp", icmp, "", "sctp", "200"]);
    match protocol {
        "" => {}
        "200" => text += &format!("{}-p {} ", random.not(), random.number(1, 255)),
        name => text += &format!("-p {name} "),
    }
    (text, protocol)
}

fn transport(random: &mut Random, family: IpFamily, protocol: &str) -> String {
    // Both turned around with one port each is what iptables-nft cannot say, and a port from 0 that is turned around is
    // what it says otherwise than iptables.
    let side = |random: &mut Random, option: &str| format!("{option} {}", random.ports(':'));
    match protocol {
        "tcp" => {
            let flags = |random: &mut Random| random.some(&["FIN", "SYN", "RST", "PSH", "ACK", "URG"]);
            let (mask, comp) = (flags(random), random.one_in(4));
            let comp = if comp { "NONE".to_owned() } else { flags(random) };
            let options = vec![
                side(random, "--sport"),
                random.not().to_owned() + &side(random, "--dport"),
                format!("{}--tcp-option {}", random.not(), random.number(1, 255)),
                format!("{}--tcp-flags {mask} {comp}", random.not()),
            ];
            format!(" -m tcp{}", random.options(options))
        }
        "udp" => format!(" -m udp {}{}", random.not(), side(random, "--dport")),
        "icmp" if family == IpFamily::V4 => {
            format!(" -m icmp {}--icmp-type {}/{}", random.not(), random.number(0, 254), random.number(0, 255))
        }
        "ipv6-icmp" if family == IpFamily::V6 => {
            format!(" -m icmp6 {}--icmpv6-type {}", random.not(), random.number(0, 255))
        }
        _ => String::new(),
    }
}

/// A match beside those of the headers. Whatever is asked, it can be in the chain that it is for.
fn matched(random: &mut Random, family: IpFamily) -> String {
    let not = random.not();
    match random.below(14) {
        0 => format!("comment --comment {}", random.text(255)),
        1 => {
            let states = ["INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED"];
            format!("state {not}--state {}", random.some(&states))
        }
        2 => {
            let state = random.some(&["INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT"]);
            let expire = random.range(0, u64::from(u32::MAX));
            let options = vec![
                format!("{not}--ctstate {state}"),
                format!("{}--ctorigsrc {}", random.not(), random.net(family)),
                format!("{}--ctrepldst {}", random.not(), random.net(family)),
                format!(
                    "{}--ctstatus {}",
                    random.not(),
                    random.some(&["EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED"])
                ),
                format!("{}--ctexpire {}:{}", random.not(), expire.0, expire.1),
                format!("--ctdir {}", random.of(&["ORIGINAL", "REPLY"])),
            ];
            format!("conntrack{}", random.options(options))
        }
        3 => format!("addrtype {not}--dst-type {}", random.some(&["UNICAST", "LOCAL", "ANYCAST", "MULTICAST"])),
        4 => format!("mark {not}--mark {}", random.mark()),
        5 => format!("connmark {not}--mark {}", random.mark()),
        6 => {
            let unit = random.of(&["second", "minute", "hour", "day"]);
            // What a kernel counts in must not run over.
            let burst = if unit == "day" || unit == "hour" { 1 } else { random.number(1, 60) };
            // The tools round other rates when they print them.
            let rate = random.of(&[1, 2, 5, 10, 20, 50]);
            format!("limit --limit {rate}/{unit} --limit-burst {burst}")
        }
        7 => {
            let every = random.number(1, 65536);
            format!("statistic --mode nth {not}--every {every} --packet {}", random.number(0, every - 1))
        }
        8 => format!("mac {not}--mac-source 02:{:02x}:00:ff:00:{:02X}", random.below(256), random.below(256)),
        9 => format!("pkttype {not}--pkt-type {}", random.of(&["unicast", "broadcast", "multicast"])),
        10 => {
            let ((a, b), (c, d)) = (random.addresses(family), random.addresses(family));
            let options = vec![format!("{not}--src-range {a}-{b}"), format!("{}--dst-range {c}-{d}", random.not())];
            format!("iprange{}", random.options(options))
        }
        11 => {
            let (first, last) = random.range(0, 65535);
            format!("length {not}--length {first}:{last}")
        }
        12 => {
            let name = if family == IpFamily::V4 { "ttl" } else { "hl" };
            match random.below(3) {
                0 => format!("{name} {not}--{name}-eq {}", random.number(0, 255)),
                1 => format!("{name} --{name}-lt {}", random.number(0, 255)),
                _ => format!("{name} --{name}-gt {}", random.number(0, 255)),
            }
        }
        _ => format!("physdev {not}--physdev-in {} --physdev-is-bridged", random.interface()),
    }
}

fn connmark(random: &mut Random) -> String {
    let (a, b) = (random.number(0, u64::from(u32::MAX)), random.number(0, u64::from(u32::MAX)));
    let way = match random.below(3) {
        0 => format!("--set-xmark {a:#x}/{b:#x}"),
        1 => format!("--save-mark --nfmask {a:#x} --ctmask {b:#x}"),
        _ => format!("--restore-mark --nfmask {a:#x} --ctmask {b:#x}"),
    };
    let shift = format!(" --{}-shift-mark {}", random.of(&["left", "right"]), random.number(0, 31));
    format!("CONNMARK {way}{}", if random.one_in(2) { &shift } else { "" })
}

/// A target for FORWARD in mangle, with what it wants before it.
fn target(random: &mut Random, family: IpFamily, protocol: &str) -> String {
    let most = u64::from(u32::MAX);
    let tcp = protocol == "tcp";
    match random.below(22) {
        0 => format!("MARK --set-xmark {}", random.mark()),
        1 => connmark(random),
        2 => {
            let flags = ["sequence", "options"].map(|kind| format!("--log-tcp-{kind}"));
            let others = ["--log-ip-options", "--log-uid", "--log-macdecode"].map(str::to_owned);
            let prefix = format!("--log-prefix {}", random.text(29));
            let level = format!("--log-level {}", random.number(0, 7));
            let all = [prefix, level].into_iter().chain(flags).chain(others).collect();
            format!("LOG{}", random.options(all))
        }
        3 => {
            let (first, last) = random.range(0, 65535);
            let last = if first == last || last - first == 65535 { first + u64::from(first < 65535) } else { last };
            match first < last {
                true => format!(
                    "NFQUEUE --queue-balance {first}:{last}{}",
                    random.of(&["", " --queue-cpu-fanout", " --queue-bypass"])
                ),
                false => format!("NFQUEUE --queue-num {first}"),
            }
        }
        4 => {
            let options = vec![
                format!("--nflog-prefix {}", random.text(63)),
                format!("--nflog-group {}", random.number(0, 65535)),
                format!("--nflog-size {}", random.number(0, most)),
                format!("--nflog-threshold {}", random.number(0, 65535)),
            ];
            format!("NFLOG{}", random.options(options))
        }
        5 => format!("CLASSIFY --set-class {:x}:{:x}", random.number(0, 65535), random.number(0, 65535)),
        6 if tcp => format!("TCPOPTSTRIP --strip-options {},2", random.number(3, 255)),
        7 => format!("DSCP --set-dscp {}", random.number(0, 63)),
        8 => format!("TOS --set-tos {}/{}", random.number(0, 255), random.number(0, 255)),
        9 => {
            let name = if family == IpFamily::V4 { ("TTL", "ttl") } else { ("HL", "hl") };
            format!("{} --{}-{} {}", name.0, name.1, random.of(&["set", "inc", "dec"]), random.number(1, 255))
        }
        10 => {
            let bits = u64::from(family.bits());
            let options = vec![
                format!("--hmark-src-prefix {}", random.number(0, bits)),
                format!("--hmark-dst-prefix {}", random.number(0, bits)),
                format!("--hmark-sport-mask {:#x}", random.number(0, 65535)),
                format!("--hmark-dport-mask {:#x}", random.number(0, 65535)),
                format!("--hmark-proto-mask {:#x}", random.number(0, 65535)),
                "--hmark-tuple ct".to_owned(),
            ];
            let (rnd, modulus, offset) = (random.number(0, most), random.number(1, most), random.number(0, most));
            format!("HMARK{} --hmark-rnd {rnd} --hmark-mod {modulus} --hmark-offset {offset}", random.options(options))
        }
        11 => {
            format!("IDLETIMER --timeout {} --label {}", random.number(1, 100_000), "l".to_owned() + &random.name(26))
        }
        12 => format!("AUDIT --type {}", random.of(&["accept", "drop", "reject"])),
        13 => format!("CONNSECMARK --{}", random.of(&["save", "restore"])),
        14 if tcp && family == IpFamily::V4 => {
            let options = vec![
                format!("--ecn-tcp-ece {}", random.below(2)),
                format!("--ecn-tcp-cwr {}", random.below(2)),
                format!("--ecn-ip-ect {}", random.below(4)),
            ];
            format!("ECN{}", random.options(options))
        }
        15 => {
            let gateway = if family == IpFamily::V4 { "10.255.0.0" } else { "fd00:0:1:0:ffff::" };
            format!("TEE --gateway {gateway} --oif {}", random.name(15))
        }
        16 => "USER".to_owned(),
        17 => "RETURN".to_owned(),
        18 => "DROP".to_owned(),
        19 if tcp => format!("TCPMSS --set-mss {}", random.number(0, 65495)),
        _ => "ACCEPT".to_owned(),
    }
}

fn rule(random: &mut Random, family: IpFamily) -> String {
    let (mut text, protocol) = base(random, family);
    let mut extensions = Vec::new();
    if random.one_in(2) {
        extensions.push(transport(random, family, protocol));
    }
    for _ in 0..random.below(3) {
        extensions.push(format!(" -m {}", matched(random, family)));
    }
    let target = target(random, family, protocol);
    // The kernel wants to see that only first packets of a flow get a new segment size.
    if target.starts_with("TCPMSS") {
        extensions = vec![" -m tcp --tcp-flags SYN,RST SYN".to_owned()];
    }
    text += &extensions.concat();
    format!("{text} -j {target}")
}

fn round(seed: u64) {
    eprintln!("seed {seed}");
    let mut random = Random(seed);
    for family in [IpFamily::V4, IpFamily::V6] {
        let rules: Vec<String> = (0..RULES).map(|_| rule(&mut random, family)).collect();
        both(family, dump("mangle", "FORWARD", &rules.join("\n")));
    }
}

#[test]
fn rules_at_random() {
    let given = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = given("WHYPORT_SEED").unwrap_or(1);
    for seed in first..first + given("WHYPORT_ROUNDS").unwrap_or(3) {
        round(seed);
    }
}
