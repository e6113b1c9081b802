//! Words of a line: how `ipset restore` splits it, and how a text is written that would not come back otherwise.

use std::borrow::Cow;

/// How a text begins that stands in quotes with escapes, which ipset never writes.
const ESCAPED: &str = "$\"";

fn is_space(sign: char) -> bool {
    matches!(sign, ' ' | '\t' | '\r' | '\n')
}

/// Splits a line into `words`, which is emptied first; `false` where a quote does not end. Quotes may begin and end anywhere,
/// and nothing escapes them (`build_argv`).
pub(super) fn split<'t>(line: &'t str, words: &mut Vec<Cow<'t, str>>) -> bool {
    words.clear();
    if !line.contains('"') {
        words.extend(line.split_ascii_whitespace().map(Cow::Borrowed));
        return true;
    }
    let mut rest = line.trim_start_matches(is_space);
    while !rest.is_empty() {
        let (word, after) = match word(rest) {
            Some(found) => found,
            None => return false,
        };
        words.push(word);
        rest = after.trim_start_matches(is_space);
    }
    true
}

/// The first word, and what follows it.
pub(super) fn word(text: &str) -> Option<(Cow<'_, str>, &str)> {
    if text.starts_with(ESCAPED) {
        return escaped(text).map(|(word, rest)| (Cow::Owned(word), rest));
    }
    let mut quoted = false;
    let end = text.find(|sign| {
        quoted ^= sign == '"';
        !quoted && is_space(sign)
    });
    let (word, rest) = match end {
        Some(end) => text.split_at(end),
        None if quoted => return None,
        None => (text, ""),
    };
    Some((if word.contains('"') { Cow::Owned(word.replace('"', "")) } else { Cow::Borrowed(word) }, rest))
}

/// A text that [`push_escaped`] wrote.
fn escaped(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix(ESCAPED)?;
    let mut word = String::new();
    loop {
        let at = rest.find(['"', '\\'])?;
        word.push_str(&rest[..at]);
        let end = rest.as_bytes()[at] == b'"';
        rest = &rest[at + 1..];
        if end {
            return Some((word, rest));
        }
        let sign = rest.chars().next()?;
        rest = &rest[sign.len_utf8()..];
        if sign != 'u' {
            word.push(sign);
            continue;
        }
        let (number, after) = rest.strip_prefix('{')?.split_once('}')?;
        word.push(char::from_u32(u32::from_str_radix(number, 16).ok()?)?);
        rest = after;
    }
}

/// Appends a text so that it stays on its line and comes back as it is.
pub(super) fn push_escaped(out: &mut String, text: &str) {
    out.push_str(ESCAPED);
    for sign in text.chars() {
        match sign {
            '"' | '\\' => out.extend(['\\', sign]),
            sign if sign.is_control() => out.extend(sign.escape_unicode()),
            sign => out.push(sign),
        }
    }
    out.push('"');
}

/// Whether a name may stand as it is.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains(|sign: char| sign.is_whitespace() || sign.is_control() || sign == '"')
}
