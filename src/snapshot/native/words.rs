//! The words of a line: names, numbers, bytes and registers.
//!
//! A word ends at a blank; what stands in quotes belongs to it whole, with `\"`, `\\` and `\u{7f}` for what cannot stand
//! there. Deliberately does not know what a line means.

use std::str::FromStr;

use super::Name;
use crate::host::nft::Register;
use crate::host::xt::InterfacePattern;

/// A word of a line, unquoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::snapshot) struct Word {
    pub text: String,
    /// Whether a part of it stood in quotes.
    pub quoted: bool,
}

/// Splits a line; `None` where a quote does not end, or something in quotes cannot be read.
pub(in crate::snapshot) fn split(line: &str) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start_matches(' ');
    while !rest.is_empty() {
        let mut word = Word { text: String::new(), quoted: false };
        loop {
            let end = rest.find([' ', '"']).unwrap_or(rest.len());
            word.text.push_str(&rest[..end]);
            rest = &rest[end..];
            let Some(inner) = rest.strip_prefix('"') else { break };
            word.quoted = true;
            rest = unquote(inner, &mut word.text)?;
        }
        words.push(word);
        rest = rest.trim_start_matches(' ');
    }
    Some(words)
}

/// Reads up to the quote that ends; gives what follows it.
fn unquote<'t>(text: &'t str, into: &mut String) -> Option<&'t str> {
    let mut rest = text;
    loop {
        let at = rest.find(['"', '\\'])?;
        into.push_str(&rest[..at]);
        if rest[at..].starts_with('"') {
            return Some(&rest[at + 1..]);
        }
        let escaped = &rest[at + 1..];
        rest = match escaped.strip_prefix("u{") {
            Some(code) => {
                let (code, after) = code.split_once('}')?;
                into.push(u32::from_str_radix(code, 16).ok().and_then(char::from_u32)?);
                after
            }
            None => {
                let sign = escaped.chars().next()?;
                into.push(sign);
                &escaped[sign.len_utf8()..]
            }
        };
    }
}

/// Whether a name can stand without quotes.
fn is_plain(name: &str) -> bool {
    let odd = |sign: char| !sign.is_ascii_graphic() || matches!(sign, '"' | '\\' | '#' | '[' | ']' | '=' | '?');
    !name.is_empty() && !name.contains(odd) && name != "+"
}

/// A name, in quotes where it needs them.
pub(in crate::snapshot) fn name(name: &str) -> String {
    if is_plain(name) { name.to_owned() } else { quoted(name) }
}

/// Text in quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut out = "\"".to_owned();
    for sign in text.chars() {
        match sign {
            '"' | '\\' => out.extend(['\\', sign]),
            ' ' => out.push(' '),
            sign if sign.is_control() || sign.is_whitespace() => {
                out.push_str(&format!("\\u{{{:x}}}", u32::from(sign)));
            }
            sign => out.push(sign),
        }
    }
    out.push('"');
    out
}

/// Bytes as hexadecimal digits; a full stop for none.
pub(super) fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return ".".to_owned();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads what [`hex`] writes.
pub(super) fn unhex(text: &str) -> Option<Box<[u8]>> {
    if text == "." {
        return Some(Box::default());
    }
    let digits: Option<Vec<u8>> = text.chars().map(|sign| sign.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| !digits.is_empty() && digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Words that are read one after the other.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'w> {
    words: &'w [Word],
}

impl<'w> Cursor<'w> {
    pub fn new(words: &'w [Word]) -> Cursor<'w> {
        Cursor { words }
    }

    /// The next word.
    pub fn next(&mut self) -> Option<&'w Word> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    /// The next word's text.
    pub fn text(&mut self) -> Option<&'w str> {
        self.next().map(|word| word.text.as_str())
    }

    pub fn name(&mut self) -> Option<Name> {
        self.text().map(Name::from)
    }

    pub fn number<N: FromStr>(&mut self) -> Option<N> {
        self.text()?.parse().ok()
    }

    pub fn bytes(&mut self) -> Option<Box<[u8]>> {
        unhex(self.text()?)
    }

    /// `reg 0`.
    pub fn register(&mut self) -> Option<Register> {
        self.skip("reg").then(|| self.number().map(Register))?
    }

    /// `=> reg 0`.
    pub fn to(&mut self) -> Option<Register> {
        self.skip("=>").then(|| self.register())?
    }

    /// Whether the next word is this one, which is passed over.
    pub fn skip(&mut self, expected: &str) -> bool {
        let found = self.starts_with(expected);
        if found {
            self.words = &self.words[1..];
        }
        found
    }

    /// Whether the next word is this one.
    pub fn starts_with(&self, expected: &str) -> bool {
        self.words.first().is_some_and(|word| word.text == expected && !word.quoted)
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// All that is left.
    pub fn all(&mut self) -> &'w [Word] {
        std::mem::take(&mut self.words)
    }
}

/// Devices, each as a word: `device=eth0`, and `devices=veth` for all whose names begin so.
pub(super) fn devices_text(devices: &[InterfacePattern]) -> String {
    let each = devices
        .iter()
        .map(|device| format!(" {}={}", if device.prefix { "devices" } else { "device" }, name(&device.name)));
    each.collect()
}

/// Reads what [`devices_text`] writes, among other words.
pub(super) fn devices(words: &[Word]) -> Box<[InterfacePattern]> {
    let each = words.iter().filter_map(|word| {
        let (key, name) = word.text.split_once('=')?;
        matches!(key, "device" | "devices").then(|| InterfacePattern { name: name.into(), prefix: key == "devices" })
    });
    each.collect()
}

/// The value of `key=value` among words.
pub(super) fn value<'w>(words: &'w [Word], key: &str) -> Option<&'w str> {
    words.iter().find_map(|word| word.text.strip_prefix(key)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        for text in ["", "a", "a b", "a\"b\\c", "\n", "\u{a0}x", "#", "?7", "k=v", "[x]", "ä", "\u{7f}"] {
            let line = format!("x {} k={}", name(text), quoted(text));
            let words = split(&line).unwrap();
            assert_eq!(words[1].text, text, "{line}");
            assert_eq!(value(&words[2..], "k"), Some(text), "{line}");
            assert_eq!(words.len(), 3, "{line}");
        }
        for broken in ["\"", "a\"b", "\"\\", "\"\\u{", "\"\\u{d800}\""] {
            assert_eq!(split(broken), None, "{broken}");
        }
    }
}
