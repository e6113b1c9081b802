//! Rules that change all the time while they are read: an answer is of one moment, or it says that it is not.
//!
//! nft itself changes them, transaction by transaction: the first chain of a table and its last, which are as far apart in a
//! reading as can be, always say the same in the kernel.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use nix::sched::{CloneFlags, unshare};
use serde_json::Value;

use crate::node::whyport;
use crate::world::{apart, run};

/// How many chains there are.
const CHAINS: usize = 40;
/// How often something is tried that may go either way.
const TRIES: usize = 100;

/// The table, with both marked chains as they are before the first change.
fn table() -> String {
    let rules = "ip saddr 192.0.2.1 counter drop\n".repeat(25);
    let chain = |at: usize| match at {
        0 | 39 => format!("chain c{at} {{ ip saddr 192.0.2.0 drop; }}\n"),
        _ => format!("chain c{at} {{\n{rules}}}\n"),
    };
    let chains: String = (0..CHAINS).map(chain).collect();
    format!("table ip t {{\n{chains}chain in {{ type filter hook input priority 0; jump c0; jump c39; }}\n}}\n")
}

/// Somebody who changes both marked chains, as often as that goes, until told to stop.
struct Writer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Writer {
    fn start() -> Writer {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
            let nft =
                Command::new("nft").arg("-i").env("PATH", path).stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
            let mut nft = nft.unwrap();
            let mut lines = nft.stdin.take().unwrap();
            let mut turn = 0;
            while !told.load(Ordering::Relaxed) {
                turn = (turn + 1) % 250;
                let mark = format!("ip saddr 192.0.2.{turn} drop");
                let line =
                    format!("flush chain t c0; flush chain t c39; add rule t c0 {mark}; add rule t c39 {mark}\n");
                lines.write_all(line.as_bytes()).unwrap();
            }
            drop(lines);
            assert!(nft.wait().unwrap().success());
        });
        Writer { stop, thread }
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
    }
}

/// What a command prints as JSON, and whether it says that rules are torn.
fn asked(arguments: &[&str]) -> (Value, bool) {
    let output = whyport(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    let entries = value["unread"].as_array().unwrap();
    let torn = entries.iter().any(|entry| entry["torn"] == true && entry["what"] == "nf_tables rules");
    (value, torn)
}

/// The rules of both marked chains of what `rules --json` printed.
fn marks(rules: &Value) -> [&Value; 2] {
    let table = rules["tables"].as_array().unwrap().iter().find(|table| table["name"] == "t").expect("the table");
    let chains = table["chains"].as_array().unwrap();
    ["c0", "c39"].map(|name| {
        let chain = chains.iter().find(|chain| chain["name"] == name).expect("the chain");
        &chain["rules"][0]["text"]
    })
}

#[test]
fn an_answer_is_of_one_moment_or_says_that_it_is_not() {
    apart(|| {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        run(&["nft", "-f", "-"], &table());
        let (before, torn) = asked(&["rules", "--json"]);
        assert!(!torn, "nothing changes yet");
        assert_eq!(marks(&before).map(Value::as_str), [Some("ip saddr 192.0.2.0 drop"); 2]);
        let writer = Writer::start();
        let until_torn = |arguments: &[&str]| {
            let mut answers = (0..TRIES).map(|_| asked(arguments));
            answers.find(|(_, torn)| *torn).unwrap_or_else(|| panic!("{arguments:?} never said that it is torn")).0
        };
        for _ in 0..20 {
            let (rules, torn) = asked(&["rules", "--json"]);
            let [first, last] = marks(&rules);
            assert!(torn || first == last, "{first} beside {last}, and nothing said");
        }
        until_torn(&["rules", "--json"]);
        until_torn(&["ports", "--json"]);
        let trace = until_torn(&["trace", "80", "--origin", "local", "--json"]);
        for outcome in trace["outcomes"].as_array().unwrap() {
            assert_eq!(outcome["certain"], false, "{outcome}");
        }
        let recorded = |text: &[u8]| String::from_utf8_lossy(text).contains("\nnf_tables rules (torn): ");
        assert!(
            (0..TRIES).any(|_| recorded(&whyport(&["record"]).output().unwrap().stdout)),
            "a record never said that it is torn"
        );
        writer.stop();
        let (after, torn) = asked(&["rules", "--json"]);
        assert!(!torn, "nothing changes any more");
        let [first, last] = marks(&after);
        assert_eq!(first, last);
    });
}
