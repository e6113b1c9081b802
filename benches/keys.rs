//! What each key of the explorer costs on a node with 100,000 rules, without a terminal: in the state, in the frame, and in what
//! is done beside.
//!
//! `cargo bench --bench keys`; `WHYPORT_BENCH_RULES` changes the number.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark tells what it measured, and may fail where it stands"
)]

#[path = "services/node.rs"]
#[allow(dead_code, reason = "another benchmark asks for more of the node")]
mod node;
#[path = "terminal/pressed.rs"]
#[allow(dead_code, reason = "another benchmark presses them in a terminal")]
mod pressed;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use whyport::explain::{self, Asked};
use whyport::host::Host;
use whyport::shot::changes;
use whyport::snapshot;
use whyport::tui::{Effect, Event, Look, Shelf, Source, State, key, update, view};

const SIZE: (u16, u16) = (160, 48);

/// What one key took.
#[derive(Default, Clone, Copy)]
struct Cost {
    state: Duration,
    frame: Duration,
    walk: Duration,
    search: Duration,
}

/// Those who do what is asked for beside, and what they keep.
struct Beside<'a> {
    host: &'a Host,
    asked: Asked<'a>,
    shelf: Shelf,
}

fn main() {
    // Whoever only sees to it that everything builds does not mean to wait for this.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let rules = std::env::var("WHYPORT_BENCH_RULES").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let host = Arc::new(snapshot::parse(&node::snapshot(rules / 10)).host);
    let source = Source::Recording("bench".to_owned());
    let mut state = State::new(Arc::clone(&host), 0, source, None, Look::sixteen().into(), SIZE);
    let mut beside = Beside { host: &host, asked: Asked::about(&host, 0), shelf: Shelf::default() };
    let mut shown = Buffer::empty(Rect::new(0, 0, SIZE.0, SIZE.1));
    println!("{:<16} {:>5} {:>8} {:>8} {:>8} {:>8}  ms at most", "", "keys", "state", "frame", "walk", "search");
    let started = take(&mut state, &mut beside, &mut shown, Event::Started);
    tell("start", &[("", started)]);
    for (what, keys) in pressed::SCRIPT {
        let keys: Vec<&str> = pressed::split(keys).collect();
        let cost = |key: &&'static str| {
            let event = Event::Key(key::sequence(key).unwrap()[0].event());
            (*key, take(&mut state, &mut beside, &mut shown, event))
        };
        let costs: Vec<(&str, Cost)> = keys.iter().map(cost).collect();
        tell(what, &costs);
    }
}

/// An event with all that comes of it.
fn take(state: &mut State, beside: &mut Beside<'_>, shown: &mut Buffer, event: Event) -> Cost {
    let mut cost = Cost::default();
    let mut events = VecDeque::from([event]);
    while let Some(event) = events.pop_front() {
        let began = Instant::now();
        let effects = update(state, event);
        cost.state = cost.state.max(began.elapsed());
        let began = Instant::now();
        let mut next = Buffer::empty(shown.area);
        view(state, &mut next, shown.area);
        let _ = changes(shown, &next);
        *shown = next;
        cost.frame = cost.frame.max(began.elapsed());
        for effect in effects {
            let began = Instant::now();
            match effect {
                Effect::Survey(edition) => events.push_back(Event::Surveyed(edition, explain::ports(beside.host, 0))),
                Effect::Answer(edition, target) => {
                    let answers = beside.asked.answers(&target);
                    events.push_back(Event::Answered(edition, target, answers));
                    cost.walk = cost.walk.max(began.elapsed());
                }
                Effect::Search(edition, number, sought) => {
                    let found = beside.shelf.seek(beside.host, &sought, || false).unwrap();
                    events.push_back(Event::Found(edition, number, found));
                    cost.search = cost.search.max(began.elapsed());
                }
                _ => {}
            }
        }
    }
    cost
}

/// The dearest of some keys, in each respect, with the key that was.
fn tell(what: &str, costs: &[(&str, Cost)]) {
    let most = |of: fn(&Cost) -> Duration| {
        let (key, cost) = costs.iter().max_by_key(|(_, cost)| of(cost)).unwrap();
        format!("{:.1} {key}", of(cost).as_secs_f64() * 1000.0)
    };
    println!(
        "{what:<16} {:>5} {:>14} {:>14} {:>14} {:>14}",
        costs.len(),
        most(|cost| cost.state),
        most(|cost| cost.frame),
        most(|cost| cost.walk),
        most(|cost| cost.search)
    );
}
