//! What the kernel does to packets, claim by claim, and the test that holds whyport to each.
//!
//! [`CLAIMS`] is a list in thirty-four parts, most of which a simulator that only reads rules gets wrong. Every claim is followed by the tests
//! that play it: the name of a case of `tests/judge/cases`, or a file of this folder or of the sources with a test in it. A claim without a test,
//! and a test that is not there, are defects. Nothing is played here.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A part begins with its number; below it stand its claims, each with its tests behind `:`.
const CLAIMS: &str = "
1 Of chains with equal priority the one that was registered last runs first
  two tables, two chains of one table, ip and inet: equal-priority-native
  iptables' two backends: equal-priority-nft-last, equal-priority-legacy-last
  without an order that anything tells, both are told where they differ, and only there: tests/judge/order.rs legacy_and_nft_of_one_priority_are_told_in_either_order, tests/judge/order.rs an_order_that_makes_no_difference_is_not_assumed
  a dormant table does not run, and wakes as the last, which nothing tells: dormant-woken, tests/judge/order.rs a_table_that_slept_and_one_that_did_not_are_told_alike
  a kernel that lists its hooks tells: src/kernel/tests/hooks.rs lists_of_both_families_make_one_order, src/kernel/tests/hooks.rs legacy_tables_are_known_by_their_functions
2 A verdict is for its base chain
  accept ends one base chain, by rule or by policy; drop ends all: accept-ends-its-chain, jump-goto-return
3 nat chains run in a dispatcher of their own
  their numbers order them among themselves alone: nat-dispatcher
  those of every family and backend run in it, the last registered first: nat-of-both-tools, nat-of-inet-and-ip
  those of both families leave packets alone that they have no address for: other-familys-translation
  another chain at its very place runs before it or behind it: tests/judge/order.rs a_chain_at_the_very_place_of_nat_is_told_before_it_and_behind_it
  none of them comes before conntrack: tests/judge/order.rs no_nat_chain_is_as_early_as_conntrack
4 The first mapping ends the dispatch
  an accept does not: nat-dispatcher, nat-of-both-tools
5 What registers its hooks
  a legacy table all of its hooks, iptables-nft those of its chains: legacy-registers-all
6 A goto from a base chain does not come back
  the end of where it leads is the policy: jump-goto-return, tests/walk.rs jumps_come_back_and_gotos_do_not
7 The hooks of devices are first and last
  ingress of netdev and of inet are one list, egress comes behind postrouting: tests/frames/cases.rs hooks_of_devices_come_first_and_last
  of equals the last registered is first there too: tests/frames/hairpin.rs of_equals_at_a_device_the_last_registered_is_first
8 A rule that fails late has changed what it changed
  marks, headers and flows: changes-before-a-failed-condition
9 Maps
  a verdict from a map is the rule's, a miss is none, nor is an address that a map does not have: verdicts-from-maps
10 conntrack is off until it is needed
  by one expression of nft, anywhere in the family; taken away it is off again: conntrack-on-by-one-expression
  by one match or target of iptables: conntrack-on-by-one-target
  also by those that few rules have, by an object that no rule speaks of, by what a set holds: conntrack-on-by-rare-expression, conntrack-on-by-rare-match, conntrack-on-by-one-object
  while it is off no nat chain is walked: conntrack-off, tests/walk.rs nat_is_not_walked_while_nothing_needs_conntrack
  one family does not turn it on for the other: conntrack-on-from-afar
11 nat chains see first packets alone
  later packets and answers are translated without them: tests/judge/answers.rs answers_and_later_packets_are_translated_by_no_chain, tests/walk/reply.rs later_packets_are_translated_without_a_nat_chain
  what is invalid or untracked meets none and is not translated: tcp-loose, raw-states
12 What conntrack says of first packets
  TCP in mid-flow is new while tcp_loose is on, and what no stack begins with is invalid: tcp-loose, first-tcp-packets
  with tcp_loose off SYN alone is new: tcp-not-loose
  nothing drops what is invalid: tcp-loose, icmp-without-a-flow
  of ICMP only requests are new: icmp-without-a-flow, tests/judge/first.rs every_type_of_icmp
13 conntrack looks at -200
  before, every packet is invalid, and has no mark, status or direction: before-conntrack-looks, raw-states, raw-states6
  another chain at its very place runs before it or behind it: tests/judge/order.rs a_chain_at_the_very_place_of_conntrack_is_told_before_it_and_behind_it
  over lo the flow is there on the second pass: before-conntrack-looks, loopback
  to stop tracking afterwards is in vain: before-conntrack-looks
  but for what conntrack refused: notrack-of-invalid
14 The kernel's own answers
  meet output and postrouting; those to what is refused are related, and no nat chain is for errors: tests/judge/answers.rs refusals_say_why_and_their_answers_are_related
  the stack's refusal of a connection is part of it: tests/judge/answers.rs the_stack_refuses_as_part_of_the_connection, tests/walk/reply.rs the_kernel_itself_refuses_for_a_port_that_nobody_has
15 What is dropped leaves no flow
  the same again is new: dropped-packets-leave-no-flow
16 Tracking that is stopped one way alone
  the answer is invalid: tests/judge/answers.rs the_answer_to_an_untracked_packet_is_invalid, tests/walk/reply.rs an_answer_of_a_connection_that_conntrack_did_not_see_is_invalid
  and what follows that answer is new: tests/judge/answers.rs what_follows_an_untracked_packets_answer_is_new
17 A packet to oneself comes by twice
  out by lo and in by lo; nat chains are walked on the way out alone: loopback
  it is new in all four hooks: loopback
18 In output the outgoing device is that of the beginning
  after a translation too; postrouting sees the new one: output-dnat, output-dnat6
19 Marks that route
  in output from mangle or from a route chain: mark-routes, marks-route-natively, marks-route-natively6
  from elsewhere in output once nat turns the packet: marks-route-natively
  in prerouting any, in forward none: mark-routes, marks-route-natively
20 The source of a packet that is made here
  is chosen before output and kept: output-dnat
  127.0.0.1 leaves by no device without route_localnet, and no rule is to blame: output-dnat, output-dnat-localnet
  ::1 leaves by any: output-dnat6
21 Without a route there is no output
  no translation there saves the packet: no-route-no-output, output-dnat6
22 A device that a hook does not have
  is equal to nothing and differs from everything, in iptables of both backends: interface-not-there
  and in nft: interface-not-there-native
23 Routing comes behind all of prerouting
  rp_filter, martians, route_localnet, routes, time to live, forwarding: routing-takes
  of two rp_filters the larger counts, 1 is strict and 2 is loose: rp-filter-is-the-larger
24 Forwarding is the incoming device's
  whatever the setting for all is by now: forwarding-of-the-device, routing-takes
  without it nothing says why; each route that refuses, and the time to live, has an error of its own: tests/judge/answers.rs refusals_say_why_and_their_answers_are_related, routing-takes
  any address of the host is taken by any device: routing-takes
  127/8 from a rule needs route_localnet on the incoming device: output-dnat-localnet
25 Addresses of one's own
  REDIRECT takes the first of the incoming device, in output 127.0.0.1: redirect
  for IPv6 the first listed, whatever was asked: redirect6
  and the first link-local one for a link-local one: redirect-link-local
  MASQUERADE takes the device's own on the next hop's net, whatever the route says: masquerade
26 MASQUERADE without a device
  is for lo too: masquerade
27 Ports of translated sources
  are kept, also low ones, and also where a rule gives a range: ports-of-sources, masquerade, nat6
  and nobody knows those that are drawn: ports-of-sources
  where another flow has the port it is another one: tests/judge/taken.rs a_masqueraded_source_gets_another_port_where_its_own_is_taken, tests/judge/taken.rs a_turned_packets_own_source_gets_another_port_where_both_ways_lead_to_one
28 Before -100 the old destination, behind it the new
  and that it changed can be asked: dnat-forward, translation-is-told
29 Back to where it came from
  a container that is turned to itself needs another source: tests/frames/hairpin.rs back_to_oneself_needs_another_source
  the bridge's port must send back only where netfilter is told of frames, and drops in silence: tests/frames/hairpin.rs the_port_must_send_back_only_where_the_bridge_is_told
  a neighbour's answer is translated back only there: tests/frames/hairpin.rs an_answer_from_next_door_is_not_translated_back
30 Frames on a bridge
  meet the hooks of IP where netfilter is told of them, by the bridge or for all: tests/frames/cases.rs every_hook_in_its_order, tests/frames/hairpin.rs a_bridge_of_its_own_will_tells_iptables
  as in every new namespace: tests/frames/hairpin.rs a_new_namespace_tells_iptables
  there both devices are the bridge, and its ports are asked apart: tests/frames/cases.rs ports_of_bridges_as_iptables_sees_them
  they are translated: tests/frames/cases.rs addresses_of_frames_are_translated
  the device that a frame came by is not there in postrouting: tests/frames/cases.rs rules_of_bridges_decide
  what goes up to the host meets prerouting once: tests/frames/cases.rs every_hook_in_its_order
31 The hooks of bridges
  have those of IP within them: tests/frames/hairpin.rs the_hooks_of_ip_stand_within_those_of_the_bridge, tests/frames/cases.rs every_hook_in_its_order
32 Targets
  go on with the next rule, or end their chain: targets-go-on-or-end
  REJECT is a drop: reject-and-filters
  TPROXY accepts where a transparent socket hears, else drops: tproxy
  nft's goes on where one hears, else is no match: tproxy-native, tproxy-of-one-family
33 Which socket hears
  one with the address before one for all, 127/8 too: tests/judge/sockets.rs a_specific_address_is_before_all_addresses
  one for [::] hears IPv4 unless it refuses: tests/judge/sockets.rs a_socket_of_ipv6_hears_ipv4_unless_it_refuses
  one of a device after one with the address: tests/judge/sockets.rs a_socket_of_a_device_hears_that_device_alone
  of those that allow each other the newest: tests/judge/sockets.rs of_sockets_that_allow_each_other_the_newest_hears
  of a group any: tests/judge/sockets.rs one_of_a_shared_port_hears
34 Docker's proxy
  answers for 127/8 and for the container itself, the container for all others: docker-proxy
";

/// How many parts there are.
const PARTS: usize = 34;

/// The claims of each part, with their tests.
fn parts() -> BTreeMap<usize, Vec<(&'static str, Vec<&'static str>)>> {
    let mut parts: BTreeMap<usize, Vec<(&str, Vec<&str>)>> = BTreeMap::new();
    for line in CLAIMS.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix("  ") {
            Some(claim) => {
                let (claim, tests) = claim.rsplit_once(": ").unwrap_or((claim, ""));
                let tests = tests.split(", ").filter(|test| !test.is_empty()).collect();
                parts.last_entry().unwrap().into_mut().push((claim, tests));
            }
            None => {
                let number = line.split(' ').next().unwrap().parse().unwrap();
                assert!(parts.insert(number, Vec::new()).is_none(), "{line}");
            }
        }
    }
    parts
}

/// Whether a test of this name is there.
fn is_there(test: &str) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Some((file, name)) = test.split_once(' ') else {
        return root.join(format!("tests/judge/cases/{test}.txt")).exists();
    };
    let text = fs::read_to_string(root.join(file)).unwrap_or_default();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.windows(2).any(|pair| pair[0] == "#[test]" && pair[1].starts_with(&format!("fn {name}(")))
}

#[test]
fn every_claim_has_its_tests() {
    let parts = parts();
    assert_eq!(parts.keys().copied().collect::<Vec<_>>(), (1..=PARTS).collect::<Vec<_>>());
    for (number, claims) in parts {
        assert!(!claims.is_empty(), "{number} claims nothing");
        for (claim, tests) in claims {
            assert!(!tests.is_empty(), "nothing holds that {claim} ({number})");
            let missing: Vec<&str> = tests.into_iter().filter(|test| !is_there(test)).collect();
            assert_eq!(missing, [] as [&str; 0], "of {number}: {claim}");
        }
    }
}
