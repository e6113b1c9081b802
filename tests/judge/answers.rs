//! Answers to a first packet, and what follows them: which chains they meet, and what conntrack says of them.
//!
//! The paths are the kernel's, as text; whyport's walk of the same packets must be the same. What the kernel itself answers where
//! it refuses a packet is asked of whyport as a packet that the host makes.

use whyport::host::xt::CtStates;
use whyport::host::{Host, IpFamily, Protocol};
use whyport::walk::{self, Assumed, FateKind, Field, Origin, Query, ValueSet};

use crate::case::{Node, TWO_LEGS, read};
use crate::packet::{Mark, Packet};
use crate::replies::{Heard, follow, follow_on};
use crate::rules::Tool;
use crate::walked;
use crate::world::{apart, bound};

/// Rules of a table of iptables, whose other chains accept.
fn table(name: &str, rules: &str) -> String {
    let chains: &[&str] = match name {
        "raw" => &["PREROUTING", "OUTPUT"],
        "nat" => &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
        _ => &["INPUT", "FORWARD", "OUTPUT"],
    };
    let chains: String = chains.iter().map(|chain| format!(":{chain} ACCEPT\n")).collect();
    let rules: String = rules.lines().map(|rule| format!("-A {}\n", rule.trim())).collect();
    format!("*{name}\n{chains}{rules}COMMIT\n")
}

/// Under these rules of iptables, what follows a packet goes this way.
fn follows(rules: String, packet: &'static str, found: bool, expected: &'static str) {
    apart(move || {
        let lines = |text: &str| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
        assert_eq!(lines(&follow(&rules, packet, found)), lines(expected));
    });
}

#[test]
fn answers_and_later_packets_are_translated_by_no_chain() {
    let nat = "PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.9.0.2:8080\nPOSTROUTING -o eth1 -j MASQUERADE\n\
               PREROUTING -i eth1 -j DNAT --to-destination 10.9.0.9\nPOSTROUTING -o eth0 -j SNAT --to-source 198.51.100.9";
    let rules = table(
        "raw",
        "PREROUTING -d 10.9.0.1\nPREROUTING -d 203.0.113.7\nPREROUTING -d 198.51.100.1\nPREROUTING -d 10.9.0.2",
    ) + &table("nat", nat)
        + &table("filter", "FORWARD -d 10.9.0.1\nFORWARD -d 203.0.113.7\nFORWARD -d 198.51.100.1\nFORWARD -d 10.9.0.2");
    follows(
        rules,
        "eth0 tcp 203.0.113.7:4001 > 198.51.100.1:80",
        true,
        "the answer
         enters eth1 10.9.0.2:8080 > 10.9.0.1:4001
         prerouting iptables-nft raw PREROUTING 1 continue
         prerouting iptables-nft raw PREROUTING policy accept
         forward iptables-nft filter FORWARD 2 continue
         forward iptables-nft filter FORWARD policy accept
         leaves eth0 198.51.100.1:80 > 203.0.113.7:4001
         the next packet
         enters eth0 203.0.113.7:4001 > 198.51.100.1:80
         prerouting iptables-nft raw PREROUTING 3 continue
         prerouting iptables-nft raw PREROUTING policy accept
         forward iptables-nft filter FORWARD 4 continue
         forward iptables-nft filter FORWARD policy accept
         leaves eth1 10.9.0.1:4001 > 10.9.0.2:8080",
    );
}

#[test]
fn the_answer_to_an_untracked_packet_is_invalid() {
    let rules = table("raw", "PREROUTING -p tcp --dport 22 -j CT --notrack")
        + &table("nat", "OUTPUT -p tcp --sport 22 -j DNAT --to-destination 10.9.0.2\nPOSTROUTING -p tcp -j MASQUERADE")
        + &table(
            "filter",
            "INPUT -m conntrack --ctstate UNTRACKED\nOUTPUT -m conntrack --ctstate INVALID\nOUTPUT -m conntrack --ctstate NEW",
        );
    follows(
        rules,
        "eth0 tcp 203.0.113.7:4001 > 198.51.100.1:22",
        false,
        "the answer
         made 198.51.100.1:22 > 203.0.113.7:4001
         output iptables-nft raw OUTPUT policy accept
         output iptables-nft filter OUTPUT 1 continue
         output iptables-nft filter OUTPUT policy accept
         leaves eth0 198.51.100.1:22 > 203.0.113.7:4001",
    );
}

#[test]
fn the_stack_refuses_as_part_of_the_connection() {
    let rules = table("nat", "OUTPUT -p tcp -j DNAT --to-destination 10.9.0.2\nPOSTROUTING -j MASQUERADE")
        + &table("filter", "OUTPUT -m conntrack --ctstate RELATED\nOUTPUT -m conntrack --ctstate ESTABLISHED");
    follows(
        rules,
        "eth0 tcp 203.0.113.7:4001 > 198.51.100.1:81",
        true,
        "the answer
         made 198.51.100.1:81 > 203.0.113.7:4001
         output iptables-nft filter OUTPUT 2 continue
         output iptables-nft filter OUTPUT policy accept
         leaves eth0 198.51.100.1:81 > 203.0.113.7:4001",
    );
}

/// What whyport says of a packet that the host makes, with these fields.
fn made(node: &Node, host: &Host, heard: &Heard, fields: &[(Field, u128)]) -> Vec<String> {
    let protocol = match heard.mark {
        Mark::Tcp(..) => Protocol::TCP,
        Mark::Udp(_) => Protocol::UDP,
        Mark::Icmp(..) => Protocol::ICMP,
    };
    let (src, dst) = (heard.first.src, heard.first.dst);
    let mut query = Query::new(host.viewed, Origin::Local, IpFamily::V4, protocol);
    query.set_address(Field::Src, src.ip());
    query.set_address(Field::Dst, dst.ip());
    if protocol.has_ports() {
        query.set(Field::Sport, ValueSet::one(src.port().into()));
        query.set(Field::Dport, ValueSet::one(dst.port().into()));
    }
    fields.iter().for_each(|(field, value)| query.set(*field, ValueSet::one(*value)));
    let walk = walk::walk(host, &query);
    let [one] = &walk.outcomes[..] else { panic!("{:#?}", walk.outcomes) };
    // Whether the packet that it is about was translated, only conntrack's table tells.
    let beside = one.assumed.iter().filter(|made| made.what != Assumed::NoTranslation);
    assert_eq!(beside.count(), 0, "{:?}", one.assumed);
    walked::lines_of(host, one, &node.names(None, heard.mark))
}

/// What a host says in the middle of a connection that conntrack has seen nothing of begins one (`nf_conntrack_tcp_loose`).
#[test]
fn what_follows_an_untracked_packets_answer_is_new() {
    apart(|| {
        let mut node = Node::build(&TWO_LEGS, "", &[]);
        let rules = table("raw", "PREROUTING -p tcp --dport 700 -j CT --notrack")
            + &table("nat", "OUTPUT -p tcp --sport 700 -j ACCEPT")
            + &table("filter", "OUTPUT -m conntrack --ctstate INVALID\nOUTPUT -m conntrack --ctstate NEW");
        node.rules.load(Tool::Iptables, &rules);
        let host = read(&node).live;
        let listener = bound("tcp 0.0.0.0:700");
        node.greet(&Packet::read("eth0 tcp 203.0.113.7:4001 > 198.51.100.1:700"));
        let (connection, _) = listener.accept().unwrap();
        let heard = node.hear(|_| _ = connection.send(b"judge").unwrap());
        let [first, ..] = &heard[..] else { panic!("nothing was said") };
        let Mark::Tcp(flags, _) = first.mark else { panic!("{:?}", first.mark) };
        let kernel = node.lines(first);
        assert_eq!(
            kernel,
            [
                "made 198.51.100.1:700 > 203.0.113.7:4001",
                "output iptables-nft raw OUTPUT policy accept",
                "output iptables-nft nat OUTPUT 1 accept",
                "output iptables-nft filter OUTPUT 2 continue",
                "output iptables-nft filter OUTPUT policy accept",
                "postrouting iptables-nft nat POSTROUTING policy accept",
                "leaves eth0 198.51.100.1:700 > 203.0.113.7:4001",
            ]
        );
        assert_eq!(made(&node, &host, first, &[(Field::TcpFlags, flags.into())]), kernel);
    });
}

/// How packets are refused, and the type and code of the ICMP error that says so, or `-`.
const REFUSALS: [(&str, &str, &str); 14] = [
    ("eth1 tcp 10.9.0.2:4001 > 192.0.2.1:80", "unreachable", "3/1"),
    ("eth1 tcp 10.9.0.2:4002 > 192.0.2.129:80", "blackhole", "-"),
    ("eth1 tcp 10.9.0.2:4003 > 192.0.2.193:80", "prohibit", "3/13"),
    ("eth1 tcp 10.9.0.2:4004 > 203.0.113.7:80", "no-route", "3/0"),
    ("eth1 udp 10.9.0.2:4004 > 203.0.113.7:80", "no-route", "3/0"),
    ("eth1 tcp 10.9.0.2:4005 > 198.51.100.7:80 ttl 1", "ttl", "11/0"),
    ("eth0 tcp 198.51.100.7:4006 > 10.9.0.2:80", "ip_forward", "-"),
    ("eth0 tcp 198.51.100.7:4006 > 203.0.113.7:80", "ip_forward", "-"),
    ("eth1 tcp 198.51.100.7:4007 > 10.9.0.1:80", "rp_filter", "-"),
    ("eth1 udp 10.9.0.2:4008 > 10.9.0.1:777", "", "3/3"),
    ("eth1 udp 10.9.0.2:4009 > 10.9.0.1:778", "rule", "3/10"),
    ("eth1 udp 10.9.0.2:4010 > 198.51.100.7:778", "rule", "3/3"),
    ("eth1 tcp 10.9.0.2:4011 > 10.9.0.1:779", "rule", "rst"),
    ("eth1 tcp 10.9.0.2:4012 > 198.51.100.7:779", "rule", "rst"),
];

#[test]
fn refusals_say_why_and_their_answers_are_related() {
    apart(|| {
        let ip = "route del 0.0.0.0/0 via 198.51.100.2 dev eth0\nroute add unreachable 192.0.2.0/25\n\
                  route add blackhole 192.0.2.128/26\nroute add prohibit 192.0.2.192/26\n\
                  neigh add 10.9.0.2 lladdr 02:00:00:00:02:01 dev eth1 nud permanent\n";
        let sysctls =
            [("ipv4/conf/eth1/rp_filter", "1"), ("ipv4/conf/eth0/forwarding", "0"), ("ipv4/icmp_ratelimit", "0")];
        let mut node = Node::build(&TWO_LEGS, ip, &sysctls);
        let reject = "INPUT -p udp --dport 778 -j REJECT --reject-with icmp-host-prohibited\n\
                      FORWARD -p udp --dport 778 -j REJECT\n\
                      INPUT -p tcp --dport 779 -j REJECT --reject-with tcp-reset\n\
                      FORWARD -p tcp --dport 779 -j REJECT --reject-with tcp-reset\n\
                      OUTPUT -m conntrack --ctstate RELATED\nOUTPUT -m conntrack --ctstate NEW,INVALID,ESTABLISHED";
        let rules =
            table("nat", "OUTPUT -d 10.9.0.0/24 -j ACCEPT\nPOSTROUTING -d 10.9.0.0/24 -j SNAT --to-source 10.9.0.99")
                + &table("filter", reject);
        node.rules.load(Tool::Iptables, &rules);
        let host = read(&node).live;
        for (line, reason, answer) in REFUSALS {
            let packet = Packet::read(line);
            node.cookie = node.cookie.wrapping_add(0x1_0001);
            let cookie = node.cookie;
            let heard = node.hear(|node| _ = node.world.send(&packet, cookie));
            let answered = heard.iter().find_map(|one| match one.mark {
                Mark::Icmp(kind @ (3 | 11), code) => Some((one, format!("{kind}/{code}"))),
                Mark::Tcp(0x14, _) => Some((one, "rst".to_owned())),
                Mark::Tcp(..) | Mark::Udp(_) | Mark::Icmp(..) => None,
            });
            assert_eq!(answered.as_ref().map_or("-", |(_, said)| said), answer, "the kernel's answer to {line}");
            let walk = walk::walk(&host, &walked::query(&host, &packet, packet.src.unwrap().port(), node.mac(&packet)));
            let [one] = &walk.outcomes[..] else { panic!("{line}: {:#?}", walk.outcomes) };
            let by_rule = one.fate.kind == FateKind::Rejected;
            assert_eq!(
                one.fate.reason.map_or(if by_rule { "rule" } else { "" }, |reason| reason.name()),
                reason,
                "{line}"
            );
            let Some((heard, _)) = answered else { continue };
            let kernel = node.lines(heard);
            assert!(kernel.contains(&"output iptables-nft filter OUTPUT 1 continue".to_owned()), "{line}: {kernel:#?}");
            let related = (Field::CtState, CtStates::RELATED.bits().into());
            let of_its_own = match heard.mark {
                Mark::Icmp(kind, code) => vec![(Field::IcmpType, kind.into()), (Field::IcmpCode, code.into())],
                Mark::Tcp(flags, _) => vec![(Field::TcpFlags, flags.into())],
                Mark::Udp(_) => vec![],
            };
            let walk = made(&node, &host, heard, &[vec![related], of_its_own].concat());
            assert_eq!(walk, kernel, "the answer to {line}");
        }
    });
}

/// Every device has a route to the addresses of its link, and the first of them is no better than the others.
#[test]
fn who_has_an_address_of_the_link_is_answered_by_the_device_that_brought_the_question() {
    apart(|| {
        let addresses = "addr add fe80::1/64 dev eth0 nodad\naddr add fe80::5/64 dev eth1 nodad\n";
        let mut node = Node::build(&TWO_LEGS, addresses, &[]);
        let outputs = "OUTPUT -o eth0\nOUTPUT -o eth1\nINPUT -s fe80::/10 -j ACCEPT";
        node.rules.load(Tool::Ip6tables, &table("filter", outputs));
        for (packet, by) in [
            ("eth1 tcp [fe80::77]:4001 > [fe80::5]:80", "leaves eth1"),
            ("eth0 tcp [fe80::77]:4002 > [fe80::1]:80", "leaves eth0"),
            ("eth1 tcp [fe80::77]:4003 > [2001:db8:9::1]:80", "leaves eth1"),
            ("eth0 tcp [fe80::77]:4004 > [2001:db8:9::1]:80", "leaves eth0"),
            ("eth1 tcp [2001:db8:1::9]:4005 > [2001:db8:9::1]:80", "leaves eth0"),
            ("eth1 tcp [fe80::77]:4006 > [fe80::5]:9", "leaves eth1"),
            ("eth1 icmp [fe80::77]:0 > [fe80::5]:0", "leaves eth1"),
        ] {
            let told = follow_on(&mut node, packet, true);
            let answer: Vec<&str> = told.lines().skip_while(|line| *line != "the answer").collect();
            assert!(answer.iter().any(|line| line.starts_with(by)), "{packet}\n{told}");
        }
    });
}
