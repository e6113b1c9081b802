//! Every way out: the terminal is what it was, and the exit status tells how it went.

use std::time::Duration;

use crate::model::Model;
use crate::term::{Setting, Term, process_state, signal};

/// The explorer in a session of its own: it becomes what `setsid` is.
const LEADER: [&str; 3] = ["setsid", env!("CARGO_BIN_EXE_whyport"), "--demo"];

fn explorer() -> Term {
    settled(Term::whyport(&Setting::default(), &["--demo"]))
}

/// Once nothing more is to be drawn.
fn settled(term: Term) -> Term {
    let screen = Model::demo((80, 24)).screen();
    term.wait("the whole screen", |term| term.screen() == screen);
    term
}

#[test]
fn keys_and_signals_leave_the_terminal_as_it_was() {
    for (keys, status) in [("q", 0), ("\x03", 0), ("?q", 0), ("?\x1bq", 0), ("/abc\x03q", 0), ("H\x1bq", 0)] {
        let term = explorer();
        keys.chars().for_each(|key| term.press(&key.to_string()));
        let left = term.left();
        assert_eq!((left.status, left.screen.as_str()), (status, ""), "{keys:?}");
    }
    for (name, number) in [("TERM", 15), ("HUP", 1), ("INT", 2), ("QUIT", 3), ("USR1", 10), ("ALRM", 14), ("ABRT", 6)] {
        let term = explorer();
        term.signal(name);
        let left = term.left();
        assert_eq!(left.status, 128 + number, "{name}");
        assert!(!left.screen.contains("panicked"), "{name}: {}", left.screen);
    }
}

#[test]
fn a_signal_at_any_moment_of_the_start_leaves_the_terminal_as_it_was() {
    for step in 0..20 {
        let term = Term::whyport(&Setting::default(), &["--demo"]);
        term.pid();
        std::thread::sleep(Duration::from_millis(3 * step));
        term.signal("TERM");
        let left = term.left();
        assert_eq!(left.status, 128 + 15, "{step}: {}", left.text);
        // The shell says so of a program that has not come so far as to see to it itself.
        assert_eq!(left.screen.replace("Terminated", ""), "");
    }
}

#[test]
fn stopped_and_continued_it_is_what_it_was() {
    // By its own key, by the signal that a shell sends, and by the one that nobody can catch.
    for how in ["key", "TSTP", "STOP"] {
        let term = explorer();
        let screen = term.screen();
        for _ in 0..2 {
            match how {
                "key" => term.press("\x1a"),
                name => term.signal(name),
            }
            term.wait_for_state(Some('T'));
            if how != "STOP" {
                term.wait("the shell's screen", |term| {
                    term.with(|screen| !screen.alternate_screen() && !screen.hide_cursor())
                });
            }
            // Whoever has the terminal in the meantime uses it.
            term.shell_writes("\x1b[?25h\x1b[?1002l\x1b[2J\x1b[Hsomething else");
            term.shell_sets_line();
            term.resize(81, 24);
            term.resize(80, 24);
            term.signal("CONT");
            term.wait("the screen again", |term| term.screen() == screen);
            term.wait("everything that it needs", |term| {
                term.with(|screen| {
                    let mouse = screen.mouse_protocol_mode() == vt100::MouseProtocolMode::ButtonMotion;
                    screen.alternate_screen() && screen.hide_cursor() && mouse
                })
            });
            term.wait("raw mode", Term::is_raw);
        }
        // A key is read without Enter.
        term.press("?");
        term.wait_for("Help (");
        term.press("q");
        assert_eq!(term.left().status, 0, "{how}");
    }
}

/// As `ssh -t host whyport` and `tmux new whyport` start it: nobody could continue it.
#[test]
fn without_a_shell_it_does_not_stop() {
    let term = settled(Term::start(&Setting::default(), &LEADER));
    term.press("\x1a");
    term.press("?");
    term.wait_for("Help (");
    term.press("q");
    assert_eq!(term.left().status, 0);
}

#[test]
fn a_closed_terminal_ends_it() {
    let mut term = explorer();
    let pid = term.pid();
    term.close();
    wait_for_end(pid);
}

/// Somebody who is not of the terminal's session gets no signal when it is closed.
#[test]
fn a_closed_terminal_ends_it_though_no_signal_tells() {
    let mut term = settled(Term::start(&Setting::default(), &LEADER));
    let pid = term.pid();
    term.close();
    wait_for_end(pid);
}

#[test]
fn it_ends_with_the_shell_that_started_it() {
    let term = explorer();
    let pid = term.pid();
    signal("KILL", term.shell());
    wait_for_end(pid);
}

fn wait_for_end(pid: u32) {
    let begin = std::time::Instant::now();
    while process_state(pid).is_some() {
        if begin.elapsed() > Duration::from_secs(30) {
            signal("KILL", pid);
            panic!("it goes on without a terminal");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A chain's name may be a command to the terminal.
#[test]
fn what_is_printed_on_a_terminal_is_safe_for_it() {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile-host");
    let rules = "*filter\n:INPUT ACCEPT [0:0]\n:\x1b]0;owned\x07\x1b[31mred - [0:0]\nCOMMIT\n";
    std::fs::write(&file, rules).expect("a file");
    let file = file.to_str().expect("a name");
    for command in ["record", "rules"] {
        let setting = Setting { size: (80, 60), ..Setting::default() };
        let left = Term::whyport(&setting, &[command, "--snapshot", file]).left();
        assert_eq!(left.status, 0, "{}", left.text);
        assert!(left.text.contains("owned"), "{command}: {}", left.text);
        assert!(!left.text.contains("\x1b]0;") && !left.text.contains("\x1b[31m"), "{command}: {:?}", left.text);
    }
}
