//! Events in, effects and screens out, on a small node with ways made by hand.

mod again;
mod asking;
mod counting;
mod details;
mod diagram;
mod form;
mod keeping;
mod listing;
mod living;
mod maps;
mod mouse;
mod nearest;
mod reading;
mod room;
mod search;
mod sets;
mod silent;
mod tables;
mod told;
mod tour;

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

use super::action::{Keymap, ROWS};
use super::key::{self, Key};
use super::{Edition, Effect, Event, Look, Pane, Source, State, update, view};
use crate::explain::fixture::{INPUT, addr, node, outcome, packet, step, tcp, translating, walk};
use crate::explain::{self, Answer, From, Target};
use crate::host::{Body, Hook, Host, Policy, Rule, xt};
use crate::walk::{FateKind, Outcome, Step, StepAt, Verdict};

const SIZE: (u16, u16) = (100, 30);
const FIRST: Edition = Edition::FIRST;

fn a_test() -> Source {
    Source::Recording("a test".to_owned())
}

/// The end of the chain INPUT, by its policy.
fn end(verdict: Verdict) -> Step {
    Step { at: StepAt::End(INPUT), ..step(Hook::Input, INPUT, INPUT, 1, verdict) }
}

fn delivered(host: &Host, port: u16) -> Outcome {
    let mut outcome = outcome(FateKind::Delivered, "192.168.66.100", port, vec![end(Verdict::Policy(Policy::Accept))]);
    outcome.fate.socket = host.namespaces[0].sockets.iter().position(|socket| socket.port == port);
    outcome
}

/// Port 80 is sent to a container from outside and reaches nginx from localhost; port 22 is dropped or delivered.
fn answers(host: &Host, target: &Target) -> Vec<Answer> {
    let port = target.port.unwrap_or(0);
    let diverted = outcome(FateKind::Forwarded, "10.42.0.2", port, translating("10.42.0.2", port));
    let dropped =
        outcome(FateKind::Dropped, "192.168.66.100", port, vec![step(Hook::Input, INPUT, INPUT, 1, Verdict::Drop)]);
    let outside = match port {
        80 => vec![diverted],
        22 => vec![dropped, delivered(host, port)],
        _ => vec![delivered(host, port)],
    };
    [(From::Outside("eth0".to_owned()), outside), (From::Local(addr("127.0.0.1")), vec![delivered(host, port)])]
        .into_iter()
        .map(|(from, outcomes)| explain::judge(host, target, from, walk(packet(port), outcomes)))
        .collect()
}

/// The explorer with a person before it.
struct Explorer {
    host: Arc<Host>,
    state: State,
}

impl Explorer {
    fn new(host: Host, target: Option<Target>, look: Look) -> Explorer {
        let host = Arc::new(host);
        let state = State::new(Arc::clone(&host), 0, a_test(), target, look.into(), SIZE);
        let mut explorer = Explorer { host, state };
        explorer.take(Event::Started);
        explorer
    }

    fn on(port: u16) -> Explorer {
        Explorer::new(node(), Some(tcp(port, None)), Look::sixteen())
    }

    /// Takes an event and all that comes of it.
    fn take(&mut self, event: Event) {
        let mut effects = update(&mut self.state, event);
        while let Some(effect) = effects.pop() {
            let event = match effect {
                Effect::Survey(edition) => Event::Surveyed(edition, explain::ports(&self.host, 0)),
                Effect::Answer(edition, target) => {
                    let answers = answers(&self.host, &target);
                    Event::Answered(edition, target, answers)
                }
                Effect::Walk(edition, number, target, description) => {
                    let answers = explain::described_answers(&self.host, 0, &target, &description);
                    Event::Walked(edition, number, answers)
                }
                Effect::Callers(edition, of, chain) => {
                    let callers = super::callers(&self.host.namespaces[of].ruleset, chain);
                    Event::Led(edition, of, chain, callers)
                }
                Effect::Search(edition, number, sought) => {
                    let found = super::seek(&self.host, &sought, || false).expect("nobody stops it");
                    Event::Found(edition, number, found)
                }
                Effect::Open | Effect::Refresh(..) | Effect::Stop | Effect::GiveUp(_) => continue,
                Effect::Read(_) | Effect::ReadWhole(_) | Effect::Keep(..) | Effect::Copy(_) => continue,
                Effect::Redraw | Effect::Suspend | Effect::Quit => continue,
            };
            effects.extend(update(&mut self.state, event));
        }
    }

    fn press(&mut self, keys: &str) {
        for key in key::sequence(keys).expect("keys") {
            self.take(Event::Key(key.event()));
        }
    }

    fn screen(&self) -> Buffer {
        let area = Rect::new(0, 0, self.state.size.0, self.state.size.1);
        let mut buffer = Buffer::empty(area);
        view(&self.state, &mut buffer, area);
        buffer
    }

    fn text(&self) -> String {
        text(&self.screen())
    }

    /// The bottom line, without the space at its end.
    fn bottom(&self) -> String {
        self.text().lines().last().expect("a line").trim_end().to_owned()
    }

    /// The rows of the tree, without the space at their ends.
    fn tree(&self) -> Vec<String> {
        let inner = super::view::panes(&self.state).expect("room").tree.inner();
        let buffer = self.screen();
        let row = |y| (inner.left()..inner.right()).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        let rows = (inner.top()..inner.bottom()).map(row);
        rows.map(|row: String| row.trim_end().to_owned()).filter(|row| !row.is_empty()).collect()
    }

    fn selected(&self) -> (Option<u16>, Option<usize>) {
        let target = self.state.selected.as_ref().expect("a port");
        (target.port, target.socket)
    }
}

fn text(buffer: &Buffer) -> String {
    let row = |y| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>() + "\n";
    (0..buffer.area.height).map(row).collect()
}

/// Whether each of these is in some row, one below the other.
fn in_order(rows: &[String], parts: &[&str]) -> bool {
    let mut rows = rows.iter();
    parts.iter().all(|part| rows.any(|row| row.contains(part)))
}

#[test]
fn it_asks_for_the_ports_and_then_for_one_port_after_another() {
    let host = Arc::new(node());
    let mut state = State::new(Arc::clone(&host), 0, a_test(), None, Look::sixteen().into(), SIZE);
    assert_eq!(update(&mut state, Event::Started), [Effect::Survey(FIRST)]);
    let survey = explain::ports(&host, 0);
    let targets: Vec<Target> = survey.ports.iter().map(|entry| entry.target()).collect();
    assert_eq!(update(&mut state, Event::Surveyed(FIRST, survey)), [Effect::Answer(FIRST, targets[0].clone())]);
    let event = Event::Answered(FIRST, targets[0].clone(), answers(&host, &targets[0]));
    assert_eq!(update(&mut state, event), [Effect::Answer(FIRST, targets[1].clone())]);
}

#[test]
fn a_port_that_was_named_is_asked_about_before_all_are_found() {
    let host = Arc::new(node());
    let mut state = State::new(Arc::clone(&host), 0, a_test(), Some(tcp(80, None)), Look::sixteen().into(), SIZE);
    let survey = explain::ports(&host, 0);
    let target = state.selected.clone().expect("the port that was named");
    let asked = update(&mut state, Event::Started);
    assert_eq!(asked, [Effect::Survey(FIRST), Effect::Answer(FIRST, target.clone())]);
    update(&mut state, Event::Answered(FIRST, target.clone(), answers(&host, &target)));
    assert!(state.outcome().is_some(), "its way is shown");
    let told = |state: &State| state.place().and_then(|place| state.port_at(place)).and_then(|port| port.verdict);
    let verdict = told(&state);
    assert!(verdict.is_some());
    let asked = update(&mut state, Event::Surveyed(FIRST, survey));
    assert!(!asked.contains(&Effect::Answer(FIRST, target)), "once is enough: {asked:?}");
    assert_eq!(told(&state), verdict, "what was told stays");
}

#[test]
fn a_held_key_never_asks_for_more_than_two_ports_at_once() {
    let host = Arc::new(node());
    let mut state = State::new(Arc::clone(&host), 0, a_test(), None, Look::sixteen().into(), SIZE);
    let mut asked = update(&mut state, Event::Surveyed(FIRST, explain::ports(&host, 0))).len();
    for _ in 0..5 {
        asked += update(&mut state, Event::Key(KeyEvent::new(KeyCode::Down, KeyModifiers::NONE))).len();
    }
    assert_eq!(asked, 2);
}

#[test]
fn an_answer_to_a_port_that_is_no_longer_selected_does_not_change_the_tree() {
    let mut explorer = Explorer::on(80);
    let before = explorer.tree();
    let other = tcp(22, Some(1));
    let answers = answers(&explorer.host, &other);
    update(&mut explorer.state, Event::Answered(FIRST, other, answers));
    assert_eq!(explorer.tree(), before);
    assert_eq!(explorer.selected(), (Some(80), Some(0)));
}

#[test]
fn the_way_is_open_and_marked_and_everything_else_is_folded() {
    let tree = Explorer::on(80).tree();
    let way = [
        "┃ ▾ prerouting",
        "┃   ▾ nat PREROUTING",
        "┣━━━━ ▾ 2 ",
        "┣━━━━━━ ▾ 1 ",
        "· 2 rules that do not match",
        "━━━━▶ 3 ",
        "◉ leaves by cni0",
    ];
    assert!(in_order(&tree, &way), "{tree:#?}");
    assert!(in_order(&tree, &["◉", "▸ input", "never reached"]) || in_order(&tree, &["◉", "▸ input"]), "{tree:#?}");
    assert!(!tree.iter().any(|row| row.contains("filter INPUT")), "{tree:#?}");
}

#[test]
fn a_drop_ends_the_way() {
    let mut explorer = Explorer::on(22);
    let tree = explorer.tree();
    assert!(in_order(&tree, &["▸ prerouting", "▾ input", "▾ filter INPUT", "┗━━━━━▶ 1 ", "◉ dropped"]), "{tree:#?}");
    explorer.press("b");
    let tree = explorer.tree();
    assert!(in_order(&tree, &["input", "◉ delivered: sshd (812) on 0.0.0.0:22"]), "{tree:#?}");
    assert!(explorer.text().contains("outcome 2 of 2"));
    explorer.press("b");
    assert!(explorer.text().contains("outcome 1 of 2"));
}

#[test]
fn a_policy_that_drops_ends_the_way_in_a_row_of_its_own() {
    let mut explorer = Explorer::on(80);
    let target = explorer.state.selected.clone().expect("a port");
    let ends = end(Verdict::Policy(Policy::Drop));
    let dropped = outcome(FateKind::Dropped, "192.168.66.100", 80, vec![ends]);
    let walk = walk(packet(80), vec![dropped]);
    let answer = explain::judge(&explorer.host, &target, From::Outside("eth0".to_owned()), walk);
    update(&mut explorer.state, Event::Answered(FIRST, target, vec![answer]));
    let tree = explorer.tree();
    assert!(in_order(&tree, &["┃   ▾ filter INPUT", "┗━━━━━▶ policy drop", "◉ dropped"]), "{tree:#?}");
}

#[test]
fn another_origin_stays_chosen_while_ports_are_changed() {
    let mut explorer = Explorer::on(22);
    explorer.press("o");
    assert!(explorer.text().contains("tcp/22 from localhost, IPv4"));
    explorer.press("<Down>");
    assert_eq!(explorer.selected(), (Some(80), Some(0)));
    assert!(explorer.text().contains("tcp/80 from localhost, IPv4"));
    explorer.press("O");
    assert!(explorer.text().contains("tcp/80 from outside by eth0, IPv4"));
}

#[test]
fn right_goes_to_the_rule_that_decides_and_rows_fold_and_unfold() {
    let mut explorer = Explorer::on(80);
    explorer.press("<Right>");
    assert_eq!(explorer.state.focus, Pane::Netfilter);
    let last = |explorer: &Explorer| explorer.tree().len();
    assert!(explorer.text().contains("Rule"));
    assert!(explorer.text().contains("It holds: destination becomes 10.42.0.2:80."));
    let open = last(&explorer);
    explorer.press("<Up><Enter>");
    assert_eq!(last(&explorer), open + 2, "the rules that do not match are told");
    explorer.press("<Left>");
    assert_eq!(last(&explorer), open);
    explorer.press("<Left><Left>");
    assert!(!explorer.tree().iter().any(|row| row.contains("━▶ 3 ")), "the chain is folded");
    explorer.press("<Right><Right>");
    assert!(explorer.tree().iter().any(|row| row.contains("━▶ 3 ")));
    explorer.press("<Esc>");
    assert_eq!(explorer.state.focus, Pane::Ports);
}

#[test]
fn steps_folds_and_panes_have_keys() {
    let mut explorer = Explorer::on(80);
    explorer.press("c");
    let folded = explorer.tree();
    assert!(folded.iter().all(|row| !row.contains('▾')), "{folded:#?}");
    explorer.press("u");
    assert!(in_order(&explorer.tree(), &["▾ prerouting", "━▶ 3 "]));
    explorer.press("<Tab><Home>p");
    assert!(explorer.text().contains("rule 2 of nat PREROUTING"));
    explorer.press("ppP");
    assert!(explorer.text().contains("rule 1 of nat CNI-HOSTPORT-DNAT"));
    explorer.press("<Tab>");
    assert_eq!(explorer.state.focus, Pane::Why);
    explorer.press("<Down>");
    assert!(explorer.text().contains("from localhost"));
    explorer.press("<S-Tab><S-Tab><S-Tab>");
    assert_eq!(explorer.state.focus, Pane::Why);
}

#[test]
fn the_help_tells_every_key_and_takes_the_keys() {
    let mut explorer = Explorer::on(80);
    explorer.press("?");
    update(&mut explorer.state, Event::Resized(80, 60));
    let text = explorer.text();
    for row in &ROWS {
        assert!(text.contains(row.does), "{}", row.does);
    }
    explorer.press("<Down>");
    assert_eq!(explorer.selected(), (Some(80), Some(0)));
    explorer.press("<Esc>");
    assert!(!explorer.text().contains("Help"));
    explorer.press("?");
    let quit = Event::Key(KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE));
    assert_eq!(update(&mut explorer.state, quit), [Effect::Quit]);
}

#[test]
fn text_that_does_not_fit_can_be_scrolled_from_every_pane() {
    let mut explorer = Explorer::on(80);
    update(&mut explorer.state, Event::Resized(40, 12));
    for keys in ["", "<Right>", "<Tab>"] {
        explorer.press(keys);
        let before = explorer.text();
        assert!(before.contains(" more: J"), "{before}");
        explorer.press("J");
        assert_ne!(explorer.text(), before);
        explorer.press("JJJJJJJJJJJJJJJJJJJJ");
        assert!(!explorer.text().contains(" more: J"), "{}", explorer.text());
        explorer.press("KKKKKKKKKKKKKKKKKKKKK");
        assert_eq!(explorer.text(), before);
    }
}

#[test]
fn without_a_target_it_opens_on_the_first_port_that_its_socket_does_not_get() {
    let mut explorer = Explorer::new(node(), None, Look::sixteen());
    assert_eq!(explorer.selected(), (Some(80), Some(0)));
    explorer.press("<Up>");
    assert_eq!(explorer.selected(), (Some(22), Some(1)));
}

#[test]
fn a_target_that_nobody_has_gets_a_row_of_its_own() {
    let explorer = Explorer::on(443);
    assert_eq!(explorer.selected(), (Some(443), None));
    assert!(explorer.text().contains(" tcp  443 → "), "{}", explorer.text());
    let explorer = Explorer::new(node(), Some(Target { addr: Some(addr("::")), ..tcp(80, None) }), Look::sixteen());
    assert_eq!(explorer.selected(), (Some(80), Some(2)), "the socket of that family");
}

#[test]
fn a_screen_that_is_too_small_says_so_and_q_still_leaves() {
    let mut explorer = Explorer::on(80);
    update(&mut explorer.state, Event::Resized(38, 11));
    assert!(explorer.text().contains("whyport needs 39×11; this is 38×11"), "{}", explorer.text());
    update(&mut explorer.state, Event::Resized(39, 11));
    assert!(explorer.text().contains("Ports"));
}

#[test]
fn the_screen_tells_the_keys_that_somebody_bound() {
    let mut keymap = Keymap::default();
    for (name, keys) in [("next-origin", "x"), ("back", "<F9>"), ("down", "m"), ("text-down", "v")] {
        assert!(keymap.bind(name, &key::sequence(keys).expect("keys")), "{name}");
    }
    let mut explorer = Explorer::on(80);
    explorer.state.keymap = keymap;
    update(&mut explorer.state, Event::Resized(80, 12));
    assert!(explorer.text().contains(" more: v"), "{}", explorer.text());
    update(&mut explorer.state, Event::Resized(100, 24));
    assert!(explorer.text().contains("x origin"), "{}", explorer.text());
    explorer.press("?");
    assert!(explorer.text().contains("Help (m for more, F9 closes)"), "{}", explorer.text());
    assert!(explorer.text().contains("x O "), "{}", explorer.text());
    explorer.press("<F9>");
    assert!(!explorer.text().contains("Help"));
}

#[test]
fn the_way_can_be_told_without_colours() {
    let explorer = Explorer::new(node(), Some(tcp(80, None)), Look::default());
    let buffer = explorer.screen();
    assert!(buffer.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    let inner = super::view::panes(&explorer.state).expect("room").tree.inner();
    let weight = |part: &str| {
        let row = (inner.top()..inner.bottom())
            .find(|y| {
                (inner.left()..inner.right()).map(|x| buffer[(x, *y)].symbol()).collect::<String>().contains(part)
            })
            .expect("the row");
        let cells = (inner.left() + 10..inner.right()).map(|x| &buffer[(x, row)]);
        cells.filter(|cell| cell.symbol() != " ").fold(Modifier::empty(), |all, cell| all | cell.modifier)
    };
    assert!(weight("━▶ 3 ").contains(Modifier::BOLD));
    assert!(!weight("that do not match").contains(Modifier::BOLD));
    assert!(weight("that do not match").contains(Modifier::DIM));
}

#[test]
fn names_from_outside_cannot_act_on_the_terminal() {
    let mut host = node();
    host.namespaces[0].sockets[0].processes[0].name = "\x1b[2Jx\u{202e}".to_owned();
    host.namespaces[0].ruleset.tables[0].name = "n\x1bat".into();
    host.node = Some("a\tb\x07".to_owned());
    let mut explorer = Explorer::new(host, Some(tcp(80, None)), Look::sixteen());
    for keys in ["", "<Right>", "<Tab>"] {
        explorer.press(keys);
        let text = explorer.text();
        let acts = text.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
        assert_eq!(acts, None, "{text}");
    }
    assert!(explorer.text().contains("\\x1b[2Jx"), "{}", explorer.text());
}

#[test]
fn a_chain_of_100_000_rules_is_one_row_until_it_is_opened() {
    let mut host = node();
    let rule = || Rule {
        handle: None,
        body: Body::Iptables(xt::Rule { matches: Vec::new().into(), target: xt::Target::Drop }),
    };
    host.namespaces[0].ruleset.tables[0].chains[2].rules.extend((0..100_000).map(|_| rule()));
    let mut explorer = Explorer::new(host, Some(tcp(80, None)), Look::sixteen());
    let rows = explorer.state.tree.len();
    assert!(rows < 20, "{rows}");
    assert!(explorer.text().contains("· 100000 rules never reached ·"));
    explorer.press("<Right><Down><Enter><End>");
    assert_eq!(explorer.state.tree.len(), rows + 100_000);
    assert!(explorer.text().contains(" 99999 -j "), "{}", explorer.text());
}

#[test]
fn no_keys_on_no_size_make_it_fail() {
    let mut explorer = Explorer::on(80);
    let keymap = Keymap::default();
    let bound = ROWS.iter().flat_map(|row| row.bound);
    let keys: Vec<Key> = bound.flat_map(|bound| keymap.keys(bound.action)).collect();
    let mut chance: u64 = 7;
    let mut next = |below: usize| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) as usize % below
    };
    for _ in 0..1000 {
        if next(10) == 0 {
            explorer.take(Event::Resized(next(200) as u16, next(70) as u16));
        }
        explorer.take(Event::Key(keys[next(keys.len())].event()));
        explorer.screen();
    }
}
