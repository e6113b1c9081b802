//! A host with VRFs, packets for it, and their ways as text.
//!
//! eth0 192.168.1.2/24 in no VRF; the VRF blue, with the ports eth1 10.1.0.1/24 and eth2 10.2.0.1/24; the VRF red, with the port
//! eth3 10.1.0.1/24, the same as eth1's.

use crate::way;
use whyport::host::{Host, IpFamily, Protocol};
use whyport::snapshot;
use whyport::walk::{Field, Origin, Outcome, Query, ValueSet, walk};

pub fn link(index: u32, name: &str, more: &str) -> String {
    format!(
        r#"{{"ifindex":{index},"ifname":"{name}","flags":["UP"],"mtu":1500,"link_type":"ether","promiscuity":0,"address":"02:00:00:00:00:{index:02x}"{more}}}"#
    )
}

pub fn vrf(index: u32, name: &str, table: u32) -> String {
    link(index, name, &format!(r#","linkinfo":{{"info_kind":"vrf","info_data":{{"table":{table}}}}}"#))
}

pub fn port(index: u32, name: &str, of: &str) -> String {
    link(index, name, &format!(r#","master":"{of}","linkinfo":{{"info_slave_kind":"vrf"}}"#))
}

pub fn addr(index: u32, name: &str, addr: &str) -> String {
    let (family, length) = if addr.contains(':') { ("inet6", 64) } else { ("inet", 24) };
    let scope = if addr.starts_with("fe80") { "link" } else { "global" };
    format!(
        r#"{{"ifindex":{index},"ifname":"{name}","addr_info":[{{"family":"{family}","local":"{addr}","prefixlen":{length},"scope":"{scope}"}}]}}"#
    )
}

pub fn route(table: &str, kind: &str, dst: &str, dev: &str, more: &str) -> String {
    format!(r#"{{"type":"{kind}","dst":"{dst}","dev":"{dev}","table":"{table}"{more}}}"#)
}

/// The host with these rules, sysctls, sockets, and further routes of IPv4.
pub fn host(rules: &str, sysctls: &str, sockets: &str, routes: &[String]) -> Host {
    let lo = r#"{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP"],"mtu":65536,"link_type":"loopback"}"#.to_owned();
    let links = [
        lo,
        link(2, "eth0", ""),
        vrf(3, "blue", 1001),
        port(4, "eth1", "blue"),
        port(5, "eth2", "blue"),
        vrf(6, "red", 1002),
        port(7, "eth3", "red"),
    ];
    let addrs = [
        addr(2, "eth0", "192.168.1.2"),
        addr(4, "eth1", "10.1.0.1"),
        addr(5, "eth2", "10.2.0.1"),
        addr(7, "eth3", "10.1.0.1"),
        addr(4, "eth1", "2001:db8:1::1"),
        addr(4, "eth1", "fe80::1"),
    ];
    let own = [
        route("local", "local", "127.0.0.0/8", "lo", ""),
        route("local", "local", "192.168.1.2", "eth0", ""),
        route("1001", "local", "10.1.0.1", "eth1", ""),
        route("1001", "local", "10.2.0.1", "eth2", ""),
        route("1002", "local", "10.1.0.1", "eth3", ""),
        route("main", "unicast", "192.168.1.0/24", "eth0", ""),
        route("1001", "unicast", "10.1.0.0/24", "eth1", ""),
        route("1001", "unicast", "10.2.0.0/24", "eth2", ""),
        route("1002", "unicast", "10.1.0.0/24", "eth3", ""),
    ];
    let routes: Vec<String> = own.iter().chain(routes).cloned().collect();
    let routes6 = [
        route("1001", "local", "2001:db8:1::1", "eth1", ""),
        route("1001", "local", "fe80::1", "eth1", ""),
        route("1001", "unicast", "2001:db8:1::/64", "eth1", ""),
        route("1001", "unicast", "fe80::/64", "eth1", ""),
    ];
    let policy = r#"[{"priority":0,"src":"all","table":"local"},{"priority":1000,"src":"all","l3mdev":null},{"priority":32766,"src":"all","table":"main"}]"#;
    let text = format!(
        "# whyport snapshot 1\n[host]\nviewed: node\n[namespace node]\n[ip -d -j link]\n[{}]\n[ip -j addr]\n[{}]\n\
         [ip -4 -j route show table all]\n[{}]\n[ip -6 -j route show table all]\n[{}]\n[ip -j rule]\n{policy}\n\
         [ip -6 -j rule]\n{policy}\n[ip -j neigh]\n[]\n[bridge -j fdb]\n[]\n[sysctl]\nnet.ipv4.ip_forward = 1\n\
         net.ipv4.conf.all.rp_filter = 0\n{sysctls}\n[ss -H -tulpne]\n{sockets}\n[iptables-nft-save]\n\
         [ip6tables-nft-save]\n[iptables-legacy-save]\n[ip6tables-legacy-save]\n[ipset save]\n[end]\n",
        links.join(","),
        addrs.join(","),
        routes.join(","),
        routes6.join(","),
    );
    let recording = snapshot::parse(&text);
    assert_eq!(recording.diagnostics, [], "{text}");
    let mut host = recording.host;
    let node = &mut host.namespaces[0];
    node.unread.clear();
    let dump = whyport::syntax::nft::parse(rules, &node.links);
    assert_eq!(dump.diagnostics, [], "{rules}");
    node.ruleset = dump.ruleset;
    // What is written is what is read.
    assert_eq!(snapshot::print(&snapshot::parse(&snapshot::print(&host)).host), snapshot::print(&host));
    host
}

/// Every hook of IP tells by what device a packet came, leaves, and what conntrack says, by the rule that holds.
pub const SEEN: &str = "table inet t {
	chain pre { type filter hook prerouting priority filter; policy accept;
		iifname \"eth1\" ct state new counter
		iifname \"blue\" meta sdifname \"eth1\" ct state new counter
		iifname \"blue\" ct state untracked counter
	}
	chain in { type filter hook input priority filter; policy accept;
		iifname \"blue\" meta sdifname \"eth1\" counter
		iifname \"eth1\" counter
	}
	chain fwd { type filter hook forward priority filter; policy accept;
		iifname \"blue\" oifname \"eth2\" counter
		iifname \"eth1\" counter
	}
	chain out { type filter hook output priority filter; policy accept;
		oifname \"blue\" ct state untracked counter
		oifname \"eth2\" ct state new counter
		oifname \"blue\" ct state new counter
		oifname \"eth1\" ct state established counter
	}
	chain post { type filter hook postrouting priority filter; policy accept;
		oifname \"blue\" ct state untracked counter
		oifname \"eth2\" ct state new counter
		oifname \"blue\" ct state new counter
		oifname \"eth1\" ct state established counter
	}
}
";

pub fn query(origin: &str, family: IpFamily, src: Option<&str>, dst: &str) -> Query {
    let from = match origin {
        "local" => Origin::Local,
        device => Origin::Device(device.to_owned()),
    };
    let mut query = Query::new(0, from, family, Protocol::TCP);
    query.set_address(Field::Dst, dst.parse().unwrap());
    if let Some(src) = src {
        query.set_address(Field::Src, src.parse().unwrap());
    }
    query.set(Field::Dport, ValueSet::one(80));
    query.set(Field::Sport, ValueSet::one(4000));
    query
}

/// The devices by which each pass comes and leaves, and then the way.
pub fn told(host: &Host, query: &Query) -> String {
    let walk = walk(host, query);
    let ruleset = &host.namespaces[0].ruleset;
    let name = |device: &Option<String>| device.clone().unwrap_or("-".to_owned());
    let told = |outcome: &Outcome| {
        let passes = outcome.passes.iter().map(|pass| format!("{}>{}", name(&pass.iif), name(&pass.oif)));
        format!("{}\n{}", passes.collect::<Vec<_>>().join(" "), way::told(ruleset, outcome))
    };
    walk.outcomes.iter().map(told).collect()
}

#[track_caller]
pub fn assert_way(host: &Host, query: &Query, expected: &str) {
    let told = told(host, query);
    let told: Vec<&str> = told.lines().map(str::trim).collect();
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(told, expected);
}

pub fn v4(origin: &str, src: &str, dst: &str) -> Query {
    query(origin, IpFamily::V4, Some(src), dst)
}

pub fn bound(dst: &str) -> Query {
    Query { vrf: Some("blue".to_owned()), ..query("local", IpFamily::V4, None, dst) }
}
