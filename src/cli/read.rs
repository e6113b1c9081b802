//! Where the host comes from: a recorded one in a file or on standard input, or an embedded one. It opens files and picks
//! the reader by what the text looks like; what the text means is the business of `snapshot` and `syntax`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::arguments::Source;
use super::refusal::Refusal;
use super::start;
use crate::host::Host;
use crate::snapshot::{self, Recording};
use crate::syntax::{DiagnosticKind, Kind, pasted};

/// A host, and what there is to say about how it was read.
pub struct Reading {
    /// The host.
    pub host: Host,
    /// Index of the namespace to look from.
    pub namespace: usize,
    /// Where it came from.
    pub source: start::Source,
    /// What could not be used of it, a line each.
    pub notes: Vec<String>,
    /// The same in one line: how many such lines there are, and what matters most.
    pub notice: Option<String>,
}

/// The most that is read of one recording, in bytes: a file that grows without end is no recording.
const LIMIT: u64 = 1 << 30;

/// How many lines that could not be read are named; the rest is counted.
const NAMED: usize = 5;

/// What reads the live host, seen from the namespace with this name.
pub type Live = fn(Option<&str>) -> Result<Reading, Refusal>;

/// Reads the host that the options name: the live one by `live`.
pub fn read(source: &Source, live: Live) -> Result<Reading, Refusal> {
    let mut reading = match (&source.snapshot, &source.demo) {
        (Some(path), _) => recorded(path)?,
        (None, Some(name)) => embedded(name)?,
        (None, None) => return live(source.netns.as_deref()),
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
        return Err(Refusal::usage(format!("no demo is called “{name}”; there is {}", names.join(", "))));
    };
    Ok(reading(snapshot::parse(text), start::Source::Demo(wanted.to_owned()), Vec::new()))
}

fn recorded(path: &Path) -> Result<Reading, Refusal> {
    load(path)?.read()
}

/// The text of a recording, before anything of it is read.
#[derive(Debug)]
pub struct Text {
    /// What it is called in messages.
    shown: String,
    /// What it is called on the screen.
    source: String,
    text: String,
    notes: Vec<String>,
}

impl Text {
    /// Whether it is a snapshot, which can be read whatever is wrong with it.
    pub fn is_snapshot(&self) -> bool {
        snapshot::is_snapshot(&self.text)
    }

    /// What it is called on the screen.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Who listens, which is read in no time.
    pub fn sockets(&self) -> Host {
        snapshot::parse_sockets(&self.text)
    }

    /// The host that it tells of.
    pub fn read(self) -> Result<Reading, Refusal> {
        let Text { shown, source, text, mut notes } = self;
        let recording = parse(&text, &shown)?;
        let notice = notice(&source, &recording, notes.first());
        notes.extend(complaints(&shown, &recording));
        Ok(Reading { notice, ..reading(recording, start::Source::Recording(source), notes) })
    }
}

/// Opens a recording.
pub fn load(path: &Path) -> Result<Text, Refusal> {
    let shown = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    let bytes = contents(path).map_err(|error| cannot_open(&shown, &error))?;
    if bytes.len() as u64 > LIMIT {
        return Err(Refusal::usage(format!("{shown} is larger than 1 GiB; that is no recording of a host")));
    }
    let (text, damaged) = decode(bytes);
    let mut notes = Vec::new();
    if damaged {
        notes.push(format!("{shown}: not all of it is UTF-8; what is not was replaced by U+FFFD"));
    }
    let source = path.file_name().map_or_else(|| shown.clone(), |name| name.to_string_lossy().into_owned());
    Ok(Text { shown, source, text, notes })
}

/// Bytes as text, and whether some of them were none: UTF-8, or UTF-16 with a byte order mark, which is what a Windows
/// shell makes of a remote command's output.
fn decode(bytes: Vec<u8>) -> (String, bool) {
    let unit: fn([u8; 2]) -> u16 = match bytes.as_slice() {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => {
            return match String::from_utf8(bytes) {
                Ok(text) => (text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text), false),
                Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), true),
            };
        }
    };
    let units = bytes[2..].chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    let damaged = text.contains(char::REPLACEMENT_CHARACTER);
    (text, damaged)
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
    const WANTED: &str = "give a whyport snapshot, or what iptables-save, iptables -S, nft list ruleset (with -j, too) or ipset save printed";
    let error = match pasted::read(text) {
        Ok(pasted) => return Ok(snapshot::bare(pasted)),
        Err(kind) => kind,
    };
    let what = match error {
        Kind::Snapshot => return Ok(snapshot::parse(text)),
        Kind::Empty => return Err(Refusal::usage(format!("{shown} is empty; {WANTED}"))),
        Kind::Other(what) => what,
        Kind::IptablesSave | Kind::Ip6tablesSave => "a part of an iptables-save dump, without a whole line".to_owned(),
        Kind::NftList => "a part of a listing of nft, without a whole table".to_owned(),
        Kind::NftJson => "a part of what nft -j prints, without a whole object".to_owned(),
        Kind::IpsetSave => "a part of what ipset save prints".to_owned(),
    };
    Err(Refusal::usage(format!("{shown} is no dump of rules: it looks like {what}; {WANTED}")))
}

/// A few lines on what is odd about a text: what is missing first, where there is more than that.
fn complaints(shown: &str, recording: &Recording) -> Vec<String> {
    let mut diagnostics: Vec<_> = recording.diagnostics.iter().collect();
    diagnostics.sort_by_key(|found| found.kind == DiagnosticKind::Passed);
    let more = diagnostics.len().saturating_sub(NAMED);
    diagnostics.truncate(NAMED);
    diagnostics.sort_by_key(|found| found.line);
    let mut notes: Vec<_> =
        diagnostics.iter().map(|found| format!("{shown}, line {}: {}", found.line, found.text)).collect();
    match more {
        0 => {}
        1 => notes.push(format!("{shown}: and one more such line")),
        _ => notes.push(format!("{shown}: and {more} more such lines")),
    }
    notes
}

/// What there is to say about how a recording was read, in one line; `first` is said before all that stands in its text.
fn notice(source: &str, recording: &Recording, first: Option<&String>) -> Option<String> {
    let found = recording.diagnostics.iter().min_by_key(|found| match found.kind {
        DiagnosticKind::Damaged => 0,
        DiagnosticKind::Unknown | DiagnosticKind::Elsewhere => 1,
        DiagnosticKind::Passed => 2,
    });
    let said = first.cloned().or_else(|| found.map(|found| found.text.clone()))?;
    Some(match recording.diagnostics.len() + usize::from(first.is_some()) {
        1 => format!("a note on how {source} was read: {said}"),
        notes => format!("{notes} notes on how {source} was read, one of them: {said}"),
    })
}

fn reading(recording: Recording, source: start::Source, notes: Vec<String>) -> Reading {
    let namespace = recording.host.viewed;
    Reading { host: recording.host, namespace, source, notes, notice: None }
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

#[cfg(test)]
mod tests {
    use super::{decode, notice, parse};

    #[test]
    fn how_a_recording_was_read_is_said_in_a_line_by_what_matters_most() {
        let said = |text: &str, first: Option<&str>| {
            let recording = parse(text, "it").unwrap_or_else(|refusal| panic!("{}", refusal.line));
            notice("host.txt", &recording, first.map(str::to_owned).as_ref())
        };
        assert_eq!(said("*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j ACCEPT\nCOMMIT\n", None), None);
        let untold = said(include_str!("../../tests/data/json/untold.json"), None);
        let told = "iptables' target DNAT: nft's JSON leaves out what it says, iptables-save tells it";
        assert_eq!(untold, Some(format!("a note on how host.txt was read: {told}")));
        let two = said(
            "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j ACCEPT\n-A PREROUTING -p\nCOMMIT\n",
            Some("not all of it is UTF-8"),
        );
        assert_eq!(two, Some("2 notes on how host.txt was read, one of them: not all of it is UTF-8".to_owned()));
    }

    #[test]
    fn text_of_other_systems_is_read() {
        let utf16: Vec<u8> = "\u{feff}*nat\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode(utf16), ("*nat\r\n".to_owned(), false));
        let utf16: Vec<u8> = "\u{feff}*nat".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(decode(utf16), ("*nat".to_owned(), false));
        assert_eq!(decode("\u{feff}*nat".into()), ("*nat".to_owned(), false));
        assert_eq!(decode(b"a\xffb".to_vec()), ("a\u{fffd}b".to_owned(), true));
    }
}
