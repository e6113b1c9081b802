//! A slow link: a movement writes little at once, and in the end the screen is the one that everybody has.

use std::fs;
use std::path::Path;
use std::time::Duration;

use whyport::tui::key::sequence;

use crate::keys::Twins;
use crate::term::Setting;

/// One movement writes less than this at once, in bytes.
const MOST: usize = 1024;
/// The end of what is written at once (synchronized output).
const END: &str = "\x1b[?2026l";

/// The screen is whole when no key was pressed for so long.
const WHOLE: Duration = Duration::from_millis(200);

/// A terminal with all colours, where the settings of this test say this of the link.
fn setting(test: &str, link: &str, size: (u16, u16)) -> Setting {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("link-{test}-{link}"));
    fs::create_dir_all(place.join("whyport")).unwrap();
    fs::write(place.join("whyport/config.toml"), format!("link = \"{link}\"\n")).unwrap();
    let place = place.to_str().unwrap().to_owned();
    let variables =
        vec![("TERM", "xterm-256color".to_owned()), ("COLORTERM", "truecolor".to_owned()), ("XDG_CONFIG_HOME", place)];
    Setting { size, variables, without: vec!["NO_COLOR", "COLORFGBG"] }
}

/// How many bytes each update wrote since so many were written.
fn updates(twins: &Twins, since: usize) -> Vec<usize> {
    let text = twins.term.text();
    text[since..].split_inclusive(END).map(str::len).collect()
}

/// Presses keys that move through everything, each when the screen is whole, and looks at what the movements wrote.
fn move_about(size: (u16, u16)) {
    let keys = "<Down>*6 <Up>*2 <Tab> <Down>*8 p*4 P*2 <Up>*3 <PgDn> <Up>*2 <Enter> <Down>*2 <Esc> ? <Down>*2 <Esc>";
    let mut twins = Twins::in_terminal(&setting(&format!("about-{}", size.0), "slow", size));
    let mut most = 0;
    for key in keys.split(' ') {
        let (key, times) = key.split_once('*').unwrap_or((key, "1"));
        for _ in 0..times.parse().unwrap() {
            let before = twins.term.text().len();
            twins.press_all(&sequence(key).unwrap(), WHOLE, "one after the other");
            let first = updates(&twins, before).first().copied().unwrap_or(0);
            if ["<Down>", "<Up>", "p", "P"].contains(&key) {
                assert!(first < MOST, "{key} at {size:?} writes {first} bytes");
                most = most.max(first);
            }
        }
    }
    assert!(most > MOST / 2, "some movements change much of the screen");
    twins.leave();
}

#[test]
fn a_movement_writes_less_than_a_kibibyte_at_once() {
    move_about((80, 24));
}

#[test]
fn on_a_large_screen_too() {
    move_about((160, 48));
}

#[test]
fn a_key_that_is_held_writes_little_and_the_rest_comes_once_it_is_let_go() {
    let held = "<Down><Down><Down><Up><Up><Up>".repeat(4);
    let written = ["slow", "fast"].map(|link| {
        let mut twins = Twins::in_terminal(&setting("held", link, (80, 24)));
        let before = twins.term.text().len();
        twins.press_all(&sequence(&held).unwrap(), Duration::from_millis(20), "held");
        let written = updates(&twins, before);
        twins.leave();
        written
    });
    let sums = written.each_ref().map(|updates| updates.iter().sum::<usize>());
    assert!(sums[0] * 3 < sums[1] * 2, "{written:?}");
}

#[test]
fn whatever_follows_a_movement_the_screen_is_whole_in_the_end() {
    let mut twins = Twins::in_terminal(&setting("whole", "slow", (80, 24)));
    for keys in ["/j", "<Esc>", "?", "<Esc>", "<C-l>", "o", "44<Enter>", "<Tab>", "F", "<Space>", "e", "<Esc>"] {
        twins.press_all(&sequence("<Home><Down><Down>").unwrap(), Duration::ZERO, "moved");
        twins.press_all(&sequence("<Down>").unwrap(), Duration::from_millis(30), "moved once more");
        twins.press_all(&sequence(keys).unwrap(), Duration::ZERO, "at once");
    }
    twins.press_all(&sequence("<Up>").unwrap(), Duration::from_millis(30), "moved");
    twins.resize((100, 30));
    twins.press_all(&sequence("<Up>").unwrap(), Duration::from_millis(30), "moved");
    twins.term.press("\x1a");
    twins.term.wait_for_state(Some('T'));
    twins.term.signal("CONT");
    twins.press_all(&sequence("<Down>").unwrap(), Duration::ZERO, "continued");
    twins.leave();
}
