//! Rules that mail or a terminal broke into several lines.
//!
//! Mail breaks at blanks, a terminal anywhere: what makes a rule of the pieces tells which it was. Deliberately joins nothing
//! that does not read as one rule.

use crate::host::IpFamily;
use crate::syntax::iptables::{Likeness, rule_likeness};

/// The rule that `last` and the first of the lines after it make, and how many of those it takes.
pub(super) fn join(text: &str, last: &str, following: &[&str], family: Option<IpFamily>) -> Option<(String, usize)> {
    let family = family.unwrap_or(IpFamily::V4);
    let likeness = |rule: &str| rule_likeness(rule, family).max(rule_likeness(rule, other(family)));
    // How well it reads so far, and what was read last.
    let mut best = likeness(last);
    let (mut whole, mut before) = (last.to_owned(), last);
    let mut found = None;
    for (at, piece) in following.iter().enumerate() {
        let goes_on = continues(text, before, piece);
        if best == Likeness::Whole && !goes_on {
            break;
        }
        let (blank, tight) = (format!("{whole} {piece}"), format!("{whole}{piece}"));
        let by_terminal = whole.matches('"').count() % 2 == 1 && is_width(text, before) || in_word(&whole);
        let joined = if by_terminal || likeness(&tight) > likeness(&blank) { tight } else { blank };
        let reads = likeness(&joined);
        if reads > best || reads == best && reads > Likeness::None && goes_on {
            found = Some((joined.clone(), at + 1));
            best = reads;
        } else if best > Likeness::None {
            break;
        }
        (whole, before) = (joined, piece);
    }
    found
}

fn other(family: IpFamily) -> IpFamily {
    match family {
        IpFamily::V4 => IpFamily::V6,
        IpFamily::V6 => IpFamily::V4,
    }
}

/// Whether a line after a rule that could stand alone belongs to it all the same.
fn continues(text: &str, last: &str, piece: &str) -> bool {
    let option = |word: &str| word.starts_with('-') && word.len() > 1 || word == "!";
    let cut = is_width(text, last) && !piece.contains(' ');
    piece.split(' ').any(option) || cut
}

/// Whether a line ends in the midst of a word, for sure: a dash, or a part of an option.
fn in_word(line: &str) -> bool {
    line.ends_with(" -") || line.ends_with(" --")
}

/// Whether a line is as long as a line of a terminal: as several others, and no line of the text is longer.
fn is_width(text: &str, line: &str) -> bool {
    let length = line.chars().count();
    length >= 40
        && text.lines().all(|other| other.trim_end().chars().count() <= length)
        && text.lines().filter(|other| other.trim_end().chars().count() == length).nth(1).is_some()
}
