//! A packet's way through VRFs, told as text.
//!
//! No kernel of the test machines has such devices: what is expected here is read from the kernel's source (drivers/net/vrf.c),
//! not compared with a kernel.

#[path = "vrf/ground.rs"]
mod ground;

use ground::*;
use whyport::host::{IpFamily, Protocol};
use whyport::walk::{Field, Origin, Query, Turn, ValueSet, walk};

#[test]
fn what_comes_by_a_port_meets_prerouting_twice() {
    assert_way(
        &host(SEEN, "", "", &[]),
        &v4("eth1", "10.1.0.9", "10.1.0.1"),
        "eth1>blue blue>-
         t pre 1 continue
         t pre policy accept
         pass 2
         t pre 2 continue
         t pre policy accept
         route local
         t in 1 continue
         t in policy accept
         delivered",
    );
    assert_way(
        &host(SEEN, "", "", &[]),
        &v4("eth1", "10.1.0.9", "10.2.0.9"),
        "eth1>blue blue>eth2
         t pre 1 continue
         t pre policy accept
         pass 2
         t pre 2 continue
         t pre policy accept
         route out eth2
         t fwd 1 continue
         t fwd policy accept
         t post 2 continue
         t post policy accept
         forwarded eth2 10.1.0.9:4000 10.2.0.9:80",
    );
}

/// OUTPUT and POSTROUTING see the VRF before the port, and conntrack nothing of that.
#[test]
fn what_its_sender_binds_to_a_vrf_leaves_twice() {
    assert_way(
        &host(SEEN, "", "", &[]),
        &bound("10.2.0.9"),
        "->blue blue>eth2
         route out eth2
         t out 1 continue
         t out policy accept
         t post 1 continue
         t post policy accept
         route out eth2
         pass 2
         t out 2 continue
         t out policy accept
         t post 2 continue
         t post policy accept
         sent eth2 10.2.0.1:4000 10.2.0.9:80",
    );
}

#[test]
fn a_vrf_is_the_loop_for_its_own_addresses() {
    assert_way(
        &host(SEEN, "", "", &[]),
        &bound("10.1.0.1"),
        "->blue blue>-
         route out blue
         t out 3 continue
         t out policy accept
         t post 3 continue
         t post policy accept
         pass 2
         t pre policy accept
         t in policy accept
         delivered",
    );
}

#[test]
fn who_is_bound_to_no_vrf_does_not_get_there() {
    assert_way(
        &host(SEEN, "", "", &[]),
        &query("local", IpFamily::V4, None, "10.1.0.1"),
        "->-\nroute refused\nunroutable no-route",
    );
}

/// A route that leads to the VRF is taken there, once more by the VRF's own table; one by its port meets the VRF first.
#[test]
fn routes_lead_into_a_vrf() {
    let unbound = query("local", IpFamily::V4, Some("192.168.1.2"), "10.2.0.9");
    assert_way(
        &host(SEEN, "", "", &[route("main", "unicast", "10.2.0.0/24", "blue", "")]),
        &unbound,
        "->blue blue>eth2
         route out blue
         t out 3 continue
         t out policy accept
         t post 3 continue
         t post policy accept
         route out eth2
         pass 2
         t out 2 continue
         t out policy accept
         t post 2 continue
         t post policy accept
         sent eth2 192.168.1.2:4000 10.2.0.9:80",
    );
    assert_way(
        &host("", "", "", &[route("main", "unicast", "10.2.0.0/24", "eth2", "")]),
        &unbound,
        "->blue blue>eth2
         route out eth2
         route out eth2
         sent eth2 192.168.1.2:4000 10.2.0.9:80",
    );
    assert_way(
        &host("", "", "", &[route("main", "unicast", "10.2.0.0/24", "blue", "")]),
        &v4("eth0", "192.168.1.77", "10.2.0.1"),
        "eth0>blue blue>-\nroute out blue\ndelivered",
    );
    // Two VRFs that send to each other.
    let circle =
        [route("1001", "unicast", "10.9.0.0/16", "red", ""), route("1002", "unicast", "10.9.0.0/16", "blue", "")];
    let told = told(&host("", "", "", &circle), &v4("eth1", "10.1.0.9", "10.9.0.1"));
    assert!(told.ends_with("dropped loop\n"), "{told}");
}

#[test]
fn an_answer_leaves_in_the_vrf_that_it_was_asked_in() {
    let tcp = |device: &str| format!("tcp LISTEN 0 9 0.0.0.0{device}:80 0.0.0.0:* users:((\"web\",pid=7,fd=3)) ino:9");
    let reply = Query { turn: Turn::Reply, ..v4("eth1", "10.1.0.9", "10.1.0.1") };
    assert_way(
        &host(SEEN, "", &tcp("%blue"), &[]),
        &reply,
        "->blue blue>eth1
         route out eth1
         t out 1 continue
         t out policy accept
         t post 1 continue
         t post policy accept
         route out eth1
         pass 2
         t out 4 continue
         t out policy accept
         t post 4 continue
         t post policy accept
         sent eth1 10.1.0.1:80 10.1.0.9:4000",
    );
    // Who has no connections and hears every VRF answers in none.
    let udp = "udp UNCONN 0 0 0.0.0.0:80 0.0.0.0:* users:((\"web\",pid=7,fd=3)) ino:9";
    let mut asked = Query { turn: Turn::Reply, protocol: Protocol::UDP, ..v4("eth1", "10.1.0.9", "10.1.0.1") };
    asked.fields.remove(&Field::TcpFlags);
    assert_way(
        &host("", "net.ipv4.udp_l3mdev_accept = 1", udp, &[]),
        &asked,
        "->-\nroute refused\nunroutable no-route",
    );
}

#[test]
fn sockets_hear_their_own_vrf() {
    let heard = |sysctls: &str, device: &str, protocol: Protocol, by: &str| {
        let (kind, state) = if protocol == Protocol::TCP { ("tcp", "LISTEN") } else { ("udp", "UNCONN") };
        let socket = format!("{kind} {state} 0 9 0.0.0.0{device}:80 0.0.0.0:* users:((\"web\",pid=7,fd=3)) ino:9");
        let to = if by == "eth0" { "192.168.1.2" } else { "10.1.0.1" };
        let src = if by == "eth0" { "192.168.1.77" } else { "10.1.0.9" };
        let query = Query { protocol, ..v4(by, src, to) };
        let walk = walk(&host("", sysctls, &socket, &[]), &query);
        assert_eq!(walk.outcomes.len(), 1);
        assert_eq!(walk.outcomes[0].fate.kind.name(), "delivered");
        walk.outcomes[0].fate.socket.is_some()
    };
    let (tcp, udp) = (Protocol::TCP, Protocol::UDP);
    let accepts = "net.ipv4.tcp_l3mdev_accept = 1";
    for (sysctls, device, protocol, by, expected) in [
        ("", "", tcp, "eth0", true),
        ("", "", tcp, "eth1", false),
        (accepts, "", tcp, "eth1", true),
        (accepts, "", udp, "eth1", false),
        ("net.ipv4.udp_l3mdev_accept = 1", "", udp, "eth1", true),
        ("", "%blue", tcp, "eth1", true),
        ("", "%eth1", tcp, "eth1", true),
        ("", "%eth2", tcp, "eth1", false),
        ("", "%blue", tcp, "eth3", false),
        ("", "%red", udp, "eth3", true),
        ("", "%blue", tcp, "eth0", false),
    ] {
        assert_eq!(heard(sysctls, device, protocol, by), expected, "{sysctls} {device} {protocol} {by}");
    }
}

/// The VRF's own sysctls count, not its port's.
#[test]
fn a_vrf_forwards_and_filters_by_its_own_settings() {
    let onward = v4("eth1", "10.1.0.9", "10.2.0.9");
    let off = "net.ipv4.conf.blue.forwarding = 0\nnet.ipv4.conf.eth1.forwarding = 1";
    assert_way(&host("", off, "", &[]), &onward, "eth1>blue blue>-\nroute refused\ndropped ip_forward");
    let port = "net.ipv4.conf.blue.forwarding = 1\nnet.ipv4.conf.eth1.forwarding = 0\nnet.ipv4.conf.eth1.rp_filter = 1";
    assert_way(
        &host("", port, "", &[]),
        &v4("eth1", "172.16.0.9", "10.2.0.9"),
        "eth1>blue blue>eth2\nroute out eth2\nforwarded eth2 172.16.0.9:4000 10.2.0.9:80",
    );
    // The way back need only lead by some port.
    let strict = "net.ipv4.conf.blue.rp_filter = 1";
    assert_way(
        &host("", strict, "", &[]),
        &v4("eth1", "10.2.0.9", "10.1.0.1"),
        "eth1>blue blue>-\nroute local\ndelivered",
    );
    assert_way(
        &host("", strict, "", &[]),
        &v4("eth1", "192.168.1.77", "10.1.0.1"),
        "eth1>blue blue>-\nroute refused\nmartian rp_filter",
    );
}

/// Of a VRF's addresses `addrtype` knows nothing, and `fib` what the VRF's table says.
#[test]
fn types_of_addresses_are_those_of_the_table_that_is_asked() {
    let with = |condition: &str| {
        let rules = format!(
            "table ip t {{\n\tchain pre {{ type filter hook prerouting priority filter; policy accept;\n\t\t{condition} counter\n\t}}\n}}\n"
        );
        let told = told(&host(&rules, "", "", &[]), &v4("eth1", "10.1.0.9", "10.1.0.1"));
        told.lines().filter(|line| line.contains("continue")).count()
    };
    assert_eq!(with("fib daddr type local"), 2);
    assert_eq!(with("fib daddr . iif type local"), 1, "the VRF has not the address itself");
    assert_eq!(with("fib saddr . iif oif exists"), 2);
    assert_eq!(with("fib saddr oif eth1"), 2);
    assert_eq!(with("fib saddr . iif oif \"blue\""), 1);
    assert_eq!(with("fib saddr oif eth3"), 0);

    let mut host = host("", "", "", &[]);
    let addrtype = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m addrtype --dst-type LOCAL -j DROP\nCOMMIT\n";
    let options =
        whyport::syntax::iptables::Options { family: Some(IpFamily::V4), backend: whyport::host::Backend::IptablesNft };
    let parsed = whyport::syntax::iptables::parse(addrtype, &options);
    host.namespaces[0].ruleset = parsed.ruleset;
    assert!(told(&host, &v4("eth1", "10.1.0.9", "10.1.0.1")).ends_with("delivered\n"));
    assert!(told(&host, &v4("eth0", "192.168.1.77", "192.168.1.2")).ends_with("dropped\n"));
}

#[test]
fn translations_are_made_once_by_the_port_in_and_out() {
    let rules = "table ip n {
	chain pre { type nat hook prerouting priority dstnat; policy accept;
		iifname \"blue\" tcp dport 80 dnat to 10.2.0.66
		iifname \"eth1\" tcp dport 80 dnat to 10.2.0.77
	}
	chain out { type nat hook output priority dstnat; policy accept;
		oifname \"blue\" dnat to 10.2.0.66
		oifname \"eth1\" tcp dport 80 dnat to 10.2.0.77
	}
	chain post { type nat hook postrouting priority srcnat; policy accept;
		oifname \"blue\" snat to 10.2.0.88
		oifname \"eth2\" masquerade
	}
}
";
    assert_way(
        &host(rules, "", "", &[]),
        &v4("eth1", "10.1.0.9", "10.1.0.1"),
        "eth1>blue blue>eth2
         n pre 2 dnat 10.2.0.77
         route out eth2
         pass 2
         n post 2 masquerade 10.2.0.1
         forwarded eth2 10.2.0.1:4000 10.2.0.77:80",
    );
    assert_way(
        &host(rules, "", "", &[]),
        &bound("10.1.0.9"),
        "->blue blue>eth2
         route out eth1
         route out eth1
         pass 2
         n out 2 dnat 10.2.0.77
         route out eth2
         n post 2 masquerade 10.2.0.1
         sent eth2 10.2.0.1:4000 10.2.0.77:80",
    );
}

#[test]
fn later_packets_and_answers_are_translated_back_through_a_vrf() {
    let rules = "table ip n {
	chain pre { type nat hook prerouting priority dstnat; policy accept;
		iifname \"eth1\" tcp dport 80 dnat to 10.2.0.77
	}
	chain post { type nat hook postrouting priority srcnat; policy accept;
		oifname \"eth2\" masquerade
	}
}
";
    let host = host(rules, "", "", &[]);
    let first = v4("eth1", "10.1.0.9", "10.1.0.1");
    assert_way(
        &host,
        &Query { turn: Turn::Later, ..first.clone() },
        "eth1>blue blue>eth2\nroute out eth2\nforwarded eth2 10.2.0.1:4000 10.2.0.77:80",
    );
    assert_way(
        &host,
        &Query { turn: Turn::Reply, ..first },
        "eth2>blue blue>eth1\nroute out eth1\nforwarded eth1 10.1.0.1:80 10.1.0.9:4000",
    );
}

/// Addresses of the link alone are the port's: prerouting does not see them again; neighbours are answered by the port.
#[test]
fn ipv6_leaves_the_links_own_to_the_port() {
    let v6 = |src: &str, dst: &str| query("eth1", IpFamily::V6, Some(src), dst);
    let twice = "eth1>blue blue>-
         t pre 1 continue
         t pre policy accept
         pass 2
         t pre 2 continue
         t pre policy accept
         route local
         t in 1 continue
         t in policy accept
         delivered";
    assert_way(&host(SEEN, "", "", &[]), &v6("2001:db8:1::9", "2001:db8:1::1"), twice);
    assert_way(
        &host(SEEN, "", "", &[]),
        &v6("fe80::9", "fe80::1"),
        "eth1>-
         t pre 1 continue
         t pre policy accept
         route local
         t in 1 continue
         t in policy accept
         delivered",
    );
    let mut solicits = Query { protocol: Protocol::ICMPV6, ..v6("fe80::9", "fe80::1") };
    solicits.fields.remove(&Field::TcpFlags);
    solicits.set(Field::IcmpType, ValueSet::one(135));
    let told = told(&host(SEEN, "", "", &[]), &solicits);
    assert!(told.starts_with("eth1>blue blue>-\n") && told.contains("t in 2 continue"), "{told}");
}

/// This one a kernel without VRFs was asked, too (`l3mdev_fib_rule_match`): outside of every VRF the rule says nothing.
#[test]
fn the_policy_rule_is_for_vrfs_alone() {
    assert_way(&host("", "", "", &[]), &v4("eth0", "192.168.1.77", "192.168.1.2"), "eth0>-\nroute local\ndelivered");
    let overlapping = |by: &str, expected: &str| {
        let told = told(&host("", "", "", &[]), &v4(by, "10.1.0.9", "10.1.0.77"));
        assert!(told.contains(expected), "{told}");
    };
    overlapping("eth1", "forwarded eth1 10.1.0.9:4000");
    overlapping("eth3", "forwarded eth3 10.1.0.9:4000");
    overlapping("eth0", "unroutable");
}

#[test]
fn who_does_not_hear_a_vrf_is_told() {
    use whyport::explain::{self, From, Target, words};
    let sockets = "tcp LISTEN 0 9 0.0.0.0:22 0.0.0.0:* users:((\"sshd\",pid=8,fd=3)) ino:10\n\
                   tcp LISTEN 0 9 0.0.0.0%blue:80 0.0.0.0:* users:((\"web\",pid=7,fd=3)) ino:9";
    let told = |port: u16, device: &str, sysctls: &str| {
        let host = host("", sysctls, sockets, &[]);
        let target = Target { protocol: Protocol::TCP, addr: None, port: Some(port), socket: None };
        let from = From::Outside(device.to_owned());
        let queries = explain::queries(&host, 0, &target, &from, IpFamily::V4);
        let walker = whyport::walk::Walker::new(&host, 0);
        let answers = queries.iter().map(|query| {
            let Origin::Device(by) = &query.origin else { return String::new() };
            let walk = walker.walk(query);
            let answer = explain::judge(&host, &target, From::Outside(by.clone()), walk);
            format!("{by}: {}\n", words::because(&host, 0, &answer, whyport::syntax::part_text))
        });
        answers.collect::<String>()
    };
    let deaf = "The packet arrives by the VRF blue, of which sshd (8) hears nothing: bound to no device, while \
                tcp_l3mdev_accept is off.\n";
    assert_eq!(told(22, "blue", ""), format!("eth1: {deaf}eth2: {deaf}"), "a VRF is asked by its ports");
    let gets = |who: &str| format!("eth1: {who} gets this packet: no rule stands in its way.\n");
    assert_eq!(told(22, "eth1", "net.ipv4.tcp_l3mdev_accept = 1"), gets("sshd (8)"));
    assert_eq!(told(80, "eth1", ""), gets("web (7)"));
    let nobody = "eth3: The packet arrives where nobody listens, and the kernel answers with a reset: web (7) listens on \
                  0.0.0.0:80 of blue only.\n";
    assert_eq!(told(80, "eth3", ""), nobody);
}
