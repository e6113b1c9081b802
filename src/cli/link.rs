//! The link to the terminal: where it may be slow, a movement shows the cursor at once, and the rest of the screen when no key
//! was pressed for a moment. Whoever holds a key down waits for no screen that is old when it comes.
//!
//! A terminal is not asked how fast it is: its answer would come among the keys, or never.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::tui;

/// So much goes out at once for a movement, in bytes: a second's worth at 9,600 baud.
pub const MOST: usize = 1024;

/// The rest of the screen comes when no key was pressed for so long: keys that are held come every 25 to 50 ms.
const PAUSE: Duration = Duration::from_millis(100);

/// Frames that nobody asked for by a key follow each other after so long: where thousands of ports are asked, each has an answer.
const FRAME: Duration = Duration::from_millis(40);

/// A terminal that takes nothing for so long has a slow link.
const BLOCKED: Duration = Duration::from_millis(100);

/// Variables of which sshd(8) sets one at least for whoever comes over the network.
const REMOTE: [&str; 3] = ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"];
/// Programs that a network's terminal hangs on, as `/proc/PID/status` calls them; sudo(8) takes the variables away.
const SERVERS: [&str; 7] = ["sshd", "sshd-session", "sshd-auth", "dropbear", "mosh-server", "telnetd", "in.telnetd"];
/// Terminals on a line that has a speed, by how their names begin.
const SERIAL: [&str; 6] = ["/dev/ttyS", "/dev/ttyAMA", "/dev/ttyUSB", "/dev/ttyACM", "/dev/ttyGS", "/dev/hvc"];

/// The link to the terminal.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    is_slow: bool,
    /// When the cursor was moved last, if nothing else was done since.
    moved: Option<Instant>,
    /// Whether somebody did something since the last frame.
    touched: bool,
    /// When that came, if nobody had done anything before.
    alone: Option<Instant>,
}

impl Link {
    /// As somebody says it is; else by where the program stands.
    pub fn new(said: Option<tui::Link>) -> Link {
        let found = || {
            let tty = rustix::termios::ttyname(std::io::stdout(), Vec::new());
            let tty = tty.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            is_slow(|name| std::env::var_os(name).is_some(), &tty, Path::new("/proc"))
        };
        Link::that_is(said.map_or_else(found, |said| said == tui::Link::Slow))
    }

    fn that_is(is_slow: bool) -> Link {
        Link { is_slow, moved: None, touched: false, alone: None }
    }

    /// Somebody did something: moved the cursor, or something else.
    pub fn hear(&mut self, moves: bool, now: Instant) {
        self.moved = Some(now).filter(|_| moves && self.is_slow);
        self.touched = true;
    }

    /// A frame was drawn, which the terminal took in so long.
    pub fn drew(&mut self, took: Duration, now: Instant) {
        self.is_slow |= took >= BLOCKED;
        self.alone = Some(now).filter(|_| !self.touched);
        self.touched = false;
    }

    /// How long the next frame waits still; what somebody does is seen at once, and so is the first that comes of it.
    pub fn rests(&self, now: Instant) -> Option<Duration> {
        let alone = self.alone.filter(|_| !self.touched)?;
        let pause = if self.is_slow { PAUSE } else { FRAME };
        Some(pause.saturating_sub(now.saturating_duration_since(alone))).filter(|left| !left.is_zero())
    }

    /// For how long no more than what is next to the cursor is shown; `None`: everything is.
    pub fn holds(&self, now: Instant) -> Option<Duration> {
        let left = PAUSE.checked_sub(now.saturating_duration_since(self.moved?))?;
        Some(left).filter(|left| !left.is_zero())
    }
}

/// Whether the link may be slow, by the variables that are set, the name of the terminal and the processes that began this one.
fn is_slow(is_set: impl Fn(&str) -> bool, tty: &str, proc: &Path) -> bool {
    let mut process = "self".to_owned();
    let above = std::iter::from_fn(|| {
        let status = fs::read_to_string(proc.join(&process).join("status")).ok()?;
        let said = |name| status.lines().find_map(|line| line.strip_prefix(name)).map(|text| text.trim().to_owned());
        process = said("PPid:").filter(|parent| *parent != "0").unwrap_or_else(|| "none".to_owned());
        said("Name:")
    });
    REMOTE.into_iter().any(is_set)
        || SERIAL.iter().any(|serial| tty.starts_with(serial))
        // Processes that end meanwhile could lead in a circle.
        || above.take(100).any(|name| SERVERS.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(begin: Instant, milliseconds: u64) -> Instant {
        begin + Duration::from_millis(milliseconds)
    }

    #[test]
    fn after_a_movement_the_rest_waits_until_no_key_is_pressed_or_another_one_is() {
        let begin = Instant::now();
        let mut link = Link::that_is(true);
        assert_eq!(link.holds(begin), None);
        link.hear(true, begin);
        assert_eq!(link.holds(at(begin, 30)), Some(Duration::from_millis(70)));
        link.hear(true, at(begin, 30));
        assert_eq!(link.holds(at(begin, 120)), Some(Duration::from_millis(10)));
        assert_eq!(link.holds(at(begin, 130)), None);
        link.hear(true, at(begin, 200));
        link.hear(false, at(begin, 201));
        assert_eq!(link.holds(at(begin, 201)), None);
    }

    #[test]
    fn on_a_fast_link_nothing_waits_until_the_terminal_takes_nothing() {
        let begin = Instant::now();
        let mut link = Link::that_is(false);
        link.hear(true, begin);
        link.drew(Duration::from_millis(99), begin);
        assert_eq!(link.holds(begin), None);
        link.drew(Duration::from_millis(100), begin);
        link.hear(true, begin);
        assert!(link.holds(begin).is_some());
    }

    #[test]
    fn frames_that_nobody_asked_for_follow_each_other_slowly_and_others_at_once() {
        let begin = Instant::now();
        let mut link = Link::that_is(false);
        assert_eq!(link.rests(begin), None);
        link.drew(Duration::ZERO, begin);
        assert_eq!(link.rests(at(begin, 10)), Some(Duration::from_millis(30)));
        assert_eq!(link.rests(at(begin, 40)), None);
        link.hear(false, at(begin, 10));
        assert_eq!(link.rests(at(begin, 10)), None, "a key");
        link.drew(Duration::ZERO, at(begin, 11));
        assert_eq!(link.rests(at(begin, 12)), None, "the first that comes of it");
        link.drew(Duration::ZERO, at(begin, 12));
        assert_eq!(link.rests(at(begin, 12)), Some(FRAME));
        let mut slow = Link::that_is(true);
        slow.drew(Duration::ZERO, begin);
        assert_eq!(slow.rests(begin), Some(PAUSE));
    }

    #[test]
    fn whoever_comes_over_a_network_or_a_serial_line_has_a_link_that_may_be_slow() {
        let proc = tempfile("link");
        let process = |pid: &str, name: &str, parent: &str| {
            fs::create_dir_all(proc.join(pid)).expect("a folder");
            fs::write(proc.join(pid).join("status"), format!("Name:\t{name}\nPid:\t1\nPPid:\t{parent}\n"))
                .expect("a file");
        };
        process("self", "whyport", "30");
        process("30", "sudo", "20");
        process("20", "bash", "10");
        process("10", "login", "1");
        process("1", "systemd", "0");
        let slow = |variable: &str, tty: &str| is_slow(|name| name == variable, tty, &proc);
        assert!(!slow("", "/dev/pts/3") && !slow("TERM", "/dev/tty1"));
        assert!(slow("SSH_TTY", "/dev/pts/3") && slow("SSH_CONNECTION", ""));
        assert!(slow("", "/dev/ttyS0"));
        process("10", "sshd-session", "1");
        assert!(slow("", "/dev/pts/3"));
        process("10", "login", "20");
        assert!(!slow("", "/dev/pts/3"), "a circle ends");
        let _ = fs::remove_dir_all(proc);
    }

    /// A folder of this test.
    fn tempfile(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("whyport-{name}-{}", std::process::id()))
    }
}
