//! Rulesets and packets by lot: what nobody thought of.
//!
//! Everything follows from a seed, which is printed where whyport and the kernel differ; the ruleset is then made as small
//! as it can be while they still differ. Knows what iptables accepts where, and nothing of what rules do.

use std::fmt::Write as _;

use whyport::walk::Field;

use crate::aim::Aim;
use crate::packet::{Packet, Protocol};
use crate::places::Places;
use crate::sets::Sets;

/// Numbers that follow from a seed (SplitMix64).
pub struct Lot(u64);

impl Lot {
    /// Begins with a seed.
    pub fn new(seed: u64) -> Lot {
        Lot(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// A number of any size.
    pub fn wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    pub fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    pub fn not(&mut self) -> &'static str {
        if self.once_in(4) { "! " } else { "" }
    }
}

pub const PORTS: [&str; 6] = ["22", "53", "80", "81", "443", "8080"];

/// A table with the chains that packets enter it by.
struct TableKind {
    name: &'static str,
    chains: &'static [&'static str],
}

const TABLES: [TableKind; 4] = [
    TableKind { name: "raw", chains: &["PREROUTING", "OUTPUT"] },
    TableKind { name: "mangle", chains: &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"] },
    TableKind { name: "nat", chains: &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"] },
    TableKind { name: "filter", chains: &["INPUT", "FORWARD", "OUTPUT"] },
];

/// A ruleset in the language of iptables-restore. `all` has every table and every built-in chain in it.
pub fn ruleset(lot: &mut Lot, places: &Places, sets: &Sets, all: bool) -> String {
    let mut text = String::new();
    for table in &TABLES {
        let used = !lot.once_in(if table.name == "raw" { 2 } else { 4 });
        if !used && !all {
            continue;
        }
        let _ = writeln!(text, "*{}", table.name);
        let chains: Vec<&str> = table.chains.iter().copied().filter(|_| all || !lot.once_in(5)).collect();
        for chain in &chains {
            let drops = table.name == "filter" && lot.once_in(5) || table.name == "mangle" && lot.once_in(30);
            let _ = writeln!(text, ":{chain} {}", if drops { "DROP" } else { "ACCEPT" });
        }
        if used {
            rules(lot, places, sets, table.name, &chains, &mut text);
        }
        text += "COMMIT\n";
    }
    text
}

/// User chains: the direction of those in nat, which have targets for one side only.
const USER: [&str; 4] = ["one", "two", "three", "four"];

fn rules(lot: &mut Lot, places: &Places, sets: &Sets, table: &str, chains: &[&str], text: &mut String) {
    let users = lot.below(USER.len() + 1);
    for user in &USER[..users] {
        let _ = writeln!(text, ":{user} -");
    }
    let source_side = |at: usize| at % 2 == 1;
    for chain in chains {
        for _ in 0..lot.below(4) {
            let side = matches!(*chain, "INPUT" | "POSTROUTING");
            let targets: Vec<&str> =
                (0..users).filter(|at| table != "nat" || source_side(*at) == side).map(|at| USER[at]).collect();
            rule(lot, (places, sets), table, chain, side, &targets, text);
        }
    }
    for (at, user) in USER[..users].iter().enumerate() {
        for _ in 0..lot.below(5) {
            let side = source_side(at);
            let targets: Vec<&str> =
                (at + 1..users).filter(|to| table != "nat" || source_side(*to) == side).map(|to| USER[to]).collect();
            rule(lot, (places, sets), table, user, side, &targets, text);
        }
    }
}

fn rule(
    lot: &mut Lot,
    (places, sets): (&Places, &Sets),
    table: &str,
    chain: &str,
    side: bool,
    users: &[&str],
    text: &mut String,
) {
    let icmp = if places.ip6 { "ipv6-icmp" } else { "icmp" };
    let mut protocol = ["", "tcp", "udp", "tcp", "udp", icmp][lot.below(6)];
    let mut line = format!("-A {chain}");
    if !protocol.is_empty() {
        let not = if lot.once_in(12) { "! " } else { "" };
        let _ = write!(line, " {not}-p {protocol}");
        protocol = if not.is_empty() { protocol } else { "" };
    }
    for _ in 0..lot.below(3) {
        let part = condition(lot, places, table, chain, protocol);
        let option = part.split(' ').rfind(|word| word.starts_with('-')).unwrap_or_default();
        // A rule asks once for each thing: what it asks twice, iptables-nft-save prints once.
        if !line.contains(&format!(" {option} ")) {
            let _ = write!(line, " {part}");
        }
    }
    if lot.once_in(4)
        && let Some(part) = sets.condition(lot)
    {
        let _ = write!(line, " {part}");
    }
    if table != "nat"
        && lot.once_in(12)
        && let Some(target) = sets.target(lot)
    {
        let _ = writeln!(text, "{line}{target}");
        return;
    }
    let _ = write!(line, "{}", target(lot, places, table, chain, protocol, side, users));
    let _ = writeln!(text, "{line}");
}

fn condition(lot: &mut Lot, places: &Places, table: &str, chain: &str, protocol: &str) -> String {
    let not = lot.not();
    let ports = matches!(protocol, "tcp" | "udp");
    match lot.below(25) {
        0 => format!("{not}-s {}", places.net(lot)),
        1 | 2 => format!("{not}-d {}", places.net(lot)),
        3 if !matches!(chain, "OUTPUT" | "POSTROUTING") => {
            format!("{not}-i {}", lot.of(places.devices))
        }
        4 if !matches!(chain, "INPUT" | "PREROUTING") => {
            format!("{not}-o {}", lot.of(places.devices))
        }
        5 | 6 if ports => {
            let range = [lot.of(&PORTS).to_owned(), "20:90".into(), "81:65535".into()];
            format!("-m {protocol} {not}--dport {}", range[lot.below(3)])
        }
        7 if ports => {
            format!("-m multiport {not}--dports {}", lot.of(&["22,80", "53,80:81,443", "8080", "1:1000"]))
        }
        8 if ports => format!("-m multiport {not}--ports {}", lot.of(&["22,80,8080", "20000:40000"])),
        9 => format!("-m mark {not}--mark {}", lot.of(&["0x1", "0x2/0x2", "0x0/0x3", "0x10/0xf0"])),
        10 => {
            let side = lot.of(&["--dst-type", "--src-type"]);
            let fourth = if places.ip6 { "MULTICAST" } else { "BROADCAST" };
            format!("-m addrtype {not}{side} {}", lot.of(&["LOCAL", "UNICAST", "LOCAL,UNICAST", fourth]))
        }
        11 | 12 => conntrack(lot, places, table, not),
        13 => {
            let side = lot.of(&["--src-range", "--dst-range"]);
            format!("-m iprange {not}{side} {}", lot.of(places.ranges))
        }
        14 if protocol == "tcp" => {
            format!("-m tcp {not}--tcp-flags {}", lot.of(&["FIN,SYN,RST,ACK SYN", "SYN SYN", "ACK ACK", "ALL SYN"]))
        }
        15 if places.ip6 => format!("-m hl {}", lot.of(&["--hl-lt 64", "--hl-gt 63", "--hl-eq 63"])),
        15 => format!("-m ttl {}", lot.of(&["--ttl-lt 64", "--ttl-gt 63", "--ttl-eq 63"])),
        16 if ports => format!("-m {protocol} {not}--sport {}", lot.of(&["20000:25000", "1:19999", "53"])),
        17 if protocol == "icmp" => format!("-m icmp {not}--icmp-type {}", lot.of(&["8", "0", "3/1", "8/0"])),
        17 if protocol == "ipv6-icmp" => format!("-m icmp6 {not}--icmpv6-type {}", lot.of(&["128", "129", "1/4"])),
        18 => format!("-m length {not}--length {}", lot.of(&["36", "40", "0:50", "60:80", "56"])),
        19 => format!("-m pkttype {not}--pkt-type {}", lot.of(&["unicast", "broadcast", "multicast"])),
        20 => format!("-m connmark {not}--mark {}", lot.of(&["0x1", "0x0/0x3", "0x2/0x2"])),
        21 if matches!(chain, "OUTPUT" | "POSTROUTING") => {
            format!(
                "-m owner {not}{}",
                lot.of(&["--uid-owner 0", "--uid-owner 1000", "--gid-owner 0-5", "--socket-exists"])
            )
        }
        22 if matches!(chain, "PREROUTING" | "INPUT" | "FORWARD") => {
            format!("-m mac {not}--mac-source {}", lot.of(&["02:00:00:00:02:00", "02:00:00:00:02:01"]))
        }
        23 if matches!(chain, "PREROUTING" | "INPUT" | "FORWARD") => {
            let asked = lot.of(&["--physdev-in eth0", "--physdev-in pod1", "--physdev-in pod+", "--physdev-is-in"]);
            format!("-m physdev {not}{asked}")
        }
        24 if matches!(chain, "FORWARD" | "POSTROUTING") => {
            format!("-m physdev {not}{}", lot.of(&["--physdev-is-bridged", "--physdev-out pod+", "--physdev-is-out"]))
        }
        _ => "-m comment --comment \"no condition\"".into(),
    }
}

fn conntrack(lot: &mut Lot, places: &Places, table: &str, not: &str) -> String {
    let states = ["NEW", "INVALID", "NEW,RELATED", "ESTABLISHED,RELATED", "DNAT", "SNAT", "NEW,UNTRACKED"];
    // Before conntrack has looked nothing but the state can be asked.
    if table == "raw" || lot.once_in(2) {
        return format!("-m conntrack {not}--ctstate {}", lot.of(&states));
    }
    match lot.below(6) {
        0 => format!("-m state {not}--state {}", lot.of(&["NEW", "INVALID", "RELATED,ESTABLISHED", "NEW,UNTRACKED"])),
        1 => format!("-m conntrack --ctdir {}", lot.of(&["ORIGINAL", "REPLY"])),
        2 => format!("-m conntrack {not}--ctstatus {}", lot.of(&["NONE", "SEEN_REPLY", "CONFIRMED", "ASSURED"])),
        3 => format!("-m conntrack {not}--ctproto {}", lot.of(&["tcp", "udp"])),
        4 => {
            let of = lot.of(&["--ctreplsrc", "--ctrepldst"]);
            format!("-m conntrack {not}{of} {}", places.any(lot))
        }
        _ => {
            let of = lot.of(&["--ctorigdst", "--ctorigsrc"]);
            format!("-m conntrack {not}{of} {}", places.any(lot))
        }
    }
}

fn target(
    lot: &mut Lot,
    places: &Places,
    table: &str,
    chain: &str,
    protocol: &str,
    side: bool,
    users: &[&str],
) -> String {
    if !users.is_empty() && lot.once_in(3) {
        let how = if lot.once_in(4) { "-g" } else { "-j" };
        return format!(" {how} {}", lot.of(users));
    }
    let plain = match lot.below(8) {
        0 => " -j ACCEPT",
        1 => " -j RETURN",
        2 => "",
        3 if table != "nat" => " -j DROP",
        _ => "",
    };
    if !plain.is_empty() {
        return plain.into();
    }
    match table {
        "raw" => lot.of(&[" -j CT --notrack", "", " -j MARK --set-xmark 0x1/0x1"]).into(),
        "mangle" => {
            let marks = ["0x1/0xffffffff", "0x2/0x2", "0x10/0xf0", "0x0/0x1", "0x3/0x0"];
            match lot.below(8) {
                0 => " -j CONNMARK --set-xmark 0x1/0xffffffff".into(),
                1 => lot.of(&[" -j CONNMARK --save-mark", " -j CONNMARK --restore-mark"]).into(),
                2 => " -j LOG --log-prefix \"seen \"".into(),
                3 => " -j NFLOG --nflog-group 7".into(),
                _ => format!(" -j MARK --set-xmark {}", lot.of(&marks)),
            }
        }
        "nat" => translation(lot, places, chain, protocol, side),
        _ => {
            let reset = if protocol == "tcp" { " -j REJECT --reject-with tcp-reset" } else { " -j REJECT" };
            [" -j ACCEPT", " -j DROP", reset, " -j REJECT", " -j ACCEPT"][lot.below(5)].into()
        }
    }
}

fn translation(lot: &mut Lot, places: &Places, chain: &str, protocol: &str, source: bool) -> String {
    let address = |lot: &mut Lot, address: &str| {
        if !matches!(protocol, "tcp" | "udp") || lot.once_in(2) {
            return address.to_owned();
        }
        let port = lot.of(&["22", "80", "8080", "9000"]);
        if places.ip6 { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
    };
    let user = USER.contains(&chain);
    if lot.once_in(10) {
        return format!(" -j NETMAP --to {}", if places.ip6 { "2001:db8:9::/64" } else { "10.9.0.64/26" });
    }
    match (source, lot.below(4)) {
        (true, 0 | 1) if chain == "POSTROUTING" => " -j MASQUERADE".into(),
        (true, _) => {
            let to = lot.of(if places.ip6 { &["2001:db8:9::77"] } else { &["10.9.0.77", "198.51.100.9"] });
            format!(" -j SNAT --to-source {to}")
        }
        (false, 0) => {
            let port = if !matches!(protocol, "tcp" | "udp") || lot.once_in(2) { "" } else { " --to-ports 22" };
            format!(" -j REDIRECT{port}")
        }
        (false, _) if user || chain == "PREROUTING" || chain == "OUTPUT" => {
            let place = places.any(lot);
            format!(" -j DNAT --to-destination {}", address(lot, place))
        }
        (false, _) => String::new(),
    }
}

/// A packet; `number` is its own, so that no flow is met twice.
pub fn packet(lot: &mut Lot, places: &Places, aim: &Aim, number: u16) -> Packet {
    loop {
        let packet = any_packet(lot, places, aim, number);
        if places.can_arrive(&packet) {
            return packet;
        }
    }
}

fn any_packet(lot: &mut Lot, places: &Places, aim: &Aim, number: u16) -> Packet {
    let (device, peer) = if lot.once_in(4) { ("local", "") } else { places.legs[lot.below(places.legs.len())] };
    let protocol = ["tcp", "udp", "tcp", "udp", "icmp"][lot.below(5)];
    let with = |address: &str, port: &str| {
        let port = if protocol == "icmp" { "0" } else { port };
        if places.ip6 { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
    };
    let mut line = format!("{device} {protocol} ");
    if device != "local" {
        let src = match lot.below(20) {
            // Once in a while from where nobody can come.
            0 if places.ip6 => places.own[0],
            0 => lot.of(places.own),
            1..=8 => lot.of(places.others),
            9..=12 => aim.address(lot).unwrap_or(peer),
            _ => peer,
        };
        let _ = write!(line, "{} > ", with(src, &(20000 + number % 40000).to_string()));
    }
    let reachable = |address: &&str| device == "local" || !address.starts_with("127.") && *address != "::1";
    let own: Vec<&str> = places.own.iter().copied().filter(reachable).collect();
    let dst = match lot.below(6) {
        0..=2 => lot.of(&own),
        3 => lot.of(places.others),
        _ => aim.address(lot).unwrap_or(own[0]),
    };
    let port = match aim.port(lot) {
        Some(port) if !lot.once_in(3) => port.to_string(),
        _ => lot.of(&PORTS).to_owned(),
    };
    line += &with(dst, &port);
    if lot.once_in(6) && device != "local" && protocol == "tcp" {
        line += lot.of(&[
            " flags ack",
            " flags syn,ack",
            " flags rst",
            " flags none",
            " flags fin,ack",
            " flags fin,psh,urg",
            " flags syn,fin",
            " flags psh,ack",
        ]);
    }
    if lot.once_in(6) && device == "local" {
        line += lot.of(&[" mark 0x1", " mark 0x2", " mark 0x13"]);
    }
    if lot.once_in(6) && device == "local" {
        line += lot.of(&[" uid 1000", " uid 65534"]);
    }
    if lot.once_in(8) && device != "local" {
        line += lot.of(&[" ttl 1", " ttl 2", " ttl 63", " ttl 255"]);
    }
    if lot.once_in(8) && device != "local" {
        line += lot.of(&[" filling 4", " filling 20", " filling 1000"]);
    }
    if lot.once_in(3) && protocol == "icmp" {
        let kinds4 = [" icmp 0/0", " icmp 3/1", " icmp 13/0", " icmp 5/0", " icmp 8/3"];
        let kinds6 = [" icmp 129/0", " icmp 1/4", " icmp 3/0", " icmp 128/1", " icmp 4/0"];
        line += lot.of(if places.ip6 { &kinds6 } else { &kinds4 });
    }
    Packet::read(&line)
}

/// Which fields a query for this packet leaves open.
pub fn open_fields(lot: &mut Lot, packet: &Packet) -> Vec<Field> {
    let mut fields = Vec::new();
    match packet.protocol {
        Protocol::Icmp => fields.extend([Field::IcmpType, Field::IcmpCode]),
        Protocol::Tcp | Protocol::Udp => fields.extend([Field::Sport, Field::Dport]),
    }
    if lot.once_in(2) {
        fields.push(Field::Dst);
    }
    if packet.device.is_none() {
        fields.extend([Field::Mark, Field::Uid]);
    }
    if packet.device.is_some() {
        fields.extend([Field::Src, Field::Length]);
        // What no rule asks for is taken to be enough.
        if packet.ttl > 1 {
            fields.push(Field::Ttl);
        }
    }
    if packet.protocol == Protocol::Tcp && packet.device.is_some() {
        fields.push(Field::TcpFlags);
    }
    fields.retain(|_| lot.once_in(2));
    fields
}
