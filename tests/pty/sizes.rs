//! Other sizes, at any moment.

use whyport::tui::Event;

use crate::model::Model;
use crate::term::{Setting, Term};

const SIZES: [(u16, u16); 12] = [
    (1, 1),
    (80, 24),
    (500, 200),
    (39, 11),
    (38, 11),
    (1, 200),
    (500, 1),
    (71, 17),
    (160, 48),
    (2, 2),
    (60, 20),
    (120, 36),
];

#[test]
fn every_size_is_drawn() {
    let term = Term::whyport(&Setting::default(), &["--demo"]);
    let mut model = Model::demo((80, 24));
    term.wait_for("q quit");
    for keys in ["", "?", "H", "/"] {
        term.press(keys);
        whyport::tui::key::sequence(keys).unwrap().into_iter().for_each(|key| model.press(key));
        for (columns, rows) in SIZES {
            term.resize(columns, rows);
            model.take(Event::Resized(columns, rows));
            let expected = model.screen();
            term.wait(&format!("{columns}×{rows}, after “{keys}”:\n{expected}"), |term| term.screen() == expected);
        }
        if !keys.is_empty() {
            term.press("\x1b");
            whyport::tui::key::sequence("<Esc>").unwrap().into_iter().for_each(|key| model.press(key));
        }
    }
    term.press("q");
    assert_eq!(term.left().status, 0);
}

#[test]
fn the_last_of_many_sizes_is_the_one_that_is_drawn() {
    let term = Term::whyport(&Setting::default(), &["--demo"]);
    let mut model = Model::demo((80, 24));
    let first = model.screen();
    term.wait("the first screen", |term| term.screen() == first);
    for round in 0..20u16 {
        // Keys come between, and are read in the middle of it: that one draws the screen anew.
        term.send(b"\x0c");
        for step in 0..10 {
            term.resize(80 + 7 * step + round, 30 + step);
        }
        let last = (80 + round, 24);
        term.send(b"\x0c\x0c");
        term.resize(last.0, last.1);
        model.take(Event::Resized(last.0, last.1));
        let expected = model.screen();
        term.wait(&format!("{last:?}:\n{expected}"), |term| term.screen() == expected);
    }
    term.press("q");
    assert_eq!(term.left().status, 0);
}

#[test]
fn it_begins_at_any_size() {
    for size in [(1, 1), (39, 11), (500, 200)] {
        let term = Term::whyport(&Setting { size, ..Setting::default() }, &["--demo"]);
        let expected = Model::demo(size).screen();
        term.wait(&format!("{size:?}:\n{expected}"), |term| term.screen() == expected);
        term.press("q");
        assert_eq!(term.left().status, 0);
    }
}
