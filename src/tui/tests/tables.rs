//! The tree in the order of the tables.

use super::super::outline::Id;
use super::*;

#[test]
fn tables_stand_as_the_tools_print_them_with_the_way_in_them() {
    let mut explorer = Explorer::on(80);
    explorer.press("g");
    let rows = explorer.tree();
    assert!(in_order(&rows, &["▾ ip nat  iptables-nft", "PREROUTING  prerouting -100", "━▶"]), "{rows:#?}");
    assert!(!rows.iter().any(|row| row.contains("route ") || row.contains('◉')), "{rows:#?}");
    assert!(explorer.text().contains("table by table"));
    let packet = Explorer::on(80).tree();
    explorer.press("g");
    assert_eq!(explorer.tree(), packet, "back in the packet's order");
}

#[test]
fn the_rule_that_is_looked_at_stays() {
    let mut explorer = Explorer::on(80);
    explorer.press("<Right>");
    let looked = |explorer: &Explorer| match explorer.state.tree.row(explorer.state.cursor).map(|row| row.id) {
        Some(Id::Rule(frame, index)) => (explorer.state.frames.get(frame).chain, index),
        other => panic!("{other:?}"),
    };
    let before = looked(&explorer);
    let why = |explorer: &Explorer| explorer.state.told.as_ref().expect("what became of it").accounts.clone();
    let told = why(&explorer);
    explorer.press("g");
    assert_eq!(looked(&explorer), before);
    assert_eq!(why(&explorer), told, "what became of it is told of the packet's visit");
    explorer.press("g");
    assert_eq!(looked(&explorer), before);
}

#[test]
fn a_chain_that_nothing_leads_to_is_found_among_the_tables() {
    let mut host = node();
    let comment = xt::Match::Comment("lonely".into());
    let rule = Rule {
        handle: None,
        body: Body::Iptables(xt::Rule { matches: vec![comment].into(), target: xt::Target::Drop }),
    };
    let chain = crate::host::Chain { name: "ALONE".into(), base: None, rules: vec![rule], details: Default::default() };
    host.namespaces[0].ruleset.tables[0].chains.push(chain);
    let mut explorer = Explorer::new(host, Some(tcp(80, None)), Look::sixteen());
    explorer.press("/lonely<Enter>");
    assert!(explorer.text().contains("table by table"), "{}", explorer.text());
    assert!(explorer.text().contains("rule 1 of nat ALONE"), "{}", explorer.text());
}

/// The story's port 80, table by table.
fn story_by_table() -> Explorer {
    let mut explorer = super::tour::story((100, 30));
    super::tour::press(&mut explorer, "80<Enter>g");
    explorer
}

#[test]
fn a_rule_is_told_of_on_the_pass_on_which_it_held() {
    let mut explorer = story_by_table();
    let mut stops = 0;
    loop {
        super::tour::press(&mut explorer, "p");
        if explorer.bottom().contains("the path ends here") {
            break;
        }
        stops += 1;
        let text = explorer.text();
        assert!(text.contains("It holds") && !text.contains("does not match:"), "{text}");
        super::tour::press(&mut explorer, "<Enter>");
        assert!(!explorer.text().contains("It does not match"), "{}", explorer.text());
        super::tour::press(&mut explorer, "<Esc>");
    }
    assert_eq!(stops, explorer.state.path.way.len());
}

#[test]
fn tables_of_other_namespaces_stand_below_with_the_way_in_them() {
    let mut explorer = story_by_table();
    let tables: Vec<Id> = explorer.state.path.sections.iter().map(Id::of).collect();
    let namespaces: Vec<usize> = tables
        .iter()
        .map(|id| match id {
            Id::Table(at) => at.namespace,
            other => panic!("{other:?}"),
        })
        .collect();
    let svclb = explorer.host.find("svclb").expect("the namespace");
    assert_eq!(namespaces[0], explorer.state.namespace);
    assert!(namespaces[1..].contains(&svclb), "{namespaces:?}");
    let packet = {
        let mut explorer = super::tour::story((100, 30));
        super::tour::press(&mut explorer, "80<Enter>");
        let frame = |frame| (explorer.state.frames.get(frame).place.namespace, explorer.state.frames.get(frame).chain);
        explorer.state.path.way.iter().map(|(at, index)| (frame(*at), *index)).collect::<Vec<_>>()
    };
    let frame = |frame| (explorer.state.frames.get(frame).place.namespace, explorer.state.frames.get(frame).chain);
    let way: Vec<_> = explorer.state.path.way.iter().map(|(at, index)| (frame(*at), *index)).collect();
    assert_eq!(way, packet, "the packet's order, wherever the tables stand");
    super::tour::press(&mut explorer, "<Tab><End>");
    let rows = explorer.tree();
    assert!(in_order(&rows, &["ip nat  iptables-nft, in svclb", "PREROUTING", "→ 10.43.85.149:80"]), "{rows:#?}");
}
