//! Which processes hold what: sockets and network namespaces, by the descriptors in `/proc/*/fd`.
//!
//! One pass over all descriptors, one `readlink` each. Knows the texts `socket:[inode]` and `net:[inode]`. Deliberately does
//! not know what a socket is for.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::progress::Progress;
use crate::host::{Process, Socket};

/// What processes hold open, as far as this process may see it.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    /// Those that hold a socket.
    processes: Vec<Process>,
    /// By a socket's inode: indices of `processes`, each once.
    sockets: HashMap<u64, Vec<u32>>,
    /// By a network namespace's inode: a descriptor that holds it.
    pub(super) namespaces: HashMap<u64, PathBuf>,
    /// The descriptors of some process cannot be seen: what it would take.
    pub(super) hidden: Option<&'static str>,
}

/// Listing the descriptors of another user's process takes the one, following them the other (`proc_pid_fd(5)`).
const RIGHTS: &str = "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH";

/// What is to be done where all may be seen, and some process was gone before it was.
const MEANWHILE: &str = "another reading: processes ended or began meanwhile";
/// The bits of both in what a thread may do (`linux/capability.h`).
const BOTH: u64 = 1 << 19 | 1 << 2;
/// What `uid_map` says in the first user namespace: of another one, rights count there only.
const ALL_USERS: [&str; 3] = ["0", "0", "4294967295"];

/// The first PID namespace, in which all processes are seen (`PROC_PID_INIT_INO`).
const ALL_PROCESSES: &[u8] = b"pid:[4026531836]";

impl Held {
    /// Looks through all processes, until the reading is stopped; `proc` is the root of procfs.
    pub(super) fn read(proc: &Path, progress: &Progress) -> Held {
        let denied = if may_see_all(proc) { MEANWHILE } else { RIGHTS };
        let mut held = Held::default();
        for (pid, folder) in folders(proc) {
            if progress.is_cancelled() {
                break;
            }
            let entries = match fs::read_dir(folder.join("fd")) {
                Ok(entries) => entries,
                Err(error) => {
                    // One that is gone holds nothing.
                    held.miss(&error, denied);
                    continue;
                }
            };
            let mut index = None;
            for entry in entries.flatten() {
                held.look((pid, &folder), &entry.path(), &mut index, denied);
            }
        }
        let all = fs::read_link(proc.join("self/ns/pid"));
        if !proc.join("1/fd").exists() {
            // A procfs mounted with hidepid shows nothing at all of others.
            held.hidden = Some(RIGHTS);
        } else if all.is_ok_and(|all| all.as_os_str().as_bytes() != ALL_PROCESSES) {
            held.hidden = Some("the host's PID namespace");
        }
        held
    }

    /// `denied`: what it means that it is denied. A link of a process that has ended is, whoever asks (`proc_pid_readlink`).
    fn miss(&mut self, error: &std::io::Error, denied: &'static str) {
        if error.kind() == ErrorKind::PermissionDenied {
            self.hidden = Some(denied);
        }
    }

    fn look(&mut self, (pid, folder): (u32, &Path), descriptor: &Path, index: &mut Option<u32>, denied: &'static str) {
        let link = match fs::read_link(descriptor) {
            Ok(link) => link,
            Err(error) => return self.miss(&error, denied),
        };
        let text = link.as_os_str().as_bytes();
        if let Some(inode) = inode(text, b"socket:[") {
            let process = *index.get_or_insert_with(|| {
                self.processes.push(Process { pid, name: name(folder) });
                self.processes.len() as u32 - 1
            });
            let holders = self.sockets.entry(inode).or_default();
            if !holders.contains(&process) {
                holders.push(process);
            }
        } else if let Some(inode) = inode(text, b"net:[") {
            self.namespaces.entry(inode).or_insert_with(|| descriptor.to_owned());
        }
    }

    /// The processes that hold a socket, by pid.
    pub(super) fn holders(&self, socket: u64) -> Vec<Process> {
        let indices = self.sockets.get(&socket).into_iter().flatten();
        let mut found: Vec<Process> =
            indices.filter_map(|index| self.processes.get(*index as usize)).cloned().collect();
        found.sort();
        found
    }

    /// Gives sockets their processes. One of them may have a process that cannot be seen: returns what it would take.
    pub(super) fn give(&self, sockets: &mut [Socket]) -> Option<&'static str> {
        for socket in sockets.iter_mut() {
            socket.processes = self.holders(socket.inode);
        }
        // The kernel's own sockets, which no process holds, have no inode, or look just like those of hidden processes.
        let alone = sockets.iter().any(|socket| socket.inode != 0 && socket.processes.is_empty());
        self.hidden.filter(|_| alone)
    }
}

/// Whether this thread has the rights that it takes to see what processes of all users hold.
fn may_see_all(proc: &Path) -> bool {
    let own = |file: &str| fs::read_to_string(proc.join("thread-self").join(file)).unwrap_or_default();
    let status = own("status");
    let rights = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let rights = rights.and_then(|rights| u64::from_str_radix(rights.trim(), 16).ok()).unwrap_or(0);
    rights & BOTH == BOTH && own("uid_map").split_whitespace().eq(ALL_USERS)
}

/// The folders of all processes.
pub(super) fn folders(proc: &Path) -> impl Iterator<Item = (u32, PathBuf)> {
    let entries = fs::read_dir(proc).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
}

/// The process's name: raw bytes, as it chose them.
fn name(folder: &Path) -> String {
    let mut bytes = fs::read(folder.join("comm")).unwrap_or_default();
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The number in `prefix` NUMBER `]`.
pub(super) fn inode(text: &[u8], prefix: &[u8]) -> Option<u64> {
    let digits = text.strip_prefix(prefix)?.strip_suffix(b"]")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::tests::Folder;
    use super::*;

    #[test]
    fn an_inode_stands_in_brackets() {
        assert_eq!(inode(b"socket:[17]", b"socket:["), Some(17));
        for other in [&b"socket:[17"[..], b"socket:[x]", b"pipe:[17]", b"/tmp/socket:[17]", b""] {
            assert_eq!(inode(other, b"socket:["), None);
        }
    }

    #[test]
    fn who_has_the_rights_is_not_told_that_they_are_missing() {
        let folder = Folder::with(&[
            ("thread-self/status", "Name:\tw\nCapEff:\t0000000000080004\nCapBnd:\t0\n"),
            ("thread-self/uid_map", "         0          0 4294967295\n"),
        ]);
        assert!(may_see_all(folder.path()));
        let within = [("thread-self/status", "CapEff:\t000001ffffffffff\n"), ("thread-self/uid_map", "0 1000 1\n")];
        let one = [("thread-self/status", "CapEff:\t0000000000000004\n"), ("thread-self/uid_map", "0 0 4294967295\n")];
        for other in [&within[..], &one, &[]] {
            assert!(!may_see_all(Folder::with(other).path()));
        }
        let mut held = Held::default();
        held.miss(&ErrorKind::NotFound.into(), MEANWHILE);
        assert_eq!(held.hidden, None);
        held.miss(&ErrorKind::PermissionDenied.into(), MEANWHILE);
        assert_eq!(held.hidden, Some(MEANWHILE));
    }

    #[test]
    fn what_cannot_be_read_is_hidden() {
        assert!(Held::read(Path::new("/nonexistent"), &Progress::default()).hidden.is_some());
    }
}
