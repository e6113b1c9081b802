//! The terminal while the explorer has it: taken in raw mode with its alternate screen, and given back on every way out,
//! be it a key, a signal, an error or a panic.
//!
//! It knows nothing of what is drawn or typed.

use std::io::{self, Stdout, Write};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, Show};
use crossterm::execute;
use crossterm::style::Print;
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use signal_hook::consts::signal::SIGTSTP;
use signal_hook::low_level::emulate_default_handler;

/// Whether the terminal is taken now: whoever gives it back clears this first, so that it happens once.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Whether it is to tell of the mouse while it is taken.
static MOUSE: AtomicBool = AtomicBool::new(false);

/// Buttons, the wheel and movements with a button held are told, in decimal numbers (xterm's ctlseqs, 1002 and 1006);
/// other movements are not, so that they wake nobody.
const MOUSE_ON: &str = "\x1b[?1002h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1002l";

/// The terminal, taken. Dropping it gives it back.
pub struct Terminal {
    inner: ratatui::Terminal<CrosstermBackend<Stdout>>,
}

impl Terminal {
    /// Takes the terminal, and sees to it that a panic of any thread gives it back before it tells.
    pub fn take() -> io::Result<Terminal> {
        let told = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            give_back();
            told(info);
        }));
        seize()?;
        let inner = match ratatui::Terminal::new(CrosstermBackend::new(io::stdout())) {
            Ok(inner) => inner,
            Err(error) => {
                give_back();
                return Err(error);
            }
        };
        Ok(Terminal { inner })
    }

    /// Columns and rows.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.inner.size()?;
        Ok((size.width, size.height))
    }

    /// Has the terminal tell of the mouse.
    pub fn listen_to_mouse(&mut self) -> io::Result<()> {
        MOUSE.store(true, Ordering::SeqCst);
        execute!(io::stdout(), Print(MOUSE_ON))
    }

    /// Draws a screen: only the cells that changed go out.
    pub fn draw(&mut self, view: impl FnOnce(&mut Buffer, Rect)) -> io::Result<()> {
        self.inner.draw(|frame| {
            let area = frame.area();
            view(frame.buffer_mut(), area);
        })?;
        Ok(())
    }

    /// Forgets what is on the screen, so that the next frame goes out whole.
    ///
    /// `ratatui::Terminal::clear` would ask the terminal where its cursor is, and the answer goes to whoever reads keys.
    pub fn clear(&mut self) -> io::Result<()> {
        execute!(io::stdout(), Clear(ClearType::All))?;
        self.inner = ratatui::Terminal::new(CrosstermBackend::new(io::stdout()))?;
        Ok(())
    }

    /// Gives the terminal back and stops, until the shell continues the program; then takes it again.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        emulate_default_handler(SIGTSTP)?;
        seize()?;
        self.clear()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

fn seize() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let mouse = if MOUSE.load(Ordering::SeqCst) { MOUSE_ON } else { "" };
    execute!(io::stdout(), EnterAlternateScreen, Hide, Print(mouse)).inspect_err(|_| give_back())
}

/// Gives the terminal back, if it is taken. What fails on the way cannot be helped: the terminal may be gone.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let mouse = if MOUSE.load(Ordering::SeqCst) { MOUSE_OFF } else { "" };
        let _ = execute!(io::stdout(), Print(mouse), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
        let _ = io::stdout().flush();
    }
}
