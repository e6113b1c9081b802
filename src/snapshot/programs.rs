//! The processes that hold sockets: the lines of `ps -ww -o pid,uid,user:32,cgroup:512,args`. Reading and writing stand side
//! by side.
//!
//! Knows ps's columns. A column in which nothing is known is a `-`.

use std::collections::BTreeMap;

use super::Trouble;
use super::section::Section;
use super::sockets::{escape, unescape};
use crate::host::Program;

/// What there is of a column about which nothing is known.
const NOTHING: &str = "-";

/// Reads the processes, by pid.
pub(super) fn parse(section: &Section, trouble: &mut Trouble) -> BTreeMap<u32, Program> {
    let mut programs = BTreeMap::new();
    for (line, text) in section.lines() {
        if text.starts_with("PID ") {
            continue;
        }
        match program(text) {
            Some((pid, program)) => _ = programs.insert(pid, program),
            None => trouble.bad(line, "not a line of ps -o pid,uid,user,cgroup,args"),
        }
    }
    programs
}

fn program(text: &str) -> Option<(u32, Program)> {
    let mut rest = text;
    let mut column = || {
        let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        rest = after.trim_start();
        Some(word).filter(|word| !word.is_empty())
    };
    let (pid, uid, user, groups) = (column()?.parse().ok()?, column()?, column()?, column()?);
    let command = if rest == NOTHING { String::new() } else { unescape(rest) };
    // ps writes the number of a user who has no name.
    let user = Some(user).filter(|user| *user != uid && *user != NOTHING).map(unescape);
    let uid = match uid {
        NOTHING => None,
        uid => Some(uid.parse().ok()?),
    };
    Some((pid, Program { command, uid, user, cgroup: group(groups) }))
}

/// The unified hierarchy's of the groups that ps lists (`1:name=systemd:/a,0::/b`), else the longest; alone as it is.
fn group(groups: &str) -> Option<String> {
    let paths = groups.split(',').filter_map(|group| group.split_once(':')?.1.split_once(':'));
    let used = paths.filter(|(_, path)| *path != "/");
    let best = used.max_by_key(|(name, path)| (name.is_empty(), *name == "name=systemd", path.len()));
    match best {
        Some((_, path)) => Some(unescape(path)),
        None if groups == NOTHING => None,
        None => Some("/".to_owned()),
    }
}

/// Writes the processes as that ps does.
pub(super) fn print(out: &mut String, programs: &BTreeMap<u32, Program>) {
    for (pid, program) in programs {
        let uid = program.uid.map_or(NOTHING.to_owned(), |uid| uid.to_string());
        let user = program.user.as_deref().map_or(uid.clone(), word);
        let cgroup = program.cgroup.as_deref().map_or(NOTHING.to_owned(), |path| format!("0::{}", word(path)));
        let command = match program.command.as_str() {
            "" => NOTHING.to_owned(),
            NOTHING => word(NOTHING),
            command => escape(command),
        };
        out.push_str(&format!("{pid} {uid} {user} {cgroup} {command}\n"));
    }
}

/// A text as one word, which is not taken for nothing.
fn word(text: &str) -> String {
    let mut out = String::new();
    for sign in escape(text).chars() {
        if sign.is_whitespace() || sign == ',' || text == NOTHING {
            out.extend(sign.escape_unicode());
        } else {
            out.push(sign);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ps_prints_is_read() {
        let read = |text: &str| program(text).map(|(pid, program)| (pid, program.uid, program.user, program.cgroup));
        let text = "   4362    33 www-data    0::/system.slice/nginx.service  nginx: worker process".trim();
        let nginx = (4362, Some(33), Some("www-data".to_owned()), Some("/system.slice/nginx.service".to_owned()));
        assert_eq!(read(text), Some(nginx));
        assert_eq!(program(text).map(|(_, program)| program.command).as_deref(), Some("nginx: worker process"));
        let several = "7 1000 1000 4:memory:/long/but/not/systemds,1:name=systemd:/a.service,0::/ sleep";
        assert_eq!(read(several), Some((7, Some(1000), None, Some("/a.service".to_owned()))));
        assert_eq!(read("7 - - - -"), Some((7, None, None, None)));
        for bad in ["", "7", "x 0 root - a", "7 x root - a"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
