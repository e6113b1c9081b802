//! A walk made by hand, as text and as JSON.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::{Style, ports, ports_json, rules, trace, trace_json};
use crate::explain::{Answer, AnswerVerdict, Cause, Finding, From, PortEntry, Survey, Who};
use crate::host::{
    Backend, ChainId, Hook, Host, IpFamily, Namespace, Policy, Priority, Process, Protocol, RuleId, Socket, Unread,
    What,
};
use crate::syntax::iptables;
use crate::walk::{
    Assumed, Assumption, Condition, Endpoints, Event, Fate, FateKind, Field, Op, Origin, Outcome, Pass, Query,
    RouteDecision, RouteEvent, Step, StepAt, Translation, ValueSet, Values, Verdict, Walk, Why,
};

const DUMP: &str = "*nat\n\
    :PREROUTING ACCEPT [1:60]\n\
    :SVC - [0:0]\n\
    -A PREROUTING -m comment --comment \"a \x1b[31mred\u{202e} comment\" -j SVC\n\
    -A SVC -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.42.0.2:8080\n\
    COMMIT\n";

const PREROUTING: ChainId = ChainId { table: 0, chain: 0 };
const SVC: ChainId = ChainId { table: 0, chain: 1 };

fn addr(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn host() -> Host {
    let options = iptables::Options { family: Some(IpFamily::V4), backend: Backend::IptablesNft };
    let dump = iptables::parse(DUMP, &options);
    assert_eq!(dump.diagnostics.len(), 0);
    let socket = Socket {
        protocol: Protocol::TCP,
        addr: addr("0.0.0.0"),
        port: 80,
        v6only: None,
        device: None,
        peer: None,
        inode: 4711,
        uid: Some(0),
        transparent: None,
        processes: vec![Process { pid: 1103, name: "ng\x1binx".to_owned() }],
    };
    let ns = Namespace {
        name: "node".to_owned(),
        ruleset: dump.ruleset,
        observations: dump.observations,
        sockets: vec![socket],
        unread: vec![Unread { what: What::LegacyIp, needs: "CAP_NET_ADMIN".to_owned(), torn: false }],
        ..Namespace::default()
    };
    Host { namespaces: vec![ns], ..Host::default() }
}

fn step(at: StepAt, depth: u16, verdict: Verdict) -> Step {
    let (hook, priority) = (Hook::Prerouting, Priority::DSTNAT);
    Step { pass: 1, hook, priority, base: PREROUTING, depth, at, verdict, sometimes: false }
}

fn rule(chain: ChainId) -> StepAt {
    StepAt::Rule(RuleId { chain, index: 0 })
}

fn to_pod() -> Verdict {
    Verdict::Dnat(Translation { addr: Some(addr("10.42.0.2")), port: Some(8080) })
}

fn walk() -> Walk {
    let mut query = Query::new(0, Origin::Device("eth0".to_owned()), IpFamily::V4, Protocol::TCP);
    query.set(Field::Src, ValueSet::range(0xc0a8_4200, 0xc0a8_42ff));
    query.set_address(Field::Dst, addr("192.168.66.100"));
    query.set(Field::Dport, ValueSet::one(80));
    let enters = Endpoints { src: None, sport: None, dst: Some(addr("192.168.66.100")), dport: Some(80) };
    let leaves = Endpoints { dst: Some(addr("10.42.0.2")), dport: Some(8080), ..enters };
    let pass = Pass {
        number: 1,
        namespace: 0,
        iif: Some("eth0".to_owned()),
        oif: Some("cni0".to_owned()),
        enters,
        leaves: Some(leaves),
    };
    let out = RouteDecision::Out { oif: Some("cni0".to_owned()), via: Vec::new() };
    let diverted = Outcome {
        when: vec![vec![Condition {
            field: Field::Src,
            op: Op::NotIn,
            values: vec![
                Values::Net("192.168.66.8/29".parse().unwrap()),
                Values::Addresses(addr("192.168.66.1"), addr("192.168.66.2")),
            ],
        }]],
        assumed: vec![Assumption { namespace: 0, what: Assumed::Forwards, holds: true, why: Why::Unread }],
        passes: vec![pass.clone()],
        events: vec![
            Event::Step(step(rule(PREROUTING), 0, Verdict::Jump(SVC))),
            Event::Step(step(rule(SVC), 1, to_pod())),
            Event::Route(RouteEvent { pass: 1, after: Some(Hook::Prerouting), dst: leaves.dst, decision: out }),
        ],
        fate: Fate {
            kind: FateKind::Forwarded,
            namespace: 0,
            oif: Some("cni0".to_owned()),
            endpoints: leaves,
            socket: None,
            by: None,
            reason: None,
        },
        weight: 0.9,
        turn: crate::walk::Turn::First,
        after: Vec::new(),
        memory: Default::default(),
    };
    let policy = step(StepAt::End(PREROUTING), 0, Verdict::Policy(Policy::Accept));
    let here = Outcome {
        when: vec![vec![
            Condition { field: Field::Sport, op: Op::In, values: vec![Values::Range(1024, 65535)] },
            Condition {
                field: Field::SrcMac,
                op: Op::NotIn,
                values: vec![Values::Range(0x0200_0000_4203, 0x0200_0000_4203)],
            },
        ]],
        assumed: Vec::new(),
        passes: vec![Pass { oif: None, leaves: None, ..pass }],
        events: vec![Event::Step(policy)],
        fate: Fate {
            kind: FateKind::Delivered,
            namespace: 0,
            oif: None,
            endpoints: enters,
            socket: Some(0),
            by: None,
            reason: None,
        },
        weight: 0.1,
        turn: crate::walk::Turn::First,
        after: Vec::new(),
        memory: Default::default(),
    };
    let unread = host().namespaces[0].unread.iter().map(|unread| (0, unread.clone())).collect();
    Walk { query, unread, outcomes: vec![diverted, here], unexplored: 0, shares: Vec::new(), needs: Vec::new() }
}

fn answer() -> Answer {
    let walk = walk();
    let endpoints = walk.outcomes[0].fate.endpoints;
    Answer {
        from: From::Outside("eth0".to_owned()),
        family: IpFamily::V4,
        verdict: AnswerVerdict::Diverted,
        who: Who::Address { endpoints, oif: Some("cni0".to_owned()) },
        because: Finding {
            namespace: 0,
            cause: Cause::Translated,
            by: Some(step(rule(SVC), 1, to_pod())),
            leads: vec![step(rule(PREROUTING), 0, Verdict::Jump(SVC))],
            holder: Some(0),
        },
        walk,
        replies: None,
        told: None,
    }
}

/// No line is wider than it may be, and nothing in it acts on a terminal.
fn assert_tame(text: &str, width: usize) {
    for line in text.lines() {
        assert!(unicode_width::UnicodeWidthStr::width(line) <= width, "{line}");
        assert_eq!(crate::explain::clean(line), line);
    }
}

#[test]
fn the_way_of_a_packet_reads_hook_by_hook() {
    for width in [40, 80, 200] {
        let text = trace::trace(&host(), 0, &[answer()], Style { colour: false, width });
        assert_tame(&text, width);
    }
    let mut marked = answer();
    marked.walk.query.set(Field::Mark, ValueSet::one(0x4000));
    let text = trace::trace(&host(), 0, &[marked], Style { colour: false, width: 100 });
    let header = text.lines().next().unwrap();
    assert!(header.starts_with("tcp/80 to 192.168.66.100, IPv4, arrives by eth0; "), "{header}");
    assert!(header.contains("192.168.66.0/24") && header.contains("mark"), "{header}");
    assert!(!header.contains("flags"), "what a packet is by default is not told: {header}");
    let expected = "\
prerouting
  nat PREROUTING  ip, iptables-nft, priority -100
     1 -m comment --comment \"a \\x1b[31mred\\u{202e} comment\" -j SVC
       1 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.42.0.2:8080
         => destination becomes 10.42.0.2:8080
route  10.42.0.2: out by cni0
leaves by cni0, to 10.42.0.2:8080
";
    assert!(text.contains(expected), "{text}");
    assert!(text.contains("delivered: ng\\x1binx (1103) on 0.0.0.0:80"), "{text}");
    assert!(text.contains("    policy accept\n"), "{text}");
    let coloured = trace::trace(&host(), 0, &[answer()], Style { colour: true, width: 80 });
    assert!(coloured.contains("\x1b[36m") && !coloured.contains("\x1b[31mred"), "{coloured:?}");
}

#[test]
fn a_trace_is_the_json_of_the_contract() {
    let text = trace_json(&host(), 0, "outside", &[answer()]);
    let value: Value = serde_json::from_str(&text).unwrap();
    let packet = &value["packet"];
    let expected = json!({"origin": "outside", "iif": "eth0", "family": "ip", "proto": "tcp", "src": "192.168.66.0/24",
        "sport": null, "dst": "192.168.66.100", "dport": 80, "mark": 0, "ct": null, "with": {"tcp-flags": 2}});
    assert_eq!(*packet, expected);
    let expected = json!([{"what": "iptables-legacy rules", "ns": "", "needs": "CAP_NET_ADMIN"}]);
    assert_eq!(value["unread"], expected);
    let first = &value["outcomes"][0];
    let values = json!(["192.168.66.8/29", "192.168.66.1", "192.168.66.2"]);
    assert_eq!(first["when"], json!([[{"field": "src", "op": "not-in", "values": values}]]));
    assert_eq!(first["certain"], false);
    assert_eq!(first["assumed"][0]["why"], "unread");
    assert_eq!(first["steps"][0]["verdict"], json!({"kind": "jump", "to": "SVC"}));
    let expected = json!({"pass": 1, "ns": "", "hook": "prerouting", "priority": -100, "backend": "iptables-nft",
        "family": "ip", "table": "nat", "chain": "SVC",
        "rule": {"number": 1, "handle": null, "text": "-A SVC -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.42.0.2:8080"},
        "verdict": {"kind": "dnat", "to": "10.42.0.2:8080"}});
    assert_eq!(first["steps"][1], expected);
    let second = &value["outcomes"][1];
    assert_eq!(second["when"][0][0]["values"], json!(["1024-65535"]));
    assert_eq!(second["when"][0][1]["values"], json!(["02:00:00:00:42:03"]));
    assert_eq!(second["steps"][0]["rule"], Value::Null);
    assert_eq!(second["steps"][0]["verdict"], json!({"kind": "policy", "policy": "accept"}));
    let socket = json!({"inode": 4711, "uid": 0, "processes": [{"pid": 1103, "name": "ng\x1binx"}], "netns": ""});
    assert_eq!(second["fate"]["socket"], socket);
    let keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys[..4], ["schema", "packet", "unread", "outcomes"]);
    let told = &value["answers"][0];
    assert_eq!((&told["origin"], &told["family"]), (&json!("outside:eth0"), &json!("ip")));
    assert_eq!(told["verdict"], answer().verdict.name());
    assert!(told["because"].as_str().is_some_and(|because| !because.is_empty()), "{told}");
}

#[test]
fn the_others_of_a_group_are_told_beside_the_first() {
    let mut host = host();
    let of_json = |host: &Host| -> Value {
        let value: Value = serde_json::from_str(&trace_json(host, 0, "outside", &[answer()])).unwrap();
        value["outcomes"][1]["fate"].clone()
    };
    assert_eq!(of_json(&host).get("group"), None);
    let mut twin = host.namespaces[0].sockets[0].clone();
    twin.inode = 4712;
    host.namespaces[0].sockets.push(twin);
    assert_eq!(of_json(&host).get("group"), None, "the same process holds it");
    host.namespaces[0].sockets[1].processes[0].pid = 1104;
    let fate = of_json(&host);
    assert_eq!((&fate["socket"]["inode"], &fate["group"][0]["inode"]), (&json!(4711), &json!(4712)));
    assert_eq!(fate["group"].as_array().unwrap().len(), 1);
}

#[test]
fn several_devices_are_one_packet_whose_outcomes_say_by_which() {
    let mut other = answer();
    other.walk.query.origin = Origin::Device("eth1".to_owned());
    let value: Value = serde_json::from_str(&trace_json(&host(), 0, "outside", &[answer(), other])).unwrap();
    assert_eq!(value["packet"]["iif"], Value::Null);
    let outcomes = value["outcomes"].as_array().unwrap();
    assert_eq!(outcomes.len(), 4);
    let device = |outcome: &Value| outcome["when"][0][0]["values"][0].clone();
    assert_eq!(outcomes.iter().map(device).collect::<Vec<_>>(), ["eth0", "eth1", "eth0", "eth1"]);
}

#[test]
fn ports_have_a_row_each_and_say_who_answers_instead() {
    let entry = PortEntry {
        protocol: Protocol::TCP,
        addr: addr("0.0.0.0"),
        port: 80,
        last: 80,
        socket: Some(0),
        answers: vec![answer()],
    };
    let ghost = PortEntry { port: 30000, last: 32767, socket: None, answers: Vec::new(), ..entry.clone() };
    let survey = Survey {
        ports: vec![entry, ghost],
        let_through: Vec::new(),
        unread: Vec::new(),
        left_out: Vec::new(),
        needs: Vec::new(),
    };
    let text = ports::ports(&host(), 0, &survey, Style { colour: false, width: 80 });
    assert_tame(&text, 80);
    assert!(text.contains("diverted   tcp            80 0.0.0.0        ng\\x1binx 1103\n"), "{text}");
    assert!(text.contains("tcp   30000-32767 any of its own ghost: no socket listens\n"), "{text}");
    let value: Value = serde_json::from_str(&ports_json(&host(), 0, &survey)).unwrap();
    assert_eq!(value["ports"][0]["answers"][0]["origin"], "outside:eth0");
    assert_eq!(value["ports"][1]["socket"], Value::Null);
    assert_eq!(value["ports"][1]["last"], 32767);
}

#[test]
fn rules_come_under_the_name_of_their_tool_and_unread_kinds_are_not_empty_ones() {
    let host = host();
    let ns = &host.namespaces[0];
    assert!(
        rules::all(ns, rules::Told::default()).starts_with("# iptables-nft-save\n*nat\n"),
        "{}",
        rules::all(ns, rules::Told::default())
    );
    let nft = rules::one(ns, rules::Kind::Save(IpFamily::V4, Backend::IptablesNft), rules::Told::default()).unwrap();
    assert!(nft.contains("-A SVC -p tcp -m tcp --dport 80 -j DNAT"));
    assert_eq!(
        rules::one(ns, rules::Kind::Save(IpFamily::V6, Backend::IptablesNft), rules::Told::default()).unwrap(),
        ""
    );
    let legacy = rules::Kind::Save(IpFamily::V4, Backend::IptablesLegacy);
    assert!(rules::one(ns, legacy, rules::Told::default()).unwrap_err().contains("CAP_NET_ADMIN"));
}
