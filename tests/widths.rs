//! Text of any script keeps the columns straight: a screen's frames stand where they stand with plain text, in a terminal,
//! as text and as a picture.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "widths/named.rs"]
mod named;
mod settled;

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};
use whyport::explain::{self, clean};
use whyport::host::Host;
use whyport::report::{self, Style};
use whyport::tui::{Event, Look, Source, State, key, view};
use whyport::{shot, snapshot};

use named::{called, named};
use settled::{settle, told};

/// A letter of Khmer with another below it is drawn as one column, and shown as two: the cursor is placed anew behind it.
const STACKED: &str = "ខ្មែរ\u{1780}\u{17d2}\u{1780}";

/// The screens that keys lead through, on a host.
fn screens(host: &Host, size: (u16, u16)) -> Vec<Buffer> {
    let host = Arc::new(host.clone());
    let mut state = State::new(Arc::clone(&host), host.viewed, Source::Live, None, Look::default().into(), size);
    let mut taken = vec![Event::Started];
    taken.extend(
        key::sequence("<Enter><Esc>80<Enter><Enter><Esc><Tab>u<Down><Down><Enter><Esc>gH<Esc>?<Esc>/s")
            .unwrap()
            .iter()
            .map(|key| Event::Key(key.event())),
    );
    let mut screens = Vec::new();
    for event in taken {
        settle(&mut state, event, told);
        let area = Rect::new(0, 0, size.0, size.1);
        let mut buffer = Buffer::empty(area);
        view(&state, &mut buffer, area);
        screens.push(buffer);
    }
    screens
}

/// Where the upright lines at the sides of frames stand, and all corners.
fn frames(buffer: &Buffer) -> Vec<(u16, u16, String)> {
    let Rect { width, height, .. } = buffer.area;
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let drawn = places.map(|(x, y)| (x, y, buffer[(x, y)].symbol().to_owned()));
    drawn.filter(|(_, _, sign)| ["│", "┌", "┐", "└", "┘"].contains(&sign.as_str())).collect()
}

/// The panes' frames alone: the first and the last of a row, and those of two panes that stand side by side.
fn sides(buffer: &Buffer) -> Vec<(u16, u16, String)> {
    let all = frames(buffer);
    let beside = |at: &(u16, u16, String), by: i32| {
        all.iter().any(|other| i32::from(other.0) == i32::from(at.0) + by && other.1 == at.1)
    };
    let edge = |at: &(u16, u16, String)| at.0 == 0 || at.0 + 1 == buffer.area.width;
    all.iter().filter(|at| edge(at) || beside(at, 1) || beside(at, -1)).cloned().collect()
}

#[test]
fn frames_stand_where_they_stand_with_plain_names() {
    let plain = snapshot::parse(snapshot::demo("k3s-port-80").unwrap()).host;
    let named = named();
    for size in [(80, 24), (120, 36), (60, 20), (39, 11)] {
        for (at, (straight, other)) in screens(&plain, size).iter().zip(screens(&named, size)).enumerate() {
            // What lies on top is as large as what it says.
            if at < 2 {
                assert_eq!(sides(straight), sides(&other), "{size:?}, screen {at}\n{}", shot::text(&other));
            }
        }
    }
}

/// A terminal that gives each character its columns (xterm, tmux, the console) shows each sign in the cell that it was drawn in.
#[test]
fn a_terminal_shows_each_sign_in_its_cell() {
    for size in [(80, 24), (120, 36), (60, 20), (39, 11)] {
        for buffer in screens(&named(), size) {
            assert_frames(&buffer, &shot::changes(&Buffer::empty(buffer.area), &buffer));
            assert_frames(&buffer, &shot::ansi(&buffer).trim_end_matches('\n').replace('\n', "\r\n"));
            for line in shot::text(&buffer).lines() {
                let columns: usize = line.chars().map(|c| c.width().unwrap_or(0)).sum();
                assert!(columns <= usize::from(size.0), "{line}");
            }
        }
        for buffer in screens(&called(&[STACKED]), size) {
            assert_frames(&buffer, &shot::changes(&Buffer::empty(buffer.area), &buffer));
        }
    }
}

/// Holds that a terminal that is sent this shows all lines of frames where they were drawn.
fn assert_frames(buffer: &Buffer, sent: &str) {
    let (columns, rows) = (buffer.area.width.try_into().unwrap(), buffer.area.height.try_into().unwrap());
    let mut parser = vt100::Parser::new(rows, columns, 0);
    parser.process(sent.as_bytes());
    for (x, y, sign) in frames(buffer) {
        let shown = parser.screen().cell(y, x).map(|cell| cell.contents().to_owned());
        assert_eq!(shown.as_deref(), Some(sign.as_str()), "{x}, {y} of\n{}", shot::text(buffer));
    }
}

/// A picture gives each sign the place of its cell: every word begins where its first cell does, and is as long as its cells.
#[test]
fn a_picture_gives_each_word_its_cells() {
    for buffer in screens(&named(), (80, 24)) {
        let window =
            shot::Window { title: "", text: ratatui::style::Color::White, ground: ratatui::style::Color::Black };
        let svg = shot::svg(&buffer, &window);
        let words = svg.split("<text x=\"").skip(1).filter(|text| text.contains("textLength"));
        for word in words {
            let length = word.split("textLength=\"").nth(1).unwrap().split('"').next().unwrap();
            let text = word.split_once('>').unwrap().1.split("</text>").next().unwrap();
            let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            let columns: usize = text.graphemes(true).map(UnicodeWidthStr::width).sum();
            assert_eq!(length.parse::<usize>().unwrap() % columns, 0, "{text:?} has {columns} columns, and {length}");
        }
    }
}

/// What terminals reckon is the sum of the characters, and what is drawn the sum of the clusters: they are the same of all
/// text that is shown.
#[test]
fn clusters_are_as_wide_as_their_characters() {
    let bases = [
        "a",
        "名",
        "👍",
        "☝",
        "\u{644}",
        "\u{627}",
        "\u{1780}",
        "\u{17d2}",
        "한",
        "\u{1100}",
        "\u{1161}",
        "\u{1f1e9}",
        "\u{915}",
        "\u{94d}",
        "#",
        "\u{600}",
        "\u{a4fc}",
    ];
    for c in ('\u{80}'..='\u{2ffff}').chain('\u{e0000}'..='\u{e01ff}') {
        for base in bases {
            for text in [format!("{base}{c}"), format!("{c}{base}")] {
                let text = clean(&text);
                let characters: usize = text.chars().map(|c| c.width().unwrap_or(0)).sum();
                let clusters: usize = text.graphemes(true).map(UnicodeWidthStr::width).sum();
                assert_eq!(clusters, characters, "{text:?}");
            }
        }
    }
}

#[test]
fn columns_of_text_are_straight() {
    let host = named();
    let survey = explain::survey(&host, host.viewed, whyport::syntax::part_text);
    let text = report::ports::ports(&host, host.viewed, &survey, Style { colour: false, width: 80 });
    let mut columns: Vec<usize> = Vec::new();
    for line in text.lines().filter(|line| line.contains("0.0.0.0")) {
        let before = &line[..line.find("0.0.0.0").unwrap()];
        columns.push(before.chars().map(|c| c.width().unwrap_or(0)).sum());
    }
    columns.dedup();
    assert_eq!(columns.len(), 1, "{text}");
}
