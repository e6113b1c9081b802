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

/// The first PID namespace, in which all processes are seen (`PROC_PID_INIT_INO`).
const ALL_PROCESSES: &[u8] = b"pid:[4026531836]";

impl Held {
    /// Looks through all processes, until the reading is stopped; `proc` is the root of procfs.
    pub(super) fn read(proc: &Path, progress: &Progress) -> Held {
        let mut held = Held::default();
        for (pid, folder) in folders(proc) {
            if progress.is_cancelled() {
                break;
            }
            let entries = match fs::read_dir(folder.join("fd")) {
                Ok(entries) => entries,
                Err(error) => {
                    // One that is gone holds nothing.
                    held.miss(&error, &folder);
                    continue;
                }
            };
            let mut index = None;
            for entry in entries.flatten() {
                held.look(pid, &folder, &entry.path(), &mut index);
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

    /// A link of a process that has ended is denied, too, whoever asks (`proc_fd_access_allowed`).
    fn miss(&mut self, error: &std::io::Error, folder: &Path) {
        if error.kind() == ErrorKind::PermissionDenied && fs::read(folder.join("stat")).is_ok() {
            self.hidden = Some(RIGHTS);
        }
    }

    fn look(&mut self, pid: u32, folder: &Path, descriptor: &Path, index: &mut Option<u32>) {
        let link = match fs::read_link(descriptor) {
            Ok(link) => link,
            Err(error) => return self.miss(&error, folder),
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
    fn what_is_denied_of_a_process_that_has_ended_is_not_hidden() {
        let folder = Folder::with(&[("7/stat", "7 (w) S 1")]);
        let mut held = Held::default();
        held.miss(&ErrorKind::PermissionDenied.into(), &folder.path().join("8"));
        held.miss(&ErrorKind::NotFound.into(), &folder.path().join("7"));
        assert_eq!(held.hidden, None);
        held.miss(&ErrorKind::PermissionDenied.into(), &folder.path().join("7"));
        assert_eq!(held.hidden, Some(RIGHTS));
    }

    #[test]
    fn what_cannot_be_read_is_hidden() {
        assert!(Held::read(Path::new("/nonexistent"), &Progress::default()).hidden.is_some());
    }
}
