//! Words of a line: how iptables-restore splits what iptables-save wrote, and how a value is quoted to come back whole.
//!
//! Knows quotes and backslashes. Deliberately does not know options or what a word means.

use std::borrow::Cow;

/// A word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word<'a> {
    /// The word, unquoted.
    pub(super) text: Cow<'a, str>,
    /// Whether a part of it stood in quotes: then it is no option, whatever it looks like.
    pub(super) quoted: bool,
    /// Whether it begins an option, or turns one around. A negative number is a value.
    option: bool,
}

impl<'a> Word<'a> {
    fn plain(text: &'a str) -> Word<'a> {
        Word { option: looks_like_option(text), text: Cow::Borrowed(text), quoted: false }
    }

    fn quoted(text: Cow<'a, str>) -> Word<'a> {
        Word { text, quoted: true, option: false }
    }

    /// Whether it begins an option, or turns one around.
    pub(super) fn is_option(&self) -> bool {
        self.option
    }

    /// The word as it is kept where nobody knows what it means: with its quotes where it would be an option without.
    pub(super) fn kept(&self) -> Cow<'_, str> {
        if self.quoted && looks_like_option(&self.text) {
            let mut kept = String::new();
            push_quoted(&mut kept, &self.text);
            return Cow::Owned(kept);
        }
        Cow::Borrowed(&*self.text)
    }

    /// Whether it is a `!` of its own.
    pub(super) fn is_bang(&self) -> bool {
        self.option && self.text == "!"
    }
}

/// Whether a word is one that was kept with its quotes.
pub(super) fn is_kept(word: &str) -> bool {
    let mut words = Vec::new();
    word.starts_with('"') && split(word, &mut words) && matches!(&words[..], [one] if one.kept() == word)
}

fn looks_like_option(word: &str) -> bool {
    match word.as_bytes() {
        b"!" => true,
        [b'-', second, ..] => !second.is_ascii_digit(),
        _ => false,
    }
}

fn is_space(sign: u8) -> bool {
    matches!(sign, b' ' | b'\t' | b'\r')
}

/// The end of a line within a word. The tools write it as it is, and read no line then; a backslash of a word they write twice.
pub(super) const NEWLINE: &str = "\\u{a}";

/// What stands in the quotes that open at a place, and where they end: a backslash takes the sign after it as it stands, but for
/// [`NEWLINE`].
fn quoted(line: &str, open: usize) -> Option<(Cow<'_, str>, usize)> {
    let run = |from: usize| {
        let length = line.as_bytes()[from..].iter().position(|sign| matches!(sign, b'"' | b'\\'))?;
        Some(&line[from..from + length])
    };
    let first = run(open + 1)?;
    let mut at = open + 1 + first.len();
    if line.as_bytes()[at] == b'"' {
        return Some((Cow::Borrowed(first), at + 1));
    }
    let mut whole = first.to_owned();
    while line.as_bytes()[at] == b'\\' {
        if line[at..].starts_with(NEWLINE) {
            whole.push('\n');
            at += NEWLINE.len();
        } else {
            let sign = line[at + 1..].chars().next()?;
            whole.push(sign);
            at += 1 + sign.len_utf8();
        }
        let more = run(at)?;
        whole.push_str(more);
        at += more.len();
    }
    Some((Cow::Owned(whole), at + 1))
}

/// What ends the plain signs of a word: a blank or a quote.
const ENDS: [bool; 256] = {
    let mut ends = [false; 256];
    (ends[b' ' as usize], ends[b'\t' as usize], ends[b'\r' as usize], ends[b'"' as usize]) = (true, true, true, true);
    ends
};

/// Where the plain signs end that begin at a place: looked for among eight signs at a time.
fn end_of_plain(bytes: &[u8], mut at: usize) -> usize {
    const EACH: u64 = u64::MAX / 255;
    while let Some(sign) = bytes.get(at) {
        if let Some(eight) = bytes[at..].first_chunk() {
            let eight = u64::from_le_bytes(*eight);
            // The high bit of each sign below '#', and perhaps of some above the first such.
            let low = eight.wrapping_sub(EACH * u64::from(b'#')) & !eight & (EACH << 7);
            if low == 0 {
                at += 8;
                continue;
            }
            at += low.trailing_zeros() as usize / 8;
            if ENDS[usize::from(bytes[at])] {
                return at;
            }
        } else if ENDS[usize::from(*sign)] {
            return at;
        }
        at += 1;
    }
    at
}

/// Splits a line into `words`, which is emptied first; `false` where a quote does not end.
///
/// A word is plain signs up to a blank, or up to the end of what stands in quotes (`add_param_to_argv`).
pub(super) fn split<'a>(line: &'a str, words: &mut Vec<Word<'a>>) -> bool {
    words.clear();
    let bytes = line.as_bytes();
    let mut at = 0;
    loop {
        let start = at;
        at = end_of_plain(bytes, at);
        let plain = &line[start..at];
        match bytes.get(at) {
            Some(b'"') => {
                let Some((inside, end)) = quoted(line, at) else { return false };
                let text = if plain.is_empty() { inside } else { Cow::Owned(format!("{plain}{inside}")) };
                words.push(Word::quoted(text));
                at = end;
            }
            end => {
                if !plain.is_empty() {
                    words.push(Word::plain(plain));
                }
                if end.is_none() {
                    return true;
                }
                at += 1;
            }
        }
    }
}

/// Appends a blank and the value, quoted as `xtables_save_string` does: unless it is letters, digits, `_` and `-` only.
pub(super) fn push_string(out: &mut String, value: &str) {
    let safe =
        !value.is_empty() && value.bytes().all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, b'_' | b'-'));
    out.push(' ');
    if safe { out.push_str(value) } else { push_quoted(out, value) }
}

/// Whether a word is read as one word without quotes.
pub(super) fn is_plain(word: &str) -> bool {
    !word.is_empty() && !word.bytes().any(|sign| is_space(sign) || matches!(sign, b'"' | b'\n'))
}

/// Appends a blank and a word that is printed without quotes, unless it would not be read as one word, and no option, then.
pub(super) fn push_word(out: &mut String, word: &str) {
    out.push(' ');
    if is_plain(word) && !looks_like_option(word) { out.push_str(word) } else { push_quoted(out, word) }
}

/// Appends a blank and the value of an option that takes any word, without quotes unless it would not be one word then.
pub(in crate::syntax) fn push_value(out: &mut String, value: &str) {
    out.push(' ');
    if is_plain(value) { out.push_str(value) } else { push_quoted(out, value) }
}

/// Appends a value in quotes.
pub(super) fn push_quoted(out: &mut String, value: &str) {
    out.push('"');
    for sign in value.chars() {
        match sign {
            '\n' => out.push_str(NEWLINE),
            '"' | '\\' | '\'' => out.extend(['\\', sign]),
            sign => out.push(sign),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Option<Vec<String>> {
        let mut words = Vec::new();
        split(line, &mut words).then(|| words.into_iter().map(|word| word.text.into_owned()).collect())
    }

    /// A comment or a chain of somebody's own makes no line of its own.
    #[test]
    fn a_line_stays_one_and_its_words_come_back() {
        for text in ["a\nb", "\n[end]\n", "\\u{a}", "\\\n", "\"\n'"] {
            let mut line = String::new();
            push_word(&mut line, text);
            push_value(&mut line, text);
            push_string(&mut line, text);
            assert!(!line.contains('\n'), "{line}");
            let mut words = Vec::new();
            assert!(split(&line, &mut words), "{line}");
            let words: Vec<&str> = words.iter().map(|word| &*word.text).collect();
            assert_eq!(words, [text; 3], "{line}");
        }
    }

    #[test]
    fn lines_are_split_as_iptables_restore_does() {
        for (line, expected) in [
            ("", vec![]),
            ("  -A  INPUT\t-j ACCEPT \r", vec!["-A", "INPUT", "-j", "ACCEPT"]),
            (r#"--comment "a b" -j X"#, vec!["--comment", "a b", "-j", "X"]),
            (r#""say \"hi\", it\'s \\ me""#, vec![r#"say "hi", it's \ me"#]),
            (r#"a"b c"d"#, vec!["ab c", "d"]),
            (r#""" x"#, vec!["", "x"]),
            ("--comment „ä‟", vec!["--comment", "„ä‟"]),
        ] {
            assert_eq!(words(line).unwrap(), expected, "{line}");
        }
        for line in [r#"--comment "a b"#, r#""a\"#, r#"a""#] {
            assert_eq!(words(line), None, "{line}");
        }
    }

    #[test]
    fn what_was_quoted_is_read_again() {
        for value in ["", "plain-word_1", "a b", r#"dnat name: "cbr0""#, r"back\slash", "it's", "ä:"] {
            for push in [push_string, push_word] {
                let mut line = String::new();
                push(&mut line, value);
                assert_eq!(words(&line).unwrap(), [value], "{line}");
            }
        }
    }
}
