//! The terminal while the explorer has it: taken in raw mode with its alternate screen, and given back on every way out,
//! be it a key, a signal, an error or a panic.
//!
//! It knows nothing of what is drawn or typed.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossterm::cursor::{Hide, Show};
use crossterm::style::Print;
use crossterm::terminal::{
    self, BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use signal_hook::consts::signal::SIGTSTP;
use signal_hook::low_level::emulate_default_handler;

use crate::shot::{between, changes};

/// Whether the terminal is taken now: whoever gives it back clears this first, so that it happens once.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Whether it is to tell of the mouse while it is taken.
static MOUSE: AtomicBool = AtomicBool::new(false);

/// What is pasted comes as one text between marks (xterm's ctlseqs, 2004), not as keys that do something each.
const PASTE_ON: &str = "\x1b[?2004h";
const PASTE_OFF: &str = "\x1b[?2004l";

/// Buttons, the wheel and movements with a button held are told, in decimal numbers (xterm's ctlseqs, 1002 and 1006);
/// other movements are not, so that they wake nobody.
const MOUSE_ON: &str = "\x1b[?1002h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1002l";

/// So many bytes mark the begin and the end of an update.
const MARKS: usize = 16;

/// The terminal, taken. Dropping it gives it back.
pub struct Terminal {
    /// What it is told goes out at once, not line by line.
    out: File,
    /// What it shows.
    shown: Buffer,
    /// What it showed before: the room for the next frame.
    spare: Buffer,
    /// How long it took to take what was written last.
    took: Duration,
}

impl Terminal {
    /// Takes the terminal, and sees to it that a panic of any thread gives it back before it tells.
    pub fn take() -> io::Result<Terminal> {
        let told = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            give_back();
            told(info);
        }));
        let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        seize()?;
        Ok(Terminal { out, shown: Buffer::default(), spare: Buffer::default(), took: Duration::ZERO })
    }

    /// Columns and rows.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        terminal::size()
    }

    /// Has the terminal tell of the mouse.
    pub fn listen_to_mouse(&mut self) -> io::Result<()> {
        MOUSE.store(true, Ordering::SeqCst);
        execute!(io::stdout(), Print(MOUSE_ON))
    }

    /// Draws a screen: only the cells that changed go out, in one piece that the terminal shows at once if it can
    /// (synchronized output; others take no notice). Where a panic has given the terminal back, nothing does.
    ///
    /// Where that would be `most` bytes or more, as many of the areas of `first` as take less go out, in their order, and the first
    /// of them in any case, if there are any. `false`: not all of the screen is shown yet.
    pub fn draw(&mut self, view: impl FnOnce(&mut Buffer, Rect), first: &[Rect], most: usize) -> io::Result<bool> {
        if !TAKEN.load(Ordering::SeqCst) {
            return Ok(true);
        }
        let (width, height) = self.size()?;
        let area = Rect::new(0, 0, width, height);
        let is_new = area != self.shown.area;
        if is_new {
            self.clear()?;
        }
        let mut next = std::mem::take(&mut self.spare);
        next.resize(area);
        next.reset();
        view(&mut next, area);
        let mut told = changes(&self.shown, &next);
        let is_whole = is_new || first.is_empty() || told.len() + MARKS < most;
        if !is_whole {
            next = between(&self.shown, &next, first, most.saturating_sub(MARKS));
            told = changes(&self.shown, &next);
        }
        self.spare = std::mem::replace(&mut self.shown, next);
        if told.is_empty() {
            return Ok(is_whole);
        }
        let mut update = Vec::with_capacity(told.len() + MARKS);
        queue!(update, BeginSynchronizedUpdate, Print(told), EndSynchronizedUpdate)?;
        let begun = Instant::now();
        self.out.write_all(&update)?;
        self.took = begun.elapsed();
        Ok(is_whole)
    }

    /// How long it took to take what was written last.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// Forgets what is on the screen, so that the next frame goes out whole.
    pub fn clear(&mut self) -> io::Result<()> {
        let (width, height) = self.size()?;
        execute!(io::stdout(), Clear(ClearType::All), Hide)?;
        self.shown = Buffer::empty(Rect::new(0, 0, width, height));
        Ok(())
    }

    /// Gives the terminal back and stops, until the shell continues the program; then takes it again. Where no shell is there
    /// to do that, it would never be continued: then nothing happens, as with any other program (the kernel's
    /// `get_signal`: an orphaned process group is not stopped by SIGTSTP). `false`: nothing happened.
    pub fn suspend(&mut self) -> io::Result<bool> {
        if !has_shell() {
            return Ok(false);
        }
        give_back();
        emulate_default_handler(SIGTSTP)?;
        seize()?;
        self.clear()?;
        Ok(true)
    }

    /// Takes the terminal again, whatever became of it meanwhile: the program was stopped by a signal that nobody can catch,
    /// and whoever had the terminal set it as he likes. In the background this stops until the terminal is there (SIGTTOU).
    pub fn retake(&mut self) -> io::Result<()> {
        disable_raw_mode()?;
        execute!(io::stdout(), LeaveAlternateScreen)?;
        seize()?;
        self.clear()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

/// Whether the program was started by somebody of its session: a terminal's shell, not what opened the terminal for it.
fn has_shell() -> bool {
    let session = |process| rustix::process::getsid(process).ok();
    rustix::process::getppid().and_then(|parent| session(Some(parent))) == session(None)
}

fn seize() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let mouse = if MOUSE.load(Ordering::SeqCst) { MOUSE_ON } else { "" };
    execute!(io::stdout(), EnterAlternateScreen, Hide, Print(PASTE_ON), Print(mouse)).inspect_err(|_| give_back())
}

/// Gives the terminal back, if it is taken. What fails on the way cannot be helped: the terminal may be gone.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let mouse = if MOUSE.load(Ordering::SeqCst) { MOUSE_OFF } else { "" };
        let _ = execute!(io::stdout(), Print(mouse), Print(PASTE_OFF), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
        let _ = io::stdout().flush();
    }
}
