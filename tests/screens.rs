//! Golden screens: what the explorer shows of the story, cell by cell, with colours and weights.
//!
//! Each screen is held by two files in `snapshots/screens/`: `NAME.txt`, which people read, and `NAME.ansi`, which has the
//! styles (`cat` shows it). `WHYPORT_BLESS=1 cargo test --test screens` writes them anew; the difference is for a person
//! to judge.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "screens/hosts.rs"]
mod hosts;
#[path = "screens/large.rs"]
mod large;
mod settled;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use whyport::cli::picture::{self, Form};
use whyport::cli::start::{Source, Start};
use whyport::explain::Target;
use whyport::host::{Counters, Protocol, Reached, What};
use whyport::tui::{Event, Look, Signs, State, key, theme, view};
use whyport::{shot, snapshot};

use settled::{settle, told};

/// A screen: name, columns, rows, port to select, keys, whether in colour.
type Screen = (&'static str, u16, u16, Option<u16>, &'static str, bool);

const SCREENS: [Screen; 48] = [
    ("story-80x24", 80, 24, None, "", true),
    ("story-120x36", 120, 36, None, "", true),
    ("story-160x48", 160, 48, None, "", true),
    ("story-without-colour-80x24", 80, 24, None, "", false),
    ("deciding-rule-80x24", 80, 24, Some(80), "<Right>", true),
    ("whole-path-120x36", 120, 36, Some(80), "u", true),
    ("rule-of-a-pod-80x24", 80, 24, Some(80), "pppppppp", true),
    ("details-of-a-rule-of-a-pod-80x24", 80, 24, Some(80), "pppppppp<Enter>", true),
    ("unmatched-rules-120x36", 120, 36, Some(80), "<Right><Up><Enter><Down>", true),
    ("localhost-120x36", 120, 36, Some(80), "oo", true),
    ("loopback-80x24", 80, 24, Some(22), "oo", true),
    ("second-outcome-120x36", 120, 36, Some(80), "b", true),
    ("ghost-80x24", 80, 24, Some(443), "", true),
    ("reached-80x24", 80, 24, Some(22), "", true),
    ("nobody-80x24", 80, 24, Some(8080), "", true),
    ("details-of-a-dnat-80x24", 80, 24, Some(80), "<Right><Enter>", true),
    ("details-of-a-dnat-120x36", 120, 36, Some(80), "<Right><Enter>", true),
    ("details-of-no-match-80x24", 80, 24, Some(80), "<Right><Up><Enter><Down><Down><Enter>", true),
    ("details-of-no-match-120x36", 120, 36, Some(80), "<Right><Up><Enter><Down><Down><Enter>", true),
    ("details-never-reached-80x24", 80, 24, Some(80), "<Right><Down><Enter><Down><Enter>", true),
    ("details-of-a-jump-44x14", 44, 14, Some(80), "<Right><Up><Up><Up><Enter>", true),
    ("only-diverted-by-name-80x24", 80, 24, Some(80), "FFz", true),
    ("details-of-a-port-80x24", 80, 24, Some(80), "<Enter>", true),
    ("details-of-a-port-120x36", 120, 36, Some(80), "<Enter>oo", true),
    ("details-of-a-ghost-80x24", 80, 24, Some(443), "<Enter>", true),
    ("help-80x24", 80, 24, None, "?", true),
    ("form-80x24", 80, 24, Some(80), "e", true),
    ("form-120x36", 120, 36, Some(80), "e<Down>10.0.0.0/8<Down>1024-65535<Down><Down><Down><Down>es", true),
    ("form-39x11", 39, 11, Some(80), "e<Tab>10.0.0.0/8<Tab><Tab><Tab><Tab><Tab>nwe", true),
    ("form-not-understood-80x24", 80, 24, Some(80), "e<Down>10.0.0.5<Down>99999<Enter>", true),
    ("form-without-colour-80x24", 80, 24, Some(22), "ee<Right><Up><S-Tab><S-Tab>", false),
    ("edited-80x24", 80, 24, Some(80), "e<Down>10.42.0.7<Enter>", true),
    ("search-typed-100x30", 100, 30, None, "/traefik", true),
    ("search-kept-80x24", 80, 24, None, "80<Enter>/DNAT<Enter>", true),
    ("by-table-100x30", 100, 30, None, "g", true),
    ("stacked-60x20", 60, 20, None, "<Tab>", true),
    ("hooks-39x11", 39, 11, Some(80), "H", true),
    ("hooks-80x24", 80, 24, Some(80), "H", true),
    ("hooks-120x36", 120, 36, Some(80), "H", true),
    ("hooks-of-a-pod-120x36", 120, 36, Some(80), "H<Tab>", true),
    ("hooks-without-colour-80x24", 80, 24, Some(80), "ooH", false),
    ("tour-begins-80x24", 80, 24, None, "t", true),
    ("tour-in-the-middle-80x24", 80, 24, None, "tnnnnnn", true),
    ("tour-at-a-dnat-120x36", 120, 36, None, "tnnn", true),
    ("tour-39x11", 39, 11, None, "tnnnnnnnnn", false),
    ("smallest-39x11", 39, 11, None, "", true),
    ("details-of-no-match-39x11", 39, 11, Some(80), "<Right><Up><Enter><Down><Down><Enter>", true),
    ("too-small-30x8", 30, 8, None, "", true),
];

/// The story in each theme that is built in, in the tree.
const THEMES: [&str; 5] = [
    "theme-dark-100x30",
    "theme-light-100x30",
    "theme-high-contrast-100x30",
    "theme-colours16-100x30",
    "theme-mono-100x30",
];

/// The story on terminals with fewer signs: names, keys, signs.
const SIGNS: [(&str, &str, Signs); 4] = [
    ("console-80x24", "", Signs::Console),
    ("console-help-80x24", "?<End>", Signs::Console),
    ("ascii-80x24", "", Signs::Ascii),
    ("ascii-help-80x24", "?<End>", Signs::Ascii),
];

/// Screens of a host that is being read, or changed while it was, by their names.
const READINGS: [&str; 4] = ["opening-80x24", "reading-again-80x24", "reading-stopped-80x24", "torn-80x24"];

/// Screens of a live host that is followed, on which rules count, by their names; one that stands still.
const FOLLOWED: [&str; 3] = ["counting-80x24", "counting-mono-120x36", "paused-80x24"];

/// The story on a host that is live; every second of the rules that can be seen counts.
fn followed(name: &str, form: Form) -> String {
    let (look, size) = match name {
        "counting-mono-120x36" => (Look::default(), (120, 36)),
        _ => (Look::sixteen(), (80, 24)),
    };
    let host = Arc::new(snapshot::parse(snapshot::demo(snapshot::demo_names()[0]).unwrap()).host);
    let mut state = State::opening(whyport::tui::Source::Live, None, look.into(), size);
    for event in [Event::Started, Event::Followed(true), Event::Opened(Ok((Arc::clone(&host), host.viewed)))] {
        settle(&mut state, event, told);
    }
    settle(&mut state, Event::Key(key::sequence("<Tab>").unwrap()[0].event()), told);
    for second in 1..4_u64 {
        let packets =
            |at: usize| if at.is_multiple_of(2) { 12 + second * 17 * at as u64 + second } else { 40 * at as u64 };
        let counted = state.counting().into_iter().enumerate();
        let counted = counted.map(|(at, rule)| (rule, Counters { packets: packets(at), bytes: packets(at) * 60 }));
        settle(&mut state, Event::Counted(Arc::clone(&host), Duration::from_secs(second), counted.collect()), told);
    }
    if name == "paused-80x24" {
        settle(&mut state, Event::Key(key::sequence(" ").unwrap()[0].event()), told);
        settle(&mut state, Event::Aged(Duration::from_secs(200)), told);
    }
    shown(&state, size, form)
}

/// A screen of 80 columns and 24 rows at some moment of a reading.
fn reading(name: &str, form: Form) -> String {
    let mut host = snapshot::parse(snapshot::demo(snapshot::demo_names()[0]).unwrap()).host;
    let (look, size) = (Look::sixteen(), (80, 24));
    let far = Reached { what: Some(What::NfTables), chains: 340, of: 10_012, rules: 12_300, ..Reached::default() };
    let far = Event::Reached(Reached { namespace: 2, namespaces: 7, ..far });
    let press = |keys: &str| Event::Key(key::sequence(keys).unwrap()[0].event());
    let mut state = State::opening(whyport::tui::Source::Live, None, look.into(), size);
    settle(&mut state, Event::Started, told);
    if name != "opening-80x24" {
        if name == "torn-80x24" {
            let viewed = host.viewed;
            host.namespaces[viewed].mark_torn(What::NfTables);
        }
        let viewed = host.viewed;
        settle(&mut state, Event::Opened(Ok((Arc::new(host), viewed))), told);
        settle(&mut state, Event::Aged(Duration::from_secs(12)), told);
    }
    if name.starts_with("reading-") {
        settle(&mut state, press("r"), told);
    }
    settle(&mut state, far, told);
    if name == "reading-stopped-80x24" {
        settle(&mut state, press("<Esc>"), told);
        let edition = state.edition();
        settle(&mut state, Event::Read(edition, Err("the reading was stopped".to_owned())), told);
    }
    shown(&state, size, form)
}

fn shown(state: &State, size: (u16, u16), form: Form) -> String {
    let area = Rect::new(0, 0, size.0, size.1);
    let mut buffer = Buffer::empty(area);
    view(state, &mut buffer, area);
    match form {
        Form::Text => shot::text(&buffer),
        Form::Ansi => shot::ansi(&buffer),
        Form::Svg => unreachable!("screens are held as text"),
    }
}

/// Takes an event, and all that the explorer asks of the host it has.
fn look(colour: bool) -> Look {
    if colour { Look::sixteen() } else { Look::default() }
}

fn screen(columns: u16, rows: u16, port: Option<u16>, keys: &str, colour: bool, form: Form) -> String {
    painted((columns, rows), port, keys, look(colour), form)
}

/// The story in a theme, with a rule selected and something found.
fn themed(name: &str, form: Form) -> String {
    let theme = name.trim_start_matches("theme-").trim_end_matches("-100x30");
    let look = theme::built_in(theme).unwrap_or_else(|| panic!("no theme {theme}"));
    painted((100, 30), None, "/10.42<Enter>", look, form)
}

/// The story on a terminal with fewer signs.
fn signed(name: &str, form: Form) -> String {
    let (_, keys, signs) = SIGNS.iter().find(|(known, ..)| *known == name).unwrap();
    painted((80, 24), None, keys, Look::sixteen().with_signs(*signs), form)
}

fn painted(size: (u16, u16), port: Option<u16>, keys: &str, look: Look, form: Form) -> String {
    let demo = snapshot::demo_names()[0];
    let host = snapshot::parse(snapshot::demo(demo).unwrap()).host;
    let target = port.map(|port| Target { protocol: Protocol::TCP, addr: None, port: Some(port), socket: None });
    let source = Source::Demo(demo.to_owned());
    let start = Start { namespace: host.viewed, host: Arc::new(host), source, target, setup: look.into() };
    picture::shot(start, size, keys, form, picture::TITLE).unwrap_or_else(|refusal| panic!("{}", refusal.line))
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/screens").join(name)
}

/// The rows that differ, of the old screen and the new one.
fn differences(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let mut told = String::new();
    for row in 0..old.len().max(new.len()) {
        let (before, after) = (old.get(row).unwrap_or(&""), new.get(row).unwrap_or(&""));
        if before != after {
            told.push_str(&format!("{:>3} - {before}\x1b[0m\n    + {after}\x1b[0m\n", row + 1));
        }
    }
    told
}

#[test]
fn the_screens_are_what_they_were() {
    let bless = std::env::var_os("WHYPORT_BLESS").is_some();
    let mut changed = String::new();
    let shots = names();
    for name in shots {
        for (ending, form) in [("txt", Form::Text), ("ansi", Form::Ansi)] {
            let file = golden(&format!("{name}.{ending}"));
            let now = match SCREENS.iter().find(|(known, ..)| *known == name) {
                Some((_, columns, rows, port, keys, colour)) => screen(*columns, *rows, *port, keys, *colour, form),
                None if THEMES.contains(&name) => themed(name, form),
                None if SIGNS.iter().any(|(known, ..)| *known == name) => signed(name, form),
                None if FOLLOWED.contains(&name) => followed(name, form),
                None if large::NAMES.contains(&name) => large::screen(name, form),
                None => hosts::screen(name, form).unwrap_or_else(|| reading(name, form)),
            };
            if bless {
                fs::write(&file, &now).unwrap();
                continue;
            }
            let was = fs::read_to_string(&file).unwrap_or_default();
            if was != now {
                changed.push_str(&format!("{name}.{ending}\n{}", differences(&was, &now)));
            }
        }
    }
    assert!(changed.is_empty(), "screens changed (WHYPORT_BLESS=1 takes them as they are):\n{changed}");
}

/// The names of all screens.
fn names() -> impl Iterator<Item = &'static str> {
    let hosts = hosts::SCREENS.iter().map(|(name, ..)| *name);
    SCREENS
        .iter()
        .map(|(name, ..)| *name)
        .chain(THEMES)
        .chain(SIGNS.map(|(name, ..)| name))
        .chain(READINGS)
        .chain(FOLLOWED)
        .chain(large::NAMES)
        .chain(hosts)
}

#[test]
fn each_theme_that_is_built_in_has_a_screen() {
    let names: Vec<String> = theme::names().map(|name| format!("theme-{name}-100x30")).collect();
    assert_eq!(names, THEMES);
}

#[test]
fn a_terminal_with_fewer_signs_gets_no_other() {
    const CONSOLE: &str = "√↔○║╠╚═►◄▲▼♦■▌•╔╗╝╣╦╩╬╟╢╤╧─│┌┐└┘├┤┬┴→←↑↓·";
    for (signs, others) in [(Signs::Console, CONSOLE), (Signs::Ascii, "")] {
        for (name, columns, rows, port, keys, _) in SCREENS {
            let text = painted((columns, rows), port, keys, Look::default().with_signs(signs), Form::Text);
            let foreign: String = text.chars().filter(|sign| !sign.is_ascii() && !others.contains(*sign)).collect();
            assert_eq!(foreign, "", "{name} {signs:?}");
        }
    }
}

#[test]
fn every_golden_file_belongs_to_a_screen() {
    let kept: Vec<String> = fs::read_dir(golden(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|file| {
            let mut names = names();
            !names.any(|name| [format!("{name}.txt"), format!("{name}.ansi")].contains(file))
        })
        .collect();
    assert_eq!(kept, [""; 0]);
}

#[test]
fn the_picture_in_the_readme_is_the_storys_screen() {
    let picture = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/story.svg")).unwrap();
    let now = painted((116, 26), None, "", theme::built_in("dark").unwrap(), Form::Svg);
    assert!(
        picture == now,
        "assets/story.svg is not what `whyport shot --demo --size 116x26 -o assets/story.svg` draws now"
    );
}

/// Arrows in both directions are in every font; all other signs are drawn.
#[test]
fn no_sign_of_a_picture_is_left_to_a_font_that_may_lack_it() {
    for (name, columns, rows, port, keys, colour) in SCREENS {
        let picture = screen(columns, rows, port, keys, colour, Form::Svg);
        let text = picture.split("<text").skip(1).filter_map(|text| text.split_once('>')?.1.split_once("</text>"));
        let left: String =
            text.flat_map(|(text, _)| text.chars()).filter(|c| ('\u{2190}'..='\u{27bf}').contains(c)).collect();
        assert_eq!(left.replace(['↑', '↓'], ""), "", "{name}");
    }
}

#[test]
fn a_screen_without_colour_has_none_and_the_way_still_stands_out() {
    let ansi = screen(80, 24, None, "", false, Form::Ansi);
    let coloured =
        |code: &str| code.split(';').any(|part| matches!(part, "38" | "48") || part.len() == 2 && part != "22");
    let codes = ansi.split("\x1b[").skip(1).filter_map(|rest| rest.split_once('m')).map(|(code, _)| code);
    let colours: Vec<&str> = codes.filter(|code| coloured(code)).collect();
    assert!(colours.is_empty(), "{colours:?}");
    let rows: Vec<&str> = ansi.lines().collect();
    let decides = rows.iter().find(|row| row.contains('▶')).unwrap();
    assert!(decides.contains("\x1b[0;1m┣━"), "{decides:?}");
}

#[test]
fn no_row_is_wider_than_its_screen() {
    for (name, columns, rows, port, keys, colour) in SCREENS {
        let text = screen(columns, rows, port, keys, colour, Form::Text);
        assert_eq!(text.lines().count(), usize::from(rows), "{name}");
        for line in text.lines() {
            let width = unicode_width::UnicodeWidthStr::width(line);
            assert!(width <= usize::from(columns), "{name}: {line}");
        }
    }
}
