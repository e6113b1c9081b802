//! What the kernel says is held against what the admin's tools print of the same namespace.

mod hooks;
#[path = "../../benches/k8s/mod.rs"]
pub(super) mod k8s;
mod namespaces;
mod progress;
mod recorded;
pub(super) mod route;
mod sockets;
mod watch;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sched::{CloneFlags, unshare};

use super::netlink::Answers;
use super::{Common, Places, surroundings};
use crate::host::{Backend, IpFamily, Namespace, What};
use crate::syntax::iptables::{self, Options};

/// This machine's.
pub(super) fn places() -> Places<'static> {
    Places { proc: Path::new("/proc"), modules: Path::new("/lib/modules") }
}

/// A folder of made-up files that is gone when the test ends.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn with(files: &[(&str, &str)]) -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("whyport-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Folder(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs a test on a thread of its own, in a namespace of its own, in which nothing speaks by itself. Mounts that it makes
/// are its own too.
pub(super) fn apart(test: impl FnOnce() + Send + 'static) {
    assert!(nix::unistd::geteuid().is_root(), "the kernel is asked as root: run these tests as root");
    let thread = std::thread::Builder::new().name(std::thread::current().name().unwrap_or("apart").to_owned());
    let all = move || {
        unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).unwrap();
        run(&["mount", "--make-rprivate", "/"], "");
        run(&["mount", "-t", "tmpfs", "none", "/run"], "");
        for key in ["all/accept_dad", "default/accept_dad"] {
            fs::write(format!("/proc/sys/net/ipv6/conf/{key}"), "0").unwrap();
        }
        test();
    };
    if let Err(panic) = thread.spawn(all).unwrap().join() {
        std::panic::resume_unwind(panic);
    }
}

/// Runs a tool in the namespace of this thread and returns what it printed.
pub(super) fn run(command: &[&str], input: &str) -> String {
    let path = format!("{}:/usr/sbin:/sbin:/usr/bin:/bin", std::env::var("PATH").unwrap_or_default());
    let mut child = Command::new(command[0])
        .args(&command[1..])
        .env("PATH", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}, which this test needs: {error}", command[0]));
    // Written beside reading: a long answer must not wait for the rest of the question.
    let (mut stdin, text) = (child.stdin.take().unwrap(), input.to_owned());
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} failed: {said}\n{input}", command.join(" "));
    String::from_utf8(output.stdout).unwrap()
}

/// Fails at the first line in which what is printed is not what a tool wrote, its dated comments aside.
pub(super) fn assert_same_lines(printed: &str, written: &str) {
    fn lines(text: &str) -> Vec<&str> {
        text.lines().filter(|line| !line.starts_with('#')).collect()
    }
    let (printed, written) = (lines(printed), lines(written));
    for (printed, written) in printed.iter().zip(&written) {
        assert_eq!(printed, written);
    }
    assert_eq!(printed.len(), written.len(), "{printed:?}");
}

/// Dumps of real hosts as this backend prints them, without the rules that ask for sets.
pub(super) fn real_hosts(backend: Backend) -> Vec<String> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus");
    let names = [
        "podman-netavark-1.4.iptables-save",
        "k3s-node.iptables-save",
        "k3s-svclb.iptables-save",
        "kube-proxy-TestTracePacket.iptables-save",
        "azure-iptablesave.iptables-save",
        "azure-iptablesave-v1.unfolded.iptables-save",
        "azure-iptablesave-v2.iptables-save",
    ];
    let dump = |name: &str| {
        let text = fs::read_to_string(corpus.join(name)).expect(name);
        let dump = iptables::parse(&text, &Options { family: Some(IpFamily::V4), backend });
        let text = iptables::print(&dump.ruleset, Some(&dump.observations), IpFamily::V4, backend);
        text.lines().filter(|line| !line.contains(" -m set ")).flat_map(|line| [line, "\n"]).collect()
    };
    names.map(dump).to_vec()
}

pub(super) fn ip(lines: &str) {
    run(&["ip", "-batch", "-"], lines);
}

/// The namespace of this thread, held open, and a path that leads there.
fn here() -> (File, String) {
    let file = File::open("/proc/thread-self/ns/net").unwrap();
    let path = format!("/proc/{}/fd/{}", std::process::id(), std::os::fd::AsRawFd::as_raw_fd(&file));
    (file, path)
}

/// Hands over bytes like those of `samples`, some cut, some with other numbers in them. The same each time.
pub(super) fn damaged(samples: &[Vec<u8>], rounds: u32, mut each: impl FnMut(&[u8])) {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    assert!(!samples.is_empty());
    for _ in 0..rounds {
        let mut bytes = samples[random(samples.len())].clone();
        for _ in 0..random(4) {
            let at = random(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte = [0, 1, 4, 5, 0x7f, 0xff, random(256) as u8][random(7)];
            }
        }
        if random(3) == 0 {
            bytes.truncate(random(bytes.len() + 1));
        }
        each(&bytes);
    }
}

/// The namespace of this thread, as the kernel tells it.
fn told() -> Namespace {
    let mut ns = Namespace::default();
    surroundings(&places(), &Common::read(&places(), Answers::default()), &mut ns);
    assert_eq!(ns.unread, []);
    ns
}

/// The namespace of this thread, as the tools print it.
fn printed() -> Namespace {
    let mut text = "# whyport snapshot 1\n[namespace here]\n".to_owned();
    for command in [
        "ip netns list-id",
        "ip -d -j link",
        "ip -j addr",
        "ip -4 -j route show table all",
        "ip -6 -j route show table all",
        "ip -j rule",
        "ip -6 -j rule",
        "ip -j neigh",
        "bridge -j fdb",
        "ss -H -tulpne",
    ] {
        let words: Vec<&str> = command.split(' ').collect();
        text += &format!("\n[{command}]\n{}\n", run(&words, ""));
    }
    text += &format!("\n[sysctl]\n{}\n[end]\n", run(&["sysctl", "-a", "--pattern", "^net"], ""));
    parsed(&text)
}

fn parsed(text: &str) -> Namespace {
    let recording = crate::snapshot::parse(text);
    assert_eq!(recording.diagnostics, []);
    recording.host.namespaces.into_iter().next().unwrap()
}

#[test]
fn rules_are_read_alone_as_they_are_read_with_everything_else() {
    apart(|| {
        run(&["iptables-nft-restore"], &k8s::dump(300));
        run(&["iptables-legacy-restore"], "*filter\n:INPUT DROP [0:0]\n-A INPUT -s 10.0.0.0/8 -j ACCEPT\nCOMMIT\n");
        run(&["nft", "-f", "-"], "table inet t { chain c { iif lo tcp dport { 22, 80 } counter accept; }; }\n");
        run(&["ipset", "restore"], "create s hash:ip\nadd s 10.0.0.1\n");
        let all = super::read(&places(), None, &Default::default()).unwrap();
        let rules = super::read_rules(&places(), None, &Default::default()).unwrap();
        let (all, rules) = (all.viewed(), rules.viewed());
        assert_eq!((&rules.ruleset, &rules.ipsets, &rules.links), (&all.ruleset, &all.ipsets, &all.links));
        assert_eq!(rules.observations, all.observations);
        assert_eq!(rules.ruleset.tables.len(), 3);
        let read =
            [What::NfTables, What::LegacyIp, What::IpSets, What::Sockets, What::Routes].map(|w| rules.is_read(w));
        assert_eq!(read, [true, true, true, false, false]);
    });
}
