//! `ports` for people: a row for each port, and under it who answers, where that is not simply its socket. Ghosts of which the
//! same is to be said have one row.

use std::net::IpAddr;

use super::Style;
use super::page::{Page, Span, Tone, columns, pad};
use crate::explain::{Answer, AnswerVerdict, From, PortEntry, Survey, words};
use crate::host::{Host, IpFamily};
use crate::syntax::part_text;

/// Every port with who answers it, as text.
pub fn ports(host: &Host, namespace: usize, survey: &Survey, style: Style) -> String {
    let mut page = Page::new(style);
    if survey.ports.is_empty() {
        page.line(0, 0, &[(Tone::Plain, &words::no_ports(&survey.unread))]);
        missing(&mut page, survey);
        return page.finish();
    }
    let rows = rows(host, namespace, survey);
    let width = |title: &str, cell: fn(&Row) -> &str| {
        let widest = rows.iter().map(|row| columns(cell(row))).max();
        widest.unwrap_or(0).max(title.len())
    };
    let widths = [width("PROTO", |row| &row.proto), width("PORT", |row| &row.port), width("ADDRESS", |row| &row.addr)];
    let heading = format!(
        "{} {} {:>port$} {} SOCKET",
        pad("ANSWER", VERDICT),
        pad("PROTO", widths[0]),
        "PORT",
        pad("ADDRESS", widths[2]),
        port = widths[1]
    );
    page.line(0, 0, &[(Tone::Dim, &heading)]);
    for row in &rows {
        let verdict = pad(row.verdict.name(), VERDICT);
        let rest = format!(
            " {} {:>port$} {} {}",
            pad(&row.proto, widths[0]),
            row.port,
            pad(&row.addr, widths[2]),
            row.socket,
            port = widths[1]
        );
        page.line(0, VERDICT + 1, &[(tone(row.verdict), &verdict), (Tone::Plain, &rest)]);
        for (word, others) in [("also at ", &row.addrs), ("also ", &row.ports)] {
            if !others.is_empty() {
                page.line(VERDICT + 1, VERDICT + 3, &[(Tone::Dim, word), (Tone::Plain, &others.join(", "))]);
            }
        }
        for (places, verdict, who) in &row.answers {
            let spans: [Span<'_>; 3] = [(Tone::Dim, places), (Tone::Dim, ": "), (tone(*verdict), who)];
            page.line(VERDICT + 1, VERDICT + 3, &spans);
        }
    }
    missing(&mut page, survey);
    page.finish()
}

/// What rules let through, whoever listens; what could not be read or was not asked, and so may hide an answer.
fn missing(page: &mut Page, survey: &Survey) {
    for (at, text) in words::let_through(survey).iter().enumerate() {
        let indent = if at == 0 { 0 } else { 2 };
        page.line(indent, indent + 2, &[(Tone::Plain, text)]);
    }
    for text in [words::unread(&survey.unread), words::left_out(&survey.left_out)].into_iter().flatten() {
        page.line(0, 2, &[(Tone::Unsure, &text)]);
    }
}

/// Columns of the longest verdict.
const VERDICT: usize = 10;

struct Row {
    verdict: AnswerVerdict,
    proto: String,
    port: String,
    addr: String,
    /// Other addresses and ports of which the same is said.
    addrs: Vec<String>,
    ports: Vec<String>,
    is_ghost: bool,
    socket: String,
    /// Places, with what is answered there.
    answers: Vec<(String, AnswerVerdict, String)>,
}

/// The rows, ghosts with those of which the same is said.
fn rows(host: &Host, namespace: usize, survey: &Survey) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    // The same port of several addresses first, then the same addresses' several ports.
    for entry in &survey.ports {
        let row = row(host, namespace, entry);
        let same = |known: &&mut Row| known.is_alike(&row) && known.port == row.port;
        match rows.iter_mut().rfind(same) {
            Some(known) => known.addrs.push(row.addr),
            None => rows.push(row),
        }
    }
    let mut told: Vec<Row> = Vec::new();
    for row in rows {
        let same = |known: &&mut Row| known.is_alike(&row) && (&known.addr, &known.addrs) == (&row.addr, &row.addrs);
        match told.iter_mut().find(same) {
            Some(known) => known.ports.push(row.port),
            None => told.push(row),
        }
    }
    told
}

impl Row {
    /// Whether both are ghosts, and the same is to be said of them.
    fn is_alike(&self, other: &Row) -> bool {
        self.is_ghost
            && other.is_ghost
            && (self.verdict, &self.proto, &self.answers) == (other.verdict, &other.proto, &other.answers)
    }
}

fn row(host: &Host, namespace: usize, entry: &PortEntry) -> Row {
    let port = if entry.last == entry.port { entry.port.to_string() } else { format!("{}-{}", entry.port, entry.last) };
    let socket = match entry.socket.and_then(|socket| host.namespaces[namespace].sockets.get(socket)) {
        None => "ghost: no socket listens".to_owned(),
        Some(socket) if socket.processes.is_empty() => format!("inode {}", socket.inode),
        Some(socket) => {
            let holders: Vec<_> = socket.processes.iter().map(|held| format!("{} {}", held.name, held.pid)).collect();
            holders.join(", ")
        }
    };
    let addr = match (entry.addr, entry.is_ghost()) {
        (addr, true) if addr.is_unspecified() => "any of its own".to_owned(),
        (addr, _) => addr.to_string(),
    };
    Row {
        verdict: entry.verdict(),
        proto: entry.protocol.to_string(),
        port,
        addr,
        addrs: Vec::new(),
        ports: Vec::new(),
        is_ghost: entry.is_ghost(),
        socket,
        answers: grouped(host, entry),
    }
}

fn tone(verdict: AnswerVerdict) -> Tone {
    match verdict {
        AnswerVerdict::Reached => Tone::Good,
        AnswerVerdict::Diverted => Tone::Changed,
        AnswerVerdict::Blocked => Tone::Bad,
        AnswerVerdict::Depends => Tone::Unsure,
        AnswerVerdict::Unanswered => Tone::Dim,
    }
}

/// The places that get the same answer, together. Nothing where the socket answers all of them.
fn grouped(host: &Host, entry: &PortEntry) -> Vec<(String, AnswerVerdict, String)> {
    if entry.answers.iter().all(|answer| answer.verdict == AnswerVerdict::Reached) {
        return Vec::new();
    }
    let both = entry.answers.iter().any(|answer| answer.family != entry.answers[0].family);
    let mut groups: Vec<(String, AnswerVerdict, String)> = Vec::new();
    for answer in &entry.answers {
        let who = match answer.verdict {
            AnswerVerdict::Blocked | AnswerVerdict::Depends | AnswerVerdict::Unanswered => {
                format!(
                    "{}, {}",
                    answer.verdict.name(),
                    words::answerer(host, answer.walk.query.namespace, answer, part_text)
                )
            }
            AnswerVerdict::Reached | AnswerVerdict::Diverted => {
                words::answerer(host, answer.walk.query.namespace, answer, part_text)
            }
        };
        let place = match answer.from {
            // The row says which.
            From::Local(addr) if entry.is_ghost() && addr == entry.addr => {
                words::from(&From::Local(std::net::Ipv4Addr::UNSPECIFIED.into()))
            }
            _ => place(answer, both),
        };
        match groups.iter_mut().find(|(_, verdict, known)| *verdict == answer.verdict && *known == who) {
            Some((places, _, _)) => {
                places.push_str(", ");
                places.push_str(&place);
            }
            None => groups.push((place, answer.verdict, who)),
        }
    }
    groups
}

/// A place, with the family where the port has both and the place does not tell.
fn place(answer: &Answer, both: bool) -> String {
    let told = matches!(answer.from, From::Local(addr) if !is_loopback(addr));
    let name = words::from(&answer.from);
    match answer.family {
        IpFamily::V6 if both && !told => format!("{name} (IPv6)"),
        _ => name,
    }
}

fn is_loopback(addr: IpAddr) -> bool {
    addr.is_loopback()
}
