//! Any text is keys or none; any words are a command, or are refused in one line; what a TARGET and the options of `trace` say makes packets.
//!
//! A case: words, one a line.
#![no_main]

use std::sync::LazyLock;

use clap::Parser;
use libfuzzer_sys::fuzz_target;
use whyport::cli::arguments::{Arguments, Command};
use whyport::cli::{packet, target};
use whyport::host::Host;
use whyport::snapshot;
use whyport::tui::key::{self, Key};
use whyport_fuzz as _;

static HOST: LazyLock<Host> = LazyLock::new(|| snapshot::parse(snapshot::demo("k3s-port-80").unwrap_or_default()).host);

fuzz_target!(|text: &str| {
    for key in key::sequence(text).unwrap_or_default() {
        assert!(Key::of(&key.event()).is_some(), "{key:?}");
    }
    let words = ["whyport"].into_iter().chain(text.lines());
    let Ok(arguments) = Arguments::try_parse_from(words) else { return };
    let trace = match &arguments.command {
        Some(Command::Trace(asked)) => Some(asked),
        _ => None,
    };
    let word = trace.map(|asked| &asked.target).or(arguments.target.as_ref());
    match (word.map(|word| target::parse(word)), trace) {
        (Some(Err(refusal)), _) => assert!(!refusal.line.contains('\n'), "{refusal:?}"),
        (Some(Ok(target)), Some(asked)) => match packet::ask(&HOST, HOST.viewed, target, &asked.packet, None) {
            Ok(asked) => assert!(!asked.queries.is_empty()),
            Err(refusal) => assert!(!refusal.line.contains('\n'), "{refusal:?}"),
        },
        _ => {}
    }
});
