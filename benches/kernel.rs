//! Reading 100,000 rules from the kernel: whyport beside a bare dump of every chain, and beside `iptables-nft-save`.
//!
//! Needs root and iptables. The rules are loaded into a network namespace of this process, and are gone with it. Each
//! candidate runs as a process of its own, in turn, so that its peak memory can be told: wall time in milliseconds, peak
//! resident memory in MiB; the median of the runs. `WHYPORT_BENCH_RULES` and `WHYPORT_BENCH_RUNS` change the numbers.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark tells what it measured, and may fail where it stands"
)]

#[path = "k8s/mod.rs"]
mod k8s;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use netlink_sys::protocols::NETLINK_NETFILTER;
use netlink_sys::{Socket, SocketAddr};
use nix::sched::{CloneFlags, unshare};

const BARE: &str = "--bare-dump";
const WHYPORT: &str = "--whyport";

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some(BARE) => return println!("{}", bare_dump()),
        Some(WHYPORT) => return println!("{}", read()),
        _ => {}
    }
    let rules = setting("WHYPORT_BENCH_RULES", 100_000);
    let runs = setting("WHYPORT_BENCH_RUNS", 7);
    unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace: run this as root");
    load(&k8s::dump(rules));
    let own = std::env::current_exe().unwrap();
    let own = own.to_str().unwrap();
    let candidates: [(&str, &[&str]); 3] = [
        ("bare dump of each chain", &[own, BARE]),
        ("whyport, decoded", &[own, WHYPORT]),
        ("iptables-nft-save", &["iptables-nft-save", "-c"]),
    ];
    let mut measured: [Vec<(Duration, u64)>; 3] = Default::default();
    for _ in 0..runs {
        for ((_, command), measured) in candidates.iter().zip(&mut measured) {
            measured.push(measure(command));
        }
    }
    println!("{rules} rules, median of {runs} runs");
    let medians: Vec<(f64, f64)> = measured.iter_mut().map(|runs| median(runs)).collect();
    for ((name, _), (time, memory)) in candidates.iter().zip(&medians) {
        println!("{name:<26} {time:>8.0} ms {memory:>8.1} MiB");
    }
    println!("whyport takes {:.2} times as long as the bare dump", medians[1].0 / medians[0].0);
    println!("whyport takes {:.2} of the memory of iptables-nft-save", medians[1].1 / medians[2].1);
}

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Loads rules into the namespace of this thread.
fn load(text: &str) {
    let mut child = Command::new("iptables-nft-restore").stdin(Stdio::piped()).spawn().expect("iptables-nft-restore");
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Runs a command to its end: how long it took, and its peak resident memory in KiB.
#[allow(unsafe_code, reason = "no safe function tells what one child of several used")]
#[allow(clippy::zombie_processes, reason = "wait4 waits for it")]
fn measure(command: &[&str]) -> (Duration, u64) {
    let began = Instant::now();
    let child = Command::new(command[0]).args(&command[1..]).stdout(Stdio::null()).spawn().expect(command[0]);
    let mut status = 0;
    // SAFETY: both point to values that live through the call; the child is ours and nobody else waits for it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert!(libc::wait4(child.id() as i32, &mut status, 0, &mut usage) > 0);
        usage
    };
    assert_eq!(status, 0, "{command:?}");
    (began.elapsed(), usage.ru_maxrss as u64)
}

/// The median of times in milliseconds, and that of memory in MiB.
fn median(runs: &mut [(Duration, u64)]) -> (f64, f64) {
    let middle = runs.len() / 2;
    runs.sort_by_key(|run| run.0);
    let time = runs[middle].0.as_secs_f64() * 1000.0;
    runs.sort_by_key(|run| run.1);
    (time, runs[middle].1 as f64 / 1024.0)
}

/// What whyport does: everything of this namespace, decoded. How many rules there are.
fn read() -> usize {
    let places = whyport::kernel::Places { proc: Path::new("/proc"), modules: Path::new("/lib/modules") };
    whyport::kernel::read(&places, None, &Default::default()).unwrap().viewed().ruleset.rule_count()
}

/// Asks for the rules of every chain, and looks at nothing but where messages end. How many bytes came.
fn bare_dump() -> usize {
    const GET_CHAIN: u16 = 10 << 8 | 4;
    const GET_RULE: u16 = 10 << 8 | 7;
    let mut socket = Socket::new(NETLINK_NETFILTER).unwrap();
    socket.bind_auto().unwrap();
    socket.connect(&SocketAddr::new(0, 0)).unwrap();
    let mut chains = Vec::new();
    dump(&socket, GET_CHAIN, &[0, 0, 0, 0], |message| {
        let text = |kind| attribute(&message[20..], kind).map(<[u8]>::to_vec);
        chains.push((message[16], text(1).unwrap(), text(3).unwrap()));
    });
    let mut bytes = 0;
    for (family, table, chain) in chains {
        let mut body = vec![family, 0, 0, 0];
        for (kind, name) in [(1u16, table), (2, chain)] {
            body.extend_from_slice(&(name.len() as u16 + 4).to_ne_bytes());
            body.extend_from_slice(&kind.to_ne_bytes());
            body.extend_from_slice(&name);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        dump(&socket, GET_RULE, &body, |message| bytes += message.len());
    }
    bytes
}

fn attribute(mut bytes: &[u8], kind: u16) -> Option<&[u8]> {
    while bytes.len() >= 4 {
        let length = usize::from(u16::from_ne_bytes([bytes[0], bytes[1]]));
        if u16::from_ne_bytes([bytes[2], bytes[3]]) & 0x3fff == kind {
            return Some(&bytes[4..length]);
        }
        bytes = bytes.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// One dump with a buffer of 64 KiB; each message as a whole.
fn dump(socket: &Socket, kind: u16, body: &[u8], mut each: impl FnMut(&[u8])) {
    let mut request = Vec::new();
    request.extend_from_slice(&(16 + body.len() as u32).to_ne_bytes());
    request.extend_from_slice(&kind.to_ne_bytes());
    request.extend_from_slice(&0x301u16.to_ne_bytes());
    request.extend_from_slice(&[0; 8]);
    request.extend_from_slice(body);
    socket.send(&request, 0).unwrap();
    let mut buffer = vec![0u8; 64 * 1024];
    loop {
        let length = socket.recv(&mut &mut buffer[..], 0).unwrap();
        let mut rest = &buffer[..length];
        while rest.len() >= 16 {
            let size = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
            match u16::from_ne_bytes([rest[4], rest[5]]) {
                3 => return,
                2 => panic!("the kernel refuses"),
                _ => each(&rest[..size]),
            }
            rest = rest.get(size.next_multiple_of(4)..).unwrap_or_default();
        }
    }
}
