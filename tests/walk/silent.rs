//! Why nobody answers although no rule stands in the way: who listens elsewhere, devices by which nothing comes, answers that
//! leave by another device, sources that have no way back, and a kernel that is told to be silent.

use whyport::explain::{self, AnswerVerdict, From, Target, words};
use whyport::host::{Host, IpFamily, Protocol, Socket};
use whyport::walk::{Field, Walker};

use crate::FILTER;

fn node() -> Host {
    crate::way::host(&format!("{FILTER}COMMIT\n"))
}

/// What is said of a port that is asked from outside by eth0, from this address or any.
fn said(host: &Host, protocol: Protocol, port: Option<u16>, src: Option<&str>) -> (AnswerVerdict, String) {
    let target = Target { protocol, addr: None, port, socket: None };
    let from = From::Outside("eth0".into());
    let mut query = explain::queries(host, 0, &target, &from, IpFamily::V4).remove(0);
    if let Some(src) = src {
        query.set_address(Field::Src, src.parse().unwrap());
    }
    let walker = Walker::new(host, 0);
    let walk = walker.walk(&query);
    let replies = explain::replies(&query, &walk, &walker);
    let answer = explain::Answer { replies, ..explain::judge(host, &target, from, walk) };
    (answer.verdict, words::because(host, 0, &answer, whyport::syntax::part_text))
}

fn listening(host: &mut Host, addr: &str, port: u16, device: Option<&str>) {
    let socket = Socket {
        addr: addr.parse().unwrap(),
        port,
        device: device.map(str::to_owned),
        ..host.namespaces[0].sockets[0].clone()
    };
    host.namespaces[0].sockets.push(socket);
}

#[test]
fn who_listens_elsewhere_is_named() {
    let mut host = node();
    listening(&mut host, "127.0.0.1", 8443, None);
    listening(&mut host, "0.0.0.0", 8444, Some("br0"));
    let (verdict, text) = said(&host, Protocol::TCP, Some(8443), None);
    assert_eq!(verdict, AnswerVerdict::Unanswered);
    assert!(text.contains(" listens on 127.0.0.1:8443 only."), "{text}");
    let (_, text) = said(&host, Protocol::TCP, Some(8444), None);
    assert!(text.contains(" listens on 0.0.0.0:8444 of br0 only."), "{text}");
    let (_, text) = said(&host, Protocol::TCP, Some(8445), None);
    assert_eq!(text, "The packet arrives, and no socket listens on tcp 8445: the kernel answers with a reset.");
}

#[test]
fn a_device_by_which_nothing_comes_is_named() {
    let mut host = node();
    let (_, alive) = said(&host, Protocol::TCP, Some(22), None);
    host.namespaces[0].links[1].carrier = false;
    let (_, text) = said(&host, Protocol::TCP, Some(22), None);
    assert_eq!(text, format!("{alive} eth0 has no carrier: nothing comes in by it now."));
    host.namespaces[0].links[1].up = false;
    let (_, text) = said(&host, Protocol::TCP, Some(22), None);
    assert_eq!(text, format!("{alive} eth0 is down: nothing comes in by it."));
}

#[test]
fn an_answer_by_another_device_is_told() {
    let (_, text) = said(&node(), Protocol::TCP, Some(22), Some("10.0.0.9"));
    assert!(
        text.ends_with(" The answer takes another way: it leaves by br0, and not by eth0, where it was asked."),
        "{text}"
    );
    let (_, text) = said(&node(), Protocol::TCP, Some(22), Some("198.51.100.9"));
    assert!(!text.contains("answer"), "{text}");
}

#[test]
fn reverse_path_filtering_counts_where_it_refuses_most() {
    let mut host = node();
    host.namespaces[0].sysctls.ip.entry("eth0".to_owned()).or_default().rp_filter = Some(1);
    let (verdict, _) = said(&host, Protocol::TCP, Some(22), None);
    assert_eq!(verdict, AnswerVerdict::Reached, "it refuses the networks of other devices alone");
    let is_default = |route: &whyport::host::Route| route.table == 254 && route.dst.prefix_len() == 0;
    host.namespaces[0].routes.iter_mut().filter(|route| is_default(route)).for_each(|route| {
        route.next_hops[0].link = 3;
    });
    let (verdict, text) = said(&host, Protocol::TCP, Some(22), None);
    assert_eq!(verdict, AnswerVerdict::Depends);
    assert!(text.contains("net.ipv4.conf.eth0.rp_filter = 1"), "{text}");
}

#[test]
fn the_kernel_is_silent_where_it_is_told_to_be() {
    let mut host = node();
    assert_eq!(said(&host, Protocol::ICMP, None, None).0, AnswerVerdict::Reached);
    host.namespaces[0].sysctls.icmp_echo_ignore_all = Some(true);
    let (verdict, text) = said(&host, Protocol::ICMP, None, None);
    assert_eq!(verdict, AnswerVerdict::Unanswered);
    assert_eq!(text, "The kernel does not answer such echo requests: net.ipv4.icmp_echo_ignore_all = 1.");
}

#[test]
fn a_connected_socket_gets_what_its_peer_sends() {
    let mut host = node();
    let peer = Some(("198.51.100.7".parse().unwrap(), 6000));
    let socket = Socket { protocol: Protocol::UDP, port: 5000, peer, ..host.namespaces[0].sockets[0].clone() };
    host.namespaces[0].sockets.push(socket);
    let (verdict, text) = said(&host, Protocol::UDP, Some(5000), None);
    assert_eq!(verdict, AnswerVerdict::Depends);
    assert!(
        text.starts_with("It depends: it arrives where no socket listens, but if src is 198.51.100.7 and sport"),
        "{text}"
    );
    assert_eq!(said(&host, Protocol::UDP, Some(5000), Some("198.51.100.8")).0, AnswerVerdict::Unanswered);
}

#[test]
fn nobody_is_told_that_no_socket_gets_what_is_sent_to_many() {
    let host = node();
    let addr = Some("192.168.1.255".parse().unwrap());
    let target = Target { protocol: Protocol::UDP, addr, port: Some(67), socket: None };
    let from = From::Outside("eth0".into());
    let query = explain::queries(&host, 0, &target, &from, IpFamily::V4).remove(0);
    let walk = Walker::new(&host, 0).walk(&query);
    let text = words::because(&host, 0, &explain::judge(&host, &target, from, walk), whyport::syntax::part_text);
    assert!(text.ends_with("what is sent to many is dropped without a word."), "{text}");
}
