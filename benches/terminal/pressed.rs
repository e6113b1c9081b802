//! The keys that are pressed, and what comes of each.
//!
//! Deliberately does not know the host: the script goes wherever there is something on each of them.

use std::time::Duration;

/// What came of a key.
pub struct Pressed {
    /// After which time the first frame was finished.
    pub frame: Option<Duration>,
    /// After which time the last thing was written.
    pub last: Option<Duration>,
    /// How many bytes were written.
    pub bytes: usize,
    /// How many of them at once: in the first update of the screen.
    pub at_once: usize,
}

/// What is done, and by which keys.
pub const SCRIPT: &[(&str, &str)] = &[
    ("ports", "<Down>*40 <Up>*10 <PageDown>*10 <PageUp>*5 <End> <Up>*5 <Home> <Down>*3"),
    ("other packets", "o*6 O*2 f*2 b*4 B*2"),
    ("listing", "F*4 z*3"),
    ("page of a port", "<Home> <Enter> <Down>*6 <Esc>"),
    ("way", "<Tab> p*10 P*10 u <Down>*20 <Up>*10"),
    ("page of a rule", "<Enter> <Down>*6 <Esc> p p p <Enter> <Down>*4 <Esc>"),
    (
        "unfold",
        "<Home> <Right> <Down> <Right> <Down> <Right> <Down> <Right> <Down> <Right> <Down> <Right> <Down> <Right> <Down>*3 <Right> <Down>*5 <Right>",
    ),
    ("tree", "<Down>*30 <Up>*10 <PageDown>*30 <PageUp>*10 <End> <Up>*5 <Home>"),
    ("group", "g <End> <Home> <Right> <Down>*5 <Right> <Down>*10 <PageDown>*20 g c"),
    ("hooks", "H <Up> <Up> <Right> <Down> <Left> <Tab> o b <Esc>"),
    ("search", "/ b a c k e n d - 7 7 7 <Enter> n*10 N*5 <Esc>"),
    ("search, many", "/ d n a t <Enter> n*20 <Esc> / 1 0 . 2 4 4 . 7 . 9 <Enter> n*3 <Esc>"),
    ("search, nearly", "/ b c k e n d 7 7 <Enter> n*3 <Esc> / z q z q z <Esc>"),
    ("go to a port", "<Esc> 8 0 <Enter> <Down>*5 2 0 0 0 7 <Enter>"),
    ("help", "? <Down>*3 <Esc>"),
];

/// The kinds of keys, in their order.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    SCRIPT.iter().map(|(what, _)| *what)
}

/// The keys one by one: `x*3` is pressed three times.
pub fn split(keys: &'static str) -> impl Iterator<Item = &'static str> {
    keys.split(' ').flat_map(|key| {
        let (key, times) = key.split_once('*').unwrap_or((key, "1"));
        std::iter::repeat_n(key, times.parse().unwrap())
    })
}

/// Whether a key moves within a pane.
pub fn is_move(key: &str) -> bool {
    matches!(key, "<Down>" | "<Up>")
}

/// What a terminal sends for a key.
pub fn bytes(key: &str) -> Vec<u8> {
    match key {
        "<Up>" => b"\x1b[A".to_vec(),
        "<Down>" => b"\x1b[B".to_vec(),
        "<Right>" => b"\x1b[C".to_vec(),
        "<Left>" => b"\x1b[D".to_vec(),
        "<Home>" => b"\x1b[H".to_vec(),
        "<End>" => b"\x1b[F".to_vec(),
        "<PageUp>" => b"\x1b[5~".to_vec(),
        "<PageDown>" => b"\x1b[6~".to_vec(),
        "<Enter>" => b"\r".to_vec(),
        "<Esc>" => b"\x1b".to_vec(),
        "<Tab>" => b"\t".to_vec(),
        letter => letter.as_bytes().to_vec(),
    }
}
