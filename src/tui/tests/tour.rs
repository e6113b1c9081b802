//! The tour, on the host that it is told of.

use std::net::IpAddr;

use unicode_width::UnicodeWidthStr;

use super::*;
use crate::snapshot;
use crate::tui::text::wrap;
use crate::tui::tour::{Aim, STEPS};

/// The explorer on the host of the story.
pub(super) fn story(size: (u16, u16)) -> Explorer {
    let name = snapshot::demo_names()[0];
    let host = Arc::new(snapshot::parse(snapshot::demo(name).expect("a demo")).host);
    let source = Source::Demo(name.to_owned());
    let state = State::new(Arc::clone(&host), host.viewed, source, None, Look::default().into(), size);
    let mut explorer = Explorer { host, state };
    settle(&mut explorer, Event::Started);
    explorer
}

/// Takes an event with what the host itself answers.
pub(super) fn settle(explorer: &mut Explorer, event: Event) {
    let mut effects = update(&mut explorer.state, event);
    while let Some(effect) = effects.pop() {
        let (host, at) = (Arc::clone(&explorer.host), explorer.state.namespace());
        let event = match effect {
            Effect::Survey(edition) => Event::Surveyed(edition, explain::ports(&host, at)),
            Effect::Answer(edition, target) => {
                let answers = explain::answers(&host, at, &target);
                Event::Answered(edition, target, answers)
            }
            _ => continue,
        };
        effects.extend(update(&mut explorer.state, event));
    }
}

pub(super) fn press(explorer: &mut Explorer, keys: &str) {
    for key in key::sequence(keys).expect("keys") {
        settle(explorer, Event::Key(key.event()));
    }
}

/// The row that is pointed at.
fn pointed(explorer: &Explorer) -> String {
    let text = explorer.text();
    let row = text.lines().find(|line| line.contains('◀'));
    row.unwrap_or_else(|| panic!("nothing is pointed at\n{text}")).to_owned()
}

#[test]
fn each_step_points_at_its_row_and_stands_beside_it_at_any_size() {
    let says = ["nginx", "nat PREROUTING", "CNI-HOSTPORT-DNAT", "10.42.0.2", "10.42.0.2", "10.43.85.149", "10.42.0.59"];
    for size in [(80, 24), (120, 36), (160, 48)] {
        let mut explorer = story(size);
        press(&mut explorer, "t");
        for (at, step) in STEPS.iter().enumerate() {
            let text = explorer.text();
            assert!(text.contains(step.heading), "{}\n{text}", step.heading);
            let row = pointed(&explorer);
            if let Some(says) = says.get(at) {
                assert!(row.contains(says), "{}: {row}", step.heading);
            }
            press(&mut explorer, "n");
        }
        assert!(explorer.state.is_bare(), "after the last step the tour is over");
    }
}

#[test]
fn no_pane_is_covered_where_there_is_room_for_all() {
    for size in [(80, 24), (90, 26), (120, 36), (160, 48)] {
        let mut explorer = story(size);
        press(&mut explorer, "t");
        for step in STEPS {
            let text = explorer.text();
            let rows: Vec<&str> = text.lines().collect();
            let (top, edge) = (|row: &&str| row.contains(step.heading), ['─', '┌', '┐', '└', '┘']);
            let box_at = rows.iter().position(top).expect("its heading");
            assert!(rows[box_at].starts_with('┌') && rows[box_at].ends_with('┐'), "{size:?}\n{text}");
            // The pane above ends before it.
            assert!(rows[box_at - 1].chars().all(|sign| edge.contains(&sign)), "{size:?}\n{text}");
            press(&mut explorer, "n");
        }
    }
}

#[test]
fn on_a_small_screen_a_step_is_told_in_pieces() {
    let mut explorer = story((39, 11));
    press(&mut explorer, "t");
    let mut told = String::new();
    for _ in 0..200 {
        assert!(explorer.state.is_bare() || pointed(&explorer).width() > 0);
        let (text, bottom) = (explorer.text(), explorer.bottom());
        assert_eq!(text.contains(" more line"), bottom.contains("↓ more"), "{text}");
        told.push_str(&explorer.text());
        press(&mut explorer, "n");
    }
    assert!(explorer.state.is_bare());
    for word in STEPS.iter().flat_map(|step| step.says.split(' ')) {
        assert!(told.contains(word), "{word}");
    }
}

#[test]
fn one_goes_back_and_leaves_where_one_likes() {
    let mut explorer = story((80, 24));
    press(&mut explorer, "tnnnnnnnn");
    assert!(explorer.text().contains("from localhost"), "{}", explorer.text());
    press(&mut explorer, "b");
    assert!(explorer.text().contains("8 of 10") && explorer.text().contains("from outside"), "{}", explorer.text());
    press(&mut explorer, "<Left><Up><Backspace>");
    assert!(explorer.text().contains("5 of 10"), "{}", explorer.text());
    press(&mut explorer, "<Right><Enter>");
    assert!(explorer.text().contains("7 of 10"), "{}", explorer.text());
    let cursor = explorer.state.cursor;
    press(&mut explorer, "q");
    assert!(explorer.state.is_bare());
    assert_eq!((explorer.state.cursor, explorer.state.focus), (cursor, Pane::Netfilter));
    press(&mut explorer, "?t");
    assert!(explorer.state.tour().is_none(), "the help has the keys");
}

#[test]
fn guided_one_begins_with_it_and_other_hosts_have_none() {
    let mut explorer = story((80, 24));
    settle(&mut explorer, Event::Guided);
    assert!(explorer.text().contains("1 of 10"), "{}", explorer.text());
    let mut explorer = Explorer::on(80);
    explorer.press("t");
    assert!(explorer.bottom().contains("whyport demo"), "{}", explorer.bottom());
    assert!(explorer.state.is_bare());
}

#[test]
fn what_is_guided_before_the_ports_are_known_points_at_its_row_later() {
    let name = snapshot::demo_names()[0];
    let host = Arc::new(snapshot::parse(snapshot::demo(name).expect("a demo")).host);
    let source = Source::Demo(name.to_owned());
    let state = State::new(Arc::clone(&host), host.viewed, source, None, Look::default().into(), (80, 24));
    let mut explorer = Explorer { host, state };
    update(&mut explorer.state, Event::Started);
    update(&mut explorer.state, Event::Guided);
    assert!(!explorer.text().contains('◀') && explorer.text().contains("1 of 10"), "{}", explorer.text());
    let survey = explain::ports(&explorer.host, explorer.state.namespace());
    let first = explorer.state.edition();
    settle(&mut explorer, Event::Surveyed(first, survey));
    assert!(pointed(&explorer).contains("nginx"));
}

#[test]
fn what_the_tour_says_is_so_on_that_host() {
    let explorer = story((160, 48));
    let host = &explorer.host;
    let node = &host.namespaces[host.viewed];
    let all = snapshot::demo(snapshot::demo_names()[0]).expect("a demo");
    let words = || STEPS.iter().flat_map(|step| step.says.split([' ', ',', '(', ')', ':', ';']));
    for word in words() {
        let word = word.trim_end_matches(['.', '…']);
        if word.parse::<IpAddr>().is_ok() || word.starts_with("KUBE-") || word.starts_with("CNI-") {
            assert!(all.contains(word), "{word}");
        }
    }
    let has = |text: &str| node.addresses.iter().any(|address| address.addr() == addr(text));
    assert!(has("192.168.66.100") && !has("10.42.0.2"));
    let devices = host.namespaces.iter().flat_map(|ns| &ns.addresses);
    assert!(!devices.map(|address| address.addr()).any(|known| known == addr("10.43.85.149")));
    let listens = |ns: &str, port: u16, name: &str| {
        let ns = host.namespaces.iter().find(|known| known.name == ns).expect("a namespace");
        ns.sockets
            .iter()
            .any(|socket| socket.port == port && socket.processes.iter().any(|process| process.name == name))
    };
    assert!(listens("traefik", 8000, "traefik") && listens(&node.name, 80, "nginx"));
    assert!(!node.sockets.iter().any(|socket| socket.port == 443));
    assert!(STEPS.iter().any(|step| step.aim == Aim::Port(443)));
    assert!(STEPS.iter().all(|step| (2..=4).contains(&wrap(step.says, 76).len())), "two to four lines");
}

#[test]
fn on_a_wide_screen_lines_are_as_long_as_they_are_easy_to_read() {
    for (size, columns) in [((80, 24), 76), ((100, 40), 96), ((160, 48), 100)] {
        let mut explorer = story(size);
        press(&mut explorer, "t");
        let text = explorer.text();
        let first = wrap(STEPS[0].says, columns).swap_remove(0);
        assert!(text.contains(&first), "{first}: {text}");
    }
}
