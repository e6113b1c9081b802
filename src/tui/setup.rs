//! How a person has the explorer set up: how it is painted, and what the keys do.
//!
//! ```toml
//! theme = "light"
//! mouse = false                 # the terminal selects text by itself then
//! link = "slow"                 # or "fast": the link to the terminal; else it is found out
//!
//! [keys]
//! find = "<C-s>"                # one key; it does nothing else any more
//! next-origin = ["o", "<F5>"]   # several
//! ```
//!
//! Deliberately does not know where the file is.

use std::ops::Range;

use toml::de::DeValue;

use super::action::Keymap;
use super::key::{self, Key};
use super::look::Look;
use super::written::{Entry, Flaw, Page};

/// How fast the way to the terminal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speed {
    /// Whatever is written is there at once.
    Fast,
    /// What is written takes its time: a movement shows the cursor first, and the rest once no key is pressed for a moment.
    Slow,
}

/// How the explorer is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// How the screen is painted.
    pub look: Look,
    /// What the keys do.
    pub keymap: Keymap,
    /// What of the settings could not be used, in a line.
    pub complaint: Option<String>,
    /// Whether the mouse is listened to.
    pub mouse: bool,
    /// How fast the way to the terminal is, where somebody says so.
    pub link: Option<Speed>,
}

/// Painted so, with the keys of the table.
impl From<Look> for Setup {
    fn from(look: Look) -> Setup {
        Setup { look, keymap: Keymap::default(), complaint: None, mouse: true, link: None }
    }
}

/// What a file of settings says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The name of the theme, and the line in which it stands.
    pub theme: Option<(String, usize)>,
    /// What the keys do.
    pub keymap: Keymap,
    /// Whether the mouse is listened to.
    pub mouse: bool,
    /// How fast the way to the terminal is, where it is said.
    pub link: Option<Speed>,
}

/// What holds where a file says nothing.
impl Default for Settings {
    fn default() -> Settings {
        Settings { theme: None, keymap: Keymap::default(), mouse: true, link: None }
    }
}

/// What a file of settings says, and what of it cannot be used.
pub fn settings(text: &str) -> (Settings, Vec<Flaw>) {
    let (mut page, entries) = Page::read(text);
    let mut settings = Settings::default();
    for entry in entries {
        match entry.name.as_str() {
            "theme" => {
                let name = page.text(&entry).map(str::to_owned);
                settings.theme = name.map(|name| (name, page.line(&entry.said)));
            }
            "mouse" => match entry.value.as_bool() {
                Some(mouse) => settings.mouse = mouse,
                None => page.flaw(&entry.said, "“mouse” is true or false"),
            },
            "link" => match entry.value.as_str() {
                Some("fast") => settings.link = Some(Speed::Fast),
                Some("slow") => settings.link = Some(Speed::Slow),
                _ => page.flaw(&entry.said, "“link” is \"fast\" or \"slow\""),
            },
            "keys" => {
                let at = entry.at.clone();
                let mut taken = Vec::new();
                for entry in page.section(entry) {
                    bind(&mut page, &mut settings.keymap, &mut taken, &entry);
                }
                if settings.keymap.ensure_way_out() {
                    page.flaw(&at, "no key is left for “quit”: it keeps those that it has by default");
                }
            }
            _ => page.unknown(&entry, "setting", ["theme", "mouse", "link", "keys"]),
        }
    }
    (settings, page.close())
}

/// Gives an action the keys that an entry says; `taken`: those that entries before it have given.
fn bind(page: &mut Page, keymap: &mut Keymap, taken: &mut Vec<(Key, String)>, entry: &Entry) {
    if !Keymap::names().any(|name| name == entry.name) {
        return page.unknown(entry, "action", Keymap::names());
    }
    let (mut keys, before) = (Vec::new(), page.count());
    match &entry.value {
        DeValue::Array(several) => several.iter().for_each(|one| keys.extend(a_key(page, one.get_ref(), &one.span()))),
        one => keys.extend(a_key(page, one, &entry.said)),
    }
    keys.retain(|key| match taken.iter().find(|(known, _)| known == key) {
        Some((_, name)) => {
            page.flaw(&entry.said, format!("“{key}” is that of “{name}” already"));
            false
        }
        None => true,
    });
    // Where nothing of it can be used, the action keeps the keys that it has.
    if keys.is_empty() && page.count() > before {
        return;
    }
    keymap.bind(&entry.name, &keys);
    taken.extend(keys.into_iter().map(|key| (key, entry.name.clone())));
}

/// The one key that a value says.
fn a_key(page: &mut Page, value: &DeValue, at: &Range<usize>) -> Option<Key> {
    let Some(text) = value.as_str() else {
        page.flaw(at, "a key is written as text: \"x\", \"<F5>\", \"<C-s>\"");
        return None;
    };
    match key::sequence(text).as_deref() {
        Ok([key]) => return Some(*key),
        Ok(keys) => {
            page.flaw(at, format!("“{text}” is {} keys, not one; several are written [\"a\", \"b\"]", keys.len()))
        }
        Err(none) => page.flaw(at, format!("“{none}” is no key; keys are written x, <F5>, <C-s>, <Space>, <PgDn>")),
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::action::Action;
    use super::*;

    fn told(text: &str) -> Vec<String> {
        settings(text).1.iter().map(Flaw::to_string).collect()
    }

    #[test]
    fn a_file_says_the_theme_and_what_keys_do() {
        let (settings, flaws) =
            settings("# mine\ntheme = \"light\"\n[keys]\nfind = \"<C-s>\"\nnext-origin = [\"x\", \"<F5>\"]\n");
        assert_eq!(flaws, []);
        assert_eq!(settings.theme, Some(("light".to_owned(), 2)));
        let does = |key: &str| settings.keymap.action(&key::sequence(key).expect("a key")[0].event());
        assert_eq!(does("<C-s>"), Some(Action::Find));
        assert_eq!((does("x"), does("<F5>")), (Some(Action::NextOrigin), Some(Action::NextOrigin)));
        assert_eq!((does("/"), does("o")), (None, None));
        assert_eq!(does("q"), Some(Action::Quit));
    }

    #[test]
    fn what_cannot_be_used_is_told_with_its_line_and_the_rest_holds() {
        let text = "tehme = \"x\"\n\n[keys]\nfnid = \"x\"\nfind = \"gg\"\nup = 3\ndown = [\"<Dwon>\", \"w\"]\n";
        assert_eq!(
            told(text),
            [
                "1: no setting is called “tehme”; did you mean “theme”?",
                "4: no action is called “fnid”; did you mean “find”?",
                "5: “gg” is 2 keys, not one; several are written [\"a\", \"b\"]",
                "6: a key is written as text: \"x\", \"<F5>\", \"<C-s>\"",
                "7: “<Dwon>” is no key; keys are written x, <F5>, <C-s>, <Space>, <PgDn>",
            ]
        );
        let keymap = settings(text).0.keymap;
        let does = |key: &str| keymap.action(&key::sequence(key).expect("a key")[0].event());
        assert_eq!((does("w"), does("k"), does("/")), (Some(Action::Down), Some(Action::Up), Some(Action::Find)));
    }

    #[test]
    fn the_mouse_can_be_left_to_the_terminal() {
        assert!(settings("").0.mouse && !settings("mouse = false\n").0.mouse);
        assert_eq!(told("mouse = \"no\"\n"), ["1: “mouse” is true or false"]);
    }

    #[test]
    fn how_fast_the_way_to_the_terminal_is_can_be_said() {
        let link = |text: &str| settings(text).0.link;
        assert_eq!(
            [link(""), link("link = \"fast\""), link("link = \"slow\"")],
            [None, Some(Speed::Fast), Some(Speed::Slow)]
        );
        assert_eq!(told("link = 9600\n"), ["1: “link” is \"fast\" or \"slow\""]);
    }

    #[test]
    fn there_is_always_a_way_out() {
        const KEPT: &str = "1: no key is left for “quit”: it keeps those that it has by default";
        for (text, flaws) in [
            ("[keys]\nquit = []\n", &[KEPT][..]),
            ("[keys]\nup = [\"q\", \"<C-c>\"]\n", &[KEPT]),
            ("[keys]\nup = \"q\"\nquit = \"x\"\n", &[]),
        ] {
            assert_eq!(told(text), flaws, "{text}");
            assert!(settings(text).0.keymap.keys(Action::Quit).next().is_some(), "{text}");
        }
    }

    #[test]
    fn ctrl_c_leaves_unless_it_does_something_else() {
        let does = |text: &str| {
            let event = Key::Ctrl('c').event();
            settings(text).0.keymap.action(&event)
        };
        assert_eq!(does("[keys]\nquit = \"x\"\n"), Some(Action::Quit));
        assert_eq!(does("[keys]\ncopy = \"<C-c>\"\n"), Some(Action::Copy));
    }

    #[test]
    fn two_actions_cannot_have_one_key() {
        assert_eq!(told("[keys]\nfind = \"x\"\ncopy = [\"y\", \"x\"]\n"), ["3: “x” is that of “find” already"]);
    }
}
