//! What a person reads: dumps of rules as text in, the sentences and conditions that `trace` and `ports` tell as text out.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "told/conditions.rs"]
mod conditions;
#[path = "told/dumps.rs"]
mod dumps;
#[path = "told/ghosts.rs"]
mod ghosts;
#[path = "told/lists.rs"]
mod lists;
#[path = "told/orders.rs"]
mod orders;
#[path = "told/sentences.rs"]
mod sentences;
#[path = "told/ways.rs"]
mod ways;

use std::io::Write;
use std::process::{Command, Stdio};

/// What the program prints of a dump, in one line: how lines are broken is not meant here.
fn told(arguments: &str, dump: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whyport"));
    command.args(arguments.split_whitespace()).args(["--snapshot", "-"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    child.stdin.take().unwrap().write_all(dump.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the program prints, in one line.
fn demo(arguments: &str) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_whyport")).args(arguments.split_whitespace()).output().expect("it runs");
    String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn assert_has(told: &str, wanted: &str) {
    assert!(told.contains(wanted), "{wanted:?} is not in:\n{told}");
}

#[track_caller]
fn assert_has_not(told: &str, unwanted: &str) {
    assert!(!told.contains(unwanted), "{unwanted:?} is in:\n{told}");
}

/// A filter table with these rules for what comes in.
fn input(policy: &str, rules: &[&str]) -> String {
    let rules: String = rules.iter().map(|rule| format!("-A INPUT {rule}\n")).collect();
    format!("*filter\n:INPUT {policy} [0:0]\n{rules}COMMIT\n")
}
