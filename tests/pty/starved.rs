//! Where there is nearly nothing: no /proc, no home, a full disk, no privileges, terminals that know little. What is
//! said is true, nothing panics, and the terminal is what it was.

use std::fs;
use std::path::Path;

use whyport::snapshot;
use whyport::tui::Signs;

use crate::model::Model;
use crate::term::{Setting, Term};

const WHYPORT: &str = env!("CARGO_BIN_EXE_whyport");

/// A shell that does something first, and becomes the program with its arguments then.
fn after<'a>(first: &'a str, program: &[&'a str]) -> Vec<&'a str> {
    [&["sh", "-c", first, "sh"], program].concat()
}

/// A live host, in a network namespace of its own.
#[test]
fn without_proc_or_privileges_what_is_unread_is_said() {
    const BARE: &str = "mount -t tmpfs none /proc && exec \"$@\"";
    const NOBODY: [&str; 5] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", WHYPORT];
    let bare = [&["unshare", "-mn", "--propagation", "private"][..], &after(BARE, &[WHYPORT])].concat();
    let nobody = [&["unshare", "-n"][..], &NOBODY].concat();
    for (program, says) in [(bare, "/proc/sys/net"), (nobody, "CAP_NET_ADMIN")] {
        let term = Term::start(&Setting { size: (100, 30), ..Setting::default() }, &program);
        term.wait("what is unread", |term| term.screen().contains(says) || term.has_ended());
        term.press("q");
        let left = term.left();
        assert!(!left.text.contains("panicked"), "{program:?}: {}", left.screen);
        assert_eq!(left.status, 0, "{program:?}: {}", left.screen);
    }
}

#[test]
fn without_a_home_it_is_as_it_comes() {
    let whole = Model::demo((80, 24)).screen();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-folder");
    fs::write(&file, "").unwrap();
    let file = file.to_str().unwrap().to_owned();
    for variables in [
        vec![],
        vec![("HOME", "/nowhere".to_owned())],
        vec![("XDG_CONFIG_HOME", file)],
        vec![("HOME", "/proc".to_owned())],
    ] {
        let without = vec!["HOME", "XDG_CONFIG_HOME", "COLORTERM", "NO_COLOR"];
        let variables = [vec![("TERM", "xterm-256color".to_owned())], variables].concat();
        let term = Term::whyport(&Setting { variables, without, ..Setting::default() }, &["--demo"]);
        term.wait("the whole screen", |term| term.screen() == whole);
        term.press("q");
        let left = term.left();
        assert_eq!((left.status, left.screen.as_str()), (0, ""));
    }
}

#[test]
fn on_a_full_disk_it_says_so_and_leaves_nothing_behind() {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("full-disk");
    fs::create_dir_all(&place).unwrap();
    let first = format!(
        "cd {0} && mount -t tmpfs -o size=8k none {0} && cd {0} && head -c 4096 /dev/zero >a; \"$@\"; ls; cat a >b; ls -s b",
        place.display()
    );
    let program = [&["unshare", "-m", "--propagation", "private"][..], &after(&first, &[WHYPORT, "--demo"])].concat();
    let term = Term::start(&Setting { size: (120, 36), ..Setting::default() }, &program);
    let whole = Model::demo((120, 36)).screen();
    term.wait("the whole screen", |term| term.screen() == whole);
    for (key, says) in [("s", "No space left on device"), ("S", "No space left on device")] {
        term.press(key);
        term.wait("the name of a file", |term| {
            term.screen().contains("whyport-tcp-80") || term.screen().contains("k3s.whyport")
        });
        term.press("\r");
        term.wait_for(says);
        term.press("\x1b");
        term.wait("the whole screen", |term| term.screen() == whole);
    }
    term.press("q");
    let left = term.left();
    assert!(left.screen.starts_with("a\n"), "{}", left.screen);
    assert!(!left.screen.contains("svg") && !left.screen.contains("k3s"), "{}", left.screen);
}

#[test]
fn terminals_that_know_little_show_it_all_the_same() {
    for (term, locale, signs) in [
        ("linux", "C.UTF-8", Signs::Console),
        ("xterm", "C", Signs::Ascii),
        ("screen", "C.UTF-8", Signs::All),
        ("tmux-256color", "C.UTF-8", Signs::All),
        ("xterm", "C.UTF-8", Signs::All),
        ("vt220", "C.UTF-8", Signs::All),
        ("unheard-of", "C.UTF-8", Signs::All),
        ("", "C.UTF-8", Signs::All),
    ] {
        let whole = Model::drawn((80, 24), signs).screen();
        let variables =
            vec![("TERM", term.to_owned()), ("LC_ALL", locale.to_owned()), ("XDG_CONFIG_HOME", "/nowhere".to_owned())];
        let shown = Term::whyport(&Setting { variables, ..Setting::default() }, &["--demo"]);
        shown.wait(&format!("the whole screen in {term:?}"), |shown| shown.screen() == whole);
        shown.press("q");
        assert_eq!(shown.left().status, 0);
    }
}

/// What could not be used of a recording is said on the screen, and where one comes back to.
#[test]
fn how_a_recording_was_read_is_seen() {
    let whole = snapshot::demo(snapshot::demo_names()[0]).unwrap();
    let recordings = [
        (
            "untold.json",
            include_str!("../data/json/untold.json").to_owned(),
            "a note on how untold.json was read: iptables' target",
        ),
        (
            "odd.whyport",
            format!("{whole}nonsense\n"),
            "a note on how odd.whyport was read: nothing is read after [end]",
        ),
    ];
    for (name, text, says) in recordings {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&file, text).unwrap();
        let term = Term::whyport(&Setting::default(), &["--snapshot", file.to_str().unwrap()]);
        term.wait_for(says);
        term.press("q");
        assert_eq!(term.left().status, 0, "{name}");
    }
}

/// Where there is no screen or nobody types, the answer is printed.
#[test]
fn without_a_screen_or_keys_it_prints() {
    for (term, first) in [
        ("dumb", "exec \"$@\""),
        ("xterm", "exec \"$@\" <&-"),
        ("xterm", "\"$@\" | cat"),
        ("xterm", "exec \"$@\" 2>&-"),
    ] {
        let variables = vec![("TERM", term.to_owned()), ("XDG_CONFIG_HOME", "/nowhere".to_owned())];
        let interactive = first.ends_with("2>&-");
        let shown = Term::start(&Setting { variables, ..Setting::default() }, &after(first, &[WHYPORT, "--demo"]));
        if interactive {
            shown.wait_for("q quit");
            shown.press("q");
        }
        let left = shown.left();
        assert_eq!(left.status, 0, "{term} {first}: {}", left.screen);
        assert_eq!(left.text.contains("\x1b[?1049h"), interactive, "{term} {first}");
        assert_eq!(left.screen.contains("traefik"), !interactive, "{term} {first}: {}", left.screen);
    }
}

#[test]
fn where_hardly_a_file_can_be_opened_it_works_or_says_so() {
    for (limit, works) in [(4, false), (6, false), (8, false), (32, true)] {
        let first = format!("ulimit -n {limit} && exec \"$@\"");
        let term = Term::start(&Setting::default(), &after(&first, &[WHYPORT, "--demo"]));
        // What is typed when it has ended stands behind what the shell says.
        if works {
            term.wait_for("traefik");
            term.press("q");
        }
        let left = term.left();
        match works {
            true => assert_eq!((left.status, left.screen.as_str()), (0, ""), "{limit}"),
            false => {
                assert_eq!(left.status, 1, "{limit}: {}", left.screen);
                assert!(left.screen.starts_with("whyport: the terminal: "), "{limit}: {}", left.screen);
                assert_eq!(left.screen.trim_end().lines().count(), 1, "{limit}: {}", left.screen);
            }
        }
    }
}
