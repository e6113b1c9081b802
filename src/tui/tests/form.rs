//! The packet form: what is typed, what is wrong with it, and what becomes of the packet.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::super::view::panes;
use super::{Explorer, FIRST, SIZE, a_test};
use crate::explain::description::{Part, ROWS};
use crate::explain::fixture::{node, tcp};
use crate::explain::{self, From};
use crate::tui::{Effect, Event, Look, Source, State, key, update};
use crate::walk::Field;
use std::sync::Arc;

/// The keys of the first row with this name.
fn to(name: &str) -> String {
    "<Down>"
        .repeat(ROWS.iter().filter(|row| !row.name.starts_with("icmp")).position(|row| row.name == name).expect(name))
}

impl Explorer {
    fn edited(keys: &str) -> Explorer {
        let mut explorer = Explorer::on(80);
        explorer.press(keys);
        explorer
    }

    /// The sources that the packet that is looked at may have.
    fn is_from(&self, addr: &str) -> bool {
        let query = &self.state.answer().expect("an answer").walk.query;
        query.known_address(Field::Src) == addr.parse().ok()
    }

    /// What stands in the form, without its layout.
    fn form(&self) -> String {
        let inner = panes(&self.state).expect("room").ports.inner();
        let buffer = self.screen();
        let row = |y| (inner.left()..inner.right()).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (inner.top()..inner.bottom())
            .flat_map(|y| row(y).split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn said(&self, part: Part) -> Option<String> {
        self.state.description().of(part).map(str::to_owned)
    }
}

#[test]
fn each_line_that_is_understood_is_walked_at_once_and_enter_keeps_it() {
    let mut explorer = Explorer::edited(&format!("e{}10.0.0.5", to("src")));
    assert!(explorer.is_from("10.0.0.5"), "before it is taken");
    assert!(
        explorer.text().contains("edited: whyport trace tcp/80 --origin eth0 --src 10.0.0.5"),
        "{}",
        explorer.text()
    );
    explorer.press("<Enter>");
    assert!(explorer.state.is_bare() && explorer.is_from("10.0.0.5"));
    explorer.press("<Up>");
    assert_eq!(explorer.selected().0, Some(22));
    assert!(explorer.is_from("10.0.0.5"), "it is the packet to every port");
    explorer.press("o");
    assert!(explorer.is_from("10.0.0.5"), "and from every place");
    explorer.press("E");
    assert!(!explorer.is_from("10.0.0.5") && !explorer.text().contains("edited"));
}

#[test]
fn what_is_pasted_is_typed() {
    let mut explorer = Explorer::edited("e<Down>");
    explorer.take(Event::Pasted("10.0.0.5\nq".to_owned()));
    assert!(explorer.is_from("10.0.0.5"));
}

#[test]
fn what_is_not_understood_is_told_at_its_line_and_changes_nothing() {
    let mut explorer = Explorer::edited(&format!("e{}10.0.0.5{}99999", to("src"), "<Down>"));
    let form = explorer.form();
    assert!(form.contains("▌sport 99999▏ “99999” is no number from 0 to 65535, nor a range of them"), "{form}");
    assert!(explorer.is_from("10.0.0.5"));
    assert_eq!(explorer.said(Part::Field(Field::Sport)), None, "nor what it begins with");
    explorer.press("<Up><Up><Enter>");
    assert!(explorer.text().contains("▌sport"), "it is not taken, and one is led to what is wrong");
    explorer.press("<BS><Enter>");
    assert!(explorer.state.is_bare());
}

#[test]
fn escape_brings_back_what_was_before() {
    let mut explorer = Explorer::on(80);
    explorer.press("o<Right><Up><Up>");
    let before = explorer.text();
    explorer.press(&format!("e{}10.0.0.5<Esc>", to("src")));
    assert_eq!(explorer.text(), before);
    explorer.press(&format!("e{}10.0.0.5<Enter>", to("src")));
    let before = explorer.text();
    explorer.press(&format!("e{}<C-u>10.0.0.6{}local<C-c>", to("src"), "<Up>"));
    assert_eq!(explorer.text(), before);
    explorer.press(&format!("e{}<C-r>", to("ct")));
    assert!(explorer.state.edited.is_none() && explorer.state.form().is_some());
    explorer.press("<Esc>");
    assert_eq!(explorer.text(), before);
}

#[test]
fn the_place_that_is_said_is_looked_at_and_another_takes_its_place() {
    let mut explorer = Explorer::edited("ecni0<Enter>");
    let from = |explorer: &Explorer| explorer.state.answer().expect("an answer").from.clone();
    assert_eq!(from(&explorer), From::Bridge("cni0".to_owned()));
    explorer.press(&format!("e{}5<Enter>", to("mark")));
    assert_eq!(from(&explorer), From::Bridge("cni0".to_owned()));
    explorer.press("o");
    assert_ne!(from(&explorer), From::Bridge("cni0".to_owned()));
    assert_eq!(explorer.said(Part::Origin), None);
    assert_eq!(explorer.said(Part::Field(Field::Mark)), Some("5".to_owned()));
    explorer.press("elocal<Enter>");
    assert_eq!(from(&explorer), From::Local("127.0.0.1".parse().expect("an address")));
    explorer.press("e<C-u>veth-svclb<Enter>");
    let form = explorer.form();
    assert!(form.contains("veth-svclb has no IPv4 address to ask; name the destination with --dst"), "{form}");
}

#[test]
fn the_words_and_names_that_there_are_can_be_taken() {
    let mut explorer = Explorer::edited("ecn");
    assert!(explorer.text().contains("cn▏i0"), "{}", explorer.text());
    assert!(!explorer.text().contains("no device"), "who is not done is not wrong yet");
    explorer.press("<Enter>");
    assert!(explorer.text().contains("no device is called “cn”"), "{}", explorer.text());
    explorer.press("<Right>");
    assert_eq!(explorer.said(Part::Origin), Some("cni0".to_owned()));
    explorer.press(&format!("{}<C-n><C-n>", to("ct")));
    assert_eq!(explorer.said(Part::Field(Field::CtState)), Some("established".to_owned()));
    explorer.press("<C-p>");
    assert_eq!(explorer.said(Part::Field(Field::CtState)), Some("new".to_owned()));
}

#[test]
fn what_only_some_places_have_is_refused_elsewhere_in_the_words_of_the_command_line() {
    let mut explorer = Explorer::edited(&format!("e{}0", to("uid")));
    let form = explorer.form();
    assert!(form.contains("▌uid 0▏ only a packet made here has a uid: origin local"), "{form}");
    explorer.press("<Esc>o");
    explorer.press(&format!("e{}0<Enter>", to("uid")));
    assert!(explorer.state.is_bare());
    let answers = explorer.state.all_answers().expect("answers");
    assert!(answers.iter().all(|answer| matches!(answer.from, From::Local(_))), "no other place has it");
}

#[test]
fn a_destination_that_is_said_is_asked() {
    let explorer = Explorer::edited(&format!("e{}10.42.0.2<Enter>", to("dst")));
    let answer = explorer.state.answer().expect("an answer");
    assert_eq!(answer.walk.query.known_address(Field::Dst), "10.42.0.2".parse().ok());
    assert!(explorer.text().contains("whyport trace tcp/10.42.0.2:80 --origin eth0"), "{}", explorer.text());
}

#[test]
fn a_walk_of_an_older_description_is_of_no_use_and_one_is_made_at_a_time() {
    let host = Arc::new(node());
    let target = tcp(80, None);
    let mut state = State::new(Arc::clone(&host), 0, a_test(), Some(target.clone()), Look::sixteen().into(), SIZE);
    update(&mut state, Event::Surveyed(FIRST, explain::ports(&host, 0)));
    let target = state.selected.clone().expect("the port");
    update(&mut state, Event::Answered(FIRST, target.clone(), explain::answers(&host, 0, &target)));
    let mut walks = Vec::new();
    for key in
        key::sequence(&format!("e{}1::25", to("sport"))).expect("keys").into_iter().filter(|key| key.to_string() != ":")
    {
        let effects = update(&mut state, Event::Key(key.event()));
        walks.extend(effects.into_iter().filter_map(|effect| match effect {
            Effect::Walk(edition, number, target, description) => Some((edition, number, target, description)),
            _ => None,
        }));
    }
    let [(edition, number, target, description)] = &walks[..] else { panic!("{walks:?}") };
    assert_eq!(description.of(Part::Field(Field::Sport)), Some("1"));
    let answers = explain::described_answers(&host, 0, target, description);
    let effects = update(&mut state, Event::Walked(*edition, *number, answers.clone()));
    let Some(Effect::Walk(_, newest, _, description)) = effects.first() else { panic!("{effects:?}") };
    assert_eq!(description.of(Part::Field(Field::Sport)), Some("125"));
    assert_eq!(state.answer().expect("an answer").walk.query.known(Field::Sport), None, "the older one is not shown");
    update(&mut state, Event::Walked(*edition, *number, answers));
    assert!(state.is_walking(), "an answer that comes twice is none to the newest");
    let answers = explain::described_answers(&host, 0, target, description);
    update(&mut state, Event::Walked(*edition, *newest, answers));
    assert_eq!(state.answer().expect("an answer").walk.query.known(Field::Sport), Some(125));
}

#[test]
fn a_click_goes_to_a_line_and_the_wheel_through_them() {
    let mut explorer = Explorer::edited("e");
    let ports = panes(&explorer.state).expect("room").ports.inner();
    let mouse = |explorer: &mut Explorer, kind, row| {
        explorer.take(Event::Mouse(MouseEvent { kind, column: ports.x + 3, row, modifiers: KeyModifiers::NONE }));
    };
    mouse(&mut explorer, MouseEventKind::Down(MouseButton::Left), ports.y + 3);
    explorer.press("10.42.0.2");
    assert_eq!(explorer.said(Part::Dst), Some("10.42.0.2".to_owned()));
    mouse(&mut explorer, MouseEventKind::ScrollUp, ports.y + 3);
    assert!(explorer.text().contains("▌sport"));
}

#[test]
fn every_line_of_the_form_can_be_reached_on_the_smallest_screen() {
    let mut explorer = Explorer::on(80);
    explorer.take(Event::Resized(39, 11));
    explorer.press("e");
    for row in ROWS.iter().filter(|row| row.is_of(crate::host::Protocol::TCP)) {
        assert!(explorer.text().contains(&format!("▌{}", row.name)), "{}: {}", row.name, explorer.text());
        explorer.press("<Tab>");
    }
    assert!(explorer.text().contains("▌origin"), "and round");
    explorer.press("<S-Tab>");
    assert!(explorer.text().contains("▌time"));
}

#[test]
fn the_command_that_asks_the_same_is_copied() {
    let mut explorer = Explorer::edited(&format!("e{}0x1<Enter>", to("mark")));
    explorer.state.source = Source::Demo("k3s-port-80".to_owned());
    let effects = update(&mut explorer.state, Event::Key(key::sequence("Y").expect("a key")[0].event()));
    let command = "whyport trace tcp/80 --origin eth0 --mark 0x1 --demo k3s-port-80";
    assert_eq!(effects, [Effect::Copy(command.to_owned())]);
    explorer.press("e");
    let effects = update(&mut explorer.state, Event::Key(key::sequence("<C-y>").expect("a key")[0].event()));
    assert_eq!(effects, [Effect::Copy(command.to_owned())]);
}
