//! Ipvlans on eth0 192.168.1.2 of the node: `one` has 192.168.1.11, `two` has 192.168.1.12. No kernel of the test machines has such
//! devices: what is expected here is read from the kernel's source (drivers/net/ipvlan), not compared with a kernel.

use super::*;

const SEEN: &str = "*mangle\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
    :POSTROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp\n-A INPUT -p tcp\n-A FORWARD -p tcp\n-A OUTPUT -p tcp\n\
    -A POSTROUTING -p tcp\nCOMMIT\n";

fn ipvlan(index: u32, mode: &str, reach: &str) -> String {
    // They have the link-layer address of the device below.
    format!(
        r#"{{"ifindex":{index},"ifname":"iv0","flags":["UP"],"mtu":1500,"link_type":"ether","promiscuity":0,"address":"02:00:00:00:00:02","linkinfo":{{"info_kind":"ipvlan","info_data":{{"mode":"{mode}","{reach}":true}}}},"link_index":2,"link_netnsid":0}}"#
    )
}

/// The node and its pods; rules that change nothing tell which hooks of the node see a packet.
fn with(mode: &str, reach: &str, routes: &[String]) -> Host {
    let pod = |name: &str, index: u32, address: &str| {
        let routes = [own("iv0", address), via("iv0", "192.168.1.0/24", None)].join(",");
        let links = ipvlan(index, mode, reach);
        let ids = "nsid 0 (iproute2 netns name: node)";
        namespace(name, ids, &links, &addr(index, "iv0", address, 24), &routes, &saved(""))
    };
    let lo = r#"{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP"],"mtu":65536,"link_type":"loopback"}"#.to_owned();
    let links = [lo, link(2, "eth0", "", "")].join(",");
    let own = [own("eth0", "192.168.1.2"), via("eth0", "192.168.1.0/24", None)];
    let routes: Vec<String> = own.iter().chain(routes).cloned().collect();
    let ids = "nsid 1 (iproute2 netns name: one)\nnsid 2 (iproute2 netns name: two)";
    let text = [
        "# whyport snapshot 1\n[host]\nviewed: node\n".to_owned(),
        namespace("node", ids, &links, &addr(2, "eth0", "192.168.1.2", 24), &routes.join(","), &saved(SEEN)),
        pod("one", 11, "192.168.1.11"),
        pod("two", 12, "192.168.1.12"),
        "\n[end]\n".to_owned(),
    ];
    let recording = snapshot::parse(&text.concat());
    assert_eq!(recording.diagnostics, [], "{}", text.concat());
    // What is written is what is read.
    let printed = snapshot::print(&recording.host);
    assert_eq!(snapshot::parse(&printed).host.namespaces[1].links, recording.host.namespaces[1].links);
    recording.host
}

/// What `one` sends.
fn from_one(host: &Host, to: &str) -> String {
    let mut query = Query::new(1, Origin::Local, IpFamily::V4, Protocol::TCP);
    query.set_address(Field::Dst, to.parse().unwrap());
    query.set(Field::Sport, ValueSet::one(4000));
    query.set(Field::Dport, ValueSet::one(80));
    let found = walk(host, &query);
    assert!(found.outcomes.len() == 1 && found.outcomes[0].is_certain(), "{:#?}", found.outcomes);
    told(host, &found.outcomes[0])
}

#[test]
fn what_comes_for_an_ipvlan_meets_hooks_below_in_mode_l3s_alone() {
    for (mode, expected) in [
        ("l2", "node:eth0 > one:iv0 > delivered in one: one-web"),
        ("l3", "node:eth0 > one:iv0 > delivered in one: one-web"),
        ("l3s", "node:eth0 PREROUTING 1 INPUT 1 > one:iv0 > delivered in one: one-web"),
    ] {
        assert_eq!(way(&with(mode, "bridge", &[]), Some("192.168.1.11")), expected, "{mode}");
    }
    let node = "node:eth0 PREROUTING 1 INPUT 1 > delivered in node: node-web";
    assert_eq!(way(&with("l3s", "bridge", &[]), None), node, "what is the node's own stays there");
    assert_eq!(way(&with("l2", "bridge", &[]), None), node);
}

#[test]
fn ipvlans_of_a_device_talk_straight_unless_they_are_told_not_to() {
    let to_two = |mode: &str, reach: &str| from_one(&with(mode, reach, &[]), "192.168.1.12");
    for mode in ["l2", "l3", "l3s"] {
        assert_eq!(to_two(mode, "bridge"), "one:- > two:iv0 > delivered in two: two-web", "{mode}");
        assert_eq!(to_two(mode, "private"), "one:- > dropped in one: private", "{mode}");
    }
    assert_eq!(to_two("l2", "vepa"), "one:- > node:- > forwarded in node: eth0");
    assert_eq!(to_two("l3", "vepa"), "one:- > node:- OUTPUT 1 POSTROUTING 1 > forwarded in node: eth0");
}

#[test]
fn what_an_ipvlan_sends_out_is_routed_below_unless_in_mode_l2() {
    let out = |mode: &str, to: &str, routes: &[String]| from_one(&with(mode, "bridge", routes), to);
    assert_eq!(out("l2", "192.168.1.77", &[]), "one:- > node:- > forwarded in node: eth0");
    let routed = "one:- > node:- OUTPUT 1 POSTROUTING 1 > forwarded in node: eth0";
    assert_eq!(out("l3", "192.168.1.77", &[]), routed);
    assert_eq!(out("l3s", "192.168.1.77", &[]), routed);
    // To the node itself: by the device below, or routed, and then by lo.
    let up = "one:- > node:eth0 PREROUTING 1 INPUT 1 > delivered in node: node-web";
    assert_eq!(out("l2", "192.168.1.2", &[]), up);
    let by_lo = "one:- > node:- OUTPUT 1 POSTROUTING 1 > node:lo PREROUTING 1 INPUT 1 > delivered in node: node-web";
    assert_eq!(out("l3", "192.168.1.2", &[]), by_lo);
}

/// In mode l3 the node sees the answer alone: for conntrack it belongs to nothing.
#[test]
fn an_answer_leaves_as_its_ipvlan_sends() {
    let answer = |mode: &str| way_of(&with(mode, "bridge", &[]), Some("192.168.1.11"), Turn::Reply);
    assert_eq!(answer("l2"), "one:- > node:- > forwarded in node: eth0");
    assert_eq!(answer("l3"), "one:- > node:- OUTPUT 1 POSTROUTING 1 > forwarded in node: eth0");
    let mut host = with("l3", "bridge", &[]);
    let dropped = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
                   -A OUTPUT -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n";
    let options =
        whyport::syntax::iptables::Options { family: Some(IpFamily::V4), backend: whyport::host::Backend::IptablesNft };
    host.namespaces[0].ruleset = whyport::syntax::iptables::parse(dropped, &options).ruleset;
    let lost = way_of(&host, Some("192.168.1.11"), Turn::Reply);
    assert_eq!(lost, "one:- > node:- OUTPUT 1 > dropped in node: -");
}
