//! Waiting for a live reading at a prompt: where it takes long, a line on the terminal says how far it is, and Ctrl-C stops
//! it. The line is gone before anything else is printed.
//!
//! Knows no kernel and no host: what is read is an argument, and how far it is comes as [`Reached`].

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::signal::SIGINT;
use signal_hook::flag;

use super::refusal::Refusal;
use crate::explain::words;
use crate::host::Reached;
use crate::kernel::Progress;
use crate::tui::text::fit;

/// A reading that takes no longer than this shows nothing: a line that is gone at once only flickers.
const QUIET: Duration = Duration::from_millis(500);
/// How often the line is made anew, and Ctrl-C is looked for.
const TICK: Duration = Duration::from_millis(100);
/// To the first column, and everything right of it away (ECMA-48: CR, EL).
const WIPE: &str = "\r\x1b[K";

/// What `reading` gives, unless Ctrl-C comes before.
///
/// # Errors
/// [`Refusal::stopped`] once it was stopped: whoever reads is told so, and not waited for.
pub fn wait<T: Send + 'static>(
    progress: &Arc<Progress>,
    reading: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    let Interrupt { came, ends } = interrupt();
    came.store(false, Ordering::Relaxed);
    ends.store(false, Ordering::Relaxed);
    let begun = Instant::now();
    let (done, is_done) = mpsc::channel::<()>();
    let reader = thread::spawn(move || {
        // Dropped at the end, be it a panic: whoever waits wakes up.
        let _done = done;
        reading()
    });
    let mut line = Line::default();
    let terminal = is_terminal();
    while is_done.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        if came.load(Ordering::Relaxed) {
            break;
        }
        if terminal {
            write(&line.next(begun.elapsed(), &progress.reached(), width()));
        }
    }
    write(&line.end());
    ends.store(true, Ordering::Relaxed);
    if came.load(Ordering::Relaxed) {
        progress.cancel();
        return Err(Refusal::stopped());
    }
    reader.join().map_err(|panic| std::panic::resume_unwind(panic))
}

/// What Ctrl-C does.
struct Interrupt {
    /// Whether it came.
    came: Arc<AtomicBool>,
    /// Whether the next one ends the program, as it ends any other: while nobody waits, and once one came.
    ends: Arc<AtomicBool>,
}

/// Takes the signal over, once: what is registered twice would be done twice.
///
/// Where the signal is ignored (nohup(1), a shell's job in the background) it stays so: nobody means this program.
fn interrupt() -> &'static Interrupt {
    static INTERRUPT: OnceLock<Interrupt> = OnceLock::new();
    INTERRUPT.get_or_init(|| {
        let (came, ends) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(true)));
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        if !ignores(&status, SIGINT) {
            // They are done in this order. Where they cannot be had, Ctrl-C ends the program at once.
            let all = flag::register_conditional_default(SIGINT, Arc::clone(&ends))
                .and_then(|_| flag::register(SIGINT, Arc::clone(&came)))
                .and_then(|_| flag::register(SIGINT, Arc::clone(&ends)));
            drop(all);
        }
        Interrupt { came, ends }
    })
}

/// Whether a process ignores a signal, as its `/proc/PID/status` says (proc_pid_status(5): SigIgn).
fn ignores(status: &str, signal: i32) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

/// Whether standard error is a terminal on which a line can be wiped.
fn is_terminal() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Columns of the terminal.
fn width() -> usize {
    crossterm::terminal::size().map_or(80, |(columns, _)| usize::from(columns))
}

fn write(text: &str) {
    let mut terminal = io::stderr().lock();
    // A terminal that is gone shows nothing.
    let _ = terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush());
}

/// The line that is on the terminal.
#[derive(Debug, Default)]
struct Line {
    shown: Option<String>,
}

impl Line {
    /// What goes to a terminal so many columns wide, so long after the reading began.
    fn next(&mut self, elapsed: Duration, reached: &Reached, width: usize) -> String {
        if elapsed < QUIET {
            return String::new();
        }
        // The last column stays free: a line that fills it makes some terminals go on to the next.
        let line = fit(&format!("{} …", words::reached(reached)), width.saturating_sub(1));
        if self.shown.as_ref() == Some(&line) {
            return String::new();
        }
        let text = format!("\r{line}\x1b[K");
        self.shown = Some(line);
        text
    }

    /// What takes it away.
    fn end(&mut self) -> String {
        self.shown.take().map_or_else(String::new, |_| WIPE.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::What;

    #[test]
    fn a_reading_that_is_soon_done_shows_nothing() {
        let mut line = Line::default();
        assert_eq!(line.next(Duration::from_millis(499), &Reached::default(), 80), "");
        assert_eq!(line.end(), "", "there is nothing to wipe");
    }

    #[test]
    fn a_long_one_says_how_far_it_is_in_one_line_that_goes_away() {
        let mut line = Line::default();
        let mut reached = Reached { what: Some(What::NfTables), of: 10_012, ..Reached::default() };
        let mut at = |reached: &Reached, width| line.next(Duration::from_secs(1), reached, width);
        assert_eq!(at(&reached, 80), "\rreading nf_tables rules: 0 rules in 0 of 10,012 chains …\x1b[K");
        assert_eq!(at(&reached, 80), "", "nothing is new");
        (reached.chains, reached.rules) = (340, 12_300);
        assert_eq!(at(&reached, 80), "\rreading nf_tables rules: 12,300 rules in 340 of 10,012 chains …\x1b[K");
        assert_eq!(at(&reached, 20), "\rreading nf_tables …\x1b[K", "it is never broken");
        assert_eq!(at(&reached, 0), "\r\x1b[K");
        assert_eq!(line.end(), "\r\x1b[K");
        assert_eq!(line.end(), "");
    }

    /// One test, as there is one signal: what one wait does to it, others would see.
    #[test]
    fn what_is_read_is_given_a_panic_goes_on_and_control_c_ends_any_of_several_waits() {
        let progress = Arc::default();
        assert_eq!(wait(&progress, || 7), Ok(7));
        let panicked = thread::spawn(move || wait(&progress, || panic!("a defect for the test")));
        assert!(panicked.join().is_err());
        let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
        if ignores(&status, SIGINT) {
            return;
        }
        for _ in 0..2 {
            let progress: Arc<Progress> = Arc::default();
            let reader = Arc::clone(&progress);
            let reading = move || {
                signal_hook::low_level::raise(SIGINT).expect("a signal");
                while !reader.is_cancelled() {
                    thread::sleep(Duration::from_millis(1));
                }
            };
            assert_eq!(wait(&progress, reading), Err(Refusal::stopped()));
            assert!(progress.is_cancelled());
        }
        assert_eq!(wait(&Arc::default(), || 8), Ok(8));
    }

    #[test]
    fn an_ignored_signal_is_told_from_others() {
        let status =
            "Name:\twhyport\nSigBlk:\t0000000000000002\nSigIgn:\t0000000000001006\nSigCgt:\t0000000000000000\n";
        assert!(ignores(status, 2) && ignores(status, 3) && ignores(status, 13));
        assert!(!ignores(status, 1) && !ignores(status, 15));
        assert!(!ignores("", 2));
    }
}
