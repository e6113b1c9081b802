//! The explorer through a pseudo-terminal, on hosts with 100,000 rules: how soon the first frame is there, how long each key
//! takes to its finished frame, how many bytes a movement writes, how much memory all of it takes, and how much of a processor while
//! nobody does anything.
//!
//! Needs root, iptables of both kinds, ip and setsid. Rules are loaded into a network namespace of this process, and are gone
//! with it. `cargo bench --bench terminal -- nft legacy` measures the hosts with these names; `WHYPORT_BENCH_RULES`,
//! `WHYPORT_BENCH_RUNS` (how often it is started), `WHYPORT_BENCH_IDLE` (for how many seconds it is left alone) and `WHYPORT_BENCH_SIZES` (`80x24,160x48`) change the numbers;
//! `WHYPORT_BENCH_KEYS=1` tells every kind of key by itself, 2 every key, too, and `WHYPORT_BENCH_PROGRAM` is another program than the one that is
//! built with this, to be compared with it.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark tells what it measured, and may fail where it stands"
)]

#[path = "terminal/hosts.rs"]
mod hosts;
#[path = "services/node.rs"]
#[allow(dead_code, reason = "another benchmark asks for more of the node")]
mod node;
#[path = "terminal/pressed.rs"]
mod pressed;
#[path = "terminal/session.rs"]
mod session;

use std::time::Duration;

use hosts::Host;
use pressed::{Pressed, SCRIPT, bytes};
use session::Session;

/// What is laid down: to the first frame with the ports, from a key to its frame, of memory, of what a movement writes.
const FIRST: f64 = 50.0;
const KEY: f64 = 10.0;
const MEMORY: f64 = 150.0;
const BYTES: usize = 1024;
/// Of one processor, in percent, while nobody does anything.
const IDLE: f64 = 0.5;

/// The screen is finished when nothing was written for so long.
const QUIET: Duration = Duration::from_millis(60);

/// What the settings say of the link.
const FAST: &str = "fast";
const SLOW: &str = "slow";
/// Over a slow link the screen is finished when nothing was written for so long.
const REST: Duration = Duration::from_millis(160);
/// How often a key comes that is held, and how long after the one before.
const HELD: (usize, Duration) = (60, Duration::from_millis(33));

fn main() {
    // Whoever only sees to it that everything builds does not mean to wait for this.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let wanted: Vec<&str> = arguments.iter().map(String::as_str).filter(|name| !name.starts_with('-')).collect();
    let rules = setting("WHYPORT_BENCH_RULES", 100_000);
    let sizes = std::env::var("WHYPORT_BENCH_SIZES").unwrap_or("80x24,160x48".to_owned());
    let sizes: Vec<(u16, u16)> = sizes.split(',').filter_map(size).collect();
    for host in hosts::ALL.iter().filter(|host| wanted.contains(&host.name) || wanted.is_empty() && !host.is_heavy()) {
        // A thread that has been in another namespace is not used again.
        std::thread::scope(|scope| scope.spawn(|| measure(host, rules, &sizes)).join().unwrap());
    }
}

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn size(text: &str) -> Option<(u16, u16)> {
    let (columns, rows) = text.split_once('x')?;
    Some((columns.parse().ok()?, rows.parse().ok()?))
}

fn measure(host: &Host, rules: usize, sizes: &[(u16, u16)]) {
    let made = host.make(rules);
    for size in sizes {
        println!("{} with {rules} rules at {}×{} (load {})", host.what, size.0, size.1, load());
        starts(&made.arguments, *size);
        keys(&made.arguments, *size);
        movements(&made.arguments, *size);
    }
}

/// How busy the machine is besides.
fn load() -> String {
    let told = std::fs::read_to_string("/proc/loadavg").unwrap();
    told.split(' ').next().unwrap().to_owned()
}

/// When what is seen for the first time after a start.
fn starts(arguments: &[String], size: (u16, u16)) {
    let runs = setting("WHYPORT_BENCH_RUNS", 5);
    let mut seen: [Vec<f64>; 4] = Default::default();
    for _ in 0..runs {
        let session = Session::start(arguments, size, FAST);
        let all = session.wait_for(is_all);
        let found = [
            session.first(|_| true),
            // A row of the ports, not what stands in the header.
            session.first(|text| text.contains("tcp ")),
            session.first(has_chain),
            all,
        ];
        seen.iter_mut().zip(found).for_each(|(seen, found)| seen.extend(found.map(milliseconds)));
        session.leave();
    }
    let [first, ports, tree, last] = seen.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
    });
    println!(
        "  start: first byte {first:.0} ms, ports {ports:.0} ms ({}), first chain {tree:.0} ms, all {last:.0} ms",
        verdict(ports <= FIRST)
    );
}

fn has_chain(text: &str) -> bool {
    text.contains("PREROUTING") || text.contains("INPUT")
}

/// Whether everything is read and all ports are found.
fn is_all(text: &str) -> bool {
    has_chain(text) && !text.contains("reading") && !text.contains("finding ports")
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}

/// How much of a processor it takes while nobody does anything, in percent.
fn idle(session: &Session) -> f64 {
    // What the last keys asked for is done by then.
    std::thread::sleep(Duration::from_secs(5));
    let time = Duration::from_secs(setting("WHYPORT_BENCH_IDLE", 30) as u64);
    let before = session.worked();
    std::thread::sleep(time);
    100.0 * (session.worked() - before).as_secs_f64() / time.as_secs_f64()
}

/// The program, with everything read and drawn.
fn ready(arguments: &[String], size: (u16, u16), link: &str) -> Session {
    let session = Session::start(arguments, size, link);
    session.wait_for(is_all);
    session.wait(QUIET);
    session
}

/// Every key of the script, one after the other.
fn keys(arguments: &[String], size: (u16, u16)) {
    let mut session = ready(arguments, size, FAST);
    let mut all: Vec<(&str, &str, Pressed)> = Vec::new();
    for (what, keys) in SCRIPT {
        for key in pressed::split(keys) {
            all.push((what, key, session.press(&bytes(key), QUIET)));
        }
    }
    let idle = idle(&session);
    let memory = session.memory();
    session.leave();
    if setting("WHYPORT_BENCH_KEYS", 0) > 1 {
        for (what, key, pressed) in &all {
            let told = |time: Option<Duration>| time.map_or(f64::NAN, milliseconds);
            println!("    {what:<22} {key:<10} {:>8.1} {:>8.1} ms", told(pressed.frame), told(pressed.last));
        }
    }
    if setting("WHYPORT_BENCH_KEYS", 0) > 0 {
        for what in pressed::kinds() {
            let of = all.iter().filter(|(of, ..)| *of == what);
            table(what, of.clone().map(|(.., pressed)| pressed));
            let mut late: Vec<_> =
                of.filter(|(.., pressed)| pressed.frame.is_some_and(|frame| milliseconds(frame) > KEY)).collect();
            late.sort_by_key(|(.., pressed)| std::cmp::Reverse(pressed.frame));
            for (_, key, pressed) in late.into_iter().take(5) {
                println!("    {key} {:.1} ms", pressed.frame.map_or(f64::NAN, milliseconds));
            }
        }
    }
    let late = table("all keys", all.iter().map(|(.., pressed)| pressed));
    println!("  p99 {late:.1} ms of {KEY}: {}", verdict(late <= KEY));
    let moves = all.iter().filter(|(_, key, _)| pressed::is_move(key));
    println!("  a movement writes {}", Written::of(moves.map(|(.., pressed)| pressed.bytes)));
    println!("  memory {memory:.0} MiB of {MEMORY}: {}", verdict(memory <= MEMORY));
    println!("  idle {idle:.2} % of a processor of {IDLE}: {}", verdict(idle <= IDLE));
}

/// What a movement writes over a slow link, and what one key that is held writes there and elsewhere.
fn movements(arguments: &[String], size: (u16, u16)) {
    let mut session = ready(arguments, size, SLOW);
    let mut all = Vec::new();
    for key in SCRIPT.iter().flat_map(|(_, keys)| pressed::split(keys)) {
        let pressed = session.press(&bytes(key), REST);
        if pressed::is_move(key) {
            all.push(pressed.at_once);
        }
    }
    session.leave();
    let written = Written::of(all.into_iter());
    println!("  over a slow link a movement writes at once {written}: {}", verdict(written.over == 0));
    let held = [SLOW, FAST].map(|link| {
        let mut session = ready(arguments, size, link);
        let held = ["<Down>", "<Up>"].map(|key| session.hold(&bytes(key), HELD.0, HELD.1));
        session.leave();
        held.iter().sum::<usize>() / (2 * HELD.0)
    });
    println!(
        "  held in the ports, each of {} keys a second writes {} bytes there, {} elsewhere",
        1000 / HELD.1.as_millis(),
        held[0],
        held[1]
    );
}

/// How many bytes movements wrote.
struct Written {
    median: usize,
    most: usize,
    over: usize,
    count: usize,
}

impl Written {
    fn of(bytes: impl Iterator<Item = usize>) -> Written {
        let mut all: Vec<usize> = bytes.collect();
        all.sort_unstable();
        let over = all.iter().filter(|bytes| **bytes >= BYTES).count();
        Written { median: all[all.len() / 2], most: all[all.len() - 1], over, count: all.len() }
    }
}

impl std::fmt::Display for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Written { median, most, over, count } = self;
        write!(f, "{median} bytes (median), {most} at most; {over} of {count} {BYTES} or more")
    }
}

/// Tells the times of some keys; gives the 99th percentile of those to the frame.
fn table<'a>(what: &str, pressed: impl Iterator<Item = &'a Pressed> + Clone) -> f64 {
    let count = pressed.clone().count();
    let part = |of: fn(&Pressed) -> Option<Duration>| {
        let mut times: Vec<f64> = pressed.clone().filter_map(of).map(milliseconds).collect();
        times.sort_by(f64::total_cmp);
        let at = |part: f64| match times.len() {
            0 => f64::NAN,
            len => times[((len as f64 * part).ceil() as usize).clamp(1, len) - 1],
        };
        (at(0.5), at(0.99), at(1.0))
    };
    let (frame, last) = (part(|pressed| pressed.frame), part(|pressed| pressed.last));
    println!(
        "  {what:<22} {count:>4} keys: frame {:>6.1} {:>6.1} {:>6.1} ms, last {:>6.1} {:>6.1} {:>6.1} ms (p50 p99 max)",
        frame.0, frame.1, frame.2, last.0, last.1, last.2
    );
    frame.1
}
