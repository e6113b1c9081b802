//! The explorer on a host with 100,000 rules: one frame of the tree, one fold, and the way of another port.

use std::fmt::Write;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use divan::{Bencher, black_box};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use whyport::explain::{self, Target};
use whyport::host::{Backend, Host, Namespace, Protocol, What};
use whyport::syntax::iptables;
use whyport::tui::{Effect, Event, Look, Source, State, update, view};

const RULES: usize = 100_000;
const SIZE: (u16, u16) = (160, 48);

fn main() {
    divan::main();
}

/// A chain of 100,000 rules that no packet to port 80 matches, then one that rejects it.
fn host() -> Arc<Host> {
    let mut text = String::from("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n");
    for rule in 0..RULES {
        let (a, b, port) = (rule >> 8 & 0xff, rule & 0xff, 1024 + rule % 60_000);
        let _ = writeln!(
            text,
            "-A INPUT -s 10.{a}.{b}.0/24 -p tcp -m comment --comment \"rule {rule}\" -m tcp --dport {port} -j DROP"
        );
    }
    text.push_str("-A INPUT -p tcp -m tcp --dport 80 -j REJECT\nCOMMIT\n");
    let dump = iptables::parse(&text, &iptables::Options { family: None, backend: Backend::IptablesNft });
    let unread = [What::Links, What::Addresses, What::Routes, What::Sockets];
    let unread = unread.map(|what| whyport::host::Unread { what, needs: "a snapshot".to_owned(), torn: false });
    let namespace = Namespace { ruleset: dump.ruleset, unread: unread.into(), ..Namespace::default() };
    Arc::new(Host { namespaces: vec![namespace], ..Host::default() })
}

fn target(port: u16) -> Target {
    Target { protocol: Protocol::TCP, addr: None, port: Some(port), socket: None }
}

fn press(state: &mut State, code: KeyCode) {
    update(state, Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
}

/// The explorer with every one of the rules in an open row.
fn explorer() -> State {
    let host = host();
    let mut state = State::new(
        Arc::clone(&host),
        0,
        Source::Recording("bench".to_owned()),
        Some(target(80)),
        Look::sixteen().into(),
        SIZE,
    );
    let survey = explain::Survey {
        ports: Vec::new(),
        let_through: Vec::new(),
        unread: Vec::new(),
        left_out: Vec::new(),
        needs: Vec::new(),
    };
    let event = Event::Surveyed(state.edition(), survey);
    for effect in update(&mut state, event) {
        if let Effect::Answer(edition, target) = effect {
            let answers = explain::answers(&host, 0, &target);
            update(&mut state, Event::Answered(edition, target, answers));
        }
    }
    press(&mut state, KeyCode::Enter);
    press(&mut state, KeyCode::Up);
    press(&mut state, KeyCode::Enter);
    for _ in 0..1000 {
        press(&mut state, KeyCode::PageDown);
    }
    assert!(text(&state).contains("-j DROP"), "{}", text(&state));
    state
}

fn frame(state: &State) -> Buffer {
    let area = Rect::new(0, 0, SIZE.0, SIZE.1);
    let mut buffer = Buffer::empty(area);
    view(state, &mut buffer, area);
    buffer
}

fn text(state: &State) -> String {
    frame(state).content.iter().map(|cell| cell.symbol()).collect()
}

/// One frame with the window in the middle of the open rules.
#[divan::bench]
fn frame_of_100_000_rules(bencher: Bencher) {
    let state = explorer();
    bencher.bench_local(|| black_box(frame(&state)));
}

/// A row down, among the open rules.
#[divan::bench]
fn step_in_100_000_rules(bencher: Bencher) {
    let mut state = explorer();
    let mut down = false;
    bencher.bench_local(|| {
        down = !down;
        press(&mut state, if down { KeyCode::Down } else { KeyCode::Up });
    });
}

/// Folding or unfolding the row that holds them.
#[divan::bench]
fn fold_of_100_000_rules(bencher: Bencher) {
    let mut state = explorer();
    press(&mut state, KeyCode::Left);
    bencher.bench_local(|| press(&mut state, KeyCode::Enter));
}
