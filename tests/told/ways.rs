//! By which device and router packets leave that are for nobody here.

use super::{assert_has, told};

/// The host with this route first.
fn host(route: &str) -> String {
    let host = include_str!("host.snapshot").replace("RULES", "");
    host.replacen("{\"dst\":\"10.0.0.0/24\"", &format!("{route},\n{{\"dst\":\"10.0.0.0/24\""), 1)
}

fn paths(second: &str) -> String {
    host(&format!(
        "{{\"dst\":\"198.51.100.0/24\",\"nexthops\":[{{\"gateway\":\"192.168.1.1\",\"dev\":\"eth0\",\"weight\":1}},{second}]}}"
    ))
}

#[test]
fn the_router_is_told_with_the_device() {
    assert_has(
        &told("trace 8.8.8.8:80 --origin local", &host("{\"dst\":\"9.9.9.9\",\"dev\":\"eth0\"}")),
        "out by eth0 via 192.168.1.1.",
    );
    assert_has(
        &told("trace 9.9.9.9:80", &host("{\"dst\":\"9.9.9.9\",\"dev\":\"eth0\"}")),
        "is forwarded, out by eth0.",
    );
    let json = told("trace 8.8.8.8:80 --origin local --json", &host("{\"dst\":\"9.9.9.9\",\"dev\":\"eth0\"}"));
    assert_has(&json, "\"oif\": \"eth0\", \"via\": \"192.168.1.1\"");
}

#[test]
fn of_several_ways_each_is_told_and_what_decides() {
    let devices = paths("{\"gateway\":\"10.0.0.254\",\"dev\":\"br0\",\"weight\":1}");
    let text = told("trace 198.51.100.7:80 --origin local", &devices);
    assert_has(&text, "sent out by eth0 via 192.168.1.1 or by br0 via 10.0.0.254, as the flow's hash falls.");
    assert_has(&text, "assumed it leaves by eth0 (as the flow's hash falls)");
    assert_has(&text, "route 198.51.100.7: out by br0, router 10.0.0.254");
    let routers = paths("{\"gateway\":\"192.168.1.9\",\"dev\":\"eth0\",\"weight\":1}");
    let text = told("trace 198.51.100.7:80", &routers);
    assert_has(&text, "forwarded, out by eth0 via 192.168.1.1 or 192.168.1.9, as the flow's hash falls.");
    assert_has(&told("trace 198.51.100.7:80 --json", &routers), "\"oif\": \"eth0\", \"via\": null");
    let marked = told("trace 198.51.100.7:80 --mark 0-255", &host("{\"dst\":\"9.9.9.9\",\"dev\":\"eth0\"}"));
    assert_has(&marked, "out by eth0 via 192.168.1.1, but by br0 via 10.0.0.254 if mark is 0x5.");
}
