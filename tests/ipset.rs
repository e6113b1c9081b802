//! The command line on texts of sets: alone, beside rules, and in a recording.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

const SETS: &str = "create blocklist hash:net family inet hashsize 1024 maxelem 65536 timeout 600 counters\n\
                    add blocklist 192.0.2.0/24 timeout 7 packets 1 bytes 60\n\
                    add blocklist 192.0.2.9 timeout 0 nomatch packets 0 bytes 0\n";
const RULES: &str = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m set --match-set blocklist src -j DROP\nCOMMIT\n";

/// What is printed, and what is said beside it.
fn run(arguments: &[&str], input: &str) -> (String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_whyport"))
        .args(arguments)
        .args(["--snapshot", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn sets_alone_are_printed_as_they_came() {
    assert_eq!(run(&["rules", "--as", "ipset-save"], SETS), (SETS.to_owned(), String::new()));
    let (printed, said) = run(&["rules", "--as", "ipset-save"], &SETS.replace('\n', "\r\n"));
    assert!(printed == SETS && said.contains("line 1: lines end with CR LF"), "{said}");
    let (all, said) = run(&["rules"], SETS);
    assert_eq!(all, format!("# ipset save\n{SETS}"));
    assert!(said.contains("nf_tables rules"), "rules are unread: {said}");
    let (printed, said) = run(&["rules", "--as", "ipset-save"], &format!("root@host:~# ipset save\n{SETS}"));
    assert_eq!((printed, said), (SETS.to_owned(), String::new()), "a prompt is no news");
}

/// Sets before rules, or after them, or between them.
#[test]
fn sets_and_rules_may_stand_in_one_text() {
    let between = RULES.replace("COMMIT\n", &format!("{SETS}COMMIT\n"));
    for text in [format!("{SETS}{RULES}"), format!("{RULES}{SETS}"), between] {
        let (all, said) = run(&["rules"], &text);
        assert!(all.contains(SETS) && all.contains("-A INPUT -m set --match-set blocklist src -j DROP\n"), "{all}");
        assert_eq!(said, "");
    }
}

/// A set that was read decides; one that was not says so.
#[test]
fn what_asks_a_set_that_was_not_read_stays_open() {
    for (text, is_read) in [(format!("{SETS}{RULES}"), true), (RULES.to_owned(), false)] {
        let told: Value = serde_json::from_str(&run(&["trace", "80", "--json"], &text).0).unwrap();
        // Whatever the rules say, martians are dropped.
        let outcomes = told["outcomes"].as_array().unwrap();
        let asked: Vec<_> = outcomes.iter().filter(|outcome| outcome["fate"]["kind"] != "martian").collect();
        let dropped: Vec<_> = asked.iter().filter(|outcome| outcome["fate"]["kind"] == "dropped").collect();
        assert!(asked.len() == 2 && dropped.len() == 1, "{told}");
        assert_eq!(dropped[0]["certain"], is_read, "{told}");
        let of_sets = |found: &Value| found["text"].as_str().unwrap().contains("--match-set");
        let assumed = asked.iter().flat_map(|outcome| outcome["assumed"].as_array().unwrap());
        assert_eq!(assumed.filter(|found| of_sets(found)).count(), if is_read { 0 } else { 2 }, "{told}");
        let unread = told["unread"].as_array().unwrap().iter().any(|unread| unread["what"] == "ipset sets");
        assert_eq!(unread, !is_read, "{told}");
    }
}

#[test]
fn sets_are_data_too() {
    let told: Value = serde_json::from_str(&run(&["rules", "--json"], SETS).0).unwrap();
    let set = &told["ipsets"][0];
    assert_eq!((&set["name"], &set["type"]), (&"blocklist".into(), &"hash:net".into()));
    assert_eq!(set["options"], "family inet hashsize 1024 maxelem 65536 timeout 600 counters");
    assert_eq!(set["elements"][0]["element"], "192.0.2.0/24");
    assert_eq!(set["elements"][0]["timeout"], 7);
    assert_eq!(set["elements"][0]["counters"]["bytes"], 60);
    assert_eq!(set["elements"][1]["element"], "192.0.2.9 nomatch");
}

#[test]
fn a_recording_holds_them() {
    let (recorded, _) = run(&["record"], &format!("{SETS}{RULES}"));
    assert!(recorded.contains(&format!("[ipset save]\n{SETS}")), "{recorded}");
    let (again, _) = run(&["record"], &recorded);
    assert_eq!(again, recorded);
    let (printed, said) = run(&["rules", "--as", "ipset-save"], &recorded);
    assert_eq!((printed.as_str(), said.as_str()), (SETS, ""));
    let damaged = recorded.replace("add blocklist 192.0.2.9", "add blocklist 192.0.2.999");
    let (printed, said) = run(&["rules", "--as", "ipset-save"], &damaged);
    assert_eq!(printed.lines().count(), 2);
    assert!(said.contains("192.0.2.999"), "{said}");
}
