//! Which theme and which signs fit a terminal, by what its environment says of it.
//!
//! Deliberately asks no terminal: an answer would come among the keys, or never. Where nothing says what colours there are,
//! fewer are taken.

use super::signs::Signs;

/// What the environment says of a terminal; empty: nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// `TERM`: its kind, as terminfo(5) calls it.
    pub term: String,
    /// `COLORTERM`: `truecolor` or `24bit`, where it knows all colours.
    pub colorterm: String,
    /// `COLORFGBG`: numbers of the colours of text and ground, as rxvt tells them: `15;0`.
    pub colorfgbg: String,
    /// `LC_ALL`, `LC_CTYPE` and `LANG`: the locale, of which the first counts that is set (locale(7)).
    pub locale: [String; 3],
    /// `NO_COLOR` (<https://no-color.org>): colours are not wanted.
    pub no_color: bool,
}

/// How many colours a terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Colours {
    /// None.
    None,
    /// The sixteen that have names.
    Sixteen,
    /// Those and xterm's cube and greys.
    Indexed,
    /// All.
    All,
}

/// Kinds of terminals that have no colours, by how their names begin.
const WITHOUT: [&str; 8] = ["dumb", "unknown", "vt52", "vt100", "vt102", "vt220", "vt320", "vt420"];
/// Kinds of terminals that know all colours, and need not say so.
const WITH_ALL: [&str; 7] = ["alacritty", "kitty", "foot", "wezterm", "ghostty", "contour", "direct"];

impl Surroundings {
    /// How many colours the terminal has.
    pub fn colours(&self) -> Colours {
        let term = self.term.as_str();
        let kinds = || term.split('-');
        let without = WITHOUT.iter().any(|kind| term.starts_with(kind));
        if term.is_empty() || without || kinds().any(|kind| ["m", "mono"].contains(&kind)) {
            return Colours::None;
        }
        // GNU screen hands COLORTERM on from outside, and does not know those colours.
        let told = ["truecolor", "24bit"].contains(&self.colorterm.as_str());
        match term {
            _ if kinds().any(|kind| WITH_ALL.contains(&kind)) => Colours::All,
            _ if told && !term.starts_with("screen") && term != "linux" => Colours::All,
            _ if term.contains("256color") => Colours::Indexed,
            _ => Colours::Sixteen,
        }
    }

    /// Whether the ground is said to be light: the last number is that of white, or of a bright colour (rxvt(1), as vim reads it).
    fn is_light(&self) -> bool {
        let ground = self.colorfgbg.rsplit(';').next().and_then(|number| number.parse().ok());
        ground.is_some_and(|number: u8| number == 7 || (9..=15).contains(&number))
    }

    /// Whether its bytes are UTF-8, as far as the locale says: one without a charset has an older one (locale(7)).
    fn is_utf8(&self) -> bool {
        let Some(locale) = self.locale.iter().find(|locale| !locale.is_empty()) else { return true };
        let charset = locale.split_once('.').map_or("", |(_, charset)| charset);
        let charset = charset.split('@').next().unwrap_or_default();
        ["utf-8", "utf8"].contains(&charset.to_lowercase().as_str())
    }

    /// The signs that it can show.
    pub fn signs(&self) -> Signs {
        match self.term.split('-').next() {
            _ if !self.is_utf8() => Signs::Ascii,
            Some("linux") => Signs::Console,
            _ => Signs::All,
        }
    }

    /// The name of the theme that fits.
    pub fn theme(&self) -> &'static str {
        match self.colours() {
            _ if self.no_color => "mono",
            Colours::None => "mono",
            Colours::Sixteen => "colours16",
            Colours::Indexed | Colours::All if self.is_light() => "light",
            Colours::Indexed | Colours::All => "dark",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal(term: &str, colorterm: &str) -> Surroundings {
        Surroundings { term: term.to_owned(), colorterm: colorterm.to_owned(), ..Surroundings::default() }
    }

    #[test]
    fn terminals_have_the_colours_that_they_say() {
        for (term, colorterm, colours, theme) in [
            ("", "", Colours::None, "mono"),
            ("dumb", "truecolor", Colours::None, "mono"),
            ("vt100", "", Colours::None, "mono"),
            ("vt220-w", "", Colours::None, "mono"),
            ("linux-m", "", Colours::None, "mono"),
            ("linux", "", Colours::Sixteen, "colours16"),
            ("linux", "truecolor", Colours::Sixteen, "colours16"),
            ("xterm", "", Colours::Sixteen, "colours16"),
            ("screen", "truecolor", Colours::Sixteen, "colours16"),
            ("xterm-256color", "", Colours::Indexed, "dark"),
            ("screen-256color", "truecolor", Colours::Indexed, "dark"),
            ("tmux-256color", "truecolor", Colours::All, "dark"),
            ("xterm", "24bit", Colours::All, "dark"),
            ("xterm-kitty", "", Colours::All, "dark"),
            ("xterm-direct", "", Colours::All, "dark"),
            ("something-new", "", Colours::Sixteen, "colours16"),
        ] {
            let terminal = terminal(term, colorterm);
            assert_eq!((terminal.colours(), terminal.theme()), (colours, theme), "{term} {colorterm}");
        }
    }

    #[test]
    fn terminals_get_signs_that_they_can_show() {
        let of = |term: &str, locale: [&str; 3]| {
            let locale = locale.map(str::to_owned);
            Surroundings { locale, ..terminal(term, "") }.signs()
        };
        for (term, locale, signs) in [
            ("xterm-256color", ["", "", ""], Signs::All),
            ("xterm-256color", ["", "", "de_DE.UTF-8"], Signs::All),
            ("xterm-256color", ["", "C.utf8", "C"], Signs::All),
            ("xterm-256color", ["C", "C.utf8", "de_DE.UTF-8"], Signs::Ascii),
            ("xterm-256color", ["", "POSIX", "de_DE.UTF-8"], Signs::Ascii),
            ("xterm-256color", ["", "", "de_DE.ISO-8859-15@euro"], Signs::Ascii),
            ("xterm-256color", ["", "", "de_DE.UTF-8@euro"], Signs::All),
            ("xterm-256color", ["", "", "ja_JP"], Signs::Ascii),
            ("linux", ["", "", ""], Signs::Console),
            ("linux-16color", ["", "", "C.UTF-8"], Signs::Console),
            ("linux", ["C", "", ""], Signs::Ascii),
        ] {
            assert_eq!(of(term, locale), signs, "{term} {locale:?}");
        }
    }

    #[test]
    fn where_colours_are_not_wanted_there_are_none() {
        let terminal = Surroundings { no_color: true, ..terminal("xterm-256color", "truecolor") };
        assert_eq!(terminal.theme(), "mono");
    }

    #[test]
    fn a_light_ground_gets_the_light_theme() {
        for (told, theme) in
            [("0;15", "light"), ("0;default;7", "light"), ("15;0", "dark"), ("7;8", "dark"), ("x", "dark")]
        {
            let terminal = Surroundings { colorfgbg: told.to_owned(), ..terminal("rxvt-unicode-256color", "") };
            assert_eq!(terminal.theme(), theme, "{told}");
        }
        let console = Surroundings { colorfgbg: "0;15".to_owned(), ..terminal("xterm", "") };
        assert_eq!(console.theme(), "colours16");
    }
}
