//! Native rulesets by lot, in nft's language.
//!
//! Knows what nf_tables accepts where, and nothing of what rules do.

use std::fmt::Write as _;

use crate::named;
use crate::places::Places;
use crate::random::{Lot, PORTS};

/// User chains. In a nat table those of odd number translate the source.
const USER: [&str; 4] = ["one", "two", "three", "four"];

/// A hook, with what may stand in its chains.
struct Place<'a> {
    /// The hook of a base chain; `None` in a user chain, which any of the table's may lead to.
    hook: Option<&'a str>,
    nat: bool,
    /// In a nat table: whether the source is translated.
    source: bool,
    /// User chains that may be jumped to.
    users: Vec<&'static str>,
    family: &'static str,
    /// Whether the table has sets and maps with names.
    named: bool,
}

/// A ruleset of a few tables. With `exact` some chains stand just where the dispatcher of nat chains does.
pub fn ruleset(lot: &mut Lot, places: &Places, exact: bool) -> String {
    let mut text = String::new();
    for number in 0..1 + lot.below(3) {
        let family = ["inet", if places.ip6 { "ip6" } else { "ip" }][lot.below(2)];
        table(lot, places, family, (number, exact), &mut text);
    }
    text
}

fn table(lot: &mut Lot, places: &Places, family: &'static str, (number, exact): (usize, bool), text: &mut String) {
    // Every second table translates.
    let nat = number % 2 == 1;
    let _ = writeln!(text, "table {family} t{number} {{");
    let kind = if places.ip6 { "ipv6_addr" } else { "ipv4_addr" };
    let _ = writeln!(
        text,
        "set hosts {{ type {kind}; flags interval; elements = {{ {}, {} }} }}",
        places.others[2], places.nets[0]
    );
    let _ = writeln!(text, "set web {{ type inet_service; elements = {{ 80, 443 }} }}");
    let users = lot.below(USER.len() + 1);
    let named = lot.once_in(2);
    if named {
        // In a table that translates, chains of both sides would be led to the same one.
        let last = users.checked_sub(1).filter(|_| !nat).map(|last| USER[last]);
        *text += &named::declare(lot, places, last);
    }
    let hooks: &[&str] = if nat {
        &["prerouting", "input", "output", "postrouting"]
    } else {
        &["prerouting", "input", "forward", "output", "postrouting"]
    };
    // What is jumped to must be there: the last chain first.
    for at in (0..users).rev() {
        // Maps lead to the last one: it would lead to itself.
        let later = (at + 1..users).filter(|to| !nat || to % 2 == at % 2).map(|to| USER[to]).collect();
        let place =
            Place { hook: None, nat, source: at % 2 == 1, users: later, family, named: named && at + 1 < users };
        let rules = lot.below(5);
        chain(lot, places, USER[at], "", &place, rules, text);
    }
    for hook in hooks {
        if lot.once_in(3) {
            continue;
        }
        let source = matches!(*hook, "input" | "postrouting");
        let reached = (0..users).filter(|to| !nat || (to % 2 == 1) == source).map(|to| USER[to]).collect();
        let priority = match nat {
            true => lot.of(&["-100", "-90", "0", "100", "-150"]),
            false => lot.of(match exact {
                true => &["-300", "-101", "-100", "-100", "-99", "0", "99", "100", "100", "101"],
                false => &["-300", "-190", "-150", "-101", "-99", "-10", "0", "10", "99", "101", "150"],
            }),
        };
        let kind = match (nat, *hook) {
            (true, _) => "nat",
            (false, "output") if lot.once_in(2) => "route",
            _ => "filter",
        };
        let policy = if !nat && lot.once_in(12) { "drop" } else { "accept" };
        let head = format!("type {kind} hook {hook} priority {priority}; policy {policy};");
        let place = Place { hook: Some(hook), nat, source, users: reached, family, named };
        let rules = lot.below(5);
        chain(lot, places, &format!("base_{hook}"), &head, &place, rules, text);
    }
    *text += "}\n";
}

fn chain(lot: &mut Lot, places: &Places, name: &str, head: &str, place: &Place<'_>, rules: usize, text: &mut String) {
    let _ = writeln!(text, "chain {name} {{\n{head}");
    for _ in 0..rules {
        let _ = writeln!(text, "{}", rule(lot, places, place));
    }
    *text += "}\n";
}

fn rule(lot: &mut Lot, places: &Places, place: &Place<'_>) -> String {
    let ip = if places.ip6 { "ip6" } else { "ip" };
    let protocol = ["", "tcp", "udp", "tcp", "udp"][lot.below(5)];
    let mut parts = Vec::new();
    if !protocol.is_empty() {
        parts.push(format!("meta l4proto {protocol}"));
    }
    for _ in 0..lot.below(3) {
        parts.push(condition(lot, places, ip, protocol, place));
    }
    if lot.once_in(6) {
        parts.push("counter".into());
    }
    parts.push(does(lot, places, ip, protocol, place));
    let text = parts.join(" ").trim().to_owned();
    if text.is_empty() { "counter".into() } else { text }
}

fn condition(lot: &mut Lot, places: &Places, ip: &str, protocol: &str, place: &Place<'_>) -> String {
    let not = if lot.once_in(4) { "!= " } else { "" };
    if place.named && lot.once_in(3) {
        return named::condition(lot, places, protocol, not);
    }
    match lot.below(6) {
        0 => address(lot, places, ip, not),
        1 | 2 if matches!(protocol, "tcp" | "udp") => ports(lot, places, ip, protocol, not),
        3 => device(lot, places, not, place),
        4 => flow(lot, places, ip, protocol, not),
        5 => around(lot, places, ip, protocol, not, place),
        _ => address(lot, places, ip, not),
    }
}

fn address(lot: &mut Lot, places: &Places, ip: &str, not: &str) -> String {
    let side = lot.of(&["saddr", "daddr", "daddr"]);
    match lot.below(6) {
        0 => format!("{ip} {side} {not}{{ {}, {}, {} }}", places.own[0], places.others[0], places.others[3]),
        1 => format!("{ip} {side} {not}@hosts"),
        2 => format!("{ip} {side} {not}{}", lot.of(places.nets)),
        3 => format!("{ip} {side} {not}{}", lot.of(places.ranges)),
        4 if !places.ip6 => format!("ip {side} & 255.255.0.255 {} 10.9.0.2", if not.is_empty() { "==" } else { "!=" }),
        _ => format!("{ip} {side} {not}{}", places.any(lot)),
    }
}

fn ports(lot: &mut Lot, places: &Places, ip: &str, protocol: &str, not: &str) -> String {
    match lot.below(11) {
        0 => format!("{protocol} dport {not}{{ 22, 80-90, 8080 }}"),
        1 => format!("{protocol} dport {not}@web"),
        2 => format!("th dport {not}{}", lot.of(&PORTS)),
        3 => format!("{protocol} dport {not}20-90"),
        4 => format!("{protocol} sport {}", lot.of(&["20000-25000", "< 22000", ">= 30000", "!= 53"])),
        5 if protocol == "tcp" => {
            let of =
                lot.of(&["syn", "& (fin | syn | rst | ack) == syn", "& ack == 0x0", "!= syn", "& (syn | ack) != syn"]);
            format!("tcp flags {of}")
        }
        6 => format!(
            "{ip} daddr . {protocol} dport {not}{{ {} . 80, {} . 22, {} . 443 }}",
            places.own[0], places.own[1], places.others[0]
        ),
        7 => format!("{protocol} dport {not}{{ 1-21, 23-79, 81-65535 }}"),
        8 => format!("{ip} saddr {not}{} {protocol} dport {}", places.any(lot), lot.of(&PORTS)),
        _ => format!("{protocol} dport {not}{}", lot.of(&PORTS)),
    }
}

fn device(lot: &mut Lot, places: &Places, not: &str, place: &Place<'_>) -> String {
    match lot.below(6) {
        0 => format!("iifname {not}{}", lot.of(&["\"eth0\"", "\"eth1\"", "\"lo\"", "\"eth*\"", "\"wg0\""])),
        1 => format!("oifname {not}{}", lot.of(&["\"eth0\"", "\"eth1\"", "\"lo\"", "\"e*\""])),
        2 => format!("iifname {not}{{ \"eth0\", \"lo\" }}"),
        3 => format!("iif {not}{}", lot.of(&["eth0", "lo"])),
        4 => format!("oif {not}{}", lot.of(&["eth1", "lo"])),
        _ if place.family == "inet" => format!("meta nfproto {}", if places.ip6 { "ipv6" } else { "ipv4" }),
        _ if matches!(place.hook, Some("prerouting" | "input" | "forward")) => {
            format!("meta iiftype {not}{}", lot.of(&["ether", "loopback"]))
        }
        _ => format!("oif {not}lo"),
    }
}

fn flow(lot: &mut Lot, places: &Places, ip: &str, protocol: &str, not: &str) -> String {
    match lot.below(12) {
        0 | 1 => format!("ct state {not}{}", lot.of(&["new", "invalid", "established,related", "new,untracked"])),
        2 => "ct state { new, established }".into(),
        3 => format!("ct status {}", lot.of(&["dnat", "snat", "confirmed", "& dnat != dnat", "seen-reply"])),
        4 => format!("ct mark {not}{}", lot.of(&["0x0", "0x1"])),
        5 => format!("ct direction {not}original"),
        6 => format!("ct original {ip} daddr {not}{}", places.any(lot)),
        7 => format!("ct reply {ip} saddr {not}{}", places.any(lot)),
        8 => format!("meta mark {not}{}", lot.of(&["0x0", "0x1", "0x3", "1-3"])),
        9 => format!("meta mark & {} {} 0x1", lot.of(&["0x1", "0x3"]), if not.is_empty() { "==" } else { "!=" }),
        10 => "meta mark { 0x1, 0x2 }".into(),
        _ if protocol.is_empty() => format!("ct mark {not}0x2"),
        _ => format!("ct original proto-dst {not}{}", lot.of(&PORTS)),
    }
}

fn around(lot: &mut Lot, places: &Places, ip: &str, protocol: &str, not: &str, place: &Place<'_>) -> String {
    let before = matches!(place.hook, Some("prerouting" | "input" | "forward"));
    match lot.below(12) {
        0 => format!("fib daddr type {not}{}", lot.of(&["local", "unicast", "{ local, broadcast }", "multicast"])),
        1 => format!("fib saddr type {not}local"),
        2 if before => format!("fib daddr . iif type {not}local"),
        3 if place.hook == Some("prerouting") => {
            format!("fib saddr . iif oif {}", lot.of(&["missing", "exists", "!= 0"]))
        }
        4 if place.hook == Some("prerouting") => {
            format!("fib saddr . mark . iif oif {}", lot.of(&["missing", "exists"]))
        }
        5 => format!("meta length {}", lot.of(&["36", "!= 40", "0-50", "> 50"])),
        6 if places.ip6 => format!("ip6 hoplimit {}", lot.of(&["< 64", "64", "!= 63"])),
        6 => format!("ip ttl {}", lot.of(&["< 64", "64", "!= 63"])),
        7 => format!("meta pkttype {not}{}", lot.of(&["host", "broadcast"])),
        8 => format!("meta skuid {not}{}", lot.of(&["0", "1000"])),
        9 if !places.ip6 && protocol.is_empty() => {
            format!("ip protocol {not}{}", lot.of(&["tcp", "udp", "icmp", "{ tcp, udp }"]))
        }
        10 if before => format!("ether saddr {not}{}", lot.of(&["02:00:00:00:02:00", "02:00:00:00:02:01"])),
        11 if !protocol.is_empty() => format!("meta length {not}40"),
        11 if places.ip6 => format!("icmpv6 type {not}{}", lot.of(&["echo-request", "echo-reply"])),
        11 => format!("icmp type {not}{}", lot.of(&["echo-request", "echo-reply", "{ echo-request, redirect }"])),
        _ => format!("{ip} version {}", if places.ip6 { 6 } else { 4 }),
    }
}

fn does(lot: &mut Lot, places: &Places, ip: &str, protocol: &str, place: &Place<'_>) -> String {
    if !place.users.is_empty() && lot.once_in(3) {
        let how = lot.of(&["jump", "jump", "goto"]);
        let user = lot.of(&place.users);
        return match lot.below(4) {
            0 if !protocol.is_empty() => {
                format!("{protocol} dport vmap {{ 22 : accept, 80 : {how} {user}, 443-8080 : continue }}")
            }
            1 => format!("{ip} daddr vmap {{ {} : {how} {user}, {} : return }}", places.own[0], places.others[0]),
            _ => format!("{how} {user}"),
        };
    }
    if place.named && lot.once_in(3) {
        return named::does(lot, places, protocol);
    }
    match lot.below(9) {
        0 => "accept".into(),
        1 => "return".into(),
        2 if !place.nat => "drop".into(),
        3 => "continue".into(),
        4 => lot
            .of(&[
                "meta mark set 0x1",
                "meta mark set meta mark | 0x2",
                "meta mark set meta mark & 0x2",
                "meta mark set ct mark",
            ])
            .into(),
        5 => {
            lot.of(&["ct mark set 0x1", "ct mark set meta mark", "meta mark set 0x3 accept", "log prefix \"x\""]).into()
        }
        6 if !place.nat && lot.once_in(3) => "notrack".into(),
        7 if !place.nat && matches!(place.hook, Some("input" | "forward" | "output")) => {
            let reset = if protocol == "tcp" { "reject with tcp reset" } else { "reject" };
            [reset, "reject", "drop"][lot.below(3)].into()
        }
        _ if place.nat => translation(lot, places, protocol, place),
        _ => lot.of(&["", "accept", "drop"]).into(),
    }
}

fn translation(lot: &mut Lot, places: &Places, protocol: &str, place: &Place<'_>) -> String {
    let ip = match (place.family, places.ip6) {
        ("inet", true) => "ip6 ",
        ("inet", false) => "ip ",
        _ => "",
    };
    if place.named && !place.source && lot.once_in(3) {
        return named::translation(lot, protocol, ip);
    }
    let ported = matches!(protocol, "tcp" | "udp");
    let with_port = |lot: &mut Lot, address: &str| match (ported && lot.once_in(2), places.ip6) {
        (true, false) => format!("{address}:{}", lot.of(&["22", "80", "9000"])),
        (true, true) => format!("[{address}]:{}", lot.of(&["22", "80", "9000"])),
        (false, _) => address.to_owned(),
    };
    match (place.source, lot.below(5)) {
        (true, 0 | 1) if place.hook == Some("postrouting") => "masquerade".into(),
        (true, _) => {
            let to = lot.of(if places.ip6 { &["2001:db8:9::77"] } else { &["10.9.0.77", "198.51.100.9"] });
            format!("snat {ip}to {to}")
        }
        (false, 0) if place.hook.is_some() => {
            if ported && lot.once_in(2) {
                "redirect to :22".into()
            } else {
                "redirect".into()
            }
        }
        (false, 1) if ported => format!(
            "dnat {ip}to {protocol} dport map {{ 80 : {}, 22 : {}, 443 : {} }}",
            places.others[0], places.own[0], places.others[0]
        ),
        (false, _) => {
            let address = places.any(lot);
            format!("dnat {ip}to {}", with_port(lot, address))
        }
    }
}
