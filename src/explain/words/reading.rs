//! How far a reading is: a line for whoever waits at a prompt, and a few words for a header.

use super::phrase::{Phrase, say};
use crate::host::Reached;

/// `reading nf_tables rules, namespace 2 of 7: 12,300 rules in 340 of 10,012 chains, 500 set elements`.
pub(super) fn reached(reached: &Reached) -> String {
    let mut line = begins(reached);
    if reached.namespaces > 1 {
        let places = [("at", &*grouped(reached.namespace)), ("of", &grouped(reached.namespaces))];
        line.push_str(&say(Phrase::AtNamespace, &places));
    }
    if reached.again > 0 {
        line.push_str(&say(Phrase::ReadingAnew, &[]));
    }
    let mut counts = Vec::new();
    if reached.of > 0 {
        let rules = match reached.rules {
            1 => say(Phrase::OneRule, &[]),
            rules => say(Phrase::ManyRules, &[("count", &grouped(rules))]),
        };
        counts.push(say(Phrase::RulesInChains, &[("rules", &rules), ("chains", &chains(reached))]));
    }
    if reached.elements > 0 {
        counts.push(say(Phrase::SetElements, &[("count", &grouped(reached.elements))]));
    }
    if !counts.is_empty() {
        line.push_str(": ");
        line.push_str(&counts.join(", "));
    }
    line
}

/// `reading: 340 of 10,012 chains`.
pub(super) fn reached_briefly(reached: &Reached) -> String {
    match (reached.of, reached.elements) {
        (0, 0) => begins(reached),
        (0, elements) => {
            let elements = say(Phrase::SetElements, &[("count", &grouped(elements))]);
            say(Phrase::ReadingElements, &[("elements", &elements)])
        }
        _ => say(Phrase::ReadingChains, &[("chains", &chains(reached))]),
    }
}

fn begins(reached: &Reached) -> String {
    match reached.what {
        Some(what) => say(Phrase::Reading, &[("what", &what.to_string())]),
        None => say(Phrase::ReadingHost, &[]),
    }
}

fn chains(reached: &Reached) -> String {
    say(Phrase::ChainsOf, &[("chains", &grouped(reached.chains)), ("of", &grouped(reached.of))])
}

/// A number with a comma after each three digits.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::What;

    #[test]
    fn a_line_says_what_is_read_where_and_how_far() {
        let mut at = Reached::default();
        assert_eq!(reached(&at), "reading the host");
        assert_eq!(reached_briefly(&at), "reading the host");
        at.what = Some(What::Sockets);
        (at.namespace, at.namespaces) = (1, 1);
        assert_eq!(reached(&at), "reading sockets");
        (at.what, at.of) = (Some(What::NfTables), 10_012);
        assert_eq!(reached(&at), "reading nf_tables rules: 0 rules in 0 of 10,012 chains");
        (at.chains, at.rules) = (1, 1);
        assert_eq!(reached(&at), "reading nf_tables rules: 1 rule in 1 of 10,012 chains");
        (at.chains, at.rules, at.elements) = (340, 1_234_567, 500);
        (at.namespace, at.namespaces) = (2, 7);
        let line =
            "reading nf_tables rules, namespace 2 of 7: 1,234,567 rules in 340 of 10,012 chains, 500 set elements";
        assert_eq!(reached(&at), line);
        assert_eq!(reached_briefly(&at), "reading: 340 of 10,012 chains");
        at = Reached { what: Some(What::IpSets), again: 1, elements: 100, ..Reached::default() };
        assert_eq!(reached(&at), "reading ipset sets, anew as they changed: 100 set elements");
        assert_eq!(reached_briefly(&at), "reading: 100 set elements");
    }

    #[test]
    fn numbers_are_grouped_by_three_digits() {
        let numbers = [0, 12, 999, 1000, 65_536, 100_000, 1_000_000];
        assert_eq!(numbers.map(grouped), ["0", "12", "999", "1,000", "65,536", "100,000", "1,000,000"]);
    }
}
