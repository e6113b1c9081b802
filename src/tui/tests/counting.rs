//! What rules count, told beside them.

use std::time::Duration;

use super::*;
use crate::host::{ChainId, Counters, RuleId};
use crate::tui::WINDOW;

/// The only rule of INPUT.
const DROP: (usize, RuleId) = (0, RuleId { chain: INPUT, index: 0 });

/// The same node, whose rule of INPUT had counted something when it was read.
fn counting() -> Host {
    let mut host = node();
    host.namespaces[0].observations.rules.insert(DROP.1, Counters { packets: 7, bytes: 420 });
    host
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

impl Explorer {
    /// On a live host that is followed, where the rule of INPUT is on the screen.
    fn counting() -> Explorer {
        let mut explorer = Explorer::new(counting(), Some(tcp(22, None)), Look::sixteen());
        explorer.state.source = Source::Live;
        update(&mut explorer.state, Event::Followed(true));
        explorer
    }

    fn counted(&mut self, at: u64, packets: u64) {
        let counted = vec![(DROP, Counters { packets, bytes: packets * 60 })];
        let event = Event::Counted(Arc::clone(self.state.host()), seconds(at), counted);
        assert_eq!(update(&mut self.state, event), []);
    }

    /// The row of the rule, and how its end is painted.
    fn rule(&self) -> (String, bool) {
        let row = self.tree().into_iter().find(|row| row.contains("--dport 22 -j DROP")).expect("the rule");
        let buffer = self.screen();
        let glow = self.state.look.style(crate::tui::look::Tone::Glow);
        let glows = buffer.content.iter().any(|cell| cell.fg == glow.fg.expect("a colour"));
        (row.split("DROP").nth(1).expect("its end").trim().to_owned(), glows)
    }
}

#[test]
fn a_live_host_that_nobody_follows_tells_what_rules_had_counted() {
    let mut explorer = Explorer::new(counting(), Some(tcp(22, None)), Look::sixteen());
    assert_eq!(explorer.rule(), (String::new(), false), "of a recording the details tell it");
    explorer.state.source = Source::Live;
    assert_eq!(explorer.rule(), ("7".to_owned(), false));
}

#[test]
fn how_fast_a_rule_counts_is_not_taken_over_the_time_in_which_nobody_looked() {
    let mut explorer = Explorer::counting();
    explorer.counted(1, 8);
    explorer.counted(2, 20);
    let other = (0, RuleId { index: 1, ..DROP.1 });
    let event = Event::Counted(Arc::clone(explorer.state.host()), seconds(60), vec![(other, Counters::default())]);
    update(&mut explorer.state, event);
    explorer.counted(100, 4000);
    assert_eq!(explorer.rule(), ("4.0k".to_owned(), false), "how fast is not known yet");
    explorer.counted(101, 4040);
    assert_eq!(explorer.rule(), ("• 40/s 4.0k".to_owned(), true));
}

#[test]
fn a_rule_tells_what_it_counted_and_glows_while_it_counts() {
    let mut explorer = Explorer::counting();
    assert_eq!(explorer.state.counting(), [DROP]);
    assert_eq!(explorer.rule(), ("7".to_owned(), false), "as it was read");
    explorer.counted(1, 8);
    assert_eq!(explorer.rule(), ("8".to_owned(), false), "how fast is not known yet");
    explorer.counted(2, 20);
    assert_eq!(explorer.rule(), ("• 12/s 20".to_owned(), true));
    explorer.counted(3, 21);
    assert_eq!(explorer.rule(), ("• 6.5/s 21".to_owned(), true));
    (4..8).for_each(|at| explorer.counted(at, 21));
    assert!(explorer.rule().1, "it counted less than {WINDOW:?} ago");
    explorer.counted(8, 21);
    assert_eq!(explorer.rule(), ("21".to_owned(), false));
}

#[test]
fn the_page_about_a_rule_and_the_text_below_tell_the_same() {
    let mut explorer = Explorer::counting();
    explorer.press("<Tab>");
    explorer.counted(1, 1000);
    explorer.counted(2, 3500);
    let told = "3500 packets, 210000 bytes; 2.5k packets and 150k bytes a second now";
    let flat = |text: String| text.replace(['│', '\n'], " ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat(explorer.text()).contains(&format!("counted {told}")), "{}", explorer.text());
    explorer.press("<Enter>");
    assert_eq!(explorer.state.counting(), [DROP], "it is seen on its page");
    assert!(flat(explorer.text()).contains(told), "{}", explorer.text());
}

#[test]
fn only_what_can_be_seen_on_a_live_host_is_counted() {
    let mut explorer = Explorer::counting();
    explorer.press("?");
    assert_eq!(explorer.state.counting(), [], "the help hides it");
    explorer.press("<Esc><Tab>c");
    assert_eq!(explorer.state.counting(), [], "it is folded");
    explorer.press("u");
    assert_eq!(explorer.state.counting(), [DROP]);
    explorer.press(" ");
    assert_eq!(explorer.state.counting(), [], "the picture stands still");
    let recording = Explorer::new(counting(), Some(tcp(22, None)), Look::sixteen());
    assert_eq!(recording.state.counting(), []);
    assert_eq!(recording.rule(), (String::new(), false));
}

#[test]
fn a_picture_that_stands_still_counts_nothing_and_begins_anew() {
    let mut explorer = Explorer::counting();
    explorer.counted(1, 8);
    explorer.counted(2, 10);
    explorer.press(" ");
    let still = explorer.text();
    explorer.counted(3, 100);
    assert_eq!(explorer.text(), still);
    explorer.press(" ");
    assert_eq!(explorer.rule().0, "10");
    explorer.counted(60, 1000);
    assert_eq!(explorer.rule().0, "1.0k", "nobody looked for a while: how fast is not known");
    explorer.counted(61, 1001);
    assert_eq!(explorer.rule().0, "• 1.0/s 1.0k");
}

#[test]
fn counters_that_are_set_to_nothing_begin_anew() {
    let mut explorer = Explorer::counting();
    explorer.counted(1, 50);
    explorer.counted(2, 60);
    explorer.counted(3, 0);
    assert_eq!(explorer.rule(), ("0".to_owned(), false));
    explorer.counted(4, 5);
    assert_eq!(explorer.rule().0, "• 5.0/s 5");
}

#[test]
fn rules_go_on_counting_in_another_reading_and_older_counts_are_dropped() {
    let mut explorer = Explorer::counting();
    explorer.counted(1, 50);
    explorer.counted(2, 60);
    let old = Arc::clone(explorer.state.host());
    let mut host = counting();
    let table = &mut host.namespaces[0].ruleset.tables[INPUT.table as usize];
    table.chains.insert(0, crate::host::Chain { name: "EARLIER".into(), ..table.chains[INPUT.chain as usize].clone() });
    let fresh = explorer.fresh(host);
    explorer.host = Arc::clone(&fresh.host);
    explorer.take(Event::Refreshed(FIRST, Ok(Some(fresh))));
    let now = (0, RuleId { chain: ChainId { chain: INPUT.chain + 1, ..INPUT }, index: 0 });
    assert_eq!(explorer.state.rate(now).map(|rate| rate.packets), Some(10.0));
    let stale = vec![(now, Counters { packets: 99, bytes: 0 })];
    update(&mut explorer.state, Event::Counted(old, seconds(3), stale));
    assert_eq!(explorer.state.counted(now).map(|counters| counters.packets), Some(60));
}

#[test]
fn what_a_row_says_does_not_move_while_its_rule_counts() {
    let mut explorer = Explorer::counting();
    for size in [(72, 24), (80, 24), (100, 30), (120, 36), (160, 48)] {
        explorer.take(Event::Resized(size.0, size.1));
        let row = |explorer: &Explorer| {
            let tree = explorer.tree();
            let row = tree.into_iter().find(|row| row.contains("-j DROP")).expect("the rule");
            row.split_inclusive("DROP").next().map(str::to_owned)
        };
        let idle = row(&explorer);
        explorer.counted(1, 8);
        explorer.counted(2, 20_000);
        assert!(explorer.text().contains('•'), "{}", explorer.text());
        assert_eq!(row(&explorer), idle, "{size:?}");
        (3..12).for_each(|at| explorer.counted(at, 20_000));
        assert_eq!(row(&explorer), idle, "{size:?}");
        explorer.state.counting = Default::default();
    }
}
