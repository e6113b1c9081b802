//! Ghosts of which the same is to be said have one row, and whoever is not there is said not to be.

use super::{assert_has, assert_has_not, demo, told};

const HOST: &str = include_str!("host.snapshot");
const SSHD: &str = "tcp LISTEN 0 0 0.0.0.0:22 0.0.0.0:* users:((\"sshd\",pid=1,fd=0)) ino:11";

/// The host with these rules for translation, and envoy beside sshd.
fn host(rules: &str) -> String {
    let envoy = |port: u16, inode: u16| {
        format!("tcp LISTEN 0 0 0.0.0.0:{port} 0.0.0.0:* users:((\"envoy\",pid=2,fd=0)) ino:{inode}")
    };
    let nat = format!("*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n{rules}COMMIT");
    HOST.replace("RULES", &nat).replace(SSHD, &format!("{SSHD}\n{}\n{}", envoy(15001, 12), envoy(15006, 13)))
}

#[test]
fn ranges_that_sockets_split_are_one_row() {
    let text = told("ports", &host("-A PREROUTING -p tcp -j REDIRECT --to-ports 15006\n"));
    assert_has(
        &text,
        "diverted tcp 1-21 any of its own ghost: no socket listens also 23-15000, 15002-15005, 15007-65535 outside",
    );
    assert_eq!(text.matches("ghost").count(), 1, "{text}");
}

#[test]
fn addresses_of_which_the_same_is_said_are_one_row() {
    let to = "-p tcp --dport 9001 -j DNAT --to-destination 10.0.0.7";
    let text = told("ports", &host(&format!("-A PREROUTING -d 192.168.1.2 {to}\n-A PREROUTING -d 10.0.0.1 {to}\n")));
    assert_has(&text, "diverted tcp 9001 10.0.0.1 ghost: no socket listens also at 192.168.1.2 outside by eth0");
    let other = host(&format!("-A PREROUTING -d 192.168.1.2 {to}\n-A PREROUTING -d 10.0.0.1 {to}:80\n"));
    assert_has_not(&told("ports", &other), "also at");
}

#[test]
fn two_sockets_of_one_process_are_one_answerer() {
    let owner = host("-A OUTPUT -p tcp -o lo -m owner --uid-owner 1337 -j REDIRECT --to-ports 15006\n");
    let text = told("trace 192.168.1.2:15001 --origin local", &owner);
    assert_has(
        &text,
        "depends: envoy (2) It depends: envoy (2) gets the packet, but if uid is 1337, it goes to envoy (2).",
    );
}

#[test]
fn nobody_at_the_end_of_the_way_is_told_with_the_address() {
    assert_has(&demo("trace 443 --demo"), "diverted: 10.42.0.2:443 (svclb), where no socket listens");
    assert_has(&demo("ports --demo"), "container bridge cni0: 10.42.0.2:443 (svclb), where no socket listens");
    assert_has(&demo("trace 80 --demo"), "diverted: traefik (4365) in traefik nginx");
}
