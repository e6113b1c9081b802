//! Themes: how each tone is painted, from files that people can read and write. Those in `assets/themes` are built in.
//!
//! ```toml
//! based-on = "dark"               # what is not told here is told there
//! text = "#d5dae4"                # of cells that name no colour; default: the terminal's own
//! ground = "#12151c"
//! selected = "bold on #22304a"    # the row that the keys are on
//!
//! [tones]
//! good = "bold green"
//! ```
//!
//! A colour is `#rrggbb`, a name such as `light-blue`, or a number of xterm's 256. Deliberately does not know where files are.

use std::str::FromStr;

use ratatui::style::{Color, Modifier, Style};

use super::look::{Look, Tone};
use super::written::{Entry, Flaw, Page, meant};

/// The themes that are built in, by name.
const BUILT_IN: [(&str, &str); 5] = [
    ("dark", include_str!("../../assets/themes/dark.toml")),
    ("light", include_str!("../../assets/themes/light.toml")),
    ("high-contrast", include_str!("../../assets/themes/high-contrast.toml")),
    ("colours16", include_str!("../../assets/themes/colours16.toml")),
    ("mono", include_str!("../../assets/themes/mono.toml")),
];

/// How tones are called in a theme.
const TONES: [(&str, Tone); 11] = [
    ("plain", Tone::Plain),
    ("strong", Tone::Strong),
    ("dim", Tone::Dim),
    ("good", Tone::Good),
    ("changed", Tone::Changed),
    ("bad", Tone::Bad),
    ("unsure", Tone::Unsure),
    ("found", Tone::Found),
    ("glow", Tone::Glow),
    ("focus", Tone::Focus),
    ("frame", Tone::Frame),
];

/// What a word of a paint may say beside a colour.
const WEIGHTS: [(&str, Modifier); 5] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underlined", Modifier::UNDERLINED),
    ("reversed", Modifier::REVERSED),
];

/// The names of colours that are offered where one is misspelt.
const COLOURS: [&str; 17] = [
    "default",
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "gray",
    "dark-gray",
    "light-red",
    "light-green",
    "light-yellow",
    "light-blue",
    "light-magenta",
    "light-cyan",
    "white",
];

/// The names of the themes that are built in.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// The theme with this name that is built in.
pub fn built_in(name: &str) -> Option<Look> {
    BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| parse(text).0)
}

/// `; did you mean “dark”?`, for a name that no theme has.
pub fn nearest(name: &str) -> String {
    meant(name, names())
}

/// A theme as its file tells it, and what of that cannot be used.
pub fn parse(text: &str) -> (Look, Vec<Flaw>) {
    let (mut page, mut entries) = Page::read(text);
    let mut look = Look::PLAIN;
    if let Some(at) = entries.iter().position(|entry| entry.name == "based-on") {
        let entry = entries.remove(at);
        match page.text(&entry).map(|name| (built_in(name), name)) {
            Some((Some(known), _)) => look = known,
            Some((None, name)) => page.flaw(&entry.said, format!("no theme “{name}” is built in{}", nearest(name))),
            None => {}
        }
    }
    for entry in entries {
        match entry.name.as_str() {
            "text" => look.text = colour(&mut page, &entry).unwrap_or(look.text),
            "ground" => look.ground = colour(&mut page, &entry).unwrap_or(look.ground),
            "selected" => look.selected = paint(&mut page, &entry).unwrap_or(look.selected),
            "tones" => {
                for entry in page.section(entry) {
                    match TONES.iter().find(|(name, _)| *name == entry.name) {
                        Some((_, tone)) => {
                            if let Some(style) = paint(&mut page, &entry) {
                                look.paint(*tone, style);
                            }
                        }
                        None => page.unknown(&entry, "tone", TONES.iter().map(|(name, _)| *name)),
                    }
                }
            }
            _ => page.unknown(&entry, "entry of a theme", ["based-on", "text", "ground", "selected", "tones"]),
        }
    }
    (look, page.close())
}

fn colour(page: &mut Page, entry: &Entry) -> Option<Color> {
    let text = page.text(entry)?;
    let colour = a_colour(text);
    if colour.is_none() {
        page.flaw(&entry.said, no_colour(text));
    }
    colour
}

fn a_colour(word: &str) -> Option<Color> {
    if word == "default" { Some(Color::Reset) } else { Color::from_str(word).ok() }
}

fn no_colour(word: &str) -> String {
    format!("“{word}” is no colour, as #56b4e9 or light-blue is{}", meant(word, COLOURS))
}

/// `bold #f5f7fa on black`.
fn paint(page: &mut Page, entry: &Entry) -> Option<Style> {
    let text = page.text(entry)?;
    let mut style = Style::new();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        if let Some((_, weight)) = WEIGHTS.iter().find(|(name, _)| *name == word) {
            style = style.add_modifier(*weight);
        } else if word == "on" {
            match words.next().map(|word| a_colour(word).ok_or(word)) {
                Some(Ok(ground)) => style = style.bg(ground),
                Some(Err(word)) => page.flaw(&entry.said, no_colour(word)),
                None => page.flaw(&entry.said, "a colour belongs behind “on”"),
            }
        } else if let Some(ink) = a_colour(word) {
            style = style.fg(ink);
        } else {
            let known = WEIGHTS.iter().map(|(name, _)| *name).chain(COLOURS);
            page.flaw(&entry.said, format!("“{word}” is neither a colour nor a weight{}", meant(word, known)));
        }
    }
    Some(style)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rgb(colour: Color) -> [f64; 3] {
        let Color::Rgb(r, g, b) = colour else { panic!("{colour} is left to the terminal") };
        [r, g, b].map(|part| f64::from(part) / 255.0)
    }

    fn linear(part: f64) -> f64 {
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    }

    /// How text stands out from its ground (WCAG 2.2, contrast ratio).
    fn contrast(one: Color, other: Color) -> f64 {
        let light = |colour| {
            let [r, g, b] = rgb(colour).map(linear);
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let (one, other) = (light(one), light(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// Colours as eyes without one kind of cones see them (Machado, Oliveira and Fernandes 2009, severity 1).
    const EYES: [[[f64; 3]; 3]; 3] = [
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ];

    /// How far apart two colours are for such eyes (CIE 1976 in CIELAB, white of D65).
    fn apart(eyes: &[[f64; 3]; 3], one: Color, other: Color) -> f64 {
        let lab = |colour: Color| {
            let seen = rgb(colour).map(linear);
            let [r, g, b] = eyes.map(|row| row.iter().zip(seen).map(|(a, b)| a * b).sum::<f64>().clamp(0.0, 1.0));
            let x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505;
            let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
            let z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089;
            let [x, y, z] = [x, y, z].map(|t| if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 });
            [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
        };
        lab(one).iter().zip(lab(other)).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    }

    const PAINTED: [(&str, f64); 3] = [("dark", 4.5), ("light", 4.5), ("high-contrast", 7.0)];

    #[test]
    fn the_themes_that_are_built_in_have_no_flaw() {
        for (name, text) in BUILT_IN {
            assert_eq!(parse(text).1, [], "{name}");
        }
    }

    #[test]
    fn text_stands_out_from_its_ground_in_every_theme_that_is_painted() {
        for (name, least) in PAINTED {
            let look = built_in(name).expect("a theme");
            for (tone_name, tone) in TONES.iter().filter(|(name, _)| *name != "frame") {
                let ink = look.style(*tone).fg.unwrap_or(look.text);
                let in_bar = look.selected.fg.unwrap_or(ink);
                let (on_ground, on_bar) =
                    (contrast(ink, look.ground), contrast(in_bar, look.selected.bg.expect("a bar")));
                assert!(on_ground >= least && on_bar >= least, "{name} {tone_name}: {on_ground:.1} {on_bar:.1}");
            }
        }
    }

    #[test]
    fn verdicts_look_different_to_all_eyes() {
        for (name, _) in PAINTED {
            let look = built_in(name).expect("a theme");
            let ink = |tone| look.style(tone).fg.expect("a colour");
            let verdicts = [Tone::Good, Tone::Changed, Tone::Bad, Tone::Unsure];
            for (at, one) in verdicts.iter().enumerate() {
                for other in &verdicts[at + 1..] {
                    for (eyes, kind) in EYES.iter().zip(["protanopia", "deuteranopia", "tritanopia"]) {
                        let apart = apart(eyes, ink(*one), ink(*other));
                        assert!(apart >= 10.0, "{name}, {kind}: {one:?} and {other:?} are {apart:.0} apart");
                    }
                }
            }
        }
    }

    #[test]
    fn a_theme_says_what_differs_from_another() {
        let (look, flaws) = parse("based-on = \"light\"\nground = \"default\"\n[tones]\ngood = \"italic on 17\"\n");
        assert_eq!(flaws, []);
        assert_eq!(look.ground, Color::Reset);
        assert_eq!(look.style(Tone::Good), Style::new().italic().bg(Color::Indexed(17)));
        assert_eq!(look.style(Tone::Bad), built_in("light").expect("a theme").style(Tone::Bad));
    }

    #[test]
    fn what_is_wrong_in_a_theme_is_told_with_its_line_and_what_could_stand_there() {
        let text = "based-on = \"drak\"\ngrund = \"red\"\ntext = \"grren\"\nselected = \"bold on\"\n\
                    [tones]\ngod = \"bold\"\nbad = \"blod red\"\ndim = 3\n";
        let told: Vec<String> = parse(text).1.iter().map(Flaw::to_string).collect();
        assert_eq!(
            told,
            [
                "1: no theme “drak” is built in; did you mean “dark”?",
                "2: no entry of a theme is called “grund”; did you mean “ground”?",
                "3: “grren” is no colour, as #56b4e9 or light-blue is; did you mean “green”?",
                "4: a colour belongs behind “on”",
                "6: no tone is called “god”; did you mean “good”?",
                "7: “blod” is neither a colour nor a weight; did you mean “bold”?",
                "8: “dim” wants text, such as dim = \"…\"",
            ]
        );
    }
}
