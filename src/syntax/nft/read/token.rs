//! The words of nft's language.

/// A word or a sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// A run of letters: a name, a number, an address, a range of those.
    Word(&'t str),
    /// What stands between quotes.
    Text(&'t str),
    /// A sign: `{`, `}`, `(`, `)`, `,`, `=`, `==`, `!=`, `<`, `<=`, `>`, `>=`, `<<`, `>>`, `&`, `|`, `^`, `!`.
    Sign(&'t str),
    /// The end of a line, or `;`.
    Line,
    /// A comment, without its `#`.
    Comment(&'t str),
    End,
}

/// The bytes that end a word.
const ENDS: [bool; 256] = {
    let mut ends = [false; 256];
    let bytes = b" \t\r\n;,{}()\"#";
    let mut at = 0;
    while at < bytes.len() {
        ends[bytes[at] as usize] = true;
        at += 1;
    }
    ends
};

/// Reads words one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tokens<'t> {
    text: &'t str,
    pub(super) at: usize,
    pub(super) line: usize,
    /// Keys of a map are read: a colon may stand at the end of a word, or within one.
    pub(super) keys: bool,
    /// The word that was looked at: where it was looked for, and where reading goes on after it.
    ahead: Option<Ahead<'t>>,
}

#[derive(Debug, Clone, Copy)]
struct Ahead<'t> {
    token: Token<'t>,
    from: usize,
    at: usize,
    line: usize,
}

impl<'t> Tokens<'t> {
    pub(super) fn new(text: &'t str) -> Tokens<'t> {
        Tokens { text, at: 0, line: 1, keys: false, ahead: None }
    }

    /// The text between two places.
    pub(super) fn between(&self, from: usize, to: usize) -> &'t str {
        self.text.get(from..to).unwrap_or_default().trim()
    }

    /// The line that the last sign before this place is on.
    pub(super) fn line_before(&self) -> usize {
        self.line - usize::from(self.line > 1 && self.text[..self.at].ends_with('\n'))
    }

    /// The next word, without taking it.
    pub(super) fn peek(&mut self) -> Token<'t> {
        if let Some(ahead) = self.ahead.filter(|ahead| ahead.from == self.at) {
            return ahead.token;
        }
        let (from, line) = (self.at, self.line);
        let token = self.scan();
        self.ahead = Some(Ahead { token, from, at: self.at, line: self.line });
        (self.at, self.line) = (from, line);
        token
    }

    pub(super) fn next(&mut self) -> Token<'t> {
        if let Some(ahead) = self.ahead.filter(|ahead| ahead.from == self.at) {
            (self.at, self.line) = (ahead.at, ahead.line);
            return ahead.token;
        }
        self.scan()
    }

    fn scan(&mut self) -> Token<'t> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                // A line that goes on.
                Some(b'\\') if bytes.get(self.at + 1) == Some(&b'\n') => {
                    (self.at, self.line) = (self.at + 2, self.line + 1)
                }
                _ => break,
            }
        }
        let start = self.at;
        let Some(first) = bytes.get(start) else { return Token::End };
        let sign = |tokens: &mut Self, length: usize| {
            tokens.at += length;
            Token::Sign(&tokens.text[start..start + length])
        };
        match first {
            b'\n' => {
                self.at += 1;
                self.line += 1;
                Token::Line
            }
            b';' => {
                self.at += 1;
                Token::Line
            }
            b'#' => {
                let length = bytes[start..].iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len() - start);
                self.at += length;
                Token::Comment(&self.text[start + 1..start + length])
            }
            b'"' => {
                let rest = &bytes[start + 1..];
                let length = rest.iter().position(|byte| matches!(byte, b'"' | b'\n')).unwrap_or(rest.len());
                self.at = (start + 2 + length).min(bytes.len());
                Token::Text(&self.text[start + 1..start + 1 + length])
            }
            b'{' | b'}' | b'(' | b')' | b',' | b'&' | b'|' | b'^' => sign(self, 1),
            b'=' | b'!' | b'<' | b'>' => match bytes.get(start + 1) {
                Some(b'=') => sign(self, 2),
                Some(second) if second == first && *first != b'!' => sign(self, 2),
                _ => sign(self, 1),
            },
            _ => {
                let raw = *first == b'@';
                let stops = |byte: &u8| ENDS[usize::from(*byte)] && !(raw && *byte == b',');
                let length = bytes[start..].iter().position(stops).unwrap_or(bytes.len() - start).max(1);
                let word = &self.text[start..start + length];
                self.at = start + if self.keys { key_length(word) } else { length };
                Token::Word(&self.text[start..self.at])
            }
        }
    }
}

/// How long the key of a map is that a word begins with: without blanks around its colon, nft tells keys from what they map to
/// as long as the word is not a longer key (`80:accept`, `10.0.0.9:10.0.0.1`, `80: accept`, `80 :accept`).
fn key_length(word: &str) -> usize {
    if !word.contains(':') {
        return word.len();
    }
    if word.starts_with(':') && !word.starts_with("::") {
        return 1;
    }
    let Some((key, value)) = word.rsplit_once(':') else { return word.len() };
    let is_whole = !key.contains(':') || (key.len() == "00:00:00:00:00:00".len() && key.matches(':').count() == 5);
    let is_value = matches!(value, "accept" | "drop" | "continue" | "return" | "jump" | "goto")
        || value.parse::<std::net::Ipv4Addr>().is_ok();
    if (value.is_empty() && !key.ends_with(':')) || (is_whole && is_value) { key.len() } else { word.len() }
}

#[cfg(test)]
mod tests {
    use super::key_length;

    #[test]
    fn keys_end_where_nft_ends_them() {
        for (word, key) in [
            ("80:accept", "80"),
            ("80:", "80"),
            (":accept", ":"),
            (":", ":"),
            ("22-25:drop", "22-25"),
            ("10.0.0.9:10.0.0.1", "10.0.0.9"),
            ("02:00:00:00:00:01:drop", "02:00:00:00:00:01"),
            ("02:00:00:00:00:01", "02:00:00:00:00:01"),
            ("::1:", "::1"),
            ("::1", "::1"),
            ("fe80::", "fe80::"),
            ("::ffff:10.0.0.1", "::ffff:10.0.0.1"),
            // What nft reads as one word, and refuses.
            ("fe80::1:accept", "fe80::1:accept"),
            ("80:8080", "80:8080"),
        ] {
            assert_eq!(&word[..key_length(word)], key, "{word}");
        }
    }
}
