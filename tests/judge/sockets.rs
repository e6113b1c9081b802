//! Which of several sockets hears a packet: whoever has something to read or to accept afterwards, and whom whyport named.
//!
//! Sockets and packets are lines of text. Knows no rules: those of these tests are in the kernel's tables of sockets.

use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd as _;

use socket2::Socket;
use whyport::walk;

use crate::case::{Node, TWO_LEGS};
use crate::live;
use crate::packet::Packet;
use crate::walked;
use crate::world::{apart, bound};

const OUTSIDE: &str = "203.0.113.7:4001";

/// The inode of a socket, by which listings know it.
fn inode(socket: &Socket) -> u64 {
    let link = fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap();
    link.to_str().and_then(|link| link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()).unwrap()
}

/// Whether something is there for a socket. It is taken away.
fn has_heard(socket: &Socket) -> bool {
    socket.accept().is_ok() || socket.recv(&mut [MaybeUninit::uninit(); 64]).is_ok()
}

/// Each packet is heard by the socket whose line stands behind it, or by none, in a node with these sockets, one a line.
fn hears(sockets: &'static str, packets: &'static [(&'static str, &'static str)]) {
    apart(move || {
        let mut node = Node::build(&TWO_LEGS, "", &[]);
        let open = |line: &'static str| {
            let socket = bound(line.trim());
            socket.set_nonblocking(true).unwrap();
            (line.trim(), socket)
        };
        let sockets: Vec<(&str, Socket)> = sockets.lines().map(open).collect();
        let host = live::as_told();
        for (line, expected) in packets {
            let packet = Packet::read(&line.replace("outside", OUTSIDE));
            let sent = node.greet(&packet).unwrap();
            let heard = sockets.iter().filter(|(_, socket)| has_heard(socket)).map(|(line, _)| *line);
            assert_eq!(heard.collect::<Vec<_>>().join(", "), *expected, "the kernel, of {line}");
            let walk = walk::walk(&host, &walked::query(&host, &packet, sent.port, node.mac(&packet)));
            let [one] = &walk.outcomes[..] else { panic!("{line}: {:#?}", walk.outcomes) };
            assert!(one.is_certain(), "{line}: {:?}", one.assumed);
            let named = one.fate.socket.map_or(0, |at| host.viewed().sockets[at].inode);
            let named = sockets.iter().filter(|(_, socket)| inode(socket) == named).map(|(line, _)| *line);
            assert_eq!(named.collect::<Vec<_>>().join(", "), *expected, "whyport, of {line}");
        }
    });
}

#[test]
fn a_specific_address_is_before_all_addresses() {
    hears(
        "tcp 0.0.0.0:700\ntcp 198.51.100.1:701\nudp 0.0.0.0:700\nudp 198.51.100.1:700\nudp 127.0.0.1:700",
        &[
            ("eth0 udp outside > 198.51.100.1:700", "udp 198.51.100.1:700"),
            ("eth1 udp outside > 198.51.100.1:700", "udp 198.51.100.1:700"),
            ("eth0 udp outside > 198.51.100.9:700", "udp 0.0.0.0:700"),
            ("local udp 198.51.100.1:700", "udp 198.51.100.1:700"),
            ("local udp 127.0.0.1:700", "udp 127.0.0.1:700"),
            ("local udp 127.0.0.53:700", "udp 0.0.0.0:700"),
            ("eth0 udp outside > 198.51.100.1:701", ""),
            ("eth0 tcp outside > 198.51.100.1:700", "tcp 0.0.0.0:700"),
            ("eth0 tcp outside > 198.51.100.1:701", "tcp 198.51.100.1:701"),
            ("eth0 tcp outside > 198.51.100.9:701", ""),
            ("local tcp 127.0.0.53:700", "tcp 0.0.0.0:700"),
            ("local tcp 198.51.100.1:701", "tcp 198.51.100.1:701"),
        ],
    );
}

#[test]
fn a_socket_of_ipv6_hears_ipv4_unless_it_refuses() {
    hears(
        "udp [::]:700 dual\nudp [::]:701\ntcp [::]:700 dual\ntcp [::]:701\nudp [::]:702\nudp 0.0.0.0:702",
        &[
            ("eth0 udp outside > 198.51.100.1:700", "udp [::]:700 dual"),
            ("eth0 udp outside > 198.51.100.1:701", ""),
            ("eth0 udp outside > 198.51.100.1:702", "udp 0.0.0.0:702"),
            ("eth0 udp [2001:db8:7::7]:4001 > [2001:db8:1::1]:700", "udp [::]:700 dual"),
            ("eth0 udp [2001:db8:7::7]:4001 > [2001:db8:1::1]:702", "udp [::]:702"),
            ("eth0 tcp outside > 198.51.100.1:700", "tcp [::]:700 dual"),
            ("eth0 tcp outside > 198.51.100.1:701", ""),
            ("local tcp 127.0.0.53:700", "tcp [::]:700 dual"),
            ("local tcp [::1]:701", "tcp [::]:701"),
        ],
    );
}

#[test]
fn a_socket_of_a_device_hears_that_device_alone() {
    hears(
        "udp 0.0.0.0:700 on eth0\nudp 0.0.0.0:700\nudp 198.51.100.1:701\nudp 0.0.0.0:701 on eth0\nudp 0.0.0.0:702 on eth1\n\
         tcp 0.0.0.0:700 on eth0\ntcp 198.51.100.1:701 shared\ntcp 0.0.0.0:701 on eth0 shared",
        &[
            ("eth0 udp outside > 198.51.100.1:700", "udp 0.0.0.0:700 on eth0"),
            ("eth1 udp outside > 198.51.100.1:700", "udp 0.0.0.0:700"),
            ("eth0 udp outside > 198.51.100.1:702", ""),
            ("eth0 tcp outside > 198.51.100.1:700", "tcp 0.0.0.0:700 on eth0"),
            ("eth1 tcp outside > 198.51.100.1:700", ""),
            ("eth0 udp outside > 198.51.100.1:701", "udp 198.51.100.1:701"),
            ("eth0 tcp outside > 198.51.100.1:701", "tcp 198.51.100.1:701 shared"),
        ],
    );
}

/// Which of a group it is nobody can tell: all of its lines are the same here.
#[test]
fn one_of_a_shared_port_hears() {
    hears(
        "udp 0.0.0.0:700 shared\nudp 0.0.0.0:700 shared\nudp 198.51.100.1:700\ntcp [::]:700 dual shared\ntcp [::]:700 dual shared",
        &[
            ("eth0 udp outside > 198.51.100.9:700", "udp 0.0.0.0:700 shared"),
            ("eth0 udp outside > 198.51.100.1:700", "udp 198.51.100.1:700"),
            ("eth0 tcp outside > 198.51.100.1:700", "tcp [::]:700 dual shared"),
            ("local tcp 127.0.0.53:700", "tcp [::]:700 dual shared"),
        ],
    );
}

#[test]
fn of_sockets_that_allow_each_other_the_newest_hears() {
    hears(
        "udp 0.0.0.0:700 older\nudp 0.0.0.0:700 newer\nudp 198.51.100.1:701 older\nudp 198.51.100.1:701 newer\nudp [::]:702 dual older\n\
         udp [::]:702 dual newer",
        &[
            ("eth0 udp outside > 198.51.100.1:700", "udp 0.0.0.0:700 newer"),
            ("eth0 udp outside > 198.51.100.1:701", "udp 198.51.100.1:701 newer"),
            ("eth0 udp outside > 198.51.100.1:702", "udp [::]:702 dual newer"),
            ("eth0 udp [2001:db8:7::7]:4001 > [2001:db8:1::1]:702", "udp [::]:702 dual newer"),
        ],
    );
}
