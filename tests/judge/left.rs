//! Who holds a network namespace: threads that are in it, descriptors and mounts of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
        .unwrap_or_default()
}

fn namespace(link: &Path) -> Option<String> {
    fs::read_link(link).ok()?.into_os_string().into_string().ok().filter(|name| name.starts_with("net:["))
}

/// The network namespaces that a process is in, by any of its threads, or holds open.
pub fn namespaces_of(process: &str) -> BTreeSet<String> {
    let process = Path::new("/proc").join(process);
    let threads = entries(&process.join("task")).into_iter().map(|thread| thread.join("ns/net"));
    threads.chain(entries(&process.join("fd"))).filter_map(|link| namespace(&link)).collect()
}

/// The processes that are in one of these namespaces or hold it open, and the mounts of them.
pub fn holders(namespaces: &BTreeSet<String>) -> Vec<String> {
    let is_number = |path: &PathBuf| {
        path.file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
    };
    // A number is given again as soon as it is free: what this process and its tools hold are new namespaces.
    let own = std::process::id().to_string();
    let ours = |process: &Path| {
        let status = fs::read_to_string(process.join("status")).unwrap_or_default();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap_or_default();
        process.ends_with(&own) || parent.trim() == own
    };
    let mut found = Vec::new();
    for process in entries(Path::new("/proc")).iter().filter(|path| is_number(path)) {
        let name = process.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !ours(process) && !namespaces_of(&name).is_disjoint(namespaces) {
            found.push(name);
        }
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    found.extend(
        mounts.lines().filter(|line| namespaces.iter().any(|name| line.contains(name.as_str()))).map(str::to_owned),
    );
    found
}
