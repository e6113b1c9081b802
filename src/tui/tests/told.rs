//! What is told beside the panes' own matter: keys where they do something else, the help, numbers in words, hooks a packet only
//! comes by.

use super::*;

#[test]
fn a_hook_whose_chains_do_not_see_the_packet_stands_where_it_comes_by() {
    let mut explorer = Explorer::on(22);
    explorer.press("b");
    let told = ["┃ ▸ prerouting", "┃ ▸ input", "◉ delivered"];
    assert!(in_order(&explorer.tree(), &told), "{:#?}", explorer.tree());
    assert!(explorer.tree()[0].ends_with("no chain sees it"), "{:#?}", explorer.tree());
}

#[test]
fn what_the_keys_do_in_the_lower_pane_is_told_there() {
    let mut explorer = Explorer::on(80);
    explorer.press("<Tab><Tab>");
    let bottom = explorer.bottom();
    assert!(bottom.contains("↑↓ origin") && bottom.contains("Enter what decides"), "{bottom}");
    explorer.press("<Enter>");
    assert_eq!(explorer.state.focus, Pane::Netfilter);
    assert!(explorer.bottom().contains("Enter open"), "{}", explorer.bottom());
    let mut explorer = Explorer::on(22);
    explorer.press("bo<Tab><Tab><Enter>");
    assert_eq!(explorer.state.focus, Pane::Why);
    assert!(explorer.bottom().contains("no rule decides"), "{}", explorer.bottom());
}

#[test]
fn one_is_one_and_none_is_none() {
    let mut host = node();
    let chain = |host: &mut Host| {
        let table = &mut host.namespaces[0].ruleset.tables[INPUT.table as usize];
        table.chains[INPUT.chain as usize].rules.clone()
    };
    let rules = chain(&mut host);
    for (count, told) in [(0, "no rules, policy"), (1, "; 1 rule, policy"), (2, "; 2 rules, policy")] {
        let table = &mut host.namespaces[0].ruleset.tables[INPUT.table as usize];
        table.chains[INPUT.chain as usize].rules = rules.iter().cycle().take(count).cloned().collect();
        let mut explorer = Explorer::new(host.clone(), Some(tcp(80, None)), Look::sixteen());
        explorer.press("/filter INPUT<Enter>");
        assert!(explorer.text().contains(told), "{told}: {}", explorer.text());
    }
}

#[test]
fn the_whole_help_is_seen_at_once_from_100x30_on_and_pages_are_pages() {
    let mut explorer = Explorer::on(80);
    for size in [(100, 30), (120, 36)] {
        explorer.take(Event::Resized(size.0, size.1));
        explorer.press("?");
        let text = explorer.text();
        for told in ["one row up, down", "leave", "its socket gets the packets", "┣━╸ a rule that holds"] {
            assert!(text.contains(told), "{told}: {text}");
        }
        assert!(!text.contains("for more"), "{text}");
        explorer.press("?");
    }
    explorer.take(Event::Resized(80, 24));
    explorer.press("?");
    assert!(explorer.text().contains("one row up, down"));
    explorer.press("<PgDn>");
    let text = explorer.text();
    assert!(!text.contains("one row up, down") && text.contains("where the way ends"), "{text}");
}

#[test]
fn a_base_chain_tells_its_policy_where_there_is_room_and_nothing_else_to_tell() {
    let mut host = node();
    let table = &mut host.namespaces[0].ruleset.tables[INPUT.table as usize];
    table.chains[INPUT.chain as usize].base.as_mut().expect("a base chain").policy = Policy::Drop;
    let mut explorer = Explorer::new(host, Some(tcp(22, None)), Look::sixteen());
    let chain = |explorer: &Explorer, name: &str| explorer.tree().into_iter().find(|row| row.contains(name));
    let input = chain(&explorer, "filter INPUT").expect("the chain");
    assert!(input.contains("▾") && input.ends_with("policy drop"), "{input}");
    // Rules that held are told alone: the packet did not come to the policy.
    explorer.press("<Right><Left><Left>");
    let input = chain(&explorer, "filter INPUT").expect("the chain");
    assert!(input.contains("▸") && input.ends_with("1 of 1 holds"), "{input}");
    explorer.press("g80<Enter>/filter INPUT<Enter>");
    let input = chain(&explorer, "INPUT  input").expect("the chain");
    assert!(input.ends_with("1 rule, policy drop"), "{input}");
    // Where there is no room for both it is left out.
    explorer.take(Event::Resized(72, 24));
    let input = chain(&explorer, "INPUT  input").expect("the chain");
    assert!(input.ends_with("1 rule"), "{input}");
}

#[test]
fn the_way_in_one_line_stays_in_sight_below_a_page_and_the_picture() {
    use super::tour::{press, story};
    let way = "→ DNAT 10.42.0.2:80 →";
    for size in [(80, 24), (120, 36)] {
        let mut explorer = story(size);
        for keys in ["80<Enter>", "<Enter>", "<Esc>H"] {
            press(&mut explorer, keys);
            let text = explorer.text();
            let told = text.lines().skip(3).find(|line| line.contains(" → eth0 → "));
            let told = told.unwrap_or_else(|| panic!("{keys} {text}"));
            let is_told = |whose: &str| told.contains(&format!("{whose} → eth0 {way}"));
            assert!(is_told("not 10.42.0.0/24") || size.0 == 80 && is_told("some"), "{keys} {told}");
        }
    }
}
