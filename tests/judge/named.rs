//! Sets and maps of native nft that have a name, by lot, and what rules ask of them and put into them.
//!
//! Intervals, parts of which several make a key, verdicts, translations, and sets that packets fill themselves. Knows what nft
//! takes, and nothing of what comes of it.

use std::fmt::Write as _;

use crate::places::Places;
use crate::random::{Lot, PORTS};

/// The sets and maps of a table, which has a chain of this name that anybody may jump to.
pub fn declare(lot: &mut Lot, places: &Places, leads_to: Option<&str>) -> String {
    let kind = kind(places);
    let other = |lot: &mut Lot| lot.of(places.others);
    let (one, two, three) = (places.own[0], places.others[0], places.others[3]);
    let verdict = |lot: &mut Lot| match (leads_to, lot.below(5)) {
        (Some(chain), 0 | 1) => format!("{} {chain}", lot.of(&["jump", "goto"])),
        (_, 2) => "drop".into(),
        (_, 3) => "return".into(),
        _ => lot.of(&["accept", "continue"]).to_owned(),
    };
    let [first, second, third, fourth, fifth] = [(); 5].map(|()| verdict(lot));
    let (net, wide) = (places.nets[0], places.nets[1]);
    let mut text = String::new();
    let _ = writeln!(text, "map by_port {{ type inet_service : {kind}; elements = {{ 80 : {two}, 22 : {one} }} }}");
    let _ = writeln!(
        text,
        "map by_net {{ type {kind} : verdict; flags interval; elements = {{ {net} : {first}, {wide} : {second} }} }}"
    );
    let _ = writeln!(
        text,
        "map by_service {{ type {kind} . inet_proto . inet_service : verdict; elements = {{ {one} . tcp . 80 : {third}, \
         {two} . udp . 53 : {fourth} }} }}"
    );
    let _ = writeln!(
        text,
        "map by_range {{ type {kind} . inet_service : verdict; flags interval; elements = {{ {net} . 20-90 : {fifth}, \
         {one} . 443 : accept, {three} . 1-65535 : {first} }} }}"
    );
    let _ = writeln!(
        text,
        "map elsewhere {{ type inet_proto . inet_service : {kind} . inet_service; elements = {{ tcp . 80 : {} . 8080, \
         udp . 53 : {} . 53, tcp . 443 : {one} . 22 }} }}",
        other(lot),
        other(lot)
    );
    let _ = writeln!(
        text,
        "map mark_of {{ type {kind} : mark; flags interval; elements = {{ {net} : 0x1, {wide} : 0x13 }} }}"
    );
    let _ = writeln!(
        text,
        "set pairs {{ type {kind} . inet_service; flags interval; elements = {{ {net} . 22, {wide} . 80-443, \
         {one} . 8080-65535 }} }}"
    );
    let _ = writeln!(
        text,
        "set ways {{ type ifname . {kind}; elements = {{ \"eth0\" . {one}, \"eth1\" . {two}, \"eth0\" . {three} }} }}"
    );
    let _ = writeln!(text, "set seen {{ type {kind}; flags dynamic; size 64; elements = {{ {three} }} }}");
    let _ = writeln!(text, "set met {{ type {kind} . inet_service; flags dynamic,timeout; timeout 1m; size 64; }}");
    let _ = writeln!(text, "map kept {{ type {kind} : mark; flags dynamic; size 64; elements = {{ {two} : 0x2 }} }}");
    text
}

fn kind(places: &Places) -> &'static str {
    if places.ip6 { "ipv6_addr" } else { "ipv4_addr" }
}

/// A condition; what asks for ports has to know the protocol first.
pub fn condition(lot: &mut Lot, places: &Places, protocol: &str, not: &str) -> String {
    let ip = if places.ip6 { "ip6" } else { "ip" };
    let side = lot.of(&["saddr", "daddr"]);
    let port = lot.of(&["dport", "dport", "sport"]);
    match lot.below(6) {
        0 if !protocol.is_empty() => format!("{ip} {side} . {protocol} {port} {not}@pairs"),
        1 if !protocol.is_empty() => format!(
            "{ip} {side} . {protocol} dport {not}{{ {} . {}, {} . 20-90 }}",
            places.own[0],
            lot.of(&PORTS),
            places.nets[0]
        ),
        2 if !protocol.is_empty() => format!("{ip} {side} . {protocol} dport {not}@met"),
        3 => format!("iifname . {ip} {side} {not}@ways"),
        _ => format!("{ip} {side} {not}@seen"),
    }
}

/// What a rule does: a verdict out of a map, a mark, or a change of a set.
pub fn does(lot: &mut Lot, places: &Places, protocol: &str) -> String {
    let ip = if places.ip6 { "ip6" } else { "ip" };
    let side = lot.of(&["saddr", "daddr"]);
    match lot.below(12) {
        0 => format!("{ip} {side} vmap @by_net"),
        1 => format!("{ip} daddr . meta l4proto . th dport vmap @by_service"),
        2 if !protocol.is_empty() => format!("{ip} {side} . {protocol} dport vmap @by_range"),
        3 => "meta l4proto . th dport vmap { tcp . 22 : accept, udp . 53 : return, tcp . 80-443 : continue }".into(),
        4 => format!("meta mark set {ip} {side} map @mark_of"),
        5 => format!("meta mark set {ip} {side} map @kept"),
        6 if !protocol.is_empty() => {
            format!("{} @met {{ {ip} {side} . {protocol} dport }}", lot.of(&["add", "update"]))
        }
        7 if !protocol.is_empty() => format!("update @met {{ {ip} {side} . {protocol} dport timeout 30s }} accept"),
        8 => format!("delete @seen {{ {ip} {side} }}"),
        9 => format!("update @kept {{ {ip} {side} : {} }}", lot.of(&["0x2", "meta mark"])),
        10 => format!("update @seen {{ {ip} {side} counter }}"),
        _ => format!("add @seen {{ {ip} {side} }}"),
    }
}

/// A translation of the destination out of a map; `ip`: the family, where the table is of both.
pub fn translation(lot: &mut Lot, protocol: &str, ip: &str) -> String {
    match lot.below(2) {
        0 if !protocol.is_empty() => format!("dnat {ip}to {protocol} dport map @by_port"),
        _ => format!("dnat {ip}to meta l4proto . th dport map @elsewhere"),
    }
}
