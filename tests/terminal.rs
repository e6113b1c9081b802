//! The terminal comes back on every way out of the explorer.
//!
//! The real program runs in a pseudo-terminal that `script` (util-linux) opens, under a shell that tells the terminal's
//! settings before and after. What is checked is what a user would be left with: the settings of the line, the cursor,
//! the screen.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";
const SHOW: &str = "\x1b[?25h";

/// A shell in a pseudo-terminal that runs one program, and tells how it left the terminal.
struct Session {
    child: Child,
    keys: Option<ChildStdin>,
    seen: Arc<Mutex<Seen>>,
}

/// What came out of the terminal.
struct Seen {
    text: String,
    /// What a terminal shows of it: only the cells that changed go out.
    screen: vt100::Parser,
}

impl Session {
    /// Starts `program` (words for a shell) at 80×24.
    fn start(program: &str) -> Session {
        Session::start_with(program, &[])
    }

    /// The same with these variables in its environment.
    fn start_with(program: &str, variables: &[(&str, &str)]) -> Session {
        let line = format!(
            "stty rows 24 cols 80; echo before=$(stty -g); \
             sh -c 'echo pid=$$; exec {program}'; echo status=$?; echo after=$(stty -g)"
        );
        // What a terminal's shell starts does not ignore Ctrl-C, as these tests do where a job in the background runs them.
        let mut child = Command::new("env")
            .args(["--default-signal=INT", "script", "-q", "-c", &line, "/dev/null"])
            .env("TERM", "xterm-256color")
            .env("LC_ALL", "C.UTF-8")
            .env("SHELL", "/bin/sh")
            .env("XDG_CONFIG_HOME", env!("CARGO_TARGET_TMPDIR"))
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("env of coreutils and script of util-linux are needed for this test");
        let keys = child.stdin.take();
        let mut out = child.stdout.take().unwrap();
        let seen = Arc::new(Mutex::new(Seen { text: String::new(), screen: vt100::Parser::default() }));
        let into = Arc::clone(&seen);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = out.read(&mut bytes) {
                let mut seen = into.lock().unwrap();
                seen.text.push_str(&String::from_utf8_lossy(&bytes[..count]));
                seen.screen.process(&bytes[..count]);
            }
        });
        Session { child, keys, seen }
    }

    fn explorer() -> Session {
        let session = Session::start(&format!("{} --demo", env!("CARGO_BIN_EXE_whyport")));
        session.wait_for("quit");
        session
    }

    fn text(&self) -> String {
        self.seen.lock().unwrap().text.clone()
    }

    /// Whether it came, or stands on the screen now.
    fn shows(&self, what: &str) -> bool {
        let seen = self.seen.lock().unwrap();
        seen.text.contains(what) || seen.screen.screen().contents().contains(what)
    }

    fn wait_for(&self, what: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.shows(what) {
            assert!(Instant::now() < deadline, "“{what}” never came; there is {:?}", self.text());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// What the screen shows now.
    fn screen(&self) -> String {
        self.seen.lock().unwrap().screen.screen().contents()
    }

    /// Waits until it stands on the screen, whatever came before.
    fn wait_for_row(&self, what: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.screen().contains(what) {
            assert!(Instant::now() < deadline, "“{what}” never stood on the screen; there is {}", self.screen());
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn wait_for_another(&self, what: &str, times: usize) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.text().matches(what).count() < times {
            assert!(Instant::now() < deadline, "“{what}” did not come {times} times; there is {:?}", self.text());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until the kernel says that the program is in a state (`T`: stopped).
    fn wait_for_state(&self, state: char) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let path = format!("/proc/{}/stat", self.value("pid"));
        while !fs::read_to_string(&path).unwrap().contains(&format!(") {state} ")) {
            assert!(Instant::now() < deadline, "the program never came into state {state}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn press(&mut self, keys: &str) {
        let line = self.keys.as_mut().unwrap();
        line.write_all(keys.as_bytes()).unwrap();
        line.flush().unwrap();
    }

    fn value(&self, name: &str) -> String {
        let text = self.text();
        let (_, rest) = text.rsplit_once(&format!("{name}=")).unwrap_or_else(|| panic!("no {name} in {text:?}"));
        rest.split(['\r', '\n']).next().unwrap().to_owned()
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.value("pid")]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end, holds the line's settings against what they were, and gives the program's exit status and all
    /// that was written.
    fn over(mut self) -> (String, String) {
        self.wait_for("after=");
        self.keys = None;
        self.child.wait().unwrap();
        let text = self.text();
        let value = |name: &str| {
            let (_, rest) = text.rsplit_once(&format!("{name}=")).unwrap();
            rest.split(['\r', '\n']).next().unwrap().to_owned()
        };
        assert_eq!(value("before"), value("after"), "the line's settings: {text:?}");
        (value("status"), text)
    }

    /// The same of the explorer, which leaves the screen as it was.
    fn end(self) -> (String, String) {
        let (status, text) = self.over();
        assert!(text.contains(ENTER), "the alternate screen was never entered: {text:?}");
        let last = |what: &str| text.rfind(what).unwrap_or_else(|| panic!("no {what:?} in {text:?}"));
        assert!(last(LEAVE) > last(ENTER), "the alternate screen was not left");
        assert!(last(SHOW) > last("\x1b[?25l"), "the cursor stays hidden");
        if text.contains("\x1b[?1002h") {
            assert!(last("\x1b[?1002l") > last("\x1b[?1002h"), "the terminal goes on telling of the mouse");
        }
        assert!(text.matches(ENTER).count() == text.matches(LEAVE).count(), "left as often as entered");
        (status, text)
    }
}

/// A test that fails leaves no program behind.
impl Drop for Session {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            let text = self.text();
            let pid = text.rsplit_once("pid=").and_then(|(_, rest)| rest.split(['\r', '\n']).next());
            let _ = pid.map(|pid| Command::new("kill").args(["-KILL", pid]).status());
            let _ = self.child.wait();
        }
    }
}

#[test]
fn after_q() {
    let mut session = Session::explorer();
    session.press("q");
    assert_eq!(session.end().0, "0");
}

#[test]
fn after_control_c() {
    let mut session = Session::explorer();
    session.press("\x03");
    assert_eq!(session.end().0, "0");
}

#[test]
fn after_sigterm() {
    let session = Session::explorer();
    session.signal("TERM");
    assert_eq!(session.end().0, (128 + 15).to_string());
}

#[test]
fn after_sighup() {
    let session = Session::explorer();
    session.signal("HUP");
    assert_eq!(session.end().0, (128 + 1).to_string());
}

#[test]
fn after_a_panic_which_is_told_on_the_screen_that_came_back() {
    for child in ["child_panics", "child_panics_elsewhere"] {
        let itself = std::env::current_exe().unwrap();
        let session = Session::start(&format!("{} --exact {child} --ignored --nocapture", itself.display()));
        let (status, text) = session.end();
        assert_eq!(status, "101", "{text}");
        let told = text.find("a defect for the test").expect("the panic is told");
        assert!(told > text.rfind(LEAVE).unwrap(), "the panic is told where it can be read");
    }
}

#[test]
#[ignore = "run by the test above, in a terminal of its own"]
fn child_panics() {
    let mut terminal = whyport::cli::terminal::Terminal::take().unwrap();
    terminal.draw(|_, _| {}, &[], 0).unwrap();
    panic!("a defect for the test");
}

#[test]
#[ignore = "run by the test above, in a terminal of its own"]
fn child_panics_elsewhere() {
    let mut terminal = whyport::cli::terminal::Terminal::take().unwrap();
    terminal.draw(|_, _| {}, &[], 0).unwrap();
    let result = thread::spawn(|| panic!("a defect for the test")).join();
    drop(terminal);
    result.unwrap();
}

#[test]
fn while_it_is_stopped_the_terminal_is_the_shells() {
    let mut session = Session::explorer();
    session.press("\x1a");
    session.wait_for(LEAVE);
    session.wait_for_state('T');
    session.signal("CONT");
    session.wait_for_another(ENTER, 2);
    session.press("q");
    assert_eq!(session.end().0, "0");
}

#[test]
fn a_new_size_is_drawn_at_once() {
    let mut session = Session::explorer();
    let tty = Command::new("ps").args(["-o", "tty=", "-p", &session.value("pid")]).output().unwrap();
    let tty = format!("/dev/{}", String::from_utf8(tty.stdout).unwrap().trim());
    let resized = Command::new("stty").args(["-F", &tty, "rows", "10", "cols", "60"]).status().unwrap();
    assert!(resized.success());
    session.wait_for("60×10");
    session.press("q");
    session.end();
}

/// Does something in a network namespace of its own.
fn apart(task: impl FnOnce() + Send + 'static) {
    let alone = move || {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET)
            .expect("a network namespace: run these tests as root");
        task();
    };
    thread::spawn(alone).join().unwrap();
}

/// Runs a tool to its end, in the network namespace of this thread.
fn run(tool: &str, arguments: &str) {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let status = Command::new(tool).args(arguments.split(' ')).env("PATH", path).status().unwrap();
    assert!(status.success(), "{tool} {arguments}");
}

#[test]
fn what_changes_on_a_live_host_is_seen_without_a_key() {
    apart(|| {
        let mut session = Session::start(env!("CARGO_BIN_EXE_whyport"));
        session.wait_for("No socket listens here");
        session.wait_for("· live");
        run("nft", "add table ip t");
        run("nft", "add chain ip t c { type filter hook input priority 7; }");
        session.wait_for_row("input");
        run("iptables-legacy", "-A OUTPUT -p tcp --dport 99 -j DROP");
        session.wait_for_row("output");
        let listener = std::net::TcpListener::bind("0.0.0.0:4242").unwrap();
        session.wait_for_row("4242");
        drop(listener);
        session.wait_for_row("No socket listens here");
        session.press("q");
        assert_eq!(session.end().0, "0");
    });
}

/// Asks for a port of this host so often; nobody listens there.
fn knock(port: u16, times: usize) {
    for _ in 0..times {
        let _ = std::net::TcpStream::connect(("127.0.0.1", port));
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn rules_that_can_be_seen_count_and_glow_and_what_is_selected_stays() {
    for (tool, add, before) in [
        ("nft", "add rule ip t c ip protocol tcp counter", "insert rule ip t c ip protocol udp counter"),
        ("iptables-nft", "-A OUTPUT -p tcp -j RETURN", "-I OUTPUT -p udp -j RETURN"),
        ("iptables-legacy", "-A OUTPUT -p tcp -j RETURN", "-I OUTPUT -p udp -j RETURN"),
    ] {
        apart(move || {
            run("ip", "link set lo up");
            if tool == "nft" {
                run("nft", "add table ip t");
                run("nft", "add chain ip t c { type filter hook output priority 0; }");
            }
            run(tool, add);
            let mut session = Session::start(env!("CARGO_BIN_EXE_whyport"));
            session.wait_for_row("output");
            // To the tree, to its end, and down to the rule.
            session.press("\tGllll");
            session.wait_for_row("rule 1 of");
            assert!(!session.screen().contains("•"), "{tool}: {}", session.screen());
            knock(98, 10);
            session.wait_for_row("•");
            session.wait_for_row("a second now");
            run(tool, before);
            session.wait_for_row("udp");
            session.wait_for_row("rule 2 of");
            session.press("q");
            assert_eq!(session.end().0, "0");
        });
    }
}

#[test]
fn space_lets_the_picture_stand_still_and_what_changed_meanwhile_is_seen_after_it() {
    apart(|| {
        let mut session = Session::start(env!("CARGO_BIN_EXE_whyport"));
        session.wait_for("No socket listens here");
        session.press(" ");
        session.wait_for_row("· paused");
        let before = session.screen();
        let _listener = std::net::TcpListener::bind("0.0.0.0:4242").unwrap();
        // Longer than it takes while nothing stands still.
        thread::sleep(Duration::from_secs(3));
        assert_eq!(session.screen(), before);
        session.press(" ");
        session.wait_for_row("4242");
        session.wait_for_row("· live");
        session.press("q");
        assert_eq!(session.end().0, "0");
    });
}

/// A live host whose reading stands still shortly before its end, in a network namespace with a few rules: the file that
/// holds the host's name is a pipe, and nobody writes into it.
struct Slow {
    folder: PathBuf,
}

const RULES: &str = "table ip t {
  chain one { ip saddr 192.0.2.1 drop; ip saddr 192.0.2.2 drop; }
  chain two { ip saddr 192.0.2.3 drop; }
}
";

impl Slow {
    fn new(name: &str) -> Slow {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("slow-{name}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let made = Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap();
        assert!(made.success());
        fs::write(folder.join("rules"), RULES).unwrap();
        let script = "cd $(dirname $0) && PATH=$PATH:/usr/sbin:/sbin && nft -f rules && \
                      mount --bind pipe /proc/sys/kernel/hostname && exec \"$@\"\n";
        fs::write(folder.join("in"), script).unwrap();
        Slow { folder }
    }

    /// Starts whyport there.
    fn start(&self, arguments: &str) -> Session {
        let script = self.folder.join("in");
        let program = env!("CARGO_BIN_EXE_whyport");
        Session::start(&format!("unshare -mn --propagation private sh {} {program} {arguments}", script.display()))
    }

    /// Lets the reading go on.
    fn release(&self) {
        fs::write(self.folder.join("pipe"), "slowhost\n").unwrap();
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What a line of the terminal shows once this was written to it: CR goes to its begin, EL wipes the rest.
fn line(written: &str) -> String {
    written.rsplit('\r').next().unwrap().split("\x1b[K").next().unwrap().to_owned()
}

#[test]
fn a_long_reading_says_how_far_it_is_and_control_c_stops_it() {
    let slow = Slow::new("stopped");
    let session = slow.start("ports");
    session.wait_for(" chains");
    let shown = line(&session.text());
    assert!(shown.starts_with("reading ") && shown.contains(" rules in "), "{shown}");
    // What the terminal sends at Ctrl-C; sent to whyport alone, so that the shell around it lives to tell its status.
    session.signal("INT");
    let (status, text) = session.over();
    assert_eq!(status, (128 + 2).to_string(), "{text:?}");
    let (before, after) = text.rsplit_once("whyport: ").unwrap();
    assert_eq!(line(before), "", "the line is wiped: {text:?}");
    assert!(after.starts_with("the reading was stopped\r\n"), "{text:?}");
    assert!(!text.contains("panicked"));
}

#[test]
fn the_line_of_a_long_reading_is_gone_when_the_answer_comes() {
    let slow = Slow::new("released");
    let session = slow.start("rules --as nft");
    session.wait_for(" chains");
    slow.release();
    let (status, text) = session.over();
    assert_eq!(status, "0", "{text:?}");
    let (before, _) = text.split_once("table ip t {").unwrap();
    assert_eq!(line(before), "", "{text:?}");
    assert!(before.ends_with("\r\x1b[K"), "{text:?}");
}

#[test]
fn without_a_terminal_nothing_is_said_of_a_reading() {
    let slow = Slow::new("silent");
    let errors = slow.folder.join("errors");
    let session = slow.start(&format!("record {0}/snapshot 2>{0}/errors", slow.folder.display()));
    // Whoever opens the pipe waits for the one who reads from it.
    slow.release();
    let (status, _) = session.over();
    assert_eq!(status, "0");
    let told = fs::read_to_string(errors).unwrap();
    assert!(!told.contains("reading") && !told.contains('\r'), "{told:?}");
    assert!(fs::read_to_string(slow.folder.join("snapshot")).unwrap().contains("node: slowhost"));
}

#[test]
fn the_explorer_is_there_before_the_host_is_read_and_can_be_left() {
    let slow = Slow::new("left");
    let mut session = slow.start("");
    session.wait_for("reading the host");
    session.press("q");
    assert_eq!(session.end().0, "0");
}

#[test]
fn the_explorer_shows_the_host_once_it_is_read_and_stops_reading_it_again() {
    let slow = Slow::new("explored");
    let mut session = slow.start("");
    session.wait_for("reading the host");
    slow.release();
    session.wait_for("No socket listens here");
    session.press("r");
    session.wait_for("Esc stops reading");
    session.press("\x1b");
    session.wait_for("stopping");
    // It stands where nothing can be asked: it is stopped as soon as it goes on.
    slow.release();
    session.wait_for("the reading was stopped");
    session.press("q");
    assert_eq!(session.end().0, "0");
}

#[test]
fn a_namespace_that_is_not_there_is_told_on_the_screen_that_came_back() {
    let session = Session::start(&format!("{} --netns nowhere", env!("CARGO_BIN_EXE_whyport")));
    let (status, text) = session.end();
    assert_eq!(status, "1", "{text}");
    assert!(text.rfind("whyport: ").expect("why") > text.rfind(LEAVE).unwrap(), "{text}");
}

#[test]
fn settings_hold_and_what_of_them_cannot_be_used_is_told_on_the_screen_and_after_it() {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("config-terminal");
    fs::create_dir_all(place.join("whyport")).unwrap();
    let file = place.join("whyport/config.toml");
    fs::write(&file, "theme = \"high-contrast\"\n[keys]\nfnid = \"x\"\nquit = \"X\"\n").unwrap();
    let place = place.to_str().unwrap();
    let variables = [("XDG_CONFIG_HOME", place), ("COLORTERM", "truecolor")];
    let mut session = Session::start_with(&format!("{} --demo", env!("CARGO_BIN_EXE_whyport")), &variables);
    session.wait_for("config.toml:3: no action is called “fnid”; did you mean “find”?");
    session.wait_for("48;2;0;0;0");
    // Neither key of the table leaves any more.
    session.press("q?");
    session.wait_for("Help (");
    session.press("X");
    let (status, text) = session.end();
    assert_eq!(status, "0");
    let told = text.rfind("config.toml:3: no action is called “fnid”; did you mean “find”?").unwrap();
    assert!(told > text.rfind(LEAVE).unwrap(), "{text:?}");
}

#[test]
fn the_screen_has_the_colours_that_the_terminal_knows() {
    for (variables, has, has_not) in [
        (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")][..], &["48;2;18;21;28"][..], &["48;5;"][..]),
        (&[("TERM", "xterm-256color"), ("COLORTERM", "")], &["48;5;"], &["48;2;"]),
        (&[("TERM", "linux"), ("COLORTERM", "")], &["94m"], &["8;5;", "8;2;"]),
        (&[("TERM", "vt100"), ("COLORTERM", "truecolor")], &["\x1b[1m"], &["38;5;", "38;2;"]),
        (&[("TERM", "xterm-256color"), ("NO_COLOR", "1")], &["\x1b[1m"], &["38;5;", "38;2;"]),
    ] {
        let mut session = Session::start_with(&format!("{} --demo", env!("CARGO_BIN_EXE_whyport")), variables);
        // Who answers has the colours.
        session.wait_for("traefik");
        session.wait_for("quit");
        session.press("q");
        let (_, text) = session.end();
        for code in has {
            assert!(text.contains(code), "{variables:?} has no {code}: {text:?}");
        }
        for code in has_not {
            assert!(!text.contains(code), "{variables:?} has {code}");
        }
    }
}

#[test]
fn the_demo_begins_with_the_tour_and_goes_on_without_it() {
    let mut session = Session::start(&format!("{} demo", env!("CARGO_BIN_EXE_whyport")));
    session.wait_for("1 of 10");
    session.wait_for("Who answers port 80?");
    session.press("n");
    session.wait_for("2 of 10");
    session.press("q");
    session.wait_for("? help   q quit");
    session.press("q");
    assert_eq!(session.end().0, "0");
}

#[test]
fn a_click_of_a_terminal_goes_to_a_row() {
    let mut session = Session::start(&format!("{} --demo", env!("CARGO_BIN_EXE_whyport")));
    session.wait_for("tcp/80 from outside");
    session.wait_for("\x1b[?1002h");
    // The first row of the ports, as xterm tells of it: button, column, row from 1; M: pressed, m: let go.
    session.press("\x1b[<0;8;3M\x1b[<0;8;3m");
    session.wait_for("tcp/22 from outside");
    session.press("q");
    assert_eq!(session.end().0, "0");
}
