//! Which ports are asked, in which order, what is kept of the answers, and what else is asked behind the picture.

use super::*;
use crate::explain::fixture::socket;
use crate::host::{Family, Protocol};
use crate::tui::overlay::Overlay;

/// The node with so many listening sockets, from port 1000 on.
fn crowded(ports: u16) -> Host {
    let mut host = node();
    let listening = |port| socket(Protocol::TCP, "0.0.0.0", 1000 + port, 7, "many");
    host.namespaces[0].sockets = (0..ports).map(listening).collect();
    host
}

/// Answers one question after the other, as they are asked, and gives their ports.
fn answer_all(host: &Host, state: &mut State, mut effects: Vec<Effect>) -> Vec<u16> {
    let mut asked = Vec::new();
    while let Some(effect) = effects.pop() {
        let Effect::Answer(edition, target) = effect else { continue };
        asked.extend(target.port);
        let event = Event::Answered(edition, target.clone(), answers(host, &target));
        effects.extend(update(state, event));
    }
    asked
}

fn pressed(state: &mut State, keys: &str) -> Vec<Effect> {
    let keys = key::sequence(keys).expect("keys");
    keys.iter().flat_map(|key| update(state, Event::Key(key.event()))).collect()
}

#[test]
fn the_ports_to_which_a_key_leads_next_are_asked_after_those_that_can_be_seen() {
    let host = Arc::new(crowded(200));
    let mut state = State::new(Arc::clone(&host), 0, a_test(), None, Look::sixteen().into(), SIZE);
    let first = update(&mut state, Event::Surveyed(FIRST, explain::ports(&host, 0)));
    let seen = super::super::view::panes(&state).expect("room").ports.inner_height() as u16;
    let asked = answer_all(&host, &mut state, first);
    let visible: Vec<u16> = (1000..1000 + seen).collect();
    assert_eq!(asked, [&visible[..], &[1000 + seen, 1199]].concat(), "those, a page further, the last");
    let down = pressed(&mut state, "<Down>");
    assert_eq!(answer_all(&host, &mut state, down), [1001 + seen], "the next page begins one further");
    let page = pressed(&mut state, "<PageDown>");
    assert!(!page.iter().any(|effect| *effect == Effect::Answer(FIRST, state.selected.clone().expect("a port"))));
    assert!(state.outcome().is_some(), "its way is known already");
}

#[test]
fn answers_that_are_not_looked_at_any_more_are_given_to_whoever_forgets_them() {
    let host = Arc::new(crowded(300));
    let mut state = State::new(Arc::clone(&host), 0, a_test(), None, Look::sixteen().into(), SIZE);
    let mut effects = update(&mut state, Event::Surveyed(FIRST, explain::ports(&host, 0)));
    let (mut asked, mut forgotten) = (0, 0);
    for _ in 0..20 {
        asked += answer_all(&host, &mut state, effects).len();
        assert!(state.answers.len() <= 64 && state.spent.len() <= 64);
        forgotten += state.take_spent().len();
        effects = pressed(&mut state, "<PageDown>");
    }
    assert_eq!(forgotten + state.answers.len(), asked);
    assert!(forgotten > 64, "{forgotten}");
    for _ in 0..20 {
        effects = pressed(&mut state, "<PageUp>");
        answer_all(&host, &mut state, effects);
    }
    assert!(state.spent.len() <= 64, "where nobody takes them they are forgotten here");
}

#[test]
fn which_rules_lead_to_a_chain_is_asked_once_behind_its_pages() {
    let mut explorer = Explorer::on(80);
    let callers = |state: &State| match state.overlays.last() {
        Some(Overlay::Details(details)) => Some((details.is_asking(), details.callers().len())),
        _ => None,
    };
    explorer.press("<Right>");
    let opened = pressed(&mut explorer.state, "<Enter>");
    let [Effect::Callers(edition, namespace, chain)] = opened[..] else { panic!("{opened:?}") };
    assert_eq!(callers(&explorer.state), Some((true, 0)));
    assert!(explorer.state.is_waiting(), "the frame may wait for it");
    let ruleset = &explorer.host.namespaces[namespace].ruleset;
    assert_eq!(ruleset.table(chain).family, Family::Ip);
    let rules = super::super::callers(ruleset, chain);
    assert!(!rules.is_empty());
    let late = Event::Led(edition, namespace, INPUT, rules.clone());
    update(&mut explorer.state, late);
    assert_eq!(callers(&explorer.state), Some((true, 0)), "that is about another chain");
    update(&mut explorer.state, Event::Led(edition, namespace, chain, rules.clone()));
    assert_eq!(callers(&explorer.state), Some((false, rules.len())));
    assert!(explorer.text().contains("led to by"), "{}", explorer.text());
    let next = pressed(&mut explorer.state, "<Esc><Enter>");
    assert_eq!(next.len(), 1, "another page asks again");
}

#[test]
fn a_number_leads_to_its_port_and_else_to_the_first_that_begins_so() {
    let mut state = State::new(Arc::new(crowded(200)), 0, a_test(), None, Look::sixteen().into(), SIZE);
    state.change_ports(|ports| ports.truncate(150));
    let found = |begin| state.with_number(begin).or_else(|| state.with_begin(begin)).and_then(|port| port.target.port);
    let told = [1, 10, 101, 1014, 1149, 1150, 2, 114, 115].map(found);
    assert_eq!(told, [Some(1000), Some(1000), Some(1010), Some(1014), Some(1149), None, None, Some(1140), None]);
}
