//! The story, live: who really answers port 80, and the same from a record of it.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use serde_json::Value;
use whyport::host::{Host, Socket};
use whyport::kernel::{self, Places};

use crate::node::{NGINX, build, printed, text, whyport};
use crate::world::{apart, run};

/// The first answer of a port, to a packet from outside: its verdict and who; with the socket that the port has.
fn answer(ports: &Value, port: u64, origin: &str) -> Option<(String, String, bool)> {
    let ports = ports["ports"].as_array().unwrap();
    let here =
        |entry: &&Value| entry["proto"] == "tcp" && entry["port"] == port && entry["answers"][0]["family"] == "ip";
    let entry = ports.iter().find(here)?;
    let answer = entry["answers"].as_array().unwrap().iter().find(|answer| answer["origin"] == origin).unwrap();
    let word = |key: &str| answer[key].as_str().unwrap().to_owned();
    Some((word("verdict"), word("who"), !entry["socket"].is_null()))
}

fn ports() -> Value {
    serde_json::from_str(&printed(&["ports", "--json"])).unwrap()
}

#[test]
fn port_80_is_diverted_443_is_a_ghost_and_22_is_reached() {
    apart(|| {
        let _world = build(&NGINX);
        let ports = ports();
        assert_eq!(ports["unread"], Value::Array(Vec::new()), "everything can be read by root");
        for origin in ["outside:eth0", "local:127.0.0.1", "local:192.168.66.100"] {
            let pod = |port: u16| format!("10.42.0.2:{port}");
            assert_eq!(answer(&ports, 80, origin), Some(("diverted".to_owned(), pod(80), true)), "{origin}");
            let ghost = answer(&ports, 443, "outside:eth0").unwrap();
            assert_eq!(ghost, ("diverted".to_owned(), pod(443), false));
            let (verdict, who, _) = answer(&ports, 22, origin).unwrap();
            assert_eq!(verdict, "reached", "{origin}");
            assert!(who.contains(&std::process::id().to_string()), "{who}");
        }
        let trace = printed(&["trace", "80"]);
        for part in ["diverted: 10.42.0.2:80", "CNI-HOSTPORT-DNAT", "=> destination becomes 10.42.0.2:80", "by cni0"] {
            assert!(trace.contains(part), "{part}: {trace}");
        }
        assert!(printed(&["trace", "22"]).contains("reached: "));
    });
}

#[test]
fn who_listens_is_read_alone_as_it_is_with_everything_else() {
    apart(|| {
        let _world = build(&NGINX);
        let places = Places { proc: Path::new("/proc"), modules: Path::new("/lib/modules") };
        let told = |host: &Host, holders: bool| {
            let sockets = host.namespaces[0].sockets.iter();
            let one = |socket: &Socket| {
                let held = if holders { socket.processes.clone() } else { Vec::new() };
                (socket.protocol, socket.addr, socket.port, socket.inode, held)
            };
            sockets.map(one).collect::<HashSet<_>>()
        };
        let whole = kernel::read(&places, None, &Arc::default()).unwrap();
        for holders in [true, false] {
            let alone = kernel::read_sockets(&places, None, holders).unwrap();
            assert_eq!(told(&alone, true), told(&whole, holders));
            assert!(told(&alone, true).len() >= NGINX.len());
        }
    });
}

#[test]
fn without_a_listener_port_80_still_answers_and_is_a_ghost() {
    apart(|| {
        let _world = build(&["tcp 0.0.0.0:22"]);
        let found = answer(&ports(), 80, "outside:eth0").unwrap();
        assert_eq!(found, ("diverted".to_owned(), "10.42.0.2:80".to_owned(), false));
        assert!(printed(&["ports"]).lines().any(|line| line.contains(" 80 ") && line.contains("ghost")));
        assert!(printed(&["trace", "80"]).contains("diverted: 10.42.0.2:80"));
    });
}

/// Does something while what `seen` sees stays the same: the kernel says a word by itself now and then (IGMP, MLD), and
/// rules count it.
fn while_still<T>(seen: impl Fn() -> String, what: impl Fn() -> T) -> (T, String) {
    for _ in 0..20 {
        let (before, done, after) = (seen(), what(), seen());
        if before == after {
            return (done, after);
        }
    }
    panic!("it never stood still: {}", seen());
}

/// Without the lines in which the tools tell their version and the time.
fn undated(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}

#[test]
fn rules_are_those_that_the_tools_print() {
    apart(|| {
        let _world = build(&NGINX);
        for tool in ["iptables-nft-save", "ip6tables-nft-save"] {
            let (told, prints) = while_still(|| undated(&run(&[tool], "")), || printed(&["rules", "--as", tool]));
            assert_eq!(undated(&told), prints, "{tool}");
            let prints = || undated(&run(&[tool, "--counters"], ""));
            let (told, prints) = while_still(prints, || printed(&["rules", "--as", tool, "--counters"]));
            assert_eq!(undated(&told), prints, "{tool} --counters");
        }
    });
}

/// The program on a recorded host.
fn of_record(record: &str, arguments: &[&str]) -> String {
    let mut command = whyport(arguments);
    command.args(["--snapshot", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(record.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stderr), "", "{arguments:?}");
    text(&output.stdout).to_owned()
}

/// A record holds every namespace of the machine, and the program looks into the one it was made from: what it finds there
/// is, byte by byte, what it found live. Nothing has to differ: sockets keep their inodes, and neither contract tells when
/// the host was read.
#[test]
fn a_record_gives_the_same_answers_byte_for_byte() {
    apart(|| {
        let _world = build(&NGINX);
        let record = || {
            let output = whyport(&["record"]).output().unwrap();
            assert!(output.status.success(), "{}", text(&output.stderr));
            text(&output.stdout).to_owned()
        };
        for arguments in [
            &["trace", "80", "--json"][..],
            &["trace", "80", "--json", "--origin", "local"],
            &["trace", "tcp/[2001:db8:66::100]:80", "--json"],
            &["trace", "443", "--json", "--src", "10.42.0.7"],
            &["trace", "22"],
            &["ports", "--json"],
            &["ports"],
            &["rules", "--as", "iptables-nft-save", "--counters"],
            &["rules"],
        ] {
            // Between fork and exec, a child of another test holds the sockets too: a record may see it.
            let once = || {
                let (record, live) = while_still(|| printed(arguments), record);
                (of_record(&record, arguments), live)
            };
            let equal = (0..10).any(|_| {
                let (recorded, live) = once();
                recorded == live
            });
            if !equal {
                let (recorded, live) = once();
                assert_eq!(recorded, live, "{arguments:?}");
            }
        }
    });
}

#[test]
fn another_namespace_is_named_by_a_process_or_a_path() {
    apart(|| {
        let _world = build(&NGINX);
        let here = format!("/proc/{}/task/{}/ns/net", std::process::id(), nix::unistd::gettid());
        let inside = printed(&["ports", "--json"]);
        let elsewhere = |arguments: &[&str]| {
            nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
            printed(arguments)
        };
        let kept = std::fs::File::open(&here).unwrap();
        let path = format!("/proc/{}/fd/{}", std::process::id(), std::os::fd::AsRawFd::as_raw_fd(&kept));
        assert_eq!(elsewhere(&["ports", "--json", "--netns", &path]), inside);
        assert!(elsewhere(&["ports"]).contains("No socket listens here"));
        let output = whyport(&["ports", "--netns", "no-such-name"]).output().unwrap();
        crate::node::assert_ended(&output, 2);
        assert!(text(&output.stderr).contains("no-such-name"));
    });
}
