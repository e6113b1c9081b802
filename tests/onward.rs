//! A packet's way through several network namespaces of one host, told as text.
//!
//! The host: eth0 192.168.1.2/24 to the outside, br0 10.0.0.1/24 with two ports, behind them the pods `one` (10.0.0.11) and
//! `two` (10.0.0.12), and v0 10.2.0.1/24 straight to the pod `far` (10.2.0.2), which routes everything back.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "onward/ipvlan.rs"]
mod ipvlan;

use std::fmt::Write as _;
use std::net::IpAddr;

use whyport::host::{Host, IpFamily, Protocol};
use whyport::snapshot;
use whyport::walk::{Event, Field, Origin, Outcome, Query, StepAt, Turn, ValueSet, walk};

/// A namespace: its name, the ids by which it knows others, its links, addresses, routes, and what else is said of it.
fn namespace(name: &str, ids: &str, links: &str, addrs: &str, routes: &str, more: &str) -> String {
    format!(
        "\n[namespace {name}]\n[ip netns list-id]\n{ids}\n[ip -d -j link]\n[{links}]\n[ip -j addr]\n[{addrs}]\n\
         [ip -4 -j route show table all]\n[{routes}]\n[ip -6 -j route show table all]\n[]\n[ip -j rule]\n{RULES}\n\
         [ip -6 -j rule]\n[]\n[ip -j neigh]\n[]\n[bridge -j fdb]\n[]\n[sysctl]\nnet.ipv4.ip_forward = 1\n\
         net.ipv4.conf.all.rp_filter = 0\n[ss -H -tulpne]\n\
         tcp LISTEN 0 9 0.0.0.0:80 0.0.0.0:* users:((\"{name}-web\",pid=7,fd=3)) ino:9\n{more}\n"
    )
}

const RULES: &str = r#"[{"priority":0,"src":"all","table":"local"},{"priority":32766,"src":"all","table":"main"}]"#;

fn link(index: u32, name: &str, kind: &str, more: &str) -> String {
    let kind = if kind.is_empty() { String::new() } else { format!(r#","linkinfo":{{"info_kind":"{kind}"}}"#) };
    format!(
        r#"{{"ifindex":{index},"ifname":"{name}","flags":["UP"],"mtu":1500,"link_type":"ether","promiscuity":0,"address":"02:00:00:00:00:{index:02x}"{kind}{more}}}"#
    )
}

fn veth(index: u32, name: &str, peer: u32, id: u32, more: &str) -> String {
    link(index, name, "veth", &format!(r#","link_index":{peer},"link_netnsid":{id}{more}"#))
}

fn addr(index: u32, name: &str, addr: &str, prefix: u8) -> String {
    format!(
        r#"{{"ifindex":{index},"ifname":"{name}","addr_info":[{{"family":"inet","local":"{addr}","prefixlen":{prefix},"scope":"global"}}]}}"#
    )
}

fn own(dev: &str, addr: &str) -> String {
    format!(r#"{{"type":"local","dst":"{addr}","dev":"{dev}","table":"local","scope":"host","prefsrc":"{addr}"}}"#)
}

fn via(dev: &str, dst: &str, gateway: Option<&str>) -> String {
    let gateway = gateway.map_or(String::new(), |gateway| format!(r#","gateway":"{gateway}""#));
    format!(r#"{{"dst":"{dst}","dev":"{dev}"{gateway}}}"#)
}

/// The whole host, with rules of its own and of the pods `one` and `far`.
fn host(rules: &str, one: &str, far: &str) -> Host {
    let port = |more: &str| format!(r#","master":"br0"{more}"#);
    let pod = |name: &str, index: u32, peer: u32, address: &str, gateway: &str, more: &str| {
        let links = veth(index, "eth0", peer, 0, "");
        let routes = [own("eth0", address), via("eth0", "default", Some(gateway))].join(",");
        namespace(name, "nsid 0 (iproute2 netns name: node)", &links, &addr(index, "eth0", address, 24), &routes, more)
    };
    let links = [
        link(2, "eth0", "", ""),
        link(3, "br0", "bridge", ""),
        veth(4, "p1", 14, 1, &port("")),
        veth(5, "p2", 15, 2, &port("")),
        veth(6, "v0", 16, 3, ""),
    ];
    let addrs = [addr(2, "eth0", "192.168.1.2", 24), addr(3, "br0", "10.0.0.1", 24), addr(6, "v0", "10.2.0.1", 24)];
    let routes = [
        own("eth0", "192.168.1.2"),
        own("br0", "10.0.0.1"),
        own("v0", "10.2.0.1"),
        via("eth0", "192.168.1.0/24", None),
        via("br0", "10.0.0.0/24", None),
        via("v0", "10.2.0.0/24", None),
        via("v0", "10.9.0.0/16", Some("10.2.0.2")),
    ];
    let ids = "nsid 1 (iproute2 netns name: one)\nnsid 2 (iproute2 netns name: two)\nnsid 3 (iproute2 netns name: far)";
    let node = namespace("node", ids, &links.join(","), &addrs.join(","), &routes.join(","), &saved(rules));
    let text = [
        "# whyport snapshot 1\n[host]\nviewed: node\n".to_owned(),
        node,
        pod("one", 14, 4, "10.0.0.11", "10.0.0.1", &saved(one)),
        pod("two", 15, 5, "10.0.0.12", "10.0.0.1", &saved("")),
        pod("far", 16, 6, "10.2.0.2", "10.2.0.1", &saved(far)),
        "\n[end]\n".to_owned(),
    ];
    let recording = snapshot::parse(&text.concat());
    assert_eq!(recording.diagnostics, [], "{}", text.concat());
    recording.host
}

fn saved(rules: &str) -> String {
    format!(
        "[iptables-nft-save]\n{rules}\n[ip6tables-nft-save]\n[nft list ruleset]\n[iptables-legacy-save]\n\
         [ip6tables-legacy-save]\n[ipset save]\n"
    )
}

const NAT: &str =
    "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n";

fn turned(to: &str) -> String {
    format!("{NAT}-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination {to}\nCOMMIT\n")
}

/// What a pod sends to a neighbour on its bridge; the node has these native rules, and hands frames to netfilter or not.
fn between_pods(native: &str, called: bool) -> String {
    let mut host = host("", "", "");
    let dump = whyport::syntax::nft::parse(native, &host.namespaces[0].links);
    assert_eq!(dump.diagnostics, [], "{native}");
    host.namespaces[0].ruleset = dump.ruleset;
    host.namespaces[0].sysctls.bridge_call_iptables = Some(called);
    let on_link = |route: &&whyport::host::Route| route.dst.to_string() == "10.0.0.0/24";
    let mut straight = host.namespaces[0].routes.iter().find(on_link).unwrap().clone();
    straight.next_hops[0].link = 14;
    host.namespaces[1].routes.push(straight);
    let mut query = Query::new(1, Origin::Local, IpFamily::V4, Protocol::TCP);
    query.set_address(Field::Dst, "10.0.0.12".parse().unwrap());
    query.set(Field::Sport, ValueSet::one(4000));
    query.set(Field::Dport, ValueSet::one(80));
    let found = walk(&host, &query);
    assert!(found.outcomes.len() == 1 && found.outcomes[0].is_certain(), "{:#?}", found.outcomes);
    told(&host, &found.outcomes[0])
}

/// The likeliest outcome of a packet from outside to port 80 (`Some`: to that address).
fn way(host: &Host, to: Option<&str>) -> String {
    way_of(host, to, Turn::First)
}

/// The same of another packet of the connection.
fn way_of(host: &Host, to: Option<&str>, turn: Turn) -> String {
    let mut query = Query::new(0, Origin::Device("eth0".to_owned()), IpFamily::V4, Protocol::TCP);
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    query.set_address(Field::Src, address("192.168.1.77"));
    query.set_address(Field::Dst, address(to.unwrap_or("192.168.1.2")));
    query.set(Field::Sport, ValueSet::one(4000));
    query.set(Field::Dport, ValueSet::one(80));
    query.turn = turn;
    let found = walk(host, &query);
    assert!(found.outcomes.len() == 1 && found.outcomes[0].is_certain(), "{:#?}", found.outcomes);
    told(host, &found.outcomes[0])
}

/// Each pass with the rules that held, and the end.
fn told(host: &Host, outcome: &Outcome) -> String {
    let mut out = String::new();
    for pass in &outcome.passes {
        let ns = &host.namespaces[pass.namespace];
        write!(out, "{}:{}", ns.name, pass.iif.as_deref().unwrap_or("-")).unwrap();
        for event in &outcome.events {
            let Event::Step(step) = event else { continue };
            if let (true, StepAt::Rule(rule)) = (step.pass == pass.number, step.at) {
                write!(out, " {} {}", ns.ruleset.chain(rule.chain).name, rule.number()).unwrap();
            }
        }
        out.push_str(" > ");
    }
    let fate = &outcome.fate;
    let ns = &host.namespaces[fate.namespace];
    let socket = fate.socket.map(|socket| ns.sockets[socket].processes[0].name.clone());
    let reason = fate.reason.map(whyport::walk::Reason::name);
    let end = socket.as_deref().or(fate.oif.as_deref()).or(reason).unwrap_or("-");
    write!(out, "{} in {}: {end}", fate.kind.name(), ns.name).unwrap();
    out
}

#[test]
fn behind_a_bridge_the_pod_that_has_the_address_gets_it() {
    let way_to = |pod: &str| way(&host(&turned(pod), "", ""), None);
    assert_eq!(way_to("10.0.0.11:80"), "node:eth0 PREROUTING 1 > one:eth0 > delivered in one: one-web");
    assert_eq!(way_to("10.0.0.12:80"), "node:eth0 PREROUTING 1 > two:eth0 > delivered in two: two-web");
    assert_eq!(way_to("10.0.0.12:81"), "node:eth0 PREROUTING 1 > two:eth0 > delivered in two: -");
    assert_eq!(way_to("10.0.0.13:80"), "node:eth0 PREROUTING 1 > forwarded in node: br0", "nobody has it");
    assert_eq!(way_to("10.2.0.2:80"), "node:eth0 PREROUTING 1 > far:eth0 > delivered in far: far-web");
    assert_eq!(way_to("192.168.1.9:80"), "node:eth0 PREROUTING 1 > forwarded in node: eth0");
}

/// Kernel: `tests/frames.rs`, `published_ports_and_who_is_behind`. No chain translates a flow anew: a rule for eth0 goes on
/// translating what comes back by the bridge.
#[test]
fn a_packet_that_comes_back_finds_the_flow_that_it_began() {
    let back = turned("192.168.1.2:80");
    let to_pod = way(&host(&turned("10.0.0.11:80"), &back, ""), None);
    assert_eq!(to_pod, "node:eth0 PREROUTING 1 > one:eth0 PREROUTING 1 > node:br0 > dropped in node: loop");
    let elsewhere = way(&host(&turned("10.0.0.11:80"), &turned("192.168.1.2:81"), ""), None);
    assert_eq!(elsewhere, "node:eth0 PREROUTING 1 > one:eth0 PREROUTING 1 > node:br0 > delivered in node: -");
}

/// Kernel: `tests/frames.rs` asks it for every hook.
#[test]
fn a_frame_between_pods_crosses_the_node() {
    assert_eq!(between_pods("", false), "one:- > node:p1 > two:eth0 > delivered in two: two-web");
    let bridge = "table bridge b {\n\tchain p {\n\t\ttype filter hook prerouting priority -300; policy accept;\n\
                  \t\tiifname \"p1\" meta mark set 0x1\n\t}\n\tchain f {\n\t\ttype filter hook forward priority 0; policy drop;\n\
                  \t\tmeta mark 0x1 oifname \"p2\" accept\n\t}\n}\n";
    assert_eq!(between_pods(bridge, false), "one:- > node:p1 p 1 f 1 > two:eth0 > delivered in two: two-web");
    assert_eq!(between_pods(&bridge.replace("p2", "p1"), false), "one:- > node:p1 p 1 > dropped in node: -");
    let ip = "table ip i {\n\tchain f {\n\t\ttype filter hook forward priority 0; policy drop;\n\
              \t\tiifname \"br0\" oifname \"br0\" tcp dport 80 counter\n\t}\n}\n";
    assert_eq!(between_pods(ip, false), "one:- > node:p1 > two:eth0 > delivered in two: two-web");
    assert_eq!(between_pods(ip, true), "one:- > node:br0 f 1 > dropped in node: -");
}

/// Kernel: `tests/frames.rs`. What a rule sends aside ends its way here.
#[test]
fn devices_have_the_first_word_and_the_last() {
    let at = |hook: &str, device: &str, rule: &str| {
        format!(
            "table netdev d {{\n\tchain c {{\n\t\ttype filter hook {hook} device \"{device}\" priority filter; policy accept;\n\t\t{rule}\n\t}}\n}}\n"
        )
    };
    let way = |hook, device, rule| between_pods(&at(hook, device, rule), false);
    assert_eq!(way("ingress", "p1", "tcp dport 80 drop"), "one:- > node:p1 c 1 > dropped in node: -");
    assert_eq!(way("egress", "p2", "tcp dport 80 drop"), "one:- > node:p1 c 1 > dropped in node: -");
    assert_eq!(way("ingress", "p2", "drop"), "one:- > node:p1 > two:eth0 > delivered in two: two-web");
    assert_eq!(way("egress", "br0", "drop"), "one:- > node:p1 > two:eth0 > delivered in two: two-web");
    assert_eq!(way("ingress", "p1", "fwd to \"eth0\""), "one:- > node:p1 c 1 > diverted in node: eth0");
}

/// `skb_scrub_packet`: neither a mark nor a flow goes with a packet.
#[test]
fn a_namespace_knows_nothing_of_what_another_marked() {
    let marks = "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j MARK --set-xmark 0x1/0xffffffff\n\
                 -A PREROUTING -m mark --mark 0x1 -j CONNMARK --save-mark\nCOMMIT\n";
    let drops = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m mark --mark 0x1 -j DROP\n-A INPUT -m connmark --mark 0x1 -j DROP\n\
                 -A INPUT -m conntrack --ctstate DNAT -j DROP\n-A INPUT -m conntrack --ctstate NEW -j ACCEPT\nCOMMIT\n";
    let host = host(&format!("{marks}{}", turned("10.0.0.11:80")), drops, "");
    assert_eq!(
        way(&host, None),
        "node:eth0 PREROUTING 1 PREROUTING 2 PREROUTING 1 > one:eth0 INPUT 4 > delivered in one: one-web"
    );
}

#[test]
fn the_pods_own_rules_decide_in_the_pod() {
    let drops = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s 192.168.1.0/24 -i eth0 -j DROP\nCOMMIT\n";
    assert_eq!(
        way(&host(&turned("10.0.0.11:80"), drops, ""), None),
        "node:eth0 PREROUTING 1 > one:eth0 INPUT 1 > dropped in one: -"
    );
}

/// A pod that translates again sends the packet back to the host, which sends it to the next.
#[test]
fn a_packet_goes_through_the_host_as_often_as_it_is_sent_there() {
    let far =
        format!("{NAT}-A PREROUTING -p tcp -j DNAT --to-destination 10.0.0.12\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n");
    assert_eq!(
        way(&host(&turned("10.2.0.2:80"), "", &far), None),
        "node:eth0 PREROUTING 1 > far:eth0 PREROUTING 1 POSTROUTING 1 > node:v0 > two:eth0 > delivered in two: two-web"
    );
}

/// conntrack of each namespace translates the answer back, and so it comes by all of them.
#[test]
fn an_answer_comes_back_through_every_namespace() {
    let far =
        format!("{NAT}-A PREROUTING -p tcp -j DNAT --to-destination 10.0.0.12\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n");
    let host = host(&turned("10.2.0.2:80"), "", &far);
    assert_eq!(way_of(&host, None, Turn::Reply), "two:- > node:br0 > far:eth0 > node:v0 > forwarded in node: eth0");
    assert_eq!(
        way_of(&host, None, Turn::Later),
        "node:eth0 > far:eth0 > node:v0 > two:eth0 > delivered in two: two-web"
    );
}

/// The host routes 10.9/16 by `far`, and `far` routes it back.
#[test]
fn a_circle_is_told() {
    assert_eq!(way(&host("", "", ""), Some("10.9.0.1")), "node:eth0 > far:eth0 > node:v0 > dropped in node: loop");
}

#[test]
fn into_a_namespace_that_was_not_read_nothing_is_followed() {
    let mut host = host(&turned("10.0.0.11:80"), "", "");
    host.namespaces[1].mark_unread(whyport::host::What::Routes, "a reading of it");
    assert_eq!(way(&host, None), "node:eth0 PREROUTING 1 > forwarded in node: br0");
}

/// No bridge of this kernel filters VLANs, and it has no such devices: only what is told of them is tested.
#[test]
fn what_vlans_would_change_is_said() {
    use whyport::walk::Assumed;
    let by = |mut host: Host, device: &str, filters: bool| {
        let own = host.namespaces[0].links.iter_mut().find(|link| link.name == "br0").unwrap();
        own.bridge = Some(whyport::host::BridgeSettings { filters_vlans: filters, ..Default::default() });
        let eth0 = host.namespaces[0].link("eth0").unwrap().clone();
        host.namespaces[0].links.push(whyport::host::Link {
            index: 9,
            name: "eth0.10".into(),
            kind: whyport::host::LinkKind::Other("vlan".into()),
            peer: Some(whyport::host::Peer { index: eth0.index, namespace_id: None }),
            ..eth0
        });
        let host = snapshot::parse(&snapshot::print(&host)).host;
        let mut query = Query::new(0, Origin::Device(device.to_owned()), IpFamily::V4, Protocol::UDP);
        for (field, value) in [(Field::Src, "192.168.1.77"), (Field::Dst, "192.168.1.2")] {
            query.set_address(field, value.parse().unwrap());
        }
        let found = walk(&host, &query);
        assert_eq!(found.outcomes.len(), 1, "{:#?}", found.outcomes);
        found.outcomes[0].assumed.iter().map(|assumed| assumed.what.clone()).collect::<Vec<_>>()
    };
    let hung = |device: &str| {
        let mut host = host("", "", "");
        let text = format!(
            "table netdev d {{\n\tchain c {{\n\t\ttype filter hook ingress device \"{device}\" priority filter; policy accept;\n\t}}\n}}\n"
        );
        host.namespaces[0].ruleset = whyport::syntax::nft::parse(&text, &host.namespaces[0].links).ruleset;
        host
    };
    let vlans = |device: &str| [Assumed::Vlans(device.to_owned())];
    assert_eq!(by(host("", "", ""), "p1", true), vlans("br0"));
    assert_eq!(by(host("", "", ""), "p1", false), []);
    assert_eq!(by(hung("eth0"), "eth0.10", true), vlans("eth0"));
    assert_eq!(by(hung("eth0"), "eth0", true), []);
    assert_eq!(by(hung("p1"), "eth0.10", true), []);
}

/// A VRF's port answers for the VRF's addresses and those of no VRF; `far` asks at the other end of the wire. From the kernel's
/// source (`arp_process`): no kernel at hand has VRFs.
#[test]
fn a_wire_leads_into_a_vrf() {
    use whyport::host::{LinkKind, PolicyAction, PolicyRule};
    let in_vrfs = |of_address: &str| {
        let mut host = host("", "", "");
        let node = &mut host.namespaces[0];
        let plain = node.link("br0").unwrap().clone();
        for (index, name, table) in [(20, "blue", 1001), (21, "red", 1002)] {
            node.links.push(whyport::host::Link {
                index,
                name: name.into(),
                kind: LinkKind::Vrf(table),
                ..plain.clone()
            });
        }
        for (name, vrf) in [("v0", 20), ("br0", 21)] {
            node.links.iter_mut().find(|link| link.name == name).unwrap().master = Some(vrf);
        }
        for route in node.routes.iter_mut().filter(|route| route.next_hops[0].link == 6) {
            route.table = 1001;
        }
        let on = node.link(of_address).unwrap().index;
        node.addresses.iter_mut().find(|address| address.addr().to_string() == "10.2.0.1").unwrap().link = on;
        let l3mdev =
            PolicyRule { priority: 1, l3mdev: true, action: PolicyAction::Lookup(0), ..node.policy_rules[0].clone() };
        node.policy_rules.insert(1, l3mdev);
        let mut query = Query::new(3, Origin::Local, IpFamily::V4, Protocol::TCP);
        query.set_address(Field::Dst, "10.2.0.1".parse().unwrap());
        query.set(Field::Sport, ValueSet::one(4000));
        query.set(Field::Dport, ValueSet::one(80));
        let found = walk(&host, &query);
        assert_eq!(found.outcomes.len(), 1, "{:#?}", found.outcomes);
        told(&host, &found.outcomes[0])
    };
    let inside = "far:- > node:v0 > node:blue > delivered in node: -";
    assert_eq!(in_vrfs("v0"), inside, "node-web is bound to no VRF");
    assert_eq!(in_vrfs("eth0"), inside, "an address of no VRF is one of every VRF");
    assert_eq!(in_vrfs("br0"), "far:- > sent in far: eth0", "another VRF's");
}
