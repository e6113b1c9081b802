//! kube-proxy's own expectations of its rules, and what real dumps say of ports: bare dumps, walked.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::collections::BTreeSet;

use serde_json::Value as Json;
use whyport::host::{Backend, Host, IpFamily, Protocol};
use whyport::snapshot;
use whyport::syntax::iptables::{self, Options};
use whyport::walk::{Assumed, FateKind, Field, Origin, Outcome, Query, ValueSet, Verdict, walk};

fn bare(text: &str) -> Host {
    snapshot::bare_dump(iptables::parse(text, &Options { family: None, backend: Backend::IptablesNft })).host
}

/// What the tracer of kube-proxy's tests would say of an outcome: where DNAT leads, or which rule ends it.
fn kube_proxy_says(outcome: &Outcome) -> String {
    let turned = outcome.steps().find_map(|step| match step.verdict {
        Verdict::Dnat(to) => to.addr.zip(to.port).map(|(addr, port)| format!("{addr}:{port}")),
        _ => None,
    });
    let accepted = outcome.steps().any(|step| step.verdict == Verdict::Accept);
    match outcome.fate.kind {
        FateKind::Dropped => "DROP".to_owned(),
        FateKind::Rejected => "REJECT".to_owned(),
        _ if turned.is_some() => turned.unwrap_or_default(),
        _ if accepted => "ACCEPT".to_owned(),
        _ => String::new(),
    }
}

/// The oracle's cases: `testNodeIP` and `testExternalClient` stand for any address of the node and of a stranger.
#[test]
fn kube_proxys_packet_tracer_agrees() {
    let host = bare(include_str!("data/corpus/kube-proxy-TestTracePacket.iptables-save"));
    let oracle: Json =
        serde_json::from_str(include_str!("data/oracle/kubernetes-TestTracePacket.oracle.json")).unwrap();
    let cases = oracle["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 7);
    for case in cases {
        let text = |key: &str| case[key].as_str().unwrap();
        let address = |text: &str| match text {
            "testNodeIP" => "192.168.0.2".to_owned(),
            "testExternalClient" => "203.0.113.2".to_owned(),
            other => other.to_owned(),
        };
        let made_here = text("sourceIP") == "testNodeIP";
        let origin = if made_here { Origin::Local } else { Origin::Somewhere };
        let mut query = Query::new(0, origin, IpFamily::V4, Protocol::TCP);
        query.set_address(Field::Src, address(text("sourceIP")).parse().unwrap());
        query.set_address(Field::Dst, address(text("destIP")).parse().unwrap());
        query.dst_is_local = text("destIP") == "testNodeIP";
        query.set(Field::Dport, ValueSet::one(case["destPort"].as_u64().unwrap().into()));
        let walk = walk(&host, &query);
        // The tracer knows no addresses of the node but the one it names.
        let elsewhere = |outcome: &&Outcome| {
            !outcome.assumed.iter().any(|made| matches!(made.what, Assumed::Local(_)) && made.holds)
        };
        let outcomes: Vec<&Outcome> = walk.outcomes.iter().filter(elsewhere).collect();
        let said: BTreeSet<String> = outcomes.iter().map(|outcome| kube_proxy_says(outcome)).collect();
        let expected: BTreeSet<String> = text("output").split(", ").map(str::to_owned).collect();
        assert_eq!(said, expected, "{}", text("name"));
        let marked = walk
            .outcomes
            .iter()
            .all(|outcome| outcome.steps().any(|step| matches!(step.verdict, Verdict::Masquerade(_))));
        let turned =
            walk.outcomes.iter().any(|outcome| outcome.steps().any(|step| matches!(step.verdict, Verdict::Dnat(_))));
        if turned {
            assert_eq!(marked, case["masq"].as_bool() == Some(true), "{}: masquerade", text("name"));
        }
    }
}
