//! A live host is followed while somebody looks at it.

use super::*;
use crate::host::{Changes, What};
use crate::tui::{Fresh, counterpart};

const RULES: What = What::NfTables;

fn refresh(edition: Edition, changes: Changes, explorer: &Explorer) -> Effect {
    Effect::Refresh(edition, changes, explorer.state.selected.clone())
}

impl Explorer {
    /// On a live host that is followed.
    fn following(port: u16) -> Explorer {
        let mut explorer = Explorer::on(port);
        explorer.state.source = Source::Live;
        assert_eq!(update(&mut explorer.state, Event::Followed(true)), []);
        explorer
    }

    fn changed(&mut self, what: What) -> Vec<Effect> {
        update(&mut self.state, Event::Changed(what.into()))
    }

    /// Another reading with all that is known of it at once, as it comes of a change.
    pub(super) fn fresh(&self, host: Host) -> Fresh {
        let host = Arc::new(host);
        let survey = explain::ports(&host, 0);
        let selected = self.state.selected.clone().expect("a port");
        let target = counterpart(&self.state.host.namespaces[0], &host.namespaces[0], &survey, &selected);
        let answers = vec![(target.clone(), answers(&host, &target))];
        Fresh { host, namespace: 0, survey, answers }
    }

    /// What changed is read: this host.
    fn refreshed(&mut self, host: Host) {
        let fresh = self.fresh(host);
        self.host = Arc::clone(&fresh.host);
        let edition = self.state.edition();
        self.take(Event::Refreshed(edition, Ok(Some(fresh))));
    }

    fn space(&mut self) -> Vec<Effect> {
        update(&mut self.state, Event::Key(key::sequence(" ").expect("a key")[0].event()))
    }
}

/// The same node with a rule more at the end of INPUT, and its sockets in another order.
fn with_a_rule() -> Host {
    let mut host = node();
    let rule = Rule {
        handle: None,
        body: Body::Iptables(xt::Rule { matches: Vec::new().into(), target: xt::Target::Accept }),
    };
    let table = &mut host.namespaces[0].ruleset.tables[INPUT.table as usize];
    table.chains[INPUT.chain as usize].rules.push(rule);
    host.namespaces[0].sockets.swap(0, 1);
    host
}

#[test]
fn what_changes_is_read_again_and_the_next_change_after_a_rest() {
    let mut explorer = Explorer::following(22);
    let asked = explorer.changed(RULES);
    assert_eq!(asked, [refresh(FIRST, RULES.into(), &explorer)]);
    assert_eq!(explorer.changed(What::Links), [], "it is being read");
    explorer.refreshed(with_a_rule());
    assert_eq!(explorer.changed(What::Sockets), [], "it was read a moment ago");
    let edition = explorer.state.edition();
    let both = Changes::from(What::Links).with(What::Sockets);
    assert_eq!(update(&mut explorer.state, Event::Rested), [refresh(edition, both, &explorer)]);
    update(&mut explorer.state, Event::Refreshed(edition, Ok(None)));
    assert_eq!(explorer.state.edition(), edition, "nothing was other than it was");
    assert_eq!(update(&mut explorer.state, Event::Rested), [], "nothing changed since");
}

#[test]
fn a_new_reading_takes_the_old_ones_place_in_one_step_and_nothing_else_moves() {
    let mut explorer = Explorer::following(22);
    explorer.press("<Tab><End>");
    let at = |explorer: &Explorer| explorer.state.tree.row(explorer.state.cursor).map(|row| row.id);
    let (before, tree, row) = (explorer.text(), explorer.tree(), at(&explorer));
    explorer.changed(RULES);
    assert_eq!(explorer.text(), before, "nothing is said of the reading");
    let fresh = explorer.fresh(with_a_rule());
    explorer.host = Arc::clone(&fresh.host);
    let _ = update(&mut explorer.state, Event::Refreshed(FIRST, Ok(Some(fresh))));
    // The next frame, before anything that is asked then is answered.
    assert_eq!(explorer.selected(), (Some(22), Some(0)));
    let (mut now, is_new) = (explorer.tree(), |row: &String| row.contains("2 -j ACCEPT"));
    assert!(now.iter().any(is_new));
    now.retain(|row| !is_new(row));
    assert_eq!((now, at(&explorer)), (tree, row));
    assert_ne!(explorer.state.edition(), FIRST);
}

#[test]
fn what_is_unfolded_stays_where_there_is_no_port() {
    let mut host = node();
    host.namespaces[0].sockets.clear();
    host.namespaces[0].ruleset.tables.truncate(1 + INPUT.table as usize);
    let mut other = host.clone();
    let survey = explain::Survey { ports: Vec::new(), ..explain::ports(&host, 0) };
    let mut explorer = Explorer::new(host, None, Look::sixteen());
    explorer.state.source = Source::Live;
    update(&mut explorer.state, Event::Surveyed(FIRST, survey.clone()));
    update(&mut explorer.state, Event::Followed(true));
    explorer.press("<Tab><Right>");
    let tree = explorer.tree();
    assert!(tree.len() > 2, "{tree:?}");
    other.node = Some("renamed".to_owned());
    explorer.changed(What::Links);
    let fresh = Fresh { host: Arc::new(other), namespace: 0, survey, answers: Vec::new() };
    update(&mut explorer.state, Event::Refreshed(FIRST, Ok(Some(fresh))));
    assert_eq!(explorer.tree(), tree);
}

#[test]
fn badges_stay_until_they_are_asked_again() {
    let mut explorer = Explorer::following(80);
    let row = |explorer: &Explorer| explorer.text().lines().nth(2).expect("a row").to_owned();
    let before = row(&explorer);
    explorer.changed(RULES);
    let fresh = explorer.fresh(with_a_rule());
    explorer.host = Arc::clone(&fresh.host);
    let effects = update(&mut explorer.state, Event::Refreshed(FIRST, Ok(Some(fresh))));
    assert_eq!(row(&explorer), before);
    let edition = explorer.state.edition();
    assert!(matches!(&effects[..], [Effect::Answer(asked, _)] if *asked == edition), "{effects:?}");
}

#[test]
fn a_page_about_a_rule_stays_where_it_is_scrolled_to() {
    let mut explorer = Explorer::following(80);
    explorer.press("<Right><Enter><PgDn>");
    let before = explorer.text();
    explorer.changed(RULES);
    explorer.refreshed(node());
    assert_eq!(explorer.text(), before);
}

#[test]
fn space_lets_the_picture_stand_still_and_catches_up() {
    let mut explorer = Explorer::following(22);
    assert!(explorer.text().contains("live"));
    assert_eq!(explorer.space(), []);
    let still = explorer.text();
    assert!(still.contains("paused") && !still.contains("live"), "{still}");
    assert_eq!(explorer.changed(RULES), []);
    let below = |text: &str| text.split_once('\n').map(|(_, below)| below.to_owned());
    assert_eq!(below(&explorer.text()), below(&still), "the header says that something changed");
    let caught_up = explorer.space();
    assert_eq!(caught_up, [refresh(FIRST, RULES.into(), &explorer)]);
    assert!(explorer.text().contains("live"));
    // What comes while it stands still is not shown, and is read another time.
    explorer.space();
    explorer.refreshed(with_a_rule());
    assert_eq!((below(&explorer.text()), explorer.state.edition()), (below(&still), FIRST));
    assert_eq!(update(&mut explorer.state, Event::Rested), []);
    assert_eq!(explorer.space(), [refresh(FIRST, RULES.into(), &explorer)]);
}

#[test]
fn r_reads_at_once_and_what_was_being_read_is_read_after_it() {
    let mut explorer = Explorer::following(22);
    explorer.changed(RULES);
    let pressed = Event::Key(key::sequence("r").expect("a key")[0].event());
    assert_eq!(update(&mut explorer.state, pressed), [Effect::Read(FIRST)]);
    explorer.refreshed(with_a_rule());
    assert_eq!(explorer.state.edition(), FIRST);
    assert_eq!(update(&mut explorer.state, Event::Rested), [], "it is being read");
    let fresh = explorer.fresh(with_a_rule());
    let effects = update(&mut explorer.state, Event::Read(FIRST, Ok(fresh)));
    assert!(matches!(effects.last(), Some(Effect::Refresh(..))), "{effects:?}");
}

#[test]
fn the_age_is_told_where_nobody_tells_of_changes_and_in_minutes_while_it_stands_still() {
    let seconds = std::time::Duration::from_secs;
    let mut explorer = Explorer::following(22);
    update(&mut explorer.state, Event::Aged(seconds(200)));
    assert!(!explorer.text().contains(" old"));
    assert_eq!(explorer.state.ages_in(seconds(200)), None, "nothing is to be drawn");
    explorer.space();
    update(&mut explorer.state, Event::Aged(seconds(200)));
    assert!(explorer.text().contains("paused 3 min"));
    update(&mut explorer.state, Event::Aged(seconds(12)));
    assert!(!explorer.text().contains("12 s"));
    assert_eq!(explorer.state.ages_in(seconds(12)), Some(seconds(48)));
    explorer.space();
    update(&mut explorer.state, Event::Followed(false));
    update(&mut explorer.state, Event::Aged(seconds(12)));
    assert!(explorer.text().contains("live, 12 s old"));
    assert_eq!(explorer.state.ages_in(seconds(12)), Some(seconds(1)));
    explorer.space();
    assert!(explorer.text().contains("cannot be followed"));
    assert!(explorer.text().contains("live, 12 s old"));
}

#[test]
fn a_recording_stands_still_anyway() {
    let mut explorer = Explorer::on(80);
    assert_eq!(explorer.space(), []);
    assert!(explorer.text().contains("this host is a recording: it stands still anyway"));
    assert_eq!(update(&mut explorer.state, Event::Changed(RULES.into())), []);
}

#[test]
fn while_it_stands_still_it_says_how_it_goes_on_and_that_something_changed() {
    let mut explorer = Explorer::following(80);
    let header = |explorer: &Explorer| explorer.text().lines().next().expect("a line").to_owned();
    explorer.take(Event::Resized(160, 48));
    assert!(explorer.bottom().contains(" Space pause"), "{}", explorer.bottom());
    explorer.take(Event::Resized(80, 24));
    explorer.space();
    assert!(explorer.bottom().starts_with(" Space follow"), "{}", explorer.bottom());
    assert!(header(&explorer).contains("paused ") && !header(&explorer).contains("changed"), "{}", header(&explorer));
    assert_eq!(explorer.changed(RULES), []);
    assert!(header(&explorer).contains("paused, changed since"), "{}", header(&explorer));
    explorer.space();
    assert!(!explorer.bottom().contains("Space follow"), "{}", explorer.bottom());
}
