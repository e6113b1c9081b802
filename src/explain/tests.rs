//! What outcomes come to, and the sentence for each of them, told from walks made by hand.

use super::fixture::{CNI_DN, INPUT, PREROUTING, nat, node, outcome, packet, socket, step, tcp, translating, walk};
use super::{Answer, AnswerVerdict, Cause, From, Target, judge, words};
use crate::host::xt::RejectWith;
use crate::host::{Hook, Host, Policy, Protocol, RuleId, Unread, What};
use crate::walk::{Assumed, Assumption, Condition, FateKind, Field, Op, Outcome, Reason, StepAt, Values, Verdict, Why};

fn eth0() -> From {
    From::Outside("eth0".to_owned())
}

fn ask(host: &Host, port: u16, socket: Option<usize>, outcomes: Vec<Outcome>) -> Answer {
    judge(host, &tcp(port, socket), eth0(), walk(packet(port), outcomes))
}

fn delivered(port: u16, socket: Option<usize>) -> Outcome {
    let mut outcome = outcome(FateKind::Delivered, "192.168.66.100", port, vec![]);
    outcome.fate.socket = socket;
    outcome
}

fn dropped_at_input(port: u16) -> Outcome {
    outcome(FateKind::Dropped, "192.168.66.100", port, vec![step(Hook::Input, INPUT, INPUT, 1, Verdict::Drop)])
}

fn from_net(op: Op, net: &str) -> Vec<Vec<Condition>> {
    vec![vec![Condition { field: Field::Src, op, values: vec![Values::Net(net.parse().expect("a prefix"))] }]]
}

#[track_caller]
fn says(host: &Host, answer: &Answer, verdict: AnswerVerdict, cause: Cause, sentence: &str) {
    assert_eq!((answer.verdict, answer.because.cause), (verdict, cause));
    assert_eq!(words::because(host, 0, answer, |_, _, _| String::new()), sentence);
}

#[test]
fn the_story_diverted_before_a_socket_is_looked_up() {
    let host = node();
    let outcomes = vec![outcome(FateKind::Forwarded, "10.42.0.2", 80, translating("10.42.0.2", 80))];
    let answer = ask(&host, 80, Some(0), outcomes);
    says(
        &host,
        &answer,
        AnswerVerdict::Diverted,
        Cause::Translated,
        "nginx (1103) never gets this packet. Rule 2 of nat PREROUTING sends tcp 80 and 443 for any local address \
         through CNI-HOSTPORT-DNAT to CNI-DN-b8f5, whose rule 3 turns it to 10.42.0.2:80 (svclb) before a socket is looked up.",
    );
    let places: Vec<StepAt> = answer.because.leads.iter().map(|step| step.at).collect();
    assert_eq!(
        places,
        [(PREROUTING, 1), (1, 0)].map(|(chain, index)| StepAt::Rule(RuleId { chain: nat(chain), index }))
    );
    let by = answer.because.by.map(|step| step.at);
    assert_eq!(by, Some(StepAt::Rule(RuleId { chain: nat(CNI_DN), index: 2 })));
}

#[test]
fn a_ghost_has_no_socket_to_miss_the_packet() {
    let host = node();
    let answer =
        ask(&host, 443, None, vec![outcome(FateKind::Forwarded, "10.42.0.2", 443, translating("10.42.0.2", 443))]);
    says(
        &host,
        &answer,
        AnswerVerdict::Diverted,
        Cause::Translated,
        "No socket listens on tcp 443 here. Rule 2 of nat PREROUTING sends tcp 80 and 443 for any local address \
         through CNI-HOSTPORT-DNAT to CNI-DN-b8f5, whose rule 3 turns it to 10.42.0.2:443 (svclb).",
    );
}

#[test]
fn a_translation_to_this_host_ends_at_another_socket() {
    let mut host = node();
    host.namespaces[0].sockets.push(socket(Protocol::TCP, "0.0.0.0", 8080, 77, "squid"));
    let mut outcome = outcome(FateKind::Delivered, "192.168.66.100", 8080, translating("192.168.66.100", 8080));
    outcome.fate.socket = Some(3);
    let answer = ask(&host, 80, Some(0), vec![outcome]);
    says(
        &host,
        &answer,
        AnswerVerdict::Diverted,
        Cause::Redirected,
        "nginx (1103) never gets this packet. Rule 2 of nat PREROUTING sends tcp 80 and 443 for any local address \
         through CNI-HOSTPORT-DNAT to CNI-DN-b8f5, whose rule 3 turns it to 192.168.66.100:8080 of this host, where squid (77) listens.",
    );
}

#[test]
fn a_translation_that_ends_at_the_same_socket_reaches_it() {
    let host = node();
    let mut outcome = outcome(FateKind::Delivered, "10.42.0.1", 80, translating("10.42.0.1", 80));
    outcome.fate.socket = Some(0);
    assert_eq!(ask(&host, 80, Some(0), vec![outcome]).verdict, AnswerVerdict::Reached);
}

#[test]
fn a_socket_gets_what_nothing_stops() {
    let host = node();
    let answer = ask(&host, 22, Some(1), vec![delivered(22, Some(1))]);
    let sentence = "sshd (812) gets this packet: no rule stands in its way.";
    assert_eq!(words::who(&host, 0, &answer.who), "sshd (812)");
    says(&host, &answer, AnswerVerdict::Reached, Cause::SocketListens, sentence);

    let mut accepted = delivered(22, Some(1));
    accepted.events.push(crate::walk::Event::Step(step(Hook::Input, INPUT, INPUT, 1, Verdict::Accept)));
    let answer = ask(&host, 22, Some(1), vec![accepted]);
    let sentence = "sshd (812) gets this packet: rule 1 of filter INPUT accepts it.";
    says(&host, &answer, AnswerVerdict::Reached, Cause::SocketListens, sentence);
}

#[test]
fn twins_are_one_answer_and_a_closer_fit_is_another() {
    let mut host = node();
    host.namespaces[0].sockets.push(socket(Protocol::TCP, "0.0.0.0", 22, 813, "sshd"));
    let sentence = "One of sshd (813) and sshd (812) gets this packet: no rule stands in its way.";
    let answer = ask(&host, 22, Some(1), vec![delivered(22, Some(3))]);
    says(&host, &answer, AnswerVerdict::Reached, Cause::SocketListens, sentence);
    // Sockets that the same processes hold are one answer.
    host.namespaces[0].sockets[3].processes = host.namespaces[0].sockets[1].processes.clone();
    let sentence = "sshd (812) gets this packet: no rule stands in its way.";
    let answer = ask(&host, 22, Some(1), vec![delivered(22, Some(3))]);
    says(&host, &answer, AnswerVerdict::Reached, Cause::SocketListens, sentence);

    host.namespaces[0].sockets.push(socket(Protocol::TCP, "192.168.66.100", 22, 99, "dropbear"));
    let answer = ask(&host, 22, Some(1), vec![delivered(22, Some(4))]);
    let sentence =
        "dropbear (99) gets this packet, not sshd (812): its socket, on 192.168.66.100:22, is the closer fit.";
    says(&host, &answer, AnswerVerdict::Diverted, Cause::AnotherSocket, sentence);
}

#[test]
fn nobody_listens() {
    let host = node();
    let sentence = "The packet arrives, and no socket listens on tcp 9: the kernel answers with a reset.";
    says(
        &host,
        &ask(&host, 9, None, vec![delivered(9, None)]),
        AnswerVerdict::Unanswered,
        Cause::NobodyListens,
        sentence,
    );

    let turned = outcome(FateKind::Delivered, "10.42.0.1", 9, translating("10.42.0.1", 9));
    let sentence = "nginx (1103) never gets this packet. Rule 2 of nat PREROUTING sends tcp 80 and 443 for any local \
                    address through CNI-HOSTPORT-DNAT to CNI-DN-b8f5, whose rule 3 turns it to 10.42.0.1:9, where no socket listens.";
    says(&host, &ask(&host, 80, Some(0), vec![turned]), AnswerVerdict::Unanswered, Cause::NobodyListens, sentence);
}

#[test]
fn unread_sockets_are_not_absent() {
    let mut host = node();
    host.namespaces[0].sockets.clear();
    host.namespaces[0].unread.push(Unread { what: What::Sockets, needs: "a snapshot".to_owned(), torn: false });
    let answer = ask(&host, 22, None, vec![delivered(22, None)]);
    let sentence = "No rule stands in its way; who listens on tcp 22 was not read.";
    says(&host, &answer, AnswerVerdict::Depends, Cause::Undecided, sentence);
}

#[test]
fn rules_and_policies_that_block() {
    let host = node();
    let sentence = "sshd (812) never gets this packet. Rule 1 of filter INPUT drops tcp 22.";
    let answer = ask(&host, 22, Some(1), vec![dropped_at_input(22)]);
    says(&host, &answer, AnswerVerdict::Blocked, Cause::DroppedByRule, sentence);

    let reject = step(Hook::Input, INPUT, INPUT, 1, Verdict::Reject(RejectWith::TcpReset));
    let answer = ask(&host, 22, Some(1), vec![outcome(FateKind::Rejected, "192.168.66.100", 22, vec![reject])]);
    let sentence = "sshd (812) never gets this packet. Rule 1 of filter INPUT rejects tcp 22 with tcp-reset.";
    says(&host, &answer, AnswerVerdict::Blocked, Cause::RejectedByRule, sentence);

    let mut end = step(Hook::Input, INPUT, INPUT, 1, Verdict::Policy(Policy::Drop));
    end.at = StepAt::End(INPUT);
    let answer = ask(&host, 22, Some(1), vec![outcome(FateKind::Dropped, "192.168.66.100", 22, vec![end.clone()])]);
    let sentence =
        "sshd (812) never gets this packet. No rule of filter INPUT lets it pass, and the policy there is drop.";
    says(&host, &answer, AnswerVerdict::Blocked, Cause::DroppedByPolicy, sentence);

    let mut steps = translating("10.42.0.2", 80);
    steps.push(end);
    let answer = ask(&host, 80, Some(0), vec![outcome(FateKind::Dropped, "10.42.0.2", 80, steps)]);
    let sentence = "nginx (1103) never gets this packet. Rule 2 of nat PREROUTING sends tcp 80 and 443 for any local \
                    address through CNI-HOSTPORT-DNAT to CNI-DN-b8f5, whose rule 3 turns it to 10.42.0.2:80; then no rule of filter INPUT lets it \
                    pass, and the policy there is drop.";
    says(&host, &answer, AnswerVerdict::Blocked, Cause::DroppedByPolicy, sentence);
}

#[test]
fn every_reason_of_the_kernel_has_its_sentence_and_its_sysctl() {
    let host = node();
    let expected = [
        (
            Reason::IpForward,
            "10.9.9.9 is not an address of this host, and packets that arrive by eth0 are not forwarded: \
                             net.ipv4.conf.eth0.forwarding = 0.",
        ),
        (
            Reason::RpFilter,
            "The way back to its source does not lead by eth0, and the kernel drops such packets: \
                            net.ipv4.conf.eth0.rp_filter = 1.",
        ),
        (
            Reason::RouteLocalnet,
            "The kernel lets no address of 127.0.0.0/8 in or out by eth0: \
                                 net.ipv4.conf.eth0.route_localnet = 0.",
        ),
        (
            Reason::LocalSource,
            "Its source is an address of this host, which nobody else may use: \
                               net.ipv4.conf.eth0.accept_local = 0.",
        ),
        (Reason::ImpossibleSource, "No packet can have its source address."),
        (Reason::ImpossibleDestination, "10.9.9.9 cannot be asked from outside by eth0."),
        (Reason::Ttl, "Its time to live is over before it can be forwarded."),
        (Reason::Hairpin, "It would leave by the bridge port it came in by, whose hairpin mode is off."),
        (Reason::NoRoute, "No route leads to 10.9.9.9."),
        (Reason::Blackhole, "The route to 10.9.9.9 is a blackhole: the packet is dropped in silence."),
        (Reason::Unreachable, "The route to 10.9.9.9 says unreachable."),
        (Reason::Prohibit, "The route to 10.9.9.9 says prohibit."),
        (Reason::Broadcast, "10.9.9.9 is a broadcast or multicast address, and no socket takes it."),
        (
            Reason::Private,
            "10.9.9.9 is another ipvlan's on the same device, and these are private: they do not talk to each other.",
        ),
        (Reason::OfOthers, "Its frame is addressed to somebody else, and this host is not shown it."),
        (
            Reason::OfSocket,
            "TPROXY gives it to a socket here, but 10.9.9.9 is not routed to this host, \
                               and such a packet is not forwarded.",
        ),
    ];
    for (reason, sentence) in expected {
        let mut outcome = outcome(FateKind::Martian, "10.9.9.9", 9, vec![]);
        outcome.fate.reason = Some(reason);
        says(&host, &ask(&host, 9, None, vec![outcome]), AnswerVerdict::Blocked, Cause::Kernel(reason), sentence);
    }
}

#[test]
fn the_greater_rp_filter_is_the_one_that_is_told() {
    let mut host = node();
    let all = crate::host::DeviceSysctls { rp_filter: Some(2), ..Default::default() };
    host.namespaces[0].sysctls.ip.insert("all".to_owned(), all);
    let mut outcome = outcome(FateKind::Martian, "10.9.9.9", 9, vec![]);
    outcome.fate.reason = Some(Reason::RpFilter);
    let answer = ask(&host, 9, None, vec![outcome]);
    let sentence =
        "No way leads back to its source, and the kernel drops such packets: net.ipv4.conf.all.rp_filter = 2.";
    assert_eq!(words::because(&host, 0, &answer, |_, _, _| String::new()), sentence);
}

#[test]
fn what_is_not_for_this_host_is_routed_on() {
    let host = node();
    let answer = ask(&host, 9, None, vec![outcome(FateKind::Forwarded, "10.42.0.2", 9, vec![])]);
    let sentence = "10.42.0.2 is not an address of this host: the packet is forwarded, out by cni0.";
    says(&host, &answer, AnswerVerdict::Reached, Cause::NotHere, sentence);
    assert_eq!(words::who(&host, 0, &answer.who), "10.42.0.2:9 (svclb)");
}

#[test]
fn no_socket_here_is_meant_by_the_address_of_another_host() {
    let host = node();
    let mut query = packet(22);
    query.set_address(Field::Dst, "10.42.0.2".parse().expect("an address"));
    let walk = walk(query, vec![outcome(FateKind::Forwarded, "10.42.0.2", 22, vec![])]);
    let target = Target { addr: Some("10.42.0.2".parse().expect("an address")), ..tcp(22, Some(1)) };
    let answer = judge(&host, &target, eth0(), walk);
    let sentence = "10.42.0.2 is not an address of this host: the packet is forwarded, out by cni0.";
    says(&host, &answer, AnswerVerdict::Reached, Cause::NotHere, sentence);
    assert_eq!(answer.because.holder, None);
}

#[test]
fn queues_and_targets_that_nobody_understands() {
    let host = node();
    let queue = step(Hook::Input, INPUT, INPUT, 1, Verdict::Queue);
    let answer = ask(&host, 22, Some(1), vec![outcome(FateKind::Queued, "192.168.66.100", 22, vec![queue])]);
    let sentence =
        "Rule 1 of filter INPUT hands tcp 22 to a program through a queue, which decides whether it goes on.";
    says(&host, &answer, AnswerVerdict::Depends, Cause::Queued, sentence);

    let unknown = step(Hook::Input, INPUT, INPUT, 1, Verdict::Unknown);
    let answer = ask(&host, 22, Some(1), vec![outcome(FateKind::Unknown, "192.168.66.100", 22, vec![unknown])]);
    let sentence = "Rule 1 of filter INPUT has a target that whyport does not understand.";
    says(&host, &answer, AnswerVerdict::Depends, Cause::Undecided, sentence);
}

#[test]
fn the_kernel_answers_echo_requests_itself() {
    let host = node();
    let mut walk = walk(packet(0), vec![delivered(0, None)]);
    walk.query.protocol = Protocol::ICMP;
    let target = Target { protocol: Protocol::ICMP, addr: None, port: None, socket: None };
    let answer = judge(&host, &target, eth0(), walk);
    let sentence = "The kernel itself answers echo requests, and no rule stands in the way.";
    says(&host, &answer, AnswerVerdict::Reached, Cause::KernelAnswers, sentence);
}

#[test]
fn outcomes_that_disagree_are_told_case_by_case() {
    let host = node();
    let mut inside = delivered(22, Some(1));
    inside.when = from_net(Op::In, "172.16.0.0/12");
    let mut others = dropped_at_input(22);
    others.when = from_net(Op::NotIn, "172.16.0.0/12");
    let answer = ask(&host, 22, Some(1), vec![others, inside]);
    let sentence = "It depends: if src in 172.16.0.0/12, sshd (812) gets the packet; else rule 1 of filter INPUT drops \
                    tcp 22.";
    says(&host, &answer, AnswerVerdict::Depends, Cause::OutcomesDiffer, sentence);
}

#[test]
fn sources_that_cannot_come_from_there_do_not_count() {
    let host = node();
    let mut pods = dropped_at_input(22);
    pods.when = from_net(Op::In, "10.42.0.0/24");
    let mut others = delivered(22, Some(1));
    others.when = from_net(Op::NotIn, "10.42.0.0/24");
    let mut refused = outcome(FateKind::Martian, "192.168.66.100", 22, vec![]);
    refused.fate.reason = Some(Reason::LocalSource);
    let outcomes = vec![others, pods, refused];
    assert_eq!(ask(&host, 22, Some(1), outcomes.clone()).verdict, AnswerVerdict::Reached);

    let bridge = From::Bridge("cni0".to_owned());
    let answer = judge(&host, &tcp(22, Some(1)), bridge, walk(packet(22), outcomes.clone()));
    assert_eq!(answer.verdict, AnswerVerdict::Blocked);

    // What is left when nothing else is: all of it counts.
    let answer = ask(&host, 22, Some(1), outcomes[1..].to_vec());
    assert_eq!(answer.verdict, AnswerVerdict::Blocked);
}

#[test]
fn a_way_that_was_not_followed_leaves_the_answer_open() {
    let host = node();
    let mut walk = walk(packet(22), vec![delivered(22, Some(1))]);
    walk.unexplored = 3;
    let answer = judge(&host, &tcp(22, Some(1)), eth0(), walk);
    assert_eq!(answer.verdict, AnswerVerdict::Depends);
    assert!(
        words::because(&host, 0, &answer, |_, _, _| String::new()).ends_with("3 ways were not followed to their end.")
    );
}

#[test]
fn chance_among_addresses_is_diverted_to_one_of_them() {
    let host = node();
    let rule = RuleId { chain: nat(CNI_DN), index: 0 };
    let to = |addr: &str, holds: bool, number: u32| {
        let mut steps = translating(addr, 8000);
        steps[2].at = StepAt::Rule(RuleId { chain: nat(CNI_DN), index: number - 1 });
        let mut one = outcome(FateKind::Forwarded, addr, 8000, steps);
        one.assumed =
            vec![Assumption { namespace: 0, what: Assumed::Match { rule, index: 0 }, holds, why: Why::Random }];
        one
    };
    let answer = ask(&host, 443, None, vec![to("10.42.0.7", true, 1), to("10.42.0.8", false, 2)]);
    let sentence = "No socket listens on tcp 443 here. Rule 2 of nat PREROUTING sends tcp 80 and 443 for any local \
                    address through CNI-HOSTPORT-DNAT to CNI-DN-b8f5, which turns it to 10.42.0.7:8000 or 10.42.0.8:8000 (by chance).";
    says(&host, &answer, AnswerVerdict::Diverted, Cause::Translated, sentence);
    assert_eq!(words::who(&host, 0, &answer.who), "10.42.0.7:8000 or 10.42.0.8:8000");
}

#[test]
fn where_nobody_answers_it_matters_not_for_the_whole_what_it_is_that_keeps_it_from_them() {
    let host = node();
    let blocked = ask(&host, 6001, None, vec![dropped_at_input(6001)]);
    let unanswered = ask(&host, 6001, None, vec![delivered(6001, None)]);
    let reached = ask(&host, 22, Some(2), vec![delivered(22, Some(2))]);
    let overall = |answers: &[&Answer]| super::finding::overall(&answers.iter().copied().cloned().collect::<Vec<_>>());
    assert_eq!((blocked.verdict, unanswered.verdict), (AnswerVerdict::Blocked, AnswerVerdict::Unanswered));
    assert_eq!(overall(&[&unanswered, &blocked]), AnswerVerdict::Blocked);
    assert_eq!(overall(&[&unanswered, &unanswered]), AnswerVerdict::Unanswered);
    assert_eq!(overall(&[&unanswered, &reached]), AnswerVerdict::Depends);
}

#[test]
fn what_decides_is_known_of_each_outcome_where_it_depends() {
    let host = node();
    let diverted = outcome(FateKind::Forwarded, "10.42.0.2", 80, translating("10.42.0.2", 80));
    let (here, there) = (from_net(Op::In, "10.0.0.0/8"), from_net(Op::NotIn, "10.0.0.0/8"));
    let outcomes = vec![Outcome { when: there, ..diverted }, Outcome { when: here, ..delivered(80, Some(0)) }];
    let answer = ask(&host, 80, Some(0), outcomes);
    assert_eq!((answer.verdict, &answer.because.by), (AnswerVerdict::Depends, &None));
    let rule = RuleId { chain: nat(CNI_DN), index: 2 };
    assert_eq!(super::deciders(&host, &answer), [(0, StepAt::Rule(rule))]);
}
