//! Who, from where, under which conditions and assumptions: each in a few words.

use super::{assuming, assumption, condition, from, no_ports, who};
use crate::explain::finding::{From, Who};
use crate::explain::fixture::{INPUT, PREROUTING, addr, nat, node, outcome};
use crate::host::{Host, Process, RuleId, Ruleset, Unread, What};
use crate::walk::{Assumed, Assumption, Condition, Endpoints, FateKind, Field, Op, ValueSet, Values, Why};

#[test]
fn who_and_from_in_a_few_words() {
    let mut host = node();
    let of = |host: &Host, socket: usize| {
        who(host, 0, &Who::Socket { socket, namespace: 0, processes: vec![], group: vec![] })
    };
    host.namespaces[0].sockets[1].processes.clear();
    assert_eq!(of(&host, 1), "the socket on tcp 0.0.0.0:22");
    host.namespaces[0].sockets[0].processes = (1..=5).map(|pid| Process { pid, name: "nginx".to_owned() }).collect();
    assert_eq!(of(&host, 0), "nginx (1 and 4 more)");
    let many = (1..=9).map(|port| Endpoints { dport: Some(port), ..Endpoints::default() }).collect();
    assert_eq!(who(&host, 0, &Who::OneOf(many)), "one of 9 addresses");
    assert_eq!(who(&host, 0, &Who::Nobody), "nobody");
    let v6 = Endpoints { dst: Some(addr("fd00::2")), dport: Some(80), ..Endpoints::default() };
    assert_eq!(who(&host, 0, &Who::Address { endpoints: v6, oif: None }), "[fd00::2]:80");

    assert_eq!(from(&From::Outside("eth0".to_owned())), "outside by eth0");
    assert_eq!(from(&From::Somewhere), "outside");
    assert_eq!(from(&From::Bridge("cni0".to_owned())), "container bridge cni0");
    assert_eq!(from(&From::Local(addr("::1"))), "localhost");
    assert_eq!(from(&From::Local(addr("192.168.66.100"))), "own address 192.168.66.100");
}

#[test]
fn that_no_rule_answers_a_port_is_said_where_the_rules_were_read() {
    let unread = |what, torn| Unread { what, needs: "CAP_NET_ADMIN".to_owned(), torn };
    assert_eq!(no_ports(&[]), "No socket listens here, and no rule answers a port.");
    let torn = [unread(What::NfTables, true)];
    assert_eq!(no_ports(&torn), "No socket listens here, and no rule answers a port.");
    let both = [unread(What::NfTables, false), unread(What::Sockets, false)];
    assert_eq!(no_ports(&both[..1]), "No socket listens here; which ports rules answer was not read.");
    assert_eq!(no_ports(&both[1..]), "No rule sends a port elsewhere; which sockets listen was not read.");
    assert_eq!(no_ports(&both), "Neither which sockets listen nor which ports rules answer was read.");
}

#[test]
fn conditions_in_a_few_words() {
    let say = |field, op, values: Vec<Values>| condition(&Condition { field, op, values });
    let net = |text: &str| Values::Net(text.parse().expect("a prefix"));
    assert_eq!(say(Field::Src, Op::In, vec![net("10.0.0.0/8")]), "src in 10.0.0.0/8");
    assert_eq!(say(Field::Src, Op::NotIn, vec![net("10.0.0.1/32")]), "src is not 10.0.0.1");
    assert_eq!(
        say(Field::Src, Op::NotIn, vec![net("10.0.0.0/8"), net("1.2.3.4/32")]),
        "src not in 10.0.0.0/8 or 1.2.3.4"
    );
    assert_eq!(say(Field::Sport, Op::In, vec![Values::Range(1024, 65535)]), "sport 1024–65535");
    assert_eq!(say(Field::Sport, Op::NotIn, vec![Values::Range(1024, 65535)]), "sport < 1024");
    assert_eq!(say(Field::Ttl, Op::NotIn, vec![Values::Range(0, 60)]), "ttl > 60");
    assert_eq!(say(Field::Sport, Op::NotIn, vec![Values::Range(40, 80)]), "sport not 40–80");
    assert_eq!(say(Field::Dport, Op::In, vec![Values::Range(80, 80)]), "dport is 80");
    assert_eq!(say(Field::Mark, Op::In, vec![Values::Range(0x4000, 0x4000)]), "mark is 0x4000");
    assert_eq!(say(Field::Iif, Op::NotIn, vec![Values::Name("cni0".to_owned())]), "iif is not cni0");
    let names = ["cni0", "docker0"].map(|name| Values::Name(name.to_owned())).to_vec();
    assert_eq!(say(Field::Iif, Op::NotIn, names), "iif is none of cni0 and docker0");
    assert_eq!(say(Field::CtState, Op::In, vec![Values::Range(8, 8)]), "ct is new");
    assert_eq!(say(Field::TcpFlags, Op::In, vec![Values::Range(0x12, 0x12)]), "tcp-flags is syn,ack");
    assert_eq!(
        say(Field::SrcMac, Op::In, vec![Values::Range(0x0200_0000_0001, 0x0200_0000_0001)]),
        "src-mac is 02:00:00:00:00:01"
    );
}

#[test]
fn assumptions_as_clauses() {
    let host = node();
    let rule = RuleId { chain: INPUT, index: 0 };
    let text =
        |_: RuleId, index: Option<u16>| if index.is_some() { "-m limit".to_owned() } else { "-j TARPIT".to_owned() };
    let say = |what, holds, why| assumption(&host, &Assumption { namespace: 0, what, holds, why }, &text);
    let cases = [
        (
            Assumed::Match { rule, index: 0 },
            true,
            Why::Rate,
            "“-m limit” of rule 1 of filter INPUT holds (it depends on how many packets came before)",
        ),
        (
            Assumed::Match { rule, index: 0 },
            false,
            Why::Undecoded,
            "“-m limit” of rule 1 of filter INPUT does not hold (not understood)",
        ),
        (
            Assumed::TargetContinues(rule),
            true,
            Why::Undecoded,
            "“-j TARPIT” of rule 1 of filter INPUT lets it go on (not understood)",
        ),
        (
            Assumed::GivesPort(rule),
            true,
            Why::Undecoded,
            "“-j TARPIT” of rule 1 of filter INPUT gives some port (not understood)",
        ),
        (
            Assumed::Order { first: INPUT, second: nat(PREROUTING) },
            false,
            Why::Order,
            "nat PREROUTING runs before filter INPUT (nothing tells which was registered last)",
        ),
        (
            Assumed::TracksBefore(INPUT),
            false,
            Why::Order,
            "filter INPUT runs before conntrack looks at the packet (nothing tells which was registered last)",
        ),
        (
            Assumed::LeavesBy(vec!["docker0".to_owned(), "veth+".to_owned()]),
            true,
            Why::Unread,
            "it leaves by docker0 or veth+ (not read)",
        ),
        (Assumed::LeavesBy(Vec::new()), true, Why::State, "no route leads it out (it depends on what cannot be seen)"),
        (Assumed::LeavesBy(Vec::new()), false, Why::State, "a route leads it out (it depends on what cannot be seen)"),
        (
            Assumed::Local(Endpoints { dst: Some(addr("10.0.0.5")), ..Endpoints::default() }),
            false,
            Why::Unread,
            "10.0.0.5 is not an address of this host (not read)",
        ),
        (Assumed::Forwards, true, Why::Unread, "forwarding is on (not read)"),
        (
            Assumed::MarkFits(100),
            false,
            Why::State,
            "the policy rule 100 is not for its mark (it depends on what cannot be seen)",
        ),
        (Assumed::ReversePathAccepts, false, Why::Unread, "reverse-path filtering drops it (not read)"),
        (
            Assumed::Vlans("br0".into()),
            true,
            Why::Undecoded,
            "what br0 makes of VLANs, which are not read, lets it go on (not understood)",
        ),
        (
            Assumed::NoTranslation,
            true,
            Why::State,
            "conntrack has no translation for its flow (it depends on what cannot be seen)",
        ),
        (
            Assumed::ChosenFits { rule, index: 0 },
            true,
            Why::Random,
            "what the kernel chooses fits “-m limit” of rule 1 of filter INPUT (by chance)",
        ),
        (
            Assumed::ChosenAmong {
                among: ValueSet::full(32),
                values: ValueSet::from_ranges([(80, 80), (0x0a00_0001, 0x0a00_00ff)]),
            },
            false,
            Why::State,
            "what the kernel chooses is not 80 or 10.0.0.1–10.0.0.255 (it depends on what cannot be seen)",
        ),
        (Assumed::SocketAnswers, true, Why::Unread, "a socket listens there (not read)"),
        (
            Assumed::UnreadRulesPass(What::NfTables),
            true,
            Why::Unread,
            "nf_tables rules change nothing for it (not read)",
        ),
        (Assumed::Torn(What::Routes), true, Why::Unread, "routes are as they were read (they changed meanwhile)"),
    ];
    for (what, holds, why, clause) in cases {
        assert_eq!(say(what, holds, why), clause);
    }
}

/// Of a set that was counted a sentence says how many elements it has, until somebody reads it.
#[test]
fn the_ports_of_a_large_set_are_told_by_its_name_until_it_is_read() {
    use crate::host::nft::{
        self, CompareOp, Contents, Count, Counted, Element, Expression, MetaKey, PayloadBase, Register, Set, SetFlags,
    };
    use crate::host::{Backend, Base, Body, Chain, ChainId, Family, Protocol, Rule, Table};
    use crate::walk::StepAt;

    let register = Register(0);
    let expressions = [
        Expression::Meta { key: MetaKey::L4PROTO, to: register },
        Expression::Compare { from: register, op: CompareOp::Equal, data: [6].into() },
        Expression::Payload { base: PayloadBase::Transport, offset: 2, length: 2, to: register },
        Expression::Lookup { set: "many".into(), from: register, to: None, not: false },
    ];
    let rule = nft::Rule { expressions: expressions.into(), comment: None };
    let chain = Chain {
        name: "c".into(),
        base: None::<Base>,
        rules: vec![Rule { handle: None, body: Body::Nft(Box::new(rule)) }],
        details: Default::default(),
    };
    let told = |counted: Counted| {
        let set = Set {
            name: "many".into(),
            flags: SetFlags::empty(),
            key_type: 13,
            key_length: 2,
            data_type: None,
            data_length: 0,
            parts: Box::default(),
            elements: Vec::new(),
            catch_all: None,
            counted: Some(Box::new(counted)),
            details: Default::default(),
        };
        let mut host = node();
        let table = Table {
            family: Family::Inet,
            name: "t".into(),
            backend: Backend::Nft,
            chains: vec![chain.clone()],
            sets: vec![set],
            particulars: Default::default(),
        };
        let tables = &mut host.namespaces[0].ruleset.tables;
        tables.push(table);
        let rule = RuleId { chain: ChainId { table: tables.len() as u32 - 1, chain: 0 }, index: 0 };
        super::rules::asked(&host.namespaces[0], &[StepAt::Rule(rule)], Protocol::TCP)
    };
    let counted = |count| Counted { count, generation: 1, contents: Default::default(), needs: Default::default() };
    assert_eq!(told(counted(Count::Exactly(20_000))), "tcp ports in @many (20,000 elements)");
    assert_eq!(told(counted(Count::MoreThan(10_000))), "tcp ports in @many (more than 10,000 elements)");
    let element = |port: u16| {
        let key = || port.to_be_bytes().into();
        Element { first: key(), last: key(), data: None, details: None }
    };
    let contents = Contents { elements: vec![element(80), element(443)], catch_all: None };
    let read = Counted { contents: contents.into(), ..counted(Count::Exactly(2)) };
    assert_eq!(told(read), "tcp 80 and 443");
}

#[test]
fn what_tells_outcomes_apart_is_told_in_few_words() {
    let mut host = node();
    let text = |_: &Ruleset, _: RuleId, part: Option<u16>| format!("-m tcp --dport {}", part.unwrap_or(0));
    let assumed = |indexes: &[u32], holds| {
        let mut one = outcome(FateKind::Dropped, "10.0.0.1", 80, Vec::new());
        let what = |index: &u32| Assumed::Match { rule: RuleId { chain: INPUT, index: *index }, index: 0 };
        let assumption = |index| Assumption { namespace: 0, what: what(index), holds, why: Why::Rate };
        one.assumed = indexes.iter().map(assumption).collect();
        one
    };
    let rules = &mut host.namespaces[0].ruleset.tables[INPUT.table as usize].chains[INPUT.chain as usize].rules;
    let rule = rules[0].clone();
    rules.resize(5, rule);
    let all = [assumed(&[0], true), assumed(&[0], false)];
    let told = |all: &[crate::walk::Outcome], at: usize| assuming(&host, all, &all[at], text);
    assert_eq!(told(&all, 0), "“-m tcp --dport 0” holds");
    assert_eq!(told(&all, 1), "“-m tcp --dport 0” does not hold");
    let all = [assumed(&[0], true), assumed(&[1], false)];
    assert_eq!(
        told(&all, 1),
        "“-m tcp --dport 0” of rule 2 of filter INPUT does not hold",
        "another rule asks the same"
    );
    let many = [assumed(&[0, 1, 2, 3, 4], true)];
    assert!(told(&many, 0).ends_with(" of rule 3 of filter INPUT holds and 2 more"), "{}", told(&many, 0));
    assert_eq!(told(&[assumed(&[], true)], 0), "");
}
