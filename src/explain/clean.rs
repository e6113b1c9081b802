//! Text from outside, made safe to show: the one place where it is done.
//!
//! Process names, comments, chain, set and device names are bytes that others chose. On a terminal they could move the
//! cursor, change colours or reorder a line. [`clean`] makes every such character visible as an escape, and leaves
//! everything else as it is. How wide text is, and where it is cut, is for whoever shows it.

use std::borrow::Cow;
use std::fmt::Write;

/// `text` with every character that could act on a terminal written as an escape (`\x1b`, `\u{202e}`).
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            _ if !acts(c) => safe.push(c),
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            _ if u32::from(c) < 0x100 => {
                let _ = write!(safe, "\\x{:02x}", u32::from(c));
            }
            _ => {
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    Cow::Owned(safe)
}

/// Whether a character acts on a terminal instead of being shown: control characters (C0, DEL, C1), bidirectional
/// controls (UAX #9), line and paragraph separators, invisible joiners and marks, tags and the byte order mark; and what
/// changes the emoji before it, as terminals disagree about how wide both are.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{061c}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{1f3fb}'..='\u{1f3ff}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn ordinary_text_is_untouched() {
        for text in ["nginx", "10.0.0.0/8", "名前", "e\u{301}", "naïve", "🦀", "\u{1f1e9}\u{1f1ea}"] {
            assert_eq!(clean(text), text);
        }
    }

    #[test]
    fn what_acts_on_a_terminal_is_written_out() {
        assert_eq!(clean("a\x1b[31mb"), "a\\x1b[31mb");
        assert_eq!(clean("a\u{9b}31m"), "a\\x9b31m");
        assert_eq!(clean("l1\nl2\r\tx\x7f"), "l1\\nl2\\r\\tx\\x7f");
        assert_eq!(clean("\u{202e}txt.exe"), "\\u{202e}txt.exe");
        assert_eq!(clean("👩\u{200d}🚀 👍\u{1f3fd} ❤\u{fe0f}"), "👩\\u{200d}🚀 👍\\u{1f3fd} ❤\\u{fe0f}");
        assert_eq!(clean("a\u{200b}b\u{feff}"), "a\\u{200b}b\\u{feff}");
    }
}
