//! What the other commands print: tables and sentences, and the data of programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use whyport::host::Host;
use whyport::snapshot;
use whyport::syntax::DiagnosticKind;

use crate::host::host;
use crate::safe::{acts, assert_coloured, assert_lines};

/// The host in a file, as `whyport record` writes it.
fn recording(name: &str) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&file, snapshot::print(&host())).unwrap();
    file
}

fn run(file: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_whyport")).args(arguments).arg("--snapshot").arg(file).output().unwrap()
}

#[test]
fn no_text_holds_what_acts() {
    let file = recording("poisoned-text.whyport");
    for arguments in [
        &["ports"][..],
        &["ports", "--color", "always"],
        &["trace", "80"],
        &["trace", "80", "--color", "always"],
        &["trace", "80", "--origin", "local"],
        &["trace", "tcp/443", "-6"],
        &["trace", "80", "--ct", "established"],
    ] {
        let output = run(&file, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("\\x1b"), "{arguments:?} meets nothing of the poison: {text}");
        assert_coloured(&format!("{arguments:?}"), &text);
        assert_lines(&format!("{arguments:?}, standard error"), &String::from_utf8(output.stderr).unwrap());
    }
}

#[test]
fn data_is_whole_and_holds_nothing_that_acts() {
    let file = recording("poisoned-data.whyport");
    for arguments in [&["ports", "--json"][..], &["trace", "80", "--json"], &["rules", "--json"]] {
        let text = String::from_utf8(run(&file, arguments).stdout).unwrap();
        let line = text.lines().find(|line| line.chars().any(acts));
        assert!(line.is_none(), "{arguments:?}: {line:?}");
        let value: Value = serde_json::from_str(&text).unwrap();
        assert!(value.to_string().contains('\u{202e}'), "{arguments:?} tells the text as it is, to programs");
    }
}

/// A recording of such a host is read as that host.
#[test]
fn a_recording_holds_it() {
    let host = host();
    let text = snapshot::print(&host);
    let again = snapshot::parse(&text);
    let damaged: Vec<_> = again.diagnostics.iter().filter(|found| found.kind == DiagnosticKind::Damaged).collect();
    assert!(damaged.is_empty(), "{damaged:?}");
    let differs = snapshot::print(&again.host);
    let differs = differs.lines().zip(text.lines()).find(|(new, old)| new != old);
    assert_eq!(differs, None);
    let names = |host: &Host| -> Vec<_> {
        host.namespaces
            .iter()
            .flat_map(|ns| ns.ruleset.tables.iter().flat_map(|table| &table.chains))
            .map(|chain| chain.name.clone())
            .collect()
    };
    assert_eq!(names(&again.host), names(&host));
}
