//! What the explorer knows and shows: the ports, who answers the selected one, and the tree with that packet's way in it.
//!
//! Plain data and questions to it; [`update`](super::update()) alone changes it. Selections are identities, never places.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::account::Told;
use super::action::Keymap;
use super::again::{Edition, Held};
use super::ahead::Ahead;
use super::counting::Counting;
use super::edited::{Edited, Walking};
use super::frames::Frames;
use super::going::Going;
use super::keeping::Keeping;
use super::listing::{Filter, Listing, Met, Order, TableName};
use super::living::Living;
use super::look::Look;
use super::outline::{Id, outline};
use super::overlay::Overlay;
use super::path::{Grouping, Path};
use super::ports::Index;
use super::reading::Reading;
use super::search::Search;
use super::setup::{Setup, Speed};
use super::source::Source;
use super::tree::Tree;
use crate::explain::{Answer, AnswerVerdict, Place, PortEntry, Target};
use crate::host::{Host, Namespace, Policy, QuickMap, Reached, What};
use crate::walk::{StepAt, Verdict};

/// A pane of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    /// The ports.
    Ports,
    /// The tree.
    Netfilter,
    /// Who answers, and why.
    Why,
}

impl Pane {
    /// Every pane, in the order of Tab.
    pub const ALL: [Pane; 3] = [Pane::Ports, Pane::Netfilter, Pane::Why];
}

/// A row of the ports pane.
#[derive(Debug, Clone)]
pub struct Port {
    /// What is asked to follow its packets; also its identity.
    pub target: Target,
    /// The port as it was found; `None` where the user asked for one that is neither bound nor answered by rules.
    pub entry: Option<PortEntry>,
    /// What happens to its packets as a whole, once that was asked.
    pub verdict: Option<AnswerVerdict>,
    /// Who answers a ghost, once that was asked.
    pub who: Option<String>,
    /// The tables that decide about its packets, once that was asked.
    pub(super) tables: Vec<TableName>,
    /// What becomes of some of its packets at least, once that was asked.
    pub(super) met: Met,
    /// That is what an older reading of the host said.
    pub(super) stale: bool,
}

impl Port {
    /// A port of which nothing is known yet.
    pub(super) fn asked(target: Target) -> Port {
        Port { target, entry: None, verdict: None, who: None, tables: Vec::new(), met: Met::default(), stale: false }
    }

    pub(super) fn of(entry: PortEntry) -> Port {
        let target = entry.target();
        Port { entry: Some(entry), ..Port::asked(target) }
    }

    /// Whether rules answer it although no socket listens.
    pub fn is_ghost(&self) -> bool {
        self.entry.as_ref().is_some_and(PortEntry::is_ghost)
    }
}

/// Where each pane is scrolled to: its first visible row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offsets {
    /// Of the ports.
    pub ports: usize,
    /// Of the tree.
    pub tree: usize,
    /// Of the why pane.
    pub why: usize,
}

/// A border that can be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Border {
    /// Between the upper panes.
    Between,
    /// Above the lower one.
    Above,
}

/// What the explorer knows and shows.
#[derive(Debug, Clone)]
pub struct State {
    pub(super) host: Arc<Host>,
    pub(super) namespace: usize,
    pub(super) source: Source,
    /// How long ago the host was read.
    pub(super) age: Duration,
    pub(super) edition: Edition,
    /// How it is followed.
    pub(super) living: Living,
    /// The keys that wait for it.
    pub(super) ahead: Ahead,
    /// What rules count now.
    pub(super) counting: Counting,
    /// The reading that goes on.
    pub(super) reading: Option<Reading>,
    /// How far the sets are read that an answer takes.
    pub(super) sets: Option<Reached>,
    /// What is to be found again once the way is known.
    pub(super) held: Option<Held>,
    /// The number of a port that is being typed.
    pub(super) going: Option<Going>,
    /// What is sought.
    pub(super) search: Option<Search>,
    /// How many texts were looked for.
    pub(super) sought: u64,
    /// The name of a file that is being typed.
    pub(super) keeping: Option<Keeping>,
    /// The names of files that are there, as far as somebody came upon them.
    pub(super) taken: Vec<String>,
    /// What is said until the next key.
    pub(super) notice: Option<String>,
    pub(super) look: Look,
    pub(super) keymap: Keymap,
    pub(super) size: (u16, u16),
    /// Whether the mouse is listened to.
    mouse: bool,
    /// How fast the way to the terminal is, where somebody says so.
    link: Option<Speed>,
    /// The column at which the upper panes meet, where somebody moved it.
    pub(super) split: Option<u16>,
    /// How many lines the pane below has, once a way was shown; until then the usual ones.
    pub(super) lower: Option<u16>,
    /// How many rows it has with its frame, where somebody moved its border.
    pub(super) below: Option<u16>,
    /// The border that is being moved.
    pub(super) dragging: Option<Border>,

    /// Shared with whoever looks through them.
    pub(super) ports: Arc<Vec<Port>>,
    /// Where each stands among them.
    pub(super) index: Index,
    /// Which ports are listed.
    pub(super) filter: Filter,
    /// In which order.
    pub(super) order: Order,
    /// The listed ones.
    pub(super) listing: Listing,
    pub(super) surveyed: bool,
    pub(super) selected: Option<Target>,
    /// The port that was named at the begin, until another is selected.
    pub(super) named: Option<Target>,

    pub(super) answers: HashMap<Target, Arc<Vec<Answer>>>,
    pub(super) asked: VecDeque<Target>,
    /// Answers that nobody looks at any more.
    pub(super) spent: Vec<Arc<Vec<Answer>>>,
    pub(super) asking: Vec<Target>,
    pub(super) wish: Option<Place>,
    /// The packet that somebody described in place of the usual one.
    pub(super) edited: Option<Edited>,
    /// What is being walked for it.
    pub(super) walking: Option<Walking>,
    /// How many were.
    pub(super) walks: u64,
    pub(super) outcome: usize,
    /// Whether nobody chose a port yet.
    pub(super) unchosen: bool,

    pub(super) frames: Frames,
    pub(super) path: Path,
    pub(super) grouping: Grouping,
    pub(super) tree: Tree<Id>,
    pub(super) turned: QuickMap<Id, bool>,
    pub(super) cursor: usize,
    /// To which row of the path somebody stepped, counted in the packet's order.
    pub(super) stop: Option<usize>,
    /// The row at which the packet's way ends.
    pub(super) end: Option<usize>,
    /// What became of the rule that is looked at.
    pub(super) told: Option<Told>,

    pub(super) focus: Pane,
    pub(super) overlays: Vec<Overlay>,
    pub(super) offsets: Offsets,
}

impl State {
    /// The explorer before anything is known, on a screen of `size` (columns, rows). `source` says where the host
    /// came from; `target` is the port to select.
    pub fn new(
        host: Arc<Host>,
        namespace: usize,
        source: Source,
        target: Option<Target>,
        Setup { look, keymap, complaint, mouse, link }: Setup,
        size: (u16, u16),
    ) -> State {
        let mut state = State {
            host,
            namespace,
            source,
            age: Duration::ZERO,
            edition: Edition::default(),
            living: Living::default(),
            ahead: Ahead::default(),
            counting: Counting::default(),
            reading: None,
            sets: None,
            held: None,
            going: None,
            search: None,
            sought: 0,
            keeping: None,
            taken: Vec::new(),
            notice: complaint,
            look,
            keymap,
            size,
            mouse,
            link,
            split: None,
            lower: None,
            below: None,
            dragging: None,
            ports: Arc::default(),
            index: Index::default(),
            filter: Filter::default(),
            order: Order::default(),
            listing: Listing::default(),
            surveyed: false,
            selected: None,
            named: target.clone(),
            answers: HashMap::new(),
            asked: VecDeque::new(),
            spent: Vec::new(),
            asking: Vec::new(),
            wish: None,
            edited: None,
            walking: None,
            walks: 0,
            outcome: 0,
            unchosen: target.is_none(),
            frames: Frames::default(),
            path: Path::default(),
            grouping: Grouping::default(),
            tree: Tree::default(),
            turned: QuickMap::default(),
            cursor: 0,
            stop: None,
            end: None,
            told: None,
            focus: Pane::Ports,
            overlays: Vec::new(),
            offsets: Offsets::default(),
        };
        state.list_sockets();
        state.list();
        state.follow();
        state
    }

    /// The namespace that is looked from.
    pub(super) fn ns(&self) -> &Namespace {
        &self.host.namespaces[self.namespace]
    }

    /// The name of the namespace that is looked from, where that says more than the name of the host.
    pub(super) fn netns(&self) -> Option<&str> {
        let name = Some(self.ns().name.as_str()).filter(|name| !name.is_empty());
        let is_other = self.namespace != self.host.viewed;
        // One that nobody named is called by its inode: for the most part that of the host itself.
        name.filter(|name| is_other || self.source == Source::Live && !name.starts_with("net:["))
    }

    /// Columns and rows of the screen.
    pub fn size(&self) -> (u16, u16) {
        self.size
    }

    /// Whether the mouse is listened to.
    pub fn takes_mouse(&self) -> bool {
        self.mouse
    }

    /// How fast the way to the terminal is, where somebody says so.
    pub fn link(&self) -> Option<Speed> {
        self.link
    }

    /// How the screen is painted.
    pub fn look(&self) -> Look {
        self.look
    }

    /// The host that is shown.
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// Index of the namespace that is looked from.
    pub fn namespace(&self) -> usize {
        self.namespace
    }

    /// Which reading of the host is shown.
    pub fn edition(&self) -> Edition {
        self.edition
    }

    /// Selects a port, and follows the first outcome of its packets.
    pub(super) fn select(&mut self, target: Target) {
        self.selected = Some(target);
        self.named = None;
        self.outcome = 0;
        self.list_something();
        self.follow();
    }

    /// Follows the selected port's packets, now that it is known who answers them; what was looked at in an older reading is
    /// found again.
    pub(super) fn show_answers(&mut self) {
        let held = self.held.take();
        self.outcome = 0;
        self.follow();
        if let Some(held) = held {
            self.resume(held);
        }
    }

    /// Lays the way of the outcome that is looked at through the tree, and folds everything else.
    pub(super) fn follow(&mut self) {
        let host = Arc::clone(&self.host);
        let mut frames = std::mem::take(&mut self.frames);
        self.path = match (self.answer(), self.outcome()) {
            (Some(answer), Some(outcome)) => Path::of(&host, self.namespace, answer.family, outcome, &mut frames),
            _ => Path::without_packet(&host, self.namespace, &mut frames),
        };
        if self.grouping == Grouping::Table {
            self.path = self.path.by_table(&host, self.namespace, &mut frames);
        }
        self.frames = frames;
        self.turned.clear();
        self.held = None;
        self.offsets.tree = 0;
        self.offsets.why = 0;
        self.make_room();
        self.lay_out();
        self.cursor = self.deciding().unwrap_or(0);
    }

    /// Makes the visible rows anew, and keeps the cursor on its row, or on the nearest that is left.
    pub(super) fn lay_out(&mut self) {
        let held = self.tree.row(self.cursor).map(|row| row.id);
        let host = Arc::clone(&self.host);
        let old = std::mem::take(&mut self.tree);
        self.tree = outline(&host, &self.path, &mut self.frames, &self.turned, old);
        self.end = self.tree.place(&Id::Fate);
        let kept = held.and_then(|id| self.tree.place(&id));
        self.cursor = kept.unwrap_or(self.cursor).min(self.tree.len().saturating_sub(1));
    }

    /// The visible row that decides: the rule that the finding names, else the first rule or policy that turned the packet
    /// or ended its way.
    pub(super) fn deciding(&self) -> Option<usize> {
        let named = self.answer().and_then(|answer| answer.because.by.as_ref()).map(|step| step.at);
        let rows = || (0..self.tree.len()).filter_map(|place| Some((place, self.tree.row(place)?.id)));
        let decides = |id: Id| match id {
            Id::Rule(frame, index) => {
                let held = self.path.trodden.get(&frame)?.held.get(&index)?;
                held.decides().then(|| StepAt::Rule(self.frames.get(frame).rule(index)))
            }
            Id::End(frame) => {
                let drops = self.path.trodden.get(&frame)?.end == Some(Verdict::Policy(Policy::Drop));
                drops.then(|| StepAt::End(self.frames.get(frame).chain))
            }
            Id::Pass(_) | Id::Hook(_) | Id::Base(_) | Id::Run { .. } | Id::Route(_) | Id::Fate | Id::Table(_) => None,
        };
        let found = rows().find(|(_, id)| named.is_some() && decides(*id) == named);
        found.or_else(|| rows().find(|(_, id)| decides(*id).is_some())).map(|(place, _)| place)
    }

    /// Whether something that is shown is being worked out.
    pub fn is_waiting(&self) -> bool {
        !self.surveyed || self.is_walking()
    }

    /// Whether who answers the selected port is being worked out.
    pub(super) fn is_walking(&self) -> bool {
        let usual = || self.selected.as_ref().is_some_and(|selected| self.asking.contains(selected));
        match self.edited {
            Some(_) => self.walking.is_some(),
            None => usual(),
        }
    }

    /// Whether anything is being worked out, be it shown or not.
    pub fn is_working(&self) -> bool {
        !self.surveyed || !self.asking.is_empty() || self.walking.is_some()
    }

    /// Whether a part of the namespace was read.
    pub(super) fn is_read(&self, what: What) -> bool {
        self.ns().is_read(what)
    }
}
