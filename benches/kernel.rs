//! Reading the rules of a host from the kernel and printing them: whyport beside the tools that do the same.
//!
//! Needs root, and the tools. Each row has a network namespace of its own, in which rules are loaded that are gone with it. Every
//! candidate runs as a process of its own, in turn, so that its peak memory can be told: wall time in milliseconds, peak
//! resident memory in MiB; the median of the runs. `cargo bench --bench kernel -- set ipset` runs the rows with these names;
//! `WHYPORT_BENCH_RULES` and `WHYPORT_BENCH_RUNS` change the numbers.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark tells what it measured, and may fail where it stands"
)]

mod bare;
#[path = "k8s/mod.rs"]
mod k8s;
mod loads;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};

/// Something that is loaded, and who reads it.
struct Row {
    name: &'static str,
    /// What is in it.
    what: &'static str,
    load: fn(usize),
    /// The tool that whyport is compared with: it prints the same.
    peer: &'static [&'static str],
    /// What whyport may take of the peer's time and memory, at most.
    time: f64,
    memory: Option<f64>,
    /// The kernel's own part in it, which nobody who reads it all is spared, where it can be had alone.
    bare: Option<Bare>,
}

/// What the kernel answers, received and not decoded.
struct Bare {
    dump: bare::Dump,
    /// What whyport may take of its time, where that is laid down.
    time: Option<f64>,
}

static ROWS: [Row; 7] = [
    Row {
        name: "iptables-nft",
        what: "rules, as on a Kubernetes node",
        load: loads::iptables_nft,
        peer: &["iptables-nft-save"],
        time: 1.0,
        memory: Some(0.5),
        bare: Some(Bare { dump: bare::CHAINS, time: Some(1.5) }),
    },
    Row {
        name: "iptables-legacy",
        what: "rules, as on a Kubernetes node",
        load: loads::iptables_legacy,
        peer: &["iptables-legacy-save"],
        time: 1.0,
        memory: Some(1.0),
        bare: None,
    },
    Row {
        name: "native",
        what: "rules in 1000 chains",
        load: loads::native,
        peer: &["nft", "list", "ruleset"],
        time: 0.08,
        memory: Some(0.2),
        bare: None,
    },
    Row {
        name: "anonymous",
        what: "/ 5 rules with a set without a name each",
        load: loads::anonymous,
        peer: &["nft", "list", "ruleset"],
        time: 1.0,
        memory: None,
        bare: None,
    },
    Row {
        name: "set",
        what: "elements of a set",
        load: loads::set,
        peer: &["nft", "list", "ruleset"],
        time: 0.25,
        memory: None,
        bare: Some(Bare { dump: bare::SETS, time: None }),
    },
    Row {
        name: "intervals",
        what: "ranges in a set",
        load: loads::intervals,
        peer: &["nft", "list", "ruleset"],
        time: 0.25,
        memory: None,
        bare: Some(Bare { dump: bare::SETS, time: None }),
    },
    Row {
        name: "ipset",
        what: "elements of one of ipset's sets",
        load: loads::ipset,
        peer: &["ipset", "save"],
        time: 1.0,
        memory: None,
        bare: None,
    },
];

/// What this process is asked to do in place of measuring.
const BARE: &str = "--bare-dump";
const LOAD: &str = "--load";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let size = setting("WHYPORT_BENCH_RULES", 100_000);
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [BARE, name] => return println!("{}", row(name).bare.as_ref().unwrap().dump.run()),
        [LOAD, name] => return (row(name).load)(size),
        _ => {}
    }
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    for row in ROWS.iter().filter(|row| wanted.is_empty() || wanted.iter().any(|name| *name == row.name)) {
        // A thread that has been in another namespace is not used again.
        std::thread::spawn(move || measure_row(row, size)).join().unwrap();
    }
}

fn row(name: &str) -> &'static Row {
    ROWS.iter().find(|row| row.name == name).unwrap()
}

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn measure_row(row: &Row, size: usize) {
    unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace: run this as root");
    let own = std::env::current_exe().unwrap();
    let own = own.to_str().unwrap();
    // In a process of its own: what this one has taken counts for its children too, until they are another program.
    measure(&[own, LOAD, row.name]);
    let whyport = [env!("CARGO_BIN_EXE_whyport"), "rules"];
    let mut candidates: Vec<(&str, &[&str])> = vec![("whyport rules", &whyport), (row.peer[0], row.peer)];
    let bare = [own, BARE, row.name];
    if let Some(Bare { dump, .. }) = &row.bare {
        candidates.push((dump.what, &bare));
    }
    let runs = setting("WHYPORT_BENCH_RUNS", 5);
    let mut measured: Vec<Vec<(Duration, u64)>> = vec![Vec::new(); candidates.len()];
    for _ in 0..runs {
        for ((_, command), measured) in candidates.iter().zip(&mut measured) {
            measured.push(measure(command));
        }
    }
    println!("{}: {size} {}, median of {runs} runs", row.name, row.what);
    let medians: Vec<(f64, f64)> = measured.iter_mut().map(|runs| median(runs)).collect();
    for ((name, _), (time, memory)) in candidates.iter().zip(&medians) {
        println!("  {name:<26} {time:>8.0} ms {memory:>8.1} MiB");
    }
    let told = |what: &str, of: &str, own: f64, other: f64, target: f64| {
        let ratio = own / other;
        let verdict = if ratio <= target { "met" } else { "MISSED" };
        println!("  {what} {ratio:.2} of {of}; target {target}: {verdict}");
    };
    told("time", row.peer[0], medians[0].0, medians[1].0, row.time);
    if let Some(target) = row.memory {
        told("memory", row.peer[0], medians[0].1, medians[1].1, target);
    }
    if let Some(Bare { time, .. }) = row.bare {
        match time {
            Some(target) => told("time", "the bare dump", medians[0].0, medians[2].0, target),
            None => println!("  time {:.2} of the bare dump", medians[0].0 / medians[2].0),
        }
        println!("  the bare dump takes {:.2} of the time of {}", medians[2].0 / medians[1].0, row.peer[0]);
    }
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
