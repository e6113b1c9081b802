//! What the processes are that hold sockets: command line, user and control group, from their files in procfs.
//!
//! A few small files for each of them, which everybody may read. Deliberately does not know what units and containers are.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use crate::host::{Program, Socket};

/// What is told of the processes that hold these sockets, by pid; `proc` is the root of procfs. What is gone meanwhile is not
/// there.
pub(super) fn read(proc: &Path, sockets: &[Socket]) -> BTreeMap<u32, Program> {
    let mut programs = BTreeMap::new();
    let mut users = None;
    for process in sockets.iter().flat_map(|socket| &socket.processes) {
        programs.entry(process.pid).or_insert_with(|| {
            let users = users.get_or_insert_with(|| names(&text(&proc.join("self/root/etc/passwd"))));
            program(&proc.join(process.pid.to_string()), users)
        });
    }
    programs.retain(|_, program| *program != Program::default());
    programs
}

fn program(folder: &Path, users: &HashMap<u32, String>) -> Program {
    let uid = uid(&text(&folder.join("status")));
    Program {
        command: command(&text(&folder.join("cmdline"))),
        uid,
        user: uid.and_then(|uid| users.get(&uid).cloned()),
        cgroup: cgroup(&text(&folder.join("cgroup"))).map(str::to_owned),
    }
}

/// A file's text: raw bytes that are none are replaced.
fn text(file: &Path) -> String {
    String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned()
}

/// `proc_pid_cmdline(5)`: arguments, each with a NUL after it. A process may write what it likes there, such as one line without any.
fn command(text: &str) -> String {
    text.replace('\0', " ").trim().to_owned()
}

/// The effective user id: the second number of `Uid:` (`proc_pid_status(5)`).
fn uid(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The names of users by their ids, the first where several share one (passwd(5)).
fn names(passwd: &str) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    for line in passwd.lines() {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty());
        if let (Some(name), Some(uid)) = (name, fields.nth(1).and_then(|uid| uid.parse().ok())) {
            names.entry(uid).or_insert_with(|| name.to_owned());
        }
    }
    names
}

/// The path in the unified hierarchy (`0::`), or in systemd's where that one is not used; else the longest (`cgroups(7)`).
fn cgroup(text: &str) -> Option<&str> {
    let paths = || text.lines().filter_map(|line| line.splitn(3, ':').skip(1).collect::<Vec<_>>().try_into().ok());
    let of =
        |wanted: &str| paths().find(|[name, path]: &[&str; 2]| *name == wanted && *path != "/").map(|[_, path]| path);
    let longest = || paths().map(|[_, path]: [&str; 2]| path).max_by_key(|path| path.len());
    of("").or_else(|| of("name=systemd")).or_else(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_its_arguments() {
        assert_eq!(command("nginx\0-g\0daemon off;\0"), "nginx -g daemon off;");
        assert_eq!(command("nginx: worker process\0\0\0\0"), "nginx: worker process");
        assert_eq!(command(""), "");
    }

    #[test]
    fn the_effective_user_counts() {
        assert_eq!(uid("Name:\tping\nUid:\t1000\t0\t0\t0\n"), Some(0));
        assert_eq!(uid("Name:\tping\n"), None);
        let users = names("root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:\n\nweb:x:33:33::/:\nbad\n");
        assert_eq!(
            (users.get(&0).map(String::as_str), users.get(&33).map(String::as_str)),
            (Some("root"), Some("web"))
        );
        assert_eq!(users.len(), 2);
    }

    #[test]
    fn the_group_is_that_of_the_hierarchy_that_is_used() {
        assert_eq!(cgroup("0::/system.slice/a.service\n"), Some("/system.slice/a.service"));
        assert_eq!(
            cgroup("4:memory:/x/y\n1:name=systemd:/system.slice/b.service\n0::/\n"),
            Some("/system.slice/b.service")
        );
        assert_eq!(cgroup("4:memory:/docker/abc\n1:name=systemd:/\n0::/\n"), Some("/docker/abc"));
        assert_eq!(cgroup("0::/a:b\n"), Some("/a:b"));
        assert_eq!(cgroup(""), None);
    }
}
