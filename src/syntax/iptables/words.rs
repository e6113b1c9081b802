//! Words of a line: how iptables-restore splits what iptables-save wrote, and how a value is quoted to come back whole.
//!
//! Knows quotes and backslashes. Deliberately does not know options or what a word means.

use std::borrow::Cow;

use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_till1, take_while};
use nom::character::complete::anychar;
use nom::combinator::{map, opt};
use nom::multi::many0;
use nom::sequence::{preceded, terminated};
use nom::{IResult, Parser};

/// A word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word<'a> {
    /// The word, unquoted.
    pub(super) text: Cow<'a, str>,
    /// Whether a part of it stood in quotes: then it is no option, whatever it looks like.
    pub(super) quoted: bool,
}

impl Word<'_> {
    /// Whether it begins an option, or turns one around. A negative number is a value.
    pub(super) fn is_option(&self) -> bool {
        !self.quoted && looks_like_option(&self.text)
    }

    /// Whether it is a `!` of its own.
    pub(super) fn is_bang(&self) -> bool {
        !self.quoted && self.text == "!"
    }
}

fn looks_like_option(word: &str) -> bool {
    match word.as_bytes() {
        b"!" => true,
        [b'-', second, ..] => !second.is_ascii_digit(),
        _ => false,
    }
}

fn is_space(sign: char) -> bool {
    matches!(sign, ' ' | '\t' | '\r')
}

fn plain(text: &str) -> IResult<&str, &str> {
    take_till1(|sign| is_space(sign) || sign == '"').parse(text)
}

/// The inside of quotes: a backslash takes the sign after it as it stands.
fn quoted(text: &str) -> IResult<&str, Cow<'_, str>> {
    let run = |text| take_till(|sign| sign == '"' || sign == '\\').parse(text);
    let (rest, first) = preceded(tag("\""), run).parse(text)?;
    let (rest, more) = terminated(many0((preceded(tag("\\"), anychar), run)), tag("\"")).parse(rest)?;
    if more.is_empty() {
        return Ok((rest, Cow::Borrowed(first)));
    }
    let mut whole = first.to_owned();
    for (sign, run) in more {
        whole.push(sign);
        whole.push_str(run);
    }
    Ok((rest, Cow::Owned(whole)))
}

/// A word: plain signs up to a blank, or up to the end of what stands in quotes (`add_param_to_argv`).
fn word(text: &str) -> IResult<&str, Word<'_>> {
    alt((
        map((plain, opt(quoted)), |(start, end)| match end {
            None => Word { text: Cow::Borrowed(start), quoted: false },
            Some(end) => Word { text: Cow::Owned(format!("{start}{end}")), quoted: true },
        }),
        map(quoted, |text| Word { text, quoted: true }),
    ))
    .parse(text)
}

fn blank(text: &str) -> IResult<&str, &str> {
    take_while(is_space).parse(text)
}

/// Splits a line into `words`, which is emptied first; `false` where a quote does not end.
pub(super) fn split<'a>(line: &'a str, words: &mut Vec<Word<'a>>) -> bool {
    words.clear();
    let mut rest = line;
    loop {
        if let Ok((after, _)) = blank(rest) {
            rest = after;
        }
        if rest.is_empty() {
            return true;
        }
        let Ok((after, next)) = word(rest) else { return false };
        words.push(next);
        rest = after;
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
    !word.is_empty() && !word.contains(|sign| is_space(sign) || sign == '"')
}

/// Appends a blank and a word that is printed without quotes, unless it would not be read as one word, and no option, then.
pub(super) fn push_word(out: &mut String, word: &str) {
    out.push(' ');
    if is_plain(word) && !looks_like_option(word) { out.push_str(word) } else { push_quoted(out, word) }
}

/// Appends a blank and the value of an option that takes any word, without quotes unless it would not be one word then.
pub(super) fn push_value(out: &mut String, value: &str) {
    out.push(' ');
    if is_plain(value) { out.push_str(value) } else { push_quoted(out, value) }
}

/// Appends a value in quotes.
pub(super) fn push_quoted(out: &mut String, value: &str) {
    out.push('"');
    for sign in value.chars() {
        if matches!(sign, '"' | '\\' | '\'') {
            out.push('\\');
        }
        out.push(sign);
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
