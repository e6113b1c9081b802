//! What may stand in a text that a terminal or a browser is given.

/// Whether a character does something instead of being seen: controls (C0, DEL, C1), bidirectional controls (UAX #9), ends of
/// lines, and what nobody sees.
pub fn acts(c: char) -> bool {
    let code = u32::from(c);
    code < 0x20
        || (0x7f..0xa0).contains(&code)
        || [0xad, 0x61c, 0x180e, 0x2028, 0x2029, 0xfeff].contains(&code)
        || (0x200b..=0x200f).contains(&code)
        || (0x202a..=0x202e).contains(&code)
        || (0x2060..=0x206f).contains(&code)
        || (0xfe00..=0xfe0f).contains(&code)
        || (0xe0000..=0xe0fff).contains(&code)
}

/// Holds that lines of text do nothing.
pub fn assert_lines(what: &str, text: &str) {
    if let Some(line) = text.split('\n').find(|line| line.chars().any(acts)) {
        panic!("{what}: {line:?}");
    }
}

/// The same of text in colours (ECMA-48's SGR).
pub fn assert_coloured(what: &str, text: &str) {
    let mut plain = String::new();
    for (at, part) in text.split('\x1b').enumerate() {
        let rest = match at {
            0 => part,
            _ => {
                let body = part.strip_prefix('[').unwrap_or_else(|| panic!("{what}: {part:?}"));
                let end = body.find(|c: char| !(c.is_ascii_digit() || c == ';')).unwrap_or(body.len());
                assert!(body[end..].starts_with('m'), "{what}: {part:?}");
                &body[end + 1..]
            }
        };
        plain.push_str(rest);
    }
    assert_lines(what, &plain);
}
