//! Rule texts that a screen has room for: of a list of a thousand elements the first few, and how many more there are.

use std::borrow::Cow;

/// Lists of up to so many elements are told whole.
const MANY: usize = 16;
/// Of longer ones so many.
const FEW: usize = 4;

/// A rule, or a part of one, with long lists in braces cut short. Braces within quotes are no lists.
///
/// Nor are the numbers of a `counter` told: they are no part of what a rule says.
pub fn brief(text: &str) -> Cow<'_, str> {
    match without_counts(text) {
        Some(text) => Cow::Owned(short(&text).into_owned()),
        None => short(text),
    }
}

/// A rule without what its native counters had counted when it was printed: they are no part of what it says.
pub fn uncounted(text: &str) -> Cow<'_, str> {
    without_counts(text).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The text without what native counters have counted; `None` where it has none.
fn without_counts(text: &str) -> Option<String> {
    const COUNTER: &str = "counter packets ";
    let at = text.find(COUNTER)?;
    let quoted = text[..at].matches('"').count() % 2 == 1;
    let mut words = text[at + COUNTER.len()..].splitn(4, ' ');
    let (packets, name, bytes) = (words.next()?, words.next()?, words.next()?);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if quoted || name != "bytes" || !is_number(packets) || !is_number(bytes) {
        return None;
    }
    let rest = words.next().map(|rest| format!(" {}", without_counts(rest).unwrap_or_else(|| rest.to_owned())));
    Some(format!("{}counter{}", &text[..at], rest.unwrap_or_default()))
}

fn short(text: &str) -> Cow<'_, str> {
    let mut told = String::new();
    let mut rest = text;
    while let Some((open, close, elements)) = long_list(rest) {
        let cut = elements[FEW] - 1;
        let more = elements.len() - FEW;
        told.push_str(&rest[..cut]);
        told.push_str(&format!(", … {more} more "));
        told.push_str(&rest[close..=close]);
        debug_assert!(open < cut && cut < close, "a list is not empty");
        rest = &rest[close + 1..];
    }
    if told.is_empty() {
        return Cow::Borrowed(text);
    }
    told.push_str(rest);
    Cow::Owned(told)
}

/// The first long list in braces: where it opens and closes, and where each of its elements begins.
fn long_list(text: &str) -> Option<(usize, usize, Vec<usize>)> {
    let mut quoted = false;
    let mut found: Option<(usize, Vec<usize>)> = None;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '"' if before != '\\' => quoted = !quoted,
            _ if quoted => {}
            '{' => found = Some((at, vec![at + 1])),
            ',' => found.iter_mut().for_each(|(_, elements)| elements.push(at + 1)),
            '}' => match found.take() {
                Some((open, elements)) if elements.len() > MANY => return Some((open, at, elements)),
                _ => {}
            },
            _ => {}
        }
        before = c;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::brief;

    #[test]
    fn counts_are_not_told() {
        assert_eq!(brief("tcp dport 22 counter packets 0 bytes 0 accept"), "tcp dport 22 counter accept");
        assert_eq!(brief("counter packets 12 bytes 720"), "counter");
        assert_eq!(
            brief("counter accept comment \"counter packets 1 bytes 2 x\""),
            "counter accept comment \"counter packets 1 bytes 2 x\""
        );
    }

    #[test]
    fn of_a_long_list_the_first_are_told() {
        let elements: Vec<String> = (0..1000).map(|n| format!("{n} : goto endpoint-{n}")).collect();
        let text = format!("numgen random mod 1000 vmap {{ {} }} comment \"a\"", elements.join(", "));
        let told = "numgen random mod 1000 vmap { 0 : goto endpoint-0, 1 : goto endpoint-1, 2 : goto endpoint-2, \
                    3 : goto endpoint-3, … 996 more } comment \"a\"";
        assert_eq!(brief(&text), told);
    }

    #[test]
    fn short_lists_and_what_is_quoted_are_left_alone() {
        for text in
            ["tcp dport { 22, 80 } accept", "accept comment \"{ 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18 }\""]
        {
            assert_eq!(brief(text), text);
        }
    }
}
