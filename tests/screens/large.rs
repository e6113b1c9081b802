//! Screens of a Kubernetes node with 10,000 services, which are 100,000 rules: made up, not recorded.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use whyport::explain::{self, Asked};
use whyport::tui::{Edition, Effect, Event, Look, Shelf, Source, State, key, update};

use super::{Form, shown, snapshot};

#[path = "../../benches/services/node.rs"]
#[allow(dead_code, reason = "benchmarks ask for more of the node")]
mod node;

const SERVICES: usize = 10_000;

/// The screens, by their names, with their sizes; each goes on from where the keys of the one before led.
const KEYS: [(&str, (u16, u16), &str); 4] = [
    ("large-80x24", (80, 24), ""),
    ("large-whole-path-120x36", (120, 36), "<Down><Down>u<Tab>"),
    ("large-run-120x36", (120, 36), "<Down><Down><Enter><PageDown><PageDown>"),
    ("large-search-120x36", (120, 36), "/backend-7777"),
];

/// Their names.
pub const NAMES: [&str; 4] = [KEYS[0].0, KEYS[1].0, KEYS[2].0, KEYS[3].0];

/// A screen; all of them are made together.
pub fn screen(name: &str, form: Form) -> String {
    static MADE: OnceLock<Vec<[String; 2]>> = OnceLock::new();
    let made = MADE.get_or_init(all);
    let at = NAMES.iter().position(|known| *known == name).unwrap();
    made[at][usize::from(form == Form::Ansi)].clone()
}

fn all() -> Vec<[String; 2]> {
    let recording = snapshot::parse(&node::snapshot(SERVICES));
    assert!(recording.host.namespaces[0].ruleset.rule_count() > 99_000);
    let host = Arc::new(recording.host);
    let source = Source::Recording("node.txt".to_owned());
    let mut state = State::new(Arc::clone(&host), 0, source, None, Look::sixteen().into(), KEYS[0].1);
    let (mut asked, mut shelf) = (Asked::about(&host, 0), Shelf::default());
    let survey = explain::ports(&host, 0);
    let mut settle = |state: &mut State, event: Event| {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            events.extend(update(state, event).into_iter().filter_map(|effect| match effect {
                Effect::Survey(edition) => Some(Event::Surveyed(edition, survey.clone())),
                Effect::Answer(edition, target) => {
                    let answers = asked.answers(&target);
                    Some(Event::Answered(edition, target, answers))
                }
                Effect::Search(edition, number, sought) => {
                    Some(Event::Found(edition, number, shelf.seek(&host, &sought, || false)?))
                }
                _ => None,
            }));
        }
    };
    settle(&mut state, Event::Started);
    assert_eq!(state.edition(), Edition::FIRST);
    KEYS.map(|(_, (columns, rows), keys)| {
        settle(&mut state, Event::Resized(columns, rows));
        key::sequence(keys).unwrap().iter().for_each(|key| settle(&mut state, Event::Key(key.event())));
        [Form::Text, Form::Ansi].map(|form| shown(&state, (columns, rows), form))
    })
    .to_vec()
}
