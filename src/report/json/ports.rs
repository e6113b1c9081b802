//! `whyport.ports/1`.

use serde::Serialize;

use super::{SocketJson, UnreadJson, print};
use crate::explain::{Answer, From, PortEntry, Survey, words};
use crate::host::{Host, IpFamily};
use crate::syntax::part_text;

#[derive(Debug, Serialize)]
struct PortsJson {
    schema: &'static str,
    unread: Vec<UnreadJson>,
    ports: Vec<PortJson>,
}

#[derive(Debug, Serialize)]
struct PortJson {
    proto: String,
    addr: String,
    port: u16,
    last: u16,
    socket: Option<SocketJson>,
    answers: Vec<AnswerJson>,
}

#[derive(Debug, Serialize)]
pub(super) struct AnswerJson {
    pub(super) origin: String,
    pub(super) family: &'static str,
    pub(super) verdict: &'static str,
    pub(super) who: String,
    pub(super) because: String,
}

/// Every port with who answers it, as JSON.
pub fn ports(host: &Host, namespace: usize, survey: &Survey) -> String {
    print(&PortsJson {
        schema: "whyport.ports/1",
        unread: UnreadJson::all(&survey.unread),
        ports: survey.ports.iter().map(|entry| port(host, namespace, entry)).collect(),
    })
}

fn port(host: &Host, namespace: usize, entry: &PortEntry) -> PortJson {
    PortJson {
        proto: entry.protocol.to_string(),
        addr: entry.addr.to_string(),
        port: entry.port,
        last: entry.last,
        socket: entry.socket.and_then(|socket| SocketJson::at(host, namespace, namespace, socket)),
        answers: entry.answers.iter().map(|found| AnswerJson::of(host, namespace, found)).collect(),
    }
}

impl AnswerJson {
    pub(super) fn of(host: &Host, namespace: usize, answer: &Answer) -> AnswerJson {
        AnswerJson {
            origin: origin(&answer.from),
            family: match answer.family {
                IpFamily::V4 => "ip",
                IpFamily::V6 => "ip6",
            },
            verdict: answer.verdict.name(),
            who: words::who(host, answer.walk.query.namespace, &answer.who),
            because: words::because(host, namespace, answer, part_text),
        }
    }
}

/// A place that packets come from, as the contract names it.
fn origin(from: &From) -> String {
    match from {
        From::Outside(device) => format!("outside:{device}"),
        From::Somewhere => "outside".to_owned(),
        From::Bridge(device) => format!("bridge:{device}"),
        From::Local(addr) => format!("local:{addr}"),
    }
}
