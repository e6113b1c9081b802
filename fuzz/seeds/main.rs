//! Seeds of every target: texts of the project's tests, and what the kernel of this machine says of rules, links and
//! sockets that are made here, in a network namespace of this process.
//!
//! `seeds DIR`, run by `fuzz/run` as root within `unshare -n`: makes a folder of each target in DIR. A rule that this
//! kernel or its tools do not take makes no seed; at the end it says how many there are.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use netlink_sys::protocols::{NETLINK_NETFILTER, NETLINK_ROUTE, NETLINK_SOCK_DIAG};
use netlink_sys::{Socket, SocketAddr};

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("seeds DIR"));
    let mut seeds = Seeds { folder, counts: BTreeMap::new() };
    texts(&mut seeds);
    command_lines(&mut seeds);
    iptables(&mut seeds);
    native(&mut seeds);
    routes(&mut seeds);
    sockets(&mut seeds);
    println!("seeds: {:?}", seeds.counts);
}

/// Where seeds go, and how many there are of each target.
struct Seeds {
    folder: PathBuf,
    counts: BTreeMap<String, usize>,
}

impl Seeds {
    fn add(&mut self, target: &str, bytes: &[u8]) {
        let count = self.counts.entry(target.to_owned()).or_default();
        let folder = self.folder.join(target);
        fs::create_dir_all(&folder).expect("a folder of seeds");
        fs::write(folder.join(format!("{count:05}")), bytes).expect("a seed");
        *count += 1;
    }

    /// Adds every text of a folder whose name ends so.
    fn add_files(&mut self, target: &str, folder: &str, end: &str) {
        for entry in fs::read_dir(project().join(folder)).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().ends_with(end) {
                self.add(target, &fs::read(entry.path()).expect("a text"));
            }
        }
    }
}

fn project() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn text(name: &str) -> String {
    fs::read_to_string(project().join(name)).expect(name)
}

/// Runs a tool; whether it was content.
fn run(command: &[&str], input: &str) -> bool {
    let spawned = Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = spawned else { return false };
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(input.as_bytes());
    }
    child.wait().is_ok_and(|status| status.success())
}

fn texts(seeds: &mut Seeds) {
    seeds.add_files("iptables_save", "tests/data/corpus", "");
    seeds.add_files("snapshot", "snapshots/hosts", ".whyport");
    seeds.add_files("snapshot", "tests/judge/cases", "");
    for file in ["modules", "self/mountinfo", "self/net/tcp", "self/net/udp", "self/net/raw", "self/net/tcp6"] {
        seeds.add("proc_texts", &fs::read(Path::new("/proc").join(file)).unwrap_or_default());
    }
    for text in [
        " ENDPT SOCK STY SST HBKT LPORT UID INODE LADDRS\n 0 0 2 10 29 11111 1000 4713 127.0.0.1 *2001:db8::1\n",
        "36 35 0:4 net:[4026532246] /run/netns/pod\\040a rw shared:7 - nsfs nsfs rw\n",
        "kernel/net/ipv4/netfilter/ip_tables.ko.zst\n0000000000000000 T ipt_do_table\n0 t nft_do_chain\t[nf_tables]\n",
        "nf_tables 1 2 - Live 0x0\ntcp_diag 16384 0 - Live 0x0000000000000000\n",
    ] {
        seeds.add("proc_texts", text.as_bytes());
    }
}

fn command_lines(seeds: &mut Seeds) {
    for words in [
        "80",
        "trace tcp/[::1]:80 --origin eth0 --src 10.0.0.0/8 --sport 1024 --mark 7 --ct established",
        "trace 10.0.0.5:80 --origin local --uid 1000 --gid 5 --tcp-flags syn,ack -4",
        "trace udp/53 --with pkttype=host --with ttl=64 --with length=60 --json",
        "trace icmp/10.0.0.5 --with icmp-type=8 --dst 10.42.0.2",
        "trace icmpv6/[::1] -6 --origin local",
        "trace sctp/10.42.0.2:9 --tcp-flags none",
        "rules --as iptables-nft-save --counters --handles",
        "ports --json --snapshot - --netns pod",
        "shot 80 -o a.svg --size 120x36 --keys down",
        "record host.txt",
    ] {
        seeds.add("command_line", words.replace(' ', "\n").as_bytes());
    }
}

/// What the tests' rules, one by one, are in nf_tables and in legacy tables.
fn iptables(seeds: &mut Seeds) {
    let rules = text("tests/data/tools/rules.txt");
    let (mut table, mut chains, mut chain) = (String::new(), String::new(), String::new());
    for line in rules.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('*') {
            table = name.to_owned();
            chains.clear();
            chain = if matches!(name, "nat" | "mangle" | "raw") { "PREROUTING" } else { "INPUT" }.to_owned();
        } else if let Some(name) = line.strip_prefix(':') {
            chains.push_str(&format!(":{name} - [0:0]\n"));
        } else if let Some((families, rule)) = line.split_once(' ') {
            for (sign, tool) in [("4", "iptables"), ("6", "ip6tables")] {
                if families == sign || families == "-" {
                    let appended = if rule.starts_with("-A ") { rule.to_owned() } else { format!("-A {chain} {rule}") };
                    let dump = format!("*{table}\n{chains}{appended}\nCOMMIT\n");
                    one_rule(seeds, (sign, tool), &table, &dump);
                }
            }
        }
    }
}

fn one_rule(seeds: &mut Seeds, (sign, tool): (&str, &str), table: &str, dump: &str) {
    seeds.add("iptables_save", dump.as_bytes());
    if run(&[&format!("{tool}-nft-restore")], dump) {
        let messages = nf_tables();
        for blob in blobs(&messages) {
            seeds.add("xt_blobs", &[sign.as_bytes(), &blob].concat());
        }
        seeds.add("nf_tables", &messages);
    }
    run(&["nft", "flush", "ruleset"], "");
    if run(&[&format!("{tool}-legacy-restore")], dump)
        && let Some((info, entries)) = legacy(sign == "6", table)
    {
        seeds.add("legacy_table", &[sign.as_bytes(), &info, &entries].concat());
    }
}

/// What the tests' native rules and tables are in the kernel.
fn native(seeds: &mut Seeds) {
    let rules = text("tests/data/native-rules.txt");
    let mut family = "inet";
    for line in rules.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            family = name.split(' ').next().unwrap_or_default();
            continue;
        }
        let chain = if family == "netdev" { "" } else { "type filter hook input priority 0;" };
        let table = format!("table {family} t {{ chain other {{ }}\nchain c {{ {chain}\n{line}\n}}\n}}\n");
        if run(&["nft", "-f", "-"], &table) {
            seeds.add("nf_tables", &nf_tables());
        }
        run(&["nft", "flush", "ruleset"], "");
    }
    for entry in fs::read_dir(project().join("tests/data/native")).into_iter().flatten().flatten() {
        if run(&["nft", "-f", &entry.path().to_string_lossy()], "") {
            seeds.add("nf_tables", &nf_tables());
        }
        run(&["nft", "flush", "ruleset"], "");
    }
}

const LINKS: &str = "\
link set lo up
link add br0 type bridge nf_call_iptables 1
link add p1 address 02:00:00:00:00:01 type veth peer name q1
link add w0 type veth peer name w1
tuntap add tun0 mode tun
link set p1 master br0 up
link set br0 mtu 1400 up
link set w0 up
link set w1 up
link set tun0 up
addr add 10.0.0.1/24 dev br0
addr add 10.9.0.1 peer 10.9.0.2/32 dev w0
addr add 2001:db8::1/64 dev br0
route add 192.0.2.0/24 via 10.0.0.254 dev br0 metric 50 src 10.0.0.1
route add default dev tun0 table 100
route add 198.51.100.0/24 nexthop via 10.0.0.3 dev br0 weight 3 nexthop dev w0
route add 198.51.100.7 via inet6 2001:db8::7 dev br0 table 70000
route add blackhole 203.0.113.0/26
route add prohibit 203.0.113.128/26 table 100
rule add pref 100 from 10.0.0.0/8 to 192.0.2.1 iif br0 oif w0 lookup 100
rule add pref 101 fwmark 0x10/0xff not lookup 70000
rule add pref 103 uidrange 1000-1999 ipproto tcp sport 80 dport 1000-2000 unreachable
rule add pref 105 goto 200
rule add pref 106 lookup main suppress_prefixlength 0
neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev br0
nexthop add id 1 dev w0
nexthop add id 2 via 10.0.0.3 dev br0
nexthop add id 3 group 1/2
";

/// One seed of each kind of message, and one of all.
fn routes(seeds: &mut Seeds) {
    run(&["ip", "-force", "-batch", "-"], LINKS);
    let mut all = Vec::new();
    // Kinds, the families that are asked for, and the length of the struct that asks.
    for (kind, family, length) in [
        (18, 0, 16),
        (22, 0, 8),
        (26, 2, 12),
        (26, 10, 12),
        (30, 0, 12),
        (30, 7, 12),
        (34, 2, 12),
        (34, 10, 12),
        (106, 0, 8),
    ] {
        let mut body = vec![0; length];
        body[0] = family;
        let messages = dump(NETLINK_ROUTE, kind, &body);
        for message in &messages {
            seeds.add("rtnetlink", message);
        }
        all.extend(messages.concat());
    }
    seeds.add("rtnetlink", &all);
}

fn sockets(seeds: &mut Seeds) {
    let _tcp = [TcpListener::bind("127.0.0.1:80"), TcpListener::bind("[::]:443")];
    let _udp = [UdpSocket::bind("0.0.0.0:53"), UdpSocket::bind("[::1]:53")];
    let mut all = Vec::new();
    for (family, protocol) in [(2u8, 6u8), (10, 6), (2, 17), (10, 17)] {
        let mut body = vec![family, protocol, 0, 0, 0xff, 0xff, 0, 0];
        body.resize(56, 0);
        for message in dump(NETLINK_SOCK_DIAG, 20, &body) {
            seeds.add("sock_diag", &message);
            all.extend(message);
        }
    }
    seeds.add("sock_diag", &all);
}

/// Everything of nf_tables.
fn nf_tables() -> Vec<u8> {
    let kind = |number: u16| 10 << 8 | number;
    let ask = |number: u16| dump(NETLINK_NETFILTER, kind(number), &[0; 4]);
    let sets = ask(10);
    let mut messages = [ask(1), ask(4), ask(7), sets.clone(), ask(19), ask(23)].concat();
    for set in sets {
        let mut body = vec![set[16], 0, 0, 0];
        for (number, name) in attributes(&set[20..]).into_iter().filter(|(number, _)| matches!(number, 1 | 2)) {
            push_attribute(&mut body, number, name);
        }
        messages.extend(dump(NETLINK_NETFILTER, kind(13), &body));
    }
    messages.concat()
}

/// The matches and targets in messages, in the form of the target's cases without their family.
fn blobs(messages: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut rest = messages;
    while rest.len() >= 20 {
        let length = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
        let expressions = attributes(&rest[20..length]).into_iter().filter(|(kind, _)| *kind == 4);
        for (_, element) in expressions.flat_map(|(_, list)| attributes(list)) {
            let parts = attributes(element);
            let (Some((1, name)), Some((2, data))) = (parts.first(), parts.get(1)) else { continue };
            let sign = match *name {
                b"match\0" => b'm',
                b"target\0" => b't',
                _ => continue,
            };
            let data: BTreeMap<u16, &[u8]> = attributes(data).into_iter().collect();
            let (Some(name), Some(revision), Some(bytes)) = (data.get(&1), data.get(&2), data.get(&3)) else {
                continue;
            };
            let revision = revision.last().copied().unwrap_or_default();
            found.push([&[sign, revision][..], name, bytes].concat());
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

fn attributes(mut bytes: &[u8]) -> Vec<(u16, &[u8])> {
    let mut found = Vec::new();
    while bytes.len() >= 4 {
        let length = usize::from(u16::from_ne_bytes([bytes[0], bytes[1]]));
        let Some(value) = bytes.get(4..length) else { break };
        found.push((u16::from_ne_bytes([bytes[2], bytes[3]]) & 0x3fff, value));
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

fn push_attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    body.extend_from_slice(&((value.len() + 4) as u16).to_ne_bytes());
    body.extend_from_slice(&kind.to_ne_bytes());
    body.extend_from_slice(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

/// The messages that answer a dump; none where the kernel refuses.
fn dump(protocol: isize, kind: u16, body: &[u8]) -> Vec<Vec<u8>> {
    let mut socket = Socket::new(protocol).expect("a socket");
    socket.bind_auto().expect("an address");
    socket.connect(&SocketAddr::new(0, 0)).expect("the kernel");
    let mut request = Vec::new();
    request.extend_from_slice(&(16 + body.len() as u32).to_ne_bytes());
    request.extend_from_slice(&kind.to_ne_bytes());
    request.extend_from_slice(&0x301u16.to_ne_bytes());
    request.extend_from_slice(&[0; 8]);
    request.extend_from_slice(body);
    socket.send(&request, 0).expect("a request");
    let mut messages = Vec::new();
    let mut buffer = vec![0u8; 64 * 1024];
    loop {
        let length = socket.recv(&mut &mut buffer[..], 0).expect("an answer");
        let mut rest = &buffer[..length];
        while rest.len() >= 16 {
            let size = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
            if matches!(u16::from_ne_bytes([rest[4], rest[5]]), 2 | 3) {
                return messages;
            }
            let padded = size.next_multiple_of(4).min(rest.len());
            messages.push(rest[..padded].to_vec());
            rest = &rest[padded..];
        }
    }
}

/// `IPT_SO_GET_INFO` and `IPT_SO_GET_ENTRIES` of a table that was just made.
fn legacy(is_ip6: bool, table: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    const HEADER: usize = 40;
    let (domain, level) = if is_ip6 { (libc::AF_INET6, libc::IPPROTO_IPV6) } else { (libc::AF_INET, libc::IPPROTO_IP) };
    // SAFETY: socket(2) takes three numbers and touches no memory; the descriptor is owned by nothing else.
    let socket = unsafe {
        let socket = libc::socket(domain, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        (socket >= 0).then(|| OwnedFd::from_raw_fd(socket))?
    };
    let ask = |option: libc::c_int, answer: &mut [u8]| {
        answer[..table.len()].copy_from_slice(table.as_bytes());
        let mut length = answer.len() as libc::socklen_t;
        // SAFETY: the kernel reads and writes at most `length` bytes of `answer`, which has that many.
        let asked =
            unsafe { libc::getsockopt(socket.as_raw_fd(), level, option, answer.as_mut_ptr().cast(), &mut length) };
        (asked == 0).then_some(())
    };
    let mut info = vec![0; 84];
    ask(64, &mut info)?;
    let size = info[80..84].to_vec();
    let mut entries = vec![0; HEADER + u32::from_ne_bytes(size.clone().try_into().ok()?) as usize];
    entries[32..36].copy_from_slice(&size);
    ask(65, &mut entries)?;
    entries.drain(..HEADER);
    Some((info, entries))
}
