//! Snapshots against what they were made of: the embedded host, damaged files, and the real commands of this machine.

use std::process::Command;

use proptest::test_runner::{Config, TestRunner};
use whyport::host::{Host, LinkKind, Namespace, Route, What};
use whyport::snapshot;

fn k3s() -> &'static str {
    snapshot::demo("k3s-port-80").expect("the story is embedded")
}

#[test]
fn the_story_is_whole() {
    let recording = snapshot::parse(k3s());
    assert_eq!(recording.diagnostics, []);
    let host = recording.host;
    let names: Vec<&str> = host.namespaces.iter().map(|ns| ns.name.as_str()).collect();
    assert_eq!(names, ["node", "svclb", "traefik", "client"]);
    let node = host.viewed();
    assert_eq!(node.name, "node");
    assert_eq!(node.unread.iter().map(|unread| unread.what).collect::<Vec<_>>(), [What::Neighbours]);
    let cni0 = node.link("cni0").unwrap();
    assert_eq!(cni0.kind, LinkKind::Bridge);
    for port in ["veth-svclb", "veth-traefik"] {
        let port = node.link(port).unwrap();
        assert_eq!((port.master, port.port.unwrap().hairpin), (Some(cni0.index), true));
    }
    assert_eq!(node.sysctls.ip["cni0"].route_localnet, Some(true));
    assert_eq!(node.sysctls.bridge_call_iptables, Some(true));
    assert_eq!(node.sockets.len(), 3);
    let nginx = &node.sockets[2];
    assert_eq!((nginx.addr.to_string().as_str(), nginx.port, nginx.v6only), ("::", 80, Some(true)));
    assert_eq!((nginx.processes[0].pid, nginx.processes[0].name.as_str(), nginx.uid), (4363, "nginx", Some(0)));
    assert_eq!(node.ruleset.rule_count(), 24);
    assert_eq!(host.namespaces[1].ruleset.rule_count(), 4);
}

/// Each veth leads to the device that leads back to it.
#[test]
fn the_storys_veths_are_pairs() {
    let host = snapshot::parse(k3s()).host;
    let there = |ns: &Namespace, id: Option<i32>| {
        let name = &ns.ids.iter().find(|(known, _)| Some(*known) == id).unwrap().1;
        &host.namespaces[host.find(name).unwrap()]
    };
    let mut ends = 0;
    for ns in &host.namespaces {
        for link in ns.links.iter().filter(|link| link.kind == LinkKind::Veth) {
            let peer = link.peer.unwrap();
            let other = there(ns, peer.namespace_id);
            let back = other.link_at(peer.index).unwrap().peer.unwrap();
            assert_eq!((back.index, &there(other, back.namespace_id).name), (link.index, &ns.name));
            ends += 1;
        }
    }
    assert_eq!(ends, 6);
}

#[test]
fn the_story_prints_as_it_is_written() {
    let host = snapshot::parse(k3s()).host;
    let printed = snapshot::print(&host);
    if std::env::var_os("WHYPORT_WRITE_SNAPSHOTS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/hosts/k3s-port-80.whyport"), &printed).unwrap();
    }
    let differs = printed.lines().zip(k3s().lines()).enumerate().find(|(_, (new, old))| new != old);
    assert!(printed == k3s(), "lengths {} and {}, first: {differs:?}", printed.len(), k3s().len());
    assert_eq!(snapshot::parse(&printed).host, host);
}

/// A recording that was cut off is never taken for a whole one, wherever it was cut.
#[test]
fn a_cut_recording_says_so() {
    let text = k3s();
    let whole = snapshot::parse(text).host;
    let end = text.rfind("[end]").unwrap() + "[end]".len();
    let lines = text.match_indices('\n').map(|(at, _)| at + 1);
    for cut in lines.chain((0..text.len()).step_by((text.len() / 2000).max(1))).filter(|cut| *cut < end) {
        let recording = snapshot::parse(&text[..cut]);
        let host = recording.host;
        let (last, before) = host.namespaces.split_last().unwrap();
        assert!(!last.is_read(What::Recording), "cut at {cut}");
        let lines = text[..cut].lines().count().max(1);
        assert!(recording.diagnostics.iter().any(|bad| bad.line == lines), "cut at {cut}: {:?}", recording.diagnostics);
        assert!(before.iter().zip(&whole.namespaces).all(|(got, want)| got == want), "cut at {cut}");
        let Some(want) = whole.namespaces.iter().find(|ns| ns.name == last.name) else { continue };
        for (what, same) in [
            (What::Links, last.links == want.links),
            (What::Addresses, last.addresses == want.addresses),
            (What::Routes, last.routes == want.routes),
            (What::PolicyRules, last.policy_rules == want.policy_rules),
            (What::Sysctls, last.sysctls == want.sysctls),
            (What::Sockets, last.sockets == want.sockets),
            (What::NfTables, last.ruleset.rule_count() == want.ruleset.rule_count()),
        ] {
            assert!(same || !last.is_read(what), "cut at {cut}: {what} differ and count as read");
        }
    }
}

fn small(sections: &str) -> String {
    format!("# whyport snapshot 1\n[host]\nviewed: a\n\n[namespace a]\n{sections}\n[end]\n")
}

#[test]
fn damage_has_its_line() {
    let cases = [
        ("[ip -j addr]\n[{\"ifindex\":1,]\n", 7, What::Addresses),
        ("[ip -j route show table all]\n[{\"dst\":\"10.0.0.0/8\",\"dev\":\"eth7\"}]\n", 6, What::Routes),
        ("[ip -j rule]\n[{\"priority\":1,\"src\":\"all\",\"table\":\"vpn\"}]\n", 6, What::PolicyRules),
        ("[sysctl]\nnet.ipv4.ip_forward = yes\n", 7, What::Sysctls),
        ("[ss -H -tulpne]\ntcp LISTEN 0 64 0.0.0.0:http 0.0.0.0:*\n", 7, What::Sockets),
        ("[ss -H -tulpne]\nhello there\n", 7, What::Sockets),
        ("[nft list ruleset]\ntable ip x {\n\tchain a {\n\t\tip saddr 10.0.0.1\n", 10, What::NfTables),
        ("[nft list ruleset]\nhello there\n", 7, What::NfTables),
        ("[hooks]\nprerouting -100 ip nat PREROUTING iptables-nft\n", 7, What::Hooks),
        ("[hooks]\norder: perhaps\n", 7, What::Hooks),
        ("[nf_tables]\ntable ip x\ntable ip x\nchain a\n", 8, What::NfTables),
        ("[nf_tables]\ntable ip x\nchain a\nchain b\nchain a\nrule\n", 10, What::NfTables),
        ("[iptables-nft-save]\n*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j\nCOMMIT\n", 9, What::NfTables),
    ];
    for (text, line, what) in cases {
        let recording = snapshot::parse(&small(text));
        let lines: Vec<usize> = recording.diagnostics.iter().map(|bad| bad.line).collect();
        assert_eq!(lines, [line], "{text}: {:?}", recording.diagnostics);
        let unread = recording.host.viewed().unread(what).unwrap();
        assert!(unread.needs.contains("whole"), "{text}: {unread:?}");
    }
}

#[test]
fn what_is_there_twice_or_unknown_is_reported() {
    let text = small(
        "[sysctl]\nnet.ipv4.ip_forward = 1\n[sysctl]\nnet.ipv4.ip_forward = 0\n[weather]\nrain\n[namespace a]\n[ip -j rule]\n",
    );
    let recording = snapshot::parse(&text);
    let lines: Vec<usize> = recording.diagnostics.iter().map(|bad| bad.line).collect();
    assert_eq!(lines, [8, 10, 12]);
    assert_eq!(recording.host.namespaces.len(), 1);
    assert_eq!(recording.host.viewed().sysctls.ip_forward, Some(true));
    assert!(!recording.host.viewed().is_read(What::PolicyRules));
}

/// What is known of a device may be nothing that has a line: then it is not as if sysctls had been read.
#[test]
fn a_section_that_says_nothing_is_not_made_up() {
    let text = small("[sysctl]\nnet.ipv4.conf.eth0.rp_filter = yes\n");
    let printed = snapshot::print(&snapshot::parse(&text).host);
    assert!(!printed.contains("[sysctl]") && printed.contains("sysctls: "), "{printed}");
    assert_eq!(snapshot::print(&snapshot::parse(&printed).host), printed);
}

/// nft lists the tables of iptables-nft too, in words that say less: those are told by iptables' own.
#[test]
fn what_nft_lists_is_read_beside_what_iptables_saves() {
    let text = small(concat!(
        "[ip -d -j link]\n",
        r#"[{"ifindex":7,"ifname":"eth0","flags":["UP"],"mtu":1500,"link_type":"ether","promiscuity":0}]"#,
        "\n[nft list ruleset]\ntable ip nat {\n\tchain PREROUTING {\n",
        "\t\ttype nat hook prerouting priority dstnat; policy accept;\n",
        "\t\ttcp dport 80 counter packets 5 bytes 300 # xt_DNAT\n\t}\n}\n",
        "table inet t {\n\tchain in {\n\t\ttype filter hook input priority filter; policy drop;\n",
        "\t\tiif \"eth0\" counter packets 7 bytes 420 accept\n\t}\n}\n",
        "[iptables-nft-save]\n*nat\n:PREROUTING ACCEPT [1:60]\n",
        "[5:300] -A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.2\nCOMMIT\n",
    ));
    let recording = snapshot::parse(&text);
    assert_eq!(recording.diagnostics, []);
    let ns = recording.host.viewed();
    assert!(ns.is_read(What::NfTables));
    let tables: Vec<_> = ns.ruleset.tables.iter().map(|table| format!("{} {}", table.backend, table.name)).collect();
    assert_eq!(tables, ["iptables-nft nat", "nft t"]);
    let printed = snapshot::print(&recording.host);
    for line in ["[5:300] -A PREROUTING -p tcp", "# iif 7 counter", "rule packets=7 bytes=420"] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
    assert_eq!(snapshot::print(&snapshot::parse(&printed).host), printed);
}

/// VRFs as iproute2 prints them (ip-link(8)); no kernel of the test machines makes one.
#[test]
fn a_vrf_is_kept_with_its_table_its_ports_and_who_hears_it() {
    let text = small(concat!(
        "[ip -d -j link]\n",
        r#"[{"ifindex":5,"ifname":"blue","flags":["NOARP","MASTER","UP","LOWER_UP"],"mtu":65575,"link_type":"ether","#,
        r#""promiscuity":0,"linkinfo":{"info_kind":"vrf","info_data":{"table":1001}}},"#,
        r#"{"ifindex":6,"ifname":"eth1","flags":["UP"],"mtu":1500,"master":"blue","link_type":"ether","promiscuity":0,"#,
        r#""linkinfo":{"info_slave_kind":"vrf","info_slave_data":{"table":1001}}}]"#,
        "\n[ip -j rule]\n",
        r#"[{"priority":1000,"src":"all","l3mdev":null},{"priority":32766,"src":"all","table":"main"}]"#,
        "\n[ip -j route show table all]\n",
        r#"[{"type":"local","dst":"10.1.0.1","dev":"eth1","table":"1001","protocol":"kernel","scope":"host"}]"#,
        "\n[sysctl]\nnet.ipv4.tcp_l3mdev_accept = 1\nnet.ipv4.udp_l3mdev_accept = 0\n",
    ));
    let recording = snapshot::parse(&text);
    assert_eq!(recording.diagnostics, []);
    let ns = recording.host.viewed();
    let blue = ns.link("blue").unwrap();
    assert_eq!(blue.kind, LinkKind::Vrf(1001));
    assert_eq!((ns.link("eth1").unwrap().master, ns.routes[0].table), (Some(blue.index), 1001));
    assert!(ns.policy_rules[0].l3mdev);
    assert_eq!((ns.sysctls.tcp_l3mdev_accept, ns.sysctls.udp_l3mdev_accept), (Some(true), Some(false)));
    let printed = snapshot::print(&recording.host);
    assert_eq!(snapshot::parse(&printed).host, recording.host);
    for line in ["\"table\":1001", "net.ipv4.tcp_l3mdev_accept = 1", "\"l3mdev\":null"] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
}

#[test]
fn missing_is_unread_and_empty_is_read() {
    let host = snapshot::parse(&small("[ip -j addr]\n\n[ss -H -tulne]\n")).host;
    let ns = host.viewed();
    assert!(ns.is_read(What::Addresses) && ns.is_read(What::Sockets));
    for what in [What::Links, What::Routes, What::NfTables, What::LegacyIp, What::Hooks, What::Processes] {
        assert!(!ns.is_read(what), "{what}");
    }
    for text in ["", "\u{feff}", "[", "[namespace ", "# whyport snapshot 1", "\n\n[end]\n[end]\nx"] {
        assert_eq!(snapshot::parse(text).host.namespaces.len(), 1, "{text:?}");
    }
}

/// Text that nobody would write: sections, brackets and their like in every order.
#[test]
fn nothing_makes_it_fail() {
    let word = concat!(
        r"(\[host\]|\[namespace [a-c]\]|\[ip -j (link|addr|rule|neigh)\]|\[hooks\]|\[unread\]|\[ss -tlnp\]|\[sysctl\]|",
        r#"\[handles\]|\[iptables-nft-save\]|\[end\]|\PC{0,12}|[\[\]{}": ,0-9a-z]{0,30}|\r)\n?"#
    );
    let mut runner = TestRunner::new(Config { failure_persistence: None, cases: 500, ..Config::default() });
    let ran = runner.run(&proptest::collection::vec(word, 0..30), |words| {
        let printed = snapshot::print(&snapshot::parse(&words.concat()).host);
        proptest::prop_assert_eq!(snapshot::print(&snapshot::parse(&printed).host), printed);
        Ok(())
    });
    ran.unwrap();
}

const REAL: &str = r#"set -e
ip link set lo up
ip link add br0 type bridge nf_call_iptables 1
ip link add v0 type veth peer name v1
ip link set v0 master br0; bridge link set dev v0 hairpin on
for d in br0 v0 v1; do ip link set $d up; done
ip addr add 10.1.0.1/24 dev br0; ip addr add 10.1.0.2/24 dev br0; ip addr add 2001:db8::1/64 dev br0 nodad
ip route add default via 10.1.0.9; ip route add blackhole 10.9.0.0/16
ip route add 10.8.0.0/16 table 77 nexthop via 10.1.0.7 weight 2 nexthop via 10.1.0.8
ip -6 route add default via 2001:db8::9; ip -6 route add unreachable 2001:db8:9::/48
ip rule add not from 10.2.0.0/16 to 10.3.0.1 iif br0 fwmark 0x10/0xff ipproto tcp dport 80-90 table 77 pref 100
ip rule add uidrange 0-0 sport 7 suppress_prefixlength 0 table main pref 200; ip rule add prohibit pref 300
ip rule add goto 200 pref 150; ip -6 rule add from 2001:db8::/32 table 77 pref 5
ip neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev br0
echo '# whyport snapshot 1'; echo '[namespace real]'
for c in 'ip netns list-id' 'ip -d -j link' 'ip -j addr' 'ip -j route show table all' 'ip -6 -j route show table all' \
    'ip -j rule' 'ip -6 -j rule' 'ip -j neigh' 'bridge -j fdb' 'ss -H -tulpne' iptables-nft-save ip6tables-nft-save
do echo "[$c]"; $c; echo; done
echo '[sysctl]'; sysctl -a 2>/dev/null | grep ^net
echo '[end]'"#;

/// A namespace of this machine, in the words of its own tools, is read without a complaint.
#[test]
fn real_output_is_read() {
    for tool in ["unshare", "ip", "bridge", "ss", "sysctl", "iptables-nft-save", "ip6tables-nft-save"] {
        let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).output().unwrap();
        assert!(found.status.success(), "this test needs {tool}");
    }
    let output = Command::new("unshare").args(["-rn", "sh", "-c", REAL]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let recording = snapshot::parse(&text);
    assert_eq!(recording.diagnostics, [], "{text}");
    let ns = recording.host.viewed();
    let unread: Vec<What> = ns.unread.iter().map(|unread| unread.what).collect();
    assert_eq!(unread, [What::NfTables, What::LegacyIp, What::LegacyIp6, What::IpSets, What::Hooks]);
    let br0 = ns.link("br0").unwrap();
    assert!(br0.bridge.unwrap().call_iptables && !br0.bridge.unwrap().call_ip6tables);
    let v0 = ns.link("v0").unwrap();
    assert_eq!((v0.master, v0.port.unwrap().hairpin), (Some(br0.index), true));
    assert_eq!(v0.peer.unwrap().index, ns.link("v1").unwrap().index);
    assert_eq!(ns.addresses.iter().filter(|address| address.secondary).count(), 1);
    let rules: Vec<String> = ns.policy_rules.iter().map(|rule| format!("{rule:?}")).collect();
    let routes: Vec<String> = ns.routes.iter().filter(|route| route.table != 255).map(route_line).collect();
    insta::assert_snapshot!("real_rules", rules.join("\n"));
    insta::assert_snapshot!("real_routes", routes.join("\n"));
    let printed = snapshot::print(&recording.host);
    let again: Host = snapshot::parse(&printed).host;
    assert_eq!(again.namespaces, recording.host.namespaces);
}

fn route_line(route: &Route) -> String {
    let hops: Vec<(String, u16)> = route
        .next_hops
        .iter()
        .map(|hop| (hop.gateway.map_or(String::new(), |gateway| gateway.to_string()), hop.weight))
        .collect();
    format!("table {} {:?} {} metric {} by {hops:?}", route.table, route.kind, route.dst, route.metric)
}

/// What a file says in an odd way, or says in part, is written in a way that is read as the same.
#[test]
fn what_was_read_prints_the_same_again() {
    for (odd, kept) in [
        ("[unread]\nsockets: root \u{1}\u{2003}\u{7f}\n", "\nsockets: root\n"),
        ("[ip netns list-id]\nnsid 1 (iproute2 netns name: \u{1}b \u{1})\n", "name: b)\n"),
        ("[namespace b\u{1}]\n[namespace  b]\n[sysctl]\n", "\n[namespace b]\n"),
        ("[namespace b\u{1}c]\n[namespace b c]\n[sysctl]\n", "\n[namespace b c]\n"),
        (
            "[ip -j addr]\n[{\"ifindex\":5,\"addr_info\":[{\"local\":\"10.0.0.1\",\"prefixlen\":8}]}]\n",
            "{\"ifindex\":5,\"addr_info\"",
        ),
        (
            "[ip -d -j link]\n[{\"ifindex\":5,\"ifname\":\"a\"},{\"ifindex\":5,\"ifname\":\"b\"}]\n\
             [ip -j addr]\n[{\"ifindex\":5,\"addr_info\":[{\"local\":\"10.0.0.1\",\"prefixlen\":8}]}]\n",
            "[\n{\"ifindex\":5,\"ifname\":\"a\",\"addr_info\"",
        ),
        (
            "[ip -j route show table all]\n[{\"dst\":\"10.0.0.0/8\",\"nexthops\":[{\"flags\":[\"dead\"]}]}]\n",
            "\"nexthops\":[{\"flags\":[\"dead\"],\"weight\":1}]",
        ),
        (
            "[ss -H -tulpne]\nicmp UNCONN 0 0 10.0.0.1:5 10.0.0.2:7 uid:? ino:1\n",
            "raw UNCONN 0 0 10.0.0.1:1 0.0.0.0:* uid:? ino:1\n",
        ),
        (
            "[iptables-nft-save]\n*filter\n:\"a b\" - [0:0]\n-A \"a b\" -j DROP\nCOMMIT\n\
             [handles]\niptables-nft ip filter \"a b\": 7\n",
            "iptables-nft ip filter \"a b\": 7\n",
        ),
    ] {
        let printed = snapshot::print(&snapshot::parse(&small(odd)).host);
        assert!(printed.contains(kept), "{odd}: {printed}");
        assert_eq!(snapshot::print(&snapshot::parse(&printed).host), printed, "{odd}");
    }
}

/// A process may call itself what ends its name in a list of sockets.
#[test]
fn no_process_hides_behind_its_name() {
    let line =
        |name: &str| format!("[ss -H -tulpne]\ntcp LISTEN 0 9 0.0.0.0:80 0.0.0.0:* users:((\"{name}\",pid=7,fd=3))\n");
    for (written, name) in [
        ("nginx", "nginx"),
        ("a\",pid=1", "a\",pid=1"),
        ("a\\\",pid=1,fd=3),(\\\"b", "a\",pid=1,fd=3),(\"b"),
        ("back\\", "back\\"),
    ] {
        let host = snapshot::parse(&small(&line(written))).host;
        let told: Vec<_> = host.viewed().sockets[0].processes.iter().map(|one| (one.pid, &*one.name)).collect();
        assert_eq!(told, [(7, name)], "{written}");
        let again = snapshot::parse(&snapshot::print(&host)).host;
        assert_eq!(again.viewed().sockets, host.viewed().sockets, "{written}");
    }
}

/// Hosts with odd routes, sockets and sysctls come back as they were.
#[test]
fn what_is_printed_is_read_back() {
    use proptest::prelude::*;
    use whyport::host::{DeviceSysctls, NextHop, Process, Program, Protocol, RouteKind, Scope, Socket};
    let whole = snapshot::parse(k3s()).host;
    let addr = prop_oneof![
        any::<std::net::Ipv4Addr>().prop_map(std::net::IpAddr::V4),
        any::<std::net::Ipv6Addr>().prop_map(std::net::IpAddr::V6)
    ];
    let nets = (addr.clone(), 0u8..=32).prop_map(|(addr, length)| ipnet::IpNet::new(addr, length).unwrap());
    let hop = (proptest::option::of(addr.clone()), 1u32..9, 1u16..9, any::<bool>())
        .prop_map(|(gateway, link, weight, dead)| NextHop { gateway, link, weight, dead });
    let route = (1u32..300, nets, any::<u8>(), any::<u16>(), proptest::collection::vec(hop, 0..3)).prop_map(
        |(table, dst, tos, metric, next_hops)| Route {
            table,
            kind: if next_hops.is_empty() { RouteKind::Prohibit } else { RouteKind::Unicast },
            dst,
            from: None,
            tos,
            metric: metric.into(),
            prefsrc: None,
            scope: Scope::Link,
            next_hops,
        },
    );
    let socket = (
        addr,
        any::<u16>(),
        proptest::option::of(any::<bool>()),
        proptest::option::of(any::<u32>()),
        "\\PC{0,6}[\\\\\"\n) ]?ino:7",
    )
        .prop_map(|(addr, port, v6only, uid, name)| Socket {
            protocol: Protocol::UDP,
            addr,
            port,
            v6only,
            device: (port % 2 == 0).then(|| "eth0".to_owned()),
            peer: (port % 3 == 0).then_some((addr, 7)),
            inode: port.into(),
            uid,
            transparent: v6only,
            processes: vec![Process { pid: 3, name: name.clone() }, Process { pid: 4, name }],
        });
    let text = || "(\\PC|[\n\t]){0,12}".prop_map(|text| text.trim().to_owned());
    let named =
        || proptest::option::of(text().prop_filter("no name", |text| text.parse::<u32>().is_err() && !text.is_empty()));
    let program =
        (text(), proptest::option::of(any::<u32>()), named(), named()).prop_map(|(command, uid, user, cgroup)| {
            let cgroup = cgroup.map(|path| format!("/{path}"));
            Program { command, uid, user, cgroup }
        });
    let programs = proptest::collection::btree_map(any::<u32>(), program, 0..3);
    let all = (proptest::collection::vec(route, 0..6), proptest::collection::vec(socket, 0..4), any::<u8>(), programs);
    let mut runner = TestRunner::new(Config { failure_persistence: None, cases: 200, ..Config::default() });
    let ran = runner.run(&all, |(mut routes, sockets, filter, programs)| {
        let mut ns = Namespace { unread: whole.namespaces[0].unread.clone(), ..whole.namespaces[0].clone() };
        ns.ruleset = Default::default();
        ns.observations = Default::default();
        ns.unread.retain(|unread| unread.what == What::Neighbours);
        routes.sort_by_key(Route::family);
        (ns.routes, ns.sockets, ns.programs) = (routes, sockets, programs);
        let known = DeviceSysctls { rp_filter: Some(filter), accept_local: Some(filter > 9), ..Default::default() };
        ns.sysctls.ip.insert("eth0.100".into(), known);
        let host = Host { namespaces: vec![ns], ..whole.clone() };
        let again = snapshot::parse(&snapshot::print(&host));
        prop_assert_eq!(again.diagnostics, vec![]);
        prop_assert_eq!(again.host, host);
        Ok(())
    });
    ran.unwrap();
}
