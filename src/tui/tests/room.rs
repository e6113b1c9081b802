//! The rows of the screen, shared between the tree and the pane below.

use super::tour::{press, story};
use super::*;

/// How many lines the pane below has.
fn lower(explorer: &Explorer) -> usize {
    super::super::view::panes(&explorer.state).expect("room").why.inner_height()
}

/// The rows of the tree that lead into something folded on the packet's way.
fn folded(explorer: &Explorer) -> Vec<String> {
    let tree = explorer.tree();
    let end = tree.iter().position(|row| row.contains('◉')).expect("the whole way");
    tree[..end].iter().filter(|row| row.contains('▸') && row.contains("hold")).cloned().collect()
}

#[test]
fn the_pane_below_gives_the_tree_the_rows_that_it_does_not_need() {
    let mut explorer = story((160, 48));
    press(&mut explorer, "80<Enter>");
    assert!(explorer.tree().iter().any(|row| row.contains("◉ delivered")), "{}", explorer.text());
    assert!(lower(&explorer) < 10, "{}", explorer.text());
    // What it says it says whole.
    let mut explorer = story((80, 24));
    press(&mut explorer, "80<Enter>");
    assert_eq!(lower(&explorer), 6);
    assert!(explorer.text().contains("2 more: J"), "{}", explorer.text());
}

#[test]
fn nothing_jumps_about_while_one_moves() {
    for size in [(80, 24), (120, 36), (160, 48)] {
        let mut explorer = story(size);
        let before = lower(&explorer);
        for keys in
            ["<Down>", "<Down>", "<Up>", "<Up>", "<Up>", "<Tab>", "<End>", "<Up>", "<Up>", "<Home>", "<Down>", "u"]
        {
            press(&mut explorer, keys);
            assert_eq!(lower(&explorer), before, "{size:?} {keys}");
        }
    }
}

#[test]
fn all_that_held_is_open_where_there_is_room_for_the_whole_way() {
    let mut explorer = story((160, 64));
    press(&mut explorer, "80<Enter>");
    assert_eq!(folded(&explorer), [""; 0]);
    assert!(explorer.tree().iter().any(|row| row.contains("▾ forward")), "{}", explorer.text());
    // A screen that is made smaller folds what it has no room for, one that is made larger opens it again.
    explorer.take(Event::Resized(160, 48));
    assert!(folded(&explorer).iter().any(|row| row.contains("forward")), "{}", explorer.text());
    explorer.take(Event::Resized(160, 64));
    assert_eq!(folded(&explorer), [""; 0]);
}

/// Columns and rows of the ports, without their frame.
fn ports(explorer: &Explorer) -> (u16, u16) {
    let inner = super::super::view::panes(&explorer.state).expect("room").ports.inner();
    (inner.width, inner.height)
}

#[test]
fn the_ports_grow_with_the_screen_and_with_nothing_else() {
    for (size, columns) in [((80, 24), 33), ((100, 30), 40), ((120, 36), 40), ((160, 48), 53), ((250, 60), 60)] {
        let mut explorer = story(size);
        assert_eq!(ports(&explorer).0, columns - 2, "{size:?}");
        press(&mut explorer, "443<Enter>FF");
        assert_eq!(ports(&explorer).0, columns - 2, "{size:?}");
    }
    let explorer = story((160, 48));
    assert!(explorer.text().contains("no socket → 10.42.0.2:443"), "{}", explorer.text());
}

#[test]
fn above_the_tree_the_ports_take_no_more_rows_than_there_are() {
    let mut explorer = story((40, 40));
    assert_eq!(ports(&explorer).1, 4, "{}", explorer.text());
    press(&mut explorer, "FF");
    assert_eq!(ports(&explorer).1, 4, "a filter moves nothing");
    explorer.state.surveyed = false;
    assert!(ports(&explorer).1 > 4, "more may be found");
}
