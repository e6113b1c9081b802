//! Every screen of the explorer, and the pictures of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use whyport::cli::picture::{self, Form};
use whyport::cli::start::{self, Start};
use whyport::host::Host;
use whyport::shot;
use whyport::tui::{self, Effect, Event, Keep, Look, Source, State, Unkept, key, update, view};

use crate::host::host;
use crate::safe::{acts, assert_coloured, assert_lines};
use crate::settled::{settle, told};

/// The explorer, whose every screen is looked at.
struct Watched {
    state: State,
    size: (u16, u16),
    seen: BTreeSet<String>,
}

impl Watched {
    fn new(host: Host, namespace: usize, size: (u16, u16)) -> Watched {
        let source = Source::Recording("a\x1b]0;x\x07\n\u{202e}.txt".to_owned());
        let state = State::new(Arc::new(host), namespace, source, None, Look::default().into(), size);
        let mut watched = Watched { state, size, seen: BTreeSet::new() };
        watched.take(Event::Started);
        watched
    }

    fn take(&mut self, event: Event) {
        settle(&mut self.state, event, |state, effect| match effect {
            Effect::Keep(what, name) => {
                Some(Event::Kept(what, name, Err(Unkept { why: "no\x1b[31m\n\u{202e}".to_owned(), taken: true })))
            }
            effect => told(state, effect),
        });
        self.look();
    }

    /// Looks at the screen: no cell does anything, and each takes the columns that it is given.
    fn look(&mut self) {
        let area = Rect::new(0, 0, self.size.0, self.size.1);
        let mut buffer = Buffer::empty(area);
        view(&self.state, &mut buffer, area);
        let bad = buffer.content.iter().find(|cell| cell.symbol().chars().any(acts));
        assert!(bad.is_none(), "{bad:?} in\n{}", shot::text(&buffer));
        for row in shot::text(&buffer).lines() {
            self.seen.insert(row.to_owned());
        }
    }

    fn press(&mut self, keys: &str) {
        for key in key::sequence(keys).unwrap() {
            self.take(Event::Key(key.event()));
        }
    }
}

#[test]
fn no_screen_shows_what_acts() {
    let host = host();
    for namespace in 0..host.namespaces.len() {
        let rows = if namespace == host.viewed { 50 } else { 10 };
        let mut watched = Watched::new(host.clone(), namespace, (120, 40));
        watched.press("?<Esc>HoOff<Tab><Esc>zzzFFFFF/set<Enter>nnNN<Esc>/\u{202e}名<Esc><Esc>");
        watched.press("s<Enter><Esc>S<Enter><Esc>yr");
        watched.press("<Enter><Down><Down>oob<Esc>obobobf<Down>ob<Enter><Down><Esc><Down>obf<Down>ob");
        // The tree, as the packet meets it and table by table: every row is opened, and what can be said of it is looked at.
        for group in ["", "g"] {
            watched.press(group);
            watched.press("<Tab><Home>u");
            for _ in 0..rows {
                watched.press("<Right><Down>y<Enter><Down>J<Esc>");
            }
            watched.press("<S-Tab>");
        }
        let told: String = watched.seen.iter().map(String::as_str).collect();
        assert!(told.contains("\\x1b") && told.contains("\\u{202e}"), "nothing of the poison was met");
        if namespace == host.viewed {
            // What elements of sets say: where one is found, and on the page of its rule.
            for sought in ["/1h<Space>comment<Enter>", "/set<Space>comment<Enter>", "/vmap<Enter>"] {
                watched.press(sought);
                for _ in 0..8 {
                    watched.press("<Enter>JJ<Esc>n");
                }
            }
            for label in ["│ found in @set", "│ found in set", "│ found  ", "│ map "] {
                let is_it = |row: &&String| row.contains(label) && row.contains("\\x1b");
                assert!(watched.seen.iter().any(|row| is_it(&row)), "{label}: {:#?}", watched.seen);
            }
        }
    }
}

#[test]
fn what_comes_beside_the_host_is_made_safe_too() {
    let worst = "a\x1b]0;x\x07\n\u{202e}\u{9b}31m";
    let mut watched = Watched::new(host(), 0, (100, 30));
    watched.take(Event::Kept(Keep::Screen, worst.to_owned(), Ok(())));
    watched.take(Event::Kept(Keep::Host, worst.to_owned(), Err(Unkept { why: worst.to_owned(), taken: false })));
    watched.press("<Esc>");
    watched.take(Event::Pasted(worst.to_owned()));
    let edition = watched.state.edition();
    watched.take(Event::Read(edition, Err(worst.to_owned())));
    watched.press("/");
    watched.take(Event::Pasted(worst.to_owned()));
    let setup = tui::Setup { complaint: Some(worst.to_owned()), ..Look::default().into() };
    let mut state = State::opening(Source::Live, None, setup, (100, 30));
    update(&mut state, Event::Opened(Ok((Arc::new(host()), 0))));
    watched.state = state;
    watched.look();
    assert!(watched.seen.iter().any(|row| row.contains("\\x1b]0;x\\x07\\n\\u{202e}")), "{:#?}", watched.seen);
}

#[test]
fn no_picture_holds_what_acts() {
    let host = Arc::new(host());
    for (form, keys) in [Form::Text, Form::Ansi, Form::Svg]
        .into_iter()
        .flat_map(|form| ["", "80<Enter><Enter>", "H"].map(|keys| (form, keys)))
    {
        let start = Start {
            host: Arc::clone(&host),
            source: start::Source::Recording("a\x1b[31m<b>&\"".to_owned()),
            namespace: host.viewed,
            target: None,
            setup: Look::sixteen().into(),
        };
        let title = "a\x1b]0;x\x07\n\u{202e}<b>&\"'</title><script>";
        let picture =
            picture::shot(start, (120, 40), keys, form, title).unwrap_or_else(|refusal| panic!("{}", refusal.line));
        match form {
            Form::Ansi => assert_coloured(keys, &picture),
            Form::Text | Form::Svg => assert_lines(keys, &picture),
        }
        if form == Form::Svg {
            assert_well_formed(&picture);
        }
    }
}

/// Holds that a picture is XML: tags close in their order, quotes end, and nothing of a text is taken for one.
fn assert_well_formed(xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    for part in xml.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap_or_else(|| panic!("{part:?}"));
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag:?}");
        for reference in text.split('&').skip(1).chain(tag.split('&').skip(1)) {
            assert!(
                ["amp;", "lt;", "gt;", "quot;", "#39;", "apos;"].iter().any(|known| reference.starts_with(known)),
                "{part:?}"
            );
        }
        let name = tag.trim_start_matches('/').split(|c: char| !c.is_alphanumeric()).next().unwrap();
        assert!(["svg", "title", "g", "rect", "path", "circle", "text"].contains(&name), "{tag:?}");
        match (tag.starts_with('/'), tag.ends_with('/')) {
            (true, _) => assert_eq!(open.pop(), Some(name)),
            (_, false) => open.push(name),
            (_, true) => {}
        }
    }
    assert!(open.is_empty(), "{open:?}");
}
