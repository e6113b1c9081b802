//! Without privileges: sockets, addresses and routes are shown, one line says what is unread and what would give it, and no
//! answer is certain that unread rules could change.

#![allow(unsafe_code, reason = "a child gives up privileges before it becomes the program")]

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output};

use nix::errno::Errno;
use nix::libc;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use serde_json::Value;

use crate::node::{NGINX, assert_ended, build, text, whyport};
use crate::world::apart;

const CAP_NET_ADMIN: libc::c_ulong = 12;
const NOBODY: u32 = 65534;

/// Somebody who may not read rules.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Who {
    /// An ordinary user.
    Nobody,
    /// Root without `CAP_NET_ADMIN`.
    Bounded,
    /// Root of a user namespace of its own, in a network namespace that is not its.
    Stranger,
}

impl Who {
    const ALL: [Who; 3] = [Who::Nobody, Who::Bounded, Who::Stranger];

    fn run(self, arguments: &[&str]) -> Output {
        let mut command = whyport(arguments);
        // SAFETY: system calls alone are made between fork and exec.
        unsafe {
            command.pre_exec(move || {
                match self {
                    Who::Nobody => {
                        setgroups(&[])?;
                        setresgid(Gid::from_raw(NOBODY), Gid::from_raw(NOBODY), Gid::from_raw(NOBODY))?;
                        setresuid(Uid::from_raw(NOBODY), Uid::from_raw(NOBODY), Uid::from_raw(NOBODY))?;
                    }
                    Who::Bounded => {
                        Errno::result(libc::prctl(libc::PR_CAPBSET_DROP, CAP_NET_ADMIN, 0, 0, 0))?;
                    }
                    Who::Stranger => unshare(CloneFlags::CLONE_NEWUSER)?,
                }
                Ok(())
            })
        };
        command.output().unwrap()
    }

    /// What it printed, with status 0 and nothing on standard error.
    fn printed(self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_ended(&output, 0);
        assert_eq!(text(&output.stderr), "", "{self:?} {arguments:?}");
        text(&output.stdout).to_owned()
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Runs a test as each of them, on the node of the story.
fn each(test: fn(Who)) {
    apart(move || {
        let _world = build(&NGINX);
        Who::ALL.into_iter().for_each(test);
    });
}

/// One line says it, rules first; the line may be wrapped.
fn assert_told(text: &str) {
    let told: Vec<&str> = text.lines().filter(|line| line.contains("not read: ")).collect();
    assert_eq!(told.len(), 1, "{text}");
    // Sets are told where they could matter.
    let parts = [
        "not read: nf_tables rules (needs CAP_NET_ADMIN)",
        "not read: nf_tables rules, ipset sets (needs CAP_NET_ADMIN)",
    ];
    assert!(parts.iter().any(|part| told[0].contains(part)), "{text}");
}

#[test]
fn ports_are_shown_and_depend_on_what_nobody_read() {
    each(|who| {
        let told = who.printed(&["ports"]);
        assert_told(&told);
        for port in ["80", "22"] {
            let row = told.lines().find(|line| line.contains(&format!(" {port} ")) && line.contains("0.0.0.0"));
            assert!(row.is_some_and(|row| row.starts_with("depends")), "{who:?}: {told}");
        }
        let told = json(&who.printed(&["ports", "--json"]));
        let unread = told["unread"].as_array().unwrap();
        assert!(unread.iter().any(|unread| unread["what"] == "nf_tables rules" && unread["needs"] == "CAP_NET_ADMIN"));
        let answers = told["ports"].as_array().unwrap().iter().flat_map(|port| port["answers"].as_array().unwrap());
        assert!(answers.clone().count() >= 9);
        for answer in answers {
            assert_eq!(answer["verdict"], "depends", "{who:?}: {answer}");
        }
    });
}

#[test]
fn a_trace_is_walked_and_no_outcome_is_certain() {
    each(|who| {
        let told = who.printed(&["trace", "80"]);
        assert_told(&told);
        let words: Vec<&str> = told.split_whitespace().collect();
        let unwrapped = words.join(" ");
        for part in ["depends: ", "gets this packet, unless a rule", "CNI-HOSTPORT"] {
            assert_eq!(unwrapped.contains(part), part != "CNI-HOSTPORT", "{who:?}: {told}");
        }
        assert!(told.contains("route  192.168.66.100 is this host's"), "addresses and routes are read: {told}");
        for arguments in [&["trace", "80", "--json"][..], &["trace", "22", "--json", "--origin", "local"]] {
            let told = json(&who.printed(arguments));
            assert!(told["unread"].as_array().unwrap().iter().any(|unread| unread["needs"] == "CAP_NET_ADMIN"));
            for outcome in told["outcomes"].as_array().unwrap() {
                assert_eq!(outcome["certain"], false, "{who:?}: {outcome}");
                assert!(outcome["assumed"].as_array().unwrap().iter().any(|assumed| assumed["why"] == "unread"));
            }
        }
    });
}

#[test]
fn rules_that_cannot_be_read_are_refused_in_one_line() {
    each(|who| {
        for arguments in [
            &["rules"][..],
            &["rules", "--as", "iptables-nft-save"],
            &["rules", "--as", "ip6tables-nft-save"],
            &["rules", "--as", "nft"],
        ] {
            let output = who.run(arguments);
            assert_ended(&output, 1);
            let said = text(&output.stderr);
            assert!(said.starts_with("whyport: ") && said.contains("CAP_NET_ADMIN"), "{who:?} {arguments:?}: {said}");
            assert_eq!(text(&output.stdout), "", "{who:?} {arguments:?}");
        }
        let told = json(&who.printed(&["rules", "--json"]));
        assert!(told["unread"].as_array().unwrap().iter().any(|unread| unread["what"] == "nf_tables rules"));
    });
}

#[test]
fn a_record_is_made_and_says_what_it_lacks() {
    each(|who| {
        let output = who.run(&["record"]);
        assert_ended(&output, 0);
        assert!(
            text(&output.stderr).starts_with("whyport: not read: nf_tables rules, ipset sets (needs CAP_NET_ADMIN)")
        );
        let record = text(&output.stdout);
        for part in ["192.168.66.100", "\"dst\":\"default\"", "LISTEN", "nf_tables rules", "CAP_NET_ADMIN"] {
            assert!(record.contains(part), "{who:?}: {part}");
        }
    });
}

#[test]
fn the_explorer_says_it_where_it_says_who_answers() {
    each(|who| {
        let name = format!("whyport-unprivileged-{}-{who:?}.txt", std::process::id());
        let picture = std::env::temp_dir().join(name);
        // The others may not write what root made.
        let output = who.run(&["shot", "80", "-o", picture.to_str().unwrap(), "--keys", "r"]);
        assert_ended(&output, 0);
        let screen = std::fs::read_to_string(&picture).unwrap();
        let _ = std::fs::remove_file(&picture);
        assert_told(&screen);
        assert!(screen.contains("? tcp   80 0.0.0.0"), "{screen}");
    });
}

#[test]
fn root_of_its_own_namespaces_reads_everything_in_them() {
    apart(|| {
        let script = "ip link set lo up && ip addr add 192.0.2.1/32 dev lo && \
                      iptables-nft -t nat -A OUTPUT -p tcp --dport 80 -j DNAT --to-destination 192.0.2.1:8080 && \
                      exec \"$0\" \"$@\"";
        let run = |arguments: &[&str]| {
            let mut command = Command::new("unshare");
            command.args(["-U", "-r", "-n", "sh", "-c", script, env!("CARGO_BIN_EXE_whyport")]).args(arguments);
            command.env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin").output().unwrap()
        };
        let output = run(&["trace", "80", "--origin", "local", "--dst", "192.0.2.1"]);
        assert_ended(&output, 0);
        let told = text(&output.stdout);
        assert!(told.contains("=> destination becomes 192.0.2.1:8080") && !told.contains("not read"), "{told}");
        let output = run(&["rules", "--as", "iptables-nft-save"]);
        assert_ended(&output, 0);
        assert!(text(&output.stdout).contains("-A OUTPUT -p tcp -m tcp --dport 80 -j DNAT"));
        assert_ended(&run(&["ports"]), 0);
        assert_ended(&run(&["record"]), 0);
    });
}
