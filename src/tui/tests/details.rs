//! The pages about a rule and a port: what it says, and that it follows what is selected.

use super::*;
use crate::explain::fixture::nat;
use crate::host::Program;
use crate::tui::callers::callers;
use crate::tui::overlay::Overlay;
use crate::walk::{Assumed, Assumption, Why};

/// What stands on top, in rows without their frame.
fn page(explorer: &Explorer) -> Vec<String> {
    let text = explorer.text();
    let inside = text.lines().filter_map(|line| line.split_once('│')?.1.rsplit_once('│').map(|(inside, _)| inside));
    inside.map(|line| line.trim_end().to_owned()).collect()
}

fn is_open(explorer: &Explorer) -> bool {
    matches!(explorer.state.overlays.last(), Some(Overlay::Details(_)))
}

#[test]
fn enter_opens_the_page_about_a_rule_and_folds_everything_else() {
    let mut explorer = Explorer::on(80);
    explorer.press("<Right>");
    let tree = explorer.tree();
    explorer.press("<Enter>");
    assert!(is_open(&explorer));
    assert!(explorer.text().contains("Rule 3 of 3 · nat CNI-DN-"), "{}", explorer.text());
    assert!(in_order(&page(&explorer), &["-j DNAT", "counted", "chain ", "led to by"]), "{}", explorer.text());
    for close in ["<Esc>", "q", "<Enter>"] {
        explorer.press(close);
        assert!(!is_open(&explorer), "{close}");
        assert_eq!(explorer.tree(), tree, "{close}");
        explorer.press("<Enter>");
    }
    explorer.press("<Esc><Home><Enter>");
    assert!(!is_open(&explorer) && explorer.tree() != tree, "a hook folds");
}

#[test]
fn the_page_follows_to_the_next_rule_and_along_the_path() {
    let mut explorer = Explorer::on(80);
    explorer.press("<Right><Enter><Up>");
    let titled = |explorer: &Explorer, what: &str| explorer.text().contains(what);
    assert!(titled(&explorer, "Rule 1 of 1 · nat CNI-HOSTPORT-DNAT"), "{}", explorer.text());
    explorer.press("p");
    assert!(titled(&explorer, "Rule 3 of 3 · nat CNI-DN-"), "{}", explorer.text());
    explorer.press("<Up><Up><Up><Up><Up><Up>");
    assert!(is_open(&explorer), "above the first rule is nothing to go to");
    explorer.press("p?");
    assert!(matches!(explorer.state.overlays[..], [Overlay::Details(_), Overlay::Help { .. }]));
    explorer.press("<Esc>");
    assert!(is_open(&explorer));
}

#[test]
fn a_page_that_does_not_fit_is_scrolled_to_its_end_and_no_further() {
    let mut explorer = Explorer::on(80);
    explorer.take(Event::Resized(40, 12));
    explorer.press("<Right><Enter>");
    assert!(explorer.text().contains("more lines"), "{}", explorer.text());
    let first = explorer.text();
    explorer.press("J");
    assert_ne!(explorer.text(), first);
    explorer.press("K");
    assert_eq!(explorer.text(), first);
    explorer.press("<PgDn><PgDn><PgDn><PgDn>");
    let last = explorer.text();
    assert!(last.contains(" end ") && last.contains("led to by"), "{last}");
    explorer.press("<End>");
    assert_eq!(explorer.text(), last);
    explorer.take(Event::Resized(120, 40));
    assert!(explorer.text().contains("-j DNAT"));
}

#[test]
fn wide_names_below_the_page_leave_its_edge_straight() {
    for name in ["名前名前名前名", "a名前名前名前"] {
        let mut host = node();
        for socket in &mut host.namespaces[0].sockets {
            socket.processes[0].name = name.to_owned();
        }
        let mut explorer = Explorer::new(host, Some(tcp(80, None)), Look::sixteen());
        explorer.press("<Right><Enter>");
        let columns = (110..170).filter(|columns| {
            explorer.take(Event::Resized(*columns, 36));
            let (screen, left) = (explorer.screen(), (columns - 100) / 2);
            (3..10).any(|y| unicode_width::UnicodeWidthStr::width(screen[(left - 1, y)].symbol()) > 1)
        });
        assert_eq!(columns.collect::<Vec<_>>(), [0; 0], "{name}");
    }
}

#[test]
fn a_rule_that_is_gone_takes_its_page_with_it() {
    let mut explorer = Explorer::on(80);
    explorer.press("<Right><Enter>");
    explorer.state.cursor = 0;
    explorer.take(Event::Resized(100, 30));
    assert!(!is_open(&explorer));
}

#[test]
fn the_rules_that_lead_to_a_chain_are_found_by_jump_and_by_map() {
    let host = maps::native();
    let ruleset = &host.namespaces[0].ruleset;
    let of = |name: &str| {
        let chain = ruleset.chains().find(|(_, chain)| *chain.name == *name).map(|(id, _)| id).expect("a chain");
        let places = callers(ruleset, chain).into_iter();
        places.map(|rule| format!("{} {}", ruleset.chain(rule.chain).name, rule.number())).collect::<Vec<_>>()
    };
    assert_eq!(of("web"), ["input 1"]);
    assert_eq!(of("CNI-HOSTPORT-DNAT"), ["PREROUTING 2"]);
    assert_eq!(of("input"), [""; 0]);
}

#[test]
fn enter_on_a_port_tells_its_sockets_and_what_comes_of_its_packets_from_each_place() {
    let mut host = node();
    let program = Program {
        command: "nginx: master process".to_owned(),
        uid: Some(33),
        user: Some("web".to_owned()),
        cgroup: Some("/system.slice/nginx.service".to_owned()),
    };
    host.namespaces[0].programs.insert(1103, program);
    let mut explorer = Explorer::new(host, Some(tcp(80, None)), Look::sixteen());
    explorer.press("<Enter>");
    assert!(is_open(&explorer) && explorer.text().contains("Port tcp/80"), "{}", explorer.text());
    let told = [
        "tcp 0.0.0.0:80, listening",
        "inode 11030, held by nginx (1103)",
        "process   nginx (1103)",
        "nginx: master process",
        "user web (33), unit nginx.service",
        "▌⇄ outside by eth0 → 10.42.0.2:80",
        "nginx (1103) never gets this packet",
        "✓ localhost → nginx (1103)",
    ];
    assert!(in_order(&page(&explorer), &told), "{}", explorer.text());
    explorer.press("o");
    assert!(in_order(&page(&explorer), &[" ⇄ outside by eth0", "▌✓ localhost"]), "{}", explorer.text());
    explorer.press("<Up>");
    assert!(in_order(&page(&explorer), &["tcp 0.0.0.0:22", "outcome 1 of 2: dropped"]), "{}", explorer.text());
    explorer.press("<Enter>");
    assert!(!is_open(&explorer));
    assert_eq!(explorer.state.focus, Pane::Netfilter);
}

#[test]
fn outcomes_that_end_alike_are_told_apart_by_what_they_assume() {
    let mut explorer = Explorer::on(22);
    let assuming = |holds| {
        let drop = vec![step(Hook::Input, INPUT, INPUT, 1, Verdict::Drop)];
        let mut dropped = outcome(FateKind::Dropped, "192.168.66.100", 22, drop);
        let what = Assumed::Order { first: INPUT, second: nat(0) };
        dropped.assumed = vec![Assumption { namespace: 0, what, holds, why: Why::Order }];
        dropped
    };
    let walk = walk(packet(22), vec![assuming(true), assuming(false)]);
    let answer = explain::judge(&explorer.host, &tcp(22, Some(1)), From::Outside("eth0".to_owned()), walk);
    let target = explorer.state.selected.clone().expect("a port");
    explorer.take(Event::Answered(FIRST, target, vec![answer]));
    explorer.press("b");
    let told = "outcome 2 of 2: dropped";
    let why = explorer.text().lines().skip_while(|line| !line.contains("┌ Why")).nth(1).map(str::to_owned);
    assert!(why.is_some_and(|line| line.contains(told)), "{}", explorer.text());
    explorer.press("<Enter>");
    let told = [
        "outcome 1 of 2: dropped, assuming filter INPUT runs before nat PREROUTING",
        "outcome 2 of 2: dropped, assuming nat PREROUTING runs before filter INPUT",
    ];
    assert!(in_order(&page(&explorer), &told), "{}", explorer.text());
}

#[test]
fn what_is_chosen_on_a_small_page_is_brought_into_sight() {
    let mut explorer = Explorer::on(80);
    explorer.take(Event::Resized(40, 12));
    explorer.press("<Enter>");
    for place in ["localhost", "outside by eth0", "localhost"] {
        explorer.press("o");
        let chosen = page(&explorer).into_iter().find(|line| line.contains('▌'));
        assert!(chosen.is_some_and(|line| line.contains(place)), "{}", explorer.text());
    }
}

#[test]
fn names_from_outside_are_told_on_pages_without_what_a_terminal_obeys() {
    let evil = "a\u{1b}[2J\u{202e}b\nc\u{0}";
    let mut host = node();
    let ns = &mut host.namespaces[0];
    for socket in &mut ns.sockets {
        (socket.device, socket.processes[0].name) = (Some(evil.to_owned()), evil.to_owned());
    }
    let evil_too = Some(evil.to_owned());
    let program = Program {
        command: evil.to_owned(),
        uid: None,
        user: evil_too.clone(),
        cgroup: evil_too.map(|it| format!("/{it}.service")),
    };
    ns.programs.insert(1103, program);
    for chain in &mut ns.ruleset.tables[0].chains {
        chain.name = format!("{}{evil}", chain.name).as_str().into();
    }
    let mut explorer = Explorer::new(host, Some(tcp(80, None)), Look::sixteen());
    for keys in ["<Enter>", "<Enter><Enter>", "<Up>"] {
        explorer.press(keys);
        assert!(is_open(&explorer), "{keys}");
        let text = explorer.text();
        assert!(text.contains("[2J"), "{text}");
        let obeyed = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!text.contains(obeyed), "{text:?}");
    }
}
