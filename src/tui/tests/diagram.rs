//! The hooks as a picture.

use super::*;
use crate::host::{Backend, Chain, ChainId, Family};

#[test]
fn the_way_is_heavy_where_the_packet_goes_and_light_elsewhere() {
    let mut explorer = Explorer::on(80);
    explorer.press("H");
    let text = explorer.text();
    for lit in ["┏━ prerouting", "┏━ ◇ routing", "┏━ forward", "┏━ postrouting", "┏━ egress", "┏━ network"]
    {
        assert!(text.contains(lit), "{lit}\n{text}");
    }
    for dark in ["┌─ input", "┌─ local process", "┌─ output", "┌─ ◇ re-routing"] {
        assert!(text.contains(dark), "{dark}\n{text}");
    }
    assert!(text.contains("▶ DNAT 10.42.0.2:80"), "{text}");
    explorer.press("o");
    let text = explorer.text();
    assert!(text.contains("┏━ local process") && text.contains("┌─ forward"), "{text}");
    explorer.press("H");
    assert!(explorer.text().contains(" Netfilter "));
}

#[test]
fn a_way_that_ends_at_a_hook_leads_no_further() {
    let mut explorer = Explorer::on(22);
    explorer.press("H");
    let text = explorer.text();
    assert!(text.contains("┏━ input") && text.contains("┌─ local process"), "{text}");
    assert!(text.contains("▶ DROP"), "{text}");
    explorer.press("b");
    assert!(explorer.text().contains("┏━ local process"), "{}", explorer.text());
}

#[test]
fn arrow_keys_go_from_box_to_box_and_enter_to_the_rules() {
    let mut explorer = Explorer::on(80);
    explorer.press("H");
    assert!(explorer.bottom().contains("←↑↓→ box"), "{}", explorer.bottom());
    explorer.press("<Up><Up><Enter>");
    assert_eq!(explorer.state.focus, Pane::Netfilter);
    let at = explorer.state.cursor;
    assert!(explorer.tree()[at].contains("input"), "{:?}", explorer.tree()[at]);
    explorer.press("H<Down><Enter>");
    assert!(explorer.bottom().contains("no chain hangs at ingress"), "{}", explorer.bottom());
}

#[test]
fn every_box_is_reached_by_arrow_keys() {
    let keys = ["<Up>", "<Down>", "<Left>", "<Right>"];
    for size in [(100, 30), (40, 12)] {
        let mut explorer = Explorer::on(80);
        explorer.take(Event::Resized(size.0, size.1));
        explorer.press("H");
        let mut seen = vec![explorer.state.overlays.clone()];
        let mut at = 0;
        while at < seen.len() {
            for key in keys {
                explorer.state.overlays = seen[at].clone();
                explorer.press(key);
                let known = |one: &Vec<_>| format!("{one:?}") == format!("{:?}", explorer.state.overlays);
                if !seen.iter().any(known) {
                    seen.push(explorer.state.overlays.clone());
                }
            }
            at += 1;
        }
        assert_eq!(seen.len(), 11, "{size:?}");
    }
}

#[test]
fn from_a_table_at_a_time_enter_goes_back_to_the_packets_order() {
    let mut explorer = Explorer::on(80);
    explorer.press("gH<Enter>");
    let at = explorer.state.cursor;
    assert!(explorer.tree()[at].contains("prerouting"), "{:?}", explorer.tree());
}

#[test]
fn it_is_drawn_at_any_size() {
    let mut explorer = Explorer::on(80);
    explorer.press("H");
    for columns in (39..170).step_by(7) {
        for rows in 11..50 {
            explorer.take(Event::Resized(columns, rows));
            let text = explorer.text();
            assert!(text.contains("prerouting"), "{columns}x{rows}\n{text}");
        }
    }
}

#[test]
fn chains_for_which_there_is_no_room_are_counted() {
    let mut host = node();
    let table = &mut host.namespaces[0].ruleset.tables[INPUT.table as usize];
    for number in 0..20 {
        let chain = &table.chains[INPUT.chain as usize];
        let chain = Chain { name: format!("more{number}").into(), ..chain.clone() };
        table.chains.push(chain);
    }
    let mut explorer = Explorer::new(host, Some(tcp(80, None)), Look::default());
    explorer.press("H");
    let text = explorer.text();
    assert!(text.contains(" +1") && text.contains(" more "), "{text}");
}

/// A chain at a hook of another family, in a table of its own.
fn with_chain(mut host: Host, family: Family, hook: Hook) -> (Host, ChainId) {
    let ruleset = &mut host.namespaces[0].ruleset;
    let mut table = ruleset.tables[INPUT.table as usize].clone();
    (table.family, table.name, table.backend) = (family, "guard".into(), Backend::Nft);
    if let Some(base) = &mut table.chains[0].base {
        (base.hook, base.policy) = (hook, Policy::Drop);
    }
    table.chains[0].name = "watch".into();
    ruleset.tables.push(table);
    let id = ChainId { table: ruleset.tables.len() as u32 - 1, chain: 0 };
    (host, id)
}

/// The explorer on a host whose packets to port 80 go the way of an outcome.
fn on_a_way(host: Host, outcome: Outcome) -> Explorer {
    let mut explorer = Explorer::new(host, Some(tcp(80, None)), Look::default());
    let target = explorer.state.selected.clone().expect("a port");
    let outside = From::Outside("eth0".to_owned());
    let answer = explain::judge(&explorer.host, &target, outside, walk(packet(80), vec![outcome]));
    explorer.take(Event::Answered(FIRST, target, vec![answer]));
    explorer
}

#[test]
fn chains_at_devices_stand_where_the_packet_meets_them() {
    let (host, guard) = with_chain(node(), Family::Netdev, Hook::Ingress);
    let dropped = vec![step(Hook::Ingress, guard, guard, 1, Verdict::Drop)];
    let mut explorer = on_a_way(host, outcome(FateKind::Dropped, "192.168.66.100", 80, dropped));
    let tree = explorer.tree();
    assert!(tree[0].starts_with("┃ ▾ ingress") && tree[1].contains("guard watch"), "{tree:?}");
    assert!(tree[2].starts_with("┗━━━━━▶ 1"), "{tree:?}");
    explorer.press("H");
    let text = explorer.text();
    assert!(text.contains("┏━ ingress") && text.contains("┌─ prerouting"), "{text}");
    assert!(text.contains("guard watch") && text.contains("▶ DROP"), "{text}");
}

#[test]
fn a_frame_that_crosses_a_bridge_is_drawn_across_it() {
    let (host, guard) = with_chain(node(), Family::Bridge, Hook::Forward);
    let policy = Step { at: StepAt::End(guard), ..step(Hook::Forward, guard, guard, 1, Verdict::Policy(Policy::Drop)) };
    let mut outcome = outcome(FateKind::Dropped, "10.42.0.2", 80, vec![policy]);
    outcome.passes[0].iif = Some("veth-svclb".to_owned());
    let mut explorer = on_a_way(host, outcome);
    explorer.press("H");
    let text = explorer.text();
    for lit in [" ingress ━", "┏━ bridge in", "┏━ bridge forward"] {
        assert!(text.contains(lit), "{lit}\n{text}");
    }
    for dark in ["┌─ bridge out", "┌─ prerouting", "┌─ ◇ routing", "┌─ forward"] {
        assert!(text.contains(dark), "{dark}\n{text}");
    }
    explorer.press("<Enter>");
    assert!(explorer.tree()[explorer.state.cursor].contains("forward"), "{:?}", explorer.tree());
}

#[test]
fn a_bridge_whose_chains_were_not_asked_is_left_out_of_the_way() {
    let (host, _) = with_chain(node(), Family::Bridge, Hook::Prerouting);
    let mut passing = delivered(&host, 80);
    passing.passes[0].iif = Some("cni0".to_owned());
    let mut explorer = on_a_way(host, passing);
    explorer.press("H");
    let text = explorer.text();
    assert!(text.contains("┌─ bridge in") && text.contains("┏━ prerouting"), "{text}");
}

#[test]
fn numbers_of_rules_are_called_so_and_tools_are_told_apart() {
    let text = |explorer: &mut Explorer, size: (u16, u16)| {
        explorer.take(Event::Resized(size.0, size.1));
        explorer.press("H");
        let text = explorer.text();
        explorer.press("H");
        text
    };
    let mut explorer = Explorer::on(80);
    for (size, told) in
        [((80, 24), " 1 rule "), ((120, 36), "ip filter  ipt 1 rule  accept"), ((200, 48), "iptables-nft  1 rule ")]
    {
        let text = text(&mut explorer, size);
        assert!(text.contains(told), "{told}: {text}");
    }
    let mut host = node();
    host.namespaces[0].ruleset.tables[INPUT.table as usize].backend = Backend::IptablesLegacy;
    let mut explorer = Explorer::new(host, Some(tcp(80, None)), Look::sixteen());
    let text = text(&mut explorer, (120, 36));
    assert!(text.contains("leg 1 rule") && text.contains("ipt "), "{text}");
}

#[test]
fn the_chains_of_a_box_are_copied() {
    let mut explorer = Explorer::on(80);
    explorer.press("H");
    let key = |keys: &str| Event::Key(key::sequence(keys).expect("a key")[0].event());
    let copied = update(&mut explorer.state, key("y"));
    let [Effect::Copy(text)] = &copied[..] else { panic!("{copied:?}") };
    assert!(text.starts_with("prerouting -100 ip nat PREROUTING, iptables-nft, rules: "), "{text}");
    explorer.press("<Down>");
    assert_eq!(update(&mut explorer.state, key("y")), []);
    assert!(explorer.bottom().contains("no chain hangs at ingress: there is nothing to copy"), "{}", explorer.bottom());
}
