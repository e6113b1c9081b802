//! The command line and the running: each command a few lines that join rooms.
//!
//! It opens files, asks whether standard output is a terminal, and prints; it decides nothing about packets. Refusals are
//! one line on standard error that says what to do, with exit status 1 (the answer could not be had) or 2 (wrong usage).

pub mod arguments;
mod crew;
mod desk;
mod effects;
pub mod explore;
mod follow;
mod listen;
pub mod live;
mod manual;
mod output;
mod pace;
pub mod packet;
pub mod picture;
mod read;
pub mod refusal;
mod settings;
pub mod start;
pub mod target;
pub mod terminal;
mod wait;

use std::ffi::OsString;
use std::mem::ManuallyDrop;
use std::process::ExitCode;
use std::sync::Arc;

use arguments::{Arguments, Command, PacketArguments, RulesArguments, RulesKind, ShotArguments, TraceArguments, When};
use clap::FromArgMatches;
use picture::Form;
use read::Reading;
use refusal::{Fault, Refusal};
use signal_hook::consts::signal::SIGINT;
use signal_hook::low_level::emulate_default_handler;
use start::Start;

use crate::explain;
use crate::host::{Backend, IpFamily};
use crate::report::{
    self,
    rules::{Kind, Told},
};
use crate::snapshot;
use crate::tui::Setup;
use crate::walk::{self, Walker};

/// Runs whyport with these arguments (the first is the program's name), and says how it went.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match read(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            output::explain(&error);
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match execute(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(refusal) => {
            output::note(&refusal.line);
            if refusal.fault == Fault::Stopped {
                // Whoever waits for the program sees that the signal ended it: a script does not go on then.
                let _ = emulate_default_handler(SIGINT);
            }
            refusal.status()
        }
    }
}

fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Arguments, clap::Error> {
    Arguments::from_arg_matches(&arguments::command().try_get_matches_from(arguments)?)
}

/// The target that stands where a command may: a word that is neither can have been meant as either.
fn target_or_command(word: &str) -> Result<explain::Target, Refusal> {
    target::parse(word).map_err(|refusal| match word.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        true => Refusal::usage(format!(
            "“{word}” is neither a port nor a command; write 80, or one of {}",
            arguments::commands()
        )),
        false => refusal,
    })
}

fn execute(arguments: Arguments) -> Result<(), Refusal> {
    let Arguments { target, source, color, theme, command } = arguments;
    if target.is_some() && command.is_some() {
        return Err(Refusal::usage("TARGET goes after the command: whyport trace 80"));
    }
    if theme.is_some() && command.is_some() {
        return Err(Refusal::usage("--theme goes after the command: whyport demo --theme light"));
    }
    match command {
        None => {
            let target = target.as_deref().map(target_or_command).transpose()?;
            if output::is_interactive() && source.is_live() {
                let live = live::Live::new(source.netns.as_deref());
                return set_up(color, theme.as_deref(), |setup| explore::open(live, target, setup));
            }
            let recorded = source.snapshot.as_deref().filter(|_| output::is_interactive() && source.netns.is_none());
            if let Some(text) = recorded.map(read::load).transpose()? {
                if text.is_snapshot() {
                    return set_up(color, theme.as_deref(), |setup| explore::open_recorded(text, target, setup));
                }
                return look(told(text.read()?), target, color, theme.as_deref(), false);
            }
            look(opened(&source)?, target, color, theme.as_deref(), false)
        }
        Some(Command::Demo { name, theme }) => {
            if source.snapshot.is_some() || source.demo.is_some() {
                return Err(Refusal::usage(
                    "demo opens an embedded host; for another leave out demo: whyport --snapshot FILE",
                ));
            }
            let mut reading = read::embedded(name.as_deref().unwrap_or_default())?;
            read::look_from(&mut reading, &source)?;
            look(reading, None, color, theme.as_deref(), true)
        }
        Some(Command::Ports { json }) => ports(opened(&source)?, json, color),
        Some(Command::Trace(asked)) => {
            let target = target::parse(&asked.target)?;
            trace(opened(&source)?, target, &asked, color)
        }
        Some(Command::Rules(asked)) => {
            // Nothing comes after it, and to free so many rules one by one would take its time.
            let reading = ManuallyDrop::new(opened_by(&source, live::read_rules)?);
            rules(&reading, &asked)
        }
        Some(Command::Record { file }) => {
            let reading = opened_by(&source, live::read_whole)?;
            if source.is_live() {
                let unread = reading.host.namespaces.iter().flat_map(|ns| &ns.unread);
                explain::words::unread(unread).iter().for_each(|line| output::note(line));
            }
            let text = snapshot::print(&reading.host);
            match file {
                Some(path) if path.as_os_str() != "-" => output::save(&path, &text),
                Some(_) | None => output::print_recording(&text),
            }
        }
        Some(Command::Shot(asked)) => shot(&source, &asked, color),
        Some(Command::Completions { shell }) => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut arguments::command(), "whyport", &mut text);
            output::print(&String::from_utf8_lossy(&text))
        }
        Some(Command::Man) => {
            let page = manual::page().map_err(|error| Refusal::unanswered(error.to_string()))?;
            output::print(&page)
        }
    }
}

/// The host that the options name, once what could not be used of it has been said.
fn opened(source: &arguments::Source) -> Result<Reading, Refusal> {
    opened_by(source, live::read)
}

/// The same with a reader of the live host that reads what is needed of it.
fn opened_by(source: &arguments::Source, live: read::Live) -> Result<Reading, Refusal> {
    Ok(told(read::read(source, live)?))
}

/// Says what could not be used of a host.
fn told(reading: Reading) -> Reading {
    reading.notes.iter().for_each(|note| output::note(note));
    reading
}

/// Explores with the person's setup; what of it could not be used is told when the screen has been left.
fn set_up(color: When, theme: Option<&str>, explore: impl FnOnce(Setup) -> Result<(), Refusal>) -> Result<(), Refusal> {
    let ready = settings::ready(color, theme)?;
    let explored = explore(ready.setup);
    ready.notes.iter().for_each(|note| output::note(note));
    explored
}

/// The explorer, with the tour where one is `guided`; what `trace` or `ports` prints where there is no terminal.
fn look(
    reading: Reading,
    target: Option<explain::Target>,
    color: When,
    theme: Option<&str>,
    guided: bool,
) -> Result<(), Refusal> {
    if output::is_interactive() {
        let Reading { host, namespace, source, notice, .. } = reading;
        return set_up(color, theme, |setup| {
            // What the person's own files say is told when the screen has been left, too.
            let setup = Setup { complaint: notice.or(setup.complaint), ..setup };
            explore::run(Start { host: Arc::new(host), source, namespace, target, setup }, guided)
        });
    }
    match target {
        None => ports(reading, false, color),
        Some(target) => {
            let packet = PacketArguments { origin: "outside".to_owned(), ..PacketArguments::default() };
            trace(reading, target, &TraceArguments { target: String::new(), json: false, packet }, color)
        }
    }
}

fn ports(reading: Reading, json: bool, color: When) -> Result<(), Refusal> {
    let namespace = reading.namespace;
    let (host, survey) = live::answered(reading, |host, namespace| {
        let survey = explain::survey(host, namespace, crate::syntax::part_text);
        let needs = survey.needs.clone();
        Ok((survey, needs))
    })?;
    output::print(&if json {
        report::ports_json(&host, namespace, &survey)
    } else {
        report::ports::ports(&host, namespace, &survey, output::style(color))
    })
}

fn trace(reading: Reading, target: explain::Target, asked: &TraceArguments, color: When) -> Result<(), Refusal> {
    let namespace = reading.namespace;
    // A recording tells its own time in words only.
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok();
    let now = matches!(reading.source, start::Source::Live(_)).then(now).flatten().map(|since| since.as_secs());
    let (host, (packets, walks, replies)) = live::answered(reading, |host, namespace| {
        let packets = packet::ask(host, namespace, target.clone(), &asked.packet, now)?;
        let walker = Walker::new(host, namespace);
        let walks: Vec<_> = packets.queries.iter().map(|query| walker.walk(query)).collect();
        let asked = packets.queries.iter().zip(&walks);
        let replies: Vec<_> = asked.map(|(query, walk)| explain::replies(query, walk, &walker)).collect();
        let needs = walks.iter().chain(replies.iter().flatten()).flat_map(|walk| walk.needs.iter().copied()).collect();
        Ok(((packets, walks, replies), needs))
    })?;
    let host = &*host;
    let answer = |(walk, replies): (walk::Walk, _)| {
        let from = explain::whence(&packets.from, &walk.query);
        explain::Answer { replies, ..explain::judge(host, &packets.target, from, walk) }
    };
    let answers: Vec<_> = walks.into_iter().zip(replies).map(answer).collect();
    output::print(&match asked.json {
        true => report::trace_json(host, namespace, &asked.packet.origin, &answers),
        false => report::trace::trace(host, namespace, &answers, output::style(color)),
    })
}

fn rules(reading: &Reading, asked: &RulesArguments) -> Result<(), Refusal> {
    let ns = &reading.host.namespaces[reading.namespace];
    if asked.json {
        return output::print(&report::rules_json(ns));
    }
    let told = Told { counters: asked.counters, handles: asked.handles };
    match asked.kind {
        None => {
            let pages = report::rules::all_in_pages(ns, told);
            let nothing = pages.is_empty() && report::rules::unread(ns).any(|unread| !unread.torn);
            match explain::words::unread(report::rules::unread(ns)) {
                Some(line) if nothing => return Err(Refusal::unanswered(line)),
                Some(line) => output::note(&line),
                None => {}
            }
            output::print_rules(&pages)
        }
        Some(kind) => {
            let kind = match kind {
                RulesKind::IptablesLegacySave => Kind::Save(IpFamily::V4, Backend::IptablesLegacy),
                RulesKind::Ip6tablesLegacySave => Kind::Save(IpFamily::V6, Backend::IptablesLegacy),
                RulesKind::IptablesNftSave => Kind::Save(IpFamily::V4, Backend::IptablesNft),
                RulesKind::Ip6tablesNftSave => Kind::Save(IpFamily::V6, Backend::IptablesNft),
                RulesKind::Nft => Kind::Nft,
                RulesKind::IpsetSave => Kind::Ipset,
            };
            let pages = report::rules::one_in_pages(ns, kind, told).map_err(Refusal::unanswered)?;
            explain::words::unread(report::rules::torn(ns, kind)).iter().for_each(|line| output::note(line));
            output::print_rules(&pages)
        }
    }
}

fn shot(source: &arguments::Source, asked: &ShotArguments, color: When) -> Result<(), Refusal> {
    let form = Form::of(&asked.output).ok_or_else(|| {
        let shown = asked.output.display();
        Refusal::usage(format!("{shown}: a picture's name ends in .svg, .txt or .ansi"))
    })?;
    let size = asked.size.split_once('x').and_then(|(columns, rows)| Some((columns.parse().ok()?, rows.parse().ok()?)));
    let Some(size) = size.filter(|(columns, rows)| (1..=1000).contains(columns) && (1..=1000).contains(rows)) else {
        return Err(Refusal::usage(format!("--size: “{}” is not COLSxROWS, such as 120x36", asked.size)));
    };
    let target = asked.target.as_deref().map(target::parse).transpose()?;
    let look = settings::of_picture(color, asked.theme.as_deref())?;
    // What is read later could not be replaced.
    let reading = opened_by(source, if asked.redact { live::read_whole } else { live::read })?;
    let start = Start {
        host: Arc::new(reading.host),
        source: reading.source,
        namespace: reading.namespace,
        target,
        setup: look.into(),
    };
    let start = if asked.redact { start.redacted() } else { start };
    output::save(&asked.output, &picture::shot(start, size, &asked.keys, form, &asked.title)?)
}
