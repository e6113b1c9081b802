//! Packets after the first of a connection, told as text: later ones of the same direction, and the answer.
//!
//! The host is that of `way`. What is expected is the kernel's (`judge/reply` asks it); here it stands to be read.

use crate::way::{host, told};
use crate::{filter, nat};
use whyport::host::{IpFamily, Protocol};
use whyport::walk::{Field, Origin, Query, Turn, ValueSet, walk};

/// A connection from 192.168.1.77:4000 (where `src` is `None`, from anywhere) to a port of an address, by eth0.
fn from_outside(to: &str, dport: u16, src: Option<&str>) -> Query {
    let mut query = Query::new(0, Origin::Device("eth0".into()), IpFamily::V4, Protocol::TCP);
    src.into_iter().for_each(|src| query.set_address(Field::Src, src.parse().unwrap()));
    query.set_address(Field::Dst, to.parse().unwrap());
    query.set(Field::Dport, ValueSet::one(dport.into()));
    query.set(Field::Sport, ValueSet::one(4000));
    query
}

fn outside(dport: u16) -> Query {
    from_outside("192.168.1.2", dport, Some("192.168.1.77"))
}

fn local(to: &str, dport: u16) -> Query {
    Query { origin: Origin::Local, ..from_outside(to, dport, None) }
}

#[track_caller]
fn assert_way(turn: Turn, rules: &str, query: &Query, expected: &str) {
    let host = host(rules);
    let walk = walk(&host, &Query { turn, ..query.clone() });
    assert_eq!(walk.unexplored, 0);
    let ruleset = &host.namespaces[0].ruleset;
    let way = |outcome: &whyport::walk::Outcome| {
        let answered = outcome.after.iter().any(|first| first.answered);
        format!("{}{}", told(ruleset, outcome), if answered { "answered\n" } else { "" })
    };
    let told: String = walk.outcomes.iter().map(way).collect();
    let told: Vec<&str> = told.lines().collect();
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(told, expected, "{rules}");
}

#[test]
fn later_packets_are_translated_without_a_nat_chain() {
    let rules = nat("-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.9:8080")
        + &filter("-A FORWARD -m conntrack --ctstate NEW -j ACCEPT\n-A FORWARD -m conntrack --ctstate ESTABLISHED");
    assert_way(
        Turn::Later,
        &rules,
        &outside(80),
        "route out br0
         filter FORWARD 2 continue
         filter FORWARD policy accept
         forwarded br0 192.168.1.77:4000 10.0.0.9:8080",
    );
}

#[test]
fn an_answer_comes_back_from_where_the_question_went() {
    let rules = nat("-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.9:8080\n\
                     -A POSTROUTING -o br0 -j SNAT --to-source 10.0.0.1");
    assert_way(
        Turn::Reply,
        &rules,
        &outside(80),
        "route out eth0
         forwarded eth0 192.168.1.2:80 192.168.1.77:4000
         answered",
    );
}

#[test]
fn an_answer_can_be_dropped_though_the_question_was_let_in() {
    assert_way(
        Turn::Reply,
        &filter("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A OUTPUT -p tcp -m tcp --sport 22 -j DROP"),
        &outside(22),
        "route out eth0
         filter OUTPUT 1 drop
         dropped",
    );
    let rules = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n\
                 -A FORWARD -i eth0 -o br0 -j ACCEPT\nCOMMIT\n";
    let query = from_outside("10.0.0.9", 80, Some("192.168.1.77"));
    assert_way(Turn::Reply, rules, &query, "route out eth0\nfilter FORWARD policy drop\ndropped");
}

#[test]
fn nobody_answers_what_was_not_let_in() {
    assert_way(
        Turn::Reply,
        &filter(
            "-A INPUT -s 192.168.1.0/25 -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j DROP",
        ),
        &from_outside("192.168.1.2", 22, None),
        "when src not-in 192.168.1.0/25
         route local
         filter INPUT 2 drop
         dropped
         when src in 192.168.1.0/25
         route out eth0
         filter OUTPUT policy accept
         sent eth0 192.168.1.2:22 ?:4000
         answered
         when src in 0.0.0.0/32 10.0.0.1/32 127.0.0.0/8 192.168.1.2/32 192.168.1.255/32 224.0.0.0/4 255.255.255.255/32
         route refused
         martian impossible-source",
    );
}

#[test]
fn a_later_packet_whose_first_one_would_be_dropped_is_taken_to_be_of_a_known_connection() {
    assert_way(
        Turn::Later,
        &filter("-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n-A INPUT -j DROP"),
        &outside(22),
        "assumed state true
         route local
         filter INPUT 1 accept
         delivered",
    );
}

#[test]
fn an_answer_over_lo_has_its_two_passes() {
    assert_way(
        Turn::Reply,
        &(nat("-A OUTPUT -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 22")
            + &filter("-A INPUT -m conntrack --ctdir REPLY")),
        &local("192.168.1.2", 80),
        "route local
         filter OUTPUT policy accept
         pass 2
         filter INPUT 1 continue
         filter INPUT policy accept
         delivered
         answered",
    );
}

#[test]
fn the_kernel_itself_refuses_for_a_port_that_nobody_has() {
    let flags = "-A OUTPUT -p tcp -m tcp --tcp-flags RST RST -m conntrack --ctstate ESTABLISHED -j DROP";
    assert_way(Turn::Reply, &filter(flags), &outside(81), "route out eth0\nfilter OUTPUT 1 drop\ndropped");
    assert_way(
        Turn::Reply,
        &filter(flags),
        &outside(22),
        "route out eth0\nfilter OUTPUT policy accept\nsent eth0 192.168.1.2:22 192.168.1.77:4000\nanswered",
    );
}

#[test]
fn marks_of_the_connection_are_kept_and_the_status_is_that_of_a_known_one() {
    let rules = "*mangle\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
                 :POSTROUTING ACCEPT [0:0]\n-A PREROUTING -m conntrack --ctstate NEW -j CONNMARK --set-xmark 0x5/0xffffffff\n\
                 -A OUTPUT -m connmark --mark 0x5 -j MARK --set-xmark 0x1/0xffffffff\nCOMMIT\n";
    let filter =
        filter("-A OUTPUT -m conntrack --ctstatus ASSURED -j DROP\n-A OUTPUT -m conntrack --ctstatus SEEN_REPLY");
    assert_way(
        Turn::Reply,
        &format!("{rules}{filter}"),
        &outside(22),
        "route out eth0
         mangle OUTPUT 1 continue
         mangle OUTPUT policy accept
         route out eth0
         filter OUTPUT 2 continue
         filter OUTPUT policy accept
         mangle POSTROUTING policy accept
         sent eth0 192.168.1.2:22 192.168.1.77:4000
         answered",
    );
}

#[test]
fn an_answer_of_a_connection_that_conntrack_did_not_see_is_invalid() {
    let raw = "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A PREROUTING -j CT --notrack\nCOMMIT\n";
    let filter = filter("-A OUTPUT -m conntrack --ctstate INVALID -j DROP");
    assert_way(
        Turn::Reply,
        &format!("{raw}{filter}"),
        &outside(22),
        "route out eth0
         raw OUTPUT policy accept
         filter OUTPUT 1 drop
         dropped",
    );
}

#[test]
fn a_later_packet_has_the_mark_that_the_answer_gave_to_its_connection() {
    let rules = "*mangle\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
                 -A INPUT -m connmark --mark 0x7\n-A OUTPUT -m ttl --ttl-lt 32 -m conntrack --ctdir REPLY\n\
                 -A OUTPUT -m conntrack --ctdir REPLY -j CONNMARK --set-xmark 0x7/0xffffffff\nCOMMIT\n";
    assert_way(
        Turn::Later,
        rules,
        &outside(22),
        "route local\nmangle INPUT 1 continue\nmangle INPUT policy accept\ndelivered",
    );
}

#[test]
fn an_answer_is_looked_for_in_its_zone() {
    let rules = |zone: &str| {
        let raw = format!("*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -i eth0 -j CT {zone} 7\nCOMMIT\n");
        raw + &filter("-A OUTPUT -m conntrack --ctstate INVALID -j DROP")
    };
    assert_way(Turn::Reply, &rules("--zone"), &outside(22), "route out eth0\nfilter OUTPUT 1 drop\ndropped");
    let found = "route out eth0\nfilter OUTPUT policy accept\nsent eth0 192.168.1.2:22 192.168.1.77:4000\nanswered";
    assert_way(Turn::Reply, &rules("--zone-orig"), &outside(22), found);
}

#[test]
fn what_nobody_knows_of_an_answer_is_assumed() {
    assert_way(
        Turn::Reply,
        &filter("-A OUTPUT -m ttl --ttl-lt 32 -j DROP"),
        &outside(22),
        "assumed state true
         route out eth0
         filter OUTPUT policy accept
         sent eth0 192.168.1.2:22 192.168.1.77:4000
         answered
         assumed state true
         route out eth0
         filter OUTPUT 1 drop
         dropped",
    );
}
