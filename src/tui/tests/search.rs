//! What is typed is found, wherever it stands, and whoever typed it comes to it and back.

use super::*;

fn typed(keys: &str) -> Explorer {
    let mut explorer = Explorer::on(80);
    explorer.press(keys);
    explorer
}

/// The text of the row that is looked at.
fn row(explorer: &Explorer) -> Option<super::super::outline::Id> {
    explorer.state.tree.row(explorer.state.cursor).map(|row| row.id)
}

#[test]
fn a_port_is_found_by_its_number_its_process_and_its_address() {
    for (keys, port) in [("/22", 22), ("/sshd", 22), ("/nginx", 80), ("/ssd", 22)] {
        let explorer = typed(keys);
        assert_eq!(explorer.selected().0, Some(port), "{keys}: {}", explorer.text());
        assert_eq!(explorer.state.focus, Pane::Ports, "{keys}");
    }
}

#[test]
fn the_rule_on_the_way_is_looked_at_first_and_others_come_after() {
    let mut explorer = typed("/dnat<Enter>");
    let first = row(&explorer);
    let turned = match first {
        Some(super::super::outline::Id::Rule(frame, index)) => {
            explorer.state.path.trodden.get(&frame).and_then(|trodden| trodden.held.get(&index)).copied()
        }
        other => panic!("{other:?}: {}", explorer.text()),
    };
    assert!(turned.is_some_and(|mark| mark.verdict.translation().is_some()), "{}", explorer.text());
    assert_eq!(explorer.state.focus, Pane::Netfilter);
    let all = explorer.state.search.as_ref().and_then(|search| search.found()).expect("hits").hits.len();
    assert!(all > 1, "{all}");
    explorer.press(&"n".repeat(all));
    assert_eq!(row(&explorer), first, "once around");
    explorer.press("nN");
    assert_eq!(row(&explorer), first, "there and back");
}

/// A rule with a comment to be found.
fn needle(number: u32) -> Rule {
    let comment = xt::Match::Comment(format!("needle {number}").into());
    Rule { handle: None, body: Body::Iptables(xt::Rule { matches: vec![comment].into(), target: xt::Target::Drop }) }
}

#[test]
fn what_is_folded_is_opened_to_show_it() {
    let mut host = node();
    host.namespaces[0].ruleset.tables[0].chains[2].rules.extend((0..1000).map(needle));
    let mut explorer = Explorer::new(host, Some(tcp(80, None)), Look::sixteen());
    explorer.press("/needle 777<Enter>");
    assert!(explorer.text().contains("needle 777"), "{}", explorer.text());
    assert_eq!(explorer.state.focus, Pane::Netfilter);
    assert!(explorer.bottom().ends_with("/needle 777 1 of 1"), "{}", explorer.bottom());
}

#[test]
fn what_packets_of_the_other_family_meet_is_found_and_shown_table_by_table() {
    let mut host = node();
    let mut table = host.namespaces[0].ruleset.tables[0].clone();
    table.family = crate::host::Family::Ip6;
    table.chains[0].name = "SIX".into();
    table.chains[0].rules.push(needle(6));
    host.namespaces[0].ruleset.tables.push(table);
    let mut explorer = Explorer::new(host, Some(tcp(80, None)), Look::sixteen());
    let before = explorer.text();
    assert!(!before.contains("table by table"), "{before}");
    for keys in ["/needle 6", "/nat SIX"] {
        explorer.press(keys);
        assert!(explorer.bottom().contains(" of "), "{keys}: {}", explorer.bottom());
        assert!(explorer.text().contains("table by table"), "{keys}: {}", explorer.text());
        assert_eq!(explorer.state.focus, Pane::Netfilter, "{keys}");
        explorer.press("<Esc>");
        assert_eq!(explorer.text(), before, "{keys} is taken back");
    }
    explorer.press("/needle 6<Enter>g");
    assert!(explorer.text().contains("as the packet meets it"), "{}", explorer.text());
    explorer.press("n");
    assert!(explorer.bottom().contains("the tree is table by table now"), "{}", explorer.bottom());
}

#[test]
fn what_has_it_is_marked_while_it_is_typed() {
    let explorer = typed("/sshd");
    assert_eq!(marked(&explorer, 0..usize::MAX), "sshd");
    assert!(explorer.bottom().starts_with(" /sshd▏"), "{}", explorer.bottom());
}

#[test]
fn what_a_row_leaves_out_of_a_rule_is_marked_below_it() {
    let explorer = typed("/--dport 22");
    let why = super::super::view::panes(&explorer.state).expect("room").why.inner();
    assert_eq!(marked(&explorer, usize::from(why.y)..usize::from(why.bottom())), "--dport22");
}

/// What is marked in these rows of the screen.
fn marked(explorer: &Explorer, rows: std::ops::Range<usize>) -> String {
    let buffer = explorer.screen();
    (0..buffer.area.height)
        .filter(|y| rows.contains(&usize::from(*y)))
        .flat_map(|y| (0..buffer.area.width).map(move |x| (x, y)))
        .filter(|at| buffer[*at].modifier.contains(Modifier::UNDERLINED))
        .map(|at| buffer[at].symbol())
        .collect()
}

#[test]
fn a_text_that_is_taken_back_leaves_all_as_it_was() {
    let mut explorer = Explorer::on(80);
    let before = explorer.text();
    for keys in ["/22<Esc>", "/22<BS><BS><BS>", "/<Enter>", "/dnat<C-c>", "/nowhere at all<Esc>", "/22<C-u><Enter>"] {
        explorer.press(keys);
        assert_eq!(explorer.text(), before, "{keys}");
    }
    explorer.press("/22<Enter><Esc>");
    assert_eq!(explorer.selected().0, Some(22), "what was kept stays");
    assert!(explorer.state.search.is_none());
}

#[test]
fn what_an_earlier_letter_led_to_is_left_again() {
    let mut explorer = Explorer::on(80);
    let before = explorer.text();
    explorer.press("/22");
    assert_eq!(explorer.selected().0, Some(22));
    explorer.press("<BS><BS>");
    assert_eq!(rest(&explorer), rest_of(&before), "nothing is sought");
    explorer.press("22<C-u>-j dnat");
    assert_eq!(explorer.selected().0, Some(80), "the port whose way it was");
    assert_eq!(explorer.state.focus, Pane::Netfilter);
    explorer.press("qqq");
    assert!(explorer.bottom().contains("nowhere"), "{}", explorer.bottom());
    assert_eq!(rest(&explorer), rest_of(&before), "nowhere to go");
}

/// All but the line in which something is typed.
fn rest(explorer: &Explorer) -> String {
    rest_of(&explorer.text())
}

fn rest_of(text: &str) -> String {
    let mut lines: Vec<&str> = text.trim_end().lines().collect();
    lines.pop();
    lines.join("\n")
}

#[test]
fn what_is_nowhere_is_said_to_be_nowhere() {
    let mut explorer = typed("/qqqqqq");
    assert!(explorer.bottom().contains("nowhere"), "{}", explorer.bottom());
    explorer.press("<Enter>nN");
    assert_eq!(explorer.selected().0, Some(80));
    explorer.press("/9876");
    assert!(explorer.bottom().contains("nowhere   Esc, then 9876: asks about that port"), "{}", explorer.bottom());
    let mut explorer = Explorer::on(80);
    explorer.press("n");
    assert!(explorer.bottom().contains("nothing was searched for"), "{}", explorer.bottom());
}

#[test]
fn what_is_found_for_an_older_text_is_dropped() {
    let mut explorer = Explorer::on(80);
    update(&mut explorer.state, Event::Key(key::sequence("/").expect("a key")[0].event()));
    let mut asked = Vec::new();
    for key in key::sequence("22").expect("keys") {
        asked.extend(update(&mut explorer.state, Event::Key(key.event())));
    }
    let answers: Vec<Event> = asked
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Search(edition, number, sought) => {
                Some(Event::Found(edition, number, super::super::seek(&explorer.host, &sought, || false)?))
            }
            _ => None,
        })
        .collect();
    let [older, newer] = &answers[..] else { panic!("two texts were sought: {answers:?}") };
    explorer.take(older.clone());
    assert_eq!(explorer.selected().0, Some(80), "the older one");
    explorer.take(newer.clone());
    assert_eq!(explorer.selected().0, Some(22), "the newer one");
    let Some(Effect::Search(_, _, sought)) = asked_again(&mut explorer) else { panic!("it is sought again") };
    assert_eq!(super::super::seek(&explorer.host, &sought, || true), None, "nobody waits for it");
}

/// What is sought once one more letter is typed.
fn asked_again(explorer: &mut Explorer) -> Option<Effect> {
    update(&mut explorer.state, Event::Key(key::sequence("2").expect("a key")[0].event())).into_iter().next()
}

#[test]
fn a_number_goes_to_its_port_and_one_that_nobody_has_is_asked_about() {
    let mut explorer = Explorer::on(80);
    explorer.press("22");
    assert_eq!(explorer.selected().0, Some(22));
    assert!(explorer.bottom().starts_with(" port 22▏"), "{}", explorer.bottom());
    explorer.press("<Esc>");
    assert_eq!(explorer.selected().0, Some(80), "it is taken back");
    explorer.press("22<Enter>");
    assert_eq!(explorer.selected(), (Some(22), Some(1)));
    let rows = explorer.state.ports.len();
    explorer.press("9876<Enter>");
    assert_eq!(explorer.selected(), (Some(9876), None));
    assert_eq!(explorer.state.ports.len(), rows + 1);
    explorer.press("9877<Enter>");
    assert_eq!(explorer.state.ports.len(), rows + 1, "one at a time");
    explorer.press("99999<Enter>");
    assert_eq!(explorer.selected().0, Some(9877));
    assert!(explorer.bottom().contains("99999 is no port"), "{}", explorer.bottom());
    explorer.press("22<Down>");
    assert!(explorer.state.going.is_none(), "another key ends it");
    assert_ne!(explorer.selected().0, Some(22), "and does what it does");
}

#[test]
fn a_port_whose_packets_are_of_one_family_says_so() {
    let mut explorer = Explorer::on(80);
    explorer.press("f");
    assert!(explorer.bottom().contains("only IPv4 packets come to this port"), "{}", explorer.bottom());
}
