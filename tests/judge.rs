//! The kernel is the judge: what whyport says a packet does is held against what the kernel does with it.
//!
//! Each test builds network namespaces of its own, loads rules with the admin's own tools, sends one packet, and reads the
//! kernel's trace by netlink. The same namespace is recorded as a snapshot, read, and walked: both paths must be the same,
//! rule by rule. Needs root and the tools; nothing leaves the namespaces, and nothing of them stays behind.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "judge/aim.rs"]
mod aim;
#[path = "judge/answers.rs"]
mod answers;
#[path = "judge/case.rs"]
mod case;
#[path = "judge/docker.rs"]
mod docker;
#[path = "judge/drawn.rs"]
mod drawn;
#[path = "judge/first.rs"]
mod first;
#[path = "judge/ground.rs"]
mod ground;
#[path = "judge/kube.rs"]
mod kube;
#[path = "judge/left.rs"]
mod left;
#[path = "judge/live.rs"]
mod live;
#[path = "judge/named.rs"]
mod named;
#[path = "judge/native.rs"]
mod native;
#[path = "judge/netlink.rs"]
mod netlink;
#[path = "judge/order.rs"]
mod order;
#[path = "judge/packet.rs"]
mod packet;
#[path = "judge/path.rs"]
mod path;
#[path = "judge/places.rs"]
mod places;
#[path = "judge/programs.rs"]
mod programs;
#[path = "judge/random.rs"]
mod random;
#[path = "judge/record.rs"]
mod record;
#[path = "judge/replies.rs"]
mod replies;
#[path = "judge/rounds.rs"]
mod rounds;
#[path = "judge/rules.rs"]
mod rules;
#[path = "judge/sets.rs"]
mod sets;
#[path = "judge/sockets.rs"]
mod sockets;
#[path = "judge/taken.rs"]
mod taken;
#[path = "judge/walked.rs"]
mod walked;
#[path = "judge/witness.rs"]
mod witness;
#[path = "judge/world.rs"]
mod world;

macro_rules! cases {
    ($($name:ident $file:literal $plan:expr;)*) => {
        $(#[test]
        fn $name() {
            case::check($file, &$plan);
        })*

        #[test]
        fn every_case_is_played() {
            assert_eq!(case::all(), { let mut names = vec![$($file),*]; names.sort(); names });
        }
    };
}

cases! {
    conntrack_off "conntrack-off" case::TWO_LEGS;
    conntrack_on_from_afar "conntrack-on-from-afar" case::TWO_LEGS;
    dnat_forward "dnat-forward" case::TWO_LEGS;
    dormant_woken "dormant-woken" case::TWO_LEGS;
    equal_priority_legacy_last "equal-priority-legacy-last" case::TWO_LEGS;
    equal_priority_native "equal-priority-native" case::TWO_LEGS;
    equal_priority_nft_last "equal-priority-nft-last" case::TWO_LEGS;
    fib_of_loopback "fib-of-loopback" case::TWO_LEGS;
    fib_of_odd_sources "fib-of-odd-sources" case::TWO_LEGS;
    first_tcp_packets "first-tcp-packets" case::TWO_LEGS;
    forwarded_back "forwarded-back" case::TWO_LEGS;
    interface_not_there "interface-not-there" case::TWO_LEGS;
    ipset_rules "ipset" case::TWO_LEGS;
    ipset6 "ipset6" case::TWO_LEGS;
    jump_goto_return "jump-goto-return" case::TWO_LEGS;
    legacy_registers_all "legacy-registers-all" case::TWO_LEGS;
    loopback "loopback" case::TWO_LEGS;
    loopback_from_outside6 "loopback-from-outside6" case::TWO_LEGS;
    mark_routes "mark-routes" case::TWO_LEGS;
    masquerade "masquerade" case::TWO_LEGS;
    nat_dispatcher "nat-dispatcher" case::TWO_LEGS;
    nat_of_both_tools "nat-of-both-tools" case::TWO_LEGS;
    nat6 "nat6" case::TWO_LEGS;
    notrack_of_invalid "notrack-of-invalid" case::TWO_LEGS;
    output_dnat "output-dnat" case::TWO_LEGS;
    output_dnat_localnet "output-dnat-localnet" case::TWO_LEGS;
    policy_rules "policy-rules" case::TWO_LEGS;
    policy_rules_of_icmp "policy-rules-of-icmp" case::TWO_LEGS;
    services_route "services-route" case::TWO_LEGS;
    rare_native "rare-native" case::TWO_LEGS;
    rare_native6 "rare-native6" case::TWO_LEGS;
    rare_rules "rare-rules" case::TWO_LEGS;
    rare_rules6 "rare-rules6" case::TWO_LEGS;
    raw_states "raw-states" case::TWO_LEGS;
    redirect "redirect" case::TWO_LEGS;
    redirect6 "redirect6" case::TWO_LEGS;
    redirect6_scopes "redirect6-scopes" case::TWO_LEGS;
    synproxy "synproxy" case::TWO_LEGS;
    synproxy_native "synproxy-native" case::TWO_LEGS;
    reject_and_filters "reject-and-filters" case::TWO_LEGS;
    routing_takes "routing-takes" case::TWO_LEGS;
    services "services" case::TWO_LEGS;
    tproxy "tproxy" case::TWO_LEGS;
    tproxy_bridged "tproxy-bridged" case::STORY_NODE;
    impossible_source_bridged6 "impossible-source-bridged6" case::STORY_NODE;
    link_source_bridged6 "link-source-bridged6" case::STORY_NODE;
    fib_link_local "fib-link-local" case::TWO_LEGS;
    tproxy_native "tproxy-native" case::TWO_LEGS;
    sets_that_packets_fill "sets-that-packets-fill" case::TWO_LEGS;
    sources_of_local "sources-of-local" case::TWO_LEGS;
    accept_ends_its_chain "accept-ends-its-chain" case::TWO_LEGS;
    before_conntrack_looks "before-conntrack-looks" case::TWO_LEGS;
    changes_before_a_failed_condition "changes-before-a-failed-condition" case::TWO_LEGS;
    conntrack_on_by_one_expression "conntrack-on-by-one-expression" case::TWO_LEGS;
    conntrack_on_by_one_target "conntrack-on-by-one-target" case::TWO_LEGS;
    dropped_packets_leave_no_flow "dropped-packets-leave-no-flow" case::TWO_LEGS;
    icmp_without_a_flow "icmp-without-a-flow" case::TWO_LEGS;
    interface_not_there_native "interface-not-there-native" case::TWO_LEGS;
    marks_route_natively "marks-route-natively" case::TWO_LEGS;
    no_route_no_output "no-route-no-output" case::TWO_LEGS;
    rp_filter_is_the_larger "rp-filter-is-the-larger" case::TWO_LEGS;
    targets_go_on_or_end "targets-go-on-or-end" case::TWO_LEGS;
    tcp_loose "tcp-loose" case::TWO_LEGS;
    tcp_not_loose "tcp-not-loose" case::TWO_LEGS;
    translation_is_told "translation-is-told" case::TWO_LEGS;
    verdicts_from_maps "verdicts-from-maps" case::TWO_LEGS;
    docker_proxy "docker-proxy" ground::CONTAINERS.plan;
    banned_sources "banned-sources" case::TWO_LEGS;
    ports_of_sources "ports-of-sources" case::TWO_LEGS;
    redirect_link_local "redirect-link-local" case::TWO_LEGS;
    forwarding_of_the_device "forwarding-of-the-device" case::TWO_LEGS;
    nat_of_inet_and_ip "nat-of-inet-and-ip" case::TWO_LEGS;
    tproxy_of_one_family "tproxy-of-one-family" case::TWO_LEGS;
    other_familys_translation "other-familys-translation" case::TWO_LEGS;
    conntrack_on_by_one_object "conntrack-on-by-one-object" case::TWO_LEGS;
    conntrack_on_by_rare_expression "conntrack-on-by-rare-expression" case::TWO_LEGS;
    conntrack_on_by_rare_match "conntrack-on-by-rare-match" case::TWO_LEGS;
    marks_route_natively6 "marks-route-natively6" case::TWO_LEGS;
    send_redirects "send-redirects" case::TWO_LEGS;
    output_dnat6 "output-dnat6" case::TWO_LEGS;
    raw_states6 "raw-states6" case::TWO_LEGS;
    story_node "story-node" case::STORY_NODE;
    story_pod "story-pod" case::STORY_POD;
}

/// Another run of these tests is killed at its work: no process and no thread holds its namespaces any longer.
#[test]
fn nothing_stays_behind_after_a_kill() {
    world::apart(|| {
        let own = std::env::current_exe().unwrap();
        let mut child = std::process::Command::new(own)
            .args(["--exact", "story_node", "loopback"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let host = left::namespaces_of("self");
        let mut seen = std::collections::BTreeSet::new();
        let began = std::time::Instant::now();
        while seen.len() < 4 && began.elapsed().as_secs() < 30 && child.try_wait().unwrap().is_none() {
            seen.extend(left::namespaces_of(&child.id().to_string()).difference(&host).cloned());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(seen.len() >= 2, "the child was killed before it had namespaces: {seen:?}");
        // The tool that was running ends by itself.
        let mut still = Vec::new();
        for _ in 0..100 {
            still = left::holders(&seen);
            if still.is_empty() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        assert_eq!(still, [] as [String; 0]);
    });
}

#[test]
fn random_rules() {
    rounds::play(&rounds::EACH, 280);
}

#[test]
fn zones_of_answers() {
    for (zone, found) in [("--zone 7", false), ("--zone-orig 7", true), ("--zone-reply 7", false)] {
        let raw = format!("*raw\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\n-A PREROUTING -i eth0 -j CT {zone}\nCOMMIT\n");
        let filter = "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n\
                      -A OUTPUT -m conntrack --ctstate INVALID\n-A FORWARD -m conntrack --ctstate NEW\nCOMMIT\n";
        let rules: &str = Box::leak(format!("{raw}{filter}").into_boxed_str());
        replies::check(rules, "eth0 tcp 203.0.113.7:4001 > 198.51.100.1:22", found);
        replies::check(rules, "eth0 udp 203.0.113.7:4002 > 10.9.0.77:53", found);
    }
}

#[test]
fn random_replies() {
    replies::play(100);
}

/// As many packets as asked for: `tests/probes` runs it.
#[test]
#[ignore = "it takes as long as one likes"]
fn probes() {
    rounds::play(&rounds::EACH, 280);
}
