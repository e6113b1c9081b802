//! A small host whose rules and packets are text, and the ways of its packets as text.

use std::fmt::Write as _;

use whyport::host::{Host, IpFamily, Protocol, Ruleset};
use whyport::snapshot;
use whyport::syntax::{Diagnostic, DiagnosticKind};
use whyport::walk::{
    Event, Field, Op, Origin, Outcome, Query, RouteDecision, Step, StepAt, ValueSet, Values, Verdict, walk,
};

/// The host, with `RULES` where its rules stand.
pub const HOST: &str = r#"# whyport snapshot 1
[host]
viewed: node

[namespace node]
[ip -d -j link]
[
{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP"],"mtu":65536,"link_type":"loopback","address":"00:00:00:00:00:00"},
{"ifindex":2,"ifname":"eth0","flags":["UP"],"mtu":1500,"link_type":"ether","address":"02:00:00:00:00:02"},
{"ifindex":3,"ifname":"br0","flags":["UP"],"mtu":1500,"link_type":"ether","address":"02:00:00:00:00:03","linkinfo":{"info_kind":"bridge"}}
]

[ip -j addr]
[
{"ifindex":1,"ifname":"lo","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host"}]},
{"ifindex":2,"ifname":"eth0","addr_info":[{"family":"inet","local":"192.168.1.2","prefixlen":24,"scope":"global"}]},
{"ifindex":3,"ifname":"br0","addr_info":[{"family":"inet","local":"10.0.0.1","prefixlen":24,"scope":"global"}]}
]

[ip -4 -j route show table all]
[
{"dst":"default","gateway":"192.168.1.1","dev":"eth0"},
{"dst":"10.0.0.0/24","dev":"br0","scope":"link","prefsrc":"10.0.0.1"},
{"dst":"192.168.1.0/24","dev":"eth0","scope":"link","prefsrc":"192.168.1.2"},
{"dst":"default","gateway":"10.0.0.254","dev":"br0","table":"100"},
{"type":"local","dst":"10.0.0.1","dev":"br0","table":"local","scope":"host","prefsrc":"10.0.0.1"},
{"type":"local","dst":"127.0.0.0/8","dev":"lo","table":"local","scope":"host","prefsrc":"127.0.0.1"},
{"type":"local","dst":"127.0.0.1","dev":"lo","table":"local","scope":"host","prefsrc":"127.0.0.1"},
{"type":"local","dst":"192.168.1.2","dev":"eth0","table":"local","scope":"host","prefsrc":"192.168.1.2"},
{"type":"broadcast","dst":"192.168.1.255","dev":"eth0","table":"local","scope":"link","prefsrc":"192.168.1.2"}
]

[ip -6 -j route show table all]
[]

[ip -j rule]
[
{"priority":0,"src":"all","table":"local"},
{"priority":100,"src":"all","fwmark":"0x5","table":"100"},
{"priority":32766,"src":"all","table":"main"},
{"priority":32767,"src":"all","table":"default"}
]

[ip -6 -j rule]
[]

[sysctl]
net.ipv4.conf.all.rp_filter = 0
net.ipv4.conf.br0.forwarding = 1
net.ipv4.conf.br0.rp_filter = 0
net.ipv4.conf.eth0.forwarding = 1
net.ipv4.conf.eth0.rp_filter = 0
net.ipv4.ip_forward = 1

[ss -H -tulpne]
tcp LISTEN 0 0 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=1,fd=0)) ino:11

[iptables-nft-save]
RULES
[ip6tables-nft-save]

[iptables-legacy-save]

[ip6tables-legacy-save]

[nft list ruleset]

[end]
"#;

/// A packet.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The device it comes in by; `None`: made here.
    pub iif: Option<&'a str>,
    pub src: Option<&'a str>,
    pub to: &'a str,
    pub dport: u16,
}

impl<'a> Ask<'a> {
    pub fn from_outside(dport: u16) -> Ask<'a> {
        Ask { iif: Some("eth0"), src: Some("192.168.1.77"), to: "192.168.1.2", dport }
    }

    pub fn local(to: &'a str, dport: u16) -> Ask<'a> {
        Ask { iif: None, src: None, to, dport }
    }
}

/// The host with these rules.
pub fn host(rules: &str) -> Host {
    let sets = if rules.contains("[ipset save]") { "" } else { "[ipset save]\n\n" };
    let recording = snapshot::parse(&HOST.replace("RULES", rules).replace("[end]", &format!("{sets}[end]")));
    let damaged = |diagnostic: &Diagnostic| diagnostic.kind == DiagnosticKind::Damaged;
    assert!(!recording.diagnostics.iter().any(damaged), "{:?}: the test's own text\n{rules}", recording.diagnostics);
    recording.host
}

/// Every way that the packet may go, as text.
pub fn walked(rules: &str, ask: &Ask<'_>) -> String {
    let host = host(rules);
    let origin = ask.iif.map_or(Origin::Local, |name| Origin::Device(name.to_owned()));
    let mut query = Query::new(0, origin, IpFamily::V4, Protocol::TCP);
    query.set_address(Field::Dst, ask.to.parse().expect("an address"));
    if let Some(src) = ask.src {
        query.set_address(Field::Src, src.parse().expect("an address"));
    }
    query.set(Field::Dport, ValueSet::one(u128::from(ask.dport)));
    query.set(Field::Sport, ValueSet::one(4000));
    let walk = walk(&host, &query);
    assert_eq!(walk.unexplored, 0);
    let ruleset = &host.namespaces[0].ruleset;
    walk.outcomes.iter().map(|outcome| told(ruleset, outcome)).collect()
}

/// One outcome as lines.
pub fn told(ruleset: &Ruleset, outcome: &Outcome) -> String {
    let mut text = String::new();
    for conditions in &outcome.when {
        let told: Vec<String> = conditions
            .iter()
            .map(|condition| {
                let op = match condition.op {
                    Op::In => "in",
                    Op::NotIn => "not-in",
                    Op::Is => "is",
                };
                let values: Vec<String> = condition.values.iter().map(value).collect();
                format!("{} {op} {}", condition.field.name(), values.join(" "))
            })
            .collect();
        let _ = writeln!(text, "when {}", told.join(", "));
    }
    for assumption in &outcome.assumed {
        let _ = writeln!(text, "assumed {} {}", assumption.why.name(), assumption.holds);
    }
    let mut pass = 1;
    for event in &outcome.events {
        if let Event::Step(step) = event
            && step.pass != pass
        {
            pass = step.pass;
            let _ = writeln!(text, "pass {pass}");
        }
        let _ = match event {
            Event::Step(step) => writeln!(text, "{}", self::step(ruleset, step)),
            Event::Route(route) => match &route.decision {
                RouteDecision::Local => writeln!(text, "route local"),
                RouteDecision::Out { oif, .. } => writeln!(text, "route out {}", oif.as_deref().unwrap_or("?")),
                RouteDecision::Refused(_) => writeln!(text, "route refused"),
            },
        };
    }
    let _ = write!(text, "{}", outcome.fate.kind.name());
    if let Some(reason) = outcome.fate.reason {
        let _ = write!(text, " {}", reason.name());
    }
    if let Some(oif) = &outcome.fate.oif {
        let ends = outcome.fate.endpoints;
        let addr = |addr: Option<std::net::IpAddr>| addr.map_or("?".to_owned(), |addr| addr.to_string());
        let port = |port: Option<u16>| port.map_or("?".to_owned(), |port| port.to_string());
        let _ = write!(text, " {oif} {}:{} {}:{}", addr(ends.src), port(ends.sport), addr(ends.dst), port(ends.dport));
    }
    text.push('\n');
    text
}

fn value(values: &Values) -> String {
    match values {
        Values::Net(net) => net.to_string(),
        Values::Addresses(first, last) => format!("{first}-{last}"),
        Values::Range(first, last) if first == last => first.to_string(),
        Values::Range(first, last) => format!("{first}-{last}"),
        Values::Name(name) | Values::Set(name, _) => name.clone(),
    }
}

/// A step as `table CHAIN number verdict`.
pub fn step(ruleset: &Ruleset, step: &Step) -> String {
    let chain = step.at.chain();
    let mut text = format!("{} {}", ruleset.table(chain).name, ruleset.chain(chain).name);
    if let StepAt::Rule(rule) = step.at {
        let _ = write!(text, " {}", rule.number());
    }
    let _ = write!(text, " {}", step.verdict.name());
    match step.verdict {
        Verdict::Jump(to) | Verdict::Goto(to) => {
            let _ = write!(text, " {}", ruleset.chain(to).name);
        }
        Verdict::Policy(policy) => {
            let _ = write!(text, " {}", policy.name());
        }
        _ => {}
    }
    if let Some(to) = step.verdict.translation() {
        let addr = to.addr.map_or(String::new(), |addr| addr.to_string());
        let port = to.port.map_or(String::new(), |port| format!(":{port}"));
        let _ = write!(text, " {addr}{port}");
    }
    if step.sometimes {
        text.push_str(" sometimes");
    }
    text
}
