//! Ports that are taken: where another flow has the addresses that a packet would get, the kernel gives it another port.
//!
//! Which one nobody can tell, and flows are not read: whyport tells the port that a packet keeps while nobody else has it.
//! In everything else both say the same.

use crate::case::{Node, TWO_LEGS, agree, difference, read};
use crate::packet::Packet;
use crate::rules::Tool;
use crate::world::apart;

/// Under these rules the second packet does not keep its source port, since the first one has it.
fn taken(rules: &'static str, first: &'static str, second: &'static str) {
    apart(move || {
        let mut node = Node::build(&TWO_LEGS, "", &[]);
        node.rules.load(Tool::Nft, rules);
        let host = read(&node);
        let [kept, changed] = [first, second].map(|line| (Packet::read(line), line)).map(|(packet, line)| {
            let said = node.judge(&packet, &host, &[]);
            let port = format!(":{} > ", packet.src.unwrap().port());
            let keeps = |path: &[String]| path.last().unwrap().contains(&port);
            let (last, others) = said.live.split_last().unwrap();
            let open = [others, &[last.replace(&port, ":? > ")]].concat();
            assert!(agree(&said.kernel, &open, true), "{}", difference(&packet, &said.kernel, &open));
            assert!(keeps(&said.live), "{line}: {:?}", said.live);
            keeps(&said.kernel)
        });
        assert!(kept && !changed, "{first}: {kept}, {second}: {changed}");
    });
}

#[test]
fn a_masqueraded_source_gets_another_port_where_its_own_is_taken() {
    let rules = "table ip t {\nchain post { type nat hook postrouting priority 100; policy accept;\noif eth1 masquerade\n}\n}\n";
    taken(rules, "eth0 udp 203.0.113.7:4001 > 10.9.0.2:90", "eth0 udp 203.0.113.8:4001 > 10.9.0.2:90");
    taken(rules, "eth0 tcp 203.0.113.7:4001 > 10.9.0.2:90", "eth0 tcp 203.0.113.8:4001 > 10.9.0.2:90");
}

#[test]
fn a_turned_packets_own_source_gets_another_port_where_both_ways_lead_to_one() {
    let rules = "table ip t {\nchain pre { type nat hook prerouting priority -100; policy accept;\n\
                 udp dport { 81, 82 } redirect to :53\n}\n}\n";
    taken(rules, "eth0 udp 203.0.113.7:4001 > 198.51.100.1:81", "eth0 udp 203.0.113.7:4001 > 198.51.100.1:82");
}
