//! The host is being read while somebody waits before the screen, or looks at an older reading.

use super::*;
use crate::host::{Reached, What};
use crate::tui::Fresh;

/// So far: of two namespaces, the rules of one.
const FAR: Reached = Reached {
    what: Some(What::NfTables),
    namespace: 2,
    namespaces: 2,
    chains: 340,
    of: 10_012,
    rules: 12_300,
    elements: 0,
    again: 0,
};

fn press(state: &mut State, word: &str) -> Vec<Effect> {
    update(state, Event::Key(key::sequence(word).expect("a key")[0].event()))
}

/// The explorer on a host that nobody has read yet.
fn opening(target: Option<Target>) -> Explorer {
    let mut state = State::opening(Source::Live, target, Look::sixteen().into(), SIZE);
    assert_eq!(update(&mut state, Event::Started), [Effect::Open]);
    Explorer { host: Arc::new(node()), state }
}

/// The explorer on a live host that is being read again.
fn again() -> Explorer {
    let mut explorer = Explorer::on(80);
    explorer.state.source = Source::Live;
    assert_eq!(press(&mut explorer.state, "r"), [Effect::Read(FIRST)]);
    update(&mut explorer.state, Event::Reached(FAR));
    explorer
}

/// Who listens is told, and nothing of the rules; gives the screen.
fn begins(explorer: &mut Explorer) -> String {
    let mut begun = node();
    begun.namespaces[0].ruleset = Default::default();
    explorer.take(Event::Begun(Arc::new(begun), 0));
    update(&mut explorer.state, Event::Reached(FAR));
    let text = explorer.text();
    assert!(explorer.state.is_opening() && text.contains("nginx"), "{text}");
    text
}

fn header(explorer: &Explorer) -> String {
    explorer.text().lines().next().expect("a row").to_owned()
}

#[test]
fn the_first_frame_is_there_before_the_host_and_says_how_far_it_is() {
    let mut explorer = opening(None);
    assert!(explorer.text().contains("reading the host …"), "{}", explorer.text());
    assert_eq!(update(&mut explorer.state, Event::Reached(FAR)), []);
    let text = explorer.text();
    assert!(header(&explorer).contains("reading: 340 of 10,012 chains"), "{text}");
    assert!(
        text.contains("reading nf_tables rules, namespace 2 of 2: 12,300 rules in 340 of 10,012 chains …"),
        "{text}"
    );
    for untrue in ["No socket", "no rules", "select", "reread"] {
        assert!(!text.contains(untrue), "nothing is known yet, and nothing can be done: {untrue}\n{text}");
    }
}

#[test]
fn before_there_is_a_host_it_can_be_left_and_nothing_else() {
    let mut state = opening(None).state;
    for word in ["<Down>", "<Enter>", "r", "o", "<Tab>", "u"] {
        assert_eq!(press(&mut state, word), [], "{word}");
    }
    assert!(state.is_opening());
    assert_eq!(press(&mut state, "<C-z>"), [Effect::Suspend]);
    assert_eq!(press(&mut state, "?"), []);
    assert_eq!(press(&mut state, "<Esc>"), [], "it closes the help");
    for word in ["<Esc>", "q", "<C-c>"] {
        assert_eq!(press(&mut state, word), [Effect::Quit], "{word}");
    }
}

#[test]
fn the_host_that_is_read_is_explored_as_if_it_had_been_there() {
    for target in [None, Some(tcp(22, None))] {
        let mut explorer = opening(target.clone());
        explorer.press("<Down>");
        explorer.take(Event::Opened(Ok((Arc::clone(&explorer.host), 0))));
        let mut other = Explorer::new(node(), target, Look::sixteen());
        other.state.source = Source::Live;
        assert_eq!(explorer.text(), other.text());
        assert!(!explorer.state.is_reading());
        explorer.press("<Down>");
        other.press("<Down>");
        assert_eq!(explorer.text(), other.text());
    }
}

#[test]
fn who_listens_is_there_before_the_rules_and_what_is_selected_stays() {
    let mut explorer = opening(None);
    let text = begins(&mut explorer);
    assert!(text.contains("reading nf_tables rules, namespace 2 of 2"), "the tree says what it waits for\n{text}");
    assert!(!text.contains("No base chain") && !text.contains("no socket"), "nobody knows that yet\n{text}");
    explorer.press("<Down>");
    let inode = |explorer: &Explorer| {
        let socket = explorer.state.selected.as_ref().and_then(|target| target.socket).expect("a socket");
        explorer.state.ns().sockets[socket].inode
    };
    let selected = inode(&explorer);
    // Another reading has the sockets in another order, and more of them.
    let mut whole = node();
    let mut first = whole.namespaces[0].sockets[0].clone();
    (first.port, first.inode) = (7, 7777);
    whole.namespaces[0].sockets.reverse();
    whole.namespaces[0].sockets.insert(0, first);
    explorer.host = Arc::new(whole);
    explorer.take(Event::Opened(Ok((Arc::clone(&explorer.host), 0))));
    assert_eq!(inode(&explorer), selected);
    let late = Event::Begun(Arc::new(node()), 0);
    explorer.take(late);
    assert_eq!(inode(&explorer), selected, "what comes late says nothing");
}

#[test]
fn the_chains_are_there_before_their_rules() {
    let mut explorer = opening(None);
    let mut outline = node().namespaces.remove(0).ruleset;
    outline.tables.iter_mut().flat_map(|table| &mut table.chains).for_each(|chain| chain.rules.clear());
    // A table that is gone by the time that its rules are read.
    outline.tables.insert(0, outline.tables[0].clone());
    outline.tables[0].chains.iter_mut().for_each(|chain| chain.name = "GONE".into());
    explorer.take(Event::Outlined(outline.clone()));
    let text = begins(&mut explorer);
    assert!(text.contains("nat PREROUTING") && !text.contains("no rules"), "{text}");
    assert!(text.contains("reading: 340 of 10,012 chains"), "{text}");
    explorer.take(Event::Opened(Ok((Arc::clone(&explorer.host), 0))));
    let read = explorer.text();
    let mut other = Explorer::new(node(), None, Look::sixteen());
    other.state.source = Source::Live;
    assert_eq!(read, other.text());
    explorer.take(Event::Outlined(outline));
    assert_eq!(explorer.text(), read, "what comes late says nothing");
}

#[test]
fn what_is_typed_before_the_host_is_there_is_done_when_it_is() {
    let mut explorer = opening(None);
    for word in ["4", "4", "3", "<Enter>", "<Tab>", "u"] {
        assert_eq!(press(&mut explorer.state, word), [], "{word}");
    }
    explorer.take(Event::Opened(Ok((Arc::clone(&explorer.host), 0))));
    let mut other = Explorer::new(node(), None, Look::sixteen());
    other.state.source = Source::Live;
    other.press("443<Enter><Tab>u");
    assert_eq!(explorer.text(), other.text());
}

#[test]
fn whoever_types_a_text_ahead_does_not_leave_by_its_letters() {
    let mut state = opening(None).state;
    assert_eq!(press(&mut state, "/"), []);
    assert_eq!(press(&mut state, "q"), []);
    assert_eq!(press(&mut state, "<Esc>"), []);
    assert_eq!(press(&mut state, "q"), [Effect::Quit]);
    assert_eq!(press(&mut state, "/"), []);
    assert_eq!(press(&mut state, "<C-c>"), [Effect::Quit]);
}

#[test]
fn the_port_that_was_named_is_selected_before_and_after_the_rules_are_read() {
    for (port, asked) in [(80, false), (443, true)] {
        let mut explorer = opening(Some(tcp(port, None)));
        explorer.take(Event::Begun(Arc::clone(&explorer.host), 0));
        let selected = |explorer: &Explorer| explorer.state.selected.clone().expect("a port");
        assert_eq!(selected(&explorer).port, Some(port));
        assert_eq!(selected(&explorer).socket.is_none(), asked);
        explorer.take(Event::Opened(Ok((Arc::clone(&explorer.host), 0))));
        assert_eq!(selected(&explorer).port, Some(port));
        let rows = |explorer: &Explorer| explorer.state.ports.iter().filter(|row| row.entry.is_none()).count();
        assert_eq!(rows(&explorer), usize::from(asked), "it is there once");
    }
}

#[test]
fn a_host_that_cannot_be_read_is_given_up() {
    let mut state = opening(None).state;
    let why = "no process has the pid 7".to_owned();
    assert_eq!(update(&mut state, Event::Opened(Err(why.clone()))), [Effect::GiveUp(why)]);
}

#[test]
fn beside_the_older_picture_the_header_says_how_far_the_new_one_is() {
    let mut explorer = again();
    assert!(header(&explorer).contains("reading: 340 of 10,012 chains"), "{}", explorer.text());
    assert!(explorer.text().contains("Esc stops reading"));
    let tree = explorer.tree();
    explorer.press("<Tab><Down>");
    assert_eq!(explorer.state.focus, Pane::Netfilter, "it can be used meanwhile");
    assert_eq!(explorer.tree(), tree);
    let survey = explain::ports(&explorer.host, 0);
    let fresh = Fresh { host: Arc::clone(&explorer.host), namespace: 0, survey, answers: Vec::new() };
    explorer.take(Event::Read(FIRST, Ok(fresh)));
    assert!(explorer.bottom().contains("everything was read again"), "{}", explorer.text());
    assert!(!explorer.text().contains("reading"));
    update(&mut explorer.state, Event::Reached(FAR));
    assert!(!explorer.text().contains("10,012"), "what comes late says nothing");
}

#[test]
fn a_reading_that_is_stopped_leaves_the_older_picture_and_says_so() {
    let mut explorer = again();
    let tree = explorer.tree();
    assert_eq!(press(&mut explorer.state, "?"), []);
    assert_eq!(press(&mut explorer.state, "<Esc>"), [], "it closes the help");
    assert_eq!(press(&mut explorer.state, "<Esc>"), [Effect::Stop]);
    assert_eq!(press(&mut explorer.state, "<Esc>"), [], "it is stopping");
    assert!(header(&explorer).contains("stopping"));
    assert_eq!(press(&mut explorer.state, "r"), [], "one at a time");
    update(&mut explorer.state, Event::Read(FIRST, Err("the reading was stopped".to_owned())));
    let text = explorer.text();
    assert!(text.contains("the reading was stopped: this is the host as it was read before"), "{text}");
    assert_eq!(explorer.tree(), tree);
    assert_eq!(press(&mut explorer.state, "r"), [Effect::Read(FIRST)], "it can be read again");
}

#[test]
fn a_reading_that_was_done_before_it_could_be_stopped_is_taken() {
    let mut explorer = again();
    press(&mut explorer.state, "<Esc>");
    let survey = explain::ports(&explorer.host, 0);
    let fresh = Fresh { host: Arc::clone(&explorer.host), namespace: 0, survey, answers: Vec::new() };
    explorer.take(Event::Read(FIRST, Ok(fresh)));
    assert!(!explorer.state.is_reading());
    assert_ne!(explorer.state.edition(), FIRST);
}

#[test]
fn a_large_set_that_an_answer_takes_is_told_as_it_is_read() {
    let host = Arc::new(node());
    let mut state = State::new(Arc::clone(&host), 0, Source::Live, Some(tcp(80, None)), Look::sixteen().into(), SIZE);
    update(&mut state, Event::Started);
    let mut explorer = Explorer { host: Arc::clone(&host), state };
    let so_far = |elements| Reached { what: Some(What::Elements), elements, ..Reached::default() };
    update(&mut explorer.state, Event::Reached(so_far(120_000)));
    assert!(header(&explorer).contains("reading: 120,000 set elements"), "{}", explorer.text());
    assert!(!explorer.state.is_reading(), "the host itself is read");
    update(&mut explorer.state, Event::Reached(Reached { what: None, ..so_far(120_000) }));
    assert!(!header(&explorer).contains("elements"), "{}", explorer.text());
    let selected = explorer.state.selected.clone().expect("the port that was named");
    explorer.take(Event::Answered(FIRST, selected.clone(), answers(&host, &selected)));
    explorer.take(Event::Surveyed(FIRST, explain::ports(&host, 0)));
    assert!(!explorer.state.is_waiting());
    update(&mut explorer.state, Event::Reached(so_far(130_000)));
    assert!(!header(&explorer).contains("elements"), "nobody waits for it: {}", explorer.text());
}

#[test]
fn what_is_torn_is_told_in_the_header() {
    assert!(!header(&Explorer::on(80)).contains("torn"));
    let mut host = node();
    host.namespaces[0].mark_torn(What::NfTables);
    let explorer = Explorer::new(host, Some(tcp(80, None)), Look::sixteen());
    assert!(header(&explorer).contains("torn · node · a test"), "{}", explorer.text());
}

#[test]
fn a_ruleset_that_changed_before_a_set_was_read_is_read_again_whole_and_once() {
    let mut explorer = Explorer::on(80);
    explorer.state.source = Source::Live;
    assert_eq!(update(&mut explorer.state, Event::Outdated(FIRST)), [Effect::ReadWhole(FIRST)]);
    assert!(explorer.state.is_reading());
    assert_eq!(update(&mut explorer.state, Event::Outdated(FIRST)), [], "one at a time");
    assert_eq!(press(&mut explorer.state, "r"), [], "one at a time");
    update(&mut explorer.state, Event::Read(FIRST, Err("no".to_owned())));
    assert_eq!(update(&mut explorer.state, Event::Outdated(FIRST)), [Effect::ReadWhole(FIRST)]);
    let survey = explain::ports(&explorer.host, 0);
    let fresh = crate::tui::Fresh { host: Arc::clone(&explorer.host), namespace: 0, survey, answers: Vec::new() };
    update(&mut explorer.state, Event::Read(FIRST, Ok(fresh)));
    assert_eq!(update(&mut explorer.state, Event::Outdated(FIRST)), [], "it is about an older reading");
}
