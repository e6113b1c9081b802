//! Who answers, and why, told from whole hosts: rules as text in, verdicts and sentences as text out.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::fmt::Write as _;

use whyport::explain::{self, PortEntry, words};
use whyport::host::{Address, Host, IpFamily, Link, LinkKind, Peer, Protocol, Scope};
use whyport::snapshot;

fn k3s() -> Host {
    snapshot::parse(snapshot::demo("k3s-port-80").unwrap()).host
}

/// The node of the story with other rules, and more sockets beside its own.
fn node_with(rules: &str, sockets: &str) -> Host {
    let text = snapshot::demo("k3s-port-80").unwrap();
    let end = text.find("[namespace svclb]").unwrap();
    let node = &text[..end];
    let (before, rest) = node.split_once("[iptables-nft-save]").unwrap();
    let after = &rest[rest.find("[ip6tables-nft-save]").unwrap()..rest.find("[hooks]").unwrap()];
    let before = before.replace("[ss -H -tulpne]\n", &format!("[ss -H -tulpne]\n{sockets}"));
    let text = format!("{before}[iptables-nft-save]\n{rules}\n{after}{}", &text[end..]);
    let recording = snapshot::parse(&text);
    assert_eq!(recording.diagnostics, [], "the test's own text");
    recording.host
}

/// A listener as `ss` prints it.
fn listener(at: &str, name: &str, pid: u32) -> String {
    format!("tcp LISTEN 0 64 {at} 0.0.0.0:* users:((\"{name}\",pid={pid},fd=3)) ino:{pid} sk:1 <->\n")
}

fn port_line(host: &Host, entry: &PortEntry) -> String {
    let last = if entry.last == entry.port { String::new() } else { format!("–{}", entry.last) };
    let holder = match entry.socket {
        Some(socket) => words::who(
            host,
            host.viewed,
            &explain::Who::Socket { socket, namespace: host.viewed, processes: vec![], group: vec![] },
        ),
        None => "ghost".to_owned(),
    };
    format!("{} {}{last} {} {holder}: {}", entry.protocol, entry.port, entry.addr, entry.verdict().name())
}

/// Every port with its answers; with the sentences if they are wanted.
fn ports(host: &Host, sentences: bool) -> String {
    let mut text = String::new();
    for entry in explain::survey(host, host.viewed, whyport::syntax::part_text).ports {
        let _ = writeln!(text, "{}", port_line(host, &entry));
        for answer in &entry.answers {
            let family = if answer.family == IpFamily::V4 { "IPv4" } else { "IPv6" };
            let (from, who) = (words::from(&answer.from), words::who(host, host.viewed, &answer.who));
            let _ = writeln!(text, "  {from}, {family}: {}, {who}", answer.verdict.name());
            if sentences {
                let _ = writeln!(text, "    {}", words::because(host, host.viewed, answer, whyport::syntax::part_text));
            }
        }
    }
    text
}

#[test]
fn the_story() {
    let told = ports(&k3s(), false);
    assert_eq!(
        told,
        "\
tcp 22 0.0.0.0 sshd (4364): reached
  outside by eth0, IPv4: reached, sshd (4364)
  own address 192.168.66.100, IPv4: reached, sshd (4364)
  localhost, IPv4: reached, sshd (4364)
  container bridge cni0, IPv4: reached, sshd (4364)
tcp 80 0.0.0.0 nginx (4362): diverted
  outside by eth0, IPv4: diverted, traefik (4365) in traefik
  own address 192.168.66.100, IPv4: diverted, traefik (4365) in traefik
  localhost, IPv4: diverted, traefik (4365) in traefik
  container bridge cni0, IPv4: diverted, traefik (4365) in traefik
tcp 80 :: nginx (4363): reached
  outside by eth0, IPv6: reached, nginx (4363)
  own address fe80::f8d6:43ff:fe9e:b3c, IPv6: reached, nginx (4363)
  localhost, IPv6: reached, nginx (4363)
  container bridge cni0, IPv6: reached, nginx (4363)
tcp 443 0.0.0.0 ghost: diverted
  outside by eth0, IPv4: diverted, 10.42.0.2:443 (svclb)
  own address 192.168.66.100, IPv4: diverted, 10.42.0.2:443 (svclb)
  localhost, IPv4: diverted, 10.42.0.2:443 (svclb)
  container bridge cni0, IPv4: diverted, 10.42.0.2:443 (svclb)
"
    );
}

/// Who answers one port from outside, with the sentence.
fn outside(host: &Host, port: u16) -> String {
    let target = explain::Target {
        protocol: whyport::host::Protocol::TCP,
        addr: None,
        port: Some(port),
        socket: host.viewed().sockets.iter().position(|socket| socket.port == port && socket.addr.is_ipv4()),
    };
    let from = explain::From::Somewhere;
    let queries = explain::queries(host, host.viewed, &target, &from, IpFamily::V4);
    let [query] = &queries[..] else { panic!("one way in: {queries:?}") };
    let answer = explain::judge(host, &target, from, whyport::walk::walk(host, query));
    format!("{}: {}", answer.verdict.name(), words::because(host, host.viewed, &answer, whyport::syntax::part_text))
}

const NAT: &str =
    "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n";
const FILTER: &str = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n";

#[test]
fn rules_and_the_sentence_for_them() {
    let squid = listener("0.0.0.0:8080", "squid", 77);
    let cases: &[(&str, &str, u16, &str)] = &[
        ("", "", 22, "reached: sshd (4364) gets this packet: no rule stands in its way."),
        ("", "", 9, "unanswered: The packet arrives, and no socket listens on tcp 9: the kernel answers with a reset."),
        (
            "filter",
            "-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j DROP",
            22,
            "depends: It depends: rule 2 of filter INPUT drops tcp 22, but if src in 10.0.0.0/8, sshd (4364) gets the packet.",
        ),
        (
            "filter",
            "-A INPUT -s 10.42.0.0/24 -p tcp -m tcp --dport 22 -j REJECT --reject-with tcp-reset",
            22,
            "reached: sshd (4364) gets this packet: no rule stands in its way.",
        ),
        (
            "filter",
            "-A INPUT -s 10.42.0.0/24 -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j DROP",
            22,
            "blocked: sshd (4364) never gets this packet. Rule 2 of filter INPUT drops tcp 22. A source that does not \
             belong there may get through: outcome 2 of 3.",
        ),
        (
            "filter",
            "-A INPUT -s 10.42.0.0/24 -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -m limit \
             --limit 3/min -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j DROP",
            22,
            "depends: It depends: if “-m limit --limit 3/min” of rule 2 of filter INPUT holds (it depends on how many \
             packets came before), sshd (4364) gets the packet; else rule 3 of filter INPUT drops tcp 22. A source that \
             does not belong there may get through: outcome 3 of 4.",
        ),
        (
            "filter",
            "-A INPUT -p tcp -m multiport --dports 22,25 -j REJECT --reject-with icmp-port-unreachable",
            22,
            "blocked: sshd (4364) never gets this packet. Rule 1 of filter INPUT rejects tcp 22 and 25 with port-unreachable.",
        ),
        (
            "nat",
            "-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080",
            80,
            "diverted: nginx (4362) never gets this packet. Rule 1 of nat PREROUTING turns tcp 80 to \
             192.168.66.100:8080 of this host, where squid (77) listens.",
        ),
        (
            "nat",
            "-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.99.0.1:80",
            80,
            "blocked: nginx (4362) never gets this packet. Rule 1 of nat PREROUTING turns tcp 80 to 10.99.0.1:80; then in \
             namespace client 10.99.0.1 is not an address of this host, and packets that arrive by eth0 are not forwarded: \
             net.ipv4.conf.eth0.forwarding = 0.",
        ),
        (
            "nat",
            "-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.42.0.59:8000",
            80,
            "diverted: nginx (4362) never gets this packet. Rule 1 of nat PREROUTING turns tcp 80 to 10.42.0.59:8000 \
             (traefik) before a socket is looked up.",
        ),
        (
            "nat",
            "-A PREROUTING -p tcp -m tcp --dport 90 -m statistic --mode random --probability 0.50000000000 -j DNAT \
             --to-destination 192.168.66.1:80\n-A PREROUTING -p tcp -m tcp --dport 90 -j DNAT --to-destination \
             10.42.0.59:8000",
            90,
            "diverted: No socket listens on tcp 90 here. One of several rules of nat PREROUTING turns it to \
             10.42.0.59:8000 or 192.168.66.1:80 (by chance).",
        ),
    ];
    for (table, rules, port, expected) in cases {
        let text = match *table {
            "nat" => format!("{NAT}{rules}\nCOMMIT\n"),
            "filter" => format!("{FILTER}{rules}\nCOMMIT\n"),
            _ => String::new(),
        };
        assert_eq!(outside(&node_with(&text, &squid), *port), *expected, "{rules}");
    }
}

#[test]
fn the_sentence_leads_to_the_process_through_every_namespace() {
    let host = k3s();
    let said = |port: u16, family: IpFamily| {
        let target = explain::Target { protocol: Protocol::TCP, addr: None, port: Some(port), socket: None };
        let answers = explain::answers(&host, host.viewed, &target);
        let outside =
            |answer: &&explain::Answer| matches!(answer.from, explain::From::Outside(_)) && answer.family == family;
        words::because(&host, host.viewed, answers.iter().find(outside).unwrap(), whyport::syntax::part_text)
    };
    let to_traefik = "before a socket is looked up. Then svclb turns it to 10.43.85.149:80 and this host to traefik (4365) \
                      at 10.42.0.59:8000.";
    assert!(said(80, IpFamily::V4).ends_with(to_traefik), "{}", said(80, IpFamily::V4));
    let to_nobody = "whose rule 6 turns it to 10.42.0.2:443 (svclb). No socket listens there.";
    assert!(said(443, IpFamily::V4).ends_with(to_nobody), "{}", said(443, IpFamily::V4));
    // The address is one of the link alone: whose answers have no route could not have asked.
    assert_eq!(said(80, IpFamily::V6), "nginx (4363) gets this packet: no rule stands in its way.");
}

#[test]
fn a_range_that_rules_take_is_one_ghost_around_sockets() {
    let rules =
        format!("{NAT}-A PREROUTING -p tcp -m tcp --dport 8000:8010 -j DNAT --to-destination 10.42.0.2\nCOMMIT\n");
    let told = ports(&node_with(&rules, &listener("0.0.0.0:8005", "app", 55)), false);
    let ghosts: Vec<&str> = told.lines().filter(|line| line.contains("ghost")).collect();
    assert_eq!(ghosts, ["tcp 8000–8004 0.0.0.0 ghost: diverted", "tcp 8006–8010 0.0.0.0 ghost: diverted"]);
}

#[test]
fn a_port_of_a_range_that_a_socket_has_at_one_address_stands_alone() {
    let rules = format!(
        "{NAT}-A PREROUTING -i eth0 -p tcp -m tcp --dport 8000:8010 -j DNAT --to-destination 10.42.0.2\nCOMMIT\n"
    );
    let told = ports(&node_with(&rules, &listener("127.0.0.1:8005", "app", 55)), false);
    let ghosts: Vec<&str> = told.lines().filter(|line| line.contains("ghost")).collect();
    let expected = ["8000–8004", "8005", "8006–8010"].map(|ports| format!("tcp {ports} 0.0.0.0 ghost: diverted"));
    assert_eq!(ghosts, expected);
    let alone = told.split_once("tcp 8005 0.0.0.0 ghost").expect("it").1;
    assert!(alone.contains("\n  localhost, IPv4: reached, app (55)\n"), "{told}");
}

/// What is told of one ghost, with its sentences.
fn ghost(host: &Host, port: u16) -> String {
    let told = ports(host, true);
    let entry = told.split_once(&format!("tcp {port} 0.0.0.0 ghost")).unwrap_or_else(|| panic!("{told}")).1;
    entry.split("\ntcp ").next().unwrap().to_owned()
}

#[test]
fn localhost_is_told_that_it_does_not_leave() {
    let rules = format!(
        "{NAT}-A OUTPUT -d 127.0.0.1/32 -p tcp -m tcp --dport 5432 -j DNAT --to-destination 192.168.66.7\nCOMMIT\n"
    );
    let told = ports(&node_with(&rules, &listener("127.0.0.1:5432", "app", 55)), true);
    let expected = "app (55) never gets this packet. Rule 1 of nat OUTPUT turns tcp 5432 for 127.0.0.1 to 192.168.66.7; \
                    then the kernel lets no packet from 127.0.0.0/8 out to 192.168.66.7: route_localnet of the device \
                    that leads there is 0.";
    assert!(told.contains(expected), "{told}");
}

#[test]
fn what_only_containers_are_given_is_a_ghost_too() {
    let rules = format!("{NAT}-A PREROUTING -i cni0 -p tcp -m tcp --dport 7070 -j REDIRECT --to-ports 22\nCOMMIT\n");
    let told = ghost(&node_with(&rules, ""), 7070);
    let expected = "  container bridge cni0, IPv4: diverted, sshd (4364)\n    Rule 1 of nat PREROUTING turns tcp 7070 \
                    arriving by cni0 to 10.42.0.1:22 of this host, where sshd (4364) listens.";
    assert!(told.contains(expected), "{told}");
}

#[test]
fn what_tproxy_gives_to_a_socket_is_a_ghost() {
    let rules = "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -i eth0 -p tcp -m tcp --dport 81 -j TPROXY \
                 --on-port 3128 --on-ip 0.0.0.0 --tproxy-mark 0x1/0x1\nCOMMIT\n";
    let squid = listener("0.0.0.0:3128", "squid", 77).replace("sk:1", "sk:1 transparent:1");
    let told = ghost(&node_with(rules, &squid), 81);
    let expected = "  outside by eth0, IPv4: diverted, squid (77)\n    Rule 1 of mangle PREROUTING gives tcp 81 \
                    arriving by eth0 to the transparent socket on 0.0.0.0:3128 of this host, where squid (77) listens.";
    assert!(told.contains(expected), "{told}");
}

#[test]
fn a_port_that_a_dump_turns_to_this_host_is_a_ghost() {
    let text = format!("{NAT}-A PREROUTING -p tcp -m tcp --dport 11 -j REDIRECT --to-ports 80\nCOMMIT\n");
    let options = whyport::syntax::iptables::Options { family: None, backend: whyport::host::Backend::IptablesNft };
    let host = snapshot::bare_dump(whyport::syntax::iptables::parse(&text, &options)).host;
    let told = ghost(&host, 11);
    let expected =
        ": depends\n  outside, IPv4: depends, not known\n    Rule 1 of nat PREROUTING turns tcp 11 to port 80.";
    assert!(told.starts_with(expected), "{told}");
}

#[test]
fn a_dump_without_its_host_tells_what_rules_tell() {
    let text = format!("{NAT}-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.9.8.7:80\nCOMMIT\n");
    let options = whyport::syntax::iptables::Options { family: None, backend: whyport::host::Backend::IptablesNft };
    let host = snapshot::bare_dump(whyport::syntax::iptables::parse(&text, &options)).host;
    let told = ports(&host, true);
    let expected = "tcp 8080 0.0.0.0 ghost: diverted\n  outside, IPv4: diverted, 10.9.8.7:80\n    \
                    Rule 1 of nat PREROUTING turns tcp 8080 to 10.9.8.7:80.\n";
    assert!(told.starts_with(expected), "{told}");
}

/// A device of this kind, with an address of its own, beside those of the node; a veth's other end is in `there`.
fn with_device(mut host: Host, name: &str, kind: LinkKind, there: Option<&str>) -> Host {
    let node = &mut host.namespaces[0];
    let index = 100 + node.links.len() as u32;
    let peer = there.map(|there| {
        let id = node.ids.iter().find(|(_, name)| name == there).map_or(99, |(id, _)| *id);
        Peer { index: 2, namespace_id: Some(id) }
    });
    let lo = node.links[0].clone();
    node.links.push(Link { index, name: name.to_owned(), kind, mtu: 1500, peer, ..lo });
    let net = format!("10.{index}.0.1/24").parse().unwrap();
    let scope = Scope::Global;
    node.addresses.push(Address { link: index, net, scope, secondary: false, tentative: false, deprecated: false });
    host
}

/// The devices by which tcp 22 is asked from outside, in their order.
fn asked(host: &Host) -> Vec<String> {
    let target = explain::Target { protocol: Protocol::TCP, addr: None, port: Some(22), socket: None };
    let answers =
        explain::answers(host, host.viewed, &target).into_iter().filter(|answer| answer.family == IpFamily::V4);
    answers
        .filter_map(|answer| match answer.from {
            explain::From::Outside(device) => Some(device),
            explain::From::Somewhere | explain::From::Bridge(_) | explain::From::Local(_) => None,
        })
        .collect()
}

#[test]
fn what_another_device_than_the_default_routes_is_given_is_a_ghost_too() {
    let rules = format!(
        "{NAT}-A PREROUTING -i eth1 -p tcp -m tcp --dport 7070 -j DNAT --to-destination 10.42.0.59:8000\nCOMMIT\n"
    );
    let told = ghost(&with_device(node_with(&rules, ""), "eth1", LinkKind::Plain, None), 7070);
    let expected = "  outside by eth1, IPv4: diverted, traefik (4365) in traefik\n    No socket listens on tcp 7070 here. \
                    Rule 1 of nat PREROUTING turns tcp 7070 arriving by eth1 to 10.42.0.59:8000";
    assert!(told.contains(expected), "{told}");
    assert!(told.starts_with(": depends\n  outside by eth0, IPv4: unanswered"), "{told}");
}

#[test]
fn outside_are_the_devices_by_which_another_host_can_send() {
    let host = with_device(k3s(), "eth1", LinkKind::Plain, None);
    let host = with_device(host, "wg0", LinkKind::Other("wireguard".to_owned()), None);
    assert_eq!(asked(&host), ["eth0", "eth1", "wg0"]);
    // Nobody sends by a dummy; a container's veth leads to it alone, a bridge is asked as one.
    let host = with_device(host, "kube-ipvs0", LinkKind::Other("dummy".to_owned()), None);
    let host = with_device(host, "cali0", LinkKind::Veth, Some("svclb"));
    let host = with_device(host, "cali1", LinkKind::Veth, Some("one that was not read"));
    let host = with_device(host, "br0", LinkKind::Bridge, None);
    assert_eq!(asked(&host), ["eth0", "eth1", "wg0"]);
    // What stands at the other end has its way out elsewhere: another host.
    let mut host = with_device(host, "eth2", LinkKind::Veth, Some("svclb"));
    host.find("svclb").map(|svclb| host.namespaces[svclb].routes.clear()).unwrap();
    assert_eq!(asked(&host), ["eth0", "eth1", "wg0", "cali0", "eth2"]);
    // A device that is down or a port of another one gets nothing for itself.
    for link in &mut host.namespaces[0].links {
        link.up &= link.name != "eth1";
        link.master = link.master.or((link.name == "wg0").then_some(3));
    }
    assert_eq!(asked(&host), ["eth0", "cali0", "eth2"]);
}

#[test]
fn of_many_devices_the_default_routes_are_asked_and_the_rest_is_named() {
    let mut host = k3s();
    // The default route's device comes last among the links.
    let eth0 = host.namespaces[0].links.remove(1);
    for number in 0..10 {
        host = with_device(host, &format!("vpn{number}"), LinkKind::Other("tun".to_owned()), None);
    }
    host.namespaces[0].links.push(eth0);
    assert_eq!(asked(&host), ["eth0", "vpn0", "vpn1", "vpn2", "vpn3", "vpn4", "vpn5", "vpn6"]);
    let survey = explain::survey(&host, host.viewed, whyport::syntax::part_text);
    assert_eq!(survey.left_out, ["vpn7", "vpn8", "vpn9"]);
    let style = whyport::report::Style { colour: false, width: 100 };
    let told = whyport::report::ports::ports(&host, host.viewed, &survey, style);
    assert!(told.ends_with("not asked: who answers outside by vpn7, vpn8 and vpn9\n"), "{told}");
}

#[test]
fn a_port_through_which_nobody_gets_an_answer_is_no_ghost() {
    // To 127.0.0.1 the packet keeps its source, which the container's kernel refuses as impossible.
    let rules = format!(
        "{NAT}-A OUTPUT -d 127.0.0.1/32 -p tcp -m tcp --dport 7070 -j DNAT --to-destination 10.42.0.59:8000\nCOMMIT\n"
    );
    let mut host = node_with(&rules, "");
    let ghosts = |host: &Host| {
        let of = |survey: explain::Survey| survey.ports.into_iter().filter(PortEntry::is_ghost).count();
        [of(explain::survey(host, host.viewed, whyport::syntax::part_text)), of(explain::ports(host, host.viewed))]
    };
    let route_localnet = |host: &mut Host, on| {
        for settings in host.namespaces[0].sysctls.ip.values_mut() {
            settings.route_localnet = Some(on);
        }
    };
    route_localnet(&mut host, true);
    assert_eq!(ghosts(&host), [0, 0]);
    // With a source of the node's own it is answered.
    let rules = rules.replace("COMMIT\n", "-A POSTROUTING -o cni0 -p tcp -j MASQUERADE\nCOMMIT\n");
    let mut host = node_with(&rules, "");
    route_localnet(&mut host, true);
    assert_eq!(ghosts(&host), [1, 1]);
}
