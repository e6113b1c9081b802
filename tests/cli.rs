//! The built program from outside: what it prints, how it refuses, and the shape of its JSON.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "cli/contract.rs"]
mod contract;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A small dump of iptables-save: a port that is sent elsewhere, one that is refused.
const DUMP: &str = "\
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.9.8.7:80
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -m comment --comment \"from inside\" -j ACCEPT
COMMIT
";

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whyport"));
    command.args(arguments).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn run_on(arguments: &[&str], input: &[u8]) -> Output {
    let piped = || Stdio::piped();
    let mut child = command(arguments).stdin(piped()).stdout(piped()).stderr(piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// What it printed, when all went well.
fn printed(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "{arguments:?}");
    text(&output.stdout).to_owned()
}

/// It refused with this status, in one line that has these words, and printed nothing.
fn assert_refused(output: &Output, status: i32, words: &str) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert_eq!(text(&output.stdout), "");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("whyport: ") && said.contains(words), "{said:?} has no {words:?}");
}

fn file(name: &str, contents: &[u8]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, contents).unwrap();
    path
}

#[test]
fn what_is_no_port_is_wrong_usage() {
    for (target, words) in [
        ("80a", "is no port"),
        ("70000", "is no port"),
        ("0", "is no port"),
        ("http", "is a name"),
        ("tpc/80", "is no protocol"),
        ("10.0.0.1", "write 10.0.0.1:80"),
        ("::1", "write [::1]:80"),
        ("x\u{1b}[2J", "\\x1b[2J"),
    ] {
        assert_refused(&run(&["trace", target, "--demo"]), 2, words);
    }
}

#[test]
fn what_is_no_packet_is_wrong_usage() {
    for (options, words) in [
        (&["--origin", "eth9"][..], "no device is called “eth9”"),
        (&["--src", "::1"], "is no IPv4 address"),
        (&["--src", "10.0.0.0/40"], "is no address and no prefix"),
        (&["--sport", "70000"], "is no number from 0 to 65535"),
        (&["--uid", "0"], "only a packet made here has a uid: origin local"),
        (&["--tcp-flags", "syn,sin"], "is not none, nor a list"),
        (&["--with", "ttl"], "is not FIELD=VALUE"),
        (&["--with", "colour=red"], "is no field"),
        (&["--ct", "newish"], "is none of new"),
        (&["--ct", "new", "--direction", "reply"], "leave out --ct"),
        (&["--dst", "nowhere"], "is no address"),
        (&["--dst", "127.0.0.1", "-6"], "-6 does not fit"),
    ] {
        let arguments: Vec<_> = ["trace", "80", "--demo"].iter().chain(options).copied().collect();
        assert_refused(&run(&arguments), 2, words);
    }
}

#[test]
fn a_file_that_is_no_dump_is_refused_in_words() {
    let directory = env!("CARGO_TARGET_TMPDIR");
    assert_refused(&run(&["ports", "--snapshot", directory]), 2, "is a directory");
    assert_refused(&run(&["ports", "--snapshot", "/nowhere/at/all"]), 2, "there is no such file");
    for (name, contents, words) in [
        ("empty", &b""[..], "is empty"),
        ("blank", b"\n \n", "is empty"),
        ("prose", b"Dear admin,\nport 80 does not work.\n", "looks like"),
        ("binary", b"\x7fELF\x02\x01\x01\0\0\0", "looks like"),
    ] {
        let path = file(name, contents);
        let output = run(&["ports", "--snapshot", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{name}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(words), "{name}: {}", text(&output.stderr));
    }
    assert_refused(&run(&["ports", "--snapshot", "-"]), 2, "standard input is empty");
}

#[test]
fn a_listing_of_nft_is_read() {
    let listing = "table ip filter {
\tchain input {
\t\ttype filter hook input priority filter; policy accept;
\t\ttcp dport { 22, 80 } counter packets 7 bytes 420 accept
\t\ttcp dport https drop comment \"is not known\"
\t}
}
";
    let pasted = format!("root@host:~# nft list ruleset\r\n{}", listing.replace('\n', "\r\n"));
    for written in [listing.to_owned(), pasted] {
        let path = file("ruleset.nft", written.as_bytes());
        let output = run(&["rules", "--as", "nft", "--counters", "--snapshot", path.to_str().unwrap()]);
        assert_eq!(text(&output.stdout), listing);
    }
}

#[test]
fn help_tells_only_what_a_command_takes_notice_of() {
    for (command, told, silent) in [
        ("demo", &["--netns", "--theme"][..], &["--snapshot", "--demo"][..]),
        ("completions", &["SHELL"], &["--snapshot", "--demo", "--netns", "--color"]),
        ("trace", &["--snapshot", "--demo", "--netns", "--color"], &[]),
    ] {
        let output = run(&[command, "--help"]);
        let help = text(&output.stdout);
        assert!(told.iter().all(|word| help.contains(word)), "{help}");
        assert!(!silent.iter().any(|word| help.contains(&format!(" {word}"))), "{help}");
    }
    assert_refused(&run(&["demo", "--snapshot", "x"]), 2, "for another leave out demo");
}

#[test]
fn names_that_are_unknown_are_answered_with_those_that_are_known() {
    assert_refused(&run(&["ports", "--demo", "nowhere"]), 2, "there is k3s-port-80");
    assert_refused(&run(&["demo", "nowhere"]), 2, "there is k3s-port-80");
    assert_refused(&run(&["trace", "80", "--demo", "--netns", "nowhere"]), 2, "svclb");
    assert_eq!(run(&["ports", "--demo", "--snapshot", "x"]).status.code(), Some(2));
    assert_refused(&run(&["rule", "--demo"]), 2, "or one of ports, trace, rules, record, shot, demo, completions");
    assert_eq!(run(&["trace"]).status.code(), Some(2));
    assert_eq!(run(&["nonsense", "80"]).status.code(), Some(2));
}

/// Else it is taken for the demo's name, and missed where it must stand.
#[test]
fn a_target_after_the_demo_is_told_its_place() {
    for arguments in [&["trace", "--demo", "80"][..], &["--demo", "udp/53"], &["demo", "80"]] {
        let output = run(arguments);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""));
        assert!(text(&output.stderr).contains("TARGET goes before --demo: "), "{}", text(&output.stderr));
    }
}

#[test]
fn a_bare_dump_is_walked_and_says_what_it_assumed() {
    let output = run_on(&["trace", "8080", "--snapshot", "-", "--json"], DUMP.as_bytes());
    let trace: Value = serde_json::from_slice(&output.stdout).unwrap();
    contract::trace(&trace);
    assert!(!trace["unread"].as_array().unwrap().is_empty());
    let steps = trace["outcomes"][0]["steps"].as_array().unwrap();
    assert_eq!(steps[0]["verdict"], serde_json::json!({"kind": "dnat", "to": "10.9.8.7:80"}));
    assert_eq!(steps[0]["rule"]["number"], 1);
    let words = run_on(&["trace", "22", "--snapshot", "-"], DUMP.as_bytes());
    let words = text(&words.stdout);
    assert!(words.contains("10.0.0.0/8") && words.contains("policy drop"), "{words}");
}

#[test]
fn of_which_moment_an_answer_is_stands_above_it_where_rules_ask_for_the_time() {
    const BY_MATCH: &str = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dport 22 -m time --timestart 08:00 \
                            --timestop 18:00 -j DROP\nCOMMIT\n";
    const BY_KEY: &str = "table inet t {\n\tchain c {\n\t\ttype filter hook input priority 0;\n\t\tmeta day \"Monday\" tcp dport 22 drop\n\t}\n}\n";
    let header = |dump: &str| {
        let asked = ["trace", "22", "--snapshot", "-", "--with", "time=2026-11-30T12:00"];
        let output = run_on(&asked, dump.as_bytes());
        text(&output.stdout).lines().take(2).map(str::trim).collect::<Vec<_>>().join(" ")
    };
    for dump in [BY_MATCH, BY_KEY] {
        assert!(header(dump).contains(" at 2026-11-30 12:00:00 UTC"), "{}", header(dump));
    }
    assert!(!header(DUMP).contains("2026"), "{}", header(DUMP));
}

#[test]
fn a_dump_that_is_not_utf8_is_read_with_a_note() {
    let dump = DUMP.replace("from inside", "from ins\u{ff}de");
    let bytes: Vec<u8> = dump.chars().map(|c| c as u32 as u8).collect();
    let output = run_on(&["rules", "--snapshot", "-"], &bytes);
    assert!(output.status.success());
    assert!(text(&output.stderr).contains("UTF-8"), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("--dport 8080"));
}

#[test]
fn a_line_that_cannot_be_read_costs_one_line_and_is_named() {
    let dump = DUMP.replace("-A INPUT -s 10.0.0.0/8", "-A INPUT -s 10.0.0.0/800");
    let output = run_on(&["rules", "--snapshot", "-"], dump.as_bytes());
    assert!(output.status.success());
    assert!(text(&output.stderr).contains("line 12"), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("--dport 8080"));
}

#[test]
fn a_snapshot_cut_in_half_is_used_as_far_as_it_is_whole() {
    let whole = printed(&["record", "--demo"]);
    let cut = &whole[..whole.len() / 2];
    let output = run_on(&["ports", "--snapshot", "-"], cut.as_bytes());
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).starts_with("whyport: standard input"), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("nginx"), "{}", text(&output.stdout));
}

#[test]
fn hostile_names_never_reach_the_terminal() {
    let dump = DUMP.replace("from inside", "\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}");
    for arguments in [&["trace", "22", "--snapshot", "-"][..], &["trace", "22", "--snapshot", "-", "--json"]] {
        let output = run_on(arguments, dump.as_bytes());
        let said = text(&output.stdout);
        assert!(said.contains("10.0.0.0/8"), "{said}");
        assert!(!said.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']), "{said:?}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut child = command(&["rules", "--demo"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

#[test]
fn colour_is_for_terminals_and_for_those_who_ask() {
    let coloured = |command: &mut Command| text(&command.output().unwrap().stdout).contains('\u{1b}');
    assert!(!coloured(&mut command(&["ports", "--demo"])));
    assert!(coloured(&mut command(&["ports", "--demo", "--color", "always"])));
    assert!(coloured(command(&["ports", "--demo"]).env("CLICOLOR_FORCE", "1")));
    assert!(!coloured(command(&["ports", "--demo"]).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1")));
}

#[test]
fn rules_are_fed_back_as_they_were_printed() {
    let output = run_on(&["rules", "--as", "iptables-nft-save", "--snapshot", "-"], DUMP.as_bytes());
    // Tables come in the tool's order, whatever that of the dump.
    let rules = |text: &str| {
        let mut rules: Vec<String> = text.lines().filter(|line| line.starts_with("-A")).map(str::to_owned).collect();
        rules.sort();
        rules
    };
    assert_eq!(rules(text(&output.stdout)), rules(DUMP));
    let all = run_on(&["rules", "--snapshot", "-"], DUMP.as_bytes());
    assert!(text(&all.stdout).starts_with("# iptables-nft-save\n"), "{}", text(&all.stdout));
    assert_refused(
        &run_on(&["rules", "--as", "ip6tables-legacy-save", "--snapshot", "-"], b"# whyport snapshot 1\n[end]\n"),
        1,
        "not read",
    );
    let json: Value =
        serde_json::from_slice(&run_on(&["rules", "--json", "--snapshot", "-"], DUMP.as_bytes()).stdout).unwrap();
    assert_eq!(json["schema"], "whyport.rules/1");
    assert_eq!(json["tables"][0]["chains"][0]["rules"][0]["number"], 1);
    assert_eq!(json["hooks"][0]["hook"], "prerouting");
}

/// The help of `--handles` says whose are shown, and those are.
#[test]
fn handles_are_of_native_tables_and_all_that_is_in_them() {
    const LISTED: &str = "table inet t { # handle 3
\tcounter n { # handle 4
\t\tpackets 0 bytes 0
\t}

\tset s { # handle 5
\t\ttype inet_service
\t}

\tchain c { # handle 6
\t\ttcp dport @s accept # handle 7
\t}
}
";
    let help = printed(&["rules", "--help"]);
    assert!(help.contains("of native tables and of what is in them"), "{help}");
    let told = |arguments: &[&str], text: &str| {
        let output = run_on(&[&["rules", "--snapshot", "-"], arguments].concat(), text.as_bytes());
        self::text(&output.stdout).matches("# handle").count()
    };
    assert_eq!((told(&["--handles"], LISTED), told(&[], LISTED)), (5, 0));
    assert_eq!(told(&["--handles"], DUMP), 0);
}

#[test]
fn completions_and_the_manual_name_every_command() {
    let completions = printed(&["completions", "bash"]);
    let manual = printed(&["man"]);
    for name in ["ports", "trace", "rules", "record", "shot", "demo"] {
        assert!(completions.contains(name) && manual.contains(name), "{name}");
        // Each option that the command's help tells; a hyphen is written so (groff_char(7)).
        let help = printed(&[name, "--help"]);
        let options = help.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2);
        for option in options.map(|option| option.trim_end_matches([',', ')', ':'])) {
            assert!(manual.contains(&option.replace('-', "\\-")), "{name} {option}");
        }
    }
    for binding in &whyport::tui::action::ROWS {
        // An apostrophe is written so (groff_char(7)).
        let written = binding.does.replace('\'', "\\*(Aq");
        assert!(manual.contains(&written), "the manual has no key to {}", binding.does);
    }
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&printed(arguments)).unwrap()
}

/// The chain and number of every rule on the way of the likeliest outcome.
fn rules_met(trace: &Value) -> Vec<String> {
    let steps = trace["outcomes"][0]["steps"].as_array().unwrap().iter().filter(|step| !step["rule"].is_null());
    steps.map(|step| format!("{} {}", step["chain"].as_str().unwrap(), step["rule"]["number"])).collect()
}

/// The namespace of each pass of the likeliest outcome.
fn places(trace: &Value) -> Vec<&str> {
    let passes = trace["outcomes"][0]["passes"].as_array().unwrap();
    passes.iter().map(|pass| pass["ns"].as_str().unwrap()).collect()
}

fn ends_at_traefik(trace: &Value) {
    let fate = &trace["outcomes"][0]["fate"];
    assert_eq!((&fate["kind"], &fate["ns"]), (&"delivered".into(), &"traefik".into()), "{fate}");
    assert_eq!((&fate["dst"], &fate["dport"]), (&"10.42.0.59".into(), &8000.into()), "{fate}");
    assert_eq!(fate["socket"]["processes"][0]["name"], "traefik", "{fate}");
}

#[test]
fn the_story_from_outside_ends_at_traefik() {
    let trace = json(&["trace", "80", "--demo", "--json"]);
    contract::trace(&trace);
    let met = rules_met(&trace);
    assert!(met.iter().any(|rule| rule == "PREROUTING 2"), "{met:?}");
    assert_eq!(places(&trace), ["", "svclb", "", "traefik"]);
    ends_at_traefik(&trace);
    insta::assert_snapshot!("story-outside", printed(&["trace", "80", "--demo"]));
}

#[test]
fn the_story_from_localhost_ends_at_traefik_too() {
    let trace = json(&["trace", "tcp/127.0.0.1:80", "--origin", "local", "--demo", "--json"]);
    contract::trace(&trace);
    let met = rules_met(&trace);
    assert!(met.iter().any(|rule| rule.starts_with("OUTPUT ")), "{met:?}");
    assert_eq!(places(&trace), ["", "svclb", "", "traefik"]);
    ends_at_traefik(&trace);
    insta::assert_snapshot!("story-localhost", printed(&["trace", "tcp/127.0.0.1:80", "--origin", "local", "--demo"]));
}

#[test]
fn the_story_by_ipv6_ends_at_nginx() {
    let trace = json(&["trace", "tcp/[::1]:80", "--origin", "local", "--demo", "--json"]);
    contract::trace(&trace);
    let fate = &trace["outcomes"][0]["fate"];
    assert_eq!((&fate["kind"], &fate["socket"]["processes"][0]["name"]), (&"delivered".into(), &"nginx".into()));
    insta::assert_snapshot!("story-ipv6", printed(&["trace", "tcp/[::1]:80", "--origin", "local", "--demo"]));
}

#[test]
fn the_ports_of_the_story_have_a_diverted_one_a_ghost_and_a_reached_one() {
    let ports = json(&["ports", "--demo", "--json"]);
    contract::ports(&ports);
    let outside = |addr: &str, port: u16| {
        let entries = ports["ports"].as_array().unwrap();
        let entry = entries.iter().find(|entry| entry["addr"] == addr && entry["port"] == port).unwrap();
        let answers = entry["answers"].as_array().unwrap();
        let answer =
            answers.iter().find(|answer| answer["origin"] == "outside:eth0" && answer["family"] == "ip").unwrap();
        (entry["socket"].is_null(), answer["verdict"].as_str().unwrap().to_owned())
    };
    assert_eq!(outside("0.0.0.0", 80), (false, "diverted".to_owned()));
    assert_eq!(outside("0.0.0.0", 443), (true, "diverted".to_owned()));
    assert_eq!(outside("0.0.0.0", 22), (false, "reached".to_owned()));
    let text = printed(&["ports", "--demo"]);
    assert_eq!(printed(&["--demo"]), text);
    assert_eq!(printed(&["demo"]), text);
    insta::assert_snapshot!("story-ports", text);
}

/// Rules that changed each time they were read are shown, and whatever is said of them says so.
#[test]
fn what_is_torn_is_told_wherever_it_matters() {
    let whole = printed(&["record", "--demo"]);
    let torn = whole.replacen("[unread]\n", "[unread]\nnf_tables rules (torn): a moment in which nothing changes\n", 1);
    assert_eq!(text(&run_on(&["record", "--snapshot", "-"], torn.as_bytes()).stdout), torn, "it is kept");
    let json = |arguments: &[&str]| -> Value {
        let output = run_on(arguments, torn.as_bytes());
        assert!(output.status.success());
        serde_json::from_slice(&output.stdout).unwrap()
    };
    for command in [&["trace", "80"][..], &["ports"], &["rules"]] {
        let value = json(&[command, &["--json", "--snapshot", "-"]].concat());
        let is_torn = |entry: &&Value| entry["torn"] == true;
        let entry = value["unread"].as_array().unwrap().iter().find(is_torn).expect("torn");
        assert_eq!((&entry["what"], &entry["ns"]), (&"nf_tables rules".into(), &"".into()));
    }
    let trace = json(&["trace", "80", "--json", "--snapshot", "-"]);
    assert_eq!(trace["outcomes"][0]["certain"], false);
    assert_eq!(
        trace["outcomes"][0]["assumed"][0]["text"],
        "nf_tables rules are as they were read (they changed meanwhile)"
    );
    for arguments in [&["rules"][..], &["rules", "--as", "iptables-nft-save"], &["rules", "--as", "nft"]] {
        let all = [arguments, &["--snapshot", "-"]].concat();
        let (whole, torn) = (run_on(&all, whole.as_bytes()), run_on(&all, torn.as_bytes()));
        assert_eq!(text(&whole.stdout), text(&torn.stdout));
        assert_eq!(text(&torn.stderr), "whyport: torn, as each of three readings saw a change: nf_tables rules\n");
        assert_eq!(text(&whole.stderr), "");
        assert!(torn.status.success());
    }
    let sets = run_on(&["rules", "--as", "ipset-save", "--snapshot", "-"], torn.as_bytes());
    assert_eq!(text(&sets.stderr), "", "sets are whole");
}

#[test]
fn a_dash_is_standard_output_and_a_namespace_that_is_not_there_is_wrong_usage() {
    let recorded = run(&["record", "-", "--demo"]);
    assert!(recorded.stdout.starts_with(b"# whyport snapshot"), "{}", text(&recorded.stderr));
    assert!(!std::path::Path::new("-").exists());
    for host in [&["--demo"][..], &[]] {
        assert_refused(&run(&[&["ports", "--netns", "no-such-namespace"], host].concat()), 2, "no-such-namespace");
    }
}
