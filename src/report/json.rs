//! The JSON of the contract: `whyport.trace/1`, `whyport.ports/1`, `whyport.rules/1`.
//!
//! The structs in the modules below are the schemas; keys come in their order. Keys may be added, those there stay.
//! Text from outside stands in it as it is: a JSON string cannot act on a terminal once serde has escaped it, but for
//! what lies above U+007F, which [`print`] writes as escapes too.

mod ports;
mod rules;
mod trace;

pub use ports::ports;
pub use rules::rules;
pub use trace::trace;

use serde::Serialize;

use crate::explain::clean;
use crate::host::{Host, Socket, Unread};

/// What could not be read.
#[derive(Debug, Serialize)]
struct UnreadJson {
    what: String,
    ns: String,
    needs: String,
    /// It is there, but of several moments. Left out where that is not so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    torn: bool,
}

impl UnreadJson {
    fn all<'a>(unread: impl IntoIterator<Item = &'a Unread>) -> Vec<UnreadJson> {
        unread.into_iter().map(|unread| UnreadJson::of("", unread)).collect()
    }

    /// What could not be read of the namespace with this name; of the one that was asked about: none.
    fn of(namespace: &str, unread: &Unread) -> UnreadJson {
        UnreadJson {
            what: unread.what.to_string(),
            ns: namespace.to_owned(),
            needs: unread.needs.clone(),
            torn: unread.torn,
        }
    }
}

/// A socket and who holds it.
#[derive(Debug, Serialize)]
struct SocketJson {
    inode: u64,
    uid: Option<u32>,
    processes: Vec<ProcessJson>,
    netns: String,
}

#[derive(Debug, Serialize)]
struct ProcessJson {
    pid: u32,
    name: String,
}

impl SocketJson {
    fn new(socket: &Socket, netns: &str) -> SocketJson {
        let process = |process: &crate::host::Process| ProcessJson { pid: process.pid, name: process.name.clone() };
        SocketJson {
            inode: socket.inode,
            uid: socket.uid,
            processes: socket.processes.iter().map(process).collect(),
            netns: netns.to_owned(),
        }
    }

    fn at(host: &Host, asked: usize, namespace: usize, socket: usize) -> Option<SocketJson> {
        let found = host.namespaces.get(namespace)?.sockets.get(socket)?;
        Some(SocketJson::new(found, super::namespace_name(host, asked, namespace)))
    }
}

/// A document as indented JSON with a line end after it. Characters that act on a terminal are escaped, so that the
/// output is as safe to look at as it is to parse.
fn print<T: Serialize>(document: &T) -> String {
    let text = serde_json::to_string_pretty(document).unwrap_or_else(|error| format!("{{\"error\": \"{error}\"}}"));
    let mut safe = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        if c == '\n' || !c_acts(c) {
            safe.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    safe.push('\n');
    safe
}

fn c_acts(c: char) -> bool {
    !c.is_ascii_graphic() && c != ' ' && matches!(clean(c.encode_utf8(&mut [0; 4])), std::borrow::Cow::Owned(_))
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_acts_on_a_terminal_is_escaped_and_parses_back() {
        let name = "a\u{1b}[31m\u{9b}\u{202e}\u{e0041}é\u{7f}\"\\";
        let text = super::print(&[name]);
        assert!(text.chars().all(|c| c == '\n' || !super::c_acts(c)), "{text:?}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).unwrap(), [name]);
    }
}
