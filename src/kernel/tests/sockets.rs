//! sock_diag and `/proc/net` against ss(8), and against each other.

use std::fs;
use std::net::{IpAddr, SocketAddr};

use socket2::{Domain, Protocol as Proto, Socket as Opened, Type};

use super::super::loaded::Loaded;
use super::super::netlink::Answers;
use super::super::{Common, sockets, surroundings};
use super::namespaces::drop_rights;
use super::{Folder, apart, ip, parsed, places, printed, run, told};
use crate::host::{Namespace, Process, Protocol, Socket, Unread, What};

/// Protocol, address, v6only, device, peer.
type Plan = (u8, &'static str, bool, Option<&'static str>, Option<&'static str>);

const SOCKETS: [Plan; 14] = [
    (6, "0.0.0.0:80", false, None, None),
    (6, "127.0.0.1:81", false, None, None),
    (6, "[::]:82", false, None, None),
    (6, "[::]:83", true, None, None),
    (6, "[::1]:84", false, None, None),
    (6, "0.0.0.0:85", false, Some("lo"), None),
    (6, "[fe80::1]:86", true, Some("v0"), None),
    (17, "0.0.0.0:53", false, None, None),
    (17, "[::]:54", true, None, None),
    (17, "[::]:55", false, Some("v0"), None),
    (17, "127.0.0.1:56", false, None, Some("127.0.0.1:5353")),
    (17, "[::1]:57", true, None, Some("[::1]:5353")),
    (136, "0.0.0.0:58", false, None, None),
    (136, "[::1]:59", true, None, None),
];

/// Opens them in the namespace of this thread.
fn open() -> Vec<Opened> {
    ip("link set lo up\nlink add v0 type veth peer name v1\nlink set v0 up\nlink set v1 up\n\
        addr add fe80::1/64 dev v0 nodad\n");
    let mut opened: Vec<Opened> = SOCKETS
        .iter()
        .map(|(protocol, addr, v6only, device, peer)| {
            let addr: SocketAddr = addr.parse().unwrap();
            let kind = if *protocol == 6 { Type::STREAM } else { Type::DGRAM };
            let proto = Some(Proto::from(i32::from(*protocol)));
            let socket = Opened::new(Domain::for_address(addr), kind, proto).unwrap();
            if addr.is_ipv6() {
                socket.set_only_v6(*v6only).unwrap();
            }
            socket.bind_device(device.map(str::as_bytes)).unwrap();
            socket.bind(&addr.into()).unwrap();
            if let Some(peer) = peer {
                socket.connect(&peer.parse::<SocketAddr>().unwrap().into()).unwrap();
            }
            if *protocol == 6 {
                socket.listen(8).unwrap();
            }
            socket
        })
        .collect();
    opened[0].set_ip_transparent_v4(true).unwrap();
    // A connection is no listener; neither is a socket without a port.
    let connection = Opened::new(Domain::IPV4, Type::STREAM, None).unwrap();
    connection.connect(&"127.0.0.1:80".parse::<SocketAddr>().unwrap().into()).unwrap();
    opened.push(connection);
    opened.push(Opened::new(Domain::IPV4, Type::DGRAM, None).unwrap());
    opened.push(Opened::new(Domain::IPV4, Type::RAW, Some(Proto::ICMPV4)).unwrap());
    opened.push(Opened::new(Domain::IPV6, Type::RAW, Some(Proto::from(89))).unwrap());
    opened
}

/// Of the processes only this one: what another test starts holds everything that is open here, until it becomes a tool.
fn ours(mut sockets: Vec<Socket>) -> Vec<Socket> {
    sockets.iter_mut().for_each(|socket| socket.processes.retain(|process| process.pid == std::process::id()));
    sockets
}

/// In an order that does not depend on the kernel's.
fn sorted(mut sockets: Vec<Socket>) -> Vec<Socket> {
    sockets.sort_by_key(|socket| (socket.protocol, socket.inode));
    sockets
}

#[test]
fn sockets_are_those_that_ss_lists() {
    apart(|| {
        let _open = open();
        let (told, printed) = (ours(told().sockets), ours(printed().sockets));
        // `ss -l` leaves out connected ones, and needs options of their own for raw ones.
        let mut listed: Vec<Socket> = told
            .iter()
            .filter(|socket| socket.peer.is_none() && matches!(socket.protocol, Protocol::TCP | Protocol::UDP))
            .cloned()
            .collect();
        // ss does not say transparent.
        assert_eq!(listed.iter().filter(|socket| socket.transparent == Some(true)).count(), 1);
        listed.iter_mut().for_each(|socket| socket.transparent = None);
        assert_eq!(listed, printed);
        let own =
            Process { pid: std::process::id(), name: fs::read_to_string("/proc/self/comm").unwrap().trim().into() };
        assert!(told.iter().all(|socket| socket.processes == [own.clone()]), "{told:#?}");
    });
}

#[test]
fn connected_and_raw_sockets_are_those_that_ss_lists() {
    apart(|| {
        let _open = open();
        let mut told = told().sockets;
        told.retain(|socket| socket.protocol != Protocol::UDPLITE);
        told.iter_mut().for_each(|socket| socket.transparent = None);
        let text = run(&["ss", "-H", "-tuwapne"], "");
        let text = format!("# whyport snapshot 1\n[namespace here]\n[ss -H -tuwapne]\n{text}\n[end]\n");
        let mut printed = parsed(&text).sockets;
        assert_eq!(printed.iter().filter(|socket| socket.peer.is_some()).count(), 2);
        // Without raw_diag ss does not say more of raw sockets, and takes `::` for both families.
        for socket in printed.iter_mut().chain(&mut told).filter(|socket| !socket.protocol.has_ports()) {
            (socket.v6only, socket.inode, socket.uid) = (None, 0, None);
        }
        assert_eq!(sorted(ours(told)), sorted(ours(printed)));
    });
}

#[test]
fn an_ordinary_user_reads_all_but_the_processes_of_others() {
    apart(|| {
        ip("link set lo up\n");
        let socket = Opened::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&"127.0.0.1:80".parse::<SocketAddr>().unwrap().into()).unwrap();
        socket.listen(1).unwrap();
        // Only a child holds it.
        let keeper = std::process::Command::new("sleep").arg("60").stdin(std::os::fd::OwnedFd::from(socket)).spawn();
        let mut keeper = keeper.unwrap();
        let whole = told();
        // A thread of its own, so that this one can still end the child.
        let look = || {
            drop_rights();
            let mut seen = Namespace::default();
            surroundings(&places(), &Common::read(&places(), Answers::default()), &mut seen);
            seen
        };
        let seen = std::thread::scope(|scope| scope.spawn(look).join());
        keeper.kill().unwrap();
        keeper.wait().unwrap();
        let mut seen = seen.unwrap();
        let needs = "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH".to_owned();
        assert_eq!(seen.unread, [Unread { what: What::Processes, needs, torn: false }]);
        assert_eq!(whole.sockets[0].processes, [Process { pid: keeper.id(), name: "sleep".into() }]);
        assert_eq!(seen.sockets[0], Socket { processes: Vec::new(), ..whole.sockets[0].clone() });
        let program = &whole.programs[&keeper.id()];
        assert_eq!((program.command.as_str(), program.uid), ("sleep 60", Some(0)));
        assert!(program.user.as_deref() == Some("root") && program.cgroup.is_some(), "{program:?}");
        assert!(seen.programs.is_empty());
        seen.programs = whole.programs.clone();
        (seen.unread, seen.sockets, seen.ids) = (Vec::new(), whole.sockets.clone(), whole.ids.clone());
        assert_eq!(seen, whole);
    });
}

#[test]
fn the_files_tell_the_same_as_sock_diag() {
    apart(|| {
        let _open = open();
        let links = told().links;
        // A made-up system without modules has nothing loaded but what its files tell.
        let folder = Folder::with(&[("modules", ""), ("sys/kernel/osrelease", "0\n"), ("kallsyms", "")]);
        let nothing = Loaded::read(folder.path(), folder.path());
        assert!(!nothing.has("tcp_diag"));
        let files = sockets::read(places().proc, &nothing, &Answers::default(), &links).unwrap();
        let all = Loaded::read(places().proc, places().modules);
        let mut asked = sockets::read(places().proc, &all, &Answers::default(), &links).unwrap();
        for socket in &mut asked {
            (socket.v6only, socket.device, socket.transparent) = (None, None, None);
        }
        assert_eq!(asked.len(), SOCKETS.len() + 2);
        assert_eq!(sorted(files), sorted(asked));
    });
}

#[test]
fn files_are_read_as_the_kernel_writes_them() {
    let line =
        "   0: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 4711 2 0 0\n";
    let sixth = "   1: 0000000000000000FFFF00000100007F:1F90 00000000000000000000000000000000:0000 0A \
                 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0 100 0 0 10 0\n";
    let eps = " ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS\n\
               0 0 2   10  29   11111  1000 4713 127.0.0.1 2001:db8::1 \n0 0 2   7  29   11112  1000 4714 127.0.0.1 \n";
    let folder = Folder::with(&[
        ("thread-self/net/udp", &format!("  sl  local_address …\n{line}damaged\n 1: 2:3 4:5\n")),
        ("thread-self/net/tcp6", &format!("  sl  local_address …\n{sixth}")),
        ("thread-self/net/sctp/eps", eps),
        ("sys/kernel/osrelease", "0\n"),
        ("modules", ""),
    ]);
    let nothing = Loaded::read(folder.path(), folder.path());
    let found = sockets::read(folder.path(), &nothing, &Answers::default(), &[]).unwrap();
    let short: Vec<(u8, IpAddr, u16, u64, Option<u32>)> = found
        .into_iter()
        .map(|socket| (socket.protocol.0, socket.addr, socket.port, socket.inode, socket.uid))
        .collect();
    let addr = |text: &str| text.parse::<IpAddr>().unwrap();
    let expected = [
        (17, addr("127.0.0.1"), 53, 4711, Some(101)),
        (6, addr("::ffff:127.0.0.1"), 8080, 4712, Some(1000)),
        (132, addr("127.0.0.1"), 11111, 4713, Some(1000)),
        (132, addr("2001:db8::1"), 11111, 4713, Some(1000)),
    ];
    if cfg!(target_endian = "little") {
        assert_eq!(short, expected);
    }
}
