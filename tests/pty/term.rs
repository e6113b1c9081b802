//! A pseudo-terminal with a shell in it that runs one program: what is typed goes in, what comes out is read back as a
//! terminal would show it, and in the end it is held against what the terminal was before.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::ioctl_fionread;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize};

/// The longest that anything is waited for.
const LONGEST: Duration = Duration::from_secs(60);

/// What the shell says before the program and after it.
const BEFORE: &str = "before the program";
const AFTER: &str = "after the program";

/// The shell: it is the terminal's session, and stays until it is killed. Its first argument is a folder to tell things in.
const SHELL: &str = r#"
echo 'before the program'
sh -c 'echo $$ >"$0/pid"; exec "$@"' "$0" "$@"
status=$?
printf 'after the program'
echo $status >"$0/status"
exec sleep 1000
"#;

/// How a program is started.
#[derive(Clone)]
pub struct Setting {
    /// Columns and rows.
    pub size: (u16, u16),
    pub variables: Vec<(&'static str, String)>,
    /// Variables that are not there.
    pub without: Vec<&'static str>,
}

impl Default for Setting {
    fn default() -> Self {
        let place = env!("CARGO_TARGET_TMPDIR").to_owned();
        Setting {
            size: (80, 24),
            variables: vec![("TERM", "xterm-256color".to_owned()), ("XDG_CONFIG_HOME", place)],
            without: vec!["COLORTERM", "NO_COLOR", "COLORFGBG"],
        }
    }
}

/// What came out of the terminal.
struct Seen {
    bytes: Vec<u8>,
    screen: vt100::Parser,
}

/// The terminal.
pub struct Term {
    master: Option<Arc<OwnedFd>>,
    slave: OwnedFd,
    /// The settings of the line before the program came.
    before: String,
    shell: Child,
    folder: PathBuf,
    seen: Arc<Mutex<Seen>>,
    closing: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
    /// Whether what stood on its screen may be gone: it had other sizes, or there is no room for it.
    resized: Cell<bool>,
}

/// How a program left its terminal.
pub struct Left {
    /// Its exit status as a shell tells it: 128 and the signal, where one ended it.
    pub status: i32,
    /// All that was written.
    pub text: String,
    /// What stands on the screen now, but for what the shell says.
    pub screen: String,
}

impl Term {
    /// Starts a program with its arguments.
    pub fn start(setting: &Setting, program: &[&str]) -> Term {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pty-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (master, slave) = open(setting.size);
        let end = || Stdio::from(slave.try_clone().unwrap());
        let mut command = Command::new("setsid");
        // What a terminal's shell starts does not ignore signals, as these tests do where a job in the background runs them.
        command.args(["--ctty", "env", "--default-signal=INT,QUIT", "sh", "-c", SHELL]).arg(&folder).args(program);
        for name in &setting.without {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C.UTF-8").envs(setting.variables.iter().map(|(name, value)| (name, value)));
        let before = settings(&master);
        let shell = command.stdin(end()).stdout(end()).stderr(end()).spawn().expect("setsid of util-linux");
        let (columns, rows) = setting.size;
        let seen = Arc::new(Mutex::new(Seen {
            bytes: Vec::new(),
            screen: vt100::Parser::new(at_least_one(rows), at_least_one(columns), 0),
        }));
        let (master, closing) = (Arc::new(master), Arc::new(AtomicBool::new(false)));
        let reader = thread::spawn({
            let (master, seen, closing) = (Arc::clone(&master), Arc::clone(&seen), Arc::clone(&closing));
            move || read(&master, &seen, &closing)
        });
        Term {
            master: Some(master),
            slave,
            before,
            shell,
            folder,
            seen,
            closing,
            reader: Some(reader),
            resized: Cell::new(columns < 39),
        }
    }

    /// Starts whyport.
    pub fn whyport(setting: &Setting, arguments: &[&str]) -> Term {
        Term::start(setting, &[&[env!("CARGO_BIN_EXE_whyport")], arguments].concat())
    }

    fn master(&self) -> &OwnedFd {
        self.master.as_ref().expect("the terminal is closed")
    }

    /// What stands on the screen.
    pub fn screen(&self) -> String {
        self.with(shown)
    }

    /// What a question about the screen gives.
    pub fn with<T>(&self, ask: impl FnOnce(&vt100::Screen) -> T) -> T {
        ask(self.seen.lock().unwrap().screen.screen())
    }

    /// All that was written.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap().bytes).into_owned()
    }

    /// Waits until something holds; it is told what would not come.
    pub fn wait(&self, what: &str, holds: impl Fn(&Term) -> bool) {
        let deadline = Instant::now() + LONGEST;
        while !holds(self) {
            assert!(Instant::now() < deadline, "{what} never came; the screen is\n{}", self.screen());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until a text stands on the screen.
    pub fn wait_for(&self, text: &str) {
        self.wait(&format!("“{text}”"), |term| term.screen().contains(text));
    }

    /// Types bytes. After an Esc it waits as people do: what comes together with it is Alt and a key.
    pub fn press(&self, bytes: &str) {
        self.send(bytes.as_bytes());
        if bytes.ends_with('\x1b') {
            thread::sleep(Duration::from_millis(50));
            self.wait("a reader of keys", |term| ioctl_fionread(&term.slave).unwrap() == 0);
        }
    }

    /// Types bytes.
    pub fn send(&self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let count = rustix::io::write(self.master(), bytes).unwrap();
            bytes = &bytes[count..];
        }
    }

    /// Gives the terminal another size.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.resized.set(true);
        // What is written from here on is for a screen of the new size.
        let mut seen = self.seen.lock().unwrap();
        tcsetwinsize(self.master(), Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        seen.screen.screen_mut().set_size(at_least_one(rows), at_least_one(columns));
    }

    /// Somebody else writes to the terminal.
    pub fn shell_writes(&self, text: &str) {
        rustix::io::write(&self.slave, text.as_bytes()).unwrap();
    }

    /// The shell gives the line the settings that it wants.
    pub fn shell_sets_line(&self) {
        let mut line = tcgetattr(&self.slave).unwrap();
        line.local_modes |= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
        tcsetattr(&self.slave, OptionalActions::Now, &line).unwrap();
    }

    /// Whether keys are read one by one, and none is shown or taken for a signal.
    pub fn is_raw(&self) -> bool {
        let line = tcgetattr(&self.slave).unwrap();
        !line.local_modes.intersects(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }

    /// The process of the program.
    pub fn pid(&self) -> u32 {
        let told = || fs::read_to_string(self.folder.join("pid")).ok().filter(|text| text.ends_with('\n'));
        self.wait("the program", |_| told().is_some());
        told().unwrap().trim().parse().unwrap()
    }

    /// Whether the program has ended.
    pub fn has_ended(&self) -> bool {
        self.folder.join("status").exists()
    }

    /// The process of the shell.
    pub fn shell(&self) -> u32 {
        self.shell.id()
    }

    /// Sends the program a signal, by its name.
    pub fn signal(&self, name: &str) {
        signal(name, self.pid());
    }

    /// Waits until the program is in a state (`T`: stopped), as proc(5) tells it; `None`: it is gone.
    pub fn wait_for_state(&self, state: Option<char>) {
        let pid = self.pid();
        let name = state.map_or("its end".to_owned(), |state| format!("the state {state}"));
        self.wait(&name, |_| process_state(pid) == state);
    }

    /// Closes the terminal, as a window that is closed does.
    pub fn close(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.master = None;
    }

    /// Waits for the program's end, and holds the terminal against what it was before.
    pub fn left(self) -> Left {
        let status =
            |term: &Term| fs::read_to_string(term.folder.join("status")).ok().filter(|text| text.ends_with('\n'));
        self.wait("the end", |term| status(term).is_some() && term.text().ends_with(AFTER));
        assert_eq!(settings(self.master()), self.before, "the settings of the line");
        let text = self.text();
        assert_off(&text);
        self.with(|screen| {
            assert!(!screen.alternate_screen(), "the alternate screen is left");
            assert!(!screen.hide_cursor(), "the cursor is shown");
            assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
            assert!(!screen.bracketed_paste() && !screen.application_cursor() && !screen.application_keypad());
            let colours = (screen.fgcolor(), screen.bgcolor());
            assert_eq!(colours, (vt100::Color::Default, vt100::Color::Default), "colours");
            assert!(!screen.bold() && !screen.inverse() && !screen.underline(), "weights");
        });
        let screen = self.screen();
        let (before, screen) = screen.split_once(BEFORE).unwrap_or((&screen, &screen));
        assert!(before.is_empty() || self.resized.get(), "what stood on the screen is not there:\n{before}");
        let (screen, _) = screen.split_once(AFTER).unwrap_or((screen, ""));
        let status = status(&self).unwrap();
        Left { status: status.trim().parse().unwrap(), text, screen: screen.trim().to_owned() }
    }
}

/// A test that fails leaves no program behind.
impl Drop for Term {
    fn drop(&mut self) {
        self.close();
        if let Ok(pid) = fs::read_to_string(self.folder.join("pid"))
            && !self.folder.join("status").exists()
            && let Ok(pid) = pid.trim().parse::<u32>()
            && self.shell.try_wait().is_ok_and(|ended| ended.is_none())
        {
            // It may end by itself meanwhile, as its terminal is closed.
            let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).stderr(Stdio::null()).status();
        }
        let _ = self.shell.kill();
        let _ = self.shell.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Both ends of a new pseudo-terminal of so many columns and rows.
fn open((columns, rows): (u16, u16)) -> (OwnedFd, OwnedFd) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    tcsetwinsize(&master, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let slave = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    (master, slave)
}

fn at_least_one(count: u16) -> NonZero<u16> {
    NonZero::new(count).expect("a terminal has columns and rows")
}

/// Takes what comes, until the terminal is to be closed.
fn read(master: &OwnedFd, seen: &Mutex<Seen>, closing: &AtomicBool) {
    let mut bytes = [0; 4096];
    let soon = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
    while !closing.load(Ordering::SeqCst) {
        if poll(&mut [PollFd::new(master, PollFlags::IN)], Some(&soon)) == Ok(0) {
            continue;
        }
        let Ok(count) = rustix::io::read(master, &mut bytes) else { return };
        let mut seen = seen.lock().unwrap();
        seen.bytes.extend_from_slice(&bytes[..count]);
        seen.screen.process(&bytes[..count]);
    }
}

/// The settings of a line, as text.
fn settings(line: &OwnedFd) -> String {
    format!("{:?}", tcgetattr(line).unwrap())
}

/// The state of a process, as proc(5) tells it; `None`: there is none, or nothing but its exit status.
pub fn process_state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let state = stat.rsplit_once(") ")?.1.chars().next()?;
    Some(state).filter(|state| !"ZX".contains(*state))
}

/// Sends a process a signal, by its name.
pub fn signal(name: &str, pid: u32) {
    let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Everything that a program switched on in its terminal is off in the end (xterm's control sequences; kitty's keyboard
/// protocol): modes but for the cursor's, stacks of keyboard modes, the keypad. Nothing names the window.
fn assert_off(text: &str) {
    let mut modes: BTreeMap<&str, bool> = BTreeMap::new();
    let mut stack = 0;
    for rest in text.split('\x1b').skip(1) {
        let Some(body) = rest.strip_prefix('[') else {
            assert!(!rest.starts_with('='), "the keypad");
            assert!(!rest.starts_with("]0;") && !rest.starts_with("]2;"), "the title of the window");
            continue;
        };
        let end = body.find(|c: char| ('@'..='~').contains(&c)).unwrap_or(body.len());
        match (&body[..end], body[end..].chars().next()) {
            (parameters, Some(on @ ('h' | 'l'))) if parameters.starts_with('?') => {
                modes.extend(parameters[1..].split(';').map(|mode| (mode, on == 'h')));
            }
            (parameters, Some('u')) if parameters.starts_with('>') => stack += 1,
            (parameters, Some('u')) if parameters.starts_with('<') => stack -= 1,
            (parameters, Some('q')) => assert!(!parameters.ends_with(' '), "the form of the cursor"),
            (parameters, Some('r')) => assert_eq!(parameters, "", "the margins"),
            _ => {}
        }
    }
    modes.retain(|mode, on| *on != (*mode == "25"));
    assert!(modes.is_empty(), "modes are not as they were: {modes:?}");
    assert_eq!(stack, 0, "keyboard modes");
}

/// A screen as text, a line a row, without spaces at their ends; wide characters stand once.
fn shown(screen: &vt100::Screen) -> String {
    let (_, columns) = screen.size();
    screen.rows(0, columns.get()).map(|row| format!("{}\n", row.trim_end())).collect()
}
