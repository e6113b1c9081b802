//! What of the screen a movement is about.

use super::super::update::movement;
use super::super::view::nearest;
use super::tour::{press, story};
use super::*;
use crate::tui::key;

/// Whether a key moves now.
fn moves(explorer: &Explorer, name: &str) -> bool {
    let key = key::sequence(name).expect("a key")[0];
    movement(&explorer.state, &Event::Key(key.event())).is_some()
}

#[test]
fn letters_of_a_text_are_no_movements() {
    let mut explorer = story((80, 24));
    for key in ["<Down>", "j", "<Up>", "k", "p", "P"] {
        assert!(moves(&explorer, key), "{key}");
    }
    for key in ["<PgDn>", "<Enter>", "/", "o", "<Tab>"] {
        assert!(!moves(&explorer, key), "{key}");
    }
    assert_eq!(movement(&explorer.state, &Event::Rested), None);
    for typing in ["/", "e", "s"] {
        press(&mut explorer, typing);
        assert!(!moves(&explorer, "j") && !moves(&explorer, "<Down>"), "{typing}");
        press(&mut explorer, "<Esc>");
        assert!(moves(&explorer, "j"), "{typing}");
    }
}

#[test]
fn keys_of_the_tour_turn_its_pages() {
    let mut explorer = story((80, 24));
    explorer.take(Event::Guided);
    assert!(!moves(&explorer, "<Down>") && !moves(&explorer, "p"));
    press(&mut explorer, "<Esc>");
    assert!(moves(&explorer, "<Down>"));
}

#[test]
fn the_rows_of_the_pane_come_first_that_has_the_cursor_and_the_nearest_of_them() {
    let mut explorer = story((80, 24));
    let inner = |explorer: &Explorer| {
        let panes = super::super::view::panes(&explorer.state).expect("room");
        (panes.ports.inner(), panes.tree.inner())
    };
    let (ports, tree) = inner(&explorer);
    press(&mut explorer, "<Home><Down><Down>");
    let rows: Vec<Rect> = nearest(&explorer.state);
    assert_eq!(rows[0], Rect { y: ports.y + 2, height: 1, ..ports });
    assert_eq!(rows[1..3].iter().map(|row| row.y).sum::<u16>(), 2 * rows[0].y, "above and below");
    assert_eq!(rows.len(), usize::from(ports.height) + 1, "and the frame that counts them");
    press(&mut explorer, "<Tab><Home><Down>");
    assert_eq!(nearest(&explorer.state)[0], Rect { y: tree.y + 1, height: 1, ..tree });
    press(&mut explorer, "<End>");
    assert!(nearest(&explorer.state)[0].y >= tree.y && nearest(&explorer.state)[0].y < tree.bottom());
    press(&mut explorer, "?");
    assert_eq!(nearest(&explorer.state)[0], Rect::new(0, 0, 80, 1), "what lies on top is shown from above");
}

#[test]
fn on_a_screen_that_is_too_small_all_rows_come() {
    assert_eq!(nearest(&story((20, 5)).state).len(), 5);
}
