//! Rules whose map tells the chain, in the tree.

use super::*;

/// A node with a native table whose first rule sends ports to chains by a map.
pub(super) fn native() -> Host {
    use crate::host::nft::{self, ElementData, Expression, LookupResult, PayloadBase, Register, SetFlags};
    use crate::host::{Backend, Base, Chain, ChainType, Family, Place, Priority, Registration, Table};

    let native = |expressions: Vec<Expression>| Rule {
        handle: None,
        body: Body::Nft(Box::new(nft::Rule { expressions: expressions.into(), comment: None })),
    };
    let verdict = |verdict| native(vec![Expression::Counter, Expression::Verdict(verdict)]);
    let element = |port: u16, verdict| nft::Element {
        first: port.to_be_bytes().into(),
        last: port.to_be_bytes().into(),
        data: Some(ElementData::Verdict(verdict)),
        details: None,
    };
    let jump = |chain| nft::Verdict::Jump(nft::ChainRef(chain));
    let map = nft::Set {
        name: "__map0".into(),
        flags: SetFlags::ANONYMOUS | SetFlags::MAP,
        key_type: 13,
        key_length: 2,
        data_type: Some(1),
        data_length: 0,
        parts: Box::default(),
        elements: vec![element(22, nft::Verdict::Accept), element(80, jump(1)), element(443, jump(2))],
        catch_all: None,
        counted: None,
        details: Default::default(),
    };
    let register = Register(0);
    let by_port = native(vec![
        Expression::Meta { key: nft::MetaKey::L4PROTO, to: register },
        Expression::Compare { from: register, op: nft::CompareOp::Equal, data: [6].into() },
        Expression::Payload { base: PayloadBase::Transport, offset: 2, length: 2, to: register },
        Expression::Lookup { set: "__map0".into(), from: register, to: Some(LookupResult::Verdict), not: false },
    ]);
    let base = Base {
        kind: ChainType::Filter,
        hook: Hook::Input,
        priority: Priority(0),
        policy: Policy::Accept,
        registration: Registration::Registered(Place::Known(1)),
    };
    let chain = |name: &str, base, rules| Chain { name: name.into(), base, rules, details: Default::default() };
    let mut host = node();
    host.namespaces[0].ruleset.tables.push(Table {
        family: Family::Inet,
        name: "native".into(),
        backend: Backend::Nft,
        chains: vec![
            chain("input", Some(base), vec![by_port]),
            chain("web", None, vec![verdict(nft::Verdict::Continue), verdict(nft::Verdict::Drop)]),
            chain("tls", None, vec![verdict(nft::Verdict::Return)]),
        ],
        sets: vec![map],
        particulars: Default::default(),
    });
    host
}

#[test]
fn the_chain_that_a_map_leads_to_stands_below_its_rule() {
    use crate::host::ChainId;
    let host = Arc::new(native());
    let table = host.namespaces[0].ruleset.tables.len() as u32 - 1;
    let chain = |chain| ChainId { table, chain };
    let at = |of, number, verdict| step(Hook::Input, chain(0), chain(of), number, verdict);
    let mut explorer = Explorer::new(native(), Some(tcp(80, None)), Look::sixteen());
    let mut show = |steps: Vec<Step>| {
        let outcomes = vec![outcome(FateKind::Dropped, "192.168.66.100", 80, steps)];
        let walked = walk(packet(80), outcomes);
        let target = explorer.state.selected.clone().expect("a port");
        let answer = explain::judge(&host, &target, From::Outside("eth0".to_owned()), walked);
        explorer.take(Event::Answered(FIRST, target, vec![answer]));
        explorer.tree()
    };
    let web = show(vec![at(0, 1, Verdict::Jump(chain(1))), at(1, 1, Verdict::Continue), at(1, 2, Verdict::Drop)]);
    let parts = ["native input", "1 tcp dport vmap", "1 counter continue", "━▶ 2 counter"];
    assert!(in_order(&web, &parts), "{web:#?}");
    let end = |chain_of, verdict| Step { at: StepAt::End(chain(chain_of)), ..at(chain_of, 1, verdict) };
    let tls =
        show(vec![at(0, 1, Verdict::Goto(chain(2))), at(2, 1, Verdict::Return), end(0, Verdict::Policy(Policy::Drop))]);
    assert!(in_order(&tls, &["native input", "1 tcp dport vmap"]), "{tls:#?}");
    assert!(!tls.iter().any(|row| row.contains("continue")), "{tls:#?}");
    // A verdict of the map that is no chain has nothing below it.
    let ssh = show(vec![at(0, 1, Verdict::Accept)]);
    assert!(!ssh.iter().any(|row| row.contains("counter packets")), "{ssh:#?}");
    // Every row can be selected, folded and unfolded.
    for _ in 0..4 {
        explorer.press("<Tab><Down><Right><Enter><Left><Down><Right>ob");
        explorer.text();
    }
}
