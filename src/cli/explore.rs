//! Joins the explorer with the rest of the command line: keys, signals and results go in as events, in one line; what the
//! explorer asks for is done on threads of its own, so that no walk stands between a key and a frame.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crossterm::clipboard::CopyToClipboard;
use crossterm::execute;
use signal_hook::consts::signal::{SIGCONT, SIGTSTP, SIGWINCH, SIGXFSZ};
use signal_hook::low_level::emulate_default_handler;

use super::desk::Desk;
use super::effects::{answer_each, done};
use super::follow::{Follower, pause};
use super::listen::{Message, Watch, listen_to_end, listen_to_keys, listen_to_signals};
use super::live::Live;
use super::output;
use super::pace::{self, Pace};
use super::picture::keep;
use super::read::Text;
use super::refusal::Refusal;
use super::start::Start;
use super::terminal::Terminal;
use crate::explain::{Answer, Target};
use crate::kernel::Progress;
use crate::tui::{self, Edition, Effect, Event, Keep, Setup, Shelf, Sought, State, update, view};

/// A port of a reading, and how far the sets are read that its answer takes; and answers that are to be forgotten before.
type Question = ((Edition, Target, Arc<Progress>), Vec<Arc<Vec<Answer>>>);

/// A text that is sought in a reading, with its number.
type Query = (Edition, u64, Box<Sought>);

/// For so long a frame waits for an answer that is about to come, so that fast walks do not flicker.
const PATIENCE: Duration = Duration::from_millis(4);

/// For so long the first frame waits for the ports, so that what is read at once is seen at once.
const OPENING: Duration = Duration::from_millis(40);

/// For so long the first reading waits until changes are told, which takes longer only where very many sockets listen.
const READY: Duration = Duration::from_secs(1);

/// How often the screen says how far a reading is.
const TICK: Duration = Duration::from_millis(100);

/// Runs the explorer on the terminal until the user leaves it, or a signal ends it. `guided`: it begins with the tour.
pub fn run(start: Start, guided: bool) -> Result<(), Refusal> {
    let live = start.source.live().cloned();
    explore(live, None, guided, |size| start.state(size))
}

/// The same on the live host, which is read while the explorer is on the screen already. `target` is the port to select.
pub fn open(live: Live, target: Option<Target>, setup: Setup) -> Result<(), Refusal> {
    explore(Some(live), None, false, |size| State::opening(tui::Source::Live, target, setup, size))
}

/// The same on a recording. What could not be used of it is told when the screen has been left.
pub fn open_recorded(text: Text, target: Option<Target>, setup: Setup) -> Result<(), Refusal> {
    let source = tui::Source::Recording(text.source().to_owned());
    let (told, notes) = mpsc::channel();
    let opening = move |tell: &dyn Fn(Event)| {
        let host = text.sockets();
        let namespace = host.viewed;
        tell(Event::Begun(Arc::new(host), namespace));
        let opened = text.read().map(|reading| {
            let _ = told.send(reading.notes);
            ((Arc::new(reading.host), reading.namespace), reading.notice)
        });
        let (opened, notice) =
            opened.map(|(host, notice)| (Ok(host), notice)).unwrap_or_else(|refusal| (Err(refusal.line), None));
        tell(Event::Opened(opened));
        if let Some(notice) = notice {
            tell(Event::Noted(notice));
        }
    };
    let opening: Opening = Box::new(opening);
    let explored = explore(None, Some(opening), false, |size| State::opening(source, target, setup, size));
    notes.try_iter().flatten().for_each(|note: String| output::note(&note));
    explored
}

/// Reads a recording while the explorer is on the screen already, and tells what is there.
type Opening = Box<dyn FnOnce(&dyn Fn(Event)) + Send>;

fn explore(
    live: Option<Live>,
    opening: Option<Opening>,
    guided: bool,
    state: impl FnOnce((u16, u16)) -> State,
) -> Result<(), Refusal> {
    let failed = |error: std::io::Error| Refusal::unanswered(format!("the terminal: {error}"));
    let (sender, messages) = mpsc::channel();
    listen_to_signals(&sender).map_err(failed)?;
    let mut terminal = Terminal::take().map_err(failed)?;
    let size = terminal.size().map_err(failed)?;
    let state = state(size);
    let pace = Pace::new(state.link());
    if state.takes_mouse() {
        terminal.listen_to_mouse().map_err(failed)?;
    }
    let told = sender.clone();
    let tell = move |event| told.send(Message::Event(event)).is_ok();
    let follower = Follower::begin(live.as_ref(), tell).map_err(failed)?;
    let mut explorer = Explorer {
        live,
        opening,
        follower,
        state,
        begun: Instant::now(),
        progress: Arc::default(),
        sets: Arc::default(),
        asked: Desk::default(),
        seeking: Desk::default(),
        newest: Arc::default(),
        sender: sender.clone(),
        messages,
        redraw: false,
        continued: false,
        pace,
    };
    if guided {
        let _ = sender.send(Message::Event(Event::Guided));
    }
    listen_to_end(sender.clone());
    listen_to_keys(sender);
    let left = explorer.explore(&mut terminal).map_err(failed);
    drop(terminal);
    match left? {
        Left::Quit => Ok(()),
        Left::Signal(signal) => {
            // Whoever waits for the program sees that the signal ended it.
            let _ = emulate_default_handler(signal);
            Err(Refusal::unanswered(format!("ended by signal {signal}")))
        }
        Left::GivenUp(why) => Err(Refusal::unanswered(why)),
        Left::Panicked => Err(Refusal::unanswered("a defect of whyport ended it; please report what is told above")),
    }
}

/// Why the explorer was left.
enum Left {
    Quit,
    /// There is no host to explore: why.
    GivenUp(String),
    Signal(i32),
    Panicked,
}

/// What is to be done next.
enum Next {
    Draw,
    /// The program was continued by somebody.
    Retake,
    Suspend,
    Leave(Left),
}

struct Explorer {
    /// How the host can be read again, and when it was read.
    live: Option<Live>,
    /// How a recording is opened that was not yet.
    opening: Option<Opening>,
    /// Who follows it.
    follower: Follower,
    /// When the last reading began.
    begun: Instant,
    /// How far it is.
    progress: Arc<Progress>,
    /// How far the sets are read that an answer takes.
    sets: Arc<Progress>,
    /// Who is asked about the ports of a host.
    asked: Desk<Question>,
    /// Who looks through a host while somebody types, and keeps what was looked through.
    seeking: Desk<Query>,
    /// The newest text that is sought.
    newest: Arc<AtomicU64>,
    state: State,
    sender: Sender<Message>,
    messages: Receiver<Message>,
    redraw: bool,
    /// Whether it was suspended, and the signal that continued it has not been told of yet.
    continued: bool,
    /// When the next frame comes, and how much of it.
    pace: Pace,
}

impl Explorer {
    fn explore(&mut self, terminal: &mut Terminal) -> std::io::Result<Left> {
        let mut next = self.take(Message::Event(Event::Started))?;
        let deadline = Instant::now() + OPENING;
        let waits = |state: &State, live: bool| if live { state.has_nothing() } else { state.is_opening() };
        while waits(&self.state, self.live.is_some()) && matches!(next, Next::Draw) {
            match self.messages.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(message) => next = self.take(message)?,
                Err(_) => break,
            }
        }
        loop {
            match next {
                Next::Leave(left) => return Ok(left),
                Next::Suspend => self.continued = terminal.suspend()?,
                Next::Retake => terminal.retake()?,
                Next::Draw => {}
            }
            let redraws = std::mem::take(&mut self.redraw);
            if redraws {
                terminal.clear()?;
            }
            if redraws || matches!(next, Next::Suspend | Next::Retake) {
                // Of a screen that is empty all is to be shown.
                self.pace.hear(None, Instant::now());
            }
            let (columns, rows) = terminal.size()?;
            if (columns, rows) != self.state.size() {
                self.take(Message::Event(Event::Resized(columns, rows)))?;
            }
            self.draw(terminal)?;
            next = self.wait()?;
        }
    }

    /// Draws the screen; where the way to it is slow, at first what is next to the cursor.
    fn draw(&mut self, terminal: &mut Terminal) -> std::io::Result<()> {
        let first = self.pace.holds(Instant::now()).map(|_| tui::nearest(&self.state)).unwrap_or_default();
        let whole = terminal.draw(|buffer, area| view(&self.state, buffer, area), &first, pace::MOST)?;
        self.pace.drew(whole, terminal.took(), self.state.is_waiting(), Instant::now());
        Ok(())
    }

    /// Waits for something to happen, and takes in all that has happened by then.
    fn wait(&mut self) -> std::io::Result<Next> {
        loop {
            let message = match self.next() {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) if self.is_due() => return Ok(Next::Draw),
                Err(RecvTimeoutError::Timeout) => Message::Event(self.tick()),
                Err(RecvTimeoutError::Disconnected) => return Ok(Next::Leave(Left::Quit)),
            };
            let seen =
                !matches!(message, Message::Event(Event::Changed(_) | Event::Rested | Event::Refreshed(_, Ok(None))));
            let next = self.take(message)?;
            // What cannot be seen is no reason to draw.
            if seen || !matches!(next, Next::Draw) {
                let next = self.hold_off(next)?;
                return self.gather(next, PATIENCE);
            }
        }
    }

    /// Takes in what has happened, and for so long what is about to. Answers that follow each other without a pause hold up no frame
    /// any longer; keys that do are all taken in first.
    fn gather(&mut self, mut next: Next, patience: Duration) -> std::io::Result<Next> {
        let deadline = Instant::now() + patience;
        let mut is_input = true;
        while matches!(next, Next::Draw) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() && !is_input {
                break;
            }
            let patience = if self.state.is_waiting() { left } else { Duration::ZERO };
            match self.messages.recv_timeout(patience) {
                Ok(message) => {
                    is_input = matches!(message, Message::Event(Event::Key(_) | Event::Mouse(_)));
                    next = self.take(message)?;
                }
                Err(_) => break,
            }
        }
        Ok(next)
    }

    /// Takes in what happens until the next frame may come.
    fn hold_off(&mut self, mut next: Next) -> std::io::Result<Next> {
        while matches!(next, Next::Draw)
            && let Some(left) = self.pace.waits(Instant::now())
            && let Ok(message) = self.messages.recv_timeout(left)
        {
            next = self.take(message)?;
        }
        Ok(next)
    }

    /// The next message, as long as the screen need not tell something new about the reading, or another age of the host, and what
    /// is not on it yet may wait.
    fn next(&self) -> Result<Message, RecvTimeoutError> {
        let wait = |left: Option<Duration>| match left.into_iter().chain(self.pace.remainder(Instant::now())).min() {
            Some(left) => self.messages.recv_timeout(left),
            None => self.messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match (&self.live, self.watched()) {
            (Some(_), Some(progress)) => loop {
                let told = || self.state.reached().unwrap_or_default() == progress.reached();
                match wait(Some(TICK)) {
                    Err(RecvTimeoutError::Timeout) if !self.is_due() && told() => {}
                    next => return next,
                }
            },
            (Some(_), None) => wait(self.state.ages_in(self.age())),
            (None, _) => wait(None),
        }
    }

    /// Whether the rest of the screen is to be shown.
    fn is_due(&self) -> bool {
        self.pace.remainder(Instant::now()) == Some(Duration::ZERO)
    }

    /// The reading that somebody waits for: that of the host, or that of sets which an answer takes.
    fn watched(&self) -> Option<&Progress> {
        match (self.state.is_reading(), self.state.is_waiting()) {
            (true, _) => Some(&self.progress),
            (false, true) => Some(&self.sets),
            (false, false) => None,
        }
    }

    /// What the passing time tells.
    fn tick(&self) -> Event {
        match self.watched() {
            Some(progress) => Event::Reached(progress.reached()),
            None => Event::Aged(self.age()),
        }
    }

    /// How long ago the host was read.
    fn age(&self) -> Duration {
        self.live.as_ref().map_or(Duration::ZERO, |live| live.at.elapsed())
    }

    fn take(&mut self, message: Message) -> std::io::Result<Next> {
        let event = match message {
            Message::Event(event) => event,
            Message::Signal(SIGTSTP) => return Ok(Next::Suspend),
            // What was suspended here took the terminal again already.
            Message::Signal(SIGCONT) if std::mem::take(&mut self.continued) => return Ok(Next::Draw),
            Message::Signal(SIGCONT) => return Ok(Next::Retake),
            // A frame is as large as the terminal.
            Message::Signal(SIGWINCH) => {
                self.pace.hear(None, Instant::now());
                return Ok(Next::Draw);
            }
            // Who writes a file that grows too large hears of it from the call that does (setrlimit(2)).
            Message::Signal(SIGXFSZ) => return Ok(Next::Draw),
            Message::Signal(signal) => return Ok(Next::Leave(Left::Signal(signal))),
            Message::Panicked => return Ok(Next::Leave(Left::Panicked)),
            Message::Gone(error) => return Err(error),
        };
        if let (Event::Read(edition, Ok(_)) | Event::Refreshed(edition, Ok(_)), Some(live)) = (&event, &mut self.live)
            && *edition == self.state.edition()
            && !self.state.is_paused()
        {
            live.at = self.begun;
        }
        if let Event::Key(_) | Event::Mouse(_) | Event::Pasted(_) | Event::Resized(..) = event {
            self.pace.hear(tui::movement(&self.state, &event), Instant::now());
        }
        let (mut next, was_paused) = (Next::Draw, self.state.is_paused());
        for effect in update(&mut self.state, event) {
            match effect {
                Effect::Quit => next = Next::Leave(Left::Quit),
                Effect::GiveUp(why) => next = Next::Leave(Left::GivenUp(why)),
                Effect::Stop => self.progress.cancel(),
                Effect::Suspend => next = Next::Suspend,
                Effect::Redraw => self.redraw = true,
                Effect::Survey(_) | Effect::Walk(..) => self.work(effect, &Arc::clone(&self.sets)),
                Effect::Answer(edition, target) => self.ask(edition, target),
                Effect::Keep(Keep::Screen, name) => {
                    let _ = self.sender.send(Message::Event(keep(&self.state, name)));
                }
                Effect::Keep(Keep::Host, _) | Effect::Callers(..) => self.work(effect, &Arc::default()),
                Effect::Copy(text) => execute!(std::io::stdout(), CopyToClipboard::to_clipboard_from(text))?,
                Effect::Search(edition, number, sought) => self.seek(edition, number, sought),
                Effect::Refresh(..) => {
                    self.begun = Instant::now();
                    self.work(effect, &Arc::default());
                }
                Effect::Open if self.opening.is_some() => self.open(),
                Effect::Open | Effect::Read(_) | Effect::ReadWhole(_) => {
                    self.begun = Instant::now();
                    self.progress = Arc::new(match effect {
                        Effect::Open => self.outlining(),
                        _ => Progress::default(),
                    });
                    self.work(effect, &Arc::clone(&self.progress));
                }
            }
        }
        if let Some(live) = self.live.as_mut().filter(|_| self.state.is_paused() && !was_paused) {
            // Until now the picture was what the host is.
            live.at = Instant::now();
        }
        if !self.state.is_working() {
            self.sets = Arc::default();
        }
        self.follower.count(self.state.host(), self.state.counting());
        // What is kept for the next letter takes room.
        self.seeking.keep_if(|_| self.state.is_seeking());
        // Nobody holds on to a host that is shown no more.
        self.asked.keep_if(|host| Arc::ptr_eq(host, self.state.host()));
        Ok(next)
    }

    /// A reading that tells what chains there are before it has read their rules.
    fn outlining(&self) -> Progress {
        let sender = self.sender.clone();
        Progress::outlining(move |ruleset| drop(sender.send(Message::Event(Event::Outlined(ruleset)))))
    }

    /// Opens a recording.
    fn open(&mut self) {
        let Some(opening) = self.opening.take() else { return };
        let sender = self.sender.clone();
        thread::spawn(move || {
            let _watch = Watch(&sender);
            opening(&|event| drop(sender.send(Message::Event(event))));
        });
    }

    /// Asks who answers a port.
    fn ask(&mut self, edition: Edition, target: Target) {
        let (live, namespace) = (self.live.clone(), self.state.namespace());
        let question = ((edition, target, Arc::clone(&self.sets)), self.state.take_spent());
        self.asked.ask(self.state.host(), question, &self.sender, move |host, asked, tell| {
            // Whoever made the answers forgets them, too.
            let questions = asked.into_iter().map(|(question, spent)| {
                drop(spent);
                question
            });
            answer_each(host, namespace, live.as_ref(), questions, tell);
        });
    }

    /// Looks for a text.
    fn seek(&mut self, edition: Edition, number: u64, sought: Box<Sought>) {
        self.newest.store(number, Ordering::Relaxed);
        let newest = Arc::clone(&self.newest);
        self.seeking.ask(self.state.host(), (edition, number, sought), &self.sender, move |host, asked, tell| {
            let mut shelf = Shelf::default();
            for (edition, number, sought) in asked {
                let stale = || newest.load(Ordering::Relaxed) != number;
                if let Some(found) = shelf.seek(host, &sought, stale) {
                    tell(Event::Found(edition, number, found));
                }
            }
        });
    }

    /// Does an effect on a thread of its own; `progress` is how far what it reads is. The explorer asks for few at a time.
    fn work(&mut self, effect: Effect, progress: &Arc<Progress>) {
        let (host, namespace) = (Arc::clone(self.state.host()), self.state.namespace());
        let (live, sender, progress) = (self.live.clone(), self.sender.clone(), Arc::clone(progress));
        let newest = Arc::clone(&self.newest);
        let watched = if effect == Effect::Open { self.follower.ready() } else { None };
        let rests = matches!(effect, Effect::Refresh(..));
        thread::spawn(move || {
            let watch = Watch(&sender);
            if let (Effect::Open, Some(live)) = (&effect, &live) {
                let sender = sender.clone();
                live.begin(move |host| {
                    let namespace = host.viewed;
                    let _ = sender.send(Message::Event(Event::Begun(Arc::new(host), namespace)));
                });
            }
            // What changes while the host is read for the first time is told, too.
            let _ = watched.map(|watched| watched.recv_timeout(READY));
            let begun = Instant::now();
            let stale = |number| newest.load(Ordering::Relaxed) != number;
            for event in done(&host, namespace, live.as_ref().map(|live| (live, &progress)), stale, effect) {
                let _ = sender.send(Message::Event(event));
            }
            if rests {
                thread::sleep(pause(begun.elapsed()));
                let _ = sender.send(Message::Event(Event::Rested));
            }
            drop(watch);
        });
    }
}
