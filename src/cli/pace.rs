//! How frames follow each other. Where the way to the terminal may be slow, a step of the cursor shows the rows next to it, and
//! the rest of the screen when no key was pressed for a moment: what a key that is held would show meanwhile is old when it comes.
//! And frames that nobody asked for by a key come so many a second at most.
//!
//! A terminal is not asked how fast it is: its answer would come among the keys, or never.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::tui::{Pane, Speed};

/// Less than so much goes out at once for a step of the cursor, in bytes: a second's worth at 9,600 baud.
pub const MOST: usize = 1024;

/// The rest of the screen comes when no key was pressed for so long: keys that are held come every 25 to 50 ms.
const PAUSE: Duration = Duration::from_millis(100);

/// Frames that nobody asked for by a key follow each other after so long: where thousands of ports are asked, each has an answer.
const FRAME: Duration = Duration::from_millis(40);

/// A terminal that takes nothing for so long is far away.
const BLOCKED: Duration = Duration::from_millis(100);

/// Variables of which sshd(8) sets one at least for whoever comes over the network.
const REMOTE: [&str; 3] = ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"];
/// Programs that a network's terminal hangs on, as `/proc/PID/status` calls them; sudo(8) takes the variables away.
const SERVERS: [&str; 7] = ["sshd", "sshd-session", "sshd-auth", "dropbear", "mosh-server", "telnetd", "in.telnetd"];
/// Terminals on a line that has a speed, by how their names begin.
const SERIAL: [&str; 6] = ["/dev/ttyS", "/dev/ttyAMA", "/dev/ttyUSB", "/dev/ttyACM", "/dev/ttyGS", "/dev/hvc"];

/// What somebody did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    Nothing,
    /// Moved the cursor, in this place alone, the last time then: nothing else on the screen need be new.
    Moved((Pane, usize), Instant),
    /// Other things, too.
    More,
}

/// When the next frame comes, and how much of it.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    is_slow: bool,
    /// Whether somebody said how fast the way is.
    is_said: bool,
    /// What was done since all of the screen was shown.
    done: Done,
    /// Whether somebody did something since the last frame.
    touched: bool,
    /// When the last frame was drawn, if nobody had done anything before and nobody waited for an answer.
    unasked: Option<Instant>,
}

impl Pace {
    /// On a way that somebody says is so fast; else by where the program stands.
    pub fn new(said: Option<Speed>) -> Pace {
        let found = || {
            let tty = rustix::termios::ttyname(std::io::stdout(), Vec::new());
            let tty = tty.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            is_slow(|name| std::env::var_os(name).is_some(), &tty, Path::new("/proc"))
        };
        let is_slow = said.map_or_else(found, |said| said == Speed::Slow);
        Pace { is_slow, is_said: said.is_some(), done: Done::Nothing, touched: true, unasked: None }
    }

    /// Somebody did something: moved the cursor somewhere, or something else.
    pub fn hear(&mut self, movement: Option<(Pane, usize)>, now: Instant) {
        self.touched = true;
        self.done = match (self.done, movement) {
            (Done::Nothing, Some(place)) => Done::Moved(place, now),
            (Done::Moved(known, _), Some(place)) if known == place => Done::Moved(place, now),
            (Done::Nothing | Done::Moved(..) | Done::More, _) => Done::More,
        };
    }

    /// A frame was drawn, all of the screen or what is next to the cursor, which the terminal took in so long; `waiting`: somebody
    /// waits for an answer that it does not show yet.
    pub fn drew(&mut self, whole: bool, took: Duration, waiting: bool, now: Instant) {
        if whole {
            self.done = Done::Nothing;
        }
        self.is_slow |= took >= BLOCKED && !self.is_said;
        self.unasked = Some(now).filter(|_| !self.touched && !waiting);
        self.touched = false;
    }

    /// How long the next frame waits; `None`: it may come. What somebody does is seen at once, and so is what comes of it.
    pub fn waits(&self, now: Instant) -> Option<Duration> {
        let unasked = self.unasked.filter(|_| !self.touched)?;
        left(if self.is_slow { PAUSE } else { FRAME }, unasked, now)
    }

    /// How long what the screen does not show yet waits still, if there is anything.
    pub fn remainder(&self, now: Instant) -> Option<Duration> {
        (self.done != Done::Nothing).then(|| self.holds(now).unwrap_or_default())
    }

    /// For how long no more than what is next to the cursor is shown; `None`: everything is.
    pub fn holds(&self, now: Instant) -> Option<Duration> {
        match self.done {
            Done::Moved(_, at) if self.is_slow => left(PAUSE, at, now),
            Done::Nothing | Done::Moved(..) | Done::More => None,
        }
    }
}

/// What is left of a time that began then, if anything.
fn left(time: Duration, begun: Instant, now: Instant) -> Option<Duration> {
    Some(time.saturating_sub(now.saturating_duration_since(begun))).filter(|left| !left.is_zero())
}

/// Whether the way may be slow, by the variables that are set, the name of the terminal and the processes that began this one.
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

    const NOTHING: Duration = Duration::ZERO;

    fn at(begin: Instant, milliseconds: u64) -> Instant {
        begin + Duration::from_millis(milliseconds)
    }

    /// Somebody moves in this pane.
    fn moves(pane: Pane) -> Option<(Pane, usize)> {
        Some((pane, 0))
    }

    #[test]
    fn after_a_movement_the_rest_waits_until_no_key_is_pressed_or_another_one_is() {
        let begin = Instant::now();
        let mut pace = Pace::new(Some(Speed::Slow));
        assert_eq!(pace.holds(begin), None);
        pace.hear(moves(Pane::Ports), begin);
        assert_eq!(pace.holds(at(begin, 30)), Some(Duration::from_millis(70)));
        pace.drew(false, NOTHING, false, at(begin, 30));
        pace.hear(moves(Pane::Ports), at(begin, 30));
        assert_eq!(pace.holds(at(begin, 120)), Some(Duration::from_millis(10)));
        assert_eq!(pace.holds(at(begin, 130)), None);
        pace.hear(None, at(begin, 131));
        assert_eq!(pace.holds(at(begin, 131)), None);
    }

    #[test]
    fn movements_elsewhere_show_what_was_held_back_before() {
        let begin = Instant::now();
        let mut pace = Pace::new(Some(Speed::Slow));
        for between in [moves(Pane::Netfilter), None] {
            pace.hear(moves(Pane::Ports), begin);
            pace.drew(false, NOTHING, false, begin);
            pace.hear(between, begin);
            pace.hear(moves(Pane::Netfilter), begin);
            assert_eq!(pace.holds(begin), None, "the tree is that of another port");
            pace.drew(true, NOTHING, false, begin);
            pace.hear(moves(Pane::Netfilter), begin);
            assert!(pace.holds(begin).is_some());
            pace.drew(true, NOTHING, false, begin);
        }
    }

    #[test]
    fn on_a_fast_way_nothing_is_held_back_until_the_terminal_takes_nothing_unless_it_is_said_to_be_fast() {
        let begin = Instant::now();
        let unsaid = Pace { is_said: false, ..Pace::new(Some(Speed::Fast)) };
        for (mut pace, becomes_slow) in [(unsaid, true), (Pace::new(Some(Speed::Fast)), false)] {
            pace.drew(true, Duration::from_millis(99), false, begin);
            pace.hear(moves(Pane::Ports), begin);
            assert_eq!(pace.holds(begin), None);
            pace.drew(true, Duration::from_millis(100), false, begin);
            pace.hear(moves(Pane::Ports), begin);
            assert_eq!(pace.holds(begin).is_some(), becomes_slow);
        }
    }

    #[test]
    fn frames_that_nobody_asked_for_follow_each_other_slowly_and_others_at_once() {
        let begin = Instant::now();
        let mut pace = Pace::new(Some(Speed::Fast));
        assert_eq!(pace.waits(begin), None);
        pace.drew(true, NOTHING, true, begin);
        pace.drew(true, NOTHING, true, at(begin, 1));
        assert_eq!(pace.waits(at(begin, 2)), None, "the ports are waited for");
        pace.drew(true, NOTHING, false, at(begin, 2));
        assert_eq!(pace.waits(at(begin, 12)), Some(Duration::from_millis(30)));
        assert_eq!(pace.waits(at(begin, 42)), None);
        pace.hear(None, at(begin, 12));
        assert_eq!(pace.waits(at(begin, 12)), None, "a key");
        pace.drew(true, NOTHING, true, at(begin, 13));
        pace.drew(true, NOTHING, true, at(begin, 14));
        assert_eq!(pace.waits(at(begin, 15)), None, "what comes of it");
        pace.drew(true, NOTHING, false, at(begin, 15));
        assert_eq!(pace.waits(at(begin, 15)), Some(FRAME));
        let mut slow = Pace::new(Some(Speed::Slow));
        slow.drew(true, NOTHING, false, begin);
        slow.drew(true, NOTHING, false, begin);
        assert_eq!(slow.waits(begin), Some(PAUSE));
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
