//! Clicks, the wheel and the border that can be dragged.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::super::view::panes;
use super::super::{Event, Pane};
use super::Explorer;

impl Explorer {
    fn mouse(&mut self, kind: MouseEventKind, column: u16, row: u16) {
        self.take(Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
    }

    fn click(&mut self, column: u16, row: u16) {
        self.mouse(MouseEventKind::Down(MouseButton::Left), column, row);
        self.mouse(MouseEventKind::Up(MouseButton::Left), column, row);
    }
}

#[test]
fn a_click_goes_to_a_row_and_another_opens_it() {
    let mut explorer = Explorer::on(80);
    let ports = panes(&explorer.state).expect("room").ports.inner();
    explorer.click(ports.x + 5, ports.y);
    let first = explorer.state.ports[0].target.clone();
    assert_eq!(explorer.state.selected, Some(first));
    assert!(explorer.state.is_bare());
    explorer.click(ports.x + 5, ports.y);
    assert!(!explorer.state.is_bare(), "what there is to say of the port is told");
    explorer.press("<Esc>");

    let tree = panes(&explorer.state).expect("room").tree.inner();
    explorer.click(tree.x + 9, tree.y + 2);
    assert_eq!((explorer.state.focus, explorer.state.cursor), (Pane::Netfilter, explorer.state.offsets.tree + 2));
    // Where there is no row, nothing happens.
    let cursor = explorer.state.cursor;
    explorer.click(tree.x + 9, tree.bottom() - 1);
    assert_eq!(explorer.state.cursor, cursor);
}

#[test]
fn the_wheel_moves_where_the_pointer_is() {
    let mut explorer = Explorer::on(80);
    let tree = panes(&explorer.state).expect("room").tree.inner();
    let before = explorer.state.cursor;
    explorer.mouse(MouseEventKind::ScrollUp, tree.x + 2, tree.y + 1);
    assert_eq!((explorer.state.focus, explorer.state.cursor), (Pane::Netfilter, before.saturating_sub(3)));
    explorer.press("?");
    explorer.mouse(MouseEventKind::ScrollDown, tree.x + 2, tree.y + 1);
    assert_eq!(explorer.state.cursor, before.saturating_sub(3), "what lies on top has the wheel");
}

#[test]
fn a_click_on_a_place_asks_for_the_packets_from_there() {
    let mut explorer = Explorer::on(80);
    let text = explorer.text();
    let (row, line) = text.lines().enumerate().find(|(_, line)| line.contains("localhost")).expect("a place");
    let column = line.find("localhost").map_or(0, |at| line[..at].chars().count());
    let before = explorer.state.answer_index();
    explorer.click(column as u16, row as u16);
    assert_ne!(explorer.state.answer_index(), before);
    let from = explorer.state.answer().expect("an answer").from.clone();
    assert_eq!(crate::explain::words::from(&from), "localhost");
    explorer.click(column as u16, 0);
    assert_ne!(explorer.state.answer_index(), before, "elsewhere nothing happens");
}

#[test]
fn the_border_between_the_panes_can_be_dragged() {
    let mut explorer = Explorer::on(80);
    let begin = panes(&explorer.state).expect("room").tree.area().x;
    explorer.mouse(MouseEventKind::Drag(MouseButton::Left), 60, 5);
    assert_eq!(panes(&explorer.state).expect("room").tree.area().x, begin, "nothing was taken hold of");
    explorer.mouse(MouseEventKind::Down(MouseButton::Left), begin - 1, 5);
    explorer.mouse(MouseEventKind::Drag(MouseButton::Left), begin + 3, 5);
    assert_eq!(panes(&explorer.state).expect("room").tree.area().x, begin + 3, "the border has two columns");
    explorer.mouse(MouseEventKind::Up(MouseButton::Left), begin + 3, 5);
    explorer.mouse(MouseEventKind::Down(MouseButton::Left), begin + 3, 5);
    for (to, stands) in [(50, 50), (2, 24), (99, 76)] {
        explorer.mouse(MouseEventKind::Drag(MouseButton::Left), to, 5);
        assert_eq!(panes(&explorer.state).expect("room").tree.area().x, stands);
    }
    explorer.mouse(MouseEventKind::Up(MouseButton::Left), 99, 5);
    explorer.mouse(MouseEventKind::Drag(MouseButton::Left), 40, 5);
    assert_eq!(panes(&explorer.state).expect("room").tree.area().x, 76);
}

#[test]
fn the_border_above_the_pane_below_can_be_dragged_and_stays() {
    let mut explorer = Explorer::on(80);
    let area = |explorer: &Explorer| panes(&explorer.state).expect("room").why.area();
    let begin = area(&explorer);
    explorer.mouse(MouseEventKind::Down(MouseButton::Left), 50, begin.y - 1);
    explorer.mouse(MouseEventKind::Drag(MouseButton::Left), 50, begin.y - 3);
    assert_eq!((area(&explorer).y, area(&explorer).bottom()), (begin.y - 3, begin.bottom()), "the border has two rows");
    explorer.mouse(MouseEventKind::Up(MouseButton::Left), 50, begin.y - 3);
    let row = area(&explorer).y;
    explorer.mouse(MouseEventKind::Down(MouseButton::Left), 50, row);
    for (to, height) in [(begin.bottom() + 9, 3), (0, 30 - 2 - 5), (20, 9)] {
        explorer.mouse(MouseEventKind::Drag(MouseButton::Left), 50, to);
        assert_eq!(area(&explorer).height, height, "to {to}");
    }
    explorer.mouse(MouseEventKind::Up(MouseButton::Left), 50, 20);
    // Another port, and another size, leave it so.
    explorer.press("<Up><Down>");
    explorer.take(Event::Resized(120, 40));
    assert_eq!(area(&explorer).height, 9);
    explorer.take(Event::Resized(60, 12));
    assert!(explorer.text().contains("Ports"), "{}", explorer.text());
}

#[test]
fn while_somebody_types_the_mouse_does_nothing() {
    let mut explorer = Explorer::on(80);
    explorer.press("/x");
    let (text, tree) = (explorer.text(), panes(&explorer.state).expect("room").tree.inner());
    explorer.click(tree.x + 9, tree.y + 1);
    assert_eq!(explorer.text(), text);
}

#[test]
fn a_click_goes_to_what_is_listed_there_and_the_wheel_scrolls_what_lies_on_top() {
    let mut explorer = Explorer::on(80);
    explorer.press("FF<Down>");
    let ports = panes(&explorer.state).expect("room").ports.inner();
    explorer.click(ports.x + 5, ports.y);
    assert_eq!(explorer.selected(), (Some(80), Some(0)), "port 22 is not listed");
    explorer.take(Event::Resized(60, 14));
    explorer.press("<Right><Enter>");
    let (row, page) = (explorer.state.cursor, explorer.text());
    explorer.mouse(MouseEventKind::ScrollDown, 10, 5);
    assert_eq!(explorer.state.cursor, row);
    assert_ne!(explorer.text(), page);
}
