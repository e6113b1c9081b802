//! Finding namespaces and getting into them.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sched::{CloneFlags, setns, unshare};

use super::super::namespaces::{Found, enter, list};
use super::super::processes::Held;
use super::{Places, apart, here, ip, run};

const PROC: &str = "/proc";

fn found() -> Vec<Found> {
    list(Path::new(PROC), &Held::read(Path::new(PROC), &Default::default()))
}

fn inode() -> u64 {
    fs::metadata("/proc/thread-self/ns/net").unwrap().ino()
}

#[test]
fn namespaces_are_found_wherever_they_are_held() {
    apart(|| {
        let (own, _) = here();
        ip("netns add pod\nnetns add zoo\n");
        // One that a descriptor alone holds, and one that a mount elsewhere does.
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let (nameless, _) = here();
        let held = inode();
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let mounted = inode();
        fs::create_dir("/run/a b").unwrap();
        File::create("/run/a b/c").unwrap();
        run(&["mount", "--bind", "/proc/self/ns/net", "/run/a b/c"], "");
        setns(&own, CloneFlags::CLONE_NEWNET).unwrap();

        let all = found();
        assert_eq!(all[0].name, format!("net:[{}]", inode()));
        let names: Vec<&str> = all.iter().map(|found| found.name.as_str()).collect();
        assert_eq!(&names[1..3], ["pod", "zoo"]);
        assert!(names.contains(&format!("net:[{held}]").as_str()), "{names:?}");
        // The mounts of this test are this thread's alone, and a process counts by its first thread: a child shows them.
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let all = found();
        child.kill().unwrap();
        child.wait().unwrap();
        let there = all.iter().find(|found| found.name == format!("net:[{mounted}]")).expect("the mounted one");
        assert!(there.path.ends_with("run/a b/c"), "{there:?}");
        let mut identities: Vec<_> = all.iter().map(|found| found.identity).collect();
        identities.sort_unstable();
        identities.dedup();
        assert_eq!(identities.len(), all.len());
        // The path of the own one leads there from any thread.
        let path = all[0].path.clone();
        let other = std::thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            fs::metadata(path).unwrap().ino()
        });
        assert_eq!(other.join().unwrap(), all[0].identity.1);
        drop(nameless);
    });
}

#[test]
fn a_namespace_is_entered_by_name_pid_and_path() {
    apart(|| {
        let (own, path) = here();
        let outside = fs::metadata("/proc/self/ns/net").unwrap().ino();
        let from = inode();
        ip("netns add pod\nnetns add 123456\n");
        let pod = fs::metadata("/run/netns/pod").unwrap().ino();
        let digits = fs::metadata("/run/netns/123456").unwrap().ino();
        for (target, expected) in [
            ("pod", pod),
            ("123456", digits),
            (std::process::id().to_string().as_str(), outside),
            (path.as_str(), from),
            ("/run/netns/pod", pod),
            (format!("net:[{pod}]").as_str(), pod),
        ] {
            enter(Path::new(PROC), target).unwrap_or_else(|error| panic!("{target}: {error}"));
            assert_eq!(inode(), expected, "{target}");
            setns(&own, CloneFlags::CLONE_NEWNET).unwrap();
        }
        // Once inside, the own namespace is listed by its name.
        enter(Path::new(PROC), "pod").unwrap();
        assert_eq!(found()[0].name, "pod");
        setns(&own, CloneFlags::CLONE_NEWNET).unwrap();
        enter(Path::new(PROC), &format!("net:[{from}]")).unwrap();
    });
}

#[test]
fn who_cannot_enter_is_told_what_to_do() {
    apart(|| {
        ip("netns add pod\n");
        let said = |target: &str| enter(Path::new(PROC), target).unwrap_err().to_string();
        let unknown = said("pot");
        assert!(unknown.starts_with("no network namespace is called \"pot\"; there are "), "{unknown}");
        assert!(unknown.contains("pod") && !unknown.contains('\n'), "{unknown}");
        assert_eq!(said("4000000000"), "no process has the pid 4000000000: take one of ps -e");
        for other in ["/etc/hostname", "/nowhere", "/proc/self/ns/mnt"] {
            assert!(said(other).starts_with(&format!("{other} is no network namespace")), "{}", said(other));
        }
        let file = File::open("/run/netns/pod").unwrap();
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        drop_rights();
        let said = said(&path);
        assert!(said.contains("CAP_SYS"), "{said}");
    });
}

/// Takes this thread's rights. The kernel keeps them by thread, the C library would take those of all.
#[allow(unsafe_code, reason = "only the system call itself takes the rights of one thread")]
pub(super) fn drop_rights() {
    // SAFETY: three numbers, no memory.
    let result = unsafe { libc::syscall(libc::SYS_setresuid, 65534, 65534, 65534) };
    assert_eq!(result, 0);
}

/// Where procfs is not mounted nobody knows what the own namespace is called; it is read all the same.
#[test]
fn without_procfs_the_own_namespace_is_read() {
    apart(|| {
        let nowhere = Path::new("/nonexistent");
        let host =
            crate::kernel::read_all(&Places { proc: nowhere, modules: nowhere }, None, &Default::default()).unwrap();
        assert_eq!(host.viewed().links.iter().map(|link| link.name.as_str()).next(), Some("lo"));
    });
}
