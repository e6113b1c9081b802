//! What is said of files, words and settings with hostile names.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::safe::assert_lines;

const WORST: &str = "a\x1b]0;x\x07\n\r\u{202e}\u{9b}31m";

fn place(name: &str) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(place.join("whyport/themes")).unwrap();
    place
}

fn run(config: &Path, arguments: &[&OsStr]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_whyport")).args(arguments).env("XDG_CONFIG_HOME", config).output().unwrap()
}

#[test]
fn what_is_refused_is_told_safely() {
    let config = place("poison-refused");
    let broken = config.join(WORST);
    fs::write(&broken, format!("-A INPUT {WORST}\n*filter\n:INPUT {WORST}\n-A INPUT -m {WORST} -j {WORST}\n")).unwrap();
    let not_text = config.join(OsStr::from_bytes(b"\xff\x1b[31m"));
    fs::write(&not_text, b"\xff\xfe\0").unwrap();
    let theme = config.join("whyport/themes/x\x1b[31m\u{202e}.toml");
    fs::write(&theme, format!("{WORST} = \"{WORST}\"\n[{WORST}]\nx = \"\u{202e}\"\n")).unwrap();
    let (word, missing, demo) = (OsStr::new(WORST), OsStr::new("/nowhere/a\x1b[31m\n\u{202e}"), OsStr::new("--demo"));
    let [ports, trace, shot, snapshot, out] = ["ports", "trace", "shot", "--snapshot", "-o"].map(OsStr::new);
    let picture = config.join("x.svg");
    let cases: Vec<Vec<&OsStr>> = vec![
        vec![ports, snapshot, missing],
        vec![ports, snapshot, broken.as_os_str()],
        vec![ports, snapshot, not_text.as_os_str()],
        vec![ports, demo, word],
        vec![ports, demo, OsStr::new("--netns"), word],
        vec![ports, OsStr::new("--netns"), word],
        vec![trace, demo, word],
        vec![word],
        vec![demo, word],
        vec![OsStr::new("demo"), word],
        vec![trace, demo, OsStr::new("80"), OsStr::new("--origin"), word],
        vec![trace, demo, OsStr::new("80"), OsStr::new("--src"), word],
        vec![trace, demo, OsStr::new("80"), OsStr::new("--with"), word],
        vec![trace, demo, OsStr::new("80"), OsStr::new("--ct"), word],
        vec![trace, demo, OsStr::new("80"), OsStr::new("--tcp-flags"), word],
        vec![trace, demo, OsStr::new("80"), OsStr::new("--sport"), word],
        vec![OsStr::new("rules"), demo, OsStr::new("--as"), word],
        vec![OsStr::new("--color"), word, ports],
        vec![OsStr::new("--a\x1b[31m\u{202e}")],
        vec![OsStr::new("completions"), word],
        vec![shot, demo, out, word],
        vec![shot, demo, out, missing],
        vec![shot, demo, out, picture.as_os_str(), OsStr::new("--keys"), OsStr::new("<a\x1b[31m\u{202e}>")],
        vec![shot, demo, out, picture.as_os_str(), OsStr::new("--size"), word],
        vec![shot, demo, out, picture.as_os_str(), OsStr::new("--theme"), word],
        vec![shot, demo, out, picture.as_os_str(), OsStr::new("--theme"), theme.as_os_str()],
        vec![shot, demo, out, picture.as_os_str(), OsStr::new("--theme"), OsStr::new("x\x1b[31m\u{202e}")],
        vec![OsStr::new("record"), missing],
    ];
    for case in cases {
        let output = run(&config, &case);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_lines(&format!("{case:?}, standard output"), &out);
        assert_lines(&format!("{case:?}, standard error"), &err);
        assert!(!err.contains("panicked"), "{case:?}: {err}");
        assert!(!err.is_empty(), "{case:?} is refused, or something is said of it");
    }
}
