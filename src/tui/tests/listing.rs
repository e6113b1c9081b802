//! Which ports are listed, and in which order.

use super::*;
use crate::host::{Backend, Unread, What};

/// The numbers in the ports pane.
fn listed(explorer: &Explorer) -> Vec<u16> {
    explorer.state.listed_from(0).filter_map(|port| port.target.port).collect()
}

fn heading(explorer: &Explorer) -> String {
    let text = explorer.text();
    let frame = text.lines().nth(1).expect("a frame");
    let words = frame.split('┐').next().unwrap_or_default().replace(['┌', '─'], " ");
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn only_diverted_blocked_or_a_tables_ports_are_listed() {
    let mut explorer = Explorer::on(80);
    let all = listed(&explorer);
    assert_eq!((all.as_slice(), heading(&explorer).as_str()), (&[22, 80, 80][..], "Ports 2 of 3"));
    explorer.press("F");
    assert_eq!((listed(&explorer), heading(&explorer)), (vec![80, 80], "Ports: by ip nat only 1 of 2".to_owned()));
    explorer.press("F");
    assert_eq!((listed(&explorer), heading(&explorer)), (vec![80, 80], "Ports: diverted only 1 of 2".to_owned()));
    explorer.press("<Down><Down><Down>");
    assert_eq!(heading(&explorer), "Ports: diverted only 2 of 2");
    explorer.press("F");
    assert_eq!(
        (listed(&explorer), heading(&explorer)),
        (vec![22], "Ports: blocked only 1 of 1".to_owned()),
        "it depends"
    );
    explorer.press("F");
    assert_eq!(listed(&explorer), all);
    explorer.press("22<Enter>F");
    assert_eq!(heading(&explorer), "Ports: by ip filter only 1 of 1");
    explorer.press("F");
    assert_eq!(heading(&explorer), "Ports: diverted only 1 of 2");
}

#[test]
fn where_it_depends_those_who_may_answer_are_named() {
    let mut explorer = Explorer::on(22);
    let text = explorer.text();
    assert!(text.contains("? blocked or sshd (812)  ▌outside by eth0") && !text.contains("not known"), "{text}");
    explorer.press("<Enter>");
    assert!(explorer.text().contains("→ blocked or sshd (812)"), "{}", explorer.text());
}

#[test]
fn no_port_is_listed_where_none_fits_until_somebody_goes_to_one() {
    let mut host = node();
    host.namespaces[0].sockets.retain(|socket| socket.port == 22);
    let mut explorer = Explorer::new(host, Some(tcp(22, None)), Look::sixteen());
    explorer.press("FF");
    let told =
        |explorer: &Explorer| (listed(explorer), heading(explorer), explorer.text().contains("No port is diverted."));
    assert_eq!(told(&explorer), (vec![], "Ports: diverted only 0 of 1".to_owned(), true), "{}", explorer.text());
    explorer.press("<Down><Enter>22<Enter>");
    assert_eq!(told(&explorer), (vec![22], "Ports 1 of 1".to_owned(), false), "{}", explorer.text());
}

#[test]
fn a_table_whose_name_another_tools_has_is_called_by_its_tool_too() {
    let mut host = node();
    let mut other = host.namespaces[0].ruleset.tables[0].clone();
    other.backend = Backend::IptablesLegacy;
    host.namespaces[0].ruleset.tables.push(other);
    let mut explorer = Explorer::new(host, Some(tcp(80, None)), Look::sixteen());
    explorer.press("F");
    assert_eq!(heading(&explorer), "Ports: by iptables-nft ip nat only");
}

#[test]
fn a_port_that_is_sought_is_listed_whatever_the_filter() {
    let mut explorer = Explorer::on(80);
    explorer.press("FF22<Enter>");
    assert_eq!((listed(&explorer), explorer.selected().0), (vec![22, 80, 80], Some(22)));
    explorer.press("<Down>");
    assert_eq!(listed(&explorer), [80, 80]);
}

#[test]
fn ports_stand_in_the_order_that_is_wanted_and_the_selected_one_stays() {
    let mut explorer = Explorer::on(22);
    explorer.press("z");
    assert_eq!((listed(&explorer), heading(&explorer)), (vec![80, 80, 22], "Ports 3 of 3, by name".to_owned()));
    explorer.press("z");
    assert_eq!((listed(&explorer), heading(&explorer)), (vec![80, 80, 22], "Ports 3 of 3, by badge".to_owned()));
    explorer.press("z");
    assert_eq!((listed(&explorer), heading(&explorer)), (vec![22, 80, 80], "Ports 1 of 3".to_owned()));
    assert_eq!(explorer.selected().0, Some(22));
}

#[test]
fn beside_a_range_of_ports_names_keep_their_room() {
    let mut explorer = Explorer::on(80);
    explorer.take(Event::Resized(80, 24));
    let any = addr("0.0.0.0");
    let range = explain::PortEntry {
        protocol: tcp(1, None).protocol,
        addr: any,
        port: 7000,
        last: 7002,
        socket: None,
        answers: vec![],
    };
    let port = crate::tui::state::Port { entry: Some(range), ..explorer.state.ports[0].clone() };
    explorer.state.change_ports(|ports| ports.push(port));
    explorer.state.list();
    let text = explorer.text();
    assert!(text.contains("tcp   22 0.0.0.0 sshd") && text.contains("tcp 7000-7002 no socket"), "{text}");
}

#[test]
fn what_is_listed_is_the_same_as_if_all_were_listed_anew() {
    let mut explorer = super::tour::story((100, 30));
    let keys =
        "<Down><Down>F<Down>F<Down><Up>F<Home>Fz<Down>zF<Down>FFz<End>F80<Enter>FF7<Enter><Up>zzF8080<Enter>F<Up>F";
    for (number, key) in crate::tui::key::sequence(keys).expect("keys").into_iter().enumerate() {
        // Everything that is asked for is answered before the next key; here one answer after the other comes in.
        let mut waiting = vec![Event::Key(key.event())];
        while let Some(event) = waiting.pop() {
            let effects = update(&mut explorer.state, event);
            let asked = effects.into_iter().filter_map(|effect| match effect {
                Effect::Answer(edition, target) => {
                    let answers = explain::answers(&explorer.state.host, explorer.state.namespace, &target);
                    Some(Event::Answered(edition, target, answers))
                }
                _ => None,
            });
            waiting.extend(asked);
            let listed = |state: &State| state.listed_from(0).map(|port| port.target.clone()).collect::<Vec<_>>();
            let mut anew = explorer.state.clone();
            anew.change_ports(|_| ());
            anew.list();
            assert_eq!(listed(&explorer.state), listed(&anew), "{key}");
        }
        // Now and then the answers are forgotten, so that they are asked for again.
        if number % 4 == 3 {
            explorer.state.answers.clear();
            explorer.state.asked.clear();
            explorer.state.change_ports(|ports| ports.iter_mut().for_each(|port| port.verdict = None));
        }
    }
}

#[test]
fn a_namespace_that_is_looked_from_by_its_name_is_in_the_header() {
    let mut host = node();
    host.node = Some("vm".to_owned());
    let mut explorer = Explorer::new(host, Some(tcp(80, None)), Look::sixteen());
    let header = |explorer: &Explorer| explorer.text().lines().next().expect("a line").to_owned();
    assert!(header(&explorer).starts_with(" whyport  vm · a test "), "a recording of it is called as its host");
    explorer.state.source = Source::Live;
    for (width, told) in [(80, "node"), (100, "node on vm")] {
        explorer.take(Event::Resized(width, 24));
        assert!(header(&explorer).starts_with(&format!(" whyport  {told} · live ")), "{}", header(&explorer));
    }
}

#[test]
fn ports_without_a_socket_that_differ_in_their_family_say_which_they_have() {
    let mut explorer = Explorer::on(80);
    // Where nobody moves through the ports, the last one is not asked ahead.
    explorer.press("<Tab>");
    let ghost = |at: &str| {
        let addr = addr(at);
        let protocol = tcp(1, None).protocol;
        let entry = explain::PortEntry { protocol, addr, port: 11000, last: 11000, socket: None, answers: vec![] };
        let (who, verdict) = (Some("srv8080".to_owned()), Some(explain::AnswerVerdict::Diverted));
        crate::tui::state::Port { who, verdict, ..crate::tui::state::Port::of(entry) }
    };
    let (four, six) = (ghost("0.0.0.0"), ghost("::"));
    explorer.state.change_ports(|ports| ports.push(four));
    explorer.state.list();
    assert!(explorer.text().contains("11000 no socket → srv8080"), "{}", explorer.text());
    explorer.state.change_ports(|ports| ports.push(six));
    explorer.state.list();
    for (size, told) in [((100, 30), "no socket → srv8080"), ((80, 24), "→ srv8080")] {
        explorer.take(Event::Resized(size.0, size.1));
        let text = explorer.text();
        for family in ["IPv4", "IPv6"] {
            assert!(text.contains(&format!("11000 {family} {told}")), "{family}: {text}");
        }
    }
}

#[test]
fn a_list_of_some_ports_says_how_it_goes_on_before_all_else() {
    let mut explorer = Explorer::on(80);
    for told in ["↑↓ select", "F only diverted", "F only blocked", "F all ports", "↑↓ select"] {
        assert!(explorer.bottom().starts_with(&format!(" {told} ")), "{}", explorer.bottom());
        explorer.press("F");
    }
}

#[test]
fn where_no_rule_could_be_read_nothing_is_said_to_be_nowhere() {
    let mut host = node();
    let what = What::NfTables;
    host.namespaces[0].ruleset.tables.clear();
    host.namespaces[0].unread.push(Unread { what, needs: "CAP_NET_ADMIN".to_owned(), torn: false });
    host.namespaces[0].sockets.retain(|socket| socket.port == 22);
    let host = Arc::new(host);
    let state = State::new(Arc::clone(&host), 0, a_test(), None, Look::sixteen().into(), SIZE);
    let mut explorer = Explorer { host, state };
    super::tour::settle(&mut explorer, Event::Started);
    let text = explorer.text();
    let said = text.lines().skip_while(|line| !line.contains(" Why ")).nth(1).expect("a line");
    assert!(said.contains("not read: ") && said.contains("CAP_NET_ADMIN"), "{text}");
    super::tour::press(&mut explorer, "F");
    let flat = explorer.text().replace(['│', '\n'], " ").split_whitespace().collect::<Vec<_>>().join(" ");
    for told in ["No port is diverted, as far as", "CAP_NET_ADMIN."] {
        assert!(flat.contains(told), "{told}: {flat}");
    }
    explorer.press("/DOCKER");
    let told = "nowhere, as far as could be read: netfilter needs CAP_NET_ADMIN";
    assert!(explorer.bottom().contains(told), "{}", explorer.bottom());
}

#[test]
fn how_many_ports_are_listed_stands_whole_or_not_at_all_and_an_order_that_changes_nothing_says_so() {
    let mut explorer = Explorer::on(80);
    let title = |explorer: &Explorer| {
        let text = explorer.text();
        let line = text.lines().find(|line| line.contains(" Ports")).expect("a frame");
        line.split('┐').next().unwrap_or_default().to_owned()
    };
    explorer.press("F");
    for (says, order) in [("name", ", by name "), ("badge", ", by badge "), ("number", " ")] {
        explorer.take(Event::Resized(80, 24));
        explorer.press("z");
        assert!(explorer.bottom().contains(&format!("sorted by {says}")), "{}", explorer.bottom());
        let narrow = title(&explorer);
        assert!(!narrow.contains('…') && narrow.ends_with("/2 "), "{narrow}");
        explorer.take(Event::Resized(160, 24));
        let wide = title(&explorer);
        assert!(wide.ends_with(&format!(" of 2{order}")), "{wide}");
    }
}
