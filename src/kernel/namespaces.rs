//! The network namespaces of this host: where to find them, what they are called, and how to get into one.
//!
//! Knows the places that keep a namespace alive (network_namespaces(7)): processes, descriptors, and mounts of nsfs such as
//! those in `/run/netns` (ip-netns(8)). Deliberately does not read anything within one.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use procfs::process::MountInfo;

use super::processes::{Held, folders, inode};
use super::progress::Progress;

/// Where ip-netns(8) keeps names.
const NAMES: [&str; 2] = ["/run/netns", "/var/run/netns"];

/// A network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// The name under `/run/netns`, or `net:[inode]`.
    pub(super) name: String,
    /// What to open to get into it.
    pub(super) path: PathBuf,
    /// Device and inode, which tell namespaces apart.
    pub(super) identity: (u64, u64),
}

/// Why a namespace could not be entered: one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum NoEntry {
    /// Nothing has this name.
    #[error("no network namespace is called {name:?}; {known}")]
    NoName {
        /// What was asked for.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// No process has this number.
    #[error("no process has the pid {0}: take one of ps -e")]
    NoProcess(u32),
    /// The path leads to nothing, or to something else.
    #[error("{path} is no network namespace: take one of /run/netns, or /proc/PID/ns/net")]
    Other {
        /// What was asked for.
        path: String,
    },
    /// It is there, but closed.
    #[error("entering the network namespace {name} needs {needs}: run whyport as root")]
    Forbidden {
        /// What was asked for.
        name: String,
        /// The capability.
        needs: &'static str,
    },
    /// Anything else.
    #[error("the network namespace {name} cannot be entered: {error}")]
    Io {
        /// What was asked for.
        name: String,
        /// What the kernel says.
        error: std::io::Error,
    },
}

/// Takes this thread into a namespace, by NAME, PID or PATH. `proc` is the root of procfs.
pub(super) fn enter(proc: &Path, target: &str) -> Result<(), NoEntry> {
    let path = find(proc, target)?;
    match File::open(&path) {
        Ok(file) => enter_file(&file, target),
        Err(error) => match error.kind() {
            ErrorKind::PermissionDenied => Err(forbidden(target, "CAP_SYS_PTRACE")),
            ErrorKind::NotFound => Err(NoEntry::Other { path: path.display().to_string() }),
            _ => Err(NoEntry::Io { name: target.to_owned(), error }),
        },
    }
}

/// Takes this thread into a namespace that was found.
pub(super) fn enter_found(found: &Found) -> Result<(), NoEntry> {
    match File::open(&found.path) {
        Ok(file) => enter_file(&file, &found.name),
        Err(error) => Err(NoEntry::Io { name: found.name.clone(), error }),
    }
}

/// Takes this thread into a namespace that is open.
pub(super) fn enter_file(file: &File, name: &str) -> Result<(), NoEntry> {
    setns(file, CloneFlags::CLONE_NEWNET).map_err(|errno| match errno {
        Errno::EPERM => forbidden(name, "CAP_SYS_ADMIN"),
        Errno::EINVAL => NoEntry::Other { path: name.to_owned() },
        errno => NoEntry::Io { name: name.to_owned(), error: errno.into() },
    })
}

fn forbidden(name: &str, needs: &'static str) -> NoEntry {
    NoEntry::Forbidden { name: name.to_owned(), needs }
}

/// The file of the namespace that `target` means. A name comes first: it may consist of digits.
fn find(proc: &Path, target: &str) -> Result<PathBuf, NoEntry> {
    if target.contains('/') {
        return Ok(PathBuf::from(target));
    }
    let is_name = !matches!(target, "" | "." | "..");
    if let Some(path) = NAMES.iter().map(|folder| Path::new(folder).join(target)).find(|path| is_name && path.exists())
    {
        return Ok(path);
    }
    if let Ok(pid) = target.parse::<u32>() {
        let folder = proc.join(target);
        return if folder.exists() { Ok(folder.join("ns/net")) } else { Err(NoEntry::NoProcess(pid)) };
    }
    let found = list(proc, &Held::read(proc, &Progress::default()));
    let is_meant = |namespace: &&Found| namespace.name == target || unnamed(namespace.identity) == target;
    if let Some(namespace) = found.iter().find(is_meant) {
        return Ok(namespace.path.clone());
    }
    let names: Vec<&str> = found.iter().map(|namespace| namespace.name.as_str()).collect();
    let known = match names.as_slice() {
        [] => "none can be seen".to_owned(),
        names => format!("there are {}", names.join(", ")),
    };
    Err(NoEntry::NoName { name: target.to_owned(), known })
}

/// Every network namespace that can be found, that of this thread first. `proc` is the root of procfs.
pub(super) fn list(proc: &Path, held: &Held) -> Vec<Found> {
    let mut list = List { names: names(), ..List::default() };
    // `thread-self` is another one to every thread.
    let own = fs::read_link(proc.join("thread-self")).unwrap_or_else(|_| PathBuf::from("self"));
    list.add(&proc.join(own).join("ns/net"));
    let named: Vec<PathBuf> = list.names.values().map(|(_, path)| path.clone()).collect();
    named.iter().for_each(|path| list.add(path));
    let mut mounts = HashSet::new();
    for (_, folder) in folders(proc) {
        list.add(&folder.join("ns/net"));
        // Processes share mounts: each set of them is looked at once.
        if let Ok(id) = fs::read_link(folder.join("ns/mnt"))
            && mounts.insert(id)
        {
            mounted(&folder).iter().for_each(|path| list.add(path));
        }
    }
    let mut descriptors: Vec<(&u64, &PathBuf)> = held.namespaces.iter().collect();
    descriptors.sort();
    descriptors.into_iter().for_each(|(_, path)| list.add(path));
    if let Some(others) = list.found.get_mut(1..) {
        others.sort_by(|a, b| (a.name.starts_with("net:["), &a.name).cmp(&(b.name.starts_with("net:["), &b.name)));
    }
    list.found
}

type Identity = (u64, u64);

#[derive(Default)]
struct List {
    names: HashMap<Identity, (String, PathBuf)>,
    known: HashSet<Identity>,
    found: Vec<Found>,
}

impl List {
    /// Adds a namespace that is not known yet. What cannot be looked at is passed over.
    fn add(&mut self, path: &Path) {
        let Some(identity) = identity(path) else { return };
        if self.known.insert(identity) {
            let (name, path) = match self.names.get(&identity) {
                Some((name, path)) => (name.clone(), path.clone()),
                None => (unnamed(identity), path.to_owned()),
            };
            self.found.push(Found { name, path, identity });
        }
    }
}

/// What a namespace is called that has no name: what its links in procfs say.
fn unnamed(identity: Identity) -> String {
    format!("net:[{}]", identity.1)
}

fn identity(path: &Path) -> Option<Identity> {
    fs::metadata(path).ok().map(|data| (data.dev(), data.ino()))
}

/// The namespaces that have a name, the first by alphabet where there are several.
fn names() -> HashMap<Identity, (String, PathBuf)> {
    let mut names: HashMap<Identity, (String, PathBuf)> = HashMap::new();
    // A file there on which nothing is mounted is what is left of a namespace that is gone.
    let nsfs = fs::metadata("/proc/thread-self/ns/net").map(|data| data.dev()).ok();
    for folder in NAMES {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut entries: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        entries.sort();
        for path in entries {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if let Some(identity) = identity(&path).filter(|(device, _)| nsfs.is_none_or(|nsfs| nsfs == *device)) {
                names.entry(identity).or_insert((name, path));
            }
        }
    }
    names
}

/// The network namespaces that are mounted where a process can see them.
fn mounted(folder: &Path) -> Vec<PathBuf> {
    let Ok(bytes) = fs::read(folder.join("mountinfo")) else { return Vec::new() };
    mounts(&String::from_utf8_lossy(&bytes), folder)
}

/// The same by the text of `mountinfo` in that folder.
pub(super) fn mounts(text: &str, folder: &Path) -> Vec<PathBuf> {
    let lines = text.lines().filter(|line| line.contains(" - nsfs "));
    let at = |line| {
        let mount = MountInfo::from_line(line).ok()?;
        inode(mount.root.as_bytes(), b"net:[")?;
        let point = unescape(mount.mount_point.as_os_str().as_bytes());
        Some(folder.join("root").join(point.strip_prefix("/").unwrap_or(&point)))
    };
    lines.filter_map(at).collect()
}

/// A path without the escapes of procfs (`mangle_path`): `\040` is a space.
fn unescape(bytes: &[u8]) -> PathBuf {
    let mut path = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        let octal = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.filter(|_| *first == b'\\').and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                path.push(byte);
                rest = &after[3..];
            }
            None => {
                path.push(*first);
                rest = after;
            }
        }
    }
    PathBuf::from(<std::ffi::OsStr as OsStrExt>::from_bytes(&path))
}
