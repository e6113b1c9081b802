//! Rulesets of the shape that Docker gives a host, by lot: with iptables as in its releases 20 to 28, and what people put beside.
//!
//! Knows how its chains hang together; which ports are published, and what DOCKER-USER holds, is drawn.

use std::fmt::Write as _;

use crate::places::Places;
use crate::random::Lot;

/// A ruleset in the language of iptables-restore: all built-in chains of nat and filter, those of mangle and raw too if asked.
pub fn ruleset(lot: &mut Lot, places: &Places, all: bool) -> String {
    let (net, end, other, local, many, host) = match places.ip6 {
        false => ("172.17.0.0/16", "172.17.0.2", "10.42.0.0/24", "127.0.0.0/8", "224.0.0.0/4", "203.0.113.7"),
        true => ("2001:db8:17::/64", "2001:db8:17::2", "2001:db8:42::/64", "::1/128", "ff00::/8", "2001:db8:5::7"),
    };
    let full = if places.ip6 { 128 } else { 32 };
    let newer = lot.once_in(2);
    let internal = lot.once_in(3);
    let (mut nat, mut filter) = (String::new(), String::new());
    let but = if lot.once_in(4) { String::new() } else { format!("! -d {local} ") };
    nat += "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n";
    let _ = writeln!(nat, "-A OUTPUT {but}-m addrtype --dst-type LOCAL -j DOCKER");
    let _ = writeln!(nat, "-A POSTROUTING -s {net} ! -o docker0 -j MASQUERADE");
    if !internal {
        let _ = writeln!(nat, "-A POSTROUTING -s {other} ! -o cni0 -j MASQUERADE");
    }
    // What `br-…` is called here.
    if lot.once_in(2) {
        nat += "-A DOCKER -i docker0 -j RETURN\n-A DOCKER -i cni0 -j RETURN\n";
    }
    let mut published = String::new();
    for _ in 0..1 + lot.below(3) {
        let (protocol, at, to) =
            (lot.of(&["tcp", "tcp", "udp"]), lot.of(&["80", "8080", "53", "5353"]), lot.of(&["80", "53"]));
        let only = if lot.once_in(4) { format!("-d {}/{full} ", places.own[0]) } else { String::new() };
        let back = if lot.once_in(3) { "" } else { "! -i docker0 " };
        let target = if places.ip6 { format!("[{end}]:{to}") } else { format!("{end}:{to}") };
        let _ = writeln!(
            nat,
            "-A DOCKER {only}{back}-p {protocol} -m {protocol} --dport {at} -j DNAT --to-destination {target}"
        );
        let _ = writeln!(
            nat,
            "-A POSTROUTING -s {end}/{full} -d {end}/{full} -p {protocol} -m {protocol} --dport {to} -j MASQUERADE"
        );
        let _ = writeln!(
            published,
            "-A DOCKER -d {end}/{full} ! -i docker0 -o docker0 -p {protocol} -m {protocol} --dport {to} -j ACCEPT"
        );
    }
    let user = match lot.below(7) {
        0 => format!("-A DOCKER-USER ! -s {host}/{full} -i eth0 -j DROP\n"),
        1 => "-A DOCKER-USER -i eth0 -p tcp -m conntrack --ctorigdstport 80 --ctdir ORIGINAL -j DROP\n".to_owned(),
        2 => format!(
            "-A DOCKER-USER -i eth0 -m conntrack --ctorigdst {} -j ACCEPT\n-A DOCKER-USER -i eth0 -j DROP\n",
            places.own[0]
        ),
        3 => format!("-A DOCKER-USER -d {many} -j RETURN\n-A DOCKER-USER -m limit --limit 3/min -j LOG\n"),
        4 => "-A DOCKER-USER -i eth0 -p tcp -m tcp --dport 80 -j REJECT\n".to_owned(),
        _ => String::new(),
    };
    filter += "-A FORWARD -j DOCKER-USER\n";
    filter += &user;
    filter += "-A DOCKER-USER -j RETURN\n";
    let mut heads = String::from(":DOCKER -\n:DOCKER-USER -\n");
    if newer {
        heads += ":DOCKER-FORWARD -\n:DOCKER-CT -\n:DOCKER-INTERNAL -\n:DOCKER-BRIDGE -\n";
        filter += "-A FORWARD -j DOCKER-FORWARD\n-A DOCKER-FORWARD -j DOCKER-CT\n-A DOCKER-FORWARD -j DOCKER-INTERNAL\n\
                   -A DOCKER-FORWARD -j DOCKER-BRIDGE\n-A DOCKER-FORWARD -i docker0 -j ACCEPT\n\
                   -A DOCKER-BRIDGE -o docker0 -j DOCKER\n-A DOCKER-BRIDGE -o cni0 -j DOCKER\n\
                   -A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n";
        if internal {
            let _ = writeln!(
                filter,
                "-A DOCKER-INTERNAL ! -s {other} -o cni0 -j DROP\n-A DOCKER-INTERNAL ! -d {other} -i cni0 -j DROP"
            );
        } else {
            filter += "-A DOCKER-FORWARD -i cni0 -j ACCEPT\n";
        }
        filter += &published;
        filter += "-A DOCKER ! -i docker0 -o docker0 -j DROP\n-A DOCKER ! -i cni0 -o cni0 -j DROP\n";
    } else {
        heads += ":DOCKER-ISOLATION-STAGE-1 -\n:DOCKER-ISOLATION-STAGE-2 -\n";
        filter += "-A FORWARD -j DOCKER-ISOLATION-STAGE-1\n";
        for bridge in ["docker0", "cni0"] {
            let _ = writeln!(
                filter,
                "-A FORWARD -o {bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
                 -A FORWARD -o {bridge} -j DOCKER\n\
                 -A FORWARD -i {bridge} ! -o {bridge} -j ACCEPT\n\
                 -A FORWARD -i {bridge} -o {bridge} -j {}\n\
                 -A DOCKER-ISOLATION-STAGE-1 -i {bridge} ! -o {bridge} -j DOCKER-ISOLATION-STAGE-2\n\
                 -A DOCKER-ISOLATION-STAGE-2 -o {bridge} -j DROP",
                lot.of(&["ACCEPT", "DROP"])
            );
        }
        filter += &published;
        filter += "-A DOCKER-ISOLATION-STAGE-1 -j RETURN\n-A DOCKER-ISOLATION-STAGE-2 -j RETURN\n";
    }
    let policy = lot.of(&["DROP", "DROP", "ACCEPT"]);
    let mut text = format!(
        "*nat\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT\n:DOCKER -\n{nat}COMMIT\n\
         *filter\n:INPUT ACCEPT\n:FORWARD {policy}\n:OUTPUT ACCEPT\n{heads}{filter}COMMIT\n"
    );
    let guard =
        if lot.once_in(2) { format!("-A PREROUTING -d {end}/{full} ! -i docker0 -j DROP\n") } else { String::new() };
    if all || !guard.is_empty() {
        let _ = write!(text, "*raw\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\n{guard}COMMIT\n");
    }
    if all {
        text += "*mangle\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT\nCOMMIT\n";
    }
    text
}
