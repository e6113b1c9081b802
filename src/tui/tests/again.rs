//! The host is read again while somebody looks at it.

use super::*;
use crate::tui::Fresh;

impl Explorer {
    /// The same host becomes this one, and is live.
    fn read_again(&mut self, host: Host) {
        self.state.source = Source::Live;
        let pressed = Event::Key(key::sequence("r").expect("a key")[0].event());
        let edition = self.state.edition();
        assert_eq!(update(&mut self.state, pressed.clone()), [Effect::Read(edition)]);
        assert_eq!(update(&mut self.state, pressed), [], "it is being read");
        assert!(self.text().contains("reading the host"));
        self.host = Arc::new(host);
        let survey = explain::ports(&self.host, 0);
        self.take(Event::Read(
            edition,
            Ok(Fresh { host: Arc::clone(&self.host), namespace: 0, survey, answers: Vec::new() }),
        ));
        assert!(!self.text().contains("reading the host"));
    }
}

/// The same node with its sockets in another order, a rule more at the end of a chain, and a table more.
fn moved_on() -> Host {
    let mut host = node();
    let mut other = host.namespaces[0].ruleset.tables[1].clone();
    other.name = "raw".into();
    other.chains.iter_mut().for_each(|chain| chain.base = None);
    host.namespaces[0].ruleset.tables.push(other);
    let rule = Rule {
        handle: None,
        body: Body::Iptables(xt::Rule { matches: Vec::new().into(), target: xt::Target::Accept }),
    };
    host.namespaces[0].ruleset.tables[0].chains[2].rules.push(rule);
    host.namespaces[0].sockets.swap(0, 1);
    host
}

#[test]
fn what_is_selected_folded_and_looked_at_is_found_again_in_another_reading() {
    let mut explorer = Explorer::on(22);
    explorer.press("bo");
    explorer.press("<Tab><End>");
    let (tree, cursor) = (explorer.tree(), explorer.state.cursor);
    explorer.read_again(moved_on());
    assert_eq!(explorer.selected(), (Some(22), Some(0)), "sockets changed places");
    assert_eq!(explorer.state.focus, Pane::Netfilter);
    assert_eq!(explorer.tree(), tree);
    assert_eq!(explorer.state.cursor, cursor);
    assert!(explorer.text().contains("tcp/22 from localhost, IPv4"));
}

#[test]
fn the_outcome_and_the_rule_that_are_looked_at_stay() {
    let mut explorer = Explorer::on(22);
    explorer.press("b");
    explorer.read_again(moved_on());
    assert!(explorer.text().contains("outcome 2 of 2"));
    let mut explorer = Explorer::on(80);
    explorer.press("<Right><Up><Enter><Down>");
    let before = explorer.text();
    assert!(before.contains("rule 1 of nat CNI-DN"), "{before}");
    let open = explorer.tree().len();
    explorer.read_again(node());
    assert!(explorer.text().contains("rule 1 of nat CNI-DN"), "{}", explorer.text());
    assert_eq!(explorer.tree().len(), open, "what was unfolded is unfolded");
}

#[test]
fn what_is_gone_gives_way_to_what_is_nearest() {
    let mut explorer = Explorer::on(80);
    explorer.press("<Right>");
    let mut host = node();
    host.namespaces[0].ruleset.tables[0].chains[2].rules.clear();
    host.namespaces[0].sockets.retain(|socket| socket.port != 80);
    explorer.read_again(host);
    assert_eq!(explorer.selected(), (Some(22), Some(0)), "the row beside it");
    let mut host = node();
    host.namespaces[0].sockets.clear();
    host.namespaces[0].ruleset = Default::default();
    explorer.read_again(host);
    assert_eq!(explorer.state.selected, None);
    explorer.read_again(node());
    assert!(explorer.state.selected.is_some());
    explorer.press("<Right>p<Tab>u");
    explorer.screen();
}

#[test]
fn a_port_that_somebody_asked_for_stays_asked_for() {
    let mut explorer = Explorer::on(8443);
    explorer.read_again(node());
    assert_eq!(explorer.selected(), (Some(8443), None));
    assert_eq!(explorer.state.ports.iter().filter(|port| port.entry.is_none()).count(), 1);
    explorer.press("<Home>");
    explorer.read_again(node());
    assert_eq!(explorer.selected().0, Some(22));
    assert_eq!(explorer.state.ports.iter().filter(|port| port.entry.is_none()).count(), 1);
}

#[test]
fn results_about_an_older_reading_are_dropped() {
    let mut explorer = Explorer::on(80);
    let old = explorer.state.edition();
    let target = explorer.state.selected.clone().expect("a port");
    explorer.read_again(moved_on());
    let before = explorer.text();
    assert_eq!(update(&mut explorer.state, Event::Answered(old, target, Vec::new())), []);
    assert_eq!(update(&mut explorer.state, Event::Surveyed(old, explain::ports(&node(), 0))), []);
    assert_eq!(update(&mut explorer.state, Event::Read(old, Err("late".to_owned()))), []);
    assert_eq!(explorer.text(), before);
}

#[test]
fn a_reading_that_fails_is_told_and_the_old_one_stays() {
    let mut explorer = Explorer::on(80);
    explorer.state.source = Source::Live;
    update(&mut explorer.state, Event::Aged(std::time::Duration::from_secs(12)));
    assert!(explorer.text().contains("live, 12 s old"));
    let tree = explorer.tree();
    explorer.press("r");
    let edition = explorer.state.edition();
    update(&mut explorer.state, Event::Read(edition, Err("no process has the pid 7".to_owned())));
    assert!(explorer.text().contains("not read again: no process has the pid 7"));
    assert!(explorer.text().contains("live, 12 s old"));
    assert_eq!(explorer.tree(), tree);
    explorer.press("<Home>");
    assert!(!explorer.text().contains("not read again"));
    explorer.read_again(node());
    assert!(!explorer.text().contains(" old"));
}

#[test]
fn a_recording_cannot_be_read_again() {
    let mut explorer = Explorer::on(80);
    let pressed = Event::Key(key::sequence("r").expect("a key")[0].event());
    assert_eq!(update(&mut explorer.state, pressed), []);
    assert!(explorer.text().contains("this host is a recording"));
}
