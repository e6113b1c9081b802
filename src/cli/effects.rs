//! What the explorer asks for, done: walks through the host that it shows, and readings of another.
//!
//! Where a walk asks for sets that nobody has read, they are read first. Deliberately does not know threads or the
//! terminal: each effect is a call that takes its time.

use std::cell::RefCell;
use std::sync::Arc;

use super::live::{Live, Sets};
use super::output;
use super::refusal::Refusal;
use crate::explain::{self, Answer, Asked, Survey, Target};
use crate::host::{Host, SetId};
use crate::kernel::Progress;
use crate::snapshot;
use crate::syntax::part_text;
use crate::tui::{self, Edition, Effect, Event, Fresh, Keep, Unkept};

/// The live host, and how far a reading of it is, or of its sets; `None`: a recording.
type Source<'a> = Option<(&'a Live, &'a Arc<Progress>)>;

/// What comes of an effect that asks the host, or the kernel for another; nothing of those that are about the terminal, or
/// about what goes on already. `stale`: whether a newer text is sought than the one with this number.
pub fn done(
    host: &Host,
    namespace: usize,
    live: Source<'_>,
    stale: impl Fn(u64) -> bool,
    effect: Effect,
) -> Vec<Event> {
    let again = |edition, read: Result<Fresh, String>| vec![Event::Read(edition, read)];
    match effect {
        Effect::Survey(edition) => {
            let (survey, sets) = ports(host, namespace, live);
            with_news(edition, Event::Surveyed(edition, survey), sets)
        }
        Effect::Answer(edition, target) => {
            let (answers, sets) = answers(host, namespace, live, &target, &RefCell::default());
            with_news(edition, Event::Answered(edition, target.clone(), answers), sets)
        }
        Effect::Walk(edition, number, target, description) => {
            let ask = || with_needs(explain::described_answers(host, namespace, &target, &description));
            let (answers, sets) = told(host, namespace, live, ask);
            with_news(edition, Event::Walked(edition, number, answers), sets)
        }
        Effect::Callers(edition, of, chain) => {
            let callers = tui::callers(&host.namespaces[of].ruleset, chain);
            vec![Event::Led(edition, of, chain, callers)]
        }
        Effect::Search(edition, number, sought) => {
            let found = tui::seek(host, &sought, || stale(number));
            found.map(|found| Event::Found(edition, number, found)).into_iter().collect()
        }
        Effect::Keep(Keep::Host, name) => {
            let text = snapshot_of(host, live).map_err(|refusal| Unkept { why: refusal.line, taken: false });
            let kept = text.and_then(|text| output::create(&name, &text));
            vec![Event::Kept(Keep::Host, name, kept)]
        }
        Effect::Open => live.map(|(live, progress)| Event::Opened(open(live, progress))).into_iter().collect(),
        Effect::Read(edition) => live.map_or_else(Vec::new, |(live, progress)| again(edition, read(live, progress))),
        Effect::ReadWhole(edition) => {
            live.map_or_else(Vec::new, |(live, progress)| again(edition, read_whole(live, progress)))
        }
        Effect::Refresh(edition, _, selected) => {
            let refreshed = |live| refresh(host, namespace, live, selected.as_ref());
            live.map(|live| Event::Refreshed(edition, refreshed(live))).into_iter().collect()
        }
        Effect::Stop
        | Effect::GiveUp(_)
        | Effect::Keep(Keep::Screen, _)
        | Effect::Copy(_)
        | Effect::Redraw
        | Effect::Suspend
        | Effect::Quit => Vec::new(),
    }
}

/// Answers, with the sets that their walks asked for and nobody has read.
fn with_needs(answers: Vec<Answer>) -> (Vec<Answer>, Vec<(usize, SetId)>) {
    let walks = answers.iter().flat_map(|answer| std::iter::once(&answer.walk).chain(&answer.replies));
    let needs = walks.flat_map(|walk| walk.needs.iter().copied()).collect();
    (answers, needs)
}

/// What was found; and that the ruleset changed, if so: then another reading shows what is found here as not certain.
fn with_news(edition: Edition, found: Event, sets: Sets) -> Vec<Event> {
    match sets {
        Sets::Outdated => vec![found, Event::Outdated(edition)],
        Sets::Known | Sets::Unread => vec![found],
    }
}

/// The host as a snapshot; a live one is read whole for it.
fn snapshot_of(host: &Host, live: Source<'_>) -> Result<String, Refusal> {
    match live {
        Some((live, progress)) => Ok(snapshot::print(&live.read_whole(progress)?)),
        None => Ok(snapshot::print(host)),
    }
}

fn open(live: &Live, progress: &Arc<Progress>) -> Result<(Arc<Host>, usize), String> {
    let host = live.read(progress).map_err(|refusal| refusal.line)?;
    let namespace = host.viewed;
    Ok((Arc::new(host), namespace))
}

/// Another reading, with its ports. Where the ruleset changes before the sets are read that they ask for, everything is.
fn read(live: &Live, progress: &Arc<Progress>) -> Result<Fresh, String> {
    let (host, namespace) = open(live, progress)?;
    match ports(&host, namespace, Some((live, progress))) {
        (_, Sets::Outdated) => read_whole(live, progress),
        (_, Sets::Unread) if progress.is_cancelled() => Err(Refusal::stopped().line),
        (survey, Sets::Known | Sets::Unread) => Ok(Fresh { host, namespace, survey, answers: Vec::new() }),
    }
}

/// Another reading with its ports, and who answers the selected one, so that all of the picture changes at once. `None` where
/// nothing is other than it was.
fn refresh(
    old: &Host,
    was: usize,
    (live, progress): (&Live, &Arc<Progress>),
    selected: Option<&Target>,
) -> Result<Option<Fresh>, String> {
    let (host, namespace) = open(live, progress)?;
    if host.is_same(old) {
        return Ok(None);
    }
    let source = Some((live, progress));
    let (survey, _) = ports(&host, namespace, source);
    let (before, now) = (&old.namespaces[was], &host.namespaces[namespace]);
    let selected = selected.map(|selected| tui::counterpart(before, now, &survey, selected));
    let answered = selected.map(|target| {
        let (answers, _) = answers(&host, namespace, source, &target, &RefCell::default());
        (target, answers)
    });
    Ok(Some(Fresh { host, namespace, survey, answers: answered.into_iter().collect() }))
}

fn read_whole(live: &Live, progress: &Arc<Progress>) -> Result<Fresh, String> {
    let host = live.read_whole(progress).map_err(|refusal| refusal.line)?;
    let namespace = host.viewed;
    let survey = explain::ports(&host, namespace);
    Ok(Fresh { host: Arc::new(host), namespace, survey, answers: Vec::new() })
}

fn ports(host: &Host, namespace: usize, live: Source<'_>) -> (Survey, Sets) {
    let ask = || {
        let survey = explain::ports(host, namespace);
        let needs = survey.needs.clone();
        (survey, needs)
    };
    known(host, live, ask)
}

/// Answers about one port after the other, until nobody asks any more; with each comes how far the sets are that it takes.
pub fn answer_each(
    host: &Host,
    namespace: usize,
    live: Option<&Live>,
    asked: impl IntoIterator<Item = (Edition, Target, Arc<Progress>)>,
    tell: impl FnMut(Event),
) {
    let prepared = RefCell::default();
    let answered = |(edition, target, progress): (Edition, Target, Arc<Progress>)| {
        let source = live.map(|live| (live, &progress));
        let (answers, sets) = answers(host, namespace, source, &target, &prepared);
        with_news(edition, Event::Answered(edition, target, answers), sets)
    };
    asked.into_iter().flat_map(answered).for_each(tell);
}

/// What is the same for all ports is prepared once, and again where sets are read.
fn answers<'h>(
    host: &'h Host,
    namespace: usize,
    live: Source<'_>,
    target: &Target,
    prepared: &RefCell<Option<Asked<'h>>>,
) -> (Vec<Answer>, Sets) {
    let ask = || {
        let mut prepared = prepared.borrow_mut();
        let (answers, needs) =
            with_needs(prepared.get_or_insert_with(|| Asked::about(host, namespace)).answers(target));
        if !needs.is_empty() {
            *prepared = None;
        }
        (answers, needs)
    };
    told(host, namespace, live, ask)
}

/// Answers, once the sets are read that they take, with what is said of them.
fn told(
    host: &Host,
    namespace: usize,
    live: Source<'_>,
    ask: impl Fn() -> (Vec<Answer>, Vec<(usize, SetId)>),
) -> (Vec<Answer>, Sets) {
    let (mut answers, sets) = known(host, live, ask);
    explain::tell(host, namespace, &mut answers, part_text);
    (answers, sets)
}

/// What is found once the sets are read that it takes. A recording has them.
fn known<T>(host: &Host, live: Source<'_>, ask: impl Fn() -> (T, Vec<(usize, SetId)>)) -> (T, Sets) {
    match live {
        Some((live, progress)) => live.known(host, progress, ask),
        None => (ask().0, Sets::Known),
    }
}
