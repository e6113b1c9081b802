//! Where the host comes from: a recorded one in a file or on standard input, or an embedded one. It opens files and picks
//! the reader by what the text looks like; what the text means is the business of `snapshot` and `syntax`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::arguments::Source;
use super::refusal::Refusal;
use crate::host::{Backend, Host};
use crate::snapshot::{self, Recording};
use crate::syntax::{self, Kind, iptables};

/// A host, and what there is to say about how it was read.
pub struct Reading {
    /// The host.
    pub host: Host,
    /// Index of the namespace to look from.
    pub namespace: usize,
    /// Where it came from, in a word or two.
    pub source: String,
    /// What could not be used of it, a line each.
    pub notes: Vec<String>,
}

/// The most that is read of one recording, in bytes: a file that grows without end is no recording.
const LIMIT: u64 = 1 << 30;

/// How many lines that could not be read are named; the rest is counted.
const NAMED: usize = 5;

/// Reads the host that the options name.
pub fn read(source: &Source) -> Result<Reading, Refusal> {
    let mut reading = match (&source.snapshot, &source.demo) {
        (Some(path), _) => recorded(path)?,
        (None, Some(name)) => embedded(name)?,
        (None, None) => {
            return Err(Refusal::unanswered("reading the live host is not built yet; use --snapshot FILE or --demo"));
        }
    };
    look_from(&mut reading, source)?;
    Ok(reading)
}

/// Looks from the namespace that `--netns` names, where it does.
pub fn look_from(reading: &mut Reading, source: &Source) -> Result<(), Refusal> {
    if let Some(name) = &source.netns {
        reading.namespace = namespace(&reading.host, name)?;
    }
    Ok(())
}

/// The embedded host with this name; the empty name means the first.
pub fn embedded(name: &str) -> Result<Reading, Refusal> {
    let names = snapshot::demo_names();
    let wanted = if name.is_empty() { names.first().copied().unwrap_or_default() } else { name };
    let Some(text) = snapshot::demo(wanted) else {
        let mut line = format!("no demo is called “{name}”; there is {}", names.join(", "));
        if super::target::parse(name).is_ok() {
            line.push_str(&format!(" (TARGET goes before --demo: whyport trace {name} --demo)"));
        }
        return Err(Refusal::usage(line));
    };
    Ok(reading(snapshot::parse(text), format!("demo {wanted}"), Vec::new()))
}

fn recorded(path: &Path) -> Result<Reading, Refusal> {
    let shown = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    let bytes = contents(path).map_err(|error| cannot_open(&shown, &error))?;
    if bytes.len() as u64 > LIMIT {
        return Err(Refusal::usage(format!("{shown} is larger than 1 GiB; that is no recording of a host")));
    }
    let mut notes = Vec::new();
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            notes.push(format!("{shown}: not all of it is UTF-8; what is not was replaced by U+FFFD"));
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        }
    };
    let recording = parse(&text, &shown)?;
    let source = path.file_name().map_or_else(|| shown.clone(), |name| name.to_string_lossy().into_owned());
    notes.extend(complaints(&shown, &recording));
    Ok(reading(recording, source, notes))
}

fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().take(LIMIT + 1).read_to_end(&mut bytes)?;
    } else {
        File::open(path)?.take(LIMIT + 1).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn cannot_open(shown: &str, error: &io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::NotFound => Refusal::usage(format!("{shown}: there is no such file")),
        io::ErrorKind::IsADirectory => {
            Refusal::usage(format!("{shown} is a directory; name a snapshot or an iptables-save dump in it"))
        }
        io::ErrorKind::PermissionDenied => Refusal::unanswered(format!(
            "{shown}: no permission to read it; read it as its owner, or pipe it in with --snapshot -"
        )),
        _ => Refusal::unanswered(format!("{shown} could not be read: {error}")),
    }
}

fn parse(text: &str, shown: &str) -> Result<Recording, Refusal> {
    const WANTED: &str = "give a whyport snapshot, or what iptables-save or ip6tables-save printed";
    let not_yet =
        |what: &str| Refusal::unanswered(format!("{shown} is the output of {what}, which is not read yet; {WANTED}"));
    match syntax::looks_like(text) {
        Kind::Snapshot => Ok(snapshot::parse(text)),
        Kind::IptablesSave | Kind::Ip6tablesSave => {
            let options = iptables::Options { family: None, backend: backend(text) };
            Ok(snapshot::bare_dump(iptables::parse(text, &options)))
        }
        Kind::NftList => Err(not_yet("nft list ruleset")),
        Kind::NftJson => Err(not_yet("nft -j list ruleset")),
        Kind::IpsetSave => Err(not_yet("ipset save")),
        Kind::Empty => Err(Refusal::usage(format!("{shown} is empty; {WANTED}"))),
        Kind::Other(what) => {
            Err(Refusal::usage(format!("{shown} is no dump of rules: it looks like {what}; {WANTED}")))
        }
    }
}

/// Which iptables made a dump: its first line tells since 1.8, where the nft variant adds `(nf_tables)`.
fn backend(text: &str) -> Backend {
    let header = text.lines().find(|line| line.starts_with("# Generated by"));
    match header {
        Some(line) if !line.contains("nf_tables") && !line.contains("nft") => Backend::IptablesLegacy,
        _ => Backend::IptablesNft,
    }
}

fn complaints(shown: &str, recording: &Recording) -> Vec<String> {
    let diagnostics = &recording.diagnostics;
    let mut notes: Vec<_> =
        diagnostics.iter().take(NAMED).map(|found| format!("{shown}, line {}: {}", found.line, found.text)).collect();
    if diagnostics.len() > NAMED {
        notes.push(format!("{shown}: and {} more such lines", diagnostics.len() - NAMED));
    }
    notes
}

fn reading(recording: Recording, source: String, notes: Vec<String>) -> Reading {
    let namespace = recording.host.viewed;
    Reading { host: recording.host, namespace, source, notes }
}

/// The namespace that `--netns` names: by its name, or the path that ip-netns(8) gives it.
fn namespace(host: &Host, wanted: &str) -> Result<usize, Refusal> {
    let name = wanted.strip_prefix("/run/netns/").or_else(|| wanted.strip_prefix("/var/run/netns/")).unwrap_or(wanted);
    host.find(name).ok_or_else(|| {
        let names: Vec<_> = host.namespaces.iter().map(|ns| ns.name.as_str()).filter(|name| !name.is_empty()).collect();
        Refusal::usage(if names.is_empty() {
            format!("--netns: no namespace is called “{wanted}”; there is one only, without a name")
        } else {
            format!("--netns: no namespace is called “{wanted}”; there are {}", names.join(", "))
        })
    })
}
