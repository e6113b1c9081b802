//! Which ports are asked, in which order, what is kept of the answers, and what else is asked behind the picture.

use super::*;
use crate::explain::fixture::socket;
use crate::host::{Chain, Protocol};
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

/// Whether it is being looked for which rules lead to the page's chain, and how many are known.
fn callers(explorer: &Explorer) -> Option<(bool, usize)> {
    match explorer.state.overlays.last() {
        Some(Overlay::Details(details)) => Some((details.is_asking(), details.callers().len())),
        _ => None,
    }
}

#[test]
fn which_rules_lead_to_a_chain_is_looked_up_in_a_small_table_and_asked_once_of_a_large_one() {
    let mut explorer = Explorer::on(80);
    explorer.press("<Right>");
    assert_eq!(pressed(&mut explorer.state, "<Enter>"), []);
    let small = callers(&explorer).expect("a page");
    assert!(!small.0 && small.1 > 0, "{small:?}");

    let mut host = node();
    for table in &mut host.namespaces[0].ruleset.tables {
        let empty = Chain { rules: Vec::new(), base: None, ..table.chains[0].clone() };
        table.chains.extend(std::iter::repeat_n(empty, 2000));
    }
    let mut explorer = Explorer::new(host, Some(tcp(80, None)), Look::sixteen());
    explorer.press("<Right>");
    let opened = pressed(&mut explorer.state, "<Enter>");
    let [Effect::Callers(edition, namespace, chain)] = opened[..] else { panic!("{opened:?}") };
    assert_eq!(callers(&explorer), Some((true, 0)));
    assert!(!explorer.text().contains("led to by"));
    let rules = super::super::callers(&explorer.host.namespaces[namespace].ruleset, chain);
    update(&mut explorer.state, Event::Led(edition, namespace, INPUT, rules.clone()));
    assert_eq!(callers(&explorer), Some((true, 0)), "that is about another chain");
    update(&mut explorer.state, Event::Led(edition, namespace, chain, rules));
    assert_eq!(callers(&explorer), Some((false, small.1)));
    assert!(explorer.text().contains("led to by"), "{}", explorer.text());
    assert_eq!(pressed(&mut explorer.state, "<Esc><Enter>").len(), 1, "another page asks again");
}

#[test]
fn a_number_leads_to_its_port_and_else_to_the_first_that_begins_so() {
    let mut state = State::new(Arc::new(crowded(200)), 0, a_test(), None, Look::sixteen().into(), SIZE);
    state.change_ports(|ports| ports.truncate(150));
    let found = |begin| state.with_number(begin).or_else(|| state.with_begin(begin)).and_then(|port| port.target.port);
    let told = [1, 10, 101, 1014, 1149, 1150, 2, 114, 115].map(found);
    assert_eq!(told, [Some(1000), Some(1000), Some(1010), Some(1014), Some(1149), None, None, Some(1140), None]);
}
