//! What comes to the explorer's loop from outside of it: keys, signals and the end of the terminal, each heard by a thread of its
//! own.
//!
//! Deliberately does not know what comes of them.

use std::sync::mpsc::Sender;
use std::thread;

use crossterm::event;
use rustix::event::{PollFd, PollFlags, poll};
use signal_hook::consts::signal::{
    SIGABRT, SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGSYS, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, SIGVTALRM,
    SIGWINCH, SIGXCPU, SIGXFSZ,
};
use signal_hook::iterator::Signals;

use crate::tui::Event;

/// What comes to the explorer's loop.
pub(super) enum Message {
    /// For the explorer.
    Event(Event),
    /// A signal, by its number.
    Signal(i32),
    /// A thread panicked; what it panicked with was told by the hook.
    Panicked,
    /// The terminal can no longer be read.
    Gone(std::io::Error),
}

/// Tells the loop when the thread it stands in panics.
pub(super) struct Watch<'a>(pub(super) &'a Sender<Message>);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.0.send(Message::Panicked);
        }
    }
}

/// Those that are heard: all that end a program (signal(7)), but for those that nobody can catch, and those with which the kernel
/// tells a program of a fault of its own, after which nothing can be trusted to run.
const SIGNALS: [i32; 16] = [
    SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGPROF, SIGXCPU, SIGSYS, SIGXFSZ,
    SIGTSTP, SIGCONT, SIGWINCH,
];

pub(super) fn listen_to_signals(sender: &Sender<Message>) -> std::io::Result<()> {
    let mut signals = Signals::new(SIGNALS)?;
    let sender = sender.clone();
    thread::spawn(move || {
        for signal in signals.forever() {
            if sender.send(Message::Signal(signal)).is_err() {
                return;
            }
        }
    });
    Ok(())
}

/// Tells when the terminal is closed. Who is not of its session gets no signal then, and who reads keys would read its end
/// over and over.
pub(super) fn listen_to_end(sender: Sender<Message>) {
    thread::spawn(move || {
        let stdin = std::io::stdin();
        loop {
            // No event is asked for; those that nobody asks for tell of the end (poll(2)).
            match poll(&mut [PollFd::new(&stdin, PollFlags::empty())], None) {
                Err(rustix::io::Errno::INTR) => {}
                ended => {
                    let why = ended.err().map_or_else(|| std::io::Error::other("it was closed"), Into::into);
                    let _ = sender.send(Message::Gone(why));
                    return;
                }
            }
        }
    });
}

pub(super) fn listen_to_keys(sender: Sender<Message>) {
    thread::spawn(move || {
        let _watch = Watch(&sender);
        loop {
            let message = match event::read() {
                Ok(event::Event::Key(key)) => Message::Event(Event::Key(key)),
                Ok(event::Event::Mouse(mouse)) => Message::Event(Event::Mouse(mouse)),
                Ok(event::Event::Paste(text)) => Message::Event(Event::Pasted(text)),
                Ok(_) => continue,
                Err(error) => Message::Gone(error),
            };
            let gone = matches!(message, Message::Gone(_));
            if sender.send(message).is_err() || gone {
                return;
            }
        }
    });
}
