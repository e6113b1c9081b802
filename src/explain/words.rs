//! Findings, conditions and assumptions as English sentences, in one place. Another language is another table.
//!
//! Text from outside (process, chain and device names) comes through as it is: whoever shows it calls [`super::clean`].

use crate::host::Host;
use crate::walk::{Assumption, Condition};

use super::finding::{Answer, From, Who};

/// The sentences that say who answers and why: one or two, plain.
pub fn because(host: &Host, namespace: usize, answer: &Answer) -> String {
    let _ = (host, namespace, answer);
    String::new()
}

/// Who answers, in a few words: `nginx (1103)`, `10.42.0.2:80`, `nobody`.
pub fn who(host: &Host, who: &Who) -> String {
    let _ = (host, who);
    String::new()
}

/// A place that packets come from, in a few words: `outside by eth0`, `own address 192.168.66.100`, `localhost`.
pub fn from(from: &From) -> String {
    let _ = from;
    String::new()
}

/// A condition, in a few words: `src in 10.0.0.0/8`.
pub fn condition(condition: &Condition) -> String {
    let _ = condition;
    String::new()
}

/// An assumption as a clause. `rule_text` gives the text of a match (`Some(index)`) or of the target (`None`) of a rule
/// in the syntax of the tool that made it.
pub fn assumption(
    host: &Host,
    namespace: usize,
    assumption: &Assumption,
    match_text: &dyn Fn(crate::host::RuleId, Option<u16>) -> String,
) -> String {
    let _ = (host, namespace, assumption, match_text);
    String::new()
}
