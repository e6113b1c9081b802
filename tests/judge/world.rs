//! Network namespaces that nobody else sees: the node, which is looked at, and the outside, which sends to it.
//!
//! Both are anonymous. Nothing but descriptors of this process holds them, so that they are gone when it ends, however it
//! ends. The outside answers nothing: its devices have no addresses, it only sends what is made by hand, with any source,
//! and so nothing happens in the node that was not asked for.

use std::fs;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sched::{CloneFlags, CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity, setns, unshare};
use nix::unistd::{Pid, setfsuid};
use socket2::{Domain, Protocol as Proto, Socket, Type};

use crate::packet::{Mark, Packet, Protocol, payload, whole_icmp};

/// Runs a test on a thread of its own: a thread that has been in another namespace is not used again.
pub fn apart(test: impl FnOnce() + Send + 'static) {
    needs();
    let thread = std::thread::Builder::new().name(std::thread::current().name().unwrap_or("judge").to_owned());
    if let Err(panic) = thread.spawn(test).expect("a thread").join() {
        std::panic::resume_unwind(panic);
    }
}

/// The same by several threads at once, each of which does everything.
pub fn apart_all(threads: u64, work: impl Fn() + Clone + Send + 'static) {
    needs();
    let threads: Vec<_> = (0..threads).map(|_| std::thread::spawn(work.clone())).collect();
    for thread in threads {
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

/// Fails, saying what is missing, where the kernel cannot be asked.
fn needs() {
    const TOOLS: [(&str, &str); 10] = [
        ("nft", "nftables"),
        ("iptables-restore", "iptables"),
        ("ip6tables-restore", "iptables"),
        ("iptables-legacy-restore", "iptables"),
        ("ip6tables-legacy-restore", "iptables"),
        ("iptables-legacy-save", "iptables"),
        ("iptables-nft-save", "iptables"),
        ("ip", "iproute2"),
        ("bridge", "iproute2"),
        ("ss", "iproute2"),
    ];
    assert!(nix::unistd::geteuid().is_root(), "the kernel is asked as root: run these tests as root");
    for (tool, package) in TOOLS {
        let found = path().split(':').any(|folder| fs::metadata(format!("{folder}/{tool}")).is_ok());
        assert!(found, "{tool} is not installed: it comes with the package {package}");
    }
}

/// Where tools are looked for: those of an administrator are not in everybody's path.
fn path() -> String {
    format!("{}:/usr/sbin:/sbin:/usr/bin:/bin", std::env::var("PATH").unwrap_or_default())
}

/// Runs a tool in the namespace of this thread and returns what it printed.
///
/// # Panics
/// If it fails, with what it said.
pub fn run(command: &[&str], input: &str) -> String {
    attempt(command, input).unwrap_or_else(|said| panic!("{} failed: {said}\n{input}", command.join(" ")))
}

/// Runs a tool in the namespace of this thread: what it printed, or what it complained of.
pub fn attempt(command: &[&str], input: &str) -> Result<String, String> {
    let mut child = Command::new(command[0])
        .args(&command[1..])
        .env("PATH", path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("its input");
    // A tool that ends early tells why on its own.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("its output");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8(output.stdout).expect("text"))
}

/// A device of the node that leads outside.
pub struct Leg {
    /// Its name.
    pub device: String,
    sender4: Socket,
    sender6: Socket,
}

/// A node and its outside. The thread that made it is in the node's namespace.
pub struct World {
    _outside: OwnedFd,
    legs: Vec<Leg>,
    listeners: Vec<TcpListener>,
    receivers: Vec<UdpSocket>,
}

/// What a node is made of.
pub struct Plan<'a> {
    /// The devices that lead outside.
    pub legs: &'a [&'a str],
    /// Lines of `ip -batch` that give it addresses, routes and further devices.
    pub ip: &'a str,
    /// Lines of `bridge -batch`, after those.
    pub bridge: &'a str,
    /// Settings below /proc/sys/net.
    pub sysctls: &'a [(&'a str, &'a str)],
    /// What listens: `tcp 0.0.0.0:22`.
    pub listens: &'a [&'a str],
}

/// A socket that hears: `tcp [::]:22`, and behind it, among words that only tell it from others, `dual` (IPv4 too), `shared` (`SO_REUSEPORT`), `transparent`, `on eth0`.
pub fn bound(what: &str) -> Socket {
    let mut words = what.split(' ');
    let mut next = || words.next().expect("a protocol and an address");
    let (protocol, address): (&str, SocketAddr) = (next(), next().parse().expect("an address with a port"));
    let kind = if protocol == "tcp" { Type::STREAM } else { Type::DGRAM };
    let socket = Socket::new(Domain::for_address(address), kind, None).expect("a socket");
    let options: Vec<&str> = words.collect();
    if address.is_ipv6() {
        socket.set_only_v6(!options.contains(&"dual")).expect("IPV6_V6ONLY");
    }
    if options.contains(&"transparent") {
        socket.set_ip_transparent_v4(true).expect("IP_TRANSPARENT");
    }
    socket.set_reuse_port(options.contains(&"shared")).expect("SO_REUSEPORT");
    if let Some(at) = options.iter().position(|word| *word == "on") {
        socket.bind_device(Some(options[at + 1].as_bytes())).expect("SO_BINDTODEVICE");
    }
    // Another may answer from one address of many.
    socket.set_reuse_address(protocol == "udp").expect("SO_REUSEADDR");
    socket.bind(&address.into()).unwrap_or_else(|error| panic!("{what}: {error}"));
    if protocol == "tcp" {
        socket.listen(1024).expect("listen");
    }
    socket
}

/// The node's own hardware address on its leg of this number.
fn own_mac(leg: usize) -> String {
    format!("02:00:00:00:01:{leg:02x}")
}

/// The hardware address at the other end.
fn peer_mac(leg: usize) -> String {
    format!("02:00:00:00:02:{leg:02x}")
}

impl World {
    /// Builds it, and leaves this thread in the node's namespace.
    pub fn build(plan: &Plan<'_>) -> World {
        unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace: run these tests as root");
        let outside = here();
        quiet();
        unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace");
        let node = here();
        quiet();
        set_all(&[("ipv4/conf/all/rp_filter", "0"), ("ipv4/conf/default/rp_filter", "0")]);
        // That of each device counts.
        set_all(&[("ipv4/conf/all/send_redirects", "0")]);
        let there = format!("/proc/{}/fd/{}", std::process::id(), outside.as_raw_fd());
        let mut lines = String::from("link set lo up\n");
        for (number, device) in plan.legs.iter().enumerate() {
            let (own, peer) = (own_mac(number), peer_mac(number));
            lines +=
                &format!("link add {device} address {own} type veth peer name {device} address {peer} netns {there}\n");
            lines += &format!("link set {device} up\n");
        }
        run(&["ip", "-batch", "-"], &(lines + plan.ip));
        if !plan.bridge.is_empty() {
            run(&["bridge", "-batch", "-"], plan.bridge);
        }
        set_all(plan.sysctls);
        // A neighbour that does not answer is waited for: else this host tells itself by an ICMP error, in the middle of another
        // packet's way (`arp_error_report`), and rules may put where that goes into a set.
        set_each("ipv4/neigh", "retrans_time_ms", "600000");
        set_each("ipv6/neigh", "mcast_solicit", "600");
        let legs =
            inside(&outside, &node, || plan.legs.iter().enumerate().map(|(at, leg)| Leg::open(at, leg)).collect());
        let mut world = World { _outside: outside, legs, listeners: Vec::new(), receivers: Vec::new() };
        plan.listens.iter().for_each(|what| world.listen(what));
        world
    }

    /// Waits until this namespace has come to rest: the kernel learns of a carrier later, and only then makes routes for IPv6
    /// addresses (`linkwatch_event`, `addrconf_dad_work`). Who reads meanwhile sees addresses that are not local yet, or half of a dump.
    pub fn settle(&self) {
        let state = || {
            let links = run(&["ip", "-oneline", "link", "show", "up"], "");
            let addresses = run(&["ip", "-6", "-oneline", "address", "show", "up"], "");
            let routes = run(&["ip", "-6", "route", "show", "table", "all"], "");
            let has_carrier = |leg: &Leg| {
                let name = format!(" {}@", leg.device);
                links.lines().any(|link| link.contains(&name) && link.contains(" state UP "))
            };
            let is_local = |line: &str| {
                let address = line.split_whitespace().nth(3).and_then(|prefix| prefix.split('/').next());
                address
                    .is_some_and(|address| routes.lines().any(|route| route.starts_with(&format!("local {address} "))))
            };
            let rests = self.legs.iter().all(has_carrier) && addresses.lines().all(is_local);
            (rests, links, routes)
        };
        let mut before = state();
        // A further device that has no carrier never gets them.
        for _ in 0..100 {
            std::thread::sleep(Duration::from_millis(10));
            let now = state();
            if now.0 && now == before {
                break;
            }
            before = now;
        }
    }

    fn listen(&mut self, what: &str) {
        let socket = bound(what);
        if what.starts_with("tcp") {
            self.listeners.push(socket.into());
        } else {
            self.receivers.push(socket.into());
        }
    }

    /// The hardware address of the outside's end of a leg.
    pub fn mac(&self, device: &str) -> Option<u64> {
        let leg = self.legs.iter().position(|leg| leg.device == device)?;
        u64::from_str_radix(&peer_mac(leg).replace(':', ""), 16).ok()
    }

    /// Whether a process of this host hears datagrams that go there.
    pub fn has_receiver(&self, at: SocketAddr) -> bool {
        at.is_ipv4() && self.receivers.iter().any(|socket| socket.local_addr().is_ok_and(|own| own.port() == at.port()))
    }

    /// It answers one, from the address that was asked.
    pub fn echo(&self, from: SocketAddr, to: SocketAddr, cookie: u32) {
        let socket = Socket::new(Domain::for_address(from), Type::DGRAM, None).expect("a socket");
        socket.set_reuse_address(true).expect("SO_REUSEADDR");
        socket.bind(&from.into()).expect("the address that was asked");
        // Whether it gets away is told by what the kernel says of it.
        let _ = socket.send_to(&payload(cookie), &to.into());
    }

    /// Sends a packet by which the witness knows that everything before is done; `number` tells it.
    pub fn barrier(&self, number: u32) {
        let leg = self.legs.first().expect("a leg");
        let packet = Packet::read(&format!("{} udp 169.254.255.1:9 > 169.254.0.1:9", leg.device));
        leg.sender4.send_to(&packet.bytes(number), &packet.dst.into()).expect("send a barrier");
    }

    /// Sends a packet. What comes back must be held as long as the packet is followed.
    pub fn send(&self, packet: &Packet, cookie: u32) -> Sent {
        match &packet.device {
            Some(device) => {
                let leg = self.legs.iter().find(|leg| leg.device == *device);
                let leg = leg.unwrap_or_else(|| panic!("no leg is called {device}"));
                let mut to = packet.dst;
                to.set_port(0);
                let socket = if to.is_ipv4() { &leg.sender4 } else { &leg.sender6 };
                socket.send_to(&packet.bytes(cookie), &to.into()).unwrap_or_else(|error| panic!("{packet}: {error}"));
                let mark = match packet.protocol {
                    Protocol::Tcp => Mark::Tcp(packet.flags & 0x3f, cookie),
                    Protocol::Udp => Mark::Udp(cookie),
                    Protocol::Icmp => Mark::Icmp(packet.icmp.0, cookie),
                };
                Sent { mark: Some(mark), port: packet.src.map_or(0, |src| src.port()), _socket: None }
            }
            None => make(packet, cookie),
        }
    }
}

/// As long as it lives this thread stays on the CPU where it is.
pub struct Still(CpuSet);

impl Still {
    /// Begins.
    pub fn begin() -> Still {
        let before = sched_getaffinity(Pid::from_raw(0)).expect("the CPUs of this thread");
        let mut here = CpuSet::new();
        here.set(sched_getcpu().expect("the CPU of this thread")).expect("its number");
        sched_setaffinity(Pid::from_raw(0), &here).expect("stay on a CPU");
        Still(before)
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        sched_setaffinity(Pid::from_raw(0), &self.0).expect("be free again");
    }
}

/// A packet that is on its way.
pub struct Sent {
    /// What tells it again; `None` for a TCP packet that the host makes, whose sequence number the kernel chose.
    pub mark: Option<Mark>,
    /// Its source port.
    pub port: u16,
    _socket: Option<Socket>,
}

/// Has the kernel make a packet.
fn make(packet: &Packet, cookie: u32) -> Sent {
    let (kind, protocol) = match (packet.protocol, packet.dst.is_ipv6()) {
        (Protocol::Tcp, _) => (Type::STREAM, None),
        (Protocol::Udp, _) => (Type::DGRAM, None),
        (Protocol::Icmp, false) => (Type::RAW, Some(Proto::ICMPV4)),
        (Protocol::Icmp, true) => (Type::RAW, Some(Proto::ICMPV6)),
    };
    // Who owns a socket is who made it (`sock_alloc_inode`): the user that this thread has towards files.
    setfsuid(packet.uid.into());
    let socket = Socket::new(Domain::for_address(packet.dst), kind, protocol).expect("a socket");
    setfsuid(0.into());
    socket.set_nonblocking(true).expect("non-blocking");
    if packet.protocol != Protocol::Tcp {
        socket.set_broadcast(true).expect("SO_BROADCAST");
    }
    if packet.mark != 0 {
        socket.set_mark(packet.mark).expect("SO_MARK");
    }
    // No two packets of a test have the same ports: the second would belong to the flow of the first.
    let port = if packet.sport == 0 { 20000 + (cookie % 30000) as u16 } else { packet.sport };
    let any: IpAddr = if packet.dst.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    if packet.protocol != Protocol::Icmp {
        socket.set_reuse_address(packet.sport != 0).expect("SO_REUSEADDR");
        socket.bind(&SocketAddr::new(any, port).into()).expect("a port");
    }
    // Whether the kernel refuses is told by what it says of the packet, or does not say.
    let mark = match packet.protocol {
        Protocol::Tcp => {
            let _ = socket.connect(&packet.dst.into());
            None
        }
        Protocol::Udp => {
            let _ = socket.send_to(&payload(cookie), &packet.dst.into());
            Some(Mark::Udp(cookie))
        }
        Protocol::Icmp => {
            let _ = socket.send_to(&whole_icmp(cookie, packet.icmp), &packet.dst.into());
            Some(Mark::Icmp(packet.icmp.0, cookie))
        }
    };
    Sent { mark, port, _socket: Some(socket) }
}

impl Leg {
    /// Opens the outside's end of a leg, from within the outside. Its addresses are there because the kernel gives no route
    /// to a namespace without any; nobody sends to them.
    fn open(number: usize, device: &str) -> Leg {
        let mac = own_mac(number);
        let metric = number + 1;
        let lines = format!(
            "link set {device} up\n\
             addr add 169.254.255.{metric}/32 dev {device}\n\
             addr add 2001:db8:ffff::{metric}/128 dev {device} nodad\n\
             neigh add 169.254.0.1 lladdr {mac} dev {device} nud permanent\n\
             neigh add fe80::1 lladdr {mac} dev {device} nud permanent\n\
             route add 0.0.0.0/0 via 169.254.0.1 dev {device} onlink metric {metric}\n\
             route add ::/0 via fe80::1 dev {device} onlink metric {metric}\n"
        );
        run(&["ip", "-batch", "-"], &lines);
        let open = |domain: Domain| {
            let socket = Socket::new(domain, Type::RAW, Some(Proto::from(255))).expect("a raw socket");
            socket.bind_device(Some(device.as_bytes())).expect("bind to a device");
            socket
        };
        Leg { device: device.to_owned(), sender4: open(Domain::IPV4), sender6: open(Domain::IPV6) }
    }
}

/// The namespace that this thread is in.
pub fn here() -> OwnedFd {
    fs::File::open("/proc/thread-self/ns/net").expect("the namespace of this thread").into()
}

/// Does something in one namespace and comes back to the other.
pub fn inside<T>(there: &OwnedFd, back: &OwnedFd, what: impl FnOnce() -> T) -> T {
    setns(there.as_fd(), CloneFlags::CLONE_NEWNET).expect("enter a namespace");
    let result = what();
    setns(back.as_fd(), CloneFlags::CLONE_NEWNET).expect("come back from a namespace");
    result
}

/// No device of this namespace says anything by itself.
pub fn quiet() {
    set_all(&[
        ("ipv6/conf/all/accept_dad", "0"),
        ("ipv6/conf/default/accept_dad", "0"),
        ("ipv6/conf/default/addr_gen_mode", "1"),
        ("ipv6/conf/default/router_solicitations", "0"),
        ("ipv4/tcp_synack_retries", "0"),
        ("ipv4/igmp_link_local_mcast_reports", "0"),
    ]);
}

/// Sets this of every device, and not that of `all`.
pub fn set_each(folder: &str, what: &str, value: &str) {
    let devices = fs::read_dir(format!("/proc/sys/net/{folder}")).expect("sysctls of devices");
    for device in devices.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).filter(|name| name != "all") {
        set_all(&[(&format!("{folder}/{device}/{what}"), value)]);
    }
}

/// Changes settings below /proc/sys/net, in the namespace of this thread.
pub fn set_all(settings: &[(&str, &str)]) {
    for (key, value) in settings {
        let path = format!("/proc/sys/net/{key}");
        fs::write(&path, value).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
}
