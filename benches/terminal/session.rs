//! The built program in a pseudo-terminal: what it writes, and when.
//!
//! Deliberately does not know what keys mean.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::pty::{Winsize, openpty};

use super::pressed::Pressed;

/// The end of a frame: the terminal may show what came since its begin.
const END: &[u8] = b"\x1b[?2026l";
/// What comes later than that after what was before it belongs to another frame, where frames have no end.
const GAP: Duration = Duration::from_millis(3);
/// Whatever goes on, no key is waited for longer.
const LONGEST: Duration = Duration::from_secs(20);

/// A piece of what was written, and when it came.
type Chunk = (Instant, Vec<u8>);

/// The program, in a terminal of its own.
pub struct Session {
    child: Child,
    terminal: File,
    begun: Instant,
    chunks: Arc<Mutex<Vec<Chunk>>>,
    size: (u16, u16),
}

impl Session {
    /// Starts the program in a terminal of so many columns and rows; `link`: what its settings say of the way there.
    pub fn start(arguments: &[String], size: (u16, u16), link: &str) -> Session {
        let settings = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("terminal-{link}"));
        fs::create_dir_all(settings.join("whyport")).unwrap();
        fs::write(settings.join("whyport/config.toml"), format!("link = \"{link}\"\n")).unwrap();
        let window = Winsize { ws_col: size.0, ws_row: size.1, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = openpty(&window, None).expect("a pseudo-terminal");
        // A program that holds both ends would stay when this one is gone.
        for end in [&pair.master, &pair.slave] {
            fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).unwrap();
        }
        let end = || Stdio::from(pair.slave.try_clone().unwrap());
        let begun = Instant::now();
        let child = Command::new("setsid")
            .arg("--ctty")
            .arg(std::env::var("WHYPORT_BENCH_PROGRAM").unwrap_or(env!("CARGO_BIN_EXE_whyport").to_owned()))
            .args(arguments)
            .env("TERM", "xterm-256color")
            .env("COLORTERM", "truecolor")
            .env("XDG_CONFIG_HOME", settings)
            .stdin(end())
            .stdout(end())
            .stderr(Stdio::null())
            .spawn()
            .expect("setsid of util-linux");
        let terminal = File::from(pair.master);
        let chunks = Arc::<Mutex<Vec<Chunk>>>::default();
        let (mut from, into) = (terminal.try_clone().unwrap(), Arc::clone(&chunks));
        thread::spawn(move || {
            let mut bytes = [0; 65_536];
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                into.lock().unwrap().push((Instant::now(), bytes[..count].to_vec()));
            }
        });
        Session { child, terminal, begun, chunks, size }
    }

    /// Waits until the screen says what is looked for, and gives when it did, after the start.
    pub fn wait_for(&self, says: impl Fn(&str) -> bool) -> Option<Duration> {
        loop {
            let found = self.first(&says);
            if found.is_some() || self.begun.elapsed() > LONGEST {
                return found;
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until nothing was written for so long.
    pub fn wait(&self, quiet: Duration) {
        self.quiet_since(Instant::now(), quiet);
    }

    fn quiet_since(&self, since: Instant, quiet: Duration) {
        let last = || self.chunks.lock().unwrap().last().map_or(since, |(at, _)| (*at).max(since));
        while last().elapsed() < quiet && since.elapsed() < LONGEST {
            thread::sleep((quiet - last().elapsed().min(quiet)).max(Duration::from_micros(200)));
        }
    }

    /// Presses a key, and waits until nothing was written for so long.
    pub fn press(&mut self, key: &[u8], quiet: Duration) -> Pressed {
        let before = self.chunks.lock().unwrap().len();
        let at = Instant::now();
        self.terminal.write_all(key).unwrap();
        self.quiet_since(at, quiet);
        let chunks = self.chunks.lock().unwrap();
        let new = &chunks[before..];
        let ended = new.iter().position(|(_, bytes)| end(bytes).is_some());
        let written: Vec<u8> = new.iter().flat_map(|(_, bytes)| bytes).copied().collect();
        let gap = || new.windows(2).position(|pair| pair[1].0 - pair[0].0 > GAP).unwrap_or(new.len().saturating_sub(1));
        Pressed {
            frame: new.get(ended.unwrap_or_else(gap)).map(|(came, _)| *came - at),
            last: new.last().map(|(came, _)| *came - at),
            bytes: written.len(),
            at_once: end(&written).unwrap_or(written.len()),
        }
    }

    /// Holds a key down: it comes so many times, with a pause between them. Gives the bytes that were written meanwhile.
    pub fn hold(&mut self, key: &[u8], times: usize, pause: Duration) -> usize {
        let before = self.chunks.lock().unwrap().len();
        for _ in 0..times {
            self.terminal.write_all(key).unwrap();
            thread::sleep(pause);
        }
        self.chunks.lock().unwrap()[before..].iter().map(|(_, bytes)| bytes.len()).sum()
    }

    /// When the screen said for the first time what is looked for, after the start.
    pub fn first(&self, says: impl Fn(&str) -> bool) -> Option<Duration> {
        let mut screen = vt100::Parser::new(self.size.1.try_into().unwrap(), self.size.0.try_into().unwrap(), 0);
        let chunks = self.chunks.lock().unwrap();
        let found = chunks.iter().find(|(_, bytes)| {
            screen.process(bytes);
            says(&screen.screen().contents())
        });
        found.map(|(at, _)| *at - self.begun)
    }

    /// The most memory that it had at once, in MiB.
    pub fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        most.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// The time of a processor that it took so far, all of its threads together (proc(5), `stat`, in ticks of 10 ms).
    pub fn worked(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let behind_name = stat.rsplit(") ").next().unwrap();
        let ticks: u64 = behind_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// Leaves the program by a key.
    pub fn leave(mut self) {
        self.terminal.write_all(b"\x03").unwrap();
        let _ = self.child.wait();
    }
}

/// Where the first update ends.
fn end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(END.len()).position(|window| window == END).map(|at| at + END.len())
}
